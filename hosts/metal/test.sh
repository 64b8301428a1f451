#!/usr/bin/env bash
# Builds the unikernel, and runs it in QEMU under tests that speak to it from outside: frames through Unix
# datagrams, OpenFlow over loopback. No root, no KVM. What the tests are called may be given as arguments.
set -euo pipefail
cd "$(dirname "$0")"
if [ "$(uname -m)" != x86_64 ]; then
    echo "SKIP metal: the unikernel is for x86_64"
    exit 0
fi
if ! command -v qemu-system-x86_64 >/dev/null &&
    ! apt-get install -y -q --no-install-recommends qemu-system-x86 >/dev/null 2>&1; then
    echo "SKIP metal: there is no qemu-system-x86_64"
    exit 0
fi
(unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS; cargo test --locked --quiet --lib)
(unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS; cargo test --locked --quiet -p rumpswitch-metal-pack)
./build.sh
METAL_IMAGE=$(realpath "${CARGO_TARGET_DIR:-target}/rumpswitch-metal.elf")
export METAL_IMAGE
cd ../..
# One machine at a time: each has a processor to itself.
cargo test -p rumpswitch-tests --test metal -- --test-threads 1 --nocapture "$@"
