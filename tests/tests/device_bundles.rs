//! Bundles: what is committed takes effect in order and whole, or not at all.

mod embodiment;

use embodiment::{FRAME, InProcess, ask, error_of, read, types};
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;
use switch_dev::ChannelId;

fn control(xid: u32, id: u32, kind: u16) -> Vec<u8> {
    let body = [&id.to_be_bytes()[..], &kind.to_be_bytes(), &[0, 3]].concat();
    experimenter(xid, 0x4f4e_4600, 2300, &body)
}

fn add(id: u32, message: &[u8]) -> Vec<u8> {
    let body = [&id.to_be_bytes()[..], &[0, 0, 0, 3], message].concat();
    experimenter(header(message).2, 0x4f4e_4600, 2301, &body)
}

/// Opens, adds, closes and commits; returns the answers to the commit.
fn commit(device: &mut InProcess, channel: ChannelId, messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    ask(device, channel, &control(1, 9, 0));
    for message in messages {
        assert_eq!(ask(device, channel, &add(9, message)).len(), 0);
    }
    ask(device, channel, &control(2, 9, 2));
    write_all(device, channel, &control(3, 9, 4));
    read(device, channel)
}

/// Everything that a controller can ask about entries, groups and ports.
fn state(device: &mut InProcess, channel: ChannelId) -> Vec<Vec<u8>> {
    let all = flow_request(255, &matching(&[]));
    let groups = [0xff, 0xff, 0xff, 0xfc, 0, 0, 0, 0];
    let stream = [
        multipart(1, 1, 0, &all),
        multipart(2, 6, 0, &groups),
        multipart(3, 7, 0, &[]),
        multipart(4, 13, 0, &[]),
    ];
    ask(device, channel, &stream.concat())
}

fn group_of(xid: u32, command: u16, id: u32, port: u32) -> Vec<u8> {
    group_mod(xid, command, 0, id, &[bucket(0, u32::MAX, u32::MAX, &[output(port)])])
}

fn entry(xid: u32, command: u8, priority: u16, instructions: &[Vec<u8>]) -> Vec<u8> {
    let entry = FlowMod { command, priority, flags: 1, ..FlowMod::default() };
    entry.message(xid, &matching(&[]), instructions)
}

fn to_group(id: u32) -> Vec<u8> {
    apply(&[tlv(22, &id.to_be_bytes())])
}

#[test]
fn a_commit_takes_effect_in_order() {
    let mut device = InProcess::with_ports(2);
    let channel = connect(&mut device);
    let answers = commit(
        &mut device,
        channel,
        &[
            group_of(11, 0, 1, 1),
            entry(12, 0, 5, &[to_group(1)]),
            entry(13, 0, 6, &[]),
            entry(14, 4, 6, &[]),
        ],
    );
    assert_eq!(types(&answers), [4, 11], "the reply, and the removal that was bundled");
    assert_eq!(answers[0][16..24], [0, 0, 0, 9, 0, 5, 0, 3], "COMMIT_REPLY");
    assert_eq!(flow_count(&mut device, channel), 1);
}

#[test]
fn a_commit_that_fails_changes_nothing() {
    let mut device = InProcess::with_ports(2);
    let channel = connect(&mut device);
    for message in [
        group_of(1, 0, 1, 1),
        group_of(2, 0, 2, 2),
        entry(3, 0, 10, &[to_group(1)]),
        entry(4, 0, 11, &[apply(&[output(2)])]),
        entry(5, 0, 12, &[to_group(2)]),
        entry(6, 0, 13, &[]),
    ] {
        ask(&mut device, channel, &message);
    }
    device.receive(1, &FRAME);
    let before = state(&mut device, channel);
    let answers = commit(
        &mut device,
        channel,
        &[
            entry(11, 0, 20, &[]),
            entry(12, 0, 11, &[apply(&[output(1)])]),
            entry(13, 2, 12, &[apply(&[output(1)])]),
            group_of(14, 1, 1, 2),
            group_mod(15, 2, 0, 1, &[]),
            group_of(16, 0, 3, 2),
            entry(17, 0, 21, &[to_group(3)]),
            entry(18, 4, 13, &[]),
            port_mod(19, 1, InProcess::hw_addr(1), 0x20, 0x20, 0),
            entry(20, 3, 0, &[]),
            entry(21, 0, 30, &[]),
            entry(22, 0, 31, &[to_group(77)]),
            entry(23, 0, 32, &[]),
        ],
    );
    assert_eq!(summary(&answers), [(1, 22), (1, 3)], "nobody is told of what did not happen");
    assert_eq!(error_of(&answers[0]), (2, 9), "BAD_OUT_GROUP for the message");
    assert_eq!(error_of(&answers[1]), (0xffff, 2313), "MSG_FAILED for the commit");
    assert_eq!(state(&mut device, channel), before);
    // And what is there works as before.
    ask(&mut device, channel, &entry(30, 0, 40, &[to_group(1)]));
    let sent = device.receive(2, &FRAME);
    assert_eq!(sent.iter().map(|sent| sent.port.0).collect::<Vec<_>>(), [1]);
    ask(&mut device, channel, &flow_mod(31, 255, 3, 0, 0));
    assert_eq!(flow_count(&mut device, channel), 0);
}
