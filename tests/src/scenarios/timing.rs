//! Timeouts against a model: random entries, packets and changes, and a clock that stops at every
//! deadline that the tables name.

use std::collections::BTreeMap;

use super::prelude::*;
use ofp_codec::{FlowModCommand, FlowModFlags, FlowRemovedReason, Message};

use crate::random::Random;

cases! { "timing":
    timeouts_are_exact_whatever_happens_to_the_entries: TIME | DEADLINE | BULK | PACE,
    timeouts_are_kept_within_a_tick_of_whoever_has_the_clock: TIME | PACE,
    a_hundred_thousand_that_end_at_once_are_gone_in_two_hundred_ticks: TIME | DEADLINE | BULK | PACE,
}

/// What the model knows of an entry.
#[derive(Clone, Copy, Debug)]
struct Known {
    created: u64,
    used: u64,
    idle: u16,
    hard: u16,
    packets: u64,
}

impl Known {
    fn idle_due(&self) -> Option<u64> {
        (self.idle != 0).then(|| self.used + u64::from(self.idle) * SECOND)
    }

    fn hard_due(&self) -> Option<u64> {
        (self.hard != 0).then(|| self.created + u64::from(self.hard) * SECOND)
    }

    fn due(&self) -> Option<u64> {
        self.idle_due().into_iter().chain(self.hard_due()).min()
    }
}

fn flow(n: u64, idle: u16, hard: u16) -> FlowMod {
    FlowMod {
        cookie: n,
        idle_timeout: idle,
        hard_timeout: hard,
        flags: FlowModFlags::SEND_FLOW_REM,
        ..entry(5, &[(OxmField::EthDst, 0x0200_0000_0000 | u128::from(n))], apply([output(2)]))
    }
}

fn frame(n: u64) -> Vec<u8> {
    udp(1, n as u8, 53)
}

/// Holds what is told of entries that ended against the model: none early, none later than `slack`, and
/// none is left.
fn hold(bed: &mut Bed<'_>, model: &mut BTreeMap<u64, Known>, slack: u64) {
    while let Some(message) = bed.flow_removed() {
        let known = model.remove(&message.cookie).expect("it was there");
        let duration = u64::from(message.duration_sec) * SECOND + u64::from(message.duration_nsec);
        let (ended, due) = (known.created + duration, known.due().expect("a timeout"));
        assert!((due..=due + slack).contains(&ended), "{ended}: neither early nor late: {known:?}");
        let by = match message.reason {
            FlowRemovedReason::IdleTimeout => known.idle_due(),
            FlowRemovedReason::HardTimeout => known.hard_due(),
            other => panic!("{other:?}"),
        };
        assert!(by.is_some_and(|by| by <= ended), "{:?}: {known:?}", message.reason);
        assert!(slack > 0 || by == Some(due));
        assert!(message.duration_nsec < 1_000_000_000);
        let (packets, bytes) = (message.packet_count, message.byte_count);
        assert_eq!((packets, bytes), (known.packets, known.packets * 60));
        assert_eq!((message.idle_timeout, message.hard_timeout), (known.idle, known.hard));
    }
    let now = bed.now().0;
    let late = model.values().filter(|known| known.due().is_some_and(|due| due + slack <= now));
    assert_eq!(late.count(), 0);
}

/// Adds, modifies or deletes one of forty entries, or sends a packet to it.
fn do_something(bed: &mut Bed<'_>, model: &mut BTreeMap<u64, Known>, random: &mut Random) {
    let now = bed.now().0;
    let n = random.below(40) as u64;
    match random.below(10) {
        0..=2 => {
            let timeout = |random: &mut Random| (random.below(6) as u16).saturating_sub(1);
            let (idle, hard) = (timeout(random), timeout(random));
            bed.add(flow(n, idle, hard));
            let packets = model.get(&n).map_or(0, |known| known.packets);
            model.insert(n, Known { created: now, used: now, idle, hard, packets });
        }
        3 => {
            let command = FlowModCommand::Modify;
            bed.add(FlowMod { command, matching: Match::any(), ..flow(0, 9, 9) });
        }
        4 => {
            let flags = FlowModFlags::empty();
            bed.add(FlowMod { command: FlowModCommand::DeleteStrict, flags, ..flow(n, 0, 0) });
            let told = bed.flow_removed().is_some();
            assert_eq!(told, model.remove(&n).is_some());
        }
        _ => {
            let passed = bed.ports(1, &frame(n)).len();
            assert_eq!(passed, usize::from(model.contains_key(&n)), "an entry that is there");
            if let Some(known) = model.get_mut(&n) {
                (known.used, known.packets) = (now, known.packets + 1);
            }
        }
    }
}

/// Idle timeouts count from the last packet, hard ones from the insertion, through MODIFY, and anew
/// after an ADD over the identical entry; a host that ticks at each deadline is exact to the
/// nanosecond.
fn timeouts_are_exact_whatever_happens_to_the_entries(world: &World<'_>) {
    let mut random = Random::new(7);
    let mut bed = world.bed();
    bed.sends_much();
    bed.moves_much();
    let mut model: BTreeMap<u64, Known> = BTreeMap::new();
    for _ in 0..8_000 {
        let next = bed.now().plus(random.below(400_000_000) as u64);
        while let Some(deadline) = bed.deadline().filter(|at| *at <= next) {
            // One that is past: something else is to be done at once.
            bed.pass_until(bed.now().max(deadline));
            bed.tick();
            hold(&mut bed, &mut model, 0);
        }
        bed.pass_until(next);
        do_something(&mut bed, &mut model, &mut random);
    }
    assert_eq!(bed.flows().len(), model.len());
}

/// The same where a kernel's callouts do what is due, at its ticks, or the test ticks as often.
fn timeouts_are_kept_within_a_tick_of_whoever_has_the_clock(world: &World<'_>) {
    /// Two ticks of 10 ms: one begins before a callout is set and one ends after it is due.
    const SLACK: u64 = 20_000_000;
    let mut random = Random::new(8);
    let mut bed = world.bed();
    bed.moves_much();
    let mut model: BTreeMap<u64, Known> = BTreeMap::new();
    for _ in 0..300 {
        let next = bed.now().plus(random.below(400_000_000) as u64);
        // Nothing is done while it is not sure whether an entry is still there.
        let is_unsure = |bed: &mut Bed<'_>, model: &BTreeMap<u64, Known>| {
            let now = bed.now().0;
            let mut due = model.values().filter_map(Known::due);
            due.any(|due| (due..due + SLACK).contains(&now))
        };
        while bed.now() < next || is_unsure(&mut bed, &model) {
            bed.live(SLACK / 2);
        }
        hold(&mut bed, &mut model, SLACK);
        do_something(&mut bed, &mut model, &mut random);
    }
    assert_eq!(bed.flows().len(), model.len());
}

/// Flow entries of all tables.
fn entry_count(bed: &mut Bed<'_>) -> u32 {
    bed.table_stats().iter().map(|table| table.active_count).sum()
}

/// Many that end at one moment end in ticks of bounded length, with no time between them.
fn a_hundred_thousand_that_end_at_once_are_gone_in_two_hundred_ticks(world: &World<'_>) {
    let mut bed = world.bed();
    bed.sends_much();
    bed.moves_much();
    bed.tell_all((0..100_000_u32).map(|n| {
        let fields = [(OxmField::EthDst, n.into())];
        Message::FlowMod(FlowMod { hard_timeout: 1, ..entry(5, &fields, vec![]) })
    }));
    bed.pass(SECOND);
    let (mut ticks, mut left) = (0, entry_count(&mut bed));
    assert_eq!(left, 100_000);
    while left != 0 {
        assert!(bed.deadline().is_some_and(|deadline| deadline <= bed.now()));
        bed.tick();
        let before = std::mem::replace(&mut left, entry_count(&mut bed));
        assert!(before - left <= 512);
        ticks += 1;
    }
    assert_eq!(ticks, 196);
}
