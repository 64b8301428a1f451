//! Compiles what a controller wrote, instructions and actions, into what the fast path runs.
//!
//! Everything is checked before anything changes, from left to right, arguments before consistency
//! with the match, as `openflow` peers expect (§7.2.4, §7.2.5).

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
pub(crate) enum Context<'a> {
    /// In a flow entry with this match.
    Entry(&'a Match),
    /// In a group's bucket.
    Bucket,
    /// In a packet-out.
    PacketOut,
}

/// The program of a flow entry in `table_id` (§5.9).
pub(crate) fn compile(
    tables: &Tables,
    table_id: u8,
    matching: &Match,
    instructions: &[Instruction],
) -> Result<Vec<Op>, OfpError> {
    let mut parts = Parts::default();
    let context = Context::Entry(matching);
    for (index, instruction) in instructions.iter().enumerate() {
        let earlier = instructions.iter().take(index);
        if earlier.into_iter().any(|earlier| earlier.number() == instruction.number()) {
            return Err(bad_instruction(BadInstructionCode::UnknownInst));
        }
        match instruction {
            Instruction::GotoTable(next) => {
                if next.0 <= table_id || next.0 >= tables.config.n_tables {
                    return Err(bad_instruction(BadInstructionCode::BadTableId));
                }
                parts.goto = Some(next.0);
            }
            Instruction::WriteMetadata { value, mask } => parts.metadata = Some((*value, *mask)),
            Instruction::WriteActions(actions) => {
                parts.write = actions_of(tables, actions, context)?;
            }
            Instruction::ApplyActions(actions) => {
                parts.apply = actions_of(tables, actions, context)?;
            }
            Instruction::ClearActions => parts.clear = true,
            Instruction::Meter(id) => {
                let unknown = OfpError::MeterModFailed(MeterModFailedCode::UnknownMeter);
                parts.meter = Some(tables.meters.slot(*id).ok_or(unknown)?);
            }
            Instruction::Experimenter { .. } => {
                return Err(bad_instruction(BadInstructionCode::BadExperimenter));
            }
        }
    }
    parts.assemble().map_err(|NoMemory| OfpError::FlowModFailed(FlowModFailedCode::TableFull))
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
        set.write(act);
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

fn actions_of(
    tables: &Tables,
    actions: &[Action],
    context: Context<'_>,
) -> Result<Vec<Act>, OfpError> {
    let mut acts = Vec::new();
    acts.try_reserve_exact(actions.len()).map_err(|_| bad_action(BadActionCode::TooMany))?;
    for action in actions {
        acts.push(act(tables, action, context)?);
    }
    Ok(acts)
}

fn act(tables: &Tables, action: &Action, context: Context<'_>) -> Result<Act, OfpError> {
    Ok(match action {
        Action::Output { port, .. } => Act::Output(output(*port, context)?),
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
        Action::PushVlan(ethertype) => Act::PushVlan(one_of(*ethertype, &[0x8100, 0x88a8])?),
        Action::PopVlan => Act::PopVlan,
        Action::PushMpls(ethertype) => Act::PushMpls(one_of(*ethertype, &[0x8847, 0x8848])?),
        Action::PopMpls(ethertype) => Act::PopMpls(*ethertype),
        Action::PushPbb(ethertype) => Act::PushPbb(one_of(*ethertype, &[0x88e7])?),
        Action::PopPbb => Act::PopPbb,
        Action::SetField(oxm) => set_field(oxm)?,
        Action::Experimenter { .. } => {
            return Err(bad_action(BadActionCode::BadExperimenter));
        }
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

fn output(port: PortNo, context: Context<'_>) -> Result<Output, OfpError> {
    match output_of(port) {
        Some(Output::Table) if context != Context::PacketOut => None,
        output => output,
    }
    .ok_or(bad_action(BadActionCode::BadOutPort))
}

fn group(tables: &Tables, id: GroupId) -> Result<u32, OfpError> {
    tables.groups.slot(id).ok_or(bad_action(BadActionCode::BadOutGroup))
}

fn one_of(ethertype: u16, allowed: &[u16]) -> Result<u16, OfpError> {
    if allowed.contains(&ethertype) {
        return Ok(ethertype);
    }
    Err(bad_action(BadActionCode::BadArgument))
}

fn set_field(oxm: &Oxm) -> Result<Act, OfpError> {
    if !oxm.field.info().settable || oxm.mask.is_some() {
        return Err(bad_action(BadActionCode::BadSetType));
    }
    let lacks_tag = oxm.field == OxmField::VlanVid && oxm.value & u128::from(VID_PRESENT) == 0;
    if lacks_tag || oxm.value & !oxm.field.all_ones() != 0 {
        return Err(bad_action(BadActionCode::BadSetArgument));
    }
    Ok(Act::set_field(oxm.field, oxm.value))
}
