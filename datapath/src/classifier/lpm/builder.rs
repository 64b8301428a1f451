//! The making of an `lpm` table from the entries that a table has: the shape is told by the masks, all
//! but the values beside the prefixes, and these by the first entry.

use ofp_codec::OxmField;
use ofp_codec::memory::TryBox;

use super::Lpm;
use super::shape::{self, ODD_SHARE, rest_of_mask};
use crate::classifier::Hit;
use crate::classifier::compiled::Unsuited;
use crate::classifier::profile::Profile;
use crate::key::{Key, MaskedKey};

/// An `lpm` table that is being made.
#[derive(Debug)]
pub(in crate::classifier) struct Builder {
    field: OxmField,
    /// What masks compare beside the field.
    rest: Key,
    entry_count: usize,
    refused_count: usize,
    form: Option<TryBox<Lpm>>,
}

impl Builder {
    /// Begins a table with these masks.
    ///
    /// # Errors
    ///
    /// [`Unsuited`] when they are not prefixes of one field, nearly all of them, with the same mask
    /// beside it.
    #[inline(never)]
    pub(in crate::classifier) fn new(profile: &Profile<'_>) -> Result<Builder, Unsuited> {
        let masks = || profile.masks().map(|mask| (mask.mask, mask.entry_count));
        let (field, rest) = shape::common_shape(profile.mask_count(), masks).ok_or(Unsuited)?;
        let entry_count = profile.entry_count();
        Ok(Builder { field, rest, entry_count, refused_count: 0, form: None })
    }

    /// Adds an entry; `false` when the table cannot hold it.
    ///
    /// # Errors
    ///
    /// [`Unsuited`] when more are refused than a table should have beside it, or memory is short.
    pub(in crate::classifier) fn add(
        &mut self,
        matching: &MaskedKey,
        hit: Hit,
    ) -> Result<bool, Unsuited> {
        if self.form.is_none() && rest_of_mask(self.field, matching.mask()) == Some(self.rest) {
            self.begin(matching)?;
        }
        let is_held = match &mut self.form {
            Some(form) => form.insert(matching, hit)?,
            None => false,
        };
        if !is_held {
            self.refused_count = self.refused_count.saturating_add(1);
            if self.refused_count > self.entry_count / ODD_SHARE {
                return Err(Unsuited);
            }
        }
        Ok(is_held)
    }

    /// Makes an empty table, in memory of its own.
    #[inline(never)]
    fn begin(&mut self, matching: &MaskedKey) -> Result<(), Unsuited> {
        self.form = Lpm::new(self.field, matching, self.entry_count)?;
        Ok(())
    }

    /// As [`Lpm::take_effort`].
    pub(in crate::classifier) fn take_effort(&mut self) -> usize {
        self.form.as_mut().map_or(0, |form| form.take_effort())
    }

    /// Gives back memory, some pages at a time; whether that was all.
    pub(in crate::classifier) fn free(&mut self, pages: usize) -> bool {
        self.form.as_mut().is_none_or(|form| form.free(pages))
    }

    /// The table: all the work was done as entries came.
    ///
    /// # Errors
    ///
    /// [`Unsuited`] when it has no entry.
    #[inline(never)]
    pub(in crate::classifier) fn step(&mut self) -> Result<Option<TryBox<Lpm>>, Unsuited> {
        self.form.take().map(Some).ok_or(Unsuited)
    }
}
