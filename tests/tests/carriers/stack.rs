//! Frames as stacks of layers, built from the outside in with every length, type and checksum computed
//! from the start, and the same stacks asked for a field or with a field set: what the switch reads
//! from bytes and changes in bytes is here read from and changed in values.

use ofp_codec::OxmField::{self, *};
use rumpswitch_tests::oracle::checksums::{crc32c, internet};

/// What UDP's checksum is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sum {
    Right,
    /// None was computed.
    Zero,
}

/// One header, without what follows from its neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    Ethernet {
        dst: u128,
        src: u128,
    },
    Vlan {
        kind: u16,
        pcp: u16,
        vid: u16,
    },
    Mpls {
        label: u32,
        tc: u32,
        ttl: u8,
    },
    /// Followed by the customer's Ethernet.
    Pbb {
        pcp: u32,
        isid: u32,
    },
    /// Names another type than that of what follows.
    Typed(u16),
    /// Names another protocol than that of what follows, here and in pseudo-headers.
    Protocol(u8),
    /// Another bottom-of-stack bit than what follows from what follows.
    Bottom(bool),
    Arp {
        op: u16,
        sha: u128,
        spa: u32,
        tha: u128,
        tpa: u32,
    },
    Ipv4 {
        dscp: u8,
        ecn: u8,
        ttl: u8,
        src: u32,
        dst: u32,
        options: Vec<u8>,
        fragment: u16,
    },
    Ipv6 {
        dscp: u8,
        ecn: u8,
        flabel: u32,
        ttl: u8,
        src: u128,
        dst: u128,
    },
    /// An extension header: all of it but its next-header byte.
    Extension {
        kind: u8,
        rest: Vec<u8>,
    },
    Tcp {
        src: u16,
        dst: u16,
    },
    Udp {
        src: u16,
        dst: u16,
        sum: Sum,
    },
    Sctp {
        src: u16,
        dst: u16,
    },
    Icmp {
        kind: u8,
        code: u8,
    },
    Icmpv6 {
        kind: u8,
        code: u8,
    },
    /// A neighbour solicitation, or an advertisement, with its option.
    Neighbour {
        solicits: bool,
        target: u128,
        address: u128,
    },
    Data(u16, Vec<u8>),
}
use Layer as L;

/// Headers, outermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stack(pub(crate) Vec<Layer>);

/// What a transport's pseudo-header takes from IP.
#[derive(Clone)]
struct Pseudo {
    addresses: Vec<u8>,
    v6: bool,
    proto: u8,
}

fn be(out: &mut Vec<u8>, value: u128, len: usize) {
    out.extend_from_slice(&value.to_be_bytes()[16 - len..]);
}

/// The number by which a layer is named in front of it.
fn number(layers: &[Layer]) -> u16 {
    match layers {
        [L::Typed(kind), ..] => *kind,
        [L::Protocol(proto), ..] => u16::from(*proto),
        [L::Vlan { kind, .. }, ..] => *kind,
        [L::Mpls { .. } | L::Bottom(_), ..] => 0x8847,
        [L::Pbb { .. }, ..] => 0x88e7,
        [L::Arp { .. }, ..] => 0x0806,
        [L::Ipv4 { .. }, ..] => 0x0800,
        [L::Ipv6 { .. }, ..] => 0x86dd,
        [L::Extension { kind, .. }, ..] => u16::from(*kind),
        [L::Tcp { .. }, ..] => 6,
        [L::Udp { .. }, ..] => 17,
        [L::Sctp { .. }, ..] => 132,
        [L::Icmp { .. }, ..] => 1,
        [L::Icmpv6 { .. } | L::Neighbour { .. }, ..] => 58,
        [L::Data(kind, _), ..] => *kind,
        [L::Ethernet { .. }, ..] | [] => panic!("no number names {layers:?}"),
    }
}

/// The protocol that the transport's pseudo-header names: that of the last header of the chain.
fn transport_proto(layers: &[Layer]) -> u8 {
    let last = layers.iter().position(|layer| !matches!(layer, L::Extension { .. })).unwrap();
    number(&layers[last..]) as u8
}

/// Bytes of the layers, given what is in front of them.
fn bytes(layers: &[Layer], pseudo: Option<&Pseudo>) -> Vec<u8> {
    let Some((first, rest)) = layers.split_first() else { return Vec::new() };
    let mut out = Vec::new();
    match first {
        L::Typed(_) | L::Protocol(_) | L::Bottom(_) => return bytes(rest, pseudo),
        L::Ethernet { dst, src } => {
            be(&mut out, *dst, 6);
            be(&mut out, *src, 6);
            be(&mut out, number(rest).into(), 2);
        }
        L::Vlan { pcp, vid, .. } => {
            be(&mut out, u128::from(pcp << 13 | vid), 2);
            be(&mut out, number(rest).into(), 2);
        }
        L::Mpls { label, tc, ttl } => {
            let bottom = match rest.first() {
                Some(L::Bottom(bottom)) => *bottom,
                next => !matches!(next, Some(L::Mpls { .. })),
            };
            let entry = label << 12 | tc << 9 | u32::from(bottom) << 8 | u32::from(*ttl);
            be(&mut out, entry.into(), 4);
        }
        L::Pbb { pcp, isid } => be(&mut out, u128::from(pcp << 29 | isid), 4),
        L::Arp { op, sha, spa, tha, tpa } => {
            be(&mut out, 0x0001_0800_0604, 6);
            be(&mut out, (*op).into(), 2);
            be(&mut out, *sha, 6);
            be(&mut out, (*spa).into(), 4);
            be(&mut out, *tha, 6);
            be(&mut out, (*tpa).into(), 4);
        }
        L::Ipv4 { .. } => return ipv4(first, rest),
        L::Ipv6 { .. } => return ipv6(first, rest),
        L::Extension { rest: body, .. } => {
            out.push(number(rest) as u8);
            out.extend(body);
        }
        L::Data(_, data) => out.extend(data),
        transport => return segment(transport, rest, pseudo),
    }
    out.extend(bytes(rest, pseudo));
    out
}

fn ipv4(layer: &Layer, rest: &[Layer]) -> Vec<u8> {
    let L::Ipv4 { dscp, ecn, ttl, src, dst, options, fragment } = layer else { panic!() };
    let proto = transport_proto(rest);
    let mut addresses = Vec::new();
    be(&mut addresses, (*src).into(), 4);
    be(&mut addresses, (*dst).into(), 4);
    let payload = bytes(rest, Some(&Pseudo { addresses: addresses.clone(), v6: false, proto }));
    let len = 20 + options.len();
    let mut out = vec![0x40 | (len / 4) as u8, dscp << 2 | ecn];
    be(&mut out, (len + payload.len()) as u128, 2);
    be(&mut out, 0xbeef, 2);
    be(&mut out, (*fragment).into(), 2);
    out.extend([*ttl, proto, 0, 0]);
    out.extend(addresses);
    out.extend(options);
    let sum = internet(&out).to_be_bytes();
    out[10..12].copy_from_slice(&sum);
    out.extend(payload);
    out
}

fn ipv6(layer: &Layer, rest: &[Layer]) -> Vec<u8> {
    let L::Ipv6 { dscp, ecn, flabel, ttl, src, dst } = layer else { panic!() };
    let mut addresses = Vec::new();
    be(&mut addresses, *src, 16);
    be(&mut addresses, *dst, 16);
    let proto = transport_proto(rest);
    let payload = bytes(rest, Some(&Pseudo { addresses: addresses.clone(), v6: true, proto }));
    let mut out = Vec::new();
    be(&mut out, u128::from(6u32 << 28 | u32::from(dscp << 2 | ecn) << 20 | flabel), 4);
    be(&mut out, payload.len() as u128, 2);
    out.extend([number(rest) as u8, *ttl]);
    out.extend(addresses);
    out.extend(payload);
    out
}

/// A transport header, what it carries, and its checksum.
fn segment(layer: &Layer, rest: &[Layer], pseudo: Option<&Pseudo>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut ports = |src: u16, dst: u16| {
        be(&mut out, src.into(), 2);
        be(&mut out, dst.into(), 2);
    };
    let body = bytes(rest, pseudo);
    let at = match layer {
        L::Tcp { src, dst } => {
            ports(*src, *dst);
            out.extend([1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x18, 0x20, 0, 0, 0, 0, 0]);
            16
        }
        L::Udp { src, dst, .. } => {
            ports(*src, *dst);
            be(&mut out, (8 + body.len()) as u128, 2);
            out.extend([0, 0]);
            6
        }
        L::Sctp { src, dst } => {
            ports(*src, *dst);
            out.extend([9, 8, 7, 6, 0, 0, 0, 0]);
            out.extend(body);
            let crc = crc32c(&out).to_le_bytes();
            out[8..12].copy_from_slice(&crc);
            return out;
        }
        L::Icmp { kind, code } | L::Icmpv6 { kind, code } => {
            out.extend([*kind, *code, 0, 0]);
            2
        }
        L::Neighbour { solicits, target, address } => {
            out.extend([if *solicits { 135 } else { 136 }, 0, 0, 0, 0x60, 0, 0, 0]);
            be(&mut out, *target, 16);
            // An option that nobody asks for stands first.
            out.extend([14, 1, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf]);
            out.extend([if *solicits { 1 } else { 2 }, 1]);
            be(&mut out, *address, 6);
            2
        }
        other => panic!("{other:?} is no transport"),
    };
    out.extend(body);
    if matches!(layer, L::Udp { sum: Sum::Zero, .. }) {
        return out;
    }
    let mut covered = Vec::new();
    if let Some(Pseudo { addresses, v6, proto }) =
        pseudo.filter(|_| !matches!(layer, L::Icmp { .. }))
    {
        covered.extend(addresses);
        be(&mut covered, out.len() as u128, if *v6 { 4 } else { 2 });
        be(&mut covered, (*proto).into(), if *v6 { 4 } else { 2 });
    }
    covered.extend(&out);
    let sum = match internet(&covered) {
        0 if matches!(layer, L::Udp { .. }) => 0xffff,
        sum => sum,
    };
    out[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    out
}

impl Stack {
    /// The frame.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        bytes(&self.0, None)
    }

    /// The headers that OpenFlow reads: up to the first that hides what is beneath.
    fn seen(&self) -> usize {
        let hides = |layer: &Layer| matches!(layer, L::Mpls { .. } | L::Pbb { .. });
        self.0.iter().position(hides).map_or(self.0.len(), |at| at + 1)
    }

    /// Where what the field is in stands.
    fn place(&self, field: OxmField) -> Option<usize> {
        self.0[..self.seen()].iter().position(|layer| match (layer, field) {
            (L::Ethernet { .. }, EthDst | EthSrc)
            | (L::Vlan { .. }, VlanVid | VlanPcp)
            | (L::Mpls { .. }, MplsLabel | MplsTc | MplsBos)
            | (L::Pbb { .. }, PbbIsid)
            | (L::Arp { .. }, ArpOp | ArpSha | ArpSpa | ArpTha | ArpTpa)
            | (L::Ipv4 { .. } | L::Ipv6 { .. }, IpDscp | IpEcn | IpProto)
            | (L::Ipv4 { .. }, Ipv4Src | Ipv4Dst)
            | (L::Ipv6 { .. }, Ipv6Src | Ipv6Dst | Ipv6Flabel | Ipv6Exthdr)
            | (L::Tcp { .. }, TcpSrc | TcpDst)
            | (L::Udp { .. }, UdpSrc | UdpDst)
            | (L::Sctp { .. }, SctpSrc | SctpDst)
            | (L::Icmp { .. }, Icmpv4Type | Icmpv4Code)
            | (L::Icmpv6 { .. } | L::Neighbour { .. }, Icmpv6Type | Icmpv6Code)
            | (L::Neighbour { .. }, Ipv6NdTarget) => true,
            (L::Neighbour { solicits, .. }, Ipv6NdSll) => *solicits,
            (L::Neighbour { solicits, .. }, Ipv6NdTll) => !*solicits,
            _ => false,
        })
    }

    /// Where the type stands behind all tags.
    fn typed(&self) -> usize {
        self.0.iter().position(|l| !matches!(l, L::Ethernet { .. } | L::Vlan { .. })).unwrap()
    }

    /// The field as the switch has to read it; `None` when the frame has no such field. Extension
    /// headers' bits are not told here.
    pub(crate) fn get(&self, field: OxmField) -> Option<u128> {
        match field {
            EthType => return Some(number(&self.0[self.typed()..]).into()),
            VlanVid if self.place(field).is_none() => return Some(0),
            Metadata | TunnelId => return Some(0),
            InPort | InPhyPort => return Some(1),
            _ => {}
        }
        let at = self.place(field)?;
        let rest = &self.0[at + 1..];
        Some(match (&self.0[at], field) {
            (L::Ethernet { dst, .. }, EthDst) => *dst,
            (L::Ethernet { src, .. }, EthSrc) => *src,
            (L::Vlan { vid, .. }, VlanVid) => u128::from(vid | 0x1000),
            (L::Vlan { pcp, .. }, VlanPcp) => u128::from(*pcp),
            (L::Mpls { label, .. }, MplsLabel) => u128::from(*label),
            (L::Mpls { tc, .. }, MplsTc) => u128::from(*tc),
            (L::Mpls { .. }, MplsBos) => u128::from(!matches!(rest, [L::Mpls { .. }, ..])),
            (L::Pbb { isid, .. }, PbbIsid) => u128::from(*isid),
            (L::Arp { op, .. }, ArpOp) => u128::from(*op),
            (L::Arp { sha, .. }, ArpSha) => *sha,
            (L::Arp { spa, .. }, ArpSpa) => u128::from(*spa),
            (L::Arp { tha, .. }, ArpTha) => *tha,
            (L::Arp { tpa, .. }, ArpTpa) => u128::from(*tpa),
            (L::Ipv4 { dscp, .. } | L::Ipv6 { dscp, .. }, IpDscp) => u128::from(*dscp),
            (L::Ipv4 { ecn, .. } | L::Ipv6 { ecn, .. }, IpEcn) => u128::from(*ecn),
            (L::Ipv4 { .. } | L::Ipv6 { .. }, IpProto) => u128::from(transport_proto(rest)),
            (L::Ipv4 { src, .. }, Ipv4Src) => u128::from(*src),
            (L::Ipv4 { dst, .. }, Ipv4Dst) => u128::from(*dst),
            (L::Ipv6 { src, .. }, Ipv6Src) => *src,
            (L::Ipv6 { dst, .. }, Ipv6Dst) => *dst,
            (L::Ipv6 { flabel, .. }, Ipv6Flabel) => u128::from(*flabel),
            (L::Tcp { src, .. }, TcpSrc)
            | (L::Udp { src, .. }, UdpSrc)
            | (L::Sctp { src, .. }, SctpSrc) => u128::from(*src),
            (L::Tcp { dst, .. }, TcpDst)
            | (L::Udp { dst, .. }, UdpDst)
            | (L::Sctp { dst, .. }, SctpDst) => u128::from(*dst),
            (L::Icmp { kind, .. }, Icmpv4Type) | (L::Icmpv6 { kind, .. }, Icmpv6Type) => {
                u128::from(*kind)
            }
            (L::Icmp { code, .. }, Icmpv4Code) | (L::Icmpv6 { code, .. }, Icmpv6Code) => {
                u128::from(*code)
            }
            (L::Neighbour { solicits, .. }, Icmpv6Type) => {
                if *solicits {
                    135
                } else {
                    136
                }
            }
            (L::Neighbour { .. }, Icmpv6Code) => 0,
            (L::Neighbour { target, .. }, Ipv6NdTarget) => *target,
            (L::Neighbour { address, .. }, Ipv6NdSll | Ipv6NdTll) => *address,
            _ => return None,
        })
    }

    /// The same frame with another value in the field, which it has.
    pub(crate) fn with(&self, field: OxmField, value: u128) -> Stack {
        let mut changed = self.clone();
        let at = match field {
            EthType => self.typed(),
            _ => self.place(field).unwrap(),
        };
        let last = || {
            let skipped = self.0[at + 1..].iter().position(|l| !matches!(l, L::Extension { .. }));
            at + 1 + skipped.unwrap()
        };
        match (&mut changed.0[at], field) {
            (_, EthType) => changed.0.insert(at, L::Typed(value as u16)),
            (_, IpProto) => changed.0.insert(last(), L::Protocol(value as u8)),
            (_, MplsBos) => changed.0.insert(at + 1, L::Bottom(value == 1)),
            (L::Ethernet { dst, .. }, EthDst) => *dst = value,
            (L::Ethernet { src, .. }, EthSrc) => *src = value,
            (L::Vlan { vid, .. }, VlanVid) => *vid = value as u16 & 0xfff,
            (L::Vlan { pcp, .. }, VlanPcp) => *pcp = value as u16,
            (L::Mpls { label, .. }, MplsLabel) => *label = value as u32,
            (L::Mpls { tc, .. }, MplsTc) => *tc = value as u32,
            (L::Pbb { isid, .. }, PbbIsid) => *isid = value as u32,
            (L::Arp { op, .. }, ArpOp) => *op = value as u16,
            (L::Arp { sha, .. }, ArpSha) => *sha = value,
            (L::Arp { spa, .. }, ArpSpa) => *spa = value as u32,
            (L::Arp { tha, .. }, ArpTha) => *tha = value,
            (L::Arp { tpa, .. }, ArpTpa) => *tpa = value as u32,
            (L::Ipv4 { dscp, .. } | L::Ipv6 { dscp, .. }, IpDscp) => *dscp = value as u8,
            (L::Ipv4 { ecn, .. } | L::Ipv6 { ecn, .. }, IpEcn) => *ecn = value as u8,
            (L::Ipv4 { src, .. }, Ipv4Src) => *src = value as u32,
            (L::Ipv4 { dst, .. }, Ipv4Dst) => *dst = value as u32,
            (L::Ipv6 { src, .. }, Ipv6Src) => *src = value,
            (L::Ipv6 { dst, .. }, Ipv6Dst) => *dst = value,
            (L::Ipv6 { flabel, .. }, Ipv6Flabel) => *flabel = value as u32,
            (L::Tcp { src, .. } | L::Udp { src, .. } | L::Sctp { src, .. }, _)
                if matches!(field, TcpSrc | UdpSrc | SctpSrc) =>
            {
                *src = value as u16
            }
            (L::Tcp { dst, .. } | L::Udp { dst, .. } | L::Sctp { dst, .. }, _) => {
                *dst = value as u16
            }
            (L::Icmp { kind, .. } | L::Icmpv6 { kind, .. }, Icmpv4Type | Icmpv6Type) => {
                *kind = value as u8
            }
            (L::Icmp { code, .. } | L::Icmpv6 { code, .. }, _) => *code = value as u8,
            (L::Neighbour { target, .. }, Ipv6NdTarget) => *target = value,
            (L::Neighbour { address, .. }, Ipv6NdSll | Ipv6NdTll) => *address = value,
            (layer, _) => panic!("{field:?} cannot be set in {layer:?} here"),
        }
        changed
    }
}
