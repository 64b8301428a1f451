//! The match fields of a frame, read one after the other as the standard words them (§7.2.3.7,
//! appendix of header layouts). Slow and plain: a list of (field, value), every header parsed anew.

use ofp_codec::OxmField::{self, *};

/// Where the headers of a frame lie, as far as they are whole.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// The fields that can be read from the bytes.
    pub fields: Vec<(OxmField, u128)>,
    /// Offset of the outermost VLAN tag's type.
    pub vlan: Option<usize>,
    /// Offset of the type behind all VLAN tags.
    pub eth_type: Option<usize>,
    /// Offset of the outermost MPLS label stack entry.
    pub mpls: Option<usize>,
    /// Offset of the I-TAG.
    pub pbb: Option<usize>,
    /// Offset of an ARP body for IPv4 over Ethernet.
    pub arp: Option<usize>,
    /// Offset and header length of IPv4.
    pub ipv4: Option<(usize, usize)>,
    /// Offset of IPv6.
    pub ipv6: Option<usize>,
    /// Where the IPv6 next-header field of the transport is.
    pub ipv6_proto_at: Option<usize>,
    /// Transport protocol, offset and end, when its first bytes are in this frame.
    pub transport: Option<Transport>,
    /// What is above IP, known or not, and where it begins; not in later fragments.
    pub above: Option<(u8, usize)>,
    /// Whether IPv6's destination is a waypoint: a routing header has segments left.
    pub waypoint: bool,
    /// Whether the frame is a fragment of an IP packet.
    pub fragment: bool,
}

/// A transport header that is there.
#[derive(Clone, Copy, Debug)]
pub struct Transport {
    /// IP protocol number.
    pub proto: u8,
    /// Where it begins.
    pub start: usize,
    /// Where the IP payload ends.
    pub end: usize,
}

impl Layout {
    /// The value of a field that the bytes hold.
    pub fn get(&self, field: OxmField) -> Option<u128> {
        self.fields.iter().find(|(named, _)| *named == field).map(|(_, value)| *value)
    }

    fn set(&mut self, field: OxmField, value: u128) {
        self.fields.push((field, value));
    }
}

/// `len` bytes at `at` as a number, when they are there.
pub fn number(bytes: &[u8], at: usize, len: usize) -> Option<u128> {
    let slice = bytes.get(at..at.checked_add(len)?)?;
    Some(slice.iter().fold(0, |value, byte| value << 8 | u128::from(*byte)))
}

/// Reads a frame.
pub fn read(bytes: &[u8]) -> Layout {
    let mut layout = Layout::default();
    let (Some(dst), Some(src), Some(_)) =
        (number(bytes, 0, 6), number(bytes, 6, 6), number(bytes, 12, 2))
    else {
        return layout;
    };
    layout.set(EthDst, dst);
    layout.set(EthSrc, src);
    let mut at = 12;
    loop {
        let Some(kind) = number(bytes, at, 2) else { return layout };
        if kind != 0x8100 && kind != 0x88a8 {
            break;
        }
        let Some(tci) = number(bytes, at + 2, 2) else { return layout };
        if layout.vlan.is_none() {
            layout.vlan = Some(at);
            layout.set(VlanVid, 0x1000 | tci & 0xfff);
            layout.set(VlanPcp, tci >> 13);
        }
        at += 4;
    }
    if layout.vlan.is_none() {
        layout.set(VlanVid, 0);
    }
    let Some(mut kind) = number(bytes, at, 2) else { return layout };
    let mut body = at + 2;
    if kind < 0x0600 {
        // 802.3: only SNAP with a zero organisation carries a type.
        let snap = number(bytes, body, 6) == Some(0xaaaa_0300_0000);
        match number(bytes, body + 6, 2) {
            Some(inner) if snap && inner >= 0x0600 => {
                kind = inner;
                at = body + 6;
                body += 8;
            }
            _ => {
                layout.set(EthType, 0x05ff);
                return layout;
            }
        }
    }
    layout.eth_type = Some(at);
    layout.set(EthType, kind);
    match kind {
        0x0800 => ipv4(bytes, body, &mut layout),
        0x86dd => ipv6(bytes, body, &mut layout),
        0x0806 => arp(bytes, body, &mut layout),
        0x8847 | 0x8848 => {
            if let Some(entry) = number(bytes, body, 4) {
                layout.mpls = Some(body);
                layout.set(MplsLabel, entry >> 12);
                layout.set(MplsTc, entry >> 9 & 7);
                layout.set(MplsBos, entry >> 8 & 1);
            }
        }
        0x88e7 => {
            if let Some(isid) = number(bytes, body + 1, 3) {
                layout.pbb = Some(body);
                layout.set(PbbIsid, isid);
            }
        }
        _ => (),
    }
    layout
}

fn arp(bytes: &[u8], at: usize, layout: &mut Layout) {
    if number(bytes, at, 6) != Some(0x0001_0800_0604) || number(bytes, at, 28).is_none() {
        return;
    }
    layout.arp = Some(at);
    for (field, offset, len) in
        [(ArpOp, 6, 2), (ArpSha, 8, 6), (ArpSpa, 14, 4), (ArpTha, 18, 6), (ArpTpa, 24, 4)]
    {
        if let Some(value) = number(bytes, at + offset, len) {
            layout.set(field, value);
        }
    }
}

fn ipv4(bytes: &[u8], at: usize, layout: &mut Layout) {
    let Some(first) = number(bytes, at, 1) else { return };
    let header_len = (first as usize & 15) * 4;
    let left = bytes.len() - at;
    let total = number(bytes, at + 2, 2).unwrap_or(0) as usize;
    if first >> 4 != 4 || header_len < 20 || header_len > left || total < header_len || total > left
    {
        return;
    }
    layout.ipv4 = Some((at, header_len));
    let tos = u128::from(bytes[at + 1]);
    layout.set(IpDscp, tos >> 2);
    layout.set(IpEcn, tos & 3);
    layout.set(IpProto, u128::from(bytes[at + 9]));
    layout.set(Ipv4Src, number(bytes, at + 12, 4).unwrap());
    layout.set(Ipv4Dst, number(bytes, at + 16, 4).unwrap());
    let fragment = number(bytes, at + 6, 2).unwrap() as u16;
    layout.fragment = fragment & 0x3fff != 0;
    if fragment & 0x1fff == 0 {
        let proto = bytes[at + 9];
        layout.above = Some((proto, at + header_len));
        transport(bytes, Transport { proto, start: at + header_len, end: at + total }, layout);
    }
}

fn ipv6(bytes: &[u8], at: usize, layout: &mut Layout) {
    let Some(first) = number(bytes, at, 4) else { return };
    if first >> 28 != 6 || number(bytes, at, 40).is_none() {
        return;
    }
    let payload = number(bytes, at + 4, 2).unwrap() as usize;
    let end = at + 40 + payload;
    if end > bytes.len() {
        return;
    }
    layout.ipv6 = Some(at);
    let class = first >> 20 & 0xff;
    layout.set(IpDscp, class >> 2);
    layout.set(IpEcn, class & 3);
    layout.set(Ipv6Flabel, first & 0xfffff);
    layout.set(Ipv6Src, number(bytes, at + 8, 16).unwrap());
    layout.set(Ipv6Dst, number(bytes, at + 24, 16).unwrap());
    chain(bytes, at, end, layout);
}

/// Walks the extension headers; what they are goes to IPV6_EXTHDR, what follows to IP_PROTO.
fn chain(bytes: &[u8], at: usize, end: usize, layout: &mut Layout) {
    const NONEXT: u128 = 1;
    const UNREP: u128 = 1 << 7;
    const UNSEQ: u128 = 1 << 8;
    let mut flags = 0;
    let mut seen: Vec<u8> = Vec::new();
    let mut next_at = at + 6;
    let mut here = at + 40;
    let mut later_fragment = false;
    loop {
        let next = bytes[next_at];
        let bit = match next {
            0 => 1 << 6,
            43 => 1 << 5,
            44 => 1 << 4,
            51 => 1 << 2,
            50 => 1 << 1,
            60 => 1 << 3,
            59 => NONEXT,
            _ => break,
        };
        flags |= bit;
        if next == 59 {
            break;
        }
        let count = seen.iter().filter(|earlier| **earlier == next).count();
        if count >= if next == 60 { 2 } else { 1 } {
            flags |= UNREP;
        }
        seen.push(next);
        if !in_order(&seen) {
            flags |= UNSEQ;
        }
        if next == 50 {
            // What ESP carries cannot be read.
            break;
        }
        let len = match next {
            44 => 8,
            51 => (number(bytes, here + 1, 1).unwrap_or(0) as usize + 2) * 4,
            _ => (number(bytes, here + 1, 1).unwrap_or(0) as usize + 1) * 8,
        };
        if here + 2 > end || here + len > end {
            // A cut chain: the transport is not known.
            layout.set(Ipv6Exthdr, flags);
            return;
        }
        if next == 43 {
            layout.waypoint |= bytes[here + 3] > 0;
        }
        if next == 44 {
            let offset = number(bytes, here + 2, 2).unwrap();
            layout.fragment |= offset & 0xfff9 != 0;
            later_fragment = offset & 0xfff8 != 0;
        }
        next_at = here;
        here += len;
        if later_fragment {
            break;
        }
    }
    layout.set(Ipv6Exthdr, flags);
    layout.ipv6_proto_at = Some(next_at);
    let proto = bytes[next_at];
    layout.set(IpProto, u128::from(proto));
    if !later_fragment && proto != 59 {
        layout.above = Some((proto, here));
        transport(bytes, Transport { proto, start: here, end }, layout);
    }
}

/// The order that the IPv6 text prefers: hop-by-hop, destination, routing, fragment, AH, ESP,
/// destination.
fn in_order(seen: &[u8]) -> bool {
    const ORDER: [u8; 7] = [0, 60, 43, 44, 51, 50, 60];
    let mut rest = ORDER.iter();
    seen.iter().all(|header| rest.any(|place| place == header))
}

fn transport(bytes: &[u8], transport: Transport, layout: &mut Layout) {
    let Transport { proto, start, end } = transport;
    let bytes = &bytes[..end.min(bytes.len())];
    let needed = match proto {
        6 => 20,
        17 => 8,
        132 => 12,
        1 | 58 => 4,
        _ => return,
    };
    let v4 = layout.ipv4.is_some();
    if proto == 1 && !v4 || proto == 58 && v4 || number(bytes, start, needed).is_none() {
        return;
    }
    layout.transport = Some(transport);
    let pair = |at: usize, len: usize| number(bytes, at, len).unwrap();
    let fields = match proto {
        6 => [(TcpSrc, pair(start, 2)), (TcpDst, pair(start + 2, 2))],
        17 => [(UdpSrc, pair(start, 2)), (UdpDst, pair(start + 2, 2))],
        132 => [(SctpSrc, pair(start, 2)), (SctpDst, pair(start + 2, 2))],
        1 => [(Icmpv4Type, pair(start, 1)), (Icmpv4Code, pair(start + 1, 1))],
        _ => [(Icmpv6Type, pair(start, 1)), (Icmpv6Code, pair(start + 1, 1))],
    };
    layout.fields.extend(fields);
    if proto == 58 && matches!(bytes[start], 135 | 136) && bytes[start + 1] == 0 {
        neighbour(bytes, start, layout);
    }
}

fn neighbour(bytes: &[u8], start: usize, layout: &mut Layout) {
    let Some(target) = number(bytes, start + 8, 16) else { return };
    layout.set(Ipv6NdTarget, target);
    let mut at = start + 24;
    while let (Some(kind), Some(len)) = (number(bytes, at, 1), number(bytes, at + 1, 1)) {
        let len = len as usize * 8;
        if len == 0 || number(bytes, at, len.min(16)).is_none() || at + len > bytes.len() {
            return;
        }
        let field = match (bytes[start], kind) {
            (135, 1) => Some(Ipv6NdSll),
            (136, 2) => Some(Ipv6NdTll),
            _ => None,
        };
        if let Some(field) = field
            && layout.get(field).is_none()
        {
            layout.set(field, number(bytes, at + 2, 6).unwrap());
        }
        at += len;
    }
}
