//! Set-field and the TTL actions on the bytes of a frame, done the long way: change the bytes, then
//! compute every checksum that covers them.

use ofp_codec::OxmField::{self, *};

use super::checksums::{put, refresh, refresh_ipv4};
use super::fields::{Layout, number, read};

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
    refresh(&before, frame, &layout);
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
    refresh(&before, frame, &layout);
    Some(())
}

/// Sets or decrements the TTL of the outermost label stack entry. `None` is an invalid TTL.
pub fn mpls_ttl(frame: &mut [u8], change: impl Fn(u8) -> Option<u8>) -> Option<()> {
    if let Some(at) = read(frame).mpls {
        frame[at + 3] = change(frame[at + 3])?;
    }
    Some(())
}

/// Copies the TTL of the next-to-outermost header that has one to the outermost.
pub fn copy_ttl_out(frame: &mut [u8]) {
    if let Some((outer, inner)) = two_ttls(frame) {
        outer.set(frame, inner.get(frame));
    }
}

/// Copies the TTL of the outermost header that has one to the next-to-outermost.
pub fn copy_ttl_in(frame: &mut [u8]) {
    if let Some((outer, inner)) = two_ttls(frame) {
        inner.set(frame, outer.get(frame));
    }
}

/// The TTL that a pushed label stack entry takes over: the outermost entry's, else IP's, else 0.
pub fn outermost_ttl(frame: &[u8]) -> u8 {
    let layout = read(frame);
    match (layout.mpls, layout.ipv4, layout.ipv6) {
        (Some(at), ..) => frame[at + 3],
        (_, Some((at, _)), _) => frame[at + 8],
        (.., Some(at)) => frame[at + 7],
        _ => 0,
    }
}

/// A header that has a TTL.
#[derive(Clone, Copy)]
enum Ttl {
    Mpls(usize),
    Ipv4(usize),
    Ipv6(usize),
}

impl Ttl {
    fn at(self) -> usize {
        match self {
            Ttl::Mpls(at) => at + 3,
            Ttl::Ipv4(at) => at + 8,
            Ttl::Ipv6(at) => at + 7,
        }
    }

    fn get(self, frame: &[u8]) -> u8 {
        frame[self.at()]
    }

    fn set(self, frame: &mut [u8], ttl: u8) {
        let before = frame.to_vec();
        frame[self.at()] = ttl;
        if let Ttl::Ipv4(at) = self {
            refresh_ipv4(&before, frame, at, usize::from(before[at] & 15) * 4);
        }
    }

    /// The IP header at `at`, as far as one can tell without a type in front of it.
    fn of_ip(frame: &[u8], at: usize) -> Option<Ttl> {
        match number(frame, at, 1)? {
            0x45..=0x4f if number(frame, at, 16).and(number(frame, at + 16, 4)).is_some() => {
                Some(Ttl::Ipv4(at))
            }
            0x60..=0x6f if frame.len() >= at + 40 => Some(Ttl::Ipv6(at)),
            _ => None,
        }
    }
}

/// The two outermost headers with a TTL: label stack entries first, then IP, then IP in IP.
fn two_ttls(frame: &[u8]) -> Option<(Ttl, Ttl)> {
    let layout = read(frame);
    if let Some(at) = layout.mpls {
        let is_bottom = frame[at + 2] & 1 == 1;
        let inner = match is_bottom {
            false => number(frame, at + 4, 4).map(|_| Ttl::Mpls(at + 4)),
            true => Ttl::of_ip(frame, at + 4),
        };
        return Some((Ttl::Mpls(at), inner?));
    }
    let outer = match (layout.ipv4, layout.ipv6) {
        (Some((at, _)), _) => Ttl::Ipv4(at),
        (_, Some(at)) => Ttl::Ipv6(at),
        _ => return None,
    };
    let (proto, behind) = layout.above?;
    match (proto, Ttl::of_ip(frame, behind)?) {
        (4, inner @ Ttl::Ipv4(_)) | (41, inner @ Ttl::Ipv6(_)) => Some((outer, inner)),
        _ => None,
    }
}
