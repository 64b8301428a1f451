//! One flow table: its classifier and the list of its entries in the order of their insertion.

use crate::classifier::Classifier;
use crate::flow_entry::{FlowEntry, NO_NEIGHBOUR};
use crate::fullness::{Eviction, Fullness, Vacancy};
use crate::slab::Slab;

/// One flow table. The entries themselves lie in a slab that all tables share.
pub(crate) struct FlowTable {
    pub(crate) classifier: Classifier,
    first: u32,
    last: u32,
    pub(crate) count: u32,
    pub(crate) fullness: Fullness,
}

impl FlowTable {
    pub(crate) fn new(seed: u64, eviction: Eviction, vacancy: Option<Vacancy>) -> FlowTable {
        FlowTable {
            classifier: Classifier::new(seed),
            first: NO_NEIGHBOUR,
            last: NO_NEIGHBOUR,
            count: 0,
            fullness: Fullness::new(eviction, vacancy),
        }
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
