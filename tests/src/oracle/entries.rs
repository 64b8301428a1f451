//! Flow entries (§6.4): which of them a flow-mod means, their timeouts, and what is told when they go.

use std::collections::BTreeMap;

use ofp_codec::multipart::{FlowStats, FlowStatsRequest};
use ofp_codec::{
    Action, BadActionCode, BadInstructionCode, FlowMod, FlowModCommand, FlowModFailedCode,
    FlowModFlags, FlowRemoved, FlowRemovedReason, GroupId, Instruction, Match, MeterModFailedCode,
    OfpError, OxmField, PortNo, TableId,
};

use super::coverage::Met;
use super::{Oracle, SECOND};

/// A flow entry and what it counted.
#[derive(Clone, Debug)]
pub struct Entry {
    /// As it was added, its instructions as they are now.
    pub flow: FlowMod,
    /// Packets that it matched.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When it was added.
    pub created: u64,
    /// When it was used last.
    pub used: u64,
    /// Later ones are larger.
    pub order: u64,
}

/// Seconds and nanoseconds beyond them between two moments.
pub fn duration(from: u64, to: u64) -> (u32, u32) {
    (((to - from) / SECOND) as u32, ((to - from) % SECOND) as u32)
}

impl Entry {
    /// What its statistics say.
    pub fn stats(&self, now: u64) -> FlowStats {
        let (duration_sec, duration_nsec) = duration(self.created, now);
        FlowStats {
            table_id: self.flow.table_id,
            duration_sec,
            duration_nsec,
            priority: self.flow.priority,
            idle_timeout: self.flow.idle_timeout,
            hard_timeout: self.flow.hard_timeout,
            flags: self.flow.flags,
            cookie: self.flow.cookie,
            packet_count: self.packets,
            byte_count: self.bytes,
            matching: self.flow.matching.clone(),
            instructions: self.flow.instructions.clone(),
        }
    }

    fn removed(&self, reason: FlowRemovedReason, now: u64) -> FlowRemoved {
        let FlowStats {
            table_id,
            duration_sec,
            duration_nsec,
            priority,
            idle_timeout,
            hard_timeout,
            cookie,
            packet_count,
            byte_count,
            matching,
            ..
        } = self.stats(now);
        FlowRemoved {
            cookie,
            priority,
            reason,
            table_id,
            duration_sec,
            duration_nsec,
            idle_timeout,
            hard_timeout,
            packet_count,
            byte_count,
            matching,
        }
    }
}

impl Oracle {
    /// Carries out a flow-mod.
    ///
    /// # Errors
    ///
    /// What the standard says: the first thing that is wrong with it.
    pub fn flow_mod(&mut self, flow: &FlowMod) -> Result<(), OfpError> {
        let done = self.try_flow_mod(flow);
        match done {
            Ok(0) => (),
            Ok(_) => self.coverage.note(Met::FlowMod(flow.command as u8)),
            Err(_) => self.coverage.note(Met::FlowModRefused),
        }
        done.map(drop)
    }

    /// The same; how many entries it changed.
    fn try_flow_mod(&mut self, flow: &FlowMod) -> Result<usize, OfpError> {
        flow.matching.validate()?;
        if matches!(flow.command, FlowModCommand::Delete | FlowModCommand::DeleteStrict) {
            let count = self.remove_entries(FlowRemovedReason::Delete, |entry| {
                let is_there =
                    flow.table_id == TableId::ALL || flow.table_id == entry.flow.table_id;
                is_there && selects(flow, &entry.flow) && filtered(flow, &entry.flow)
            });
            return Ok(count);
        }
        self.check_instructions(flow)?;
        self.order += 1;
        let (order, now) = (self.order, self.now);
        let entries = self.tables.entry(flow.table_id.0).or_default();
        if flow.command != FlowModCommand::Add {
            let mut count = 0;
            for entry in entries.iter_mut().filter(|entry| selects(flow, &entry.flow)) {
                count += 1;
                entry.flow.instructions = flow.instructions.clone();
                if flow.flags.contains(FlowModFlags::RESET_COUNTS) {
                    (entry.packets, entry.bytes) = (0, 0);
                }
            }
            return Ok(count);
        }
        let old = entries.iter().position(|entry| identical(&entry.flow, flow));
        let overlap = |entry: &Entry| !identical(&entry.flow, flow) && overlaps(&entry.flow, flow);
        if flow.flags.contains(FlowModFlags::CHECK_OVERLAP) && entries.iter().any(overlap) {
            return Err(OfpError::FlowModFailed(FlowModFailedCode::Overlap));
        }
        let (packets, bytes) = match old.map(|index| entries.remove(index)) {
            Some(old) if !flow.flags.contains(FlowModFlags::RESET_COUNTS) => {
                (old.packets, old.bytes)
            }
            _ => (0, 0),
        };
        let flow = flow.clone();
        entries.push(Entry { flow, packets, bytes, created: now, used: now, order });
        Ok(1)
    }

    /// Goto first, then what the match says of the actions, then whether what they name exists.
    fn check_instructions(&self, flow: &FlowMod) -> Result<(), OfpError> {
        for instruction in &flow.instructions {
            if let Instruction::GotoTable(next) = instruction
                && (*next <= flow.table_id || next.0 >= crate::generate::TABLES)
            {
                return Err(OfpError::BadInstruction(BadInstructionCode::BadTableId));
            }
        }
        ofp_codec::check_instructions(&flow.matching, &flow.instructions)?;
        for instruction in &flow.instructions {
            match instruction {
                Instruction::ApplyActions(list) | Instruction::WriteActions(list) => {
                    list.iter().try_for_each(|action| self.check_action(action))?;
                }
                Instruction::Meter(id) if !self.meters.contains_key(&id.0) => {
                    return Err(OfpError::MeterModFailed(MeterModFailedCode::UnknownMeter));
                }
                _ => (),
            }
        }
        Ok(())
    }

    /// Packets, bytes and number of the entries that a request selects.
    pub fn aggregate(&self, request: &FlowStatsRequest) -> (u64, u64, u32) {
        let asks = FlowMod {
            command: FlowModCommand::Delete,
            cookie: request.cookie,
            cookie_mask: request.cookie_mask,
            out_port: request.out_port,
            out_group: request.out_group,
            matching: request.matching.clone(),
            ..FlowMod::default()
        };
        let is_there = |entry: &&Entry| {
            request.table_id == TableId::ALL || request.table_id == entry.flow.table_id
        };
        let all = self.tables.values().flatten().filter(is_there);
        all.filter(|entry| selects(&asks, &entry.flow) && filtered(&asks, &entry.flow))
            .fold((0, 0, 0), |sum, entry| (sum.0 + entry.packets, sum.1 + entry.bytes, sum.2 + 1))
    }

    /// Whether what an action names exists: BAD_OUT_GROUP or BAD_QUEUE.
    ///
    /// # Errors
    ///
    /// BAD_ACTION.
    pub fn check(&self, action: &Action) -> Result<(), OfpError> {
        self.check_action(action)
    }

    /// Whether what an action names exists.
    pub(super) fn check_action(&self, action: &Action) -> Result<(), OfpError> {
        match action {
            Action::Group(id) if !self.groups.contains_key(&id.0) => {
                Err(OfpError::BadAction(BadActionCode::BadOutGroup))
            }
            Action::SetQueue(queue) if !self.has_queue(*queue) => {
                Err(OfpError::BadAction(BadActionCode::BadQueue))
            }
            _ => Ok(()),
        }
    }

    /// Lets the entries expire whose time is up: of two timeouts at one moment, the hard one.
    pub(super) fn expire(&mut self) {
        let now = self.now;
        let is_up =
            |timeout: u16, since: u64| timeout != 0 && now >= since + u64::from(timeout) * SECOND;
        let hard = |entry: &Entry| is_up(entry.flow.hard_timeout, entry.created);
        let idle = |entry: &Entry| is_up(entry.flow.idle_timeout, entry.used);
        self.remove_entries(FlowRemovedReason::HardTimeout, hard);
        self.remove_entries(FlowRemovedReason::IdleTimeout, idle);
    }

    /// When the next entry expires if none is used.
    pub fn next_expiry(&self) -> Option<u64> {
        let deadlines = self.tables.values().flatten().flat_map(|entry| {
            let at = |timeout: u16, since: u64| {
                (timeout != 0).then(|| since + u64::from(timeout) * SECOND)
            };
            [at(entry.flow.hard_timeout, entry.created), at(entry.flow.idle_timeout, entry.used)]
        });
        deadlines.flatten().min()
    }

    /// Removes entries, and tells those who asked.
    pub(super) fn remove_entries(
        &mut self,
        reason: FlowRemovedReason,
        is_gone: impl Fn(&Entry) -> bool,
    ) -> usize {
        let mut count = 0;
        for entries in self.tables.values_mut() {
            let (gone, kept) =
                std::mem::take(entries).into_iter().partition(|entry| is_gone(entry));
            *entries = kept;
            let gone: Vec<Entry> = gone;
            for entry in gone {
                count += 1;
                if entry.flow.flags.contains(FlowModFlags::SEND_FLOW_REM) {
                    self.coverage.note(Met::Removed(reason as u8));
                    self.removed.push(entry.removed(reason, self.now));
                }
            }
        }
        count
    }
}

/// The fields that a match really constrains, with value and mask.
pub(super) fn constraints(matching: &Match) -> BTreeMap<OxmField, (u128, u128)> {
    let constraint = |oxm: &ofp_codec::Oxm| {
        let mask = oxm.effective_mask() & oxm.field.all_ones();
        (oxm.field, (oxm.value & mask, mask))
    };
    let all = matching.fields().iter().map(constraint);
    all.filter(|(_, (_, mask))| *mask != 0).collect()
}

fn identical(entry: &FlowMod, request: &FlowMod) -> bool {
    entry.priority == request.priority
        && constraints(&entry.matching) == constraints(&request.matching)
}

/// Whether a packet could match both: no field of one contradicts the other.
fn overlaps(entry: &FlowMod, request: &FlowMod) -> bool {
    let (one, other) = (constraints(&entry.matching), constraints(&request.matching));
    let agree = |field: &OxmField, (value, mask): &(u128, u128)| {
        other
            .get(field)
            .is_none_or(|(theirs, their_mask)| (value ^ theirs) & mask & their_mask == 0)
    };
    entry.priority == request.priority && one.iter().all(|(field, bits)| agree(field, bits))
}

/// Whether a modification or deletion means this entry, its outputs aside.
fn selects(request: &FlowMod, entry: &FlowMod) -> bool {
    let by_match = match request.command {
        FlowModCommand::ModifyStrict | FlowModCommand::DeleteStrict => identical(entry, request),
        _ => is_within(&entry.matching, &request.matching),
    };
    by_match && (entry.cookie ^ request.cookie) & request.cookie_mask == 0
}

/// Whether a match is as specific as another or more.
pub(super) fn is_within(specific: &Match, general: &Match) -> bool {
    let specific = constraints(specific);
    constraints(general).iter().all(|(field, (value, mask))| {
        specific.get(field).is_some_and(|(theirs, their_mask)| {
            their_mask & mask == *mask && theirs & mask == *value
        })
    })
}

/// Whether an entry passes a deletion's port and group filters.
fn filtered(request: &FlowMod, entry: &FlowMod) -> bool {
    let port = request.out_port == PortNo::ANY
        || actions(entry).any(
            |action| matches!(action, Action::Output { port, .. } if *port == request.out_port),
        );
    let group = request.out_group == GroupId::ANY
        || actions(entry)
            .any(|action| matches!(action, Action::Group(id) if *id == request.out_group));
    port && group
}

/// The actions of an entry's list and set.
pub(super) fn actions(flow: &FlowMod) -> impl Iterator<Item = &Action> {
    flow.instructions.iter().flat_map(|instruction| match instruction {
        Instruction::WriteActions(list) | Instruction::ApplyActions(list) => list.as_slice(),
        _ => &[],
    })
}
