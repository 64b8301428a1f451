"""Ryu's switch tester: every field and action byte for byte, table misses, groups and meters under load.

The tester drives two switches that three cables join: it sends each frame through the second one, and looks at
what the switch under test makes of it. Its case files are not in Ryu's packages; those of `ryu_cases.py` are our
own. `RYU_SWITCH_TESTS` may name a folder with Ryu's (`ryu/tests/switch/of13`), which then run as well.
`NIGHTLY=1` runs all cases and windows of 30 s. Rates that Python cannot offer are left to `meters.py`.
Among Ryu's are rates of 20,000 packets a second, which its sender reaches only on an idle, fast machine.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re

import ryu_cases
import switches
from harness import Context, Skip, accepts, free_port, script, test, wait_until

NIGHTLY = os.environ.get("NIGHTLY") == "1"
TESTER_ID = 0xB2


@dataclasses.dataclass
class Wire:
    """A veth pair of MTU 2000: `pN` at the switch under test, `xN` at the one that sends and watches."""

    context: Context
    number: int

    @property
    def interface(self) -> str:
        return f"p{self.number}"

    @property
    def port(self) -> int:
        return self.number

    def plug_veth(self) -> None:
        far = f"x{self.number}"
        self.context.command(["ip", "link", "add", self.interface, "type", "veth", "peer", "name", far])
        for name in (self.interface, far):
            self.context.command(["ip", "link", "set", name, "mtu", "2000", "up"])


def run_tester(
    context: Context, folder: pathlib.Path, limit: float, interval: float
) -> tuple[int, list[str]]:
    """Runs the cases in a folder: how many were right, and what was wrong with the others."""
    port = free_port()
    argv = [context.venv_program("ryu", "ryu-manager")]
    argv += ["--ofp-listen-host", "127.0.0.1", "--ofp-tcp-listen-port", str(port)]
    argv += ["--test-switch-dir", str(folder), "--test-switch-interval", "0"]
    argv += [
        "--test-switch-target",
        f"{switches.DATAPATH_ID:016x}",
        "--test-switch-tester",
        f"{TESTER_ID:016x}",
    ]
    env = {**context.venv_env("ryu"), "RYU_TESTER_INTERVAL": str(interval)}
    process = context.spawn("ryu-tester", [*argv, script("ryu_tester.py")], env=env)
    wait_until(lambda: process.require_running() or accepts(port), 60, "ryu to listen")
    target = switches.start(context, [Wire(context, number) for number in (1, 2, 3)], controllers=[port])
    argv = [os.environ["RUMPSWITCH"], "run", "--datapath-id", f"{TESTER_ID:016x}"]
    argv += ["--controller", f"tcp:127.0.0.1:{port}"]
    for number in (1, 2, 3):
        argv += ["--port", f"{number}:packet:x{number}"]
    sender = context.spawn("sender", argv)
    process.wait(limit)
    sender.stop()
    target.stop()
    context.command(["ip", "link", "delete", "p1"])
    context.command(["ip", "link", "delete", "p2"])
    context.command(["ip", "link", "delete", "p3"])
    lines = process.output().splitlines()
    wrong = [
        f"{line.removesuffix('ERROR').strip()}: {why.strip()}"
        for line, why in zip(lines, [*lines[1:], ""])
        if re.match(r"    .*\bERROR$", line)
    ]
    counts = [re.match(r"OK\((\d+)\) / ERROR\((\d+)\)", line) for line in lines]
    ends = [found for found in counts if found]
    context.require(ends, f"the tester gave no report: {process.last_words()}")
    context.require(int(ends[-1][2]) == len(wrong), "the tester's report does not add up")
    return int(ends[-1][1]), wrong


def run_cases(context: Context, folder: pathlib.Path, count: int, limit: float, interval: float) -> None:
    right, wrong = run_tester(context, folder, limit, interval)
    context.log(f"{folder}: {right} right, {len(wrong)} wrong")
    for line in wrong:
        context.expect(False, line)
    context.require(right + len(wrong) == count, f"{count} cases were given, {right + len(wrong)} ran")


@test("ryu-tester", tools=("ip",), venvs=("ryu",), limit=2400 if NIGHTLY else 280, switches=("rumpswitch",))
def ryu_tester(context: Context) -> None:
    """Ryu's switch tester on our cases: fields, masks, actions, misses"""
    folder = context.logs / "cases"
    counts = ryu_cases.write(folder, stride=1 if NIGHTLY else 5)
    for kind in ("action", "match"):
        run_cases(context, folder / kind, counts[kind], 1500, 1 if NIGHTLY else 0.2)


@test(
    "ryu-tester-rates",
    tools=("ip",),
    venvs=("ryu",),
    limit=2400 if NIGHTLY else 120,
    switches=("rumpswitch",),
)
def ryu_tester_rates(context: Context) -> None:
    """Ryu's switch tester on our cases: groups and meters under load"""
    folder = context.logs / "cases"
    if NIGHTLY:
        counts = ryu_cases.write_rates(folder, 30, [100, 1000], [1000, 10_000])
    else:
        counts = ryu_cases.write_rates(folder, 5, [100], [1000])
    for kind in ("group", "meter"):
        right, wrong = run_tester(context, folder / kind, 2000, 1)
        context.require(right + len(wrong) == counts[kind], f"{counts[kind]} cases were given")
        if wrong:
            # A machine that is busy for a moment offers less than the case says: once more.
            context.log(f"once more: {wrong}")
            again = ryu_cases.pick(folder / kind, [line.split(":")[0] for line in wrong])
            right, wrong = run_tester(context, again, 2000, 1)
        for line in wrong:
            context.expect(False, line)
        context.expect(right > 0, f"no {kind} was right")


@test("ryu-tester-own-cases", tools=("ip",), venvs=("ryu",), limit=5400, switches=("rumpswitch",))
def ryu_tester_own_cases(context: Context) -> None:
    """Ryu's switch tester on Ryu's own case files, where RYU_SWITCH_TESTS names them"""
    folder = os.environ.get("RYU_SWITCH_TESTS")
    if not folder:
        raise Skip("RYU_SWITCH_TESTS names no folder with Ryu's case files, which its packages lack")
    context.require(list(pathlib.Path(folder).rglob("*.json")), f"there is no case file below {folder}")
    right, wrong = run_tester(context, pathlib.Path(folder), 5400, 1)
    context.log(f"{right} right, {len(wrong)} wrong")
    for line in wrong:
        context.expect(False, line)
    context.require(right > 0, "no case was right")
