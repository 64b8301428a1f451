"""What a test needs of the machine: programs by apt-get, Python clients in virtual environments of the cache."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys

from harness import Skip, script

# Program -> Debian package. ovs-ofctl alone comes without a service that would start a switch.
PACKAGES = {
    "ip": "iproute2",
    "ping": "iputils-ping",
    "iperf3": "iperf3",
    "ethtool": "ethtool",
    "tshark": "tshark",
    "dumpcap": "tshark",
    "mn": "mininet",
    "ovs-ofctl": "openvswitch-common",
    "ovs-vswitchd": "openvswitch-switch",
    "ovs-testcontroller": "openvswitch-testcontroller",
}


@dataclasses.dataclass(frozen=True)
class Venv:
    """A Python client: what pip puts into its virtual environment, in steps, and how it is seen to work."""

    # One call of pip a step; words that start with a dash are options of that call.
    steps: tuple[tuple[str, ...], ...]
    # Modules that must be importable.
    imports: str
    # The only Python it runs on, where it is not the one that runs the tests.
    python: str | None = None


# What setuptools still offered when the clients of Ryu's age were made, and what their eventlet needs.
RYU_FIRST = ("setuptools<67.3", "wheel", "eventlet==0.30.2", "dnspython<2")

VENVS = {
    "c65faucet": Venv((("c65faucet==1.0.106", "c65of==1.0.5"),), "faucet, c65of"),
    "faucet": Venv((("faucet==1.10.12", "os-ken==3.1.0"),), "faucet, os_ken"),
    "osken": Venv((("os-ken==4.2.2",),), "os_ken"),
    "pyof": Venv((("python-openflow==2021.1",),), "pyof.v0x04.common.utils"),
    "ryu": Venv((RYU_FIRST, ("--no-build-isolation", "ryu==4.34")), "ryu.app.wsgi", "3.9"),
    "c65ryu": Venv((RYU_FIRST, ("--no-build-isolation", "c65ryu==5.0.0")), "ryu.base.app_manager", "3.9"),
    "cerberus": Venv(
        (
            RYU_FIRST,
            ("--no-build-isolation", "ryu==4.34"),
            ("--no-build-isolation", "cerberus-controller==0.1.8"),
        ),
        "cerberus",
        "3.9",
    ),
    "vlcp": Venv((("setuptools<67.3", "wheel"), ("--no-build-isolation", "vlcp==2.2.1")), "vlcp", "3.9"),
}

# Program -> the crates that it is built with; its source lies in `apps`.
CRATES = {
    "rovs-peer": (
        'rovs-openflow = "=0.2.0"',
        'rovs-transport = "=0.2.0"',
        'tokio = { version = "1", features = ["rt", "macros"] }',
    ),
}

LIMIT = 600


def allowed() -> bool:
    return os.environ.get("INTEROP_INSTALL", "yes") != "no"


def find(program: str) -> str | None:
    """Where a program is; the administrator's directories count even if they are not on the PATH."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin")


def run(argv: list[str], log: pathlib.Path, env: dict[str, str] | None = None) -> bool:
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as out:
        try:
            return (
                subprocess.run(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    timeout=LIMIT,
                    env={**os.environ, **(env or {})},
                ).returncode
                == 0
            )
        except (OSError, subprocess.TimeoutExpired):
            return False


def tools(names: tuple[str, ...], logs: pathlib.Path) -> None:
    """See to it that the programs are there, or raise `Skip`."""
    missing = sorted({PACKAGES[name] for name in names if find(name) is None})
    if not missing:
        return
    if not allowed() or os.geteuid() != 0 or find("apt-get") is None:
        raise Skip(
            f"not installed: {', '.join(name for name in names if find(name) is None)} ({' '.join(missing)})"
        )
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    argv = ["apt-get", "-qq", "-y", "--no-install-recommends", "install", *missing]
    log = logs / "apt.log"
    if not run(argv, log, env):
        run(["apt-get", "-qq", "update"], log, env)
        run(argv, log, env)
    still = [name for name in names if find(name) is None]
    if still:
        raise Skip(f"apt-get could not install {', '.join(still)} (see {log})")


def interpreter(version: str | None) -> str | None:
    """A Python of this version (`3.9`), or the one that runs the tests."""
    if version is None:
        return sys.executable
    name = f"python{version}"
    versions = pathlib.Path(os.environ.get("PYENV_ROOT") or pathlib.Path.home() / ".pyenv") / "versions"
    named = os.environ.get(f"INTEROP_PYTHON{version.replace('.', '')}")
    candidates = [named, shutil.which(name), *sorted(versions.glob(f"{version}.*/bin/{name}"), reverse=True)]
    code = f"import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
    for candidate in filter(None, candidates):
        # A name on the PATH may be a stand-in for a version that is not there: it counts once it has run.
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            if subprocess.run([candidate, "-c", code], capture_output=True, timeout=30).returncode == 0:
                return str(candidate)
    return None


def venv(name: str, cache: pathlib.Path, logs: pathlib.Path) -> None:
    """See to it that a Python client is there, or raise `Skip`."""
    wanted = VENVS[name]
    packages = [word for step in wanted.steps for word in step if not word.startswith("-")]
    home = cache / name
    python = home / "bin" / "python"
    check = [str(python), "-c", f"import {wanted.imports}"]
    log = logs / f"pip-{name}.log"
    if python.exists() and run(check, log):
        return
    if not allowed():
        raise Skip(f"not installed: {' '.join(packages)}")
    base = interpreter(wanted.python)
    if base is None:
        raise Skip(f"{name} needs Python {wanted.python}, which is not installed")
    shutil.rmtree(home, ignore_errors=True)
    if not run([base, "-m", "venv", str(home)], log):
        raise Skip(f"no virtual environment for {name} (see {log})")
    for step in wanted.steps:
        if not run([str(python), "-m", "pip", "-q", "--disable-pip-version-check", "install", *step], log):
            shutil.rmtree(home, ignore_errors=True)
            raise Skip(f"pip could not install {' '.join(step)} (see {log})")
    if not run(check, log):
        raise Skip(f"{name} is installed but cannot be imported (see {log})")


def crate(name: str, cache: pathlib.Path, logs: pathlib.Path) -> None:
    """See to it that a client in Rust is built, or raise `Skip`."""
    home = cache / name
    program = home / "target" / "debug" / name
    source = pathlib.Path(script(f"{name.replace('-', '_')}.rs"))
    # A workspace of its own: it lies below one.
    lines = ["[package]", f'name = "{name}"', 'version = "0.0.0"', 'edition = "2021"', "", "[dependencies]"]
    manifest = "\n".join([*lines, *CRATES[name], "", "[workspace]", ""])
    files = {home / "Cargo.toml": manifest, home / "src" / "main.rs": source.read_text()}
    fresh = all(path.exists() and path.read_text() == text for path, text in files.items())
    if fresh and program.exists():
        return
    if not allowed():
        raise Skip(f"not built: {name} ({CRATES[name][0]})")
    if find("cargo") is None:
        raise Skip(f"{name} needs cargo, which is not installed")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    log = logs / f"cargo-{name}.log"
    argv = ["cargo", "build", "--quiet", "--manifest-path", str(home / "Cargo.toml")]
    # Without a registry this ends at once; it must not try again and again.
    env = {"CARGO_TARGET_DIR": str(home / "target"), "CARGO_NET_RETRY": "1"}
    if not run(argv, log, env) or not program.exists():
        program.unlink(missing_ok=True)
        raise Skip(f"cargo could not build {name} with {CRATES[name][0]} (see {log})")
