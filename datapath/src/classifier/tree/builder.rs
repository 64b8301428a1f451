//! Makes a tree of a list of entries, in slices of bounded work: a stack of nodes that are still to
//! be made, and a state that says how far the one in hand has come.

use alloc::vec::Vec;
use core::ops::Range;

use arrayvec::ArrayVec;
use ofp_codec::memory::TryBox;

use super::cut::Cut;
use super::entries::Entries;
use super::leaves::Leaves;
use super::node::{Kind, Ref};
use super::search::{Merit, Search};
use super::{FEW, FORK_LIMIT, Refs, Tree, WORST_LIMIT, WORST_OF_FEW};
use crate::chunks::Chunks;
use crate::classifier::compiled::Unsuited;
use crate::classifier::hash::HashKey;
use crate::classifier::profile::Profile;
use crate::classifier::{Full, Hit};
use crate::key::{KEY_WORDS, Key, MaskedKey};

/// Entries that are a leaf without further thought.
const LEAF: usize = 16;
/// What going through one more node costs, in filters looked at.
const NODE_COST: u64 = 20;
/// Hash and fork nodes on one way.
const LEVEL_LIMIT: u8 = 32;
/// References of the largest hash node, as a power of two.
const BITS_LIMIT: u32 = 22;
/// Masks whose words are looked at before the entries come.
const MASKS_LOOKED_AT: usize = 4096;
/// Entries or references gone through in a unit of budget.
const PER_UNIT: usize = 32;
/// Items of a list that are given back at once.
const CHUNK: usize = 1 << 17;

/// A node to be made: the entries of `start..end` of the list, below the reference `at`.
#[derive(Clone, Copy, Debug)]
struct Item {
    start: u32,
    end: u32,
    at: u32,
    forks: u8,
    level: u8,
}

impl Item {
    fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    fn count(&self) -> usize {
        self.range().len()
    }
}

/// A hash node in the making.
#[derive(Clone, Copy, Debug)]
struct Heaps {
    item: Item,
    cut: u16,
    bits: u32,
    base: u32,
    top: u16,
}

#[derive(Debug)]
enum State {
    /// To the next node.
    Next,
    /// The search for a cut is under way.
    Search(Item),
    /// Entries are parted: those that the cut can tell apart first.
    Part { item: Item, cut: Cut, merit: Merit, at: usize, front: usize, tops: (u16, u16) },
    /// References and counters of the heaps are made.
    Widen(Heaps),
    /// Entries of each heap are counted.
    Count(Heaps, usize),
    /// Counts become places.
    Sum(Heaps, usize, u32),
    /// Entries go to their heaps, on the second list.
    Place(Heaps, usize),
    /// The second list is copied back.
    Copy(Heaps, usize),
    /// Each heap becomes a node to be made.
    Spread(Heaps, usize, u32),
    /// The costs of all references are computed, from the last one back.
    Cost(usize),
}

/// A tree in the making.
#[derive(Debug)]
pub(in super::super) struct Builder {
    hash: HashKey,
    entries: Entries,
    leaves: Leaves,
    refs: Refs,
    cuts: Vec<Cut>,
    list: Vec<u32>,
    second: Vec<u32>,
    search: TryBox<Search>,
    state: State,
    is_begun: bool,
    lists: TryBox<Lists>,
}

/// Lists that the making needs, in memory of their own: a builder is handed on, and no stack has to hold them.
#[derive(Debug, Default)]
struct Lists {
    heaps: Chunks<u32, CHUNK>,
    /// The nodes that are still to be made.
    work: Chunks<Item, CHUNK>,
    costs: Chunks<u16, CHUNK>,
}

impl Builder {
    /// For the entries of a table, and some more that come later.
    ///
    /// # Errors
    ///
    /// [`Unsuited`] without memory.
    #[inline(never)]
    pub(in super::super) fn new(hash: HashKey, profile: &Profile<'_>) -> Result<Builder, Unsuited> {
        // Words that only a mask beyond these has bits in cost their entries a place in the tree.
        let masks = profile.masks().take(MASKS_LOOKED_AT).map(|used| used.mask);
        let union = masks.fold(Key::default(), |mut union, mask| {
            for word in 0..KEY_WORDS as u8 {
                union.set_word(word, union.word(word) | mask.word(word));
            }
            union
        });
        Builder::with(hash, &union, profile.entry_count(), profile.mask_count())
    }

    /// For `count` entries of `mask_count` masks, and some more that come later, with bits in no
    /// words but those of `union`.
    pub(super) fn with(
        hash: HashKey,
        union: &Key,
        count: usize,
        mask_count: usize,
    ) -> Result<Builder, Unsuited> {
        let room = count.saturating_add(count / 4).saturating_add(64);
        let (mut list, mut second) = (Vec::new(), Vec::new());
        list.try_reserve_exact(room).map_err(Full::from)?;
        second.try_reserve_exact(room).map_err(Full::from)?;
        let mut refs = Refs::with_room(count.saturating_mul(2).saturating_add(64))?;
        refs.push(Ref::NONE)?;
        Ok(Builder {
            hash,
            entries: Entries::new(
                hash,
                union,
                room,
                mask_count.saturating_mul(2).saturating_add(64),
            )?,
            leaves: Leaves::new(room.saturating_mul(2))?,
            refs,
            cuts: Vec::new(),
            list,
            second,
            search: Builder::no_search()?,
            state: State::Next,
            is_begun: false,
            lists: TryBox::new(Lists::default())?,
        })
    }

    #[inline(never)]
    fn no_search() -> Result<TryBox<Search>, Unsuited> {
        Ok(TryBox::new(Search::new()?)?)
    }

    /// Gives back one part of what is held; whether that was all but little.
    pub(in super::super) fn free(&mut self) -> bool {
        let shed = |list: &mut Vec<u32>| core::mem::take(list).capacity() == 0;
        self.lists.costs.free()
            && self.lists.heaps.free()
            && self.lists.work.free()
            && shed(&mut self.second)
            && shed(&mut self.list)
            && self.refs.free()
            && self.leaves.free()
            && self.entries.free()
    }

    /// Takes in an entry, before the first step; false when it looks at other words than those
    /// announced, or there is no room.
    ///
    /// # Errors
    ///
    /// [`Unsuited`] without memory.
    pub(in super::super) fn add(
        &mut self,
        matching: &MaskedKey,
        hit: Hit,
    ) -> Result<bool, Unsuited> {
        if self.is_begun {
            return Ok(false);
        }
        self.list.try_reserve(1).map_err(Full::from)?;
        self.second.try_reserve(1).map_err(Full::from)?;
        let Ok(entry) = self.entries.add(matching, hit) else { return Ok(false) };
        self.list.push(entry);
        self.second.push(0);
        Ok(true)
    }

    /// Works on, about `budget` microseconds; the tree when it is done.
    ///
    /// # Errors
    ///
    /// [`Unsuited`] when a lookup would cost too much, or without memory.
    #[inline(never)]
    pub(in super::super) fn step(
        &mut self,
        budget: usize,
    ) -> Result<Option<TryBox<Tree>>, Unsuited> {
        if !self.is_begun {
            self.is_begun = true;
            let end = u32::try_from(self.list.len()).map_err(|_| Unsuited)?;
            self.push(Item { start: 0, end, at: 0, forks: 0, level: 0 })?;
        }
        let mut left = budget.max(1);
        while left != 0 {
            let state = core::mem::replace(&mut self.state, State::Next);
            let (state, cost) = match state {
                State::Next => match self.lists.work.pop() {
                    Some(item) => self.begin(item)?,
                    None => (State::Cost(self.refs.len()), 1),
                },
                State::Search(item) => self.seek(item)?,
                State::Part { item, cut, merit, at, front, tops } => {
                    self.part(item, cut, merit, at, front, tops)?
                }
                State::Widen(heaps) => self.widen(heaps)?,
                State::Count(heaps, at) => self.count(heaps, at),
                State::Sum(heaps, at, sum) => self.sum(heaps, at, sum),
                State::Place(heaps, at) => self.place(heaps, at),
                State::Copy(heaps, at) => self.copy(heaps, at),
                State::Spread(heaps, at, from) => self.spread(heaps, at, from)?,
                State::Cost(at) => {
                    let at = self.cost(at)?;
                    if at == 0 {
                        return self.finish().map(Some);
                    }
                    (State::Cost(at), 1)
                }
            };
            self.state = state;
            left = left.saturating_sub(cost);
        }
        Ok(None)
    }

    fn push(&mut self, item: Item) -> Result<(), Unsuited> {
        Ok(self.lists.work.push(item)?)
    }

    fn write(&mut self, at: u32, node: Ref) {
        if let Some(place) = self.refs.get_mut(at as usize) {
            *place = node;
        }
    }

    fn priority(&self, entry: u32) -> u16 {
        self.entries.hit(entry).rank.priority()
    }

    /// A short list becomes a leaf; for a long one a cut is sought.
    fn begin(&mut self, item: Item) -> Result<(State, usize), Unsuited> {
        if item.count() <= LEAF {
            return self.leaf(item);
        }
        let list = self.list.get(item.range()).unwrap_or_default();
        self.search.begin(list, &self.entries);
        Ok((State::Search(item), self.search.work().div_ceil(PER_UNIT)))
    }

    #[inline(never)]
    fn leaf(&mut self, item: Item) -> Result<(State, usize), Unsuited> {
        let entries = &self.entries;
        let list = self.list.get_mut(item.range()).unwrap_or_default();
        let cost = list.len().div_ceil(4);
        let node = match list {
            [] => Ref::NONE,
            [entry] => Ref::one(*entry, entries.hit(*entry).rank.priority()),
            list => {
                list.sort_unstable_by_key(|&entry| core::cmp::Reverse(entries.hit(entry).rank));
                let word = telling_word(list, entries);
                match self.leaves.add(list, word, entries) {
                    Some(leaf) => leaf,
                    None => return Err(Unsuited),
                }
            }
        };
        self.write(item.at, node);
        Ok((State::Next, cost.max(1)))
    }

    #[inline(never)]
    fn seek(&mut self, item: Item) -> Result<(State, usize), Unsuited> {
        let cost = self.search.work().div_ceil(128).max(1);
        let Some((cut, merit)) = self.search.step() else {
            return Ok((State::Search(item), cost));
        };
        let count = item.count() as u64;
        let rest = count.saturating_sub(merit.eligible);
        // What is left will be cut again, if it is much.
        let rest_cost = rest.min((LEAF as u64).saturating_add(rest / 4));
        let split = merit.heap.saturating_add(NODE_COST).saturating_add(rest_cost);
        let may = item.forks < FORK_LIMIT as u8 && item.level < LEVEL_LIMIT;
        if merit.gain == 0 || split >= count || !may {
            return self.leaf(item);
        }
        let at = item.start as usize;
        Ok((State::Part { item, cut, merit, at, front: at, tops: (0, 0) }, cost))
    }

    #[allow(clippy::too_many_arguments, reason = "a state of its own, unpacked")]
    fn part(
        &mut self,
        item: Item,
        cut: Cut,
        merit: Merit,
        mut at: usize,
        mut front: usize,
        mut tops: (u16, u16),
    ) -> Result<(State, usize), Unsuited> {
        for _ in 0..PER_UNIT {
            if at >= item.end as usize {
                return self.parted(item, &cut, merit, front, tops);
            }
            let entry = self.list.get(at).copied().unwrap_or(0);
            let priority = self.priority(entry);
            if cut.is_within(&self.entries.masked(entry).1) {
                tops.0 = tops.0.max(priority);
                self.list.swap(front, at);
                front = front.saturating_add(1);
            } else {
                tops.1 = tops.1.max(priority);
            }
            at = at.saturating_add(1);
        }
        Ok((State::Part { item, cut, merit, at, front, tops }, 1))
    }

    /// Makes the nodes of a cut: a hash node, and a fork before it when entries are left over.
    #[inline(never)]
    fn parted(
        &mut self,
        item: Item,
        cut: &Cut,
        merit: Merit,
        front: usize,
        tops: (u16, u16),
    ) -> Result<(State, usize), Unsuited> {
        let front = front as u32;
        let number = match self.cuts.iter().position(|its| its == cut) {
            Some(number) => number,
            None if self.cuts.len() >= Ref::CUT_LIMIT => return self.leaf(item),
            None => {
                self.cuts.try_reserve(1).map_err(Full::from)?;
                self.cuts.push(cut.clone());
                self.cuts.len().saturating_sub(1)
            }
        };
        let level = item.level.saturating_add(1);
        let mut heaped = Item { end: front, level, ..item };
        if front == item.start {
            return self.leaf(item);
        }
        if front < item.end {
            let base = self.refs.len() as u32;
            self.refs.extend(2, Ref::NONE)?;
            self.write(item.at, Ref::fork(base, tops.0.max(tops.1)));
            let forks = item.forks.saturating_add(1);
            heaped = Item { at: base, forks, ..heaped };
            let at = base.saturating_add(1);
            self.push(Item { start: front, end: item.end, at, forks, level })?;
        }
        let heaps = (heaped.count() as u64).checked_div(merit.heap.max(1)).unwrap_or(1).max(2);
        let heaps = heaps.saturating_add(heaps / 2);
        let bits = heaps.next_power_of_two().ilog2().min(BITS_LIMIT);
        let base = self.refs.len() as u32;
        self.lists.heaps.clear();
        let heaps = Heaps { item: heaped, cut: number as u16, bits, base, top: tops.0 };
        Ok((State::Widen(heaps), 1))
    }

    #[inline(never)]
    fn widen(&mut self, heaps: Heaps) -> Result<(State, usize), Unsuited> {
        let size = 1usize << heaps.bits;
        let more = size.saturating_sub(self.lists.heaps.len()).min(PER_UNIT.saturating_mul(64));
        if more == 0 {
            let node = Ref::hash(heaps.base, heaps.cut, heaps.bits, heaps.top);
            self.write(heaps.item.at, node);
            return Ok((State::Count(heaps, heaps.item.start as usize), 1));
        }
        self.refs.extend(more, Ref::NONE)?;
        self.lists.heaps.extend(more, 0)?;
        Ok((State::Widen(heaps), 1))
    }

    /// The heap of the entry in place `at` of the list.
    fn heap_of(&self, heaps: &Heaps, at: usize) -> (u32, usize) {
        let entry = self.list.get(at).copied().unwrap_or(0);
        let (value, _) = self.entries.masked(entry);
        let hash =
            self.cuts.get(usize::from(heaps.cut)).map_or(0, |cut| cut.hash(self.hash, &value));
        (entry, hash as usize & (1usize << heaps.bits).wrapping_sub(1))
    }

    fn count(&mut self, heaps: Heaps, at: usize) -> (State, usize) {
        let end = heaps.item.end as usize;
        let stop = at.saturating_add(PER_UNIT).min(end);
        for at in at..stop {
            let (_, heap) = self.heap_of(&heaps, at);
            if let Some(count) = self.lists.heaps.get_mut(heap) {
                *count = count.wrapping_add(1);
            }
        }
        if stop == end {
            (State::Sum(heaps, 0, heaps.item.start), 1)
        } else {
            (State::Count(heaps, stop), 1)
        }
    }

    fn sum(&mut self, heaps: Heaps, at: usize, mut sum: u32) -> (State, usize) {
        let stop = at.saturating_add(PER_UNIT.saturating_mul(16)).min(self.lists.heaps.len());
        // As many at a time go into a chunk evenly.
        for count in self.lists.heaps.slice_mut(at..stop).unwrap_or_default() {
            let begin = sum;
            sum = sum.wrapping_add(*count);
            *count = begin;
        }
        if stop == self.lists.heaps.len() {
            (State::Place(heaps, heaps.item.start as usize), 1)
        } else {
            (State::Sum(heaps, stop, sum), 1)
        }
    }

    fn place(&mut self, heaps: Heaps, at: usize) -> (State, usize) {
        let end = heaps.item.end as usize;
        let stop = at.saturating_add(PER_UNIT).min(end);
        for at in at..stop {
            let (entry, heap) = self.heap_of(&heaps, at);
            if let Some(place) = self.lists.heaps.get_mut(heap) {
                if let Some(second) = self.second.get_mut(*place as usize) {
                    *second = entry;
                }
                *place = place.wrapping_add(1);
            }
        }
        if stop == end {
            (State::Copy(heaps, heaps.item.start as usize), 1)
        } else {
            (State::Place(heaps, stop), 1)
        }
    }

    fn copy(&mut self, heaps: Heaps, at: usize) -> (State, usize) {
        let end = heaps.item.end as usize;
        let stop = at.saturating_add(PER_UNIT.saturating_mul(64)).min(end);
        let (list, second) = (self.list.get_mut(at..stop), self.second.get(at..stop));
        if let (Some(list), Some(second)) = (list, second) {
            list.copy_from_slice(second);
        }
        if stop == end {
            (State::Spread(heaps, 0, heaps.item.start), 1)
        } else {
            (State::Copy(heaps, stop), 1)
        }
    }

    /// Heaps of one entry are done; the others are put on the stack.
    #[inline(never)]
    fn spread(&mut self, heaps: Heaps, at: usize, from: u32) -> Result<(State, usize), Unsuited> {
        let mut start = from;
        let stop = at.saturating_add(PER_UNIT.saturating_mul(4)).min(self.lists.heaps.len());
        for heap in at..stop {
            let end = self.lists.heaps.get(heap).copied().unwrap_or(start);
            let place = heaps.base.saturating_add(heap as u32);
            match end.saturating_sub(start) {
                0 => {}
                1 => {
                    let entry = self.list.get(start as usize).copied().unwrap_or(0);
                    self.write(place, Ref::one(entry, self.priority(entry)));
                }
                _ => self.push(Item { start, end, at: place, ..heaps.item })?,
            }
            start = end;
        }
        if stop == self.lists.heaps.len() {
            // Heaps that are nodes in their turn: their references tell their top later.
            return Ok((State::Next, 1));
        }
        Ok((State::Spread(heaps, stop, start), 1))
    }

    /// The costs of some references before `at`; where it stopped. A node's references come after
    /// its own, so each is known when it is asked for.
    #[inline(never)]
    fn cost(&mut self, at: usize) -> Result<usize, Unsuited> {
        let missing = self.refs.len().saturating_sub(self.lists.costs.len());
        if missing != 0 {
            self.lists.costs.extend(missing.min(PER_UNIT.saturating_mul(64)), 0)?;
            return Ok(at);
        }
        let stop = at.saturating_sub(PER_UNIT.saturating_mul(4));
        for at in (stop..at).rev() {
            let node = self.refs.get(at).copied().unwrap_or_default();
            let base = node.base() as usize;
            let cost_of = |at: usize| self.lists.costs.get(at).copied().unwrap_or(0);
            let cost = match node.kind() {
                Kind::One => u16::from(!node.is_none()),
                Kind::Leaf => node.count().div_ceil(4).saturating_add(1) as u16,
                Kind::Fork => cost_of(base).saturating_add(cost_of(base.saturating_add(1))),
                Kind::Hash => self.dearest(base..base.saturating_add(node.width())),
            };
            let own = u16::from(matches!(node.kind(), Kind::Fork | Kind::Hash));
            if let Some(place) = self.lists.costs.get_mut(at) {
                *place = cost.saturating_add(own);
            }
        }
        Ok(stop)
    }

    /// The highest cost of some references.
    #[inline(never)]
    fn dearest(&self, range: Range<usize>) -> u16 {
        let (mut left, mut most) = (range, 0);
        while !left.is_empty() {
            let part = Chunks::<u16, CHUNK>::head(&left);
            left.start = part.end;
            let costs = self.lists.costs.slice(part).unwrap_or_default();
            most = costs.iter().copied().fold(most, u16::max);
        }
        most
    }

    #[inline(never)] // what it has in hand is on the stack only while it works
    fn finish(&mut self) -> Result<TryBox<Tree>, Unsuited> {
        let worst = u32::from(self.lists.costs.get(0).copied().unwrap_or(0));
        let limit = if self.list.len() <= FEW { WORST_OF_FEW } else { WORST_LIMIT };
        if worst > limit {
            return Err(Unsuited);
        }
        let mut roots = ArrayVec::new();
        let mut at = 0u32;
        loop {
            let node = self.refs.get(at as usize).copied().unwrap_or_default();
            if node.kind() != Kind::Fork {
                roots.try_push(at).map_err(|_| Unsuited)?;
                break;
            }
            roots.try_push(node.base()).map_err(|_| Unsuited)?;
            at = node.base().saturating_add(1);
        }
        let top = |at: &u32| self.refs.get(*at as usize).map_or(0, |node| node.top_priority());
        roots.sort_unstable_by_key(|at| core::cmp::Reverse(top(at)));
        let empty = Entries::new(self.hash, &Key::default(), 0, 0)?;
        let tree = Tree {
            hash: self.hash,
            roots,
            refs: core::mem::take(&mut self.refs),
            cuts: core::mem::take(&mut self.cuts),
            leaves: core::mem::replace(&mut self.leaves, Leaves::new(0)?),
            entries: core::mem::replace(&mut self.entries, empty),
            entry_count: self.list.len(),
            #[cfg(test)]
            worst,
        };
        Ok(TryBox::new(tree)?)
    }
}

/// The word under which the fewest pairs of entries can both match a key.
pub(super) fn telling_word(list: &[u32], entries: &Entries) -> u8 {
    const LOOKED_AT: usize = 24;
    let pairs = |word: u8| {
        let filters = list.iter().take(LOOKED_AT).map(|&entry| entries.filter(entry, word));
        let filters: ArrayVec<(u64, u64), LOOKED_AT> = filters.collect();
        let open = |a: &(u64, u64), b: &(u64, u64)| (a.0 ^ b.0) & a.1 & b.1 == 0;
        filters.iter().map(|a| filters.iter().filter(|b| open(a, b)).count()).sum::<usize>()
    };
    entries.words().iter().copied().min_by_key(|&word| pairs(word)).unwrap_or(0)
}
