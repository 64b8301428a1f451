"""`ovs-ofctl monitor watch:`, the flow monitors of ONF's extension 187: what it prints of entries that are there,
come, change and go, and that the bytes are those of Open vSwitch."""

from __future__ import annotations

import itertools
import re

import switches
from harness import Context, Host, test, wait_until
from ovs_ofctl import Ofctl
from wiretap import Wiretap

MULTIPART, EXPERIMENTER = 19, bytes.fromhex("ffff0000000000004f4e46000000074e")
EVENTS = {0: "ADDED", 1: "DELETED", 2: "MODIFIED"}


class Watcher:
    """One `ovs-ofctl monitor` and what it prints."""

    def __init__(self, ofctl: Ofctl, name: str, *specs: str):
        self.context = ofctl.context
        argv = ofctl.argv("monitor", *[f"watch:{spec}" for spec in specs], options=("--no-names",))
        self.process = self.context.spawn(name, argv)
        self.seen = 0

    def lines(self) -> list[str]:
        """Lines of updates, without the time that a verbose monitor puts before them."""
        return [line.strip() for line in self.process.output().splitlines() if line.startswith(" event=")]

    def expect(self, what: str, *lines: str) -> None:
        """The next updates are these, and no more follow until the next change."""

        def told() -> bool:
            self.process.require_running()
            return len(self.lines()) >= self.seen + len(lines)

        wait_until(told, 8, f"{what}: {len(lines)} updates; there are {self.lines()[self.seen :]}")
        got = self.lines()[self.seen :]
        self.seen = self.seen + len(got)
        self.context.expect(got == list(lines), f"{what}: {got} instead of {list(lines)}")


def updates(tap: Wiretap) -> list[tuple[int, bytes]]:
    """The updates that went by: xid of the message, bytes of the update."""
    found = []
    for seen in tap.messages("MULTIPART_REPLY", from_switch=True):
        raw = seen.message.raw
        if raw[8:24] == EXPERIMENTER:
            rest = raw[24:]
            while rest:
                length = int.from_bytes(rest[:2])
                found.append((int.from_bytes(raw[4:8]), rest[:length]))
                rest = rest[length:]
    return found


def watch(ofctl: Ofctl, tap: Wiretap, author: Ofctl) -> None:
    context = ofctl.context
    author.clear()
    author("add-flow", "table=0,priority=5,cookie=0x77,idle_timeout=600,ip,nw_dst=10.0.0.1,actions=output:1,goto_table:2")
    author("add-flow", "table=1,priority=7,actions=drop")
    everything = Watcher(ofctl, "watch-all", "")
    everything.expect(
        "the entries that are there",
        "event=ADDED table=0 idle_timeout=600 cookie=0x77 ip,nw_dst=10.0.0.1 actions=output:1,goto_table:2",
        "event=ADDED table=1 cookie=0",
    )
    changes = Watcher(ofctl, "watch-changes", "!initial,!actions,table=0,ip", "!initial,!add,out_port=3")
    wait_until(lambda: tap.count("MULTIPART_REQUEST", False) and len(tap.messages("BARRIER_REPLY", True)) >= 2, 8, "both monitors")
    for what, command, line, all_of_it, some_of_it in (
        (
            "an entry comes",
            ("add-flow",),
            "table=0,priority=6,tcp,tp_dst=80,actions=output:2",
            ["event=ADDED table=0 cookie=0 tcp,tp_dst=80 actions=output:2"],
            ["event=ADDED table=0 cookie=0 tcp,tp_dst=80"],
        ),
        (
            "it changes",
            ("mod-flows",),
            "table=0,tcp,tp_dst=80,actions=output:3",
            ["event=MODIFIED table=0 cookie=0 tcp,tp_dst=80 actions=output:3"],
            ["event=MODIFIED table=0 cookie=0 tcp,tp_dst=80 actions=output:3"],
        ),
        (
            "it is added again",
            ("add-flow",),
            "table=0,priority=6,cookie=9,tcp,tp_dst=80,actions=output:1",
            ["event=ADDED table=0 cookie=0x9 tcp,tp_dst=80 actions=output:1"],
            ["event=ADDED table=0 cookie=0x9 tcp,tp_dst=80"],
        ),
        (
            "another table",
            ("add-flow",),
            "table=3,priority=6,tcp,actions=output:3",
            ["event=ADDED table=3 cookie=0 tcp actions=output:3"],
            [],
        ),
        (
            "it goes",
            ("del-flows",),
            "tcp",
            [
                "event=DELETED reason=delete table=0 cookie=0x9 tcp,tp_dst=80 actions=output:1",
                "event=DELETED reason=delete table=3 cookie=0 tcp actions=output:3",
            ],
            [
                "event=DELETED reason=delete table=0 cookie=0x9 tcp,tp_dst=80",
                "event=DELETED reason=delete table=3 cookie=0 tcp actions=output:3",
            ],
        ),
        (
            "one with a timeout",
            ("add-flow",),
            "table=0,priority=8,hard_timeout=1,udp,actions=drop",
            [
                "event=ADDED table=0 hard_timeout=1 cookie=0 udp",
                "event=DELETED reason=hard table=0 hard_timeout=1 cookie=0 udp",
            ],
            [
                "event=ADDED table=0 hard_timeout=1 cookie=0 udp",
                "event=DELETED reason=hard table=0 hard_timeout=1 cookie=0 udp",
            ],
        ),
    ):
        author(*command, line)
        everything.expect(what, *all_of_it)
        changes.expect(what, *some_of_it)
    author("add-group", "group_id=9,type=all,bucket=output:1")
    author("add-flow", "priority=9,actions=group:9")
    author("del-groups", "group_id=9")
    everything.expect(
        "its group goes",
        "event=ADDED table=0 cookie=0 actions=group:9",
        "event=DELETED reason=group_delete table=0 cookie=0 actions=group:9",
    )
    flows = context.logs / "bundle.flows"
    flows.write_text("priority=21,actions=output:1\npriority=22,actions=output:2\n")
    author("add-flows", str(flows), options=("--bundle",))
    everything.expect(
        "a bundle",
        "event=ADDED table=0 cookie=0 actions=output:1",
        "event=ADDED table=0 cookie=0 actions=output:2",
    )
    for watcher in (everything, changes):
        watcher.process.stop()
    # Open vSwitch's own bytes of the first entry.
    recorded = bytes.fromhex(
        "0050000000000005025800000012000000000000000000770001001280000a020800800018040a000001000000000000"
        "0004001800000000000000100000000100000000000000000001000802000000"
    )
    told = updates(tap)
    context.expect(told[:1] and told[0][1].replace(b"\1\xff\xff\0", b"\1\0\0\0") == recorded, f"bytes: {told[0][1].hex()}")
    context.expect(told[0][0] != 0, "the first answer has the xid of the request")
    later = [xid for xid, _ in itertools.islice(told, 2, None)]
    context.expect(set(later) == {0}, f"updates have the xid 0: {later}")


def own(ofctl: Ofctl) -> None:
    """The monitor's own changes, sent by `ovs-appctl ofctl/send` on its channel, in short."""
    context = ofctl.context
    control = context.logs / "monitor.ctl"
    argv = ofctl.argv("monitor", "watch:!own", options=("--no-names", f"--unixctl={control}"))
    watcher = context.spawn("watch-own", argv)
    wait_until(control.exists, 8, "the monitor's control socket")
    # A flow-mod of priority 77 with the xid 0x123.
    flow = "040e003800000123" + "00" * 16 + "00000000" + "0000004d" + "ffffffff" * 3 + "0000" + "0000" + "0001000400000000"
    context.command(["ovs-appctl", "-t", str(control), "ofctl/send", flow])
    wait_until(lambda: re.search(r"event=ABBREV xid=0x123", watcher.output()), 8, "its own change in short")
    context.expect(True, "own")
    watcher.stop()


@test("monitors", tools=("ip", "ovs-ofctl"), limit=120)
def monitors(context: Context) -> None:
    """ovs-ofctl monitor watch: follows the flow entries of a switch"""
    hosts = [Host(context, n, f"10.0.0.{n}/24") for n in (1, 2, 3)]
    switch = switches.start(context, hosts, listen=True)
    tap = Wiretap(context, "watch", switch.listen, switch_listens=True)
    # The author is another client, straight at the switch.
    author = Ofctl(context, switch.listen)
    watch(Ofctl(context, tap.port), tap, author)
    own(Ofctl(context, tap.port))
    author.clear()
    # ovs-ofctl tries its own packet-in format first and takes the standard's after a refusal.
    tap.check(context, ("BAD_REQUEST/BAD_EXPERIMENTER",))
