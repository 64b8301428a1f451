//! Flow monitors (ONF extension 187 to 1.3): asked for and cancelled. What they tell is in
//! [`flow_updates`](crate::flow_updates).

use alloc::vec::Vec;

use ofp_codec::memory::try_collect;
use ofp_codec::multipart::{FlowMonitorFlags, FlowMonitorRequest, MONITOR_EXISTS, UNKNOWN_MONITOR};
use ofp_codec::{BadRequestCode, OfpError};

use crate::dispatch::{Turn, bad_request};
use crate::dump::Dump;
use crate::monitor::Monitor;

/// Starts all monitors of a request or none. The answer lists the entries that those want to hear of
/// that ask for the initial ones; it may be empty.
pub(crate) fn request<H: ?Sized>(
    turn: &mut Turn<'_, H>,
    requests: &[FlowMonitorRequest],
) -> Result<(), OfpError> {
    let no_room = bad_request(BadRequestCode::Eperm);
    let monitors = &mut turn.channel.monitors;
    let tables = &turn.core.switch.tables;
    if monitors.len().saturating_add(requests.len()) > turn.core.config.monitor_count {
        return Err(no_room);
    }
    let mut new: Vec<Monitor> = Vec::new();
    new.try_reserve_exact(requests.len()).map_err(|_| no_room)?;
    for request in requests {
        let &FlowMonitorRequest { id, flags, out_port, table_id, ref matching } = request;
        if monitors.has(id) || new.iter().any(|monitor| monitor.id == id) {
            return Err(MONITOR_EXISTS);
        }
        let filter = tables.flow_filter(table_id, out_port, matching)?;
        new.push(Monitor { id, flags, filter });
    }
    let mut initial = try_collect(new.iter().cloned()).map_err(|_| no_room)?;
    initial.retain(|monitor| monitor.flags.contains(FlowMonitorFlags::INITIAL));
    let dump = Dump::of_monitors(turn.core, turn.xid, initial)?;
    turn.channel.monitors.add(new).map_err(|_| no_room)?;
    turn.channel.dump = Some(dump);
    turn.is_changed = true;
    Ok(())
}

/// Ends a monitor.
pub(crate) fn cancel<H: ?Sized>(turn: &mut Turn<'_, H>, id: u32) -> Result<(), OfpError> {
    if !turn.channel.monitors.cancel(id) {
        return Err(UNKNOWN_MONITOR);
    }
    turn.is_changed = true;
    Ok(())
}
