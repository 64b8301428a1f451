//! Flow-mods and the walk through the tables.

use super::prelude::*;
use ofp_codec::{FlowModCommand, FlowModFlags, TableId};

cases! { "flows":
    highest_priority_wins_and_the_newest_breaks_ties,
    without_an_entry_packets_are_dropped_and_counted,
    instructions_run_in_the_standards_order,
    a_set_field_shows_in_the_next_table_and_clear_actions_clears,
    an_overwriting_add_keeps_counters_unless_told_otherwise: TIME,
    modify_keeps_all_but_instructions: TIME,
    delete_selects_by_match_cookie_port_group_and_table,
    entries_that_name_metadata_are_compared_like_others,
}

fn to(port: u32) -> Vec<Instruction> {
    apply([output(port)])
}

fn goto(mut instructions: Vec<Instruction>, table: u8) -> Vec<Instruction> {
    instructions.push(Instruction::GotoTable(TableId(table)));
    instructions
}

fn highest_priority_wins_and_the_newest_breaks_ties(world: &World<'_>) {
    let mut bed = world.bed();
    bed.add(entry(1, &[(OxmField::InPort, 1)], to(2)));
    bed.add(entry(1, &[(OxmField::EthType, 0x0800)], to(3)));
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [3], "the newer of equals");
    bed.add(entry(1, &[(OxmField::InPort, 1)], to(2)));
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2], "an ADD over an entry makes it newest");
    let modify = FlowModCommand::ModifyStrict;
    bed.add(FlowMod { command: modify, ..entry(1, &[(OxmField::EthType, 0x0800)], to(4)) });
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2], "a MODIFY does not");
    bed.add(entry(0, &[], to(4)));
    bed.add(entry(9, &[(OxmField::InPort, 3)], to(1)));
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2]);
    assert_eq!(bed.ports(3, &udp(1, 2, 53)), [1]);
}

fn without_an_entry_packets_are_dropped_and_counted(world: &World<'_>) {
    let mut bed = world.bed();
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), []);
    bed.assert_drops(&[(DropReason::TableMiss, 1)]);
    bed.add(entry(1, &[], vec![]));
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), []);
    bed.assert_drops(&[(DropReason::NoOutput, 1)]);
    assert!(bed.packet_in().is_none());
}

fn instructions_run_in_the_standards_order(world: &World<'_>) {
    let mut bed = world.bed();
    // Written backwards: goto, metadata, write, clear, apply.
    let instructions = vec![
        Instruction::GotoTable(TableId(7)),
        Instruction::WriteMetadata { value: 0xabcd, mask: 0xff0f },
        Instruction::WriteActions(vec![output(3)]),
        Instruction::ClearActions,
        Instruction::ApplyActions(vec![output(2)]),
    ];
    bed.add(entry(1, &[], instructions));
    let last = entry(1, &[(OxmField::Metadata, 0xab0d)], write([set(OxmField::EthDst, 5)]));
    bed.add(FlowMod { table_id: TableId(7), ..last });
    let sent = bed.send(1, &udp(1, 2, 53));
    assert_eq!(sent.iter().map(|(port, _)| *port).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(sent[0].1, udp(1, 2, 53));
    let mut changed = udp(1, 2, 53);
    changed[..6].copy_from_slice(&[0, 0, 0, 0, 0, 5]);
    assert_eq!(sent[1].1, changed);
}

fn a_set_field_shows_in_the_next_table_and_clear_actions_clears(world: &World<'_>) {
    let mut bed = world.bed();
    let mut first = apply([set(OxmField::EthSrc, 9)]);
    first.extend(write([output(4)]));
    bed.add(entry(1, &[], goto(first, 1)));
    let mut cleared = vec![Instruction::ClearActions];
    cleared.extend(write([output(3)]));
    let second = entry(1, &[(OxmField::EthSrc, 9)], cleared);
    bed.add(FlowMod { table_id: TableId(1), ..second });
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [3]);
    let drop = entry(2, &[(OxmField::EthSrc, 9)], vec![Instruction::ClearActions]);
    bed.add(FlowMod { table_id: TableId(1), ..drop });
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), []);
    bed.assert_drops(&[(DropReason::NoOutput, 1)]);
}

fn an_overwriting_add_keeps_counters_unless_told_otherwise(world: &World<'_>) {
    let mut bed = world.bed();
    let flow = FlowMod { cookie: 1, ..entry(5, &[(OxmField::InPort, 1)], to(2)) };
    bed.add(FlowMod { flags: FlowModFlags::SEND_FLOW_REM, ..flow.clone() });
    bed.send(1, &udp(1, 2, 53));
    bed.pass(3 * SECOND);
    bed.add(FlowMod { cookie: 2, idle_timeout: 9, instructions: to(3), ..flow.clone() });
    let flows = bed.flows();
    assert_eq!(flows.len(), 1);
    assert_eq!((flows[0].cookie, flows[0].packet_count, flows[0].byte_count), (2, 1, 60));
    assert_eq!((flows[0].idle_timeout, flows[0].flags), (9, FlowModFlags::empty()));
    assert_eq!(flows[0].duration_sec, 0, "it is a new entry");
    assert_eq!(flows[0].instructions, to(3));
    assert!(bed.flow_removed().is_none(), "no flow-removed for the replaced one");
    bed.add(FlowMod { flags: FlowModFlags::RESET_COUNTS, ..flow });
    assert_eq!(bed.flows()[0].packet_count, 0);
}

fn modify_keeps_all_but_instructions(world: &World<'_>) {
    let mut bed = world.bed();
    let base = FlowMod { cookie: 7, hard_timeout: 60, ..entry(5, &[(OxmField::InPort, 1)], to(2)) };
    bed.add(base.clone());
    bed.add(FlowMod {
        cookie: 8,
        ..entry(9, &[(OxmField::InPort, 1), (OxmField::EthDst, 1)], to(2))
    });
    bed.add(entry(9, &[(OxmField::InPort, 2)], to(3)));
    bed.send(1, &udp(1, 2, 53));
    bed.pass(SECOND);
    let modify = FlowMod {
        command: FlowModCommand::Modify,
        cookie: 99,
        idle_timeout: 5,
        priority: 1,
        flags: FlowModFlags::SEND_FLOW_REM,
        ..entry(5, &[(OxmField::InPort, 1)], to(4))
    };
    bed.add(modify.clone());
    let flows = bed.flows();
    assert_eq!(
        flows.iter().map(|f| f.instructions.clone()).collect::<Vec<_>>(),
        [to(4), to(4), to(3)]
    );
    assert_eq!((flows[0].cookie, flows[0].hard_timeout, flows[0].priority), (7, 60, 5));
    assert_eq!((flows[0].packet_count, flows[0].duration_sec, flows[0].idle_timeout), (1, 1, 0));
    assert_eq!(flows[0].flags, FlowModFlags::empty());
    // The cookie filters; strict means priority and match.
    bed.add(FlowMod { cookie: 8, cookie_mask: u64::MAX, instructions: to(1), ..modify.clone() });
    assert_eq!(bed.flows()[1].instructions, to(1));
    assert_eq!(bed.flows()[0].instructions, to(4));
    let strict = FlowModCommand::ModifyStrict;
    bed.add(FlowMod { command: strict, priority: 6, instructions: to(3), ..modify.clone() });
    assert_eq!(bed.flows()[0].instructions, to(4), "another priority");
    let flags = FlowModFlags::RESET_COUNTS;
    bed.add(FlowMod { command: strict, priority: 5, flags, instructions: to(3), ..modify });
    assert_eq!(bed.flows()[0].instructions, to(3));
    assert_eq!(bed.flows()[0].packet_count, 0);
}

fn delete_selects_by_match_cookie_port_group_and_table(world: &World<'_>) {
    let mut bed = world.bed();
    let ip = (OxmField::EthType, 0x0800);
    let fill = |bed: &mut Bed<'_>| {
        bed.add(FlowMod { cookie: 1, ..entry(1, &[ip], to(2)) });
        bed.add(FlowMod {
            cookie: 2,
            ..entry(2, &[ip, (OxmField::IpProto, 6)], write([output(3)]))
        });
        bed.add(FlowMod { cookie: 3, table_id: TableId(4), ..entry(3, &[], to(2)) });
    };
    let cookies = |bed: &mut Bed<'_>| bed.flows().iter().map(|f| f.cookie).collect::<Vec<_>>();
    let delete = FlowMod { command: FlowModCommand::Delete, ..entry(77, &[], vec![]) };
    let cases: [(FlowMod, &[u64]); 8] = [
        (delete.clone(), &[3]),
        (FlowMod { table_id: TableId::ALL, ..delete.clone() }, &[]),
        (FlowMod { matching: matching(&[ip, (OxmField::IpProto, 6)]), ..delete.clone() }, &[1, 3]),
        (FlowMod { cookie: 3, cookie_mask: 1, table_id: TableId::ALL, ..delete.clone() }, &[2]),
        (FlowMod { out_port: PortNo(3), table_id: TableId::ALL, ..delete.clone() }, &[1, 3]),
        (FlowMod { out_port: PortNo(9), table_id: TableId::ALL, ..delete.clone() }, &[1, 2, 3]),
        (FlowMod { command: FlowModCommand::DeleteStrict, ..delete.clone() }, &[1, 2, 3]),
        (
            FlowMod {
                command: FlowModCommand::DeleteStrict,
                priority: 1,
                matching: matching(&[ip]),
                ..delete.clone()
            },
            &[2, 3],
        ),
    ];
    for (request, left) in cases {
        fill(&mut bed);
        assert_eq!(cookies(&mut bed), [1, 2, 3]);
        bed.add(request.clone());
        assert_eq!(cookies(&mut bed), left, "{request:?}");
    }
}

fn entries_that_name_metadata_are_compared_like_others(world: &World<'_>) {
    let mut bed = world.bed();
    let flow = entry(1, &[(OxmField::Metadata, 5), (OxmField::EthDst, 1)], to(2));
    bed.add(flow.clone());
    bed.add(flow.clone());
    assert_eq!(bed.flows().len(), 1);
    bed.add(FlowMod { command: FlowModCommand::DeleteStrict, ..flow.clone() });
    assert_eq!(bed.flows().len(), 0);
    bed.add(flow);
    let request = entry(1, &[(OxmField::Metadata, 5)], vec![]);
    bed.add(FlowMod { command: FlowModCommand::Delete, ..request });
    assert_eq!(bed.flows().len(), 0);
}
