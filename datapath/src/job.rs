//! Changes that may be about a million flow entries, carried out in slices.
//!
//! # What
//!
//! Deletions and modifications by filter, the removal of groups and meters with the entries that use
//! them, and the search for an entry that overlaps a new one. [`Tables::begin_flow_mod`] and its likes
//! check all that can be checked and start such a change; [`Tables::step`] goes on with it, a bounded
//! number of entries at a time, and says how it ended. [`Tables::flow_mod`] and its likes do both.
//!
//! # Design
//!
//! At most one change is under way, and every other one first brings it to its end, so each finds the
//! tables as the one before has left them: in the order of their beginnings, as if each had been
//! done at once. Only time interferes: entries expire between slices. The place in a table's list
//! moves on when its entry goes ([`Walk::passes`]), so no slice looks for its place.
//!
//! A modification is two passes. The first finds the entries, checks them and takes all the memory; the
//! second changes them, and cannot fail. So it is all or nothing like every other message.
//!
//! # What it costs
//!
//! A unit of the budget is a look at an entry, some 0.1 us where nothing of it is in a cache; changing
//! one is counted as [`CHANGE`] looks, and taking one out of a compiled table as more. `cargo test --release -p rumpswitch-datapath --test scale` prints
//! the slowest slice at a million entries.
//!
//! # What it does not do
//!
//! Tables that are deleted as a whole do not fade: no packet finds any of their entries from the
//! beginning on, and the slices take them out of the lists. What a bundle commits is done at once: packets must see all of it or nothing.

use alloc::collections::VecDeque;
use alloc::vec::{IntoIter, Vec};

use hypercall::Nanos;
use ofp_codec::memory::{TryBox, TryClone};
use ofp_codec::{
    FlowMod, FlowModFailedCode as Code, FlowModFlags, FlowRemovedReason, GroupMod, MeterMod,
    OfpError,
};

use crate::actions::check_instructions;
use crate::counters::NoMemory;
use crate::echo::Echo;
use crate::flow_entry::{FlowEntry, NO_NEIGHBOUR};
use crate::flow_mod::{FULL, Filter};
use crate::journal::Undo;
use crate::key::MaskedKey;
use crate::program::{Op, Program};
use crate::tables::Tables;

/// Looks that the change of one entry is worth.
pub(crate) const CHANGE: u32 = 4;
/// Changes that are kept in one piece of memory.
const CHUNK: usize = 256;

/// A change under way.
#[derive(Debug)]
pub(crate) struct Job {
    started: Nanos,
    work: Work,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a deletion takes no memory: it is how to get some")]
enum Work {
    Delete(Filter, Walk),
    Modify(TryBox<Modify>),
    Users(Users),
    Add(TryBox<Addition>),
}

/// A place in the lists of a row of tables.
#[derive(Debug)]
pub(crate) struct Walk {
    table_id: u8,
    last_table_id: u8,
    next: u32,
}

/// The modification of the entries that a filter selects.
#[derive(Debug)]
struct Modify {
    given: FlowMod,
    filter: Filter,
    walk: Walk,
    ops: Vec<Op>,
    /// Bytes that the changes hold.
    held: u64,
    changes: VecDeque<Vec<Change>>,
    change_count: usize,
    is_checked: bool,
}

/// What one entry becomes.
#[derive(Debug)]
struct Change {
    slot: u32,
    sequence: u64,
    program: Program,
    echo: Echo,
}

/// An entry that is added if none overlaps it.
#[derive(Debug)]
struct Addition {
    given: FlowMod,
    key: MaskedKey,
    walk: Walk,
}

/// The removal of groups or meters and of the entries that use them.
#[derive(Debug)]
struct Users {
    kind: Kind,
    /// All of the kind, or the one in a slot.
    only: Option<u32>,
    /// The next slot to look at.
    next: u32,
    /// Entries that are left, at most.
    left: u32,
    /// What goes when no entry uses it any more.
    used: IntoIter<u32>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Group,
    Meter,
}

impl Walk {
    pub(crate) fn new(tables: &Tables, table_id: u8, last_table_id: u8) -> Walk {
        Walk { table_id, last_table_id, next: first(tables, table_id) }
    }

    /// The entry at this place; the walk goes on behind it.
    fn next(&mut self, tables: &Tables) -> Option<u32> {
        loop {
            if let Some(entry) = tables.entries.get(self.next) {
                return Some(core::mem::replace(&mut self.next, entry.next));
            }
            if self.table_id >= self.last_table_id {
                return None;
            }
            self.table_id = self.table_id.saturating_add(1);
            self.next = first(tables, self.table_id);
        }
    }

    /// The entry in `slot` goes; the one in `behind` was behind it.
    fn passes(&mut self, slot: u32, behind: u32) {
        if self.next == slot {
            self.next = behind;
        }
    }
}

fn first(tables: &Tables, table_id: u8) -> u32 {
    let table = tables.tables.get(usize::from(table_id));
    table.and_then(|table| table.first()).unwrap_or(NO_NEIGHBOUR)
}

impl Users {
    fn has(&self, entry: &FlowEntry) -> bool {
        match (self.kind, self.only) {
            (Kind::Group, None) => entry.program().groups().next().is_some(),
            (Kind::Group, Some(slot)) => entry.uses_group(slot),
            (Kind::Meter, None) => entry.program().meter().is_some(),
            (Kind::Meter, only) => entry.program().meter() == only,
        }
    }

    fn reason(&self) -> FlowRemovedReason {
        match self.kind {
            Kind::Group => FlowRemovedReason::GroupDelete,
            Kind::Meter => FlowRemovedReason::MeterDelete,
        }
    }
}

impl Job {
    pub(crate) fn delete(now: Nanos, filter: Filter, walk: Walk) -> Job {
        Job { started: now, work: Work::Delete(filter, walk) }
    }

    pub(crate) fn modify(
        now: Nanos,
        given: &FlowMod,
        filter: Filter,
        walk: Walk,
        ops: &[Op],
    ) -> Result<Job, OfpError> {
        let mut own = Vec::new();
        own.try_reserve_exact(ops.len()).map_err(|_| FULL)?;
        own.extend_from_slice(ops);
        let modify = Modify {
            given: given.try_clone().map_err(|NoMemory| FULL)?,
            filter,
            walk,
            ops: own,
            held: 0,
            changes: VecDeque::new(),
            change_count: 0,
            is_checked: false,
        };
        let modify = TryBox::new(modify).map_err(|NoMemory| FULL)?;
        Ok(Job { started: now, work: Work::Modify(modify) })
    }

    pub(crate) fn add(
        now: Nanos,
        given: &FlowMod,
        key: &MaskedKey,
        walk: Walk,
    ) -> Result<Job, NoMemory> {
        let addition = Addition { given: given.try_clone()?, key: *key, walk };
        Ok(Job { started: now, work: Work::Add(TryBox::new(addition)?) })
    }

    /// The removal of groups, all or the one in a slot, and of at most `left` entries.
    pub(crate) fn groups(now: Nanos, only: Option<u32>, left: u32, used: Vec<u32>) -> Job {
        let users = Users { kind: Kind::Group, only, next: 0, left, used: used.into_iter() };
        Job { started: now, work: Work::Users(users) }
    }

    /// The same of meters.
    pub(crate) fn meters(now: Nanos, only: Option<u32>, left: u32, used: Vec<u32>) -> Job {
        let users = Users { kind: Kind::Meter, only, next: 0, left, used: used.into_iter() };
        Job { started: now, work: Work::Users(users) }
    }

    /// The entry in `slot` goes; the one in `behind` was behind it.
    pub(crate) fn passes(&mut self, slot: u32, behind: u32) {
        match &mut self.work {
            Work::Delete(_, walk) => walk.passes(slot, behind),
            Work::Modify(modify) => modify.walk.passes(slot, behind),
            Work::Add(addition) => addition.walk.passes(slot, behind),
            Work::Users(_) => {}
        }
    }
}

impl Tables {
    /// Starts what [`flow_mod`](Self::flow_mod) does: most are done at once, and one that may be
    /// about many entries goes on with [`step`](Self::step).
    ///
    /// # Errors
    ///
    /// Those of [`flow_mod`](Self::flow_mod); some of them come with the end of the change.
    pub fn begin_flow_mod(&mut self, now: Nanos, given: &FlowMod) -> Result<(), OfpError> {
        self.finish();
        self.start_flow_mod(now, given)
    }

    /// Starts what [`group_mod`](Self::group_mod) does: see [`begin_flow_mod`](Self::begin_flow_mod).
    ///
    /// # Errors
    ///
    /// Those of [`group_mod`](Self::group_mod).
    pub fn begin_group_mod(&mut self, now: Nanos, given: &GroupMod) -> Result<(), OfpError> {
        self.finish();
        self.start_group_mod(now, given)
    }

    /// Starts what [`meter_mod`](Self::meter_mod) does: see [`begin_flow_mod`](Self::begin_flow_mod).
    ///
    /// # Errors
    ///
    /// Those of [`meter_mod`](Self::meter_mod).
    pub fn begin_meter_mod(&mut self, now: Nanos, given: &MeterMod) -> Result<(), OfpError> {
        self.finish();
        self.start_meter_mod(now, given)
    }

    /// Whether a change is under way.
    pub fn is_busy(&self) -> bool {
        self.job.is_some() || self.job_end.is_some()
    }

    /// Goes on with the change that is under way, for about `budget` looks at an entry; how it ended,
    /// once it has, and `None` while there is more to do. Another operation on the tables brings it to
    /// its end first.
    ///
    /// ```
    /// use hypercall::Nanos;
    /// use ofp_codec::{FlowMod, FlowModCommand};
    /// use rumpswitch_datapath::{SwitchConfig, Tables};
    ///
    /// let mut tables = Tables::new(SwitchConfig::default());
    /// for priority in 0..1000 {
    ///     tables.flow_mod(Nanos(0), &FlowMod { priority, ..FlowMod::default() })?;
    /// }
    /// let all = FlowMod { command: FlowModCommand::Delete, ..FlowMod::default() };
    /// tables.begin_flow_mod(Nanos(0), &all)?;
    /// assert_eq!(tables.step(Nanos(0), 500), None);
    /// assert_eq!(tables.entry_count(), 900);
    /// while tables.step(Nanos(0), 500).is_none() {}
    /// assert_eq!(tables.entry_count(), 0);
    /// # Ok::<(), ofp_codec::OfpError>(())
    /// ```
    pub fn step(&mut self, now: Nanos, budget: u32) -> Option<Result<(), OfpError>> {
        if let Some(end) = self.job_end.take() {
            return Some(end);
        }
        self.run(now, budget)
    }

    /// Works on the change that is under way. It is out of its place meanwhile: a call of its own, since a
    /// change is some hundred bytes, and a kernel's stack is small.
    #[inline(never)]
    fn run(&mut self, now: Nanos, budget: u32) -> Option<Result<(), OfpError>> {
        let Some(mut job) = self.job.take() else { return Some(Ok(())) };
        let end = self.work(now, &mut job, budget);
        if end.is_none() {
            self.job = Some(job);
        }
        end
    }

    /// Brings the change that is under way to its end; how it ended is told by the next
    /// [`step`](Self::step).
    pub(crate) fn finish(&mut self) {
        if let Some(started) = self.job.as_ref().map(|job| job.started) {
            self.job_end = Some(self.complete(started));
        }
    }

    /// Does what has been started to its end.
    pub(crate) fn complete(&mut self, now: Nanos) -> Result<(), OfpError> {
        loop {
            if let Some(end) = self.run(now, u32::MAX) {
                return end;
            }
        }
    }

    fn work(&mut self, now: Nanos, job: &mut Job, budget: u32) -> Option<Result<(), OfpError>> {
        match &mut job.work {
            Work::Delete(filter, walk) => self.work_on_delete(now, filter, walk, budget),
            Work::Modify(modify) => self.work_on_modify(modify, budget),
            Work::Users(users) => self.work_on_users(now, users, budget),
            Work::Add(addition) => self.work_on_addition(now, addition, budget),
        }
    }

    #[inline(never)]
    fn work_on_delete(
        &mut self,
        now: Nanos,
        filter: &Filter,
        walk: &mut Walk,
        budget: u32,
    ) -> Option<Result<(), OfpError>> {
        let mut budget = budget;
        while budget > 0 {
            budget = budget.saturating_sub(1);
            let Some(slot) = walk.next(self) else { return Some(Ok(())) };
            if self.entries.get(slot).is_some_and(|entry| filter.selects(entry)) {
                // Without a journal this needs no memory.
                if let Err(NoMemory) = self.reserve_undo(1) {
                    return Some(Err(FULL));
                }
                budget = budget.saturating_sub(self.removal_cost(slot));
                self.remove_entry(now, slot, FlowRemovedReason::Delete);
            }
        }
        None
    }

    #[inline(never)]
    fn work_on_modify(&mut self, modify: &mut Modify, budget: u32) -> Option<Result<(), OfpError>> {
        let mut budget = budget;
        while budget > 0 && !modify.is_checked {
            budget = budget.saturating_sub(1);
            let Some(slot) = modify.walk.next(self) else {
                modify.is_checked = true;
                // Those that are full have been turned round already.
                if let Some(chunk) = modify.changes.back_mut().filter(|chunk| chunk.len() < CHUNK) {
                    chunk.reverse();
                }
                if self.reserve_undo(modify.change_count).is_err() {
                    return Some(Err(FULL));
                }
                break;
            };
            match self.check_modification(modify, slot) {
                Ok(true) => budget = budget.saturating_sub(CHANGE),
                Ok(false) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        let resets = modify.given.flags.contains(FlowModFlags::RESET_COUNTS);
        while budget > 0 {
            let Some(chunk) = modify.changes.front_mut().filter(|_| modify.is_checked) else {
                return modify.is_checked.then_some(Ok(()));
            };
            budget = budget.saturating_sub(CHANGE);
            match chunk.pop() {
                Some(change) => self.make_change(change, resets),
                None => drop(modify.changes.pop_front()),
            }
        }
        None
    }

    /// Takes the memory for the change of an entry that is selected; whether it is.
    fn check_modification(&mut self, modify: &mut Modify, slot: u32) -> Result<bool, OfpError> {
        let mut scratch = core::mem::take(&mut self.scratch.bytes);
        let change = self.modification(modify, slot, &mut scratch);
        self.scratch.bytes = scratch;
        let Some(change) = change? else { return Ok(false) };
        // One message may be about a million entries.
        let held = change.program.held().saturating_add(change.echo.held());
        modify.held = modify.held.saturating_add(held);
        self.check_room(modify.held)?;
        if modify.changes.back().is_none_or(|chunk| chunk.len() == CHUNK) {
            let mut chunk = Vec::new();
            chunk.try_reserve_exact(CHUNK).map_err(|_| FULL)?;
            modify.changes.try_reserve(1).map_err(|_| FULL)?;
            modify.changes.push_back(chunk);
        }
        if let Some(chunk) = modify.changes.back_mut() {
            chunk.push(change);
            // They are taken from the end, and made in the order of the table.
            if chunk.len() == CHUNK {
                chunk.reverse();
            }
            modify.change_count = modify.change_count.saturating_add(1);
        }
        Ok(true)
    }

    fn modification(
        &self,
        modify: &Modify,
        slot: u32,
        scratch: &mut Vec<u8>,
    ) -> Result<Option<Change>, OfpError> {
        let FlowMod { table_id, matching, instructions, .. } = &modify.given;
        let selected = self.entries.get(slot).filter(|entry| modify.filter.selects(entry));
        let Some(entry) = selected else { return Ok(None) };
        if entry.is_table_miss() {
            check_instructions(self, *table_id, true, matching, instructions)?;
        }
        let program = Program::new(&modify.ops).map_err(|NoMemory| FULL)?;
        let echo = entry.echo.with_instructions(instructions, scratch)?;
        Ok(Some(Change { slot, sequence: entry.sequence, program, echo }))
    }

    /// Changes an entry, unless it has gone meanwhile.
    fn make_change(&mut self, change: Change, resets: bool) {
        let Change { slot, sequence, program, echo } = change;
        if self.entries.get(slot).is_some_and(|entry| entry.sequence == sequence) {
            self.put_instructions(slot, program, echo, resets);
        }
    }

    #[inline(never)]
    fn work_on_users(
        &mut self,
        now: Nanos,
        users: &mut Users,
        budget: u32,
    ) -> Option<Result<(), OfpError>> {
        let mut budget = budget;
        while budget > 0 && users.left > 0 && users.next < self.entries.slot_count() {
            budget = budget.saturating_sub(1);
            let slot = users.next;
            users.next = users.next.saturating_add(1);
            if self.entries.get(slot).is_some_and(|entry| users.has(entry)) {
                budget = budget.saturating_sub(self.removal_cost(slot));
                self.remove_entry(now, slot, users.reason());
                users.left = users.left.saturating_sub(1);
            }
        }
        while budget > 0 {
            budget = budget.saturating_sub(CHANGE);
            let Some(slot) = users.used.next() else { return Some(Ok(())) };
            match users.kind {
                Kind::Group => self.take_group(slot),
                Kind::Meter => self.take_meter(slot),
            }
        }
        None
    }

    /// Takes out a group that no entry uses.
    fn take_group(&mut self, slot: u32) {
        if self.journal.is_none() {
            self.groups.remove(slot, &mut self.counters);
        } else if let Some(group) = self.groups.take_for_now(slot) {
            self.note_undo(|| Undo::GroupRemoved(group));
        }
    }

    /// Takes out a meter that no entry uses.
    fn take_meter(&mut self, slot: u32) {
        if self.journal.is_none() {
            self.meters.remove(slot, &mut self.counters);
        } else if let Some(meter) = self.meters.take_for_now(slot) {
            self.note_undo(|| Undo::MeterRemoved(meter));
        }
    }

    #[inline(never)]
    fn work_on_addition(
        &mut self,
        now: Nanos,
        addition: &mut Addition,
        budget: u32,
    ) -> Option<Result<(), OfpError>> {
        let Addition { given, key, walk } = addition;
        for _ in 0..budget {
            let Some(slot) = walk.next(self) else {
                return Some(self.add_unchecked(now, given));
            };
            let overlaps = |entry: &FlowEntry| {
                entry.priority == given.priority && entry.masked_key().overlaps(key)
            };
            if self.entries.get(slot).is_some_and(overlaps) {
                return Some(Err(OfpError::FlowModFailed(Code::Overlap)));
            }
        }
        None
    }
}
