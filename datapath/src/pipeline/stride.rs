//! What the first stride of a walk has in hand and leaves: which packets are done, where the others stop, and
//! which action sets are in use.

use hypercall::Port;

use super::Way;
use super::ahead::Ahead;
use crate::batch::BATCH;
use crate::counters::Load;
use crate::execute::Carrier;
use crate::flow_entry::FlowEntry;
use crate::program::ActionSet;

/// What the first stride leaves, and what it works with.
pub(super) struct Stride<'a, 's> {
    pub(super) sets: &'s mut [ActionSet],
    /// Whose action set has been used, and was emptied before: a bit for each.
    pub(super) used: u32,
    pub(super) stops: &'s mut [Stop<'a>; BATCH],
    /// Whether no packet has anything left to do.
    pub(super) is_done: bool,
    /// Whether every step has to be told or counted, one packet at a time.
    pub(super) is_odd: bool,
    pub(super) ahead: Ahead,
    /// Packets that the table at hand has no entry for.
    pub(super) missed: u64,
    /// The way that was taken last: packets of one batch often leave by few ports.
    pub(super) way: Way,
}

impl<'a, 's> Stride<'a, 's> {
    pub(super) fn new(
        sets: &'s mut [ActionSet],
        stops: &'s mut [Stop<'a>; BATCH],
        is_odd: bool,
    ) -> Stride<'a, 's> {
        let way = Way::new(Port::NONE, None);
        let ahead = Ahead::default();
        Stride { sets, used: 0, stops, is_done: true, is_odd, ahead, missed: 0, way }
    }

    /// Whether the action set of one of these packets may have something in it.
    #[inline]
    pub(super) fn has_used(&self, run: &[u8]) -> bool {
        self.used != 0 && run.iter().any(|&at| self.used & bit(usize::from(at)) != 0)
    }

    /// Whether `run` is all that is under way, so that what others can see may be done at once.
    pub(super) fn is_first_of<F>(&self, run: &[u8], flight: &[Carrier<F>]) -> bool {
        self.is_done && self.ahead.is_empty() && run.len() == flight.len()
    }

    /// A packet's action set.
    pub(super) fn set(&mut self, at: u8) -> Option<&mut ActionSet> {
        let set = self.sets.get_mut(usize::from(at))?;
        let bit = bit(usize::from(at));
        if self.used & bit == 0 {
            self.used |= bit;
            set.clear();
        }
        Some(set)
    }

    /// A packet's first stride ends here.
    pub(super) fn stop(&mut self, at: u8, stop: Stop<'a>) {
        if let Some(place) = self.stops.get_mut(usize::from(at)) {
            *place = stop;
            self.is_done = false;
        }
    }
}

/// The bit of a packet in its batch.
#[inline]
pub(super) fn bit(at: usize) -> u32 {
    1u32.wrapping_shl(at as u32)
}

/// What the packets of a run count as.
#[inline]
pub(super) fn load_of<F>(run: &[u8], flight: &[Carrier<F>]) -> Load {
    let mut load = Load::default();
    if run.len() == flight.len() {
        flight.iter().for_each(|carrier| load.add(carrier.load));
        return load;
    }
    for &at in run {
        if let Some(carrier) = flight.get(usize::from(at)) {
            load.add(carrier.load);
        }
    }
    load
}

/// Calls `each` for each packet of `run`.
#[inline(always)]
pub(super) fn for_each_of<F>(
    run: &[u8],
    flight: &mut [Carrier<F>],
    mut each: impl FnMut(&mut Carrier<F>),
) {
    // All of a batch, as they mostly are while they hit one entry: nothing is looked up by its place.
    if run.len() == flight.len() {
        return flight.iter_mut().for_each(each);
    }
    for &at in run {
        if let Some(carrier) = flight.get_mut(usize::from(at)) {
            each(carrier);
        }
    }
}

/// Where a packet's first stride ends.
#[derive(Clone, Copy, Default)]
pub(super) enum Stop<'a> {
    /// At an entry whose program does something that others can see.
    Entry { table_id: u8, entry: &'a FlowEntry, done: usize },
    /// At the end of the pipeline, with its action set to be executed.
    End { table_id: u8 },
    /// Nothing is left to do: it missed a table, could not be rewritten, or owes its only output.
    #[default]
    Done,
}
