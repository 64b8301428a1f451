//! What the entries of an `lpm` table have in common: the one field in which they differ, and the
//! bits beside it, which all of them compare with the same values.

use alloc::vec::Vec;

use ofp_codec::OxmField;
use ofp_codec::memory::try_collect;

use crate::classifier::Full;
use crate::fields::place;
use crate::key::{KEY_WORDS, Key, MaskedKey};

/// Fields that are looked for, the likeliest first.
const FIELDS: [OxmField; 9] = [
    OxmField::Ipv4Dst,
    OxmField::Ipv6Dst,
    OxmField::Ipv4Src,
    OxmField::Ipv6Src,
    OxmField::ArpTpa,
    OxmField::ArpSpa,
    OxmField::EthDst,
    OxmField::EthSrc,
    OxmField::Metadata,
];
/// Lengths of prefixes, and so masks, that there can be.
const MASK_LIMIT: usize = 129;

/// A prefix: its bits from the left, 0 beyond its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix {
    pub(super) bits: u128,
    pub(super) len: u8,
}

/// The field that has the prefixes, and what else a key has to have.
#[derive(Debug)]
pub(super) struct Shape {
    field: OxmField,
    width: u32,
    /// The field's first word, and what lies left of the field in it.
    word: u8,
    shift: u32,
    /// The mask of all entries beside the field, and the value under it.
    mask: Key,
    value: Key,
    /// The same by words; nearly always two: which headers are there, and the type.
    first: [Test; 2],
    more: Vec<Test>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Test {
    word: u8,
    mask: u64,
    value: u64,
}

impl Test {
    /// 0 if `key` has the value.
    #[inline]
    fn difference(&self, key: &Key) -> u64 {
        let word = key.words().get(usize::from(self.word) % KEY_WORDS);
        (word.copied().unwrap_or(0) & self.mask) ^ self.value
    }
}

/// Masks of another shape that a table may have, for which there is the overlay.
const ODD_MASKS: usize = 3;
/// Their entries, as a share of all: one of so many.
pub(super) const ODD_SHARE: usize = 16;

/// The field, if any, that makes prefixes of nearly all masks, and what these compare beside it.
/// There are `mask_count` masks; `masks` gives them with the number of entries of each.
pub(super) fn common_shape<M: Iterator<Item = (Key, usize)>>(
    mask_count: usize,
    masks: impl Fn() -> M,
) -> Option<(OxmField, Key)> {
    if !(2..=MASK_LIMIT.saturating_add(ODD_MASKS)).contains(&mask_count) {
        return None;
    }
    let entry_count = masks().fold(0usize, |sum, (_, count)| sum.saturating_add(count));
    let (most_used, _) = masks().max_by_key(|&(_, count)| count)?;
    let shapes = FIELDS.into_iter().filter_map(|field| {
        let rest = rest_of_mask(field, &most_used)?;
        let (mut odd_masks, mut odd_entries) = (0usize, 0usize);
        for (mask, count) in masks() {
            if rest_of_mask(field, &mask).as_ref() != Some(&rest) {
                odd_masks = odd_masks.saturating_add(1);
                odd_entries = odd_entries.saturating_add(count);
            }
        }
        let fits = odd_masks <= ODD_MASKS
            && odd_masks.saturating_add(1) < mask_count
            && odd_entries <= entry_count / ODD_SHARE;
        // Not the rest itself: each stage of an iterator would hold one on the stack.
        fits.then_some((odd_masks, field))
    });
    let (_, field) = shapes.min_by_key(|&(odd_masks, _)| odd_masks)?;
    Some((field, rest_of_mask(field, &most_used)?))
}

/// What `mask` compares beside `field`; `None` when it does not compare a prefix of that.
pub(super) fn rest_of_mask(field: OxmField, mask: &Key) -> Option<Key> {
    mask_len(field, mask)?;
    let mut rest = *mask;
    rest.set(field, 0);
    Some(rest)
}

/// The length of the prefix of `field` that `mask` compares.
fn mask_len(field: OxmField, mask: &Key) -> Option<u8> {
    let place = place(field);
    // Without the header the field's bits are another field's.
    if !mask.has(place.presence) {
        return None;
    }
    let bits = left_aligned(place.read(mask.words()), place.bits);
    let len = bits.leading_ones();
    (bits.count_ones() == len).then_some(len as u8)
}

fn left_aligned(value: u128, width: u8) -> u128 {
    value.wrapping_shl(128u32.wrapping_sub(u32::from(width)))
}

impl Shape {
    /// The shape of entries that differ from `matching` in prefixes of `field` only; `None` when it has no
    /// such prefix.
    pub(super) fn new(field: OxmField, matching: &MaskedKey) -> Result<Option<Shape>, Full> {
        let Some(mask) = rest_of_mask(field, matching.mask()) else { return Ok(None) };
        let mut value = *matching.value();
        value.set(field, 0);
        let place = place(field);
        let mut tests = (0u8..)
            .zip(mask.words().iter().zip(value.words()))
            .filter(|(_, (mask, _))| **mask != 0)
            .map(|(word, (&mask, &value))| Test { word, mask, value });
        let mut next = || tests.next().unwrap_or_default();
        let first = [next(), next()];
        Ok(Some(Shape {
            field,
            width: u32::from(place.bits),
            word: place.word,
            shift: match place.bits {
                128 => 0,
                bits => 64u32.wrapping_sub(u32::from(place.shift)).wrapping_sub(u32::from(bits)),
            },
            mask,
            value,
            first,
            more: try_collect(tests)?,
        }))
    }

    /// The prefix of an entry; `None` when it is of another shape.
    pub(super) fn prefix(&self, matching: &MaskedKey) -> Option<Prefix> {
        let (mut mask, mut value) = (*matching.mask(), *matching.value());
        let len = mask_len(self.field, &mask)?;
        let place = place(self.field);
        let bits = left_aligned(place.read(value.words()), place.bits);
        mask.set(self.field, 0);
        value.set(self.field, 0);
        (mask == self.mask && value == self.value).then_some(Prefix { bits, len })
    }

    /// Whether `key` has all that entries compare beside the field.
    #[inline]
    pub(super) fn applies_to(&self, key: &Key) -> bool {
        let [first, second] = &self.first;
        first.difference(key) | second.difference(key) == 0
            && (self.more.is_empty() || self.more.iter().all(|test| test.difference(key) == 0))
    }

    /// Which of `keys`, at most 32, it [applies to](Self::applies_to): a bit for each.
    #[inline]
    pub(super) fn apply_to(&self, keys: &[&Key]) -> u32 {
        let [first, second] = self.first;
        let (mut all, mut bit) = (0u32, 1u32);
        for key in keys {
            let is_met = first.difference(key) | second.difference(key) == 0;
            all |= bit & u32::from(is_met).wrapping_neg();
            bit = bit.wrapping_shl(1);
        }
        if !self.more.is_empty() {
            for (index, key) in (0u32..).zip(keys) {
                let is_met = self.more.iter().all(|test| test.difference(key) == 0);
                all &= !u32::from(!is_met).wrapping_shl(index);
            }
        }
        all
    }

    /// 64 bits of the field from bit `depth`, a multiple of 64; what lies right of a shorter field
    /// is not cleared.
    #[inline]
    pub(super) fn half(&self, key: &Key, depth: u32) -> u64 {
        let word = self.word.wrapping_add(depth.wrapping_shr(6) as u8);
        // Below the end it is: known once, not asked for each key.
        key.word(word % KEY_WORDS as u8).wrapping_shl(self.shift)
    }

    /// Whether the field does not fit into one word.
    #[inline]
    pub(super) fn is_long(&self) -> bool {
        self.width > 64
    }

    /// The field from the left.
    #[inline]
    pub(super) fn bits(&self, key: &Key) -> u128 {
        let high = u128::from(self.half(key, 0)).wrapping_shl(64);
        if self.is_long() { high | u128::from(self.half(key, 64)) } else { high }
    }
}
