//! OFPT_GET_ASYNC_REQUEST and OFPT_SET_ASYNC (§7.3.10): a channel's own masks.

use ofp_codec::{AsyncConfig, Message, OfpError};

use crate::dispatch::Turn;

pub(crate) fn get<H: ?Sized>(turn: &mut Turn<'_, H>) -> Result<(), OfpError> {
    let masks = turn.channel.masks;
    turn.reply(32, &Message::GetAsyncReply(masks));
    Ok(())
}

/// Bits that stand for no reason are kept and never matter. Masks are neither inherited nor reset
/// by a change of role.
pub(crate) fn set<H: ?Sized>(turn: &mut Turn<'_, H>, wanted: AsyncConfig) -> Result<(), OfpError> {
    turn.channel.masks = wanted;
    turn.channel.asked = true;
    turn.is_changed = true;
    Ok(())
}
