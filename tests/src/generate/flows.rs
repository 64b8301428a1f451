//! Random flow-mods and groups that the standard allows, or nearly: what does not fit together is
//! refused by the switch, and then must change nothing.

use ofp_codec::{
    Action, Bucket, FlowMod, FlowModCommand, FlowModFlags, GroupId, GroupMod, GroupModCommand,
    GroupType, Instruction, Match, Oxm, OxmField, PortNo, TableId,
};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use crate::oracle::fields::read;

use super::{PORTS, ipv4, ipv6, mac, transport_port, vid};

/// Tables that pipelines use.
pub const TABLES: u8 = 4;
/// Groups that pipelines use.
pub const GROUPS: u32 = 4;

/// A field with one of the values of its pool, exact or masked.
fn field(
    field: OxmField,
    values: impl Strategy<Value = u128> + 'static,
    masks: &[u128],
) -> BoxedStrategy<Oxm> {
    let masks: Vec<Option<u128>> =
        std::iter::once(None).chain(masks.iter().map(|mask| Some(*mask))).collect();
    (values, select(masks))
        .prop_map(move |(value, mask)| match mask {
            None => Oxm::new(field, value),
            Some(mask) => Oxm::masked(field, value & mask, mask),
        })
        .boxed()
}

/// Some of these fields, in this order.
fn some_of(fields: Vec<BoxedStrategy<Oxm>>) -> BoxedStrategy<Vec<Oxm>> {
    let fields: Vec<_> = fields.into_iter().map(|oxm| weighted(0.35, oxm)).collect();
    fields.prop_map(|fields| fields.into_iter().flatten().collect()).boxed()
}

/// These prerequisites, then some of the fields.
fn behind(first: Vec<Oxm>, fields: Vec<BoxedStrategy<Oxm>>) -> BoxedStrategy<Vec<Oxm>> {
    some_of(fields).prop_map(move |rest| first.iter().copied().chain(rest).collect()).boxed()
}

fn ports(src: OxmField, dst: OxmField) -> Vec<BoxedStrategy<Oxm>> {
    let masks = [0xfff0, 0x0001];
    vec![field(src, transport_port(), &masks), field(dst, transport_port(), &masks)]
}

fn small(named: OxmField, values: Vec<u128>) -> BoxedStrategy<Oxm> {
    field(named, select(values), &[])
}

fn network_fields() -> BoxedStrategy<Vec<Oxm>> {
    use OxmField::*;
    let eth = |kind: u128| Oxm::new(EthType, kind);
    let proto = |number: u128| Oxm::new(IpProto, number);
    let dscp = || vec![small(IpDscp, vec![0, 1, 46]), small(IpEcn, vec![0, 1, 3])];
    let v4 = || {
        let masks = [0xffff_ff00, 0xff00_0000, 0x00ff_00ff];
        vec![field(Ipv4Src, ipv4(), &masks), field(Ipv4Dst, ipv4(), &masks)]
    };
    let v6 = || {
        let masks = [u128::MAX << 64, 0xffff];
        vec![
            field(Ipv6Src, ipv6(), &masks),
            field(Ipv6Dst, ipv6(), &masks),
            field(Ipv6Flabel, 0u128..4, &[1]),
            field(Ipv6Exthdr, select(vec![0u128, 1 << 3, 1 << 4, 1 << 6]), &[1 << 3, 1 << 4]),
        ]
    };
    let mut all = vec![
        Just(Vec::new()).boxed(),
        behind(vec![eth(0x0800)], dscp().into_iter().chain(v4()).collect()),
        behind(vec![eth(0x86dd)], dscp().into_iter().chain(v6()).collect()),
        behind(
            vec![eth(0x0806)],
            vec![
                small(ArpOp, vec![1, 2]),
                field(ArpSpa, ipv4(), &[0xffff_ff00]),
                field(ArpTpa, ipv4(), &[0xffff_ff00]),
                field(ArpSha, mac(), &[0xffff_ff00_0000]),
                field(ArpTha, mac(), &[0xffff_ff00_0000]),
            ],
        ),
        select(vec![0x8847u128, 0x8848])
            .prop_flat_map(move |kind| {
                behind(
                    vec![eth(kind)],
                    vec![
                        small(MplsLabel, vec![3, 16, 17, 1000]),
                        small(MplsTc, (0..8).collect()),
                        small(MplsBos, vec![0, 1]),
                    ],
                )
            })
            .boxed(),
        behind(
            vec![eth(0x0800), proto(1)],
            vec![small(Icmpv4Type, vec![0, 8, 3]), small(Icmpv4Code, vec![0, 1])],
        ),
        behind(
            vec![eth(0x86dd), proto(58)],
            vec![small(Icmpv6Type, vec![128, 129, 135]), small(Icmpv6Code, vec![0, 1])],
        ),
        behind(
            vec![eth(0x86dd), proto(58), Oxm::new(Icmpv6Type, 135)],
            vec![field(Ipv6NdTarget, ipv6(), &[u128::MAX << 64]), field(Ipv6NdSll, mac(), &[0xff])],
        ),
        behind(
            vec![eth(0x86dd), proto(58), Oxm::new(Icmpv6Type, 136)],
            vec![field(Ipv6NdTarget, ipv6(), &[]), field(Ipv6NdTll, mac(), &[0xff])],
        ),
    ];
    for kind in [0x0800, 0x86dd] {
        let addresses = if kind == 0x0800 { v4 } else { || Vec::new() };
        for (number, src, dst) in
            [(6, TcpSrc, TcpDst), (17, UdpSrc, UdpDst), (132, SctpSrc, SctpDst)]
        {
            let fields = addresses().into_iter().chain(ports(src, dst)).collect();
            all.push(behind(vec![eth(kind), proto(number)], fields));
        }
    }
    proptest::strategy::Union::new(all).boxed()
}

/// A match.
pub fn matching() -> impl Strategy<Value = Match> {
    use OxmField::*;
    let vlan = prop_oneof![
        1 => Just(vec![Oxm::new(VlanVid, 0)]),
        1 => Just(vec![Oxm::masked(VlanVid, 0x1000, 0x1000)]),
        2 => vid().prop_map(|vid| vec![Oxm::new(VlanVid, u128::from(0x1000 | vid))]),
        1 => (vid(), 0u128..8).prop_map(|(vid, pcp)| {
            vec![Oxm::new(VlanVid, u128::from(0x1000 | vid)), Oxm::new(VlanPcp, pcp)]
        }),
    ];
    let link = some_of(vec![
        field(InPort, select(PORTS.map(u128::from).to_vec()), &[]),
        field(Metadata, 0u128..4, &[1, 2]),
        field(EthDst, mac(), &[0xffff_ffff_0000, 0x0100_0000_0000]),
        field(EthSrc, mac(), &[0xffff_ffff_0000]),
    ]);
    (link, weighted(0.3, vlan), network_fields()).prop_map(|(link, vlan, network)| {
        let fields = link.into_iter().chain(vlan.unwrap_or_default()).chain(network);
        Match::new(fields).expect("the generator keeps prerequisites in order")
    })
}

fn set_field() -> impl Strategy<Value = Action> {
    use OxmField::*;
    let plain = |named: OxmField, values: BoxedStrategy<u128>| field(named, values, &[]);
    let fields = vec![
        plain(EthDst, mac().boxed()),
        plain(EthSrc, mac().boxed()),
        plain(VlanVid, vid().prop_map(|vid| u128::from(0x1000 | vid)).boxed()),
        plain(VlanPcp, (0u128..8).boxed()),
        plain(IpDscp, (0u128..64).boxed()),
        plain(IpEcn, (0u128..4).boxed()),
        plain(Ipv4Src, ipv4().boxed()),
        plain(Ipv4Dst, ipv4().boxed()),
        plain(TcpSrc, transport_port().boxed()),
        plain(TcpDst, transport_port().boxed()),
        plain(UdpSrc, transport_port().boxed()),
        plain(UdpDst, transport_port().boxed()),
        plain(SctpDst, transport_port().boxed()),
        plain(Icmpv4Type, (0u128..9).boxed()),
        plain(Icmpv4Code, (0u128..3).boxed()),
        plain(ArpOp, (1u128..3).boxed()),
        plain(ArpSpa, ipv4().boxed()),
        plain(ArpTpa, ipv4().boxed()),
        plain(ArpSha, mac().boxed()),
        plain(ArpTha, mac().boxed()),
        plain(Ipv6Src, ipv6().boxed()),
        plain(Ipv6Dst, ipv6().boxed()),
        plain(Ipv6Flabel, (0u128..0x10_0000).boxed()),
        plain(Icmpv6Code, (0u128..3).boxed()),
        plain(Ipv6NdTarget, ipv6().boxed()),
        plain(Ipv6NdSll, mac().boxed()),
        plain(Ipv6NdTll, mac().boxed()),
        plain(MplsLabel, (0u128..0x10_0000).boxed()),
        plain(MplsTc, (0u128..8).boxed()),
        plain(TunnelId, (0u128..4).boxed()),
    ];
    proptest::strategy::Union::new(fields).prop_map(Action::SetField)
}

fn output() -> impl Strategy<Value = Action> {
    let ordinary = select(PORTS.to_vec()).prop_map(|port| Action::output(PortNo(port)));
    prop_oneof![
        6 => ordinary,
        1 => Just(Action::output(PortNo(77))),
        1 => Just(Action::output(PortNo::IN_PORT)),
        1 => Just(Action::output(PortNo::ALL)),
        1 => Just(Action::output(PortNo::FLOOD)),
        1 => Just(Action::controller()),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => output(),
        5 => set_field(),
        1 => (0..GROUPS).prop_map(|id| Action::Group(GroupId(id))),
        1 => select(vec![0x8100u16, 0x88a8]).prop_map(Action::PushVlan),
        1 => Just(Action::PopVlan),
        1 => Just(Action::DecNwTtl),
        1 => (0u8..4).prop_map(Action::SetNwTtl),
        1 => Just(Action::DecMplsTtl),
        1 => (0u8..4).prop_map(Action::SetMplsTtl),
    ]
}

/// A flow-mod whose match may be taken from a frame.
#[derive(Clone, Debug)]
pub struct FlowSpec {
    flow: FlowMod,
    source: Option<Source>,
    keeps_inconsistent: bool,
}

/// Which fields of which frame become a match.
#[derive(Clone, Copy, Debug)]
struct Source {
    frame: usize,
    picks: u64,
    masks: u64,
    shift: u32,
}

/// Flow-mods, most of which match a frame that will come.
pub fn flow_spec() -> impl Strategy<Value = FlowSpec> {
    let picks = (any::<u64>(), any::<u64>()).prop_map(|(one, other)| one & other);
    let source = (any::<usize>(), picks, any::<u64>(), 0u32..16)
        .prop_map(|(frame, picks, masks, shift)| Source { frame, picks, masks, shift });
    (flow_mod(), weighted(0.8, source), proptest::bool::weighted(0.15)).prop_map(
        |(flow, source, keeps_inconsistent)| FlowSpec { flow, source, keeps_inconsistent },
    )
}

impl FlowSpec {
    /// The flow-mod, for frames that come from a port.
    pub fn resolve(&self, frames: &[(u32, Vec<u8>)]) -> FlowMod {
        let mut flow = self.flow.clone();
        if let Some(source) = self.source
            && let Some((port, bytes)) = frames.get(source.frame % frames.len().max(1))
        {
            flow.matching = source.matching(*port, bytes);
        }
        if !self.keeps_inconsistent {
            for instruction in &mut flow.instructions {
                if let Instruction::ApplyActions(list) | Instruction::WriteActions(list) =
                    instruction
                {
                    *list = consistent(&flow.matching, list);
                }
            }
        }
        flow
    }
}

impl Source {
    fn matching(&self, port: u32, bytes: &[u8]) -> Match {
        let layout = read(bytes);
        let mut matching = Match::any();
        for field in OxmField::ALL {
            let bit = 1 << field.number();
            let opens_others =
                matches!(field, OxmField::EthType | OxmField::IpProto | OxmField::Icmpv6Type);
            if self.picks & bit == 0 && !(opens_others && self.picks & 1 << 50 != 0) {
                continue;
            }
            let value = match field {
                OxmField::InPort => Some(u128::from(port)),
                field => layout.get(field),
            };
            let Some(value) = value else { continue };
            let is_masked = field.info().maskable && self.masks & bit != 0;
            let mask = field.all_ones() << self.shift & field.all_ones();
            // What lacks its prerequisite is left out.
            let _ = matching.push(match is_masked {
                true => Oxm::masked(field, value & mask, mask),
                false => Oxm::new(field, value),
            });
        }
        matching
    }
}

/// Those actions of a list that the match and the actions before them allow.
fn consistent(matching: &Match, list: &[Action]) -> Vec<Action> {
    let mut kept: Vec<Action> = Vec::new();
    for action in list {
        kept.push(action.clone());
        if ofp_codec::check_actions(matching, &kept).is_err() {
            kept.pop();
        }
    }
    kept
}

/// A flow-mod of any command.
pub fn flow_mod() -> impl Strategy<Value = FlowMod> {
    let command = prop_oneof![
        8 => Just(FlowModCommand::Add),
        1 => Just(FlowModCommand::Modify),
        1 => Just(FlowModCommand::ModifyStrict),
        1 => Just(FlowModCommand::Delete),
        1 => Just(FlowModCommand::DeleteStrict),
    ];
    let flags = select(vec![FlowModFlags::empty(), FlowModFlags::RESET_COUNTS]);
    let cookie = (0u64..4, select(vec![0u64, 0, 0, 1, 3]));
    let filter = (weighted(0.1, select(PORTS.to_vec())), weighted(0.1, 0..GROUPS));
    let head = (command, 0..TABLES, 0u16..4, flags, cookie, filter);
    (head, matching(), instructions()).prop_map(|(head, matching, instructions)| {
        let (command, table, priority, flags, (cookie, cookie_mask), (port, group)) = head;
        let instructions = instructions
            .into_iter()
            .filter(|instruction| match instruction {
                Instruction::GotoTable(next) => next.0 > table,
                _ => true,
            })
            .collect();
        FlowMod {
            cookie,
            cookie_mask,
            table_id: TableId(table),
            command,
            priority,
            flags,
            out_port: port.map_or(PortNo::ANY, PortNo),
            out_group: group.map_or(GroupId::ANY, GroupId),
            matching,
            instructions,
            ..FlowMod::default()
        }
    })
}

fn instructions() -> impl Strategy<Value = Vec<Instruction>> {
    (
        weighted(0.6, vec(action(), 0..5).prop_map(Instruction::ApplyActions)),
        weighted(0.1, Just(Instruction::ClearActions)),
        weighted(0.5, vec(action(), 0..5).prop_map(Instruction::WriteActions)),
        weighted(
            0.3,
            (0u64..4, 0u64..4).prop_map(|(value, mask)| Instruction::WriteMetadata { value, mask }),
        ),
        weighted(0.5, (1..TABLES).prop_map(|table| Instruction::GotoTable(TableId(table)))),
    )
        .prop_map(|(apply, clear, write, metadata, goto)| {
            [goto, write, apply, metadata, clear].into_iter().flatten().collect()
        })
}

/// A group whose choice of bucket is not the switch's own.
pub fn group(id: u32) -> impl Strategy<Value = GroupMod> {
    let bucket =
        vec(prop_oneof![2 => output(), 2 => set_field(), 1 => Just(Action::DecNwTtl)], 0..4)
            .prop_map(Bucket::new);
    let watched = (bucket.clone(), select(vec![1u32, 2, 77]))
        .prop_map(|(bucket, port)| Bucket { watch_port: PortNo(port), ..bucket });
    let weighted = bucket.clone().prop_map(|bucket| Bucket { weight: 1, ..bucket });
    prop_oneof![
        vec(bucket.clone(), 0..4).prop_map(|buckets| (GroupType::All, buckets)),
        vec(bucket, 1).prop_map(|buckets| (GroupType::Indirect, buckets)),
        vec(watched, 0..4).prop_map(|buckets| (GroupType::FastFailover, buckets)),
        vec(weighted, 1).prop_map(|buckets| (GroupType::Select, buckets)),
    ]
    .prop_map(move |(group_type, buckets)| GroupMod {
        command: GroupModCommand::Add,
        group_type,
        group_id: GroupId(id),
        buckets,
    })
}
