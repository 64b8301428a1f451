//! Header, lengths, versions and types: what comes before any content.

#![allow(clippy::single_range_in_vec_init, reason = "places of padding, of which there may be one")]

use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;

use crate::bed::Bed;
use crate::bytes::*;

/// A good request of each type that a controller sends, and whether more bytes may follow its fixed
/// part.
fn requests() -> Vec<(Vec<u8>, bool)> {
    vec![
        (echo(5, b"data"), true),
        (experimenter(5, 0x4f4e_4600, 2300, &[0, 0, 0, 1, 0, 0, 0, 3]), true),
        (features(5), false),
        (message(7, 5, &[]), false),
        (set_config(5, 0, 128), false),
        (packet_out(5, ANY, 1, &[output(2)], &[0x0a; 60]), true),
        (FlowMod::default().message(5, &matching(&[]), &[]), true),
        (group_mod(5, 0, 0, 1, &[bucket(0, ANY, ANY, &[output(1)])]), true),
        (port_mod(5, 1, [2, 0, 0, 0, 0, 1], 0, 0, 0), false),
        (table_mod(5, 0, 0), false),
        (multipart(5, 0, 0, &[]), false),
        (barrier(5), false),
        (message(22, 5, &word(1)), false),
        (role(5, 0, 0), false),
        (message(26, 5, &[]), false),
        (set_async(5, [3, 0, 7, 7, 15, 0]), false),
        (meter_mod(5, 0, 1, 1, &[band(1, 1000, 0, &[0; 4])]), true),
    ]
}

/// Bytes of the fixed part, by type (ofp header file).
fn fixed_len(kind: u8) -> usize {
    match kind {
        9 => 12,
        4 | 15 | 17 | 18 | 22 | 29 => 16,
        13 | 24 => 24,
        28 => 32,
        16 => 40,
        14 => 56,
        _ => 8,
    }
}

#[test]
fn every_type_that_a_controller_sends_is_taken() {
    let mut bed = Bed::new();
    let mut kinds: Vec<u8> = requests().iter().map(|(request, _)| request[1]).collect();
    for (request, _) in requests() {
        let answers = bed.say(&request);
        assert!(answers.iter().all(|answer| answer[1] != 1), "{request:02x?}: {answers:02x?}");
    }
    kinds.extend([0, 1, 3]); // HELLO; ERROR and ECHO_REPLY are taken without a word
    bed.accept(&message(1, 5, &[0, 1, 0, 1]));
    bed.accept(&message(3, 5, b"late"));
    let mut only_from_switches: Vec<u8> = (0..30).filter(|kind| !kinds.contains(kind)).collect();
    only_from_switches.retain(|kind| bed.refused(&message(*kind, 5, &[0; 80])) == (1, 1));
    assert_eq!(only_from_switches, [6, 8, 10, 11, 12, 19, 21, 23, 25, 27]);
}

#[test]
fn replies_and_errors_have_the_xid_of_their_request() {
    let mut bed = Bed::new();
    for xid in [0, 1, 0x8000_0000, u32::MAX] {
        for (mut request, _) in requests() {
            request[4..8].copy_from_slice(&xid.to_be_bytes());
            for answer in bed.say(&request) {
                assert!(header(&answer).2 == xid || answer[1] == 12, "{request:02x?}");
            }
            request.truncate(8);
            request[1..4].copy_from_slice(&[200, 0, 8]);
            assert_eq!(header(&only(bed.say(&request))), (1, 20, xid));
        }
    }
}

#[test]
fn a_message_shorter_than_its_fixed_part_is_bad_len() {
    let mut bed = Bed::new();
    for (request, _) in requests() {
        for len in 8..fixed_len(request[1]) {
            let mut cut = request[..len].to_vec();
            cut[2..4].copy_from_slice(&(len as u16).to_be_bytes());
            assert_eq!(bed.refused(&cut), (1, 6), "{cut:02x?}");
        }
    }
}

#[test]
fn a_message_longer_than_it_can_be_is_bad_len() {
    let mut bed = Bed::new();
    for (request, _) in requests().into_iter().filter(|(_, may_grow)| !may_grow) {
        for more in [1, 4, 8, 1000] {
            let mut long = [&request[..], &vec![0; more]].concat();
            let len = long.len() as u16;
            long[2..4].copy_from_slice(&len.to_be_bytes());
            assert_eq!(bed.refused(&long), (1, 6), "{request:02x?} and {more} bytes");
        }
    }
}

#[test]
fn another_version_is_bad_version_before_anything_else() {
    let mut bed = Bed::new();
    for version in [0, 1, 2, 3, 5, 6, 0x84, 0xff] {
        for kind in [2, 5, 14, 99] {
            let error = only(bed.say(&[version, kind, 0, 8, 0, 0, 0, 7]));
            assert_eq!(error[..12], [4, 1, 0, 20, 0, 0, 0, 7, 0, 1, 0, 0], "ours is in the error");
        }
    }
}

#[test]
fn types_that_are_not_defined_are_bad_type() {
    let mut bed = Bed::new();
    for kind in 30..=255 {
        assert_eq!(bed.refused(&message(kind, 5, &[0; 8])), (1, 1), "type {kind}");
    }
}

#[test]
fn padding_is_ignored_on_receipt() {
    let mut bed = Bed::new();
    let fill = |mut bytes: Vec<u8>, places: &[std::ops::Range<usize>]| {
        for place in places {
            bytes[place.clone()].fill(0xa5);
        }
        bytes
    };
    let simple = bucket(0, ANY, ANY, &[output(1)]);
    let flows = flow_request(255, &matching(&[]));
    let clear = tlv(5, &[0; 4]);
    for (kind, request) in [
        (12, fill(port_mod(5, 1, [2, 0, 0, 0, 0, 1], 1, 1, 0), &[12..16, 22..24, 36..40])),
        (0, fill(table_mod(5, 0, 0), &[9..12])),
        (25, fill(role(5, 0, 0), &[12..16])),
        (23, fill(message(22, 5, &word(1)), &[12..16])),
        (0, fill(group_mod(5, 0, 0, 1, &[simple]), &[11..12, 28..32, 42..48])),
        (0, fill(packet_out(5, ANY, 1, &[output(2)], &[0x0a; 60]), &[18..24, 34..40])),
        (
            0,
            fill(
                FlowMod::default().message(5, &matching(&[]), &[clear]),
                &[46..48, 52..56, 60..64],
            ),
        ),
        (0, fill(meter_mod(5, 0, 1, 1, &[band(1, 1000, 0, &[0; 4])]), &[28..32])),
        (19, fill(multipart(5, 0, 0, &[]), &[12..16])),
        (19, fill(multipart(5, 1, 0, &flows), &[12..16, 17..20, 28..32, 52..56])),
        (19, fill(multipart(5, 4, 0, &word(1)), &[20..24])),
    ] {
        let answers = bed.say(&request);
        let kinds: Vec<u8> = answers.iter().map(|answer| answer[1]).collect();
        assert_eq!(kinds, if kind == 0 { vec![] } else { vec![kind] }, "{request:02x?}");
    }
}

#[test]
fn padding_is_sent_as_zero() {
    let mut bed = Bed::new();
    bed.add(
        "table=3,in_port=1,actions=output:2,push_vlan:0x8100,clear_actions,write_actions(output:3)",
    );
    bed.add_group("group_id=1,type=all,bucket=actions=output:1");
    bed.add_meter("meter=1,kbps,band=type=drop,rate=1000");
    let zero = |bytes: &[u8], places: &[std::ops::Range<usize>]| {
        for place in places {
            assert!(bytes[place.clone()].iter().all(|byte| *byte == 0), "{place:?}: {bytes:02x?}");
        }
    };
    zero(&only(bed.say(&features(5))), &[22..24, 28..32]);
    zero(&only(bed.say(&role(5, 0, 0))), &[12..16]);
    zero(&statistics(&mut bed, 1, &flow_request(255, &matching(&[]))), &[3..4, 20..24, 60..64]);
    zero(&statistics(&mut bed, 2, &flow_request(255, &matching(&[]))), &[20..24]);
    zero(&statistics(&mut bed, 3, &[]), &[1..4, 25..28]);
    zero(&statistics(&mut bed, 4, &word(1)), &[4..8]);
    zero(&statistics(&mut bed, 6, &word(1)), &[2..4, 12..16]);
    zero(&statistics(&mut bed, 7, &[]), &[3..4, 20..24, 34..40]);
    zero(&statistics(&mut bed, 9, &word(1)), &[6..12]);
    zero(&statistics(&mut bed, 10, &word(1)), &[20..24]);
    zero(&statistics(&mut bed, 11, &[]), &[14..16]);
    zero(&statistics(&mut bed, 13, &[]), &[4..8, 14..16]);
    zero(&only(bed.say(&multipart(5, 0, 0, &[]))), &[12..16]);
}

#[test]
fn lengths_that_are_no_multiple_of_eight_are_refused() {
    let mut bed = Bed::new();
    for len in [4, 5, 12, 15, 17] {
        let content = vec![0; len - 4];
        assert_eq!(bed.refused(&entry(&[], &[tlv(1, &content)])), (3, 7), "instruction of {len}");
        let action = FlowMod::default();
        let list = [vec![0; 4], tlv(18, &content)].concat();
        let instruction = tlv_len(4, 4 + list.len() as u16, &list);
        let refused = bed.refused(&action.message(5, &matching(&[]), &[instruction]));
        assert!(refused == (2, 1) || refused == (3, 7), "action of {len}: {refused:?}");
        let bucket = bucket_len(len as u16, 0, ANY, ANY, &[0; 8]);
        assert_eq!(bed.refused(&group_mod(5, 0, 0, 1, &[bucket])), (6, 12), "bucket of {len}");
        let band = tlv_len(1, len as u16, &[0; 12]);
        assert_eq!(bed.refused(&meter_mod(5, 0, 1, 1, &[band])), (1, 6), "band of {len}");
    }
}

#[test]
fn a_match_is_padded_and_its_length_leaves_the_padding_out() {
    let mut bed = Bed::new();
    let empty = matching(&[]);
    assert_eq!(empty, [0, 1, 0, 4, 0, 0, 0, 0]);
    bed.accept(&FlowMod::default().message(5, &empty, &[goto(1)]));
    // One byte of payload: 9 bytes, 7 of padding, and the instruction behind them is read.
    let pcp = matching(&[oxm(6, &[0x10, 5]), oxm(7, &[1])]);
    assert_eq!((u16_at(&pcp, 2), pcp.len()), (15, 16));
    bed.accept(&FlowMod { priority: 7, ..FlowMod::default() }.message(5, &pcp, &[goto(1)]));
    let told = statistics(&mut bed, 1, &flow_request(0, &matching(&[])));
    let told = entries(&told);
    let matches: Vec<&[u8]> = told.iter().map(|entry| &entry[48..entry.len() - 8]).collect();
    assert!(matches.contains(&&pcp[..]) && matches.contains(&&empty[..]), "{matches:02x?}");
}

#[test]
fn a_set_field_action_counts_its_padding_and_its_field_does_not() {
    let mut bed = Bed::new();
    let eth = [oxm(5, &[0x86, 0xdd])];
    for (tlvs, field, len) in [
        (&[][..], oxm(3, &[1; 6]), 16),
        (&eth[..], oxm(26, &[1; 16]), 24),
        (&[oxm(5, &[0x88, 0xe7])][..], oxm(37, &[0, 0, 1]), 16),
        (&[][..], oxm(38, &[0; 8]), 16),
    ] {
        let action = set_field(&field);
        assert_eq!((action.len(), usize::from(u16_at(&action, 2))), (len, len));
        bed.accept(&entry(tlvs, &[apply(&[action])]));
    }
}
