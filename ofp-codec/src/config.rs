//! What a switch is (§7.3.1) and how it treats fragments (§7.3.2).

use bitflags::bitflags;

use crate::wire::{Reader, Rules, Writer};
use crate::{DecodeError, OfpError, SwitchConfigFailedCode};

bitflags! {
    /// What a switch can do.
    #[doc(alias = "ofp_capabilities")]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Capabilities: u32 {
        /// Flow statistics.
        const FLOW_STATS = 1 << 0;
        /// Table statistics.
        const TABLE_STATS = 1 << 1;
        /// Port statistics.
        const PORT_STATS = 1 << 2;
        /// Group statistics.
        const GROUP_STATS = 1 << 3;
        /// It can reassemble IP fragments.
        const IP_REASM = 1 << 5;
        /// Queue statistics.
        const QUEUE_STATS = 1 << 6;
        /// It blocks looping ports.
        const PORT_BLOCKED = 1 << 8;
        const _ = !0;
    }

    /// How fragments are treated.
    #[doc(alias = "ofp_config_flags")]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct ConfigFlags: u16 {
        /// Drop fragments; without a bit they pass.
        const FRAG_DROP = 1;
        /// Reassemble fragments.
        const FRAG_REASM = 2;
        const _ = !0;
    }
}

/// What a switch is.
#[doc(alias = "OFPT_FEATURES_REPLY")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwitchFeatures {
    /// Its datapath id.
    pub datapath_id: u64,
    /// Packets that it can buffer.
    pub n_buffers: u32,
    /// Its tables.
    pub n_tables: u8,
    /// 0 on the main connection.
    pub auxiliary_id: u8,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Reserved.
    pub reserved: u32,
}

/// The miss_send_len of a switch that was told nothing.
#[doc(alias = "OFP_DEFAULT_MISS_SEND_LEN")]
pub const DEFAULT_MISS_SEND_LEN: u16 = 128;

/// How a switch treats fragments and how much of a packet it sends unasked.
#[doc(alias = "OFPT_SET_CONFIG")]
#[doc(alias = "OFPT_GET_CONFIG_REPLY")]
#[doc(alias = "ofp_switch_config")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Treatment of fragments.
    pub flags: ConfigFlags,
    /// Bytes of a packet that no output action sent to the controller.
    pub miss_send_len: u16,
}

/// The highest miss_send_len that is a number of bytes.
const MAX_MISS_SEND_LEN: u16 = 0xffe5;
/// The miss_send_len that asks for whole packets.
const NO_BUFFER_MISS_SEND_LEN: u16 = 0xffff;
/// Beyond what the standard allows, but what everybody types after `ovs-ofctl monitor`.
const MONITOR_MISS_SEND_LEN: u16 = 65_534;

impl SwitchFeatures {
    /// Reads a features reply's body.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<SwitchFeatures, DecodeError> {
        let datapath_id = reader.u64()?;
        let n_buffers = reader.u32()?;
        let n_tables = reader.u8()?;
        let auxiliary_id = reader.u8()?;
        reader.skip(2)?;
        let capabilities = Capabilities::from_bits_retain(reader.u32()?);
        let reserved = reader.u32()?;
        Ok(SwitchFeatures {
            datapath_id,
            n_buffers,
            n_tables,
            auxiliary_id,
            capabilities,
            reserved,
        })
    }

    /// Writes a features reply's body.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.u64(self.datapath_id);
        writer.u32(self.n_buffers);
        writer.u8(self.n_tables);
        writer.u8(self.auxiliary_id);
        writer.zeros(2);
        writer.u32(self.capabilities.bits());
        writer.u32(self.reserved);
    }
}

impl Config {
    /// Reads the body of a SET_CONFIG or GET_CONFIG_REPLY.
    pub(crate) fn read(reader: &mut Reader<'_>, rules: Rules) -> Result<Config, DecodeError> {
        let at = reader.offset();
        let flags = ConfigFlags::from_bits_retain(reader.u16()?);
        let miss_send_len = reader.u16()?;
        let bad = |code| Err(reader.error_at(at, OfpError::SwitchConfigFailed(code)));
        if rules.strict() {
            // The two bits are one number, of which 3 is no value.
            if flags.bits() > ConfigFlags::FRAG_REASM.bits() {
                return bad(SwitchConfigFailedCode::BadFlags);
            }
            let means_all = [NO_BUFFER_MISS_SEND_LEN, MONITOR_MISS_SEND_LEN];
            if miss_send_len > MAX_MISS_SEND_LEN && !means_all.contains(&miss_send_len) {
                return bad(SwitchConfigFailedCode::BadLen);
            }
        }
        Ok(Config { flags, miss_send_len })
    }

    /// Writes the body of a SET_CONFIG or GET_CONFIG_REPLY.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.u16(self.flags.bits());
        writer.u16(self.miss_send_len);
    }
}
