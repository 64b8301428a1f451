//! A hash table of record numbers that grows without a pause.
//!
//! # Design
//!
//! A bucket is one cache line: eight tags (seven bits of the hash each), eight record numbers, a count and
//! a link to an overflow bucket. The tags are compared all at once, as one word. The table grows by
//! linear hashing: when it is dense, an insert adds one bucket and moves into it what belongs there
//! from the one bucket that it splits, whose hashes are made again from the records. Nothing large is
//! copied or cleared, and the work of an insert is the length of one bucket's chain at any size. Up to a
//! thousand buckets it doubles instead, splitting all at once.
//!
//! # What it costs
//!
//! Some 12 bytes an entry. One entry in thirty is in an overflow bucket; one key in 25 that is not
//! there meets a tag that looks like its own. Hashes are keyed, so no one can choose keys that meet.
//!
//! # What it does not do
//!
//! It does not shrink.

use super::Full;
use super::blocks::Blocks;
use super::records::NONE;

/// Entries in a bucket.
const LANES: usize = 8;
/// Entries a bucket on average, times [`LOAD_DENOMINATOR`], above which an insert adds a bucket.
const LOAD_NUMERATOR: usize = 11;
const LOAD_DENOMINATOR: usize = 2;

/// Buckets up to which the table doubles: moving some thousand entries is bounded, too, and a power of
/// two is found faster.
const DOUBLING: usize = 1024;

/// The low and the high bit of every byte.
const LOWS: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = LOWS << 7;

/// Record numbers by hash.
#[derive(Debug)]
pub(super) struct Buckets {
    main: Blocks<Bucket, DOUBLING>,
    overflow: Blocks<Bucket, 256>,
    /// The first of the free overflow buckets, linked by `next`.
    free: u32,
    entry_count: usize,
    /// The bits of a hash that are a bucket's number, and those to use where that is none yet.
    mask: usize,
}

/// One cache line of tags and what they are of.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Bucket {
    /// Seven bits a lane; lane 0 is the lowest byte. Unused lanes have any tag and no record.
    tags: u64,
    records: [u32; LANES],
    len: u32,
    /// An overflow bucket, or [`NONE`].
    next: u32,
}

/// The tag of a hash, seven bits, in every byte.
#[inline(always)]
fn tag(hash: u64) -> u64 {
    (hash >> 57).wrapping_mul(LOWS)
}

impl Bucket {
    const EMPTY: Bucket = Bucket { tags: 0, records: [NONE; LANES], len: 0, next: NONE };

    /// The lanes whose tag is that of `hash`, as the high bits of bytes; unused ones may be among them.
    #[inline(always)]
    pub(super) fn candidates(&self, hash: u64) -> u64 {
        // The difference has no high bits: only from 0 there is nothing to borrow for.
        HIGHS.wrapping_sub(self.tags ^ tag(hash)) & HIGHS
    }

    /// The record of the first of `candidates`.
    #[inline(always)]
    pub(super) fn record(&self, candidates: u64) -> u32 {
        let lane = (candidates.trailing_zeros() / 8) as usize;
        self.records.get(lane % LANES).copied().unwrap_or(NONE)
    }

    /// Something that is in the bucket's cache line.
    #[inline(always)]
    pub(super) fn touch(&self) -> u32 {
        self.len
    }

    /// Whether no overflow bucket follows.
    #[inline(always)]
    pub(super) fn is_last(&self) -> bool {
        self.next == NONE
    }

    fn records(&self) -> impl Iterator<Item = u32> {
        self.records.into_iter().take(self.len as usize)
    }

    fn set(&mut self, lane: usize, tag: u64, record: u32) {
        let at = (lane % LANES).wrapping_mul(8) as u32;
        self.tags = (self.tags & !0xffu64.wrapping_shl(at)) | (tag & 0xff).wrapping_shl(at);
        if let Some(place) = self.records.get_mut(lane) {
            *place = record;
        }
    }

    fn push(&mut self, hash: u64, record: u32) -> bool {
        let lane = self.len as usize;
        if lane >= LANES {
            return false;
        }
        self.set(lane, tag(hash), record);
        self.len = self.len.saturating_add(1);
        true
    }

    /// Takes out the last entry: its tag and record.
    fn pop(&mut self) -> Option<(u64, u32)> {
        let lane = self.len.checked_sub(1)?;
        self.len = lane;
        let record = self.records.get(lane as usize).copied()?;
        let tag = self.tags.wrapping_shr(lane.wrapping_mul(8)) & 0xff;
        self.set(lane as usize, tag, NONE);
        Some((tag, record))
    }
}

/// A bucket: of the table, or of the overflow.
#[derive(Clone, Copy)]
enum At {
    Main(usize),
    Overflow(u32),
}

/// Where in the table a match is.
pub(super) struct Place {
    /// The bucket that its hash leads to.
    home: At,
    bucket: At,
    lane: usize,
    pub(super) record: u32,
}

impl Buckets {
    pub(super) const fn new() -> Buckets {
        Buckets {
            main: Blocks::new(Bucket::EMPTY),
            overflow: Blocks::new(Bucket::EMPTY),
            free: NONE,
            entry_count: 0,
            mask: 0,
        }
    }

    /// The bucket that `hash` leads to.
    #[inline(always)]
    pub(super) fn first(&self, hash: u64) -> Option<&Bucket> {
        self.main.get(self.address(hash))
    }

    /// All buckets, while they are one block: a power of two of them, so that the low bits of a hash
    /// are the number of its bucket.
    #[inline(always)]
    pub(super) fn flat(&self) -> Option<&[Bucket]> {
        self.main.flat().filter(|buckets| buckets.len().is_power_of_two())
    }

    /// The overflow bucket behind `bucket`.
    #[inline]
    pub(super) fn next(&self, bucket: &Bucket) -> Option<&Bucket> {
        match bucket.next {
            NONE => None,
            next => self.overflow.get(next as usize),
        }
    }

    /// The number of the bucket of `hash`: linear hashing's address.
    #[inline(always)]
    pub(super) fn address(&self, hash: u64) -> usize {
        let at = hash as usize & self.mask;
        if at < self.main.len() { at } else { at & (self.mask >> 1) }
    }

    fn bucket(&self, at: At) -> Option<&Bucket> {
        match at {
            At::Main(at) => self.main.get(at),
            At::Overflow(at) => self.overflow.get(at as usize),
        }
    }

    fn bucket_mut(&mut self, at: At) -> Option<&mut Bucket> {
        match at {
            At::Main(at) => self.main.get_mut(at),
            At::Overflow(at) => self.overflow.get_mut(at as usize),
        }
    }

    /// The entry of `hash` of whose record `is_it` says so.
    pub(super) fn locate(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<Place> {
        let home = At::Main(self.address(hash));
        let mut at = home;
        loop {
            let bucket = self.bucket(at)?;
            let mut lanes = bucket.candidates(hash);
            while lanes != 0 {
                let record = bucket.record(lanes);
                if is_it(record) {
                    let lane = (lanes.trailing_zeros() / 8) as usize;
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

    /// Removes a bucket entry; the last one of the chain of buckets takes its place.
    pub(super) fn remove(&mut self, place: &Place) {
        let (mut before, mut last) = (None, place.home);
        while let Some(bucket) = self.bucket(last) {
            if bucket.next == NONE {
                break;
            }
            (before, last) = (Some(last), At::Overflow(bucket.next));
        }
        let Some(bucket) = self.bucket_mut(last) else { return };
        let Some((tag, record)) = bucket.pop() else { return };
        let is_empty = bucket.len == 0;
        self.entry_count = self.entry_count.saturating_sub(1);
        if record != place.record {
            if let Some(bucket) = self.bucket_mut(place.bucket) {
                bucket.set(place.lane, tag, record);
            }
        }
        if let (true, Some(before), At::Overflow(freed)) = (is_empty, before, last) {
            if let Some(bucket) = self.bucket_mut(before) {
                bucket.next = NONE;
            }
            self.release(freed);
        }
    }

    /// Puts another record in the place of one of the same hash.
    pub(super) fn redirect(&mut self, place: &Place, record: u32) {
        let lane = place.lane;
        if let Some(place) = self.bucket_mut(place.bucket).and_then(|b| b.records.get_mut(lane)) {
            *place = record;
        }
    }

    fn release(&mut self, overflow: u32) {
        let next = self.free;
        if let Some(bucket) = self.overflow.get_mut(overflow as usize) {
            *bucket = Bucket { next, ..Bucket::EMPTY };
            self.free = overflow;
        }
    }

    /// Makes sure that the next [`insert`](Self::insert) succeeds.
    pub(super) fn reserve(&mut self) -> Result<(), Full> {
        if self.main.len() == 0 {
            self.main.push(Bucket::EMPTY)?;
        }
        if self.free != NONE {
            return Ok(());
        }
        if self.overflow.len().saturating_add(1) >= NONE as usize {
            return Err(Full);
        }
        self.overflow.reserve(1)
    }

    /// Adds an entry, for which room has been made. `hash_of` gives the hash of a record.
    pub(super) fn insert(&mut self, hash: u64, record: u32, hash_of: impl Fn(u32) -> u64) {
        let at = At::Main(self.address(hash));
        self.append(at, hash, record);
        self.entry_count = self.entry_count.saturating_add(1);
        self.grow(hash_of);
    }

    fn take_overflow(&mut self) -> Option<u32> {
        if self.free != NONE {
            let taken = self.free;
            let bucket = self.overflow.get_mut(taken as usize)?;
            self.free = bucket.next;
            *bucket = Bucket::EMPTY;
            return Some(taken);
        }
        let index = self.overflow.push(Bucket::EMPTY).ok()?;
        u32::try_from(index).ok()
    }

    /// Adds a bucket entry at the end of a chain; an overflow bucket has been reserved.
    fn append(&mut self, at: At, hash: u64, record: u32) {
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

    /// Splits a bucket when the table is dense, or all of few. Without memory the table stays dense.
    fn grow(&mut self, hash_of: impl Fn(u32) -> u64) {
        let count = self.main.len();
        let dense = self.entry_count.saturating_mul(LOAD_DENOMINATOR)
            > count.saturating_mul(LOAD_NUMERATOR);
        if !dense || count >= 1 << 30 {
            return;
        }
        let next = count.saturating_add(1);
        let wanted = if count < DOUBLING { next.next_power_of_two() } else { next };
        for _ in count..wanted {
            self.split(&hash_of);
        }
    }

    fn split(&mut self, hash_of: impl Fn(u32) -> u64) {
        let count = self.main.len();
        // The new bucket's sibling is the one whose number has its highest bit cleared.
        let Some(highest) = count.checked_ilog2() else { return };
        let source = count ^ (1usize << highest);
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
        if more.is_err() || self.main.push(Bucket::EMPTY).is_err() {
            return;
        }
        self.mask = count.saturating_add(1).next_power_of_two().wrapping_sub(1);
        // Take the chain off, bucket by bucket, and deal its entries out again.
        let whole = self.main.get_mut(source).map(|b| core::mem::replace(b, Bucket::EMPTY));
        let mut left = whole;
        while let Some(bucket) = left {
            for record in bucket.records() {
                let hash = hash_of(record);
                self.append(At::Main(self.address(hash)), hash, record);
            }
            left = self.overflow.get(bucket.next as usize).copied();
            if left.is_some() {
                self.release(bucket.next);
            }
        }
    }

    /// Gives back memory, some blocks at a time; whether that was all.
    pub(super) fn free(&mut self, blocks: usize) -> bool {
        self.main.free(blocks) && self.overflow.free(blocks)
    }

    pub(super) fn memory_len(&self) -> usize {
        self.main.memory_len().saturating_add(self.overflow.memory_len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash::HashKey;
    use super::*;

    #[test]
    fn few_overflow_for_regular_keys_and_all_of_it_is_given_back() {
        for stride in [1u64, 256, 1 << 16, 1 << 32, 1 << 40] {
            let key = HashKey::new(stride);
            let hash = |record: u32| key.mix(&[u64::from(record).wrapping_mul(stride)]);
            let mut buckets = Buckets::new();
            for record in 0..20_000 {
                buckets.reserve().unwrap();
                buckets.insert(hash(record), record, hash);
            }
            let (main, overflow) = (buckets.main.len(), buckets.overflow.len());
            assert!(main > 3_500, "stride {stride}: {main} buckets");
            assert!(overflow < main / 4, "stride {stride}: {overflow} of {main} overflow");
            for record in (0..20_000).rev() {
                let place = buckets.locate(hash(record), |other| other == record).unwrap();
                buckets.remove(&place);
                assert!(buckets.locate(hash(record), |other| other == record).is_none());
            }
            let mut free = 0;
            let mut next = buckets.free;
            while let Some(bucket) = buckets.overflow.get(next as usize) {
                (free, next) = (free + 1, bucket.next);
            }
            assert_eq!(free, overflow, "stride {stride}");
            assert!(buckets.main.iter().all(|bucket| bucket.len == 0 && bucket.is_last()));
        }
    }

    #[test]
    fn equal_hashes_are_one_chain() {
        let mut buckets = Buckets::new();
        for record in 0..100 {
            buckets.reserve().unwrap();
            buckets.insert(7, record, |_| 7);
        }
        for record in [50, 0, 99, 7, 6, 8] {
            let place = buckets.locate(7, |other| other == record).unwrap();
            buckets.remove(&place);
        }
        for record in 0..100 {
            let is_there = buckets.locate(7, |other| other == record).is_some();
            assert_eq!(is_there, ![50, 0, 99, 7, 6, 8].contains(&record), "{record}");
        }
    }
}
