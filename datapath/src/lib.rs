//! OpenFlow tables and forwarding.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing,
        clippy::todo,
        clippy::unimplemented
    )
)]

extern crate alloc;

pub mod classifier;
pub mod extract;
pub mod fields;
pub mod key;
pub mod packet;
pub mod rewrite;
