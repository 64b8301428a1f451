//! The receive loop of a replay: copies a burst in, hands it to the switch, and looks after the
//! tables' time when there is something to look after.

use std::time::Instant;

use rumpswitch::datapath::{Batch, Events, Switch};
use rumpswitch::hypercall::{Hypercall, Nanos};
use rumpswitch::unix_host::clock;

use super::cost::Repetition;
use super::frame::StoredFrame;
use super::host::Host;
use super::trace::Trace;
use crate::program::Failure;

/// How much is played in a repetition.
#[derive(Clone, Copy)]
pub(super) enum Rounds {
    /// So many rounds.
    Count(u64),
    /// Rounds until that time is over.
    Seconds(f64),
}

impl Rounds {
    /// Whether a repetition that began at `start` has been played.
    pub(super) fn are_over(self, played: u64, start: Instant) -> bool {
        match self {
            Rounds::Count(count) => played >= count,
            Rounds::Seconds(seconds) => start.elapsed().as_secs_f64() >= seconds,
        }
    }
}

/// What one worker did, in all repetitions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Share {
    pub(super) packets: u64,
    /// Of its thread.
    pub(super) cpu_nanos: u64,
}

/// What has been played, of all repetitions.
#[derive(Clone, Debug, Default)]
pub(super) struct Played {
    pub(super) rounds: u64,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) punts: u64,
    /// The switch's time at the end.
    pub(super) end: Nanos,
    /// By worker; empty where there is one.
    pub(super) workers: Vec<Share>,
}

/// Plays captures.
pub(super) struct Player<'a> {
    trace: &'a Trace,
    switch: &'a mut Switch,
    host: Host,
    batch: Batch<StoredFrame>,
    /// When the tables want to be looked after next. Nothing but a tick changes it here.
    deadline: Option<Nanos>,
    played: Played,
}

impl<'a> Player<'a> {
    pub(super) fn new(trace: &'a Trace, switch: &'a mut Switch, host: Host) -> Player<'a> {
        let deadline = switch.tables.next_deadline();
        Player { trace, switch, host, batch: Batch::new(), deadline, played: Played::default() }
    }

    /// One repetition.
    pub(super) fn play(&mut self, rounds: Rounds) -> Repetition {
        self.repeat(rounds, Player::round)
    }

    /// One repetition of receiving and discarding, without the switch.
    pub(super) fn play_floor(&mut self, rounds: Rounds) -> Repetition {
        self.repeat(rounds, Player::floor_round)
    }

    /// Writes out what is still kept back, and tells what was played.
    pub(super) fn finish(self) -> Result<Played, Failure> {
        Host::finish(std::iter::once(self.host))?;
        Ok(self.played)
    }

    fn repeat(&mut self, rounds: Rounds, mut round: impl FnMut(&mut Self)) -> Repetition {
        let (rounds_before, packets_before) = (self.played.rounds, self.played.packets);
        let wall = Instant::now();
        let cpu = clock::cpu_time();
        loop {
            round(self);
            self.played.rounds += 1;
            self.played.packets += self.trace.frame_count() as u64;
            self.played.bytes += self.trace.byte_count();
            self.host.end_round();
            if rounds.are_over(self.played.rounds - rounds_before, wall) {
                break;
            }
        }
        Repetition {
            packets: self.played.packets - packets_before,
            cpu_nanos: clock::cpu_time().since(cpu),
            wall_nanos: wall.elapsed().as_nanos().try_into().unwrap_or(u64::MAX),
        }
    }

    fn round(&mut self) {
        let base = Nanos(self.trace.period.saturating_mul(self.played.rounds));
        for burst in self.trace.bursts() {
            let now = base.plus(burst.time.0);
            self.host.now = now;
            self.host.receive(self.trace, burst, &mut self.batch);
            if self.deadline.is_some_and(|deadline| deadline <= now) {
                self.tick(now);
            }
            let events = self.switch.process(&mut self.host, now, &mut self.batch);
            if events.contains(Events::PUNTED) {
                while self.switch.worker.next_punt().is_some() {
                    self.played.punts += 1;
                }
            }
            self.played.end = now;
        }
    }

    fn floor_round(&mut self) {
        for burst in self.trace.bursts() {
            self.host.receive(self.trace, burst, &mut self.batch);
            for ingress in self.batch.drain() {
                self.host.discard(ingress.frame);
            }
        }
    }

    #[cold]
    fn tick(&mut self, now: Nanos) {
        self.switch.tables.tick(now);
        while self.switch.tables.next_news().is_some() {}
        self.deadline = self.switch.tables.next_deadline();
    }
}
