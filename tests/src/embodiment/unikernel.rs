//! The unikernel in QEMU: frames through Unix datagrams, channels through TCP over user-mode networking. No
//! root, no network but loopback.
//!
//! The first channel is the one that the switch opens to its controller; others connect to the switch. One
//! more connection reads port statistics: by them a test knows that a frame is through, and how many frames
//! are on their way out.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use datapath::PortConfig;
use hypercall::Nanos;
use ofp_codec::multipart::{MultipartReplyBody, MultipartRequest, MultipartRequestBody, PortStats};
use ofp_codec::{Message, MultipartFlags, PortNo};
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
    folder: PathBuf,
    ports: Vec<Port>,
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
    /// Boots a machine of this image.
    ///
    /// # Errors
    ///
    /// Those of sockets and processes; a setup that the machine cannot be told.
    pub fn boot(image: &Path, setup: &Setup) -> io::Result<Unikernel> {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        if !setup.is_default() {
            return Err(io::Error::other("a machine has the sizes that it has"));
        }
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("rumpswitch-suite-{}-{made}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder)?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        // Free when it was asked for; nobody else is handed it in the next second.
        let control = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = machine(image, listener.local_addr()?.port(), control);
        let mut ports = Vec::new();
        for number in 1..=setup.ports {
            let (ours, theirs) =
                (folder.join(format!("t{number}")), folder.join(format!("q{number}")));
            let socket = UnixDatagram::bind(&ours)?;
            ports.push(Port { socket, sent_in: 0, came_out: 0 });
            command.arg("-netdev").arg(format!(
                "dgram,id=p{number},local.type=unix,local.path={},remote.type=unix,remote.path={}",
                theirs.display(),
                ours.display()
            ));
            let card = "virtio-net-device,mac=52:54:00:00:00";
            command.arg("-device").arg(format!("{card}:{number:02x},netdev=p{number}"));
        }
        let child = command.spawn()?;
        let mut machine = Unikernel {
            child,
            folder,
            ports,
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
        let stdout = self.child.stdout.take().ok_or_else(|| io::Error::other("no console"))?;
        let mut said = String::new();
        let mut lines = BufReader::new(stdout).lines();
        loop {
            let Some(line) = lines.next().transpose()? else {
                return Err(io::Error::other(format!("the machine ended: {said}")));
            };
            if line.contains("ready:") {
                break;
            }
            said = line;
        }
        // What else it says is read, so that it never waits for a reader.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        for (at, port) in self.ports.iter().enumerate() {
            port.socket.connect(self.folder.join(format!("q{}", at + 1)))?;
        }
        let mut overseer = self.connect()?;
        overseer.stream.write_all(&HELLO)?;
        assert!(matches!(overseer.message(), Message::Hello(_)), "the first message is a hello");
        self.overseer = Some(overseer);
        Ok(())
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
fn machine(image: &Path, listener: u16, control: u16) -> Command {
    let words = format!(
        "dpid=0x2a seed={} control=52:54:00:00:00:99,10.0.2.15/24,10.0.2.2 listen \
         controller=tcp:10.0.2.2:{listener}",
        Setup::SEED
    );
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
        Abilities::SHARED | Abilities::BLANK
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

    fn port_change(&mut self, _port: &PortConfig) -> Result<(), PortRefused> {
        Err(PortRefused)
    }

    fn port_remove(&mut self, _number: u32) -> Result<(), PortRefused> {
        Err(PortRefused)
    }

    fn set_queues(&mut self, _number: u32, _ids: &[u32]) -> Result<(), PortRefused> {
        Err(PortRefused)
    }

    fn frame(&mut self, number: u32, bytes: &[u8]) {
        let port = &mut self.ports[number as usize - 1];
        port.socket.send(bytes).expect("the machine takes frames");
        port.sent_in += 1;
        let sent_in = port.sent_in;
        let until = Instant::now() + PATIENCE;
        let has_come = |stats: &PortStats| stats.port_no.0 == number && stats.rx_packets >= sent_in;
        while !self.port_stats().iter().any(has_come) {
            assert!(Instant::now() < until, "a frame did not arrive");
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

    fn set_time(&mut self, _now: Nanos) {
        unreachable!("its clock is its own")
    }

    fn tick(&mut self) {
        unreachable!("its clock is its own")
    }

    fn deadline(&mut self) -> Option<Nanos> {
        unreachable!("its clock is its own")
    }
}
