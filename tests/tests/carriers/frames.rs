//! The frames that carry the fields: untagged, tagged once and twice; ARP, IPv4 with and without
//! options, IPv6 with and without extension headers, every transport; MPLS, PBB, and a type that
//! nobody knows.

use crate::stack::Layer::{self, *};
use crate::stack::{Stack, Sum};

/// A frame, and the extension headers it shows (`OFPIEH_*`) if it is IPv6.
#[derive(Clone, Debug)]
pub(crate) struct Carrier {
    pub(crate) name: String,
    pub(crate) stack: Stack,
    pub(crate) extensions: Option<u128>,
}

pub(crate) const ETHERNET: Layer = Ethernet { dst: 0x0222_3344_5566, src: 0x0211_aabb_ccdd };

fn ipv4(options: &[u8]) -> Layer {
    let options = options.to_vec();
    Ipv4 { dscp: 18, ecn: 1, ttl: 64, src: 0xc0a8_0a0a, dst: 0x0a14_1414, options, fragment: 0 }
}

fn ipv6() -> Layer {
    let (src, dst) = (0x2001_0db8 << 96 | 0x1234, 0xfe80 << 112 | 0x02aa_bbff_fecc_dd0e);
    Ipv6 { dscp: 18, ecn: 1, flabel: 0x54321, ttl: 64, src, dst }
}

fn data() -> Layer {
    Data(0, (0..27).collect())
}

fn transports(v6: bool) -> Vec<(&'static str, Layer)> {
    let (src, dst) = (11111, 2222);
    let mut all = vec![
        ("tcp", Tcp { src, dst }),
        ("udp", Udp { src, dst, sum: Sum::Right }),
        ("sctp", Sctp { src, dst }),
    ];
    if v6 {
        let neighbour = |solicits| {
            let (target, address) = (0xfe80 << 112 | 0x77, 0x0211_2233_4455);
            Neighbour { solicits, target, address }
        };
        all.push(("icmpv6", Icmpv6 { kind: 128, code: 5 }));
        all.push(("solicitation", neighbour(true)));
        all.push(("advertisement", neighbour(false)));
    } else {
        all.push(("udp without checksum", Udp { src, dst, sum: Sum::Zero }));
        all.push(("icmp", Icmp { kind: 8, code: 3 }));
    }
    all
}

/// An extension header of `len` bytes, its length field as its kind counts.
fn extension(kind: u8, len: usize) -> Layer {
    let mut rest = vec![0; len - 1];
    match kind {
        // Nothing but a length in units of 8 bytes, and options that are padding.
        0 | 60 => rest[..3].copy_from_slice(&[(len / 8 - 1) as u8, 1, (len - 4) as u8]),
        43 => rest[..3].copy_from_slice(&[(len / 8 - 1) as u8, 4, 0]),
        51 => rest[0] = (len / 4 - 2) as u8,
        // A fragment that is the whole packet.
        44 => rest[6] = 9,
        _ => panic!(),
    }
    Extension { kind, rest }
}

/// Chains of extension headers and the bits that stand for them.
fn chains() -> Vec<(&'static str, Vec<Layer>, u128)> {
    vec![
        ("", vec![], 0),
        ("hop-by-hop, ", vec![extension(0, 8)], 0x40),
        ("hop-by-hop, AH, ", vec![extension(0, 16), extension(51, 24)], 0x44),
        (
            "all in order, ",
            [(0, 8), (60, 8), (43, 24), (44, 8), (51, 16), (60, 16)]
                .map(|(k, l)| extension(k, l))
                .into(),
            0x7c,
        ),
        ("routing twice, ", vec![extension(43, 8), extension(43, 8)], 0x20 | 0x80 | 0x100),
        ("AH before routing, ", vec![extension(51, 16), extension(43, 8)], 0x24 | 0x100),
        ("hop-by-hop late, ", vec![extension(60, 8), extension(0, 8)], 0x48 | 0x100),
    ]
}

/// What is beneath Ethernet and its tags.
fn bodies() -> Vec<(String, Vec<Layer>, Option<u128>)> {
    let arp = Arp {
        op: 1,
        sha: 0x0211_aabb_ccdd,
        spa: 0xc0a8_0a0a,
        tha: 0x0a0b_0c0d_0e0f,
        tpa: 0x0a14_1414,
    };
    let mut all = vec![
        ("arp".to_owned(), vec![arp, Data(0, vec![0; 18])], None),
        ("unknown type".to_owned(), vec![Data(0x88cc, vec![0x5a; 46])], None),
    ];
    for (name, transport) in transports(false) {
        for (title, options) in [("", &[][..]), (" with options", &[0x94, 4, 0, 0, 1, 1, 1, 0][..])]
        {
            let layers = vec![ipv4(options), transport.clone(), data()];
            all.push((format!("ipv4{title}/{name}"), layers, None));
        }
    }
    for (chain, extensions, bits) in chains() {
        for (name, transport) in transports(true) {
            let ends = matches!(transport, Neighbour { .. });
            let above = if ends { vec![transport] } else { vec![transport, data()] };
            let layers = [vec![ipv6()], extensions.clone(), above].concat();
            all.push((format!("ipv6/{chain}{name}"), layers, Some(bits)));
        }
    }
    let label = |label, ttl| Mpls { label, tc: 5, ttl };
    let udp = transports(false).remove(1).1;
    let tcp = transports(true).remove(0).1;
    let one = vec![label(0x54321, 9), ipv4(&[]), udp.clone(), data()];
    all.push(("label/ipv4/udp".to_owned(), one, None));
    let two = vec![label(0x54321, 9), label(16, 77), ipv6(), tcp, data()];
    all.push(("two labels/ipv6/tcp".to_owned(), two, None));
    let tag = Vlan { kind: 0x8100, pcp: 2, vid: 77 };
    let customer = Ethernet { dst: 0x0a00_0000_0001, src: 0x0a00_0000_0002 };
    let inner = vec![Pbb { pcp: 3, isid: 0x0a_bcde }, customer, tag, ipv4(&[]), udp, data()];
    all.push(("i-tag/ethernet/tag/ipv4/udp".to_owned(), inner, None));
    all
}

/// All of them.
pub(crate) fn carriers() -> Vec<Carrier> {
    let outer = Vlan { kind: 0x88a8, pcp: 5, vid: 0xabc };
    let tag = |kind| Vlan { kind, pcp: 3, vid: 100 };
    let heads = [
        ("", vec![ETHERNET]),
        ("tag/", vec![ETHERNET, tag(0x8100)]),
        ("service tag/", vec![ETHERNET, tag(0x88a8)]),
        ("two tags/", vec![ETHERNET, outer, tag(0x8100)]),
    ];
    let mut all = Vec::new();
    for (head, front) in heads {
        for (body, layers, extensions) in bodies() {
            let stack = Stack([front.clone(), layers].concat());
            all.push(Carrier { name: format!("{head}{body}"), stack, extensions });
        }
    }
    all
}
