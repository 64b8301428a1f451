//! A multipart reply that is a list: made message by message, as its reader makes room (§7.3.5).
//!
//! # What
//!
//! A million flow entries are a reply of a hundred megabytes. It is never there as a whole: the
//! channel keeps a [`Dump`], which holds a place in the tables, and queues the next message
//! whenever the out queue is below its bound.
//!
//! # Design
//!
//! Entries are encoded where they are sent from. A message is closed when the next entry would
//! make it longer than [`PART_LEN`]; that entry is kept and opens the next message. The flag MORE
//! is set once it is known that more comes, so the last message is never an empty afterthought.
//! Looking for entries is bounded as well: where a filter selects almost nothing, the message in the
//! making is put aside after [`LOOK_COUNT`] entries and the next call goes on with it, so that no call
//! walks a whole table. A sum over entries is made in the same slices.
//!
//! # What it does not do
//!
//! It is no snapshot: entries that come and go meanwhile may or may not be in it, each at most
//! once. No entry is too long for a message of 64 KiB: the tables refuse what could not be told.

use alloc::boxed::Box;
use alloc::vec::{IntoIter, Vec};

use datapath::FlowCursor;
use hypercall::Nanos;
use ofp_codec::multipart::{
    AggregateStats, FlowMonitorFlags, FlowStatsRequest, GroupDesc, GroupStats, MeterConfig,
    MeterStats, MultipartFlags, PortStats, QueueStats, TableStats,
};
use ofp_codec::{
    BadRequestCode, Message, MultipartReply, MultipartReplyBody, MultipartRequestBody, OfpError,
    PortDesc, TableId,
};

use crate::channel::Channel;
use crate::device::Core;
use crate::dispatch::bad_request;
use crate::handlers::multipart::{EXPERIMENTER_LEN, FIXED_LEN};
use crate::monitor::{Monitor, selecting};

/// Length from which on a message takes no further entry.
const PART_LEN: usize = 60_000;
/// Flow entries looked at in one call.
pub(crate) const LOOK_COUNT: u32 = 2048;
/// Where the flags of a multipart message are.
const FLAGS_AT: usize = 10;

/// A list that is being sent.
#[derive(Debug)]
pub(crate) struct Dump {
    xid: u32,
    entries: Entries,
    /// Encoded entries, with a header in front: one that did not fit the message before, or those that
    /// the last call has found.
    kept: Vec<u8>,
}

/// What is left of the list.
#[derive(Debug)]
enum Entries {
    Flow(Box<FlowCursor>),
    Aggregate(Box<FlowCursor>, AggregateStats),
    /// The sum has been told.
    Aggregated,
    Monitored(Box<FlowCursor>, Vec<Monitor>),
    TableFeatures(IntoIter<TableId>),
    Table(IntoIter<TableStats>),
    PortStats(IntoIter<PortStats>),
    PortDesc(IntoIter<PortDesc>),
    Queue(IntoIter<QueueStats>),
    Group(IntoIter<GroupStats>),
    GroupDesc(IntoIter<GroupDesc>),
    Meter(IntoIter<MeterStats>),
    MeterConfig(IntoIter<MeterConfig>),
}

impl Dump {
    /// The list that a request asks for.
    pub(crate) fn new(
        core: &Core,
        now: Nanos,
        xid: u32,
        asked: MultipartRequestBody,
    ) -> Result<Dump, OfpError> {
        use MultipartRequestBody as Asked;
        let tables = &core.switch.tables;
        let entries = match asked {
            Asked::Flow(request) => Entries::Flow(Box::new(tables.flow_stats(&request)?)),
            Asked::Aggregate(request) => {
                let cursor = Box::new(tables.flow_stats(&request)?);
                Entries::Aggregate(cursor, AggregateStats::default())
            }
            // Those that a request has just shaped come in its order.
            Asked::TableFeatures(asked) if !asked.is_empty() => {
                let ids = asked.iter().map(|table| table.table_id);
                Entries::TableFeatures(ids.collect::<Vec<_>>().into_iter())
            }
            Asked::TableFeatures(_) => {
                Entries::TableFeatures(tables.table_ids().collect::<Vec<_>>().into_iter())
            }
            Asked::Table => Entries::Table(tables.table_stats().collect::<Vec<_>>().into_iter()),
            Asked::PortStats(port) => Entries::PortStats(tables.port_stats(port, now)?.into_iter()),
            Asked::PortDesc => Entries::PortDesc(tables.port_descs().into_iter()),
            Asked::Queue(request) => Entries::Queue(tables.queue_stats(request, now)?.into_iter()),
            Asked::Group(id) => Entries::Group(tables.group_stats(id, now).into_iter()),
            Asked::GroupDesc => Entries::GroupDesc(tables.group_descs().into_iter()),
            Asked::Meter(id) => Entries::Meter(tables.meter_stats(id, now)?.into_iter()),
            Asked::MeterConfig(id) => Entries::MeterConfig(tables.meter_configs(id)?.into_iter()),
            _ => return Err(bad_request(BadRequestCode::BadMultipart)),
        };
        Ok(Dump { xid, entries, kept: Vec::new() })
    }

    /// The entries that new monitors want to hear of.
    pub(crate) fn of_monitors(
        core: &Core,
        xid: u32,
        monitors: Vec<Monitor>,
    ) -> Result<Dump, OfpError> {
        let mut tables = monitors.iter().map(|monitor| monitor.filter.table_id());
        let first = tables.next().unwrap_or(TableId(0));
        let table_id = if tables.all(|table| table == first) { first } else { TableId::ALL };
        let request = FlowStatsRequest { table_id, ..FlowStatsRequest::default() };
        let cursor = Box::new(core.switch.tables.flow_stats(&request)?);
        Ok(Dump { xid, entries: Entries::Monitored(cursor, monitors), kept: Vec::new() })
    }

    /// Queues the next message of the list, or looks for more of its entries. Returns whether it was
    /// the last.
    pub(crate) fn queue_part(&mut self, core: &Core, channel: &mut Channel, now: Nanos) -> bool {
        let mut is_last = false;
        channel.reply(PART_LEN, |buffer| is_last = self.encode_part(core, now, buffer));
        is_last
    }

    /// Writes the next message, or nothing when it has looked at as many entries as it may; returns
    /// whether it is the last.
    fn encode_part(&mut self, core: &Core, now: Nanos, buffer: &mut Vec<u8>) -> bool {
        let start = buffer.len();
        let mut budget = LOOK_COUNT;
        buffer.append(&mut self.kept);
        let is_last = loop {
            let mark = buffer.len();
            let Some(body) = self.entries.next(core, now, &mut budget) else {
                if !self.entries.is_done() {
                    self.kept = buffer.split_off(start);
                    return false;
                }
                break true;
            };
            if !encode(self.xid, body, buffer) {
                buffer.truncate(mark);
                continue;
            }
            if mark == start {
                // The first entry's header is the message's.
                continue;
            }
            let fixed_len = self.entries.fixed_len();
            let len = buffer.len().saturating_sub(start).saturating_sub(fixed_len);
            if len > PART_LEN {
                self.kept = buffer.split_off(mark);
                break false;
            }
            buffer.drain(mark..mark.saturating_add(fixed_len));
        };
        if buffer.len() == start && !encode(self.xid, self.entries.none(), buffer) {
            buffer.truncate(start);
        }
        let len = buffer.len().saturating_sub(start);
        let message = buffer.get_mut(start..).unwrap_or_default();
        set_word(message, 2, u16::try_from(len).unwrap_or(0));
        if !is_last {
            set_word(message, FLAGS_AT, MultipartFlags::MORE.bits());
        }
        is_last
    }
}

impl Entries {
    /// The next entry, as the body of a reply that holds nothing else.
    fn next(&mut self, core: &Core, now: Nanos, budget: &mut u32) -> Option<MultipartReplyBody> {
        use MultipartReplyBody as Reply;
        let tables = &core.switch.tables;
        Some(match self {
            Entries::Flow(cursor) => {
                Reply::Flow([tables.next_flow_stats(cursor, now, budget)?].into())
            }
            Entries::Aggregate(cursor, sum) => {
                tables.aggregate_more(cursor, sum, *budget);
                *budget = 0;
                if !cursor.is_done() {
                    return None;
                }
                let sum = *sum;
                *self = Entries::Aggregated;
                Reply::Aggregate(sum)
            }
            Entries::Aggregated => return None,
            Entries::Monitored(_, monitors) if monitors.is_empty() => return None,
            Entries::Monitored(cursor, monitors) => loop {
                let entry = tables.next_flow(cursor, budget)?;
                let flags = selecting(monitors, &entry, FlowMonitorFlags::all());
                if !flags.is_empty() {
                    let update = entry.update(flags.contains(FlowMonitorFlags::ACTIONS));
                    break Reply::FlowMonitor([update].into());
                }
            },
            Entries::TableFeatures(ids) => {
                // A table may have vanished meanwhile.
                Reply::TableFeatures([ids.find_map(|id| tables.table_features(id))?].into())
            }
            Entries::Table(list) => Reply::Table([list.next()?].into()),
            Entries::PortStats(list) => Reply::PortStats([list.next()?].into()),
            Entries::PortDesc(list) => Reply::PortDesc([list.next()?].into()),
            Entries::Queue(list) => Reply::Queue([list.next()?].into()),
            Entries::Group(list) => Reply::Group([list.next()?].into()),
            Entries::GroupDesc(list) => Reply::GroupDesc([list.next()?].into()),
            Entries::Meter(list) => Reply::Meter([list.next()?].into()),
            Entries::MeterConfig(list) => Reply::MeterConfig([list.next()?].into()),
        })
    }

    /// Whether `None` from [`next`](Entries::next) means that nothing is left.
    fn is_done(&self) -> bool {
        match self {
            Entries::Flow(cursor) | Entries::Aggregate(cursor, _) => cursor.is_done(),
            Entries::Monitored(cursor, monitors) => cursor.is_done() || monitors.is_empty(),
            _ => true,
        }
    }

    /// Bytes before the first entry of a message.
    fn fixed_len(&self) -> usize {
        match self {
            Entries::Monitored(..) => FIXED_LEN + EXPERIMENTER_LEN,
            _ => FIXED_LEN,
        }
    }

    /// The body of a reply without entries.
    fn none(&self) -> MultipartReplyBody {
        use MultipartReplyBody as Reply;
        match self {
            Entries::Flow(_) => Reply::Flow(Vec::new()),
            Entries::Aggregate(_, sum) => Reply::Aggregate(*sum),
            Entries::Aggregated => Reply::Aggregate(AggregateStats::default()),
            Entries::Monitored(..) => Reply::FlowMonitor(Vec::new()),
            Entries::TableFeatures(_) => Reply::TableFeatures(Vec::new()),
            Entries::Table(_) => Reply::Table(Vec::new()),
            Entries::PortStats(_) => Reply::PortStats(Vec::new()),
            Entries::PortDesc(_) => Reply::PortDesc(Vec::new()),
            Entries::Queue(_) => Reply::Queue(Vec::new()),
            Entries::Group(_) => Reply::Group(Vec::new()),
            Entries::GroupDesc(_) => Reply::GroupDesc(Vec::new()),
            Entries::Meter(_) => Reply::Meter(Vec::new()),
            Entries::MeterConfig(_) => Reply::MeterConfig(Vec::new()),
        }
    }
}

/// Appends a reply message; `false` when it is too long for one.
fn encode(xid: u32, body: MultipartReplyBody, buffer: &mut Vec<u8>) -> bool {
    let reply = MultipartReply { flags: MultipartFlags::empty(), body };
    Message::MultipartReply(reply).encode(xid, buffer).is_ok()
}

fn set_word(message: &mut [u8], at: usize, word: u16) {
    if let Some(place) = message.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *place = word.to_be_bytes();
    }
}
