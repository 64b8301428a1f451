#!/bin/sh
# control.sh: the control path of `rumpswitch run` beside that of Open vSwitch, measured by ofbench.
#
# usage: control.sh [-r RUNS] [-o FILE.json] [ofbench options]
#   -r  runs of each side, taking turns (3)
#   -o  where the figures go as JSON (control.json)
#
# Each run has a fresh switch. Open vSwitch is Debian's (or VSWITCHD's), with its userspace datapath,
# in a network namespace of its own, with its own database: nothing of the system's is touched. Needs
# openvswitch-switch, root for `unshare -n`, and cargo (or OFBENCH and RUMPSWITCH, the programs).
set -eu
runs=3 json=control.json
while [ $# -gt 1 ]; do
    case $1 in
        -r) runs=$2 ;;
        -o) json=$2 ;;
        *) break ;;
    esac
    shift 2
done
here=$(cd "$(dirname "$0")/../.." && pwd)
if [ -z "${OFBENCH:-}" ] || [ -z "${RUMPSWITCH:-}" ]; then
    (cd "$here" && cargo build --quiet --release --bin rumpswitch &&
        cargo build --quiet --release -p rumpswitch-benches --bin ofbench)
fi
target=${CARGO_TARGET_DIR:-$here/target}/release
export OFBENCH="${OFBENCH:-$target/ofbench}" RUMPSWITCH="${RUMPSWITCH:-$target/rumpswitch}"
if [ -z "${CONTROL_NAMESPACE:-}" ]; then
    # The loopback interface of a namespace of one's own: ports are free there.
    export CONTROL_NAMESPACE=1
    exec unshare -n "$0" -r "$runs" -o "$json" "$@"
fi
ip link set lo up
work=$(mktemp -d)
switch='' database=''
stop() {
    for process in $switch $database; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    switch='' database=''
}
trap 'stop; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
address=127.0.0.1:16653

ovs() {
    dir=$work/ovs.$1
    mkdir -p "$dir"
    export OVS_RUNDIR="$dir" OVS_DBDIR="$dir" OVS_LOGDIR="$dir" OVS_SYSCONFDIR="$dir"
    ovsdb-tool create "$dir/conf.db" "${SCHEMA:-/usr/share/openvswitch/vswitch.ovsschema}"
    ovsdb-server "$dir/conf.db" --remote=punix:"$dir/db.sock" >"$dir/db.log" 2>&1 &
    database=$!
    until [ -S "$dir/db.sock" ]; do sleep 0.1; done
    ovs-vsctl --db="unix:$dir/db.sock" --no-wait init
    "${VSWITCHD:-/usr/lib/openvswitch-switch/ovs-vswitchd}" "unix:$dir/db.sock" \
        --log-file="$dir/switch.log" >"$dir/switch.out" 2>&1 &
    switch=$!
    ovs-vsctl --db="unix:$dir/db.sock" --timeout=20 \
        add-br br0 -- set bridge br0 datapath_type=netdev fail-mode=secure protocols=OpenFlow13 \
        -- add-port br0 t1 -- set interface t1 type=internal ofport_request=1
    controller() {
        ovs-vsctl --db="unix:$dir/db.sock" --timeout=20 set-controller br0 "tcp:$address" \
            -- set controller br0 max_backoff=1000
    }
    measure "$work/ovs.$1.txt"
}

ours() {
    "$RUMPSWITCH" run --quiet --port pair:control --port pair:control \
        --controller "tcp:$address" >"$work/ours.$1.log" 2>&1 &
    switch=$!
    controller() { :; }
    measure "$work/ours.$1.txt"
}

# Runs ofbench beside the switch that has been started, and stops the switch.
measure() {
    file=$1
    "$OFBENCH" "$address" --pid "$switch" $options >"$file" &
    bench=$!
    controller
    wait "$bench"
    stop
}

run=1
while [ "$run" -le "$runs" ]; do
    for side in ovs ours; do
        # Memory wants a switch that has had no flow entries.
        options="--measure memory --flows 1000000"
        $side "memory.$run"
        options="--measure echo,barrier,flows,packets --repeat 2 $*"
        $side "$run"
    done
    run=$((run + 1))
done
"$OFBENCH" --ratios "$work"/ovs.*.txt -- "$work"/ours.*.txt --json "$json"
