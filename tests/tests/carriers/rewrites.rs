//! Set-field: each settable field of each frame, by every way that an action gets to a packet, compared
//! with the frame built anew.

use ofp_codec::{Action, FlowMod, Instruction, Oxm, OxmField, TableId};

use crate::bench::{Bench, before, entry, matching, output};
use crate::frames::carriers;
use crate::stack::{Layer, Stack, Sum};

/// Fields of bytes that set-field writes.
fn settable() -> impl Iterator<Item = OxmField> {
    OxmField::ALL.into_iter().filter(|field| field.info().settable && *field != OxmField::TunnelId)
}

/// Values to write over `old`.
fn values(field: OxmField, old: u128) -> Vec<u128> {
    let ones = field.all_ones();
    let mut all = match field {
        OxmField::VlanVid => vec![0x1000, 0x1fff, 0x1001, old ^ 0xfff, old],
        // What frames may be taken for without another length.
        OxmField::EthType => vec![0x8848, 0x88cc, 0x0801, 0xffff],
        OxmField::IpProto => vec![253, 254, 89],
        // Neither of these has fields of its own.
        OxmField::Icmpv6Type => vec![129, 1, 255],
        _ => vec![0, ones, old ^ ones, old ^ 1, old, 0x5a5a_5a5a_5a5a_5a5a_5a5a & ones],
    };
    all.dedup();
    all
}

/// The field may be written here: a neighbour message's type decides what the bytes behind it are.
fn is_plain(stack: &Stack, field: OxmField) -> bool {
    let is_neighbour = stack.0.iter().any(|layer| matches!(layer, Layer::Neighbour { .. }));
    !(is_neighbour && matches!(field, OxmField::Icmpv6Type | OxmField::Icmpv6Code))
}

/// Set-field changes the field's bits and the checksums that cover them, and nothing else: applied,
/// written to the action set, in a group's bucket, in a packet-out; and the next table sees it (§7.2.5).
#[test]
fn set_field_changes_the_field_and_its_checksums_by_every_way() {
    let mut bench = Bench::new();
    let mut count = 0;
    for carrier in carriers() {
        let frame = carrier.stack.bytes();
        for field in settable() {
            let Some(needed) = before(field, &carrier.stack) else { continue };
            let Some(old) = carrier.stack.get(field).filter(|_| is_plain(&carrier.stack, field))
            else {
                continue;
            };
            if field == OxmField::VlanVid && old == 0 {
                continue;
            }
            let needed = match field {
                OxmField::VlanVid => vec![Oxm::masked(field, 0x1000, 0x1000)],
                _ => needed,
            };
            for value in values(field, old) {
                let expected = carrier.stack.with(field, value).bytes();
                let what = format!("{field:?}={value:#x} of {}", carrier.name);
                ways(&mut bench, &needed, Oxm::new(field, value), &frame, &expected, &what);
                count += 1;
            }
        }
    }
    assert!(count > 5_000, "{count} changes");
}

fn ways(bench: &mut Bench, needed: &[Oxm], oxm: Oxm, frame: &[u8], expected: &[u8], what: &str) {
    let set = Action::SetField(oxm);
    let both = vec![(2, expected.to_vec()), (3, expected.to_vec())];
    // Applied, and seen by the next table.
    bench.clear();
    let now = Instruction::ApplyActions(vec![set.clone(), output(2)]);
    let then = Instruction::GotoTable(TableId(1));
    bench.add(&entry(matching(needed.to_vec()), vec![now, then])).unwrap();
    let sees = if oxm.field == OxmField::EthType || oxm.field == OxmField::IpProto {
        needed.iter().filter(|need| need.field != oxm.field).cloned().collect()
    } else {
        needed.to_vec()
    };
    let fields = sees.into_iter().filter(|need| need.field != oxm.field).chain([oxm]);
    let apply = vec![Instruction::ApplyActions(vec![output(3)])];
    let next = FlowMod { table_id: TableId(1), ..entry(matching(fields), apply) };
    bench.add(&next).unwrap();
    assert_eq!(bench.send(frame), both, "applied: {what}");
    // Written.
    bench.clear();
    let later = Instruction::WriteActions(vec![output(2), set.clone()]);
    bench.add(&entry(matching(needed.to_vec()), vec![later])).unwrap();
    assert_eq!(bench.send(frame), both[..1], "written: {what}");
    // In a bucket.
    bench.clear();
    bench.group(vec![output(2), set.clone()]).unwrap();
    let group = Action::Group(ofp_codec::GroupId(1));
    bench
        .add(&entry(matching([]), vec![Instruction::ApplyActions(vec![group, output(3)])]))
        .unwrap();
    let mixed = [(2, expected.to_vec()), (3, frame.to_vec())];
    assert_eq!(bench.send(frame), mixed, "by a bucket, which works on a copy: {what}");
    // In a packet-out.
    assert_eq!(bench.packet_out(frame, vec![set, output(2)]), both[..1], "sent out: {what}");
}

/// A UDP checksum of which 0 remains is written 0xffff, for 0 says that there is none (RFC 768).
#[test]
fn a_udp_checksum_that_comes_to_0_is_written_as_ffff() {
    let mut bench = Bench::new();
    let mut count = 0;
    for carrier in carriers() {
        let Some(at) =
            carrier.stack.0.iter().position(|l| matches!(l, Layer::Udp { sum: Sum::Right, .. }))
        else {
            continue;
        };
        let Some(needed) = before(OxmField::UdpDst, &carrier.stack) else { continue };
        let transport = Stack(carrier.stack.0[at..].to_vec()).bytes().len();
        let frame = carrier.stack.bytes();
        let sum_at = frame.len() - transport + 6;
        let sum_of = |bytes: &[u8]| u16::from_be_bytes([bytes[sum_at], bytes[sum_at + 1]]);
        // The port that takes up what the sum lacks.
        let port = u32::from(sum_of(&frame)) + 2222;
        let port = (port & 0xffff) + (port >> 16);
        let expected = carrier.stack.with(OxmField::UdpDst, port.into()).bytes();
        assert_eq!(sum_of(&expected), 0xffff, "{}", carrier.name);
        bench.clear();
        let set = Action::SetField(Oxm::new(OxmField::UdpDst, port.into()));
        let apply = vec![Instruction::ApplyActions(vec![set, output(2)])];
        bench.add(&entry(matching(needed), apply)).unwrap();
        assert_eq!(bench.send(&frame), [(2, expected)], "{}", carrier.name);
        count += 1;
    }
    assert!(count > 20, "{count} frames");
}

/// Several changes in one list add up, checksums too.
#[test]
fn changes_of_one_list_add_up() {
    let mut bench = Bench::new();
    for carrier in carriers() {
        let frame = carrier.stack.bytes();
        let mut expected = carrier.stack.clone();
        let mut actions = Vec::new();
        for field in settable() {
            let derived = [OxmField::EthType, OxmField::IpProto, OxmField::MplsBos];
            let Some(old) = expected.get(field).filter(|_| is_plain(&expected, field)) else {
                continue;
            };
            if derived.contains(&field) || field == OxmField::VlanVid && old == 0 {
                continue;
            }
            let value = match field {
                OxmField::Icmpv6Type => 129,
                OxmField::VlanVid => old ^ 0xa5,
                _ => (old ^ 0xa5a5_a5a5_a5a5_a5a5_a5a5_a5a5_a5a5_a5a5) & field.all_ones(),
            };
            expected = expected.with(field, value);
            actions.push(Action::SetField(Oxm::new(field, value)));
        }
        actions.push(output(2));
        let sent = bench.packet_out(&frame, actions);
        assert_eq!(sent, [(2, expected.bytes())], "{}", carrier.name);
    }
}

/// Set-field of TUNNEL_ID changes no byte; the next table sees it, and so does the port.
#[test]
fn tunnel_id_rides_beside_the_frame() {
    let mut bench = Bench::new();
    for carrier in carriers() {
        let frame = carrier.stack.bytes();
        bench.clear();
        let id = Oxm::new(OxmField::TunnelId, 0x0123_4567_89ab_cdef);
        let set = Instruction::ApplyActions(vec![Action::SetField(id)]);
        let goto = Instruction::GotoTable(TableId(1));
        bench.add(&entry(matching([]), vec![set, goto])).unwrap();
        let apply = vec![Instruction::ApplyActions(vec![output(2)])];
        bench.add(&FlowMod { table_id: TableId(1), ..entry(matching([id]), apply) }).unwrap();
        assert_eq!(bench.send(&frame), [(2, frame.clone())], "{}", carrier.name);
    }
}
