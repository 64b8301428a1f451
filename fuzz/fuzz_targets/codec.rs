//! Bytes as messages, there and back.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rumpswitch_tests::fuzz::codec(bytes));
