//! Several operations as one: what a bundle commits takes effect whole or not at all.
//!
//! # What
//!
//! Between [`Tables::begin`] and [`Tables::commit`] or [`Tables::roll_back`] every operation on flow
//! entries, groups, meters and ports writes down how it is undone. Nothing is forwarded meanwhile, so
//! packets see the state before or the state after.
//!
//! # Design
//!
//! Undoing goes backwards, so each step finds the tables exactly as the operation had left them.
//! That makes undoing exact and simple: slots are handed out last in, first out, so what was removed
//! comes back into its own slot, and programs and group references need no repair. An entry keeps
//! its number in the order of insertions, and with it its place among others of its priority.
//! Nor does undoing need memory: an entry that is removed keeps its place in the classifier until the
//! commit ([`Classifier::vacate`](crate::classifier::Classifier)), and the tables of numbers of groups and
//! meters keep room for those that may come back.
//! Counters and the buckets of meters are put back; nothing could have counted meanwhile. News of removed entries is made at
//! the commit.
//!
//! # What it costs
//!
//! A record for each flow entry, group, meter or port touched, allocated before the operation changes
//! anything: short of memory it fails and is undone like every other failure. Without a journal, one
//! branch an operation.
//!
//! # What it does not do
//!
//! The shape of tables is not journalled.

use alloc::vec::Vec;

use hypercall::{Nanos, Port};

use crate::classifier::VACANT;
use crate::counters::{Load, NoMemory};
use crate::echo::Echo;
use crate::flow_entry::{FlowEntry, Gone};
use crate::groups::{Group, Replaced};
use crate::meters::{Former, Meter};
use crate::ports::Configured;
use crate::program::Program;
use crate::tables::{NewsMark, Tables};
use crate::watch::Born;

/// What was done since the beginning, oldest first.
#[derive(Debug)]
pub(crate) struct Journal {
    undo: Vec<Undo>,
    /// Bytes of entries that are kept for undoing.
    held: u64,
    news: NewsMark,
}

/// How one change is undone.
#[derive(Debug)]
pub(crate) enum Undo {
    /// An entry was added in this slot, with this number, perhaps in the place of one that had gone.
    Added { slot: u32, sequence: u64, is_again: bool },
    /// An entry was removed from this slot.
    Removed { slot: u32, gone: Gone, used: Nanos },
    /// An entry took the place of this one.
    Replaced { slot: u32, sequence: u64, entry: FlowEntry, load: Load, used: Nanos },
    /// The instructions of an entry changed.
    Modified { slot: u32, sequence: u64, program: Program, echo: Echo, load: Load },
    /// A group was added in this slot.
    GroupAdded(u32),
    /// This group was removed.
    GroupRemoved(Group),
    /// The type and buckets of a group changed.
    GroupModified(u32, Replaced),
    /// A meter was added in this slot.
    MeterAdded(u32),
    /// This meter was removed.
    MeterRemoved(Meter),
    /// The flags and bands of a meter changed.
    MeterModified(u32, Former),
    /// What controllers configure of a port was this.
    Port(Port, Configured),
}

impl Journal {
    /// Bytes of entries that are kept for undoing.
    pub(crate) fn held(&self) -> u64 {
        self.held
    }
}

impl Undo {
    fn held(&self) -> u64 {
        match self {
            Undo::Removed { gone, .. } => gone.entry.held(),
            Undo::Replaced { entry, .. } => entry.held(),
            Undo::Modified { program, echo, .. } => program.held().saturating_add(echo.held()),
            _ => 0,
        }
    }
}

impl Tables {
    /// Starts writing down how operations are undone.
    pub fn begin(&mut self) {
        self.finish();
        self.journal = Some(Journal { undo: Vec::new(), held: 0, news: self.news_mark() });
    }

    /// Keeps what was done since [`begin`](Self::begin).
    #[inline(never)]
    pub fn commit(&mut self) {
        let Some(journal) = self.journal.take() else { return };
        self.groups.forget_away();
        self.meters.forget_away();
        self.note_vacancies();
        let mut born = Born::default();
        for undo in journal.undo {
            let is_unheard = self.watch.is_some() && born.note(&undo);
            if let Undo::Removed { gone, .. } = &undo {
                self.give_up_place(&gone.entry);
            }
            match undo {
                Undo::Removed { gone, .. } if is_unheard => self.tell_gone(gone),
                Undo::Removed { slot, gone, .. } => self.record_gone(slot, gone),
                Undo::GroupRemoved(group) => group.free(&mut self.counters),
                Undo::GroupModified(_, replaced) => replaced.free(&mut self.counters),
                Undo::MeterRemoved(meter) => meter.free(&mut self.counters),
                Undo::MeterModified(_, former) => former.free(&mut self.counters),
                change => self.record(change),
            }
        }
    }

    /// Undoes what was done since [`begin`](Self::begin).
    pub fn roll_back(&mut self) {
        let Some(journal) = self.journal.take() else { return };
        for undo in journal.undo.into_iter().rev() {
            match undo {
                Undo::Added { slot, is_again, .. } => self.take_entry(slot, is_again),
                Undo::Removed { slot, gone, used } => {
                    let Gone { entry, load, .. } = gone;
                    self.put_back(slot, entry, load, used);
                }
                Undo::Replaced { slot, entry, load, used, .. } => {
                    self.take_entry(slot, true);
                    self.put_back(slot, entry, load, used);
                }
                Undo::Modified { slot, program, echo, load, .. } => {
                    self.count_references(slot, false);
                    if let Some(entry) = self.entries.get_mut(slot) {
                        entry.set_program(program);
                        entry.echo = echo;
                    }
                    self.count_references(slot, true);
                    self.counters.restore_entry(slot, load);
                }
                Undo::GroupAdded(slot) => self.groups.remove(slot, &mut self.counters),
                Undo::GroupRemoved(group) => self.groups.put_back(group),
                Undo::MeterAdded(slot) => self.meters.remove(slot, &mut self.counters),
                Undo::MeterRemoved(meter) => self.meters.put_back(meter),
                Undo::MeterModified(slot, former) => {
                    self.meters.restore(slot, former, &mut self.counters);
                }
                Undo::GroupModified(slot, replaced) => {
                    self.groups.restore(slot, replaced, &mut self.counters);
                }
                Undo::Port(port, configured) => self.ports.restore(port, configured),
            }
        }
        self.groups.forget_away();
        self.meters.forget_away();
        self.forget_news(journal.news);
    }

    /// Makes sure that `count` changes can be written down.
    pub(crate) fn reserve_undo(&mut self, count: usize) -> Result<(), NoMemory> {
        match &mut self.journal {
            Some(journal) => journal.undo.try_reserve(count).map_err(|_| NoMemory),
            None => Ok(()),
        }
    }

    /// Writes down how a change is undone; without a journal it is final, and what was replaced is
    /// dropped.
    pub(crate) fn note_undo(&mut self, undo: impl FnOnce() -> Undo) {
        if let Some(journal) = &mut self.journal {
            let undo = undo();
            journal.held = journal.held.saturating_add(undo.held());
            journal.undo.push(undo);
        } else if self.watch.is_some() {
            self.record(undo());
        }
    }

    /// Takes an entry out without telling anybody; its slot is free then, and its place in the
    /// classifier, unless another one comes back there.
    fn take_entry(&mut self, slot: u32, keeps_place: bool) {
        self.count_references(slot, false);
        self.timeouts.remove(slot);
        let Some(entry) = self.entries.get(slot) else { return };
        let (key, priority) = (entry.masked_key(), entry.priority);
        self.stirred.add(entry.table_id);
        if let Some(table) = self.tables.get_mut(usize::from(entry.table_id)) {
            match keeps_place {
                true => table.classifier.vacate(&key, priority),
                false => drop(table.classifier.remove(&key, priority)),
            }
            table.unlink(slot, &mut self.entries);
        }
        self.entries.remove(slot);
    }

    /// Takes out of the classifier what is left there of an entry that has gone for good, if no other
    /// one has come into its place.
    fn give_up_place(&mut self, gone: &FlowEntry) {
        let (key, priority) = (gone.masked_key(), gone.priority);
        self.stirred.add(gone.table_id);
        if let Some(table) = self.tables.get_mut(usize::from(gone.table_id)) {
            if table.classifier.get(&key, priority) == Some(VACANT) {
                table.classifier.remove(&key, priority);
            }
        }
    }

    /// Puts an entry back into its slot and its place in the table's list.
    fn put_back(&mut self, slot: u32, entry: FlowEntry, load: Load, used: Nanos) {
        let (key, priority, sequence) = (entry.masked_key(), entry.priority, entry.sequence);
        let (table_id, deadline) = (usize::from(entry.table_id), entry.deadline(used));
        self.stirred.add(entry.table_id);
        // Nothing here needs memory: the slot is the one that became free last, the classifier has
        // kept the place, and lists are not shortened.
        if self.entries.insert(entry) != Ok(slot) {
            return;
        }
        if let Some(table) = self.tables.get_mut(table_id) {
            let _ = table.classifier.insert_as(&key, priority, slot, sequence);
            table.relink(slot, &mut self.entries);
        }
        if let Some(deadline) = deadline.filter(|_| self.timeouts.reserve(slot).is_ok()) {
            self.timeouts.set(slot, deadline);
        }
        self.counters.restore_entry(slot, load);
        self.counters.touch_entry(slot, used);
        self.count_references(slot, true);
    }
}
