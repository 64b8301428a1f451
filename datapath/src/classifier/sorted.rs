//! A form for tests: a list, highest rank first. It refuses what a real form might, so that all ways
//! of the machinery are gone: matches on some values go to the overlay, and large tables do not suit.

use alloc::vec::Vec;

use super::compiled::Unsuited;
use super::hash::HashKey;
use super::profile::Profile;
use super::{BATCH, Full, Hit};
use crate::key::{Key, MaskedKey};

/// More entries than this do not suit.
pub(super) const LIMIT: usize = 40;

#[derive(Debug, Default)]
pub(super) struct Sorted {
    entries: Vec<(MaskedKey, Hit)>,
}

/// Whether the form holds such entries when it is made, and when it is there.
fn holds(matching: &MaskedKey) -> (bool, bool) {
    let sum = matching.value().words().iter().fold(0u64, |sum, word| sum.wrapping_add(*word));
    let sum = sum.wrapping_add(sum >> 32);
    (sum % 5 != 0, sum % 3 != 0)
}

impl Sorted {
    fn position(&self, matching: &MaskedKey, hit: Hit) -> Option<usize> {
        self.entries.iter().position(|entry| *entry == (*matching, hit))
    }

    fn put(&mut self, matching: &MaskedKey, hit: Hit) {
        assert_eq!(self.position(matching, hit), None, "an entry comes once");
        let at = self.entries.partition_point(|(_, other)| other.rank > hit.rank);
        self.entries.insert(at, (*matching, hit));
    }

    pub(super) fn find(&self, key: &Key) -> Hit {
        let found = self.entries.iter().find(|(matching, _)| matching.matches(key));
        found.map_or(Hit::NONE, |(_, hit)| *hit)
    }

    pub(super) fn find_batch(&self, keys: &[&Key], wanted: u32, hits: &mut [Hit; BATCH]) {
        for (at, (key, hit)) in keys.iter().zip(hits).enumerate() {
            if wanted >> at & 1 != 0 {
                *hit = hit.or_better(self.find(key));
            }
        }
    }

    pub(super) fn insert(&mut self, matching: &MaskedKey, hit: Hit) -> Result<bool, Full> {
        if self.entries.len() > 2 * LIMIT {
            return Err(Full);
        }
        let (_, is_held) = holds(matching);
        if is_held {
            self.put(matching, hit);
        }
        Ok(is_held)
    }

    pub(super) fn replace(&mut self, matching: &MaskedKey, old: Hit, new: Hit) -> bool {
        if new.rank.0 % 2 == 0 {
            return false;
        }
        let Some(at) = self.position(matching, old) else { return false };
        self.entries.remove(at);
        self.put(matching, new);
        true
    }

    pub(super) fn remove(&mut self, matching: &MaskedKey, hit: Hit) -> bool {
        let at = self.position(matching, hit);
        at.map(|at| self.entries.remove(at)).is_some()
    }

    pub(super) fn entry_count(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn probe_count(&self, key: &Key) -> usize {
        let at = self.entries.iter().position(|(matching, _)| matching.matches(key));
        at.map_or(self.entries.len(), |at| at + 1)
    }

    pub(super) fn memory_len(&self) -> usize {
        self.entries.capacity() * size_of::<(MaskedKey, Hit)>()
    }
}

#[derive(Debug)]
pub(super) struct Builder {
    form: Sorted,
    left: usize,
}

impl Builder {
    pub(super) fn new(_: HashKey, profile: &Profile<'_>) -> Result<Builder, Unsuited> {
        let entry_count: usize = profile.masks().map(|mask| mask.entry_count).sum();
        assert_eq!(entry_count, profile.entry_count());
        if entry_count > LIMIT {
            return Err(Unsuited);
        }
        Ok(Builder { form: Sorted::default(), left: 3 * entry_count })
    }

    pub(super) fn add(&mut self, matching: &MaskedKey, hit: Hit) -> Result<bool, Unsuited> {
        let (is_held, _) = holds(matching);
        if is_held {
            self.form.put(matching, hit);
        }
        Ok(is_held)
    }

    pub(super) fn step(&mut self, budget: usize) -> Result<Option<Sorted>, Unsuited> {
        self.left = self.left.saturating_sub(budget);
        Ok((self.left == 0).then(|| core::mem::take(&mut self.form)))
    }
}
