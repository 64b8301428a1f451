//! A lookup on its way down the trie: the node that it stands at, the best leaf so far, and what is
//! left of the key's field. Fields of up to 64 bits are walked in one word, others in two.

use super::chains::{Chains, NO_LEAF};
use super::nodes::{IS_NODE, NO_NODE, Node};
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
    /// Its first `count` bytes, right-aligned; at least one, and not all.
    fn first_bytes(self, count: u32) -> u128;
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
    fn first_bytes(self, count: u32) -> u128 {
        u128::from(self.wrapping_shr(64u32.wrapping_sub(count.wrapping_mul(8))))
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
    fn first_bytes(self, count: u32) -> u128 {
        self.wrapping_shr(128u32.wrapping_sub(count.wrapping_mul(8)))
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

    /// Passes the node that it stands at; it stands at none when it is at its end. `ORDERED`: the
    /// longest prefix is the best.
    #[inline]
    pub(super) fn pass<const ORDERED: bool>(&mut self, trie: &Trie) {
        let at = core::mem::replace(&mut self.at, NO_NODE);
        let Some(node) = trie.nodes.get(at) else { return };
        self.come_by::<ORDERED>(&trie.chains, node.above);
        let value = if node.is_plain() {
            node.own_value(self.byte())
        } else if self.skip(node) {
            trie.nodes.value(node, self.byte())
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

    /// Passes it and all nodes behind it.
    #[inline]
    pub(super) fn pass_all<const ORDERED: bool>(&mut self, trie: &Trie) {
        while self.at != NO_NODE {
            self.pass::<ORDERED>(trie);
        }
    }

    #[inline]
    fn byte(&self) -> u8 {
        (self.rest.high() >> 56) as u8
    }

    /// Passes the bytes that `node` skips; whether they are the node's.
    #[inline]
    fn skip(&mut self, node: &Node) -> bool {
        let count = node.skip();
        if count == 0 {
            return true;
        }
        let same = self.rest.first_bytes(count) == node.skipped();
        self.rest = self.rest.behind(count.wrapping_mul(8));
        same
    }

    #[inline]
    fn come_by<const ORDERED: bool>(&mut self, chains: &Chains, leaf: u32) {
        self.leaf = better(chains, ORDERED, self.leaf, leaf);
    }
}
