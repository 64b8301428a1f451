//! FLOW and AGGREGATE (§7.3.5.2, §7.3.5.3).

use alloc::vec::Vec;

use super::reply::Entry;
use crate::flow_mod::read_instructions;
use crate::wire::{BAD_LEN, EncodeError, Reader, Rules, Writer};
use crate::{DecodeError, FlowModFlags, GroupId, Instruction, Match, PortNo, TableId};

/// Which flow entries are asked for.
#[doc(alias = "ofp_flow_stats_request")]
#[doc(alias = "ofp_aggregate_stats_request")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowStatsRequest {
    /// The table, or all.
    pub table_id: TableId,
    /// Only entries that output to this port.
    pub out_port: PortNo,
    /// Only entries that use this group.
    pub out_group: GroupId,
    /// The value to filter by.
    pub cookie: u64,
    /// The cookie bits to filter by.
    pub cookie_mask: u64,
    /// Only entries at least as specific.
    pub matching: Match,
}

impl Default for FlowStatsRequest {
    /// All entries of all tables.
    fn default() -> FlowStatsRequest {
        FlowStatsRequest {
            table_id: TableId::ALL,
            out_port: PortNo::ANY,
            out_group: GroupId::ANY,
            cookie: 0,
            cookie_mask: 0,
            matching: Match::any(),
        }
    }
}

/// A flow entry and what it has counted.
#[doc(alias = "ofp_flow_stats")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowStats {
    /// Its table.
    pub table_id: TableId,
    /// Whole seconds that it has lived.
    pub duration_sec: u32,
    /// Nanoseconds beyond them.
    pub duration_nsec: u32,
    /// Its priority.
    pub priority: u16,
    /// Its idle timeout in seconds.
    pub idle_timeout: u16,
    /// Its hard timeout in seconds.
    pub hard_timeout: u16,
    /// Its flags.
    pub flags: FlowModFlags,
    /// Its cookie.
    pub cookie: u64,
    /// Packets; all ones when not counted.
    pub packet_count: u64,
    /// Bytes; all ones when not counted.
    pub byte_count: u64,
    /// Its match as given.
    pub matching: Match,
    /// Its instructions as given.
    pub instructions: Vec<Instruction>,
}

/// Sums over flow entries.
#[doc(alias = "ofp_aggregate_stats_reply")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AggregateStats {
    /// Packets.
    pub packet_count: u64,
    /// Bytes.
    pub byte_count: u64,
    /// Entries.
    pub flow_count: u32,
}

/// Bytes of the shortest [`FlowStats`].
const FLOW_STATS_LEN: usize = 56;

/// A flow entry whose match and instructions are at hand as message bytes, as a table keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowStatsRef<'a> {
    /// Its table.
    pub table_id: TableId,
    /// Whole seconds that it has lived.
    pub duration_sec: u32,
    /// Nanoseconds beyond them.
    pub duration_nsec: u32,
    /// Its priority.
    pub priority: u16,
    /// Its idle timeout in seconds.
    pub idle_timeout: u16,
    /// Its hard timeout in seconds.
    pub hard_timeout: u16,
    /// Its flags.
    pub flags: FlowModFlags,
    /// Its cookie.
    pub cookie: u64,
    /// Packets; all ones when not counted.
    pub packet_count: u64,
    /// Bytes; all ones when not counted.
    pub byte_count: u64,
    /// Its match as [`Match::encode`] writes it, with its padding.
    pub match_bytes: &'a [u8],
    /// Its instructions as [`Instruction::encode_list`] writes them.
    pub instruction_bytes: &'a [u8],
}

impl FlowStatsRequest {
    /// Reads the request's body.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<FlowStatsRequest, DecodeError> {
        let table_id = TableId(reader.u8()?);
        reader.skip(3)?;
        let out_port = PortNo(reader.u32()?);
        let out_group = GroupId(reader.u32()?);
        reader.skip(4)?;
        let (cookie, cookie_mask) = (reader.u64()?, reader.u64()?);
        // An absent match is a short message; what follows the length is the match's own matter.
        if reader.remaining() < 8 {
            return Err(reader.short());
        }
        let matching = Match::read(reader, Rules::Request)?;
        Ok(FlowStatsRequest { table_id, out_port, out_group, cookie, cookie_mask, matching })
    }

    /// Writes the request's body.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.u8(self.table_id.0);
        writer.zeros(3);
        writer.u32(self.out_port.0);
        writer.u32(self.out_group.0);
        writer.zeros(4);
        writer.u64(self.cookie);
        writer.u64(self.cookie_mask);
        self.matching.write(writer)
    }
}

impl FlowStats {
    /// Reads an entry.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<FlowStats, DecodeError> {
        let (len, _) = reader.peek_pair()?;
        let len = usize::from(len);
        if len < FLOW_STATS_LEN || len % 8 != 0 {
            return Err(reader.short());
        }
        let mut body = reader.sub(len, "flow statistics", BAD_LEN)?;
        body.skip(2)?;
        let table_id = TableId(body.u8()?);
        body.skip(1)?;
        let (duration_sec, duration_nsec) = (body.u32()?, body.u32()?);
        let priority = body.u16()?;
        let (idle_timeout, hard_timeout) = (body.u16()?, body.u16()?);
        let flags = FlowModFlags::from_bits_retain(body.u16()?);
        body.skip(4)?;
        let cookie = body.u64()?;
        let (packet_count, byte_count) = (body.u64()?, body.u64()?);
        let matching = Match::read(&mut body, Rules::Report)?;
        let instructions = read_instructions(&mut body, Rules::Report, None)?;
        Ok(FlowStats {
            table_id,
            duration_sec,
            duration_nsec,
            priority,
            idle_timeout,
            hard_timeout,
            flags,
            cookie,
            packet_count,
            byte_count,
            matching,
            instructions,
        })
    }

    /// The same entry without its match and instructions.
    fn fixed(&self) -> FlowStatsRef<'static> {
        FlowStatsRef {
            table_id: self.table_id,
            duration_sec: self.duration_sec,
            duration_nsec: self.duration_nsec,
            priority: self.priority,
            idle_timeout: self.idle_timeout,
            hard_timeout: self.hard_timeout,
            flags: self.flags,
            cookie: self.cookie,
            packet_count: self.packet_count,
            byte_count: self.byte_count,
            match_bytes: &[],
            instruction_bytes: &[],
        }
    }
}

impl FlowStatsRef<'_> {
    /// Writes what stands before the match.
    fn write_fixed(&self, writer: &mut Writer<'_>) {
        writer.u16(0);
        writer.u8(self.table_id.0);
        writer.zeros(1);
        writer.u32(self.duration_sec);
        writer.u32(self.duration_nsec);
        writer.u16(self.priority);
        writer.u16(self.idle_timeout);
        writer.u16(self.hard_timeout);
        writer.u16(self.flags.bits());
        writer.zeros(4);
        writer.u64(self.cookie);
        writer.u64(self.packet_count);
        writer.u64(self.byte_count);
    }
}

impl Entry for FlowStatsRef<'_> {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let start = writer.position();
        self.write_fixed(writer);
        writer.aligned(self.match_bytes)?;
        writer.aligned(self.instruction_bytes)?;
        writer.set_len(start, 0)
    }
}

impl Entry for FlowStats {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let start = writer.position();
        self.fixed().write_fixed(writer);
        self.matching.write(writer)?;
        Instruction::write_list(&self.instructions, writer)?;
        writer.set_len(start, 0)
    }
}

impl AggregateStats {
    /// Reads the reply's body.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<AggregateStats, DecodeError> {
        let (packet_count, byte_count) = (reader.u64()?, reader.u64()?);
        let flow_count = reader.u32()?;
        reader.skip(4)?;
        Ok(AggregateStats { packet_count, byte_count, flow_count })
    }

    /// Writes the reply's body.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.u64(self.packet_count);
        writer.u64(self.byte_count);
        writer.u32(self.flow_count);
        writer.zeros(4);
    }
}
