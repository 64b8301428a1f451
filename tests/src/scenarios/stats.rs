//! What controllers read.

use super::prelude::*;
use ofp_codec::multipart::FlowStatsRequest;
use ofp_codec::multipart::TableFeatureProperty as Property;
use ofp_codec::{BadRequestCode, FlowModCommand, FlowModFlags, GroupId, MeterId, TableId};

cases! { "stats":
    flow_statistics_tell_all_that_was_given: TIME,
    requests_select_and_aggregate: SETUP,
    counters_that_are_not_needed_are_kept_all_the_same,
    a_miss_is_a_lookup_and_no_match,
    byte_counters_count_before_padding_and_total_len_after,
    reset_counts_resets_packets_and_bytes_only: TIME,
    table_features_are_complete,
    features_announce_what_is_there,
}

fn flow_statistics_tell_all_that_was_given(world: &World<'_>) {
    let mut bed = world.bed();
    let instructions = vec![
        Instruction::WriteMetadata { value: 1, mask: 3 },
        Instruction::ApplyActions(vec![output(2)]),
        Instruction::GotoTable(TableId(9)),
    ];
    let masked = Match::new([
        Oxm::new(OxmField::EthType, 0x0800),
        Oxm::masked(OxmField::Ipv4Dst, 0x0a00_0000, 0xff00_0000),
        Oxm::masked(OxmField::EthDst, 5, 0xffff_ffff_ffff),
    ])
    .unwrap();
    let flags = FlowModFlags::SEND_FLOW_REM
        | FlowModFlags::CHECK_OVERLAP
        | FlowModFlags::RESET_COUNTS
        | FlowModFlags::NO_PKT_COUNTS
        | FlowModFlags::NO_BYT_COUNTS;
    bed.add(FlowMod {
        cookie: 0x1234,
        table_id: TableId(3),
        idle_timeout: 4,
        hard_timeout: 5,
        priority: 6,
        flags,
        matching: masked.clone(),
        instructions: instructions.clone(),
        ..FlowMod::default()
    });
    bed.pass(2 * SECOND + 7);
    let flows = bed.flows();
    assert_eq!(flows.len(), 1);
    let flow = &flows[0];
    assert_eq!((flow.table_id, flow.cookie, flow.priority), (TableId(3), 0x1234, 6));
    assert_eq!((flow.duration_sec, flow.duration_nsec), (2, 7));
    assert_eq!((flow.idle_timeout, flow.hard_timeout, flow.flags), (4, 5, flags));
    assert_eq!((&flow.matching, &flow.instructions), (&masked, &instructions));
}

fn requests_select_and_aggregate(world: &World<'_>) {
    let mut bed = world.bed();
    for table in 0..3 {
        for port in 1..=4 {
            let flow = entry(1, &[(OxmField::InPort, port)], apply([output(2)]));
            let mut flow = FlowMod { table_id: TableId(table), cookie: port as u64, ..flow };
            if table < 2 {
                flow.instructions.push(Instruction::GotoTable(TableId(table + 1)));
            }
            bed.add(flow);
        }
    }
    bed.send(1, &udp(1, 2, 53));
    bed.send(3, &udp(1, 2, 53));
    let all = FlowStatsRequest::default();
    let sum = bed.aggregate(&all);
    assert_eq!((sum.flow_count, sum.packet_count, sum.byte_count), (12, 6, 360));
    let one = FlowStatsRequest { cookie: 1, cookie_mask: u64::MAX, ..all.clone() };
    assert_eq!(bed.aggregate(&one).packet_count, 3);
    let table = FlowStatsRequest { table_id: TableId(1), ..all.clone() };
    assert_eq!(bed.selected(&table).len(), 4);
    let matching = matching(&[(OxmField::InPort, 3)]);
    let by_match = FlowStatsRequest { matching, ..all.clone() };
    assert_eq!(bed.selected(&by_match).iter().map(|f| f.cookie).collect::<Vec<_>>(), [3; 3]);
    let by_port = FlowStatsRequest { out_port: PortNo(3), ..all.clone() };
    assert_eq!(bed.selected(&by_port), []);
    let by_group = FlowStatsRequest { out_group: GroupId(1), ..all.clone() };
    assert_eq!(bed.selected(&by_group), []);
    let missing = FlowStatsRequest { table_id: TableId(255 - 1), ..all.clone() };
    assert_eq!(bed.selected(&missing), []);
    let stats = bed.table_stats();
    assert_eq!(stats.len(), 255);
    assert_eq!((stats[2].active_count, stats[2].lookup_count, stats[2].matched_count), (4, 2, 2));
    let mut small = world.bed_with(&Setup { n_tables: Some(2), ..Setup::DEFAULT });
    let bad = small.flow_stats(&table).map(drop);
    assert_eq!(bad, Ok(()));
    let bad = small.flow_stats(&FlowStatsRequest { table_id: TableId(2), ..all });
    assert_eq!(bad.map(drop), Err(OfpError::BadRequest(BadRequestCode::BadTableId)));
}

/// Counting is not asked for with NO_PKT_COUNTS and NO_BYT_COUNTS, and goes on all the same: a number
/// tells more than all ones.
fn counters_that_are_not_needed_are_kept_all_the_same(world: &World<'_>) {
    let mut bed = world.bed();
    let flags = FlowModFlags::NO_PKT_COUNTS | FlowModFlags::NO_BYT_COUNTS;
    bed.add(FlowMod { flags, ..entry(1, &[], apply([output(2)])) });
    bed.send(1, &udp(1, 2, 53));
    let flow = bed.flows().remove(0);
    assert_eq!((flow.packet_count, flow.byte_count, flow.flags), (1, 60, flags));
}

/// A miss without a table-miss flow entry moves the lookups alone; in a later table it is the same.
fn a_miss_is_a_lookup_and_no_match(world: &World<'_>) {
    let mut bed = world.bed();
    let goto = vec![Instruction::GotoTable(TableId(7))];
    bed.add(entry(1, &[(OxmField::InPort, 1)], goto));
    bed.send(2, &udp(1, 2, 53));
    bed.send(1, &udp(1, 2, 53));
    let counts = |bed: &mut Bed<'_>, table: usize| {
        let stats = bed.table_stats()[table];
        (stats.lookup_count, stats.matched_count)
    };
    assert_eq!(
        (counts(&mut bed, 0), counts(&mut bed, 7), counts(&mut bed, 1)),
        ((2, 1), (1, 0), (0, 0))
    );
    bed.assert_drops(&[(DropReason::TableMiss, 2)]);
    // A table-miss flow entry is an entry: it matches.
    bed.add(FlowMod { table_id: TableId(7), ..entry(0, &[], vec![]) });
    bed.send(1, &udp(1, 2, 53));
    assert_eq!(counts(&mut bed, 7), (2, 1));
}

/// What a pop leaves shorter than Ethernet's shortest goes out padded, and up, whose total_len counts
/// the padding; no byte counter does.
fn byte_counters_count_before_padding_and_total_len_after(world: &World<'_>) {
    let mut bed = world.bed();
    let tagged_60 = tagged(5, &udp(1, 2, 53)[..56]);
    assert_eq!(tagged_60.len(), 60);
    let given = ofp_codec::GroupMod {
        command: ofp_codec::GroupModCommand::Add,
        group_type: ofp_codec::GroupType::Indirect,
        group_id: GroupId(1),
        buckets: vec![ofp_codec::Bucket::new(vec![output(2)])],
    };
    bed.group(given);
    let list = [Action::PopVlan, Action::controller(), Action::Group(GroupId(1))];
    let mut instructions = apply(list);
    instructions.push(Instruction::GotoTable(TableId(1)));
    bed.add(entry(1, &[(OxmField::VlanVid, 0x1005)], instructions));
    bed.add(FlowMod { table_id: TableId(1), ..entry(1, &[], vec![]) });
    let sent = bed.send(1, &tagged_60);
    let mut padded = udp(1, 2, 53)[..56].to_vec();
    padded.resize(60, 0);
    assert_eq!(sent, [(2, padded.clone())]);
    let message = bed.packet_in().unwrap();
    assert_eq!((message.total_len, message.data), (60, padded));
    let flows = bed.flows();
    assert_eq!((flows[0].byte_count, flows[1].byte_count), (60, 56));
    let group = bed.group_stats(GroupId(1)).remove(0);
    assert_eq!((group.byte_count, group.buckets[0].byte_count), (56, 56));
    let mut stats = |port| bed.port_stats(PortNo(port)).unwrap().remove(0);
    assert_eq!((stats(1).rx_bytes, stats(2).tx_bytes), (60, 56));
}

/// RESET_COUNTS sets packets and bytes of what it replaces or modifies to 0, and nothing else.
fn reset_counts_resets_packets_and_bytes_only(world: &World<'_>) {
    let mut bed = world.bed();
    let flow = |flags| FlowMod { flags, ..entry(1, &[], apply([output(2)])) };
    let modify = |flags, command| FlowMod { command, ..flow(flags) };
    let none = FlowModFlags::empty();
    bed.add(flow(none));
    bed.send(1, &udp(1, 2, 53));
    let mut start = bed.now();
    let commands = [FlowModCommand::Add, FlowModCommand::Modify, FlowModCommand::ModifyStrict];
    for (command, flags, packets) in commands
        .into_iter()
        .flat_map(|command| [(command, none, 1), (command, FlowModFlags::RESET_COUNTS, 0)])
    {
        bed.pass(SECOND);
        bed.add(modify(flags, command));
        if command == FlowModCommand::Add {
            start = bed.now();
        }
        let flow = bed.flows().remove(0);
        assert_eq!((flow.packet_count, flow.byte_count), (packets, packets * 60), "{command:?}");
        assert_eq!(u64::from(flow.duration_sec), (bed.now().0 - start.0) / SECOND);
        if packets == 0 {
            bed.send(1, &udp(1, 2, 53));
        }
    }
    let stats = bed.table_stats()[0];
    assert_eq!((stats.lookup_count, stats.matched_count), (4, 4));
}

fn table_features_are_complete(world: &World<'_>) {
    let mut bed = world.bed();
    let tables = bed.table_features();
    assert_eq!(tables.len(), 255);
    for (id, features) in (0..=254).zip(&tables) {
        assert_eq!((features.table_id, &features.name), (TableId(id), &format!("table{id}")));
        assert_eq!(features.metadata_match, u64::MAX);
        assert!(features.max_entries > 10_000, "{}", features.max_entries);
        let mut kinds = [0; 8];
        for property in &features.properties {
            let (kind, count) = match property {
                Property::Instructions(ids) => (0, ids.len()),
                Property::NextTables(ids) => (1, ids.len()),
                Property::WriteActions(ids) => (2, ids.len()),
                Property::ApplyActions(ids) => (3, ids.len()),
                Property::Match(ids) => (4, ids.len()),
                Property::Wildcards(ids) => (5, ids.len()),
                Property::WriteSetfield(ids) => (6, ids.len()),
                Property::ApplySetfield(ids) => (7, ids.len()),
                other => panic!("{other:?}"),
            };
            assert_eq!(kinds[kind], 0, "once each");
            kinds[kind] = count.max(1);
            if kind == 1 {
                assert_eq!(count, usize::from(254 - id));
            }
            if kind == 4 || kind == 5 {
                assert_eq!(count, 40);
            }
        }
        assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
    }
}

fn features_announce_what_is_there(world: &World<'_>) {
    let mut bed = world.bed();
    let groups = bed.group_features();
    assert_eq!((groups.types, groups.capabilities.bits()), (15, 15));
    let meters = bed.meter_features();
    assert_eq!((meters.band_types, meters.capabilities.bits(), meters.max_bands), (6, 15, 8));
    assert_eq!(bed.group_stats(GroupId(5)), []);
    assert_eq!(bed.meter_stats(MeterId::ALL), Ok(vec![]));
}
