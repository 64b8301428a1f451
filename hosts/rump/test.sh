#!/usr/bin/env bash
# Runs the component in a real rump kernel:
#
#   RUMP=/path/to/rump NETBSDSRC=/path/to/netbsd/src hosts/rump/test.sh
#
# RUMP is where the rump kernel is installed (include, lib, bin/rump_server), NETBSDSRC the source tree that it
# was built from (libraries: rump, rumpuser, rumpclient, vfs, net, net_net, net_netinet, net_shmif, dev,
# dev_bpf; as shared objects, as archives, or both). Builds the component with gcc and, where there is one,
# clang (and the switch with cargo, unless LIBRUMPSWITCH names it, made with the feature debug-panic), then
# each test: a kernel in a client's own process, shared and static; one that is served to remote clients over a
# Unix socket and over TCP on loopback; both doors; killed and stopped clients; a panic; glue of another
# kernel. Neither root nor a network nor a home is needed.
#
#   OUT=DIR   where to build; build/test here, or a folder that is removed at the end if this one is read-only
#   CC=...    the compiler; cc, gcc or clang, whichever is there
#
# Exits with 0 when all passed, 1 when something failed, 2 when it could not be begun.
set -uo pipefail
unset CDPATH MAKEFLAGS MFLAGS
export LC_ALL=C

refuse() { # why
    echo "test.sh: $*" >&2
    exit 2
}

folder() { # the same by its full name
    (cd -- "$1" 2>/dev/null && pwd -P)
}

has() { # name of a library: as a shared object, or as an archive
    if [ $shared = yes ]; then [ -e "$RUMP/lib/lib$1.so" ]; else [ -e "$RUMP/lib/lib$1.a" ]; fi
}

[ -n "${RUMP:-}" ] || refuse 'RUMP= must name the prefix of an installed rump kernel'
[ -n "${NETBSDSRC:-}" ] || refuse 'NETBSDSRC= must name the NetBSD source tree that it was built from'
prefix=$RUMP sources=$NETBSDSRC
RUMP=$(folder "$prefix") || refuse "RUMP=$prefix is no folder"
NETBSDSRC=$(folder "$sources") || refuse "NETBSDSRC=$sources is no folder"
if [ -d "$RUMP/sys/rump" ]; then
    refuse "RUMP=$prefix is a source tree, not where a rump kernel is installed (is it NETBSDSRC's?)"
fi
if [ ! -e "$NETBSDSRC/sys/sys/param.h" ] && [ -e "$NETBSDSRC/sys/param.h" ] && [ -d "$NETBSDSRC/rump" ] &&
    [ "$(basename "$NETBSDSRC")" = sys ]; then
    NETBSDSRC=$(dirname "$NETBSDSRC") # its sys alone was named
fi
for file in sys/sys/param.h sys/rump/include/opt/opt_rumpkernel.h sys/rump/librump/rumpkern common/include \
    sys/arch/amd64/include; do
    [ -e "$NETBSDSRC/$file" ] || refuse "NETBSDSRC=$sources has no $file: not the source tree of a rump kernel"
done
if [ -e "$RUMP/lib/librump.so" ]; then
    shared=yes
elif [ -e "$RUMP/lib/librump.a" ]; then
    shared=no
else
    refuse "RUMP=$prefix has neither lib/librump.so nor lib/librump.a: no rump kernel is installed there"
fi
[ -e "$RUMP/include/rump/rump.h" ] || refuse "RUMP=$prefix has no include/rump/rump.h"
missing=
for library in rump rumpuser rumpvfs rumpnet rumpnet_net rumpnet_netinet rumpnet_shmif rumpdev rumpdev_bpf; do
    has $library || missing+=" lib$library"
done
[ -e "$RUMP/lib/librumpclient.so" ] || [ -e "$RUMP/lib/librumpclient.a" ] || missing+=" librumpclient"
[ -z "$missing" ] || refuse "RUMP=$prefix/lib lacks$missing"

for compiler in ${CC:-cc gcc clang}; do
    command -v "$compiler" >/dev/null && break
    compiler=
done
CC=${CC:-$compiler}
[ -n "$compiler" ] || refuse 'there is no C compiler'
for tool in make objcopy nm ld ar awk; do
    command -v $tool >/dev/null || refuse "$tool is not installed"
done
[ -n "${LIBRUMPSWITCH:-}" ] || command -v cargo >/dev/null ||
    refuse 'cargo is not installed, and LIBRUMPSWITCH= names no library'
[ -z "${LIBRUMPSWITCH:-}" ] || [ -f "$LIBRUMPSWITCH" ] || refuse "LIBRUMPSWITCH=$LIBRUMPSWITCH is no file"

# A folder of short names without spaces, for sockets' addresses and for make.
work=$(mktemp -d) || refuse 'no folder for temporary files'
if [ ${#work} -gt 60 ] || [[ $work = *[[:space:]]* ]]; then
    rmdir "$work"
    work=$(mktemp -d /tmp/rumpswitch.XXXXXX) || refuse 'no folder for temporary files'
fi
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
if [ -n "${LIBRUMPSWITCH:-}" ]; then
    ln -s "$(folder "$(dirname "$LIBRUMPSWITCH")")/$(basename "$LIBRUMPSWITCH")" "$work/librumpswitch.a"
    LIBRUMPSWITCH=$work/librumpswitch.a
fi
[ -z "${OUT:-}" ] || { mkdir -p "$OUT" 2>/dev/null && OUT=$(folder "$OUT"); } || refuse "OUT=$OUT cannot be made"
cd "$(dirname "$0")" || exit 2
if [ -z "${OUT:-}" ]; then
    OUT=build/test
    mkdir -p $OUT 2>/dev/null && [ -w $OUT ] || OUT=$work/built
    mkdir -p "$OUT"
    OUT=$(folder "$OUT")
fi
ln -s "$OUT" "$work/out"
ln -s "$RUMP" "$work/rump"
OUT=$work/out
RUMP=$work/rump
if [ -z "${LIBRUMPSWITCH:-}" ]; then # cargo writes into its target folder and its home
    { mkdir -p ../../target/capi && [ -w ../../target/capi ]; } 2>/dev/null || export CARGO_TARGET=$OUT/cargo
    [ -n "${CARGO_HOME:-}" ] || [ -w ~ ] || export CARGO_HOME=$OUT/cargo-home
fi
export LD_LIBRARY_PATH=$OUT/cc:$RUMP/lib

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
        ${LIBRUMPSWITCH:+LIBRUMPSWITCH="$LIBRUMPSWITCH"} "${@:3}" >"$work/make.log" 2>&1
}

program() { # name, sources and objects, libraries...
    local name=$1
    shift
    # shellcheck disable=SC2086 # a compiler may have options
    $CC -std=gnu99 -O1 -g -Wall -Wextra -Werror -isystem "$RUMP/include" -Iinclude \
        -Itests -o "$OUT/$name" "$@" >>"$work/program.log" 2>&1
}

# A program with a kernel in it. Libraries of a kernel register themselves when they are loaded, or when a
# program starts that has all of them: the linker must drop none.
shared_program() { # name, sources...
    program "$@" -L"$OUT/cc" -L"$RUMP/lib" -Wl,--no-as-needed "${component_lib[@]}" \
        "${more_libs[@]}" "${kernel_libs[@]}" "${host_libs[@]}"
}

static_program() { # name, sources...
    program "$@" -L"$RUMP/lib" -Wl,--whole-archive "$OUT/${component_folder:-cc}/librumpnet_switch.a" \
        -Wl,-Bstatic "${more_libs[@]}" "${kernel_libs[@]}" -Wl,-Bdynamic -Wl,--no-whole-archive \
        "${host_libs[@]}"
}
component_lib=(-lrumpnet_switch)
more_libs=()

local_program() { # name, sources...
    if [ $shared = yes ]; then shared_program "$@"; else static_program "$@"; fi
}

remote_program() { # name, sources...
    program "$@" -L"$RUMP/lib" -lrumpclient "${host_libs[@]}"
}

suite_sources=(tests/suite.c tests/netif.c tests/openflow.c tests/wait.c)
client_sources=(tests/netif.c tests/openflow.c tests/wait.c tests/local.c)

build_programs() {
    : >"$work/program.log"
    local_program suite-local "${suite_sources[@]}" tests/local.c &&
        remote_program suite-remote "${suite_sources[@]}" tests/remote.c &&
        remote_program victim tests/victim.c tests/remote.c tests/wait.c tests/openflow.c &&
        local_program stress tests/stress.c "${client_sources[@]}" &&
        program hijacked tests/hijacked.c &&
        local_program starved tests/starved.c "${client_sources[@]}" &&
        build_probe probe cc
}

# Loads the component when it runs; in a program without shared objects it is linked.
build_probe() { # name, the component's folder
    if [ $shared = yes ]; then
        component_lib=()
        shared_program "$1" tests/probe.c tests/wait.c -rdynamic
        local status=$?
        component_lib=(-lrumpnet_switch)
        return $status
    else
        more_libs=(-lrumpkern_sysproxy)
        component_folder=$2 static_program "$1" tests/probe.c tests/wait.c -rdynamic
        local status=$?
        more_libs=()
        return $status
    fi
}

build_example() {
    ! has rumpnet_virtif || more_libs=(-lrumpnet_virtif)
    local_program bpf examples/bpf.c "${client_sources[@]}"
    local status=$?
    more_libs=()
    return $status
}

# The component as the tests' programs name it: a file to load, or the program's own.
component_of() { # the component's folder
    if [ $shared = yes ]; then echo "$OUT/$1/librumpnet_switch.so"; else echo linked; fi
}

listens() { # address
    case $1 in
    unix://*) [ -S "${1#unix://}" ] ;;
    *)
        local place=${1#tcp://}
        (exec 3<>"/dev/tcp/${place%:*}/${place##*:}") 2>/dev/null
        ;;
    esac
}

serve() { # address
    local i
    if [ $shared = yes ] && [ -x "$RUMP/bin/rump_server" ]; then
        "$RUMP/bin/rump_server" -s -lrumpvfs -lrumpnet -lrumpnet_net -lrumpnet_netinet \
            -lrumpnet_shmif -lrumpdev -lrumpdev_bpf -l"$(component_of cc)" "$1" \
            >"$work/server.log" 2>&1 &
    else
        echo "   a program of ours serves the kernel, in the place of rump_server"
        "$OUT/probe" "$1" "$(component_of cc)" >"$work/server.log" 2>&1 &
    fi
    server=$!
    for i in $(seq 150); do
        kill -0 $server 2>/dev/null || return 1
        listens "$1" && return 0
        sleep 0.1
    done
    return 1
}

# On one of the ports that nobody has.
serve_tcp() {
    local try
    for try in 1 2 3 4 5; do
        RUMP_SERVER=tcp://127.0.0.1:$((20000 + RANDOM % 12000))
        ! listens "$RUMP_SERVER" || continue
        serve "$RUMP_SERVER" && return 0
        stop_serving
    done
    return 1
}

stop_serving() {
    kill "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    server=
}

suite() { # name, program
    timeout 300 "$OUT/$2" "$work/bus-$2" >"$work/$2.log" 2>&1
    local status=$?
    rm -f "$work/bus-$2".?
    show "$work/$2.log"
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

component "$CC" "$OUT/cc"
result "the component is built with $CC" $?
[ $failed = 0 ] || { show "$work/make.log"; exit 1; }
build_programs
result "the test programs are built" $?
[ $failed = 0 ] || { show "$work/program.log"; exit 1; }

echo "== a client with the kernel in its process"
[ $shared = yes ] || echo "SKIP shared: the kernel was installed without shared objects; what follows is static"
suite local suite-local

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
if ! has rumpnet_virtif || ! unshare -rn test -w /dev/net/tun 2>/dev/null; then
    echo "SKIP bpf on a tap: no librumpnet_virtif, or no tap in a network namespace"
else
    timeout 60 unshare -rn "$OUT/bpf" virt "$work/virt" >"$work/bpf.log" 2>&1
    status=$?
    show "$work/bpf.log"
    result "bpf on a tap" $status
fi

if [ $shared = yes ]; then
    echo "== the same client, linked statically"
    : >"$work/program.log"
    if [ ! -e "$RUMP/lib/librump.a" ]; then
        echo "SKIP static: the kernel was installed without archives"
    elif static_program suite-static "${suite_sources[@]}" tests/local.c; then
        suite static suite-static
    else
        show "$work/program.log"
        result static 1
    fi
fi

echo "== clients of a served kernel"
export RUMP_SERVER=unix://$work/socket
if [ $shared = no ] && ! has rumpkern_sysproxy; then
    echo "SKIP served: no librumpkern_sysproxy"
elif serve "$RUMP_SERVER"; then
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
    stop_serving
    if serve_tcp; then
        suite "remote over TCP" suite-remote
        killed_clients 3 2>/dev/null
        result "clients over TCP are killed in a read, and their channels end" $?
        kill -0 "$server" 2>/dev/null
        result "the kernel outlives its clients over TCP" $?
        stop_serving
    else
        show "$work/server.log"
        result "the kernel is served over TCP" 1
    fi
else
    show "$work/server.log"
    result "the kernel is served" 1
fi

echo "== the doors"
"$OUT/probe" early "$(component_of cc)" >"$work/log" 2>&1
result "a component that is there at boot registers itself" $?
if [ $shared = yes ]; then
    "$OUT/probe" late "$(component_of cc)" >"$work/log" 2>&1
    result "a component that comes later is attached by a call" $?
else
    echo "SKIP a component that comes later: a static program has it from the start"
fi
component "$CC" "$OUT/other" BUILT_FOR=799003300 && build_probe probe-other other
"$OUT/probe-other" early "$(component_of other)" >"$work/log" 2>&1
[ $? = 3 ] && [ "$(grep -c '^switch: built for NetBSD 799003300, this kernel is' "$work/log")" = 1 ]
result "glue of another kernel refuses with one line" $?
grep '^switch:' "$work/log" | sed 's/^/    | /'

echo "== a defect of the switch"
(ulimit -c 0; "$OUT/probe" panic "$(component_of cc)"; exit $?) >"$work/log" 2>&1
[ $? = 134 ] && grep -q '^panic: rumpswitch: ' "$work/log"
result "a panic of the switch is a panic of the kernel, with its message" $?
grep '^panic:' "$work/log" | sed 's/^/    | /'

if command -v clang >/dev/null; then
    echo "== the same glue, compiled by clang"
    if component clang "$OUT/clang" && { [ $shared = yes ] ||
        component_folder=clang local_program suite-clang "${suite_sources[@]}" tests/local.c; }; then
        if [ $shared = yes ]; then ln -sf suite-local "$OUT/suite-clang"; fi
        LD_LIBRARY_PATH=$OUT/clang:$LD_LIBRARY_PATH
        suite clang suite-clang
    else
        show "$work/make.log"
        result clang 1
    fi
else
    echo "SKIP clang: there is none"
fi

printf '%d passed, %d failed\n' $passed $failed
[ $failed = 0 ]
