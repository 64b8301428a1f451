//! The 40 match fields, each by the table of the standard: width, bits that count, masks,
//! prerequisites; and the rules of a match as a whole.

use rumpswitch_tests::contract::multipart;
use rumpswitch_tests::wire::*;

use crate::bed::Bed;
use crate::bytes::*;

/// A row of the standard's table.
pub(crate) struct Field {
    pub(crate) number: u8,
    pub(crate) len: usize,
    pub(crate) bits: u32,
    /// May carry a mask by the text.
    pub(crate) may_be_masked: bool,
    /// What must stand before it: one way to fulfil it.
    pub(crate) needs: &'static [(u8, &'static [u8])],
}

const fn field(
    number: u8,
    len: usize,
    bits: u32,
    may_be_masked: bool,
    needs: &'static [(u8, &'static [u8])],
) -> Field {
    Field { number, len, bits, may_be_masked, needs }
}

const IPV4: (u8, &[u8]) = (5, &[0x08, 0x00]);
const IPV6: (u8, &[u8]) = (5, &[0x86, 0xdd]);
const ARP: (u8, &[u8]) = (5, &[0x08, 0x06]);
const MPLS: (u8, &[u8]) = (5, &[0x88, 0x47]);
const PBB: (u8, &[u8]) = (5, &[0x88, 0xe7]);
const ICMPV6: (u8, &[u8]) = (10, &[58]);

pub(crate) const FIELDS: [Field; 40] = [
    field(0, 4, 32, false, &[]),
    field(1, 4, 32, false, &[(0, &[0, 0, 0, 1])]),
    field(2, 8, 64, true, &[]),
    field(3, 6, 48, true, &[]),
    field(4, 6, 48, true, &[]),
    field(5, 2, 16, false, &[]),
    field(6, 2, 13, true, &[]),
    field(7, 1, 3, false, &[(6, &[0x10, 5])]),
    field(8, 1, 6, false, &[IPV4]),
    field(9, 1, 2, false, &[IPV4]),
    field(10, 1, 8, false, &[IPV4]),
    field(11, 4, 32, true, &[IPV4]),
    field(12, 4, 32, true, &[IPV4]),
    field(13, 2, 16, false, &[IPV4, (10, &[6])]),
    field(14, 2, 16, false, &[IPV4, (10, &[6])]),
    field(15, 2, 16, false, &[IPV4, (10, &[17])]),
    field(16, 2, 16, false, &[IPV4, (10, &[17])]),
    field(17, 2, 16, false, &[IPV4, (10, &[132])]),
    field(18, 2, 16, false, &[IPV4, (10, &[132])]),
    field(19, 1, 8, false, &[IPV4, (10, &[1])]),
    field(20, 1, 8, false, &[IPV4, (10, &[1])]),
    field(21, 2, 16, false, &[ARP]),
    field(22, 4, 32, true, &[ARP]),
    field(23, 4, 32, true, &[ARP]),
    field(24, 6, 48, true, &[ARP]),
    field(25, 6, 48, true, &[ARP]),
    field(26, 16, 128, true, &[IPV6]),
    field(27, 16, 128, true, &[IPV6]),
    field(28, 4, 20, true, &[IPV6]),
    field(29, 1, 8, false, &[IPV6, ICMPV6]),
    field(30, 1, 8, false, &[IPV6, ICMPV6]),
    field(31, 16, 128, false, &[IPV6, ICMPV6, (29, &[135])]),
    field(32, 6, 48, false, &[IPV6, ICMPV6, (29, &[135])]),
    field(33, 6, 48, false, &[IPV6, ICMPV6, (29, &[136])]),
    field(34, 4, 20, false, &[MPLS]),
    field(35, 1, 3, false, &[MPLS]),
    field(36, 1, 1, false, &[MPLS]),
    field(37, 3, 24, true, &[PBB]),
    field(38, 8, 64, true, &[]),
    field(39, 2, 9, true, &[IPV6]),
];

impl Field {
    /// The lowest `bits` bits set, or as many as count.
    pub(crate) fn value(&self, bits: u32) -> Vec<u8> {
        let value = if bits == 128 { u128::MAX } else { (1 << bits) - 1 };
        value.to_be_bytes()[16 - self.len..].to_vec()
    }

    /// A match of the prerequisites, this TLV behind them.
    fn after_needs(&self, tlv: Vec<u8>) -> Vec<Vec<u8>> {
        let needs = self.needs.iter().map(|(number, value)| oxm(*number, value));
        needs.chain([tlv]).collect()
    }
}

fn with(tlvs: &[Vec<u8>]) -> Vec<u8> {
    entry(tlvs, &[])
}

#[test]
fn every_field_is_taken_and_told_as_it_was_given() {
    for field in &FIELDS {
        let mut bed = Bed::new();
        let tlvs = field.after_needs(oxm(field.number, &field.value(field.bits)));
        bed.accept(&with(&tlvs));
        let told = statistics(&mut bed, 1, &flow_request(255, &matching(&[])));
        assert_eq!(told[48..], matching(&tlvs), "field {}", field.number);
    }
}

#[test]
fn a_field_of_another_length_is_bad_len() {
    let mut bed = Bed::new();
    for field in &FIELDS {
        for len in (0..=17).filter(|len| *len != field.len) {
            let tlvs = field.after_needs(oxm(field.number, &vec![0; len]));
            assert_eq!(bed.refused(&with(&tlvs)), (4, 1), "field {} of {len}", field.number);
            let tlvs = field.after_needs(oxm_masked(field.number, &vec![0; len], &vec![0; len]));
            assert_eq!(bed.refused(&with(&tlvs)), (4, 1), "field {} masked, {len}", field.number);
        }
    }
}

#[test]
fn a_value_with_bits_that_do_not_count_is_bad_value() {
    let mut bed = Bed::new();
    for field in FIELDS.iter().filter(|field| field.bits < field.len as u32 * 8) {
        for bits in field.bits + 1..=field.len as u32 * 8 {
            let tlvs = field.after_needs(oxm(field.number, &field.value(bits)));
            assert_eq!(bed.refused(&with(&tlvs)), (4, 7), "field {}, {bits} bits", field.number);
        }
    }
}

#[test]
fn fields_that_may_be_masked_take_any_mask() {
    for field in FIELDS.iter().filter(|field| field.may_be_masked) {
        let mut bed = Bed::new();
        let full = field.value(field.bits);
        let holes: Vec<u8> = full.iter().map(|byte| byte & 0x55).collect();
        for mask in [holes, full.clone(), vec![0; field.len]] {
            let tlvs = field.after_needs(oxm_masked(field.number, &mask, &mask));
            bed.accept(&with(&tlvs));
            let told = statistics(&mut bed, 1, &flow_request(255, &matching(&[])));
            assert_eq!(told[48..], matching(&tlvs), "field {}", field.number);
            bed.accept(&FlowMod { command: 3, ..FlowMod::default() }.message(
                5,
                &matching(&[]),
                &[],
            ));
        }
    }
}

/// Fields that the text lets be matched whole only, and where a mask is an extension that other
/// switches have, too.
const MASKED_BEYOND_THE_TEXT: [u8; 10] = [7, 13, 14, 15, 16, 17, 18, 31, 32, 33];

#[test]
fn a_mask_on_other_fields_is_bad_mask_unless_it_is_all_ones() {
    let mut bed = Bed::new();
    for field in FIELDS.iter().filter(|field| !field.may_be_masked) {
        let full = field.value(field.bits);
        let mut mask = full.clone();
        *mask.last_mut().unwrap() &= 0xfe;
        let tlvs = field.after_needs(oxm_masked(field.number, &mask, &mask));
        if MASKED_BEYOND_THE_TEXT.contains(&field.number) {
            bed.accept(&with(&tlvs));
        } else if field.bits > 1 {
            assert_eq!(bed.refused(&with(&tlvs)), (4, 8), "field {}", field.number);
        }
        let ones = vec![0xff; field.len];
        let wide = if field.bits == field.len as u32 * 8 { ones } else { full.clone() };
        let answers = bed.say(&with(&field.after_needs(oxm_masked(field.number, &full, &wide))));
        assert!(answers.is_empty(), "field {}: {answers:02x?}", field.number);
    }
}

#[test]
fn value_bits_outside_the_mask_are_bad_wildcards() {
    let mut bed = Bed::new();
    for field in FIELDS.iter().filter(|field| field.may_be_masked) {
        let full = field.value(field.bits);
        let mut mask = full.clone();
        *mask.last_mut().unwrap() &= 0xfe;
        let tlvs = field.after_needs(oxm_masked(field.number, &full, &mask));
        assert_eq!(bed.refused(&with(&tlvs)), (4, 5), "field {}", field.number);
    }
}

#[test]
fn every_prerequisite_is_asked_for() {
    let mut bed = Bed::new();
    for field in FIELDS.iter().filter(|field| !field.needs.is_empty()) {
        let tlvs = field.after_needs(oxm(field.number, &field.value(1)));
        for missing in 0..field.needs.len() {
            let mut tlvs = tlvs.clone();
            tlvs.remove(missing);
            assert_eq!(bed.refused(&with(&tlvs)), (4, 9), "field {}", field.number);
        }
        // There, but behind the field.
        let last = tlvs.len() - 1;
        let mut late = tlvs.clone();
        late.swap(last - 1, last);
        assert_eq!(bed.refused(&with(&late)), (4, 9), "field {}", field.number);
        // There, but something else.
        let (number, value) = field.needs[field.needs.len() - 1];
        if number != 0 {
            let mut other = tlvs.clone();
            let value: Vec<u8> = value.iter().map(|byte| byte ^ 0x11).collect();
            let value = if number == 6 { vec![0, 0] } else { value };
            other[last - 1] = oxm(number, &value);
            assert_eq!(bed.refused(&with(&other)), (4, 9), "field {}", field.number);
        }
        bed.accept(&with(&tlvs));
    }
}

#[test]
fn either_way_to_fulfil_a_prerequisite_will_do() {
    let mut bed = Bed::new();
    let of = |eth_type: (u8, &[u8]), rest: &[Vec<u8>]| {
        [&[oxm(eth_type.0, eth_type.1)][..], rest].concat()
    };
    for number in [8, 9, 10] {
        bed.accept(&with(&of(IPV6, &[oxm(number, &[1])])));
    }
    for (proto, number) in [(6, 13), (6, 14), (17, 15), (17, 16), (132, 17), (132, 18)] {
        bed.accept(&with(&of(IPV6, &[oxm(10, &[proto]), oxm(number, &[0, 7])])));
    }
    for (number, value) in [(34, &[0, 0, 0, 1][..]), (35, &[1]), (36, &[1])] {
        bed.accept(&with(&of((5, &[0x88, 0x48]), &[oxm(number, value)])));
    }
    let target = oxm(31, &[1; 16]);
    bed.accept(&with(&of(IPV6, &[oxm(10, &[58]), oxm(29, &[136]), target])));
    let any_tag = oxm_masked(6, &[0x10, 0], &[0x10, 0]);
    bed.accept(&with(&[any_tag, oxm(7, &[3])]));
}

#[test]
fn a_prerequisite_is_an_exact_value() {
    let mut bed = Bed::new();
    let masked = oxm_masked(5, &[8, 0], &[0xff, 0]);
    assert_eq!(bed.refused(&with(&[masked, oxm(10, &[6])])), (4, 8));
    let no_type = oxm_masked(5, &[0, 0], &[0, 0]);
    let (kind, code) = bed.refused(&with(&[no_type, oxm(10, &[6])]));
    assert!((kind, code) == (4, 9) || (kind, code) == (4, 8), "{kind}/{code}");
}

#[test]
fn a_field_may_stand_once() {
    let mut bed = Bed::new();
    for field in &FIELDS {
        let tlv = oxm(field.number, &field.value(1));
        let mut tlvs = field.after_needs(tlv.clone());
        tlvs.push(tlv);
        assert_eq!(bed.refused(&with(&tlvs)), (4, 10), "field {}", field.number);
    }
}

#[test]
fn unknown_fields_and_classes_are_bad_field() {
    let mut bed = Bed::new();
    for number in 40..128 {
        assert_eq!(bed.refused(&with(&[oxm(number, &[0; 4])])), (4, 6), "field {number}");
    }
    for class in [2, 0x7fff, 0x8001, 0x8002, 0xfffe] {
        let tlv = oxm_class(class, 3, false, &[0; 6]);
        assert_eq!(bed.refused(&with(&[tlv])), (4, 6), "class {class:#x}");
    }
    for experimenter in [0x4f4e_4600_u32, 0x2320, 0x12_3456] {
        let payload = [&experimenter.to_be_bytes()[..], &[1, 2]].concat();
        let tlv = oxm_class(0xffff, 42, false, &payload);
        assert_eq!(bed.refused(&with(&[tlv])), (4, 6), "experimenter {experimenter:#x}");
    }
}

#[test]
fn a_match_whose_lengths_do_not_add_up_is_bad_len() {
    let mut bed = Bed::new();
    let raw = |len: u16, content: &[u8]| {
        FlowMod::default().message(5, &matching_raw(1, len, content), &[])
    };
    for len in [0, 1, 2, 3] {
        assert_eq!(bed.refused(&raw(len, &[])), (4, 1), "length {len}");
    }
    for len in [12, 100, 0xffff] {
        assert_eq!(bed.refused(&raw(len, &[])), (4, 1), "length {len} over the end");
    }
    let in_port = oxm(0, &[0, 0, 0, 1]);
    for cut in 1..in_port.len() {
        let content = &in_port[..cut];
        assert_eq!(bed.refused(&raw(4 + cut as u16, content)), (4, 1), "cut at {cut}");
    }
    for kind in [0, 2, 0xffff] {
        let message = FlowMod::default().message(5, &matching_raw(kind, 4, &[]), &[]);
        assert_eq!(bed.refused(&message), (4, 0), "type {kind}");
    }
}

#[test]
fn an_all_ones_mask_is_no_mask_and_an_all_zeros_mask_no_field() {
    let mut bed = Bed::new();
    let full = oxm_masked(3, &[2; 6], &[0xff; 6]);
    let strict = FlowMod { command: 4, ..FlowMod::default() };
    bed.accept(&with(&[full]));
    bed.accept(&strict.message(5, &matching(&[oxm(3, &[2; 6])]), &[]));
    assert_eq!(bed.flows(), [], "the same entry");
    bed.accept(&with(&[oxm_masked(3, &[0; 6], &[0; 6])]));
    bed.accept(&strict.message(5, &matching(&[]), &[]));
    assert_eq!(bed.flows(), [], "the same entry");
}

#[test]
fn the_order_of_fields_does_not_make_another_entry() {
    let mut bed = Bed::new();
    let (port, mac) = (oxm(0, &[0, 0, 0, 1]), oxm(3, &[2; 6]));
    bed.accept(&with(&[port.clone(), mac.clone()]));
    bed.accept(&with(&[mac.clone(), port.clone()]));
    let told = statistics(&mut bed, 1, &flow_request(255, &matching(&[])));
    let told = entries(&told);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0][48..], matching(&[mac, port]), "as given last");
}

#[test]
fn bad_matches_in_requests_for_statistics_are_refused_alike() {
    let mut bed = Bed::new();
    for kind in [1, 2] {
        for (tlv, code) in [
            (oxm(13, &[0, 1]), 9),
            (oxm(40, &[1]), 6),
            (oxm(3, &[1]), 1),
            (oxm_masked(3, &[1; 6], &[0; 6]), 5),
        ] {
            let body = flow_request(255, &matching(&[tlv]));
            assert_eq!(bed.refused(&multipart(5, kind, 0, &body)), (4, code));
        }
    }
}

/// A frame with this tag, or none.
fn frame(tag: Option<u16>) -> Vec<u8> {
    let mut frame = vec![2; 12];
    if let Some(tci) = tag {
        frame.extend([0x81, 0]);
        frame.extend(tci.to_be_bytes());
    }
    frame.extend([0x12, 0x34]);
    frame.resize(60, 0);
    frame
}

#[test]
fn vlan_vid_matches_by_its_present_bit() {
    let (none, zero, five, six) =
        (frame(None), frame(Some(0)), frame(Some(5)), frame(Some(0x6006)));
    for (what, tlvs, expected) in [
        ("field absent", vec![], [true; 4]),
        ("NONE", vec![oxm(6, &[0, 0])], [true, false, false, false]),
        ("any tag", vec![oxm_masked(6, &[0x10, 0], &[0x10, 0])], [false, true, true, true]),
        ("VID 5", vec![oxm(6, &[0x10, 5])], [false, false, true, false]),
        (
            "VID 5 with a mask",
            vec![oxm_masked(6, &[0x10, 5], &[0x1f, 0xff])],
            [false, false, true, false],
        ),
        ("VID 0", vec![oxm(6, &[0x10, 0])], [false, true, false, false]),
        ("VID without PRESENT", vec![oxm(6, &[0, 5])], [false; 4]),
        (
            "PCP 3 of any tag",
            vec![oxm_masked(6, &[0x10, 0], &[0x10, 0]), oxm(7, &[3])],
            [false, false, false, true],
        ),
    ] {
        let mut bed = Bed::new();
        bed.accept(&entry(&tlvs, &[apply(&[output(2)])]));
        let matched = [&none, &zero, &five, &six].map(|frame| !bed.frame(1, frame).is_empty());
        assert_eq!(matched, expected, "{what}");
    }
}
