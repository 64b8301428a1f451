//! Whole switches beside the oracle.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rumpswitch_tests::fuzz::pipeline(bytes));
