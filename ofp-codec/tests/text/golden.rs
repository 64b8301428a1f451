//! What we read prints as ovs-ofctl prints what it sent for the same line, and reads again as the
//! same.

use std::fmt::Write as _;

use rumpswitch_ofp_codec::multipart::{FlowStats, GroupDesc, MeterConfig};
use rumpswitch_ofp_codec::text::{NoNames, parse_flows, parse_groups, parse_meters};
use rumpswitch_ofp_codec::{FlowMod, FlowModCommand, GroupMod, Message, MeterMod};

/// A line, the message body that ovs-ofctl sent for it, and its dump of the entry.
pub(crate) struct Golden<'a> {
    pub(crate) line: &'a str,
    pub(crate) body: Vec<u8>,
    pub(crate) dump: String,
}

/// The records of a `.golden` file.
fn records(text: &str) -> Vec<Golden<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len() % 3, 0);
    lines
        .chunks_exact(3)
        .map(|record| Golden {
            line: record[0],
            body: bytes(record[1].strip_prefix("< ").unwrap()),
            dump: record[2].strip_prefix("= ").unwrap().replace("\\n", "\n"),
        })
        .collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

pub(crate) fn flows() -> Vec<Golden<'static>> {
    let records = records(include_str!("../data/flows.golden"));
    assert!(records.len() >= 300, "{} records", records.len());
    records
}

pub(crate) fn groups() -> Vec<Golden<'static>> {
    records(include_str!("../data/groups.golden"))
}

pub(crate) fn meters() -> Vec<Golden<'static>> {
    records(include_str!("../data/meters.golden"))
}

/// The only flow of a line.
pub(crate) fn flow(line: &str) -> FlowMod {
    let mut flows = parse_flows(line, &NoNames).unwrap_or_else(|error| panic!("{line}: {error}"));
    assert_eq!(flows.len(), 1, "{line}");
    flows.remove(0)
}

/// The only group of a line.
pub(crate) fn group(line: &str) -> GroupMod {
    parse_groups(line, &NoNames).unwrap_or_else(|error| panic!("{line}: {error}")).remove(0)
}

/// The only meter of a line.
pub(crate) fn meter(line: &str) -> MeterMod {
    parse_meters(line).unwrap_or_else(|error| panic!("{line}: {error}")).remove(0)
}

/// The entry that `flow` makes, with the counters that `data/record.py` gives it.
pub(crate) fn stats(flow: FlowMod) -> FlowStats {
    FlowStats {
        table_id: flow.table_id,
        duration_sec: 1,
        duration_nsec: 929_000_000,
        priority: flow.priority,
        idle_timeout: flow.idle_timeout,
        hard_timeout: flow.hard_timeout,
        flags: flow.flags,
        cookie: flow.cookie,
        packet_count: 3,
        byte_count: 294,
        matching: flow.matching,
        instructions: flow.instructions,
    }
}

/// Collects differences, so that one run shows all of them.
#[derive(Default)]
struct Differences(String);

impl Differences {
    fn check(&mut self, line: &str, ovs: &str, ours: &str) {
        if ovs != ours {
            writeln!(self.0, "{line}\n  ovs  {ovs}\n  ours {ours}").unwrap();
        }
    }
}

impl Drop for Differences {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.0.is_empty(), "\n{}", self.0);
        }
    }
}

#[test]
fn flows_print_as_ovs_prints_what_it_sent() {
    let mut differences = Differences::default();
    for golden in flows() {
        differences.check(golden.line, &golden.dump, &stats(flow(golden.line)).to_string());
    }
}

/// What a message is on the wire, behind its header.
fn encoded(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(0, &mut bytes).unwrap();
    bytes.split_off(8)
}

#[test]
fn flows_are_sent_as_ovs_sends_them() {
    for golden in flows() {
        let message = Message::FlowMod(flow(golden.line));
        let mut bytes = Vec::new();
        message.encode(7, &mut bytes).unwrap();
        assert_eq!(bytes.get(8..), Some(golden.body.as_slice()), "{}", golden.line);
        assert_eq!(Message::decode(&bytes).unwrap().1, message, "{}", golden.line);
    }
}

#[test]
fn groups_and_meters_are_sent_as_ovs_sends_them() {
    for golden in groups() {
        let message = Message::GroupMod(group(golden.line));
        assert_eq!(encoded(&message), golden.body, "{}", golden.line);
    }
    for golden in meters() {
        let message = Message::MeterMod(meter(golden.line));
        assert_eq!(encoded(&message), golden.body, "{}", golden.line);
    }
}

#[test]
fn groups_print_as_ovs_prints_what_it_sent() {
    let mut differences = Differences::default();
    for golden in groups() {
        let GroupMod { group_type, group_id, buckets, .. } = group(golden.line);
        let printed = GroupDesc { group_type, group_id, buckets }.to_string();
        differences.check(golden.line, &golden.dump, &printed);
    }
}

#[test]
fn meters_print_as_ovs_prints_what_it_sent() {
    let mut differences = Differences::default();
    for golden in meters() {
        let MeterMod { flags, meter_id, bands, .. } = meter(golden.line);
        let printed = MeterConfig { flags, meter_id, bands }.to_string();
        differences.check(golden.line, &golden.dump, &printed);
    }
}

#[test]
fn what_is_printed_reads_as_the_same() {
    for golden in flows() {
        let read = flow(golden.line);
        assert_eq!(flow(&read.to_string()), read, "{}", golden.line);
    }
    for golden in groups() {
        let read = group(golden.line);
        assert_eq!(group(&read.to_string()), read, "{}", golden.line);
    }
    for golden in meters() {
        let read = meter(golden.line);
        assert_eq!(meter(&read.to_string()), read, "{}", golden.line);
    }
}

#[test]
fn dumps_load() {
    for golden in flows() {
        let read = flow(golden.line);
        if read.command != FlowModCommand::Add {
            continue;
        }
        assert_eq!(flow(&golden.dump), read, "{}", golden.dump);
        assert_eq!(flow(&stats(read.clone()).to_string()), read, "{}", golden.line);
    }
}

#[test]
fn whole_dumps_load() {
    let dump = "OFPST_FLOW reply (OF1.3) (xid=0x2):\n cookie=0x0, duration=10.2s, table=0, \
                n_packets=1, n_bytes=98, idle_age=3, priority=1,in_port=1 actions=output:2\n \
                cookie=0x7, duration=10s, table=1, n_packets=0, n_bytes=0, actions=drop\n";
    let flows = parse_flows(dump, &NoNames).unwrap();
    assert_eq!(flows.len(), 2);
    assert_eq!(flows[0].to_string(), "priority=1,in_port=1 actions=output:2");
    assert_eq!(flows[1].to_string(), "cookie=0x7, table=1, actions=drop");
    let error = parse_flows(&dump.replace("drop", "exit"), &NoNames).unwrap_err();
    assert_eq!(error.line, 3);
    let dump = "OFPST_GROUP_DESC reply (OF1.3) (xid=0x2):\n group_id=1,type=all,bucket=actions=1\n";
    assert_eq!(parse_groups(dump, &NoNames).unwrap().len(), 1);
}

#[test]
fn a_file_is_as_good_as_its_lines() {
    let text = include_str!("../data/flows.txt");
    let flows = parse_flows(text, &NoNames).unwrap();
    assert_eq!(flows.len(), self::flows().len());
    let text = format!("\n# groups\n{}\n", include_str!("../data/groups.txt"));
    assert_eq!(parse_groups(&text, &NoNames).unwrap().len(), groups().len());
    assert_eq!(parse_meters(include_str!("../data/meters.txt")).unwrap().len(), meters().len());
}
