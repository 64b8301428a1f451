//! A host of the network: a smoltcp stack with one Ethernet interface, and the small programs that
//! run on it: pings, TCP streams and listeners, UDP ports. It lives on a link as a switch's port
//! does; the network polls it when a frame arrives, when a program asked for something, and when
//! its own timers say so.

mod phy;
mod ping;
mod tcp;
mod udp;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hypercall::{Nanos, VecFrame};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr};

pub use ping::{PingConfig, PingId, PingState};
pub use tcp::{ListenerId, StreamId, StreamState};
pub use udp::{Datagram, UdpId};

use crate::event::EventQueue;
use crate::link::{Direction, LinkId};

/// A host of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub(crate) usize);

impl HostId {
    /// The host's place in the order in which hosts were added, from 0.
    pub fn index(self) -> usize {
        self.0
    }
}

/// A host as it is added to a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostConfig {
    /// What people call it.
    pub name: String,
    /// Its Ethernet address; unicast.
    pub mac: [u8; 6],
    /// Its IPv4 address and the length of its prefix.
    pub ipv4: Option<(Ipv4Addr, u8)>,
    /// Its IPv6 address and the length of its prefix.
    pub ipv6: Option<(Ipv6Addr, u8)>,
    /// Where IPv4 packets for other prefixes go.
    pub gateway_v4: Option<Ipv4Addr>,
    /// Where IPv6 packets for other prefixes go.
    pub gateway_v6: Option<Ipv6Addr>,
}

/// A host and what runs on it.
pub struct Host {
    config: HostConfig,
    interface: Interface,
    sockets: SocketSet<'static>,
    phy: phy::Phy,
    pings: ping::Pings,
    tcp: tcp::Tcp,
    udp: udp::Udp,
    pub(crate) link: Option<(LinkId, Direction)>,
    /// The earliest event that is in the queue for this host.
    pub(crate) wake: Option<Nanos>,
}

impl Host {
    /// # Panics
    ///
    /// When an address is not unicast or a prefix is longer than its address.
    pub(crate) fn new(config: HostConfig, seed: u64) -> Host {
        let mac = EthernetAddress(config.mac);
        assert!(mac.is_unicast(), "{}: {mac} is not a unicast address", config.name);
        let mut phy = phy::Phy::default();
        let mut settings = Config::new(HardwareAddress::Ethernet(mac));
        settings.random_seed = seed;
        let mut interface = Interface::new(settings, &mut phy, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            let v4 = config.ipv4.map(|(addr, len)| IpCidr::new(IpAddress::Ipv4(addr), len));
            let v6 = config.ipv6.map(|(addr, len)| IpCidr::new(IpAddress::Ipv6(addr), len));
            // smoltcp keeps room for two.
            addresses.extend(v4.into_iter().chain(v6));
        });
        let routes = interface.routes_mut();
        if let Some(gateway) = config.gateway_v4 {
            routes.add_default_ipv4_route(gateway).expect("smoltcp keeps room for two routes");
        }
        if let Some(gateway) = config.gateway_v6 {
            routes.add_default_ipv6_route(gateway).expect("smoltcp keeps room for two routes");
        }
        Host {
            config,
            interface,
            sockets: SocketSet::new(Vec::new()),
            phy,
            pings: ping::Pings::default(),
            tcp: tcp::Tcp::default(),
            udp: udp::Udp::default(),
            link: None,
            wake: None,
        }
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Its Ethernet address.
    pub fn mac(&self) -> [u8; 6] {
        self.config.mac
    }

    /// Its IPv4 address.
    pub fn ipv4(&self) -> Option<Ipv4Addr> {
        self.config.ipv4.map(|(address, _)| address)
    }

    /// Its IPv6 address.
    pub fn ipv6(&self) -> Option<Ipv6Addr> {
        self.config.ipv6.map(|(address, _)| address)
    }

    /// A frame for this host arrived.
    pub(crate) fn receive(&mut self, frame: VecFrame) {
        self.phy.received.push_back(frame);
    }

    /// Runs the stack and the programs until neither has anything to do at `now`. Returns when
    /// the host has to be polled again if nothing arrives before.
    pub(crate) fn poll(&mut self, now: Nanos) -> Option<Nanos> {
        let instant = instant(now);
        loop {
            self.interface.poll(instant, &mut self.phy, &mut self.sockets);
            let pings = self.pings.serve(now, &mut self.sockets);
            let streams = self.tcp.serve(now, &mut self.sockets);
            self.udp.serve(&mut self.sockets);
            if !(pings || streams) {
                break;
            }
        }
        let stack = self.interface.poll_at(instant, &self.sockets).map(|at| {
            // The stack's clock is coarser than ours: never wake it within the microsecond that
            // it has just seen.
            let at = u64::try_from(at.total_micros()).unwrap_or(0).saturating_mul(1000);
            Nanos(at.max(now.0 - now.0 % 1000 + 1000))
        });
        stack.into_iter().chain(self.pings.next_deadline()).min()
    }

    /// The next frame that the stack sends.
    pub(crate) fn next_frame(&mut self) -> Option<VecFrame> {
        self.phy.transmitted.pop_front()
    }

    /// Sees to it that the host is polled at `at` or earlier. An event that is early costs one poll;
    /// a new event for each change of mind would fill the queue.
    pub(crate) fn schedule(&mut self, id: HostId, at: Nanos, events: &mut EventQueue) {
        if self.wake.is_none_or(|wake| wake > at) {
            self.wake = Some(at);
            events.push(at, crate::event::Event::Host(id));
        }
    }
}

/// Starting and watching the programs.
impl Host {
    pub(crate) fn ping(&mut self, now: Nanos, to: IpAddr, config: &PingConfig) -> usize {
        let source = self.source_for(to);
        self.pings.start(now, source, to, config, &mut self.sockets)
    }

    pub(crate) fn ping_state(&self, index: usize) -> PingState {
        self.pings.state(index)
    }

    pub(crate) fn tcp_listen(&mut self, port: u16, close_with_peer: bool) -> usize {
        self.tcp.listen(port, close_with_peer, &mut self.sockets)
    }

    pub(crate) fn tcp_connect(&mut self, to: IpAddr, port: u16) -> usize {
        self.tcp.connect(&mut self.interface, &mut self.sockets, to, port)
    }

    pub(crate) fn tcp(&self) -> &tcp::Tcp {
        &self.tcp
    }

    pub(crate) fn tcp_mut(&mut self) -> &mut tcp::Tcp {
        &mut self.tcp
    }

    pub(crate) fn udp_bind(&mut self, port: u16) -> usize {
        self.udp.bind(port, &mut self.sockets)
    }

    pub(crate) fn udp_send(&mut self, index: usize, to: IpAddr, port: u16, bytes: &[u8]) -> bool {
        self.udp.send(index, to, port, bytes, &mut self.sockets)
    }

    pub(crate) fn udp_receive(&mut self, index: usize) -> Option<Datagram> {
        self.udp.receive(index)
    }

    fn source_for(&self, to: IpAddr) -> Option<IpAddr> {
        match to {
            IpAddr::V4(_) => self.ipv4().map(IpAddr::V4),
            IpAddr::V6(_) => self.ipv6().map(IpAddr::V6),
        }
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The stack's clock: microseconds.
fn instant(now: Nanos) -> Instant {
    Instant::from_micros_const(i64::try_from(now.0 / 1000).unwrap_or(i64::MAX))
}

fn ip_address(address: IpAddr) -> IpAddress {
    match address {
        IpAddr::V4(address) => IpAddress::Ipv4(address),
        IpAddr::V6(address) => IpAddress::Ipv6(address),
    }
}
