//! Random frames with right checksums, some of them cut short or with a byte wrong.

use super::{ipv4, ipv6, isid, label, mac, transport_port, ttl, vid};
use crate::oracle::checksums::{crc32c, internet};
use crate::random::Random;

/// A frame of any kind that the switch reads.
pub fn frame(random: &mut Random) -> Vec<u8> {
    let mut frame = ethernet(random, 0);
    if random.chance(25) {
        let padding = random.below(20);
        frame.resize(frame.len() + padding, 0);
    }
    if random.chance(2) {
        frame.resize(frame.len() + 100 + random.below(150), 0x55);
    }
    if random.chance(8) {
        frame.truncate(random.below(frame.len()));
    }
    if random.chance(4) && !frame.is_empty() {
        let at = random.below(frame.len());
        frame[at] = random.below(256) as u8;
    }
    frame
}

fn push(out: &mut Vec<u8>, value: u128, len: usize) {
    out.extend_from_slice(&value.to_be_bytes()[16 - len..]);
}

/// Addresses, tags, and what they carry; `depth` headers of tunnels stand in front of it.
fn ethernet(random: &mut Random, depth: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let reserved = if random.chance(2) { Some(0x0180_c200_0003) } else { None };
    push(&mut out, reserved.unwrap_or_else(|| mac(random)), 6);
    push(&mut out, mac(random), 6);
    let tags = random.weighted(&[45, 40, 12, 3]);
    for _ in 0..tags {
        push(&mut out, random.pick(&[0x8100, 0x88a8]), 2);
        let (priority, dei) = (random.below(8) as u16, random.below(2) as u16);
        push(&mut out, u128::from(priority << 13 | dei << 12 | vid(random)), 2);
    }
    match random.weighted(&[36, 32, 10, 12, 6, 2, 2]) {
        0 => typed(&mut out, 0x0800, ip4(random, depth)),
        1 => typed(&mut out, 0x86dd, ip6(random, depth)),
        2 => typed(&mut out, 0x0806, arp(random)),
        3 => {
            let kind = random.pick(&[0x8847, 0x8848]);
            typed(&mut out, kind, mpls(random, depth));
        }
        4 if depth < 2 => {
            let flags = random.pick(&[0, 0x20, 0xe0, 0xf8]);
            let tag = flags << 24 | isid(random);
            push(&mut out, 0x88e7, 2);
            push(&mut out, tag, 4);
            out.extend(ethernet(random, depth + 1));
        }
        5 => {
            // 802.3, with SNAP or without.
            push(&mut out, random.pick(&[38, 0, 1500]), 2);
            push(&mut out, random.pick(&[0xaaaa_0300_0000, 0xaaaa_0300_0001, 0x4242_0300_0000]), 6);
            let kind = random.pick(&[0x0800, 0x88cc, 0x0026]);
            typed(&mut out, kind, ip4(random, depth));
        }
        _ => {
            let kind = random.pick(&[0x88cc, 0x0600, 0x9100, 0x88e7, 0x05ff]);
            let len = random.below(60);
            typed(&mut out, kind, random.list(len, |random| random.below(256) as u8));
        }
    }
    out
}

fn typed(out: &mut Vec<u8>, kind: u128, body: Vec<u8>) {
    push(out, kind, 2);
    out.extend(body);
}

fn arp(random: &mut Random) -> Vec<u8> {
    let mut out = Vec::new();
    push(&mut out, 0x0001_0800_0604, 6);
    push(&mut out, random.pick(&[1, 2, 1, 2, 9]), 2);
    for _ in 0..2 {
        push(&mut out, mac(random), 6);
        push(&mut out, ipv4(random), 4);
    }
    if random.chance(5) {
        out[random.below(6)] ^= 1;
    }
    out
}

fn mpls(random: &mut Random, depth: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let count = 1 + random.weighted(&[50, 35, 15]);
    for index in 0..count {
        let bottom = u128::from(index + 1 == count);
        let class = random.below(8) as u128;
        push(&mut out, label(random) << 12 | class << 9 | bottom << 8 | u128::from(ttl(random)), 4);
    }
    match random.weighted(&[5, 4, 1]) {
        0 => out.extend(ip4(random, depth)),
        1 => out.extend(ip6(random, depth)),
        _ => out.extend([0x70; 20]),
    }
    out
}

fn ip4(random: &mut Random, depth: usize) -> Vec<u8> {
    let mut pseudo = Vec::new();
    push(&mut pseudo, ipv4(random), 4);
    push(&mut pseudo, ipv4(random), 4);
    let (proto, payload) = body(random, &pseudo, false, depth);
    let options = if random.chance(20) { 1 + random.below(3) } else { 0 };
    let header_len = 20 + 4 * options;
    let fragment = match random.weighted(&[84, 4, 4, 4, 4]) {
        0 => 0,
        1 => 0x4000,
        2 => 0x2000,
        3 => 0x2010,
        _ => 5,
    };
    let mut header = vec![0x40 | (header_len / 4) as u8, tos(random)];
    push(&mut header, (header_len + payload.len()) as u128, 2);
    push(&mut header, 0x1234, 2);
    push(&mut header, fragment, 2);
    header.extend([ttl(random), proto, 0, 0]);
    header.extend(&pseudo);
    header.resize(header_len, 1);
    let sum = internet(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header.extend(payload);
    header
}

/// Type of service: assured forwarding, expedited, and anything.
fn tos(random: &mut Random) -> u8 {
    let dscp = random.pick(&[0, 10, 12, 14, 34, 46, 8, 63]);
    dscp << 2 | random.below(4) as u8
}

fn ip6(random: &mut Random, depth: usize) -> Vec<u8> {
    let mut addresses = Vec::new();
    push(&mut addresses, ipv6(random), 16);
    push(&mut addresses, ipv6(random), 16);
    let (proto, payload) = body(random, &addresses, true, depth);
    let chain = match random.weighted(&[60, 20, 15, 5]) {
        0 => Vec::new(),
        1 => random.list(1, |random| random.pick(&[0, 43, 44, 60, 51, 50])),
        count => random.list(count, |random| random.pick(&[0, 60, 43, 44, 51, 60])),
    };
    let extensions = extension_headers(random, &chain, proto);
    let mut out = Vec::new();
    let flabel = random.pick(&[0, 1, 0x12345, 0xf_ffff]);
    push(&mut out, 6 << 28 | u128::from(tos(random)) << 20 | flabel, 4);
    push(&mut out, (extensions.len() + payload.len()) as u128, 2);
    out.extend([chain.first().copied().unwrap_or(proto), ttl(random)]);
    out.extend(addresses);
    out.extend(extensions);
    out.extend(payload);
    out
}

fn extension_headers(random: &mut Random, chain: &[u8], proto: u8) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, header) in chain.iter().enumerate() {
        let next = chain.get(index + 1).copied().unwrap_or(proto);
        match header {
            // Whole, the first of several, a later one.
            44 => {
                let offset = random.pick(&[0, 1, 0, 9]);
                out.extend([next, 0, 0, offset, 0, 0, 0, 9]);
            }
            51 => out.extend([next, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]),
            43 => {
                let left = random.pick(&[0, 0, 1]);
                out.extend([next, 0, 4, left, 0, 0, 0, 0]);
            }
            _ if random.chance(20) => {
                out.extend([next, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            }
            _ => out.extend([next, 0, 1, 4, 0, 0, 0, 0]),
        }
    }
    out
}

/// What IP carries: its protocol and its bytes.
fn body(random: &mut Random, addresses: &[u8], v6: bool, depth: usize) -> (u8, Vec<u8>) {
    let mut out = Vec::new();
    let (proto, at) = match random.weighted(&[25, 25, 14, 14, if v6 { 28 } else { 0 }, 6, 6]) {
        0 => {
            ports(random, &mut out);
            push(&mut out, 0x0000_0001_0000_0002_5018_1000_0000_0000, 16);
            (6, Some(16))
        }
        1 => {
            ports(random, &mut out);
            let data = random.below(6);
            push(&mut out, (8 + data as u128) << 16, 4);
            out.resize(8 + data, 0xda);
            // Zero says that there is no checksum; IPv6 allows it to tunnels only.
            (17, if random.chance(if v6 { 90 } else { 75 }) { Some(6) } else { None })
        }
        2 => {
            ports(random, &mut out);
            push(&mut out, 0x1122_3344 << 32, 8);
            push(&mut out, 0x0300_0010_0000_0001_0000_1000_0000_0000, 16);
            let crc = crc32c(&out).to_le_bytes();
            out[8..12].copy_from_slice(&crc);
            (132, None)
        }
        3 => {
            let kind = random.pick(&[0u8, 8, 3, 128, 129, 135, 136]);
            out.extend([kind, random.below(2) as u8, 0, 0, 0, 1, 0, 1, 0x70, 0x69, 0x6e, 0x67]);
            (if v6 { 58 } else { 1 }, Some(2))
        }
        4 => {
            neighbour(random, &mut out);
            (58, Some(2))
        }
        5 if depth < 2 => match random.below(2) {
            0 => (4, {
                out = ip4(random, depth + 1);
                None
            }),
            _ => (41, {
                out = ip6(random, depth + 1);
                None
            }),
        },
        _ => {
            out.resize(random.below(20), 0xab);
            (random.pick(&[2, 47, 59, 89, 0]), None)
        }
    };
    if matches!(proto, 6 | 17) && random.chance(50) {
        out.extend(&b"payload"[..if proto == 17 { 0 } else { random.below(8) }]);
    }
    if let Some(at) = at {
        complete(&mut out, at, proto, addresses);
    }
    (proto, out)
}

fn ports(random: &mut Random, out: &mut Vec<u8>) {
    push(out, transport_port(random), 2);
    push(out, transport_port(random), 2);
}

/// A neighbour solicitation or advertisement with options, not always those that belong to it.
fn neighbour(random: &mut Random, out: &mut Vec<u8>) {
    let kind = random.pick(&[135, 136]);
    out.extend([kind, 0, 0, 0, 0, 0, 0, 0]);
    push(out, ipv6(random), 16);
    let options = random.weighted(&[20, 60, 20]);
    for _ in 0..options {
        let number = if random.chance(70) { kind - 134 } else { random.pick(&[1, 2, 5]) };
        out.extend([number, 1]);
        push(out, mac(random), 6);
    }
}

/// Writes the checksum at `at`.
fn complete(out: &mut [u8], at: usize, proto: u8, addresses: &[u8]) {
    let mut covered = out.to_vec();
    if covered.len() % 2 == 1 {
        covered.push(0);
    }
    if proto != 1 {
        covered.extend(addresses);
        push(&mut covered, out.len() as u128, 4);
        push(&mut covered, u128::from(proto), 4);
    }
    let sum = match internet(&covered) {
        0 if proto == 17 => 0xffff,
        sum => sum,
    };
    out[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}
