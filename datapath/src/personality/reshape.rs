//! TABLE_FEATURES written (§7.3.5.5): what a controller asks its tables to be.
//!
//! # What
//!
//! A request names the tables that there shall be, each with all that its flow entries may do. It is
//! checked whole against the largest shape of the switch, never against what an earlier request left:
//! what was given up can be had again. Nothing beyond the largest shape can be had.
//!
//! # Design
//!
//! The text lets a switch give a superset or a subset of what was asked for, and the reply tells what
//! it gives. This one gives exactly what is asked for, but where a request contradicts itself; there
//! it takes the reading under which the table is of use (Faucet's requests need each of these):
//!
//! * An empty list asks for nothing in particular where something is needed: an empty MATCH for all
//!   match fields, a Goto-Table without next tables for all later ones, Write- or Apply-Actions
//!   without actions for all actions, a set-field without fields for all fields.
//! * Next tables that are not in the request are left out, since they vanish.
//! * Lists of the table-miss flow entry that are all empty, or left out, equal the others. If one of
//!   them says something, those left out equal the others, and empty ones are empty.
//! * Metadata bits to write that are fewer than the table has were chosen, so they ask for
//!   Write-Metadata even if the list of instructions forgets it.
//!
//! # What it does not do
//!
//! The number of flow entries is read-only (advisory), so what a request says of it counts nothing.

use alloc::vec::Vec;

use ofp_codec::memory::TryClone;
use ofp_codec::multipart::{ActionId, InstructionId, OxmId, TableFeatureProperty, TableFeatures};
use ofp_codec::{ActionType, OXM_CLASS_BASIC, OxmField, TableFeaturesFailedCode as Code, TableId};

use super::{
    ActionTypeSet, EntryShape, FieldSet, Instructions, Personality, TableIdSet, TableShape,
};

/// The miss bits of earlier versions (`OFPTC_DEPRECATED_MASK`), which change nothing.
const CONFIG_DEPRECATED: u32 = 3;

impl Personality {
    /// The tables that a request asks for, by number.
    pub(crate) fn reshaped(
        &self,
        wanted: &[TableFeatures],
    ) -> Result<Vec<Option<TableShape>>, Code> {
        let mut named = TableIdSet::NONE;
        for features in wanted {
            let is_there = usize::from(features.table_id.0) < self.tables.len();
            if !is_there || named.contains(features.table_id) {
                return Err(Code::BadTable);
            }
            named = named.with(features.table_id);
        }
        let mut tables = Vec::new();
        tables.try_reserve_exact(self.tables.len()).map_err(|_| Code::Eperm)?;
        tables.resize(self.tables.len(), None);
        for features in wanted {
            let at = usize::from(features.table_id.0);
            let (Some(largest), Some(place)) = (self.tables.get(at), tables.get_mut(at)) else {
                return Err(Code::BadTable);
            };
            *place = Some(reshaped(largest, features, named)?);
        }
        Ok(tables)
    }
}

/// The table that a request asks for.
fn reshaped(
    largest: &TableShape,
    features: &TableFeatures,
    named: TableIdSet,
) -> Result<TableShape, Code> {
    let (matched, written) = (features.metadata_match, features.metadata_write);
    if matched & !largest.metadata_match != 0 || written & !largest.metadata_write != 0 {
        return Err(Code::BadMetadata);
    }
    if features.config & !CONFIG_DEPRECATED != 0 {
        return Err(Code::BadArgument);
    }
    let lists = Lists::read(&features.properties)?;
    let (fields, masks, required) = lists.matching(largest)?;
    let mut entry = lists.entry.shape(EntryShape::default())?;
    let mut miss = match lists.miss.is_silent() {
        true => entry.intersection(&largest.miss),
        false => lists.miss.shape(entry)?,
    };
    let is_chosen = written != 0 && written != largest.metadata_write;
    for (shape, most) in [(&mut entry, &largest.entry), (&mut miss, &largest.miss)] {
        complete(shape, most);
        if !shape.is_subset(most) {
            return Err(Code::BadArgument);
        }
        if is_chosen && !shape.instructions.is_empty() {
            shape.instructions |= most.instructions & Instructions::WRITE_METADATA;
        }
        shape.next_tables = shape.next_tables.intersection(named);
    }
    let table = TableShape {
        name: features.name.try_clone().map_err(|_| Code::Eperm)?,
        max_entries: largest.max_entries,
        metadata_match: matched,
        metadata_write: written,
        fields,
        masks,
        prefixes: largest.prefixes,
        required,
        entry,
        miss,
    };
    let table = table.consistent();
    if table.is_subset(largest) { Ok(table) } else { Err(Code::BadArgument) }
}

/// Fills the lists that are empty where something is needed.
fn complete(shape: &mut EntryShape, most: &EntryShape) {
    let has = |instruction| shape.instructions.contains(instruction);
    if has(Instructions::GOTO_TABLE) && shape.next_tables.is_empty() {
        shape.next_tables = most.next_tables;
    }
    if has(Instructions::WRITE_ACTIONS) && shape.write_actions.is_empty() {
        shape.write_actions = most.write_actions;
    }
    if has(Instructions::APPLY_ACTIONS) && shape.apply_actions.is_empty() {
        shape.apply_actions = most.apply_actions;
    }
    if shape.write_actions.contains(ActionType::SetField) && shape.write_fields.is_empty() {
        shape.write_fields = most.write_fields;
    }
    if shape.apply_actions.contains(ActionType::SetField) && shape.apply_fields.is_empty() {
        shape.apply_fields = most.apply_fields;
    }
}

/// The lists of a request for one table.
#[derive(Default)]
struct Lists<'a> {
    matches: Option<&'a [OxmId]>,
    wildcards: Option<&'a [OxmId]>,
    entry: EntryLists<'a>,
    miss: EntryLists<'a>,
}

/// Those of them that say what flow entries may do.
#[derive(Default)]
struct EntryLists<'a> {
    instructions: Option<&'a [InstructionId]>,
    next_tables: Option<&'a [TableId]>,
    write_actions: Option<&'a [ActionId]>,
    apply_actions: Option<&'a [ActionId]>,
    write_fields: Option<&'a [OxmId]>,
    apply_fields: Option<&'a [OxmId]>,
}

impl<'a> Lists<'a> {
    /// Sorts a table's properties: each of the eight that are required exactly once, each of the
    /// others at most once.
    fn read(properties: &'a [TableFeatureProperty]) -> Result<Lists<'a>, Code> {
        use TableFeatureProperty as P;
        let mut lists = Lists::default();
        let (entry, miss) = (&mut lists.entry, &mut lists.miss);
        for property in properties {
            match property {
                P::Instructions(list) => once(&mut entry.instructions, list)?,
                P::InstructionsMiss(list) => once(&mut miss.instructions, list)?,
                P::NextTables(list) => once(&mut entry.next_tables, list)?,
                P::NextTablesMiss(list) => once(&mut miss.next_tables, list)?,
                P::WriteActions(list) => once(&mut entry.write_actions, list)?,
                P::WriteActionsMiss(list) => once(&mut miss.write_actions, list)?,
                P::ApplyActions(list) => once(&mut entry.apply_actions, list)?,
                P::ApplyActionsMiss(list) => once(&mut miss.apply_actions, list)?,
                P::Match(list) => once(&mut lists.matches, list)?,
                P::Wildcards(list) => once(&mut lists.wildcards, list)?,
                P::WriteSetfield(list) => once(&mut entry.write_fields, list)?,
                P::WriteSetfieldMiss(list) => once(&mut miss.write_fields, list)?,
                P::ApplySetfield(list) => once(&mut entry.apply_fields, list)?,
                P::ApplySetfieldMiss(list) => once(&mut miss.apply_fields, list)?,
                P::Experimenter { .. } => return Err(Code::BadType),
            }
        }
        let has_all = lists.matches.is_some() && lists.wildcards.is_some() && entry.has_all();
        if has_all { Ok(lists) } else { Err(Code::BadType) }
    }

    /// The fields that can be matched, masked, and not left out.
    fn matching(&self, largest: &TableShape) -> Result<(FieldSet, FieldSet, FieldSet), Code> {
        let matches = self.matches.unwrap_or_default();
        let wildcards = field_set(self.wildcards.unwrap_or_default(), |_| true)?;
        if matches.is_empty() {
            return Ok((largest.fields, largest.masks, largest.required));
        }
        let fields = field_set(matches, |_| true)?;
        let masks = field_set(matches, |has_mask| has_mask)?;
        // A mask beyond the largest shape must be found before it is dropped as inconsistent.
        if !masks.is_subset(largest.masks) {
            return Err(Code::BadArgument);
        }
        Ok((fields, masks, fields.difference(wildcards)))
    }
}

impl EntryLists<'_> {
    fn has_all(&self) -> bool {
        self.instructions.is_some()
            && self.next_tables.is_some()
            && self.write_actions.is_some()
            && self.apply_actions.is_some()
            && self.write_fields.is_some()
            && self.apply_fields.is_some()
    }

    /// Whether every list is empty or left out.
    fn is_silent(&self) -> bool {
        self.instructions.is_none_or(<[_]>::is_empty)
            && self.next_tables.is_none_or(<[_]>::is_empty)
            && self.write_actions.is_none_or(<[_]>::is_empty)
            && self.apply_actions.is_none_or(<[_]>::is_empty)
            && self.write_fields.is_none_or(<[_]>::is_empty)
            && self.apply_fields.is_none_or(<[_]>::is_empty)
    }

    /// What the lists say; those left out are as in `shape`.
    fn shape(&self, mut shape: EntryShape) -> Result<EntryShape, Code> {
        if let Some(list) = self.instructions {
            shape.instructions = instruction_set(list)?;
        }
        if let Some(list) = self.next_tables {
            shape.next_tables = list.iter().copied().collect();
        }
        if let Some(list) = self.write_actions {
            shape.write_actions = action_set(list)?;
        }
        if let Some(list) = self.apply_actions {
            shape.apply_actions = action_set(list)?;
        }
        if let Some(list) = self.write_fields {
            shape.write_fields = field_set(list, |_| true)?;
        }
        if let Some(list) = self.apply_fields {
            shape.apply_fields = field_set(list, |_| true)?;
        }
        Ok(shape)
    }
}

/// Keeps a list, the first of its kind.
fn once<'a, T>(place: &mut Option<&'a [T]>, list: &'a [T]) -> Result<(), Code> {
    match place.replace(list) {
        None => Ok(()),
        Some(_) => Err(Code::BadType),
    }
}

fn instruction_set(list: &[InstructionId]) -> Result<Instructions, Code> {
    list.iter().try_fold(Instructions::empty(), |set, id| match id {
        InstructionId::Standard(number) => {
            Instructions::from_number(*number).map(|bit| set | bit).ok_or(Code::BadArgument)
        }
        InstructionId::Experimenter(_) => Err(Code::BadArgument),
    })
}

fn action_set(list: &[ActionId]) -> Result<ActionTypeSet, Code> {
    list.iter().try_fold(ActionTypeSet::NONE, |set, id| match id {
        ActionId::Standard(number) => match ActionType::from_number(*number) {
            Some(action) if action != ActionType::Experimenter => Ok(set.with(action)),
            _ => Err(Code::BadArgument),
        },
        ActionId::Experimenter(_) => Err(Code::BadArgument),
    })
}

/// The fields of OXM headers whose mask bit `takes` says to take. Senders differ in what they write
/// as the length, so it counts nothing.
fn field_set(list: &[OxmId], takes: impl Fn(bool) -> bool) -> Result<FieldSet, Code> {
    list.iter().try_fold(FieldSet::NONE, |set, id| {
        let OxmId::Header(header) = id else { return Err(Code::BadArgument) };
        let [class_high, class_low, field, _] = header.to_be_bytes();
        let is_basic = u16::from_be_bytes([class_high, class_low]) == OXM_CLASS_BASIC;
        let field_known = OxmField::from_number(field >> 1).filter(|_| is_basic);
        let known = field_known.ok_or(Code::BadArgument)?;
        Ok(if takes(field & 1 != 0) { set.with(known) } else { set })
    })
}
