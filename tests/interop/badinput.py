"""Messages by hand: every request answered as the standard says, and bad ones by exactly the standard's error."""

from __future__ import annotations

import dataclasses
import struct

import switches
from harness import Context, Host, test
from openflow import (
    Client,
    Message,
    flow_mod,
    flow_request,
    instruction_actions,
    match,
    message,
    multipart,
    output,
    oxm,
    packet_out,
)
from wiretap import Wiretap

ANY = 0xFFFFFFFF


def listening(context: Context):
    """A switch to send messages to: without root the demo, else (and for OVS) one with two ports."""
    if context.backend == "rumpswitch":
        return switches.Demo(context)
    hosts = [Host(context, n, f"10.0.0.{n}/24") for n in (1, 2)]
    return switches.start(context, hosts, listen=True)


@test("requests", isolated=False)
def requests(context: Context) -> None:
    """every request of OpenFlow 1.3 is answered, once, with its xid"""
    tap = Wiretap(context, "requests", listening(context).listen, switch_listens=True)
    with Client(tap.port) as client:
        hello = client.hello()
        context.expect(hello.version == 4, f"the hello says version {hello.version}")

        def one(kind: str, body: bytes, reply: str, length: int | None = None) -> Message | None:
            got = client.request(kind, body)
            right = len(got) == 1 and got[0].name == reply and (length is None or len(got[0].raw) == length)
            context.expect(right, f"{kind} is answered by {[str(message) for message in got]}")
            return got[0] if right else None

        features = one("FEATURES_REQUEST", b"", "FEATURES_REPLY", 32)
        if features:
            buffers, tables, auxiliary = struct.unpack_from("!IBB", features.body, 8)
            context.expect(
                buffers == 0 and tables >= 254 and auxiliary == 0, f"features: {features.raw.hex()}"
            )
        one("GET_CONFIG_REQUEST", b"", "GET_CONFIG_REPLY", 12)
        for size in (0, 5, 1400, 60000):
            data = bytes(n % 251 for n in range(size))
            echo = one("ECHO_REQUEST", data, "ECHO_REPLY")
            context.expect(echo and echo.body == data, f"the echo of {size} bytes differs")
        one("GET_ASYNC_REQUEST", b"", "GET_ASYNC_REPLY", 32)
        one("ROLE_REQUEST", struct.pack("!I4xQ", 0, 0), "ROLE_REPLY", 24)
        one("QUEUE_GET_CONFIG_REQUEST", struct.pack("!I4x", ANY), "QUEUE_GET_CONFIG_REPLY")
        client.answers(message("SET_CONFIG", struct.pack("!HH", 0, 77)))
        config = one("GET_CONFIG_REQUEST", b"", "GET_CONFIG_REPLY", 12)
        context.expect(config and config.body == struct.pack("!HH", 0, 77), "SET_CONFIG does not last")

        # A few things to be listed.
        entry = flow_mod(
            match(oxm(5, b"\x08\x00"), oxm(12, bytes([10, 0, 0, 0]), bytes([255, 0, 0, 0]))),
            instruction_actions(output(2)),
            priority=9,
        )
        group = struct.pack("!HBxI", 0, 0, 7) + struct.pack("!HHII4x", 32, 0, ANY, ANY) + output(1)
        meter = struct.pack("!HHI", 0, 1 | 8, 3) + struct.pack("!HHII4x", 1, 16, 1000, 0)
        for kind, body in (("FLOW_MOD", entry), ("GROUP_MOD", group), ("METER_MOD", meter)):
            got = client.answers(message(kind, body, client.xid()))
            context.expect(not got, f"{kind} is answered by {[str(message) for message in got]}")
        for number, name, body in (
            (0, "DESC", b""),
            (1, "FLOW", flow_request()),
            (2, "AGGREGATE", flow_request()),
            (3, "TABLE", b""),
            (4, "PORT_STATS", struct.pack("!I4x", ANY)),
            (5, "QUEUE", struct.pack("!II", ANY, ANY)),
            (6, "GROUP", struct.pack("!I4x", 0xFFFFFFFC)),
            (7, "GROUP_DESC", b""),
            (8, "GROUP_FEATURES", b""),
            (9, "METER", struct.pack("!I4x", ANY)),
            (10, "METER_CONFIG", struct.pack("!I4x", ANY)),
            (11, "METER_FEATURES", b""),
            (12, "TABLE_FEATURES", b""),
            (13, "PORT_DESC", b""),
        ):
            parts = client.request("MULTIPART_REQUEST", multipart(number, body))
            kinds = [struct.unpack_from("!HH", part.body) for part in parts if part.name == "MULTIPART_REPLY"]
            more = [flags for _, flags in kinds]
            context.expect(
                parts and len(kinds) == len(parts) and all(kind == number for kind, _ in kinds),
                f"{name} is answered by {[str(part) for part in parts]}",
            )
            context.expect(
                more == [1] * (len(more) - 1) + [0], f"{name}: the MORE flags of the parts are {more}"
            )
            filled = sum(len(part.body) - 8 for part in parts)
            if name != "QUEUE":
                context.expect(filled > 0, f"{name}: the reply lists nothing")
        for kind, body in (
            ("FLOW_MOD", flow_mod(match(), command=3, table=0xFF)),
            ("GROUP_MOD", struct.pack("!HBxI", 2, 0, 0xFFFFFFFC)),
            ("METER_MOD", struct.pack("!HHI", 2, 0, ANY)),
        ):
            got = client.answers(message(kind, body, client.xid()))
            context.expect(not got, f"{kind} delete is answered by {[str(message) for message in got]}")
    tap.check(context)


@dataclasses.dataclass
class Case:
    """One message and the error that must answer it; without one it must be accepted."""

    what: str
    kind: str | int
    body: bytes = b""
    error: str = ""
    version: int = 4
    # What Open vSwitch answers where it leaves the text ("": it accepts).
    ovs: str | None = None


IP = oxm(5, b"\x08\x00")
GOOD = instruction_actions(output(2))


def flow(match_bytes: bytes = match(), instructions: bytes = GOOD, **fields: int) -> bytes:
    return flow_mod(match_bytes, instructions, **fields)


def cases() -> list[Case]:
    """Bad messages of each chapter of the standard."""

    def bad_match(what: str, error: str, *fields: bytes, ovs: str | None = None, **options: int) -> Case:
        body = flow(match(*fields, **options))
        return Case(f"match: {what}", "FLOW_MOD", body, f"BAD_MATCH/{error}", ovs=ovs)

    def bad_action(what: str, error: str, action: bytes, *fields: bytes, ovs: str | None = None) -> Case:
        body = flow(match(*fields), instruction_actions(action))
        return Case(f"action: {what}", "FLOW_MOD", body, error, ovs=ovs)

    def bad_instruction(what: str, error: str, instruction: bytes, ovs: str | None = None) -> Case:
        return Case(f"instruction: {what}", "FLOW_MOD", flow(match(), instruction), error, ovs=ovs)

    delete = flow(match(), b"", command=4, table=7, priority=4242)
    padded = delete[:38] + b"\xff\xff" + delete[40:]
    return [
        # Header and types (chapters 1 and 3).
        Case("a barrier with a body", "BARRIER_REQUEST", bytes(4), "BAD_REQUEST/BAD_LEN"),
        Case("a features request with a body", "FEATURES_REQUEST", bytes(4), "BAD_REQUEST/BAD_LEN"),
        Case("a short set-config", "SET_CONFIG", bytes(2), "BAD_REQUEST/BAD_LEN"),
        Case("a short flow-mod", "FLOW_MOD", bytes(32), "BAD_REQUEST/BAD_LEN"),
        Case("type 30", 30, b"", "BAD_REQUEST/BAD_TYPE"),
        Case("type 200", 200, b"", "BAD_REQUEST/BAD_TYPE"),
        Case("a packet-in from a controller", "PACKET_IN", bytes(34), "BAD_REQUEST/BAD_TYPE"),
        Case("a features reply from a controller", "FEATURES_REPLY", bytes(24), "BAD_REQUEST/BAD_TYPE"),
        Case("a second hello", "HELLO", b"", "BAD_REQUEST/BAD_TYPE"),
        Case("version 1 after version 4", "FEATURES_REQUEST", b"", "BAD_REQUEST/BAD_VERSION", version=1),
        Case("version 5 after version 4", "FEATURES_REQUEST", b"", "BAD_REQUEST/BAD_VERSION", version=5),
        Case(
            "an unknown experimenter",
            "EXPERIMENTER",
            struct.pack("!II", 0x00ABCDEF, 1),
            "BAD_REQUEST/BAD_EXPERIMENTER",
        ),
        Case("a short experimenter", "EXPERIMENTER", bytes(4), "BAD_REQUEST/BAD_LEN"),
        Case("set-config flags", "SET_CONFIG", struct.pack("!HH", 0x10, 0), "SWITCH_CONFIG_FAILED/BAD_FLAGS"),
        # Flow-mod (chapter 10).
        Case("command 5", "FLOW_MOD", flow(command=5), "FLOW_MOD_FAILED/BAD_COMMAND"),
        Case("flags 0x20", "FLOW_MOD", flow(flags=0x20), "FLOW_MOD_FAILED/BAD_FLAGS"),
        Case("ADD to OFPTT_ALL", "FLOW_MOD", flow(table=0xFF), "FLOW_MOD_FAILED/BAD_TABLE_ID"),
        Case("a buffer that is not there", "FLOW_MOD", flow(buffer=5), "BAD_REQUEST/BUFFER_UNKNOWN"),
        # Match (chapter 5).
        bad_match("type 2", "BAD_TYPE", kind=2),
        bad_match("length 2", "BAD_LEN", length=2),
        bad_match("length over the end", "BAD_LEN", length=0xFF),
        bad_match("unknown field 40", "BAD_FIELD", oxm(40, bytes(4))),
        bad_match("unknown class", "BAD_FIELD", oxm(0, bytes(4), oxm_class=0x8001)),
        bad_match("in_port of 2 bytes", "BAD_LEN", oxm(0, bytes(2)), ovs="BAD_MATCH/BAD_FIELD"),
        bad_match("a cut field", "BAD_LEN", oxm(0, bytes(2), length=4)),
        bad_match("eth_type twice", "DUP_FIELD", IP, IP),
        bad_match("tcp_dst without its prerequisites", "BAD_PREREQ", oxm(14, bytes([0, 80]))),
        bad_match("ip_proto before eth_type", "BAD_PREREQ", oxm(10, b"\x06"), IP),
        bad_match(
            "value bits outside the mask",
            "BAD_WILDCARDS",
            IP,
            oxm(12, bytes([10, 0, 0, 1]), bytes([255, 255, 255, 0])),
        ),
        bad_match("vlan_pcp 8", "BAD_VALUE", oxm(6, b"\x10\x05"), oxm(7, b"\x08")),
        bad_match("ip_dscp 64", "BAD_VALUE", IP, oxm(8, b"\x40")),
        # Instructions and actions (chapters 8 and 9).
        bad_instruction("type 7", "BAD_INSTRUCTION/UNKNOWN_INST", struct.pack("!HH4x", 7, 8)),
        bad_instruction("length 4", "BAD_INSTRUCTION/BAD_LEN", struct.pack("!HH4x", 4, 4)),
        bad_instruction("length over the end", "BAD_INSTRUCTION/BAD_LEN", struct.pack("!HH4x", 4, 64)),
        bad_instruction(
            "goto to the table itself", "BAD_INSTRUCTION/BAD_TABLE_ID", struct.pack("!HHB3x", 1, 8, 0)
        ),
        bad_instruction(
            "a meter that is not there",
            "METER_MOD_FAILED/UNKNOWN_METER",
            struct.pack("!HHI", 6, 8, 99),
            ovs="METER_MOD_FAILED/INVALID_METER",
        ),
        bad_action("type 28", "BAD_ACTION/BAD_TYPE", struct.pack("!HH4x", 28, 8)),
        bad_action("length 0", "BAD_ACTION/BAD_LEN", struct.pack("!HH4x", 0, 0)),
        bad_action("output of 8 bytes", "BAD_ACTION/BAD_LEN", struct.pack("!HHI", 0, 8, 1)),
        bad_action("output to ANY", "BAD_ACTION/BAD_OUT_PORT", output(ANY)),
        bad_action("a group that is not there", "BAD_ACTION/BAD_OUT_GROUP", struct.pack("!HHI", 22, 8, 99)),
        bad_action(
            "a queue that is not there", "BAD_ACTION/BAD_QUEUE", struct.pack("!HHI", 21, 8, 5), ovs=""
        ),
        bad_action("push_vlan 0x0800", "BAD_ACTION/BAD_ARGUMENT", struct.pack("!HHH2x", 17, 8, 0x0800)),
        bad_action(
            "set_field in_port",
            "BAD_ACTION/BAD_SET_TYPE",
            struct.pack("!HH", 25, 16) + oxm(0, bytes(4)) + bytes(4),
            ovs="BAD_ACTION/BAD_SET_ARGUMENT",
        ),
        bad_action(
            "set_field ip_dscp 64",
            "BAD_ACTION/BAD_SET_ARGUMENT",
            struct.pack("!HH", 25, 16) + oxm(8, b"\x40") + bytes(7),
            IP,
        ),
        bad_action(
            "set_field ipv4_dst without its prerequisite",
            "BAD_ACTION/MATCH_INCONSISTENT",
            struct.pack("!HH", 25, 16) + oxm(12, bytes(4)) + bytes(4),
        ),
        # Groups, meters, ports, multiparts, packet-out, roles (chapters 11 to 16).
        Case("group type 4", "GROUP_MOD", struct.pack("!HBxI", 0, 4, 1), "GROUP_MOD_FAILED/BAD_TYPE"),
        Case(
            "group id over MAX",
            "GROUP_MOD",
            struct.pack("!HBxI", 0, 0, 0xFFFFFF01),
            "GROUP_MOD_FAILED/INVALID_GROUP",
        ),
        Case(
            "indirect group without a bucket",
            "GROUP_MOD",
            struct.pack("!HBxI", 0, 2, 1),
            "GROUP_MOD_FAILED/INVALID_GROUP",
        ),
        Case(
            "modify of a missing group",
            "GROUP_MOD",
            struct.pack("!HBxI", 1, 0, 77),
            "GROUP_MOD_FAILED/UNKNOWN_GROUP",
        ),
        Case("meter command 3", "METER_MOD", struct.pack("!HHI", 3, 1, 1), "METER_MOD_FAILED/BAD_COMMAND"),
        Case(
            "meter 0",
            "METER_MOD",
            struct.pack("!HHIHHII4x", 0, 1, 0, 1, 16, 10, 0),
            "METER_MOD_FAILED/INVALID_METER",
        ),
        Case(
            "meter flags",
            "METER_MOD",
            struct.pack("!HHIHHII4x", 0, 0x10, 1, 1, 16, 10, 0),
            "METER_MOD_FAILED/BAD_FLAGS",
        ),
        Case(
            "modify of a missing meter",
            "METER_MOD",
            struct.pack("!HHIHHII4x", 1, 1, 77, 1, 16, 10, 0),
            "METER_MOD_FAILED/UNKNOWN_METER",
        ),
        Case(
            "port-mod of a missing port",
            "PORT_MOD",
            struct.pack("!I4x6s2xIII4x", 77, bytes(6), 0, 0, 0),
            "PORT_MOD_FAILED/BAD_PORT",
        ),
        Case(
            "port-mod with another address",
            "PORT_MOD",
            struct.pack("!I4x6s2xIII4x", 1, b"\x02\xff\xff\xff\xff\xff", 0, 0, 0),
            "PORT_MOD_FAILED/BAD_HW_ADDR",
        ),
        Case("multipart type 99", "MULTIPART_REQUEST", multipart(99), "BAD_REQUEST/BAD_MULTIPART"),
        Case(
            "a DESC request with a body", "MULTIPART_REQUEST", multipart(0, bytes(8)), "BAD_REQUEST/BAD_LEN"
        ),
        Case("a FLOW request without a body", "MULTIPART_REQUEST", multipart(1), "BAD_REQUEST/BAD_LEN"),
        Case(
            "the statistics of a missing meter",
            "MULTIPART_REQUEST",
            multipart(9, struct.pack("!I4x", 777)),
            "METER_MOD_FAILED/UNKNOWN_METER",
        ),
        Case(
            "queues of a missing port",
            "QUEUE_GET_CONFIG_REQUEST",
            struct.pack("!I4x", 77),
            "QUEUE_OP_FAILED/BAD_PORT",
        ),
        Case(
            "packet-out of a buffer",
            "PACKET_OUT",
            packet_out(output(2), b"", buffer=7),
            "BAD_REQUEST/BUFFER_UNKNOWN",
        ),
        Case(
            "packet-out with actions over the end",
            "PACKET_OUT",
            packet_out(output(2), b"", actions_len=64),
            "BAD_REQUEST/BAD_LEN",
        ),
        Case("role 4", "ROLE_REQUEST", struct.pack("!I4xQ", 4, 0), "ROLE_REQUEST_FAILED/BAD_ROLE"),
        # What looks bad and must pass.
        Case("nonzero padding in a flow-mod", "FLOW_MOD", padded),
        Case("delete of what is not there", "FLOW_MOD", delete),
    ]


@test("badinput", isolated=False)
def badinput(context: Context) -> None:
    """bad messages get exactly the standard's error and change nothing"""
    port = listening(context).listen
    with Client(port) as client:
        client.hello()

        def entries() -> int:
            reply = client.request("MULTIPART_REQUEST", multipart(2, flow_request()))[0]
            return struct.unpack_from("!I", reply.body, 8 + 16)[0]

        client.answers(message("FLOW_MOD", flow(match(), priority=0x7777), client.xid()))
        before = entries()
        context.expect(before >= 1, "the entry that must survive is not there")
        for case in cases():
            wanted = case.ovs if context.backend == "ovs" and case.ovs is not None else case.error
            xid = client.xid()
            raw = message(case.kind, case.body, xid, case.version)
            got = client.answers(raw)
            said = [str(reply) for reply in got]
            context.expect(not client.closed, f"{case.what}: the channel was closed")
            if client.closed:
                return
            errors = [reply for reply in got if reply.name == "ERROR"]
            right = len(errors) == 1 and errors[0].error == wanted if wanted else not errors
            context.expect(right, f"{case.what}: {said}, not {wanted}; sent {raw.hex()}")
            for reply in errors:
                context.expect(reply.xid == xid, f"{case.what}: the error has xid {reply.xid:#x}")
                data = reply.raw[12:]
                context.expect(
                    raw.startswith(data) and len(data) >= min(64, len(raw)),
                    f"{case.what}: the error carries {data.hex()}, sent {raw.hex()}",
                )
                # Open vSwitch repeats the version of the request.
                version = reply.version == 4 or context.backend == "ovs"
                context.expect(version, f"{case.what}: the error has version {reply.version}")
            if case.error and not wanted:
                # What it should not have taken must go, for the count at the end.
                undo = flow(match(), b"", command=4)
                client.answers(message("FLOW_MOD", undo, client.xid()))
        context.expect(
            entries() == before, f"bad messages changed the tables: {before} entries, then {entries()}"
        )
        context.expect(
            client.request("ECHO_REQUEST", b"alive")[0].body == b"alive", "no echo after all of it"
        )
        client.answers(message("FLOW_MOD", flow(match(), command=4, priority=0x7777), client.xid()))
    for length in (0, 7):
        with Client(port) as client:
            client.hello()
            client.answers(message("ECHO_REQUEST", b"", length=length, xid=5))
            context.expect(client.closed, f"a message of length {length} does not close the channel")


@test("hello", isolated=False)
def hello(context: Context) -> None:
    """version negotiation: up, down, by bitmap, and none in common"""
    port = listening(context).listen

    def bitmap(*words: int) -> bytes:
        return struct.pack("!HH", 1, 4 + 4 * len(words)) + b"".join(struct.pack("!I", word) for word in words)

    for what, raw, works in (
        ("version 4", message("HELLO", b""), True),
        ("version 6 without a bitmap", message("HELLO", b"", version=6), True),
        ("version 6 with a bitmap of 4", message("HELLO", bitmap(1 << 4), version=6), True),
        ("version 5 with a bitmap of 1 to 5", message("HELLO", bitmap(0x3E), version=5), True),
        (
            "an unknown element first",
            message("HELLO", struct.pack("!HH4x", 9, 8) + bitmap(1 << 4), version=4),
            True,
        ),
        ("version 1", message("HELLO", b"", version=1), False),
        ("version 6 with a bitmap of 1", message("HELLO", bitmap(1 << 1), version=6), False),
    ):
        with Client(port, hello=raw) as client:
            client.hello()
            if works:
                got = client.request("FEATURES_REQUEST")
                context.expect(
                    [reply.name for reply in got] == ["FEATURES_REPLY"],
                    f"hello with {what}: {[str(reply) for reply in got]}",
                )
            else:
                reply = client.receive()
                context.expect(
                    reply and reply.error == "HELLO_FAILED/INCOMPATIBLE", f"hello with {what}: {reply}"
                )
                context.expect(client.receive() is None, f"hello with {what}: the channel stays open")
    with Client(port, hello=message("FEATURES_REQUEST")) as client:
        client.hello()
        got = client.receive()
        context.expect(got is None or got.name == "ERROR", f"a first message that is no hello: {got}")
        context.expect(
            got is None or client.receive() is None,
            "a first message that is no hello: the channel stays open",
        )
