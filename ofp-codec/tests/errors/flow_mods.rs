//! Flow-mods: their own fields, instructions, actions.

use rumpswitch_ofp_codec::{
    BadActionCode, BadInstructionCode, BadMatchCode, BadRequestCode, FlowModFailedCode,
    MeterModFailedCode,
};

use crate::bytes::*;
use crate::{Accepted, expect};

#[test]
fn fields() {
    use FlowModFailedCode::*;
    let any = matching(&[]);
    let of = |table, command, flags| flow_mod_of(table, command, flags, &any, &[]);
    expect("ADD ok", &of(0, 0, 0), Accepted);
    expect("ADD table 254", &of(254, 0, 0), Accepted);
    expect("ADD table ALL", &of(255, 0, 0), BadTableId);
    expect("MODIFY table ALL", &of(255, 1, 0), BadTableId);
    expect("MODIFY_STRICT table ALL", &of(255, 2, 0), BadTableId);
    expect("DELETE table ALL", &of(255, 3, 0), Accepted);
    expect("DELETE_STRICT table ALL", &of(255, 4, 0), Accepted);
    expect("cmd 5", &of(0, 5, 0), BadCommand);
    expect("flags 0x1f", &of(0, 0, 0x1f), Accepted);
    expect("flags 0x20", &of(0, 0, 0x20), BadFlags);
    expect("flags 0x8000", &of(0, 0, 0x8000), BadFlags);
    let short = message(14, &[0; 32]);
    expect("short flow mod (40)", &short, BadRequestCode::BadLen);
    let shorter_than_match = message(14, &of(0, 0, 0)[8..52]);
    expect("short flow mod (52)", &shorter_than_match, BadRequestCode::BadLen);
    let bad_match = flow_mod_of(0, 5, 0, &hex("0002 0004 00000000"), &[]);
    expect("the message's fields before the match", &bad_match, BadCommand);
    let both = flow_mod_of(0, 0, 0, &hex("0002 0004 00000000"), &hex("0000 0008 00000000"));
    expect("the match before the instructions", &both, BadMatchCode::BadType);
}

#[test]
fn instructions() {
    use BadInstructionCode::*;
    let raw = |text: &str| flow_mod(&hex(text));
    expect("type 0", &raw("0000 0008 00000000"), UnknownInst);
    expect("type 7", &raw("0007 0008 00000000"), UnknownInst);
    expect("experimenter", &raw("ffff 0008 00002320"), BadExperimenter);
    expect("len 4", &raw("0005 0004"), BadLen);
    expect("len 0", &raw("0005 0000 00000000"), BadLen);
    expect("two bytes", &raw("0005"), BadLen);
    expect("len 12 clear", &raw("0005 000c 00000000 00000000"), BadLen);
    expect("clear with actions", &flow_mod(&with_actions(5, &output(1))), BadLen);
    expect("len overrun", &raw("0004 0018 00000000"), BadLen);
    expect("goto len 16", &raw("0001 0010 01000000 0000000000000000"), BadLen);
    expect("metadata len 16", &raw("0002 0010 00000000 0000000000000000"), BadLen);
    let apply = with_actions(4, &[]);
    expect("dup apply", &flow_mod(&[&apply[..], &apply].concat()), UnsupInst);
    expect("dup goto", &raw("0001 0008 01000000 0001 0008 02000000"), UnsupInst);
    let unknown_last = [&apply[..], &apply, &hex("0007 0008 00000000")].concat();
    expect("types before duplicates", &flow_mod(&unknown_last), UnknownInst);
    expect("goto same 0", &raw("0001 0008 00000000"), BadTableId);
    let back = flow_mod_of(3, 0, 0, &matching(&[]), &hex("0001 0008 02000000"));
    expect("goto back", &back, BadTableId);
    expect("goto 254", &raw("0001 0008 fe000000"), Accepted);
    expect("goto 255", &raw("0001 0008 ff000000"), BadTableId);
    let deletion = flow_mod_of(255, 3, 0, &matching(&[]), &hex("0001 0008 01000000"));
    expect("goto of a deletion", &deletion, Accepted);
    expect("meter 0", &raw("0006 0008 00000000"), MeterModFailedCode::UnknownMeter);
    expect("meter ALL", &raw("0006 0008 ffffffff"), MeterModFailedCode::UnknownMeter);
    expect("meter CONTROLLER", &raw("0006 0008 fffffffe"), MeterModFailedCode::UnknownMeter);
    let backwards = "0001 0008 01000000 0004 0008 00000000 0006 0008 00000001";
    expect("goto first then apply", &raw(backwards), Accepted);
    let clear_and_write = [hex("0005 0008 00000000"), with_actions(3, &output(1))].concat();
    expect("clear+write", &flow_mod(&clear_and_write), Accepted);
    let metadata = "0002 0018 00000000 ffffffffffffffff ffffffffffffffff";
    expect("write metadata full", &raw(metadata), Accepted);
}

#[test]
fn action_lengths_and_types() {
    use BadActionCode::*;
    let raw = |text: &str| applying(&hex(text));
    expect("type 1", &raw("0001 0008 00000000"), BadType);
    expect("type 28", &raw("001c 0008 00000000"), BadType);
    expect("experimenter", &raw("ffff 0008 00002320"), BadExperimenter);
    expect("len 4", &raw("0012 0004 00000000"), BadLen);
    expect("len 0", &raw("0012 0000 00000000"), BadLen);
    expect("len 12", &raw("0012 000c 00000000 00000000 00000000"), BadLen);
    expect("output len 8", &raw("0000 0008 00000001"), BadLen);
    expect("output len 24", &raw("0000 0018 00000001 00000000 00000000 00000000 00000000"), BadLen);
    expect("output overrun", &raw("0000 0010 00000001"), BadLen);
    expect("pop_vlan len 16", &raw("0012 0010 00000000 0000000000000000"), BadLen);
    expect("length before type", &raw("001c 0004 00000000"), BadLen);
    let second = [output(1), hex("0012 0000 00000000")].concat();
    expect("in the second", &applying(&second), BadLen);
    let in_write = flow_mod(&with_actions(3, &hex("001c 0008 00000000")));
    expect("in write-actions", &in_write, BadType);
    let nonzero_padding = raw("0000 0010 00000001 0000 010203040506");
    expect("output nonzero pad", &nonzero_padding, Accepted);
    for kind in [11, 12, 16, 18, 24, 27] {
        expect("actions without argument", &applying(&[0, kind, 0, 8, 0, 0, 0, 0]), Accepted);
    }
}

#[test]
fn output_ports_and_groups() {
    use BadActionCode::*;
    for port in [0, 0xffff_ffff, 0xffff_ff01, 0xffff_fff7, 0xffff_fff9] {
        expect(&format!("output {port:#x}"), &applying(&output(port)), BadOutPort);
        let written = flow_mod(&with_actions(3, &output(port)));
        expect(&format!("write output {port:#x}"), &written, BadOutPort);
    }
    let reserved = [0xffff_fff8, 0xffff_fffa, 0xffff_fffb, 0xffff_fffc, 0xffff_fffd, 0xffff_fffe];
    for port in reserved.into_iter().chain([1, 77, 0xfeff, 0x10000, 0xffff_ff00]) {
        expect(&format!("output {port:#x}"), &applying(&output(port)), Accepted);
    }
    expect("group ANY", &applying(&hex("0016 0008 ffffffff")), BadOutGroup);
    expect("group ALL", &applying(&hex("0016 0008 fffffffc")), BadOutGroup);
    expect("group MAX", &applying(&hex("0016 0008 ffffff00")), Accepted);
    let max_len = hex("0000 0010 fffffffd fff0 000000000000");
    expect("controller max_len 0xfff0", &applying(&max_len), Accepted);
    expect("set_queue 5", &applying(&hex("0015 0008 00000005")), Accepted);
}

#[test]
fn ethertypes() {
    use BadActionCode::*;
    let of = |text: &str| applying(&hex(text));
    expect("push_vlan 0x0800", &of("0011 0008 0800 0000"), BadArgument);
    expect("push_mpls 0x0800", &of("0013 0008 0800 0000"), BadArgument);
    expect("push_pbb 0x0800", &of("001a 0008 0800 0000"), BadArgument);
    for text in [
        "0011 0008 8100 0000",
        "0011 0008 88a8 0000",
        "0013 0008 8847 0000",
        "0013 0008 8848 0000",
        "001a 0008 88e7 0000",
        "0014 0008 0800 0000",
    ] {
        expect(text, &of(text), Accepted);
    }
    expect("push_vlan x3", &of(&"0011 0008 8100 0000".repeat(3)), Accepted);
}

#[test]
fn set_fields() {
    use BadActionCode::*;
    let set = |field: &[u8]| applying(&set_field(field));
    expect("in_port", &set(&oxm(0, "00000001")), BadSetType);
    expect("in_phy_port", &set(&oxm(1, "00000001")), BadSetType);
    expect("metadata", &set(&oxm(2, "0000000000000001")), BadSetType);
    expect("ipv6_exthdr", &set(&oxm(39, "0001")), BadSetType);
    expect("unknown field", &set(&oxm(40, "00000001")), BadSetType);
    expect("unknown class", &set(&hex("80010004 00000001")), BadSetType);
    expect("experimenter", &set(&hex("ffff0008 00002320 00000001")), BadSetType);
    expect("masked eth_dst", &set(&masked(3, "010203040506", "ffffffffffff")), BadSetType);
    expect("bad len", &set(&oxm(3, "01020304")), BadSetLen);
    let overrun = hex("0019 0010 80000606 010203040506 0000");
    expect("fits", &applying(&overrun), Accepted);
    let too_long = hex("0019 0010 80003410 0102030405060708");
    expect("ipv6 in 16 bytes", &applying(&too_long), BadSetLen);
    expect("len 8", &applying(&hex("0019 0008 80000600")), BadLen);
    expect("vlan without PRESENT", &set(&oxm(6, "0005")), BadSetArgument);
    expect("vlan 0x2005", &set(&oxm(6, "2005")), BadSetArgument);
    expect("vlan 0x3005", &set(&oxm(6, "3005")), BadSetArgument);
    expect("vlan 0x1005", &set(&oxm(6, "1005")), Accepted);
    expect("dscp 64", &set(&oxm(8, "40")), BadSetArgument);
    expect("mpls label 21 bits", &set(&oxm(34, "00100000")), BadSetArgument);
    let padding = hex("0019 0010 80000a02 0800 000000000001");
    expect("nonzero padding", &applying(&padding), BadSetArgument);
    let two = [&[0, 25, 0, 24][..], &oxm(5, "0800"), &oxm(3, "010203040506"), &[0; 4]].concat();
    expect("two oxm", &applying(&two), BadSetArgument);
    let long = [&[0, 25, 0, 24][..], &oxm(5, "0800"), &[0; 14]].concat();
    expect("eight bytes of padding too many", &applying(&long), BadLen);
    expect("eth_type", &set(&oxm(5, "0800")), Accepted);
    expect("ip_proto", &set(&oxm(10, "06")), Accepted);
    expect("mpls_bos", &set(&oxm(36, "01")), Accepted);
    expect("pbb_isid", &set(&oxm(37, "000001")), Accepted);
    expect("tunnel_id", &set(&oxm(38, "0000000000000001")), Accepted);
    expect("ipv6_src", &set(&oxm(26, &"01".repeat(16))), Accepted);
}
