//! How a device is set up, and the small words of its calls: channel names and kinds, readiness,
//! fail mode, status.

use alloc::string::String;

use bitflags::bitflags;

/// Settings of a [`Device`](crate::Device). The bounds are per channel. The default allocates nothing.
///
/// ```
/// use rumpswitch_switch_dev::DeviceConfig;
///
/// // One open at a time, as the device of OpenBSD had it.
/// let config = DeviceConfig { max_channels: 1, ..DeviceConfig::default() };
/// assert_eq!(config.packet_in_count, 256);
/// ```
#[derive(Clone, Debug)]
pub struct DeviceConfig {
    /// Channels that may be open at once; further opens are [`Busy`](crate::DeviceError::Busy).
    pub max_channels: usize,
    /// Bytes of unread replies and notices above which a channel is not read from.
    pub reply_len_soft: usize,
    /// Bytes of unread replies and notices at which a channel is hung up and counted: what others
    /// caused (deletes, time-outs, ports) can be neither dropped nor kept any longer.
    pub reply_len_hard: usize,
    /// Removed flow entries that may wait in the tables while all channels that listen are behind,
    /// and for each channel whose flow monitors are.
    pub flow_removed_count: usize,
    /// Unread packet-ins, in messages; further ones stay in the switch's fair queue and drop there.
    pub packet_in_count: usize,
    /// Unread packet-ins, in bytes.
    pub packet_in_len: usize,
    /// Bytes that all unfinished multipart requests of a channel may hold together.
    pub assembly_len: usize,
    /// Multipart requests that may be unfinished at once.
    pub assembly_count: usize,
    /// Nanoseconds without a further part after which an unfinished multipart request is dropped.
    pub assembly_idle: u64,
    /// Bundles that may be open at once.
    pub bundle_count: usize,
    /// Bytes that all open bundles of a channel may hold together.
    pub bundle_len: usize,
    /// Flow monitors of a channel.
    pub monitor_count: usize,
    /// `sw_desc` of OFPMP_DESC (§7.3.5.1), cut to 255 bytes; empty for `rumpswitch` and its version.
    pub software: String,
    /// `dp_desc` of OFPMP_DESC: the name that people gave this switch, cut to 255 bytes.
    pub description: String,
}

impl Default for DeviceConfig {
    fn default() -> DeviceConfig {
        DeviceConfig {
            max_channels: 32,
            reply_len_soft: 256 * 1024,
            reply_len_hard: 16 * 1024 * 1024,
            flow_removed_count: 1 << 20,
            packet_in_count: 256,
            packet_in_len: 1024 * 1024,
            assembly_len: 4 * 1024 * 1024,
            assembly_count: 8,
            assembly_idle: 1_000_000_000,
            bundle_count: 8,
            bundle_len: 64 * 1024 * 1024,
            monitor_count: 64,
            software: String::new(),
            description: String::new(),
        }
    }
}

/// The name of one open of the device. Names are not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub(crate) u64);

impl ChannelId {
    /// The name as a number, for logs and tokens.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// On whose wish a channel was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    /// The switch was told to talk to this controller: it gets asynchronous messages, and the fail
    /// mode looks at it.
    Active,
    /// Somebody came to the switch, such as a tool for one question: it gets no asynchronous
    /// message until it asks for them (SET_CONFIG, SET_ASYNC or a role), and never counts for the
    /// fail mode.
    Passive,
}

/// What the switch does while no controller is there (§6.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FailMode {
    /// Entries stay and age; packets for a controller are dropped.
    #[default]
    Secure,
    /// All frames are forwarded as OFPP_NORMAL says until a channel of kind
    /// [`Active`](ChannelKind::Active) has negotiated. Entries stay and age.
    Standalone,
}

bitflags! {
    /// What a channel is ready for, as `poll(2)` means it.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Readiness: u8 {
        /// A read returns bytes, or the end of the stream after a hang-up.
        const READABLE = 1;
        /// A write takes at least one byte.
        const WRITABLE = 2;
        /// The channel is over and everything that it had to say has been read: close it.
        const HANGUP = 4;
    }
}

/// Why a channel hung up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HangUp {
    /// The first message was no hello.
    NoHello,
    /// The hello allowed no version that both speak.
    Incompatible,
    /// A message said that it is shorter than its header: the stream cannot be cut any more.
    BadFraming,
    /// It did not read, and what others caused filled its queue.
    TooSlow,
    /// Memory for what it had to be told was short.
    NoMemory,
    /// The switch is going away.
    Gone,
    /// It was an auxiliary connection, and the main one is over.
    MainGone,
}
