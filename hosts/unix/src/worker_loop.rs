//! The thread of one worker: it waits for frames of its ports and drives the switch with them.
//!
//! A turn is one of the [`EventLoop`](crate::EventLoop)'s without controllers and time: a burst from
//! each port that has frames, what other workers send by ports that this one owns, and room in ports
//! that had none. Control wakes it to stop and to ask for links.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use datapath::{Batch, Events, Ingress};
use hypercall::{Hypercall, Nanos, Sent, VecFrame};
use rustix::{
    event::{Timespec, epoll},
    io::Errno,
};

use crate::crew::{Shared, Word};
use crate::event_loop::ROUNDS;
use crate::host::{Deferred, WorkerHost};
use crate::port::{Outgoing, Wait};
use crate::relay::Inbox;
use crate::sync::Relaxed;
use crate::watch::Watch;
use crate::{BURST, Error, Received, UnixHost, clock};

const WAKE: u64 = u64::MAX;

/// Descriptors that a turn looks at.
const EVENTS: usize = 64;

const NO_EVENT: epoll::Event =
    epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) };

/// How soon to try again a port that nothing tells about.
const RETRY: u64 = 500_000;

/// How long after something happened counters are told and captures brought to the disk.
const CARE: u64 = Nanos::PER_SECOND;

/// One worker and its ports.
pub(crate) struct WorkerLoop {
    shared: Arc<Shared>,
    index: usize,
    host: UnixHost,
    /// Of the slots that this worker owns.
    inboxes: Vec<(usize, Arc<Inbox>)>,
    epoll: OwnedFd,
    watch: Watch,
    received: Vec<Received>,
    handed: Vec<Outgoing>,
    batch: Batch<VecFrame>,
    care: Option<Nanos>,
}

impl WorkerLoop {
    pub(crate) fn new(
        shared: Arc<Shared>,
        index: usize,
        host: WorkerHost,
    ) -> Result<WorkerLoop, Error> {
        let WorkerHost { host, inboxes } = host;
        let failed = |errno| Error::io("make an epoll descriptor", errno);
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(failed)?;
        let waker = shared.seats[index].waker.as_fd();
        epoll::add(&epoll, waker, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)
            .map_err(failed)?;
        let watch = Watch::new(&epoll, &host, 0)?;
        Ok(WorkerLoop {
            shared,
            index,
            host,
            inboxes,
            epoll,
            watch,
            received: Vec::with_capacity(BURST),
            handed: Vec::new(),
            batch: Batch::new(),
            care: None,
        })
    }

    /// Works until control says to stop.
    pub(crate) fn run(mut self) -> Result<(), Error> {
        loop {
            self.turn()?;
            if self.shared.seats[self.index].stops.is_up() {
                self.take_care();
                return self.host.finish();
            }
        }
    }

    fn turn(&mut self) -> Result<(), Error> {
        let timeout = self.timeout();
        let mut events = [NO_EVENT; EVENTS];
        let count = match epoll::wait(&self.epoll, &mut events[..], timeout.as_ref()) {
            Ok(count) => count,
            Err(Errno::INTR) => 0,
            Err(errno) => return Err(Error::io("wait for something to do", errno)),
        };
        let mut is_busy = count > 0;
        for event in &events[..count] {
            match event.data.u64() {
                WAKE => self.woken(),
                slot => self.burst(slot as usize),
            }
        }
        if is_busy {
            self.look_again();
        }
        for at in 0..self.watch.asked.len() {
            let Some(slot) = self.watch.asked.get(at).copied() else { break };
            if self.host.slots()[slot].io.wait() == Wait::Moment {
                self.burst(slot);
                is_busy = true;
            }
        }
        let now = clock::now();
        let is_due = |deadline: Option<Nanos>| deadline.is_some_and(|deadline| deadline <= now);
        if is_due(self.host.next_release()) {
            self.host.release(now);
            is_busy = true;
        }
        if is_due(self.care.take_if(|care| *care <= now)) {
            self.take_care();
        }
        if is_busy || self.watch.is_blocked {
            self.care.get_or_insert(now.plus(CARE));
            self.host.flush();
            self.host.resume();
            self.watch.room(&self.epoll, &self.host);
            let failures: Vec<_> = self.host.failures().collect();
            failures.into_iter().for_each(|(slot, error)| self.port_failed(slot, error));
        }
        Ok(())
    }

    /// Takes what has come meanwhile by ports that show it without being asked.
    fn look_again(&mut self) {
        for _ in 0..ROUNDS {
            let (mut from, mut any) = (0, false);
            while let Some(slot) = self.host.next_with_frames(from) {
                self.burst(slot);
                (from, any) = (slot + 1, true);
            }
            if !any {
                break;
            }
        }
    }

    /// How long the next wait may be.
    fn timeout(&self) -> Option<Timespec> {
        let now = clock::now();
        let retry = self.watch.retries(&self.host).then(|| now.plus(RETRY));
        let asked = self.watch.asks(&self.host).then_some(now);
        let deadlines = [retry, asked, self.care, self.host.next_release()];
        let until = deadlines.into_iter().flatten().min();
        until.map(|until| clock::until(now, until))
    }

    /// Takes a burst from a port through the switch.
    fn burst(&mut self, slot: usize) {
        if let Err(error) = self.host.receive_at(slot, &mut self.received) {
            self.received.clear();
            self.port_failed(slot, error);
            return;
        }
        if self.received.is_empty() {
            return;
        }
        let now = clock::now();
        let port = self.host.slots()[slot].number;
        let ingress = |Received { frame, meta }| Ingress { port, meta, frame };
        self.batch.extend(self.received.drain(..).take(self.batch.capacity()).map(ingress));
        let events = {
            let device = self.shared.read();
            let mut worker = self.shared.worker(self.index);
            let host = &mut Deferred(&mut self.host);
            device.forwarding().process(&mut worker, now, host, &mut self.batch)
        };
        self.host.flush();
        let seat = &self.shared.seats[self.index];
        if events.contains(Events::PUNTED) {
            seat.has_punts.raise(&self.shared.control);
        }
    }

    /// Somebody has something for this worker.
    fn woken(&mut self) {
        let seat = &self.shared.seats[self.index];
        seat.waker.rest();
        if seat.asks_links.lower() {
            self.ask_links();
        }
        let mut handed = std::mem::take(&mut self.handed);
        for at in 0..self.inboxes.len() {
            let (slot, inbox) = &self.inboxes[at];
            inbox.take(&mut handed);
            let port = self.host.slots()[*slot].number;
            for Outgoing { frame, meta } in handed.drain(..) {
                if self.host.transmit(port, &meta, frame) == Sent::Dropped {
                    self.shared.say(Word::Lost(port, meta.queue_id));
                }
            }
        }
        self.handed = handed;
    }

    fn ask_links(&mut self) {
        let mut changed = false;
        for slot in 0..self.host.slots().len() {
            changed |= self.host.refresh(slot).is_some();
        }
        self.tell_links();
        if changed {
            self.shared.say(Word::Links);
        }
    }

    fn tell_links(&self) {
        for (slot, inbox) in &self.inboxes {
            let slot = &self.host.slots()[*slot];
            inbox.tell(slot.info, slot.io.identity().filter(|_| !slot.is_over));
        }
    }

    fn port_failed(&mut self, slot: usize, error: Error) {
        self.watch.forget(&self.epoll, &self.host, slot);
        self.tell_links();
        self.shared.say(Word::Failed(slot, error));
    }

    /// Tells counters, and brings captures to the disk.
    fn take_care(&mut self) {
        for (port, queue) in self.host.take_lost() {
            self.shared.say(Word::Lost(port, Some(queue)));
        }
        let told = &self.shared.seats[self.index].counters;
        for (slot, [lost, refused]) in self.host.slots().iter().zip(told) {
            let counters = slot.counters();
            lost.store(counters.lost, Relaxed);
            refused.store(counters.refused, Relaxed);
        }
        // What a capture could not write is told when the loop ends.
        let _ = self.host.finish();
    }
}
