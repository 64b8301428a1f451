//! PACKET_IN (§7.4.1): a packet for the controller.

use alloc::vec::Vec;
use core::fmt;

use crate::wire::{EncodeError, Reader, Rules, Writer};
use crate::{BadRequestCode, DecodeError, Match, OfpError, TableId};

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

/// The word that `ovs-ofctl monitor` has for it.
impl fmt::Display for PacketInReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PacketInReason::NoMatch => "no_match",
            PacketInReason::Action => "action",
            PacketInReason::InvalidTtl => "invalid_ttl",
        })
    }
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

impl PacketInReason {
    /// The reason with this number.
    pub const fn from_number(number: u8) -> Option<PacketInReason> {
        Some(match number {
            0 => PacketInReason::NoMatch,
            1 => PacketInReason::Action,
            2 => PacketInReason::InvalidTtl,
            _ => return None,
        })
    }
}

impl PacketIn {
    /// Reads a packet-in's body.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<PacketIn, DecodeError> {
        let buffer_id = reader.u32()?;
        let total_len = reader.u16()?;
        let unknown = reader.error(OfpError::BadRequest(BadRequestCode::BadType));
        let reason = PacketInReason::from_number(reader.u8()?).ok_or(unknown)?;
        let table_id = TableId(reader.u8()?);
        let cookie = reader.u64()?;
        let matching = Match::read(reader, Rules::Report)?;
        reader.skip(2)?;
        let data = reader.rest_to_vec()?;
        Ok(PacketIn { buffer_id, total_len, reason, table_id, cookie, matching, data })
    }

    /// Writes a packet-in's body.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.u32(self.buffer_id);
        writer.u16(self.total_len);
        writer.u8(self.reason as u8);
        writer.u8(self.table_id.0);
        writer.u64(self.cookie);
        self.matching.write(writer)?;
        writer.zeros(2);
        writer.bytes(&self.data);
        Ok(())
    }
}
