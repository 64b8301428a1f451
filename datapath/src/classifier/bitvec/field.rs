//! One field of the bit vectors, as lookups read it: from the key's bits to the entries that want
//! them so.

use alloc::vec::Vec;

use super::span::Span;
use super::{BLOCKS, ROW};
use crate::classifier::BATCH;
use crate::key::Key;

/// Keys that are searched for side by side, so that their loads overlap.
const ABREAST: usize = 4;

/// How the bits of a span become the index of a row.
#[derive(Debug)]
pub(super) enum Locate {
    /// An index for each value.
    Direct(Vec<u16>),
    /// The place among the first values of intervals, the number of which comes first.
    Narrow(u32, Vec<u32>),
    /// The same for spans of more than 32 bits.
    Wide(u32, Vec<u64>),
}

impl Locate {
    #[inline]
    fn one(&self, value: u64) -> u32 {
        match self {
            Locate::Direct(table) => table.get(value as usize).copied().unwrap_or(0).into(),
            Locate::Narrow(count, bounds) => {
                let [at] = search(*count, bounds, [value as u32]);
                at
            }
            Locate::Wide(count, bounds) => {
                let [at] = search(*count, bounds, [value]);
                at
            }
        }
    }

    #[inline]
    fn batch(&self, span: Span, keys: &[&Key], rows: &mut [u32]) {
        match self {
            Locate::Direct(table) => {
                for (key, row) in keys.iter().zip(rows) {
                    *row = table.get(span.read(key) as usize).copied().unwrap_or(0).into();
                }
            }
            Locate::Narrow(count, bounds) => {
                for (keys, rows) in keys.chunks(ABREAST).zip(rows.chunks_exact_mut(ABREAST)) {
                    let value = |at: usize| keys.get(at).map_or(0, |key| span.read(key) as u32);
                    let values: [u32; ABREAST] = core::array::from_fn(value);
                    rows.copy_from_slice(&search(*count, bounds, values));
                }
            }
            Locate::Wide(count, bounds) => {
                for (keys, rows) in keys.chunks(ABREAST).zip(rows.chunks_exact_mut(ABREAST)) {
                    let value = |at: usize| keys.get(at).map_or(0, |key| span.read(key));
                    let values: [u64; ABREAST] = core::array::from_fn(value);
                    rows.copy_from_slice(&search(*count, bounds, values));
                }
            }
        }
    }

    pub(super) fn memory_len(&self) -> usize {
        match self {
            Locate::Direct(table) => table.capacity().saturating_mul(size_of::<u16>()),
            Locate::Narrow(_, bounds) => bounds.capacity().saturating_mul(size_of::<u32>()),
            Locate::Wide(_, bounds) => bounds.capacity().saturating_mul(size_of::<u64>()),
        }
    }
}

/// Fewest bounds, after filling up.
pub(super) const LEAST_BOUNDS: usize = 32;

/// The last of `count` ascending `bounds` that is not above each value. The first bound is 0, and
/// there are a power of two of them, filled up with the largest value. No branch depends on a value,
/// and a length that the compiler knows spares the check of each load.
#[inline]
fn search<T: Copy + Ord, const N: usize>(count: u32, bounds: &[T], values: [T; N]) -> [u32; N] {
    macro_rules! by_len {
        ($($len:literal)*) => {
            match bounds.len() {
                $($len => match <&[T; $len]>::try_from(bounds) {
                    Ok(bounds) => search_in(bounds, values),
                    Err(_) => [0; N],
                },)*
                _ => [0; N],
            }
        };
    }
    let at = by_len!(32 64 128 256 512 1024 2048 4096 8192 16384 32768 65536);
    let last = count.wrapping_sub(1);
    at.map(|at| (at as u32).min(last))
}

#[inline(never)]
fn search_in<T: Copy + Ord, const LEN: usize, const N: usize>(
    bounds: &[T; LEN],
    values: [T; N],
) -> [usize; N] {
    let mut at = [0usize; N];
    let mut half = LEN / 2;
    while half != 0 {
        for (at, value) in at.iter_mut().zip(&values) {
            let probe = (*at | half) & LEN.wrapping_sub(1);
            if bounds.get(probe).is_some_and(|bound| bound <= value) {
                *at = probe;
            }
        }
        half /= 2;
    }
    at
}

/// A field, or several, of few rows: a row is written out, word for word.
#[derive(Debug)]
pub(super) struct Dense {
    pub(super) parts: Vec<Part>,
    /// For each row and page an aggregate and the page's words.
    pub(super) rows: Vec<u64>,
    /// Words of a row: its pages'.
    pub(super) stride: usize,
}

/// One span's share in the number of a row.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) span: Span,
    pub(super) locate: Locate,
    /// The share, by index.
    pub(super) shares: Vec<u16>,
}

impl Part {
    #[inline]
    fn share(&self, index: u32) -> u32 {
        self.shares.get(index as usize).copied().unwrap_or(0).into()
    }
}

impl Dense {
    #[inline]
    pub(super) fn locate(&self, key: &Key) -> u32 {
        let shares = self.parts.iter().map(|part| part.share(part.locate.one(part.span.read(key))));
        shares.fold(0, u32::wrapping_add)
    }

    pub(super) fn locate_batch(&self, keys: &[&Key], rows: &mut [u32]) {
        let mut indexes = [0u32; BATCH];
        for part in &self.parts {
            part.locate.batch(part.span, keys, &mut indexes);
            for ((row, index), _) in rows.iter_mut().zip(indexes).zip(keys) {
                *row = row.wrapping_add(part.share(index));
            }
        }
    }

    /// Where a row's words of `page` start.
    #[inline]
    pub(super) fn start(&self, page: usize, row: u32) -> u32 {
        let page = page.wrapping_mul(ROW);
        (row as usize).wrapping_mul(self.stride).wrapping_add(page) as u32
    }

    /// The blocks of the page with entries that fit.
    #[inline]
    pub(super) fn aggregate(&self, start: u32) -> u64 {
        self.rows.get(start as usize).copied().unwrap_or(0)
    }

    /// The entries of a block that fit.
    #[inline]
    pub(super) fn word(&self, start: u32, block: u32) -> u64 {
        let at = (start as usize).wrapping_add(block as usize).wrapping_add(1);
        self.rows.get(at).copied().unwrap_or(0)
    }

    pub(super) fn memory_len(&self) -> usize {
        let parts = self.parts.iter().map(|part| {
            let shares = part.shares.capacity().saturating_mul(size_of::<u16>());
            part.locate.memory_len().saturating_add(shares)
        });
        let rows = self.rows.capacity().saturating_mul(size_of::<u64>());
        parts.fold(rows, usize::saturating_add)
    }
}

/// A field of many rows: a row has only the words of blocks in which some entry wants these very
/// bits; entries that do not care are in one row for all.
#[derive(Debug)]
pub(super) struct Sparse {
    pub(super) span: Span,
    pub(super) locate: Locate,
    /// For each index and page, where in `rows` its words are.
    pub(super) starts: Vec<u32>,
    /// Aggregates, each followed by a word for each of its bits; equal ones are there once.
    pub(super) rows: Vec<u64>,
    /// The entries that do not care, for each page an aggregate and its words.
    pub(super) base: Vec<u64>,
    pub(super) page_count: usize,
}

impl Sparse {
    #[inline]
    pub(super) fn locate(&self, key: &Key) -> u32 {
        self.locate.one(self.span.read(key))
    }

    #[inline]
    pub(super) fn locate_batch(&self, keys: &[&Key], rows: &mut [u32]) {
        self.locate.batch(self.span, keys, rows);
    }

    #[inline]
    pub(super) fn start(&self, page: usize, row: u32) -> u32 {
        let at = (row as usize).wrapping_mul(self.page_count).wrapping_add(page);
        self.starts.get(at).copied().unwrap_or(0)
    }

    /// The aggregate of those that do not care.
    #[inline]
    pub(super) fn base_aggregate(&self, page: usize) -> u64 {
        self.base.get(page.wrapping_mul(ROW)).copied().unwrap_or(0)
    }

    /// The aggregate of those that want the key's bits.
    #[inline]
    pub(super) fn aggregate(&self, start: u32) -> u64 {
        self.rows.get(start as usize).copied().unwrap_or(0)
    }

    #[inline]
    pub(super) fn word(&self, page: usize, start: u32, block: u32) -> u64 {
        let at = page.wrapping_mul(ROW).wrapping_add(block as usize).wrapping_add(1);
        let base = self.base.get(at).copied().unwrap_or(0);
        let aggregate = self.aggregate(start);
        let below = aggregate & 1u64.wrapping_shl(block).wrapping_sub(1);
        if aggregate.wrapping_shr(block) & 1 == 0 {
            return base;
        }
        let at = (start as usize).wrapping_add(below.count_ones() as usize).wrapping_add(1);
        base | self.rows.get(at).copied().unwrap_or(0)
    }

    pub(super) fn memory_len(&self) -> usize {
        let rows = self.rows.capacity().saturating_add(self.base.capacity());
        let starts = self.starts.capacity().saturating_mul(size_of::<u32>());
        rows.saturating_mul(size_of::<u64>())
            .saturating_add(starts)
            .saturating_add(self.locate.memory_len())
    }
}

/// Words of `count` pages' rows.
pub(super) const fn row_words(page_count: usize) -> usize {
    page_count.wrapping_mul(ROW)
}

const _: () = assert!(BLOCKS < ROW);
