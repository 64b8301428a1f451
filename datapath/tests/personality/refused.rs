//! What a smaller switch refuses, with which error, and that it checks in the standard's order.

use crate::*;
use ofp_codec::multipart::{FlowStatsRequest, GroupCapabilities};
use ofp_codec::{
    BadActionCode, BadInstructionCode, BadMatchCode, BadRequestCode, Band, FlowModCommand,
    FlowModFailedCode, FlowModFlags, GroupModFailedCode, MeterFlags, MeterId, MeterMod,
    MeterModCommand, MeterModFailedCode, PacketOut,
};
use rumpswitch_datapath::Switch;
use rumpswitch_datapath::personality::{Features, FieldSet, MeterShape, Outputs};

fn apply(actions: Vec<Action>) -> Vec<Instruction> {
    vec![Instruction::ApplyActions(actions)]
}

fn bad_action(code: BadActionCode) -> Result<(), OfpError> {
    Err(OfpError::BadAction(code))
}

/// The example of the documentation: three tables and no DEC_NW_TTL.
#[test]
fn a_switch_with_three_tables_and_no_dec_ttl() {
    let personality = Personality::full()
        .with_table_count(3)
        .map_tables(|_, table| table.without_actions([ActionType::DecNwTtl]));
    let mut tables = tables(personality);
    let ip = || Match::new([Oxm::new(OxmField::EthType, 0x0800)]).unwrap();
    for id in 0..3 {
        let id = TableId(id);
        let decrement = apply(vec![Action::DecNwTtl]);
        let result = add(&mut tables, id, ip(), decrement);
        assert_eq!(result, bad_action(BadActionCode::BadType));
        assert_eq!(add(&mut tables, id, ip(), apply(vec![Action::SetNwTtl(3)])), Ok(()));
        let [announced, _] = Announced::read(&tables.table_features(id).unwrap());
        assert!(!announced.apply_actions.contains(&24) && !announced.write_actions.contains(&24));
    }
    let bad_table = Err(OfpError::FlowModFailed(FlowModFailedCode::BadTableId));
    assert_eq!(add(&mut tables, TableId(3), ip(), vec![]), bad_table);
    let goto = vec![Instruction::GotoTable(TableId(3))];
    let nowhere = Err(OfpError::BadInstruction(BadInstructionCode::BadTableId));
    assert_eq!(add(&mut tables, TableId(1), ip(), goto), nowhere);
}

#[test]
fn masks_of_the_text_only_are_strict() {
    let mut tables = tables(Personality::strict());
    let tcp = [
        Oxm::new(OxmField::EthType, 0x0800),
        Oxm::new(OxmField::IpProto, 6),
        Oxm::masked(OxmField::TcpDst, 0x1000, 0xff00),
    ];
    let result = add(&mut tables, TableId(0), Match::new(tcp).unwrap(), vec![]);
    assert_eq!(result, Err(OfpError::BadMatch(BadMatchCode::BadMask)));
    let address = [
        Oxm::new(OxmField::EthType, 0x0800),
        Oxm::masked(OxmField::Ipv4Dst, 0x0a00_0001, 0xff00_00ff),
    ];
    assert_eq!(add(&mut tables, TableId(0), Match::new(address).unwrap(), vec![]), Ok(()));
}

#[test]
fn prefixes_only_are_refused_other_masks_of_an_address() {
    let mut tables = tables(Personality::faucet_generic());
    let mut try_it = |mask| {
        let fields = [
            Oxm::new(OxmField::EthType, 0x0800),
            Oxm::masked(OxmField::Ipv4Dst, 0x0a00_0000, mask),
        ];
        add(&mut tables, TableId(0), Match::new(fields).unwrap(), vec![])
    };
    let bad = Err(OfpError::BadMatch(BadMatchCode::BadNwAddrMask));
    for (mask, wanted) in
        [(0xff00_0000, Ok(())), (0xffff_fffe, Ok(())), (0xff00_00ff, bad), (0x0a00_0000, bad)]
    {
        assert_eq!(try_it(mask), wanted, "{mask:#x}");
    }
}

#[test]
fn a_full_table_is_as_long_as_its_shape_says() {
    let mut tables = tables(uneven());
    let flow = |priority| FlowMod {
        priority,
        matching: matching(&[OxmField::InPort], None),
        ..FlowMod::default()
    };
    assert_eq!(tables.table_features(TableId(0)).unwrap().max_entries, 2);
    for priority in [1, 2] {
        tables.flow_mod(NOW, &flow(priority)).unwrap();
    }
    let full = Err(OfpError::FlowModFailed(FlowModFailedCode::TableFull));
    assert_eq!(tables.flow_mod(NOW, &flow(3)), full);
    assert_eq!(tables.flow_mod(NOW, &flow(2)), Ok(()), "an entry is replaced");
}

#[test]
fn timeouts_and_flags_that_a_switch_lacks_are_refused() {
    let mut personality = Personality::full().without(Features::IDLE_TIMEOUT);
    personality.flow_flags.remove(FlowModFlags::CHECK_OVERLAP);
    let mut tables = tables(personality);
    let bad = |code| Err(OfpError::FlowModFailed(code));
    let idle = FlowMod { idle_timeout: 1, ..FlowMod::default() };
    assert_eq!(tables.flow_mod(NOW, &idle), bad(FlowModFailedCode::BadTimeout));
    let hard = FlowMod { hard_timeout: 1, ..FlowMod::default() };
    assert_eq!(tables.flow_mod(NOW, &hard), Ok(()));
    let modify = FlowMod { command: FlowModCommand::Modify, ..idle };
    assert_eq!(tables.flow_mod(NOW, &modify), Ok(()), "a modification sets no timeout");
    let overlap = FlowMod { flags: FlowModFlags::CHECK_OVERLAP, ..FlowMod::default() };
    assert_eq!(tables.flow_mod(NOW, &overlap), bad(FlowModFailedCode::BadFlags));
}

#[test]
fn outputs_that_a_switch_lacks_are_bad_ports() {
    let mut personality = Personality::full().without(Features::ABSENT_PORTS);
    personality.outputs.remove(Outputs::NORMAL);
    personality.max_port = PortNo(100);
    let mut tables = tables(personality);
    for (port, wanted) in [
        (PortNo(1), Ok(())),
        (PortNo(2), bad_action(BadActionCode::BadOutPort)),
        (PortNo(101), bad_action(BadActionCode::BadOutPort)),
        (PortNo::NORMAL, bad_action(BadActionCode::BadOutPort)),
        (PortNo::FLOOD, Ok(())),
    ] {
        let output = apply(vec![Action::output(port)]);
        assert_eq!(add(&mut tables, TableId(0), Match::any(), output), wanted, "{port:?}");
    }
    let beyond = Match::new([Oxm::new(OxmField::InPort, 101)]).unwrap();
    let bad = Err(OfpError::BadMatch(BadMatchCode::BadValue));
    assert_eq!(add(&mut tables, TableId(0), beyond, vec![]), bad);
}

#[test]
fn lists_are_as_long_and_tags_as_many_as_a_switch_can() {
    let mut personality = Personality::full();
    personality.max_actions = 3;
    personality.max_vlan_tags = 2;
    let mut tables = tables(personality);
    let push = |count| apply(vec![Action::PushVlan(0x8100); count]);
    let tagged = || Match::new([Oxm::new(OxmField::VlanVid, 0x1005)]).unwrap();
    let too_deep = bad_action(BadActionCode::BadTag);
    for (matching, count, wanted) in [
        (Match::any(), 2, Ok(())),
        (Match::any(), 3, too_deep),
        (tagged(), 1, Ok(())),
        (tagged(), 2, too_deep),
        (Match::any(), 4, bad_action(BadActionCode::TooMany)),
    ] {
        assert_eq!(add(&mut tables, TableId(0), matching, push(count)), wanted, "{count}");
    }
    let swap = apply(vec![Action::PopVlan, Action::PushVlan(0x8100), Action::PushVlan(0x8100)]);
    assert_eq!(add(&mut tables, TableId(0), tagged(), swap), Ok(()));
}

#[test]
fn packet_outs_may_do_what_some_table_may() {
    let mut switch =
        Switch::new(SwitchConfig { personality: Some(uneven().into()), ..SwitchConfig::default() });
    let mut host = hypercall::fake::Recorder::default();
    let mut send = |switch: &mut Switch, action| {
        let given = PacketOut {
            in_port: PortNo::CONTROLLER,
            actions: vec![action],
            data: vec![0; 60],
            buffer_id: ofp_codec::NO_BUFFER,
        };
        switch.packet_out(&mut host, NOW, &given).map(drop)
    };
    assert_eq!(send(&mut switch, Action::PushVlan(0x8100)), Ok(()));
    let mut switch = Switch::new(SwitchConfig {
        personality: Some(Personality::openbsd().into()),
        ..SwitchConfig::default()
    });
    let refused = bad_action(BadActionCode::BadType);
    assert_eq!(send(&mut switch, Action::PushMpls(0x8847)), refused);
    assert_eq!(send(&mut switch, Action::PushVlan(0x8100)), Ok(()));
}

#[test]
fn a_question_or_deletion_may_name_every_field_that_some_table_has() {
    let mut tables = tables(uneven());
    let delete = |matching| FlowMod {
        table_id: TableId(1),
        command: FlowModCommand::Delete,
        matching,
        ..FlowMod::default()
    };
    let source = Match::new([Oxm::new(OxmField::EthSrc, 1)]).unwrap();
    assert_eq!(tables.flow_mod(NOW, &delete(source)), Ok(()), "table 1 has no ETH_SRC, 0 has");
    let mut tables = crate::tables(Personality::openbsd());
    let label = [Oxm::new(OxmField::EthType, 0x8847), Oxm::new(OxmField::MplsLabel, 1)];
    let label = Match::new(label).unwrap();
    let bad = OfpError::BadMatch(BadMatchCode::BadField);
    assert_eq!(tables.flow_mod(NOW, &delete(label.clone())), Err(bad));
    let question = FlowStatsRequest { matching: label, ..FlowStatsRequest::default() };
    assert_eq!(tables.flow_stats(&question).map(drop), Err(bad));
}

#[test]
fn groups_without_weights_liveness_or_chains() {
    let mut personality = Personality::full();
    personality.groups.capabilities = GroupCapabilities::empty();
    personality.groups.max_groups = [1, 2, 0, 1];
    let mut tables = tables(personality);
    let bad = |code| Err(OfpError::GroupModFailed(code));
    let bucket = |weight, watch_port| Bucket {
        weight,
        watch_port,
        ..Bucket::new(vec![Action::output(PortNo(1))])
    };
    let any = PortNo::ANY;
    let mut select = |buckets| add_group(&mut tables, GroupType::Select, buckets);
    let uneven = vec![bucket(1, any), bucket(2, any)];
    assert_eq!(select(uneven), bad(GroupModFailedCode::WeightUnsupported));
    let watching = vec![bucket(1, PortNo(1))];
    assert_eq!(select(watching), bad(GroupModFailedCode::WatchUnsupported));
    assert_eq!(select(vec![bucket(3, any), bucket(3, any)]), Ok(()));
    let mut group = |command, id, group_type| {
        let buckets = match group_type {
            _ if command == GroupModCommand::Delete => vec![],
            GroupType::FastFailover => vec![bucket(0, PortNo(1))],
            GroupType::Select => vec![bucket(1, any)],
            _ => vec![bucket(0, any)],
        };
        let group_id = GroupId(id);
        tables.group_mod(NOW, &GroupMod { command, group_type, group_id, buckets })
    };
    use GroupModCommand::{Add, Delete, Modify};
    let out_of_groups = bad(GroupModFailedCode::OutOfGroups);
    assert_eq!(group(Add, 2, GroupType::All), Ok(()));
    assert_eq!(group(Add, 3, GroupType::All), out_of_groups);
    assert_eq!(group(Add, 3, GroupType::Indirect), bad(GroupModFailedCode::BadType));
    assert_eq!(group(Modify, 1, GroupType::All), out_of_groups, "it would become one of ALL");
    assert_eq!(group(Modify, 2, GroupType::All), Ok(()), "it is one already");
    assert_eq!(group(Modify, 2, GroupType::Select), Ok(()));
    assert_eq!(group(Add, 3, GroupType::All), Ok(()), "its place is free");
    assert_eq!(group(Add, 4, GroupType::Select), out_of_groups);
    assert_eq!(group(Delete, 1, GroupType::All), Ok(()));
    assert_eq!(group(Add, 4, GroupType::Select), Ok(()));
}

#[test]
fn a_journal_that_rolls_back_leaves_the_counts_of_group_types() {
    let mut personality = Personality::full();
    personality.groups.max_groups = [1, 1, 1, 1];
    let mut tables = tables(personality);
    for _ in 0..3 {
        tables.begin();
        assert_eq!(add_group(&mut tables, GroupType::All, vec![]), Ok(()));
        let modify = GroupMod {
            command: GroupModCommand::Modify,
            group_type: GroupType::Select,
            group_id: GroupId(1),
            buckets: vec![],
        };
        assert_eq!(tables.group_mod(NOW, &modify), Ok(()));
        tables.roll_back();
    }
    assert_eq!(add_group(&mut tables, GroupType::All, vec![]), Ok(()));
}

#[test]
fn virtual_meters_can_be_lacking() {
    let mut tables = tables(Personality::full().without(Features::VIRTUAL_METERS));
    let mut meter = |meter_id| {
        tables.meter_mod(
            NOW,
            &MeterMod {
                command: MeterModCommand::Add,
                flags: MeterFlags::PKTPS,
                meter_id,
                bands: vec![Band::Drop { rate: 1, burst_size: 0 }],
            },
        )
    };
    let invalid = Err(OfpError::MeterModFailed(MeterModFailedCode::InvalidMeter));
    assert_eq!(meter(MeterId::CONTROLLER), invalid);
    assert_eq!(meter(MeterId::SLOWPATH), invalid);
    assert_eq!(meter(MeterId(1)), Ok(()));
}

#[test]
fn open_vswitch_says_it_in_its_own_way() {
    let mut tables = tables(Personality::ovs());
    let zero = TableId(0);
    let meter = vec![Instruction::Meter(MeterId(1))];
    assert_eq!(
        add(&mut tables, zero, Match::any(), meter),
        Err(OfpError::MeterModFailed(MeterModFailedCode::InvalidMeter))
    );
    let twice = vec![Instruction::ClearActions, Instruction::ClearActions];
    let onf = OfpError::Experimenter { experimenter: 0x4f4e_4600, exp_type: 2600 };
    assert_eq!(add(&mut tables, zero, Match::any(), twice), Err(onf));
    let operation = [Oxm::new(OxmField::EthType, 0x0806), Oxm::new(OxmField::ArpOp, 256)];
    let bad_value = Err(OfpError::BadMatch(BadMatchCode::BadValue));
    assert_eq!(add(&mut tables, zero, Match::new(operation).unwrap(), vec![]), bad_value);
    let far = Match::new([Oxm::new(OxmField::InPort, 0x1_0000)]).unwrap();
    assert_eq!(add(&mut tables, zero, far, vec![]), bad_value);
    let reserved = Match::new([Oxm::new(OxmField::InPort, 0xffff_fffd)]).unwrap();
    assert_eq!(add(&mut tables, zero, reserved, vec![]), Ok(()));
    let eperm = Err(OfpError::BadRequest(BadRequestCode::Eperm));
    assert_eq!(add(&mut tables, TableId(254), Match::any(), vec![]), eperm);
    let push = apply(vec![Action::PushVlan(0x8100); 3]);
    assert_eq!(add(&mut tables, zero, Match::any(), push), bad_action(BadActionCode::BadTag));
    let output = apply(vec![Action::output(PortNo(0x1_0000))]);
    assert_eq!(add(&mut tables, zero, Match::any(), output), bad_action(BadActionCode::BadOutPort));
}

#[test]
fn the_limits_of_the_host_are_those_of_the_switch() {
    let config = SwitchConfig {
        n_tables: 2,
        max_entries_per_table: 3,
        max_groups: 4,
        max_meters: 5,
        max_bands: 6,
        ..SwitchConfig::default()
    };
    let tables = Tables::new(config);
    assert_eq!(tables.table_ids().count(), 2);
    assert_eq!(tables.table_features(TableId(1)).unwrap().max_entries, 3);
    assert_eq!(tables.group_features().max_groups, [4; 4]);
    let meters = tables.meter_features();
    assert_eq!((meters.max_meter, meters.max_bands), (5, 6));
}

#[test]
fn what_cannot_be_used_is_not_announced() {
    let mut personality = Personality::full().with_table_count(2);
    personality.meters = MeterShape::none();
    personality = personality.map_tables(|_, mut table| {
        table.metadata_match = 0;
        table.metadata_write = 0;
        table.entry.apply_fields = FieldSet::NONE;
        table
    });
    let tables = tables(personality);
    let [announced, _] = Announced::read(&tables.table_features(TableId(1)).unwrap());
    assert!(announced.fields.iter().all(|(field, _)| *field != OxmField::Metadata));
    assert_eq!(announced.instructions, [3, 4, 5], "no goto, metadata, meter");
    assert!(!announced.apply_actions.contains(&25) && announced.write_actions.contains(&25));
}

#[test]
fn ports_are_configured_and_numbered_as_far_as_a_switch_can() {
    use ofp_codec::{PortConfig as Config, PortMod, PortModFailedCode};
    let mut personality = Personality::full();
    personality.port_config = Config::PORT_DOWN;
    personality.max_port = PortNo(8);
    let mut tables = tables(personality);
    let desc = tables.port_desc(Port(1)).unwrap();
    let mut configure = |mask| {
        let (port_no, hw_addr) = (PortNo(1), desc.hw_addr);
        let advertise = ofp_codec::PortFeatures::empty();
        tables.port_mod(&PortMod { port_no, hw_addr, config: mask, mask, advertise })
    };
    assert_eq!(configure(Config::PORT_DOWN), Ok(()));
    let bad = |code| Err(OfpError::PortModFailed(code));
    assert_eq!(configure(Config::NO_FWD), bad(PortModFailedCode::BadConfig));
    let mut add = |number| tables.port_add(NOW, PortConfig::new(Port(number), "more"));
    assert_eq!(add(8), Ok(()));
    assert_eq!(add(9), bad(PortModFailedCode::BadPort));
    assert_eq!(add(PortNo::LOCAL.0), Ok(()));
}

/// A message with everything wrong is told the first thing in the standard's order; that mended, the
/// next.
#[test]
fn the_first_thing_that_is_wrong_in_the_standards_order_is_told() {
    use rumpswitch_datapath::personality::Instructions;
    let personality = Personality::full()
        .without(Features::IDLE_TIMEOUT)
        .with_table_count(2)
        .map_tables(|_, table| {
            table
                .without_fields([OxmField::EthSrc])
                .without_actions([ActionType::PushVlan])
                .without_instructions(Instructions::METER)
                .with_max_entries(0)
        });
    let mut tables = tables(personality);
    let group = Action::Group(GroupId(9));
    let mut flow = FlowMod {
        table_id: TableId(2),
        flags: FlowModFlags::from_bits_retain(1 << 15),
        idle_timeout: 1,
        matching: Match::new([Oxm::new(OxmField::EthSrc, 1), Oxm::new(OxmField::EthType, 0x86dd)])
            .unwrap(),
        instructions: vec![
            Instruction::Meter(MeterId(1)),
            Instruction::ApplyActions(vec![
                Action::PushVlan(0x8100),
                Action::PopVlan,
                group.clone(),
            ]),
            Instruction::GotoTable(TableId(1)),
        ],
        ..FlowMod::default()
    };
    let mut told = |flow: &FlowMod| tables.flow_mod(NOW, flow).unwrap_err();
    let failed = OfpError::FlowModFailed;
    assert_eq!(told(&flow), failed(FlowModFailedCode::BadTableId));
    flow.table_id = TableId(1);
    assert_eq!(told(&flow), failed(FlowModFailedCode::BadFlags));
    flow.flags = FlowModFlags::empty();
    assert_eq!(told(&flow), failed(FlowModFailedCode::BadTimeout));
    flow.idle_timeout = 0;
    assert_eq!(told(&flow), OfpError::BadMatch(BadMatchCode::BadField));
    flow.matching = Match::any();
    assert_eq!(told(&flow), OfpError::BadInstruction(BadInstructionCode::UnsupInst));
    flow.instructions.remove(0);
    assert_eq!(told(&flow), OfpError::BadAction(BadActionCode::BadType));
    let list = |actions: Vec<Action>| Instruction::ApplyActions(actions);
    flow.instructions[0] = list(vec![Action::PopVlan, group.clone()]);
    assert_eq!(told(&flow), OfpError::BadInstruction(BadInstructionCode::BadTableId));
    flow.instructions.truncate(1);
    assert_eq!(told(&flow), OfpError::BadAction(BadActionCode::MatchInconsistent));
    flow.instructions[0] = list(vec![group]);
    assert_eq!(told(&flow), OfpError::BadAction(BadActionCode::BadOutGroup));
    flow.instructions.clear();
    assert_eq!(told(&flow), failed(FlowModFailedCode::TableFull));
}
