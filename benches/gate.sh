#!/usr/bin/env bash
# The regression gate: instructions per packet, lookup or message, counted by callgrind and compared
# with benches/instructions.txt.
#
#   benches/gate.sh                 all scenarios
#   benches/gate.sh process/port    these
#   benches/gate.sh --update [...]  writes what was counted into the file
#
# Fails when a scenario takes over 3 % more instructions than the file says, or more than its budget
# where the file is within it. Counts depend on the toolchain, which the file's first line names: with
# another one nothing fails, and the figures are shown beside those of the file.
set -euo pipefail
cd "$(dirname "$0")/.."

file=benches/instructions.txt
update=
if [ "${1:-}" = --update ]; then
    update=1
    shift
fi
for tool in valgrind cargo; do
    command -v $tool >/dev/null || { echo "gate: $tool is not installed" >&2; exit 2; }
done

# What the counts depend on besides the source: the compiler, and the C library's copying.
toolchain="$(rustc -vV | awk '/^release/ { r = $2 } /^host/ { h = $2 } END { print "rustc", r, h }'), $(
    getconf GNU_LIBC_VERSION 2>/dev/null || echo 'another C library')"
toolchain+="${RUSTFLAGS:+, RUSTFLAGS=$RUSTFLAGS}"

cargo build --release --quiet -p rumpswitch-benches --bin count
count="${CARGO_TARGET_DIR:-target}/release/count"
scenarios=("$@") all=
[ ${#scenarios[@]} -gt 0 ] || { all=1; mapfile -t scenarios < <("$count" --list); }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Counts one scenario into a line "name instructions-per-unit".
count_one() {
    local name=$1 out="$work/${1//\//_}" units total
    units=$(valgrind --tool=callgrind --toggle-collect='count::measured_*' --callgrind-out-file="$out.cg" \
        "$count" "$name" 20 2>"$out.err") || { tail -n 5 "$out.err" >&2; return 1; }
    total=$(awk '/^totals:/ { print $2 }' "$out.cg")
    rm -f "$out.cg"
    awk -v name="$name" -v total="$total" -v units="$units" \
        'BEGIN { if (total + 0 == 0) exit 1; printf "%s %.1f\n", name, total / units }' >"$out.count"
}

jobs=$(nproc 2>/dev/null || echo 1)
failed=
for name in "${scenarios[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || failed=1; done
    count_one "$name" &
done
while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n || failed=1; done
wait
for name in "${scenarios[@]}"; do
    cat "$work/${name//\//_}.count" 2>/dev/null ||
        { echo "gate: $name was not counted" >&2; failed=1; }
done >"$work/counted"
[ -z "$failed" ] || exit 2

awk -v toolchain="$toolchain" -v all="$all" -v update="$update" -v out="$work/new" '
    function show(name, is, was, budget, word) {
        printf "%-28s %10.1f %10s %8s  %s\n", name, is, was, budget, word
    }
    BEGIN { printf "%-28s %10s %10s %8s\n", "scenario", "counted", "file", "budget" }
    FNR == NR {
        if ($1 == "#") {
            if ($2 == "toolchain:") { sub(/^# toolchain: /, ""); theirs = $0 }
            else head = head $0 "\n"
            next
        }
        if (NF >= 2) { was[$1] = $2; budget[$1] = $3; order[++known] = $1 }
        next
    }
    {
        name = $1; is[name] = $2; word = ""; limit = budget[name]
        # A whole run gives the file its order, and leaves out what is gone.
        if (all && FNR == 1) known = 0
        if (all || !(name in was)) order[++known] = name
        if (!(name in was)) word = "new"
        else if ($2 > was[name] * 1.03) { word = "MORE: " percent($2, was[name]); bad++ }
        else if ($2 < was[name] * 0.97) word = "less: " percent($2, was[name])
        if (limit ~ /^[0-9]/ && $2 > limit) {
            if (name in was && was[name] <= limit) { word = word " OVER ITS BUDGET"; bad++ }
            else word = word " (budget not reached)"
        }
        show(name, $2, name in was ? was[name] : "-", limit == "" ? "-" : limit, word)
    }
    function percent(is, was) { return sprintf("%+.1f %%", (is - was) / was * 100) }
    END {
        printf "%s# toolchain: %s\n", head, toolchain >out
        for (i = 1; i <= known; i++) {
            name = order[i]
            printf "%-28s %10.1f %8s\n", name, name in is ? is[name] : was[name],
                budget[name] == "" ? "-" : budget[name] >out
        }
        if (update) exit 0
        if (theirs != toolchain) {
            printf "gate: the file is of %s,\nthis is %s: nothing is compared\n", theirs, toolchain
            exit 0
        }
        if (bad) { printf "gate: %d failed\n", bad; exit 1 }
        print "gate: ok"
    }' "$file" "$work/counted"

if [ -n "$update" ]; then
    cp "$work/new" "$file"
    echo "gate: wrote $file"
fi
