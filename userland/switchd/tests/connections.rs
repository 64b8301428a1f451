//! Connections over real sockets on loopback, driven by hand with a clock of the test's own.

mod rig;

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};

use hypercall::Nanos;
use ofp_codec::{Message, MultipartRequest, MultipartRequestBody};
use rig::{Rig, dial, encode, hello};
use rumpswitch_switchd::{Limits, Target};
use switch_dev::FailMode;

#[test]
fn serves_several_peers_at_once() {
    let mut rig = Rig::new();
    let target = rig.add("ptcp:0");
    let mut peers = [dial(&target), dial(&target), dial(&target)];
    for peer in &mut peers {
        assert!(matches!(rig.receive(peer), Message::Hello(_)));
        peer.write_all(&hello()).unwrap();
        peer.write_all(&encode(&Message::FeaturesRequest)).unwrap();
    }
    for peer in &mut peers {
        assert!(matches!(rig.receive(peer), Message::FeaturesReply(_)));
    }
    assert_eq!(rig.connections.session_count(), 3);
    drop(peers);
    rig.turn_until(|rig| rig.connections.session_count() == 0);
    assert_eq!(rig.device.channels().count(), 0, "channels go with their sockets");
}

#[test]
fn listens_on_ipv6_and_on_unix_sockets() {
    let folder = std::env::temp_dir().join(format!("switchd-test-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("s1.mgmt");
    let mut rig = Rig::new();
    let unix = rig.add(&format!("punix:{}", path.display()));
    assert!(unix.is_passive());
    assert_eq!(
        rig.connections.add(&unix).unwrap_err().kind(),
        std::io::ErrorKind::AddrInUse,
        "somebody listens there"
    );
    let mut peer = UnixStream::connect(&path).unwrap();
    assert!(matches!(rig.receive(&mut peer), Message::Hello(_)));
    if let Ok(v6) = rig.connections.add(&"ptcp:0:[::1]".parse().unwrap()) {
        let mut peer = dial(&v6);
        assert!(matches!(rig.receive(&mut peer), Message::Hello(_)));
    }
    drop(rig);
    assert!(!path.exists(), "the node goes with the listener");
    // A node that nobody listens on any more is taken over; a file is not.
    drop(UnixListener::bind(&path).unwrap());
    let mut rig = Rig::new();
    rig.add(&format!("punix:{}", path.display()));
    let file = folder.join("file");
    std::fs::write(&file, "kept").unwrap();
    assert!(rig.connections.add(&Target::PassiveUnix(file.clone())).is_err());
    assert_eq!(std::fs::read(&file).unwrap(), b"kept");
    drop(rig);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn comes_back_after_the_controller_does() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut rig = Rig::new();
    rig.device.set_fail_mode(FailMode::Standalone);
    rig.add(&format!("tcp:{address}"));
    let accept = |rig: &mut Rig| {
        listener.set_nonblocking(true).unwrap();
        let mut accepted = None;
        rig.turn_until(|_| {
            accepted = listener.accept().ok();
            accepted.is_some()
        });
        accepted.unwrap().0
    };
    let mut controller = accept(&mut rig);
    assert!(matches!(rig.receive(&mut controller), Message::Hello(_)));
    controller.write_all(&hello()).unwrap();
    rig.turn_until(|rig| rig.connections.session_count() == 1);

    drop(controller);
    rig.turn_until(|rig| rig.connections.session_count() == 0);
    assert_eq!(rig.down_count(), 1);
    let deadline = rig.connections.next_deadline().unwrap();
    assert!(deadline > rig.now && deadline <= rig.now.plus(100_000_000), "back-off from 0.1 s");
    rig.now = deadline;
    let mut controller = accept(&mut rig);
    assert!(matches!(rig.receive(&mut controller), Message::Hello(_)));
}

#[test]
fn backs_off_while_nobody_listens() {
    // A port that was just free: nobody listens there now.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut rig = Rig::new();
    rig.add(&format!("tcp:{address}"));
    let mut last = 0;
    for tries in 1..=9 {
        rig.turn_until(|rig| rig.down_count() > 0);
        let deadline = rig.connections.next_deadline().unwrap();
        let wait = deadline.since(rig.now);
        assert!(wait <= 8 * Nanos::PER_SECOND, "try {tries}: {wait}");
        assert!(wait > last || wait >= 6 * Nanos::PER_SECOND, "try {tries}: {wait} after {last}");
        last = wait;
        rig.now = deadline;
    }
}

#[test]
fn probes_a_silent_peer_and_gives_it_up() {
    let mut rig = Rig::new();
    let second = Nanos::PER_SECOND;
    rig.connections.set_limits(Limits { probe: 2 * second, handshake: 5 * second });
    let target = rig.add("ptcp:0");
    let mut peer = dial(&target);
    assert!(matches!(rig.receive(&mut peer), Message::Hello(_)));
    peer.write_all(&hello()).unwrap();
    rig.turn_until(|rig| rig.connections.session_count() == 1);

    rig.now = rig.now.plus(2 * second);
    let Message::EchoRequest(data) = rig.receive(&mut peer) else { panic!("a probe is due") };
    peer.write_all(&encode(&Message::EchoReply(data))).unwrap();
    (0..5).for_each(|_| rig.turn());
    rig.now = rig.now.plus(second);
    (0..5).for_each(|_| rig.turn());
    assert_eq!(rig.connections.session_count(), 1, "it answered");

    rig.now = rig.now.plus(second);
    assert!(matches!(rig.receive(&mut peer), Message::EchoRequest(_)));
    rig.now = rig.now.plus(2 * second);
    rig.turn_until(|rig| rig.connections.session_count() == 0);
}

#[test]
fn ends_a_session_without_hello_in_time() {
    let mut rig = Rig::new();
    let target = rig.add("ptcp:0");
    let mut peer = dial(&target);
    assert!(matches!(rig.receive(&mut peer), Message::Hello(_)));
    rig.now = rig.now.plus(5 * Nanos::PER_SECOND);
    rig.turn_until(|rig| rig.device.channels().count() == 0);
    assert_eq!(rig.down_count(), 1);
}

#[test]
fn a_slow_reader_loses_nothing_and_holds_nobody_up() {
    let mut rig = Rig::new();
    let target = rig.add("ptcp:0");
    let mut slow = dial(&target);
    assert!(matches!(rig.receive(&mut slow), Message::Hello(_)));
    slow.write_all(&hello()).unwrap();
    let request = encode(&Message::MultipartRequest(MultipartRequest {
        flags: Default::default(),
        body: MultipartRequestBody::Desc,
    }));
    slow.set_nonblocking(true).unwrap();
    let mut asked = 0;
    let mut stuck = 0;
    while asked < 20_000 && stuck < 20 {
        match slow.write(&request) {
            Ok(len) if len == request.len() => asked += 1,
            Ok(len) => {
                // The rest of a request that the socket took half of.
                while slow.write(&request[len..]).is_err() {
                    rig.turn();
                }
                asked += 1;
            }
            Err(_) => {
                stuck += 1;
                rig.turn();
            }
        }
    }
    let mut other = dial(&target);
    assert!(matches!(rig.receive(&mut other), Message::Hello(_)));
    other.write_all(&hello()).unwrap();
    other.write_all(&encode(&Message::EchoRequest(vec![1]))).unwrap();
    assert_eq!(rig.receive(&mut other), Message::EchoReply(vec![1]));
    for answered in 0..asked {
        let reply = rig.receive(&mut slow);
        assert!(matches!(reply, Message::MultipartReply(_)), "{answered} of {asked}: {reply:?}");
    }
}
