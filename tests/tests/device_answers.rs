//! What the device answers to hand-made messages, one line each: right ones, wrong ones, and those
//! where switches differ. Every message is sent on a negotiated channel of a fresh device with
//! three ports, and followed by a barrier; a `*` marks the lines where Open vSwitch answers
//! otherwise and the standard, or what we promise, is followed instead.
//!
//! Here what belongs to the channel; what changes entries is in `device_answers_entries.rs`.

mod answers;
mod embodiment;

use answers::*;
use embodiment::InProcess;
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;

#[test]
fn basic() {
    check(vec![
        one("FEATURES", features(5), Reply(6, 32)),
        one("GET_CONFIG", message(7, 5, &[]), Reply(8, 12)),
        one("GET_ASYNC", message(26, 5, &[]), Reply(27, 32)),
        one("ROLE nochange", role(5, 0, 0), Reply(25, 24)),
        one("ECHO 5 bytes", echo(5, b"12345"), Reply(3, 13)),
        one("ECHO_REPLY", message(3, 5, b"12345"), Accepted),
        one("ERROR", message(1, 5, &[0, 1, 0, 1, 9]), Accepted),
        one("ERROR cut", message(1, 5, &[0, 1]), Accepted),
        one("BARRIER with 4-byte body", message(20, 5, &[0; 4]), Error(BAD_REQUEST, 6)),
        one("type 30", message(30, 5, &[]), Error(BAD_REQUEST, 1)),
        one("type 200", message(200, 5, &[]), Error(BAD_REQUEST, 1)),
        one("HELLO again", HELLO.to_vec(), Error(BAD_REQUEST, 1)),
        one("packet-in from a controller", message(10, 5, &[0; 40]), Error(BAD_REQUEST, 1)),
        one("flow-removed from a controller", message(11, 5, &[0; 48]), Error(BAD_REQUEST, 1)),
        one("features reply", message(6, 5, &[0; 24]), Error(BAD_REQUEST, 1)),
        one("multipart reply", message(19, 5, &[0; 8]), Error(BAD_REQUEST, 1)),
        one("barrier reply", message(21, 5, &[]), Error(BAD_REQUEST, 1)),
        one("experimenter unknown", experimenter(5, 0x123456, 1, &[]), Error(BAD_REQUEST, 3)),
        one("Nicira packet-in format", experimenter(5, 0x2320, 16, &[0; 4]), Error(BAD_REQUEST, 3)),
        one("ONF unknown type", experimenter(5, 0x4f4e_4600, 1, &[]), Error(BAD_REQUEST, 4)),
        one("experimenter short", message(4, 5, &[0; 4]), Error(BAD_REQUEST, 6)),
        one("FEATURES with 4 more bytes", message(5, 5, &[0; 4]), Error(BAD_REQUEST, 6)),
        one("SET_CONFIG short", message(9, 5, &[0; 2]), Error(BAD_REQUEST, 6)),
        one("SET_CONFIG flags 0x10", set_config(5, 0x10, 0), Error(SWITCH_CONFIG, 0)),
        one("SET_CONFIG reasm *", set_config(5, 2, 0), Error(SWITCH_CONFIG, 0)),
        one("SET_CONFIG flags 3 *", set_config(5, 3, 0), Error(SWITCH_CONFIG, 0)),
        one("SET_CONFIG drop", set_config(5, 1, 128), Accepted),
        one("SET_CONFIG no buffer", set_config(5, 0, 0xffff), Accepted),
        one("SET_CONFIG 0xffe5", set_config(5, 0, 0xffe5), Accepted),
        one("SET_CONFIG 65534, as for ovs-ofctl monitor", set_config(5, 0, 65_534), Accepted),
        one("SET_CONFIG 0xfff0 *", set_config(5, 0, 0xfff0), Error(SWITCH_CONFIG, 1)),
        one("echo of version 1 *", vec![1, 2, 0, 8, 0, 0, 0, 5], Error(BAD_REQUEST, 0)),
        one("echo of version 5 *", vec![5, 2, 0, 8, 0, 0, 0, 5], Error(BAD_REQUEST, 0)),
        one("version before type", vec![3, 99, 0, 8, 0, 0, 0, 5], Error(BAD_REQUEST, 0)),
    ]);
}

#[test]
fn multiparts() {
    let port = |port: u32| [port.to_be_bytes(), [0; 4]].concat();
    let queue = |port: u32, queue: u32| [port.to_be_bytes(), queue.to_be_bytes()].concat();
    let all = flow_request(255, &matching(&[]));
    let mut sets = [0; 64];
    sets[1] = 64;
    check(vec![
        one("DESC", multipart(5, 0, 0, &[]), Reply(19, 1072)),
        one("DESC with a body", multipart(5, 0, 0, &[0; 8]), Error(BAD_REQUEST, 6)),
        one("FLOW all", multipart(5, 1, 0, &all), Reply(19, 16)),
        one("FLOW without a body", multipart(5, 1, 0, &[]), Error(BAD_REQUEST, 6)),
        one(
            "FLOW table 200",
            multipart(5, 1, 0, &flow_request(200, &matching(&[]))),
            Reply(19, 16),
        ),
        one(
            "FLOW bad match",
            multipart(5, 1, 0, &flow_request(0, &matching(&[oxm(13, &[0, 1])]))),
            Error(BAD_MATCH, 9),
        ),
        ("FLOW one", vec![flow(FlowMod::default()), multipart(5, 1, 0, &all)], Reply(19, 72)),
        one("AGGREGATE", multipart(5, 2, 0, &all), Reply(19, 40)),
        one("TABLE", multipart(5, 3, 0, &[]), Reply(19, 16 + 255 * 24)),
        one("PORT_STATS ANY", multipart(5, 4, 0, &port(u32::MAX)), Reply(19, 16 + 3 * 112)),
        one("PORT_STATS 2", multipart(5, 4, 0, &port(2)), Reply(19, 16 + 112)),
        one("PORT_STATS 77 *", multipart(5, 4, 0, &port(77)), Error(BAD_REQUEST, 11)),
        one("QUEUE ANY", multipart(5, 5, 0, &queue(u32::MAX, u32::MAX)), Reply(19, 16)),
        one("QUEUE port 77", multipart(5, 5, 0, &queue(77, u32::MAX)), Error(QUEUE_OP, 0)),
        one("QUEUE port 1, queue 9", multipart(5, 5, 0, &queue(1, 9)), Error(QUEUE_OP, 1)),
        one("GROUP all", multipart(5, 6, 0, &port(0xffff_fffc)), Reply(19, 16)),
        one("GROUP 777", multipart(5, 6, 0, &port(777)), Reply(19, 16)),
        one("GROUP_DESC", multipart(5, 7, 0, &[]), Reply(19, 16)),
        one("GROUP_FEATURES", multipart(5, 8, 0, &[]), Reply(19, 56)),
        one("PORT_DESC", multipart(5, 13, 0, &[]), Reply(19, 16 + 3 * 64)),
        one("type 14", multipart(5, 14, 0, &[]), Error(BAD_REQUEST, 2)),
        one("type 99", multipart(5, 99, 0, &[]), Error(BAD_REQUEST, 2)),
        one(
            "experimenter",
            multipart(5, 0xffff, 0, &[0, 0, 1, 2, 0, 0, 0, 1]),
            Error(BAD_REQUEST, 3),
        ),
        one(
            "ONF flow monitors, none",
            multipart(5, 0xffff, 0, &[0x4f, 0x4e, 0x46, 0, 0, 0, 7, 0x4e]),
            Reply(19, 24),
        ),
        one(
            "ONF unknown type",
            multipart(5, 0xffff, 0, &[0x4f, 0x4e, 0x46, 0, 0, 0, 7, 0x4f]),
            Error(BAD_REQUEST, 4),
        ),
        one("experimenter short", multipart(5, 0xffff, 0, &[0; 4]), Error(BAD_REQUEST, 6)),
        one("flags 2", multipart(5, 0, 2, &[]), Reply(19, 1072)),
        one("short", message(18, 5, &[0, 13, 0, 0]), Error(BAD_REQUEST, 6)),
        (
            "PORT_DESC in two parts",
            vec![multipart(5, 13, 1, &[]), multipart(5, 13, 0, &[])],
            Reply(19, 208),
        ),
        one(
            "TABLE_FEATURES without properties",
            multipart(5, 12, 0, &sets),
            Error(TABLE_FEATURES, 2),
        ),
        one("TABLE_FEATURES malformed", multipart(5, 12, 0, &[0; 64]), Error(TABLE_FEATURES, 3)),
    ]);
}

#[test]
fn ports_tables_and_queues() {
    let hw = InProcess::hw_addr(1);
    let port_request = |port: u32| message(22, 5, &[port.to_be_bytes(), [0; 4]].concat());
    check(vec![
        one("PORT_MOD absent port", port_mod(5, 77, hw, 0, 0, 0), Error(PORT_MOD, 0)),
        one("PORT_MOD other address", port_mod(5, 1, [9; 6], 0, 0, 0), Error(PORT_MOD, 1)),
        one(
            "PORT_MOD unknown bit *",
            port_mod(5, 1, hw, 0x8000_0000, 0x8000_0000, 0),
            Error(PORT_MOD, 2),
        ),
        one("PORT_MOD NO_FWD", port_mod(5, 1, hw, 0x20, 0x20, 0), Reply(12, 80)),
        one("PORT_MOD nothing", port_mod(5, 1, hw, 0, 0, 0), Accepted),
        one("TABLE_MOD", table_mod(5, 0, 0), Accepted),
        one("TABLE_MOD relic bits", table_mod(5, 0, 3), Accepted),
        one("TABLE_MOD other bits *", table_mod(5, 0, 4), Error(TABLE_MOD, 1)),
        one("TABLE_MOD all", table_mod(5, 255, 0), Accepted),
        one("queues of port 1", port_request(1), Reply(23, 16)),
        one("queues of ANY", port_request(u32::MAX), Reply(23, 16)),
        one("queues of port 77", port_request(77), Error(QUEUE_OP, 0)),
        one("queues of CONTROLLER", port_request(0xffff_fffd), Error(QUEUE_OP, 0)),
    ]);
}

#[test]
fn roles() {
    let stale = Error(ROLE_REQUEST, 0);
    let slave = role(3, 3, 1);
    let is_slave = Error(BAD_REQUEST, 10);
    let as_slave = |name, message: Vec<u8>, answer| (name, vec![slave.clone(), message], answer);
    let kept = |id: u64| vec![role(3, 2, 5), role(5, 2, id)];
    check(vec![
        one("role 4", role(5, 4, 0), Error(ROLE_REQUEST, 2)),
        one("role 99", role(5, 99, 0), Error(ROLE_REQUEST, 2)),
        one("MASTER", role(5, 2, 5), Reply(25, 24)),
        ("MASTER 4 after 5", kept(4), stale),
        ("MASTER 5 again", kept(5), Reply(25, 24)),
        ("MASTER 5 + 2^63", kept(5 + (1 << 63)), stale),
        ("MASTER 5 + 2^63 - 1", kept(5 + (1 << 63) - 1), Reply(25, 24)),
        ("SLAVE 4 after 5", vec![role(3, 2, 5), role(5, 3, 4)], stale),
        ("EQUAL 0 after 5", vec![role(3, 2, 5), role(5, 1, 0)], Reply(25, 24)),
        as_slave("FLOW_MOD", flow(FlowMod::default()), is_slave),
        as_slave("FLOW_MOD malformed", with_raw_match(7, 99, &[]), is_slave),
        as_slave("FLOW_MOD short", message(14, 5, &[0; 4]), Error(BAD_REQUEST, 6)),
        as_slave("GROUP_MOD", group_mod(5, 0, 0, 1, &[]), is_slave),
        as_slave("METER_MOD", meter_mod(5, 2, 0, 1, &[]), is_slave),
        as_slave("PORT_MOD", port_mod(5, 1, [0; 6], 0, 0, 0), is_slave),
        as_slave("TABLE_MOD", table_mod(5, 0, 0), is_slave),
        as_slave("PACKET_OUT", packet_out(5, 7, 1, &[], &[]), is_slave),
        as_slave("TABLE_FEATURES that sets", multipart(5, 12, 0, &[0; 64]), is_slave),
        as_slave("bundle", experimenter(5, 0x4f4e_4600, 2300, &[0; 8]), is_slave),
        as_slave("GET_CONFIG", message(7, 5, &[]), Reply(8, 12)),
        as_slave("SET_CONFIG", set_config(5, 0, 64), Accepted),
        as_slave("SET_ASYNC", set_async(5, [7; 6]), Accepted),
        as_slave("GET_ASYNC", message(26, 5, &[]), Reply(27, 32)),
        as_slave("queues", message(22, 5, &[0, 0, 0, 1, 0, 0, 0, 0]), Reply(23, 16)),
        as_slave("FLOW", multipart(5, 1, 0, &flow_request(255, &matching(&[]))), Reply(19, 16)),
        one("SET_ASYNC unknown bits", set_async(5, [u32::MAX; 6]), Accepted),
    ]);
}

#[test]
fn bundles() {
    let ctrl = |xid, id: u32, kind: u16, flags: u16| {
        let body = [&id.to_be_bytes()[..], &kind.to_be_bytes(), &flags.to_be_bytes()].concat();
        experimenter(xid, 0x4f4e_4600, 2300, &body)
    };
    let add = |xid, id: u32, flags: u16, message: &[u8]| {
        let body = [&id.to_be_bytes()[..], &[0; 2], &flags.to_be_bytes(), message].concat();
        experimenter(xid, 0x4f4e_4600, 2301, &body)
    };
    let entry = flow(FlowMod::default());
    check(vec![
        one("open", ctrl(5, 1, 0, 3), Reply(4, 24)),
        one("open, unknown flags", ctrl(5, 1, 0, 8), Experimenter(2307)),
        one("close nothing", ctrl(5, 1, 2, 3), Experimenter(2302)),
        one("commit nothing", ctrl(5, 1, 4, 3), Experimenter(2302)),
        one("unknown step", ctrl(5, 1, 9, 3), Experimenter(2306)),
        ("open twice", vec![ctrl(4, 1, 0, 3), ctrl(5, 1, 0, 3)], Experimenter(2303)),
        ("add", vec![ctrl(4, 1, 0, 3), add(5, 1, 3, &entry)], Accepted),
        ("add, other flags", vec![ctrl(4, 1, 0, 3), add(5, 1, 1, &entry)], Experimenter(2307)),
        ("add, other xid", vec![ctrl(4, 1, 0, 3), add(6, 1, 3, &entry)], Experimenter(2309)),
        ("add an echo", vec![ctrl(4, 1, 0, 3), add(5, 1, 3, &echo(5, &[]))], Experimenter(2310)),
        ("add nothing", vec![ctrl(4, 1, 0, 3), add(5, 1, 3, &[])], Experimenter(2308)),
        (
            "add a cut message",
            vec![ctrl(4, 1, 0, 3), add(5, 1, 3, &entry[..40])],
            Experimenter(2308),
        ),
        (
            "add after close",
            vec![ctrl(4, 1, 0, 3), ctrl(4, 1, 2, 3), add(5, 1, 3, &entry)],
            Experimenter(2304),
        ),
        (
            "close twice",
            vec![ctrl(4, 1, 0, 3), ctrl(4, 1, 2, 3), ctrl(5, 1, 2, 3)],
            Experimenter(2304),
        ),
        ("discard", vec![ctrl(4, 1, 0, 3), add(5, 1, 3, &entry), ctrl(5, 1, 6, 3)], Reply(4, 24)),
        (
            "commit",
            vec![ctrl(4, 1, 0, 3), add(5, 1, 3, &entry), ctrl(4, 1, 2, 3), ctrl(5, 1, 4, 3)],
            Reply(4, 24),
        ),
    ]);
}
