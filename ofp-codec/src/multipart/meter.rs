//! METER, METER_CONFIG and METER_FEATURES (§7.3.5.12 to §7.3.5.14).

use alloc::vec::Vec;

use crate::{Band, MeterFlags, MeterId};

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
