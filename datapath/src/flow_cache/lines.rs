//! Lines of one width of the flow cache: where a key's answer may be, how it is found there for a batch,
//! and what it takes the place of.

use alloc::vec::Vec;

use super::packing::Packing;
use crate::classifier::{BATCH, HashKey};
use crate::key::{KEY_WORDS, Key};

/// Lines of a set: of the narrow ones, a cache line.
const WAYS: usize = 2;

/// One answer: 32 bytes with three words, 64 with seven.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Line<const WORDS: usize> {
    /// The stamp in the upper half (0 is nobody's), the slot in the lower, [`NO_SLOT`] for no entry.
    head: u64,
    words: [u64; WORDS],
}

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Set<const WORDS: usize> {
    lines: [Line<WORDS>; WAYS],
}

/// What is remembered of a table without an entry for a key: no entry has this slot.
const NO_SLOT: u32 = u32::MAX;

/// What a batch's keys are compared by, and their hashes: some KiB, which would be much for a kernel's stack.
#[derive(Clone, Debug)]
struct Desk<const WORDS: usize> {
    columns: [[u64; BATCH]; WORDS],
    hashes: [u64; BATCH],
}

/// Lines of `WORDS` packed words.
#[derive(Debug)]
pub(super) struct Lines<const WORDS: usize> {
    hash: HashKey,
    /// None before they are needed, or when there was no memory.
    sets: Vec<Set<WORDS>>,
    /// One, when there are sets.
    desk: Vec<Desk<WORDS>>,
    /// Which line goes next where none is free.
    turn: usize,
    /// Good answers that others have taken the place of, of late.
    lost_count: u32,
    /// Whether the memory has been asked for.
    is_asked: bool,
}

impl<const WORDS: usize> Line<WORDS> {
    const NONE: Line<WORDS> = Line { head: 0, words: [0; WORDS] };

    /// 0 if this is the answer to these words under the stamp.
    #[inline(always)]
    fn difference(&self, stamp: u64, words: &[u64; WORDS]) -> u64 {
        let words = self.words.iter().zip(words);
        words.fold((self.head ^ stamp) >> 32, |all, (its, word)| all | (its ^ word))
    }
}

impl<const WORDS: usize> Set<WORDS> {
    /// The first word of the line with these words, and whether there is one. Both lines are compared,
    /// and all that is asked for in the end is which: where an answer lies is a matter of luck, and a branch
    /// on it would be foretold wrongly.
    #[inline(always)]
    fn head(&self, stamp: u64, words: &[u64; WORDS]) -> (u64, bool) {
        let [a, b] = &self.lines;
        let (of_a, of_b) = (a.difference(stamp, words), b.difference(stamp, words));
        let head = if of_a == 0 { a.head } else { b.head };
        (head, (of_a == 0) | (of_b == 0))
    }

    /// Some word of it: a load that brings its first line near.
    #[inline(always)]
    fn touch(&self) -> u64 {
        let [line, ..] = &self.lines;
        line.head
    }
}

/// The hash of the first `USED` words.
#[inline(always)]
fn mix<const USED: usize, const WORDS: usize>(hash: HashKey, words: &[u64; WORDS]) -> u64 {
    hash.mix(words.get(..USED).unwrap_or(words))
}

/// What a line with this first word says.
#[inline(always)]
fn answer(head: u64) -> Option<u32> {
    let slot = head as u32;
    (slot != NO_SLOT).then_some(slot)
}

impl<const WORDS: usize> Lines<WORDS> {
    pub(super) fn new(hash: HashKey) -> Lines<WORDS> {
        Lines { hash, sets: Vec::new(), desk: Vec::new(), turn: 0, lost_count: 0, is_asked: false }
    }

    /// Never takes memory.
    pub(super) fn none(hash: HashKey) -> Lines<WORDS> {
        Lines { is_asked: true, ..Lines::new(hash) }
    }

    /// Whether there are lines: the first question takes memory for `count` of them, a power of two.
    #[inline]
    pub(super) fn is_ready(&mut self, count: usize) -> bool {
        if !self.is_asked {
            self.make_ready(count / WAYS);
        }
        !self.sets.is_empty()
    }

    #[cold]
    fn make_ready(&mut self, count: usize) {
        self.is_asked = true;
        if self.sets.try_reserve_exact(count).is_ok() && self.desk.try_reserve_exact(1).is_ok() {
            self.desk.resize(1, Desk { columns: [[0; BATCH]; WORDS], hashes: [0; BATCH] });
            self.sets.resize(count, Set { lines: [Line::NONE; WAYS] });
        }
    }

    /// Takes memory for `count` lines, and forgets all answers, if `limit` good ones or more have been lost
    /// since it was asked last, and there are fewer lines and the memory.
    pub(super) fn grow(&mut self, count: usize, limit: u32) {
        let is_crowded = core::mem::take(&mut self.lost_count) >= limit;
        if is_crowded && self.is_ready(0) && self.sets.len() < count / WAYS {
            self.make_larger(count / WAYS);
        }
    }

    #[cold]
    fn make_larger(&mut self, count: usize) {
        let mut sets = Vec::new();
        if sets.try_reserve_exact(count).is_ok() {
            sets.resize(count, Set { lines: [Line::NONE; WAYS] });
            self.sets = sets;
        }
    }

    /// Forgets all answers.
    pub(super) fn clear(&mut self) {
        self.sets.fill(Set { lines: [Line::NONE; WAYS] });
    }

    pub(super) fn memory_len(&self) -> usize {
        let sets = self.sets.capacity().saturating_mul(size_of::<Set<WORDS>>());
        sets.saturating_add(self.desk.capacity().saturating_mul(size_of::<Desk<WORDS>>()))
    }

    /// The set in which a key with this hash is first looked for, and the other.
    #[inline(always)]
    fn places(&self, hash: u64) -> (usize, usize) {
        let last = self.sets.len().wrapping_sub(1);
        (hash as usize & last, (hash >> 32) as usize & last)
    }

    /// The hash of packed words.
    pub(super) fn hash(&self, packing: &Packing, words: &[u64; WORDS]) -> u64 {
        match packing.column_count() {
            0..=2 => mix::<2, WORDS>(self.hash, words),
            _ => mix::<WORDS, WORDS>(self.hash, words),
        }
    }

    /// What is remembered of one key.
    pub(super) fn get(&self, stamp: u64, hash: u64, words: &[u64; WORDS]) -> Option<Option<u32>> {
        let (first, second) = self.places(hash);
        let head = |at: usize| {
            let (head, is_there) = self.sets.get(at)?.head(stamp, words);
            is_there.then_some(head)
        };
        head(first).or_else(|| head(second)).map(answer)
    }

    /// Writes what is remembered of `keys` into `found`; returns which are not there, a bit for each.
    #[inline(always)]
    pub(super) fn get_batch(
        &mut self,
        stamp: u64,
        packing: &Packing,
        compared: &[u64; KEY_WORDS],
        keys: &[&Key],
        found: &mut [Option<u32>],
    ) -> u32 {
        let [desk] = self.desk.as_mut_slice() else { return 0 };
        let (sets, last) = (self.sets.as_slice(), self.sets.len().wrapping_sub(1));
        let count = keys.len().min(found.len()).min(BATCH);
        // 1. What each key is compared by, word by word: which word it is and its mask stay in registers.
        desk.pack(packing, compared, keys);
        // 2. The hashes; the sets are loaded here, and used when all are under way.
        match packing.column_count() {
            0..=2 => desk.mix::<2>(self.hash, count),
            _ => desk.mix::<WORDS>(self.hash, count),
        }
        let hashes = desk.hashes.get(..count).unwrap_or_default();
        let warm = |hash: &u64| sets.get(*hash as usize & last).map_or(0, Set::touch);
        core::hint::black_box(hashes.iter().fold(0, |all, hash| all ^ warm(hash)));
        // 3. Compare: the set that is first for a key, then the other for those that are not there.
        let mut missed = 0u32;
        for at in 0..count {
            let hash = desk.hashes.get(at % BATCH).copied().unwrap_or(0);
            let (Some(set), Some(found)) = (sets.get(hash as usize & last), found.get_mut(at))
            else {
                continue;
            };
            let (head, is_there) = set.head(stamp, &desk.words(at));
            *found = answer(head);
            missed |= u32::from(!is_there).wrapping_shl(at as u32);
        }
        let mut left = missed;
        while left != 0 {
            let place = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            let at = place as usize;
            let (Some(hash), Some(found)) = (desk.hashes.get(at), found.get_mut(at)) else {
                continue;
            };
            let Some(set) = sets.get((hash >> 32) as usize & last) else { continue };
            let (head, is_there) = set.head(stamp, &desk.words(at));
            if is_there {
                *found = answer(head);
                missed ^= 1u32.wrapping_shl(place);
            }
        }
        missed
    }

    /// Remembers the answer for key `at` of the last batch.
    pub(super) fn put_of_batch(&mut self, stamp: u64, at: u8, answer: Option<u32>) {
        if let [desk] = self.desk.as_slice() {
            let words = desk.words(usize::from(at));
            let hash = desk.hashes.get(usize::from(at)).copied().unwrap_or(0);
            self.put(stamp, hash, &words, answer);
        }
    }

    /// Remembers an answer, in place of one of this table that is older than the table, or nobody's; another
    /// table's may be good yet. If there is none such, by turns.
    pub(super) fn put(&mut self, stamp: u64, hash: u64, words: &[u64; WORDS], answer: Option<u32>) {
        self.turn = self.turn.wrapping_add(1);
        let (first, second) = self.places(hash);
        let is_old = |line: &Line<WORDS>| {
            let other = (line.head ^ stamp) >> 32;
            line.head >> 32 == 0 || (other != 0 && other & 0xff == 0)
        };
        let old = |at: usize| Some((at, self.sets.get(at)?.lines.iter().position(is_old)?));
        let by_turns = (if self.turn & 1 == 0 { first } else { second }, self.turn / 2 % WAYS);
        let place = old(first).or_else(|| old(second));
        if place.is_none() {
            self.lost_count = self.lost_count.saturating_add(1);
        }
        let (at, way) = place.unwrap_or(by_turns);
        if let Some(line) = self.sets.get_mut(at).and_then(|set| set.lines.get_mut(way)) {
            let head = stamp | u64::from(answer.unwrap_or(NO_SLOT));
            *line = Line { head, words: *words };
        }
    }
}

impl<const WORDS: usize> Desk<WORDS> {
    /// The packed words of key `at`.
    #[inline(always)]
    fn words(&self, at: usize) -> [u64; WORDS] {
        core::array::from_fn(|column| {
            let column = self.columns.get(column);
            column.and_then(|column| column.get(at % BATCH)).copied().unwrap_or(0)
        })
    }

    #[inline(always)]
    fn pack(&mut self, packing: &Packing, compared: &[u64; KEY_WORDS], keys: &[&Key]) {
        for source in packing.sources() {
            let Some(column) = self.columns.get_mut(usize::from(source.column)) else { continue };
            let word = usize::from(source.word) % KEY_WORDS;
            let mask = compared.get(word).copied().unwrap_or(0);
            let of = |key: &Key| key.words().get(word).copied().unwrap_or(0) & mask;
            let places = column.iter_mut().zip(keys);
            let rotation = u32::from(source.rotation);
            match source.is_first {
                true => places.for_each(|(place, key)| *place = of(key)),
                false => places.for_each(|(place, key)| *place |= of(key).rotate_left(rotation)),
            }
        }
        self.columns.iter_mut().skip(packing.column_count()).for_each(|column| column.fill(0));
    }

    /// The hashes of the first `USED` words of each key, beyond which all are 0.
    #[inline(always)]
    fn mix<const USED: usize>(&mut self, hash: HashKey, count: usize) {
        for at in 0..count {
            let mixed = mix::<USED, WORDS>(hash, &self.words(at));
            if let Some(place) = self.hashes.get_mut(at) {
                *place = mixed;
            }
        }
    }
}
