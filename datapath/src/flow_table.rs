//! One flow table: its classifier and the list of its entries in the order of their insertion.

use hypercall::Nanos;

use crate::classifier::Classifier;
use crate::flow_entry::{FlowEntry, NO_NEIGHBOUR};
use crate::fullness::{Eviction, Fullness, Vacancy};
use crate::slab::Slab;

/// Nanoseconds for each of its entries that a table which has been compiled is left as it is while flow-mods
/// come without a pause. To compile an entry takes some 1,000, so that is a sixteenth of the time, and a
/// table that grows by more than 60,000 entries a second is not compiled before it is at rest.
const PATIENCE: u64 = 16_000;

/// One flow table. The entries themselves lie in a slab that all tables share.
pub(crate) struct FlowTable {
    pub(crate) classifier: Classifier,
    first: u32,
    last: u32,
    pub(crate) count: u32,
    pub(crate) fullness: Fullness,
    /// When it was last seen to be compiled.
    compiled_at: Option<Nanos>,
}

impl FlowTable {
    pub(crate) fn new(seed: u64, eviction: Eviction, vacancy: Option<Vacancy>) -> FlowTable {
        FlowTable {
            classifier: Classifier::new(seed),
            first: NO_NEIGHBOUR,
            last: NO_NEIGHBOUR,
            count: 0,
            fullness: Fullness::new(eviction, vacancy),
            compiled_at: None,
        }
    }

    /// Tells the time to what decides when the table is compiled. A table that grows from nothing to
    /// a hundred thousand entries in a tenth of a second would be compiled twenty times, each time as what
    /// it is no more.
    pub(crate) fn pace(&mut self, now: Nanos) {
        if self.classifier.is_building() {
            self.compiled_at = Some(now);
        }
        self.classifier.hold_back(self.patience_end().is_some_and(|end| now < end));
    }

    /// Until when it is not compiled anew unless it is at rest.
    fn patience_end(&self) -> Option<Nanos> {
        Some(self.compiled_at?.plus(PATIENCE.saturating_mul(self.count.into())))
    }

    /// When the table is to be compiled, if that waits for time to pass.
    pub(crate) fn patient_until(&self) -> Option<Nanos> {
        self.patience_end().filter(|_| self.classifier.is_owed())
    }

    /// The oldest entry.
    pub(crate) fn first(&self) -> Option<u32> {
        (self.first != NO_NEIGHBOUR).then_some(self.first)
    }

    /// Adds the entry in `slot` as the newest.
    pub(crate) fn link(&mut self, slot: u32, entries: &mut Slab<FlowEntry>) {
        if let Some(entry) = entries.get_mut(slot) {
            entry.previous = self.last;
            entry.next = NO_NEIGHBOUR;
            self.fullness.came(slot, entry);
        }
        match entries.get_mut(self.last) {
            Some(last) => last.next = slot,
            None => self.first = slot,
        }
        self.last = slot;
        self.count = self.count.saturating_add(1);
    }

    /// Puts the entry in `slot` between the neighbours that it names, where it was taken from.
    pub(crate) fn relink(&mut self, slot: u32, entries: &mut Slab<FlowEntry>) {
        let Some(entry) = entries.get(slot) else { return };
        let (previous, next) = (entry.previous, entry.next);
        self.fullness.came(slot, entry);
        match entries.get_mut(previous) {
            Some(entry) => entry.next = slot,
            None => self.first = slot,
        }
        match entries.get_mut(next) {
            Some(entry) => entry.previous = slot,
            None => self.last = slot,
        }
        self.count = self.count.saturating_add(1);
    }

    /// Takes the entry in `slot` out of the list; it keeps the names of its neighbours.
    pub(crate) fn unlink(&mut self, slot: u32, entries: &mut Slab<FlowEntry>) {
        self.fullness.went(slot);
        let Some((previous, next)) = entries.get(slot).map(|entry| (entry.previous, entry.next))
        else {
            return;
        };
        match entries.get_mut(previous) {
            Some(entry) => entry.next = next,
            None => self.first = next,
        }
        match entries.get_mut(next) {
            Some(entry) => entry.previous = previous,
            None => self.last = previous,
        }
        self.count = self.count.saturating_sub(1);
    }
}
