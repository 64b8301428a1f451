#!/bin/sh
# Interoperability tests: the switch against real controllers, real hosts and real decoders.
#
#   tests/interop/run.sh [NAME...]      run all tests, or those named (and what they need)
#   tests/interop/run.sh --list         one name and its description a line
#
# Environment:
#   RUMPSWITCH        the program under test (default: the newer of target/release and target/debug)
#   SWITCH            rumpswitch (default) or ovs: the same tests against Open vSwitch's userspace datapath
#   INTEROP_CACHE     where the clients' virtual environments are kept (default: target/interop)
#   INTEROP_LOGS      where the logs go (default: a folder below the cache)
#   INTEROP_PYTHON39  a Python 3.9 for clients that run on no newer one (default: one on the PATH or of pyenv)
#   INTEROP_INSTALL   "no": install nothing; what is missing is a SKIP
#   NIGHTLY           "1": all cases of Ryu's switch tester, and streams of 30 s for groups and meters
#   RYU_SWITCH_TESTS  a folder with the case files of Ryu's source (ryu/tests/switch/of13), run as well
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
for python in "${INTEROP_PYTHON:-}" python3.13 python3.12 python3.11 python3; do
    [ -n "$python" ] || continue
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$python" "$here/runner.py" "$@"
    fi
done
echo "SKIP all: Python 3.11 or newer is not installed"
echo "0 passed, 0 failed, 1 skipped"
