//! The `exact` template: every entry has the same mask, and a hash over the masked words finds the
//! one that a key can match.
//!
//! # Design
//!
//! [`Buckets`] find the number of a record by the hash. The record ([`Records`]) has the masked words
//! to compare, the rank and the slot. Entries with the same match and different priorities are one
//! chain of records, highest rank first, so only the head is ever looked at.
//!
//! # What it costs
//!
//! A lookup: a multiplication for each masked word, the bucket's line, the record's one or two.
//!
//! # What it does not do
//!
//! It does not shrink while entries are left; when the last one goes, all of it is freed.

use alloc::vec::Vec;
use core::hint::black_box;

use arrayvec::ArrayVec;

use super::buckets::{Bucket, Buckets, Place};
use super::hash::HashKey;
use super::records::{NONE, Record, Records};
use super::{BATCH, Full, Hit};
use crate::key::{KEY_WORDS, Key, MaskedKey, Needs, PRESENCE_MASK};

/// Fewer keys than this are looked up one after the other.
const WORTH_STAGES: u32 = 8;

/// Entries of one mask.
#[derive(Debug)]
pub(super) struct Exact {
    /// The words that the mask has bits in.
    words: ArrayVec<MaskedWord, KEY_WORDS>,
    /// Headers that have to be there, as word 0 has them.
    presence: u64,
    hash: HashKey,
    /// The first record of each chain, by hash.
    buckets: Buckets,
    records: Records,
    entry_count: usize,
    /// The priorities of the entries, lowest first.
    levels: Vec<Level>,
}

#[derive(Clone, Copy, Debug)]
struct MaskedWord {
    index: u8,
    mask: u64,
}

/// There are no more entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct End;

/// How many entries have a priority.
#[derive(Clone, Copy, Debug)]
struct Level {
    priority: u16,
    count: u32,
}

impl Exact {
    pub(super) fn new(hash: HashKey, mask: &Key) -> Exact {
        let words: ArrayVec<MaskedWord, KEY_WORDS> = (0u8..)
            .zip(mask.words())
            .filter(|(_, mask)| **mask != 0)
            .map(|(index, &mask)| MaskedWord { index, mask })
            .collect();
        Exact {
            presence: mask.word(0) & PRESENCE_MASK,
            hash,
            buckets: Buckets::new(),
            records: Records::new(words.len()),
            words,
            entry_count: 0,
            levels: Vec::new(),
        }
    }

    pub(super) fn has_mask(&self, matching: &MaskedKey) -> bool {
        self.mask() == *matching.mask()
    }

    pub(super) fn mask(&self) -> Key {
        let mut mask = Key::default();
        for word in &self.words {
            mask.set_word(word.index, word.mask);
        }
        mask
    }

    /// The headers that entries need, as bits of word 0.
    pub(super) fn presence(&self) -> u64 {
        self.presence
    }

    pub(super) fn entry_count(&self) -> usize {
        self.entry_count
    }

    /// The highest priority of an entry.
    pub(super) fn top_priority(&self) -> u16 {
        self.levels.last().map_or(0, |level| level.priority)
    }

    pub(super) fn needs(&self) -> Needs {
        Needs::of_mask(&self.mask())
    }

    /// Whether `key` has the headers that the mask names.
    #[inline]
    pub(super) fn applies_to(&self, key: &Key) -> bool {
        key.word(0) & self.presence == self.presence
    }

    #[inline]
    fn masked<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = u64> + 'a {
        self.words.iter().map(|word| key.word(word.index) & word.mask)
    }

    #[inline]
    fn hash_of(&self, key: &Key) -> u32 {
        self.hash.hash(self.masked(key))
    }

    #[inline]
    fn is_of(&self, record: &Record<'_>, key: &Key) -> bool {
        record.words.iter().zip(self.masked(key)).all(|(&mine, its)| mine == its)
    }

    fn locate(&self, key: &Key) -> Option<Place> {
        let is_it = |record| self.records.get(record).is_some_and(|found| self.is_of(&found, key));
        self.buckets.locate(self.hash_of(key), is_it)
    }

    /// The best entry that `key` matches.
    #[inline]
    pub(super) fn find(&self, key: &Key) -> Hit {
        if !self.applies_to(key) {
            return Hit::NONE;
        }
        let hash = self.hash_of(key);
        match self.buckets.first(hash) {
            Some(bucket) => self.find_from(bucket, hash, bucket.candidates(hash), key),
            None => Hit::NONE,
        }
    }

    /// Compares the candidate lanes of `bucket`, then those of its overflow.
    #[inline]
    fn find_from(&self, bucket: &Bucket, hash: u32, lanes: u32, key: &Key) -> Hit {
        let (mut bucket, mut lanes) = (bucket, lanes);
        loop {
            while lanes != 0 {
                let record = bucket.record(lanes.trailing_zeros());
                if let Some(record) = self.records.get(record) {
                    if self.is_of(&record, key) {
                        return record.hit;
                    }
                }
                lanes &= lanes.wrapping_sub(1);
            }
            match self.buckets.next(bucket) {
                Some(next) => (bucket, lanes) = (next, next.candidates(hash)),
                None => return Hit::NONE,
            }
        }
    }

    /// Improves `hits` of those of `keys` whose bit in `wanted` is set. In stages, so that the
    /// cache misses of all keys overlap: hashes, then buckets, then records. A few keys go one by
    /// one: the stages cost their loops over the whole batch.
    pub(super) fn find_batch(&self, keys: &[&Key], wanted: u32, hits: &mut [Hit; BATCH]) {
        if wanted.count_ones() < WORTH_STAGES {
            let mut left = wanted;
            while left != 0 {
                let at = left.trailing_zeros() as usize;
                if let (Some(key), Some(hit)) = (keys.get(at), hits.get_mut(at)) {
                    *hit = hit.or_better(self.find(key));
                }
                left &= left.wrapping_sub(1);
            }
            return;
        }
        let mut hashes = [0u32; BATCH];
        let mut buckets: [Option<&Bucket>; BATCH] = [None; BATCH];
        let stage = keys.iter().zip(&mut hashes).zip(&mut buckets);
        for (at, ((key, hash), bucket)) in (0u32..).zip(stage) {
            if wanted.wrapping_shr(at) & 1 != 0 && self.applies_to(key) {
                *hash = self.hash_of(key);
                *bucket = self.buckets.first(*hash);
            }
        }
        // One load of each bucket in a loop too short to hold the next one up.
        black_box(buckets.iter().flatten().fold(0, |warm, bucket| warm ^ bucket.len()));
        let mut lanes = [0u32; BATCH];
        let mut records: [Option<Record<'_>>; BATCH] = [None; BATCH];
        let stage = buckets.iter().zip(&hashes).zip(&mut lanes).zip(&mut records);
        for (((bucket, &hash), lanes), record) in stage {
            let Some(bucket) = bucket else { continue };
            let found = bucket.candidates(hash);
            if found != 0 {
                *record = self.records.get(bucket.record(found.trailing_zeros()));
                *lanes = found & found.wrapping_sub(1);
            }
        }
        let stage = keys.iter().zip(&hashes).zip(&buckets).zip(&lanes).zip(&records).zip(hits);
        for (((((key, &hash), &bucket), &lanes), record), hit) in stage {
            let Some(bucket) = bucket else { continue };
            let found = match record {
                Some(record) if self.is_of(record, key) => record.hit,
                _ if lanes == 0 && bucket.is_last() => continue,
                _ => self.find_from(bucket, hash, lanes, key),
            };
            *hit = hit.or_better(found);
        }
    }

    /// Adds an entry that is not there. State is unchanged when memory is short.
    pub(super) fn insert(&mut self, value: &Key, hit: Hit) -> Result<(), Full> {
        let level = self.levels.binary_search_by_key(&hit.rank.priority(), |l| l.priority);
        self.levels.try_reserve(1)?;
        self.records.reserve()?;
        if let Some(place) = self.locate(value) {
            self.chain(&place, hit, value)?;
        } else {
            self.buckets.reserve()?;
            let words = self.words.clone();
            let words = words.iter().map(|word| value.word(word.index) & word.mask);
            let record = self.records.add(hit, NONE, words)?;
            self.buckets.insert(self.hash_of(value), record);
        }
        self.entry_count = self.entry_count.saturating_add(1);
        match level {
            Ok(at) => {
                if let Some(level) = self.levels.get_mut(at) {
                    level.count = level.count.saturating_add(1);
                }
            }
            Err(at) => {
                let priority = hit.rank.priority();
                self.levels.insert(at, Level { priority, count: 1 });
            }
        }
        Ok(())
    }

    /// Adds an entry to the chain of records that begins at `place`, by rank.
    fn chain(&mut self, place: &Place, hit: Hit, value: &Key) -> Result<(), Full> {
        let words = self.words.clone();
        let words = words.iter().map(|word| value.word(word.index) & word.mask);
        let head = place.record;
        let first = self.records.get(head).ok_or(Full)?;
        let (old, next) = (first.hit, first.next);
        if hit.rank > old.rank {
            let added = self.records.add(hit, head, words)?;
            self.buckets.redirect(place, added);
            return Ok(());
        }
        let (mut before, mut before_hit, mut after) = (head, old, next);
        while let Some(record) = self.records.get(after) {
            if record.hit.rank < hit.rank {
                break;
            }
            (before, before_hit, after) = (after, record.hit, record.next);
        }
        let added = self.records.add(hit, after, words)?;
        self.records.set(before, before_hit, added);
        Ok(())
    }

    /// The record of the entry of `priority` in the chain of `value`, the one before it in the
    /// chain, and where the chain hangs.
    fn seek(&self, value: &Key, priority: u16) -> Option<(u32, Option<u32>, Place)> {
        let place = self.locate(value)?;
        let (mut at, mut before) = (place.record, None);
        loop {
            let record = self.records.get(at)?;
            if record.hit.rank.priority() == priority {
                return Some((at, before, place));
            }
            (at, before) = (record.next, Some(at));
        }
    }

    pub(super) fn get(&self, value: &Key, priority: u16) -> Option<Hit> {
        let (at, ..) = self.seek(value, priority)?;
        self.records.get(at).map(|record| record.hit)
    }

    /// Puts `hit` in the place of the entry of the same match and priority, which is returned.
    pub(super) fn replace(&mut self, value: &Key, hit: Hit) -> Option<Hit> {
        let (at, ..) = self.seek(value, hit.rank.priority())?;
        let record = self.records.get(at)?;
        let (old, next) = (record.hit, record.next);
        self.records.set(at, hit, next);
        Some(old)
    }

    pub(super) fn remove(&mut self, value: &Key, priority: u16) -> Option<Hit> {
        let (at, before, place) = self.seek(value, priority)?;
        let record = self.records.get(at)?;
        let (hit, next) = (record.hit, record.next);
        match before {
            Some(before) => {
                let hit = self.records.get(before)?.hit;
                self.records.set(before, hit, next);
            }
            None if next == NONE => self.buckets.remove(&place),
            None => self.buckets.redirect(&place, next),
        }
        self.records.remove(at);
        self.entry_count = self.entry_count.saturating_sub(1);
        if let Ok(at) = self.levels.binary_search_by_key(&priority, |level| level.priority) {
            if let Some(level) = self.levels.get_mut(at) {
                level.count = level.count.saturating_sub(1);
                if level.count == 0 {
                    self.levels.remove(at);
                }
            }
        }
        Some(hit)
    }

    /// An entry of `priority`, other than the identical one, that some packet of `matching` hits.
    pub(super) fn overlapping(&self, matching: &MaskedKey, priority: u16) -> Option<u32> {
        self.levels.binary_search_by_key(&priority, |level| level.priority).ok()?;
        let (value, mask) = (matching.value(), matching.mask());
        if self.words.iter().all(|word| word.mask & !mask.word(word.index) == 0) {
            // All that this mask compares is given: one entry at most, the identical one if it is
            // the same mask.
            return if self.has_mask(matching) {
                None
            } else {
                self.get(value, priority).map(|hit| hit.slot)
            };
        }
        let found = self.records.iter().find(|record| {
            record.hit.rank.priority() == priority
                && record.words.iter().zip(&self.words).all(|(mine, word)| {
                    let (value, mask) = (value.word(word.index), mask.word(word.index));
                    (mine ^ value) & word.mask & mask == 0
                })
        });
        found.map(|record| record.hit.slot)
    }

    /// The entries, in no order.
    pub(super) fn entries(&self) -> impl Iterator<Item = (MaskedKey, Hit)> + '_ {
        self.records.iter().map(|record| self.entry(&record))
    }

    fn entry(&self, record: &Record<'_>) -> (MaskedKey, Hit) {
        let mut value = Key::default();
        for (&word, at) in record.words.iter().zip(&self.words) {
            value.set_word(at.index, word);
        }
        (MaskedKey::from_parts(value, self.mask()), record.hit)
    }

    /// What is in place `index` of all places, of which an entry keeps its own as long as it is
    /// there; an error behind the last.
    pub(super) fn entry_at(&self, index: u32) -> Result<Option<(MaskedKey, Hit)>, End> {
        let record = self.records.get(index).ok_or(End)?;
        Ok(record.hit.slot().map(|_| self.entry(&record)))
    }

    /// Values of at most `count` entries from all over the table.
    pub(super) fn sample(&self, count: usize) -> impl Iterator<Item = Key> + '_ {
        let stride = (self.records.count() as usize).div_ceil(count.max(1)).max(1);
        let places = (0..self.records.count()).step_by(stride);
        places.filter_map(|at| Some(*self.entry_at(at).ok()??.0.value()))
    }

    /// Gives back memory, some pages at a time, after which the table is of no more use; whether
    /// that was all.
    pub(super) fn free(&mut self, pages: usize) -> bool {
        self.buckets.free(pages) && self.records.free(pages)
    }

    /// Bytes held beside the struct itself.
    pub(super) fn memory_len(&self) -> usize {
        self.buckets
            .memory_len()
            .saturating_add(self.records.memory_len())
            .saturating_add(self.levels.capacity().saturating_mul(size_of::<Level>()))
    }
}
