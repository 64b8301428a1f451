//! Several controllers: roles, asynchronous messages, barriers, and what a lost one leaves behind.

use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;
use switch_dev::ChannelId;

use crate::bytes::*;
use crate::embodiment::{FRAME, InProcess, error_of, read, types};

/// What comes back for a message, barrier's reply aside.
fn say(device: &mut InProcess, channel: ChannelId, request: &[u8]) -> Vec<Vec<u8>> {
    let mut answers = split(&converse(device, channel, &[request, &barrier(0xbad)].concat()));
    assert_eq!(answers.pop().map(|last| header(&last)), Some((21, 8, 0xbad)));
    answers
}

/// Role and generation id of a ROLE_REPLY.
fn role_of(device: &mut InProcess, channel: ChannelId) -> (u32, u64) {
    let told = only(say(device, channel, &role(5, 0, 0)));
    assert_eq!(header(&told), (25, 24, 5));
    (u32_at(&told, 8), u64_at(&told, 16))
}

fn is_refused(device: &mut InProcess, channel: ChannelId, request: &[u8]) -> (u16, u16) {
    error_of(&only(say(device, channel, request)))
}

const STALE: (u16, u16) = (11, 0);
const IS_SLAVE: (u16, u16) = (1, 10);

#[test]
fn a_channel_begins_equal_and_there_is_one_master() {
    let mut device = InProcess::with_ports(2);
    let [one, two, three] = [(); 3].map(|()| connect(&mut device));
    for channel in [one, two, three] {
        assert_eq!(role_of(&mut device, channel), (1, u64::MAX), "EQUAL, no generation yet");
    }
    say(&mut device, one, &role(5, 2, 1));
    say(&mut device, two, &role(5, 2, 1));
    assert_eq!(role_of(&mut device, one), (3, 1), "the former master is a slave");
    assert_eq!(role_of(&mut device, two), (2, 1));
    assert_eq!(role_of(&mut device, three), (1, 1), "an equal one stays equal");
    let told = only(say(&mut device, one, &role(5, 1, 0)));
    assert_eq!((u32_at(&told, 8), u64_at(&told, 16)), (1, 1), "EQUAL looks at no generation");
}

#[test]
fn a_generation_that_is_behind_is_stale_and_changes_nothing() {
    for kept in [0_u64, 5, 1 << 63, u64::MAX] {
        let mut device = InProcess::with_ports(1);
        let channel = connect(&mut device);
        say(&mut device, channel, &role(5, 2, kept));
        for (step, is_stale) in
            [(0, false), (u64::MAX, true), (1 << 63, true), ((1 << 63) + 1, true)]
        {
            for wanted in [2, 3] {
                let request = role(5, wanted, kept.wrapping_add(step));
                let answer = only(say(&mut device, channel, &request));
                assert_eq!(answer[1] == 1, is_stale, "{kept:#x} + {step:#x}");
                if is_stale {
                    assert_eq!(error_of(&answer), STALE);
                    assert_eq!(role_of(&mut device, channel), (3, kept), "nothing changed");
                }
            }
        }
        let far = kept.wrapping_add((1 << 63) - 1);
        say(&mut device, channel, &role(5, 2, far));
        assert_eq!(role_of(&mut device, channel), (2, far));
    }
}

#[test]
fn the_generation_is_common_to_all_and_outlives_them() {
    let mut device = InProcess::with_ports(1);
    let (one, two) = (connect(&mut device), connect(&mut device));
    say(&mut device, one, &role(5, 2, 100));
    assert_eq!(is_refused(&mut device, two, &role(5, 3, 99)), STALE);
    device.close(one);
    device.close(two);
    let three = connect(&mut device);
    let (_, generation) = role_of(&mut device, three);
    assert_eq!(generation, 100);
    say(&mut device, three, &role(5, 2, generation));
    assert_eq!(role_of(&mut device, three), (2, 100), "what NOCHANGE told may be used");
}

#[test]
fn roles_that_are_not_defined_are_bad_role() {
    let mut device = InProcess::with_ports(1);
    let channel = connect(&mut device);
    for wanted in [4, 5, 99, u32::MAX] {
        assert_eq!(is_refused(&mut device, channel, &role(5, wanted, 0)), (11, 2));
    }
    assert_eq!(role_of(&mut device, channel), (1, u64::MAX));
}

#[test]
fn a_slave_may_look_and_not_touch() {
    let mut device = InProcess::with_ports(2);
    let slave = connect(&mut device);
    say(&mut device, slave, &role(5, 3, 1));
    let simple = bucket(0, ANY, ANY, &[output(1)]);
    for (what, request) in [
        ("FLOW_MOD", entry(&[], &[])),
        ("malformed FLOW_MOD", FlowMod::default().message(5, &matching_raw(9, 99, &[]), &[])),
        ("GROUP_MOD", group_mod(5, 0, 0, 1, &[simple])),
        ("malformed GROUP_MOD", group_mod(5, 9, 9, ANY, &[])),
        ("METER_MOD", meter_mod(5, 2, 0, 1, &[])),
        ("PORT_MOD", port_mod(5, 1, [2, 0, 0, 0, 0, 1], 0, 0, 0)),
        ("PORT_MOD of no port", port_mod(5, 77, [0; 6], 0, 0, 0)),
        ("TABLE_MOD", table_mod(5, 0, 0)),
        ("PACKET_OUT", packet_out(5, ANY, 1, &[output(2)], &FRAME)),
        ("TABLE_FEATURES with a body", multipart(5, 12, 0, &[0; 64])),
    ] {
        assert_eq!(is_refused(&mut device, slave, &request), IS_SLAVE, "{what}");
    }
    for (what, request, kind) in [
        ("FEATURES", features(5), 6),
        ("GET_CONFIG", message(7, 5, &[]), 8),
        ("ECHO", echo(5, b"x"), 3),
        ("GET_ASYNC", message(26, 5, &[]), 27),
        ("QUEUE_GET_CONFIG", message(22, 5, &word(1)), 23),
        ("ROLE", role(5, 0, 0), 25),
        ("DESC", multipart(5, 0, 0, &[]), 19),
        ("FLOW", multipart(5, 1, 0, &flow_request(255, &matching(&[]))), 19),
        ("TABLE_FEATURES", multipart(5, 12, 0, &[]), 19),
        ("PORT_DESC", multipart(5, 13, 0, &[]), 19),
    ] {
        assert_eq!(say(&mut device, slave, &request)[0][1], kind, "{what}");
    }
    assert_eq!(say(&mut device, slave, &set_async(5, [0; 6])), Vec::<Vec<u8>>::new());
    assert_eq!(say(&mut device, slave, &set_config(5, 0, 99)), Vec::<Vec<u8>>::new());
    say(&mut device, slave, &role(5, 1, 0));
    assert_eq!(say(&mut device, slave, &entry(&[], &[])), Vec::<Vec<u8>>::new(), "equal again");
}

#[test]
fn the_default_masks_are_the_standards() {
    let mut device = InProcess::with_ports(1);
    let channel = connect(&mut device);
    let told = only(say(&mut device, channel, &message(26, 5, &[])));
    assert_eq!(header(&told), (27, 32, 5));
    let words: Vec<u32> = (8..32).step_by(4).map(|at| u32_at(&told, at)).collect();
    assert_eq!(words, [3, 0, 7, 7, 0x0f, 0], "for master or equal, for slave; three times");
}

#[test]
fn masks_are_kept_by_channel_and_through_role_changes() {
    let mut device = InProcess::with_ports(1);
    let (one, two) = (connect(&mut device), connect(&mut device));
    let before = only(say(&mut device, two, &message(26, 5, &[])));
    let masks = [1, 2, 4, 3, 5, 6];
    say(&mut device, one, &set_async(5, masks));
    say(&mut device, one, &role(5, 3, 1));
    say(&mut device, one, &role(5, 2, 2));
    let told = only(say(&mut device, one, &message(26, 5, &[])));
    let words: Vec<u32> = (8..32).step_by(4).map(|at| u32_at(&told, at)).collect();
    assert_eq!(words, masks);
    assert_eq!(only(say(&mut device, two, &message(26, 5, &[]))), before, "not inherited");
    device.close(one);
    let again = connect(&mut device);
    assert_eq!(only(say(&mut device, again, &message(26, 5, &[]))), before);
}

/// Lets a frame, a removed entry and a changed port be told; the types that a channel heard.
fn events(device: &mut InProcess, by: ChannelId, at: ChannelId) -> Vec<u8> {
    let miss = FlowMod { priority: 0, ..FlowMod::default() };
    say(device, by, &miss.message(5, &matching(&[]), &[apply(&[output(CONTROLLER)])]));
    device.receive(1, &FRAME);
    let flagged = FlowMod { flags: 1, priority: 9, ..FlowMod::default() };
    say(device, by, &flagged.message(5, &matching(&[]), &[]));
    let delete = FlowMod { command: 4, priority: 9, ..FlowMod::default() };
    say(device, by, &delete.message(5, &matching(&[]), &[]));
    say(device, by, &port_mod(5, 1, [2, 0, 0, 0, 0, 1], 0x20, 0x20, 0));
    say(device, by, &port_mod(5, 1, [2, 0, 0, 0, 0, 1], 0, 0x20, 0));
    read(device, by);
    let mut heard = types(&read(device, at));
    heard.sort_unstable();
    heard.dedup();
    heard
}

#[test]
fn masks_say_what_each_channel_hears_in_its_role() {
    for (what, masks, is_slave, expected) in [
        ("default", None, false, vec![10, 11, 12]),
        ("default, slave", None, true, vec![12]),
        ("nothing", Some([0, 7, 0, 7, 0, 31]), false, vec![]),
        ("nothing, slave", Some([7, 0, 7, 0, 31, 0]), true, vec![]),
        ("packet-ins, slave", Some([0, 7, 0, 0, 0, 0]), true, vec![10]),
        ("removed, slave", Some([0, 0, 0, 0, 0, 4]), true, vec![11]),
        ("other reasons", Some([6, 0, 3, 0, 0x1b, 0]), false, vec![]),
    ] {
        let mut device = InProcess::with_ports(2);
        let (by, at) = (connect(&mut device), connect(&mut device));
        if is_slave {
            say(&mut device, at, &role(5, 3, 1));
        }
        if let Some(masks) = masks {
            say(&mut device, at, &set_async(5, masks));
        }
        assert_eq!(events(&mut device, by, at), expected, "{what}");
    }
}

#[test]
fn masks_touch_neither_replies_nor_errors() {
    let mut device = InProcess::with_ports(1);
    let channel = connect(&mut device);
    say(&mut device, channel, &set_async(5, [0; 6]));
    assert_eq!(say(&mut device, channel, &features(5))[0][1], 6);
    assert_eq!(is_refused(&mut device, channel, &message(99, 5, &[])), (1, 1));
}

#[test]
fn a_barrier_is_answered_behind_everything_before_it() {
    let mut device = InProcess::with_ports(1);
    let channel = connect(&mut device);
    let adds: Vec<u8> = (0..3000u32).flat_map(|n| flow_add(n, 0, n as u16)).collect();
    converse(&mut device, channel, &adds);
    let all = flow_request(255, &matching(&[]));
    let stream = [
        echo(1, b"a"),
        multipart(2, 1, 0, &all),
        message(99, 3, &[]),
        barrier(4),
        features(5),
        barrier(6),
    ];
    let answers = split(&converse(&mut device, channel, &stream.concat()));
    let mut xids: Vec<u32> = answers.iter().map(|answer| header(answer).2).collect();
    xids.dedup();
    assert_eq!(xids, [1, 2, 3, 4, 5, 6]);
    let parts = answers.iter().filter(|answer| answer[1] == 19).count();
    assert!(parts > 2, "a reply of {parts} parts ends before the barrier's");
}

#[test]
fn barriers_of_one_channel_do_not_wait_for_another() {
    let mut device = InProcess::with_ports(1);
    let (one, two) = (connect(&mut device), connect(&mut device));
    write_all(&mut device, one, &multipart(2, 1, 1, &[]));
    write_all(&mut device, one, &[4, 20, 0, 8][..]);
    assert_eq!(say(&mut device, two, &echo(7, b"y"))[0][1], 3);
    assert_eq!(read(&mut device, one), Vec::<Vec<u8>>::new());
}

#[test]
fn entries_groups_and_meters_outlive_the_controller() {
    let mut device = InProcess::with_ports(2);
    let channel = connect(&mut device);
    say(&mut device, channel, &entry(&[], &[apply(&[output(2)])]));
    say(&mut device, channel, &group_mod(5, 0, 0, 1, &[]));
    say(&mut device, channel, &meter_mod(5, 0, 1, 1, &[band(1, 1, 0, &[0; 4])]));
    device.close(channel);
    assert_eq!(device.receive(1, &FRAME).len(), 1, "forwarding goes on");
    let channel = connect(&mut device);
    assert_eq!(flow_count(&mut device, channel), 1);
    for (kind, body) in [(7, vec![]), (10, word(ANY))] {
        assert!(only(say(&mut device, channel, &multipart(5, kind, 0, &body))).len() > 16);
    }
}

#[test]
fn timeouts_go_on_without_a_controller() {
    let mut device = InProcess::with_ports(2);
    let channel = connect(&mut device);
    let mut timed = entry(&[], &[apply(&[output(2)])]);
    timed[28..30].copy_from_slice(&[0, 5]);
    say(&mut device, channel, &timed);
    device.close(channel);
    device.advance(4_999_999_999);
    assert_eq!(device.receive(1, &FRAME).len(), 1);
    device.advance(1);
    assert_eq!(device.receive(1, &FRAME).len(), 0);
}

#[test]
fn packets_for_a_controller_that_is_not_there_are_dropped() {
    let mut device = InProcess::with_ports(2);
    let channel = connect(&mut device);
    say(&mut device, channel, &entry(&[], &[apply(&[output(CONTROLLER), output(2)])]));
    device.close(channel);
    assert_eq!(device.receive(1, &FRAME).len(), 1, "secure: other outputs go on");
    device.advance(0);
    let channel = connect(&mut device);
    assert_eq!(read(&mut device, channel), Vec::<Vec<u8>>::new(), "and are not kept");
}
