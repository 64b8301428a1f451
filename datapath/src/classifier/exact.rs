//! The `exact` template: every entry has the same mask, and a hash over the masked words finds the
//! one that a key can match.
//!
//! # Design
//!
//! [`Buckets`] find the number of a record by the hash. The record ([`Records`]) has the masked words
//! to compare, the rank and the slot. Entries with the same match and different priorities are one
//! chain of records, highest rank first, so only the head is ever looked at.
//!
//! The bits that say which headers there must be are the same in every entry, so they are compared once
//! and are in no record. Lookups are compiled for one to four words ([`Shape`]): Ethernet addresses, an
//! address with an ingress port, addresses with ports; more words are a loop.
//!
//! # What it costs
//!
//! A lookup: a multiplication for each two masked words, the bucket's line, the record's one or two; 54
//! instructions a packet in a batch with one word, 57 with two (`benches/gate.sh lookup/exact-1000
//! lookup/exact2-1000`). Small tables, which the processor's caches hold, are searched key
//! by key; of large ones the buckets of all keys are touched, then the records, so that the misses
//! overlap. Memory: some 12 bytes for buckets and 16 with the masked words for each entry.
//!
//! # What it does not do
//!
//! It does not shrink while entries are left; when the last one goes, all of it is freed.

use core::cmp::Ordering;

use alloc::vec::Vec;
use core::hint::black_box;

use arrayvec::ArrayVec;

use super::buckets::{Bucket, Buckets, Place};
use super::hash::HashKey;
use super::records::{HEAD, NONE, Record, Records};
use super::{BATCH, Full, Hit, Rank, VACANT};
use crate::key::{KEY_WORDS, Key, MaskedKey, Needs, PRESENCE_MASK};

/// Fewer keys than this are looked up one after the other: stages cost their loops over the whole
/// batch.
const WORTH_STAGES: u32 = 8;

/// Entries of one mask.
#[derive(Debug)]
pub(super) struct Exact {
    /// The words that the mask has bits in; word 0 only if there are others than presence bits.
    words: ArrayVec<MaskedWord, KEY_WORDS>,
    /// Headers that have to be there, as word 0 has them, if word 0 is not among `words`.
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

impl MaskedWord {
    #[inline(always)]
    fn of(self, key: &Key) -> u64 {
        key.word(self.index % KEY_WORDS as u8) & self.mask
    }
}

/// The masked words of a table, their number known to the compiler where it is small.
trait Shape: Copy {
    /// The words of a key under the mask.
    type Masked: AsRef<[u64]>;

    fn masked(self, key: &Key) -> Self::Masked;

    /// The rank and slot of the record of `words` that begins at `at`, if its words are `masked`.
    fn hit(self, words: &[u64], at: usize, masked: &Self::Masked) -> Option<Hit>;
}

impl<const N: usize> Shape for [MaskedWord; N] {
    type Masked = [u64; N];

    #[inline(always)]
    fn masked(self, key: &Key) -> [u64; N] {
        self.map(|word| word.of(key))
    }

    #[inline(always)]
    fn hit(self, words: &[u64], at: usize, masked: &[u64; N]) -> Option<Hit> {
        // A record's number is no more than 32 bits.
        let end = at.wrapping_add(HEAD).wrapping_add(N);
        let [rank, link, words @ ..] = words.get(at..end)? else { return None };
        let is_it = words.iter().zip(masked).all(|(mine, its)| mine == its);
        is_it.then_some(Hit { rank: Rank(*rank), slot: *link as u32 })
    }
}

impl Shape for &[MaskedWord] {
    type Masked = ArrayVec<u64, KEY_WORDS>;

    #[inline(always)]
    fn masked(self, key: &Key) -> ArrayVec<u64, KEY_WORDS> {
        self.iter().map(|word| word.of(key)).collect()
    }

    #[inline(always)]
    fn hit(self, words: &[u64], at: usize, masked: &Self::Masked) -> Option<Hit> {
        let [rank, link, words @ ..] = words.get(at..)? else { return None };
        let is_it = words.get(..masked.len())? == masked.as_slice();
        is_it.then_some(Hit { rank: Rank(*rank), slot: *link as u32 })
    }
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
        let words = (0u8..).zip(mask.words()).map(|(index, &mask)| MaskedWord { index, mask });
        let presence = match mask.word(0) {
            first if first & !PRESENCE_MASK == 0 => first,
            _ => 0,
        };
        let is_compared = |word: &MaskedWord| match word.index {
            0 => presence == 0 && word.mask != 0,
            _ => word.mask != 0,
        };
        Exact::of_words(hash, presence, words.filter(is_compared).collect())
    }

    /// A table of whole keys, presence bits included.
    pub(super) fn of_keys(hash: HashKey) -> Exact {
        let words = (0..KEY_WORDS as u8).map(|index| MaskedWord { index, mask: u64::MAX });
        Exact::of_words(hash, 0, words.collect())
    }

    fn of_words(hash: HashKey, presence: u64, words: ArrayVec<MaskedWord, KEY_WORDS>) -> Exact {
        Exact {
            presence,
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
        mask.set_word(0, mask.word(0) | self.presence);
        mask
    }

    /// The headers that entries need, as bits of word 0.
    pub(super) fn presence(&self) -> u64 {
        self.mask().word(0) & PRESENCE_MASK
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

    /// Whether `key` has the headers that the mask names, unless they are compared with the words.
    #[inline]
    pub(super) fn applies_to(&self, key: &Key) -> bool {
        key.word(0) & self.presence == self.presence
    }

    fn locate(&self, masked: &[u64]) -> Option<Place> {
        let is_it = |at| self.records.get(at).is_some_and(|record| record.words == masked);
        self.buckets.locate(self.hash.mix(masked), is_it)
    }

    /// The best entry that `key` matches.
    #[inline]
    pub(super) fn find(&self, key: &Key) -> Hit {
        match *self.words.as_slice() {
            [a] => self.find_as([a], key),
            [a, b] => self.find_as([a, b], key),
            [a, b, c] => self.find_as([a, b, c], key),
            [a, b, c, d] => self.find_as([a, b, c, d], key),
            ref words => self.find_as(words, key),
        }
    }

    #[inline(always)]
    fn find_as<S: Shape>(&self, shape: S, key: &Key) -> Hit {
        if !self.applies_to(key) {
            return Hit::NONE;
        }
        let masked = shape.masked(key);
        let hash = self.hash.mix(masked.as_ref());
        let Some(bucket) = self.buckets.first(hash) else { return Hit::NONE };
        let lanes = bucket.candidates(hash);
        if lanes != 0 {
            if let Some(hit) = shape.hit(self.records.tail(bucket.record(lanes)), 0, &masked) {
                return hit;
            }
        } else if bucket.is_last() {
            return Hit::NONE;
        }
        self.find_on(bucket, hash, masked.as_ref())
    }

    /// Compares all candidates of `bucket`, then those of its overflow: where the first was none.
    #[inline(never)]
    fn find_on(&self, bucket: &Bucket, hash: u64, masked: &[u64]) -> Hit {
        let mut bucket = bucket;
        loop {
            let mut lanes = bucket.candidates(hash);
            while lanes != 0 {
                match self.records.get(bucket.record(lanes)) {
                    Some(record) if record.words == masked => return record.hit,
                    _ => lanes &= lanes.wrapping_sub(1),
                }
            }
            match self.buckets.next(bucket) {
                Some(next) => bucket = next,
                None => return Hit::NONE,
            }
        }
    }

    /// Improves `hits` of those of `keys` whose bit in `wanted` is set.
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
        let put = |best: &mut Hit, hit: Option<Hit>| {
            if let Some(hit) = hit {
                *best = best.or_better(hit);
            }
        };
        match *self.words.as_slice() {
            [a] => self.find_many([a], keys, wanted, hits, put),
            [a, b] => self.find_many([a, b], keys, wanted, hits, put),
            [a, b, c] => self.find_many([a, b, c], keys, wanted, hits, put),
            [a, b, c, d] => self.find_many([a, b, c, d], keys, wanted, hits, put),
            ref words => self.find_many(words, keys, wanted, hits, put),
        }
    }

    /// The slots of what `keys` hit, at most [`BATCH`], or of `any`, which matches all of them.
    pub(super) fn find_slots(&self, keys: &[&Key], any: Hit, found: &mut [Option<u32>]) {
        let any_slot = any.slot();
        let is_lowest = |level: &Level| level.priority > any.rank.priority();
        if any_slot.is_some() && !self.levels.first().is_none_or(is_lowest) {
            return self.find_ranked(keys, any, found);
        }
        // Whatever is found here wins: no rank is looked at.
        let put = |found: &mut Option<u32>, hit: Option<Hit>| {
            *found = match hit {
                Some(hit) => Some(hit.slot),
                None => any_slot,
            };
        };
        match *self.words.as_slice() {
            [a] => self.find_many([a], keys, u32::MAX, found, put),
            [a, b] => self.find_many([a, b], keys, u32::MAX, found, put),
            [a, b, c] => self.find_many([a, b, c], keys, u32::MAX, found, put),
            [a, b, c, d] => self.find_many([a, b, c, d], keys, u32::MAX, found, put),
            ref words => self.find_many(words, keys, u32::MAX, found, put),
        }
    }

    /// [`find_slots`](Self::find_slots) where `any` may outrank what is found.
    #[inline(never)]
    fn find_ranked(&self, keys: &[&Key], any: Hit, found: &mut [Option<u32>]) {
        let mut hits = [any; BATCH];
        let wanted = 1u64.wrapping_shl(keys.len() as u32).wrapping_sub(1) as u32;
        self.find_batch(keys, wanted, &mut hits);
        found.iter_mut().zip(keys).zip(hits).for_each(|((found, _), hit)| *found = hit.slot());
    }

    /// Calls `put` for each of `keys` whose bit in `wanted` is set, with what it hits, if anything.
    #[inline(always)]
    fn find_many<T, S: Shape>(
        &self,
        shape: S,
        keys: &[&Key],
        wanted: u32,
        found: &mut [T],
        put: impl Fn(&mut T, Option<Hit>),
    ) {
        let flat = self.buckets.flat().zip(self.records.flat());
        match (flat, self.presence, wanted) {
            (None, ..) => self.find_staged(shape, keys, wanted, found, put),
            (Some(flat), 0, u32::MAX) => {
                self.find_flat::<T, S, false, true>(shape, flat, keys, wanted, found, put);
            }
            (Some(flat), _, u32::MAX) => {
                self.find_flat::<T, S, true, true>(shape, flat, keys, wanted, found, put);
            }
            (Some(flat), ..) => {
                self.find_flat::<T, S, true, false>(shape, flat, keys, wanted, found, put);
            }
        }
    }

    /// Key by key, in a table that the caches hold. `GUARDED`: whether presence bits are compared.
    #[inline(never)]
    fn find_flat<T, S: Shape, const GUARDED: bool, const ALL: bool>(
        &self,
        shape: S,
        (buckets, records): (&[Bucket], &[u64]),
        keys: &[&Key],
        wanted: u32,
        found: &mut [T],
        put: impl Fn(&mut T, Option<Hit>),
    ) {
        let (hashing, presence) = (self.hash, self.presence);
        let mut left = wanted;
        for (key, found) in keys.iter().zip(found) {
            let is_wanted = ALL || left & 1 != 0;
            left >>= 1;
            if !is_wanted {
                continue;
            }
            if GUARDED && key.word(0) & presence != presence {
                put(found, None);
                continue;
            }
            let masked = shape.masked(key);
            let hash = hashing.mix(masked.as_ref());
            let home = hash as usize & buckets.len().wrapping_sub(1);
            let Some(bucket) = buckets.get(home) else {
                put(found, None);
                continue;
            };
            let lanes = bucket.candidates(hash);
            if lanes != 0 {
                if let Some(hit) = shape.hit(records, bucket.record(lanes) as usize, &masked) {
                    put(found, Some(hit));
                    continue;
                }
            } else if bucket.is_last() {
                put(found, None);
                continue;
            }
            // Masked anew, so that the usual way keeps the words in registers.
            put(found, self.find_on(bucket, hash, shape.masked(key).as_ref()).found());
        }
    }

    /// All hashes, then all buckets, then all records, so that the cache misses of all keys overlap.
    #[inline(never)]
    fn find_staged<T, S: Shape>(
        &self,
        shape: S,
        keys: &[&Key],
        wanted: u32,
        found: &mut [T],
        put: impl Fn(&mut T, Option<Hit>),
    ) {
        let mut hashes = [0u64; BATCH];
        let mut buckets: [Option<&Bucket>; BATCH] = [None; BATCH];
        let mut left = wanted;
        for ((key, hash), bucket) in keys.iter().zip(&mut hashes).zip(&mut buckets) {
            if left & 1 != 0 && self.applies_to(key) {
                *hash = self.hash.mix(shape.masked(key).as_ref());
                *bucket = self.buckets.first(*hash);
            }
            left >>= 1;
        }
        // One load of each bucket in a loop too short to hold the next one up.
        black_box(buckets.iter().flatten().fold(0, |warm, bucket| warm ^ bucket.touch()));
        let mut records: [&[u64]; BATCH] = [&[]; BATCH];
        let stage = buckets.iter().zip(&hashes).zip(&mut records);
        for ((bucket, &hash), record) in stage {
            let Some(bucket) = bucket else { continue };
            let lanes = bucket.candidates(hash);
            if lanes != 0 {
                *record = self.records.tail(bucket.record(lanes));
            }
        }
        // The slot and the last word: one of eight records of one word goes across two lines there.
        let last = HEAD.saturating_add(self.words.len()).saturating_sub(1);
        let word = |record: &[u64], at| record.get(at).copied().unwrap_or(0);
        let touch = |warm, record: &&[u64]| warm ^ word(record, HEAD - 1) ^ word(record, last);
        black_box(records.iter().fold(0, touch));
        let stage = keys.iter().zip(&hashes).zip(&buckets).zip(&records).zip(found);
        let mut left = wanted;
        for ((((key, &hash), &bucket), record), found) in stage {
            let is_wanted = left & 1 != 0;
            left >>= 1;
            if !is_wanted {
                continue;
            }
            let masked = shape.masked(key);
            let hit = match (bucket, shape.hit(record, 0, &masked)) {
                (None, _) => None,
                (Some(_), Some(hit)) => Some(hit),
                (Some(bucket), None) if record.is_empty() && bucket.is_last() => None,
                (Some(bucket), None) => self.find_on(bucket, hash, masked.as_ref()).found(),
            };
            put(found, hit);
        }
    }

    /// Adds an entry that is not there. State is unchanged when memory is short.
    pub(super) fn insert(&mut self, value: &Key, hit: Hit) -> Result<(), Full> {
        let level = self.levels.binary_search_by_key(&hit.rank.priority(), |l| l.priority);
        self.levels.try_reserve(1)?;
        self.records.reserve()?;
        let masked = self.words.masked(value);
        if let Some(place) = self.locate(&masked) {
            self.chain(&place, hit, &masked)?;
        } else {
            self.buckets.reserve()?;
            let record = self.records.add(hit, NONE, &masked)?;
            let (hash, records) = (self.hash, &self.records);
            let hash_of = |other| records.get(other).map_or(0, |record| hash.mix(record.words));
            self.buckets.insert(hash.mix(&masked), record, hash_of);
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
    fn chain(&mut self, place: &Place, hit: Hit, words: &[u64]) -> Result<(), Full> {
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
        let place = self.locate(&self.words.masked(value))?;
        let (mut at, mut before) = (place.record, None);
        loop {
            let record = self.records.get(at)?;
            match record.hit.rank.priority().cmp(&priority) {
                Ordering::Equal => return Some((at, before, place)),
                // By rank: what is behind is lower still.
                Ordering::Less => return None,
                Ordering::Greater => (at, before) = (record.next, Some(at)),
            }
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
                self.get(value, priority).map(|hit| hit.slot).filter(|slot| *slot != VACANT)
            };
        }
        let found = self.records.iter().find(|record| {
            record.hit.rank.priority() == priority
                && record.hit.slot != VACANT
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
        value.set_word(0, value.word(0) | self.presence);
        (MaskedKey::from_parts(value, self.mask()), record.hit)
    }

    /// What is in the place numbered `index`, and the number of the place behind it; an error behind
    /// the last. An entry keeps its place as long as it is there.
    pub(super) fn entry_at(&self, index: u32) -> Result<(Option<(MaskedKey, Hit)>, u32), End> {
        let (record, after) = self.records.at(index).ok_or(End)?;
        Ok((record.hit.slot().map(|_| self.entry(&record)), after))
    }

    /// Places for entries, those that are free included: what a walk over all has to do.
    pub(super) fn place_count(&self) -> usize {
        self.records.place_count()
    }

    /// Values of at most `count` entries from all over the table.
    pub(super) fn sample(&self, count: usize) -> impl Iterator<Item = Key> + '_ {
        let places = self.place_count();
        let stride = places.div_ceil(count.max(1)).max(1);
        let places = (0..places).step_by(stride).map(|at| self.records.place(at));
        places.filter_map(|place| Some(*self.entry_at(place).ok()?.0?.0.value()))
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
