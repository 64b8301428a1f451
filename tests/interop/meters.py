"""Meters on packet ports, in real time: offered twice its rate, a meter passes its rate, whatever that is."""

from __future__ import annotations

import os
import pathlib
import struct

import switches
from harness import Context, script, test
from ryu_switch import Wire

NIGHTLY = os.environ.get("NIGHTLY") == "1"
SECONDS = 30 if NIGHTLY else 3
# What may be missing or too much, and what a meter may let through at once: 100 ms of its rate.
SHARE, DEPTH = 0.08, 0.1
RATES = [
    ("pktps", 100),
    ("pktps", 1000),
    ("pktps", 10_000),
    ("kbps", 1000),
    ("kbps", 10_000),
    ("kbps", 100_000),
]


def frame(length: int, dscp: int) -> bytes:
    """UDP in IPv4, its checksums not asked for by anyone."""
    ip = struct.pack(
        "!BBHHHBBH4s4s", 0x45, dscp << 2, length - 14, 0, 0, 64, 17, 0, b"\x0a\0\0\x01", b"\x0a\0\0\x02"
    )
    front = bytes.fromhex("020000000002 020000000001 0800") + ip
    udp = struct.pack("!HHHH", 1, 2, length - 34, 0)
    return (front + udp).ljust(length, b"\x11")


def received(number: int) -> int:
    return int(pathlib.Path(f"/sys/class/net/x{number}/statistics/rx_packets").read_text())


def offer(context: Context, packet: bytes, rate: float) -> tuple[float, float, int, int]:
    """Offers packets: how many in how long, and how many came out of ports 2 and 3.

    A sender that does not get the processor for as long as a meter is deep offers something else than its rate;
    then it gets a second and a third chance.
    """
    python = os.environ.get("INTEROP_PYTHON") or "python3"
    argv = [python, script("pace.py"), "x1", packet.hex(), str(rate), str(SECONDS)]
    for _ in range(3):
        before = received(2), received(3)
        sent, seconds, gap = (float(word) for word in context.command(argv, SECONDS + 20).stdout.split())
        passed, marked = received(2) - before[0], received(3) - before[1]
        if gap < DEPTH:
            break
        context.log(f"the sender stood still for {gap:.3f} s")
    return sent, seconds, passed, marked


@test("meter-rates", tools=("ip", "ovs-ofctl"), limit=900 if NIGHTLY else 120, switches=("rumpswitch",))
def meter_rates(context: Context) -> None:
    """meters of 100 to 10,000 packets a second and 1 to 100 Mbit/s, both bands, in real time"""
    context.command(["mount", "-t", "sysfs", "none", "/sys"])
    switch = switches.start(context, [Wire(context, number) for number in (1, 2, 3)], listen=True)
    ofctl = ["ovs-ofctl", "-O", "OpenFlow13"]
    target = f"tcp:127.0.0.1:{switch.listen}"
    for unit, rate in RATES:
        length = 60 if unit == "pktps" else 1500
        limit = rate if unit == "pktps" else rate * 1000 / 8 / length
        for band in ("drop", "dscp_remark,prec_level=1"):
            for command in (["del-flows"], ["del-meters"]):
                context.command([*ofctl, *command, target])
            context.command([*ofctl, "add-meter", target, f"meter=1,{unit},band=type={band},rate={rate}"])
            for flow in (
                "in_port=1,actions=meter:1,goto_table:1",
                "table=1,priority=9,ip,ip_dscp=18,actions=output:2",
                "table=1,priority=9,ip,ip_dscp=20,actions=output:3",
            ):
                context.command([*ofctl, "add-flow", target, flow])
            sent, seconds, passed, marked = offer(context, frame(length, 18), 2 * limit)
            what = f"{band.split(',')[0]} {rate} {unit}: of {sent:g} in {seconds:.2f} s {passed} kept, {marked} marked"
            context.log(what)
            low, high = limit * seconds * (1 - SHARE), limit * (seconds * (1 + SHARE) + DEPTH) + 1
            context.expect(low <= passed <= high, what)
            expected = sent - passed if band != "drop" else 0
            context.expect(abs(marked - expected) <= sent * SHARE, what)
