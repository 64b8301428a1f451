//! Packet-ins: reasons, cookies, context, bounds.

use super::prelude::*;
use ofp_codec::{NO_BUFFER, NO_COOKIE, PacketInReason, TableId};

cases! { "punts":
    reasons_and_cookies,
    the_message_holds_the_packet_so_far_and_where_it_was,
    no_packet_in_keeps_table_misses_from_the_controller_and_nothing_else,
    a_packet_out_to_the_controller_comes_back,
}

fn controller() -> Vec<Action> {
    vec![Action::controller()]
}

fn reasons_and_cookies(world: &World<'_>) {
    let mut bed = world.bed();
    let punted = |bed: &mut Bed<'_>, flow: FlowMod| {
        bed.add(FlowMod { cookie: 5, ..flow });
        assert_eq!(bed.ports(1, &udp(1, 2, 53)), []);
        let message = bed.packet_in().unwrap();
        assert!(bed.packet_in().is_none());
        (message.reason, message.cookie)
    };
    let miss = |instructions| entry(0, &[], instructions);
    assert_eq!(punted(&mut bed, miss(apply(controller()))), (PacketInReason::NoMatch, 5));
    assert_eq!(punted(&mut bed, miss(write(controller()))), (PacketInReason::NoMatch, NO_COOKIE));
    let low = entry(0, &[(OxmField::InPort, 1)], apply(controller()));
    assert_eq!(punted(&mut bed, low), (PacketInReason::Action, 5));
    let high = entry(1, &[], apply(controller()));
    assert_eq!(punted(&mut bed, high), (PacketInReason::Action, 5));
    let written = entry(2, &[], write(controller()));
    assert_eq!(punted(&mut bed, written), (PacketInReason::Action, NO_COOKIE));
    bed.assert_drops(&[]);
}

fn the_message_holds_the_packet_so_far_and_where_it_was(world: &World<'_>) {
    let mut bed = world.bed();
    let metadata = Instruction::WriteMetadata { value: 9, mask: u64::MAX };
    bed.add(entry(1, &[], vec![metadata, Instruction::GotoTable(TableId(3))]));
    let actions =
        [set(OxmField::EthDst, 7), Action::controller(), set(OxmField::EthDst, 8), output(2)];
    bed.add(FlowMod { table_id: TableId(3), ..entry(1, &[], apply(actions)) });
    let sent = bed.send(1, &udp(1, 2, 53));
    let message = bed.packet_in().unwrap();
    let mut expected = udp(1, 2, 53);
    expected[..6].copy_from_slice(&[0, 0, 0, 0, 0, 7]);
    assert_eq!((message.buffer_id, message.total_len, message.data), (NO_BUFFER, 60, expected));
    assert_eq!(message.table_id, TableId(3));
    let context = [(OxmField::InPort, 1), (OxmField::Metadata, 9)];
    assert_eq!(message.matching, matching(&context));
    assert_eq!(sent[0].1[5], 8);
}

/// §7.2.1: the bit is about table misses. Spanning trees rely on it: a blocked port still hears BPDUs,
/// through an entry that says so.
fn no_packet_in_keeps_table_misses_from_the_controller_and_nothing_else(world: &World<'_>) {
    let mut bed = world.bed();
    bed.add(entry(0, &[], apply([Action::controller(), output(2)])));
    let config = ofp_codec::PortConfig::NO_PACKET_IN;
    bed.config(1, config, config).unwrap();
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2]);
    assert!(bed.packet_in().is_none());
    bed.assert_drops(&[(DropReason::PuntNoPacketIn, 1)]);
    assert_eq!(bed.ports(3, &udp(1, 2, 53)), [2]);
    assert!(bed.packet_in().is_some());
    bed.add(entry(1, &[], apply([Action::controller(), output(2)])));
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2]);
    assert_eq!(bed.packet_in().map(|message| message.reason), Some(PacketInReason::Action));
}

fn a_packet_out_to_the_controller_comes_back(world: &World<'_>) {
    let mut bed = world.bed();
    let given = PacketOut {
        buffer_id: NO_BUFFER,
        in_port: PortNo::CONTROLLER,
        actions: controller(),
        data: udp(1, 2, 53),
    };
    assert_eq!(bed.packet_out(&given), Ok(()));
    let message = bed.packet_in().unwrap();
    assert_eq!((message.reason, message.cookie), (PacketInReason::Action, NO_COOKIE));
    assert_eq!(message.matching, matching(&[(OxmField::InPort, 0xffff_fffd)]));
}
