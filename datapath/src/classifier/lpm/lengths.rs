//! What priorities the prefixes of each length have: while every longer prefix outranks every
//! shorter one, the longest that matches is the answer and ranks need not be compared.

use alloc::vec::Vec;

use crate::classifier::Full;

/// Lengths from 0 to 128 bits.
const LENGTHS: usize = 129;

#[derive(Debug)]
pub(super) struct Lengths {
    levels: Vec<Level>,
    ordered: bool,
    /// No entry has had a lower priority.
    lowest: u16,
}

/// The entries of one length. The bounds are of all entries since it had none.
#[derive(Clone, Copy, Debug)]
struct Level {
    count: u32,
    low: u16,
    high: u16,
}

impl Lengths {
    pub(super) fn new() -> Result<Lengths, Full> {
        let mut levels = Vec::new();
        levels.try_reserve_exact(LENGTHS)?;
        levels.resize(LENGTHS, Level { count: 0, low: 0, high: 0 });
        Ok(Lengths { levels, ordered: true, lowest: u16::MAX })
    }

    /// Whether an entry with a longer prefix has a higher priority than any with a shorter one.
    #[inline]
    pub(super) fn are_ordered(&self) -> bool {
        self.ordered
    }

    /// A priority below which no entry has ever been.
    #[inline]
    pub(super) fn lowest(&self) -> u16 {
        self.lowest
    }

    pub(super) fn add(&mut self, len: u8, priority: u16) {
        self.lowest = self.lowest.min(priority);
        let Some(level) = self.levels.get_mut(usize::from(len)) else { return };
        let known = level.count != 0 && (level.low..=level.high).contains(&priority);
        if level.count == 0 {
            (level.low, level.high) = (priority, priority);
        } else {
            (level.low, level.high) = (level.low.min(priority), level.high.max(priority));
        }
        level.count = level.count.saturating_add(1);
        if !known && self.ordered {
            self.ordered = self.check();
        }
    }

    pub(super) fn remove(&mut self, len: u8) {
        let Some(level) = self.levels.get_mut(usize::from(len)) else { return };
        level.count = level.count.saturating_sub(1);
        if level.count == 0 && !self.ordered {
            self.ordered = self.check();
        }
    }

    fn check(&self) -> bool {
        let mut highest = None;
        self.levels.iter().filter(|level| level.count != 0).all(|level| {
            let above = highest.is_none_or(|highest| level.low > highest);
            highest = Some(level.high);
            above
        })
    }
}
