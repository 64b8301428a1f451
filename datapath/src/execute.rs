//! Runs actions on a packet, and is the only place that transmits: the last stretch of a frame's way.
//!
//! # What
//!
//! [`Run`] is one call's view of the switch: the tables to read, the host to send by, the counters
//! to add to. A [`Carrier`] is a packet and the output that it still owes.
//!
//! # Design
//!
//! An output is owed, not done: it is settled by a copy when something is about to change the packet
//! or the next output comes, and by moving the frame itself when the packet's way ends. So a packet
//! with one output is never copied, one with n outputs n-1 times, and nobody has to know beforehand
//! which output is the last. Outputs leave in the order of the actions.
//!
//! A group's bucket works on a copy of the packet, unless it changes nothing or the packet is not
//! needed afterwards. Depth of groups and copies of one packet are bounded; what exceeds the bound is
//! dropped and counted.
//!
//! # What it does not do
//!
//! It does not segment: a frame with segmentation left to do is the host's to cut.

mod chain;

use alloc::vec::Vec;
use core::mem::{replace, swap, take};

use hypercall::{Frame, Hypercall, Meta, Nanos, Port, Sent};
use ofp_codec::{OxmField, PacketInReason};

pub(crate) use chain::{Copies, Room};

use crate::counters::{DropReason, Load, PortCell, WorkerCells};
use crate::flow_cache::FlowCache;
use crate::fragments::{Fragments, Transport};
use crate::groups::{Choice, Group, GroupBucket};
use crate::key::Depth;
use crate::mac_table::MacTable;
use crate::meters::{Verdict, remarked};
use crate::observer::{Observer, Step};
use crate::packet::Packet;
use crate::ports::{Gate, GateFlags, Refusal};
use crate::program::{Act, ActionSet, Op, Output, wide};
use crate::punt::PuntQueue;
use crate::rewrite::{self, Cooked, Recipe, Resized, RewriteError};
use crate::tables::Tables;
use crate::worker::Events;

/// Outputs of one packet, and buckets that it goes through.
const OUTPUTS_MAX: u32 = 4096;
/// Bytes of the shortest Ethernet frame, without its check sequence.
pub(crate) const FRAME_MIN: usize = 60;

/// One call's view of the switch.
pub(crate) struct Run<'a, H: Hypercall + ?Sized, O: Observer> {
    pub(crate) tables: &'a Tables,
    pub(crate) cells: &'a WorkerCells,
    pub(crate) host: &'a mut H,
    pub(crate) observer: &'a mut O,
    pub(crate) punts: &'a mut PuntQueue,
    pub(crate) macs: &'a MacTable,
    pub(crate) fragments: &'a mut Fragments,
    pub(crate) cache: &'a mut FlowCache,
    pub(crate) now: Nanos,
    pub(crate) events: Events,
    /// What has become of the packet at hand so far: sends, punts and counted drops.
    pub(crate) outcomes: u32,
    /// Outputs of the packet at hand.
    pub(crate) outputs: u32,
    /// What has left by one port and is not in its counters yet.
    pub(crate) departures: Departures<'a>,
    /// Where the copies stay that buckets of chained groups work on.
    pub(crate) room: Room<'a, H::Frame>,
    /// An action set for a packet-out that enters the tables.
    pub(crate) sets: &'a mut [ActionSet],
}

/// Frames that left by the two ports that were met last: counted when a third one's turn comes.
#[derive(Default)]
pub(crate) struct Departures<'a> {
    last: Departed<'a>,
    other: Departed<'a>,
}

/// Frames that left by one port.
#[derive(Default)]
struct Departed<'a> {
    port: Port,
    cell: Option<&'a PortCell>,
    load: Load,
}

impl<'a> Departures<'a> {
    /// Counts what has left.
    #[inline]
    pub(crate) fn count(&mut self) {
        self.last.count();
        self.other.count();
    }

    /// Another port's turn: mostly it is the one before, as between the two sides of a bridge.
    #[inline(never)]
    fn turn(&mut self, port: Port, slot: u32, cells: &'a WorkerCells) {
        if self.other.port == port {
            return swap(&mut self.last, &mut self.other);
        }
        let new = Departed { port, cell: cells.ports.get(slot), load: Load::default() };
        let last = replace(&mut self.last, new);
        // The first port of a batch pushes none out.
        if last.cell.is_some() {
            self.other.count();
            self.other = last;
        }
    }
}

impl Departed<'_> {
    #[inline]
    fn count(&mut self) {
        if let Some(cell) = self.cell {
            cell.tx.add(self.load);
            *self = Departed::default();
        }
    }
}

/// The way out of a port that takes the packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exit {
    port: Port,
    slot: u32,
    flags: GateFlags,
}

impl Exit {
    #[inline(always)]
    pub(crate) fn new(port: Port, gate: Gate) -> Exit {
        Exit { port, slot: gate.slot, flags: gate.flags }
    }
}

/// A packet and the output that it still owes.
pub(crate) struct Carrier<F> {
    pub(crate) packet: Packet<F>,
    /// What it counts as, as long as it is now.
    pub(crate) load: Load,
    pub(crate) owed: Option<Exit>,
    /// Whether a header was taken off, so that the frame may be shorter than Ethernet's shortest.
    pub(crate) is_popped: bool,
    /// Whether it entered the switch.
    pub(crate) is_in: bool,
    /// Outputs that the packet which it is a copy of had before.
    pub(crate) outputs: u32,
}

impl<F> Carrier<F> {
    /// Whether an output is owed.
    pub(crate) fn owes(&self) -> bool {
        self.owed.is_some()
    }

    /// Owes an output, its first.
    #[inline(always)]
    pub(crate) fn owe(&mut self, exit: Option<Exit>) {
        debug_assert!(self.owed.is_none());
        self.owed = exit;
    }
}

impl<F: Frame> Carrier<F> {
    /// Does the usual changes that `steps` begin with, unless an output is owed, which would leave
    /// first; returns the rest. See [`rewrite::run`].
    #[inline(never)]
    pub(crate) fn change<'a, T>(
        &mut self,
        steps: &'a [T],
        act: impl Fn(&T) -> Option<&Act>,
    ) -> &'a [T] {
        if self.owed.is_some() {
            return steps;
        }
        let mut resized = Resized::default();
        let rest = rewrite::run(&mut self.packet, steps, &mut resized, act);
        if resized.is_resized {
            self.is_popped |= resized.is_popped;
            self.load = Load::of(self.packet.frame.len(), &self.packet.meta);
        }
        rest
    }

    /// Does what `steps` begin with, by the recipe that was made from them, unless an output is owed;
    /// returns the rest. Where nothing is left, the key may not be true any more.
    #[inline(always)]
    pub(crate) fn cook<'a, T>(
        &mut self,
        recipe: &Recipe,
        steps: &'a [T],
        act: impl Fn(&T) -> Option<&Act>,
    ) -> &'a [T] {
        if self.owed.is_some() {
            return steps;
        }
        let Cooked { step_count, grown, is_popped } = recipe.cook(&mut self.packet);
        self.is_popped |= is_popped;
        self.load.bytes = self.load.bytes.wrapping_add_signed(grown);
        if step_count == recipe.step_count() && recipe.act_count() == steps.len() {
            return &[];
        }
        self.left(step_count, steps, act)
    }

    /// Does what a recipe says, unless an output is owed; else how many of its steps it has done. The key may
    /// not be true any more.
    #[inline(always)]
    pub(crate) fn cook_all(&mut self, recipe: &Recipe) -> Result<(), usize> {
        if self.owed.is_some() {
            return Err(0);
        }
        let Cooked { step_count, grown, is_popped } = recipe.cook(&mut self.packet);
        self.is_popped |= is_popped;
        self.load.bytes = self.load.bytes.wrapping_add_signed(grown);
        if step_count == recipe.step_count() { Ok(()) } else { Err(step_count) }
    }

    /// What a recipe has left to do after its first `step_count` steps.
    #[cold]
    #[inline(never)]
    pub(crate) fn left<'a, T>(
        &mut self,
        step_count: usize,
        steps: &'a [T],
        act: impl Fn(&T) -> Option<&Act>,
    ) -> &'a [T] {
        if step_count != 0 {
            self.packet.reset_key();
        }
        let done = Recipe::acts_of(step_count, steps.iter().filter_map(act));
        steps.get(done..).unwrap_or_default()
    }

    /// [`change`](Self::change) with what `ops` begin with, which then are the rest; whether it did any.
    #[inline]
    pub(crate) fn changes(&mut self, ops: &mut &[Op]) -> bool {
        let before = ops.len();
        *ops = self.change(ops, Op::applied);
        ops.len() != before
    }

    #[inline(always)]
    pub(crate) fn new(packet: Packet<F>) -> Carrier<F> {
        let load = Load::of(packet.frame.len(), &packet.meta);
        Carrier { packet, load, owed: None, is_popped: false, is_in: true, outputs: 0 }
    }
}

/// On whose behalf actions run: what a packet-in tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) table_id: u8,
    pub(crate) cookie: u64,
    pub(crate) reason: PacketInReason,
    /// Whether this is a packet-out's list, the only one that may enter the tables.
    pub(crate) is_packet_out: bool,
}

impl Origin {
    /// The same, for what no single entry answers for: an action set or a group.
    fn of_group(self) -> Origin {
        Origin { cookie: u64::MAX, reason: PacketInReason::Action, ..self }
    }
}

/// Whether a packet goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Continue,
    Stop,
}

impl<H: Hypercall + ?Sized, O: Observer> Run<'_, H, O> {
    /// Does one action. `is_last` says that the packet is not needed afterwards.
    #[inline(always)]
    pub(crate) fn act(
        &mut self,
        carrier: &mut Carrier<H::Frame>,
        act: &Act,
        origin: Origin,
        depth: u32,
        is_last: bool,
    ) -> Flow {
        self.observer.step(self.tables, Step::Act(act));
        match *act {
            // What most entries do.
            Act::Output(Output::Port(number)) if Port(number) != carrier.packet.in_port => {
                self.emit(carrier, Port(number));
                Flow::Continue
            }
            _ => self.act_other(carrier, act, origin, depth, is_last),
        }
    }

    #[inline(never)]
    fn act_other(
        &mut self,
        carrier: &mut Carrier<H::Frame>,
        act: &Act,
        origin: Origin,
        depth: u32,
        is_last: bool,
    ) -> Flow {
        match *act {
            Act::Output(output) => {
                self.output(carrier, output, origin);
                Flow::Continue
            }
            Act::Group { slot, .. } => {
                match depth {
                    0 => self.group(carrier, slot, origin.of_group(), is_last),
                    _ => self.chained(carrier, slot, origin.of_group(), is_last),
                }
                Flow::Continue
            }
            _ => self.rewrite(carrier, act, origin),
        }
    }

    /// Does an action that changes the packet.
    #[inline(never)]
    fn rewrite(&mut self, carrier: &mut Carrier<H::Frame>, act: &Act, origin: Origin) -> Flow {
        self.settle(carrier);
        let packet = &mut carrier.packet;
        let len = packet.frame.len();
        let outcome = match *act {
            Act::SetQueue(queue) => {
                packet.meta.queue_id = Some(queue);
                Ok(())
            }
            Act::SetField { field, value } => rewrite::set_field(packet, field, wide(value)),
            Act::CopyTtlOut => rewrite::copy_ttl_out(packet),
            Act::CopyTtlIn => rewrite::copy_ttl_in(packet),
            Act::SetMplsTtl(ttl) => rewrite::set_mpls_ttl(packet, ttl),
            Act::DecMplsTtl => rewrite::dec_mpls_ttl(packet),
            Act::SetNwTtl(ttl) => rewrite::set_nw_ttl(packet, ttl),
            Act::DecNwTtl => rewrite::dec_nw_ttl(packet),
            Act::PushVlan(ethertype) => rewrite::push_vlan(packet, ethertype),
            Act::PopVlan => rewrite::pop_vlan(packet),
            Act::PushMpls(ethertype) => rewrite::push_mpls(packet, ethertype),
            Act::PopMpls(ethertype) => rewrite::pop_mpls(packet, ethertype),
            Act::PushPbb(ethertype) => rewrite::push_pbb(packet, ethertype),
            Act::PopPbb => rewrite::pop_pbb(packet),
            Act::Output(_) | Act::Group { .. } => Ok(()),
        };
        // Only a pop makes a frame shorter.
        carrier.is_popped |= carrier.packet.frame.len() < len;
        carrier.load = Load::of(carrier.packet.frame.len(), &carrier.packet.meta);
        match outcome {
            Ok(()) => Flow::Continue,
            Err(RewriteError::InvalidTtl) => {
                if self.tables.invalid_ttl_to_controller {
                    let origin = Origin { reason: PacketInReason::InvalidTtl, ..origin };
                    self.punt(carrier, origin);
                }
                self.dropped(DropReason::InvalidTtl, &carrier.packet);
                Flow::Stop
            }
            Err(RewriteError::NoRoom) => {
                self.dropped(DropReason::NoRoom, &carrier.packet);
                Flow::Stop
            }
        }
    }

    /// The packet's way has ended: the output that it owes takes the frame.
    #[inline(always)] // else all of the carrier would be moved
    pub(crate) fn finish(&mut self, carrier: Carrier<H::Frame>) {
        // Only what is needed is taken out of what is large.
        let Carrier { packet: Packet { frame, meta, .. }, load, owed, is_popped, .. } = carrier;
        match owed {
            Some(exit) if is_popped && frame.len() < FRAME_MIN => {
                self.transmit_grown(exit, &meta, frame, load);
            }
            Some(exit) => self.transmit(exit, &meta, frame, load),
            None => self.host.discard(frame),
        }
    }

    /// [`finish`](Self::finish) as a call of its own.
    #[inline(never)]
    pub(crate) fn finish_one(&mut self, carrier: Carrier<H::Frame>) {
        self.finish(carrier);
    }

    /// Counts a packet, or a copy of one, that ends unsent.
    pub(crate) fn dropped(&mut self, reason: DropReason, packet: &Packet<H::Frame>) {
        self.outcomes = self.outcomes.saturating_add(1);
        self.observer.step(self.tables, Step::Dropped(reason));
        if !O::DRY {
            let load = Load::of(packet.frame.len(), &packet.meta);
            self.cells.dropped(reason, load.packets);
        }
    }

    /// Sends the packet where an output action says.
    #[inline(never)]
    fn output(&mut self, carrier: &mut Carrier<H::Frame>, output: Output, origin: Origin) {
        match output {
            Output::Port(number) if Port(number) == carrier.packet.in_port => {
                self.dropped(DropReason::EgressIsIngress, &carrier.packet);
            }
            Output::Port(number) => self.emit(carrier, Port(number)),
            Output::InPort => self.emit(carrier, carrier.packet.in_port),
            Output::All => self.flood(carrier, false),
            Output::Flood => self.flood(carrier, true),
            Output::Normal => self.normal(carrier),
            Output::Controller => self.punt(carrier, origin),
            Output::Table if origin.is_packet_out => self.enter_tables(carrier),
            Output::Table => self.dropped(DropReason::EgressUnknown, &carrier.packet),
        }
    }

    /// Sends the packet to every port that is up, forwards and is not its ingress port; with
    /// `skip_blocked` not to blocked ones, either.
    pub(crate) fn flood(&mut self, carrier: &mut Carrier<H::Frame>, skip_blocked: bool) {
        let tables = self.tables;
        for (port, gate) in tables.ports.flood(carrier.packet.in_port, skip_blocked) {
            self.emit_by(carrier, port, Some(gate));
        }
    }

    /// Owes an output to `port`, if that port would take the packet now.
    #[inline(always)]
    pub(crate) fn emit(&mut self, carrier: &mut Carrier<H::Frame>, port: Port) {
        self.emit_by(carrier, port, self.tables.ports.gate(port));
    }

    /// [`emit`](Self::emit) to a port with this gate.
    #[inline(always)]
    fn emit_by(&mut self, carrier: &mut Carrier<H::Frame>, port: Port, gate: Option<Gate>) {
        let packet = &carrier.packet;
        let gate = gate.ok_or(Refusal::Unknown);
        let gate =
            match gate.and_then(|gate| gate.admit(&packet.frame, &packet.meta).map(|()| gate)) {
                Ok(gate) => gate,
                Err(refusal) => return self.refused(carrier, port, refusal),
            };
        if self.is_exhausted(packet) {
            return;
        }
        self.outputs = self.outputs.saturating_add(1);
        self.outcomes = self.outcomes.saturating_add(1);
        self.settle(carrier);
        self.observer.step(self.tables, Step::Output(port));
        carrier.owed = Some(Exit::new(port, gate));
    }

    /// A port does not take the packet.
    #[cold]
    fn refused(&mut self, carrier: &mut Carrier<H::Frame>, port: Port, refusal: Refusal) {
        let reason = match refusal {
            Refusal::Unknown => DropReason::EgressUnknown,
            Refusal::Down => DropReason::EgressDown,
            Refusal::NoFwd => DropReason::EgressNoFwd,
            Refusal::TooLong => DropReason::TooLong,
        };
        self.count_tx_drop(port, &carrier.packet);
        self.dropped(reason, &carrier.packet);
    }

    /// Whether the packet has had all the outputs and buckets that one packet gets; if so, this one
    /// is dropped.
    #[inline]
    fn is_exhausted(&mut self, packet: &Packet<H::Frame>) -> bool {
        let is_exhausted = self.outputs >= OUTPUTS_MAX;
        if is_exhausted {
            self.dropped(DropReason::CopyLimit, packet);
        }
        is_exhausted
    }

    /// Does the owed output by a copy, because the packet is about to change.
    #[inline]
    fn settle(&mut self, carrier: &mut Carrier<H::Frame>) {
        if let Some(exit) = carrier.owed.take() {
            self.send_copy(carrier, exit);
        }
    }

    #[inline(never)]
    fn send_copy(&mut self, carrier: &mut Carrier<H::Frame>, exit: Exit) {
        let packet = &carrier.packet;
        match self.host.duplicate(&packet.frame) {
            Some(frame) => {
                let frame = padded(frame, carrier.is_popped);
                self.transmit(exit, &packet.meta, frame, carrier.load);
            }
            None => {
                self.count_tx_drop(exit.port, packet);
                self.dropped(DropReason::NoMemory, &carrier.packet);
            }
        }
    }

    /// [`transmit`](Self::transmit) of a frame that is too short.
    #[cold]
    #[inline(never)] // a frame that is written to lies in memory, from which others would be moved, too
    fn transmit_grown(&mut self, exit: Exit, meta: &Meta, mut frame: H::Frame, load: Load) {
        grow(&mut frame);
        self.transmit(exit, meta, frame, load);
    }

    /// Hands a frame to the host.
    #[inline(always)] // else all that rides with it would be laid down to be handed on
    pub(crate) fn transmit(&mut self, exit: Exit, meta: &Meta, frame: H::Frame, load: Load) {
        let Exit { port, slot, flags } = exit;
        if O::DRY {
            self.observer.frame(port, &frame);
            return;
        }
        if port != self.departures.last.port {
            self.departures.turn(port, slot, self.cells);
        }
        let sent = self.host.transmit(port, meta, frame);
        match sent {
            Sent::Sent => self.departures.last.load.add(load),
            Sent::Dropped => self.refused_by_host(load),
        }
        if flags.contains(GateFlags::QUEUES) {
            self.count_queue(slot, meta.queue_id, sent, load);
        }
    }

    #[inline(never)]
    fn count_queue(&mut self, slot: u32, queue_id: Option<u32>, sent: Sent, load: Load) {
        if let Some(queue) = self.tables.ports.queue_cells(slot, queue_id) {
            self.count_cell(if sent == Sent::Sent { queue.tx } else { queue.errors }, load);
        }
    }

    #[cold]
    fn refused_by_host(&mut self, load: Load) {
        if let Some(cell) = self.departures.last.cell {
            cell.tx_dropped.add(load.packets);
        }
        self.observer.step(self.tables, Step::Dropped(DropReason::HostRefused));
        self.cells.dropped(DropReason::HostRefused, load.packets);
    }

    pub(crate) fn count_tx_drop(&self, port: Port, packet: &Packet<H::Frame>) {
        if O::DRY {
            return;
        }
        let cell = self.tables.ports.slot(port).and_then(|slot| self.cells.ports.get(slot));
        if let Some(cell) = cell {
            cell.tx_dropped.add(Load::of(packet.frame.len(), &packet.meta).packets);
        }
    }

    /// Sends the packet through a group.
    fn group(&mut self, carrier: &mut Carrier<H::Frame>, slot: u32, origin: Origin, is_last: bool) {
        let Some(group) = self.tables.groups.get(slot) else {
            self.dropped(DropReason::GroupDepth, &carrier.packet);
            return;
        };
        self.count_cell(group.cell(), carrier.load);
        let choice = group.common(self.tables).unwrap_or_else(|| {
            carrier.packet.ensure(Depth::Whole);
            self.select(carrier, group)
        });
        self.go_through(carrier, (slot, group), choice, &origin, 0, is_last);
    }

    /// Which bucket of a SELECT group the packet takes, which has been read.
    #[inline(never)]
    pub(crate) fn select(&mut self, carrier: &Carrier<H::Frame>, group: &Group) -> Choice {
        let Packet { key, headers, .. } = &carrier.packet;
        let mut transport = Transport::Own;
        if headers.is_fragment {
            self.fragments.note(key, headers);
            transport = self.fragments.transport(key, headers);
        }
        group.selector(self.tables).choose(key, transport)
    }

    /// Sends the packet through the buckets that have been chosen.
    pub(crate) fn go_through(
        &mut self,
        carrier: &mut Carrier<H::Frame>,
        (slot, group): (u32, &Group),
        choice: Choice,
        origin: &Origin,
        depth: u32,
        is_last: bool,
    ) {
        let tables = self.tables;
        match choice {
            Choice::All => {
                let buckets = group.buckets();
                let mut left = buckets.len();
                for (index, bucket) in buckets.iter().enumerate() {
                    if self.is_exhausted(&carrier.packet) {
                        return;
                    }
                    left = left.saturating_sub(1);
                    self.observer.step(tables, Step::Bucket { slot, bucket: index });
                    self.bucket(carrier, bucket, origin, depth, is_last && left == 0);
                }
                if buckets.is_empty() {
                    self.dropped(DropReason::GroupEmpty, &carrier.packet);
                }
            }
            Choice::One(index) => {
                if let Some(bucket) = group.buckets().get(index) {
                    self.observer.step(tables, Step::Bucket { slot, bucket: index });
                    self.bucket(carrier, bucket, origin, depth, is_last);
                }
            }
            Choice::NoBucket => self.dropped(DropReason::GroupEmpty, &carrier.packet),
            Choice::NotLive => self.dropped(DropReason::GroupNotLive, &carrier.packet),
        }
    }

    /// Sends the packet, or a copy where it is still needed and would change, through a bucket.
    fn bucket(
        &mut self,
        carrier: &mut Carrier<H::Frame>,
        bucket: &GroupBucket,
        origin: &Origin,
        depth: u32,
        is_last: bool,
    ) {
        self.count_cell(bucket.cell(), carrier.load);
        if !bucket.sends() {
            self.dropped(DropReason::NoOutput, &carrier.packet);
            return;
        }
        if is_last || !bucket.changes() {
            self.acts(carrier, bucket.acts(), origin, depth, is_last);
            return;
        }
        // What is owed leaves first: outputs keep their order.
        self.settle(carrier);
        // What is read now is read once for all copies.
        carrier.packet.ensure(Depth::Link);
        match self.host.duplicate(&carrier.packet.frame) {
            Some(frame) => {
                // Made where it stays.
                let mut copy = copied(carrier, frame);
                self.acts(&mut copy, bucket.acts(), origin, depth, true);
                self.finish(copy);
            }
            None => self.dropped(DropReason::NoMemory, &carrier.packet),
        }
    }

    pub(crate) fn acts(
        &mut self,
        carrier: &mut Carrier<H::Frame>,
        acts: &[Act],
        origin: &Origin,
        depth: u32,
        is_last: bool,
    ) {
        // Groups may fan out without an output: each bucket counts as one.
        self.outputs = self.outputs.saturating_add(1);
        let acts = match acts {
            [first, ..] if first.is_change() && !O::DRY => carrier.change(acts, |act| Some(act)),
            acts => acts,
        };
        // What most buckets end with.
        if let ([Act::Output(Output::Port(port))], false) = (acts, O::DRY) {
            if Port(*port) != carrier.packet.in_port {
                return self.emit(carrier, Port(*port));
            }
        }
        let mut left = acts.len();
        for act in acts {
            left = left.saturating_sub(1);
            let is_last = is_last && left == 0;
            if self.act(carrier, act, *origin, depth.saturating_add(1), is_last) == Flow::Stop {
                return;
            }
        }
    }

    pub(crate) fn count_cell(&self, cell: u32, load: Load) {
        if O::DRY {
            return;
        }
        if let Some(cell) = self.cells.cells.get(cell) {
            cell.add(load);
        }
    }

    /// Runs a copy of the packet through the tables from the first one on, as a packet-out's output
    /// to TABLE asks.
    #[inline(never)]
    fn enter_tables(&mut self, carrier: &mut Carrier<H::Frame>) {
        self.settle(carrier);
        // In memory of its own: what follows takes stack enough.
        let mut flight = Vec::new();
        let is_there = flight.try_reserve_exact(1).is_ok();
        let frame = self.host.duplicate(&carrier.packet.frame);
        let Some(frame) = frame.filter(|_| is_there) else {
            self.dropped(DropReason::NoMemory, &carrier.packet);
            return;
        };
        flight.push(Carrier { outputs: self.outputs, ..copied(carrier, frame) });
        let sets = take(&mut self.sets);
        let outcomes = take(&mut self.outcomes);
        match self.tables.is_standalone {
            false => self.walk(sets, &mut flight, true),
            true => flight.iter_mut().for_each(|copy| self.normal(copy)),
        }
        if let Some(copy) = flight.pop() {
            self.finish_one(copy);
        }
        self.sets = sets;
        self.outcomes = self.outcomes.saturating_add(outcomes);
    }

    /// Sends the packet to the controllers.
    pub(crate) fn punt(&mut self, carrier: &mut Carrier<H::Frame>, origin: Origin) {
        let tables = self.tables;
        if origin.reason == PacketInReason::NoMatch && !tables.ports.punts(carrier.packet.in_port) {
            self.dropped(DropReason::PuntNoPacketIn, &carrier.packet);
            return;
        }
        let load = carrier.load;
        let verdict = match O::DRY {
            true => Verdict::Pass,
            false => tables.meters.measure_punt(self.cells, load, self.now),
        };
        let levels = match verdict {
            Verdict::Pass => 0,
            Verdict::Remark(levels) => levels,
            Verdict::Drop => {
                self.dropped(DropReason::PuntMetered, &carrier.packet);
                return;
            }
        };
        self.outcomes = self.outcomes.saturating_add(1);
        self.observer.step(tables, Step::Punt(origin.reason));
        if O::DRY {
            return;
        }
        match self.punts.push(&carrier.packet, origin, carrier.is_popped, levels) {
            Ok(()) => self.events |= Events::PUNTED,
            Err(lost) => {
                // What came may have got in at the cost of what waited.
                self.events |= Events::PUNTED;
                self.cells.dropped(DropReason::PuntQueueFull, lost);
            }
        }
    }

    /// Replaces the drop precedence of the packet's DSCP as a meter band says.
    pub(crate) fn remark(&mut self, carrier: &mut Carrier<H::Frame>, levels: u8) {
        if let Some(dscp) = remarked(&mut carrier.packet, levels) {
            self.settle(carrier);
            // A header that is there is rewritten in place, so this cannot fail.
            let _ = rewrite::set_field(&mut carrier.packet, OxmField::IpDscp, dscp);
        }
    }
}

/// A copy of a packet, with another frame.
#[inline(always)]
fn copied<F: Frame>(of: &Carrier<F>, frame: F) -> Carrier<F> {
    let packet = &of.packet;
    Carrier {
        packet: Packet {
            frame,
            in_port: packet.in_port,
            meta: packet.meta,
            metadata: packet.metadata,
            key: packet.key,
            headers: packet.headers,
            depth: packet.depth,
        },
        load: of.load,
        owed: None,
        is_popped: of.is_popped,
        is_in: true,
        outputs: 0,
    }
}

/// A frame that a pop left shorter than Ethernet's shortest is padded, which no counter sees; if the
/// host has no room for that, it goes as it is.
#[inline(always)]
pub(crate) fn padded<F: Frame>(frame: F, is_popped: bool) -> F {
    let mut frame = frame;
    if is_popped {
        grow(&mut frame);
    }
    frame
}

#[cold]
#[inline(never)]
fn grow<F: Frame>(frame: &mut F) {
    let missing = FRAME_MIN.saturating_sub(frame.len());
    if missing != 0 {
        frame.grow_back(missing);
    }
}
