//! A personality as TOML, whole: what is read from it is the same again.

use std::fmt::Write;

use rumpswitch::datapath::Personality;
use rumpswitch::datapath::personality::{EntryShape, TableIdSet, TableShape};
use rumpswitch::ofp_codec::{OxmField, TableId};

use super::read::GROUP_TYPES;
use super::words;

/// Where lists are broken.
const WIDTH: usize = 96;

/// The TOML of a personality.
pub(crate) fn print(personality: &Personality) -> String {
    let mut out = String::new();
    text(&mut out, "name", &personality.name);
    text(&mut out, "manufacturer", &personality.manufacturer);
    text(&mut out, "hardware", &personality.hardware);
    text(&mut out, "software", &personality.software);
    list(&mut out, "features", &words::flags_to_words(&personality.features));
    list(&mut out, "messages", &words::flags_to_words(&personality.messages));
    list(&mut out, "multiparts", &words::flags_to_words(&personality.multiparts));
    list(&mut out, "flow-flags", &words::flags_to_words(&personality.flow_flags));
    list(&mut out, "outputs", &words::flags_to_words(&personality.outputs));
    list(&mut out, "port-config", &words::flags_to_words(&personality.port_config));
    list(&mut out, "quirks", &words::flags_to_words(&personality.quirks));
    number(&mut out, "max-port", personality.max_port.0);
    number(&mut out, "max-actions", personality.max_actions);
    number(&mut out, "max-vlan-tags", personality.max_vlan_tags);
    groups(&mut out, personality);
    meters(&mut out, personality);
    tables(&mut out, personality);
    out
}

fn number(out: &mut String, key: &str, value: impl std::fmt::Display) {
    let _ = writeln!(out, "{key} = {value}");
}

fn text(out: &mut String, key: &str, value: &str) {
    let _ = writeln!(out, "{key} = {}", toml::Value::from(value));
}

fn list(out: &mut String, key: &str, words: &[String]) {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    let line = format!("{key} = [{}]", quoted.join(", "));
    if line.len() <= WIDTH {
        out.push_str(&line);
        out.push('\n');
        return;
    }
    let _ = writeln!(out, "{key} = [");
    let mut line = String::from("   ");
    for word in quoted {
        if line.len() + word.len() + 2 > WIDTH {
            let _ = writeln!(out, "{line}");
            line = String::from("   ");
        }
        let _ = write!(line, " {word},");
    }
    let _ = writeln!(out, "{line}\n]");
}

fn groups(out: &mut String, personality: &Personality) {
    let groups = &personality.groups;
    out.push_str("\n[groups]\n");
    for ((word, _), max) in GROUP_TYPES.iter().zip(groups.max_groups) {
        number(out, &format!("max-{word}"), max);
    }
    list(out, "capabilities", &words::flags_to_words(&groups.capabilities));
    let mut used = groups.actions.iter().zip(groups.max_groups).filter(|(_, max)| *max != 0);
    let first = used.next().map(|(actions, _)| *actions).unwrap_or_default();
    if used.all(|(actions, _)| *actions == first) {
        list(out, "actions", &words::actions_to_words(first));
    } else {
        for ((word, _), actions) in GROUP_TYPES.iter().zip(groups.actions) {
            list(out, &format!("actions-{word}"), &words::actions_to_words(actions));
        }
    }
    list(out, "set-fields", &words::fields_to_words(groups.fields));
}

fn meters(out: &mut String, personality: &Personality) {
    let meters = &personality.meters;
    out.push_str("\n[meters]\n");
    number(out, "max", meters.max_meters);
    number(out, "max-bands", meters.max_bands);
    list(out, "flags", &words::flags_to_words(&meters.flags));
    let bands = [(meters.has_drop, "drop"), (meters.has_dscp_remark, "dscp-remark")];
    let bands = bands.iter().filter(|(has, _)| *has).map(|(_, word)| String::from(*word));
    list(out, "bands", &bands.collect::<Vec<_>>());
}

/// Tables that differ in nothing but their numbers are one `[[table]]`.
fn tables(out: &mut String, personality: &Personality) {
    let count = personality.tables.len();
    let all = (0..=u8::MAX).map(TableId).zip(&personality.tables);
    let mut runs: Vec<(TableId, &TableShape, TableIdSet)> = Vec::new();
    for (id, table) in all {
        let one = TableIdSet::NONE.with(id);
        match runs.last_mut() {
            Some((first, of, ids)) if *moved(of, *first, id, count) == *table => {
                *ids = ids.with(id);
            }
            _ => runs.push((id, table, one)),
        }
    }
    for (id, table, ids) in runs {
        out.push_str("\n[[table]]\n");
        text(out, "ids", &words::table_ids_to_text(ids));
        if !table.name.is_empty() {
            text(out, "name", &table.name);
        }
        one_table(out, id, table, count);
    }
}

/// The table `from` as it would be with the number `to`.
fn moved(table: &TableShape, from: TableId, to: TableId, count: usize) -> Box<TableShape> {
    let lead = |shape: EntryShape| match shape.next_tables == TableIdSet::later(from, count) {
        true => EntryShape { next_tables: TableIdSet::later(to, count), ..shape },
        false => shape,
    };
    let (entry, miss) = (lead(table.entry), lead(table.miss));
    Box::new(TableShape { entry, miss, ..table.clone() }.consistent())
}

fn one_table(out: &mut String, id: TableId, table: &TableShape, count: usize) {
    number(out, "max-entries", table.max_entries);
    text(out, "metadata-match", &format!("{:#x}", table.metadata_match));
    text(out, "metadata-write", &format!("{:#x}", table.metadata_write));
    let field = |field: OxmField| {
        let mask = match (table.masks.contains(field), table.prefixes.contains(field)) {
            (false, _) => "",
            (true, true) => "/prefix",
            (true, false) => "/mask",
        };
        format!("{}{mask}", field.info().name)
    };
    list(out, "match", &table.fields.iter().map(field).collect::<Vec<_>>());
    list(out, "required", &words::fields_to_words(table.required));
    entry(out, id, &table.entry, count);
    if table.miss != table.entry {
        out.push_str("[table.miss]\n");
        entry(out, id, &table.miss, count);
    }
}

fn entry(out: &mut String, id: TableId, shape: &EntryShape, count: usize) {
    list(out, "instructions", &words::flags_to_words(&shape.instructions));
    let next = match shape.next_tables == TableIdSet::later(id, count) {
        true => String::from("later"),
        false => words::table_ids_to_text(shape.next_tables),
    };
    text(out, "next-tables", &next);
    if shape.write_actions == shape.apply_actions {
        list(out, "actions", &words::actions_to_words(shape.write_actions));
    } else {
        list(out, "write-actions", &words::actions_to_words(shape.write_actions));
        list(out, "apply-actions", &words::actions_to_words(shape.apply_actions));
    }
    if shape.write_fields == shape.apply_fields {
        list(out, "set-fields", &words::fields_to_words(shape.write_fields));
    } else {
        list(out, "write-set-fields", &words::fields_to_words(shape.write_fields));
        list(out, "apply-set-fields", &words::fields_to_words(shape.apply_fields));
    }
}
