//! Bundles (ONF extension 230 to 1.3): open, add, close, commit, discard.
//!
//! A message is decoded when it is added, so that what a commit can still fail by is the state of
//! the tables. A commit applies the messages in the order in which they came, and when one of them
//! fails undoes those before it: every bundle is atomic and ordered, asked for or not. Nothing is
//! forwarded meanwhile, so packets see all of it or nothing.
//!
//! Flow-mods, group-mods and port-mods can be bundled. Meter-mods cannot: undoing one would give its
//! meter full buckets. Packet-outs cannot: a frame that was sent cannot be called back.

use alloc::vec::Vec;

use ofp_codec::{
    BundleAdd, BundleControl, BundleControlType, Header, Message, MessageType, OfpError, VERSION,
};

use crate::bundle::BundleError;
use crate::channel::message_len;
use crate::dispatch::Turn;
use crate::quirks;

pub(crate) fn control<H: ?Sized>(
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
    let is_supported = matches!(
        MessageType::from_number(header.kind),
        Some(MessageType::FlowMod | MessageType::GroupMod | MessageType::PortMod)
    );
    if header.version != VERSION || !is_supported {
        return Err(BundleError::MsgUnsup.into());
    }
    let personality = turn.core.switch.tables.personality();
    Message::decode(inner).map_err(|found| quirks::translate(personality, inner, found))?;
    let (id, flags) = (request.bundle_id, request.flags);
    Ok(turn.channel.bundles.add(&turn.core.config, id, flags, inner)?)
}

/// Applies a bundle's messages, or none of them. The first that fails is answered with its own error
/// and its own xid, and the commit with MSG_FAILED.
fn commit<H: ?Sized>(turn: &mut Turn<'_, H>, messages: &[u8]) -> Result<(), OfpError> {
    turn.core.switch.tables.begin();
    let mut rest = messages;
    while let Some((message, behind)) = message_len(rest).and_then(|len| rest.split_at_checked(len))
    {
        let header = Header::peek(message);
        let xid = header.map_or(turn.xid, |header| header.xid);
        if header.is_some_and(|header| header.kind == MessageType::FlowMod as u8) {
            turn.flow_mod_xid.get_or_insert(xid);
        }
        if let Err(error) = apply(turn, message) {
            turn.core.switch.tables.roll_back();
            turn.channel.error(error, xid, message);
            return Err(BundleError::MsgFailed.into());
        }
        rest = behind;
    }
    turn.core.switch.tables.commit();
    Ok(())
}

fn apply<H: ?Sized>(turn: &mut Turn<'_, H>, message: &[u8]) -> Result<(), OfpError> {
    let tables = &mut turn.core.switch.tables;
    match Message::decode(message)?.1 {
        Message::FlowMod(flow_mod) => tables.flow_mod(turn.now, &flow_mod),
        Message::GroupMod(group_mod) => tables.group_mod(turn.now, &group_mod),
        Message::PortMod(port_mod) => tables.port_mod(&port_mod),
        _ => Err(BundleError::MsgUnsup.into()),
    }
}
