"""OpenFlow 1.3 as bytes: just enough to frame, name, build and read messages in the tests.

It is written from the standard and shares nothing with the switch under test.
"""

from __future__ import annotations

import dataclasses
import socket
import struct
import time
from collections.abc import Iterator

VERSION = 4

TYPES = (
    "HELLO ERROR ECHO_REQUEST ECHO_REPLY EXPERIMENTER FEATURES_REQUEST FEATURES_REPLY GET_CONFIG_REQUEST "
    "GET_CONFIG_REPLY SET_CONFIG PACKET_IN FLOW_REMOVED PORT_STATUS PACKET_OUT FLOW_MOD GROUP_MOD PORT_MOD "
    "TABLE_MOD MULTIPART_REQUEST MULTIPART_REPLY BARRIER_REQUEST BARRIER_REPLY QUEUE_GET_CONFIG_REQUEST "
    "QUEUE_GET_CONFIG_REPLY ROLE_REQUEST ROLE_REPLY GET_ASYNC_REQUEST GET_ASYNC_REPLY SET_ASYNC METER_MOD"
).split()
NUMBER = {name: number for number, name in enumerate(TYPES)}

ERRORS = {
    0: ("HELLO_FAILED", "INCOMPATIBLE EPERM"),
    1: (
        "BAD_REQUEST",
        "BAD_VERSION BAD_TYPE BAD_MULTIPART BAD_EXPERIMENTER BAD_EXP_TYPE EPERM BAD_LEN BUFFER_EMPTY "
        "BUFFER_UNKNOWN BAD_TABLE_ID IS_SLAVE BAD_PORT BAD_PACKET MULTIPART_BUFFER_OVERFLOW",
    ),
    2: (
        "BAD_ACTION",
        "BAD_TYPE BAD_LEN BAD_EXPERIMENTER BAD_EXP_TYPE BAD_OUT_PORT BAD_ARGUMENT EPERM TOO_MANY BAD_QUEUE "
        "BAD_OUT_GROUP MATCH_INCONSISTENT UNSUPPORTED_ORDER BAD_TAG BAD_SET_TYPE BAD_SET_LEN BAD_SET_ARGUMENT",
    ),
    3: (
        "BAD_INSTRUCTION",
        "UNKNOWN_INST UNSUP_INST BAD_TABLE_ID UNSUP_METADATA UNSUP_METADATA_MASK BAD_EXPERIMENTER BAD_EXP_TYPE "
        "BAD_LEN EPERM",
    ),
    4: (
        "BAD_MATCH",
        "BAD_TYPE BAD_LEN BAD_TAG BAD_DL_ADDR_MASK BAD_NW_ADDR_MASK BAD_WILDCARDS BAD_FIELD BAD_VALUE BAD_MASK "
        "BAD_PREREQ DUP_FIELD EPERM",
    ),
    5: (
        "FLOW_MOD_FAILED",
        "UNKNOWN TABLE_FULL BAD_TABLE_ID OVERLAP EPERM BAD_TIMEOUT BAD_COMMAND BAD_FLAGS",
    ),
    6: (
        "GROUP_MOD_FAILED",
        "GROUP_EXISTS INVALID_GROUP WEIGHT_UNSUPPORTED OUT_OF_GROUPS OUT_OF_BUCKETS CHAINING_UNSUPPORTED "
        "WATCH_UNSUPPORTED LOOP UNKNOWN_GROUP CHAINED_GROUP BAD_TYPE BAD_COMMAND BAD_BUCKET BAD_WATCH EPERM",
    ),
    7: ("PORT_MOD_FAILED", "BAD_PORT BAD_HW_ADDR BAD_CONFIG BAD_ADVERTISE EPERM"),
    8: ("TABLE_MOD_FAILED", "BAD_TABLE BAD_CONFIG EPERM"),
    9: ("QUEUE_OP_FAILED", "BAD_PORT BAD_QUEUE EPERM"),
    10: ("SWITCH_CONFIG_FAILED", "BAD_FLAGS BAD_LEN EPERM"),
    11: ("ROLE_REQUEST_FAILED", "STALE UNSUP BAD_ROLE"),
    12: (
        "METER_MOD_FAILED",
        "UNKNOWN METER_EXISTS INVALID_METER UNKNOWN_METER BAD_COMMAND BAD_FLAGS BAD_RATE BAD_BURST BAD_BAND "
        "BAD_BAND_VALUE OUT_OF_METERS OUT_OF_BANDS",
    ),
    13: ("TABLE_FEATURES_FAILED", "BAD_TABLE BAD_METADATA BAD_TYPE BAD_LEN BAD_ARGUMENT EPERM"),
}


def type_name(number: int) -> str:
    return TYPES[number] if number < len(TYPES) else f"type {number}"


def error_name(body: bytes) -> str:
    """`TYPE/CODE` of an error message's bytes after the header."""
    kind, code = struct.unpack_from("!HH", body)
    if kind == 0xFFFF:
        return (
            f"EXPERIMENTER {struct.unpack_from('!I', body, 4)[0]:#x}/{code}"
            if len(body) >= 8
            else "EXPERIMENTER"
        )
    name, codes = ERRORS.get(kind, (f"type {kind}", ""))
    names = codes.split()
    return f"{name}/{names[code] if code < len(names) else code}"


@dataclasses.dataclass(frozen=True)
class Message:
    """One whole message."""

    raw: bytes

    @property
    def version(self) -> int:
        return self.raw[0]

    @property
    def type(self) -> int:
        return self.raw[1]

    @property
    def name(self) -> str:
        return type_name(self.raw[1])

    @property
    def xid(self) -> int:
        return struct.unpack_from("!I", self.raw, 4)[0]

    @property
    def body(self) -> bytes:
        return self.raw[8:]

    @property
    def error(self) -> str | None:
        return error_name(self.body) if self.type == 1 and len(self.raw) >= 12 else None

    def __str__(self) -> str:
        text = f"{self.name} xid={self.xid:#x} len={len(self.raw)}"
        if self.name.startswith("MULTIPART") and len(self.raw) >= 12:
            text += f" mp={struct.unpack_from('!H', self.raw, 8)[0]} flags={struct.unpack_from('!H', self.raw, 10)[0]}"
        return f"{text} {self.error}" if self.error else text


def message(
    kind: str | int, body: bytes = b"", xid: int = 0, version: int = VERSION, length: int | None = None
) -> bytes:
    """A message with a true length unless another is given."""
    number = NUMBER[kind] if isinstance(kind, str) else kind
    return struct.pack("!BBHI", version, number, 8 + len(body) if length is None else length, xid) + body


def split(stream: bytearray) -> Iterator[Message]:
    """Take whole messages off the front of a stream; raises ValueError when it cannot be framed."""
    while len(stream) >= 8:
        length = struct.unpack_from("!H", stream, 2)[0]
        if length < 8:
            raise ValueError(f"a message of length {length}: {bytes(stream[:16]).hex()}")
        if len(stream) < length:
            return
        raw = bytes(stream[:length])
        del stream[:length]
        yield Message(raw)


class Client:
    """A controller by hand: one connection to a listening switch, hellos exchanged."""

    def __init__(self, port: int, hello: bytes | None = None, seconds: float = 5):
        self.socket = socket.create_connection(("127.0.0.1", port), seconds)
        self.stream = bytearray()
        self.waiting: list[Message] = []
        self.next_xid = 0x1000
        self.seconds = seconds
        self.send(message("HELLO", xid=1) if hello is None else hello)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, raw: bytes) -> None:
        self.socket.sendall(raw)

    def receive(self, seconds: float | None = None) -> Message | None:
        """The next message, or None when the switch has closed. Raises TimeoutError."""
        end = time.monotonic() + (self.seconds if seconds is None else seconds)
        while not self.waiting:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("no message from the switch")
            self.socket.settimeout(left)
            try:
                part = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not part:
                return None
            self.stream += part
            self.waiting.extend(split(self.stream))
        return self.waiting.pop(0)

    def hello(self) -> Message:
        """The switch's hello, which must come first."""
        first = self.receive()
        if first is None or first.name != "HELLO":
            raise ValueError(f"the first message of the switch is {first}")
        return first

    def xid(self) -> int:
        self.next_xid += 1
        return self.next_xid

    def answers(self, raw: bytes) -> list[Message]:
        """Send a message and a barrier; all that arrives before the barrier's reply (echo requests are answered).

        Ends early, with what there is, when the switch closes the connection; `closed` tells.
        """
        barrier = self.xid()
        self.closed = False
        got: list[Message] = []
        try:
            self.send(raw + message("BARRIER_REQUEST", xid=barrier))
        except (BrokenPipeError, ConnectionResetError):
            self.closed = True
            return got
        while True:
            reply = self.receive()
            if reply is None:
                self.closed = True
                return got
            if reply.name == "BARRIER_REPLY" and reply.xid == barrier:
                return got
            if reply.name == "ECHO_REQUEST":
                self.send(message("ECHO_REPLY", reply.body, reply.xid))
            else:
                got.append(reply)

    def request(self, kind: str, body: bytes = b"") -> list[Message]:
        """Send a well-formed request; the messages that carry its xid."""
        xid = self.xid()
        return [reply for reply in self.answers(message(kind, body, xid)) if reply.xid == xid]


# --- bodies ---------------------------------------------------------------------------------------------------


def oxm(
    field: int, value: bytes, mask: bytes | None = None, oxm_class: int = 0x8000, length: int | None = None
) -> bytes:
    payload = value + (mask or b"")
    has_mask = 1 if mask is not None else 0
    size = len(payload) if length is None else length
    return struct.pack("!HBB", oxm_class, field << 1 | has_mask, size) + payload


def match(*fields: bytes, kind: int = 1, length: int | None = None) -> bytes:
    body = b"".join(fields)
    real = 4 + len(body)
    return struct.pack("!HH", kind, real if length is None else length) + body + bytes(-real % 8)


def output(port: int, max_len: int = 0) -> bytes:
    return struct.pack("!HHIH6x", 0, 16, port, max_len)


def instruction_actions(*actions: bytes, kind: int = 4) -> bytes:
    body = b"".join(actions)
    return struct.pack("!HH4x", kind, 8 + len(body)) + body


def flow_mod(
    match_bytes: bytes,
    instructions: bytes = b"",
    *,
    table: int = 0,
    command: int = 0,
    priority: int = 1,
    flags: int = 0,
    cookie: int = 0,
    buffer: int = 0xFFFFFFFF,
    out_port: int = 0xFFFFFFFF,
    out_group: int = 0xFFFFFFFF,
    idle: int = 0,
) -> bytes:
    return (
        struct.pack(
            "!QQBBHHHIIIH2x", cookie, 0, table, command, idle, 0, priority, buffer, out_port, out_group, flags
        )
        + match_bytes
        + instructions
    )


def multipart(kind: int, body: bytes = b"", flags: int = 0) -> bytes:
    return struct.pack("!HH4x", kind, flags) + body


def flow_request(table: int = 0xFF) -> bytes:
    """The body of a FLOW or AGGREGATE statistics request for everything."""
    return struct.pack("!B3xII4xQQ", table, 0xFFFFFFFF, 0xFFFFFFFF, 0, 0) + match()


def packet_out(
    actions: bytes,
    data: bytes,
    in_port: int = 0xFFFFFFFD,
    actions_len: int | None = None,
    buffer: int = 0xFFFFFFFF,
) -> bytes:
    size = len(actions) if actions_len is None else actions_len
    return struct.pack("!IIH6x", buffer, in_port, size) + actions + data
