//! Which error is told when a message has several: the first check that fails, in a fixed order.

#![allow(clippy::cloned_ref_to_slice_refs, reason = "each line says what it sends")]

use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;

use crate::bed::Bed;
use crate::bytes::*;

/// A flow-mod that is wrong in many ways, each undone by a flag: the checks in their order.
#[test]
fn the_first_check_that_fails_is_the_one_that_is_told() {
    let mut bed = Bed::new();
    let bad_match = matching(&[oxm(13, &[0, 80])]);
    let bad_instruction = tlv(9, &[0; 4]);
    let bad_action = apply(&[tlv(28, &[0; 4])]);
    let worst =
        FlowMod { command: 9, flags: 0x100, table: 255, buffer_id: 7, ..FlowMod::default() };
    // Version, type, length.
    let mut bytes = worst.message(5, &bad_match, &[bad_instruction.clone(), bad_action.clone()]);
    bytes[0] = 5;
    assert_eq!(crate::embodiment::error_of(&only(bed.say(&bytes))), (1, 0), "version");
    bytes[0] = 4;
    assert_eq!(bed.refused(&bytes), (5, 6), "command before match, instructions and buffer");
    let flags = FlowMod { command: 0, ..worst };
    let refused = bed.refused(&flags.message(5, &bad_match, &[bad_instruction.clone()]));
    assert_eq!(refused.0, 5, "flags or table before the match");
    let fine = FlowMod { flags: 0, table: 0, ..flags };
    assert_eq!(
        bed.refused(&fine.message(5, &bad_match, &[bad_instruction.clone()])),
        (4, 9),
        "match"
    );
    let list = [bad_instruction, bad_action.clone()];
    assert_eq!(bed.refused(&fine.message(5, &matching(&[]), &list)), (3, 0), "instruction");
    assert_eq!(bed.refused(&fine.message(5, &matching(&[]), &[bad_action])), (2, 0), "action");
    let inconsistent = apply(&[set_field(&oxm(11, &[0; 4]))]);
    assert_eq!(
        bed.refused(&fine.message(5, &matching(&[]), &[inconsistent])),
        (2, 10),
        "prerequisite"
    );
    assert_eq!(bed.refused(&fine.message(5, &matching(&[]), &[])), (1, 8), "buffer last");
    let none = FlowMod { buffer_id: ANY, ..fine };
    bed.accept(&none.message(5, &matching(&[]), &[]));
}

#[test]
fn fields_of_a_match_are_checked_left_to_right() {
    let mut bed = Bed::new();
    let unknown = oxm(40, &[0]);
    let short = oxm(3, &[0; 5]);
    let outside = oxm_masked(3, &[1; 6], &[0; 6]);
    let too_big = oxm(6, &[0x20, 5]);
    let needs = oxm(11, &[0; 4]);
    for (tlvs, code) in [
        (vec![unknown.clone(), short.clone(), outside.clone()], 6),
        (vec![short.clone(), unknown.clone()], 1),
        (vec![outside.clone(), unknown.clone()], 5),
        (vec![too_big.clone(), unknown.clone()], 7),
        (vec![needs.clone(), unknown.clone()], 9),
        (vec![needs, too_big], 9),
    ] {
        assert_eq!(bed.refused(&entry(&tlvs, &[])), (4, code));
    }
    let twice = [oxm(0, &[0, 0, 0, 1]), oxm(0, &[0, 0, 0, 1]), unknown];
    assert_eq!(bed.refused(&entry(&twice, &[])), (4, 10));
}

#[test]
fn instructions_and_actions_are_checked_left_to_right() {
    let mut bed = Bed::new();
    let unknown = tlv(9, &[0; 4]);
    let backwards = goto(0);
    assert_eq!(bed.refused(&entry(&[], &[unknown.clone(), backwards.clone()])), (3, 0));
    assert_eq!(bed.refused(&entry(&[], &[tlv_len(4, 4, &[0; 4]), unknown.clone()])), (3, 7));
    let actions = |list: &[Vec<u8>]| entry(&[], &[apply(list)]);
    assert_eq!(bed.refused(&actions(&[tlv(28, &[0; 4]), output(ANY)])), (2, 0));
    assert_eq!(bed.refused(&actions(&[output(ANY), tlv(28, &[0; 4])])), (2, 4));
    assert_eq!(bed.refused(&actions(&[tlv(17, &[8, 0, 0, 0]), tlv(28, &[0; 4])])), (2, 5));
    let _ = backwards;
}

#[test]
fn a_slave_is_told_so_before_the_content_is_looked_at_and_after_its_length() {
    let mut bed = Bed::new();
    bed.say(&role(5, 3, 1));
    let broken =
        FlowMod { command: 99, ..FlowMod::default() }.message(5, &matching_raw(7, 99, &[]), &[]);
    for (request, code) in
        [(broken, 10), (message(14, 5, &[0; 4]), 6), (message(13, 5, &[0; 16]), 10)]
    {
        let error = only(bed.say(&request));
        assert_eq!(error[8..12], [0, 1, 0, code]);
    }
}

#[test]
fn one_error_is_told_for_one_message() {
    let mut bed = Bed::new();
    let stream =
        [message(99, 1, &[]), message(20, 2, &[0; 4]), group_mod(3, 9, 9, ANY, &[])].concat();
    let answers = bed.say(&stream);
    let xids: Vec<u32> = answers.iter().map(|answer| header(answer).2).collect();
    assert_eq!(xids, [1, 2, 3]);
}

#[test]
fn state_is_looked_at_when_the_rest_is_right() {
    let mut bed = Bed::new();
    bed.add("priority=100,in_port=1,actions=drop");
    let overlapping = FlowMod { flags: 2, ..FlowMod::default() };
    let bad = tlv(9, &[0; 4]);
    assert_eq!(bed.refused(&overlapping.message(5, &matching(&[]), &[bad])), (3, 0));
    assert_eq!(bed.refused(&overlapping.message(5, &matching(&[]), &[])), (5, 3));
    bed.add_group("group_id=1,type=all");
    let simple = bucket(0, ANY, ANY, &[tlv(28, &[0; 4])]);
    assert_eq!(bed.refused(&group_mod(5, 0, 0, 1, &[simple])), (2, 0), "the bucket before the id");
    assert_eq!(bed.refused(&group_mod(5, 0, 0, 1, &[])), (6, 0));
}
