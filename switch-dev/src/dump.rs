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

use alloc::vec::{IntoIter, Vec};

use datapath::FlowCursor;
use hypercall::Nanos;
use ofp_codec::memory::{NoMemory, TryBox, try_collect, try_list, try_one};
use ofp_codec::multipart::{
    AggregateStats, FlowMonitorFlags, FlowStatsRequest, GroupDesc, GroupStats, MeterConfig,
    MeterStats, MultipartFlags, PortStats, QueueStats, TableStats,
};
use ofp_codec::{
    BadRequestCode, EncodeError, Message, MultipartReply, MultipartReplyBody, MultipartRequestBody,
    OfpError, PortDesc, TableId,
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
    Flow(TryBox<FlowCursor>),
    Aggregate(TryBox<FlowCursor>, AggregateStats),
    /// The sum has been told.
    Aggregated,
    Monitored(TryBox<FlowCursor>, Vec<Monitor>),
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
            Asked::Flow(request) => Entries::Flow(TryBox::new(tables.flow_stats(&request)?)?),
            Asked::Aggregate(request) => {
                let cursor = TryBox::new(tables.flow_stats(&request)?)?;
                Entries::Aggregate(cursor, AggregateStats::default())
            }
            Asked::TableFeatures(_) => return Dump::of_tables(xid, tables.table_ids()),
            Asked::Table => Entries::Table(try_collect(tables.table_stats())?.into_iter()),
            Asked::PortStats(port) => Entries::PortStats(tables.port_stats(port, now)?.into_iter()),
            Asked::PortDesc => Entries::PortDesc(tables.try_port_descs()?.into_iter()),
            Asked::Queue(request) => Entries::Queue(tables.queue_stats(request, now)?.into_iter()),
            Asked::Group(id) => Entries::Group(tables.try_group_stats(id, now)?.into_iter()),
            Asked::GroupDesc => Entries::GroupDesc(tables.try_group_descs()?.into_iter()),
            Asked::Meter(id) => Entries::Meter(tables.meter_stats(id, now)?.into_iter()),
            Asked::MeterConfig(id) => Entries::MeterConfig(tables.meter_configs(id)?.into_iter()),
            _ => return Err(bad_request(BadRequestCode::BadMultipart)),
        };
        Ok(Dump { xid, entries, kept: Vec::new() })
    }

    /// The entries that new monitors want to hear of.
    pub(crate) fn of_tables(
        xid: u32,
        tables: impl Iterator<Item = TableId>,
    ) -> Result<Dump, OfpError> {
        let entries = Entries::TableFeatures(try_collect(tables)?.into_iter());
        Ok(Dump { xid, entries, kept: Vec::new() })
    }

    pub(crate) fn of_monitors(
        core: &Core,
        xid: u32,
        monitors: Vec<Monitor>,
    ) -> Result<Dump, OfpError> {
        let mut tables = monitors.iter().map(|monitor| monitor.filter.table_id());
        let first = tables.next().unwrap_or(TableId(0));
        let table_id = if tables.all(|table| table == first) { first } else { TableId::ALL };
        let request = FlowStatsRequest { table_id, ..FlowStatsRequest::default() };
        let cursor = TryBox::new(core.switch.tables.flow_stats(&request)?)?;
        Ok(Dump { xid, entries: Entries::Monitored(cursor, monitors), kept: Vec::new() })
    }

    /// Queues the next message of the list, or looks for more of its entries. Returns whether it was
    /// the last.
    pub(crate) fn queue_part(&mut self, core: &Core, channel: &mut Channel, now: Nanos) -> bool {
        let mut is_last = false;
        channel.reply(PART_LEN, |buffer| {
            is_last = self.encode_part(core, now, buffer)?;
            Ok(())
        });
        is_last
    }

    /// Writes the next message, or nothing when it has looked at as many entries as it may; returns
    /// whether it is the last.
    ///
    /// # Errors
    ///
    /// [`EncodeError::NoMemory`]: the reply cannot go on.
    fn encode_part(
        &mut self,
        core: &Core,
        now: Nanos,
        buffer: &mut Vec<u8>,
    ) -> Result<bool, EncodeError> {
        let start = buffer.len();
        let mut budget = LOOK_COUNT;
        buffer.try_reserve(self.kept.len()).map_err(|_| EncodeError::NoMemory)?;
        buffer.append(&mut self.kept);
        let is_last = loop {
            let mark = buffer.len();
            let body = self.entries.next(core, now, &mut budget);
            let Some(body) = body.map_err(|NoMemory| EncodeError::NoMemory)? else {
                if !self.entries.is_done() {
                    self.kept = split_off(buffer, start)?;
                    return Ok(false);
                }
                break true;
            };
            match encode(self.xid, body, buffer) {
                Err(EncodeError::NoMemory) => return Err(EncodeError::NoMemory),
                Err(_) => continue,
                Ok(()) => {}
            }
            if mark == start {
                // The first entry's header is the message's.
                continue;
            }
            let fixed_len = self.entries.fixed_len();
            let len = buffer.len().saturating_sub(start).saturating_sub(fixed_len);
            if len > PART_LEN {
                self.kept = split_off(buffer, mark)?;
                break false;
            }
            buffer.drain(mark..mark.saturating_add(fixed_len));
        };
        if buffer.len() == start {
            encode(self.xid, self.entries.none(), buffer)?;
        }
        let len = buffer.len().saturating_sub(start);
        let message = buffer.get_mut(start..).unwrap_or_default();
        set_word(message, 2, u16::try_from(len).unwrap_or(0));
        if !is_last {
            set_word(message, FLAGS_AT, MultipartFlags::MORE.bits());
        }
        Ok(is_last)
    }
}

impl Entries {
    /// The next entry, as the body of a reply that holds nothing else.
    fn next(
        &mut self,
        core: &Core,
        now: Nanos,
        budget: &mut u32,
    ) -> Result<Option<MultipartReplyBody>, NoMemory> {
        use MultipartReplyBody as Reply;
        /// A body of one entry, if there is one.
        fn body<T>(
            entry: Option<T>,
            reply: impl FnOnce(Vec<T>) -> MultipartReplyBody,
        ) -> Result<Option<MultipartReplyBody>, NoMemory> {
            entry.map(|entry| try_one(entry).map(reply)).transpose()
        }
        let tables = &core.switch.tables;
        match self {
            Entries::Flow(cursor) => {
                body(tables.try_next_flow_stats(cursor, now, budget)?, Reply::Flow)
            }
            Entries::Aggregate(cursor, sum) => {
                tables.aggregate_more(cursor, sum, *budget);
                *budget = 0;
                if !cursor.is_done() {
                    return Ok(None);
                }
                let sum = *sum;
                *self = Entries::Aggregated;
                Ok(Some(Reply::Aggregate(sum)))
            }
            Entries::Aggregated => Ok(None),
            Entries::Monitored(_, monitors) if monitors.is_empty() => Ok(None),
            Entries::Monitored(cursor, monitors) => loop {
                let Some(entry) = tables.next_flow(cursor, budget) else { break Ok(None) };
                let flags = selecting(monitors, &entry, FlowMonitorFlags::all());
                if !flags.is_empty() {
                    let update = entry.update(flags.contains(FlowMonitorFlags::ACTIONS))?;
                    break body(Some(update), Reply::FlowMonitor);
                }
            },
            Entries::TableFeatures(ids) => {
                // A table may have vanished meanwhile.
                let features = ids.find_map(|id| tables.try_table_features(id).transpose());
                body(features.transpose()?, Reply::TableFeatures)
            }
            Entries::Table(list) => body(list.next(), Reply::Table),
            Entries::PortStats(list) => body(list.next(), Reply::PortStats),
            Entries::PortDesc(list) => body(list.next(), Reply::PortDesc),
            Entries::Queue(list) => body(list.next(), Reply::Queue),
            Entries::Group(list) => body(list.next(), Reply::Group),
            Entries::GroupDesc(list) => body(list.next(), Reply::GroupDesc),
            Entries::Meter(list) => body(list.next(), Reply::Meter),
            Entries::MeterConfig(list) => body(list.next(), Reply::MeterConfig),
        }
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
fn encode(xid: u32, body: MultipartReplyBody, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
    let reply = MultipartReply { flags: MultipartFlags::empty(), body };
    Message::MultipartReply(reply).encode(xid, buffer)
}

/// Takes what stands from `at` on out of the buffer.
fn split_off(buffer: &mut Vec<u8>, at: usize) -> Result<Vec<u8>, EncodeError> {
    let behind = buffer.get(at..).unwrap_or_default();
    let behind = try_list(behind).map_err(|NoMemory| EncodeError::NoMemory)?;
    buffer.truncate(at);
    Ok(behind)
}

fn set_word(message: &mut [u8], at: usize, word: u16) {
    if let Some(place) = message.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *place = word.to_be_bytes();
    }
}
