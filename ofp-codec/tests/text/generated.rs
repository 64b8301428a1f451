//! Generated flows print and read as the same; any text at all is read or refused, without a panic.

use proptest::prelude::*;
use rumpswitch_ofp_codec::text::{
    NoNames, parse_actions, parse_flow, parse_flows, parse_groups, parse_instructions, parse_match,
    parse_meters,
};
use rumpswitch_ofp_codec::{
    Action, Bucket, FlowMod, FlowModCommand, FlowModFlags, GroupId, GroupMod, GroupModCommand,
    GroupType, Instruction, Match, MaxLen, Message, MeterId, Oxm, OxmField, PortNo, TableId,
};

/// A value of a field, its mask if it takes one; zeros and all-ones masks are no matches to
/// compare.
fn oxm(field: OxmField) -> impl Strategy<Value = Oxm> {
    (any::<u128>(), any::<u128>(), any::<bool>()).prop_map(move |(value, mask, is_masked)| {
        let all_ones = field.all_ones();
        let mask = mask & all_ones;
        if is_masked && field.info().maskable && mask != 0 && mask != all_ones {
            Oxm::masked(field, value & mask, mask)
        } else {
            Oxm::new(field, value & all_ones)
        }
    })
}

/// Fields that go together, after the exact ones that they need.
fn family(needs: Vec<Oxm>, fields: Vec<OxmField>) -> BoxedStrategy<Vec<Oxm>> {
    let optional: Vec<_> =
        fields.into_iter().map(|field| proptest::option::weighted(0.4, oxm(field))).collect();
    optional
        .prop_map(move |chosen| needs.iter().copied().chain(chosen.into_iter().flatten()).collect())
        .boxed()
}

fn fields_of_a_protocol() -> BoxedStrategy<Vec<Oxm>> {
    use OxmField as F;
    let exact = Oxm::new;
    let eth = |value| exact(F::EthType, value);
    let ip = |value, proto| vec![eth(value), exact(F::IpProto, proto)];
    let v4 = [F::Ipv4Src, F::Ipv4Dst, F::IpDscp, F::IpEcn];
    let v6 = [F::Ipv6Src, F::Ipv6Dst, F::Ipv6Flabel, F::Ipv6Exthdr, F::IpDscp, F::IpEcn];
    let with = |base: &[F], more: &[F]| [base, more].concat();
    let mut solicit = ip(0x86dd, 58);
    solicit.push(exact(F::Icmpv6Type, 135));
    let mut advert = ip(0x86dd, 58);
    advert.push(exact(F::Icmpv6Type, 136));
    prop_oneof![
        Just(Vec::new()),
        oxm(F::EthType).prop_map(|oxm| vec![oxm]),
        family(vec![eth(0x0800)], with(&v4, &[F::IpProto])),
        family(vec![eth(0x86dd)], with(&v6, &[F::IpProto])),
        family(ip(0x0800, 6), with(&v4, &[F::TcpSrc, F::TcpDst])),
        family(ip(0x0800, 17), with(&v4, &[F::UdpSrc, F::UdpDst])),
        family(ip(0x0800, 132), with(&v4, &[F::SctpSrc, F::SctpDst])),
        family(ip(0x0800, 1), with(&v4, &[F::Icmpv4Type, F::Icmpv4Code])),
        family(ip(0x86dd, 6), with(&v6, &[F::TcpSrc, F::TcpDst])),
        family(ip(0x86dd, 58), with(&v6, &[F::Icmpv6Type, F::Icmpv6Code])),
        family(solicit, with(&v6, &[F::Ipv6NdTarget, F::Ipv6NdSll])),
        family(advert, with(&v6, &[F::Ipv6NdTarget, F::Ipv6NdTll])),
        family(vec![eth(0x0806)], vec![F::ArpOp, F::ArpSpa, F::ArpTpa, F::ArpSha, F::ArpTha]),
        family(vec![eth(0x8847)], vec![F::MplsLabel, F::MplsTc, F::MplsBos]),
        family(vec![eth(0x8848)], vec![F::MplsLabel, F::MplsTc, F::MplsBos]),
        family(vec![eth(0x88e7)], vec![F::PbbIsid]),
    ]
    .boxed()
}

/// VLAN_VID with and without a tag, and VLAN_PCP where there is one.
fn vlan() -> impl Strategy<Value = Vec<Oxm>> {
    (any::<Option<(u16, u16)>>(), proptest::option::of(oxm(OxmField::VlanPcp))).prop_map(
        |(vid, pcp)| {
            let Some((value, mask)) = vid else { return Vec::new() };
            let (value, mask) = (u128::from(value & 0x1fff), u128::from(mask & 0x1fff));
            let exact = mask & 7 == 0 || mask == 0x1fff;
            let vid = if exact {
                Oxm::new(OxmField::VlanVid, value)
            } else {
                Oxm::masked(OxmField::VlanVid, value & mask, mask)
            };
            let is_tagged = vid.value & vid.effective_mask() & 0x1000 != 0;
            std::iter::once(vid).chain(pcp.filter(|_| is_tagged)).collect()
        },
    )
}

fn matching() -> impl Strategy<Value = Match> {
    use OxmField as F;
    let ports = family(Vec::new(), vec![F::InPort]).prop_flat_map(|port| {
        // ANY and the unassigned numbers are no ports.
        let port = port.into_iter().filter(|oxm| (1..0xffff_ff00).contains(&oxm.value));
        let needs: Vec<Oxm> = port.collect();
        let phy = if needs.is_empty() { Vec::new() } else { vec![F::InPhyPort] };
        family(needs, phy).prop_map(|fields| {
            let is_port = |oxm: &Oxm| (1..0xffff_ff00).contains(&oxm.value);
            fields.into_iter().filter(is_port).collect::<Vec<_>>()
        })
    });
    let ethernet = family(Vec::new(), vec![F::EthDst, F::EthSrc, F::TunnelId, F::Metadata]);
    (ports, ethernet, vlan(), fields_of_a_protocol())
        .prop_map(|(ports, ethernet, vlan, protocol)| [ports, ethernet, vlan, protocol].concat())
        .prop_map(|fields| Match::new(fields).expect("generated matches are valid"))
}

/// Actions that need nothing of the packet.
fn action() -> impl Strategy<Value = Action> {
    let port = prop_oneof![
        (1..=PortNo::MAX.0).prop_map(PortNo),
        (65500..=65600u32).prop_map(PortNo),
        // All reserved ports but TABLE and ANY.
        (0xffff_fffa..=0xffff_fffeu32).prop_map(PortNo),
        Just(PortNo::IN_PORT),
    ];
    prop_oneof![
        (port, any::<u16>()).prop_map(|(port, max_len)| match port {
            PortNo::CONTROLLER => Action::Output { port, max_len: MaxLen(max_len) },
            port => Action::output(port),
        }),
        (0..=GroupId::MAX.0).prop_map(|group| Action::Group(GroupId(group))),
        any::<u32>().prop_map(Action::SetQueue),
        prop_oneof![Just(0x8100), Just(0x88a8)].prop_map(Action::PushVlan),
        prop_oneof![Just(0x8847), Just(0x8848)].prop_map(Action::PushMpls),
        Just(Action::PushPbb(0x88e7)),
        Just(Action::PopPbb),
        Just(Action::CopyTtlIn),
        Just(Action::CopyTtlOut),
        any::<u64>().prop_map(|id| Action::SetField(Oxm::new(OxmField::TunnelId, id.into()))),
        (0..1u64 << 48).prop_map(|mac| Action::SetField(Oxm::new(OxmField::EthDst, mac.into()))),
    ]
}

/// Those, and others that a bucket may hold, of which no flow is known.
fn bucket_action() -> impl Strategy<Value = Action> {
    let settable = |field: &OxmField| field.info().settable;
    let fields: Vec<OxmField> = OxmField::ALL.into_iter().filter(settable).collect();
    let set_field = proptest::sample::select(fields)
        .prop_flat_map(|field| (0..=field.all_ones()).prop_map(move |value| Oxm::new(field, value)))
        .prop_map(|mut oxm| {
            if oxm.field == OxmField::VlanVid {
                oxm.value |= 0x1000;
            }
            Action::SetField(oxm)
        });
    prop_oneof![
        2 => action(),
        2 => set_field,
        1 => any::<u8>().prop_map(Action::SetNwTtl),
        1 => any::<u8>().prop_map(Action::SetMplsTtl),
        1 => Just(Action::DecNwTtl),
        1 => Just(Action::DecMplsTtl),
        1 => Just(Action::PopVlan),
        1 => any::<u16>().prop_map(Action::PopMpls),
    ]
}

fn instructions(table: u8) -> impl Strategy<Value = Vec<Instruction>> {
    let list = || proptest::collection::vec(action(), 1..5);
    let optional = |strategy: BoxedStrategy<Instruction>| proptest::option::of(strategy);
    (
        optional((1..=MeterId::MAX.0).prop_map(|id| Instruction::Meter(MeterId(id))).boxed()),
        optional(list().prop_map(Instruction::ApplyActions).boxed()),
        optional(Just(Instruction::ClearActions).boxed()),
        optional(list().prop_map(Instruction::WriteActions).boxed()),
        optional(
            any::<(u64, u64)>()
                .prop_map(|(value, mask)| Instruction::WriteMetadata { value, mask })
                .boxed(),
        ),
        optional(
            (table.saturating_add(1)..=254)
                .prop_map(|next| Instruction::GotoTable(TableId(next)))
                .boxed(),
        ),
    )
        .prop_map(|(meter, apply, clear, write, metadata, goto)| {
            [meter, apply, clear, write, metadata, goto].into_iter().flatten().collect()
        })
}

pub(crate) fn flow() -> impl Strategy<Value = FlowMod> {
    let numbers = (any::<u64>(), any::<u16>(), any::<u16>(), any::<u16>(), 0..32u16);
    (0..254u8)
        .prop_flat_map(move |table| (Just(table), matching(), instructions(table), numbers.clone()))
        .prop_map(|(table, matching, instructions, (cookie, priority, idle, hard, flags))| {
            FlowMod {
                table_id: TableId(table),
                cookie,
                priority,
                idle_timeout: idle,
                hard_timeout: hard,
                flags: FlowModFlags::from_bits_truncate(flags),
                matching,
                instructions,
                ..FlowMod::default()
            }
        })
}

/// The same fields, whatever their order.
fn sorted(matching: &Match) -> Vec<Oxm> {
    let mut fields = matching.fields().to_vec();
    fields.sort_by_key(|oxm| oxm.field);
    fields
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn flows_read_as_printed(flow in flow()) {
        let text = flow.to_string();
        let mut bytes = Vec::new();
        Message::FlowMod(flow.clone()).encode(0, &mut bytes).unwrap();
        prop_assert_eq!(Message::decode(&bytes).unwrap().1, Message::FlowMod(flow.clone()));
        let mut read = parse_flow(&text, FlowModCommand::Add, &NoNames)
            .unwrap_or_else(|error| panic!("{text}\n{error}"));
        prop_assert_eq!(sorted(&read.matching), sorted(&flow.matching), "{}", text);
        read.matching.validate().expect("what was read is valid");
        read.matching = flow.matching.clone();
        prop_assert_eq!(read, flow, "{}", text);
    }

    #[test]
    fn groups_read_as_printed(
        id in 0..=GroupId::MAX.0,
        buckets in proptest::collection::vec(
            (any::<u16>(), proptest::collection::vec(bucket_action(), 0..5)),
            0..4,
        ),
    ) {
        let group = GroupMod {
            command: GroupModCommand::Add,
            group_type: GroupType::Select,
            group_id: GroupId(id),
            buckets: buckets
                .into_iter()
                .map(|(weight, actions)| Bucket { weight, ..Bucket::new(actions) })
                .collect(),
        };
        let text = group.to_string();
        let read = parse_groups(&text, &NoNames).unwrap_or_else(|error| panic!("{text}\n{error}"));
        prop_assert_eq!(read, vec![group], "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[\\PC\n]{0,80}") {
        read_all(&text);
    }

    #[test]
    fn any_words_are_read_or_refused(
        words in proptest::collection::vec(
            (
                proptest::sample::select(vec![
                    "in_port", "ip", "tcp", "nw_src", "tp_dst", "dl_vlan", "vlan_tci", "dl_type",
                    "actions", "output", "set_field", "write_actions", "bucket", "group_id",
                    "type", "meter", "kbps", "bands", "rate", "cookie", "table", "enqueue",
                    "controller", "goto_table", "mod_vlan_vid", "icmp_type", "weight", "delete",
                ]),
                proptest::sample::select(vec!["=", ":", "(", " ", ",", "", "=(", "/"]),
                proptest::sample::select(vec![
                    "1", "0xffff", "-1", "all", "1.2.3.4/0", "::/129", "->", "5->vlan_vid", "drop",
                    "\"", "é", "99999999999999999999", "1/1", ")", "",
                ]),
                proptest::sample::select(vec![",", " ", "", ")", "\n", "#"]),
            ),
            0..12,
        ),
    ) {
        let text: String =
            words.iter().map(|(a, b, c, d)| format!("{a}{b}{c}{d}")).collect();
        read_all(&text);
    }
}

/// Gives a text to every reader; whatever is read prints, and its errors print in one line.
fn read_all(text: &str) {
    let mut errors = Vec::new();
    match parse_flows(text, &NoNames) {
        Ok(flows) => {
            for flow in flows {
                assert_eq!(parse_flows(&flow.to_string(), &NoNames).unwrap(), [flow], "{text}");
            }
        }
        Err(error) => errors.push(error),
    }
    match parse_groups(text, &NoNames) {
        Ok(groups) => {
            for group in groups {
                assert_eq!(parse_groups(&group.to_string(), &NoNames).unwrap(), [group], "{text}");
            }
        }
        Err(error) => errors.push(error),
    }
    match parse_meters(text) {
        Ok(meters) => {
            for meter in meters {
                assert_eq!(parse_meters(&meter.to_string()).unwrap(), [meter], "{text}");
            }
        }
        Err(error) => errors.push(error),
    }
    errors.extend(parse_match(text, &NoNames).err());
    errors.extend(parse_actions(text, &NoNames).err());
    errors.extend(parse_instructions(text, &NoNames).err());
    for error in errors {
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}
