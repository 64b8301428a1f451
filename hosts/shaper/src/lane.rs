//! One queue: the frames that wait, and when and how much it may send.

use alloc::collections::VecDeque;

use hypercall::Nanos;

use crate::QueueRates;
use crate::pace::Pace;

/// What a queue has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounters {
    /// Frames that left.
    pub passed: u64,
    /// Bytes of those frames.
    pub passed_bytes: u64,
    /// Frames that it had no room for.
    pub dropped: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Lane<T> {
    pub(crate) rates: QueueRates,
    pub(crate) frames: VecDeque<(u64, T)>,
    /// Bytes that wait.
    pub(crate) bytes: u64,
    /// Whether frames came since the last look at it, when it was empty.
    pub(crate) is_fresh: bool,
    /// From when on the guarantee holds for the next frame.
    pub(crate) guarantee: Pace,
    /// By when its next frame is to be gone for the guarantee to hold.
    pub(crate) due: Nanos,
    /// Before which it may send nothing.
    pub(crate) ceiling: Pace,
    /// Bytes that it has sent, as they count among the queues that share: the one with least is next.
    pub(crate) share: u64,
    pub(crate) counters: QueueCounters,
}

impl<T> Lane<T> {
    pub(crate) fn new(rates: QueueRates) -> Lane<T> {
        Lane {
            rates,
            frames: VecDeque::new(),
            bytes: 0,
            is_fresh: false,
            guarantee: Pace::default(),
            due: Nanos(0),
            ceiling: Pace::default(),
            share: 0,
            counters: QueueCounters::default(),
        }
    }

    /// Whether its highest rate lets it send now.
    pub(crate) fn fits(&self, now: Nanos) -> bool {
        self.ceiling.at() <= now
    }

    /// Finds out when the next frame is due: the guarantee or the frame is another one.
    pub(crate) fn look_ahead(&mut self) {
        if let (Some((len, _)), 1..) = (self.frames.front(), self.rates.min_bps) {
            self.due = self.guarantee.after(*len, self.rates.min_bps);
        }
    }

    /// By when its next frame is to be sent for the guarantee to hold; `None` when the guarantee does
    /// not ask for it yet.
    pub(crate) fn deadline(&self, now: Nanos) -> Option<Nanos> {
        let asks = self.rates.min_bps > 0 && self.guarantee.at() <= now;
        asks.then_some(self.due)
    }

    /// Whether it takes one more frame.
    pub(crate) fn has_room(&self, len: u64, max_frames: usize, max_bytes: u64) -> bool {
        self.rates.max_bps != Some(0)
            && self.frames.len() < max_frames.max(1)
            && (self.frames.is_empty() || self.bytes.saturating_add(len) <= max_bytes)
    }
}
