//! Which actions stand on which match: the rows that Open vSwitch 3.1 was asked.

use rumpswitch_ofp_codec::*;

const INCONSISTENT: Result<(), OfpError> =
    Err(OfpError::BadAction(BadActionCode::MatchInconsistent));

fn matching(fields: &[(OxmField, u128)]) -> Match {
    Match::new(fields.iter().map(|(field, value)| Oxm::new(*field, *value))).unwrap()
}

fn set(field: OxmField, value: u128) -> Action {
    Action::SetField(Oxm::new(field, value))
}

fn ip() -> Match {
    matching(&[(OxmField::EthType, 0x0800)])
}

fn mpls() -> Match {
    matching(&[(OxmField::EthType, 0x8847)])
}

fn tagged() -> Match {
    matching(&[(OxmField::VlanVid, 0x1005)])
}

#[test]
fn actions_that_need_what_the_match_does_not_say() {
    let any = Match::any();
    for (actions, what) in [
        (vec![Action::PopVlan], "pop_vlan no match"),
        (vec![Action::PopMpls(0x0800)], "pop_mpls no match"),
        (vec![Action::DecNwTtl], "dec_nw_ttl no ip"),
        (vec![Action::SetNwTtl(3)], "set_nw_ttl no ip"),
        (vec![Action::SetMplsTtl(3)], "set_mpls_ttl no mpls"),
        (vec![Action::DecMplsTtl], "dec_mpls_ttl no mpls"),
        (vec![Action::PopPbb], "pop_pbb no pbb"),
        (vec![Action::CopyTtlOut], "copy_ttl_out nothing known"),
        (vec![set(OxmField::Ipv4Dst, 1)], "setf ipv4 no prereq"),
        (vec![set(OxmField::VlanVid, 0x1005)], "setf vlan_vid no tag"),
        (vec![set(OxmField::VlanPcp, 1)], "setf vlan_pcp no tag"),
        (vec![set(OxmField::IpProto, 6)], "setf ip_proto no ip"),
        (vec![set(OxmField::PbbIsid, 6)], "setf pbb_isid no pbb"),
    ] {
        assert_eq!(check_actions(&any, &actions), INCONSISTENT, "{what}");
    }
    assert_eq!(check_actions(&ip(), &[set(OxmField::TcpDst, 80)]), INCONSISTENT);
    assert_eq!(check_actions(&ip(), &[set(OxmField::Ipv6Dst, 80)]), INCONSISTENT);
    let untagged = matching(&[(OxmField::VlanVid, 0)]);
    assert_eq!(check_actions(&untagged, &[Action::PopVlan]), INCONSISTENT);
    assert_eq!(check_actions(&tagged(), &[Action::PopVlan, Action::PopVlan]), INCONSISTENT);
}

#[test]
fn actions_that_the_match_allows() {
    let tcp = matching(&[(OxmField::EthType, 0x86dd), (OxmField::IpProto, 6)]);
    let solicitation = matching(&[
        (OxmField::EthType, 0x86dd),
        (OxmField::IpProto, 58),
        (OxmField::Icmpv6Type, 135),
    ]);
    let any_tag = Match::new([Oxm::masked(OxmField::VlanVid, 0x1000, 0x1000)]).unwrap();
    let pbb = matching(&[(OxmField::EthType, 0x88e7)]);
    for (matching, actions) in [
        (ip(), vec![Action::DecNwTtl, Action::SetNwTtl(0), set(OxmField::Ipv4Src, 1)]),
        (tcp, vec![set(OxmField::TcpDst, 80), set(OxmField::IpDscp, 1)]),
        (mpls(), vec![Action::DecMplsTtl, Action::CopyTtlIn, set(OxmField::MplsBos, 1)]),
        (tagged(), vec![set(OxmField::VlanVid, 0x1006), set(OxmField::VlanPcp, 1)]),
        (any_tag, vec![Action::PopVlan]),
        (solicitation, vec![set(OxmField::Ipv6NdTarget, 1), set(OxmField::Ipv6NdSll, 1)]),
        (pbb, vec![set(OxmField::PbbIsid, 1), Action::PopPbb]),
        (Match::any(), vec![set(OxmField::EthDst, 1), set(OxmField::TunnelId, 1)]),
        (Match::any(), vec![Action::PushVlan(0x8100); 3]),
        (Match::any(), vec![Action::PushMpls(0x8847); 4]),
    ] {
        assert_eq!(check_actions(&matching, &actions), Ok(()), "{matching:?} {actions:?}");
    }
}

#[test]
fn actions_change_what_is_known() {
    for (matching, actions, expected) in [
        (Match::any(), vec![Action::PushVlan(0x8100), set(OxmField::VlanVid, 0x1005)], Ok(())),
        (Match::any(), vec![Action::PushVlan(0x8100), Action::PopVlan], Ok(())),
        (
            Match::any(),
            vec![Action::PushVlan(0x8100), Action::PopVlan, set(OxmField::VlanPcp, 1)],
            INCONSISTENT,
        ),
        (ip(), vec![Action::PushMpls(0x8847), Action::DecNwTtl], INCONSISTENT),
        (ip(), vec![Action::PushMpls(0x8847), Action::CopyTtlOut, Action::DecMplsTtl], Ok(())),
        (mpls(), vec![Action::PopMpls(0x0800), Action::DecNwTtl], Ok(())),
        (mpls(), vec![Action::PopMpls(0x0800), Action::DecMplsTtl], INCONSISTENT),
        (mpls(), vec![Action::PopMpls(0x8847), Action::PopMpls(0x86dd)], Ok(())),
        (mpls(), vec![Action::PopMpls(0x0800), set(OxmField::TcpDst, 80)], INCONSISTENT),
        (
            mpls(),
            vec![Action::PopMpls(0x0800), set(OxmField::IpProto, 6), set(OxmField::TcpDst, 80)],
            Ok(()),
        ),
        (Match::any(), vec![set(OxmField::EthType, 0x0800), Action::DecNwTtl], Ok(())),
        (ip(), vec![set(OxmField::EthType, 0x8847), set(OxmField::Ipv4Dst, 1)], INCONSISTENT),
        (Match::any(), vec![Action::PushPbb(0x88e7), set(OxmField::PbbIsid, 1)], Ok(())),
        (tagged(), vec![Action::PushPbb(0x88e7), Action::PopVlan], INCONSISTENT),
    ] {
        assert_eq!(check_actions(&matching, &actions), expected, "{matching:?} {actions:?}");
    }
}

#[test]
fn an_action_set_is_checked_in_its_own_order() {
    let write = |actions| [Instruction::WriteActions(actions)];
    let any = Match::any();
    let vid = set(OxmField::VlanVid, 0x1005);
    let pushed_behind = write(vec![vid.clone(), Action::PushVlan(0x8100)]);
    assert_eq!(check_instructions(&any, &pushed_behind), Ok(()));
    assert_eq!(check_instructions(&any, &write(vec![vid.clone()])), INCONSISTENT);
    assert_eq!(check_instructions(&any, &write(vec![Action::PopVlan])), Ok(()));
    let popped_first = write(vec![vid.clone(), Action::PopVlan]);
    assert_eq!(check_instructions(&tagged(), &popped_first), INCONSISTENT);
    let applied_first = [
        Instruction::WriteActions(vec![vid]),
        Instruction::ApplyActions(vec![Action::PushVlan(0x8100)]),
    ];
    assert_eq!(check_instructions(&any, &applied_first), Ok(()));
    let type_set = write(vec![set(OxmField::Ipv4Dst, 1), set(OxmField::EthType, 0x0800)]);
    assert_eq!(check_instructions(&any, &type_set), Ok(()));
}
