//! Cutting a segment train (TCP or UDP, up to 64 KiB) into frames that fit on a wire, for ports
//! that cannot do it themselves. Done last, on the frame as it was rewritten, as a network card
//! would do it.

use hypercall::{Frame, GsoKind, Offload, VecFrame};

use crate::{
    checksum,
    l2::{self, Ip},
    pool::Pool,
};

const TCP_FIN: u8 = 0x01;
const TCP_PSH: u8 = 0x08;
const TCP_CWR: u8 = 0x80;

/// What stays the same from segment to segment.
struct Train<'a> {
    headers: &'a [u8],
    ip: Ip,
    kind: GsoKind,
    segment_len: usize,
}

/// Cuts `frame` as `offload` says and hands each segment, finished with checksums, to `emit`.
/// Tells how many there were.
///
/// `None` when the headers are not what the offload says (a tunnel's inner packet is not cut
/// either) or when memory is short; what was emitted by then is valid.
///
/// ```
/// use hypercall::{Frame, Gso, GsoKind, Offload};
/// use rumpswitch_unix::{Pool, segment::segment};
///
/// // Ethernet, IPv4, UDP, and 25 bytes in datagrams of ten.
/// let mut frame = vec![0; 14 + 20 + 8 + 25];
/// frame[12..15].copy_from_slice(&[8, 0, 0x45]);
/// frame[23] = 17;
/// let gso = Gso { kind: GsoKind::Udp, segment_len: 10, header_len: 42 };
/// let offload = Offload { csum_start: 34, csum_offset: 6, gso: Some(gso) };
/// let mut lens = Vec::new();
/// segment(&frame, &offload, &mut Pool::default(), |frame| lens.push(frame.len()));
/// assert_eq!(lens, [52, 52, 47]);
/// ```
pub fn segment(
    frame: &[u8],
    offload: &Offload,
    pool: &mut Pool,
    mut emit: impl FnMut(VecFrame),
) -> Option<usize> {
    let gso = offload.gso.filter(|gso| gso.segment_len > 0)?;
    let ip = l2::find_ip(frame)?;
    let (protocol, least) = match gso.kind {
        GsoKind::TcpV4 | GsoKind::TcpV6 => (l2::TCP, 20),
        GsoKind::Udp => (l2::UDP, 8),
    };
    let header_len = usize::from(gso.header_len);
    let fits = ip.transport == usize::from(offload.csum_start)
        && ip.protocol == protocol
        && !ip.is_fragment
        && header_len >= ip.transport + least;
    let (headers, payload) = frame.split_at_checked(header_len).filter(|_| fits)?;
    let segment_len = usize::from(gso.segment_len);
    let train = Train { headers, ip, kind: gso.kind, segment_len };
    let count = payload.len().div_ceil(segment_len).max(1);
    for index in 0..count {
        let from = index * segment_len;
        let part = &payload[from..payload.len().min(from + segment_len)];
        let mut segment = pool.take(headers.len() + part.len())?;
        segment.extend_from_slice(headers);
        segment.extend_from_slice(part);
        let mut segment = VecFrame::from_buffer(segment, VecFrame::HEADROOM);
        train.finish(segment.headers_mut(), index, index + 1 == count);
        emit(segment);
    }
    Some(count)
}

impl Train<'_> {
    /// Makes the copied headers those of segment `index`. The caller has checked that they are as
    /// long as this reads.
    fn finish(&self, segment: &mut [u8], index: usize, is_last: bool) {
        let len = segment.len();
        let Ip { offset, transport, is_v6, .. } = self.ip;
        if is_v6 {
            put(segment, offset + 4, (len - offset - 40) as u16);
        } else {
            put(segment, offset + 2, (len - offset) as u16);
            let identification = l2::u16_at(self.headers, offset + 4).unwrap_or(0);
            put(segment, offset + 4, identification.wrapping_add(index as u16));
            put(segment, offset + 10, 0);
            let sum = checksum::internet(&segment[offset..transport]);
            put(segment, offset + 10, sum);
        }
        let field = match self.kind {
            GsoKind::Udp => {
                put(segment, transport + 4, (len - transport) as u16);
                transport + 6
            }
            GsoKind::TcpV4 | GsoKind::TcpV6 => {
                self.finish_tcp(&mut segment[transport..], index, is_last);
                transport + 16
            }
        };
        let pseudo = checksum::pseudo_header(segment, &self.ip, len - transport);
        put(segment, field, pseudo);
        let sum = checksum::internet(&segment[transport..]);
        checksum::store(&mut segment[field..field + 2], sum);
    }

    fn finish_tcp(&self, tcp: &mut [u8], index: usize, is_last: bool) {
        let sequence = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]);
        let sequence = sequence.wrapping_add((index * self.segment_len) as u32);
        tcp[4..8].copy_from_slice(&sequence.to_be_bytes());
        if !is_last {
            tcp[13] &= !(TCP_FIN | TCP_PSH);
        }
        if index > 0 {
            tcp[13] &= !TCP_CWR;
        }
    }
}

fn put(bytes: &mut [u8], offset: usize, value: u16) {
    bytes[offset..offset + 2].copy_from_slice(&value.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use hypercall::Gso;

    use super::*;

    /// Ethernet with `tags`, IP and TCP with twelve bytes of options, `payload` bytes.
    fn tcp(is_v6: bool, tags: &[u8], payload: usize) -> (Vec<u8>, Offload) {
        let mut frame = vec![0x11; 12];
        frame.extend_from_slice(tags);
        let transport_len = 32 + payload;
        if is_v6 {
            frame.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend_from_slice(&((transport_len as u16).to_be_bytes()));
            frame.extend_from_slice(&[l2::TCP, 64]);
            frame.extend_from_slice(&[0xfd; 32]);
        } else {
            frame.extend_from_slice(&[8, 0, 0x45, 0]);
            frame.extend_from_slice(&((20 + transport_len) as u16).to_be_bytes());
            frame.extend_from_slice(&[0xff, 0xff, 0x40, 0, 64, l2::TCP, 0, 0]);
            frame.extend_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
        }
        let csum_start = frame.len();
        frame.extend_from_slice(&[0, 80, 0, 81, 0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 1]);
        frame.extend_from_slice(&[0x80, TCP_CWR | TCP_PSH | TCP_FIN | 0x10, 0, 9, 0, 0, 0, 0]);
        frame.extend_from_slice(&[1; 12]);
        let header_len = frame.len() as u16;
        frame.extend((0..payload).map(|i| i as u8));
        let kind = if is_v6 { GsoKind::TcpV6 } else { GsoKind::TcpV4 };
        let gso = Gso { kind, segment_len: 1000, header_len };
        (frame, Offload { csum_start: csum_start as u16, csum_offset: 16, gso: Some(gso) })
    }

    fn cut(frame: &[u8], offload: &Offload) -> Vec<VecFrame> {
        let mut segments = Vec::new();
        let count = segment(frame, offload, &mut Pool::default(), |frame| segments.push(frame));
        assert_eq!(count.unwrap_or(0), segments.len());
        segments
    }

    /// A correct transport checksum makes the sum of everything come out as zero.
    fn assert_checksums(bytes: &[u8]) {
        let ip = l2::find_ip(bytes).unwrap();
        let len = bytes.len() - ip.transport;
        let mut all = checksum::pseudo_header(bytes, &ip, len).to_be_bytes().to_vec();
        all.extend_from_slice(&bytes[ip.transport..]);
        assert_eq!(checksum::internet(&all), 0, "transport");
        if !ip.is_v6 {
            assert_eq!(checksum::internet(&bytes[ip.offset..ip.transport]), 0, "IPv4 header");
        }
    }

    #[test]
    fn tcp_over_ipv4_and_ipv6_with_tags() {
        for (is_v6, tags) in [
            (false, &[][..]),
            (true, &[]),
            (false, &[0x81, 0, 0, 5]),
            (true, &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6]),
        ] {
            let (frame, offload) = tcp(is_v6, tags, 2500);
            let segments = cut(&frame, &offload);
            assert_eq!(segments.len(), 3);
            let start = usize::from(offload.csum_start);
            let header_len = usize::from(offload.gso.unwrap().header_len);
            let mut payload = Vec::new();
            for (i, segment) in segments.iter().enumerate() {
                let bytes = segment.headers();
                assert_checksums(bytes);
                payload.extend_from_slice(&bytes[header_len..]);
                let sequence = u32::from_be_bytes(bytes[start + 4..start + 8].try_into().unwrap());
                assert_eq!(sequence, 0xffff_fff0u32.wrapping_add(1000 * i as u32));
                let flags = [TCP_CWR | 0x10, 0x10, 0x10 | TCP_PSH | TCP_FIN];
                assert_eq!(bytes[start + 13], flags[i]);
                let ip = l2::find_ip(bytes).unwrap();
                let told = l2::u16_at(bytes, ip.offset + if is_v6 { 4 } else { 2 }).unwrap();
                let fixed = if is_v6 { ip.offset + 40 } else { ip.offset };
                assert_eq!(usize::from(told), bytes.len() - fixed);
                if !is_v6 {
                    assert_eq!(l2::u16_at(bytes, ip.offset + 4), Some([0xffff, 0, 1][i]));
                }
            }
            assert_eq!(payload, frame[header_len..]);
        }
    }

    #[test]
    fn udp_datagrams() {
        let mut frame = vec![0; 12];
        frame.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, l2::UDP, 64]);
        frame.extend_from_slice(&[0xfe; 32]);
        frame.extend_from_slice(&[0, 1, 0, 2, 0, 0, 0, 0]);
        frame.extend_from_slice(&[9; 250]);
        let gso = Gso { kind: GsoKind::Udp, segment_len: 100, header_len: 62 };
        let segments = cut(&frame, &Offload { csum_start: 54, csum_offset: 6, gso: Some(gso) });
        let lens: Vec<_> = segments.iter().map(|segment| segment.len() - 62).collect();
        assert_eq!(lens, [100, 100, 50]);
        for segment in &segments {
            assert_checksums(segment.headers());
            let told = l2::u16_at(segment.headers(), 58).unwrap();
            assert_eq!(usize::from(told), segment.len() - 54);
        }
    }

    #[test]
    fn a_train_of_one_and_of_nothing() {
        let (frame, offload) = tcp(false, &[], 1000);
        assert_eq!(cut(&frame, &offload).len(), 1);
        let (frame, offload) = tcp(false, &[], 0);
        let segments = cut(&frame, &offload);
        assert_eq!(segments.len(), 1);
        assert_checksums(segments[0].headers());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (frame, offload) = tcp(false, &[], 2500);
        let gso = offload.gso.unwrap();
        let refused = [
            Offload { csum_start: offload.csum_start + 8, ..offload },
            Offload { gso: Some(Gso { kind: GsoKind::Udp, ..gso }), ..offload },
            Offload { gso: Some(Gso { segment_len: 0, ..gso }), ..offload },
            Offload { gso: Some(Gso { header_len: 40, ..gso }), ..offload },
            Offload { gso: Some(Gso { header_len: 9000, ..gso }), ..offload },
            Offload { gso: None, ..offload },
        ];
        for offload in &refused {
            assert_eq!(cut(&frame, offload).len(), 0, "{offload:?}");
        }
        for len in 0..usize::from(gso.header_len) {
            assert_eq!(cut(&frame[..len], &offload).len(), 0, "{len}");
        }
    }
}
