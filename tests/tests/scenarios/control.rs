//! Several controllers, none, and what they configure: roles, the fail mode, ports, fragments.

use datapath::DropReason;
use ofp_codec::{BadRequestCode, ErrorMessage};
use ofp_codec::{
    Config, ConfigFlags, FlowModCommand, GroupModCommand, HwAddr, Message, OfpError, PortConfig,
    PortMod, PortNo, PortReason, PortState, Role, RoleMessage, RoleRequestFailedCode,
};
use rumpswitch_tests::plain::{ethernet, ipv4, ipv6, padded, udp};
use switch_dev::FailMode;
use virt_host::SwitchConfig;

use crate::{LATENCY, Net, SECOND, between};

fn role(role: Role, generation_id: u64) -> RoleMessage {
    RoleMessage { role, generation_id }
}

fn error(answer: Option<Message>) -> OfpError {
    match answer {
        Some(Message::Error(error)) => error.error().expect("an error of the standard"),
        other => panic!("no error but {other:?}"),
    }
}

/// Of two controllers one is master: the slave gets no packet-ins and no removals and changes
/// nothing, but sees ports change and may ask (§6.3.6).
#[test]
fn a_slave_listens_to_ports_only() {
    let mut net = Net::new(3);
    let (one, two) = (net.controller(), net.controller());
    let granted = Message::RoleReply(role(Role::Master, 1));
    assert_eq!(net.role(one, role(Role::Master, 1)), granted);
    assert_eq!(net.role(two, role(Role::Slave, 1)), Message::RoleReply(role(Role::Slave, 1)));
    net.add(one, "priority=0,actions=controller");
    net.add(one, "priority=5,in_port=3,hard_timeout=2,send_flow_rem,actions=drop");
    net.settle();
    assert_eq!(net.frame(1, &between(1, 2)), [] as [u32; 0]);
    net.run(3 * SECOND);
    net.network.set_link_up(net.links[1], false);
    net.run(2 * LATENCY);
    let kinds = |records: Vec<virt_host::Record>| -> Vec<&str> {
        let kind = |record: &virt_host::Record| match &record.message {
            Message::PacketIn(_) => "packet-in",
            Message::FlowRemoved(_) => "flow-removed",
            Message::PortStatus(_) => "port-status",
            other => panic!("{other:?}"),
        };
        records.iter().map(kind).collect()
    };
    assert_eq!(kinds(net.heard(one)), ["packet-in", "flow-removed", "port-status"]);
    assert_eq!(kinds(net.heard(two)), ["port-status"]);
    net.assert_moved(&[
        "port 1 rx 1/60",
        "table 0 lookups 1",
        "table 0 matches 1",
        "entry 0/0/0 1/60",
        "channel 0 packet-ins 1",
    ]);
    let is_slave = OfpError::BadRequest(BadRequestCode::IsSlave);
    let flow =
        ofp_codec::text::parse_flow("actions=drop", FlowModCommand::Add, &ofp_codec::text::NoNames);
    assert_eq!(error(net.say(two, &Message::FlowMod(flow.unwrap()))), is_slave);
    assert_eq!(net.flows(two).len(), 1, "asking is allowed");

    // The other takes over: from then on it is told.
    assert_eq!(net.role(two, role(Role::Master, 2)), Message::RoleReply(role(Role::Master, 2)));
    assert_eq!(net.role(one, role(Role::NoChange, 0)), Message::RoleReply(role(Role::Slave, 2)));
    net.frame(1, &between(1, 2));
    net.run(2 * LATENCY);
    assert_eq!(kinds(net.heard(one)), [] as [&str; 0]);
    assert_eq!(kinds(net.heard(two)), ["packet-in"]);
    assert_eq!(net.network.channel_errors(), []);
}

/// The generation id outlives the connections that brought it: who was away too long is stale
/// (§6.3.6).
#[test]
fn the_generation_outlives_connections() {
    let mut net = Net::new(1);
    let (one, two) = (net.controller(), net.controller());
    assert_eq!(
        net.role(one, role(Role::NoChange, 0)),
        Message::RoleReply(role(Role::Equal, u64::MAX))
    );
    net.role(one, role(Role::Master, 7));
    net.role(two, role(Role::Slave, 8));
    for controller in [one, two] {
        net.network.disconnect(controller, net.switch);
    }
    net.run(3600 * SECOND);
    assert_eq!(net.network.device(net.switch).channels().count(), 0);
    net.connect(one);
    let stale = OfpError::RoleRequestFailed(RoleRequestFailedCode::Stale);
    assert_eq!(error(Some(net.role(one, role(Role::Master, 7)))), stale);
    assert_eq!(net.role(one, role(Role::NoChange, 0)), Message::RoleReply(role(Role::Equal, 8)));
    assert_eq!(net.role(one, role(Role::Master, 8)), Message::RoleReply(role(Role::Master, 8)));
    net.connect(two);
    assert_eq!(net.role(two, role(Role::Master, 9)), Message::RoleReply(role(Role::Master, 9)));
    assert_eq!(net.role(one, role(Role::NoChange, 0)), Message::RoleReply(role(Role::Slave, 9)));
    // The master that goes leaves no one in its place.
    net.network.disconnect(two, net.switch);
    net.run(SECOND);
    assert_eq!(net.role(one, role(Role::NoChange, 0)), Message::RoleReply(role(Role::Slave, 9)));
}

/// Standalone means NORMAL while no controller is there; entries stay meanwhile, age, and are what
/// counts again when one is there, or when the fail mode becomes secure (§6.3.2).
#[test]
fn the_fail_mode_changes_over_and_entries_stay() {
    let config = SwitchConfig { fail_mode: FailMode::Standalone, ..SwitchConfig::numbered(1) };
    let mut net = Net::with(config, 3);
    assert_eq!(net.frame(1, &between(1, 2)), [2, 3], "NORMAL floods");
    net.assert_moved(&["port 1 rx 1/60", "port 2 tx 1/60", "port 3 tx 1/60"]);
    let controller = net.controller();
    assert_eq!(net.frame(1, &between(1, 2)), [] as [u32; 0], "its tables are empty");
    net.assert_moved(&["port 1 rx 1/60", "table 0 lookups 1", "drop table_miss 1"]);
    net.add(controller, "cookie=1,priority=5,in_port=1,actions=output:3");
    let added = net.add(
        controller,
        "cookie=2,priority=6,in_port=2,hard_timeout=20,send_flow_rem,actions=output:3",
    );
    assert_eq!(net.frame(1, &between(1, 2)), [3]);
    net.settle();
    net.network.disconnect(controller, net.switch);
    net.run(SECOND);
    assert_eq!(net.frame(2, &between(2, 1)), [1], "NORMAL has learned where 1 is");
    assert_eq!(net.frame(1, &between(1, 9)), [2, 3]);
    net.assert_moved(&[
        "port 2 rx 1/60",
        "port 1 tx 1/60",
        "port 1 rx 1/60",
        "port 2 tx 1/60",
        "port 3 tx 1/60",
    ]);
    // Secure from now on, still without a controller.
    net.network.switch_parts(net.switch).0.set_fail_mode(FailMode::Secure);
    assert_eq!(net.frame(1, &between(1, 2)), [3], "the entry is still there");
    assert_eq!(net.frame(2, &between(2, 1)), [3]);
    net.network.run_until(added.plus(20 * SECOND));
    assert_eq!(net.frame(2, &between(2, 1)), [] as [u32; 0], "it aged all the time");
    net.network.switch_parts(net.switch).0.set_fail_mode(FailMode::Standalone);
    assert_eq!(net.frame(2, &between(2, 1)), [1]);
    net.connect(controller);
    let flows = net.flows(controller);
    assert_eq!(
        flows.iter().map(|flow| (flow.cookie, flow.packet_count)).collect::<Vec<_>>(),
        [(1, 2)]
    );
    assert_eq!(net.frame(1, &between(1, 2)), [3]);
}

/// A port that is configured down neither receives nor sends, everybody is told at once, and it
/// comes back as it was (§7.3.4.3, §7.4.3).
#[test]
fn port_down_by_configuration() {
    let mut net = Net::new(3);
    let (one, two) = (net.controller(), net.controller());
    net.role(two, role(Role::Slave, 1));
    net.add(one, "priority=5,actions=flood");
    net.group(one, "group_id=1,type=ff,bucket=watch_port:2,actions=output:2,bucket=watch_port:3,actions=output:3", GroupModCommand::Add);
    net.add(one, "priority=6,dl_dst=02:00:00:00:00:07,actions=group:1");
    net.heard(one);
    net.heard(two);
    let desc =
        net.network.device(net.switch).switch().tables.port_desc(hypercall::Port(2)).unwrap();
    let port_mod = |config: PortConfig, hw_addr: HwAddr| {
        Message::PortMod(PortMod {
            port_no: PortNo(2),
            hw_addr,
            config,
            mask: PortConfig::PORT_DOWN,
            advertise: Default::default(),
        })
    };
    for round in 0..2 {
        net.settle();
        assert_eq!(net.frame(1, &between(1, 7)), [2]);
        assert_eq!(net.frame(1, &between(1, 2)), [2, 3]);
        net.settle();
        let said = net.now();
        net.tell(one, &port_mod(PortConfig::PORT_DOWN, desc.hw_addr));
        for controller in [one, two] {
            let heard = net.heard(controller);
            let [record] = &heard[..] else { panic!("{heard:?}") };
            assert_eq!(record.at, said.plus(2 * LATENCY));
            let Message::PortStatus(status) = &record.message else { panic!("{record:?}") };
            assert_eq!(status.reason, PortReason::Modify);
            assert_eq!(
                (status.desc.port_no, status.desc.config),
                (PortNo(2), PortConfig::PORT_DOWN)
            );
            assert!(!status.desc.state.contains(PortState::LIVE));
        }
        assert!(!net.send(2, &between(2, 1)), "the far end has no carrier");
        net.assert_moved(&[]);
        assert_eq!(net.frame(1, &between(1, 2)), [3]);
        assert_eq!(net.frame(1, &between(1, 7)), [3], "round {round}: it is not live");
        net.assert_moved(&[
            "port 1 rx 2/120",
            "table 0 lookups 2",
            "table 0 matches 2",
            "entry 0/5/0 1/60",
            "entry 0/6/0 1/60",
            "group 1 1/60",
            "group 1 bucket 1 1/60",
            "port 3 tx 2/120",
        ]);
        net.tell(one, &port_mod(PortConfig::empty(), desc.hw_addr));
        let heard = net.heard(two);
        let [record] = &heard[..] else { panic!("{heard:?}") };
        let Message::PortStatus(status) = &record.message else { panic!("{record:?}") };
        assert_eq!(status.desc, desc);
        net.heard(one);
    }
    let refused = net.say(one, &port_mod(PortConfig::PORT_DOWN, HwAddr([9; 6])));
    let Some(Message::Error(ErrorMessage { error_type: 7, code: 1, .. })) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(net.heard(two).len(), 0, "nobody is told of what was refused");
}

/// OFPC_FRAG_DROP drops fragments, first ones too, and nothing else; it is the switch's, not the
/// connection's, and a slave cannot change it (§7.3.2).
#[test]
fn fragments_are_dropped_when_configured() {
    let mut net = Net::new(2);
    let (one, two) = (net.controller(), net.controller());
    net.add(one, "priority=5,actions=output:2");
    let datagram = udp(1, 53, b"payload!");
    let v4 = |fragment| padded(ethernet(0x0800, &ipv4(17, fragment, &datagram)));
    let v6 = |offset: u8| {
        let packet = [&[17, 0, 0, offset, 0, 0, 0, 9][..], &datagram].concat();
        ethernet(0x86dd, &ipv6(44, &packet))
    };
    let fragments = [v4(0x2000), v4(0x2001), v4(0x0001), v6(1), v6(9), v6(8)];
    let wholes = [v4(0), v4(0x4000), between(1, 2), ethernet(0x86dd, &ipv6(17, &datagram))];
    let set = |flags| Message::SetConfig(Config { flags, miss_send_len: 128 });
    for frame in fragments.iter().chain(&wholes) {
        assert_eq!(net.frame(1, frame), [2]);
    }
    net.role(two, role(Role::Slave, 1));
    net.say(two, &set(ConfigFlags::FRAG_DROP));
    assert_eq!(net.frame(1, &fragments[0]), [2], "not a slave's to say");
    net.tell(one, &set(ConfigFlags::FRAG_DROP));
    let config = net.say(two, &Message::GetConfigRequest);
    assert!(matches!(
        config,
        Some(Message::GetConfigReply(Config { flags: ConfigFlags::FRAG_DROP, .. }))
    ));
    net.settle();
    for frame in &fragments {
        assert_eq!(net.frame(1, frame), [] as [u32; 0], "{frame:02x?}");
    }
    let bytes: usize = fragments.iter().map(Vec::len).sum();
    let count = fragments.len();
    net.assert_moved(&[
        &format!("port 1 rx {count}/{bytes}"),
        &format!("port 1 rx dropped {count}"),
        &format!("drop fragment {count}"),
    ]);
    for frame in &wholes {
        assert_eq!(net.frame(1, frame), [2]);
    }
    assert_eq!(net.drops(DropReason::Fragment), count as u64);
    net.tell(one, &set(ConfigFlags::empty()));
    for frame in &fragments {
        assert_eq!(net.frame(1, frame), [2]);
    }
}
