//! Pings: one ICMP or ICMPv6 echo request each, its answer checked by identifier, sequence number
//! and content.

use std::net::IpAddr;
use std::time::Duration;

use hypercall::Nanos;
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::socket::icmp::{Endpoint, PacketBuffer, PacketMetadata, Socket};
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr};

use super::{HostId, ip_address};
use crate::link::nanos;

/// A ping of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PingId {
    pub(crate) host: HostId,
    pub(crate) index: usize,
}

/// How to ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PingConfig {
    /// Bytes behind the echo header, at most 1400.
    pub len: usize,
    /// How long to wait for the answer, from the call on.
    pub timeout: Duration,
}

impl Default for PingConfig {
    /// 56 bytes, 5 s: the stack asks for a neighbour's address at most once a second.
    fn default() -> PingConfig {
        PingConfig { len: 56, timeout: Duration::from_secs(5) }
    }
}

/// What is known of a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PingState {
    /// Neither answered nor given up.
    Pending,
    /// Answered in that time, counted from when the echo request left the host: finding the
    /// neighbour's address is not part of it.
    Answered(Duration),
    /// No answer in time.
    TimedOut,
    /// The host has no address of that family, or the one to be pinged is all zeros.
    NoAddress,
}

#[derive(Debug, Default)]
pub(super) struct Pings {
    all: Vec<Ping>,
    /// Places of those that are pending.
    pending: Vec<usize>,
}

#[derive(Debug)]
struct Ping {
    state: PingState,
    socket: SocketHandle,
    to: IpAddr,
    sequence: u16,
    identifier: u16,
    len: usize,
    deadline: Nanos,
    sent: Option<Nanos>,
}

impl Pings {
    pub(super) fn start(
        &mut self,
        now: Nanos,
        source: Option<IpAddr>,
        to: IpAddr,
        config: &PingConfig,
        sockets: &mut SocketSet<'static>,
    ) -> usize {
        let index = self.all.len();
        // Two halves of one count: unique over 2^32 pings of a host.
        let mut ping = Ping {
            state: PingState::NoAddress,
            socket: SocketHandle::default(),
            to,
            identifier: (index & 0xffff) as u16,
            sequence: (index >> 16 & 0xffff) as u16,
            len: config.len.min(1400),
            deadline: now.plus(nanos(config.timeout)),
            sent: None,
        };
        if let Some(source) = source.filter(|_| !to.is_unspecified()) {
            ping.socket = sockets.add(ping.request(source));
            ping.state = PingState::Pending;
            self.pending.push(index);
        }
        self.all.push(ping);
        index
    }

    pub(super) fn state(&self, index: usize) -> PingState {
        self.all[index].state
    }

    pub(super) fn next_deadline(&self) -> Option<Nanos> {
        self.pending.iter().map(|index| self.all[*index].deadline).min()
    }

    /// Looks after the pending pings. Whether the stack has to look again: never, since a ping
    /// says nothing more.
    pub(super) fn serve(&mut self, now: Nanos, sockets: &mut SocketSet<'static>) -> bool {
        let all = &mut self.all;
        self.pending.retain(|index| {
            let ping = &mut all[*index];
            ping.serve(now, sockets.get_mut(ping.socket));
            let done = ping.state != PingState::Pending;
            if done {
                sockets.remove(ping.socket);
            }
            !done
        });
        false
    }
}

impl Ping {
    fn serve(&mut self, now: Nanos, socket: &mut Socket<'static>) {
        if self.sent.is_none() && socket.send_queue() == 0 {
            self.sent = Some(now);
        }
        while let Ok((packet, from)) = socket.recv() {
            if from == ip_address(self.to) && self.is_answer(packet) {
                let sent = self.sent.unwrap_or(now);
                self.state = PingState::Answered(Duration::from_nanos(now.since(sent)));
                return;
            }
        }
        if now >= self.deadline {
            self.state = PingState::TimedOut;
        }
    }

    /// A socket with the echo request queued.
    fn request(&self, source: IpAddr) -> Socket<'static> {
        let buffer = |len| PacketBuffer::new(vec![PacketMetadata::EMPTY; 2], vec![0; len]);
        // The answer may come with an error message before it.
        let mut socket = Socket::new(buffer(2 * self.len + 256), buffer(self.len + 64));
        socket.bind(Endpoint::Ident(self.identifier)).expect("a new socket is not bound");
        let data = self.content();
        let checksums = ChecksumCapabilities::default();
        match (source, self.to) {
            (IpAddr::V6(source), IpAddr::V6(to)) => {
                let echo = Icmpv6Repr::EchoRequest {
                    ident: self.identifier,
                    seq_no: self.sequence,
                    data: &data,
                };
                let bytes = socket.send(echo.buffer_len(), to.into()).expect("the buffer fits it");
                let mut packet = Icmpv6Packet::new_unchecked(bytes);
                echo.emit(&source, &to, &mut packet, &checksums);
            }
            (_, to) => {
                let echo = Icmpv4Repr::EchoRequest {
                    ident: self.identifier,
                    seq_no: self.sequence,
                    data: &data,
                };
                let bytes =
                    socket.send(echo.buffer_len(), ip_address(to)).expect("the buffer fits it");
                echo.emit(&mut Icmpv4Packet::new_unchecked(bytes), &checksums);
            }
        }
        socket
    }

    fn is_answer(&self, packet: &[u8]) -> bool {
        // Type, code and checksum were the stack's business; what is left is ours.
        let answer = match self.to {
            IpAddr::V4(_) => 0,
            IpAddr::V6(_) => 129,
        };
        packet.first() == Some(&answer)
            && packet.get(4..6) == Some(&self.identifier.to_be_bytes())
            && packet.get(6..8) == Some(&self.sequence.to_be_bytes())
            && packet.get(8..) == Some(&self.content())
    }

    fn content(&self) -> Vec<u8> {
        (0..self.len).map(|n| (n as u16 ^ self.identifier) as u8).collect()
    }
}
