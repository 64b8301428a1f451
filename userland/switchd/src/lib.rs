//! The OpenFlow channel.
#![forbid(unsafe_code)]
