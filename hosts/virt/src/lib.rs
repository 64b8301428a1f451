//! A virtual network in one process.
#![forbid(unsafe_code)]
