//! TABLE_FEATURES (§7.3.5.5): what tables can do, both ways.

use alloc::string::String;
use alloc::vec::Vec;

use crate::TableId;

/// Names an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstructionId {
    /// One of the standard's, by number.
    Standard(u16),
    /// An extension's, by who defines it.
    Experimenter(u32),
}

/// Names an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionId {
    /// One of the standard's, by number.
    Standard(u16),
    /// An extension's, by who defines it.
    Experimenter(u32),
}

/// Names a match field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OxmId {
    /// The 32-bit OXM header; its mask bit says that masks may be used.
    Header(u32),
    /// An extension's header, and who defines it.
    Experimenter {
        /// The 32-bit OXM header.
        header: u32,
        /// Who defines it.
        experimenter: u32,
    },
}

/// One property of a table.
#[doc(alias = "ofp_table_feature_prop_header")]
#[doc(alias = "ofp_table_feature_prop_type")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableFeatureProperty {
    /// Instructions of flow entries.
    Instructions(Vec<InstructionId>),
    /// Instructions of the table-miss flow entry.
    InstructionsMiss(Vec<InstructionId>),
    /// Tables that may follow.
    NextTables(Vec<TableId>),
    /// Tables that may follow the table-miss flow entry.
    NextTablesMiss(Vec<TableId>),
    /// Actions of Write-Actions.
    WriteActions(Vec<ActionId>),
    /// The same, of the table-miss flow entry.
    WriteActionsMiss(Vec<ActionId>),
    /// Actions of Apply-Actions.
    ApplyActions(Vec<ActionId>),
    /// The same, of the table-miss flow entry.
    ApplyActionsMiss(Vec<ActionId>),
    /// Fields that can be matched.
    Match(Vec<OxmId>),
    /// Fields that may be left out.
    Wildcards(Vec<OxmId>),
    /// Fields that Write-Actions can set.
    WriteSetfield(Vec<OxmId>),
    /// The same, of the table-miss flow entry.
    WriteSetfieldMiss(Vec<OxmId>),
    /// Fields that Apply-Actions can set.
    ApplySetfield(Vec<OxmId>),
    /// The same, of the table-miss flow entry.
    ApplySetfieldMiss(Vec<OxmId>),
    /// An extension's property.
    Experimenter {
        /// Whether it is of the table-miss flow entry.
        miss: bool,
        /// Who defines it.
        experimenter: u32,
        /// Its type there.
        exp_type: u32,
        /// What follows.
        data: Vec<u8>,
    },
}

/// What a table can do.
#[doc(alias = "ofp_table_features")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFeatures {
    /// The table.
    pub table_id: TableId,
    /// Its name, at most 31 bytes.
    pub name: String,
    /// Metadata bits that can be matched.
    pub metadata_match: u64,
    /// Metadata bits that can be written.
    pub metadata_write: u64,
    /// Its configuration; no bit is defined.
    pub config: u32,
    /// How many entries it may hold.
    pub max_entries: u32,
    /// Its properties, in order.
    pub properties: Vec<TableFeatureProperty>,
}
