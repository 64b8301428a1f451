//! Push and pop of VLAN tags, label stack entries and PBB headers.
//!
//! Each push adds at the outermost place, right behind the MAC addresses and before other tags, so
//! that the order of tags is the order of operations (§5.12); each pop removes the outermost header
//! of its kind, wherever it is.

use hypercall::Frame;
use ofp_codec::OxmField;

use super::edit::{bytes_mut, close, has, open, pull, read_again};
use super::ttl::outermost_ttl;
use super::{RewriteError, contiguous};
use crate::extract::{bytes, is_vlan_type};
use crate::key::{Depth, Presence};
use crate::packet::Packet;

/// Bytes of two MAC addresses.
const MACS: usize = 12;

/// Pushes a VLAN tag of type 0x8100 or 0x88a8; VID and PCP are the outermost tag's, or 0
/// (`OFPAT_PUSH_VLAN`, §5.12.1).
///
/// # Errors
///
/// [`RewriteError::NoRoom`] when the host has no room for the tag.
#[doc(alias = "OFPAT_PUSH_VLAN")]
#[inline]
pub fn push_vlan<F: Frame>(packet: &mut Packet<F>, eth_type: u16) -> Result<(), RewriteError> {
    match contiguous::push_vlan(packet, eth_type) {
        Some(()) => Ok(()),
        None => push_any_vlan(packet, eth_type),
    }
}

#[inline(never)]
fn push_any_vlan<F: Frame>(packet: &mut Packet<F>, eth_type: u16) -> Result<(), RewriteError> {
    if !has(packet, Presence::ETH) {
        return Ok(());
    }
    let field = |field| packet.key.get(field).unwrap_or(0) as u16;
    let tci = (field(OxmField::VlanPcp) << 13) | (field(OxmField::VlanVid) & 0x0fff);
    open(packet, MACS, 4)?;
    let [t0, t1] = eth_type.to_be_bytes();
    let [c0, c1] = tci.to_be_bytes();
    bytes_mut(&mut packet.frame, MACS, 4)?.copy_from_slice(&[t0, t1, c0, c1]);
    if is_vlan_type(eth_type) {
        retag(packet, Some(tci), 4);
    } else {
        read_again(packet);
    }
    Ok(())
}

/// Brings key and headers in line with a new outermost tag, all else `by` bytes on. Where not all of
/// the tags could be read the frame is read again.
fn retag<F: Frame>(packet: &mut Packet<F>, tci: Option<u16>, by: i32) {
    if !packet.key.has(Presence::TAG_KNOWN | Presence::ETH_TYPE) {
        return read_again(packet);
    }
    let presence = packet.key.presence();
    packet.key.set(OxmField::VlanPcp, u128::from(tci.unwrap_or(0) >> 13));
    let vid = tci.map_or(0, |tci| tci & 0x0fff | 0x1000);
    packet.key.set(OxmField::VlanVid, u128::from(vid));
    packet.key.set_presence(match tci {
        Some(_) => presence | Presence::TAG,
        None => presence - Presence::TAG,
    });
    packet.headers = packet.headers.shifted(by);
}

/// Pops the outermost VLAN tag (`OFPAT_POP_VLAN`, §5.12).
///
/// # Errors
///
/// [`RewriteError::NoRoom`] when the host cannot make the headers contiguous.
#[doc(alias = "OFPAT_POP_VLAN")]
#[inline]
pub fn pop_vlan<F: Frame>(packet: &mut Packet<F>) -> Result<(), RewriteError> {
    match contiguous::pop_vlan(packet) {
        Some(()) => Ok(()),
        None => pop_any_vlan(packet),
    }
}

#[inline(never)]
fn pop_any_vlan<F: Frame>(packet: &mut Packet<F>) -> Result<(), RewriteError> {
    if !has(packet, Presence::TAG) {
        return Ok(());
    }
    close(packet, MACS, 4)?;
    let next = bytes(&packet.frame, MACS);
    let tci = next.and_then(|[t0, t1, c0, c1]| {
        is_vlan_type(u16::from_be_bytes([t0, t1])).then_some(u16::from_be_bytes([c0, c1]))
    });
    retag(packet, tci, -4);
    Ok(())
}

/// Pushes a label stack entry behind the MAC addresses, whose type becomes `eth_type`
/// (0x8847 or 0x8848). Label, traffic class and TTL are those of the outermost entry; without one
/// label and class are 0 and the TTL is IP's, else 0 (`OFPAT_PUSH_MPLS`, §5.12.1).
///
/// The bottom-of-stack bit is set unless an entry follows directly.
///
/// # Errors
///
/// [`RewriteError::NoRoom`] when the host has no room for the entry.
#[doc(alias = "OFPAT_PUSH_MPLS")]
pub fn push_mpls<F: Frame>(packet: &mut Packet<F>, eth_type: u16) -> Result<(), RewriteError> {
    packet.ensure(Depth::Whole);
    if !has(packet, Presence::ETH) {
        return Ok(());
    }
    let field = |field| packet.key.get(field).unwrap_or(0) as u32;
    let (label, tc) = (field(OxmField::MplsLabel), field(OxmField::MplsTc));
    let is_stacked = has(packet, Presence::MPLS) && packet.headers.eth_type as usize == MACS;
    let ttl = u32::from(outermost_ttl(packet));
    let entry = (label << 12) | (tc << 9) | (u32::from(!is_stacked) << 8) | ttl;
    open(packet, MACS.saturating_add(2), 4)?;
    let [t0, t1] = eth_type.to_be_bytes();
    let [e0, e1, e2, e3] = entry.to_be_bytes();
    bytes_mut(&mut packet.frame, MACS, 6)?.copy_from_slice(&[t0, t1, e0, e1, e2, e3]);
    read_again(packet);
    Ok(())
}

/// Pops the outermost label stack entry; the type in front of it becomes `eth_type`
/// (`OFPAT_POP_MPLS`, §5.12). Whether what follows is of that type is the controller's business.
///
/// # Errors
///
/// [`RewriteError::NoRoom`] when the host cannot make the headers contiguous.
#[doc(alias = "OFPAT_POP_MPLS")]
pub fn pop_mpls<F: Frame>(packet: &mut Packet<F>, eth_type: u16) -> Result<(), RewriteError> {
    if !has(packet, Presence::MPLS) {
        return Ok(());
    }
    let (type_at, entry_at) = (packet.headers.eth_type as usize, packet.headers.network as usize);
    pull(&mut packet.frame, entry_at.saturating_add(4))?;
    bytes_mut(&mut packet.frame, type_at, 2)?.copy_from_slice(&eth_type.to_be_bytes());
    close(packet, entry_at, 4)?;
    read_again(packet);
    Ok(())
}

/// Pushes a PBB header of type 0x88e7: MAC addresses, type and I-TAG. The new outer addresses are
/// the packet's, the I-SID that of the outermost I-TAG or 0, the priority the outermost VLAN tag's
/// or 0 (`OFPAT_PUSH_PBB`, §5.12.1).
///
/// # Errors
///
/// [`RewriteError::NoRoom`] when the host has no room for the header.
#[doc(alias = "OFPAT_PUSH_PBB")]
pub fn push_pbb<F: Frame>(packet: &mut Packet<F>, eth_type: u16) -> Result<(), RewriteError> {
    packet.ensure(Depth::Whole);
    if !has(packet, Presence::ETH) {
        return Ok(());
    }
    let field = |field| packet.key.get(field).unwrap_or(0) as u32;
    let tag = (field(OxmField::VlanPcp) << 29) | field(OxmField::PbbIsid);
    let Some(macs) = bytes::<F, MACS>(&packet.frame, 0) else { return Ok(()) };
    open(packet, MACS, 18)?;
    let [t0, t1] = eth_type.to_be_bytes();
    let [i0, i1, i2, i3] = tag.to_be_bytes();
    let header = bytes_mut(&mut packet.frame, MACS, 18)?;
    if let Some((front, customer)) = header.split_at_mut_checked(6) {
        front.copy_from_slice(&[t0, t1, i0, i1, i2, i3]);
        customer.copy_from_slice(&macs);
    }
    read_again(packet);
    Ok(())
}

/// Pops the outermost PBB header: the outer MAC addresses and the I-TAG, 18 bytes, so that the
/// customer's addresses come to the front. VLAN tags before the I-TAG stay (`OFPAT_POP_PBB`,
/// §5.12).
///
/// # Errors
///
/// [`RewriteError::NoRoom`] when the host cannot make the headers contiguous.
#[doc(alias = "OFPAT_POP_PBB")]
pub fn pop_pbb<F: Frame>(packet: &mut Packet<F>) -> Result<(), RewriteError> {
    if !has(packet, Presence::PBB) {
        return Ok(());
    }
    let type_at = packet.headers.eth_type as usize;
    let customer_at = type_at.saturating_add(6);
    // An I-TAG without the customer's Ethernet header is cut.
    let end = customer_at.saturating_add(14);
    let Some(macs) = bytes::<F, MACS>(&packet.frame, customer_at) else { return Ok(()) };
    if packet.frame.len() < end {
        return Ok(());
    }
    pull(&mut packet.frame, end)?;
    close(packet, type_at, 18)?;
    bytes_mut(&mut packet.frame, 0, MACS)?.copy_from_slice(&macs);
    read_again(packet);
    Ok(())
}
