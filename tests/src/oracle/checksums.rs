//! Checksums the long way: each is computed anew over all that it covers. One that was wrong before a
//! change is left wrong by as much (RFC 1624), so that a receiver still finds out.

use super::fields::{Layout, number};

/// Writes `len` bytes of `value` at `at`.
pub fn put(frame: &mut [u8], at: usize, len: usize, value: u128) {
    let bytes = value.to_be_bytes();
    frame[at..at + len].copy_from_slice(&bytes[16 - len..]);
}

/// The Internet checksum (RFC 1071).
pub fn internet(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0));
    let mut sum: u64 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// SCTP's checksum (RFC 9260, appendix A).
pub fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    !crc
}

/// A 16-bit checksum: where it is, and all that it covers, with zeros in its own place.
struct Sum {
    at: usize,
    covered: Vec<u8>,
    /// Whether 0 says that there is none: in IPv4, and in IPv6 between tunnels (RFC 6936).
    is_udp: bool,
}

impl Sum {
    fn right(&self) -> u16 {
        match internet(&self.covered) {
            0 if self.is_udp => 0xffff,
            sum => sum,
        }
    }
}

/// Brings the checksums of `now` in line with what changed since `before`; both have `layout`.
pub fn refresh(before: &[u8], now: &mut [u8], layout: &Layout) {
    if let Some((at, header_len)) = layout.ipv4 {
        refresh_ipv4(before, now, at, header_len);
    }
    refresh_sctp(before, now, layout);
    let (Some(old), Some(new)) = (transport(before, layout), transport(now, layout)) else {
        return;
    };
    follow(now, &old, &new);
}

/// The same for the header of an IPv4 packet at `at` alone.
pub fn refresh_ipv4(before: &[u8], now: &mut [u8], at: usize, header_len: usize) {
    let header = |bytes: &[u8]| {
        let mut covered = bytes[at..(at + header_len).min(bytes.len())].to_vec();
        covered[10..12].fill(0);
        Sum { at: at + 10, covered, is_udp: false }
    };
    let (old, new) = (header(before), header(now));
    follow(now, &old, &new);
}

/// Writes the checksum of what is covered now, given what was covered before.
fn follow(now: &mut [u8], old: &Sum, new: &Sum) {
    let was = number(now, new.at, 2).unwrap() as u16;
    if old.covered == new.covered || new.is_udp && was == 0 {
        return;
    }
    let is = match was == old.right() {
        true => new.right(),
        // Wrong by so much: ~was - ~right.
        false => {
            let difference = |sum: &Sum| u64::from(!internet(&sum.covered));
            let total = u64::from(!was) + 0xffff - difference(old) + difference(new);
            let folded = (total & 0xffff) + (total >> 16);
            let folded = (folded & 0xffff) + (folded >> 16);
            match !(folded as u16) {
                0 if new.is_udp => 0xffff,
                sum => sum,
            }
        }
    };
    put(now, new.at, 2, u128::from(is));
}

/// The checksum of the transport in a frame.
fn transport(bytes: &[u8], layout: &Layout) -> Option<Sum> {
    let transport = layout.transport?;
    let (start, end) = (transport.start, transport.end.min(bytes.len()));
    let (offset, has_pseudo_header) = match transport.proto {
        6 => (16, true),
        17 => (6, true),
        1 => (2, false),
        58 => (2, true),
        _ => return None,
    };
    let mut covered = bytes.get(start..end)?.to_vec();
    covered.get_mut(offset..offset + 2)?.fill(0);
    if covered.len() % 2 == 1 {
        covered.push(0);
    }
    if has_pseudo_header {
        covered.extend(pseudo_header(bytes, layout, end - start));
    }
    Some(Sum { at: start + offset, covered, is_udp: transport.proto == 17 })
}

/// Addresses, length and protocol. A waypoint is not part of it (RFC 8200, section 8.1).
fn pseudo_header(bytes: &[u8], layout: &Layout, len: usize) -> Vec<u8> {
    let (addresses, proto) = match (layout.ipv4, layout.ipv6, layout.ipv6_proto_at) {
        (Some((at, _)), ..) => (&bytes[at + 12..at + 20], bytes[at + 9]),
        (_, Some(at), Some(proto_at)) => {
            let end = if layout.waypoint { at + 24 } else { at + 40 };
            (&bytes[at + 8..end], bytes[proto_at])
        }
        _ => (&bytes[..0], 0),
    };
    [addresses, &(len as u32).to_be_bytes(), &[0, 0, 0, proto]].concat()
}

/// SCTP's covers the whole packet, and only it; that of a fragment covers bytes that are elsewhere.
fn refresh_sctp(before: &[u8], now: &mut [u8], layout: &Layout) {
    let Some(transport) = layout.transport.filter(|transport| transport.proto == 132) else {
        return;
    };
    let (start, end) = (transport.start, transport.end.min(now.len()));
    if layout.fragment || before[start..end] == now[start..end] {
        return;
    }
    put(now, start + 8, 4, 0);
    let crc = crc32c(&now[start..end]);
    now[start + 8..start + 12].copy_from_slice(&crc.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32c_of_the_check_string() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_wrong_checksum_stays_wrong_by_as_much() {
        let sum = |covered: [u8; 2]| Sum { at: 0, covered: covered.to_vec(), is_udp: false };
        let (old, new) = (sum([0x12, 0x34]), sum([0x56, 0x78]));
        let mut right = old.right().to_be_bytes();
        follow(&mut right, &old, &new);
        assert_eq!(u16::from_be_bytes(right), new.right());
        let mut wrong = (old.right() - 5).to_be_bytes();
        follow(&mut wrong, &old, &new);
        assert_eq!(u16::from_be_bytes(wrong), new.right() - 5);
    }
}
