//! The virtio-net header, as tap interfaces and packet sockets put it in front of a frame, and the
//! metadata that it becomes.

use hypercall::{Gso, GsoKind, Offload};

use crate::{checksum, l2};

/// Bytes of the header without the count of buffers, which only a virtio ring needs.
pub(crate) const LEN: usize = 10;

const NEEDS_CSUM: u8 = 1;
const GSO_NONE: u8 = 0;
const GSO_TCP_V4: u8 = 1;
const GSO_TCP_V6: u8 = 4;
const GSO_UDP_L4: u8 = 5;
const GSO_ECN: u8 = 0x80;

/// Offset of the TCP byte that holds the length of the header, and of the flags.
const TCP_DATA_OFFSET: usize = 12;
const TCP_FLAGS: usize = 13;
const TCP_CWR: u8 = 0x80;

/// Reads a header. `None` when it is about bytes that are not in `frame`, or asks for work that
/// nobody here can do.
///
/// The kernel's `hdr_len` is a hint about its own memory, so the headers are measured here; a
/// segment train whose checksum is complete gets a partial one, so that there is one form.
pub(crate) fn decode(header: &[u8; LEN], frame: &mut [u8]) -> Option<Offload> {
    let [flags, kind, _, _, g0, g1, s0, s1, o0, o1] = *header;
    let mut offload = Offload::NONE;
    if flags & NEEDS_CSUM != 0 {
        offload.csum_start = u16::from_ne_bytes([s0, s1]);
        offload.csum_offset = u16::from_ne_bytes([o0, o1]);
        let end = usize::from(offload.csum_start) + usize::from(offload.csum_offset) + 2;
        if offload.csum_start == 0 || end > frame.len() {
            return None;
        }
    }
    let kind = match kind & !GSO_ECN {
        GSO_NONE => return Some(offload),
        GSO_TCP_V4 => GsoKind::TcpV4,
        GSO_TCP_V6 => GsoKind::TcpV6,
        GSO_UDP_L4 => GsoKind::Udp,
        _ => return None,
    };
    if !offload.is_partial() {
        offload = checksum::find_partial(frame)?;
        let ip = l2::find_ip(frame)?;
        let sum = checksum::pseudo_header(frame, &ip, frame.len() - ip.transport);
        let field = usize::from(offload.csum_start) + usize::from(offload.csum_offset);
        frame.get_mut(field..field + 2)?.copy_from_slice(&sum.to_be_bytes());
    }
    let segment_len = u16::from_ne_bytes([g0, g1]);
    let header_len = headers_len(frame, kind, usize::from(offload.csum_start))?;
    if segment_len == 0 {
        return None;
    }
    Some(Offload { gso: Some(Gso { kind, segment_len, header_len }), ..offload })
}

/// Bytes of all headers of a segment train whose transport header is at `transport`.
pub(crate) fn headers_len(frame: &[u8], kind: GsoKind, transport: usize) -> Option<u16> {
    let len = match kind {
        GsoKind::TcpV4 | GsoKind::TcpV6 => {
            let words = frame.get(transport + TCP_DATA_OFFSET)? >> 4;
            transport + usize::from(words.max(5)) * 4
        }
        GsoKind::Udp => transport + 8,
    };
    u16::try_from(len).ok().filter(|len| usize::from(*len) <= frame.len())
}

/// Writes the header for `frame`.
pub(crate) fn encode(offload: &Offload, frame: &[u8]) -> [u8; LEN] {
    let mut header = [0; LEN];
    if offload.is_partial() {
        header[0] = NEEDS_CSUM;
        header[6..8].copy_from_slice(&offload.csum_start.to_ne_bytes());
        header[8..10].copy_from_slice(&offload.csum_offset.to_ne_bytes());
    }
    if let Some(gso) = offload.gso {
        header[1] = match gso.kind {
            GsoKind::TcpV4 => GSO_TCP_V4,
            GsoKind::TcpV6 => GSO_TCP_V6,
            GsoKind::Udp => GSO_UDP_L4,
        };
        // A congestion mark belongs into the first segment only; the kernel wants to be told.
        let flags = frame.get(usize::from(offload.csum_start) + TCP_FLAGS).copied().unwrap_or(0);
        if gso.kind != GsoKind::Udp && flags & TCP_CWR != 0 {
            header[1] |= GSO_ECN;
        }
        header[2..4].copy_from_slice(&gso.header_len.to_ne_bytes());
        header[4..6].copy_from_slice(&gso.segment_len.to_ne_bytes());
    }
    header
}

/// Moves a checksum's place by what was put in front of the frame's payload.
pub(crate) fn shift(offload: &mut Offload, count: u16) {
    if offload.is_partial() {
        offload.csum_start = offload.csum_start.saturating_add(count);
    }
    if let Some(gso) = &mut offload.gso {
        gso.header_len = gso.header_len.saturating_add(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp_frame() -> Vec<u8> {
        let mut frame = vec![0; 14 + 20 + 32 + 3000];
        frame[12] = 8;
        frame[14] = 0x45;
        frame[23] = l2::TCP;
        frame[34 + TCP_DATA_OFFSET] = 0x80;
        frame
    }

    #[test]
    fn a_header_survives_the_way_round() {
        let mut frame = tcp_frame();
        frame[34 + TCP_FLAGS] = TCP_CWR;
        let gso = Gso { kind: GsoKind::TcpV4, segment_len: 1448, header_len: 66 };
        let offload = Offload { csum_start: 34, csum_offset: 16, gso: Some(gso) };
        let mut header = encode(&offload, &frame);
        assert_eq!(header[1], GSO_TCP_V4 | GSO_ECN);
        // The kernel's idea of the headers' length is not believed.
        header[2..4].copy_from_slice(&2000u16.to_ne_bytes());
        assert_eq!(decode(&header, &mut frame), Some(offload));
        assert_eq!(decode(&[0; LEN], &mut frame), Some(Offload::NONE));
    }

    #[test]
    fn a_train_with_a_complete_checksum_becomes_partial() {
        let mut frame = tcp_frame();
        frame[50..52].copy_from_slice(&[0xaa, 0xbb]);
        let mut header = [0; LEN];
        header[1] = GSO_TCP_V4;
        header[4..6].copy_from_slice(&1000u16.to_ne_bytes());
        let offload = decode(&header, &mut frame).unwrap();
        assert_eq!((offload.csum_start, offload.csum_offset), (34, 16));
        // Addresses are zero: protocol 6 and 3032 bytes.
        assert_eq!(frame[50..52], (3032u16 + 6).to_be_bytes());
    }

    #[test]
    fn nonsense_is_refused() {
        let mut frame = tcp_frame();
        let mut header = encode(&Offload { csum_start: 34, csum_offset: 16, gso: None }, &frame);
        assert_eq!(decode(&header, &mut frame[..51]), None, "the field is cut");
        header[1] = 3;
        assert_eq!(decode(&header, &mut frame), None, "UDP fragmentation offload");
        header[1] = GSO_TCP_V4;
        assert_eq!(decode(&header, &mut frame), None, "segments of no bytes");
    }
}
