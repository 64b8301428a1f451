//! What a controller wrote, kept to be read back: the match and the instructions of a flow entry.
//!
//! Both are kept packed, in one piece of memory: a match field is its number and its value (IPv4 addresses
//! and their type: 13 bytes, 32 on the wire), a single output is 7 bytes (24 on the wire), other
//! instructions are as on the wire. They are unpacked when statistics or a FLOW_REMOVED tell them; the
//! match, field by field and without memory, when its entry is looked for or goes.

use alloc::boxed::Box;
use alloc::vec::Vec;

use ofp_codec::memory::try_one;
use ofp_codec::{
    Action, BadActionCode, EncodeError, FlowModFailedCode, Instruction, Match, MaxLen, OfpError,
    Oxm, OxmField, PortNo, Rules,
};

use crate::counters::NoMemory;
use crate::key::MaskedKey;
use crate::program::boxed;

/// A match and instructions as they were given.
#[derive(Debug)]
pub(crate) struct Echo {
    /// Bytes of the packed match (in one byte, or [`LONG`] and two), it, the packed instructions.
    bytes: Box<[u8]>,
}

/// Bytes that an entry's statistics leave to it in one message (§7.3.5.2).
const LEN_MAX: usize = 65_535 - 16 - 48;
/// Stands before a length of two bytes.
const LONG: u8 = 0xff;
/// Instruction types of which a single output is packed.
const WRITE: u8 = 3;
const APPLY: u8 = 4;
/// Room that is kept for the next one.
const KEEP: usize = 4096;

/// Bytes that stand beside the packed match: its length, and a single output.
const PACKED_MAX: usize = 16;

const FULL: OfpError = OfpError::FlowModFailed(FlowModFailedCode::TableFull);
const TOO_MANY: OfpError = OfpError::BadAction(BadActionCode::TooMany);

impl Echo {
    /// What is kept of a flow-mod, put together in `scratch`.
    ///
    /// # Errors
    ///
    /// TOO_MANY actions when no statistics could tell it, TABLE_FULL when memory is short.
    pub(crate) fn new(
        matching: &Match,
        instructions: &[Instruction],
        scratch: &mut Vec<u8>,
    ) -> Result<Echo, OfpError> {
        let packed_len = matching.fields().iter().map(packed_len).sum::<usize>();
        scratch.clear();
        scratch.try_reserve(packed_len.saturating_add(PACKED_MAX)).map_err(|_| FULL)?;
        let [high, low] = u16::try_from(packed_len).map_err(|_| TOO_MANY)?.to_be_bytes();
        match high == 0 && low < LONG {
            true => scratch.push(low),
            false => scratch.extend_from_slice(&[LONG, high, low]),
        }
        for oxm in matching.fields() {
            let len = oxm.field.info().len;
            scratch.push((oxm.field.number() << 1) | u8::from(oxm.mask.is_some()));
            push_uint(scratch, oxm.value, len);
            if let Some(mask) = oxm.mask {
                push_uint(scratch, mask, len);
            }
        }
        let wire_len = wire_len(matching.fields().iter().copied());
        Echo::finish(scratch, wire_len, instructions)
    }

    /// The same match with other instructions.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub(crate) fn with_instructions(
        &self,
        instructions: &[Instruction],
        scratch: &mut Vec<u8>,
    ) -> Result<Echo, OfpError> {
        let kept = self.bytes.len().saturating_sub(self.packed_instructions().len());
        scratch.clear();
        scratch.try_reserve(kept.saturating_add(PACKED_MAX)).map_err(|_| FULL)?;
        scratch.extend_from_slice(self.bytes.get(..kept).unwrap_or_default());
        Echo::finish(scratch, wire_len(self.fields()), instructions)
    }

    /// Puts the instructions behind what is in `scratch`, which is a match of so many bytes on the
    /// wire.
    fn finish(
        scratch: &mut Vec<u8>,
        wire_len: usize,
        instructions: &[Instruction],
    ) -> Result<Echo, OfpError> {
        let start = scratch.len();
        match single_output(instructions) {
            Some((kind, port, max_len)) => {
                let ([a, b, c, d], [e, f]) = (port.0.to_be_bytes(), max_len.0.to_be_bytes());
                scratch.extend_from_slice(&[kind, a, b, c, d, e, f]);
            }
            None => {
                Instruction::encode_list(instructions, scratch).map_err(|why| match why {
                    EncodeError::NoMemory => FULL,
                    _ => TOO_MANY,
                })?;
                let len = scratch.len().saturating_sub(start);
                if len.saturating_add(wire_len) > LEN_MAX {
                    return Err(TOO_MANY);
                }
            }
        }
        let bytes = boxed(scratch).map_err(|NoMemory| FULL)?;
        if scratch.capacity() > KEEP {
            *scratch = Vec::new();
        }
        scratch.clear();
        Ok(Echo { bytes })
    }

    /// The match as its controller wrote it.
    pub(crate) fn matching(&self) -> Result<Match, NoMemory> {
        // It was one, so that memory is all that can be short.
        Match::new(self.fields()).map_err(|_| NoMemory)
    }

    /// The match in canonical form.
    pub(crate) fn masked_key(&self) -> MaskedKey {
        let mut key = MaskedKey::ANY;
        self.fields().for_each(|oxm| key.name(oxm.field, oxm.value, oxm.mask));
        key
    }

    /// The fields of the match.
    pub(crate) fn fields(&self) -> impl Iterator<Item = Oxm> + '_ {
        let (mut rest, _) = self.parts();
        core::iter::from_fn(move || {
            let (head, behind) = rest.split_first()?;
            let field = OxmField::from_number(head >> 1)?;
            let (value, behind) = split_uint(behind, field.info().len)?;
            let (mask, behind) = match head & 1 {
                0 => (None, behind),
                _ => split_uint(behind, field.info().len).map(|(mask, rest)| (Some(mask), rest))?,
            };
            rest = behind;
            Some(Oxm { field, value, mask })
        })
    }

    /// The instructions as their controller wrote them.
    pub(crate) fn instructions(&self) -> Result<Vec<Instruction>, NoMemory> {
        match *self.packed_instructions() {
            [kind, a, b, c, d, e, f] => {
                let port = PortNo(u32::from_be_bytes([a, b, c, d]));
                let max_len = MaxLen(u16::from_be_bytes([e, f]));
                let actions = try_one(Action::Output { port, max_len })?;
                try_one(match kind {
                    WRITE => Instruction::WriteActions(actions),
                    _ => Instruction::ApplyActions(actions),
                })
            }
            ref wire => Instruction::decode_list(wire, Rules::Report).map_err(|_| NoMemory),
        }
    }

    /// Whether the instructions are the same, whatever the match.
    pub(crate) fn has_instructions_of(&self, other: &Echo) -> bool {
        self.packed_instructions() == other.packed_instructions()
    }

    /// Bytes that it holds.
    pub(crate) fn held(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Keeps the match alone.
    pub(crate) fn forget_instructions(&mut self) {
        let kept = self.bytes.len().saturating_sub(self.packed_instructions().len());
        // Without memory for a shorter copy they stay, and nobody looks at them.
        if let Ok(bytes) = boxed(self.bytes.get(..kept).unwrap_or_default()) {
            self.bytes = bytes;
        }
    }

    fn packed_instructions(&self) -> &[u8] {
        self.parts().1
    }

    /// The packed match and the packed instructions.
    fn parts(&self) -> (&[u8], &[u8]) {
        let split = match *self.bytes {
            [LONG, high, low, ref rest @ ..] => {
                rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))
            }
            [len, ref rest @ ..] => rest.split_at_checked(usize::from(len)),
            [] => None,
        };
        split.unwrap_or_default()
    }
}

/// The one output that is all that instructions do, and in which of them it stands.
fn single_output(instructions: &[Instruction]) -> Option<(u8, PortNo, MaxLen)> {
    let (kind, actions) = match instructions {
        [Instruction::WriteActions(actions)] => (WRITE, actions),
        [Instruction::ApplyActions(actions)] => (APPLY, actions),
        _ => return None,
    };
    match **actions {
        [Action::Output { port, max_len }] => Some((kind, port, max_len)),
        _ => None,
    }
}

/// Bytes of a field here.
fn packed_len(oxm: &Oxm) -> usize {
    let len = usize::from(oxm.field.info().len);
    if oxm.mask.is_some() { 1 + 2 * len } else { 1 + len }
}

/// Bytes of a match on the wire, with padding.
fn wire_len(fields: impl Iterator<Item = Oxm>) -> usize {
    let len: usize = fields.map(|oxm| 3 + packed_len(&oxm)).sum();
    len.saturating_add(4).next_multiple_of(8)
}

fn push_uint(out: &mut Vec<u8>, value: u128, len: u8) {
    let bytes = value.to_be_bytes();
    let from = bytes.len().saturating_sub(usize::from(len));
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
}

fn split_uint(bytes: &[u8], len: u8) -> Option<(u128, &[u8])> {
    let (value, rest) = bytes.split_at_checked(usize::from(len))?;
    Some((value.iter().fold(0, |value, byte| value << 8 | u128::from(*byte)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(matching: &Match, instructions: &[Instruction]) -> Echo {
        Echo::new(matching, instructions, &mut Vec::new()).unwrap()
    }

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
        let kept = echo(&matching, &instructions);
        assert_eq!(kept.matching().unwrap(), matching);
        assert_eq!(kept.masked_key(), MaskedKey::from_match(&matching));
        assert_eq!(kept.instructions().unwrap(), instructions);
        let mut kept = kept;
        kept.forget_instructions();
        assert_eq!((kept.matching(), kept.instructions()), (Ok(matching), Ok(Vec::new())));
        assert_eq!(kept.held(), 26);
        let nothing = echo(&Match::any(), &[]);
        assert_eq!(
            (nothing.matching(), nothing.instructions()),
            (Ok(Match::any()), Ok(Vec::new()))
        );
        assert_eq!(nothing.held(), 1);
    }

    #[test]
    fn a_single_output_takes_seven_bytes() {
        let output = Action::Output { port: PortNo(0xffff_fffd), max_len: MaxLen(0x1234) };
        for instruction in [Instruction::ApplyActions, Instruction::WriteActions] {
            let instructions = [instruction(alloc::vec![output.clone()])];
            let kept = echo(&Match::any(), &instructions);
            assert_eq!(kept.instructions().unwrap(), instructions);
            assert_eq!(kept.held(), 1 + 7, "no multiple of 8, as on the wire");
        }
    }

    #[test]
    fn other_instructions_leave_the_match_as_it_is() {
        // Longer than one byte can say.
        let wide = [OxmField::EthDst, OxmField::EthSrc, OxmField::Metadata, OxmField::TunnelId];
        let mut fields: Vec<Oxm> = wide.map(|field| Oxm::masked(field, 1, 1)).into();
        fields.push(Oxm::new(OxmField::EthType, 0x86dd));
        let v6 = [OxmField::Ipv6Src, OxmField::Ipv6Dst];
        fields.extend(v6.map(|field| Oxm::masked(field, 1 << 100, 1 << 100)));
        fields.push(Oxm::new(OxmField::IpProto, 58));
        fields.push(Oxm::new(OxmField::Icmpv6Type, 135));
        fields.push(Oxm::masked(OxmField::Ipv6NdTarget, u128::MAX, u128::MAX));
        fields.push(Oxm::masked(OxmField::Ipv6NdSll, 9, 0xffff_ffff_ffff));
        fields.push(Oxm::masked(OxmField::InPort, 7, 0xffff_ffff));
        fields.push(Oxm::masked(OxmField::Ipv6Flabel, 7, 0xf_ffff));
        fields.push(Oxm::new(OxmField::VlanVid, 0));
        for fields in [&fields[..], &fields[..1], &[]] {
            let matching = Match::new(fields.iter().copied()).unwrap();
            let before = echo(&matching, &[Instruction::ClearActions]);
            let list = [Instruction::ApplyActions([Action::output(PortNo(2))].into())];
            for instructions in [&list[..], &[]] {
                let kept = before.with_instructions(instructions, &mut Vec::new()).unwrap();
                assert_eq!(kept.matching().unwrap(), matching);
                assert_eq!(kept.instructions().unwrap(), instructions);
                assert!(kept.has_instructions_of(&echo(&Match::any(), instructions)));
            }
        }
    }

    #[test]
    fn what_no_statistics_could_tell_is_refused() {
        let matching = Match::new([Oxm::new(OxmField::InPort, 1)]).unwrap();
        // 16 bytes of match, 8 of the instruction, 8 an action.
        let most = (LEN_MAX - 16 - 8) / 8;
        let list = |count| [Instruction::ApplyActions(alloc::vec![Action::PopVlan; count])];
        assert!(Echo::new(&matching, &list(most), &mut Vec::new()).is_ok());
        let refused = Echo::new(&matching, &list(most + 1), &mut Vec::new());
        assert_eq!(refused.unwrap_err(), TOO_MANY);
    }
}
