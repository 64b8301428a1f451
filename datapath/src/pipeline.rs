//! The walk of packets through the flow tables, in the order of the standard (§5.1, §5.9).
//!
//! # What
//!
//! [`Run::walk`] takes a batch through the tables in two strides. The first goes level by level: all
//! packets that are at the same table are parsed as deep as it looks, looked up together, counted,
//! and led on by the programs of the entries that they hit, as long as these are *private*: they
//! change nothing but their packet, its metadata and its action set, or end with one output, which is
//! owed and leaves when the batch ends. The second takes the packets that are left in their order and
//! does what others can see: groups, meters, several outputs, the action set.
//!
//! # Design
//!
//! What packets share (meters, stations learned, the queue to the controllers, the links) sees them
//! in the order in which they came, so a batch gives the same result as its packets one by one. A
//! packet that hits an entry with something shared to do before a Goto-Table is looked up alone from
//! there on. Goto-Table only leads forward, so the first stride visits each table once, whatever
//! ways its packets take. A batch of one is the same code.
//!
//! # What it costs
//!
//! A table without entries that look at the packet (a table-miss flow entry alone) costs no lookup:
//! a static Goto-Table is two counters and a jump. `benches/instructions.txt` has the figures.

use core::hint::black_box;
use core::slice::from_mut;

use arrayvec::ArrayVec;
use hypercall::{Hypercall, Port};
use ofp_codec::PacketInReason;

use crate::batch::BATCH;
use crate::counters::{DropReason, Load};
use crate::execute::{Carrier, Flow, Origin, Run};
use crate::flow_entry::FlowEntry;
use crate::key::{Depth, Key};
use crate::meters::Verdict;
use crate::observer::{Observer, Step};
use crate::program::{Act, ActionSet, Op, Output, Program};

/// Entries of a table above which they are loaded for all packets before the first is used.
const WORTH_WARMING: u32 = 2048;

/// Places of packets in their batch.
type Places = ArrayVec<u8, BATCH>;
/// Those of a full batch.
const EVERY_PLACE: [u8; BATCH] = {
    let mut places = [0; BATCH];
    let mut rest: &mut [u8] = &mut places;
    let mut next = 0;
    while let Some((place, more)) = rest.split_first_mut() {
        *place = next;
        next += 1;
        rest = more;
    }
    places
};

impl<'a, H: Hypercall + ?Sized, O: Observer> Run<'a, H, O> {
    /// Sends packets through the tables from the first one on and to wherever they say; the outputs
    /// that they owe at the end are [`finish`](Self::finish)'s. Each has one of `sets` for its
    /// action set. At most [`BATCH`] packets.
    ///
    /// 1. Count a lookup; find the entry of highest priority that matches.
    /// 2. None: drop. 3. Count a match, note the use, run the entry's instructions.
    /// 4. Goto-Table: on with that table. 5. None: execute the action set.
    pub(crate) fn walk(&mut self, sets: &mut [ActionSet], flight: &mut [Carrier<H::Frame>]) {
        let mut stops = [Stop::Done; BATCH];
        if self.look_ahead(sets, flight, &mut stops) {
            return;
        }
        for ((carrier, set), stop) in flight.iter_mut().zip(sets).zip(stops) {
            self.outcomes = u32::from(matches!(stop, Stop::Done));
            self.outputs = carrier.outputs;
            match stop {
                Stop::Entry { table_id, entry, done } => {
                    self.go_on(set, carrier, table_id, entry, done);
                }
                Stop::End { table_id } => self.action_set(set, carrier, table_id),
                Stop::Done => {}
            }
        }
    }

    /// The first stride: leads the packets to where something is to be done that others can see.
    /// Whether there is nothing of the kind.
    fn look_ahead(
        &mut self,
        sets: &mut [ActionSet],
        flight: &mut [Carrier<H::Frame>],
        stops: &mut [Stop<'a>; BATCH],
    ) -> bool {
        let mut is_done = true;
        let mut here = Places::from(EVERY_PLACE);
        here.truncate(flight.len());
        if !flight.iter().all(|carrier| carrier.is_in) {
            let is_in = |at: &mut u8| flight.get(usize::from(*at)).is_some_and(|it| it.is_in);
            here.retain(is_in);
        }
        sets.iter_mut().zip(flight.iter()).for_each(|(set, _)| set.clear());
        let mut ahead = Ahead::default();
        let mut table_id = 0;
        loop {
            let found = self.look_up(table_id, &here, flight);
            for (&at, &found) in here.iter().zip(&found) {
                let index = usize::from(at);
                let (Some(carrier), Some(stop)) = (flight.get_mut(index), stops.get_mut(index))
                else {
                    continue;
                };
                self.outcomes = 0;
                let Some(entry) = self.hit(carrier, table_id, found) else { continue };
                let Some(set) = sets.get_mut(index) else { continue };
                // Most ways end with one output, whichever instruction says so, or without any: an
                // output is owed, which nobody sees yet.
                if !O::DRY && set.is_empty() {
                    match entry.program() {
                        Program::One(
                            Op::Apply(Act::Output(Output::Port(port)))
                            | Op::Write(Act::Output(Output::Port(port))),
                        ) => {
                            self.only_output(carrier, Port(*port));
                            continue;
                        }
                        Program::Changes { ops, port } => {
                            let left = carrier.change(ops, Op::applied).len();
                            if left == 1 {
                                self.only_output(carrier, *port);
                                continue;
                            }
                            // Something unusual or a failure, which others may see.
                            is_done = false;
                            let done = ops.len().saturating_sub(left);
                            *stop = Stop::Entry { table_id, entry, done };
                            continue;
                        }
                        Program::One(Op::GotoTable(next)) => {
                            ahead.push(at, *next);
                            continue;
                        }
                        Program::Many { ops, .. } => {
                            if let [Op::WriteMetadata { value, mask }, Op::GotoTable(next)] = **ops
                            {
                                carrier.packet.write_metadata(value, mask);
                                ahead.push(at, next);
                                continue;
                            }
                        }
                        Program::Empty => {
                            self.dropped(DropReason::NoOutput, &carrier.packet);
                            continue;
                        }
                        _ => {}
                    }
                }
                is_done = false;
                if !entry.program().is_private() {
                    *stop = Stop::Entry { table_id, entry, done: 0 };
                    continue;
                }
                match self.instructions(set, carrier, table_id, entry, 0) {
                    Next::Table(next) => ahead.push(at, next),
                    Next::End => *stop = Stop::End { table_id },
                    Next::Dropped => {}
                }
            }
            let Some(next) = ahead.next(&mut here) else { return is_done };
            table_id = next;
        }
    }

    /// Does an output that is all that is left to do.
    #[inline(always)]
    fn only_output(&mut self, carrier: &mut Carrier<H::Frame>, port: Port) {
        self.outputs = carrier.outputs;
        match port == carrier.packet.in_port {
            false => self.emit(carrier, port),
            true => self.dropped(DropReason::EgressIsIngress, &carrier.packet),
        }
    }

    /// The slots of the entries that the packets at `table_id` hit, in the order of `here`; counts
    /// the lookups.
    fn look_up(
        &mut self,
        table_id: u8,
        here: &[u8],
        flight: &mut [Carrier<H::Frame>],
    ) -> [Option<u32>; BATCH] {
        let mut found = [None; BATCH];
        let Some(table) = self.tables.tables.get(usize::from(table_id)) else { return found };
        let depth = table.classifier.needs().depth;
        if depth != Depth::Nothing {
            for &at in here {
                if let Some(carrier) = flight.get_mut(usize::from(at)) {
                    carrier.packet.ensure(depth);
                }
            }
        }
        let at = |&at: &u8| flight.get(usize::from(at)).map(|carrier| &carrier.packet.key);
        let keys: ArrayVec<&Key, BATCH> = here.iter().filter_map(at).collect();
        match keys.split_first() {
            Some((first, others))
                if !others.is_empty() && table.classifier.has_one_answer(&keys) =>
            {
                let [one, rest @ ..] = &mut found;
                self.cache.find_batch(&table.classifier, table_id, &[first], from_mut(one));
                rest.iter_mut().zip(others).for_each(|(found, _)| *found = *one);
            }
            _ => self.cache.find_batch(&table.classifier, table_id, &keys, &mut found),
        }
        if table.count > WORTH_WARMING {
            self.warm(&found);
        }
        if !O::DRY {
            if let Some(cell) = self.cells.tables.get(u32::from(table_id)) {
                cell.lookups.add(keys.len() as u64);
                cell.matches.add(found.iter().flatten().count() as u64);
            }
        }
        found
    }

    /// Loads what the packets are about to touch of their entries and counters, in a loop too short for
    /// one wait to hold the next load up: a large table's lie far from the processor.
    #[inline(never)]
    fn warm(&self, found: &[Option<u32>; BATCH]) {
        let slots = || found.iter().flatten();
        let of = |slot: u32| {
            let entry = self.tables.entries.get(slot).map_or(0, |entry| entry.cookie());
            let cell = self.cells.entries.get(slot).map_or(0, |cell| cell.packets.get());
            entry ^ cell
        };
        black_box(slots().fold(0, |all, &slot| all ^ of(slot)));
        // Longer programs lie elsewhere; where, the entries have just told.
        let is_meter = |slot: u32| {
            let entry = self.tables.entries.get(slot);
            entry.is_some_and(|entry| matches!(entry.program().ops(), [Op::Meter(_), ..]))
        };
        black_box(slots().fold(false, |all, &slot| all ^ is_meter(slot)));
    }

    /// The entry in the slot that was `found`, its use counted; without one the packet is dropped,
    /// unless something has become of it before.
    #[inline]
    fn hit(
        &mut self,
        carrier: &mut Carrier<H::Frame>,
        table_id: u8,
        found: Option<u32>,
    ) -> Option<&'a FlowEntry> {
        let tables = self.tables;
        let key = &carrier.packet.key;
        self.observer.step(tables, Step::Lookup { table_id, key, found });
        let Some((slot, entry)) = found.and_then(|slot| Some((slot, tables.entries.get(slot)?)))
        else {
            if self.outcomes == 0 {
                self.dropped(DropReason::TableMiss, &carrier.packet);
            }
            return None;
        };
        self.count_match(slot, carrier.load);
        Some(entry)
    }

    /// The second stride of one packet: runs the program of an entry, of which the first `done`
    /// operations have been, then goes on from table to table.
    fn go_on(
        &mut self,
        set: &mut ActionSet,
        carrier: &mut Carrier<H::Frame>,
        table_id: u8,
        entry: &'a FlowEntry,
        done: usize,
    ) {
        let (mut table_id, mut entry, mut done) = (table_id, entry, done);
        loop {
            match self.instructions(set, carrier, table_id, entry, done) {
                Next::Table(next) => (table_id, done) = (next, 0),
                // Nothing is left to do, and something has become of it.
                Next::End if set.is_empty() && self.outcomes != 0 => return,
                Next::End => return self.action_set(set, carrier, table_id),
                Next::Dropped => return,
            }
            let [found, ..] = self.look_up(table_id, &[0], from_mut(carrier));
            let Some(next) = self.hit(carrier, table_id, found) else { return };
            entry = next;
        }
    }

    /// Runs an entry's program from the operation after the first `done` on.
    fn instructions(
        &mut self,
        set: &mut ActionSet,
        carrier: &mut Carrier<H::Frame>,
        table_id: u8,
        entry: &FlowEntry,
        done: usize,
    ) -> Next {
        let is_miss = entry.is_table_miss();
        let reason = if is_miss { PacketInReason::NoMatch } else { PacketInReason::Action };
        let origin = Origin { table_id, cookie: entry.cookie(), reason, is_packet_out: false };
        let mut ops = entry.program().ops().get(done..).unwrap_or_default();
        loop {
            if !O::DRY {
                ops = carrier.change(ops, Op::applied);
            }
            let Some((op, rest)) = ops.split_first() else { break };
            ops = rest;
            match op {
                Op::Apply(act) => {
                    let is_last = ops.is_empty() && !set.sends();
                    if self.act(carrier, act, origin, 0, is_last) == Flow::Stop {
                        return Next::Dropped;
                    }
                }
                Op::Write(act) => set.write(*act, is_miss),
                Op::GotoTable(next) => return Next::Table(*next),
                Op::WriteMetadata { value, mask } => carrier.packet.write_metadata(*value, *mask),
                Op::ClearActions => set.clear(),
                Op::Meter(slot) => {
                    if self.meter(carrier, *slot) == Flow::Stop {
                        return Next::Dropped;
                    }
                }
            }
        }
        Next::End
    }

    /// Executes the action set at the end of the pipeline (§5.10).
    fn action_set(&mut self, set: &ActionSet, carrier: &mut Carrier<H::Frame>, table_id: u8) {
        if !set.sends() {
            if self.outcomes == 0 {
                self.dropped(DropReason::NoOutput, &carrier.packet);
            }
            return;
        }
        self.observer.step(self.tables, Step::ActionSet);
        let is_miss = set.outputs_for_miss();
        let reason = if is_miss { PacketInReason::NoMatch } else { PacketInReason::Action };
        let origin = Origin { table_id, cookie: u64::MAX, reason, is_packet_out: false };
        for act in set.acts() {
            // A group or output ends the set, so it is the last to need the packet.
            if self.act(carrier, &act, origin, 0, true) == Flow::Stop {
                return;
            }
        }
        // A flood may find no port to go to.
        if self.outcomes == 0 {
            self.dropped(DropReason::NoOutput, &carrier.packet);
        }
    }

    fn meter(&mut self, carrier: &mut Carrier<H::Frame>, slot: u32) -> Flow {
        let load = carrier.load;
        self.observer.step(self.tables, Step::Meter { slot });
        let verdict = if O::DRY {
            Verdict::Pass
        } else {
            self.tables.meters.measure(slot, self.cells, load, self.now)
        };
        match verdict {
            Verdict::Pass => Flow::Continue,
            Verdict::Remark(levels) => {
                self.remark(carrier, levels);
                Flow::Continue
            }
            Verdict::Drop => {
                self.dropped(DropReason::Meter, &carrier.packet);
                Flow::Stop
            }
        }
    }

    #[inline]
    fn count_match(&self, slot: u32, load: Load) {
        if O::DRY {
            return;
        }
        if let Some(cell) = self.cells.entries.get(slot) {
            cell.add(load, self.now);
        }
    }
}

/// Packets on their way to later tables.
#[derive(Default)]
struct Ahead {
    /// Those on their way to the table that was named first.
    together: Places,
    table_id: u8,
    /// The others, and where they go.
    others: ArrayVec<(u8, u8), BATCH>,
}

impl Ahead {
    #[inline]
    fn push(&mut self, at: u8, table_id: u8) {
        if self.together.is_empty() {
            self.table_id = table_id;
        }
        match table_id == self.table_id {
            true => self.together.push(at),
            false => self.others.push((at, table_id)),
        }
    }

    /// The next table that packets go to, and in `here` which.
    #[inline]
    fn next(&mut self, here: &mut Places) -> Option<u8> {
        *here = core::mem::take(&mut self.together);
        if self.others.is_empty() {
            return (!here.is_empty()).then_some(self.table_id);
        }
        self.nearest(here)
    }

    #[inline(never)]
    fn nearest(&mut self, here: &mut Places) -> Option<u8> {
        self.others.extend(here.drain(..).map(|at| (at, self.table_id)));
        let nearest = self.others.iter().map(|&(_, table_id)| table_id).min()?;
        self.others.retain(|&mut (at, table_id)| {
            if table_id == nearest {
                here.push(at);
            }
            table_id != nearest
        });
        Some(nearest)
    }
}

/// Where a packet's first stride ends.
#[derive(Clone, Copy, Default)]
enum Stop<'a> {
    /// At an entry whose program does something that others can see.
    Entry { table_id: u8, entry: &'a FlowEntry, done: usize },
    /// At the end of the pipeline, with its action set to be executed.
    End { table_id: u8 },
    /// Nothing is left to do: it missed a table, could not be rewritten, or owes its only output.
    #[default]
    Done,
}

/// What follows an entry's instructions.
enum Next {
    Table(u8),
    End,
    Dropped,
}
