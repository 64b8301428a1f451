//! Meters: what is made, changed, deleted, refused, and told.

use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;

use crate::bed::Bed;
use crate::bytes::*;

const FRAME: [u8; 60] = [0x0a; 60];
const DROP: u16 = 1;

fn drop_band(rate: u32, burst: u32) -> Vec<u8> {
    band(DROP, rate, burst, &[0; 4])
}

#[test]
fn a_meter_comes_back_as_it_was_given() {
    let mut bed = Bed::new();
    for (id, flags, bands) in [
        (1, 1, vec![drop_band(1000, 77)]),
        (2, 2, vec![drop_band(5, 0)]),
        (3, 0xd, vec![drop_band(1000, 500), band(2, 100, 50, &[2, 0, 0, 0])]),
        (0xffff_0000, 6, vec![drop_band(1, 1); 8]),
        (0xffff_fffd, 2, vec![drop_band(100, 0)]),
        (0xffff_fffe, 2, vec![drop_band(100, 0)]),
    ] {
        bed.accept(&meter_mod(5, 0, flags, id, &bands));
        let told = statistics(&mut bed, 10, &word(id));
        assert_eq!(usize::from(u16_at(&told, 0)), told.len());
        assert_eq!((u16_at(&told, 2), u32_at(&told, 4)), (flags, id));
        assert_eq!(told[8..], bands.concat(), "meter {id:#x}");
    }
    let all = statistics(&mut bed, 10, &word(ANY));
    assert_eq!(entries(&all).len(), 6);
}

#[test]
fn an_add_wants_a_new_id_and_a_modify_an_old_one() {
    let mut bed = Bed::new();
    assert_eq!(bed.refused(&meter_mod(5, 1, 1, 1, &[drop_band(1, 0)])), (12, 3));
    bed.accept(&meter_mod(5, 0, 1, 1, &[drop_band(1, 0)]));
    assert_eq!(bed.refused(&meter_mod(5, 0, 1, 1, &[drop_band(1, 0)])), (12, 1));
    bed.accept(&meter_mod(5, 1, 2, 1, &[drop_band(9, 0), drop_band(8, 0)]));
    let told = statistics(&mut bed, 10, &word(1));
    assert_eq!((u16_at(&told, 2), told.len()), (2, 40), "flags and bands replaced");
}

#[test]
fn ids_that_are_no_meter_are_invalid() {
    let mut bed = Bed::new();
    for id in [0, 0xffff_0001, 0xffff_fffc, ANY] {
        assert_eq!(
            bed.refused(&meter_mod(5, 0, 1, id, &[drop_band(1, 0)])),
            (12, 2),
            "ADD {id:#x}"
        );
        let (kind, code) = bed.refused(&meter_mod(5, 1, 1, id, &[drop_band(1, 0)]));
        assert!(kind == 12 && (code == 2 || code == 3), "MODIFY {id:#x}: {code}");
    }
}

#[test]
fn flags_that_contradict_or_are_unknown_are_refused() {
    let mut bed = Bed::new();
    for flags in [3, 7, 0x10, 0x11, 0x20, 0x8001] {
        assert_eq!(
            bed.refused(&meter_mod(5, 0, flags, 1, &[drop_band(1, 0)])),
            (12, 5),
            "{flags:#x}"
        );
    }
    for command in [3, 4, 0xffff] {
        assert_eq!(bed.refused(&meter_mod(5, command, 1, 1, &[drop_band(1, 0)])), (12, 4));
    }
}

#[test]
fn bands_that_cannot_be_are_refused() {
    let mut bed = Bed::new();
    for kind in [0, 3, 9, 0xffff] {
        let band = band(kind, 1, 1, &[0; 4]);
        assert_eq!(bed.refused(&meter_mod(5, 0, 1, 1, &[band])), (12, 8), "type {kind}");
    }
    assert_eq!(bed.refused(&meter_mod(5, 0, 1, 1, &[drop_band(0, 0)])), (12, 6), "rate 0");
    let many = vec![drop_band(1, 0); 9];
    assert_eq!(bed.refused(&meter_mod(5, 0, 1, 1, &many)), (12, 11), "OUT_OF_BANDS");
    for len in [0, 4, 12, 20, 24] {
        let band = tlv_len(DROP, len, &[0; 12]);
        assert_eq!(bed.refused(&meter_mod(5, 0, 1, 1, &[band])), (1, 6), "length {len}");
    }
}

#[test]
fn a_delete_takes_the_entries_along() {
    let mut bed = Bed::new();
    bed.accept(&set_async(5, [3, 0, 7, 7, 0x1f, 0]));
    for id in [1, 2] {
        bed.accept(&meter_mod(5, 0, 1, id, &[drop_band(1000, 0)]));
    }
    bed.add("priority=1,send_flow_rem,actions=meter:1,output:2");
    bed.add("priority=2,actions=meter:1,output:2");
    bed.add("priority=3,actions=meter:2,output:2");
    // Only the id of a DELETE is looked at.
    let told = only(bed.say(&meter_mod(5, 2, 0xffff, 1, &[])));
    assert_eq!((told[1], u16_at(&told, 16), told[18]), (11, 1, 4), "METER_DELETE");
    assert_eq!(bed.flows().len(), 1);
    bed.accept(&meter_mod(5, 2, 0, 1, &[]));
    bed.accept(&meter_mod(5, 2, 0, ANY, &[]));
    assert_eq!(bed.flows(), []);
    assert_eq!(statistics(&mut bed, 10, &word(ANY)), []);
}

#[test]
fn meter_delete_is_told_to_those_who_asked_for_it() {
    let mut bed = Bed::new();
    bed.accept(&meter_mod(5, 0, 1, 1, &[drop_band(1000, 0)]));
    bed.add("send_flow_rem,actions=meter:1,output:2");
    bed.accept(&meter_mod(5, 2, 0, 1, &[]));
    assert_eq!(bed.flows(), []);
}

#[test]
fn a_meter_that_is_missing_is_unknown() {
    let mut bed = Bed::new();
    for id in [1_u32, 0xffff_0000] {
        let instruction = tlv(6, &id.to_be_bytes());
        assert_eq!(bed.refused(&entry(&[], &[instruction])), (12, 3));
    }
    for kind in [9, 10] {
        assert_eq!(bed.refused(&multipart(5, kind, 0, &word(777))), (12, 3));
        assert_eq!(statistics(&mut bed, kind, &word(ANY)), [], "ALL with none");
    }
}

#[test]
fn statistics_count_what_came_and_what_each_band_did() {
    let mut bed = Bed::new();
    bed.accept(&meter_mod(5, 0, 6, 1, &[drop_band(1, 1), drop_band(1_000_000, 1_000_000)]));
    bed.add("actions=meter:1,output:2");
    let passed = (0..10).filter(|_| !bed.frame(1, &FRAME).is_empty()).count() as u64;
    bed.device.advance(4_000_000_002);
    let told = statistics(&mut bed, 9, &word(1));
    assert_eq!((u32_at(&told, 0), usize::from(u16_at(&told, 4))), (1, told.len()));
    assert_eq!(told.len(), 40 + 2 * 16);
    assert_eq!((u32_at(&told, 12), u64_at(&told, 16), u64_at(&told, 24)), (1, 10, 600));
    assert_eq!((u32_at(&told, 32), u32_at(&told, 36)), (4, 2));
    assert_eq!((u64_at(&told, 40), u64_at(&told, 48)), (10 - passed, 60 * (10 - passed)));
    assert_eq!((u64_at(&told, 56), u64_at(&told, 64)), (0, 0), "the band above did nothing");
    assert!((1..10).contains(&passed), "{passed}");
}

#[test]
fn features_announce_what_meters_can_do() {
    let mut bed = Bed::new();
    let told = statistics(&mut bed, 11, &[]);
    assert_eq!(told.len(), 16);
    assert!(u32_at(&told, 0) > 0);
    assert_eq!((u32_at(&told, 4), u32_at(&told, 8)), (6, 0xf), "DROP and DSCP_REMARK; every flag");
    assert!(told[12] >= 1, "bands");
    let bands = vec![drop_band(1, 0); usize::from(told[12])];
    bed.accept(&meter_mod(5, 0, 1, 1, &bands));
}
