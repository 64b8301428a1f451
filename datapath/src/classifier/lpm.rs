//! The `lpm` template: the entries differ in the prefix of one field, and all else that they compare
//! is the same for all of them.
//!
//! # What
//!
//! An accelerator for the tables that routers have: prefixes of IPv4 or IPv6 addresses (ARP's,
//! Ethernet's and metadata's, too), under one value of everything else that the entries compare
//! (the headers that have to be there, the type, perhaps a port). An entry of another shape is
//! refused, and stands in the table's overlay.
//!
//! # Design
//!
//! A multibit trie whose root is indexed by two bytes of the field (one in a small table) and whose
//! nodes look at a byte each; bytes that all prefixes below a slot share are skipped, so the number
//! of nodes follows the number of prefixes, not their length. A node is one cache line: its 256 slots
//! are runs of equal values, a bit for the beginning of each, and the values (five in the line,
//! otherwise in a block) are found by counting bits.
//!
//! Prefixes are spread over the slots of the node in which they end, but never pushed down into the
//! nodes below: an entry changes one node (or the root: 2^15 slots at most), whatever lies under it.
//! A lookup remembers the leaf of each node that it passes.
//!
//! In OpenFlow the rank decides, not the length. While every longer prefix in the table has a higher
//! priority than every shorter one (known from the priorities' bounds for each length) the last leaf
//! is the answer. Otherwise slots have the best-ranked of the prefixes of their node, and a
//! lookup compares the ranks of the leaves that it passes: right for any priorities, a record more
//! for each leaf. Entries with the same prefix are a chain of which only the first is looked at.
//!
//! A batch goes down level by level: the lines of all nodes are loaded before the first is used.
//!
//! # What it costs
//!
//! Figures by `benches/benches/lookup.rs`: see there, rows `lpm`.
//!
//! # What it does not do
//!
//! It does not shrink while entries are left, except that freed nodes and blocks are used again. It
//! holds one value of what is not the prefix: routes of several tenants in one table are not its.

mod blocks;
mod builder;
mod chains;
mod lengths;
mod nodes;
mod root;
mod shape;
#[cfg(test)]
mod tests;
mod trie;

use core::hint::black_box;

use ofp_codec::OxmField;

use super::{BATCH, Full, Hit};
use crate::key::{Key, MaskedKey};
pub(super) use builder::Builder;
use chains::NO_LEAF;
use nodes::{IS_NODE, NO_NODE};
use shape::Shape;
use trie::{Trie, better};

/// Tables of fewer entries have a root of one byte.
const WORTH_ROOT: usize = 512;
/// A root of one byte does not take more entries than this.
const SMALL_LIMIT: usize = 8 * WORTH_ROOT;

/// Prefixes of one field.
#[derive(Debug)]
pub(super) struct Lpm {
    shape: Shape,
    trie: Trie,
    entry_limit: usize,
}

impl Lpm {
    /// An empty table for about `entry_count` entries that differ from `matching`, one of them, in
    /// prefixes of `field`; `None` when `matching` has none.
    fn new(field: OxmField, matching: &MaskedKey, entry_count: usize) -> Result<Option<Lpm>, Full> {
        let Some(shape) = Shape::new(field, matching) else { return Ok(None) };
        let small = entry_count < WORTH_ROOT;
        let trie = Trie::new(if small { 8 } else { 16 })?;
        let entry_limit = if small { SMALL_LIMIT } else { usize::MAX };
        Ok(Some(Lpm { shape, trie, entry_limit }))
    }

    /// Adds an entry that is not there; `false` when it is of another shape, or one too many.
    pub(super) fn insert(&mut self, matching: &MaskedKey, hit: Hit) -> Result<bool, Full> {
        match self.shape.prefix(matching) {
            Some(prefix) if self.entry_count() < self.entry_limit => self.trie.insert(prefix, hit),
            _ => Ok(false),
        }
    }

    /// Gives an entry another rank, of the same priority, and slot; `false` when it is not here.
    pub(super) fn replace(&mut self, matching: &MaskedKey, old: Hit, new: Hit) -> bool {
        let prefix = self.shape.prefix(matching);
        prefix.is_some_and(|prefix| self.trie.replace(prefix, old, new))
    }

    /// Removes an entry; `false` when it is not here.
    pub(super) fn remove(&mut self, matching: &MaskedKey, hit: Hit) -> bool {
        let prefix = self.shape.prefix(matching);
        prefix.is_some_and(|prefix| self.trie.remove(prefix, hit))
    }

    /// The best entry that `key` matches.
    #[inline]
    pub(super) fn find(&self, key: &Key) -> Hit {
        if !self.shape.applies_to(key) {
            return Hit::NONE;
        }
        if self.trie.is_stale() {
            return self.trie.search(self.shape.bits(key));
        }
        self.walk(key, |_| ())
    }

    /// Goes down the trie; `step` is called for each node.
    #[inline]
    fn walk(&self, key: &Key, mut step: impl FnMut(u32)) -> Hit {
        let Trie { root, nodes, chains, lengths, .. } = &self.trie;
        let ordered = lengths.are_ordered();
        let slot = root.slot(root.index(self.shape.half(key, 0)));
        let (mut leaf, mut at, mut depth) = (slot.leaf, slot.node, root.bits());
        while at != NO_NODE {
            step(at);
            let Some(node) = nodes.get(at) else { break };
            leaf = better(chains, ordered, leaf, node.above);
            if node.skip() != 0 {
                if !node.is_on_path(self.shape.bits(key), depth) {
                    break;
                }
                depth = depth.wrapping_add(node.skip().wrapping_mul(8));
            }
            let value = nodes.value(node, self.shape.byte(key, depth));
            if value & IS_NODE == 0 {
                leaf = better(chains, ordered, leaf, value);
                break;
            }
            (at, depth) = (value & !IS_NODE, depth.wrapping_add(8));
        }
        chains.hit(leaf)
    }

    /// Improves `hits` of those of `keys` whose bit in `wanted` is set.
    pub(super) fn find_batch(&self, keys: &[&Key], wanted: u32, hits: &mut [Hit; BATCH]) {
        if self.trie.is_stale() {
            return self.find_each(keys, wanted, hits);
        }
        let Trie { root, nodes, chains, lengths, .. } = &self.trie;
        let ordered = lengths.are_ordered();
        let mut leaves = [NO_LEAF; BATCH];
        let mut ats = [NO_NODE; BATCH];
        let mut depths = [root.bits() as u8; BATCH];
        // The lines of the root: one load for each key, none of which waits for another.
        let (mut walking, mut found) = (0u32, 0u32);
        for (index, key) in (0u32..).zip(keys.iter().take(BATCH)) {
            if wanted.wrapping_shr(index) & 1 == 0 || !self.shape.applies_to(key) {
                continue;
            }
            found |= 1u32.wrapping_shl(index);
            let slot = root.slot(root.index(self.shape.half(key, 0)));
            if let (Some(leaf), Some(at)) =
                (leaves.get_mut(index as usize), ats.get_mut(index as usize))
            {
                (*leaf, *at) = (slot.leaf, slot.node);
            }
            walking |= u32::from(slot.node != NO_NODE).wrapping_shl(index);
        }
        while walking != 0 {
            let lines = ats.iter().filter_map(|&at| nodes.get(at));
            black_box(lines.fold(0, |warm, node| warm ^ node.touch()));
            let mut left = walking;
            while left != 0 {
                let index = left.trailing_zeros();
                left &= left.wrapping_sub(1);
                let at = index as usize & (BATCH - 1);
                let (Some(key), Some(leaf)) = (keys.get(at), leaves.get_mut(at)) else { continue };
                let (Some(next), Some(depth)) = (ats.get_mut(at), depths.get_mut(at)) else {
                    continue;
                };
                let bit = 1u32.wrapping_shl(index);
                let Some(node) = nodes.get(*next) else { continue };
                *leaf = better(chains, ordered, *leaf, node.above);
                let mut deep = u32::from(*depth);
                let mut value = NO_LEAF;
                if node.skip() == 0 || node.is_on_path(self.shape.bits(key), deep) {
                    deep = deep.wrapping_add(node.skip().wrapping_mul(8));
                    value = nodes.value(node, self.shape.byte(key, deep));
                }
                if value & IS_NODE == 0 {
                    *leaf = better(chains, ordered, *leaf, value);
                    *next = NO_NODE;
                    walking &= !bit;
                } else {
                    *next = value & !IS_NODE;
                    *depth = deep.wrapping_add(8) as u8;
                }
            }
        }
        for (index, (hit, &leaf)) in (0u32..).zip(hits.iter_mut().zip(&leaves)) {
            if found.wrapping_shr(index) & 1 != 0 {
                *hit = hit.or_better(chains.hit(leaf));
            }
        }
    }

    /// [`find`](Self::find) for each of the wanted keys.
    fn find_each(&self, keys: &[&Key], wanted: u32, hits: &mut [Hit; BATCH]) {
        for (index, (key, hit)) in (0u32..).zip(keys.iter().zip(hits)) {
            if wanted.wrapping_shr(index) & 1 != 0 {
                *hit = hit.or_better(self.find(key));
            }
        }
    }

    pub(super) fn entry_count(&self) -> usize {
        self.trie.chains.entry_count()
    }

    /// The root and the nodes that a lookup of `key` passes: cache lines, one each.
    pub(super) fn probe_count(&self, key: &Key) -> usize {
        let mut count = 1usize;
        if self.shape.applies_to(key) {
            self.walk(key, |_| count = count.saturating_add(1));
        }
        count
    }

    /// Gives back about `pages` pages of memory; whether little is left. Of no more use then.
    pub(super) fn free(&mut self, pages: usize) -> bool {
        self.trie.free(pages)
    }

    /// Bytes held beside the struct itself.
    pub(super) fn memory_len(&self) -> usize {
        self.trie.memory_len()
    }
}
