//! OFPT_QUEUE_GET_CONFIG_REQUEST (§7.3.6). There are never more queues than one reply holds.

use ofp_codec::{Message, OfpError, PortNo, QueueConfig};

use crate::dispatch::Turn;

/// Bytes of a queue with both of its rates.
const QUEUE_LEN: usize = 48;

pub(crate) fn get_config<H: ?Sized>(turn: &mut Turn<'_, H>, port: PortNo) -> Result<(), OfpError> {
    let queues = turn.core.switch.tables.queues(port)?;
    let len = 16_usize.saturating_add(queues.len().saturating_mul(QUEUE_LEN));
    turn.reply(len, &Message::QueueGetConfigReply(QueueConfig { port, queues }));
    Ok(())
}
