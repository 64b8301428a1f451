//! Meters (§5.7) and their modification (§7.3.4.4).

use alloc::vec::Vec;
use core::fmt;

use bitflags::bitflags;

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
