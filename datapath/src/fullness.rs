//! Tables that are full, or nearly: which entry makes room for a new one, and who is warned before.
//!
//! # What
//!
//! Both are options of each table, off unless asked for. *Eviction*: an ADD to a full table removes the
//! least important entry instead of being refused with TABLE_FULL. *Vacancy events*: the host is told
//! when the room of a table falls to one threshold and when it has risen to another again. The words
//! are those of OpenFlow 1.4. The ONF's extensions for 1.3 that bring them to this version (EXT-192)
//! have no numbers that are public, so controllers can set neither and are not sent the events;
//! FLOW_REMOVED for an evicted entry has the reason DELETE.
//!
//! # Order of eviction
//!
//! 1. Of the entries that have a timeout, the one that expires first if no packet hits it any more.
//! 2. With [`Eviction::Any`] only, and where no entry has a timeout: the one that was added first.
//!
//! The table-miss flow entry is never evicted, and nor is the entry that is being added. Where nothing
//! can be evicted the answer is TABLE_FULL as before.
//!
//! # What it costs
//!
//! Finding the entry is O(log n). A table with eviction has a heap of deadlines of its own: 16 bytes for
//! each entry with a timeout, 4 bytes for each slot. As in [`timeouts`](crate::timeouts), hits do not
//! touch it: whoever is at its top is asked when it was hit last, and moves down if that is news.
//! Where traffic has moved all of them, an ADD moves [`VICTIM_LOOKS`] of them down and takes the next one,
//! so that none of a million holds up the switch; the order is exact again once they have moved.

use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use hypercall::Nanos;
use ofp_codec::TableId;

use crate::flow_entry::FlowEntry;
use crate::flow_table::FlowTable;
use crate::slab::Slab;
use crate::tables::Tables;
use crate::timeouts::Timeouts;

/// Entries that one ADD to a full table looks at.
const VICTIM_LOOKS: u32 = 256;

/// What an ADD to a full table does.
#[doc(alias = "OFPTC_EVICTION")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Eviction {
    /// It is refused with TABLE_FULL.
    #[default]
    Refuse,
    /// It takes the place of the entry that would expire first; entries without a timeout stay.
    Timed,
    /// As [`Timed`](Eviction::Timed), and where no entry has a timeout, the oldest one goes.
    Any,
}

/// Between which thresholds of vacancy, in percent of the entries that a table can hold, the host is
/// told.
#[doc(alias = "ofp_table_mod_prop_vacancy")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Vacancy {
    /// Told when the vacancy falls to this or below.
    pub down: u8,
    /// Told when it has risen to this or above again.
    pub up: u8,
}

/// A word that says nothing about full tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullnessError(&'static str);

impl fmt::Display for FullnessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl core::error::Error for FullnessError {}

impl FromStr for Eviction {
    type Err = FullnessError;

    fn from_str(text: &str) -> Result<Eviction, FullnessError> {
        match text {
            "refuse" => Ok(Eviction::Refuse),
            "timed" => Ok(Eviction::Timed),
            "any" => Ok(Eviction::Any),
            _ => Err(FullnessError("eviction is refuse, timed or any")),
        }
    }
}

/// Two percentages, the lower one first.
///
/// ```
/// use rumpswitch_datapath::Vacancy;
/// assert_eq!("20,50".parse(), Ok(Vacancy { down: 20, up: 50 }));
/// assert!("50,20".parse::<Vacancy>().is_err());
/// ```
impl FromStr for Vacancy {
    type Err = FullnessError;

    fn from_str(text: &str) -> Result<Vacancy, FullnessError> {
        let percent = |text: &str| text.parse().ok().filter(|percent: &u8| *percent <= 100);
        let both = text.split_once(',').and_then(|(down, up)| percent(down).zip(percent(up)));
        match both {
            Some((down, up)) if down <= up => Ok(Vacancy { down, up }),
            _ => Err(FullnessError("vacancy is DOWN,UP in percent, such as 20,50")),
        }
    }
}

impl fmt::Display for VacancyEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.is_down { "filling" } else { "emptying" };
        write!(f, "table {}: {how}, {} % are free", self.table_id.0, self.vacancy)
    }
}

/// A table whose vacancy passed a threshold.
#[doc(alias = "OFPT_TABLE_STATUS")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VacancyEvent {
    /// The table.
    pub table_id: TableId,
    /// Whether it is the lower threshold, else the upper one.
    #[doc(alias = "OFPTR_VACANCY_DOWN")]
    pub is_down: bool,
    /// The vacancy in percent.
    pub vacancy: u8,
}

/// What one table does about being full.
#[derive(Debug, Default)]
pub(crate) struct Fullness {
    eviction: Eviction,
    /// When entries expire, those that can be evicted; at the latest by what is known.
    deadlines: Timeouts,
    vacancy: Option<Vacancy>,
    /// The event that comes next is the upper threshold's.
    is_down: bool,
}

impl Fullness {
    pub(crate) fn new(eviction: Eviction, vacancy: Option<Vacancy>) -> Fullness {
        Fullness { eviction, vacancy, ..Fullness::default() }
    }

    /// An entry came. One for which memory is short cannot be evicted.
    pub(crate) fn came(&mut self, slot: u32, entry: &FlowEntry) {
        if self.eviction == Eviction::Refuse || entry.is_table_miss() {
            return;
        }
        if let Some(deadline) = entry.deadline(entry.created) {
            if self.deadlines.reserve(slot).is_ok() {
                self.deadlines.set(slot, deadline);
            }
        }
    }

    /// An entry went.
    pub(crate) fn went(&mut self, slot: u32) {
        self.deadlines.remove(slot);
    }
}

impl Tables {
    /// Says what an ADD does when the table is full.
    ///
    /// ```
    /// use hypercall::Nanos;
    /// use ofp_codec::{FlowMod, TableId};
    /// use rumpswitch_datapath::{Eviction, SwitchConfig, Tables};
    ///
    /// let config = SwitchConfig { max_entries_per_table: 1, ..SwitchConfig::default() };
    /// let mut tables = Tables::new(config);
    /// tables.set_eviction(TableId(0), Eviction::Timed);
    /// for priority in [1, 2] {
    ///     let flow = FlowMod { priority, idle_timeout: 60, ..FlowMod::default() };
    ///     tables.flow_mod(Nanos(0), &flow)?;
    /// }
    /// assert_eq!((tables.entry_count(), tables.eviction_count()), (1, 1));
    /// # Ok::<(), ofp_codec::OfpError>(())
    /// ```
    pub fn set_eviction(&mut self, table_id: TableId, eviction: Eviction) {
        let Tables { tables, entries, .. } = self;
        let Some(table) = tables.get_mut(usize::from(table_id.0)) else { return };
        table.set_eviction(eviction, entries);
    }

    /// Says at which vacancy of a table the host is told; `None` for never.
    pub fn set_vacancy(&mut self, table_id: TableId, vacancy: Option<Vacancy>) {
        let now = self.vacancy_of(table_id);
        if let Some(table) = self.tables.get_mut(usize::from(table_id.0)) {
            table.fullness.vacancy = vacancy;
            // With less room than the upper threshold, that is the next one to be passed.
            let room = now.zip(vacancy);
            table.fullness.is_down = room.is_some_and(|(now, vacancy)| now < vacancy.up);
        }
    }

    /// Entries that made room for others.
    pub fn eviction_count(&self) -> u64 {
        self.eviction_count
    }

    /// The next table whose vacancy passed a threshold. Of each table the last event waits.
    pub fn next_vacancy_event(&mut self) -> Option<VacancyEvent> {
        let event = self.vacancy_events.first().copied()?;
        self.vacancy_events.remove(0);
        Some(event)
    }

    /// The entry that makes room for a new one in a full table.
    pub(crate) fn victim(&mut self, now: Nanos, table_id: u8) -> Option<u32> {
        let Tables { tables, entries, counters, .. } = self;
        let table = tables.get_mut(usize::from(table_id))?;
        let Fullness { eviction, deadlines, .. } = &mut table.fullness;
        if *eviction == Eviction::Refuse {
            return None;
        }
        let mut looks = VICTIM_LOOKS;
        while let Some((known, slot)) = deadlines.first() {
            let used = counters.entry_used(slot).min(now);
            looks = looks.saturating_sub(1);
            match entries.get(slot).and_then(|entry| entry.deadline(used)) {
                Some(deadline) if deadline > known && looks > 0 => deadlines.set(slot, deadline),
                Some(_) => return Some(slot),
                None => deadlines.remove(slot),
            }
        }
        if *eviction != Eviction::Any {
            return None;
        }
        let oldest = table.first()?;
        let entry = entries.get(oldest)?;
        if entry.is_table_miss() {
            entries.get(entry.next).map(|_| entry.next)
        } else {
            Some(oldest)
        }
    }

    /// Tells the host if the vacancy of a table has passed a threshold.
    pub(crate) fn note_vacancy(&mut self, table_id: u8) {
        let at = usize::from(table_id);
        let Some(thresholds) = self.tables.get(at).and_then(|table| table.fullness.vacancy) else {
            return;
        };
        let table_id = TableId(table_id);
        let Some(vacancy) = self.vacancy_of(table_id) else { return };
        let Some(table) = self.tables.get_mut(at) else { return };
        let is_down = match table.fullness.is_down {
            true => vacancy < thresholds.up,
            false => vacancy <= thresholds.down,
        };
        if is_down == core::mem::replace(&mut table.fullness.is_down, is_down) {
            return;
        }
        let event = VacancyEvent { table_id, is_down, vacancy };
        self.vacancy_events.retain(|event| event.table_id != table_id);
        if self.vacancy_events.try_reserve(1).is_ok() {
            self.vacancy_events.push(event);
        }
    }

    /// Tells the host of all tables; for when several have changed at once.
    pub(crate) fn note_vacancies(&mut self) {
        (0..=u8::MAX).take(self.tables.len()).for_each(|table_id| self.note_vacancy(table_id));
    }

    /// The room of a table in percent, rounded down.
    fn vacancy_of(&self, table_id: TableId) -> Option<u8> {
        let limit = u64::from(self.shape.table(table_id)?.max_entries);
        let count = u64::from(self.tables.get(usize::from(table_id.0))?.count);
        let percent = limit.saturating_sub(count).saturating_mul(100).checked_div(limit)?;
        u8::try_from(percent).ok()
    }
}

impl FlowTable {
    fn set_eviction(&mut self, eviction: Eviction, entries: &Slab<FlowEntry>) {
        self.fullness.eviction = eviction;
        self.fullness.deadlines = Timeouts::default();
        let mut next = self.first();
        while let Some((slot, entry)) = next.and_then(|slot| Some((slot, entries.get(slot)?))) {
            self.fullness.came(slot, entry);
            next = Some(entry.next);
        }
    }
}

/// Events that wait, at most one of each table.
pub(crate) type VacancyEvents = Vec<VacancyEvent>;
