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
//! A line of 64 bytes is one answer: a stamp (the table and its generation), the slot, and the words
//! of the key under the union of the table's masks: all that the table's answer can hang on, and
//! nothing else, so packets that differ elsewhere share it. All of these words are compared; a hash
//! only says in which `WAYS` lines to look, and is keyed, since hosts choose the packets. A change of
//! the table gives it another generation, and with that the stamps of its lines are wrong: no flow-mod
//! ever visits the cache. A table that looks at more than `WORDS` words has no place here.
//!
//! A batch goes in stages: all words and hashes, then all lines, then the table for all that were not
//! there, packed together, and their answers into the cache: over a line of an older stamp if there
//! is one, else over one by turns.
//!
//! Traffic with no two packets alike would pay for lookups that find nothing. Each table is on
//! probation: when fewer than one in `WORTH` of `PERIOD` lookups hit, the table is asked directly
//! for as many batches as it says in `FIRST_REST`, twice as many each time, up to `LONGEST_REST`.
//!
//! # What it costs
//!
//! `LINES` lines, 256 KiB a worker, taken when the first dear table is asked. A lookup that hits takes
//! some 85 cycles (`rumpswitch replay` with all lookups hitting, beside the same with a table of four
//! entries). The worst case, no hits at all, is a period of misses in each longest rest: less than one
//! part in a hundred.
//!
//! # What it does not do
//!
//! It does not remember whole pipelines, only one table's answer; it knows nothing of programs,
//! counters and timeouts, which are the same for a hit and a miss. A worker's cache is for the tables
//! that the worker was made for.

use alloc::vec::Vec;

use arrayvec::ArrayVec;

use crate::classifier::{BATCH, Classifier, HashKey};
use crate::key::{KEY_WORDS, Key};

/// Words of a key that a line has room for.
pub const WORDS: usize = 6;
/// Lines of a cache, a power of two.
const LINES: usize = 4096;
/// Lines in which a key's answer may be.
const WAYS: usize = 4;
/// Lookups after which it is seen whether they paid.
const PERIOD: u32 = 1024;
/// One in so many lookups has to hit.
const WORTH: u32 = 4;
/// Batches for which a table is asked directly after the first period that did not pay, and after
/// many.
const FIRST_REST: u32 = 64;
const LONGEST_REST: u32 = 16_384;

/// One answer.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Line {
    /// The table and its generation; 0 is nobody's.
    stamp: u64,
    /// The slot and 1, or 0 for none.
    answer: u64,
    words: [u64; WORDS],
}

/// Where a key's answer would be, and what it is compared with.
#[derive(Clone, Copy, Debug, Default)]
struct Probe {
    /// The first of [`WAYS`] lines.
    at: u32,
    words: [u64; WORDS],
}

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
    hash: HashKey,
    /// Sets of [`WAYS`], one after the other; none before they are needed, or when there was no memory.
    lines: Vec<Line>,
    /// By table.
    probations: Vec<Probation>,
    /// Those of the batch at hand, one for each key: some KiB, which would be much for a kernel's stack.
    probes: Vec<Probe>,
    is_ready: bool,
    /// Which line of a set goes next.
    turn: usize,
    counts: FlowCacheCounts,
}

impl FlowCache {
    /// An empty cache, which takes no memory yet.
    pub fn new(seed: u64) -> FlowCache {
        FlowCache {
            hash: HashKey::new(seed ^ 0xf10c_ac4e),
            lines: Vec::new(),
            probations: Vec::new(),
            probes: Vec::new(),
            is_ready: false,
            turn: 0,
            counts: FlowCacheCounts::default(),
        }
    }

    /// One that remembers nothing.
    pub(crate) fn none() -> FlowCache {
        FlowCache { is_ready: true, ..FlowCache::new(0) }
    }

    /// What it was good for.
    pub fn counts(&self) -> FlowCacheCounts {
        self.counts
    }

    /// Bytes that it holds.
    pub fn memory_len(&self) -> usize {
        let lines = self.lines.capacity().saturating_mul(size_of::<Line>());
        let probations = self.probations.capacity().saturating_mul(size_of::<Probation>());
        let probes = self.probes.capacity().saturating_mul(size_of::<Probe>());
        lines.saturating_add(probations).saturating_add(probes)
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
        let Some(probation) = self.probations.get_mut(usize::from(table_id)) else { return false };
        if probation.rest != 0 {
            probation.rest = probation.rest.saturating_sub(1);
            self.counts.bypass_count = self.counts.bypass_count.wrapping_add(count as u64);
            return false;
        }
        true
    }

    /// Takes the memory, once; without it every table is asked directly.
    #[cold]
    fn make_ready(&mut self) {
        self.is_ready = true;
        let tables = usize::from(u8::MAX).saturating_add(1);
        if self.lines.try_reserve_exact(LINES).is_ok()
            && self.probes.try_reserve_exact(BATCH).is_ok()
            && self.probations.try_reserve_exact(tables).is_ok()
        {
            self.probes.resize(BATCH, Probe::default());
            self.lines.resize(LINES, Line::default());
            self.probations.resize(tables, Probation::default());
        }
    }

    /// [`find_batch`](Self::find_batch) for one key, which needs no arrays.
    #[inline(never)]
    fn find_one(&mut self, table: &Classifier, table_id: u8, key: &Key) -> Option<u32> {
        let Some(words) = CachedWords::new(table.compared()) else { return table.find(key) };
        let (stamp, probe) = (stamp(table, table_id), self.probe(&words, key));
        let answer = self.answer(stamp, &probe);
        self.account(table_id, 1, usize::from(answer.is_none()));
        answer.unwrap_or_else(|| {
            let answer = table.find_dear_one(key);
            self.remember(stamp, &probe, answer);
            answer
        })
    }

    /// What a key is compared by, and where its answer would be.
    #[inline(always)]
    fn probe(&self, words: &CachedWords, key: &Key) -> Probe {
        let words = words.of(key);
        Probe { at: self.hash.mix(&words) as u32 & (LINES - WAYS) as u32, words }
    }

    #[inline(never)]
    fn find_remembered(
        &mut self,
        table: &Classifier,
        table_id: u8,
        keys: &[&Key],
        found: &mut [Option<u32>],
    ) {
        let Some(words) = CachedWords::new(table.compared()) else {
            return table.find_dear(keys, found);
        };
        let stamp = stamp(table, table_id);
        // 1. What each key is compared by, and where its answer would be.
        let mut probes = core::mem::take(&mut self.probes);
        let mut warm = 0;
        for (probe, key) in probes.iter_mut().zip(keys) {
            *probe = self.probe(&words, key);
            // 2. The lines are loaded here, and used when all are under way.
            warm ^= self.lines.get(probe.at as usize).map_or(0, |line| line.answer);
        }
        core::hint::black_box(warm);
        // 3. Compare.
        let mut missed: ArrayVec<&Key, BATCH> = ArrayVec::new();
        let mut lanes: ArrayVec<u8, BATCH> = ArrayVec::new();
        for (lane, ((probe, &key), found)) in (0u8..).zip(probes.iter().zip(keys).zip(&mut *found))
        {
            match self.answer(stamp, probe) {
                Some(answer) => *found = answer,
                None => {
                    missed.push(key);
                    lanes.push(lane);
                }
            }
        }
        // 4. Ask the table about the others, and remember what it says.
        let miss_count = missed.len();
        if miss_count != 0 {
            let mut answers = [None; BATCH];
            table.find_dear(&missed, &mut answers);
            for (&lane, answer) in lanes.iter().zip(answers) {
                if let Some(found) = found.get_mut(usize::from(lane)) {
                    *found = answer;
                }
                if let Some(probe) = probes.get(usize::from(lane)) {
                    self.remember(stamp, probe, answer);
                }
            }
        }
        self.probes = probes;
        self.account(table_id, keys.len().min(BATCH), miss_count);
    }

    #[inline]
    fn answer(&self, stamp: u64, probe: &Probe) -> Option<Option<u32>> {
        let at = probe.at as usize;
        let set = self.lines.get(at..at.wrapping_add(WAYS))?;
        let is_it = |line: &&Line| line.stamp == stamp && line.words == probe.words;
        let line = set.iter().find(is_it)?;
        Some(line.answer.checked_sub(1).map(|slot| slot as u32))
    }

    fn remember(&mut self, stamp: u64, probe: &Probe, answer: Option<u32>) {
        self.turn = self.turn.wrapping_add(1);
        let at = probe.at as usize;
        let Some(set) = self.lines.get_mut(at..at.wrapping_add(WAYS)) else { return };
        // An answer of this table that is older than the table, or nobody's; another table's may be
        // good yet.
        let is_old = |line: &Line| {
            line.stamp == 0 || (line.stamp != stamp && line.stamp & 0xff == stamp & 0xff)
        };
        let line = set.iter().position(is_old).unwrap_or(self.turn % WAYS);
        if let Some(line) = set.get_mut(line) {
            let answer = answer.map_or(0, |slot| u64::from(slot).wrapping_add(1));
            *line = Line { stamp, answer, words: probe.words };
        }
    }

    fn account(&mut self, table_id: u8, count: usize, miss_count: usize) {
        let hit_count = count.saturating_sub(miss_count);
        self.counts.hit_count = self.counts.hit_count.wrapping_add(hit_count as u64);
        self.counts.miss_count = self.counts.miss_count.wrapping_add(miss_count as u64);
        let Some(probation) = self.probations.get_mut(usize::from(table_id)) else { return };
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
    }
}

/// What a table's answers are stamped with.
fn stamp(table: &Classifier, table_id: u8) -> u64 {
    (table.generation().wrapping_add(1) << 8) | u64::from(table_id)
}

/// The words of a key that a table compares, and under what mask.
#[derive(Clone, Copy, Debug)]
struct CachedWords {
    indexes: [u8; WORDS],
    masks: [u64; WORDS],
}

impl CachedWords {
    /// `None` when they are too many.
    fn new(compared: &[u64; KEY_WORDS]) -> Option<CachedWords> {
        let mut words = CachedWords { indexes: [0; WORDS], masks: [0; WORDS] };
        let mut places = words.indexes.iter_mut().zip(&mut words.masks);
        for (index, &compared) in (0u8..).zip(compared) {
            if compared != 0 {
                let (place, mask) = places.next()?;
                (*place, *mask) = (index, compared);
            }
        }
        Some(words)
    }

    #[inline]
    fn of(&self, key: &Key) -> [u64; WORDS] {
        let mut words = [0; WORDS];
        for ((word, &index), &mask) in words.iter_mut().zip(&self.indexes).zip(&self.masks) {
            *word = key.word(index) & mask;
        }
        words
    }
}

#[cfg(test)]
mod tests;
