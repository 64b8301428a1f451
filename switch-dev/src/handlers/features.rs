//! OFPT_FEATURES_REQUEST (§7.3.1).

use ofp_codec::{Message, OfpError, SwitchFeatures};

use crate::dispatch::Turn;

pub(crate) fn request<H: ?Sized>(turn: &mut Turn<'_, H>) -> Result<(), OfpError> {
    let tables = &turn.core.switch.tables;
    let config = tables.config();
    let features = SwitchFeatures {
        datapath_id: config.datapath_id,
        // Packet-ins carry the whole frame instead.
        n_buffers: 0,
        n_tables: config.n_tables,
        auxiliary_id: turn.channel.auxiliary_id(),
        capabilities: tables.personality().capabilities(),
        reserved: 0,
    };
    turn.reply(32, &Message::FeaturesReply(features));
    Ok(())
}
