//! What the ladder and the templates' builders know of a table before they look at its entries: its
//! masks, each with the number of its entries.

use super::tuples::Tuples;
use crate::key::Key;

/// The masks of a table of several. It is read from what the table's directory keeps for each mask
/// anyway, so it costs nothing to have and is never behind.
#[derive(Clone, Copy)]
pub(super) struct Profile<'a> {
    tuples: &'a Tuples,
}

/// One mask of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct MaskUse {
    pub(super) mask: Key,
    /// Entries that have it.
    pub(super) entry_count: usize,
}

impl<'a> Profile<'a> {
    pub(super) fn new(tuples: &'a Tuples) -> Profile<'a> {
        Profile { tuples }
    }

    /// Entries of all masks.
    pub(super) fn entry_count(&self) -> usize {
        self.tuples.entry_count()
    }

    /// Different masks.
    pub(super) fn mask_count(&self) -> usize {
        self.tuples.mask_count()
    }

    /// The masks, highest priority first. There may be tens of thousands: who looks for something
    /// that a table of many cannot have looks at [`mask_count`](Self::mask_count) first.
    pub(super) fn masks(&self) -> impl Iterator<Item = MaskUse> + 'a {
        self.tuples.masks()
    }
}
