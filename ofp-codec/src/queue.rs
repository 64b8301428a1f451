//! Queues (§7.2.2), which a controller may only read (§7.3.6).

use alloc::vec::Vec;

use crate::PortNo;

/// All queues; in requests only.
#[doc(alias = "OFPQ_ALL")]
pub const QUEUE_ALL: u32 = 0xffff_ffff;

/// A property of a queue.
#[doc(alias = "ofp_queue_prop_header")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueProperty {
    /// Guaranteed rate in 1/1000 of the port's; above 1000 not configured.
    #[doc(alias = "OFPQT_MIN_RATE")]
    MinRate(u16),
    /// Highest rate in 1/1000 of the port's; above 1000 not configured.
    #[doc(alias = "OFPQT_MAX_RATE")]
    MaxRate(u16),
    /// An extension's property.
    #[doc(alias = "OFPQT_EXPERIMENTER")]
    Experimenter {
        /// Who defines it.
        experimenter: u32,
        /// What follows, a multiple of 8 bytes.
        data: Vec<u8>,
    },
}

/// A queue of a port.
#[doc(alias = "ofp_packet_queue")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketQueue {
    /// Its number on the port.
    pub queue_id: u32,
    /// The port.
    pub port: PortNo,
    /// Its properties.
    pub properties: Vec<QueueProperty>,
}

/// The queues of a port, or of all.
#[doc(alias = "OFPT_QUEUE_GET_CONFIG_REPLY")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueConfig {
    /// As asked for.
    pub port: PortNo,
    /// The queues.
    pub queues: Vec<PacketQueue>,
}
