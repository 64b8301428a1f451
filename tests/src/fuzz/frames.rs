//! Bytes as a frame, read and rewritten beside the oracle.

use datapath::packet::Packet;
use datapath::{extract, rewrite};
use hypercall::{Frame, Meta, Port, VecFrame};
use ofp_codec::{Action, OxmField};

use crate::generate::{actions, frames as generated};
use crate::oracle::{fields, walk};
use crate::random::Random;

/// The first byte says how many actions the next ones choose; the rest is the frame, or chooses one.
pub fn frames(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let count = usize::from(first % 8);
    let (choices, rest) = rest.split_at(rest.len().min(count * 4));
    let mut frame = match first & 0x80 {
        0 => rest.to_vec(),
        _ => generated::frame(&mut Random::of_bytes(rest)),
    };
    let random = &mut Random::of_bytes(choices);
    let list = random.list(count, actions::change);
    same(&mut frame, &list).unwrap_or_else(|told| panic!("{told}"));
}

/// Does the actions to the frame in both ways.
///
/// # Errors
///
/// What differs, and of which frame.
pub fn same(frame: &mut Vec<u8>, list: &[Action]) -> Result<(), String> {
    let mut told = format!("{frame:02x?}");
    let mut packet = Packet::new(VecFrame::from_bytes(frame), Port(1), Meta::default());
    extract::extract(&mut packet);
    same_fields(&packet, &told)?;
    for action in list {
        told = format!("{told}, {action:?}");
        let valid = walk::change(action, frame).is_some();
        if act(&mut packet, action) != valid {
            return Err(format!("{told}: valid TTL: {valid}"));
        }
        if packet.frame.headers() != frame.as_slice() {
            return Err(format!("{told}: {:02x?}, not {frame:02x?}", packet.frame.headers()));
        }
        same_fields(&packet, &told)?;
    }
    Ok(())
}

fn same_fields(packet: &Packet<VecFrame>, told: &str) -> Result<(), String> {
    let layout = fields::read(packet.frame.headers());
    let beside = [OxmField::InPort, OxmField::InPhyPort, OxmField::Metadata, OxmField::TunnelId];
    for field in OxmField::ALL.into_iter().filter(|field| !beside.contains(field)) {
        let (ours, theirs) = (packet.key.get(field), layout.get(field));
        if ours != theirs {
            return Err(format!("{told}: {field:?} is {ours:?}, not {theirs:?}"));
        }
    }
    Ok(())
}

/// The action on the packet; whether it left a valid TTL.
fn act(packet: &mut Packet<VecFrame>, action: &Action) -> bool {
    let done = match action {
        Action::PushVlan(kind) => rewrite::push_vlan(packet, *kind),
        Action::PopVlan => rewrite::pop_vlan(packet),
        Action::PushMpls(kind) => rewrite::push_mpls(packet, *kind),
        Action::PopMpls(kind) => rewrite::pop_mpls(packet, *kind),
        Action::PushPbb(kind) => rewrite::push_pbb(packet, *kind),
        Action::PopPbb => rewrite::pop_pbb(packet),
        Action::CopyTtlOut => rewrite::copy_ttl_out(packet),
        Action::CopyTtlIn => rewrite::copy_ttl_in(packet),
        Action::SetNwTtl(ttl) => rewrite::set_nw_ttl(packet, *ttl),
        Action::DecNwTtl => rewrite::dec_nw_ttl(packet),
        Action::SetMplsTtl(ttl) => rewrite::set_mpls_ttl(packet, *ttl),
        Action::DecMplsTtl => rewrite::dec_mpls_ttl(packet),
        Action::SetField(oxm) => rewrite::set_field(packet, oxm.field, oxm.value),
        _ => Ok(()),
    };
    match done {
        Err(rewrite::RewriteError::NoRoom) => panic!("{action:?} found no room"),
        done => done.is_ok(),
    }
}
