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

/// A reproducible stream of numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as u32 % bound
    }
}

/// A change that may or may not be possible.
fn change(random: &mut Random, xid: u32) -> Vec<u8> {
    let id = random.below(4);
    if random.below(3) == 0 {
        let buckets: Vec<Vec<u8>> = (0..1 + random.below(3))
            .map(|_| bucket(0, u32::MAX, u32::MAX, &[output(1 + random.below(3))]))
            .collect();
        return match random.below(4) {
            0 => group_mod(xid, 2, 0, id, &[]),
            1 => group_mod(xid, 1, 0, id, &buckets),
            _ => group_mod(xid, 0, 0, id, &buckets),
        };
    }
    let fields = match random.below(3) {
        0 => vec![],
        1 => vec![oxm(0, &[0, 0, 0, 1 + random.below(3) as u8])],
        _ => vec![oxm_masked(3, &[0x0a, 0, 0, 0, 0, 0], &[0xff, 0, 0, 0, 0, 0])],
    };
    let mut instructions = match random.below(3) {
        0 => vec![to_group(id)],
        1 => vec![apply(&[output(1 + random.below(3))])],
        _ => vec![],
    };
    let table = random.below(2) as u8;
    if table == 0 && random.below(2) == 0 {
        instructions.push(goto(1));
    }
    let entry = FlowMod {
        table,
        command: [0, 0, 0, 0, 1, 2, 3, 4][random.below(8) as usize],
        priority: random.below(6) as u16,
        flags: [0, 1, 4, 5][random.below(4) as usize],
        cookie: u64::from(xid),
        ..FlowMod::default()
    };
    entry.message(xid, &matching(&fields), &instructions)
}

#[test]
fn what_was_undone_never_was() {
    for round in 1..=60u64 {
        let mut random = Random(round.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (mut plain, mut bundled) = (InProcess::with_ports(3), InProcess::with_ports(3));
        let (one, two) = (connect(&mut plain), connect(&mut bundled));
        for step in 0..12 {
            for xid in 0..6 {
                let message = change(&mut random, 100 + xid);
                let (a, b) =
                    (converse(&mut plain, one, &message), converse(&mut bundled, two, &message));
                assert_eq!(a, b, "round {round}, step {step}: {message:02x?}");
            }
            // A bundle whose last message cannot succeed, if none before it fails.
            let mut messages: Vec<Vec<u8>> =
                (0..random.below(12)).map(|xid| change(&mut random, 200 + xid)).collect();
            messages.push(entry(300, 0, 9, &[to_group(99)]));
            let answers = commit(&mut bundled, two, &messages);
            assert_eq!(error_of(answers.last().unwrap()), (0xffff, 2313));
            let mut frame = FRAME;
            frame[1] = random.below(2) as u8;
            let port = 1 + random.below(3);
            assert_eq!(plain.receive(port, &frame), bundled.receive(port, &frame));
            assert_eq!(
                state(&mut plain, one),
                state(&mut bundled, two),
                "round {round}, step {step}"
            );
        }
    }
}
