//! FLOW and AGGREGATE (§7.3.5.2, §7.3.5.3).

use alloc::vec::Vec;

use crate::{FlowModFlags, GroupId, Instruction, Match, PortNo, TableId};

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
