//! TCP streams and listeners of a host. A stream keeps what is still to be sent and what was
//! received; the socket's buffers between them are a window of 64 KiB.

use std::collections::VecDeque;
use std::net::IpAddr;

use hypercall::Nanos;
use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer, State};
use smoltcp::time::Duration;

use super::{HostId, ip_address};

/// Bytes of each buffer of a socket.
const WINDOW: usize = 65_535;

/// How long a peer may be silent while something is owed to us.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A TCP stream of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamId {
    pub(crate) host: HostId,
    pub(crate) index: usize,
}

/// A TCP listener of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListenerId {
    pub(crate) host: HostId,
    pub(crate) index: usize,
}

/// Where a stream is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// The handshake is under way.
    Connecting,
    /// Bytes go both ways.
    Open,
    /// The peer has sent its last byte; ours still go.
    PeerClosed,
    /// Both sides have sent their last byte and have had the other's.
    Closed,
    /// Refused, reset, or a silence of 60 s while an answer was owed.
    Broken,
}

#[derive(Debug, Default)]
pub(crate) struct Tcp {
    streams: Vec<Stream>,
    listeners: Vec<Listener>,
    /// Places of the streams that have a socket.
    live: Vec<usize>,
    next_port: u16,
}

#[derive(Debug)]
struct Stream {
    socket: SocketHandle,
    state: StreamState,
    outgoing: Vec<u8>,
    /// How much of `outgoing` the socket has taken.
    taken: usize,
    /// No more will be sent.
    closing: bool,
    /// The socket knows that.
    closed: bool,
    /// No more will be sent once the peer sends no more.
    close_with_peer: bool,
    received: Vec<u8>,
    /// When it was closed or broken.
    ended: Option<Nanos>,
}

#[derive(Debug)]
struct Listener {
    port: u16,
    socket: SocketHandle,
    accepted: VecDeque<usize>,
    close_with_peer: bool,
}

impl Tcp {
    /// # Panics
    ///
    /// When `port` is 0.
    pub(super) fn listen(
        &mut self,
        port: u16,
        close_with_peer: bool,
        sockets: &mut SocketSet<'static>,
    ) -> usize {
        let socket = sockets.add(listening(port));
        self.listeners.push(Listener { port, socket, accepted: VecDeque::new(), close_with_peer });
        self.listeners.len() - 1
    }

    pub(super) fn connect(
        &mut self,
        interface: &mut Interface,
        sockets: &mut SocketSet<'static>,
        to: IpAddr,
        port: u16,
    ) -> usize {
        // The ephemeral ports, round and round.
        let local = 49_152 + self.next_port;
        self.next_port = (self.next_port + 1) % 16_384;
        let mut socket = new_socket();
        let connected = socket.connect(interface.context(), (ip_address(to), port), local);
        let socket = sockets.add(socket);
        let state = if connected.is_ok() { StreamState::Connecting } else { StreamState::Broken };
        self.add(Stream::new(socket, state, false))
    }

    /// A stream that a listener has accepted.
    pub(crate) fn accept(&mut self, listener: usize) -> Option<usize> {
        self.listeners[listener].accepted.pop_front()
    }

    /// The same, left with the listener.
    pub(crate) fn next_accepted(&self, listener: usize) -> Option<usize> {
        self.listeners[listener].accepted.front().copied()
    }

    /// Sends `bytes` as the window allows.
    pub(crate) fn send(&mut self, stream: usize, bytes: &[u8]) {
        let stream = &mut self.streams[stream];
        stream.outgoing.drain(..stream.taken);
        stream.taken = 0;
        stream.outgoing.extend_from_slice(bytes);
    }

    /// No more is sent once what was given has gone.
    pub(crate) fn close(&mut self, stream: usize) {
        self.streams[stream].closing = true;
    }

    pub(crate) fn state(&self, stream: usize) -> StreamState {
        self.streams[stream].state
    }

    pub(crate) fn ended(&self, stream: usize) -> Option<Nanos> {
        self.streams[stream].ended
    }

    /// Bytes that wait for the socket to take them.
    pub(crate) fn unsent(&self, stream: usize) -> usize {
        self.streams[stream].outgoing.len() - self.streams[stream].taken
    }

    pub(crate) fn received(&self, stream: usize) -> &[u8] {
        &self.streams[stream].received
    }

    pub(crate) fn take_received(&mut self, stream: usize) -> Vec<u8> {
        std::mem::take(&mut self.streams[stream].received)
    }

    /// Moves bytes between streams and sockets, follows their states. Whether the stack has
    /// something new to send.
    pub(super) fn serve(&mut self, now: Nanos, sockets: &mut SocketSet<'static>) -> bool {
        self.serve_listeners(sockets);
        let streams = &mut self.streams;
        let mut progress = false;
        self.live.retain(|index| {
            let stream = &mut streams[*index];
            let socket = sockets.get_mut::<Socket<'_>>(stream.socket);
            progress |= stream.serve(socket);
            if matches!(stream.state, StreamState::Closed | StreamState::Broken) {
                stream.ended.get_or_insert(now);
            }
            let alive = !matches!(socket.state(), State::Closed | State::Listen);
            if !alive {
                sockets.remove(stream.socket);
            }
            alive
        });
        progress
    }

    fn serve_listeners(&mut self, sockets: &mut SocketSet<'static>) {
        for index in 0..self.listeners.len() {
            let listener = &self.listeners[index];
            let socket = listener.socket;
            if sockets.get::<Socket<'_>>(socket).is_listening() {
                continue;
            }
            let with_peer = listener.close_with_peer;
            let next = sockets.add(listening(listener.port));
            let stream = self.add(Stream::new(socket, StreamState::Connecting, with_peer));
            let listener = &mut self.listeners[index];
            listener.socket = next;
            listener.accepted.push_back(stream);
        }
    }

    fn add(&mut self, stream: Stream) -> usize {
        self.streams.push(stream);
        self.live.push(self.streams.len() - 1);
        self.streams.len() - 1
    }
}

impl Stream {
    fn new(socket: SocketHandle, state: StreamState, close_with_peer: bool) -> Stream {
        Stream {
            socket,
            state,
            outgoing: Vec::new(),
            taken: 0,
            closing: false,
            closed: false,
            close_with_peer,
            received: Vec::new(),
            ended: None,
        }
    }

    fn serve(&mut self, socket: &mut Socket<'static>) -> bool {
        let mut progress = false;
        while socket.can_send() && self.taken < self.outgoing.len() {
            let Ok(taken) = socket.send_slice(&self.outgoing[self.taken..]) else { break };
            self.taken += taken;
            progress |= taken > 0;
        }
        while socket.can_recv() {
            let received = &mut self.received;
            let count = socket.recv(|bytes| {
                received.extend_from_slice(bytes);
                (bytes.len(), bytes.len())
            });
            progress |= count.is_ok_and(|count| count > 0);
        }
        self.closing |= self.close_with_peer && socket.state() == State::CloseWait;
        let connected = matches!(socket.state(), State::Established | State::CloseWait);
        if self.closing && !self.closed && connected && self.taken == self.outgoing.len() {
            socket.close();
            self.closed = true;
            progress = true;
        }
        self.follow(socket.state());
        progress
    }

    fn follow(&mut self, state: State) {
        // Both ends pass through these before they are closed in good order.
        let peer_closed = self.state == StreamState::PeerClosed && self.closed;
        self.state = match state {
            State::SynSent | State::SynReceived => StreamState::Connecting,
            State::Established | State::FinWait1 | State::FinWait2 => StreamState::Open,
            State::CloseWait | State::LastAck | State::Closing => StreamState::PeerClosed,
            State::TimeWait => StreamState::Closed,
            State::Closed if peer_closed || self.state == StreamState::Closed => {
                StreamState::Closed
            }
            State::Closed | State::Listen => StreamState::Broken,
        };
    }
}

fn new_socket() -> Socket<'static> {
    let buffer = || SocketBuffer::new(vec![0; WINDOW]);
    let mut socket = Socket::new(buffer(), buffer());
    socket.set_congestion_control(CongestionControl::Reno);
    socket.set_timeout(Some(TIMEOUT));
    socket
}

fn listening(port: u16) -> Socket<'static> {
    let mut socket = new_socket();
    socket.listen(port).expect("a TCP port is not 0");
    socket
}
