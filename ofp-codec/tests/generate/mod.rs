//! Random messages, each one valid: what a controller may send and a switch accepts, and what a
//! switch may send. Other crates' tests take this module in by its path.
#![allow(dead_code, reason = "each test that takes this in uses a part of it")]

pub(crate) mod actions;
pub(crate) mod matches;
pub(crate) mod messages;
pub(crate) mod multiparts;

use proptest::collection::vec;
use proptest::prelude::*;
use rumpswitch_ofp_codec::*;

/// Bytes, up to `max` of them.
pub(crate) fn bytes(max: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=max)
}

/// Bytes in eights, up to `max` eights.
pub(crate) fn eights(max: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<[u8; 8]>(), 0..=max).prop_map(|eights| eights.concat())
}

/// A text of at most `max` bytes without NUL.
pub(crate) fn text(max: usize) -> impl Strategy<Value = String> {
    vec(prop_oneof![Just('ä'), proptest::char::range(' ', '~')], 0..=max / 2)
        .prop_map(|characters| characters.into_iter().collect())
}

/// A port that may be.
pub(crate) fn ordinary_port() -> impl Strategy<Value = PortNo> {
    prop_oneof![4 => 1..100_u32, 1 => 1..=PortNo::MAX.0].prop_map(PortNo)
}

/// A group that may be.
pub(crate) fn group_id() -> impl Strategy<Value = GroupId> {
    prop_oneof![4 => 0..100_u32, 1 => 0..=GroupId::MAX.0].prop_map(GroupId)
}

/// A meter that may be.
pub(crate) fn meter_id() -> impl Strategy<Value = MeterId> {
    prop_oneof![4 => 1..100_u32, 1 => 1..=MeterId::MAX.0].prop_map(MeterId)
}

/// A MAC address.
pub(crate) fn hw_addr() -> impl Strategy<Value = HwAddr> {
    any::<[u8; 6]>().prop_map(HwAddr)
}
