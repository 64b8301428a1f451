//! The program under the names `ofdatapath`, `ofprotocol` and `dpctl`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rumpswitch::ofp_codec::text::{NoNames, parse_flow};
use rumpswitch::ofp_codec::{FlowModCommand, Header, Hello, Message};

use crate::{Folder, Outcome, PATIENCE, Running};

/// The program called by one of its other names.
fn named<S: AsRef<std::ffi::OsStr>>(name: &str, args: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rumpswitch"));
    command.arg0(name).args(args).stdin(Stdio::null());
    command
}

/// Starts it and waits until it has said `text`.
fn start<S: AsRef<std::ffi::OsStr>>(name: &str, args: &[S], text: &str) -> Running {
    let mut child = named(name, args).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    let mut running = Running { child, lines };
    running.wait_for(text);
    running
}

fn dpctl(args: &[&str]) -> Outcome {
    let output = named("dpctl", args).output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A switch with two hosts, and where it is reached.
struct Bed {
    folder: Folder,
    hosts: [UnixDatagram; 2],
    _switch: Running,
}

impl Bed {
    fn new() -> Bed {
        let folder = Folder::new();
        let hosts = [1, 2].map(|number| {
            let socket = UnixDatagram::bind(folder.path(&format!("h{number}"))).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            socket
        });
        let port = |n: u32| {
            format!("{n}:dgram:{}", folder.arg(&format!("s{n},")) + &folder.arg(&format!("h{n}")))
        };
        let listen = format!("punix:{}", folder.arg("dp"));
        let words = ["run", "--datapath-id", "a1", "--port", &port(1), "--port", &port(2)];
        let mut switch = Running::start(words.iter().copied().chain(["--listen", &listen]));
        switch.wait_for("running");
        Bed { folder, hosts, _switch: switch }
    }

    fn datapath(&self) -> String {
        format!("unix:{}", self.folder.arg("dp"))
    }

    /// Sends a frame from the first host; whether the second gets it.
    fn passes(&self) -> bool {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5];
        frame.resize(60, 7);
        self.hosts[0].send_to(&frame, self.folder.path("s1")).unwrap();
        let mut buffer = [0; 2048];
        self.hosts[1].recv(&mut buffer).is_ok_and(|len| buffer[..len] == frame)
    }
}

/// A controller by hand: it waits for the switch.
struct Controller {
    listener: TcpListener,
}

/// Its connection.
struct Session {
    stream: TcpStream,
}

impl Controller {
    fn new() -> Controller {
        Controller { listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    fn target(&self) -> String {
        format!("tcp:127.0.0.1:{}", self.listener.local_addr().unwrap().port())
    }

    /// Waits for the switch, and exchanges hellos.
    fn accept(&self) -> Session {
        let stream = self.listener.accept().unwrap().0;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut session = Session { stream };
        assert!(matches!(session.read(), Some((_, Message::Hello(_)))));
        session.send(&Message::Hello(Hello::version_1_3()), 0);
        session
    }
}

impl Session {
    fn send(&mut self, message: &Message, xid: u32) {
        let mut bytes = Vec::new();
        message.encode(xid, &mut bytes).unwrap();
        self.stream.write_all(&bytes).unwrap();
    }

    /// The next message; `None` at the end of the connection.
    fn read(&mut self) -> Option<(u32, Message)> {
        let mut bytes = vec![0; 8];
        self.stream.read_exact(&mut bytes).ok()?;
        let header = Header::peek(&bytes).unwrap();
        bytes.resize(header.length.into(), 0);
        self.stream.read_exact(&mut bytes[8..]).unwrap();
        let (header, message) = Message::decode(&bytes).unwrap();
        Some((header.xid, message))
    }

    /// All messages until the answer to a barrier.
    fn barrier(&mut self) -> Vec<Message> {
        self.send(&Message::BarrierRequest, 99);
        let mut before = Vec::new();
        loop {
            match self.read().expect("the connection lasts") {
                (99, Message::BarrierReply) => return before,
                (_, message) => before.push(message),
            }
        }
    }
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < limit, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn ofprotocol_gives_each_controller_a_channel_of_its_own() {
    let bed = Bed::new();
    let controllers = [Controller::new(), Controller::new()];
    let both = controllers.each_ref().map(Controller::target).join(",");
    let listen = format!("punix:{}", bed.folder.arg("listen"));
    let words = [&bed.datapath()[..], &both, "--fail=closed", &format!("--listen={listen}")];
    let protocol = start("ofprotocol", &words, "listening");
    let mut sessions = controllers.each_ref().map(Controller::accept);
    for session in &mut sessions {
        session.send(&Message::FeaturesRequest, 5);
        let Some((5, Message::FeaturesReply(features))) = session.read() else { panic!() };
        assert_eq!(features.datapath_id, 0xa1);
    }
    let miss = parse_flow("priority=0,actions=controller", FlowModCommand::Add, &NoNames).unwrap();
    sessions[0].send(&Message::FlowMod(miss), 6);
    assert!(sessions[0].barrier().is_empty());
    // Without asking for anything, each controller gets the packet-in, once.
    assert!(!bed.passes());
    for session in &mut sessions {
        let Some((_, Message::PacketIn(_))) = session.read() else { panic!("no packet-in") };
        assert!(session.barrier().is_empty());
    }
    let target = listen.replacen("punix", "unix", 1);
    let status = dpctl(&["status", &target]);
    assert_eq!(status.code, Some(0), "{}", status.stderr);
    for line in ["remote.is-connected=true", "local.is-connected=true", "remote1.is-connected=true"]
    {
        assert!(status.stdout.lines().any(|said| said == line), "{line}: {}", status.stdout);
    }
    // A controller that goes is told of, and the other goes on.
    let [first, mut second] = sessions;
    drop(first);
    wait_until("the status to change", || {
        dpctl(&[&target, "status"]).stdout.contains("remote0.is-connected=false")
    });
    assert!(second.barrier().is_empty());
    // It comes back.
    controllers[0].accept().barrier();
    assert_eq!(protocol.terminate(), Some(0));
    assert!(second.read().is_none(), "the connections end with ofprotocol");
    assert!(!bed.folder.path("listen").exists());
}

#[test]
fn dpctl_reads_and_changes_flow_entries_through_either_half() {
    let bed = Bed::new();
    let listen = format!("--listen=punix:{}", bed.folder.arg("listen"));
    let _protocol = start("ofprotocol", &[&bed.datapath(), "--fail=closed", &listen], "listening");
    let through = format!("unix:{}", bed.folder.arg("listen"));
    for target in [&bed.datapath(), &through] {
        assert!(!bed.passes());
        let added = dpctl(&["add-flow", "priority=7,in_port=1,actions=output:2", target]);
        assert_eq!((added.code, &added.stdout[..]), (Some(0), ""), "{}", added.stderr);
        assert!(bed.passes());
        let flows = dpctl(&[target, "dump-flows"]).stdout;
        assert!(flows.contains("n_packets=1") && flows.contains("actions=output:2"), "{flows}");
        let show = dpctl(&[target, "features"]).stdout;
        assert!(show.contains("dpid:00000000000000a1") && show.contains(" 2(s2): addr:"), "{show}");
        assert_eq!(dpctl(&[target, "del-flows"]).code, Some(0));
        assert_eq!(dpctl(&[target, "stats-flow"]).stdout, "");
        let refused = dpctl(&[target, "add-flow", "actions=group:9"]);
        assert_eq!(refused.code, Some(1));
        assert!(refused.stdout.starts_with("refused: "), "{}", refused.stdout);
    }
    let status = dpctl(&["status", &bed.datapath()]);
    assert_eq!(status.code, Some(1), "the switch itself knows of no controllers");
    assert!(status.stderr.contains("is no ofprotocol"), "{}", status.stderr);
}

#[test]
fn dpctl_names_the_tool_for_what_it_cannot_do() {
    let outcome = dpctl(&["unix:/nowhere", "queue-mod", "1", "2"]);
    outcome
        .refused(&["rumpswitch: dpctl: queue-mod is not among the commands of this dpctl; use \
                       ovs-ofctl -O OpenFlow13 (see dpctl --help)"]);
    dpctl(&["dump-flows"])
        .refused(&["rumpswitch: dpctl: a switch and a command are needed; see dpctl --help"]);
}

#[test]
fn fail_open_forwards_until_a_controller_comes() {
    let bed = Bed::new();
    // A place at which nobody listens yet.
    let place = Controller::new();
    let (target, address) = (place.target(), place.listener.local_addr().unwrap());
    drop(place);
    let words = [&bed.datapath()[..], &target, "--fail=open", "--max-backoff=1"];
    let mut protocol = start("ofprotocol", &words, "refused");
    assert!(!bed.passes(), "not at once");
    protocol.wait_for("forwards by itself");
    assert!(bed.passes());
    let controller = Controller { listener: TcpListener::bind(address).unwrap() };
    let mut session = controller.accept();
    protocol.wait_for("fail-open: ended");
    assert!(session.barrier().is_empty());
    assert!(!bed.passes());
    assert_eq!(protocol.terminate(), Some(0));
}

#[test]
fn a_silent_controller_is_asked_and_then_given_up() {
    let bed = Bed::new();
    let controller = Controller::new();
    let words =
        [&bed.datapath()[..], &controller.target(), "--fail=closed", "--inactivity-probe=1"];
    let _protocol = start("ofprotocol", &words, "connected");
    let mut session = controller.accept();
    // The first question is answered; the answer is for ofprotocol alone, the switch says nothing to it.
    let Some((xid, Message::EchoRequest(data))) = session.read() else { panic!() };
    session.send(&Message::EchoReply(data), xid);
    assert!(session.barrier().is_empty());
    assert!(matches!(session.read(), Some((_, Message::EchoRequest(_)))));
    assert!(session.read().is_none(), "and then the connection ends");
    controller.accept().barrier();
}

#[test]
fn ofdatapath_is_a_switch_on_the_interfaces_it_is_given() {
    let folder = Folder::new();
    let listen = format!("punix:{}", folder.arg("s1"));
    // As Mininet writes it, but for ports that need no privilege.
    let words = ["-i", "pair:a,pair:a", &listen, "-d", "0000000000a2", "--no-slicing"];
    let switch = start("ofdatapath", &words, "running");
    let show = dpctl(&["show", &listen.replacen("punix", "unix", 1)]).stdout;
    assert!(show.contains("dpid:00000000000000a2"), "{show}");
    assert!(show.contains(" 1(a): addr:") && show.contains(" 2(a): addr:"), "{show}");
    assert_eq!(switch.terminate(), Some(0));
}

#[test]
fn the_names_are_links_that_are_made_anew_but_never_over_a_file() {
    let folder = Folder::new();
    for _ in 0..2 {
        let done = crate::rumpswitch(["install-bofuss-names", &folder.arg("")]);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert_eq!(done.stdout.lines().count(), 3);
    }
    assert_eq!(folder.names(), ["dpctl", "ofdatapath", "ofprotocol"]);
    let help = Command::new(folder.path("ofprotocol")).arg("--help").output().unwrap();
    assert!(help.stdout.lines().next().unwrap().unwrap().contains("Connects a switch"));
    std::fs::remove_file(folder.path("dpctl")).unwrap();
    folder.write("dpctl", "mine");
    let refused = crate::rumpswitch(["install-bofuss-names", &folder.arg("")]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("is there and is no link"), "{}", refused.stderr);
    assert_eq!(std::fs::read_to_string(folder.path("dpctl")).unwrap(), "mine");
}
