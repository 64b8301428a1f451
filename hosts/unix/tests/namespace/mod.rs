//! Network namespaces for tests: a test runs itself again in one of its own, and its hosts are
//! further ones with the kernel's stack in them. No frame leaves them.

use std::{
    env,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const INSIDE: &str = "RUMPSWITCH_TEST_INSIDE";
const ROLE: &str = "RUMPSWITCH_TEST_ROLE";

/// How long anything here may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `body` in network and mount namespaces of its own, as root of them. Where the system does
/// not let us, says so in one line and passes.
pub(crate) fn inside(test: &str, body: impl FnOnce()) {
    if env::var(INSIDE).is_ok_and(|inside| inside == test) {
        run("mount -t tmpfs tmpfs /run");
        run("ip link set lo up");
        body();
        return;
    }
    let user = ["--user", "--map-root-user", "--net", "--mount"];
    let ways = [&user[2..], &user[..]];
    let way = ways.iter().find(|way| {
        let mut probe = Command::new("unshare");
        probe.args(**way).args(["sh", "-c", "ip link add va type veth peer name vb"]);
        probe.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    });
    let Some(way) = way else {
        println!("{test}: skipped: no network namespace with veth to be had (unshare, ip)");
        return;
    };
    let status = Command::new("unshare")
        .args(*way)
        .arg(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, test)
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed inside its namespace");
}

/// Runs a command line that must succeed.
pub(crate) fn run(line: &str) {
    let mut words = line.split_whitespace();
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A host `h<i>` on the far end of `v<i>`, with 10.0.0.i and fd00::i.
pub(crate) fn veth_host(i: u32) {
    run(&format!("ip netns add h{i}"));
    run(&format!("ip link add v{i} type veth peer name eth0 netns h{i}"));
    run(&format!("ip link set v{i} addrgenmode none"));
    run(&format!("ip link set v{i} up"));
    configure(i, "eth0");
}

/// Addresses and up, for the interface of `h<i>`.
pub(crate) fn configure(i: u32, interface: &str) {
    run(&format!("ip -n h{i} addr add 10.0.0.{i}/24 dev {interface}"));
    run(&format!("ip -n h{i} addr add fd00::{i}/64 dev {interface} nodad"));
    run(&format!("ip -n h{i} link set {interface} up"));
}

/// This program again, in `host`, playing a role of [`play`].
pub(crate) fn role(host: u32, words: &str) -> Child {
    Command::new("ip")
        .args(["netns", "exec", &format!("h{host}")])
        .arg(env::current_exe().unwrap())
        .args(["play", "--exact", "--nocapture"])
        .env(ROLE, words)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// The bytes that are sent, from `offset` on: no two megabytes alike.
fn pattern(offset: usize, into: &mut [u8]) {
    for (i, byte) in into.iter_mut().enumerate() {
        let word = ((offset + i) as u64 / 8).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        *byte = (word >> ((offset + i) % 8 * 8)) as u8;
    }
}

/// A socket that sends to `address`, given as `IP:PORT`, and waits a moment for what it is answered.
fn connected(address: &str) -> UdpSocket {
    let address: SocketAddr = address.parse().unwrap();
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    socket.connect(address).unwrap();
    socket
}

/// Datagram `i` of a flood: several of one length, then one that is shorter.
fn flood(i: u32) -> Vec<u8> {
    let mut bytes = vec![0; if i % 7 == 6 { 5 } else { 18 }];
    pattern(i as usize * 1000, &mut bytes);
    bytes
}

fn connect(address: SocketAddr) -> TcpStream {
    let start = Instant::now();
    loop {
        match TcpStream::connect_timeout(&address, Duration::from_secs(2)) {
            Ok(stream) => return stream,
            Err(error) if start.elapsed() > PATIENCE => panic!("{address}: {error}"),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Plays the role that the environment says; nothing without one.
pub(crate) fn play() {
    let Ok(words) = env::var(ROLE) else { return };
    // Nobody is left behind, whatever becomes of the test.
    std::thread::spawn(|| {
        std::thread::sleep(2 * PATIENCE);
        std::process::exit(1);
    });
    let words: Vec<&str> = words.split_whitespace().collect();
    match words[..] {
        // Takes a connection and checks that `count` bytes are the pattern.
        ["serve", address, count] => {
            let count: usize = count.parse().unwrap();
            let (mut stream, _) = TcpListener::bind(address).unwrap().accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let (mut got, mut wanted) = (vec![0; 1 << 16], vec![0; 1 << 16]);
            let mut offset = 0;
            loop {
                let len = stream.read(&mut got).unwrap();
                if len == 0 {
                    break;
                }
                pattern(offset, &mut wanted[..len]);
                assert!(got[..len] == wanted[..len], "other bytes at {offset}");
                offset += len;
            }
            assert_eq!(offset, count);
            stream.write_all(b"all").unwrap();
        }
        // Sends `count` bytes of the pattern and waits for the server's word.
        ["send", address, count] => {
            let count: usize = count.parse().unwrap();
            let mut stream = connect(address.parse().unwrap());
            stream.set_write_timeout(Some(PATIENCE)).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut bytes = vec![0; 1 << 16];
            let mut offset = 0;
            while offset < count {
                let len = bytes.len().min(count - offset);
                pattern(offset, &mut bytes[..len]);
                stream.write_all(&bytes[..len]).unwrap();
                offset += len;
            }
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut word = [0; 3];
            stream.read_exact(&mut word).unwrap();
            assert_eq!(&word, b"all");
        }
        // Answers `count` datagrams.
        ["echo", address, count] => {
            let socket = UdpSocket::bind(address).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut bytes = [0; 2000];
            for _ in 0..count.parse().unwrap() {
                let (len, from) = socket.recv_from(&mut bytes).unwrap();
                socket.send_to(&bytes[..len], from).unwrap();
            }
        }
        // Sends `count` datagrams, each until it is answered.
        ["ask", address, count] => {
            let socket = connected(address);
            let start = Instant::now();
            for i in 0..count.parse().unwrap() {
                let question = [i; 1200];
                let mut answer = [0; 2000];
                loop {
                    assert!(start.elapsed() < PATIENCE, "no answer to {i}");
                    // Refused until the other side is there.
                    let _ = socket.send(&question);
                    match socket.recv(&mut answer) {
                        Ok(len) if answer[..len] == question => break,
                        _ => {}
                    }
                }
            }
        }
        // Takes `count` datagrams of a flood, each once and in order.
        ["collect", address, count] => {
            let socket = UdpSocket::bind(address).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut bytes = [0; 2000];
            let mut next = 0;
            while next < count.parse().unwrap() {
                let (len, from) = socket.recv_from(&mut bytes).unwrap();
                // What the sender asks before it floods, and repeats.
                if bytes[..len] == *b"ready?" {
                    socket.send_to(b"ready", from).unwrap();
                    continue;
                }
                assert_eq!(bytes[..len], flood(next), "datagram {next}");
                next += 1;
            }
        }
        // Sends `count` datagrams one behind the other.
        ["flood", address, count] => {
            let socket = connected(address);
            let start = Instant::now();
            while socket.send(b"ready?").and_then(|_| socket.recv(&mut [0; 8])).is_err() {
                assert!(start.elapsed() < PATIENCE, "nobody collects");
            }
            for i in 0..count.parse().unwrap() {
                socket.send(&flood(i)).unwrap();
            }
        }
        _ => panic!("no role {words:?}"),
    }
}

/// Waits for children while `work` is done; they must succeed.
pub(crate) fn until_done(mut children: Vec<Child>, mut work: impl FnMut()) {
    let start = Instant::now();
    while !children.is_empty() {
        assert!(start.elapsed() < 2 * PATIENCE, "took too long");
        work();
        children.retain_mut(|child| match child.try_wait().unwrap() {
            None => true,
            Some(status) => {
                assert!(status.success());
                false
            }
        });
    }
}
