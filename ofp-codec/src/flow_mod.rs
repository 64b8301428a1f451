//! Changing flow tables (§7.3.4.1), and telling that an entry is gone (§7.4.2).

use alloc::vec::Vec;

use bitflags::bitflags;

use crate::memory::{NoMemory, TryClone};
use crate::wire::{EncodeError, Reader, Rules, Writer};
use crate::{
    BadInstructionCode, BadRequestCode, DecodeError, FlowModFailedCode, GroupId, Header,
    Instruction, Match, Message, MessageType, OfpError, PortNo, TableId,
};

/// The buffer id of a packet that is not buffered.
#[doc(alias = "OFP_NO_BUFFER")]
pub const NO_BUFFER: u32 = 0xffff_ffff;

/// The priority of an entry whose author did not care.
#[doc(alias = "OFP_DEFAULT_PRIORITY")]
pub const DEFAULT_PRIORITY: u16 = 0x8000;

/// What a flow-mod does.
#[doc(alias = "ofp_flow_mod_command")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum FlowModCommand {
    /// Add an entry, in place of an identical one.
    #[default]
    #[doc(alias = "OFPFC_ADD")]
    Add = 0,
    /// Modify all matching entries.
    #[doc(alias = "OFPFC_MODIFY")]
    Modify = 1,
    /// Modify the identical entry.
    #[doc(alias = "OFPFC_MODIFY_STRICT")]
    ModifyStrict = 2,
    /// Delete all matching entries.
    #[doc(alias = "OFPFC_DELETE")]
    Delete = 3,
    /// Delete the identical entry.
    #[doc(alias = "OFPFC_DELETE_STRICT")]
    DeleteStrict = 4,
}

bitflags! {
    /// Flags of a flow entry.
    #[doc(alias = "ofp_flow_mod_flags")]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct FlowModFlags: u16 {
        /// Tell the controller when the entry goes.
        const SEND_FLOW_REM = 1 << 0;
        /// Refuse an entry that overlaps others of its priority.
        const CHECK_OVERLAP = 1 << 1;
        /// Zero the counters.
        const RESET_COUNTS = 1 << 2;
        /// The packet counter is not needed.
        const NO_PKT_COUNTS = 1 << 3;
        /// The byte counter is not needed.
        const NO_BYT_COUNTS = 1 << 4;
    }
}

/// Adds, modifies or deletes flow entries.
#[doc(alias = "OFPT_FLOW_MOD")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowMod {
    /// The new entry's cookie, or the value to filter by.
    pub cookie: u64,
    /// The cookie bits to filter by; none for no filter.
    pub cookie_mask: u64,
    /// The table; all of them in deletions only.
    pub table_id: TableId,
    /// What to do.
    pub command: FlowModCommand,
    /// Seconds without a packet after which the entry goes; 0 for never.
    pub idle_timeout: u16,
    /// Seconds after which the entry goes; 0 for never.
    pub hard_timeout: u16,
    /// The higher, the earlier.
    pub priority: u16,
    /// The buffered packet to run through the tables, or [`NO_BUFFER`].
    pub buffer_id: u32,
    /// Deletions: only entries that output to this port.
    pub out_port: PortNo,
    /// Deletions: only entries that use this group.
    pub out_group: GroupId,
    /// Flags.
    pub flags: FlowModFlags,
    /// Which packets.
    pub matching: Match,
    /// What is done with them.
    pub instructions: Vec<Instruction>,
}

impl Default for FlowMod {
    /// An ADD to table 0 that matches every packet and does nothing.
    fn default() -> FlowMod {
        FlowMod {
            cookie: 0,
            cookie_mask: 0,
            table_id: TableId(0),
            command: FlowModCommand::Add,
            idle_timeout: 0,
            hard_timeout: 0,
            priority: DEFAULT_PRIORITY,
            buffer_id: NO_BUFFER,
            out_port: PortNo::ANY,
            out_group: GroupId::ANY,
            flags: FlowModFlags::empty(),
            matching: Match::any(),
            instructions: Vec::new(),
        }
    }
}

/// Why an entry went.
#[doc(alias = "ofp_flow_removed_reason")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FlowRemovedReason {
    /// No packet for so long.
    IdleTimeout = 0,
    /// Its time was up.
    HardTimeout = 1,
    /// A flow-mod deleted it.
    Delete = 2,
    /// Its group was deleted.
    GroupDelete = 3,
    /// Its meter was deleted.
    MeterDelete = 4,
}

/// A flow entry is gone.
#[doc(alias = "OFPT_FLOW_REMOVED")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowRemoved {
    /// Its cookie.
    pub cookie: u64,
    /// Its priority.
    pub priority: u16,
    /// Why it went.
    pub reason: FlowRemovedReason,
    /// Its table.
    pub table_id: TableId,
    /// Whole seconds that it lived.
    pub duration_sec: u32,
    /// Nanoseconds beyond them.
    pub duration_nsec: u32,
    /// Its idle timeout in seconds.
    pub idle_timeout: u16,
    /// Its hard timeout in seconds.
    pub hard_timeout: u16,
    /// Packets that it matched; all ones when not counted.
    pub packet_count: u64,
    /// Bytes that it matched; all ones when not counted.
    pub byte_count: u64,
    /// Its match.
    pub matching: Match,
}

impl FlowModCommand {
    /// The command with this number.
    pub const fn from_number(number: u8) -> Option<FlowModCommand> {
        Some(match number {
            0 => FlowModCommand::Add,
            1 => FlowModCommand::Modify,
            2 => FlowModCommand::ModifyStrict,
            3 => FlowModCommand::Delete,
            4 => FlowModCommand::DeleteStrict,
            _ => return None,
        })
    }

    /// Whether entries go.
    pub const fn is_delete(self) -> bool {
        matches!(self, FlowModCommand::Delete | FlowModCommand::DeleteStrict)
    }
}

impl TryClone for FlowMod {
    fn try_clone(&self) -> Result<FlowMod, NoMemory> {
        let matching = self.matching.try_clone()?;
        let instructions = self.instructions.try_clone()?;
        Ok(FlowMod { matching, instructions, ..*self })
    }
}

impl FlowMod {
    /// Decodes a flow-mod that fills `bytes` in place of this one, whose memory it takes: thousands of
    /// them, one after the other, allocate nothing.
    ///
    /// # Errors
    /// Those of [`Message::decode`](crate::Message::decode), and BAD_TYPE for another message; this
    /// one's content is lost then.
    ///
    /// ```
    /// use rumpswitch_ofp_codec::{FlowMod, Message};
    /// let (given, mut bytes) = (FlowMod { cookie: 7, ..FlowMod::default() }, Vec::new());
    /// Message::FlowMod(given.clone()).encode(1, &mut bytes).unwrap();
    /// let mut decoded = FlowMod::default();
    /// assert_eq!(decoded.decode_again(&bytes).unwrap().xid, 1);
    /// assert_eq!(decoded, given);
    /// ```
    pub fn decode_again(&mut self, bytes: &[u8]) -> Result<Header, DecodeError> {
        let (header, message_type, mut reader) = Message::open(bytes)?;
        if message_type != MessageType::FlowMod {
            return Err(reader.error(OfpError::BadRequest(BadRequestCode::BadType)));
        }
        self.reread(&mut reader)?;
        reader.finish()?;
        Ok(header)
    }

    /// Reads a flow-mod's body.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<FlowMod, DecodeError> {
        let mut flow_mod = FlowMod::default();
        flow_mod.reread(reader)?;
        Ok(flow_mod)
    }

    fn reread(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        let at = reader.offset();
        let bad = |code| DecodeError {
            error: OfpError::FlowModFailed(code),
            what: "flow-mod",
            offset: at,
        };
        let (cookie, cookie_mask) = (reader.u64()?, reader.u64()?);
        let table_id = TableId(reader.u8()?);
        let command = reader.u8()?;
        let (idle_timeout, hard_timeout) = (reader.u16()?, reader.u16()?);
        let priority = reader.u16()?;
        let buffer_id = reader.u32()?;
        let out_port = PortNo(reader.u32()?);
        let out_group = GroupId(reader.u32()?);
        let flags = FlowModFlags::from_bits_retain(reader.u16()?);
        reader.skip(2)?;
        let command =
            FlowModCommand::from_number(command).ok_or(bad(FlowModFailedCode::BadCommand))?;
        if !FlowModFlags::all().contains(flags) {
            return Err(bad(FlowModFailedCode::BadFlags));
        }
        if table_id == TableId::ALL && !command.is_delete() {
            return Err(bad(FlowModFailedCode::BadTableId));
        }
        self.matching.reread(reader, Rules::Request)?;
        // A deletion's instructions go nowhere, so its table sets no limit to Goto-Table.
        let table = (!command.is_delete()).then_some(table_id);
        let mut list = instruction_reader(reader)?;
        Instruction::reread_list(&mut self.instructions, &mut list, Rules::Request, table)?;
        self.cookie = cookie;
        self.cookie_mask = cookie_mask;
        self.table_id = table_id;
        self.command = command;
        self.idle_timeout = idle_timeout;
        self.hard_timeout = hard_timeout;
        self.priority = priority;
        self.buffer_id = buffer_id;
        self.out_port = out_port;
        self.out_group = out_group;
        self.flags = flags;
        Ok(())
    }

    /// Writes a flow-mod's body.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.u64(self.cookie);
        writer.u64(self.cookie_mask);
        writer.u8(self.table_id.0);
        writer.u8(self.command as u8);
        writer.u16(self.idle_timeout);
        writer.u16(self.hard_timeout);
        writer.u16(self.priority);
        writer.u32(self.buffer_id);
        writer.u32(self.out_port.0);
        writer.u32(self.out_group.0);
        writer.u16(self.flags.bits());
        writer.zeros(2);
        self.matching.write(writer)?;
        Instruction::write_list(&self.instructions, writer)
    }
}

/// Reads instructions to the reader's end, whose lengths are errors of their own kind.
pub(crate) fn read_instructions(
    reader: &mut Reader<'_>,
    rules: Rules,
    table: Option<TableId>,
) -> Result<Vec<Instruction>, DecodeError> {
    Instruction::read_list(&mut instruction_reader(reader)?, rules, table)
}

fn instruction_reader<'a>(reader: &mut Reader<'a>) -> Result<Reader<'a>, DecodeError> {
    let bad_len = OfpError::BadInstruction(BadInstructionCode::BadLen);
    reader.sub(reader.remaining(), "instruction", bad_len)
}

impl FlowRemovedReason {
    /// The reason with this number.
    pub const fn from_number(number: u8) -> Option<FlowRemovedReason> {
        Some(match number {
            0 => FlowRemovedReason::IdleTimeout,
            1 => FlowRemovedReason::HardTimeout,
            2 => FlowRemovedReason::Delete,
            3 => FlowRemovedReason::GroupDelete,
            4 => FlowRemovedReason::MeterDelete,
            _ => return None,
        })
    }
}

impl FlowRemoved {
    /// Reads a flow-removed's body.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<FlowRemoved, DecodeError> {
        let cookie = reader.u64()?;
        let priority = reader.u16()?;
        let unknown = reader.error(OfpError::BadRequest(BadRequestCode::BadType));
        let reason = FlowRemovedReason::from_number(reader.u8()?).ok_or(unknown)?;
        let table_id = TableId(reader.u8()?);
        let (duration_sec, duration_nsec) = (reader.u32()?, reader.u32()?);
        let (idle_timeout, hard_timeout) = (reader.u16()?, reader.u16()?);
        let (packet_count, byte_count) = (reader.u64()?, reader.u64()?);
        let matching = Match::read(reader, Rules::Report)?;
        Ok(FlowRemoved {
            cookie,
            priority,
            reason,
            table_id,
            duration_sec,
            duration_nsec,
            idle_timeout,
            hard_timeout,
            packet_count,
            byte_count,
            matching,
        })
    }

    /// Writes a flow-removed's body.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.u64(self.cookie);
        writer.u16(self.priority);
        writer.u8(self.reason as u8);
        writer.u8(self.table_id.0);
        writer.u32(self.duration_sec);
        writer.u32(self.duration_nsec);
        writer.u16(self.idle_timeout);
        writer.u16(self.hard_timeout);
        writer.u64(self.packet_count);
        writer.u64(self.byte_count);
        self.matching.write(writer)
    }
}
