//! Random actions, instructions, buckets and bands.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use rumpswitch_ofp_codec::*;

use super::matches::settable_oxm;
use super::{eights, group_id, meter_id, ordinary_port};

/// A port that an output may name in a flow entry.
pub(crate) fn out_port() -> impl Strategy<Value = PortNo> {
    let reserved = vec![
        PortNo::IN_PORT,
        PortNo::NORMAL,
        PortNo::FLOOD,
        PortNo::ALL,
        PortNo::CONTROLLER,
        PortNo::LOCAL,
    ];
    prop_oneof![3 => ordinary_port(), 1 => select(reserved)]
}

fn output(port: impl Strategy<Value = PortNo>) -> impl Strategy<Value = Action> {
    (port, any::<u16>()).prop_map(|(port, len)| Action::Output { port, max_len: MaxLen(len) })
}

/// An action that a flow entry or bucket may have.
pub(crate) fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => output(out_port()),
        6 => settable_oxm().prop_map(Action::SetField),
        1 => Just(Action::CopyTtlOut),
        1 => Just(Action::CopyTtlIn),
        1 => any::<u8>().prop_map(Action::SetMplsTtl),
        1 => Just(Action::DecMplsTtl),
        1 => select(vec![0x8100, 0x88a8]).prop_map(Action::PushVlan),
        1 => Just(Action::PopVlan),
        1 => select(vec![0x8847, 0x8848]).prop_map(Action::PushMpls),
        1 => any::<u16>().prop_map(Action::PopMpls),
        1 => any::<u32>().prop_map(Action::SetQueue),
        1 => group_id().prop_map(Action::Group),
        1 => any::<u8>().prop_map(Action::SetNwTtl),
        1 => Just(Action::DecNwTtl),
        1 => Just(Action::PushPbb(0x88e7)),
        1 => Just(Action::PopPbb),
    ]
}

/// Actions of a flow entry or bucket.
pub(crate) fn actions() -> impl Strategy<Value = Vec<Action>> {
    vec(action(), 0..8)
}

/// Actions of a packet-out.
pub(crate) fn packet_out_actions() -> impl Strategy<Value = Vec<Action>> {
    vec(prop_oneof![5 => action(), 1 => output(Just(PortNo::TABLE))], 0..8)
}

/// Actions that only a switch may show.
pub(crate) fn shown_actions() -> impl Strategy<Value = Vec<Action>> {
    let experimenter = (any::<u32>(), eights(3))
        .prop_map(|(experimenter, data)| Action::Experimenter { experimenter, data });
    let any_output = output(any::<u32>().prop_map(PortNo));
    vec(prop_oneof![4 => action(), 1 => experimenter, 1 => any_output], 0..6)
}

/// Instructions of an entry in this table, one of each type at most, in any order.
pub(crate) fn instructions(table: u8) -> impl Strategy<Value = Vec<Instruction>> {
    let later = if table < 254 { table + 1 } else { 254 };
    let all = (
        (later..=254).prop_map(|next| Instruction::GotoTable(TableId(next))),
        any::<(u64, u64)>().prop_map(|(value, mask)| Instruction::WriteMetadata { value, mask }),
        actions().prop_map(Instruction::WriteActions),
        actions().prop_map(Instruction::ApplyActions),
        Just(Instruction::ClearActions),
        meter_id().prop_map(Instruction::Meter),
    );
    all.prop_flat_map(|(a, b, c, d, e, f)| subsequence(vec![a, b, c, d, e, f], 0..=6))
        .prop_shuffle()
        .prop_map(move |mut instructions| {
            if table >= 254 {
                instructions.retain(|one| !matches!(one, Instruction::GotoTable(_)));
            }
            instructions
        })
}

/// Buckets that a group of this type may have.
pub(crate) fn buckets(group_type: GroupType) -> impl Strategy<Value = Vec<Bucket>> {
    let count = if group_type == GroupType::Indirect { 1..2 } else { 0..5 };
    let one = (1..=u16::MAX, ordinary_port(), any::<bool>(), actions());
    vec(one, count).prop_map(move |buckets| {
        let of = |(weight, watch_port, watches_group, actions)| Bucket {
            weight: if group_type == GroupType::Select { weight } else { 0 },
            watch_port: match group_type {
                GroupType::FastFailover => watch_port,
                _ => PortNo::ANY,
            },
            watch_group: match group_type {
                GroupType::FastFailover if watches_group => GroupId(7),
                _ => GroupId::ANY,
            },
            actions,
        };
        buckets.into_iter().map(of).collect()
    })
}

/// A group's type.
pub(crate) fn group_type() -> impl Strategy<Value = GroupType> {
    select(vec![GroupType::All, GroupType::Select, GroupType::Indirect, GroupType::FastFailover])
}

/// Bands that a meter may have.
pub(crate) fn bands() -> impl Strategy<Value = Vec<Band>> {
    let band = (1..=u32::MAX, any::<u32>(), any::<Option<u8>>()).prop_map(
        |(rate, burst_size, prec_level)| match prec_level {
            None => Band::Drop { rate, burst_size },
            Some(prec_level) => Band::DscpRemark { rate, burst_size, prec_level },
        },
    );
    vec(band, 0..6)
}
