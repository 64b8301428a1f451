//! The next compiled form of a table, made while the table changes.
//!
//! # Design
//!
//! A build walks over the directory and hands every entry to a template's builder, lets the builder
//! work, and brings the form up to date. The directory changes meanwhile. What comes is kept in an
//! overlay, which becomes the form's; what goes is noted, since the builder may have it; an entry that
//! is replaced goes and comes. The walk leaves out what is in the overlay, so no entry is in both, and
//! the builder never has two of one match and priority. When the form is there, what went is taken out
//! of it and what came is offered to it. All of it is done in slices, so no caller waits.
//!
//! # What it costs
//!
//! The work of the builder, a step of the walk for each place in the directory, and a record for each
//! change during the build.

use ofp_codec::memory::TryBox;

use super::compiled::{Builder, Compiled, Kind, Unsuited};
use super::exact::End;
use super::hash::HashKey;
use super::profile::Profile;
use super::tuples::{Cursor, Tuples};
use super::{Full, Hit};
use crate::key::MaskedKey;

/// A form being made.
#[derive(Debug)]
pub(super) struct Build {
    kind: Kind,
    stage: Stage,
    /// Where the walk is that the stage does.
    cursor: Cursor,
    /// Entries that the form does not hold.
    overlay: TryBox<Tuples>,
    /// Entries that went and that the form may hold.
    gone: TryBox<Tuples>,
    /// Entries that the builder refused: what no new build would hold, either.
    refused_count: usize,
    /// The builder when it has made the form, with the memory that it needed for it.
    spent: Option<Builder>,
}

#[derive(Debug)]
enum Stage {
    /// The walk over the directory.
    Gather(Builder),
    /// The builder's own work.
    Make(Builder),
    /// The walk over those that went.
    Bury(Compiled),
    /// The walk over those that came.
    Offer(Compiled),
    /// Between two others.
    Done,
}

/// A form and the entries that it does not hold.
pub(super) struct Made {
    pub(super) form: Compiled,
    pub(super) overlay: TryBox<Tuples>,
    /// How many of the overlay's entries no form of its kind holds. The others came meanwhile and found no
    /// room in it.
    pub(super) refused_count: usize,
    /// What the build leaves behind.
    pub(super) gone: TryBox<Tuples>,
    pub(super) spent: Option<Builder>,
}

/// What an abandoned build leaves behind.
pub(super) struct Abandoned {
    pub(super) remains: Option<Remains>,
    pub(super) spent: Option<Builder>,
    pub(super) overlay: TryBox<Tuples>,
    pub(super) gone: TryBox<Tuples>,
}

/// What an abandoned build had made.
pub(super) enum Remains {
    Form(Compiled),
    Builder(Builder),
}

impl Build {
    #[inline(never)]
    pub(super) fn new(kind: Kind, hash: HashKey, profile: &Profile<'_>) -> Result<Build, Unsuited> {
        Ok(Build {
            kind,
            stage: Stage::Gather(Builder::new(kind, hash, profile)?),
            cursor: Cursor::default(),
            overlay: Tuples::boxed(hash)?,
            gone: Tuples::boxed(hash)?,
            refused_count: 0,
            spent: None,
        })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Entries that came and went since it began.
    pub(super) fn change_count(&self) -> usize {
        self.overlay.entry_count().saturating_add(self.gone.entry_count())
    }

    pub(super) fn memory_len(&self) -> usize {
        self.overlay.memory_len().saturating_add(self.gone.memory_len())
    }

    /// An entry has come into the directory.
    pub(super) fn came(&mut self, matching: &MaskedKey, hit: Hit) -> Result<(), Full> {
        if let Stage::Offer(form) = &mut self.stage {
            if form.insert(matching, hit) == Ok(true) {
                return Ok(());
            }
        }
        self.overlay.insert(matching, hit)
    }

    /// An entry has gone from the directory.
    pub(super) fn went(&mut self, matching: &MaskedKey, hit: Hit) -> Result<(), Full> {
        if self.overlay.remove(matching, hit.rank.priority()).is_some() {
            return Ok(());
        }
        match &mut self.stage {
            Stage::Gather(_) | Stage::Make(_) => self.gone.insert(matching, hit),
            Stage::Bury(form) | Stage::Offer(form) => {
                form.remove(matching, hit);
                Ok(())
            }
            Stage::Done => Ok(()),
        }
    }

    /// Works for about `budget` microseconds over the entries of `directory`; whether the form is ready.
    ///
    /// Its stages are calls of their own: what each has in hand is on the stack only while it works.
    #[inline(never)]
    pub(super) fn step(&mut self, directory: &Tuples, budget: usize) -> Result<bool, Unsuited> {
        match &mut self.stage {
            Stage::Gather(_) => self.gather(directory, budget)?,
            Stage::Make(builder) => {
                if let Some(form) = builder.step(budget)? {
                    self.cursor = Cursor::default();
                    if let Stage::Make(builder) =
                        core::mem::replace(&mut self.stage, Stage::Bury(form))
                    {
                        self.spent = Some(builder);
                    }
                }
            }
            Stage::Bury(_) => self.bury(budget),
            Stage::Offer(_) => return Ok(self.offer(budget)),
            Stage::Done => {}
        }
        Ok(false)
    }

    #[inline(never)]
    fn gather(&mut self, directory: &Tuples, budget: usize) -> Result<(), Unsuited> {
        let Stage::Gather(builder) = &mut self.stage else { return Ok(()) };
        let (mut matching, mut left) = (MaskedKey::ANY, budget);
        while left > 0 {
            left = left.saturating_sub(1);
            match next(directory, &mut self.cursor, &mut matching) {
                Ok(None) => {}
                Ok(Some(hit)) => {
                    let is_new = self.overlay.entry_count() != 0
                        && self.overlay.get(&matching, hit.rank.priority()).is_some();
                    if !is_new && !builder.add(&matching, hit)? {
                        self.overlay.insert(&matching, hit)?;
                        self.refused_count = self.refused_count.saturating_add(1);
                    }
                    left = left.saturating_sub(builder.take_effort());
                }
                Err(End) => {
                    self.advance();
                    break;
                }
            }
        }
        Ok(())
    }

    #[inline(never)]
    fn bury(&mut self, budget: usize) {
        let Stage::Bury(form) = &mut self.stage else { return };
        let (mut matching, mut left) = (MaskedKey::ANY, budget);
        while left > 0 {
            left = left.saturating_sub(1);
            match next(&self.gone, &mut self.cursor, &mut matching) {
                Ok(None) => {}
                Ok(Some(hit)) => {
                    form.remove(&matching, hit);
                    left = left.saturating_sub(form.take_effort());
                }
                Err(End) => {
                    self.advance();
                    break;
                }
            }
        }
    }

    /// Whether all has been offered.
    #[inline(never)]
    fn offer(&mut self, budget: usize) -> bool {
        let Stage::Offer(form) = &mut self.stage else { return false };
        let (mut matching, mut left) = (MaskedKey::ANY, budget);
        while left > 0 {
            left = left.saturating_sub(1);
            match next(&self.overlay, &mut self.cursor, &mut matching) {
                Ok(None) => {}
                Ok(Some(hit)) => {
                    if form.insert(&matching, hit) == Ok(true) {
                        self.overlay.remove(&matching, hit.rank.priority());
                    }
                    left = left.saturating_sub(form.take_effort());
                }
                Err(End) => return true,
            }
        }
        false
    }

    /// Goes on with what follows a walk.
    fn advance(&mut self) {
        self.cursor = Cursor::default();
        self.stage = match core::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Gather(builder) => Stage::Make(builder),
            Stage::Bury(form) => Stage::Offer(form),
            other => other,
        };
    }

    /// The form, when it is ready.
    pub(super) fn into_made(self) -> Option<Made> {
        let Stage::Offer(form) = self.stage else { return None };
        let Build { overlay, gone, refused_count, spent, .. } = self;
        Some(Made { form, overlay, gone, refused_count, spent })
    }

    /// What an abandoned build leaves behind.
    pub(super) fn into_abandoned(self) -> Abandoned {
        let remains = match self.stage {
            Stage::Bury(form) | Stage::Offer(form) => Some(Remains::Form(form)),
            Stage::Gather(builder) | Stage::Make(builder) => Some(Remains::Builder(builder)),
            Stage::Done => None,
        };
        let Build { overlay, gone, spent, .. } = self;
        Abandoned { remains, spent, overlay, gone }
    }
}

/// The next step of a walk over entries: the match of one is put into `matching`, so that it is on the stack
/// once.
#[inline(never)]
fn next(from: &Tuples, cursor: &mut Cursor, matching: &mut MaskedKey) -> Result<Option<Hit>, End> {
    let Some((found, hit)) = from.walk(cursor)? else { return Ok(None) };
    *matching = found;
    Ok(Some(hit))
}
