//! The entries of one `exact` table: for each its rank, its slot, a link to an entry of the same
//! match and lower rank, and the words of its match that the mask compares, and nothing more.

use alloc::vec::Vec;

use super::{Full, Hit, Rank};

/// No record.
pub(super) const NONE: u32 = u32::MAX;
/// Records in a page: few enough pages that the list of them stays in the first-level cache.
const PAGE: usize = 4096;
/// Words before those of the match: the rank, and the slot with the link.
const HEAD: usize = 2;

/// Records of one length, in pages that never move.
#[derive(Debug)]
pub(super) struct Records {
    pages: Vec<Vec<u64>>,
    stride: usize,
    /// Records ever made, free ones included.
    count: u32,
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
        Records { pages: Vec::new(), stride: HEAD.saturating_add(word_count), count: 0, free: NONE }
    }

    /// Places ever used.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<Record<'_>> {
        let index = index as usize;
        let start = (index % PAGE).wrapping_mul(self.stride);
        let record = self.pages.get(index / PAGE)?.get(start..start.wrapping_add(self.stride))?;
        let [rank, link, words @ ..] = record else { return None };
        let hit = Hit { rank: Rank(*rank), slot: *link as u32 };
        Some(Record { hit, next: (link >> 32) as u32, words })
    }

    fn head_mut(&mut self, index: u32) -> Option<(&mut u64, &mut u64)> {
        let index = index as usize;
        let start = (index % PAGE).wrapping_mul(self.stride);
        match self.pages.get_mut(index / PAGE)?.get_mut(start..start.wrapping_add(HEAD))? {
            [rank, link] => Some((rank, link)),
            _ => None,
        }
    }

    /// Changes what a record is about; its words stay.
    pub(super) fn set(&mut self, index: u32, hit: Hit, next: u32) {
        if let Some((rank, link)) = self.head_mut(index) {
            *rank = hit.rank.0;
            *link = (u64::from(next) << 32) | u64::from(hit.slot);
        }
    }

    /// Makes sure that the next [`add`](Self::add) succeeds.
    pub(super) fn reserve(&mut self) -> Result<(), Full> {
        if self.free != NONE {
            return Ok(());
        }
        if self.count == NONE {
            return Err(Full);
        }
        let page = self.count as usize / PAGE;
        if self.pages.len() <= page {
            self.pages.try_reserve(1)?;
            self.pages.push(Vec::new());
        }
        let whole = PAGE.saturating_mul(self.stride);
        let words = self.pages.get_mut(page).ok_or(Full)?;
        if words.capacity().saturating_sub(words.len()) >= self.stride {
            return Ok(());
        }
        // Small tables stay small: the first page doubles up to its size.
        let wanted = match page {
            0 => words.len().max(self.stride.saturating_mul(2)).saturating_mul(2).min(whole),
            _ => whole,
        };
        words.try_reserve_exact(wanted.saturating_sub(words.len()))?;
        Ok(())
    }

    /// Adds a record; returns its index.
    pub(super) fn add(
        &mut self,
        hit: Hit,
        next: u32,
        match_words: impl Iterator<Item = u64>,
    ) -> Result<u32, Full> {
        self.reserve()?;
        if self.free != NONE {
            let index = self.free;
            self.free = self.get(index).map_or(NONE, |record| record.next);
            self.set(index, hit, next);
            let start = (index as usize % PAGE).wrapping_mul(self.stride).wrapping_add(HEAD);
            let words = self.pages.get_mut(index as usize / PAGE).and_then(|p| p.get_mut(start..));
            for (word, value) in words.unwrap_or_default().iter_mut().zip(match_words) {
                *word = value;
            }
            return Ok(index);
        }
        let index = self.count;
        let page = self.pages.get_mut(index as usize / PAGE).ok_or(Full)?;
        let end = page.len().saturating_add(self.stride);
        page.push(hit.rank.0);
        page.push((u64::from(next) << 32) | u64::from(hit.slot));
        page.extend(match_words);
        page.resize(end, 0);
        self.count = self.count.saturating_add(1);
        Ok(index)
    }

    /// Frees a record.
    pub(super) fn remove(&mut self, index: u32) {
        self.set(index, Hit::NONE, self.free);
        self.free = index;
    }

    /// The records in use, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        self.pages.iter().flat_map(|page| page.chunks_exact(self.stride)).filter_map(|record| {
            let [rank, link, words @ ..] = record else { return None };
            let hit = Hit { rank: Rank(*rank), slot: *link as u32 };
            hit.slot().map(|_| Record { hit, next: (link >> 32) as u32, words })
        })
    }

    /// Gives back memory, some pages at a time; whether that was all.
    pub(super) fn free(&mut self, pages: usize) -> bool {
        let left = self.pages.len().saturating_sub(pages);
        self.pages.truncate(left);
        left == 0
    }

    pub(super) fn memory_len(&self) -> usize {
        let pages = self.pages.capacity().saturating_mul(size_of::<Vec<u64>>());
        let words: usize = self.pages.iter().map(Vec::capacity).sum();
        pages.saturating_add(words.saturating_mul(size_of::<u64>()))
    }
}
