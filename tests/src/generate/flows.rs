//! Random flow-mods, groups and meters that the standard allows, or nearly: what does not fit
//! together is refused, and then must change nothing.

use ofp_codec::{
    Action, Band, Bucket, FlowMod, FlowModCommand, FlowModFlags, GroupId, GroupMod,
    GroupModCommand, GroupType, Instruction, Match, MeterFlags, MeterId, MeterMod, MeterModCommand,
    PortNo, TableId,
};

use super::{GROUPS, METERS, PORTS, TABLES, actions, matches};
use crate::oracle::Received;
use crate::random::Random;

/// A flow-mod of any command, its match most often one that a frame of the pool fulfils, or one that
/// is about an entry of those added before.
pub fn flow_mod(random: &mut Random, pool: &[Received], added: &mut Vec<FlowMod>) -> FlowMod {
    let mut flow = fresh_flow_mod(random, pool);
    let is_add = flow.command == FlowModCommand::Add;
    if !added.is_empty() && random.chance(if is_add { 15 } else { 80 }) {
        let old = &added[random.below(added.len())];
        flow.table_id = old.table_id;
        flow.priority = old.priority;
        flow.matching = old.matching.clone();
        let is_strict =
            matches!(flow.command, FlowModCommand::ModifyStrict | FlowModCommand::DeleteStrict);
        if !is_add && !is_strict && random.chance(50) {
            let kept = old.matching.fields().len() / 2;
            let fields = old.matching.fields().iter().take(kept).copied();
            flow.matching = Match::new(fields).unwrap_or_default();
        }
        if !matches!(flow.command, FlowModCommand::Delete | FlowModCommand::DeleteStrict) {
            flow.instructions = actions::instructions(random, flow.table_id.0, &flow.matching);
        }
    }
    if is_add {
        added.push(flow.clone());
    }
    flow
}

fn fresh_flow_mod(random: &mut Random, pool: &[Received]) -> FlowMod {
    let command = match random.weighted(&[76, 6, 6, 7, 5]) {
        0 => FlowModCommand::Add,
        1 => FlowModCommand::Modify,
        2 => FlowModCommand::ModifyStrict,
        3 => FlowModCommand::Delete,
        _ => FlowModCommand::DeleteStrict,
    };
    let deletes = matches!(command, FlowModCommand::Delete | FlowModCommand::DeleteStrict);
    let table = random.below(usize::from(TABLES)) as u8;
    let matching = match random.weighted(&[62, 20, 18]) {
        0 => {
            let at = random.below(pool.len());
            matches::hitting(random, &pool[at])
        }
        1 => matches::made_up(random),
        _ => Match::any(),
    };
    let mut flags = FlowModFlags::empty();
    for (flag, percent) in [
        (FlowModFlags::SEND_FLOW_REM, 60),
        (FlowModFlags::RESET_COUNTS, 30),
        (FlowModFlags::CHECK_OVERLAP, 8),
    ] {
        flags.set(flag, random.chance(percent));
    }
    let instructions = match deletes {
        true => Vec::new(),
        false => actions::instructions(random, table, &matching),
    };
    let is_all = deletes && random.chance(20);
    FlowMod {
        cookie: random.below(4) as u64,
        cookie_mask: random.pick(&[0, 0, 0, 0, 1, 3]),
        table_id: if is_all { TableId::ALL } else { TableId(table) },
        command,
        priority: random.pick(&[0, 0, 1, 2, 3, 0xffff]),
        idle_timeout: random.pick(&[0, 0, 0, 1, 2]),
        hard_timeout: random.pick(&[0, 0, 0, 0, 1, 3]),
        flags,
        out_port: match random.chance(8) {
            true => random.pick(&[PortNo(1), PortNo(2), PortNo::CONTROLLER, PortNo::ALL]),
            false => PortNo::ANY,
        },
        out_group: match random.chance(5) {
            true => GroupId(random.below(GROUPS as usize) as u32),
            false => GroupId::ANY,
        },
        matching,
        instructions,
        ..FlowMod::default()
    }
}

/// A flow-mod that makes a table let everything on to the next one.
pub fn let_on(random: &mut Random, table: u8) -> FlowMod {
    let mut instructions = vec![Instruction::GotoTable(TableId(table + 1))];
    if random.chance(40) {
        let list = vec![actions::output(random)];
        instructions.push(Instruction::WriteActions(list));
    }
    FlowMod { table_id: TableId(table), priority: 0, instructions, ..FlowMod::default() }
}

/// A group that uses only groups beneath it, or nearly.
pub fn group_mod(random: &mut Random, command: GroupModCommand, id: u32) -> GroupMod {
    let kind = match random.weighted(&[3, 3, 2, 3]) {
        0 => GroupType::All,
        1 => GroupType::Select,
        2 => GroupType::Indirect,
        _ => GroupType::FastFailover,
    };
    let count = if kind == GroupType::Indirect { 1 } else { random.weighted(&[4, 24, 40, 22, 10]) };
    let mut buckets = random.list(count, |random| {
        let beneath = if random.chance(3) { GROUPS } else { id.max(1) };
        Bucket {
            weight: match kind {
                GroupType::Select => random.pick(&[0, 1, 1, 2, 5]),
                _ => 0,
            },
            ..bucket(random, beneath)
        }
    });
    for bucket in &mut buckets {
        let watches = match kind {
            GroupType::FastFailover => true,
            GroupType::Select => random.chance(50),
            _ => false,
        };
        if watches && random.chance(80) {
            bucket.watch_port = PortNo(random.pick(&[1, 2, 3, 77]));
        } else if watches {
            bucket.watch_group = GroupId(random.below(GROUPS as usize) as u32);
        }
        if watches && random.chance(10) {
            bucket.watch_port = PortNo(random.pick(&PORTS));
            bucket.watch_group = GroupId(random.below(GROUPS as usize) as u32);
        }
    }
    GroupMod { command, group_type: kind, group_id: GroupId(id), buckets }
}

/// A bucket: a few changes, then an output or a group below `beneath`.
fn bucket(random: &mut Random, beneath: u32) -> Bucket {
    let count = random.weighted(&[30, 40, 20, 10]);
    let mut list: Vec<Action> = random.list(count, actions::change);
    match random.weighted(&[70, 20, 10]) {
        0 => list.push(actions::output(random)),
        1 => list.push(Action::Group(GroupId(random.below(beneath as usize) as u32))),
        _ => (),
    }
    Bucket::new(list)
}

/// A meter whose bands meet the packets of a run.
pub fn meter_mod(random: &mut Random, command: MeterModCommand, id: MeterId) -> MeterMod {
    let mut flags = random.pick(&[MeterFlags::KBPS, MeterFlags::PKTPS]);
    flags.set(MeterFlags::BURST, random.chance(50));
    flags.set(MeterFlags::STATS, random.chance(50));
    let unit = if flags.contains(MeterFlags::KBPS) { 1 } else { 0 };
    let count = 1 + random.weighted(&[4, 4, 2]);
    let bands = random.list(count, |random| {
        let rate = random.pick(&[[1, 2, 5, 20, 1000], [1, 5, 8, 64, u32::MAX]][unit]);
        let burst_size = random.pick(&[0, 1, 2, 5, 100]);
        match random.below(2) {
            0 => Band::Drop { rate, burst_size },
            _ => {
                let prec_level = random.pick(&[1, 2, 3, 200]);
                Band::DscpRemark { rate, burst_size, prec_level }
            }
        }
    });
    MeterMod { command, flags, meter_id: id, bands }
}

/// A meter of flow entries, now and then a virtual one.
pub fn meter_id(random: &mut Random) -> MeterId {
    match random.weighted(&[85, 8, 7]) {
        0 => MeterId(1 + random.below(METERS as usize) as u32),
        1 => MeterId::CONTROLLER,
        _ => MeterId::SLOWPATH,
    }
}
