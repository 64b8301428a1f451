//! TABLE (§7.3.5.4).

use crate::TableId;

/// What a table has counted.
#[doc(alias = "ofp_table_stats")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableStats {
    /// The table.
    pub table_id: TableId,
    /// Entries in it.
    pub active_count: u32,
    /// Packets looked up.
    pub lookup_count: u64,
    /// Packets that matched an entry, the table-miss flow entry included.
    pub matched_count: u64,
}
