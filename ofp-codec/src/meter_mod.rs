//! Meters (§5.7) and their modification (§7.3.4.4).

use alloc::vec::Vec;
use core::fmt;

use bitflags::bitflags;

use crate::memory::{NoMemory, TryClone, try_list};
use crate::wire::{BAD_LEN, EncodeError, Reader, Rules, Writer};
use crate::{DecodeError, MeterModFailedCode, OfpError};

/// Bytes of a band, of which an experimenter's may have more.
const BAND_LEN: usize = 16;

/// A meter's number.
#[doc(alias = "ofp_meter")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeterId(pub u32);

impl MeterId {
    /// The last number that a meter of flow entries may have.
    #[doc(alias = "OFPM_MAX")]
    pub const MAX: MeterId = MeterId(0xffff_0000);
    /// Meters the slow path.
    #[doc(alias = "OFPM_SLOWPATH")]
    pub const SLOWPATH: MeterId = MeterId(0xffff_fffd);
    /// Meters packet-ins.
    #[doc(alias = "OFPM_CONTROLLER")]
    pub const CONTROLLER: MeterId = MeterId(0xffff_fffe);
    /// All meters; in deletions and requests only.
    #[doc(alias = "OFPM_ALL")]
    pub const ALL: MeterId = MeterId(0xffff_ffff);
}

impl fmt::Display for MeterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            MeterId::SLOWPATH => f.pad("slowpath"),
            MeterId::CONTROLLER => f.pad("controller"),
            MeterId::ALL => f.pad("all"),
            MeterId(number) => fmt::Display::fmt(&number, f),
        }
    }
}

/// What a meter-mod does.
#[doc(alias = "ofp_meter_mod_command")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum MeterModCommand {
    /// Add a meter.
    #[doc(alias = "OFPMC_ADD")]
    Add = 0,
    /// Replace a meter's flags and bands.
    #[doc(alias = "OFPMC_MODIFY")]
    Modify = 1,
    /// Delete a meter, or all.
    #[doc(alias = "OFPMC_DELETE")]
    Delete = 2,
}

bitflags! {
    /// Units and options of a meter.
    #[doc(alias = "ofp_meter_flags")]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct MeterFlags: u16 {
        /// Rates in kbit/s.
        const KBPS = 1 << 0;
        /// Rates in packets/s.
        const PKTPS = 1 << 1;
        /// Burst sizes count.
        const BURST = 1 << 2;
        /// Keep statistics.
        const STATS = 1 << 3;
    }
}

/// One band: what happens above a rate.
#[doc(alias = "ofp_meter_band_header")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Band {
    /// Drop the packet.
    #[doc(alias = "OFPMBT_DROP")]
    Drop {
        /// In kbit/s or packets/s.
        rate: u32,
        /// In kbit or packets.
        burst_size: u32,
    },
    /// Raise the drop precedence of the packet's DSCP.
    #[doc(alias = "OFPMBT_DSCP_REMARK")]
    DscpRemark {
        /// In kbit/s or packets/s.
        rate: u32,
        /// In kbit or packets.
        burst_size: u32,
        /// By how much.
        prec_level: u8,
    },
    /// An extension's band.
    #[doc(alias = "OFPMBT_EXPERIMENTER")]
    Experimenter {
        /// In kbit/s or packets/s.
        rate: u32,
        /// In kbit or packets.
        burst_size: u32,
        /// Who defines it.
        experimenter: u32,
        /// What follows, a multiple of 8 bytes.
        data: Vec<u8>,
    },
}

impl TryClone for Band {
    fn try_clone(&self) -> Result<Band, NoMemory> {
        Ok(match self {
            &Band::Experimenter { rate, burst_size, experimenter, ref data } => {
                Band::Experimenter { rate, burst_size, experimenter, data: try_list(data)? }
            }
            // Nothing else holds memory.
            other => other.clone(),
        })
    }
}

impl Band {
    /// The rate above which the band acts, in kbit/s or packets/s.
    pub const fn rate(&self) -> u32 {
        match self {
            Band::Drop { rate, .. }
            | Band::DscpRemark { rate, .. }
            | Band::Experimenter { rate, .. } => *rate,
        }
    }

    /// The burst size in kbit or packets.
    pub const fn burst_size(&self) -> u32 {
        match self {
            Band::Drop { burst_size, .. }
            | Band::DscpRemark { burst_size, .. }
            | Band::Experimenter { burst_size, .. } => *burst_size,
        }
    }
}

/// Adds, modifies or deletes a meter.
#[doc(alias = "OFPT_METER_MOD")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterMod {
    /// What to do.
    pub command: MeterModCommand,
    /// Units and options.
    pub flags: MeterFlags,
    /// The meter.
    pub meter_id: MeterId,
    /// Its bands.
    pub bands: Vec<Band>,
}

impl MeterModCommand {
    /// The command with this number.
    pub const fn from_number(number: u16) -> Option<MeterModCommand> {
        Some(match number {
            0 => MeterModCommand::Add,
            1 => MeterModCommand::Modify,
            2 => MeterModCommand::Delete,
            _ => return None,
        })
    }
}

impl MeterId {
    /// Whether a meter may have this number: an ordinary one, or a virtual meter's.
    pub fn is_possible(self) -> bool {
        (self.0 >= 1 && self <= MeterId::MAX)
            || self == MeterId::SLOWPATH
            || self == MeterId::CONTROLLER
    }
}

impl Band {
    /// Reads bands to the reader's end.
    pub(crate) fn read_list(
        reader: &mut Reader<'_>,
        rules: Rules,
    ) -> Result<Vec<Band>, DecodeError> {
        let mut bands = Vec::new();
        while !reader.is_empty() {
            let band = Band::read(reader, rules)?;
            reader.push(&mut bands, band)?;
        }
        Ok(bands)
    }

    /// Writes bands.
    pub(crate) fn write_list(bands: &[Band], writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        bands.iter().try_for_each(|band| band.write(writer))
    }

    fn read(reader: &mut Reader<'_>, rules: Rules) -> Result<Band, DecodeError> {
        let at = reader.offset();
        let bad = |code| {
            Err(DecodeError { error: OfpError::MeterModFailed(code), what: "band", offset: at })
        };
        let (number, len) = reader.peek_pair()?;
        let len = usize::from(len);
        if len < BAND_LEN || len % 8 != 0 {
            return Err(reader.short());
        }
        let mut body = reader.sub(len, "band", BAD_LEN)?;
        body.skip(4)?;
        let (rate, burst_size) = (body.u32()?, body.u32()?);
        let band = match number {
            1 => {
                body.skip(4)?;
                Band::Drop { rate, burst_size }
            }
            2 => {
                let prec_level = body.u8()?;
                body.skip(3)?;
                Band::DscpRemark { rate, burst_size, prec_level }
            }
            0xffff if !rules.strict() => {
                let experimenter = body.u32()?;
                let data = body.rest_to_vec()?;
                Band::Experimenter { rate, burst_size, experimenter, data }
            }
            _ => return bad(MeterModFailedCode::BadBand),
        };
        body.finish()?;
        if rules.strict() && rate == 0 {
            return bad(MeterModFailedCode::BadRate);
        }
        Ok(band)
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let start = writer.position();
        writer.u16(match self {
            Band::Drop { .. } => 1,
            Band::DscpRemark { .. } => 2,
            Band::Experimenter { .. } => 0xffff,
        });
        writer.u16(0);
        writer.u32(self.rate());
        writer.u32(self.burst_size());
        match self {
            Band::Drop { .. } => {}
            Band::DscpRemark { prec_level, .. } => writer.u8(*prec_level),
            Band::Experimenter { experimenter, data, .. } => {
                writer.u32(*experimenter);
                writer.aligned(data)?;
            }
        }
        writer.pad(start);
        writer.set_len(start, 2)
    }
}

impl MeterMod {
    /// Reads a meter-mod's body. Of a deletion only the meter counts: flags and bands are left out.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<MeterMod, DecodeError> {
        let at = reader.offset();
        let bad = |code| DecodeError {
            error: OfpError::MeterModFailed(code),
            what: "meter-mod",
            offset: at,
        };
        let command = reader.u16()?;
        let flags = MeterFlags::from_bits_retain(reader.u16()?);
        let meter_id = MeterId(reader.u32()?);
        let command =
            MeterModCommand::from_number(command).ok_or(bad(MeterModFailedCode::BadCommand))?;
        if command == MeterModCommand::Delete {
            reader.take_rest();
            return Ok(MeterMod { command, flags, meter_id, bands: Vec::new() });
        }
        let units = flags & (MeterFlags::KBPS | MeterFlags::PKTPS);
        if !MeterFlags::all().contains(flags) || units.bits().count_ones() != 1 {
            return Err(bad(MeterModFailedCode::BadFlags));
        }
        if !meter_id.is_possible() {
            return Err(bad(MeterModFailedCode::InvalidMeter));
        }
        let bands = Band::read_list(reader, Rules::Request)?;
        Ok(MeterMod { command, flags, meter_id, bands })
    }

    /// Writes a meter-mod's body.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.u16(self.command as u16);
        writer.u16(self.flags.bits());
        writer.u32(self.meter_id.0);
        Band::write_list(&self.bands, writer)
    }
}
