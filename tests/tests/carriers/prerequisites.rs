//! What set-field needs: asked of flow entries, where the match and the actions before it have to say
//! that the header is there, and not of buckets, which know no match (§7.2.4).

use ofp_codec::OxmField::{self, *};
use ofp_codec::{Action, BadActionCode, Instruction, OfpError, Oxm};

use crate::bench::{Bench, before, entry, matching, output};
use crate::frames::carriers;

const INCONSISTENT: OfpError = OfpError::BadAction(BadActionCode::MatchInconsistent);

/// A settable value.
fn value(field: OxmField) -> Oxm {
    Oxm::new(field, if field == VlanVid { 0x1001 } else { 1 })
}

fn both(actions: Vec<Action>) -> [Vec<Instruction>; 2] {
    [vec![Instruction::ApplyActions(actions.clone())], vec![Instruction::WriteActions(actions)]]
}

/// Each field can be set with the match that it can be matched with, and with nothing less.
#[test]
fn set_field_needs_in_an_entry_what_a_match_of_the_field_needs() {
    let mut bench = Bench::new();
    let all = carriers();
    for field in OxmField::ALL.into_iter().filter(|field| field.info().settable) {
        let owner = all.iter().find(|carrier| {
            carrier.stack.get(field).is_some_and(|value| field != VlanVid || value != 0)
                && before(field, &carrier.stack).is_some()
        });
        let owner = owner.unwrap_or_else(|| panic!("no frame has {field:?}"));
        let mut needed = before(field, &owner.stack).unwrap();
        if field == VlanVid {
            needed = vec![Oxm::masked(field, 0x1000, 0x1000)];
        }
        for instructions in both(vec![Action::SetField(value(field)), output(2)]) {
            bench.clear();
            let given = entry(matching(needed.clone()), instructions.clone());
            assert_eq!(bench.add(&given), Ok(()), "{field:?}");
            for less in 0..needed.len() {
                let fields = matching(needed[..less].to_vec());
                let given = entry(fields, instructions.clone());
                assert_eq!(bench.add(&given), Err(INCONSISTENT), "{field:?} after {less} fields");
            }
        }
        // A bucket asks for nothing.
        assert_eq!(
            bench.group(vec![Action::SetField(value(field)), output(2)]),
            Ok(()),
            "{field:?}"
        );
    }
}

/// What a push puts on is there for what follows it, and what a pop takes off is not.
#[test]
fn pushes_and_pops_count_as_what_they_leave() {
    let mut bench = Bench::new();
    let vid = || Action::SetField(value(VlanVid));
    let set = |field| Action::SetField(value(field));
    let tagged = || vec![Oxm::masked(VlanVid, 0x1000, 0x1000)];
    let typed = |eth_type| vec![Oxm::new(EthType, eth_type)];
    let tcp = || vec![Oxm::new(EthType, 0x0800), Oxm::new(IpProto, 6)];
    let cases = [
        (vec![], vec![Action::PushVlan(0x8100), vid(), set(VlanPcp)], true),
        (vec![], vec![vid(), Action::PushVlan(0x8100)], false),
        (vec![Oxm::new(VlanVid, 0)], vec![vid()], false),
        (vec![Oxm::new(VlanVid, 0x1005)], vec![vid()], true),
        (tagged(), vec![vid(), set(VlanPcp), Action::PopVlan], true),
        (tagged(), vec![Action::PopVlan, vid()], false),
        (tagged(), vec![Action::PushVlan(0x88a8), Action::PopVlan, vid()], true),
        (vec![], vec![Action::PopVlan], false),
        (vec![], vec![Action::PushMpls(0x8847), set(MplsLabel), set(MplsBos)], true),
        (vec![], vec![set(MplsLabel)], false),
        (typed(0x8848), vec![set(MplsTc), Action::DecMplsTtl, Action::PopMpls(0x0800)], true),
        (typed(0x8847), vec![Action::PopMpls(0x0800), set(Ipv4Src), Action::DecNwTtl], true),
        (typed(0x8847), vec![Action::PopMpls(0x0800), set(Ipv6Src)], false),
        (typed(0x8847), vec![Action::PopMpls(0x86dd), set(Ipv6Src), set(IpDscp)], true),
        (typed(0x8847), vec![set(Ipv4Src)], false),
        (vec![], vec![Action::PushPbb(0x88e7), set(PbbIsid)], true),
        (typed(0x88e7), vec![set(PbbIsid), Action::PopPbb], true),
        (typed(0x88e7), vec![Action::PopPbb, set(PbbIsid)], false),
        (vec![], vec![Action::PopPbb], false),
        (tcp(), vec![set(TcpDst), set(Ipv4Dst), set(IpEcn), set(EthDst)], true),
        (tcp(), vec![set(UdpDst)], false),
        (tcp(), vec![Action::SetField(Oxm::new(IpProto, 17)), set(UdpDst)], true),
        (tcp(), vec![Action::SetField(Oxm::new(IpProto, 17)), set(TcpDst)], false),
        (tcp(), vec![Action::SetField(Oxm::new(EthType, 0x86dd)), set(Ipv4Dst)], false),
        (tcp(), vec![Action::PushVlan(0x8100), set(TcpDst)], true),
        (typed(0x0806), vec![set(ArpOp), set(ArpSha), set(ArpTpa)], true),
        (typed(0x0806), vec![Action::DecNwTtl], false),
        (vec![], vec![Action::CopyTtlIn], false),
    ];
    for (fields, mut actions, is_good) in cases {
        actions.push(output(2));
        bench.clear();
        let given =
            entry(matching(fields.clone()), vec![Instruction::ApplyActions(actions.clone())]);
        let expected = if is_good { Ok(()) } else { Err(INCONSISTENT) };
        assert_eq!(bench.add(&given), expected, "{fields:?} {actions:?}");
    }
}

/// ETH_TYPE and MPLS_BOS can be set, which Open vSwitch refuses; what is no header field cannot.
#[test]
fn types_and_the_bottom_of_stack_bit_are_writable() {
    for field in OxmField::ALL {
        let fixed = [InPort, InPhyPort, Metadata, Ipv6Exthdr];
        assert_eq!(field.info().settable, !fixed.contains(&field), "{field:?}");
    }
}
