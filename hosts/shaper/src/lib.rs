//! What leaves a port, shaped: queues with a guaranteed and a highest rate, and the port's own rate.
//! A host puts it between the switch's transmit and the wire.
//!
//! # What
//!
//! A [`Shaper`] holds the frames that wait for one port. [`push`](Shaper::push) puts one into a
//! queue, [`pop`](Shaper::pop) takes the one that may leave now, [`next_deadline`](Shaper::next_deadline)
//! says when to ask again. It knows nothing of what a frame is: it is told its length.
//!
//! The rate that the port has is shared equally by the queues that have something to send, except
//! that none gets less than its lowest rate and none more than its highest. What a queue does not
//! use is the others'.
//!
//! # Design
//!
//! Two clocks a queue, each a moment that moves on by what a frame takes at a rate, and one for the
//! port. The *ceiling* holds a queue back until its moment has come. The *guarantee* asks for a frame
//! from its moment on, and wants it gone by the moment after the frame; of those that ask, the one
//! that is due first leaves (earliest deadline first, which keeps every deadline to within one frame
//! as long as the guarantees fit the port). When no guarantee asks, the queue that has sent least
//! leaves, counting what it sent for its guarantee (start-time fair queueing).
//!
//! Neither clock gives credit: a queue that was empty, or held back by its ceiling, does not make up
//! for it (one that waited for others does, by a few frames), and one that sent more than its share while there was room is not made to pay later. How
//! far shares may differ is bounded to both sides, by a few frames.
//!
//! Moments are exact to a fraction of a nanosecond (`pace.rs`), so rates hold at 100 Gbit/s as they
//! do at 1 kbit/s.
//!
//! # What it costs
//!
//! A push is an index and a copy into a ring. A pop looks at every queue that has frames, which
//! is nothing for the eight of most ports and some microseconds for a thousand. Memory is bounded by frames and bytes of each queue, and taken as frames come.
//!
//! # What it does not do
//!
//! It does not drop early, and does not look into frames: a flow that fills its queue delays its
//! neighbours in that queue.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing
    )
)]

extern crate alloc;

mod config;
mod lane;
mod pace;

use alloc::vec::Vec;

use hypercall::Nanos;

pub use config::{QueueRates, ShaperConfig};
pub use lane::QueueCounters;
pub use pace::Pace;

use lane::Lane;
use pace::span;

/// The queue of frames that name none, or one that is not there.
const DEFAULT: u32 = 0;

/// Frames of the longest kind by which a queue may be ahead of or behind the others' level. Less
/// would cut off what guarantees and frames of unlike lengths move back and forth.
const SPREAD: u64 = 16;

/// Frames of the longest kind that a queue at its highest rate may be late by, while others are
/// sent, and make up for.
const KEPT: u64 = 4;

/// The frames that wait for one port.
///
/// ```
/// use hypercall::Nanos;
/// use rumpswitch_shaper::{QueueRates, Shaper, ShaperConfig};
///
/// // 8 Mbit/s is a byte each microsecond; queue 5 may have a tenth of it.
/// let slow = QueueRates { id: 5, min_bps: 0, max_bps: Some(800_000) };
/// let mut shaper = Shaper::new(ShaperConfig::new(8_000_000, [slow]));
/// for name in ["one", "two"] {
///     shaper.push(Some(5), 1000, name).unwrap();
/// }
/// assert_eq!(shaper.pop(Nanos(0)), Some((5, "one")));
/// assert_eq!(shaper.pop(Nanos::from_millis(9)), None);
/// assert_eq!(shaper.next_deadline(), Some(Nanos::from_millis(10)));
/// assert_eq!(shaper.pop(Nanos::from_millis(10)), Some((5, "two")));
/// assert_eq!(shaper.next_deadline(), None, "nothing waits");
/// ```
#[derive(Clone, Debug)]
pub struct Shaper<T> {
    /// By id; the default queue is among them.
    lanes: Vec<Lane<T>>,
    /// Places of the lanes with frames. It has room for all of them.
    waiting: Vec<usize>,
    /// When the port is done with what it was given.
    port: Pace,
    port_bps: u64,
    max_frames: usize,
    max_bytes: u64,
    catch_up: u64,
    /// The share of the queue that was last next by its share.
    level: u64,
    /// Bytes of the longest frame so far.
    longest: u64,
}

impl<T> Shaper<T> {
    /// A shaper without frames. Of two queues with one id the first counts.
    pub fn new(config: ShaperConfig) -> Shaper<T> {
        let ShaperConfig { port_bps, queues, max_frames, max_bytes, catch_up } = config;
        let mut lanes: Vec<Lane<T>> = queues.into_iter().map(Lane::new).collect();
        lanes.sort_by_key(|lane| lane.rates.id);
        lanes.dedup_by_key(|lane| lane.rates.id);
        if lanes.first().is_none_or(|lane| lane.rates.id != DEFAULT) {
            lanes.insert(0, Lane::new(QueueRates { id: DEFAULT, min_bps: 0, max_bps: None }));
        }
        let waiting = Vec::with_capacity(lanes.len());
        Shaper {
            lanes,
            waiting,
            port: Pace::default(),
            port_bps: port_bps.max(1),
            max_frames,
            max_bytes,
            catch_up,
            level: 0,
            longest: 0,
        }
    }

    /// Takes over another configuration. Queues that stay keep their frames and counters; answers the
    /// frames of those that go, with their queues.
    pub fn reconfigure(&mut self, config: ShaperConfig) -> Vec<(u32, T)> {
        let mut next = Shaper::new(config);
        (next.port, next.level, next.longest) = (self.port, self.level, self.longest);
        let mut left = Vec::new();
        for lane in self.lanes.drain(..) {
            let id = lane.rates.id;
            match next.lanes.iter_mut().find(|new| new.rates.id == id) {
                Some(new) => {
                    *new = Lane { rates: new.rates, ..lane };
                    new.look_ahead();
                }
                None => left.extend(lane.frames.into_iter().map(|(_, frame)| (id, frame))),
            }
        }
        let lanes = next.lanes.iter().enumerate();
        next.waiting.extend(lanes.filter(|(_, lane)| !lane.frames.is_empty()).map(|(at, _)| at));
        *self = next;
        left
    }

    /// Puts a frame of `len` bytes into a queue; one that is not there is the default queue, as is
    /// none.
    ///
    /// # Errors
    ///
    /// The frame, when the queue is full or never sends.
    pub fn push(&mut self, queue: Option<u32>, len: usize, frame: T) -> Result<(), T> {
        let id = queue.unwrap_or(DEFAULT);
        // The default queue has the lowest id of all.
        let place = self.lanes.binary_search_by_key(&id, |lane| lane.rates.id).unwrap_or(0);
        let Some(lane) = self.lanes.get_mut(place) else { return Err(frame) };
        let len = len as u64;
        let has_room = lane.has_room(len, self.max_frames, self.max_bytes);
        if !has_room || lane.frames.try_reserve(1).is_err() {
            lane.counters.dropped = lane.counters.dropped.wrapping_add(1);
            return Err(frame);
        }
        if lane.frames.is_empty() {
            lane.is_fresh = true;
            self.waiting.push(place);
        }
        lane.frames.push_back((len, frame));
        lane.bytes = lane.bytes.saturating_add(len);
        self.longest = self.longest.max(len);
        Ok(())
    }

    /// The frame that may leave now, and its queue. Ask again until there is none.
    pub fn pop(&mut self, now: Nanos) -> Option<(u32, T)> {
        if self.port.at() > now {
            return None;
        }
        self.welcome(now);
        let (at, is_due) = match self.due(now) {
            Some(at) => (at, true),
            None => (self.least(now)?, false),
        };
        let place = *self.waiting.get(at)?;
        let lane = self.lanes.get_mut(place)?;
        let (len, frame) = lane.frames.pop_front()?;
        if lane.frames.is_empty() {
            self.waiting.swap_remove(at);
        }
        self.account(place, len, is_due, now);
        Some((self.lanes.get(place)?.rates.id, frame))
    }

    /// When a frame may leave; `None` when none waits. A moment in the past is now.
    pub fn next_deadline(&self) -> Option<Nanos> {
        let waiting = self.waiting.iter().filter_map(|place| self.lanes.get(*place));
        let first = waiting.map(|lane| lane.ceiling.at()).min()?;
        Some(first.max(self.port.at()))
    }

    /// Frames that wait.
    pub fn count(&self) -> usize {
        self.lanes.iter().map(|lane| lane.frames.len()).sum()
    }

    /// Takes out every frame that waits, with its queue: the port has gone, or its link.
    pub fn drain(&mut self) -> impl Iterator<Item = (u32, T)> + '_ {
        self.waiting.clear();
        self.lanes.iter_mut().flat_map(|lane| {
            lane.bytes = 0;
            let id = lane.rates.id;
            lane.frames.drain(..).map(move |(_, frame)| (id, frame))
        })
    }

    /// What a queue has done; `None` when there is no such queue.
    pub fn counters(&self, queue: u32) -> Option<QueueCounters> {
        let place = self.lanes.binary_search_by_key(&queue, |lane| lane.rates.id).ok()?;
        self.lanes.get(place).map(|lane| lane.counters)
    }

    /// Queues that were empty start from now on.
    fn welcome(&mut self, now: Nanos) {
        for place in &self.waiting {
            let Some(lane) = self.lanes.get_mut(*place).filter(|lane| lane.is_fresh) else {
                continue;
            };
            lane.is_fresh = false;
            lane.guarantee.not_before(now);
            lane.ceiling.not_before(now);
            lane.share = lane.share.max(self.level);
            lane.look_ahead();
        }
    }

    /// The place among the waiting of the queue whose guarantee is due first.
    fn due(&self, now: Nanos) -> Option<usize> {
        self.fitting(now)
            .filter_map(|(at, lane)| Some((lane.deadline(now)?, at)))
            .min()
            .map(|d| d.1)
    }

    /// The place among the waiting of the queue that has sent least.
    fn least(&self, now: Nanos) -> Option<usize> {
        self.fitting(now).map(|(at, lane)| (lane.share, lane.rates.id, at)).min().map(|l| l.2)
    }

    /// The queues that may send now.
    fn fitting(&self, now: Nanos) -> impl Iterator<Item = (usize, &Lane<T>)> {
        let waiting = self.waiting.iter().enumerate();
        let lanes = waiting.filter_map(|(at, place)| Some((at, self.lanes.get(*place)?)));
        lanes.filter(move |(_, lane)| lane.fits(now))
    }

    /// Moves the clocks on by a frame that leaves.
    fn account(&mut self, place: usize, len: u64, is_due: bool, now: Nanos) {
        let made_up = Nanos(now.0.saturating_sub(self.catch_up));
        self.port.not_before(made_up);
        self.port.pass(len, self.port_bps);
        let spread = self.longest.saturating_mul(SPREAD);
        // A guarantee may be late by what the port was busy with.
        let busy = span(self.longest.saturating_mul(2), self.port_bps);
        let late = self.catch_up.saturating_add(busy);
        let level = self.level;
        let Some(lane) = self.lanes.get_mut(place) else { return };
        lane.bytes = lane.bytes.saturating_sub(len);
        lane.counters.passed = lane.counters.passed.wrapping_add(1);
        lane.counters.passed_bytes = lane.counters.passed_bytes.wrapping_add(len);
        if let Some(max) = lane.rates.max_bps {
            // Time for which others kept it from sending is not lost to it.
            let kept = span(self.longest.saturating_mul(KEPT), max);
            lane.ceiling.not_before(Nanos(made_up.0.saturating_sub(kept)));
            lane.ceiling.pass(len, max);
        }
        let start = lane.share.max(level.saturating_sub(spread / 4));
        lane.share = start.saturating_add(len);
        if is_due {
            lane.guarantee.not_before(Nanos(now.0.saturating_sub(late)));
            lane.guarantee.pass(len, lane.rates.min_bps);
            lane.share = lane.share.min(level.saturating_add(spread));
        } else {
            self.level = level.max(start);
        }
        lane.look_ahead();
    }
}
