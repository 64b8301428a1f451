//! Reads groups:
//! `group_id=1,type=select,bucket=weight:10,watch_port:2,actions=output:1,bucket=...`.

use alloc::format;
use alloc::vec::Vec;

use super::action_parse::{self, Actions, Context, Found, number};
use super::error::{Fault, Parsed, TextError};
use super::lines;
use super::ports::{self, PortNames};
use super::scan::{Word, Words};
use crate::{Bucket, GroupId, GroupMod, GroupModCommand, GroupType};

/// What a select group of Open vSwitch may say beyond OpenFlow 1.3.
const FOREIGN: &[&str] =
    &["selection_method", "selection_method_param", "fields", "command_bucket_id"];

/// Reads one group in the syntax of ovs-ofctl(8). `command` is what to do with it; additions and
/// modifications need a type, deletions only a `group_id` (a number or `all`; without one, all).
///
/// ```
/// use rumpswitch_ofp_codec::text::{NoNames, parse_group};
/// use rumpswitch_ofp_codec::{GroupModCommand, PortNo};
///
/// let line = "group_id=1,type=ff,bucket=watch_port:1,actions=1,bucket=watch_port:2,actions=2";
/// let group = parse_group(line, GroupModCommand::Add, &NoNames).unwrap();
/// assert_eq!(group.buckets[1].watch_port, PortNo(2));
/// assert_eq!(group.to_string(), line.replace("actions=", "actions=output:"));
/// ```
///
/// # Errors
/// The first word that is wrong, or that OpenFlow 1.3 cannot express.
pub fn parse_group(
    text: &str,
    command: GroupModCommand,
    ports: &dyn PortNames,
) -> Result<GroupMod, TextError> {
    group(text, command, ports).map_err(|fault| fault.at(0, text))
}

/// Reads a file of groups, one a line, each with or without a command before it: `add`, `modify`,
/// `delete`.
///
/// # Errors
/// The first word that is wrong, with its line.
pub fn parse_groups(text: &str, ports: &dyn PortNames) -> Result<Vec<GroupMod>, TextError> {
    lines::parse(text, |line| {
        let (word, rest) = lines::first_word(line);
        match word {
            "add" => group(rest, GroupModCommand::Add, ports),
            "modify" => group(rest, GroupModCommand::Modify, ports),
            "delete" => group(rest, GroupModCommand::Delete, ports),
            "add_or_mod" | "insert_bucket" | "remove_bucket" => {
                Err(Fault::new(word, "not a command of OpenFlow 1.3"))
            }
            _ => group(line, GroupModCommand::Add, ports),
        }
    })
}

fn group<'t>(
    text: &'t str,
    command: GroupModCommand,
    ports: &dyn PortNames,
) -> Parsed<'t, GroupMod> {
    let is_delete = command == GroupModCommand::Delete;
    let mut group_id = None;
    let mut group_type = None;
    let mut buckets = Vec::new();
    for word in Words::new(text) {
        match word.key {
            "group_id" => group_id = Some(id(word, is_delete)?),
            "type" => group_type = Some(kind(word)?),
            "bucket" | "buckets" if word.text != word.key => {
                if is_delete {
                    return Err(Fault::new(word.text, "a deletion has no buckets"));
                }
                let kind = group_type
                    .ok_or_else(|| Fault::new(word.text, "type= must stand before the buckets"))?;
                for text in split_buckets(word.tail) {
                    buckets.push(bucket(text, kind, ports)?);
                }
                break;
            }
            key if FOREIGN.contains(&key) => {
                return Err(Fault::new(word.text, format!("{key} is not in OpenFlow 1.3")));
            }
            _ => return Err(Fault::new(word.text, "unknown word")),
        }
    }
    if group_type == Some(GroupType::Indirect) && buckets.len() > 1 {
        return Err(Fault::new("", "an indirect group has one bucket"));
    }
    let missing = |what| Fault::new("", format!("{what} is missing"));
    Ok(GroupMod {
        command,
        group_type: match group_type {
            None if is_delete => GroupType::All,
            kind => kind.ok_or_else(|| missing("type="))?,
        },
        group_id: match group_id {
            None if is_delete => GroupId::ALL,
            id => id.ok_or_else(|| missing("group_id="))?,
        },
        buckets,
    })
}

/// A group number; `all` in deletions.
fn id(word: Word<'_>, is_delete: bool) -> Parsed<'_, GroupId> {
    if is_delete && word.value == "all" {
        return Ok(GroupId::ALL);
    }
    action_parse::group(word)
}

fn kind(word: Word<'_>) -> Parsed<'_, GroupType> {
    match word.value {
        "all" => Ok(GroupType::All),
        "select" => Ok(GroupType::Select),
        "indirect" => Ok(GroupType::Indirect),
        "ff" | "fast_failover" => Ok(GroupType::FastFailover),
        _ => Err(Fault::new(word.text, "a group is of type all, select, indirect or ff")),
    }
}

/// The text of each bucket, from what follows the first `bucket=`.
fn split_buckets(mut text: &str) -> Vec<&str> {
    const START: &str = "bucket=";
    let mut buckets = Vec::new();
    let mut from = 0usize;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find(START)) {
        let at = from.saturating_add(found);
        let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
        if before.ends_with([',', ' ', '\t']) {
            buckets.push(before);
            text = after.strip_prefix(START).unwrap_or(after);
            from = 0;
        } else {
            from = at.saturating_add(START.len());
        }
    }
    buckets.push(text);
    buckets
}

/// One bucket; actions may stand with or without `actions=`.
fn bucket<'t>(text: &'t str, kind: GroupType, ports: &dyn PortNames) -> Parsed<'t, Bucket> {
    let mut bucket = Bucket::new(Vec::new());
    bucket.weight = u16::from(kind == GroupType::Select);
    let mut actions = Actions::new(Context::default());
    let mut has_actions = false;
    let mut words = Words::new(text);
    while let Some(word) = words.next() {
        match word.key {
            "weight" if kind != GroupType::Select => {
                return Err(Fault::new(word.text, "only select groups have weights"));
            }
            "weight" => bucket.weight = number(word, 16)?,
            // OpenFlow 1.5's; ovs-ofctl takes it and leaves it out for 1.3.
            "bucket_id" => {}
            "watch_port" => {
                bucket.watch_port = ports::parse(word.value, ports)
                    .map_err(|message| Fault::new(word.text, message))?;
            }
            "watch_group" => bucket.watch_group = id(word, false)?,
            "actions" | "action" if word.text != word.key => {
                has_actions = true;
                words = Words::new(word.tail);
            }
            _ => {
                has_actions = true;
                match action_parse::find(word, ports)? {
                    Found::Port(port) => actions.output(port, word.text)?,
                    Found::Word(kind) => actions.take(kind, word, ports)?,
                }
            }
        }
    }
    actions.check_drop()?;
    let whole = if text.trim().is_empty() { "" } else { text };
    if !has_actions {
        return Err(Fault::new(whole, "the bucket has no actions"));
    }
    let watches = bucket.watch_port != crate::PortNo::ANY || bucket.watch_group != GroupId::ANY;
    if kind == GroupType::FastFailover && !watches {
        return Err(Fault::new(whole, "a fast-failover bucket needs watch_port or watch_group"));
    }
    bucket.actions = actions.list;
    Ok(bucket)
}
