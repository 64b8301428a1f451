"""The switch under test, and Open vSwitch in its place to see whether a test asks for what is asked elsewhere.

Both have the same face: ports (number, kind, interface), controllers (TCP ports of the loopback address, or
targets in full), one listening TCP port (or more targets), datapath id, fail mode.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence

from harness import Context, Host, Process, Skip, accepts, free_port, wait_until

DATAPATH_ID = 0xA1

# Where Unix sockets of an isolated test go: a short name, private to the test. Open vSwitch takes a socket only
# here, and a listening one only under a name that starts with its bridge's.
SOCKETS = pathlib.Path("/run/openvswitch")


class Switch:
    """A running switch. `listen` is the TCP port it listens on, if any."""

    def __init__(
        self,
        context: Context,
        hosts: Sequence[Host] = (),
        *,
        kind: str = "packet",
        controllers: Sequence[int | str] = (),
        listen: bool = False,
        listen_also: Sequence[str] = (),
        fail_mode: str = "secure",
    ):
        self.context = context
        self.hosts = list(hosts)
        self.kind = kind
        self.controllers = [to if isinstance(to, str) else f"tcp:127.0.0.1:{to}" for to in controllers]
        self.listen = free_port() if listen else None
        self.listen_also = list(listen_also)
        self.fail_mode = fail_mode
        self.processes: list[Process] = []
        if kind == "tap" and not os.access("/dev/net/tun", os.R_OK | os.W_OK):
            raise Skip("/dev/net/tun is not there or may not be opened")
        if kind == "packet":
            for host in self.hosts:
                host.plug_veth()
        self.start()
        if kind == "tap":
            for host in self.hosts:
                host.plug_tap()

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        """End it before the test ends."""
        for process in reversed(self.processes):
            process.stop()


class Rumpswitch(Switch):
    """`rumpswitch run`."""

    def start(self) -> None:
        argv = [
            os.environ["RUMPSWITCH"],
            "run",
            "--datapath-id",
            f"{DATAPATH_ID:016x}",
            "--fail-mode",
            self.fail_mode,
        ]
        for host in self.hosts:
            argv += ["--port", f"{host.number}:{self.kind}:{host.interface}"]
        for controller in self.controllers:
            argv += ["--controller", controller]
        if self.listen:
            argv += ["--listen", f"ptcp:{self.listen}"]
        for target in self.listen_also:
            argv += ["--listen", target]
        self.processes.append(self.context.spawn("rumpswitch", argv))
        wait_ready(self.processes[0], self.listen)


class Demo:
    """`rumpswitch demo --stay`: a virtual network without root; switch 1 of it listens."""

    def __init__(self, context: Context):
        self.listen = free_port()
        argv = [os.environ["RUMPSWITCH"], "demo", "--stay", "--listen", f"ptcp:{self.listen}"]
        self.process = context.spawn("rumpswitch-demo", argv)
        wait_ready(self.process, self.listen)


def wait_ready(process: Process, listen: int | None) -> None:
    """Until the program has said that it is ready (a line) and, if it listens, does so."""

    def ready() -> bool:
        process.require_running()
        return "\n" in process.output() and (listen is None or accepts(listen))

    wait_until(ready, 15, f"{process.name} to become ready")


class OpenVSwitch(Switch):
    """Open vSwitch's userspace datapath with a database of its own, in the namespaces of the test."""

    def start(self) -> None:
        context = self.context
        home = SOCKETS
        home.mkdir(exist_ok=True)
        name = context.unique("db")
        socket, database_file = home / f"{name}.sock", str(home / f"{name}.conf")
        env = {"OVS_RUNDIR": str(home), "OVS_LOGDIR": str(home), "OVS_DBDIR": str(home)}
        schema = "/usr/share/openvswitch/vswitch.ovsschema"
        context.command(["ovsdb-tool", "create", database_file, schema], env=env)
        database = context.spawn(
            "ovsdb-server", ["ovsdb-server", f"--remote=punix:{socket}", database_file], env=env
        )
        wait_until(socket.exists, 10, "ovsdb-server")
        vsctl = ["ovs-vsctl", f"--db=unix:{socket}", "--timeout=20"]
        context.command([*vsctl, "--no-wait", "init"], env=env)
        self.processes += [
            database,
            context.spawn("ovs-vswitchd", ["ovs-vswitchd", f"unix:{socket}"], env=env),
        ]
        argv = [
            *vsctl,
            "add-br",
            "br0",
            "--",
            "set",
            "bridge",
            "br0",
            "datapath_type=netdev",
            "protocols=OpenFlow13",
        ]
        argv += [f"fail_mode={self.fail_mode}", f"other_config:datapath-id={DATAPATH_ID:016x}"]
        for host in self.hosts:
            argv += ["--", "add-port", "br0", host.interface]
            argv += ["--", "set", "interface", host.interface, f"ofport_request={host.number}"]
            if self.kind == "tap":
                argv += ["type=tap"]
        targets = [*self.controllers, *([f"ptcp:{self.listen}:127.0.0.1"] if self.listen else [])]
        targets += self.listen_also
        if targets:
            argv += ["--", "set-controller", "br0", *targets]
        context.command(argv, seconds=30, env=env)
        if self.listen:
            wait_until(lambda: accepts(self.listen), 15, "Open vSwitch to listen")


def start(context: Context, hosts: Sequence[Host] = (), **options) -> Switch:
    """The switch that the environment names."""
    kind = OpenVSwitch if context.backend == "ovs" else Rumpswitch
    return kind(context, hosts, **options)
