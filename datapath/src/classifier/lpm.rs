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
//! are runs of equal values; up to eight lie in the line, and one subtraction tells in which a slot
//! is. A node of more runs has a block of 256 values (1 KiB, which five prefixes or more share).
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
//! A batch is looked up key by key while a nearer cache holds all nodes; in larger tables it goes down
//! level by level, and the lines of all nodes are loaded before the first is used.
//!
//! # What it costs
//!
//! Cache lines: one of the root, one or two nodes (IPv6: two to four), sometimes a block, and the entry's
//! record. `benches/gate.sh lookup/lpm-1000 lookup/lpm-1000/one`: 156 instructions for a lookup in a batch
//! of 32, 159 alone, the classifier's own included (970 and 830 with a hash table for each length).
//!
//! Bytes for each route with the directory's, prefixes of 12 to 32 bits like a provider's (`rumpswitch
//! replay --json` tells a table's `memory_len`; `cargo bench -p rumpswitch-benches --bench lookup -- lpm`
//! times such tables): 557 at 1,000 routes under a root of one byte, whose nodes are wide, 262 at
//! 10,000, 162 at 100,000.
//!
//! A change: one node's slots painted anew, or up to 2^15 slots of the root for a prefix of one bit.
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
mod walk;

use core::hint::black_box;

use ofp_codec::OxmField;
use ofp_codec::memory::TryBox;

use super::{BATCH, Full, Hit};
use crate::key::{Key, MaskedKey};
pub(super) use builder::Builder;
use chains::NO_LEAF;
use nodes::{NO_NODE, Node};
use shape::Shape;
use trie::Trie;
use walk::{Bits, Walk};

/// Tables of fewer entries have a root of one byte.
const WORTH_ROOT: usize = 512;
/// A root of one byte does not take more entries than this.
const SMALL_LIMIT: usize = 8 * WORTH_ROOT;

/// Prefixes of one field.
#[derive(Debug)]
pub(super) struct Lpm {
    shape: TryBox<Shape>,
    trie: Trie,
    entry_limit: usize,
}

impl Lpm {
    /// An empty table for about `entry_count` entries that differ from `matching`, one of them, in
    /// prefixes of `field`; `None` when `matching` has none.
    fn new(
        field: OxmField,
        matching: &MaskedKey,
        entry_count: usize,
    ) -> Result<Option<TryBox<Lpm>>, Full> {
        match Lpm::shape(field, matching)? {
            Some(shape) => Lpm::of_shape(shape, entry_count).map(Some),
            None => Ok(None),
        }
    }

    #[inline(never)] // what it has in hand is on the stack only while it works
    fn of_shape(shape: TryBox<Shape>, entry_count: usize) -> Result<TryBox<Lpm>, Full> {
        let small = entry_count < WORTH_ROOT;
        let trie = Trie::new(if small { 8 } else { 16 })?;
        let entry_limit = if small { SMALL_LIMIT } else { usize::MAX };
        Ok(TryBox::new(Lpm { shape, trie, entry_limit })?)
    }

    #[inline(never)]
    fn shape(field: OxmField, matching: &MaskedKey) -> Result<Option<TryBox<Shape>>, Full> {
        match Shape::new(field, matching)? {
            Some(shape) => Ok(Some(TryBox::new(shape)?)),
            None => Ok(None),
        }
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
        match (self.trie.is_stale(), self.shape.is_long()) {
            (true, _) => self.trie.search(self.shape.bits(key)),
            (false, false) => self.walk(u64::of(&self.shape, key)),
            (false, true) => self.walk(u128::of(&self.shape, key)),
        }
    }

    #[inline]
    fn walk<B: Bits>(&self, field: B) -> Hit {
        let mut walk = Walk::new(&self.trie, field);
        match self.trie.lengths.are_ordered() {
            true => walk.pass_all::<true>(&self.trie),
            false => walk.pass_all::<false>(&self.trie),
        }
        self.trie.chains.hit(walk.leaf)
    }

    /// Improves `hits` of those of `keys` whose bit in `wanted` is set.
    #[inline(never)] // what it has in hand is on the stack only while it works
    pub(super) fn find_batch(&self, keys: &[&Key], wanted: u32, hits: &mut [Hit; BATCH]) {
        let (is_long, ordered) = (self.shape.is_long(), self.trie.lengths.are_ordered());
        match (self.trie.is_stale(), is_long, ordered) {
            (true, ..) => self.find_each(keys, wanted, hits),
            (false, false, true) => self.walk_batch::<u64, true>(keys, wanted, hits),
            (false, false, false) => self.walk_batch::<u64, false>(keys, wanted, hits),
            (false, true, true) => self.walk_batch::<u128, true>(keys, wanted, hits),
            (false, true, false) => self.walk_batch::<u128, false>(keys, wanted, hits),
        }
    }

    fn walk_batch<B: Bits, const ORDERED: bool>(
        &self,
        keys: &[&Key],
        wanted: u32,
        hits: &mut [Hit; BATCH],
    ) {
        let trie = &self.trie;
        if trie.nodes.are_far() {
            return self.walk_together::<B, ORDERED>(keys, wanted, hits);
        }
        let mut bit = 1u32;
        for (key, hit) in keys.iter().zip(hits) {
            if wanted & bit != 0 && self.shape.applies_to(key) {
                let mut walk = Walk::new(trie, B::of(&self.shape, key));
                walk.pass_all::<ORDERED>(trie);
                if walk.leaf != NO_LEAF {
                    *hit = hit.or_better(trie.chains.hit(walk.leaf));
                }
            }
            bit = bit.wrapping_shl(1);
        }
    }

    /// Level by level: the lines of all nodes are loaded before the first is used.
    fn walk_together<B: Bits, const ORDERED: bool>(
        &self,
        keys: &[&Key],
        wanted: u32,
        hits: &mut [Hit; BATCH],
    ) {
        let trie = &self.trie;
        let mut walks = [Walk::<B>::NONE; BATCH];
        // Those that are not at their end.
        let (mut going, mut count) = ([0u8; BATCH], 0usize);
        let go_on = |going: &mut [u8; BATCH], count: usize, index: u8, walk: &Walk<B>| {
            if let Some(place) = going.get_mut(count) {
                *place = index;
            }
            count.wrapping_add(usize::from(walk.at != NO_NODE))
        };
        // The lines of the root: one load for each key, none of which waits for another.
        for (index, (key, walk)) in (0u8..).zip(keys.iter().zip(&mut walks)) {
            if wanted.wrapping_shr(u32::from(index)) & 1 != 0 && self.shape.applies_to(key) {
                *walk = Walk::new(trie, B::of(&self.shape, key));
                count = go_on(&mut going, count, index, walk);
            }
        }
        while count != 0 {
            let mut warm = 0;
            for &index in going.iter().take(count) {
                let walk = walks.get(usize::from(index));
                warm ^= walk.and_then(|walk| trie.nodes.get(walk.at)).map_or(0, Node::touch);
            }
            black_box(warm);
            let (before, left) = (going, core::mem::take(&mut count));
            for &index in before.iter().take(left) {
                if let Some(walk) = walks.get_mut(usize::from(index)) {
                    walk.pass::<ORDERED>(trie);
                    count = go_on(&mut going, count, index, walk);
                }
            }
        }
        for (hit, walk) in hits.iter_mut().zip(&walks) {
            if walk.leaf != NO_LEAF {
                *hit = hit.or_better(trie.chains.hit(walk.leaf));
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
        if !self.shape.applies_to(key) {
            return 1;
        }
        let mut count = 1usize;
        let mut walk = Walk::new(&self.trie, self.shape.bits(key));
        while walk.at != NO_NODE {
            walk.pass::<true>(&self.trie);
            count = count.saturating_add(1);
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
