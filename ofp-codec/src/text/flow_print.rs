//! Prints flow entries: [`FlowStats`] as a line of `ovs-ofctl dump-flows`, [`FlowMod`] as a line of
//! a flow file.

use core::fmt;

use super::action_print::Instructions;
use super::flow_parse::FLAGS;
use super::match_print::MatchText;
use super::ports::PortText;
use crate::multipart::FlowStats;
use crate::{FlowMod, FlowModCommand, FlowModFlags, GroupId, PortNo, TableId};

impl fmt::Display for FlowStats {
    /// As dump-flows prints it, with its space in front:
    ///
    /// ```
    /// use rumpswitch_ofp_codec::multipart::FlowStats;
    /// use rumpswitch_ofp_codec::{
    ///     Action, FlowModFlags, Instruction, Match, Oxm, OxmField, PortNo, TableId,
    /// };
    ///
    /// let entry = FlowStats {
    ///     table_id: TableId(0),
    ///     duration_sec: 1,
    ///     duration_nsec: 929_000_000,
    ///     priority: 1,
    ///     idle_timeout: 60,
    ///     hard_timeout: 0,
    ///     flags: FlowModFlags::SEND_FLOW_REM,
    ///     cookie: 0,
    ///     packet_count: 3,
    ///     byte_count: 294,
    ///     matching: Match::new([Oxm::new(OxmField::InPort, 2)]).unwrap(),
    ///     instructions: vec![Instruction::ApplyActions(vec![Action::output(PortNo(1))])],
    /// };
    /// assert_eq!(
    ///     entry.to_string(),
    ///     " cookie=0x0, duration=1.929s, table=0, n_packets=3, n_bytes=294, idle_timeout=60, \
    ///      send_flow_rem priority=1,in_port=2 actions=output:1"
    /// );
    /// ```
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let duration = Duration { sec: self.duration_sec, nsec: self.duration_nsec };
        write!(f, " cookie={:#x}, duration={duration}, table={}, ", self.cookie, self.table_id)?;
        write!(f, "n_packets={}, n_bytes={}, ", self.packet_count, self.byte_count)?;
        write_tail(f, self.idle_timeout, self.hard_timeout, self.flags)?;
        let matching = MatchText { priority: self.priority, matching: &self.matching };
        write_end(f, &matching)?;
        write!(f, "actions={}", Instructions(&self.instructions))
    }
}

impl fmt::Display for FlowMod {
    /// As a line of a flow file, with a command in front unless it is an addition.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.command {
            FlowModCommand::Add => "",
            FlowModCommand::Modify => "modify ",
            FlowModCommand::ModifyStrict => "modify_strict ",
            FlowModCommand::Delete => "delete ",
            FlowModCommand::DeleteStrict => "delete_strict ",
        })?;
        let is_delete =
            matches!(self.command, FlowModCommand::Delete | FlowModCommand::DeleteStrict);
        if self.command == FlowModCommand::Add && self.cookie != 0 {
            write!(f, "cookie={:#x}, ", self.cookie)?;
        } else if self.command != FlowModCommand::Add && self.cookie_mask != 0 {
            write!(f, "cookie={:#x}/{:#x}, ", self.cookie & self.cookie_mask, self.cookie_mask)?;
        }
        let usual = if is_delete { TableId::ALL } else { TableId(0) };
        if self.table_id != usual {
            write!(f, "table={}, ", self.table_id)?;
        }
        if is_delete {
            if self.out_port != PortNo::ANY {
                write!(f, "out_port={}, ", PortText(self.out_port))?;
            }
            if self.out_group != GroupId::ANY {
                write!(f, "out_group={}, ", self.out_group.0)?;
            }
        } else {
            write_tail(f, self.idle_timeout, self.hard_timeout, self.flags)?;
        }
        let priority = match self.command {
            FlowModCommand::Delete => crate::DEFAULT_PRIORITY,
            _ => self.priority,
        };
        let matching = MatchText { priority, matching: &self.matching };
        if is_delete {
            return write!(f, "{matching}");
        }
        write_end(f, &matching)?;
        write!(f, "actions={}", Instructions(&self.instructions))
    }
}

/// Timeouts and flags, as far as they say something.
fn write_tail(
    f: &mut fmt::Formatter<'_>,
    idle_timeout: u16,
    hard_timeout: u16,
    flags: FlowModFlags,
) -> fmt::Result {
    if idle_timeout != 0 {
        write!(f, "idle_timeout={idle_timeout}, ")?;
    }
    if hard_timeout != 0 {
        write!(f, "hard_timeout={hard_timeout}, ")?;
    }
    for (name, flag) in FLAGS {
        if flags.contains(flag) {
            write!(f, "{name} ")?;
        }
    }
    Ok(())
}

/// Priority and match with a space behind, if there is anything to say.
fn write_end(f: &mut fmt::Formatter<'_>, matching: &MatchText<'_>) -> fmt::Result {
    let is_any = matching.matching.fields().iter().all(|oxm| oxm.mask == Some(0));
    if matching.priority == crate::DEFAULT_PRIORITY && is_any {
        return Ok(());
    }
    write!(f, "{matching} ")
}

/// Seconds with as many decimals as the value needs: none, three or nine.
pub(super) struct Duration {
    pub(super) sec: u32,
    pub(super) nsec: u32,
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.nsec {
            0 => write!(f, "{}s", self.sec),
            nsec if nsec % 1_000_000 == 0 => write!(f, "{}.{:03}s", self.sec, nsec / 1_000_000),
            nsec => write!(f, "{}.{nsec:09}s", self.sec),
        }
    }
}
