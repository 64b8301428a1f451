//! The rows of one field, made in slices: for each run of values that the same entries want, which
//! entries those are.
//!
//! Prefixes are intervals of values. Their ends are sorted, and a sweep over them switches the entries
//! on and off; what is on between two ends is a row. A span of at most eight bits under any masks has
//! so few values that every one is tried.

use alloc::vec::Vec;
use core::mem::take;

use hashbrown::HashTable;
use ofp_codec::memory::try_collect;

use super::field::{Dense, LEAST_BOUNDS, Locate, Part, Sparse, row_words};
use super::slices::SlicedSort;
use super::span::Span;
use super::{BLOCKS, DENSE_WORDS, ROW};
use crate::classifier::compiled::Unsuited;
use crate::classifier::hash::HashKey;
use crate::key::MaskedKey;

/// How a span's entries are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Every mask is a prefix of the span, or nothing.
    Prefixes,
    /// At most eight bits under any masks.
    Masks,
}

/// A field whose rows are being made.
#[derive(Debug)]
pub(super) struct FieldBuild {
    span: Span,
    shape: Shape,
    stage: Stage,
    entry_count: usize,
    sink: Sink,
    /// The entries that are on, with pages' aggregates, as a row is laid out.
    on: Vec<u64>,
    /// First values of intervals.
    bounds: Vec<u64>,
    /// What each entry wants of a span of eight bits.
    pairs: Vec<(u8, u8)>,
    ends: Vec<End>,
}

#[derive(Debug)]
enum Stage {
    /// Entries from this position on are to be read.
    Read(usize),
    Sort(SlicedSort<End>),
    /// Ends from this one on are to be swept over.
    Sweep(usize),
    /// Values from this one on are to be tried.
    Try(u64),
}

/// Where an entry comes on, or goes off: the value, then the entry's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    value: u128,
    position: u32,
}

/// A made field.
#[derive(Debug)]
pub(super) enum Made {
    Dense(Dense),
    Sparse(Sparse),
}

impl FieldBuild {
    pub(super) fn new(
        span: Span,
        shape: Shape,
        hash: HashKey,
        entry_count: usize,
        page_count: usize,
    ) -> Result<FieldBuild, Unsuited> {
        let (mut ends, mut pairs, mut bounds) = (Vec::new(), Vec::new(), Vec::new());
        let end_count = entry_count.saturating_mul(2);
        match shape {
            Shape::Prefixes => {
                ends.try_reserve_exact(end_count).map_err(|_| Unsuited)?;
                bounds.try_reserve_exact(end_count.saturating_add(1)).map_err(|_| Unsuited)?;
            }
            Shape::Masks => {
                pairs.try_reserve_exact(entry_count).map_err(|_| Unsuited)?;
                let values = (span.ones() as usize).saturating_add(1);
                bounds.try_reserve_exact(values).map_err(|_| Unsuited)?;
            }
        }
        let on = zeros(row_words(page_count))?;
        let sink = Sink::new(hash, page_count)?;
        let stage = Stage::Read(0);
        Ok(FieldBuild { span, shape, stage, entry_count, sink, on, bounds, pairs, ends })
    }

    /// Words that its rows take so far.
    pub(super) fn word_count(&self) -> usize {
        self.sink.rows.len().saturating_add(self.sink.starts.len() / 2)
    }

    /// Works for about `budget` microseconds; `entry` gives the match at a position. Whether all
    /// rows are there.
    pub(super) fn step<'a>(
        &mut self,
        budget: usize,
        entry: impl Fn(usize) -> Option<&'a MaskedKey>,
    ) -> Result<bool, Unsuited> {
        match &mut self.stage {
            Stage::Read(next) => {
                let last = next.saturating_add(budget.saturating_mul(16)).min(self.entry_count);
                let slice = *next..last;
                *next = last;
                for position in slice {
                    self.read(position, entry(position).ok_or(Unsuited)?)?;
                }
                if last == self.entry_count {
                    self.stage = match self.shape {
                        Shape::Prefixes => Stage::Sort(SlicedSort::new(take(&mut self.ends))?),
                        Shape::Masks => Stage::Try(0),
                    };
                }
            }
            Stage::Sort(sort) => {
                if let Some(ends) = sort.step(budget.saturating_mul(64)) {
                    self.ends = ends;
                    self.stage = Stage::Sweep(0);
                }
            }
            Stage::Sweep(next) => {
                let mut at = *next;
                for _ in 0..budget.saturating_mul(4) {
                    at = self.sweep(at)?;
                    if at >= self.ends.len() {
                        return Ok(true);
                    }
                }
                self.stage = Stage::Sweep(at);
            }
            Stage::Try(next) => {
                // An entry is a nanosecond's work.
                let each = self.entry_count.saturating_add(200);
                let count = budget.saturating_mul(1000) / each;
                let first = *next;
                let last = first.saturating_add(count.max(1) as u64).min(self.span.ones() + 1);
                self.stage = Stage::Try(last);
                for value in first..last {
                    self.try_value(value)?;
                }
                return Ok(last > self.span.ones());
            }
        }
        Ok(false)
    }

    fn read(&mut self, position: usize, matching: &MaskedKey) -> Result<(), Unsuited> {
        let (value, mask) = (self.span.read(matching.value()), self.span.read(matching.mask()));
        if mask == 0 {
            set(&mut self.sink.base, position);
        } else if self.shape == Shape::Prefixes {
            let last = value | (self.span.ones() & !mask);
            let position = u32::try_from(position).map_err(|_| Unsuited)?;
            self.ends.push(End { value: value.into(), position });
            self.ends.push(End { value: u128::from(last).wrapping_add(1), position });
        }
        if self.shape == Shape::Masks {
            self.pairs.push((value as u8, mask as u8));
        }
        Ok(())
    }

    /// Switches what begins or ends where the end `at` is, and makes the row of the values from there
    /// on; the end after those. The first row, from value 0 on, is made even if nothing begins there.
    fn sweep(&mut self, at: usize) -> Result<usize, Unsuited> {
        let value = match self.ends.get(at) {
            Some(end) if at != 0 || end.value == 0 || !self.bounds.is_empty() => end.value,
            _ => 0,
        };
        if value > u128::from(self.span.ones()) {
            return Ok(self.ends.len());
        }
        let ends = self.ends.get(at..).unwrap_or_default();
        let count = ends.iter().take_while(|end| end.value == value).count();
        for end in ends.iter().take(count) {
            toggle(&mut self.on, end.position as usize);
        }
        if self.sink.add(&self.on)? {
            self.bounds.push(value as u64);
        }
        Ok(at.saturating_add(count))
    }

    fn try_value(&mut self, value: u64) -> Result<(), Unsuited> {
        self.on.fill(0);
        for (position, (wanted, mask)) in self.pairs.iter().enumerate() {
            if *mask != 0 && value as u8 & mask == *wanted {
                set(&mut self.on, position);
            }
        }
        if self.sink.add(&self.on)? {
            self.bounds.push(value);
        }
        Ok(())
    }

    /// The field, once all rows are there: some tens of microseconds.
    #[inline(never)]
    pub(super) fn finish(&mut self) -> Result<Made, Unsuited> {
        let (span, page_count) = (self.span, self.sink.page_count);
        let locate = locate(span, take(&mut self.bounds))?;
        let Sink { rows, starts, base, .. } = &mut self.sink;
        let (rows, starts, base) = (take(rows), take(starts), take(base));
        let sparse = Sparse { span, locate, starts, rows, base, page_count };
        match sparse.classes() {
            Some((shares, first)) => Ok(Made::Dense(sparse.into_dense(shares, &first)?)),
            None => Ok(Made::Sparse(sparse)),
        }
    }
}

/// How the index of an interval is found.
fn locate(span: Span, bounds: Vec<u64>) -> Result<Locate, Unsuited> {
    let count = bounds.len() as u32;
    if span.width <= 16 {
        let len = (span.ones() as usize).wrapping_add(1);
        let mut table = Vec::new();
        table.try_reserve_exact(len).map_err(|_| Unsuited)?;
        let ends = bounds.iter().skip(1).map(|&bound| bound as usize).chain([len]);
        for (index, end) in ends.enumerate() {
            table.resize(end, index as u16);
        }
        return Ok(Locate::Direct(table));
    }
    let len = bounds.len().max(LEAST_BOUNDS).next_power_of_two();
    if span.width <= 32 {
        let mut narrow = Vec::new();
        narrow.try_reserve_exact(len).map_err(|_| Unsuited)?;
        narrow.extend(bounds.iter().map(|&bound| bound as u32));
        narrow.resize(len, u32::MAX);
        return Ok(Locate::Narrow(count, narrow));
    }
    let mut wide = bounds;
    wide.try_reserve_exact(len.saturating_sub(wide.len())).map_err(|_| Unsuited)?;
    wide.resize(len, u64::MAX);
    Ok(Locate::Wide(count, wide))
}

/// Where rows are put.
#[derive(Debug)]
struct Sink {
    hash: HashKey,
    page_count: usize,
    base: Vec<u64>,
    rows: Vec<u64>,
    starts: Vec<u32>,
    /// The rows of a page, by what is in them.
    seen: HashTable<u32>,
}

impl Sink {
    fn new(hash: HashKey, page_count: usize) -> Result<Sink, Unsuited> {
        // The empty row is at 0.
        let rows = zeros(1)?;
        let base = zeros(row_words(page_count))?;
        let (starts, seen) = (Vec::new(), HashTable::new());
        Ok(Sink { hash, page_count, base, rows, starts, seen })
    }

    /// Adds a row; false when the last one was just the same.
    fn add(&mut self, on: &[u64]) -> Result<bool, Unsuited> {
        self.starts.try_reserve(self.page_count).map_err(|_| Unsuited)?;
        let before = self.starts.len();
        for page in on.chunks_exact(ROW) {
            let start = self.page(page)?;
            self.starts.push(start);
        }
        let (earlier, mine) = self.starts.split_at_checked(before).unwrap_or_default();
        if earlier.ends_with(mine) && !mine.is_empty() && !earlier.is_empty() {
            self.starts.truncate(before);
            return Ok(false);
        }
        Ok(true)
    }

    /// Where a page's words are, which are put there if they are not yet.
    fn page(&mut self, page: &[u64]) -> Result<u32, Unsuited> {
        let Some((&aggregate, words)) = page.split_first() else { return Err(Unsuited) };
        if aggregate == 0 {
            return Ok(0);
        }
        let row = || core::iter::once(aggregate).chain(used(aggregate, words));
        let hash = u64::from(self.hash.hash(row()));
        // The table's upper bits have to differ, too.
        let hash = hash | hash << 32;
        let (rows, key) = (&self.rows, self.hash);
        let is_it = |&start: &u32| {
            let stored = rows.get(start as usize..).unwrap_or_default();
            row().zip(stored).all(|(mine, its)| mine == *its)
        };
        if let Some(&start) = self.seen.find(hash, is_it) {
            return Ok(start);
        }
        let again = |&start: &u32| {
            let stored = rows.get(start as usize..).unwrap_or_default();
            let count = stored.first().map_or(0, |first| first.count_ones());
            let count = (count as usize).wrapping_add(1);
            let hash = u64::from(key.hash(stored.iter().copied().take(count)));
            hash | hash << 32
        };
        let start = u32::try_from(self.rows.len()).map_err(|_| Unsuited)?;
        self.seen.try_reserve(1, again).map_err(|_| Unsuited)?;
        self.seen.insert_unique(hash, start, again);
        self.rows.try_reserve(ROW).map_err(|_| Unsuited)?;
        self.rows.extend(row());
        Ok(start)
    }
}

impl Sparse {
    /// The class of each index, when there are so few different ones that dense rows are small, and an
    /// index of each class.
    fn classes(&self) -> Option<(Vec<u16>, Vec<u32>)> {
        let limit = (DENSE_WORDS / row_words(self.page_count)).max(2);
        let rows = self.starts.chunks_exact(self.page_count.max(1));
        let mut shares = Vec::new();
        shares.try_reserve_exact(rows.len()).ok()?;
        let mut first: Vec<(u32, &[u32])> = Vec::new();
        first.try_reserve_exact(limit).ok()?;
        for (index, row) in (0u32..).zip(rows) {
            let class = match first.iter().position(|(_, other)| *other == row) {
                Some(class) => class,
                None if first.len() == limit => return None,
                None => {
                    first.push((index, row));
                    first.len().wrapping_sub(1)
                }
            };
            shares.push(class as u16);
        }
        let first = try_collect(first.iter().map(|&(index, _)| index)).ok()?;
        Some((shares, first))
    }

    /// The same with each class' row written out.
    fn into_dense(self, shares: Vec<u16>, first: &[u32]) -> Result<Dense, Unsuited> {
        let stride = row_words(self.page_count);
        let mut rows = Vec::new();
        rows.try_reserve_exact(stride.saturating_mul(first.len())).map_err(|_| Unsuited)?;
        for &index in first {
            for page in 0..self.page_count {
                let start = self.start(page, index);
                rows.push(self.aggregate(start) | self.base_aggregate(page));
                rows.extend((0..BLOCKS as u32).map(|block| self.word(page, start, block)));
            }
        }
        let mut parts = Vec::new();
        parts.try_reserve_exact(1).map_err(|_| Unsuited)?;
        parts.push(Part { span: self.span, locate: self.locate, shares });
        Ok(Dense { parts, rows, stride })
    }
}

impl Dense {
    pub(super) fn row_count(&self) -> usize {
        self.rows.len() / self.stride.max(1)
    }

    /// Both in one: a row for each pair of rows, in which the entries are that are in both.
    pub(super) fn join(self, mut other: Dense) -> Result<Dense, Unsuited> {
        let factor = u16::try_from(self.row_count()).map_err(|_| Unsuited)?;
        let mut rows = Vec::new();
        let len = self.rows.len().saturating_mul(other.row_count());
        rows.try_reserve_exact(len).map_err(|_| Unsuited)?;
        for its in other.rows.chunks_exact(self.stride) {
            for mine in self.rows.chunks_exact(self.stride) {
                for (its, mine) in its.chunks_exact(ROW).zip(mine.chunks_exact(ROW)) {
                    let at = rows.len();
                    rows.push(0);
                    let pairs = its.iter().zip(mine).skip(1);
                    let mut aggregate = 0u64;
                    for (block, (its, mine)) in (0u32..).zip(pairs) {
                        aggregate |= u64::from(its & mine != 0).wrapping_shl(block);
                        rows.push(its & mine);
                    }
                    if let Some(word) = rows.get_mut(at) {
                        *word = aggregate;
                    }
                }
            }
        }
        for part in &mut other.parts {
            for share in &mut part.shares {
                *share = share.saturating_mul(factor);
            }
        }
        let mut parts = self.parts;
        parts.try_reserve_exact(other.parts.len()).map_err(|_| Unsuited)?;
        parts.append(&mut other.parts);
        Ok(Dense { parts, rows, stride: self.stride })
    }
}

/// The words that are not 0.
fn used(aggregate: u64, words: &[u64]) -> impl Iterator<Item = u64> {
    let mut left = aggregate;
    core::iter::from_fn(move || {
        let block = (left != 0).then(|| left.trailing_zeros() as usize)?;
        left &= left.wrapping_sub(1);
        words.get(block).copied()
    })
}

/// Where the entry at `position` has its bit in a row: its page's aggregate, the block, and the bit.
fn place(position: usize) -> (usize, u32, u64) {
    let block = position / 64;
    let page = (block / BLOCKS).wrapping_mul(ROW);
    (page, (block % BLOCKS) as u32, 1u64.wrapping_shl(position as u32))
}

fn set(row: &mut [u64], position: usize) {
    let (page, block, bit) = place(position);
    let page = row.get_mut(page..).unwrap_or_default();
    if let Some((aggregate, words)) = page.split_first_mut() {
        if let Some(word) = words.get_mut(block as usize) {
            *word |= bit;
            *aggregate |= 1u64.wrapping_shl(block);
        }
    }
}

fn toggle(row: &mut [u64], position: usize) {
    let (page, block, bit) = place(position);
    let page = row.get_mut(page..).unwrap_or_default();
    if let Some((aggregate, words)) = page.split_first_mut() {
        if let Some(word) = words.get_mut(block as usize) {
            *word ^= bit;
            let on = 1u64.wrapping_shl(block);
            *aggregate = if *word == 0 { *aggregate & !on } else { *aggregate | on };
        }
    }
}

fn zeros(len: usize) -> Result<Vec<u64>, Unsuited> {
    let mut words = Vec::new();
    words.try_reserve_exact(len).map_err(|_| Unsuited)?;
    words.resize(len, 0);
    Ok(words)
}
