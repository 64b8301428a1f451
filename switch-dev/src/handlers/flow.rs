//! OFPT_FLOW_MOD (§7.3.4.1).

use ofp_codec::{FlowMod, OfpError};

use crate::dispatch::Turn;

pub(crate) fn modify<H: ?Sized>(
    turn: &mut Turn<'_, H>,
    flow_mod: &FlowMod,
) -> Result<(), OfpError> {
    turn.flow_mod_xid = Some(turn.xid);
    turn.core.switch.tables.flow_mod(turn.now, flow_mod)
}
