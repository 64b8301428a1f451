//! Prints actions and instructions as dump-flows does.

use core::fmt;

use super::field_value::FieldValue;
use super::names;
use super::ports::PortText;
use super::value::Hex;
use crate::{Action, Instruction, PortNo};

impl fmt::Display for Action {
    /// As dump-flows prints it: `output:1`, `set_field:10.0.0.1->ip_dst`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Output { port: PortNo::CONTROLLER, max_len } => {
                write!(f, "CONTROLLER:{}", max_len.0)
            }
            Action::Output { port, .. } if port.reserved_name().is_some() => {
                write!(f, "{}", PortText(*port))
            }
            Action::Output { port, .. } => write!(f, "output:{}", PortText(*port)),
            Action::CopyTtlOut => f.write_str("copy_ttl_out"),
            Action::CopyTtlIn => f.write_str("copy_ttl_in"),
            Action::SetMplsTtl(ttl) => write!(f, "set_mpls_ttl({ttl})"),
            Action::DecMplsTtl => f.write_str("dec_mpls_ttl"),
            Action::PushVlan(dl_type) => write!(f, "push_vlan:0x{dl_type:04x}"),
            Action::PopVlan => f.write_str("pop_vlan"),
            Action::PushMpls(dl_type) => write!(f, "push_mpls:0x{dl_type:04x}"),
            Action::PopMpls(dl_type) => write!(f, "pop_mpls:0x{dl_type:04x}"),
            Action::SetQueue(queue) => write!(f, "set_queue:{queue}"),
            Action::Group(group) => write!(f, "group:{}", group.0),
            Action::SetNwTtl(ttl) => write!(f, "mod_nw_ttl:{ttl}"),
            Action::DecNwTtl => f.write_str("dec_ttl"),
            Action::SetField(oxm) => {
                let value = FieldValue { field: oxm.field, value: oxm.value, mask: oxm.mask };
                write!(f, "set_field:{value}->{}", names::label(oxm.field))
            }
            Action::PushPbb(dl_type) => write!(f, "push_pbb:0x{dl_type:04x}"),
            Action::PopPbb => f.write_str("pop_pbb"),
            Action::Experimenter { experimenter, data } => {
                write!(f, "experimenter({experimenter:#x},{})", Bytes(data))
            }
        }
    }
}

impl fmt::Display for Instruction {
    /// As dump-flows prints it; an apply-actions instruction is the bare list.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Instruction::GotoTable(table) => write!(f, "goto_table:{table}"),
            Instruction::WriteMetadata { value, mask: u64::MAX } => {
                write!(f, "write_metadata:{}", number(*value))
            }
            Instruction::WriteMetadata { value, mask } => {
                write!(f, "write_metadata:{}/{}", number(*value), number(*mask))
            }
            Instruction::WriteActions(actions) => write!(f, "write_actions({})", List(actions)),
            Instruction::ApplyActions(actions) => write!(f, "{}", List(actions)),
            Instruction::ClearActions => f.write_str("clear_actions"),
            Instruction::Meter(meter) => write!(f, "meter:{}", meter.0),
            Instruction::Experimenter { experimenter, data } => {
                write!(f, "experimenter_instruction({experimenter:#x},{})", Bytes(data))
            }
        }
    }
}

/// Writes actions with commas between them, nothing for none.
pub(super) struct List<'a>(pub(super) &'a [Action]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        separated(f, self.0)
    }
}

/// Writes what stands behind `actions=` in a bucket: `drop` for none.
pub(super) struct Actions<'a>(pub(super) &'a [Action]);

impl fmt::Display for Actions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("drop") } else { separated(f, self.0) }
    }
}

/// Writes what stands behind `actions=` in a flow: instructions in the order of their execution,
/// `drop` for none.
pub(super) struct Instructions<'a>(pub(super) &'a [Instruction]);

impl fmt::Display for Instructions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut is_empty = true;
        for rank in 0..=6u8 {
            for instruction in self.0.iter().filter(|one| order(one) == rank && !says_nothing(one))
            {
                let comma = if is_empty { "" } else { "," };
                write!(f, "{comma}{instruction}")?;
                is_empty = false;
            }
        }
        if is_empty { f.write_str("drop") } else { Ok(()) }
    }
}

/// The place in the order of execution (§5.9).
fn order(instruction: &Instruction) -> u8 {
    match instruction {
        Instruction::Meter(_) => 0,
        Instruction::ApplyActions(_) => 1,
        Instruction::ClearActions => 2,
        Instruction::WriteActions(_) => 3,
        Instruction::WriteMetadata { .. } => 4,
        Instruction::Experimenter { .. } => 5,
        Instruction::GotoTable(_) => 6,
    }
}

/// A list without actions has no effect and no text.
fn says_nothing(instruction: &Instruction) -> bool {
    match instruction {
        Instruction::ApplyActions(actions) | Instruction::WriteActions(actions) => {
            actions.is_empty()
        }
        _ => false,
    }
}

fn separated(f: &mut fmt::Formatter<'_>, actions: &[Action]) -> fmt::Result {
    for (i, action) in actions.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        write!(f, "{comma}{action}")?;
    }
    Ok(())
}

/// A number as ovs-ofctl writes metadata.
fn number(value: u64) -> Hex {
    Hex(u128::from(value))
}

/// Writes bytes as hexadecimal digits.
struct Bytes<'a>(&'a [u8]);

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
