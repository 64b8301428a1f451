//! Auxiliary connections over real sockets (§6.3.5), seen by a controller that the test plays.

mod rig;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;

use datapath::PortConfig;
use hypercall::Port;
use ofp_codec::{
    FlowMod, FlowModCommand, Message, MultipartFlags, MultipartRequest, MultipartRequestBody, Role,
    RoleMessage, text::NoNames, text::parse_flow,
};
use rig::{Rig, encode, hello};
use rumpswitch_switchd::{Closed, NewsEvent};
use switch_dev::FailMode;

/// The controller's end of one connection, after its hello.
fn accept(rig: &mut Rig, listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let mut peer = None;
    rig.turn_until(|_| {
        peer = listener.accept().ok().map(|(peer, _)| peer);
        peer.is_some()
    });
    let mut peer = peer.unwrap();
    assert!(matches!(rig.receive(&mut peer), Message::Hello(_)));
    peer
}

/// Says hello, and asks who is there: the auxiliary id.
fn greet(rig: &mut Rig, peer: &mut (impl Read + Write + std::os::fd::AsFd)) -> u8 {
    peer.write_all(&hello()).unwrap();
    peer.write_all(&encode(&Message::FeaturesRequest)).unwrap();
    let Message::FeaturesReply(features) = rig.receive(peer) else { panic!() };
    features.auxiliary_id
}

/// Whether the switch has closed it.
fn is_closed(peer: &mut TcpStream) -> bool {
    peer.set_nonblocking(true).unwrap();
    matches!(peer.read(&mut [0; 64]), Ok(0))
}

/// A controller's listening socket, and a switch that is told to have so many auxiliary connections.
fn meet(count: u8) -> (Rig, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut rig = Rig::new();
    rig.add(&format!("tcp:127.0.0.1:{},aux={count}", listener.local_addr().unwrap().port()));
    (rig, listener)
}

#[test]
fn they_come_after_the_main_connection_each_with_its_id() {
    let (mut rig, listener) = meet(2);
    let mut main = accept(&mut rig, &listener);
    for _ in 0..10 {
        rig.turn();
    }
    assert!(listener.accept().is_err(), "none before the hello of the main one");
    assert_eq!(greet(&mut rig, &mut main), 0);
    let mut first = accept(&mut rig, &listener);
    let mut second = accept(&mut rig, &listener);
    let mut ids = [greet(&mut rig, &mut first), greet(&mut rig, &mut second)];
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
    assert_eq!(rig.connections.session_count(), 3);
    let news: Vec<String> =
        std::iter::from_fn(|| rig.connections.next_news()).map(|news| news.to_string()).collect();
    assert!(news[0].ends_with(": connected") && !news[0].contains("auxiliary"), "{news:?}");
    assert!(news.iter().any(|line| line.ends_with("auxiliary connection 2: connected")));
}

#[test]
fn they_end_with_the_main_connection_and_come_back_with_it() {
    let (mut rig, listener) = meet(2);
    rig.device.set_fail_mode(FailMode::Standalone);
    let mut main = accept(&mut rig, &listener);
    greet(&mut rig, &mut main);
    let mut peers = [accept(&mut rig, &listener), accept(&mut rig, &listener)];
    for peer in &mut peers {
        greet(&mut rig, peer);
    }
    assert!(!rig.device.switch().tables.is_standalone());
    drop(main);
    rig.turn_until(|rig| rig.connections.session_count() == 0);
    assert!(rig.device.switch().tables.is_standalone(), "the fail mode looks at the main one");
    rig.turn_until(|_| peers.iter_mut().all(is_closed));
    assert_eq!(rig.device.channels().count(), 0);
    let gone = std::iter::from_fn(|| rig.connections.next_news())
        .filter(|news| matches!(news.event, NewsEvent::Down(Closed::MainGone)))
        .map(|news| news.auxiliary_id);
    assert_eq!(gone.collect::<Vec<_>>(), [1, 2]);
    rig.now = rig.now.plus(60_000_000_000);
    let mut main = accept(&mut rig, &listener);
    assert_eq!(greet(&mut rig, &mut main), 0);
    let mut back = [accept(&mut rig, &listener), accept(&mut rig, &listener)];
    let mut ids: Vec<u8> = back.iter_mut().map(|peer| greet(&mut rig, peer)).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
}

#[test]
fn one_that_breaks_is_tried_again_and_the_main_one_stays() {
    let (mut rig, listener) = meet(1);
    let mut main = accept(&mut rig, &listener);
    greet(&mut rig, &mut main);
    let mut peer = accept(&mut rig, &listener);
    greet(&mut rig, &mut peer);
    drop(peer);
    rig.turn_until(|rig| rig.connections.session_count() == 1);
    main.write_all(&encode(&Message::EchoRequest(vec![7]))).unwrap();
    assert_eq!(rig.receive(&mut main), Message::EchoReply(vec![7]));
    rig.now = rig.now.plus(4_000_000_000);
    let mut peer = accept(&mut rig, &listener);
    assert_eq!(greet(&mut rig, &mut peer), 1);
    // Silence ends one connection, not the others: only the main one answers its echo request.
    rig.now = rig.now.plus(5_000_000_000);
    assert!(matches!(rig.receive(&mut main), Message::EchoRequest(_)));
    assert!(matches!(rig.receive(&mut peer), Message::EchoRequest(_)));
    main.write_all(&encode(&Message::EchoReply(vec![]))).unwrap();
    for _ in 0..5 {
        rig.turn();
    }
    rig.now = rig.now.plus(5_000_000_000);
    rig.turn_until(|rig| rig.connections.session_count() == 1);
    assert!(!is_closed(&mut main));
}

#[test]
fn replies_role_and_packet_ins_go_their_ways() {
    let (mut rig, listener) = meet(1);
    for number in [1, 2] {
        let port = PortConfig::new(Port(number), "port");
        rig.device.switch_mut().tables.port_add(rig.now, port).unwrap();
    }
    // Nobody is there to be told of the ports.
    rig.device.tick(rig.now, &mut rig.host);
    let mut main = accept(&mut rig, &listener);
    greet(&mut rig, &mut main);
    let mut peer = accept(&mut rig, &listener);
    greet(&mut rig, &mut peer);
    let flow = |text: &str| -> FlowMod { parse_flow(text, FlowModCommand::Add, &NoNames).unwrap() };
    let entry = flow("priority=0,actions=CONTROLLER:65535");
    peer.write_all(&encode(&Message::FlowMod(entry))).unwrap();
    peer.write_all(&encode(&Message::BarrierRequest)).unwrap();
    assert_eq!(rig.receive(&mut peer), Message::BarrierReply, "by the connection that asked");
    let request = RoleMessage { role: Role::Master, generation_id: 1 };
    peer.write_all(&encode(&Message::RoleRequest(request))).unwrap();
    assert!(matches!(rig.receive(&mut peer), Message::RoleReply(_)));
    let request = RoleMessage { role: Role::NoChange, generation_id: 0 };
    main.write_all(&encode(&Message::RoleRequest(request))).unwrap();
    let Message::RoleReply(reply) = rig.receive(&mut main) else { panic!() };
    assert_eq!(reply.role, Role::Master, "the role is the controller's");
    let mut batch = datapath::Batch::new();
    batch.push(datapath::Ingress {
        port: Port(1),
        meta: hypercall::Meta::default(),
        frame: hypercall::VecFrame::zeroed(60),
    });
    rig.device.process(rig.now, &mut rig.host, &mut batch);
    assert!(matches!(rig.receive(&mut peer), Message::PacketIn(_)), "by the auxiliary one");
    let body = MultipartRequestBody::PortDesc;
    let request = MultipartRequest { flags: MultipartFlags::empty(), body };
    main.write_all(&encode(&Message::MultipartRequest(request))).unwrap();
    assert!(matches!(rig.receive(&mut main), Message::MultipartReply(_)), "nothing before it");
}

#[test]
fn they_go_over_unix_sockets_as_well() {
    let path = std::env::temp_dir().join(format!("switchd-aux-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    listener.set_nonblocking(true).unwrap();
    let mut rig = Rig::new();
    rig.add(&format!("unix:{},aux=1", path.display()));
    let mut ids = Vec::new();
    let mut peers = Vec::new();
    for _ in 0..2 {
        let mut peer = None;
        rig.turn_until(|_| {
            peer = listener.accept().ok().map(|(peer, _)| peer);
            peer.is_some()
        });
        let mut peer = peer.unwrap();
        assert!(matches!(rig.receive(&mut peer), Message::Hello(_)));
        ids.push(greet(&mut rig, &mut peer));
        peers.push(peer);
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(ids, [0, 1]);
}
