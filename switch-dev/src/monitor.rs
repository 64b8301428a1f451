//! The flow monitors of one channel (ONF extension 187 to 1.3), and what they have to tell while the
//! channel's reader is behind.
//!
//! # What
//!
//! A monitor is a filter with flags; a channel has any number of them, up to a bound, and each
//! change is told at most once, by what all monitors that it passes ask for. A reader that falls
//! behind is told PAUSED, and from then on changes are only marked. When it has caught up it is told
//! what became of every entry meanwhile, then RESUMED.
//!
//! # Design
//!
//! What waits is a [`Backlog`]: a list of slots whose entries came or changed, each at most once, told
//! as they are when their turn comes; and the entries that went, which are told first, encoded when
//! they go. An entry that came and went unheard leaves nothing. So the backlog is no longer than the
//! tables were, whatever happens how often, and it ends as soon as its reader reads faster than
//! entries change.
//!
//! The same backlog collects, without PAUSED and RESUMED, while the entries that are there are being
//! told to a new monitor.
//!
//! # What it costs
//!
//! 5 bytes for each slot of the tables and the encoded updates of removed entries, which are shared
//! between channels, while a channel is behind; nothing else.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use datapath::{FlowChange, FlowChangeKind, FlowFilter, Tables};
use ofp_codec::multipart::FlowMonitorFlags;

use crate::{DeviceError, HangUp};

/// The monitors of one channel.
#[derive(Debug, Default)]
pub(crate) struct Monitors {
    list: Vec<Monitor>,
    pub(crate) backlog: Option<Backlog>,
    /// Updates that are told together, in the making: a message without its length.
    pub(crate) message: Vec<u8>,
    /// The request whose changes have been told in short.
    pub(crate) abbreviated: Option<u32>,
}

/// One monitor.
#[derive(Clone, Debug)]
pub(crate) struct Monitor {
    pub(crate) id: u32,
    pub(crate) flags: FlowMonitorFlags,
    pub(crate) filter: FlowFilter,
}

/// What waits to be told.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// Whether the reader has been told PAUSED.
    pub(crate) is_paused: bool,
    /// Updates of entries that went, whole.
    held: VecDeque<Vec<u8>>,
    /// Slots with marks, in the order in which they were marked first.
    listed: VecDeque<u32>,
    marks: Vec<u8>,
}

/// The slot is in the list.
const LISTED: u8 = 1;
/// Its entry is to be told.
const DUE: u8 = 2;
/// It is to be told as one that came.
const NEW: u8 = 4;
/// The reader has not heard of it: if it goes, nothing is to be told.
const UNHEARD: u8 = 8;

/// The next thing of a backlog.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// The update of an entry that went.
    Removed(Vec<u8>),
    /// The entry in a slot.
    Entry(u32, FlowChangeKind),
}

impl Monitors {
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn has(&self, id: u32) -> bool {
        self.list.iter().any(|monitor| monitor.id == id)
    }

    /// Adds monitors; their ids are new.
    pub(crate) fn add(&mut self, monitors: Vec<Monitor>) -> Result<(), DeviceError> {
        self.list.try_reserve(monitors.len()).map_err(|_| DeviceError::NoMemory)?;
        self.list.extend(monitors);
        Ok(())
    }

    /// Ends a monitor. Returns whether there was one. With the last one goes what waited.
    pub(crate) fn cancel(&mut self, id: u32) -> bool {
        let count = self.list.len();
        self.list.retain(|monitor| monitor.id != id);
        if self.list.is_empty() {
            *self = Monitors::default();
        }
        self.list.len() < count
    }

    /// What the monitors that a change passes ask for, together; empty when there are none.
    pub(crate) fn wants(&self, change: &FlowChange<'_>) -> FlowMonitorFlags {
        let asked = match change.kind() {
            FlowChangeKind::Added { .. } => FlowMonitorFlags::ADD,
            FlowChangeKind::Modified => FlowMonitorFlags::MODIFY,
            FlowChangeKind::Removed(_) => FlowMonitorFlags::DELETE,
        };
        selecting(&self.list, change, asked)
    }

    /// Whether the entry in a slot, told now, comes with its instructions: as the monitors that it
    /// passes ask for. One that passes none any more is told as any of them would.
    pub(crate) fn wants_instructions(&self, tables: &Tables, slot: u32) -> bool {
        let all = FlowMonitorFlags::all();
        let change = tables.flow_change(slot, FlowChangeKind::Modified);
        let flags = change.map(|change| selecting(&self.list, &change, all));
        let flags = flags.filter(|flags| !flags.is_empty());
        let any = || self.list.iter().fold(FlowMonitorFlags::empty(), |all, one| all | one.flags);
        flags.unwrap_or_else(any).contains(FlowMonitorFlags::ACTIONS)
    }
}

/// The flags of those monitors together that have one of `asked` and that a change passes.
pub(crate) fn selecting(
    monitors: &[Monitor],
    change: &FlowChange<'_>,
    asked: FlowMonitorFlags,
) -> FlowMonitorFlags {
    monitors
        .iter()
        .filter(|monitor| monitor.flags.intersects(asked) && change.is_selected(&monitor.filter))
        .fold(FlowMonitorFlags::empty(), |flags, monitor| flags | monitor.flags)
}

impl Backlog {
    pub(crate) fn new(is_paused: bool) -> Backlog {
        Backlog { is_paused, ..Backlog::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.listed.is_empty()
    }

    /// Marks an entry that came or changed.
    pub(crate) fn mark(&mut self, slot: u32, kind: FlowChangeKind) -> Result<(), HangUp> {
        let at = slot as usize;
        if self.marks.len() <= at {
            let more = at.saturating_sub(self.marks.len()).saturating_add(1);
            self.marks.try_reserve(more).map_err(|_| HangUp::NoMemory)?;
            self.marks.resize(at.saturating_add(1), 0);
        }
        self.listed.try_reserve(1).map_err(|_| HangUp::NoMemory)?;
        let Some(marks) = self.marks.get_mut(at) else { return Ok(()) };
        match kind {
            FlowChangeKind::Added { replaces: false } => *marks |= DUE | NEW | UNHEARD,
            FlowChangeKind::Added { replaces: true } => *marks |= DUE | NEW,
            FlowChangeKind::Modified | FlowChangeKind::Removed(_) => *marks |= DUE,
        }
        if *marks & LISTED == 0 {
            *marks |= LISTED;
            self.listed.push_back(slot);
        }
        Ok(())
    }

    /// Forgets the marks of an entry that went. Returns whether the reader knows the entry.
    pub(crate) fn unmark(&mut self, slot: u32) -> bool {
        let Some(marks) = self.marks.get_mut(slot as usize) else { return true };
        let is_unheard = *marks & UNHEARD != 0;
        *marks &= LISTED;
        !is_unheard
    }

    /// Keeps the update of an entry that went, of at most `limit`.
    pub(crate) fn hold(&mut self, update: Vec<u8>, limit: usize) -> Result<(), HangUp> {
        if self.held.len() >= limit {
            return Err(HangUp::TooSlow);
        }
        self.held.try_reserve(1).map_err(|_| HangUp::NoMemory)?;
        self.held.push_back(update);
        Ok(())
    }

    /// Takes the next thing to be told: entries that went before those that came.
    pub(crate) fn next(&mut self) -> Option<Waiting> {
        if let Some(update) = self.held.pop_front() {
            return Some(Waiting::Removed(update));
        }
        while let Some(slot) = self.listed.pop_front() {
            let marks = self.marks.get_mut(slot as usize).map_or(0, core::mem::take);
            if marks & DUE != 0 {
                let kind = match marks & NEW {
                    0 => FlowChangeKind::Modified,
                    _ => FlowChangeKind::Added { replaces: marks & UNHEARD == 0 },
                };
                return Some(Waiting::Entry(slot, kind));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW_ENTRY: FlowChangeKind = FlowChangeKind::Added { replaces: false };
    const REPLACED: FlowChangeKind = FlowChangeKind::Added { replaces: true };
    const MODIFIED: FlowChangeKind = FlowChangeKind::Modified;

    /// What the backlog tells, as text: `-` for an entry that went.
    fn told(backlog: &mut Backlog) -> Vec<(u32, &'static str)> {
        let mut told = Vec::new();
        while let Some(next) = backlog.next() {
            told.push(match next {
                Waiting::Removed(update) => (u32::from(update[0]), "-"),
                Waiting::Entry(slot, FlowChangeKind::Modified) => (slot, "modified"),
                Waiting::Entry(slot, _) => (slot, "added"),
            });
        }
        told
    }

    #[test]
    fn each_entry_is_told_once_and_as_what_it_is_to_the_reader() {
        let mut backlog = Backlog::default();
        for _ in 0..3 {
            backlog.mark(5, MODIFIED).unwrap();
        }
        backlog.mark(7, NEW_ENTRY).unwrap();
        backlog.mark(7, MODIFIED).unwrap();
        backlog.mark(6, MODIFIED).unwrap();
        backlog.mark(6, REPLACED).unwrap();
        assert_eq!(told(&mut backlog), [(5, "modified"), (7, "added"), (6, "added")]);
        assert!(backlog.is_empty());
        backlog.mark(7, MODIFIED).unwrap();
        assert_eq!(told(&mut backlog), [(7, "modified")], "it has been heard of by now");
    }

    #[test]
    fn what_came_and_went_unheard_leaves_nothing() {
        let mut backlog = Backlog::default();
        for _ in 0..1000 {
            backlog.mark(3, NEW_ENTRY).unwrap();
            backlog.mark(3, REPLACED).unwrap();
            assert!(!backlog.unmark(3));
        }
        assert_eq!(backlog.listed.len(), 1, "the list does not grow");
        assert_eq!(told(&mut backlog), []);
        assert!(backlog.unmark(3), "an entry that was there before");
        backlog.hold([3][..].into(), 1).unwrap();
        backlog.mark(3, NEW_ENTRY).unwrap();
        assert_eq!(told(&mut backlog), [(3, "-"), (3, "added")], "another one in its slot");
        backlog.mark(4, MODIFIED).unwrap();
        assert!(backlog.unmark(4));
        backlog.hold([4][..].into(), 1).unwrap();
        assert_eq!(backlog.hold([5][..].into(), 1), Err(HangUp::TooSlow));
        assert_eq!(told(&mut backlog), [(4, "-")]);
    }
}
