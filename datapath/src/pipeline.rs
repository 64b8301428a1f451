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
//! Where all packets at a table hit one entry (a table that looks at ingress ports, a stage that refuses
//! a few, a run of packets of one flow), what follows from the entry alone (its program, the gate of the
//! port that it names, its counters) is looked up and written once for all of them, not for each.
//!
//! Where they hit different ones, a word beside the counters of the entry ([`Lead`]) says whether its program
//! does the usual, an output alone or behind changes of the packet, and the entry is not looked at; the
//! gate of the port is looked up when it is another one than the last packet's.
//!
//! # What it costs
//!
//! A table without entries that look at the packet (a table-miss flow entry alone) costs no lookup:
//! a static Goto-Table is two counters and a jump. `benches/instructions.txt` has the figures.

mod ahead;
mod stride;

use core::hint::black_box;
use core::slice::from_mut;

use arrayvec::ArrayVec;
use hypercall::{Frame, Hypercall, Port};
use ofp_codec::PacketInReason;

use self::ahead::{EVERY_PLACE, Places};
use self::stride::{Stop, Stride, bit, for_each_of, load_of};
use crate::batch::BATCH;
use crate::counters::{DropReason, Load};
use crate::execute::{Carrier, Exit, Flow, Origin, Run};
use crate::extract::extract_to;
use crate::flow_entry::FlowEntry;
use crate::key::{Depth, Key};
use crate::lead::Lead;
use crate::meters::Verdict;
use crate::observer::{Observer, Step};
use crate::packet::Packet;
use crate::ports::{Gate, Ports};
use crate::program::{Act, ActionSet, Changes, Op, Output, Program};
use crate::rewrite::Recipe;

/// Entries of a table above which they are loaded for all packets before the first is used.
const WORTH_WARMING: u32 = 2048;

impl<'a, H: Hypercall + ?Sized, O: Observer> Run<'a, H, O> {
    /// Sends packets through the tables from the first one on and to wherever they say; the outputs
    /// that they owe at the end are [`finish`](Self::finish)'s. Each has one of `sets` for its
    /// action set. At most [`BATCH`] packets.
    ///
    /// 1. Count a lookup; find the entry of highest priority that matches.
    /// 2. None: drop. 3. Count a match, note the use, run the entry's instructions.
    /// 4. Goto-Table: on with that table. 5. None: execute the action set.
    ///
    /// `are_in` says that all of them have entered the switch.
    pub(crate) fn walk(
        &mut self,
        sets: &mut [ActionSet],
        flight: &mut [Carrier<H::Frame>],
        are_in: bool,
    ) {
        let mut stops = [Stop::Done; BATCH];
        // One that is a copy may have had nearly all the outputs that it gets.
        let is_odd = O::DRY || matches!(flight, [copy] if copy.outputs != 0);
        let mut stride = Stride::new(sets, &mut stops, is_odd);
        self.look_ahead(&mut stride, flight, are_in);
        let Stride { used, is_done, .. } = stride;
        if is_done {
            // Something has become of every packet; who walks one goes on counting.
            self.outcomes = 1;
            if let [carrier] = flight {
                self.outputs = carrier.outputs.saturating_add(u32::from(carrier.owes()));
            }
            return;
        }
        self.take_up(sets, flight, &stops, used);
    }

    /// The second stride: what others can see, packet by packet.
    #[inline(never)] // what it has in hand is on the stack only while it works
    fn take_up(
        &mut self,
        sets: &mut [ActionSet],
        flight: &mut [Carrier<H::Frame>],
        stops: &[Stop<'a>; BATCH],
        used: u32,
    ) {
        for (at, ((carrier, set), stop)) in flight.iter_mut().zip(sets).zip(stops).enumerate() {
            self.outcomes = u32::from(matches!(stop, Stop::Done));
            self.outputs = carrier.outputs;
            if used & bit(at) == 0 {
                set.clear();
            }
            match *stop {
                Stop::Entry { table_id, entry, done } => {
                    self.go_on(set, carrier, table_id, entry, done);
                }
                Stop::End { table_id } => self.action_set(set, carrier, table_id),
                Stop::Done => {}
            }
        }
    }

    /// The first stride: leads the packets to where something is to be done that others can see.
    #[inline(never)] // what it has in hand is on the stack only while it works
    fn look_ahead(
        &mut self,
        stride: &mut Stride<'a, '_>,
        flight: &mut [Carrier<H::Frame>],
        are_in: bool,
    ) {
        let mut here = Places::from(EVERY_PLACE);
        here.truncate(flight.len());
        if !are_in {
            let is_in = |at: &mut u8| flight.get(usize::from(*at)).is_some_and(|it| it.is_in);
            here.retain(is_in);
        }
        let mut table_id = 0;
        let mut found = [None; BATCH];
        loop {
            stride.missed = 0;
            match self.look_up(table_id, &here, flight, &mut found) {
                Some(found) => {
                    match found.and_then(|slot| Some((slot, self.tables.entries.get(slot)?))) {
                        Some((slot, entry)) => {
                            self.meet(stride, table_id, slot, entry, &here, flight);
                        }
                        None => self.meet_none(stride, table_id, found, &here, flight),
                    }
                }
                None => self.meet_one_by_one(stride, table_id, &found, &here, flight),
            }
            self.count_lookups(table_id, here.len() as u64, stride.missed);
            let Some(next) = stride.ahead.next(&mut here) else { return };
            table_id = next;
        }
    }

    /// Leads each of the packets of `here` on by the entry that it hits, whose slots are in `found`.
    #[inline(always)]
    fn meet_one_by_one(
        &mut self,
        stride: &mut Stride<'a, '_>,
        table_id: u8,
        found: &[Option<u32>; BATCH],
        here: &[u8],
        flight: &mut [Carrier<H::Frame>],
    ) {
        let tables = self.tables;
        let barred = if stride.is_odd { u32::MAX } else { stride.used };
        for (&at, &slot) in here.iter().zip(found) {
            let cell = slot.and_then(|slot| self.cells.entries.get(slot));
            let lead = cell.map_or(Lead::NONE, |cell| cell.lead);
            let is_usual = lead.port != Port::NONE && barred & bit(usize::from(at)) == 0;
            let (Some(cell), true) = (cell, is_usual) else {
                self.meet_one(stride, table_id, slot, at, flight);
                continue;
            };
            // What most entries of large tables do, ahead of all else.
            let Some(carrier) = flight.get_mut(usize::from(at)) else { continue };
            let key = &carrier.packet.key;
            self.observer.step(tables, Step::Lookup { table_id, key, found: slot });
            if !O::DRY {
                cell.add(carrier.load, self.now);
            }
            if lead.is_changing() {
                let shared = tables.recipes.get(lead.recipe());
                let Some(recipe) = shared.or_else(|| self.own_recipe(slot)) else { continue };
                if let Err(step_count) = carrier.cook_all(recipe) {
                    self.stop_changing(stride, table_id, slot, at, carrier, step_count);
                    continue;
                }
            }
            if lead.port != stride.way.port {
                stride.way.turn(lead.port, &tables.ports);
            }
            self.leave_by(carrier, &stride.way);
        }
    }

    /// Leads a packet on by the entry that it hits, if there is one.
    #[inline(never)]
    fn meet_one(
        &mut self,
        stride: &mut Stride<'a, '_>,
        table_id: u8,
        found: Option<u32>,
        at: u8,
        flight: &mut [Carrier<H::Frame>],
    ) {
        let cell = found.and_then(|slot| self.cells.entries.get(slot));
        if let (Some(cell), false) = (cell, stride.is_odd) {
            let next = cell.lead.next();
            let ends = cell.lead == Lead::END && !stride.has_used(&[at]);
            if next.is_some() || ends {
                self.tell_lookups(table_id, found, &[at], flight);
                let load = load_of(&[at], flight);
                if !O::DRY {
                    cell.add(load, self.now);
                }
                return match next {
                    Some(next) => stride.ahead.push(at, next),
                    None => self.end_all(DropReason::NoOutput, load, &[at], flight),
                };
            }
        }
        match found.and_then(|slot| Some((slot, self.tables.entries.get(slot)?))) {
            Some((slot, entry)) => self.meet(stride, table_id, slot, entry, &[at], flight),
            None => self.meet_none(stride, table_id, found, &[at], flight),
        }
    }

    /// How the entry in a slot changes packets, where it shares that with no other.
    #[inline(never)]
    fn own_recipe(&self, slot: Option<u32>) -> Option<&'a Recipe> {
        match self.tables.entries.get(slot?)?.program() {
            Program::Changes(changes) => Some(&changes.recipe),
            _ => None,
        }
    }

    /// A packet meets something unusual or fails after the first steps of an entry's recipe, which others
    /// may see.
    #[cold]
    #[inline(never)]
    fn stop_changing(
        &self,
        stride: &mut Stride<'a, '_>,
        table_id: u8,
        slot: Option<u32>,
        at: u8,
        carrier: &mut Carrier<H::Frame>,
        step_count: usize,
    ) {
        let Some(entry) = slot.and_then(|slot| self.tables.entries.get(slot)) else { return };
        let Program::Changes(changes) = entry.program() else { return };
        let ops = changes.ops();
        let left = carrier.left(step_count, ops, Op::applied).len();
        let done = ops.len().saturating_sub(left);
        stride.stop(at, Stop::Entry { table_id, entry, done });
    }

    /// The packets of `run` hit no entry of a table.
    #[inline(never)]
    fn meet_none(
        &mut self,
        stride: &mut Stride<'a, '_>,
        table_id: u8,
        found: Option<u32>,
        run: &[u8],
        flight: &mut [Carrier<H::Frame>],
    ) {
        self.tell_lookups(table_id, found, run, flight);
        stride.missed = stride.missed.saturating_add(run.len() as u64);
        self.end_all(DropReason::TableMiss, load_of(run, flight), run, flight);
    }

    /// Tells who watches what the packets of `run` have hit.
    #[inline(always)]
    fn tell_lookups(
        &mut self,
        table_id: u8,
        found: Option<u32>,
        run: &[u8],
        flight: &[Carrier<H::Frame>],
    ) {
        for &at in run {
            if let Some(carrier) = flight.get(usize::from(at)) {
                let key = &carrier.packet.key;
                self.observer.step(self.tables, Step::Lookup { table_id, key, found });
            }
        }
    }

    /// Leads the packets of `run` on, which all hit the entry in a slot: what follows from the entry
    /// alone is done once.
    #[inline(never)]
    fn meet(
        &mut self,
        stride: &mut Stride<'a, '_>,
        table_id: u8,
        slot: u32,
        entry: &'a FlowEntry,
        run: &[u8],
        flight: &mut [Carrier<H::Frame>],
    ) {
        let tables = self.tables;
        self.tell_lookups(table_id, Some(slot), run, flight);
        let mut load = Load::default();
        // Most ways end with one output, whichever instruction says so, or without any: an output is
        // owed, which nobody sees yet.
        match entry.program() {
            _ if stride.is_odd || stride.has_used(run) => {
                load = self.meet_each(stride, table_id, entry, run, flight);
            }
            Program::One(
                Op::Apply(Act::Output(Output::Port(port)))
                | Op::Write(Act::Output(Output::Port(port))),
            ) => {
                let way = Way::new(Port(*port), tables.ports.gate(Port(*port)));
                for_each_of(run, flight, |carrier| {
                    load.add(carrier.load);
                    self.leave_by(carrier, &way);
                });
            }
            Program::Changes(changes) => {
                load = self.change_each(stride, table_id, entry, changes, run, flight);
            }
            Program::One(Op::GotoTable(next)) => {
                load = load_of(run, flight);
                stride.ahead.extend(run, *next);
            }
            Program::Empty => {
                load = load_of(run, flight);
                self.end_all(DropReason::NoOutput, load, run, flight);
            }
            Program::Many { ops, .. } => match **ops {
                [Op::WriteMetadata { value, mask }, Op::GotoTable(next)] => {
                    for_each_of(run, flight, |carrier| {
                        load.add(carrier.load);
                        carrier.packet.write_metadata(value, mask);
                    });
                    stride.ahead.extend(run, next);
                }
                [
                    Op::Meter(meter),
                    Op::Apply(Act::Output(Output::Port(port)))
                    | Op::Write(Act::Output(Output::Port(port))),
                ] if stride.is_first_of(run, flight) => {
                    load = self.metered(meter, Port(port), run, flight);
                }
                _ => load = self.meet_each(stride, table_id, entry, run, flight),
            },
            Program::One(
                Op::Apply(Act::Group { slot, .. }) | Op::Write(Act::Group { slot, .. }),
            ) if stride.is_first_of(run, flight) => {
                load = self.grouped(*slot, table_id, run, flight);
            }
            Program::One(
                Op::Apply(Act::Output(Output::Normal)) | Op::Write(Act::Output(Output::Normal)),
            ) if stride.is_first_of(run, flight) => load = self.bridged(run, flight),
            Program::One(_) => load = self.meet_each(stride, table_id, entry, run, flight),
        }
        self.count_match(slot, load);
    }

    /// Changes packets and sends them out of a port.
    #[inline(never)]
    fn change_each(
        &mut self,
        stride: &mut Stride<'a, '_>,
        table_id: u8,
        entry: &'a FlowEntry,
        changes: &Changes,
        run: &[u8],
        flight: &mut [Carrier<H::Frame>],
    ) -> Load {
        let mut load = Load::default();
        let way = Way::new(changes.port, self.tables.ports.gate(changes.port));
        let ops = changes.ops();
        for &at in run {
            let Some(carrier) = flight.get_mut(usize::from(at)) else { continue };
            load.add(carrier.load);
            let left = carrier.cook(&changes.recipe, ops, Op::applied).len();
            if left == 0 {
                self.leave_by(carrier, &way);
                continue;
            }
            // Something unusual or a failure, which others may see.
            let done = ops.len().saturating_sub(left);
            stride.stop(at, Stop::Entry { table_id, entry, done });
        }
        load
    }

    /// Sends packets through a meter and out of a port.
    #[inline(never)]
    fn metered(
        &mut self,
        meter: u32,
        port: Port,
        run: &[u8],
        flight: &mut [Carrier<H::Frame>],
    ) -> Load {
        let load = load_of(run, flight);
        let way = Way::new(port, self.tables.ports.gate(port));
        let mut gauge = self.tables.meters.gauge(meter, self.cells, self.now);
        let first = load_of(run.get(..1).unwrap_or_default(), flight);
        if gauge.as_mut().is_none_or(|gauge| gauge.pass_all(run.len(), first, load)) {
            for &at in run {
                if let Some(carrier) = flight.get_mut(usize::from(at)) {
                    self.observer.step(self.tables, Step::Meter { slot: meter });
                    self.leave_by(carrier, &way);
                }
            }
            return load;
        }
        for &at in run {
            let Some(carrier) = flight.get_mut(usize::from(at)) else { continue };
            self.observer.step(self.tables, Step::Meter { slot: meter });
            match gauge.as_mut().map_or(Verdict::Pass, |gauge| gauge.measure(carrier.load)) {
                Verdict::Pass => {}
                Verdict::Remark(levels) => self.remark(carrier, levels),
                Verdict::Drop => {
                    self.dropped(DropReason::Meter, &carrier.packet);
                    continue;
                }
            }
            self.leave_by(carrier, &way);
        }
        load
    }

    /// Leads packets on by a program that is private, or leaves them to the second stride. Adds what
    /// they count as.
    #[inline(never)]
    fn meet_each(
        &mut self,
        stride: &mut Stride<'a, '_>,
        table_id: u8,
        entry: &'a FlowEntry,
        run: &[u8],
        flight: &mut [Carrier<H::Frame>],
    ) -> Load {
        let mut load = Load::default();
        let is_private = entry.program().is_private();
        for &at in run {
            let Some(carrier) = flight.get_mut(usize::from(at)) else { continue };
            load.add(carrier.load);
            self.outcomes = 0;
            if !is_private {
                stride.stop(at, Stop::Entry { table_id, entry, done: 0 });
                continue;
            }
            let Some(set) = stride.set(at) else { continue };
            match self.instructions(set, carrier, table_id, entry, 0) {
                Next::Table(next) => stride.ahead.push(at, next),
                Next::End => stride.stop(at, Stop::End { table_id }),
                Next::Dropped => stride.is_done = false,
            }
        }
        load
    }

    /// The packets of `run`, which count as `load`, end here: counted once for all of them.
    #[inline(always)]
    fn end_all(
        &mut self,
        reason: DropReason,
        load: Load,
        run: &[u8],
        flight: &[Carrier<H::Frame>],
    ) {
        self.outcomes = self.outcomes.saturating_add(1);
        for &at in run {
            if flight.get(usize::from(at)).is_some() {
                self.observer.step(self.tables, Step::Dropped(reason));
            }
        }
        if !O::DRY {
            self.cells.dropped(reason, load.packets);
        }
    }

    /// Does an output that is all that is left to do, to a port with this gate.
    #[inline(always)]
    pub(crate) fn only_output(
        &mut self,
        carrier: &mut Carrier<H::Frame>,
        port: Port,
        gate: Option<Gate>,
    ) {
        self.leave_by(carrier, &Way::new(port, gate));
    }

    /// [`only_output`](Self::only_output) by a way that others may have taken before.
    #[inline(always)]
    fn leave_by(&mut self, carrier: &mut Carrier<H::Frame>, way: &Way) {
        let Packet { frame, meta, in_port, .. } = &carrier.packet;
        let is_usual = way.port != *in_port && meta.offload.gso.is_none();
        match is_usual && frame.len() <= way.limit as usize {
            true => {
                self.observer.step(self.tables, Step::Output(way.port));
                carrier.owe(way.exit);
            }
            false => self.odd_output(carrier, way.port),
        }
    }

    #[cold]
    #[inline(never)]
    fn odd_output(&mut self, carrier: &mut Carrier<H::Frame>, port: Port) {
        self.outputs = carrier.outputs;
        match port == carrier.packet.in_port {
            false => self.emit(carrier, port),
            true => self.dropped(DropReason::EgressIsIngress, &carrier.packet),
        }
    }

    /// The slot of the entry that all packets at `table_id` hit, if it is one for all of them; else each
    /// packet's is in `found`, in the order of `here`.
    fn look_up(
        &mut self,
        table_id: u8,
        here: &[u8],
        flight: &mut [Carrier<H::Frame>],
        found: &mut [Option<u32>; BATCH],
    ) -> Option<Option<u32>> {
        let Some(table) = self.tables.tables.get(usize::from(table_id)) else { return Some(None) };
        match table.classifier.needs().depth {
            Depth::Nothing => {}
            depth => ensure_all(here, flight, depth),
        }
        let classifier = &table.classifier;
        let all = || flight.iter().map(|carrier| &carrier.packet.key);
        let some = || here.iter().filter_map(|&at| Some(&flight.get(usize::from(at))?.packet.key));
        let is_all = here.len() == flight.len();
        // No list of the keys is made where one is enough.
        let is_same = match is_all {
            true => flight.len() == 1 || classifier.has_one_answer(all()),
            false => here.len() == 1 || classifier.has_one_answer(some()),
        };
        if is_same {
            return Some(self.cache.find(classifier, table_id, some().next()?));
        }
        let mut keys: ArrayVec<&Key, BATCH> = ArrayVec::new();
        match is_all {
            true => keys.extend(all()),
            false => keys.extend(some()),
        }
        self.cache.find_batch(classifier, table_id, &keys, found);
        if table.count > WORTH_WARMING {
            self.warm(found);
        }
        let [first, ..] = *found;
        let is_same = found.iter().zip(&keys).all(|(slot, _)| *slot == first);
        is_same.then_some(first)
    }

    /// Loads what the packets are about to touch: leads and counters, in a loop too short for one wait to
    /// hold the next load up. A large table's lie far from the processor.
    #[inline(never)]
    fn warm(&self, found: &[Option<u32>; BATCH]) {
        let are_whole = found.iter().flatten().fold(true, |all, &slot| all & self.is_whole(slot));
        if !black_box(are_whole) {
            self.warm_entries(found);
        }
    }

    /// Whether the lead of the entry in a slot says all that it does.
    #[inline(always)]
    fn is_whole(&self, slot: u32) -> bool {
        self.cells.entries.get(slot).is_none_or(|cell| cell.lead.is_whole())
    }

    /// The same for the entries themselves, of which leads do not say all.
    #[inline(never)]
    fn warm_entries(&self, found: &[Option<u32>; BATCH]) {
        let slots = || found.iter().flatten().filter(|slot| !self.is_whole(**slot));
        let of = |slot: u32| self.tables.entries.get(slot).map_or(0, |entry| entry.cookie());
        black_box(slots().fold(0, |all, &slot| all ^ of(slot)));
        // Longer programs lie elsewhere; where, the entries have just told.
        let is_meter = |slot: u32| {
            let entry = self.tables.entries.get(slot);
            entry.is_some_and(|entry| match entry.program() {
                Program::Changes(changes) => changes.recipe.step_count() == 0,
                program => matches!(program.ops(), [Op::Meter(_), ..]),
            })
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
            let found = self.look_up(table_id, &[0], from_mut(carrier), &mut [None; BATCH]);
            let found = found.flatten();
            self.count_lookups(table_id, 1, u64::from(found.is_none()));
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
        while let [op, rest @ ..] = ops {
            match op {
                Op::Apply(act) if act.is_change() && !O::DRY && carrier.changes(&mut ops) => {
                    continue;
                }
                Op::Apply(act) => {
                    let is_last = rest.is_empty() && !set.sends();
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
            ops = rest;
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
    fn count_lookups(&self, table_id: u8, count: u64, missed: u64) {
        if O::DRY {
            return;
        }
        if let Some(cell) = self.cells.tables.get(u32::from(table_id)) {
            cell.lookups.add(count);
            cell.matches.add(count.saturating_sub(missed));
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

/// A way out by a port, as packets take it one after the other.
pub(crate) struct Way {
    port: Port,
    /// Bytes of the longest frame that takes it without another question: none where there is no port.
    limit: u32,
    /// What such a frame owes.
    exit: Option<Exit>,
}

impl Way {
    pub(crate) fn new(port: Port, gate: Option<Gate>) -> Way {
        let limit = gate.map_or(0, Gate::limit);
        Way { port, limit, exit: gate.map(|gate| Exit::new(port, gate)) }
    }

    /// Leads to another port. A call of its own, so that packets of the same way have all registers.
    #[inline(never)]
    fn turn(&mut self, port: Port, ports: &Ports) {
        *self = Way::new(port, ports.gate(port));
    }
}

/// Reads all packets at a table as deep as it looks.
#[inline(never)]
pub(crate) fn ensure_all<F: Frame>(here: &[u8], flight: &mut [Carrier<F>], depth: Depth) {
    if here.len() != flight.len() {
        let at = |&at: &u8| usize::from(at);
        for at in here.iter().map(at) {
            if let Some(carrier) = flight.get_mut(at) {
                carrier.packet.ensure(depth);
            }
        }
        return;
    }
    // All of a batch, as they mostly are when they are read. Each depth is code of its own.
    let shallower = flight.iter_mut().filter(|carrier| carrier.packet.depth < depth);
    match depth {
        Depth::Link => shallower.for_each(|it| extract_to(&mut it.packet, Depth::Link)),
        depth => shallower.for_each(|it| extract_to(&mut it.packet, depth)),
    }
}

/// What follows an entry's instructions.
enum Next {
    Table(u8),
    End,
    Dropped,
}
