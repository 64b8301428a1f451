#!/bin/sh
# What the linked object is, and is not: check-symbols.sh BUILD. Each line says what was looked at.
set -eu
build=$1
object=$build/rumpswitch.o shared=$build/librumpswitch.so
fail() {
    echo "FAILED: $*" >&2
    exit 1
}

undefined=$(nm -u "$object" | awk '{print $2}' | grep -vxE 'memcpy|memmove|memset|memcmp|bcmp' || true)
[ -z "$undefined" ] || fail "undefined in $object: $undefined"
echo "ok undefined are at most memcpy, memmove, memset, memcmp, bcmp:" $(nm -u "$object" | awk '{print $2}')

nm -g --defined-only "$object" | awk '{print $3}' | sort | diff -u "$build/names" - ||
    fail "global names of $object are not the header's"
nm -D --defined-only "$shared" | awk '$2 == "T" {sub("@.*", "", $3); print $3}' | sort | diff -u "$build/names" - ||
    fail "global names of $shared are not the header's"
! grep -v '^rumpswitch_' "$build/names" || fail "a name does not begin with rumpswitch_"
echo "ok global are the header's $(wc -l <"$build/names") functions, all rumpswitch_*"

! readelf -sW "$object" | awk '$4 == "TLS"' | grep . || fail "thread-local storage"
! readelf -SW "$object" | grep -E ' \.(tdata|tbss)' || fail "thread-local storage"
echo "ok no thread-local storage"

! readelf -SW "$object" | grep -E '\.(init_array|ctors|init|preinit_array)' || fail "code that runs by itself"
echo "ok no constructors"

readelf -SW "$object" | grep -q 'note.GNU-stack' || fail "$object does not say that its stack need not be executable"
! readelf -SW "$object" | grep 'note.GNU-stack' | grep -E ' [WA]*X' || fail "an executable stack"
! readelf -lW "$shared" | grep GNU_STACK | grep -w RWE || fail "an executable stack"
echo "ok no executable stack"

# Unwinding tables can be taken away: nothing but themselves asks for them.
objcopy --remove-section=.eh_frame --remove-section=.rela.eh_frame --remove-section='.gcc_except_table*' \
    --remove-section='.rela.gcc_except_table*' "$object" "$build/no-unwind.o"
for from in "$object" "$build/no-unwind.o"; do
    ${CC:-cc} -std=gnu99 -O1 -Wall -Wextra -Werror -ffreestanding -fno-builtin -fno-stack-protector \
        -nostdlib -static -no-pie -Iinclude tests/freestanding.c "$from" -o "$build/freestanding" || fail "$from does not link without a C library"
    "$build/freestanding" || fail "the freestanding program ended with $?"
done
echo "ok links and forwards without a C library, with and without unwinding tables"
size "$object" | awk 'NR == 2 {print "   text " $1 ", data " $2 ", bss " $3}'
