#!/bin/sh
# Makes one object of a Rust archive: link.sh ARCHIVE NAMES OBJECT. What the functions in the file NAMES
# reach is kept, and no other name stays global: among those that become local are the two of the unwinder
# (rust_eh_personality, _Unwind_Resume), which a second Rust archive in the same program has, too.
set -eu
archive=$1 names=$2 object=$3
# shellcheck disable=SC2046 # one word for each name
${LD:-ld} -r --gc-sections $(sed 's/^/-u /' "$names") -o "$object.all" "$archive"
# Landing pads and their tables are for unwinding, of which there is none.
${OBJCOPY:-objcopy} --keep-global-symbols="$names" --strip-debug \
    --remove-section=.comment --remove-section=.llvmbc --remove-section=.llvmcmd \
    "$object.all" "$object"
rm -f "$object.all"
