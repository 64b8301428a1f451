"""A logger between switch and controller: it passes every byte on and writes down every message.

`listen` is where the switch (or ovs-ofctl) connects; `target` is the port it is passed on to. Each message
goes to a text log as one line and, whole, to a record file that the decoder tests read (`read_records`); there
each only once, however often it is sent with another xid: ovs-ofctl asks for the same 100 KB before every
change.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import selectors
import socket
import struct
import threading
import time
from collections.abc import Iterator

from harness import Context, free_port
from openflow import Message, split

# seconds, connection, sender (0 client, 1 server of the TCP connection), length of the message that follows
RECORD = struct.Struct("!dIBI")


@dataclasses.dataclass(frozen=True)
class Seen:
    """One message as it went by."""

    time: float
    connection: int
    from_switch: bool
    message: Message


class Wiretap:
    """The logger; it runs in a thread until the test ends."""

    def __init__(self, context: Context, name: str, target: int, *, switch_listens: bool = False):
        self.target = target
        self.port = free_port()
        self.switch_listens = switch_listens
        self.seen: list[Seen] = []
        self.connections = 0
        self.broken: list[str] = []
        self.recorded: set[tuple[int, bytes, bytes]] = set()
        name = context.unique(name)
        self.records = context.logs / f"{name}.{'listen' if switch_listens else 'connect'}.rec"
        self.text = open(context.logs / f"{name}.messages", "w", buffering=1)
        self.file = open(self.records, "wb", buffering=0)
        self.started = time.monotonic()
        self.stopping = threading.Event()
        self.server = socket.create_server(("127.0.0.1", self.port), backlog=32)
        self.server.settimeout(0.2)
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()
        context.exits.callback(self.close)

    def close(self) -> None:
        self.stopping.set()
        for thread in list(self.threads):
            thread.join(5)
        self.server.close()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                client, _ = self.server.accept()
            except (TimeoutError, OSError):
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                client.close()
                continue
            self.connections += 1
            thread = threading.Thread(target=self._pass, args=(client, server, self.connections), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _pass(self, client: socket.socket, server: socket.socket, number: int) -> None:
        streams = (bytearray(), bytearray())
        for end in (client, server):
            end.settimeout(None)
            with contextlib.suppress(OSError):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with selectors.DefaultSelector() as selector, client, server:
            selector.register(client, selectors.EVENT_READ, (0, server))
            selector.register(server, selectors.EVENT_READ, (1, client))
            while not self.stopping.is_set():
                for key, _ in selector.select(0.2):
                    sender, other = key.data
                    try:
                        part = key.fileobj.recv(65536)
                        # Noted before it is passed on: what the test sees happen has been written down.
                        self._note(number, sender, streams[sender], part)
                        if not part:
                            return
                        other.sendall(part)
                    except OSError:
                        return

    def _note(self, number: int, sender: int, stream: bytearray, part: bytes) -> None:
        stream += part
        from_switch = (sender == 1) == self.switch_listens
        with self.lock:
            try:
                for message in split(stream):
                    now = time.monotonic() - self.started
                    self.seen.append(Seen(now, number, from_switch, message))
                    self._record(now, number, sender, message.raw)
                    self.text.write(
                        f"{now:9.4f} #{number} {'switch' if from_switch else 'peer  '} {message}\n"
                    )
            except ValueError as error:
                self.broken.append(str(error))
                stream.clear()

    def _record(self, now: float, number: int, sender: int, raw: bytes) -> None:
        key = (sender, raw[:4], raw[8:])
        if key not in self.recorded:
            self.recorded.add(key)
            self.file.write(RECORD.pack(now, number, sender, len(raw)) + raw)

    def messages(self, name: str, from_switch: bool | None = None) -> list[Seen]:
        """All messages of this type so far."""
        with self.lock:
            return [
                seen
                for seen in self.seen
                if seen.message.name == name and (from_switch is None or seen.from_switch == from_switch)
            ]

    def count(self, name: str, from_switch: bool | None = None) -> int:
        return len(self.messages(name, from_switch))

    def quiet_for(self) -> float:
        """Seconds since the last message."""
        with self.lock:
            return time.monotonic() - self.started - self.seen[-1].time if self.seen else 0.0

    def errors(self) -> list[Seen]:
        """The error messages of the switch."""
        return self.messages("ERROR", from_switch=True)

    def check(self, context: Context, allowed: tuple[str, ...] = ()) -> None:
        """Both sides spoke, every byte could be framed, and the switch sent no error but the allowed ones."""
        context.expect(not self.broken, f"the stream could not be framed: {self.broken[:1]}")
        context.expect(self.count("HELLO", True) > 0, "the switch said no hello")
        context.expect(self.count("HELLO", False) > 0, "the controller said no hello")
        for seen in self.errors():
            context.expect(
                seen.message.error in allowed,
                f"OFPT_ERROR {seen.message.error} from the switch, answering {self.cause(seen)}; its bytes: {seen.message.raw[:120].hex()}",
            )

    def cause(self, error: Seen) -> str:
        """The message that an error answers."""
        with self.lock:
            for seen in self.seen:
                same = seen.connection == error.connection and seen.message.xid == error.message.xid
                if same and seen.from_switch != error.from_switch:
                    return f"{seen.message} {seen.message.raw[:120].hex()}"
        return "an unknown request"


def kind_of(raw: bytes) -> str:
    """The type of a message in words; of a multipart its type too; experimenters' errors apart."""
    message = Message(raw)
    if message.name == "ERROR" and raw[8:10] == b"\xff\xff":
        return "ERROR experimenter"
    return (
        f"{message.name}/{int.from_bytes(raw[8:10])}"
        if message.name.startswith("MULTIPART")
        else message.name
    )


def read_records(path: str | pathlib.Path) -> Iterator[tuple[bool, bytes]]:
    """The messages of a record file with whether the switch sent them."""
    path = pathlib.Path(path)
    switch = 1 if path.name.endswith(".listen.rec") else 0
    data = path.read_bytes()
    offset = 0
    while offset + RECORD.size <= len(data):
        _, _, sender, length = RECORD.unpack_from(data, offset)
        offset += RECORD.size
        yield sender == switch, data[offset : offset + length]
        offset += length
