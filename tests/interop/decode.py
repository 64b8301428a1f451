"""What the switch sent in the tests before, read by decoders of others: tshark, c65of, python-openflow."""

from __future__ import annotations

import json
import pathlib
import re
import struct
from collections import Counter

from harness import Context, Skip, script, test
from openflow import Message
from wiretap import kind_of, read_records

# The tests whose records are read.
SOURCES = ("ofctl", "requests", "c65faucet-packet", "gauge", "osken-roles", "ryu-ofctl-rest", "ryu-stp-pair")


def records(context: Context) -> list[pathlib.Path]:
    """The record files of this run."""
    files = [file for source in SOURCES for file in sorted((context.run_logs / source).glob("*.rec"))]
    files = [file for file in files if file.stat().st_size]
    if not files:
        raise Skip(f"no records: none of {', '.join(SOURCES)} could be run")
    return files


def switch_messages(files: list[pathlib.Path]) -> list[bytes]:
    """What the switch sent, each message once."""
    seen: dict[tuple[bytes, bytes], bytes] = {}
    for file in files:
        for from_switch, raw in read_records(file):
            if from_switch:
                seen.setdefault((raw[:4], raw[8:]), raw)
    return list(seen.values())


def report(context: Context, who: str, results: list[list[str]], excused: dict[str, str]) -> None:
    """Every message must have gone well, except in the ways that the decoder itself is known to fail."""
    good = Counter(kind for kind, trouble in results if not trouble)
    context.log(f"{who}: {sum(good.values())} of {len(results)} messages; by kind: {dict(good)}")
    for kind, trouble in results:
        if trouble and not (kind in excused and re.search(excused[kind], trouble)):
            context.expect(False, f"{who}: {kind}: {trouble[:600]}")
    context.expect(sum(good.values()) >= 40 and len(good) >= 20, f"{who} read only {dict(good)}")


@test("c65of", venvs=("c65faucet",), isolated=False, after=SOURCES)
def c65of(context: Context) -> None:
    """c65of decodes every message the switch sent"""
    env = {"PYTHONPATH": str(pathlib.Path(__file__).parent)}
    argv = [context.venv_program("c65faucet"), script("decode_c65of.py"), *map(str, records(context))]
    results = json.loads(context.command(argv, 60, env).stdout)
    report(context, "c65of", results, {})


@test("pyof", venvs=("pyof",), isolated=False, after=SOURCES)
def pyof(context: Context) -> None:
    """python-openflow decodes the switch's messages and encodes the same bytes"""
    env = {"PYTHONPATH": str(pathlib.Path(__file__).parent)}
    argv = [context.venv_program("pyof"), script("decode_pyof.py"), *map(str, records(context))]
    results = json.loads(context.command(argv, 60, env).stdout)
    report(context, "python-openflow", results, PYOF_CANNOT)


# What python-openflow 2021.1 does not master, whoever sends it (all seen with Open vSwitch's bytes).
PYOF_CANNOT = {
    # It takes the instruction identifiers of table features for whole instructions.
    "MULTIPART_REPLY/12": "InstructionsProperty",
    # Buckets with more than one action, or a second entry after counters or bands, are read past their end.
    "MULTIPART_REPLY/6": "BucketCounter",
    "MULTIPART_REPLY/7": r"Bucket\.actions",
    "MULTIPART_REPLY/10": "not a valid MeterBandType",
    # It takes a set of bits for one number.
    "MULTIPART_REPLY/11": r"MeterFeatures\.band_types; \d+ is not a valid",
    "GET_ASYNC_REPLY": "_mask[12]; .* is not a valid",
    # It writes the type of another message into the header.
    "QUEUE_GET_CONFIG_REPLY": r"^0417(\w+) becomes 0408\1$",
    "ERROR experimenter": "is not a valid GenericFailedCode",
}

# What tshark 4.0 says of Open vSwitch's messages too, and the bytes that make it say so.
TSHARK_SAYS_ANYWAY = (
    # The dissector knows no mask of tcp_src (field 13).
    ("Undecoded Data", bytes.fromhex("80001b04")),
    # It knows no experimenter: bundles (ONF), ovs-ofctl's packet-in format (Nicira), and errors about them.
    ("Experimenter body.", bytes.fromhex("4f4e4600")),
    ("Experimenter body.", bytes.fromhex("00002320")),
    ("Experimenter error body.", bytes.fromhex("4f4e4600")),
)


def write_capture(path: pathlib.Path, messages: list[bytes]) -> list[int]:
    """A capture with one TCP connection from port 6653 that carries the messages; the number of each one's last frame."""
    frames: list[int] = []
    sequence, number = 1, 0
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for message in messages:
            for at in range(0, len(message), 65000):
                part = message[at : at + 65000]
                tcp = struct.pack("!HHIIBBHHH", 6653, 50000, sequence, 1, 0x50, 0x18, 65535, 0, 0)
                ip = struct.pack(
                    "!BBHHHBBH4s4s",
                    0x45,
                    0,
                    40 + len(part),
                    number & 0xFFFF,
                    0,
                    64,
                    6,
                    0,
                    b"\x7f\0\0\1",
                    b"\x7f\0\0\1",
                )
                frame = bytes(12) + b"\x08\x00" + ip + tcp + part
                number += 1
                sequence = (sequence + len(part)) & 0xFFFFFFFF
                file.write(
                    struct.pack("<IIII", number // 1000, number % 1000 * 1000, len(frame), len(frame)) + frame
                )
            frames.append(number)
    return frames


@test("tshark", tools=("tshark",), isolated=False, after=SOURCES, limit=240)
def tshark(context: Context) -> None:
    """tshark decodes every message the switch sent without a complaint that OVS's bytes do not raise"""
    messages = switch_messages(records(context))
    capture = context.logs / "switch.pcap"
    frames = write_capture(capture, messages)
    fields = ["frame.number", "openflow_v4.type", "openflow_v4.xid", "_ws.expert.message", "_ws.malformed"]
    argv = [
        "tshark",
        "-n",
        "-r",
        str(capture),
        "-d",
        "tcp.port==6653,openflow",
        "-T",
        "fields",
        "-E",
        "separator=/t",
        "-E",
        "aggregator=;",
    ]
    for field in fields:
        argv += ["-e", field]
    lines = context.command(argv, 200).stdout.splitlines()
    rows = {int(line.split("\t")[0]): line.split("\t") for line in lines if line}
    kinds: Counter[str] = Counter()
    complaints: Counter[str] = Counter()
    for frame, raw in zip(frames, messages):
        _, kind, _, expert, malformed = (rows[frame] + [""] * 5)[:5]
        name = kind_of(raw)
        if name == "ERROR":
            name += f" {Message(raw).error}"
        # An error carries the request, which the dissector shows as a message inside.
        if context.expect(
            kind.split(";")[0] == str(raw[1]), f"tshark takes {name} for type {kind!r}: {raw[:64].hex()}"
        ):
            kinds[name] += 1
        for said in filter(None, [*expert.split(";"), malformed and "malformed"]):
            complaint = f"{name}: {said}"
            complaints[complaint] += 1
            if not any(said == known and cause in raw for known, cause in TSHARK_SAYS_ANYWAY):
                context.expect(False, f"tshark on {complaint}: {raw[:400].hex()}")
    context.log(f"tshark decoded: {dict(kinds)}; said: {dict(complaints)}")
    context.expect(sum(kinds.values()) >= 40 and len(kinds) >= 20, f"tshark decoded only {dict(kinds)}")
