//! OFPT_FLOW_MOD (§7.3.4.1): decoded into the memory of the one before it, since they come by the
//! thousand.

use ofp_codec::{FlowMod, OfpError};

use crate::dispatch::Turn;
use crate::quirks;

pub(crate) fn request<H: ?Sized>(turn: &mut Turn<'_, H>) -> Result<(), OfpError> {
    let mut flow_mod = core::mem::take(&mut turn.core.flow_mod);
    let done = modify(turn, &mut flow_mod);
    turn.core.flow_mod = flow_mod;
    done
}

fn modify<H: ?Sized>(turn: &mut Turn<'_, H>, flow_mod: &mut FlowMod) -> Result<(), OfpError> {
    let tables = &mut turn.core.switch.tables;
    flow_mod
        .decode_again(turn.bytes)
        .map_err(|found| quirks::translate(tables.personality(), turn.bytes, found))?;
    turn.flow_mod_xid = Some(turn.xid);
    tables.begin_flow_mod(turn.now, flow_mod)?;
    turn.carry_out()
}
