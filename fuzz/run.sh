#!/usr/bin/env bash
# Builds the fuzz targets with libFuzzer and AddressSanitizer and runs one of them:
#
#     fuzz/run.sh device 600          # ten minutes, on all cores
#
# An input that fails is left in fuzz/artifacts; once understood it goes to fuzz/corpus/TARGET, where
# `cargo test -p rumpswitch-tests --test fuzz` replays it. Without a nightly toolchain or without
# libFuzzer the same function runs on random bytes, which no coverage guides; that is said in one line.
set -euo pipefail
cd "$(dirname "$0")"
target=${1:-device} seconds=${2:-600}

blind() { # why
    echo "NO COVERAGE: $1; $target runs on random bytes for $seconds s"
    declare -A tests=([device]=a_device_keeps [codec]=messages_mean [text]=text_prints
        [frames]=frames_are [pipeline]=pipelines_do)
    unset RUSTFLAGS
    FUZZ_SECONDS=$seconds cargo test --release -p rumpswitch-tests --test fuzz -- \
        --nocapture "${tests[$target]}" | grep -v /corpus/
    exit
}

cargo +nightly --version >/dev/null 2>&1 || blind "no nightly toolchain"
triple=$(rustc -vV | sed -n 's/^host: //p')
# What cargo-fuzz sets, without cargo-fuzz.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Zsanitizer=address --cfg fuzzing"
cargo +nightly build --release --quiet --target "$triple" --bin "$target" ||
    blind "libFuzzer does not build here"
mkdir -p artifacts "work/$target"
# New inputs go to work/, which is not kept; the saved corpus is only read.
exec "target/$triple/release/$target" "work/$target" "corpus/$target" \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 \
    -artifact_prefix=artifacts/
