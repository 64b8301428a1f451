//! The search for the cut that tells the entries of a node apart best, on a sample of them.
//!
//! For a cut, `eligible` is the share of entries that compare all its bits, and `heap` how many of
//! those share the heap of an average one of them (pairs of the sample that fall together tell).
//! A cut gains log2(entries eligible / heap) bits for each eligible entry; the cut with the most
//! bits wins. It begins with the best bits of one field and takes in more as long as it gains:
//! as in TupleMerge, masks are relaxed until many share one hash table; unlike there, what is left
//! of a heap is cut again.

use alloc::vec::Vec;

use super::super::Full;
use super::cut::{Bits, Cut, fields};
use super::entries::Entries;
use crate::key::Key;

/// Entries of a sample.
pub(super) const SAMPLE: usize = 512;
/// Different masks of one field that are tried as cuts.
const MASKS_OF_FIELD: usize = 24;
/// Counters of pairs.
const COUNTERS: usize = 1 << 16;
/// log2 in units of 1 / 256.
const FRACTION: u32 = 8;
/// A cut takes in more bits for this gain.
const WORTH_BITS: u64 = 1 << (FRACTION - 1);

/// What is expected of a cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Merit {
    /// Bits gained an entry of the node, in units of 1 / 256.
    pub(super) gain: u64,
    /// Entries of the node that can lie behind it.
    pub(super) eligible: u64,
    /// How many of those share an average one's heap.
    pub(super) heap: u64,
}

/// A search under way.
#[derive(Debug)]
pub(super) struct Search {
    /// Value and mask of the entries of the sample.
    sample: Vec<(Key, Key)>,
    /// Entries of the node.
    count: u64,
    candidates: Vec<Bits>,
    /// The next candidate.
    at: usize,
    /// The best cut of the rounds before.
    base: Cut,
    base_merit: Merit,
    best: Option<(Cut, Merit)>,
    fields: Vec<Bits>,
    /// Generation and count.
    counters: Vec<(u32, u32)>,
    generation: u32,
}

impl Search {
    pub(super) fn new() -> Result<Search, Full> {
        let (mut sample, mut counters, mut candidates) = (Vec::new(), Vec::new(), Vec::new());
        sample.try_reserve_exact(SAMPLE)?;
        counters.try_reserve_exact(COUNTERS)?;
        counters.resize(COUNTERS, (0, 0));
        let fields = fields()?;
        candidates.try_reserve_exact(MASKS_OF_FIELD.saturating_mul(fields.len()))?;
        Ok(Search {
            sample,
            count: 0,
            candidates,
            at: 0,
            base: Cut::default(),
            base_merit: Merit::default(),
            best: None,
            fields,
            counters,
            generation: 0,
        })
    }

    /// Begins a search for a cut of the entries `list`.
    pub(super) fn begin(&mut self, list: &[u32], entries: &Entries) {
        self.count = list.len() as u64;
        self.sample.clear();
        // Places in a list that is in no order; a step that is odd against the size visits any.
        let step = (list.len() / SAMPLE).max(1);
        let chosen = list.iter().step_by(step).take(SAMPLE);
        self.sample.extend(chosen.map(|&entry| entries.masked(entry)));
        self.candidates.clear();
        for field in &self.fields {
            let first = self.candidates.len();
            if !entries.words().contains(&field.word) {
                continue;
            }
            for (_, mask) in &self.sample {
                let mask = mask.word(field.word) & field.mask;
                let bits = Bits { word: field.word, mask };
                let tried = self.candidates.get(first..).unwrap_or_default();
                if mask != 0 && !tried.contains(&bits) && tried.len() < MASKS_OF_FIELD {
                    self.candidates.push(bits);
                }
            }
        }
        self.at = 0;
        self.base = Cut::default();
        self.base_merit = Merit::default();
        self.best = None;
    }

    /// Tries one more candidate; the best cut when there is none left. The work of one step is
    /// proportional to the sample.
    pub(super) fn step(&mut self) -> Option<(Cut, Merit)> {
        let Some(&bits) = self.candidates.get(self.at) else {
            return self.round();
        };
        self.at = self.at.saturating_add(1);
        if let Some(cut) = self.base.with(bits) {
            let merit = self.merit(&cut);
            let bar = match &self.best {
                Some((_, best)) => best.gain,
                None if self.base_merit.gain == 0 => 0,
                None => self.base_merit.gain.saturating_add(WORTH_BITS),
            };
            if merit.gain > bar {
                self.best = Some((cut, merit));
            }
        }
        None
    }

    /// Ends a round: another one with the best cut so far, or the answer.
    fn round(&mut self) -> Option<(Cut, Merit)> {
        match self.best.take() {
            Some((cut, merit)) => {
                (self.base, self.base_merit, self.at) = (cut, merit, 0);
                None
            }
            None => Some((self.base.clone(), self.base_merit)),
        }
    }

    /// Work of a step, in entries looked at.
    pub(super) fn work(&self) -> usize {
        self.sample.len()
    }

    fn merit(&mut self, cut: &Cut) -> Merit {
        self.generation = self.generation.wrapping_add(1);
        let (mut eligible, mut pairs) = (0u64, 0u64);
        for (value, mask) in &self.sample {
            if !cut.is_within(mask) {
                continue;
            }
            let at = cut.sort(value) as usize % COUNTERS;
            let Some((generation, count)) = self.counters.get_mut(at) else { continue };
            if *generation != self.generation {
                (*generation, *count) = (self.generation, 0);
            }
            pairs = pairs.saturating_add(u64::from(*count));
            *count = count.saturating_add(1);
            eligible = eligible.saturating_add(1);
        }
        let sampled = self.sample.len() as u64;
        if eligible == 0 || sampled == 0 {
            return Merit::default();
        }
        let of_node = eligible.saturating_mul(self.count) / sampled;
        let others = eligible.saturating_mul(eligible.saturating_sub(1)) / 2;
        // In units of 1 / 256 entries.
        let heap = match others {
            0 => 256,
            _ => pairs
                .saturating_mul(of_node)
                .saturating_mul(256)
                .checked_div(others)
                .unwrap_or(0)
                .saturating_add(256),
        };
        // Heaps of a few entries are as good as heaps of one.
        let ratio = of_node.saturating_mul(256 * 256) / heap.max(3 * 256);
        let bits = u64::from(log2(ratio).saturating_sub(8 << FRACTION));
        Merit { gain: bits.saturating_mul(eligible) / sampled, eligible: of_node, heap: heap / 256 }
    }
}

/// log2 of `x` in units of 1 / 256, the fraction by a straight line; 0 for 0.
fn log2(x: u64) -> u32 {
    let Some(whole) = x.checked_ilog2() else { return 0 };
    let fraction = if whole >= FRACTION {
        x.wrapping_shr(whole.saturating_sub(FRACTION))
    } else {
        x.wrapping_shl(FRACTION.saturating_sub(whole))
    };
    (whole << FRACTION) | (fraction as u32 & 255)
}
