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
    let is_ipv6 = presence.contains(Presence::IPV6);
    let is_mpls = presence.contains(Presence::MPLS);
    let start = mix(seed ^ u64::from(id.0), 0x2545_f491_4f6c_dd1d);
    (0_u8..).zip(key.words()).fold(start, |hash, (index, word)| {
        let word = match (index, transport) {
            (4, Transport::First(first)) => first,
            (4, Transport::Unknown) => word & 0xff00_0000,
            (12.., Transport::First(_) | Transport::Unknown) => 0,
            _ => *word,
        };
        let kept = match index {
            // in_port without presence; source and VLAN; IPv6's label without its extension headers;
            // the protocol; the label stack entry.
            0 => !PRESENCE_MASK,
            2 => !0xe000,
            3 if is_ipv6 => !0xffff_ffff,
            4 => !0x00ff_0000,
            7 if is_mpls => !0x000e,
            _ => u64::MAX,
        };
        mix(hash ^ (word & kept), 0x9e37_79b9_7f4a_7c15 ^ seed)
    })
}
