//! One switch, several threads: frames, controllers, queues and stops, with and without the kernel.

mod namespace;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use datapath::{Switch, SwitchConfig};
use hypercall::{Frame, Hypercall, Meta, Port, VecFrame};
use namespace::{PATIENCE, inside, role, run, until_done, veth_host};
use ofp_codec::{
    Action, Config, ConfigFlags, FlowMod, FlowModCommand, Header, Hello, Instruction, Match,
    Message, NO_BUFFER, Oxm, OxmField, PacketOut, PortNo,
};
use rumpswitch_unix::{EventLoop, Opener, PacketPort, Pool, PortIo, PortSpec, UnixHost, clock};
use switch_dev::{Device, DeviceConfig, FailMode};

#[test]
fn play() {
    namespace::play();
}

fn switch(opener: &mut Opener, mode: FailMode, specs: &[&str]) -> (Device, UnixHost) {
    let specs: Vec<PortSpec> = specs.iter().map(|spec| spec.parse().unwrap()).collect();
    let host = UnixHost::new(opener.open(&specs).unwrap());
    let mut switch = Switch::new(SwitchConfig { datapath_id: 1, ..SwitchConfig::default() });
    host.attach(clock::now(), &mut switch.tables).unwrap();
    let mut device = Device::new(DeviceConfig::default(), switch);
    device.set_fail_mode(mode);
    (device, host)
}

/// A switch whose ports are cables to hosts in our hands.
struct Bed {
    event_loop: EventLoop,
    hosts: UnixHost,
    stream: Option<TcpStream>,
}

impl Bed {
    fn new(mode: FailMode, ports: usize, workers: usize) -> Bed {
        let specs: Vec<String> = (1..=ports).map(|n| format!("{n}:pair:c{n}")).collect();
        let specs: Vec<&str> = specs.iter().map(String::as_str).collect();
        let mut opener = Opener::default();
        let (device, host) = switch(&mut opener, mode, &specs);
        let (_, hosts) = switch(&mut opener, mode, &specs);
        let mut event_loop = EventLoop::without_signals().unwrap();
        let targets = ["ptcp:0".parse().unwrap()];
        let targets = event_loop.add_with_workers("crew", device, host, &targets, workers).unwrap();
        let address = targets[0].to_string();
        let port = address.trim_start_matches("ptcp:").split(':').next().unwrap();
        let stream = (mode == FailMode::Secure)
            .then(|| TcpStream::connect(("127.0.0.1", port.parse().unwrap())).unwrap());
        Bed { event_loop, hosts, stream }
    }

    fn send(&mut self, port: u32, frame: &[u8]) {
        self.hosts.transmit(Port(port), &Meta::default(), VecFrame::from_bytes(frame));
        self.hosts.flush();
    }

    /// The next frame that comes out of a port.
    fn receive(&mut self, port: u32) -> Vec<u8> {
        let mut received = Vec::new();
        let start = Instant::now();
        while received.is_empty() {
            assert!(start.elapsed() < PATIENCE, "nothing from port {port}");
            received = self.burst(port);
        }
        assert_eq!(received.len(), 1, "from port {port}");
        received.remove(0)
    }

    fn burst(&mut self, port: u32) -> Vec<Vec<u8>> {
        let mut received = Vec::new();
        self.event_loop.turn(Some(200_000)).unwrap();
        self.hosts.receive(Port(port), &mut received).unwrap();
        received.iter().map(|received| received.frame.headers().to_vec()).collect()
    }

    fn write(&mut self, messages: &[Message]) {
        let mut bytes = Vec::new();
        messages.iter().for_each(|message| message.encode(9, &mut bytes).unwrap());
        self.stream.as_mut().unwrap().write_all(&bytes).unwrap();
    }

    /// Messages until `is_last` is true of one.
    fn read_until(&mut self, is_last: impl Fn(&Message) -> bool) -> Vec<Message> {
        let (mut bytes, mut messages) = (Vec::new(), Vec::new());
        let start = Instant::now();
        loop {
            assert!(start.elapsed() < PATIENCE, "{messages:?}");
            self.event_loop.turn(Some(1_000_000)).unwrap();
            let stream = self.stream.as_mut().unwrap();
            stream.set_nonblocking(true).unwrap();
            let mut buffer = [0; 1 << 16];
            match stream.read(&mut buffer) {
                Ok(len) => bytes.extend_from_slice(&buffer[..len]),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            stream.set_nonblocking(false).unwrap();
            while let Some(header) = Header::peek(&bytes) {
                let len = usize::from(header.length);
                if bytes.len() < len {
                    break;
                }
                let message = Message::decode(&bytes[..len]).unwrap().1;
                bytes.drain(..len);
                let done = is_last(&message);
                messages.push(message);
                if done {
                    assert!(bytes.is_empty());
                    return messages;
                }
            }
        }
    }

    fn barrier(&mut self) -> Vec<Message> {
        self.write(&[Message::BarrierRequest]);
        let mut messages = self.read_until(|message| *message == Message::BarrierReply);
        messages.pop();
        messages
    }
}

/// A frame from one station to another.
fn frame(from: u8, to: u8, n: u8) -> [u8; 60] {
    let mut frame = [n; 60];
    frame[..14].copy_from_slice(&[2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 0x88, 0xb5]);
    frame
}

/// What one worker has learned the others know, and ports of all of them reach each other.
#[test]
fn stations_at_ports_of_different_workers_talk() {
    let mut bed = Bed::new(FailMode::Standalone, 5, 3);
    for from in 1..=5 {
        bed.send(from, &frame(from as u8, 99, 0));
        for to in (1..=5).filter(|to| *to != from) {
            assert_eq!(bed.receive(to), frame(from as u8, 99, 0), "flooded {from} to {to}");
        }
    }
    for n in 0..20 {
        for from in 1..=5 {
            let to = from % 5 + 1;
            bed.send(from, &frame(from as u8, to as u8, n));
            assert_eq!(bed.receive(to), frame(from as u8, to as u8, n), "{from} to {to}");
        }
    }
    let mut seen = 0;
    bed.event_loop.devices(|name, device| {
        assert_eq!(name, "crew");
        let tables = &device.switch().tables;
        assert_eq!(tables.worker_count(), 4);
        for port in tables.port_stats(PortNo::ANY, clock::now()).unwrap() {
            assert_eq!((port.rx_packets, port.tx_packets), (21, 24), "{port:?}");
            seen += 1;
        }
        assert_eq!(device.switch().tables.stations(clock::now()).count(), 5);
    });
    assert_eq!(seen, 5);
}

/// A controller configures, hears of packets from every worker, and sends by every port.
#[test]
fn a_controller_has_all_workers() {
    let mut bed = Bed::new(FailMode::Secure, 4, 2);
    let to_controller = FlowMod {
        instructions: vec![Instruction::ApplyActions(vec![Action::output(PortNo::CONTROLLER)])],
        ..FlowMod::default()
    };
    // Who comes to us hears of packets when it has said how much of them.
    let config = Config { flags: ConfigFlags::empty(), miss_send_len: 0xffff };
    let hello = Message::Hello(Hello::default());
    bed.write(&[hello, Message::SetConfig(config), Message::FlowMod(to_controller)]);
    assert_eq!(bed.barrier().len(), 1, "hello");
    for port in 1..=4 {
        bed.send(port, &frame(port as u8, 0, 7));
        let is_packet_in = |message: &Message| matches!(message, Message::PacketIn(_));
        let mut messages = bed.read_until(is_packet_in);
        let Some(Message::PacketIn(packet_in)) = messages.pop() else { unreachable!() };
        assert_eq!(packet_in.data, frame(port as u8, 0, 7));
        assert_eq!(packet_in.matching.fields(), [Oxm::new(OxmField::InPort, u128::from(port))]);
        let out = PacketOut {
            buffer_id: NO_BUFFER,
            in_port: PortNo::CONTROLLER,
            actions: vec![Action::output(PortNo(port))],
            data: frame(0, port as u8, 8).to_vec(),
        };
        bed.write(&[Message::PacketOut(out)]);
        assert_eq!(bed.receive(port), frame(0, port as u8, 8));
    }
}

/// Entries come and go by the thousand while workers forward: no frame is lost or sent twice, and
/// entries and ports count each once.
#[test]
fn frames_pass_while_entries_change() {
    let mut bed = Bed::new(FailMode::Secure, 4, 2);
    bed.write(&[Message::Hello(Hello::default())]);
    for port in 1..=4 {
        let out = PortNo(port % 4 + 1);
        bed.write(&[Message::FlowMod(FlowMod {
            priority: 9,
            matching: Match::new([Oxm::new(OxmField::InPort, u128::from(port))]).unwrap(),
            instructions: vec![Instruction::ApplyActions(vec![Action::output(out)])],
            ..FlowMod::default()
        })]);
    }
    bed.barrier();
    let other = |n: u64, command| {
        Message::FlowMod(FlowMod {
            command,
            priority: 5,
            matching: Match::new([Oxm::new(OxmField::EthDst, u128::from(n))]).unwrap(),
            ..FlowMod::default()
        })
    };
    let (mut sent, mut received) = (0, [0; 5]);
    for round in 0..40_u64 {
        let adds = (0..50).map(|n| other(round * 50 + n, FlowModCommand::Add));
        let deletes = (0..25).map(|n| other(round * 50 + n, FlowModCommand::DeleteStrict));
        bed.write(&adds.chain(deletes).collect::<Vec<_>>());
        for n in 0..25 {
            (1..=4).for_each(|port| bed.send(port, &frame(port as u8, 1, n)));
            sent += 1;
        }
        (1..=4).for_each(|port| received[port as usize] += bed.burst(port).len());
    }
    bed.barrier();
    let start = Instant::now();
    while received[1..].iter().any(|count| *count < sent) && start.elapsed() < PATIENCE {
        (1..=4).for_each(|port| received[port as usize] += bed.burst(port).len());
    }
    assert_eq!(received[1..], [sent; 4]);
    bed.event_loop.devices(|_, device| {
        let table = device.switch().tables.table_stats().next().unwrap();
        assert_eq!(table.active_count, 4 + 40 * 25);
        assert_eq!((table.lookup_count, table.matched_count), (4 * sent as u64, 4 * sent as u64));
        for port in device.switch().tables.port_stats(PortNo::ANY, clock::now()).unwrap() {
            assert_eq!((port.rx_packets, port.tx_packets), (sent as u64, sent as u64), "{port:?}");
        }
    });
}

/// A port that shapes has one owner, whoever sends by it.
#[test]
fn a_port_that_shapes_keeps_its_rate_for_all_workers() {
    let mut opener = Opener::default();
    let specs = ["1:pair:a", "2:pair:b", "3:pair:c"];
    let (device, mut host) = switch(&mut opener, FailMode::Standalone, &specs);
    // Frames of 60 bytes, 480 kbit/s: one a millisecond.
    host.shape(&["3=480k".parse().unwrap()], &[]).unwrap();
    let (_, hosts) = switch(&mut opener, FailMode::Standalone, &specs);
    let mut event_loop = EventLoop::without_signals().unwrap();
    event_loop.add_with_workers("crew", device, host, &[], 2).unwrap();
    let mut bed = Bed { event_loop, hosts, stream: None };
    let start = Instant::now();
    for n in 0..200 {
        bed.send(1 + n % 2, &frame(1 + n as u8 % 2, 9, n as u8));
    }
    let mut count = 0;
    while count < 400 && start.elapsed() < PATIENCE {
        count += bed.burst(3).len() + bed.burst(1).len() + bed.burst(2).len();
    }
    assert_eq!(count, 400, "two ports each for 200 frames");
    let took = start.elapsed().as_millis();
    assert!((120..10_000).contains(&took), "{took} ms for 200 frames, less the burst");
}

#[test]
fn threads_end_with_the_loop() {
    let count = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let names = tasks
            .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
        names.filter(|name| name.starts_with("ends-")).count()
    };
    let mut opener = Opener::default();
    let (device, host) = switch(&mut opener, FailMode::Secure, &["pair:x", "pair:x"]);
    let mut event_loop = EventLoop::without_signals().unwrap();
    event_loop.add_with_workers("ends", device, host, &[], 3).unwrap();
    // A thread names itself when it begins, and is in the list a moment longer than it lives.
    let start = Instant::now();
    while count() != 3 {
        assert!(start.elapsed() < PATIENCE, "{} threads", count());
        event_loop.turn(Some(1_000_000)).unwrap();
    }
    event_loop.finish().unwrap();
    while count() != 0 {
        assert!(start.elapsed() < PATIENCE, "{} threads", count());
    }
}

/// The kernel deals what comes in by a packet port among the workers: every frame goes through once.
#[test]
fn a_packet_port_has_several_readers() {
    inside("a_packet_port_has_several_readers", || {
        for i in 1..=2 {
            run(&format!("ip link add v{i} type veth peer name w{i}"));
            for end in ["v", "w"] {
                run(&format!("ip link set {end}{i} addrgenmode none"));
                run(&format!("ip link set {end}{i} up"));
            }
        }
        let mut opener = Opener::default();
        let specs = ["1:packet:v1", "2:packet:v2"];
        let (device, host) = switch(&mut opener, FailMode::Standalone, &specs);
        let mut event_loop = EventLoop::without_signals().unwrap();
        event_loop.add_with_workers("crew", device, host, &[], 2).unwrap();
        let start = Instant::now();
        let mut are_up = false;
        while !are_up {
            assert!(start.elapsed() < PATIENCE, "the links stay down");
            event_loop.turn(Some(1_000_000)).unwrap();
            event_loop.devices(|_, device| {
                let ports = device.switch().tables.port_descs();
                are_up = ports.iter().all(|port| port.state.contains(ofp_codec::PortState::LIVE));
            });
        }
        let mut ends = ["w1", "w2"].map(|name| PacketPort::open(name).unwrap());
        let mut pool = Pool::default();
        let udp = |flow: u16| {
            let mut frame = [0; 60];
            frame[..14].copy_from_slice(&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]);
            frame[14..24].copy_from_slice(&[0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17]);
            frame[26..34].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
            frame[34..36].copy_from_slice(&flow.to_be_bytes());
            frame[36..40].copy_from_slice(&[0, 53, 0, 26]);
            frame
        };
        let mut seen = vec![0; 2000];
        let start = Instant::now();
        for flow in 0..2000_u16 {
            let frame = VecFrame::from_bytes(&udp(flow));
            let mut frames = vec![rumpswitch_unix::Outgoing { frame, meta: Meta::default() }];
            assert_eq!(ends[0].transmit(&mut pool, &mut frames).unwrap(), 0);
            if flow % 32 != 31 && flow != 1999 {
                continue;
            }
            let sent = usize::from(flow) + 1;
            while seen.iter().sum::<u32>() < sent as u32 && start.elapsed() < PATIENCE {
                event_loop.turn(Some(100_000)).unwrap();
                let mut received = Vec::new();
                ends[1].receive(&mut pool, &mut received).unwrap();
                for received in received {
                    let bytes = received.frame.headers();
                    if let [8, 0, 0x45, ..] = bytes[12..] {
                        seen[usize::from(u16::from_be_bytes([bytes[34], bytes[35]]))] += 1;
                    }
                }
            }
        }
        let wrong: Vec<_> = seen.iter().enumerate().filter(|(_, count)| **count != 1).collect();
        assert!(wrong.is_empty(), "{} flows, first {:?}", wrong.len(), wrong[0]);
        event_loop.devices(|_, device| {
            let stats = device.switch().tables.port_stats(PortNo(1), clock::now()).unwrap();
            assert_eq!((stats[0].rx_packets, stats[0].rx_errors), (2000, 0));
        });
    });
}

#[test]
fn hosts_talk_through_several_workers() {
    inside("hosts_talk_through_several_workers", || {
        veth_host(1);
        veth_host(2);
        veth_host(3);
        let mut opener = Opener::default();
        let specs = ["packet:v1", "packet:v2", "packet:v3"];
        let (device, host) = switch(&mut opener, FailMode::Standalone, &specs);
        let mut event_loop = EventLoop::without_signals().unwrap();
        event_loop.add_with_workers("br", device, host, &[], 2).unwrap();
        let mut turn = || {
            event_loop.turn(Some(1_000_000)).unwrap();
        };
        until_done(vec![role(2, "echo [::]:7 5"), role(1, "ask [fd00::2]:7 5")], &mut turn);
        let count = 32 << 20;
        let serve = format!("serve 0.0.0.0:5001 {count}");
        let send = format!("send 10.0.0.2:5001 {count}");
        until_done(vec![role(2, &serve), role(1, &send)], &mut turn);
        event_loop.devices(|_, device| {
            let tables = &device.switch().tables;
            let stats = |port| tables.port_stats(PortNo(port), clock::now()).unwrap()[0];
            assert!(stats(2).tx_bytes > count, "{:?}", stats(2));
            assert!(stats(3).tx_bytes < count / 100, "{:?}", stats(3));
        });
        // A link that goes down is told by the workers, and comes back.
        for (word, is_down) in [("down", true), ("up", false)] {
            run(&format!("ip link set v3 {word}"));
            let start = Instant::now();
            let mut state = None;
            while state != Some(is_down) {
                assert!(start.elapsed() < PATIENCE, "{word}");
                event_loop.turn(Some(10_000_000)).unwrap();
                event_loop.devices(|_, device| {
                    let desc = device.switch().tables.port_desc(Port(3)).unwrap();
                    state = Some(desc.state.contains(ofp_codec::PortState::LINK_DOWN));
                });
            }
        }
    });
}
