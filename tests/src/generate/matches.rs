//! Random matches: taken from a frame, so that it hits, or made up from the pools.

use ofp_codec::{Match, Oxm, OxmField};

use super::{ipv4, ipv6, isid, label, mac, transport_port, vid};
use crate::oracle::Received;
use crate::oracle::fields::read;
use crate::random::Random;

/// Fields that others ask for.
fn opens_others(field: OxmField) -> bool {
    matches!(
        field,
        OxmField::InPort
            | OxmField::EthType
            | OxmField::VlanVid
            | OxmField::IpProto
            | OxmField::Icmpv6Type
    )
}

/// A match that `received` fulfils as it comes in.
pub fn hitting(random: &mut Random, received: &Received) -> Match {
    let layout = read(&received.frame);
    let in_port = u128::from(received.port);
    let in_phy_port = if received.phy_port == 0 { in_port } else { received.phy_port.into() };
    let deep = layout.get(OxmField::Ipv6NdTarget).is_some();
    let (share, deep) = (random.pick(&[10, 30, 30, 70]), if deep { 80 } else { 40 });
    let value = |field| match field {
        OxmField::InPort => Some(in_port),
        OxmField::InPhyPort => Some(in_phy_port),
        OxmField::Metadata => Some(0),
        OxmField::TunnelId => Some(u128::from(received.tunnel_id)),
        field => layout.get(field),
    };
    // Now and then one field is another's, so that nearly all of it holds.
    let other = if random.chance(15) { Some(random.below(OxmField::ALL.len())) } else { None };
    build(random, share, deep, |random, field| match value(field) {
        Some(_) if other == Some(usize::from(field.number())) => Some(self::value(random, field)),
        value => value,
    })
}

/// A match of values from the pools, of a packet that may exist.
pub fn made_up(random: &mut Random) -> Match {
    let eth_type = random.pick(&[0x0800, 0x86dd, 0x0800, 0x86dd, 0x0806, 0x8847, 0x8848, 0x88e7]);
    let ip_proto = random.pick(&[6, 17, 132, if eth_type == 0x0800 { 1 } else { 58 }]);
    let share = random.pick(&[10, 25, 50]);
    build(random, share, 40, |random, field| {
        Some(match field {
            OxmField::EthType => eth_type,
            OxmField::IpProto => ip_proto,
            field => value(random, field),
        })
    })
}

/// A field's value from its pool, as a match or a set-field gives it.
pub fn value(random: &mut Random, field: OxmField) -> u128 {
    use OxmField::*;
    match field {
        InPort | InPhyPort => u128::from(random.pick(&super::PORTS)),
        Metadata | TunnelId => random.below(4) as u128,
        EthDst | EthSrc | ArpSha | ArpTha | Ipv6NdSll | Ipv6NdTll => mac(random),
        EthType => random.pick(&[0x0800, 0x86dd, 0x0806, 0x8847, 0x88cc]),
        VlanVid if random.chance(20) => 0,
        VlanVid => u128::from(vid(random) | 0x1000),
        VlanPcp | MplsTc => random.below(8) as u128,
        IpDscp => random.pick(&[0, 10, 12, 46, 63]),
        IpEcn => random.below(4) as u128,
        IpProto => random.pick(&[6, 17, 1, 58, 132, 4]),
        Ipv4Src | Ipv4Dst | ArpSpa | ArpTpa => ipv4(random),
        TcpSrc | TcpDst | UdpSrc | UdpDst | SctpSrc | SctpDst => transport_port(random),
        Icmpv4Type => random.pick(&[0, 3, 8]),
        Icmpv4Code | Icmpv6Code | MplsBos => random.below(2) as u128,
        ArpOp => random.pick(&[1, 2]),
        Ipv6Src | Ipv6Dst | Ipv6NdTarget => ipv6(random),
        Ipv6Flabel => random.pick(&[0, 1, 0x12345, 0xf_ffff]),
        Icmpv6Type => random.pick(&[128, 129, 135, 136]),
        MplsLabel => label(random),
        PbbIsid => isid(random),
        Ipv6Exthdr => random.pick(&[0, 1 << 3, 1 << 4, 1 << 6, 1 << 5 | 1 << 8]),
    }
}

/// Some of the fields that `value` knows, in an order that keeps prerequisites: `share` of a hundred,
/// and `deep` times of a hundred all those that others ask for.
fn build(
    random: &mut Random,
    share: usize,
    deep: usize,
    mut value: impl FnMut(&mut Random, OxmField) -> Option<u128>,
) -> Match {
    let mut matching = Match::any();
    // A match that goes deep names everything that opens others.
    let opens = if random.chance(deep) { 100 } else { share.max(50) };
    for field in OxmField::ALL {
        let share = match field {
            field if opens_others(field) => opens,
            // Few packets have these.
            OxmField::Ipv6NdTarget | OxmField::Ipv6NdSll | OxmField::Ipv6NdTll => share.max(50),
            _ => share,
        };
        // What lacks its prerequisite would be refused.
        if !random.chance(share) || !matching.satisfies(field.info().prerequisite) {
            continue;
        }
        let Some(value) = value(random, field) else { continue };
        let masked = if opens == 100 && opens_others(field) { 5 } else { 35 };
        let is_masked = field.info().maskable && random.chance(masked);
        let mask = mask(random, field);
        let _ = matching.push(match is_masked {
            true => Oxm::masked(field, value & mask, mask),
            false => Oxm::new(field, value),
        });
    }
    matching
}

/// A prefix, a suffix, a single bit, or any bits.
fn mask(random: &mut Random, field: OxmField) -> u128 {
    let all = field.all_ones();
    let bits = usize::from(field.info().bits);
    match random.below(6) {
        0 => all << random.below(bits) & all,
        1 => all >> random.below(bits),
        2 => 1 << random.below(bits),
        // The tag's presence alone.
        3 if field == OxmField::VlanVid => 0x1000,
        3 => all,
        4 => 0,
        _ => (u128::from(random.bits()) << 64 | u128::from(random.bits())) & all,
    }
}
