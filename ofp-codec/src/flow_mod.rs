//! Changing flow tables (§7.3.4.1), and telling that an entry is gone (§7.4.2).

use alloc::vec::Vec;

use bitflags::bitflags;

use crate::{GroupId, Instruction, Match, PortNo, TableId};

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
