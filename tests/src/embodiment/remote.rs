//! An embodiment in another process, or at least behind a socket: the test's side of the protocol.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use datapath::{DropReason, PortConfig};
use hypercall::Nanos;
use switch_dev::{ChannelKind, DeviceError, Readiness};

use super::protocol::{NO_QUEUE, Operation, Parts, VERSION, receive, send, status};
use super::{Abilities, Embodiment, MAX_FRAMES, PortRefused, Sent, Setup};

/// How long a driver may take for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A switch behind a socket.
pub struct Remote {
    stream: UnixStream,
    child: Option<Child>,
    abilities: Abilities,
    max_channels: usize,
    now: Nanos,
}

impl Remote {
    /// Starts a driver, whose file descriptor 0 becomes the socket, and has a switch made.
    ///
    /// # Errors
    ///
    /// Those of the process and of the socket; a driver of another version; a setup that it cannot do.
    pub fn start(command: &mut Command, setup: &Setup) -> io::Result<Remote> {
        let (ours, theirs) = UnixStream::pair()?;
        let child = command.stdin(Stdio::from(OwnedFd::from(theirs))).spawn()?;
        let mut remote = Remote::blank(ours);
        remote.child = Some(child);
        remote.make(setup)?;
        Ok(remote)
    }

    /// Over a socket whose other end is served.
    ///
    /// # Errors
    ///
    /// As for [`start`](Remote::start).
    pub fn over(stream: UnixStream, setup: &Setup) -> io::Result<Remote> {
        let mut remote = Remote::blank(stream);
        remote.make(setup)?;
        Ok(remote)
    }

    fn blank(stream: UnixStream) -> Remote {
        let now = Setup::START;
        Remote { stream, child: None, abilities: Abilities::empty(), max_channels: 0, now }
    }

    fn make(&mut self, setup: &Setup) -> io::Result<()> {
        self.stream.set_read_timeout(Some(PATIENCE))?;
        let bad = |what: &str| io::Error::new(io::ErrorKind::Unsupported, what);
        let answer = self.exchange(Operation::Greet, &VERSION.to_le_bytes())?;
        let answer = answer.map_err(|_| bad("the driver does not greet"))?;
        let mut parts = Parts(&answer);
        if parts.u32()? != VERSION {
            return Err(bad("a driver of another version"));
        }
        self.abilities = Abilities::from_bits_truncate(parts.u32()?);
        let words = [
            setup.ports,
            setup.n_tables.map_or(0, u32::from),
            setup.max_entries_per_table.unwrap_or(0),
            setup.max_groups.unwrap_or(0),
            setup.max_meters.unwrap_or(0),
            setup.max_channels.unwrap_or(0),
            u32::from(setup.standalone),
        ];
        let mut content: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        content.extend(Setup::SEED.to_le_bytes());
        content.extend(Setup::DATAPATH_ID.to_le_bytes());
        let answer = self.exchange(Operation::Make, &content)?;
        let answer = answer.map_err(|_| bad("the driver cannot make such a switch"))?;
        self.max_channels = Parts(&answer).u32()? as usize;
        Ok(())
    }

    fn exchange(
        &mut self,
        operation: Operation,
        content: &[u8],
    ) -> io::Result<Result<Vec<u8>, u32>> {
        self.request(self.now, operation, content)?;
        self.answer()
    }

    fn request(&mut self, now: Nanos, operation: Operation, content: &[u8]) -> io::Result<()> {
        let head = [&[operation as u8][..], &now.0.to_le_bytes()].concat();
        send(&mut self.stream, &[&head[..], content].concat())
    }

    fn answer(&mut self) -> io::Result<Result<Vec<u8>, u32>> {
        let answer = receive(&mut self.stream)?;
        let mut parts = Parts(&answer);
        Ok(match parts.u32()? {
            status::OK => Ok(parts.0.to_vec()),
            status => Err(status),
        })
    }

    /// A test has no use for a driver that is gone.
    #[track_caller]
    fn ask(&mut self, operation: Operation, content: &[u8]) -> Result<Vec<u8>, u32> {
        match self.exchange(operation, content) {
            Ok(Err(status::CANNOT)) => panic!("{operation:?}: the driver said that it can"),
            Ok(answer) => answer,
            Err(error) => panic!("the driver is gone ({operation:?}): {error}"),
        }
    }

    fn device(&mut self, operation: Operation, content: &[u8]) -> Result<Vec<u8>, DeviceError> {
        self.ask(operation, content).map_err(|status| match status {
            status::BUSY => DeviceError::Busy,
            status::WOULD_BLOCK => DeviceError::WouldBlock,
            status::HUNG_UP => DeviceError::HungUp,
            status::BAD_CHANNEL => DeviceError::BadChannel,
            status::NO_MEMORY => DeviceError::NoMemory,
            status::GONE => DeviceError::Gone,
            other => panic!("{operation:?}: no answer of a device: {other}"),
        })
    }

    fn port(&mut self, operation: Operation, port: &PortConfig) -> Result<(), PortRefused> {
        let words = [
            port.number.0,
            port.config.bits(),
            port.state.bits(),
            port.curr.bits(),
            port.advertised.bits(),
            port.supported.bits(),
            port.peer.bits(),
            port.curr_speed,
            port.max_speed,
            port.max_frame,
        ];
        let mut content: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        content.extend(port.hw_addr.0);
        content.extend(port.name.as_bytes());
        self.ask(operation, &content).map(drop).map_err(|_| PortRefused)
    }

    fn poll(&mut self, channel: u64) -> (u32, u32) {
        let answer = self.ask(Operation::Poll, &channel.to_le_bytes()).expect("a poll answers");
        let mut parts = Parts(&answer);
        let ready = parts.u32().expect("readiness");
        (ready, parts.u32().expect("pending bytes"))
    }

    /// Ends the driver in order.
    ///
    /// # Errors
    ///
    /// What it says when it has lost something, or does not end well.
    pub fn quit(mut self) -> Result<(), String> {
        let answer = self.exchange(Operation::Quit, &[]).map_err(|error| error.to_string())?;
        answer.map_err(|status| format!("the driver ends with {status}"))?;
        match self.child.take().map(|mut child| child.wait()) {
            Some(Ok(status)) if !status.success() => Err(format!("the driver: {status}")),
            Some(Err(error)) => Err(error.to_string()),
            _ => Ok(()),
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // An orderly end that finds something lost is a failure of the test that did it.
        let Some(mut child) = self.child.take() else { return };
        if std::thread::panicking() {
            let _ = child.kill();
            let _ = child.wait();
            return;
        }
        let answer = self.exchange(Operation::Quit, &[]);
        let status = child.wait();
        match (answer, status) {
            (Ok(Ok(_)), Ok(status)) if status.success() => {}
            (answer, status) => panic!("the driver ends with {answer:?}, {status:?}"),
        }
    }
}

impl Embodiment for Remote {
    fn abilities(&self) -> Abilities {
        self.abilities
    }

    fn open(&mut self, kind: ChannelKind) -> Result<u64, DeviceError> {
        let kind = u32::from(kind == ChannelKind::Passive);
        let answer = self.device(Operation::Open, &kind.to_le_bytes())?;
        Ok(Parts(&answer).u64().expect("a channel"))
    }

    fn close(&mut self, channel: u64) {
        let _ = self.device(Operation::Close, &channel.to_le_bytes());
    }

    fn read(&mut self, channel: u64, into: &mut [u8]) -> Result<usize, DeviceError> {
        let mut content = channel.to_le_bytes().to_vec();
        content.extend((into.len() as u32).to_le_bytes());
        let bytes = self.device(Operation::Read, &content)?;
        into[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    fn write(&mut self, channel: u64, bytes: &[u8]) -> Result<usize, DeviceError> {
        let answer = self.device(Operation::Write, &[&channel.to_le_bytes(), bytes].concat())?;
        Ok(Parts(&answer).u32().expect("a count") as usize)
    }

    fn pending(&mut self, channel: u64) -> usize {
        self.poll(channel).1 as usize
    }

    fn readiness(&mut self, channel: u64) -> Readiness {
        Readiness::from_bits_truncate(self.poll(channel).0 as u8)
    }

    fn max_channels(&mut self) -> usize {
        self.max_channels
    }

    fn go_on(&mut self) -> bool {
        let is_due = self.deadline() == Some(Nanos(0));
        if is_due {
            self.tick();
        }
        is_due
    }

    fn port_add(&mut self, port: &PortConfig) -> Result<(), PortRefused> {
        self.port(Operation::PortAdd, port)
    }

    fn port_change(&mut self, port: &PortConfig) -> Result<(), PortRefused> {
        self.port(Operation::PortChange, port)
    }

    fn port_remove(&mut self, number: u32) -> Result<(), PortRefused> {
        self.ask(Operation::PortRemove, &number.to_le_bytes()).map(drop).map_err(|_| PortRefused)
    }

    fn set_queues(&mut self, number: u32, ids: &[u32]) -> Result<(), PortRefused> {
        let words = std::iter::once(number).chain(ids.iter().copied());
        let content: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        self.ask(Operation::Queues, &content).map(drop).map_err(|_| PortRefused)
    }

    fn frame(&mut self, port: u32, bytes: &[u8]) {
        let answer = self.ask(Operation::Frame, &[&port.to_le_bytes(), bytes].concat());
        assert!(answer.is_ok(), "the driver takes a frame: {answer:?}");
    }

    /// The answers wait in the socket meanwhile, where as many have room.
    fn frames(&mut self, port: u32, frames: &[(Nanos, Vec<u8>)]) {
        assert!(frames.len() <= MAX_FRAMES, "{} frames at once", frames.len());
        let port = port.to_le_bytes();
        for (now, bytes) in frames {
            let request = self.request(*now, Operation::Frame, &[&port[..], bytes].concat());
            request.expect("the driver is there");
            self.now = *now;
        }
        for _ in frames {
            let answer = self.answer().expect("the driver is there");
            assert!(answer.is_ok(), "the driver takes a frame: {answer:?}");
        }
    }

    fn sent(&mut self) -> Vec<Sent> {
        let answer = self.ask(Operation::Sent, &[]).expect("frames");
        let mut parts = Parts(&answer);
        let mut sent = Vec::new();
        while !parts.0.is_empty() {
            let port = parts.u32().expect("a port");
            let queue = parts.u32().expect("a queue");
            let queue = (queue != NO_QUEUE).then_some(queue);
            let len = parts.u32().expect("a length") as usize;
            let bytes = parts.bytes(len).expect("a frame").to_vec();
            sent.push(Sent { port, queue, bytes });
        }
        sent
    }

    fn set_time(&mut self, now: Nanos) {
        self.now = now;
    }

    fn tick(&mut self) {
        let _ = self.ask(Operation::Tick, &[]).expect("a tick");
    }

    fn deadline(&mut self) -> Option<Nanos> {
        let answer = self.ask(Operation::Deadline, &[]).expect("a deadline");
        let deadline = Parts(&answer).u64().expect("a deadline");
        (deadline != u64::MAX).then_some(Nanos(deadline))
    }

    fn drops(&mut self) -> Option<Vec<(DropReason, u64)>> {
        let answer = self.exchange(Operation::Drops, &[]).expect("the driver is there").ok()?;
        let mut parts = Parts(&answer);
        let mut drops = Vec::new();
        while !parts.0.is_empty() {
            let count = parts.u64().expect("a count");
            let len = parts.u32().expect("a length") as usize;
            let name = parts.bytes(len).expect("a name");
            let is_it = |reason: &DropReason| reason.name().as_bytes() == name;
            drops.push((DropReason::ALL.into_iter().find(is_it).expect("a reason"), count));
        }
        assert_eq!(drops.len(), DropReason::ALL.len(), "all of them");
        Some(drops)
    }
}
