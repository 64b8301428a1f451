//! GROUP, GROUP_DESC and GROUP_FEATURES (§7.3.5.9 to §7.3.5.11).

use alloc::vec::Vec;

use bitflags::bitflags;

use crate::{Bucket, GroupId, GroupType};

/// What a bucket has counted.
#[doc(alias = "ofp_bucket_counter")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketCounter {
    /// Packets.
    pub packet_count: u64,
    /// Bytes.
    pub byte_count: u64,
}

/// What a group has counted.
#[doc(alias = "ofp_group_stats")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupStats {
    /// The group.
    pub group_id: GroupId,
    /// Flow entries and groups that point to it.
    pub ref_count: u32,
    /// Packets.
    pub packet_count: u64,
    /// Bytes.
    pub byte_count: u64,
    /// Whole seconds that it has existed.
    pub duration_sec: u32,
    /// Nanoseconds beyond them.
    pub duration_nsec: u32,
    /// Its buckets, in order.
    pub buckets: Vec<BucketCounter>,
}

/// A group as it was given.
#[doc(alias = "ofp_group_desc")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDesc {
    /// Its type.
    pub group_type: GroupType,
    /// The group.
    pub group_id: GroupId,
    /// Its buckets.
    pub buckets: Vec<Bucket>,
}

bitflags! {
    /// What groups can do.
    #[doc(alias = "ofp_group_capabilities")]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct GroupCapabilities: u32 {
        /// Weights in select groups.
        const SELECT_WEIGHT = 1 << 0;
        /// Liveness in select groups.
        const SELECT_LIVENESS = 1 << 1;
        /// Groups in buckets.
        const CHAINING = 1 << 2;
        /// Loops and dangling references are refused.
        const CHAINING_CHECKS = 1 << 3;
        const _ = !0;
    }
}

/// What groups can do.
#[doc(alias = "ofp_group_features")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupFeatures {
    /// Bit `n`: groups of type `n` are there.
    pub types: u32,
    /// What they can do.
    pub capabilities: GroupCapabilities,
    /// How many there may be, by type.
    pub max_groups: [u32; 4],
    /// By type, bit `n`: action type `n` may stand in buckets.
    pub actions: [u32; 4],
}
