//! Random match fields and matches, with their prerequisites before them.

use proptest::prelude::*;
use proptest::sample::subsequence;
use rumpswitch_ofp_codec::*;

use OxmField::*;

/// Fields that any match may have.
const ANY: &[OxmField] = &[InPort, InPhyPort, Metadata, EthDst, EthSrc, VlanVid, VlanPcp, TunnelId];
/// Fields of any IP packet.
const IP: [OxmField; 2] = [IpDscp, IpEcn];

/// A sort of packet: exact fields that must be there, and fields that may follow.
type Sort = (Vec<(OxmField, u128)>, Vec<OxmField>);

/// The sorts of packets that matches tell apart.
fn sorts() -> Vec<Sort> {
    let ipv4 = |proto: u128, more: &[OxmField]| {
        let fields = [&IP[..], &[Ipv4Src, Ipv4Dst], more].concat();
        (vec![(EthType, 0x0800), (IpProto, proto)], fields)
    };
    let ipv6 = |proto: u128, more: &[OxmField]| {
        let fields = [&IP[..], &[Ipv6Src, Ipv6Dst, Ipv6Flabel, Ipv6Exthdr], more].concat();
        (vec![(EthType, 0x86dd), (IpProto, proto)], fields)
    };
    let nd = |icmpv6_type: u128, fields: &[OxmField]| {
        let exact = vec![(EthType, 0x86dd), (IpProto, 58), (Icmpv6Type, icmpv6_type)];
        (exact, [&[Ipv6Dst, Icmpv6Code][..], fields].concat())
    };
    vec![
        (vec![], vec![]),
        (vec![(EthType, 0x88cc)], vec![]),
        (vec![(EthType, 0x0806)], vec![ArpOp, ArpSpa, ArpTpa, ArpSha, ArpTha]),
        (vec![(EthType, 0x8847)], vec![MplsLabel, MplsTc, MplsBos]),
        (vec![(EthType, 0x88e7)], vec![PbbIsid]),
        (vec![(EthType, 0x0800)], vec![IpDscp, IpEcn, IpProto, Ipv4Src, Ipv4Dst]),
        ipv4(6, &[TcpSrc, TcpDst]),
        ipv4(17, &[UdpSrc, UdpDst]),
        ipv4(132, &[SctpSrc, SctpDst]),
        ipv4(1, &[Icmpv4Type, Icmpv4Code]),
        ipv6(6, &[TcpSrc, TcpDst]),
        ipv6(17, &[UdpSrc, UdpDst]),
        ipv6(58, &[Icmpv6Type, Icmpv6Code]),
        nd(135, &[Ipv6NdTarget, Ipv6NdSll]),
        nd(136, &[Ipv6NdTarget, Ipv6NdTll]),
    ]
}

/// A mask that the field may carry.
fn mask(field: OxmField) -> BoxedStrategy<Option<u128>> {
    let all_ones = field.all_ones();
    let wire_ones = u128::MAX >> (128 - 8 * u32::from(field.info().len));
    let whole = prop_oneof![4 => Just(None), 1 => Just(Some(all_ones)), 1 => Just(Some(wire_ones)),
        1 => Just(Some(0))];
    if field.info().maskable {
        prop_oneof![1 => whole, 1 => any::<u128>().prop_map(move |mask| Some(mask & all_ones))]
            .boxed()
    } else {
        whole.boxed()
    }
}

/// A valid entry for this field.
pub(crate) fn oxm(field: OxmField) -> impl Strategy<Value = Oxm> {
    (any::<u128>(), mask(field)).prop_map(move |(value, mask)| Oxm {
        field,
        value: value & field.all_ones() & mask.unwrap_or(u128::MAX),
        mask,
    })
}

/// A valid exact entry for a field that can be set.
pub(crate) fn settable_oxm() -> impl Strategy<Value = Oxm> {
    let settable: Vec<_> =
        OxmField::ALL.into_iter().filter(|field| field.info().settable).collect();
    (proptest::sample::select(settable), any::<u128>()).prop_map(|(field, value)| {
        let present = if field == VlanVid { u128::from(VID_PRESENT) } else { 0 };
        Oxm::new(field, value & field.all_ones() | present)
    })
}

fn fields(fields: Vec<OxmField>) -> impl Strategy<Value = Vec<Oxm>> {
    let count = fields.len();
    subsequence(fields, 0..=count)
        .prop_flat_map(|chosen| chosen.into_iter().map(oxm).collect::<Vec<_>>())
}

/// A valid match.
pub(crate) fn matching() -> impl Strategy<Value = Match> {
    (fields(ANY.to_vec()), proptest::sample::select(sorts()))
        .prop_flat_map(|(first, (exact, more))| (Just(first), Just(exact), fields(more)))
        .prop_map(|(first, exact, more)| {
            let exact = exact.into_iter().map(|(field, value)| Oxm::new(field, value));
            let mut matching = Match::any();
            for oxm in first.into_iter().chain(exact).chain(more) {
                // Of the random ones some lack a prerequisite, and are left out.
                let _ = matching.push(oxm);
            }
            matching
        })
}
