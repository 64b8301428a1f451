//! Long multipart replies, cut into parts (§7.3.5): entry by entry, so that whoever answers holds
//! one part and never the whole reply.

use alloc::vec::Vec;

use super::{MultipartFlags, MultipartType, TableFeatures};
use crate::PortDesc;
use crate::header::{HEADER_LEN, MessageType, VERSION};
use crate::multipart::{
    FlowStats, FlowStatsRef, GroupDesc, GroupStats, MeterConfig, MeterStats, PortStats, QueueStats,
    TableStats,
};
use crate::wire::{self, EncodeError, Writer};

/// Bytes in a multipart message before its body.
pub(crate) const PREFIX_LEN: usize = HEADER_LEN + 8;

/// A part that would grow beyond this many bytes is closed before the entry that does it.
const PART_LEN: usize = 60_000;

/// What can be written into a multipart body.
pub trait Entry {
    /// Writes the entry, a multiple of 8 bytes.
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError>;
}

impl Entry for PortDesc {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        PortDesc::write(self, writer);
        Ok(())
    }
}

/// An entry of a multipart reply that has any number of them.
pub trait ReplyEntry: Entry {
    /// The multipart type whose replies have such entries.
    const MULTIPART_TYPE: MultipartType;
}

impl ReplyEntry for FlowStats {
    const MULTIPART_TYPE: MultipartType = MultipartType::Flow;
}
impl ReplyEntry for FlowStatsRef<'_> {
    const MULTIPART_TYPE: MultipartType = MultipartType::Flow;
}
impl ReplyEntry for TableStats {
    const MULTIPART_TYPE: MultipartType = MultipartType::Table;
}
impl ReplyEntry for PortStats {
    const MULTIPART_TYPE: MultipartType = MultipartType::PortStats;
}
impl ReplyEntry for QueueStats {
    const MULTIPART_TYPE: MultipartType = MultipartType::Queue;
}
impl ReplyEntry for GroupStats {
    const MULTIPART_TYPE: MultipartType = MultipartType::Group;
}
impl ReplyEntry for GroupDesc {
    const MULTIPART_TYPE: MultipartType = MultipartType::GroupDesc;
}
impl ReplyEntry for MeterStats {
    const MULTIPART_TYPE: MultipartType = MultipartType::Meter;
}
impl ReplyEntry for MeterConfig {
    const MULTIPART_TYPE: MultipartType = MultipartType::MeterConfig;
}
impl ReplyEntry for TableFeatures {
    const MULTIPART_TYPE: MultipartType = MultipartType::TableFeatures;
}
impl ReplyEntry for PortDesc {
    const MULTIPART_TYPE: MultipartType = MultipartType::PortDesc;
}

/// Writes a multipart reply part by part.
///
/// Parts have whole entries and all but the last have MORE set; a reply without entries is one
/// part with an empty body.
///
/// ```
/// use rumpswitch_ofp_codec::multipart::{ReplyWriter, TableStats};
/// use rumpswitch_ofp_codec::{Message, TableId};
/// let mut reply = ReplyWriter::new::<TableStats>(7).unwrap();
/// let entry = TableStats {
///     table_id: TableId(0), active_count: 1, lookup_count: 2, matched_count: 2,
/// };
/// assert_eq!(reply.push(&entry).unwrap(), None, "there is room for more");
/// let message = reply.finish();
/// assert_eq!(message.len(), 16 + 24);
/// assert_eq!(Message::decode(&message).unwrap().0.xid, 7);
/// ```
#[derive(Debug)]
pub struct ReplyWriter {
    multipart_type: MultipartType,
    xid: u32,
    part: Vec<u8>,
}

impl ReplyWriter {
    /// A reply of such entries to the request with this transaction id.
    ///
    /// # Errors
    /// [`EncodeError::NoMemory`].
    pub fn new<E: ReplyEntry>(xid: u32) -> Result<ReplyWriter, EncodeError> {
        let part = empty_part(E::MULTIPART_TYPE, xid)?;
        Ok(ReplyWriter { multipart_type: E::MULTIPART_TYPE, xid, part })
    }

    /// The reply's type.
    pub fn multipart_type(&self) -> MultipartType {
        self.multipart_type
    }

    /// Appends an entry; gives the part before it, when that is full.
    ///
    /// # Errors
    /// [`EncodeError`] for an entry that fits into no message, or without memory; then the reply is as
    /// before.
    pub fn push<E: ReplyEntry>(&mut self, entry: &E) -> Result<Option<Vec<u8>>, EncodeError> {
        let before = self.part.len();
        wire::append(&mut self.part, |writer| entry.write(writer))?;
        if self.part.len() <= PART_LEN || before == PREFIX_LEN {
            return self.check_first(before);
        }
        let next = self.begin_next(before);
        self.part.truncate(before);
        let full = core::mem::replace(&mut self.part, next?);
        Ok(Some(close(full, MultipartFlags::MORE)))
    }

    /// The next part, with the entry that stands from `before` on.
    fn begin_next(&self, before: usize) -> Result<Vec<u8>, EncodeError> {
        let entry = self.part.get(before..).unwrap_or_default();
        if entry.len() > usize::from(u16::MAX) - PREFIX_LEN {
            return Err(EncodeError::TooLong);
        }
        let mut next = empty_part(self.multipart_type, self.xid)?;
        wire::append(&mut next, |writer| {
            writer.bytes(entry);
            Ok(())
        })?;
        Ok(next)
    }

    /// Takes back an entry that is longer than a message, alone in its part.
    fn check_first(&mut self, before: usize) -> Result<Option<Vec<u8>>, EncodeError> {
        if self.part.len() > usize::from(u16::MAX) {
            self.part.truncate(before);
            return Err(EncodeError::TooLong);
        }
        Ok(None)
    }

    /// The last part.
    pub fn finish(self) -> Vec<u8> {
        close(self.part, MultipartFlags::empty())
    }
}

/// A part without entries, its length and flags still open.
fn empty_part(multipart_type: MultipartType, xid: u32) -> Result<Vec<u8>, EncodeError> {
    let mut part = Vec::new();
    wire::append(&mut part, |writer| {
        writer.u8(VERSION);
        writer.u8(MessageType::MultipartReply as u8);
        writer.u16(0);
        writer.u32(xid);
        writer.u16(multipart_type as u16);
        writer.zeros(6);
        Ok(())
    })?;
    Ok(part)
}

/// Fills in a part's length and flags.
fn close(mut part: Vec<u8>, flags: MultipartFlags) -> Vec<u8> {
    let mut writer = Writer::new(&mut part);
    // Checked as every entry was pushed.
    let _ = writer.set_len(0, 2);
    writer.set_u16(HEADER_LEN + 2, flags.bits());
    part
}
