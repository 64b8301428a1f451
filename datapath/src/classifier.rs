//! The lookup structure of one flow table: which flow entry matches a key.
//!
//! # What
//!
//! A [`Classifier`] maps masked keys with priorities to slots, the numbers by which a flow table
//! knows its entries. [`find`](Classifier::find) gives the slot of the entry with the highest
//! priority that matches; of several with that priority, the newest.
//!
//! # Design
//!
//! Tables are compiled, traffic is not cached: the cost of a lookup follows the masks in the table,
//! never the packets that came before. Three things hold a table:
//!
//! * The *directory* has every entry, by mask, value and priority, and can answer alone: `fixed` (up to
//!   eight entries, compared one after the other), `exact` (one mask, a hash table) or `tuples` (a hash
//!   table for each mask, in the order of their highest priorities, so that the search stops when none
//!   that is left can outrank what was found).
//! * A *compiled form* over the same entries answers faster where there are several masks: `lpm`
//!   (prefixes of one field), `tree` (cuts on the most selective bits) or `bitvec` (a bit vector for
//!   each range of each field), tried in this order. One that does not suit hands on to the next; when
//!   none does, the directory answers.
//! * The *overlay* has the entries that the form could not take in since it was made.
//!
//! Forms are made in slices ([`step`](Classifier::step)) while the table changes and answers: each change
//! does a few microseconds' work, the switch's ticks do more. The swap is a move, and what is left
//! behind is freed in slices, too. The ladder (`classifier/ladder.rs`) decides: a form from four masks on
//! (but for `lpm`, twelve in tables of 200,000 entries), none below three, a new one when the overlay has grown to an
//! eighth of the form or the table has been at rest. It costs memory and work, never an answer: without
//! memory a form is dropped.
//!
//! Entries without match fields (the table-miss flow entry is one) stand beside all of it: they
//! match everything and would otherwise cost a second mask in nearly every table.
//!
//! A mask's presence bits (which headers must be there) filter `tuples` before anything is hashed:
//! a table for ARP costs an IPv4 packet one comparison.
//!
//! Hash tables grow bucket by bucket (linear hashing in blocks), never by copying the table, so an
//! insert does a bounded amount of work at any size. Hashes are keyed by the switch's seed: hosts
//! and controllers choose what is hashed.
//!
//! Ties: each insert takes a number from a running sequence, and priority and number together are
//! one integer, the *rank*. The higher rank wins everywhere.
//!
//! # What it costs
//!
//! Instructions a lookup in batches of 32, by `benches/gate.sh lookup/NAME`: `exact-1000` 59,
//! `exact2-1000` 63, `exact3-1000` 85. The batch goes through a large table in stages (all hashes, all
//! buckets, all records), so that cache misses overlap: 33 ns at 100,000 entries. Memory of `exact`:
//! about 12 bytes for buckets and 16 bytes plus the masked words for each entry. The forms' costs are in
//! their own essays; `benches/benches/lookup.rs` has a set for each.
//!
//! A change costs the directory's insert, the form's, and a slice. CHECK_OVERLAP
//! ([`overlapping`](Classifier::overlapping)) asks one question of each mask that is part of the new
//! entry's and looks at every entry of the others that have its priority.
//!
//! # What it does not do
//!
//! It does not merge masks into broader ones: from four masks on the tree does better. Entries of one
//! match and many priorities are a list, in which a change looks for its place. Lookups keep no
//! statistics; [`compiled`](Classifier::compiled) asks what a few keys would cost.

mod bitvec;
mod blocks;
mod buckets;
mod build;
mod compiled;
mod directory;
mod exact;
mod fixed;
mod hash;
mod ladder;
mod lpm;
mod pages;
mod profile;
mod records;
#[cfg(test)]
mod sorted;
#[cfg(test)]
mod tests;
mod tree;
mod tuples;

use alloc::collections::TryReserveError;
use alloc::vec::Vec;
use core::fmt;

use directory::Directory;
pub(crate) use hash::HashKey;
use ladder::Ladder;

use arrayvec::ArrayVec;
use ofp_codec::memory::NoMemory;

use crate::flow_cache::Packing;
use crate::key::{KEY_WORDS, Key, MaskedKey, Needs};

/// Keys in a batch.
pub const BATCH: usize = 32;
/// Hash tables that are searched faster than an answer is remembered.
const CHEAP_MASKS: usize = 3;
/// Entries whose probes are counted for a [`TableCompiled`].
const SAMPLES: usize = 64;

/// Words in which keys of a batch are compared with each other before they are looked up.
const WORTH_COMPARING: usize = 4;

/// There is no memory for another entry; nothing was changed (`OFPFMFC_TABLE_FULL`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no memory for another flow entry")
    }
}

impl core::error::Error for Full {}

impl From<TryReserveError> for Full {
    fn from(_: TryReserveError) -> Full {
        Full
    }
}

impl From<NoMemory> for Full {
    fn from(_: NoMemory) -> Full {
        Full
    }
}

/// How a table is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// A few entries, compared one by one.
    Fixed,
    /// One mask, one hash table.
    Exact,
    /// Prefixes of one field.
    Lpm,
    /// Hash tables for several masks.
    Tuples,
    /// Bit vectors over the ranges of each field.
    BitVec,
    /// Cuts on the most selective fields.
    Tree,
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Template::Fixed => "fixed",
            Template::Exact => "exact",
            Template::Lpm => "lpm",
            Template::Tuples => "tuples",
            Template::BitVec => "bitvec",
            Template::Tree => "tree",
        })
    }
}

/// How a flow table is compiled, and what that costs.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct TableCompiled {
    /// The structure that answers.
    pub template: Template,
    /// Entries in the table, those without match fields too.
    pub entry_count: usize,
    /// Different masks, the empty one not counted.
    pub mask_count: usize,
    /// Entries that the structure does not hold and that are searched beside it.
    pub overlay_count: usize,
    /// Bytes that all of it holds: the directory, the structure that answers, and one that is being
    /// made.
    pub memory_len: usize,
    /// What a lookup costs on average, in the template's own steps: entries compared for `fixed`, hash
    /// tables searched for `exact` and `tuples`, steps as its essay counts them for the others. Asked of
    /// a few packets made from the table's own entries; packets are not counted for it.
    pub probes: f32,
    /// Whether nothing is left to be done on the structure.
    pub is_settled: bool,
}

/// Who wins: the higher priority, then the newer. One integer, never 0 for an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(u64);

impl Rank {
    /// Bits of the sequence: 2^48 inserts, eight years at a million a second.
    const SEQUENCE_BITS: u32 = 48;

    fn new(priority: u16, sequence: u64) -> Rank {
        Rank((u64::from(priority) << Self::SEQUENCE_BITS) | sequence)
    }

    fn priority(self) -> u16 {
        (self.0 >> Self::SEQUENCE_BITS) as u16
    }
}

/// An entry that was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hit {
    rank: Rank,
    slot: u32,
}

/// The slot of an entry that is away for a while: see [`Classifier::vacate`].
pub(crate) const VACANT: u32 = u32::MAX;

impl Hit {
    /// Nothing found; any entry ranks higher.
    const NONE: Hit = Hit { rank: Rank(0), slot: 0 };

    #[inline]
    fn or_better(self, other: Hit) -> Hit {
        if other.rank > self.rank { other } else { self }
    }

    /// Itself, if anything was found.
    #[inline]
    fn found(self) -> Option<Hit> {
        (self.rank != Rank(0)).then_some(self)
    }

    #[inline]
    fn slot(self) -> Option<u32> {
        (self.rank != Rank(0)).then_some(self.slot)
    }
}

/// Keys and the places of what they hit, at most [`BATCH`] at a time.
#[inline(always)]
fn chunks<'k, 'f>(
    keys: &'k [&'k Key],
    found: &'f mut [Option<u32>],
) -> impl Iterator<Item = (&'k [&'k Key], &'f mut [Option<u32>])> {
    keys.chunks(BATCH).zip(found.chunks_mut(BATCH))
}

/// The lookup structure of one flow table.
///
/// ```
/// use rumpswitch_datapath::{classifier::Classifier, key::{Key, MaskedKey}};
/// use ofp_codec::OxmField;
///
/// let mut table = Classifier::new(0x5eed);
/// table.insert(&MaskedKey::ANY, 0, 100)?;
/// let mut port_1 = MaskedKey::ANY;
/// port_1.name(OxmField::InPort, 1, None);
/// table.insert(&port_1, 10, 101)?;
///
/// let mut key = Key::default();
/// key.set(OxmField::InPort, 1);
/// assert_eq!(table.find(&key), Some(101));
/// key.set(OxmField::InPort, 2);
/// assert_eq!(table.find(&key), Some(100), "the table-miss flow entry");
/// # Ok::<(), rumpswitch_datapath::classifier::Full>(())
/// ```
#[derive(Debug)]
pub struct Classifier {
    directory: Directory,
    ladder: Ladder,
    /// Entries without match fields, lowest rank first.
    any: Vec<Hit>,
    sequence: u64,
    /// Grows with each change of an answer.
    generation: u64,
    hash: HashKey,
    needs: Needs,
    /// Bits that some entry has compared since the table was empty.
    compared: [u64; KEY_WORDS],
    /// The words that have such bits.
    compared_at: ArrayVec<u8, KEY_WORDS>,
    /// How the bits are put into few words.
    packing: Packing,
}

impl Classifier {
    /// An empty table whose hashes are keyed by `seed`. Takes no memory until entries come.
    pub fn new(seed: u64) -> Classifier {
        let hash = HashKey::new(seed);
        Classifier {
            directory: Directory::new(),
            ladder: Ladder::new(hash),
            any: Vec::new(),
            sequence: 0,
            generation: 0,
            hash,
            needs: Needs::default(),
            compared: [0; KEY_WORDS],
            compared_at: ArrayVec::new_const(),
            packing: Packing::new(),
        }
    }

    /// Adds an entry, or gives the identical entry (same match, same priority) another slot and
    /// makes it the newest; returns the slot that this one had.
    ///
    /// # Errors
    ///
    /// [`Full`] when memory is short; nothing has changed then.
    pub fn insert(
        &mut self,
        matching: &MaskedKey,
        priority: u16,
        slot: u32,
    ) -> Result<Option<u32>, Full> {
        self.insert_as(matching, priority, slot, self.sequence)
    }

    /// [`insert`](Self::insert), with a place among the entries of its priority that the caller
    /// gives: of two that match, the one with the higher `sequence` wins. No two entries have the same
    /// one. Plain inserts that follow are newer than all.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert).
    pub fn insert_as(
        &mut self,
        matching: &MaskedKey,
        priority: u16,
        slot: u32,
        sequence: u64,
    ) -> Result<Option<u32>, Full> {
        let hit = Hit { rank: self.rank(priority, sequence), slot };
        if matching.is_any() {
            return self.insert_any(hit);
        }
        let Some(old) = self.directory.replace(matching, hit) else {
            return self.take_in(matching, hit).map(|()| None);
        };
        self.ladder.replaced(&self.directory, matching, old, hit);
        self.generation = self.generation.wrapping_add(1);
        Ok(Some(old.slot))
    }

    /// [`insert_as`](Self::insert_as) of an entry that [`get`](Self::get) has just not found.
    pub(crate) fn insert_new(
        &mut self,
        matching: &MaskedKey,
        priority: u16,
        slot: u32,
        sequence: u64,
    ) -> Result<(), Full> {
        let hit = Hit { rank: self.rank(priority, sequence), slot };
        match matching.is_any() {
            true => self.insert_any(hit).map(|_| ()),
            false => self.take_in(matching, hit),
        }
    }

    /// Adds an entry with match fields that is not there.
    fn take_in(&mut self, matching: &MaskedKey, hit: Hit) -> Result<(), Full> {
        self.directory.insert(self.hash, matching, hit)?;
        self.needs = self.needs.union(matching.needs());
        self.compare(matching.mask());
        self.ladder.came(&self.directory, matching, hit);
        self.generation = self.generation.wrapping_add(1);
        Ok(())
    }

    /// Makes the identical entry the newest of its priority; whether there is one.
    pub fn refresh(&mut self, matching: &MaskedKey, priority: u16) -> bool {
        match self.get(matching, priority) {
            Some(slot) => self.insert(matching, priority, slot).is_ok(),
            None => false,
        }
    }

    /// Takes the slot of the identical entry away and keeps its place, so that an insertion of the same
    /// match and priority needs no memory. Until that, or its removal, [`get`](Self::get) gives
    /// [`VACANT`]; packets must not come before.
    pub(crate) fn vacate(&mut self, matching: &MaskedKey, priority: u16) {
        if matching.is_any() {
            let at = self.any.binary_search_by_key(&priority, |hit| hit.rank.priority());
            if let Some(hit) = at.ok().and_then(|at| self.any.get_mut(at)) {
                hit.slot = VACANT;
            }
        } else if let Some(old) = self.directory.get(matching, priority) {
            let new = Hit { slot: VACANT, ..old };
            self.directory.replace(matching, new);
            self.ladder.replaced(&self.directory, matching, old, new);
        }
        self.generation = self.generation.wrapping_add(1);
    }

    /// Removes the identical entry; returns its slot.
    pub fn remove(&mut self, matching: &MaskedKey, priority: u16) -> Option<u32> {
        if matching.is_any() {
            let at = self.any.binary_search_by_key(&priority, |hit| hit.rank.priority()).ok()?;
            self.generation = self.generation.wrapping_add(1);
            return Some(self.any.remove(at).slot);
        }
        let (hit, last_of_mask) = self.directory.remove(matching, priority)?;
        if let Some(former) = self.directory.settle() {
            self.ladder.retire(former);
        }
        if last_of_mask {
            self.needs = self.directory.needs();
            if self.directory.entry_count() == 0 {
                self.compare_nothing();
            }
        }
        self.ladder.went(&self.directory, matching, hit);
        self.generation = self.generation.wrapping_add(1);
        Some(hit.slot)
    }

    /// Removes all entries at once, whatever their number; [`step`](Self::step) frees what held them.
    #[inline(never)]
    pub fn clear(&mut self) {
        let any = core::mem::take(&mut self.any);
        if any.is_empty() && self.directory.entry_count() == 0 {
            return;
        }
        self.ladder.clear();
        if let Some(former) = self.directory.clear() {
            self.ladder.retire(former);
        }
        self.needs = Needs::default();
        self.compare_nothing();
        self.generation = self.generation.wrapping_add(1);
    }

    /// The slot of the identical entry.
    pub fn get(&self, matching: &MaskedKey, priority: u16) -> Option<u32> {
        if matching.is_any() {
            let at = self.any.binary_search_by_key(&priority, |hit| hit.rank.priority()).ok()?;
            return self.any.get(at).map(|hit| hit.slot);
        }
        self.directory.get(matching, priority).map(|hit| hit.slot)
    }

    /// The slot of the entry that `key` hits.
    #[inline]
    pub fn find(&self, key: &Key) -> Option<u32> {
        let hit = match self.ladder.is_compiled() {
            false => self.directory.find(key),
            true => self.ladder.find(key),
        };
        hit.or_better(self.best_any()).slot()
    }

    /// [`find`](Self::find) for each of `keys`, into the same place of `found`. As many as the
    /// shorter of the two.
    pub fn find_batch(&self, keys: &[&Key], found: &mut [Option<u32>]) {
        let any = self.best_any();
        // The form is known before the loops, not in them: nothing of another one is read ahead.
        match &self.directory {
            Directory::Exact(form) => {
                chunks(keys, found).for_each(|(keys, found)| form.find_slots(keys, any, found));
            }
            Directory::Fixed(form) => {
                chunks(keys, found).for_each(|(keys, found)| form.find_slots(keys, any, found));
            }
            Directory::Tuples(_) => match (keys, found) {
                // Not a batch, and no arrays for one.
                ([key], [found]) => *found = self.find_dear_one(key),
                (keys, found) => match self.ladder.prefixes_above(any) {
                    Some(form) => chunks(keys, found)
                        .for_each(|(keys, found)| form.find_slots(keys, any.slot(), found)),
                    None => chunks(keys, found)
                        .for_each(|(keys, found)| self.find_tuples(keys, any, found)),
                },
            },
        }
    }

    /// [`find_batch`](Self::find_batch) of a table that [is dear](Self::is_dear).
    pub(crate) fn find_dear(&self, keys: &[&Key], found: &mut [Option<u32>]) {
        let any = self.best_any();
        for (keys, found) in chunks(keys, found) {
            self.find_tuples(keys, any, found);
        }
    }

    /// [`find`](Self::find) as a call of its own.
    #[inline(never)]
    pub(crate) fn find_dear_one(&self, key: &Key) -> Option<u32> {
        let any = self.best_any();
        match self.ladder.prefixes_above(any) {
            Some(form) => form.find_slot(key).or(any.slot()),
            None => self.find(key),
        }
    }

    /// [`find_batch`](Self::find_batch) for up to [`BATCH`] keys of a table of several masks.
    #[inline(never)] // what it has in hand is on the stack only while it works
    fn find_tuples(&self, keys: &[&Key], any: Hit, found: &mut [Option<u32>]) {
        let mut hits = [any; BATCH];
        match self.ladder.is_compiled() {
            false => self.directory.find_batch(keys, &mut hits),
            true => self.ladder.find_batch(keys, &mut hits),
        }
        for ((found, hit), _) in found.iter_mut().zip(&hits).zip(keys) {
            *found = hit.slot();
        }
    }

    /// Some entry of the same priority that a packet could match besides `matching`, the identical
    /// entry excepted (`OFPFF_CHECK_OVERLAP`, §6.4). Looks at every entry of the masks that are
    /// not part of `matching`'s.
    pub fn overlapping(&self, matching: &MaskedKey, priority: u16) -> Option<u32> {
        if !matching.is_any() {
            let any = self.get(&MaskedKey::ANY, priority);
            if let Some(slot) = any.filter(|slot| *slot != VACANT) {
                return Some(slot);
            }
        }
        self.directory.overlapping(matching, priority)
    }

    /// Goes on with the compiling of the table for about `budget` microseconds; whether there is more
    /// to do. Answers do not change by it, only what they cost.
    pub fn step(&mut self, budget: usize) -> bool {
        self.ladder.step(&self.directory, budget)
    }

    /// Whether the table is compiled as it should be: [`step`](Self::step) has nothing to do.
    pub fn is_settled(&self) -> bool {
        self.ladder.is_settled()
    }

    /// Whether entries are searched beside the compiled form that a new form would hold.
    pub fn is_loose(&self) -> bool {
        self.ladder.is_loose()
    }

    /// Whether a compiled form is being made.
    pub(crate) fn is_building(&self) -> bool {
        self.ladder.is_building()
    }

    /// Says whether no compiled form is to be begun, however much the table changes, until it is
    /// [at rest](Self::rest) or told otherwise.
    pub(crate) fn hold_back(&mut self, holds_back: bool) {
        self.ladder.hold_back(holds_back);
    }

    /// Whether the table has changed while no compiled form was to be begun.
    pub(crate) fn is_owed(&self) -> bool {
        self.ladder.is_owed()
    }

    /// Says that the table has not changed for a while, so that it is worth compiling the last few
    /// entries, too.
    pub fn rest(&mut self) {
        self.ladder.rest();
    }

    /// A number that is another one whenever an answer may be. What remembers answers compares it.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether a lookup costs so much that answers are worth remembering: it looks at bit vectors, a
    /// tree, or several hash tables. Others answer as fast as a memory of answers would.
    #[inline]
    pub fn is_dear(&self) -> bool {
        match self.ladder.template() {
            Some(Template::BitVec | Template::Tree) => true,
            Some(_) => false,
            None => self.directory.mask_count_is_over(CHEAP_MASKS),
        }
    }

    /// The bits of a key that an answer hangs on, and perhaps some more: those that entries have
    /// compared since the table was empty.
    #[inline]
    pub(crate) fn compared(&self) -> &[u64; KEY_WORDS] {
        &self.compared
    }

    /// How [these bits](Self::compared) are put into few words.
    #[inline]
    pub(crate) fn packing(&self) -> &Packing {
        &self.packing
    }

    /// An entry compares the bits in `mask`.
    fn compare(&mut self, mask: &Key) {
        let new =
            self.compared.iter().zip(mask.words()).fold(0, |new, (old, bits)| new | bits & !old);
        if new == 0 {
            return;
        }
        for (at, (compared, mask)) in (0u8..).zip(self.compared.iter_mut().zip(mask.words())) {
            if *compared == 0 && *mask != 0 {
                self.compared_at.push(at);
            }
            *compared |= mask;
        }
        self.packing = Packing::of(&self.compared);
    }

    fn compare_nothing(&mut self) {
        self.compared = [0; KEY_WORDS];
        self.compared_at.clear();
        self.packing = Packing::new();
    }

    /// Whether all of `keys` have one answer, because they agree in all that some entry compares: a
    /// table that looks at ingress ports alone, or a run of packets of one flow. The first key that
    /// differs ends the comparison.
    #[inline]
    pub(crate) fn has_one_answer<'k>(
        &self,
        mut keys: impl DoubleEndedIterator<Item = &'k Key> + Clone,
    ) -> bool {
        let (Some(first), Some(last)) = (keys.next(), keys.next_back()) else { return true };
        let at = self.compared_at.as_slice();
        if at.len() > WORTH_COMPARING {
            return false;
        }
        let compared = |at: u8| self.compared.get(usize::from(at)).copied().unwrap_or(0);
        // Two that differ are mostly the first and the last; else word by word, without a question
        // between.
        at.iter().all(|&at| (first.word(at) ^ last.word(at)) & compared(at) == 0)
            && at.iter().all(|&at| {
                let at = at % KEY_WORDS as u8;
                let word = first.word(at);
                keys.clone().fold(0, |all, key| all | (key.word(at) ^ word)) & compared(at) == 0
            })
    }

    /// How the table is compiled, and what that costs.
    pub fn compiled(&self) -> TableCompiled {
        TableCompiled {
            template: self.template(),
            entry_count: self.entry_count(),
            mask_count: self.mask_count(),
            overlay_count: self.overlay_count(),
            memory_len: self.memory_len(),
            probes: self.directory.sample(SAMPLES, |key| self.probe_count(key)),
            is_settled: self.is_settled(),
        }
    }

    /// How the table is compiled now.
    pub fn template(&self) -> Template {
        self.ladder.template().unwrap_or_else(|| self.directory.template())
    }

    /// How much of a packet lookups look at.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// Entries in the table.
    pub fn entry_count(&self) -> usize {
        self.any.len().saturating_add(self.directory.entry_count())
    }

    /// Different masks in the table, the empty one not counted.
    pub fn mask_count(&self) -> usize {
        self.directory.mask_count()
    }

    /// Whether there are more than `count` different masks; cheaper than to count them.
    pub(crate) fn mask_count_is_over(&self, count: usize) -> bool {
        self.directory.mask_count_is_over(count)
    }

    /// Entries that the compiled form does not hold yet and that are searched beside it.
    pub fn overlay_count(&self) -> usize {
        self.ladder.overlay_count()
    }

    /// What a lookup of `key` costs: comparisons of entries (`fixed`), hash tables searched (`exact`,
    /// `tuples`), or the steps that the template counts.
    pub fn probe_count(&self, key: &Key) -> usize {
        match self.ladder.is_compiled() {
            false => self.directory.probe_count(key),
            true => self.ladder.probe_count(key),
        }
    }

    /// Bytes of memory held.
    pub fn memory_len(&self) -> usize {
        let any = self.any.capacity().saturating_mul(size_of::<Hit>());
        any.saturating_add(self.directory.memory_len()).saturating_add(self.ladder.memory_len())
    }

    /// The rank of `sequence`, one higher than it so that no entry's is 0.
    fn rank(&mut self, priority: u16, sequence: u64) -> Rank {
        let last = (1u64 << Rank::SEQUENCE_BITS).wrapping_sub(1);
        let sequence = sequence.saturating_add(1).min(last);
        self.sequence = self.sequence.max(sequence);
        Rank::new(priority, sequence)
    }

    #[inline]
    fn best_any(&self) -> Hit {
        self.any.last().copied().unwrap_or(Hit::NONE)
    }

    fn insert_any(&mut self, hit: Hit) -> Result<Option<u32>, Full> {
        let priority = hit.rank.priority();
        let old = match self.any.binary_search_by_key(&priority, |hit| hit.rank.priority()) {
            Ok(at) => self.any.get_mut(at).map(|old| core::mem::replace(old, hit).slot),
            Err(at) => {
                self.any.try_reserve(1)?;
                self.any.insert(at, hit);
                None
            }
        };
        self.generation = self.generation.wrapping_add(1);
        Ok(old)
    }
}
