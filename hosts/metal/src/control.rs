//! The OpenFlow channel: TCP connections, each an open of the device. The bytes of a connection go from
//! smoltcp's buffer straight into [`Device::write`] and from [`Device::read`] straight into smoltcp's
//! buffer: what the device does not take stays in the window, so that both directions push back and
//! nothing is kept between.
//!
//! A peer that vanishes is found by TCP keep-alive; one that says no hello is sent away.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use hypercall::{Hypercall, Nanos};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{self, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr, IpEndpoint};
use switch_dev::{ChannelId, ChannelKind, Device, DeviceError, Readiness};

use crate::{ControlSetup, Nic, Say, Wire};

/// Controllers that the switch connects to, at most.
pub const MAX_CONTROLLERS: usize = 4;

/// Connections that others may have open at once.
const GUESTS: usize = 12;

/// Bytes of a connection's buffer each way: as much as a window without scaling says.
const BUFFER_LEN: usize = 65_535;

/// How long a connection may be without a negotiated hello.
const HANDSHAKE: u64 = 5 * Nanos::PER_SECOND;

/// How long to wait before connecting again.
const RETRY: u64 = Nanos::PER_SECOND;

/// Silence after which TCP asks, and after which it gives up.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
const GIVE_UP: Duration = Duration::from_secs(15);

/// Times that one connection may move bytes each way in a turn: frames and others wait no longer.
const ROUNDS: usize = 4;

/// Why there is no channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlError {
    /// The gateway cannot be kept.
    Gateway,
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no room for the gateway")
    }
}

/// Connections to one device.
pub struct Control<N> {
    wire: Wire<N>,
    interface: Interface,
    sockets: SocketSet<'static>,
    connections: Vec<Connection>,
    /// Bytes could be moved at once, were it not for others.
    is_busy: bool,
    next_port: u16,
}

/// A place for a connection.
struct Connection {
    socket: SocketHandle,
    purpose: Purpose,
    channel: Option<ChannelId>,
    /// When it connected, or when it may try again.
    since: Nanos,
}

#[derive(Clone, Copy)]
enum Purpose {
    Listen(u16),
    Connect(IpEndpoint),
}

impl<N> fmt::Debug for Control<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("connections", &self.connections.len()).finish()
    }
}

impl<N: Nic> Control<N> {
    /// A stack on the card, with nobody to talk to yet. The seed makes sequence numbers.
    ///
    /// # Errors
    /// When smoltcp has no room for the gateway.
    pub fn new(
        setup: &ControlSetup,
        mut wire: Wire<N>,
        seed: u64,
        now: Nanos,
    ) -> Result<Control<N>, ControlError> {
        let address = HardwareAddress::Ethernet(EthernetAddress(wire.nic.mac()));
        let mut config = Config::new(address);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut wire, instant(now));
        interface.update_ip_addrs(|addresses| {
            // The list was empty: there is room for one.
            let _ = addresses.push(IpCidr::new(IpAddress::Ipv4(setup.address), setup.prefix));
        });
        if let Some(gateway) = setup.gateway {
            let added = interface.routes_mut().add_default_ipv4_route(gateway);
            added.map_err(|_| ControlError::Gateway)?;
        }
        Ok(Control {
            wire,
            interface,
            sockets: SocketSet::new(Vec::new()),
            connections: Vec::new(),
            is_busy: true,
            next_port: 49_152 | (seed as u16 & 0x3fff),
        })
    }

    /// Lets others connect to a TCP port.
    pub fn listen(&mut self, port: u16) {
        (0..GUESTS).for_each(|_| self.add(Purpose::Listen(port)));
    }

    /// Connects to a controller, again and again.
    pub fn connect(&mut self, controller: IpEndpoint) {
        self.add(Purpose::Connect(controller));
    }

    fn add(&mut self, purpose: Purpose) {
        let mut socket = tcp::Socket::new(
            tcp::SocketBuffer::new(vec![0; BUFFER_LEN]),
            tcp::SocketBuffer::new(vec![0; BUFFER_LEN]),
        );
        socket.set_keep_alive(Some(KEEP_ALIVE));
        socket.set_timeout(Some(GIVE_UP));
        // Answers are small and somebody waits for each.
        socket.set_nagle_enabled(false);
        socket.set_ack_delay(None);
        let socket = self.sockets.add(socket);
        self.connections.push(Connection { socket, purpose, channel: None, since: Nanos(0) });
    }

    /// Whether the card has something for [`poll`](Self::poll), or there is more to be moved.
    pub fn is_due(&self) -> bool {
        self.is_busy || self.wire.nic.has_received()
    }

    /// Asks the card for interrupts, or for none.
    pub fn listen_for_interrupts(&mut self, interrupts: bool) {
        self.wire.nic.listen(interrupts);
    }

    /// Takes notice of an interrupt.
    pub fn acknowledge(&mut self) {
        self.wire.nic.acknowledge();
    }

    /// Moves all that can be moved now, and answers when to look again though nothing happened. `time` is
    /// the device's, which may stand while the network goes on.
    pub fn poll<H: Hypercall + ?Sized>(
        &mut self,
        now: Nanos,
        time: Nanos,
        device: &mut Device,
        host: &mut H,
        say: Say<'_>,
    ) -> Option<Nanos> {
        self.is_busy = false;
        self.interface.poll(instant(now), &mut self.wire, &mut self.sockets);
        for at in 0..self.connections.len() {
            self.look_after(at, now, time, device, host, say);
        }
        // What was written goes out in the same turn.
        self.interface.poll(instant(now), &mut self.wire, &mut self.sockets);
        self.wire.kick();
        let stack = self.interface.poll_at(instant(now), &self.sockets).map(nanos);
        let waiting = self.connections.iter().filter_map(|connection| connection.deadline(device));
        waiting.chain(stack).min()
    }

    fn look_after<H: Hypercall + ?Sized>(
        &mut self,
        at: usize,
        now: Nanos,
        time: Nanos,
        device: &mut Device,
        host: &mut H,
        say: Say<'_>,
    ) {
        let Some(connection) = self.connections.get_mut(at) else { return };
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(connection.socket);
        if let Some(channel) = connection.channel {
            let is_alive = serve(socket, channel, time, device, host, &mut self.is_busy);
            if !is_alive || connection.is_late(now, device) {
                match device.status(channel).and_then(|status| status.hang_up) {
                    Some(reason) => say(format_args!("channel {}: {reason:?}", channel.get())),
                    None if is_alive => say(format_args!("channel {}: no hello", channel.get())),
                    None => say(format_args!("channel {}: closed", channel.get())),
                }
                device.close(channel);
                socket.close();
                connection.channel = None;
                connection.since = now.plus(RETRY);
                self.is_busy = true;
            }
            return;
        }
        match socket.state() {
            State::Established | State::CloseWait => {
                let kind = connection.purpose.kind();
                match device.open(time, kind) {
                    Ok(channel) => {
                        connection.channel = Some(channel);
                        connection.since = now;
                        self.is_busy = true;
                        if let Some(peer) = socket.remote_endpoint() {
                            say(format_args!("channel {}: {kind:?} {peer}", channel.get()));
                        }
                    }
                    Err(error) => {
                        say(format_args!("a connection is refused: {error}"));
                        socket.abort();
                    }
                }
            }
            // Nothing of it is to come any more, and the place is wanted.
            State::TimeWait => socket.abort(),
            State::Closed => match connection.purpose {
                Purpose::Listen(port) => {
                    let _ = socket.listen(port);
                }
                Purpose::Connect(_) if now < connection.since => {}
                Purpose::Connect(peer) => {
                    connection.since = now.plus(RETRY);
                    let port = self.next_port;
                    self.next_port = 49_152 | (port.wrapping_add(1) & 0x3fff);
                    // It fails without a route: then the next try does, too.
                    let _ = socket.connect(self.interface.context(), peer, port);
                }
            },
            _ => {}
        }
    }
}

impl Purpose {
    fn kind(self) -> ChannelKind {
        match self {
            Purpose::Listen(_) => ChannelKind::Passive,
            Purpose::Connect(_) => ChannelKind::Active,
        }
    }
}

impl Connection {
    fn is_late(&self, now: Nanos, device: &Device) -> bool {
        self.hello_deadline(device).is_some_and(|deadline| now >= deadline)
    }

    fn hello_deadline(&self, device: &Device) -> Option<Nanos> {
        let status = device.status(self.channel?)?;
        (!status.negotiated).then(|| self.since.plus(HANDSHAKE))
    }

    fn deadline(&self, device: &Device) -> Option<Nanos> {
        match (self.channel, self.purpose) {
            (Some(_), _) => self.hello_deadline(device),
            (None, Purpose::Connect(_)) => Some(self.since),
            (None, Purpose::Listen(_)) => None,
        }
    }
}

/// Moves a connection's bytes both ways; `false` when it is over.
fn serve<H: Hypercall + ?Sized>(
    socket: &mut tcp::Socket<'_>,
    channel: ChannelId,
    now: Nanos,
    device: &mut Device,
    host: &mut H,
    is_busy: &mut bool,
) -> bool {
    let mut moved = 0;
    for _ in 0..ROUNDS {
        moved = take(socket, channel, now, device, host) + give(socket, channel, now, device);
        if moved == 0 {
            break;
        }
    }
    *is_busy |= moved > 0;
    let has_ended = device.readiness(channel).contains(Readiness::HANGUP);
    // The peer has said its last, and all of it is done and answered.
    let is_half_closed = !socket.may_recv() && moved == 0 && device.pending(channel) == 0;
    !has_ended && !is_half_closed && socket.is_active()
}

/// Hands what has come to the device.
fn take<H: Hypercall + ?Sized>(
    socket: &mut tcp::Socket<'_>,
    channel: ChannelId,
    now: Nanos,
    device: &mut Device,
    host: &mut H,
) -> usize {
    if !socket.can_recv() {
        return 0;
    }
    let taken = socket.recv(|bytes| {
        let taken = match device.write(channel, now, host, bytes) {
            Ok(taken) => taken,
            Err(DeviceError::WouldBlock | DeviceError::NoMemory) => 0,
            // What the device has to say (an error, then the end) is still to be read.
            Err(_) => bytes.len(),
        };
        (taken, taken)
    });
    taken.unwrap_or(0)
}

/// Fetches what the device has to say.
fn give(
    socket: &mut tcp::Socket<'_>,
    channel: ChannelId,
    now: Nanos,
    device: &mut Device,
) -> usize {
    if !socket.can_send() {
        return 0;
    }
    let given = socket.send(|place| {
        let given = device.read(channel, now, place).unwrap_or(0);
        (given, given)
    });
    given.unwrap_or(0)
}

fn instant(now: Nanos) -> Instant {
    Instant::from_micros(i64::try_from(now.0 / 1000).unwrap_or(i64::MAX))
}

fn nanos(at: Instant) -> Nanos {
    // Rounded up, so that it has come when it is looked at.
    let micros = u64::try_from(at.total_micros()).unwrap_or(0);
    Nanos(micros.saturating_add(1).saturating_mul(1000))
}
