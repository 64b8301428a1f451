//! Small sets in machine words: what a check at flow-mod time asks is one bit.

use bitflags::bitflags;
use ofp_codec::{ActionType, Instruction, MessageType, MultipartType, OxmField, PortNo, TableId};

/// Match fields, a bit for each.
///
/// ```
/// use ofp_codec::OxmField;
/// use rumpswitch_datapath::personality::FieldSet;
///
/// let fields = FieldSet::from_iter([OxmField::InPort, OxmField::EthDst]);
/// assert!(fields.contains(OxmField::EthDst) && !fields.contains(OxmField::EthSrc));
/// assert_eq!(FieldSet::ALL.iter().count(), 40);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldSet(u64);

impl FieldSet {
    /// No field.
    pub const NONE: FieldSet = FieldSet(0);
    /// Every field of the basic class.
    pub const ALL: FieldSet = FieldSet((1 << OxmField::ALL.len()) - 1);
    /// The fields that set-field sets.
    pub const SETTABLE: FieldSet = {
        const fn of(fields: &[OxmField]) -> FieldSet {
            match fields {
                [] => FieldSet::NONE,
                [field, rest @ ..] if field.info().settable => of(rest).with(*field),
                [_, rest @ ..] => of(rest),
            }
        }
        of(&OxmField::ALL)
    };
    /// The fields that may have a mask.
    pub const MASKABLE: FieldSet = {
        const fn of(fields: &[OxmField]) -> FieldSet {
            match fields {
                [] => FieldSet::NONE,
                [field, rest @ ..] if field.info().maskable => of(rest).with(*field),
                [_, rest @ ..] => of(rest),
            }
        }
        of(&OxmField::ALL)
    };

    /// Whether a field is in it.
    pub const fn contains(self, field: OxmField) -> bool {
        self.0 >> field.number() & 1 != 0
    }

    /// The set with one field more.
    #[must_use]
    pub const fn with(self, field: OxmField) -> FieldSet {
        FieldSet(self.0 | 1 << field.number())
    }

    /// Whether no field is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The fields of either.
    #[must_use]
    pub const fn union(self, other: FieldSet) -> FieldSet {
        FieldSet(self.0 | other.0)
    }

    /// The fields of both.
    #[must_use]
    pub const fn intersection(self, other: FieldSet) -> FieldSet {
        FieldSet(self.0 & other.0)
    }

    /// The fields that are not in `other`.
    #[must_use]
    pub const fn difference(self, other: FieldSet) -> FieldSet {
        FieldSet(self.0 & !other.0)
    }

    /// Whether every field is in `other`.
    pub const fn is_subset(self, other: FieldSet) -> bool {
        self.0 & !other.0 == 0
    }

    /// The fields, by number.
    pub fn iter(self) -> impl Iterator<Item = OxmField> {
        OxmField::ALL.into_iter().filter(move |field| self.contains(*field))
    }
}

impl FromIterator<OxmField> for FieldSet {
    fn from_iter<I: IntoIterator<Item = OxmField>>(fields: I) -> FieldSet {
        fields.into_iter().fold(FieldSet::NONE, FieldSet::with)
    }
}

/// Types of actions, those of the standard: bit `n` is the type of number `n`, as in GROUP_FEATURES.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ActionTypeSet(u32);

impl ActionTypeSet {
    /// No action.
    pub const NONE: ActionTypeSet = ActionTypeSet(0);

    /// Every action of the standard.
    pub fn all() -> ActionTypeSet {
        ActionType::ALL.into_iter().collect()
    }

    /// The bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    const fn bit(action: ActionType) -> u32 {
        match action {
            ActionType::Experimenter => 0,
            action => 1 << action as u16,
        }
    }

    /// Whether a type is in it.
    pub const fn contains(self, action: ActionType) -> bool {
        self.0 & ActionTypeSet::bit(action) != 0
    }

    /// The set with one type more.
    #[must_use]
    pub const fn with(self, action: ActionType) -> ActionTypeSet {
        ActionTypeSet(self.0 | ActionTypeSet::bit(action))
    }

    /// The set with one type less.
    #[must_use]
    pub const fn without(self, action: ActionType) -> ActionTypeSet {
        ActionTypeSet(self.0 & !ActionTypeSet::bit(action))
    }

    /// Whether no type is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The types of either.
    #[must_use]
    pub const fn union(self, other: ActionTypeSet) -> ActionTypeSet {
        ActionTypeSet(self.0 | other.0)
    }

    /// The types of both.
    #[must_use]
    pub const fn intersection(self, other: ActionTypeSet) -> ActionTypeSet {
        ActionTypeSet(self.0 & other.0)
    }

    /// The types that are not in `other`.
    #[must_use]
    pub const fn difference(self, other: ActionTypeSet) -> ActionTypeSet {
        ActionTypeSet(self.0 & !other.0)
    }

    /// Whether every type is in `other`.
    pub const fn is_subset(self, other: ActionTypeSet) -> bool {
        self.0 & !other.0 == 0
    }

    /// The types, by number.
    pub fn iter(self) -> impl Iterator<Item = ActionType> {
        ActionType::ALL.into_iter().filter(move |action| self.contains(*action))
    }
}

impl FromIterator<ActionType> for ActionTypeSet {
    fn from_iter<I: IntoIterator<Item = ActionType>>(actions: I) -> ActionTypeSet {
        actions.into_iter().fold(ActionTypeSet::NONE, ActionTypeSet::with)
    }
}

/// Tables by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TableIdSet {
    low: u128,
    high: u128,
}

impl TableIdSet {
    /// No table.
    pub const NONE: TableIdSet = TableIdSet { low: 0, high: 0 };

    const fn bits(table: TableId) -> TableIdSet {
        match table.0 {
            id @ ..=127 => TableIdSet { low: 1 << id, high: 0 },
            id => TableIdSet { low: 0, high: 1 << (id - 128) },
        }
    }

    /// The tables behind `table` of a switch of `count` tables.
    pub fn later(table: TableId, count: usize) -> TableIdSet {
        let (all, not) = (TableIdSet::first(count), TableIdSet::first(usize::from(table.0) + 1));
        TableIdSet { low: all.low & !not.low, high: all.high & !not.high }
    }

    /// The first `count` tables.
    fn first(count: usize) -> TableIdSet {
        let ones = |count: usize| match 128_u32.checked_sub(count.min(128) as u32) {
            Some(zeros) if zeros < 128 => u128::MAX >> zeros,
            _ => 0,
        };
        TableIdSet { low: ones(count), high: ones(count.saturating_sub(128)) }
    }

    /// Whether a table is in it.
    pub const fn contains(self, table: TableId) -> bool {
        let bits = TableIdSet::bits(table);
        self.low & bits.low != 0 || self.high & bits.high != 0
    }

    /// The set with one table more.
    #[must_use]
    pub const fn with(self, table: TableId) -> TableIdSet {
        let bits = TableIdSet::bits(table);
        TableIdSet { low: self.low | bits.low, high: self.high | bits.high }
    }

    /// Whether no table is in it.
    pub const fn is_empty(self) -> bool {
        self.low == 0 && self.high == 0
    }

    /// The tables of both.
    #[must_use]
    pub const fn intersection(self, other: TableIdSet) -> TableIdSet {
        TableIdSet { low: self.low & other.low, high: self.high & other.high }
    }

    /// Whether every table is in `other`.
    pub const fn is_subset(self, other: TableIdSet) -> bool {
        self.low & !other.low == 0 && self.high & !other.high == 0
    }

    /// The tables, by number.
    pub fn iter(self) -> impl Iterator<Item = TableId> {
        (0..=u8::MAX).map(TableId).filter(move |table| self.contains(*table))
    }
}

impl FromIterator<TableId> for TableIdSet {
    fn from_iter<I: IntoIterator<Item = TableId>>(tables: I) -> TableIdSet {
        tables.into_iter().fold(TableIdSet::NONE, TableIdSet::with)
    }
}

bitflags! {
    /// Instructions: bit `n` is the instruction of number `n`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Instructions: u8 {
        /// Go on in a later table.
        const GOTO_TABLE = 1 << 1;
        /// Write metadata bits.
        const WRITE_METADATA = 1 << 2;
        /// Merge actions into the action set.
        const WRITE_ACTIONS = 1 << 3;
        /// Apply actions now.
        const APPLY_ACTIONS = 1 << 4;
        /// Empty the action set.
        const CLEAR_ACTIONS = 1 << 5;
        /// Pass a meter.
        const METER = 1 << 6;
    }
}

impl Instructions {
    /// The bit of an instruction; none for an extension's.
    pub const fn of(instruction: &Instruction) -> Instructions {
        match instruction {
            Instruction::GotoTable(_) => Instructions::GOTO_TABLE,
            Instruction::WriteMetadata { .. } => Instructions::WRITE_METADATA,
            Instruction::WriteActions(_) => Instructions::WRITE_ACTIONS,
            Instruction::ApplyActions(_) => Instructions::APPLY_ACTIONS,
            Instruction::ClearActions => Instructions::CLEAR_ACTIONS,
            Instruction::Meter(_) => Instructions::METER,
            Instruction::Experimenter { .. } => Instructions::empty(),
        }
    }

    /// The bit of an instruction's number.
    pub const fn from_number(number: u16) -> Option<Instructions> {
        match number {
            1..=6 => Some(Instructions::from_bits_retain(1 << number)),
            _ => None,
        }
    }

    /// The numbers, ascending.
    pub fn numbers(self) -> impl Iterator<Item = u16> {
        (1..=6).filter(move |number| self.bits() >> number & 1 != 0)
    }
}

bitflags! {
    /// Messages that a switch may lack: BAD_REQUEST/BAD_TYPE. Bit `n` is the type of number `n`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Messages: u32 {
        /// Extensions, known or not.
        const EXPERIMENTER = 1 << 4;
        /// Groups.
        const GROUP_MOD = 1 << 15;
        /// Configuration of ports.
        const PORT_MOD = 1 << 16;
        /// Configuration of tables.
        const TABLE_MOD = 1 << 17;
        /// Queues of a port.
        const QUEUE_GET_CONFIG = 1 << 22;
        /// Roles of controllers.
        const ROLE_REQUEST = 1 << 24;
        /// Reading the asynchronous masks.
        const GET_ASYNC = 1 << 26;
        /// Setting the asynchronous masks.
        const SET_ASYNC = 1 << 28;
        /// Meters.
        const METER_MOD = 1 << 29;
    }
}

impl Messages {
    /// Whether a message is understood; those that every switch has always are.
    pub const fn has(self, message: MessageType) -> bool {
        let bit = Messages::from_bits_truncate(1 << message as u8);
        self.contains(bit)
    }
}

bitflags! {
    /// Multipart types that a switch may lack: BAD_REQUEST/BAD_MULTIPART. Bit `n` is the type of
    /// number `n`; which capabilities FEATURES_REPLY announces follows from them.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Multiparts: u16 {
        /// Who made the switch.
        const DESC = 1 << 0;
        /// Flow entries.
        const FLOW = 1 << 1;
        /// Sums over flow entries.
        const AGGREGATE = 1 << 2;
        /// Counters of tables.
        const TABLE = 1 << 3;
        /// Counters of ports.
        const PORT_STATS = 1 << 4;
        /// Counters of queues.
        const QUEUE = 1 << 5;
        /// Counters of groups.
        const GROUP = 1 << 6;
        /// Groups.
        const GROUP_DESC = 1 << 7;
        /// What groups can do.
        const GROUP_FEATURES = 1 << 8;
        /// Counters of meters.
        const METER = 1 << 9;
        /// Meters.
        const METER_CONFIG = 1 << 10;
        /// What meters can do.
        const METER_FEATURES = 1 << 11;
        /// What tables can do.
        const TABLE_FEATURES = 1 << 12;
        /// Ports.
        const PORT_DESC = 1 << 13;
    }
}

impl Multiparts {
    /// Whether a multipart type is understood; an extension's is another question.
    pub const fn has(self, kind: MultipartType) -> bool {
        match kind as u16 {
            number @ 0..=13 => self.bits() >> number & 1 != 0,
            _ => true,
        }
    }
}

bitflags! {
    /// Reserved ports that an output may name; others are BAD_ACTION/BAD_OUT_PORT.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Outputs: u8 {
        /// The ingress port.
        const IN_PORT = 1 << 0;
        /// The first table, from packet-outs only.
        const TABLE = 1 << 1;
        /// The way of a learning switch.
        const NORMAL = 1 << 2;
        /// Every port but the ingress port, as a learning switch floods.
        const FLOOD = 1 << 3;
        /// Every port but the ingress port.
        const ALL = 1 << 4;
        /// The controllers.
        const CONTROLLER = 1 << 5;
        /// The switch's own stack.
        const LOCAL = 1 << 6;
    }
}

impl Outputs {
    /// Whether an output may name this port, as far as reserved ports go.
    pub const fn allows(self, port: PortNo) -> bool {
        let bit = match port {
            PortNo::IN_PORT => Outputs::IN_PORT,
            PortNo::TABLE => Outputs::TABLE,
            PortNo::NORMAL => Outputs::NORMAL,
            PortNo::FLOOD => Outputs::FLOOD,
            PortNo::ALL => Outputs::ALL,
            PortNo::CONTROLLER => Outputs::CONTROLLER,
            PortNo::LOCAL => Outputs::LOCAL,
            _ => return true,
        };
        self.contains(bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn a_set_of_tables_has_room_for_every_number() {
        for id in 0..=u8::MAX {
            let set = TableIdSet::NONE.with(TableId(id));
            assert_eq!(set.iter().collect::<Vec<_>>(), [TableId(id)]);
        }
        for field in OxmField::ALL {
            assert_eq!(FieldSet::SETTABLE.contains(field), field.info().settable);
            assert_eq!(FieldSet::MASKABLE.contains(field), field.info().maskable);
        }
        assert_eq!(TableIdSet::later(TableId(0), 255).iter().count(), 254);
        assert!(TableIdSet::later(TableId(2), 3).is_empty());
        for (table, count) in [(0, 1), (3, 9), (126, 130), (127, 128), (127, 255), (200, 255)] {
            let later: Vec<TableId> = TableIdSet::later(TableId(table), count).iter().collect();
            assert!(later.iter().map(|id| usize::from(id.0)).eq(usize::from(table) + 1..count));
        }
    }

    #[test]
    fn messages_and_multiparts_have_the_numbers_of_their_types() {
        assert!(Messages::empty().has(MessageType::FlowMod), "every switch has flow-mods");
        for (bit, message) in [
            (Messages::EXPERIMENTER, MessageType::Experimenter),
            (Messages::GROUP_MOD, MessageType::GroupMod),
            (Messages::PORT_MOD, MessageType::PortMod),
            (Messages::TABLE_MOD, MessageType::TableMod),
            (Messages::QUEUE_GET_CONFIG, MessageType::QueueGetConfigRequest),
            (Messages::ROLE_REQUEST, MessageType::RoleRequest),
            (Messages::GET_ASYNC, MessageType::GetAsyncRequest),
            (Messages::SET_ASYNC, MessageType::SetAsync),
            (Messages::METER_MOD, MessageType::MeterMod),
        ] {
            assert!(bit.has(message), "{message:?}");
            assert!(!Messages::all().difference(bit).has(message), "{message:?}");
        }
        assert!(Multiparts::METER_CONFIG.has(MultipartType::MeterConfig));
        assert!(!Multiparts::METER_CONFIG.has(MultipartType::Meter));
        assert!(Multiparts::empty().has(MultipartType::Experimenter));
    }
}
