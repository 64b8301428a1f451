# Sourced by run.sh. AddressSanitizer and its leak check over the tests of the core and of the Unix host,
# and over the saved inputs of the fuzz targets. Arguments go to cargo test in place of the usual choice.
source debug/sanitizer.sh
planted overrun heap-buffer-overflow
planted leak 'detected memory leaks'

play() { cargo test --quiet --target "$triple" "$@"; }

if [ $# -gt 0 ]; then
    play "$@"
    exit
fi
play -p rumpswitch-datapath -p rumpswitch-switch-dev -p rumpswitch-unix --lib
play -p rumpswitch-unix --test event_loop --test pcap --test ports --test shaping --test workers
FUZZ=200 play -p rumpswitch-tests --test fuzz --test workers
echo "asan: nothing was found"
