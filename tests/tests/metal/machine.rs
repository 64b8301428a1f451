//! A virtual machine with the unikernel in it.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// What a machine that does as it should needs nothing like.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The channel's card and what the machine is told of it.
pub(crate) const CONTROL: &str = "control=52:54:00:00:00:99,10.0.2.15/24,10.0.2.2";

/// Status of QEMU when the program ends: twice what it says, and one.
pub(crate) const POWERED_OFF: i32 = 1;
pub(crate) const PANICKED: i32 = 3;
pub(crate) const REFUSED: i32 = 5;
pub(crate) const EXCEPTION: i32 = 7;

/// How a machine is made.
pub(crate) struct Plan {
    /// Ports, which are Unix datagrams.
    pub(crate) ports: usize,
    /// Words beside those that every machine gets.
    pub(crate) words: String,
    /// MiB.
    pub(crate) memory: usize,
    /// Whether it has the card of the channel.
    pub(crate) has_control: bool,
}

impl Plan {
    /// Two ports, and a channel that listens.
    pub(crate) fn listening() -> Plan {
        Plan { ports: 2, words: format!("{CONTROL} listen"), memory: 64, has_control: true }
    }

    /// No card at all, and these words.
    pub(crate) fn words(words: &str) -> Plan {
        Plan { ports: 0, words: words.to_string(), memory: 64, has_control: false }
    }
}

/// A machine that runs. Dropped, it is no more.
pub(crate) struct Machine {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    folder: PathBuf,
    ports: Vec<UnixDatagram>,
    control: u16,
    started: Instant,
}

/// The image and the emulator, or why a test is skipped.
pub(crate) fn image() -> Option<PathBuf> {
    let Some(image) = std::env::var_os("METAL_IMAGE") else {
        eprintln!("SKIP: METAL_IMAGE names no image; hosts/metal/test.sh builds one");
        return None;
    };
    let version = Command::new("qemu-system-x86_64").arg("--version").output();
    if version.is_err() {
        eprintln!("SKIP: there is no qemu-system-x86_64");
        return None;
    }
    Some(image.into())
}

impl Machine {
    /// Starts a machine; `None` when the tests are to be skipped.
    pub(crate) fn start(plan: &Plan) -> Option<Machine> {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let image = image()?;
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("rumpswitch-metal-{}-{made}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder for sockets");
        // Free when it was asked for; nobody else is handed it in the next second.
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let control = free.local_addr().expect("its number").port();
        drop(free);

        let mut command = Command::new("qemu-system-x86_64");
        command
            .args(["-M", "microvm,acpi=off,pit=off,pic=off,rtc=off,isa-serial=on"])
            .args(["-accel", "tcg", "-cpu", "max", "-m", &format!("{}M", plan.memory)])
            .args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"])
            .args(["-serial", "stdio", "-global", "virtio-mmio.force-legacy=false"])
            .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=1"])
            .arg("-qmp")
            .arg(format!("unix:{},server=on,wait=off", folder.join("qmp").display()))
            .arg("-kernel")
            .arg(image)
            .args(["-append", &format!("dpid=0x2a name=bare {}", plan.words)]);
        let mut ports = Vec::new();
        for number in 1..=plan.ports {
            let (ours, theirs) =
                (folder.join(format!("t{number}")), folder.join(format!("q{number}")));
            let socket = UnixDatagram::bind(&ours).expect("a port's socket");
            socket.set_read_timeout(Some(PATIENCE)).expect("a time limit");
            ports.push(socket);
            command
                .arg("-netdev")
                .arg(format!(
                    "dgram,id=p{number},local.type=unix,local.path={},remote.type=unix,remote.path={}",
                    theirs.display(),
                    ours.display()
                ))
                .arg("-device")
                .arg(format!(
                    "virtio-net-device,id=n{number},netdev=p{number},mac=52:54:00:00:00:{number:02x}"
                ));
        }
        if plan.has_control {
            command
                .arg("-netdev")
                .arg(format!("user,id=control,hostfwd=tcp:127.0.0.1:{control}-:6653"))
                .args(["-device", "virtio-net-device,netdev=control,mac=52:54:00:00:00:99"]);
        }
        let started = Instant::now();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("qemu-system-x86_64 starts");
        let stdin = child.stdin.take().expect("a pipe");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Some(Machine { child, stdin, lines, folder, ports, control, started })
    }

    /// Starts a machine and waits until it is ready.
    pub(crate) fn boot(plan: &Plan) -> Option<Machine> {
        let mut machine = Machine::start(plan)?;
        machine.wait_for("ready:");
        // The sockets are there since before it began to run.
        for (at, port) in machine.ports.iter().enumerate() {
            port.connect(machine.folder.join(format!("q{}", at + 1)))
                .expect("the machine's socket");
        }
        Some(machine)
    }

    /// Since it was started.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The first line from here on that has `text` in it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => panic!("no line with {text:?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended without {text:?}"),
            }
        }
    }

    /// Types a line at its console.
    pub(crate) fn type_in(&mut self, word: &str) {
        writeln!(self.stdin, "{word}").expect("the machine listens");
    }

    /// Bytes of its memory that are in use.
    pub(crate) fn memory_used(&mut self) -> usize {
        self.type_in("memory");
        let line = self.wait_for("memory:");
        let used = line.split_whitespace().nth(2).and_then(|used| used.parse().ok());
        used.unwrap_or_else(|| panic!("{line}"))
    }

    /// Waits until it ends; its status.
    pub(crate) fn status(mut self) -> i32 {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().expect("a process of ours") {
                return status.code().expect("it was not killed");
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("it does not end");
    }

    /// Powers it off.
    pub(crate) fn power_off(mut self) {
        self.type_in("poweroff");
        assert_eq!(self.status(), POWERED_OFF);
    }

    /// Whom controllers and tools connect to.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.control)
    }

    /// A connection to its OpenFlow channel.
    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address()).expect("user-mode networking listens")
    }

    /// Sends a frame into port `number`; waits while the machine does not keep up.
    pub(crate) fn send(&self, number: usize, frame: &[u8]) {
        let until = Instant::now() + PATIENCE;
        while let Err(error) = self.ports[number - 1].send(frame) {
            let is_full = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::OutOfMemory);
            assert!(is_full && Instant::now() < until, "port {number}: {error}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// The next frame out of port `number`.
    pub(crate) fn receive(&self, number: usize) -> Vec<u8> {
        let mut frame = vec![0; 65_536];
        let len = self.ports[number - 1].recv(&mut frame);
        frame.truncate(len.unwrap_or_else(|error| panic!("port {number}: {error}")));
        frame
    }

    /// Whether nothing comes out of port `number` for a while.
    pub(crate) fn is_silent(&self, number: usize) -> bool {
        let port = &self.ports[number - 1];
        port.set_read_timeout(Some(Duration::from_millis(200))).expect("a time limit");
        let is_silent = port.recv(&mut [0; 64]).is_err();
        port.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        is_silent
    }

    /// Plugs or unplugs the cable of port `number`.
    pub(crate) fn set_link(&self, number: usize, is_up: bool) {
        let mut monitor = UnixStream::connect(self.folder.join("qmp")).expect("its monitor");
        monitor.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        let mut answers = BufReader::new(monitor.try_clone().expect("a descriptor")).lines();
        let link =
            format!(r#"{{"execute":"set_link","arguments":{{"name":"n{number}","up":{is_up}}}}}"#);
        for command in [r#"{"execute":"qmp_capabilities"}"#, &link] {
            writeln!(monitor, "{command}").expect("the monitor listens");
            let answer =
                answers.find(|line| line.as_ref().is_ok_and(|line| line.contains("return")));
            assert!(answer.is_some(), "the monitor answers {command}");
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if thread::panicking() {
            self.lines.try_iter().for_each(|line| eprintln!("console: {line}"));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
