//! A personality from TOML: what is not said is as in the preset that it starts `from`.
//!
//! Every key of a list has one that takes away from what was there, with `without-` in front. All
//! `[[table]]`s together are the tables that there are; a table starts as that of the same number in
//! the preset, or as its last one. `rumpswitch personality NAME` prints every key; beyond those there
//! are `actions` and `set-fields` for both lists, `max` for the groups of every type, and `without-match`
//! and `without-masks`. `%d` in a table's name is its number.

use std::path::Path;

use rumpswitch::datapath::Personality;
use rumpswitch::datapath::personality::{
    ActionTypeSet, EntryShape, FieldSet, Instructions, TableIdSet, TableShape,
};
use rumpswitch::ofp_codec::{GroupType, PortNo, TableId};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::words::{self, Mask};
use crate::program::toml_reader::{Reader, Wrong};

/// Reads a personality.
pub(crate) fn parse(text: &str) -> Result<Personality, Vec<Wrong>> {
    let (mut reader, root) = Reader::new(text, Path::new(""));
    let table = root.get_ref();
    let from = table.get("from").and_then(|value| reader.parsed(value, preset));
    let mut read = from.unwrap_or_default();
    let tables = table.iter().find(|(key, _)| key.get_ref() == "table");
    let ids = tables.map(|(_, value)| table_numbers(&mut reader, value));
    if let Some(ids) = &ids {
        let count = ids.iter().map(|ids| ids.iter().count()).sum::<usize>();
        read = read.with_table_count(u8::try_from(count).unwrap_or(u8::MAX));
    }
    for (key, value) in table {
        let r = &mut reader;
        match key.get_ref().as_ref() {
            "from" => {}
            "name" => read.name = r.text(value).unwrap_or_default().to_owned(),
            "manufacturer" => read.manufacturer = r.text(value).unwrap_or_default().to_owned(),
            "hardware" => read.hardware = r.text(value).unwrap_or_default().to_owned(),
            "software" => read.software = r.text(value).unwrap_or_default().to_owned(),
            "features" => read.features = r.flags(value),
            "without-features" => read.features.remove(r.flags(value)),
            "messages" => read.messages = r.flags(value),
            "without-messages" => read.messages.remove(r.flags(value)),
            "multiparts" => read.multiparts = r.flags(value),
            "without-multiparts" => read.multiparts.remove(r.flags(value)),
            "flow-flags" => read.flow_flags = r.flags(value),
            "without-flow-flags" => read.flow_flags.remove(r.flags(value)),
            "outputs" => read.outputs = r.flags(value),
            "without-outputs" => read.outputs.remove(r.flags(value)),
            "port-config" => read.port_config = r.flags(value),
            "without-port-config" => read.port_config.remove(r.flags(value)),
            "quirks" => read.quirks = r.flags(value),
            "max-port" => r.set(value, PortNo::MAX.0, |max| read.max_port = PortNo(max)),
            "max-actions" => r.set(value, u16::MAX, |max| read.max_actions = max),
            "max-vlan-tags" => r.set(value, u16::MAX, |max| read.max_vlan_tags = max),
            "groups" => groups(r, value, &mut read),
            "meters" => meters(r, value, &mut read),
            "table" => {
                let ids = ids.as_deref().unwrap_or_default();
                for (value, ids) in list_of_tables(value).iter().zip(ids) {
                    tables_of(r, value, *ids, &mut read);
                }
            }
            other => r.wrong(key.span(), format!("unknown key {other}")),
        }
    }
    reader.finish(read.consistent())
}

fn preset(name: &str) -> Result<Personality, String> {
    Personality::preset(name)
        .ok_or_else(|| format!("\"{name}\" is no preset: {}", Personality::PRESETS.join(", ")))
}

impl Reader<'_> {
    /// A list of flags' words.
    fn flags<F: bitflags::Flags>(&mut self, value: &Spanned<DeValue<'_>>) -> F {
        let mut all = F::empty();
        for flag in self.list(value, words::flag::<F>) {
            all.insert(flag);
        }
        all
    }

    /// A number that fits its place.
    fn set<T: TryFrom<u64> + Into<u64> + Copy>(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        max: T,
        set: impl FnOnce(T),
    ) {
        let number = self.number(value, max.into());
        if let Some(number) = number.and_then(|number| T::try_from(number).ok()) {
            set(number);
        }
    }

    fn fields(&mut self, value: &Spanned<DeValue<'_>>) -> FieldSet {
        self.list(value, words::field).into_iter().collect()
    }

    fn settable(&mut self, value: &Spanned<DeValue<'_>>) -> FieldSet {
        self.list(value, words::settable_field).into_iter().collect()
    }

    fn actions(&mut self, value: &Spanned<DeValue<'_>>) -> ActionTypeSet {
        self.list(value, words::action).into_iter().collect()
    }

    /// A table of keys, or nothing and a word about it.
    fn keys<'v, 'd>(&mut self, value: &'v Spanned<DeValue<'d>>) -> Option<&'v DeTable<'d>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let what = format!("a table is wanted, not {}", value.get_ref().type_str());
            self.wrong(value.span(), what);
        }
        table
    }
}

fn groups(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>, read: &mut Personality) {
    let Some(table) = reader.keys(value) else { return };
    let groups = &mut read.groups;
    for (key, value) in table {
        let key_text = key.get_ref().as_ref();
        let of_type = |prefix: &str| key_text.strip_prefix(prefix).and_then(group_type);
        match key_text {
            "capabilities" => groups.capabilities = reader.flags(value),
            "without-capabilities" => groups.capabilities.remove(reader.flags(value)),
            "actions" => groups.actions = [reader.actions(value); 4],
            "without-actions" => {
                let without = reader.actions(value);
                groups.actions = groups.actions.map(|actions| actions.difference(without));
            }
            "set-fields" => groups.fields = reader.settable(value),
            "max" => reader.set(value, u32::MAX, |max| groups.max_groups = [max; 4]),
            _ => {
                if let Some(place) = of_type("max-").and_then(|at| groups.max_groups.get_mut(at)) {
                    reader.set(value, u32::MAX, |max| *place = max);
                } else if let Some(place) =
                    of_type("actions-").and_then(|at| groups.actions.get_mut(at))
                {
                    *place = reader.actions(value);
                } else {
                    reader.wrong(key.span(), format!("unknown key {key_text}"));
                }
            }
        }
    }
}

/// The group types' words, in the order of their numbers.
pub(super) const GROUP_TYPES: [(&str, GroupType); 4] = [
    ("all", GroupType::All),
    ("select", GroupType::Select),
    ("indirect", GroupType::Indirect),
    ("fast-failover", GroupType::FastFailover),
];

fn group_type(word: &str) -> Option<usize> {
    GROUP_TYPES.iter().position(|(known, _)| *known == word)
}

fn meters(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>, read: &mut Personality) {
    let Some(table) = reader.keys(value) else { return };
    let meters = &mut read.meters;
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "max" => reader.set(value, u32::MAX, |max| meters.max_meters = max),
            "max-bands" => reader.set(value, u8::MAX, |max| meters.max_bands = max),
            "flags" => meters.flags = reader.flags(value),
            "bands" => {
                (meters.has_drop, meters.has_dscp_remark) = (false, false);
                for is_drop in reader.list(value, band) {
                    meters.has_drop |= is_drop;
                    meters.has_dscp_remark |= !is_drop;
                }
            }
            other => reader.wrong(key.span(), format!("unknown key {other}")),
        }
    }
}

/// Whether a band drops; the other raises the drop precedence.
fn band(word: &str) -> Result<bool, String> {
    match word {
        "drop" => Ok(true),
        "dscp-remark" => Ok(false),
        other => Err(format!("\"{other}\" is no band: drop or dscp-remark")),
    }
}

/// The `[[table]]`s, or the one `[table]`.
fn list_of_tables<'v, 'd>(value: &'v Spanned<DeValue<'d>>) -> &'v [Spanned<DeValue<'d>>] {
    match value.get_ref() {
        DeValue::Array(tables) => tables,
        _ => std::slice::from_ref(value),
    }
}

/// The numbers that each `[[table]]` is about: together each from 0 on, once.
fn table_numbers(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Vec<TableIdSet> {
    let mut all = TableIdSet::NONE;
    let mut lists = Vec::new();
    for value in list_of_tables(value) {
        let mut ids = TableIdSet::NONE;
        let given = value.get_ref().as_table().and_then(|table| table.get("ids"));
        match given {
            Some(given) => ids = reader.parsed(given, words::table_ids).unwrap_or_default(),
            None => reader.wrong(value.span(), "a [[table]] without ids"),
        }
        if let Some(twice) = ids.iter().find(|id| all.contains(*id)) {
            reader.wrong(value.span(), format!("table {} is there twice", twice.0));
        }
        all = ids.iter().fold(all, TableIdSet::with);
        lists.push(ids);
    }
    let first_missing = (0..=u8::MAX).find(|id| !all.contains(TableId(*id)));
    let missing = first_missing.filter(|id| all.iter().any(|table| table.0 > *id));
    if let Some(id) = missing {
        reader.wrong(value.span(), format!("table {id} is missing: tables are numbered from 0 on"));
    }
    lists
}

/// Reads one `[[table]]` into all tables that it is about.
fn tables_of(
    reader: &mut Reader<'_>,
    value: &Spanned<DeValue<'_>>,
    ids: TableIdSet,
    read: &mut Personality,
) {
    let Some(keys) = reader.keys(value) else { return };
    let count = read.tables.len();
    for (at, id) in ids.iter().enumerate() {
        let Some(table) = read.tables.get_mut(usize::from(id.0)) else { continue };
        // What is wrong is told for the first of the tables, not for each.
        match at {
            0 => table_keys(reader, keys, id, count, table),
            _ => {
                let (mut silent, _) = Reader::new("", Path::new(""));
                table_keys(&mut silent, keys, id, count, table);
            }
        }
    }
}

fn table_keys(
    reader: &mut Reader<'_>,
    keys: &DeTable<'_>,
    id: TableId,
    count: usize,
    table: &mut TableShape,
) {
    // Keys that set something come before those that take away, whatever their order.
    let (without, with): (Vec<_>, Vec<_>) =
        keys.iter().partition(|(key, _)| key.get_ref().starts_with("without-"));
    for (key, value) in with.into_iter().chain(without) {
        let r = &mut *reader;
        match key.get_ref().as_ref() {
            "ids" | "miss" => {}
            "name" => {
                let name = r.text(value).unwrap_or_default();
                if name.len() > 31 {
                    r.wrong(value.span(), "a table's name is at most 31 bytes long");
                }
                table.name = name.replace("%d", &id.0.to_string());
            }
            "max-entries" => r.set(value, u32::MAX, |max| table.max_entries = max),
            "metadata-match" => r.set(value, u64::MAX, |bits| table.metadata_match = bits),
            "metadata-write" => r.set(value, u64::MAX, |bits| table.metadata_write = bits),
            "match" => {
                let list = r.list(value, words::masked_field);
                let of = |wanted: &[Mask]| {
                    let fields = list.iter().filter(|(_, mask)| wanted.contains(mask));
                    fields.map(|(field, _)| *field).collect::<FieldSet>()
                };
                table.fields = of(&[Mask::None, Mask::Prefix, Mask::Any]);
                table.masks = of(&[Mask::Prefix, Mask::Any]);
                table.prefixes = of(&[Mask::Prefix]);
            }
            "without-match" => table.fields = table.fields.difference(r.fields(value)),
            "without-masks" => table.masks = table.masks.difference(r.fields(value)),
            "required" => table.required = r.fields(value),
            _ => {
                let both = [&mut table.entry, &mut table.miss];
                entry_key(r, key, value, id, count, both);
            }
        }
    }
    if let Some(miss) = keys.get("miss").and_then(|value| reader.keys(value)) {
        for (key, value) in miss {
            entry_key(reader, key, value, id, count, [&mut table.miss, &mut EntryShape::default()]);
        }
    }
}

/// A key of what flow entries may do.
fn entry_key(
    reader: &mut Reader<'_>,
    key: &Spanned<impl AsRef<str>>,
    value: &Spanned<DeValue<'_>>,
    id: TableId,
    count: usize,
    shapes: [&mut EntryShape; 2],
) {
    let change = |change: &dyn Fn(&mut EntryShape)| shapes.into_iter().for_each(change);
    match key.get_ref().as_ref() {
        "instructions" => {
            let instructions: Instructions = reader.flags(value);
            change(&|shape| shape.instructions = instructions);
        }
        "without-instructions" => {
            let instructions: Instructions = reader.flags(value);
            change(&|shape| shape.instructions.remove(instructions));
        }
        "next-tables" => {
            let later = TableIdSet::later(id, count);
            let next = reader.parsed(value, |text| match text {
                "later" => Ok(later),
                ids => words::table_ids(ids).and_then(|ids| match ids.is_subset(later) {
                    true => Ok(ids),
                    false => Err(format!("table {} leads to later tables only", id.0)),
                }),
            });
            change(&|shape| shape.next_tables = next.unwrap_or_default());
        }
        "actions" => {
            let list = reader.actions(value);
            change(&|shape| (shape.write_actions, shape.apply_actions) = (list, list));
        }
        "without-actions" => {
            let list = reader.actions(value);
            change(&|shape| {
                shape.write_actions = shape.write_actions.difference(list);
                shape.apply_actions = shape.apply_actions.difference(list);
            });
        }
        "write-actions" => {
            let list = reader.actions(value);
            change(&|shape| shape.write_actions = list);
        }
        "apply-actions" => {
            let list = reader.actions(value);
            change(&|shape| shape.apply_actions = list);
        }
        "set-fields" => {
            let list = reader.settable(value);
            change(&|shape| (shape.write_fields, shape.apply_fields) = (list, list));
        }
        "without-set-fields" => {
            let list = reader.fields(value);
            change(&|shape| {
                shape.write_fields = shape.write_fields.difference(list);
                shape.apply_fields = shape.apply_fields.difference(list);
            });
        }
        "write-set-fields" => {
            let list = reader.settable(value);
            change(&|shape| shape.write_fields = list);
        }
        "apply-set-fields" => {
            let list = reader.settable(value);
            change(&|shape| shape.apply_fields = list);
        }
        other => reader.wrong(key.span(), format!("unknown key {other}")),
    }
}
