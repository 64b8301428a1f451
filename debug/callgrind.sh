# Sourced by run.sh. Where the instructions of the fast path go: callgrind over one scenario of the benches'
# `count` (`benches/gate.sh` has their totals as a gate). The argument is the scenario, process/port if
# there is none; --list names them all.
source debug/valgrind.sh
cargo build --release --quiet -p rumpswitch-benches --bin count
count="${CARGO_TARGET_DIR:-target}/release/count"
scenario=${1:-process/port}
if [ "$scenario" = --list ]; then
    "$count" --list
    exit
fi
mkdir -p target/callgrind
out="target/callgrind/${scenario//\//_}.out"
rounds=200
# Only what is inside the measured loop is counted; jumps and lines are kept for the viewers.
units=$(valgrind --tool=callgrind --toggle-collect='count::measured_*' --dump-instr=yes --collect-jumps=yes \
    --callgrind-out-file="$out" "$count" "$scenario" "$rounds" 2>"$out.err") ||
    { cat "$out.err" >&2; exit 1; }
total=$(awk '/^(totals|summary):/ { print $2; exit }' "$out")
[ "${total:-0}" -gt 0 ] || { echo "callgrind: nothing was counted" >&2; exit 2; }
echo "$scenario: $((total / units)) instructions for each of $units packets, lookups or messages"
# callgrind_annotate has a line for each file and function, as inlined code keeps its file: summed up by
# functions as they were compiled, and by files.
callgrind_annotate --auto=no --threshold=100 "$out" | awk -v units="$units" -v here="$PWD/" '
    / file:function/ { on = 1; next }
    on && /%\)/ {
        count = $1; gsub(/,/, "", count)
        name = $0; sub(/^[^)]*\) */, "", name); sub(/ \[[^]]*\]$/, "", name)
        # One colon ends the file; two are a path of Rust.
        file = name; sub(/:.*/, "", file); sub(/^[^:]*:/, "", name); sub(/::h[0-9a-f]+$/, "", name)
        if (index(file, here) == 1) file = substr(file, length(here) + 1)
        if (file == "???") file = "without a file"
        sub(/^.*\/registry\/src\/[^\/]*\//, "", file); sub(/^.*\/library\//, "library/", file)
        functions[name] += count; files[file] += count; all += count
    }
    function table(title, sums,    name, best, lines) {
        printf "\neach  share  %s\n", title
        for (lines = 0; lines < 12; lines++) {
            best = ""
            for (name in sums) if (best == "" || sums[name] > sums[best]) best = name
            if (best == "" || sums[best] < all / 100) break
            printf "%4.0f %4.1f %%  %s\n", sums[best] / units, 100 * sums[best] / all, best
            delete sums[best]
        }
    }
    END { table("function", functions); table("file", files) }'
printf '\n'
echo "to look closer: kcachegrind $out, or callgrind_annotate --auto=yes $out"
