//! What the fuzz targets do with the bytes that they are given: each function panics where the switch
//! breaks its word, and does nothing else that could be noticed.
//!
//! The targets in `fuzz/` call them under libFuzzer; `--test fuzz` calls them on the saved inputs of
//! `fuzz/corpus` and on random bytes, with any toolchain.

mod codec;
mod device;
mod frames;
mod messages;
mod text;

pub use codec::codec;
pub use device::device;
pub use frames::{frames, same as same_rewrites};
pub use text::text;

use crate::differential::run;
use crate::generate::case::Case;
use crate::random::Random;

/// A whole switch beside the oracle, its steps chosen by the bytes.
pub fn pipeline(bytes: &[u8]) {
    let case = Case::random(&mut Random::of_bytes(bytes));
    if let Err(difference) = run(&case) {
        panic!("step {} of {case:?}: {}", difference.step, difference.what);
    }
}
