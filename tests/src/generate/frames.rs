//! Random frames with right checksums, some of them cut short.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{ipv4, ipv6, mac, transport_port, vid};

/// What a frame is made of.
#[derive(Clone, Debug)]
pub struct FrameSpec {
    dst: u128,
    src: u128,
    tags: Vec<(u16, u8, u16)>,
    network: Network,
    trailer: usize,
    cut: Option<usize>,
}

#[derive(Clone, Debug)]
enum Network {
    Ipv4 { src: u128, dst: u128, tos: u8, ttl: u8, fragment: u16, options: bool, body: Body },
    Ipv6 { src: u128, dst: u128, class: u8, label: u32, ttl: u8, chain: Vec<u8>, body: Body },
    Arp { op: u16, sha: u128, spa: u128, tha: u128, tpa: u128 },
    Mpls { kind: u16, entries: Vec<(u32, u8, u8)> },
    Snap { kind: u16 },
    Other { kind: u16, len: usize },
}

#[derive(Clone, Debug)]
enum Body {
    Tcp { src: u128, dst: u128 },
    Udp { src: u128, dst: u128, checksum: bool },
    Sctp { src: u128, dst: u128 },
    Icmp { kind: u8, code: u8 },
    Neighbour { kind: u8, target: u128, option: Option<(u8, u128)> },
    Other { proto: u8, len: usize },
}

/// Frames of every kind that the switch reads.
pub fn frame() -> impl Strategy<Value = FrameSpec> {
    let tag = (select(vec![0x8100u16, 0x88a8]), 0u8..8, vid());
    let tags = prop_oneof![
        3 => Just(Vec::new()),
        3 => vec(tag.clone(), 1),
        1 => vec(tag, 2..4),
    ];
    let cut = prop_oneof![9 => Just(None), 1 => (0usize..100).prop_map(Some)];
    (mac(), mac(), tags, network(), 0usize..20, cut).prop_map(
        |(dst, src, tags, network, trailer, cut)| FrameSpec {
            dst,
            src,
            tags,
            network,
            trailer,
            cut,
        },
    )
}

fn network() -> impl Strategy<Value = Network> {
    let fragment = prop_oneof![8 => Just(0u16), 1 => Just(0x4000), 1 => Just(0x2000), 1 => Just(0x2010), 1 => Just(5)];
    let v4 = (ipv4(), ipv4(), any::<u8>(), 0u8..4, fragment, any::<bool>(), body(false)).prop_map(
        |(src, dst, tos, ttl, fragment, options, body)| Network::Ipv4 {
            src,
            dst,
            tos,
            ttl,
            fragment,
            options,
            body,
        },
    );
    let chain = prop_oneof![
        3 => Just(Vec::new()),
        1 => vec(select(vec![0u8, 43, 44, 60, 51]), 1..4),
    ];
    let v6 = (ipv6(), ipv6(), any::<u8>(), 0u32..0x10_0000, 0u8..4, chain, body(true)).prop_map(
        |(src, dst, class, label, ttl, chain, body)| Network::Ipv6 {
            src,
            dst,
            class,
            label,
            ttl,
            chain,
            body,
        },
    );
    let arp = (1u16..3, mac(), ipv4(), mac(), ipv4())
        .prop_map(|(op, sha, spa, tha, tpa)| Network::Arp { op, sha, spa, tha, tpa });
    let entries = vec((select(vec![3u32, 16, 17, 1000]), 0u8..8, 0u8..4), 1..4);
    let mpls = (select(vec![0x8847u16, 0x8848]), entries)
        .prop_map(|(kind, entries)| Network::Mpls { kind, entries });
    prop_oneof![
        5 => v4,
        4 => v6,
        2 => arp,
        2 => mpls,
        1 => select(vec![0x0800u16, 0x88cc]).prop_map(|kind| Network::Snap { kind }),
        1 => (select(vec![0x88ccu16, 0x0600, 0x0026, 0x9100, 0x88e7]), 0usize..60)
            .prop_map(|(kind, len)| Network::Other { kind, len }),
    ]
}

fn body(v6: bool) -> impl Strategy<Value = Body> {
    let neighbour =
        (select(vec![135u8, 136]), ipv6(), proptest::option::of((select(vec![1u8, 2]), mac())))
            .prop_map(move |(kind, target, option)| match v6 {
                true => Body::Neighbour { kind, target, option },
                false => Body::Icmp { kind: 8, code: 0 },
            });
    prop_oneof![
        3 => (transport_port(), transport_port()).prop_map(|(src, dst)| Body::Tcp { src, dst }),
        3 => (transport_port(), transport_port(), any::<bool>())
            .prop_map(move |(src, dst, checksum)| Body::Udp { src, dst, checksum: checksum || v6 }),
        1 => (transport_port(), transport_port()).prop_map(|(src, dst)| Body::Sctp { src, dst }),
        2 => (select(vec![0u8, 8, 3, 128, 129]), 0u8..2)
            .prop_map(|(kind, code)| Body::Icmp { kind, code }),
        1 => neighbour,
        1 => (select(vec![2u8, 47, 59, 89]), 0usize..20)
            .prop_map(|(proto, len)| Body::Other { proto, len }),
    ]
}

impl FrameSpec {
    /// The frame's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        push(&mut out, self.dst, 6);
        push(&mut out, self.src, 6);
        for (kind, pcp, vid) in &self.tags {
            push(&mut out, u128::from(*kind), 2);
            push(&mut out, u128::from(u16::from(*pcp) << 13 | vid), 2);
        }
        self.network.write(&mut out);
        out.resize(out.len() + self.trailer, 0);
        if let Some(cut) = self.cut {
            out.truncate(cut);
        }
        out
    }
}

fn push(out: &mut Vec<u8>, value: u128, len: usize) {
    out.extend_from_slice(&value.to_be_bytes()[16 - len..]);
}

impl Network {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Network::Ipv4 { src, dst, tos, ttl, fragment, options, body } => {
                let mut pseudo = Vec::new();
                push(&mut pseudo, *src, 4);
                push(&mut pseudo, *dst, 4);
                let (proto, payload) = body.write(&pseudo, false);
                let header_len = if *options { 24 } else { 20 };
                let mut header = vec![0x40 | (header_len / 4) as u8, *tos];
                push(&mut header, (header_len + payload.len()) as u128, 2);
                push(&mut header, 0x1234, 2);
                push(&mut header, u128::from(*fragment), 2);
                header.extend([*ttl, proto, 0, 0]);
                header.extend(&pseudo);
                if *options {
                    header.extend([1, 1, 1, 0]);
                }
                let sum = checksum(&header);
                header[10..12].copy_from_slice(&sum.to_be_bytes());
                push(out, 0x0800, 2);
                out.extend(header);
                out.extend(payload);
            }
            Network::Ipv6 { src, dst, class, label, ttl, chain, body } => {
                let mut addresses = Vec::new();
                push(&mut addresses, *src, 16);
                push(&mut addresses, *dst, 16);
                let (proto, payload) = body.write(&addresses, true);
                let extensions = extension_headers(chain, proto);
                push(out, 0x86dd, 2);
                push(out, 6 << 28 | u128::from(*class) << 20 | u128::from(*label), 4);
                push(out, (extensions.len() + payload.len()) as u128, 2);
                out.extend([chain.first().copied().unwrap_or(proto), *ttl]);
                out.extend(addresses);
                out.extend(extensions);
                out.extend(payload);
            }
            Network::Arp { op, sha, spa, tha, tpa } => {
                push(out, 0x0806_0001_0800_0604, 8);
                push(out, u128::from(*op), 2);
                for (value, len) in [(sha, 6), (spa, 4), (tha, 6), (tpa, 4)] {
                    push(out, *value, len);
                }
            }
            Network::Mpls { kind, entries } => {
                push(out, u128::from(*kind), 2);
                for (index, (label, class, ttl)) in entries.iter().enumerate() {
                    let bottom = u128::from(index + 1 == entries.len());
                    let entry = u128::from(*label) << 12 | u128::from(*class) << 9 | bottom << 8;
                    push(out, entry | u128::from(*ttl), 4);
                }
                out.extend([0x45; 30]);
            }
            Network::Snap { kind } => {
                push(out, 38, 2);
                push(out, 0xaaaa_0300_0000, 6);
                push(out, u128::from(*kind), 2);
                out.extend([0; 30]);
            }
            Network::Other { kind, len } => {
                push(out, u128::from(*kind), 2);
                out.extend((0..*len).map(|index| index as u8));
            }
        }
    }
}

/// Eight bytes for each header of the chain.
fn extension_headers(chain: &[u8], proto: u8) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, header) in chain.iter().enumerate() {
        let next = chain.get(index + 1).copied().unwrap_or(proto);
        match header {
            44 => out.extend([next, 0, 0, 0, 0, 0, 0, 9]),
            51 => out.extend([next, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]),
            _ => out.extend([next, 0, 1, 4, 0, 0, 0, 0]),
        }
    }
    out
}

impl Body {
    fn write(&self, addresses: &[u8], v6: bool) -> (u8, Vec<u8>) {
        let mut out = Vec::new();
        let (proto, at) = match self {
            Body::Tcp { src, dst } => {
                push(&mut out, src << 16 | dst, 4);
                push(&mut out, 0x0000_0001_0000_0002_5018_1000_0000_0000, 16);
                out.extend(b"segment");
                (6, Some(16))
            }
            Body::Udp { src, dst, checksum } => {
                push(&mut out, src << 16 | dst, 4);
                push(&mut out, 12 << 16, 4);
                out.extend(b"data");
                (17, checksum.then_some(6))
            }
            Body::Sctp { src, dst } => {
                push(&mut out, src << 16 | dst, 4);
                push(&mut out, 0x1122_3344 << 32, 8);
                push(&mut out, 0x0300_0010_0000_0001_0000_1000_0000_0000, 16);
                let crc = crc32c(&out).to_le_bytes();
                out[8..12].copy_from_slice(&crc);
                (132, None)
            }
            Body::Icmp { kind, code } => {
                out.extend([*kind, *code, 0, 0, 0, 1, 0, 1]);
                out.extend(b"ping");
                (if v6 { 58 } else { 1 }, Some(2))
            }
            Body::Neighbour { kind, target, option } => {
                out.extend([*kind, 0, 0, 0, 0, 0, 0, 0]);
                push(&mut out, *target, 16);
                if let Some((option, address)) = option {
                    out.extend([*option, 1]);
                    push(&mut out, *address, 6);
                }
                (58, Some(2))
            }
            Body::Other { proto, len } => {
                out.resize(*len, 0xab);
                (*proto, None)
            }
        };
        if let Some(at) = at {
            let mut covered = out.clone();
            if proto != 1 {
                covered.extend(addresses);
                if covered.len() % 2 == 1 {
                    covered = out.clone();
                    covered.push(0);
                    covered.extend(addresses);
                }
                push(&mut covered, out.len() as u128, 4);
                push(&mut covered, u128::from(proto), 4);
            }
            let sum = match checksum(&covered) {
                0 if proto == 17 => 0xffff,
                sum => sum,
            };
            out[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        }
        (proto, out)
    }
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn crc32c(bytes: &[u8]) -> u32 {
    crate::oracle::rewrite::crc32c(bytes)
}
