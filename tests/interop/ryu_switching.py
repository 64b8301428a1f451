"""ryu's switching applications: learning with a monitor, links found by LLDP, spanning tree, IGMP snooping."""

from __future__ import annotations

import json
import os
import re
import sys
import time

import hosts as plain
import switches
from harness import Cable, Context, Host, accepts, script, test, wait_until
from ryu_control import Ryu
from switches import Switch

GROUP = "239.7.7.7"


def simple_switch(context: Context, venv: str, *more: str) -> Ryu:
    """simple_switch_13 under three hosts: pings both ways and TCP, with few packet-ins."""
    hosts = plain.three_hosts(context)
    ryu = Ryu(context, *more, venv=venv)
    switches.start(context, hosts, controllers=[ryu.tap.port])
    ryu.wait_switches()
    plain.all_pings(context, hosts)
    plain.iperf(context, hosts[0], hosts[1])
    context.expect(ryu.tap.count("PACKET_IN", True) > 0, "the controller saw no packet-in")
    context.expect(ryu.tap.count("FLOW_MOD", False) > 6, "the controller installed no flow entries")
    # Entries, not the controller, carry the traffic: TCP alone has moved thousands of packets.
    count = ryu.tap.count("PACKET_IN", True)
    context.expect(count < 1000, f"{count} packets went to the controller")
    return ryu


@test("ryu-simple-monitor", tools=plain.HOST_TOOLS, venvs=("ryu",), limit=150)
def ryu_simple_monitor(context: Context) -> None:
    """ryu simple_monitor_13 over simple_switch_13: pings, TCP, and what it prints of flows and ports"""
    ryu = simple_switch(context, "ryu", "ryu.app.simple_monitor_13")
    dpid = f"{switches.DATAPATH_ID:016x}"

    def rows(columns: int) -> list[list[str]]:
        """The rows of the last complete tables: 8 columns of ports, 6 of flows."""
        lines = [line.split() for line in ryu.process.output().splitlines()]
        return [line for line in lines if len(line) == columns and line[0] == dpid]

    def counted() -> bool:
        ports = {int(row[1], 16): row for row in rows(8)}
        flows = rows(6)
        return (
            all(int(ports[n][3]) > 300 for n in (1, 2, 3) if n in ports)
            and {1, 2, 3} <= set(ports)
            and any(int(row[5]) > 1_000_000 for row in flows)
        )

    # It asks every ten seconds.
    wait_until(counted, 25, "the monitor to print flows and ports that have counted")
    ports = {int(row[1], 16): row for row in rows(8)}
    context.expect(
        all(row[4] == row[7] == "0" for number, row in ports.items() if number < 4),
        f"errors at ports: {ports}",
    )
    ryu.check()


@test("c65ryu-simple-switch", tools=plain.HOST_TOOLS, venvs=("c65ryu",), limit=150)
def c65ryu_simple_switch(context: Context) -> None:
    """c65ryu 5.0.0 with simple_switch_13: pings and TCP"""
    simple_switch(context, "c65ryu", "ryu.app.simple_switch_13").check()


@test("ryu-topology", tools=plain.HOST_TOOLS, venvs=("ryu",), limit=150)
def ryu_topology(context: Context) -> None:
    """ryu rest_topology --observe-links: LLDP finds the link of two switches, and that it is gone"""
    hosts = [Host(context, n, f"10.0.0.{n}/24", port=1) for n in (1, 2)]
    cable = Cable.between(context, 7, 9)
    ryu = Ryu(
        context, "ryu.app.rest_topology", "ryu.app.simple_switch_13", options=("--verbose", "--observe-links")
    )
    ids = (0x51, 0x52)
    for host, end, number in zip(hosts, cable, ids):
        switches.start(context, [host, end], datapath_id=number, controllers=[ryu.tap.port])
    ryu.wait_web()
    wait_until(lambda: ryu.tap.count("FEATURES_REPLY", True) >= 2, 20, "two switches at ryu")

    def links() -> set[tuple[int, int, int, int]]:
        found = ryu.rest("/v1.0/topology/links")
        return {
            tuple(int(link[end][word], 16) for end in ("src", "dst") for word in ("dpid", "port_no"))
            for link in found
        }

    wanted = {(0x51, 7, 0x52, 9), (0x52, 9, 0x51, 7)}
    wait_until(lambda: links() == wanted, 20, "the link in both directions")
    context.expect(True, "the link is found")
    found = {int(switch["dpid"], 16): switch for switch in ryu.rest("/v1.0/topology/switches")}
    context.expect(set(found) == set(ids), f"the switches are {found}")
    names = {port["name"] for switch in found.values() for port in switch["ports"]}
    context.expect(
        {host.interface for host in hosts} | {end.interface for end in cable} <= names, f"ports: {names}"
    )
    plain.all_pings(context, hosts, v6=False)
    learned = ryu.rest("/v1.0/topology/hosts")
    macs = {host["mac"] for host in learned}
    context.expect({host.mac for host in hosts} <= macs, f"hosts seen: {macs}")
    cable[0].cut()
    wait_until(lambda: not links(), 15, "the link to be gone")
    context.expect(plain_loss(hosts), "pings pass a link that is down")
    ryu.check()


def plain_loss(hosts: list[Host]) -> bool:
    return hosts[0].ping(hosts[1].address, count=2, wait=1)[1] == 0


def received(context: Context, cables: list[tuple[Cable, Cable]]) -> int:
    """Frames that the ends of all cables have received so far."""
    total = 0
    for cable in cables:
        for end in cable:
            total += int(
                context.command(["cat", f"/sys/class/net/{end.interface}/statistics/rx_packets"]).stdout
            )
    return total


class Ring:
    """Three switches in a ring, a host at each; ports: 1 the host, 2 and 3 the neighbours."""

    def __init__(self, context: Context, controllers: list[int]):
        # /sys shows the interfaces of the namespace that it was mounted in.
        context.command(["mount", "-t", "sysfs", "none", "/sys"])
        self.context = context
        self.hosts = [Host(context, n, f"10.0.0.{n}/24", port=1) for n in (1, 2, 3)]
        self.cables = [Cable.between(context, 2, 3) for _ in range(3)]
        self.switches: list[Switch] = []
        for n, host in enumerate(self.hosts):
            ports = [host, self.cables[n][0], self.cables[n - 1][1]]
            self.switches.append(switches.start(context, ports, datapath_id=n + 1, controllers=controllers))

    def pings_pass(self) -> bool:
        pairs = ((0, 1), (1, 2), (2, 0))
        return all(self.hosts[a].ping(self.hosts[b].address, count=1, wait=0.5)[1] for a, b in pairs)

    def expect_calm(self, what: str) -> None:
        """A broadcast in a loop would be seen thousands of times in a second."""
        before = received(self.context, self.cables)
        self.hosts[0].inside("ip", "neigh", "flush", "all")
        passed = self.pings_pass()
        time.sleep(1)
        count = received(self.context, self.cables) - before
        self.context.expect(passed, f"pings {what}")
        self.context.expect(count < 300, f"{count} frames crossed the cables {what}")


def states(ryu: Ryu) -> dict[tuple[str, str], str]:
    """The last state that the spanning tree has told for each port."""
    pattern = re.compile(r"\[dpid=(\w+)\]\[port=(\w+)\].*?(DISABLE|BLOCK|LISTEN|LEARN|FORWARD)\b")
    return {match.group(1, 2): match.group(3) for match in pattern.finditer(ryu.process.output())}


@test("ryu-stp", tools=plain.HOST_TOOLS, venvs=("ryu",), limit=240)
def ryu_stp(context: Context) -> None:
    """ryu simple_switch_stp_13 on a ring of three switches: no storm, pings pass, also after a cable is cut"""
    ryu = Ryu(context, "ryu.app.simple_switch_stp_13")
    ring = Ring(context, [ryu.tap.port])
    wait_until(lambda: ryu.tap.count("FEATURES_REPLY", True) >= 3, 30, "three switches at ryu")
    wait_until(ring.pings_pass, 75, "pings round the ring", step=1)
    ring.expect_calm("in the ring")
    count = ryu.tap.count("PORT_MOD", False)
    context.expect(count >= 9, f"the controller has sent {count} PORT_MODs")
    blocked = [port for port, state in states(ryu).items() if state == "BLOCK"]
    context.expect(len(blocked) == 1, f"blocked ports: {states(ryu)}")
    # The root's cable to its first neighbour carried traffic: the blocked port must take over.
    ring.cables[0][0].cut()
    wait_until(ring.pings_pass, 90, "pings after the cut", step=1)
    ring.expect_calm("after the cut")
    ryu.check()


@test("ryu-stp-pair", tools=plain.HOST_TOOLS, venvs=("ryu",), limit=200)
def ryu_stp_pair(context: Context) -> None:
    """two spanning tree controllers at one switch whose ports go and come: it tells both, and stays"""
    # This has brought a switch down before: both controllers answer each change with PORT_MODs.
    hosts = [Host(context, n, f"10.0.0.{n}/24") for n in (1, 2, 3, 4)]
    pair = [Ryu(context, "ryu.app.simple_switch_stp_13") for _ in range(2)]
    taps = [ryu.tap for ryu in pair]
    switch = switches.start(
        context, hosts, datapath_id=1, controllers=[tap.port for tap in taps], listen=True
    )
    for ryu in pair:
        ryu.wait_switches()
    seen = [tap.count("PORT_STATUS", True) for tap in taps]
    for turn in range(6):
        for host in (hosts[2], hosts[3]):
            before = [tap.count("PORT_STATUS", True) for tap in taps]
            switch.pull(host)
            if turn % 2:
                # Gone for long enough that both controllers have acted on it.
                wait_until(
                    lambda before=before: all(
                        tap.count("PORT_STATUS", True) > count for tap, count in zip(taps, before)
                    ),
                    10,
                    "both controllers to hear of the port's end",
                )
            switch.push(host)
    wait_until(lambda: all(tap.quiet_for() > 0.2 for tap in taps), 30, "calm")
    for tap, count in zip(taps, seen):
        context.expect(
            tap.count("PORT_STATUS", True) >= count + 12,
            f"{tap.count('PORT_STATUS', True) - count} port changes were told",
        )
        context.expect(tap.connections == 1, f"the switch connected {tap.connections} times")
    for process in switch.processes:
        process.require_running()

    # Each port listens and learns for 30 seconds before it forwards.
    def passes() -> bool:
        return all(hosts[0].ping(host.address, count=1, wait=0.5)[1] for host in hosts[1:])

    wait_until(passes, 75, "pings at the end", step=1)
    context.expect(True, "pings at the end")
    for ryu in pair:
        ryu.check()


@test("ryu-igmp", tools=plain.HOST_TOOLS, venvs=("ryu",), limit=150)
def ryu_igmp(context: Context) -> None:
    """ryu simple_switch_igmp_13: a querier's packet-outs with in_port ANY; members alone get the group's datagrams"""
    hosts = [Host(context, n, f"10.0.0.{n}/24") for n in (1, 2, 3)]
    ryu = Ryu(context, "ryu.app.simple_switch_igmp_13")
    member, server, other = hosts
    for host in hosts:
        host.inside("sysctl", "-qw", "net.ipv4.conf.all.force_igmp_version=2")
    # The querier takes its address from the LOCAL port, at the switch with datapath id 1.
    switches.start(context, hosts, datapath_id=1, controllers=[ryu.tap.port], local=True)
    for host in hosts:
        host.inside("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")
    ryu.wait_switches()
    outs = [seen.message.body for seen in ryu.tap.messages("PACKET_OUT", False)]
    context.expect(
        any(body[4:8] == b"\xff\xff\xff\xff" for body in outs),
        "the querier sent no packet-out with in_port ANY",
    )
    listener = context.spawn("member", member.argv(sys.executable, script("multicast.py"), "join", GROUP))
    wait_until(
        lambda: "Multicast Group" in ryu.process.output() or ryu.tap.count("FLOW_MOD", False) >= 3,
        20,
        "a join",
    )

    def entry() -> bool:
        group = bytes(map(int, GROUP.split(".")))
        return any(group in seen.message.raw for seen in ryu.tap.messages("FLOW_MOD", False))

    wait_until(entry, 20, "a flow entry for the group")
    before = other.received()
    server.inside(sys.executable, script("multicast.py"), "send", GROUP, "200")
    wait_until(lambda: "got 200" in listener.output(), 15, "200 datagrams at the member")
    count = other.received() - before
    context.expect(count < 50, f"{count} frames went to a host that is no member")
    plain.all_pings(context, hosts, v6=False)
    ryu.check()


@test("ryu-demo", venvs=("ryu",), isolated=False, limit=120, switches=("rumpswitch",))
def ryu_demo(context: Context) -> None:
    """rumpswitch demo --controller: its virtual hosts ping through simple_switch_13, without root"""
    ryu = Ryu(context, "ryu.app.simple_switch_13")
    wait_until(lambda: accepts(ryu.port), 30, "ryu to listen")
    target = f"tcp:127.0.0.1:{ryu.tap.port}"
    argv = [
        os.environ["RUMPSWITCH"],
        "demo",
        "--switches",
        "3",
        "--hosts",
        "3",
        "--controller",
        target,
        "--json",
    ]
    result = json.loads(context.command(argv, 90).stdout)
    context.expect(
        result["success"] and result["pings_answered"] == result["pings_sent"] > 0,
        f"{result['pings_answered']} of {result['pings_sent']} pings, failures {result['failures']}",
    )
    context.expect(ryu.tap.count("FEATURES_REPLY", True) == 3, "three switches came to ryu")
    context.expect(ryu.tap.count("PACKET_IN", True) > 0, "ryu got no packet-in")
    ryu.check()
