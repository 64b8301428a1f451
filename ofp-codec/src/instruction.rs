//! Instructions (§5.9, §7.2.4).

use alloc::vec::Vec;

use crate::memory::{NoMemory, TryClone, try_list};
use crate::wire::{self, EncodeError, Reader, Rules, Writer};
use crate::{
    Action, BadActionCode, BadInstructionCode, DecodeError, MeterId, MeterModFailedCode, OfpError,
    TableId,
};

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

impl TryClone for Instruction {
    fn try_clone(&self) -> Result<Instruction, NoMemory> {
        Ok(match self {
            Instruction::WriteActions(actions) => Instruction::WriteActions(actions.try_clone()?),
            Instruction::ApplyActions(actions) => Instruction::ApplyActions(actions.try_clone()?),
            Instruction::Experimenter { experimenter, data } => {
                Instruction::Experimenter { experimenter: *experimenter, data: try_list(data)? }
            }
            // Nothing else holds memory.
            other => other.clone(),
        })
    }
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

/// The error of an instruction whose lengths do not add up.
const BAD_LEN: OfpError = OfpError::BadInstruction(BadInstructionCode::BadLen);

/// The experimenter instruction's number.
const EXPERIMENTER: u16 = 0xffff;

impl Instruction {
    /// Decodes instructions that fill `bytes`.
    ///
    /// # Errors
    /// BAD_INSTRUCTION or BAD_ACTION, as [`Message::decode`](crate::Message::decode) finds it.
    ///
    /// ```
    /// use rumpswitch_ofp_codec::{Instruction, Rules, TableId};
    /// let instructions = [Instruction::ClearActions, Instruction::GotoTable(TableId(7))];
    /// let mut bytes = Vec::new();
    /// Instruction::encode_list(&instructions, &mut bytes).unwrap();
    /// assert_eq!(bytes, [0, 5, 0, 8, 0, 0, 0, 0, 0, 1, 0, 8, 7, 0, 0, 0]);
    /// assert_eq!(Instruction::decode_list(&bytes, Rules::Request).unwrap(), instructions);
    /// ```
    pub fn decode_list(bytes: &[u8], rules: Rules) -> Result<Vec<Instruction>, DecodeError> {
        Instruction::read_list(&mut Reader::new(bytes, 0, "instruction", BAD_LEN), rules, None)
    }

    /// Appends instructions.
    ///
    /// # Errors
    /// [`EncodeError`]; then nothing is appended.
    pub fn encode_list(instructions: &[Instruction], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        wire::append(out, |writer| Instruction::write_list(instructions, writer))
    }

    /// Reads instructions to the reader's end: all types and lengths, then duplicates, then what
    /// is in them. With a table, Goto-Table must go on from it.
    pub(crate) fn read_list(
        reader: &mut Reader<'_>,
        rules: Rules,
        table: Option<TableId>,
    ) -> Result<Vec<Instruction>, DecodeError> {
        let mut instructions = Vec::new();
        Instruction::reread_list(&mut instructions, reader, rules, table)?;
        Ok(instructions)
    }

    /// The same in place of other instructions, whose memory they take: the list's, and that of one
    /// list of actions.
    pub(crate) fn reread_list(
        instructions: &mut Vec<Instruction>,
        reader: &mut Reader<'_>,
        rules: Rules,
        table: Option<TableId>,
    ) -> Result<(), DecodeError> {
        if rules.strict() {
            scan(&mut reader.clone())?;
        }
        let mut spare = instructions.drain(..).find_map(Instruction::into_actions);
        spare = spare.filter(|actions| actions.capacity() <= KEEP);
        if let Some(actions) = &mut spare {
            actions.clear();
        }
        while !reader.is_empty() {
            let (number, mut body) = open(reader)?;
            let instruction = Instruction::read_body(number, &mut body, rules, table, &mut spare)?;
            reader.push(instructions, instruction)?;
        }
        Ok(())
    }

    fn into_actions(self) -> Option<Vec<Action>> {
        match self {
            Instruction::WriteActions(actions) | Instruction::ApplyActions(actions) => {
                Some(actions)
            }
            _ => None,
        }
    }

    /// Writes instructions.
    pub(crate) fn write_list(
        instructions: &[Instruction],
        writer: &mut Writer<'_>,
    ) -> Result<(), EncodeError> {
        instructions.iter().try_for_each(|instruction| instruction.write(writer))
    }

    /// Reads what follows the type and the length.
    fn read_body(
        number: u16,
        body: &mut Reader<'_>,
        rules: Rules,
        table: Option<TableId>,
        spare: &mut Option<Vec<Action>>,
    ) -> Result<Instruction, DecodeError> {
        let at = body.offset();
        Ok(match number {
            1 => {
                let next = TableId(body.u8()?);
                if table.is_some_and(|table| next <= table || next > TableId::MAX) {
                    let code = BadInstructionCode::BadTableId;
                    return Err(body.error_at(at, OfpError::BadInstruction(code)));
                }
                Instruction::GotoTable(next)
            }
            2 => {
                body.skip(4)?;
                Instruction::WriteMetadata { value: body.u64()?, mask: body.u64()? }
            }
            3 => Instruction::WriteActions(read_actions(body, rules, spare)?),
            4 => Instruction::ApplyActions(read_actions(body, rules, spare)?),
            5 => Instruction::ClearActions,
            6 => {
                let meter = MeterId(body.u32()?);
                if rules.strict() && (meter == MeterId(0) || meter > MeterId::MAX) {
                    let code = MeterModFailedCode::UnknownMeter;
                    return Err(body.error_at(at, OfpError::MeterModFailed(code)));
                }
                Instruction::Meter(meter)
            }
            _ => Instruction::Experimenter { experimenter: body.u32()?, data: body.rest_to_vec()? },
        })
    }

    /// Writes one instruction.
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let start = writer.position();
        writer.u16(self.number());
        writer.u16(0);
        match self {
            Instruction::GotoTable(table) => writer.u8(table.0),
            Instruction::WriteMetadata { value, mask } => {
                writer.zeros(4);
                writer.u64(*value);
                writer.u64(*mask);
            }
            Instruction::WriteActions(actions) | Instruction::ApplyActions(actions) => {
                writer.zeros(4);
                Action::write_list(actions, writer)?;
            }
            Instruction::ClearActions => writer.zeros(4),
            Instruction::Meter(meter) => writer.u32(meter.0),
            Instruction::Experimenter { experimenter, data } => {
                writer.u32(*experimenter);
                writer.aligned(data)?;
            }
        }
        writer.pad(start);
        writer.set_len(start, 2)
    }
}

/// Actions for which instructions that are read again keep room.
const KEEP: usize = 64;

/// Reads the actions behind an instruction's padding, into spare memory if there is some.
fn read_actions(
    body: &mut Reader<'_>,
    rules: Rules,
    spare: &mut Option<Vec<Action>>,
) -> Result<Vec<Action>, DecodeError> {
    body.skip(4)?;
    let bad_len = OfpError::BadAction(BadActionCode::BadLen);
    let mut list = body.sub(body.remaining(), "action", bad_len)?;
    let mut actions = spare.take().unwrap_or_default();
    Action::read_more(&mut actions, &mut list, rules)?;
    Ok(actions)
}

/// Reads an instruction's type and length, and gives what follows them.
fn open<'a>(reader: &mut Reader<'a>) -> Result<(u16, Reader<'a>), DecodeError> {
    let at = reader.offset();
    let bad = |code| {
        let error = OfpError::BadInstruction(code);
        DecodeError { error, what: "instruction", offset: at }
    };
    let Ok((number, len)) = reader.peek_pair() else {
        return Err(bad(BadInstructionCode::BadLen));
    };
    let len = usize::from(len);
    if len < 8 || len % 8 != 0 {
        return Err(bad(BadInstructionCode::BadLen));
    }
    let mut body = reader.sub(len, "instruction", BAD_LEN)?;
    let right_len = match number {
        1 | 5 | 6 => len == 8,
        2 => len == 24,
        3 | 4 | EXPERIMENTER => true,
        _ => return Err(bad(BadInstructionCode::UnknownInst)),
    };
    if !right_len {
        return Err(bad(BadInstructionCode::BadLen));
    }
    body.skip(4)?;
    Ok((number, body))
}

/// Checks the types and lengths of all instructions, then that none is there twice.
fn scan(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let mut seen = 0_u8;
    let mut duplicate = None;
    while !reader.is_empty() {
        let at = reader.offset();
        let (number, body) = open(reader)?;
        if number == EXPERIMENTER {
            let code = BadInstructionCode::BadExperimenter;
            return Err(body.error_at(at, OfpError::BadInstruction(code)));
        }
        let bit = 1 << (number & 7);
        if seen & bit != 0 {
            duplicate = duplicate.or(Some(at));
        }
        seen |= bit;
    }
    let unsupported = OfpError::BadInstruction(BadInstructionCode::UnsupInst);
    duplicate.map_or(Ok(()), |at| Err(reader.error_at(at, unsupported)))
}
