//! The `bitvec` template: many masks, up to 16,384 entries. Which of them fit is found for each field
//! on its own, as a row of bits, and the rows are put together with *and*.
//!
//! # What
//!
//! An accelerator over the entries of a table. What it costs follows the number of entries and of
//! fields, neither the number of masks nor the packets: there is nothing in it that traffic fills.
//!
//! # Design
//!
//! *Fields.* The key is cut into spans where match fields end (`span.rs`), presence bits among them. A
//! span in which all entries want the same is compared at once, first of all. Where every mask is a
//! prefix (exact values and nothing at all are prefixes, too), values fall into intervals that the same
//! entries want: one of up to 16 bits has a table of its values, a longer one a binary search without
//! branches, four keys side by side. Whatever is masked otherwise is cut into pieces of eight bits, each
//! with a table. An entry fits a key when it does in every field, so cutting changes nothing. So any
//! match can be held; a table that would have more than [`MAX_SPARSE`] fields is refused.
//!
//! *Blocks.* A row of 16,384 bits for each of thousands of values would be tens of megabytes, and most of
//! it equal. Entries are in blocks of 64, 64 blocks in a page, and a row begins with its *aggregate*, a
//! word that has a bit for each block in which anything fits. Rows of a field of many values are
//! *sparse*: entries that do not care about the field are in one base row, a row has only the words of
//! blocks in which an entry wants this very value, and rows that are equal are there once. Fields of few
//! rows are *dense*: joined as long as the product is small (presence, protocol, type and code of ICMP
//! become one), and written out.
//!
//! *Order.* Aggregated bit vectors (Baboescu and Varghese, "Scalable packet classification", 2001) with
//! entries in the order of rank let the first bit win; but then every block has entries of every kind,
//! aggregates are full, and a lookup looks into all blocks before the one that matters. Here entries are sorted by what fields they care about, and how closely,
//! and then by the values there (`plan.rs`): a block's entries resemble each other, so few blocks fit a
//! key in all fields: two or three, in rule sets of any size. Within a block the order is that of rank,
//! and the first bit wins; blocks are in the order of their best entries, so the search ends when those
//! that are left cannot outrank what was found.
//!
//! *Changes.* An entry that goes is taken from its block's word of those that live: its bits stay and count
//! no more. One that is replaced has the same priority and so nearly the same place: a block in which the
//! order of entries of one priority is no longer right is marked, and all of these are then compared.
//! One that comes needs rows of its own, so it goes to the table's overlay until the next build.
//!
//! *Building* (`builder.rs`) is done in slices: sorting is a merge sort that can be left at any element,
//! rows are made by a sweep over the ends of intervals.
//!
//! # What it costs
//!
//! A lookup: for each field a table's entry or ten to fifteen steps of search, a row's aggregate; for each
//! block that is left a word a field. Instructions a lookup are counted by `benches/gate.sh lookup/acl-1000`
//! (and `lookup/masks-1000`), and in a whole switch by
//! `valgrind --tool=callgrind --toggle-collect='*BitVec*find_batch*' rumpswitch replay`: 806 for a thousand
//! access rules and 100,000 flows, 1,003 for as many firewall rules, where a hash table for each mask takes
//! over ten thousand.
//!
//! Bounded by: [`probe_count`](BitVec::probe_count), the blocks looked into, is at most one for each 64
//! entries, whatever packets come and whatever entries there are. In the rule sets of
//! `a_lookup_looks_into_few_blocks_and_no_packet_into_many` no packet looks into more than four times as
//! many as the median one does.
//!
//! Memory: some 200 to 400 bytes an entry, half of it tables of 16-bit spans in a small set; at most
//! 32 MiB ([`MAX_WORDS`]), beyond which the table is refused. Building: some 2 microseconds an entry.
//!
//! # What it does not do
//!
//! It takes no entries in place, and holds no more than [`MAX_ENTRIES`]: the tree does.

mod builder;
mod field;
mod plan;
mod rows;
mod slices;
mod span;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use arrayvec::ArrayVec;

pub(super) use builder::Builder;
use field::{Dense, Sparse};

use super::{BATCH, Full, Hit, Rank};
use crate::key::{Key, MaskedKey};

/// Blocks of 64 entries in a page: one word says which of them have any that fit.
const BLOCKS: usize = 64;
/// Words of a page in a row: the aggregate, then the blocks.
const ROW: usize = 1 + BLOCKS;
/// Entries in a page.
const PAGE: usize = 64 * BLOCKS;
/// Entries that a form holds.
pub(super) const MAX_ENTRIES: usize = 4 * PAGE;
/// Words that its rows may take: 32 MiB.
const MAX_WORDS: usize = 4 << 20;
/// Words that the rows of one field may take that are written out: 33 KiB.
const DENSE_WORDS: usize = 64 * ROW;
/// Fields of few rows, after joining, and of many.
const MAX_DENSE: usize = 8;
const MAX_SPARSE: usize = 24;
/// Keys that are looked up together in a table of many fields.
const STRIDE: usize = 8;
/// Fields before joining.
const MAX_FIELDS: usize = 64;

/// What all entries want of a word of the key.
#[derive(Clone, Copy, Debug)]
struct Common {
    word: u8,
    value: u64,
    mask: u64,
}

/// Entries of many masks as bit vectors.
#[derive(Debug, Default)]
pub(super) struct BitVec {
    common: Vec<Common>,
    dense: Vec<Dense>,
    sparse: Vec<Sparse>,
    page_count: usize,
    /// For each block the highest rank that it or a later block has had.
    tops: Vec<Rank>,
    /// For each block its entries that are still there.
    live: Vec<u64>,
    /// For each block, by page, whether entries of one priority may be out of their order.
    untidy: [u64; MAX_ENTRIES / PAGE],
    /// The entries, block after block, highest rank first in each.
    entries: Vec<Hit>,
    entry_count: usize,
}

impl BitVec {
    /// Whether `key` has what all entries want.
    #[inline]
    fn applies_to(&self, key: &Key) -> bool {
        self.common.iter().all(|common| key.word(common.word) & common.mask == common.value)
    }

    /// The best entry that `key` matches.
    #[inline]
    pub(super) fn find(&self, key: &Key) -> Hit {
        let mut best = Hit::NONE;
        if self.applies_to(key) {
            self.each_block(key, |block, word| {
                best = best.or_better(self.best_of(block, word));
                self.top(block.wrapping_add(1)) > best.rank
            });
        }
        best
    }

    /// Shows `look` the blocks in which `key` has entries, and which, until it has seen enough.
    fn each_block(&self, key: &Key, mut look: impl FnMut(usize, u64) -> bool) {
        let dense: ArrayVec<u32, MAX_DENSE> =
            self.dense.iter().map(|field| field.locate(key)).collect();
        let sparse: ArrayVec<u32, MAX_SPARSE> =
            self.sparse.iter().map(|field| field.locate(key)).collect();
        for page in 0..self.page_count {
            let dense = self.dense.iter().zip(&dense);
            let dense: ArrayVec<(&Dense, u32), MAX_DENSE> =
                dense.map(|(field, &row)| (field, field.start(page, row))).collect();
            let sparse = self.sparse.iter().zip(&sparse);
            let sparse: ArrayVec<(&Sparse, u32), MAX_SPARSE> =
                sparse.map(|(field, &row)| (field, field.start(page, row))).collect();
            let mut open = u64::MAX;
            for (field, start) in &dense {
                open &= field.aggregate(*start);
            }
            for (field, start) in &sparse {
                open &= field.aggregate(*start) | field.base_aggregate(page);
            }
            while open != 0 {
                let block = open.trailing_zeros();
                let at = page.wrapping_mul(BLOCKS).wrapping_add(block as usize);
                let mut word = self.live.get(at).copied().unwrap_or(0);
                for (field, start) in &dense {
                    word &= field.word(*start, block);
                }
                for (field, start) in &sparse {
                    word &= field.word(page, *start, block);
                }
                if !look(at, word) {
                    return;
                }
                open &= open.wrapping_sub(1);
            }
        }
    }

    /// Improves `hits` of those of `keys` whose bit in `wanted` is set.
    pub(super) fn find_batch(&self, keys: &[&Key], wanted: u32, hits: &mut [Hit; BATCH]) {
        let mut picked: ArrayVec<&Key, BATCH> = ArrayVec::new();
        let mut lanes: ArrayVec<u8, BATCH> = ArrayVec::new();
        for (at, key) in (0u8..).zip(keys.iter().take(BATCH)) {
            if wanted.wrapping_shr(at.into()) & 1 != 0 && self.applies_to(key) {
                picked.push(key);
                lanes.push(at);
            }
        }
        // Most tables are small enough for small arrays. In others fewer keys go together: a kernel's stack
        // is small.
        if self.dense.len() <= 2 && self.sparse.len() <= 4 {
            self.find_picked::<2, 4, BATCH>(&picked, &lanes, hits);
        } else {
            for (picked, lanes) in picked.chunks(STRIDE).zip(lanes.chunks(STRIDE)) {
                self.find_picked::<MAX_DENSE, MAX_SPARSE, STRIDE>(picked, lanes, hits);
            }
        }
    }

    /// [`find_batch`](Self::find_batch) for up to `D` dense and `S` sparse fields, and `W` keys whose hits are
    /// in `lanes`.
    #[inline(never)] // what it has in hand is on the stack only while it works
    fn find_picked<const D: usize, const S: usize, const W: usize>(
        &self,
        picked: &[&Key],
        lanes: &[u8],
        hits: &mut [Hit; BATCH],
    ) {
        let mut dense = [[0u32; W]; D];
        let mut sparse = [[0u32; W]; S];
        for (field, rows) in self.dense.iter().zip(&mut dense) {
            field.locate_batch(picked, rows);
        }
        for (field, rows) in self.sparse.iter().zip(&mut sparse) {
            field.locate_batch(picked, rows);
        }
        for page in 0..self.page_count {
            let mut open = [u64::MAX; W];
            let mut starts = [([0u32; D], [0u32; S]); W];
            for (number, (field, rows)) in self.dense.iter().zip(&dense).enumerate() {
                let lanes = open.iter_mut().zip(&mut starts).zip(rows).take(picked.len());
                for ((open, (starts, _)), row) in lanes {
                    let start = field.start(page, *row);
                    *open &= field.aggregate(start);
                    starts.get_mut(number).into_iter().for_each(|at| *at = start);
                }
            }
            for (number, (field, rows)) in self.sparse.iter().zip(&sparse).enumerate() {
                let base = field.base_aggregate(page);
                let lanes = open.iter_mut().zip(&mut starts).zip(rows).take(picked.len());
                for ((open, (_, starts)), row) in lanes {
                    let start = field.start(page, *row);
                    *open &= field.aggregate(start) | base;
                    starts.get_mut(number).into_iter().for_each(|at| *at = start);
                }
            }
            for ((&open, (dense, sparse)), &lane) in open.iter().zip(&starts).zip(lanes) {
                if open != 0 {
                    if let Some(hit) = hits.get_mut(usize::from(lane)) {
                        *hit = self.search_page(page, open, dense, sparse, *hit);
                    }
                }
            }
        }
    }

    /// The better of `best` and what there is in the blocks `open` of a page.
    #[inline]
    fn search_page(&self, page: usize, open: u64, dense: &[u32], sparse: &[u32], best: Hit) -> Hit {
        let (mut open, mut best) = (open, best);
        while open != 0 {
            let block = open.trailing_zeros();
            open &= open.wrapping_sub(1);
            let number = page.wrapping_mul(BLOCKS).wrapping_add(block as usize);
            if self.top(number) <= best.rank {
                break;
            }
            let mut word = self.live.get(number).copied().unwrap_or(0);
            // The fields of most values come first: they leave few entries, or none.
            for (field, start) in self.sparse.iter().zip(sparse) {
                if word == 0 {
                    break;
                }
                word &= field.word(page, *start, block);
            }
            if word == 0 {
                continue;
            }
            for (field, start) in self.dense.iter().zip(dense) {
                word &= field.word(*start, block);
            }
            if word != 0 {
                best = best.or_better(self.best_of(number, word));
            }
        }
        best
    }

    /// The highest rank of a block and those behind it.
    #[inline]
    fn top(&self, block: usize) -> Rank {
        self.tops.get(block).copied().unwrap_or_default()
    }

    /// The best of the entries of a block whose bit in `word` is set.
    #[inline]
    fn best_of(&self, block: usize, word: u64) -> Hit {
        let entry = |bit: u32| {
            let at = block.wrapping_mul(64).wrapping_add(bit as usize);
            self.entries.get(at).copied().unwrap_or(Hit::NONE)
        };
        if word == 0 {
            return Hit::NONE;
        }
        let first = entry(word.trailing_zeros());
        let untidy = self.untidy.get(block / BLOCKS).copied().unwrap_or(0);
        if untidy.wrapping_shr(block as u32) & 1 == 0 {
            return first;
        }
        let (mut best, mut left) = (first, word & word.wrapping_sub(1));
        while left != 0 {
            let next = entry(left.trailing_zeros());
            if next.rank.priority() != first.rank.priority() {
                break;
            }
            best = best.or_better(next);
            left &= left.wrapping_sub(1);
        }
        best
    }

    /// New entries make new rows, which is a builder's work.
    pub(super) fn insert(&mut self, _: &MaskedKey, _: Hit) -> Result<bool, Full> {
        Ok(false)
    }

    /// Where an entry is.
    fn position(&self, matching: &MaskedKey, hit: Hit) -> Option<usize> {
        // What an entry wants is a key that it matches.
        if !self.applies_to(matching.value()) {
            return None;
        }
        let mut found = None;
        self.each_block(matching.value(), |block, word| {
            let mut left = word;
            while left != 0 && found.is_none() {
                let at = block.wrapping_mul(64).wrapping_add(left.trailing_zeros() as usize);
                found = self.entries.get(at).filter(|entry| **entry == hit).map(|_| at);
                left &= left.wrapping_sub(1);
            }
            found.is_none() && self.top(block.wrapping_add(1)) >= hit.rank
        });
        found
    }

    /// Gives an entry another slot and place among those of its priority.
    pub(super) fn replace(&mut self, matching: &MaskedKey, old: Hit, new: Hit) -> bool {
        let Some(at) = self.position(matching, old) else { return false };
        let block = at / 64;
        if let Some(entry) = self.entries.get_mut(at) {
            *entry = new;
        }
        let rank = |at: Option<usize>| at.and_then(|at| self.entries.get(at)).map(|hit| hit.rank);
        let before = rank(at.checked_sub(1).filter(|before| before / 64 == block));
        let after = rank(at.checked_add(1).filter(|after| after / 64 == block));
        let is_tidy =
            before.is_none_or(|rank| rank > new.rank) && after.is_none_or(|rank| rank < new.rank);
        if let (false, Some(untidy)) = (is_tidy, self.untidy.get_mut(block / BLOCKS)) {
            *untidy |= 1u64.wrapping_shl(block as u32);
        }
        for top in self.tops.iter_mut().take(block.wrapping_add(1)).rev() {
            if *top >= new.rank {
                break;
            }
            *top = new.rank;
        }
        true
    }

    /// Takes an entry out; its rows keep its bit, which counts no more.
    pub(super) fn remove(&mut self, matching: &MaskedKey, hit: Hit) -> bool {
        let Some(at) = self.position(matching, hit) else { return false };
        if let Some(live) = self.live.get_mut(at / 64) {
            *live &= !1u64.wrapping_shl(at as u32);
        }
        self.entry_count = self.entry_count.saturating_sub(1);
        true
    }

    /// Gives back the memory of a field; whether little is left.
    pub(super) fn free(&mut self) -> bool {
        if self.sparse.pop().is_none() {
            self.dense.pop();
        }
        self.sparse.is_empty() && self.dense.is_empty()
    }

    pub(super) fn entry_count(&self) -> usize {
        self.entry_count
    }

    /// Blocks of 64 entries that a lookup of `key` looks into.
    pub(super) fn probe_count(&self, key: &Key) -> usize {
        let (mut best, mut count) = (Hit::NONE, 0usize);
        if self.applies_to(key) {
            self.each_block(key, |block, word| {
                count = count.wrapping_add(1);
                best = best.or_better(self.best_of(block, word));
                self.top(block.wrapping_add(1)) > best.rank
            });
        }
        count
    }

    /// Bytes held beside the struct itself.
    pub(super) fn memory_len(&self) -> usize {
        let dense = self.dense.iter().map(Dense::memory_len);
        let sparse = self.sparse.iter().map(Sparse::memory_len);
        let entries = self.entries.capacity().saturating_mul(size_of::<Hit>());
        let blocks = self.tops.capacity().saturating_mul(size_of::<Rank>() + size_of::<u64>());
        dense.chain(sparse).fold(entries.saturating_add(blocks), usize::saturating_add)
    }
}
