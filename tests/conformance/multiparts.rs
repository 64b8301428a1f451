//! Multipart requests and replies: selection, sums, layouts, parts.

use datapath::SwitchConfig;
use ofp_codec::FlowModCommand as Command;
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;
use switch_dev::DeviceConfig;

use crate::bed::Bed;
use crate::bytes::*;

const FRAME: [u8; 60] = [0x0a; 60];

#[test]
fn a_description_is_five_texts_that_end_with_nul() {
    let mut bed = Bed::new();
    let told = statistics(&mut bed, 0, &[]);
    assert_eq!(told.len(), 1056);
    for (from, len) in [(0, 256), (256, 256), (512, 256), (768, 32), (800, 256)] {
        let text = &told[from..from + len];
        assert!(text.is_ascii());
        let end = text.iter().position(|byte| *byte == 0).expect("NUL");
        assert!(text[end..].iter().all(|byte| *byte == 0), "padded with NUL");
    }
    assert!(told.starts_with(b"rumpswitch\0"));
}

/// The body of FLOW and AGGREGATE with all its filters.
fn selecting(table: u8, out: (u32, u32), cookie: (u64, u64), tlvs: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![table, 0, 0, 0];
    body.extend(out.0.to_be_bytes());
    body.extend(out.1.to_be_bytes());
    body.extend([0; 4]);
    body.extend(cookie.0.to_be_bytes());
    body.extend(cookie.1.to_be_bytes());
    body.extend(matching(tlvs));
    body
}

/// Cookies of the entries of a FLOW reply, sorted.
fn selected(bed: &mut Bed, body: &[u8]) -> Vec<u64> {
    let told = statistics(bed, 1, body);
    let mut cookies: Vec<u64> = entries(&told).iter().map(|entry| u64_at(entry, 24)).collect();
    cookies.sort_unstable();
    let sum = statistics(bed, 2, body);
    assert_eq!(u32_at(&sum, 16) as usize, cookies.len(), "AGGREGATE selects alike");
    cookies
}

#[test]
fn requests_for_entries_select_by_table_match_cookie_port_and_group() {
    let mut bed = Bed::new();
    bed.add_group("group_id=7,type=all,bucket=actions=output:4");
    bed.add("table=0,cookie=0x11,priority=1,in_port=1,actions=output:2");
    bed.add("table=0,cookie=0x12,priority=2,in_port=1,dl_type=0x800,actions=group:7");
    bed.add("table=3,cookie=0x21,priority=3,in_port=2,actions=write_actions(output:2)");
    bed.add("table=3,cookie=0x22,priority=4,actions=output:2,group:7");
    let (any, none) = ((ANY, ANY), (0, 0));
    let port_1 = [oxm(0, &[0, 0, 0, 1])];
    for (what, body, expected) in [
        ("all", selecting(255, any, none, &[]), vec![0x11, 0x12, 0x21, 0x22]),
        ("table 3", selecting(3, any, none, &[]), vec![0x21, 0x22]),
        ("an empty table", selecting(9, any, none, &[]), vec![]),
        ("equal or more specific", selecting(255, any, none, &port_1), vec![0x11, 0x12]),
        ("cookie", selecting(255, any, (0x10, 0xf0), &[]), vec![0x11, 0x12]),
        ("no cookie mask", selecting(255, any, (0x10, 0), &[]), vec![0x11, 0x12, 0x21, 0x22]),
        ("out_port", selecting(255, (2, ANY), none, &[]), vec![0x11, 0x21, 0x22]),
        ("out_group", selecting(255, (ANY, 7), none, &[]), vec![0x12, 0x22]),
        ("both", selecting(255, (2, 7), none, &[]), vec![0x22]),
        ("all at once", selecting(3, (2, ANY), (0x20, 0xf1), &[]), vec![0x22]),
    ] {
        assert_eq!(selected(&mut bed, &body), expected, "{what}");
    }
}

#[test]
fn an_aggregate_sums_packets_bytes_and_entries() {
    let mut bed = Bed::new();
    bed.add("in_port=1,actions=output:2");
    bed.add("in_port=2,actions=output:3");
    for port in [1, 1, 2] {
        bed.frame(port, &FRAME);
    }
    let told = statistics(&mut bed, 2, &flow_request(255, &matching(&[])));
    assert_eq!(
        (told.len(), u64_at(&told, 0), u64_at(&told, 8), u32_at(&told, 16)),
        (24, 3, 180, 2)
    );
}

#[test]
fn table_statistics_are_one_entry_for_each_table_in_order() {
    let mut bed = Bed::new();
    bed.add("table=0,actions=goto_table:200");
    bed.add("table=200,priority=7,actions=drop");
    bed.add("table=200,priority=8,in_port=9,actions=drop");
    bed.frame(1, &FRAME);
    let told = statistics(&mut bed, 3, &[]);
    let tables: Vec<&[u8]> = told.chunks(24).collect();
    assert_eq!(
        tables.iter().map(|table| table[0]).collect::<Vec<_>>(),
        (0..255).collect::<Vec<u8>>()
    );
    for (number, table) in tables.iter().enumerate() {
        let active = match number {
            0 => 1,
            200 => 2,
            _ => 0,
        };
        let counted = u64::from(active > 0);
        assert_eq!(
            (u32_at(table, 4), u64_at(table, 8), u64_at(table, 16)),
            (active, counted, counted),
            "table {number}"
        );
    }
}

#[test]
fn an_answer_without_entries_is_one_empty_part() {
    let mut bed = Bed::new();
    for (kind, body) in [
        (1, flow_request(255, &matching(&[]))),
        (6, word(0xffff_fffc)),
        (7, vec![]),
        (9, word(ANY)),
        (10, word(ANY)),
    ] {
        let answer = only(bed.say(&multipart(7, kind, 0, &body)));
        assert_eq!((header(&answer), u16_at(&answer, 10)), ((19, 16, 7), 0), "type {kind}");
    }
}

#[test]
fn types_that_are_not_defined_are_bad_multipart() {
    let mut bed = Bed::new();
    for kind in (14..64).chain([99, 0x7fff, 0xfffe]) {
        assert_eq!(bed.refused(&multipart(5, kind, 0, &[])), (1, 2), "type {kind}");
    }
}

#[test]
fn bodies_of_the_wrong_length_are_bad_len() {
    let mut bed = Bed::new();
    for kind in [0, 3, 7, 8, 11, 13] {
        for len in [1, 4, 8] {
            assert_eq!(bed.refused(&multipart(5, kind, 0, &vec![0; len])), (1, 6), "type {kind}");
        }
    }
    for kind in [4, 5, 6, 9, 10] {
        for len in [0, 1, 4, 7, 9, 16] {
            assert_eq!(
                bed.refused(&multipart(5, kind, 0, &vec![0; len])),
                (1, 6),
                "type {kind}, {len}"
            );
        }
    }
    for kind in [1, 2] {
        for len in 0..36 {
            let body = &flow_request(255, &matching(&[]))[..len];
            let error = bed.refused(&multipart(5, kind, 0, body));
            assert!(
                error == (1, 6) || (len >= 32 && error == (4, 1)),
                "type {kind}, {len}: {error:?}"
            );
        }
    }
}

#[test]
fn flags_that_are_not_defined_are_ignored() {
    let mut bed = Bed::new();
    for flags in [2, 0x8000, 0xfffe] {
        assert_eq!(only(bed.say(&multipart(5, 0, flags, &[]))).len(), 1072);
    }
}

#[test]
fn parts_of_two_requests_may_be_mixed_with_other_messages() {
    let mut bed = Bed::new();
    bed.add("actions=drop");
    let body = flow_request(255, &matching(&[]));
    bed.accept(&multipart(7, 1, 1, &body[..8]));
    bed.accept(&multipart(8, 2, 1, &body[..30]));
    assert_eq!(only(bed.say(&echo(9, b"between")))[1], 3);
    bed.add("priority=7,actions=drop");
    bed.accept(&multipart(7, 1, 1, &[]));
    let first = only(bed.say(&multipart(8, 2, 0, &body[30..])));
    assert_eq!((header(&first).2, u32_at(&first, 32)), (8, 2));
    let second = only(bed.say(&multipart(7, 1, 0, &body[8..])));
    assert_eq!((header(&second).2, entries(&second[16..]).len()), (7, 2));
}

#[test]
fn a_part_of_another_type_is_bad_multipart_and_ends_the_request() {
    let mut bed = Bed::new();
    bed.accept(&multipart(7, 13, 1, &[]));
    let error = only(bed.say(&multipart(7, 0, 0, &[])));
    assert_eq!(error[8..12], [0, 1, 0, 2]);
    assert_eq!(only(bed.say(&multipart(7, 0, 0, &[]))).len(), 1072, "the xid is free again");
}

#[test]
fn statistics_of_ports_that_are_not_there_are_bad_port() {
    let mut bed = Bed::new();
    for port in [0, 77, CONTROLLER, 0xffff_fffc] {
        assert_eq!(bed.refused(&multipart(5, 4, 0, &word(port))), (1, 11), "port {port:#x}");
    }
}

#[test]
fn counters_of_entries_are_told_and_start_at_zero() {
    let mut bed = Bed::new();
    bed.add("no_packet_counts,no_byte_counts,actions=output:2");
    let told = statistics(&mut bed, 1, &flow_request(255, &matching(&[])));
    assert_eq!((u64_at(&told, 32), u64_at(&told, 40), u32_at(&told, 4)), (0, 0, 0));
    bed.frame(1, &FRAME);
    let told = statistics(&mut bed, 1, &flow_request(255, &matching(&[])));
    let (packets, bytes) = (u64_at(&told, 32), u64_at(&told, 40));
    assert!(packets == 1 || packets == u64::MAX, "kept, or said not to be");
    assert!(bytes == 60 || bytes == u64::MAX);
    bed.flow_mod("table=0", Command::Delete);
}

#[test]
fn requests_about_a_table_that_is_not_there_are_bad_table_id() {
    let switch = SwitchConfig { n_tables: 4, ..SwitchConfig::default() };
    let mut bed = Bed::with(switch, DeviceConfig::default());
    for kind in [1, 2] {
        for table in [4, 100, 254] {
            let body = flow_request(table, &matching(&[]));
            assert_eq!(bed.refused(&multipart(5, kind, 0, &body)), (1, 9), "table {table}");
        }
        statistics(&mut bed, kind, &flow_request(3, &matching(&[])));
        statistics(&mut bed, kind, &flow_request(255, &matching(&[])));
    }
}
