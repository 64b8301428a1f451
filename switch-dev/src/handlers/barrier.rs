//! OFPT_BARRIER_REQUEST (§6.2, §7.3.8). Messages of a channel are executed one after the other, and
//! none is taken while a long reply is being queued; so when a barrier is executed, everything
//! before it is done and has its reply queued.

use ofp_codec::{Message, OfpError};

use crate::dispatch::Turn;

pub(crate) fn request<H: ?Sized>(turn: &mut Turn<'_, H>) -> Result<(), OfpError> {
    turn.reply(8, &Message::BarrierReply);
    Ok(())
}
