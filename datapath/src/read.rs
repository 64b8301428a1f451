//! What controllers ask: statistics and descriptions, in the words of the multipart messages (§7.3.5).

use alloc::vec::Vec;

use hypercall::{Nanos, Port};
use ofp_codec::memory::NoMemory;
use ofp_codec::multipart::{
    AggregateStats, FlowStats, FlowStatsRequest, GroupDesc, GroupFeatures, GroupStats, MeterConfig,
    MeterFeatures, MeterStats, PortStats, QueueStats, QueueStatsRequest, TableStats,
};
use ofp_codec::{
    BadRequestCode, GroupId, MeterId, OfpError, PacketQueue, PortDesc, PortNo, TableId,
};

use crate::classifier::{TableCompiled, Template};
use crate::flow_entry::FlowEntry;
use crate::flow_mod::Filter;
use crate::tables::Tables;

/// Where a reader of flow statistics has got to.
///
/// Entries come in the order of their insertion, table by table. Entries that are added meanwhile
/// come at the end, entries that go do not come; none comes twice.
#[derive(Clone, Debug)]
pub struct FlowCursor {
    filter: Filter,
    table_id: u8,
    last_table_id: u8,
    place: Place,
}

/// Where a cursor stands in its table.
#[derive(Clone, Copy, Debug)]
enum Place {
    Start,
    /// Before the entry in this slot, if it still is the one with this sequence number.
    At {
        slot: u32,
        sequence: u64,
    },
    /// On the way from the first entry to the first that is not older than `target`, since the one
    /// that it stood before has gone; at the entry in this slot with the number `own`.
    Seek {
        slot: u32,
        own: u64,
        target: u64,
    },
    /// Behind the last table.
    Done,
}

impl FlowCursor {
    /// Whether every entry has been looked at.
    pub fn is_done(&self) -> bool {
        matches!(self.place, Place::Done)
    }

    fn next_table(&mut self) {
        self.place = match self.table_id < self.last_table_id {
            true => Place::Start,
            false => Place::Done,
        };
        self.table_id = self.table_id.saturating_add(1);
    }
}

impl Tables {
    /// Starts reading the flow entries that a request selects.
    ///
    /// # Errors
    ///
    /// BAD_REQUEST/BAD_TABLE_ID, or BAD_MATCH.
    pub fn flow_stats(&self, request: &FlowStatsRequest) -> Result<FlowCursor, OfpError> {
        let (table_id, last_table_id) = match request.table_id {
            TableId::ALL => (0, self.shape.table_count().saturating_sub(1)),
            one if self.shape.has_table(one) => (one.0, one.0),
            _ => return Err(OfpError::BadRequest(BadRequestCode::BadTableId)),
        };
        request.matching.validate()?;
        self.shape.check_filter(&request.matching)?;
        let filter = Filter::new(&request.matching, request.cookie, request.cookie_mask);
        let filter = filter.sending(self, request.out_port, request.out_group);
        Ok(FlowCursor { filter, table_id, last_table_id, place: Place::Start })
    }

    /// The next flow entry of a cursor. Each entry looked at takes one from `budget`; with none left
    /// the answer is `None` though the cursor is not [done](FlowCursor::is_done).
    ///
    /// ```
    /// use hypercall::Nanos;
    /// use ofp_codec::{FlowMod, multipart::FlowStatsRequest};
    /// use rumpswitch_datapath::{SwitchConfig, Tables};
    ///
    /// let mut tables = Tables::new(SwitchConfig::default());
    /// tables.flow_mod(Nanos(0), &FlowMod { cookie: 7, ..FlowMod::default() })?;
    /// let mut cursor = tables.flow_stats(&FlowStatsRequest::default())?;
    /// let entry = tables.next_flow_stats(&mut cursor, Nanos(5), &mut 100).unwrap();
    /// assert_eq!((entry.cookie, entry.duration_nsec), (7, 5));
    /// # Ok::<(), ofp_codec::OfpError>(())
    /// ```
    pub fn next_flow_stats(
        &self,
        cursor: &mut FlowCursor,
        now: Nanos,
        budget: &mut u32,
    ) -> Option<FlowStats> {
        self.try_next_flow_stats(cursor, now, budget).ok().flatten()
    }

    /// [`next_flow_stats`](Self::next_flow_stats), which leaves out an entry that memory is short for.
    ///
    /// # Errors
    ///
    /// [`NoMemory`]; the cursor is behind the entry.
    pub fn try_next_flow_stats(
        &self,
        cursor: &mut FlowCursor,
        now: Nanos,
        budget: &mut u32,
    ) -> Result<Option<FlowStats>, NoMemory> {
        let found = self.next_slot(cursor, budget);
        let found = found.and_then(|slot| Some((slot, self.entries.get(slot)?)));
        found.map(|(slot, entry)| entry.stats(now, self.counters.entry(slot))).transpose()
    }

    pub(crate) fn next_slot(&self, cursor: &mut FlowCursor, budget: &mut u32) -> Option<u32> {
        loop {
            if cursor.is_done() {
                return None;
            }
            *budget = budget.checked_sub(1)?;
            let Some((slot, entry)) = self.entry_at(cursor) else { continue };
            match self.entries.get(entry.next) {
                Some(next) => {
                    cursor.place = Place::At { slot: entry.next, sequence: next.sequence };
                }
                None => cursor.next_table(),
            }
            if cursor.filter.selects(entry) {
                return Some(slot);
            }
        }
    }

    /// The entry that a cursor stands before; `None` when it has come a step nearer to one, or to the
    /// end.
    fn entry_at(&self, cursor: &mut FlowCursor) -> Option<(u32, &FlowEntry)> {
        let table_id = cursor.table_id;
        let numbered = |slot: u32, sequence: u64| {
            let entry = self.entries.get(slot);
            entry.filter(|entry| entry.sequence == sequence && entry.table_id == table_id)
        };
        let first = self.tables.get(usize::from(table_id)).and_then(|table| table.first());
        let first = first.and_then(|slot| Some((slot, self.entries.get(slot)?)));
        let (seeker, target) = match cursor.place {
            Place::Done => return None,
            Place::Start => {
                if first.is_none() {
                    cursor.next_table();
                }
                return first;
            }
            Place::At { slot, sequence } => match numbered(slot, sequence) {
                Some(entry) => return Some((slot, entry)),
                None => (first, sequence),
            },
            Place::Seek { slot, own, target } => match numbered(slot, own) {
                Some(entry) => {
                    let next = self.entries.get(entry.next).map(|next| (entry.next, next));
                    (next, target)
                }
                None => (first, target),
            },
        };
        match seeker {
            None => cursor.next_table(),
            Some((slot, entry)) if entry.sequence >= target => {
                cursor.place = Place::At { slot, sequence: entry.sequence };
            }
            Some((slot, entry)) => {
                cursor.place = Place::Seek { slot, own: entry.sequence, target };
            }
        }
        None
    }

    /// Sums over the flow entries that a request selects.
    ///
    /// # Errors
    ///
    /// Those of [`flow_stats`](Self::flow_stats).
    pub fn aggregate(&self, request: &FlowStatsRequest) -> Result<AggregateStats, OfpError> {
        let mut cursor = self.flow_stats(request)?;
        let mut sum = AggregateStats::default();
        while !cursor.is_done() {
            self.aggregate_more(&mut cursor, &mut sum, u32::MAX);
        }
        Ok(sum)
    }

    /// Adds the next flow entries of a cursor to a sum, until the cursor is
    /// [done](FlowCursor::is_done) or `budget` entries have been looked at.
    pub fn aggregate_more(&self, cursor: &mut FlowCursor, sum: &mut AggregateStats, budget: u32) {
        let mut budget = budget;
        while let Some(slot) = self.next_slot(cursor, &mut budget) {
            let load = self.counters.entry(slot);
            sum.packet_count = sum.packet_count.wrapping_add(load.packets);
            sum.byte_count = sum.byte_count.wrapping_add(load.bytes);
            sum.flow_count = sum.flow_count.saturating_add(1);
        }
    }

    /// Flow entries in all tables.
    pub fn entry_count(&self) -> u32 {
        self.entries.count()
    }

    /// Counters of every table, in the order of their numbers.
    pub fn table_stats(&self) -> impl Iterator<Item = TableStats> + '_ {
        let tables = (0..=u8::MAX).map(TableId).zip(&self.tables);
        let tables = tables.filter(|(table_id, _)| self.shape.has_table(*table_id));
        tables.map(|(table_id, table)| {
            let cell = u32::from(table_id.0);
            let sum = |read: fn(&crate::counters::TableCell) -> u64| {
                self.counters.sum(|worker| worker.tables.get(cell).map_or(0, read))
            };
            TableStats {
                table_id,
                active_count: table.count,
                lookup_count: sum(|cell| cell.lookups.get()),
                matched_count: sum(|cell| cell.matches.get()),
            }
        })
    }

    /// How a table is compiled.
    pub fn template(&self, table_id: TableId) -> Option<Template> {
        self.tables.get(usize::from(table_id.0)).map(|table| table.classifier.template())
    }

    /// How a table is compiled, and what that costs. Looks at a few entries: for people, not for
    /// every packet.
    pub fn compiled(&self, table_id: TableId) -> Option<TableCompiled> {
        self.tables.get(usize::from(table_id.0)).map(|table| table.classifier.compiled())
    }

    /// Description of a port.
    pub fn port_desc(&self, port: Port) -> Option<PortDesc> {
        self.ports.desc(port)
    }

    /// The same where it lies, and the longest frame that the port sends; nothing is allocated.
    pub fn port(&self, port: Port) -> Option<(&PortDesc, u32)> {
        self.ports.get(port).map(|entry| (entry.desc(), entry.max_frame()))
    }

    /// Counters of one port; nothing is allocated.
    pub fn port_counters(&self, port: Port, now: Nanos) -> Option<PortStats> {
        self.ports.counters(port, now, &self.counters)
    }

    /// Descriptions of all ports, in the order of their numbers.
    pub fn port_descs(&self) -> Vec<PortDesc> {
        self.try_port_descs().unwrap_or_default()
    }

    /// [`port_descs`](Self::port_descs), which is empty when memory is short.
    ///
    /// # Errors
    ///
    /// [`NoMemory`].
    pub fn try_port_descs(&self) -> Result<Vec<PortDesc>, NoMemory> {
        self.ports.descs()
    }

    /// Counters of a port, or of all with [`PortNo::ANY`].
    ///
    /// # Errors
    ///
    /// BAD_REQUEST/BAD_PORT when there is no such port.
    pub fn port_stats(&self, port_no: PortNo, now: Nanos) -> Result<Vec<PortStats>, OfpError> {
        let stats = self.ports.stats(port_no, now, &self.counters)?;
        if stats.is_empty() && port_no != PortNo::ANY {
            return Err(OfpError::BadRequest(BadRequestCode::BadPort));
        }
        Ok(stats)
    }

    /// The queues of a port, or of all with [`PortNo::ANY`], by port and id: few enough for one
    /// message (§7.3.6).
    ///
    /// # Errors
    ///
    /// QUEUE_OP_FAILED/BAD_PORT when there is no such port.
    pub fn queues(&self, port_no: PortNo) -> Result<Vec<PacketQueue>, OfpError> {
        self.ports.queues(port_no)
    }

    /// Counters of one queue or all of one port or all (§7.3.5.8).
    ///
    /// # Errors
    ///
    /// QUEUE_OP_FAILED: BAD_PORT when there is no such port, BAD_QUEUE when there is no such queue.
    pub fn queue_stats(
        &self,
        request: QueueStatsRequest,
        now: Nanos,
    ) -> Result<Vec<QueueStats>, OfpError> {
        self.ports.queue_stats(request, now, &self.counters)
    }

    /// Counters of a group, or of all with [`GroupId::ALL`]; nothing for a missing one.
    pub fn group_stats(&self, id: GroupId, now: Nanos) -> Vec<GroupStats> {
        self.try_group_stats(id, now).unwrap_or_default()
    }

    /// [`group_stats`](Self::group_stats), which is empty when memory is short.
    ///
    /// # Errors
    ///
    /// [`NoMemory`].
    pub fn try_group_stats(&self, id: GroupId, now: Nanos) -> Result<Vec<GroupStats>, NoMemory> {
        self.groups.stats(id, now, &self.counters)
    }

    /// All groups as they were given.
    pub fn group_descs(&self) -> Vec<GroupDesc> {
        self.try_group_descs().unwrap_or_default()
    }

    /// [`group_descs`](Self::group_descs), which is empty when memory is short.
    ///
    /// # Errors
    ///
    /// [`NoMemory`].
    pub fn try_group_descs(&self) -> Result<Vec<GroupDesc>, NoMemory> {
        self.groups.descs()
    }

    /// What groups can do.
    pub fn group_features(&self) -> GroupFeatures {
        self.personality().groups.features()
    }

    /// Counters of a meter, or of all with [`MeterId::ALL`].
    ///
    /// # Errors
    ///
    /// METER_MOD_FAILED/UNKNOWN_METER.
    pub fn meter_stats(&self, id: MeterId, now: Nanos) -> Result<Vec<MeterStats>, OfpError> {
        self.meters.stats(id, now, &self.counters)
    }

    /// A meter as it was given, or all with [`MeterId::ALL`].
    ///
    /// # Errors
    ///
    /// METER_MOD_FAILED/UNKNOWN_METER.
    pub fn meter_configs(&self, id: MeterId) -> Result<Vec<MeterConfig>, OfpError> {
        self.meters.configs(id)
    }

    /// What meters can do.
    pub fn meter_features(&self) -> MeterFeatures {
        self.personality().meters.features()
    }
}
