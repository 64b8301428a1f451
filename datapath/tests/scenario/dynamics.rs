//! Timeouts and removals in time.

use crate::*;
use ofp_codec::{FlowModFlags, TableId};

fn flow(idle_timeout: u16, hard_timeout: u16) -> FlowMod {
    FlowMod {
        cookie: 11,
        idle_timeout,
        hard_timeout,
        flags: FlowModFlags::SEND_FLOW_REM,
        table_id: TableId(0),
        ..entry(8, &[(OxmField::InPort, 1)], apply([output(2)]))
    }
}

#[test]
fn a_thousand_expiries_are_done_in_bounded_ticks() {
    let mut bed = Bed::with(SwitchConfig { expiries_per_tick: 100, ..SwitchConfig::default() });
    for n in 0..1_000 {
        let flow = FlowMod { flags: FlowModFlags::empty(), ..flow(0, 1 + n % 2) };
        bed.add(FlowMod { matching: matching(&[(OxmField::EthDst, n.into())]), ..flow });
    }
    let due = bed.now.plus(SECOND);
    bed.switch.tables.tick(due);
    assert_eq!(bed.switch.tables.entry_count(), 900);
    let mut ticks = 1;
    while bed.switch.tables.next_deadline().is_some_and(|deadline| deadline <= due) {
        bed.switch.tables.tick(due);
        ticks += 1;
    }
    assert_eq!((bed.switch.tables.entry_count(), ticks), (500, 5));
}
