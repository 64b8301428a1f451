//! What a switch looks like: its tables, groups, meters and limits, and what it lacks.
//!
//! # What
//!
//! A [`Personality`] is the one value from which a switch announces what it can do (FEATURES_REPLY,
//! TABLE_FEATURES, GROUP_FEATURES, METER_FEATURES) and by which it refuses what it cannot. The two
//! therefore never disagree: what is announced is accepted, and what is not is refused with the
//! standard's error. It lets someone try a controller against a switch of three tables without
//! DEC_NW_TTL before the hardware is there.
//!
//! # Design
//!
//! Fields, actions, instructions and tables are sets in machine words (`sets.rs`), so a check is one
//! bit. They are made when a flow-mod, group-mod or meter-mod comes, never for a packet. What cannot
//! be used is dropped before a switch takes its personality ([`Personality::consistent`]): a
//! Goto-Table that leads nowhere, a METER instruction where there are no meters.
//!
//! What is built is the *largest* shape. A controller may write TABLE_FEATURES
//! (`reshape.rs`) and so take a smaller one, and later another, within the largest.
//!
//! # What it does not do
//!
//! It only takes away: it cannot teach the switch what it does not have. Loops of groups are refused
//! whether CHAINING_CHECKS is announced or not.

mod check;
mod group;
mod meter;
mod presets;
mod reshape;
mod sets;
mod shape;
mod table;

use alloc::string::String;
use alloc::vec::Vec;

use bitflags::bitflags;
use ofp_codec::memory::{NoMemory, TryBox, TryClone};
use ofp_codec::{ActionType, Capabilities, FlowModFlags, GroupType, PortConfig, PortNo, TableId};

use crate::config::SwitchConfig;

pub(crate) use check::Allowed;
pub use group::GroupShape;
pub use meter::MeterShape;
pub use sets::{ActionTypeSet, FieldSet, Instructions, Messages, Multiparts, Outputs, TableIdSet};
use shape::Largest;
pub(crate) use shape::Shape;
pub use table::{EntryShape, TableShape};

bitflags! {
    /// Features that a switch may have or lack, with the error that says so.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Features: u16 {
        /// TABLE_FEATURES may be written, else TABLE_FEATURES_FAILED/EPERM.
        const TABLE_FEATURES_WRITE = 1 << 0;
        /// Several controllers with roles, else ROLE_REQUEST_FAILED/UNSUP.
        const ROLES = 1 << 1;
        /// Extensions (bundles, flow monitors), else BAD_REQUEST/BAD_EXPERIMENTER.
        const EXPERIMENTERS = 1 << 2;
        /// Fragments can be dropped, else SWITCH_CONFIG_FAILED/BAD_FLAGS.
        const FRAGMENT_DROP = 1 << 3;
        /// Idle timeouts, else FLOW_MOD_FAILED/BAD_TIMEOUT.
        const IDLE_TIMEOUT = 1 << 4;
        /// Hard timeouts, else FLOW_MOD_FAILED/BAD_TIMEOUT.
        const HARD_TIMEOUT = 1 << 5;
        /// The virtual meters CONTROLLER and SLOWPATH, else METER_MOD_FAILED/INVALID_METER.
        const VIRTUAL_METERS = 1 << 6;
        /// Outputs may name ports that are not there, else BAD_ACTION/BAD_OUT_PORT.
        const ABSENT_PORTS = 1 << 7;
    }
}

bitflags! {
    /// Errors in which Open vSwitch 3.1 differs from the text, as measured.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Quirks: u8 {
        /// Set-field of a field that is not known: BAD_SET_LEN; of one that cannot be set:
        /// BAD_SET_ARGUMENT; with a mask: an error of the ONF's own.
        const SET_FIELD_ERRORS = 1 << 0;
        /// An entry that names a missing meter: INVALID_METER.
        const MISSING_METER_IS_INVALID = 1 << 1;
        /// An instruction twice: an error of the ONF's own.
        const DUPLICATE_INSTRUCTION_ONF = 1 << 2;
        /// An ARP operation beyond 255: BAD_MATCH/BAD_VALUE.
        const ARP_OP_8_BITS = 1 << 3;
        /// The table behind the last one is the switch's own: EPERM.
        const HIDDEN_TABLE = 1 << 4;
        /// A field of the wrong length, or one that no table has before its prerequisite:
        /// BAD_MATCH/BAD_FIELD; a match of 1.0: BAD_LEN.
        const MATCH_ERRORS = 1 << 5;
        /// A bucket whose length is no multiple of 8: BAD_REQUEST/BAD_LEN.
        const BUCKET_LENGTHS = 1 << 6;
        /// A packet-out from a port beyond the last: BAD_ACTION/BAD_OUT_PORT.
        const PACKET_OUT_ERRORS = 1 << 7;
    }
}

/// What a switch looks like.
///
/// ```
/// use ofp_codec::{Action, ActionType, FlowMod, Instruction, Match, OfpError, Oxm, OxmField};
/// use rumpswitch_datapath::{Personality, SwitchConfig, Tables};
/// use hypercall::Nanos;
///
/// // Three tables and no DEC_NW_TTL.
/// let personality = Personality::full()
///     .named("three-tables")
///     .with_table_count(3)
///     .map_tables(|_, table| table.without_actions([ActionType::DecNwTtl]));
/// let mut tables = Tables::new(SwitchConfig {
///     personality: Some(personality.into()),
///     ..SwitchConfig::default()
/// });
/// let decrement = FlowMod {
///     matching: Match::new([Oxm::new(OxmField::EthType, 0x0800)])?,
///     instructions: vec![Instruction::ApplyActions(vec![Action::DecNwTtl])],
///     ..FlowMod::default()
/// };
/// let error = tables.flow_mod(Nanos(0), &decrement).unwrap_err();
/// assert_eq!(error, OfpError::BadAction(ofp_codec::BadActionCode::BadType));
/// # Ok::<(), OfpError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Personality {
    /// What people call it.
    pub name: String,
    /// `mfr_desc` of OFPMP_DESC, by which some controllers choose how to talk to a switch; empty for
    /// the device's own. Each of the three is cut to 255 bytes.
    pub manufacturer: String,
    /// `hw_desc` of OFPMP_DESC.
    pub hardware: String,
    /// `sw_desc` of OFPMP_DESC.
    pub software: String,
    /// The tables, from number 0 on, at most 255; others are BAD_TABLE_ID.
    pub tables: Vec<TableShape>,
    /// Groups.
    pub groups: GroupShape,
    /// Meters; without any, METER_MOD is BAD_REQUEST/BAD_TYPE.
    pub meters: MeterShape,
    /// What it has.
    pub features: Features,
    /// The messages that it understands.
    pub messages: Messages,
    /// The multipart types that it answers.
    pub multiparts: Multiparts,
    /// The flags of flow-mods; others are FLOW_MOD_FAILED/BAD_FLAGS.
    pub flow_flags: FlowModFlags,
    /// The reserved ports that outputs may name.
    pub outputs: Outputs,
    /// The highest number of an ordinary port, also in outputs and matches.
    pub max_port: PortNo,
    /// What controllers may configure of ports; the rest is PORT_MOD_FAILED/BAD_CONFIG.
    pub port_config: PortConfig,
    /// Actions of one list; more are BAD_ACTION/TOO_MANY.
    pub max_actions: u16,
    /// VLAN tags that a list of actions may leave on a packet; more are BAD_ACTION/BAD_TAG.
    pub max_vlan_tags: u16,
    /// Errors other than the text's.
    pub quirks: Quirks,
}

impl Personality {
    /// The same under another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Personality {
        self.name = name.into();
        self
    }

    /// The same under other names in OFPMP_DESC.
    #[must_use]
    pub fn made_by(mut self, manufacturer: &str, hardware: &str, software: &str) -> Personality {
        self.manufacturer = String::from(manufacturer);
        self.hardware = String::from(hardware);
        self.software = String::from(software);
        self
    }

    /// The same with so many tables, 1 to 255: the last ones go, or the last one is repeated. What led
    /// to all later tables does so again.
    #[must_use]
    pub fn with_table_count(mut self, count: u8) -> Personality {
        let (before, count) = (self.tables.len(), usize::from(count.clamp(1, 255)));
        let goes_on = |table: &TableShape| {
            table.entry.instructions.contains(Instructions::GOTO_TABLE)
                || table.miss.instructions.contains(Instructions::GOTO_TABLE)
        };
        let goes_on = self.tables.iter().any(goes_on);
        let last = self.tables.last().cloned().unwrap_or_default();
        self.tables.resize(count, last);
        for (id, table) in (0..=u8::MAX).map(TableId).zip(&mut self.tables) {
            let (was_later, later) = (TableIdSet::later(id, before), TableIdSet::later(id, count));
            for shape in [&mut table.entry, &mut table.miss] {
                if shape.next_tables == was_later {
                    shape.next_tables = later;
                    // The last table had no Goto-Table, since there was no later one.
                    shape.instructions.set(
                        Instructions::GOTO_TABLE,
                        shape.instructions.contains(Instructions::GOTO_TABLE)
                            || (was_later.is_empty() && goes_on),
                    );
                }
            }
        }
        self.consistent()
    }

    /// The same with each table changed by `change`, which is told its number.
    #[must_use]
    pub fn map_tables(
        mut self,
        mut change: impl FnMut(TableId, TableShape) -> TableShape,
    ) -> Personality {
        let tables = (0..=u8::MAX).map(TableId).zip(self.tables);
        self.tables = tables.map(|(id, table)| change(id, table)).collect();
        self
    }

    /// The same without these features.
    #[must_use]
    pub fn without(mut self, features: Features) -> Personality {
        self.features.remove(features);
        self
    }

    /// The same without what cannot be used or contradicts itself, as a switch takes it.
    #[must_use]
    pub fn consistent(mut self) -> Personality {
        self.tables.truncate(255);
        if self.tables.is_empty() {
            self.tables.push(TableShape::default());
        }
        self.groups = self.groups.consistent();
        self.meters = self.meters.consistent();
        if self.groups.is_none() {
            self.messages.remove(Messages::GROUP_MOD);
        }
        if self.meters.max_meters == 0 {
            self.messages.remove(Messages::METER_MOD);
            self.multiparts -= Multiparts::METER | Multiparts::METER_CONFIG;
            self.multiparts -= Multiparts::METER_FEATURES;
        }
        if !self.messages.contains(Messages::ROLE_REQUEST) {
            self.features.remove(Features::ROLES);
        }
        if !self.messages.contains(Messages::EXPERIMENTER) {
            self.features.remove(Features::EXPERIMENTERS);
        }
        if !self.messages.contains(Messages::METER_MOD) {
            self.features.remove(Features::VIRTUAL_METERS);
        }
        let has_groups = self.messages.contains(Messages::GROUP_MOD);
        let has_meters = self.messages.contains(Messages::METER_MOD);
        let count = self.tables.len();
        let tables = (0..=u8::MAX).map(TableId).zip(&mut self.tables);
        for (id, table) in tables {
            let later = TableIdSet::later(id, count);
            for shape in [&mut table.entry, &mut table.miss] {
                shape.next_tables = shape.next_tables.intersection(later);
                if !has_groups {
                    *shape = shape.without_actions([ActionType::Group].into_iter().collect());
                }
                if !has_meters {
                    shape.instructions.remove(Instructions::METER);
                }
            }
            *table = core::mem::take(table).consistent();
        }
        self
    }

    /// What a switch is told to look like, within the limits of its host.
    fn within(config: &SwitchConfig) -> Result<Largest, NoMemory> {
        let mut within = match &config.personality {
            Some(all) => all.try_clone()?,
            None => Personality::try_full()?,
        };
        if within.tables.is_empty() {
            // For the one that `consistent` puts there.
            within.tables.try_reserve_exact(1).map_err(|_| NoMemory)?;
        }
        within.tables.truncate(usize::from(config.n_tables.max(1)));
        for table in &mut within.tables {
            table.max_entries = table.max_entries.min(config.max_entries_per_table);
        }
        for max in &mut within.groups.max_groups {
            *max = (*max).min(config.max_groups);
        }
        within.meters.max_meters = within.meters.max_meters.min(config.max_meters);
        within.meters.max_bands = within.meters.max_bands.min(config.max_bands);
        let within = within.consistent();
        // Switches that look the same share what they look like.
        match &config.personality {
            Some(all) if within == **all => Ok(Largest::Shared(all.clone())),
            _ => Ok(Largest::Own(TryBox::new(within)?)),
        }
    }

    /// What FEATURES_REPLY announces: what the multiparts answer.
    ///
    /// ```
    /// use ofp_codec::Capabilities;
    /// use rumpswitch_datapath::{Personality, personality::Multiparts};
    ///
    /// let mut personality = Personality::full();
    /// assert!(personality.capabilities().contains(Capabilities::GROUP_STATS));
    /// personality.multiparts.remove(Multiparts::GROUP);
    /// assert!(!personality.capabilities().contains(Capabilities::GROUP_STATS));
    /// ```
    pub fn capabilities(&self) -> Capabilities {
        let flows = Multiparts::FLOW | Multiparts::AGGREGATE;
        let pairs = [
            (flows, Capabilities::FLOW_STATS),
            (Multiparts::TABLE, Capabilities::TABLE_STATS),
            (Multiparts::PORT_STATS, Capabilities::PORT_STATS),
            (Multiparts::GROUP, Capabilities::GROUP_STATS),
            (Multiparts::QUEUE, Capabilities::QUEUE_STATS),
        ];
        let had = pairs.into_iter().filter(|(multiparts, _)| self.multiparts.contains(*multiparts));
        had.fold(Capabilities::empty(), |all, (_, capability)| all | capability)
    }

    /// Whether groups of a type can be made.
    pub fn has_group_type(&self, group_type: GroupType) -> bool {
        self.groups.max(group_type) != 0
    }
}

impl TryClone for Personality {
    fn try_clone(&self) -> Result<Personality, NoMemory> {
        Ok(Personality {
            name: self.name.try_clone()?,
            manufacturer: self.manufacturer.try_clone()?,
            hardware: self.hardware.try_clone()?,
            software: self.software.try_clone()?,
            tables: self.tables.try_clone()?,
            groups: self.groups.clone(),
            meters: self.meters.clone(),
            ..*self
        })
    }
}

impl Default for Personality {
    fn default() -> Personality {
        Personality::full()
    }
}
