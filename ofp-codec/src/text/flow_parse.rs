//! Reads flows: one line, or a file of them as `ovs-ofctl add-flows` takes it. Lines that
//! `dump-flows` printed load as well; what a flow-mod cannot say of them (duration, counters) is
//! read over.

use alloc::format;
use alloc::vec::Vec;

use super::action_parse::Context;
use super::action_parse::number;
use super::error::{Fault, Parsed, TextError};
use super::instruction_parse;
use super::lines;
use super::match_parse::Draft;
use super::ports::{self, PortNames};
use super::scan::{Word, Words};
use super::value;
use crate::{FlowMod, FlowModCommand, FlowModFlags, GroupId, Instruction, Match, TableId};

/// Statistics in a dump that say nothing about the entry itself. `importance` is OpenFlow 1.4's;
/// ovs-ofctl leaves it out for 1.3, too.
const READ_OVER: &[&str] =
    &["duration", "n_packets", "n_bytes", "idle_age", "hard_age", "importance"];

/// The flags of a flow entry as they are written.
pub(super) const FLAGS: [(&str, FlowModFlags); 5] = [
    ("send_flow_rem", FlowModFlags::SEND_FLOW_REM),
    ("check_overlap", FlowModFlags::CHECK_OVERLAP),
    ("reset_counts", FlowModFlags::RESET_COUNTS),
    ("no_packet_counts", FlowModFlags::NO_PKT_COUNTS),
    ("no_byte_counts", FlowModFlags::NO_BYT_COUNTS),
];

/// Reads one flow in the syntax of ovs-ofctl(8), ovs-fields(7) and ovs-actions(7).
///
/// `command` is what to do with it. Additions and modifications need `actions=` at the end;
/// deletions may have `out_port=` and `out_group=`, and one without `table=` goes to all tables.
///
/// ```
/// use rumpswitch_ofp_codec::text::{NoNames, parse_flow};
/// use rumpswitch_ofp_codec::{Action, FlowModCommand, Instruction, OxmField, PortNo};
///
/// let line = "table=1,priority=9,tcp,nw_dst=10.0.0.0/8,tp_dst=80,actions=output:2";
/// let flow = parse_flow(line, FlowModCommand::Add, &NoNames).unwrap();
/// assert_eq!(flow.matching.exact(OxmField::TcpDst), Some(80));
/// assert_eq!(flow.instructions, [Instruction::ApplyActions(vec![Action::output(PortNo(2))])]);
/// let printed = "table=1, priority=9,tcp,nw_dst=10.0.0.0/8,tp_dst=80 actions=output:2";
/// assert_eq!(flow.to_string(), printed);
/// ```
///
/// # Errors
/// The first word that is wrong, or that OpenFlow 1.3 cannot express.
pub fn parse_flow(
    text: &str,
    command: FlowModCommand,
    ports: &dyn PortNames,
) -> Result<FlowMod, TextError> {
    flow(text, command, ports).map_err(|fault| fault.at(0, text))
}

/// Reads a file of flows: one a line, empty lines and comments from `#` to the end of a line read
/// over. A line may start with a command: `add` (also without), `modify`, `modify_strict`,
/// `delete`, `delete_strict`.
///
/// ```
/// use rumpswitch_ofp_codec::text::{NoNames, parse_flows};
///
/// let flows = parse_flows("# a hub\ndelete\npriority=1,actions=flood\n", &NoNames).unwrap();
/// assert_eq!(flows.len(), 2);
/// ```
///
/// # Errors
/// The first word that is wrong, with its line.
pub fn parse_flows(text: &str, ports: &dyn PortNames) -> Result<Vec<FlowMod>, TextError> {
    lines::parse(text, |line| {
        let (command, rest) = leading_command(line);
        flow(rest, command, ports)
    })
}

/// Reads a match by itself; also the description of a packet: `in_port=1,ip,nw_dst=10.0.0.1`.
///
/// ```
/// use rumpswitch_ofp_codec::OxmField;
/// use rumpswitch_ofp_codec::text::{NoNames, parse_match};
///
/// let matching = parse_match("ipv4_dst=10.0.0.1,tcp,in_port=1", &NoNames).unwrap();
/// assert_eq!(matching.exact(OxmField::Ipv4Dst), Some(0x0a00_0001));
/// assert_eq!(matching.to_string(), "tcp,in_port=1,nw_dst=10.0.0.1");
/// ```
///
/// # Errors
/// The first word that is no match field, or is wrong.
pub fn parse_match(text: &str, ports: &dyn PortNames) -> Result<Match, TextError> {
    let mut draft = Draft::default();
    let mut read = || {
        for word in Words::new(text) {
            if !draft.take(word, ports)? {
                return Err(unknown(word));
            }
        }
        core::mem::take(&mut draft).finish()
    };
    read().map_err(|fault| fault.at(0, text))
}

/// The command at the start of a line, and what follows it.
fn leading_command(line: &str) -> (FlowModCommand, &str) {
    let (word, rest) = lines::first_word(line);
    match word {
        "add" => (FlowModCommand::Add, rest),
        "modify" => (FlowModCommand::Modify, rest),
        "modify_strict" => (FlowModCommand::ModifyStrict, rest),
        "delete" => (FlowModCommand::Delete, rest),
        "delete_strict" => (FlowModCommand::DeleteStrict, rest),
        _ => (FlowModCommand::Add, line),
    }
}

/// A word that is neither match field nor flow attribute.
fn unknown(word: Word<'_>) -> Fault<'_> {
    let message = if word.text == word.key { "unknown word" } else { "unknown field" };
    Fault::new(word.text, message)
}

/// A flow being read.
struct Reader<'t> {
    flow: FlowMod,
    draft: Draft<'t>,
    table: Option<TableId>,
    actions: Option<&'t str>,
}

fn flow<'t>(text: &'t str, command: FlowModCommand, ports: &dyn PortNames) -> Parsed<'t, FlowMod> {
    let mut reader = Reader {
        flow: FlowMod { command, ..FlowMod::default() },
        draft: Draft::default(),
        table: None,
        actions: None,
    };
    for word in Words::new(text) {
        if matches!(word.key, "actions" | "action") && word.text != word.key {
            reader.actions = Some(word.tail);
            break;
        }
        if !reader.draft.take(word, ports)? && !reader.take(word, ports)? {
            return Err(unknown(word));
        }
    }
    reader.finish(ports)
}

impl<'t> Reader<'t> {
    fn is_delete(&self) -> bool {
        matches!(self.flow.command, FlowModCommand::Delete | FlowModCommand::DeleteStrict)
    }

    /// Takes an attribute of the flow; `false` if the word is none.
    fn take(&mut self, word: Word<'t>, ports: &dyn PortNames) -> Parsed<'t, bool> {
        if self.is_delete() {
            let is_strict = self.flow.command == FlowModCommand::DeleteStrict;
            let refused = match word.key {
                "priority" if is_strict => false,
                "priority" | "idle_timeout" | "hard_timeout" => true,
                key => FLAGS.iter().any(|(name, _)| *name == key),
            };
            if refused {
                return Err(Fault::new(word.text, "says nothing in this kind of deletion"));
            }
        }
        if let Some((_, flag)) = FLAGS.iter().find(|(name, _)| *name == word.text) {
            self.flow.flags |= *flag;
            return Ok(true);
        }
        let flow = &mut self.flow;
        match word.key {
            "table" => self.table = Some(TableId(number(word, 8)?)),
            "priority" => flow.priority = number(word, 16)?,
            "idle_timeout" => flow.idle_timeout = number(word, 16)?,
            "hard_timeout" => flow.hard_timeout = number(word, 16)?,
            "cookie" => cookie(flow, word)?,
            "out_port" | "out_group" if !self.is_delete() => {
                return Err(Fault::new(word.text, "only deletions select by output"));
            }
            "out_port" => {
                self.flow.out_port = ports::parse(word.value, ports)
                    .map_err(|message| Fault::new(word.text, message))?;
            }
            "out_group" if word.value.eq_ignore_ascii_case("any") => {}
            "out_group" => self.flow.out_group = GroupId(number(word, 32)?),
            "actions" | "action" => return Err(Fault::new(word.text, "expected actions=")),
            key if READ_OVER.contains(&key) => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn finish(self, ports: &dyn PortNames) -> Parsed<'t, FlowMod> {
        let is_delete = self.is_delete();
        let context = Context {
            protocol: self.draft.protocol(),
            tag_count: usize::from(self.draft.is_tagged()),
            is_flow: true,
            is_packet_out: false,
        };
        let mut flow = self.flow;
        flow.matching = self.draft.finish()?;
        flow.table_id = match self.table {
            None | Some(TableId::ALL) if is_delete => TableId::ALL,
            None | Some(TableId::ALL) => TableId(0),
            Some(table) => table,
        };
        match self.actions {
            Some(text) if is_delete && !text.trim().is_empty() => {
                return Err(Fault::new(text.trim(), "a deletion has no actions"));
            }
            Some(text) => {
                flow.instructions = instruction_parse::parse(text, context, ports)?;
                check_goto(&flow, text)?;
            }
            None if is_delete => {}
            None => return Err(Fault::new("", "actions= is missing")),
        }
        Ok(flow)
    }
}

/// A flow leads to later tables only (§7.2.4).
fn check_goto<'t>(flow: &FlowMod, actions: &'t str) -> Parsed<'t, ()> {
    match flow.instructions.last() {
        Some(Instruction::GotoTable(next)) if *next <= flow.table_id || *next > TableId::MAX => {
            let from = flow.table_id;
            let word = Words::new(actions).last().map_or("", |word| word.text);
            Err(Fault::new(
                word,
                format!("the way from table {from} leads only to later tables, up to 254"),
            ))
        }
        _ => Ok(()),
    }
}

/// `cookie=V` sets, `cookie=V/M` selects.
fn cookie<'t>(flow: &mut FlowMod, word: Word<'t>) -> Parsed<'t, ()> {
    let fault = || Fault::new(word.text, "needs VALUE or VALUE/MASK, 64 bits each");
    let read = |text| {
        value::integer(text, 64).and_then(|number| u64::try_from(number).ok()).ok_or_else(fault)
    };
    match (word.value.split_once('/'), flow.command) {
        (Some(_), FlowModCommand::Add) => {
            return Err(Fault::new(word.text, "an addition takes no cookie mask"));
        }
        (Some((value, mask)), _) => {
            flow.cookie_mask = read(mask)?;
            flow.cookie = read(value)? & flow.cookie_mask;
        }
        (None, FlowModCommand::Add) => flow.cookie = read(word.value)?,
        (None, FlowModCommand::Modify | FlowModCommand::ModifyStrict) => {
            let message = "OpenFlow 1.3 cannot change a cookie; to select by it, write VALUE/-1";
            return Err(Fault::new(word.text, message));
        }
        (None, _) => {
            return Err(Fault::new(
                word.text,
                format!("to select by cookie, write {}/-1", word.value),
            ));
        }
    }
    Ok(())
}
