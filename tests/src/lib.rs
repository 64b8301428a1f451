//! Shared pieces of the cross-crate tests: the oracle and the generators.
#![forbid(unsafe_code)]

pub mod generate;
pub mod oracle;
