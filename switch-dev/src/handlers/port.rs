//! OFPT_PORT_MOD (§7.3.4.3).

use ofp_codec::{OfpError, PortMod};

use crate::dispatch::Turn;

pub(crate) fn modify<H: ?Sized>(
    turn: &mut Turn<'_, H>,
    port_mod: &PortMod,
) -> Result<(), OfpError> {
    turn.core.switch.tables.port_mod(port_mod)
}
