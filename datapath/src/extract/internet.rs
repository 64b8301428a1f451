//! IPv4, IPv6 with its extension headers, and what is above them.

use super::{Headers, Source, offset, set_address};
use crate::key::{Key, Presence};

/// Protocol numbers, as IPv4 and IPv6 use them.
pub(crate) mod protocol {
    pub(crate) const HOP_BY_HOP: u8 = 0;
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const IPV4: u8 = 4;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const IPV6: u8 = 41;
    pub(crate) const ROUTING: u8 = 43;
    pub(crate) const FRAGMENT: u8 = 44;
    pub(crate) const ESP: u8 = 50;
    pub(crate) const AUTHENTICATION: u8 = 51;
    pub(crate) const ICMPV6: u8 = 58;
    pub(crate) const NO_NEXT: u8 = 59;
    pub(crate) const DESTINATION: u8 = 60;
    pub(crate) const SCTP: u8 = 132;
}

/// The bits of `IPV6_EXTHDR` (`OFPIEH_*`).
mod exthdr {
    pub(super) const NONEXT: u16 = 1 << 0;
    pub(super) const ESP: u16 = 1 << 1;
    pub(super) const AUTH: u16 = 1 << 2;
    pub(super) const DEST: u16 = 1 << 3;
    pub(super) const FRAG: u16 = 1 << 4;
    pub(super) const ROUTER: u16 = 1 << 5;
    pub(super) const HOP: u16 = 1 << 6;
    pub(super) const UNREP: u16 = 1 << 7;
    pub(super) const UNSEQ: u16 = 1 << 8;
}

/// The common kind of IPv4 packet: no options, no fragment, TCP or UDP above it. One comparison of
/// lengths for the bytes, one for what the header says of them; whatever is not like this is
/// [`ipv4`]'s, which says the same of what is.
#[inline]
pub(super) fn plain_ipv4<S: Source>(
    source: S,
    at: usize,
    key: &mut Key,
    headers: &mut Headers,
) -> Option<Presence> {
    let [0x45, tos, l0, l1, _, _, f0, f1, _ttl, proto, _, _, rest @ ..] = source.bytes::<24>(at)?
    else {
        return None;
    };
    let [a0, a1, a2, a3, a4, a5, a6, a7, p0, p1, p2, p3] = rest;
    let total_len = usize::from(u16::from_be_bytes([l0, l1]));
    let here = source.len().wrapping_sub(at);
    let is_fragment = u16::from_ne_bytes([f0, f1]) & 0x3fff_u16.to_be() != 0;
    if is_fragment || total_len > here {
        return None;
    }
    let above = match proto {
        protocol::UDP if total_len >= 28 => Presence::UDP,
        protocol::TCP if total_len >= 40 => Presence::TCP,
        _ => return None,
    };
    key.set_word(3, u64::from_be_bytes([a0, a1, a2, a3, a4, a5, a6, a7]));
    let ports = u64::from(u32::from_be_bytes([p0, p1, p2, p3]));
    key.set_word(4, (ports << 32) | (u64::from(proto) << 24) | (u64::from(tos) << 16));
    headers.network = offset(at);
    headers.ip_proto = offset(at.wrapping_add(9));
    headers.transport = offset(at.wrapping_add(20));
    headers.network_end = offset(at.wrapping_add(total_len));
    Some(Presence::IP.union(Presence::IPV4).union(Presence::IP_PROTO).union(above))
}

/// An IPv4 header whose lengths agree with the frame, and what is above it.
#[inline(never)]
pub(super) fn ipv4<S: Source>(
    source: S,
    at: usize,
    key: &mut Key,
    headers: &mut Headers,
) -> Presence {
    let Some(header) = source.bytes::<20>(at) else { return Presence::empty() };
    let [version_len, tos, l0, l1, id0, id1, f0, f1, _ttl, proto, _, _, addresses @ ..] = header;
    let header_len = usize::from(version_len & 15).wrapping_mul(4);
    let total_len = usize::from(u16::from_be_bytes([l0, l1]));
    let here = source.len().wrapping_sub(at);
    if !matches!(version_len, 0x45..=0x4f) || total_len < header_len || total_len > here {
        return Presence::empty();
    }
    let presence = Presence::IP.union(Presence::IPV4).union(Presence::IP_PROTO);
    key.set_word(3, u64::from_be_bytes(addresses));
    let word = (u64::from(proto) << 24) | (u64::from(tos) << 16);
    let end = at.wrapping_add(total_len);
    headers.network = offset(at);
    headers.network_end = offset(end);
    headers.ip_proto = offset(at.wrapping_add(9));
    let fragment = u16::from_be_bytes([f0, f1]) & 0x3fff;
    if fragment != 0 {
        headers.is_fragment = true;
        headers.fragment_id = u32::from_be_bytes([0, 0, id0, id1]);
        if fragment & 0x1fff != 0 {
            key.set_word(4, word);
            return presence;
        }
    }
    let start = at.wrapping_add(header_len);
    headers.transport = offset(start);
    let (bits, above) = transport(source, proto, false, start, end);
    key.set_word(4, word | bits);
    presence | above
}

/// An IPv6 header whose length agrees with the frame, its chain of extension headers, and what is
/// above it.
pub(super) fn ipv6<S: Source>(
    source: S,
    at: usize,
    key: &mut Key,
    headers: &mut Headers,
) -> Presence {
    let Some(header) = source.bytes::<40>(at) else { return Presence::empty() };
    let [b0, b1, b2, b3, l0, l1, next, _hop_limit, addresses @ ..] = header;
    let start = at.wrapping_add(40);
    let end = start.wrapping_add(usize::from(u16::from_be_bytes([l0, l1])));
    if b0 >> 4 != 6 || end > source.len() {
        return Presence::empty();
    }
    let mut presence = Presence::IP.union(Presence::IPV6);
    let tos = (b0 << 4) | (b1 >> 4);
    let flabel = u32::from_be_bytes([0, b1 & 15, b2, b3]);
    if let Some((src, rest)) = addresses.split_first_chunk::<16>() {
        set_address(key, 8, *src);
        rest.first_chunk().into_iter().for_each(|dst| set_address(key, 10, *dst));
    }
    headers.network = offset(at);
    headers.network_end = offset(end);
    let (chain, flags, is_whole) = follow_chain(source, next, at.wrapping_add(6), start, end);
    key.set_word(3, (u64::from(flabel) << 32) | u64::from(flags));
    headers.is_fragment = chain.is_fragment;
    headers.fragment_id = chain.fragment_id;
    headers.is_routed = chain.is_routed;
    let mut word = u64::from(tos) << 16;
    if is_whole {
        word |= u64::from(chain.proto) << 24;
        presence |= Presence::IP_PROTO;
        headers.ip_proto = offset(chain.proto_at);
        if !chain.is_later_fragment && chain.proto != protocol::NO_NEXT {
            headers.transport = offset(chain.start);
            let (bits, above) = transport(source, chain.proto, true, chain.start, end);
            word |= bits;
            presence |= above;
            if above == Presence::ICMPV6 {
                presence |= neighbour(source, bits as u16, chain.start, end, key, headers);
            }
        }
    }
    key.set_word(4, word);
    presence
}

/// Follows extension headers from `at` on: where they lead, what was met on the way, and whether
/// none of them is cut.
#[inline]
fn follow_chain<S: Source>(
    source: S,
    next: u8,
    next_at: usize,
    at: usize,
    end: usize,
) -> (Chain, u16, bool) {
    let mut chain = Chain { proto: next, proto_at: next_at, start: at, ..Chain::default() };
    let mut order = Order::default();
    while order.meet(chain.proto) {
        if follow(source, &mut chain, end).is_none() {
            return (chain, order.flags, false);
        }
        if chain.is_later_fragment {
            break;
        }
    }
    (chain, order.flags, true)
}

/// One step along the chain; `None` when the header is cut.
fn follow<S: Source>(source: S, chain: &mut Chain, end: usize) -> Option<()> {
    let start = chain.start;
    let here = end.checked_sub(start)?;
    let [next, len, third, fourth] = source.bytes(start)?;
    let header_len = match chain.proto {
        protocol::AUTHENTICATION => usize::from(len).wrapping_add(2).wrapping_mul(4),
        protocol::FRAGMENT => 8,
        _ => usize::from(len).wrapping_add(1).wrapping_mul(8),
    };
    if header_len > here {
        return None;
    }
    if chain.proto == protocol::ROUTING {
        chain.is_routed |= fourth != 0;
    }
    if chain.proto == protocol::FRAGMENT {
        let fragment = u16::from_be_bytes([third, fourth]);
        chain.is_fragment |= fragment & 0xfff9 != 0;
        chain.is_later_fragment = fragment & 0xfff8 != 0;
        chain.fragment_id = u32::from_be_bytes(source.bytes(start.wrapping_add(4))?);
    }
    chain.proto = next;
    chain.proto_at = start;
    chain.start = start.wrapping_add(header_len);
    Some(())
}

/// The header above IP, in the bytes from `at` to `end`, which exist: its bits of word 4, and what it
/// is.
#[inline]
fn transport<S: Source>(
    source: S,
    proto: u8,
    is_v6: bool,
    at: usize,
    end: usize,
) -> (u64, Presence) {
    let (header_len, presence) = match (proto, is_v6) {
        (protocol::UDP, _) => (8, Presence::UDP),
        (protocol::TCP, _) => (20, Presence::TCP),
        (protocol::SCTP, _) => (12, Presence::SCTP),
        (protocol::ICMP, false) => (4, Presence::ICMPV4),
        (protocol::ICMPV6, true) => (4, Presence::ICMPV6),
        _ => return (0, Presence::empty()),
    };
    if end.saturating_sub(at) < header_len {
        return (0, Presence::empty());
    }
    let Some(first) = source.bytes::<4>(at) else { return (0, Presence::empty()) };
    let first = u64::from(u32::from_be_bytes(first));
    // Ports are the upper half of the word, type and code its last two bytes.
    let bits = if header_len == 4 { first >> 16 } else { first << 32 };
    (bits, presence)
}

/// The rest of a neighbour solicitation (type 135, code 0) or advertisement (136) and the option
/// that belongs to it.
#[inline(never)]
fn neighbour<S: Source>(
    source: S,
    kind: u16,
    at: usize,
    end: usize,
    key: &mut Key,
    headers: &mut Headers,
) -> Presence {
    let (wanted, word, presence) = match kind {
        0x8700 => (1, 14, Presence::ND_SLL),
        0x8800 => (2, 15, Presence::ND_TLL),
        _ => return Presence::empty(),
    };
    let mut option = at.wrapping_add(24);
    if option > end {
        return Presence::empty();
    }
    let Some(target) = source.bytes(at.wrapping_add(8)) else { return Presence::empty() };
    set_address(key, 12, target);
    while end.saturating_sub(option) >= 8 {
        let Some([number, len, a0, a1, a2, a3, a4, a5]) = source.bytes(option) else { break };
        let option_len = usize::from(len).wrapping_mul(8);
        if option_len == 0 || option_len > end.saturating_sub(option) {
            break;
        }
        if number == wanted {
            key.set_word(word, u64::from_be_bytes([a0, a1, a2, a3, a4, a5, 0, 0]));
            headers.nd_option = offset(option.wrapping_add(2));
            return Presence::ND | presence;
        }
        option = option.wrapping_add(option_len);
    }
    Presence::ND
}

/// Where a chain of extension headers led.
#[derive(Default)]
struct Chain {
    proto: u8,
    proto_at: usize,
    start: usize,
    is_fragment: bool,
    is_later_fragment: bool,
    fragment_id: u32,
    is_routed: bool,
}

/// What was met of a chain so far, and whether in the order that RFC 8200 §4.1 prefers: hop-by-hop,
/// destination, routing, fragment, authentication, encapsulation, destination.
#[derive(Default)]
struct Order {
    flags: u16,
    /// The first place in that order which is still to come.
    place: u8,
    destination_count: u8,
}

impl Order {
    /// Notes the header `proto`; whether it is one with a next header to follow.
    fn meet(&mut self, proto: u8) -> bool {
        let (flag, place) = match proto {
            protocol::HOP_BY_HOP => (exthdr::HOP, 0),
            protocol::ROUTING => (exthdr::ROUTER, 2),
            protocol::FRAGMENT => (exthdr::FRAG, 3),
            protocol::AUTHENTICATION => (exthdr::AUTH, 4),
            protocol::ESP => (exthdr::ESP, 5),
            // The first may come before a routing header, another one before what is above.
            protocol::DESTINATION => (exthdr::DEST, if self.place <= 1 { 1 } else { 6 }),
            protocol::NO_NEXT => {
                self.flags |= exthdr::NONEXT;
                return false;
            }
            _ => return false,
        };
        let repeated = if proto == protocol::DESTINATION {
            self.destination_count = self.destination_count.saturating_add(1);
            self.destination_count > 2
        } else {
            self.flags & flag != 0
        };
        if repeated {
            self.flags |= exthdr::UNREP;
        }
        if place < self.place {
            self.flags |= exthdr::UNSEQ;
        }
        self.place = self.place.max(place.saturating_add(1));
        self.flags |= flag;
        proto != protocol::ESP
    }
}
