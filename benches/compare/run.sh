#!/bin/sh
# Open vSwitch and rumpswitch on the same traces, entries and core: cycles of CPU time a packet, side by
# side, and whether they count the same.
#
#   benches/compare/run.sh [--quick] [--json FILE] [--svg FILE] [options] [SCENARIO...]
#   benches/compare/run.sh --list
#
# README.md here says how to read what it prints. `--help` tells all options. Takes 12 to 25 minutes with
# --quick, 45 and more without. Installs what is missing with apt-get where it can, and says in one line what it
# skips. Needs root for Open vSwitch's side: network and mount namespaces of its own, and 2 MiB pages
# (asked from the kernel, given back at the end; without them ordinary ones).
#
# Environment:
#   COMPARE_CACHE    where traces and programs are kept (target/compare)
#   COMPARE_INSTALL  "no": install nothing
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
cache=${COMPARE_CACHE:-$target/compare}
debian=/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk
pages=800

python=$(command -v python3) || { echo "SKIP all: Python 3 is not installed"; exit 0; }
mkdir -p "$cache"

program=$debian native='' huge=yes wants_ovs=yes previous=''
for word in "$@"; do
    case $word in
        --list) exec "$python" "$here/workload.py" list ;;
        -h | --help) exec "$python" "$here/compare.py" --workloads x --program x --work x --help ;;
        --ovs=*) program=${word#--ovs=} native=yes ;;
        --no-huge) huge='' ;;
        --no-ovs) wants_ovs='' ;;
    esac
    [ "$previous" != --ovs ] || program=$word native=yes
    previous=$word
done

# -- what Open vSwitch's side needs

skip() {
    echo "SKIP Open vSwitch: $1"
    wants_ovs=''
}

# Debian's packages of a program, a driver, a header; only those that are missing.
missing=''
need() { # package, what shows that it is there
    ls $2 >/dev/null 2>&1 || missing="$missing $1"
}

if [ -n "$wants_ovs" ]; then
    need openvswitch-switch-dpdk "$debian"
    need librte-net-pcap23 '/usr/lib/*-linux-gnu/librte_net_pcap.so.23'
    need librte-net-null23 '/usr/lib/*-linux-gnu/librte_net_null.so.23'
    need librte-mempool-ring23 '/usr/lib/*-linux-gnu/librte_mempool_ring.so.23'
    need libdpdk-dev '/usr/lib/*-linux-gnu/pkgconfig/libdpdk.pc'
    need gcc /usr/bin/gcc
    need pkg-config /usr/bin/pkg-config
    need util-linux /usr/bin/unshare
    if [ -n "$missing" ] && [ "${COMPARE_INSTALL:-}" != no ] && [ "$(id -u)" = 0 ] &&
        command -v apt-get >/dev/null; then
        # Its own service is of no use here, and is not to be started.
        DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
            apt-get install -y -q --no-install-recommends $missing >"$cache/install.log" 2>&1 ||
            echo "apt-get could not install$missing: see $cache/install.log"
    fi
    if [ ! -x "$program" ]; then
        skip "$program is not there (Debian: openvswitch-switch-dpdk)"
    elif [ "$(id -u)" != 0 ]; then
        skip "needs root"
    elif ! unshare -n -m true 2>/dev/null; then
        skip "cannot have namespaces of its own"
    fi
fi

# -- our side

build=baseline
folder=$target
if [ -n "$native" ]; then
    build=target-cpu=native
    folder=$cache/native
    export RUSTFLAGS="${RUSTFLAGS:-} -C target-cpu=native"
fi
(cd "$root" && cargo build --quiet --release --bin rumpswitch --target-dir "$folder")

# -- traces, made once

scenarios=$("$python" "$here/workload.py" list)
stamp=$(cat "$here/workload.py" "$here/rules.py" "$here/frames.py" | cksum | cut -d' ' -f1)
traces=$cache/traces-$stamp
absent=''
for name in $scenarios; do
    [ -e "$traces/$name/meta.json" ] || absent="$absent $name"
done
if [ -n "$absent" ]; then
    echo "making traces in $traces"
    "$python" "$here/workload.py" --out "$traces" $absent >/dev/null
fi

# -- the run

work=$(mktemp -d)
before=''
finish() {
    [ -z "$before" ] || echo "$before" >/proc/sys/vm/nr_hugepages
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

set -- "$@" --workloads "$traces" --program "$folder/release/rumpswitch" --work "$work"
COMPARE_SCENARIOS="[\"$(echo $scenarios | sed 's/ /", "/g')\"]"
export COMPARE_SCENARIOS COMPARE_BUILD="$build"

if [ -z "$wants_ovs" ]; then
    "$python" "$here/compare.py" "$@" --no-ovs
    exit
fi

if [ -n "$huge" ]; then
    free=$(awk '/^HugePages_Free/ { print $2 }' /proc/meminfo)
    if [ "${free:-0}" -lt $pages ] && [ -w /proc/sys/vm/nr_hugepages ]; then
        before=$(cat /proc/sys/vm/nr_hugepages)
        echo $((before + pages - free)) >/proc/sys/vm/nr_hugepages || true
        free=$(awk '/^HugePages_Free/ { print $2 }' /proc/meminfo)
    fi
    if [ "${free:-0}" -lt $pages ]; then
        echo "SKIP huge pages: the kernel has not enough of them; DPDK gets ordinary ones"
        huge=''
    fi
fi
tune=''
[ -z "$native" ] || tune=-march=native
if gcc -O2 $tune "$here/io_floor.c" -o "$cache/io_floor" $(pkg-config --cflags --libs libdpdk 2>/dev/null) \
    2>"$cache/io_floor.log"; then
    set -- "$@" --floor-program "$cache/io_floor"
else
    echo "SKIP Open vSwitch's I/O floor: cannot be built, see $cache/io_floor.log"
fi
if [ -n "$huge" ]; then
    mkdir "$work/huge"
    set -- "$@" --huge-folder "$work/huge"
else
    set -- "$@" --no-huge
fi
# Networks and mounts of its own: the datapath's tap device has a fixed name, and nothing is to remain.
HUGE=$huge WORK=$work unshare -n -m sh -c '
    ip link set lo up
    [ -z "$HUGE" ] || mount -t hugetlbfs nodev "$WORK/huge"
    exec "$@"' run "$python" "$here/compare.py" "$@"
