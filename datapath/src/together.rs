//! What all packets of a batch do together whose entry says no more than "through this group" or "as a
//! bridge would".
//!
//! # What
//!
//! Groups and the stations of NORMAL are seen by all packets, so these take their turns in their order,
//! as one by one. But the group, and the gate of the port that packets came in by, are looked up once,
//! and a packet with one way out owes its output as if its entry had said so: no packet waits for the
//! second stride of [`pipeline`](crate::pipeline).
//!
//! # Design
//!
//! A bucket is a *way* when it changes the packet and sends it to a port, as nearly all do. A packet
//! goes through one such way as through an entry's program. Through several it goes as one packet, too:
//! each way but the last takes the bytes and leaves a copy of what they were, for a recipe
//! ([`Recipe`](crate::rewrite::Recipe)) changes nothing else. So headers are read once, and only bytes
//! are copied, once less than there are buckets.
//!
//! Whatever is not like this (a bucket that chains another group, one that sends nowhere) is
//! [`go_through`](Run::go_through)'s.

use core::mem::replace;

use hypercall::{Hypercall, Port};
use ofp_codec::PacketInReason;

use crate::batch::BATCH;
use crate::counters::{DropReason, Load};
use crate::execute::{Carrier, Flow, Origin, Run, padded};
use crate::fragments::Transport;
use crate::groups::{Choice, Group, GroupBucket, Way};
use crate::key::Depth;
use crate::normal::Bridged;
use crate::observer::Observer;
use crate::pipeline::ensure_all;
use crate::program::Act;

impl<H: Hypercall + ?Sized, O: Observer> Run<'_, H, O> {
    /// Sends packets through the group in a slot; what they count as. Nobody watches.
    #[inline(never)]
    pub(crate) fn grouped(
        &mut self,
        slot: u32,
        table_id: u8,
        run: &[u8],
        flight: &mut [Carrier<H::Frame>],
    ) -> Load {
        let mut load = Load::default();
        let reason = PacketInReason::Action;
        let origin = Origin { table_id, cookie: u64::MAX, reason, is_packet_out: false };
        // An entry's groups exist.
        let Some(group) = self.tables.groups.get(slot) else { return load };
        let mut choices = [Choice::NoBucket; BATCH];
        match group.common(self.tables) {
            Some(choice) => choices.fill(choice),
            None => self.select_each(group, &mut choices, run, flight),
        }
        for (&at, &choice) in run.iter().zip(&choices) {
            let Some(carrier) = flight.get_mut(usize::from(at)) else { continue };
            load.add(carrier.load);
            let bucket = match choice {
                Choice::One(index) => group.buckets().get(index),
                _ => None,
            };
            if let Some((bucket, way)) = bucket.and_then(|bucket| Some((bucket, bucket.way()?))) {
                self.count_cell(bucket.cell(), carrier.load);
                self.leave(carrier, way, &origin);
                continue;
            }
            if choice == Choice::All && group.fans_out() {
                self.fan_out(carrier, group.buckets(), &origin);
                continue;
            }
            self.begin_at(carrier);
            self.go_through(carrier, (slot, group), choice, &origin, 0, true);
            self.end_at(carrier);
        }
        self.count_cell(group.cell(), load);
        load
    }

    /// Which bucket of a SELECT group each packet of `run` takes.
    #[inline(never)]
    fn select_each(
        &mut self,
        group: &Group,
        choices: &mut [Choice; BATCH],
        run: &[u8],
        flight: &mut [Carrier<H::Frame>],
    ) {
        ensure_all(run, flight, Depth::Whole);
        let selector = group.selector(self.tables);
        for (choice, &at) in choices.iter_mut().zip(run) {
            let Some(carrier) = flight.get(usize::from(at)) else { continue };
            *choice = match carrier.packet.headers.is_fragment {
                false => selector.choose(&carrier.packet.key, Transport::Own),
                true => self.select(carrier, group),
            };
        }
    }

    /// A packet does something that is not usual.
    fn begin_at(&mut self, carrier: &Carrier<H::Frame>) {
        self.outcomes = 0;
        self.outputs = carrier.outputs;
    }

    /// It has done it, and nothing is left to do.
    fn end_at(&mut self, carrier: &mut Carrier<H::Frame>) {
        if self.outcomes == 0 {
            self.dropped(DropReason::NoOutput, &carrier.packet);
        }
        carrier.outputs = self.outputs.saturating_sub(u32::from(carrier.owes()));
    }

    /// Sends the packet through a bucket and owes its output; whether it still is what its key says, but
    /// for its bytes.
    #[inline(always)]
    fn leave(&mut self, carrier: &mut Carrier<H::Frame>, way: Way<'_>, origin: &Origin) -> bool {
        // The bucket counts as one; the output is counted where it is owed.
        carrier.outputs = carrier.outputs.saturating_add(1);
        let cooked = carrier.cook_all(way.recipe());
        if cooked.is_ok() && way.is_fused() {
            self.only_output(carrier, way.port(), self.tables.ports.gate(way.port()));
            return true;
        }
        let step_count = cooked.err().unwrap_or(way.recipe().step_count());
        let left = carrier.left(step_count, way.changes(), |act| Some(act));
        self.leave_oddly(carrier, left, way.port(), origin);
        false
    }

    /// Something unusual is left of the changes, or one of them failed.
    #[inline(never)]
    fn leave_oddly(
        &mut self,
        carrier: &mut Carrier<H::Frame>,
        changes: &[Act],
        port: Port,
        origin: &Origin,
    ) {
        self.begin_at(carrier);
        for act in changes {
            if self.act(carrier, act, *origin, 1, false) == Flow::Stop {
                return;
            }
        }
        self.only_output(carrier, port, self.tables.ports.gate(port));
    }

    /// Sends the packet through each of the buckets, which all are ways.
    #[inline(never)]
    fn fan_out(
        &mut self,
        carrier: &mut Carrier<H::Frame>,
        buckets: &[GroupBucket],
        origin: &Origin,
    ) {
        let Some((last, others)) = buckets.split_last() else { return };
        let (meta, load, is_popped) = (carrier.packet.meta, carrier.load, carrier.is_popped);
        for bucket in others {
            self.count_cell(bucket.cell(), load);
            let Some(way) = bucket.way() else { continue };
            let Some(copy) = self.host.duplicate(&carrier.packet.frame) else {
                if !bucket.changes() {
                    self.count_tx_drop(way.port(), &carrier.packet);
                }
                self.dropped(DropReason::NoMemory, &carrier.packet);
                continue;
            };
            let is_usual = self.leave(carrier, way, origin);
            let frame = replace(&mut carrier.packet.frame, copy);
            match carrier.owed.take() {
                Some(exit) => {
                    carrier.outputs = carrier.outputs.saturating_add(1);
                    let frame = padded(frame, carrier.is_popped);
                    self.transmit(exit, &carrier.packet.meta, frame, carrier.load);
                }
                None => self.host.discard(frame),
            }
            (carrier.load, carrier.is_popped) = (load, is_popped);
            if !is_usual {
                carrier.packet.meta = meta;
                carrier.packet.reset_key();
            }
        }
        self.count_cell(last.cell(), load);
        if let Some(way) = last.way() {
            self.leave(carrier, way, origin);
        }
    }

    /// Sends packets where a learning bridge would; what they count as. Nobody watches.
    #[inline(never)]
    pub(crate) fn bridged(&mut self, run: &[u8], flight: &mut [Carrier<H::Frame>]) -> Load {
        let mut load = Load::default();
        ensure_all(run, flight, Depth::Link);
        for &at in run {
            let Some(carrier) = flight.get_mut(usize::from(at)) else { continue };
            load.add(carrier.load);
            match self.bridge(carrier) {
                Bridged::To(port, gate) => self.only_output(carrier, port, Some(gate)),
                other => {
                    self.begin_at(carrier);
                    self.follow(carrier, other);
                    self.end_at(carrier);
                }
            }
        }
        load
    }
}
