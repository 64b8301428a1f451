//! `rumpswitch run`, with ports that need no privilege.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::time::Duration;

use rumpswitch::ofp_codec::{FlowMod, FlowModFlags, Hello, Match, Message, Oxm, OxmField};

use crate::{Folder, PATIENCE, Running, frames};

/// A host behind a datagram port.
fn host(folder: &Folder, name: &str) -> UnixDatagram {
    let socket = UnixDatagram::bind(folder.path(name)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn dgram(folder: &Folder, port: u32, switch_end: &str, host_end: &str) -> String {
    format!("{port}:dgram:{},{}", folder.arg(switch_end), folder.arg(host_end))
}

fn receive(socket: &UnixDatagram) -> Vec<u8> {
    let mut buffer = vec![0; 1 << 17];
    let len = socket.recv(&mut buffer).unwrap();
    buffer.truncate(len);
    buffer
}

/// A frame of `len` bytes with a pattern, to the second host or back.
fn frame(len: usize, is_answer: bool) -> Vec<u8> {
    let (to, from) = if is_answer { (1, 2) } else { (2, 1) };
    let mut frame = vec![2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 0x88, 0xb5];
    frame.extend((14..len).map(|at| (at * 7) as u8));
    frame
}

#[test]
fn frames_cross_between_datagram_sockets() {
    frames_cross(&[]);
}

#[test]
fn frames_cross_between_several_workers() {
    frames_cross(&["--workers", "3"]);
}

fn frames_cross(more: &[&str]) {
    let folder = Folder::new();
    let (one, two) = (host(&folder, "h1"), host(&folder, "h2"));
    let management = format!("punix:{}", folder.arg("mgmt"));
    let (first, second) = (dgram(&folder, 1, "s1", "h1"), dgram(&folder, 7, "s7", "h2"));
    let args = [
        "run",
        "--port",
        &first,
        "--port",
        &second,
        "--listen",
        &management,
        "--datapath-id",
        "00000000000000a1",
        "--fail-mode",
        "standalone",
    ];
    let mut switch = Running::start(args.iter().chain(more).copied());
    let lines = switch.wait_for("running");
    assert_eq!(lines[0], "s1: datapath 00000000000000a1, ports 1:s1 7:s7");
    assert_eq!(lines[1], format!("s1: listening on {management}"));
    assert_eq!(folder.names(), ["h1", "h2", "mgmt", "s1", "s7"]);

    for len in [60, 61, 1514, 9014, 65_549] {
        one.send_to(&frame(len, false), folder.path("s1")).unwrap();
        assert!(receive(&two) == frame(len, false), "{len} bytes there");
        two.send_to(&frame(len, true), folder.path("s7")).unwrap();
        assert!(receive(&one) == frame(len, true), "{len} bytes back");
    }
    assert_eq!(switch.terminate(), Some(0));
    assert_eq!(folder.names(), ["h1", "h2"], "the switch's sockets are gone");
}

#[test]
fn without_controller_secure_mode_forwards_nothing() {
    let folder = Folder::new();
    let (one, two) = (host(&folder, "h1"), host(&folder, "h2"));
    let (first, second) = (dgram(&folder, 1, "s1", "h1"), dgram(&folder, 2, "s2", "h2"));
    let mut switch = Running::start(["run", "--port", &first, "--port", &second]);
    switch.wait_for("running");
    one.send_to(&frame(60, false), folder.path("s1")).unwrap();
    two.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(two.recv(&mut [0; 64]).is_err());
    assert_eq!(switch.terminate(), Some(0));
}

#[test]
fn two_switches_from_one_file_joined_by_a_cable() {
    let folder = Folder::new();
    let (one, two) = (host(&folder, "h1"), host(&folder, "h2"));
    let file = folder.write(
        "switches.toml",
        &format!(
            "[[switch]]\nname = \"left\"\nports = [\"{}\", \"pair:cable\"]\n\
             datapath-id = \"1\"\nfail-mode = \"standalone\"\n\
             [[switch]]\nname = \"right\"\nports = [\"5:pair:cable\", \"{}\"]\n\
             workers = 2\ndatapath-id = \"0x2\"\nfail-mode = \"standalone\"\nlisten = [\"punix:{}\"]\n",
            dgram(&folder, 3, "s1", "h1"),
            dgram(&folder, 4, "s2", "h2"),
            folder.arg("right.mgmt"),
        ),
    );
    let mut switch = Running::start(["run", "--config", &file]);
    let lines = switch.wait_for("running");
    assert_eq!(lines[0], "left: datapath 0000000000000001, ports 1:cable 3:s1");
    assert!(lines.contains(&"right: datapath 0000000000000002, ports 4:s2 5:cable".to_owned()));
    assert!(folder.path("right.mgmt").exists());
    one.send_to(&frame(100, false), folder.path("s1")).unwrap();
    assert_eq!(receive(&two), frame(100, false));
    two.send_to(&frame(60, true), folder.path("s2")).unwrap();
    assert_eq!(receive(&one), frame(60, true));
    assert_eq!(switch.terminate(), Some(0));
    assert_eq!(folder.names(), ["h1", "h2", "switches.toml"]);
}

#[test]
fn captures_in_and_out() {
    let folder = Folder::new();
    let frame = |port| (Duration::from_millis(port), frames::udp([10, 0, 0, 2], port as u16));
    let frames: Vec<_> = (0..50).map(frame).collect();
    frames::write(&folder.path("in.pcap"), &frames);
    let input = format!("1:pcap:{}", folder.arg("in.pcap"));
    let output = format!("2:pcap:,{}", folder.arg("out.pcap"));
    let mut switch = Running::start([
        "run",
        "--port",
        &input,
        "--port",
        &output,
        "--fail-mode",
        "standalone",
        "--quiet",
    ]);
    // Written out while it runs, and whole when it ends.
    let limit = std::time::Instant::now() + PATIENCE;
    while fs::metadata(folder.path("out.pcap")).map_or(0, |file| file.len()) < 24 + 50 * 76 {
        assert!(std::time::Instant::now() < limit, "no output");
        assert_eq!(switch.child.try_wait().unwrap(), None, "it goes on when the capture ends");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(switch.terminate(), Some(0));
    let sent = frames::read(&folder.path("out.pcap"));
    assert!(sent.iter().map(|(_, frame)| frame).eq(frames.iter().map(|(_, frame)| frame)));
}

/// How long 11 frames of 1000 bytes take that come to a switch at once: 10 ms each at 800 kbit/s.
fn eleven_frames(folder: &Folder, one: &UnixDatagram, two: &UnixDatagram) -> Duration {
    let start = std::time::Instant::now();
    for _ in 0..11 {
        one.send_to(&frame(1000, false), folder.path("s1")).unwrap();
    }
    for _ in 0..11 {
        assert_eq!(receive(two), frame(1000, false));
    }
    start.elapsed()
}

#[test]
fn rates_and_queues_of_the_command_line_and_of_a_file_shape_what_is_sent() {
    let folder = Folder::new();
    let (one, two) = (host(&folder, "h1"), host(&folder, "h2"));
    let (first, second) = (dgram(&folder, 1, "s1", "h1"), dgram(&folder, 2, "s2", "h2"));
    // Frames that no action marked go by queue 0.
    let text = format!(
        "[[switch]]\nports = [\"{first}\", \"{second}\"]\nfail-mode = \"standalone\"\n\
         rates = [\"2=8M\"]\nqueues = [\"2:0:max=10%\", \"2:9:min=50%\"]\n"
    );
    let file = folder.write("queues.toml", &text);
    let rate = ["run", "--port", &first, "--port", &second, "--fail-mode", "standalone", "--rate"];
    let shaped = [&rate[..], &["2=8M", "--queue", "2:0:max=10%"]].concat();
    let limited = [&rate[..], &["2=800k"]].concat();
    for args in [&["run", "--config", &file][..], &shaped, &limited] {
        let mut switch = Running::start(args);
        switch.wait_for("running");
        let took = eleven_frames(&folder, &one, &two);
        // A late loop makes up for 20 ms.
        assert!(took >= Duration::from_millis(75), "{args:?}: {took:?}");
        assert_eq!(switch.terminate(), Some(0));
    }
}

/// One message of a stream of them.
fn message(stream: &mut UnixStream) -> Message {
    let mut bytes = vec![0; 8];
    stream.read_exact(&mut bytes).unwrap();
    bytes.resize(usize::from(u16::from_be_bytes([bytes[2], bytes[3]])), 0);
    stream.read_exact(&mut bytes[8..]).unwrap();
    Message::decode(&bytes).unwrap().1
}

fn say(stream: &mut UnixStream, message: &Message) {
    let mut bytes = Vec::new();
    message.encode(7, &mut bytes).unwrap();
    stream.write_all(&bytes).unwrap();
}

#[test]
fn a_controller_with_an_auxiliary_connection_fills_a_small_table() {
    let folder = Folder::new();
    let _host = host(&folder, "h1");
    folder.write("small.toml", "[[table]]\nids = \"0\"\nmax-entries = 2\n");
    let controller = UnixListener::bind(folder.path("controller")).unwrap();
    let file = folder.write(
        "switch.toml",
        &format!(
            "[[switch]]\nports = [\"{}\"]\npersonality = \"small.toml\"\n\
             controllers = [\"unix:{},aux=1\"]\neviction = \"timed\"\nvacancy = \"0,50\"\n",
            dgram(&folder, 1, "s1", "h1"),
            folder.arg("controller"),
        ),
    );
    let mut switch = Running::start(["run", "--config", &file]);
    let greet = |id| {
        let (mut peer, _) = controller.accept().unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        assert!(matches!(message(&mut peer), Message::Hello(_)));
        say(&mut peer, &Message::Hello(Hello::version_1_3()));
        say(&mut peer, &Message::FeaturesRequest);
        let Message::FeaturesReply(features) = message(&mut peer) else { panic!() };
        assert_eq!(features.auxiliary_id, id);
        peer
    };
    let (mut main, mut auxiliary) = (greet(0), greet(1));
    for (cookie, idle_timeout) in [(1, 60), (2, 30), (3, 60)] {
        let flags = FlowModFlags::SEND_FLOW_REM;
        let matching = Match::new([Oxm::new(OxmField::InPort, cookie.into())]).unwrap();
        let flow = FlowMod { cookie, idle_timeout, flags, matching, ..FlowMod::default() };
        say(&mut auxiliary, &Message::FlowMod(flow));
    }
    say(&mut auxiliary, &Message::BarrierRequest);
    assert_eq!(message(&mut auxiliary), Message::BarrierReply, "none was refused");
    let Message::FlowRemoved(removed) = message(&mut main) else { panic!() };
    assert_eq!(removed.cookie, 2, "the one that expires first made room");
    let lines = switch.wait_for("are free");
    assert_eq!(lines.last().unwrap(), "s1: table 0: filling, 0 % are free");
    drop(main);
    assert_eq!(auxiliary.read(&mut [0]).unwrap(), 0, "it ends with the main one");
    assert_eq!(switch.terminate(), Some(0));
}
