//! A device under anything that channels, hosts and time can do.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rumpswitch_tests::fuzz::device(bytes));
