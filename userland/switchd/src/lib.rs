//! The OpenFlow channel: connections between a switch device and its controllers.
//!
//! A [`Target`] says where to meet; [`Connections`] keeps one device connected to any number of
//! them: it connects, listens, tries again, notices silence, and moves bytes both ways with
//! back-pressure. It has no thread and reads no clock; the loop that owns the epoll set drives it.
#![forbid(unsafe_code)]

mod access;
mod backoff;
mod connections;
mod session;
mod socket;
mod target;

pub use access::{DeviceAccess, Local};
pub use connections::{Connections, News, NewsEvent};
pub use session::{Closed, Limits};
pub use target::{DEFAULT_PORT, Target, TargetError};
