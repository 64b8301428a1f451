#!/bin/sh
# veth.sh: what a switch between two veth pairs costs: CPU microseconds of the switch for each small
# packet, and the round trip of a ping; directly connected, through the Linux bridge, through Open vSwitch's
# userspace datapath and through `rumpswitch run`, taking turns in one run.
#
# usage: veth.sh [-r REPETITIONS] [-t SECONDS] [-o FILE.json] [SIDE...]
#   -r  repetitions of each side, taking turns (5)
#   -t  seconds of each UDP stream (2)
#   -o  where the figures go as JSON (veth.json)
#   SIDE  direct, bridge, ovs, ours, ours:OPTION,OPTION (with these options of `run`), floor (packet_floor.c:
#         what two packet sockets without a switch cost), floor:WORD,WORD (with its WORDS), xdp:WORDS
#         (xdp_floor.c: the same by AF_XDP), or cmd:COMMAND for any other switch that forwards between the
#         interfaces sw1 and sw2 of the namespace that it is run in (default: direct bridge floor ovs ours)
#
# Each side has its own pair of hosts in network namespaces of the script's own, which end with it; switches
# whose turn it is not are stopped. Hosts have their offloads switched off, so that every side sees each
# frame finished. A stream is UDP in frames of 60 bytes, as fast as the sender can; CPU time is the switch
# process's own, which includes the kernel's work in its system calls (delivery to the receiving host, too),
# over the datagrams that came to the second host, those too that its socket had no room for. The Linux bridge
# works in its users' time, so it has no such figure. Needs root, iproute2, ethtool, iperf3, ping, Python 3,
# cargo (or RUMPSWITCH, the program), a C compiler for the floors, and openvswitch-switch for `ovs`; what is
# missing is said in one line.
set -eu
repetitions=5 seconds=2 json=veth.json
while [ $# -gt 1 ]; do
    case $1 in
        -r) repetitions=$2 ;;
        -t) seconds=$2 ;;
        -o) json=$2 ;;
        *) break ;;
    esac
    shift 2
done
[ $# -gt 0 ] || set -- direct bridge floor ovs ours
[ "$(id -u)" = 0 ] || { echo "SKIP all: not root"; exit 0; }
for tool in ip ethtool iperf3 ping python3; do
    command -v $tool >/dev/null || { echo "SKIP all: $tool is not installed"; exit 0; }
done
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
prefix=veth$$
processes='' namespaces=''
stop() {
    for process in $processes; do
        kill "$process" 2>/dev/null || true
        kill -CONT "$process" 2>/dev/null || true
    done
    for namespace in $namespaces; do ip netns del "$namespace" 2>/dev/null || true; done
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

# What runs here goes before the machine's other work, which would be measured else.
renice -n -20 -p $$ >/dev/null 2>&1 || true

# Datagrams that the second host of a side has received, whoever had room for them: interfaces count a train
# of datagrams as one.
sent() { # side
    ip netns exec "$prefix${1}b" python3 -c '
names, values = [line.split() for line in open("/proc/net/snmp") if line.startswith("Udp:")]
has = dict(zip(names, values))
print(sum(int(has[name]) for name in ("InDatagrams", "NoPorts", "InErrors")))'
}

# Milliseconds of CPU time that a process has used.
cpu() {
    python3 - "$1" <<'END'
import os, sys
try:
    fields = open(f"/proc/{sys.argv[1]}/stat").read().rsplit(")", 1)[1].split()
    print((int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK"))
except (OSError, IndexError):
    print(0)
END
}

hosts() { # side
    for end in a b s; do
        ip netns add "$prefix$1$end"
        namespaces="$namespaces $prefix$1$end"
        ip -n "$prefix$1$end" link set lo up
    done
    if [ "$1" = direct ]; then
        ip link add e1 netns "$prefix$1"a type veth peer name e2 netns "$prefix$1"b
    else
        ip link add e1 netns "$prefix$1"a type veth peer name sw1 netns "$prefix$1"s
        ip link add e2 netns "$prefix$1"b type veth peer name sw2 netns "$prefix$1"s
        ip -n "$prefix$1"s link set sw1 up
        ip -n "$prefix$1"s link set sw2 up
    fi
    for end in a:e1:10.77.0.1 b:e2:10.77.0.2; do
        namespace=$prefix$1${end%%:*} interface=${end#*:}
        interface=${interface%%:*}
        ip -n "$namespace" addr add "${end##*:}/24" dev "$interface"
        ip -n "$namespace" link set "$interface" up
        ip netns exec "$namespace" ethtool -K "$interface" tx off tso off gso off gro off >/dev/null 2>&1 || true
    done
}

# Starts a side's switch in its namespace; $switch is its process, or 0.
start() { # side, word
    space=$prefix${1}s switch=0
    case $2 in
        direct) ;;
        bridge)
            ip -n "$space" link add lbr0 type bridge
            ip -n "$space" link set lbr0 up
            ip -n "$space" link set sw1 master lbr0
            ip -n "$space" link set sw2 master lbr0
            ;;
        ovs)
            daemon=${VSWITCHD:-/usr/lib/openvswitch-switch/ovs-vswitchd}
            [ -x "$daemon" ] || { echo "SKIP ovs: openvswitch-switch is not installed"; return 1; }
            export OVS_RUNDIR="$work" OVS_DBDIR="$work" OVS_LOGDIR="$work" OVS_SYSCONFDIR="$work"
            database="unix:$work/db.sock"
            ovsdb-tool create "$work/conf.db" /usr/share/openvswitch/vswitch.ovsschema
            ip netns exec "$space" ovsdb-server "$work/conf.db" --remote="p$database" 2>/dev/null &
            processes="$processes $!"
            sleep 1
            ovs-vsctl --db="$database" --no-wait init
            ip netns exec "$space" "$daemon" "$database" >/dev/null 2>&1 &
            switch=$!
            ovs-vsctl --db="$database" --timeout=20 add-br br0 -- set bridge br0 datapath_type=netdev \
                -- add-port br0 sw1 -- add-port br0 sw2
            ;;
        xdp:*)
            [ -n "$(command -v cc)" ] || { echo "SKIP $1: no C compiler"; return 1; }
            cc -O2 "$root/benches/compare/xdp_floor.c" -o "$work/$1"
            ip netns exec "$space" "$work/$1" "${2#xdp:}" sw1 sw2 &
            switch=$!
            ;;
        floor*)
            [ -n "$(command -v cc)" ] || { echo "SKIP $1: no C compiler"; return 1; }
            cc -O2 -pthread "$root/benches/compare/packet_floor.c" -o "$work/$1"
            words=${2#floor} words=${words#:}
            ip netns exec "$space" "$work/$1" "$words" sw1 sw2 &
            switch=$!
            ;;
        ours*)
            if [ -z "${RUMPSWITCH:-}" ]; then
                (cd "$root" && cargo build --quiet --release --bin rumpswitch)
                RUMPSWITCH=${CARGO_TARGET_DIR:-$root/target}/release/rumpswitch
            fi
            options=${2#ours} options=$(echo "${options#:}" | tr , ' ')
            # Without a controller it forwards as a learning switch.
            # shellcheck disable=SC2086
            ip netns exec "$space" "$RUMPSWITCH" run --fail-mode standalone $options \
                --port 1:packet:sw1 --port 2:packet:sw2 >"$work/ours.log" 2>&1 &
            switch=$!
            ;;
        cmd:*)
            # shellcheck disable=SC2086
            ip netns exec "$space" ${2#cmd:} >/dev/null 2>&1 &
            switch=$!
            ;;
    esac
    [ "$switch" = 0 ] || processes="$processes $switch"
}

number=0 sides=''
for word in "$@"; do
    number=$((number + 1))
    case $word in
        cmd:*) side=cmd$number ;;
        *:*) side=$(echo "$word" | tr -d -c 'a-z0-9') ;;
        *) side=$word ;;
    esac
    hosts "$side"
    start "$side" "$word" || continue
    echo "$side $switch" >>"$work/switches"
    ip netns exec "$prefix${side}b" iperf3 -s -B 10.77.0.2 >/dev/null 2>&1 &
    processes="$processes $!"
    sides="$sides $side"
done
sleep 2
for side in $sides; do
    ip netns exec "$prefix${side}a" ping -q -c 3 -i 0.3 -W 1 10.77.0.2 >/dev/null ||
        { echo "veth: $side does not connect" >&2; exit 1; }
done

turn() { # signal, process
    [ "$2" = 0 ] || kill "-$1" "$2"
}
while read -r _ process; do turn STOP "$process"; done <"$work/switches"

repetition=0
while [ $repetition -lt "$repetitions" ]; do
    repetition=$((repetition + 1))
    for side in $sides; do
        process=$(awk -v side="$side" '$1 == side { print $2 }' "$work/switches")
        here="ip netns exec $prefix${side}a"
        turn CONT "$process"
        frames=$(sent "$side") before=$(cpu "$process")
        $here iperf3 -c 10.77.0.2 -u -l 18 -b 0 -t "$seconds" -J >"$work/stream" 2>/dev/null || true
        after=$(cpu "$process") frames=$(($(sent "$side") - frames))
        $here ping -q -i 0.002 -c 500 10.77.0.2 >"$work/ping" || true
        turn STOP "$process"
        python3 - "$side" "$before" "$after" "$work" "$frames" >>"$work/rows" <<'END'
import json, re, sys
side, before, after, work = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
row = {"side": side}
try:
    total = json.load(open(f"{work}/stream"))["end"]["sum"]
    received = total["packets"] - total["lost_packets"]
    row["packets_per_second"] = round(received / total["seconds"])
except (ValueError, KeyError):
    pass
frames = int(sys.argv[5])
if after > before and frames > 0:
    row["forwarded"] = frames
    row["cpu_us_per_packet"] = round((after - before) * 1000 / frames, 3)
trip = re.search(r"= ([\d.]+)/([\d.]+)/", open(f"{work}/ping").read())
if trip:
    row["ping_min_us"], row["ping_avg_us"] = (round(float(x) * 1000, 1) for x in trip.groups())
print(json.dumps(row))
END
    done
done
python3 - "$work/rows" "$json" <<'END'
import json, statistics, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
sides = list(dict.fromkeys(row["side"] for row in rows))
names = ["cpu_us_per_packet", "packets_per_second", "ping_min_us", "ping_avg_us"]
best = {name: max if name == "packets_per_second" else min for name in names}
figures = {}
for side in sides:
    figures[side] = {}
    for name in names:
        values = [row[name] for row in rows if row["side"] == side and name in row]
        if values:
            figures[side][name] = {"best": best[name](values), "median": statistics.median(values), "all": values}
width = max(8, *map(len, sides))
print(f"{'side':{width}} {'CPU us/packet':>18} {'packets/s':>20} {'ping min us':>16} {'ping avg us':>16}   (best, median)")
for side, has in figures.items():
    def cell(name, form):
        return f"{has[name]['best']:{form}} {has[name]['median']:{form}}" if name in has else "-"
    print(f"{side:{width}} {cell(names[0], '8.2f'):>18} {cell(names[1], '9.0f'):>20} {cell(names[2], '7.0f'):>16} {cell(names[3], '7.0f'):>16}")
ratios = {}
def ratio(label, name, over, under):
    if name in figures.get(over, {}) and name in figures.get(under, {}):
        ratios[label] = {key: round(figures[over][name][key] / figures[under][name][key], 2) for key in ("best", "median")}
        print(f"{label}: {ratios[label]['best']} (median {ratios[label]['median']})")
ratio("CPU a packet, Open vSwitch over ours", names[0], "ovs", "ours")
ratio("CPU a packet, ours over the floor", names[0], "ours", "floor")
for name, what in ((names[2], "shortest round trip"), (names[3], "average round trip")):
    ratio(f"{what}, ours over Linux bridge", name, "ours", "bridge")
    ratio(f"{what}, Open vSwitch over Linux bridge", name, "ovs", "bridge")
json.dump({"figures": figures, "ratios": ratios}, open(sys.argv[2], "w"), indent=1)
END
