//! What controllers read.

use crate::*;
use ofp_codec::multipart::TableFeatureProperty as Property;
use ofp_codec::{FlowModCommand, GroupId, MeterId, TableId};

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
