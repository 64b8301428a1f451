#!/bin/sh
# The library for kernels without floating point: soft-float.sh BUILD OBJECT. Compiled as a whole with
# SSE switched off, on stable Rust (which warns that this way of asking for it will change), and shown to
# have no instruction that names a vector register and no further undefined name.
set -eu
build=$1 object=$2
target=x86_64-unknown-linux-gnu
dir=${CARGO_TARGET:-../../target/capi}-soft
case $(rustc -vV | sed -n 's/^host: //p') in
x86_64-*) ;;
*) echo "SKIP soft-float: the host is no x86_64"; exit 0 ;;
esac
dir=$(mkdir -p "$dir" && cd "$dir" && pwd)
(cd lib && RUSTFLAGS='-C target-feature=-sse,-sse2,+soft-float' CARGO_TARGET_DIR=$dir \
    ${CARGO:-cargo} build --release --locked --quiet --target $target 2>"$dir/warnings") ||
    { cat "$dir/warnings"; exit 1; }
./link.sh "$dir/$target/release/librumpswitch.a" "$build/names" "$object"
found=$(objdump -d --no-show-raw-insn "$object" | grep -cE '%(x|y|z)mm[0-9]' || true)
[ "$found" = 0 ] || { echo "FAILED: $found instructions of $object name vector registers"; exit 1; }
undefined=$(nm -u "$object" | awk '{print $2}' | grep -vxE 'memcpy|memmove|memset|memcmp|bcmp' || true)
[ -z "$undefined" ] || { echo "FAILED: undefined in $object: $undefined"; exit 1; }
echo "ok soft-float: no vector register in $(objdump -d "$object" | grep -c '^ ') instructions"
