//! What the device answers to hand-made messages, one line each: right ones, wrong ones, and those
//! where switches differ. Every message is sent on a negotiated channel of a fresh device with
//! three ports, and followed by a barrier; a `*` marks the lines where Open vSwitch answers
//! otherwise and the standard, or what we promise, is followed instead.

mod embodiment;

use embodiment::InProcess;
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;

/// What comes before the barrier's reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// Nothing.
    Accepted,
    /// OFPT_ERROR of this type and code.
    Error(u16, u16),
    /// OFPT_ERROR of an experimenter.
    Experimenter(u16),
    /// Messages of this type, the first of this length.
    Reply(u8, usize),
}
use Answer::{Accepted, Error, Experimenter, Reply};

const BAD_REQUEST: u16 = 1;
const BAD_ACTION: u16 = 2;
const BAD_INSTRUCTION: u16 = 3;
const BAD_MATCH: u16 = 4;
const FLOW_MOD: u16 = 5;
const GROUP_MOD: u16 = 6;
const PORT_MOD: u16 = 7;
const TABLE_MOD: u16 = 8;
const QUEUE_OP: u16 = 9;
const SWITCH_CONFIG: u16 = 10;
const ROLE_REQUEST: u16 = 11;
const METER_MOD: u16 = 12;
const TABLE_FEATURES: u16 = 13;

type Line = (&'static str, Vec<Vec<u8>>, Answer);

fn check(lines: Vec<Line>) {
    let mut wrong = Vec::new();
    for (name, messages, expected) in lines {
        let mut device = InProcess::with_ports(3);
        let channel = connect(&mut device);
        let (last, before) = messages.split_last().expect("a message");
        for message in before {
            let answers = split(&converse(&mut device, channel, message));
            assert!(answers.iter().all(|answer| answer[1] != 1), "{name}: {answers:?}");
        }
        let [_, _, _, _, xid @ ..] = &last[..8] else { unreachable!() };
        let xid = u32::from_be_bytes(xid.try_into().unwrap());
        let stream = [last.clone(), barrier(0xbad)].concat();
        let mut answers = split(&converse(&mut device, channel, &stream));
        assert_eq!(answers.pop().map(|reply| header(&reply)), Some((21, 8, 0xbad)), "{name}");
        let answer = match answers.first() {
            None => Accepted,
            Some(error) if error[1] == 1 => {
                assert_eq!(answers.len(), 1, "{name}: one error");
                assert_eq!(header(error).2, xid, "{name}: the xid of the request");
                let at = if error[8..10] == [0xff; 2] { 16 } else { 12 };
                assert_eq!(error[at..], last[..last.len().min(64)], "{name}: the first 64 bytes");
                let word = |at: usize| u16::from_be_bytes([error[at], error[at + 1]]);
                if word(8) == 0xffff { Experimenter(word(10)) } else { Error(word(8), word(10)) }
            }
            Some(reply) => Reply(reply[1], reply.len()),
        };
        if answer != expected {
            wrong.push(format!("{name}: {answer:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn one(name: &'static str, message: Vec<u8>, answer: Answer) -> Line {
    (name, vec![message], answer)
}

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
        one("SET_CONFIG 0xfff0 *", set_config(5, 0, 0xfff0), Error(SWITCH_CONFIG, 1)),
        one("echo of version 1 *", vec![1, 2, 0, 8, 0, 0, 0, 5], Error(BAD_REQUEST, 0)),
        one("echo of version 5 *", vec![5, 2, 0, 8, 0, 0, 0, 5], Error(BAD_REQUEST, 0)),
        one("version before type", vec![3, 99, 0, 8, 0, 0, 0, 5], Error(BAD_REQUEST, 0)),
    ]);
}

fn flow(flow_mod: FlowMod) -> Vec<u8> {
    flow_mod.message(5, &matching(&[]), &[])
}

#[test]
fn flow_mods() {
    let add = FlowMod::default();
    check(vec![
        one("ADD", flow(add), Accepted),
        one("ADD table 253", flow(FlowMod { table: 253, ..add }), Accepted),
        one("ADD table 254 *", flow(FlowMod { table: 254, ..add }), Accepted),
        one("ADD table ALL", flow(FlowMod { table: 255, ..add }), Error(FLOW_MOD, 2)),
        one(
            "MODIFY table ALL",
            flow(FlowMod { table: 255, command: 1, ..add }),
            Error(FLOW_MOD, 2),
        ),
        one("DELETE table ALL", flow(FlowMod { table: 255, command: 3, ..add }), Accepted),
        one("DELETE table 200, empty", flow(FlowMod { table: 200, command: 3, ..add }), Accepted),
        one("MODIFY none", flow(FlowMod { command: 1, ..add }), Accepted),
        one("DELETE_STRICT none", flow(FlowMod { command: 4, ..add }), Accepted),
        one("command 5", flow(FlowMod { command: 5, ..add }), Error(FLOW_MOD, 6)),
        one("flags 0x20", flow(FlowMod { flags: 0x20, ..add }), Error(FLOW_MOD, 7)),
        one("flags 0x8000", flow(FlowMod { flags: 0x8000, ..add }), Error(FLOW_MOD, 7)),
        one("buffer 5", flow(FlowMod { buffer_id: 5, ..add }), Error(BAD_REQUEST, 8)),
        one("40 bytes", message(14, 5, &[0; 32]), Error(BAD_REQUEST, 6)),
        (
            "CHECK_OVERLAP, overlapping",
            vec![
                add.message(4, &matching(&[oxm(0, &[0, 0, 0, 1])]), &[]),
                FlowMod { flags: 2, ..add }.message(5, &matching(&[oxm(5, &[8, 0])]), &[]),
            ],
            Error(FLOW_MOD, 3),
        ),
        (
            "CHECK_OVERLAP, other priority",
            vec![
                add.message(4, &matching(&[oxm(0, &[0, 0, 0, 1])]), &[]),
                FlowMod { flags: 2, priority: 7, ..add }.message(5, &matching(&[]), &[]),
            ],
            Accepted,
        ),
        ("CHECK_OVERLAP, identical", vec![flow(add), flow(FlowMod { flags: 2, ..add })], Accepted),
    ]);
}

fn with_match(tlvs: &[Vec<u8>]) -> Vec<u8> {
    FlowMod::default().message(5, &matching(tlvs), &[])
}

fn with_raw_match(kind: u16, len: u16, content: &[u8]) -> Vec<u8> {
    FlowMod::default().message(5, &matching_raw(kind, len, content), &[])
}

#[test]
fn matches() {
    let ipv4 = oxm(5, &[0x08, 0x00]);
    let ipv6 = oxm(5, &[0x86, 0xdd]);
    let proto = |proto: u8| oxm(10, &[proto]);
    let bad = |code| Error(BAD_MATCH, code);
    let m = |name, tlvs: &[Vec<u8>], answer| one(name, with_match(tlvs), answer);
    let of = |eth_type: u16, field: u8, value: &[u8]| {
        vec![oxm(5, &eth_type.to_be_bytes()), oxm(field, value)]
    };
    check(vec![
        one("type 0 *", with_raw_match(0, 4, &[]), bad(0)),
        one("type 2", with_raw_match(2, 4, &[]), bad(0)),
        one("length 2", with_raw_match(1, 2, &[]), bad(1)),
        one("length 0xff", with_raw_match(1, 0xff, &[]), bad(1)),
        one("padding not zero", with_raw_match(1, 4, &[1, 2, 3, 4]), Accepted),
        m("unknown field 40", &[oxm(40, &[0])], bad(6)),
        m("class 0x8001", &[oxm_class(0x8001, 0, false, &[0; 4])], bad(6)),
        m("class 0x0002", &[oxm_class(2, 0, false, &[0; 4])], bad(6)),
        m("experimenter unknown", &[oxm_class(0xffff, 0, false, &[0, 0, 1, 2, 3])], bad(6)),
        m("in_port of 2 bytes *", &[oxm(0, &[0, 1])], bad(1)),
        m("eth_dst of 5 bytes *", &[oxm(3, &[0; 5])], bad(1)),
        one("cut TLV", with_raw_match(1, 10, &[0x80, 0, 0, 4, 0, 0]), bad(1)),
        m("twice", &[ipv4.clone(), ipv4.clone()], bad(10)),
        m("tcp without ip", &[oxm(13, &[0, 1])], bad(9)),
        m("ip_proto before eth_type", &[proto(6), ipv4.clone()], bad(9)),
        m("ipv4 without eth_type", &[oxm(11, &[0; 4])], bad(9)),
        m("tcp_dst of udp", &[ipv4.clone(), proto(17), oxm(14, &[0, 1])], bad(9)),
        m("tcp", &[ipv4.clone(), proto(6), oxm(14, &[0, 1])], Accepted),
        m(
            "value outside mask",
            &[ipv4.clone(), oxm_masked(11, &[10, 0, 0, 1], &[255, 255, 255, 0])],
            bad(5),
        ),
        m("zero mask", &[ipv4.clone(), oxm_masked(11, &[0; 4], &[0; 4])], Accepted),
        m("full mask", &[ipv4.clone(), oxm_masked(11, &[10, 0, 0, 1], &[255; 4])], Accepted),
        m(
            "mask with holes, ipv4",
            &[ipv4.clone(), oxm_masked(11, &[10, 0, 0, 1], &[255, 0, 255, 255])],
            Accepted,
        ),
        m(
            "mask with holes, eth",
            &[oxm_masked(3, &[1, 0, 0, 0, 0, 1], &[1, 0, 0xf0, 0, 0, 0xff])],
            Accepted,
        ),
        m("full mask on in_port", &[oxm_masked(0, &[0, 0, 0, 1], &[255; 4])], Accepted),
        m("full mask on eth_type", &[oxm_masked(5, &[8, 0], &[255; 2])], Accepted),
        m("full mask on ip_proto", &[ipv4.clone(), oxm_masked(10, &[6], &[255])], Accepted),
        m("masked eth_type", &[oxm_masked(5, &[8, 0], &[0xff, 0])], bad(8)),
        m(
            "masked tcp_dst",
            &[ipv4.clone(), proto(6), oxm_masked(14, &[0, 0], &[0xff, 0])],
            Accepted,
        ),
        m("in_port 77, absent", &[oxm(0, &[0, 0, 0, 77])], Accepted),
        m("in_port 0x10000 *", &[oxm(0, &[0, 1, 0, 0])], Accepted),
        m("in_port CONTROLLER", &[oxm(0, &[255, 255, 255, 0xfd])], Accepted),
        m("in_phy_port alone *", &[oxm(1, &[0, 0, 0, 1])], bad(9)),
        m("in_phy_port *", &[oxm(0, &[0, 0, 0, 1]), oxm(1, &[0, 0, 0, 1])], Accepted),
        m("vlan_vid 0x2005", &[oxm(6, &[0x20, 5])], bad(7)),
        m("vlan_vid 0", &[oxm(6, &[0, 0])], Accepted),
        m("vlan_vid 0x1005", &[oxm(6, &[0x10, 5])], Accepted),
        m("vlan_vid any", &[oxm_masked(6, &[0x10, 0], &[0x10, 0])], Accepted),
        m("vlan_vid without PRESENT", &[oxm(6, &[0, 5])], Accepted),
        m("pcp without vid", &[oxm(7, &[1])], bad(9)),
        m("pcp with vid none", &[oxm(6, &[0, 0]), oxm(7, &[1])], bad(9)),
        m("pcp 8", &[oxm(6, &[0x10, 5]), oxm(7, &[8])], bad(7)),
        m("dscp 64", &[ipv4.clone(), oxm(8, &[64])], bad(7)),
        m("ecn 4", &[ipv4.clone(), oxm(9, &[4])], bad(7)),
        m("flabel of 21 bits", &[ipv6.clone(), oxm(28, &[0, 0x10, 0, 0])], bad(7)),
        m(
            "flabel masked",
            &[ipv6.clone(), oxm_masked(28, &[0, 0, 0, 1], &[0, 0, 0, 0xff])],
            Accepted,
        ),
        m("mpls label of 21 bits", &of(0x8847, 34, &[0, 0x10, 0, 0]), bad(7)),
        m("mpls bos 2", &of(0x8847, 36, &[2]), bad(7)),
        m("pbb_isid *", &of(0x88e7, 37, &[0, 0, 1]), Accepted),
        m("ipv6_exthdr *", &of(0x86dd, 39, &[0, 1]), Accepted),
        m("arp_op 256 *", &of(0x0806, 21, &[1, 0]), Accepted),
        m(
            "arp_sha masked",
            &[oxm(5, &[8, 6]), oxm_masked(24, &[0; 6], &[255, 0, 0, 0, 0, 0])],
            Accepted,
        ),
        m(
            "nd_sll of type 136",
            &[ipv6.clone(), proto(58), oxm(29, &[136]), oxm(32, &[0; 6])],
            bad(9),
        ),
        m(
            "nd_sll of type 135",
            &[ipv6.clone(), proto(58), oxm(29, &[135]), oxm(32, &[0; 6])],
            Accepted,
        ),
        m("tunnel_id", &[oxm(38, &[0, 0, 0, 0, 0, 0, 0, 9])], Accepted),
        m(
            "metadata masked",
            &[oxm_masked(2, &[0, 0, 0, 0, 0, 0, 0, 9], &[0, 0, 0, 0, 0, 0, 0, 15])],
            Accepted,
        ),
        m("eth_type 0x8100", &[oxm(5, &[0x81, 0])], Accepted),
        m("eth_type 0x05ff", &[oxm(5, &[0x05, 0xff])], Accepted),
    ]);
}

#[test]
fn instructions() {
    let ins = |name, instructions: &[Vec<u8>], answer| {
        one(name, FlowMod::default().message(5, &matching(&[]), instructions), answer)
    };
    let bad = |code| Error(BAD_INSTRUCTION, code);
    let metadata = tlv(2, &[0; 20]);
    check(vec![
        ins("type 0", &[tlv(0, &[0; 4])], bad(0)),
        ins("type 7", &[tlv(7, &[0; 4])], bad(0)),
        ins("experimenter unknown", &[tlv(0xffff, &[0, 0, 1, 2])], bad(5)),
        ins("length 4", &[tlv_len(4, 4, &[0; 4])], bad(7)),
        ins("CLEAR of length 12", &[tlv_len(5, 12, &[0; 12])], bad(7)),
        ins("CLEAR with an action", &[tlv(5, &[vec![0; 4], output(1)].concat())], bad(7)),
        ins("beyond the end", &[tlv_len(4, 64, &[0; 4])], bad(7)),
        ins("GOTO of length 16", &[tlv(1, &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])], bad(7)),
        ins("GOTO the same table", &[goto(0)], bad(2)),
        (
            "GOTO back",
            vec![FlowMod { table: 3, ..FlowMod::default() }.message(5, &matching(&[]), &[goto(2)])],
            bad(2),
        ),
        ins("GOTO 254", &[goto(254)], Accepted),
        ins("GOTO 255 *", &[goto(255)], bad(2)),
        ins("METER missing *", &[tlv(6, &[0, 0, 0, 1])], Error(METER_MOD, 3)),
        ins("GOTO before APPLY", &[goto(1), apply(&[output(1)])], Accepted),
        ins("WRITE_METADATA", &[metadata], Accepted),
        ins("CLEAR and WRITE", &[tlv(5, &[0; 4]), write(&[output(1)])], Accepted),
    ]);
}

#[test]
fn duplicate_instructions() {
    let twice = |instruction: Vec<u8>| {
        FlowMod::default().message(5, &matching(&[]), &[instruction.clone(), instruction])
    };
    for message in [twice(apply(&[output(1)])), twice(goto(1))] {
        let mut device = InProcess::with_ports(3);
        let channel = connect(&mut device);
        let answers = split(&converse(&mut device, channel, &message));
        assert_eq!(summary(&answers), [(1, 5)], "the text names no code, but it is an error");
        assert_eq!(flow_count(&mut device, channel), 0);
    }
}

fn with_actions(tlvs: &[Vec<u8>], actions: &[Vec<u8>]) -> Vec<u8> {
    FlowMod::default().message(5, &matching(tlvs), &[apply(actions)])
}

#[test]
fn actions() {
    let act = |name, actions: &[Vec<u8>], answer| one(name, with_actions(&[], actions), answer);
    let on = |name, tlvs: &[Vec<u8>], actions: &[Vec<u8>], answer| {
        one(name, with_actions(tlvs, actions), answer)
    };
    let bad = |code| Error(BAD_ACTION, code);
    let ipv4 = [oxm(5, &[8, 0])];
    let mpls = [oxm(5, &[0x88, 0x47])];
    let vlan = [oxm(6, &[0x10, 5])];
    let push = |kind: u16, eth_type: u16| {
        let [high, low] = eth_type.to_be_bytes();
        tlv(kind, &[high, low, 0, 0])
    };
    let pop_vlan = tlv(18, &[0; 4]);
    check(vec![
        act("type 1 *", &[tlv(1, &[0; 4])], bad(0)),
        act("type 28", &[tlv(28, &[0; 4])], bad(0)),
        act("experimenter unknown", &[tlv(0xffff, &[0, 0, 1, 2])], bad(2)),
        act("length 4", &[tlv_len(0, 4, &[0; 4])], bad(1)),
        act("length 0", &[tlv_len(0, 0, &[0; 4])], bad(1)),
        act("OUTPUT of length 8", &[tlv(0, &[0; 4])], bad(1)),
        act("OUTPUT of length 24", &[tlv(0, &[0; 20])], bad(1)),
        act("OUTPUT beyond the end", &[tlv_len(0, 32, &[0; 12])], bad(1)),
        act("output ANY", &[output(0xffff_ffff)], bad(4)),
        act("output MAX + 1", &[output(0xffff_ff01)], bad(4)),
        act("output 0 *", &[output(0)], bad(4)),
        act("output 0x10000 *", &[output(0x10000)], Accepted),
        act("output MAX *", &[output(0xffff_ff00)], Accepted),
        act("output 77, absent", &[output(77)], Accepted),
        act("output IN_PORT", &[output(0xffff_fff8)], Accepted),
        act("output NORMAL", &[output(0xffff_fffa)], Accepted),
        act("output FLOOD", &[output(0xffff_fffb)], Accepted),
        act("output ALL", &[output(0xffff_fffc)], Accepted),
        act("output CONTROLLER", &[output(0xffff_fffd)], Accepted),
        act("output LOCAL", &[output(0xffff_fffe)], Accepted),
        act("group missing", &[tlv(22, &[0, 0, 0, 9])], bad(9)),
        act("group ANY", &[tlv(22, &[255; 4])], bad(9)),
        act("group ALL", &[tlv(22, &[255, 255, 255, 0xfc])], bad(9)),
        act("push_vlan 0x0800", &[push(17, 0x0800)], bad(5)),
        act("push_vlan 0x8100", &[push(17, 0x8100)], Accepted),
        act("push_vlan 0x88a8", &[push(17, 0x88a8)], Accepted),
        act("push_mpls 0x0800", &[push(19, 0x0800)], bad(5)),
        act("push_mpls 0x8847", &[push(19, 0x8847)], Accepted),
        act("push_pbb *", &[push(26, 0x88e7)], Accepted),
        on("pop_vlan", &vlan, &[pop_vlan], Accepted),
        on("pop_mpls", &mpls, &[push(20, 0x0800)], Accepted),
        on("dec_nw_ttl", &ipv4, &[tlv(24, &[0; 4])], Accepted),
        on("dec_mpls_ttl", &mpls, &[tlv(16, &[0; 4])], Accepted),
        act("set_field eth_dst", &[set_field(&oxm(3, &[1; 6]))], Accepted),
        act("set_field in_port *", &[set_field(&oxm(0, &[0, 0, 0, 1]))], bad(13)),
        act("set_field metadata *", &[set_field(&oxm(2, &[0; 8]))], bad(13)),
        act("set_field unknown field *", &[set_field(&oxm(40, &[0]))], bad(13)),
        act("set_field bad length", &[set_field(&oxm(3, &[0; 5]))], bad(14)),
        on("set_field ipv4", &ipv4, &[set_field(&oxm(11, &[0; 4]))], Accepted),
        on("set_field vlan without PRESENT", &vlan, &[set_field(&oxm(6, &[0, 5]))], bad(15)),
        on("set_field vlan 0x2005", &vlan, &[set_field(&oxm(6, &[0x20, 5]))], bad(15)),
        act(
            "set_field vlan after push",
            &[push(17, 0x8100), set_field(&oxm(6, &[0x10, 5]))],
            Accepted,
        ),
        on("set_field dscp 64", &ipv4, &[set_field(&oxm(8, &[64]))], bad(15)),
        act("set_field eth_type *", &[set_field(&oxm(5, &[8, 0]))], Accepted),
        act("set_field tunnel_id", &[set_field(&oxm(38, &[0; 8]))], Accepted),
    ]);
}

#[test]
fn groups() {
    const ANY: u32 = u32::MAX;
    let g = |name, message, answer| one(name, message, answer);
    let bad = |code| Error(GROUP_MOD, code);
    let simple = bucket(0, ANY, ANY, &[output(1)]);
    let watching = bucket(0, 1, ANY, &[output(1)]);
    let to_itself = bucket(0, ANY, ANY, &[tlv(22, &[0, 0, 0, 1])]);
    let weighted = bucket(1, ANY, ANY, &[output(1)]);
    let add = |kind, buckets: &[Vec<u8>]| group_mod(5, 0, kind, 1, buckets);
    check(vec![
        g("ADD all", add(0, &[simple.clone(), simple.clone()]), Accepted),
        (
            "ADD twice",
            vec![group_mod(4, 0, 0, 1, &[simple.clone()]), add(0, &[simple.clone()])],
            bad(0),
        ),
        g("MODIFY missing", group_mod(5, 1, 0, 1, &[simple.clone()]), bad(8)),
        g("DELETE missing", group_mod(5, 2, 0, 1, &[]), Accepted),
        g("DELETE with buckets", group_mod(5, 2, 0, 1, &[simple.clone()]), bad(1)),
        g("command 3 *", group_mod(5, 3, 0, 1, &[]), bad(11)),
        g("type 4", add(4, &[simple.clone()]), bad(10)),
        g("type 200", add(200, &[simple.clone()]), bad(10)),
        g("id MAX + 1", group_mod(5, 0, 0, 0xffff_ff01, &[simple.clone()]), bad(1)),
        g("id ALL", group_mod(5, 0, 0, 0xffff_fffc, &[simple.clone()]), bad(1)),
        g("id MAX", group_mod(5, 0, 0, 0xffff_ff00, &[simple.clone()]), Accepted),
        g("id 0", group_mod(5, 0, 0, 0, &[simple.clone()]), Accepted),
        g("indirect, no bucket", add(2, &[]), bad(1)),
        g("indirect, two buckets", add(2, &[simple.clone(), simple.clone()]), bad(1)),
        g("indirect", add(2, &[simple.clone()]), Accepted),
        g("all, no bucket", add(0, &[]), Accepted),
        g("failover that watches nothing", add(3, &[simple.clone()]), bad(1)),
        g("failover", add(3, &[watching.clone()]), Accepted),
        g("failover, absent port", add(3, &[bucket(0, 77, ANY, &[output(1)])]), Accepted),
        g("all that watches", add(0, &[watching]), bad(6)),
        g("all with a weight", add(0, &[weighted.clone()]), bad(1)),
        g("select", add(1, &[weighted]), Accepted),
        g("bucket length 8", add(0, &[bucket_len(8, 0, ANY, ANY, &[])]), bad(12)),
        g("bucket beyond the end", add(0, &[bucket_len(64, 0, ANY, ANY, &[])]), bad(12)),
        g(
            "bucket, bad action",
            add(0, &[bucket(0, ANY, ANY, &[tlv(28, &[0; 4])])]),
            Error(BAD_ACTION, 0),
        ),
        g(
            "bucket, output ANY",
            add(0, &[bucket(0, ANY, ANY, &[output(ANY)])]),
            Error(BAD_ACTION, 4),
        ),
        g("to itself *", add(0, &[to_itself.clone()]), Error(BAD_ACTION, 9)),
        (
            "loop *",
            vec![group_mod(4, 0, 0, 1, &[simple]), group_mod(5, 1, 0, 1, &[to_itself])],
            bad(7),
        ),
    ]);
}

#[test]
fn meters() {
    let drop = band(1, 1000, 100, &[0; 4]);
    let bad = |code| Error(METER_MOD, code);
    let add = |flags, id, bands: &[Vec<u8>]| meter_mod(5, 0, flags, id, bands);
    let request = |id: u32| [id.to_be_bytes(), [0; 4]].concat();
    check(vec![
        one("ADD", add(1, 1, &[drop.clone()]), Accepted),
        (
            "ADD twice",
            vec![meter_mod(4, 0, 1, 1, &[drop.clone()]), add(1, 1, &[drop.clone()])],
            bad(1),
        ),
        one("MODIFY missing", meter_mod(5, 1, 1, 1, &[drop.clone()]), bad(3)),
        one("DELETE missing", meter_mod(5, 2, 1, 1, &[]), Accepted),
        one("id 0", add(1, 0, &[drop.clone()]), bad(2)),
        one("id MAX + 1", add(1, 0xffff_0001, &[drop.clone()]), bad(2)),
        one("id ALL", add(1, 0xffff_ffff, &[drop.clone()]), bad(2)),
        one("id MAX", add(1, 0xffff_0000, &[drop.clone()]), Accepted),
        one("id SLOWPATH", add(2, 0xffff_fffd, &[drop.clone()]), Accepted),
        one("id CONTROLLER", add(2, 0xffff_fffe, &[drop.clone()]), Accepted),
        one("command 3", meter_mod(5, 3, 1, 1, &[]), bad(4)),
        one("KBPS and PKTPS", add(3, 1, &[drop.clone()]), bad(5)),
        one("flags 0x10", add(0x11, 1, &[drop.clone()]), bad(5)),
        one("band of type 9", add(1, 1, &[band(9, 1, 1, &[0; 4])]), bad(8)),
        one("band of an experimenter", add(1, 1, &[band(0xffff, 1, 1, &[0; 4])]), bad(8)),
        one("band of length 12", add(1, 1, &[band(1, 1, 1, &[])]), Error(BAD_REQUEST, 6)),
        one("band of length 24", add(1, 1, &[band(1, 1, 1, &[0; 12])]), Error(BAD_REQUEST, 6)),
        one("METER 777", multipart(5, 9, 0, &request(777)), bad(3)),
        one("METER_FEATURES", multipart(5, 11, 0, &[]), Reply(19, 32)),
        (
            "METER_CONFIG",
            vec![meter_mod(4, 0, 1, 1, &[drop.clone()]), multipart(5, 10, 0, &request(1))],
            Reply(19, 40),
        ),
        (
            "METER ALL",
            vec![meter_mod(4, 0, 1, 1, &[drop]), multipart(5, 9, 0, &request(u32::MAX))],
            Reply(19, 72),
        ),
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
            "ONF flow monitor",
            multipart(5, 0xffff, 0, &[0x4f, 0x4e, 0x46, 0, 0, 0, 7, 0x4e]),
            Error(BAD_REQUEST, 3),
        ),
        one("flags 2", multipart(5, 0, 2, &[]), Reply(19, 1072)),
        one("short", message(18, 5, &[0, 13, 0, 0]), Error(BAD_REQUEST, 6)),
        (
            "PORT_DESC in two parts",
            vec![multipart(5, 13, 1, &[]), multipart(5, 13, 0, &[])],
            Reply(19, 208),
        ),
        one("TABLE_FEATURES that sets", multipart(5, 12, 0, &sets), Error(TABLE_FEATURES, 5)),
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
fn packet_outs() {
    const NONE: u32 = u32::MAX;
    const CONTROLLER: u32 = 0xffff_fffd;
    let out = |name, in_port, actions: &[Vec<u8>], answer| {
        one(name, packet_out(5, NONE, in_port, actions, &[0x0a; 60]), answer)
    };
    let miss = FlowMod { priority: 0, ..FlowMod::default() };
    check(vec![
        out("to a port", CONTROLLER, &[output(1)], Accepted),
        out("nowhere", CONTROLLER, &[], Accepted),
        out("in_port ANY", NONE, &[output(1)], Accepted),
        out("in_port 77", 77, &[output(1)], Accepted),
        one("buffer 7", packet_out(5, 7, CONTROLLER, &[output(1)], &[]), Error(BAD_REQUEST, 8)),
        one(
            "actions beyond the end",
            packet_out_len(5, NONE, 1, 64, &output(1), &[]),
            Error(BAD_REQUEST, 6),
        ),
        one(
            "actions_len 12",
            packet_out_len(5, NONE, 1, 12, &output(1), &[0; 60]),
            Error(BAD_REQUEST, 6),
        ),
        one(
            "actions_len 20",
            packet_out_len(5, NONE, 1, 20, &output(1), &[0; 60]),
            Error(BAD_REQUEST, 6),
        ),
        out("bad action", 1, &[tlv(28, &[0; 4])], Error(BAD_ACTION, 0)),
        out("group missing", 1, &[tlv(22, &[0, 0, 0, 9])], Error(BAD_ACTION, 9)),
        out("to CONTROLLER", CONTROLLER, &[output(CONTROLLER)], Reply(10, 8 + 16 + 16 + 2 + 60)),
        out("to TABLE, no entry", 1, &[output(0xffff_fff9)], Accepted),
        (
            "to TABLE, table-miss entry",
            vec![
                miss.message(4, &matching(&[]), &[apply(&[output(CONTROLLER)])]),
                packet_out(5, NONE, 1, &[output(0xffff_fff9)], &[0x0a; 60]),
            ],
            Reply(10, 102),
        ),
        one(
            "3 bytes *",
            packet_out(5, NONE, CONTROLLER, &[output(1)], &[1, 2, 3]),
            Error(BAD_REQUEST, 12),
        ),
        one(
            "no bytes *",
            packet_out(5, NONE, CONTROLLER, &[output(1)], &[]),
            Error(BAD_REQUEST, 12),
        ),
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
