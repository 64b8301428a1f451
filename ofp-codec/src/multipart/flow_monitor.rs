//! ONF's flow monitors for 1.3 (EXT-187): a request that goes on being answered, with an update for
//! each change of a flow entry. The bytes are those of Open vSwitch, whose `ovs-ofctl monitor` is
//! what speaks this; the words of the extension's text leave the match open, and what other
//! controllers make of them (fields without the match's own header) is read as well.

use alloc::vec::Vec;

use bitflags::bitflags;

use super::reply::Entry;
use crate::flow_mod::read_instructions;
use crate::wire::{self, BAD_LEN, EncodeError, Reader, Rules, Writer, padding};
use crate::{BadMatchCode, DecodeError, Instruction, Match, OfpError, PortNo, TableId};

/// The experimenter type of requests, updates and the message that cancels.
pub const ONF_FLOW_MONITOR: u32 = 1870;
/// The experimenter type of the message that says: updates pause.
pub const ONF_FLOW_MONITOR_PAUSED: u32 = 1871;
/// The experimenter type of the message that says: updates go on.
pub const ONF_FLOW_MONITOR_RESUMED: u32 = 1872;

/// An error of flow monitors. The extension gives them no numbers; these are the ones that Open
/// vSwitch gives them in 1.3, under Nicira's experimenter id.
const fn monitor_failed(exp_type: u16) -> OfpError {
    OfpError::Experimenter { experimenter: 0x2320, exp_type }
}

/// A field that must be zero is not.
#[doc(alias = "NXBRC_MUST_BE_ZERO")]
pub const MUST_BE_ZERO: OfpError = monitor_failed(4);
/// The channel has a monitor of this id already.
#[doc(alias = "OFPMOFC_MONITOR_EXISTS")]
pub const MONITOR_EXISTS: OfpError = monitor_failed(6);
/// The flags of a monitor are unknown, or ask for no kind of change.
#[doc(alias = "OFPMOFC_BAD_FLAGS")]
pub const MONITOR_BAD_FLAGS: OfpError = monitor_failed(7);
/// The channel has no monitor of this id.
#[doc(alias = "OFPMOFC_UNKNOWN_MONITOR")]
pub const UNKNOWN_MONITOR: OfpError = monitor_failed(8);
/// An update is of no known kind.
#[doc(alias = "NXBRC_FM_BAD_EVENT")]
const BAD_EVENT: OfpError = monitor_failed(9);

bitflags! {
    /// What a flow monitor tells.
    #[doc(alias = "onf_flow_monitor_flags")]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct FlowMonitorFlags: u16 {
        /// The flow entries that are there.
        #[doc(alias = "ONFFMF_INITIAL")]
        const INITIAL = 1 << 0;
        /// Flow entries that come.
        #[doc(alias = "ONFFMF_ADD")]
        const ADD = 1 << 1;
        /// Flow entries that go.
        #[doc(alias = "ONFFMF_DELETE")]
        const DELETE = 1 << 2;
        /// Flow entries that change.
        #[doc(alias = "ONFFMF_MODIFY")]
        const MODIFY = 1 << 3;
        /// Their instructions, too.
        #[doc(alias = "ONFFMF_ACTIONS")]
        const ACTIONS = 1 << 4;
        /// The channel's own changes in full.
        #[doc(alias = "ONFFMF_OWN")]
        const OWN = 1 << 5;
        const _ = !0;
    }
}

/// Asks to be told of flow entries.
#[doc(alias = "onf_flow_monitor_request")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowMonitorRequest {
    /// The channel's own name for the monitor.
    pub id: u32,
    /// What to tell.
    pub flags: FlowMonitorFlags,
    /// Only entries that output to this port.
    pub out_port: PortNo,
    /// The table, or all.
    pub table_id: TableId,
    /// Only entries at least as specific.
    pub matching: Match,
}

/// What became of a flow entry.
#[doc(alias = "onf_flow_update_event")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum FlowUpdateEvent {
    /// It came, or is there.
    #[doc(alias = "ONFFME_ADDED")]
    Added = 0,
    /// It went.
    #[doc(alias = "ONFFME_DELETED")]
    Deleted = 1,
    /// Its instructions changed.
    #[doc(alias = "ONFFME_MODIFIED")]
    Modified = 2,
}

/// One change that a monitor tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowUpdate {
    /// What became of which entry.
    #[doc(alias = "onf_flow_update_full")]
    Full {
        /// What became of it.
        event: FlowUpdateEvent,
        /// Why it went: the number of a [`FlowRemovedReason`](crate::FlowRemovedReason); else 0.
        reason: u16,
        /// Its priority.
        priority: u16,
        /// Its idle timeout in seconds.
        idle_timeout: u16,
        /// Its hard timeout in seconds.
        hard_timeout: u16,
        /// Its table.
        table_id: TableId,
        /// Its cookie.
        cookie: u64,
        /// Its match as given.
        matching: Match,
        /// Its instructions as given, where the monitor asks for them.
        instructions: Vec<Instruction>,
    },
    /// What the channel itself has asked for with this transaction id has been done.
    #[doc(alias = "onf_flow_update_abbrev")]
    Abbreviated {
        /// The transaction id.
        xid: u32,
    },
}

/// Bytes of a request before its match.
const REQUEST_LEN: usize = 16;
/// Bytes of an update before its match.
const FULL_LEN: usize = 24;
/// Bytes of an abbreviated update, and its number.
const ABBREVIATED: (usize, u16) = (8, 3);

impl FlowMonitorRequest {
    /// Reads one request of a list.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<FlowMonitorRequest, DecodeError> {
        if reader.remaining() < REQUEST_LEN {
            return Err(reader.short());
        }
        let id = reader.u32()?;
        let bad_flags = reader.error(MONITOR_BAD_FLAGS);
        let flags = FlowMonitorFlags::from_bits_retain(reader.u16()?);
        let changes = FlowMonitorFlags::ADD | FlowMonitorFlags::DELETE | FlowMonitorFlags::MODIFY;
        let known =
            changes | FlowMonitorFlags::INITIAL | FlowMonitorFlags::ACTIONS | FlowMonitorFlags::OWN;
        if !flags.intersects(changes) || !known.contains(flags) {
            return Err(bad_flags);
        }
        let match_len = reader.u16()?;
        let (out_port, table_id) = (PortNo(reader.u32()?), TableId(reader.u8()?));
        let must_be_zero = reader.error(MUST_BE_ZERO);
        if reader.take(3)?.iter().any(|byte| *byte != 0) {
            return Err(must_be_zero);
        }
        let matching = read_match(reader, usize::from(match_len), Rules::Request)?;
        Ok(FlowMonitorRequest { id, flags, out_port, table_id, matching })
    }
}

impl Entry for FlowMonitorRequest {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.u32(self.id);
        writer.u16(self.flags.bits());
        let match_len = writer.position();
        writer.u16(0);
        writer.u32(self.out_port.0);
        writer.u8(self.table_id.0);
        writer.zeros(3);
        write_match(&self.matching, match_len, writer)
    }
}

impl FlowUpdate {
    /// Appends the update to a body of updates.
    ///
    /// # Errors
    /// [`EncodeError`]; then nothing is appended.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        wire::append(out, |writer| self.write(writer))
    }

    /// Reads one update of a list.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<FlowUpdate, DecodeError> {
        let bad_event = reader.error(BAD_EVENT);
        let (len, event) = reader.peek_pair()?;
        let len = usize::from(len);
        if (len, event) == ABBREVIATED {
            reader.skip(4)?;
            return Ok(FlowUpdate::Abbreviated { xid: reader.u32()? });
        }
        let event = match event {
            0 => FlowUpdateEvent::Added,
            1 => FlowUpdateEvent::Deleted,
            2 => FlowUpdateEvent::Modified,
            _ => return Err(bad_event),
        };
        if len < FULL_LEN || len % 8 != 0 {
            return Err(reader.short());
        }
        let mut body = reader.sub(len, "flow update", BAD_LEN)?;
        body.skip(4)?;
        let (reason, priority) = (body.u16()?, body.u16()?);
        let (idle_timeout, hard_timeout) = (body.u16()?, body.u16()?);
        let match_len = usize::from(body.u16()?);
        let table_id = TableId(body.u8()?);
        body.skip(1)?;
        let cookie = body.u64()?;
        let matching = read_match(&mut body, match_len, Rules::Report)?;
        let instructions = read_instructions(&mut body, Rules::Report, None)?;
        Ok(FlowUpdate::Full {
            event,
            reason,
            priority,
            idle_timeout,
            hard_timeout,
            table_id,
            cookie,
            matching,
            instructions,
        })
    }
}

impl Entry for FlowUpdate {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let start = writer.position();
        writer.u16(0);
        match self {
            FlowUpdate::Abbreviated { xid } => {
                writer.u16(ABBREVIATED.1);
                writer.u32(*xid);
            }
            FlowUpdate::Full {
                event,
                reason,
                priority,
                idle_timeout,
                hard_timeout,
                table_id,
                cookie,
                matching,
                instructions,
            } => {
                writer.u16(*event as u16);
                writer.u16(*reason);
                writer.u16(*priority);
                writer.u16(*idle_timeout);
                writer.u16(*hard_timeout);
                let match_len = writer.position();
                writer.u16(0);
                writer.u8(table_id.0);
                writer.zeros(1);
                writer.u64(*cookie);
                write_match(matching, match_len, writer)?;
                Instruction::write_list(instructions, writer)?;
            }
        }
        writer.set_len(start, 0)
    }
}

/// Reads a match of `match_len` bytes with the padding behind it: a whole match, whose own header
/// says the same length or the padded one, or its fields alone.
fn read_match(
    reader: &mut Reader<'_>,
    match_len: usize,
    rules: Rules,
) -> Result<Match, DecodeError> {
    let bad_len = reader.error(OfpError::BadMatch(BadMatchCode::BadLen));
    if match_len == 0 {
        return Ok(Match::any());
    }
    if match_len > reader.remaining() {
        return Err(reader.short());
    }
    match reader.peek_pair() {
        Ok((1, len)) => {
            let len = usize::from(len);
            if match_len != len && match_len != len.saturating_add(padding(len)) {
                return Err(bad_len);
            }
            if len.saturating_add(padding(len)) > reader.remaining() {
                return Err(reader.short());
            }
            Match::read(reader, rules)
        }
        Ok(_) => {
            let mut fields = reader.sub(match_len, "match", bad_len.error)?;
            let matching = Match::read_fields(&mut fields, rules)?;
            reader.skip_padding(match_len)?;
            Ok(matching)
        }
        Err(_) => Err(bad_len),
    }
}

/// Writes a match, and its length without padding at `match_len`.
fn write_match(
    matching: &Match,
    match_len: usize,
    writer: &mut Writer<'_>,
) -> Result<(), EncodeError> {
    let start = writer.position();
    matching.write(writer)?;
    writer.copy_u16(start.saturating_add(2), match_len);
    Ok(())
}
