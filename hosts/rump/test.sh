#!/usr/bin/env bash
# Runs the component in a real rump kernel:
#
#   RUMP=/path/to/rump NETBSDSRC=/path/to/netbsd/src hosts/rump/test.sh
#
# RUMP is where the rump kernel is installed (include, lib, bin/rump_server), NETBSDSRC the source tree that it
# was built from (libraries: rump, rumpuser, rumpclient, vfs, net, net_net, net_netinet, net_shmif, dev,
# dev_bpf). Builds the component with gcc and, where there is one, clang (and the switch with cargo),
# then each test: a kernel in a client's own process, shared and static; one that is served to a remote
# client; both doors; a killed client; a panic; glue of another kernel. No root, no network.
set -uo pipefail
cd "$(dirname "$0")"

: "${RUMP:?must name the prefix of an installed rump kernel}"
: "${NETBSDSRC:?must name a NetBSD source tree}"
RUMP=$(cd "$RUMP" && pwd)
NETBSDSRC=$(cd "$NETBSDSRC" && pwd)
OUT=${OUT:-$PWD/build/test}
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
export LD_LIBRARY_PATH=$RUMP/lib

kernel_libs=(-lrumpdev_bpf -lrumpnet_shmif -lrumpnet_netinet -lrumpnet_net -lrumpnet -lrumpdev
    -lrumpvfs -lrump -lrumpuser)
host_libs=(-lpthread -ldl)
passed=0
failed=0

result() { # name, exit status
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
        echo "ok      $1"
    else
        failed=$((failed + 1))
        echo "FAILED  $1"
    fi
}

show() { # of what was written, the last lines
    sed 's/^/    | /' "$1" | tail -n "${2:-40}"
}

component() { # compiler, directory, further settings
    make CC="$1" O="$2" NETBSDSRC="$NETBSDSRC" RUMP="$RUMP" FEATURES=debug-panic \
        "${@:3}" >"$work/make.log" 2>&1
}

program() { # name, sources and objects, libraries...
    local name=$1
    shift
    "${CC:-cc}" -std=gnu99 -O1 -g -Wall -Wextra -Werror -isystem "$RUMP/include" -Iinclude \
        -Itests -o "$OUT/$name" "$@" >>"$work/program.log" 2>&1
}

suite_sources=(tests/suite.c tests/netif.c tests/openflow.c tests/wait.c)
local_libs=(-L"$RUMP/lib" -Wl,-rpath,"$RUMP/lib" -Wl,--no-as-needed "${kernel_libs[@]}" "${host_libs[@]}")

build_programs() {
    : >"$work/program.log"
    program suite-shared "${suite_sources[@]}" tests/local.c -L"$OUT/cc" -Wl,-rpath,"$OUT/cc" \
        -Wl,--no-as-needed -lrumpnet_switch "${local_libs[@]}" &&
        program suite-remote "${suite_sources[@]}" tests/remote.c -L"$RUMP/lib" \
            -Wl,-rpath,"$RUMP/lib" -lrumpclient "${host_libs[@]}" &&
        program victim tests/victim.c tests/remote.c tests/wait.c tests/openflow.c -L"$RUMP/lib" \
            -Wl,-rpath,"$RUMP/lib" -lrumpclient "${host_libs[@]}" &&
        program stress tests/stress.c tests/netif.c tests/openflow.c tests/wait.c tests/local.c \
            -L"$OUT/cc" -Wl,-rpath,"$OUT/cc" -Wl,--no-as-needed -lrumpnet_switch "${local_libs[@]}" &&
        program hijacked tests/hijacked.c &&
        program starved tests/starved.c tests/netif.c tests/openflow.c tests/wait.c tests/local.c \
            -L"$OUT/cc" -Wl,-rpath,"$OUT/cc" -Wl,--no-as-needed -lrumpnet_switch "${local_libs[@]}" &&
        program probe tests/probe.c tests/wait.c -rdynamic "${local_libs[@]}"
}

# The kernel, the component and the client in one file; the archives are all taken whole.
build_static() {
    program suite-static "${suite_sources[@]}" tests/local.c -L"$RUMP/lib" -Wl,--whole-archive \
        "$OUT/cc/librumpnet_switch.a" -Wl,-Bstatic "${kernel_libs[@]}" -Wl,-Bdynamic \
        -Wl,--no-whole-archive "${host_libs[@]}"
}

build_example() {
    local virtif=()
    [ ! -e "$RUMP/lib/librumpnet_virtif.so" ] || virtif=(-lrumpnet_virtif)
    program bpf examples/bpf.c tests/netif.c tests/openflow.c tests/wait.c tests/local.c \
        -L"$OUT/cc" -Wl,-rpath,"$OUT/cc" -L"$RUMP/lib" -Wl,--no-as-needed -lrumpnet_switch \
        "${virtif[@]}" "${local_libs[@]}"
}

serve() { # address
    if [ -x "$RUMP/bin/rump_server" ]; then
        "$RUMP/bin/rump_server" -s -lrumpvfs -lrumpnet -lrumpnet_net -lrumpnet_netinet \
            -lrumpnet_shmif -lrumpdev -lrumpdev_bpf -l"$OUT/cc/librumpnet_switch.so" "$1" \
            >"$work/server.log" 2>&1 &
    else
        echo "   no $RUMP/bin/rump_server: a program of ours serves the kernel"
        "$OUT/probe" "$1" "$OUT/cc/librumpnet_switch.so" >"$work/server.log" 2>&1 &
    fi
    server=$!
    local i
    for i in $(seq 100); do
        [ -S "${1#unix://}" ] && return 0
        sleep 0.1
    done
    return 1
}

suite() { # name, program
    timeout 180 "$OUT/$2" "$work/bus-$1" >"$work/$1.log" 2>&1
    local status=$?
    show "$work/$1.log"
    result "$1" $status
}

# Clients are killed in a read, each with five opens: more than the limit if one of them stayed.
killed_clients() {
    local victim i round
    for round in $(seq ${1:-12}); do
        "$OUT/victim" >"$work/victim.log" 2>&1 &
        victim=$!
        for i in $(seq 100); do
            grep -q reading "$work/victim.log" && break
            sleep 0.05
        done
        kill -9 $victim
        wait $victim 2>/dev/null
        grep -q reading "$work/victim.log" || { show "$work/victim.log"; return 1; }
    done
}

# Clients are stopped while they write, some of them while the kernel waits for their bytes: others go on.
stopped_clients() {
    local victims=() round status=0
    for round in $(seq 5); do
        "$OUT/victim" write >"$work/stopped$round.log" 2>&1 &
        victims+=($!)
    done
    sleep 1
    kill -STOP "${victims[@]}"
    killed_clients 1
    status=$?
    kill -9 "${victims[@]}"
    wait "${victims[@]}" 2>/dev/null
    return $status
}

component "${CC:-cc}" "$OUT/cc"
result "the component is built with ${CC:-cc}" $? || true
[ $failed = 0 ] || { show "$work/make.log"; exit 1; }
build_programs
result "the test programs are built" $?
[ $failed = 0 ] || { show "$work/program.log"; exit 1; }

echo "== a client with the kernel in its process"
suite local suite-shared

echo "== everything at once"
timeout 120 "$OUT/stress" "$work/stress" "${STRESS_SECONDS:-5}" >"$work/stress.log" 2>&1
status=$?
show "$work/stress.log"
result stress $status

RUMP_MEMLIMIT=24m timeout 120 "$OUT/starved" >"$work/starved.log" 2>&1
status=$?
show "$work/starved.log"
result "a kernel without memory refuses flow entries and goes on" $status

echo "== the packet filter on a port"
build_example
result "the example is built" $?
timeout 60 "$OUT/bpf" shmif "$work/bpf" >"$work/bpf.log" 2>&1
status=$?
show "$work/bpf.log"
result "bpf on a bus" $status
if [ ! -e "$RUMP/lib/librumpnet_virtif.so" ] || ! unshare -rn test -w /dev/net/tun 2>/dev/null; then
    echo "SKIP bpf on a tap: no librumpnet_virtif, or no tap in a network namespace"
else
    timeout 60 unshare -rn "$OUT/bpf" virt "$work/virt" >"$work/bpf.log" 2>&1
    status=$?
    show "$work/bpf.log"
    result "bpf on a tap" $status
fi

echo "== the same client, linked statically"
: >"$work/program.log"
if [ ! -e "$RUMP/lib/librump.a" ]; then
    echo "SKIP static: the kernel was installed without archives"
elif build_static; then
    suite static suite-static
else
    show "$work/program.log"
    result static 1
fi

echo "== a client of a served kernel"
export RUMP_SERVER=unix://$work/socket
if serve "$RUMP_SERVER"; then
    suite remote suite-remote
    if [ -e "$RUMP/lib/librumphijack.so" ]; then
        RUMPHIJACK=path=/rump LD_PRELOAD=$RUMP/lib/librumphijack.so timeout 60 \
            "$OUT/hijacked" /rump/dev/switch0 >"$work/hijack.log" 2>&1
        status=$?
        show "$work/hijack.log"
        result "a program that knows nothing of it uses the device through librumphijack" $status
    else
        echo "SKIP hijack: no librumphijack"
    fi
    killed_clients 2>/dev/null
    result "clients are killed in a read, and their channels end" $?
    stopped_clients 2>/dev/null
    result "stopped clients harm only themselves" $?
    kill -0 "$server" 2>/dev/null
    result "the kernel outlives its clients" $?
    kill "$server"
    wait "$server" 2>/dev/null
    server=
else
    show "$work/server.log"
    result "the kernel is served" 1
fi

echo "== the doors"
"$OUT/probe" early "$OUT/cc/librumpnet_switch.so" >"$work/log" 2>&1
result "a component that is there at boot registers itself" $?
"$OUT/probe" late "$OUT/cc/librumpnet_switch.so" >"$work/log" 2>&1
result "a component that comes later is attached by a call" $?
component "${CC:-cc}" "$OUT/other" BUILT_FOR=799003300
"$OUT/probe" early "$OUT/other/librumpnet_switch.so" >"$work/log" 2>&1
[ $? = 3 ] && [ "$(grep -c '^switch: built for NetBSD 799003300, this kernel is' "$work/log")" = 1 ]
result "glue of another kernel refuses with one line" $?
grep '^switch:' "$work/log" | sed 's/^/    | /'

echo "== a defect of the switch"
(ulimit -c 0; "$OUT/probe" panic "$OUT/cc/librumpnet_switch.so"; exit $?) >"$work/log" 2>&1
[ $? = 134 ] && grep -q '^panic: rumpswitch: ' "$work/log"
result "a panic of the switch is a panic of the kernel, with its message" $?
grep '^panic:' "$work/log" | sed 's/^/    | /'

if command -v clang >/dev/null; then
    echo "== the same glue, compiled by clang"
    if component clang "$OUT/clang"; then
        LD_LIBRARY_PATH=$OUT/clang:$LD_LIBRARY_PATH
        suite clang suite-shared
    else
        show "$work/make.log"
        result clang 1
    fi
else
    echo "SKIP clang: there is none"
fi

printf '%d passed, %d failed\n' $passed $failed
[ $failed = 0 ]
