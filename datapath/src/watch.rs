//! Changes of flow entries, one by one, for those who follow them (ONF's flow monitors).
//!
//! # What
//!
//! While the tables are watched, each entry that comes, changes or goes leaves a record, whatever
//! the reason: a flow-mod, a timeout, the end of its group or meter, a bundle. Whoever watches takes
//! the records after every operation and looks at each as a [`FlowChange`].
//!
//! # Design
//!
//! A record of an entry that is there names its slot and its number in the order of insertions, so a
//! record that has been overtaken (the entry went or was replaced meanwhile) finds nothing and is
//! passed over. A record of an entry that is gone owns the entry, which goes on to the queue of
//! FLOW_REMOVED once it has been looked at. A bundle leaves the records of what it has left behind:
//! they are made at its commit, and an entry that it adds and removes again has none.
//!
//! # What it costs
//!
//! Nothing but a branch while nobody watches. Else less than 200 bytes a record until it is taken; memory that
//! an entry used moves here and is not copied.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use hashbrown::HashSet;
use ofp_codec::memory::NoMemory;
use ofp_codec::multipart::{FlowUpdate, FlowUpdateEvent};
use ofp_codec::{BadRequestCode, FlowRemovedReason, GroupId, Match, OfpError, PortNo, TableId};

use crate::flow_entry::{FlowEntry, Gone};
use crate::flow_mod::Filter;
use crate::journal::Undo;
use crate::program::Program;
use crate::read::FlowCursor;
use crate::tables::Tables;

/// The records that nobody has taken yet.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    changes: VecDeque<Change>,
    /// Records for which there was no memory.
    lost_count: u64,
}

/// One record.
#[derive(Debug)]
enum Change {
    /// The entry came; with the program of the identical one that it replaced.
    Added { slot: u32, sequence: u64, before: Option<Program> },
    /// Its instructions changed.
    Modified { slot: u32, sequence: u64, before: Program },
    /// It went.
    Removed { slot: u32, gone: Gone },
}

/// Entries that one bundle has added, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Born(HashSet<u64, foldhash::fast::FixedState>);

/// What became of a flow entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowChangeKind {
    /// It came, or took the place of the identical one.
    Added {
        /// Whether it took the place of the identical one.
        replaces: bool,
    },
    /// Its instructions changed.
    Modified,
    /// It went.
    Removed(FlowRemovedReason),
}

/// One flow entry and what became of it.
#[derive(Clone, Copy, Debug)]
pub struct FlowChange<'a> {
    kind: FlowChangeKind,
    slot: u32,
    entry: &'a FlowEntry,
    before: Option<&'a Program>,
    is_evicted: bool,
}

/// Which flow entries someone follows.
#[derive(Clone, Debug)]
pub struct FlowFilter {
    filter: Filter,
    table_id: TableId,
}

impl FlowFilter {
    /// The table, or all.
    pub fn table_id(&self) -> TableId {
        self.table_id
    }
}

impl FlowChange<'_> {
    /// What became of the entry.
    pub fn kind(&self) -> FlowChangeKind {
        self.kind
    }

    /// A number that stands for the entry as long as it is there, and for another one later.
    pub fn slot(&self) -> u32 {
        self.slot
    }

    /// Whether the entry went because a flow-mod needed its place, and not by what the flow-mod says.
    pub fn is_evicted(&self) -> bool {
        self.is_evicted
    }

    /// Whether the entry passes a filter. One that has changed passes as what it is or, for where
    /// it sends, as what it was.
    pub fn is_selected(&self, filter: &FlowFilter) -> bool {
        (filter.table_id == TableId::ALL || filter.table_id.0 == self.entry.table_id)
            && filter.filter.selects_change(self.entry, self.before)
    }

    /// The change as a monitor tells it, with or without the entry's instructions.
    ///
    /// # Errors
    ///
    /// [`NoMemory`].
    pub fn update(&self, with_instructions: bool) -> Result<FlowUpdate, NoMemory> {
        let (event, reason) = match self.kind {
            FlowChangeKind::Added { .. } => (FlowUpdateEvent::Added, 0),
            FlowChangeKind::Modified => (FlowUpdateEvent::Modified, 0),
            FlowChangeKind::Removed(reason) => (FlowUpdateEvent::Deleted, reason as u16),
        };
        let entry = self.entry;
        let instructions = match with_instructions {
            true => entry.echo.instructions()?,
            false => Vec::new(),
        };
        Ok(FlowUpdate::Full {
            event,
            reason,
            priority: entry.priority,
            idle_timeout: entry.idle_timeout,
            hard_timeout: entry.hard_timeout,
            table_id: TableId(entry.table_id),
            cookie: entry.cookie,
            matching: entry.echo.matching()?,
            instructions,
        })
    }
}

impl Tables {
    /// Starts or ends leaving a record of each change of a flow entry. Whoever starts it has to take
    /// the records, after every operation: until then they are kept, and removed entries do not
    /// become [`News`](crate::News).
    pub fn set_watched(&mut self, is_watched: bool) {
        if is_watched {
            self.watch.get_or_insert_default();
            return;
        }
        let Some(watch) = self.watch.take() else { return };
        for change in watch.changes {
            if let Change::Removed { gone, .. } = change {
                self.tell_gone(gone);
            }
        }
    }

    /// Whether there are changes to be taken.
    pub fn has_changes(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| !watch.changes.is_empty())
    }

    /// Changes since the watch began for whose records memory was short.
    pub fn lost_change_count(&self) -> u64 {
        self.watch.as_ref().map_or(0, |watch| watch.lost_count)
    }

    /// Takes the next change and lets `look` see it; `None` when there is none.
    ///
    /// ```
    /// use hypercall::Nanos;
    /// use ofp_codec::FlowMod;
    /// use rumpswitch_datapath::{FlowChangeKind, SwitchConfig, Tables};
    ///
    /// let mut tables = Tables::new(SwitchConfig::default());
    /// tables.set_watched(true);
    /// tables.flow_mod(Nanos(0), &FlowMod::default())?;
    /// let kind = tables.next_change(|change| change.kind());
    /// assert_eq!(kind, Some(FlowChangeKind::Added { replaces: false }));
    /// # Ok::<(), ofp_codec::OfpError>(())
    /// ```
    pub fn next_change<R>(&mut self, look: impl FnOnce(FlowChange<'_>) -> R) -> Option<R> {
        loop {
            let (kind, slot, sequence, before) = match self.watch.as_mut()?.changes.pop_front()? {
                Change::Removed { slot, gone } => {
                    let kind = FlowChangeKind::Removed(gone.reason);
                    let (entry, is_evicted) = (&gone.entry, gone.is_evicted);
                    let seen = look(FlowChange { kind, slot, entry, before: None, is_evicted });
                    self.tell_gone(gone);
                    return Some(seen);
                }
                Change::Added { slot, sequence, before } => {
                    (FlowChangeKind::Added { replaces: before.is_some() }, slot, sequence, before)
                }
                Change::Modified { slot, sequence, before } => {
                    (FlowChangeKind::Modified, slot, sequence, Some(before))
                }
            };
            let here = self.entries.get(slot).filter(|entry| entry.sequence == sequence);
            if let Some(entry) = here {
                let before = before.as_ref();
                return Some(look(FlowChange { kind, slot, entry, before, is_evicted: false }));
            }
        }
    }

    /// The entry that is in a slot now, as if `kind` had just become of it.
    pub fn flow_change(&self, slot: u32, kind: FlowChangeKind) -> Option<FlowChange<'_>> {
        let entry = self.entries.get(slot)?;
        Some(FlowChange { kind, slot, entry, before: None, is_evicted: false })
    }

    /// The next flow entry of a cursor, as if it had just come; the rules are those of
    /// [`next_flow_stats`](Self::next_flow_stats).
    pub fn next_flow(&self, cursor: &mut FlowCursor, budget: &mut u32) -> Option<FlowChange<'_>> {
        let slot = self.next_slot(cursor, budget)?;
        self.flow_change(slot, FlowChangeKind::Added { replaces: false })
    }

    /// Which flow entries someone wants to follow: those of a table, at least as specific as the
    /// match, that output to the port.
    ///
    /// # Errors
    ///
    /// BAD_REQUEST/BAD_TABLE_ID, or BAD_MATCH.
    pub fn flow_filter(
        &self,
        table_id: TableId,
        out_port: PortNo,
        matching: &Match,
    ) -> Result<FlowFilter, OfpError> {
        if table_id != TableId::ALL && table_id.0 >= self.config.n_tables {
            return Err(OfpError::BadRequest(BadRequestCode::BadTableId));
        }
        matching.validate()?;
        let filter = Filter::new(matching, 0, 0).sending(self, out_port, GroupId::ANY);
        Ok(FlowFilter { filter, table_id })
    }

    /// Leaves a record of a change that is final.
    pub(crate) fn record(&mut self, change: Undo) {
        match change {
            Undo::Added { slot, sequence, .. } => {
                self.leave(Change::Added { slot, sequence, before: None });
            }
            Undo::Replaced { slot, sequence, entry, .. } => {
                let before = Some(entry.into_program());
                self.leave(Change::Added { slot, sequence, before });
            }
            Undo::Modified { slot, sequence, program, echo, .. } => {
                let now = self.entries.get(slot);
                if now.is_some_and(|entry| !entry.echo.has_instructions_of(&echo)) {
                    self.leave(Change::Modified { slot, sequence, before: program });
                }
            }
            Undo::Removed { slot, gone, .. } => self.record_gone(slot, gone),
            _ => {}
        }
    }

    /// Leaves a record of an entry that is gone, or hands it on where nobody watches.
    pub(crate) fn record_gone(&mut self, slot: u32, gone: Gone) {
        if self.watch.is_none() {
            return self.tell_gone(gone);
        }
        if let Some(Change::Removed { gone, .. }) = self.leave(Change::Removed { slot, gone }) {
            self.tell_gone(gone);
        }
    }

    /// Leaves a record, or gives it back where memory is short.
    fn leave(&mut self, change: Change) -> Option<Change> {
        let watch = self.watch.as_mut()?;
        if watch.changes.try_reserve(1).is_err() {
            watch.lost_count = watch.lost_count.saturating_add(1);
            return Some(change);
        }
        watch.changes.push_back(change);
        None
    }
}

impl Born {
    /// Takes note of a change of a bundle. Returns whether it is the end of an entry that the bundle
    /// itself has brought, of which nobody needs to hear.
    pub(crate) fn note(&mut self, change: &Undo) -> bool {
        match change {
            Undo::Added { sequence, .. } => self.insert(*sequence),
            Undo::Replaced { sequence, entry, .. } if self.0.remove(&entry.sequence) => {
                self.insert(*sequence);
            }
            Undo::Removed { gone, .. } => return self.0.remove(&gone.entry.sequence),
            _ => {}
        }
        false
    }

    /// Short of memory an entry's end is told though its beginning was not, which does no harm.
    fn insert(&mut self, sequence: u64) {
        if self.0.try_reserve(1).is_ok() {
            self.0.insert(sequence);
        }
    }
}
