//! Multipart messages (§7.3.5): descriptions and statistics, cut into parts.

mod desc;
mod flow;
mod group;
mod meter;
mod port;
mod table;
mod table_features;

use alloc::vec::Vec;

use bitflags::bitflags;

pub use desc::Desc;
pub use flow::{AggregateStats, FlowStats, FlowStatsRequest};
pub use group::{BucketCounter, GroupCapabilities, GroupDesc, GroupFeatures, GroupStats};
pub use meter::{BandStats, MeterConfig, MeterFeatures, MeterStats};
pub use port::{PortStats, QueueStats, QueueStatsRequest};
pub use table::TableStats;
pub use table_features::{ActionId, InstructionId, OxmId, TableFeatureProperty, TableFeatures};

use crate::{GroupId, MeterId, PortDesc, PortNo};

/// The number of a multipart type.
#[doc(alias = "ofp_multipart_type")]
#[allow(missing_docs, reason = "named as the variants of the bodies")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum MultipartType {
    Desc = 0,
    Flow = 1,
    Aggregate = 2,
    Table = 3,
    PortStats = 4,
    Queue = 5,
    Group = 6,
    GroupDesc = 7,
    GroupFeatures = 8,
    Meter = 9,
    MeterConfig = 10,
    MeterFeatures = 11,
    TableFeatures = 12,
    PortDesc = 13,
    Experimenter = 0xffff,
}

bitflags! {
    /// Flags of a multipart message.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct MultipartFlags: u16 {
        /// More parts of this request or reply follow.
        #[doc(alias = "OFPMPF_REQ_MORE")]
        #[doc(alias = "OFPMPF_REPLY_MORE")]
        const MORE = 1 << 0;
        const _ = !0;
    }
}

/// One part of a request.
#[doc(alias = "OFPT_MULTIPART_REQUEST")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultipartRequest {
    /// Whether more parts follow.
    pub flags: MultipartFlags,
    /// What is asked.
    pub body: MultipartRequestBody,
}

/// What a multipart request asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MultipartRequestBody {
    /// Who made the switch?
    Desc,
    /// Flow entries.
    Flow(FlowStatsRequest),
    /// Sums over flow entries.
    Aggregate(FlowStatsRequest),
    /// Table statistics.
    Table,
    /// Statistics of a port, or of all.
    PortStats(PortNo),
    /// Queue statistics.
    Queue(QueueStatsRequest),
    /// Statistics of a group, or of all.
    Group(GroupId),
    /// All groups.
    GroupDesc,
    /// What groups can do.
    GroupFeatures,
    /// Statistics of a meter, or of all.
    Meter(MeterId),
    /// Configuration of a meter, or of all.
    MeterConfig(MeterId),
    /// What meters can do.
    MeterFeatures,
    /// What tables can do; with a body, what they shall do.
    TableFeatures(Vec<TableFeatures>),
    /// All ports.
    PortDesc,
    /// An extension's request.
    Experimenter {
        /// Who defines it.
        experimenter: u32,
        /// Its type there.
        exp_type: u32,
        /// What follows.
        data: Vec<u8>,
    },
}

/// One part of a reply.
#[doc(alias = "OFPT_MULTIPART_REPLY")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultipartReply {
    /// Whether more parts follow.
    pub flags: MultipartFlags,
    /// What is answered.
    pub body: MultipartReplyBody,
}

/// What a multipart reply answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MultipartReplyBody {
    /// Who made the switch.
    Desc(Desc),
    /// Flow entries.
    Flow(Vec<FlowStats>),
    /// Sums over flow entries.
    Aggregate(AggregateStats),
    /// Table statistics.
    Table(Vec<TableStats>),
    /// Port statistics.
    PortStats(Vec<PortStats>),
    /// Queue statistics.
    Queue(Vec<QueueStats>),
    /// Group statistics.
    Group(Vec<GroupStats>),
    /// Groups.
    GroupDesc(Vec<GroupDesc>),
    /// What groups can do.
    GroupFeatures(GroupFeatures),
    /// Meter statistics.
    Meter(Vec<MeterStats>),
    /// Meters.
    MeterConfig(Vec<MeterConfig>),
    /// What meters can do.
    MeterFeatures(MeterFeatures),
    /// What tables can do.
    TableFeatures(Vec<TableFeatures>),
    /// Ports.
    PortDesc(Vec<PortDesc>),
    /// An extension's reply.
    Experimenter {
        /// Who defines it.
        experimenter: u32,
        /// Its type there.
        exp_type: u32,
        /// What follows.
        data: Vec<u8>,
    },
}
