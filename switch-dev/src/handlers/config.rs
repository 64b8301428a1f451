//! OFPT_GET_CONFIG_REQUEST and OFPT_SET_CONFIG (§7.3.2).

use datapath::personality::Features;
use ofp_codec::{Config, ConfigFlags, Message, OfpError, Role, SwitchConfigFailedCode};

use crate::dispatch::Turn;

pub(crate) fn get<H: ?Sized>(turn: &mut Turn<'_, H>) -> Result<(), OfpError> {
    let flags = turn.core.switch.tables.fragments();
    let miss_send_len = turn.channel.miss_send_len;
    turn.reply(12, &Message::GetConfigReply(Config { flags, miss_send_len }));
    Ok(())
}

/// Fragments pass or drop; they cannot be reassembled, and saying so beats pretending. The fragment
/// mode is the switch's, so a slave only sets its own `miss_send_len`, whose value the decoder has
/// checked.
pub(crate) fn set<H: ?Sized>(turn: &mut Turn<'_, H>, wanted: Config) -> Result<(), OfpError> {
    let features = turn.core.switch.tables.personality().features;
    let possible = match features.contains(Features::FRAGMENT_DROP) {
        true => ConfigFlags::FRAG_DROP,
        false => ConfigFlags::empty(),
    };
    if !possible.contains(wanted.flags) {
        return Err(OfpError::SwitchConfigFailed(SwitchConfigFailedCode::BadFlags));
    }
    turn.channel.miss_send_len = wanted.miss_send_len;
    turn.channel.asked = true;
    turn.is_changed = true;
    if turn.channel.role != Role::Slave {
        turn.core.switch.tables.set_fragments(wanted.flags);
    }
    Ok(())
}
