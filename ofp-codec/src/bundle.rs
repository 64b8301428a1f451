//! ONF's bundles for 1.3 (EXT-230): several messages that take effect together.

use alloc::vec::Vec;

use bitflags::bitflags;

use crate::wire::{EncodeError, Reader, Writer};
use crate::{DecodeError, HEADER_LEN, Header, OfpError};

/// The Open Networking Foundation's experimenter id.
pub const ONF_EXPERIMENTER: u32 = 0x4f4e_4600;
/// The experimenter type of [`BundleControl`].
pub const ONF_BUNDLE_CONTROL: u32 = 2300;
/// The experimenter type of [`BundleAdd`].
pub const ONF_BUNDLE_ADD: u32 = 2301;

/// What is asked of a bundle, or answered.
#[doc(alias = "onf_bundle_ctrl_type")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum BundleControlType {
    /// Open it.
    OpenRequest = 0,
    /// It is open.
    OpenReply = 1,
    /// Close it: no more will be added.
    CloseRequest = 2,
    /// It is closed.
    CloseReply = 3,
    /// Let it take effect.
    CommitRequest = 4,
    /// It has taken effect.
    CommitReply = 5,
    /// Forget it.
    DiscardRequest = 6,
    /// It is forgotten.
    DiscardReply = 7,
}

bitflags! {
    /// What a bundle promises.
    #[doc(alias = "onf_bundle_flags")]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct BundleFlags: u16 {
        /// All or nothing.
        const ATOMIC = 1 << 0;
        /// In the order added.
        const ORDERED = 1 << 1;
        const _ = !0;
    }
}

/// Opens, closes, commits or discards a bundle, or answers that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleControl {
    /// The bundle.
    pub bundle_id: u32,
    /// What is asked or answered.
    pub control: BundleControlType,
    /// What it promises.
    pub flags: BundleFlags,
    /// Properties as they came.
    pub properties: Vec<u8>,
}

/// Adds a message to a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleAdd {
    /// The bundle.
    pub bundle_id: u32,
    /// What it promises.
    pub flags: BundleFlags,
    /// The message, with its header; its transaction id is that of the outer one.
    pub message: Vec<u8>,
    /// Properties as they came.
    pub properties: Vec<u8>,
}

/// Errors of bundles, by the experimenter type that EXT-230 gives them.
const fn bundle_failed(exp_type: u16) -> OfpError {
    OfpError::Experimenter { experimenter: ONF_EXPERIMENTER, exp_type }
}

/// Unknown control type.
#[doc(alias = "ONFBFC_BAD_TYPE")]
const BAD_TYPE: OfpError = bundle_failed(2306);
/// Unknown flags.
#[doc(alias = "ONFBFC_BAD_FLAGS")]
const BAD_FLAGS: OfpError = bundle_failed(2307);
/// The length of the message within does not fit.
#[doc(alias = "ONFBFC_MSG_BAD_LEN")]
const MSG_BAD_LEN: OfpError = bundle_failed(2308);

impl BundleControlType {
    /// The type with this number.
    pub const fn from_number(number: u16) -> Option<BundleControlType> {
        Some(match number {
            0 => BundleControlType::OpenRequest,
            1 => BundleControlType::OpenReply,
            2 => BundleControlType::CloseRequest,
            3 => BundleControlType::CloseReply,
            4 => BundleControlType::CommitRequest,
            5 => BundleControlType::CommitReply,
            6 => BundleControlType::DiscardRequest,
            7 => BundleControlType::DiscardReply,
            _ => return None,
        })
    }
}

/// Reads the flags of a bundle, all of which must be known.
fn read_flags(reader: &mut Reader<'_>) -> Result<BundleFlags, DecodeError> {
    let unknown = reader.error(BAD_FLAGS);
    let flags = BundleFlags::from_bits_retain(reader.u16()?);
    let known = BundleFlags::ATOMIC | BundleFlags::ORDERED;
    if known.contains(flags) { Ok(flags) } else { Err(unknown) }
}

impl BundleControl {
    /// Reads what follows the experimenter header.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<BundleControl, DecodeError> {
        let bundle_id = reader.u32()?;
        let unknown = reader.error(BAD_TYPE);
        let control = BundleControlType::from_number(reader.u16()?).ok_or(unknown)?;
        let flags = read_flags(reader)?;
        let properties = reader.rest_to_vec()?;
        Ok(BundleControl { bundle_id, control, flags, properties })
    }

    /// Writes what follows the experimenter header.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.u32(self.bundle_id);
        writer.u16(self.control as u16);
        writer.u16(self.flags.bits());
        writer.bytes(&self.properties);
    }
}

impl BundleAdd {
    /// Reads what follows the experimenter header.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<BundleAdd, DecodeError> {
        let bundle_id = reader.u32()?;
        reader.skip(2)?;
        let flags = read_flags(reader)?;
        let bad_len = reader.error(MSG_BAD_LEN);
        let mut ahead = reader.clone();
        let header = Header::peek(ahead.take_rest()).ok_or(bad_len)?;
        let len = usize::from(header.length);
        if len < HEADER_LEN || len > reader.remaining() {
            return Err(bad_len);
        }
        let message = reader.take_to_vec(len)?;
        // Padding is there only when properties follow.
        if reader.skip_padding(len).is_err() {
            reader.take_rest();
        }
        let properties = reader.rest_to_vec()?;
        Ok(BundleAdd { bundle_id, flags, message, properties })
    }

    /// Writes what follows the experimenter header.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.u32(self.bundle_id);
        writer.zeros(2);
        writer.u16(self.flags.bits());
        let start = writer.position();
        writer.bytes(&self.message);
        if !self.properties.is_empty() {
            writer.pad(start);
            writer.bytes(&self.properties);
        }
        Ok(())
    }
}
