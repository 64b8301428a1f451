//! Frames for tests: one of every protocol, built by hand, and a check of all their checksums by
//! adding them up from the start.

use alloc::vec::Vec;
use alloc::{string::String, vec};

use hypercall::{Frame, Meta, Port, VecFrame};

use crate::checksum::{crc32c, internet_checksum};
use crate::extract::extract;
use crate::key::Presence;
use crate::packet::Packet;

pub(crate) const DST: [u8; 6] = [0x02, 0, 0, 0, 0, 0x0d];
pub(crate) const SRC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x05];

pub(crate) fn packet(bytes: &[u8]) -> Packet<VecFrame> {
    let mut packet = Packet::new(VecFrame::from_bytes(bytes), Port(1), Meta::default());
    extract(&mut packet);
    packet
}

pub(crate) fn ethernet(eth_type: u16, payload: &[u8]) -> Vec<u8> {
    tagged(&[], eth_type, payload)
}

/// `tags` are (type, TCI), outermost first.
pub(crate) fn tagged(tags: &[(u16, u16)], eth_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = [DST, SRC].concat();
    for (kind, tci) in tags {
        frame.extend(kind.to_be_bytes());
        frame.extend(tci.to_be_bytes());
    }
    frame.extend(eth_type.to_be_bytes());
    frame.extend(payload);
    frame
}

pub(crate) fn snap(eth_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut body = vec![0xaa, 0xaa, 3, 0, 0, 0];
    body.extend(eth_type.to_be_bytes());
    body.extend(payload);
    ethernet(body.len() as u16, &body)
}

pub(crate) const V4_SRC: [u8; 4] = [10, 0, 0, 1];
pub(crate) const V4_DST: [u8; 4] = [192, 168, 7, 9];

/// An IPv4 packet; `fragment` is the word with flags and offset.
pub(crate) fn ipv4(proto: u8, fragment: u16, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let header_len = 20 + options.len();
    let total = (header_len + payload.len()) as u16;
    let [l0, l1] = total.to_be_bytes();
    let [f0, f1] = fragment.to_be_bytes();
    let mut header = vec![0x40 | (header_len / 4) as u8, 0xb9, l0, l1, 0x12, 0x34, f0, f1];
    header.extend([64, proto, 0, 0]);
    header.extend(V4_SRC);
    header.extend(V4_DST);
    header.extend(options);
    let checksum = internet_checksum(&header).to_be_bytes();
    header[10..12].copy_from_slice(&checksum);
    header.extend(payload);
    header
}

pub(crate) const V6_SRC: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0xff, 0xfe, 0, 0, 5];
pub(crate) const V6_DST: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

/// An IPv6 packet whose first next header is `next`.
pub(crate) fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let [l0, l1] = (payload.len() as u16).to_be_bytes();
    // Traffic class 0xb9, flow label 0x54321.
    let mut header = vec![0x6b, 0x95, 0x43, 0x21, l0, l1, next, 64];
    header.extend(V6_SRC);
    header.extend(V6_DST);
    header.extend(payload);
    header
}

fn pseudo_v4(proto: u8, len: usize) -> Vec<u8> {
    let mut pseudo = [V4_SRC, V4_DST].concat();
    pseudo.extend([0, proto]);
    pseudo.extend((len as u16).to_be_bytes());
    pseudo
}

fn pseudo_v6(proto: u8, len: usize) -> Vec<u8> {
    let mut pseudo = [V6_SRC, V6_DST].concat();
    pseudo.extend((len as u32).to_be_bytes());
    pseudo.extend([0, 0, 0, proto]);
    pseudo
}

/// Puts the checksum over `pseudo` and `segment` at `at`.
fn sealed(mut segment: Vec<u8>, pseudo: &[u8], at: usize) -> Vec<u8> {
    let covered = [pseudo, &segment].concat();
    let checksum = internet_checksum(&covered).to_be_bytes();
    segment[at..at + 2].copy_from_slice(&checksum);
    segment
}

fn pseudo(v6: bool, proto: u8, len: usize) -> Vec<u8> {
    if v6 { pseudo_v6(proto, len) } else { pseudo_v4(proto, len) }
}

pub(crate) fn tcp(v6: bool, payload: &[u8]) -> Vec<u8> {
    let mut segment = vec![0x12, 0x34, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x18, 1, 0, 0, 0, 0, 0];
    segment.extend(payload);
    let pseudo = pseudo(v6, 6, segment.len());
    sealed(segment, &pseudo, 16)
}

pub(crate) fn udp(v6: bool, payload: &[u8]) -> Vec<u8> {
    let mut segment = vec![0x12, 0x34, 0, 53, 0, 0, 0, 0];
    segment.extend(payload);
    let len = (segment.len() as u16).to_be_bytes();
    segment[4..6].copy_from_slice(&len);
    let pseudo = pseudo(v6, 17, segment.len());
    sealed(segment, &pseudo, 6)
}

pub(crate) fn sctp(payload: &[u8]) -> Vec<u8> {
    let mut segment = vec![0x12, 0x34, 0, 99, 1, 2, 3, 4, 0, 0, 0, 0];
    segment.extend(payload);
    let crc = crc32c(&segment).to_le_bytes();
    segment[8..12].copy_from_slice(&crc);
    segment
}

pub(crate) fn icmp(payload: &[u8]) -> Vec<u8> {
    let mut segment = vec![8, 3, 0, 0, 1, 2, 3, 4];
    segment.extend(payload);
    sealed(segment, &[], 2)
}

pub(crate) fn icmpv6(kind: u8, code: u8, body: &[u8]) -> Vec<u8> {
    let mut segment = vec![kind, code, 0, 0];
    segment.extend(body);
    let pseudo = pseudo_v6(58, segment.len());
    sealed(segment, &pseudo, 2)
}

/// A solicitation (135) or advertisement (136) with a nonce option before the address option.
pub(crate) fn neighbour(kind: u8) -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend(V6_DST);
    body.extend([14, 1, 9, 9, 9, 9, 9, 9]);
    body.extend([kind - 134, 1, 2, 0, 0, 0, 0, 0x77]);
    icmpv6(kind, 0, &body)
}

pub(crate) fn arp() -> Vec<u8> {
    let mut body = vec![0, 1, 8, 0, 6, 4, 0, 2];
    body.extend(SRC);
    body.extend(V4_SRC);
    body.extend(DST);
    body.extend(V4_DST);
    body
}

/// Label stack entries as (label, class, ttl), the last with the bottom-of-stack bit.
pub(crate) fn labels(stack: &[(u32, u32, u32)]) -> Vec<u8> {
    let bottom = |at: usize| u32::from(at + 1 == stack.len()) << 8;
    let entry = |(at, &(label, tc, ttl)): (usize, &(u32, u32, u32))| {
        ((label << 12) | (tc << 9) | bottom(at) | ttl).to_be_bytes()
    };
    stack.iter().enumerate().flat_map(entry).collect()
}

pub(crate) fn pbb(isid: u32, customer: &[u8]) -> Vec<u8> {
    let mut body = (0x6000_0000 | isid).to_be_bytes().to_vec();
    body.extend(customer);
    ethernet(0x88e7, &body)
}

/// One frame of every kind, with a name.
pub(crate) fn all() -> Vec<(String, Vec<u8>)> {
    let mut frames: Vec<(&str, Vec<u8>)> = vec![
        ("802.3", ethernet(46, &[0x42; 46])),
        ("unknown type", ethernet(0x88b5, &[7; 46])),
        ("arp", ethernet(0x0806, &arp())),
        ("snap arp", snap(0x0806, &arp())),
        ("tcp", ethernet(0x0800, &ipv4(6, 0, &[], &tcp(false, b"hello")))),
        ("padded tcp", {
            let mut frame = ethernet(0x0800, &ipv4(6, 0x4000, &[], &tcp(false, b"h")));
            frame.extend([0x55; 9]);
            frame
        }),
        ("options udp", ethernet(0x0800, &ipv4(17, 0, &[1; 8], &udp(false, b"x")))),
        ("tagged sctp", tagged(&[(0x8100, 0x600a)], 0x0800, &ipv4(132, 0, &[], &sctp(b"chunk")))),
        ("snap icmp", snap(0x0800, &ipv4(1, 0, &[], &icmp(b"ping")))),
        ("first fragment", ethernet(0x0800, &ipv4(6, 0x2000, &[], &tcp(false, b"12345678")))),
        ("later fragment", ethernet(0x0800, &ipv4(6, 0x2003, &[], &[1; 24]))),
        ("v6 tcp", ethernet(0x86dd, &ipv6(6, &tcp(true, b"six")))),
        ("v6 udp", tagged(&[(0x88a8, 5), (0x8100, 0xe006)], 0x86dd, &ipv6(17, &udp(true, b"ab")))),
        ("v6 sctp", ethernet(0x86dd, &ipv6(132, &sctp(b"abc")))),
        ("echo v6", ethernet(0x86dd, &ipv6(58, &icmpv6(128, 0, b"echo")))),
        ("solicitation", ethernet(0x86dd, &ipv6(58, &neighbour(135)))),
        ("advertisement", ethernet(0x86dd, &ipv6(58, &neighbour(136)))),
        ("mpls", ethernet(0x8847, &[labels(&[(16, 5, 9), (17, 0, 8)]), vec![0; 30]].concat())),
        ("mpls over ip", {
            let inner = ipv4(17, 0, &[], &udp(false, b"in"));
            tagged(&[(0x8100, 7)], 0x8848, &[labels(&[(1_000_000, 7, 255)]), inner].concat())
        }),
        ("pbb", pbb(0x0a_bcde, &ethernet(0x0800, &ipv4(6, 0, &[], &tcp(false, b"c"))))),
        ("ip in ip", {
            let inner = ipv4(17, 0, &[], &udp(false, b"in"));
            ethernet(0x0800, &ipv4(4, 0, &[], &inner))
        }),
    ];
    // Hop-by-hop, destination, routing (no segment left), a whole fragment, destination, TCP.
    let mut chain = vec![60, 0, 1, 4, 0, 0, 0, 0];
    chain.extend([43, 0, 1, 4, 0, 0, 0, 0]);
    chain.extend([44, 0, 4, 0, 0, 0, 0, 0]);
    chain.extend([60, 0, 0, 0, 1, 2, 3, 4]);
    chain.extend([6, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    chain.extend(tcp(true, b"chained"));
    frames.push(("v6 chain", ethernet(0x86dd, &ipv6(0, &chain))));
    let mut later = vec![17, 0, 0, 9, 1, 2, 3, 4];
    later.extend([3; 16]);
    frames.push(("v6 later fragment", ethernet(0x86dd, &ipv6(44, &later))));
    let tags: Vec<(u16, u16)> = (0..8).map(|tag| (0x8100, 0x2000 | tag)).collect();
    frames.push(("8 tags", tagged(&tags, 0x0800, &ipv4(6, 0, &[], &tcp(false, b"deep")))));
    frames.into_iter().map(|(name, frame)| (name.into(), frame)).collect()
}

/// Adds up every checksum of the packet from the start.
pub(crate) fn assert_checksums(packet: &Packet<VecFrame>, what: &str) {
    let frame = packet.frame.headers();
    let (headers, key) = (packet.headers, &packet.key);
    let network = headers.network as usize;
    if key.has(Presence::IPV4) {
        let len = usize::from(frame[network] & 15) * 4;
        assert_eq!(internet_checksum(&frame[network..network + len]), 0, "{what}: IPv4");
    }
    if headers.transport == 0 || headers.is_fragment {
        return;
    }
    let segment = &frame[headers.transport as usize..headers.network_end as usize];
    let proto = frame[headers.ip_proto as usize];
    let mut covered = Vec::new();
    if key.has(Presence::IPV4) && !key.has(Presence::ICMPV4) {
        covered.extend(&frame[network + 12..network + 20]);
    } else if key.has(Presence::IPV6) {
        covered.extend(&frame[network + 8..network + 40]);
    }
    if !covered.is_empty() {
        covered.extend((segment.len() as u32).to_be_bytes());
        covered.extend([0, 0, 0, proto]);
    }
    covered.extend(segment);
    let sums = Presence::TCP | Presence::UDP | Presence::ICMPV4 | Presence::ICMPV6;
    if key.has(Presence::UDP) && segment[6..8] == [0, 0] {
        return;
    }
    if key.presence().intersects(sums) {
        assert_eq!(internet_checksum(&covered), 0, "{what}: transport");
    }
    if key.has(Presence::SCTP) {
        let mut message = segment.to_vec();
        let crc = message[8..12].to_vec();
        message[8..12].fill(0);
        assert_eq!(crc, crc32c(&message).to_le_bytes(), "{what}: SCTP");
    }
}

/// A frame of which only the first bytes are contiguous, on a host without memory: it makes no more
/// of them contiguous and has no room in front.
#[derive(Clone, Debug)]
pub(crate) struct Scattered {
    pub(crate) bytes: Vec<u8>,
    prefix: usize,
}

impl Scattered {
    pub(crate) fn new(bytes: &[u8], prefix: usize) -> Scattered {
        Scattered { bytes: bytes.to_vec(), prefix: prefix.min(bytes.len()) }
    }
}

impl Frame for Scattered {
    fn len(&self) -> usize {
        self.bytes.len()
    }
    fn headers(&self) -> &[u8] {
        &self.bytes[..self.prefix]
    }
    fn headers_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.prefix]
    }
    fn pull(&mut self, len: usize) -> bool {
        len <= self.prefix
    }
    fn read_at(&self, offset: usize, into: &mut [u8]) -> bool {
        match self.bytes.get(offset..offset + into.len()) {
            Some(bytes) => {
                into.copy_from_slice(bytes);
                true
            }
            None => false,
        }
    }
    fn grow_front(&mut self, _: usize) -> bool {
        false
    }
    fn shrink_front(&mut self, count: usize) -> bool {
        if count > self.prefix {
            return false;
        }
        self.bytes.drain(..count);
        self.prefix -= count;
        true
    }
    fn grow_back(&mut self, _: usize) -> bool {
        false
    }
}

/// Nanoseconds that this thread has had of a processor.
pub(crate) fn cpu_nanos() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0.0)
}
