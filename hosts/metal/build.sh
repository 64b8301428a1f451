#!/usr/bin/env bash
# Builds the image and packs it: target/rumpswitch-metal.elf.
set -euo pipefail
cd "$(dirname "$0")"
if [ "$(uname -m)" != x86_64 ]; then
    echo "the unikernel is for x86_64, and built on it" >&2
    exit 1
fi
out=${CARGO_TARGET_DIR:-target}
# What a caller has set for other crates would replace what .cargo/config.toml says for this one.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET
cargo build --release --locked --quiet
cargo run --release --locked --quiet -p rumpswitch-metal-pack -- \
    "$out/x86_64-unknown-linux-gnu/release/rumpswitch-metal" "$out/rumpswitch-metal.elf"
