//! Headers, and all messages other than flow-mods.

use rumpswitch_ofp_codec::*;

use crate::bytes::*;
use crate::{Accepted, expect};

#[test]
fn headers() {
    use BadRequestCode::*;
    expect("nothing", &[], BadLen);
    expect("seven bytes", &[4, 20, 0, 7, 0, 0, 0], BadLen);
    expect("length 7", &[4, 20, 0, 7, 0, 0, 0, 1], BadLen);
    expect("length beyond the bytes", &[4, 20, 0, 9, 0, 0, 0, 1], BadLen);
    expect("version 1", &[1, 2, 0, 8, 0, 0, 0, 1], BadVersion);
    expect("version 5", &[5, 2, 0, 8, 0, 0, 0, 1], BadVersion);
    expect("version before type", &[5, 30, 0, 8, 0, 0, 0, 1], BadVersion);
    expect("type 30", &message(30, &[]), BadType);
    expect("type 200", &message(200, &[]), BadType);
    expect("echo", &message(2, b"hello"), Accepted);
    for kind in [5, 7, 20, 21, 26] {
        expect("no body", &message(kind, &[]), Accepted);
        expect("a body", &message(kind, &[0; 4]), BadLen);
    }
}

#[test]
fn hellos_are_read_whatever_they_are() {
    expect("version 1", &[1, 0, 0, 8, 0, 0, 0, 1], Accepted);
    let later = [&[6, 0, 0, 16, 0, 0, 0, 1][..], &hex("0001 0008 00000010")].concat();
    expect("version 6 with a bitmap", &later, Accepted);
    let Message::Hello(hello) = Message::decode(&later).unwrap().1 else { panic!() };
    assert_eq!((hello.speaks(4), hello.speaks(6)), (Some(true), Some(false)));
    expect("element length 0", &message(0, &hex("0001 0000 00000010")), Accepted);
    expect("element overrun", &message(0, &hex("0001 0100 00000010")), Accepted);
    expect("unknown element", &message(0, &hex("0009 0005 01 000000")), Accepted);
    expect("three bytes", &message(0, &hex("000900")), Accepted);
}

#[test]
fn experimenters() {
    use BadRequestCode::*;
    expect("short", &message(4, &[0; 4]), BadLen);
    expect("unknown is the device's matter", &message(4, &hex("00002320 00000001")), Accepted);
    let of = |text: &str| message(4, &[&hex("4f4e4600")[..], &hex(text)].concat());
    let bundle = |exp_type| OfpError::Experimenter { experimenter: ONF_EXPERIMENTER, exp_type };
    expect("bundle open", &of("000008fc 00000001 0000 0003"), Accepted);
    expect("bundle type 8", &of("000008fc 00000001 0008 0003"), bundle(2306));
    expect("bundle flags 4", &of("000008fc 00000001 0000 0004"), bundle(2307));
    expect("bundle control short", &of("000008fc 00000001"), BadLen);
    expect("bundle add", &of("000008fd 00000001 0000 0003 0414000800000001"), Accepted);
    expect("message too long", &of("000008fd 00000001 0000 0003 0414000900000001"), bundle(2308));
    expect("message too short", &of("000008fd 00000001 0000 0003 0414000700000001"), bundle(2308));
    expect("no message", &of("000008fd 00000001 0000 0003 04140008"), bundle(2308));
}

#[test]
fn configuration() {
    let set = |text: &str| message(9, &hex(text));
    expect("SET_CONFIG", &set("0000 0080"), Accepted);
    expect("SET_CONFIG short", &set("0000"), BadRequestCode::BadLen);
    expect("SET_CONFIG long", &set("0000 0080 00000000"), BadRequestCode::BadLen);
    expect("flags 0x10", &set("0010 0080"), SwitchConfigFailedCode::BadFlags);
    expect("flags 3", &set("0003 0080"), SwitchConfigFailedCode::BadFlags);
    expect("flags 2", &set("0002 0080"), Accepted);
    expect("miss_send_len 0xfff0", &set("0000 fff0"), SwitchConfigFailedCode::BadLen);
    expect("miss_send_len 0xffff", &set("0000 ffff"), Accepted);
    let role = |text: &str| message(24, &hex(text));
    expect("role 3", &role("00000003 00000000 0000000000000005"), Accepted);
    let bad_role = RoleRequestFailedCode::BadRole;
    expect("role 4", &role("00000004 00000000 0000000000000005"), bad_role);
    expect("role 99", &role("00000063 00000000 0000000000000005"), bad_role);
    expect("role short", &role("00000003"), BadRequestCode::BadLen);
    expect("SET_ASYNC unknown bits", &message(28, &[0xff; 24]), Accepted);
    expect("SET_ASYNC short", &message(28, &[0xff; 20]), BadRequestCode::BadLen);
}

#[test]
fn ports_and_tables() {
    let of = |port: &str, config: &str, mask: &str, advertise: &str| {
        let address = "00000000 020000000001 0000";
        message(16, &hex(&[port, address, config, mask, advertise, "00000000"].concat()))
    };
    use PortModFailedCode::*;
    expect("NO_FWD", &of("00000001", "00000020", "00000020", "00000000"), Accepted);
    expect("port 0", &of("00000000", "00000020", "00000020", "00000000"), BadPort);
    expect("port ANY", &of("ffffffff", "00000020", "00000020", "00000000"), BadPort);
    expect("LOCAL", &of("fffffffe", "00000020", "00000020", "00000000"), Accepted);
    expect("config", &of("00000001", "80000000", "00000020", "00000000"), BadConfig);
    expect("mask", &of("00000001", "00000000", "00000002", "00000000"), BadConfig);
    expect("advertise", &of("00000001", "00000000", "00000000", "00010000"), BadAdvertise);
    expect("short", &message(16, &[0; 28]), BadRequestCode::BadLen);
    let table = |text: &str| message(17, &hex(text));
    expect("cfg 3", &table("00000000 00000003"), Accepted);
    expect("cfg 4", &table("00000000 00000004"), TableModFailedCode::BadConfig);
    expect("ALL", &table("ff000000 00000000"), Accepted);
}

#[test]
fn groups() {
    use GroupModFailedCode::*;
    const ANY: u32 = 0xffff_ffff;
    let plain = bucket(0, ANY, ANY, &output(1));
    let weighted = |weight| bucket(weight, ANY, ANY, &output(1));
    let watching = bucket(0, 1, ANY, &output(1));
    expect("all", &group_mod(0, 0, 1, &plain), Accepted);
    expect("cmd 3", &group_mod(3, 0, 1, &plain), BadCommand);
    expect("cmd 0x8000", &group_mod(0x8000, 0, 1, &plain), BadCommand);
    expect("type 4", &group_mod(0, 4, 1, &plain), BadType);
    expect("type 200", &group_mod(0, 200, 1, &plain), BadType);
    expect("command before type", &group_mod(3, 4, 1, &plain), BadCommand);
    expect("id 0", &group_mod(0, 0, 0, &plain), Accepted);
    expect("id MAX", &group_mod(0, 0, 0xffff_ff00, &plain), Accepted);
    expect("id MAX+1", &group_mod(0, 0, 0xffff_ff01, &plain), InvalidGroup);
    expect("id ALL add", &group_mod(0, 0, 0xffff_fffc, &plain), InvalidGroup);
    expect("id ALL modify", &group_mod(1, 0, 0xffff_fffc, &plain), InvalidGroup);
    expect("id ALL delete", &group_mod(2, 0, 0xffff_fffc, &[]), Accepted);
    expect("id ANY delete", &group_mod(2, 0, ANY, &[]), Accepted);
    expect("DELETE with buckets", &group_mod(2, 0, 1, &plain), InvalidGroup);
    expect("indirect 0 buckets", &group_mod(0, 2, 1, &[]), InvalidGroup);
    expect("indirect 1 bucket", &group_mod(0, 2, 1, &plain), Accepted);
    let two = [&plain[..], &plain].concat();
    expect("indirect 2 buckets", &group_mod(0, 2, 1, &two), InvalidGroup);
    expect("all 0 buckets", &group_mod(0, 0, 1, &[]), Accepted);
    expect("ff without watch", &group_mod(0, 3, 1, &plain), InvalidGroup);
    expect("ff with watch port", &group_mod(0, 3, 1, &watching), Accepted);
    expect("ff with watch group", &group_mod(0, 3, 1, &bucket(0, ANY, 5, &[])), Accepted);
    expect("all with watch", &group_mod(0, 0, 1, &watching), WatchUnsupported);
    expect("indirect with watch", &group_mod(0, 2, 1, &watching), WatchUnsupported);
    expect("select with watch", &group_mod(0, 1, 1, &bucket(1, 1, ANY, &[])), Accepted);
    let impossible = bucket(0, 0xffff_fffa, ANY, &[]);
    expect("watch port impossible", &group_mod(0, 3, 1, &impossible), BadWatch);
    let impossible = bucket(0, ANY, 0xffff_fffc, &[]);
    expect("watch group impossible", &group_mod(0, 3, 1, &impossible), BadWatch);
    expect("all with weight", &group_mod(0, 0, 1, &weighted(1)), InvalidGroup);
    expect("select without weight", &group_mod(0, 1, 1, &weighted(0)), InvalidGroup);
    let unequal = [weighted(1), weighted(0xffff), weighted(0)].concat();
    expect("select w1 w65535 w0", &group_mod(0, 1, 1, &unequal), Accepted);
    expect("select 0 buckets", &group_mod(0, 1, 1, &[]), Accepted);
    expect("short", &message(15, &[0; 4]), BadRequestCode::BadLen);
}

#[test]
fn buckets() {
    use GroupModFailedCode::*;
    const ANY: u32 = 0xffff_ffff;
    let of = |buckets: &[u8]| group_mod(0, 0, 1, buckets);
    let resized = |len: u16, bytes: usize| {
        let mut bucket = bucket(0, ANY, ANY, &[0; 16]);
        bucket[..2].copy_from_slice(&len.to_be_bytes());
        bucket.resize(bytes, 0);
        of(&bucket)
    };
    expect("len 0", &resized(0, 16), BadBucket);
    expect("len 8", &resized(8, 8), BadBucket);
    expect("len 20", &resized(20, 20), BadBucket);
    expect("overrun", &resized(64, 32), BadBucket);
    expect("three bytes", &of(&[0, 16, 0]), BadBucket);
    let action = bucket(0, ANY, ANY, &hex("001c 0008 00000000"));
    expect("bad action", &of(&action), BadActionCode::BadType);
    expect("action len 0", &of(&bucket(0, ANY, ANY, &[0; 8])), BadActionCode::BadLen);
    expect("out ANY", &of(&bucket(0, ANY, ANY, &output(ANY))), BadActionCode::BadOutPort);
    let table = bucket(0, ANY, ANY, &output(0xffff_fff9));
    expect("out TABLE", &of(&table), BadActionCode::BadOutPort);
}

#[test]
fn meters() {
    use MeterModFailedCode::*;
    let drop = "0001 0010 00000001 00000000 00000000";
    expect("kbps", &meter_mod(0, 1, 1, drop), Accepted);
    expect("pktps burst stats", &meter_mod(0, 14, 1, drop), Accepted);
    expect("id 0", &meter_mod(0, 1, 0, drop), InvalidMeter);
    expect("id MAX", &meter_mod(0, 1, 0xffff_0000, drop), Accepted);
    expect("id MAX+1", &meter_mod(0, 1, 0xffff_0001, drop), InvalidMeter);
    expect("id ALL add", &meter_mod(0, 1, 0xffff_ffff, drop), InvalidMeter);
    expect("id SLOWPATH", &meter_mod(0, 1, 0xffff_fffd, drop), Accepted);
    expect("id CONTROLLER", &meter_mod(0, 1, 0xffff_fffe, drop), Accepted);
    expect("cmd 3", &meter_mod(3, 1, 1, drop), BadCommand);
    expect("kbps and pktps", &meter_mod(0, 3, 1, drop), BadFlags);
    expect("flags 0", &meter_mod(0, 0, 1, drop), BadFlags);
    expect("flags 0x10", &meter_mod(0, 0x11, 1, drop), BadFlags);
    expect("no bands is the switch's matter", &meter_mod(0, 1, 1, ""), Accepted);
    expect("rate 0", &meter_mod(0, 1, 1, "0001 0010 00000000 00000000 00000000"), BadRate);
    let remark = "0002 0010 00000001 00000000 01000000";
    expect("dscp remark", &meter_mod(0, 1, 1, remark), Accepted);
    expect("band type 9", &meter_mod(0, 1, 1, "0009 0010 00000001 00000000 00000000"), BadBand);
    expect("band exp", &meter_mod(0, 1, 1, "ffff 0010 00000001 00000000 00000000"), BadBand);
    let bad_len = BadRequestCode::BadLen;
    expect("band len 12", &meter_mod(0, 1, 1, "0001 000c 00000001 00000000"), bad_len);
    let long = "0001 0018 00000001 00000000 00000000 0000000000000000";
    expect("band len 24", &meter_mod(0, 1, 1, long), bad_len);
    expect("band overrun", &meter_mod(0, 1, 1, "0001 0020 00000001 00000000 00000000"), bad_len);
    expect("band len 0", &meter_mod(0, 1, 1, "0001 0000 00000001 00000000 00000000"), bad_len);
    expect("DELETE ALL", &meter_mod(2, 0, 0xffff_ffff, ""), Accepted);
    expect("DELETE looks at the id only", &meter_mod(2, 0xff, 0, "0009"), Accepted);
    expect("short", &message(29, &[0; 4]), bad_len);
}

#[test]
fn packet_outs() {
    let of = |port: u32, actions_len: u16, rest: &[u8]| {
        let len = actions_len.to_be_bytes();
        message(13, &[&[0xff; 4][..], &port.to_be_bytes(), &len, &[0; 6], rest].concat())
    };
    let frame = [0; 60];
    let with_output = |port| [&output(port)[..], &frame].concat();
    let controller = 0xffff_fffd;
    expect("ok", &of(1, 16, &with_output(1)), Accepted);
    expect("in_port CONTROLLER", &of(controller, 16, &with_output(1)), Accepted);
    expect("in_port LOCAL", &of(0xffff_fffe, 16, &with_output(1)), Accepted);
    expect("in_port ANY", &of(0xffff_ffff, 16, &with_output(1)), Accepted);
    expect("in_port 77", &of(77, 16, &with_output(1)), Accepted);
    expect("no actions", &of(1, 0, &frame), Accepted);
    expect("output TABLE", &of(1, 16, &with_output(0xffff_fff9)), Accepted);
    expect("output IN_PORT", &of(1, 16, &with_output(0xffff_fff8)), Accepted);
    let bad_port = BadRequestCode::BadPort;
    for port in [0, 0xffff_ff01, 0xffff_fff8, 0xffff_fff9, 0xffff_fffc] {
        expect(&format!("in_port {port:#x}"), &of(port, 16, &with_output(1)), bad_port);
    }
    let bad_len = BadRequestCode::BadLen;
    expect("actions_len overrun", &of(1, 80, &with_output(1)), bad_len);
    expect("actions_len 12", &of(1, 12, &with_output(1)), bad_len);
    expect("actions_len 20", &of(1, 20, &with_output(1)), bad_len);
    expect("actions_len 8", &of(1, 8, &with_output(1)), BadActionCode::BadLen);
    let unknown = [&hex("001c 0008 00000000")[..], &frame].concat();
    expect("bad action", &of(1, 8, &unknown), BadActionCode::BadType);
    expect("output 0", &of(1, 16, &with_output(0)), BadActionCode::BadOutPort);
    expect("3-byte frame", &of(1, 16, &with_output(1)[..19]), BadRequestCode::BadPacket);
    expect("no frame", &of(1, 16, &output(1)), BadRequestCode::BadPacket);
    let buffered = [&[0, 0, 0, 7, 0, 0, 0, 1, 0, 16][..], &[0; 6], &output(1)].concat();
    expect("a buffer is the switch's matter", &message(13, &buffered), Accepted);
    expect("short", &message(13, &[0; 12]), bad_len);
}

#[test]
fn multiparts() {
    use BadRequestCode::*;
    for kind in [0, 3, 7, 8, 11, 13] {
        expect("no body", &multipart(kind, 0, &[]), Accepted);
        expect("a body", &multipart(kind, 0, &[0; 8]), BadLen);
        expect("flags 2", &multipart(kind, 2, &[]), Accepted);
    }
    for kind in [4, 5, 6, 9, 10] {
        expect("eight bytes", &multipart(kind, 0, &[0; 8]), Accepted);
        expect("four bytes", &multipart(kind, 0, &[0; 4]), BadLen);
        expect("sixteen bytes", &multipart(kind, 0, &[0; 16]), BadLen);
    }
    expect("FLOW empty body", &multipart(1, 0, &[]), BadLen);
    expect("FLOW without a match", &multipart(1, 0, &[0; 32]), BadLen);
    expect("type 14", &multipart(14, 0, &[]), BadMultipart);
    expect("type 99", &multipart(99, 0, &[]), BadMultipart);
    expect("unknown type before its body", &multipart(99, 0, &[0; 3]), BadMultipart);
    expect("experimenter", &multipart(0xffff, 0, &[0; 8]), Accepted);
    expect("experimenter short", &multipart(0xffff, 0, &[0; 4]), BadLen);
    expect("short", &message(18, &[0, 13, 0, 0]), BadLen);
    expect("PORT_DESC flags MORE", &multipart(13, 1, &[]), Accepted);
}

#[test]
fn table_features() {
    use TableFeaturesFailedCode::*;
    let of = |properties: &str| {
        let properties = hex(properties);
        let len = u16::try_from(64 + properties.len()).unwrap();
        let fixed = [&len.to_be_bytes()[..], &[0; 62]].concat();
        multipart(12, 0, &[fixed, properties].concat())
    };
    expect("question", &multipart(12, 0, &[]), Accepted);
    expect("without properties", &of(""), Accepted);
    expect("instructions", &of("0000 000c 0001 0004 0004 0004 00000000"), Accepted);
    expect("instruction id len 8", &of("0000 000c 0001 0008 00000000 00000000"), BadLen);
    expect("experimenter id len 4", &of("0000 0008 ffff 0004"), BadLen);
    expect("property type 9", &of("0009 0004 00000000"), BadType);
    expect("property len 0", &of("0000 0000 00000000"), BadLen);
    expect("property overrun", &of("0000 0010 00000000"), BadLen);
    expect("half an oxm", &of("0008 0006 8000 0000"), BadLen);
    expect("unknown oxm", &of("0008 0008 80015004"), Accepted);
    expect("entry len 56", &multipart(12, 0, &[&[0, 56][..], &[0; 62]].concat()), BadLen);
    expect("entry len 0", &multipart(12, 0, &[0; 64]), BadLen);
    expect("entry overrun", &multipart(12, 0, &[&[0, 72][..], &[0; 62]].concat()), BadLen);
    expect("one byte", &multipart(12, 0, &[0]), BadLen);
}
