//! The entries that a tree compares in full: for each its rank, its slot, the number of its mask and
//! the words of its value that some mask of the tree has bits in, and no more. One cache line an
//! entry when that is six words or fewer (IPv4 or ARP and transport: four).

use alloc::vec::Vec;

use arrayvec::ArrayVec;

use super::super::hash::HashKey;
use super::super::{Full, Hit, Rank};
use super::lines::Lines;
use crate::key::{KEY_WORDS, Key, MaskedKey};

/// No entry.
pub(super) const NONE: u32 = u32::MAX;
/// Words before those of the value: the rank, and the slot with the mask's number.
const HEAD: usize = 2;

/// Entries, numbered; numbers of removed ones are given again.
#[derive(Debug)]
pub(super) struct Entries {
    /// The words of a key that are compared.
    words: ArrayVec<u8, KEY_WORDS>,
    lines: Lines,
    /// The first of the free ones; each has the next one's number as its slot.
    free: u32,
    /// The compared words of each mask, one mask after the other.
    masks: Vec<u64>,
    mask_count: u32,
    /// Numbers of masks by their hash, [`NONE`] for a free place; never more than half full.
    by_mask: Vec<u32>,
    hash: HashKey,
}

impl Entries {
    /// Room for `room` entries of at most `mask_room` masks, which have bits in the words that
    /// `union` has.
    pub(super) fn new(
        hash: HashKey,
        union: &Key,
        room: usize,
        mask_room: usize,
    ) -> Result<Entries, Full> {
        let words: ArrayVec<u8, KEY_WORDS> =
            (0u8..).zip(union.words()).filter(|(_, mask)| **mask != 0).map(|(at, _)| at).collect();
        let lines = Lines::new(words.len().saturating_add(HEAD), room)?;
        let (mut masks, mut by_mask) = (Vec::new(), Vec::new());
        masks.try_reserve_exact(mask_room.saturating_mul(words.len()))?;
        let places = mask_room.saturating_mul(2).next_power_of_two();
        by_mask.try_reserve_exact(places)?;
        by_mask.resize(places, NONE);
        Ok(Entries { words, lines, free: NONE, masks, mask_count: 0, by_mask, hash })
    }

    /// Whether `mask` has bits only in words that are compared.
    pub(super) fn covers(&self, mask: &Key) -> bool {
        let bits = self.words.iter().filter(|&&word| mask.word(word) != 0).count();
        bits == mask.words().iter().filter(|&&word| word != 0).count()
    }

    /// The words that are compared.
    pub(super) fn words(&self) -> &[u8] {
        &self.words
    }

    /// Whether all entries are in the first chunk, so that they may be looked at as `FLAT`.
    #[inline]
    pub(super) fn is_flat(&self) -> bool {
        self.lines.is_flat()
    }

    #[inline]
    fn line(&self, entry: u32) -> Option<&[u64]> {
        self.lines.get::<false>(entry)
    }

    /// Some word of the entry: a load that brings its first line near.
    #[inline]
    pub(super) fn touch<const FLAT: bool>(&self, entry: u32) -> u64 {
        self.lines.get::<FLAT>(entry).and_then(<[u64]>::first).copied().unwrap_or(0)
    }

    /// The rank and slot of an entry.
    pub(super) fn hit(&self, entry: u32) -> Hit {
        match self.line(entry) {
            Some([rank, link, ..]) => Hit { rank: Rank(*rank), slot: *link as u32 },
            _ => Hit::NONE,
        }
    }

    #[inline]
    fn mask_of(&self, link: u64) -> &[u64] {
        let count = self.words.len();
        let start = ((link >> 32) as usize).wrapping_mul(count);
        self.masks.get(start..start.wrapping_add(count)).unwrap_or_default()
    }

    /// The entry, if `key` matches it.
    #[inline]
    pub(super) fn matching<const FLAT: bool>(&self, entry: u32, key: &Key) -> Option<Hit> {
        let [rank, link, value @ ..] = self.lines.get::<FLAT>(entry)? else { return None };
        let compared = value.iter().zip(self.mask_of(*link)).zip(&self.words);
        for ((value, mask), &word) in compared {
            if key.word(word) & mask != *value {
                return None;
            }
        }
        Some(Hit { rank: Rank(*rank), slot: *link as u32 })
    }

    /// The value of word `word` and its mask.
    pub(super) fn filter(&self, entry: u32, word: u8) -> (u64, u64) {
        let Some(at) = self.words.iter().position(|&its| its == word) else { return (0, 0) };
        let Some([_, link, value @ ..]) = self.line(entry) else { return (0, 0) };
        let mask = self.mask_of(*link).get(at).copied().unwrap_or(0);
        (value.get(at).copied().unwrap_or(0), mask)
    }

    /// An entry's value and mask.
    pub(super) fn masked(&self, entry: u32) -> (Key, Key) {
        let (mut value, mut mask) = (Key::default(), Key::default());
        if let Some([_, link, words @ ..]) = self.line(entry) {
            let compared = words.iter().zip(self.mask_of(*link)).zip(&self.words);
            for ((&v, &m), &word) in compared {
                value.set_word(word, v);
                mask.set_word(word, m);
            }
        }
        (value, mask)
    }

    /// The number of a mask, a new one if it has none yet.
    fn mask_number(&mut self, mask: &Key) -> Result<u32, Full> {
        let places = self.by_mask.len();
        let start = self.hash.hash(self.words.iter().map(|&word| mask.word(word))) as usize;
        let mut at = start;
        // As many places are free as are taken: the search ends.
        let free = loop {
            at = at.wrapping_add(1) & places.wrapping_sub(1);
            let number = self.by_mask.get(at).copied().ok_or(Full)?;
            if number == NONE {
                break at;
            }
            let its = self.mask_of(u64::from(number) << 32);
            if its.iter().zip(&self.words).all(|(&its, &word)| its == mask.word(word)) {
                return Ok(number);
            }
        };
        let number = self.mask_count;
        if number as usize >= places / 2 {
            return Err(Full);
        }
        self.masks.try_reserve(self.words.len())?;
        self.masks.extend(self.words.iter().map(|&word| mask.word(word)));
        if let Some(place) = self.by_mask.get_mut(free) {
            *place = number;
        }
        self.mask_count = self.mask_count.saturating_add(1);
        Ok(number)
    }

    /// Adds an entry; `Full` when the room given at the start is used up, or its mask is not covered.
    pub(super) fn add(&mut self, matching: &MaskedKey, hit: Hit) -> Result<u32, Full> {
        if !self.covers(matching.mask()) {
            return Err(Full);
        }
        if self.free == NONE {
            self.lines.reserve()?;
        }
        let mask = self.mask_number(matching.mask())?;
        let entry = if self.free == NONE {
            self.lines.add()?
        } else {
            let entry = self.free;
            self.free = self.hit(entry).slot;
            entry
        };
        if let Some([rank, link, value @ ..]) = self.lines.get_mut(entry) {
            *rank = hit.rank.0;
            *link = u64::from(mask) << 32 | u64::from(hit.slot);
            for (value, &word) in value.iter_mut().zip(&self.words) {
                *value = matching.value().word(word);
            }
        }
        Ok(entry)
    }

    /// Gives an entry another rank and slot.
    pub(super) fn set(&mut self, entry: u32, hit: Hit) {
        if let Some([rank, link, ..]) = self.lines.get_mut(entry) {
            *rank = hit.rank.0;
            *link = *link & !0xffff_ffff | u64::from(hit.slot);
        }
    }

    /// Frees an entry that nothing refers to any more.
    pub(super) fn remove(&mut self, entry: u32) {
        self.set(entry, Hit { rank: Rank(0), slot: self.free });
        self.free = entry;
    }

    /// Gives back one part of what was held; whether there was nothing left but little.
    pub(super) fn free(&mut self) -> bool {
        self.lines.free()
    }

    pub(super) fn memory_len(&self) -> usize {
        let masks = self.masks.capacity().saturating_mul(size_of::<u64>());
        let places = self.by_mask.capacity().saturating_mul(size_of::<u32>());
        self.lines.memory_len().saturating_add(masks).saturating_add(places)
    }
}
