//! The network: its parts, its clock and its one loop.
//!
//! What: a discrete-event simulation. Each step takes the earliest event, moves the clock there and
//! lets one part react; whatever it sends becomes an event later.
//!
//! Design: parts never call each other. A frame leaves a host or a switch into a link, which says
//! when it arrives, and an event stands for that moment; a controller's bytes travel in the same
//! way. So a switch is never entered from inside its own hypercall, and two runs with one seed do
//! the same things in the same order.
//!
//! What it costs: one heap operation each way per frame and hop; frames are moved, never copied.
//!
//! What it does not do: model the time that a switch or a host takes to think. It is zero; the
//! links have the delays.

mod controllers;
mod hosts;
mod switches;
mod tunnels;

use std::io::{self, Write};

use hypercall::{Frame, Nanos, VecFrame};

use ofp_codec::DecodeError;

use crate::controller::Connection;
use crate::endpoint::{Endpoint, ProbeId, SwitchId};
use crate::event::{Event, EventQueue};
use crate::host::{Host, HostConfig, HostId};
use crate::link::{Carried, Direction, Link, LinkConfig, LinkId, LinkStats, Parcel};
use crate::pcap::{Capture, CaptureId};
use crate::switch::SwitchNode;

pub use hosts::{TransferId, TransferState};

/// A network of switches, hosts and links in virtual time.
///
/// Names of its parts ([`SwitchId`], [`HostId`](crate::HostId), [`LinkId`] and so on) mean something
/// to the network that gave them alone; another one may panic when it is given them.
#[derive(Debug)]
pub struct Network {
    seed: u64,
    now: Nanos,
    events: EventQueue,
    switches: Vec<SwitchNode>,
    hosts: Vec<Host>,
    probes: Vec<Probe>,
    controllers: Vec<controllers::ControllerNode>,
    /// Channels of scripted controllers, those that are over too.
    connections: Vec<Connection>,
    channel_errors: Vec<(SwitchId, DecodeError)>,
    /// Switches that a caller had in hand since the network last ran.
    touched: Vec<SwitchId>,
    links: Vec<Link>,
    captures: Vec<Option<Capture>>,
    transfers: Vec<hosts::Transfer>,
    event_count: u64,
}

/// A port without a stack.
#[derive(Debug, Default)]
struct Probe {
    link: Option<(LinkId, Direction)>,
    received: Vec<(Nanos, VecFrame)>,
    /// What came in tunnels, and their keys.
    tunnelled: Vec<(Nanos, u64, VecFrame)>,
}

/// Building.
impl Network {
    /// An empty network at time 0. Everything that looks like chance is drawn from `seed`.
    pub fn new(seed: u64) -> Network {
        Network {
            seed,
            now: Nanos(0),
            events: EventQueue::default(),
            switches: Vec::new(),
            hosts: Vec::new(),
            controllers: Vec::new(),
            connections: Vec::new(),
            channel_errors: Vec::new(),
            touched: Vec::new(),
            probes: Vec::new(),
            links: Vec::new(),
            captures: Vec::new(),
            transfers: Vec::new(),
            event_count: 0,
        }
    }

    /// Adds a probe: it keeps the frames that reach it and sends what it is given.
    pub fn add_probe(&mut self) -> ProbeId {
        self.probes.push(Probe::default());
        ProbeId(self.probes.len() - 1)
    }

    /// Adds a host.
    ///
    /// # Panics
    ///
    /// When an address is not unicast or a prefix is longer than its address.
    pub fn add_host_with(&mut self, config: HostConfig) -> HostId {
        let id = HostId(self.hosts.len());
        // Initial sequence numbers and the like: a stream of chance apart from the links'.
        let seed = crate::rng::Rng::new(self.seed, u64::MAX - id.0 as u64).next_u64();
        self.hosts.push(Host::new(config, seed));
        id
    }

    /// Connects two endpoints.
    ///
    /// A switch gets the port with the number that is named, as a link that comes up would make it
    /// appear: the controllers are told.
    ///
    /// # Panics
    ///
    /// When an endpoint already has a link, or a port number is not one that a port can have.
    pub fn connect(
        &mut self,
        a: impl Into<Endpoint>,
        b: impl Into<Endpoint>,
        config: LinkConfig,
    ) -> LinkId {
        let ends = [a.into(), b.into()];
        let id = LinkId(self.links.len());
        self.links.push(Link::new(id, ends, config, self.seed));
        self.attach(ends[0], (id, Direction::AToB), &config);
        self.attach(ends[1], (id, Direction::BToA), &config);
        id
    }

    fn attach(&mut self, end: Endpoint, link: (LinkId, Direction), config: &LinkConfig) {
        let place = match end {
            Endpoint::Host(host) => &mut self.hosts[host.0].link,
            Endpoint::Probe(probe) => &mut self.probes[probe.0].link,
            Endpoint::Switch(switch, port) => {
                return self.attach_switch(switch, port, link, config);
            }
        };
        assert!(place.is_none(), "{end:?} already has a link");
        *place = Some(link);
    }
}

/// Running.
impl Network {
    /// The virtual time.
    pub fn now(&self) -> Nanos {
        self.now
    }

    /// When the next event is due; `None` when nothing will ever happen again by itself.
    pub fn next_event(&self) -> Option<Nanos> {
        let next = self.events.peek().map(|(at, _)| at);
        // What a caller did to a switch may have made it send something, or set a timer.
        let touched = self.touched.iter().filter_map(|switch| self.unsettled(*switch));
        next.into_iter().chain(touched).min()
    }

    /// Events handled so far.
    pub fn event_count(&self) -> u64 {
        self.event_count
    }

    /// Handles the next event, moving the clock to it. `false` when there is none.
    pub fn step(&mut self) -> bool {
        self.settle_touched();
        let Some((at, event)) = self.events.pop() else { return false };
        self.now = self.now.max(at);
        self.event_count += 1;
        match event {
            Event::Arrival(link, direction) => self.arrive(link, direction),
            Event::Host(host) => {
                // One that was put off by an earlier one is not the host's next any more.
                if self.hosts[host.0].wake == Some(at) {
                    self.hosts[host.0].wake = None;
                    self.poll_host(host);
                }
            }
            Event::Switch(switch) => self.tick_switch(switch, at),
            Event::Queues(switch) => self.release_at(switch, at),
            Event::Channel(index, end) => self.arrive_on_channel(index, end),
            Event::Controller(controller) => self.tick_controller(controller, at),
        }
        true
    }

    /// Handles every event up to and including `time`, and moves the clock there. With the host's
    /// clock as the argument, again and again, the network runs in real time.
    pub fn run_until(&mut self, time: Nanos) {
        self.settle_touched();
        while self.next_event().is_some_and(|at| at <= time) {
            self.step();
        }
        self.now = self.now.max(time);
    }

    /// Handles events as long as `going` says so. `true` when it said no, `false` when there was
    /// no event left. A network with timers has always one left: let `going` look at
    /// [`now`](Self::now) too.
    ///
    /// ```
    /// # use rumpswitch_virt::{LinkConfig, Nanos, Network, PingState};
    /// # let mut network = Network::new(1);
    /// # let host = network.add_host("h1", [2, 0, 0, 0, 0, 1], [10, 0, 0, 1].into(), "fd00::1".parse()?);
    /// # let peer = network.add_host("h2", [2, 0, 0, 0, 0, 2], [10, 0, 0, 2].into(), "fd00::2".parse()?);
    /// # network.connect(host, peer, LinkConfig::default());
    /// let ping = network.ping(host, [10, 0, 0, 2]);
    /// let limit = Nanos::from_secs(10);
    /// assert!(network.run_while(|network| {
    ///     network.ping_state(ping) == PingState::Pending && network.now() < limit
    /// }));
    /// assert!(matches!(network.ping_state(ping), PingState::Answered(_)));
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn run_while(&mut self, mut going: impl FnMut(&Network) -> bool) -> bool {
        while going(self) {
            if !self.step() {
                return false;
            }
        }
        true
    }

    fn arrive(&mut self, link: LinkId, direction: Direction) {
        let Some(parcel) = self.links[link.0].arrive(direction) else { return };
        match (self.links[link.0].far_end(direction), parcel) {
            (Endpoint::Host(host), Parcel { frame, tunnel: None }) => {
                self.hosts[host.0].receive(frame);
                self.poll_host(host);
            }
            // Hosts have no tunnels.
            (Endpoint::Host(_), _) => {}
            (Endpoint::Probe(probe), Parcel { frame, tunnel }) => {
                let probe = &mut self.probes[probe.0];
                match tunnel {
                    None => probe.received.push((self.now, frame)),
                    Some(key) => probe.tunnelled.push((self.now, key, frame)),
                }
            }
            (Endpoint::Switch(switch, port), parcel) => self.arrive_at_switch(switch, port, parcel),
        }
    }

    /// Lets a host work, and sends what it has to send.
    fn poll_host(&mut self, id: HostId) {
        let now = self.now;
        let host = &mut self.hosts[id.0];
        if let Some(at) = host.poll(now) {
            host.schedule(id, at, &mut self.events);
        }
        let link = host.link;
        while let Some(frame) = self.hosts[id.0].next_frame() {
            if let Some((link, direction)) = link {
                self.send(link, direction, frame.into());
            }
        }
    }

    /// Puts a frame on a link. Whether the link took it.
    fn send(&mut self, id: LinkId, direction: Direction, parcel: Parcel) -> bool {
        let link = &mut self.links[id.0];
        if !self.captures.is_empty() && link.takes(self.now, direction) {
            for capture in self.captures.iter_mut().flatten() {
                capture.frame(id, self.now, parcel.frame.headers());
            }
        }
        match link.send(self.now, direction, parcel) {
            Carried::Arrives(at) => self.events.push(at, Event::Arrival(id, direction)),
            Carried::Lost => {}
            Carried::Refused => return false,
        }
        true
    }
}

/// Links, probes and captures.
impl Network {
    /// Every link, in the order in which they were made.
    pub fn links(&self) -> impl Iterator<Item = LinkId> + use<> {
        (0..self.links.len()).map(LinkId)
    }

    /// The two ends of a link, in the order in which they were named.
    pub fn link_ends(&self, link: LinkId) -> [Endpoint; 2] {
        self.links[link.0].ends
    }

    /// A name for one end of a link: a host's, `s1-eth2` for a switch's port, `p1` for a probe.
    pub fn endpoint_name(&self, end: Endpoint) -> String {
        match end {
            Endpoint::Host(host) => self.host(host).name().to_owned(),
            Endpoint::Switch(switch, port) => self.switches[switch.0].port_name(port),
            Endpoint::Probe(probe) => format!("p{}", probe.0 + 1),
        }
    }

    /// What a link is like.
    pub fn link_config(&self, link: LinkId) -> LinkConfig {
        self.links[link.0].config
    }

    /// Changes a link's chance of loss, for frames sent from now on.
    pub fn set_link_loss(&mut self, link: LinkId, loss_ppm: u32) {
        self.links[link.0].config.loss_ppm = loss_ppm;
    }

    /// Whether a link is up: not taken down by [`set_link_up`](Self::set_link_up) or by a port-mod
    /// at one of its ends.
    pub fn is_link_up(&self, link: LinkId) -> bool {
        self.links[link.0].up
    }

    /// What became of the frames from the first end to the second, and back.
    pub fn link_stats(&self, link: LinkId) -> [LinkStats; 2] {
        [Direction::AToB, Direction::BToA].map(|way| self.links[link.0].stats(way))
    }

    /// Sends a frame out of a probe, now. Whether its link took it.
    pub fn probe_send(&mut self, probe: ProbeId, frame: VecFrame) -> bool {
        self.send_of_probe(probe, frame.into())
    }

    /// Sends a frame out of a probe, now, in the tunnel with this key. Whether its link took it.
    pub fn probe_send_tunnelled(&mut self, probe: ProbeId, key: u64, frame: VecFrame) -> bool {
        self.send_of_probe(probe, Parcel { frame, tunnel: Some(key) })
    }

    fn send_of_probe(&mut self, probe: ProbeId, parcel: Parcel) -> bool {
        match self.probes[probe.0].link {
            Some((link, direction)) => self.send(link, direction, parcel),
            None => false,
        }
    }

    /// What reached a probe in tunnels since the last call: when, the tunnel's key, the frame.
    pub fn probe_take_tunnelled(&mut self, probe: ProbeId) -> Vec<(Nanos, u64, VecFrame)> {
        std::mem::take(&mut self.probes[probe.0].tunnelled)
    }

    /// What reached a probe outside tunnels since the last call, and when.
    pub fn probe_take(&mut self, probe: ProbeId) -> Vec<(Nanos, VecFrame)> {
        std::mem::take(&mut self.probes[probe.0].received)
    }

    /// Captures what is sent on one link, or on all, as a pcap file with virtual time stamps: both
    /// directions, each frame as it leaves its sender, those that the link then loses too.
    pub fn capture(
        &mut self,
        link: Option<LinkId>,
        into: impl Write + Send + 'static,
    ) -> CaptureId {
        self.captures.push(Some(Capture::new(link, Box::new(into))));
        CaptureId(self.captures.len() - 1)
    }

    /// Ends a capture.
    ///
    /// # Errors
    ///
    /// The first error that its writer answered; nothing was written after that. `NotFound` when
    /// the capture has already ended.
    pub fn finish_capture(&mut self, capture: CaptureId) -> io::Result<()> {
        let capture = self.captures.get_mut(capture.0).and_then(Option::take);
        capture.ok_or(io::ErrorKind::NotFound)?.finish()
    }
}
