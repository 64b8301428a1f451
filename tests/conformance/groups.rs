//! Groups: what is made, changed, deleted, refused, and told.

use ofp_codec::GroupModCommand as Command;
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;

use crate::bed::Bed;
use crate::bytes::*;

const FRAME: [u8; 60] = [0x0a; 60];

fn ports(bed: &mut Bed) -> Vec<u32> {
    bed.frame(1, &FRAME).into_iter().map(|(port, _)| port).collect()
}

fn plain(actions: &[Vec<u8>]) -> Vec<u8> {
    bucket(0, ANY, ANY, actions)
}

fn to_group(id: u32) -> Vec<u8> {
    tlv(22, &id.to_be_bytes())
}

fn modify(bed: &mut Bed, group: &str) {
    bed.accept(&Bed::group_bytes(group, Command::Modify));
}

#[test]
fn all_runs_every_bucket_on_a_copy_of_its_own() {
    let mut bed = Bed::new();
    bed.add_group(
        "group_id=1,type=all,bucket=actions=set_field:02:00:00:00:00:07->eth_dst,output:2,\
         bucket=actions=output:3,bucket=actions=output:1,bucket=actions=set_field:02:00:00:00:00:09->eth_dst",
    );
    bed.add("actions=group:1,output:4");
    let sent = bed.frame(1, &FRAME);
    let told: Vec<(u32, u8)> = sent.iter().map(|(port, frame)| (*port, frame[5])).collect();
    assert_eq!(
        told,
        [(2, 7), (3, 0x0a), (4, 0x0a)],
        "none sees another's changes; not back out of 1"
    );
}

#[test]
fn a_bucket_sends_back_only_by_in_port() {
    let mut bed = Bed::new();
    bed.add_group("group_id=1,type=all,bucket=actions=output:1,bucket=actions=output:in_port");
    bed.add("actions=group:1");
    assert_eq!(ports(&mut bed), [1]);
}

#[test]
fn an_indirect_group_can_be_pointed_elsewhere() {
    let mut bed = Bed::new();
    bed.add_group("group_id=1,type=indirect,bucket=actions=output:2");
    bed.add("actions=group:1");
    assert_eq!(ports(&mut bed), [2]);
    modify(&mut bed, "group_id=1,type=indirect,bucket=actions=output:3");
    assert_eq!(ports(&mut bed), [3]);
    for count in [0, 2, 3] {
        let buckets = vec![plain(&[output(2)]); count];
        assert_eq!(bed.refused(&group_mod(5, 1, 2, 1, &buckets)), (6, 1), "{count} buckets");
    }
}

#[test]
fn a_group_without_buckets_drops() {
    for kind in ["all", "select", "ff"] {
        let mut bed = Bed::new();
        bed.add_group(&format!("group_id=1,type={kind}"));
        bed.add("actions=group:1");
        assert_eq!(ports(&mut bed), [], "{kind}");
    }
}

#[test]
fn a_modify_changes_type_and_buckets_and_keeps_the_entries() {
    let mut bed = Bed::new();
    bed.add_group("group_id=1,type=all,bucket=actions=output:2,bucket=actions=output:3");
    bed.add("actions=group:1");
    assert_eq!(ports(&mut bed), [2, 3]);
    modify(&mut bed, "group_id=1,type=select,bucket=weight:1,actions=output:4");
    assert_eq!(ports(&mut bed), [4]);
    assert_eq!(bed.flows().len(), 1);
    let told = statistics(&mut bed, 7, &[]);
    assert_eq!((told[2], u32_at(&told, 4)), (1, 1), "SELECT");
    assert_eq!(bed.refused(&group_mod(5, 1, 0, 2, &[plain(&[])])), (6, 8), "UNKNOWN_GROUP");
}

#[test]
fn a_delete_takes_the_entries_along_and_tells_those_that_asked() {
    let mut bed = Bed::new();
    bed.add_group("group_id=1,type=all,bucket=actions=output:2");
    bed.add_group("group_id=2,type=all,bucket=actions=output:2");
    bed.add("priority=1,send_flow_rem,actions=group:1");
    bed.add("priority=2,actions=write_actions(group:1)");
    bed.add("priority=3,send_flow_rem,actions=group:2");
    let told = only(bed.say(&group_mod(5, 2, 0, 1, &[])));
    assert_eq!((told[1], u16_at(&told, 16), told[18]), (11, 1, 3), "GROUP_DELETE");
    assert_eq!(bed.flows().len(), 1);
    bed.accept(&group_mod(5, 2, 0, 1, &[]));
    bed.accept(&group_mod(5, 2, 0, 77, &[]));
}

#[test]
fn all_deletes_every_group() {
    let mut bed = Bed::new();
    bed.add_group("group_id=1,type=all,bucket=actions=output:2");
    bed.add_group("group_id=2,type=all,bucket=actions=group:1");
    bed.add("send_flow_rem,actions=group:2");
    let told = only(bed.say(&group_mod(5, 2, 0, 0xffff_fffc, &[])));
    assert_eq!((told[1], told[18]), (11, 3));
    assert_eq!(statistics(&mut bed, 7, &[]), []);
    assert_eq!(bed.flows(), []);
}

#[test]
fn ids_above_max_are_invalid() {
    let mut bed = Bed::new();
    for id in [0xffff_ff01, 0xffff_fffb, 0xffff_fffc, 0xffff_fffd, ANY] {
        assert_eq!(bed.refused(&group_mod(5, 0, 0, id, &[])), (6, 1), "ADD {id:#x}");
        let (kind, code) = bed.refused(&group_mod(5, 1, 0, id, &[]));
        assert!(kind == 6 && (code == 1 || code == 8), "MODIFY {id:#x}");
    }
    for id in [0, 1, 0xffff_ff00] {
        bed.accept(&group_mod(5, 0, 0, id, &[]));
    }
}

#[test]
fn types_and_commands_that_are_not_defined_are_refused() {
    let mut bed = Bed::new();
    for kind in 4..=255 {
        assert_eq!(bed.refused(&group_mod(5, 0, kind, 1, &[])), (6, 10), "type {kind}");
    }
    for command in [3, 4, 5, 0x8000, 0xffff] {
        assert_eq!(bed.refused(&group_mod(5, command, 0, 1, &[])), (6, 11), "command {command}");
    }
}

#[test]
fn weights_are_for_select() {
    let mut bed = Bed::new();
    let weighted = |weight| bucket(weight, ANY, ANY, &[output(1)]);
    for kind in [0, 2] {
        assert_eq!(bed.refused(&group_mod(5, 0, kind, 1, &[weighted(1)])), (6, 1), "type {kind}");
    }
    assert_eq!(bed.refused(&group_mod(5, 0, 3, 1, &[bucket(1, 1, ANY, &[])])), (6, 1), "FF");
    let zeros = [weighted(0), weighted(0)];
    assert_eq!(bed.refused(&group_mod(5, 0, 1, 1, &zeros)), (6, 1), "they add up to 0");
    bed.accept(&group_mod(5, 0, 1, 1, &[weighted(0), weighted(7), weighted(65535)]));
    let told = statistics(&mut bed, 7, &[]);
    let weights: Vec<u16> = (0..3).map(|at| u16_at(&told, 8 + 32 * at + 2)).collect();
    assert_eq!(weights, [0, 7, 65535], "as sent");
}

#[test]
fn a_bucket_of_weight_0_is_never_chosen() {
    let mut bed = Bed::new();
    bed.add_group(
        "group_id=1,type=select,bucket=weight:0,actions=output:2,bucket=weight:1,actions=output:3",
    );
    bed.add("actions=group:1");
    for last in 0..=255 {
        let mut frame = FRAME;
        frame[11] = last;
        assert_eq!(bed.frame(1, &frame)[0].0, 3);
    }
}

#[test]
fn fast_failover_must_watch_and_others_must_not() {
    let mut bed = Bed::new();
    bed.add_group("group_id=9,type=all,bucket=actions=output:2");
    let watching = [bucket(0, 2, ANY, &[output(2)]), bucket(0, ANY, 9, &[output(3)])];
    bed.accept(&group_mod(5, 0, 3, 1, &watching));
    let told = statistics(&mut bed, 7, &[]);
    let groups = entries(&told);
    let ff = groups.iter().find(|group| u32_at(group, 4) == 1).expect("group 1");
    assert_eq!((u32_at(ff, 12), u32_at(ff, 16)), (2, ANY), "watch fields as sent");
    assert_eq!((u32_at(ff, 44), u32_at(ff, 48)), (ANY, 9));
    assert_eq!(bed.refused(&group_mod(5, 0, 3, 2, &[plain(&[output(2)])])), (6, 1));
    for kind in [0, 2] {
        assert_eq!(bed.refused(&group_mod(5, 0, kind, 2, &watching[..1])), (6, 6), "type {kind}");
    }
    bed.accept(&group_mod(5, 0, 1, 3, &[bucket(1, 2, ANY, &[output(2)])]));
}

#[test]
fn buckets_of_the_wrong_length_are_bad_buckets() {
    let mut bed = Bed::new();
    for len in (0..16).chain([17, 20, 28, 40, 64, 0xffff]) {
        let bucket = bucket_len(len, 0, ANY, ANY, &[]);
        assert_eq!(bed.refused(&group_mod(5, 0, 0, 1, &[bucket])), (6, 12), "length {len}");
    }
}

#[test]
fn actions_in_buckets_are_checked_like_others() {
    let mut bed = Bed::new();
    for (action, error) in [
        (tlv(28, &[0; 4]), (2, 0)),
        (tlv_len(0, 0, &[0; 4]), (2, 1)),
        (output(ANY), (2, 4)),
        (output(0xffff_fff9), (2, 4)),
        (to_group(9), (2, 9)),
        (tlv(17, &[8, 0, 0, 0]), (2, 5)),
        (set_field(&oxm(40, &[0])), (2, 13)),
        (set_field(&oxm(3, &[0; 5])), (2, 14)),
        (tlv(0xffff, &[0, 0, 1, 2]), (2, 2)),
    ] {
        assert_eq!(bed.refused(&group_mod(5, 0, 0, 1, &[plain(&[action])])), error);
    }
    // What is under the actions is not known here, so prerequisites are not asked for.
    bed.accept(&group_mod(5, 0, 0, 1, &[plain(&[set_field(&oxm(11, &[0; 4]))])]));
}

#[test]
fn loops_are_refused_and_a_group_that_another_uses_stays() {
    let mut bed = Bed::new();
    bed.accept(&group_mod(5, 0, 0, 1, &[plain(&[output(2)])]));
    bed.accept(&group_mod(5, 0, 0, 2, &[plain(&[to_group(1)])]));
    bed.accept(&group_mod(5, 0, 0, 3, &[plain(&[to_group(2)])]));
    assert_eq!(bed.refused(&group_mod(5, 1, 0, 1, &[plain(&[to_group(1)])])), (6, 7), "itself");
    assert_eq!(bed.refused(&group_mod(5, 1, 0, 1, &[plain(&[to_group(3)])])), (6, 7), "by two");
    for used in [1, 2] {
        assert_eq!(bed.refused(&group_mod(5, 2, 0, used, &[])), (6, 9), "CHAINED_GROUP");
    }
    bed.add("actions=group:3");
    assert_eq!(ports(&mut bed), [2], "three deep");
    let told = statistics(&mut bed, 6, &word(0xffff_fffc));
    let references: Vec<u32> = entries(&told).iter().map(|group| u32_at(group, 8)).collect();
    assert_eq!(references, [1, 1, 1], "groups and entries that point to it");
    bed.accept(&group_mod(5, 2, 0, 3, &[]));
    bed.accept(&group_mod(5, 2, 0, 2, &[]));
}

#[test]
fn statistics_count_packets_of_groups_and_buckets() {
    let mut bed = Bed::new();
    bed.add_group("group_id=1,type=all,bucket=actions=output:2,bucket=actions=output:3");
    bed.add("actions=group:1");
    bed.frame(1, &FRAME);
    bed.frame(1, &FRAME);
    bed.device.advance(7_000_000_001);
    let told = statistics(&mut bed, 6, &word(1));
    assert_eq!((usize::from(u16_at(&told, 0)), told.len()), (40 + 32, 40 + 32));
    assert_eq!((u32_at(&told, 4), u32_at(&told, 8)), (1, 1), "id, references");
    assert_eq!((u64_at(&told, 16), u64_at(&told, 24)), (2, 120));
    assert_eq!((u32_at(&told, 32), u32_at(&told, 36)), (7, 1));
    for bucket in 0..2 {
        let at = 40 + 16 * bucket;
        assert_eq!((u64_at(&told, at), u64_at(&told, at + 8)), (2, 120), "bucket {bucket}");
    }
}

#[test]
fn descriptions_give_back_type_and_buckets() {
    let mut bed = Bed::new();
    let buckets = [bucket(3, ANY, ANY, &[output(2), output(3)]), bucket(4, ANY, ANY, &[])];
    bed.accept(&group_mod(5, 0, 1, 0x1234, &buckets));
    let told = statistics(&mut bed, 7, &[]);
    assert_eq!((usize::from(u16_at(&told, 0)), told[2], u32_at(&told, 4)), (told.len(), 1, 0x1234));
    assert_eq!(told[8..], buckets.concat());
}

#[test]
fn features_announce_what_groups_can_do() {
    let mut bed = Bed::new();
    let told = statistics(&mut bed, 8, &[]);
    assert_eq!(told.len(), 40);
    assert_eq!(u32_at(&told, 0), 0xf, "all four types");
    assert_eq!(u32_at(&told, 4), 0xf, "weights, liveness, chaining and its checks");
    for kind in 0..4 {
        assert!(u32_at(&told, 8 + 4 * kind) > 0, "groups of type {kind}");
        assert_eq!(u32_at(&told, 24 + 4 * kind), 0x0fff_9801, "every action of 1.3");
    }
}

#[test]
fn a_group_that_is_there_is_not_added_again() {
    let mut bed = Bed::new();
    bed.add_group("group_id=1,type=all,bucket=actions=output:2");
    assert_eq!(bed.refused(&group_mod(5, 0, 0, 1, &[])), (6, 0));
    let with_buckets = group_mod(5, 2, 0, 1, &[plain(&[])]);
    assert_eq!(bed.refused(&with_buckets), (6, 1), "a DELETE has no buckets");
    assert_eq!(bed.refused(&entry(&[], &[apply(&[to_group(2)])])), (2, 9));
    for id in [0xffff_fffc, ANY] {
        assert_eq!(bed.refused(&entry(&[], &[apply(&[to_group(id)])])), (2, 9));
    }
}

#[test]
fn one_that_is_missing_has_no_statistics() {
    let mut bed = Bed::new();
    assert_eq!(statistics(&mut bed, 6, &word(777)), []);
    assert_eq!(statistics(&mut bed, 6, &word(0xffff_fffc)), []);
    assert_eq!(bed.refused(&multipart(5, 7, 0, &word(1))), (1, 6), "GROUP_DESC has no body");
}
