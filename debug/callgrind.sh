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
# The table of functions, without the head; names without their folders and hashes.
callgrind_annotate --threshold=95 "$out" |
    awk -v units="$units" '
        / file:function/ { on = 1; print "each  share    function"; next }
        on && NF >= 3 && /%\)/ {
            count = $1; gsub(/,/, "", count)
            share = $0; sub(/^[^(]*\( */, "", share); sub(/%.*/, "", share)
            name = $0; sub(/^[^)]*\) */, "", name); sub(/ \[[^]]*\]$/, "", name)
            # A file and a function are told apart by one colon, paths of functions by two.
            if (match(name, /\.[a-z]+:[^:]/)) name = substr(name, RSTART + RLENGTH - 1)
            sub(/^\?\?\?:/, "", name)
            gsub(/::h[0-9a-f]{16}/, "", name)
            printf "%4.0f %5s %%    %s\n", count / units, share, name
            if (++lines == 20) exit
        }'
echo "$out: kcachegrind $out, or callgrind_annotate --auto=yes $out for source lines"
