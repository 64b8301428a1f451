//! Push and pop of VLAN tags, label stack entries and PBB headers. A push adds at the outermost place,
//! right behind the MAC addresses; a pop takes the outermost header of its kind (§5.12.1).

use ofp_codec::OxmField::{EthDst, MplsLabel, MplsTc, PbbIsid, VlanPcp};

use super::fields::{number, read};
use super::rewrite::outermost_ttl;

/// Pushes a VLAN tag with the priority and id of the outermost one, or zeroes.
pub fn push_vlan(frame: &mut Vec<u8>, kind: u16) {
    let layout = read(frame);
    if layout.get(EthDst).is_none() {
        return;
    }
    let tci = match layout.vlan {
        Some(at) => number(frame, at + 2, 2).unwrap() as u16 & 0xefff,
        None => 0,
    };
    frame.splice(12..12, [kind.to_be_bytes(), tci.to_be_bytes()].concat());
}

/// Pops the outermost VLAN tag.
pub fn pop_vlan(frame: &mut Vec<u8>) {
    if let Some(at) = read(frame).vlan {
        frame.drain(at..at + 4);
    }
}

/// Pushes a label stack entry: label, class and TTL of the outermost one; without one zeroes and the
/// TTL of IP. It is the bottom of the stack unless an entry follows it.
pub fn push_mpls(frame: &mut Vec<u8>, kind: u16) {
    let layout = read(frame);
    if layout.get(EthDst).is_none() {
        return;
    }
    let field = |field| layout.get(field).unwrap_or(0) as u32;
    let follows = layout.mpls.is_some() && layout.eth_type == Some(12);
    let entry = field(MplsLabel) << 12
        | field(MplsTc) << 9
        | u32::from(!follows) << 8
        | u32::from(outermost_ttl(frame));
    // The type that followed the addresses is not kept: what is beneath a label has none.
    let mut header = kind.to_be_bytes().to_vec();
    header.extend(entry.to_be_bytes());
    frame.splice(12..14, header);
}

/// Pops the outermost label stack entry; what is beneath is of type `kind`.
pub fn pop_mpls(frame: &mut Vec<u8>, kind: u16) {
    let layout = read(frame);
    if let (Some(entry), Some(eth_type)) = (layout.mpls, layout.eth_type) {
        frame[eth_type..eth_type + 2].copy_from_slice(&kind.to_be_bytes());
        frame.drain(entry..entry + 4);
    }
}

/// Pushes a PBB header: the addresses as they are, an I-TAG with the priority of the outermost VLAN
/// tag and the service of the outermost I-TAG or zeroes, then the customer's addresses.
pub fn push_pbb(frame: &mut Vec<u8>, kind: u16) {
    let layout = read(frame);
    if layout.get(EthDst).is_none() {
        return;
    }
    let field = |field| layout.get(field).unwrap_or(0) as u32;
    let tag = field(VlanPcp) << 29 | field(PbbIsid);
    let addresses = frame[..12].to_vec();
    let header = [&kind.to_be_bytes()[..], &tag.to_be_bytes(), &addresses].concat();
    frame.splice(12..12, header);
}

/// Pops the outermost PBB header, so that the customer's addresses come to the front; a VLAN tag in
/// front of the I-TAG stays. Without a customer's Ethernet header there is nothing to come out.
pub fn pop_pbb(frame: &mut Vec<u8>) {
    let layout = read(frame);
    let (Some(tag), Some(eth_type)) = (layout.pbb, layout.eth_type) else { return };
    let customer = tag + 4;
    if frame.len() < customer + 14 {
        return;
    }
    let addresses = frame[customer..customer + 12].to_vec();
    frame.drain(eth_type..customer + 12);
    frame[..12].copy_from_slice(&addresses);
}
