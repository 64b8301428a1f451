//! PACKET_OUT (§7.3.7): a packet from the controller.

use alloc::vec::Vec;

use crate::{Action, PortNo};

/// A packet from the controller.
#[doc(alias = "OFPT_PACKET_OUT")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketOut {
    /// Where the packet is buffered, or [`NO_BUFFER`](crate::NO_BUFFER).
    pub buffer_id: u32,
    /// The port that it is taken to have come in by.
    pub in_port: PortNo,
    /// What to do with it.
    pub actions: Vec<Action>,
    /// Its bytes.
    pub data: Vec<u8>,
}
