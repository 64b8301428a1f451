//! Several threads over one device: who forwards, who changes, and how they keep out of each other's
//! way.
//!
//! # What
//!
//! A switch with N workers has N threads that forward (`worker_loop.rs`), and control: the thread of
//! the [`EventLoop`](crate::EventLoop), which has the controllers, time, links and reports. There is
//! one device, behind a sharded reader-writer lock (`turns.rs`): a worker takes its own shard for one
//! batch, which touches no line of another worker's; control takes all shards for a slice of work.
//!
//! # Design
//!
//! * No lock is held over a system call. A worker receives before it takes its shard and sends after
//!   it has let go ([`Deferred`] keeps what the switch transmits). Control reads and writes its sockets
//!   without the lock, and takes it for [`SLICE`] bytes of messages at a time: some forty flow-mods.
//! * A worker that finds the lock taken says so, and control lets it go first before it takes the
//!   lock for the next slice: a controller that sends without a pause does not starve frames.
//! * Packets for the controllers wait in their worker's own queue, which is bounded and fair by port.
//!   Control collects them, a bounded number from each worker in turn.
//! * Packet sockets are opened once for each worker, and the kernel deals frames by the hash of their
//!   flow (`PACKET_FANOUT_HASH`). Every other port is read and written by one worker, and so is a port
//!   that shapes; the others hand it what they send to it (`relay.rs`).
//! * A panic in a worker ends the process after its message: half a switch is none.
//!
//! # Why not two copies of the tables
//!
//! With two copies control changes the idle one, flips, and changes the other; no worker ever waits.
//! That costs every entry twice (two times 200 bytes), every flow-mod twice, and a proof that two
//! copies stay equal. Here flow-mods are bounded work (microseconds, whatever the table's size), so
//! that a worker waits for tens of microseconds at most, less than the kernel lets it wait for the
//! processor; and results are the same by construction, since there is one of everything. What the
//! second copy would buy is the last of the latency: no batch would be late by a slice.
//!
//! # What it costs
//!
//! Two atomic operations on lines of the worker's own for a batch, and a third and fourth for the
//! worker's own mutex, which nobody else wants at that time. `cargo bench -p rumpswitch-benches --bench
//! workers`, on two shared vCPUs at a load of 20, least of 15 runs: a packet by one of two workers takes
//! 1.03 to 1.07 times the processor time that one worker alone takes (port 84 and 90 ns, three tables
//! 198 and 210, NORMAL 178 and 185, a meter 111 and 114); 10,000 flow-mods/s leave 99 to 101 % of that.
//!
//! # What it does not do
//!
//! Move a port to another worker while it runs; spread a tap port over several; bind threads to cores.
//! A packet port of several workers whose interface goes away and comes again stays down.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use datapath::Worker;
use hypercall::{Hypercall, Nanos, Port};
use switch_dev::{ChannelId, ChannelKind, Device, DeviceError, Readiness};
use switchd::DeviceAccess;

use crate::flag::Flag;
use crate::host::{Deferred, Split};
use crate::panics::or_end;
use crate::sync::{AtomicU64, Mutex, MutexGuard, ReadGuard, Relaxed, WriteGuard};
use crate::turns::Turns;
use crate::waker::Waker;
use crate::worker_loop::WorkerLoop;
use crate::{Error, PortCounters, UnixHost};

/// Bytes of a controller's messages that are executed under one lock.
const SLICE: usize = 4096;

/// What the threads of a switch share.
pub(crate) struct Shared {
    device: Turns<Device>,
    pub(crate) seats: Vec<Seat>,
    /// Wakes control.
    pub(crate) control: Waker,
    words: Mutex<Vec<Word>>,
}

/// One worker's place.
pub(crate) struct Seat {
    /// Locked by its thread while that holds the device's lock, and by control when none does.
    worker: Mutex<Worker>,
    pub(crate) waker: Arc<Waker>,
    /// Whether packets for the controllers wait.
    pub(crate) has_punts: Flag,
    pub(crate) stops: Flag,
    /// Whether the links have to be asked again.
    pub(crate) asks_links: Flag,
    /// By slot: frames lost and refused.
    pub(crate) counters: Vec<[AtomicU64; 2]>,
}

/// What a worker has to tell control.
#[derive(Debug)]
pub(crate) enum Word {
    /// A link changed.
    Links,
    /// A port ended.
    Failed(usize, Error),
    /// A frame that the switch was told is on its way is lost.
    Lost(Port, Option<u32>),
}

impl Shared {
    /// The device, to forward by.
    pub(crate) fn read(&self) -> ReadGuard<'_, Device> {
        self.device.read()
    }

    /// The device, to change it.
    pub(crate) fn write(&self) -> WriteGuard<'_, Device> {
        self.device.write()
    }

    /// A worker's own state; only together with the device.
    pub(crate) fn worker(&self, index: usize) -> MutexGuard<'_, Worker> {
        self.seats[index].worker.lock()
    }

    pub(crate) fn say(&self, word: Word) {
        self.words.lock().push(word);
        self.control.wake();
    }
}

/// A device with several workers, as control has it.
pub(crate) struct Crew {
    pub(crate) shared: Arc<Shared>,
    threads: Vec<JoinHandle<Result<(), Error>>>,
}

impl Crew {
    /// Starts `count` workers; returns the host of control, too.
    pub(crate) fn start(
        name: &str,
        device: Device,
        host: UnixHost,
        count: usize,
    ) -> Result<(Crew, UnixHost), Error> {
        let mut device = device;
        let wakers: Vec<_> =
            (0..count).map(|_| Waker::new().map(Arc::new)).collect::<Result<_, _>>()?;
        let Split { control, workers } = host.split(&wakers)?;
        let slots = control.slots().len();
        let mut seats = Vec::new();
        for waker in wakers {
            let worker = device.add_worker().ok_or(Error::NoMemory)?;
            seats.push(Seat {
                worker: Mutex::new(worker),
                waker,
                has_punts: Flag::new(),
                stops: Flag::new(),
                asks_links: Flag::new(),
                counters: (0..slots).map(|_| Default::default()).collect(),
            });
        }
        let shared = Arc::new(Shared {
            device: Turns::new(device),
            seats,
            control: Waker::new()?,
            words: Mutex::new(Vec::new()),
        });
        // Dropping the crew ends those that were started.
        let mut crew = Crew { shared, threads: Vec::new() };
        for (index, host) in workers.into_iter().enumerate() {
            let worker = WorkerLoop::new(Arc::clone(&crew.shared), index, host)?;
            let thread = thread::Builder::new()
                .name(format!("{name}-{index}"))
                .spawn(move || or_end(|| worker.run()))
                .map_err(|source| Error::io("start a thread", source))?;
            crew.threads.push(thread);
        }
        Ok((crew, control))
    }

    /// Ends the workers, which write out what their ports keep back.
    pub(crate) fn stop(&mut self) -> Result<(), Error> {
        for seat in &self.shared.seats {
            seat.stops.raise(&seat.waker);
        }
        let ended = self.threads.drain(..).map(|thread| thread.join().unwrap_or(Ok(())));
        ended.fold(Ok(()), Result::and)
    }

    /// What workers had to tell.
    pub(crate) fn words(&self) -> Vec<Word> {
        std::mem::take(&mut self.shared.words.lock())
    }

    /// Makes the workers ask for their links again.
    pub(crate) fn ask_links(&self) {
        for seat in &self.shared.seats {
            seat.asks_links.raise(&seat.waker);
        }
    }

    /// What the system lost at the port in `slot`, in all workers' hands.
    pub(crate) fn counters(&self, slot: usize) -> PortCounters {
        let mut sum = PortCounters::default();
        for [lost, refused] in self.shared.seats.iter().filter_map(|seat| seat.counters.get(slot)) {
            sum.lost += lost.load(Relaxed);
            sum.refused += refused.load(Relaxed);
        }
        sum
    }

    /// Hands packets for the controllers to the channels, workers in turn. Whether any was there.
    pub(crate) fn collect(&self) -> bool {
        let mut any = false;
        for (index, seat) in self.shared.seats.iter().enumerate() {
            if !seat.has_punts.lower() {
                continue;
            }
            let mut device = self.shared.write();
            let mut worker = self.shared.worker(index);
            let before = worker.punt_count();
            device.collect(&mut worker);
            any |= worker.punt_count() != before;
            if worker.punt_count() != 0 {
                seat.has_punts.keep();
            }
        }
        any
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// The channels of a device with several workers.
pub(crate) struct Locked<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) host: &'a mut UnixHost,
}

impl DeviceAccess for Locked<'_> {
    fn open(&mut self, now: Nanos, kind: ChannelKind) -> Result<ChannelId, DeviceError> {
        self.shared.write().open(now, kind)
    }

    fn open_auxiliary(
        &mut self,
        now: Nanos,
        main: ChannelId,
        auxiliary_id: u8,
    ) -> Result<ChannelId, DeviceError> {
        self.shared.write().open_auxiliary(now, main, auxiliary_id)
    }

    fn close(&mut self, channel: ChannelId) {
        self.shared.write().close(channel);
    }

    fn write(
        &mut self,
        channel: ChannelId,
        now: Nanos,
        bytes: &[u8],
    ) -> Result<usize, DeviceError> {
        let mut taken = 0;
        for slice in bytes.chunks(SLICE) {
            let host = &mut Deferred(self.host);
            let result = self.shared.write().write(channel, now, host, slice);
            self.host.flush();
            match result {
                Ok(count) => {
                    taken += count;
                    if count < slice.len() {
                        break;
                    }
                }
                Err(error) if taken == 0 => return Err(error),
                // Of what was taken before it is told now, of the rest by the next call.
                Err(_) => break,
            }
        }
        Ok(taken)
    }

    fn read(
        &mut self,
        channel: ChannelId,
        now: Nanos,
        buffer: &mut [u8],
    ) -> Result<usize, DeviceError> {
        self.shared.write().read(channel, now, buffer)
    }

    fn readiness(&self, channel: ChannelId) -> Readiness {
        self.shared.read().readiness(channel)
    }

    fn is_negotiated(&self, channel: ChannelId) -> bool {
        self.shared.read().status(channel).is_some_and(|status| status.negotiated)
    }
}
