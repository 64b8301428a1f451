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
//! each but the last gets a copy of the bytes to leave the packet with, and what the packet was before
//! is put back for the next. So headers are read once and only bytes are copied, once less than there
//! are buckets.
//!
//! Whatever is not like this (a bucket that chains another group, one that sends nowhere) is
//! [`go_through`](Run::go_through)'s.

use core::mem::replace;

use hypercall::{Frame, Hypercall, Meta, Port};
use ofp_codec::PacketInReason;

use crate::counters::{DropReason, Load};
use crate::execute::{Carrier, Origin, Run, padded};
use crate::extract::Headers;
use crate::groups::{Choice, GroupBucket};
use crate::key::{Depth, Key};
use crate::normal::Bridged;
use crate::observer::Observer;
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
        for &at in run {
            let Some(carrier) = flight.get_mut(usize::from(at)) else { continue };
            load.add(carrier.load);
            let choice = self.choose(carrier, group);
            let way = match choice {
                Choice::One(index) => group.buckets().get(index),
                _ => None,
            };
            if let Some((bucket, (changes, port))) = way.and_then(|it| Some((it, it.way()?))) {
                self.count_cell(bucket.cell(), carrier.load);
                self.leave(carrier, changes, port, &origin);
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

    /// Changes the packet, and owes its output to `port`.
    #[inline(always)]
    fn leave(
        &mut self,
        carrier: &mut Carrier<H::Frame>,
        changes: &[Act],
        port: Port,
        origin: &Origin,
    ) {
        // The bucket counts as one; the output is counted where it is owed.
        carrier.outputs = carrier.outputs.saturating_add(1);
        match carrier.change(changes, |act| Some(act)) {
            [] => self.only_output(carrier, port, self.tables.ports.gate(port)),
            left => self.leave_oddly(carrier, left, port, origin),
        }
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
            if self.act(carrier, act, *origin, 1, false) == crate::execute::Flow::Stop {
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
        // What is read now is read once for all.
        carrier.packet.ensure(Depth::Link);
        let before = Before::of(carrier);
        for bucket in others {
            self.count_cell(bucket.cell(), before.load);
            let Some((changes, port)) = bucket.way() else { continue };
            let Some(copy) = self.host.duplicate(&carrier.packet.frame) else {
                if !bucket.changes() {
                    self.count_tx_drop(port, &carrier.packet);
                }
                self.dropped(DropReason::NoMemory, &carrier.packet);
                continue;
            };
            self.leave(carrier, changes, port, origin);
            let frame = replace(&mut carrier.packet.frame, copy);
            match carrier.owed.take() {
                Some(exit) => {
                    carrier.outputs = carrier.outputs.saturating_add(1);
                    let frame = padded(frame, carrier.is_popped);
                    self.transmit(exit, &carrier.packet.meta, frame, carrier.load);
                }
                None => self.host.discard(frame),
            }
            before.put_back(carrier);
        }
        self.count_cell(last.cell(), before.load);
        if let Some((changes, port)) = last.way() {
            self.leave(carrier, changes, port, origin);
        }
    }

    /// Sends packets where a learning bridge would; what they count as. Nobody watches.
    #[inline(never)]
    pub(crate) fn bridged(&mut self, run: &[u8], flight: &mut [Carrier<H::Frame>]) -> Load {
        let mut load = Load::default();
        for &at in run {
            let Some(carrier) = flight.get_mut(usize::from(at)) else { continue };
            load.add(carrier.load);
            carrier.packet.ensure(Depth::Link);
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

/// What a packet was before it went through a bucket.
struct Before {
    key: Key,
    headers: Headers,
    depth: Depth,
    meta: Meta,
    load: Load,
    is_popped: bool,
}

impl Before {
    #[inline(always)]
    fn of<F: Frame>(carrier: &Carrier<F>) -> Before {
        let packet = &carrier.packet;
        Before {
            key: packet.key,
            headers: packet.headers,
            depth: packet.depth,
            meta: packet.meta,
            load: carrier.load,
            is_popped: carrier.is_popped,
        }
    }

    #[inline(always)]
    fn put_back<F: Frame>(&self, carrier: &mut Carrier<F>) {
        carrier.packet.key = self.key;
        carrier.packet.headers = self.headers;
        carrier.packet.depth = self.depth;
        carrier.packet.meta = self.meta;
        carrier.load = self.load;
        carrier.is_popped = self.is_popped;
    }
}
