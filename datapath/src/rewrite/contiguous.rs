//! The usual changes, on frames whose headers are contiguous: what most programs do, in few
//! instructions.
//!
//! Each function does all of a change and keeps key, headers and checksums true, as the general ones
//! beside it do, or answers `None` and has changed nothing: then the header is not there, its bytes are
//! not contiguous, the host left a checksum partial, or the change is an unusual one.

use hypercall::{Frame, Offload};
use ofp_codec::OxmField;

use super::RewriteError;
use crate::checksum::Delta;
use crate::extract::is_vlan_type;
use crate::key::{Depth, Presence};
use crate::packet::Packet;

/// Writes a field of 64 bits at most.
#[inline(always)]
pub(super) fn set_field<F: Frame>(
    packet: &mut Packet<F>,
    field: OxmField,
    value: u64,
) -> Option<()> {
    match field {
        OxmField::EthDst => set_mac::<F, 0>(packet, value),
        OxmField::EthSrc => set_mac::<F, 6>(packet, value),
        OxmField::VlanVid => set_tag(packet, 0x0fff, value as u16),
        OxmField::VlanPcp => set_tag(packet, 0xe000, (value as u16) << 13),
        OxmField::Ipv4Src => set_address::<F, 12>(packet, value as u32),
        OxmField::Ipv4Dst => set_address::<F, 16>(packet, value as u32),
        OxmField::TcpSrc => set_tcp_port::<F, 0>(packet, value as u16),
        OxmField::TcpDst => set_tcp_port::<F, 2>(packet, value as u16),
        OxmField::UdpSrc => set_udp_port::<F, 0>(packet, value as u16),
        OxmField::UdpDst => set_udp_port::<F, 2>(packet, value as u16),
        _ => None,
    }
}

/// A MAC address, `AT` bytes into the frame: word 1 or 2 of the key.
#[inline(always)]
pub(super) fn set_mac<F: Frame, const AT: usize>(packet: &mut Packet<F>, value: u64) -> Option<()> {
    packet.ensure(Depth::Link);
    if !packet.key.has(Presence::ETH) {
        return None;
    }
    // One load and one store: eight bytes, the two of the other address stay.
    let at = if AT == 0 { 0 } else { 4 };
    let bytes = chunk::<F, 8>(&mut packet.frame, at)?;
    let old = u64::from_be_bytes(*bytes);
    let new = match AT {
        0 => (value << 16) | (old & 0xffff),
        _ => (value & 0xffff_ffff_ffff) | (old & (0xffff << 48)),
    };
    *bytes = new.to_be_bytes();
    let index = if AT == 0 { 1 } else { 2 };
    packet.key.set_word(index, (value << 16) | (packet.key.word(index) & 0xffff));
    Some(())
}

/// Both MAC addresses.
#[inline(always)]
pub(super) fn set_macs<F: Frame>(packet: &mut Packet<F>, dst: u64, src: u64) -> Option<()> {
    packet.ensure(Depth::Link);
    if !packet.key.has(Presence::ETH) {
        return None;
    }
    let bytes = chunk::<F, 12>(&mut packet.frame, 0)?;
    let (first, last) = bytes.split_first_chunk_mut::<8>()?;
    *first = ((dst << 16) | ((src >> 32) & 0xffff)).to_be_bytes();
    *last.first_chunk_mut::<4>()? = (src as u32).to_be_bytes();
    packet.key.set_word(1, (dst << 16) | (packet.key.word(1) & 0xffff));
    packet.key.set_word(2, (src << 16) | (packet.key.word(2) & 0xffff));
    Some(())
}

/// The bits of `mask` in the outermost VLAN tag.
#[inline(always)]
fn set_tag<F: Frame>(packet: &mut Packet<F>, mask: u16, bits: u16) -> Option<()> {
    packet.ensure(Depth::Link);
    if !packet.key.has(Presence::TAG) {
        return None;
    }
    let tci = chunk(&mut packet.frame, 14)?;
    *tci = ((u16::from_be_bytes(*tci) & !mask) | (bits & mask)).to_be_bytes();
    let word = packet.key.word(2) & !u64::from(mask) | u64::from(bits & mask);
    packet.key.set_word(2, word);
    Some(())
}

/// An address of IPv4, `OFFSET` bytes into its header.
#[inline(always)]
fn set_address<F: Frame, const OFFSET: usize>(packet: &mut Packet<F>, value: u32) -> Option<()> {
    packet.ensure(Depth::Whole);
    let presence = packet.key.presence();
    if !presence.contains(Presence::IPV4) || packet.meta.offload.is_partial() {
        return None;
    }
    let (network, transport) = (packet.headers.network as usize, packet.headers.transport as usize);
    let checksum_at = if presence.contains(Presence::UDP) {
        transport.wrapping_add(6)
    } else if presence.contains(Presence::TCP) {
        transport.wrapping_add(16)
    } else {
        0
    };
    let outer = match checksum_at {
        0 => None,
        at => Some(*chunk::<F, 2>(&mut packet.frame, at)?),
    };
    let header = chunk::<F, 20>(&mut packet.frame, network)?;
    let (front, back) = header.split_at_mut_checked(OFFSET)?;
    let [.., high, low] = front.first_chunk_mut::<12>()?;
    let address = back.first_chunk_mut::<4>()?;
    let delta = Delta::of_word(u32::from_be_bytes(*address), value);
    *address = value.to_be_bytes();
    [*high, *low] = delta.apply(u16::from_be_bytes([*high, *low])).to_be_bytes();
    if let Some(outer) = outer {
        let is_udp = presence.contains(Presence::UDP);
        let outer = follow(delta, u16::from_be_bytes(outer), is_udp);
        *chunk(&mut packet.frame, checksum_at)? = outer.to_be_bytes();
    }
    // Word 3: source and destination.
    let shift = if OFFSET == 12 { 32 } else { 0 };
    let word = packet.key.word(3) & !(0xffff_ffff << shift) | u64::from(value) << shift;
    packet.key.set_word(3, word);
    Some(())
}

/// A port of TCP, `OFFSET` bytes into its header.
#[inline(always)]
fn set_tcp_port<F: Frame, const OFFSET: usize>(packet: &mut Packet<F>, value: u16) -> Option<()> {
    let at = transport_at(packet, Presence::TCP)?;
    set_port::<OFFSET, 18>(chunk(&mut packet.frame, at)?, value, false)?;
    set_port_word(packet, OFFSET, value);
    Some(())
}

/// A port of UDP.
#[inline(always)]
fn set_udp_port<F: Frame, const OFFSET: usize>(packet: &mut Packet<F>, value: u16) -> Option<()> {
    let at = transport_at(packet, Presence::UDP)?;
    set_port::<OFFSET, 8>(chunk(&mut packet.frame, at)?, value, true)?;
    set_port_word(packet, OFFSET, value);
    Some(())
}

#[inline(always)]
fn transport_at<F: Frame>(packet: &mut Packet<F>, presence: Presence) -> Option<usize> {
    packet.ensure(Depth::Whole);
    let is_here = packet.key.has(presence) && !packet.meta.offload.is_partial();
    is_here.then_some(packet.headers.transport as usize)
}

/// A port in a header whose first `N` bytes end with its checksum.
#[inline(always)]
fn set_port<const OFFSET: usize, const N: usize>(
    header: &mut [u8; N],
    value: u16,
    is_udp: bool,
) -> Option<()> {
    let (front, checksum) = header.split_last_chunk_mut::<2>()?;
    let port = front.get_mut(OFFSET..)?.first_chunk_mut()?;
    let delta = Delta::of_word(u32::from(u16::from_be_bytes(*port)), u32::from(value));
    *port = value.to_be_bytes();
    *checksum = follow(delta, u16::from_be_bytes(*checksum), is_udp).to_be_bytes();
    Some(())
}

/// Word 4: source port, destination port, other things.
#[inline(always)]
fn set_port_word<F>(packet: &mut Packet<F>, offset: usize, value: u16) {
    let shift = if offset == 0 { 48 } else { 32 };
    let word = packet.key.word(4) & !(0xffff << shift) | u64::from(value) << shift;
    packet.key.set_word(4, word);
}

/// The transport's checksum after a change; in UDP, 0 says that none was computed.
#[inline(always)]
pub(super) fn follow(delta: Delta, checksum: u16, is_udp: bool) -> u16 {
    match delta.apply(checksum) {
        _ if is_udp && checksum == 0 => 0,
        0 if is_udp => 0xffff,
        checksum => checksum,
    }
}

/// Decrements IPv4's TTL.
#[inline(always)]
pub(super) fn dec_nw_ttl<F: Frame>(packet: &mut Packet<F>) -> Option<Result<(), RewriteError>> {
    packet.ensure(Depth::Whole);
    if !packet.key.has(Presence::IPV4) {
        return None;
    }
    let at = packet.headers.network as usize;
    let [.., ttl, _proto, high, low] = chunk::<F, 12>(&mut packet.frame, at)?;
    if *ttl <= 1 {
        return Some(Err(RewriteError::InvalidTtl));
    }
    *ttl = ttl.wrapping_sub(1);
    let checksum = Delta::MINUS_0X100.apply(u16::from_be_bytes([*high, *low]));
    [*high, *low] = checksum.to_be_bytes();
    Some(Ok(()))
}

/// Pushes a VLAN tag: the addresses move to the front, all else stays.
#[inline(always)]
pub(super) fn push_vlan<F: Frame>(packet: &mut Packet<F>, eth_type: u16) -> Option<()> {
    packet.ensure(Depth::Link);
    let all = Presence::ETH.union(Presence::TAG_KNOWN).union(Presence::ETH_TYPE);
    if !is_vlan_type(eth_type)
        || !packet.key.has(all)
        || packet.meta.offload != Offload::NONE
        || packet.frame.headers().len() < 12
        || !packet.frame.grow_front(4)
    {
        return None;
    }
    let Some([front @ .., t0, t1, c0, c1]) = packet.frame.headers_mut().first_chunk_mut::<16>()
    else {
        packet.frame.shrink_front(4);
        return None;
    };
    let tag = packet.key.word(2);
    let macs = [*t0, *t1, *c0, *c1];
    let [_, _, _, _, first @ ..] = *front;
    if let Some((begin, end)) = front.split_last_chunk_mut::<4>() {
        begin.copy_from_slice(&first);
        *end = macs;
    }
    [*t0, *t1] = eth_type.to_be_bytes();
    [*c0, *c1] = (tag as u16 & 0xefff).to_be_bytes();
    packet.key.set_word(2, tag | 0x1000);
    packet.key.set_presence(packet.key.presence().union(Presence::TAG));
    packet.headers = packet.headers.shifted(4);
    Some(())
}

/// Pops the only VLAN tag.
#[inline(always)]
pub(super) fn pop_vlan<F: Frame>(packet: &mut Packet<F>) -> Option<()> {
    packet.ensure(Depth::Link);
    let all = Presence::TAG.union(Presence::TAG_KNOWN).union(Presence::ETH_TYPE);
    if !packet.key.has(all) || packet.meta.offload != Offload::NONE {
        return None;
    }
    let [front @ .., t0, t1] = *chunk::<F, 18>(&mut packet.frame, 0)?;
    let [macs @ .., _, _, _, _] = front;
    if is_vlan_type(u16::from_be_bytes([t0, t1])) || !packet.frame.shrink_front(4) {
        return None;
    }
    *chunk::<F, 12>(&mut packet.frame, 0)? = macs;
    packet.key.set_word(2, packet.key.word(2) & !0xffff);
    packet.key.set_presence(packet.key.presence().difference(Presence::TAG));
    packet.headers = packet.headers.shifted(-4);
    Some(())
}

/// `N` writable bytes from `at` on, if they are contiguous.
#[inline(always)]
pub(super) fn chunk<F: Frame, const N: usize>(frame: &mut F, at: usize) -> Option<&mut [u8; N]> {
    frame.headers_mut().get_mut(at..)?.first_chunk_mut()
}
