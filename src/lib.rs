//! An OpenFlow 1.3.5 switch as a library of plain values.
//!
//! This crate is the façade: it gathers the rooms of the house under one roof and adds nothing.
//!
//! * [`hypercall`]: what a switch asks of its host;
//! * [`ofp_codec`]: OpenFlow's words, bytes and text;
//! * [`datapath`]: tables and forwarding;
//! * [`switch_dev`]: `/dev/switchN` as a value;
//! * [`shaper`]: queues and rates of what leaves a port, for hosts to use;
//! * with feature `virt`, [`virt_host`]: many switches, links and hosts in virtual time;
//! * with feature `unix`, [`unix_host`] and [`switchd`]: real ports and OpenFlow connections.
//!
//! What every embedder needs is also here by its bare name; `examples/` has programs to start from.
#![forbid(unsafe_code)]

pub use datapath;
pub use hypercall;
pub use ofp_codec;
pub use shaper;
pub use switch_dev;
#[cfg(feature = "unix")]
pub use switchd;
#[cfg(feature = "unix")]
pub use unix_host;
#[cfg(feature = "virt")]
pub use virt_host;

pub use datapath::{Batch, DropReason, Events, Ingress, PortConfig, Switch, SwitchConfig};
pub use hypercall::{Frame, Hypercall, Meta, Nanos, Port, Sent, VecFrame};
pub use switch_dev::{ChannelKind, Device, DeviceConfig, DeviceError, FailMode};

/// The examples of the README run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
