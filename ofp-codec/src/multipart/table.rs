//! TABLE (§7.3.5.4).

use super::reply::Entry;
use crate::wire::{EncodeError, Reader, Writer};
use crate::{DecodeError, TableId};

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

impl TableStats {
    /// Reads an entry.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<TableStats, DecodeError> {
        let table_id = TableId(reader.u8()?);
        reader.skip(3)?;
        let active_count = reader.u32()?;
        let (lookup_count, matched_count) = (reader.u64()?, reader.u64()?);
        Ok(TableStats { table_id, active_count, lookup_count, matched_count })
    }
}

impl Entry for TableStats {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.u8(self.table_id.0);
        writer.zeros(3);
        writer.u32(self.active_count);
        writer.u64(self.lookup_count);
        writer.u64(self.matched_count);
        Ok(())
    }
}
