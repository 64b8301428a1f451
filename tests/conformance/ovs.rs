//! The other side of a comparison: Open vSwitch with its userspace datapath, started in a folder of
//! its own with ports that lead nowhere, so that neither root nor a kernel module is needed.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rumpswitch_tests::contract::{HELLO, barrier, header};
use rumpswitch_tests::wire::{FlowMod, group_mod, matching, meter_mod, port_mod, set_config};

use crate::peer::{Heard, Peer};

/// The program that is the switch, started last.
const SWITCH: &str = "ovs-vswitchd";
const BARRIER: u32 = 0xbad0_bad0;
/// Time enough on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Messages that remove entries, groups and meters and bring ports and configuration back.
pub(crate) fn emptying() -> Vec<u8> {
    let delete = FlowMod { table: 255, command: 3, ..FlowMod::default() };
    let mut stream = delete.message(1, &matching(&[]), &[]);
    stream.extend(group_mod(1, 2, 0, 0xffff_fffc, &[]));
    stream.extend(meter_mod(1, 2, 0, u32::MAX, &[]));
    for port in 1..=3 {
        stream.extend(port_mod(1, port, [2, 0, 0, 0, 0, port as u8], 0, 0x65, 0));
    }
    stream.extend(set_config(1, 0, 0xffff));
    stream
}

/// Where programs are looked for: who is not root has no folders of root's in the path.
fn search_path() -> String {
    std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/usr/local/sbin"
}

/// The programs while they run; ended and their folder removed with the value.
pub(crate) struct Ovs {
    folder: PathBuf,
    children: Vec<Child>,
    stream: Option<UnixStream>,
    received: Vec<u8>,
    /// How its switch ended by itself, if it did since this was taken last.
    end: Option<String>,
    /// How long to wait for asynchronous messages, which may come after the barrier's reply.
    pub(crate) patience: Duration,
}

impl Ovs {
    /// Starts it, or says why that cannot be.
    pub(crate) fn start(name: &str) -> Result<Ovs, String> {
        let schema = ["/usr/share/openvswitch", "/usr/local/share/openvswitch"]
            .map(|folder| format!("{folder}/vswitch.ovsschema"));
        let Some(schema) = schema.iter().find(|path| Path::new(path).exists()) else {
            return Err("Open vSwitch is not installed".into());
        };
        let folder = std::env::temp_dir().join(format!("rumpswitch-{name}-{}", std::process::id()));
        // The name of a socket in it has a limit.
        if folder.as_os_str().len() > 90 {
            return Err(format!("{} is too long a name", folder.display()));
        }
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut ovs = Ovs {
            folder,
            children: Vec::new(),
            stream: None,
            received: Vec::new(),
            end: None,
            patience: Duration::ZERO,
        };
        ovs.run("ovsdb-tool", &["create", "db.conf", schema])?;
        ovs.spawn("ovsdb-server", &["--remote=punix:db.sock", "--unixctl=db.ctl", "db.conf"])?;
        ovs.wait_for("db.sock")?;
        ovs.vsctl(&["--no-wait", "init"])?;
        ovs.start_switch()?;
        Ok(ovs)
    }

    fn start_switch(&mut self) -> Result<(), String> {
        let arguments = ["--enable-dummy=override", "--unixctl=v.ctl", "unix:db.sock"];
        self.spawn(SWITCH, &arguments)?;
        self.make_bridge()
    }

    /// How its switch ended by itself since this was asked last, in words. It runs again by then, with
    /// a bridge that holds nothing.
    pub(crate) fn take_end(&mut self) -> Option<String> {
        self.end.take()
    }

    /// Starts the switch again when it has ended.
    fn revive(&mut self) {
        let Some(Ok(Some(status))) = self.children.last_mut().map(Child::try_wait) else {
            return;
        };
        let log = fs::read_to_string(self.folder.join(format!("{SWITCH}.out"))).unwrap_or_default();
        let last = log.lines().rev().take(3).collect::<Vec<_>>().join(" < ");
        self.end = Some(format!("Open vSwitch ended with {status}: {last}"));
        self.children.pop();
        self.start_switch().expect("Open vSwitch again");
    }

    /// The version, as its program tells it.
    pub(crate) fn version() -> String {
        let output =
            Command::new("ovs-vswitchd").arg("--version").env("PATH", search_path()).output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let text = text.unwrap_or_default();
        text.lines().next().and_then(|line| line.split(' ').next_back()).unwrap_or("").to_owned()
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        command.env("PATH", search_path());
        for variable in ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"] {
            command.env(variable, &self.folder);
        }
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<(), String> {
        let output = self.command(program, arguments).output();
        let output = output.map_err(|error| format!("{program}: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    fn spawn(&mut self, program: &str, arguments: &[&str]) -> Result<(), String> {
        let log = File::create(self.folder.join(format!("{program}.out")));
        let log = log.map_err(|error| format!("{program}: {error}"))?;
        let child = self.command(program, arguments).stdout(Stdio::null()).stderr(log).spawn();
        self.children.push(child.map_err(|error| format!("{program}: {error}"))?);
        Ok(())
    }

    fn wait_for(&self, name: &str) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        while !self.folder.join(name).exists() {
            if Instant::now() > end {
                return Err(format!("{name} does not appear"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn vsctl(&self, arguments: &[&str]) -> Result<(), String> {
        self.run("ovs-vsctl", &[&["--db=unix:db.sock", "--timeout=30"], arguments].concat())
    }

    fn make_bridge(&mut self) -> Result<(), String> {
        let bridge = "-- --if-exists del-br br0 -- add-br br0 -- set bridge br0 datapath_type=dummy \
                      protocols=OpenFlow13 fail_mode=secure other-config:datapath-id=000000abcdef0123";
        let mut text = bridge.to_owned();
        for port in 1..=3 {
            text += &format!(
                " -- add-port br0 p{port} -- set interface p{port} type=internal ofport_request={port} \
                 mac=\"02:00:00:00:00:0{port}\""
            );
        }
        self.stream = None;
        self.vsctl(&["--if-exists", "del-br", "br0"])?;
        self.vsctl(&text.split_whitespace().collect::<Vec<_>>())?;
        self.wait_for("br0.mgmt")
    }

    fn write(&mut self, bytes: &[u8]) -> bool {
        let stream = self.stream.as_mut().expect("a channel");
        stream.write_all(bytes).is_ok()
    }

    /// The next whole message; none when the channel is closed.
    fn next(&mut self) -> Option<Vec<u8>> {
        let end = Instant::now() + PATIENCE;
        loop {
            if self.received.len() >= 8 {
                let (_, len, _) = header(&self.received);
                if self.received.len() >= len {
                    return Some(self.received.drain(..len).collect());
                }
            }
            let mut buffer = [0; 1 << 16];
            match self.stream.as_mut().expect("a channel").read(&mut buffer) {
                Ok(0) => return None,
                Ok(len) => self.received.extend_from_slice(&buffer[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return None,
            }
            assert!(Instant::now() < end, "Open vSwitch says nothing");
        }
    }

    /// Messages up to the barrier's reply; echo requests are answered.
    fn listen(&mut self) -> Heard {
        let mut messages = Vec::new();
        loop {
            let Some(message) = self.next() else {
                return Heard { messages, is_closed: true };
            };
            match header(&message) {
                (21, 8, BARRIER) => return Heard { messages, is_closed: false },
                (0, _, _) => {}
                (2, _, xid) => {
                    let reply = rumpswitch_tests::contract::message(3, xid, &message[8..]);
                    self.write(&reply);
                }
                _ => messages.push(message),
            }
        }
    }
}

impl Peer for Ovs {
    fn reset(&mut self, everything: bool) {
        if everything {
            self.make_bridge().expect("a new bridge");
        }
        self.connect(&HELLO);
        let heard = self.say(&emptying());
        let is_error = heard.messages.iter().any(|message| message[1] == 1);
        assert!(!is_error && !heard.is_closed, "a switch that can be emptied: {heard:02x?}");
    }

    fn connect(&mut self, hello: &[u8]) {
        self.received.clear();
        let end = Instant::now() + PATIENCE;
        let stream = loop {
            match UnixStream::connect(self.folder.join("br0.mgmt")) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < end, "br0.mgmt: {error}"),
            }
            self.revive();
            std::thread::sleep(Duration::from_millis(10));
        };
        stream.set_read_timeout(Some(Duration::from_secs(1))).expect("a time limit");
        self.stream = Some(stream);
        self.write(hello);
        // A channel that it did not open gets no asynchronous message before this.
        self.write(&set_config(0, 0, 0xffff));
    }

    fn say(&mut self, bytes: &[u8]) -> Heard {
        self.write(&[bytes, &barrier(BARRIER)].concat());
        let mut heard = self.listen();
        if !heard.is_closed && heard.messages.is_empty() && !self.patience.is_zero() {
            std::thread::sleep(self.patience);
            self.write(&barrier(BARRIER));
            heard = self.listen();
        }
        heard
    }
}

impl Drop for Ovs {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}
