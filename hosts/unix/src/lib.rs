//! A Unix process as the host of switches: where frames come from and go to.
//!
//! A port is opened from a [`PortSpec`] (`1:packet:veth0`, `tap:tap0`, `pcap:in.pcap,out.pcap`) and
//! is a [`PortIo`] from then on: bursts of frames in, bursts of frames out, a descriptor to wait
//! on. [`UnixHost`] implements the hypercalls over a set of ports: it queues what the switch
//! transmits and sends it in bursts, and does for a port what the port cannot do itself (complete a
//! checksum, cut a large segment). [`EventLoop`] waits for all of it.
//!
//! What kinds of port there are:
//!
//! | kind | what | privilege |
//! | --- | --- | --- |
//! | `tap:NAME` | a tap interface, made when it does not exist | `CAP_NET_ADMIN` |
//! | `packet:NAME` | an existing interface, through a packet socket | `CAP_NET_RAW` |
//! | `dgram:LOCAL,REMOTE` | Unix datagrams, as QEMU's `-netdev dgram` speaks | none |
//! | `pair:NAME` | a patch cable between two ports of this process | none |
//! | `pcap:IN[,OUT]` | frames read from one capture, written to another | none |
//! | `local:NAME` | as `tap`, as the switch's LOCAL port | `CAP_NET_ADMIN` |
//!
//! A port may have queues ([`QueueSpec`]) and a rate ([`RateSpec`]): it shapes what it sends then.
//!
//! Tap and packet ports carry the kernel's offloads as metadata: a partial checksum or a 64 KiB TCP
//! segment passes between two of them untouched.

#[cfg(not(target_os = "linux"))]
compile_error!("this host is written for Linux: tap, packet sockets, epoll");

mod burst;
mod checksum;
pub mod clock;
mod crew;
mod deal;
mod departure;
mod dgram;
mod error;
mod event_loop;
mod flag;
mod host;
mod interface;
mod l2;
mod links;
#[cfg(all(test, loom))]
mod models;
mod opener;
mod packet;
mod pair;
mod panics;
pub mod pcap;
mod pcap_port;
mod pool;
mod port;
mod relay;
mod report;
pub mod segment;
mod shape;
mod shape_spec;
mod signals;
mod spec;
mod sync;
mod sys;
mod tap;
mod train;
mod turns;
mod vnet;
mod waker;
mod watch;
mod worker_loop;

pub use deal::deal;
pub use dgram::DgramPort;
pub use error::Error;
pub use event_loop::EventLoop;
pub use host::{PortCounters, UnixHost};
pub use opener::{OpenPort, Opener};
pub use packet::{PacketOptions, PacketPort};
pub use pair::PairPort;
pub use panics::or_end;
pub use pcap_port::PcapPort;
pub use pool::{Pool, prefer_huge_pages, prefetch};
pub use port::{Accepts, Outgoing, PortInfo, PortIo, Received, Wait};
pub use report::Report;
pub use shape_spec::{QueueSpec, RateSpec};
pub use signals::{Signals, Stop};
pub use spec::{PortKind, PortSpec};
pub use tap::TapPort;

/// Frames in a burst: what one receive or transmit call moves at most.
pub const BURST: usize = 32;
