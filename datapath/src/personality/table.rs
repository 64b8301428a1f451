//! The shape of one table: what its flow entries may match and do, in the words of TABLE_FEATURES
//! (§7.3.5.5).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use ofp_codec::memory::{NoMemory, TryClone, try_collect};
use ofp_codec::multipart::{ActionId, InstructionId, OxmId, TableFeatureProperty, TableFeatures};
use ofp_codec::{ActionType, OxmField, TableId};

use super::{ActionTypeSet, FieldSet, Instructions, TableIdSet};

/// What the flow entries of a table may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryShape {
    /// The instructions; others are BAD_INSTRUCTION/UNSUP_INST.
    pub instructions: Instructions,
    /// Where Goto-Table may lead; elsewhere is BAD_INSTRUCTION/BAD_TABLE_ID.
    pub next_tables: TableIdSet,
    /// The actions of Write-Actions; others are BAD_ACTION/BAD_TYPE.
    pub write_actions: ActionTypeSet,
    /// The actions of Apply-Actions.
    pub apply_actions: ActionTypeSet,
    /// The fields that Write-Actions may set; others are BAD_ACTION/BAD_SET_TYPE.
    pub write_fields: FieldSet,
    /// The fields that Apply-Actions may set.
    pub apply_fields: FieldSet,
}

/// The shape of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableShape {
    /// Its name, at most 31 bytes; empty for `table` and its number.
    pub name: String,
    /// Flow entries that it holds; one more is FLOW_MOD_FAILED/TABLE_FULL.
    pub max_entries: u32,
    /// Metadata bits that can be matched; others are BAD_MATCH/BAD_MASK.
    pub metadata_match: u64,
    /// Metadata bits that can be written; others are UNSUP_METADATA or UNSUP_METADATA_MASK.
    pub metadata_write: u64,
    /// Fields that can be matched; others are BAD_MATCH/BAD_FIELD.
    pub fields: FieldSet,
    /// Those of them that can be masked, with any mask. A mask elsewhere is BAD_DL_ADDR_MASK for
    /// Ethernet addresses, BAD_NW_ADDR_MASK for IP addresses, BAD_MASK for other fields.
    pub masks: FieldSet,
    /// Those of [`masks`](Self::masks) of which only prefixes can be matched.
    pub prefixes: FieldSet,
    /// Fields that no flow entry may leave out but the table-miss one: BAD_MATCH/BAD_WILDCARDS.
    pub required: FieldSet,
    /// What flow entries may do.
    pub entry: EntryShape,
    /// What the table-miss flow entry may do, the one of priority 0 that matches everything.
    pub miss: EntryShape,
}

impl EntryShape {
    /// Everything that the standard has, of a table with these next tables.
    pub fn full(next_tables: TableIdSet) -> EntryShape {
        EntryShape {
            instructions: Instructions::all(),
            next_tables,
            write_actions: ActionTypeSet::all(),
            apply_actions: ActionTypeSet::all(),
            write_fields: FieldSet::SETTABLE,
            apply_fields: FieldSet::SETTABLE,
        }
        .consistent(u64::MAX)
    }

    /// Drops what cannot be used, such as a Goto-Table that leads nowhere.
    pub(super) fn consistent(mut self, metadata_write: u64) -> EntryShape {
        if self.next_tables.is_empty() {
            self.instructions.remove(Instructions::GOTO_TABLE);
        }
        if metadata_write == 0 {
            self.instructions.remove(Instructions::WRITE_METADATA);
        }
        if !self.instructions.contains(Instructions::GOTO_TABLE) {
            self.next_tables = TableIdSet::NONE;
        }
        let list = |actions: ActionTypeSet, fields: FieldSet, instruction| {
            let fields = fields.intersection(FieldSet::SETTABLE);
            match self.instructions.contains(instruction) {
                false => (ActionTypeSet::NONE, FieldSet::NONE),
                true if !actions.contains(ActionType::SetField) => (actions, FieldSet::NONE),
                true if fields.is_empty() => (actions.without(ActionType::SetField), fields),
                true => (actions, fields),
            }
        };
        (self.write_actions, self.write_fields) =
            list(self.write_actions, self.write_fields, Instructions::WRITE_ACTIONS);
        (self.apply_actions, self.apply_fields) =
            list(self.apply_actions, self.apply_fields, Instructions::APPLY_ACTIONS);
        self
    }

    /// Without these types of actions, in both lists.
    pub(super) fn without_actions(mut self, actions: ActionTypeSet) -> EntryShape {
        self.write_actions = self.write_actions.difference(actions);
        self.apply_actions = self.apply_actions.difference(actions);
        self
    }

    /// What both have.
    pub(super) fn intersection(&self, other: &EntryShape) -> EntryShape {
        EntryShape {
            instructions: self.instructions & other.instructions,
            next_tables: self.next_tables.intersection(other.next_tables),
            write_actions: self.write_actions.intersection(other.write_actions),
            apply_actions: self.apply_actions.intersection(other.apply_actions),
            write_fields: self.write_fields.intersection(other.write_fields),
            apply_fields: self.apply_fields.intersection(other.apply_fields),
        }
    }

    /// Whether all of it is in `other`.
    pub(super) fn is_subset(&self, other: &EntryShape) -> bool {
        other.instructions.contains(self.instructions)
            && self.next_tables.is_subset(other.next_tables)
            && self.write_actions.is_subset(other.write_actions)
            && self.apply_actions.is_subset(other.apply_actions)
            && self.write_fields.is_subset(other.write_fields)
            && self.apply_fields.is_subset(other.apply_fields)
    }
}

impl TryClone for TableShape {
    fn try_clone(&self) -> Result<TableShape, NoMemory> {
        Ok(TableShape { name: self.name.try_clone()?, ..*self })
    }
}

impl TableShape {
    /// A table that can do everything that the standard has, with these next tables.
    pub fn full(next_tables: TableIdSet) -> TableShape {
        let entry = EntryShape::full(next_tables);
        TableShape {
            name: String::new(),
            max_entries: 1 << 20,
            metadata_match: u64::MAX,
            metadata_write: u64::MAX,
            fields: FieldSet::ALL,
            masks: FieldSet::MASKABLE,
            prefixes: FieldSet::NONE,
            required: FieldSet::NONE,
            entry,
            miss: entry,
        }
    }

    /// Its name as announced.
    pub(crate) fn name(&self, table_id: TableId) -> Result<String, NoMemory> {
        if !self.name.is_empty() {
            return self.name.try_clone();
        }
        let mut name = String::new();
        name.try_reserve_exact("table255".len()).map_err(|_| NoMemory)?;
        write!(name, "table{}", table_id.0).map_err(|_| NoMemory)?;
        Ok(name)
    }

    /// The same without these types of actions, for the table-miss flow entry as well.
    #[must_use]
    pub fn without_actions(mut self, actions: impl IntoIterator<Item = ActionType>) -> TableShape {
        let actions = actions.into_iter().collect();
        self.entry = self.entry.without_actions(actions);
        self.miss = self.miss.without_actions(actions);
        self
    }

    /// The same without these match fields.
    #[must_use]
    pub fn without_fields(mut self, fields: impl IntoIterator<Item = OxmField>) -> TableShape {
        self.fields = self.fields.difference(fields.into_iter().collect());
        self
    }

    /// The same without these instructions, for the table-miss flow entry as well.
    #[must_use]
    pub fn without_instructions(mut self, instructions: Instructions) -> TableShape {
        self.entry.instructions.remove(instructions);
        self.miss.instructions.remove(instructions);
        self
    }

    /// The same with room for so many flow entries.
    #[must_use]
    pub fn with_max_entries(mut self, count: u32) -> TableShape {
        self.max_entries = count;
        self
    }

    /// The same with another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> TableShape {
        self.name = name.into();
        self
    }

    /// Drops what cannot be used or says nothing.
    pub fn consistent(mut self) -> TableShape {
        let metadata = FieldSet::NONE.with(OxmField::Metadata);
        if self.metadata_match == 0 {
            self.fields = self.fields.difference(metadata);
        }
        self.masks = self.masks.intersection(self.fields).intersection(FieldSet::MASKABLE);
        self.prefixes = self.prefixes.intersection(self.masks).difference(metadata);
        self.required = self.required.intersection(self.fields);
        self.entry = self.entry.consistent(self.metadata_write);
        self.miss = self.miss.consistent(self.metadata_write);
        self
    }

    /// Whether the two differ in what flow entries may do.
    pub(crate) fn differs(&self, other: &TableShape) -> bool {
        // All fields by name, so that a new one is not forgotten; without copies, which need memory.
        let TableShape {
            name: _,
            max_entries: _,
            metadata_match,
            metadata_write,
            fields,
            masks,
            prefixes,
            required,
            entry,
            miss,
        } = self;
        (*metadata_match, *metadata_write) != (other.metadata_match, other.metadata_write)
            || (*fields, *masks) != (other.fields, other.masks)
            || (*prefixes, *required) != (other.prefixes, other.required)
            || (entry, miss) != (&other.entry, &other.miss)
    }

    /// Whether every flow entry that fits this table fits `other`.
    pub(super) fn is_subset(&self, other: &TableShape) -> bool {
        self.metadata_match & !other.metadata_match == 0
            && self.metadata_write & !other.metadata_write == 0
            && self.fields.is_subset(other.fields)
            && self.masks.is_subset(other.masks)
            && self.masks.intersection(other.prefixes).is_subset(self.prefixes)
            && other.required.is_subset(self.required)
            && self.entry.is_subset(&other.entry)
            && self.miss.is_subset(&other.miss)
    }

    /// The table in the words of a TABLE_FEATURES reply. Properties of the table-miss flow entry are
    /// left out where they equal the others.
    pub(crate) fn features(&self, table_id: TableId) -> Result<TableFeatures, NoMemory> {
        use TableFeatureProperty as Property;
        let (entry, miss) = (&self.entry, &self.miss);
        let matches = self.fields.iter();
        let matches = matches.map(|field| OxmId::Header(field.header(self.masks.contains(field))));
        let wildcards = headers(self.fields.difference(self.required))?;
        let mut properties = Vec::new();
        properties.try_reserve_exact(PROPERTIES_MAX).map_err(|_| NoMemory)?;
        // A property, and the next one, which the table-miss flow entry needs only where it differs.
        let mut both = |first: Property, second: Property, is_needed: bool| {
            properties.push(first);
            if is_needed {
                properties.push(second);
            }
        };
        both(
            Property::Instructions(instructions(entry)?),
            Property::InstructionsMiss(instructions(miss)?),
            entry.instructions != miss.instructions,
        );
        both(
            Property::NextTables(try_collect(entry.next_tables.iter())?),
            Property::NextTablesMiss(try_collect(miss.next_tables.iter())?),
            entry.next_tables != miss.next_tables,
        );
        both(
            Property::WriteActions(actions(entry.write_actions)?),
            Property::WriteActionsMiss(actions(miss.write_actions)?),
            entry.write_actions != miss.write_actions,
        );
        both(
            Property::ApplyActions(actions(entry.apply_actions)?),
            Property::ApplyActionsMiss(actions(miss.apply_actions)?),
            entry.apply_actions != miss.apply_actions,
        );
        both(Property::Match(try_collect(matches)?), Property::Wildcards(wildcards), true);
        both(
            Property::WriteSetfield(headers(entry.write_fields)?),
            Property::WriteSetfieldMiss(headers(miss.write_fields)?),
            entry.write_fields != miss.write_fields,
        );
        both(
            Property::ApplySetfield(headers(entry.apply_fields)?),
            Property::ApplySetfieldMiss(headers(miss.apply_fields)?),
            entry.apply_fields != miss.apply_fields,
        );
        Ok(TableFeatures {
            table_id,
            name: self.name(table_id)?,
            metadata_match: self.metadata_match,
            metadata_write: self.metadata_write,
            config: 0,
            max_entries: self.max_entries,
            properties,
        })
    }
}

/// Properties of a table, those of the table-miss flow entry among them.
const PROPERTIES_MAX: usize = 14;

fn headers(fields: FieldSet) -> Result<Vec<OxmId>, NoMemory> {
    try_collect(fields.iter().map(|field| OxmId::Header(field.header(false))))
}

fn actions(actions: ActionTypeSet) -> Result<Vec<ActionId>, NoMemory> {
    try_collect(actions.iter().map(|action| ActionId::Standard(action as u16)))
}

fn instructions(shape: &EntryShape) -> Result<Vec<InstructionId>, NoMemory> {
    try_collect(shape.instructions.numbers().map(InstructionId::Standard))
}
