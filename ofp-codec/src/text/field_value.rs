//! The value of one match field in text, with or without a mask, as the field table says it is
//! written.

use alloc::format;
use core::fmt;

use super::error::{Fault, Parsed};
use super::names;
use super::ports::{self, PortNames, PortText};
use super::value::{self, Hex, Ipv6Text, Mac};
use crate::{Oxm, OxmField, OxmFormat, PortNo};

/// Value and mask; a mask of all ones is exact, of zero matches everything.
pub(super) type Masked = (u128, u128);

/// How many bits of a field's value count.
fn bits(field: OxmField) -> u32 {
    u32::from(field.info().bits)
}

/// Reads `value` or `value/mask` of a field; bits of the value outside of the mask are cleared, as
/// ovs-ofctl does.
pub(super) fn parse<'t>(
    field: OxmField,
    text: &'t str,
    word: &'t str,
    ports: &dyn PortNames,
) -> Parsed<'t, Masked> {
    let full = field.all_ones();
    if text == "*" {
        return Ok((0, 0));
    }
    if text.is_empty() {
        return Err(Fault::new(word, "the value is missing"));
    }
    let (value_text, mask_text) = match text.split_once('/') {
        Some((value, mask)) => (value, Some(mask)),
        None => (text, None),
    };
    if field.info().format == OxmFormat::Port {
        return match ports::parse(text, ports) {
            Ok(port) => Ok((u128::from(port.0), full)),
            Err(message) => Err(Fault::new(word, message)),
        };
    }
    let value = one(field, value_text).ok_or_else(|| Fault::new(word, expected(field)))?;
    let Some(mask_text) = mask_text else {
        return Ok((value, full));
    };
    let mask = mask(field, mask_text)
        .ok_or_else(|| Fault::new(word, "the mask is malformed or too large"))?;
    if mask != full && mask != 0 && !field.info().maskable {
        return Err(Fault::new(word, format!("{} takes no mask", names::label(field))));
    }
    Ok((value & mask, mask))
}

/// Reads a value without a mask.
fn one(field: OxmField, text: &str) -> Option<u128> {
    match field.info().format {
        OxmFormat::Mac => value::mac(text),
        OxmFormat::Ipv4 => value::ipv4(text),
        OxmFormat::Ipv6 => value::ipv6(text),
        OxmFormat::Decimal | OxmFormat::Hex | OxmFormat::Port => value::integer(text, bits(field)),
    }
}

/// Reads what stands behind the `/`.
fn mask(field: OxmField, text: &str) -> Option<u128> {
    match field.info().format {
        OxmFormat::Mac => value::mac(text),
        OxmFormat::Ipv4 => value::address_mask(text, 32, value::ipv4),
        OxmFormat::Ipv6 => value::address_mask(text, 128, value::ipv6),
        OxmFormat::Decimal | OxmFormat::Hex | OxmFormat::Port => value::integer(text, bits(field)),
    }
}

/// What should have stood there.
fn expected(field: OxmField) -> alloc::string::String {
    match field.info().format {
        OxmFormat::Mac => "not an Ethernet address".into(),
        OxmFormat::Ipv4 => "not an IPv4 address".into(),
        OxmFormat::Ipv6 => "not an IPv6 address".into(),
        _ => format!("not a number of at most {} bits", bits(field)),
    }
}

/// Writes the value of a field, and its mask if it has one.
pub(super) struct FieldValue {
    pub(super) field: OxmField,
    pub(super) value: u128,
    pub(super) mask: Option<u128>,
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let full = self.field.all_ones();
        let mask = self.mask.map(|mask| mask & full).filter(|mask| *mask != full);
        let value = self.value;
        match (self.field, mask) {
            // The exceptions that Open vSwitch's tools make.
            (OxmField::VlanVid, None) => return write!(f, "{value}"),
            (OxmField::EthType, None) => return write!(f, "0x{value:04x}"),
            _ => {}
        }
        match (self.field.info().format, mask) {
            (OxmFormat::Port, _) => write!(f, "{}", PortText(PortNo(low32(value)))),
            (OxmFormat::Mac, None) => write!(f, "{}", Mac(value)),
            (OxmFormat::Mac, Some(mask)) => write!(f, "{}/{}", Mac(value), Mac(mask)),
            (OxmFormat::Ipv4, None) => write!(f, "{}", value::ipv4_text(value)),
            (OxmFormat::Ipv4, Some(mask)) => match value::prefix_len(mask, 32) {
                Some(len) => write!(f, "{}/{len}", value::ipv4_text(value)),
                None => write!(f, "{}/{}", value::ipv4_text(value), value::ipv4_text(mask)),
            },
            (OxmFormat::Ipv6, None) => write!(f, "{}", Ipv6Text(value)),
            (OxmFormat::Ipv6, Some(mask)) => match value::prefix_len(mask, 128) {
                Some(len) => write!(f, "{}/{len}", Ipv6Text(value)),
                None => write!(f, "{}/{}", Ipv6Text(value), Ipv6Text(mask)),
            },
            (OxmFormat::Decimal, None) => write!(f, "{value}"),
            (OxmFormat::Hex, None) => write!(f, "{}", Hex(value)),
            (OxmFormat::Hex, Some(mask)) => write!(f, "{}/{}", Hex(value), Hex(mask)),
            (OxmFormat::Decimal, Some(mask)) => write!(f, "{value:#x}/{mask:#x}"),
        }
    }
}

impl Oxm {
    /// The value and the mask as they stand in a match: `10.0.0.0/8`.
    ///
    /// ```
    /// use rumpswitch_ofp_codec::{Oxm, OxmField};
    ///
    /// let oxm = Oxm::masked(OxmField::Ipv4Dst, 0x0a000000, 0xff000000);
    /// assert_eq!(oxm.value_text().to_string(), "10.0.0.0/8");
    /// ```
    pub fn value_text(&self) -> impl fmt::Display + use<> {
        FieldValue { field: self.field, value: self.value, mask: self.mask }
    }
}

/// The low 32 bits.
fn low32(value: u128) -> u32 {
    u32::try_from(value & 0xffff_ffff).unwrap_or(0)
}
