//! OFPT_GROUP_MOD (§7.3.4.2).

use ofp_codec::{GroupMod, OfpError};

use crate::dispatch::Turn;

pub(crate) fn modify<H: ?Sized>(
    turn: &mut Turn<'_, H>,
    group_mod: &GroupMod,
) -> Result<(), OfpError> {
    turn.core.switch.tables.begin_group_mod(turn.now, group_mod)?;
    turn.carry_out()
}
