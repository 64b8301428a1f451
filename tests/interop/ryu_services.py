"""ryu's services driven by REST: firewall, routers, quality of service."""

from __future__ import annotations

import contextlib
import json
import sys

import faucet
import hosts as plain
import switches
from harness import Cable, Context, Failure, Host, script, test, wait_until
from ryu_control import Ryu

DPID = f"{switches.DATAPATH_ID:016x}"
IN_PORT, TABLE, NORMAL, LOCAL = 0xFFFFFFF8, 0xFFFFFFF9, 0xFFFFFFFA, 0xFFFFFFFE


def succeeded(context: Context, answer: object, what: str) -> str:
    """The details of a command that every switch has carried out."""
    results = []
    for switch in answer if isinstance(answer, list) else [answer]:
        result = switch.get("command_result") if isinstance(switch, dict) else None
        results += result if isinstance(result, list) else [result]
    good = results and all(
        isinstance(result, dict) and result.get("result") == "success" for result in results
    )
    context.expect(good, f"{what} is answered by {answer}")
    return str(results[0].get("details")) if good else ""


def expect_ping(context: Context, host: Host, target: str, passes: bool, what: str) -> None:
    """Pings pass or do not, from a moment after the REST answer on: ryu sends its flow-mods later than that."""
    with contextlib.suppress(Failure):
        wait_until(lambda: bool(host.ping(target, count=1, wait=0.5)[1]) == passes, 5, "the change")
    sent, received = host.ping(target, count=2, wait=1)
    context.expect(
        received == (sent if passes else 0),
        f"{host.name} pings {target} {what}: {received} of {sent} came back",
    )


@test("ryu-firewall", tools=plain.HOST_TOOLS, venvs=("ryu",), limit=150)
def ryu_firewall(context: Context) -> None:
    """ryu rest_firewall: off and on, rules by address, protocol and port, priorities, deletion, its log"""
    hosts = [Host(context, n, f"10.0.0.{n}/24") for n in (1, 2, 3)]
    one, two, three = hosts
    ryu = Ryu(context, "ryu.app.rest_firewall")
    switches.start(context, hosts, controllers=[ryu.tap.port])
    ryu.wait_web()
    ryu.wait_switches()
    status = ryu.rest("/firewall/module/status")
    context.expect([switch["status"] for switch in status] == ["disable"], f"the status at first: {status}")
    expect_ping(context, one, two.address, False, "while the firewall is off")
    succeeded(context, ryu.rest(f"/firewall/module/enable/{DPID}", method="PUT"), "enable")
    expect_ping(context, one, two.address, False, "without a rule")
    wait_until(lambda: "Blocked packet" in ryu.process.output(), 10, "a line about a blocked packet")

    def rule(**fields: object) -> int:
        answer = ryu.rest(f"/firewall/rules/{DPID}", {key: str(value) for key, value in fields.items()})
        return int(succeeded(context, answer, f"rule {fields}").rpartition("=")[2] or 0)

    for a, b in ((one, two), (two, one)):
        rule(nw_src=f"{a.address}/32", nw_dst=f"{b.address}/32", nw_proto="ICMP")
    rule(nw_src="10.0.0.0/24", nw_dst=f"{two.address}/32", nw_proto="TCP", tp_dst=faucet.ALLOWED_PORT)
    rule(nw_src=f"{two.address}/32", nw_dst="10.0.0.0/24", nw_proto="TCP", tp_src=faucet.ALLOWED_PORT)
    expect_ping(context, one, two.address, True, "with a rule for it")
    expect_ping(context, three, two.address, False, "without a rule for it")
    for port in (faucet.ALLOWED_PORT, faucet.BLOCKED_PORT):
        context.spawn(f"listener-{port}", two.argv(sys.executable, script("tcp_listen.py"), str(port)))
        wait_until(lambda port=port: faucet.listens(two, port), 10, "the TCP listener")
    for client, port, wanted in (
        (one, faucet.ALLOWED_PORT, "connected"),
        (three, faucet.ALLOWED_PORT, "connected"),
        (one, faucet.BLOCKED_PORT, "timeout"),
    ):
        got = faucet.tcp(client, two, port)
        context.expect(got == wanted, f"TCP from {client.name} to port {port}: {got}, not {wanted}")
    deny = rule(
        nw_src=f"{one.address}/32", nw_dst=f"{two.address}/32", nw_proto="ICMP", actions="DENY", priority=10
    )
    expect_ping(context, one, two.address, False, "under a DENY of higher priority")
    listed = ryu.rest(f"/firewall/rules/{DPID}")
    rules = {rule["rule_id"]: rule for rule in listed[0]["access_control_list"][0]["rules"]}
    context.expect(len(rules) == 5, f"the rules listed: {listed}")
    context.expect(
        rules.get(deny, {}).get("actions") == "DENY" and rules[deny]["nw_src"].split("/")[0] == one.address,
        f"the rule that denies: {rules.get(deny)}",
    )
    answer = ryu.rest(f"/firewall/rules/{DPID}", {"rule_id": str(deny)}, method="DELETE")
    succeeded(context, answer, "delete")
    expect_ping(context, one, two.address, True, "when the DENY is gone")
    succeeded(context, ryu.rest(f"/firewall/module/disable/{DPID}", method="PUT"), "disable")
    expect_ping(context, one, two.address, False, "when the firewall is off again")
    ryu.check()


@test("ryu-router", tools=plain.HOST_TOOLS, venvs=("ryu",), limit=180)
def ryu_router(context: Context) -> None:
    """ryu rest_router: two routers with static routes, gateways that answer, TTLs that run out"""
    hosts = [
        Host(context, n, f"192.168.{n}.1/24", f"192.168.{n}.254", port=port)
        for n, port in ((1, 1), (2, 2), (3, 1))
    ]
    one, two, three = hosts
    cable = Cable.between(context, 3, 2)
    ryu = Ryu(context, "ryu.app.rest_router")
    ids = 0x61, 0x62
    for ports, number in (([one, two, cable[0]], ids[0]), ([three, cable[1]], ids[1])):
        switches.start(context, ports, datapath_id=number, controllers=[ryu.tap.port], local=True)
    ryu.wait_web()
    ryu.wait_switches(2)

    def configure(number: int, **fields: str) -> str:
        return succeeded(context, ryu.rest(f"/router/{number:016x}", fields), f"{number:#x} {fields}")

    for number, address in (
        (ids[0], "192.168.1.254/24"),
        (ids[0], "192.168.2.254/24"),
        (ids[0], "10.0.0.1/24"),
        (ids[1], "192.168.3.254/24"),
        (ids[1], "10.0.0.2/24"),
    ):
        configure(number, address=address)
    configure(ids[0], destination="192.168.3.0/24", gateway="10.0.0.2")
    configure(ids[1], gateway="10.0.0.1")

    def route_is_known() -> bool:
        return all(
            "route" in json.dumps(ryu.rest(f"/router/{number:016x}")) for number in ids
        )  # it shows a route once the gateway's address has been resolved

    wait_until(route_is_known, 20, "the routers to find each other")
    for host, other in ((one, two), (two, one), (one, three), (three, two)):
        wait_until(
            lambda host=host, other=other: host.ping(other.address, count=1, wait=1)[1], 15, "a first ping"
        )
        sent, received = host.ping(other.address)
        context.expect(sent == received, f"{host.name} pings {other.name}: {received} of {sent}")
    for host in hosts:
        expect_ping(context, host, host.gateway, True, "its gateway")
    for target, hops in ((two.address, 1), (three.address, 2)):
        text = one.inside("ping", "-n", "-c", "1", "-W", "2", target, check=False).stdout
        context.expect(f"ttl={64 - hops} " in text, f"{hops} routers away: {text}")
    text = one.inside("ping", "-n", "-c", "1", "-t", "1", "-W", "2", three.address, check=False).stdout
    context.expect(
        f"From {one.gateway}" in text and "Time to live exceeded" in text, f"a TTL of 1 is answered by {text}"
    )
    plain.iperf(context, one, three)
    # A route less: the first router says so.
    answer = ryu.rest(f"/router/{ids[0]:016x}", {"route_id": "all"}, method="DELETE")
    succeeded(context, answer, "delete")
    expect_ping(context, one, three.address, False, "without a route")
    expect_ping(context, one, two.address, True, "still")
    outputs = set()
    for seen in ryu.tap.messages("PACKET_OUT", False):
        body = seen.message.body
        if body[10:12] == b"\0\0" and int.from_bytes(body[8:10], "big") >= 16:
            outputs |= {int.from_bytes(body[20:24], "big")}
    for name, number in (("IN_PORT", IN_PORT), ("TABLE", TABLE), ("LOCAL", LOCAL)):
        context.expect(number in outputs, f"the routers sent no packet-out to {name}")
    ryu.check()


def udp_rate(context: Context, client: Host, server: Host, mbits: float, tos: int) -> float:
    """Megabits per second that arrive of a stream of datagrams, over 4 seconds."""
    context.spawn("iperf3-udp", server.argv("iperf3", "-s", "-1"))
    wait_until(lambda: faucet.listens(server, 5201), 10, "iperf3 to listen")
    argv = [
        "iperf3",
        "-J",
        "-u",
        "-b",
        f"{mbits}M",
        "-l",
        "1000",
        "-t",
        "4",
        "-S",
        str(tos),
        "-c",
        server.address,
    ]
    before = server.received()
    done = client.inside(*argv, seconds=30, check=False)
    # Counted where they arrive: what still waits in a queue is neither lost nor there.
    arrived = (server.received() - before) * 1000 * 8 / 4 / 1e6
    context.expect(
        '"sum"' in done.stdout, f"iperf3 with datagrams: {done.stdout[-300:]} {done.stderr[-200:]}"
    )
    context.log(f"{mbits} Mbit/s with TOS {tos:#x}: {arrived:.2f} Mbit/s arrive")
    return arrived


@test("ryu-qos", tools=plain.HOST_TOOLS, venvs=("ryu",), limit=150)
def ryu_qos(context: Context) -> None:
    """ryu rest_qos: a meter for one DSCP in table 0, marking by address and port, switching in table 1"""
    hosts = [Host(context, n, f"10.0.0.{n}/24") for n in (1, 2, 3)]
    one, two, three = hosts
    ryu = Ryu(context, "ryu.app.rest_qos", "ryu_table1", "ryu.app.rest_conf_switch")
    switches.start(context, hosts, controllers=[ryu.tap.port])
    ryu.wait_web()
    ryu.wait_switches()
    plain.all_pings(context, hosts, v6=False)
    succeeded(
        context,
        ryu.rest(
            f"/qos/meter/{DPID}", {"meter_id": 1, "flags": "KBPS", "bands": [{"type": "DROP", "rate": 2000}]}
        ),
        "the meter",
    )
    rule = {"match": {"ip_dscp": "10"}, "actions": {"meter": "1"}}
    succeeded(context, ryu.rest(f"/qos/rules/{DPID}", rule), "the rule with a meter")
    mark = {
        "priority": "100",
        "match": {"nw_dst": three.address, "nw_proto": "UDP", "tp_dst": "7001"},
        "actions": {"mark": "26"},
    }
    succeeded(context, ryu.rest(f"/qos/rules/{DPID}", mark), "the rule that marks")
    free = udp_rate(context, one, two, 8, tos=0)
    metered = udp_rate(context, one, two, 8, tos=10 << 2)
    context.expect(7.5 < free < 9, f"{free:.2f} of 8 Mbit/s arrive without the meter's DSCP")
    # The meter counts whole frames, 1042 bytes for 1000; the first burst passes on top.
    context.expect(1.5 < metered < 2.5, f"{metered:.2f} Mbit/s pass a meter of 2")
    listener = context.spawn("tos", three.argv(sys.executable, script("tos_listen.py"), "7001"))
    wait_until(lambda: "ready" in listener.output(), 10, "the listener")
    code = f"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{three.address}', 7001))"
    one.inside(sys.executable, "-c", code)
    wait_until(lambda: "dscp" in listener.output(), 10, "a datagram")
    context.expect("dscp 26" in listener.output(), f"the mark: {listener.output()}")
    counted = ryu.rest(f"/qos/meter/{DPID}")
    meters = counted[0]["command_result"][str(switches.DATAPATH_ID)]
    context.expect(
        len(meters) == 1
        and meters[0]["packet_in_count"] > 3000
        and meters[0]["band_stats"][0]["packet_band_count"] > 2000,
        f"the meter has counted {counted}",
    )
    listed = ryu.rest(f"/qos/rules/{DPID}")
    rules = listed[0]["command_result"][0]["qos"]
    context.expect(sorted(rule["priority"] for rule in rules) == [1, 100], f"the rules listed: {listed}")
    succeeded(context, ryu.rest(f"/qos/rules/{DPID}", {"qos_id": "all"}, method="DELETE"), "delete rules")
    # In ryu 4.34 deleting a meter is a DELETE with its number.
    ryu.rest(f"/qos/meter/{DPID}", {"meter_id": 1}, method="DELETE")
    expect_ping(context, one, two.address, True, "at the end")
    ryu.check()


@test("ryu-qos-queue", tools=plain.HOST_TOOLS, venvs=("ryu",), limit=120, switches=("rumpswitch",))
def ryu_qos_queue(context: Context) -> None:
    """ryu rest_qos: a rule puts datagrams into a queue with a highest rate, and lists what queues have counted"""
    # Open vSwitch's userspace datapath has no queues.
    hosts = [Host(context, n, f"10.0.0.{n}/24") for n in (1, 2)]
    one, two = hosts
    ryu = Ryu(context, "ryu.app.rest_qos", "ryu_table1", "ryu.app.rest_conf_switch")
    options = ["--rate", "2=20M", "--queue", "2:0", "--queue", "2:1:max=10%"]
    switches.start(context, hosts, controllers=[ryu.tap.port], options=options)
    ryu.wait_web()
    ryu.wait_switches()
    plain.all_pings(context, hosts, v6=False)
    rule = {"match": {"ip_dscp": "10"}, "actions": {"queue": "1"}}
    succeeded(context, ryu.rest(f"/qos/rules/{DPID}", rule), "the rule with a queue")
    free = udp_rate(context, one, two, 8, tos=0)
    queued = udp_rate(context, one, two, 8, tos=10 << 2)
    context.expect(7.5 < free < 9, f"{free:.2f} of 8 Mbit/s arrive outside the queue")
    # The queue's rate counts whole frames, 1042 bytes for 1000.
    context.expect(1.5 < queued < 2.7, f"{queued:.2f} Mbit/s leave a queue of 2")
    counted = ryu.rest(f"/qos/queue/status/{DPID}")
    queues = counted[0]["command_result"][str(switches.DATAPATH_ID)]
    packets = {queue["queue_id"]: queue["tx_packets"] for queue in queues if queue["port_no"] == 2}
    context.expect(packets.get(1, 0) > 500, f"the queues have counted {packets}")
    ryu.check()
