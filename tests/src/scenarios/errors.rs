//! What is refused, with which error, and that nothing changes.

use super::prelude::*;
use ofp_codec::{
    BadActionCode, BadInstructionCode, BadRequestCode, FlowModCommand, FlowModFailedCode,
    FlowModFlags, GroupId, MeterId, MeterModFailedCode, TableId, TableMod, TableModFailedCode,
};

cases! { "errors":
    flow_mod_fields,
    a_missing_table_does_not_exist: SETUP,
    a_full_table_says_so_and_still_replaces: SETUP,
    instructions_and_actions,
    packet_outs,
    an_entry_is_no_longer_than_its_statistics_can_tell,
}

#[track_caller]
fn refused(world: &World<'_>, flow: FlowMod, error: OfpError) {
    let mut bed = world.bed();
    bed.add(FlowMod { cookie: 5, ..entry(3, &[(OxmField::InPort, 1)], apply([output(2)])) });
    let before = bed.entries();
    assert_eq!(bed.flow_mod(flow), Err(error));
    assert_eq!(bed.entries(), before);
}

fn flow_mod_fields(world: &World<'_>) {
    let flow = entry(1, &[], vec![]);
    let failed = |code| OfpError::FlowModFailed(code);
    for command in [FlowModCommand::Add, FlowModCommand::Modify, FlowModCommand::ModifyStrict] {
        let flow = FlowMod { command, table_id: TableId::ALL, ..flow.clone() };
        refused(world, flow, failed(FlowModFailedCode::BadTableId));
    }
    refused(
        world,
        FlowMod { buffer_id: 7, ..flow.clone() },
        OfpError::BadRequest(BadRequestCode::BufferUnknown),
    );
    let overlapping = FlowMod {
        flags: FlowModFlags::CHECK_OVERLAP,
        ..entry(3, &[(OxmField::EthType, 0x0800)], vec![])
    };
    refused(world, overlapping.clone(), failed(FlowModFailedCode::Overlap));
    let mut bed = world.bed();
    bed.add(entry(3, &[(OxmField::InPort, 1)], vec![]));
    let identical = entry(3, &[(OxmField::InPort, 1)], vec![]);
    bed.add(FlowMod { flags: FlowModFlags::CHECK_OVERLAP, ..identical });
    bed.add(FlowMod { priority: 4, ..overlapping });
}

fn a_missing_table_does_not_exist(world: &World<'_>) {
    let mut bed = world.bed_with(&Setup { n_tables: Some(3), ..Setup::DEFAULT });
    let bad = Err(OfpError::FlowModFailed(FlowModFailedCode::BadTableId));
    for command in [FlowModCommand::Add, FlowModCommand::Delete] {
        let flow = FlowMod { command, table_id: TableId(3), ..entry(1, &[], vec![]) };
        assert_eq!(bed.flow_mod(flow), bad);
    }
    let goto = |from, to| FlowMod {
        table_id: TableId(from),
        ..entry(1, &[], vec![Instruction::GotoTable(TableId(to))])
    };
    assert_eq!(bed.flow_mod(goto(0, 2)), Ok(()));
    let bad = Err(OfpError::BadInstruction(BadInstructionCode::BadTableId));
    for (from, to) in [(0, 0), (1, 0), (1, 1), (1, 3), (2, 3), (0, 255)] {
        assert_eq!(bed.flow_mod(goto(from, to)), bad, "{from} to {to}");
    }
    let table_mod = |table_id, config| TableMod { table_id: TableId(table_id), config };
    let failed = |code| Err(OfpError::TableModFailed(code));
    assert_eq!(bed.table_mod(table_mod(2, 3)), Ok(()));
    assert_eq!(bed.table_mod(table_mod(255, 0)), Ok(()));
    assert_eq!(bed.table_mod(table_mod(3, 0)), failed(TableModFailedCode::BadTable));
    assert_eq!(bed.table_mod(table_mod(0, 4)), failed(TableModFailedCode::BadConfig));
}

fn a_full_table_says_so_and_still_replaces(world: &World<'_>) {
    let mut bed = world.bed_with(&Setup { max_entries_per_table: Some(2), ..Setup::DEFAULT });
    bed.add(entry(1, &[(OxmField::InPort, 1)], vec![]));
    bed.add(entry(1, &[(OxmField::InPort, 2)], vec![]));
    let third = entry(1, &[(OxmField::InPort, 3)], vec![]);
    let full = Err(OfpError::FlowModFailed(FlowModFailedCode::TableFull));
    assert_eq!(bed.flow_mod(third.clone()), full);
    bed.add(entry(1, &[(OxmField::InPort, 2)], apply([output(1)])));
    bed.add(FlowMod { table_id: TableId(1), ..third.clone() });
    bed.add(FlowMod {
        command: FlowModCommand::DeleteStrict,
        ..entry(1, &[(OxmField::InPort, 1)], vec![])
    });
    bed.add(third);
    assert_eq!(bed.flows().len(), 3);
}

fn instructions_and_actions(world: &World<'_>) {
    let flow = |instructions| entry(1, &[], instructions);
    let action = |action: Action| flow(apply([action]));
    let bad = |code| OfpError::BadAction(code);
    refused(
        world,
        flow(vec![Instruction::ClearActions, Instruction::ClearActions]),
        OfpError::BadInstruction(BadInstructionCode::UnsupInst),
    );
    refused(
        world,
        flow(vec![Instruction::Experimenter { experimenter: 1, data: vec![] }]),
        OfpError::BadInstruction(BadInstructionCode::BadExperimenter),
    );
    for meter in [0, 1, 0xffff_ffff, 0xffff_fffe] {
        refused(
            world,
            flow(vec![Instruction::Meter(MeterId(meter))]),
            OfpError::MeterModFailed(MeterModFailedCode::UnknownMeter),
        );
    }
    for port in [0, 0xffff_ff01, 0xffff_fff7, 0xffff_fff9, 0xffff_ffff] {
        refused(world, action(output(port)), bad(BadActionCode::BadOutPort));
    }
    for group in [GroupId(1), GroupId::ALL, GroupId::ANY] {
        refused(world, action(Action::Group(group)), bad(BadActionCode::BadOutGroup));
    }
    refused(world, action(Action::SetQueue(1)), bad(BadActionCode::BadQueue));
    refused(world, action(Action::PushVlan(0x0800)), bad(BadActionCode::BadArgument));
    refused(world, action(Action::PushMpls(0x8100)), bad(BadActionCode::BadArgument));
    refused(world, action(Action::PushPbb(0x8847)), bad(BadActionCode::BadArgument));
    refused(world, action(Action::PopVlan), bad(BadActionCode::MatchInconsistent));
    refused(world, action(Action::DecNwTtl), bad(BadActionCode::MatchInconsistent));
    refused(world, action(set(OxmField::Ipv4Dst, 1)), bad(BadActionCode::MatchInconsistent));
    for field in [OxmField::InPort, OxmField::InPhyPort, OxmField::Metadata, OxmField::Ipv6Exthdr] {
        refused(world, action(set(field, 0)), bad(BadActionCode::BadSetType));
    }
    let masked = Action::SetField(Oxm::masked(OxmField::EthDst, 1, 1));
    refused(world, action(masked), bad(BadActionCode::BadSetType));
    let vid = |value| apply([Action::PushVlan(0x8100), set(OxmField::VlanVid, value)]);
    refused(world, flow(vid(5)), bad(BadActionCode::BadSetArgument));
    refused(world, flow(vid(0x2005)), bad(BadActionCode::BadSetArgument));
    refused(
        world,
        action(Action::Experimenter { experimenter: 1, data: vec![] }),
        bad(BadActionCode::BadExperimenter),
    );
    // A later instruction's fault is found, too, and an entry is not modified half-way.
    let mut late = apply([output(3)]);
    late.extend(write([output(0)]));
    let modify = FlowMod { command: FlowModCommand::Modify, ..flow(late) };
    refused(world, modify, bad(BadActionCode::BadOutPort));
}

fn packet_outs(world: &World<'_>) {
    let mut bed = world.bed();
    let given = |in_port, data: &[u8], actions: Vec<Action>| PacketOut {
        buffer_id: ofp_codec::NO_BUFFER,
        in_port,
        actions,
        data: data.to_vec(),
    };
    let frame = udp(1, 2, 53);
    let to_2 = || vec![output(2)];
    let fail = |code| Err(OfpError::BadRequest(code));
    for port in [0, 0xffff_ff01, 0xffff_fff8, 0xffff_fff9, 0xffff_fffa, 0xffff_fffc] {
        let given = given(PortNo(port), &frame, to_2());
        assert_eq!(bed.packet_out(&given), fail(BadRequestCode::BadPort), "{port:#x}");
    }
    for len in [0, 3, 13] {
        let given = given(PortNo::CONTROLLER, &frame[..len], to_2());
        assert_eq!(bed.packet_out(&given), fail(BadRequestCode::BadPacket));
    }
    let buffered = PacketOut { buffer_id: 7, ..given(PortNo::CONTROLLER, &frame, to_2()) };
    assert_eq!(bed.packet_out(&buffered), fail(BadRequestCode::BufferUnknown));
    let bad = given(PortNo::CONTROLLER, &frame, vec![output(2), output(0)]);
    let error = OfpError::BadAction(BadActionCode::BadOutPort);
    assert_eq!(bed.packet_out(&bad), Err(error));
    assert_eq!(bed.sent(), [], "nothing was sent");
    for port in [PortNo::CONTROLLER, PortNo::LOCAL, PortNo::ANY, PortNo(1), PortNo(77)] {
        bed.packet_out(&given(port, &frame, to_2())).unwrap();
        assert_eq!(bed.sent(), [(2, frame.clone())]);
    }
}

/// Statistics of an entry have to fit a message: 16 bytes, 48, its match and its instructions
/// (§7.3.5.2). A flow-mod has 16 bytes less around them, and a modify meets longer matches.
fn an_entry_is_no_longer_than_its_statistics_can_tell(world: &World<'_>) {
    let too_many = Err(OfpError::BadAction(BadActionCode::TooMany));
    let list = |count| apply(vec![output(2); count]);
    let mut bed = world.bed();
    assert_eq!(bed.flow_mod(entry(1, &[], list(4_091))), too_many);
    bed.add(entry(1, &[], list(4_090)));
    bed.add(entry(2, &[(OxmField::InPort, 1), (OxmField::EthDst, 5)], list(1)));
    let modify = FlowMod { command: FlowModCommand::Modify, ..entry(0, &[], list(4_090)) };
    let before = bed.entries();
    assert_eq!(bed.flow_mod(modify), too_many);
    assert_eq!(bed.entries(), before);
}
