//! What the device answers to hand-made messages that change entries, groups and meters, and to
//! packet-outs: see `device_answers.rs`.

#![allow(clippy::cloned_ref_to_slice_refs, reason = "each line says what it sends")]

mod answers;
mod embodiment;

use answers::*;
use embodiment::InProcess;
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;

#[test]
fn flow_mods() {
    let add = FlowMod::default();
    let (mut cookie_mask, mut padding) = (flow(add), flow(add));
    cookie_mask[16..24].fill(0xff);
    padding[46..48].fill(0xff);
    check(vec![
        one("ADD", flow(add), Accepted),
        one("ADD with a cookie mask", cookie_mask, Accepted),
        one("ADD, padding not zero", padding, Accepted),
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
        m("in_port 0", &[oxm(0, &[0; 4])], Accepted),
        m("in_port ANY", &[oxm(0, &[255; 4])], Accepted),
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
        act("pop_vlan without a tag", &[pop_vlan.clone()], bad(10)),
        on("pop_vlan", &vlan, &[pop_vlan], Accepted),
        act("pop_mpls without a label", &[push(20, 0x0800)], bad(10)),
        on("pop_mpls", &mpls, &[push(20, 0x0800)], Accepted),
        act("dec_nw_ttl without ip", &[tlv(24, &[0; 4])], bad(10)),
        on("dec_nw_ttl", &ipv4, &[tlv(24, &[0; 4])], Accepted),
        act("set_mpls_ttl without mpls", &[tlv(15, &[1, 0, 0, 0])], bad(10)),
        on("dec_mpls_ttl", &mpls, &[tlv(16, &[0; 4])], Accepted),
        act("set_field eth_dst", &[set_field(&oxm(3, &[1; 6]))], Accepted),
        act("set_field in_port *", &[set_field(&oxm(0, &[0, 0, 0, 1]))], bad(13)),
        act("set_field metadata *", &[set_field(&oxm(2, &[0; 8]))], bad(13)),
        act("set_field unknown field *", &[set_field(&oxm(40, &[0]))], bad(13)),
        act("set_field bad length", &[set_field(&oxm(3, &[0; 5]))], bad(14)),
        act("set_field ipv4 without ip", &[set_field(&oxm(11, &[0; 4]))], bad(10)),
        on("set_field ipv4", &ipv4, &[set_field(&oxm(11, &[0; 4]))], Accepted),
        act("set_field vlan without a tag", &[set_field(&oxm(6, &[0x10, 5]))], bad(10)),
        on("set_field vlan without PRESENT", &vlan, &[set_field(&oxm(6, &[0, 5]))], bad(15)),
        on("set_field vlan 0x2005", &vlan, &[set_field(&oxm(6, &[0x20, 5]))], bad(15)),
        act(
            "set_field vlan after push",
            &[push(17, 0x8100), set_field(&oxm(6, &[0x10, 5]))],
            Accepted,
        ),
        on("set_field dscp 64", &ipv4, &[set_field(&oxm(8, &[64]))], bad(15)),
        act("set_field eth_type *", &[set_field(&oxm(5, &[8, 0]))], Accepted),
        act("output TABLE *", &[output(0xffff_fff9)], bad(4)),
        act(
            "output MAX_LEN 0xfff0",
            &[tlv(0, &[255, 255, 255, 0xfd, 255, 0xf0, 0, 0, 0, 0, 0, 0])],
            Accepted,
        ),
        act("set_queue 5, which no port has *", &[tlv(21, &[0, 0, 0, 5])], bad(8)),
        act("copy_ttl_out *", &[tlv(11, &[0; 4])], bad(10)),
        act(
            "push_vlan three times *",
            &[push(17, 0x8100), push(17, 0x8100), push(17, 0x8100)],
            Accepted,
        ),
        act("push_mpls four times", &vec![push(19, 0x8847); 4], Accepted),
        act("push_pbb 0x8100", &[push(26, 0x8100)], bad(5)),
        act("pop_pbb without a tag *", &[tlv(27, &[0; 4])], bad(10)),
        on("pop_pbb *", &[oxm(5, &[0x88, 0xe7])], &[tlv(27, &[0; 4])], Accepted),
        on("set_nw_ttl 0", &ipv4, &[tlv(23, &[0; 4])], Accepted),
        act("set_field with a mask *", &[set_field(&oxm_masked(3, &[0; 6], &[255; 6]))], bad(13)),
        act("set_field in_phy_port *", &[set_field(&oxm(1, &[0, 0, 0, 1]))], bad(13)),
        on("set_field ip_proto *", &ipv4, &[set_field(&oxm(10, &[6]))], Accepted),
        on("set_field mpls_bos *", &mpls, &[set_field(&oxm(36, &[1]))], Accepted),
        on(
            "set_field pbb_isid *",
            &[oxm(5, &[0x88, 0xe7])],
            &[set_field(&oxm(37, &[0, 0, 1]))],
            Accepted,
        ),
        on(
            "set_field ipv6_exthdr *",
            &[oxm(5, &[0x86, 0xdd])],
            &[set_field(&oxm(39, &[0, 1]))],
            bad(13),
        ),
        on("set_field arp_op", &[oxm(5, &[8, 6])], &[set_field(&oxm(21, &[0, 2]))], Accepted),
        act(
            "set_field, padding not zero",
            &[tlv(25, &[&oxm(3, &[1; 6])[..], &[0, 7]].concat())],
            bad(15),
        ),
        act("set_field of two", &[tlv(25, &[oxm(3, &[1; 6]), oxm(4, &[1; 6])].concat())], bad(15)),
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
        g(
            "all, to a group that is missing *",
            add(0, &[bucket(0, ANY, ANY, &[tlv(22, &[0, 0, 0, 9])])]),
            Error(BAD_ACTION, 9),
        ),
        g("select, weights 0 *", add(1, &[simple.clone()]), bad(1)),
        (
            "MODIFY to another type",
            vec![
                group_mod(4, 0, 0, 1, &[simple.clone()]),
                group_mod(5, 1, 2, 1, &[simple.clone()]),
            ],
            Accepted,
        ),
        (
            "DELETE one that another uses *",
            vec![
                group_mod(3, 0, 0, 1, &[simple.clone()]),
                group_mod(4, 0, 0, 2, &[bucket(0, ANY, ANY, &[tlv(22, &[0, 0, 0, 1])])]),
                group_mod(5, 2, 0, 1, &[]),
            ],
            bad(9),
        ),
        (
            "DELETE one that a flow entry uses",
            vec![
                group_mod(3, 0, 0, 1, &[simple.clone()]),
                FlowMod { flags: 1, ..FlowMod::default() }.message(
                    4,
                    &matching(&[]),
                    &[apply(&[tlv(22, &[0, 0, 0, 1])])],
                ),
                group_mod(5, 2, 0, 1, &[]),
            ],
            Reply(11, 56),
        ),
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
        g("select, no bucket", add(1, &[]), Accepted),
        g(
            "select, weights 1 and 65535",
            add(1, &[bucket(1, ANY, ANY, &[]), bucket(0xffff, ANY, ANY, &[])]),
            Accepted,
        ),
        g("failover that watches port 0 *", add(3, &[bucket(0, 0, ANY, &[])]), bad(13)),
        g(
            "failover that watches CONTROLLER *",
            add(3, &[bucket(0, 0xffff_fffd, ANY, &[])]),
            bad(13),
        ),
        g(
            "failover that watches group ALL *",
            add(3, &[bucket(0, ANY, 0xffff_fffc, &[])]),
            bad(13),
        ),
        g("failover that watches itself *", add(3, &[bucket(0, ANY, 1, &[])]), bad(7)),
        g("failover, absent group", add(3, &[bucket(0, ANY, 77, &[])]), Accepted),
        g("bucket length 20 *", add(0, &[bucket_len(20, 0, ANY, ANY, &[0; 4])]), bad(12)),
        g("DELETE of ALL", group_mod(5, 2, 0, 0xffff_fffc, &[]), Accepted),
        g("DELETE of ANY", group_mod(5, 2, 0, ANY, &[]), Accepted),
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
        g("to itself *", add(0, &[to_itself.clone()]), bad(7)),
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
        one("two bands", add(1, 1, &[drop.clone(), band(1, 9, 0, &[0; 4])]), Accepted),
        one("dscp_remark *", add(1, 1, &[band(2, 1000, 0, &[1, 0, 0, 0])]), Accepted),
        one("dscp_remark by 0 *", add(1, 1, &[band(2, 1000, 0, &[0; 4])]), Accepted),
        one("dscp_remark by 255 *", add(1, 1, &[band(2, 1000, 0, &[255, 0, 0, 0])]), Accepted),
        one("nine bands", add(1, 1, &vec![drop.clone(); 9]), bad(11)),
        one("DELETE of id 0", meter_mod(5, 2, 1, 0, &[]), Accepted),
        one("DELETE of ALL, flags 0", meter_mod(5, 2, 0, u32::MAX, &[]), Accepted),
        (
            "an entry through CONTROLLER *",
            vec![
                meter_mod(4, 0, 1, 0xffff_fffe, &[drop.clone()]),
                FlowMod::default().message(
                    5,
                    &matching(&[]),
                    &[tlv(6, &0xffff_fffe_u32.to_be_bytes())],
                ),
            ],
            bad(3),
        ),
        one("burst without the flag", add(1, 1, &[band(1, 1000, 7, &[0; 4])]), Accepted),
        one("burst 0 with the flag", add(5, 1, &[band(1, 1000, 0, &[0; 4])]), Accepted),
        one("rate 0", add(1, 1, &[band(1, 0, 0, &[0; 4])]), bad(6)),
        one("flags 0", add(0, 1, &[drop.clone()]), bad(5)),
        one("no bands", add(1, 1, &[]), bad(11)),
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
        out("in_port 0 *", 0, &[output(1)], Error(BAD_REQUEST, 11)),
        out("in_port 0xff00 *", 0xff00, &[output(1)], Accepted),
        out("in_port MAX + 1 *", 0xffff_ff01, &[output(1)], Error(BAD_REQUEST, 11)),
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
