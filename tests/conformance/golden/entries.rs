//! The golden list: instructions and actions of a flow-mod.

use rumpswitch_tests::contract::multipart;
use rumpswitch_tests::wire::*;

use super::cases::Section;

const ANY: u32 = u32::MAX;

/// A flow-mod with these instructions, in table 0.
fn flow(instructions: &[Vec<u8>]) -> Vec<u8> {
    FlowMod::default().message(5, &matching(&[]), instructions)
}

pub(super) fn instructions() -> Section {
    let meter = |id: u32| tlv(6, &id.to_be_bytes());
    let mut s = Section::new("instructions");
    s.one("type 0", flow(&[tlv(0, &[0; 4])]));
    s.one("type 7", flow(&[tlv(7, &[0; 4])]));
    s.one("experimenter unknown", flow(&[tlv(0xffff, &[0, 0, 1, 2])]));
    s.one("length 4", flow(&[tlv_len(4, 4, &[0; 4])]));
    s.one("length 12, CLEAR", flow(&[tlv_len(5, 12, &[0; 12])]));
    s.one("CLEAR with actions", flow(&[tlv(5, &[vec![0; 4], output(1)].concat())]));
    s.one("length beyond the end", flow(&[tlv_len(4, 64, &[0; 4])]));
    s.one("GOTO of length 16", flow(&[tlv(1, &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])]));
    s.one("APPLY twice", flow(&[apply(&[output(1)]), apply(&[output(1)])]));
    s.one("GOTO twice", flow(&[goto(1), goto(2)]));
    s.one("GOTO same table 0", flow(&[goto(0)]));
    let back = FlowMod { table: 3, ..FlowMod::default() };
    s.one("GOTO back", back.message(5, &matching(&[]), &[goto(2)]));
    s.one("GOTO 253", flow(&[goto(253)]));
    s.one("GOTO 254", flow(&[goto(254)]));
    s.one("GOTO 255", flow(&[goto(255)]));
    s.one("METER missing 1", flow(&[meter(1)]));
    s.one("METER 0", flow(&[meter(0)]));
    s.one("METER ALL", flow(&[meter(ANY)]));
    s.one("GOTO first, then APPLY", flow(&[goto(1), apply(&[output(1)])]));
    s.one("WRITE_METADATA full", flow(&[tlv(2, &[&[0; 4][..], &[0xff; 16]].concat())]));
    s.one("CLEAR and WRITE", flow(&[tlv(5, &[0; 4]), write(&[output(1)])]));
    s.one("WRITE output twice", flow(&[write(&[output(1), output(2)])]));
    s.one("WRITE output TABLE", flow(&[write(&[output(0xffff_fff9)])]));
    let mac = set_field(&oxm(3, &[1; 6]));
    s.one("WRITE set_field twice the same", flow(&[write(&[mac.clone(), mac])]));
    let all = multipart(5, 1, 0, &flow_request(255, &matching(&[])));
    let entry = flow(&[goto(1), apply(&[output(1)])]);
    s.after("FLOW of GOTO first, then APPLY", &[&entry], all);
    s
}

pub(super) fn actions() -> Section {
    let mut s = Section::new("actions");
    outputs(&mut s);
    tags_and_ttls(&mut s);
    set_fields(&mut s);
    s
}

fn with(tlvs: &[Vec<u8>], actions: &[Vec<u8>]) -> Vec<u8> {
    FlowMod::default().message(5, &matching(tlvs), &[apply(actions)])
}

fn outputs(s: &mut Section) {
    let mut act = |name: &str, action: Vec<u8>| s.one(name, with(&[], &[action]));
    act("type 1", tlv(1, &[0; 4]));
    act("type 28", tlv(28, &[0; 4]));
    act("experimenter unknown", tlv(0xffff, &[0, 0, 1, 2]));
    act("length 4", tlv_len(0, 4, &[0; 4]));
    act("length 0", tlv_len(0, 0, &[0; 4]));
    act("output of length 8", tlv(0, &[0; 4]));
    act("output of length 24", tlv(0, &[0; 20]));
    act("output beyond the end", tlv_len(0, 32, &[0; 12]));
    act("output, non-zero pad", tlv(0, &[0, 0, 0, 1, 0, 0, 1, 2, 3, 4, 5, 6]));
    act("output ANY", output(ANY));
    act("output 0", output(0));
    act("output 0x10000", output(0x1_0000));
    act("output MAX", output(0xffff_ff00));
    act("output MAX + 1", output(0xffff_ff01));
    act("output IN_PORT", output(0xffff_fff8));
    act("output TABLE", output(0xffff_fff9));
    act("output NORMAL", output(0xffff_fffa));
    act("output FLOOD", output(0xffff_fffb));
    act("output ALL", output(0xffff_fffc));
    act("output CONTROLLER", output(0xffff_fffd));
    act("output LOCAL", output(0xffff_fffe));
    act("output 77, absent", output(77));
    act("output 0xfeff", output(0xfeff));
    let max_len = [255, 255, 255, 0xfd, 0xff, 0xf0, 0, 0, 0, 0, 0, 0];
    act("output CONTROLLER, max_len 0xfff0", tlv(0, &max_len));
    act("set_queue 5", tlv(21, &[0, 0, 0, 5]));
    act("group missing", tlv(22, &[0, 0, 0, 9]));
    act("group ANY", tlv(22, &[255; 4]));
    act("group ALL", tlv(22, &[255, 255, 255, 0xfc]));
}

fn tags_and_ttls(s: &mut Section) {
    let push = |kind: u16, eth_type: u16| {
        let [high, low] = eth_type.to_be_bytes();
        tlv(kind, &[high, low, 0, 0])
    };
    let bare = |kind: u16| tlv(kind, &[0; 4]);
    let vlan = oxm(6, &[0x10, 5]);
    let of = |eth_type: u16| [oxm(5, &eth_type.to_be_bytes())];
    let mut on =
        |name: &str, tlvs: &[Vec<u8>], actions: &[Vec<u8>]| s.one(name, with(tlvs, actions));
    on("copy_ttl_out", &of(0x8847), &[bare(11)]);
    on("copy_ttl_in", &of(0x8847), &[bare(12)]);
    on("push_vlan 0x0800", &[], &[push(17, 0x0800)]);
    on("push_vlan 0x8100", &[], &[push(17, 0x8100)]);
    on("push_vlan 0x88a8", &[], &[push(17, 0x88a8)]);
    on("push_vlan three times", &[], &vec![push(17, 0x8100); 3]);
    on("pop_vlan without a tag", &[], &[bare(18)]);
    on("pop_vlan", &[vlan], &[bare(18)]);
    on("push_mpls 0x0800", &[], &[push(19, 0x0800)]);
    on("push_mpls 0x8847", &[], &[push(19, 0x8847)]);
    on("push_mpls four times", &[], &vec![push(19, 0x8847); 4]);
    on("pop_mpls without a label", &[], &[push(20, 0x0800)]);
    on("pop_mpls", &of(0x8847), &[push(20, 0x0800)]);
    on("push_pbb", &[], &[push(26, 0x88e7)]);
    on("pop_pbb", &of(0x88e7), &[bare(27)]);
    on("dec_nw_ttl without ip", &[], &[bare(24)]);
    on("dec_nw_ttl", &of(0x0800), &[bare(24)]);
    on("set_nw_ttl 0", &of(0x0800), &[bare(23)]);
    on("set_mpls_ttl without mpls", &[], &[tlv(15, &[1, 0, 0, 0])]);
    on("dec_mpls_ttl", &of(0x8847), &[bare(16)]);
    on("set_field vlan_vid after push", &[], &[push(17, 0x8100), set_field(&oxm(6, &[0x10, 5]))]);
}

fn set_fields(s: &mut Section) {
    let vlan = [oxm(6, &[0x10, 5])];
    let of = |eth_type: u16| [oxm(5, &eth_type.to_be_bytes())];
    let mut set = |name: &str, tlvs: &[Vec<u8>], field: Vec<u8>| {
        s.one(&format!("set_field {name}"), with(tlvs, &[set_field(&field)]));
    };
    set("eth_dst", &[], oxm(3, &[1; 6]));
    set("in_port", &[], oxm(0, &[0, 0, 0, 1]));
    set("in_phy_port", &[], oxm(1, &[0, 0, 0, 1]));
    set("metadata", &[], oxm(2, &[0; 8]));
    set("eth_dst, masked", &[], oxm_masked(3, &[0; 6], &[255, 0, 0, 0, 0, 0]));
    set("ipv4 without its prerequisite", &[], oxm(11, &[0; 4]));
    set("ipv4", &of(0x0800), oxm(11, &[0; 4]));
    set("vlan_vid without a tag", &[], oxm(6, &[0x10, 5]));
    set("vlan_vid without PRESENT", &vlan, oxm(6, &[0, 5]));
    set("vlan_vid 0x2005", &vlan, oxm(6, &[0x20, 5]));
    set("dscp 64", &of(0x0800), oxm(8, &[64]));
    set("unknown field", &[], oxm(40, &[0]));
    set("eth_dst of 5 bytes", &[], oxm(3, &[0; 5]));
    set("eth_type", &[], oxm(5, &[8, 0]));
    set("ip_proto", &of(0x0800), oxm(10, &[6]));
    set("mpls_bos", &of(0x8847), oxm(36, &[1]));
    set("ipv6_exthdr", &of(0x86dd), oxm(39, &[0, 1]));
    set("pbb_isid", &of(0x88e7), oxm(37, &[0, 0, 1]));
    set("tunnel_id", &[], oxm(38, &[0; 8]));
    set("arp_op", &of(0x0806), oxm(21, &[0, 2]));
    let solicitation = [of(0x86dd)[0].clone(), oxm(10, &[58]), oxm(29, &[135])];
    set("nd_target", &solicitation, oxm(31, &[0; 16]));
    let padded = tlv(25, &[&oxm(3, &[1; 6])[..], &[0, 7]].concat());
    s.one("set_field, non-zero padding", with(&[], &[padded]));
    let two = tlv(25, &[oxm(3, &[1; 6]), oxm(4, &[1; 6])].concat());
    s.one("set_field of two TLVs", with(&[], &[two]));
}
