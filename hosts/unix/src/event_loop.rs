//! The loop of a process: it waits for frames, controllers, signals, links and deadlines of any
//! number of switches, and drives them. One thread, one level-triggered epoll; a switch with several
//! workers has threads of its own for its frames (`crew.rs`), and this one does the rest.
//!
//! # What
//! A turn waits until something is ready or due, takes one burst of at most 32 frames from each
//! port that has some (and a few more where it costs nothing to know that there are), lets each controller's connection do what it can, and then looks after time.
//!
//! # Design
//! * Level-triggered, one burst a turn: a port that never runs dry does not starve its neighbours
//!   or the controllers, and nothing is lost by stopping early.
//! * The clock is read once for each burst, after it was received.
//! * Frames that a switch transmits are queued by port and leave at the end of the batch; a port
//!   without room keeps a bounded queue and is waited for like any other.
//! * What a transmit brings back (through a cable between two switches of the process) is a frame
//!   received in a later turn, never a call from inside a call.
//!
//! # What it costs
//! Two system calls for a burst through two packet ports (wait, send), fewer when they are busy. A turn
//! asks every switch for its deadline and works on those in which something happened.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use datapath::{Batch, Ingress, PortErrors};
use hypercall::{Hypercall, Nanos, VecFrame};
use rustix::{
    event::{Timespec, epoll},
    io::Errno,
};
use switch_dev::Device;
use switchd::{Connections, Local, Target};

use crate::{
    BURST, Error, PortCounters, Received, Report, Signals, Stop, UnixHost, clock,
    crew::{Crew, Locked, Word},
    host::Deferred,
    links::Links,
    port::Wait,
    watch::Watch,
};

const SIGNALS: u64 = u64::MAX;
const LINKS: u64 = u64::MAX - 1;

/// Tokens with this bit belong to connections, and say whose in the bits above the lower 40.
const CONNECTION: u64 = 1 << 63;
const CONNECTION_SHIFT: u32 = 40;

/// Tokens with these bits belong to the workers of a switch; no connection has the upper two.
const WORKERS: u64 = 3 << 62;

/// Tokens of ports: the switch above, the port below.
const PORT_SHIFT: u32 = 32;

/// Descriptors that a turn looks at.
const EVENTS: usize = 64;

const NO_EVENT: epoll::Event =
    epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) };

/// Further bursts from a port in a turn, where it shows without being asked that there are frames.
pub(crate) const ROUNDS: usize = 4;

/// How soon to try again a port that nothing tells about.
const RETRY: u64 = 500_000;

/// How long after something happened error counters and captures are brought up to date.
const CARE: u64 = Nanos::PER_SECOND;

/// A switch in a loop: the device, where its frames come from, who controls it.
struct Instance {
    name: String,
    device: Seat,
    host: UnixHost,
    connections: Connections,
    watch: Watch,
    /// Whether something happened in this turn.
    is_touched: bool,
    /// When counters and captures are due.
    care: Option<Nanos>,
}

/// Where the device of a switch is.
enum Seat {
    /// Here: this thread forwards.
    Here(Box<Device>),
    /// Shared with the threads that forward.
    Crew(Crew),
}

impl Seat {
    fn ask<R>(&self, question: impl FnOnce(&Device) -> R) -> R {
        match self {
            Seat::Here(device) => question(device),
            Seat::Crew(crew) => question(&crew.shared.read()),
        }
    }

    fn change<R>(&mut self, change: impl FnOnce(&mut Device) -> R) -> R {
        match self {
            Seat::Here(device) => change(device),
            Seat::Crew(crew) => change(&mut crew.shared.write()),
        }
    }
}

/// A loop over switches.
///
/// ```no_run
/// use datapath::{Switch, SwitchConfig};
/// use rumpswitch_unix::{EventLoop, Opener, UnixHost, clock};
/// use switch_dev::{Device, DeviceConfig, FailMode};
/// use switchd::Target;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut opener = Opener::default();
/// let host = UnixHost::new(opener.open(&["packet:veth0".parse()?, "tap:tap0".parse()?])?);
/// opener.finish()?;
/// let mut switch = Switch::new(SwitchConfig { datapath_id: 1, ..SwitchConfig::default() });
/// host.attach(clock::now(), &mut switch.tables)?;
/// let mut device = Device::new(DeviceConfig::default(), switch);
/// device.set_fail_mode(FailMode::Standalone);
///
/// let mut event_loop = EventLoop::new()?;
/// event_loop.add("br0", device, host, &["tcp:127.0.0.1:6653".parse::<Target>()?])?;
/// event_loop.run()?;
/// # Ok(())
/// # }
/// ```
pub struct EventLoop {
    epoll: OwnedFd,
    signals: Option<Signals>,
    links: Links,
    instances: Vec<Instance>,
    received: Vec<Received>,
    batch: Batch<VecFrame>,
    reporter: Option<Box<dyn FnMut(Report)>>,
}

impl Instance {
    /// Tells the switch how a port is now.
    fn tell(&mut self, slot: usize) {
        let host = &mut self.host;
        self.device.change(|device| host.show(slot, clock::now(), &mut device.switch_mut().tables));
    }

    /// Brings error counters up to date and captures to the disk.
    fn take_care(&mut self) {
        for (port, queue) in self.host.take_lost() {
            self.device
                .change(|device| device.switch_mut().tables.queue_dropped(port, Some(queue), 1));
        }
        for (at, slot) in self.host.slots().iter().enumerate() {
            let others = match &self.device {
                Seat::Here(_) => PortCounters::default(),
                Seat::Crew(crew) => crew.counters(at),
            };
            let PortCounters { lost, refused } = slot.counters();
            let errors = PortErrors {
                tx_errors: lost + others.lost,
                rx_errors: refused + others.refused,
                ..PortErrors::default()
            };
            self.device
                .change(|device| device.switch_mut().tables.port_errors(slot.number, errors));
        }
        // What a capture could not write is told when the loop ends.
        let _ = self.host.finish();
    }
}

impl EventLoop {
    /// A loop without switches. From here on SIGINT and SIGTERM end [`run`](Self::run) and nothing
    /// else.
    ///
    /// # Errors
    /// When the system has no descriptor left.
    pub fn new() -> Result<EventLoop, Error> {
        let mut event_loop = EventLoop::without_signals()?;
        let signals = Signals::new()?;
        event_loop.register(signals.as_fd(), SIGNALS, epoll::EventFlags::IN)?;
        event_loop.signals = Some(signals);
        Ok(event_loop)
    }

    /// A loop without switches that leaves signals alone.
    ///
    /// # Errors
    /// When the system has no descriptor left.
    pub fn without_signals() -> Result<EventLoop, Error> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)
            .map_err(|errno| Error::io("make an epoll descriptor", errno))?;
        let event_loop = EventLoop {
            epoll,
            signals: None,
            links: Links::new()?,
            instances: Vec::new(),
            received: Vec::with_capacity(BURST),
            batch: Batch::new(),
            reporter: None,
        };
        event_loop.register(event_loop.links.as_fd(), LINKS, epoll::EventFlags::IN)?;
        Ok(event_loop)
    }

    /// Says whom to tell what happens to ports.
    pub fn report_to(&mut self, reporter: impl FnMut(Report) + 'static) {
        self.reporter = Some(Box::new(reporter));
    }

    /// Adds a switch whose ports are attached, and its controllers. Answers the targets, each with
    /// the TCP port that it really got.
    ///
    /// # Errors
    /// [`Error::Target`] when listening is not possible, or the system's word on a descriptor.
    pub fn add(
        &mut self,
        name: &str,
        device: Device,
        host: UnixHost,
        targets: &[Target],
    ) -> Result<Vec<Target>, Error> {
        self.add_seat(name, Seat::Here(Box::new(device)), host, targets)
    }

    /// The same, with `workers` threads that forward. One is none beside this thread.
    ///
    /// # Errors
    /// Those of [`add`](Self::add), and the system's when it has no thread left.
    pub fn add_with_workers(
        &mut self,
        name: &str,
        device: Device,
        host: UnixHost,
        targets: &[Target],
        workers: usize,
    ) -> Result<Vec<Target>, Error> {
        if workers <= 1 {
            return self.add(name, device, host, targets);
        }
        let (crew, host) = Crew::start(name, device, host, workers)?;
        let token = WORKERS | self.instances.len() as u64;
        self.register(crew.shared.control.as_fd(), token, epoll::EventFlags::IN)?;
        self.add_seat(name, Seat::Crew(crew), host, targets)
    }

    fn add_seat(
        &mut self,
        name: &str,
        device: Seat,
        host: UnixHost,
        targets: &[Target],
    ) -> Result<Vec<Target>, Error> {
        let index = self.instances.len() as u64;
        let token_base = CONNECTION | index << CONNECTION_SHIFT;
        let seed = device.ask(|device| device.switch().tables.config().datapath_id);
        let mut connections = Connections::new(self.epoll.as_fd(), token_base, seed)
            .map_err(|source| Error::io("duplicate the epoll descriptor", source))?;
        let targets = targets
            .iter()
            .map(|target| {
                let failed = |source| Error::Target { target: target.to_string(), source };
                connections.add(target).map_err(failed)
            })
            .collect::<Result<_, _>>()?;
        let watch = Watch::new(&self.epoll, &host, index << PORT_SHIFT)?;
        let mut instance = Instance {
            name: name.to_owned(),
            device,
            host,
            connections,
            watch,
            is_touched: true,
            care: None,
        };
        // What changed before anybody listened.
        for slot in 0..instance.host.slots().len() {
            if instance.host.refresh(slot).is_some() {
                instance.tell(slot);
            }
        }
        self.instances.push(instance);
        Ok(targets)
    }

    /// The switches with one thread: name, device, host, connections.
    pub fn switches(
        &mut self,
    ) -> impl Iterator<Item = (&str, &mut Device, &mut UnixHost, &mut Connections)> {
        self.instances.iter_mut().filter_map(|instance| {
            let Instance { name, device, host, connections, is_touched, .. } = instance;
            let Seat::Here(device) = device else { return None };
            // Whatever the caller does to it may have made bytes for somebody.
            *is_touched = true;
            Some((&name[..], &mut **device, host, connections))
        })
    }

    /// Shows every switch's name and device, while none of its workers forwards.
    pub fn devices(&mut self, mut visit: impl FnMut(&str, &mut Device)) {
        for instance in &mut self.instances {
            let Instance { name, device, is_touched, .. } = instance;
            *is_touched = true;
            device.change(|device| visit(name, device));
        }
    }

    /// Runs until a signal asks to stop, then lets ports write out what they keep back.
    ///
    /// # Errors
    /// When waiting itself fails, or when a capture cannot be written to its end.
    pub fn run(&mut self) -> Result<Stop, Error> {
        loop {
            if let Some(stop) = self.turn(None)? {
                self.finish()?;
                return Ok(stop);
            }
        }
    }

    /// Lets ports write out what they keep back.
    ///
    /// # Errors
    /// When a capture cannot be written to its end.
    pub fn finish(&mut self) -> Result<(), Error> {
        let finished = self.instances.iter_mut().map(|instance| {
            let stopped = match &mut instance.device {
                Seat::Here(_) => Ok(()),
                Seat::Crew(crew) => crew.stop(),
            };
            instance.host.finish().and(stopped)
        });
        finished.fold(Ok(()), Result::and)
    }

    /// Waits until something is ready or due, at most `wait` nanoseconds, and does it. Tells when
    /// a signal asked to stop.
    ///
    /// # Errors
    /// When waiting itself fails.
    pub fn turn(&mut self, wait: Option<u64>) -> Result<Option<Stop>, Error> {
        let timeout = self.timeout(wait);
        let mut events = [NO_EVENT; EVENTS];
        let count = match epoll::wait(&self.epoll, &mut events[..], timeout.as_ref()) {
            Ok(count) => count,
            Err(Errno::INTR) => 0,
            Err(errno) => return Err(Error::io("wait for something to do", errno)),
        };
        let mut stop = None;
        for event in &events[..count] {
            match event.data.u64() {
                SIGNALS => {
                    stop = stop.or(self.signals.as_ref().and_then(Signals::next_stop));
                }
                LINKS => self.links_changed(),
                token if token & WORKERS == WORKERS => {
                    self.workers_spoke((token & !WORKERS) as usize)
                }
                token if token & CONNECTION != 0 => self.handle_connection(token),
                token => {
                    let instance = (token >> PORT_SHIFT) as usize;
                    self.burst(instance, token as u32 as usize);
                }
            }
        }
        for index in 0..self.instances.len() {
            for at in 0..self.instances[index].watch.asked.len() {
                let slot = self.instances[index].watch.asked[at];
                if self.instances[index].host.slots()[slot].io.wait() == Wait::Moment {
                    self.burst(index, slot);
                }
            }
        }
        self.look_again();
        self.look_after_time();
        Ok(stop)
    }

    /// Takes what has come meanwhile by ports that show it without being asked: the answer of a host is
    /// often there as soon as the question has left.
    fn look_again(&mut self) {
        for index in 0..self.instances.len() {
            let instance = &self.instances[index];
            if !instance.is_touched || matches!(instance.device, Seat::Crew(_)) {
                continue;
            }
            for _ in 0..ROUNDS {
                let (mut from, mut any) = (0, false);
                while let Some(slot) = self.instances[index].host.next_with_frames(from) {
                    self.burst(index, slot);
                    (from, any) = (slot + 1, true);
                }
                if !any {
                    break;
                }
            }
        }
    }

    /// How long the next wait may be.
    fn timeout(&self, wait: Option<u64>) -> Option<Timespec> {
        let now = clock::now();
        let mut until = wait.map(|wait| now.plus(wait));
        let mut at_latest = |deadline: Option<Nanos>| {
            until = match (until, deadline) {
                (Some(until), Some(deadline)) => Some(until.min(deadline)),
                (until, deadline) => until.or(deadline),
            };
        };
        for instance in &self.instances {
            at_latest(instance.is_touched.then_some(now));
            at_latest(instance.device.ask(Device::next_deadline));
            at_latest(instance.connections.next_deadline());
            at_latest(instance.care);
            at_latest(instance.host.next_release());
            at_latest(instance.watch.retries(&instance.host).then(|| now.plus(RETRY)));
            at_latest(instance.watch.asks(&instance.host).then_some(now));
        }
        until.map(|until| clock::until(now, until))
    }

    /// Takes a burst from a port through its switch.
    fn burst(&mut self, index: usize, slot: usize) {
        let Some(instance) = self.instances.get_mut(index) else { return };
        instance.is_touched = true;
        // What a crew's ports receive its workers take.
        let Seat::Here(device) = &mut instance.device else { return };
        if let Err(error) = instance.host.receive_at(slot, &mut self.received) {
            self.received.clear();
            self.port_failed(index, slot, error);
            return;
        }
        if self.received.is_empty() {
            return;
        }
        let now = clock::now();
        let port = instance.host.slots()[slot].number;
        let ingress = |Received { frame, meta }| Ingress { port, meta, frame };
        // A port receives a batch at most.
        self.batch.extend(self.received.drain(..).take(self.batch.capacity()).map(ingress));
        device.process(now, &mut instance.host, &mut self.batch);
    }

    fn handle_connection(&mut self, token: u64) {
        let index = ((token & !CONNECTION) >> CONNECTION_SHIFT) as usize;
        let Some(instance) = self.instances.get_mut(index) else { return };
        instance.is_touched = true;
        let Instance { device, host, connections, .. } = instance;
        let now = clock::now();
        match device {
            Seat::Here(device) => connections.handle(token, now, &mut Local { device, host }),
            Seat::Crew(Crew { shared, .. }) => {
                connections.handle(token, now, &mut Locked { shared, host });
            }
        }
    }

    /// Takes what the workers of a switch have to tell.
    fn workers_spoke(&mut self, index: usize) {
        let Some(instance) = self.instances.get_mut(index) else { return };
        instance.is_touched = true;
        let Seat::Crew(crew) = &instance.device else { return };
        crew.shared.control.rest();
        for word in crew.words() {
            match word {
                Word::Links => self.refresh(index),
                Word::Lost(port, queue) => self.instances[index]
                    .device
                    .change(|device| device.switch_mut().tables.queue_dropped(port, queue, 1)),
                Word::Failed(slot, error) => {
                    let _ = self.instances[index].host.refresh(slot);
                    self.port_failed(index, slot, error);
                }
            }
        }
    }

    /// Asks all ports for their links.
    fn links_changed(&mut self) {
        if !self.links.drain() {
            return;
        }
        for index in 0..self.instances.len() {
            match &self.instances[index].device {
                Seat::Here(_) => self.refresh(index),
                // They ask, and say when something changed.
                Seat::Crew(crew) => crew.ask_links(),
            }
        }
    }

    /// Tells the switch and whoever listens which links have changed.
    fn refresh(&mut self, index: usize) {
        let instance = &mut self.instances[index];
        for slot in 0..instance.host.slots().len() {
            let Some(info) = instance.host.refresh(slot) else { continue };
            instance.is_touched = true;
            instance.tell(slot);
            if let Some(reporter) = &mut self.reporter {
                reporter(Report::Link {
                    switch: instance.name.clone(),
                    port: instance.host.slots()[slot].name.clone(),
                    up: info.link,
                });
            }
        }
    }

    /// A port is of no use any more: it is not waited for, and the switch sees its link go down.
    fn port_failed(&mut self, index: usize, slot: usize, error: Error) {
        let instance = &mut self.instances[index];
        instance.watch.forget(&self.epoll, &instance.host, slot);
        instance.tell(slot);
        if let Some(reporter) = &mut self.reporter {
            let switch = instance.name.clone();
            let port = instance.host.slots()[slot].name.clone();
            reporter(Report::PortFailed { switch, port, error });
        }
    }

    /// What is due, in each switch in which something happened or is due.
    fn look_after_time(&mut self) {
        let now = clock::now();
        let is_due = |deadline: Option<Nanos>| deadline.is_some_and(|deadline| deadline <= now);
        for index in 0..self.instances.len() {
            let instance = &mut self.instances[index];
            if is_due(instance.device.ask(Device::next_deadline)) {
                let host = &mut instance.host;
                instance.device.change(|device| device.tick(now, &mut Deferred(host)));
                instance.is_touched = true;
            }
            if is_due(instance.host.next_release()) {
                instance.host.release(now);
                instance.is_touched = true;
            }
            if is_due(instance.care) {
                instance.care = None;
                instance.take_care();
            }
            let connections_due = is_due(instance.connections.next_deadline());
            if !instance.is_touched && !instance.watch.is_blocked && !connections_due {
                continue;
            }
            if instance.is_touched && instance.care.is_none() {
                instance.care = Some(now.plus(CARE));
            }
            instance.is_touched = false;
            self.pump(index, now);
            let instance = &mut self.instances[index];
            instance.watch.room(&self.epoll, &instance.host);
            let failures: Vec<_> = self.instances[index].host.failures().collect();
            for (slot, error) in failures {
                self.port_failed(index, slot, error);
            }
        }
    }

    /// Lets the connections and the ports of a switch send what they have.
    fn pump(&mut self, index: usize, now: Nanos) {
        let Instance { name, device, host, connections, is_touched, .. } =
            &mut self.instances[index];
        match device {
            Seat::Here(device) => connections.pump(now, &mut Local { device, host: &mut *host }),
            Seat::Crew(crew) => {
                // What finds no room waits for somebody to read.
                *is_touched |= crew.collect();
                connections.pump(now, &mut Locked { shared: &crew.shared, host: &mut *host });
            }
        }
        host.flush();
        host.resume();
        while let Some(news) = connections.next_news() {
            if let Some(reporter) = &mut self.reporter {
                reporter(Report::Connection { switch: name.clone(), news });
            }
        }
        let vacancy = |device: &mut Device| device.switch_mut().tables.next_vacancy_event();
        while let Some(event) = device.change(vacancy) {
            if let Some(reporter) = &mut self.reporter {
                reporter(Report::Vacancy { switch: name.clone(), event });
            }
        }
    }

    fn register(
        &self,
        descriptor: BorrowedFd<'_>,
        token: u64,
        flags: epoll::EventFlags,
    ) -> Result<(), Error> {
        epoll::add(&self.epoll, descriptor, epoll::EventData::new_u64(token), flags)
            .map_err(|errno| Error::io("wait for a descriptor", errno))
    }
}
