//! One connection: bytes from the socket to its channel and back, with nothing lost between.
//!
//! Input that the device does not take yet waits here, and the socket is not read meanwhile; output
//! is fetched from the device only when the socket has taken all before it. So both directions push
//! back, and a session holds at most one buffer of each.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;

use hypercall::Nanos;
use rustix::event::epoll::EventFlags;
use switch_dev::{ChannelId, DeviceError, Readiness};

use crate::{DeviceAccess, socket};

/// Bytes moved in one go: more than the longest OpenFlow message, so that what is fetched from a
/// device always ends with a whole message.
pub(crate) const BUFFER_LEN: usize = 68 * 1024;

/// Fetches of one session in one turn, each of which may make 60 KB of a long reply: others, and frames,
/// wait no longer than that.
const FETCHES_PER_TURN: usize = 2;

/// An OpenFlow 1.3 echo request without data, transaction 0.
const ECHO_REQUEST: [u8; 8] = [4, 2, 0, 8, 0, 0, 0, 0];

/// Why a session ended.
#[derive(Debug)]
pub enum Closed {
    /// The connection was refused, reset or broke.
    Io(io::Error),
    /// The peer ended it.
    ByPeer,
    /// The device ended it: no common version, a broken stream, or a reader too slow.
    ByDevice,
    /// The peer did not complete the connection or its hello in time.
    HandshakeTimeout,
    /// The peer did not answer an echo request.
    Silent,
    /// No channel was free.
    Busy,
    /// It was an auxiliary connection, and the main one has ended.
    MainGone,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Closed::Io(error) => write!(f, "{error}"),
            Closed::ByPeer => f.write_str("closed by the peer"),
            Closed::ByDevice => f.write_str("closed by the switch"),
            Closed::HandshakeTimeout => f.write_str("no hello in time"),
            Closed::Silent => f.write_str("no answer to an echo request"),
            Closed::Busy => f.write_str("no channel is free"),
            Closed::MainGone => f.write_str("the main connection has ended"),
        }
    }
}

/// Time limits of a session, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Silence after which an echo request is sent, and again after which the session ends.
    pub probe: u64,
    /// From the first try to both hellos.
    pub handshake: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { probe: 5 * Nanos::PER_SECOND, handshake: 5 * Nanos::PER_SECOND }
    }
}

/// A connected socket and its channel.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) socket: OwnedFd,
    pub(crate) channel: ChannelId,
    pub(crate) negotiated: bool,
    /// What the epoll set watches the socket for.
    pub(crate) watched: EventFlags,
    inbox: Vec<u8>,
    /// Made once and never cleared: what counts is from `outbox_sent` to `outbox_len`.
    outbox: Vec<u8>,
    outbox_len: usize,
    outbox_sent: usize,
    opened: Nanos,
    heard: Nanos,
    probed: bool,
    input_ended: bool,
    /// More could be done at once, were it not for the others.
    pub(crate) busy: bool,
}

impl Session {
    pub(crate) fn new(socket: OwnedFd, channel: ChannelId, now: Nanos) -> Session {
        Session {
            socket,
            channel,
            negotiated: false,
            watched: EventFlags::IN,
            inbox: Vec::new(),
            outbox: Vec::new(),
            outbox_len: 0,
            outbox_sent: 0,
            opened: now,
            heard: now,
            probed: false,
            input_ended: false,
            busy: true,
        }
    }

    /// What the socket should be watched for.
    pub(crate) fn interest(&self) -> EventFlags {
        let mut flags = EventFlags::empty();
        flags.set(EventFlags::IN, self.inbox.is_empty() && !self.input_ended);
        flags.set(EventFlags::OUT, self.outbox_len > 0);
        flags
    }

    /// Reads the socket once and hands the bytes to the device.
    pub(crate) fn receive(
        &mut self,
        now: Nanos,
        device: &mut impl DeviceAccess,
        scratch: &mut [u8],
    ) -> Result<(), Closed> {
        if !self.inbox.is_empty() || self.input_ended {
            return Ok(());
        }
        match socket::read(&self.socket, scratch).map_err(Closed::Io)? {
            None => Ok(()),
            Some(0) => {
                self.input_ended = true;
                Ok(())
            }
            Some(len) => {
                self.heard = now;
                self.probed = false;
                let bytes = scratch.get(..len).unwrap_or_default();
                let taken = self.offer(now, device, bytes)?;
                self.inbox.extend_from_slice(bytes.get(taken..).unwrap_or_default());
                Ok(())
            }
        }
    }

    fn offer(
        &mut self,
        now: Nanos,
        device: &mut impl DeviceAccess,
        bytes: &[u8],
    ) -> Result<usize, Closed> {
        let mut taken = 0;
        while taken < bytes.len() {
            match device.write(self.channel, now, bytes.get(taken..).unwrap_or_default()) {
                Ok(0) | Err(DeviceError::WouldBlock) => break,
                Ok(len) => taken += len,
                // What the device has to say (an error, then the end) is still to be fetched.
                Err(_) => return Ok(bytes.len()),
            }
        }
        Ok(taken)
    }

    /// Moves what can be moved and watches the clock.
    pub(crate) fn pump(
        &mut self,
        now: Nanos,
        limits: &Limits,
        device: &mut impl DeviceAccess,
    ) -> Result<(), Closed> {
        self.busy = false;
        self.negotiated = self.negotiated || device.is_negotiated(self.channel);
        for _ in 0..FETCHES_PER_TURN {
            self.offer_inbox(now, device)?;
            if !self.flush()? {
                return self.check_time(now, limits);
            }
            if !self.fetch(now, device) {
                let hung_up = device.readiness(self.channel).contains(Readiness::HANGUP);
                return match (hung_up, self.input_ended) {
                    (true, _) => Err(Closed::ByDevice),
                    (_, true) if self.inbox.is_empty() => Err(Closed::ByPeer),
                    _ => self.check_time(now, limits),
                };
            }
        }
        self.busy = true;
        Ok(())
    }

    fn offer_inbox(&mut self, now: Nanos, device: &mut impl DeviceAccess) -> Result<(), Closed> {
        if !self.inbox.is_empty() {
            let mut inbox = std::mem::take(&mut self.inbox);
            let taken = self.offer(now, device, &inbox)?;
            inbox.drain(..taken);
            self.inbox = inbox;
        }
        Ok(())
    }

    /// Sends the outbox; `true` when all of it is gone.
    fn flush(&mut self) -> Result<bool, Closed> {
        while let Some(rest @ [_, ..]) = self.outbox.get(self.outbox_sent..self.outbox_len) {
            match socket::write(&self.socket, rest).map_err(Closed::Io)? {
                0 => return Ok(false),
                len => self.outbox_sent += len,
            }
        }
        self.outbox_len = 0;
        self.outbox_sent = 0;
        Ok(true)
    }

    /// Takes the next messages from the device; `false` when there are none.
    fn fetch(&mut self, now: Nanos, device: &mut impl DeviceAccess) -> bool {
        self.outbox.resize(BUFFER_LEN, 0);
        self.outbox_len = device.read(self.channel, now, &mut self.outbox).unwrap_or(0);
        self.outbox_len > 0
    }

    fn check_time(&mut self, now: Nanos, limits: &Limits) -> Result<(), Closed> {
        if !self.negotiated && now.since(self.opened) >= limits.handshake {
            return Err(Closed::HandshakeTimeout);
        }
        let silent = now.since(self.heard);
        if silent >= limits.probe.saturating_mul(2) {
            return Err(Closed::Silent);
        }
        // Only between messages: the outbox ends with a whole one.
        if silent >= limits.probe && !self.probed && self.negotiated && self.outbox_len == 0 {
            self.probed = true;
            self.outbox.resize(BUFFER_LEN, 0);
            if let Some(place) = self.outbox.first_chunk_mut() {
                *place = ECHO_REQUEST;
                self.outbox_len = ECHO_REQUEST.len();
            }
            self.flush()?;
        }
        Ok(())
    }

    /// When [`pump`](Self::pump) has to look again though nothing happened.
    pub(crate) fn deadline(&self, limits: &Limits) -> Nanos {
        let probe = limits.probe.saturating_mul(if self.probed { 2 } else { 1 });
        let silence = self.heard.plus(probe);
        if self.negotiated { silence } else { silence.min(self.opened.plus(limits.handshake)) }
    }
}
