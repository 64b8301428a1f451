//! A lookup on its way down the trie: the node that it stands at, the best leaf so far, and what is
//! left of the key's field. Fields of up to 64 bits are walked in one word, others in two.

use super::chains::{Chains, NO_LEAF};
use super::nodes::{IS_NODE, NO_NODE};
use super::shape::Shape;
use super::trie::{Trie, better};
use crate::key::Key;

/// What is left of a field, from the left.
pub(super) trait Bits: Copy {
    const NONE: Self;
    /// All of it; what lies right of a shorter field is not cleared.
    fn of(shape: &Shape, key: &Key) -> Self;
    /// Its first 64 bits.
    fn high(self) -> u64;
    /// What is left behind `count` more.
    fn behind(self, count: u32) -> Self;
    /// Whether its first `count` bits, not all, are these, right-aligned.
    fn begins_with(self, count: u32, bits: u128) -> bool;
}

impl Bits for u64 {
    const NONE: u64 = 0;

    #[inline]
    fn of(shape: &Shape, key: &Key) -> u64 {
        shape.half(key, 0)
    }

    #[inline]
    fn high(self) -> u64 {
        self
    }

    #[inline]
    fn behind(self, count: u32) -> u64 {
        self.wrapping_shl(count)
    }

    #[inline]
    fn begins_with(self, count: u32, bits: u128) -> bool {
        // By one bit and then the rest: for none nothing is left.
        (self >> 1).wrapping_shr(63u32.wrapping_sub(count)) == bits as u64
    }
}

impl Bits for u128 {
    const NONE: u128 = 0;

    #[inline]
    fn of(shape: &Shape, key: &Key) -> u128 {
        shape.bits(key)
    }

    #[inline]
    fn high(self) -> u64 {
        (self >> 64) as u64
    }

    #[inline]
    fn behind(self, count: u32) -> u128 {
        self.wrapping_shl(count)
    }

    #[inline]
    fn begins_with(self, count: u32, bits: u128) -> bool {
        (self >> 1).wrapping_shr(127u32.wrapping_sub(count)) == bits
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Walk<B> {
    rest: B,
    /// The node that it stands at.
    pub(super) at: u32,
    /// The best leaf so far.
    pub(super) leaf: u32,
}

impl<B: Bits> Walk<B> {
    pub(super) const NONE: Walk<B> = Walk { rest: B::NONE, at: NO_NODE, leaf: NO_LEAF };

    /// Where the lookup of a field begins.
    #[inline]
    pub(super) fn new(trie: &Trie, field: B) -> Walk<B> {
        let slot = trie.root.slot(trie.root.index(field.high()));
        Walk { rest: field.behind(trie.root.bits()), at: slot.node, leaf: slot.leaf }
    }

    /// Passes the node that it stands at; it stands at none when it is at its end, and stays there.
    /// `ORDERED`: the longest prefix is the best.
    ///
    /// For walks of which many are on their way at once. Where each goes is chance to a processor, so
    /// nothing branches on it but that few nodes are wide.
    #[inline]
    pub(super) fn pass<const ORDERED: bool>(&mut self, trie: &Trie) {
        let Some(node) = trie.nodes.get(self.at) else {
            self.at = NO_NODE;
            return;
        };
        let is_on_path = self.rest.begins_with(node.skip_bits(), node.skipped());
        let rest = self.rest.behind(node.skip_bits());
        let on_path = u32::from(is_on_path).wrapping_neg();
        let value = trie.nodes.value(node, first_byte(rest)) & on_path;
        self.rest = rest.behind(8);
        // All bits if the value is a node's.
        let down = (value / IS_NODE).wrapping_neg();
        self.come_by::<ORDERED>(&trie.chains, node.above);
        self.come_by::<ORDERED>(&trie.chains, value & !down);
        self.at = value & down & !IS_NODE;
    }

    /// [`pass`](Self::pass) for a walk alone: a processor that guesses where it goes is ahead of one
    /// that waits for it.
    #[inline]
    pub(super) fn pass_alone<const ORDERED: bool>(&mut self, trie: &Trie) {
        let at = core::mem::replace(&mut self.at, NO_NODE);
        let Some(node) = trie.nodes.get(at) else { return };
        self.come_by::<ORDERED>(&trie.chains, node.above);
        let value = if node.is_plain() {
            node.own_value(first_byte(self.rest))
        } else if self.rest.begins_with(node.skip_bits(), node.skipped()) {
            self.rest = self.rest.behind(node.skip_bits());
            trie.nodes.value(node, first_byte(self.rest))
        } else {
            return;
        };
        self.rest = self.rest.behind(8);
        if value & IS_NODE == 0 {
            self.come_by::<ORDERED>(&trie.chains, value);
        } else {
            self.at = value & !IS_NODE;
        }
    }

    /// Passes it and all nodes behind it, alone.
    #[inline]
    pub(super) fn pass_all<const ORDERED: bool>(&mut self, trie: &Trie) {
        while self.at != NO_NODE {
            self.pass_alone::<ORDERED>(trie);
        }
    }

    #[inline]
    fn come_by<const ORDERED: bool>(&mut self, chains: &Chains, leaf: u32) {
        self.leaf = better(chains, ORDERED, self.leaf, leaf);
    }
}

#[inline]
fn first_byte<B: Bits>(rest: B) -> u8 {
    (rest.high() >> 56) as u8
}
