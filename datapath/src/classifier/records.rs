//! The entries of one `exact` table: for each its rank, its slot, a link to an entry of the same
//! match and lower rank, and the words of its match that the mask compares, and nothing more.

use super::blocks::Blocks;
use super::{Full, Hit, Rank};

/// No record.
pub(super) const NONE: u32 = u32::MAX;
/// Words in a block: 128 KiB, few enough blocks that the list of them stays in the first-level cache.
const BLOCK: usize = 1 << 14;
/// Words before those of the match: the rank, and the slot with the link.
pub(super) const HEAD: usize = 2;

/// Records of one length. A record's number is the place of its first word, which it keeps.
#[derive(Debug)]
pub(super) struct Records {
    words: Blocks<u64, BLOCK>,
    stride: usize,
    /// The first of the free records, linked.
    free: u32,
}

/// A record, borrowed.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) hit: Hit,
    /// The entry of the same match that comes next in rank, or [`NONE`].
    pub(super) next: u32,
    pub(super) words: &'a [u64],
}

impl Records {
    /// Records of `word_count` words of match.
    pub(super) fn new(word_count: usize) -> Records {
        Records { words: Blocks::new(0), stride: HEAD.saturating_add(word_count), free: NONE }
    }

    pub(super) fn get(&self, index: u32) -> Option<Record<'_>> {
        let record = self.tail(index).get(..self.stride)?;
        let [rank, link, words @ ..] = record else { return None };
        let hit = Hit { rank: Rank(*rank), slot: *link as u32 };
        Some(Record { hit, next: (link >> 32) as u32, words })
    }

    /// The words of a record and what follows them: its rank, its slot in the lower half of the
    /// second, and those of the match.
    #[inline(always)]
    pub(super) fn tail(&self, index: u32) -> &[u64] {
        self.words.tail(index as usize)
    }

    /// All words, while they are one block; a record's number is the place of its first.
    #[inline(always)]
    pub(super) fn flat(&self) -> Option<&[u64]> {
        self.words.flat()
    }

    /// Changes what a record is about; its words stay.
    pub(super) fn set(&mut self, index: u32, hit: Hit, next: u32) {
        if let [rank, link, ..] = self.words.tail_mut(index as usize) {
            *rank = hit.rank.0;
            *link = (u64::from(next) << 32) | u64::from(hit.slot);
        }
    }

    /// Where the record behind the one at `index` is: none goes across the end of a block.
    fn after(&self, index: usize) -> usize {
        let next = index.saturating_add(self.stride);
        match next % BLOCK {
            at if BLOCK.saturating_sub(at) < self.stride => next.next_multiple_of(BLOCK),
            _ => next,
        }
    }

    /// The place where the next new record would be.
    fn end(&self) -> usize {
        match self.words.len().checked_sub(self.stride) {
            Some(last) => self.after(last),
            None => 0,
        }
    }

    /// Makes sure that the next [`add`](Self::add) succeeds.
    pub(super) fn reserve(&mut self) -> Result<(), Full> {
        if self.free != NONE {
            return Ok(());
        }
        let end = self.end().saturating_add(self.stride);
        if end >= NONE as usize {
            return Err(Full);
        }
        self.words.reserve(end.saturating_sub(self.words.len()))
    }

    /// Adds a record; returns its number.
    pub(super) fn add(&mut self, hit: Hit, next: u32, match_words: &[u64]) -> Result<u32, Full> {
        self.reserve()?;
        let index = if self.free != NONE {
            let index = self.free;
            self.free = self.get(index).map_or(NONE, |record| record.next);
            index
        } else {
            let at = self.end();
            let end = at.saturating_add(self.stride);
            while self.words.len() < end {
                self.words.push(0)?;
            }
            at as u32
        };
        self.set(index, hit, next);
        let words = self.words.tail_mut(index as usize).get_mut(HEAD..self.stride);
        for (word, value) in words.unwrap_or_default().iter_mut().zip(match_words) {
            *word = *value;
        }
        Ok(index)
    }

    /// Frees a record.
    pub(super) fn remove(&mut self, index: u32) {
        self.set(index, Hit::NONE, self.free);
        self.free = index;
    }

    /// The record in the place numbered `index`, whether it is in use or not, and the place behind it.
    pub(super) fn at(&self, index: u32) -> Option<(Record<'_>, u32)> {
        if index as usize >= self.words.len() {
            return None;
        }
        let after = u32::try_from(self.after(index as usize)).ok()?;
        Some((self.get(index)?, after))
    }

    /// The number of the place that has `count` places before it.
    pub(super) fn place(&self, count: usize) -> u32 {
        let of_block = BLOCK.checked_div(self.stride).unwrap_or(0).max(1);
        let in_block = (count % of_block).saturating_mul(self.stride);
        (count / of_block).saturating_mul(BLOCK).saturating_add(in_block) as u32
    }

    /// Places of records, those that are free included.
    pub(super) fn place_count(&self) -> usize {
        let of_block = BLOCK.checked_div(self.stride).unwrap_or(0);
        let whole = (self.words.len() / BLOCK).saturating_mul(of_block);
        let rest = (self.words.len() % BLOCK).checked_div(self.stride).unwrap_or(0);
        whole.saturating_add(rest.min(of_block))
    }

    /// The records in use, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        let mut place = 0;
        let all = core::iter::from_fn(move || {
            let (record, after) = self.at(place)?;
            place = after;
            Some(record)
        });
        all.filter(|record| record.hit != Hit::NONE)
    }

    /// Gives back memory, some blocks at a time; whether that was all.
    pub(super) fn free(&mut self, blocks: usize) -> bool {
        self.words.free(blocks)
    }

    pub(super) fn memory_len(&self) -> usize {
        self.words.memory_len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn records_stay_where_they_are_and_none_goes_across_a_block() {
        for word_count in 0..=16usize {
            let mut records = Records::new(word_count);
            let hit = |number: u32| Hit { rank: Rank(u64::from(number) + 1), slot: number };
            let words = |number: u32| -> Vec<u64> {
                (0..word_count as u64).map(|word| word << 32 | u64::from(number)).collect()
            };
            let numbers: Vec<u32> = (0..20_000)
                .map(|number| records.add(hit(number), number, &words(number)).unwrap())
                .collect();
            for (number, &index) in (0..).zip(&numbers) {
                let record = records.get(index).unwrap();
                assert_eq!(record.words, words(number));
                assert_eq!((record.hit, record.next), (hit(number), number));
                assert!(index as usize % BLOCK + records.stride <= BLOCK);
            }
            assert_eq!(records.place_count(), numbers.len());
            assert!((0..20_000).map(|count| records.place(count)).eq(numbers.iter().copied()));
            for index in numbers.iter().skip(1).step_by(2) {
                records.remove(*index);
            }
            assert!(records.iter().map(|record| record.hit.slot).eq((0..20_000).step_by(2)));
            assert_eq!(records.add(hit(7), NONE, &words(7)), Ok(*numbers.last().unwrap()));
            assert_eq!(records.place_count(), numbers.len());
        }
    }
}
