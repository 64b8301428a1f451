//! The `fixed` template: a few entries, highest rank first, compared one after the other. No hash,
//! no second cache miss, and the first entry that matches wins. In a batch a word is compared for all
//! keys at once, and not again where the next entry asks the same of it, as it mostly does of types.

use alloc::vec::Vec;

#[cfg(doc)]
use super::BATCH;
use super::{Full, Hit, VACANT};
use crate::key::{KEY_WORDS, Key, MaskedKey, Needs};

/// Up to [`CAPACITY`](Fixed::CAPACITY) entries.
#[derive(Debug, Default)]
pub(super) struct Fixed {
    /// Highest rank first.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    hit: Hit,
    /// The words that the mask has bits in.
    words: u32,
    matching: MaskedKey,
}

impl Entry {
    fn new(matching: &MaskedKey, hit: Hit) -> Entry {
        let words = matching.mask().words();
        let words = words.iter().rev().fold(0, |bits, &word| (bits << 1) | u32::from(word != 0));
        Entry { hit, words, matching: *matching }
    }

    #[inline]
    fn matches(&self, key: &Key) -> bool {
        let (value, mask) = (self.matching.value(), self.matching.mask());
        // From the last word to the first, which tells least: it has the presence bits.
        let mut left = self.words;
        while left != 0 {
            let index = left.ilog2() as u8;
            if key.word(index) & mask.word(index) != value.word(index) {
                return false;
            }
            left ^= 1u32.wrapping_shl(u32::from(index));
        }
        true
    }

    /// Which of up to [`BATCH`] keys match, a bit for each. `passed` is what the entries before have
    /// found out of each word.
    #[inline]
    fn matched(&self, keys: &[&Key], passed: &mut [Passed; KEY_WORDS]) -> u32 {
        let (value, mask) = (self.matching.value(), self.matching.mask());
        let (mut matched, mut left) = (u32::MAX, self.words);
        while left != 0 && matched != 0 {
            let index = left.ilog2();
            left ^= 1u32.wrapping_shl(index);
            let index = (index & 15) as u8;
            let (value, mask) = (value.word(index), mask.word(index));
            let Some(passed) = passed.get_mut(usize::from(index)) else { continue };
            if (passed.mask, passed.value) != (mask, value) {
                let mut bits = 0;
                // From the last key on, whose bit ends as the highest.
                for key in keys.iter().rev() {
                    bits = (bits << 1) | u32::from(key.word(index) & mask == value);
                }
                *passed = Passed { mask, value, bits };
            }
            matched &= passed.bits;
        }
        matched
    }
}

/// Which keys of a batch have a value under a mask in one word, a bit for each.
#[derive(Clone, Copy)]
struct Passed {
    mask: u64,
    value: u64,
    bits: u32,
}

impl Passed {
    /// Nothing is asked.
    const ALL: Passed = Passed { mask: 0, value: 0, bits: u32::MAX };
}

impl Fixed {
    /// Entries before another template takes over.
    pub(super) const CAPACITY: usize = 8;

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= Self::CAPACITY
    }

    pub(super) fn entry_count(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&MaskedKey, Hit)> {
        self.entries.iter().map(|entry| (&entry.matching, entry.hit))
    }

    fn position(&self, matching: &MaskedKey, priority: u16) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| entry.hit.rank.priority() == priority && entry.matching == *matching)
    }

    pub(super) fn insert(&mut self, matching: &MaskedKey, hit: Hit) -> Result<(), Full> {
        self.entries.try_reserve(1)?;
        let at = self.entries.partition_point(|entry| entry.hit.rank > hit.rank);
        self.entries.insert(at, Entry::new(matching, hit));
        Ok(())
    }

    pub(super) fn replace(&mut self, matching: &MaskedKey, hit: Hit) -> Option<Hit> {
        let at = self.position(matching, hit.rank.priority())?;
        let old = self.entries.remove(at).hit;
        // There is room: an entry has just gone.
        let at = self.entries.partition_point(|entry| entry.hit.rank > hit.rank);
        self.entries.insert(at, Entry::new(matching, hit));
        Some(old)
    }

    pub(super) fn remove(&mut self, matching: &MaskedKey, priority: u16) -> Option<Hit> {
        let at = self.position(matching, priority)?;
        Some(self.entries.remove(at).hit)
    }

    pub(super) fn get(&self, matching: &MaskedKey, priority: u16) -> Option<Hit> {
        let at = self.position(matching, priority)?;
        self.entries.get(at).map(|entry| entry.hit)
    }

    #[inline]
    pub(super) fn find(&self, key: &Key) -> Hit {
        self.entries.iter().find(|entry| entry.matches(key)).map_or(Hit::NONE, |entry| entry.hit)
    }

    pub(super) fn find_batch(&self, keys: &[&Key], hits: &mut [Hit]) {
        for (key, hit) in keys.iter().zip(hits) {
            *hit = hit.or_better(self.find(key));
        }
    }

    /// The slots that up to [`BATCH`] keys hit, `any` among the entries: entry by entry, word by word,
    /// so that what is compared stays in registers while the keys pass.
    pub(super) fn find_slots(&self, keys: &[&Key], any: Hit, found: &mut [Option<u32>]) {
        let slot = any.slot();
        found.iter_mut().zip(keys).for_each(|(found, _)| *found = slot);
        let mut left = u32::MAX.checked_shr(32u32.wrapping_sub(keys.len() as u32)).unwrap_or(0);
        let mut passed = [Passed::ALL; KEY_WORDS];
        for entry in &self.entries {
            if left == 0 || entry.hit.rank < any.rank {
                return;
            }
            let mut matched = left & entry.matched(keys, &mut passed);
            left ^= matched;
            while matched != 0 {
                let at = matched.trailing_zeros();
                matched &= matched.wrapping_sub(1);
                if let Some(found) = found.get_mut(at as usize) {
                    *found = Some(entry.hit.slot);
                }
            }
        }
    }

    pub(super) fn overlapping(&self, matching: &MaskedKey, priority: u16) -> Option<u32> {
        let found = self.entries.iter().find(|entry| {
            entry.hit.rank.priority() == priority
                && entry.hit.slot != VACANT
                && entry.matching.overlaps(matching)
                && entry.matching != *matching
        });
        found.map(|entry| entry.hit.slot)
    }

    pub(super) fn needs(&self) -> Needs {
        self.entries().fold(Needs::default(), |needs, (key, _)| needs.union(key.needs()))
    }

    pub(super) fn mask_count(&self) -> usize {
        let repeats = |at: usize, mask: &Key| {
            self.entries.iter().take(at).any(|entry| entry.matching.mask() == mask)
        };
        let masks = self.entries.iter().map(|entry| entry.matching.mask()).enumerate();
        masks.filter(|(at, mask)| !repeats(*at, mask)).count()
    }

    pub(super) fn probe_count(&self, key: &Key) -> usize {
        let at = self.entries.iter().position(|entry| entry.matches(key));
        at.map_or(self.entries.len(), |at| at.saturating_add(1))
    }

    pub(super) fn memory_len(&self) -> usize {
        self.entries.capacity().saturating_mul(size_of::<Entry>())
    }
}
