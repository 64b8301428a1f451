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
//! A batch goes down level by level, in short loops: what one key waits for keeps no other from
//! asking for its own. Where a walk goes is chance to the processor, so nothing branches on it but
//! whether a node is wide: a walk that is at its end passes a node that leads nowhere, no skipped bytes
//! are compared like some, and the better leaf is selected. A key alone has nothing to wait beside, and the
//! processor may guess. In tables beyond the nearer caches the lines of all nodes are loaded before the
//! first is used.
//!
//! While no entry beside the prefixes can outrank one of them, no rank is looked at: a leaf's slot is the
//! answer, and a line has sixteen of those.
//!
//! # What it costs
//!
//! Cache lines: one of the root, one or two nodes (IPv6: two to four), sometimes a block, and the entry's
//! slot; its rank beside other entries. `benches/gate.sh lookup/lpm-1000 lookup/lpm-1000/one`: 137
//! instructions for a lookup in a batch of 32, 128 alone, the classifier's own included (970 and 830 with
//! a hash table for each length). TSC cycles of 2.445 GHz of `Classifier::find_batch` on the traces
//! of the comparison, CPU time, least of many runs: 24 with 1,000 routes, 31 with 10,000, 55 with 100,000.
//!
//! Bytes for each route with the directory's, prefixes of 12 to 32 bits like a provider's (`rumpswitch
//! replay --json` tells a table's `memory_len`; `cargo bench -p rumpswitch-benches --bench lookup -- lpm`
//! times such tables): 1,248 at 1,000 routes, most of it a root of 1 MiB, 263 at 10,000, 162 at 100,000.
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
mod together;
mod trie;
mod walk;

use ofp_codec::OxmField;
use ofp_codec::memory::TryBox;

use super::{BATCH, Full, Hit};
use crate::key::{Key, MaskedKey};
pub(super) use builder::Builder;
use nodes::NO_NODE;
use shape::Shape;
use together::together;
use trie::Trie;
use walk::{Bits, Walk};

/// Tables of fewer entries have a root of one byte, which takes no more than these.
const WORTH_ROOT: usize = 512;

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
        let entry_limit = if small { WORTH_ROOT } else { usize::MAX };
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
            (false, false) => self.trie.chains.hit(self.walk(u64::of(&self.shape, key))),
            (false, true) => self.trie.chains.hit(self.walk(u128::of(&self.shape, key))),
        }
    }

    /// The slot of [`find`](Self::find), where [`is_above`](Self::is_above) says that no rank is needed.
    #[inline]
    pub(super) fn find_slot(&self, key: &Key) -> Option<u32> {
        if !self.shape.applies_to(key) {
            return None;
        }
        self.trie.chains.slot(match self.shape.is_long() {
            false => self.walk(u64::of(&self.shape, key)),
            true => self.walk(u128::of(&self.shape, key)),
        })
    }

    /// The leaf of a field.
    #[inline]
    fn walk<B: Bits>(&self, field: B) -> u32 {
        let mut walk = Walk::new(&self.trie, field);
        match self.trie.lengths.are_ordered() {
            true => walk.pass_all::<true>(&self.trie),
            false => walk.pass_all::<false>(&self.trie),
        }
        walk.leaf
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
        let mut walks = [Walk::<B>::NONE; BATCH];
        together::<B, ORDERED>(&self.shape, &self.trie, keys, &mut walks);
        for (index, ((hit, walk), _)) in (0u32..).zip(hits.iter_mut().zip(&walks).zip(keys)) {
            if wanted.wrapping_shr(index) & 1 != 0 {
                *hit = hit.or_better(self.trie.chains.hit(walk.leaf));
            }
        }
    }

    /// Whether slots alone tell what a table hits that has `any` beside these.
    #[inline]
    pub(super) fn is_above(&self, any: Hit) -> bool {
        let lowest = self.trie.lengths.lowest();
        !self.trie.is_stale() && (any.slot().is_none() || lowest > any.rank.priority())
    }

    /// The slots of what `keys` hit, at most [`BATCH`], or `other`: no rank is looked at.
    #[inline(never)] // what it has in hand is on the stack only while it works
    pub(super) fn find_slots(&self, keys: &[&Key], other: Option<u32>, found: &mut [Option<u32>]) {
        match (self.shape.is_long(), self.trie.lengths.are_ordered()) {
            (false, true) => self.walk_slots::<u64, true>(keys, other, found),
            (false, false) => self.walk_slots::<u64, false>(keys, other, found),
            (true, true) => self.walk_slots::<u128, true>(keys, other, found),
            (true, false) => self.walk_slots::<u128, false>(keys, other, found),
        }
    }

    #[inline]
    fn walk_slots<B: Bits, const ORDERED: bool>(
        &self,
        keys: &[&Key],
        other: Option<u32>,
        found: &mut [Option<u32>],
    ) {
        let mut walks = [Walk::<B>::NONE; BATCH];
        together::<B, ORDERED>(&self.shape, &self.trie, keys, &mut walks);
        for ((found, walk), _) in found.iter_mut().zip(&walks).zip(keys) {
            *found = self.trie.chains.slot(walk.leaf).or(other);
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

    /// Microseconds that changes took since this was asked last, beyond one each.
    pub(super) fn take_effort(&mut self) -> usize {
        self.trie.take_effort()
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
            walk.pass_alone::<true>(&self.trie);
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
