//! OFPT_METER_MOD (§7.3.4.4).

use ofp_codec::{MeterMod, OfpError};

use crate::dispatch::Turn;

pub(crate) fn modify<H: ?Sized>(
    turn: &mut Turn<'_, H>,
    meter_mod: &MeterMod,
) -> Result<(), OfpError> {
    turn.core.switch.tables.begin_meter_mod(turn.now, meter_mod)?;
    turn.carry_out()
}
