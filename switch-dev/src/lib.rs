//! `/dev/switchN` as a value: several OpenFlow channels to one switch, as byte streams.
//!
//! A [`Device`] owns the tables and the worker of a switch. What an embodiment of the device needs,
//! a character device in a kernel, a socket, a pipe in a test, is here as calls that never wait:
//! [`open`](Device::open), [`read`](Device::read), [`write`](Device::write),
//! [`pending`](Device::pending), [`readiness`](Device::readiness), [`close`](Device::close).
//!
//! The contract:
//!
//! * The stream is aligned to messages whenever the reader's buffer allows: a read returns as many
//!   whole messages as fit, and a message that is larger than the buffer is continued by the next
//!   read. Nothing is ever truncated. Writes may be cut anywhere.
//! * Each open is one OpenFlow channel with its own hello, role, masks and transaction ids. Tables,
//!   groups, meters and the generation id of roles outlive it.
//! * Back-pressure, not loss: replies and errors are never dropped. A channel whose reader is
//!   behind is not read from ([`DeviceError::WouldBlock`]); one whose queue fills all the same,
//!   because of what others did, is hung up and counted. Port-status is brought up to date in the
//!   queue. Packet-ins are bounded on each channel, and what does not fit is counted.
//! * No call takes long: a change or a reply that is about a million entries goes on in slices, and the
//!   channel that waits for it is not read from meanwhile. Until it is done a
//!   [`tick`](Device::tick) is due at once.
//!
//! What it does not do: fragments cannot be reassembled; auxiliary connections are streams like the
//! main one, not datagrams. Keep-alive and time limits for a hello belong to whoever owns the
//! transport.
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

mod assembly;
mod async_filter;
mod bundle;
mod channel;
mod config;
mod device;
mod dispatch;
mod dump;
mod error;
mod flow_updates;
mod forwarding;
mod generation;
mod handlers;
mod hello;
mod monitor;
mod notices;
mod out_queue;
mod quirks;
mod slices;

pub use channel::ChannelCounters;
pub use config::{ChannelId, ChannelKind, DeviceConfig, FailMode, HangUp, Readiness};
pub use device::{ChannelStatus, Device, DeviceCounters};
pub use error::DeviceError;
pub use forwarding::Forwarding;
pub use ofp_codec::Role;
