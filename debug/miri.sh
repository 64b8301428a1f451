# Sourced by run.sh. Miri over the unit tests and doctests of the core. Runs where a toolchain has it, with
# the library's source; never lets rustup fetch either, so rustup's own `cargo` is not asked.
# Arguments go to cargo miri test in place of the usual choice.
for bin in "$(rustc --print sysroot)/bin" "${RUSTUP_HOME:-$HOME/.rustup}"/toolchains/*/bin; do
    if [ -x "$bin/cargo-miri" ] && [ -x "$bin/miri" ] && [ -d "$bin/../lib/rustlib/src/rust/library" ]; then
        found=$bin
        break
    fi
done
if [ -z "${found:-}" ]; then
    echo "SKIP miri: no Rust toolchain here has miri and rust-src"
    exit 0
fi
# The toolchain's own programs before rustup's, and nobody to answer questions.
export PATH="$found:$PATH" CARGO_TARGET_DIR=target/miri
# Property tests read and write their seeds; a few cases are enough where each step is looked at.
export MIRIFLAGS="${MIRIFLAGS:--Zmiri-disable-isolation}" PROPTEST_CASES="${PROPTEST_CASES:-2}"
play() { cargo miri test "$@" </dev/null; }

if [ $# -gt 0 ]; then
    play "$@"
    exit
fi
core=(-p rumpswitch-hypercall -p rumpswitch-ofp-codec -p rumpswitch-datapath -p rumpswitch-switch-dev)
play "${core[@]}" --lib
play "${core[@]}" --doc
echo "miri: nothing was found"
