//! Pushes and pops on every frame: what a new header takes over from those that are there (§5.12.1),
//! and that nothing else changes.

use ofp_codec::{Action, Instruction, Oxm, OxmField};

use crate::bench::{Bench, controller, entry, matching, output};
use crate::frames::carriers;
use crate::stack::Layer::{self, *};
use crate::stack::Stack;

/// Bytes of the shortest frame.
const SHORTEST: usize = 60;

/// Whether `action` makes `expected` of the frame by every way, the next table and a packet-in too.
pub(crate) fn assert_makes(
    bench: &mut Bench,
    from: &Stack,
    needed: &[Oxm],
    action: Action,
    to: &Stack,
    what: &str,
) {
    let (frame, mut expected) = (from.bytes(), to.bytes());
    if expected.len() < frame.len() {
        expected.resize(expected.len().max(SHORTEST), 0);
    }
    bench.clear();
    let apply = Instruction::ApplyActions(vec![action.clone(), output(2), controller()]);
    bench.add(&entry(matching(needed.to_vec()), vec![apply])).unwrap();
    assert_eq!(bench.send(&frame), [(2, expected.clone())], "applied: {what}");
    let packet_in = bench.packet_in().unwrap();
    assert_eq!(packet_in.data, expected, "in a packet-in: {what}");
    assert_eq!(usize::from(packet_in.total_len), expected.len(), "in a packet-in: {what}");
    bench.clear();
    let write = Instruction::WriteActions(vec![action.clone(), output(2)]);
    bench.add(&entry(matching(needed.to_vec()), vec![write])).unwrap();
    assert_eq!(bench.send(&frame), [(2, expected.clone())], "written: {what}");
    bench.clear();
    bench.group(vec![action.clone(), output(2)]).unwrap();
    let group = Instruction::ApplyActions(vec![Action::Group(ofp_codec::GroupId(1)), output(3)]);
    bench.add(&entry(matching([]), vec![group])).unwrap();
    assert_eq!(bench.send(&frame), [(2, expected), (3, frame)], "by a bucket: {what}");
}

/// What stands in the frame, by field, 0 where it does not.
fn taken_over(stack: &Stack, field: OxmField) -> u32 {
    stack.get(field).unwrap_or(0) as u32
}

fn inserted(stack: &Stack, at: usize, layers: &[Layer]) -> Stack {
    let mut changed = stack.clone();
    changed.0.splice(at..at, layers.iter().cloned());
    changed
}

/// The TTL of the outermost label, else of IP, else 0.
fn outermost_ttl(stack: &Stack) -> u8 {
    let seen = stack.0.iter().take_while(|layer| !matches!(layer, Pbb { .. }));
    let ttl = seen.filter_map(|layer| match layer {
        Mpls { ttl, .. } | Ipv4 { ttl, .. } | Ipv6 { ttl, .. } => Some(*ttl),
        _ => None,
    });
    ttl.into_iter().next().unwrap_or(0)
}

#[test]
fn push_vlan_copies_vid_and_pcp_of_the_outermost_tag() {
    let mut bench = Bench::new();
    for carrier in carriers() {
        for kind in [0x8100, 0x88a8] {
            let vid = (taken_over(&carrier.stack, OxmField::VlanVid) & 0xfff) as u16;
            let pcp = taken_over(&carrier.stack, OxmField::VlanPcp) as u16;
            let pushed = inserted(&carrier.stack, 1, &[Vlan { kind, pcp, vid }]);
            let what = format!("push_vlan:{kind:#x} on {}", carrier.name);
            assert_makes(&mut bench, &carrier.stack, &[], Action::PushVlan(kind), &pushed, &what);
        }
    }
}

#[test]
fn push_mpls_copies_the_outermost_label_or_the_ttl_of_ip_and_goes_before_all_tags() {
    let mut bench = Bench::new();
    for carrier in carriers() {
        for kind in [0x8847, 0x8848] {
            let label = taken_over(&carrier.stack, OxmField::MplsLabel);
            let tc = taken_over(&carrier.stack, OxmField::MplsTc);
            let entry = Mpls { label, tc, ttl: outermost_ttl(&carrier.stack) };
            let pushed = inserted(&carrier.stack, 1, &[Typed(kind), entry]);
            let what = format!("push_mpls:{kind:#x} on {}", carrier.name);
            assert_makes(&mut bench, &carrier.stack, &[], Action::PushMpls(kind), &pushed, &what);
        }
    }
}

#[test]
fn push_pbb_keeps_both_addresses_and_copies_the_priority_and_the_outermost_isid() {
    let mut bench = Bench::new();
    for carrier in carriers() {
        let pcp = taken_over(&carrier.stack, OxmField::VlanPcp);
        let isid = taken_over(&carrier.stack, OxmField::PbbIsid);
        let pushed = inserted(&carrier.stack, 1, &[Pbb { pcp, isid }, carrier.stack.0[0].clone()]);
        let what = format!("push_pbb on {}", carrier.name);
        assert_makes(&mut bench, &carrier.stack, &[], Action::PushPbb(0x88e7), &pushed, &what);
    }
}

#[test]
fn pop_vlan_takes_the_outermost_tag() {
    let (mut bench, mut count) = (Bench::new(), 0);
    let tagged = Oxm::masked(OxmField::VlanVid, 0x1000, 0x1000);
    for carrier in carriers() {
        if !matches!(carrier.stack.0[1], Vlan { .. }) {
            continue;
        }
        let mut popped = carrier.stack.clone();
        popped.0.remove(1);
        let what = format!("pop_vlan of {}", carrier.name);
        let needed = std::slice::from_ref(&tagged);
        assert_makes(&mut bench, &carrier.stack, needed, Action::PopVlan, &popped, &what);
        count += 1;
    }
    assert!(count > 100);
}

#[test]
fn pop_mpls_takes_the_outermost_label_and_names_what_is_left() {
    let (mut bench, mut count) = (Bench::new(), 0);
    for carrier in carriers() {
        let Some(at) = carrier.stack.0.iter().position(|layer| matches!(layer, Mpls { .. })) else {
            continue;
        };
        let needed = [Oxm::new(OxmField::EthType, 0x8847)];
        for kind in [0x0800, 0x86dd, 0x8847, 0x8848, 0x0806] {
            let mut popped = carrier.stack.clone();
            popped.0[at] = Typed(kind);
            let what = format!("pop_mpls:{kind:#x} of {}", carrier.name);
            assert_makes(
                &mut bench,
                &carrier.stack,
                &needed,
                Action::PopMpls(kind),
                &popped,
                &what,
            );
            count += 1;
        }
    }
    assert_eq!(count, 4 * 2 * 5);
}

#[test]
fn pop_pbb_brings_the_customers_addresses_to_the_front() {
    let (mut bench, mut count) = (Bench::new(), 0);
    for carrier in carriers() {
        let Some(at) = carrier.stack.0.iter().position(|layer| matches!(layer, Pbb { .. })) else {
            continue;
        };
        // The customer's addresses, the backbone's tags, the customer's tags.
        let layers = &carrier.stack.0;
        let popped = [&layers[at + 1..at + 2], &layers[1..at], &layers[at + 2..]].concat();
        let needed = [Oxm::new(OxmField::EthType, 0x88e7)];
        let what = format!("pop_pbb of {}", carrier.name);
        assert_makes(&mut bench, &carrier.stack, &needed, Action::PopPbb, &Stack(popped), &what);
        count += 1;
    }
    assert_eq!(count, 4);
}

/// What is pushed on and taken off again leaves every frame as it was.
#[test]
fn a_push_and_its_pop_undo_each_other() {
    let mut bench = Bench::new();
    for carrier in carriers() {
        let frame = carrier.stack.bytes();
        let eth_type = carrier.stack.get(OxmField::EthType).unwrap() as u16;
        let front = match carrier.stack.0[1] {
            Vlan { kind, .. } => kind,
            _ => eth_type,
        };
        let pairs = [
            (Action::PushVlan(0x88a8), Action::PopVlan),
            (Action::PushMpls(0x8847), Action::PopMpls(front)),
            (Action::PushPbb(0x88e7), Action::PopPbb),
        ];
        for (push, pop) in pairs {
            for depth in 1..4 {
                let again = match &pop {
                    Action::PopMpls(_) => Action::PopMpls(0x8847),
                    pop => pop.clone(),
                };
                let mut actions = vec![push.clone(); depth];
                actions.extend(vec![again; depth - 1]);
                actions.extend([pop.clone(), output(2)]);
                let sent = bench.packet_out(&frame, actions);
                assert_eq!(sent, [(2, frame.clone())], "{push:?} x {depth} on {}", carrier.name);
            }
        }
    }
}
