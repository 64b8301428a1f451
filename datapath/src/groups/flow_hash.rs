//! The number by which a SELECT group tells flows apart.

use ofp_codec::GroupId;

use crate::fragments::Transport;
use crate::key::{Key, PRESENCE_MASK, Presence};
use crate::mac_table::mix;

/// The hash of one group, with what is the same for all flows made once.
pub(super) struct FlowHash {
    seed: u64,
    start: u64,
    /// What masks the words of the first line, in pairs.
    masks: [[u64; 2]; 4],
}

impl FlowHash {
    #[inline(always)]
    pub(super) fn new(seed: u64, id: GroupId) -> FlowHash {
        let start = mix(seed ^ u64::from(id.0), 0x2545_f491_4f6c_dd1d);
        FlowHash { seed, start, masks: [1, 2, 3, 4].map(|pair| masks(seed, pair)) }
    }

    /// The same for all packets of a flow, and not the same for chained groups: what the headers say,
    /// and the group. Left out is what may differ within a flow: the type of service, VLAN priority and
    /// MPLS traffic class, which routers and meters mark. A later fragment has the transport of its first
    /// one, where that was seen.
    #[inline(always)]
    pub(super) fn of(&self, key: &Key, transport: Transport) -> u64 {
        let presence = key.presence();
        let [w0, w1, w2, w3, w4, w5, w6, w7, ..] = *key.words();
        let w4 = match transport {
            Transport::Own => w4,
            Transport::First(first) => first,
            Transport::Unknown => w4 & 0xff00_0000,
        };
        // in_port without presence; source and VLAN; IPv6's label without its extension headers; the
        // protocol; the label stack entry.
        let w3 = if presence.contains(Presence::IPV6) { w3 & !0xffff_ffff } else { w3 };
        let w7 = if presence.contains(Presence::MPLS) { w7 & !0x000e } else { w7 };
        let [m0, m1, m2, m3] = self.masks;
        // Products that do not wait for each other.
        let first_line = both(w0 & !PRESENCE_MASK, w1, m0)
            ^ both(w2 & !0xe000, w3, m1)
            ^ both(w4 & !0x00ff_0000, w5, m2)
            ^ both(w6, w7, m3);
        // Nobody else has a second line.
        if !presence.intersects(Presence::IPV6.union(Presence::ARP)) {
            return mix(first_line ^ self.start, MULTIPLIER);
        }
        mix(first_line ^ second_line(key, transport, self.seed) ^ self.start, MULTIPLIER)
    }
}

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// What the `pair`th two words of a key are masked with: nobody outside knows it.
#[inline(always)]
fn masks(seed: u64, pair: u32) -> [u64; 2] {
    let a = (seed ^ 0xa076_1d64_78bd_642f).rotate_left(pair.wrapping_mul(7));
    let b = (seed ^ 0xe703_7ed1_a0b4_28db).rotate_right(pair.wrapping_mul(7));
    [a, b]
}

/// Two words of a key: the halves of a product, each factor masked.
#[inline(always)]
fn both(a: u64, b: u64, [mask_a, mask_b]: [u64; 2]) -> u64 {
    let product = u128::from(a ^ mask_a).wrapping_mul(u128::from(b ^ mask_b));
    (product >> 64) as u64 ^ product as u64
}

#[inline(never)]
fn second_line(key: &Key, transport: Transport, seed: u64) -> u64 {
    let [.., w8, w9, w10, w11, w12, w13, w14, w15] = *key.words();
    let discovery = match transport {
        Transport::Own => [w12, w13, w14, w15],
        // What a first fragment without neighbour discovery has there.
        Transport::First(_) | Transport::Unknown => [0; 4],
    };
    let [w12, w13, w14, w15] = discovery;
    both(w8, w9, masks(seed, 5))
        ^ both(w10, w11, masks(seed, 6))
        ^ both(w12, w13, masks(seed, 7))
        ^ both(w14, w15, masks(seed, 8))
}
