//! PACKET_IN (§7.4.1): a packet for the controller.

use alloc::vec::Vec;

use crate::{Match, TableId};

/// Why a packet was sent.
#[doc(alias = "ofp_packet_in_reason")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PacketInReason {
    /// A table-miss flow entry's output.
    #[doc(alias = "OFPR_NO_MATCH")]
    NoMatch = 0,
    /// Any other output.
    #[doc(alias = "OFPR_ACTION")]
    Action = 1,
    /// A TTL that may not go lower.
    #[doc(alias = "OFPR_INVALID_TTL")]
    InvalidTtl = 2,
}

/// The cookie of a packet-in that no flow entry's list of actions caused.
pub const NO_COOKIE: u64 = u64::MAX;

/// A packet for the controller.
#[doc(alias = "OFPT_PACKET_IN")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketIn {
    /// Where the packet is buffered, or [`NO_BUFFER`](crate::NO_BUFFER).
    pub buffer_id: u32,
    /// Bytes in the whole packet.
    pub total_len: u16,
    /// Why it was sent.
    pub reason: PacketInReason,
    /// The table that sent it.
    pub table_id: TableId,
    /// The flow entry that sent it.
    pub cookie: u64,
    /// What cannot be read from its bytes: IN_PORT and, where they are not 0, more.
    pub matching: Match,
    /// Its bytes.
    pub data: Vec<u8>,
}
