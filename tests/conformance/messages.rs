//! Single messages: features, configuration, packet-ins and packet-outs, experimenters.

use datapath::SwitchConfig;
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;
use switch_dev::DeviceConfig;

use crate::bed::Bed;
use crate::bytes::*;

const FRAME: [u8; 60] = [0x0a; 60];
const TABLE: u32 = 0xffff_fff9;

#[test]
fn the_features_reply_tells_what_the_switch_is() {
    let switch = SwitchConfig { n_tables: 9, ..SwitchConfig::default() };
    let mut bed = Bed::with(switch, DeviceConfig::default());
    let told = only(bed.say(&features(5)));
    assert_eq!(header(&told), (6, 32, 5));
    assert_eq!(u64_at(&told, 8), 0x0000_00ab_cdef_0123, "datapath id");
    assert_eq!(u32_at(&told, 16), 0, "nothing is buffered");
    assert_eq!((told[20], told[21]), (9, 0), "tables; the main connection");
    let capabilities = u32_at(&told, 24);
    assert_eq!(capabilities & 0xf, 0xf, "flow, table, port and group statistics");
    assert_eq!(capabilities & 0x20, 0, "IP_REASM is not announced");
    assert_eq!(capabilities & !0x16f, 0, "only bits of 1.3");
    assert_eq!(u32_at(&told, 28), 0);
}

#[test]
fn the_configuration_is_kept_and_told() {
    let mut bed = Bed::new();
    assert_eq!(only(bed.say(&message(7, 5, &[])))[8..], [0, 0, 0, 128], "NORMAL, 128 bytes");
    for (flags, miss_send_len) in [(1, 0), (0, 0xffe5), (1, 0xffff), (0, 128)] {
        bed.accept(&set_config(5, flags, miss_send_len));
        let told = only(bed.say(&message(7, 5, &[])));
        assert_eq!((u16_at(&told, 8), u16_at(&told, 10)), (flags, miss_send_len));
    }
    for flags in [2, 3, 4, 0x10, 0x8000] {
        assert_eq!(bed.refused(&set_config(5, flags, 128)), (10, 0), "flags {flags:#x}");
    }
    for miss_send_len in [0xffe6, 0xfff0] {
        assert_eq!(bed.refused(&set_config(5, 0, miss_send_len)), (10, 1));
    }
}

/// A whole UDP datagram's later fragment.
fn fragment() -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend([8, 0, 0x45, 0, 0, 46, 0, 0, 0, 9, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    let sum = rumpswitch_tests::plain::checksum(&frame[14..34]);
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    frame.resize(60, 0);
    frame
}

#[test]
fn fragments_pass_or_are_dropped_as_configured() {
    let mut bed = Bed::new();
    bed.add("actions=output:2");
    assert_eq!(bed.frame(1, &fragment()).len(), 1);
    bed.accept(&set_config(5, 1, 128));
    assert_eq!(bed.frame(1, &fragment()), []);
    assert_eq!(bed.frame(1, &FRAME).len(), 1);
    bed.accept(&set_config(5, 0, 128));
    assert_eq!(bed.frame(1, &fragment()).len(), 1);
}

#[test]
fn table_mods_take_no_bit_but_the_relics() {
    let mut bed = Bed::new();
    for config in 0..4 {
        bed.accept(&table_mod(5, 0, config));
        bed.accept(&table_mod(5, 255, config));
    }
    for bit in 2..32 {
        assert_eq!(bed.refused(&table_mod(5, 0, 1 << bit)), (8, 1), "bit {bit}");
    }
    let switch = SwitchConfig { n_tables: 4, ..SwitchConfig::default() };
    let mut bed = Bed::with(switch, DeviceConfig::default());
    assert_eq!(bed.refused(&table_mod(5, 4, 0)), (8, 0));
}

/// What a packet-in says.
fn packet_in(bed: &mut Bed) -> Vec<u8> {
    let told = only(bed.heard());
    assert_eq!(told[1], 10);
    told
}

#[test]
fn a_packet_in_says_why_where_and_what() {
    let mut bed = Bed::new();
    bed.add("priority=1,cookie=0x77,actions=write_metadata:0x9,goto_table:5");
    bed.add("table=5,priority=1,cookie=0x78,actions=set_field:02:00:00:00:00:07->eth_dst,controller,write_actions(output:2)");
    bed.frame(3, &FRAME);
    let told = packet_in(&mut bed);
    assert_eq!((u32_at(&told, 8), u16_at(&told, 12)), (ANY, 60), "buffer, total_len");
    assert_eq!((told[14], told[15], u64_at(&told, 16)), (1, 5, 0x78), "ACTION, table, cookie");
    let context = matching(&[oxm(0, &[0, 0, 0, 3]), oxm(2, &[0, 0, 0, 0, 0, 0, 0, 9])]);
    assert_eq!(told[24..24 + context.len()], context);
    let rest = &told[24 + context.len()..];
    assert_eq!((&rest[..2], rest.len()), (&[0, 0][..], 62), "two bytes of padding");
    assert_eq!(rest[2..8], [2, 0, 0, 0, 0, 7], "the packet as it was changed");
}

#[test]
fn reasons_and_cookies_of_packet_ins() {
    for (what, flow, reason, cookie) in [
        ("table-miss", "priority=0,cookie=7,actions=controller", 0, 7),
        ("priority 0 with fields", "priority=0,cookie=7,in_port=1,actions=controller", 1, 7),
        ("no fields, priority 1", "priority=1,cookie=7,actions=controller", 1, 7),
        ("action set", "priority=1,cookie=7,actions=write_actions(controller)", 1, u64::MAX),
        ("group", "priority=1,cookie=7,actions=group:1", 1, u64::MAX),
    ] {
        let mut bed = Bed::new();
        bed.add_group("group_id=1,type=all,bucket=actions=controller");
        bed.add(flow);
        bed.frame(1, &FRAME);
        let told = packet_in(&mut bed);
        assert_eq!((told[14], u64_at(&told, 16)), (reason, cookie), "{what}");
    }
}

#[test]
fn a_packet_out_runs_its_list_on_its_frame() {
    let mut bed = Bed::new();
    let mut out = |in_port: u32, actions: &[Vec<u8>]| {
        bed.accept(&packet_out(5, ANY, in_port, actions, &FRAME));
        bed.sent().iter().map(|(port, frame)| (*port, frame[5])).collect::<Vec<_>>()
    };
    assert_eq!(
        out(CONTROLLER, &[output(2), set_field(&oxm(3, &[7; 6])), output(3)]),
        [(2, 10), (3, 7)]
    );
    assert_eq!(out(CONTROLLER, &[]), [], "an empty list drops");
    assert_eq!(out(1, &[output(0xffff_fff8)]), [(1, 10)], "IN_PORT is its in_port");
    assert_eq!(out(1, &[output(0xffff_fffc)]), [(2, 10), (3, 10), (4, 10)], "ALL leaves it out");
    assert_eq!(out(1, &[output(1)]), [], "nor by its number");
    assert_eq!(out(CONTROLLER, &[output(0xffff_fffc)]).len(), 4);
}

#[test]
fn a_packet_out_to_table_takes_the_way_of_a_packet_from_its_in_port() {
    let mut bed = Bed::new();
    bed.add("in_port=3,actions=output:2");
    bed.add("priority=1,actions=output:4");
    for (in_port, expected) in [(3, 2), (1, 4), (CONTROLLER, 4)] {
        bed.accept(&packet_out(5, ANY, in_port, &[output(TABLE)], &FRAME));
        assert_eq!(bed.sent()[0].0, expected, "in_port {in_port:#x}");
    }
    let told = statistics(&mut bed, 3, &[]);
    assert_eq!(u64_at(&told, 8), 3, "lookups of table 0");
}

#[test]
fn packet_outs_that_cannot_be_are_refused() {
    let mut bed = Bed::new();
    let out = |in_port: u32, actions: &[Vec<u8>]| packet_out(5, ANY, in_port, actions, &FRAME);
    for in_port in [0, 0xffff_ff01, 0xffff_fff7, 0xffff_fff9, 0xffff_fffa, 0xffff_fffb, 0xffff_fffc]
    {
        assert_eq!(bed.refused(&out(in_port, &[output(1)])), (1, 11), "in_port {in_port:#x}");
    }
    for in_port in [1, 77, CONTROLLER, 0xffff_fffe] {
        bed.accept(&out(in_port, &[output(2)]));
    }
    bed.sent();
    for buffer in [0, 7, 0xffff_fffe] {
        assert_eq!(bed.refused(&packet_out(5, buffer, 1, &[output(2)], &[])), (1, 8));
    }
    for len in 0..14 {
        let message = packet_out(5, ANY, 1, &[output(2)], &FRAME[..len]);
        assert_eq!(bed.refused(&message), (1, 12), "{len} bytes");
    }
    for len in [80, 0xffff, 1, 12, 20] {
        let message = packet_out_len(5, ANY, 1, len, &output(2), &FRAME);
        assert_eq!(bed.refused(&message), (1, 6), "actions_len {len}");
    }
    assert_eq!(bed.refused(&out(1, &[tlv(28, &[0; 4])])), (2, 0));
    assert_eq!(bed.refused(&out(1, &[tlv(22, &[0, 0, 0, 9])])), (2, 9));
    assert_eq!(bed.refused(&out(1, &[output(ANY)])), (2, 4));
    assert_eq!(bed.sent(), [], "nothing of it was sent");
}

#[test]
fn experimenters_that_are_not_known_are_refused_by_number() {
    let mut bed = Bed::new();
    for number in [0, 1, 0x2320, 0x00ff_ffff, 0xffff_ffff] {
        assert_eq!(bed.refused(&experimenter(5, number, 1, &[])), (1, 3), "{number:#x}");
        let body = [&number.to_be_bytes()[..], &[0; 4]].concat();
        assert_eq!(bed.refused(&multipart(5, 0xffff, 0, &body)), (1, 3), "multipart {number:#x}");
    }
    for kind in [0, 1, 0xffff_ffff] {
        assert_eq!(bed.refused(&experimenter(5, 0x4f4e_4600, kind, &[])), (1, 4), "type {kind}");
    }
    assert_eq!(bed.refused(&multipart(5, 0xffff, 0, &[0; 4])), (1, 6));
}

#[test]
fn a_refused_message_is_quoted_from_its_first_byte() {
    let mut bed = Bed::new();
    for len in [8, 60, 64, 65, 200, 1000, 65_535] {
        let mut request = message(200, 7, &vec![0x5a; len - 8]);
        request[8.min(len - 1)] = 0x5a;
        let error = only(bed.say(&request));
        let data = &error[12..];
        assert!(data.len() >= len.min(64), "{} of {len}", data.len());
        assert_eq!(data[..], request[..data.len()]);
    }
}
