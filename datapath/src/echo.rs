//! What a controller wrote, kept to be read back: the match and the instructions of a flow entry.

use alloc::boxed::Box;
use alloc::vec::Vec;

use ofp_codec::{Instruction, Match};

use crate::counters::NoMemory;

/// A match and instructions as they were given.
#[derive(Debug)]
pub(crate) struct Echo {
    kept: Box<(Match, Vec<Instruction>)>,
}

impl Echo {
    pub(crate) fn new(matching: &Match, instructions: &[Instruction]) -> Result<Echo, NoMemory> {
        Ok(Echo { kept: Box::new((matching.clone(), instructions.to_vec())) })
    }

    pub(crate) fn matching(&self) -> Match {
        self.kept.0.clone()
    }

    pub(crate) fn instructions(&self) -> Vec<Instruction> {
        self.kept.1.clone()
    }
}
