//! `rumpswitch personality`, and the option of that name: what a switch looks like, by the name of a
//! preset or from a TOML file.

mod print;
mod read;
mod words;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use rumpswitch::datapath::Personality;

use super::Failure;
use super::args;
use super::toml_reader::read_file;
use crate::program::out::say;

/// Prints a preset or file as TOML, or the names of the presets.
pub(crate) fn run(args: &args::Personality) -> Result<ExitCode, Failure> {
    match &args.name {
        Some(name) => say!("{}", print::print(&*find(name, Path::new(""))?).trim_end()),
        None => Personality::PRESETS.iter().for_each(|name| say!("{name}")),
    }
    Ok(ExitCode::SUCCESS)
}

/// The personality of an option, if it is given.
pub(crate) fn of_option(name: Option<&str>) -> Result<Option<Arc<Personality>>, Failure> {
    name.map(|name| find(name, Path::new(""))).transpose()
}

/// The preset of a name, or what a file says; files are looked for from `folder` on.
pub(crate) fn find(name: &str, folder: &Path) -> Result<Arc<Personality>, Failure> {
    if let Some(preset) = Personality::preset(name) {
        return Ok(preset.into());
    }
    let path = folder.join(name);
    if !name.ends_with(".toml") && !path.exists() {
        let presets = Personality::PRESETS.join(", ");
        let line = format!("\"{name}\" is no personality: {presets}, or a TOML file");
        return Err(Failure::setup(line));
    }
    Ok(read_file(&path, read::parse)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_read_as_it_is_printed() {
        for name in Personality::PRESETS {
            let preset = Personality::preset(name).unwrap();
            let text = print::print(&preset);
            let read = read::parse(&text).unwrap_or_else(|wrongs| panic!("{name}: {wrongs:?}"));
            assert!(read == preset, "{name}:\n{}", print::print(&read));
        }
    }

    /// Every table another one: names, next tables, lists that differ, a table-miss entry of its own.
    #[test]
    fn ones_own_is_read_as_it_is_printed() {
        use rumpswitch::datapath::personality::{
            ActionTypeSet, FieldSet, Instructions, TableIdSet,
        };
        use rumpswitch::ofp_codec::{ActionType, OxmField, TableId};
        let mut own = Personality::full().named("\"mine\"\\").with_table_count(7).map_tables(
            |id, mut table| {
                match id.0 {
                    1 => table.entry.next_tables = TableIdSet::NONE.with(TableId(6)),
                    2 => table = table.named("a \"b\"").with_max_entries(0),
                    3 => table.miss.apply_fields = FieldSet::NONE.with(OxmField::EthDst),
                    4 => table.entry.write_actions = ActionTypeSet::NONE.with(ActionType::Output),
                    5 => table = table.without_instructions(Instructions::GOTO_TABLE),
                    _ => table.prefixes = FieldSet::ALL,
                }
                table.required = FieldSet::NONE.with(OxmField::InPort);
                table
            },
        );
        own.groups.max_groups = [1, 0, 3, 4];
        own.groups.actions[2] = ActionTypeSet::NONE.with(ActionType::Group);
        own.meters.has_drop = false;
        let own = own.consistent();
        let text = print::print(&own);
        assert!(read::parse(&text).unwrap() == own, "{text}");
        assert_eq!(text.matches("[[table]]").count(), 7, "{text}");
    }

    #[test]
    fn the_example_has_three_tables_and_no_dec_ttl() {
        let read = read::parse(include_str!("../../examples/three-tables.toml")).unwrap();
        assert_eq!(read.tables.len(), 3);
        for table in &read.tables {
            let word = words::action("dec-nw-ttl").unwrap();
            assert!(!table.entry.apply_actions.contains(word));
            assert!(!table.miss.write_actions.contains(word));
        }
    }

    #[test]
    fn the_access_switch_is_what_it_says() {
        let read = read::parse(include_str!("../../examples/access-switch.toml")).unwrap();
        let again = read::parse(&print::print(&read)).unwrap();
        assert!(again == read, "{}", print::print(&read));
        let [acl, bridge, other] = &read.tables[..] else { panic!("three tables") };
        assert_eq!((acl.max_entries, bridge.max_entries), (512, 16_384));
        assert_eq!((&bridge.name[..], &other.name[..]), ("bridge1", "bridge2"));
        let names = |fields| words::fields_to_words(fields);
        assert_eq!(names(acl.prefixes), ["ipv4_src", "ipv4_dst"]);
        assert_eq!(names(acl.masks), ["eth_dst", "ipv4_src", "ipv4_dst"]);
        assert_eq!(names(bridge.required), ["eth_dst", "vlan_vid"]);
        assert_eq!(words::table_ids_to_text(acl.entry.next_tables), "1-2");
        assert!(bridge.entry.next_tables.is_empty() && acl.entry.write_actions.is_empty());
        assert_eq!(words::actions_to_words(bridge.miss.apply_actions), ["output"]);
        assert_eq!(read.groups.max_groups, [64, 0, 64, 0]);
        assert_eq!(read.meters.max_meters, 0);
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_line() {
        let text = "from = \"nothing\"\nfeatures = [\"roles\", \"flying\"]\nmax-port = -1\n\
                    [groups]\nmax-most = 3\ncapabilities = 5\n[meters]\nbands = [\"rubber\"]\n\
                    [[table]]\nids = \"0\"\nmatch = [\"eth_dst/half\", \"in_port/mask\", \"eye\"]\n\
                    actions = [\"dance\"]\nnext-tables = \"300\"\n[table.miss]\nmatch = []\n\
                    [[table]]\nids = \"2-3\"\nmax-entries = 5000000000\ncolour = 1\n\
                    [[table]]\nname = \"x\"\n[other]\n";
        let wrongs = read::parse(text).unwrap_err();
        let lines: Vec<usize> = wrongs.iter().map(|wrong| wrong.line).collect();
        for line in [1, 2, 3, 5, 6, 8, 11, 12, 13, 15, 18, 19, 20, 22] {
            assert!(lines.contains(&line), "nothing about line {line}: {wrongs:#?}");
        }
        let text = "[[table]]\nids = \"0-1\"\nnext-tables = \"0\"\nset-fields = [\"in_port\"]\n";
        let told = read::parse(text).unwrap_err();
        let told: Vec<&str> = told.iter().map(|wrong| &wrong.what[..]).collect();
        assert_eq!(told, ["table 0 leads to later tables only", "in_port cannot be set"]);
        let once = |line| lines.iter().filter(|other| **other == line).count();
        assert_eq!((once(19), once(18), once(11)), (1, 1, 3), "{wrongs:#?}");
        assert_eq!(read::parse("x = = 1\n").unwrap_err()[0].line, 1);
    }

    #[test]
    fn what_is_not_said_is_as_in_the_preset() {
        assert!(read::parse("").unwrap() == Personality::full());
        assert!(read::parse("from = \"ovs\"").unwrap() == Personality::ovs());
        let more = read::parse("from = \"faucet-generic\"\n[[table]]\nids = \"0-19\"\n").unwrap();
        assert_eq!(more.tables.len(), 20);
        assert_eq!(more.tables[3].entry.next_tables.iter().count(), 16);
        assert_eq!(more.tables[17].max_entries, 4_096);
    }
}
