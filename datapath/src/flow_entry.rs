//! One flow entry: what its controller wrote, and the program that it became.

use hypercall::Nanos;
use ofp_codec::multipart::FlowStats;
use ofp_codec::{FlowMod, FlowModFlags, FlowRemoved, FlowRemovedReason, TableId};

use crate::counters::{Load, NoMemory};
use crate::echo::Echo;
use crate::key::MaskedKey;
use crate::program::Program;
use crate::slab::NONE;

/// A flow entry, in the slab of all tables' entries. Its counters lie in pages by the same slot.
#[derive(Debug)]
pub(crate) struct FlowEntry {
    program: Program,
    pub(crate) cookie: u64,
    pub(crate) created: Nanos,
    /// Grows with each insertion: the order of a table's list, by which a cursor finds its place.
    pub(crate) sequence: u64,
    pub(crate) echo: Echo,
    /// The entries before and behind it in its table.
    pub(crate) previous: u32,
    pub(crate) next: u32,
    pub(crate) priority: u16,
    pub(crate) idle_timeout: u16,
    pub(crate) hard_timeout: u16,
    pub(crate) table_id: u8,
    /// Its flags, of which the standard has five, and [`IS_ANY`].
    marks: u8,
}

/// The mark of an entry without match fields.
const IS_ANY: u8 = 1 << 7;

impl FlowEntry {
    /// An entry of a flow-mod that came `now`, in no table's list yet.
    pub(crate) fn new(
        now: Nanos,
        given: &FlowMod,
        sequence: u64,
        is_any: bool,
        program: Program,
        echo: Echo,
    ) -> FlowEntry {
        FlowEntry {
            program,
            cookie: given.cookie,
            created: now,
            sequence,
            echo,
            previous: NO_NEIGHBOUR,
            next: NO_NEIGHBOUR,
            priority: given.priority,
            idle_timeout: given.idle_timeout,
            hard_timeout: given.hard_timeout,
            table_id: given.table_id.0,
            marks: (given.flags & FlowModFlags::all()).bits() as u8
                | if is_any { IS_ANY } else { 0 },
        }
    }

    #[inline]
    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    /// What is left of an entry that is gone when it is asked for its program alone.
    pub(crate) fn into_program(self) -> Program {
        self.program
    }

    /// Gives it another program; returns the one that it had.
    pub(crate) fn set_program(&mut self, program: Program) -> Program {
        core::mem::replace(&mut self.program, program)
    }

    pub(crate) fn flags(&self) -> FlowModFlags {
        FlowModFlags::from_bits_truncate(u16::from(self.marks))
    }

    pub(crate) fn cookie(&self) -> u64 {
        self.cookie
    }

    /// Bytes of its own that it holds outside its place: its program and what its controller wrote,
    /// which may be two hundred thousand times as long as most are.
    pub(crate) fn held(&self) -> u64 {
        self.program.held().saturating_add(self.echo.held())
    }

    /// Priority 0 and no match fields (§5.4).
    pub(crate) fn is_table_miss(&self) -> bool {
        self.marks & IS_ANY != 0 && self.priority == 0
    }

    /// Its match in canonical form.
    pub(crate) fn masked_key(&self) -> MaskedKey {
        self.echo.masked_key()
    }

    /// Whether it uses the group in a slot.
    pub(crate) fn uses_group(&self, group: u32) -> bool {
        self.program.groups().any(|slot| slot == group)
    }

    /// When it expires if it is not used after `used`; `None` for never.
    pub(crate) fn deadline(&self, used: Nanos) -> Option<Nanos> {
        let hard = self.hard_deadline();
        let idle = (self.idle_timeout != 0)
            .then(|| used.max(self.created).plus(u64::from(self.idle_timeout) * Nanos::PER_SECOND));
        match (hard, idle) {
            (Some(hard), Some(idle)) => Some(hard.min(idle)),
            (hard, idle) => hard.or(idle),
        }
    }

    pub(crate) fn hard_deadline(&self) -> Option<Nanos> {
        let lifetime = u64::from(self.hard_timeout) * Nanos::PER_SECOND;
        (self.hard_timeout != 0).then(|| self.created.plus(lifetime))
    }

    pub(crate) fn stats(&self, now: Nanos, load: Load) -> Result<FlowStats, NoMemory> {
        let (duration_sec, duration_nsec) = duration(self.created, now);
        Ok(FlowStats {
            table_id: TableId(self.table_id),
            duration_sec,
            duration_nsec,
            priority: self.priority,
            idle_timeout: self.idle_timeout,
            hard_timeout: self.hard_timeout,
            flags: self.flags(),
            cookie: self.cookie,
            packet_count: load.packets,
            byte_count: load.bytes,
            matching: self.echo.matching()?,
            instructions: self.echo.instructions()?,
        })
    }
}

/// A flow entry that is gone, with what it had counted: becomes a FLOW_REMOVED when it is read.
#[derive(Debug)]
pub(crate) struct Gone {
    pub(crate) entry: FlowEntry,
    pub(crate) reason: FlowRemovedReason,
    pub(crate) load: Load,
    pub(crate) when: Nanos,
    /// Whether it made room for another.
    pub(crate) is_evicted: bool,
}

impl Gone {
    pub(crate) fn message(&self) -> Result<FlowRemoved, NoMemory> {
        let (duration_sec, duration_nsec) = duration(self.entry.created, self.when);
        Ok(FlowRemoved {
            cookie: self.entry.cookie,
            priority: self.entry.priority,
            reason: self.reason,
            table_id: TableId(self.entry.table_id),
            duration_sec,
            duration_nsec,
            idle_timeout: self.entry.idle_timeout,
            hard_timeout: self.entry.hard_timeout,
            packet_count: self.load.packets,
            byte_count: self.load.bytes,
            matching: self.entry.echo.matching()?,
        })
    }
}

/// No neighbour in the table's list.
pub(crate) const NO_NEIGHBOUR: u32 = NONE;

/// Seconds and the nanoseconds beyond them from `start` to `now`.
pub(crate) fn duration(start: Nanos, now: Nanos) -> (u32, u32) {
    let nanos = now.since(start);
    let seconds = u32::try_from(nanos / Nanos::PER_SECOND).unwrap_or(u32::MAX);
    (seconds, (nanos % Nanos::PER_SECOND) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_small() {
        assert!(size_of::<FlowEntry>() <= 88, "{}", size_of::<FlowEntry>());
    }

    #[test]
    fn durations_split_at_the_second() {
        assert_eq!(duration(Nanos(5), Nanos(3_000_000_004)), (2, 999_999_999));
        assert_eq!(duration(Nanos(5), Nanos(0)), (0, 0));
    }
}
