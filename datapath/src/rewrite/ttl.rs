//! The TTL of IPv4, the hop limit of IPv6, the TTL of MPLS: set, decrement, copy.

use hypercall::Frame;

use super::edit::{Covers, bytes_mut, change, has, pull};
use super::{RewriteError, contiguous};
use crate::checksum::Delta;
use crate::extract::{bytes, protocol};
use crate::key::Presence;
use crate::packet::Packet;

/// A header that has a TTL, by where it begins.
#[derive(Clone, Copy)]
enum Header {
    Mpls(usize),
    Ipv4(usize),
    Ipv6(usize),
}

impl Header {
    fn ttl_at(self) -> usize {
        match self {
            Header::Mpls(at) => at.saturating_add(3),
            Header::Ipv4(at) => at.saturating_add(8),
            Header::Ipv6(at) => at.saturating_add(7),
        }
    }

    fn ttl<F: Frame>(self, packet: &Packet<F>) -> Option<u8> {
        bytes(&packet.frame, self.ttl_at()).map(|[ttl]| ttl)
    }

    fn set<F: Frame>(self, packet: &mut Packet<F>, ttl: u8) -> Result<(), RewriteError> {
        let Header::Ipv4(at) = self else {
            return change(packet, self.ttl_at(), [ttl], Covers::empty());
        };
        // Not by the packet's own headers: this one may be beneath a label stack or another IP.
        let checksum_at = at.saturating_add(10);
        let Some([old, proto]) = bytes(&packet.frame, self.ttl_at()) else { return Ok(()) };
        pull(&mut packet.frame, checksum_at.saturating_add(2))?;
        let mut delta = Delta::default();
        delta.replace(&[old, proto], &[ttl, proto]);
        if let [new, _, high, low] = bytes_mut(&mut packet.frame, self.ttl_at(), 4)? {
            *new = ttl;
            [*high, *low] = delta.apply(u16::from_be_bytes([*high, *low])).to_be_bytes();
        }
        Ok(())
    }

    /// The IP header at `at`, if one is there whole.
    fn internet<F: Frame>(packet: &Packet<F>, at: usize) -> Option<Header> {
        let [version_len]: [u8; 1] = bytes(&packet.frame, at)?;
        let here = packet.frame.len().saturating_sub(at);
        match version_len {
            0x45..=0x4f if here >= 20 => Some(Header::Ipv4(at)),
            0x60..=0x6f if here >= 40 => Some(Header::Ipv6(at)),
            _ => None,
        }
    }
}

/// The packet's IP header.
fn internet<F: Frame>(packet: &mut Packet<F>) -> Option<Header> {
    if !has(packet, Presence::IP) {
        return None;
    }
    let at = packet.headers.network as usize;
    Some(if packet.key.has(Presence::IPV4) { Header::Ipv4(at) } else { Header::Ipv6(at) })
}

/// The packet's outermost label stack entry.
fn mpls<F: Frame>(packet: &mut Packet<F>) -> Option<Header> {
    has(packet, Presence::MPLS).then_some(Header::Mpls(packet.headers.network as usize))
}

/// The two outermost headers with a TTL.
fn outermost<F: Frame>(packet: &mut Packet<F>) -> Option<(Header, Header)> {
    if let Some(outer @ Header::Mpls(at)) = mpls(packet) {
        let behind = at.saturating_add(4);
        let [_, _, bottom, _]: [u8; 4] = bytes(&packet.frame, at)?;
        let inner = if bottom & 1 == 0 {
            bytes::<F, 4>(&packet.frame, behind).map(|_| Header::Mpls(behind))?
        } else {
            Header::internet(packet, behind)?
        };
        return Some((outer, inner));
    }
    let outer = internet(packet)?;
    let behind = packet.headers.transport as usize;
    if behind == 0 {
        return None;
    }
    match (packet.ip_proto()?, Header::internet(packet, behind)?) {
        (protocol::IPV4, inner @ Header::Ipv4(_)) | (protocol::IPV6, inner @ Header::Ipv6(_)) => {
            Some((outer, inner))
        }
        _ => None,
    }
}

/// The TTL that a pushed label stack entry gets: the outermost one's, else IP's, else 0.
pub(super) fn outermost_ttl<F: Frame>(packet: &mut Packet<F>) -> u8 {
    let header = mpls(packet).or_else(|| internet(packet));
    header.and_then(|header| header.ttl(packet)).unwrap_or(0)
}

fn decrement<F: Frame>(packet: &mut Packet<F>, header: Option<Header>) -> Result<(), RewriteError> {
    let Some(header) = header else { return Ok(()) };
    match header.ttl(packet) {
        Some(0 | 1) => Err(RewriteError::InvalidTtl),
        Some(ttl) => header.set(packet, ttl.saturating_sub(1)),
        None => Ok(()),
    }
}

/// Sets the TTL or hop limit of the IP header (`OFPAT_SET_NW_TTL`, §5.12).
///
/// # Errors
///
/// [`RewriteError::NoRoom`] when the host cannot make the headers contiguous.
#[doc(alias = "OFPAT_SET_NW_TTL")]
pub fn set_nw_ttl<F: Frame>(packet: &mut Packet<F>, ttl: u8) -> Result<(), RewriteError> {
    match internet(packet) {
        Some(header) => header.set(packet, ttl),
        None => Ok(()),
    }
}

/// Decrements the TTL or hop limit of the IP header (`OFPAT_DEC_NW_TTL`, §5.12).
///
/// # Errors
///
/// [`RewriteError::InvalidTtl`] when it is 0 or 1, [`RewriteError::NoRoom`] as in [`set_nw_ttl`].
#[doc(alias = "OFPAT_DEC_NW_TTL")]
#[inline]
pub fn dec_nw_ttl<F: Frame>(packet: &mut Packet<F>) -> Result<(), RewriteError> {
    contiguous::dec_nw_ttl(packet).unwrap_or_else(|| dec_any_ttl(packet))
}

#[inline(never)]
fn dec_any_ttl<F: Frame>(packet: &mut Packet<F>) -> Result<(), RewriteError> {
    let header = internet(packet);
    decrement(packet, header)
}

/// Sets the TTL of the outermost label stack entry (`OFPAT_SET_MPLS_TTL`, §5.12).
///
/// # Errors
///
/// [`RewriteError::NoRoom`] when the host cannot make the headers contiguous.
#[doc(alias = "OFPAT_SET_MPLS_TTL")]
pub fn set_mpls_ttl<F: Frame>(packet: &mut Packet<F>, ttl: u8) -> Result<(), RewriteError> {
    match mpls(packet) {
        Some(header) => header.set(packet, ttl),
        None => Ok(()),
    }
}

/// Decrements the TTL of the outermost label stack entry (`OFPAT_DEC_MPLS_TTL`, §5.12).
///
/// # Errors
///
/// [`RewriteError::InvalidTtl`] when it is 0 or 1, [`RewriteError::NoRoom`] as in
/// [`set_mpls_ttl`].
#[doc(alias = "OFPAT_DEC_MPLS_TTL")]
pub fn dec_mpls_ttl<F: Frame>(packet: &mut Packet<F>) -> Result<(), RewriteError> {
    let header = mpls(packet);
    decrement(packet, header)
}

/// Copies the TTL of the next-to-outermost header with one to the outermost (`OFPAT_COPY_TTL_OUT`,
/// §5.12): MPLS to MPLS, IP to MPLS, IP to IP. A no-op unless there are two.
///
/// # Errors
///
/// [`RewriteError::NoRoom`] when the host cannot make the headers contiguous.
#[doc(alias = "OFPAT_COPY_TTL_OUT")]
pub fn copy_ttl_out<F: Frame>(packet: &mut Packet<F>) -> Result<(), RewriteError> {
    let Some((outer, inner)) = outermost(packet) else { return Ok(()) };
    match inner.ttl(packet) {
        Some(ttl) => outer.set(packet, ttl),
        None => Ok(()),
    }
}

/// Copies the TTL of the outermost header with one to the next-to-outermost
/// (`OFPAT_COPY_TTL_IN`, §5.12). A no-op unless there are two.
///
/// # Errors
///
/// [`RewriteError::NoRoom`] when the host cannot make the headers contiguous.
#[doc(alias = "OFPAT_COPY_TTL_IN")]
pub fn copy_ttl_in<F: Frame>(packet: &mut Packet<F>) -> Result<(), RewriteError> {
    let Some((outer, inner)) = outermost(packet) else { return Ok(()) };
    match outer.ttl(packet) {
        Some(ttl) => inner.set(packet, ttl),
        None => Ok(()),
    }
}
