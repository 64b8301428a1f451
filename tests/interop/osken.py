"""os-ken with a learning application, and the roles of several controllers."""

from __future__ import annotations

import json

import hosts as plain
import switches
from harness import Context, free_port, script, test, wait_until
from ovs_ofctl import Ofctl
from wiretap import Wiretap

ROLE_REQUEST_FAILED, STALE = 11, 0
BAD_REQUEST, IS_SLAVE = 1, 10


class OsKen:
    """One os-ken, the events its application has told, and a logger in front of it that stays when it is killed."""

    def __init__(self, context: Context, name: str, port: int, *claims: tuple[str, int]):
        self.context = context
        name = context.unique(name)
        self.events_file = context.logs / f"{name}.events"
        words = [str(word) for claim in claims for word in claim]
        argv = [
            context.venv_program("osken"),
            script("osken_run.py"),
            str(port),
            str(self.events_file),
            *words,
        ]
        env = {**context.venv_env("osken"), "PYTHONPATH": script("")}
        self.process = context.spawn(name, argv, env)

    def events(self, kind: str) -> list[dict]:
        text = self.events_file.read_text() if self.events_file.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        return [event for event in map(json.loads, whole.splitlines()) if event["event"] == kind]

    def wait(self, kind: str, what: str, seconds: float = 30) -> list[dict]:
        def there() -> list[dict]:
            self.process.require_running()
            return self.events(kind)

        return wait_until(there, seconds, what)


def learning(context: Context, kind: str) -> None:
    hosts = plain.three_hosts(context)
    port = free_port()
    tap = Wiretap(context, "tap", port)
    controller = OsKen(context, "osken", port)
    switches.start(context, hosts, kind=kind, controllers=[tap.port])
    arrived = controller.wait("switch", "the switch at the controller")
    context.expect(arrived[0]["id"] == switches.DATAPATH_ID, f"the datapath id is {arrived[0]['id']:#x}")
    plain.all_pings(context, hosts)
    plain.iperf(context, hosts[0], hosts[1])
    packet_ins = controller.events("packet-in")
    context.expect(packet_ins, "the application saw no packet-in")
    context.expect(
        all(event["reason"] == 0 for event in packet_ins), "packet-ins of the table-miss entry say NO_MATCH"
    )
    context.expect(
        all(event["length"] == event["total"] for event in packet_ins), "packet-ins carry the whole frame"
    )
    removed = controller.wait("removed", "a flow-removed for an idle entry", 15)
    context.expect(removed[0]["reason"] == 0, f"the flow-removed of an idle entry says {removed[0]}")
    context.expect(not controller.events("error"), f"errors at the application: {controller.events('error')}")
    tap.check(context)


@test("osken-packet", tools=plain.HOST_TOOLS, venvs=("osken",))
def osken_packet(context: Context) -> None:
    """os-ken with a learning application on packet ports"""
    learning(context, "packet")


@test("osken-tap", tools=plain.HOST_TOOLS, venvs=("osken",))
def osken_tap(context: Context) -> None:
    """os-ken with a learning application on tap ports"""
    learning(context, "tap")


@test("osken-roles", tools=(*plain.HOST_TOOLS, "ovs-ofctl"), venvs=("osken",), limit=240)
def osken_roles(context: Context) -> None:
    """MASTER, SLAVE and stale generations; the generation id outlives all connections"""
    hosts = plain.three_hosts(context)[:2]
    ports = free_port(), free_port()
    taps = [Wiretap(context, f"tap-{name}", port) for name, port in zip("ab", ports)]
    first = OsKen(context, "osken-a", ports[0], ("master", 1))
    slave = OsKen(context, "osken-b", ports[1], ("slave", 1))
    switch = switches.start(context, hosts, controllers=[tap.port for tap in taps], listen=True)

    def passes(count: int) -> int:
        return hosts[0].ping(hosts[1].address, count=count, wait=1)[1]

    # A master and a slave.
    first.wait("barrier", "the master's barrier")
    context.expect(
        first.events("role") == [{"event": "role", "role": "master", "generation": 1}],
        f"master: {first.events('role')}",
    )
    context.expect(not first.events("error"), f"errors at the master: {first.events('error')}")
    slave.wait("barrier", "the slave's barrier")
    context.expect(
        slave.events("role") == [{"event": "role", "role": "slave", "generation": 1}],
        f"slave: {slave.events('role')}",
    )
    refused = {"event": "error", "type": BAD_REQUEST, "code": IS_SLAVE}
    context.expect(
        slave.events("error") == [refused], f"a slave's flow-mod is answered by {slave.events('error')}"
    )
    context.expect(passes(3) == 3, "pings under the master")
    context.expect(first.events("packet-in"), "the master saw no packet-in")
    context.expect(not slave.events("packet-in"), "the slave got packet-ins")
    context.expect(not taps[1].messages("PACKET_IN", True), "the switch sent packet-ins to the slave")

    # The master dies: nobody serves a miss.
    first.process.kill()
    ofctl = Ofctl(context, switch.listen)
    ofctl("del-flows")
    context.expect(passes(3) == 0, "pings pass without a master and without entries")
    context.expect(not slave.events("packet-in"), "the slave got packet-ins after the master's end")

    # A new master with a newer generation.
    second = OsKen(context, "osken-a", ports[0], ("master", 2))
    second.wait("barrier", "the new master's barrier")
    context.expect(
        second.events("role") == [{"event": "role", "role": "master", "generation": 2}],
        f"new master: {second.events('role')}",
    )
    context.expect(passes(3) == 3, "pings under the new master")

    # A stale claim in the slave's place.
    stale = {"event": "error", "type": ROLE_REQUEST_FAILED, "code": STALE}
    slave.process.kill()
    late = OsKen(context, "osken-b", ports[1], ("master", 1))
    late.wait("error", "the answer to a stale claim")
    context.expect(
        late.events("error")[:1] == [stale] and not late.events("role"),
        f"a stale claim is answered by {late.events('error')}",
    )
    context.expect(passes(3) == 3, "the stale claim disturbs the master")

    # All connections end; the generation stays.
    late.process.kill()
    second.process.kill()
    before = taps[0].connections
    third = OsKen(context, "osken-a", ports[0], ("master", 1), ("nochange", 0), ("master", 3))
    third.wait("barrier", "the answers to the third controller")
    context.expect(taps[0].connections > before, "the third controller has a new connection")
    context.expect(
        third.events("error")[:1] == [stale], f"the generation id is forgotten: {third.events('error')}"
    )
    wanted = [
        {"event": "role", "role": "equal", "generation": 2},
        {"event": "role", "role": "master", "generation": 3},
    ]
    context.expect(third.events("role") == wanted, f"NOCHANGE, then MASTER 3: {third.events('role')}")
    for tap in taps:
        tap.check(context, ("BAD_REQUEST/IS_SLAVE", "ROLE_REQUEST_FAILED/STALE"))
