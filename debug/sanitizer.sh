# For the runs with a sanitizer of LLVM: sourced by them, with their name in $name. Exports what cargo has
# to know, into a target directory of its own; leaves in $triple where binaries go.
#
# Any toolchain that has the runtime will do: RUSTC_BOOTSTRAP lets a stable compiler take -Zsanitizer.
export RUSTC_BOOTSTRAP=1
triple=$(rustc -vV | sed -n 's/^host: //p')
if ! compgen -G "$(rustc --print sysroot)/lib/rustlib/$triple/lib/librustc*_rt.$name.a" >/dev/null; then
    echo "SKIP $name: this Rust toolchain has no runtime of it for $triple"
    exit 0
fi
case $name in
asan) flags="-Zsanitizer=address" ;;
# The precompiled standard library is not instrumented: that is the mismatch.
tsan) flags="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer --cfg tsan" ;;
esac
export RUSTFLAGS=$flags CARGO_TARGET_DIR=target/$name CARGO_INCREMENTAL=0
# Checked arithmetic and debug assertions as in every test; optimized, for time.
export CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=line-tables-only

# A program of debug/planted that the tool has to find fault with: its name, what the tool says of it.
planted() {
    local program="$CARGO_TARGET_DIR/planted-$1"
    mkdir -p "$CARGO_TARGET_DIR"
    # shellcheck disable=SC2086
    rustc --edition 2024 -O -g --target "$triple" $flags -o "$program" "debug/planted/$1.rs"
    if "$program" >"$program.out" 2>&1 || ! grep -q "$2" "$program.out"; then
        echo "$name: the planted fault in debug/planted/$1.rs was not found"
        exit 2
    fi
    echo "$name: finds the planted fault of debug/planted/$1.rs ($2)"
}
