//! The trie of an `lpm` table: a root that two bytes of the field index, then a node for each byte
//! that tells prefixes apart. Bytes that all prefixes below a slot share are skipped.

use super::chains::{Chains, Change, NO_LEAF};
use super::lengths::Lengths;
use super::nodes::{IS_NODE, NO_NODE, Nodes, item_place, skipped_bits};
use super::root::Root;
use super::shape::Prefix;
use crate::classifier::{Full, Hit};

#[derive(Debug)]
pub(super) struct Trie {
    pub(super) root: Root,
    pub(super) nodes: Nodes,
    pub(super) chains: Chains,
    pub(super) lengths: Lengths,
    /// Memory was short for painting: slots and leaves tell no more, and lookups go through the
    /// prefixes themselves.
    is_stale: bool,
    /// Slots of the root that were painted and not yet told of.
    painted_count: usize,
}

/// Slots of the root that are painted in a microsecond.
const PAINTED_A_MICRO: usize = 32;

/// What leads to a node.
#[derive(Clone, Copy, Debug)]
enum Parent {
    Root(usize),
    Node { node: u32, slot: u8 },
}

/// Where a prefix ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Root,
    Node { node: u32, place: u32 },
}

/// Eight bits of a prefix from bit `depth`.
fn byte(prefix: Prefix, depth: u32) -> u8 {
    (prefix.bits.wrapping_shl(depth) >> 120) as u8
}

/// The better of two leaves, the second that of a longer prefix.
#[inline]
pub(super) fn better(chains: &Chains, ordered: bool, leaf: u32, longer: u32) -> u32 {
    if longer == NO_LEAF || (!ordered && chains.rank(longer) < chains.rank(leaf)) {
        leaf
    } else {
        longer
    }
}

impl Trie {
    pub(super) fn new(root_bits: u32) -> Result<Trie, Full> {
        Ok(Trie {
            root: Root::new(root_bits)?,
            nodes: Nodes::new(),
            chains: Chains::new(),
            lengths: Lengths::new()?,
            is_stale: false,
            painted_count: 0,
        })
    }

    /// Adds an entry that is not there. `Ok(false)`: there are too many.
    pub(super) fn insert(&mut self, prefix: Prefix, hit: Hit) -> Result<bool, Full> {
        self.nodes.reserve()?;
        if self.is_stale || !self.chains.reserve()? {
            return Ok(false);
        }
        self.lengths.add(prefix.len, hit.rank.priority());
        let end = self.make_end(prefix);
        match self.leaf(end, prefix) {
            NO_LEAF => {
                let leaf = self.chains.add(hit);
                self.set_leaf(end, prefix, leaf);
                self.paint(end, prefix);
            }
            leaf => {
                let change = self.chains.link(leaf, hit);
                self.repaint(change, end, prefix);
            }
        }
        Ok(true)
    }

    /// Gives an entry another rank and slot; whether it was there. Its priority stays.
    pub(super) fn replace(&mut self, prefix: Prefix, old: Hit, new: Hit) -> bool {
        self.make_room();
        let Some((end, ..)) = self.find_end(prefix) else { return false };
        let leaf = self.leaf(end, prefix);
        let Some(change) = self.chains.replace(leaf, old.rank, new) else { return false };
        self.repaint(change, end, prefix);
        true
    }

    /// Makes room for a change that must not fail.
    fn make_room(&mut self) {
        self.is_stale |= self.nodes.reserve().is_err();
    }

    /// Whether lookups have to [`search`](Self::search).
    #[inline]
    pub(super) fn is_stale(&self) -> bool {
        self.is_stale
    }

    #[cfg(test)]
    pub(super) fn make_stale(&mut self) {
        self.is_stale = true;
    }

    /// Removes an entry; whether it was there. Takes no memory, or else none that must be had.
    pub(super) fn remove(&mut self, prefix: Prefix, hit: Hit) -> bool {
        self.make_room();
        let Some((end, parents)) = self.find_end(prefix) else { return false };
        let leaf = self.leaf(end, prefix);
        if self.is_stale {
            // The prefix stays, with a leaf that matches nothing.
            return self.chains.empty(leaf, hit.rank);
        }
        let Some(change) = self.chains.unlink(leaf, hit.rank) else { return false };
        self.lengths.remove(prefix.len);
        if change == Change::Gone {
            self.set_leaf(end, prefix, NO_LEAF);
            self.paint(end, prefix);
            if let End::Node { node, .. } = end {
                self.tidy(node, &parents);
            }
        } else {
            self.repaint(change, end, prefix);
        }
        true
    }

    /// The best of all prefixes that cover a key, without what was painted.
    pub(super) fn search(&self, bits: u128) -> Hit {
        let prefix = |len| Prefix { bits, len };
        let start = (0..=self.root.bits() as u8).fold(Hit::NONE, |best, len| {
            best.or_better(self.chains.hit(self.root.leaf(prefix(len))))
        });
        let (mut best, mut depth) = (start, self.root.bits());
        let mut at = self.child(self.start(prefix(128)));
        while let Some(node) = self.nodes.get(at).filter(|_| at != NO_NODE) {
            if !node.is_on_path(bits, depth) {
                break;
            }
            depth = depth.wrapping_add(node.skip().wrapping_mul(8));
            let slot = byte(prefix(128), depth);
            for len in 1..=8 {
                let leaf = self.nodes.leaf(at, item_place(slot, len));
                best = best.or_better(self.chains.hit(leaf));
            }
            (at, depth) = (self.nodes.child(at, slot), depth.wrapping_add(8));
        }
        best
    }

    fn leaf(&self, end: End, prefix: Prefix) -> u32 {
        match end {
            End::Root => self.root.leaf(prefix),
            End::Node { node, place } => self.nodes.leaf(node, place),
        }
    }

    fn set_leaf(&mut self, end: End, prefix: Prefix, leaf: u32) {
        match end {
            End::Root => self.root.set_leaf(prefix, leaf),
            End::Node { node, place } => self.nodes.set_leaf(node, place, leaf),
        }
    }

    fn paint(&mut self, end: End, prefix: Prefix) {
        let (chains, ordered) = (&self.chains, self.lengths.are_ordered());
        let better = |leaf, longer| better(chains, ordered, leaf, longer);
        match end {
            End::Root => {
                let count = self.root.paint(prefix, better);
                self.painted_count = self.painted_count.saturating_add(count);
            }
            End::Node { node, place } => self.nodes.paint(node, place, better),
        }
    }

    /// Microseconds that painting the root took since this was asked last, whole ones.
    pub(super) fn take_effort(&mut self) -> usize {
        let micros = self.painted_count / PAINTED_A_MICRO;
        self.painted_count %= PAINTED_A_MICRO;
        micros
    }

    /// Paints if another entry leads the chain and that can matter: while lengths decide, it cannot.
    fn repaint(&mut self, change: Change, end: End, prefix: Prefix) {
        if change == Change::Lead && !self.lengths.are_ordered() && !self.is_stale {
            self.paint(end, prefix);
        }
    }

    fn start(&self, prefix: Prefix) -> Parent {
        Parent::Root(self.root.index((prefix.bits >> 64) as u64))
    }

    fn child(&self, parent: Parent) -> u32 {
        match parent {
            Parent::Root(index) => self.root.slot(index).node,
            Parent::Node { node, slot } => self.nodes.child(node, slot),
        }
    }

    /// Makes `parent` lead to `child`, in whose place was a leaf or another node.
    fn hang(&mut self, parent: Parent, child: u32) {
        match parent {
            Parent::Root(index) => self.root.set_node(index, child),
            Parent::Node { node, slot } => self.nodes.set_slot(node, slot, child | IS_NODE),
        }
    }

    /// The leaf that `parent` has where no node goes on.
    fn leaf_of_slot(&self, parent: Parent) -> u32 {
        match parent {
            // The root keeps it beside the node.
            Parent::Root(_) => NO_LEAF,
            Parent::Node { node, slot } => {
                self.nodes.get(node).map_or(NO_LEAF, |node| self.nodes.value(node, slot))
            }
        }
    }

    /// Where `prefix` ends, if the node is there, and what leads to it, nearest last.
    fn find_end(&self, prefix: Prefix) -> Option<(End, Parents)> {
        let len = u32::from(prefix.len);
        let mut parents = Parents::new();
        if len <= self.root.bits() {
            return Some((End::Root, parents));
        }
        let (mut parent, mut depth) = (self.start(prefix), self.root.bits());
        loop {
            let node = self.child(parent);
            parents.try_push(parent).ok()?;
            let line = self.nodes.get(node).filter(|_| node != NO_NODE)?;
            let end = depth.wrapping_add(line.skip().wrapping_mul(8));
            if end >= len || !line.is_on_path(prefix.bits, depth) {
                return None;
            }
            let slot = byte(prefix, end);
            if len <= end.wrapping_add(8) {
                let place = item_place(slot, len.wrapping_sub(end));
                return Some((End::Node { node, place }, parents));
            }
            (parent, depth) = (Parent::Node { node, slot }, end.wrapping_add(8));
        }
    }

    /// Where `prefix` ends; makes the node if it is not there. Room has been made.
    fn make_end(&mut self, prefix: Prefix) -> End {
        let len = u32::from(prefix.len);
        if len <= self.root.bits() {
            return End::Root;
        }
        let (mut parent, mut depth) = (self.start(prefix), self.root.bits());
        loop {
            // Bytes to skip for a node in which the prefix ends.
            let wanted = len.wrapping_sub(depth).wrapping_sub(1) / 8;
            let mut node = self.child(parent);
            let mut skip = match self.nodes.get(node) {
                Some(line) if node != NO_NODE => line.skip(),
                _ => {
                    node = self.nodes.add(wanted, skipped_bits(prefix.bits, depth, wanted));
                    let above = self.leaf_of_slot(parent);
                    self.hang(parent, node);
                    if let Some(line) = self.nodes.get_mut(node) {
                        line.above = above;
                    }
                    wanted
                }
            };
            let cut = self.shared(node, prefix, depth).min(wanted);
            if cut < skip {
                node = self.split(parent, node, cut);
                skip = cut;
            }
            let end = depth.wrapping_add(skip.wrapping_mul(8));
            let slot = byte(prefix, end);
            if len <= end.wrapping_add(8) {
                return End::Node { node, place: item_place(slot, len.wrapping_sub(end)) };
            }
            (parent, depth) = (Parent::Node { node, slot }, end.wrapping_add(8));
        }
    }

    /// How many of the bytes that `node` skips `prefix` has, too.
    fn shared(&self, node: u32, prefix: Prefix, depth: u32) -> u32 {
        let Some(line) = self.nodes.get(node) else { return 0 };
        let skip = line.skip();
        if skip == 0 {
            return 0;
        }
        let different = line.skipped() ^ skipped_bits(prefix.bits, depth, skip);
        let unused = 128u32.wrapping_sub(skip.wrapping_mul(8));
        (different.leading_zeros().wrapping_sub(unused) / 8).min(skip)
    }

    /// Puts a node between `parent` and `node` that skips the first `cut` of its bytes.
    fn split(&mut self, parent: Parent, node: u32, cut: u32) -> u32 {
        let Some(line) = self.nodes.get_mut(node) else { return node };
        let (skip, skipped) = (line.skip(), line.skipped());
        let above = core::mem::replace(&mut line.above, NO_LEAF);
        let left = skip.wrapping_sub(cut).wrapping_sub(1);
        // The skipped bytes are: `cut` of them, the new node's own, `left` of them.
        let from_own = skipped.wrapping_shr(left.wrapping_mul(8));
        let own = from_own as u8;
        let middle = self.nodes.add(cut, from_own >> 8);
        let rest = skipped & !u128::MAX.wrapping_shl(left.wrapping_mul(8));
        self.nodes.set_skip(node, left, rest);
        self.nodes.set_slot(middle, own, node | IS_NODE);
        if let Some(line) = self.nodes.get_mut(middle) {
            line.above = above;
        }
        self.hang(parent, middle);
        middle
    }

    /// Frees nodes that have lost their last prefix, and joins those that only lead on to the node
    /// that they lead to.
    fn tidy(&mut self, node: u32, parents: &Parents) {
        let mut node = node;
        for &parent in parents.iter().rev() {
            if self.nodes.has_items(node) {
                return;
            }
            let [first, second] = self.nodes.children(node);
            let Some(line) = self.nodes.get(node) else { return };
            let (above, skip, skipped) = (line.above, line.skip(), line.skipped());
            match (first, second) {
                (None, _) => {
                    match parent {
                        Parent::Root(index) => self.root.set_node(index, NO_NODE),
                        Parent::Node { node, slot } => self.nodes.set_slot(node, slot, above),
                    }
                    self.nodes.release(node);
                }
                (Some((slot, child)), None) => {
                    let Some(line) = self.nodes.get_mut(child) else { return };
                    line.above = above;
                    let more = line.skip();
                    let low = more.wrapping_mul(8);
                    let joined =
                        (skipped << 8 | u128::from(slot)).wrapping_shl(low) | line.skipped();
                    let skip = skip.wrapping_add(more).wrapping_add(1);
                    self.nodes.set_skip(child, skip, joined);
                    self.hang(parent, child);
                    self.nodes.release(node);
                    return;
                }
                _ => return,
            }
            match parent {
                Parent::Root(_) => return,
                Parent::Node { node: up, .. } => node = up,
            }
        }
    }

    /// Gives back about `pages` pages; whether little is left. Of no more use then.
    pub(super) fn free(&mut self, pages: usize) -> bool {
        self.nodes.free(pages) && self.chains.free(pages)
    }

    pub(super) fn memory_len(&self) -> usize {
        let nodes = self.nodes.memory_len().saturating_add(self.root.memory_len());
        nodes.saturating_add(self.chains.memory_len())
    }
}

/// What leads to a node from the root: at most a byte of 128 bits each.
type Parents = arrayvec::ArrayVec<Parent, 17>;
