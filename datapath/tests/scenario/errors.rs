//! What is refused, with which error, and that nothing changes.

use crate::*;
use ofp_codec::{
    BadActionCode, BadInstructionCode, BadMatchCode, BadRequestCode, FlowModCommand,
    FlowModFailedCode, FlowModFlags, GroupId, MeterId, MeterModFailedCode, TableId, TableMod,
    TableModFailedCode,
};

#[track_caller]
fn refused(flow: FlowMod, error: OfpError) {
    let mut bed = Bed::new();
    bed.add(FlowMod { cookie: 5, ..entry(3, &[(OxmField::InPort, 1)], apply([output(2)])) });
    let before = bed.all_flows();
    assert_eq!(bed.flow_mod(flow), Err(error));
    assert_eq!(bed.all_flows(), before);
}

#[test]
fn flow_mod_fields() {
    let flow = entry(1, &[], vec![]);
    let failed = |code| OfpError::FlowModFailed(code);
    for command in [FlowModCommand::Add, FlowModCommand::Modify, FlowModCommand::ModifyStrict] {
        let flow = FlowMod { command, table_id: TableId::ALL, ..flow.clone() };
        refused(flow, failed(FlowModFailedCode::BadTableId));
    }
    refused(
        FlowMod { buffer_id: 7, ..flow.clone() },
        OfpError::BadRequest(BadRequestCode::BufferUnknown),
    );
    let overlapping = FlowMod {
        flags: FlowModFlags::CHECK_OVERLAP,
        ..entry(3, &[(OxmField::EthType, 0x0800)], vec![])
    };
    refused(overlapping.clone(), failed(FlowModFailedCode::Overlap));
    let mut bed = Bed::new();
    bed.add(entry(3, &[(OxmField::InPort, 1)], vec![]));
    let identical = entry(3, &[(OxmField::InPort, 1)], vec![]);
    bed.add(FlowMod { flags: FlowModFlags::CHECK_OVERLAP, ..identical });
    bed.add(FlowMod { priority: 4, ..overlapping });
}

#[test]
fn a_missing_table_does_not_exist() {
    let mut bed = Bed::with(SwitchConfig { n_tables: 3, ..SwitchConfig::default() });
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
    let tables = &mut bed.switch.tables;
    assert_eq!(tables.table_mod(&table_mod(2, 3)), Ok(()));
    assert_eq!(tables.table_mod(&table_mod(255, 0)), Ok(()));
    assert_eq!(tables.table_mod(&table_mod(3, 0)), failed(TableModFailedCode::BadTable));
    assert_eq!(tables.table_mod(&table_mod(0, 4)), failed(TableModFailedCode::BadConfig));
}

#[test]
fn a_full_table_says_so_and_still_replaces() {
    let config = SwitchConfig { max_entries_per_table: 2, ..SwitchConfig::default() };
    let mut bed = Bed::with(config);
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
    assert_eq!(bed.switch.tables.entry_count(), 3);
}

#[test]
fn instructions_and_actions() {
    let flow = |instructions| entry(1, &[], instructions);
    let action = |action: Action| flow(apply([action]));
    let bad = |code| OfpError::BadAction(code);
    refused(
        flow(vec![Instruction::ClearActions, Instruction::ClearActions]),
        OfpError::BadInstruction(BadInstructionCode::UnsupInst),
    );
    refused(
        flow(vec![Instruction::Experimenter { experimenter: 1, data: vec![] }]),
        OfpError::BadInstruction(BadInstructionCode::BadExperimenter),
    );
    for meter in [0, 1, 0xffff_ffff, 0xffff_fffe] {
        refused(
            flow(vec![Instruction::Meter(MeterId(meter))]),
            OfpError::MeterModFailed(MeterModFailedCode::UnknownMeter),
        );
    }
    for port in [0, 0xffff_ff01, 0xffff_fff7, 0xffff_fff9, 0xffff_ffff] {
        refused(action(output(port)), bad(BadActionCode::BadOutPort));
    }
    for group in [GroupId(1), GroupId::ALL, GroupId::ANY] {
        refused(action(Action::Group(group)), bad(BadActionCode::BadOutGroup));
    }
    refused(action(Action::SetQueue(1)), bad(BadActionCode::BadQueue));
    refused(action(Action::PushVlan(0x0800)), bad(BadActionCode::BadArgument));
    refused(action(Action::PushMpls(0x8100)), bad(BadActionCode::BadArgument));
    refused(action(Action::PushPbb(0x8847)), bad(BadActionCode::BadArgument));
    refused(action(Action::PopVlan), bad(BadActionCode::MatchInconsistent));
    refused(action(Action::DecNwTtl), bad(BadActionCode::MatchInconsistent));
    refused(action(set(OxmField::Ipv4Dst, 1)), bad(BadActionCode::MatchInconsistent));
    for field in [OxmField::InPort, OxmField::InPhyPort, OxmField::Metadata, OxmField::Ipv6Exthdr] {
        refused(action(set(field, 0)), bad(BadActionCode::BadSetType));
    }
    let masked = Action::SetField(Oxm::masked(OxmField::EthDst, 1, 1));
    refused(action(masked), bad(BadActionCode::BadSetType));
    let vid = |value| apply([Action::PushVlan(0x8100), set(OxmField::VlanVid, value)]);
    refused(flow(vid(5)), bad(BadActionCode::BadSetArgument));
    refused(flow(vid(0x2005)), bad(BadActionCode::BadSetArgument));
    refused(
        action(Action::Experimenter { experimenter: 1, data: vec![] }),
        bad(BadActionCode::BadExperimenter),
    );
    // A later instruction's fault is found, too, and an entry is not modified half-way.
    let mut late = apply([output(3)]);
    late.extend(write([output(0)]));
    let modify = FlowMod { command: FlowModCommand::Modify, ..flow(late) };
    refused(modify, bad(BadActionCode::BadOutPort));
}

#[test]
fn matches_are_validated() {
    let unsound = FlowMod { matching: Match::any(), ..entry(1, &[], vec![]) };
    let mut bed = Bed::new();
    assert_eq!(bed.flow_mod(unsound), Ok(()));
    let prereq = Match::new([Oxm::new(OxmField::TcpDst, 1)]);
    assert_eq!(prereq, Err(OfpError::BadMatch(BadMatchCode::BadPrereq)));
}

#[test]
fn packet_outs() {
    let mut bed = Bed::new();
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
#[test]
fn an_entry_is_no_longer_than_its_statistics_can_tell() {
    let too_many = Err(OfpError::BadAction(BadActionCode::TooMany));
    let list = |count| apply(vec![output(2); count]);
    let mut bed = Bed::new();
    assert_eq!(bed.flow_mod(entry(1, &[], list(4_091))), too_many);
    bed.add(entry(1, &[], list(4_090)));
    bed.add(entry(2, &[(OxmField::InPort, 1), (OxmField::EthDst, 5)], list(1)));
    let modify = FlowMod { command: FlowModCommand::Modify, ..entry(0, &[], list(4_090)) };
    let before = bed.all_flows();
    assert_eq!(bed.flow_mod(modify), too_many);
    assert_eq!(bed.all_flows(), before);
    for flow in before {
        let body = ofp_codec::MultipartReplyBody::Flow(vec![flow]);
        let flags = ofp_codec::MultipartFlags::empty();
        let reply = ofp_codec::Message::MultipartReply(ofp_codec::MultipartReply { flags, body });
        reply.encode(1, &mut Vec::new()).unwrap();
    }
}

/// One message of 64 kB may be about a million entries: what all entries hold is bounded, by bundles
/// too, and what goes is given back.
#[test]
fn a_long_list_in_many_entries_is_bounded_and_leaves_all_as_they_were() {
    let config = SwitchConfig { max_entry_bytes: 1 << 20, ..SwitchConfig::default() };
    let mut bed = Bed::with(config);
    let list = |count| apply(vec![output(2); count]);
    for n in 0..100 {
        bed.add(entry(1, &[(OxmField::EthDst, n)], list(2)));
    }
    let modify = |fields: &[_], count| FlowMod {
        command: FlowModCommand::Modify,
        ..entry(0, fields, list(count))
    };
    let full = Err(OfpError::FlowModFailed(FlowModFailedCode::TableFull));
    let before = bed.all_flows();
    assert_eq!(bed.flow_mod(modify(&[], 400)), full);
    assert_eq!(bed.all_flows(), before);
    // Five fit, of 48 bytes for an action; again and again, as the old ones go.
    for _ in 0..20 {
        for n in 0..5 {
            assert_eq!(bed.flow_mod(modify(&[(OxmField::EthDst, n)], 4_000)), Ok(()));
        }
        assert_eq!(bed.flow_mod(modify(&[(OxmField::EthDst, 5)], 4_000)), full);
        assert_eq!(bed.flow_mod(modify(&[], 1)), Ok(()));
    }
    // A bundle keeps what it may have to put back.
    bed.switch.tables.begin();
    for _ in 0..5 {
        assert_eq!(bed.flow_mod(modify(&[(OxmField::EthDst, 1)], 4_000)), Ok(()));
    }
    assert_eq!(bed.flow_mod(modify(&[(OxmField::EthDst, 1)], 4_000)), full);
    bed.switch.tables.roll_back();
    for n in 0..5 {
        assert_eq!(bed.flow_mod(modify(&[(OxmField::EthDst, n)], 4_000)), Ok(()));
    }
    let delete = FlowMod { command: FlowModCommand::Delete, ..entry(0, &[], vec![]) };
    for _ in 0..20 {
        bed.add(delete.clone());
        bed.add(entry(1, &[], list(4_000)));
        bed.add(entry(1, &[], list(4_000)));
    }
}
