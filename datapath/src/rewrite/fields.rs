//! Set-field, field by field.

use hypercall::Frame;
use ofp_codec::OxmField;

use super::edit::{Covers, apply, change, change_sctp, has, read_again};
use super::{RewriteError, contiguous};
use crate::checksum::Delta;
use crate::extract::bytes;
use crate::fields::place;
use crate::key::Presence;
use crate::packet::Packet;

/// Writes a field of the outermost header that has it (§5.12, set-field). The value is OXM's,
/// right-aligned; bits beyond the field's width are ignored, as is VLAN_VID's `PRESENT`.
///
/// What is no header field (IN_PORT, IN_PHY_PORT) or is derived (IPV6_EXTHDR) stays as it is;
/// METADATA and TUNNEL_ID are written beside the bytes.
///
/// # Errors
///
/// [`RewriteError::NoRoom`] when the host cannot make the headers contiguous.
///
/// ```
/// use hypercall::{Frame, Meta, Port, VecFrame};
/// use ofp_codec::OxmField;
/// use rumpswitch_datapath::{packet::Packet, rewrite::set_field};
///
/// let mut packet = Packet::new(VecFrame::from_bytes(&[0; 60]), Port(1), Meta::default());
/// set_field(&mut packet, OxmField::EthDst, 0x0200_0000_0001)?;
/// assert_eq!(&packet.frame.headers()[..6], [2, 0, 0, 0, 0, 1]);
/// set_field(&mut packet, OxmField::TcpDst, 80)?; // no TCP header: no-op
/// # Ok::<(), rumpswitch_datapath::rewrite::RewriteError>(())
/// ```
#[inline]
pub fn set_field<F: Frame>(
    packet: &mut Packet<F>,
    field: OxmField,
    value: u128,
) -> Result<(), RewriteError> {
    match contiguous::set_field(packet, field, value as u64) {
        Some(()) => Ok(()),
        None => set_any_field(packet, field, value),
    }
}

#[inline(never)]
fn set_any_field<F: Frame>(
    packet: &mut Packet<F>,
    field: OxmField,
    value: u128,
) -> Result<(), RewriteError> {
    let presence = match field {
        OxmField::VlanVid => Presence::TAG,
        _ => place(field).presence,
    };
    if !has(packet, presence) {
        return Ok(());
    }
    let value = value & place(field).ones();
    match field {
        OxmField::InPort | OxmField::InPhyPort | OxmField::Ipv6Exthdr => Ok(()),
        OxmField::Metadata => {
            packet.write_metadata(value as u64, u64::MAX);
            Ok(())
        }
        OxmField::TunnelId => {
            packet.set_tunnel_id(value as u64);
            Ok(())
        }
        OxmField::EthType => {
            let at = packet.headers.eth_type as usize;
            if at != 0 {
                change(packet, at, (value as u16).to_be_bytes(), Covers::empty())?;
                read_again(packet);
            }
            Ok(())
        }
        OxmField::IpProto => {
            set_ip_proto(packet, value as u8)?;
            read_again(packet);
            Ok(())
        }
        OxmField::Icmpv6Type | OxmField::Icmpv6Code => {
            set_icmp(packet, field, value as u8)?;
            // Neighbour discovery's fields come and go with it.
            read_again(packet);
            Ok(())
        }
        OxmField::VlanVid => {
            set_vlan_vid(packet, value as u16 & 0x0fff)?;
            packet.key.set(field, value | 0x1000);
            Ok(())
        }
        _ => {
            set_in_place(packet, field, value)?;
            packet.key.set(field, value);
            Ok(())
        }
    }
}

/// The fields whose change changes no other field.
fn set_in_place<F: Frame>(
    packet: &mut Packet<F>,
    field: OxmField,
    value: u128,
) -> Result<(), RewriteError> {
    let (network, transport) = (packet.headers.network as usize, packet.headers.transport as usize);
    let plain = Covers::empty();
    let inside = Covers::TRANSPORT;
    let [.., b5, b4, b3, b2, b1, b0] = value.to_be_bytes();
    let (b16, b24, b32) = ([b1, b0], [b2, b1, b0], [b3, b2, b1, b0]);
    let b48 = [b5, b4, b3, b2, b1, b0];
    let at = |start: usize, offset: usize| start.saturating_add(offset);
    match field {
        OxmField::EthDst => change(packet, 0, b48, plain),
        OxmField::EthSrc => change(packet, 6, b48, plain),
        OxmField::VlanPcp => {
            modify(packet, 14, plain, |[high, low]| [(high & 0x1f) | (b0 << 5), low])
        }
        OxmField::IpDscp => set_tos(packet, 0x03, b0 << 2),
        OxmField::IpEcn => set_tos(packet, 0xfc, b0),
        OxmField::Ipv4Src => change(packet, at(network, 12), b32, Covers::IPV4 | Covers::PSEUDO),
        OxmField::Ipv4Dst => change(packet, at(network, 16), b32, Covers::IPV4 | Covers::PSEUDO),
        OxmField::TcpSrc | OxmField::UdpSrc => change(packet, transport, b16, inside),
        OxmField::TcpDst | OxmField::UdpDst => change(packet, at(transport, 2), b16, inside),
        OxmField::SctpSrc => change_sctp(packet, 0, b16),
        OxmField::SctpDst => change_sctp(packet, 2, b16),
        OxmField::Icmpv4Type | OxmField::Icmpv4Code => set_icmp(packet, field, b0),
        OxmField::ArpOp => change(packet, at(network, 6), b16, plain),
        OxmField::ArpSha => change(packet, at(network, 8), b48, plain),
        OxmField::ArpSpa => change(packet, at(network, 14), b32, plain),
        OxmField::ArpTha => change(packet, at(network, 18), b48, plain),
        OxmField::ArpTpa => change(packet, at(network, 24), b32, plain),
        OxmField::Ipv6Src => change(packet, at(network, 8), value.to_be_bytes(), Covers::PSEUDO),
        OxmField::Ipv6Dst => {
            // A waypoint is not what the pseudo-header has.
            let covers = if packet.headers.is_routed { plain } else { Covers::PSEUDO };
            change(packet, at(network, 24), value.to_be_bytes(), covers)
        }
        OxmField::Ipv6Flabel => {
            modify(packet, network, plain, |[b, old, _, _]| [b, (old & 0xf0) | (b2 & 0x0f), b1, b0])
        }
        OxmField::Ipv6NdTarget => change(packet, at(transport, 8), value.to_be_bytes(), inside),
        OxmField::Ipv6NdSll | OxmField::Ipv6NdTll => {
            change(packet, packet.headers.nd_option as usize, b48, inside)
        }
        OxmField::MplsLabel => modify_entry(packet, 0xffff_f000, (value as u32) << 12),
        OxmField::MplsTc => modify_entry(packet, 0x0000_0e00, (value as u32) << 9),
        OxmField::MplsBos => modify_entry(packet, 0x0000_0100, (value as u32) << 8),
        OxmField::PbbIsid => change(packet, at(network, 1), b24, plain),
        // The rest is set elsewhere.
        _ => Ok(()),
    }
}

/// Changes bytes by what they were.
fn modify<F: Frame, const N: usize>(
    packet: &mut Packet<F>,
    at: usize,
    covers: Covers,
    new: impl FnOnce([u8; N]) -> [u8; N],
) -> Result<(), RewriteError> {
    match bytes(&packet.frame, at) {
        Some(old) => change(packet, at, new(old), covers),
        None => Ok(()),
    }
}

fn set_vlan_vid<F: Frame>(packet: &mut Packet<F>, vid: u16) -> Result<(), RewriteError> {
    modify(packet, 14, Covers::empty(), |old| {
        (u16::from_be_bytes(old) & 0xf000 | vid).to_be_bytes()
    })
}

/// The label stack entry's bits in `mask`.
fn modify_entry<F: Frame>(
    packet: &mut Packet<F>,
    mask: u32,
    bits: u32,
) -> Result<(), RewriteError> {
    let at = packet.headers.network as usize;
    modify(packet, at, Covers::empty(), |old| {
        (u32::from_be_bytes(old) & !mask | bits & mask).to_be_bytes()
    })
}

/// IPv4's type of service or IPv6's traffic class: keeps the bits in `keep`, sets those of `bits`.
fn set_tos<F: Frame>(packet: &mut Packet<F>, keep: u8, bits: u8) -> Result<(), RewriteError> {
    let at = packet.headers.network as usize;
    if packet.key.has(Presence::IPV4) {
        return modify(packet, at, Covers::IPV4, |[version, tos]| [version, tos & keep | bits]);
    }
    modify(packet, at, Covers::empty(), |[version, label]| {
        let tos = ((version << 4) | (label >> 4)) & keep | bits;
        [(version & 0xf0) | (tos >> 4), (tos << 4) | (label & 0x0f)]
    })
}

/// The protocol above IP, which the pseudo-header has, too.
fn set_ip_proto<F: Frame>(packet: &mut Packet<F>, proto: u8) -> Result<(), RewriteError> {
    let at = packet.headers.ip_proto as usize;
    let Some([old]) = bytes(&packet.frame, at) else { return Ok(()) };
    // In the IPv4 header and in both pseudo-headers it is the lower half of a 16-bit word.
    let mut delta = Delta::default();
    delta.replace(&[0, old], &[0, proto]);
    let covers = match packet.key.has(Presence::IPV4) {
        true => Covers::IPV4 | Covers::PSEUDO,
        false => Covers::PSEUDO,
    };
    apply(packet, at, &[proto], delta, covers)
}

fn set_icmp<F: Frame>(
    packet: &mut Packet<F>,
    field: OxmField,
    value: u8,
) -> Result<(), RewriteError> {
    let at = packet.headers.transport as usize;
    modify(packet, at, Covers::TRANSPORT, |[kind, code]| match field {
        OxmField::Icmpv4Type | OxmField::Icmpv6Type => [value, code],
        _ => [kind, value],
    })
}
