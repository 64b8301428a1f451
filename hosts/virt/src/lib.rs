//! A virtual network in one process: switches, links and hosts in virtual time.
//!
//! Every switch is a whole [`Device`](switch_dev::Device), every host a smoltcp stack that speaks
//! ARP, IPv4, IPv6, ICMP, UDP and TCP. Nothing needs privileges, nothing sleeps, and one seed gives
//! one run, to the byte and the nanosecond. So a controller's test is an ordinary unit test:
//!
//! ```
//! use std::time::Duration;
//!
//! use ofp_codec::{Action, FlowMod, Instruction, Message, PortNo, SwitchFeatures};
//! use rumpswitch_virt::{Controller, ControllerOut, Nanos, PingState, SwitchId, Topology};
//!
//! /// The controller under test: every switch a hub.
//! struct Hub;
//!
//! impl Controller for Hub {
//!     fn connected(&mut self, _: SwitchId, _: Nanos, _: &SwitchFeatures, out: &mut ControllerOut) {
//!         let flood = Instruction::ApplyActions(vec![Action::output(PortNo::FLOOD)]);
//!         out.send(&Message::FlowMod(FlowMod { instructions: vec![flood], ..FlowMod::default() }));
//!     }
//!     fn message(&mut self, _: SwitchId, _: Nanos, message: &Message, _: &mut ControllerOut) {
//!         panic!("a hub has nothing to hear: {message:?}");
//!     }
//! }
//!
//! let mut network = Topology::linear(2, 2).build(1);
//! let hub = network.add_controller(Hub, Duration::from_millis(1));
//! network.control_all(hub)?;
//! let hosts: Vec<_> = network.hosts().collect();
//! network.run_until(Nanos::from_millis(10));
//! let ping = network.ping(hosts[0], [10, 0, 0, 2]);
//! network.run_until(Nanos::from_secs(1));
//! assert!(matches!(network.ping_state(ping), PingState::Answered(_)));
//! # Ok::<(), switch_dev::DeviceError>(())
//! ```
//!
//! # With a controller that is a program of its own
//!
//! The network also runs in real time: call [`Network::run_until`] with the time on a host's clock
//! again and again, and sleep until [`Network::next_event`] or until a socket has something.
//! [`Network::switch_parts`] lends the device of a switch to whoever connects its channels to
//! sockets. The example `real_controller` does that with plain sockets.
#![forbid(unsafe_code)]

mod controller;
mod endpoint;
mod event;
mod host;
mod link;
mod network;
mod pcap;
mod rng;
mod scenario;
mod switch;
mod topology;

pub use controller::{
    Controller, ControllerOut, LearningCounters, LearningSwitch, Record, Recorder,
};
pub use datapath::QueueConfig;
pub use endpoint::{ControllerId, Endpoint, ProbeId, SwitchId};
pub use host::{
    Datagram, Host, HostConfig, HostId, ListenerId, PingConfig, PingId, PingState, StreamId,
    StreamState, UdpId,
};
pub use hypercall::{Frame, Nanos, VecFrame};
pub use link::{LinkConfig, LinkId, LinkStats};
pub use network::{Network, TransferId, TransferState};
pub use pcap::{CaptureId, PcapWriter};
pub use scenario::{PingReport, Progress, Report, Scenario, TransferReport};
pub use switch::{SwitchConfig, SwitchHost};
pub use topology::{Built, Shape, Topology};
