"""The switch under test, and Open vSwitch in its place to see whether a test asks for what is asked elsewhere.

Both have the same face: ports (number, kind, interface), controllers (TCP ports of the loopback address, or
targets in full), one listening TCP port (or more targets), datapath id, fail mode.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence

from harness import Cable, Context, Host, Process, Skip, accepts, free_port, wait_until

DATAPATH_ID = 0xA1

# Where Unix sockets of an isolated test go: a short name, private to the test. Open vSwitch takes a socket only
# here, and a listening one only under a name that starts with its bridge's.
SOCKETS = pathlib.Path("/run/openvswitch")


class Switch:
    """A running switch. `listen` is the TCP port it listens on, if any."""

    def __init__(
        self,
        context: Context,
        hosts: Sequence[Host | Cable] = (),
        *,
        datapath_id: int = DATAPATH_ID,
        kind: str = "packet",
        controllers: Sequence[int | str] = (),
        listen: bool = False,
        listen_also: Sequence[str] = (),
        fail_mode: str = "secure",
        local: bool = False,
        options: Sequence[str] = (),
    ):
        self.context = context
        self.hosts = list(hosts)
        self.datapath_id = datapath_id
        self.kind = kind
        self.controllers = [to if isinstance(to, str) else f"tcp:127.0.0.1:{to}" for to in controllers]
        self.listen = free_port() if listen else None
        self.listen_also = list(listen_also)
        self.fail_mode = fail_mode
        # Whether it has a LOCAL port (a bridge of Open vSwitch always has one).
        self.local = local
        # More arguments of `rumpswitch run`.
        self.options = list(options)
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

    def pull(self, host: Host) -> None:
        """Take a port away while the switch runs: its interface is gone."""
        host.unplug()

    def push(self, host: Host) -> None:
        """Bring a port back that was pulled, on a new interface of the old name."""
        host.plug_veth()


class Rumpswitch(Switch):
    """`rumpswitch run`."""

    def start(self) -> None:
        argv = [
            os.environ["RUMPSWITCH"],
            "run",
            "--datapath-id",
            f"{self.datapath_id:016x}",
            "--fail-mode",
            self.fail_mode,
            *self.options,
        ]
        for host in self.hosts:
            argv += ["--port", f"{host.port}:{self.kind}:{host.interface}"]
        if self.local:
            argv += ["--port", f"local:{self.context.unique('local')}"]
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
    """A bridge of Open vSwitch's userspace datapath; all bridges of a test share one database and one daemon."""

    def start(self) -> None:
        context = self.context
        home = SOCKETS
        home.mkdir(exist_ok=True)
        env = {"OVS_RUNDIR": str(home), "OVS_LOGDIR": str(home), "OVS_DBDIR": str(home)}
        daemons: list[Process] = getattr(context, "ovs_daemons", [])
        if not daemons or not all(daemon.running() for daemon in daemons):
            name = context.unique("db")
            self.socket, database_file = home / f"{name}.sock", str(home / f"{name}.conf")
            schema = "/usr/share/openvswitch/vswitch.ovsschema"
            context.command(["ovsdb-tool", "create", database_file, schema], env=env)
            database = context.spawn(
                "ovsdb-server", ["ovsdb-server", f"--remote=punix:{self.socket}", database_file], env=env
            )
            wait_until(self.socket.exists, 10, "ovsdb-server")
            context.command([*self.vsctl(), "--no-wait", "init"], env=env)
            daemon = context.spawn("ovs-vswitchd", ["ovs-vswitchd", f"unix:{self.socket}"], env=env)
            context.ovs_daemons, context.ovs_socket, context.ovs_bridges = [database, daemon], self.socket, 0
        self.socket = context.ovs_socket
        self.processes += context.ovs_daemons
        self.bridge = f"br{context.ovs_bridges}"
        context.ovs_bridges += 1
        argv = [*self.vsctl(), "add-br", self.bridge, "--", "set", "bridge", self.bridge]
        argv += ["datapath_type=netdev", "protocols=OpenFlow13", f"fail_mode={self.fail_mode}"]
        argv += [f"other_config:datapath-id={self.datapath_id:016x}"]
        for host in self.hosts:
            argv += self.add_port(host)
        targets = [*self.controllers, *([f"ptcp:{self.listen}:127.0.0.1"] if self.listen else [])]
        targets += self.listen_also
        if targets:
            argv += ["--", "set-controller", self.bridge, *targets]
        context.command(argv, seconds=30, env=env)
        if self.listen:
            wait_until(lambda: accepts(self.listen), 15, "Open vSwitch to listen")

    def pull(self, host: Host) -> None:
        self.context.command([*self.vsctl(), "del-port", self.bridge, host.interface])
        super().pull(host)

    def push(self, host: Host) -> None:
        super().push(host)
        self.context.command([*self.vsctl(), *self.add_port(host)])

    def vsctl(self) -> list[str]:
        return ["ovs-vsctl", f"--db=unix:{self.socket}", "--timeout=20"]

    def add_port(self, host: Host | Cable) -> list[str]:
        argv = ["--", "add-port", self.bridge, host.interface]
        argv += ["--", "set", "interface", host.interface, f"ofport_request={host.port}"]
        return [*argv, "type=tap"] if self.kind == "tap" else argv


def start(context: Context, hosts: Sequence[Host | Cable] = (), **options) -> Switch:
    """The switch that the environment names."""
    kind = OpenVSwitch if context.backend == "ovs" else Rumpswitch
    return kind(context, hosts, **options)
