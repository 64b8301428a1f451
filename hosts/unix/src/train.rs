//! Joining datagrams of one flow into a train, for ports that take one: the reverse of
//! `segment.rs`, done last, on frames as they were rewritten.
//!
//! # What
//! Frames of one UDP flow that stand behind one another in a burst leave as one frame of up to
//! 64 KiB, which is cut again by whoever needs it cut: the receiving host's socket, or a network card.
//!
//! # Design
//! A train is made only of frames that cutting it gives back to the byte: same headers, whole and
//! correct checksums (or partial ones), IPv4 identifications that count up by one, payloads of one
//! length but for a shorter last one. A frame of which anything is odd leaves alone, as it came. Only
//! neighbours are joined, so that no frame passes another.
//!
//! # What it costs
//! A frame whose neighbour is of another flow: a few compares. A frame that is joined: its checksum,
//! summed once, where its sender had to complete it. What it saves is the kernel's way from a send
//! to the receiving socket, all but the last steps of it, for each frame behind the first
//! (`benches/compare/veth.sh`).
//!
//! # What it does not do
//! TCP comes joined from hosts that leave segmentation to others, and is not joined here. UDP without
//! a checksum stays as it is: a train would give it one.

use hypercall::{Frame, Gso, GsoKind, Offload};

use crate::{
    checksum,
    l2::{self, Ip},
    port::Outgoing,
};

/// Bytes of the longest headers that are joined: Ethernet, a VLAN tag, IPv6, UDP.
pub(crate) const MAX_HEADERS: usize = 14 + 4 + 40 + 8;

/// Bytes of a UDP header, and where in it length and checksum are.
const UDP_LEN: usize = 8;
const LENGTH: usize = 4;
const CHECKSUM: usize = 6;

/// The longest IP packet.
const MAX_PACKET: usize = 65_535;

/// Frames that leave as one.
#[derive(Debug)]
pub(crate) struct Train {
    /// How many frames it is made of.
    pub(crate) count: usize,
    /// What is left to do on it.
    pub(crate) offload: Offload,
    header_len: usize,
    headers: [u8; MAX_HEADERS],
}

impl Train {
    /// The headers of the train; behind them come the payloads of its frames, which begin where these
    /// headers end.
    pub(crate) fn headers(&self) -> &[u8] {
        &self.headers[..self.header_len]
    }
}

/// Joins frames from the front of `frames`, two at least.
pub(crate) fn join(frames: &[Outgoing]) -> Option<Train> {
    let [first, second, ..] = frames else { return None };
    let (bytes, next) = (first.frame.headers(), second.frame.headers());
    let ip = find_datagram(bytes)?;
    if !precedes(&ip, bytes, next, 1) || !is_sound(&ip, first) {
        return None;
    }
    let header_len = ip.transport + UDP_LEN;
    let mut count = 1;
    let mut len = bytes.len();
    for next in frames.get(1..)? {
        let next_len = next.frame.len();
        let joined = len + next_len.saturating_sub(header_len);
        if joined - ip.offset > MAX_PACKET
            || !precedes(&ip, bytes, next.frame.headers(), count)
            || !is_sound(&ip, next)
        {
            break;
        }
        (len, count) = (joined, count + 1);
        if next_len < bytes.len() {
            break;
        }
    }
    if count < 2 {
        return None;
    }
    let gso = Gso {
        kind: GsoKind::Udp,
        segment_len: u16::try_from(bytes.len() - header_len).ok()?,
        header_len: header_len as u16,
    };
    let offload =
        Offload { csum_start: ip.transport as u16, csum_offset: CHECKSUM as u16, gso: Some(gso) };
    let mut headers = [0; MAX_HEADERS];
    headers.get_mut(..header_len)?.copy_from_slice(&bytes[..header_len]);
    head(&mut headers, &ip, len);
    Some(Train { count, offload, header_len, headers })
}

/// Makes the headers of a frame those of a train of `len` bytes.
fn head(headers: &mut [u8; MAX_HEADERS], ip: &Ip, len: usize) {
    let mut put = |at: usize, value: u16| headers[at..at + 2].copy_from_slice(&value.to_be_bytes());
    if ip.is_v6 {
        put(ip.offset + 4, (len - ip.offset - 40) as u16);
    } else {
        put(ip.offset + 2, (len - ip.offset) as u16);
        put(ip.offset + 10, 0);
    }
    put(ip.transport + LENGTH, (len - ip.transport) as u16);
    let sum = checksum::pseudo_header(headers, ip, len - ip.transport);
    headers[ip.transport + CHECKSUM..ip.transport + UDP_LEN].copy_from_slice(&sum.to_be_bytes());
    if !ip.is_v6 {
        let sum = checksum::internet(&headers[ip.offset..ip.transport]);
        headers[ip.offset + 10..ip.offset + 12].copy_from_slice(&sum.to_be_bytes());
    }
}

/// Finds the IP header of a frame of UDP with payload: behind one VLAN tag at most, without options,
/// extensions or fragments. What it tells is within the frame.
fn find_datagram(frame: &[u8]) -> Option<Ip> {
    let ip = l2::find_ip(frame)?;
    let is_tagged = || matches!(l2::u16_at(frame, 12), Some(0x8100 | 0x88a8));
    let is_plain = ip.protocol == l2::UDP
        && !ip.is_fragment
        && (ip.offset == 14 || ip.offset == 18 && is_tagged())
        && ip.transport - ip.offset == if ip.is_v6 { 40 } else { 20 };
    (is_plain && frame.len() > ip.transport + UDP_LEN).then_some(ip)
}

/// Whether `frame` can stand at place `index` of a train that begins with `first`: the same headers
/// where they are the same all along, and no longer.
fn precedes(ip: &Ip, first: &[u8], frame: &[u8], index: usize) -> bool {
    let Ip { offset, transport, is_v6, .. } = *ip;
    if frame.len() > first.len() || frame.len() <= transport + UDP_LEN {
        return false;
    }
    let same = |from: usize, to: usize| first[from..to] == frame[from..to];
    // Ports and addresses differ most.
    if is_v6 {
        return same(offset + 6, transport + LENGTH) && same(0, offset + 4);
    }
    let identification = |frame| l2::u16_at(frame, offset + 4).unwrap_or(0);
    same(offset + 12, transport + LENGTH)
        && same(offset + 6, offset + 10)
        && same(0, offset + 2)
        && identification(frame) == identification(first).wrapping_add(index as u16)
}

/// Whether lengths and checksums of a frame, whose headers are where `ip` says, are those that cutting
/// a train gives it.
fn is_sound(ip: &Ip, out: &Outgoing) -> bool {
    let frame = out.frame.headers();
    let Ip { offset, transport, is_v6, .. } = *ip;
    let len = frame.len() - transport;
    let told = |at: usize| l2::u16_at(frame, at).map(usize::from);
    let told_ip = if is_v6 { told(offset + 4) } else { told(offset + 2) };
    let ip_len = if is_v6 { len } else { frame.len() - offset };
    if told_ip != Some(ip_len) || told(transport + LENGTH) != Some(len) {
        return false;
    }
    // The reserved bit of the fragments' field is nobody's to set; all ones are a checksum's other zero,
    // which nobody stores.
    if !is_v6
        && (frame[offset + 6] & 0x80 != 0
            || told(offset + 10) == Some(0xffff)
            || checksum::internet(&frame[offset..transport]) != 0)
    {
        return false;
    }
    let field = l2::u16_at(frame, transport + CHECKSUM).unwrap_or(0);
    let pseudo = checksum::pseudo_header(frame, ip, len);
    match out.meta.offload {
        Offload { gso: Some(_), .. } => false,
        Offload { csum_start: 0, .. } => {
            field != 0 && checksum::completes(pseudo, &frame[transport..])
        }
        Offload { csum_start, csum_offset, gso: None } => {
            usize::from(csum_start) == transport
                && usize::from(csum_offset) == CHECKSUM
                && field == pseudo
        }
    }
}

#[cfg(test)]
mod tests {
    use hypercall::{Meta, VecFrame};

    use super::*;
    use crate::{pool::Pool, segment::segment};

    /// A frame of UDP, with what a sender does: everything correct.
    fn datagram(is_v6: bool, tags: &[u8], identification: u16, payload: &[u8]) -> Vec<u8> {
        let len = (8 + payload.len()) as u16;
        let mut frame = vec![0x12; 12];
        frame.extend_from_slice(tags);
        if is_v6 {
            frame.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 7]);
            frame.extend_from_slice(&len.to_be_bytes());
            frame.extend_from_slice(&[l2::UDP, 64]);
            frame.extend_from_slice(&[0xfd; 32]);
        } else {
            frame.extend_from_slice(&[8, 0, 0x45, 0]);
            frame.extend_from_slice(&(20 + len).to_be_bytes());
            frame.extend_from_slice(&identification.to_be_bytes());
            frame.extend_from_slice(&[0x40, 0, 64, l2::UDP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
            let at = frame.len() - 20;
            let sum = checksum::internet(&frame[at..]);
            frame[at + 10..at + 12].copy_from_slice(&sum.to_be_bytes());
        }
        let transport = frame.len();
        frame.extend_from_slice(&[0, 53, 0, 54]);
        frame.extend_from_slice(&len.to_be_bytes());
        frame.extend_from_slice(&[0, 0]);
        frame.extend_from_slice(payload);
        complete(&mut frame, transport);
        frame
    }

    /// Stores the checksum that a sender stores.
    fn complete(frame: &mut [u8], transport: usize) {
        let ip = l2::find_ip(frame).unwrap();
        let sum = checksum::pseudo_header(frame, &ip, frame.len() - transport);
        frame[transport + 6..transport + 8].copy_from_slice(&sum.to_be_bytes());
        let sum = checksum::internet(&frame[transport..]);
        checksum::store(&mut frame[transport + 6..transport + 8], sum);
    }

    fn outgoing(frames: &[Vec<u8>]) -> Vec<Outgoing> {
        let out = |frame: &Vec<u8>| Outgoing {
            frame: VecFrame::from_bytes(frame),
            meta: Meta::default(),
        };
        frames.iter().map(out).collect()
    }

    /// The train as it goes out, cut again.
    fn cut(train: &Train, frames: &[Outgoing]) -> Vec<Vec<u8>> {
        let mut whole = train.headers().to_vec();
        for out in &frames[..train.count] {
            whole.extend_from_slice(&out.frame.headers()[train.headers().len()..]);
        }
        let mut cut = Vec::new();
        segment(&whole, &train.offload, &mut Pool::default(), |frame| {
            cut.push(frame.headers().to_vec());
        });
        cut
    }

    #[test]
    fn cutting_a_train_gives_its_frames_back() {
        for (is_v6, tags) in [
            (false, &[][..]),
            (true, &[]),
            (false, &[0x81, 0, 0, 5]),
            (true, &[0x88, 0xa8, 0x60, 5]),
        ] {
            for payload in [1usize, 18, 19, 1000] {
                // The identification passes zero; the last frame is shorter; its checksum may be any.
                let frame = |i: u16| {
                    let len = if i == 9 { payload.div_ceil(2) } else { payload };
                    let payload: Vec<u8> = (0..len).map(|at| at as u8 ^ (i * 31) as u8).collect();
                    datagram(is_v6, tags, 0xfffau16.wrapping_add(i), &payload)
                };
                let frames: Vec<_> = (0..10).map(frame).collect();
                let queue = outgoing(&frames);
                let train = join(&queue).unwrap();
                assert_eq!(train.count, 10, "{is_v6} {tags:?} {payload}");
                assert_eq!(cut(&train, &queue), frames);
            }
        }
    }

    #[test]
    fn partial_checksums_are_joined_as_complete_ones() {
        let frames: Vec<_> = (0..3).map(|i| datagram(false, &[], i, &[i as u8; 18])).collect();
        let mut queue = outgoing(&frames);
        let Outgoing { frame, meta } = &mut queue[1];
        let ip = l2::find_ip(&frames[1]).unwrap();
        let sum = checksum::pseudo_header(&frames[1], &ip, frames[1].len() - 34);
        frame.headers_mut()[40..42].copy_from_slice(&sum.to_be_bytes());
        meta.offload = Offload { csum_start: 34, csum_offset: 6, gso: None };
        let train = join(&queue).unwrap();
        assert_eq!(train.count, 3);
        assert_eq!(cut(&train, &queue), frames);
        queue[1].frame.headers_mut()[40] ^= 1;
        assert!(join(&queue).is_none(), "a partial checksum that is none");
    }

    /// Every byte of a frame's headers, changed: it does not join, or it comes back as it was.
    #[test]
    fn whatever_is_odd_is_never_mended() {
        for is_v6 in [false, true] {
            let frames: Vec<_> = (0..3).map(|i| datagram(is_v6, &[], i, &[7; 20])).collect();
            for place in 0..3 {
                for at in 0..frames[0].len() {
                    for bit in 0..8 {
                        let mut changed = frames.clone();
                        changed[place][at] ^= 1 << bit;
                        let queue = outgoing(&changed);
                        let Some(train) = join(&queue) else { continue };
                        assert_eq!(cut(&train, &queue), changed[..train.count], "{at} {bit}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_cutting_could_not_give_back_stays_alone() {
        let frames = |change: &dyn Fn(&mut [Vec<u8>])| {
            let mut frames: Vec<_> = (0..3).map(|i| datagram(false, &[], i, &[7; 20])).collect();
            change(&mut frames);
            join(&outgoing(&frames)).map_or(1, |train| train.count)
        };
        assert_eq!(frames(&|_| ()), 3);
        assert_eq!(frames(&|frames| frames[1] = datagram(false, &[], 0, &[7; 20])), 1, "same id");
        assert_eq!(frames(&|frames| frames[1] = datagram(false, &[], 1, &[7; 21])), 1, "longer");
        assert_eq!(frames(&|frames| frames[1] = datagram(false, &[], 1, &[7; 2])), 2, "the last");
        assert_eq!(frames(&|frames| frames[2][40..42].fill(0)), 2, "no checksum");
        assert_eq!(frames(&|frames| frames[2].push(0)), 2, "padded");
        assert_eq!(frames(&|frames| frames[0].truncate(41)), 1, "cut");
        assert_eq!(frames(&|frames| drop(frames[1].drain(..))), 1, "empty");
        // An MPLS label is as long as a VLAN tag.
        let labelled = [0x88, 0x47, 0, 0, 0x11, 64];
        let frames: Vec<_> = (0..2)
            .map(|i| {
                let mut frame = datagram(false, &[], i, &[7; 20]);
                frame.splice(12..14, labelled);
                frame
            })
            .collect();
        assert!(join(&outgoing(&frames)).is_none(), "in a tunnel");
        assert!(join(&[]).is_none());
    }

    #[test]
    fn a_train_is_no_longer_than_an_ip_packet() {
        let frames: Vec<_> = (0..12).map(|i| datagram(false, &[], i, &[7; 8900])).collect();
        let queue = outgoing(&frames);
        let train = join(&queue).unwrap();
        assert_eq!(train.count, 7);
        assert_eq!(cut(&train, &queue), frames[..7]);
    }
}
