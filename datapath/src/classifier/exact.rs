//! The `exact` template: every entry has the same mask, and a hash over the masked words finds the
//! one that a key can match.
//!
//! # Design
//!
//! A bucket is one cache line: seven hashes of 32 bits, seven record numbers, a count and a link to
//! an overflow bucket. The record has the masked words to compare, the rank and the slot
//! ([`Records`]). Entries with the same match and different priorities are one chain of records,
//! highest rank first, so only the head is ever looked at.
//!
//! The table grows by linear hashing: when it is dense, an insert adds one bucket and moves into it
//! what belongs there from the one bucket that it splits. Nothing is rehashed (the hash is in the
//! bucket), nothing large is copied or cleared, and the work of an insert is the length of one
//! bucket's chain at any size.
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

use super::hash::HashKey;
use super::pages::Pages;
use super::records::{NONE, Record, Records};
use super::{BATCH, Full, Hit};
use crate::key::{KEY_WORDS, Key, MaskedKey, Needs, PRESENCE_MASK};

/// Entries in a bucket.
const LANES: usize = 7;
/// Entries a bucket on average, times [`LOAD_DENOMINATOR`], above which an insert adds a bucket.
const LOAD_NUMERATOR: usize = 9;
const LOAD_DENOMINATOR: usize = 2;

/// Entries of one mask.
#[derive(Debug)]
pub(super) struct Exact {
    /// The words that the mask has bits in.
    words: ArrayVec<MaskedWord, KEY_WORDS>,
    /// Headers that have to be there, as word 0 has them.
    presence: u64,
    hash: HashKey,
    buckets: Pages<Bucket, 1024>,
    overflow: Pages<Bucket, 256>,
    /// The first of the free overflow buckets, linked by `next`.
    free_overflow: u32,
    records: Records,
    /// Bucket entries: chains of records.
    chain_count: usize,
    entry_count: usize,
    /// The priorities of the entries, lowest first.
    levels: Vec<Level>,
}

#[derive(Clone, Copy, Debug)]
struct MaskedWord {
    index: u8,
    mask: u64,
}

/// How many entries have a priority.
#[derive(Clone, Copy, Debug)]
struct Level {
    priority: u16,
    count: u32,
}

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Bucket {
    hashes: [u32; LANES],
    records: [u32; LANES],
    len: u32,
    /// An overflow bucket, or [`NONE`].
    next: u32,
}

impl Bucket {
    const EMPTY: Bucket = Bucket { hashes: [0; LANES], records: [NONE; LANES], len: 0, next: NONE };

    /// The lanes whose hash is `hash`, as bits.
    #[inline]
    fn candidates(&self, hash: u32) -> u32 {
        let mut bits = 0;
        for (lane, &other) in self.hashes.iter().enumerate() {
            bits |= u32::from(other == hash) << (lane & 31);
        }
        bits & 1u32.wrapping_shl(self.len).wrapping_sub(1)
    }

    #[inline]
    fn record(&self, lane: u32) -> u32 {
        self.records.get(lane as usize).copied().unwrap_or(NONE)
    }

    fn lanes(&self) -> impl Iterator<Item = (u32, u32)> {
        self.hashes.into_iter().zip(self.records).take(self.len as usize)
    }

    fn push(&mut self, hash: u32, record: u32) -> bool {
        let lane = self.len as usize;
        let (Some(h), Some(r)) = (self.hashes.get_mut(lane), self.records.get_mut(lane)) else {
            return false;
        };
        (*h, *r) = (hash, record);
        self.len = self.len.saturating_add(1);
        true
    }

    fn pop(&mut self) -> Option<(u32, u32)> {
        let last = self.len.checked_sub(1)?;
        self.len = last;
        let record = self.records.get_mut(last as usize)?;
        let record = core::mem::replace(record, NONE);
        Some((self.hashes.get(last as usize).copied()?, record))
    }

    fn set(&mut self, lane: u32, entry: (u32, u32)) {
        let lane = lane as usize;
        if let (Some(h), Some(r)) = (self.hashes.get_mut(lane), self.records.get_mut(lane)) {
            (*h, *r) = entry;
        }
    }
}

/// A bucket: of the table, or of the overflow.
#[derive(Clone, Copy)]
enum At {
    Main(usize),
    Overflow(u32),
}

/// Where in the table a match is.
struct Place {
    /// The bucket that its hash leads to.
    home: At,
    bucket: At,
    lane: u32,
    record: u32,
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
            buckets: Pages::new(),
            overflow: Pages::new(),
            free_overflow: NONE,
            records: Records::new(words.len()),
            words,
            chain_count: 0,
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

    /// The bucket of `hash` among `count`: linear hashing's address.
    #[inline]
    fn address(hash: u32, count: usize) -> usize {
        let mask = count.next_power_of_two().wrapping_sub(1);
        let at = hash as usize & mask;
        if at < count { at } else { at & (mask >> 1) }
    }

    fn bucket(&self, at: At) -> Option<&Bucket> {
        match at {
            At::Main(at) => self.buckets.get(at),
            At::Overflow(at) => self.overflow.get(at as usize),
        }
    }

    fn bucket_mut(&mut self, at: At) -> Option<&mut Bucket> {
        match at {
            At::Main(at) => self.buckets.get_mut(at),
            At::Overflow(at) => self.overflow.get_mut(at as usize),
        }
    }

    fn locate(&self, key: &Key) -> Option<Place> {
        let hash = self.hash_of(key);
        let home = At::Main(Self::address(hash, self.buckets.len()));
        let mut at = home;
        loop {
            let bucket = self.bucket(at)?;
            let mut lanes = bucket.candidates(hash);
            while lanes != 0 {
                let lane = lanes.trailing_zeros();
                let record = bucket.record(lane);
                if self.records.get(record).is_some_and(|found| self.is_of(&found, key)) {
                    return Some(Place { home, bucket: at, lane, record });
                }
                lanes &= lanes.wrapping_sub(1);
            }
            if bucket.next == NONE {
                return None;
            }
            at = At::Overflow(bucket.next);
        }
    }

    /// The best entry that `key` matches.
    #[inline]
    pub(super) fn find(&self, key: &Key) -> Hit {
        if !self.applies_to(key) {
            return Hit::NONE;
        }
        let hash = self.hash_of(key);
        match self.buckets.get(Self::address(hash, self.buckets.len())) {
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
            if bucket.next == NONE {
                return Hit::NONE;
            }
            match self.overflow.get(bucket.next as usize) {
                Some(next) => (bucket, lanes) = (next, next.candidates(hash)),
                None => return Hit::NONE,
            }
        }
    }

    /// Improves `hits` of those of `keys` whose bit in `wanted` is set. In stages, so that the
    /// cache misses of all keys overlap: hashes, then buckets, then records.
    pub(super) fn find_batch(&self, keys: &[&Key], wanted: u32, hits: &mut [Hit; BATCH]) {
        let count = self.buckets.len();
        let mut hashes = [0u32; BATCH];
        let mut buckets: [Option<&Bucket>; BATCH] = [None; BATCH];
        let stage = keys.iter().zip(&mut hashes).zip(&mut buckets);
        for (at, ((key, hash), bucket)) in (0u32..).zip(stage) {
            if wanted.wrapping_shr(at) & 1 != 0 && self.applies_to(key) {
                *hash = self.hash_of(key);
                *bucket = self.buckets.get(Self::address(*hash, count));
            }
        }
        // One load of each bucket in a loop too short to hold the next one up.
        black_box(buckets.iter().flatten().fold(0, |warm, bucket| warm ^ bucket.len));
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
        let stage = keys.iter().zip(hashes).zip(buckets).zip(lanes).zip(records).zip(hits);
        for (((((key, hash), bucket), lanes), record), hit) in stage {
            let Some(bucket) = bucket else { continue };
            let found = match record {
                Some(record) if self.is_of(&record, key) => record.hit,
                _ if lanes == 0 && bucket.next == NONE => continue,
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
            self.chain(place.record, hit, value)?;
        } else {
            if self.buckets.len() == 0 {
                self.buckets.push(Bucket::EMPTY)?;
            }
            let hash = self.hash_of(value);
            let at = At::Main(Self::address(hash, self.buckets.len()));
            self.reserve_overflow(1)?;
            let words = self.words.clone();
            let words = words.iter().map(|word| value.word(word.index) & word.mask);
            let record = self.records.add(hit, NONE, words)?;
            self.append(at, hash, record);
            self.chain_count = self.chain_count.saturating_add(1);
            self.grow();
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

    /// Adds an entry to the chain of records that begins with `head`, by rank.
    fn chain(&mut self, head: u32, hit: Hit, value: &Key) -> Result<(), Full> {
        let words = self.words.clone();
        let words = words.iter().map(|word| value.word(word.index) & word.mask);
        let first = self.records.get(head).ok_or(Full)?;
        let (old, next) = (first.hit, first.next);
        if hit.rank > old.rank {
            // The head's number stays in the bucket: its entry moves behind it.
            let moved = self.records.add(old, next, words)?;
            self.records.set(head, hit, moved);
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

    pub(super) fn get(&self, value: &Key, priority: u16) -> Option<u32> {
        let (at, ..) = self.seek(value, priority)?;
        self.records.get(at).map(|record| record.hit.slot)
    }

    /// Puts `hit` in the place of the entry of the same match and priority.
    pub(super) fn replace(&mut self, value: &Key, hit: Hit) -> Option<u32> {
        let (at, ..) = self.seek(value, hit.rank.priority())?;
        let record = self.records.get(at)?;
        let (old, next) = (record.hit.slot, record.next);
        self.records.set(at, hit, next);
        Some(old)
    }

    pub(super) fn remove(&mut self, value: &Key, priority: u16) -> Option<u32> {
        let (at, before, place) = self.seek(value, priority)?;
        let record = self.records.get(at)?;
        let (slot, next) = (record.hit.slot, record.next);
        match before {
            Some(before) => {
                let hit = self.records.get(before)?.hit;
                self.records.set(before, hit, next);
                self.records.remove(at);
            }
            // The head's number is in the bucket: the next in rank takes its place.
            None => match self.records.get(next).map(|record| (record.hit, record.next)) {
                Some((hit, after)) => {
                    self.records.set(at, hit, after);
                    self.records.remove(next);
                }
                None => {
                    self.take_out(&place);
                    self.records.remove(at);
                    self.chain_count = self.chain_count.saturating_sub(1);
                }
            },
        }
        self.entry_count = self.entry_count.saturating_sub(1);
        if let Ok(at) = self.levels.binary_search_by_key(&priority, |level| level.priority) {
            if let Some(level) = self.levels.get_mut(at) {
                level.count = level.count.saturating_sub(1);
                if level.count == 0 {
                    self.levels.remove(at);
                }
            }
        }
        Some(slot)
    }

    /// Removes a bucket entry; the last one of the chain of buckets takes its place.
    fn take_out(&mut self, place: &Place) {
        let (mut before, mut last) = (None, place.home);
        while let Some(bucket) = self.bucket(last) {
            if bucket.next == NONE {
                break;
            }
            (before, last) = (Some(last), At::Overflow(bucket.next));
        }
        let Some(bucket) = self.bucket_mut(last) else { return };
        let Some(moved) = bucket.pop() else { return };
        let is_empty = bucket.len == 0;
        if moved.1 != place.record {
            if let Some(bucket) = self.bucket_mut(place.bucket) {
                bucket.set(place.lane, moved);
            }
        }
        if let (true, Some(before), At::Overflow(freed)) = (is_empty, before, last) {
            if let Some(bucket) = self.bucket_mut(before) {
                bucket.next = NONE;
            }
            self.release(freed);
        }
    }

    fn release(&mut self, overflow: u32) {
        let next = self.free_overflow;
        if let Some(bucket) = self.overflow.get_mut(overflow as usize) {
            *bucket = Bucket { next, ..Bucket::EMPTY };
            self.free_overflow = overflow;
        }
    }

    /// Makes sure that `count` overflow buckets can be taken.
    fn reserve_overflow(&mut self, count: usize) -> Result<(), Full> {
        if count == 1 && self.free_overflow != NONE {
            return Ok(());
        }
        if self.overflow.len().saturating_add(count) >= NONE as usize {
            return Err(Full);
        }
        self.overflow.reserve(count)
    }

    fn take_overflow(&mut self) -> Option<u32> {
        if self.free_overflow != NONE {
            let taken = self.free_overflow;
            let bucket = self.overflow.get_mut(taken as usize)?;
            self.free_overflow = bucket.next;
            *bucket = Bucket::EMPTY;
            return Some(taken);
        }
        let index = self.overflow.push(Bucket::EMPTY).ok()?;
        u32::try_from(index).ok()
    }

    /// Adds a bucket entry at the end of a chain; an overflow bucket has been reserved.
    fn append(&mut self, at: At, hash: u32, record: u32) {
        let mut at = at;
        loop {
            let Some(bucket) = self.bucket_mut(at) else { return };
            if bucket.next != NONE {
                at = At::Overflow(bucket.next);
                continue;
            }
            if bucket.push(hash, record) {
                return;
            }
            let Some(overflow) = self.take_overflow() else { return };
            if let Some(bucket) = self.bucket_mut(at) {
                bucket.next = overflow;
            }
            at = At::Overflow(overflow);
        }
    }

    /// Splits a bucket when the table is dense. Without memory the table stays dense.
    fn grow(&mut self) {
        let count = self.buckets.len();
        let dense = self.chain_count.saturating_mul(LOAD_DENOMINATOR)
            > count.saturating_mul(LOAD_NUMERATOR);
        if !dense || count >= 1 << 30 {
            return;
        }
        // The new bucket's sibling is the one whose number has its highest bit cleared.
        let source = count ^ (1usize << count.ilog2());
        let mut chain_len = 0usize;
        let mut at = At::Main(source);
        while let Some(bucket) = self.bucket(at) {
            chain_len = chain_len.saturating_add(1);
            if bucket.next == NONE {
                break;
            }
            at = At::Overflow(bucket.next);
        }
        // What moves may need as many overflow buckets as the source has.
        let more = self.overflow.reserve(chain_len.saturating_mul(2));
        if more.is_err() || self.buckets.push(Bucket::EMPTY).is_err() {
            return;
        }
        // Take the chain off, bucket by bucket, and deal its entries out again.
        let whole = self.buckets.get_mut(source).map(|b| core::mem::replace(b, Bucket::EMPTY));
        let mut left = whole;
        while let Some(bucket) = left {
            for (hash, record) in bucket.lanes() {
                let at = Self::address(hash, count.saturating_add(1));
                self.append(At::Main(at), hash, record);
            }
            left = self.overflow.get(bucket.next as usize).copied();
            if left.is_some() {
                self.release(bucket.next);
            }
        }
    }

    /// An entry of `priority`, other than the identical one, that some packet of `matching` hits.
    pub(super) fn overlapping(&self, matching: &MaskedKey, priority: u16) -> Option<u32> {
        self.levels.binary_search_by_key(&priority, |level| level.priority).ok()?;
        let (value, mask) = (matching.value(), matching.mask());
        if self.words.iter().all(|word| word.mask & !mask.word(word.index) == 0) {
            // All that this mask compares is given: one entry at most, the identical one if it is
            // the same mask.
            return if self.has_mask(matching) { None } else { self.get(value, priority) };
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
        self.records.iter().map(|record| {
            let mut value = Key::default();
            for (&word, at) in record.words.iter().zip(&self.words) {
                value.set_word(at.index, word);
            }
            (MaskedKey::from_parts(value, self.mask()), record.hit)
        })
    }

    /// Bytes held beside the struct itself.
    pub(super) fn memory_len(&self) -> usize {
        self.buckets
            .memory_len()
            .saturating_add(self.overflow.memory_len())
            .saturating_add(self.records.memory_len())
            .saturating_add(self.levels.capacity().saturating_mul(size_of::<Level>()))
    }
}
