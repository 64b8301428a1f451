//! Internet checksums and SCTP's CRC32c: incrementally as headers change (RFC 1624), and whole for
//! what a host left partial.

use hypercall::{Frame, Offload};

use crate::extract::{bytes, headers_of};

/// The difference that changed bytes make to a ones' complement sum.
///
/// ```
/// use rumpswitch_datapath::checksum::{Delta, internet_checksum};
///
/// let (old, new) = ([0x45, 0, 1, 2, 0xff, 0xff], [0x45, 0, 9, 9, 0xff, 0xff]);
/// let mut delta = Delta::default();
/// delta.replace(&old[2..4], &new[2..4]);
/// assert_eq!(delta.apply(internet_checksum(&old)), internet_checksum(&new));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta(u64);

impl Delta {
    /// What a 16-bit word makes that became smaller by 0x100, as with a TTL in its upper byte.
    pub const MINUS_0X100: Delta = Delta(0xfeff);

    /// What `new` in the place of `old` makes: 32 bits count as two words, whose sum differs from
    /// theirs by a multiple of 0xffff only.
    #[inline]
    pub const fn of_word(old: u32, new: u32) -> Delta {
        Delta((!old as u64).wrapping_add(new as u64))
    }

    /// Both differences.
    #[inline]
    #[must_use]
    pub const fn plus(self, other: Delta) -> Delta {
        Delta(self.0.wrapping_add(other.0))
    }

    /// Notes that `old` became `new`; both begin at an even offset of what is summed.
    pub fn replace(&mut self, old: &[u8], new: &[u8]) {
        // `!old` has as many carries to give as words; adding complements never goes below 0.
        let old = old.chunks(2).fold(0u64, |sum, word| sum.wrapping_add(u64::from(!be16(word))));
        self.0 = self.0.wrapping_add(old).wrapping_add(sum(new));
    }

    /// The checksum after the change.
    #[inline]
    pub fn apply(self, checksum: u16) -> u16 {
        let delta = fold(self.0);
        if delta == 0 || delta == 0xffff {
            // Not even from one of the two zeros to the other.
            return checksum;
        }
        let sum = u32::from(!checksum).wrapping_add(u32::from(delta));
        !(sum >> 16).wrapping_add(sum) as u16
    }

    /// The sum after the change: for a field that holds a sum, not a checksum.
    pub fn apply_to_sum(self, sum: u16) -> u16 {
        fold(u64::from(sum).wrapping_add(self.0))
    }
}

/// The checksum of IP, TCP, UDP and ICMP over `bytes` (RFC 1071).
pub fn internet_checksum(bytes: &[u8]) -> u16 {
    !fold(sum(bytes))
}

/// A word of at most two bytes; a missing second byte is 0.
#[inline]
fn be16(word: &[u8]) -> u16 {
    match *word {
        [high, low] => u16::from_be_bytes([high, low]),
        [high] => u16::from_be_bytes([high, 0]),
        _ => 0,
    }
}

/// The sum of 16-bit words: frames are too short for 64 bits to overflow.
#[inline]
fn sum(bytes: &[u8]) -> u64 {
    let mut words = bytes.chunks_exact(2);
    let mut sum = 0u64;
    for word in &mut words {
        sum = sum.wrapping_add(u64::from(be16(word)));
    }
    sum.wrapping_add(u64::from(be16(words.remainder())))
}

/// Adds carries until 16 bits are left.
#[inline]
fn fold(sum: u64) -> u16 {
    let sum = (sum >> 32).wrapping_add(sum & 0xffff_ffff);
    let sum = (sum >> 16).wrapping_add(sum & 0xffff);
    let sum = (sum >> 16).wrapping_add(sum & 0xffff);
    (sum >> 16).wrapping_add(sum & 0xffff) as u16
}

/// CRC32c's table, one byte at a time (reflected 0x1edc6f41).
static CRC32C: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut rest: &mut [u32] = &mut table;
    let mut byte = 0u32;
    while let Some((entry, more)) = rest.split_first_mut() {
        let mut crc = byte;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 != 0 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        *entry = crc;
        rest = more;
        byte += 1;
    }
    table
};

#[inline]
fn crc_step(crc: u32, byte: u8) -> u32 {
    let index = (crc as u8) ^ byte;
    CRC32C.get(usize::from(index)).copied().unwrap_or(0) ^ (crc >> 8)
}

/// CRC32c of `bytes`, as SCTP uses it (RFC 9260, appendix A): written little-endian.
pub fn crc32c(bytes: &[u8]) -> u32 {
    !crc_update(u32::MAX, bytes)
}

fn crc_update(crc: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(crc, |crc, &byte| crc_step(crc, byte))
}

/// Where SCTP's checksum is in its header: no other transport's is there.
pub(crate) const SCTP_CHECKSUM: u16 = 8;
const UDP_CHECKSUM: u16 = 6;

/// Completes the partial checksum that `offload` tells of and clears it there: for a host that hands
/// frames to a port which cannot do it. A checksum outside of the frame is left alone.
///
/// Segmentation is left as it is.
///
/// # Errors
///
/// [`NoMemory`] when the host cannot make the headers contiguous; nothing has changed then.
///
/// ```
/// use hypercall::{Frame, Offload, VecFrame};
/// use rumpswitch_datapath::checksum::complete;
///
/// let mut frame = VecFrame::from_bytes(&[0; 60]);
/// let mut offload = Offload { csum_start: 34, csum_offset: 16, gso: None };
/// complete(&mut frame, &mut offload)?;
/// assert_eq!(offload, Offload::NONE);
/// assert_eq!(&frame.headers()[50..52], [0xff, 0xff]);
/// # Ok::<(), rumpswitch_datapath::checksum::NoMemory>(())
/// ```
pub fn complete<F: Frame>(frame: &mut F, offload: &mut Offload) -> Result<(), NoMemory> {
    let (start, offset) = (usize::from(offload.csum_start), offload.csum_offset);
    let at = start.saturating_add(usize::from(offset));
    if start != 0 && at.saturating_add(2) <= frame.len() {
        if offset == SCTP_CHECKSUM {
            complete_crc(frame, start, at)?;
        } else {
            let sum = sum_of(frame, start, frame.len());
            let checksum = match !fold(sum) {
                0 if offset == UDP_CHECKSUM => 0xffff,
                checksum => checksum,
            };
            write(frame, at, &checksum.to_be_bytes())?;
        }
    }
    (offload.csum_start, offload.csum_offset) = (0, 0);
    Ok(())
}

/// The host could not make a frame's headers contiguous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

impl core::fmt::Display for NoMemory {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no memory to make headers contiguous")
    }
}

impl core::error::Error for NoMemory {}

/// The CRC covers the SCTP packet, which ends where IP says, not where padding does.
fn complete_crc<F: Frame>(frame: &mut F, start: usize, at: usize) -> Result<(), NoMemory> {
    let headers = headers_of(frame);
    let end = match headers.transport as usize == start {
        true => headers.network_end as usize,
        false => frame.len(),
    };
    if at.saturating_add(4) > end {
        return Ok(());
    }
    write_sctp_crc(frame, start, end)
}

/// Computes and writes the CRC32c of the SCTP packet from `start` to `end`.
pub(crate) fn write_sctp_crc<F: Frame>(
    frame: &mut F,
    start: usize,
    end: usize,
) -> Result<(), NoMemory> {
    let at = start.saturating_add(usize::from(SCTP_CHECKSUM));
    // The field counts as 0.
    write(frame, at, &[0; 4])?;
    let mut crc = u32::MAX;
    for_each_chunk(frame, start, end, |chunk| crc = crc_update(crc, chunk));
    write(frame, at, &(!crc).to_le_bytes())
}

fn write<F: Frame>(frame: &mut F, at: usize, bytes: &[u8]) -> Result<(), NoMemory> {
    let end = at.saturating_add(bytes.len());
    if frame.headers().len() < end && !frame.pull(end) {
        return Err(NoMemory);
    }
    frame.headers_mut().get_mut(at..end).ok_or(NoMemory)?.copy_from_slice(bytes);
    Ok(())
}

fn sum_of<F: Frame>(frame: &F, start: usize, end: usize) -> u64 {
    let mut total = 0u64;
    // Every chunk but the last is even.
    for_each_chunk(frame, start, end, |chunk| total = total.wrapping_add(sum(chunk)));
    total
}

/// The bytes from `start` to `end` in chunks of even length but for the last.
fn for_each_chunk<F: Frame>(frame: &F, start: usize, end: usize, mut f: impl FnMut(&[u8])) {
    if let Some(contiguous) = frame.headers().get(start..end) {
        return f(contiguous);
    }
    let mut at = start;
    while let Some(chunk) = bytes::<F, 256>(frame, at).filter(|_| end.saturating_sub(at) >= 256) {
        f(&chunk);
        at = at.saturating_add(256);
    }
    while let Some(word) = bytes::<F, 2>(frame, at).filter(|_| end.saturating_sub(at) >= 2) {
        f(&word);
        at = at.saturating_add(2);
    }
    if let Some(last) = bytes::<F, 1>(frame, at).filter(|_| at < end) {
        f(&last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32c_of_the_known_vectors() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa, "RFC 3720 B.4");
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43, "RFC 3720 B.4");
    }

    #[test]
    fn checksum_of_the_example_in_rfc_1071() {
        assert_eq!(!internet_checksum(&[0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7]), 0xddf2);
    }

    #[test]
    fn deltas_agree_with_the_whole_for_every_word() {
        for new in 0..=u16::MAX {
            let old = [0x12, 0x34, 0xab, 0xcd];
            let [a, b] = new.to_be_bytes();
            let mut delta = Delta::default();
            delta.replace(&old[2..], &[a, b]);
            let whole = internet_checksum(&[0x12, 0x34, a, b]);
            assert_eq!(delta.apply(internet_checksum(&old)), whole);
        }
    }
}
