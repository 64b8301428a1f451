"""The OpenFlow channel by itself: who gets asynchronous messages, keep-alive, coming back."""

from __future__ import annotations

import socket
import struct
import time

import hosts as plain
import switches
from badinput import listening
from harness import Context, Host, free_port, test, wait_until
from openflow import Client, Message, flow_mod, instruction_actions, match, message, output, packet_out, split

CONTROLLER = 0xFFFFFFFD
TABLE = 0xFFFFFFF9
FRAME = bytes.fromhex("ffffffffffff 020000000001 88b5".replace(" ", "")) + bytes(46)


def packet_ins(messages: list[Message]) -> list[Message]:
    return [reply for reply in messages if reply.name == "PACKET_IN" and FRAME in reply.raw]


@test("passive", isolated=False)
def passive(context: Context) -> None:
    """a connection to the listening port gets asynchronous messages only after it has asked"""
    port = listening(context).listen
    with Client(port) as client, Client(port) as other:
        client.hello()
        other.hello()
        entry = flow_mod(match(), instruction_actions(output(CONTROLLER, 0xFFFF)), table=0, priority=0xFFFF)
        got = client.answers(message("FLOW_MOD", entry, client.xid()))
        context.expect(not got, f"the flow-mod is answered by {[str(reply) for reply in got]}")
        punt = packet_out(output(TABLE), FRAME, in_port=1)
        got = client.answers(message("PACKET_OUT", punt, client.xid()))
        context.expect(not packet_ins(got), "a packet-in came before SET_CONFIG")
        client.answers(message("SET_CONFIG", struct.pack("!HH", 0, 0xFFFF), client.xid()))
        seen = []
        for _ in range(10):
            seen = packet_ins(client.answers(message("PACKET_OUT", punt, client.xid())))
            if seen:
                break
            time.sleep(0.1)
        context.expect(seen, "no packet-in after SET_CONFIG with a miss_send_len")
        if seen:
            buffer, total, reason, table = struct.unpack_from("!IHBB", seen[0].body)
            context.expect(
                (buffer, total, reason, table) == (0xFFFFFFFF, len(FRAME), 1, 0),
                f"the packet-in says {seen[0].raw.hex()}",
            )
            context.expect(
                seen[0].raw.endswith(bytes(2) + FRAME), f"the packet-in carries {seen[0].raw.hex()}"
            )
        context.expect(
            not packet_ins(other.answers(message("ECHO_REQUEST", xid=1))),
            "the other connection got a packet-in",
        )
        client.answers(message("FLOW_MOD", flow_mod(match(), command=4, priority=0xFFFF), client.xid()))


@test("passive-standalone", tools=plain.HOST_TOOLS)
def passive_standalone(context: Context) -> None:
    """a connection to the listening port does not end the standalone mode"""
    hosts = [Host(context, n, f"10.0.0.{n}/24") for n in (1, 2)]
    switch = switches.start(context, hosts, listen=True, fail_mode="standalone")
    plain.all_pings(context, hosts)
    with Client(switch.listen) as client:
        client.hello()
        client.answers(message("SET_CONFIG", struct.pack("!HH", 0, 0xFFFF), client.xid()))
        plain.all_pings(context, hosts)
        context.expect(client.request("ECHO_REQUEST", b"x"), "the connection does not answer")


class Listener:
    """A controller by hand: it waits for the switch to connect."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.server = socket.create_server((address, 0), family=family)
        self.port = self.server.getsockname()[1]

    def accept(self, seconds: float) -> tuple[socket.socket, float]:
        """The next connection, after our hello, and how long it took to come."""
        started = time.monotonic()
        self.server.settimeout(seconds)
        connection, _ = self.server.accept()
        connection.sendall(message("HELLO", xid=1) + message("FEATURES_REQUEST", xid=2))
        return connection, time.monotonic() - started


def listen_to(connection: socket.socket, seconds: float, answer: bool) -> tuple[list[Message], bool]:
    """Messages of so many seconds, and whether the switch closed; echo requests are answered or not."""
    stream, messages = bytearray(), []
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        connection.settimeout(left)
        try:
            part = connection.recv(65536)
        except TimeoutError:
            break
        except ConnectionResetError:
            return messages, True
        if not part:
            return messages, True
        stream += part
        for got in split(stream):
            messages.append(got)
            if answer and got.name == "ECHO_REQUEST":
                connection.sendall(message("ECHO_REPLY", got.body, got.xid))
    return messages, False


@test("keepalive", tools=("ip",))
def keepalive(context: Context) -> None:
    """a silent controller is probed and, if it stays silent, left and called again; an answering one is kept"""
    listener = Listener()
    switches.start(context, [Host(context, 1, "10.0.0.1/24")], controllers=[listener.port])
    connection, _ = listener.accept(15)
    with connection:
        messages, closed = listen_to(connection, 40, answer=False)
        names = [got.name for got in messages]
        context.expect("FEATURES_REPLY" in names, f"the handshake: {names}")
        context.expect("ECHO_REQUEST" in names, f"a silent controller is not probed: {names}")
        context.expect(closed, "a controller that answers no probe is kept for 40 s")
    connection, waited = listener.accept(15)
    context.expect(waited < 10, f"the switch comes back after {waited:.1f} s")
    with connection:
        messages, closed = listen_to(connection, 14, answer=True)
        context.expect(not closed, "a controller that answers the probes is left")
        context.expect([got.name for got in messages].count("HELLO") == 1, "hello on the second connection")
    connection, waited = listener.accept(15)
    connection.close()
    context.expect(waited < 10, f"after a good session the switch comes back only after {waited:.1f} s")


@test("targets", tools=(*plain.HOST_TOOLS, "ovs-testcontroller", "ovs-ofctl"))
def targets(context: Context) -> None:
    """unix sockets and IPv6, connecting and listening"""
    hosts = [Host(context, n, f"10.0.0.{n}/24") for n in (1, 2)]
    switches.SOCKETS.mkdir(exist_ok=True)
    upper = switches.SOCKETS / "br0.controller"
    lower = switches.SOCKETS / "br0.listen"
    port = free_port()
    listener = Listener("::1")
    context.spawn("testcontroller", ["ovs-testcontroller", f"punix:{upper}"])
    wait_until(upper.exists, 10, "ovs-testcontroller to listen")
    switches.start(
        context,
        hosts,
        controllers=[f"unix:{upper}", f"tcp:[::1]:{listener.port}"],
        listen_also=[f"punix:{lower}", f"ptcp:{port}:[::1]"],
    )
    connection, _ = listener.accept(15)
    with connection:
        messages, closed = listen_to(connection, 1, answer=True)
        names = [got.name for got in messages]
        context.expect("FEATURES_REPLY" in names and not closed, f"over IPv6 the controller gets {names}")
        # A probe of the switch is not answered from here on; the other controller must do all the same.
        wait_until(
            lambda: hosts[0].ping(hosts[1].address, count=1)[1] == 1,
            20,
            "pings under a controller at a socket",
        )
        plain.all_pings(context, hosts)
        for target in (f"unix:{lower}", f"tcp:[::1]:{port}"):
            wait_until(
                lambda target=target: (
                    f"dpid:{switches.DATAPATH_ID:016x}"
                    in context.command(["ovs-ofctl", "-O", "OpenFlow13", "show", target], check=False).stdout
                ),
                5,
                f"ovs-ofctl show {target}",
            )
            context.expect(True, target)
        done = context.command(["ovs-ofctl", "-O", "OpenFlow13", "dump-flows", f"unix:{lower}"])
        context.expect("actions=" in done.stdout, "the controller at the unix socket installed no flow entry")
