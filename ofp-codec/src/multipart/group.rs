//! GROUP, GROUP_DESC and GROUP_FEATURES (§7.3.5.9 to §7.3.5.11).

use alloc::vec::Vec;

use bitflags::bitflags;

use super::reply::Entry;
use crate::wire::{BAD_LEN, EncodeError, Reader, Rules, Writer};
use crate::{Bucket, DecodeError, GroupId, GroupModFailedCode, GroupType, OfpError};

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

/// Bytes of [`GroupStats`] before its buckets.
const STATS_LEN: usize = 40;
/// Bytes of [`GroupDesc`] before its buckets.
const DESC_LEN: usize = 8;

impl GroupStats {
    /// Reads an entry.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<GroupStats, DecodeError> {
        let (len, _) = reader.peek_pair()?;
        let len = usize::from(len);
        if len < STATS_LEN {
            return Err(reader.short());
        }
        let mut body = reader.sub(len, "group statistics", BAD_LEN)?;
        body.skip(4)?;
        let group_id = GroupId(body.u32()?);
        let ref_count = body.u32()?;
        body.skip(4)?;
        let (packet_count, byte_count) = (body.u64()?, body.u64()?);
        let (duration_sec, duration_nsec) = (body.u32()?, body.u32()?);
        let mut buckets = Vec::new();
        while !body.is_empty() {
            let counter = BucketCounter { packet_count: body.u64()?, byte_count: body.u64()? };
            body.push(&mut buckets, counter)?;
        }
        Ok(GroupStats {
            group_id,
            ref_count,
            packet_count,
            byte_count,
            duration_sec,
            duration_nsec,
            buckets,
        })
    }
}

impl Entry for GroupStats {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let start = writer.position();
        writer.zeros(4);
        writer.u32(self.group_id.0);
        writer.u32(self.ref_count);
        writer.zeros(4);
        writer.u64(self.packet_count);
        writer.u64(self.byte_count);
        writer.u32(self.duration_sec);
        writer.u32(self.duration_nsec);
        for bucket in &self.buckets {
            writer.u64(bucket.packet_count);
            writer.u64(bucket.byte_count);
        }
        writer.set_len(start, 0)
    }
}

impl GroupDesc {
    /// Reads an entry.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<GroupDesc, DecodeError> {
        let (len, _) = reader.peek_pair()?;
        let len = usize::from(len);
        if len < DESC_LEN || len % 8 != 0 {
            return Err(reader.short());
        }
        let mut body = reader.sub(len, "group description", BAD_LEN)?;
        body.skip(2)?;
        let bad_type = body.error(OfpError::GroupModFailed(GroupModFailedCode::BadType));
        let group_type = GroupType::from_number(body.u8()?).ok_or(bad_type)?;
        body.skip(1)?;
        let group_id = GroupId(body.u32()?);
        let buckets = Bucket::read_list(&mut body, Rules::Report)?;
        Ok(GroupDesc { group_type, group_id, buckets })
    }
}

impl Entry for GroupDesc {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let start = writer.position();
        writer.u16(0);
        writer.u8(self.group_type as u8);
        writer.zeros(1);
        writer.u32(self.group_id.0);
        Bucket::write_list(&self.buckets, writer)?;
        writer.set_len(start, 0)
    }
}

impl GroupFeatures {
    /// Reads the reply's body.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<GroupFeatures, DecodeError> {
        let types = reader.u32()?;
        let capabilities = GroupCapabilities::from_bits_retain(reader.u32()?);
        let mut four = || Ok([reader.u32()?, reader.u32()?, reader.u32()?, reader.u32()?]);
        Ok(GroupFeatures { types, capabilities, max_groups: four()?, actions: four()? })
    }

    /// Writes the reply's body.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.u32(self.types);
        writer.u32(self.capabilities.bits());
        self.max_groups.iter().chain(&self.actions).for_each(|value| writer.u32(*value));
    }
}
