//! A switch written naively from the standard: what the datapath is compared with. It shares nothing
//! with it but the codec's words.
//!
//! Every table is a list that is searched from end to end, every packet a copy of its bytes, every
//! checksum computed anew; an action set is a list that is sorted, a timeout a date that is looked at.
//! Where the standard leaves a choice, the oracle makes the one that the switch states; where the
//! choice is not stated (which live bucket of a SELECT group), it asks a [`Chooser`].

pub mod checksums;
pub mod coverage;
pub mod entries;
pub mod fields;
pub mod groups;
pub mod meters;
pub mod ports;
pub mod rewrite;
pub mod tags;
pub mod walk;

use std::collections::BTreeMap;

use ofp_codec::{FlowRemoved, OxmField, PortStatus};

pub use coverage::{Coverage, Met};
pub use entries::{Entry, duration};
pub use groups::{Chooser, OracleGroup};
pub use meters::OracleMeter;
pub use ports::{OraclePort, PortCounts};
pub use walk::Received;

/// Nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// What leaves the switch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// A frame out of a port.
    Sent {
        /// The port.
        port: u32,
        /// Its bytes.
        frame: Vec<u8>,
        /// The key of the tunnel that it goes through.
        tunnel_id: u64,
        /// The queue that it was given.
        queue_id: Option<u32>,
    },
    /// A packet-in.
    PacketIn {
        /// The reason's number.
        reason: u8,
        /// The table.
        table: u8,
        /// The entry's cookie, or all ones.
        cookie: u64,
        /// What the bytes do not say.
        context: Vec<(OxmField, u128)>,
        /// Its bytes.
        frame: Vec<u8>,
    },
}

/// Packets and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Packets.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Load {
    fn add(&mut self, len: usize) {
        self.packets += 1;
        self.bytes += len as u64;
    }
}

/// Lookups and matches of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableCount {
    /// Packets looked up.
    pub lookups: u64,
    /// Packets that matched.
    pub matched: u64,
}

/// A switch, naively.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    /// The time, in nanoseconds.
    pub now: u64,
    /// Its ports, by number.
    pub ports: BTreeMap<u32, OraclePort>,
    /// Its entries, by table.
    pub tables: BTreeMap<u8, Vec<Entry>>,
    /// What its tables counted.
    pub counts: BTreeMap<u8, TableCount>,
    /// Its groups, by number.
    pub groups: BTreeMap<u32, OracleGroup>,
    /// Its meters, by number.
    pub meters: BTreeMap<u32, OracleMeter>,
    /// Packets that ended unsent, by reason.
    pub drops: BTreeMap<&'static str, u64>,
    /// What left it since somebody took it.
    pub outcomes: Vec<Outcome>,
    /// Entries that went since somebody took them.
    pub removed: Vec<FlowRemoved>,
    /// Ports that changed since somebody took them.
    pub port_news: Vec<PortStatus>,
    /// What choices are made that are the switch's own.
    pub chooser: Chooser,
    /// What has been met.
    pub coverage: Coverage,
    /// Whether fragments are dropped.
    pub drops_fragments: bool,
    /// Whether packets with an invalid TTL are offered to the controllers.
    pub invalid_ttl_to_controller: bool,
    /// Whether it forwards as NORMAL, past its tables.
    pub is_standalone: bool,
    /// The port that the host takes no frame for.
    pub refused: Option<u32>,
    stations: ports::Stations,
    order: u64,
    /// What has become of the packet at hand: outputs, packet-ins, drops.
    fates: u32,
    /// Outputs of the packet at hand, and buckets that it went through.
    outputs: u32,
}

impl Oracle {
    /// A switch without ports, its tables empty.
    pub fn new() -> Oracle {
        Oracle { invalid_ttl_to_controller: true, ..Oracle::default() }
    }

    /// Time passes; what it ends, ends.
    pub fn wait_until(&mut self, now: u64) {
        self.now = now;
        self.expire();
    }

    /// What left the switch since the last call, in an order that does not matter.
    pub fn take_outcomes(&mut self) -> Vec<Outcome> {
        let mut outcomes = std::mem::take(&mut self.outcomes);
        outcomes.sort();
        outcomes
    }

    fn dropped(&mut self, reason: &'static str) {
        self.fates += 1;
        *self.drops.entry(reason).or_default() += 1;
    }
}
