//! Bytes in place, with the checksums that cover them.

use bitflags::bitflags;
use hypercall::Frame;

use super::RewriteError;
use crate::checksum::{Delta, write_sctp_crc};
use crate::extract::{bytes, extract_to};
use crate::key::{Depth, Presence};
use crate::packet::Packet;

bitflags! {
    /// Which checksums cover a change.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Covers: u8 {
        /// The IPv4 header's.
        const IPV4 = 1 << 0;
        /// The transport's, by its pseudo-header.
        const PSEUDO = 1 << 1;
        /// The transport's, by its header or payload.
        const TRANSPORT = 1 << 2;
    }
}

/// A transport checksum to be kept right.
#[derive(Clone, Copy)]
struct TransportChecksum {
    at: usize,
    is_udp: bool,
    is_partial: bool,
}

/// Reads the headers again, as deep as before, after a change of what they are.
pub(super) fn read_again<F: Frame>(packet: &mut Packet<F>) {
    extract_to(packet, packet.depth);
}

/// `len` writable bytes from `at` on.
pub(super) fn bytes_mut<F: Frame>(
    frame: &mut F,
    at: usize,
    len: usize,
) -> Result<&mut [u8], RewriteError> {
    let end = at.checked_add(len).ok_or(RewriteError::NoRoom)?;
    if frame.headers().len() < end && !frame.pull(end) {
        return Err(RewriteError::NoRoom);
    }
    frame.headers_mut().get_mut(at..end).ok_or(RewriteError::NoRoom)
}

/// Makes the first `len` bytes contiguous.
pub(super) fn pull<F: Frame>(frame: &mut F, len: usize) -> Result<(), RewriteError> {
    if frame.headers().len() >= len || frame.pull(len) { Ok(()) } else { Err(RewriteError::NoRoom) }
}

/// Writes `new` at `at`, which is an even number of bytes into whatever is summed. Nothing happens
/// when the bytes are not there.
pub(super) fn change<F: Frame, const N: usize>(
    packet: &mut Packet<F>,
    at: usize,
    new: [u8; N],
    covers: Covers,
) -> Result<(), RewriteError> {
    let Some(old) = bytes::<F, N>(&packet.frame, at) else { return Ok(()) };
    let mut delta = Delta::default();
    if !covers.is_empty() {
        delta.replace(&old, &new);
    }
    apply(packet, at, &new, delta, covers)
}

/// Writes `new` at `at` and lets checksums follow `delta`.
pub(super) fn apply<F: Frame>(
    packet: &mut Packet<F>,
    at: usize,
    new: &[u8],
    delta: Delta,
    covers: Covers,
) -> Result<(), RewriteError> {
    let transport = match covers.intersects(Covers::PSEUDO | Covers::TRANSPORT) {
        true => transport_checksum(packet, covers),
        false => None,
    };
    let ipv4 = match covers.contains(Covers::IPV4) {
        true => (packet.headers.network as usize).checked_add(10),
        false => None,
    };
    let last = transport.map(|checksum| checksum.at).max(ipv4).map_or(0, |at| at.saturating_add(2));
    pull(&mut packet.frame, last.max(at.saturating_add(new.len())))?;
    bytes_mut(&mut packet.frame, at, new.len())?.copy_from_slice(new);
    if let Some(at) = ipv4 {
        update(&mut packet.frame, at, |checksum| delta.apply(checksum))?;
    }
    if let Some(TransportChecksum { at, is_udp, is_partial }) = transport {
        update(&mut packet.frame, at, |checksum| match (is_partial, is_udp, checksum) {
            (true, ..) => delta.apply_to_sum(checksum),
            // No checksum was computed.
            (_, true, 0) => 0,
            (_, true, _) => match delta.apply(checksum) {
                0 => 0xffff,
                checksum => checksum,
            },
            _ => delta.apply(checksum),
        })?;
    }
    Ok(())
}

fn update<F: Frame>(
    frame: &mut F,
    at: usize,
    change: impl FnOnce(u16) -> u16,
) -> Result<(), RewriteError> {
    if let [high, low] = bytes_mut(frame, at, 2)? {
        [*high, *low] = change(u16::from_be_bytes([*high, *low])).to_be_bytes();
    }
    Ok(())
}

/// The transport's checksum, if there is one that a change of `covers` concerns.
fn transport_checksum<F: Frame>(packet: &Packet<F>, covers: Covers) -> Option<TransportChecksum> {
    let start = packet.headers.transport as usize;
    let presence = packet.key.presence();
    let (offset, has_pseudo_header) = if presence.contains(Presence::TCP) {
        (16, true)
    } else if presence.contains(Presence::UDP) {
        (6, true)
    } else if presence.contains(Presence::ICMPV6) {
        (2, true)
    } else if presence.contains(Presence::ICMPV4) {
        (2, false)
    } else {
        return None;
    };
    let is_partial = usize::from(packet.meta.offload.csum_start) == start;
    let is_concerned = if is_partial {
        covers.contains(Covers::PSEUDO)
    } else {
        covers.contains(Covers::TRANSPORT) || has_pseudo_header
    };
    let at = start.checked_add(offset)?;
    let is_udp = presence.contains(Presence::UDP);
    is_concerned.then_some(TransportChecksum { at, is_udp, is_partial })
}

/// Writes a port of SCTP, `offset` bytes into its header, and computes the CRC32c anew.
pub(super) fn change_sctp<F: Frame>(
    packet: &mut Packet<F>,
    offset: usize,
    new: [u8; 2],
) -> Result<(), RewriteError> {
    let start = packet.headers.transport as usize;
    pull(&mut packet.frame, start.saturating_add(12))?;
    let port = bytes_mut(&mut packet.frame, start.saturating_add(offset), 2)?;
    if *port == new {
        // A checksum that is wrong is not made right on the way.
        return Ok(());
    }
    port.copy_from_slice(&new);
    let is_partial = usize::from(packet.meta.offload.csum_start) == start;
    if !is_partial && !packet.headers.is_fragment {
        write_sctp_crc(&mut packet.frame, start, packet.headers.network_end as usize)?;
    }
    Ok(())
}

/// Makes room for `count` bytes behind the first `at`, their content unspecified.
pub(super) fn open<F: Frame>(
    packet: &mut Packet<F>,
    at: usize,
    count: u16,
) -> Result<(), RewriteError> {
    let len = usize::from(count);
    pull(&mut packet.frame, at)?;
    let moved = shifted(packet, |start| start.checked_add(count))?;
    if !packet.frame.grow_front(len) {
        return Err(RewriteError::NoRoom);
    }
    let end = len.saturating_add(at);
    bytes_mut(&mut packet.frame, 0, end)?.copy_within(len..end, 0);
    packet.meta.offload = moved;
    Ok(())
}

/// Removes the `count` bytes behind the first `at`, which are there.
pub(super) fn close<F: Frame>(
    packet: &mut Packet<F>,
    at: usize,
    count: u16,
) -> Result<(), RewriteError> {
    let len = usize::from(count);
    let end = len.saturating_add(at);
    let moved = shifted(packet, |start| start.checked_sub(count))?;
    bytes_mut(&mut packet.frame, 0, end)?.copy_within(0..at, len);
    if !packet.frame.shrink_front(len) {
        return Err(RewriteError::NoRoom);
    }
    packet.meta.offload = moved;
    Ok(())
}

/// The offload's offsets after a push or pop in front of them.
fn shifted<F>(
    packet: &Packet<F>,
    shift: impl Fn(u16) -> Option<u16>,
) -> Result<hypercall::Offload, RewriteError> {
    let mut offload = packet.meta.offload;
    if offload.csum_start != 0 {
        offload.csum_start = shift(offload.csum_start).ok_or(RewriteError::NoRoom)?;
    }
    if let Some(gso) = &mut offload.gso {
        gso.header_len = shift(gso.header_len).ok_or(RewriteError::NoRoom)?;
    }
    Ok(offload)
}

/// Whether the packet has `presence`, its headers parsed as deep as that takes.
pub(super) fn has<F: Frame>(packet: &mut Packet<F>, presence: Presence) -> bool {
    let link = Presence::ETH | Presence::TAG_KNOWN | Presence::TAG | Presence::ETH_TYPE;
    packet.ensure(if link.contains(presence) { Depth::Link } else { Depth::Whole });
    packet.key.has(presence)
}
