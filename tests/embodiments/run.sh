#!/usr/bin/env bash
# One contract, every embodiment: tests/embodiments/run.sh [a p b s c d e] builds what these need and prints
# the matrix. Without arguments all are tried; what is not there is said in one line each.
#
#   a  the switch in this process                   p  the same behind the drivers' protocol
#   b  librumpswitch in a C program                 s  the same, with frames scattered as in mbuf chains
#   c  the rump kernel's glue on a stand-in kernel  d  the unikernel in QEMU
#   e  a rump kernel: RUMP=PREFIX NETBSDSRC=SOURCES
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# -gt 0 ] || set -- a p b s c d e

if [[ " $* " == *" d "* ]]; then
    if ! command -v qemu-system-x86_64 >/dev/null; then
        apt-get install -y -q --no-install-recommends qemu-system-x86 >/dev/null 2>&1 || true
    fi
    if [ -z "${METAL_IMAGE:-}" ] && [ -x hosts/metal/build.sh ] && [ "$(uname -m)" = x86_64 ] &&
        command -v qemu-system-x86_64 >/dev/null; then
        hosts/metal/build.sh
    fi
fi
EMBODIMENTS="$*" exec cargo test --quiet -p rumpswitch-tests --test embodiments
