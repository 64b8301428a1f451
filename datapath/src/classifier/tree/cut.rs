//! A cut: bits of a few words that all entries behind it compare, so that the hash of these bits
//! tells in which of many heaps an entry lies and in which one a key looks.

use alloc::vec::Vec;

use arrayvec::ArrayVec;
use ofp_codec::OxmField;

use super::super::Full;
use super::super::hash::HashKey;
use crate::fields::place;
use crate::key::{KEY_WORDS, Key};

/// Words that a cut can look at.
pub(super) const CUT_WORDS: usize = 4;

/// Fields, and halves of long ones, that bits can be of.
const FIELDS_MAX: usize = 64;

/// An odd constant with bits all over (the golden ratio).
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Some bits of one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bits {
    pub(super) word: u8,
    pub(super) mask: u64,
}

/// The bits that a hash node hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cut {
    words: ArrayVec<Bits, CUT_WORDS>,
}

impl Cut {
    #[inline]
    pub(super) fn hash(&self, hash: HashKey, key: &Key) -> u32 {
        hash.hash(self.words.iter().map(|bits| key.word(bits.word) & bits.mask))
    }

    /// Whether entries under `mask` compare all of the cut's bits.
    #[inline]
    pub(super) fn is_within(&self, mask: &Key) -> bool {
        self.words.iter().all(|bits| bits.mask & !mask.word(bits.word) == 0)
    }

    /// A hash that needs no secret: for estimates on samples.
    pub(super) fn sort(&self, key: &Key) -> u32 {
        let state = self.words.iter().fold(0u64, |state, bits| {
            let mixed = (state ^ (key.word(bits.word) & bits.mask)).wrapping_mul(MIX);
            mixed ^ mixed >> 29
        });
        (state.wrapping_mul(MIX) >> 32) as u32
    }

    /// This cut with more bits; `None` when they are in it already or a word too many.
    pub(super) fn with(&self, more: Bits) -> Option<Cut> {
        let mut wider = self.clone();
        match wider.words.iter_mut().find(|bits| bits.word == more.word) {
            Some(bits) if more.mask & !bits.mask == 0 => return None,
            Some(bits) => bits.mask |= more.mask,
            None => wider.words.try_push(more).ok()?,
        }
        Some(wider)
    }
}

/// The bits of each match field, a field of 128 bits as two; the presence bits first.
pub(super) fn fields() -> Result<Vec<Bits>, Full> {
    let mut all = Vec::new();
    all.try_reserve_exact(FIELDS_MAX)?;
    let mut add = |word: u8, mask: u64| {
        let bits = Bits { word, mask };
        if usize::from(word) < KEY_WORDS && !all.contains(&bits) && all.len() < FIELDS_MAX {
            all.push(bits);
        }
    };
    add(0, crate::key::PRESENCE_MASK);
    for place in OxmField::ALL.into_iter().map(place) {
        let ones = place.ones() as u64;
        add(place.word, ones.wrapping_shl(u32::from(place.shift)));
        if place.bits > 64 {
            add(place.word.wrapping_add(1), u64::MAX);
        }
    }
    Ok(all)
}
