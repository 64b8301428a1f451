//! Making bit vectors, in slices.
//!
//! 1. Entries come; for each span of the key it is noted what masks they put to it.
//! 2. That says which fields there are ([`Plan`]).
//! 3. Entries are sorted, so that those that care about the same fields, and want like values there,
//!    share a block; a block's entries are put in the order of their ranks, and blocks in the order of
//!    their best.
//! 4. Each field's rows are made ([`FieldBuild`]), and fields of few rows are joined.

use alloc::vec::Vec;

use ofp_codec::memory::TryBox;

use super::field::{Dense, Sparse};
use super::plan::{Plan, Statistics};
use super::rows::{FieldBuild, Made, Shape};
use super::slices::{SlicedSort, sort_few};
use super::span::Span;
use super::{BLOCKS, BitVec, DENSE_WORDS, MAX_DENSE, MAX_ENTRIES, MAX_SPARSE, MAX_WORDS, PAGE};
use crate::classifier::Hit;
use crate::classifier::compiled::Unsuited;
use crate::classifier::hash::HashKey;
use crate::classifier::pages::Pages;
use crate::classifier::profile::Profile;
use crate::key::MaskedKey;

/// Bit vectors that are being made.
#[derive(Debug)]
pub(in crate::classifier) struct Builder {
    hash: HashKey,
    entries: Pages<(MaskedKey, Hit), 32>,
    statistics: Statistics,
    plan: Plan,
    stage: Stage,
    /// The number of the entry at each position.
    order: Vec<u32>,
    made: BitVec,
    dense: Vec<Dense>,
    /// Words that rows take so far.
    word_count: usize,
}

#[derive(Debug)]
enum Stage {
    Gather,
    /// Sort keys of entries from this one on.
    Keys(usize, Vec<(u128, u32)>),
    Sort(SlicedSort<(u128, u32)>),
    /// Blocks from this one on.
    Blocks(usize, Vec<(Hit, u32)>, Vec<(u128, u32)>),
    /// The field of this number is next.
    Field(usize),
    Rows(usize, TryBox<FieldBuild>),
}

impl Builder {
    #[inline(never)]
    pub(in crate::classifier) fn new(
        hash: HashKey,
        profile: &Profile<'_>,
    ) -> Result<Builder, Unsuited> {
        if profile.entry_count() > MAX_ENTRIES {
            return Err(Unsuited);
        }
        Builder::empty(hash)
    }

    pub(super) fn empty(hash: HashKey) -> Result<Builder, Unsuited> {
        Ok(Builder {
            hash,
            entries: Pages::new(),
            statistics: Statistics::new()?,
            plan: Plan::default(),
            stage: Stage::Gather,
            order: Vec::new(),
            made: BitVec::default(),
            dense: Vec::new(),
            word_count: 0,
        })
    }

    /// Gives back memory, some pages at a time; whether what is left is little enough to be dropped.
    pub(in crate::classifier) fn free(&mut self, pages: usize) -> bool {
        // The lists of 100,000 entries at most are a few hundred microseconds' work together.
        self.entries.free(pages.saturating_mul(16)) && self.made.free()
    }

    /// Takes an entry.
    pub(in crate::classifier) fn add(
        &mut self,
        matching: &MaskedKey,
        hit: Hit,
    ) -> Result<bool, Unsuited> {
        if self.entries.len() >= MAX_ENTRIES {
            return Err(Unsuited);
        }
        self.entries.push((*matching, hit))?;
        self.statistics.add(matching);
        Ok(true)
    }

    /// Works for about `budget` microseconds.
    #[inline(never)]
    pub(in crate::classifier) fn step(
        &mut self,
        budget: usize,
    ) -> Result<Option<TryBox<BitVec>>, Unsuited> {
        match core::mem::replace(&mut self.stage, Stage::Gather) {
            Stage::Gather => {
                self.plan = Plan::new(&self.statistics, self.entries.len())?;
                self.stage = Stage::Keys(0, reserved(self.entries.len())?);
            }
            Stage::Keys(next, mut keys) => {
                let last = next.saturating_add(budget.saturating_mul(16));
                let last = last.min(self.entries.len());
                for number in next..last {
                    let (matching, _) = self.entries.get(number).ok_or(Unsuited)?;
                    keys.push((self.plan.sort_key(matching), number as u32));
                }
                self.stage = match last == self.entries.len() {
                    true => Stage::Sort(SlicedSort::new(keys)?),
                    false => Stage::Keys(last, keys),
                };
            }
            Stage::Sort(mut sort) => {
                self.stage = match sort.step(budget.saturating_mul(64)) {
                    Some(keys) => {
                        let block_count = keys.len().div_ceil(64);
                        Stage::Blocks(0, reserved(block_count)?, keys)
                    }
                    None => Stage::Sort(sort),
                };
            }
            Stage::Blocks(next, mut tops, mut keys) => {
                let last = next.saturating_add(budget.div_ceil(4));
                let blocks = keys.chunks_mut(64).skip(next).take(last.saturating_sub(next));
                for (block, entries) in (next as u32..).zip(blocks) {
                    tops.push((in_rank(&self.entries, entries), block));
                }
                self.stage = match last.saturating_mul(64) >= keys.len() {
                    true => {
                        self.lay_out(tops, &keys)?;
                        Stage::Field(0)
                    }
                    false => Stage::Blocks(last, tops, keys),
                };
            }
            Stage::Field(number) => match self.plan.fields().get(number) {
                Some(&(span, shape)) => {
                    self.stage = Stage::Rows(number, self.begin_field(span, shape)?);
                }
                None => return self.finish().map(Some),
            },
            Stage::Rows(number, mut field) => {
                let (order, entries) = (&self.order, &self.entries);
                let entry = |position: usize| match order.get(position) {
                    Some(&NOBODY) => Some(&MaskedKey::ANY),
                    Some(&number) => entries.get(number as usize).map(|(matching, _)| matching),
                    None => None,
                };
                let is_done = field.step(budget, entry)?;
                let word_count = self.word_count.saturating_add(field.word_count());
                if word_count > MAX_WORDS {
                    return Err(Unsuited);
                }
                self.stage = if is_done {
                    self.word_count = word_count;
                    self.push(&mut field)?;
                    Stage::Field(number.saturating_add(1))
                } else {
                    Stage::Rows(number, field)
                };
            }
        }
        Ok(None)
    }

    // Calls of their own: what each has in hand is on the stack only while it works.

    #[inline(never)]
    fn begin_field(&self, span: Span, shape: Shape) -> Result<TryBox<FieldBuild>, Unsuited> {
        let (places, page_count) = (self.order.len(), self.made.page_count);
        Ok(TryBox::new(FieldBuild::new(span, shape, self.hash, places, page_count)?)?)
    }

    /// Takes a field whose rows are made.
    #[inline(never)]
    fn push(&mut self, field: &mut FieldBuild) -> Result<(), Unsuited> {
        match field.finish()? {
            Made::Dense(field) => {
                self.dense.try_reserve(1).map_err(|_| Unsuited)?;
                self.dense.push(field);
                Ok(())
            }
            Made::Sparse(field) => self.push_sparse(field),
        }
    }

    fn push_sparse(&mut self, field: Sparse) -> Result<(), Unsuited> {
        if self.made.sparse.len() >= MAX_SPARSE {
            return Err(Unsuited);
        }
        self.made.sparse.try_reserve(1).map_err(|_| Unsuited)?;
        self.made.sparse.push(field);
        Ok(())
    }

    /// Gives every entry its position: blocks by their best entries.
    #[inline(never)]
    fn lay_out(&mut self, mut tops: Vec<(Hit, u32)>, keys: &[(u128, u32)]) -> Result<(), Unsuited> {
        sort_few(&mut tops, |(top, _)| core::cmp::Reverse(top.rank));
        let places = tops.len().saturating_mul(64);
        self.order = reserved(places)?;
        let made = &mut self.made;
        made.entries = reserved(places)?;
        (made.tops, made.live) = (reserved(tops.len())?, reserved(tops.len())?);
        made.page_count = places.div_ceil(PAGE);
        made.entry_count = keys.len();
        for (top, block) in tops {
            let entries = keys.chunks(64).nth(block as usize).unwrap_or_default();
            let mut live = 0u64;
            for (bit, (_, number)) in (0u32..).zip(entries) {
                let (_, hit) = self.entries.get(*number as usize).ok_or(Unsuited)?;
                self.order.push(*number);
                made.entries.push(*hit);
                live |= 1u64.wrapping_shl(bit);
            }
            made.tops.push(top.rank);
            made.live.push(live);
            // A block that is not full has empty places behind it.
            let end = made.live.len().saturating_mul(64);
            self.order.resize(end, NOBODY);
            made.entries.resize(end, Hit::NONE);
        }
        made.untidy = [0; MAX_ENTRIES / PAGE];
        made.common = reserved(self.plan.common().len())?;
        made.common.extend_from_slice(self.plan.common());
        Ok(())
    }

    /// Joins fields of few rows as long as the joint rows are few.
    #[inline(never)]
    fn finish(&mut self) -> Result<TryBox<BitVec>, Unsuited> {
        let mut made = core::mem::take(&mut self.made);
        sort_few(&mut self.dense, Dense::row_count);
        made.dense = reserved(MAX_DENSE)?;
        for field in self.dense.drain(..) {
            let joint = match made.dense.pop() {
                Some(last) => {
                    let len = last.rows.len().saturating_mul(field.row_count());
                    if len <= DENSE_WORDS {
                        last.join(field)?
                    } else {
                        made.dense.push(last);
                        field
                    }
                }
                None => field,
            };
            if made.dense.len() >= MAX_DENSE {
                return Err(Unsuited);
            }
            made.dense.push(joint);
        }
        Ok(TryBox::new(made)?)
    }
}

/// A place without an entry.
const NOBODY: u32 = u32::MAX;

/// Sorts the entries of a block by rank; the best.
#[inline(never)]
fn in_rank(entries: &Pages<(MaskedKey, Hit), 32>, block: &mut [(u128, u32)]) -> Hit {
    let hit = |number: u32| entries.get(number as usize).map_or(Hit::NONE, |(_, hit)| *hit);
    sort_few(block, |(_, number)| core::cmp::Reverse(hit(*number).rank));
    block.first().map_or(Hit::NONE, |(_, number)| hit(*number))
}

fn reserved<T>(count: usize) -> Result<Vec<T>, Unsuited> {
    let mut vec = Vec::new();
    vec.try_reserve_exact(count).map_err(|_| Unsuited)?;
    Ok(vec)
}

const _: () = assert!(BLOCKS == 64);
