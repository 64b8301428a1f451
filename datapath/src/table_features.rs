//! What tables can do (§7.3.5.5): every table the same, but for its number and its successors.

use alloc::format;
use alloc::vec::Vec;

use ofp_codec::multipart::{ActionId, InstructionId, OxmId, TableFeatureProperty, TableFeatures};
use ofp_codec::{ActionType, OxmField, TableId};

use crate::tables::Tables;

impl Tables {
    /// What a table can do, made when it is asked for: a reply for 255 tables is long.
    ///
    /// Properties of the table-miss flow entry are left out: they equal the others.
    pub fn table_features(&self, table_id: TableId) -> Option<TableFeatures> {
        let count = self.config.n_tables;
        if table_id.0 >= count {
            return None;
        }
        let next: Vec<TableId> = (table_id.0.saturating_add(1)..count).map(TableId).collect();
        let actions: Vec<ActionId> =
            ActionType::ALL.iter().map(|action| ActionId::Standard(*action as u16)).collect();
        let settable = OxmField::ALL.into_iter().filter(|field| field.info().settable);
        let settable: Vec<OxmId> =
            settable.map(|field| OxmId::Header(field.header(false))).collect();
        let header = |field: OxmField| OxmId::Header(field.header(field.info().maskable));
        let all: Vec<OxmId> = OxmField::ALL.into_iter().map(header).collect();
        let wildcards = OxmField::ALL.into_iter().map(|field| OxmId::Header(field.header(false)));
        // GOTO_TABLE is no instruction of the last table.
        let first = if next.is_empty() { 2 } else { 1 };
        let instructions = (first..=6).map(InstructionId::Standard).collect();
        Some(TableFeatures {
            table_id,
            name: format!("table{}", table_id.0),
            metadata_match: u64::MAX,
            metadata_write: u64::MAX,
            config: 0,
            max_entries: self.config.max_entries_per_table,
            properties: [
                TableFeatureProperty::Instructions(instructions),
                TableFeatureProperty::NextTables(next),
                TableFeatureProperty::WriteActions(actions.clone()),
                TableFeatureProperty::ApplyActions(actions),
                TableFeatureProperty::Match(all),
                TableFeatureProperty::Wildcards(wildcards.collect()),
                TableFeatureProperty::WriteSetfield(settable.clone()),
                TableFeatureProperty::ApplySetfield(settable),
            ]
            .into(),
        })
    }
}
