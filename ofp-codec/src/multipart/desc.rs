//! DESC (§7.3.5.1): who made the switch.

use alloc::string::String;

use crate::DecodeError;
use crate::wire::{Reader, Writer};

/// Bytes of a text with its NUL.
#[doc(alias = "DESC_STR_LEN")]
const TEXT_LEN: usize = 256;
/// Bytes of the serial number with its NUL.
#[doc(alias = "SERIAL_NUM_LEN")]
const SERIAL_LEN: usize = 32;

/// Who made the switch.
#[doc(alias = "ofp_desc")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desc {
    /// Manufacturer, at most 255 bytes.
    pub mfr_desc: String,
    /// Hardware, at most 255 bytes.
    pub hw_desc: String,
    /// Software, at most 255 bytes.
    pub sw_desc: String,
    /// Serial number, at most 31 bytes.
    pub serial_num: String,
    /// The datapath in words, at most 255 bytes.
    pub dp_desc: String,
}

impl Desc {
    /// Reads the reply's body.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Desc, DecodeError> {
        Ok(Desc {
            mfr_desc: reader.text(TEXT_LEN)?,
            hw_desc: reader.text(TEXT_LEN)?,
            sw_desc: reader.text(TEXT_LEN)?,
            serial_num: reader.text(SERIAL_LEN)?,
            dp_desc: reader.text(TEXT_LEN)?,
        })
    }

    /// Writes the reply's body; texts that are too long are cut off.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.text(&self.mfr_desc, TEXT_LEN);
        writer.text(&self.hw_desc, TEXT_LEN);
        writer.text(&self.sw_desc, TEXT_LEN);
        writer.text(&self.serial_num, SERIAL_LEN);
        writer.text(&self.dp_desc, TEXT_LEN);
    }
}
