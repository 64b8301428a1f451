//! Lines of ovs-ofctl, read and printed.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rumpswitch_tests::fuzz::text(bytes));
