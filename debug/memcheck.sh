# Sourced by run.sh. Valgrind's memcheck with its leak check over the demo and over the tests of the crate
# that has the unsafe code. Arguments go to cargo test in place of the usual choice.
source debug/valgrind.sh
memcheck="valgrind --quiet --error-exitcode=9 --leak-check=full"
memcheck+=" --show-leak-kinds=definite --errors-for-leak-kinds=definite"
triple=$(rustc -vV | sed -n 's/^host: //p')

# A program of debug/planted that memcheck has to find fault with: its name, what memcheck says of it.
planted() {
    local program="target/memcheck/$1"
    mkdir -p target/memcheck
    rustc --edition 2024 -O -g -o "$program" "debug/planted/$1.rs"
    if $memcheck "$program" >"$program.out" 2>&1 || ! grep -q "$2" "$program.out"; then
        echo "memcheck: the planted fault in debug/planted/$1.rs was not found"
        exit 2
    fi
    echo "memcheck: finds the planted fault of debug/planted/$1.rs ($2)"
}

planted overrun 'Invalid read'
planted leak 'definitely lost'
planted uninitialised 'depends on uninitialised'

# The usual binaries of the tests; cargo starts each of them by way of valgrind.
runner="CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$triple")_RUNNER"
play() { env "$runner=$memcheck" cargo test --quiet "$@"; }

if [ $# -gt 0 ]; then
    play "$@"
    exit
fi
cargo build --release --quiet
$memcheck target/release/rumpswitch demo --json >/dev/null
echo "memcheck: the demo is clean"
play -p rumpswitch-unix --lib
play -p rumpswitch-unix --test pcap --test ports --test workers
echo "memcheck: nothing was found"
