//! What a controller wrote, kept to be read back: the match and the instructions of a flow entry.
//!
//! Both are kept as they come on the wire, in one piece of memory: a tenth of what the decoded form
//! takes. They are decoded when statistics or a FLOW_REMOVED tell them, and the match when its entry
//! goes.

use alloc::boxed::Box;
use alloc::vec::Vec;

use ofp_codec::{BadActionCode, FlowModFailedCode, Instruction, Match, OfpError, Rules};

use crate::counters::NoMemory;
use crate::program::boxed;

/// A match and instructions as they were given.
#[derive(Debug)]
pub(crate) struct Echo {
    /// The match, then the instructions.
    bytes: Box<[u8]>,
    /// Bytes of the match, padding included.
    match_len: u16,
}

/// Bytes that an entry's statistics leave to it in one message (§7.3.5.2).
const LEN_MAX: usize = 65_535 - 16 - 48;

impl Echo {
    /// What is kept of a flow-mod.
    ///
    /// # Errors
    ///
    /// TOO_MANY actions when no statistics could tell it, TABLE_FULL when memory is short.
    pub(crate) fn new(matching: &Match, instructions: &[Instruction]) -> Result<Echo, OfpError> {
        const FULL: OfpError = OfpError::FlowModFailed(FlowModFailedCode::TableFull);
        const TOO_MANY: OfpError = OfpError::BadAction(BadActionCode::TooMany);
        let mut bytes = Vec::new();
        bytes.try_reserve(256).map_err(|_| FULL)?;
        matching.encode(&mut bytes).map_err(|_| TOO_MANY)?;
        let match_len = u16::try_from(bytes.len()).map_err(|_| TOO_MANY)?;
        Instruction::encode_list(instructions, &mut bytes).map_err(|_| TOO_MANY)?;
        if bytes.len() > LEN_MAX {
            return Err(TOO_MANY);
        }
        Ok(Echo { bytes: boxed(&bytes).map_err(|NoMemory| FULL)?, match_len })
    }

    pub(crate) fn matching(&self) -> Match {
        let (matching, _) = self.parts();
        Match::decode(matching, Rules::Report).unwrap_or_default()
    }

    pub(crate) fn instructions(&self) -> Vec<Instruction> {
        let (_, instructions) = self.parts();
        Instruction::decode_list(instructions, Rules::Report).unwrap_or_default()
    }

    /// Whether the instructions are the same, whatever the match.
    pub(crate) fn has_instructions_of(&self, other: &Echo) -> bool {
        self.parts().1 == other.parts().1
    }

    /// Bytes that it holds.
    pub(crate) fn held(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Keeps the match alone.
    pub(crate) fn forget_instructions(&mut self) {
        let mut bytes = core::mem::take(&mut self.bytes).into_vec();
        bytes.truncate(usize::from(self.match_len));
        self.bytes = bytes.into_boxed_slice();
    }

    fn parts(&self) -> (&[u8], &[u8]) {
        self.bytes.split_at_checked(usize::from(self.match_len)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ofp_codec::{Action, Oxm, OxmField, PortNo};

    #[test]
    fn gives_back_what_was_given() {
        let fields = [
            Oxm::new(OxmField::EthType, 0x0800),
            Oxm::masked(OxmField::Ipv4Dst, 0, 0),
            Oxm::masked(OxmField::EthDst, 5, 0xffff_ffff_ffff),
        ];
        let matching = Match::new(fields).unwrap();
        let instructions = [
            Instruction::ApplyActions([Action::output(PortNo(2)), Action::PopVlan].into()),
            Instruction::ClearActions,
        ];
        let echo = Echo::new(&matching, &instructions).unwrap();
        assert_eq!(echo.matching(), matching);
        assert_eq!(echo.instructions(), instructions);
        let mut echo = echo;
        echo.forget_instructions();
        assert_eq!((echo.matching(), echo.instructions(), echo.held()), (matching, Vec::new(), 40));
        let nothing = Echo::new(&Match::any(), &[]).unwrap();
        assert_eq!((nothing.matching(), nothing.instructions()), (Match::any(), Vec::new()));
        assert_eq!(nothing.bytes.len(), 8);
    }
}
