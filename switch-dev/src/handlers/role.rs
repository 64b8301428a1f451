//! OFPT_ROLE_REQUEST (§6.3.6, §7.3.9).

use datapath::personality::Features;
use ofp_codec::{Message, OfpError, Role, RoleMessage, RoleRequestFailedCode};

use crate::dispatch::Turn;

/// Equal can always be had; master and slave are claimed with a generation id that must not be
/// stale. A master has no other beside it.
pub(crate) fn request<H: ?Sized>(
    turn: &mut Turn<'_, H>,
    request: RoleMessage,
) -> Result<(), OfpError> {
    if !turn.core.switch.tables.personality().features.contains(Features::ROLES) {
        return Err(OfpError::RoleRequestFailed(RoleRequestFailedCode::Unsup));
    }
    if matches!(request.role, Role::Master | Role::Slave) {
        turn.core.generation.accept(request.generation_id)?;
    }
    if request.role != Role::NoChange {
        turn.channel.role = request.role;
        turn.channel.asked = true;
        turn.is_changed = true;
        turn.is_new_master = request.role == Role::Master;
    }
    let reply = RoleMessage { role: turn.channel.role, generation_id: turn.core.generation.get() };
    turn.reply(24, &Message::RoleReply(reply));
    Ok(())
}
