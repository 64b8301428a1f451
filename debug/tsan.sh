# Sourced by run.sh. ThreadSanitizer over everything that has threads: what workers share in the core, and
# the Unix host's workers under frames, controllers, changes and stops. Arguments go to cargo test in
# place of the usual choice.
source debug/sanitizer.sh
planted race 'data race'
# The first race ends the test; stacks reach back far enough to find the other access.
export TSAN_OPTIONS="halt_on_error=1 second_deadlock_stack=1 history_size=4 suppressions=$PWD/debug/tsan.supp"

# The harness runs a test on its own thread: its channel is the standard library's, which is not seen into.
play() { cargo test --quiet --target "$triple" "$@" -- --test-threads 1; }

if [ $# -gt 0 ]; then
    play "$@"
    exit
fi
play -p rumpswitch-datapath --lib shared::
play -p rumpswitch-datapath --lib mac_table::
play -p rumpswitch-unix --lib
play -p rumpswitch-unix --test workers --test ports --test shaping
play -p rumpswitch-tests --test workers
echo "tsan: nothing was found"
