//! Shared pieces of the cross-crate tests: the oracle, the generators, the device contract.
#![forbid(unsafe_code)]

pub mod contract;
pub mod counters;
pub mod differential;
pub mod embodiment;
pub mod fuzz;
pub mod generate;
pub mod oracle;
pub mod plain;
pub mod random;
pub mod scenarios;
pub mod wire;
