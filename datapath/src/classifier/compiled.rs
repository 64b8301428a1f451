//! The compiled forms of a table of several masks, behind one face: what finds entries faster than a
//! probe for each mask. A form is made from the directory's entries by a [`Builder`], in slices, and
//! then follows the table's changes as far as it can.
//!
//! # What a form promises
//!
//! * `find` gives the hit of highest rank among its entries that match; `find_batch` improves the hits
//!   of those keys whose bit in `wanted` is set.
//! * `insert` takes in an entry that is not there. It may refuse ([`Ok(false)`](Ok), or an error):
//!   then nothing has changed.
//! * `remove` takes out exactly the entry with that match and that hit; false only when it is not
//!   there. It needs no memory.
//! * `replace` gives the entry with this match and hit another hit of the same priority. It may refuse;
//!   then nothing has changed.
//! * No call does more than some hundred microseconds' work.
//!
//! # What a builder promises
//!
//! * `new` looks at the profile only and refuses ([`Unsuited`]) what it cannot compile.
//! * `add` takes an entry, or says false for one that the form cannot hold beside the others. Entries
//!   come in no order.
//! * `step` works for about as many microseconds as it is told and gives the form when it is done.
//! * Memory that cannot be had and shapes that would take too much are [`Unsuited`], never a panic: the
//!   ladder goes on with the next template.

use ofp_codec::memory::{NoMemory, TryBox};

use super::bitvec::{self, BitVec};
use super::hash::HashKey;
use super::lpm::{self, Lpm};
use super::profile::Profile;
#[cfg(test)]
use super::sorted::{self, Sorted};
use super::tree::{self, Tree};
use super::{BATCH, Full, Hit, Template};
use crate::key::{Key, MaskedKey};

/// The compiled forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Lpm,
    BitVec,
    Tree,
    /// A naive list, which proves the machinery around the forms.
    #[cfg(test)]
    Sorted,
}

impl Kind {
    /// How many there are.
    pub(super) const COUNT: usize = 4;
    /// The order in which the ladder tries them: by what a lookup costs. Of tables with many masks the
    /// tree is the faster one in nearly every set; bit vectors hold what it does not.
    pub(super) const LADDER: &'static [Kind] = &[Kind::Lpm, Kind::Tree, Kind::BitVec];

    pub(super) fn template(self) -> Template {
        match self {
            Kind::Lpm => Template::Lpm,
            Kind::BitVec => Template::BitVec,
            Kind::Tree => Template::Tree,
            #[cfg(test)]
            Kind::Sorted => Template::Tuples,
        }
    }
}

/// A table that a template cannot hold: its shape, or its memory. Not an error of anyone's; the next
/// template is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsuited;

impl From<Full> for Unsuited {
    fn from(_: Full) -> Unsuited {
        Unsuited
    }
}

impl From<NoMemory> for Unsuited {
    fn from(_: NoMemory) -> Unsuited {
        Unsuited
    }
}

/// A compiled form, in memory of its own: it is handed on, and no stack has to hold it.
#[derive(Debug)]
pub(super) enum Compiled {
    Lpm(TryBox<Lpm>),
    BitVec(TryBox<BitVec>),
    Tree(TryBox<Tree>),
    #[cfg(test)]
    Sorted(Sorted),
}

impl Compiled {
    pub(super) fn kind(&self) -> Kind {
        match *self {
            Compiled::Lpm(_) => Kind::Lpm,
            Compiled::BitVec(_) => Kind::BitVec,
            Compiled::Tree(_) => Kind::Tree,
            #[cfg(test)]
            Compiled::Sorted(_) => Kind::Sorted,
        }
    }

    #[inline]
    pub(super) fn find(&self, key: &Key) -> Hit {
        match *self {
            Compiled::Lpm(ref form) => form.find(key),
            Compiled::BitVec(ref form) => form.find(key),
            Compiled::Tree(ref form) => form.find(key),
            #[cfg(test)]
            Compiled::Sorted(ref form) => form.find(key),
        }
    }

    #[inline]
    pub(super) fn find_batch(&self, keys: &[&Key], wanted: u32, hits: &mut [Hit; BATCH]) {
        match *self {
            Compiled::Lpm(ref form) => form.find_batch(keys, wanted, hits),
            Compiled::BitVec(ref form) => form.find_batch(keys, wanted, hits),
            Compiled::Tree(ref form) => form.find_batch(keys, wanted, hits),
            #[cfg(test)]
            Compiled::Sorted(ref form) => form.find_batch(keys, wanted, hits),
        }
    }

    pub(super) fn insert(&mut self, matching: &MaskedKey, hit: Hit) -> Result<bool, Full> {
        match *self {
            Compiled::Lpm(ref mut form) => form.insert(matching, hit),
            Compiled::BitVec(ref mut form) => form.insert(matching, hit),
            Compiled::Tree(ref mut form) => form.insert(matching, hit),
            #[cfg(test)]
            Compiled::Sorted(ref mut form) => form.insert(matching, hit),
        }
    }

    pub(super) fn replace(&mut self, matching: &MaskedKey, old: Hit, new: Hit) -> bool {
        match *self {
            Compiled::Lpm(ref mut form) => form.replace(matching, old, new),
            Compiled::BitVec(ref mut form) => form.replace(matching, old, new),
            Compiled::Tree(ref mut form) => form.replace(matching, old, new),
            #[cfg(test)]
            Compiled::Sorted(ref mut form) => form.replace(matching, old, new),
        }
    }

    pub(super) fn remove(&mut self, matching: &MaskedKey, hit: Hit) -> bool {
        match *self {
            Compiled::Lpm(ref mut form) => form.remove(matching, hit),
            Compiled::BitVec(ref mut form) => form.remove(matching, hit),
            Compiled::Tree(ref mut form) => form.remove(matching, hit),
            #[cfg(test)]
            Compiled::Sorted(ref mut form) => form.remove(matching, hit),
        }
    }

    /// Microseconds that changes took since this was asked last, beyond one each.
    pub(super) fn take_effort(&mut self) -> usize {
        match *self {
            Compiled::Lpm(ref mut form) => form.take_effort(),
            _ => 0,
        }
    }

    pub(super) fn entry_count(&self) -> usize {
        match *self {
            Compiled::Lpm(ref form) => form.entry_count(),
            Compiled::BitVec(ref form) => form.entry_count(),
            Compiled::Tree(ref form) => form.entry_count(),
            #[cfg(test)]
            Compiled::Sorted(ref form) => form.entry_count(),
        }
    }

    pub(super) fn probe_count(&self, key: &Key) -> usize {
        match *self {
            Compiled::Lpm(ref form) => form.probe_count(key),
            Compiled::BitVec(ref form) => form.probe_count(key),
            Compiled::Tree(ref form) => form.probe_count(key),
            #[cfg(test)]
            Compiled::Sorted(ref form) => form.probe_count(key),
        }
    }

    pub(super) fn memory_len(&self) -> usize {
        match *self {
            Compiled::Lpm(ref form) => form.memory_len(),
            Compiled::BitVec(ref form) => form.memory_len(),
            Compiled::Tree(ref form) => form.memory_len(),
            #[cfg(test)]
            Compiled::Sorted(ref form) => form.memory_len(),
        }
    }

    /// Gives back memory, about as many pages of 64 KiB at a time, or one large part, after which the
    /// form is of no more use; whether what is left is little enough to be dropped.
    pub(super) fn free(&mut self, pages: usize) -> bool {
        match *self {
            Compiled::Lpm(ref mut form) => form.free(pages),
            Compiled::BitVec(ref mut form) => form.free(),
            Compiled::Tree(ref mut form) => form.free(),
            #[cfg(test)]
            Compiled::Sorted(_) => true,
        }
    }
}

/// A form that is being made, in memory of its own.
#[derive(Debug)]
pub(super) enum Builder {
    Lpm(TryBox<lpm::Builder>),
    BitVec(TryBox<bitvec::Builder>),
    Tree(TryBox<tree::Builder>),
    #[cfg(test)]
    Sorted(sorted::Builder),
}

impl Builder {
    pub(super) fn new(
        kind: Kind,
        hash: HashKey,
        profile: &Profile<'_>,
    ) -> Result<Builder, Unsuited> {
        match kind {
            Kind::Lpm => Builder::lpm(profile),
            Kind::BitVec => Builder::bitvec(hash, profile),
            Kind::Tree => Builder::tree(hash, profile),
            #[cfg(test)]
            Kind::Sorted => sorted::Builder::new(hash, profile).map(Builder::Sorted),
        }
    }

    // Calls of their own: what each has in hand is on the stack only while it works.

    #[inline(never)]
    fn lpm(profile: &Profile<'_>) -> Result<Builder, Unsuited> {
        Ok(Builder::Lpm(TryBox::new(lpm::Builder::new(profile)?)?))
    }

    #[inline(never)]
    fn bitvec(hash: HashKey, profile: &Profile<'_>) -> Result<Builder, Unsuited> {
        Ok(Builder::BitVec(TryBox::new(bitvec::Builder::new(hash, profile)?)?))
    }

    #[inline(never)]
    fn tree(hash: HashKey, profile: &Profile<'_>) -> Result<Builder, Unsuited> {
        Ok(Builder::Tree(TryBox::new(tree::Builder::new(hash, profile)?)?))
    }

    pub(super) fn add(&mut self, matching: &MaskedKey, hit: Hit) -> Result<bool, Unsuited> {
        match *self {
            Builder::Lpm(ref mut builder) => builder.add(matching, hit),
            Builder::BitVec(ref mut builder) => builder.add(matching, hit),
            Builder::Tree(ref mut builder) => builder.add(matching, hit),
            #[cfg(test)]
            Builder::Sorted(ref mut builder) => builder.add(matching, hit),
        }
    }

    /// As [`Compiled::take_effort`].
    pub(super) fn take_effort(&mut self) -> usize {
        match *self {
            Builder::Lpm(ref mut builder) => builder.take_effort(),
            _ => 0,
        }
    }

    /// Gives back memory, as [`Compiled::free`] does.
    pub(super) fn free(&mut self, pages: usize) -> bool {
        match *self {
            Builder::Lpm(ref mut builder) => builder.free(pages),
            Builder::BitVec(ref mut builder) => builder.free(pages),
            Builder::Tree(ref mut builder) => builder.free(),
            #[cfg(test)]
            Builder::Sorted(_) => true,
        }
    }

    pub(super) fn step(&mut self, budget: usize) -> Result<Option<Compiled>, Unsuited> {
        match *self {
            Builder::Lpm(ref mut builder) => Ok(builder.step()?.map(Compiled::Lpm)),
            Builder::BitVec(ref mut builder) => Ok(builder.step(budget)?.map(Compiled::BitVec)),
            Builder::Tree(ref mut builder) => Ok(builder.step(budget)?.map(Compiled::Tree)),
            #[cfg(test)]
            Builder::Sorted(ref mut builder) => Ok(builder.step(budget)?.map(Compiled::Sorted)),
        }
    }
}
