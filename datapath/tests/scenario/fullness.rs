//! Tables that are full: eviction in its order, and vacancy events.

use ofp_codec::{FlowModFailedCode, FlowModFlags, FlowRemovedReason, OfpError, TableId};
use rumpswitch_datapath::{Eviction, News, Vacancy, VacancyEvent};

use super::*;

const FULL: OfpError = OfpError::FlowModFailed(FlowModFailedCode::TableFull);

fn bed(eviction: Eviction, room: u32) -> Bed {
    let config = SwitchConfig { max_entries_per_table: room, eviction, ..SwitchConfig::default() };
    Bed::with(config)
}

/// An entry for one port, named by its cookie.
fn entry(number: u32, idle_timeout: u16, hard_timeout: u16) -> FlowMod {
    FlowMod {
        cookie: number.into(),
        matching: Match::new([Oxm::new(OxmField::InPort, number.into())]).unwrap(),
        idle_timeout,
        hard_timeout,
        flags: FlowModFlags::SEND_FLOW_REM,
        ..FlowMod::default()
    }
}

/// The cookies of the entries that went, all of which say DELETE.
fn gone(bed: &mut Bed) -> Vec<u64> {
    let mut cookies = Vec::new();
    while let Some(news) = bed.switch.tables.next_news() {
        let News::FlowRemoved(removed) = news else { panic!() };
        assert_eq!(removed.reason, FlowRemovedReason::Delete);
        cookies.push(removed.cookie);
    }
    cookies
}

#[test]
fn without_the_option_a_full_table_refuses() {
    let mut bed = bed(Eviction::Refuse, 2);
    bed.add(entry(1, 1, 0));
    bed.add(entry(2, 1, 0));
    assert_eq!(bed.flow_mod(entry(3, 1, 0)), Err(FULL));
    bed.add(entry(2, 9, 0));
    assert_eq!((gone(&mut bed), bed.switch.tables.entry_count()), (vec![], 2));
}

#[test]
fn the_entry_that_expires_first_makes_room() {
    let mut bed = bed(Eviction::Timed, 4);
    bed.add(entry(1, 30, 0));
    bed.add(entry(2, 0, 20));
    bed.add(entry(3, 0, 0));
    bed.add(entry(4, 10, 0));
    bed.add(entry(10, 40, 0));
    assert_eq!(gone(&mut bed), [4], "idle for 10 s at the most");
    // The entry that was idle since 30 s is hit, and expires later than the one with 40 s.
    bed.now = bed.now.plus(15 * SECOND);
    bed.send(1, &[2; 60]);
    bed.add(entry(11, 50, 0));
    assert_eq!(gone(&mut bed), [2], "5 s are left to it");
    bed.add(entry(12, 60, 0));
    assert_eq!(gone(&mut bed), [10], "25 s, and 30 s to the one that was hit");
    bed.add(entry(13, 0, 0));
    bed.add(entry(14, 0, 0));
    bed.add(entry(15, 0, 0));
    assert_eq!(gone(&mut bed), [1, 11, 12]);
    assert_eq!(bed.flow_mod(entry(16, 1, 0)), Err(FULL), "none has a timeout any more");
    assert_eq!(bed.switch.tables.eviction_count(), 6);
    assert_eq!(bed.switch.tables.entry_count(), 4);
}

#[test]
fn entries_without_a_timeout_go_when_asked_for_oldest_first_and_never_the_table_miss() {
    let mut bed = bed(Eviction::Any, 3);
    bed.add(FlowMod { priority: 0, cookie: 99, ..FlowMod::default() });
    bed.add(entry(1, 0, 0));
    bed.add(entry(2, 0, 0));
    bed.add(entry(3, 0, 0));
    assert_eq!(gone(&mut bed), [1]);
    bed.add(entry(4, 7, 0));
    assert_eq!(gone(&mut bed), [2]);
    bed.add(entry(5, 0, 0));
    assert_eq!(gone(&mut bed), [4], "those with a timeout before");
    let mut bed = super::fullness::bed(Eviction::Any, 1);
    bed.add(FlowMod { priority: 0, idle_timeout: 1, ..FlowMod::default() });
    assert_eq!(bed.flow_mod(entry(1, 0, 0)), Err(FULL), "the table-miss flow entry stays");
}

#[test]
fn an_option_of_one_table_that_can_be_changed() {
    let mut bed = bed(Eviction::Refuse, 1);
    let in_table =
        |table_id, number| FlowMod { table_id: TableId(table_id), ..entry(number, 5, 0) };
    bed.add(in_table(0, 1));
    bed.add(in_table(1, 2));
    bed.switch.tables.set_eviction(TableId(1), Eviction::Timed);
    assert_eq!(bed.flow_mod(in_table(0, 3)), Err(FULL));
    bed.add(in_table(1, 4));
    assert_eq!(gone(&mut bed), [2], "an entry from before");
    bed.switch.tables.set_eviction(TableId(1), Eviction::Refuse);
    assert_eq!(bed.flow_mod(in_table(1, 5)), Err(FULL));
}

#[test]
fn what_an_undone_bundle_evicted_is_back() {
    let mut bed = bed(Eviction::Timed, 2);
    bed.add(entry(1, 5, 0));
    bed.add(entry(2, 6, 0));
    bed.switch.tables.begin();
    bed.add(entry(3, 7, 0));
    bed.add(entry(4, 8, 0));
    bed.switch.tables.roll_back();
    assert_eq!(gone(&mut bed), []);
    bed.add(entry(5, 9, 0));
    assert_eq!(gone(&mut bed), [1], "in the same order as if nothing had been");
    bed.switch.tables.begin();
    bed.add(entry(6, 9, 0));
    bed.switch.tables.commit();
    assert_eq!(gone(&mut bed), [2]);
}

#[test]
fn vacancy_events_at_each_threshold_once() {
    let config = SwitchConfig {
        max_entries_per_table: 10,
        vacancy: Some(Vacancy { down: 20, up: 50 }),
        ..SwitchConfig::default()
    };
    let mut bed = Bed::with(config);
    let mut events = Vec::new();
    let strict = |number| FlowMod {
        command: ofp_codec::FlowModCommand::DeleteStrict,
        ..entry(number, 0, 0)
    };
    // Up to full, down to empty, and once more.
    for _ in 0..2 {
        for number in 0..10 {
            bed.add(entry(number, 0, 0));
            events.extend(bed.switch.tables.next_vacancy_event());
        }
        for number in 0..10 {
            bed.flow_mod(strict(number)).unwrap();
            events.extend(bed.switch.tables.next_vacancy_event());
        }
    }
    let down = VacancyEvent { table_id: TableId(0), is_down: true, vacancy: 20 };
    let up = VacancyEvent { table_id: TableId(0), is_down: false, vacancy: 50 };
    assert_eq!(events, [down, up, down, up]);
    // Unread, the last one waits; a bundle counts for what it leaves.
    bed.switch.tables.begin();
    (0..9).for_each(|number| bed.add(entry(number, 0, 0)));
    bed.switch.tables.roll_back();
    assert_eq!(bed.switch.tables.next_vacancy_event(), None);
    bed.switch.tables.begin();
    (0..9).for_each(|number| bed.add(entry(number, 0, 0)));
    bed.switch.tables.commit();
    let down = VacancyEvent { vacancy: 10, ..down };
    assert_eq!(bed.switch.tables.next_vacancy_event(), Some(down));
    // Asked for while the table is fuller than the upper threshold, that is the next to be told.
    bed.switch.tables.set_vacancy(TableId(0), Some(Vacancy { down: 20, up: 30 }));
    for number in 0..9 {
        bed.flow_mod(strict(number)).unwrap();
    }
    let up = VacancyEvent { vacancy: 30, ..up };
    assert_eq!(bed.switch.tables.next_vacancy_event(), Some(up));
    assert_eq!(bed.switch.tables.next_vacancy_event(), None);
}
