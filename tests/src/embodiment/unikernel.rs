//! The unikernel in QEMU: frames through Unix datagrams, channels through TCP over user-mode networking. No
//! root, no network but loopback.
//!
//! The first channel is the one that the switch opens to its controller; others connect to the switch. One
//! more connection reads port statistics: by them a test knows that a frame is through, and how many frames
//! are on their way out. The switch's time stands until the console is told to move it; cables are plugged
//! and unplugged by QEMU's monitor.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use datapath::PortConfig;
use hypercall::Nanos;
use ofp_codec::multipart::{MultipartReplyBody, MultipartRequest, MultipartRequestBody, PortStats};
use ofp_codec::{Message, MultipartFlags, PortNo, PortState};
use switch_dev::{ChannelKind, DeviceError, Readiness};

use super::{Abilities, Embodiment, PortRefused, Sent, Setup};
use crate::contract::{HELLO, header};

/// What a machine on a busy host may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the first word of an answer may take; without a hello the machine waits five seconds.
const ANSWER: Duration = Duration::from_secs(4);
/// Silence after which nothing more is expected.
const QUIET: Duration = Duration::from_millis(500);

/// A machine that runs; dropped, it is no more.
pub struct Unikernel {
    child: Child,
    console: ChildStdin,
    lines: Receiver<String>,
    folder: PathBuf,
    ports: Vec<Port>,
    now: Nanos,
    listener: TcpListener,
    control: u16,
    channels: BTreeMap<u64, Connection>,
    next_channel: u64,
    overseer: Option<Connection>,
    /// Something was asked and nothing has come since.
    is_waiting: bool,
}

/// A port's socket, and what passed it.
struct Port {
    socket: UnixDatagram,
    is_up: bool,
    sent_in: u64,
    came_out: u64,
}

/// A connection and what was read of it.
struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    is_over: bool,
}

impl Connection {
    fn new(stream: TcpStream) -> io::Result<Connection> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Connection { stream, read: Vec::new(), is_over: false })
    }

    /// Reads what comes within `wait`; whether anything did.
    fn fill(&mut self, wait: Duration) -> bool {
        if self.is_over {
            return false;
        }
        // No wait at all cannot be said.
        let wait = wait.max(Duration::from_micros(1));
        self.stream.set_read_timeout(Some(wait)).expect("a time limit");
        let mut buffer = [0; 1 << 16];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.is_over = true,
            Ok(len) => self.read.extend_from_slice(&buffer[..len]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return false;
            }
            Err(_) => self.is_over = true,
        }
        true
    }

    /// The next whole message.
    fn message(&mut self) -> Message {
        let until = Instant::now() + PATIENCE;
        loop {
            let len = (self.read.len() >= 8).then(|| header(&self.read).1);
            if let Some(len) = len.filter(|len| *len <= self.read.len()) {
                let message: Vec<u8> = self.read.drain(..len).collect();
                return Message::decode(&message).expect("a message that can be read").1;
            }
            self.fill(Duration::from_secs(1));
            assert!(Instant::now() < until && !self.is_over, "the machine does not answer");
        }
    }
}

impl Unikernel {
    /// What a machine lets a test do.
    pub const ABILITIES: Abilities = Abilities::SHARED
        .union(Abilities::TIME)
        .union(Abilities::SETUP)
        .union(Abilities::BULK)
        .union(Abilities::LINKS)
        .union(Abilities::DEADLINE)
        .union(Abilities::BLANK);

    /// Boots a machine of this image.
    ///
    /// # Errors
    ///
    /// Those of sockets and processes; a setup that the machine cannot be told.
    pub fn boot(image: &Path, setup: &Setup) -> io::Result<Unikernel> {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        if setup.max_channels.is_some() {
            return Err(io::Error::other("a machine has the channels that it has"));
        }
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("rumpswitch-suite-{}-{made}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder)?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        // Free when it was asked for; nobody else is handed it in the next second.
        let control = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = machine(image, setup, listener.local_addr()?.port(), control);
        let monitor = folder.join("qmp");
        command.arg("-qmp").arg(format!("unix:{},server=on,wait=off", monitor.display()));
        let mut ports = Vec::new();
        for number in 1..=setup.ports {
            let (ours, theirs) =
                (folder.join(format!("t{number}")), folder.join(format!("q{number}")));
            let socket = UnixDatagram::bind(&ours)?;
            ports.push(Port { socket, is_up: true, sent_in: 0, came_out: 0 });
            command.arg("-netdev").arg(format!(
                "dgram,id=p{number},local.type=unix,local.path={},remote.type=unix,remote.path={}",
                theirs.display(),
                ours.display()
            ));
            let card = format!("virtio-net-device,id=n{number},netdev=p{number}");
            command.arg("-device").arg(format!("{card},mac=52:54:00:00:00:{number:02x}"));
        }
        let mut child = command.spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (console, stdout) = pipes.ok_or_else(|| io::Error::other("no console"))?;
        let (sender, lines) = channel();
        // What it says is read, so that it never waits for a reader.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut machine = Unikernel {
            child,
            console,
            lines,
            folder,
            ports,
            now: Setup::START,
            listener,
            control,
            channels: BTreeMap::new(),
            next_channel: 0,
            overseer: None,
            is_waiting: false,
        };
        machine.wait_until_ready()?;
        Ok(machine)
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        self.wait_for("ready:")?;
        for (at, port) in self.ports.iter().enumerate() {
            port.socket.connect(self.folder.join(format!("q{}", at + 1)))?;
        }
        let mut overseer = self.connect()?;
        overseer.stream.write_all(&HELLO)?;
        assert!(matches!(overseer.message(), Message::Hello(_)), "the first message is a hello");
        self.overseer = Some(overseer);
        Ok(())
    }

    /// The first line from here on that has `text` in it.
    fn wait_for(&mut self, text: &str) -> io::Result<String> {
        let (until, mut said) = (Instant::now() + PATIENCE, String::new());
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(text) => return Ok(line),
                Ok(line) => said = line,
                Err(error) => return Err(io::Error::other(format!("{text}: {error}: {said}"))),
            }
        }
    }

    /// Moves the switch's time; when there is something to do again.
    fn hold(&mut self) -> Option<Nanos> {
        writeln!(self.console, "time {}", self.now.0).expect("the machine listens");
        let start = format!("time {}: due ", self.now.0);
        let line = self.wait_for(&start).expect("the machine answers");
        let (_, due) = line.split_once(&start).expect("it has it in it");
        due.trim().parse().ok().map(Nanos)
    }

    /// Plugs or unplugs the cable of a port.
    fn set_link(&mut self, number: u32, is_up: bool) -> io::Result<()> {
        let mut monitor = UnixStream::connect(self.folder.join("qmp"))?;
        monitor.set_read_timeout(Some(PATIENCE))?;
        let mut answers = BufReader::new(monitor.try_clone()?).lines();
        let link =
            format!(r#"{{"execute":"set_link","arguments":{{"name":"n{number}","up":{is_up}}}}}"#);
        for command in [r#"{"execute":"qmp_capabilities"}"#, &link] {
            writeln!(monitor, "{command}")?;
            let mut lines = answers.by_ref().map_while(Result::ok);
            if !lines.any(|line| line.contains("return")) {
                return Err(io::Error::other("the monitor does not answer"));
            }
        }
        let word = if is_up { "up" } else { "down" };
        self.wait_for(&format!("port {number}: link {word}")).map(drop)
    }

    fn connect(&self) -> io::Result<Connection> {
        Connection::new(TcpStream::connect(("127.0.0.1", self.control))?)
    }

    /// The switch's connection to its controller.
    fn accept(&self) -> io::Result<Connection> {
        let until = Instant::now() + PATIENCE;
        self.listener.set_nonblocking(true)?;
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false)?;
                    return Connection::new(stream);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn port_stats(&mut self) -> Vec<PortStats> {
        let overseer = self.overseer.as_mut().expect("there since the machine is ready");
        let body = MultipartRequestBody::PortStats(PortNo::ANY);
        let request = MultipartRequest { flags: MultipartFlags::empty(), body };
        let mut bytes = Vec::new();
        Message::MultipartRequest(request).encode(1, &mut bytes).expect("a request");
        overseer.stream.write_all(&bytes).expect("the machine listens");
        match overseer.message() {
            Message::MultipartReply(reply) => match reply.body {
                MultipartReplyBody::PortStats(stats) => stats,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    fn channel(&mut self, channel: u64) -> Result<&mut Connection, DeviceError> {
        self.channels.get_mut(&channel).ok_or(DeviceError::BadChannel)
    }
}

/// The machine without its ports.
fn machine(image: &Path, setup: &Setup, listener: u16, control: u16) -> Command {
    let mut words = format!(
        "dpid=0x2a seed={} time={} control=52:54:00:00:00:99,10.0.2.15/24,10.0.2.2 listen \
         controller=tcp:10.0.2.2:{listener}",
        Setup::SEED,
        Setup::START.0
    );
    let limits = [
        ("tables", setup.n_tables.map(u32::from)),
        ("entries", setup.max_entries_per_table),
        ("groups", setup.max_groups),
        ("meters", setup.max_meters),
    ];
    for (word, limit) in limits {
        words.extend(limit.map(|limit| format!(" {word}={limit}")));
    }
    if setup.standalone {
        words.push_str(" fail=standalone");
    }
    let mut command = Command::new("qemu-system-x86_64");
    command
        .args(["-M", "microvm,acpi=off,pit=off,pic=off,rtc=off,isa-serial=on"])
        .args(["-accel", "tcg", "-cpu", "max", "-m", "64M"])
        .args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"])
        .args(["-serial", "stdio", "-global", "virtio-mmio.force-legacy=false"])
        .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=1"])
        .arg("-kernel")
        .arg(image)
        .args(["-append", &words])
        .arg("-netdev")
        .arg(format!("user,id=control,hostfwd=tcp:127.0.0.1:{control}-:6653"))
        .args(["-device", "virtio-net-device,netdev=control,mac=52:54:00:00:00:99"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

impl Drop for Unikernel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Embodiment for Unikernel {
    fn abilities(&self) -> Abilities {
        Unikernel::ABILITIES
    }

    fn open(&mut self, _kind: ChannelKind) -> Result<u64, DeviceError> {
        let is_first = self.next_channel == 0;
        let connection = if is_first { self.accept() } else { self.connect() };
        let connection = connection.expect("a connection to the machine");
        self.next_channel += 1;
        self.is_waiting = true;
        self.channels.insert(self.next_channel, connection);
        Ok(self.next_channel)
    }

    fn close(&mut self, channel: u64) {
        self.channels.remove(&channel);
    }

    fn read(&mut self, channel: u64, into: &mut [u8]) -> Result<usize, DeviceError> {
        let connection = self.channel(channel)?;
        if connection.read.is_empty() {
            return if connection.is_over { Ok(0) } else { Err(DeviceError::WouldBlock) };
        }
        let len = into.len().min(connection.read.len());
        into[..len].copy_from_slice(&connection.read[..len]);
        connection.read.drain(..len);
        Ok(len)
    }

    fn write(&mut self, channel: u64, bytes: &[u8]) -> Result<usize, DeviceError> {
        self.is_waiting = true;
        match self.channel(channel)?.stream.write(bytes) {
            Ok(len) => Ok(len),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(DeviceError::WouldBlock)
            }
            Err(_) => Err(DeviceError::HungUp),
        }
    }

    fn pending(&mut self, channel: u64) -> usize {
        let Ok(connection) = self.channel(channel) else { return 0 };
        let has_come = connection.fill(Duration::ZERO);
        let pending = connection.read.len();
        self.is_waiting &= !has_come;
        pending
    }

    fn readiness(&mut self, _channel: u64) -> Readiness {
        unreachable!("a stream socket has a readiness of its own")
    }

    fn max_channels(&mut self) -> usize {
        unreachable!("a stream socket is refused otherwise")
    }

    /// Waits until a channel has something to say, or as long as answers take.
    fn go_on(&mut self) -> bool {
        let until = Instant::now() + if self.is_waiting { ANSWER } else { QUIET };
        while Instant::now() < until {
            let step = Duration::from_millis(5);
            if self.channels.values_mut().any(|connection| connection.fill(step)) {
                self.is_waiting = false;
                return true;
            }
        }
        self.is_waiting = false;
        false
    }

    fn port_add(&mut self, _port: &PortConfig) -> Result<(), PortRefused> {
        Err(PortRefused)
    }

    /// A cable that is plugged or unplugged.
    fn port_change(&mut self, port: &PortConfig) -> Result<(), PortRefused> {
        let is_up = !port.state.contains(PortState::LINK_DOWN);
        let at = port.number.0 as usize;
        let known = at.checked_sub(1).and_then(|at| self.ports.get_mut(at)).ok_or(PortRefused)?;
        if std::mem::replace(&mut known.is_up, is_up) != is_up {
            self.set_link(port.number.0, is_up).expect("the link changes");
        }
        Ok(())
    }

    fn port_remove(&mut self, _number: u32) -> Result<(), PortRefused> {
        Err(PortRefused)
    }

    fn set_queues(&mut self, _number: u32, _ids: &[u32]) -> Result<(), PortRefused> {
        Err(PortRefused)
    }

    fn frame(&mut self, number: u32, bytes: &[u8]) {
        self.frames(number, &[(self.now, bytes.to_vec())]);
    }

    /// Those of one moment together.
    fn frames(&mut self, number: u32, frames: &[(Nanos, Vec<u8>)]) {
        for together in frames.chunk_by(|(one, _), (other, _)| one == other) {
            for (now, bytes) in together {
                if *now != self.now {
                    self.set_time(*now);
                }
                let port = &mut self.ports[number as usize - 1];
                port.socket.send(bytes).expect("the machine takes frames");
                port.sent_in += 1;
            }
            self.wait_until_through(number);
        }
    }

    fn sent(&mut self) -> Vec<Sent> {
        let stats = self.port_stats();
        let mut sent = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        for (number, port) in (1..).zip(&mut self.ports) {
            let told = stats.iter().find(|stats| stats.port_no.0 == number);
            let told = told.expect("a port").tx_packets;
            port.socket.set_read_timeout(Some(PATIENCE)).expect("a time limit");
            while port.came_out < told {
                let len = port.socket.recv(&mut buffer).expect("a frame that was sent comes out");
                sent.push(Sent { port: number, queue: None, bytes: buffer[..len].to_vec() });
                port.came_out += 1;
            }
            // None but those that were counted.
            port.socket.set_nonblocking(true).expect("a mode");
            assert!(port.socket.recv(&mut buffer).is_err(), "a frame that was not counted");
            port.socket.set_nonblocking(false).expect("a mode");
        }
        sent
    }

    fn set_time(&mut self, now: Nanos) {
        self.now = now;
        self.hold();
    }

    /// What time brings is done when it is moved.
    fn tick(&mut self) {}

    fn deadline(&mut self) -> Option<Nanos> {
        self.hold()
    }
}

impl Unikernel {
    /// All frames that were sent into a port are through the tables.
    fn wait_until_through(&mut self, number: u32) {
        let sent_in = self.ports[number as usize - 1].sent_in;
        let until = Instant::now() + PATIENCE;
        let has_come = |stats: &PortStats| stats.port_no.0 == number && stats.rx_packets >= sent_in;
        while !self.port_stats().iter().any(has_come) {
            assert!(Instant::now() < until, "a frame did not arrive");
        }
    }
}
