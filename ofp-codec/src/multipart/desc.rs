//! DESC (§7.3.5.1): who made the switch.

use alloc::string::String;

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
