//! METER, METER_CONFIG and METER_FEATURES (§7.3.5.12 to §7.3.5.14).

use alloc::vec::Vec;

use super::reply::Entry;
use crate::wire::{BAD_LEN, EncodeError, Reader, Rules, Writer};
use crate::{Band, DecodeError, MeterFlags, MeterId};

/// What a band has counted.
#[doc(alias = "ofp_meter_band_stats")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BandStats {
    /// Packets that the band acted on.
    pub packet_band_count: u64,
    /// Their bytes.
    pub byte_band_count: u64,
}

/// What a meter has counted.
#[doc(alias = "ofp_meter_stats")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterStats {
    /// The meter.
    pub meter_id: MeterId,
    /// Flow entries that use it.
    pub flow_count: u32,
    /// Packets that came to it.
    pub packet_in_count: u64,
    /// Their bytes.
    pub byte_in_count: u64,
    /// Whole seconds that it has existed.
    pub duration_sec: u32,
    /// Nanoseconds beyond them.
    pub duration_nsec: u32,
    /// Its bands, in the order of [`MeterConfig`].
    pub bands: Vec<BandStats>,
}

/// A meter as it was given.
#[doc(alias = "ofp_meter_config")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterConfig {
    /// Units and options.
    pub flags: MeterFlags,
    /// The meter.
    pub meter_id: MeterId,
    /// Its bands.
    pub bands: Vec<Band>,
}

/// What meters can do.
#[doc(alias = "ofp_meter_features")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeterFeatures {
    /// How many there may be.
    pub max_meter: u32,
    /// Bit `n`: bands of type `n` are there.
    pub band_types: u32,
    /// Flags that are honoured.
    pub capabilities: MeterFlags,
    /// Bands in a meter.
    pub max_bands: u8,
    /// Colours.
    pub max_color: u8,
}

/// Bytes of [`MeterStats`] before its bands.
const STATS_LEN: usize = 40;
/// Bytes of [`MeterConfig`] before its bands.
const CONFIG_LEN: usize = 8;

impl MeterStats {
    /// Reads an entry.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<MeterStats, DecodeError> {
        let mut ahead = reader.clone();
        ahead.skip(4)?;
        let len = usize::from(ahead.u16()?);
        if len < STATS_LEN {
            return Err(reader.short());
        }
        let mut body = reader.sub(len, "meter statistics", BAD_LEN)?;
        let meter_id = MeterId(body.u32()?);
        body.skip(8)?;
        let flow_count = body.u32()?;
        let (packet_in_count, byte_in_count) = (body.u64()?, body.u64()?);
        let (duration_sec, duration_nsec) = (body.u32()?, body.u32()?);
        let mut bands = Vec::new();
        while !body.is_empty() {
            let (packet_band_count, byte_band_count) = (body.u64()?, body.u64()?);
            body.push(&mut bands, BandStats { packet_band_count, byte_band_count })?;
        }
        Ok(MeterStats {
            meter_id,
            flow_count,
            packet_in_count,
            byte_in_count,
            duration_sec,
            duration_nsec,
            bands,
        })
    }
}

impl Entry for MeterStats {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let start = writer.position();
        writer.u32(self.meter_id.0);
        writer.zeros(8);
        writer.u32(self.flow_count);
        writer.u64(self.packet_in_count);
        writer.u64(self.byte_in_count);
        writer.u32(self.duration_sec);
        writer.u32(self.duration_nsec);
        for band in &self.bands {
            writer.u64(band.packet_band_count);
            writer.u64(band.byte_band_count);
        }
        writer.set_len(start, 4)
    }
}

impl MeterConfig {
    /// Reads an entry.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<MeterConfig, DecodeError> {
        let (len, flags) = reader.peek_pair()?;
        let len = usize::from(len);
        if len < CONFIG_LEN {
            return Err(reader.short());
        }
        let mut body = reader.sub(len, "meter configuration", BAD_LEN)?;
        body.skip(4)?;
        let meter_id = MeterId(body.u32()?);
        let bands = Band::read_list(&mut body, Rules::Report)?;
        Ok(MeterConfig { flags: MeterFlags::from_bits_retain(flags), meter_id, bands })
    }
}

impl Entry for MeterConfig {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let start = writer.position();
        writer.u16(0);
        writer.u16(self.flags.bits());
        writer.u32(self.meter_id.0);
        Band::write_list(&self.bands, writer)?;
        writer.set_len(start, 0)
    }
}

impl MeterFeatures {
    /// Reads the reply's body.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<MeterFeatures, DecodeError> {
        let (max_meter, band_types) = (reader.u32()?, reader.u32()?);
        // The field has 32 bits, the flags 16.
        let [_, _, high, low] = reader.u32()?.to_be_bytes();
        let capabilities = MeterFlags::from_bits_retain(u16::from_be_bytes([high, low]));
        let (max_bands, max_color) = (reader.u8()?, reader.u8()?);
        reader.skip(2)?;
        Ok(MeterFeatures { max_meter, band_types, capabilities, max_bands, max_color })
    }

    /// Writes the reply's body.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.u32(self.max_meter);
        writer.u32(self.band_types);
        writer.u32(u32::from(self.capabilities.bits()));
        writer.u8(self.max_bands);
        writer.u8(self.max_color);
        writer.zeros(2);
    }
}
