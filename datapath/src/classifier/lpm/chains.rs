//! The entries of an `lpm` table: one chain for each prefix, highest rank first. A chain is known by
//! its *leaf*, the number of its first record, which stays the same while the chain has an entry.

use crate::classifier::pages::Pages;
use crate::classifier::{Full, Hit, Rank};

/// No leaf.
pub(super) const NO_LEAF: u32 = 0;
/// Leaves are numbers below this: they share a word with a place in a node.
pub(super) const LEAF_LIMIT: usize = 1 << 23;

#[derive(Debug)]
pub(super) struct Chains {
    records: Pages<Record, 4096>,
    /// The first free record, linked by `next`; numbers as leaves have them.
    free: u32,
    entry_count: usize,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    rank: Rank,
    slot: u32,
    /// The leaf-like number of the record that comes next in rank, or [`NO_LEAF`].
    next: u32,
}

impl Record {
    fn hit(self) -> Hit {
        Hit { rank: self.rank, slot: self.slot }
    }
}

/// What became of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Another entry leads it, or its first has another rank.
    Lead,
    /// Only entries behind the first are concerned.
    Behind,
    /// The last entry has gone, and the leaf with it.
    Gone,
}

impl Chains {
    pub(super) const fn new() -> Chains {
        Chains { records: Pages::new(), free: NO_LEAF, entry_count: 0 }
    }

    pub(super) fn entry_count(&self) -> usize {
        self.entry_count
    }

    #[inline]
    fn get(&self, leaf: u32) -> Option<Record> {
        self.records.get(leaf.wrapping_sub(1) as usize).copied()
    }

    fn get_mut(&mut self, leaf: u32) -> Option<&mut Record> {
        self.records.get_mut(leaf.wrapping_sub(1) as usize)
    }

    /// The first entry of a chain; [`Hit::NONE`] for [`NO_LEAF`].
    #[inline]
    pub(super) fn hit(&self, leaf: u32) -> Hit {
        self.get(leaf).map_or(Hit::NONE, Record::hit)
    }

    /// Makes sure that the next entry finds room; `false`: there are as many as leaves can tell.
    pub(super) fn reserve(&mut self) -> Result<bool, Full> {
        if self.free == NO_LEAF {
            if self.records.len().saturating_add(1) >= LEAF_LIMIT {
                return Ok(false);
            }
            self.records.reserve(1)?;
        }
        Ok(true)
    }

    /// A chain of one entry, for which room has been made.
    pub(super) fn add(&mut self, hit: Hit) -> u32 {
        self.entry_count = self.entry_count.saturating_add(1);
        self.record(Record { rank: hit.rank, slot: hit.slot, next: NO_LEAF })
    }

    fn record(&mut self, record: Record) -> u32 {
        let taken = self.free;
        if let Some(place) = self.get_mut(taken) {
            let next = core::mem::replace(place, record).next;
            self.free = next;
            return taken;
        }
        self.records.push(record).map_or(NO_LEAF, |index| (index as u32).wrapping_add(1))
    }

    /// Adds an entry to a chain; room has been made.
    pub(super) fn link(&mut self, leaf: u32, hit: Hit) -> Change {
        self.entry_count = self.entry_count.saturating_add(1);
        let Some(first) = self.get(leaf) else { return Change::Behind };
        if hit.rank > first.rank {
            let moved = self.record(first);
            if let Some(place) = self.get_mut(leaf) {
                *place = Record { rank: hit.rank, slot: hit.slot, next: moved };
            }
            return Change::Lead;
        }
        let (mut before, mut next) = (leaf, first.next);
        while let Some(record) = self.get(next).filter(|record| record.rank > hit.rank) {
            (before, next) = (next, record.next);
        }
        let added = self.record(Record { rank: hit.rank, slot: hit.slot, next });
        if let Some(place) = self.get_mut(before) {
            place.next = added;
        }
        Change::Behind
    }

    /// The record of the entry of `rank`, and the one before it.
    fn seek(&self, leaf: u32, rank: Rank) -> Option<(u32, Option<u32>)> {
        let (mut at, mut before) = (leaf, None);
        loop {
            let record = self.get(at)?;
            if record.rank == rank {
                return Some((at, before));
            }
            (at, before) = (record.next, Some(at));
        }
    }

    /// Removes the entry of `rank` from a chain; `None` when it is not there.
    pub(super) fn unlink(&mut self, leaf: u32, rank: Rank) -> Option<Change> {
        let (at, before) = self.seek(leaf, rank)?;
        let record = self.get(at)?;
        self.entry_count = self.entry_count.saturating_sub(1);
        if let Some(before) = before {
            if let Some(place) = self.get_mut(before) {
                place.next = record.next;
            }
            self.release(at);
            return Some(Change::Behind);
        }
        match self.get(record.next) {
            // The leaf stays: the next in rank moves to it.
            Some(next) => {
                if let Some(place) = self.get_mut(leaf) {
                    *place = next;
                }
                self.release(record.next);
                Some(Change::Lead)
            }
            None => {
                self.release(leaf);
                Some(Change::Gone)
            }
        }
    }

    /// Takes the entry of `rank` out of a chain whose leaf stays, with nothing if it was the last;
    /// whether it was there.
    pub(super) fn empty(&mut self, leaf: u32, rank: Rank) -> bool {
        match self.get(leaf) {
            Some(first) if first.rank == rank && first.next == NO_LEAF => {
                self.entry_count = self.entry_count.saturating_sub(1);
                let none = Record { rank: Rank(0), slot: 0, next: NO_LEAF };
                self.get_mut(leaf).map(|place| *place = none).is_some()
            }
            _ => self.unlink(leaf, rank).is_some(),
        }
    }

    fn release(&mut self, at: u32) {
        let next = self.free;
        if let Some(place) = self.get_mut(at) {
            *place = Record { rank: Rank(0), slot: 0, next };
            self.free = at;
        }
    }

    /// Gives the entry of rank `old` another rank and slot: out of the chain and in again, which
    /// takes no memory. `None` when it is not there.
    pub(super) fn replace(&mut self, leaf: u32, old: Rank, new: Hit) -> Option<Change> {
        let (at, before) = self.seek(leaf, old)?;
        let record = self.get(at)?;
        let behind = self.get(record.next).map_or(Rank(0), |next| next.rank);
        let ahead = before.and_then(|before| self.get(before)).map(|before| before.rank);
        if new.rank > behind && ahead.is_none_or(|ahead| new.rank < ahead) {
            if let Some(place) = self.get_mut(at) {
                *place = Record { rank: new.rank, slot: new.slot, next: record.next };
            }
            return Some(if before.is_none() { Change::Lead } else { Change::Behind });
        }
        self.unlink(leaf, old)?;
        self.link(leaf, new);
        Some(Change::Lead)
    }

    /// Gives back about `pages` pages; whether little is left. Of no more use then.
    pub(super) fn free(&mut self, pages: usize) -> bool {
        self.records.free(pages)
    }

    pub(super) fn memory_len(&self) -> usize {
        self.records.memory_len()
    }
}
