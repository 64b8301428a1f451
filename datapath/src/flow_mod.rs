//! Changes to flow entries: flow-mods, timeouts, and the bookkeeping that both share (§6.4, §6.5).

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use hypercall::Nanos;
use ofp_codec::{
    BadRequestCode, FlowMod, FlowModCommand, FlowModFailedCode as Code, FlowModFlags,
    FlowRemovedReason, GroupId, Match, NO_BUFFER, OfpError, PortNo, TableId,
};

use crate::actions::{compile, output_of};
use crate::classifier::VACANT;
use crate::counters::NoMemory;
use crate::echo::Echo;
use crate::flow_entry::{FlowEntry, Gone};
use crate::flow_table::FlowTable;
use crate::job::{CHANGE, Job, Walk};
use crate::journal::{Journal, Undo};
use crate::key::MaskedKey;
use crate::lead::Lead;
use crate::personality::Features;
use crate::program::{Output, Program};
use crate::tables::{Scratch, Tables};

pub(crate) const FULL: OfpError = OfpError::FlowModFailed(Code::TableFull);

/// Microseconds of compiling that a tick does, and a part of it on one table.
const COMPILING_PER_TICK: usize = 100;
const COMPILING_SLICE: usize = 50;
/// Nanoseconds without a flow-mod after which the last few entries of tables are compiled, too.
const REST: u64 = 50_000_000;
/// Entries of a table in which an overlapping one is looked for at once.
const OVERLAP_AT_ONCE: u32 = 1024;
/// Masks from which the removal of an entry takes twice as long.
const MANY_MASKS: usize = 64;
/// Bytes that allocators do not put by when they are freed.
const LARGE: usize = 4096;
/// Operations for which room is kept.
const KEEP: usize = 256;

fn full(_: NoMemory) -> OfpError {
    FULL
}

/// Which entries a request is about (§6.4): cookie, match and, for deletions and statistics, where
/// they send.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    key: MaskedKey,
    is_any: bool,
    cookie: u64,
    cookie_mask: u64,
    output: Sink<Output>,
    group: Sink<u32>,
}

/// A filter by port or group.
#[derive(Clone, Copy, Debug)]
enum Sink<T> {
    Any,
    Only(T),
    /// One that no entry can name.
    Nowhere,
}

impl Filter {
    pub(crate) fn new(matching: &Match, cookie: u64, cookie_mask: u64) -> Filter {
        let key = MaskedKey::from_match(matching);
        Filter {
            is_any: key.is_any(),
            key,
            cookie: cookie & cookie_mask,
            cookie_mask,
            output: Sink::Any,
            group: Sink::Any,
        }
    }

    /// Adds where entries have to send.
    pub(crate) fn sending(mut self, tables: &Tables, port: PortNo, group: GroupId) -> Filter {
        if port != PortNo::ANY {
            self.output = output_of(port).map_or(Sink::Nowhere, Sink::Only);
        }
        if group != GroupId::ANY {
            self.group = tables.groups.slot(group).map_or(Sink::Nowhere, Sink::Only);
        }
        self
    }

    /// Whether every entry passes.
    fn selects_all(&self) -> bool {
        let (is_anywhere, is_any_group) =
            (matches!(self.output, Sink::Any), matches!(self.group, Sink::Any));
        self.is_any && self.cookie_mask == 0 && is_anywhere && is_any_group
    }

    /// Whether an entry passes, its match being equal to or more specific than the filter's.
    pub(crate) fn selects(&self, entry: &FlowEntry) -> bool {
        self.selects_change(entry, None)
    }

    /// Whether an entry passes that may have sent by another program before.
    pub(crate) fn selects_change(&self, entry: &FlowEntry, before: Option<&Program>) -> bool {
        (self.sends(entry.program()) || before.is_some_and(|before| self.sends(before)))
            && self.passes_besides(entry)
            && (self.is_any || self.key.contains(&entry.masked_key()))
    }

    /// Whether an entry passes, its match aside.
    fn passes(&self, entry: &FlowEntry) -> bool {
        self.sends(entry.program()) && self.passes_besides(entry)
    }

    /// Whether a program outputs where it has to.
    fn sends(&self, program: &Program) -> bool {
        match self.output {
            Sink::Any => true,
            Sink::Only(output) => program.outputs_to(output),
            Sink::Nowhere => false,
        }
    }

    /// Whether an entry passes, its match and its outputs aside.
    fn passes_besides(&self, entry: &FlowEntry) -> bool {
        let group = match self.group {
            Sink::Any => true,
            Sink::Only(group) => entry.uses_group(group),
            Sink::Nowhere => false,
        };
        entry.cookie & self.cookie_mask == self.cookie && group
    }
}

impl Tables {
    /// Adds, modifies or deletes flow entries (§6.4).
    ///
    /// # Errors
    ///
    /// FLOW_MOD_FAILED, BAD_MATCH, BAD_INSTRUCTION, BAD_ACTION, METER_MOD_FAILED/UNKNOWN_METER, or
    /// BAD_REQUEST/BUFFER_UNKNOWN since no packet is ever buffered; nothing has changed then.
    pub fn flow_mod(&mut self, now: Nanos, given: &FlowMod) -> Result<(), OfpError> {
        self.begin_flow_mod(now, given)?;
        self.complete(now)
    }

    /// Checks a flow-mod and does it, or leaves what may be about many entries as a [`Job`].
    #[inline(never)]
    pub(crate) fn start_flow_mod(&mut self, now: Nanos, given: &FlowMod) -> Result<(), OfpError> {
        let deletes =
            matches!(given.command, FlowModCommand::Delete | FlowModCommand::DeleteStrict);
        let is_all = given.table_id == TableId::ALL;
        if (is_all && !deletes) || (!is_all && !self.shape.has_table(given.table_id)) {
            return Err(match !is_all && self.is_hidden(given.table_id) {
                true => OfpError::BadRequest(BadRequestCode::Eperm),
                false => OfpError::FlowModFailed(Code::BadTableId),
            });
        }
        if given.flags.bits() & !self.personality().flow_flags.bits() != 0 {
            return Err(OfpError::FlowModFailed(Code::BadFlags));
        }
        if given.command == FlowModCommand::Add {
            self.check_timeouts(given)?;
        }
        given.matching.validate()?;
        self.shape.check_filter(&given.matching)?;
        self.personality().check_values(&given.matching)?;
        self.changed_at = now;
        // Of all tables only those that have entries come to change.
        if let Some(table) = self.tables.get_mut(usize::from(given.table_id.0)) {
            self.stirred.add(given.table_id.0);
            table.pace(now);
        }
        if deletes {
            return self.delete(now, given).map_err(full);
        }
        let is_miss = given.command != FlowModCommand::Modify && is_table_miss(given);
        self.check_match(given, is_miss)?;
        let mut scratch = core::mem::take(&mut self.scratch);
        let done = self.compile_and_change(now, given, is_miss, &mut scratch);
        if scratch.ops.capacity() > KEEP {
            scratch.ops = Vec::new();
        }
        self.scratch = scratch;
        done
    }

    /// What an addition or a modification does when its match has been checked.
    fn compile_and_change(
        &mut self,
        now: Nanos,
        given: &FlowMod,
        is_miss: bool,
        scratch: &mut Scratch,
    ) -> Result<(), OfpError> {
        let (matching, instructions) = (&given.matching, &given.instructions);
        compile(self, given.table_id, is_miss, matching, instructions, &mut scratch.ops)?;
        if given.buffer_id != NO_BUFFER {
            return Err(OfpError::BadRequest(BadRequestCode::BufferUnknown));
        }
        self.reserve_undo(1).map_err(full)?;
        match given.command {
            FlowModCommand::Add => self.add_checked(now, given, scratch),
            _ => self.modify(now, given, scratch),
        }
    }

    /// Checks whether flow entries may have these timeouts.
    fn check_timeouts(&self, given: &FlowMod) -> Result<(), OfpError> {
        let features = self.personality().features;
        let lacks_idle = given.idle_timeout != 0 && !features.contains(Features::IDLE_TIMEOUT);
        let lacks_hard = given.hard_timeout != 0 && !features.contains(Features::HARD_TIMEOUT);
        match lacks_idle || lacks_hard {
            true => Err(OfpError::FlowModFailed(Code::BadTimeout)),
            false => Ok(()),
        }
    }

    /// Checks whether flow entries of the table may have this match; one that modifies only selects
    /// by it.
    fn check_match(&self, given: &FlowMod, is_miss: bool) -> Result<(), OfpError> {
        let no_table = OfpError::FlowModFailed(Code::BadTableId);
        let table = self.shape.table(given.table_id).ok_or(no_table)?;
        table.check_match(&given.matching)?;
        match given.command == FlowModCommand::Add && !is_miss {
            true => table.check_required(&given.matching),
            false => Ok(()),
        }
    }

    /// Adds an entry, unless it must not overlap others and does. Where there are many, they are
    /// looked at in slices.
    fn add_checked(
        &mut self,
        now: Nanos,
        given: &FlowMod,
        scratch: &mut Scratch,
    ) -> Result<(), OfpError> {
        let key = MaskedKey::from_match(&given.matching);
        if given.flags.contains(FlowModFlags::CHECK_OVERLAP) {
            let table_id = given.table_id.0;
            let table = self.tables.get(usize::from(table_id)).ok_or(FULL)?;
            if table.count > OVERLAP_AT_ONCE && self.journal.is_none() {
                return self.begin_addition(now, given, &key).map_err(full);
            }
            if table.classifier.overlapping(&key, given.priority).is_some() {
                return Err(OfpError::FlowModFailed(Code::Overlap));
            }
        }
        self.add(now, given, &key, scratch)
    }

    /// Leaves an addition as a [`Job`], which looks for overlaps first.
    #[inline(never)]
    fn begin_addition(
        &mut self,
        now: Nanos,
        given: &FlowMod,
        key: &MaskedKey,
    ) -> Result<(), NoMemory> {
        let walk = Walk::new(self, given.table_id.0, given.table_id.0);
        self.job = Some(Job::add(now, given, key, walk)?);
        Ok(())
    }

    /// Adds an entry that has been checked before, its overlap included.
    pub(crate) fn add_unchecked(&mut self, now: Nanos, given: &FlowMod) -> Result<(), OfpError> {
        let key = MaskedKey::from_match(&given.matching);
        let is_miss = given.priority == 0 && key.is_any();
        let (matching, instructions) = (&given.matching, &given.instructions);
        let mut scratch = core::mem::take(&mut self.scratch);
        let compiled =
            compile(self, given.table_id, is_miss, matching, instructions, &mut scratch.ops);
        let done = compiled.and_then(|()| self.add(now, given, &key, &mut scratch));
        self.scratch = scratch;
        done
    }

    fn add(
        &mut self,
        now: Nanos,
        given: &FlowMod,
        key: &MaskedKey,
        scratch: &mut Scratch,
    ) -> Result<(), OfpError> {
        let table = self.tables.get(usize::from(given.table_id.0)).ok_or(FULL)?;
        let program = Program::new(&scratch.ops).map_err(full)?;
        let echo = Echo::new(&given.matching, &given.instructions, &mut scratch.bytes)?;
        let entry = FlowEntry::new(now, given, self.sequence, key.is_any(), program, echo);
        self.check_room(entry.held())?;
        match table.classifier.get(key, given.priority) {
            None => self.insert(now, key, entry, false),
            Some(VACANT) => self.insert(now, key, entry, true),
            Some(slot) => self.replace(now, slot, key, entry),
        }
    }

    /// Adds an entry that is not there, though perhaps its place in the classifier is.
    fn insert(
        &mut self,
        now: Nanos,
        key: &MaskedKey,
        entry: FlowEntry,
        is_vacant: bool,
    ) -> Result<(), OfpError> {
        let table_id = usize::from(entry.table_id);
        let shape = self.shape.table(TableId(entry.table_id));
        let limit = shape.map_or(0, |table| table.max_entries);
        let count = self.tables.get(table_id).ok_or(FULL)?.count;
        let victim = match count < limit {
            true => None,
            // A table that shall hold less than it does gives up no more than one for one.
            false => Some(self.victim(now, entry.table_id).ok_or(FULL)?),
        };
        self.reserve_undo(2).map_err(full)?;
        let slot = self.entries.reserve().map_err(full)?;
        self.counters.ensure_entry(slot).map_err(full)?;
        let deadline = entry.deadline(now);
        if deadline.is_some() {
            self.timeouts.reserve(slot).map_err(full)?;
        }
        let (priority, sequence, table_number) = (entry.priority, entry.sequence, entry.table_id);
        let table = self.tables.get_mut(table_id).ok_or(FULL)?;
        let classifier = &mut table.classifier;
        let done = match is_vacant {
            true => classifier.insert_as(key, priority, slot, sequence).map(|_| ()),
            false => classifier.insert_new(key, priority, slot, sequence),
        };
        done.map_err(|_| FULL)?;
        self.counters.reset_entry(slot);
        self.counters.touch_entry(slot, now);
        self.entries.insert(entry).map_err(full)?;
        table.link(slot, &mut self.entries);
        self.sequence = self.sequence.wrapping_add(1);
        if let Some(deadline) = deadline {
            self.timeouts.set(slot, deadline);
        }
        self.count_references(slot, true);
        self.note_undo(|| Undo::Added { slot, sequence, is_again: is_vacant });
        match victim {
            Some(victim) => {
                self.eviction_count = self.eviction_count.saturating_add(1);
                self.remove(now, victim, FlowRemovedReason::Delete, true);
            }
            None if self.journal.is_none() => self.note_vacancy(table_number),
            None => {}
        }
        Ok(())
    }

    /// An ADD over the identical entry: it becomes the newest, with the new cookie, flags, timeouts
    /// and instructions; it keeps its counters unless told otherwise, and no one is told.
    fn replace(
        &mut self,
        now: Nanos,
        slot: u32,
        key: &MaskedKey,
        entry: FlowEntry,
    ) -> Result<(), OfpError> {
        let deadline = entry.deadline(now);
        if deadline.is_some() {
            self.timeouts.reserve(slot).map_err(full)?;
        }
        let table = self.tables.get_mut(usize::from(entry.table_id)).ok_or(FULL)?;
        let (priority, sequence) = (entry.priority, entry.sequence);
        table.classifier.insert_as(key, priority, slot, sequence).map_err(|_| FULL)?;
        table.unlink(slot, &mut self.entries);
        self.count_references(slot, false);
        let (load, used) = (self.counters.entry(slot), self.counters.entry_used(slot));
        if entry.flags().contains(FlowModFlags::RESET_COUNTS) {
            self.counters.reset_entry(slot);
        }
        self.counters.touch_entry(slot, now);
        let table_id = usize::from(entry.table_id);
        if let Some(place) = self.entries.get_mut(slot) {
            let entry = core::mem::replace(place, entry);
            self.note_undo(|| Undo::Replaced { slot, sequence, entry, load, used });
        }
        if let Some(table) = self.tables.get_mut(table_id) {
            table.link(slot, &mut self.entries);
        }
        self.sequence = self.sequence.wrapping_add(1);
        match deadline {
            Some(deadline) => self.timeouts.set(slot, deadline),
            None => self.timeouts.remove(slot),
        }
        self.count_references(slot, true);
        Ok(())
    }

    #[inline(never)] // what it has in hand is on the stack only while it works
    fn modify(
        &mut self,
        now: Nanos,
        given: &FlowMod,
        scratch: &mut Scratch,
    ) -> Result<(), OfpError> {
        let filter = Filter::new(&given.matching, given.cookie, given.cookie_mask);
        let table_id = given.table_id.0;
        if given.command != FlowModCommand::ModifyStrict {
            let walk = Walk::new(self, table_id, table_id);
            self.job = Some(Job::modify(now, given, filter, walk, &scratch.ops)?);
            return Ok(());
        }
        let Some(slot) = self.identical(table_id, &filter, given.priority) else { return Ok(()) };
        let entry = self.entries.get(slot).ok_or(FULL)?;
        let program = Program::new(&scratch.ops).map_err(full)?;
        let echo = entry.echo.with_instructions(&given.instructions, &mut scratch.bytes)?;
        self.check_room(program.held().saturating_add(echo.held()))?;
        self.put_instructions(
            slot,
            program,
            echo,
            given.flags.contains(FlowModFlags::RESET_COUNTS),
        );
        Ok(())
    }

    /// Puts other instructions into an entry. Room to undo it has been reserved.
    pub(crate) fn put_instructions(
        &mut self,
        slot: u32,
        program: Program,
        echo: Echo,
        resets: bool,
    ) {
        self.count_references(slot, false);
        let load = self.counters.entry(slot);
        if let Some(entry) = self.entries.get_mut(slot) {
            let program = entry.set_program(program);
            let echo = core::mem::replace(&mut entry.echo, echo);
            let sequence = entry.sequence;
            self.note_undo(|| Undo::Modified { slot, sequence, program, echo, load });
        }
        if resets {
            self.counters.reset_entry(slot);
        }
        self.count_references(slot, true);
        self.note_freed();
    }

    fn delete(&mut self, now: Nanos, given: &FlowMod) -> Result<(), NoMemory> {
        let filter = Filter::new(&given.matching, given.cookie, given.cookie_mask);
        let filter = filter.sending(self, given.out_port, given.out_group);
        let last_table_id = u8::try_from(self.tables.len().saturating_sub(1)).unwrap_or(u8::MAX);
        let (first, last) = match given.table_id {
            TableId::ALL => (0, last_table_id),
            TableId(one) => (one, one),
        };
        if given.command != FlowModCommand::DeleteStrict {
            if filter.selects_all() && self.journal.is_none() {
                // No packet finds them any more, and none has to be sought where it is found.
                let count = usize::from(last.saturating_sub(first)).saturating_add(1);
                let tables = (0..=u8::MAX).zip(&mut self.tables).skip(first.into()).take(count);
                for (table_id, table) in tables.filter(|(_, table)| table.count != 0) {
                    self.stirred.add(table_id);
                    table.classifier.clear();
                }
            }
            let walk = Walk::new(self, first, last);
            self.job = Some(Job::delete(now, filter, walk));
            return Ok(());
        }
        let mut table_ids = first..=last;
        while let Some(table_id) = self.next_used(&mut table_ids) {
            if let Some(slot) = self.identical(table_id, &filter, given.priority) {
                self.reserve_undo(1)?;
                self.remove_entry(now, slot, FlowRemovedReason::Delete);
            }
        }
        Ok(())
    }

    /// The next of these tables that has entries: most of 255 have none.
    fn next_used(&self, table_ids: &mut RangeInclusive<u8>) -> Option<u8> {
        let range = usize::from(*table_ids.start())..=usize::from(*table_ids.end());
        let mut tables =
            self.tables.get(range).filter(|_| !RangeInclusive::is_empty(table_ids))?.iter();
        let passed = tables.position(|table| table.count != 0)?;
        table_ids.nth(passed)
    }

    /// The entry of a table that a strict request is about.
    fn identical(&self, table_id: u8, filter: &Filter, priority: u16) -> Option<u32> {
        let table = self.tables.get(usize::from(table_id)).filter(|table| table.count != 0)?;
        let slot = table.classifier.get(&filter.key, priority)?;
        self.entries.get(slot).is_some_and(|entry| filter.passes(entry)).then_some(slot)
    }

    /// Removes an entry; whoever asked is told.
    pub(crate) fn remove_entry(&mut self, now: Nanos, slot: u32, reason: FlowRemovedReason) {
        self.remove(now, slot, reason, false);
    }

    fn remove(&mut self, now: Nanos, slot: u32, reason: FlowRemovedReason, is_evicted: bool) {
        self.count_references(slot, false);
        self.timeouts.remove(slot);
        let (load, used) = (self.counters.entry(slot), self.counters.entry_used(slot));
        let Some(entry) = self.entries.get(slot) else { return };
        let (table_id, behind) = (usize::from(entry.table_id), entry.next);
        if let Some(job) = &mut self.job {
            job.passes(slot, behind);
        }
        self.stirred.add(entry.table_id);
        if let Some(table) = self.tables.get_mut(table_id) {
            if self.journal.is_some() {
                table.classifier.vacate(&entry.masked_key(), entry.priority);
            } else if table.classifier.entry_count() != 0 {
                // All of them have gone from it at once when a whole table is deleted.
                table.classifier.remove(&entry.masked_key(), entry.priority);
            }
            table.unlink(slot, &mut self.entries);
        }
        let Some(entry) = self.entries.remove(slot) else { return };
        let table_id = entry.table_id;
        let gone = Gone { entry, reason, load, when: now, is_evicted };
        match self.journal.is_some() {
            true => self.note_undo(|| Undo::Removed { slot, gone, used }),
            false => {
                self.record_gone(slot, gone);
                self.note_freed();
                self.note_vacancy(table_id);
            }
        }
    }

    /// Counts what an entry held as freed. Allocators put small pieces by and join all of them when a
    /// large one is asked for or given back, which takes glibc's 15 ms after a million entries. So one
    /// is asked for every 256 entries.
    fn note_freed(&mut self) {
        self.freed_count = self.freed_count.wrapping_add(1);
        if self.freed_count == 0 {
            let mut piece: Vec<u8> = Vec::new();
            // Without memory there is nothing to join.
            let _ = core::hint::black_box(piece.try_reserve_exact(LARGE));
            drop(core::hint::black_box(piece));
        }
    }

    /// Looks at an entry that the removal of the one in `slot` is worth: a compiled form takes longer
    /// than a hash table.
    pub(crate) fn removal_cost(&self, slot: u32) -> u32 {
        let entry = self.entries.get(slot);
        let table = entry.and_then(|entry| self.tables.get(usize::from(entry.table_id)));
        let is_over = |count| table.is_some_and(|table| table.classifier.mask_count_is_over(count));
        match (is_over(1), is_over(MANY_MASKS)) {
            // So many hash tables are in no cache.
            (_, true) => 40,
            (true, false) => 20,
            (false, false) => CHANGE,
        }
    }

    /// Whether the entries may hold so many bytes more (see [`FlowEntry::held`]).
    pub(crate) fn check_room(&self, more: u64) -> Result<(), OfpError> {
        let undo = self.journal.as_ref().map_or(0, Journal::held);
        let held = self.held.saturating_add(undo).saturating_add(more);
        if held <= self.config.max_entry_bytes { Ok(()) } else { Err(FULL) }
    }

    /// Adds or takes back what an entry counts for: its program with groups and meters, and the bytes
    /// that it holds.
    pub(crate) fn count_references(&mut self, slot: u32, add: bool) {
        // Until the program is another one workers are to know nothing of it.
        self.recipes.give_back(self.counters.lead(slot).recipe());
        let entry = self.entries.get(slot);
        let lead = entry.filter(|_| add).map(|entry| entry.program().lead(&mut self.recipes));
        self.counters.set_lead(slot, lead.unwrap_or(Lead::NONE));
        let Some(entry) = entry else { return };
        let held = entry.held();
        self.held = match add {
            true => self.held.saturating_add(held),
            false => self.held.saturating_sub(held),
        };
        let change = |count: &mut u32| {
            *count = if add { count.saturating_add(1) } else { count.saturating_sub(1) };
        };
        for group in entry.program().groups() {
            if let Some(group) = self.groups.get_mut(group) {
                change(&mut group.entry_count);
            }
        }
        if let Some(meter) = entry.program().meter().and_then(|slot| self.meters.get_mut(slot)) {
            change(&mut meter.flow_count);
        }
    }

    /// Lets flow entries expire whose time is up, a bounded number at a time; call again as soon as
    /// [`next_deadline`](Self::next_deadline) is not in the future.
    ///
    /// ```
    /// use hypercall::Nanos;
    /// use ofp_codec::{FlowMod, FlowModFlags};
    /// use rumpswitch_datapath::{News, SwitchConfig, Tables};
    ///
    /// let mut tables = Tables::new(SwitchConfig::default());
    /// let flags = FlowModFlags::SEND_FLOW_REM;
    /// tables.flow_mod(Nanos(0), &FlowMod { hard_timeout: 2, flags, ..FlowMod::default() })?;
    /// assert_eq!(tables.next_deadline(), Some(Nanos::from_secs(2)));
    /// tables.tick(Nanos::from_secs(2));
    /// assert!(matches!(tables.next_news(), Some(News::FlowRemoved(_))));
    /// # Ok::<(), ofp_codec::OfpError>(())
    /// ```
    pub fn tick(&mut self, now: Nanos) {
        let is_resting = now >= self.changed_at.plus(REST);
        for table_id in self.stirred.iter() {
            let Some(table) = self.tables.get_mut(usize::from(table_id)) else { continue };
            table.pace(now);
            if is_resting {
                table.classifier.rest();
            }
        }
        self.compile(COMPILING_PER_TICK);
        let mut budget = self.config.expiries_per_tick.max(1);
        while budget > 0 {
            let Some((deadline, slot)) = self.timeouts.first() else { return };
            if deadline > now {
                return;
            }
            budget = budget.saturating_sub(self.removal_cost(slot).div_ceil(CHANGE));
            self.expire(now, slot);
        }
    }

    /// Removes the entry in `slot` if its time is up, or finds out when it will be.
    fn expire(&mut self, now: Nanos, slot: u32) {
        let used = self.counters.entry_used(slot);
        let Some(entry) = self.entries.get(slot) else {
            self.timeouts.remove(slot);
            return;
        };
        match entry.deadline(used) {
            Some(deadline) if deadline > now => self.timeouts.set(slot, deadline),
            Some(_) => {
                let hard = entry.hard_deadline().is_some_and(|deadline| deadline <= now);
                let reason = match hard {
                    true => FlowRemovedReason::HardTimeout,
                    false => FlowRemovedReason::IdleTimeout,
                };
                self.remove_entry(now, slot, reason);
            }
            None => self.timeouts.remove(slot),
        }
    }

    /// Goes on with the compiling of tables that have changed, for about `budget` microseconds; whether
    /// there is more to do. Packets fare the same before and after, only faster. Each flow-mod does
    /// a little of it and each [`tick`](Self::tick) more. A table that changes fast is left as it is for a
    /// while, or until it has been at rest.
    pub fn compile(&mut self, budget: usize) -> bool {
        let mut budget = budget;
        for table_id in self.stirred.iter() {
            let Some(table) = self.tables.get_mut(usize::from(table_id)) else {
                self.stirred.remove(table_id);
                continue;
            };
            while budget > 0 && !table.classifier.is_settled() {
                table.classifier.step(COMPILING_SLICE);
                budget = budget.saturating_sub(COMPILING_SLICE);
            }
            if table.classifier.is_settled() && !table.classifier.is_loose() {
                self.stirred.remove(table_id);
            }
        }
        !self.is_compiled()
    }

    /// Compiles all tables to the end, however long it takes: for measurements, and for who would
    /// rather wait now.
    ///
    /// ```
    /// use rumpswitch_datapath::{SwitchConfig, Tables};
    ///
    /// let mut tables = Tables::new(SwitchConfig::default());
    /// tables.settle();
    /// assert!(tables.is_compiled());
    /// ```
    pub fn settle(&mut self) {
        while self.compile(usize::MAX) {}
        self.tables.iter_mut().for_each(|table| table.classifier.rest());
        while self.compile(usize::MAX) {}
    }

    /// Whether every table is compiled as it should be.
    pub fn is_compiled(&self) -> bool {
        let is_settled = |table: &FlowTable| table.classifier.is_settled();
        self.stirred_tables().all(is_settled)
    }

    /// The tables that may have to be compiled.
    fn stirred_tables(&self) -> impl Iterator<Item = &FlowTable> {
        debug_assert!(
            (0..=u8::MAX).zip(&self.tables).all(|(table_id, table)| {
                let classifier = &table.classifier;
                let is_at_rest = classifier.is_settled() && !classifier.is_loose();
                is_at_rest || self.stirred.iter().any(|stirred| stirred == table_id)
            }),
            "a table that has changed is known to have"
        );
        self.stirred.iter().filter_map(|table_id| self.tables.get(usize::from(table_id)))
    }

    /// When [`tick`](Self::tick) has something to do, at the earliest.
    pub fn next_deadline(&self) -> Option<Nanos> {
        if !self.is_compiled() {
            return Some(Nanos(0));
        }
        let is_loose = self.stirred_tables().any(|table| table.classifier.is_loose());
        let rest = is_loose.then(|| self.changed_at.plus(REST));
        let patience = self.stirred_tables().filter_map(FlowTable::patient_until);
        let timeout = self.timeouts.first().map(|(deadline, _)| deadline);
        rest.into_iter().chain(patience).chain(timeout).min()
    }
}

/// Whether a flow-mod is about the table-miss flow entry.
#[inline(never)] // the key is on the stack only while it is looked at
fn is_table_miss(given: &FlowMod) -> bool {
    given.priority == 0 && MaskedKey::from_match(&given.matching).is_any()
}
