//! Tables: numbers, and the modification that 1.3 left without effect (§7.3.3).

use core::fmt;

/// A flow table's number.
#[doc(alias = "ofp_table")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub u8);

impl TableId {
    /// The last number that a table may have.
    #[doc(alias = "OFPTT_MAX")]
    pub const MAX: TableId = TableId(254);
    /// All tables; in deletions and requests only.
    #[doc(alias = "OFPTT_ALL")]
    pub const ALL: TableId = TableId(255);
}

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Configures a table.
#[doc(alias = "OFPT_TABLE_MOD")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableMod {
    /// The table, or all.
    pub table_id: TableId,
    /// No bit is defined in 1.3; the two lowest are a relic and allowed.
    pub config: u32,
}
