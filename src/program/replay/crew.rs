//! A replay by several workers: the frames of the captures are dealt by a hash of their flow, as a
//! card would deal them, and each worker plays its own on a thread of its own.
//!
//! Workers share the tables and nothing else. They meet where the tables change, which is when an
//! entry expires, and at the end of each round; in between nobody waits for anybody. Each counts the
//! processor time of its own thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Barrier, RwLock};
use std::time::Instant;

use rumpswitch::datapath::{BATCH, Batch, Events, Switch, Tables, Worker};
use rumpswitch::hypercall::Nanos;
use rumpswitch::unix_host::{clock, or_end};

use super::cost::Repetition;
use super::frame::StoredFrame;
use super::host::Host;
use super::player::{Played, Rounds, Share};
use super::trace::Trace;
use crate::program::Failure;

/// Workers that play together.
pub(super) struct Crew<'a> {
    trace: &'a Trace,
    tables: &'a mut Tables,
    members: Vec<Member<'a>>,
    played: Played,
}

/// One of them.
struct Member<'a> {
    worker: Seat<'a>,
    host: Host,
    /// What it was dealt.
    trace: Trace,
    batch: Batch<StoredFrame>,
    /// Bursts played in this round.
    done: usize,
    share: Share,
    punts: u64,
}

enum Seat<'a> {
    Switchs(&'a mut Worker),
    Own(Box<Worker>),
}

/// Where the workers meet.
struct Meeting {
    barrier: Barrier,
    /// Rounds played, of all repetitions; a worker that finds another number begins again.
    round: AtomicU64,
    /// The moment at which the tables change next.
    until: AtomicU64,
    is_over: AtomicBool,
    /// For each worker the moment of its next burst; `u64::MAX` at the end of a round.
    next: Vec<AtomicU64>,
    /// The moment of the last burst of all.
    end: AtomicU64,
}

impl Member<'_> {
    /// The moment of the next burst.
    fn next(&self, base: Nanos) -> Option<Nanos> {
        self.trace.bursts().get(self.done).map(|burst| base.plus(burst.time.0))
    }

    /// Plays until the tables have to change or the round ends.
    fn play(&mut self, tables: &Tables, base: Nanos, meeting: &Meeting) {
        let until = meeting.until.load(Relaxed);
        let bursts = self.trace.bursts().iter().skip(self.done);
        let worker = match &mut self.worker {
            Seat::Switchs(worker) => worker,
            Seat::Own(worker) => &mut **worker,
        };
        let mut end = 0;
        for burst in bursts {
            let now = base.plus(burst.time.0);
            if now.0 >= until {
                break;
            }
            self.host.now = now;
            self.host.receive(&self.trace, burst, &mut self.batch);
            self.share.packets += self.batch.len() as u64;
            let events = worker.process(tables, &mut self.host, now, &mut self.batch);
            if events.contains(Events::PUNTED) {
                while worker.next_punt().is_some() {
                    self.punts += 1;
                }
            }
            self.done += 1;
            end = now.0;
        }
        meeting.end.fetch_max(end, Relaxed);
    }

    /// The life of a worker's thread.
    fn run(&mut self, index: usize, tables: &RwLock<&mut Tables>, meeting: &Meeting) {
        let cpu = clock::cpu_time();
        let mut round = meeting.round.load(Relaxed);
        self.done = 0;
        loop {
            meeting.barrier.wait();
            if meeting.is_over.load(Relaxed) {
                break;
            }
            let now = meeting.round.load(Relaxed);
            if round != now {
                round = now;
                self.done = 0;
                self.host.end_round();
            }
            let base = Nanos(self.trace.period.saturating_mul(round));
            if let Ok(tables) = tables.read() {
                self.play(&tables, base, meeting);
            }
            if let Some(next) = meeting.next.get(index) {
                next.store(self.next(base).map_or(u64::MAX, |now| now.0), Relaxed);
            }
            meeting.barrier.wait();
        }
        self.host.end_round();
        self.share.cpu_nanos += clock::cpu_time().since(cpu);
    }
}

impl<'a> Crew<'a> {
    /// As many workers as there are hosts.
    pub(super) fn new(
        trace: &'a Trace,
        switch: &'a mut Switch,
        hosts: Vec<Host>,
    ) -> Result<Crew<'a>, Failure> {
        let more = (1..hosts.len()).map(|_| switch.tables.add_worker());
        let more: Option<Vec<Worker>> = more.collect();
        let more = more.ok_or_else(|| Failure::setup("no memory for the workers"))?;
        let Switch { tables, worker, .. } = switch;
        let seats = more.into_iter().map(|worker| Seat::Own(Box::new(worker)));
        let traces = trace.deal(hosts.len(), BATCH);
        let seats = std::iter::once(Seat::Switchs(worker)).chain(seats);
        let members = seats.zip(hosts).zip(traces).map(|((worker, host), trace)| Member {
            worker,
            host,
            trace,
            batch: Batch::new(),
            done: 0,
            share: Share::default(),
            punts: 0,
        });
        Ok(Crew { trace, tables, members: members.collect(), played: Played::default() })
    }

    /// One repetition.
    pub(super) fn play(&mut self, rounds: Rounds) -> Repetition {
        let before: u64 = self.members.iter().map(|member| member.share.cpu_nanos).sum();
        let meeting = Meeting {
            barrier: Barrier::new(self.members.len() + 1),
            round: AtomicU64::new(self.played.rounds),
            until: AtomicU64::new(until(self.tables)),
            is_over: AtomicBool::new(false),
            next: self.members.iter().map(|_| AtomicU64::new(0)).collect(),
            end: AtomicU64::new(0),
        };
        let tables = RwLock::new(&mut *self.tables);
        let wall = Instant::now();
        let played = std::thread::scope(|scope| {
            for (index, member) in self.members.iter_mut().enumerate() {
                let (tables, meeting) = (&tables, &meeting);
                scope.spawn(move || or_end(|| member.run(index, tables, meeting)));
            }
            conduct(&tables, &meeting, self.played.rounds, rounds, wall)
        });
        self.played.rounds += played;
        self.played.packets += self.trace.frame_count() as u64 * played;
        self.played.bytes += self.trace.byte_count() * played;
        self.played.end = Nanos(meeting.end.load(Relaxed));
        let after: u64 = self.members.iter().map(|member| member.share.cpu_nanos).sum();
        Repetition {
            packets: self.trace.frame_count() as u64 * played,
            cpu_nanos: after - before,
            wall_nanos: wall.elapsed().as_nanos().try_into().unwrap_or(u64::MAX),
        }
    }

    /// Writes out what is still kept back, and tells what was played.
    pub(super) fn finish(self) -> Result<Played, Failure> {
        let punts = self.members.iter().map(|member| member.punts).sum();
        let workers = self.members.iter().map(|member| member.share).collect();
        Host::finish(self.members.into_iter().map(|member| member.host))?;
        Ok(Played { punts, workers, ..self.played })
    }
}

/// The moment at which the tables want to be looked after.
fn until(tables: &Tables) -> u64 {
    tables.next_deadline().map_or(u64::MAX, |deadline| deadline.0)
}

/// Changes the tables when it is time, begins rounds and ends the repetition; tells how many rounds
/// it had.
fn conduct(
    tables: &RwLock<&mut Tables>,
    meeting: &Meeting,
    before: u64,
    rounds: Rounds,
    wall: Instant,
) -> u64 {
    let mut played = 0;
    loop {
        meeting.barrier.wait();
        // The workers play.
        meeting.barrier.wait();
        let next = meeting.next.iter().map(|next| next.load(Relaxed)).min().unwrap_or(u64::MAX);
        let Ok(mut tables) = tables.write() else { continue };
        let mut free = until(&tables);
        if next == u64::MAX {
            played += 1;
            if rounds.are_over(played, wall) {
                meeting.is_over.store(true, Relaxed);
                meeting.barrier.wait();
                return played;
            }
            meeting.round.store(before + played, Relaxed);
        } else if free <= next {
            tables.tick(Nanos(next));
            while tables.next_news().is_some() {}
            // What a tick leaves is the next one's: each burst brings one, as with one worker.
            free = until(&tables).max(next + 1);
        }
        meeting.until.store(free, Relaxed);
    }
}
