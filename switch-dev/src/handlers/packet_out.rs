//! OFPT_PACKET_OUT (§7.3.7): a frame of the controller's, through a list of actions and perhaps
//! the tables, before the call that brought it returns.

use hypercall::Hypercall;
use ofp_codec::{OfpError, PacketOut};

use datapath::Switch;

use crate::dispatch::Turn;

pub(crate) fn packet_out<H: Hypercall + ?Sized>(
    turn: &mut Turn<'_, H>,
    packet_out: &PacketOut,
) -> Result<(), OfpError> {
    let Switch { tables, worker, .. } = &mut turn.core.switch;
    worker.packet_out(tables, turn.host, turn.now, packet_out).map(|_| ())
}
