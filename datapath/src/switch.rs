//! A switch on one core: the tables and the one worker that forwards by them.

use hypercall::{Hypercall, Nanos};
use ofp_codec::{OfpError, PacketOut};

use crate::config::SwitchConfig;
use crate::tables::Tables;
use crate::worker::{Batch, Events, Worker};

/// A switch on one core.
pub struct Switch {
    /// What controllers configured.
    pub tables: Tables,
    /// What forwards.
    pub worker: Worker,
}

impl Switch {
    /// An empty switch.
    pub fn new(config: SwitchConfig) -> Switch {
        let tables = Tables::new(config);
        let worker = Worker::new(&tables);
        Switch { tables, worker }
    }

    /// [`Worker::process`] on the switch's own tables.
    pub fn process<H: Hypercall + ?Sized>(
        &mut self,
        host: &mut H,
        now: Nanos,
        batch: &mut Batch<H::Frame>,
    ) -> Events {
        self.worker.process(&self.tables, host, now, batch)
    }

    /// [`Worker::packet_out`] on the switch's own tables.
    ///
    /// # Errors
    ///
    /// Those of [`Worker::packet_out`].
    pub fn packet_out<H: Hypercall + ?Sized>(
        &mut self,
        host: &mut H,
        now: Nanos,
        given: &PacketOut,
    ) -> Result<Events, OfpError> {
        self.worker.packet_out(&self.tables, host, now, given)
    }
}
