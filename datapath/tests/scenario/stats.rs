//! What controllers read.

use crate::*;
use ofp_codec::{FlowModCommand, TableId};

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
