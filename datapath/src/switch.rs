//! A switch on one core: the tables and the one worker that forwards by them.

use alloc::alloc::{Layout, handle_alloc_error};
use alloc::vec::Vec;

use hypercall::{Hypercall, Meta, Nanos, Port};
use ofp_codec::memory::NoMemory;
use ofp_codec::{OfpError, PacketOut};

use crate::batch::Batch;
use crate::config::SwitchConfig;
use crate::tables::{Tables, TablesParts};
use crate::trace::TraceStep;
use crate::worker::{Events, Worker};

/// A switch on one core.
pub struct Switch {
    /// What controllers configured.
    pub tables: Tables,
    /// What forwards.
    pub worker: Worker,
}

/// What an empty switch has memory for, on the way to a [`Switch`].
///
/// A switch takes some kilobytes. Where stacks are small, it is put together of its parts in the place where it
/// stays, and memory is asked for before that.
///
/// ```
/// use rumpswitch_datapath::{Switch, SwitchConfig, SwitchParts};
///
/// let parts = SwitchParts::try_new(SwitchConfig::default())?;
/// assert!(size_of_val(&parts) < size_of::<Switch>() / 2);
/// let mut place = Vec::with_capacity(1);
/// place.push(Switch::from(parts));
/// # Ok::<(), ofp_codec::memory::NoMemory>(())
/// ```
pub struct SwitchParts {
    tables: TablesParts,
    worker: Worker,
}

impl SwitchParts {
    /// The parts of an empty switch.
    ///
    /// # Errors
    ///
    /// [`NoMemory`].
    pub fn try_new(config: SwitchConfig) -> Result<SwitchParts, NoMemory> {
        let worker = Worker::with_index(&config, 0)?;
        Ok(SwitchParts { tables: TablesParts::new(config)?, worker })
    }
}

impl From<SwitchParts> for Switch {
    /// Needs no memory.
    #[inline]
    fn from(parts: SwitchParts) -> Switch {
        Switch { tables: parts.tables.into(), worker: parts.worker }
    }
}

impl Switch {
    /// An empty switch.
    ///
    /// Aborts when memory is short; [`try_new`](Self::try_new) does not.
    pub fn new(config: SwitchConfig) -> Switch {
        Switch::try_new(config)
            .unwrap_or_else(|NoMemory| handle_alloc_error(Layout::new::<Switch>()))
    }

    /// [`new`](Self::new), which fails when memory is short.
    ///
    /// ```
    /// use rumpswitch_datapath::{Switch, SwitchConfig};
    ///
    /// let switch = Switch::try_new(SwitchConfig::default())?;
    /// assert_eq!(switch.tables.worker_count(), 1);
    /// # Ok::<(), ofp_codec::memory::NoMemory>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NoMemory`].
    pub fn try_new(config: SwitchConfig) -> Result<Switch, NoMemory> {
        SwitchParts::try_new(config).map(Switch::from)
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

    /// Tells the way of a frame that came in by `port`, step by step, and leaves no mark: nothing is
    /// counted, learned, metered, punted or transmitted.
    ///
    /// ```
    /// use hypercall::{Meta, Nanos, Port};
    /// use rumpswitch_datapath::{DropReason, PortConfig, Switch, SwitchConfig, TraceStep};
    ///
    /// let mut switch = Switch::new(SwitchConfig::default());
    /// switch.tables.port_add(Nanos(0), PortConfig::new(Port(1), "left"))?;
    /// let steps = switch.trace(Nanos(0), Port(1), Meta::default(), &[0x02; 60]);
    /// assert_eq!(steps.last(), Some(&TraceStep::Dropped(DropReason::TableMiss)));
    /// assert_eq!(switch.tables.drop_count(DropReason::TableMiss), 0);
    /// # Ok::<(), ofp_codec::OfpError>(())
    /// ```
    pub fn trace(&self, now: Nanos, port: Port, meta: Meta, frame: &[u8]) -> Vec<TraceStep> {
        let Ok(mut fragments) = self.worker.fragments.try_clone() else { return Vec::new() };
        self.tables.trace_with(&self.tables.stations, &mut fragments, now, port, meta, frame)
    }
}
