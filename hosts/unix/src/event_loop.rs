//! The loop of a process: it waits for frames, controllers, signals, links and deadlines of any
//! number of switches, and drives them. One thread, one level-triggered epoll.
//!
//! # What
//! A turn waits until something is ready or due, takes one burst of at most 32 frames from each
//! port that has some, lets each controller's connection do what it can, and then looks after time.
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
//! Three system calls for a burst through two packet ports (wait, receive, send). A turn asks every
//! switch for its deadline and works on those in which something happened.
//!
//! # What it does not do
//! Several threads; a process is one core's worth of switching.

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
    BURST, Error, PortCounters, Received, Report, Signals, Stop, UnixHost, clock, links::Links,
    port::Wait,
};

const SIGNALS: u64 = u64::MAX;
const LINKS: u64 = u64::MAX - 1;

/// Tokens with this bit belong to connections, and say whose in the bits above the lower 40.
const CONNECTION: u64 = 1 << 63;
const CONNECTION_SHIFT: u32 = 40;

/// Tokens of ports: the switch above, the port below.
const PORT_SHIFT: u32 = 32;

/// Descriptors that a turn looks at.
const EVENTS: usize = 64;

const NO_EVENT: epoll::Event =
    epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) };

/// How soon to try again a port that nothing tells about.
const RETRY: u64 = 500_000;

/// How long after something happened error counters and captures are brought up to date.
const CARE: u64 = Nanos::PER_SECOND;

/// A switch in a loop: the device, where its frames come from, who controls it.
struct Instance {
    name: String,
    device: Device,
    host: UnixHost,
    connections: Connections,
    /// By slot of the host: what is registered.
    registered: Vec<epoll::EventFlags>,
    /// Slots that are asked each turn, since no descriptor tells of them.
    asked: Vec<usize>,
    /// Whether something happened in this turn.
    is_touched: bool,
    /// Whether ports had no room at the end of the last turn.
    is_blocked: bool,
    /// When counters and captures are due.
    care: Option<Nanos>,
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
        self.host.show(slot, clock::now(), &mut self.device.switch_mut().tables);
    }

    /// Brings error counters up to date and captures to the disk.
    fn take_care(&mut self) {
        for (port, queue) in self.host.take_lost() {
            self.device.switch_mut().tables.queue_dropped(port, Some(queue), 1);
        }
        for slot in self.host.slots() {
            let PortCounters { lost, refused } = slot.counters();
            let errors =
                PortErrors { tx_errors: lost, rx_errors: refused, ..PortErrors::default() };
            self.device.switch_mut().tables.port_errors(slot.number, errors);
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
        let index = self.instances.len() as u64;
        let token_base = CONNECTION | index << CONNECTION_SHIFT;
        let seed = device.switch().tables.config().datapath_id;
        let mut connections = Connections::new(self.epoll.as_fd(), token_base, seed)
            .map_err(|source| Error::io("duplicate the epoll descriptor", source))?;
        let targets = targets
            .iter()
            .map(|target| {
                let failed = |source| Error::Target { target: target.to_string(), source };
                connections.add(target).map_err(failed)
            })
            .collect::<Result<_, _>>()?;
        let mut instance = Instance {
            name: name.to_owned(),
            device,
            registered: Vec::with_capacity(host.slots().len()),
            asked: Vec::new(),
            host,
            connections,
            is_touched: true,
            is_blocked: false,
            care: None,
        };
        for (at, slot) in instance.host.slots().iter().enumerate() {
            instance.registered.push(epoll::EventFlags::IN);
            match slot.io.descriptor() {
                Some(descriptor) => {
                    let token = index << PORT_SHIFT | at as u64;
                    self.register(descriptor, token, epoll::EventFlags::IN)?;
                }
                None => instance.asked.push(at),
            }
        }
        // What changed before anybody listened.
        for slot in 0..instance.host.slots().len() {
            if instance.host.refresh(slot).is_some() {
                instance.tell(slot);
            }
        }
        self.instances.push(instance);
        Ok(targets)
    }

    /// The switches: name, device, host, connections.
    pub fn switches(
        &mut self,
    ) -> impl Iterator<Item = (&str, &mut Device, &mut UnixHost, &mut Connections)> {
        self.instances.iter_mut().map(|instance| {
            let Instance { name, device, host, connections, is_touched, .. } = instance;
            // Whatever the caller does to it may have made bytes for somebody.
            *is_touched = true;
            (&name[..], device, host, connections)
        })
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
        self.instances.iter_mut().map(|instance| instance.host.finish()).fold(Ok(()), Result::and)
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
                token if token & CONNECTION != 0 => self.handle_connection(token),
                token => {
                    let instance = (token >> PORT_SHIFT) as usize;
                    self.burst(instance, token as u32 as usize);
                }
            }
        }
        for index in 0..self.instances.len() {
            for at in 0..self.instances[index].asked.len() {
                let slot = self.instances[index].asked[at];
                if self.instances[index].host.slots()[slot].io.wait() == Wait::Moment {
                    self.burst(index, slot);
                }
            }
        }
        self.look_after_time();
        Ok(stop)
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
            at_latest(instance.device.next_deadline());
            at_latest(instance.connections.next_deadline());
            at_latest(instance.care);
            at_latest(instance.host.next_release());
            for slot in instance.host.blocked().filter(|_| instance.is_blocked) {
                if slot.io.wait_transmit() == Wait::Moment {
                    at_latest(Some(now.plus(RETRY)));
                }
            }
            let is_asked = |slot: &&usize| instance.host.slots()[**slot].io.wait() == Wait::Moment;
            at_latest(instance.asked.iter().find(is_asked).map(|_| now));
        }
        until.map(|until| clock::until(now, until))
    }

    /// Takes a burst from a port through its switch.
    fn burst(&mut self, index: usize, slot: usize) {
        let Some(instance) = self.instances.get_mut(index) else { return };
        instance.is_touched = true;
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
        instance.device.process(now, &mut instance.host, &mut self.batch);
    }

    fn handle_connection(&mut self, token: u64) {
        let index = ((token & !CONNECTION) >> CONNECTION_SHIFT) as usize;
        let Some(instance) = self.instances.get_mut(index) else { return };
        instance.is_touched = true;
        let Instance { device, host, connections, .. } = instance;
        connections.handle(token, clock::now(), &mut Local { device, host });
    }

    /// Asks all ports for their links.
    fn links_changed(&mut self) {
        if !self.links.drain() {
            return;
        }
        for instance in &mut self.instances {
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
    }

    /// A port is of no use any more: it is not waited for, and the switch sees its link go down.
    fn port_failed(&mut self, index: usize, slot: usize, error: Error) {
        let instance = &mut self.instances[index];
        if let Some(descriptor) = instance.host.slots()[slot].io.descriptor() {
            let _ = epoll::delete(&self.epoll, descriptor);
        }
        instance.asked.retain(|asked| *asked != slot);
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
            if is_due(instance.device.next_deadline()) {
                instance.device.tick(now, &mut instance.host);
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
            if !instance.is_touched && !instance.is_blocked && !connections_due {
                continue;
            }
            if instance.is_touched && instance.care.is_none() {
                instance.care = Some(now.plus(CARE));
            }
            instance.is_touched = false;
            self.pump(index, now);
            self.watch_blocked(index);
            let failures: Vec<_> = self.instances[index].host.failures().collect();
            for (slot, error) in failures {
                self.port_failed(index, slot, error);
            }
        }
    }

    /// Lets the connections and the ports of a switch send what they have.
    fn pump(&mut self, index: usize, now: Nanos) {
        let Instance { name, device, host, connections, .. } = &mut self.instances[index];
        connections.pump(now, &mut Local { device, host: &mut *host });
        host.flush();
        host.resume();
        while let Some(news) = connections.next_news() {
            if let Some(reporter) = &mut self.reporter {
                reporter(Report::Connection { switch: name.clone(), news });
            }
        }
        while let Some(event) = device.switch_mut().tables.next_vacancy_event() {
            if let Some(reporter) = &mut self.reporter {
                reporter(Report::Vacancy { switch: name.clone(), event });
            }
        }
    }

    /// Waits for room in the ports that have none, and no longer in those that have again.
    fn watch_blocked(&mut self, index: usize) {
        let instance = &mut self.instances[index];
        let was_blocked = instance.is_blocked;
        instance.is_blocked = instance.host.blocked().next().is_some();
        if !was_blocked && !instance.is_blocked {
            return;
        }
        for (at, slot) in instance.host.slots().iter().enumerate() {
            let mut flags = epoll::EventFlags::IN;
            if slot.is_blocked && slot.io.wait_transmit() == Wait::Descriptor {
                flags |= epoll::EventFlags::OUT;
            }
            if instance.registered[at] != flags {
                if let Some(descriptor) = slot.io.descriptor() {
                    let token = (index as u64) << PORT_SHIFT | at as u64;
                    let data = epoll::EventData::new_u64(token);
                    let _ = epoll::modify(&self.epoll, descriptor, data, flags);
                }
                instance.registered[at] = flags;
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
