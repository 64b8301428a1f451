//! A switch written naively from the standard: what the datapath is compared with. It shares nothing
//! with it but the codec's words.

pub mod fields;
pub mod rewrite;
pub mod switch;

pub use switch::{Entry, Oracle, Outcome};
