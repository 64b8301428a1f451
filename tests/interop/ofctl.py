"""Every subcommand of ovs-ofctl that an OpenFlow 1.3 switch must serve, with what it prints compared by meaning."""

from __future__ import annotations

import pathlib
import re

import switches
from harness import Context, Failure, Host, test, wait_until
from flows import bundles, change_flows, flows, many
from ovs_ofctl import Ofctl, flow_keys, show_keys
from wiretap import Wiretap


def describe(ofctl: Ofctl) -> None:
    text = ofctl("show")
    ofctl.expect(
        text,
        r"^OFPT_FEATURES_REPLY \(OF1\.3\) .*dpid:[0-9a-f]{16}$",
        r"^n_tables:25[45], n_buffers:0$",
        r"^capabilities: .*FLOW_STATS TABLE_STATS PORT_STATS GROUP_STATS",
        r"^ 1\(\S+\): addr:([0-9a-f]{2}:){5}[0-9a-f]{2}$",
        r"^ 2\(\S+\): addr:([0-9a-f]{2}:){5}[0-9a-f]{2}$",
        r"^OFPT_GET_CONFIG_REPLY \(OF1\.3\) .*frags=normal miss_send_len=\d+$",
        what="show",
    )
    text = ofctl("dump-desc")
    for name in ("Manufacturer", "Hardware", "Software"):
        ofctl.expect(text, rf"^{name}: \S", what="dump-desc")
    for name in ("Serial Num", "DP Description"):
        ofctl.expect(text, rf"^{name}:", what="dump-desc")
    text = ofctl("dump-table-features")
    ofctl.expect(
        text,
        r"^  table 0( \(.*\))?:$",
        r"max_entries=\d{4,}",
        r"metadata: match=0xffffffffffffffff write=0xffffffffffffffff",
        r"next tables: 1-25[34]",
        r"instructions: meter apply_actions clear_actions write_actions write_metadata goto_table",
        r"actions: output group set_field .*push_vlan",
        r"supported on Set-Field: .*eth_\{src,dst",
        r"arbitrary mask: .*eth_\{src,dst",
        r"exact match or wildcard: .*",
        what="dump-table-features",
    )


def group_lines(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines() if line.strip().startswith("group_id=")}


def groups(ofctl: Ofctl) -> None:
    context = ofctl.context
    ofctl("del-groups")
    wanted = {
        1: "group_id=1,type=all,bucket=actions=output:1,bucket=actions=output:2",
        2: "group_id=2,type=select,bucket=weight:10,actions=output:1,bucket=weight:20,actions=output:2",
        3: "group_id=3,type=ff,bucket=watch_port:1,actions=output:1,bucket=watch_port:2,actions=output:2",
        4: "group_id=4,type=indirect,bucket=actions=set_field:02:00:00:00:00:05->eth_dst,output:2",
    }
    for line in wanted.values():
        ofctl("add-group", line)

    def now(what: str) -> None:
        got = group_lines(ofctl("dump-groups"))
        context.expect(got == set(wanted.values()), f"{what}: dump-groups gives {sorted(got)}")

    now("add-group")
    text = ofctl("add-group", wanted[1], status=1)
    ofctl.expect(text, r"OFPGMFC_GROUP_EXISTS", what="add-group of an existing one")
    text = ofctl("mod-group", "group_id=99,type=all,bucket=output:1", status=1)
    ofctl.expect(text, r"OFPGMFC_UNKNOWN_GROUP", what="mod-group of a missing one")
    wanted[1] = "group_id=1,type=all,bucket=actions=output:2"
    ofctl("mod-group", wanted[1])
    now("mod-group")
    ofctl("add-flow", "priority=3,in_port=1,actions=group:1")
    ofctl("add-flow", "priority=3,in_port=2,actions=group:2")
    text = ofctl("dump-group-stats", "group_id=1")
    context.expect(len(group_lines(text)) == 1, f"dump-group-stats of one group: {text!r}")
    ofctl.expect(
        text,
        r"group_id=1,duration=[\d.]+s,ref_count=1,packet_count=\d+,byte_count=\d+,bucket0:packet_count=",
        what="dump-group-stats",
    )
    context.expect(
        len(group_lines(ofctl("dump-group-stats"))) == 4, "dump-group-stats does not list the 4 groups"
    )
    ofctl.expect(
        ofctl("dump-group-features"),
        r"Types:  0xf$",
        r"^ +all group:$",
        r"^ +select group:$",
        r"^ +indirect group:$",
        r"^ +fast failover group:$",
        r"max_groups=0x[0-9a-f]+",
        r"actions: output group set_field",
        what="dump-group-features",
    )
    ofctl("del-groups", "group_id=2")
    del wanted[2]
    now("del-groups of one")
    left = flow_keys(ofctl("dump-flows"))
    context.expect(
        not any("actions=group:2" in key for key in left) and any("actions=group:1" in key for key in left),
        f"the entries of a deleted group go with it, the others stay: {show_keys(left)}",
    )
    wanted.clear()
    ofctl("del-groups")
    now("del-groups of all")


def meters(ofctl: Ofctl) -> None:
    context = ofctl.context
    ofctl("del-meters")
    ofctl.expect(
        ofctl("meter-features"),
        r"^max_meter:[1-9]\d* max_bands:[1-9]\d* max_color:\d+$",
        r"^band_types: drop",
        r"^capabilities: kbps pktps burst stats$",
        what="meter-features",
    )
    ofctl("add-meter", "meter=1,kbps,burst,stats,band=type=drop,rate=1000,burst_size=200")
    ofctl("add-meter", "meter=2,pktps,stats,bands=type=drop,rate=50")
    text = ofctl("dump-meters")
    ofctl.expect(
        text,
        r"^meter=1 kbps burst stats bands=\s*type=drop rate=1000 burst_size=200$",
        r"^meter=2 pktps stats bands=\s*type=drop rate=50$",
        what="dump-meters",
    )
    text = ofctl("add-meter", "meter=1,kbps,band=type=drop,rate=1", status=1)
    ofctl.expect(text, r"OFPMMFC_METER_EXISTS", what="add-meter of an existing one")
    ofctl("mod-meter", "meter=1,pktps,band=type=drop,rate=10")
    text = ofctl("dump-meters", "meter=1")
    ofctl.expect(text, r"^meter=1 pktps bands=\s*type=drop rate=10$", what="mod-meter")
    context.expect("meter=2" not in text, "dump-meters of one meter lists another")
    text = ofctl("mod-meter", "meter=9,pktps,band=type=drop,rate=10", status=1)
    ofctl.expect(text, r"OFPMMFC_UNKNOWN_METER", what="mod-meter of a missing one")
    ofctl("add-flow", "priority=4,in_port=1,actions=meter:1,output:2")
    ofctl.expect(
        ofctl("dump-flows"), r"priority=4,in_port=1 actions=meter:1,output:2$", what="an entry with a meter"
    )
    ofctl.expect(
        ofctl("meter-stats", "meter=1"),
        r"^meter:1 flow_count:\d+ packet_in_count:\d+ byte_in_count:\d+ duration:[\d.]+s bands:\s*0: packet_count:\d+ byte_count:\d+$",
        what="meter-stats",
    )
    ofctl("del-meters", "meter=1")
    left = ofctl("dump-meters")
    context.expect("meter=1" not in left and "meter=2" in left, f"del-meters of one: {left!r}")
    context.expect("meter:1" not in ofctl("dump-flows"), "the entries of a deleted meter go with it")
    ofctl("del-meters")
    context.expect("meter=2" not in ofctl("dump-meters"), "del-meters of all")


def port_block(text: str, number: int) -> str:
    """The lines of one port in `dump-ports-desc`."""
    found = re.search(rf"^ {number}\(.*?(?=^ \S|\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(0) if found else ""


def port_counters(ofctl: Ofctl, number: int) -> tuple[int, int]:
    """Received and transmitted packets."""
    text = ofctl("dump-ports", str(number))
    found = re.search(
        rf"port +\S*\b{number}\b\S*: rx pkts=(\d+), bytes=\d+.*?tx pkts=(\d+), bytes=\d+", text, re.DOTALL
    )
    if not found:
        raise Failure(f"dump-ports {number} prints {text!r}")
    return int(found.group(1)), int(found.group(2))


def ports(ofctl: Ofctl) -> None:
    context = ofctl.context
    text = ofctl("dump-ports-desc")
    for number in (1, 2):
        block = port_block(text, number)
        ofctl.expect(
            block,
            r"config:     0$",
            r"state:      LIVE$",
            r"^     speed: \d+ Mbps now, \d+ Mbps max",
            what="dump-ports-desc",
        )
    found = re.search(r"^ 2\((\S+)\)", text, re.MULTILINE)
    name = found.group(1) if found else "2"
    for action, flag in (
        ("no-forward", "NO_FWD"),
        ("no-packet-in", "NO_PACKET_IN"),
        ("no-receive", "NO_RECV"),
        ("down", "PORT_DOWN"),
    ):
        ofctl("mod-port", name, action)
        block = port_block(ofctl("dump-ports-desc"), 2)
        ofctl.expect(block, rf"config: .*\b{flag}\b", what=f"mod-port {action}")
        ofctl("mod-port", "2", action.removeprefix("no-") if action != "down" else "up")
        wait_until(
            lambda: "config:     0\n" in port_block(ofctl("dump-ports-desc"), 2),
            5,
            f"port 2 without {flag} after mod-port back",
        )
    text = ofctl("mod-port", "77", "down", status=1)
    ofctl.expect(text, r"77", what="mod-port of a missing port")
    text = ofctl("dump-ports")
    ofctl.expect(
        text,
        r"^OFPST_PORT reply \(OF1\.3\).*: \d+ ports$",
        r"port +\S*1\S*: rx pkts=\d+",
        r"port +\S*2\S*: rx pkts=\d+",
        what="dump-ports",
    )
    ofctl.expect(text, r"^ +duration=[\d.]+s$", what="dump-ports")
    context.expect(ofctl("get-frags").strip() == "normal", "get-frags is not normal")
    ofctl("set-frags", "drop")
    context.expect(ofctl("get-frags").strip() == "drop", "set-frags drop does not last")
    ofctl("set-frags", "normal")
    context.expect(ofctl("get-frags").strip() == "normal", "set-frags normal does not last")


FRAME = (
    "ffffffffffff 020000000001 0800 45000014000100004011 0000 0a000001 0a000002".replace(" ", "") + "00" * 26
)


def traffic(ofctl: Ofctl) -> None:
    """probe, ping and packet-out."""
    context = ofctl.context
    ofctl("probe")
    for size in (64, 1000, 60000):
        text = ofctl("ping", str(size))
        answers = re.findall(rf"^{size} bytes from \S+: xid=\w+ time=[\d.]+ ms$", text, re.MULTILINE)
        context.expect(len(answers) == 10, f"ping {size}: {len(answers)} of 10 answers in {text[:200]!r}")
    ofctl("del-flows")
    ofctl("add-flow", "priority=50,in_port=1,ip,nw_dst=10.0.0.2,actions=output:2")
    for what, arguments in (
        ("packet-out to a port", ("in_port=CONTROLLER", "actions=output:2")),
        ("packet-out through the tables", ("in_port=1", "actions=TABLE")),
    ):
        _, before = port_counters(ofctl, 2)
        ofctl("packet-out", f"{arguments[0]} packet={FRAME} {arguments[1]}")
        wait_until(lambda: port_counters(ofctl, 2)[1] > before, 5, f"{what} to be counted at port 2")
        context.expect(True, what)
    ofctl.expect(
        ofctl("dump-flows"), r"n_packets=1, n_bytes=60, priority=50", what="the entry counts the packet-out"
    )


def monitor(ofctl: Ofctl) -> None:
    """A listening client gets packet-ins, flow-removeds and port-statuses once it has asked for them."""
    context = ofctl.context
    ofctl("del-flows")
    ofctl(
        "add-flow",
        "priority=60,cookie=0xabc,in_port=1,ip,nw_dst=10.0.0.2,send_flow_rem,actions=CONTROLLER:65535",
    )
    watcher = context.spawn("monitor", ofctl.argv("monitor", "65535"))

    def waits_for(pattern: str, what: str, seconds: float = 8) -> None:
        def found():
            watcher.require_running()
            return re.search(pattern, watcher.output(), re.MULTILINE | re.DOTALL)

        wait_until(found, seconds, f"monitor to print {what} ({pattern})")
        context.expect(True, what)

    # The monitor is heard by the switch once it has set its configuration; a packet-in may come too early.
    def packet_in() -> bool:
        ofctl("packet-out", f"in_port=1 packet={FRAME} actions=TABLE")
        return "PACKET_IN" in watcher.output()

    wait_until(packet_in, 8, "a packet-in at the monitor", step=0.3)
    waits_for(
        r"PACKET_IN2? \(OF1\.3\).*cookie=0xabc.*total_len=60.*in_port=1.*\(via action\)", "the packet-in"
    )
    waits_for(r"nw_src=10\.0\.0\.1,nw_dst=10\.0\.0\.2", "the frame in it")
    ofctl("del-flows", "ip")
    waits_for(r"OFPT_FLOW_REMOVED \(OF1\.3\).*reason=delete.*cookie:0xabc", "the flow-removed")
    ofctl("mod-port", "2", "no-forward")
    waits_for(r"OFPT_PORT_STATUS \(OF1\.3\).*MOD: 2\(", "the port-status")
    ofctl("mod-port", "2", "forward")
    watcher.stop()


PARTS = (describe, flows, change_flows, bundles, many, groups, meters, ports, traffic, monitor)

# Errors that the test asks for.
ASKED = (
    "BAD_ACTION/BAD_OUT_GROUP",
    "GROUP_MOD_FAILED/GROUP_EXISTS",
    "GROUP_MOD_FAILED/UNKNOWN_GROUP",
    "METER_MOD_FAILED/METER_EXISTS",
    "METER_MOD_FAILED/UNKNOWN_METER",
    # The commit of a bundle with a bad message in it (ONF extension 230, BUNDLE_FAILED/MSG_FAILED).
    "EXPERIMENTER 0x4f4e4600/2313",
    # ovs-ofctl tries its own packet-in format first and takes the standard's after a refusal.
    "BAD_REQUEST/BAD_EXPERIMENTER",
)


def scenario(context: Context, listen: int, parts=PARTS) -> None:
    tap = Wiretap(context, "ofctl", listen, switch_listens=True)
    ofctl = Ofctl(context, tap.port)
    for part in parts:
        try:
            part(ofctl)
        except Failure as failure:
            context.expect(False, f"{part.__name__}: {failure}")
    ofctl.clear()
    tap.check(context, ASKED)


@test("ofctl", tools=("ip", "ovs-ofctl"), limit=240)
def ofctl_run(context: Context) -> None:
    """ovs-ofctl against a switch with real ports that listens"""
    hosts = [Host(context, n, f"10.0.0.{n}/24") for n in (1, 2)]
    switch = switches.start(context, hosts, listen=True)
    scenario(context, switch.listen)


@test("ofctl-demo", tools=("ovs-ofctl",), isolated=False, switches=("rumpswitch",), limit=240)
def ofctl_demo(context: Context) -> None:
    """ovs-ofctl against the virtual network of `demo --stay`, without root"""
    demo = switches.Demo(context)
    scenario(context, demo.listen)


EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "three-tables.toml"


@test("ofctl-personality", tools=("ip", "ovs-ofctl"), switches=("rumpswitch",), limit=60)
def ofctl_personality(context: Context) -> None:
    """ovs-ofctl sees a switch with three tables and no dec_ttl, and calls its tables by name"""
    hosts = [Host(context, n, f"10.0.0.{n}/24") for n in (1, 2)]
    looks = ("--personality", str(EXAMPLE))
    switch = switches.start(context, hosts, listen=True, options=looks)
    ofctl = Ofctl(context, switch.listen)
    ofctl.expect(ofctl("show"), r"^n_tables:3, n_buffers:0$", what="show")
    text = ofctl("dump-table-features")
    names = re.findall(r'^  table (\d+) \("(\w+)"\):', text, re.MULTILINE)
    wanted = [(str(n), f"stage{n}") for n in range(3)]
    context.expect(names == wanted or not names, f"dump-table-features: {names} in {text[:300]!r}")
    ofctl.expect(text, r"max_entries=2000", r"stage0", what="dump-table-features")
    context.expect("dec_ttl" not in text, f"dump-table-features tells of dec_ttl: {text[:2000]}")
    ofctl("add-flow", "table=stage1,ip,actions=mod_nw_ttl:9,output:2")
    text = ofctl("dump-flows", "--names")
    ofctl.expect(text, r"table=stage1,.*ip actions=mod_nw_ttl:9", what="a flow by name")
    text = ofctl("add-flow", "table=stage2,ip,actions=dec_ttl,output:2", status=1)
    ofctl.expect(text, r"OFPBAC_BAD_TYPE", what="dec_ttl")
    text = ofctl("add-flow", "table=3,actions=output:2", status=1)
    ofctl.expect(text, r"OFPFMFC_BAD_TABLE_ID", what="a fourth table")
