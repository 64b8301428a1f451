//! A port that is to be called by another number, as switch(4) lets an administrator do while the
//! switch runs.

use hypercall::Port;
use ofp_codec::memory::{NoMemory, TryClone};
use ofp_codec::{OfpError, PortDesc, PortModFailedCode, PortNo, PortReason, PortStatus};

use super::{Gate, Ports};

impl Ports {
    /// Gives the port `from` the number `to`; that it went and that it came. The slot stays, and with
    /// it what is counted.
    pub(crate) fn renumber(&mut self, from: Port, to: Port) -> Result<[PortStatus; 2], OfpError> {
        const BAD_PORT: OfpError = OfpError::PortModFailed(PortModFailedCode::BadPort);
        let number = PortNo(to.0);
        let slot = self.slot(from).ok_or(BAD_PORT)?;
        if !(number.is_ordinary() || number == PortNo::LOCAL) || self.slot(to).is_some() {
            return Err(BAD_PORT);
        }
        let no_memory = |NoMemory| OfpError::PortModFailed(PortModFailedCode::Eperm);
        self.reserve_index(to).map_err(no_memory)?;
        let entry = self.ports.get_mut(slot).ok_or(BAD_PORT)?;
        let desc = entry.desc.try_clone().map_err(no_memory)?;
        let gone = PortStatus { reason: PortReason::Delete, desc };
        let desc = PortDesc { port_no: number, ..entry.desc.try_clone().map_err(no_memory)? };
        let come = PortStatus { reason: PortReason::Add, desc };
        entry.number = to;
        entry.desc.port_no = number;
        if let Some(place) = self.dense.get_mut(from.0 as usize) {
            *place = Gate::ABSENT;
        }
        self.others.remove(&from.0);
        self.set_gate(to, slot);
        // A port that the host was yet to be told of is told of by its new number.
        self.untold.retain(|port| *port != from);
        self.note_down(to);
        Ok([gone, come])
    }
}
