//! What a flow entry does to most packets, in one word: it stands beside the counters of the entry, so that
//! a packet of a large table touches one line of memory for both, and the entry itself not at all.
//!
//! Most entries send to a port, as packets are or behind changes, lead on to another table, or drop. What changes packets lies in a list that
//! entries share ([`Recipes`](crate::rewrite::Recipes)), for a hundred thousand routes have a few next hops.
//! What a lead does not say, the entry's program says.

use hypercall::Port;

/// What an entry does, if it is the usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lead {
    /// The port that packets leave by when they have been changed, or [`Port::NONE`]: they leave by none, or the
    /// program says more.
    pub(crate) port: Port,
    /// The place of the recipe that changes them, [`UNCHANGED`], [`OWN`], or [`ON`] with a table's number.
    recipe: u32,
}

/// Packets leave as they are.
const UNCHANGED: u32 = u32::MAX;
/// The recipe is the entry's own, or all of its program is needed.
const OWN: u32 = u32::MAX - 1;
/// Packets go on to the table whose number the low bits are; no recipe has such a place.
const ON: u32 = u32::MAX << 9;

impl Lead {
    /// That of an entry whose program does something else, or of none.
    pub(crate) const NONE: Lead = Lead { port: Port::NONE, recipe: OWN };
    /// Nothing is done: the packet's way ends.
    pub(crate) const END: Lead = Lead { port: Port::NONE, recipe: UNCHANGED };

    /// Out of `port`, as the packet is.
    pub(crate) fn out(port: Port) -> Lead {
        Lead { port, recipe: UNCHANGED }
    }

    /// On to a table.
    pub(crate) fn on(table_id: u8) -> Lead {
        Lead { port: Port::NONE, recipe: ON | u32::from(table_id) }
    }

    /// The table that packets go on to, if that is all.
    #[inline(always)]
    pub(crate) fn next(self) -> Option<u8> {
        let is_on = self.recipe & !0xff == ON && self.port == Port::NONE;
        is_on.then_some(self.recipe as u8)
    }

    /// Out of `port`, changed by the recipe in this place of the shared ones, or by the entry's own.
    pub(crate) fn changed(port: Port, recipe: Option<u32>) -> Lead {
        Lead { port, recipe: recipe.unwrap_or(OWN) }
    }

    /// Whether packets are changed.
    #[inline(always)]
    pub(crate) fn is_changing(self) -> bool {
        self.recipe != UNCHANGED
    }

    /// The place of the recipe, if it is a shared one; else a place that none is in.
    #[inline(always)]
    pub(crate) fn recipe(self) -> u32 {
        self.recipe
    }

    /// Whether it leaves nothing to the entry.
    #[inline(always)]
    pub(crate) fn is_whole(self) -> bool {
        self.recipe != OWN
    }
}

impl Default for Lead {
    fn default() -> Self {
        Lead::NONE
    }
}
