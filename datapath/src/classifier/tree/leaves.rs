//! The leaves: lists of entries in the order of rank. Each entry has a filter there, the value and
//! the mask of one word, the one that tells the entries of the leaf apart best: four filters are a
//! cache line, and only an entry whose filter passes is looked at itself.

use core::ops::Range;

use super::super::Full;
use super::entries::{Entries, NONE};
use super::node::Ref;
use crate::chunks::Chunks;
use crate::key::Key;

/// Filters of a chunk: 4 MiB. No leaf goes across the end of one.
const CHUNK: usize = 1 << 18;
/// Filters are given in fours: a cache line.
const UNIT: usize = 4;
/// Sizes of places that are given again once they are free.
const CLASSES: usize = 16;

#[derive(Clone, Copy, Debug, Default)]
struct Filter {
    value: u64,
    mask: u64,
}

/// All leaves.
#[derive(Debug)]
pub(super) struct Leaves {
    filters: Chunks<Filter, CHUNK>,
    /// The entry of each filter. A free place begins with the next one's base.
    names: Chunks<u32, CHUNK>,
    /// Filters that there may be.
    room: usize,
    /// The bases of the first free places of 1, 2, 3... times [`UNIT`] filters.
    free: [u32; CLASSES],
}

impl Leaves {
    /// Room for `room` filters.
    pub(super) fn new(room: usize) -> Result<Leaves, Full> {
        let (filters, names) = (Chunks::with_room(room)?, Chunks::with_room(room)?);
        Ok(Leaves { filters, names, room, free: [NONE; CLASSES] })
    }

    /// A place for `len` filters.
    fn give(&mut self, len: usize) -> Option<usize> {
        let class = self.free.get_mut((len / UNIT).wrapping_sub(1));
        if let Some(first) = class.filter(|first| **first != NONE) {
            let base = *first as usize;
            *first = self.names.get(base).copied().unwrap_or(NONE);
            return Some(base);
        }
        let old = self.filters.len();
        let base = match old.checked_next_multiple_of(CHUNK)? {
            next if next.saturating_sub(old) < len => next,
            _ => old,
        };
        let end = base.checked_add(len)?;
        if end > self.room || end >= NONE as usize {
            return None;
        }
        let more = end.saturating_sub(old);
        self.filters.reserve(more).ok()?;
        self.names.reserve(more).ok()?;
        self.filters.extend(more, Filter::default()).ok()?;
        self.names.extend(more, 0).ok()?;
        Some(base)
    }

    /// Takes back a place for `len` filters. Larger ones than are given again are lost.
    fn take(&mut self, base: usize, len: usize) {
        let class = self.free.get_mut((len / UNIT).wrapping_sub(1));
        if let (Some(first), Some(next)) = (class, self.names.get_mut(base)) {
            *next = core::mem::replace(first, base as u32);
        }
    }

    /// The filters that a leaf of `count` entries takes.
    pub(super) fn units(count: usize) -> usize {
        count.next_multiple_of(UNIT)
    }

    /// Whether all leaves are in the first chunk, so that they may be looked at as `FLAT`.
    #[inline]
    pub(super) fn is_flat(&self) -> bool {
        self.filters.is_flat() && self.names.is_flat()
    }

    /// A load of each of the first lines of a leaf.
    #[inline]
    pub(super) fn touch<const FLAT: bool>(&self, leaf: Ref) -> u64 {
        let base = leaf.base() as usize;
        let end = base.wrapping_add(leaf.count());
        let names = self.names.get_as::<FLAT>(base).copied().unwrap_or(0);
        let filters = self.filters.slice_as::<FLAT>(base..end).unwrap_or_default();
        filters.iter().step_by(UNIT).fold(u64::from(names), |warm, filter| warm ^ filter.value)
    }

    /// The next entry from place `from` on whose filter `key` passes, and its place.
    #[inline]
    pub(super) fn candidate<const FLAT: bool>(
        &self,
        leaf: Ref,
        from: usize,
        key: &Key,
    ) -> Option<(usize, u32)> {
        let base = leaf.base() as usize;
        let start = base.wrapping_add(from);
        let filters = self.filters.slice_as::<FLAT>(start..base.wrapping_add(leaf.count()))?;
        let word = key.word(leaf.word());
        let passed = filters.iter().position(|filter| word & filter.mask == filter.value)?;
        let name = self.names.get_as::<FLAT>(start.wrapping_add(passed))?;
        Some((from.wrapping_add(passed), *name))
    }

    /// The entries of a leaf, highest rank first.
    pub(super) fn entries(&self, leaf: Ref) -> &[u32] {
        let base = leaf.base() as usize;
        self.names.slice(base..base.wrapping_add(leaf.count())).unwrap_or_default()
    }

    /// Writes the entry in place `at` of the leaf.
    fn set(&mut self, leaf: Ref, at: usize, entry: u32, entries: &Entries) {
        let at = (leaf.base() as usize).wrapping_add(at);
        let (value, mask) = entries.filter(entry, leaf.word());
        if let (Some(filter), Some(name)) = (self.filters.get_mut(at), self.names.get_mut(at)) {
            *filter = Filter { value, mask };
            *name = entry;
        }
    }

    /// A leaf of `list`, which is in the order of rank. `None` without room.
    pub(super) fn add(&mut self, list: &[u32], word: u8, entries: &Entries) -> Option<Ref> {
        if list.len() > Ref::LEAF_LIMIT {
            return None;
        }
        let base = self.give(Leaves::units(list.len()))? as u32;
        let top = list.first().map_or(0, |&entry| entries.hit(entry).rank.priority());
        let leaf = Ref::leaf(base, word, list.len(), top);
        for (at, &entry) in list.iter().enumerate() {
            self.set(leaf, at, entry, entries);
        }
        Some(leaf)
    }

    /// The leaf with `entry` in its place by rank; moved to where there is room if it is full.
    /// `None` when there is none.
    pub(super) fn insert(&mut self, leaf: Ref, entry: u32, entries: &Entries) -> Option<Ref> {
        let rank = entries.hit(entry).rank;
        let count = leaf.count();
        let at = self.entries(leaf).partition_point(|&other| entries.hit(other).rank > rank);
        let top = leaf.top_priority().max(rank.priority());
        let grown = if count % UNIT == 0 {
            let base = self.give(Leaves::units(count.saturating_add(1)))?;
            let from = leaf.base() as usize;
            for at in 0..count {
                self.copy(from.wrapping_add(at), base.wrapping_add(at));
            }
            self.take(from, count);
            Ref::leaf(base as u32, leaf.word(), count.saturating_add(1), top)
        } else {
            Ref::leaf(leaf.base(), leaf.word(), count.saturating_add(1), top)
        };
        let base = grown.base() as usize;
        let moved = base.checked_add(at)?..base.checked_add(count)?.checked_add(1)?;
        if let (Some(filters), Some(names)) = self.parts_mut(moved) {
            filters.rotate_right(1);
            names.rotate_right(1);
        }
        self.set(grown, at, entry, entries);
        Some(grown)
    }

    /// Copies the filter and the name in one place to another.
    fn copy(&mut self, from: usize, to: usize) {
        let filter = self.filters.get(from).copied().unwrap_or_default();
        let name = self.names.get(from).copied().unwrap_or(NONE);
        if let (Some(its), Some(name_there)) = (self.filters.get_mut(to), self.names.get_mut(to)) {
            (*its, *name_there) = (filter, name);
        }
    }

    fn parts_mut(&mut self, range: Range<usize>) -> (Option<&mut [Filter]>, Option<&mut [u32]>) {
        (self.filters.slice_mut(range.clone()), self.names.slice_mut(range))
    }

    /// Moves the entry in place `at`, whose rank has changed, to its place by rank.
    pub(super) fn reorder(&mut self, leaf: Ref, at: usize, entries: &Entries) {
        let base = leaf.base() as usize;
        let parts = self.parts_mut(base..base.wrapping_add(leaf.count()));
        let (Some(filters), Some(names)) = parts else { return };
        let rank = |names: &[u32], at: usize| {
            names.get(at).map(|&entry| entries.hit(entry).rank).unwrap_or_default()
        };
        let mut at = at;
        while let Some(before) = at.checked_sub(1) {
            if rank(names, before) > rank(names, at) {
                break;
            }
            filters.swap(before, at);
            names.swap(before, at);
            at = before;
        }
        while at.wrapping_add(1) < names.len() && rank(names, at.wrapping_add(1)) > rank(names, at)
        {
            filters.swap(at, at.wrapping_add(1));
            names.swap(at, at.wrapping_add(1));
            at = at.wrapping_add(1);
        }
    }

    /// The leaf without the entry in place `at`.
    pub(super) fn remove(&mut self, leaf: Ref, at: usize) -> Ref {
        let base = leaf.base() as usize;
        let end = base.wrapping_add(leaf.count());
        let from = base.wrapping_add(at);
        if from < end {
            if let (Some(filters), Some(names)) = self.parts_mut(from..end) {
                filters.rotate_left(1);
                names.rotate_left(1);
            }
        }
        let count = leaf.count().saturating_sub(1);
        if count % UNIT == 0 {
            self.take(base.wrapping_add(count), UNIT);
        }
        match leaf.count() {
            0 | 1 => Ref::NONE,
            count => {
                Ref::leaf(leaf.base(), leaf.word(), count.saturating_sub(1), leaf.top_priority())
            }
        }
    }

    /// Gives back one part of what was held; whether there was nothing left.
    pub(super) fn free(&mut self) -> bool {
        self.filters.free() && self.names.free()
    }

    pub(super) fn memory_len(&self) -> usize {
        self.filters.memory_len().saturating_add(self.names.memory_len())
    }
}
