//! What a flow entry does, compiled: a flat list of operations in the order in which the standard
//! executes instructions, whatever their order in the message (§5.9).
//!
//! # What
//!
//! [`Op`] is one instruction, or one action of an apply-actions list or of a write-actions set.
//! [`Act`] is one action with everything resolved that a flow-mod can resolve: groups and meters by
//! slot, reserved ports by kind. [`ActionSet`] is the set that a packet carries through the pipeline;
//! it yields its actions in the order of §5.10.
//!
//! # Design
//!
//! A program of one operation, which is what most entries hold, lies in the entry itself; a longer
//! one is one boxed slice. Values of fields are two 64-bit words, so that an operation is 24 bytes.
//! The action set is a few words and a bit mask of what is there: clearing it writes two words.
//!
//! # What it does not do
//!
//! Ports are not resolved to slots: they come and go while entries stay, and a port is found by one
//! indexed load.

use alloc::boxed::Box;
use alloc::vec::Vec;

use hypercall::Port;
use ofp_codec::OxmField;
use ofp_codec::memory::TryBox;

use crate::counters::NoMemory;
use crate::lead::Lead;
use crate::rewrite::{Recipe, Recipes};

/// One step of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Sends the packet through the meter in a slot.
    Meter(u32),
    /// Does an action of an apply-actions list.
    Apply(Act),
    /// Empties the action set.
    ClearActions,
    /// Puts an action into the action set.
    Write(Act),
    /// Changes the bits of `mask` of the metadata.
    WriteMetadata { value: u64, mask: u64 },
    /// Goes on in a later table.
    GotoTable(u8),
}

/// One action, resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Act {
    Output(Output),
    /// The group in a slot; `first` when no earlier action of the program names it, so that a
    /// program's references are counted once.
    Group {
        slot: u32,
        first: bool,
    },
    SetQueue(u32),
    CopyTtlOut,
    CopyTtlIn,
    SetMplsTtl(u8),
    DecMplsTtl,
    SetNwTtl(u8),
    DecNwTtl,
    PushVlan(u16),
    PopVlan,
    PushMpls(u16),
    PopMpls(u16),
    PushPbb(u16),
    PopPbb,
    SetField {
        field: OxmField,
        value: [u64; 2],
    },
}

/// Where an output action sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Output {
    /// A physical or logical port, or LOCAL.
    Port(u32),
    InPort,
    Table,
    Normal,
    Flood,
    All,
    Controller,
}

impl Act {
    /// Whether it changes the packet.
    #[inline]
    pub(crate) fn is_change(&self) -> bool {
        !matches!(self, Act::Output(_) | Act::Group { .. })
    }

    pub(crate) fn set_field(field: OxmField, value: u128) -> Act {
        Act::SetField { field, value: [(value >> 64) as u64, value as u64] }
    }
}

/// A field's value from its two words.
pub(crate) fn wide([high, low]: [u64; 2]) -> u128 {
    (u128::from(high) << 64) | u128::from(low)
}

/// The operations of one flow entry.
#[derive(Debug)]
pub(crate) enum Program {
    /// None: the packet ends here and its action set is executed.
    Empty,
    /// One.
    One(Op),
    /// Several that change the packet, and one more, which sends it to a port, now or at the end of the
    /// pipeline.
    Changes(TryBox<Changes>),
    /// Several others.
    Many { ops: Box<[Op]>, is_private: bool },
}

/// Changes, and the port that the packet is sent to then.
#[derive(Debug)]
pub(crate) struct Changes {
    /// What the changes begin with, fused.
    pub(crate) recipe: Recipe,
    pub(crate) port: Port,
    ops: Box<[Op]>,
}

impl Changes {
    /// The operations that change the packet.
    #[inline]
    pub(crate) fn ops(&self) -> &[Op] {
        self.ops.split_last().map_or(&[], |(_, changes)| changes)
    }

    /// Whether the recipe is all of them.
    fn are_fused(&self) -> bool {
        self.recipe.act_count() == self.ops().len()
    }
}

impl Op {
    /// Whether it changes nothing but its packet, the packet's metadata and its action set, and
    /// tells nobody when it fails.
    fn is_private(&self) -> bool {
        match self {
            Op::Meter(_) => false,
            Op::Apply(Act::Output(_) | Act::Group { .. } | Act::DecMplsTtl | Act::DecNwTtl) => {
                false
            }
            Op::Apply(_) => true,
            Op::ClearActions | Op::Write(_) | Op::WriteMetadata { .. } | Op::GotoTable(_) => true,
        }
    }

    /// Whether it changes the packet, and nothing else unless it fails.
    fn is_change(&self) -> bool {
        self.applied().is_some_and(Act::is_change)
    }

    /// The action of an apply-actions list that it does.
    #[inline]
    pub(crate) fn applied(&self) -> Option<&Act> {
        match self {
            Op::Apply(act) => Some(act),
            _ => None,
        }
    }
}

impl Program {
    pub(crate) fn new(ops: &[Op]) -> Result<Program, NoMemory> {
        Ok(match ops {
            [] => Program::Empty,
            [op] => Program::One(*op),
            [
                changes @ ..,
                Op::Apply(Act::Output(Output::Port(port)))
                | Op::Write(Act::Output(Output::Port(port))),
            ] if changes.iter().all(Op::is_change) => {
                let recipe = Recipe::new(changes.iter().filter_map(Op::applied));
                let changes = Changes { recipe, port: Port(*port), ops: boxed(ops)? };
                Program::Changes(TryBox::new(changes)?)
            }
            ops => Program::Many { ops: boxed(ops)?, is_private: ops.iter().all(Op::is_private) },
        })
    }

    /// Whether all its operations are private to the packet: see [`pipeline`](crate::pipeline).
    #[inline]
    pub(crate) fn is_private(&self) -> bool {
        match self {
            Program::Empty => true,
            Program::One(op) => op.is_private(),
            Program::Changes(_) => false,
            Program::Many { is_private, .. } => *is_private,
        }
    }

    /// What it does, if it is the usual; its recipe is one of the shared ones then, if it can be.
    pub(crate) fn lead(&self, recipes: &mut Recipes) -> Lead {
        match *self {
            Program::Empty => Lead::END,
            Program::One(Op::GotoTable(next)) => Lead::on(next),
            Program::One(
                Op::Apply(Act::Output(Output::Port(port)))
                | Op::Write(Act::Output(Output::Port(port))),
            ) => Lead::out(Port(port)),
            Program::Changes(ref changes) if changes.are_fused() => {
                Lead::changed(changes.port, recipes.take(&changes.recipe))
            }
            _ => Lead::NONE,
        }
    }

    #[inline]
    pub(crate) fn ops(&self) -> &[Op] {
        match self {
            Program::Empty => &[],
            Program::One(op) => core::slice::from_ref(op),
            Program::Changes(changes) => &changes.ops,
            Program::Many { ops, .. } => ops,
        }
    }

    /// Bytes that it holds outside itself.
    pub(crate) fn held(&self) -> u64 {
        match self {
            Program::Empty | Program::One(_) => 0,
            Program::Changes(changes) => {
                (size_of::<Changes>() as u64).saturating_add(size_of_val(&changes.ops[..]) as u64)
            }
            Program::Many { ops, .. } => size_of_val(&ops[..]) as u64,
        }
    }

    /// The actions of its apply-actions list and its write-actions set.
    pub(crate) fn acts(&self) -> impl Iterator<Item = &Act> {
        self.ops().iter().filter_map(|op| match op {
            Op::Apply(act) | Op::Write(act) => Some(act),
            _ => None,
        })
    }

    /// Whether it outputs to this port, in apply-actions or write-actions.
    pub(crate) fn outputs_to(&self, output: Output) -> bool {
        self.acts().any(|act| *act == Act::Output(output))
    }

    /// The meter that it uses.
    pub(crate) fn meter(&self) -> Option<u32> {
        self.ops().iter().find_map(|op| match op {
            Op::Meter(slot) => Some(*slot),
            _ => None,
        })
    }

    /// The groups that it uses, each once.
    pub(crate) fn groups(&self) -> impl Iterator<Item = u32> {
        groups(self.acts())
    }
}

/// The groups that a list of actions uses, each once.
pub(crate) fn groups<'a>(acts: impl Iterator<Item = &'a Act>) -> impl Iterator<Item = u32> {
    acts.filter_map(|act| match act {
        Act::Group { slot, first: true } => Some(*slot),
        _ => None,
    })
}

/// A copy of `items` in memory that may be refused.
pub(crate) fn boxed<T: Copy>(items: &[T]) -> Result<Box<[T]>, NoMemory> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(items.len()).map_err(|_| NoMemory)?;
    copy.extend_from_slice(items);
    Ok(copy.into_boxed_slice())
}

/// The steps of an action set, in the order of §5.10; several actions of one step are in the order
/// of their numbers.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Step {
    CopyTtlIn,
    PopVlan,
    PopMpls,
    PopPbb,
    PushMpls,
    PushPbb,
    PushVlan,
    CopyTtlOut,
    DecMplsTtl,
    DecNwTtl,
    SetMplsTtl,
    SetNwTtl,
    SetField,
    SetQueue,
    Group,
    Output,
}

impl Step {
    const ALL: [Step; 16] = [
        Step::CopyTtlIn,
        Step::PopVlan,
        Step::PopMpls,
        Step::PopPbb,
        Step::PushMpls,
        Step::PushPbb,
        Step::PushVlan,
        Step::CopyTtlOut,
        Step::DecMplsTtl,
        Step::DecNwTtl,
        Step::SetMplsTtl,
        Step::SetNwTtl,
        Step::SetField,
        Step::SetQueue,
        Step::Group,
        Step::Output,
    ];

    const fn bit(self) -> u32 {
        1 << self as u8
    }
}

const FIELD_COUNT: usize = 40;

/// The action set that a packet carries: at most one action of each kind, one set-field per field.
#[derive(Debug)]
pub(crate) struct ActionSet {
    steps: u32,
    /// Fields that are set, by number.
    fields: u64,
    /// What a step needs to know, by step.
    arguments: [u32; Step::ALL.len()],
    output: Output,
    /// Whether a table-miss flow entry wrote the output.
    is_miss: bool,
    values: [[u64; 2]; FIELD_COUNT],
}

impl Default for ActionSet {
    fn default() -> Self {
        ActionSet {
            steps: 0,
            fields: 0,
            arguments: [0; Step::ALL.len()],
            output: Output::Table,
            is_miss: false,
            values: [[0; 2]; FIELD_COUNT],
        }
    }
}

impl ActionSet {
    /// Empties the set (§5.10).
    pub(crate) fn clear(&mut self) {
        self.steps = 0;
        self.fields = 0;
    }

    /// Whether there is no action in the set.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.steps == 0
    }

    /// Whether the set sends the packet anywhere.
    pub(crate) fn sends(&self) -> bool {
        self.steps & (Step::Group.bit() | Step::Output.bit()) != 0
    }

    /// Whether a table-miss flow entry wrote its output, which a packet-in tells.
    pub(crate) fn outputs_for_miss(&self) -> bool {
        self.is_miss
    }

    /// Adds an action, on behalf of a table-miss flow entry or not; a former one of its kind goes.
    pub(crate) fn write(&mut self, act: Act, is_miss: bool) {
        let (step, argument) = match act {
            Act::Output(output) => {
                self.output = output;
                self.is_miss = is_miss;
                (Step::Output, 0)
            }
            Act::Group { slot, .. } => (Step::Group, slot),
            Act::SetQueue(queue) => (Step::SetQueue, queue),
            Act::CopyTtlOut => (Step::CopyTtlOut, 0),
            Act::CopyTtlIn => (Step::CopyTtlIn, 0),
            Act::SetMplsTtl(ttl) => (Step::SetMplsTtl, u32::from(ttl)),
            Act::DecMplsTtl => (Step::DecMplsTtl, 0),
            Act::SetNwTtl(ttl) => (Step::SetNwTtl, u32::from(ttl)),
            Act::DecNwTtl => (Step::DecNwTtl, 0),
            Act::PushVlan(ethertype) => (Step::PushVlan, u32::from(ethertype)),
            Act::PopVlan => (Step::PopVlan, 0),
            Act::PushMpls(ethertype) => (Step::PushMpls, u32::from(ethertype)),
            Act::PopMpls(ethertype) => (Step::PopMpls, u32::from(ethertype)),
            Act::PushPbb(ethertype) => (Step::PushPbb, u32::from(ethertype)),
            Act::PopPbb => (Step::PopPbb, 0),
            Act::SetField { field, value } => {
                if let Some(place) = self.values.get_mut(field as usize) {
                    *place = value;
                    self.fields |= 1 << (field as u64);
                }
                (Step::SetField, 0)
            }
        };
        self.steps |= step.bit();
        if let Some(place) = self.arguments.get_mut(step as usize) {
            *place = argument;
        }
    }

    /// The actions in the order of execution. A group hides the output (§5.10).
    pub(crate) fn acts(&self) -> impl Iterator<Item = Act> + '_ {
        let group = self.steps & Step::Group.bit() != 0;
        let steps = if group { self.steps & !Step::Output.bit() } else { self.steps };
        Step::ALL.into_iter().filter(move |step| steps & step.bit() != 0).flat_map(|step| {
            let fields = if matches!(step, Step::SetField) { self.fields } else { 0 };
            let one = if fields == 0 { self.act(step) } else { None };
            one.into_iter().chain(self.set_fields(fields))
        })
    }

    fn set_fields(&self, fields: u64) -> impl Iterator<Item = Act> + '_ {
        // Most sets set no field: the range is empty then.
        let end = (u64::BITS - fields.leading_zeros()) as usize;
        let set = (0..end).filter(move |number| fields >> number & 1 != 0);
        set.filter_map(|number| {
            let field = *OxmField::ALL.get(number)?;
            let value = *self.values.get(number)?;
            Some(Act::SetField { field, value })
        })
    }

    fn act(&self, step: Step) -> Option<Act> {
        let argument = self.arguments.get(step as usize).copied()?;
        Some(match step {
            Step::CopyTtlIn => Act::CopyTtlIn,
            Step::PopVlan => Act::PopVlan,
            Step::PopMpls => Act::PopMpls(argument as u16),
            Step::PopPbb => Act::PopPbb,
            Step::PushMpls => Act::PushMpls(argument as u16),
            Step::PushPbb => Act::PushPbb(argument as u16),
            Step::PushVlan => Act::PushVlan(argument as u16),
            Step::CopyTtlOut => Act::CopyTtlOut,
            Step::DecMplsTtl => Act::DecMplsTtl,
            Step::DecNwTtl => Act::DecNwTtl,
            Step::SetMplsTtl => Act::SetMplsTtl(argument as u8),
            Step::SetNwTtl => Act::SetNwTtl(argument as u8),
            Step::SetField => return None,
            Step::SetQueue => Act::SetQueue(argument),
            Step::Group => Act::Group { slot: argument, first: true },
            Step::Output => Act::Output(self.output),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_small() {
        assert!(size_of::<Op>() <= 32, "{}", size_of::<Op>());
        assert!(size_of::<Program>() <= 32, "{}", size_of::<Program>());
    }

    #[test]
    fn the_set_runs_in_the_order_of_the_standard() {
        let mut set = ActionSet::default();
        let written = [
            Act::Output(Output::Port(1)),
            Act::SetQueue(3),
            Act::set_field(OxmField::Ipv4Src, 5),
            Act::set_field(OxmField::EthDst, 6),
            Act::SetNwTtl(9),
            Act::DecNwTtl,
            Act::CopyTtlOut,
            Act::PushVlan(0x8100),
            Act::PushPbb(0x88e7),
            Act::PushMpls(0x8847),
            Act::PopVlan,
            Act::CopyTtlIn,
            Act::PushVlan(0x88a8),
            Act::set_field(OxmField::EthDst, 7),
        ];
        written.into_iter().for_each(|act| set.write(act, false));
        let acts: Vec<Act> = set.acts().collect();
        assert_eq!(
            acts,
            [
                Act::CopyTtlIn,
                Act::PopVlan,
                Act::PushMpls(0x8847),
                Act::PushPbb(0x88e7),
                Act::PushVlan(0x88a8),
                Act::CopyTtlOut,
                Act::DecNwTtl,
                Act::SetNwTtl(9),
                Act::set_field(OxmField::EthDst, 7),
                Act::set_field(OxmField::Ipv4Src, 5),
                Act::SetQueue(3),
                Act::Output(Output::Port(1)),
            ]
        );
        set.write(Act::Group { slot: 4, first: true }, false);
        assert_eq!(set.acts().last(), Some(Act::Group { slot: 4, first: true }));
        assert_eq!(set.acts().count(), acts.len(), "the group hides the output");
        set.clear();
        assert_eq!(set.acts().count(), 0);
        assert!(!set.sends());
    }
}
