//! Which flow tables may have something to do when time passes: those that have changed since they were last
//! seen at rest. A switch has 255 tables, a KiB and more each, and whoever waits asks for the next deadline
//! before and after: that question goes to a few of them.

/// A set of flow tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stirred([u64; 4]);

impl Stirred {
    /// Takes a table in.
    pub(crate) fn add(&mut self, table_id: u8) {
        if let Some(word) = self.0.get_mut(usize::from(table_id / 64)) {
            *word |= 1 << (table_id % 64);
        }
    }

    /// Takes a table out.
    pub(crate) fn remove(&mut self, table_id: u8) {
        if let Some(word) = self.0.get_mut(usize::from(table_id / 64)) {
            *word &= !(1 << (table_id % 64));
        }
    }

    /// The tables in it, in their order.
    pub(crate) fn iter(self) -> impl Iterator<Item = u8> {
        (0u8..).zip(self.0).flat_map(|(at, word)| {
            let mut left = word;
            core::iter::from_fn(move || {
                let lowest = left.trailing_zeros() as u8;
                left &= left.wrapping_sub(1);
                (lowest < 64).then(|| at.wrapping_mul(64).wrapping_add(lowest))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn tables_come_in_their_order_until_they_are_taken_out() {
        let mut stirred = Stirred::default();
        for table_id in [200, 0, 63, 64, 254, 0] {
            stirred.add(table_id);
        }
        assert_eq!(stirred.iter().collect::<Vec<_>>(), [0, 63, 64, 200, 254]);
        stirred.remove(64);
        stirred.remove(7);
        assert_eq!(stirred.iter().collect::<Vec<_>>(), [0, 63, 200, 254]);
    }
}
