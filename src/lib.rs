//! The façade that a local client uses.
#![forbid(unsafe_code)]
