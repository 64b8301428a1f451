//! Compiles what a controller wrote, instructions and actions, into what the fast path runs.
//!
//! Everything is checked before anything changes (§7.2.4, §7.2.5).

use alloc::boxed::Box;
use alloc::vec::Vec;

use hypercall::Port;
use ofp_codec::{
    Action, BadActionCode, BadInstructionCode, FlowModFailedCode, GroupId, GroupType, Instruction,
    Match, MeterModFailedCode, ONF_EXPERIMENTER, OfpError, Oxm, OxmField, PortNo, TableId,
    VID_PRESENT,
};

use crate::counters::NoMemory;
use crate::personality::{Allowed, EntryShape, Quirks};
use crate::program::{Act, ActionSet, Op, Output, boxed};
use crate::tables::Tables;

const fn bad_action(code: BadActionCode) -> OfpError {
    OfpError::BadAction(code)
}

const fn bad_instruction(code: BadInstructionCode) -> OfpError {
    OfpError::BadInstruction(code)
}

/// The operations of a flow entry in `table_id`, the table-miss one or another (§5.9), in place of
/// what is in `ops`.
///
/// What each instruction and action says of itself, and whether this table has it, is checked first,
/// from left to right; then whether it fits the match; then whether the groups and meters exist.
pub(crate) fn compile(
    tables: &Tables,
    table_id: TableId,
    is_miss: bool,
    matching: &Match,
    instructions: &[Instruction],
    ops: &mut Vec<Op>,
) -> Result<(), OfpError> {
    const FULL: OfpError = OfpError::FlowModFailed(FlowModFailedCode::TableFull);
    check_instructions(tables, table_id, is_miss, matching, instructions)?;
    ofp_codec::check_instructions(matching, instructions)?;
    ops.clear();
    for instruction in instructions {
        let actions = match instruction {
            Instruction::WriteActions(actions) | Instruction::ApplyActions(actions) => {
                actions.len()
            }
            _ => 1,
        };
        ops.try_reserve(actions).map_err(|_| FULL)?;
        match instruction {
            Instruction::GotoTable(next) => ops.push(Op::GotoTable(next.0)),
            Instruction::WriteMetadata { value, mask } => {
                ops.push(Op::WriteMetadata { value: *value, mask: *mask });
            }
            Instruction::WriteActions(actions) => {
                for action in actions {
                    ops.push(Op::Write(act(tables, action)?));
                }
            }
            Instruction::ApplyActions(actions) => {
                for action in actions {
                    ops.push(Op::Apply(act(tables, action)?));
                }
            }
            Instruction::ClearActions => ops.push(Op::ClearActions),
            Instruction::Meter(id) => {
                let quirks = tables.personality().quirks;
                let code = match quirks.contains(Quirks::MISSING_METER_IS_INVALID) {
                    true => MeterModFailedCode::InvalidMeter,
                    false => MeterModFailedCode::UnknownMeter,
                };
                let slot = tables.meters.slot(*id);
                ops.push(Op::Meter(slot.ok_or(OfpError::MeterModFailed(code))?));
            }
            Instruction::Experimenter { .. } => {}
        }
    }
    put_in_order(ops).map_err(|NoMemory| FULL)?;
    let acts = ops.iter_mut().filter_map(|op| match op {
        Op::Apply(act) | Op::Write(act) => Some(act),
        _ => None,
    });
    mark_first(acts).map_err(|NoMemory| FULL)
}

/// Puts operations in the order of execution (§5.9); those of one instruction keep theirs.
fn put_in_order(ops: &mut Vec<Op>) -> Result<(), NoMemory> {
    let rank = |op: &Op| match op {
        Op::Meter(_) => 0_u8,
        Op::Apply(_) => 1,
        Op::ClearActions => 2,
        Op::Write(_) => 3,
        Op::WriteMetadata { .. } => 4,
        Op::GotoTable(_) => 5,
    };
    // Most controllers write them so.
    if ops.is_sorted_by_key(rank) {
        return Ok(());
    }
    let given = boxed(ops)?;
    ops.clear();
    (0..=5).for_each(|wanted| ops.extend(given.iter().filter(|op| rank(op) == wanted)));
    Ok(())
}

/// Checks what instructions and their actions say of themselves, and whether a table has them.
pub(crate) fn check_instructions(
    tables: &Tables,
    table_id: TableId,
    is_miss: bool,
    matching: &Match,
    instructions: &[Instruction],
) -> Result<(), OfpError> {
    let no_table = OfpError::FlowModFailed(FlowModFailedCode::BadTableId);
    let table = tables.shape.table(table_id).ok_or(no_table)?;
    let shape = table.of(is_miss);
    for (index, instruction) in instructions.iter().enumerate() {
        let mut earlier = instructions.iter().take(index);
        if earlier.any(|earlier| earlier.number() == instruction.number()) {
            return Err(duplicate(tables));
        }
        // A Goto-Table that leads nowhere is told so below, whether the table has the instruction.
        let leads_nowhere = match instruction {
            Instruction::GotoTable(next) => *next <= table_id || !tables.shape.has_table(*next),
            _ => false,
        };
        if !leads_nowhere {
            shape.check(instruction, table.metadata_write)?;
        }
        check_instruction(tables, shape, matching, instruction)?;
    }
    for instruction in instructions {
        match instruction {
            Instruction::GotoTable(next) if !shape.next_tables.contains(*next) => {
                return Err(bad_instruction(BadInstructionCode::BadTableId));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The error of two instructions of one type; the ONF gave it a number of its own that 1.3 has not.
fn duplicate(tables: &Tables) -> OfpError {
    match tables.personality().quirks.contains(Quirks::DUPLICATE_INSTRUCTION_ONF) {
        true => OfpError::Experimenter { experimenter: ONF_EXPERIMENTER, exp_type: 2600 },
        false => bad_instruction(BadInstructionCode::UnsupInst),
    }
}

/// What an instruction says of itself, and the actions in it.
fn check_instruction(
    tables: &Tables,
    shape: &EntryShape,
    matching: &Match,
    instruction: &Instruction,
) -> Result<(), OfpError> {
    let (actions, allowed) = match instruction {
        Instruction::WriteActions(actions) => (actions, shape.write()),
        Instruction::ApplyActions(actions) => (actions, shape.apply()),
        Instruction::Experimenter { .. } => {
            return Err(bad_instruction(BadInstructionCode::BadExperimenter));
        }
        _ => return Ok(()),
    };
    check_actions(tables, actions, allowed, false)?;
    tables.personality().check_tags(matching, actions)
}

/// Marks the first reference to each group.
fn mark_first<'a>(acts: impl Iterator<Item = &'a mut Act>) -> Result<(), NoMemory> {
    let mut seen: Vec<u32> = Vec::new();
    for act in acts {
        if let Act::Group { slot, first } = act {
            let place = seen.binary_search(slot);
            *first = place.is_err();
            if let Err(place) = place {
                seen.try_reserve(1).map_err(|_| NoMemory)?;
                seen.insert(place, *slot);
            }
        }
    }
    Ok(())
}

/// A bucket's action set, in the order of execution (§5.10).
#[inline(never)] // what it has in hand is on the stack only while it works
pub(crate) fn compile_bucket(
    tables: &Tables,
    group_type: GroupType,
    actions: &[Action],
) -> Result<Box<[Act]>, OfpError> {
    let groups = &tables.personality().groups;
    let allowed = Allowed { actions: groups.actions(group_type), fields: groups.fields };
    check_actions(tables, actions, allowed, false)?;
    let mut set = ActionSet::default();
    for act in acts(tables, actions)? {
        set.write(act, false);
    }
    let mut acts = [Act::PopVlan; 64];
    let count = acts.iter_mut().zip(set.acts()).map(|(place, act)| *place = act).count();
    crate::groups::list(acts.get(..count).unwrap_or_default())
}

/// A packet-out's list.
pub(crate) fn compile_packet_out(
    tables: &Tables,
    actions: &[Action],
) -> Result<Vec<Act>, OfpError> {
    check_actions(tables, actions, tables.shape.packet_out(), true)?;
    acts(tables, actions)
}

/// Checks what each action says of itself, and whether it may stand here, from left to right.
fn check_actions(
    tables: &Tables,
    actions: &[Action],
    allowed: Allowed,
    is_packet_out: bool,
) -> Result<(), OfpError> {
    let personality = tables.personality();
    personality.check_actions(actions, allowed, |action| check_action(action, is_packet_out))
}

/// Actions that have been checked.
fn acts(tables: &Tables, actions: &[Action]) -> Result<Vec<Act>, OfpError> {
    let mut acts = Vec::new();
    acts.try_reserve_exact(actions.len()).map_err(|_| bad_action(BadActionCode::TooMany))?;
    for action in actions {
        acts.push(act(tables, action)?);
    }
    Ok(acts)
}

/// What an action says of itself.
fn check_action(action: &Action, is_packet_out: bool) -> Result<(), OfpError> {
    match action {
        Action::Output { port, .. } => output(*port, is_packet_out).map(drop),
        Action::Group(id) if *id > GroupId::MAX => Err(bad_action(BadActionCode::BadOutGroup)),
        Action::PushVlan(ethertype) => one_of(*ethertype, &[0x8100, 0x88a8]),
        Action::PushMpls(ethertype) => one_of(*ethertype, &[0x8847, 0x8848]),
        Action::PushPbb(ethertype) => one_of(*ethertype, &[0x88e7]),
        Action::SetField(oxm) => check_set_field(oxm),
        Action::Experimenter { .. } => Err(bad_action(BadActionCode::BadExperimenter)),
        _ => Ok(()),
    }
}

/// An action that has been checked, with its groups and queues found.
fn act(tables: &Tables, action: &Action) -> Result<Act, OfpError> {
    Ok(match action {
        Action::Output { port, .. } => {
            let personality = tables.personality();
            let is_there = personality.allows_absent_ports()
                || !port.is_ordinary()
                || tables.ports.desc(Port(port.0)).is_some();
            if !is_there {
                return Err(bad_action(BadActionCode::BadOutPort));
            }
            Act::Output(output(*port, true)?)
        }
        Action::Group(id) => Act::Group { slot: group(tables, *id)?, first: true },
        Action::SetQueue(queue) => {
            if !tables.ports.has_queue(*queue) {
                return Err(bad_action(BadActionCode::BadQueue));
            }
            Act::SetQueue(*queue)
        }
        Action::CopyTtlOut => Act::CopyTtlOut,
        Action::CopyTtlIn => Act::CopyTtlIn,
        Action::SetMplsTtl(ttl) => Act::SetMplsTtl(*ttl),
        Action::DecMplsTtl => Act::DecMplsTtl,
        Action::SetNwTtl(ttl) => Act::SetNwTtl(*ttl),
        Action::DecNwTtl => Act::DecNwTtl,
        Action::PushVlan(ethertype) => Act::PushVlan(*ethertype),
        Action::PopVlan => Act::PopVlan,
        Action::PushMpls(ethertype) => Act::PushMpls(*ethertype),
        Action::PopMpls(ethertype) => Act::PopMpls(*ethertype),
        Action::PushPbb(ethertype) => Act::PushPbb(*ethertype),
        Action::PopPbb => Act::PopPbb,
        Action::SetField(oxm) => Act::set_field(oxm.field, oxm.value),
        Action::Experimenter { .. } => return Err(bad_action(BadActionCode::BadExperimenter)),
    })
}

/// Where an output to `port` goes (§4.5).
pub(crate) fn output_of(port: PortNo) -> Option<Output> {
    Some(match port {
        PortNo::IN_PORT => Output::InPort,
        PortNo::TABLE => Output::Table,
        PortNo::NORMAL => Output::Normal,
        PortNo::FLOOD => Output::Flood,
        PortNo::ALL => Output::All,
        PortNo::CONTROLLER => Output::Controller,
        PortNo::LOCAL => Output::Port(port.0),
        port if port.is_ordinary() => Output::Port(port.0),
        _ => return None,
    })
}

fn output(port: PortNo, is_packet_out: bool) -> Result<Output, OfpError> {
    match output_of(port) {
        Some(Output::Table) if !is_packet_out => None,
        output => output,
    }
    .ok_or(bad_action(BadActionCode::BadOutPort))
}

fn group(tables: &Tables, id: GroupId) -> Result<u32, OfpError> {
    tables.groups.slot(id).ok_or(bad_action(BadActionCode::BadOutGroup))
}

fn one_of(ethertype: u16, allowed: &[u16]) -> Result<(), OfpError> {
    match allowed.contains(&ethertype) {
        true => Ok(()),
        false => Err(bad_action(BadActionCode::BadArgument)),
    }
}

fn check_set_field(oxm: &Oxm) -> Result<(), OfpError> {
    if !oxm.field.info().settable || oxm.mask.is_some() {
        return Err(bad_action(BadActionCode::BadSetType));
    }
    let lacks_tag = oxm.field == OxmField::VlanVid && oxm.value & u128::from(VID_PRESENT) == 0;
    if lacks_tag || oxm.value & !oxm.field.all_ones() != 0 {
        return Err(bad_action(BadActionCode::BadSetArgument));
    }
    Ok(())
}
