//! OFPT_FEATURES_REQUEST (§7.3.1).

use ofp_codec::{Capabilities, Message, OfpError, SwitchFeatures};

use crate::dispatch::Turn;

pub(crate) fn request<H: ?Sized>(turn: &mut Turn<'_, H>) -> Result<(), OfpError> {
    let config = turn.core.switch.tables.config();
    let features = SwitchFeatures {
        datapath_id: config.datapath_id,
        // Packet-ins carry the whole frame instead.
        n_buffers: 0,
        n_tables: config.n_tables,
        auxiliary_id: 0,
        // Only what is answered: there is no reassembly.
        capabilities: Capabilities::FLOW_STATS
            | Capabilities::TABLE_STATS
            | Capabilities::PORT_STATS
            | Capabilities::GROUP_STATS
            | Capabilities::QUEUE_STATS,
        reserved: 0,
    };
    turn.reply(32, &Message::FeaturesReply(features));
    Ok(())
}
