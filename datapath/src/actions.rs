//! Compiles what a controller wrote, instructions and actions, into what the fast path runs.
//!
//! Everything is checked before anything changes (§7.2.4, §7.2.5).

use alloc::boxed::Box;
use alloc::vec::Vec;

use ofp_codec::{
    Action, BadActionCode, BadInstructionCode, FlowModFailedCode, GroupId, Instruction, Match,
    MeterModFailedCode, OfpError, Oxm, OxmField, PortNo, VID_PRESENT,
};

use crate::counters::NoMemory;
use crate::program::{Act, ActionSet, Op, Output};
use crate::tables::Tables;

const fn bad_action(code: BadActionCode) -> OfpError {
    OfpError::BadAction(code)
}

const fn bad_instruction(code: BadInstructionCode) -> OfpError {
    OfpError::BadInstruction(code)
}

/// Where a list of actions stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// In a flow entry.
    Entry,
    /// In a group's bucket.
    Bucket,
    /// In a packet-out.
    PacketOut,
}

/// The program of a flow entry in `table_id` (§5.9).
///
/// What each instruction and action says of itself is checked first, from left to right; then
/// whether it fits the table and the match; then whether the groups and meters exist.
pub(crate) fn compile(
    tables: &Tables,
    table_id: u8,
    matching: &Match,
    instructions: &[Instruction],
) -> Result<Vec<Op>, OfpError> {
    for (index, instruction) in instructions.iter().enumerate() {
        let mut earlier = instructions.iter().take(index);
        if earlier.any(|earlier| earlier.number() == instruction.number()) {
            return Err(bad_instruction(BadInstructionCode::UnsupInst));
        }
        check_instruction(instruction)?;
    }
    for instruction in instructions {
        check_goto(tables, table_id, instruction)?;
    }
    ofp_codec::check_instructions(matching, instructions)?;
    let mut parts = Parts::default();
    for instruction in instructions {
        match instruction {
            Instruction::GotoTable(next) => parts.goto = Some(next.0),
            Instruction::WriteMetadata { value, mask } => parts.metadata = Some((*value, *mask)),
            Instruction::WriteActions(actions) => {
                parts.write = actions_of(tables, actions, Context::Entry)?;
            }
            Instruction::ApplyActions(actions) => {
                parts.apply = actions_of(tables, actions, Context::Entry)?;
            }
            Instruction::ClearActions => parts.clear = true,
            Instruction::Meter(id) => {
                let unknown = OfpError::MeterModFailed(MeterModFailedCode::UnknownMeter);
                parts.meter = Some(tables.meters.slot(*id).ok_or(unknown)?);
            }
            Instruction::Experimenter { .. } => {}
        }
    }
    parts.assemble().map_err(|NoMemory| OfpError::FlowModFailed(FlowModFailedCode::TableFull))
}

/// What an instruction says of itself.
fn check_instruction(instruction: &Instruction) -> Result<(), OfpError> {
    match instruction {
        Instruction::WriteActions(actions) | Instruction::ApplyActions(actions) => {
            actions.iter().try_for_each(|action| check_action(action, Context::Entry))
        }
        Instruction::Experimenter { .. } => {
            Err(bad_instruction(BadInstructionCode::BadExperimenter))
        }
        _ => Ok(()),
    }
}

/// Goto leads to a later table that is there.
fn check_goto(tables: &Tables, table_id: u8, instruction: &Instruction) -> Result<(), OfpError> {
    match instruction {
        Instruction::GotoTable(next) if next.0 <= table_id || next.0 >= tables.config.n_tables => {
            Err(bad_instruction(BadInstructionCode::BadTableId))
        }
        _ => Ok(()),
    }
}

/// A flow entry's instructions by kind.
#[derive(Default)]
struct Parts {
    meter: Option<u32>,
    apply: Vec<Act>,
    clear: bool,
    write: Vec<Act>,
    metadata: Option<(u64, u64)>,
    goto: Option<u8>,
}

impl Parts {
    /// The operations in the order of execution.
    fn assemble(self) -> Result<Vec<Op>, NoMemory> {
        let mut ops = Vec::new();
        let len = self.apply.len().saturating_add(self.write.len()).saturating_add(4);
        ops.try_reserve_exact(len).map_err(|_| NoMemory)?;
        ops.extend(self.meter.map(Op::Meter));
        ops.extend(self.apply.into_iter().map(Op::Apply));
        ops.extend(self.clear.then_some(Op::ClearActions));
        ops.extend(self.write.into_iter().map(Op::Write));
        ops.extend(self.metadata.map(|(value, mask)| Op::WriteMetadata { value, mask }));
        ops.extend(self.goto.map(Op::GotoTable));
        let acts = ops.iter_mut().filter_map(|op| match op {
            Op::Apply(act) | Op::Write(act) => Some(act),
            _ => None,
        });
        mark_first(acts);
        Ok(ops)
    }
}

/// Marks the first reference to each group.
fn mark_first<'a>(acts: impl Iterator<Item = &'a mut Act>) {
    let mut seen: Vec<u32> = Vec::new();
    for act in acts {
        if let Act::Group { slot, first } = act {
            let place = seen.binary_search(slot);
            *first = place.is_err();
            if let Err(place) = place {
                seen.insert(place, *slot);
            }
        }
    }
}

/// A bucket's action set, in the order of execution (§5.10).
pub(crate) fn compile_bucket(tables: &Tables, actions: &[Action]) -> Result<Box<[Act]>, OfpError> {
    let mut set = ActionSet::default();
    for act in actions_of(tables, actions, Context::Bucket)? {
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
    actions_of(tables, actions, Context::PacketOut)
}

fn actions_of(tables: &Tables, actions: &[Action], context: Context) -> Result<Vec<Act>, OfpError> {
    let mut acts = Vec::new();
    acts.try_reserve_exact(actions.len()).map_err(|_| bad_action(BadActionCode::TooMany))?;
    for action in actions {
        check_action(action, context)?;
        acts.push(act(tables, action)?);
    }
    Ok(acts)
}

/// What an action says of itself.
fn check_action(action: &Action, context: Context) -> Result<(), OfpError> {
    match action {
        Action::Output { port, .. } => output(*port, context).map(drop),
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
        Action::Output { port, .. } => Act::Output(output(*port, Context::PacketOut)?),
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

fn output(port: PortNo, context: Context) -> Result<Output, OfpError> {
    match output_of(port) {
        Some(Output::Table) if context != Context::PacketOut => None,
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
