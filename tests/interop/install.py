"""What a test needs of the machine: programs by apt-get, Python clients in virtual environments of the cache."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

from harness import Skip

# Program -> Debian package. ovs-ofctl alone comes without a service that would start a switch.
PACKAGES = {
    "ip": "iproute2",
    "ping": "iputils-ping",
    "iperf3": "iperf3",
    "ethtool": "ethtool",
    "tshark": "tshark",
    "dumpcap": "tshark",
    "ovs-ofctl": "openvswitch-common",
    "ovs-vswitchd": "openvswitch-switch",
    "ovs-testcontroller": "openvswitch-testcontroller",
}

# Environment -> what pip puts into it.
VENVS = {
    "c65faucet": ("c65faucet==1.0.106", "c65of==1.0.5"),
    "faucet": ("faucet==1.10.12", "os-ken==3.1.0"),
    "osken": ("os-ken==4.2.2",),
    "pyof": ("python-openflow==2021.1",),
}

# A name by which each can be seen to work.
IMPORTS = {
    "c65faucet": "faucet, c65of",
    "faucet": "faucet, os_ken",
    "osken": "os_ken",
    "pyof": "pyof.v0x04.common.utils",
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


def venv(name: str, cache: pathlib.Path, logs: pathlib.Path) -> None:
    """See to it that a Python client is there, or raise `Skip`."""
    home = cache / name
    python = home / "bin" / "python"
    check = [str(python), "-c", f"import {IMPORTS[name]}"]
    log = logs / f"pip-{name}.log"
    if python.exists() and run(check, log):
        return
    if not allowed():
        raise Skip(f"not installed: {' '.join(VENVS[name])}")
    shutil.rmtree(home, ignore_errors=True)
    if not run([sys.executable, "-m", "venv", str(home)], log):
        raise Skip(f"no virtual environment for {name} (see {log})")
    if not run([str(python), "-m", "pip", "-q", "--disable-pip-version-check", "install", *VENVS[name]], log):
        shutil.rmtree(home, ignore_errors=True)
        raise Skip(f"pip could not install {' '.join(VENVS[name])} (see {log})")
    if not run(check, log):
        raise Skip(f"{name} is installed but cannot be imported (see {log})")
