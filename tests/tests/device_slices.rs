//! What is about many entries goes on in slices: other channels and forwarding go on between them, and
//! what stands behind on the same channel waits its turn.

mod bed;
mod embodiment;

use bed::{bytes, flow_mod_of};
use datapath::SwitchConfig;
use embodiment::{InProcess, error_of, read, types};
use ofp_codec::text::{NoNames, parse_group, parse_meter};
use ofp_codec::{FlowModCommand, GroupModCommand, Message, MeterModCommand};
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::{flow_request, matching, set_async};
use switch_dev::{ChannelId, ChannelKind, DeviceConfig, DeviceError, Readiness};

const COUNT: u32 = 20_000;

/// A UDP frame that the `n`th entry is about.
fn frame(n: u32) -> Vec<u8> {
    let [_, b, c, d] = n.to_be_bytes();
    let mut frame = vec![2, 0, 0, b, c, d, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.resize(60, 0);
    frame
}

/// The `n`th entry, in the syntax of ovs-ofctl.
fn flow(n: u32, actions: &str) -> String {
    let [_, b, c, d] = n.to_be_bytes();
    format!("cookie={n},priority=7,dl_dst=02:00:00:{b:02x}:{c:02x}:{d:02x},{actions}")
}

fn flow_bytes(text: &str, command: FlowModCommand, xid: u32) -> Vec<u8> {
    bytes(&Message::FlowMod(flow_mod_of(text, command)), xid)
}

/// A device with two channels and many entries that do `actions`.
fn filled(actions: &str) -> (InProcess, [ChannelId; 2]) {
    filled_within(SwitchConfig::default(), actions)
}

fn filled_within(config: SwitchConfig, actions: &str) -> (InProcess, [ChannelId; 2]) {
    let mut device = InProcess::with_switch(DeviceConfig::default(), config, 4);
    // The other one asks for no news.
    let other = device.open(ChannelKind::Passive).unwrap();
    write_all(&mut device, other, &HELLO);
    read(&mut device, other);
    let channels = [connect(&mut device), other];
    let group = "group_id=1,type=indirect,bucket=output:2";
    let group = parse_group(group, GroupModCommand::Add, &NoNames).unwrap();
    let meter =
        parse_meter("meter=1,kbps,band=type=drop,rate=1000000", MeterModCommand::Add).unwrap();
    let set_up = [bytes(&Message::GroupMod(group), 5), bytes(&Message::MeterMod(meter), 6)];
    assert_eq!(converse(&mut device, channels[0], &set_up.concat()), []);
    let adds: Vec<u8> =
        (0..COUNT).flat_map(|n| flow_bytes(&flow(n, actions), FlowModCommand::Add, n)).collect();
    assert_eq!(converse(&mut device, channels[0], &adds), []);
    assert_eq!(device.device.switch().tables.entry_count(), COUNT);
    (device, channels)
}

/// Sends `request` and a barrier, and asserts that it takes slices in which no more than a few
/// thousand entries change, the other channel's echo is answered and frames are forwarded; what comes
/// back before the barrier's reply.
fn in_slices(
    device: &mut InProcess,
    [asker, other]: [ChannelId; 2],
    request: &[u8],
    is_forwarded: impl Fn(&mut InProcess),
) -> Vec<Vec<u8>> {
    let stream = [request, &barrier(99)].concat();
    assert_eq!(device.write(asker, &stream), Ok(request.len()), "the barrier has to wait");
    assert!(!device.readiness(asker).contains(Readiness::WRITABLE));
    assert_eq!(device.device.next_deadline(), Some(hypercall::Nanos(0)), "and is not forgotten");
    let (mut slices, mut answers) = (1, Vec::new());
    let mut before = device.device.switch().tables.entry_count();
    let mut rest = barrier(99);
    while !rest.is_empty() {
        write_all(device, other, &echo(slices, b"there?"));
        assert_eq!(device.pending(other), 14, "the echo is answered in between");
        let mut reply = [0; 14];
        device.read(other, &mut reply).unwrap();
        assert_eq!(header(&reply), (3, 14, slices));
        is_forwarded(device);
        device.advance(1);
        let left = device.device.switch().tables.entry_count();
        assert!(before.saturating_sub(left) <= 2_048, "one slice at a time");
        before = left;
        slices += 1;
        assert!(slices < COUNT, "it comes to an end");
        match device.write(asker, &rest) {
            Ok(taken) => rest = rest.split_off(taken),
            Err(error) => assert_eq!(error, DeviceError::WouldBlock),
        }
        let mut buffer = vec![0; 1 << 16];
        while let Ok(len @ 1..) = device.read(asker, &mut buffer) {
            answers.extend_from_slice(&buffer[..len]);
        }
    }
    answers.extend(drain(device, asker, 1 << 16));
    assert!(slices >= 4, "{slices}");
    let mut answers = split(&answers);
    assert_eq!(answers.pop().map(|last| header(&last)), Some((21, 8, 99)), "after all of it");
    answers
}

fn keeps_forwarding(device: &mut InProcess) {
    // The last entry is the last to change, in every order.
    let sent = device.receive(1, &frame(COUNT - 1));
    let left = device.device.switch().tables.entry_count();
    assert_eq!(sent.len(), usize::from(left > 0));
}

/// No packet finds any entry of a table that is deleted as a whole, whatever is left to be done.
fn forwards_no_more(device: &mut InProcess) {
    assert_eq!(device.receive(1, &frame(COUNT - 1)).len(), 0);
}

#[test]
fn a_deletion_of_everything_lets_others_go_on() {
    let (mut device, channels) = filled("send_flow_rem,actions=output:2");
    let delete = flow_bytes("table=255", FlowModCommand::Delete, 7);
    let told = in_slices(&mut device, channels, &delete, forwards_no_more);
    assert_eq!(told.len(), COUNT as usize);
    assert!(types(&told).iter().all(|kind| *kind == 11), "nothing but FLOW_REMOVED");
    let cookies = told.iter().map(|told| u64::from_be_bytes(told[8..16].try_into().unwrap()));
    assert!(cookies.eq(0..u64::from(COUNT)), "in the order of the table, before the barrier");
}

#[test]
fn a_deletion_that_selects_nothing_lets_others_go_on() {
    let (mut device, channels) = filled("actions=output:2");
    let delete = flow_bytes("table=255,cookie=0x99999999/-1", FlowModCommand::Delete, 7);
    assert_eq!(in_slices(&mut device, channels, &delete, keeps_forwarding), [[0; 0]; 0]);
    assert_eq!(device.device.switch().tables.entry_count(), COUNT);
}

#[test]
fn a_modification_of_everything_lets_others_go_on() {
    let (mut device, channels) = filled("actions=output:2");
    let modify = flow_bytes("actions=output:3", FlowModCommand::Modify, 7);
    let answers = in_slices(&mut device, channels, &modify, |device| {
        let sent = device.receive(1, &frame(5));
        assert!(matches!(&sent[..], [one] if [2, 3].contains(&one.port.0)));
    });
    assert_eq!(answers, [[0; 0]; 0]);
    for n in [0, 1, 255, 256, COUNT - 1] {
        assert_eq!(device.receive(1, &frame(n))[0].port.0, 3, "entry {n}");
    }
}

#[test]
fn a_modification_that_fails_changes_nothing() {
    let config = SwitchConfig { max_entry_bytes: 16 << 20, ..SwitchConfig::default() };
    let (mut device, channels) = filled_within(config, "actions=output:2");
    // Enough memory for some thousands of them.
    let actions = vec!["output:3"; 100].join(",");
    let modify = flow_bytes(&format!("actions={actions}"), FlowModCommand::Modify, 7);
    let answers = in_slices(&mut device, channels, &modify, keeps_forwarding);
    assert_eq!(error_of(&answers[0]), (5, 1), "FLOW_MOD_FAILED, TABLE_FULL");
    assert_eq!(answers[0][12..], modify, "about the whole message");
    for n in [0, 1, COUNT - 1] {
        assert_eq!(device.receive(1, &frame(n))[0].port.0, 2, "entry {n}");
    }
}

#[test]
fn a_group_goes_with_its_entries_in_slices() {
    for id in ["1", "all"] {
        let (mut device, channels) = filled("send_flow_rem,actions=group:1");
        let text = format!("group_id={id}");
        let delete = parse_group(&text, GroupModCommand::Delete, &NoNames).unwrap();
        let delete = bytes(&Message::GroupMod(delete), 7);
        let told = in_slices(&mut device, channels, &delete, keeps_forwarding);
        assert_eq!(told.len(), COUNT as usize);
        assert!(told.iter().all(|told| told[1] == 11 && told[18] == 3), "reason GROUP_DELETE");
        let groups = device.device.switch().tables.group_descs();
        assert!(groups.is_empty(), "{groups:?}");
    }
}

#[test]
fn a_meter_goes_with_its_entries_in_slices() {
    let (mut device, channels) = filled("send_flow_rem,actions=meter:1,output:2");
    let delete = parse_meter("meter=1", MeterModCommand::Delete).unwrap();
    let delete = bytes(&Message::MeterMod(delete), 7);
    let all_reasons = set_async(6, [0, 0, 0, 0, 0x1f, 0x1f]);
    assert_eq!(converse(&mut device, channels[0], &all_reasons), []);
    let told = in_slices(&mut device, channels, &delete, keeps_forwarding);
    assert_eq!(told.len(), COUNT as usize);
    assert!(told.iter().all(|told| told[1] == 11 && told[18] == 4), "reason METER_DELETE");
}

#[test]
fn statistics_that_select_nothing_and_sums_let_others_go_on() {
    let (mut device, channels) = filled("actions=output:2");
    let mut request = flow_request(255, &matching(&[]));
    request[16..24].fill(9); // cookie
    request[24..32].fill(0xff); // cookie_mask
    let answers = in_slices(&mut device, channels, &multipart(7, 1, 0, &request), keeps_forwarding);
    let [answer] = &answers[..] else { panic!("{answers:02x?}") };
    assert_eq!((answer.len(), answer[11]), (16, 0), "one, empty, and the last");
    let all = flow_request(255, &matching(&[]));
    let answers = in_slices(&mut device, channels, &multipart(8, 2, 0, &all), keeps_forwarding);
    let [answer] = &answers[..] else { panic!("{answers:02x?}") };
    assert_eq!(answer[32..36], COUNT.to_be_bytes(), "flow_count");
}

#[test]
fn an_overlap_is_looked_for_in_slices() {
    let (mut device, channels) = filled("actions=output:2");
    let add = |text: &str| flow_bytes(text, FlowModCommand::Add, 7);
    let clear =
        add("check_overlap,priority=7,dl_dst=04:00:00:00:00:00/ff:00:00:00:00:00,actions=drop");
    assert_eq!(in_slices(&mut device, channels, &clear, keeps_forwarding), [[0; 0]; 0]);
    // The last of them.
    let overlapping =
        add("check_overlap,priority=7,in_port=1,dl_dst=02:00:00:00:4e:1f,actions=drop");
    let answers = in_slices(&mut device, channels, &overlapping, keeps_forwarding);
    assert_eq!(error_of(&answers[0]), (5, 3), "FLOW_MOD_FAILED, OVERLAP");
    assert_eq!(device.device.switch().tables.entry_count(), COUNT + 1);
}

#[test]
fn changes_of_other_channels_wait_in_order() {
    let (mut device, [asker, other]) = filled("actions=output:2");
    let delete = flow_bytes("table=255", FlowModCommand::Delete, 7);
    assert_eq!(device.write(asker, &delete), Ok(delete.len()));
    let add = flow_bytes(&flow(3, "actions=output:4"), FlowModCommand::Add, 8);
    let stream = [echo(1, b""), add, echo(2, b"")].concat();
    assert_eq!(device.write(other, &stream), Ok(8), "up to what changes the tables");
    assert_eq!(device.write(other, &stream[8..]), Err(DeviceError::WouldBlock));
    let mut rest = &stream[8..];
    while !rest.is_empty() {
        // A byte at a time: the change cannot slip in.
        match device.write(other, &rest[..1]) {
            Ok(taken) => rest = &rest[taken..],
            Err(_) => device.advance(1),
        }
    }
    assert_eq!(summary(&read(&mut device, other)), [(3, 1), (3, 2)]);
    assert_eq!(device.device.switch().tables.entry_count(), 1, "added behind the deletion");
    assert_eq!(device.receive(1, &frame(3))[0].port.0, 4);
}

#[test]
fn a_change_goes_on_when_its_channel_is_closed() {
    let (mut device, [asker, other]) = filled("actions=output:2");
    let delete = flow_bytes("table=255", FlowModCommand::Delete, 7);
    assert_eq!(device.write(asker, &delete), Ok(delete.len()));
    device.close(asker);
    while device.go_on() {}
    assert_eq!(device.device.switch().tables.entry_count(), 0);
    assert_eq!(converse(&mut device, other, &echo(1, b"")), [4, 3, 0, 8, 0, 0, 0, 1]);
}

#[test]
fn entries_that_expire_meanwhile_do_no_harm() {
    for command in [FlowModCommand::Delete, FlowModCommand::Modify] {
        let (mut device, [asker, _]) = filled("hard_timeout=1,send_flow_rem,actions=output:2");
        let text = if command == FlowModCommand::Delete { "" } else { "actions=output:3" };
        let change = flow_bytes(text, command, 7);
        assert_eq!(device.write(asker, &change), Ok(change.len()));
        device.advance(1_000_000_000);
        let mut told = Vec::new();
        while device.device.switch().tables.entry_count() > 0 {
            device.advance(1);
            told.extend(read(&mut device, asker));
        }
        while device.go_on() {}
        told.extend(read(&mut device, asker));
        assert_eq!(told.len(), COUNT as usize, "each is told of once");
        let reasons = |reason| told.iter().filter(|told| told[18] == reason).count();
        assert!(reasons(1) > 1_000, "some have expired");
        assert_eq!(reasons(2) > 0, command == FlowModCommand::Delete);
    }
}
