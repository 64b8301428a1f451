//! Work that one message asks for grows with what it is about, not with its square. What is compared
//! is the time of undoing many things at once with the time of having done them one by one, so that
//! the speed of the machine does not matter; its noise does, so these run when asked for:
//! `cargo test -p rumpswitch-datapath --test scenario -- --ignored growth`.

use std::time::{Duration, Instant};

use crate::*;
use ofp_codec::{
    Band, Bucket, FlowModCommand, GroupId, GroupMod, GroupModCommand, GroupType, MeterFlags,
    MeterId, MeterMod, MeterModCommand,
};

const COUNT: u32 = 30_000;

/// How long it takes to make all of them, and then to delete them.
fn times(make: impl Fn(&mut Bed, u32), delete: impl Fn(&mut Bed)) -> (Duration, Duration) {
    let mut bed = Bed::new();
    let start = Instant::now();
    (0..COUNT).for_each(|n| make(&mut bed, n));
    let made = start.elapsed();
    assert_eq!(bed.switch.tables.entry_count(), COUNT);
    let start = Instant::now();
    delete(&mut bed);
    assert_eq!(bed.switch.tables.entry_count(), 0);
    (made, start.elapsed())
}

#[track_caller]
fn assert_linear((made, deleted): (Duration, Duration)) {
    println!("made in {made:?}, deleted in {deleted:?}");
    assert!(deleted < 3 * made, "made in {made:?}, deleted in {deleted:?}");
}

#[test]
#[ignore = "compares times: for a quiet machine"]
fn all_meters_and_their_entries() {
    let meter = |command, id| MeterMod {
        command,
        flags: MeterFlags::PKTPS,
        meter_id: MeterId(id),
        bands: vec![Band::Drop { rate: 1, burst_size: 0 }],
    };
    let make = |bed: &mut Bed, n: u32| {
        bed.switch.tables.meter_mod(bed.now, &meter(MeterModCommand::Add, n + 1)).unwrap();
        bed.add(entry(
            1,
            &[(OxmField::EthDst, n.into())],
            vec![Instruction::Meter(MeterId(n + 1))],
        ));
    };
    let all = meter(MeterModCommand::Delete, MeterId::ALL.0);
    assert_linear(times(make, |bed| bed.switch.tables.meter_mod(bed.now, &all).unwrap()));
}

#[test]
#[ignore = "compares times: for a quiet machine"]
fn all_groups_and_their_entries() {
    let group = |command, id| GroupMod {
        command,
        group_type: GroupType::All,
        group_id: GroupId(id),
        buckets: Vec::<Bucket>::new(),
    };
    let make = |bed: &mut Bed, n: u32| {
        bed.switch.tables.group_mod(bed.now, &group(GroupModCommand::Add, n)).unwrap();
        bed.add(entry(1, &[(OxmField::EthDst, n.into())], apply([Action::Group(GroupId(n))])));
    };
    let all = group(GroupModCommand::Delete, GroupId::ALL.0);
    assert_linear(times(make, |bed| bed.switch.tables.group_mod(bed.now, &all).unwrap()));
}

#[test]
#[ignore = "compares times: for a quiet machine"]
fn all_entries_of_as_many_masks() {
    let make = |bed: &mut Bed, n: u32| {
        let fields = [Oxm::masked(OxmField::Metadata, 0, u128::from(n) + 1)];
        bed.add(FlowMod { matching: Match::new(fields).unwrap(), ..entry(1, &[], vec![]) });
    };
    let all = FlowMod { command: FlowModCommand::Delete, ..entry(1, &[], vec![]) };
    assert_linear(times(make, |bed| bed.add(all.clone())));
}

/// Whether a chain leads back is asked of every group once, in whatever order they come.
#[test]
#[ignore = "compares times: for a quiet machine"]
fn chains_of_all_groups() {
    const GROUPS: u32 = 65_000;
    let chained = |command, id, next| GroupMod {
        command,
        group_type: GroupType::All,
        group_id: GroupId(id),
        buckets: vec![Bucket::new(vec![Action::Group(GroupId(next))])],
    };
    let mut bed = Bed::new();
    let first = GroupMod { buckets: Vec::new(), ..chained(GroupModCommand::Add, 0, 0) };
    bed.switch.tables.group_mod(bed.now, &first).unwrap();
    let start = Instant::now();
    for id in 1..GROUPS {
        let next = chained(GroupModCommand::Add, id, id - 1);
        bed.switch.tables.group_mod(bed.now, &next).unwrap();
    }
    let made = start.elapsed();
    let start = Instant::now();
    for _ in 0..20 {
        let top = chained(GroupModCommand::Modify, GROUPS - 1, GROUPS - 2);
        bed.switch.tables.group_mod(bed.now, &top).unwrap();
        let looped = chained(GroupModCommand::Modify, 0, GROUPS - 1);
        let error = OfpError::GroupModFailed(ofp_codec::GroupModFailedCode::Loop);
        assert_eq!(bed.switch.tables.group_mod(bed.now, &looped), Err(error));
    }
    assert_linear((made, start.elapsed()));
}
