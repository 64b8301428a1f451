"""Further controllers: cerberus with fast failover groups, VLCP, and rovs-openflow, which is a Rust crate."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import struct

import hosts as plain
import install
import switches
from harness import Context, Host, Skip, accepts, free_port, ping_counts, script, test, wait_until
from ovs_ofctl import Ofctl
from ryu_control import Ryu
from ryu_switching import Ring
from wiretap import Wiretap

FAST_FAILOVER = 3
PORT_DESC = 13


def private_copy(context: Context, folder: str) -> None:
    """What is written to this folder of the machine stays in the test."""
    copy = pathlib.Path("/run/private") / folder.strip("/")
    shutil.copytree(folder, copy, symlinks=True, ignore_dangling_symlinks=True)
    context.command(["mount", "--bind", str(copy), folder])


def cerberus_topology(hosts: list[Host]) -> dict[str, object]:
    """The ring of `Ring`, in cerberus' words."""
    names = [f"s{host.number}" for host in hosts]
    return {
        "switch_matrix": {
            "dp_ids": {name: host.number for name, host in zip(names, hosts)},
            "links": [[name, "2", names[(n + 1) % 3], "3"] for n, name in enumerate(names)],
            "p4": [],
        },
        "hosts_matrix": [
            {
                "name": host.name,
                "interfaces": [
                    {
                        "switch": name,
                        "swport": 1,
                        "mac": host.mac,
                        "ipv4": host.prefix,
                        "vlan": 100,
                        "tagged": False,
                    }
                ],
            }
            for name, host in zip(names, hosts)
        ],
    }


@test("cerberus", tools=plain.HOST_TOOLS, venvs=("cerberus",), limit=150)
def cerberus(context: Context) -> None:
    """cerberus on a ring of three switches: a cable is cut and its fast failover groups move the traffic"""
    if os.getpid() != 1:
        raise Skip("cerberus needs /etc and /var/log of its own")
    private_copy(context, "/etc")
    context.command(["mount", "-t", "tmpfs", "none", "/var/log"])
    for folder in ("/etc/cerberus/rollback", "/etc/cerberus/failed", "/var/log/cerberus"):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    port = free_port()
    tap = Wiretap(context, "cerberus-tap", port)
    ring = Ring(context, [tap.port])
    topology = json.dumps(cerberus_topology(ring.hosts))
    pathlib.Path("/etc/cerberus/topology.json").write_text(topology)
    argv = [context.venv_program("cerberus"), context.venv_program("cerberus", "cerberus-controller")]
    argv += ["--ofp-listen-host", "127.0.0.1", "--ofp-tcp-listen-port", str(port)]
    argv += ["--wsapi-host", "127.0.0.1", "--wsapi-port", str(free_port())]
    controller = context.spawn("cerberus", argv, context.venv_env("cerberus"))
    wait_until(lambda: tap.count("FEATURES_REPLY", True) >= 3, 60, "three switches at cerberus")
    wait_until(ring.pings_pass, 40, "pings round the ring")
    groups = tap.messages("GROUP_MOD", False)
    context.expect(
        len(groups) >= 6 and all(seen.message.body[2] == FAST_FAILOVER for seen in groups),
        f"{len(groups)} groups, of types {sorted({seen.message.body[2] for seen in groups})}",
    )
    one, two, _ = ring.hosts
    pings = context.spawn("pings", one.argv("ping", "-n", "-c", "60", "-i", "0.1", "-W", "2", two.address))
    wait_until(lambda: "icmp_seq=20 " in pings.output(), 15, "20 of the pings")
    changes = tap.count("GROUP_MOD", False) + tap.count("FLOW_MOD", False)
    ring.cables[0][0].cut()
    wait_until(lambda: "icmp_seq=60 " in pings.output(), 15, "the last ping")
    pings.wait(20)
    sent, received = ping_counts(pings.output())
    context.log(f"{received} of {sent} pings came back")
    # The switches see a cable go within milliseconds, one ping or two.
    context.expect(received >= sent - 3, f"{received} of {sent} pings came back")
    after = tap.count("GROUP_MOD", False) + tap.count("FLOW_MOD", False)
    context.log(f"{after - changes} changes by cerberus since the cut")
    ring.expect_calm("after the cut")
    controller.require_running()
    # It adds each group twice.
    tap.check(context, ("GROUP_MOD_FAILED/GROUP_EXISTS",))


@test("vlcp", tools=plain.HOST_TOOLS, venvs=("vlcp",), limit=90)
def vlcp(context: Context) -> None:
    """VLCP: a hello with a version bitmap, the handshake, port descriptions, signs of life"""
    hosts = [Host(context, n, f"10.0.0.{n}/24") for n in (1, 2)]
    port = free_port()
    tap = Wiretap(context, "vlcp-tap", port)
    settings = context.logs / "vlcp.conf"
    settings.write_text(f"module.openflowserver.url='ltcp://127.0.0.1:{port}/'\n")
    modules = (
        "vlcp.service.connection.openflowserver.OpenflowServer",
        "vlcp.service.sdn.ofpportmanager.OpenflowPortManager",
    )
    argv = [context.venv_program("vlcp"), context.venv_program("vlcp", "vlcp-start")]
    controller = context.spawn("vlcp", [*argv, "-f", str(settings), *modules], context.venv_env("vlcp"))
    wait_until(lambda: accepts(port), 30, "VLCP to listen")
    switches.start(context, hosts, controllers=[tap.port])

    def described() -> bool:
        controller.require_running()
        replies = tap.messages("MULTIPART_REPLY", True)
        return any(seen.message.raw[8:10] == struct.pack("!H", PORT_DESC) for seen in replies)

    wait_until(described, 30, "VLCP to ask for the ports")
    hello = tap.messages("HELLO", False)[0].message
    context.expect(len(hello.body) >= 8 and hello.body[:2] == b"\x00\x01", f"VLCP's hello: {hello.raw.hex()}")
    wait_until(lambda: tap.count("ECHO_REPLY") > 0, 30, "a sign of life")
    # A port that goes is told of, and VLCP stays.
    hosts[1].unplug()
    wait_until(lambda: tap.count("PORT_STATUS", True) > 0, 10, "the port to be reported")
    controller.require_running()
    context.expect(tap.connections == 1, f"the switch connected {tap.connections} times")
    tap.check(context)


@test("rovs", tools=(*plain.HOST_TOOLS, "ovs-ofctl"), crates=("rovs-peer",), limit=60)
def rovs(context: Context) -> None:
    """rovs-openflow, a Rust crate: connects to the listening switch, adds, lists and deletes flow entries"""
    hosts = [Host(context, n, f"10.0.0.{n}/24") for n in (1, 2)]
    switch = switches.start(context, hosts, listen=True)
    tap = Wiretap(context, "rovs-tap", switch.listen, switch_listens=True)
    one, two = hosts

    def peer(command: str) -> list[str]:
        target = f"tcp:127.0.0.1:{tap.port}"
        said = context.command([context.crate_program("rovs-peer"), target, command], 20).stdout.splitlines()
        context.expect(said[:1] == ["version Of13"] and said[-1:] == ["done"], f"{command}: {said}")
        return [line for line in said if line.startswith("flow ")]

    context.expect(not peer("delete"), "entries are listed after all were deleted")
    context.expect(one.ping(two.address, wait=1)[1] == 0, "pings pass without an entry")
    context.expect(len(peer("add")) == 2, "two entries are listed")
    sent, received = one.ping(two.address)
    context.expect(sent == received, f"{received} of {sent} pings came back")

    def counted() -> bool:
        wanted = r"flow cookie=0x726f7673 priority=100 packets=(\d+)"
        flows = [re.fullmatch(wanted, flow) for flow in peer("dump")]
        return len(flows) == 2 and all(flow and int(flow[1]) >= 3 for flow in flows)

    # Open vSwitch counts with a delay.
    wait_until(counted, 5, "the entries to have counted the pings", step=0.3)
    ofctl = Ofctl(context, switch.listen)
    context.expect("cookie=0x726f7673" in ofctl("dump-flows"), "ovs-ofctl sees the entries too")
    context.expect(not peer("delete"), "entries are left")
    tap.check(context)
