//! Which template a table of several masks is compiled into, and the change from one to the next.
//!
//! # Design
//!
//! The directory always answers; a compiled form answers faster. The ladder has the form in use, the
//! *overlay* (entries that the form does not hold, in a hash table for each mask), the form that is
//! being made ([`Build`]), and what earlier forms hold of memory. It is told of every change after the
//! directory, and does a slice of what there is to do each time; [`step`](Ladder::step) does more.
//!
//! A form is begun when the table has masks enough that it pays, and made anew when the overlay has
//! grown to a share of it, or when the table has been at rest for a while and the overlay holds anything
//! that a new form would not refuse again. The templates are tried in their order; one that says
//! [`Unsuited`](super::compiled::Unsuited) is not asked again before the table has grown or shrunk by
//! a quarter. Whatever fails for lack of memory costs speed only: the form is dropped, and the
//! directory answers.
//!
//! While a table grows a hundredfold in a moment, a form of what it was is worth nothing before it is
//! ready. So whoever knows the time can have the ladder [hold back](Ladder::hold_back): no form is begun
//! then, and one beside which more entries stand than in it, of most masks, is given up. What is held back
//! is [owed](Ladder::is_owed), and made up for later or when the table is at rest.
//!
//! # What it costs
//!
//! A lookup: the form's, and the overlay's probes while it has entries. A change: the form's insert or
//! remove and a slice of work, [`SLICE`] microseconds or so. The swap of forms is a move; the old form
//! is freed in slices.

use alloc::vec::Vec;

use arrayvec::ArrayVec;
use ofp_codec::memory::TryBox;

use super::build::{Build, Remains};
use super::compiled::{Builder, Compiled, Kind, Unsuited};
use super::directory::{Directory, Former};
use super::hash::HashKey;
use super::lpm::Lpm;
use super::profile::Profile;
use super::tuples::Tuples;
use super::{BATCH, Hit, Template};
use crate::key::{Key, MaskedKey};

/// Microseconds of building that a change of the table does.
const SLICE: usize = 4;
/// Pages freed in a microsecond of a step.
const PAGES_PER_UNIT: usize = 1;
/// Masks from which a compiled form is made, and below which it is given up; so many more in tables of
/// more than [`MANY_ENTRIES`], whose form takes long to make and more memory than the directory. Prefixes
/// are made in place and pay at any size.
const MANY_MASKS: usize = 4;
const FEW_MASKS: usize = 3;
const MORE_MASKS: usize = 8;
const MANY_ENTRIES: usize = 200_000;
/// Entries in the overlay, beside an eighth of the form's, before a form is made anew.
const OVERLAY: usize = 32;

/// The compiled form of a table, and what becomes of it.
#[derive(Debug)]
pub(super) struct Ladder {
    compiled: Option<Compiled>,
    /// Entries that are not in `compiled`; there with it.
    overlay: Option<TryBox<Tuples>>,
    build: Option<Build>,
    retired: Vec<Retired>,
    refusals: ArrayVec<Refusal, { Kind::COUNT }>,
    /// The forms that are tried, in their order.
    kinds: &'static [Kind],
    hash: HashKey,
    /// Whether [`step`](Ladder::step) has something to do.
    has_work: bool,
    /// Entries in the overlay since the form was taken into use: those that it refused.
    refused_count: usize,
    /// The table is at rest, so that a lighter overlay is worth a new form, too.
    is_resting: bool,
    /// No form is to be begun.
    holds_back: bool,
    /// The table has changed while no form was to be begun.
    is_owed: bool,
}

/// A template did not suit.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    kind: Kind,
    /// How many entries and masks there were.
    entry_count: usize,
    mask_count: usize,
}

/// What is to be freed.
#[derive(Debug)]
enum Retired {
    Compiled(Compiled),
    Builder(Builder),
    Former(Former),
}

impl Retired {
    #[inline(never)]
    fn free(&mut self, pages: usize) -> bool {
        match self {
            Retired::Compiled(form) => form.free(pages),
            Retired::Builder(builder) => builder.free(pages),
            Retired::Former(form) => form.free(pages),
        }
    }
}

impl Ladder {
    pub(super) fn new(hash: HashKey) -> Ladder {
        Ladder {
            compiled: None,
            overlay: None,
            build: None,
            retired: Vec::new(),
            refusals: ArrayVec::new(),
            kinds: Kind::LADDER,
            hash,
            has_work: false,
            refused_count: 0,
            is_resting: false,
            holds_back: false,
            is_owed: false,
        }
    }

    #[cfg(test)]
    pub(super) fn set_kinds(&mut self, kinds: &'static [Kind]) {
        self.kinds = kinds;
    }

    /// The compiled form in use.
    #[inline]
    pub(super) fn is_compiled(&self) -> bool {
        self.compiled.is_some()
    }

    /// The template in use; `None` when the directory answers.
    pub(super) fn template(&self) -> Option<Template> {
        self.compiled.as_ref().map(|form| form.kind().template())
    }

    /// Whether the form that answers is the one that is wanted, and nothing is left to be freed.
    pub(super) fn is_settled(&self) -> bool {
        !self.has_work
    }

    /// The best entry that `key` matches, while [`is_compiled`](Self::is_compiled).
    #[inline]
    pub(super) fn find(&self, key: &Key) -> Hit {
        let hit = self.compiled.as_ref().map_or(Hit::NONE, |form| form.find(key));
        match &self.overlay {
            Some(overlay) if overlay.entry_count() != 0 => hit.or_better(overlay.find(key)),
            _ => hit,
        }
    }

    /// [`find`](Self::find) for each of `keys`.
    pub(super) fn find_batch(&self, keys: &[&Key], hits: &mut [Hit; BATCH]) {
        if let Some(form) = &self.compiled {
            let wanted = 1u64.wrapping_shl(keys.len() as u32).wrapping_sub(1) as u32;
            form.find_batch(keys, wanted, hits);
        }
        if let Some(overlay) = self.overlay.as_ref().filter(|overlay| overlay.entry_count() != 0) {
            overlay.find_batch(keys, hits);
        }
    }

    /// The form that finds all that a table has beside `any`, if no rank needs to be looked at.
    #[inline]
    pub(super) fn prefixes_above(&self, any: Hit) -> Option<&Lpm> {
        let is_beside = self.overlay.as_ref().is_some_and(|overlay| overlay.entry_count() != 0);
        match &self.compiled {
            Some(Compiled::Lpm(form)) if !is_beside && form.is_above(any) => Some(form),
            _ => None,
        }
    }

    /// An entry has come into the directory.
    pub(super) fn came(&mut self, directory: &Directory, matching: &MaskedKey, hit: Hit) {
        if let (Some(form), Some(overlay)) = (&mut self.compiled, &mut self.overlay) {
            let is_held =
                form.insert(matching, hit) == Ok(true) || overlay.insert(matching, hit).is_ok();
            if !is_held {
                self.drop_compiled();
            }
        }
        if self.build.as_mut().is_some_and(|build| build.came(matching, hit).is_err()) {
            self.drop_build();
        }
        self.changed(directory);
    }

    /// An entry has gone from the directory.
    pub(super) fn went(&mut self, directory: &Directory, matching: &MaskedKey, hit: Hit) {
        if let (Some(form), Some(overlay)) = (&mut self.compiled, &mut self.overlay) {
            let is_gone = overlay.remove(matching, hit.rank.priority()).is_some()
                || form.remove(matching, hit);
            debug_assert!(is_gone, "an entry is in the form or in the overlay");
            if !is_gone {
                self.drop_compiled();
            }
        }
        if self.build.as_mut().is_some_and(|build| build.went(matching, hit).is_err()) {
            self.drop_build();
        }
        self.changed(directory);
    }

    /// An entry has another slot and rank, and the same match and priority.
    pub(super) fn replaced(
        &mut self,
        directory: &Directory,
        matching: &MaskedKey,
        old: Hit,
        new: Hit,
    ) {
        if let (Some(form), Some(overlay)) = (&mut self.compiled, &mut self.overlay) {
            let is_held = overlay.replace(matching, new).is_some()
                || form.replace(matching, old, new)
                || (form.remove(matching, old) && overlay.insert(matching, new).is_ok());
            if !is_held {
                self.drop_compiled();
            }
        }
        let noted = self
            .build
            .as_mut()
            .map(|build| build.went(matching, old).and_then(|()| build.came(matching, new)));
        if noted.is_some_and(|noted| noted.is_err()) {
            self.drop_build();
        }
        self.changed(directory);
    }

    /// All entries have gone from the directory.
    pub(super) fn clear(&mut self) {
        self.drop_build();
        self.drop_compiled();
        self.refusals.clear();
        self.is_resting = false;
        self.is_owed = false;
        self.has_work = !self.retired.is_empty();
    }

    /// The directory has left a form behind.
    pub(super) fn retire(&mut self, former: Former) {
        self.bin(Retired::Former(former));
        self.has_work = true;
    }

    /// Whether a form is being made.
    pub(super) fn is_building(&self) -> bool {
        self.build.is_some()
    }

    /// Says whether no form is to be begun, however much the table changes.
    pub(super) fn hold_back(&mut self, holds_back: bool) {
        self.holds_back = holds_back;
        self.has_work |= self.is_owed && !holds_back;
    }

    /// Whether a form may be wanted that was not to be begun.
    pub(super) fn is_owed(&self) -> bool {
        self.is_owed
    }

    /// Whether a new form would hold what the overlay does, though the overlay is not yet heavy, or one
    /// is owed.
    pub(super) fn is_loose(&self) -> bool {
        let is_beside = self.compiled.is_some() && self.overlay_count() > self.refused_count;
        self.build.is_none() && (is_beside || self.is_owed)
    }

    /// The table has not changed for a while: what is in the overlay is worth a new form, and nothing is
    /// held back any more.
    pub(super) fn rest(&mut self) {
        self.holds_back = false;
        if self.is_loose() {
            self.is_resting = true;
            self.has_work = true;
        }
    }

    fn changed(&mut self, directory: &Directory) {
        self.is_resting = false;
        self.is_owed |= self.holds_back;
        self.has_work = self.has_work || self.wanted(directory).is_some();
        if self.has_work {
            self.step(directory, SLICE);
        }
    }

    /// Does about `budget` microseconds of what there is to do; whether there is more.
    pub(super) fn step(&mut self, directory: &Directory, budget: usize) -> bool {
        self.has_work = self.work(directory, budget);
        self.has_work
    }

    /// Its parts are calls of their own: each has large values in hand, and together they would be more than
    /// a kernel's stack likes.
    #[inline(never)]
    fn work(&mut self, directory: &Directory, budget: usize) -> bool {
        if let Some(retired) = self.retired.last_mut() {
            if retired.free(budget.saturating_mul(PAGES_PER_UNIT)) {
                // Dropped where it lies.
                self.retired.truncate(self.retired.len().saturating_sub(1));
            }
            return true;
        }
        let Directory::Tuples(tuples) = directory else {
            self.drop_build();
            self.drop_compiled();
            self.is_owed &= self.holds_back;
            return !self.retired.is_empty();
        };
        if self.build.is_none() {
            match self.wanted(directory) {
                None => {
                    self.is_owed &= self.holds_back;
                    return false;
                }
                Some(Wanted::Nothing) => self.drop_compiled(),
                Some(Wanted::Form(kind)) => self.begin(directory, kind),
            }
            return true;
        }
        let Some(build) = &mut self.build else { return false };
        // So many changes that it is better to begin again.
        if build.change_count() > tuples.entry_count().max(OVERLAY) {
            self.drop_build();
            return true;
        }
        match build.step(tuples, budget) {
            Ok(false) => {}
            Ok(true) => self.take(),
            Err(Unsuited) => {
                let kind = build.kind();
                self.drop_build();
                self.refuse(directory, kind);
            }
        }
        true
    }

    /// What the table should change to.
    fn wanted(&self, directory: &Directory) -> Option<Wanted> {
        let Some(profile) = directory.profile() else {
            return self.compiled.as_ref().map(|_| Wanted::Nothing);
        };
        if self.holds_back {
            return self.is_outgrown(&profile).then_some(Wanted::Nothing);
        }
        let least = if self.is_compiled() { FEW_MASKS } else { MANY_MASKS };
        let (entry_count, mask_count) = (profile.entry_count(), profile.mask_count());
        let pays = |kind: Kind| {
            let is_dear = kind != Kind::Lpm && entry_count > MANY_ENTRIES;
            mask_count >= least.saturating_add(if is_dear { MORE_MASKS } else { 0 })
        };
        let best = self.kinds.iter().copied().find(|&kind| {
            let refusal = self.refusals.iter().find(|refusal| refusal.kind == kind);
            pays(kind) && refusal.is_none_or(|refusal| refusal.is_over(entry_count, mask_count))
        });
        let Some(form) = &self.compiled else { return best.map(Wanted::Form) };
        if !pays(form.kind()) {
            return Some(best.map_or(Wanted::Nothing, Wanted::Form));
        }
        let bound = match self.is_resting {
            true => 0,
            false => (form.entry_count() / 8).saturating_add(OVERLAY),
        };
        let is_heavy = self.overlay_count() > self.refused_count.saturating_add(bound);
        match best {
            Some(best) => (is_heavy || best != form.kind()).then_some(Wanted::Form(best)),
            None => is_heavy.then_some(Wanted::Nothing),
        }
    }

    /// Whether so much stands beside the form that lookups are as fast without it.
    fn is_outgrown(&self, profile: &Profile<'_>) -> bool {
        let (Some(form), Some(overlay)) = (&self.compiled, &self.overlay) else { return false };
        overlay.entry_count() > form.entry_count().saturating_add(OVERLAY)
            && overlay.mask_count() > profile.mask_count() / 2
    }

    #[inline(never)]
    fn begin(&mut self, directory: &Directory, kind: Kind) {
        let Some(profile) = directory.profile() else { return };
        self.is_owed = false;
        match Build::new(kind, self.hash, &profile) {
            Ok(build) => self.build = Some(build),
            Err(Unsuited) => self.refuse(directory, kind),
        }
    }

    /// Remembers that a template did not suit the table as it is.
    fn refuse(&mut self, directory: &Directory, kind: Kind) {
        let refusal = Refusal {
            kind,
            entry_count: directory.entry_count(),
            mask_count: directory.mask_count(),
        };
        self.is_resting = false;
        self.refusals.retain(|other| other.kind != kind);
        // There is a place for each kind.
        let _ = self.refusals.try_push(refusal);
    }

    /// Takes a new form into use.
    #[inline(never)]
    fn take(&mut self) {
        let Some(made) = self.build.take().and_then(Build::into_made) else { return };
        self.drop_compiled();
        self.refusals.retain(|refusal| refusal.kind != made.form.kind());
        self.compiled = Some(made.form);
        self.refused_count = made.refused_count.min(made.overlay.entry_count());
        self.overlay = Some(made.overlay);
        self.is_resting = false;
        self.bin(Retired::Former(Former::Tuples(made.gone)));
        if let Some(builder) = made.spent {
            self.bin(Retired::Builder(builder));
        }
    }

    #[inline(never)]
    fn drop_compiled(&mut self) {
        if let Some(form) = self.compiled.take() {
            self.bin(Retired::Compiled(form));
        }
        if let Some(overlay) = self.overlay.take() {
            self.bin(Retired::Former(Former::Tuples(overlay)));
        }
    }

    #[inline(never)]
    fn drop_build(&mut self) {
        if let Some(build) = self.build.take() {
            let left = build.into_abandoned();
            match left.remains {
                Some(Remains::Form(form)) => self.bin(Retired::Compiled(form)),
                Some(Remains::Builder(builder)) => self.bin(Retired::Builder(builder)),
                None => {}
            }
            self.bin(Retired::Former(Former::Tuples(left.overlay)));
            self.bin(Retired::Former(Former::Tuples(left.gone)));
            if let Some(builder) = left.spent {
                self.bin(Retired::Builder(builder));
            }
        }
    }

    fn bin(&mut self, retired: Retired) {
        // Without memory for the list it is freed at once.
        if self.retired.try_reserve(1).is_ok() {
            self.retired.push(retired);
        }
    }

    /// Entries beside the compiled form.
    pub(super) fn overlay_count(&self) -> usize {
        self.overlay.as_ref().map_or(0, |overlay| overlay.entry_count())
    }

    pub(super) fn probe_count(&self, key: &Key) -> usize {
        let form = self.compiled.as_ref().map_or(0, |form| form.probe_count(key));
        form.saturating_add(self.overlay.as_ref().map_or(0, |overlay| overlay.probe_count(key)))
    }

    pub(super) fn memory_len(&self) -> usize {
        self.compiled
            .as_ref()
            .map_or(0, Compiled::memory_len)
            .saturating_add(self.overlay.as_ref().map_or(0, |overlay| overlay.memory_len()))
            .saturating_add(self.build.as_ref().map_or(0, Build::memory_len))
    }
}

/// What a table should change to.
enum Wanted {
    /// The directory alone.
    Nothing,
    Form(Kind),
}

impl Refusal {
    /// Whether a table has changed so much since that the template may be asked again.
    fn is_over(&self, entry_count: usize, mask_count: usize) -> bool {
        let is_other = |then: usize, now: usize| then.abs_diff(now) > then / 4;
        is_other(self.entry_count, entry_count) || is_other(self.mask_count, mask_count)
    }
}
