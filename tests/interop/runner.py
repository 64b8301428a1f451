"""Runs the tests one after the other, each in a process and in namespaces of its own, and prints the outcome.

One line a test: `ok NAME (seconds)`, `FAIL NAME: why` or `SKIP NAME: why`; the last line counts them.
The exit status is 1 when one failed, 2 for a wrong command line.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import traceback

import install
from harness import TESTS, Context, Failure, Skip, Test

import badinput  # noqa: F401  (these register their tests; the order is that of a full run)
import channel  # noqa: F401
import program  # noqa: F401
import ofctl  # noqa: F401
import monitors  # noqa: F401
import hosts  # noqa: F401
import queues  # noqa: F401
import faucet  # noqa: F401
import osken  # noqa: F401
import ryu_switch  # noqa: F401
import meters  # noqa: F401
import ryu_ofctl  # noqa: F401
import ryu_switching  # noqa: F401
import ryu_services  # noqa: F401
import mininet_nets  # noqa: F401
import other_controllers  # noqa: F401
import decode  # noqa: F401

ROOT = pathlib.Path(__file__).resolve().parents[2]


def cache_folder() -> pathlib.Path:
    return pathlib.Path(os.environ.get("INTEROP_CACHE") or ROOT / "target" / "interop").absolute()


def backend() -> str:
    return os.environ.get("SWITCH") or "rumpswitch"


def select(names: list[str]) -> list[Test]:
    """The named tests and those whose records they read, in the order of registration."""
    unknown = [name for name in names if name not in TESTS]
    if unknown:
        print(f"no test named {', '.join(unknown)}; there are: {' '.join(TESTS)}", file=sys.stderr)
        raise SystemExit(2)
    wanted = set(names or TESTS)
    for name in list(wanted):
        wanted.update(TESTS[name].after)
    return [test for name, test in TESTS.items() if name in wanted]


def namespaces() -> list[str] | None:
    """The command that gives a test its own network, mounts and processes; None where that is forbidden."""
    flags = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        flags = ["--user", "--map-root-user", *flags]
    argv = ["unshare", *flags, "--"]
    try:
        if subprocess.run([*argv, "true"], capture_output=True, timeout=20).returncode == 0:
            return argv
    except (OSError, subprocess.TimeoutExpired):
        pass
    return None


def prepare(test: Test, logs: pathlib.Path, cache: pathlib.Path) -> list[str]:
    """Install what the test needs; returns the front of its command line. Raises `Skip`."""
    if backend() not in test.switches:
        raise Skip(f"not for SWITCH={backend()}")
    tools = list(test.tools)
    if backend() == "ovs":
        if os.geteuid() != 0:
            raise Skip("Open vSwitch needs root")
        tools += ["ovs-vswitchd", "ovs-ofctl", "ethtool", "ip"]
    install.tools(tuple(tools), logs)
    for venv in test.venvs:
        install.venv(venv, cache, logs)
    for crate in test.crates:
        install.crate(crate, cache, logs)
    front = namespaces()
    if front is None:
        if not test.isolated and backend() == "rumpswitch":
            return []
        raise Skip("no permission to make network namespaces (neither root nor user namespaces)")
    return front


def binary() -> pathlib.Path:
    """The program under test; without it nothing can be said, not even SKIP."""
    named = os.environ.get("RUMPSWITCH")
    places = (
        [pathlib.Path(named)]
        if named
        else [ROOT / "target" / kind / "rumpswitch" for kind in ("release", "debug")]
    )
    there = [place for place in places if os.access(place, os.X_OK)]
    if there:
        return max(there, key=lambda place: place.stat().st_mtime).absolute()
    where = " or ".join(str(place) for place in places)
    print(f"no program at {where}: cargo build --release first", file=sys.stderr)
    raise SystemExit(2)


def end(process: subprocess.Popen) -> None:
    """End a test that still runs: it may tidy up, but not for long."""
    for number, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)


def run_one(test: Test, run: pathlib.Path, cache: pathlib.Path) -> tuple[str, str]:
    """Run one test to its end; returns the outcome and a text."""
    logs = run / test.name
    logs.mkdir(parents=True, exist_ok=True)
    try:
        front = prepare(test, logs, cache)
    except Skip as skip:
        return "SKIP", str(skip)
    env = {
        **os.environ,
        "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if backend() == "rumpswitch":
        env["RUMPSWITCH"] = str(binary())
    argv = [*front, sys.executable, __file__, "--child", test.name, str(run), str(cache)]
    started = time.monotonic()
    with open(logs / "child.log", "wb") as out:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, start_new_session=True
        )
        try:
            process.wait(test.limit)
        except subprocess.TimeoutExpired:
            return "FAIL", f"no end after {test.limit:g} s"
        finally:
            end(process)
    try:
        outcome, text = json.loads((logs / "outcome.json").read_text())
    except (OSError, ValueError):
        last = (logs / "child.log").read_text(errors="replace").strip().splitlines()[-1:]
        return "FAIL", f"the test's process ended with {process.returncode}: {' '.join(last)}"
    return outcome, text or f"({time.monotonic() - started:.1f})"


def child(name: str, run: pathlib.Path, cache: pathlib.Path) -> None:
    """The inside of one test's process."""
    test = TESTS[name]
    if os.getpid() == 1:
        # A private /run/netns: host names need not be unique on the machine, and go with the process.
        subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
        os.mkdir("/run/netns")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        subprocess.run(["sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"], check=False)
    # Where Open vSwitch's programs make their control sockets.
    os.environ["OVS_RUNDIR"] = str(run / name)
    context = Context(name, run / name, run, cache)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(f"{name} was told to end"))
    try:
        try:
            test.function(context)
        finally:
            context.close_processes()
        outcome, text = "ok", ""
        if context.checks == 0:
            outcome, text = "FAIL", "it checked nothing"
    except Skip as skip:
        outcome, text = "SKIP", str(skip)
    except Failure as failure:
        outcome, text = "FAIL", str(failure)
    except Exception as error:  # a defect of the test itself: it must not count as anything but a failure
        traceback.print_exc()
        outcome, text = "FAIL", f"{type(error).__name__}: {error}"
    if context.failures and outcome in ("ok", "FAIL"):
        all_failures = context.failures + ([text] if outcome == "FAIL" else [])
        more = f" (and {len(all_failures) - 1} more, see test.log)" if len(all_failures) > 1 else ""
        outcome, text = "FAIL", all_failures[0] + more
    context.close()
    (run / name / "outcome.json").write_text(json.dumps([outcome, " ".join(text.split())]))


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--child"]:
        child(arguments[1], pathlib.Path(arguments[2]), pathlib.Path(arguments[3]))
        return 0
    if arguments == ["--list"]:
        for test in TESTS.values():
            print(f"{test.name:22} {test.about}")
        return 0
    if any(argument.startswith("-") for argument in arguments):
        print("usage: run.sh [--list] [NAME...]", file=sys.stderr)
        return 2
    if backend() not in ("rumpswitch", "ovs"):
        print(f"SWITCH={backend()} is neither rumpswitch nor ovs", file=sys.stderr)
        return 2
    selected = select(arguments)
    if backend() == "rumpswitch":
        binary()
    cache = cache_folder()
    base = pathlib.Path(os.environ.get("INTEROP_LOGS") or cache / "logs").absolute()
    run = base / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    run.mkdir(parents=True)
    counts = {"ok": 0, "FAIL": 0, "SKIP": 0}
    for test in selected:
        outcome, text = run_one(test, run, cache)
        counts[outcome] += 1
        if outcome == "ok":
            print(f"ok {test.name} {text}", flush=True)
        else:
            logs = f" [logs: {run / test.name}]" if outcome == "FAIL" else ""
            print(f"{outcome} {test.name}: {text}{logs}", flush=True)
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, {counts['SKIP']} skipped")
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    # The modules of the tests import `harness` by name; this file is `__main__`.
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
