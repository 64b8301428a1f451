//! A link: two one-way wires between two endpoints, each with a delay, a rate, a chance of loss and
//! a bounded queue in front. A frame is moved into the wire and moved out at the other end.

use std::collections::VecDeque;
use std::time::Duration;

use hypercall::{Frame, Nanos, VecFrame};
use shaper::Pace;

use crate::Endpoint;
use crate::rng::Rng;

/// A link of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub(crate) usize);

impl LinkId {
    /// The link's place in the order in which links were made, from 0.
    pub fn index(self) -> usize {
        self.0
    }
}

/// What a link is like, the same in both directions.
///
/// ```
/// use std::time::Duration;
/// use rumpswitch_virt::LinkConfig;
///
/// let satellite = LinkConfig {
///     delay: Duration::from_millis(250),
///     rate: Some(10_000_000),
///     loss_ppm: 1_000,
///     ..LinkConfig::default()
/// };
/// assert_eq!(satellite.queue, 1000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    /// How long a frame is under way after its last bit was sent. Not less than
    /// [`LinkConfig::MIN_DELAY`], so that time passes even in a loop.
    pub delay: Duration,
    /// Bits per second, counting the bytes of the frame without preamble, FCS and gap; `None` for
    /// no limit.
    pub rate: Option<u64>,
    /// Frames lost in a million, each on its own.
    pub loss_ppm: u32,
    /// Frames that may wait for, or be in, transmission in one direction; one more is dropped.
    /// Without a rate it bounds the frames under way.
    pub queue: usize,
}

impl LinkConfig {
    /// The least delay: what light takes for 20 m of fibre.
    pub const MIN_DELAY: Duration = Duration::from_nanos(100);
}

impl Default for LinkConfig {
    /// 10 µs, 1 Gbit/s, no loss, a queue of 1000 frames.
    fn default() -> LinkConfig {
        LinkConfig {
            delay: Duration::from_micros(10),
            rate: Some(1_000_000_000),
            loss_ppm: 0,
            queue: 1000,
        }
    }
}

/// What became of the frames in one direction of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Frames that reached the other end.
    pub delivered: u64,
    /// Bytes of those frames.
    pub delivered_bytes: u64,
    /// Frames lost by chance.
    pub lost: u64,
    /// Frames that met a full queue.
    pub overflowed: u64,
    /// Frames sent while the link was down, or under way when it went down.
    pub cut: u64,
}

/// One way along a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    AToB,
    BToA,
}

/// A frame on a wire.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) frame: VecFrame,
    /// The key of the tunnel that it is in.
    pub(crate) tunnel: Option<u64>,
}

impl From<VecFrame> for Parcel {
    fn from(frame: VecFrame) -> Parcel {
        Parcel { frame, tunnel: None }
    }
}

/// A link and what is under way on it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) ends: [Endpoint; 2],
    pub(crate) config: LinkConfig,
    /// Whether frames pass: the cable is whole and neither end is down.
    pub(crate) up: bool,
    /// Whether the cable is whole.
    pub(crate) is_whole: bool,
    /// Whether an end is administratively down.
    pub(crate) is_down: [bool; 2],
    wires: [Wire; 2],
}

#[derive(Debug)]
struct Wire {
    /// When the sender is done with what it already took.
    idle: Pace,
    /// When each frame that counts against the queue stops counting, oldest first.
    occupied_until: VecDeque<Nanos>,
    /// Frames under way, oldest first; `None` once the link went down beneath it.
    under_way: VecDeque<Option<Parcel>>,
    stats: LinkStats,
    rng: Rng,
}

/// What a link did with a frame.
pub(crate) enum Carried {
    /// It arrives then.
    Arrives(Nanos),
    /// It was sent and will not arrive.
    Lost,
    /// It was not sent.
    Refused,
}

impl Link {
    pub(crate) fn new(id: LinkId, ends: [Endpoint; 2], config: LinkConfig, seed: u64) -> Link {
        let wire = |direction: u64| Wire {
            idle: Pace::default(),
            occupied_until: VecDeque::new(),
            under_way: VecDeque::new(),
            stats: LinkStats::default(),
            rng: Rng::new(seed, id.0 as u64 * 2 + direction),
        };
        Link {
            ends,
            config,
            up: true,
            is_whole: true,
            is_down: [false; 2],
            wires: [wire(0), wire(1)],
        }
    }

    /// Where frames in `direction` arrive.
    pub(crate) fn far_end(&self, direction: Direction) -> Endpoint {
        match direction {
            Direction::AToB => self.ends[1],
            Direction::BToA => self.ends[0],
        }
    }

    pub(crate) fn stats(&self, direction: Direction) -> LinkStats {
        self.wires[direction as usize].stats
    }

    /// Whether [`send`](Self::send) would take a frame now.
    pub(crate) fn takes(&mut self, now: Nanos, direction: Direction) -> bool {
        self.up && self.wires[direction as usize].has_room(now, self.config.queue)
    }

    /// Takes a frame. The caller sees to an arrival event when it arrives.
    pub(crate) fn send(&mut self, now: Nanos, direction: Direction, parcel: Parcel) -> Carried {
        let wire = &mut self.wires[direction as usize];
        if !self.up {
            wire.stats.cut += 1;
            return Carried::Refused;
        }
        if !wire.has_room(now, self.config.queue) {
            wire.stats.overflowed += 1;
            return Carried::Refused;
        }
        wire.idle.not_before(now);
        if let Some(rate) = self.config.rate.filter(|rate| *rate > 0) {
            wire.idle.pass(parcel.frame.len() as u64, rate);
        }
        let sent = wire.idle.at();
        let arrival = sent.plus(nanos(self.config.delay.max(LinkConfig::MIN_DELAY)));
        wire.occupied_until.push_back(if self.config.rate.is_some() { sent } else { arrival });
        if wire.rng.chance(self.config.loss_ppm) {
            wire.stats.lost += 1;
            return Carried::Lost;
        }
        wire.under_way.push_back(Some(parcel));
        Carried::Arrives(arrival)
    }

    /// The oldest frame under way arrives; `None` when the link was cut beneath it.
    pub(crate) fn arrive(&mut self, direction: Direction) -> Option<Parcel> {
        let wire = &mut self.wires[direction as usize];
        let parcel = wire.under_way.pop_front().flatten()?;
        wire.stats.delivered += 1;
        wire.stats.delivered_bytes += parcel.frame.len() as u64;
        Some(parcel)
    }

    /// Makes `up` what cable and ends say; `false` when it is that already. What is under way or
    /// waiting when the link goes down is lost.
    pub(crate) fn refresh(&mut self) -> bool {
        let up = self.is_whole && self.is_down == [false; 2];
        if self.up == up {
            return false;
        }
        self.up = up;
        if up {
            return true;
        }
        for wire in &mut self.wires {
            // The places stay: their arrival events are already in the queue.
            for frame in &mut wire.under_way {
                wire.stats.cut += u64::from(frame.take().is_some());
            }
            wire.occupied_until.clear();
            wire.idle = Pace::default();
        }
        true
    }
}

impl Wire {
    fn has_room(&mut self, now: Nanos, queue: usize) -> bool {
        while self.occupied_until.front().is_some_and(|until| *until <= now) {
            self.occupied_until.pop_front();
        }
        self.occupied_until.len() < queue.max(1)
    }
}

/// A span as nanoseconds, as long as it can be.
pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
