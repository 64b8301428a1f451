//! The entries of an `lpm` table: one chain for each prefix, highest rank first. A chain is known by
//! its *leaf*, the number of its first record, which stays the same while the chain has an entry.

use crate::classifier::pages::Pages;
use crate::classifier::{Full, Hit, Rank};

/// No leaf.
pub(super) const NO_LEAF: u32 = 0;
/// Leaves are numbers below this: they share a word with a place in a node.
pub(super) const LEAF_LIMIT: usize = 1 << 23;

/// What a lookup is after, the slots, lie close together: a line has those of sixteen leaves.
#[derive(Debug)]
pub(super) struct Chains {
    slots: Pages<u32, PAGE>,
    ranks: Pages<Rank, PAGE>,
    nexts: Pages<u32, PAGE>,
    /// The first free record, linked by `next`; numbers as leaves have them.
    free: u32,
    entry_count: usize,
}

/// Records in a page.
const PAGE: usize = 4096;

/// An entry in its chain.
#[derive(Clone, Copy, Debug)]
struct Record {
    rank: Rank,
    slot: u32,
    /// The leaf-like number of the record that comes next in rank, or [`NO_LEAF`].
    next: u32,
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
        Chains {
            slots: Pages::new(),
            ranks: Pages::new(),
            nexts: Pages::new(),
            free: NO_LEAF,
            entry_count: 0,
        }
    }

    pub(super) fn entry_count(&self) -> usize {
        self.entry_count
    }

    fn get(&self, leaf: u32) -> Option<Record> {
        let at = leaf.wrapping_sub(1) as usize;
        let (&slot, &rank) = (self.slots.get(at)?, self.ranks.get(at)?);
        Some(Record { rank, slot, next: *self.nexts.get(at)? })
    }

    /// Puts a record in the place of another; whether there was one.
    fn set(&mut self, leaf: u32, record: Record) -> bool {
        let at = leaf.wrapping_sub(1) as usize;
        let places = (self.slots.get_mut(at), self.ranks.get_mut(at), self.nexts.get_mut(at));
        let (Some(slot), Some(rank), Some(next)) = places else { return false };
        (*slot, *rank, *next) = (record.slot, record.rank, record.next);
        true
    }

    fn set_next(&mut self, leaf: u32, next: u32) {
        if let Some(place) = self.nexts.get_mut(leaf.wrapping_sub(1) as usize) {
            *place = next;
        }
    }

    /// The slot of the first entry of a chain; `None` for [`NO_LEAF`].
    #[inline]
    pub(super) fn slot(&self, leaf: u32) -> Option<u32> {
        self.slots.get(leaf.wrapping_sub(1) as usize).copied()
    }

    /// The rank of the first entry of a chain; lowest for [`NO_LEAF`].
    #[inline]
    pub(super) fn rank(&self, leaf: u32) -> Rank {
        self.ranks.get(leaf.wrapping_sub(1) as usize).copied().unwrap_or_default()
    }

    /// The first entry of a chain; [`Hit::NONE`] for [`NO_LEAF`].
    #[inline]
    pub(super) fn hit(&self, leaf: u32) -> Hit {
        self.slot(leaf).map_or(Hit::NONE, |slot| Hit { rank: self.rank(leaf), slot })
    }

    /// Makes sure that the next entry finds room; `false`: there are as many as leaves can tell.
    pub(super) fn reserve(&mut self) -> Result<bool, Full> {
        if self.free == NO_LEAF {
            if self.slots.len().saturating_add(1) >= LEAF_LIMIT {
                return Ok(false);
            }
            self.slots.reserve(1)?;
            self.ranks.reserve(1)?;
            self.nexts.reserve(1)?;
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
        if let Some(free) = self.get(taken) {
            self.set(taken, record);
            self.free = free.next;
            return taken;
        }
        let (slot, rank) = (self.slots.push(record.slot), self.ranks.push(record.rank));
        match (slot, rank, self.nexts.push(record.next)) {
            (Ok(index), Ok(_), Ok(_)) => (index as u32).wrapping_add(1),
            // Room has been made.
            _ => NO_LEAF,
        }
    }

    /// Adds an entry to a chain; room has been made.
    pub(super) fn link(&mut self, leaf: u32, hit: Hit) -> Change {
        self.entry_count = self.entry_count.saturating_add(1);
        let Some(first) = self.get(leaf) else { return Change::Behind };
        if hit.rank > first.rank {
            let moved = self.record(first);
            self.set(leaf, Record { rank: hit.rank, slot: hit.slot, next: moved });
            return Change::Lead;
        }
        let (mut before, mut next) = (leaf, first.next);
        while let Some(record) = self.get(next).filter(|record| record.rank > hit.rank) {
            (before, next) = (next, record.next);
        }
        let added = self.record(Record { rank: hit.rank, slot: hit.slot, next });
        self.set_next(before, added);
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
            self.set_next(before, record.next);
            self.release(at);
            return Some(Change::Behind);
        }
        match self.get(record.next) {
            // The leaf stays: the next in rank moves to it.
            Some(next) => {
                self.set(leaf, next);
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
                self.set(leaf, Record { rank: Rank(0), slot: 0, next: NO_LEAF })
            }
            _ => self.unlink(leaf, rank).is_some(),
        }
    }

    fn release(&mut self, at: u32) {
        let next = self.free;
        if self.set(at, Record { rank: Rank(0), slot: 0, next }) {
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
            self.set(at, Record { rank: new.rank, slot: new.slot, next: record.next });
            return Some(if before.is_none() { Change::Lead } else { Change::Behind });
        }
        self.unlink(leaf, old)?;
        self.link(leaf, new);
        Some(Change::Lead)
    }

    /// Gives back about `pages` pages; whether little is left. Of no more use then.
    pub(super) fn free(&mut self, pages: usize) -> bool {
        self.slots.free(pages) & self.ranks.free(pages) & self.nexts.free(pages)
    }

    pub(super) fn memory_len(&self) -> usize {
        let slots = self.slots.memory_len().saturating_add(self.ranks.memory_len());
        slots.saturating_add(self.nexts.memory_len())
    }
}
