//! What one worker remembers of the answers of tables whose lookup is dear: which entry a key had.
//! It stands between the pipeline and the classifier of a table, for a batch at a time.
//!
//! # What
//!
//! Tables are compiled, and most of them answer in less than a cache would; those of many masks do
//! not ([`Classifier::is_dear`]). Before such a table [`FlowCache::find_batch`] looks up what the table
//! said of the same bits last time, and asks it about the others.
//!
//! # Design
//!
//! A line is one answer: a stamp (the table, and a number for its generation), the slot, and the bits
//! of the key under the union of the table's masks: all that the table's answer can hang on, and
//! nothing else, so packets that differ elsewhere share it. All of these bits are compared; a hash only
//! says where to look, and is keyed, since hosts choose the packets. A change of the table gives it
//! another generation, and with that the stamps of its lines are wrong: no flow-mod ever visits the
//! cache. Stamps are used again only when all lines have been cleared (`EPOCHS`).
//!
//! The bits are packed (`packing.rs`): masks leave most of a key's words half empty, and rotated they
//! go into each other's gaps. What a table of addresses, protocols, TCP and UDP ports compares in four
//! words of the key are two, and three with the ingress port. So a line is 32 bytes with room for
//! `NARROW` words, and two of them, a *set*, are one cache line, compared without a branch that depends on
//! which of them it is. Tables that compare more have wide lines of `WIDE` words, in memory of their
//! own; those that compare more than that have no place here.
//!
//! A key has two sets where its answer may be, by the two halves of its hash: the second is looked at
//! only when the first has not got it, and mostly has room when the first has not. A third of the lines in
//! use lose next to none, where one set alone would lose one in twenty.
//!
//! A batch goes in stages (`lines.rs`): the packed words of all, column by column; all hashes; all first
//! sets; the second sets of those that were not there; then the table for those that are in neither,
//! packed together, and their answers into the cache: over a line of an older stamp if there is one, else
//! over one by turns.
//!
//! Traffic with no two packets alike would pay for lookups that find nothing. Each table is on
//! probation: when fewer than one in `WORTH` of `PERIOD` lookups hit, the table is asked directly
//! for as many batches as it says in `FIRST_REST`, twice as many each time, up to `LONGEST_REST`.
//!
//! # What it costs
//!
//! `NARROW_LINES` lines, 256 KiB a worker, taken when the first dear table is asked, and as much for
//! `WIDE_LINES` when there is one that compares more. Where `CROWDED` good answers or more are lost to
//! others in a period, they become `GROWTH` times as many, once: 1 MiB, in which 98 of 100 packets of 16,000
//! flows hit; a batch waits for that memory to be cleared. There it ends: traffic of more flows is for the
//! tables to answer.
//!
//! CPU time in TSC cycles of 2.445 GHz a packet (`rumpswitch replay` of the comparison's traces, least of
//! several): 137 with the 2,273 flows of acl-1000, 123 with the 100 of masks-100, of which a switch that looks
//! at the ingress port alone takes 82. The worst case, no hits at all, is a period of misses in each longest
//! rest: less than one part in a hundred.
//!
//! # What it does not do
//!
//! It does not remember whole pipelines, only one table's answer; it knows nothing of programs,
//! counters and timeouts, which are the same for a hit and a miss. A worker's cache is for the tables
//! that the worker was made for.

mod lines;
mod packing;

use alloc::vec::Vec;

use arrayvec::ArrayVec;

use self::lines::Lines;
pub(crate) use self::packing::Packing;
use crate::classifier::{BATCH, Classifier, HashKey};
use crate::key::Key;

/// Packed words of a narrow line, and of a wide one.
const NARROW: usize = 3;
const WIDE: usize = 7;
/// Lines of either width at first, powers of two.
const NARROW_LINES: usize = 8192;
const WIDE_LINES: usize = 4096;
/// How many times as many there are when these have been too few.
const GROWTH: usize = 4;
/// Answers lost to others in a period that say so.
const CROWDED: u32 = 64;
/// Generations of a table that are told apart before all is forgotten.
const EPOCHS: u32 = 1 << 24;
/// Lookups after which it is seen whether they paid.
const PERIOD: u32 = 1024;
/// One in so many lookups has to hit.
const WORTH: u32 = 4;
/// Batches for which a table is asked directly after the first period that did not pay, and after
/// many.
const FIRST_REST: u32 = 64;
const LONGEST_REST: u32 = 16_384;

/// How a table's lookups have fared.
#[derive(Clone, Copy, Debug, Default)]
struct Probation {
    lookup_count: u32,
    hit_count: u32,
    /// Batches for which the table is asked directly.
    rest: u32,
    /// How many it will be next time.
    next_rest: u32,
}

/// What is known of a table.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// The generation of the table whose answers have the stamp.
    generation: u64,
    /// A number for that generation, from 1 on: shorter, so that lines are.
    epoch: u32,
    probation: Probation,
}

/// How many lookups a cache has spared, and how many not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlowCacheCounts {
    /// Answers that were in the cache.
    pub hit_count: u64,
    /// Answers that were looked for and not there.
    pub miss_count: u64,
    /// Lookups of dear tables that went past the cache, since it had not paid.
    pub bypass_count: u64,
}

/// Answers of dear tables that a worker remembers.
///
/// ```
/// use ofp_codec::OxmField;
/// use rumpswitch_datapath::classifier::Classifier;
/// use rumpswitch_datapath::flow_cache::FlowCache;
/// use rumpswitch_datapath::key::{Key, MaskedKey};
///
/// let mut table = Classifier::new(1);
/// for number in 0..600 {
///     let mut matching = MaskedKey::ANY;
///     let mask = number | 1024 << (number % 20);
///     matching.name(OxmField::Metadata, number.into(), Some(mask.into()));
///     table.insert(&matching, 7, number)?;
/// }
/// let mut key = Key::default();
/// key.set(OxmField::Metadata, 3);
/// let mut cache = FlowCache::new(0x5eed);
/// for _ in 0..3 {
///     let mut found = [None];
///     cache.find_batch(&table, 0, &[&key], &mut found);
///     assert_eq!(found, [Some(3)]);
/// }
/// assert_eq!((cache.counts().hit_count, cache.counts().miss_count), (2, 1));
/// # Ok::<(), rumpswitch_datapath::classifier::Full>(())
/// ```
#[derive(Debug)]
pub struct FlowCache {
    narrow: Lines<NARROW>,
    wide: Lines<WIDE>,
    /// By table; none before they are needed, or when there was no memory.
    tables: Vec<Known>,
    is_ready: bool,
    counts: FlowCacheCounts,
}

impl FlowCache {
    /// An empty cache, which takes no memory yet.
    pub fn new(seed: u64) -> FlowCache {
        let hash = HashKey::new(seed ^ 0xf10c_ac4e);
        FlowCache {
            narrow: Lines::new(hash),
            wide: Lines::new(hash),
            tables: Vec::new(),
            is_ready: false,
            counts: FlowCacheCounts::default(),
        }
    }

    /// One that remembers nothing.
    pub(crate) fn none() -> FlowCache {
        let hash = HashKey::new(0);
        let (narrow, wide) = (Lines::none(hash), Lines::none(hash));
        FlowCache { is_ready: true, narrow, wide, ..FlowCache::new(0) }
    }

    /// What it was good for.
    pub fn counts(&self) -> FlowCacheCounts {
        self.counts
    }

    /// Bytes that it holds.
    pub fn memory_len(&self) -> usize {
        let tables = self.tables.capacity().saturating_mul(size_of::<Known>());
        tables.saturating_add(self.narrow.memory_len()).saturating_add(self.wide.memory_len())
    }

    /// [`Classifier::find_batch`] of the table `table_id`, with what is remembered of it: at most
    /// [`BATCH`] keys.
    #[inline]
    pub fn find_batch(
        &mut self,
        table: &Classifier,
        table_id: u8,
        keys: &[&Key],
        found: &mut [Option<u32>],
    ) {
        match table.is_dear() && self.is_wanted(table_id, keys.len()) {
            true => match (keys, found) {
                ([key], [found]) => *found = self.find_one(table, table_id, key),
                (keys, found) => self.find_remembered(table, table_id, keys, found),
            },
            false => table.find_batch(keys, found),
        }
    }

    /// The same for one key.
    #[inline]
    pub(crate) fn find(&mut self, table: &Classifier, table_id: u8, key: &Key) -> Option<u32> {
        if table.is_dear() {
            let mut found = [None];
            self.find_batch(table, table_id, &[key], &mut found);
            let [found] = found;
            return found;
        }
        table.find(key)
    }

    /// Whether the cache has a place for the table's answers and it pays to look there.
    fn is_wanted(&mut self, table_id: u8, count: usize) -> bool {
        if !self.is_ready {
            self.make_ready();
        }
        let Some(Known { probation, .. }) = self.tables.get_mut(usize::from(table_id)) else {
            return false;
        };
        if probation.rest != 0 {
            probation.rest = probation.rest.saturating_sub(1);
            self.counts.bypass_count = self.counts.bypass_count.wrapping_add(count as u64);
            return false;
        }
        true
    }

    /// Takes the memory for what is known of tables, once; without it every table is asked directly.
    #[cold]
    fn make_ready(&mut self) {
        self.is_ready = true;
        let tables = usize::from(u8::MAX).saturating_add(1);
        if self.tables.try_reserve_exact(tables).is_ok() {
            self.tables.resize(tables, Known::default());
        }
    }

    /// What answers of the table as it is are stamped with: the upper half of a line's first word.
    #[inline]
    fn stamp(&mut self, table: &Classifier, table_id: u8) -> u64 {
        let epoch = match self.tables.get(usize::from(table_id)) {
            Some(known) if known.epoch != 0 && known.generation == table.generation() => {
                known.epoch
            }
            _ => self.next_epoch(table, table_id),
        };
        u64::from(epoch) << 40 | u64::from(table_id) << 32
    }

    #[cold]
    fn next_epoch(&mut self, table: &Classifier, table_id: u8) -> u32 {
        let is_last = |known: &Known| known.epoch.saturating_add(1) >= EPOCHS;
        if self.tables.get(usize::from(table_id)).is_some_and(is_last) {
            self.narrow.clear();
            self.wide.clear();
            self.tables.iter_mut().for_each(|known| known.epoch = 0);
        }
        let Some(known) = self.tables.get_mut(usize::from(table_id)) else { return 0 };
        known.generation = table.generation();
        known.epoch = known.epoch.saturating_add(1);
        known.epoch
    }

    /// [`find_batch`](Self::find_batch) for one key, which needs no arrays.
    #[inline(never)]
    fn find_one(&mut self, table: &Classifier, table_id: u8, key: &Key) -> Option<u32> {
        let stamp = self.stamp(table, table_id);
        let (answer, is_miss) = match table.packing().column_count() {
            0..=NARROW if self.narrow.is_ready(NARROW_LINES) => {
                find_one_in(&mut self.narrow, table, stamp, key)
            }
            4..=WIDE if self.wide.is_ready(WIDE_LINES) => {
                find_one_in(&mut self.wide, table, stamp, key)
            }
            _ => return table.find_dear_one(key),
        };
        self.account(table_id, 1, usize::from(is_miss));
        answer
    }

    #[inline(never)]
    fn find_remembered(
        &mut self,
        table: &Classifier,
        table_id: u8,
        keys: &[&Key],
        found: &mut [Option<u32>],
    ) {
        let stamp = self.stamp(table, table_id);
        let miss_count = match table.packing().column_count() {
            0..=NARROW if self.narrow.is_ready(NARROW_LINES) => {
                find_in(&mut self.narrow, table, stamp, keys, found)
            }
            4..=WIDE if self.wide.is_ready(WIDE_LINES) => {
                find_in(&mut self.wide, table, stamp, keys, found)
            }
            _ => return table.find_dear(keys, found),
        };
        self.account(table_id, keys.len().min(BATCH), miss_count);
    }

    fn account(&mut self, table_id: u8, count: usize, miss_count: usize) {
        let hit_count = count.saturating_sub(miss_count);
        self.counts.hit_count = self.counts.hit_count.wrapping_add(hit_count as u64);
        self.counts.miss_count = self.counts.miss_count.wrapping_add(miss_count as u64);
        let Some(Known { probation, .. }) = self.tables.get_mut(usize::from(table_id)) else {
            return;
        };
        probation.lookup_count = probation.lookup_count.saturating_add(count as u32);
        probation.hit_count = probation.hit_count.saturating_add(hit_count as u32);
        if probation.lookup_count < PERIOD {
            return;
        }
        if probation.hit_count < probation.lookup_count / WORTH {
            probation.rest = probation.next_rest.clamp(FIRST_REST, LONGEST_REST);
            probation.next_rest = probation.rest.saturating_mul(2);
        } else {
            probation.next_rest = FIRST_REST;
        }
        (probation.lookup_count, probation.hit_count) = (0, 0);
        self.narrow.grow(NARROW_LINES.saturating_mul(GROWTH), CROWDED);
        self.wide.grow(WIDE_LINES.saturating_mul(GROWTH), CROWDED);
    }
}

/// What `lines` remember of `key`, or else what the table says, and then is remembered; whether it had to be
/// asked.
#[inline(always)]
fn find_one_in<const WORDS: usize>(
    lines: &mut Lines<WORDS>,
    table: &Classifier,
    stamp: u64,
    key: &Key,
) -> (Option<u32>, bool) {
    let packing = table.packing();
    let words = packing.pack(table.compared(), key);
    let hash = lines.hash(packing, &words);
    if let Some(answer) = lines.get(stamp, hash, &words) {
        return (answer, false);
    }
    let answer = table.find_dear_one(key);
    lines.put(stamp, hash, &words, answer);
    (answer, true)
}

/// What `lines` remember of `keys`, or else what the table says; how many had to be asked for.
#[inline(never)]
fn find_in<const WORDS: usize>(
    lines: &mut Lines<WORDS>,
    table: &Classifier,
    stamp: u64,
    keys: &[&Key],
    found: &mut [Option<u32>],
) -> usize {
    let missed = lines.get_batch(stamp, table.packing(), table.compared(), keys, found);
    if missed != 0 {
        find_missed(lines, table, stamp, missed, keys, found);
    }
    missed.count_ones() as usize
}

/// Asks the table about those that were not remembered, packed together, and remembers what it says.
#[inline(never)]
fn find_missed<const WORDS: usize>(
    lines: &mut Lines<WORDS>,
    table: &Classifier,
    stamp: u64,
    missed: u32,
    keys: &[&Key],
    found: &mut [Option<u32>],
) {
    let places = || (0..BATCH as u8).filter(|&at| missed & 1u32.wrapping_shl(at.into()) != 0);
    let key = |at: u8| keys.get(usize::from(at)).copied();
    let missed_keys: ArrayVec<&Key, BATCH> = places().filter_map(key).collect();
    let mut answers = [None; BATCH];
    table.find_dear(&missed_keys, &mut answers);
    for (at, answer) in places().zip(answers) {
        if let Some(found) = found.get_mut(usize::from(at)) {
            *found = answer;
        }
        lines.put_of_batch(stamp, at, answer);
    }
}

#[cfg(test)]
mod tests;
