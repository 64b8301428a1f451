//! Matching: each field of each frame by its value, by another, and through masks.

use ofp_codec::{Instruction, Oxm, OxmField};

use crate::bench::{Bench, before, entry, matching, output};
use crate::frames::{Carrier, carriers};
use crate::stack::Stack;

/// The field of a frame, the bits of its extension headers too.
fn value(carrier: &Carrier, field: OxmField) -> Option<u128> {
    match field {
        OxmField::Ipv6Exthdr => carrier.extensions,
        _ => carrier.stack.get(field),
    }
}

/// Whether the frame comes through an entry of `oxm` and what it needs.
fn passes(bench: &mut Bench, needed: &[Oxm], oxm: Oxm, frame: &[u8]) -> bool {
    bench.clear();
    let fields = needed.iter().cloned().chain([oxm]);
    let instructions = vec![Instruction::ApplyActions(vec![output(2)])];
    bench.add(&entry(matching(fields), instructions)).unwrap();
    let sent = bench.send(frame);
    assert!(sent.iter().all(|(port, bytes)| *port == 2 && bytes == frame), "passed changed");
    !sent.is_empty()
}

/// Masks that tell every bit of a field from every other.
fn masks(field: OxmField) -> impl Iterator<Item = u128> {
    let ones = field.all_ones();
    let bits = field.info().bits;
    let striped = (0..7).map(move |shift| {
        let width = 1u32 << shift;
        (0..128).filter(|bit| (bit / width) & 1 == 0).fold(0u128, |mask, bit| mask | 1 << bit)
    });
    let prefixes = (1..u32::from(bits)).step_by(5).map(move |len| ones & !(ones >> len));
    striped.chain(prefixes).map(move |mask| mask & ones).filter(|mask| *mask != 0)
}

/// A field is matched by its value and by no value that differs in one bit (§7.2.3.7).
#[test]
fn every_field_of_every_frame_matches_its_value_and_no_neighbour_of_it() {
    let mut bench = Bench::new();
    let mut count = 0;
    for carrier in carriers() {
        let frame = carrier.stack.bytes();
        for field in OxmField::ALL {
            let Some(needed) = before(field, &carrier.stack) else { continue };
            let Some(value) = value(&carrier, field) else { continue };
            let is_hit = passes(&mut bench, &needed, Oxm::new(field, value), &frame);
            assert!(is_hit, "{field:?} {value:#x} of {}", carrier.name);
            for bit in (0..field.info().bits).step_by(1 + usize::from(field.info().bits / 9)) {
                let other = value ^ 1 << bit;
                // What a match says of a field that it needs itself, or of no possible tag.
                if field == OxmField::VlanVid && other & 0x1000 == 0 && other != 0 {
                    continue;
                }
                let is_hit = passes(&mut bench, &needed, Oxm::new(field, other), &frame);
                assert!(!is_hit, "{field:?} {other:#x} of {}, which has {value:#x}", carrier.name);
                count += 1;
            }
        }
    }
    assert!(count > 10_000, "{count} values");
}

/// A mask's ones are compared, its zeros are not (§7.2.3.5).
#[test]
fn every_maskable_field_matches_by_the_ones_of_its_mask_alone() {
    let mut bench = Bench::new();
    let mut count = 0;
    for carrier in carriers() {
        let frame = carrier.stack.bytes();
        for field in OxmField::ALL.into_iter().filter(|field| field.info().maskable) {
            let Some(needed) = before(field, &carrier.stack) else { continue };
            let Some(value) = value(&carrier, field) else { continue };
            for mask in masks(field) {
                let hit = Oxm::masked(field, value & mask, mask);
                assert!(
                    passes(&mut bench, &needed, hit, &frame),
                    "{field:?}/{mask:#x} {}",
                    carrier.name
                );
                let lowest = mask & mask.wrapping_neg();
                let miss = Oxm::masked(field, (value ^ lowest) & mask, mask);
                assert!(
                    !passes(&mut bench, &needed, miss, &frame),
                    "{field:?}/{mask:#x} {}",
                    carrier.name
                );
                count += 1;
            }
        }
    }
    assert!(count > 10_000, "{count} masks");
}

/// A field that a frame lacks is matched by no entry that names it, whatever the value and mask: not
/// even by 0, which is what no bytes are.
#[test]
fn no_entry_matches_a_field_that_the_frame_lacks() {
    let mut bench = Bench::new();
    let all = carriers();
    let mut count = 0;
    for field in OxmField::ALL {
        // A frame that has the field says what a match of it needs.
        let owner = all.iter().find(|carrier| {
            value(carrier, field).is_some() && before(field, &carrier.stack).is_some()
        });
        let owner = owner.unwrap_or_else(|| panic!("no frame has {field:?}"));
        let needed = before(field, &owner.stack).unwrap();
        for other in all.iter().filter(|other| value(other, field).is_none()) {
            for value in [0, field.all_ones(), value(owner, field).unwrap()] {
                let frame = other.stack.bytes();
                let oxm = Oxm::new(field, value);
                assert!(!passes(&mut bench, &needed, oxm, &frame), "{field:?} {}", other.name);
                count += 1;
            }
        }
    }
    assert!(count > 5_000, "{count} frames");
}

/// VLAN_VID's special values: 0 for no tag, 0x1000/0x1000 for any tag (§7.2.3.7).
#[test]
fn vlan_vid_tells_no_tag_any_tag_and_a_priority_tag_apart() {
    let mut bench = Bench::new();
    for carrier in carriers() {
        let tagged = carrier.stack.get(OxmField::VlanVid) != Some(0);
        let frame = carrier.stack.bytes();
        let vid = OxmField::VlanVid;
        assert_eq!(passes(&mut bench, &[], Oxm::new(vid, 0), &frame), !tagged, "{}", carrier.name);
        let any = Oxm::masked(vid, 0x1000, 0x1000);
        assert_eq!(passes(&mut bench, &[], any, &frame), tagged, "{}", carrier.name);
        let zero = Oxm::new(vid, 0x1000);
        assert!(!passes(&mut bench, &[], zero, &frame), "{}", carrier.name);
        if tagged {
            let priority = carrier.stack.with(vid, 0).bytes();
            assert!(passes(&mut bench, &[], zero, &priority), "{}", carrier.name);
            let pcp = carrier.stack.get(OxmField::VlanPcp).unwrap();
            let pcp = Oxm::new(OxmField::VlanPcp, pcp);
            assert!(passes(&mut bench, &[any], pcp, &frame), "any tag is enough for VLAN_PCP");
        }
    }
}

/// A frame cut anywhere, and one with bytes behind its end, is matched by what is whole in it, and
/// passes as it is.
#[test]
fn cut_and_padded_frames_pass_unchanged() {
    let mut bench = Bench::new();
    bench.add(&entry(matching([]), vec![Instruction::ApplyActions(vec![output(2)])])).unwrap();
    // Something that makes every packet be read to the end of its headers.
    let deep = [(OxmField::EthType, 0x86dd), (OxmField::IpProto, 58), (OxmField::Icmpv6Type, 135)];
    let deep = deep.map(|(field, value)| Oxm::new(field, value));
    let target = Oxm::new(OxmField::Ipv6NdTarget, 1);
    let drop = ofp_codec::FlowMod {
        priority: 7,
        ..entry(matching(deep.into_iter().chain([target])), vec![])
    };
    bench.add(&drop).unwrap();
    for Carrier { stack: Stack(layers), name, .. } in carriers() {
        let whole = Stack(layers).bytes();
        for len in 14..whole.len() {
            assert_eq!(bench.send(&whole[..len]), [(2, whole[..len].to_vec())], "{name} to {len}");
        }
        let padded = [whole, vec![0xee; 31]].concat();
        assert_eq!(bench.send(&padded), [(2, padded.clone())], "{name}");
    }
}
