//! Packets of a batch that are on their way to later tables: each table is visited once, by all that go there.

use arrayvec::ArrayVec;

use crate::batch::BATCH;

/// Places of packets in their batch.
pub(super) type Places = ArrayVec<u8, BATCH>;
/// Those of a full batch.
pub(super) const EVERY_PLACE: [u8; BATCH] = {
    let mut places = [0; BATCH];
    let mut rest: &mut [u8] = &mut places;
    let mut next = 0;
    while let Some((place, more)) = rest.split_first_mut() {
        *place = next;
        next += 1;
        rest = more;
    }
    places
};

/// Packets on their way to later tables.
#[derive(Default)]
pub(super) struct Ahead {
    /// Those on their way to the table that was named first.
    together: Places,
    table_id: u8,
    /// The others, and where they go.
    others: ArrayVec<(u8, u8), BATCH>,
}

impl Ahead {
    #[inline]
    pub(super) fn push(&mut self, at: u8, table_id: u8) {
        if self.together.is_empty() {
            self.table_id = table_id;
        }
        match table_id == self.table_id {
            true => self.together.push(at),
            false => self.others.push((at, table_id)),
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.together.is_empty() && self.others.is_empty()
    }

    /// [`push`](Self::push) for each of `run`.
    #[inline]
    pub(super) fn extend(&mut self, run: &[u8], table_id: u8) {
        if self.together.is_empty() {
            self.table_id = table_id;
        }
        // There is room: a packet goes to one table.
        if table_id != self.table_id || self.together.try_extend_from_slice(run).is_err() {
            run.iter().for_each(|&at| self.others.push((at, table_id)));
        }
    }

    /// The next table that packets go to, and in `here` which.
    #[inline]
    pub(super) fn next(&mut self, here: &mut Places) -> Option<u8> {
        *here = core::mem::take(&mut self.together);
        if self.others.is_empty() {
            return (!here.is_empty()).then_some(self.table_id);
        }
        self.nearest(here)
    }

    #[inline(never)]
    fn nearest(&mut self, here: &mut Places) -> Option<u8> {
        self.others.extend(here.drain(..).map(|at| (at, self.table_id)));
        let nearest = self.others.iter().map(|&(_, table_id)| table_id).min()?;
        self.others.retain(|&mut (at, table_id)| {
            if table_id == nearest {
                here.push(at);
            }
            table_id != nearest
        });
        // Packets are in their order wherever they are together.
        here.sort_unstable();
        Some(nearest)
    }
}
