//! One packet's way, told step by step, without leaving a mark: nothing is counted, learned, metered,
//! punted or transmitted.
//!
//! The walk is the same code as the fast path's, watched by an [`Observer`]; so what is told is what
//! would happen. Where a table has no entry for the packet, the entry that came closest is found by
//! comparing every entry of the table field by field. Where memory is short the story is cut.

use alloc::vec::Vec;
use core::fmt;
use core::slice::from_mut;

use hypercall::{Frame, Hypercall, Meta, Nanos, Port, Sent, VecFrame};
use ofp_codec::memory::{NoMemory, TryBox};
use ofp_codec::multipart::FlowStats;
use ofp_codec::{Action, GroupId, MeterId, Oxm, PacketInReason, PortNo, TableId};

use crate::counters::DropReason;
use crate::execute::{Carrier, Departures, Room, Run};
use crate::flow_cache::FlowCache;
use crate::fragments::Fragments;
use crate::key::{Depth, Key, MaskedKey};
use crate::mac_table::MacTable;
use crate::observer::{Observer, Step};
use crate::packet::Packet;
use crate::program::{Act, ActionSet, Output, wide};
use crate::punt::PuntQueue;
use crate::tables::Tables;
use crate::worker::{self, Events};

/// One step of a packet's way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceStep {
    /// A table was searched.
    Table {
        /// The table.
        table_id: TableId,
        /// The entry that matched.
        entry: Option<FlowStats>,
        /// When none did: the entry that came closest.
        nearest: Option<TryBox<Nearest>>,
    },
    /// The switch's own forwarding takes the packet.
    Normal,
    /// The action set is executed.
    ActionSet,
    /// An action is done.
    Action(Action),
    /// A group sends the packet, or a copy, through a bucket.
    Bucket {
        /// The group.
        group_id: GroupId,
        /// The bucket's place in it, from 0.
        bucket: usize,
    },
    /// A meter would measure the packet.
    Meter(MeterId),
    /// The packet, or a copy, goes out of a port.
    Output {
        /// The port.
        port: Port,
        /// The bytes that go out.
        frame: Vec<u8>,
    },
    /// The packet, or a copy, goes to the controllers.
    PacketIn(PacketInReason),
    /// The packet, or a copy, ends unsent.
    Dropped(DropReason),
    /// Memory was short: what follows is not told.
    Cut,
}

/// The entry of a table that came closest to matching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// The entry.
    pub entry: FlowStats,
    /// The first field of its match that does not hold.
    pub failed: Oxm,
    /// What the packet has there; `None` when it lacks the header.
    pub found: Option<u128>,
}

impl fmt::Display for TraceStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TraceStep::Table { table_id, entry: Some(entry), .. } => {
                write!(f, "table {table_id}: {}", Brief(entry))
            }
            TraceStep::Table { table_id, nearest, .. } => {
                write!(f, "table {table_id}: no match")?;
                match nearest {
                    Some(nearest) => write!(f, "; {nearest}"),
                    None => f.write_str(" (the table is empty)"),
                }
            }
            TraceStep::Normal => f.write_str("NORMAL"),
            TraceStep::ActionSet => f.write_str("action set"),
            TraceStep::Action(action) => action.fmt(f),
            TraceStep::Bucket { group_id, bucket } => {
                write!(f, "group {group_id}, bucket {bucket}")
            }
            TraceStep::Meter(id) => write!(f, "meter {id}"),
            TraceStep::Output { port, frame } => {
                write!(f, "out of port {}, {} bytes", PortNo(port.0), frame.len())
            }
            TraceStep::PacketIn(reason) => write!(f, "packet-in, reason {reason}"),
            TraceStep::Dropped(reason) => write!(f, "dropped: {}", reason.name()),
            TraceStep::Cut => f.write_str("out of memory: what follows is not told"),
        }
    }
}

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.failed.field.info();
        write!(f, "closest: {}; {} ", Brief(&self.entry), info.name)?;
        match self.found {
            Some(found) => write!(f, "is {}", Oxm::new(self.failed.field, found).value_text())?,
            None => f.write_str("is not there")?,
        }
        write!(f, ", not {}", self.failed.value_text())
    }
}

/// An entry without its counters.
struct Brief<'a>(&'a FlowStats);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "priority={}", self.0.priority)?;
        if !self.0.matching.fields().is_empty() {
            write!(f, ",{}", self.0.matching)?;
        }
        write!(f, " cookie={:#x}", self.0.cookie)
    }
}

impl Tables {
    /// Tells the way of a frame that came in by `port`. NORMAL knows no station here; see
    /// [`Switch::trace`](crate::Switch::trace). Short of memory it ends with [`TraceStep::Cut`], or tells
    /// nothing.
    pub fn trace(&self, now: Nanos, port: Port, meta: Meta, frame: &[u8]) -> Vec<TraceStep> {
        let Ok(mut fragments) = Fragments::new(0) else { return Vec::new() };
        self.trace_with(&MacTable::new(1, 0, 0), &mut fragments, now, port, meta, frame)
    }

    pub(crate) fn trace_with(
        &self,
        macs: &MacTable,
        fragments: &mut Fragments,
        now: Nanos,
        port: Port,
        meta: Meta,
        frame: &[u8],
    ) -> Vec<TraceStep> {
        let mut tracer = Tracer { now, steps: Vec::new(), framed: 0 };
        let Some(frame) = VecFrame::try_from_bytes(frame) else {
            return tracer.told(Err(NoMemory));
        };
        if let Err(reason) = worker::admit(self.ports.gate(port), &frame) {
            return tracer.told(Ok(TraceStep::Dropped(reason)));
        }
        let mut packet = Packet::new(frame, port, meta);
        if self.drops_fragments && worker::is_fragment(&mut packet) {
            return tracer.told(Ok(TraceStep::Dropped(DropReason::Fragment)));
        }
        // The closest entry may fail in a field that no lookup gets to.
        packet.ensure(Depth::Whole);
        let mut carrier = Carrier::new(packet);
        let Some(cells) = self.counters.worker(0) else { return tracer.steps };
        let mut run = Run {
            tables: self,
            cells,
            host: &mut Nobody,
            observer: &mut tracer,
            punts: &mut PuntQueue::new(0, 0),
            macs,
            fragments,
            cache: &mut FlowCache::none(),
            now,
            events: Events::empty(),
            outcomes: 0,
            outputs: 0,
            departures: Departures::default(),
            room: Room::default(),
            sets: &mut [],
        };
        match self.is_standalone {
            true => run.normal(&mut carrier),
            false => run.walk(&mut [ActionSet::default()], from_mut(&mut carrier), true),
        }
        run.finish(carrier);
        tracer.steps
    }

    /// The entry that came closest; `None` when the table is empty.
    fn nearest(
        &self,
        table_id: u8,
        key: &Key,
        now: Nanos,
    ) -> Result<Option<TryBox<Nearest>>, NoMemory> {
        let mut best: Option<(usize, usize, u32)> = None;
        let first = self.tables.get(usize::from(table_id)).and_then(|table| table.first());
        let Some(mut slot) = first else { return Ok(None) };
        while let Some(entry) = self.entries.get(slot) {
            let matching = entry.echo.matching()?;
            let held = matching.fields().iter().filter(|oxm| holds(oxm, key)).count();
            let failed = matching.fields().len().saturating_sub(held);
            if best
                .is_none_or(|(least, most, _)| failed < least || (failed == least && held > most))
            {
                best = Some((failed, held, slot));
            }
            slot = entry.next;
        }
        let Some(entry) = best.map(|(.., slot)| self.told_entry(slot, now)).transpose()? else {
            return Ok(None);
        };
        let failed = entry.matching.fields().iter().find(|oxm| !holds(oxm, key)).copied();
        let nearest = failed.map(|failed| Nearest { entry, failed, found: key.get(failed.field) });
        nearest.map(TryBox::new).transpose()
    }

    fn told_entry(&self, slot: u32, now: Nanos) -> Result<FlowStats, NoMemory> {
        let entry = self.entries.get(slot).ok_or(NoMemory)?;
        entry.stats(now, self.counters.entry(slot))
    }

    fn action_of(&self, act: &Act) -> Option<Action> {
        Some(match *act {
            Act::Output(Output::Controller) => Action::controller(),
            Act::Output(output) => Action::output(port_of(output)),
            Act::Group { slot, .. } => Action::Group(self.groups.get(slot)?.id()),
            Act::SetQueue(queue) => Action::SetQueue(queue),
            Act::CopyTtlOut => Action::CopyTtlOut,
            Act::CopyTtlIn => Action::CopyTtlIn,
            Act::SetMplsTtl(ttl) => Action::SetMplsTtl(ttl),
            Act::DecMplsTtl => Action::DecMplsTtl,
            Act::SetNwTtl(ttl) => Action::SetNwTtl(ttl),
            Act::DecNwTtl => Action::DecNwTtl,
            Act::PushVlan(ethertype) => Action::PushVlan(ethertype),
            Act::PopVlan => Action::PopVlan,
            Act::PushMpls(ethertype) => Action::PushMpls(ethertype),
            Act::PopMpls(ethertype) => Action::PopMpls(ethertype),
            Act::PushPbb(ethertype) => Action::PushPbb(ethertype),
            Act::PopPbb => Action::PopPbb,
            Act::SetField { field, value } => Action::SetField(Oxm::new(field, wide(value))),
        })
    }
}

fn port_of(output: Output) -> PortNo {
    match output {
        Output::Port(number) => PortNo(number),
        Output::InPort => PortNo::IN_PORT,
        Output::Table => PortNo::TABLE,
        Output::Normal => PortNo::NORMAL,
        Output::Flood => PortNo::FLOOD,
        Output::All => PortNo::ALL,
        Output::Controller => PortNo::CONTROLLER,
    }
}

/// Whether one field of a match holds.
fn holds(oxm: &Oxm, key: &Key) -> bool {
    let mut one = MaskedKey::ANY;
    one.name(oxm.field, oxm.value, oxm.mask);
    one.matches(key)
}

/// Notes the steps.
struct Tracer {
    now: Nanos,
    steps: Vec<TraceStep>,
    /// Steps before this one have their frame, if they need one.
    framed: usize,
}

impl Tracer {
    /// Whether there was no memory for a step: the ones behind it are not told either.
    fn is_cut(&self) -> bool {
        self.steps.last() == Some(&TraceStep::Cut)
    }

    fn note(&mut self, step: Result<TraceStep, NoMemory>) {
        if self.is_cut() {
            return;
        }
        // There is always room for the last word.
        let is_short = self.steps.try_reserve(2).is_err();
        match step {
            Ok(step) if !is_short => self.steps.push(step),
            _ => self.cut(),
        }
    }

    /// Forgets the step at this place and what follows it.
    fn cut_before(&mut self, at: usize) {
        self.steps.truncate(at);
        self.cut();
    }

    fn cut(&mut self) {
        if self.steps.capacity() > self.steps.len() {
            self.steps.push(TraceStep::Cut);
        }
    }

    /// All of it, with one step more.
    fn told(mut self, last: Result<TraceStep, NoMemory>) -> Vec<TraceStep> {
        self.note(last);
        self.steps
    }

    fn lookup(
        &self,
        tables: &Tables,
        table_id: u8,
        key: &Key,
        found: Option<u32>,
    ) -> Result<TraceStep, NoMemory> {
        let entry = found.map(|slot| tables.told_entry(slot, self.now)).transpose()?;
        let nearest = match entry {
            Some(_) => None,
            None => tables.nearest(table_id, key, self.now)?,
        };
        Ok(TraceStep::Table { table_id: TableId(table_id), entry, nearest })
    }
}

impl Observer for Tracer {
    const DRY: bool = true;

    fn step(&mut self, tables: &Tables, step: Step<'_>) {
        let step = match step {
            Step::Lookup { table_id, key, found } => {
                let step = self.lookup(tables, table_id, key, found);
                return self.note(step);
            }
            Step::Normal => TraceStep::Normal,
            Step::ActionSet => TraceStep::ActionSet,
            Step::Act(act) => match tables.action_of(act) {
                Some(action) => TraceStep::Action(action),
                None => return,
            },
            Step::Bucket { slot, bucket } => match tables.groups.get(slot) {
                Some(group) => TraceStep::Bucket { group_id: group.id(), bucket },
                None => return,
            },
            Step::Meter { slot } => match tables.meters.id(slot) {
                Some(id) => TraceStep::Meter(id),
                None => return,
            },
            Step::Output(port) => TraceStep::Output { port, frame: Vec::new() },
            Step::Punt(reason) => TraceStep::PacketIn(reason),
            Step::Dropped(reason) => TraceStep::Dropped(reason),
        };
        self.note(Ok(step));
    }

    /// Outputs are told when they are owed, and their bytes when they are sent, in the same order.
    fn frame<F: Frame>(&mut self, port: Port, sent: &F) {
        let steps = self.steps.iter_mut().enumerate().skip(self.framed);
        for (at, step) in steps {
            if let TraceStep::Output { port: to, frame } = step {
                if *to == port && frame.is_empty() {
                    if frame.try_reserve_exact(sent.len()).is_err() {
                        return self.cut_before(at);
                    }
                    frame.resize(sent.len(), 0);
                    sent.read_at(0, frame);
                    self.framed = at;
                    return;
                }
            }
        }
    }
}

/// A host that nothing is sent to.
struct Nobody;

impl Hypercall for Nobody {
    type Frame = VecFrame;

    fn transmit(&mut self, _: Port, _: &Meta, _: VecFrame) -> Sent {
        Sent::Dropped
    }

    fn duplicate(&mut self, frame: &VecFrame) -> Option<VecFrame> {
        VecFrame::try_from_bytes(frame.headers())
    }

    fn allocate(&mut self, len: usize) -> Option<VecFrame> {
        VecFrame::try_zeroed(len)
    }
}
