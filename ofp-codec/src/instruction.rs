//! Instructions (§5.9, §7.2.4).

use alloc::vec::Vec;

use crate::{Action, MeterId, TableId};

/// One instruction of a flow entry.
#[doc(alias = "ofp_instruction")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// Go on in a later table.
    #[doc(alias = "OFPIT_GOTO_TABLE")]
    GotoTable(TableId),
    /// `metadata = metadata & !mask | value & mask`.
    #[doc(alias = "OFPIT_WRITE_METADATA")]
    WriteMetadata {
        /// The bits to write.
        value: u64,
        /// Which of them to write.
        mask: u64,
    },
    /// Merge actions into the action set.
    #[doc(alias = "OFPIT_WRITE_ACTIONS")]
    WriteActions(Vec<Action>),
    /// Apply actions now.
    #[doc(alias = "OFPIT_APPLY_ACTIONS")]
    ApplyActions(Vec<Action>),
    /// Empty the action set.
    #[doc(alias = "OFPIT_CLEAR_ACTIONS")]
    ClearActions,
    /// Pass the packet through a meter.
    #[doc(alias = "OFPIT_METER")]
    Meter(MeterId),
    /// An extension's instruction.
    #[doc(alias = "OFPIT_EXPERIMENTER")]
    Experimenter {
        /// Who defines it.
        experimenter: u32,
        /// What follows, a multiple of 8 bytes.
        data: Vec<u8>,
    },
}

impl Instruction {
    /// The instruction type's number.
    #[doc(alias = "ofp_instruction_type")]
    pub const fn number(&self) -> u16 {
        match self {
            Instruction::GotoTable(_) => 1,
            Instruction::WriteMetadata { .. } => 2,
            Instruction::WriteActions(_) => 3,
            Instruction::ApplyActions(_) => 4,
            Instruction::ClearActions => 5,
            Instruction::Meter(_) => 6,
            Instruction::Experimenter { .. } => 0xffff,
        }
    }
}
