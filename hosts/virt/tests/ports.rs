//! Ports of switches in the network: logical ports over tunnels, and what a port-mod does to a link.

use std::time::Duration;

use hypercall::{Frame, Nanos, Port, VecFrame};
use ofp_codec::{
    Action, FlowMod, Instruction, Match, Message, Oxm, OxmField, PortConfig, PortFeatures, PortMod,
    PortNo, PortReason, PortState, PortStatus,
};
use rumpswitch_virt::{
    LinkConfig, LinkId, Network, ProbeId, QueueConfig, Recorder, SwitchConfig, SwitchId,
};

const TUNNEL: u32 = 100;

/// Switch 1 with probes at ports 1 and 2, and a logical port over port 1.
struct Bed {
    network: Network,
    switch: SwitchId,
    probes: [ProbeId; 2],
    links: [LinkId; 2],
}

fn frame() -> VecFrame {
    let mut bytes = [0x44; 60];
    bytes[..14].copy_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5]);
    VecFrame::from_bytes(&bytes)
}

fn oxm(field: OxmField, value: u128) -> Oxm {
    Oxm::new(field, value)
}

impl Bed {
    fn new() -> Bed {
        let mut network = Network::new(1);
        let switch = network.add_switch(SwitchConfig::numbered(1));
        let probes = [network.add_probe(), network.add_probe()];
        let links = [1, 2].map(|port: u32| {
            let config = LinkConfig::default();
            network.connect((switch, port), probes[port as usize - 1], config)
        });
        network.add_tunnel_port(switch, TUNNEL, 1);
        Bed { network, switch, probes, links }
    }

    fn flow(&mut self, priority: u16, fields: &[Oxm], actions: Vec<Action>) {
        let flow = FlowMod {
            priority,
            matching: Match::new(fields.iter().copied()).unwrap(),
            instructions: vec![Instruction::ApplyActions(actions)],
            ..FlowMod::default()
        };
        let now = self.network.now();
        let (device, _) = self.network.switch_parts(self.switch);
        device.switch_mut().tables.flow_mod(now, &flow).unwrap();
    }

    fn settle(&mut self) {
        self.network.run_until(self.network.now().plus(1_000_000_000));
    }

    /// What came out at a probe: keys of tunnels, none for a frame outside them.
    fn keys(&mut self, probe: usize) -> Vec<Option<u64>> {
        self.settle();
        let plain = self.network.probe_take(self.probes[probe]).into_iter().map(|_| None);
        let tunnelled = self.network.probe_take_tunnelled(self.probes[probe]);
        plain.chain(tunnelled.into_iter().map(|(_, key, _)| Some(key))).collect()
    }

    fn port_mod(&mut self, port: u32, config: PortConfig) {
        let (device, _) = self.network.switch_parts(self.switch);
        let tables = &mut device.switch_mut().tables;
        let change = PortMod {
            port_no: PortNo(port),
            hw_addr: tables.port_desc(Port(port)).unwrap().hw_addr,
            config,
            mask: PortConfig::PORT_DOWN,
            advertise: PortFeatures::empty(),
        };
        tables.port_mod(&change).unwrap();
        self.settle();
    }
}

#[test]
fn a_frame_in_a_tunnel_comes_in_by_the_logical_port_and_tells_both_ports_and_the_key() {
    let mut bed = Bed::new();
    let at = |port: u128, phy: u128, key: u128| {
        let ports = [oxm(OxmField::InPort, port), oxm(OxmField::InPhyPort, phy)];
        [&ports[..], &[oxm(OxmField::TunnelId, key)]].concat()
    };
    bed.flow(9, &at(TUNNEL.into(), 1, 0xffff_ffff_ffff_fff0), vec![Action::output(PortNo(2))]);
    for key in [0xffff_ffff_ffff_fff0, 7, 0] {
        bed.network.probe_send_tunnelled(bed.probes[0], key, frame());
    }
    bed.network.probe_send(bed.probes[0], frame());
    assert_eq!(bed.keys(1), [None], "one of three keys");
    bed.flow(9, &at(1, 1, 0), vec![Action::output(PortNo(2))]);
    bed.network.probe_send(bed.probes[0], frame());
    assert_eq!(bed.keys(1), [None], "outside tunnels it is the physical port itself");
    let device = bed.network.device(bed.switch);
    let port = |number| device.switch().tables.port_stats(PortNo(number), Nanos(0)).unwrap()[0];
    assert_eq!((port(TUNNEL).rx_packets, port(1).rx_packets), (3, 2));
}

#[test]
fn the_key_of_a_tunnel_matches_under_a_mask() {
    let mut bed = Bed::new();
    let masked = Oxm { mask: Some(0xff00), ..oxm(OxmField::TunnelId, 0x1200) };
    bed.flow(1, &[masked], vec![Action::output(PortNo(2))]);
    for key in [0x12ff, 0x1300, 0xab_1200] {
        bed.network.probe_send_tunnelled(bed.probes[0], key, frame());
    }
    assert_eq!(bed.keys(1).len(), 2);
}

#[test]
fn set_field_tunnel_id_chooses_the_tunnel_that_a_frame_leaves_by() {
    let mut bed = Bed::new();
    let key = 0x0123_4567_89ab_cdef_u64;
    let set = Action::SetField(oxm(OxmField::TunnelId, key.into()));
    let out = Action::output(PortNo(TUNNEL));
    let plain = Action::output(PortNo(1));
    bed.flow(1, &[oxm(OxmField::InPort, 2)], vec![out.clone(), set, out, plain]);
    bed.network.probe_send(bed.probes[1], frame());
    assert_eq!(bed.keys(0), [None, Some(0), Some(key)], "by the physical port without a tunnel");
    bed.flow(1, &[oxm(OxmField::InPort, TUNNEL.into())], vec![Action::output(PortNo::IN_PORT)]);
    bed.network.probe_send_tunnelled(bed.probes[0], 5, frame());
    assert_eq!(bed.keys(0), [Some(5)], "back into the tunnel that it came from");
}

#[test]
fn a_packet_in_tells_the_logical_port_the_physical_one_and_the_key() {
    let mut bed = Bed::new();
    let controller = bed.network.add_controller(Recorder::default(), Duration::from_millis(1));
    bed.network.control(controller, bed.switch).unwrap();
    bed.settle();
    bed.flow(1, &[], vec![Action::controller()]);
    bed.network.probe_send_tunnelled(bed.probes[0], 0x77, frame());
    bed.network.probe_send(bed.probes[0], frame());
    bed.settle();
    let heard = bed.network.controller_mut::<Recorder>(controller).unwrap().take();
    let told: Vec<Vec<Oxm>> = heard
        .into_iter()
        .map(|record| match record.message {
            Message::PacketIn(packet_in) => packet_in.matching.fields().to_vec(),
            other => panic!("{other:?}"),
        })
        .collect();
    let logical = [
        oxm(OxmField::InPort, TUNNEL.into()),
        oxm(OxmField::InPhyPort, 1),
        oxm(OxmField::TunnelId, 0x77),
    ];
    assert_eq!(told, [logical.to_vec(), vec![oxm(OxmField::InPort, 1)]]);
}

#[test]
fn a_tunnel_joins_two_switches() {
    let mut network = Network::new(1);
    let switches = [1, 2].map(|n| network.add_switch(SwitchConfig::numbered(n)));
    let probes = [network.add_probe(), network.add_probe()];
    network.connect((switches[0], 1), (switches[1], 1), LinkConfig::default());
    for (switch, probe) in switches.into_iter().zip(probes) {
        network.connect((switch, 2), probe, LinkConfig::default());
        network.add_tunnel_port(switch, TUNNEL, 1);
        let now = network.now();
        let (device, _) = network.switch_parts(switch);
        let mut add = |fields: Vec<Oxm>, actions: Vec<Action>| {
            let instructions = vec![Instruction::ApplyActions(actions)];
            let matching = Match::new(fields).unwrap();
            let flow = FlowMod { matching, instructions, ..FlowMod::default() };
            device.switch_mut().tables.flow_mod(now, &flow).unwrap();
        };
        let set = Action::SetField(oxm(OxmField::TunnelId, 42));
        add(vec![oxm(OxmField::InPort, 2)], vec![set, Action::output(PortNo(TUNNEL))]);
        let inside = [(OxmField::InPort, TUNNEL.into()), (OxmField::TunnelId, 42)];
        let inside = inside.map(|(field, value)| oxm(field, value));
        add(inside.into(), vec![Action::output(PortNo(2))]);
    }
    network.probe_send(probes[0], frame());
    network.run_until(Nanos::from_secs(1));
    let arrived = network.probe_take(probes[1]);
    assert_eq!(arrived.iter().map(|(_, f)| f.headers()).collect::<Vec<_>>(), [frame().headers()]);
}

#[test]
fn a_logical_port_shares_the_queues_and_the_link_of_its_physical_port() {
    let mut bed = Bed::new();
    let half = QueueConfig { max_rate: 1, ..QueueConfig::new(3) };
    bed.network.set_queues(bed.switch, 1, &[half]).unwrap();
    let actions = vec![Action::SetQueue(3), Action::output(PortNo(TUNNEL))];
    bed.flow(1, &[oxm(OxmField::InPort, 2)], actions);
    for _ in 0..3 {
        bed.network.probe_send(bed.probes[1], frame());
    }
    bed.settle();
    let at: Vec<u64> =
        bed.network.probe_take_tunnelled(bed.probes[0]).iter().map(|a| a.0.0).collect();
    assert_eq!([at[1] - at[0], at[2] - at[1]], [480_000; 2], "60 bytes at 1 Mbit/s");

    bed.network.set_link_up(bed.links[0], false);
    let state = |bed: &Bed, port| {
        bed.network.device(bed.switch).switch().tables.port_desc(Port(port)).unwrap().state
    };
    assert_eq!([state(&bed, 1), state(&bed, TUNNEL)], [PortState::LINK_DOWN; 2]);
    bed.network.set_link_up(bed.links[0], true);
    assert_eq!([state(&bed, 1), state(&bed, TUNNEL)], [PortState::LIVE; 2]);
}

#[test]
fn a_port_that_a_port_mod_takes_down_takes_its_link_down() {
    let mut network = Network::new(1);
    let switches = [1, 2].map(|n| network.add_switch(SwitchConfig::numbered(n)));
    let link = network.connect((switches[0], 1), (switches[1], 7), LinkConfig::default());
    let probe = network.add_probe();
    let other = network.connect((switches[0], 2), probe, LinkConfig::default());
    let mut bed = Bed { network, switch: switches[0], probes: [probe; 2], links: [link, other] };
    let state = |bed: &Bed, at: usize, port| {
        let tables = &bed.network.device(switches[at]).switch().tables;
        tables.port_desc(Port(port)).unwrap().state
    };
    let controller = bed.network.add_controller(Recorder::default(), Duration::from_millis(1));
    bed.network.control_all(controller).unwrap();
    bed.settle();
    bed.port_mod(1, PortConfig::PORT_DOWN);
    assert!(!bed.network.is_link_up(link));
    assert_eq!(state(&bed, 1, 7), PortState::LINK_DOWN, "the far end sees the link go");
    assert_eq!(state(&bed, 0, 1), PortState::empty(), "the port itself is down, not its link");
    bed.settle();
    let heard = bed.network.controller_mut::<Recorder>(controller).unwrap().take();
    let told: Vec<_> = heard
        .into_iter()
        .map(|record| match record.message {
            Message::PortStatus(PortStatus { reason: PortReason::Modify, desc }) => {
                (record.switch, desc.port_no.0, desc.config, desc.state)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let near = (switches[0], 1, PortConfig::PORT_DOWN, PortState::empty());
    let far = (switches[1], 7, PortConfig::empty(), PortState::LINK_DOWN);
    assert!(told == [near, far] || told == [far, near], "{told:?}");
    // Both ends down: both have to come up again.
    bed.switch = switches[1];
    bed.port_mod(7, PortConfig::PORT_DOWN);
    bed.switch = switches[0];
    bed.port_mod(1, PortConfig::empty());
    assert!(!bed.network.is_link_up(link));
    bed.switch = switches[1];
    bed.port_mod(7, PortConfig::empty());
    assert!(bed.network.is_link_up(link));
    assert_eq!([state(&bed, 0, 1), state(&bed, 1, 7)], [PortState::LIVE; 2]);
    // And the cable, too.
    bed.network.set_link_up(link, false);
    bed.port_mod(7, PortConfig::PORT_DOWN);
    bed.port_mod(7, PortConfig::empty());
    assert_eq!([state(&bed, 0, 1), state(&bed, 1, 7)], [PortState::LINK_DOWN; 2]);
    bed.network.set_link_up(link, true);
    assert_eq!([state(&bed, 0, 1), state(&bed, 1, 7)], [PortState::LIVE; 2]);
    assert!(bed.network.is_link_up(other), "nobody touched it");
}

#[test]
fn a_frame_under_way_to_a_port_that_goes_down_is_lost() {
    let mut network = Network::new(1);
    let switch = network.add_switch(SwitchConfig::numbered(1));
    let probe = network.add_probe();
    let config = LinkConfig { delay: Duration::from_millis(5), ..LinkConfig::default() };
    let link = network.connect(probe, (switch, 1), config);
    let mut bed = Bed { network, switch, probes: [probe; 2], links: [link; 2] };
    bed.network.probe_send(probe, frame());
    bed.port_mod(1, PortConfig::PORT_DOWN);
    assert_eq!(bed.network.link_stats(link)[0].cut, 1);
    assert!(!bed.network.probe_send(probe, frame()), "the sender has no carrier");
    let tables = &bed.network.device(switch).switch().tables;
    assert_eq!(tables.port_stats(PortNo(1), bed.network.now()).unwrap()[0].rx_packets, 0);
}
