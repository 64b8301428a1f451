//! What a switch is (§7.3.1) and how it treats fragments (§7.3.2).

use bitflags::bitflags;

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
