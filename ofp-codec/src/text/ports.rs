//! Port numbers and names in text.

use core::fmt;

use super::value;
use crate::PortNo;

/// Where the parsers look up a port that is written by name.
///
/// Any `Fn(&str) -> Option<PortNo>` is one:
///
/// ```
/// use rumpswitch_ofp_codec::PortNo;
/// use rumpswitch_ofp_codec::text::parse_match;
///
/// let ports = |name: &str| (name == "eth0").then_some(PortNo(7));
/// assert_eq!(parse_match("in_port=eth0", &ports), parse_match("in_port=7", &ports));
/// ```
pub trait PortNames {
    /// The number of the port with this name, if there is one.
    fn port(&self, name: &str) -> Option<PortNo>;
}

impl<F: Fn(&str) -> Option<PortNo>> PortNames for F {
    fn port(&self, name: &str) -> Option<PortNo> {
        self(name)
    }
}

/// Knows no port by name: numbers and the reserved words only.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNames;

impl PortNames for NoNames {
    fn port(&self, _name: &str) -> Option<PortNo> {
        None
    }
}

/// Decimal numbers that OpenFlow 1.0 used for reserved ports and that old flow files may still mean
/// so.
const AMBIGUOUS: core::ops::RangeInclusive<u32> = 65528..=65535;

/// Reads a port: a reserved word in any case, a number, a name (in double quotes if it looks like
/// neither).
pub(super) fn parse(text: &str, names: &dyn PortNames) -> Result<PortNo, &'static str> {
    if let Some(quoted) = text.strip_prefix('"') {
        let name = quoted.strip_suffix('"').ok_or("the closing quote is missing")?;
        return names.port(name).ok_or("no port has this name");
    }
    if let Some(port) = reserved(text) {
        return Ok(port);
    }
    match value::integer(text, 32).and_then(|n| u32::try_from(n).ok()) {
        Some(n) if AMBIGUOUS.contains(&n) && !text.starts_with("0x") => Err(
            "in OpenFlow 1.0 this was a reserved port: write its name, or the number in hexadecimal",
        ),
        Some(n) if PortNo(n) > PortNo::MAX && PortNo(n).reserved_name().is_none() => {
            Err("no port can have this number")
        }
        Some(n) => Ok(PortNo(n)),
        None => names.port(text).ok_or("neither a port number nor the name of a port"),
    }
}

/// The reserved port of this name, in any case.
pub(super) fn reserved(text: &str) -> Option<PortNo> {
    const WORDS: [(&str, PortNo); 9] = [
        ("in_port", PortNo::IN_PORT),
        ("table", PortNo::TABLE),
        ("normal", PortNo::NORMAL),
        ("flood", PortNo::FLOOD),
        ("all", PortNo::ALL),
        ("controller", PortNo::CONTROLLER),
        ("local", PortNo::LOCAL),
        ("any", PortNo::ANY),
        ("none", PortNo::ANY),
    ];
    WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, port)| *port)
}

/// Writes a port so that [`parse`] reads the same one.
#[derive(Clone, Copy)]
pub(super) struct PortText(pub(super) PortNo);

impl fmt::Display for PortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if AMBIGUOUS.contains(&self.0.0) {
            return write!(f, "{:#x}", self.0.0);
        }
        match self.0.reserved_name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0.0),
        }
    }
}
