//! The shape of meters: how many, which bands and units (§5.7, §7.3.5.14).

use ofp_codec::multipart::MeterFeatures;
use ofp_codec::{Band, MeterFlags, MeterMod, MeterModFailedCode as Code, OfpError};

/// What meters can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterShape {
    /// Meters that there may be, virtual ones included; 0 for none at all. One more is
    /// OUT_OF_METERS.
    pub max_meters: u32,
    /// Bands of each meter; one more is OUT_OF_BANDS.
    pub max_bands: u8,
    /// The flags that meters may have; others are BAD_FLAGS.
    pub flags: MeterFlags,
    /// Bands that drop, else BAD_BAND.
    pub has_drop: bool,
    /// Bands that raise the drop precedence, else BAD_BAND.
    pub has_dscp_remark: bool,
}

impl MeterShape {
    /// Everything that the standard has.
    pub fn full() -> MeterShape {
        MeterShape {
            max_meters: 1 << 16,
            max_bands: 8,
            flags: MeterFlags::all(),
            has_drop: true,
            has_dscp_remark: true,
        }
    }

    /// No meters at all.
    pub const fn none() -> MeterShape {
        MeterShape {
            max_meters: 0,
            max_bands: 0,
            flags: MeterFlags::empty(),
            has_drop: false,
            has_dscp_remark: false,
        }
    }

    pub(super) fn consistent(self) -> MeterShape {
        let units = MeterFlags::KBPS | MeterFlags::PKTPS;
        let has_bands = self.max_bands != 0 && (self.has_drop || self.has_dscp_remark);
        match self.max_meters != 0 && has_bands && self.flags.intersects(units) {
            true => self,
            false => MeterShape::none(),
        }
    }

    /// The words of a METER_FEATURES reply.
    pub(crate) fn features(&self) -> MeterFeatures {
        MeterFeatures {
            max_meter: self.max_meters,
            band_types: u32::from(self.has_drop) << 1 | u32::from(self.has_dscp_remark) << 2,
            capabilities: self.flags,
            max_bands: self.max_bands,
            max_color: 0,
        }
    }

    /// Checks the flags and bands that a meter-mod asks for.
    pub(crate) fn check(&self, given: &MeterMod) -> Result<(), OfpError> {
        let fail = |code| Err(OfpError::MeterModFailed(code));
        if !self.flags.contains(given.flags) {
            return fail(Code::BadFlags);
        }
        let lacks = |band: &Band| match band {
            Band::Drop { .. } => !self.has_drop,
            Band::DscpRemark { .. } => !self.has_dscp_remark,
            Band::Experimenter { .. } => true,
        };
        if given.bands.iter().any(lacks) {
            return fail(Code::BadBand);
        }
        Ok(())
    }
}
