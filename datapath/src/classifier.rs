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
//! never the packets that came before. A table is held in one of several *templates*, chosen from
//! its masks as entries come and go:
//!
//! * `fixed`: up to eight entries, compared one after the other, highest priority first;
//! * `exact`: one mask; a hash over the masked words finds the entry, however many there are;
//! * `tuples`: several masks, an `exact` table for each, ordered by highest priority, so that
//!   the search stops when no table left can outrank what was found.
//!
//! Entries without match fields (the table-miss flow entry is one) stand beside the template: they
//! match everything and would otherwise cost a second mask in nearly every table. Moving between
//! templates is bounded work: `fixed` has few entries, and an `exact` table becomes the first of
//! `tuples` as it is.
//!
//! A mask's presence bits (which headers must be there) filter `tuples` before anything is hashed:
//! a table for ARP costs an IPv4 packet one comparison.
//!
//! Hash tables grow bucket by bucket (linear hashing in pages), never by copying the table, so an
//! insert does a bounded amount of work at any size. Hashes are keyed by the switch's seed: hosts
//! and controllers choose what is hashed.
//!
//! Ties: each insert takes a number from a running sequence, and priority and number together are
//! one integer, the *rank*. The higher rank wins everywhere.
//!
//! # What it costs
//!
//! `fixed`: a word or two for each entry that differs early. `exact`: one bucket (a cache line) and
//! one record. `tuples`: that, for each mask that is not filtered out. A batch goes through the
//! stages together (all hashes, all buckets, all records), so that cache misses overlap. Memory:
//! about 16 bytes for buckets and 16 bytes plus the masked words for each entry.
//!
//! # What it does not do
//!
//! Many masks that all apply to a packet are searched one by one. Lookups keep no statistics;
//! [`probe_count`](Classifier::probe_count) tells what a key would cost.

mod buckets;
mod exact;
mod fixed;
mod hash;
mod pages;
mod records;
#[cfg(test)]
mod tests;
mod tuples;

use alloc::collections::TryReserveError;
use alloc::vec::Vec;
use core::fmt;

use exact::Exact;
use fixed::Fixed;
use hash::HashKey;
use tuples::Tuples;

use crate::key::{Key, MaskedKey, Needs};

/// Keys in a batch.
pub const BATCH: usize = 32;

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

/// How a table is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// A few entries, compared one by one.
    Fixed,
    /// One mask, one hash table.
    Exact,
    /// A hash table for each mask.
    Tuples,
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Template::Fixed => "fixed",
            Template::Exact => "exact",
            Template::Tuples => "tuples",
        })
    }
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

impl Hit {
    /// Nothing found; any entry ranks higher.
    const NONE: Hit = Hit { rank: Rank(0), slot: 0 };

    #[inline]
    fn or_better(self, other: Hit) -> Hit {
        if other.rank > self.rank { other } else { self }
    }

    #[inline]
    fn slot(self) -> Option<u32> {
        (self.rank != Rank(0)).then_some(self.slot)
    }
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
    form: Form,
    /// Entries without match fields, lowest rank first.
    any: Vec<Hit>,
    sequence: u64,
    hash: HashKey,
    needs: Needs,
}

#[derive(Debug)]
enum Form {
    Fixed(Fixed),
    Exact(Exact),
    Tuples(Tuples),
}

impl Classifier {
    /// An empty table whose hashes are keyed by `seed`. Takes no memory until entries come.
    pub fn new(seed: u64) -> Classifier {
        Classifier {
            form: Form::Fixed(Fixed::default()),
            any: Vec::new(),
            sequence: 0,
            hash: HashKey::new(seed),
            needs: Needs::default(),
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
    /// gives: of two that match, the one with the higher `sequence` wins. Plain inserts that follow
    /// are newer than all.
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
        let before = self.replace(matching, hit);
        if before.is_some() {
            return Ok(before);
        }
        self.make_room(matching)?;
        match &mut self.form {
            Form::Fixed(form) => form.insert(matching, hit)?,
            Form::Exact(form) => form.insert(matching.value(), hit)?,
            Form::Tuples(form) => form.insert(matching, hit)?,
        }
        self.needs = self.needs.union(matching.needs());
        Ok(None)
    }

    /// Makes the identical entry the newest of its priority; whether there is one.
    pub fn refresh(&mut self, matching: &MaskedKey, priority: u16) -> bool {
        match self.get(matching, priority) {
            Some(slot) => self.insert(matching, priority, slot).is_ok(),
            None => false,
        }
    }

    /// Removes the identical entry; returns its slot.
    pub fn remove(&mut self, matching: &MaskedKey, priority: u16) -> Option<u32> {
        if matching.is_any() {
            let at = self.any.binary_search_by_key(&priority, |hit| hit.rank.priority()).ok()?;
            return Some(self.any.remove(at).slot);
        }
        let (slot, last_of_mask) = match &mut self.form {
            Form::Fixed(form) => (form.remove(matching, priority)?, true),
            Form::Exact(form) if form.has_mask(matching) => {
                (form.remove(matching.value(), priority)?, form.entry_count() == 0)
            }
            Form::Exact(_) => return None,
            Form::Tuples(form) => form.remove(matching, priority)?,
        };
        self.settle();
        if last_of_mask {
            self.needs = match &self.form {
                Form::Fixed(form) => form.needs(),
                Form::Exact(form) => form.needs(),
                Form::Tuples(form) => form.needs(),
            };
        }
        Some(slot)
    }

    /// The slot of the identical entry.
    pub fn get(&self, matching: &MaskedKey, priority: u16) -> Option<u32> {
        if matching.is_any() {
            let at = self.any.binary_search_by_key(&priority, |hit| hit.rank.priority()).ok()?;
            return self.any.get(at).map(|hit| hit.slot);
        }
        match &self.form {
            Form::Fixed(form) => form.get(matching, priority),
            Form::Exact(form) if form.has_mask(matching) => form.get(matching.value(), priority),
            Form::Exact(_) => None,
            Form::Tuples(form) => form.get(matching, priority),
        }
    }

    /// The slot of the entry that `key` hits.
    #[inline]
    pub fn find(&self, key: &Key) -> Option<u32> {
        let hit = match &self.form {
            Form::Fixed(form) => form.find(key),
            Form::Exact(form) => form.find(key),
            Form::Tuples(form) => form.find(key),
        };
        hit.or_better(self.best_any()).slot()
    }

    /// [`find`](Self::find) for each of `keys`, into the same place of `found`. As many as the
    /// shorter of the two.
    pub fn find_batch(&self, keys: &[&Key], found: &mut [Option<u32>]) {
        let any = self.best_any();
        for (keys, found) in keys.chunks(BATCH).zip(found.chunks_mut(BATCH)) {
            let mut hits = [Hit::NONE; BATCH];
            match &self.form {
                Form::Fixed(form) => form.find_batch(keys, &mut hits),
                Form::Exact(form) => form.find_batch(keys, u32::MAX, &mut hits),
                Form::Tuples(form) => form.find_batch(keys, &mut hits),
            }
            for ((found, hit), _) in found.iter_mut().zip(hits).zip(keys) {
                *found = hit.or_better(any).slot();
            }
        }
    }

    /// Some entry of the same priority that a packet could match besides `matching`, the identical
    /// entry excepted (`OFPFF_CHECK_OVERLAP`, §6.4). Looks at every entry of the masks that are
    /// not part of `matching`'s.
    pub fn overlapping(&self, matching: &MaskedKey, priority: u16) -> Option<u32> {
        if !matching.is_any() {
            if let Some(slot) = self.get(&MaskedKey::ANY, priority) {
                return Some(slot);
            }
        }
        match &self.form {
            Form::Fixed(form) => form.overlapping(matching, priority),
            Form::Exact(form) => form.overlapping(matching, priority),
            Form::Tuples(form) => form.overlapping(matching, priority),
        }
    }

    /// How the table is compiled now.
    pub fn template(&self) -> Template {
        match &self.form {
            Form::Fixed(_) => Template::Fixed,
            Form::Exact(_) => Template::Exact,
            Form::Tuples(_) => Template::Tuples,
        }
    }

    /// How much of a packet lookups look at.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// Entries in the table.
    pub fn entry_count(&self) -> usize {
        self.any.len().saturating_add(match &self.form {
            Form::Fixed(form) => form.entry_count(),
            Form::Exact(form) => form.entry_count(),
            Form::Tuples(form) => form.entry_count(),
        })
    }

    /// Different masks in the table, the empty one not counted.
    pub fn mask_count(&self) -> usize {
        match &self.form {
            Form::Fixed(form) => form.mask_count(),
            Form::Exact(_) => 1,
            Form::Tuples(form) => form.mask_count(),
        }
    }

    /// Comparisons of entries (`fixed`) or hash tables searched that a lookup of `key` costs.
    pub fn probe_count(&self, key: &Key) -> usize {
        match &self.form {
            Form::Fixed(form) => form.probe_count(key),
            Form::Exact(form) => usize::from(form.applies_to(key)),
            Form::Tuples(form) => form.probe_count(key),
        }
    }

    /// Bytes of memory held.
    pub fn memory_len(&self) -> usize {
        let any = self.any.capacity().saturating_mul(size_of::<Hit>());
        any.saturating_add(match &self.form {
            Form::Fixed(form) => form.memory_len(),
            Form::Exact(form) => form.memory_len(),
            Form::Tuples(form) => form.memory_len(),
        })
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
        match self.any.binary_search_by_key(&priority, |hit| hit.rank.priority()) {
            Ok(at) => {
                let old = self.any.get_mut(at).map(|old| core::mem::replace(old, hit));
                Ok(old.map(|old| old.slot))
            }
            Err(at) => {
                self.any.try_reserve(1)?;
                self.any.insert(at, hit);
                Ok(None)
            }
        }
    }

    /// Puts `hit` in the place of the identical entry, if there is one.
    fn replace(&mut self, matching: &MaskedKey, hit: Hit) -> Option<u32> {
        match &mut self.form {
            Form::Fixed(form) => form.replace(matching, hit),
            Form::Exact(form) if form.has_mask(matching) => form.replace(matching.value(), hit),
            Form::Exact(_) => None,
            Form::Tuples(form) => form.replace(matching, hit),
        }
    }

    /// Falls down the ladder if `matching` does not fit the template.
    fn make_room(&mut self, matching: &MaskedKey) -> Result<(), Full> {
        match &mut self.form {
            Form::Fixed(fixed) if fixed.is_full() => {
                let same_mask = fixed.entries().all(|(key, _)| key.mask() == matching.mask());
                if same_mask {
                    let mut exact = Exact::new(self.hash, matching.mask());
                    for (key, hit) in fixed.entries() {
                        exact.insert(key.value(), hit)?;
                    }
                    self.form = Form::Exact(exact);
                } else {
                    let mut tuples = Tuples::new(self.hash);
                    for (key, hit) in fixed.entries() {
                        tuples.insert(key, hit)?;
                    }
                    self.form = Form::Tuples(tuples);
                }
            }
            Form::Exact(exact) if !exact.has_mask(matching) => {
                let mut tuples = Tuples::new(self.hash);
                let id = tuples.reserve(&exact.mask())?;
                let exact = core::mem::replace(exact, Exact::new(self.hash, matching.mask()));
                tuples.adopt(id, exact);
                self.form = Form::Tuples(tuples);
            }
            _ => {}
        }
        Ok(())
    }

    /// Climbs the ladder when entries have gone: half of what `fixed` holds, so that an entry that
    /// comes and goes does not rebuild the table each time.
    fn settle(&mut self) {
        let fits = |count: usize| count <= Fixed::CAPACITY / 2;
        let fixed = match &mut self.form {
            Form::Fixed(_) => return,
            Form::Exact(exact) if fits(exact.entry_count()) => {
                let mut fixed = Fixed::default();
                exact.entries().try_for_each(|(key, hit)| fixed.insert(&key, hit)).map(|()| fixed)
            }
            Form::Tuples(tuples) if fits(tuples.entry_count()) => {
                let mut fixed = Fixed::default();
                tuples.entries().try_for_each(|(key, hit)| fixed.insert(&key, hit)).map(|()| fixed)
            }
            Form::Tuples(tuples) => {
                if let Some(exact) = tuples.take_only() {
                    self.form = Form::Exact(exact);
                }
                return;
            }
            Form::Exact(_) => return,
        };
        // Without memory for the small form the large one goes on serving.
        if let Ok(fixed) = fixed {
            self.form = Form::Fixed(fixed);
        }
    }
}
