//! TTLs: set, decremented, copied between the two outermost headers that have one, and refused when
//! they run out.

use datapath::DropReason;
use ofp_codec::{Action, Instruction, Oxm, OxmField, PacketInReason};

use crate::bench::{Bench, entry, matching, output};
use crate::frames::{Carrier, carriers};
use crate::stack::Layer::{self, *};
use crate::stack::{Stack, Sum};
use crate::tags::assert_makes;

fn ttl_of(layer: &mut Layer) -> Option<&mut u8> {
    match layer {
        Mpls { ttl, .. } | Ipv4 { ttl, .. } | Ipv6 { ttl, .. } => Some(ttl),
        _ => None,
    }
}

/// Where the TTLs stand that can be reached: not beneath a PBB header.
fn with_ttl(stack: &Stack) -> Vec<usize> {
    let end = stack.0.iter().position(|l| matches!(l, Pbb { .. })).unwrap_or(stack.0.len());
    (0..end).filter(|at| ttl_of(&mut stack.0[*at].clone()).is_some()).collect()
}

fn set(stack: &Stack, at: usize, ttl: u8) -> Stack {
    let mut changed = stack.clone();
    *ttl_of(&mut changed.0[at]).unwrap() = ttl;
    changed
}

/// The outermost TTL of a frame: where it is, the actions that change it, what they need.
struct Outermost {
    at: usize,
    set: fn(u8) -> Action,
    decrement: Action,
    needed: Oxm,
}

fn outermost(carrier: &Carrier) -> Option<Outermost> {
    let at = *with_ttl(&carrier.stack).first()?;
    let needed = Oxm::new(OxmField::EthType, carrier.stack.get(OxmField::EthType).unwrap());
    Some(match carrier.stack.0[at] {
        Mpls { .. } => {
            Outermost { at, set: Action::SetMplsTtl, decrement: Action::DecMplsTtl, needed }
        }
        _ => Outermost { at, set: Action::SetNwTtl, decrement: Action::DecNwTtl, needed },
    })
}

#[test]
fn set_ttl_and_dec_ttl_change_the_outermost_header_of_their_kind() {
    let (mut bench, mut count) = (Bench::new(), 0);
    for carrier in carriers() {
        let Some(Outermost { at, set: set_to, decrement, needed }) = outermost(&carrier) else {
            continue;
        };
        for ttl in [0, 1, 2, 128, 255] {
            let from = set(&carrier.stack, at, ttl);
            let what = format!("TTL {ttl} in {}", carrier.name);
            let needed = std::slice::from_ref(&needed);
            let to = set(&carrier.stack, at, ttl);
            assert_makes(&mut bench, &carrier.stack, needed, set_to(ttl), &to, &what);
            if ttl > 1 {
                let to = set(&carrier.stack, at, ttl - 1);
                assert_makes(&mut bench, &from, needed, decrement.clone(), &to, &what);
            }
            count += 1;
        }
    }
    assert!(count > 500, "{count}");
}

/// A TTL of 0 or 1 is not decremented: the packet ends, and is told of when the controllers asked for
/// that (§5.12, OFPR_INVALID_TTL).
#[test]
fn dec_ttl_of_0_or_1_drops_and_is_reported_when_asked_for() {
    for asked in [false, true] {
        let mut bench = Bench::new();
        bench.switch.tables.set_invalid_ttl_to_controller(asked);
        let mut dropped = 0;
        for carrier in carriers() {
            let Some(Outermost { at, decrement, needed, .. }) = outermost(&carrier) else {
                continue;
            };
            for ttl in [0, 1] {
                let frame = set(&carrier.stack, at, ttl).bytes();
                bench.clear();
                let apply =
                    Instruction::ApplyActions(vec![output(3), decrement.clone(), output(2)]);
                let later = Instruction::WriteActions(vec![output(2)]);
                let fields = matching([needed]);
                bench.add(&entry(fields, vec![apply, later])).unwrap();
                let before = [(3, frame.clone())];
                assert_eq!(
                    bench.send(&frame),
                    before,
                    "what was sent stays sent: {}",
                    carrier.name
                );
                dropped += 1;
                assert_eq!(bench.switch.tables.drop_count(DropReason::InvalidTtl), dropped);
                let told = bench.packet_in();
                assert_eq!(told.is_some(), asked, "{}", carrier.name);
                if let Some(told) = told {
                    assert_eq!((told.reason, told.data), (PacketInReason::InvalidTtl, frame));
                }
            }
        }
    }
}

/// Copies go between the outermost header with a TTL and the next one: label and label, label and IP.
/// IP and IP are such a pair when one is the other's payload. Alone, a header keeps its TTL.
#[test]
fn copy_ttl_goes_between_the_two_outermost_headers_that_have_one() {
    let mut bench = Bench::new();
    let mut all = carriers();
    all.extend(tunnels());
    let mut pairs = 0;
    for carrier in all {
        let Some(Outermost { at, needed, .. }) = outermost(&carrier) else { continue };
        let needed = std::slice::from_ref(&needed);
        let from = set(&carrier.stack, at, 200);
        let inner = with_ttl(&from).get(1).copied();
        let (out, inwards) = match inner {
            Some(inner) => {
                pairs += 1;
                let ttl = *ttl_of(&mut from.0[inner].clone()).unwrap();
                (set(&from, at, ttl), set(&from, inner, 200))
            }
            None => (from.clone(), from.clone()),
        };
        let what = format!("in {}", carrier.name);
        assert_makes(&mut bench, &from, needed, Action::CopyTtlOut, &out, &what);
        assert_makes(&mut bench, &from, needed, Action::CopyTtlIn, &inwards, &what);
    }
    assert_eq!(pairs, 4 * 2 + 3 + 1);
}

/// IP in IP, and a label stack of three.
fn tunnels() -> Vec<Carrier> {
    let all = carriers();
    let of = |name: &str| all.iter().find(|carrier| carrier.name == name).unwrap().stack.clone();
    let (v4, v6) = (of("ipv4/udp"), of("ipv6/udp"));
    let (outer4, outer6) = (v4.0[1].clone(), v6.0[1].clone());
    let inner = |of: &Stack| {
        let mut layers = set(of, 1, 33).0[1..].to_vec();
        // What stands inside is not this packet's transport, and its checksum is its own affair.
        if let Udp { sum, .. } = &mut layers[1] {
            *sum = Sum::Zero;
        }
        layers
    };
    let join = |outer: &Layer, proto, inside: Vec<Layer>| {
        Stack([vec![v4.0[0].clone(), outer.clone(), Protocol(proto)], inside].concat())
    };
    let labels = [1, 2, 3].map(|label| Mpls { label, tc: 0, ttl: 50 });
    let three = Stack([vec![v4.0[0].clone()], labels.to_vec(), inner(&v4)].concat());
    let named = |name: &str, stack| Carrier { name: name.to_owned(), stack, extensions: None };
    vec![
        named("ipv4 in ipv4", join(&outer4, 4, inner(&v4))),
        named("ipv6 in ipv6", join(&outer6, 41, inner(&v6))),
        named("ipv6 in ipv4", join(&outer4, 41, inner(&v6))),
        named(
            "arp beneath a label",
            Stack([vec![v4.0[0].clone(), labels[0].clone()], of("arp").0[1..].to_vec()].concat()),
        ),
        named("three labels", three),
    ]
}
