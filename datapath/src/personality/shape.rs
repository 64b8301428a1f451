//! The shape that a switch has at the moment: its personality, and what controllers made of it.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Deref;

use ofp_codec::memory::{NoMemory, TryBox};
use ofp_codec::{BadMatchCode, Match, OfpError, TableId};

use crate::config::SwitchConfig;

use super::{ActionTypeSet, Allowed, FieldSet, Personality, TableShape};

/// A personality that is other switches' as well, or one's own: that is in a box, since shared memory
/// cannot be asked for without an abort.
pub(super) enum Largest {
    Shared(Arc<Personality>),
    Own(TryBox<Personality>),
}

impl Deref for Largest {
    type Target = Personality;

    fn deref(&self) -> &Personality {
        match self {
            Largest::Shared(personality) => personality,
            Largest::Own(personality) => personality,
        }
    }
}

/// The shape of a switch.
pub(crate) struct Shape {
    /// What the switch can be at most.
    largest: Largest,
    /// The tables that a controller asked for; all of the largest shape until one does.
    asked: Option<Vec<Option<TableShape>>>,
    /// The match fields of all tables that there are.
    known: FieldSet,
    /// What the lists of packet-outs may hold: they are no table's.
    packet_out: Allowed,
}

impl Shape {
    /// The largest shape within what a switch is told.
    pub(crate) fn new(config: &SwitchConfig) -> Result<Shape, NoMemory> {
        let largest = Personality::within(config)?;
        let mut packet_out = Allowed { actions: ActionTypeSet::NONE, fields: FieldSet::NONE };
        for table in &largest.tables {
            let apply = table.entry.apply();
            packet_out.actions = packet_out.actions.union(apply.actions);
            packet_out.fields = packet_out.fields.union(apply.fields);
        }
        let mut shape = Shape { largest, asked: None, known: FieldSet::NONE, packet_out };
        shape.know();
        Ok(shape)
    }

    fn know(&mut self) {
        let fields = self.tables().map(|(_, table)| table.fields);
        self.known = fields.fold(FieldSet::NONE, FieldSet::union);
    }

    /// What the switch can be at most.
    pub(crate) fn largest(&self) -> &Personality {
        &self.largest
    }

    /// Tables of the largest shape.
    pub(crate) fn table_count(&self) -> u8 {
        u8::try_from(self.largest.tables.len()).unwrap_or(u8::MAX)
    }

    /// The shape of a table that there is.
    pub(crate) fn table(&self, table_id: TableId) -> Option<&TableShape> {
        let at = usize::from(table_id.0);
        match &self.asked {
            Some(tables) => tables.get(at)?.as_ref(),
            None => self.largest.tables.get(at),
        }
    }

    /// Whether there is such a table.
    pub(crate) fn has_table(&self, table_id: TableId) -> bool {
        self.table(table_id).is_some()
    }

    /// The tables that there are, by number.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (TableId, &TableShape)> {
        let ids = (0..self.table_count()).map(TableId);
        ids.filter_map(|table_id| Some((table_id, self.table(table_id)?)))
    }

    /// Takes the tables that a controller asked for; by number.
    pub(crate) fn set_tables(&mut self, tables: Vec<Option<TableShape>>) {
        self.asked = Some(tables);
        self.know();
    }

    /// What the lists of packet-outs may hold.
    pub(crate) const fn packet_out(&self) -> Allowed {
        self.packet_out
    }

    /// Checks the match of a question or deletion: it may name a field that its table lacks, and
    /// select nothing then, but no field that no table has.
    pub(crate) fn check_filter(&self, matching: &Match) -> Result<(), OfpError> {
        match matching.fields().iter().all(|oxm| self.known.contains(oxm.field)) {
            true => Ok(()),
            false => Err(OfpError::BadMatch(BadMatchCode::BadField)),
        }
    }
}
