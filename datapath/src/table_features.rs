//! TABLE_FEATURES (§7.3.5.5): what tables can do, read and written. What the words mean is in
//! [`personality`](crate::personality).

use hypercall::Nanos;
use ofp_codec::memory::NoMemory;
use ofp_codec::multipart::TableFeatures;
use ofp_codec::{FlowRemovedReason, OfpError, TableFeaturesFailedCode, TableId};

use crate::personality::{Features, Personality};
use crate::tables::Tables;

impl Tables {
    /// What the switch can be at most: its personality within the limits of its host.
    pub fn personality(&self) -> &Personality {
        self.shape.largest()
    }

    /// The tables that there are, by number: all of the personality, or those that a controller
    /// asked for.
    pub fn table_ids(&self) -> impl Iterator<Item = TableId> + '_ {
        self.shape.tables().map(|(table_id, _)| table_id)
    }

    /// What a table can do, made when it is asked for: a reply for 255 tables is long.
    ///
    /// Properties of the table-miss flow entry are left out where they equal the others.
    pub fn table_features(&self, table_id: TableId) -> Option<TableFeatures> {
        self.try_table_features(table_id).ok().flatten()
    }

    /// [`table_features`](Self::table_features), which tells of nothing that memory is short for.
    ///
    /// # Errors
    ///
    /// [`NoMemory`].
    pub fn try_table_features(&self, table_id: TableId) -> Result<Option<TableFeatures>, NoMemory> {
        self.shape.table(table_id).map(|table| table.features(table_id)).transpose()
    }

    /// Makes the tables what a request asks for (§7.3.5.5): tables that it does not name vanish.
    /// Flow entries of tables that vanish or can do other things than before are removed.
    ///
    /// # Errors
    ///
    /// TABLE_FEATURES_FAILED; nothing has changed then.
    ///
    /// ```
    /// use hypercall::Nanos;
    /// use ofp_codec::TableId;
    /// use rumpswitch_datapath::{SwitchConfig, Tables};
    ///
    /// let mut tables = Tables::new(SwitchConfig::default());
    /// let mut wanted = tables.table_features(TableId(0)).unwrap();
    /// wanted.name = "only".into();
    /// tables.set_table_features(Nanos(0), &[wanted])?;
    /// assert_eq!(tables.table_ids().count(), 1);
    /// assert_eq!(tables.table_features(TableId(0)).unwrap().name, "only");
    /// # Ok::<(), ofp_codec::OfpError>(())
    /// ```
    pub fn set_table_features(
        &mut self,
        now: Nanos,
        wanted: &[TableFeatures],
    ) -> Result<(), OfpError> {
        self.finish();
        self.reshape(now, wanted)
    }

    #[inline(never)] // what it has in hand is not on the stack while another change is finished
    fn reshape(&mut self, now: Nanos, wanted: &[TableFeatures]) -> Result<(), OfpError> {
        if !self.personality().features.contains(Features::TABLE_FEATURES_WRITE) {
            return Err(OfpError::TableFeaturesFailed(TableFeaturesFailedCode::Eperm));
        }
        let tables = self.personality().reshaped(wanted).map_err(OfpError::TableFeaturesFailed)?;
        for (table_id, new) in (0..=u8::MAX).map(TableId).zip(&tables) {
            let stays = match (self.shape.table(table_id), new) {
                (Some(old), Some(new)) => !old.differs(new),
                _ => false,
            };
            if !stays {
                self.empty_table(now, table_id);
            }
        }
        self.shape.set_tables(tables);
        self.note_vacancies();
        Ok(())
    }

    /// Removes every flow entry of a table.
    #[inline(never)]
    fn empty_table(&mut self, now: Nanos, table_id: TableId) {
        let at = usize::from(table_id.0);
        while let Some(slot) = self.tables.get(at).and_then(|table| table.first()) {
            self.remove_entry(now, slot, FlowRemovedReason::Delete);
        }
    }
}
