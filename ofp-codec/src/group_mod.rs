//! Groups (§5.6.1) and their modification (§7.3.4.2).

use alloc::vec::Vec;
use core::fmt;

use crate::{Action, PortNo};

/// A group's number.
#[doc(alias = "ofp_group")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

impl GroupId {
    /// The last number that a group may have.
    #[doc(alias = "OFPG_MAX")]
    pub const MAX: GroupId = GroupId(0xffff_ff00);
    /// All groups; in deletions and requests only.
    #[doc(alias = "OFPG_ALL")]
    pub const ALL: GroupId = GroupId(0xffff_fffc);
    /// No group in particular; in filters, and for a bucket that watches none.
    #[doc(alias = "OFPG_ANY")]
    pub const ANY: GroupId = GroupId(0xffff_ffff);
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            GroupId::ALL => f.pad("ALL"),
            GroupId::ANY => f.pad("ANY"),
            GroupId(number) => fmt::Display::fmt(&number, f),
        }
    }
}

/// What a group-mod does.
#[doc(alias = "ofp_group_mod_command")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum GroupModCommand {
    /// Add a group.
    #[doc(alias = "OFPGC_ADD")]
    Add = 0,
    /// Replace a group's type and buckets.
    #[doc(alias = "OFPGC_MODIFY")]
    Modify = 1,
    /// Delete a group, or all.
    #[doc(alias = "OFPGC_DELETE")]
    Delete = 2,
}

/// What a group does with a packet.
#[doc(alias = "ofp_group_type")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum GroupType {
    /// Every bucket gets a copy.
    #[doc(alias = "OFPGT_ALL")]
    All = 0,
    /// One bucket, chosen by weight.
    #[doc(alias = "OFPGT_SELECT")]
    Select = 1,
    /// The only bucket.
    #[doc(alias = "OFPGT_INDIRECT")]
    Indirect = 2,
    /// The first live bucket.
    #[doc(alias = "OFPGT_FF")]
    FastFailover = 3,
}

/// One bucket: an action set, and what it watches.
#[doc(alias = "ofp_bucket")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its share in a select group.
    pub weight: u16,
    /// The port whose liveness is the bucket's; [`PortNo::ANY`] for none.
    pub watch_port: PortNo,
    /// The group whose liveness is the bucket's; [`GroupId::ANY`] for none.
    pub watch_group: GroupId,
    /// Its action set.
    pub actions: Vec<Action>,
}

impl Bucket {
    /// A bucket that watches nothing and has no weight.
    pub const fn new(actions: Vec<Action>) -> Bucket {
        Bucket { weight: 0, watch_port: PortNo::ANY, watch_group: GroupId::ANY, actions }
    }
}

/// Adds, modifies or deletes a group.
#[doc(alias = "OFPT_GROUP_MOD")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMod {
    /// What to do.
    pub command: GroupModCommand,
    /// The group's type.
    pub group_type: GroupType,
    /// The group.
    pub group_id: GroupId,
    /// Its buckets.
    pub buckets: Vec<Bucket>,
}
