//! What controllers read.

use crate::*;
use ofp_codec::multipart::TableFeatureProperty as Property;
use ofp_codec::{BadRequestCode, FlowModCommand, FlowModFlags, GroupId, MeterId, TableId};

#[test]
fn flow_statistics_tell_all_that_was_given() {
    let mut bed = Bed::new();
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
    bed.now = bed.now.plus(2 * SECOND + 7);
    let flows = bed.all_flows();
    assert_eq!(flows.len(), 1);
    let flow = &flows[0];
    assert_eq!((flow.table_id, flow.cookie, flow.priority), (TableId(3), 0x1234, 6));
    assert_eq!((flow.duration_sec, flow.duration_nsec), (2, 7));
    assert_eq!((flow.idle_timeout, flow.hard_timeout, flow.flags), (4, 5, flags));
    assert_eq!((&flow.matching, &flow.instructions), (&masked, &instructions));
}

#[test]
fn requests_select_and_aggregate() {
    let mut bed = Bed::new();
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
    let sum = bed.switch.tables.aggregate(&all).unwrap();
    assert_eq!((sum.flow_count, sum.packet_count, sum.byte_count), (12, 6, 360));
    let one = FlowStatsRequest { cookie: 1, cookie_mask: u64::MAX, ..all.clone() };
    assert_eq!(bed.switch.tables.aggregate(&one).unwrap().packet_count, 3);
    let table = FlowStatsRequest { table_id: TableId(1), ..all.clone() };
    assert_eq!(bed.flows(&table).len(), 4);
    let matching = matching(&[(OxmField::InPort, 3)]);
    let by_match = FlowStatsRequest { matching, ..all.clone() };
    assert_eq!(bed.flows(&by_match).iter().map(|f| f.cookie).collect::<Vec<_>>(), [3; 3]);
    let by_port = FlowStatsRequest { out_port: PortNo(3), ..all.clone() };
    assert_eq!(bed.flows(&by_port), []);
    let by_group = FlowStatsRequest { out_group: GroupId(1), ..all.clone() };
    assert_eq!(bed.flows(&by_group), []);
    let missing = FlowStatsRequest { table_id: TableId(255 - 1), ..all.clone() };
    assert_eq!(bed.flows(&missing), []);
    let stats: Vec<_> = bed.switch.tables.table_stats().collect();
    assert_eq!(stats.len(), 255);
    assert_eq!((stats[2].active_count, stats[2].lookup_count, stats[2].matched_count), (4, 2, 2));
    let small = Bed::with(SwitchConfig { n_tables: 2, ..SwitchConfig::default() });
    let bad = small.switch.tables.flow_stats(&table).map(drop);
    assert_eq!(bad, Ok(()));
    let bad = small.switch.tables.flow_stats(&FlowStatsRequest { table_id: TableId(2), ..all });
    assert_eq!(bad.map(drop), Err(OfpError::BadRequest(BadRequestCode::BadTableId)));
}

/// Entries go and come while a reader is under way.
#[test]
fn a_cursor_survives_changes() {
    let mut bed = Bed::new();
    let flow = |n: u64| {
        let flow = entry(1, &[(OxmField::EthDst, u128::from(n))], vec![]);
        FlowMod { cookie: n, table_id: TableId((n % 3) as u8), ..flow }
    };
    (0..300).for_each(|n| bed.add(flow(n)));
    let mut cursor = bed.switch.tables.flow_stats(&FlowStatsRequest::default()).unwrap();
    let mut seen = Vec::new();
    let mut round = 0;
    while !cursor.is_done() {
        let mut budget = 7;
        while let Some(stats) = bed.switch.tables.next_flow_stats(&mut cursor, bed.now, &mut budget)
        {
            seen.push(stats.cookie);
        }
        // Delete around the reader, and put others into the places.
        for n in (round * 8)..(round * 8 + 4) {
            bed.add(FlowMod { command: FlowModCommand::DeleteStrict, ..flow(n) });
            bed.add(FlowMod { cookie: 1_000 + n, ..flow(1_000 + n) });
        }
        round += 1;
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), seen.len(), "none twice");
    let kept = (0..300).filter(|n| n % 8 >= 4);
    for n in kept {
        assert!(seen.contains(&n), "{n} was there all the time");
    }
}

#[test]
fn table_features_are_complete() {
    let bed = Bed::with(SwitchConfig { n_tables: 4, ..SwitchConfig::default() });
    for id in 0..4 {
        let features = bed.switch.tables.table_features(TableId(id)).unwrap();
        assert_eq!((features.table_id, features.name), (TableId(id), format!("table{id}")));
        assert_eq!((features.metadata_match, features.max_entries), (u64::MAX, 1 << 20));
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
                assert_eq!(count, usize::from(3 - id));
            }
            if kind == 4 || kind == 5 {
                assert_eq!(count, 40);
            }
        }
        assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
    }
    assert!(bed.switch.tables.table_features(TableId(4)).is_none());
}

#[test]
fn features_announce_what_is_there() {
    let bed = Bed::new();
    let groups = bed.switch.tables.group_features();
    assert_eq!((groups.types, groups.capabilities.bits()), (15, 15));
    let meters = bed.switch.tables.meter_features();
    assert_eq!((meters.band_types, meters.capabilities.bits(), meters.max_bands), (6, 15, 8));
    assert_eq!(bed.switch.tables.group_stats(GroupId(5), bed.now), []);
    assert_eq!(bed.switch.tables.meter_stats(MeterId::ALL, bed.now), Ok(vec![]));
}
