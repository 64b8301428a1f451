//! A hash table of record numbers that grows without a pause.
//!
//! # Design
//!
//! A bucket is one cache line: seven hashes of 32 bits, seven record numbers, a count and a link to
//! an overflow bucket. The table grows by linear hashing: when it is dense, an insert adds one bucket
//! and moves into it what belongs there from the one bucket that it splits. Nothing is rehashed (the
//! hash is in the bucket), nothing large is copied or cleared, and the work of an insert is the
//! length of one bucket's chain at any size.
//!
//! # What it does not do
//!
//! It does not shrink.

use super::Full;
use super::pages::Pages;
use super::records::NONE;

/// Entries in a bucket.
const LANES: usize = 7;
/// Entries a bucket on average, times [`LOAD_DENOMINATOR`], above which an insert adds a bucket.
const LOAD_NUMERATOR: usize = 9;
const LOAD_DENOMINATOR: usize = 2;

/// Record numbers by hash.
#[derive(Debug)]
pub(super) struct Buckets {
    main: Pages<Bucket, 1024>,
    overflow: Pages<Bucket, 256>,
    /// The first of the free overflow buckets, linked by `next`.
    free: u32,
    entry_count: usize,
}

/// One cache line of hashes and what they are of.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Bucket {
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
    pub(super) fn candidates(&self, hash: u32) -> u32 {
        let mut bits = 0;
        for (lane, &other) in self.hashes.iter().enumerate() {
            bits |= u32::from(other == hash) << (lane & 31);
        }
        bits & 1u32.wrapping_shl(self.len).wrapping_sub(1)
    }

    #[inline]
    pub(super) fn record(&self, lane: u32) -> u32 {
        self.records.get(lane as usize).copied().unwrap_or(NONE)
    }

    #[inline]
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// Whether no overflow bucket follows.
    #[inline]
    pub(super) fn is_last(&self) -> bool {
        self.next == NONE
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
pub(super) struct Place {
    /// The bucket that its hash leads to.
    home: At,
    bucket: At,
    lane: u32,
    pub(super) record: u32,
}

impl Buckets {
    pub(super) const fn new() -> Buckets {
        Buckets { main: Pages::new(), overflow: Pages::new(), free: NONE, entry_count: 0 }
    }

    /// The bucket that `hash` leads to.
    #[inline]
    pub(super) fn first(&self, hash: u32) -> Option<&Bucket> {
        self.main.get(Self::address(hash, self.main.len()))
    }

    /// The overflow bucket behind `bucket`.
    #[inline]
    pub(super) fn next(&self, bucket: &Bucket) -> Option<&Bucket> {
        match bucket.next {
            NONE => None,
            next => self.overflow.get(next as usize),
        }
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
    pub(super) fn locate(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<Place> {
        let home = At::Main(Self::address(hash, self.main.len()));
        let mut at = home;
        loop {
            let bucket = self.bucket(at)?;
            let mut lanes = bucket.candidates(hash);
            while lanes != 0 {
                let lane = lanes.trailing_zeros();
                let record = bucket.record(lane);
                if is_it(record) {
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
        let Some(moved) = bucket.pop() else { return };
        let is_empty = bucket.len == 0;
        self.entry_count = self.entry_count.saturating_sub(1);
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

    /// Puts another record in the place of one of the same hash.
    pub(super) fn redirect(&mut self, place: &Place, record: u32) {
        let lane = place.lane as usize;
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

    /// Adds an entry, for which room has been made.
    pub(super) fn insert(&mut self, hash: u32, record: u32) {
        let at = At::Main(Self::address(hash, self.main.len()));
        self.append(at, hash, record);
        self.entry_count = self.entry_count.saturating_add(1);
        self.grow();
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
        let count = self.main.len();
        let dense = self.entry_count.saturating_mul(LOAD_DENOMINATOR)
            > count.saturating_mul(LOAD_NUMERATOR);
        if !dense || count >= 1 << 30 {
            return;
        }
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
        // Take the chain off, bucket by bucket, and deal its entries out again.
        let whole = self.main.get_mut(source).map(|b| core::mem::replace(b, Bucket::EMPTY));
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

    /// Gives back memory, some pages at a time; whether that was all.
    pub(super) fn free(&mut self, pages: usize) -> bool {
        self.main.free(pages) && self.overflow.free(pages)
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
            let hash = |record: u32| key.hash([u64::from(record) * stride].into_iter());
            let mut buckets = Buckets::new();
            for record in 0..20_000 {
                buckets.reserve().unwrap();
                buckets.insert(hash(record), record);
            }
            let (main, overflow) = (buckets.main.len(), buckets.overflow.len());
            assert!(main > 4_000, "stride {stride}: {main} buckets");
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
            buckets.insert(7, record);
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
