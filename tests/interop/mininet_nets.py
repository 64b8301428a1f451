"""Mininet: the switch as a class of `contrib/mininet`, and under the names of the switch that Mininet calls `user`."""

from __future__ import annotations

import json
import os
import pathlib

import install
from harness import Context, Skip, accepts, free_port, script, test, wait_until
from hosts import start_testcontroller
from ryu_control import Ryu
from wiretap import Wiretap

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLASS = ROOT / "contrib" / "mininet"
TOOLS = ("ip", "ping", "mn", "ovs-ofctl")


def prepare(context: Context) -> None:
    """What Mininet changes outside its namespaces stays in the test.

    When it fails it removes logs from /tmp, and at each start it raises limits of the whole machine.
    """
    if os.getuid() != 0 or os.getpid() != 1:
        raise Skip("Mininet needs root and namespaces of its own")
    command = context.command
    private = pathlib.Path("/run/tmp")
    private.mkdir(mode=0o1777)
    for path in {ROOT, context.cache, context.run_logs, pathlib.Path(os.environ["RUMPSWITCH"]).parent}:
        # What lies below /tmp and is needed stays in its place.
        if path.is_relative_to("/tmp"):
            inside = private / path.relative_to("/tmp")
            inside.mkdir(parents=True, exist_ok=True)
            command(["mount", "--rbind", str(path), str(inside)])
    command(["mount", "--rbind", str(private), "/tmp"])
    command(["mount", "--bind", "/proc/sys", "/proc/sys"])
    command(["mount", "-o", "remount,ro,bind", "/proc/sys"])


def mn(context: Context, *arguments: str, env: dict[str, str] | None = None, seconds: float = 100) -> str:
    """Run `mn` to its end; what it says."""
    done = context.command([install.find("mn"), *arguments], seconds, env=env, check=False)
    context.expect(
        done.returncode == 0,
        f"mn exits with {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}",
    )
    return done.stdout + done.stderr


def expect_pingall(context: Context, said: str, hosts: int) -> None:
    pairs = hosts * (hosts - 1)
    context.expect(
        f"Results: 0% dropped ({pairs}/{pairs} received)" in said,
        f"pingall: {' / '.join(said.splitlines()[-8:])}",
    )


def custom(*options: str) -> list[str]:
    return ["--custom", str(CLASS / "rumpswitch.py"), "--switch", ",".join(["rumpswitch", *options])]


@test("mininet-ryu", tools=TOOLS, venvs=("ryu",), limit=200, switches=("rumpswitch",))
def mininet_ryu(context: Context) -> None:
    """mn --custom rumpswitch.py --switch rumpswitch under ryu: a tree of seven switches, pingall"""
    prepare(context)
    ryu = Ryu(context, "ryu.app.simple_switch_13")
    wait_until(lambda: accepts(ryu.port), 30, "ryu to listen")
    controller = f"remote,ip=127.0.0.1,port={ryu.tap.port}"
    said = mn(
        context,
        *["--topo", "tree,depth=3,fanout=2", "--mac", *custom(), "--controller", controller],
        *["--test", "pingall"],
    )
    expect_pingall(context, said, 8)
    context.expect(ryu.tap.count("FEATURES_REPLY", True) == 7, "seven switches came to ryu")
    ryu.check()


@test("mininet-ovsc", tools=(*TOOLS, "ovs-testcontroller"), limit=150, switches=("rumpswitch",))
def mininet_ovsc(context: Context) -> None:
    """mn with its own controller, which is ovs-testcontroller, and without any in standalone mode with a personality"""
    prepare(context)
    said = mn(context, "--topo", "linear,3", *custom(), "--controller", "ovsc", "--test", "pingall")
    expect_pingall(context, said, 3)
    options = custom("failMode=standalone", "personality=strict")
    said = mn(context, "--topo", "linear,2", *options, "--controller", "none", "--test", "pingall")
    expect_pingall(context, said, 2)


@test("mininet-script", tools=(*TOOLS, "ovs-testcontroller"), limit=150, switches=("rumpswitch",))
def mininet_script(context: Context) -> None:
    """Mininet from Python: two controllers, dpctl, iperf, a link down and up, a switch stopped and started"""
    prepare(context)
    taps = []
    for name in ("a", "b"):
        port = free_port()
        taps.append(Wiretap(context, f"tap-{name}", port))
        start_testcontroller(context, port)
    ports = [str(tap.port) for tap in taps]
    argv = ["/usr/bin/python3", script("mininet_script.py"), str(CLASS), *ports]
    done = context.command(argv, 100)
    seen = json.loads(done.stdout.strip().splitlines()[-1])
    for what, wanted in (
        ("connected", [True, True]),
        ("dpids", ["0" * 15 + "1", "0" * 15 + "2"]),
        ("ping", 0.0),
        ("down", True),
        ("up", True),
        ("running", [True, True]),
        ("after stop", [False, True]),
        ("leftovers", False),
        ("again", True),
        ("after the net", [False, False]),
    ):
        context.expect(seen.get(what) == wanted, f"{what}: {seen.get(what)}, not {wanted}")
    context.expect(
        "dpid:0000000000000001" in seen["show"]
        and "1(s1-eth1)" in seen["show"]
        and "2(s1-eth2)" in seen["show"],
        f"dpctl show: {seen['show']}",
    )
    context.expect("actions=output" in seen["flows"], f"dpctl dump-flows: {seen['flows']}")
    context.expect("LINK_DOWN" in seen["ports while down"], f"dump-ports-desc: {seen['ports while down']}")
    bits = [int(rate) for rate in seen["iperf"]]
    context.log(f"iperf: {bits}")
    context.expect(len(bits) == 2 and min(bits) > 10_000_000, f"iperf both ways, bits a second: {bits}")
    for tap in taps:
        context.expect(tap.count("FEATURES_REPLY", True) >= 2, "the switches came to both controllers")
        tap.check(context)


@test(
    "mininet-user", tools=(*TOOLS, "ovs-testcontroller"), venvs=("ryu",), limit=150, switches=("rumpswitch",)
)
def mininet_user(context: Context) -> None:
    """mn --switch user, unmodified: ofdatapath, ofprotocol and dpctl are links to the program"""
    prepare(context)
    names = context.logs / "bin"
    names.mkdir()
    context.command([os.environ["RUMPSWITCH"], "install-bofuss-names", str(names)])
    env = {"PATH": f"{names}:{os.environ['PATH']}"}
    # It ends only when `dpctl status` has said that every switch is connected.
    said = mn(
        context,
        *["--topo", "linear,3", "--switch", "user", "--controller", "ovsc", "--test", "pingall"],
        env=env,
    )
    expect_pingall(context, said, 3)
    ryu = Ryu(context, "ryu.app.simple_switch_13")
    wait_until(lambda: accepts(ryu.port), 30, "ryu to listen")
    controller = f"remote,ip=127.0.0.1,port={ryu.tap.port}"
    said = mn(
        context,
        *["--topo", "tree,depth=2,fanout=2", "--mac", "--switch", "user", "--controller", controller],
        *["--test", "pingall"],
        env=env,
    )
    expect_pingall(context, said, 4)
    context.expect(ryu.tap.count("FEATURES_REPLY", True) == 3, "three switches came to ryu")
    context.expect(ryu.tap.count("PACKET_IN", True) > 0, "ryu got no packet-in")
    ryu.check()
