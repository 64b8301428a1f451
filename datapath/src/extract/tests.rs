use alloc::vec::Vec;
use alloc::{format, vec};

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use hypercall::{Meta, Port, VecFrame};
use ofp_codec::{Match, Oxm, OxmField};
use proptest::prelude::*;

use super::*;
use crate::key::MaskedKey;
use crate::samples::{
    self, DST, SRC, Scattered, V4_DST, V4_SRC, V6_DST, V6_SRC, arp, ethernet, icmp, ipv4, ipv6,
    labels, packet, pbb, sctp, snap, tagged, tcp, udp,
};

fn value<const N: usize>(bytes: [u8; N]) -> u128 {
    bytes.iter().fold(0, |value, &byte| (value << 8) | u128::from(byte))
}

/// The fields that a frame has, beside ports, metadata and tunnel.
fn fields(bytes: &[u8]) -> Vec<(OxmField, u128)> {
    let key = packet(bytes).key;
    let beside = [OxmField::InPort, OxmField::InPhyPort, OxmField::Metadata, OxmField::TunnelId];
    let named = OxmField::ALL.into_iter().filter(|field| !beside.contains(field));
    named.filter_map(|field| key.get(field).map(|value| (field, value))).collect()
}

fn check(what: &str, bytes: &[u8], expected: &[(OxmField, u128)]) {
    let mut expected = expected.to_vec();
    expected.extend([(OxmField::EthDst, value(DST)), (OxmField::EthSrc, value(SRC))]);
    if !expected.iter().any(|(field, _)| *field == OxmField::VlanVid) {
        expected.push((OxmField::VlanVid, 0));
    }
    expected.sort();
    assert_eq!(fields(bytes), expected, "{what}");
}

const IPV4: [(OxmField, u128); 5] = [
    (OxmField::EthType, 0x0800),
    (OxmField::IpDscp, 0x2e),
    (OxmField::IpEcn, 1),
    (OxmField::Ipv4Src, 0x0a00_0001),
    (OxmField::Ipv4Dst, 0xc0a8_0709),
];

fn v4(more: &[(OxmField, u128)]) -> Vec<(OxmField, u128)> {
    [&IPV4, more].concat()
}

fn v6(more: &[(OxmField, u128)]) -> Vec<(OxmField, u128)> {
    let own = [
        (OxmField::EthType, 0x86dd),
        (OxmField::IpDscp, 0x2e),
        (OxmField::IpEcn, 1),
        (OxmField::Ipv6Flabel, 0x54321),
        (OxmField::Ipv6Src, value(V6_SRC)),
        (OxmField::Ipv6Dst, value(V6_DST)),
    ];
    [&own, more].concat()
}

#[test]
fn link_layers() {
    use OxmField as F;
    check("Ethernet II", &ethernet(0x88b5, &[0; 46]), &[(F::EthType, 0x88b5)]);
    check("802.3", &ethernet(46, &[0x42; 46]), &[(F::EthType, 0x05ff)]);
    check("802.3, cut LLC", &ethernet(46, &[0xaa, 0xaa, 3, 0, 0, 0, 8]), &[(F::EthType, 0x05ff)]);
    check("802.3, longest", &ethernet(0x05ff, &[]), &[(F::EthType, 0x05ff)]);
    check("shortest type", &ethernet(0x0600, &[]), &[(F::EthType, 0x0600)]);
    let mut other = snap(0x0800, &[0; 40]);
    other[19] = 1;
    check("SNAP of another organisation", &other, &[(F::EthType, 0x05ff)]);
    check("SNAP with a length", &snap(0x05dc, &[0; 40]), &[(F::EthType, 0x05ff)]);
    let arp_fields = [
        (F::EthType, 0x0806),
        (F::ArpOp, 2),
        (F::ArpSha, value(SRC)),
        (F::ArpSpa, value(V4_SRC)),
        (F::ArpTha, value(DST)),
        (F::ArpTpa, value(V4_DST)),
    ];
    check("ARP", &ethernet(0x0806, &arp()), &arp_fields);
    check("ARP in SNAP", &snap(0x0806, &arp()), &arp_fields);
    for at in [1, 2, 4, 5] {
        let mut body = arp();
        body[at] ^= 1;
        let what = format!("ARP of other hardware or protocol, byte {at}");
        check(&what, &ethernet(0x0806, &body), &[(F::EthType, 0x0806)]);
    }
    check("reverse ARP", &ethernet(0x8035, &arp()), &[(F::EthType, 0x8035)]);
}

#[test]
fn vlan_tags() {
    use OxmField as F;
    let tag = |vid, pcp, eth_type| [(F::VlanVid, vid), (F::VlanPcp, pcp), (F::EthType, eth_type)];
    check("one tag", &tagged(&[(0x8100, 0xa00a)], 0x88b5, &[]), &tag(0x100a, 5, 0x88b5));
    check("DEI is not matched", &tagged(&[(0x8100, 0x1001)], 0x88b5, &[]), &tag(0x1001, 0, 0x88b5));
    check("priority tag", &tagged(&[(0x88a8, 0)], 0x88b5, &[]), &tag(0x1000, 0, 0x88b5));
    let two = [(0x88a8, 0x2005), (0x8100, 0x6006)];
    check("two tags, the outer", &tagged(&two, 0x88b5, &[]), &tag(0x1005, 1, 0x88b5));
    let tags: Vec<_> = (0..8).map(|vid| (0x8100, vid)).collect();
    check("802.3 behind eight", &tagged(&tags, 10, &[0; 10]), &tag(0x1000, 0, 0x05ff));
    check("0x9100 is a type", &tagged(&[(0x9100, 5)], 0x0800, &[]), &[(F::EthType, 0x9100)]);
    let only_tags: Vec<_> = (0..16_000).map(|_| (0x8100, 7)).collect();
    let frame = tagged(&only_tags, 0x88b5, &[]);
    check("64 KB of tags", &frame, &tag(0x1007, 0, 0x88b5));
    let cut = &tagged(&two, 0x88b5, &[])[..20];
    check("cut inner tag", cut, &[(F::VlanVid, 0x1005), (F::VlanPcp, 1)]);
}

#[test]
fn a_cut_tag_is_neither_there_nor_known_to_be_absent() {
    let frame = &tagged(&[(0x8100, 5)], 0x0800, &[])[..15];
    assert_eq!(
        fields(frame),
        [(OxmField::EthDst, value(DST)), (OxmField::EthSrc, value(SRC))],
        "no VLAN_VID, not even NONE"
    );
    for len in 0..14 {
        assert_eq!(fields(&frame[..len]), [], "{len} bytes have no fields");
    }
}

#[test]
fn shims() {
    use OxmField as F;
    let stack = labels(&[(0xabcde, 5, 9), (17, 0, 8)]);
    let expected = [(F::EthType, 0x8847), (F::MplsLabel, 0xabcde), (F::MplsTc, 5), (F::MplsBos, 0)];
    check("MPLS", &ethernet(0x8847, &stack), &expected);
    check("cut entry", &ethernet(0x8848, &stack[..3]), &[(F::EthType, 0x8848)]);
    let inner = ethernet(0x0800, &ipv4(6, 0, &[], &tcp(false, b"")));
    check("PBB", &pbb(0x123456, &inner), &[(F::EthType, 0x88e7), (F::PbbIsid, 0x123456)]);
    let b_tag = tagged(&[(0x88a8, 9)], 0x88e7, &pbb(7, &inner)[14..]);
    let vid = [(F::VlanVid, 0x1009), (F::VlanPcp, 0), (F::EthType, 0x88e7), (F::PbbIsid, 7)];
    check("PBB with a B-TAG", &b_tag, &vid);
}

#[test]
fn ip_version_4() {
    use OxmField as F;
    let ports = |proto, src, dst| v4(&[(F::IpProto, proto), (src, 0x1234), (dst, 80)]);
    let frame = |proto, fragment, options: &[u8], body: &[u8]| {
        ethernet(0x0800, &ipv4(proto, fragment, options, body))
    };
    let with_tcp = ports(6, F::TcpSrc, F::TcpDst);
    check("TCP", &frame(6, 0, &[], &tcp(false, b"x")), &with_tcp);
    check("options", &frame(6, 0, &[1; 40], &tcp(false, b"x")), &with_tcp);
    check("first fragment", &frame(6, 0x2000, &[], &tcp(false, b"x")), &with_tcp);
    let no_transport = |proto| v4(&[(F::IpProto, proto)]);
    check("later fragment", &frame(6, 0x2001, &[], &tcp(false, b"x")), &no_transport(6));
    check("last fragment", &frame(6, 0x0001, &[], &tcp(false, b"x")), &no_transport(6));
    check("cut TCP", &frame(6, 0, &[], &tcp(false, b"")[..19]), &no_transport(6));
    check("cut UDP", &frame(17, 0, &[], &udp(false, b"")[..7]), &no_transport(17));
    check("cut SCTP", &frame(132, 0, &[], &sctp(b"")[..11]), &no_transport(132));
    check("cut ICMP", &frame(1, 0, &[], &icmp(b"")[..3]), &no_transport(1));
    check("ICMPv6 over IPv4", &frame(58, 0, &[], &icmp(b"")), &no_transport(58));
    let pings = [(F::IpProto, 1), (F::Icmpv4Type, 8), (F::Icmpv4Code, 3)];
    check("ICMP", &frame(1, 0, &[], &icmp(b"")), &v4(&pings));

    // The TCP header lies in the padding behind the packet's own end.
    let mut padded = frame(6, 0, &[], &tcp(false, b""));
    padded[17] = 20 + 19;
    check("padding is not read", &padded, &no_transport(6));
    let malformed = [(F::EthType, 0x0800)];
    for (what, at, byte) in [
        ("version", 14, 0x55),
        ("header length 16", 14, 0x44),
        ("header longer than the packet", 14, 0x4f),
        ("total length below the header", 17, 19),
        ("total length beyond the frame", 17, 41),
    ] {
        let mut bytes = frame(6, 0, &[], &tcp(false, b""));
        bytes[at] = byte;
        check(what, &bytes, &malformed);
    }
}

#[test]
fn ip_version_6() {
    use OxmField as F;
    let chained = |first, chain: &[u8]| ethernet(0x86dd, &ipv6(first, chain));
    let plain = |proto, more: &[(F, u128)]| {
        v6(&[&[(F::IpProto, proto), (F::Ipv6Exthdr, 0)], more].concat())
    };
    let ports = [(F::TcpSrc, 0x1234), (F::TcpDst, 80)];
    check("TCP", &chained(6, &tcp(true, b"")), &plain(6, &ports));
    check("cut TCP", &chained(6, &tcp(true, b"")[..19]), &plain(6, &[]));
    check("ICMP over IPv6", &chained(1, &icmp(b"")), &plain(1, &[]));
    let mut long = chained(6, &tcp(true, b""));
    long[19] += 1;
    check("payload beyond the frame", &long, &[(F::EthType, 0x86dd)]);

    let target = (F::Ipv6NdTarget, value(V6_DST));
    for (kind, option) in [(135, F::Ipv6NdSll), (136, F::Ipv6NdTll)] {
        let types = [(F::Icmpv6Type, u128::from(kind)), (F::Icmpv6Code, 0)];
        let message = samples::neighbour(kind);
        let nd = [types.as_slice(), &[target, (option, 0x0200_0000_0077)]].concat();
        check("neighbour discovery", &chained(58, &message), &plain(58, &nd));
        let bare = [types.as_slice(), &[target]].concat();
        check("without option", &chained(58, &message[..24]), &plain(58, &bare));
        check("cut option", &chained(58, &message[..39]), &plain(58, &bare));
        check("cut target", &chained(58, &message[..23]), &plain(58, &types));
        let mut zero = message.clone();
        zero[25] = 0;
        check("option of no length", &chained(58, &zero), &plain(58, &bare));
        let mut coded = message.clone();
        coded[1] = 1;
        let types = [(F::Icmpv6Type, u128::from(kind)), (F::Icmpv6Code, 1)];
        check("code 1", &chained(58, &coded), &plain(58, &types));
        let mut other = message;
        other[32] = 3 - other[32];
        check("the other one's option", &chained(58, &other), &plain(58, &bare));
    }
}

/// A chain of extension headers by number, TCP behind it; fragments are whole ones.
fn chain(numbers: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let next = numbers.iter().skip(1).copied().chain([6]);
    for (&number, next) in numbers.iter().zip(next) {
        match number {
            51 => body.extend([next, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
            44 => body.extend([next, 0, 0, 0, 9, 9, 9, 9]),
            _ => body.extend([next, 0, 1, 0, 0, 0, 0, 0]),
        }
    }
    body.extend(tcp(true, b"x"));
    ethernet(0x86dd, &ipv6(numbers.first().copied().unwrap_or(6), &body))
}

#[test]
fn extension_headers() {
    const UNREP: u128 = 1 << 7;
    const UNSEQ: u128 = 1 << 8;
    let cases: [(&[u8], u128); 17] = [
        (&[], 0),
        (&[0], 0x40),
        (&[60], 0x08),
        (&[0, 60, 43, 44, 51, 60], 0x40 | 0x08 | 0x20 | 0x10 | 0x04),
        (&[60, 60], 0x08),
        (&[60, 60, 60], 0x08 | UNREP | UNSEQ),
        (&[43, 0], 0x60 | UNSEQ),
        (&[0, 0], 0x40 | UNREP | UNSEQ),
        (&[51, 44], 0x14 | UNSEQ),
        (&[44, 60, 51], 0x1c | UNSEQ),
        (&[60, 43, 60], 0x28),
        (&[43, 60], 0x28),
        (&[43, 44, 43], 0x30 | UNREP | UNSEQ),
        (&[51], 0x04),
        (&[44], 0x10),
        (&[43], 0x20),
        (&[60, 0, 60], 0x48 | UNSEQ),
    ];
    for (numbers, flags) in cases {
        let key = packet(&chain(numbers)).key;
        assert_eq!(key.get(OxmField::Ipv6Exthdr), Some(flags), "{numbers:?}");
        assert_eq!(key.get(OxmField::TcpDst), Some(80), "{numbers:?} hides nothing");
    }
    let key = packet(&chain(&[60; 8000])).key;
    assert_eq!(key.get(OxmField::TcpDst), Some(80), "64 KB of headers");

    let field = |frame: &[u8], field| packet(frame).key.get(field);
    let ends = |first, body: &[u8]| ethernet(0x86dd, &ipv6(first, body));
    let none = ends(0, &[59, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
    assert_eq!(field(&none, OxmField::Ipv6Exthdr), Some(0x41));
    assert_eq!(field(&none, OxmField::IpProto), Some(59));
    let esp = ends(50, &[0; 40]);
    assert_eq!(field(&esp, OxmField::Ipv6Exthdr), Some(0x02));
    assert_eq!(field(&esp, OxmField::IpProto), Some(50));
    let mut later = vec![6, 0, 0, 9, 1, 2, 3, 4];
    later.extend(tcp(true, b""));
    let later = ends(44, &later);
    assert_eq!(field(&later, OxmField::Ipv6Exthdr), Some(0x10));
    assert_eq!(field(&later, OxmField::IpProto), Some(6));
    assert_eq!(field(&later, OxmField::TcpDst), None);
    let cut = ends(0, &[6, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(field(&cut, OxmField::IpProto), None);
    assert_eq!(field(&cut, OxmField::Ipv6Exthdr), Some(0x40), "met, though cut");
    assert_eq!(field(&cut, OxmField::Ipv6Flabel), Some(0x54321));
}

#[test]
fn absent_fields_match_nothing_not_even_zero() {
    let matching = |fields: &[(OxmField, u128)]| {
        let fields = fields.iter().map(|&(field, value)| Oxm::new(field, value));
        MaskedKey::from_match(&Match::new(fields).unwrap())
    };
    let tcp_0 =
        matching(&[(OxmField::EthType, 0x0800), (OxmField::IpProto, 6), (OxmField::TcpDst, 0)]);
    let later = packet(&ethernet(0x0800, &ipv4(6, 1, &[], &[0; 24]))).key;
    assert!(!tcp_0.matches(&later));
    assert_eq!(tcp_0.first_difference(&later), Some(OxmField::TcpDst));
    let cut = packet(&ethernet(0x0800, &[0x45, 0, 0])).key;
    assert_eq!(tcp_0.first_difference(&cut), Some(OxmField::IpProto));
    let untagged = matching(&[(OxmField::VlanVid, 0)]);
    assert!(untagged.matches(&later));
    assert!(!untagged.matches(&packet(&tagged(&[(0x8100, 0)], 0x0800, &[])).key));
    assert!(!untagged.matches(&packet(&ethernet(0x8100, &[0])).key), "a cut tag");
}

#[test]
fn vlan_masks() {
    let matching = |value, mask| {
        let mut key = MaskedKey::ANY;
        key.name(OxmField::VlanVid, value, mask);
        key
    };
    let any_tag = matching(0x1000, Some(0x1000));
    let vid_5 = matching(0x1005, None);
    let vid_0 = matching(0x1000, None);
    let keys = [None, Some(0), Some(5)].map(|vid| match vid {
        Some(vid) => packet(&tagged(&[(0x8100, vid)], 0x0800, &[])).key,
        None => packet(&ethernet(0x0800, &[])).key,
    });
    assert_eq!(keys.map(|key| any_tag.matches(&key)), [false, true, true]);
    assert_eq!(keys.map(|key| vid_5.matches(&key)), [false, false, true]);
    assert_eq!(keys.map(|key| vid_0.matches(&key)), [false, true, false]);
    assert_eq!(matching(0x1005, Some(0x1fff)), vid_5, "an all-ones mask is no mask");
    assert_eq!(matching(0, Some(0)), MaskedKey::ANY, "an all-zeros mask is no field");
    assert_eq!(keys.map(|key| matching(5, None).matches(&key)), [false; 3], "VID without PRESENT");
}

#[test]
fn beside_the_bytes() {
    let meta = Meta { in_phy_port: Port(9), tunnel_id: 77, ..Meta::default() };
    let packet = Packet::new(VecFrame::from_bytes(&[]), Port(3), meta);
    assert_eq!(packet.key.get(OxmField::InPhyPort), Some(9));
    assert_eq!(packet.key.get(OxmField::TunnelId), Some(77));
    let packet = Packet::new(VecFrame::from_bytes(&[]), Port(3), Meta::default());
    assert_eq!(packet.key.get(OxmField::InPhyPort), Some(3), "the ingress port itself");
}

#[test]
fn as_deep_as_asked() {
    let bytes = tagged(&[(0x8100, 5)], 0x0800, &ipv4(6, 0, &[], &tcp(false, b"")));
    let mut packet = Packet::new(VecFrame::from_bytes(&bytes), Port(1), Meta::default());
    packet.ensure(Depth::Nothing);
    assert_eq!(packet.key.get(OxmField::EthDst), None);
    packet.ensure(Depth::Link);
    assert_eq!(packet.key.get(OxmField::EthType), Some(0x0800));
    assert_eq!(packet.key.get(OxmField::Ipv4Dst), None);
    packet.write_metadata(5, 7);
    packet.ensure(Depth::Whole);
    assert_eq!(packet.key.get(OxmField::TcpDst), Some(80));
    assert_eq!(packet.key.get(OxmField::Metadata), Some(5), "kept");
}

#[test]
fn reading_to_the_type_and_then_on_is_reading_at_once() {
    for (name, bytes) in samples::all() {
        for len in 0..=bytes.len() {
            let at_once = packet(&bytes[..len]);
            let frame = VecFrame::from_bytes(&bytes[..len]);
            let mut packet = Packet::new(frame, Port(1), Meta::default());
            packet.ensure(Depth::Link);
            packet.ensure(Depth::Whole);
            assert_eq!(packet.key, at_once.key, "{name} cut at {len}");
            assert_eq!(packet.headers, at_once.headers, "{name} cut at {len}");
        }
    }
}

#[test]
fn every_truncation_of_every_frame_and_every_split_of_it() {
    for (name, bytes) in samples::all() {
        let whole = packet(&bytes).key;
        for len in 0..=bytes.len() {
            let cut = packet(&bytes[..len]);
            for field in OxmField::ALL {
                let what = format!("{name} cut at {len}, {field:?}");
                match (cut.key.get(field), whole.get(field)) {
                    (Some(value), Some(expected)) => {
                        // What is known of a cut SNAP header or chain is less than the whole.
                        let partly = matches!(field, OxmField::EthType | OxmField::Ipv6Exthdr);
                        assert!(value == expected || partly, "{what}");
                    }
                    (Some(_), None) => panic!("{what}: a field from nowhere"),
                    _ => {}
                }
            }
            let frame = Scattered::new(&bytes, len);
            let mut scattered = Packet::new(frame, Port(1), Meta::default());
            extract(&mut scattered);
            assert_eq!(scattered.key, whole, "{name} contiguous up to {len}");
        }
    }
}

/// What another reader says of the same frame, where both read as deep.
fn compare_with_etherparse(bytes: &[u8]) {
    let Ok(theirs) = SlicedPacket::from_ethernet(bytes) else { return };
    let key = packet(bytes).key;
    let get = |field| key.get(field);
    match &theirs.net {
        Some(NetSlice::Ipv4(ip)) => {
            let header = ip.header();
            if get(OxmField::Ipv4Src).is_none() {
                return;
            }
            assert_eq!(get(OxmField::Ipv4Src), Some(value(header.source())));
            assert_eq!(get(OxmField::Ipv4Dst), Some(value(header.destination())));
            assert_eq!(get(OxmField::IpDscp), Some(u128::from(header.dcp().value())));
            assert_eq!(get(OxmField::IpProto), Some(u128::from(header.protocol().0)));
        }
        Some(NetSlice::Ipv6(ip)) => {
            let header = ip.header();
            if get(OxmField::Ipv6Src).is_none() {
                return;
            }
            assert_eq!(get(OxmField::Ipv6Src), Some(value(header.source())));
            assert_eq!(get(OxmField::Ipv6Dst), Some(value(header.destination())));
            assert_eq!(get(OxmField::Ipv6Flabel), Some(header.flow_label().value().into()));
        }
        _ => return,
    }
    match &theirs.transport {
        Some(TransportSlice::Tcp(tcp)) => {
            assert_eq!(get(OxmField::TcpSrc), Some(tcp.source_port().into()));
            assert_eq!(get(OxmField::TcpDst), Some(tcp.destination_port().into()));
        }
        Some(TransportSlice::Udp(udp)) => {
            assert_eq!(get(OxmField::UdpSrc), Some(udp.source_port().into()));
            assert_eq!(get(OxmField::UdpDst), Some(udp.destination_port().into()));
        }
        Some(TransportSlice::Icmpv4(icmp)) => {
            assert_eq!(get(OxmField::Icmpv4Type), Some(icmp.type_u8().into()));
            assert_eq!(get(OxmField::Icmpv4Code), Some(icmp.code_u8().into()));
        }
        Some(TransportSlice::Icmpv6(icmp)) => {
            assert_eq!(get(OxmField::Icmpv6Type), Some(icmp.type_u8().into()));
            assert_eq!(get(OxmField::Icmpv6Code), Some(icmp.code_u8().into()));
        }
        _ => {}
    }
}

#[test]
fn another_reader_agrees_on_every_sample() {
    let mut compared = 0;
    for (_, bytes) in samples::all() {
        let read = SlicedPacket::from_ethernet(&bytes);
        compared += usize::from(read.is_ok_and(|read| read.transport.is_some()));
        compare_with_etherparse(&bytes);
    }
    assert!(compared >= 9, "{compared} frames with a transport that it reads");
}

proptest! {
    #[test]
    fn another_reader_agrees_on_mutated_samples(
        sample in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in 0usize..8,
    ) {
        let samples = samples::all();
        let mut bytes = sample.get(&samples).1.clone();
        for (at, byte) in changes {
            *at.get_mut(&mut bytes) = byte;
        }
        bytes.truncate(bytes.len() - cut);
        compare_with_etherparse(&bytes);
    }

    #[test]
    fn canonical_matches_hold_for_the_packet_they_are_made_from(
        sample in any::<prop::sample::Index>(),
        picks in prop::collection::vec((0usize..40, any::<Option<u128>>()), 0..6),
    ) {
        let samples = samples::all();
        let key = packet(&sample.get(&samples).1).key;
        let mut matching = MaskedKey::ANY;
        for (pick, mask) in picks {
            let field = OxmField::ALL[pick];
            if let Some(value) = key.get(field) {
                matching.name(field, value, mask);
            }
        }
        prop_assert!(matching.matches(&key));
        prop_assert_eq!(matching.first_difference(&key), None);
        prop_assert!(MaskedKey::ANY.contains(&matching) && matching.contains(&matching));
        prop_assert!(matching.overlaps(&MaskedKey::ANY));
        for field in matching.fields() {
            // Without the header the match fails, and says where.
            let mut without = key;
            let lost = crate::fields::place(field).presence;
            if !lost.is_empty() {
                without.set_presence(key.presence() - lost);
                prop_assert!(!matching.matches(&without));
                let missed = matching.first_difference(&without).unwrap();
                prop_assert!(crate::fields::place(missed).presence.intersects(lost));
            }
        }
    }
}

/// A fragment header is met before the chain breaks off: such a packet is a fragment, whatever the rest.
#[test]
fn a_fragment_with_a_cut_chain_is_a_fragment() {
    let fragment = [0, 0, 0, 1, 0, 0, 0, 9];
    let cut = [17, 9, 0, 0];
    let bytes = ethernet(0x86dd, &ipv6(44, &[&fragment[..], &cut].concat()));
    let packet = packet(&bytes);
    assert!(packet.headers.is_fragment);
    assert_eq!(packet.key.get(OxmField::IpProto), None);
}
