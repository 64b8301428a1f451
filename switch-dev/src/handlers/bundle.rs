//! Bundles (ONF extension 230 to 1.3): open, add, close, commit, discard.
//!
//! A message is decoded when it is added, so that what a commit can still fail by is the state of
//! the tables. A commit applies the messages in the order in which they came, and when one of them
//! fails undoes those before it: every bundle is atomic and ordered, asked for or not. Nothing is
//! forwarded meanwhile, so packets see all of it or nothing.
//!
//! Flow-mods, group-mods, meter-mods, port-mods and packet-outs can be bundled. Packet-outs are sent
//! when everything else has taken effect and nothing can fail any more, in their order: a frame that
//! was sent cannot be called back. They find the tables as the whole bundle leaves them.

use alloc::vec::Vec;

use datapath::Switch;
use hypercall::Hypercall;
use ofp_codec::{
    BundleAdd, BundleControl, BundleControlType, Header, Message, MessageType, OfpError, VERSION,
};

use crate::bundle::BundleError;
use crate::channel::message_len;
use crate::dispatch::Turn;
use crate::handlers::packet_out;
use crate::quirks;

pub(crate) fn control<H: Hypercall + ?Sized>(
    turn: &mut Turn<'_, H>,
    request: &BundleControl,
) -> Result<(), OfpError> {
    let (id, flags) = (request.bundle_id, request.flags);
    let bundles = &mut turn.channel.bundles;
    let answer = match request.control {
        BundleControlType::OpenRequest => {
            bundles.open(&turn.core.config, id, flags)?;
            BundleControlType::OpenReply
        }
        BundleControlType::CloseRequest => {
            bundles.close(id, flags)?;
            BundleControlType::CloseReply
        }
        BundleControlType::CommitRequest => {
            let messages = bundles.commit(id, flags)?;
            commit(turn, &messages)?;
            BundleControlType::CommitReply
        }
        BundleControlType::DiscardRequest => {
            bundles.discard(id)?;
            BundleControlType::DiscardReply
        }
        _ => return Err(BundleError::BadType.into()),
    };
    let reply = BundleControl { bundle_id: id, control: answer, flags, properties: Vec::new() };
    turn.late_reply = Some(Message::BundleControl(reply));
    Ok(())
}

pub(crate) fn add<H: ?Sized>(turn: &mut Turn<'_, H>, request: &BundleAdd) -> Result<(), OfpError> {
    let inner = request.message.as_slice();
    let header = Header::peek(inner).ok_or(BundleError::MsgBadLen)?;
    if usize::from(header.length) != inner.len() {
        return Err(BundleError::MsgBadLen.into());
    }
    if header.xid != turn.xid {
        return Err(BundleError::MsgBadXid.into());
    }
    let personality = turn.core.switch.tables.personality();
    let kind = MessageType::from_number(header.kind).filter(|kind| personality.messages.has(*kind));
    let is_supported = matches!(
        kind,
        Some(
            MessageType::FlowMod
                | MessageType::GroupMod
                | MessageType::MeterMod
                | MessageType::PortMod
                | MessageType::PacketOut
        )
    );
    if header.version != VERSION || !is_supported {
        return Err(BundleError::MsgUnsup.into());
    }
    Message::decode(inner).map_err(|found| quirks::translate(personality, inner, found))?;
    let (id, flags) = (request.bundle_id, request.flags);
    Ok(turn.channel.bundles.add(&turn.core.config, id, flags, inner)?)
}

/// Applies a bundle's messages, or none of them. The first that fails is answered with its own error
/// and its own xid, and the commit with MSG_FAILED.
#[inline(never)] // what it has in hand is on the stack only while it works
fn commit<H: Hypercall + ?Sized>(turn: &mut Turn<'_, H>, messages: &[u8]) -> Result<(), OfpError> {
    turn.core.switch.tables.begin();
    let first_flow_mod = of_kind(messages, |kind| kind == MessageType::FlowMod).next();
    turn.flow_mod_xid = first_flow_mod.and_then(Header::peek).map(|header| header.xid);
    let is_packet_out = |kind| kind == MessageType::PacketOut;
    let changes = of_kind(messages, |kind| !is_packet_out(kind));
    let packet_outs = of_kind(messages, is_packet_out);
    for message in changes.chain(packet_outs.clone()) {
        if let Err(error) = apply(turn, message) {
            turn.core.switch.tables.roll_back();
            let xid = Header::peek(message).map_or(turn.xid, |header| header.xid);
            turn.channel.error(error, xid, message);
            return Err(BundleError::MsgFailed.into());
        }
    }
    turn.core.switch.tables.commit();
    for message in packet_outs {
        // It has been checked. What memory is too short for now is a packet that is lost, since what
        // is committed is not refused any more.
        if send(turn, message).is_err() {
            let Switch { tables, worker, .. } = &turn.core.switch;
            worker.lost_packet_out(tables);
        }
    }
    Ok(())
}

/// Does a packet-out.
#[inline(never)]
fn send<H: Hypercall + ?Sized>(turn: &mut Turn<'_, H>, message: &[u8]) -> Result<(), OfpError> {
    match Message::decode(message)? {
        (_, Message::PacketOut(packet_out)) => packet_out::packet_out(turn, &packet_out),
        _ => Ok(()),
    }
}

/// A bundle's messages of some types, in their order.
fn of_kind(
    messages: &[u8],
    is_wanted: impl Fn(MessageType) -> bool + Clone,
) -> impl Iterator<Item = &[u8]> + Clone {
    let mut rest = messages;
    let all = core::iter::from_fn(move || {
        let (message, behind) = message_len(rest).and_then(|len| rest.split_at_checked(len))?;
        rest = behind;
        Some(message)
    });
    all.filter(move |message| {
        let kind = Header::peek(message).and_then(|header| MessageType::from_number(header.kind));
        kind.is_some_and(&is_wanted)
    })
}

/// Makes a change, or sees whether a packet-out can be done.
#[inline(never)]
fn apply<H: ?Sized>(turn: &mut Turn<'_, H>, message: &[u8]) -> Result<(), OfpError> {
    let Switch { tables, worker, .. } = &mut turn.core.switch;
    match Message::decode(message)?.1 {
        Message::FlowMod(flow_mod) => tables.flow_mod(turn.now, &flow_mod),
        Message::GroupMod(group_mod) => tables.group_mod(turn.now, &group_mod),
        Message::MeterMod(meter_mod) => tables.meter_mod(turn.now, &meter_mod),
        Message::PortMod(port_mod) => tables.port_mod(&port_mod),
        Message::PacketOut(packet_out) => worker.check_packet_out(tables, &packet_out),
        _ => Err(BundleError::MsgUnsup.into()),
    }
}
