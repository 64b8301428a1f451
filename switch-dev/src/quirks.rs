//! Errors of the decoder in the words of a switch that says some of them in another way.
//!
//! The decoder knows the standard and no personality. What it refuses stays refused; where the
//! personality has [`Quirks`] the error becomes the one that such a switch was seen to send.

use datapath::Personality;
use datapath::personality::Quirks;
use ofp_codec::{
    BadActionCode, BadInstructionCode, BadMatchCode, BadRequestCode, DecodeError,
    GroupModFailedCode, MeterModFailedCode, ONF_EXPERIMENTER, OXM_CLASS_BASIC, OfpError, OxmField,
};

use crate::dispatch::{double_word_at, word_at};

/// The error of an instruction that is there twice, which the ONF gave a number of its own.
const ONF_DUP_INSTRUCTION: u16 = 2600;
/// The error of a masked set-field that the ONF gave a number of its own.
const ONF_BAD_SET_MASK: u16 = 4250;

/// The error that a switch of this personality sends for what the decoder found in `bytes`.
pub(crate) fn translate(personality: &Personality, bytes: &[u8], found: DecodeError) -> OfpError {
    let quirks = personality.quirks;
    let header = double_word_at(bytes, found.offset).unwrap_or_default();
    match found.error {
        OfpError::BadMatch(code) if quirks.contains(Quirks::MATCH_ERRORS) => {
            OfpError::BadMatch(match code {
                // The match of 1.0 had no length of its own.
                BadMatchCode::BadType if word_at(bytes, found.offset) == Some(0) => {
                    BadMatchCode::BadLen
                }
                BadMatchCode::BadLen if has_wrong_len(header) => BadMatchCode::BadField,
                BadMatchCode::BadPrereq if !knows(personality, header) => BadMatchCode::BadField,
                code => code,
            })
        }
        OfpError::BadAction(BadActionCode::BadSetType)
            if quirks.contains(Quirks::SET_FIELD_ERRORS) =>
        {
            match knows(personality, header) {
                false => OfpError::BadAction(BadActionCode::BadSetLen),
                true if header >> 8 & 1 != 0 => OfpError::Experimenter {
                    experimenter: ONF_EXPERIMENTER,
                    exp_type: ONF_BAD_SET_MASK,
                },
                true => OfpError::BadAction(BadActionCode::BadSetArgument),
            }
        }
        // All that the decoder means by it is an instruction that is there twice.
        OfpError::BadInstruction(BadInstructionCode::UnsupInst)
            if quirks.contains(Quirks::DUPLICATE_INSTRUCTION_ONF) =>
        {
            OfpError::Experimenter { experimenter: ONF_EXPERIMENTER, exp_type: ONF_DUP_INSTRUCTION }
        }
        OfpError::MeterModFailed(MeterModFailedCode::UnknownMeter)
            if quirks.contains(Quirks::MISSING_METER_IS_INVALID) =>
        {
            OfpError::MeterModFailed(MeterModFailedCode::InvalidMeter)
        }
        OfpError::GroupModFailed(GroupModFailedCode::BadBucket)
            if quirks.contains(Quirks::BUCKET_LENGTHS)
                && word_at(bytes, found.offset).is_some_and(|len| len % 8 != 0) =>
        {
            OfpError::BadRequest(BadRequestCode::BadLen)
        }
        error => error,
    }
}

/// The field of an OXM header.
fn field(header: u32) -> Option<OxmField> {
    let [class_high, class_low, field, _] = header.to_be_bytes();
    let is_basic = u16::from_be_bytes([class_high, class_low]) == OXM_CLASS_BASIC;
    OxmField::from_number(field >> 1).filter(|_| is_basic)
}

/// Whether a table has the field of an OXM header.
fn knows(personality: &Personality, header: u32) -> bool {
    let field = field(header);
    field.is_some_and(|field| personality.tables.iter().any(|table| table.fields.contains(field)))
}

/// Whether the length in an OXM header is not its field's.
fn has_wrong_len(header: u32) -> bool {
    let has_mask = header >> 8 & 1 != 0;
    field(header).is_some_and(|field| field.header(has_mask) != header)
}
