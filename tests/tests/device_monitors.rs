//! ONF's flow monitors: what is told, to whom, in which form and order; and what becomes of readers
//! that are behind. What Open vSwitch 3.1 tells was recorded and is what is expected here.

mod embodiment;

use datapath::{Eviction, Personality, SwitchConfig};
use embodiment::{InProcess, error_of, read};
use ofp_codec::multipart::*;
use ofp_codec::text::{NoNames, parse_flow, parse_group, parse_meter};
use ofp_codec::{
    FlowModCommand, FlowRemovedReason, GroupModCommand, Match, Message, MeterModCommand,
    MultipartFlags, MultipartReply, MultipartReplyBody, MultipartRequest, MultipartRequestBody,
    PortNo, TableId,
};
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;
use switch_dev::{ChannelId, ChannelKind, DeviceConfig, HangUp};

/// INITIAL, ADD, DELETE and MODIFY.
const CHANGES: u16 = 0xf;
const ACTIONS: u16 = 0x10;
const OWN: u16 = 0x20;

fn bytes(message: &Message, xid: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(xid, &mut bytes).unwrap();
    bytes
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

/// A monitor of all tables.
fn monitor(id: u32, flags: u16) -> FlowMonitorRequest {
    FlowMonitorRequest {
        id,
        flags: FlowMonitorFlags::from_bits_retain(flags),
        out_port: PortNo::ANY,
        table_id: TableId::ALL,
        matching: Match::any(),
    }
}

fn request(xid: u32, monitors: &[FlowMonitorRequest]) -> Vec<u8> {
    let body = MultipartRequestBody::FlowMonitor(monitors.to_vec());
    bytes(
        &Message::MultipartRequest(MultipartRequest { flags: MultipartFlags::empty(), body }),
        xid,
    )
}

fn flow(command: FlowModCommand, xid: u32, text: &str) -> Vec<u8> {
    bytes(&Message::FlowMod(parse_flow(text, command, &NoNames).unwrap()), xid)
}

fn added(xid: u32, text: &str) -> Vec<u8> {
    flow(FlowModCommand::Add, xid, text)
}

fn matching_of(text: &str) -> Match {
    parse_flow(&format!("{text},actions=drop"), FlowModCommand::Add, &NoNames).unwrap().matching
}

/// What one message of updates says, in a few words each.
fn words(message: &[u8]) -> Vec<String> {
    match Message::decode(message).unwrap().1 {
        Message::MultipartReply(MultipartReply {
            body: MultipartReplyBody::FlowMonitor(updates),
            ..
        }) => updates.iter().map(word).collect(),
        Message::FlowMonitorPaused => vec!["PAUSED".to_string()],
        Message::FlowMonitorResumed => vec!["RESUMED".to_string()],
        Message::BarrierReply => vec!["barrier".to_string()],
        other => vec![format!("{:?}", other.message_type())],
    }
}

fn word(update: &FlowUpdate) -> String {
    match update {
        FlowUpdate::Abbreviated { xid } => format!("done {xid}"),
        FlowUpdate::Full { event, reason, priority, table_id, cookie, instructions, .. } => {
            let verb = match event {
                FlowUpdateEvent::Added => "added",
                FlowUpdateEvent::Modified => "modified",
                FlowUpdateEvent::Deleted => "deleted",
            };
            let mut word = format!("{verb} {}/{priority} {cookie:#x}", table_id.0);
            if *event == FlowUpdateEvent::Deleted {
                word += &format!(" reason {reason}");
            }
            let with: Vec<String> =
                instructions.iter().map(|instruction| instruction.number().to_string()).collect();
            if !with.is_empty() {
                word += &format!(" with {}", with.join(","));
            }
            word
        }
    }
}

struct Room {
    device: InProcess,
}

impl Room {
    fn new() -> Room {
        Room { device: InProcess::with_ports(3) }
    }

    fn join(&mut self) -> ChannelId {
        connect(&mut self.device)
    }

    /// A channel with these monitors, whose first answer is returned.
    fn watch(&mut self, monitors: &[FlowMonitorRequest]) -> (ChannelId, Vec<String>) {
        let channel = self.join();
        let told = self.say(channel, &request(77, monitors));
        (channel, told)
    }

    /// Writes it, and says what is read.
    #[track_caller]
    fn say(&mut self, channel: ChannelId, message: &[u8]) -> Vec<String> {
        write_all(&mut self.device, channel, message);
        self.heard(channel)
    }

    fn heard(&mut self, channel: ChannelId) -> Vec<String> {
        read(&mut self.device, channel).iter().flat_map(|message| words(message)).collect()
    }

    fn error(&mut self, channel: ChannelId, message: &[u8]) -> (u16, u16) {
        write_all(&mut self.device, channel, message);
        let answers = read(&mut self.device, channel);
        assert_eq!(answers.len(), 1, "{answers:02x?}");
        error_of(&answers[0])
    }
}

#[test]
fn the_entries_that_are_there_come_first_with_the_xid_of_the_request() {
    let mut room = Room::new();
    let channel = room.join();
    room.say(channel, &added(1, "priority=5,cookie=0x77,idle_timeout=60,ip,nw_dst=10.0.0.1,actions=output:1,goto_table:2"));
    room.say(channel, &added(2, "table=1,priority=0,actions=drop"));
    let watcher = room.join();
    let ask = request(0xabc, &[monitor(1, CHANGES | ACTIONS | OWN)]);
    write_all(&mut room.device, watcher, &[ask, barrier(9)].concat());
    let answers = read(&mut room.device, watcher);
    assert_eq!(summary(&answers), [(19, 0xabc), (21, 9)]);
    assert_eq!(words(&answers[0]), ["added 0/5 0x77 with 4,1", "added 1/0 0x0"]);
    // What Open vSwitch 3.1 sends for the same entries.
    let recorded = [
        "04130088 00000abc ffff0000 00000000 4f4e4600 0000074e",
        "0050 0000 0000 0005 003c 0000 0012 00 00 0000000000000077",
        "00010012 80000a020800 800018040a000001 000000000000",
        "00040018 00000000 0000001000000001 0000000000000000 0001000802000000",
        "0020 0000 0000 0000 0000 0000 0004 01 00 0000000000000000 0001000400000000",
    ];
    let mut bytes = answers[0].clone();
    // The bytes of a packet that output to a port that is no controller would send to one.
    bytes[24 + 24 + 24 + 16..][..2].fill(0);
    assert_eq!(bytes, hex(&recorded.concat()));
    let (_, told) = room.watch(&[monitor(1, CHANGES & !1)]);
    assert_eq!(told, [""; 0], "none when they are not asked for");
    let (_, told) = room.watch(&[monitor(1, CHANGES)]);
    assert_eq!(told, ["added 0/5 0x77", "added 1/0 0x0"], "without instructions");
}

#[test]
fn every_kind_of_change_is_told_in_full_to_others_and_in_short_to_its_author() {
    let mut room = Room::new();
    let (full, _) = room.watch(&[monitor(1, CHANGES | ACTIONS | OWN)]);
    let (author, _) = room.watch(&[monitor(1, CHANGES | ACTIONS)]);
    use FlowModCommand::{Add, Delete, Modify};
    for (xid, command, text, own, others) in [
        (
            10,
            Add,
            "priority=5,cookie=7,tcp,actions=output:1",
            &["done 10"][..],
            &["added 0/5 0x7 with 4"][..],
        ),
        (
            11,
            Add,
            "priority=5,cookie=7,tcp,actions=output:1",
            &["done 11"],
            &["added 0/5 0x7 with 4"],
        ),
        (
            12,
            Add,
            "priority=5,cookie=8,tcp,actions=output:2",
            &["done 12"],
            &["added 0/5 0x8 with 4"],
        ),
        (13, Modify, "tcp,actions=output:3", &["done 13"], &["modified 0/5 0x8 with 4"]),
        (14, Modify, "tcp,actions=output:3", &[], &[]),
        (15, Add, "table=1,priority=6,tcp,actions=drop", &["done 15"], &["added 1/6 0x0"]),
        (16, Add, "table=1,priority=7,tcp,actions=drop", &["done 16"], &["added 1/7 0x0"]),
        (
            17,
            Modify,
            "table=1,actions=output:1",
            &["done 17"],
            &["modified 1/6 0x0 with 4", "modified 1/7 0x0 with 4"],
        ),
        (
            18,
            Delete,
            "",
            &["done 18"],
            &[
                "deleted 0/5 0x8 reason 2 with 4",
                "deleted 1/6 0x0 reason 2 with 4",
                "deleted 1/7 0x0 reason 2 with 4",
            ],
        ),
        (19, Delete, "", &[], &[]),
    ] {
        assert_eq!(room.say(author, &flow(command, xid, text)), own, "{text}");
        assert_eq!(room.heard(full), others, "{text}");
    }
    // And with the flag that asks for it, one's own are told in full, too.
    assert_eq!(room.say(full, &added(20, "priority=1,actions=drop")), ["added 0/1 0x0"]);
    assert_eq!(room.heard(author), ["added 0/1 0x0"]);
}

#[test]
fn updates_have_the_xid_0_and_one_message_for_each_request() {
    let mut room = Room::new();
    let (watcher, _) = room.watch(&[monitor(1, CHANGES)]);
    let author = room.join();
    for priority in 1..=3 {
        room.say(author, &added(5, &format!("priority={priority},actions=drop")));
    }
    room.say(author, &flow(FlowModCommand::Delete, 6, ""));
    let told = read(&mut room.device, watcher);
    assert_eq!(summary(&told), [(19, 0); 4]);
    assert_eq!(words(&told[3]).len(), 3, "all that one request did, together");
}

#[test]
fn what_time_groups_and_meters_take_away_is_told_in_full_with_its_reason() {
    let mut room = Room::new();
    let (author, _) = room.watch(&[monitor(1, CHANGES)]);
    room.say(author, &added(1, "priority=1,hard_timeout=1,actions=drop"));
    room.device.advance(1_000_000_000);
    assert_eq!(room.heard(author), ["deleted 0/1 0x0 reason 1"]);
    room.say(author, &added(1, "priority=2,idle_timeout=1,actions=drop"));
    room.device.advance(1_000_000_000);
    assert_eq!(room.heard(author), ["deleted 0/2 0x0 reason 0"]);
    let group =
        |command, text| bytes(&Message::GroupMod(parse_group(text, command, &NoNames).unwrap()), 3);
    let group_add = group(GroupModCommand::Add, "group_id=9,type=all,bucket=output:1");
    assert_eq!(room.say(author, &group_add), [""; 0], "groups are no flow entries");
    room.say(author, &added(1, "priority=3,actions=group:9"));
    let group_delete = group(GroupModCommand::Delete, "group_id=9");
    assert_eq!(room.say(author, &group_delete), ["deleted 0/3 0x0 reason 3"]);
    let meter = |command, text| bytes(&Message::MeterMod(parse_meter(text, command).unwrap()), 3);
    room.say(author, &meter(MeterModCommand::Add, "meter=4,kbps,band=type=drop,rate=1000"));
    room.say(author, &added(1, "priority=4,actions=meter:4"));
    let reason = FlowRemovedReason::MeterDelete as u16;
    assert_eq!(
        room.say(author, &meter(MeterModCommand::Delete, "meter=4")),
        [format!("deleted 0/4 0x0 reason {reason}")]
    );
}

#[test]
fn a_barrier_is_answered_behind_the_updates_of_what_stands_before_it() {
    let mut room = Room::new();
    let (author, _) = room.watch(&[monitor(1, CHANGES)]);
    let stream = [
        added(1, "priority=1,actions=drop"),
        barrier(2),
        added(3, "priority=3,actions=drop"),
        flow(FlowModCommand::Delete, 4, ""),
        barrier(5),
    ];
    assert_eq!(
        room.say(author, &stream.concat()),
        ["done 1", "barrier", "done 3", "done 4", "barrier"]
    );
}

#[test]
fn a_flow_removed_follows_the_update() {
    let mut room = Room::new();
    let (author, _) = room.watch(&[monitor(1, CHANGES | OWN)]);
    room.say(author, &added(1, "priority=1,send_flow_rem,hard_timeout=1,actions=drop"));
    room.device.advance(1_000_000_000);
    assert_eq!(room.heard(author), ["deleted 0/1 0x0 reason 1", "FlowRemoved"]);
}

#[test]
fn filters_by_table_port_and_match() {
    let mut room = Room::new();
    let by_port = FlowMonitorRequest {
        out_port: PortNo(2),
        matching: matching_of("ip"),
        ..monitor(1, CHANGES | ACTIONS)
    };
    let by_table = FlowMonitorRequest { table_id: TableId(3), ..monitor(2, CHANGES & !1) };
    let (watcher, _) = room.watch(&[by_port.clone(), by_table]);
    let author = room.join();
    use FlowModCommand::{Add, Delete, Modify};
    for (command, text, told) in [
        (Add, "priority=5,tcp,actions=output:2", &["added 0/5 0x0 with 4"][..]),
        (Modify, "tcp,actions=output:3", &["modified 0/5 0x0 with 4"]), // it sent to 2 before
        (Modify, "tcp,actions=output:1", &[]),
        (Add, "priority=5,tcp,actions=output:2", &["added 0/5 0x0 with 4"]),
        (Add, "priority=5,tcp,actions=output:1", &["added 0/5 0x0 with 4"]),
        (Add, "priority=5,actions=output:2", &[]), // less specific
        (Add, "priority=6,arp,actions=output:2", &[]),
        (Add, "table=3,priority=5,tcp,actions=output:2", &["added 3/5 0x0 with 4"]), // once, by both
        (Add, "table=3,priority=6,actions=output:1", &["added 3/6 0x0"]), // by the one without ACTIONS
        (Delete, "", &["deleted 3/5 0x0 reason 2 with 4", "deleted 3/6 0x0 reason 2"]),
    ] {
        room.say(author, &flow(command, 1, text));
        assert_eq!(room.heard(watcher), told, "{text}");
    }
    room.say(author, &added(1, "priority=5,tcp,actions=output:2"));
    room.say(author, &added(1, "priority=6,tcp,actions=output:3"));
    let (_, told) = room.watch(&[by_port]);
    assert_eq!(told, ["added 0/5 0x0 with 4"], "and of what is there");
}

#[test]
fn flags_choose_the_kinds_of_change() {
    let mut room = Room::new();
    let (adds, _) = room.watch(&[monitor(1, 2)]);
    let (deletes, _) = room.watch(&[monitor(1, 4)]);
    let (modifies, _) = room.watch(&[monitor(1, 8)]);
    let author = room.join();
    room.say(author, &added(1, "priority=1,actions=drop"));
    room.say(author, &flow(FlowModCommand::Modify, 1, "actions=output:1"));
    room.say(author, &flow(FlowModCommand::Delete, 1, ""));
    assert_eq!(room.heard(adds), ["added 0/1 0x0"]);
    assert_eq!(room.heard(modifies), ["modified 0/1 0x0"]);
    assert_eq!(room.heard(deletes), ["deleted 0/1 0x0 reason 2"]);
}

#[test]
fn monitors_end_by_cancel_and_with_their_channel() {
    let mut room = Room::new();
    let (watcher, _) = room.watch(&[monitor(1, CHANGES), monitor(2, CHANGES)]);
    let cancel = |id| bytes(&Message::FlowMonitorCancel(id), 5);
    assert_eq!(room.say(watcher, &cancel(1)), [""; 0]);
    let author = room.join();
    room.say(author, &added(1, "priority=1,actions=drop"));
    assert_eq!(room.heard(watcher), ["added 0/1 0x0"], "the other one is there");
    room.say(watcher, &cancel(2));
    room.say(author, &added(1, "priority=2,actions=drop"));
    assert_eq!(room.heard(watcher), [""; 0]);
    assert_eq!(room.error(watcher, &cancel(2)), (0xffff, 8), "it is unknown now");
    let (other, _) = room.watch(&[monitor(1, CHANGES)]);
    room.device.device.close(other);
    room.say(author, &added(1, "priority=3,actions=drop"));
    assert!(!room.device.device.switch().tables.has_changes(), "nobody watches any more");
}

#[test]
fn errors_start_no_monitor() {
    let mut room = Room::new();
    let (watcher, _) = room.watch(&[monitor(1, CHANGES)]);
    let mut error = |monitors: &[FlowMonitorRequest]| room.error(watcher, &request(5, monitors));
    assert_eq!(error(&[monitor(1, CHANGES)]), (0xffff, 6), "MONITOR_EXISTS");
    assert_eq!(error(&[monitor(7, 2), monitor(7, 2)]), (0xffff, 6), "in one request");
    assert_eq!(error(&[monitor(8, 2), monitor(9, 1)]), (0xffff, 7), "BAD_FLAGS");
    assert_eq!(error(&[monitor(8, 0x42)]), (0xffff, 7), "an unknown flag");
    let table = FlowMonitorRequest { table_id: TableId(255 - 1), ..monitor(8, 2) };
    assert_eq!(room.say(watcher, &request(5, &[table])), [""; 0], "the last table");
    // None of those that failed is there.
    for id in [7, 9] {
        let cancel = bytes(&Message::FlowMonitorCancel(id), 5);
        assert_eq!(room.error(watcher, &cancel), (0xffff, 8));
    }
    let paused = bytes(&Message::FlowMonitorPaused, 5);
    assert_eq!(room.error(watcher, &paused), (1, 1), "a switch's word");
    let many: Vec<_> = (100..200).map(|id| monitor(id, 2)).collect();
    assert_eq!(room.error(watcher, &request(5, &many)), (1, 5), "more than a channel may have");
}

#[test]
fn a_switch_without_extensions_has_none() {
    let switch =
        SwitchConfig { personality: Some(Personality::strict().into()), ..SwitchConfig::default() };
    let mut room = Room { device: InProcess::with_switch(DeviceConfig::default(), switch, 3) };
    let channel = room.join();
    let bad_experimenter = (1, 3);
    assert_eq!(room.error(channel, &request(5, &[monitor(1, CHANGES)])), bad_experimenter);
    let cancel = bytes(&Message::FlowMonitorCancel(1), 5);
    assert_eq!(room.error(channel, &cancel), bad_experimenter);
}

#[test]
fn a_slave_may_watch() {
    let mut room = Room::new();
    let slave = room.join();
    room.say(slave, &role(1, 3, 1));
    assert_eq!(room.say(slave, &request(5, &[monitor(1, CHANGES)])), [""; 0]);
    let author = room.join();
    room.say(author, &added(1, "priority=1,actions=drop"));
    assert_eq!(room.heard(slave), ["added 0/1 0x0"]);
}

#[test]
fn a_request_in_parts_is_one_request() {
    let mut room = Room::new();
    let channel = room.join();
    let mut first = request(5, &[monitor(1, CHANGES)]);
    first[11] = 1; // MORE
    assert_eq!(room.say(channel, &first), [""; 0]);
    let last = request(5, &[monitor(1, CHANGES)]);
    assert_eq!(room.error(channel, &last), (0xffff, 6), "the same id in both parts");
    assert_eq!(room.say(channel, &first), [""; 0]);
    assert_eq!(room.say(channel, &request(5, &[monitor(2, CHANGES)])), [""; 0]);
    let author = room.join();
    room.say(author, &added(1, "priority=1,actions=drop"));
    assert_eq!(room.heard(channel), ["added 0/1 0x0"], "once, for both");
}

/// A bundle of these messages, from open to commit.
fn bundle(messages: &[Vec<u8>]) -> Vec<u8> {
    let control =
        |xid, kind: u8| experimenter(xid, 0x4f4e_4600, 2300, &[0, 0, 0, 9, 0, kind, 0, 3]);
    let add = |message: &Vec<u8>| {
        let body = [&[0, 0, 0, 9, 0, 0, 0, 3][..], message].concat();
        experimenter(header(message).2, 0x4f4e_4600, 2301, &body)
    };
    let adds: Vec<u8> = messages.iter().flat_map(add).collect();
    [control(1, 0), adds, control(2, 4)].concat()
}

#[test]
fn a_bundle_is_told_at_its_commit_by_what_it_has_left() {
    let mut room = Room::new();
    let (watcher, _) = room.watch(&[monitor(1, CHANGES | ACTIONS)]);
    let (author, _) = room.watch(&[monitor(1, CHANGES)]);
    room.say(author, &added(3, "priority=1,actions=drop"));
    room.say(author, &added(3, "priority=2,actions=drop"));
    room.heard(watcher);
    let good = [
        added(0x501, "priority=5,actions=output:1"),
        added(0x502, "priority=6,actions=output:1"),
        flow(FlowModCommand::Modify, 0x503, "actions=output:2"),
        flow(FlowModCommand::DeleteStrict, 0x504, "priority=6"),
        flow(FlowModCommand::DeleteStrict, 0x505, "priority=2"),
    ];
    let told = room.say(author, &bundle(&good));
    assert_eq!(told, ["Experimenter", "done 1281", "Experimenter"], "before the commit's reply");
    assert_eq!(
        room.heard(watcher),
        [
            "added 0/5 0x0 with 4",
            "modified 0/1 0x0 with 4",
            "modified 0/5 0x0 with 4",
            "deleted 0/2 0x0 reason 2 with 4"
        ],
        "and nothing of the entry that came and went"
    );
    let failing = [
        added(0x601, "priority=7,actions=output:1"),
        flow(FlowModCommand::Delete, 0x602, ""),
        added(0x603, "priority=8,actions=group:99"),
    ];
    write_all(&mut room.device, author, &bundle(&failing));
    let answers = read(&mut room.device, author);
    assert_eq!(summary(&answers), [(4, 1), (1, 0x603), (1, 2)]);
    assert_eq!(room.heard(watcher), [""; 0], "what was undone never was");
}

#[test]
fn an_evicted_entry_is_told_in_full_even_to_whoever_took_its_place() {
    let switch = SwitchConfig {
        max_entries_per_table: 2,
        eviction: Eviction::Timed,
        ..SwitchConfig::default()
    };
    let mut room = Room { device: InProcess::with_switch(DeviceConfig::default(), switch, 3) };
    let (author, _) = room.watch(&[monitor(1, CHANGES)]);
    room.say(author, &added(1, "priority=1,idle_timeout=5,send_flow_rem,actions=drop"));
    room.say(author, &added(2, "priority=2,idle_timeout=9,send_flow_rem,actions=drop"));
    let told = room.say(author, &added(3, "priority=3,idle_timeout=9,actions=drop"));
    assert_eq!(told, ["done 3", "deleted 0/1 0x0 reason 2", "FlowRemoved"]);
}

#[test]
fn a_table_that_is_reshaped_tells_of_the_entries_that_it_loses() {
    let mut room = Room::new();
    let (watcher, _) = room.watch(&[monitor(1, CHANGES)]);
    let author = room.join();
    room.say(author, &added(1, "table=1,priority=1,actions=drop"));
    assert_eq!(room.heard(watcher), ["added 1/1 0x0"]);
    let tables = &mut room.device.device.switch_mut().tables;
    let first = tables.table_features(TableId(0)).unwrap();
    let body = MultipartRequestBody::TableFeatures(vec![first]);
    let flags = MultipartFlags::empty();
    let only_one = bytes(&Message::MultipartRequest(MultipartRequest { flags, body }), 5);
    assert_eq!(room.say(author, &only_one), ["MultipartReply"]);
    assert_eq!(room.heard(watcher), ["deleted 1/1 0x0 reason 2"]);
}

#[test]
fn changes_by_the_host_are_told_too() {
    let mut room = Room::new();
    let (watcher, _) = room.watch(&[monitor(1, CHANGES)]);
    let entry = parse_flow("priority=9,actions=drop", FlowModCommand::Add, &NoNames).unwrap();
    let now = room.device.now;
    room.device.device.switch_mut().tables.flow_mod(now, &entry).unwrap();
    assert_eq!(room.device.device.next_deadline(), Some(hypercall::Nanos(0)), "due at once");
    room.device.advance(0);
    assert_eq!(room.heard(watcher), ["added 0/9 0x0"]);
}

/// A device whose channels are behind after a few kilobytes.
fn small() -> Room {
    let config = DeviceConfig { reply_len_soft: 4096, ..DeviceConfig::default() };
    Room { device: InProcess::new(config, 3) }
}

#[test]
fn a_reader_that_is_behind_is_paused_and_brought_up_to_date() {
    let mut room = small();
    let author = room.join();
    for priority in 1..=3 {
        room.say(author, &added(1, &format!("priority={priority},cookie=1,actions=drop")));
    }
    let (watcher, _) = room.watch(&[monitor(1, CHANGES)]);
    // Much more than it is owed room for, and it does not read.
    for round in 0..20 {
        for priority in 100..200 {
            let text = format!("priority={priority},cookie={round},actions=drop");
            room.say(author, &added(1, &text));
        }
    }
    assert!(room.device.pending(watcher) < 3 * 4096, "what waits is bounded");
    use FlowModCommand::{DeleteStrict, Modify};
    room.say(author, &flow(Modify, 1, "cookie=1/-1,actions=output:1"));
    room.say(author, &flow(DeleteStrict, 1, "priority=2"));
    room.say(author, &flow(DeleteStrict, 1, "priority=150"));
    room.say(author, &added(1, "priority=300,actions=drop"));
    room.say(author, &flow(DeleteStrict, 1, "priority=300"));
    room.say(author, &added(1, "priority=400,actions=drop"));
    let told = room.heard(watcher);
    let paused = told.iter().position(|word| word == "PAUSED").expect("it is told that it waits");
    let resumed = told.iter().position(|word| word == "RESUMED").expect("and when it is over");
    assert_eq!(resumed, told.len() - 1);
    let meanwhile = &told[paused + 1..resumed];
    let gone: Vec<&String> = meanwhile.iter().filter(|word| word.starts_with("deleted")).collect();
    assert_eq!(gone[0], "deleted 0/2 0x1 reason 2");
    assert!(!meanwhile.iter().any(|word| word.contains("/300 ")), "it came and went unheard");
    assert!(meanwhile.contains(&"modified 0/1 0x1".to_string()));
    assert!(meanwhile.contains(&"added 0/400 0x0".to_string()));
    // Told in order, it gives what is there.
    let mut known = std::collections::BTreeMap::new();
    for word in &["added 0/1 0x1", "added 0/2 0x1", "added 0/3 0x1"].map(String::from) {
        known.insert(word.split(' ').nth(1).unwrap().to_string(), word.clone());
    }
    for word in told.iter().filter(|word| word.contains('/')) {
        let (event, rest) = word.split_once(' ').unwrap();
        let (entry, cookie) = rest.split_once(' ').unwrap();
        match event {
            "deleted" => drop(known.remove(entry).expect("an entry that was told")),
            _ => drop(known.insert(entry.to_string(), cookie.to_string())),
        }
    }
    let (_, there) = room.watch(&[monitor(1, CHANGES)]);
    let there: std::collections::BTreeSet<&str> =
        there.iter().map(|word| word.split(' ').nth(1).unwrap()).collect();
    assert_eq!(known.keys().map(String::as_str).collect::<std::collections::BTreeSet<_>>(), there);
    assert!((100..200).filter(|p| *p != 150).all(|p| known[&format!("0/{p}")] == "0x13"));
    // And then it goes on as before.
    room.say(author, &added(1, "priority=500,actions=drop"));
    assert_eq!(room.heard(watcher), ["added 0/500 0x0"]);
}

#[test]
fn a_reader_that_never_reads_costs_no_more_than_the_tables_did() {
    let config =
        DeviceConfig { reply_len_soft: 4096, flow_removed_count: 1000, ..DeviceConfig::default() };
    let mut room = Room { device: InProcess::new(config, 3) };
    let author = room.join();
    let (watcher, _) = room.watch(&[monitor(1, CHANGES)]);
    for round in 0..30 {
        for priority in 0..100 {
            room.say(author, &added(1, &format!("priority={priority},actions=drop")));
        }
        if round % 2 == 1 {
            room.say(author, &flow(FlowModCommand::Delete, 1, ""));
        }
    }
    assert_eq!(
        room.device.device.status(watcher).unwrap().hang_up,
        None,
        "unheard ones leave nothing"
    );
    assert!(room.device.pending(watcher) < 3 * 4096);
    let told = room.heard(watcher);
    assert_eq!(told.last().map(String::as_str), Some("RESUMED"));
    // Entries that it knows and that go are kept up to the bound, and not beyond.
    for priority in 0..1200 {
        room.say(author, &added(1, &format!("priority={priority},actions=drop")));
        room.heard(watcher);
    }
    room.say(author, &flow(FlowModCommand::Delete, 1, ""));
    assert_eq!(room.device.device.status(watcher).unwrap().hang_up, Some(HangUp::TooSlow));
    assert_eq!(room.device.device.counters().too_slow, 1);
}

#[test]
fn the_initial_entries_are_told_as_the_reader_reads_and_changes_meanwhile_follow() {
    let mut room = small();
    let author = room.join();
    for priority in 1..=4000 {
        room.say(author, &added(1, &format!("priority={priority},actions=drop")));
    }
    let watcher = room.join();
    write_all(&mut room.device, watcher, &request(7, &[monitor(1, CHANGES)]));
    assert!(room.device.pending(watcher) < 70_000, "a part of 128 kB");
    use FlowModCommand::{DeleteStrict, ModifyStrict};
    room.say(author, &flow(DeleteStrict, 1, "priority=1"));
    room.say(author, &flow(ModifyStrict, 1, "priority=2,actions=output:1"));
    room.say(author, &added(1, "priority=5000,actions=drop"));
    let answers = read(&mut room.device, watcher);
    let more: Vec<bool> = answers.iter().map(|part| part[11] & 1 != 0).collect();
    assert_eq!(more, [true, true, false, false], "the answer in parts, then the changes");
    assert_eq!(summary(&answers), [(19, 7), (19, 7), (19, 7), (19, 0)]);
    let told: Vec<String> = answers.iter().flat_map(|message| words(message)).collect();
    assert!(!told.iter().any(|word| word == "PAUSED" || word == "RESUMED"));
    let changes = &words(answers.last().unwrap());
    assert_eq!(*changes, ["deleted 0/1 0x0 reason 2", "modified 0/2 0x0", "added 0/5000 0x0"]);
}

#[test]
fn many_removed_entries_reach_a_reader_that_reads() {
    let mut room = Room::new();
    let author = room.join();
    let (watcher, _) = room.watch(&[monitor(1, CHANGES | ACTIONS)]);
    for port in 0..20_000 {
        room.say(author, &added(1, &format!("priority=1,in_port={port},actions=output:1")));
        room.heard(watcher);
    }
    room.say(author, &flow(FlowModCommand::Delete, 1, ""));
    assert!(room.device.pending(watcher) < 2 << 18);
    let told = room.heard(watcher);
    let gone = told.iter().filter(|word| word.starts_with("deleted")).count();
    assert_eq!(gone, 20_000);
    assert_eq!(told.last().map(String::as_str), Some("RESUMED"));
}

#[test]
fn a_passive_channel_is_told_what_it_asks_for() {
    let mut room = Room::new();
    let tool = room.device.open(ChannelKind::Passive).unwrap();
    room.say(tool, &HELLO);
    room.say(tool, &request(5, &[monitor(1, CHANGES)]));
    let author = room.join();
    room.say(author, &added(1, "priority=1,actions=drop"));
    assert_eq!(room.heard(tool), ["added 0/1 0x0"]);
}
