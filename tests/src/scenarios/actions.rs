//! Outputs, copies and rewrites.

use super::prelude::*;
use ofp_codec::TableId;

cases! { "actions":
    outputs_send_the_packet_as_it_is_at_that_moment,
    the_ingress_port_is_left_out_unless_asked_for,
    absent_ports_are_accepted_and_drop: PORTS | BLANK,
    an_invalid_ttl_stops_the_packet_and_tells_the_controller,
    packet_out_enters_the_tables,
    outputs_leave_in_the_order_of_the_actions_past_groups_and_tables: ORDER,
}

fn outputs_send_the_packet_as_it_is_at_that_moment(world: &World<'_>) {
    let mut bed = world.bed();
    let actions = [output(2), set(OxmField::EthDst, 7), output(3), output(4)];
    bed.add(entry(1, &[], apply(actions)));
    let sent = bed.send(1, &udp(1, 2, 53));
    let mut changed = udp(1, 2, 53);
    changed[..6].copy_from_slice(&[0, 0, 0, 0, 0, 7]);
    assert_eq!(sent, [(2, udp(1, 2, 53)), (3, changed.clone()), (4, changed)]);
    bed.assert_drops(&[]);
}

fn the_ingress_port_is_left_out_unless_asked_for(world: &World<'_>) {
    let mut bed = world.bed();
    bed.add(entry(1, &[], apply([output(1), output(2)])));
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2]);
    bed.assert_drops(&[(DropReason::EgressIsIngress, 1)]);
    bed.add(entry(2, &[], apply([Action::output(PortNo::IN_PORT)])));
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [1]);
    bed.add(entry(3, &[], apply([Action::output(PortNo::ALL)])));
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2, 3, 4]);
    bed.add(entry(4, &[], apply([Action::output(PortNo::FLOOD), Action::output(PortNo::IN_PORT)])));
    assert_eq!(bed.ports(4, &udp(1, 2, 53)), [1, 2, 3, 4]);
    bed.assert_drops(&[]);
}

fn absent_ports_are_accepted_and_drop(world: &World<'_>) {
    let mut bed = world.bed();
    bed.counts_all_ports();
    bed.add(entry(1, &[], apply([output(77), Action::output(PortNo::LOCAL)])));
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), []);
    bed.assert_drops(&[(DropReason::EgressUnknown, 2)]);
    assert!(bed.port_add(&PortConfig::new(Port(77), "late")));
    assert!(bed.port_add(&PortConfig::new(Port::LOCAL, "local")));
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [77, Port::LOCAL.0]);
}

fn an_invalid_ttl_stops_the_packet_and_tells_the_controller(world: &World<'_>) {
    let mut bed = world.bed();
    bed.hear_all();
    let ip = [(OxmField::EthType, 0x0800)];
    let actions = [output(2), Action::DecNwTtl, output(3)];
    bed.add(FlowMod { cookie: 5, ..entry(1, &ip, apply(actions)) });
    let mut frame = udp(1, 2, 53);
    frame[22] = 1;
    assert_eq!(bed.ports(1, &frame), [2]);
    bed.assert_drops(&[(DropReason::InvalidTtl, 1)]);
    let message = bed.packet_in().unwrap();
    assert_eq!(message.reason, ofp_codec::PacketInReason::InvalidTtl);
    assert_eq!((message.cookie, message.data), (5, frame.clone()));
    let sent = bed.send(1, &udp(1, 2, 53));
    assert_eq!(sent[1].1[22], 63);
}

fn packet_out_enters_the_tables(world: &World<'_>) {
    let mut bed = world.bed();
    bed.add(entry(1, &[(OxmField::InPort, 3)], apply([output(4)])));
    let given = PacketOut {
        buffer_id: ofp_codec::NO_BUFFER,
        in_port: PortNo(3),
        actions: vec![output(2), Action::output(PortNo::TABLE), output(1)],
        data: udp(1, 2, 53),
    };
    bed.packet_out(&given).unwrap();
    let mut ports: Vec<u32> = bed.sent().into_iter().map(|(port, _)| port).collect();
    ports.sort();
    assert_eq!(ports, [1, 2, 4]);
    assert_eq!(bed.flows()[0].packet_count, 1);
    let no_actions = PacketOut { actions: vec![], ..given };
    bed.packet_out(&no_actions).unwrap();
    bed.assert_drops(&[(DropReason::NoOutput, 1)]);
    let stats = bed.table_stats();
    assert_eq!(
        (stats[0].table_id, stats[0].lookup_count, stats[0].matched_count),
        (TableId(0), 1, 1)
    );
}

fn outputs_leave_in_the_order_of_the_actions_past_groups_and_tables(world: &World<'_>) {
    let mut bed = world.bed();
    bed.looks_at_order();
    let bucket = |value| ofp_codec::Bucket::new(vec![set(OxmField::EthDst, value), output(3)]);
    let group = ofp_codec::GroupMod {
        command: ofp_codec::GroupModCommand::Add,
        group_type: ofp_codec::GroupType::Indirect,
        group_id: ofp_codec::GroupId(1),
        buckets: vec![bucket(5)],
    };
    bed.group(group);
    let group = Action::Group(ofp_codec::GroupId(1));
    bed.add(entry(1, &[], apply([output(2), group.clone(), output(4)])));
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2, 3, 4]);
    let given = PacketOut {
        buffer_id: ofp_codec::NO_BUFFER,
        in_port: PortNo(1),
        actions: vec![output(4), output(PortNo::TABLE.0), output(2), group],
        data: udp(1, 2, 53),
    };
    bed.packet_out(&given).unwrap();
    let ports: Vec<u32> = bed.sent().into_iter().map(|(port, _)| port).collect();
    assert_eq!(ports, [4, 2, 3, 4, 2, 3]);
}
