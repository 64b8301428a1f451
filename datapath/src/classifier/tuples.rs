//! The `tuples` template: an [`Exact`] table for each mask, searched in the order of their highest
//! priorities until none that is left can outrank what was found.
//!
//! # Design
//!
//! The order is a flat list of sixteen bytes a mask, with the highest priority and the presence bits
//! in it, so that a mask that cannot matter costs no cache line of its own. Masks are found by an
//! [`Exact`] table whose keys are the masks themselves.
//!
//! # What it costs
//!
//! A lookup probes every mask whose headers the packet has and whose highest priority is not below
//! that of the entry found so far. Adding or removing a mask moves the list behind it, and asks no
//! other mask anything.
//!
//! # What it does not do
//!
//! Masks are not merged into broader ones: each distinct mask is a table.

use alloc::vec::Vec;

use ofp_codec::memory::TryBox;

use super::exact::{End, Exact};
use super::hash::HashKey;
use super::pages::Pages;
use super::profile::MaskUse;
use super::{BATCH, Full, Hit, Rank};
use crate::key::{Depth, Key, MaskedKey, Needs, PRESENCE_MASK};

/// Entries of several masks.
#[derive(Debug)]
pub(super) struct Tuples {
    hash: HashKey,
    tables: Pages<Option<Exact>, 16>,
    free: Vec<u32>,
    /// The tables, highest priority first.
    order: Vec<Turn>,
    by_mask: Exact,
    entry_count: usize,
    demand: Demand,
}

/// How many masks look how deep, so that a mask that goes need not ask the others.
#[derive(Debug, Default)]
struct Demand {
    /// By depth.
    depths: [u32; 3],
    second_line: u32,
}

impl Demand {
    /// Counts a mask in, or out again.
    fn count(&mut self, needs: Needs, is_more: bool) {
        let change = |count: &mut u32| {
            *count = if is_more { count.saturating_add(1) } else { count.saturating_sub(1) };
        };
        if let Some(count) = self.depths.get_mut(needs.depth as usize) {
            change(count);
        }
        if needs.second_line {
            change(&mut self.second_line);
        }
    }

    fn needs(&self) -> Needs {
        let depth = match self.depths {
            [_, 0, 0] => Depth::Nothing,
            [_, _, 0] => Depth::Link,
            _ => Depth::Whole,
        };
        Needs { depth, second_line: self.second_line != 0 }
    }
}

/// A place among the entries of all masks; the first by default.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    table: u32,
    record: u32,
}

/// One table's place in the search.
#[derive(Clone, Copy, Debug)]
struct Turn {
    top_priority: u16,
    /// Headers that the mask needs.
    presence: u32,
    table: u32,
}

impl Turn {
    #[inline]
    fn applies_to(&self, key: &Key) -> bool {
        let presence = u64::from(self.presence);
        key.word(0) & presence == presence
    }
}

impl Tuples {
    #[inline]
    pub(super) fn new(hash: HashKey) -> Tuples {
        Tuples {
            hash,
            tables: Pages::new(),
            free: Vec::new(),
            order: Vec::new(),
            by_mask: Exact::of_keys(hash),
            entry_count: 0,
            demand: Demand::default(),
        }
    }

    /// An empty form in memory of its own.
    #[inline(never)]
    pub(super) fn boxed(hash: HashKey) -> Result<TryBox<Tuples>, Full> {
        Ok(TryBox::new(Tuples::new(hash))?)
    }

    pub(super) fn entry_count(&self) -> usize {
        self.entry_count
    }

    /// Places for entries and masks, those that are free included: what a walk over all has to do.
    pub(super) fn place_count(&self) -> usize {
        // Few masks have few entries: who asks has few entries.
        let of_masks = self.order.iter().take(8).filter_map(|turn| self.table(turn.table));
        of_masks.map(Exact::place_count).fold(self.tables.len(), usize::saturating_add)
    }

    pub(super) fn mask_count(&self) -> usize {
        self.order.len()
    }

    /// Makes room for a table of `mask`, which is not here yet; its number for
    /// [`adopt`](Self::adopt).
    #[inline(never)]
    pub(super) fn reserve(&mut self, mask: &Key) -> Result<u32, Full> {
        self.order.try_reserve(1)?;
        // Every table may come to be free: then nothing is allocated.
        let tables = self.tables.len().saturating_add(1).saturating_sub(self.free.len());
        self.free.try_reserve(tables)?;
        let id = match self.free.last() {
            Some(&id) => id,
            None => {
                self.tables.reserve(1)?;
                u32::try_from(self.tables.len()).map_err(|_| Full)?
            }
        };
        self.by_mask.insert(mask, Hit { rank: Rank::new(0, 1), slot: id })?;
        Ok(id)
    }

    /// Takes in a table for which room has just been made.
    #[inline(never)]
    pub(super) fn adopt(&mut self, id: u32, table: Exact) {
        let turn = Turn {
            top_priority: table.top_priority(),
            presence: (table.presence() & PRESENCE_MASK) as u32,
            table: id,
        };
        self.entry_count = self.entry_count.saturating_add(table.entry_count());
        self.demand.count(table.needs(), true);
        if self.free.last() == Some(&id) {
            self.free.pop();
            if let Some(free) = self.tables.get_mut(id as usize) {
                *free = Some(table);
            }
        } else if self.tables.push(Some(table)).is_err() {
            return;
        }
        let at = self.order.partition_point(|other| other.top_priority >= turn.top_priority);
        self.order.insert(at, turn);
    }

    fn id_of(&self, mask: &Key) -> Option<u32> {
        self.by_mask.get(mask, 0).map(|hit| hit.slot)
    }

    #[inline]
    fn table(&self, id: u32) -> Option<&Exact> {
        self.tables.get(id as usize)?.as_ref()
    }

    fn table_mut(&mut self, id: u32) -> Option<&mut Exact> {
        self.tables.get_mut(id as usize)?.as_mut()
    }

    /// [`adopt`](Self::adopt) of a table that is left empty.
    #[inline(never)]
    pub(super) fn take_over(&mut self, id: u32, table: &mut Exact) {
        let table = core::mem::replace(table, Exact::of_keys(self.hash));
        self.adopt(id, table);
    }

    pub(super) fn insert(&mut self, matching: &MaskedKey, hit: Hit) -> Result<(), Full> {
        let id = match self.id_of(matching.mask()) {
            Some(id) => id,
            None => {
                let id = self.reserve(matching.mask())?;
                self.open(id, matching.mask());
                id
            }
        };
        let table = self.table_mut(id).ok_or(Full)?;
        let before = table.top_priority();
        if table.insert(matching.value(), hit).is_err() {
            if table.entry_count() == 0 {
                self.drop_table(id, before);
            }
            return Err(Full);
        }
        let after = table.top_priority();
        self.entry_count = self.entry_count.saturating_add(1);
        self.turn(id, before, after);
        Ok(())
    }

    /// An empty table for which room has just been made: filled where it lies, so that no caller has one
    /// on its stack.
    #[inline(never)]
    fn open(&mut self, id: u32, mask: &Key) {
        self.adopt(id, Exact::new(self.hash, mask));
    }

    pub(super) fn replace(&mut self, matching: &MaskedKey, hit: Hit) -> Option<Hit> {
        let id = self.id_of(matching.mask())?;
        self.table_mut(id)?.replace(matching.value(), hit)
    }

    /// Removes an entry; which it was, and whether its mask went with it.
    pub(super) fn remove(&mut self, matching: &MaskedKey, priority: u16) -> Option<(Hit, bool)> {
        let id = self.id_of(matching.mask())?;
        let table = self.table_mut(id)?;
        let before = table.top_priority();
        let hit = table.remove(matching.value(), priority)?;
        let (after, is_empty) = (table.top_priority(), table.entry_count() == 0);
        self.entry_count = self.entry_count.saturating_sub(1);
        if is_empty {
            self.drop_table(id, before);
        } else {
            self.turn(id, before, after);
        }
        Some((hit, is_empty))
    }

    /// Where the table is in the order, given its priority there.
    fn position(&self, id: u32, top_priority: u16) -> Option<usize> {
        let first = self.order.partition_point(|turn| turn.top_priority > top_priority);
        let at = self.order.iter().skip(first).position(|turn| turn.table == id)?;
        Some(first.saturating_add(at))
    }

    /// Moves a table in the order when its highest priority has changed.
    fn turn(&mut self, id: u32, before: u16, after: u16) {
        if before == after {
            return;
        }
        let Some(from) = self.position(id, before) else { return };
        let moved = Turn { top_priority: after, ..self.order.remove(from) };
        let to = self.order.partition_point(|turn| turn.top_priority >= after);
        self.order.insert(to, moved);
    }

    #[inline(never)]
    fn drop_table(&mut self, id: u32, top_priority: u16) {
        let Some(at) = self.position(id, top_priority) else { return };
        self.order.remove(at);
        self.forget(id);
        if let Some(place) = self.tables.get_mut(id as usize) {
            *place = None;
        }
    }

    /// The number of a table that goes is free.
    #[inline(never)]
    fn forget(&mut self, id: u32) {
        let Some(mask) = self.table(id).map(Exact::mask) else { return };
        self.by_mask.remove(&mask, 0);
        self.demand.count(Needs::of_mask(&mask), false);
        self.free.push(id);
    }

    /// The table of the only mask left.
    #[inline(never)]
    pub(super) fn take_only(&mut self) -> Option<Exact> {
        let &[Turn { table: id, .. }] = self.order.as_slice() else { return None };
        self.order.clear();
        self.forget(id);
        self.tables.get_mut(id as usize)?.take()
    }

    pub(super) fn get(&self, matching: &MaskedKey, priority: u16) -> Option<Hit> {
        self.table(self.id_of(matching.mask())?)?.get(matching.value(), priority)
    }

    #[inline]
    pub(super) fn find(&self, key: &Key) -> Hit {
        let mut best = Hit::NONE;
        for turn in &self.order {
            if best != Hit::NONE && best.rank.priority() > turn.top_priority {
                break;
            }
            if turn.applies_to(key) {
                if let Some(table) = self.table(turn.table) {
                    best = best.or_better(table.find(key));
                }
            }
        }
        best
    }

    pub(super) fn find_batch(&self, keys: &[&Key], hits: &mut [Hit; BATCH]) {
        for turn in &self.order {
            let (mut wanted, mut open) = (0u32, false);
            for (at, (key, hit)) in (0u32..).zip(keys.iter().zip(hits.iter())) {
                if *hit != Hit::NONE && hit.rank.priority() > turn.top_priority {
                    continue;
                }
                open = true;
                wanted |= u32::from(turn.applies_to(key)).wrapping_shl(at);
            }
            if !open {
                break;
            }
            if let (Some(table), true) = (self.table(turn.table), wanted != 0) {
                table.find_batch(keys, wanted, hits);
            }
        }
    }

    pub(super) fn overlapping(&self, matching: &MaskedKey, priority: u16) -> Option<u32> {
        let turns = self.order.iter().take_while(|turn| turn.top_priority >= priority);
        turns
            .filter_map(|turn| self.table(turn.table))
            .find_map(|table| table.overlapping(matching, priority))
    }

    fn tables(&self) -> impl Iterator<Item = &Exact> {
        self.tables.iter().flatten()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (MaskedKey, Hit)> + '_ {
        self.tables().flat_map(Exact::entries)
    }

    /// The masks, highest priority first.
    pub(super) fn masks(&self) -> impl Iterator<Item = MaskUse> + '_ {
        self.order.iter().filter_map(|turn| {
            let table = self.table(turn.table)?;
            Some(MaskUse { mask: table.mask(), entry_count: table.entry_count() })
        })
    }

    /// What is in the place that `cursor` stands at, which moves on; an error behind the last. An
    /// entry that is there from the first call to the last is met once.
    pub(super) fn walk(&self, cursor: &mut Cursor) -> Result<Option<(MaskedKey, Hit)>, End> {
        let table = self.tables.get(cursor.table as usize).ok_or(End)?;
        let found = table.as_ref().map(|table| table.entry_at(cursor.record));
        if let Some(Ok((found, after))) = found {
            cursor.record = after;
            return Ok(found);
        }
        *cursor = Cursor { table: cursor.table.saturating_add(1), record: 0 };
        Ok(None)
    }

    /// Values of at most `count` entries, from masks all over the order.
    pub(super) fn sample(&self, count: usize) -> impl Iterator<Item = Key> + '_ {
        let stride = self.order.len().div_ceil(count.max(1)).max(1);
        let each = count.checked_div(self.order.len()).unwrap_or(0).max(1);
        let tables = self.order.iter().step_by(stride);
        tables.filter_map(|turn| self.table(turn.table)).flat_map(move |table| table.sample(each))
    }

    /// Gives back memory, some pages at a time, after which the tables are of no more use; whether
    /// that was all.
    pub(super) fn free(&mut self, pages: usize) -> bool {
        for _ in 0..pages {
            let Some(last) = self.tables.last_mut() else { return true };
            if last.as_mut().is_none_or(|table| table.free(pages)) {
                self.tables.pop();
                continue;
            }
            return false;
        }
        false
    }

    pub(super) fn needs(&self) -> Needs {
        self.demand.needs()
    }

    pub(super) fn probe_count(&self, key: &Key) -> usize {
        let mut best = Hit::NONE;
        let mut count = 0usize;
        for turn in &self.order {
            if best != Hit::NONE && best.rank.priority() > turn.top_priority {
                break;
            }
            if turn.applies_to(key) {
                count = count.saturating_add(1);
                best = self.table(turn.table).map_or(best, |table| best.or_better(table.find(key)));
            }
        }
        count
    }

    pub(super) fn memory_len(&self) -> usize {
        let order = self.order.capacity().saturating_mul(size_of::<Turn>());
        let free = self.free.capacity().saturating_mul(size_of::<u32>());
        self.tables()
            .map(Exact::memory_len)
            .fold(order, usize::saturating_add)
            .saturating_add(free)
            .saturating_add(self.tables.memory_len())
            .saturating_add(self.by_mask.memory_len())
    }
}
