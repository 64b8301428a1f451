//! Who may watch a packet on its way: nobody in the fast path, the tracer when someone asks.

use hypercall::{Frame, Port};
use ofp_codec::PacketInReason;

use crate::counters::DropReason;
use crate::key::Key;
use crate::program::Act;
use crate::tables::Tables;

/// One step of a packet's way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    /// A table was searched.
    Lookup { table_id: u8, key: &'a Key, found: Option<u32> },
    /// NORMAL forwards it.
    Normal,
    /// An action is about to be done.
    Act(&'a Act),
    /// The action set is about to be executed.
    ActionSet,
    /// A group sends it through a bucket.
    Bucket { slot: u32, bucket: usize },
    /// A meter measures it.
    Meter { slot: u32 },
    /// It, or a copy of it, goes out of a port.
    Output(Port),
    /// It, or a copy of it, goes to the controllers.
    Punt(PacketInReason),
    /// It, or a copy of it, ends unsent.
    Dropped(DropReason),
}

/// Watches a packet; the walk is compiled once for each kind of watcher.
pub(crate) trait Observer {
    /// Whether the packet leaves no mark: nothing is counted, learned, metered, sent or punted.
    const DRY: bool;

    /// Sees a step.
    fn step(&mut self, tables: &Tables, step: Step<'_>);

    /// Sees a frame that goes out of a port.
    fn frame<F: Frame>(&mut self, port: Port, frame: &F);
}

/// Sees nothing and costs nothing.
pub(crate) struct Unobserved;

impl Observer for Unobserved {
    const DRY: bool = false;

    #[inline(always)]
    fn step(&mut self, _: &Tables, _: Step<'_>) {}

    #[inline(always)]
    fn frame<F: Frame>(&mut self, _: Port, _: &F) {}
}
