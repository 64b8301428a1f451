//! OFPT_TABLE_MOD (§7.3.3).

use ofp_codec::{OfpError, TableMod};

use crate::dispatch::Turn;

pub(crate) fn modify<H: ?Sized>(
    turn: &mut Turn<'_, H>,
    table_mod: &TableMod,
) -> Result<(), OfpError> {
    turn.core.switch.tables.table_mod(table_mod)
}
