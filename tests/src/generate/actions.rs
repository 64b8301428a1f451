//! Random actions and instructions, mostly such as the match allows.

use ofp_codec::{
    Action, GroupId, Instruction, Match, MaxLen, MeterId, Oxm, OxmField, PortNo, Prerequisite,
    TableId, check_actions, check_instructions,
};

use super::{GROUPS, METERS, PORTS, TABLES, matches, ttl};
use crate::random::Random;

/// An output: to an ordinary port most often.
pub fn output(random: &mut Random) -> Action {
    let port = match random.weighted(&[60, 4, 6, 5, 5, 5, 10, 5]) {
        0 => PortNo(random.pick(&PORTS)),
        1 => PortNo(77),
        2 => PortNo::IN_PORT,
        3 => PortNo::ALL,
        4 => PortNo::FLOOD,
        5 => PortNo::NORMAL,
        6 => PortNo::CONTROLLER,
        _ => PortNo::LOCAL,
    };
    Action::Output { port, max_len: MaxLen(random.pick(&[0, 20, 0xffff])) }
}

/// A set-field of any field that can be set.
pub fn set_field(random: &mut Random) -> Action {
    let field = loop {
        let field = OxmField::ALL[random.below(OxmField::ALL.len())];
        if field.info().settable {
            break field;
        }
    };
    set_field_of(random, field)
}

fn set_field_of(random: &mut Random, field: OxmField) -> Action {
    let value = match field {
        OxmField::VlanVid => matches::value(random, field) | 0x1000,
        _ if random.chance(20) => {
            (u128::from(random.bits()) << 64 | u128::from(random.bits())) & field.all_ones()
        }
        field => matches::value(random, field),
    };
    Action::SetField(Oxm::new(field, value))
}

/// Any action that changes the packet.
pub fn change(random: &mut Random) -> Action {
    match random.weighted(&[40, 8, 8, 6, 8, 4, 5, 5, 5, 4, 4, 6, 3, 6]) {
        0 => set_field(random),
        1 => Action::PushVlan(random.pick(&[0x8100, 0x88a8])),
        2 => Action::PopVlan,
        3 => Action::PushMpls(random.pick(&[0x8847, 0x8848])),
        4 => Action::PopMpls(random.pick(&[0x0800, 0x86dd, 0x8847, 0x8848, 0x0806, 0x8100])),
        5 => Action::PushPbb(0x88e7),
        6 => Action::PopPbb,
        7 => Action::CopyTtlOut,
        8 => Action::CopyTtlIn,
        9 => Action::SetMplsTtl(ttl(random)),
        10 => Action::DecMplsTtl,
        11 => Action::DecNwTtl,
        12 => Action::SetNwTtl(ttl(random)),
        _ => Action::SetQueue(random.pick(&[0, 1, 2, 9])),
    }
}

/// A set-field of a field whose header the match says is there.
fn fitting_set_field(random: &mut Random, matching: &Match) -> Action {
    let fits = |field: &OxmField| {
        let info = field.info();
        // Every packet has these; what is more particular is more worth setting.
        let is_plain = matches!(info.prerequisite, Prerequisite::None | Prerequisite::InPort);
        info.settable && !is_plain && matching.satisfies(info.prerequisite)
    };
    let fields: Vec<OxmField> = OxmField::ALL.into_iter().filter(fits).collect();
    if fields.is_empty() {
        return set_field(random);
    }
    // The last ones have the most prerequisites.
    let at = random.below(fields.len()).max(random.below(fields.len()));
    set_field_of(random, fields[at])
}

/// An action that the match may well allow.
fn fitting(random: &mut Random, matching: &Match) -> Action {
    if random.chance(35) { fitting_set_field(random, matching) } else { action(random) }
}

/// Any action of a flow entry.
pub fn action(random: &mut Random) -> Action {
    match random.weighted(&[30, 62, 8]) {
        0 => output(random),
        1 => change(random),
        _ => Action::Group(GroupId(random.below(GROUPS as usize) as u32)),
    }
}

/// A list of actions that the match allows.
pub fn list(random: &mut Random, matching: &Match) -> Vec<Action> {
    let wanted = random.below(6);
    let mut kept: Vec<Action> = Vec::new();
    for _ in 0..wanted * 4 {
        if kept.len() == wanted {
            break;
        }
        kept.push(fitting(random, matching));
        if check_actions(matching, &kept).is_err() {
            kept.pop();
        }
    }
    kept
}

/// A set of actions that the match and the list before it allow.
fn set(random: &mut Random, matching: &Match, before: &[Instruction]) -> Vec<Action> {
    let wanted = random.below(6);
    let mut kept: Vec<Action> = Vec::new();
    for _ in 0..wanted * 3 {
        if kept.len() == wanted {
            break;
        }
        kept.push(fitting(random, matching));
        let mut all = before.to_vec();
        all.push(Instruction::WriteActions(kept.clone()));
        if check_instructions(matching, &all).is_err() {
            kept.pop();
        }
    }
    kept
}

/// The instructions of an entry in a table.
pub fn instructions(random: &mut Random, table: u8, matching: &Match) -> Vec<Instruction> {
    let mut all = Vec::new();
    if random.chance(60) {
        all.push(Instruction::ApplyActions(list(random, matching)));
    }
    if random.chance(10) {
        all.push(Instruction::ClearActions);
    }
    if random.chance(50) {
        let set = set(random, matching, &all);
        all.push(Instruction::WriteActions(set));
    }
    if random.chance(15) {
        all.push(Instruction::Meter(MeterId(1 + random.below(METERS as usize) as u32)));
    }
    if random.chance(25) {
        let (value, mask) = (random.below(4) as u64, random.below(4) as u64);
        all.push(Instruction::WriteMetadata { value, mask });
    }
    if table + 1 < TABLES && random.chance(55) {
        let next = table + 1 + random.below(usize::from(TABLES - table - 1)) as u8;
        all.push(Instruction::GotoTable(TableId(next)));
    }
    if random.chance(3) {
        // One that the match need not allow, or a table that does not come later.
        all.retain(|instruction| !matches!(instruction, Instruction::ApplyActions(_)));
        all.push(Instruction::ApplyActions(random.list(2, action)));
    }
    // Their order in the message means nothing.
    let turn = random.below(all.len().max(1));
    all.rotate_left(turn);
    all
}
