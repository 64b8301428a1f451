"""The flow entries of the ovs-ofctl tests: adding, listing, changing, replacing, bundles, many at once."""

from __future__ import annotations

from ovs_ofctl import Ofctl, flow_key

# Flow entries as a user writes them, and what `dump-flows` prints of each (order of fields is free).
FLOWS = [
    ("table=0,priority=100,in_port=1,actions=output:2", "priority=100,in_port=1 actions=output:2"),
    (
        "table=0,priority=9,cookie=0x1234,idle_timeout=60,hard_timeout=600,send_flow_rem,ip,nw_dst=10.0.0.0/8,"
        "actions=dec_ttl,set_field:02:00:00:00:00:99->eth_dst,goto_table:1",
        "cookie=0x1234, idle_timeout=60, hard_timeout=600, send_flow_rem priority=9,ip,nw_dst=10.0.0.0/8 "
        "actions=dec_ttl,set_field:02:00:00:00:00:99->eth_dst,goto_table:1",
    ),
    (
        "priority=10,tcp,nw_src=10.1.2.3,tp_dst=80,actions=drop",
        "priority=10,tcp,nw_src=10.1.2.3,tp_dst=80 actions=drop",
    ),
    (
        "priority=11,tcp6,ipv6_dst=2001:db8::/32,tcp_src=1024/0xfc00,actions=output:2",
        "priority=11,tcp6,ipv6_dst=2001:db8::/32,tp_src=0x400/0xfc00 actions=output:2",
    ),
    (
        "priority=12,dl_vlan=100,dl_vlan_pcp=3,actions=pop_vlan,output:1",
        "priority=12,dl_vlan=100,dl_vlan_pcp=3 actions=pop_vlan,output:1",
    ),
    (
        "priority=13,vlan_tci=0x0000/0x1000,actions=push_vlan:0x8100,set_field:4196->vlan_vid,output:2",
        "priority=13,vlan_tci=0x0000/0x1000 actions=push_vlan:0x8100,set_field:4196->vlan_vid,output:2",
    ),
    (
        "priority=14,vlan_tci=0x1000/0x1000,actions=output:1",
        "priority=14,vlan_tci=0x1000/0x1000 actions=output:1",
    ),
    (
        "priority=15,arp,arp_op=1,arp_tpa=10.0.0.1,arp_sha=02:00:00:00:00:01,actions=CONTROLLER:65535",
        "priority=15,arp,arp_tpa=10.0.0.1,arp_op=1,arp_sha=02:00:00:00:00:01 actions=CONTROLLER:65535",
    ),
    (
        "priority=16,dl_src=02:00:00:00:00:01,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,actions=FLOOD",
        "priority=16,dl_src=02:00:00:00:00:01,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=FLOOD",
    ),
    (
        "priority=17,icmp,icmp_type=8,icmp_code=0,actions=IN_PORT",
        "priority=17,icmp,icmp_type=8,icmp_code=0 actions=IN_PORT",
    ),
    (
        "priority=18,icmp6,icmp_type=135,nd_target=fe80::1,nd_sll=02:00:00:00:00:01,actions=output:2",
        "priority=18,icmp6,icmp_type=135,nd_target=fe80::1,nd_sll=02:00:00:00:00:01 actions=output:2",
    ),
    (
        "priority=19,udp,udp_dst=53,nw_tos=184,nw_ecn=1,actions=set_field:10.9.9.9->ip_dst,set_field:5353->udp_dst,NORMAL",
        "priority=19,udp,nw_tos=184,nw_ecn=1,tp_dst=53 actions=set_field:10.9.9.9->ip_dst,set_field:5353->udp_dst,NORMAL",
    ),
    ("priority=20,sctp,sctp_dst=99,actions=ALL", "priority=20,sctp,tp_dst=99 actions=ALL"),
    (
        "priority=21,mpls,mpls_label=16,mpls_tc=2,mpls_bos=1,actions=pop_mpls:0x0800,output:1",
        "priority=21,mpls,mpls_label=16,mpls_tc=2,mpls_bos=1 actions=pop_mpls:0x0800,output:1",
    ),
    ("priority=22,dl_type=0x88cc,actions=CONTROLLER:96", "priority=22,dl_type=0x88cc actions=CONTROLLER:96"),
    (
        "priority=23,metadata=0x5/0xf,tun_id=0x7,actions=LOCAL",
        "priority=23,tun_id=0x7,metadata=0x5/0xf actions=LOCAL",
    ),
    (
        "priority=24,ip,actions=push_mpls:0x8847,set_field:17->mpls_label,output:2",
        "priority=24,ip actions=push_mpls:0x8847,set_field:17->mpls_label,output:2",
    ),
    (
        "priority=25,ipv6,ipv6_label=0x12345,actions=set_field:2001:db8::1->ipv6_dst,output:2",
        "priority=25,ipv6,ipv6_label=0x12345 actions=set_field:2001:db8::1->ipv6_dst,output:2",
    ),
    (
        "table=1,priority=1,in_port=2,actions=write_metadata:0x12/0xff,goto_table:2",
        "table=1 priority=1,in_port=2 actions=write_metadata:0x12/0xff,goto_table:2",
    ),
    (
        "table=2,priority=5,ip,actions=write_actions(set_field:02:00:00:00:00:77->eth_src,output:1),goto_table:3",
        "table=2 priority=5,ip actions=write_actions(set_field:02:00:00:00:00:77->eth_src,output:1),goto_table:3",
    ),
    ("table=3,priority=5,ip,actions=clear_actions", "table=3 priority=5,ip actions=clear_actions"),
    (
        "table=3,priority=6,ip,nw_dst=10.0.0.5,actions=mod_nw_ttl:9,output:1",
        "table=3 priority=6,ip,nw_dst=10.0.0.5 actions=mod_nw_ttl:9,output:1",
    ),
    ("table=253,priority=0,actions=drop", "table=253 priority=0 actions=drop"),
]


def flows(ofctl: Ofctl) -> None:
    context = ofctl.context
    ofctl("del-flows")
    ofctl.expect_flows(set(), "del-flows of everything")
    folder = context.logs
    path = folder / "flows.txt"
    path.write_text("# entries of the ofctl test\n" + "\n".join(line for line, _ in FLOWS) + "\n")
    printed = {flow_key(line) for _, line in FLOWS}
    ofctl("add-flows", str(path))
    ofctl.expect_flows(printed, "add-flows, then dump-flows")
    for table in (0, 2, 3, 9):
        ofctl.expect_flows(
            {key for key in printed if f"table={table}" in key}, "dump-flows of one table", f"table={table}"
        )
    ofctl.expect_flows(
        {key for key in printed if "cookie=0x1234" in key}, "dump-flows by cookie", "cookie=0x1234/-1"
    )
    ofctl.expect_flows(
        {key for key in printed if any("output:1" in part for part in key)},
        "dump-flows by out_port",
        "out_port=1",
    )
    ofctl.expect(
        ofctl("dump-aggregate"),
        rf"packet_count=\d+ byte_count=\d+ flow_count={len(FLOWS)}$",
        what="dump-aggregate",
    )
    ofctl.expect(ofctl("dump-aggregate", "table=3"), r"flow_count=2$", what="dump-aggregate of one table")
    text = ofctl("dump-tables")
    ofctl.expect(text, r"^  table 0( \(.*\))?:\n +active=18, lookup=\d+, matched=\d+$", what="dump-tables")
    ofctl.expect(text, r"^  table 3( \(.*\))?:\n +active=2, lookup=0, matched=0$", what="dump-tables")

    # What the switch says loads again and is the same.
    dumped = folder / "dumped.txt"
    dumped.write_text(ofctl("dump-flows", options=("--no-stats",)))
    difference = ["ovs-ofctl", "-O", "OpenFlow13", "diff-flows", ofctl.target]
    for file in (path, dumped):
        done = context.command([*difference, str(file)], check=False)
        context.expect(
            done.returncode == 0 and not done.stdout,
            f"diff-flows with {file.name}: {done.stdout or done.stderr}",
        )
    other = folder / "other.txt"
    kept = [line for line, _ in FLOWS[:-1]]
    other.write_text("\n".join([*kept, "table=4,priority=7,udp,actions=output:1"]) + "\n")
    done = context.command([*difference, str(other)], check=False)
    context.expect(done.returncode == 2, f"diff-flows of different tables exits with {done.returncode}")
    ofctl.expect(
        done.stdout,
        r"^-table=253,? priority=0 actions=drop$",
        r"^\+table=4,? priority=7,udp actions=output:1$",
        what="diff-flows",
    )
    ofctl("replace-flows", str(other))
    replaced = {flow_key(line) for _, line in FLOWS[:-1]} | {
        flow_key("table=4 priority=7,udp actions=output:1")
    }
    ofctl.expect_flows(replaced, "replace-flows")
    ofctl("replace-flows", str(path), options=("--bundle",))
    ofctl.expect_flows(printed, "--bundle replace-flows")


def change_flows(ofctl: Ofctl) -> None:
    """mod-flows and del-flows, strict and not."""
    ofctl("del-flows")
    base = [
        "priority=5,ip,nw_dst=10.0.0.1,actions=output:1",
        "priority=6,ip,nw_dst=10.0.0.2,actions=output:1",
    ]
    for line in [*base, "priority=7,ip,actions=output:1", "table=1,priority=7,arp,actions=output:1"]:
        ofctl("add-flow", line)

    def now(what: str, *lines: str) -> None:
        ofctl.expect_flows({flow_key(line) for line in lines}, what)

    arp = "table=1 priority=7,arp actions=output:1"
    first, second = "priority=5,ip,nw_dst=10.0.0.1", "priority=6,ip,nw_dst=10.0.0.2"
    now(
        "add-flow",
        f"{first} actions=output:1",
        f"{second} actions=output:1",
        "priority=7,ip actions=output:1",
        arp,
    )
    ofctl("mod-flows", "table=0,ip,nw_dst=10.0.0.0/24,actions=output:2")
    now(
        "mod-flows",
        f"{first} actions=output:2",
        f"{second} actions=output:2",
        "priority=7,ip actions=output:1",
        arp,
    )
    ofctl("mod-flows", "table=0,priority=7,ip,actions=drop", options=("--strict",))
    now(
        "--strict mod-flows",
        f"{first} actions=output:2",
        f"{second} actions=output:2",
        "priority=7,ip actions=drop",
        arp,
    )
    ofctl("mod-flows", "table=0,priority=8,ip,actions=NORMAL", options=("--strict",))
    now(
        "--strict mod-flows without a match",
        f"{first} actions=output:2",
        f"{second} actions=output:2",
        "priority=7,ip actions=drop",
        arp,
    )
    ofctl("add-flow", "priority=5,ip,nw_dst=10.0.0.1,cookie=0x77,actions=output:1")
    now(
        "add-flow over an identical entry",
        f"cookie=0x77 {first} actions=output:1",
        f"{second} actions=output:2",
        "priority=7,ip actions=drop",
        arp,
    )
    ofctl("del-flows", "table=0,priority=6,ip", options=("--strict",))
    now(
        "--strict del-flows without a match",
        f"cookie=0x77 {first} actions=output:1",
        f"{second} actions=output:2",
        "priority=7,ip actions=drop",
        arp,
    )
    ofctl("del-flows", "table=0,priority=6,ip,nw_dst=10.0.0.2", options=("--strict",))
    now("--strict del-flows", f"cookie=0x77 {first} actions=output:1", "priority=7,ip actions=drop", arp)
    ofctl("del-flows", "cookie=0x77/-1")
    now("del-flows by cookie", "priority=7,ip actions=drop", arp)
    ofctl("del-flows", "out_port=1")
    now("del-flows by out_port", "priority=7,ip actions=drop")
    ofctl("del-flows", "ip")
    now("del-flows")


def bundles(ofctl: Ofctl) -> None:
    """All or nothing."""
    ofctl("del-flows")
    ofctl("add-flow", "priority=1,actions=drop")
    before = {flow_key("priority=1 actions=drop")}
    good, bad = ofctl.context.logs / "good.txt", ofctl.context.logs / "bad.txt"
    good.write_text("".join(f"priority={n},ip,nw_dst=10.2.0.{n},actions=output:2\n" for n in range(10, 30)))
    bad.write_text(good.read_text() + "priority=99,ip,actions=group:4242\n")
    text = ofctl("add-flows", str(bad), options=("--bundle",), status=None)
    ofctl.expect(text, r"OFPBAC_BAD_OUT_GROUP", what="--bundle add-flows with one bad entry")
    ofctl.expect_flows(before, "a refused bundle changes nothing")
    ofctl("add-flows", str(good), options=("--bundle",))
    wanted = before | {flow_key(f"priority={n},ip,nw_dst=10.2.0.{n} actions=output:2") for n in range(10, 30)}
    ofctl.expect_flows(wanted, "--bundle add-flows")
    ofctl("mod-flows", "ip,nw_dst=10.2.0.10,actions=drop", options=("--bundle",))
    ofctl.expect(ofctl("dump-flows"), r"nw_dst=10\.2\.0\.10 actions=drop", what="--bundle mod-flows")
    ofctl("del-flows", "ip", options=("--bundle",))
    ofctl.expect_flows(before, "--bundle del-flows")
    text = ofctl("add-flow", "priority=99,ip,actions=group:4242", status=1)
    ofctl.expect(text, r"OFPBAC_BAD_OUT_GROUP", what="add-flow with a missing group")
    ofctl.expect_flows(before, "a refused flow-mod changes nothing")


def many(ofctl: Ofctl) -> None:
    """More entries than one multipart reply holds."""
    ofctl("del-flows")
    path = ofctl.context.logs / "many.txt"
    lines = [
        f"table=5,priority={n % 50},ip,nw_dst=10.{n >> 8}.{n & 255}.0/24,actions=output:{1 + n % 2}"
        for n in range(5000)
    ]
    path.write_text("\n".join(lines) + "\n")
    ofctl("add-flows", str(path))
    ofctl.expect(
        ofctl("dump-aggregate", "table=5"), r"flow_count=5000$", what="dump-aggregate of 5000 entries"
    )
    ofctl.expect_flows(
        {flow_key(line.replace(",actions", " actions")) for line in lines}, "5000 entries", "table=5"
    )
    path.write_text("\n".join(lines[:100]) + "\n")
    ofctl("replace-flows", str(path))
    ofctl.expect_flows(
        {flow_key(line.replace(",actions", " actions")) for line in lines[:100]},
        "replace-flows of 5000 entries by 100",
    )
    ofctl("del-flows", "table=5")
    ofctl.expect_flows(set(), "del-flows of one table")
