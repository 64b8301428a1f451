//! The authority on what is in a table: every entry that has match fields, found by mask, value and
//! priority, and a lookup that needs nothing else.
//!
//! Few entries are compared one by one ([`Fixed`]), those of one mask are hashed ([`Exact`]), and of
//! several masks each has its hash table ([`Tuples`]). Moving between the three is bounded work:
//! `Fixed` has few entries, and an `Exact` becomes the first of `Tuples` as it is.

use ofp_codec::memory::TryBox;

use super::exact::Exact;
use super::fixed::Fixed;
use super::hash::HashKey;
use super::profile::Profile;
use super::tuples::Tuples;
use super::{BATCH, Full, Hit, Template};
use crate::key::{Key, MaskedKey, Needs};

/// The entries of a table, by match and priority.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "lookups by one mask are the fastest: no pointer leads to it"
)]
pub(super) enum Directory {
    Fixed(Fixed),
    Exact(Exact),
    /// In memory of its own: it is dear anyway, and no stack has to hold it.
    Tuples(TryBox<Tuples>),
}

/// Places for entries that are all looked at when few entries are left.
const SMALL: usize = 1024;

/// A form that the entries have left, with what memory it holds.
#[derive(Debug)]
pub(super) enum Former {
    Exact(TryBox<Exact>),
    Tuples(TryBox<Tuples>),
}

impl Former {
    /// Gives back memory, some pages at a time; whether that was all.
    pub(super) fn free(&mut self, pages: usize) -> bool {
        match self {
            Former::Exact(form) => form.free(pages),
            Former::Tuples(form) => form.free(pages),
        }
    }
}

impl Directory {
    pub(super) fn new() -> Directory {
        Directory::Fixed(Fixed::default())
    }

    /// Adds an entry that is not there; nothing has changed on an error.
    pub(super) fn insert(
        &mut self,
        hash: HashKey,
        matching: &MaskedKey,
        hit: Hit,
    ) -> Result<(), Full> {
        self.make_room(hash, matching)?;
        match self {
            Directory::Fixed(form) => form.insert(matching, hit),
            Directory::Exact(form) => form.insert(matching.value(), hit),
            Directory::Tuples(form) => form.insert(matching, hit),
        }
    }

    /// Puts `hit` in the place of the entry of the same match and priority, which is returned.
    pub(super) fn replace(&mut self, matching: &MaskedKey, hit: Hit) -> Option<Hit> {
        match self {
            Directory::Fixed(form) => form.replace(matching, hit),
            Directory::Exact(form) if form.has_mask(matching) => {
                form.replace(matching.value(), hit)
            }
            Directory::Exact(_) => None,
            Directory::Tuples(form) => form.replace(matching, hit),
        }
    }

    /// Removes an entry; which it was, and whether it may have been the last of its mask.
    pub(super) fn remove(&mut self, matching: &MaskedKey, priority: u16) -> Option<(Hit, bool)> {
        match self {
            Directory::Fixed(form) => Some((form.remove(matching, priority)?, true)),
            Directory::Exact(form) if form.has_mask(matching) => {
                let hit = form.remove(matching.value(), priority)?;
                Some((hit, form.entry_count() == 0))
            }
            Directory::Exact(_) => None,
            Directory::Tuples(form) => form.remove(matching, priority),
        }
    }

    pub(super) fn get(&self, matching: &MaskedKey, priority: u16) -> Option<Hit> {
        match self {
            Directory::Fixed(form) => form.get(matching, priority),
            Directory::Exact(form) if form.has_mask(matching) => {
                form.get(matching.value(), priority)
            }
            Directory::Exact(_) => None,
            Directory::Tuples(form) => form.get(matching, priority),
        }
    }

    #[inline]
    pub(super) fn find(&self, key: &Key) -> Hit {
        match self {
            Directory::Fixed(form) => form.find(key),
            Directory::Exact(form) => form.find(key),
            Directory::Tuples(form) => form.find(key),
        }
    }

    /// Improves `hits` by [`find`](Self::find) for each of `keys`.
    #[inline]
    pub(super) fn find_batch(&self, keys: &[&Key], hits: &mut [Hit; BATCH]) {
        match self {
            Directory::Fixed(form) => form.find_batch(keys, hits),
            Directory::Exact(form) => form.find_batch(keys, u32::MAX, hits),
            Directory::Tuples(form) => form.find_batch(keys, hits),
        }
    }

    pub(super) fn overlapping(&self, matching: &MaskedKey, priority: u16) -> Option<u32> {
        match self {
            Directory::Fixed(form) => form.overlapping(matching, priority),
            Directory::Exact(form) => form.overlapping(matching, priority),
            Directory::Tuples(form) => form.overlapping(matching, priority),
        }
    }

    /// The masks of a table of several.
    pub(super) fn profile(&self) -> Option<Profile<'_>> {
        match self {
            Directory::Tuples(form) => Some(Profile::new(form)),
            _ => None,
        }
    }

    pub(super) fn template(&self) -> Template {
        match self {
            Directory::Fixed(_) => Template::Fixed,
            Directory::Exact(_) => Template::Exact,
            Directory::Tuples(_) => Template::Tuples,
        }
    }

    pub(super) fn needs(&self) -> Needs {
        match self {
            Directory::Fixed(form) => form.needs(),
            Directory::Exact(form) => form.needs(),
            Directory::Tuples(form) => form.needs(),
        }
    }

    pub(super) fn entry_count(&self) -> usize {
        match self {
            Directory::Fixed(form) => form.entry_count(),
            Directory::Exact(form) => form.entry_count(),
            Directory::Tuples(form) => form.entry_count(),
        }
    }

    pub(super) fn mask_count(&self) -> usize {
        match self {
            Directory::Fixed(form) => form.mask_count(),
            Directory::Exact(_) => 1,
            Directory::Tuples(form) => form.mask_count(),
        }
    }

    /// Whether there are hash tables for more than so many masks.
    #[inline]
    pub(super) fn mask_count_is_over(&self, count: usize) -> bool {
        match self {
            Directory::Fixed(_) | Directory::Exact(_) => false,
            Directory::Tuples(form) => form.mask_count() > count,
        }
    }

    pub(super) fn probe_count(&self, key: &Key) -> usize {
        match self {
            Directory::Fixed(form) => form.probe_count(key),
            Directory::Exact(form) => usize::from(form.applies_to(key)),
            Directory::Tuples(form) => form.probe_count(key),
        }
    }

    /// The average of `measure` over keys made from a few entries from all over the table.
    pub(super) fn sample(&self, count: usize, measure: impl Fn(&Key) -> usize) -> f32 {
        let (mut sum, mut samples) = (0usize, 0usize);
        let mut take = |key: &Key| {
            sum = sum.saturating_add(measure(key));
            samples = samples.saturating_add(1);
        };
        match self {
            Directory::Fixed(form) => form.entries().for_each(|(key, _)| take(key.value())),
            Directory::Exact(form) => form.sample(count).for_each(|key| take(&key)),
            Directory::Tuples(form) => form.sample(count).for_each(|key| take(&key)),
        }
        if samples == 0 { 0.0 } else { sum as f32 / samples as f32 }
    }

    pub(super) fn memory_len(&self) -> usize {
        match self {
            Directory::Fixed(form) => form.memory_len(),
            Directory::Exact(form) => form.memory_len(),
            Directory::Tuples(form) => form.memory_len(),
        }
    }

    /// Falls down the ladder if `matching` does not fit the form.
    ///
    /// Each fall is a call of its own, and the new form is filled where it lies: a form is close to a KiB,
    /// and kernels' stacks are small.
    fn make_room(&mut self, hash: HashKey, matching: &MaskedKey) -> Result<(), Full> {
        match self {
            Directory::Fixed(fixed) if fixed.is_full() => {
                let same_mask = fixed.entries().all(|(key, _)| key.mask() == matching.mask());
                let mask = same_mask.then_some(matching.mask());
                let mut fixed = core::mem::take(fixed);
                let filled = self.open(hash, mask).and_then(|()| self.fill(&fixed));
                if filled.is_err() {
                    self.reopen(&mut fixed);
                }
                filled
            }
            Directory::Exact(exact) if !exact.has_mask(matching) => self.widen(hash),
            _ => Ok(()),
        }
    }

    /// Becomes an empty form: for entries of `mask`, or of several.
    #[inline(never)]
    fn open(&mut self, hash: HashKey, mask: Option<&Key>) -> Result<(), Full> {
        match mask {
            Some(mask) => self.open_exact(hash, mask),
            None => *self = Directory::Tuples(Tuples::boxed(hash)?),
        }
        Ok(())
    }

    #[inline(never)]
    fn open_exact(&mut self, hash: HashKey, mask: &Key) {
        *self = Directory::Exact(Exact::new(hash, mask));
    }

    /// Takes in the entries of the small form.
    fn fill(&mut self, fixed: &Fixed) -> Result<(), Full> {
        match self {
            Directory::Fixed(_) => Ok(()),
            Directory::Exact(exact) => {
                fixed.entries().try_for_each(|(key, hit)| exact.insert(key.value(), hit))
            }
            Directory::Tuples(tuples) => {
                fixed.entries().try_for_each(|(key, hit)| tuples.insert(key, hit))
            }
        }
    }

    /// Goes back to the small form.
    #[inline(never)]
    fn reopen(&mut self, fixed: &mut Fixed) {
        *self = Directory::Fixed(core::mem::take(fixed));
    }

    /// From entries of one mask to entries of several, of which they are the first.
    #[inline(never)]
    fn widen(&mut self, hash: HashKey) -> Result<(), Full> {
        let Directory::Exact(exact) = self else { return Ok(()) };
        let mut tuples = Tuples::boxed(hash)?;
        let id = tuples.reserve(&exact.mask())?;
        tuples.take_over(id, exact);
        *self = Directory::Tuples(tuples);
        Ok(())
    }

    /// Climbs the ladder when entries have gone: half of what `fixed` holds, so that an entry that
    /// comes and goes does not rebuild the table each time. What is left behind is to be freed.
    #[inline(never)]
    pub(super) fn settle(&mut self) -> Option<Former> {
        // A few entries among many free places are not worth the search for them.
        let fits = |count: usize, places: usize| count <= Fixed::CAPACITY / 2 && places <= SMALL;
        let fixed = match self {
            // Nor is it where there is none: the places of a million take 4 ms to look at.
            Directory::Exact(exact) if exact.entry_count() == 0 => Ok(Fixed::default()),
            Directory::Tuples(tuples) if tuples.entry_count() == 0 => Ok(Fixed::default()),
            Directory::Exact(exact) if fits(exact.entry_count(), exact.place_count()) => {
                let mut fixed = Fixed::default();
                exact.entries().try_for_each(|(key, hit)| fixed.insert(&key, hit)).map(|()| fixed)
            }
            Directory::Tuples(tuples) if fits(tuples.entry_count(), tuples.place_count()) => {
                let mut fixed = Fixed::default();
                tuples.entries().try_for_each(|(key, hit)| fixed.insert(&key, hit)).map(|()| fixed)
            }
            Directory::Tuples(tuples) if tuples.mask_count() == 1 => return self.narrow(),
            _ => return None,
        };
        // Without memory for the small form the large one goes on serving.
        let fixed = fixed.ok()?;
        self.leave(fixed)
    }

    /// From entries of several masks to those of the only one left. The rest has no more to be freed than
    /// the places of the masks.
    #[inline(never)]
    fn narrow(&mut self) -> Option<Former> {
        let Directory::Tuples(tuples) = self else { return None };
        if let Some(exact) = tuples.take_only() {
            *self = Directory::Exact(exact);
        }
        None
    }

    /// Goes over to the small form. What is left behind is to be freed in slices; without memory for it
    /// in the meantime it is freed at once.
    #[inline(never)]
    fn leave(&mut self, fixed: Fixed) -> Option<Former> {
        match core::mem::replace(self, Directory::Fixed(fixed)) {
            Directory::Fixed(_) => None,
            Directory::Exact(form) => TryBox::new(form).ok().map(Former::Exact),
            Directory::Tuples(form) => Some(Former::Tuples(form)),
        }
    }

    /// Empties it; what is to be freed in slices.
    pub(super) fn clear(&mut self) -> Option<Former> {
        self.leave(Fixed::default())
    }
}
