//! OFPT_ECHO_REQUEST (§7.5.2): the same bytes come back, with the type changed.

use ofp_codec::{MessageType, OfpError};

use crate::dispatch::Turn;

pub(crate) fn request<H: ?Sized>(turn: &mut Turn<'_, H>) -> Result<(), OfpError> {
    let [version, _, rest @ ..] = turn.bytes else { return Ok(()) };
    turn.channel.reply(turn.bytes.len(), |buffer| {
        buffer.extend_from_slice(&[*version, MessageType::EchoReply as u8]);
        buffer.extend_from_slice(rest);
        Ok(())
    });
    Ok(())
}
