//! Values in text: integers as C writes them, MAC and IP addresses, each with the mask forms that
//! flow files use. All are big-endian integers, right-aligned in a `u128`, as [`Oxm`](crate::Oxm)
//! holds them.

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

/// All ones in the low `bits` bits.
pub(super) fn ones(bits: u32) -> u128 {
    match 128u32.checked_sub(bits) {
        Some(128) => 0,
        Some(shift) => u128::MAX >> shift,
        None => u128::MAX,
    }
}

/// An unsigned integer: decimal, `0x` hexadecimal, or octal with a leading 0. `-1` stands for all
/// ones. `None` if it is not a number or needs more than `bits` bits.
pub(super) fn integer(text: &str, bits: u32) -> Option<u128> {
    if text == "-1" {
        return Some(ones(bits));
    }
    let (digits, radix) =
        if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            (hex, 16)
        } else if text.len() > 1 && text.starts_with('0') {
            (text, 8)
        } else {
            (text, 10)
        };
    if digits.starts_with('+') {
        return None;
    }
    u128::from_str_radix(digits, radix).ok().filter(|value| *value <= ones(bits))
}

/// An Ethernet address: six groups of one or two hexadecimal digits.
pub(super) fn mac(text: &str) -> Option<u128> {
    let mut value = 0u128;
    let mut count = 0usize;
    for group in text.split(':') {
        if group.is_empty() || group.len() > 2 || !group.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        value = (value << 8) | u128::from_str_radix(group, 16).ok()?;
        count = count.checked_add(1).filter(|n| *n <= 6)?;
    }
    (count == 6).then_some(value)
}

/// An IPv4 address in dotted form.
pub(super) fn ipv4(text: &str) -> Option<u128> {
    text.parse::<Ipv4Addr>().ok().map(|address| u128::from(u32::from(address)))
}

/// An IPv6 address.
pub(super) fn ipv6(text: &str) -> Option<u128> {
    text.parse::<Ipv6Addr>().ok().map(u128::from)
}

/// A mask behind the `/` of an address: a prefix length, or a mask in the address's own form.
pub(super) fn address_mask(text: &str, bits: u32, parse: fn(&str) -> Option<u128>) -> Option<u128> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        let prefix = text.parse::<u32>().ok().filter(|prefix| *prefix <= bits)?;
        return Some(prefix_mask(prefix, bits));
    }
    parse(text)
}

/// The mask of a prefix of `prefix` bits in an address of `bits` bits.
fn prefix_mask(prefix: u32, bits: u32) -> u128 {
    ones(bits) & !ones(bits.saturating_sub(prefix))
}

/// The prefix length of a mask, if it is a prefix mask.
pub(super) fn prefix_len(mask: u128, bits: u32) -> Option<u32> {
    let prefix = mask.count_ones();
    (mask == prefix_mask(prefix, bits)).then_some(prefix)
}

/// Writes an Ethernet address.
pub(super) struct Mac(pub(super) u128);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, shift) in [40u32, 32, 24, 16, 8, 0].into_iter().enumerate() {
            let colon = if i == 0 { "" } else { ":" };
            write!(f, "{colon}{:02x}", (self.0 >> shift) & 0xff)?;
        }
        Ok(())
    }
}

/// Writes an IPv4 address: the low 32 bits.
pub(super) fn ipv4_text(value: u128) -> Ipv4Addr {
    Ipv4Addr::from(u32::try_from(value & 0xffff_ffff).unwrap_or(0))
}

/// Writes an IPv6 address as the C library does: the last 32 bits dotted where all others are zero,
/// as in `::1.2.3.4`.
pub(super) struct Ipv6Text(pub(super) u128);

impl fmt::Display for Ipv6Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0x1_0000..=0xffff_ffff => write!(f, "::{}", ipv4_text(self.0)),
            value => write!(f, "{}", Ipv6Addr::from(value)),
        }
    }
}

/// Writes a hexadecimal number as C's `%#x` does: a zero without prefix.
pub(super) struct Hex(pub(super) u128);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("0"),
            value => write!(f, "{value:#x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn integers() {
        assert_eq!(integer("10", 8), Some(10));
        assert_eq!(integer("0x10", 8), Some(16));
        assert_eq!(integer("010", 8), Some(8));
        assert_eq!(integer("0", 8), Some(0));
        assert_eq!(integer("-1", 64), Some(u128::from(u64::MAX)));
        for bad in ["", "+1", "0x", "0x+1", "08", "256", "-2", "1.0", "٣"] {
            assert_eq!(integer(bad, 8), None, "{bad}");
        }
        assert_eq!(integer("-1", 128), Some(u128::MAX));
        assert_eq!(ones(0), 0);
        assert_eq!(ones(1), 1);
    }

    #[test]
    fn addresses() {
        assert_eq!(mac("0:1:2:3:4:ff"), Some(0x0001_0203_04ff));
        for bad in
            ["0:1:2:3:4", "0:1:2:3:4:5:6", "00-11-22-33-44-55", "0:1:2:3:4:123", "0:1:2:3:4:+1", ""]
        {
            assert_eq!(mac(bad), None, "{bad}");
        }
        assert_eq!(Mac(0x0001_0203_04ff).to_string(), "00:01:02:03:04:ff");
        assert_eq!(address_mask("8", 32, ipv4), Some(0xff00_0000));
        assert_eq!(address_mask("0", 32, ipv4), Some(0));
        assert_eq!(address_mask("33", 32, ipv4), None);
        assert_eq!(address_mask("", 32, ipv4), None);
        assert_eq!(address_mask("255.0.255.0", 32, ipv4), Some(0xff00_ff00));
        assert_eq!(address_mask("128", 128, ipv6), Some(u128::MAX));
        assert_eq!(prefix_len(0xff00_ff00, 32), None);
        assert_eq!(prefix_len(0xffff_ff00, 32), Some(24));
        assert_eq!(prefix_len(0, 32), Some(0));
    }
}
