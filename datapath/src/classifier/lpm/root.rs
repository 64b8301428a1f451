//! The root of the trie: an array that the first bits of a key index.
//!
//! Each of its slots has the node that goes on from there and the leaf of the best prefix no longer
//! than the index. The prefixes themselves are kept as a heap (the two prefixes that are one bit
//! longer than the one at `n` are at `2n` and `2n + 1`), from which slots are painted anew.

use alloc::vec::Vec;

use super::chains::NO_LEAF;
use super::nodes::NO_NODE;
use super::shape::Prefix;
use crate::classifier::Full;

/// Most bits that index a root.
const MOST_BITS: usize = 16;

#[derive(Debug)]
pub(super) struct Root {
    slots: Vec<Slot>,
    heap: Vec<u32>,
    bits: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) node: u32,
    pub(super) leaf: u32,
}

impl Slot {
    pub(super) const EMPTY: Slot = Slot { node: NO_NODE, leaf: NO_LEAF };
}

impl Root {
    /// A root that `bits` bits index: 8 or 16.
    pub(super) fn new(bits: u32) -> Result<Root, Full> {
        let count = 1usize.wrapping_shl(bits);
        let (mut slots, mut heap) = (Vec::new(), Vec::new());
        slots.try_reserve_exact(count)?;
        heap.try_reserve_exact(count.saturating_mul(2))?;
        slots.resize(count, Slot::EMPTY);
        heap.resize(count.saturating_mul(2), NO_LEAF);
        Ok(Root { slots, heap, bits })
    }

    /// Bits of the index.
    #[inline]
    pub(super) fn bits(&self) -> u32 {
        self.bits
    }

    /// The number of the slot of a key whose field begins with `high`.
    #[inline]
    pub(super) fn index(&self, high: u64) -> usize {
        high.wrapping_shr(64u32.wrapping_sub(self.bits)) as usize
    }

    #[inline]
    pub(super) fn slot(&self, index: usize) -> Slot {
        self.slots.get(index).copied().unwrap_or(Slot::EMPTY)
    }

    pub(super) fn set_node(&mut self, index: usize, node: u32) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.node = node;
        }
    }

    fn place(prefix: Prefix) -> usize {
        let bits = prefix.bits.checked_shr(128u32.wrapping_sub(u32::from(prefix.len)));
        1usize.wrapping_shl(u32::from(prefix.len)) | bits.unwrap_or(0) as usize
    }

    /// The leaf of a prefix no longer than the index.
    pub(super) fn leaf(&self, prefix: Prefix) -> u32 {
        self.heap.get(Self::place(prefix)).copied().unwrap_or(NO_LEAF)
    }

    pub(super) fn set_leaf(&mut self, prefix: Prefix, leaf: u32) {
        if let Some(place) = self.heap.get_mut(Self::place(prefix)) {
            *place = leaf;
        }
    }

    /// Paints the slots under `prefix` anew; `better(a, b)` is the better of a leaf and one of a
    /// longer prefix. At most two prefixes are looked at for each slot on average. How many slots.
    pub(super) fn paint(&mut self, prefix: Prefix, better: impl Fn(u32, u32) -> u32) -> usize {
        let first = self.index((prefix.bits >> 64) as u64);
        let count = 1usize.wrapping_shl(self.bits.saturating_sub(u32::from(prefix.len)));
        // The best of the prefixes of each length that cover the slot.
        let mut best = [NO_LEAF; MOST_BITS + 1];
        let slots = self.slots.get_mut(first..first.saturating_add(count)).unwrap_or_default();
        for (index, slot) in (first..).zip(slots) {
            // Lengths whose prefix is not the slot before's.
            let changed =
                if index == first { 0 } else { self.bits.wrapping_sub(index.trailing_zeros()) };
            let mut above = match changed.checked_sub(1) {
                Some(above) => best.get(above as usize).copied().unwrap_or(NO_LEAF),
                None => NO_LEAF,
            };
            let lengths = best.get_mut(changed as usize..=self.bits as usize);
            for (len, best) in (changed..).zip(lengths.unwrap_or_default()) {
                let place =
                    1usize.wrapping_shl(len) | index.wrapping_shr(self.bits.wrapping_sub(len));
                let leaf = self.heap.get(place).copied().unwrap_or(NO_LEAF);
                above = better(above, leaf);
                *best = above;
            }
            slot.leaf = above;
        }
        count
    }

    pub(super) fn memory_len(&self) -> usize {
        let slots = self.slots.capacity().saturating_mul(size_of::<Slot>());
        slots.saturating_add(self.heap.capacity().saturating_mul(size_of::<u32>()))
    }
}
