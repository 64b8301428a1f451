//! Ports: numbers, descriptions, state and configuration (§5.6, §7.2.1), and their modification.

use alloc::string::String;
use core::fmt;

use bitflags::bitflags;

use crate::memory::{NoMemory, TryClone};
use crate::wire::{Reader, Writer};
use crate::{BadRequestCode, DecodeError, OfpError, PortModFailedCode};

/// Bytes of a port's name with its NUL.
#[doc(alias = "OFP_MAX_PORT_NAME_LEN")]
const NAME_LEN: usize = 16;

/// A port number (§7.2.1.1): ordinary ones run from 1 to [`PortNo::MAX`].
#[doc(alias = "ofp_port_no")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortNo(pub u32);

impl PortNo {
    /// The last ordinary number.
    #[doc(alias = "OFPP_MAX")]
    pub const MAX: PortNo = PortNo(0xffff_ff00);
    /// Back out of the port that the packet came in by.
    #[doc(alias = "OFPP_IN_PORT")]
    pub const IN_PORT: PortNo = PortNo(0xffff_fff8);
    /// The pipeline, from its first table; in packet-outs only.
    #[doc(alias = "OFPP_TABLE")]
    pub const TABLE: PortNo = PortNo(0xffff_fff9);
    /// The switch's own forwarding.
    #[doc(alias = "OFPP_NORMAL")]
    pub const NORMAL: PortNo = PortNo(0xffff_fffa);
    /// All ports that the switch's own forwarding floods to.
    #[doc(alias = "OFPP_FLOOD")]
    pub const FLOOD: PortNo = PortNo(0xffff_fffb);
    /// All standard ports but the ingress port.
    #[doc(alias = "OFPP_ALL")]
    pub const ALL: PortNo = PortNo(0xffff_fffc);
    /// The controller.
    #[doc(alias = "OFPP_CONTROLLER")]
    pub const CONTROLLER: PortNo = PortNo(0xffff_fffd);
    /// The switch's own stack.
    #[doc(alias = "OFPP_LOCAL")]
    pub const LOCAL: PortNo = PortNo(0xffff_fffe);
    /// No port in particular; in requests and filters only.
    #[doc(alias = "OFPP_ANY")]
    pub const ANY: PortNo = PortNo(0xffff_ffff);

    /// Whether this is the number of a physical or logical port.
    pub const fn is_ordinary(self) -> bool {
        self.0 >= 1 && self.0 <= Self::MAX.0
    }

    /// The reserved port's name, `None` for every other number.
    pub const fn reserved_name(self) -> Option<&'static str> {
        Some(match self {
            Self::IN_PORT => "IN_PORT",
            Self::TABLE => "TABLE",
            Self::NORMAL => "NORMAL",
            Self::FLOOD => "FLOOD",
            Self::ALL => "ALL",
            Self::CONTROLLER => "CONTROLLER",
            Self::LOCAL => "LOCAL",
            Self::ANY => "ANY",
            _ => return None,
        })
    }
}

impl fmt::Display for PortNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reserved_name() {
            Some(name) => f.pad(name),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

/// A MAC address.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HwAddr(pub [u8; 6]);

impl HwAddr {
    /// The address as a 48-bit integer, as [`Oxm`](crate::Oxm) values are.
    pub fn to_u64(self) -> u64 {
        self.0.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    /// The address of a 48-bit integer; higher bits are left out.
    pub fn from_u64(value: u64) -> HwAddr {
        let [_, _, bytes @ ..] = value.to_be_bytes();
        HwAddr(bytes)
    }
}

impl fmt::Display for HwAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for HwAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

bitflags! {
    /// What an administrator or controller asked of a port.
    #[doc(alias = "ofp_port_config")]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct PortConfig: u32 {
        /// Administratively down.
        const PORT_DOWN = 1 << 0;
        /// Drop everything received.
        const NO_RECV = 1 << 2;
        /// Drop everything sent to it.
        const NO_FWD = 1 << 5;
        /// A table miss of a packet received here causes no packet-in.
        const NO_PACKET_IN = 1 << 6;
        const _ = !0;
    }

    /// What a port is like at the moment; never set by a controller.
    #[doc(alias = "ofp_port_state")]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct PortState: u32 {
        /// No carrier.
        const LINK_DOWN = 1 << 0;
        /// Blocked by something outside OpenFlow.
        const BLOCKED = 1 << 1;
        /// Live for fast failover.
        const LIVE = 1 << 2;
        const _ = !0;
    }

    /// Speeds and media.
    #[doc(alias = "ofp_port_features")]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct PortFeatures: u32 {
        /// 10 Mbit/s half duplex.
        const HD_10MB = 1 << 0;
        /// 10 Mbit/s full duplex.
        const FD_10MB = 1 << 1;
        /// 100 Mbit/s half duplex.
        const HD_100MB = 1 << 2;
        /// 100 Mbit/s full duplex.
        const FD_100MB = 1 << 3;
        /// 1 Gbit/s half duplex.
        const HD_1GB = 1 << 4;
        /// 1 Gbit/s full duplex.
        const FD_1GB = 1 << 5;
        /// 10 Gbit/s full duplex.
        const FD_10GB = 1 << 6;
        /// 40 Gbit/s full duplex.
        const FD_40GB = 1 << 7;
        /// 100 Gbit/s full duplex.
        const FD_100GB = 1 << 8;
        /// 1 Tbit/s full duplex.
        const FD_1TB = 1 << 9;
        /// Another rate.
        const OTHER = 1 << 10;
        /// Copper.
        const COPPER = 1 << 11;
        /// Fibre.
        const FIBER = 1 << 12;
        /// Negotiates by itself.
        const AUTONEG = 1 << 13;
        /// Pauses.
        const PAUSE = 1 << 14;
        /// Pauses one way.
        const PAUSE_ASYM = 1 << 15;
        const _ = !0;
    }
}

/// A port as PORT_DESC and PORT_STATUS show it.
#[doc(alias = "ofp_port")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortDesc {
    /// Its number.
    pub port_no: PortNo,
    /// Its MAC address.
    pub hw_addr: HwAddr,
    /// Its name, at most 15 bytes on the wire.
    pub name: String,
    /// What was asked of it.
    pub config: PortConfig,
    /// What it is like.
    pub state: PortState,
    /// Current features.
    pub curr: PortFeatures,
    /// Features that it advertises.
    pub advertised: PortFeatures,
    /// Features that it supports.
    pub supported: PortFeatures,
    /// Features that the link peer advertises.
    pub peer: PortFeatures,
    /// Current rate in kbit/s.
    pub curr_speed: u32,
    /// Highest rate in kbit/s.
    pub max_speed: u32,
}

/// Changes a port's configuration (§7.3.4.3).
#[doc(alias = "OFPT_PORT_MOD")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortMod {
    /// The port.
    pub port_no: PortNo,
    /// Must be the port's address.
    pub hw_addr: HwAddr,
    /// New values of the bits in `mask`.
    pub config: PortConfig,
    /// The bits to change.
    pub mask: PortConfig,
    /// Features to advertise; none leaves them.
    pub advertise: PortFeatures,
}

/// Why a PORT_STATUS was sent.
#[doc(alias = "ofp_port_reason")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PortReason {
    /// The port was added.
    Add = 0,
    /// The port was removed.
    Delete = 1,
    /// Something about it changed.
    Modify = 2,
}

/// A port came, went or changed (§7.4.3).
#[doc(alias = "OFPT_PORT_STATUS")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortStatus {
    /// What happened.
    pub reason: PortReason,
    /// The port.
    pub desc: PortDesc,
}

impl TryClone for PortDesc {
    fn try_clone(&self) -> Result<PortDesc, NoMemory> {
        Ok(PortDesc { name: self.name.try_clone()?, ..*self })
    }
}

impl PortDesc {
    /// Reads a port.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<PortDesc, DecodeError> {
        let port_no = PortNo(reader.u32()?);
        reader.skip(4)?;
        let hw_addr = reader.mac()?;
        reader.skip(2)?;
        let name = reader.text(NAME_LEN)?;
        let config = PortConfig::from_bits_retain(reader.u32()?);
        let state = PortState::from_bits_retain(reader.u32()?);
        let mut features = || reader.u32().map(PortFeatures::from_bits_retain);
        let (curr, advertised) = (features()?, features()?);
        let (supported, peer) = (features()?, features()?);
        let (curr_speed, max_speed) = (reader.u32()?, reader.u32()?);
        Ok(PortDesc {
            port_no,
            hw_addr,
            name,
            config,
            state,
            curr,
            advertised,
            supported,
            peer,
            curr_speed,
            max_speed,
        })
    }

    /// Writes a port; a name of more than 15 bytes is cut off.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.u32(self.port_no.0);
        writer.zeros(4);
        writer.bytes(&self.hw_addr.0);
        writer.zeros(2);
        writer.text(&self.name, NAME_LEN);
        writer.u32(self.config.bits());
        writer.u32(self.state.bits());
        for features in [self.curr, self.advertised, self.supported, self.peer] {
            writer.u32(features.bits());
        }
        writer.u32(self.curr_speed);
        writer.u32(self.max_speed);
    }
}

impl PortMod {
    /// Reads a port-mod's body.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<PortMod, DecodeError> {
        let at = reader.offset();
        let port_no = PortNo(reader.u32()?);
        reader.skip(4)?;
        let hw_addr = reader.mac()?;
        reader.skip(2)?;
        let config = PortConfig::from_bits_retain(reader.u32()?);
        let mask = PortConfig::from_bits_retain(reader.u32()?);
        let advertise = PortFeatures::from_bits_retain(reader.u32()?);
        reader.skip(4)?;
        let bad = |code| Err(reader.error_at(at, OfpError::PortModFailed(code)));
        if !port_no.is_ordinary() && port_no != PortNo::LOCAL {
            return bad(PortModFailedCode::BadPort);
        }
        if has_unnamed(config) || has_unnamed(mask) {
            return bad(PortModFailedCode::BadConfig);
        }
        if has_unnamed(advertise) {
            return bad(PortModFailedCode::BadAdvertise);
        }
        Ok(PortMod { port_no, hw_addr, config, mask, advertise })
    }

    /// Writes a port-mod's body.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.u32(self.port_no.0);
        writer.zeros(4);
        writer.bytes(&self.hw_addr.0);
        writer.zeros(2);
        writer.u32(self.config.bits());
        writer.u32(self.mask.bits());
        writer.u32(self.advertise.bits());
        writer.zeros(4);
    }
}

/// Whether bits are set that have no name.
fn has_unnamed<F: bitflags::Flags>(flags: F) -> bool {
    let mut names = flags.iter_names();
    names.by_ref().for_each(drop);
    !names.remaining().is_empty()
}

impl PortReason {
    /// The reason with this number.
    pub const fn from_number(number: u8) -> Option<PortReason> {
        Some(match number {
            0 => PortReason::Add,
            1 => PortReason::Delete,
            2 => PortReason::Modify,
            _ => return None,
        })
    }
}

impl PortStatus {
    /// Reads a port-status's body.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<PortStatus, DecodeError> {
        let unknown = reader.error(OfpError::BadRequest(BadRequestCode::BadType));
        let reason = PortReason::from_number(reader.u8()?).ok_or(unknown)?;
        reader.skip(7)?;
        Ok(PortStatus { reason, desc: PortDesc::read(reader)? })
    }

    /// Writes a port-status's body.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.u8(self.reason as u8);
        writer.zeros(7);
        self.desc.write(writer);
    }
}
