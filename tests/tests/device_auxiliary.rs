//! Auxiliary connections of a controller (§6.3.5): what they share with the main one, what goes by
//! which of them, and how they end.

mod embodiment;

use embodiment::{FRAME, InProcess, error_of, read};
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;
use switch_dev::{ChannelId, ChannelKind, DeviceError, FailMode, HangUp, Readiness, Role};

/// A device with one controller that has negotiated.
fn room() -> (InProcess, ChannelId) {
    let mut device = InProcess::with_ports(4);
    let main = connect(&mut device);
    (device, main)
}

/// An auxiliary connection that has negotiated.
fn join(device: &mut InProcess, main: ChannelId, id: u8) -> ChannelId {
    let now = device.now;
    let channel = device.device.open_auxiliary(now, main, id).expect("an auxiliary connection");
    write_all(device, channel, &HELLO);
    assert_eq!(summary(&read(device, channel))[0].0, 0, "it says hello as well");
    channel
}

#[track_caller]
fn ask(device: &mut InProcess, channel: ChannelId, request: &[u8]) -> Vec<Vec<u8>> {
    write_all(device, channel, request);
    read(device, channel)
}

fn table_miss() -> Vec<u8> {
    FlowMod { priority: 0, ..FlowMod::default() }.message(
        5,
        &matching(&[]),
        &[apply(&[output(0xffff_fffd)])],
    )
}

fn auxiliary_id(features_reply: &[u8]) -> u8 {
    assert_eq!(features_reply[1], 6);
    features_reply[21]
}

#[test]
fn each_connection_tells_its_own_id_and_the_same_datapath() {
    let (mut device, main) = room();
    let (one, two) = (join(&mut device, main, 1), join(&mut device, main, 7));
    let replies: Vec<Vec<u8>> =
        [main, one, two].map(|channel| ask(&mut device, channel, &features(9)).remove(0)).to_vec();
    assert_eq!(replies.iter().map(|reply| auxiliary_id(reply)).collect::<Vec<_>>(), [0, 1, 7]);
    assert!(replies.iter().all(|reply| reply[8..16] == replies[0][8..16]), "datapath id");
    assert_eq!(device.device.status(two).unwrap().auxiliary_id, 7);
}

#[test]
fn it_is_opened_only_while_the_main_one_is_up() {
    let mut device = InProcess::with_ports(1);
    let now = device.now;
    let main = device.open(ChannelKind::Active).unwrap();
    let open = |device: &mut InProcess, main, id| device.device.open_auxiliary(now, main, id);
    assert_eq!(open(&mut device, main, 1), Err(DeviceError::BadChannel), "no hello yet");
    write_all(&mut device, main, &HELLO);
    let one = open(&mut device, main, 1).unwrap();
    assert_eq!(open(&mut device, main, 1), Err(DeviceError::Busy), "the id is taken");
    assert_eq!(open(&mut device, main, 0), Err(DeviceError::Busy), "0 is the main one's");
    assert_eq!(open(&mut device, one, 2), Err(DeviceError::BadChannel), "it has none itself");
    device.device.close(main);
    assert_eq!(open(&mut device, main, 2), Err(DeviceError::BadChannel));
}

#[test]
fn it_ends_with_the_main_one_however_that_ends() {
    for ending in 0..2 {
        let (mut device, main) = room();
        let other = connect(&mut device);
        let (one, others) = (join(&mut device, main, 1), join(&mut device, other, 1));
        match ending {
            0 => device.device.close(main),
            // A message that says that it is shorter than its header.
            _ => write_all(&mut device, main, &[4, 2, 0, 4, 0, 0, 0, 1]),
        }
        assert_eq!(device.device.status(one).unwrap().hang_up, Some(HangUp::MainGone));
        assert!(device.readiness(one).contains(Readiness::HANGUP));
        assert_eq!(device.device.status(others).unwrap().hang_up, None, "another controller's");
    }
    let (mut device, main) = room();
    let one = join(&mut device, main, 1);
    device.device.close(one);
    assert_eq!(ask(&mut device, main, &echo(1, &[]))[0][1], 3, "but not the other way round");
    join(&mut device, main, 1);
}

#[test]
fn a_reply_goes_by_the_connection_of_its_request() {
    let (mut device, main) = room();
    let (one, two) = (join(&mut device, main, 1), join(&mut device, main, 2));
    for (channel, xid) in [(one, 11), (main, 12), (two, 13)] {
        let stream =
            [echo(xid, b"?"), message(200, xid, &[]), multipart(xid, 13, 0, &[]), barrier(xid)];
        let answers = ask(&mut device, channel, &stream.concat());
        assert_eq!(summary(&answers), [(3, xid), (1, xid), (19, xid), (21, xid)]);
        assert_eq!(error_of(&answers[1]), (1, 1));
    }
    assert!([main, one, two].iter().all(|channel| device.pending(*channel) == 0));
}

#[test]
fn every_message_may_come_by_it() {
    let (mut device, main) = room();
    let one = join(&mut device, main, 1);
    assert_eq!(ask(&mut device, one, &flow_add(1, 0, 5)).len(), 0);
    assert_eq!(flow_count(&mut device, main), 1);
    let out = packet_out(2, 0xffff_ffff, 0xffff_fffd, &[output(2)], &FRAME);
    assert_eq!(ask(&mut device, one, &out).len(), 0);
    assert_eq!(device.host.take().len(), 1);
}

#[test]
fn the_role_is_the_controllers() {
    let (mut device, main) = room();
    let rival = connect(&mut device);
    let rivals = join(&mut device, rival, 1);
    let one = join(&mut device, main, 1);
    ask(&mut device, one, &role(1, 2, 5));
    let role_of = |device: &InProcess, channel| device.device.status(channel).unwrap().role;
    assert_eq!((role_of(&device, main), role_of(&device, one)), (Role::Master, Role::Master));
    ask(&mut device, rival, &role(1, 2, 6));
    assert_eq!((role_of(&device, rival), role_of(&device, rivals)), (Role::Master, Role::Master));
    assert_eq!((role_of(&device, main), role_of(&device, one)), (Role::Slave, Role::Slave));
    assert_eq!(error_of(&ask(&mut device, one, &flow_add(1, 0, 5))[0]), (1, 10), "IS_SLAVE");
    let late = join(&mut device, main, 2);
    assert_eq!(role_of(&device, late), Role::Slave, "one that joins later has it, too");
    ask(&mut device, main, &role(1, 1, 0));
    assert_eq!((role_of(&device, one), role_of(&device, late)), (Role::Equal, Role::Equal));
}

#[test]
fn packet_ins_are_spread_by_ingress_port_over_the_auxiliary_ones() {
    let (mut device, main) = room();
    ask(&mut device, main, &table_miss());
    device.receive(1, &FRAME);
    assert_eq!(read(&mut device, main).len(), 1, "by the main one while it is alone");
    let now = device.now;
    let one = device.device.open_auxiliary(now, main, 1).unwrap();
    device.receive(1, &FRAME);
    assert_eq!(read(&mut device, main).len(), 1, "and until the hello");
    write_all(&mut device, one, &HELLO);
    read(&mut device, one);
    let two = join(&mut device, main, 2);
    for _ in 0..5 {
        for port in 1..=4 {
            device.receive(port, &FRAME);
        }
    }
    let ports = |device: &mut InProcess, channel| -> Vec<u8> {
        let answers = read(device, channel);
        // The in_port is the first field of the match.
        answers.iter().map(|packet_in| packet_in[24 + 4 + 4 + 3]).collect()
    };
    assert_eq!(ports(&mut device, one), [2, 4].repeat(5));
    assert_eq!(ports(&mut device, two), [1, 3].repeat(5));
    assert_eq!(ports(&mut device, main), [0; 0], "each once");
    device.device.close(two);
    device.receive(1, &FRAME);
    assert_eq!(ports(&mut device, one), [1], "those that are left take over");
}

#[test]
fn removed_entries_and_ports_are_told_by_the_main_one() {
    let (mut device, main) = room();
    let one = join(&mut device, main, 1);
    ask(&mut device, one, &flow_mod(1, 0, 0, 5, 1));
    ask(&mut device, one, &flow_mod(2, 255, 3, 0, 0));
    let hw = InProcess::hw_addr(1);
    ask(&mut device, one, &port_mod(3, 1, hw, 0x20, 0x20, 0));
    assert_eq!(device.pending(one), 0);
    let heard: Vec<u8> = read(&mut device, main).iter().map(|message| message[1]).collect();
    assert_eq!(heard, [11, 12]);
}

#[test]
fn the_masks_are_the_controllers() {
    let (mut device, main) = room();
    let one = join(&mut device, main, 1);
    ask(&mut device, main, &table_miss());
    ask(&mut device, one, &set_async(1, [0, 0, 7, 7, 0, 0]));
    let get = message(26, 2, &[]);
    assert_eq!(ask(&mut device, main, &get), ask(&mut device, one, &get));
    device.receive(1, &FRAME);
    assert_eq!((device.pending(main), device.pending(one)), (0, 0), "no packet-ins by either");
    ask(&mut device, main, &set_async(1, [3, 0, 7, 7, 0, 0]));
    device.receive(1, &FRAME);
    assert_eq!((read(&mut device, main).len(), read(&mut device, one).len()), (0, 1));
}

#[test]
fn the_fail_mode_looks_at_main_connections_only() {
    let (mut device, main) = room();
    device.device.set_fail_mode(FailMode::Standalone);
    let one = join(&mut device, main, 1);
    assert!(!device.device.switch().tables.is_standalone());
    device.device.close(one);
    assert!(!device.device.switch().tables.is_standalone());
    let one = join(&mut device, main, 1);
    device.device.close(main);
    assert!(device.device.switch().tables.is_standalone(), "though it has not been closed yet");
    device.device.close(one);
    let passive = device.open(ChannelKind::Passive).unwrap();
    write_all(&mut device, passive, &HELLO);
    join_silently(&mut device, passive);
    assert!(device.device.switch().tables.is_standalone(), "nor at those of a tool");
}

fn join_silently(device: &mut InProcess, main: ChannelId) {
    let now = device.now;
    let channel = device.device.open_auxiliary(now, main, 1).unwrap();
    write_all(device, channel, &HELLO);
    read(device, channel);
}
