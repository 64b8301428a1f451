//! The number by which a SELECT group tells flows apart.

use ofp_codec::GroupId;

use crate::fragments::Transport;
use crate::key::{Key, PRESENCE_MASK, Presence};
use crate::mac_table::mix;

/// The same for all packets of a flow, and not the same for chained groups: what the headers say,
/// and the group. Left out is what may differ within a flow: the type of service, VLAN priority and
/// MPLS traffic class, which routers and meters mark. A later fragment has the transport of its first
/// one, where that was seen.
pub(super) fn flow_hash(key: &Key, transport: Transport, seed: u64, id: GroupId) -> u64 {
    let presence = key.presence();
    let mix = |hash: u64, word: u64| mix(hash ^ word, 0x9e37_79b9_7f4a_7c15 ^ seed);
    let start = self::mix(seed ^ u64::from(id.0), 0x2545_f491_4f6c_dd1d);
    let [w0, w1, w2, w3, w4, w5, w6, w7, addresses @ .., w12, w13, w14, w15] = *key.words();
    let w4 = match transport {
        Transport::Own => w4,
        Transport::First(first) => first,
        Transport::Unknown => w4 & 0xff00_0000,
    };
    let is_ipv6 = presence.contains(Presence::IPV6);
    // in_port without presence; source and VLAN; IPv6's label without its extension headers; the
    // protocol; the label stack entry.
    let first_line = [
        w0 & !PRESENCE_MASK,
        w1,
        w2 & !0xe000,
        if is_ipv6 { w3 & !0xffff_ffff } else { w3 },
        w4 & !0x00ff_0000,
        w5,
        w6,
        if presence.contains(Presence::MPLS) { w7 & !0x000e } else { w7 },
    ];
    let hash = first_line.into_iter().fold(start, mix);
    // Nobody else has a second line.
    if !presence.intersects(Presence::IPV6.union(Presence::ARP)) {
        return hash;
    }
    let discovery = match transport {
        Transport::Own => [w12, w13, w14, w15],
        // What a first fragment without neighbour discovery has there.
        Transport::First(_) | Transport::Unknown => [0; 4],
    };
    addresses.into_iter().chain(discovery).fold(hash, mix)
}
