"""What every interoperability test stands on: checks, processes, hosts, and waits that have an end.

A test is a function registered by `@test`; it gets a `Context`. `context.expect` notes a failure and goes
on, `context.require` stops the test. Processes are started by `context.spawn` and end with the test. A
test that needs a network runs as the first process of network, mount and process namespaces of its own
(see `runner.py`), so that nothing of it is left behind however it ends.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence

TESTS: dict[str, Test] = {}


class Skip(Exception):
    """The test cannot be run here; the text says why in one line."""


class Failure(Exception):
    """The test failed and cannot go on; the text says why in one line."""


@dataclasses.dataclass
class Test:
    """One registered test and what it needs before it can start."""

    name: str
    function: Callable[[Context], None]
    about: str
    tools: tuple[str, ...]
    venvs: tuple[str, ...]
    crates: tuple[str, ...]
    isolated: bool
    after: tuple[str, ...]
    limit: float
    switches: tuple[str, ...]


def test(
    name: str,
    *,
    tools: Iterable[str] = (),
    venvs: Iterable[str] = (),
    crates: Iterable[str] = (),
    isolated: bool = True,
    after: Iterable[str] = (),
    limit: float = 120,
    switches: Iterable[str] = ("rumpswitch", "ovs"),
):
    """Register a test: `tools` are programs, `venvs` Python clients, `crates` Rust ones, `after` tests whose records it reads."""

    def register(function):
        TESTS[name] = Test(
            name,
            function,
            (function.__doc__ or "").strip().splitlines()[0],
            tuple(tools),
            tuple(venvs),
            tuple(crates),
            isolated,
            tuple(after),
            limit,
            tuple(switches),
        )
        return function

    return register


def wait_until(condition: Callable[[], object], seconds: float, what: str, step: float = 0.05):
    """Ask `condition` again and again until it holds, and return what it gave."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {seconds:g} s in vain for: {what}")
        time.sleep(step)


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port: int) -> bool:
    """Whether something listens on this TCP port of the loopback address."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A program that runs beside the test, its output in two log files."""

    def __init__(
        self, name: str, argv: Sequence[str], logs: pathlib.Path, env: dict[str, str] | None, cwd=None
    ):
        self.name = name
        self.argv = list(argv)
        self.stdout = logs / f"{name}.stdout"
        self.stderr = logs / f"{name}.stderr"
        with open(self.stdout, "ab") as out, open(self.stderr, "ab") as err:
            self.child = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )

    def running(self) -> bool:
        return self.child.poll() is None

    def output(self) -> str:
        """All it has written so far, standard output first."""
        return self.stdout.read_text(errors="replace") + self.stderr.read_text(errors="replace")

    def last_words(self) -> str:
        """Its last lines in one, for a message."""
        return " / ".join(self.output().strip().splitlines()[-3:])

    def require_running(self) -> None:
        if not self.running():
            raise Failure(f"{self.name} ended early with {self.child.returncode}: {self.last_words()}")

    def wait(self, seconds: float) -> int:
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} still runs after {seconds:g} s") from None

    def kill(self) -> None:
        """End it and what it has started at once, without a word to them."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait(10)

    def stop(self, seconds: float = 5) -> int:
        """SIGTERM, then SIGKILL when it does not listen."""
        if self.running():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.child.wait(seconds)
        self.kill()
        return self.child.returncode


class Context:
    """The hands of one running test."""

    def __init__(self, name: str, logs: pathlib.Path, run: pathlib.Path, cache: pathlib.Path):
        self.name = name
        self.logs = logs
        self.run_logs = run
        self.cache = cache
        self.backend = os.environ.get("SWITCH") or "rumpswitch"
        self.checks = 0
        self.failures: list[str] = []
        self.exits = contextlib.ExitStack()
        self.names: dict[str, int] = {}
        logs.mkdir(parents=True, exist_ok=True)
        self.journal = open(logs / "test.log", "a", buffering=1)

    def log(self, text: str) -> None:
        self.journal.write(f"{time.strftime('%H:%M:%S')} {text}\n")

    def expect(self, holds: object, what: str) -> bool:
        """Check; when it does not hold the test fails, but goes on."""
        self.checks += 1
        if not holds:
            self.failures.append(" ".join(what.split()))
            self.log(f"FAILED: {what}")
        return bool(holds)

    def require(self, holds: object, what: str) -> None:
        """Check; when it does not hold the test ends here."""
        self.checks += 1
        if not holds:
            raise Failure(" ".join(what.split()))

    def unique(self, name: str) -> str:
        """The name, with a number from its second use on."""
        self.names[name] = self.names.get(name, 0) + 1
        return name if self.names[name] == 1 else f"{name}-{self.names[name]}"

    def spawn(self, name: str, argv: Sequence[str], env: dict[str, str] | None = None, cwd=None) -> Process:
        """Start a program that runs until the test ends (or is stopped by it)."""
        name = self.unique(name)
        self.log(f"start {name}: {shlex.join(argv)}")
        process = Process(name, argv, self.logs, env, cwd)
        self.exits.callback(process.stop)
        return process

    def command(
        self,
        argv: Sequence[str],
        seconds: float = 20,
        env: dict[str, str] | None = None,
        check: bool = True,
        input: str | None = None,
    ) -> subprocess.CompletedProcess:
        """Run a program to its end, within a time limit; a bad exit status fails the test when `check`."""
        argv = list(argv)
        try:
            done = subprocess.run(
                argv,
                input=input,
                stdin=None if input is not None else subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                env={**os.environ, **(env or {})},
            )
        except subprocess.TimeoutExpired as late:
            raise Failure(f"no end after {seconds:g} s: {shlex.join(argv)}") from late
        self.log(f"$ {shlex.join(argv)} -> {done.returncode}\n{done.stdout}{done.stderr}")
        if check and done.returncode != 0:
            raise Failure(
                f"{shlex.join(argv)} exits with {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}"
            )
        return done

    def venv_program(self, venv: str, program: str = "python") -> str:
        """The path of a program in the virtual environment of a client."""
        return str(self.cache / venv / "bin" / program)

    def venv_env(self, venv: str) -> dict[str, str]:
        """The environment of a client that starts further programs of its own by name."""
        return {"PATH": f"{self.cache / venv / 'bin'}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}

    def crate_program(self, name: str) -> str:
        """The path of a client in Rust."""
        return str(self.cache / name / "target" / "debug" / name)

    def close_processes(self) -> None:
        """End everything the test has started, newest first."""
        self.exits.close()

    def close(self) -> None:
        self.close_processes()
        self.journal.close()


class Host:
    """A machine at one port of the switch: a network namespace with one interface, `eth0`."""

    def __init__(
        self,
        context: Context,
        number: int,
        address: str,
        gateway: str | None = None,
        v6: str | None = None,
        port: int | None = None,
    ):
        self.context = context
        self.number = number
        # The number of its port at the switch.
        self.port = port or number
        self.name = f"h{number}"
        self.interface = f"p{number}"
        self.mac = f"02:00:00:00:00:{number:02x}"
        self.address = address.split("/")[0]
        self.prefix = address
        self.gateway = gateway
        self.v6 = v6.split("/")[0] if v6 else None
        self.v6_prefix = v6
        context.command(["ip", "netns", "add", self.name])
        self.inside("sysctl", "-qw", f"net.ipv6.conf.default.disable_ipv6={0 if v6 else 1}")
        self.inside("sysctl", "-qw", "net.ipv6.conf.default.router_solicitations=0")
        self.inside("ip", "link", "set", "lo", "up")

    def argv(self, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *command]

    def inside(self, *command: str, seconds: float = 20, check: bool = True) -> subprocess.CompletedProcess:
        """Run a program inside the host to its end."""
        return self.context.command(self.argv(*command), seconds, check=check)

    def plug_veth(self) -> None:
        """Make the cable: `pN` stays with the switch, `eth0` is the host's."""
        command = self.context.command
        command(
            ["ip", "link", "add", self.interface, "type", "veth", "peer", "name", "eth0", "netns", self.name]
        )
        command(["ip", "link", "set", self.interface, "up"])
        if self.context.backend == "ovs":
            # Open vSwitch's userspace datapath does not complete partial checksums.
            self.inside("ethtool", "-K", "eth0", "tx", "off")
        self.configure()

    def plug_tap(self) -> None:
        """Take the tap that the switch has opened into the host."""
        self.context.command(["ip", "link", "set", self.interface, "netns", self.name])
        self.inside("ip", "link", "set", self.interface, "name", "eth0")
        if self.context.backend == "ovs":
            self.inside("ethtool", "-K", "eth0", "tx", "off")
        self.configure()

    def received(self) -> int:
        """Frames that have come to it so far."""
        return int(self.inside("cat", "/sys/class/net/eth0/statistics/rx_packets").stdout)

    def unplug(self) -> None:
        """Take the cable away (its other end goes with it)."""
        self.inside("ip", "link", "delete", "eth0")

    def configure(self) -> None:
        self.inside("ip", "link", "set", "eth0", "address", self.mac, "up")
        self.inside("ip", "address", "add", self.prefix, "dev", "eth0")
        if self.v6_prefix:
            self.inside("ip", "address", "add", self.v6_prefix, "dev", "eth0", "nodad")
        if self.gateway:
            self.inside("ip", "route", "add", "default", "via", self.gateway)

    def ping(self, target: str, count: int = 3, interval: float = 0.2, wait: float = 2) -> tuple[int, int]:
        """Ping; returns how many were sent and how many came back."""
        limit = count * interval + wait + 10
        done = self.inside(
            "ping",
            "-n",
            "-c",
            str(count),
            "-i",
            f"{interval:g}",
            "-W",
            f"{wait:g}",
            target,
            seconds=limit,
            check=False,
        )
        return ping_counts(done.stdout)


class Cable:
    """One end of a cable between two switches; `Cable.between` makes both."""

    def __init__(self, context: Context, port: int, interface: str):
        self.context = context
        self.port = port
        self.interface = interface

    @staticmethod
    def between(context: Context, port_a: int, port_b: int) -> tuple[Cable, Cable]:
        """A cable from port `port_a` of one switch to port `port_b` of another."""
        name = context.unique("cable")
        ends = Cable(context, port_a, f"{name}a"), Cable(context, port_b, f"{name}b")
        a, b = (end.interface for end in ends)
        context.command(["ip", "link", "add", a, "type", "veth", "peer", "name", b])
        return ends

    def plug_veth(self) -> None:
        self.context.command(["ip", "link", "set", self.interface, "up"])

    def cut(self) -> None:
        """Take the link down at this end: the other loses its carrier too."""
        self.context.command(["ip", "link", "set", self.interface, "down"])


def ping_counts(text: str) -> tuple[int, int]:
    """Sent and received out of ping's last lines."""
    for line in text.splitlines():
        if "packets transmitted" in line:
            words = line.replace(",", "").split()
            return int(words[0]), int(words[3])
    raise Failure(f"ping said nothing of packets: {text.strip()[-200:]!r}")


def script(name: str) -> str:
    """The path of a program that lies beside the tests."""
    return str(pathlib.Path(__file__).parent / "apps" / name)
