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

/// Everything that a controller can ask about entries, groups, meters and ports.
fn state(device: &mut InProcess, channel: ChannelId) -> Vec<Vec<u8>> {
    let all = flow_request(255, &matching(&[]));
    let groups = [0xff, 0xff, 0xff, 0xfc, 0, 0, 0, 0];
    let stream = [
        multipart(1, 1, 0, &all),
        multipart(2, 6, 0, &groups),
        multipart(3, 7, 0, &[]),
        multipart(4, 13, 0, &[]),
        multipart(5, 9, 0, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
        multipart(6, 10, 0, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
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

fn to_meter(id: u32) -> Vec<u8> {
    tlv(6, &id.to_be_bytes())
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
    if random.below(5) == 0 {
        let bands: Vec<Vec<u8>> = (0..1 + random.below(2))
            .map(|_| band(1, 1 + random.below(3), 1 + random.below(4), &[0; 4]))
            .collect();
        // Packets a second, with a burst.
        let command = [0, 0, 0, 1, 2][random.below(5) as usize];
        let bands = if command == 2 { vec![] } else { bands };
        return meter_mod(xid, command, 2 | 4, 1 + random.below(3), &bands);
    }
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
    let mut instructions = match random.below(4) {
        3 => vec![to_meter(1 + random.below(3)), apply(&[output(1 + random.below(3))])],
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

#[test]
fn packet_outs_are_sent_at_the_commit_through_the_tables_that_it_leaves() {
    let mut device = InProcess::with_ports(3);
    let channel = connect(&mut device);
    let through_tables = |xid| packet_out(xid, u32::MAX, 1, &[output(0xffff_fff9)], &FRAME);
    let to_port = |xid, port| packet_out(xid, u32::MAX, 0xffff_fffd, &[output(port)], &FRAME);
    ask(&mut device, channel, &control(1, 9, 0));
    for message in [
        through_tables(11),
        entry(12, 0, 5, &[apply(&[output(2)])]),
        to_port(13, 3),
        entry(14, 1, 5, &[to_meter(7), apply(&[output(2), output(3)])]),
        meter_mod(15, 0, 1, 7, &[band(1, 1000, 0, &[0; 4])]),
    ] {
        ask(&mut device, channel, &add(9, &message));
    }
    assert!(device.host.take().is_empty(), "nothing before the commit");
    write_all(&mut device, channel, &control(3, 9, 4));
    let answers = read(&mut device, channel);
    assert_eq!(
        summary(&answers),
        [(1, 14), (1, 3)],
        "the meter comes behind the entry that uses it"
    );
    assert!(device.host.take().is_empty(), "and nothing when it fails");
    assert_eq!(flow_count(&mut device, channel), 0);
    let answers = commit(
        &mut device,
        channel,
        &[
            meter_mod(15, 0, 1, 7, &[band(1, 1000, 0, &[0; 4])]),
            through_tables(11),
            entry(12, 0, 5, &[apply(&[output(2)])]),
            to_port(13, 3),
            entry(14, 1, 5, &[to_meter(7), apply(&[output(2), output(3)])]),
        ],
    );
    assert_eq!(answers[0][16..24], [0, 0, 0, 9, 0, 5, 0, 3], "COMMIT_REPLY");
    let sent: Vec<u32> = device.host.take().iter().map(|sent| sent.port.0).collect();
    assert_eq!(sent, [2, 3, 3], "by the entry as it is at the end, then the other one");
}

#[test]
fn a_packet_out_that_cannot_be_sent_undoes_the_bundle() {
    let mut device = InProcess::with_ports(2);
    let channel = connect(&mut device);
    ask(&mut device, channel, &group_of(1, 0, 1, 1));
    let before = state(&mut device, channel);
    let to_a_group = |xid| {
        let action = tlv(22, &1u32.to_be_bytes());
        packet_out(xid, u32::MAX, 0xffff_fffd, &[action], &FRAME)
    };
    let answers = commit(
        &mut device,
        channel,
        &[
            packet_out(10, u32::MAX, 0xffff_fffd, &[output(2)], &FRAME),
            to_a_group(11),
            entry(12, 0, 5, &[]),
            group_mod(13, 2, 0, 1, &[]),
        ],
    );
    assert_eq!(summary(&answers), [(1, 11), (1, 3)]);
    assert_eq!(error_of(&answers[0]), (2, 9), "the group is gone by the end: BAD_OUT_GROUP");
    assert_eq!(error_of(&answers[1]), (0xffff, 2313), "MSG_FAILED");
    assert_eq!(state(&mut device, channel), before);
    assert!(device.host.take().is_empty(), "nor was the other one sent");
}

#[test]
fn an_undone_change_of_a_meter_leaves_its_buckets_as_they_were() {
    let mut device = InProcess::with_ports(2);
    let channel = connect(&mut device);
    let five = [band(1, 1, 5, &[0; 4])];
    // One packet a second, five at once.
    ask(&mut device, channel, &meter_mod(1, 0, 2 | 4, 1, &five));
    ask(&mut device, channel, &entry(2, 0, 5, &[to_meter(1), apply(&[output(2)])]));
    for _ in 0..3 {
        assert_eq!(device.receive(1, &FRAME).len(), 1);
    }
    let before = state(&mut device, channel);
    for changes in [
        vec![meter_mod(11, 1, 2 | 4, 1, &five)],
        vec![meter_mod(11, 2, 0, 1, &[])],
        vec![meter_mod(11, 2, 0, u32::MAX, &[]), meter_mod(12, 0, 2 | 4, 1, &five)],
        vec![meter_mod(11, 0, 2 | 4, 2, &five), meter_mod(12, 1, 1, 1, &five)],
    ] {
        let failing = [changes, vec![entry(20, 0, 9, &[to_group(99)])]].concat();
        let answers = commit(&mut device, channel, &failing);
        assert_eq!(error_of(answers.last().unwrap()), (0xffff, 2313));
        assert_eq!(state(&mut device, channel), before);
    }
    let passed: usize = (0..10).map(|_| device.receive(1, &FRAME).len()).sum();
    assert_eq!(passed, 2, "what is left of five");
    // One that succeeds fills them.
    let answers = commit(&mut device, channel, &[meter_mod(11, 1, 2 | 4, 1, &five)]);
    assert_eq!(answers.len(), 1);
    let passed: usize = (0..10).map(|_| device.receive(1, &FRAME).len()).sum();
    assert_eq!(passed, 5);
}

#[test]
fn what_cannot_be_bundled_is_refused_when_it_is_added() {
    let mut device = InProcess::with_ports(1);
    let channel = connect(&mut device);
    ask(&mut device, channel, &control(1, 9, 0));
    for message in [
        echo(5, &[]),
        barrier(5),
        features(5),
        multipart(5, 13, 0, &[]),
        role(5, 1, 0),
        table_mod(5, 0, 0),
        set_config(5, 0, 128),
        set_async(5, [0; 6]),
        control(5, 8, 0),
    ] {
        write_all(&mut device, channel, &add(9, &message));
        let answers = read(&mut device, channel);
        assert_eq!(error_of(&answers[0]), (0xffff, 2310), "MSG_UNSUP for type {}", message[1]);
    }
}

/// Packets come between any two bytes of what the controller says: each finds the tables as they were
/// or as the bundle leaves them, and after one has found the new ones all do.
#[test]
fn a_packet_between_any_two_bytes_sees_all_of_a_bundle_or_nothing() {
    let mut device = InProcess::with_ports(3);
    let channel = connect(&mut device);
    // A packet passes two tables and a group; old and new disagree in each.
    let old = [
        group_of(1, 0, 1, 1),
        FlowMod { priority: 1, ..FlowMod::default() }.message(2, &matching(&[]), &[goto(1)]),
        FlowMod { table: 1, priority: 1, ..FlowMod::default() }.message(
            3,
            &matching(&[]),
            &[apply(&[output(1)]), to_table_end(1)],
        ),
    ];
    for message in &old {
        ask(&mut device, channel, message);
    }
    let new = [
        group_of(11, 1, 1, 3),
        FlowMod { table: 1, command: 1, ..FlowMod::default() }.message(
            12,
            &matching(&[]),
            &[apply(&[output(3)]), to_table_end(1)],
        ),
    ];
    let stream: Vec<u8> = [control(1, 9, 0)]
        .into_iter()
        .chain(new.iter().map(|message| add(9, message)))
        .chain([control(2, 9, 2), control(3, 9, 4)])
        .flatten()
        .collect();
    let mut is_new = false;
    for byte in &stream {
        write_all(&mut device, channel, &[*byte]);
        let sent: Vec<u32> = device.receive(2, &FRAME).iter().map(|sent| sent.port.0).collect();
        is_new |= sent.contains(&3);
        assert_eq!(sent, if is_new { [3, 3] } else { [1, 1] });
    }
    assert!(is_new, "it took effect with its last byte");
    let kinds = types(&read(&mut device, channel));
    assert_eq!(kinds, [4, 4, 4], "open, close, commit");
}

/// Write-actions of a group.
fn to_table_end(group: u32) -> Vec<u8> {
    write(&[tlv(22, &group.to_be_bytes())])
}
