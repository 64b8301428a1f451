//! Groups in groups (§5.6.1): what a packet does in a bucket's group, and in the groups behind that.
//!
//! # Design
//!
//! A chain of groups is walked with a list of what is left to do in each of them, not by calls within calls:
//! it takes as much stack for two groups as for [`GROUP_DEPTH_MAX`]. The copies that buckets work on stay in
//! the batch's [`Room`], for the same reason; the last of them is the packet at hand. The first group of a
//! packet is [`go_through`](Run::go_through)'s.

use alloc::vec::Vec;
use core::mem::take;

use arrayvec::ArrayVec;
use hypercall::{Frame, Hypercall, Port};

use super::{Carrier, Flow, Origin, Run, copied};
use crate::counters::DropReason;
use crate::groups::{Choice, Group, GroupBucket};
use crate::key::Depth;
use crate::observer::{Observer, Step};
use crate::program::{Act, Output};

/// Groups that one packet may pass on its way through chained groups, the first included.
pub(crate) const GROUP_DEPTH_MAX: usize = 32;
/// Those behind the first.
const CHAINED_MAX: usize = GROUP_DEPTH_MAX - 1;

/// Copies that buckets work on: one for each group of a chain at most.
pub(crate) type Copies<F> = ArrayVec<Carrier<F>, CHAINED_MAX>;

/// Where the copies stay that buckets work on.
pub(crate) enum Room<'a, F> {
    /// In a batch.
    Lent(&'a mut Copies<F>),
    /// In memory of their own, which is taken when there is a copy: for a packet-out.
    Own(Vec<Carrier<F>>),
}

impl<F> Default for Room<'_, F> {
    fn default() -> Self {
        Room::Own(Vec::new())
    }
}

impl<F> Room<'_, F> {
    fn last(&mut self) -> Option<&mut Carrier<F>> {
        match self {
            Room::Lent(copies) => copies.last_mut(),
            Room::Own(copies) => copies.last_mut(),
        }
    }

    /// Whether there is room for one more.
    fn reserve(&mut self) -> bool {
        match self {
            Room::Lent(copies) => !copies.is_full(),
            Room::Own(copies) => copies.try_reserve(1).is_ok(),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Room::Lent(copies) => copies.is_empty(),
            Room::Own(copies) => copies.is_empty(),
        }
    }
}

impl<F: Frame> Room<'_, F> {
    /// Adds a copy of a packet, for which there is room: made where it stays.
    #[inline(always)]
    fn add(&mut self, of: &Carrier<F>, frame: F) {
        match self {
            // `ArrayVec::push` would make it elsewhere first, to give it back in its error.
            Room::Lent(copies) => copies.extend(Some(copied(of, frame))),
            Room::Own(copies) => copies.push(copied(of, frame)),
        }
    }

    /// Adds a copy of the last one, for which there is room.
    #[inline(never)]
    fn add_to_last(&mut self, frame: F) {
        let Some(copy) = self.last().map(|last| copied(last, frame)) else { return };
        match self {
            Room::Lent(copies) => copies.extend(Some(copy)),
            Room::Own(copies) => copies.push(copy),
        }
    }
}

/// A group that a packet is in, and how far it is.
struct Level<'a> {
    slot: u32,
    group: &'a Group,
    /// The buckets that it has yet to take.
    next: usize,
    end: usize,
    /// What is left to do of the bucket at hand.
    acts: &'a [Act],
    flags: Flags,
}

#[derive(Clone, Copy)]
struct Flags {
    /// Whether it takes all buckets, for as long as a packet may have more outputs.
    is_all: bool,
    /// Whether the packet is not needed after the group, and after the bucket at hand.
    ends_packet: bool,
    bucket_ends_packet: bool,
    /// Whether the bucket at hand has a copy.
    has_copy: bool,
}

/// A group in which a packet is while it is in another one.
struct Parked {
    slot: u32,
    next: u16,
    end: u16,
    /// How many actions are left of the bucket at hand.
    left: u16,
    flags: Flags,
}

impl Level<'_> {
    fn park(&self) -> Parked {
        // A message has room for some thousands of buckets or actions.
        let (next, end, left) = (self.next as u16, self.end as u16, self.acts.len() as u16);
        Parked { slot: self.slot, next, end, left, flags: self.flags }
    }
}

impl<'a, H: Hypercall + ?Sized, O: Observer> Run<'a, H, O> {
    /// Sends the packet through a group in a group, and all that it leads to.
    #[inline(never)]
    pub(super) fn chained(
        &mut self,
        carrier: &mut Carrier<H::Frame>,
        slot: u32,
        origin: Origin,
        is_last: bool,
    ) {
        let Some(mut level) = self.enter(carrier, slot, is_last) else { return };
        let mut parked: ArrayVec<Parked, { CHAINED_MAX - 1 }> = ArrayVec::new();
        let mut room = take(&mut self.room);
        loop {
            if let [act, left @ ..] = level.acts {
                level.acts = left;
                let is_last = level.flags.bucket_ends_packet && left.is_empty();
                let packet = room.last().unwrap_or(&mut *carrier);
                if let Act::Group { slot, .. } = *act {
                    self.observer.step(self.tables, Step::Act(act));
                    if parked.is_full() {
                        self.dropped(DropReason::GroupDepth, &packet.packet);
                    } else if let Some(inner) = self.enter(packet, slot, is_last) {
                        parked.push(level.park());
                        level = inner;
                    }
                } else if self.act(packet, act, origin, 1, is_last) == Flow::Stop {
                    level.acts = &[];
                }
                continue;
            }
            if take(&mut level.flags.has_copy) {
                match &mut room {
                    Room::Lent(copies) => {
                        if let Some(copy) = copies.pop() {
                            self.finish(copy);
                        }
                    }
                    Room::Own(copies) => {
                        if let Some(copy) = copies.pop() {
                            self.finish_one(copy);
                        }
                    }
                }
            }
            if self.next_bucket(&mut level, carrier, &mut room) {
                continue;
            }
            let Some(outer) = parked.pop().and_then(|parked| self.resume(&parked)) else { break };
            level = outer;
        }
        self.room = room;
    }

    /// Counts a packet that enters a group, and chooses its buckets.
    fn enter(
        &mut self,
        carrier: &mut Carrier<H::Frame>,
        slot: u32,
        is_last: bool,
    ) -> Option<Level<'a>> {
        let tables = self.tables;
        let Some(group) = tables.groups.get(slot) else {
            self.dropped(DropReason::GroupDepth, &carrier.packet);
            return None;
        };
        self.count_cell(group.cell(), carrier.load);
        let count = group.buckets().len();
        let choice = group.common(tables).unwrap_or_else(|| {
            carrier.packet.ensure(Depth::Whole);
            self.select(carrier, group)
        });
        let (next, end) = match choice {
            Choice::All if count != 0 => (0, count),
            Choice::One(index) => (index, index.saturating_add(1).min(count)),
            Choice::All | Choice::NoBucket => {
                self.dropped(DropReason::GroupEmpty, &carrier.packet);
                return None;
            }
            Choice::NotLive => {
                self.dropped(DropReason::GroupNotLive, &carrier.packet);
                return None;
            }
        };
        let flags = Flags {
            is_all: choice == Choice::All,
            ends_packet: is_last,
            bucket_ends_packet: false,
            has_copy: false,
        };
        Some(Level { slot, group, next, end, acts: &[], flags })
    }

    /// Goes on with a group after one that was in it.
    #[inline(never)]
    fn resume(&self, parked: &Parked) -> Option<Level<'a>> {
        let &Parked { slot, next, end, left, flags } = parked;
        let group = self.tables.groups.get(slot)?;
        let (next, end) = (usize::from(next), usize::from(end));
        let bucket = group.buckets().get(next.checked_sub(1)?)?;
        let done = bucket.acts().len().saturating_sub(usize::from(left));
        let acts = bucket.acts().get(done..)?;
        Some(Level { slot, group, next, end, acts, flags })
    }

    /// Sends the packet, or a copy where it is still needed and would change, into the next bucket; whether
    /// there is one.
    #[inline(always)]
    fn next_bucket(
        &mut self,
        level: &mut Level<'a>,
        carrier: &mut Carrier<H::Frame>,
        room: &mut Room<'_, H::Frame>,
    ) -> bool {
        if level.next >= level.end {
            return false;
        }
        let Some(bucket) = level.group.buckets().get(level.next) else { return false };
        let packet = room.last().unwrap_or(&mut *carrier);
        if level.flags.is_all && self.is_exhausted(&packet.packet) {
            return false;
        }
        let step = Step::Bucket { slot: level.slot, bucket: level.next };
        self.observer.step(self.tables, step);
        level.next = level.next.saturating_add(1);
        self.count_cell(bucket.cell(), packet.load);
        if !bucket.sends() {
            self.dropped(DropReason::NoOutput, &packet.packet);
            return true;
        }
        let is_last = level.flags.ends_packet && level.next == level.end;
        let is_copied = bucket.changes() && !is_last;
        level.flags.bucket_ends_packet = is_last || is_copied;
        level.flags.has_copy = is_copied;
        if is_copied {
            // What is owed leaves first: outputs keep their order.
            self.settle(packet);
            // What is read now is read once for all copies.
            packet.packet.ensure(Depth::Link);
            let frame = self.host.duplicate(&packet.packet.frame);
            let Some(frame) = frame.filter(|_| room.reserve()) else {
                level.flags.has_copy = false;
                let packet = room.last().unwrap_or(&mut *carrier);
                self.dropped(DropReason::NoMemory, &packet.packet);
                return true;
            };
            match room.is_empty() {
                true => room.add(carrier, frame),
                false => room.add_to_last(frame),
            }
        }
        let packet = room.last().unwrap_or(carrier);
        level.acts = self.begin_bucket(packet, bucket);
        true
    }

    /// Does the usual changes that a bucket begins with, and the output that most buckets end with; what is
    /// left to do.
    #[inline(always)]
    fn begin_bucket(
        &mut self,
        packet: &mut Carrier<H::Frame>,
        bucket: &'a GroupBucket,
    ) -> &'a [Act] {
        // Groups may fan out without an output: each bucket counts as one.
        self.outputs = self.outputs.saturating_add(1);
        let acts = match bucket.acts() {
            acts @ [first, ..] if first.is_change() && !O::DRY => {
                packet.change(acts, |act| Some(act))
            }
            acts => acts,
        };
        if let ([Act::Output(Output::Port(port))], false) = (acts, O::DRY) {
            if Port(*port) != packet.packet.in_port {
                self.emit(packet, Port(*port));
                return &[];
            }
        }
        acts
    }
}
