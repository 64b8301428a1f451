//! Hosts behind switches: a learning controller, no controller, links that fail, and the ways of a
//! caller to the switch itself.

mod memory_file;

use std::time::Duration;

use hypercall::{Frame, VecFrame};
use memory_file::MemoryFile;
use ofp_codec::{
    Action, FlowMod, Hello, Instruction, Message, NO_BUFFER, OxmField, PacketOut, PortNo,
    PortReason, PortState,
};
use rumpswitch_virt::{
    ControllerId, LearningSwitch, LinkConfig, Nanos, Network, PingState, Recorder, Scenario,
    SwitchConfig, SwitchId, Topology, TransferState,
};
use switch_dev::{ChannelKind, FailMode};

const LATENCY: Duration = Duration::from_micros(500);

fn learning(topology: &Topology, seed: u64) -> (Network, ControllerId) {
    let mut network = topology.build(seed);
    let controller = network.add_controller(LearningSwitch::default(), LATENCY);
    network.control_all(controller).unwrap();
    (network, controller)
}

fn standalone() -> SwitchConfig {
    SwitchConfig { fail_mode: FailMode::Standalone, ..SwitchConfig::default() }
}

fn works(topology: &Topology) -> (Network, ControllerId) {
    let (mut network, controller) = learning(topology, 1);
    let report = Scenario::default().run(&mut network);
    assert_eq!(report.failures(&network), Vec::<String>::new());
    assert!(report.is_success());
    let hosts = network.hosts().len();
    assert_eq!(report.answered(), 2 * hosts * (hosts - 1));
    assert_eq!(report.transfer.unwrap().state, TransferState::Done);
    assert_eq!(network.channel_errors(), []);
    let script = network.controller::<LearningSwitch>(controller).unwrap();
    assert_eq!((script.counters().errors, script.counters().moved), (0, 0));
    (network, controller)
}

#[test]
fn a_line_of_switches_learns() {
    let (network, controller) = works(&Topology::linear(2, 4));
    let script = network.controller::<LearningSwitch>(controller).unwrap();
    // The transfer's thousand frames ran through entries, not through the controller.
    assert!(script.counters().packet_ins < 200, "{:?}", script.counters());
    let switches: Vec<_> = network.switches().collect();
    let hosts: Vec<_> = network.hosts().collect();
    let far = network.host(hosts[3]).mac();
    assert_eq!(script.port_of(switches[0], far), Some(PortNo(1)), "behind the trunk");
    assert_eq!(script.port_of(switches[1], far), Some(PortNo(3)), "behind its own port");
}

#[test]
fn a_star_and_a_tree_learn() {
    works(&Topology::star(3, 4));
    works(&Topology::tree(5, 3));
}

#[test]
fn one_host_and_no_host_are_networks_too() {
    let (mut network, _) = learning(&Topology::linear(1, 1), 1);
    let report = Scenario::default().run(&mut network);
    assert!(report.is_success() && report.pings.is_empty() && report.transfer.is_none());
    let (mut network, _) = learning(&Topology::linear(3, 0), 1);
    assert!(Scenario::default().run(&mut network).is_success());
}

#[test]
fn without_a_controller_a_secure_switch_forwards_nothing() {
    let mut network = Topology::linear(1, 2).build(1);
    let scenario = Scenario { transfer_len: 0, ..Scenario::default() };
    let report = scenario.run(&mut network);
    assert_eq!((report.answered(), report.pings.len()), (0, 4));
    let failures = report.failures(&network);
    assert_eq!(failures.len(), 4);
    assert_eq!(failures[0], "ping h1 -> h2 (10.0.0.2): no answer");
    assert!(!report.is_success());
}

#[test]
fn without_a_controller_a_standalone_switch_learns_by_itself() {
    let topology = Topology { switch: standalone(), ..Topology::linear(3, 4) };
    let mut network = topology.build(1);
    let report = Scenario::default().run(&mut network);
    assert_eq!(report.failures(&network), Vec::<String>::new());
}

#[test]
fn a_standalone_switch_gives_way_to_a_controller_and_takes_over_again() {
    let mut network = Topology { switch: standalone(), ..Topology::linear(1, 2) }.build(1);
    let [a, b]: [_; 2] = network.hosts().collect::<Vec<_>>().try_into().unwrap();
    let b = network.host(b).ipv4().unwrap();
    let switch = network.switches().next().unwrap();
    // One that installs nothing.
    let controller = network.add_controller(Recorder::default(), LATENCY);
    let answered = |network: &mut Network| {
        let ping = network.ping(a, b);
        network.run_until(network.now().plus(6 * Nanos::PER_SECOND));
        matches!(network.ping_state(ping), PingState::Answered(_))
    };
    assert!(answered(&mut network));
    network.control(controller, switch).unwrap();
    network.run_until(network.now().plus(Nanos::PER_SECOND));
    assert!(network.is_connected(controller, switch));
    assert!(!answered(&mut network), "an empty table drops");
    network.disconnect(controller, switch);
    assert!(!network.is_connected(controller, switch));
    assert!(answered(&mut network));
}

#[test]
fn a_transfer_over_lossy_links_is_right_all_the_same() {
    let lossy = LinkConfig { loss_ppm: 10_000, ..LinkConfig::default() };
    let topology = Topology { trunk: lossy, access: lossy, ..Topology::linear(2, 2) };
    let (mut network, _) = learning(&topology, 5);
    network.run_until(Nanos::from_millis(100));
    let [a, b]: [_; 2] = network.hosts().collect::<Vec<_>>().try_into().unwrap();
    let data = (0..300_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let transfer = network.tcp_transfer(a, b, 5001, data);
    let state = network.run_transfer(transfer, Nanos::from_secs(600));
    assert_eq!(state, TransferState::Done);
    let lost: u64 =
        network.links().flat_map(|link| network.link_stats(link)).map(|stats| stats.lost).sum();
    assert!(lost > 3, "{lost} frames lost");
}

#[test]
fn a_failed_link_is_told_and_healed() {
    let mut network = Network::new(1);
    let built = Topology::linear(2, 2).add_to(&mut network);
    let learner = network.add_controller(LearningSwitch::default(), LATENCY);
    let recorder = network.add_controller(Recorder::default(), LATENCY);
    network.control_all(learner).unwrap();
    network.control_all(recorder).unwrap();
    network.run_until(Nanos::from_millis(100));
    let target = network.host(built.hosts[1]).ipv4().unwrap();
    let answered = |network: &mut Network| {
        let ping = network.ping(built.hosts[0], target);
        network.run_until(network.now().plus(6 * Nanos::PER_SECOND));
        matches!(network.ping_state(ping), PingState::Answered(_))
    };
    assert!(answered(&mut network));
    network.set_link_up(built.trunks[0], false);
    assert!(!network.is_link_up(built.trunks[0]));
    assert!(!answered(&mut network));
    network.set_link_up(built.trunks[0], true);
    assert!(answered(&mut network));

    let records = network.controller_mut::<Recorder>(recorder).unwrap().take();
    let told: Vec<_> = records
        .iter()
        .filter_map(|record| match &record.message {
            Message::PortStatus(status) => {
                assert_eq!(status.reason, PortReason::Modify);
                let down = status.desc.state.contains(PortState::LINK_DOWN);
                Some((record.switch, status.desc.port_no, down))
            }
            _ => None,
        })
        .collect();
    let [first, second] = built.switches[..] else { panic!("two switches") };
    let port = PortNo(1);
    let expected =
        [(first, port, true), (second, port, true), (first, port, false), (second, port, false)];
    assert_eq!(told, expected);
}

/// A switch between two probes.
fn between_probes() -> (Network, SwitchId, [rumpswitch_virt::ProbeId; 2]) {
    let mut network = Network::new(1);
    let switch = network.add_switch(SwitchConfig::numbered(0xab));
    let probes = [network.add_probe(), network.add_probe()];
    network.connect((switch, 7), probes[0], LinkConfig::default());
    network.connect((switch, 9), probes[1], LinkConfig::default());
    (network, switch, probes)
}

#[test]
fn a_recorder_hears_what_a_switch_says() {
    let (mut network, switch, probes) = between_probes();
    let miss = Message::FlowMod(FlowMod {
        priority: 0,
        instructions: vec![Instruction::ApplyActions(vec![Action::controller()])],
        ..FlowMod::default()
    });
    let recorder = network.add_controller(Recorder::greeting([miss]), Duration::from_millis(5));
    network.control(recorder, switch).unwrap();
    assert!(network.controller_send(recorder, switch, &Message::BarrierRequest).is_none());
    network.run_until(Nanos::from_millis(30));
    let xid = network.controller_send(recorder, switch, &Message::BarrierRequest).unwrap();
    let frame = [[0xff; 6], [2; 6]].concat().into_iter().chain([0x88; 50]).collect::<Vec<_>>();
    network.run_until(Nanos::from_millis(50));
    assert!(network.probe_send(probes[1], VecFrame::from_bytes(&frame)));
    network.run_until(Nanos::from_millis(100));

    let script = network.controller::<Recorder>(recorder).unwrap();
    assert_eq!(script.sessions().len(), 1);
    assert_eq!(script.sessions()[0].1.datapath_id, 0xab);
    assert!(matches!(script.answer_to(xid), Some(Message::BarrierReply)));
    let [.., last] = script.records() else { panic!("nothing heard") };
    let Message::PacketIn(packet) = &last.message else { panic!("{last:?}") };
    assert_eq!(packet.data, frame);
    assert_eq!(packet.matching.exact(OxmField::InPort), Some(9));
    // 62 bytes at 1 Gbit/s, 10 us of link, 5 ms of channel.
    assert_eq!(last.at, Nanos(50_000_000 + 496 + 10_000 + 5_000_000));
    assert_eq!(network.channel_errors(), []);
}

#[test]
fn a_caller_may_keep_the_channels_himself() {
    let (mut network, switch, probes) = between_probes();
    let now = network.now();
    let (device, host) = network.switch_parts(switch);
    let channel = device.open(now, ChannelKind::Passive).unwrap();
    let mut bytes = Vec::new();
    Message::Hello(Hello::default()).encode(1, &mut bytes).unwrap();
    Message::PacketOut(PacketOut {
        buffer_id: NO_BUFFER,
        in_port: PortNo::CONTROLLER,
        actions: vec![Action::output(PortNo(7))],
        data: vec![0x42; 60],
    })
    .encode(2, &mut bytes)
    .unwrap();
    Message::EchoRequest(b"there?".to_vec()).encode(3, &mut bytes).unwrap();
    assert_eq!(device.write(channel, now, host, &bytes), Ok(bytes.len()));
    let mut answer = vec![0; 1024];
    let len = device.read(channel, now, &mut answer).unwrap();
    assert!(answer[..len].ends_with(b"there?"));
    assert_eq!(network.next_event(), Some(now), "there is a frame to be sent");
    network.run_until(Nanos::from_millis(1));
    let received = network.probe_take(probes[0]);
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].1.headers(), [0x42; 60]);
    assert!(network.probe_take(probes[1]).is_empty());
}

#[test]
fn a_flood_in_a_ring_is_bounded_by_its_links() {
    let mut network = Network::new(1);
    let slow = LinkConfig { rate: Some(1_000_000), queue: 10, ..LinkConfig::default() };
    let ring: Vec<_> =
        (1..=3).map(|n| network.add_switch(SwitchConfig { ..standalone_numbered(n) })).collect();
    for n in 0..3 {
        network.connect((ring[n], 1), (ring[(n + 1) % 3], 2), slow);
    }
    let probe = network.add_probe();
    network.connect(probe, (ring[0], 3), slow);
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 1]);
    frame.extend([0x88; 113]);
    network.probe_send(probe, VecFrame::from_bytes(&frame));
    network.run_until(Nanos::from_secs(1));
    // 125 bytes are 1 ms: no link can have carried more than a thousand each way.
    for link in network.links() {
        assert!(network.link_stats(link).iter().all(|stats| stats.delivered <= 1000));
    }
    assert!(network.event_count() < 20_000, "{} events", network.event_count());
}

#[test]
fn a_host_may_be_at_the_local_port() {
    let mut network = Network::new(1);
    let switch = network.add_switch(standalone_numbered(1));
    let ipv6 = |n| format!("fd00::{n}").parse().unwrap();
    let stack = network.add_host("stack", [2, 0, 0, 0, 0, 1], [10, 0, 0, 1].into(), ipv6(1));
    let guest = network.add_host("guest", [2, 0, 0, 0, 0, 2], [10, 0, 0, 2].into(), ipv6(2));
    let link = network.connect((switch, PortNo::LOCAL.0), stack, LinkConfig::default());
    network.connect((switch, 1), guest, LinkConfig::default());
    assert_eq!(network.endpoint_name(network.link_ends(link)[0]), "s1");
    let report = Scenario::default().run(&mut network);
    assert_eq!(report.failures(&network), Vec::<String>::new());
}

fn standalone_numbered(n: u64) -> SwitchConfig {
    SwitchConfig { fail_mode: FailMode::Standalone, ..SwitchConfig::numbered(n) }
}

#[test]
fn a_seed_repeats_a_network_to_the_byte() {
    let run = |seed| {
        let lossy = LinkConfig { loss_ppm: 5_000, ..LinkConfig::default() };
        let topology = Topology { trunk: lossy, ..Topology::linear(2, 4) };
        let (mut network, _) = learning(&topology, seed);
        let file = MemoryFile::default();
        let capture = network.capture(None, file.clone());
        let scenario = Scenario { transfer_len: 50_000, ..Scenario::default() };
        let report = scenario.run(&mut network);
        network.finish_capture(capture).unwrap();
        (report, file.bytes())
    };
    let (first, second, other) = (run(3), run(3), run(4));
    assert!(first.1.len() > 100_000);
    assert!(first == second, "the same seed, the same bytes at the same times");
    assert!(first.1 != other.1, "another seed, another run");
}

#[test]
fn a_run_in_steps_is_the_same_run() {
    let (mut at_once, _) = learning(&Topology::linear(2, 4), 1);
    let (mut in_steps, _) = learning(&Topology::linear(2, 4), 1);
    let first = Scenario::default().run(&mut at_once);
    let second = Scenario::default().run_with(
        &mut in_steps,
        |network, until| {
            // As a caller with a host's clock would, in steps of its own.
            let step = network.now().plus(300_000);
            network.run_until(step.min(until));
        },
        |_| {},
    );
    assert!(first.is_success() && second.is_success());
    let round_trips = |report: &rumpswitch_virt::Report| report.round_trips().collect::<Vec<_>>();
    assert_eq!(round_trips(&first).len(), round_trips(&second).len());
}
