//! Multipart messages (§7.3.5): descriptions and statistics, cut into parts.

mod desc;
mod flow;
mod flow_monitor;
mod group;
mod meter;
mod port;
mod reply;
mod table;
mod table_features;

use alloc::vec::Vec;

use bitflags::bitflags;

pub use desc::Desc;
pub use flow::{AggregateStats, FlowStats, FlowStatsRef, FlowStatsRequest};
pub use flow_monitor::{
    FlowMonitorFlags, FlowMonitorRequest, FlowUpdate, FlowUpdateEvent, MONITOR_BAD_FLAGS,
    MONITOR_EXISTS, MUST_BE_ZERO, ONF_FLOW_MONITOR, ONF_FLOW_MONITOR_PAUSED,
    ONF_FLOW_MONITOR_RESUMED, UNKNOWN_MONITOR,
};
pub use group::{BucketCounter, GroupCapabilities, GroupDesc, GroupFeatures, GroupStats};
pub use meter::{BandStats, MeterConfig, MeterFeatures, MeterStats};
pub use port::{PortStats, QueueStats, QueueStatsRequest};
pub use reply::{ReplyEntry, ReplyWriter};
pub use table::TableStats;
pub use table_features::{ActionId, InstructionId, OxmId, TableFeatureProperty, TableFeatures};

use crate::wire::{EncodeError, Reader, Writer};
use crate::{
    BadRequestCode, DecodeError, GroupId, MeterId, ONF_EXPERIMENTER, OfpError, PortDesc, PortNo,
};
use reply::Entry;

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
    /// Flow entries, and from then on each change of them (ONF's EXT-187).
    FlowMonitor(Vec<FlowMonitorRequest>),
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
    /// Flow entries and changes of them (ONF's EXT-187).
    FlowMonitor(Vec<FlowUpdate>),
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

impl MultipartType {
    /// The type with this number.
    pub const fn from_number(number: u16) -> Option<MultipartType> {
        Some(match number {
            0 => MultipartType::Desc,
            1 => MultipartType::Flow,
            2 => MultipartType::Aggregate,
            3 => MultipartType::Table,
            4 => MultipartType::PortStats,
            5 => MultipartType::Queue,
            6 => MultipartType::Group,
            7 => MultipartType::GroupDesc,
            8 => MultipartType::GroupFeatures,
            9 => MultipartType::Meter,
            10 => MultipartType::MeterConfig,
            11 => MultipartType::MeterFeatures,
            12 => MultipartType::TableFeatures,
            13 => MultipartType::PortDesc,
            0xffff => MultipartType::Experimenter,
            _ => return None,
        })
    }
}

/// Reads type and flags, which requests and replies have alike.
fn read_prefix(reader: &mut Reader<'_>) -> Result<(MultipartType, MultipartFlags), DecodeError> {
    let unknown = reader.error(OfpError::BadRequest(BadRequestCode::BadMultipart));
    let number = reader.u16()?;
    let flags = MultipartFlags::from_bits_retain(reader.u16()?);
    reader.skip(4)?;
    Ok((MultipartType::from_number(number).ok_or(unknown)?, flags))
}

fn write_prefix(multipart_type: MultipartType, flags: MultipartFlags, writer: &mut Writer<'_>) {
    writer.u16(multipart_type as u16);
    writer.u16(flags.bits());
    writer.zeros(4);
}

/// Reads entries to the reader's end.
fn read_all<'a, T>(
    reader: &mut Reader<'a>,
    read: impl Fn(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let mut entries = Vec::new();
    while !reader.is_empty() {
        let entry = read(reader)?;
        reader.push(&mut entries, entry)?;
    }
    Ok(entries)
}

fn write_all<E: Entry>(entries: &[E], writer: &mut Writer<'_>) -> Result<(), EncodeError> {
    entries.iter().try_for_each(|entry| entry.write(writer))
}

/// Reads a number and the padding behind it, as several requests have them.
fn read_number(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    let number = reader.u32()?;
    reader.skip(4)?;
    Ok(number)
}

impl MultipartRequestBody {
    /// The multipart type.
    pub const fn multipart_type(&self) -> MultipartType {
        match self {
            MultipartRequestBody::Desc => MultipartType::Desc,
            MultipartRequestBody::Flow(_) => MultipartType::Flow,
            MultipartRequestBody::Aggregate(_) => MultipartType::Aggregate,
            MultipartRequestBody::Table => MultipartType::Table,
            MultipartRequestBody::PortStats(_) => MultipartType::PortStats,
            MultipartRequestBody::Queue(_) => MultipartType::Queue,
            MultipartRequestBody::Group(_) => MultipartType::Group,
            MultipartRequestBody::GroupDesc => MultipartType::GroupDesc,
            MultipartRequestBody::GroupFeatures => MultipartType::GroupFeatures,
            MultipartRequestBody::Meter(_) => MultipartType::Meter,
            MultipartRequestBody::MeterConfig(_) => MultipartType::MeterConfig,
            MultipartRequestBody::MeterFeatures => MultipartType::MeterFeatures,
            MultipartRequestBody::TableFeatures(_) => MultipartType::TableFeatures,
            MultipartRequestBody::PortDesc => MultipartType::PortDesc,
            MultipartRequestBody::FlowMonitor(_) | MultipartRequestBody::Experimenter { .. } => {
                MultipartType::Experimenter
            }
        }
    }
}

impl MultipartRequest {
    /// Reads a request's body.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<MultipartRequest, DecodeError> {
        let (multipart_type, flags) = read_prefix(reader)?;
        let body = match multipart_type {
            MultipartType::Desc => MultipartRequestBody::Desc,
            MultipartType::Flow => MultipartRequestBody::Flow(FlowStatsRequest::read(reader)?),
            MultipartType::Aggregate => {
                MultipartRequestBody::Aggregate(FlowStatsRequest::read(reader)?)
            }
            MultipartType::Table => MultipartRequestBody::Table,
            MultipartType::PortStats => {
                MultipartRequestBody::PortStats(PortNo(read_number(reader)?))
            }
            MultipartType::Queue => MultipartRequestBody::Queue(QueueStatsRequest::read(reader)?),
            MultipartType::Group => MultipartRequestBody::Group(GroupId(read_number(reader)?)),
            MultipartType::GroupDesc => MultipartRequestBody::GroupDesc,
            MultipartType::GroupFeatures => MultipartRequestBody::GroupFeatures,
            MultipartType::Meter => MultipartRequestBody::Meter(MeterId(read_number(reader)?)),
            MultipartType::MeterConfig => {
                MultipartRequestBody::MeterConfig(MeterId(read_number(reader)?))
            }
            MultipartType::MeterFeatures => MultipartRequestBody::MeterFeatures,
            MultipartType::TableFeatures => {
                MultipartRequestBody::TableFeatures(read_all(reader, TableFeatures::read)?)
            }
            MultipartType::PortDesc => MultipartRequestBody::PortDesc,
            MultipartType::Experimenter => match (reader.u32()?, reader.u32()?) {
                (ONF_EXPERIMENTER, ONF_FLOW_MONITOR) => {
                    MultipartRequestBody::FlowMonitor(read_all(reader, FlowMonitorRequest::read)?)
                }
                (experimenter, exp_type) => {
                    let data = reader.rest_to_vec()?;
                    MultipartRequestBody::Experimenter { experimenter, exp_type, data }
                }
            },
        };
        Ok(MultipartRequest { flags, body })
    }

    /// Writes a request's body.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_prefix(self.body.multipart_type(), self.flags, writer);
        let number = match &self.body {
            MultipartRequestBody::Desc
            | MultipartRequestBody::Table
            | MultipartRequestBody::GroupDesc
            | MultipartRequestBody::GroupFeatures
            | MultipartRequestBody::MeterFeatures
            | MultipartRequestBody::PortDesc => return Ok(()),
            MultipartRequestBody::Flow(request) | MultipartRequestBody::Aggregate(request) => {
                return request.write(writer);
            }
            MultipartRequestBody::Queue(request) => {
                request.write(writer);
                return Ok(());
            }
            MultipartRequestBody::TableFeatures(features) => return write_all(features, writer),
            MultipartRequestBody::FlowMonitor(requests) => {
                writer.u32(ONF_EXPERIMENTER);
                writer.u32(ONF_FLOW_MONITOR);
                return write_all(requests, writer);
            }
            MultipartRequestBody::Experimenter { experimenter, exp_type, data } => {
                writer.u32(*experimenter);
                writer.u32(*exp_type);
                writer.bytes(data);
                return Ok(());
            }
            MultipartRequestBody::PortStats(port) => port.0,
            MultipartRequestBody::Group(group) => group.0,
            MultipartRequestBody::Meter(meter) | MultipartRequestBody::MeterConfig(meter) => {
                meter.0
            }
        };
        writer.u32(number);
        writer.zeros(4);
        Ok(())
    }
}

impl MultipartReplyBody {
    /// The multipart type.
    pub const fn multipart_type(&self) -> MultipartType {
        match self {
            MultipartReplyBody::Desc(_) => MultipartType::Desc,
            MultipartReplyBody::Flow(_) => MultipartType::Flow,
            MultipartReplyBody::Aggregate(_) => MultipartType::Aggregate,
            MultipartReplyBody::Table(_) => MultipartType::Table,
            MultipartReplyBody::PortStats(_) => MultipartType::PortStats,
            MultipartReplyBody::Queue(_) => MultipartType::Queue,
            MultipartReplyBody::Group(_) => MultipartType::Group,
            MultipartReplyBody::GroupDesc(_) => MultipartType::GroupDesc,
            MultipartReplyBody::GroupFeatures(_) => MultipartType::GroupFeatures,
            MultipartReplyBody::Meter(_) => MultipartType::Meter,
            MultipartReplyBody::MeterConfig(_) => MultipartType::MeterConfig,
            MultipartReplyBody::MeterFeatures(_) => MultipartType::MeterFeatures,
            MultipartReplyBody::TableFeatures(_) => MultipartType::TableFeatures,
            MultipartReplyBody::PortDesc(_) => MultipartType::PortDesc,
            MultipartReplyBody::FlowMonitor(_) | MultipartReplyBody::Experimenter { .. } => {
                MultipartType::Experimenter
            }
        }
    }
}

impl MultipartReply {
    /// Reads a reply's body.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<MultipartReply, DecodeError> {
        type Body = MultipartReplyBody;
        let (multipart_type, flags) = read_prefix(reader)?;
        let body = match multipart_type {
            MultipartType::Desc => Body::Desc(Desc::read(reader)?),
            MultipartType::Flow => Body::Flow(read_all(reader, FlowStats::read)?),
            MultipartType::Aggregate => Body::Aggregate(AggregateStats::read(reader)?),
            MultipartType::Table => Body::Table(read_all(reader, TableStats::read)?),
            MultipartType::PortStats => Body::PortStats(read_all(reader, PortStats::read)?),
            MultipartType::Queue => Body::Queue(read_all(reader, QueueStats::read)?),
            MultipartType::Group => Body::Group(read_all(reader, GroupStats::read)?),
            MultipartType::GroupDesc => Body::GroupDesc(read_all(reader, GroupDesc::read)?),
            MultipartType::GroupFeatures => Body::GroupFeatures(GroupFeatures::read(reader)?),
            MultipartType::Meter => Body::Meter(read_all(reader, MeterStats::read)?),
            MultipartType::MeterConfig => Body::MeterConfig(read_all(reader, MeterConfig::read)?),
            MultipartType::MeterFeatures => Body::MeterFeatures(MeterFeatures::read(reader)?),
            MultipartType::TableFeatures => {
                Body::TableFeatures(read_all(reader, TableFeatures::read)?)
            }
            MultipartType::PortDesc => Body::PortDesc(read_all(reader, PortDesc::read)?),
            MultipartType::Experimenter => match (reader.u32()?, reader.u32()?) {
                (ONF_EXPERIMENTER, ONF_FLOW_MONITOR) => {
                    Body::FlowMonitor(read_all(reader, FlowUpdate::read)?)
                }
                (experimenter, exp_type) => {
                    let data = reader.rest_to_vec()?;
                    Body::Experimenter { experimenter, exp_type, data }
                }
            },
        };
        Ok(MultipartReply { flags, body })
    }

    /// Writes a reply's body.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_prefix(self.body.multipart_type(), self.flags, writer);
        match &self.body {
            MultipartReplyBody::Desc(desc) => desc.write(writer),
            MultipartReplyBody::Flow(entries) => write_all(entries, writer)?,
            MultipartReplyBody::Aggregate(stats) => stats.write(writer),
            MultipartReplyBody::Table(entries) => write_all(entries, writer)?,
            MultipartReplyBody::PortStats(entries) => write_all(entries, writer)?,
            MultipartReplyBody::Queue(entries) => write_all(entries, writer)?,
            MultipartReplyBody::Group(entries) => write_all(entries, writer)?,
            MultipartReplyBody::GroupDesc(entries) => write_all(entries, writer)?,
            MultipartReplyBody::GroupFeatures(features) => features.write(writer),
            MultipartReplyBody::Meter(entries) => write_all(entries, writer)?,
            MultipartReplyBody::MeterConfig(entries) => write_all(entries, writer)?,
            MultipartReplyBody::MeterFeatures(features) => features.write(writer),
            MultipartReplyBody::TableFeatures(entries) => write_all(entries, writer)?,
            MultipartReplyBody::PortDesc(entries) => write_all(entries, writer)?,
            MultipartReplyBody::FlowMonitor(updates) => {
                writer.u32(ONF_EXPERIMENTER);
                writer.u32(ONF_FLOW_MONITOR);
                write_all(updates, writer)?;
            }
            MultipartReplyBody::Experimenter { experimenter, exp_type, data } => {
                writer.u32(*experimenter);
                writer.u32(*exp_type);
                writer.bytes(data);
            }
        }
        Ok(())
    }
}
