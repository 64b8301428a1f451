"""Queues: what ovs-ofctl asks of them, and what a host behind a shaped port gets."""

from __future__ import annotations

import re

import switches
from harness import Context, Failure, Host, test, wait_until
from hosts import HOST_TOOLS
from ovs_ofctl import Ofctl
from wiretap import Wiretap

# Port 2 sends 20 Mbit/s; queue 7 has at most a quarter of it, queue 8 half of it for sure. Port 1 has a queue 8.
SHAPE = ("--rate", "2=20M", "--queue", "2:7:max=25%", "--queue", "2:8:min=50%")
SHAPE += ("--rate", "1=1G", "--queue", "1:8:min=12.5%,max=100%")


def queue_stats(ofctl: Ofctl, port: str, queue: str) -> dict[tuple[int, int], list[int]]:
    """Bytes, packets and errors by port and queue."""
    text = ofctl("queue-stats", port, queue)
    row = re.compile(r"port (\d+) queue (\d+): bytes=(\d+), pkts=(\d+), errors=(\d+), duration=(?:\d|\.)+s")
    rows = {(int(m[1]), int(m[2])): [int(m[n]) for n in (3, 4, 5)] for m in row.finditer(text)}
    ofctl.expect(text, rf"OFPST_QUEUE reply \(OF1\.3\).*: {len(rows)} queues", what="queue-stats")
    return rows


def statistics(ofctl: Ofctl) -> None:
    expect = ofctl.context.expect
    asked = {
        ("ANY", "ALL"): {(1, 8), (2, 7), (2, 8)},
        ("ANY", "8"): {(1, 8), (2, 8)},
        ("2", "ALL"): {(2, 7), (2, 8)},
        ("2", "7"): {(2, 7)},
    }
    for (port, queue), wanted in asked.items():
        got = set(queue_stats(ofctl, port, queue))
        expect(got == wanted, f"queue-stats {port} {queue}: {got}, not {wanted}")
    for port, queue, error in (("77", "ALL", "OFPQOFC_BAD_PORT"), ("2", "9", "OFPQOFC_BAD_QUEUE")):
        text = ofctl("queue-stats", port, queue, status=None)
        expect(error in text, f"queue-stats {port} {queue}: {text.strip()[:200]}")


def configuration(ofctl: Ofctl) -> None:
    text = ofctl("queue-get-config", "2")
    ofctl.expect(
        text,
        r"OFPT_QUEUE_GET_CONFIG_REPLY \(OF1\.3\)",
        r"queue 7: *max_rate:25\.0%$",
        r"queue 8: *min_rate:50\.0%$",
        what="queue-get-config 2",
    )
    text = ofctl("queue-get-config", "1")
    ofctl.expect(text, r"queue 8: *min_rate:12\.5% max_rate:100\.0%$", what="queue-get-config 1")
    text = ofctl("queue-get-config", "ANY")
    found = sorted(re.findall(r"queue (\d+):", text))
    ofctl.context.expect(found == ["7", "8", "8"], f"queue-get-config ANY: {text.strip()[:400]}")


def actions(ofctl: Ofctl) -> None:
    ofctl("add-flow", "priority=9,udp,actions=set_queue:8,output:1")
    ofctl("add-flow", "priority=9,tcp,actions=write_actions(set_queue:7,output:2)")
    ofctl("add-group", "group_id=9,type=indirect,bucket=actions=set_queue:8,output:2")
    for flow in ("sctp,actions=set_queue:9,output:2", "icmp,actions=write_actions(set_queue:6,output:1)"):
        text = ofctl("add-flow", flow, status=None)
        ofctl.context.expect("OFPBAC_BAD_QUEUE" in text, f"{flow}: {text.strip()[:200]}")
    ofctl.clear()


def traffic(ofctl: Ofctl, hosts: list[Host]) -> None:
    """UDP at 30 Mbit/s into a queue that has 5."""
    context = ofctl.context
    for n in (1, 2):
        ofctl("add-flow", f"priority=1,in_port={n},actions=output:{3 - n}")
    ofctl("add-flow", "priority=2,in_port=1,udp,actions=set_queue:7,output:2")
    before = queue_stats(ofctl, "2", "7")[2, 7]
    listener = context.spawn("iperf3-server", hosts[1].argv("iperf3", "-s", "-1"))
    wait_until(
        lambda: "LISTEN" in hosts[1].inside("ss", "-Hltn", "sport", "=", ":5201", check=False).stdout,
        10,
        "iperf3 to listen",
    )
    argv = ["iperf3", "-J", "-c", hosts[1].address, "-u", "-b", "30M", "-l", "1000", "-t", "3"]
    hosts[0].inside(*argv, "--connect-timeout", "5000", seconds=30, check=False)
    listener.stop()
    sent = [after - early for early, after in zip(before, queue_stats(ofctl, "2", "7")[2, 7], strict=True)]
    # iperf3 sends for 3 s, and what waits then is 384 KiB at most; on a busy machine the switch loses time.
    most = 5e6 / 8 * 3.5 + 400_000
    context.expect(5e6 / 8 < sent[0] < most, f"{sent[0]} bytes in 3 s at 5 Mbit/s")
    context.expect(sent[2] > 1000, f"{sent[2]} of {sent[1] + sent[2]} packets overran the queue")


# Errors that the test asks for.
ASKED = ("BAD_ACTION/BAD_QUEUE", "QUEUE_OP_FAILED/BAD_PORT", "QUEUE_OP_FAILED/BAD_QUEUE")


@test("queues", tools=(*HOST_TOOLS, "ovs-ofctl"), switches=("rumpswitch",), limit=120)
def queues(context: Context) -> None:
    """queues of `rumpswitch run`: ovs-ofctl's queue-stats, queue-get-config and set_queue; a queue's rate"""
    hosts = [Host(context, n, f"10.0.0.{n}/24") for n in (1, 2)]
    switch = switches.start(context, hosts, listen=True, options=SHAPE)
    tap = Wiretap(context, "ofctl", switch.listen, switch_listens=True)
    ofctl = Ofctl(context, tap.port)
    for part in (statistics, configuration, actions):
        try:
            part(ofctl)
        except Failure as failure:
            context.expect(False, f"{part.__name__}: {failure}")
    traffic(ofctl, hosts)
    tap.check(context, ASKED)
