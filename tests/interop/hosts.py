"""Pings and TCP between hosts: a switch by itself, and under Open vSwitch's test controller."""

from __future__ import annotations

import json

import switches
from harness import Context, Host, Process, accepts, free_port, test, wait_until
from wiretap import Wiretap

HOST_TOOLS = ("ip", "ping", "iperf3")


def three_hosts(context: Context) -> list[Host]:
    return [Host(context, n, f"10.0.0.{n}/24", v6=f"fd00::{n}/64") for n in (1, 2, 3)]


def all_pings(context: Context, hosts: list[Host], v6: bool = True) -> None:
    """Every host pings every other; nothing may be lost."""
    for host in hosts:
        for other in hosts:
            if other is host:
                continue
            for target in (other.address, *([other.v6] if v6 and other.v6 else [])):
                sent, received = host.ping(target)
                context.expect(
                    sent == received == 3, f"{host.name} pings {target}: {received} of {sent} came back"
                )


def iperf(context: Context, client: Host, server: Host, seconds: float = 2) -> None:
    """A TCP transfer each way; data must arrive. No checksum or segmentation setting of the hosts is touched."""
    for reverse in (False, True):
        listener = context.spawn("iperf3-server", server.argv("iperf3", "-s", "-1"))
        wait_until(
            lambda: "LISTEN" in server.inside("ss", "-Hltn", "sport", "=", ":5201", check=False).stdout,
            10,
            "iperf3 to listen",
        )
        argv = ["iperf3", "-J", "-c", server.address, "-t", f"{seconds:g}", "--connect-timeout", "5000"]
        done = client.inside(*argv, *(["-R"] if reverse else []), seconds=seconds + 20, check=False)
        try:
            result = json.loads(done.stdout)
            received = result["end"]["sum_received"]["bytes"]
        except (ValueError, KeyError):
            error = json.loads(done.stdout).get("error", "") if done.stdout.startswith("{") else done.stderr
            context.expect(False, f"iperf3 {client.name} to {server.name} reverse={reverse}: {error}")
            listener.stop()
            continue
        context.log(
            f"iperf3 {client.name} {server.name} reverse={reverse}: {received * 8 / seconds / 1e6:.0f} Mbit/s"
        )
        context.expect(received > 1_000_000, f"iperf3 reverse={reverse} moved only {received} bytes")
        listener.wait(10)


def standalone(context: Context, kind: str) -> None:
    hosts = three_hosts(context)
    switches.start(context, hosts, kind=kind, fail_mode="standalone")
    all_pings(context, hosts)
    iperf(context, hosts[0], hosts[1])


@test("standalone-packet", tools=HOST_TOOLS)
def standalone_packet(context: Context) -> None:
    """no controller, fail mode standalone: pings and TCP on packet ports"""
    standalone(context, "packet")


@test("standalone-tap", tools=HOST_TOOLS)
def standalone_tap(context: Context) -> None:
    """no controller, fail mode standalone: pings and TCP on tap ports"""
    standalone(context, "tap")


@test("secure", tools=HOST_TOOLS)
def secure(context: Context) -> None:
    """a controller that is not there, fail mode secure: nothing is forwarded"""
    hosts = three_hosts(context)
    switches.start(context, hosts, controllers=[free_port()], fail_mode="secure")
    for host, other in ((hosts[0], hosts[1]), (hosts[2], hosts[0])):
        sent, received = host.ping(other.address)
        context.expect(
            sent == 3 and received == 0, f"{received} of {sent} pings passed a switch without flow entries"
        )


@test("fallback", tools=(*HOST_TOOLS, "ovs-testcontroller"))
def fallback(context: Context) -> None:
    """fail mode standalone: forwards while the controller is away, obeys it when it is back"""
    hosts = three_hosts(context)
    port = free_port()
    tap = Wiretap(context, "tap", port)
    switches.start(context, hosts, controllers=[tap.port], fail_mode="standalone")

    def passes() -> bool:
        return hosts[0].ping(hosts[1].address, count=1, wait=1)[1] == 1

    wait_until(passes, 30, "pings without the controller")
    all_pings(context, hosts, v6=False)
    # A controller that installs nothing: only its silence can stop the pings.
    controller = start_testcontroller(context, port, "--noflow", "--hub")
    wait_until(lambda: tap.count("FEATURES_REPLY", True) > 0, 20, "the switch to reach the controller")
    before = tap.count("PACKET_IN", True)
    sent, received = hosts[0].ping(hosts[1].address)
    context.expect(sent == received, f"through the hub: {received} of {sent}")
    context.expect(
        tap.count("PACKET_IN", True) > before, "the switch still forwards by itself under a controller"
    )
    controller.kill()
    wait_until(passes, 30, "pings after the controller's end")
    tap.check(context)


def start_testcontroller(context: Context, port: int, *options: str) -> Process:
    argv = ["ovs-testcontroller", *options, f"ptcp:{port}:127.0.0.1"]
    process = context.spawn("testcontroller", argv)
    wait_until(lambda: accepts(port), 10, "ovs-testcontroller to listen")
    return process


def testcontroller(context: Context, kind: str) -> None:
    hosts = three_hosts(context)
    port = free_port()
    tap = Wiretap(context, "tap", port)
    start_testcontroller(context, port)
    switches.start(context, hosts, kind=kind, controllers=[tap.port])
    wait_until(lambda: tap.count("FEATURES_REPLY", True) > 0, 20, "the switch to reach the controller")
    all_pings(context, hosts)
    iperf(context, hosts[0], hosts[2])
    context.expect(tap.count("PACKET_IN", True) > 0, "the controller saw no packet-in")
    context.expect(tap.count("FLOW_MOD", False) > 0, "the controller installed no flow entry")
    tap.check(context)


@test("testcontroller-packet", tools=(*HOST_TOOLS, "ovs-testcontroller"))
def testcontroller_packet(context: Context) -> None:
    """ovs-testcontroller: pings and TCP on packet ports"""
    testcontroller(context, "packet")


@test("testcontroller-tap", tools=(*HOST_TOOLS, "ovs-testcontroller"))
def testcontroller_tap(context: Context) -> None:
    """ovs-testcontroller: pings and TCP on tap ports"""
    testcontroller(context, "tap")
