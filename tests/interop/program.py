"""The program at its edges: what it refuses, in one line, and how it ends."""

from __future__ import annotations

import os
import re
import socket

import switches
from harness import Context, Host, Skip, free_port, test, wait_until

USAGE = 2


@test("refusals", tools=("ip",), switches=("rumpswitch",))
def refusals(context: Context) -> None:
    """a missing interface, a busy address, what is not there yet: one line that names it, exit code 2"""
    host = Host(context, 1, "10.0.0.1/24")
    host.plug_veth()
    program = os.environ["RUMPSWITCH"]
    good = ["--port", "1:packet:p1"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = taken.getsockname()[1]
        for what, arguments, named in (
            ("a missing interface", ["--port", "1:packet:nowhere"], "nowhere"),
            ("an unknown kind of port", ["--port", "1:pigeon:p1"], "pigeon"),
            ("a port number twice", [*good, "--port", "1:tap:t1"], "1"),
            ("an interface twice", [*good, "--port", "2:packet:p1"], "p1"),
            ("a port number beyond the last", ["--port", "4294967295:packet:p1"], "4294967295"),
            ("a busy listening port", [*good, "--listen", f"ptcp:{busy}"], str(busy)),
            ("a socket where there is no folder", [*good, "--listen", "punix:/nowhere/s"], "/nowhere/s"),
            ("TLS to a controller", [*good, "--controller", "ssl:127.0.0.1:1"], "ssl"),
            ("TLS when listening", [*good, "--listen", "pssl:1"], "pssl"),
            ("an unknown target", [*good, "--controller", "carrier:1"], "carrier"),
            ("a datapath id that is none", [*good, "--datapath-id", "xyz"], "xyz"),
            ("an unknown fail mode", [*good, "--fail-mode", "lax"], "lax"),
        ):
            done = context.command([program, "run", *arguments], seconds=10, check=False)
            said = done.stderr.strip()
            context.expect(done.returncode == USAGE, f"{what}: exit code {done.returncode}, {said!r}")
            context.expect(named in said, f"{what}: {said!r} does not name it")
            first = said.splitlines()[:1]
            context.expect(first and named in first[0], f"{what}: the first line {first} does not name it")
            context.expect("panicked" not in said, f"{what}: {said!r}")
    # Nothing was left half-made: the interface is free for a switch that is told right.
    port = free_port()
    process = context.spawn("rumpswitch", [program, "run", *good, "--listen", f"ptcp:{port}"])
    switches.wait_ready(process, port)
    context.expect(process.running(), "the right command line is refused after the wrong ones")


@test("ending", tools=("ip",), switches=("rumpswitch",))
def ending(context: Context) -> None:
    """SIGTERM ends it with exit code 0, its taps and sockets go"""
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise Skip("/dev/net/tun is not there or may not be opened")
    switches.SOCKETS.mkdir(exist_ok=True)
    path = switches.SOCKETS / "ending"
    program = os.environ["RUMPSWITCH"]
    argv = [
        program,
        "run",
        "--port",
        "1:tap:t1",
        "--listen",
        f"punix:{path}",
        "--listen",
        f"ptcp:{free_port()}",
    ]
    for _ in range(2):
        process = context.spawn("rumpswitch", argv)
        wait_until(path.exists, 10, "the socket")
        wait_until(lambda: re.search("punix:", process.output()), 10, "the line of the listening target")
        context.expect("t1" in context.command(["ip", "-br", "link"]).stdout, "the tap is not there")
        status = process.stop(10)
        context.expect(status == 0, f"after SIGTERM the exit code is {status}: {process.last_words()}")
        context.expect("t1" not in context.command(["ip", "-br", "link"]).stdout, "the tap is still there")
        context.expect(not path.exists(), "the socket is still there")
