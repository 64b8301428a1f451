//! Internet checksums of whole segments, and where a frame's transport checksum is: for cutting
//! segment trains and for frames of which the kernel only told that something is left to do.

use hypercall::Offload;

use crate::l2::{self, Ip};

/// The one's complement sum of `bytes` as big-endian words, the last one padded, folded.
fn sum(bytes: &[u8]) -> u32 {
    // Summed in the machine's own byte order: the sum only comes out swapped.
    let mut total = 0u64;
    let chunks = bytes.chunks_exact(4);
    let rest = chunks.remainder();
    for chunk in chunks {
        let word = chunk.first_chunk().map_or(0, |four| u32::from_ne_bytes(*four));
        // A frame has far fewer than 2^32 words.
        total = total.wrapping_add(u64::from(word));
    }
    let mut last = [0; 4];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    total = total.wrapping_add(u64::from(u32::from_ne_bytes(last)));
    total = (total >> 32) + (total & 0xffff_ffff);
    total = (total >> 16) + (total & 0xffff);
    total = (total >> 16) + (total & 0xffff);
    total = (total >> 16) + (total & 0xffff);
    u32::from(u16::from_be(total as u16))
}

fn fold(mut total: u32) -> u16 {
    while total > 0xffff {
        total = (total >> 16) + (total & 0xffff);
    }
    total as u16
}

/// The Internet checksum of `bytes` (RFC 1071), ready to be stored.
pub(crate) fn internet(bytes: &[u8]) -> u16 {
    !fold(sum(bytes))
}

/// The folded sum of the pseudo header of a transport packet of `len` bytes: what a partial
/// checksum field holds.
pub(crate) fn pseudo_header(frame: &[u8], ip: &Ip, len: usize) -> u16 {
    let addresses = if ip.is_v6 { 8..40 } else { 12..20 };
    let addresses = frame.get(ip.offset..).and_then(|header| header.get(addresses));
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    fold(sum(addresses.unwrap_or_default()) + (len >> 16) + (len & 0xffff) + u32::from(ip.protocol))
}

/// Whether `bytes`, a transport packet with its checksum in place, sum up to nothing together with its
/// pseudo header's sum.
pub(crate) fn completes(pseudo: u16, bytes: &[u8]) -> bool {
    fold(u32::from(pseudo) + sum(bytes)) == 0xffff
}

/// Stores a transport checksum; zero means "none" to UDP and is written as its other form, which
/// no protocol minds.
pub(crate) fn store(field: &mut [u8], checksum: u16) {
    let checksum = if checksum == 0 { 0xffff } else { checksum };
    field.copy_from_slice(&checksum.to_be_bytes());
}

/// Where the transport checksum of a frame is, for a frame of which is only known that it is
/// partial. `None` when it has no TCP or UDP header.
pub(crate) fn find_partial(frame: &[u8]) -> Option<Offload> {
    let ip = l2::find_ip(frame).filter(|ip| !ip.is_fragment)?;
    let csum_offset = match ip.protocol {
        l2::TCP => 16,
        l2::UDP => 6,
        _ => return None,
    };
    let csum_start = u16::try_from(ip.transport).ok()?;
    (frame.len() >= ip.transport + usize::from(csum_offset) + 2).then_some(Offload {
        csum_start,
        csum_offset,
        gso: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum as RFC 1071 tells it, word by word.
    fn plain(bytes: &[u8]) -> u16 {
        let mut total = 0u64;
        for pair in bytes.chunks(2) {
            total += u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0));
        }
        while total > 0xffff {
            total = (total >> 16) + (total & 0xffff);
        }
        !(total as u16)
    }

    #[test]
    fn agrees_with_the_plain_sum() {
        let mut state = 1u32;
        let bytes: Vec<u8> = (0..70_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        for len in (0..64).chain([1000, 1499, 65_535, 70_000]) {
            assert_eq!(internet(&bytes[..len]), plain(&bytes[..len]), "{len}");
            assert_eq!(internet(&vec![0xff; len]), plain(&vec![0xff; len]), "{len} ones");
        }
    }

    #[test]
    fn never_stores_zero() {
        let mut field = [0; 2];
        store(&mut field, 0);
        assert_eq!(field, [0xff, 0xff]);
    }

    #[test]
    fn a_cut_field_is_not_found() {
        let mut frame = vec![0; 14 + 20 + 8];
        frame[12..15].copy_from_slice(&[8, 0, 0x45]);
        frame[23] = l2::UDP;
        let found = Offload { csum_start: 34, csum_offset: 6, gso: None };
        assert_eq!(find_partial(&frame), Some(found));
        assert_eq!(find_partial(&frame[..41]), None);
        frame[20] = 0x20;
        assert_eq!(find_partial(&frame), None, "a fragment");
    }
}
