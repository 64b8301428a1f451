//! Timeouts and removals in time.

use super::prelude::*;
use ofp_codec::{FlowModCommand, FlowModFlags, FlowRemoved, FlowRemovedReason, TableId};

cases! { "dynamics":
    entries_end_when_their_time_is_over,
    a_hard_timeout_counts_from_insertion_and_is_never_early: TIME | DEADLINE,
    traffic_keeps_an_idle_entry_alive: TIME | DEADLINE,
    an_overwriting_add_starts_the_clock_anew: TIME | DEADLINE,
    a_clock_that_goes_back_expires_nothing: TIME | DEADLINE,
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

fn a_hard_timeout_counts_from_insertion_and_is_never_early(world: &World<'_>) {
    let mut bed = world.bed();
    let start = bed.now();
    bed.add(flow(0, 2));
    assert_eq!(bed.deadline(), Some(start.plus(2 * SECOND)));
    bed.pass(SECOND);
    bed.send(1, &udp(1, 2, 53));
    let modify = FlowMod { command: FlowModCommand::Modify, instructions: vec![], ..flow(0, 0) };
    bed.add(modify);
    bed.tick_at(start.plus(2 * SECOND - 1));
    assert_eq!(bed.flow_removed(), None);
    bed.tick_at(start.plus(2 * SECOND));
    let message = bed.flow_removed().unwrap();
    assert_eq!(message.reason, FlowRemovedReason::HardTimeout);
    assert_eq!((message.cookie, message.priority, message.table_id), (11, 8, TableId(0)));
    assert_eq!((message.duration_sec, message.duration_nsec), (2, 0));
    assert_eq!((message.packet_count, message.byte_count), (1, 60));
    assert_eq!((message.idle_timeout, message.hard_timeout), (0, 2));
    assert_eq!(message.matching, matching(&[(OxmField::InPort, 1)]));
    assert_eq!(bed.flows().len(), 0);
    assert_eq!(bed.deadline(), None);
    assert_eq!(bed.flow_removed(), None);
}

fn traffic_keeps_an_idle_entry_alive(world: &World<'_>) {
    let mut bed = world.bed();
    bed.add(flow(2, 0));
    for _ in 0..5 {
        bed.pass(3 * SECOND / 2);
        bed.tick();
        assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2]);
    }
    let used = bed.now();
    bed.tick_at(used.plus(2 * SECOND - 1));
    assert_eq!(bed.flow_removed(), None);
    assert_eq!(bed.deadline(), Some(used.plus(2 * SECOND)));
    bed.tick_at(used.plus(2 * SECOND));
    let message = bed.flow_removed().unwrap();
    assert_eq!(message.reason, FlowRemovedReason::IdleTimeout);
    assert_eq!((message.duration_sec, message.duration_nsec), (9, 500_000_000));
}

fn an_overwriting_add_starts_the_clock_anew(world: &World<'_>) {
    let mut bed = world.bed();
    bed.add(flow(0, 2));
    bed.pass(SECOND);
    bed.add(FlowMod { flags: FlowModFlags::SEND_FLOW_REM, ..flow(0, 5) });
    bed.pass(4 * SECOND);
    bed.tick();
    assert_eq!(bed.flows().len(), 1);
    bed.add(flow(0, 0));
    assert_eq!(bed.deadline(), None);
    assert_eq!(bed.flow_removed(), None);
    bed.add(FlowMod { command: FlowModCommand::Delete, ..flow(0, 0) });
    assert_eq!(bed.flow_removed().unwrap().reason, FlowRemovedReason::Delete);
}

fn a_clock_that_goes_back_expires_nothing(world: &World<'_>) {
    let mut bed = world.bed();
    bed.add(flow(2, 0));
    bed.pass_until(Nanos(5));
    bed.send(1, &udp(1, 2, 53));
    bed.tick_at(Nanos::from_secs(101));
    assert_eq!(bed.flows().len(), 1);
}

/// On any clock: neither before a second is over nor much later.
fn entries_end_when_their_time_is_over(world: &World<'_>) {
    let mut bed = world.bed();
    bed.add(FlowMod { cookie: 1, ..flow(0, 1) });
    let idle = entry(8, &[(OxmField::InPort, 2)], apply([output(3)]));
    let flags = FlowModFlags::SEND_FLOW_REM;
    bed.add(FlowMod { cookie: 2, idle_timeout: 1, flags, ..idle });
    bed.add(FlowMod { cookie: 3, ..entry(1, &[(OxmField::InPort, 3)], apply([output(4)])) });
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2]);
    assert_eq!(bed.ports(2, &udp(1, 2, 53)), [3]);
    bed.wait(2 * SECOND);
    let mut removed: Vec<FlowRemoved> = std::iter::from_fn(|| bed.flow_removed()).collect();
    removed.sort_by_key(|message| message.cookie);
    let [hard, idle] = &removed[..] else { panic!("{removed:?}") };
    assert_eq!((hard.cookie, hard.reason), (1, FlowRemovedReason::HardTimeout));
    assert_eq!((idle.cookie, idle.reason), (2, FlowRemovedReason::IdleTimeout));
    for message in [hard, idle] {
        assert_eq!((message.packet_count, message.byte_count), (1, 60));
        assert!((1..=2).contains(&message.duration_sec), "{message:?}");
    }
    assert_eq!(bed.flows().iter().map(|flow| flow.cookie).collect::<Vec<_>>(), [3]);
}
