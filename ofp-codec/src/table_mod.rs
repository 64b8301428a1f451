//! Tables: numbers, and the modification that 1.3 left without effect (§7.3.3).

use core::fmt;

use crate::wire::{Reader, Writer};
use crate::{DecodeError, OfpError, TableModFailedCode};

/// The bits of a table's configuration that 1.3 left without meaning and allows.
#[doc(alias = "OFPTC_DEPRECATED_MASK")]
const DEPRECATED_MASK: u32 = 3;

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

impl TableMod {
    /// Reads a table-mod's body.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<TableMod, DecodeError> {
        let table_id = TableId(reader.u8()?);
        reader.skip(3)?;
        let at = reader.offset();
        let config = reader.u32()?;
        if config & !DEPRECATED_MASK != 0 {
            let code = TableModFailedCode::BadConfig;
            return Err(reader.error_at(at, OfpError::TableModFailed(code)));
        }
        Ok(TableMod { table_id, config })
    }

    /// Writes a table-mod's body.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.u8(self.table_id.0);
        writer.zeros(3);
        writer.u32(self.config);
    }
}
