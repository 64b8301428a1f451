//! Timeouts and removals in time.

use crate::*;
use ofp_codec::{FlowModCommand, FlowModFlags, FlowRemoved, FlowRemovedReason, TableId};
use rumpswitch_datapath::News;

fn removed(bed: &mut Bed) -> Option<FlowRemoved> {
    match bed.switch.tables.next_news() {
        Some(News::FlowRemoved(message)) => Some(message),
        None => None,
        Some(other) => panic!("{other:?}"),
    }
}

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
fn a_hard_timeout_counts_from_insertion_and_is_never_early() {
    let mut bed = Bed::new();
    let start = bed.now;
    bed.add(flow(0, 2));
    assert_eq!(bed.switch.tables.next_deadline(), Some(start.plus(2 * SECOND)));
    bed.now = start.plus(SECOND);
    bed.send(1, &udp(1, 2, 53));
    let modify = FlowMod { command: FlowModCommand::Modify, instructions: vec![], ..flow(0, 0) };
    bed.add(modify);
    bed.switch.tables.tick(start.plus(2 * SECOND - 1));
    assert!(!bed.switch.tables.has_news());
    bed.switch.tables.tick(start.plus(2 * SECOND));
    let message = removed(&mut bed).unwrap();
    assert_eq!(message.reason, FlowRemovedReason::HardTimeout);
    assert_eq!((message.cookie, message.priority, message.table_id), (11, 8, TableId(0)));
    assert_eq!((message.duration_sec, message.duration_nsec), (2, 0));
    assert_eq!((message.packet_count, message.byte_count), (1, 60));
    assert_eq!((message.idle_timeout, message.hard_timeout), (0, 2));
    assert_eq!(message.matching, matching(&[(OxmField::InPort, 1)]));
    assert_eq!(bed.switch.tables.entry_count(), 0);
    assert_eq!(bed.switch.tables.next_deadline(), None);
    assert_eq!(removed(&mut bed), None);
}

#[test]
fn traffic_keeps_an_idle_entry_alive() {
    let mut bed = Bed::new();
    bed.add(flow(2, 0));
    for _ in 0..5 {
        bed.now = bed.now.plus(3 * SECOND / 2);
        bed.switch.tables.tick(bed.now);
        assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2]);
    }
    let used = bed.now;
    bed.switch.tables.tick(used.plus(2 * SECOND - 1));
    assert!(!bed.switch.tables.has_news());
    assert_eq!(bed.switch.tables.next_deadline(), Some(used.plus(2 * SECOND)));
    bed.switch.tables.tick(used.plus(2 * SECOND));
    let message = removed(&mut bed).unwrap();
    assert_eq!(message.reason, FlowRemovedReason::IdleTimeout);
    assert_eq!((message.duration_sec, message.duration_nsec), (9, 500_000_000));
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

#[test]
fn an_overwriting_add_starts_the_clock_anew() {
    let mut bed = Bed::new();
    bed.add(flow(0, 2));
    bed.now = bed.now.plus(SECOND);
    bed.add(FlowMod { flags: FlowModFlags::SEND_FLOW_REM, ..flow(0, 5) });
    bed.now = bed.now.plus(4 * SECOND);
    bed.switch.tables.tick(bed.now);
    assert_eq!(bed.switch.tables.entry_count(), 1);
    bed.add(flow(0, 0));
    assert_eq!(bed.switch.tables.next_deadline(), None);
    assert!(!bed.switch.tables.has_news());
    bed.add(FlowMod { command: FlowModCommand::Delete, ..flow(0, 0) });
    assert_eq!(removed(&mut bed).unwrap().reason, FlowRemovedReason::Delete);
}

#[test]
fn a_clock_that_goes_back_expires_nothing() {
    let mut bed = Bed::new();
    bed.add(flow(2, 0));
    bed.now = Nanos(5);
    bed.send(1, &udp(1, 2, 53));
    bed.switch.tables.tick(Nanos::from_secs(101));
    assert_eq!(bed.switch.tables.entry_count(), 1);
}
