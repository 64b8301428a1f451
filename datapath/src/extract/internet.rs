//! IPv4, IPv6 with its extension headers, and what is above them.

use hypercall::Frame;

use super::{Parser, offset};
use crate::key::Presence;

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

impl<F: Frame> Parser<'_, F> {
    /// An IPv4 header whose lengths agree with the frame.
    pub(super) fn ipv4(&mut self, at: usize) -> Option<()> {
        let header = self.bytes::<20>(at)?;
        let [version_len, tos, l0, l1, id0, id1, f0, f1, _ttl, proto, _, _, addresses @ ..] =
            header;
        let header_len = usize::from(version_len & 15).wrapping_mul(4);
        let total_len = usize::from(u16::from_be_bytes([l0, l1]));
        let here = self.len.saturating_sub(at);
        if version_len >> 4 != 4 || header_len < 20 || total_len < header_len || total_len > here {
            return None;
        }
        self.key.set_word(3, u64::from_be_bytes(addresses));
        self.key.set_word(4, (u64::from(proto) << 24) | (u64::from(tos) << 16));
        self.presence |= Presence::IP | Presence::IPV4 | Presence::IP_PROTO;
        let fragment = u16::from_be_bytes([f0, f1]) & 0x3fff;
        self.headers.network = offset(at);
        self.headers.network_end = offset(at.saturating_add(total_len));
        self.headers.ip_proto = offset(at.saturating_add(9));
        if fragment != 0 {
            self.headers.is_fragment = true;
            self.headers.fragment_id = u32::from_be_bytes([0, 0, id0, id1]);
        }
        if fragment & 0x1fff != 0 {
            return None;
        }
        let start = at.saturating_add(header_len);
        self.headers.transport = offset(start);
        self.transport(proto, false, start, at.saturating_add(total_len))
    }

    /// An IPv6 header whose length agrees with the frame, and its chain of extension headers.
    pub(super) fn ipv6(&mut self, at: usize) -> Option<()> {
        let [b0, b1, b2, b3, l0, l1, next, _hop_limit] = self.bytes::<8>(at)?;
        let src: [u8; 16] = self.bytes(at.saturating_add(8))?;
        let dst: [u8; 16] = self.bytes(at.saturating_add(24))?;
        let start = at.saturating_add(40);
        let end = start.saturating_add(usize::from(u16::from_be_bytes([l0, l1])));
        if b0 >> 4 != 6 || end > self.len {
            return None;
        }
        let tos = (b0 << 4) | (b1 >> 4);
        let flabel = u32::from_be_bytes([0, b1 & 15, b2, b3]);
        self.key.set_word(3, u64::from(flabel) << 32);
        self.key.set_word(4, u64::from(tos) << 16);
        self.set_address(8, src);
        self.set_address(10, dst);
        self.presence |= Presence::IP | Presence::IPV6;
        self.headers.network = offset(at);
        self.headers.network_end = offset(end);
        let (chain, flags, is_whole) = self.chain(next, at.saturating_add(6), start, end);
        self.or_word(3, u64::from(flags));
        self.headers.is_fragment = chain.is_fragment;
        self.headers.fragment_id = chain.fragment_id;
        self.headers.is_routed = chain.is_routed;
        if !is_whole {
            return None;
        }
        self.or_word(4, u64::from(chain.proto) << 24);
        self.presence |= Presence::IP_PROTO;
        self.headers.ip_proto = offset(chain.proto_at);
        if chain.is_later_fragment || chain.proto == protocol::NO_NEXT {
            return None;
        }
        self.headers.transport = offset(chain.start);
        self.transport(chain.proto, true, chain.start, end)
    }

    /// Follows extension headers from `at` on: where they lead, what was met on the way, and whether
    /// none of them is cut.
    fn chain(&self, next: u8, next_at: usize, at: usize, end: usize) -> (Chain, u16, bool) {
        let mut chain = Chain { proto: next, proto_at: next_at, start: at, ..Chain::default() };
        let mut order = Order::default();
        while order.meet(chain.proto) {
            if self.follow(&mut chain, end).is_none() {
                return (chain, order.flags, false);
            }
            if chain.is_later_fragment {
                break;
            }
        }
        (chain, order.flags, true)
    }

    /// One step along the chain; `None` when the header is cut.
    fn follow(&self, chain: &mut Chain, end: usize) -> Option<()> {
        let start = chain.start;
        let here = end.checked_sub(start)?;
        let [next, len, third, fourth] = self.bytes(start)?;
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
            chain.fragment_id = u32::from_be_bytes(self.bytes(start.saturating_add(4))?);
        }
        chain.proto = next;
        chain.proto_at = start;
        chain.start = start.saturating_add(header_len);
        Some(())
    }

    /// The header above IP, in the bytes from `at` to `end`.
    fn transport(&mut self, proto: u8, v6: bool, at: usize, end: usize) -> Option<()> {
        let here = end.saturating_sub(at);
        let (header_len, presence) = match (proto, v6) {
            (protocol::TCP, _) => (20, Presence::TCP),
            (protocol::UDP, _) => (8, Presence::UDP),
            (protocol::SCTP, _) => (12, Presence::SCTP),
            (protocol::ICMP, false) => (4, Presence::ICMPV4),
            (protocol::ICMPV6, true) => (4, Presence::ICMPV6),
            _ => return None,
        };
        if here < header_len {
            return None;
        }
        let first = self.bytes::<4>(at)?;
        self.presence |= presence;
        if presence.intersects(Presence::ICMPV4 | Presence::ICMPV6) {
            let [kind, code, ..] = first;
            self.or_word(4, u64::from(u16::from_be_bytes([kind, code])));
            if presence == Presence::ICMPV6 && code == 0 && matches!(kind, 135 | 136) {
                self.neighbour(kind, at, end);
            }
        } else {
            self.or_word(4, u64::from(u32::from_be_bytes(first)) << 32);
        }
        Some(())
    }

    /// A neighbour solicitation (135) or advertisement (136) and the option that belongs to it.
    fn neighbour(&mut self, kind: u8, at: usize, end: usize) -> Option<()> {
        let mut option = at.saturating_add(24);
        if option > end {
            return None;
        }
        let target: [u8; 16] = self.bytes(at.saturating_add(8))?;
        self.set_address(12, target);
        self.presence |= Presence::ND;
        let (wanted, word, presence) = match kind {
            135 => (1, 14, Presence::ND_SLL),
            _ => (2, 15, Presence::ND_TLL),
        };
        loop {
            if end.saturating_sub(option) < 8 {
                return None;
            }
            let [number, len, a0, a1, a2, a3, a4, a5] = self.bytes(option)?;
            let option_len = usize::from(len).wrapping_mul(8);
            if option_len == 0 || option_len > end.saturating_sub(option) {
                return None;
            }
            if number == wanted {
                self.key.set_word(word, u64::from_be_bytes([a0, a1, a2, a3, a4, a5, 0, 0]));
                self.headers.nd_option = offset(option.saturating_add(2));
                self.presence |= presence;
                return Some(());
            }
            option = option.saturating_add(option_len);
        }
    }
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
