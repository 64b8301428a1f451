//! What fields the bit vectors of a table have, found from the masks of its entries: for each span of
//! the key that some mask touches, whether all entries want the same there, whether all masks are
//! prefixes, and about how many different values there are.

use alloc::vec::Vec;

use arrayvec::ArrayVec;

use super::rows::Shape;
use super::slices::sort_few;
use super::span::{SPANS, Span};
use super::{Common, MAX_FIELDS};
use crate::classifier::compiled::Unsuited;
use crate::key::MaskedKey;

/// What masks are put to each span.
#[derive(Debug)]
pub(super) struct Statistics {
    /// By span; on the heap, since every table has room for a builder.
    spans: Vec<Seen>,
}

/// What masks are put to one span.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// Bits that some mask has.
    bits: u64,
    /// The first that was seen.
    first: (u64, u64),
    /// Entries with just that.
    same_count: usize,
    /// Whether every mask is one run of bits, and all runs end at the same upper bit.
    is_run: bool,
    high: u32,
    /// A bit for each hash of a value: more bits, more values.
    sketch: [u64; 32],
}

impl Statistics {
    pub(super) fn new() -> Result<Statistics, Unsuited> {
        let seen =
            Seen { bits: 0, first: (0, 0), same_count: 0, is_run: true, high: 0, sketch: [0; 32] };
        let mut spans = Vec::new();
        spans.try_reserve_exact(SPANS.len()).map_err(|_| Unsuited)?;
        spans.resize(SPANS.len(), seen);
        Ok(Statistics { spans })
    }

    pub(super) fn add(&mut self, matching: &MaskedKey) {
        for (span, seen) in SPANS.into_iter().zip(&mut self.spans) {
            let mask = span.read(matching.mask());
            if mask != 0 {
                seen.add(span.read(matching.value()), mask);
            }
        }
    }
}

impl Seen {
    fn add(&mut self, value: u64, mask: u64) {
        if self.bits == 0 {
            self.first = (value, mask);
            self.high = mask.leading_zeros();
        }
        self.bits |= mask;
        if self.first == (value, mask) {
            self.same_count = self.same_count.saturating_add(1);
        }
        let run = mask.wrapping_shr(mask.trailing_zeros());
        let is_run = run & run.wrapping_add(1) == 0;
        self.is_run &= is_run && self.high == mask.leading_zeros();
        // Only speed hangs on it, so it has no key.
        let hash = value.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_shr(53) as usize;
        if let Some(word) = self.sketch.get_mut(hash / 64) {
            *word |= 1u64.wrapping_shl(hash as u32 % 64);
        }
    }

    fn value_count(&self) -> u32 {
        self.sketch.iter().fold(0, |sum, word| sum.wrapping_add(word.count_ones()))
    }
}

/// The fields of a table.
#[derive(Debug, Default)]
pub(super) struct Plan {
    common: Vec<Common>,
    fields: Vec<(Span, Shape)>,
    /// The fields that entries are sorted by.
    keys: ArrayVec<Span, SORT_KEYS>,
}

/// Fields that entries are sorted by: two bits of the sort key are for each.
const SORT_KEYS: usize = 4;

impl Plan {
    #[inline(never)] // what it has in hand is on the stack only while it works
    pub(super) fn new(statistics: &Statistics, entry_count: usize) -> Result<Plan, Unsuited> {
        let mut plan = Plan::default();
        let mut prefixes: ArrayVec<(u32, Span), { SPANS.len() }> = ArrayVec::new();
        for (span, seen) in SPANS.into_iter().zip(&statistics.spans) {
            if seen.bits == 0 {
                continue;
            }
            if seen.same_count == entry_count {
                let (value, mask) = seen.first;
                plan.note_common(span, value, mask)?;
                continue;
            }
            let narrow = span.narrowed(seen.bits);
            if narrow.width > 8 && seen.is_run {
                prefixes.push((seen.value_count(), narrow));
                continue;
            }
            for piece in narrow.pieces() {
                let bits = seen.bits.wrapping_shr(u32::from(piece.shift.wrapping_sub(span.shift)));
                if bits & piece.ones() != 0 {
                    plan.push(piece, Shape::Masks)?;
                }
            }
        }
        sort_few(&mut prefixes, |(count, _)| core::cmp::Reverse(*count));
        for (_, span) in prefixes {
            plan.push(span, Shape::Prefixes)?;
            let _ = plan.keys.try_push(span);
        }
        Ok(plan)
    }

    fn push(&mut self, span: Span, shape: Shape) -> Result<(), Unsuited> {
        if self.fields.len() >= MAX_FIELDS {
            return Err(Unsuited);
        }
        self.fields.try_reserve(1).map_err(|_| Unsuited)?;
        self.fields.push((span, shape));
        Ok(())
    }

    fn note_common(&mut self, span: Span, value: u64, mask: u64) -> Result<(), Unsuited> {
        let shift = u32::from(span.shift);
        let (value, mask) = (value.wrapping_shl(shift), mask.wrapping_shl(shift));
        match self.common.iter_mut().find(|common| common.word == span.word) {
            Some(common) => {
                common.value |= value;
                common.mask |= mask;
            }
            None => {
                self.common.try_reserve(1).map_err(|_| Unsuited)?;
                self.common.push(Common { word: span.word, value, mask });
            }
        }
        Ok(())
    }

    /// What all entries want.
    pub(super) fn common(&self) -> &[Common] {
        &self.common
    }

    pub(super) fn fields(&self) -> &[(Span, Shape)] {
        &self.fields
    }

    /// Entries with like keys go into one block: first which fields they look at, and whether at more
    /// than half of their bits; then what they want in the two fields of most values.
    pub(super) fn sort_key(&self, matching: &MaskedKey) -> u128 {
        let (mut pattern, mut long, mut short) = (0u128, ArrayVec::<u128, 8>::new(), 0u128);
        for span in &self.keys {
            let (value, mask) = (span.read(matching.value()), span.read(matching.mask()));
            let value = u128::from(value.wrapping_shl(64u32.wrapping_sub(span.width.into())) >> 4);
            let is_long = mask.count_ones().wrapping_mul(2) > u32::from(span.width);
            pattern = pattern << 2
                | match (mask, is_long) {
                    (0, _) => 0,
                    (_, false) => 1,
                    (_, true) => 2,
                };
            if is_long {
                long.push(value);
            } else if mask != 0 && short == 0 {
                short = value;
            }
        }
        let first = long.first().copied().unwrap_or(short);
        let second = long.get(1).copied().unwrap_or(short);
        pattern << 120 | first << 60 | second
    }
}
