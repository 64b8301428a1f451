//! What a switch is told at construction: its identity, its seed and its limits.

use alloc::sync::Arc;

use crate::fullness::{Eviction, Vacancy};
use crate::personality::Personality;

/// Limits and identity of a switch; the default is meant for a switch of one process on a
/// general-purpose host.
///
/// What it looks like to controllers is its [`Personality`]; where that has more than the limits here,
/// the limits count.
///
/// Limits bound what controllers and network hosts can make the switch allocate; nothing is
/// allocated before it is needed, and the default itself allocates nothing.
///
/// ```
/// use rumpswitch_datapath::SwitchConfig;
///
/// let config = SwitchConfig { datapath_id: 0x1, n_tables: 8, ..SwitchConfig::default() };
/// assert_eq!(config.max_entries_per_table, 1 << 20);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchConfig {
    /// The datapath id: the low 48 bits are usually an Ethernet address (§7.3.1).
    pub datapath_id: u64,
    /// Seeds every hash. Network hosts and controllers choose the keys, so the host should take it
    /// from a random source; tests take a constant.
    pub seed: u64,
    /// What the switch looks like; `None` is [`Personality::full`], which each switch then has for
    /// itself. Switches that are told one, and whose limits leave it as it is, share it.
    pub personality: Option<Arc<Personality>>,
    /// Flow tables, 1 to 255, numbered from 0.
    pub n_tables: u8,
    /// Flow entries in each table.
    pub max_entries_per_table: u32,
    /// What an ADD to a full table does; each table can be told otherwise later.
    pub eviction: Eviction,
    /// When the host is told that tables fill or empty; each table can be told otherwise later.
    pub vacancy: Option<Vacancy>,
    /// Bytes that the flow entries of all tables hold beside their places and their keys: what their
    /// controllers wrote and the longer programs that it became. Most hold some dozens; a list of
    /// four thousand actions takes 200 kB, in each of the entries that one modification may reach.
    /// More is TABLE_FULL.
    pub max_entry_bytes: u64,
    /// Groups, all types together.
    pub max_groups: u32,
    /// Buckets of all groups together.
    pub max_buckets: u32,
    /// Meters, virtual ones included.
    pub max_meters: u32,
    /// Bands of each meter.
    pub max_bands: u8,
    /// Packet-ins that wait for a reader.
    pub punt_queue_count: u32,
    /// Bytes of frames that wait for a reader.
    pub punt_queue_bytes: u32,
    /// Stations that NORMAL remembers.
    pub mac_table_count: u32,
    /// Seconds after which NORMAL forgets a station that sends nothing.
    pub mac_ageing_secs: u16,
    /// Flow entries that one call of [`Tables::tick`](crate::Tables::tick) looks at, at most: of tables
    /// with several masks it is fewer, since their removal takes longer.
    pub expiries_per_tick: u32,
}

impl Default for SwitchConfig {
    fn default() -> SwitchConfig {
        SwitchConfig {
            datapath_id: 0,
            seed: 0,
            personality: None,
            n_tables: 255,
            max_entries_per_table: 1 << 20,
            eviction: Eviction::Refuse,
            vacancy: None,
            max_entry_bytes: 1 << 30,
            max_groups: 1 << 16,
            max_buckets: 1 << 18,
            max_meters: 1 << 16,
            max_bands: 8,
            punt_queue_count: 256,
            punt_queue_bytes: 1 << 20,
            mac_table_count: 8192,
            mac_ageing_secs: 300,
            expiries_per_tick: 512,
        }
    }
}
