//! Actions on the bytes of a frame, done the long way: change the bytes, then bring every checksum
//! that covered them in line by comparing all that it covered before with all that it covers now.

use ofp_codec::OxmField::{self, *};

use super::fields::{Layout, number, read};

/// Writes `len` bytes of `value` at `at`.
fn put(frame: &mut [u8], at: usize, len: usize, value: u128) {
    let bytes = value.to_be_bytes();
    frame[at..at + len].copy_from_slice(&bytes[16 - len..]);
}

/// Replaces the bits of `mask` in the `len` bytes at `at`.
fn put_bits(frame: &mut [u8], at: usize, len: usize, mask: u128, bits: u128) {
    let old = number(frame, at, len).unwrap();
    put(frame, at, len, old & !mask | bits & mask);
}

/// Sets a header field; a field that the frame lacks is left alone.
pub fn set_field(frame: &mut [u8], field: OxmField, value: u128) {
    let layout = read(frame);
    if !matches!(field, EthType | IpProto) && layout.get(field).is_none() {
        return;
    }
    let before = frame.to_vec();
    match field {
        EthDst => put(frame, 0, 6, value),
        EthSrc => put(frame, 6, 6, value),
        EthType => match layout.eth_type {
            Some(at) => put(frame, at, 2, value),
            None => return,
        },
        VlanVid => match layout.vlan {
            Some(at) => put_bits(frame, at + 2, 2, 0xfff, value),
            None => return,
        },
        VlanPcp => match layout.vlan {
            Some(at) => put_bits(frame, at + 2, 2, 0xe000, value << 13),
            None => return,
        },
        MplsLabel => put_bits(frame, layout.mpls.unwrap(), 4, 0xffff_f000, value << 12),
        MplsTc => put_bits(frame, layout.mpls.unwrap(), 4, 0xe00, value << 9),
        MplsBos => put_bits(frame, layout.mpls.unwrap(), 4, 0x100, value << 8),
        PbbIsid => put(frame, layout.pbb.unwrap() + 1, 3, value),
        ArpOp => put(frame, layout.arp.unwrap() + 6, 2, value),
        ArpSha => put(frame, layout.arp.unwrap() + 8, 6, value),
        ArpSpa => put(frame, layout.arp.unwrap() + 14, 4, value),
        ArpTha => put(frame, layout.arp.unwrap() + 18, 6, value),
        ArpTpa => put(frame, layout.arp.unwrap() + 24, 4, value),
        _ => set_ip(frame, &layout, field, value),
    }
    refresh_checksums(&before, frame, &layout);
}

fn set_ip(frame: &mut [u8], layout: &Layout, field: OxmField, value: u128) {
    let at = layout.ipv4.map(|(at, _)| at).or(layout.ipv6);
    let Some(at) = at else { return };
    let v4 = layout.ipv4.is_some();
    let start = layout.transport.map(|transport| transport.start);
    match field {
        IpDscp if v4 => put_bits(frame, at + 1, 1, 0xfc, value << 2),
        IpDscp => put_bits(frame, at, 4, 0xfc << 20, value << 22),
        IpEcn if v4 => put_bits(frame, at + 1, 1, 3, value),
        IpEcn => put_bits(frame, at, 4, 3 << 20, value << 20),
        IpProto if v4 => put(frame, at + 9, 1, value),
        IpProto => {
            if let Some(at) = layout.ipv6_proto_at {
                put(frame, at, 1, value);
            }
        }
        Ipv4Src => put(frame, at + 12, 4, value),
        Ipv4Dst => put(frame, at + 16, 4, value),
        Ipv6Src => put(frame, at + 8, 16, value),
        Ipv6Dst => put(frame, at + 24, 16, value),
        Ipv6Flabel => put_bits(frame, at, 4, 0xfffff, value),
        TcpSrc | UdpSrc | SctpSrc => put(frame, start.unwrap(), 2, value),
        TcpDst | UdpDst | SctpDst => put(frame, start.unwrap() + 2, 2, value),
        Icmpv4Type | Icmpv6Type => put(frame, start.unwrap(), 1, value),
        Icmpv4Code | Icmpv6Code => put(frame, start.unwrap() + 1, 1, value),
        Ipv6NdTarget => put(frame, start.unwrap() + 8, 16, value),
        Ipv6NdSll | Ipv6NdTll => {
            let wanted = if field == Ipv6NdSll { 1 } else { 2 };
            let mut option = start.unwrap() + 24;
            while frame[option] != wanted {
                option += usize::from(frame[option + 1]) * 8;
            }
            put(frame, option + 2, 6, value);
        }
        _ => (),
    }
}

/// Sets or decrements the IPv4 TTL or the IPv6 hop limit. `None` is an invalid TTL.
pub fn nw_ttl(frame: &mut [u8], change: impl Fn(u8) -> Option<u8>) -> Option<()> {
    let layout = read(frame);
    let at = match (layout.ipv4, layout.ipv6) {
        (Some((at, _)), _) => at + 8,
        (_, Some(at)) => at + 7,
        _ => return Some(()),
    };
    let before = frame.to_vec();
    frame[at] = change(frame[at])?;
    refresh_checksums(&before, frame, &layout);
    Some(())
}

/// Sets or decrements the TTL of the outermost label stack entry. `None` is an invalid TTL.
pub fn mpls_ttl(frame: &mut [u8], change: impl Fn(u8) -> Option<u8>) -> Option<()> {
    if let Some(at) = read(frame).mpls {
        frame[at + 3] = change(frame[at + 3])?;
    }
    Some(())
}

/// Pushes a VLAN tag with the priority and id of the outermost one, or zeroes.
pub fn push_vlan(frame: &mut Vec<u8>, kind: u16) {
    let layout = read(frame);
    if layout.get(EthDst).is_none() {
        return;
    }
    let tci = match layout.vlan {
        Some(at) => number(frame, at + 2, 2).unwrap() & 0xefff,
        None => 0,
    };
    let tag = [(kind >> 8) as u8, kind as u8, (tci >> 8) as u8, tci as u8];
    frame.splice(12..12, tag);
}

/// Pops the outermost VLAN tag.
pub fn pop_vlan(frame: &mut Vec<u8>) {
    if let Some(at) = read(frame).vlan {
        frame.drain(at..at + 4);
    }
}

/// Brings the checksums of `now` in line with what changed since `before`; both have `layout`.
fn refresh_checksums(before: &[u8], now: &mut [u8], layout: &Layout) {
    if let Some((at, header_len)) = layout.ipv4 {
        let skip = at + 10..at + 12;
        let old = sum(&before[at..at + header_len], at, &skip);
        let new = sum(&now[at..at + header_len], at, &skip);
        adjust(now, at + 10, old, new);
    }
    let Some(transport) = layout.transport else { return };
    let (start, end) = (transport.start, transport.end.min(now.len()));
    let (offset, pseudo) = match transport.proto {
        6 => (16, true),
        17 => (6, true),
        1 => (2, false),
        58 => (2, true),
        // A fragment's checksum covers bytes that are elsewhere.
        132 if layout.fragment => return,
        132 if before[start..end] != now[start..end] => {
            put(now, start + 8, 4, 0);
            let crc = crc32c(&now[start..end]);
            now[start + 8..start + 12].copy_from_slice(&crc.to_le_bytes());
            return;
        }
        _ => return,
    };
    let at = start + offset;
    if at + 2 > end {
        return;
    }
    let v4 = layout.ipv4.is_some();
    if transport.proto == 17 && v4 && number(now, at, 2) == Some(0) {
        return;
    }
    let covered = |bytes: &[u8]| {
        let segment = sum(&bytes[start..end], start, &(at..at + 2));
        if pseudo { segment + pseudo_sum(bytes, layout) } else { segment }
    };
    let (old, new) = (covered(before), covered(now));
    if old % 0xffff == new % 0xffff {
        return;
    }
    adjust(now, at, old, new);
    if transport.proto == 17 && number(now, at, 2) == Some(0) {
        put(now, at, 2, 0xffff);
    }
}

/// Addresses and protocol of the pseudo-header; its length never changes. A waypoint is not part of
/// it (RFC 8200, section 8.1).
fn pseudo_sum(bytes: &[u8], layout: &Layout) -> u64 {
    match (layout.ipv4, layout.ipv6, layout.ipv6_proto_at) {
        (Some((at, _)), ..) => {
            sum(&bytes[at + 12..at + 20], at, &(0..0)) + u64::from(bytes[at + 9])
        }
        (_, Some(at), Some(proto_at)) => {
            let end = if layout.waypoint { at + 24 } else { at + 40 };
            sum(&bytes[at + 8..end], at, &(0..0)) + u64::from(bytes[proto_at])
        }
        _ => 0,
    }
}

/// The 16-bit words of a slice that begins at `base`, without the bytes in `skip`.
fn sum(slice: &[u8], base: usize, skip: &std::ops::Range<usize>) -> u64 {
    let byte = |(index, byte): (usize, &u8)| match skip.contains(&(base + index)) {
        true => 0,
        false => u64::from(*byte) << if index % 2 == 0 { 8 } else { 0 },
    };
    slice.iter().enumerate().map(byte).sum()
}

/// `checksum' = ~(~checksum - old + new)` in one's complement.
fn adjust(frame: &mut [u8], at: usize, old: u64, new: u64) {
    if old % 0xffff == new % 0xffff {
        return;
    }
    let checksum = number(frame, at, 2).unwrap() as u64;
    let mut total = (0xffff - checksum) + (0xffff - old % 0xffff) + new % 0xffff;
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    put(frame, at, 2, u128::from(0xffff - total));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32c_of_the_check_string() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}
