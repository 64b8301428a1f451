//! The `tree` template: tables of many entries and many masks.
//!
//! # What
//!
//! A tree whose nodes choose by the hash of some bits of the key. It holds what any
//! [`MaskedKey`](crate::key::MaskedKey) can say: a node asks only for bits that every entry behind it
//! compares, whatever fields they are of, and an entry that is reached is compared in full.
//!
//! # Design
//!
//! * A *cut* ([`cut`]) is a set of bits in up to four words, such as the upper 24 of the IPv4
//!   destination. Of the entries of a node, those that compare all of these bits are put into heaps
//!   by the hash of them (`Hash`, an array of references). The others cannot be told apart by the cut:
//!   they are a second node beside the first (`Fork`), which has a cut of its own. So no entry is in
//!   two places, and a lookup follows both sides of a fork.
//! * Which cut: the one that leaves least to look at, estimated on a sample ([`search`]). It is
//!   TupleMerge's idea (relax the masks until many of them share a hash table), made recursive as in
//!   decision trees such as CutSplit, with forks in the place of its partition by small fields.
//! * References ([`node`]) are one word with the highest priority below them, so a search leaves out
//!   what cannot outrank the entry that it has; at a fork the side with the higher priority comes
//!   first. The forks that the tree begins with are a flat list of roots.
//! * Sixteen entries or fewer are a leaf ([`leaves`]): filters on one word in the order of rank, then
//!   the entry itself ([`entries`]), one cache line with IPv4. A heap of one entry is a reference to it.
//! * It is built in slices ([`builder`]) from entries in any order. Room is made for a quarter more;
//!   later entries go where the cuts send them, as long as there is room in the leaf ([`change`]).
//! * References, leaves and entries are in chunks of at most 4 MiB (`chunks.rs`, [`lines`]): nothing is moved
//!   when they grow, and a large tree is given back a chunk at a time. Trees up to some ten thousand entries are
//!   one chunk of each, which lookups are told once a batch (`FLAT`).
//!
//! Hashes are keyed: who chooses addresses cannot choose heaps. What can be chosen is a set of entries
//! that no cut tells apart (all match one packet); when a lookup could take more than [`WORST_LIMIT`]
//! steps ([`WORST_OF_FEW`] where bit vectors would do), the tree is `Unsuited`.
//!
//! # What it costs
//!
//! A lookup: for each root that can outrank what was found, a hash and a reference, mostly a leaf (two
//! lines or three), and one entry. At most [`WORST_LIMIT`] steps, each a reference or four filters.
//!
//! CPU time in TSC cycles of 2.445 GHz a key, [`Tree::find_batch`] alone on the traces of the
//! 100,000-rule sets shaped like ClassBench's (measured on a busy machine, best of 12 runs; rows of
//! `benches/lookup` have such sets of 1,000 and 10,000), what a lookup looks at, and the steps of the
//! most expensive one:
//!
//! | set | cycles | hashes | leaves | filters | entries | worst | build |
//! | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
//! | acl-100000 | 452 | 1.3 | 1.1 | 6.7 | 1.2 | 12 | 0.11 s |
//! | fw-100000 | 1,426 | 6.5 | 2.6 | 16.5 | 2.9 | 126 | 0.08 s |
//! | ipc-100000 | 562 | 2.7 | 1.5 | 7.9 | 1.1 | 25 | 0.07 s |
//!
//! About 155 bytes an entry (15 MiB for 100,000 entries), the room for a quarter more included.
//!
//! # What it does not do
//!
//! Ranges are what masks make of them. Cuts are not chosen again when entries come or go: the ladder
//! builds the tree anew when too many of them have found no room.

mod builder;
mod change;
mod cut;
mod entries;
mod leaves;
mod lines;
mod node;
mod search;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::array;
use core::hint::black_box;

use arrayvec::ArrayVec;

use self::cut::Cut;
use self::entries::Entries;
use self::leaves::Leaves;
use self::node::{Kind, Ref};
use super::hash::HashKey;
use super::{BATCH, Hit};
use crate::chunks::Chunks;
use crate::key::Key;

pub(super) use self::builder::Builder;

/// Forks on one way through the tree: what a search can have put off.
const FORK_LIMIT: usize = 16;

/// Keys that go down together: what they have put off is on a kernel's stack.
const STRIDE: usize = 16;

/// Steps of the most expensive lookup that is allowed, a reference or four filters each: beyond, the
/// entries are [`Unsuited`](super::compiled::Unsuited).
const WORST_LIMIT: u32 = 512;
/// The same for as many entries as bit vectors take, which are better from here on.
const WORST_OF_FEW: u32 = 256;
const FEW: usize = 1 << 14;

/// References, in chunks of 2 MiB.
type Refs = Chunks<Ref, { 1 << 18 }>;

/// Entries of many masks.
#[derive(Debug)]
pub(super) struct Tree {
    hash: HashKey,
    /// The numbers of the references behind the forks that the tree begins with, the one with the
    /// highest priority first.
    roots: ArrayVec<u32, { FORK_LIMIT + 1 }>,
    /// The root first.
    refs: Refs,
    cuts: Vec<Cut>,
    leaves: Leaves,
    entries: Entries,
    entry_count: usize,
    /// Steps of the most expensive lookup when the tree was built.
    #[cfg(test)]
    worst: u32,
}

/// Whether nothing below `node` can outrank `best`.
#[inline]
fn is_below(node: Ref, best: Hit) -> bool {
    node.is_none() || (best.rank.priority() > node.top_priority())
}

/// What one key's search has put off, the next one last.
struct Later(ArrayVec<Ref, FORK_LIMIT>);

impl Later {
    /// Nothing; places that are not used yet are not written either.
    #[inline]
    fn new() -> Later {
        Later(ArrayVec::new())
    }

    /// Puts off `node`; a tree has no more than there are places for.
    #[inline]
    fn push(&mut self, node: Ref) {
        let _ = self.0.try_push(node);
    }

    /// The next that can outrank `best`, or nothing.
    #[inline]
    fn pop(&mut self, best: Hit) -> Ref {
        // Mostly so: nothing is computed for the loop then.
        if self.0.is_empty() {
            return Ref::NONE;
        }
        while let Some(node) = self.0.pop() {
            if !is_below(node, best) {
                return node;
            }
        }
        Ref::NONE
    }
}

impl Tree {
    pub(super) fn entry_count(&self) -> usize {
        self.entry_count
    }

    /// Bytes held beside the struct itself.
    pub(super) fn memory_len(&self) -> usize {
        let cuts = self.cuts.capacity().saturating_mul(size_of::<Cut>());
        (self.refs.memory_len().saturating_add(cuts))
            .saturating_add(self.leaves.memory_len())
            .saturating_add(self.entries.memory_len())
    }

    /// Frees a part of it, of some MiB at most; whether what is left is little.
    pub(super) fn free(&mut self) -> bool {
        self.refs.free() && self.leaves.free() && self.entries.free()
    }

    /// Whether all of it is in first chunks, so that it is searched as `FLAT`.
    #[inline]
    fn is_flat(&self) -> bool {
        self.refs.is_flat() && self.leaves.is_flat() && self.entries.is_flat()
    }

    fn reference(&self, at: usize) -> Ref {
        self.reference_as::<false>(at)
    }

    #[inline(always)]
    fn reference_as<const FLAT: bool>(&self, at: usize) -> Ref {
        self.refs.get_as::<FLAT>(at).copied().unwrap_or_default()
    }

    /// The two references of a fork, the one with the higher priority first.
    #[inline]
    fn fork<const FLAT: bool>(&self, fork: Ref) -> (Ref, Ref) {
        let base = fork.base() as usize;
        let (a, b) =
            (self.reference_as::<FLAT>(base), self.reference_as::<FLAT>(base.wrapping_add(1)));
        if a.top_priority() >= b.top_priority() { (a, b) } else { (b, a) }
    }

    /// Where the hash node `node` sends `key`.
    #[inline]
    fn place(&self, node: Ref, key: &Key) -> usize {
        let hash = self.cuts.get(node.cut()).map_or(0, |cut| cut.hash(self.hash, key));
        node.pick(hash)
    }

    /// The best entry that `key` matches.
    pub(super) fn find(&self, key: &Key) -> Hit {
        match self.is_flat() {
            true => self.find_as::<true>(key),
            false => self.find_as::<false>(key),
        }
    }

    #[inline]
    fn find_as<const FLAT: bool>(&self, key: &Key) -> Hit {
        let mut best = Hit::NONE;
        for &root in &self.roots {
            best = self.find_below::<FLAT>(self.reference_as::<FLAT>(root as usize), best, key);
        }
        best
    }

    /// The better of `best` and what is below `node`.
    #[inline]
    fn find_below<const FLAT: bool>(&self, node: Ref, best: Hit, key: &Key) -> Hit {
        let (mut node, mut best) = (node, best);
        let mut later: Option<Later> = None;
        loop {
            while is_below(node, best) {
                node = later.as_mut().map_or(Ref::NONE, |later| later.pop(best));
                if node.is_none() {
                    return best;
                }
            }
            match node.kind() {
                Kind::Hash => node = self.reference_as::<FLAT>(self.place(node, key)),
                Kind::Fork => {
                    let (first, then) = self.fork::<FLAT>(node);
                    later.get_or_insert_with(Later::new).push(then);
                    node = first;
                }
                Kind::One | Kind::Leaf => {
                    best = best.or_better(self.find_in::<FLAT>(node, 0, key));
                    node = Ref::NONE;
                }
            }
        }
    }

    /// The first entry from place `from` of a leaf on that `key` matches.
    #[inline]
    fn find_in<const FLAT: bool>(&self, leaf: Ref, from: usize, key: &Key) -> Hit {
        if leaf.kind() == Kind::One {
            return self.entries.matching::<FLAT>(leaf.base(), key).unwrap_or(Hit::NONE);
        }
        let mut from = from;
        while let Some((at, entry)) = self.leaves.candidate::<FLAT>(leaf, from, key) {
            if let Some(hit) = self.entries.matching::<FLAT>(entry, key) {
                return hit;
            }
            from = at.wrapping_add(1);
        }
        Hit::NONE
    }

    /// Improves `hits` of those of `keys` whose bit in `wanted` is set.
    ///
    /// In stages: all keys go down one level, then the next; then all look through the filters of
    /// their leaves, then all compare the entry that passed. Then all take up what they put off.
    pub(super) fn find_batch(&self, keys: &[&Key], wanted: u32, hits: &mut [Hit; BATCH]) {
        let (mut wanted, is_flat) = (wanted, self.is_flat());
        for (keys, hits) in keys.chunks(STRIDE).zip(hits.chunks_mut(STRIDE)) {
            if let Ok(hits) = hits.try_into() {
                if is_flat {
                    self.find_stride::<true>(keys, wanted, hits);
                } else {
                    self.find_stride::<false>(keys, wanted, hits);
                }
            }
            wanted = wanted.wrapping_shr(STRIDE as u32);
        }
    }

    /// [`find_batch`](Self::find_batch) for up to [`STRIDE`] keys.
    #[inline(never)] // what it has in hand is on the stack only while it works
    fn find_stride<const FLAT: bool>(&self, keys: &[&Key], wanted: u32, hits: &mut [Hit; STRIDE]) {
        let mut later: [Later; STRIDE] = array::from_fn(|_| Later::new());
        let mut nodes = [Ref::NONE; STRIDE];
        let mut open = wanted;
        if let Some(missing) = u32::BITS.checked_sub(keys.len() as u32) {
            open &= u32::MAX.checked_shr(missing).unwrap_or(0);
        }
        for &root in &self.roots {
            let mut live = self.enter::<FLAT>(
                self.reference_as::<FLAT>(root as usize),
                keys,
                open,
                hits,
                &mut nodes,
            );
            while live != 0 {
                self.descend::<FLAT>(keys, live, hits, &mut nodes, &mut later);
                let mut found = [(0usize, entries::NONE); STRIDE];
                self.filter::<FLAT>(keys, live, &nodes, &mut found);
                live = self.confirm::<FLAT>(keys, live, hits, &mut nodes, &mut later, &found);
            }
        }
    }

    /// Sends the keys of `open` to one root; returns those for which there is something below it.
    #[inline]
    fn enter<const FLAT: bool>(
        &self,
        root: Ref,
        keys: &[&Key],
        open: u32,
        hits: &[Hit; STRIDE],
        nodes: &mut [Ref; STRIDE],
    ) -> u32 {
        let cut = match root.kind() {
            Kind::Hash => self.cuts.get(root.cut()),
            _ => None,
        };
        let mut live = 0u32;
        let mut left = open;
        while left != 0 {
            let at = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            let state = (nodes.get_mut(at as usize), keys.get(at as usize), hits.get(at as usize));
            let (Some(node), Some(&key), Some(&hit)) = state else { continue };
            if is_below(root, hit) {
                continue;
            }
            live |= 1u32.wrapping_shl(at);
            *node = match cut {
                Some(cut) => self.reference_as::<FLAT>(root.pick(cut.hash(self.hash, key))),
                None => root,
            };
        }
        live
    }

    /// Compares the entry that each key found; then each takes up what it put off. Returns those
    /// that had something.
    #[inline]
    fn confirm<const FLAT: bool>(
        &self,
        keys: &[&Key],
        live: u32,
        hits: &mut [Hit; STRIDE],
        nodes: &mut [Ref; STRIDE],
        later: &mut [Later; STRIDE],
        found: &[(usize, u32); STRIDE],
    ) -> u32 {
        let (mut live, mut left) = (live, live);
        while left != 0 {
            let at = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            let index = at as usize;
            let state = (keys.get(index), hits.get_mut(index), found.get(index));
            let (Some(key), Some(hit), Some(&(place, entry))) = state else { continue };
            let (Some(node), Some(later)) = (nodes.get_mut(index), later.get_mut(index)) else {
                continue;
            };
            if entry != entries::NONE {
                match self.entries.matching::<FLAT>(entry, key) {
                    Some(better) if better.rank > hit.rank => *hit = better,
                    None if node.kind() == Kind::Leaf => {
                        let better = self.find_in::<FLAT>(*node, place.wrapping_add(1), key);
                        *hit = hit.or_better(better);
                    }
                    _ => {}
                }
            }
            *node = later.pop(*hit);
            if node.is_none() {
                live &= !1u32.wrapping_shl(at);
            }
        }
        live
    }

    /// Leads the keys of `live` to leaves, or nowhere.
    #[inline]
    fn descend<const FLAT: bool>(
        &self,
        keys: &[&Key],
        live: u32,
        hits: &[Hit; STRIDE],
        nodes: &mut [Ref; STRIDE],
        later: &mut [Later; STRIDE],
    ) {
        let mut walking = live;
        while walking != 0 {
            let mut left = walking;
            while left != 0 {
                let at = left.trailing_zeros();
                left &= left.wrapping_sub(1);
                let index = at as usize;
                let (Some(node), Some(&key)) = (nodes.get_mut(index), keys.get(index)) else {
                    continue;
                };
                let best = hits.get(index).copied().unwrap_or(Hit::NONE);
                if is_below(*node, best) {
                    *node = Ref::NONE;
                    walking &= !1u32.wrapping_shl(at);
                    continue;
                }
                match node.kind() {
                    Kind::Hash => *node = self.reference_as::<FLAT>(self.place(*node, key)),
                    Kind::Fork => {
                        let (first, then) = self.fork::<FLAT>(*node);
                        if let Some(later) = later.get_mut(index) {
                            later.push(then);
                        }
                        *node = first;
                    }
                    Kind::One | Kind::Leaf => walking &= !1u32.wrapping_shl(at),
                }
            }
        }
    }

    /// Looks through the filters of each key's leaf for the first that passes.
    #[inline]
    fn filter<const FLAT: bool>(
        &self,
        keys: &[&Key],
        live: u32,
        nodes: &[Ref; STRIDE],
        found: &mut [(usize, u32); STRIDE],
    ) {
        // One load of each line in a loop too short to hold the next one up.
        let mut warm = 0u64;
        let mut left = live;
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            match nodes.get(at) {
                Some(node) if node.kind() == Kind::Leaf => warm ^= self.leaves.touch::<FLAT>(*node),
                _ => {}
            }
        }
        black_box(warm);
        let mut warm = 0u64;
        let mut left = live;
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            let state = (nodes.get(at), keys.get(at), found.get_mut(at));
            let (Some(&node), Some(&key), Some(found)) = state else { continue };
            if node.kind() == Kind::Leaf {
                if let Some(candidate) = self.leaves.candidate::<FLAT>(node, 0, key) {
                    *found = candidate;
                    warm ^= self.entries.touch::<FLAT>(candidate.1);
                }
            } else if !node.is_none() {
                *found = (0, node.base());
                warm ^= self.entries.touch::<FLAT>(node.base());
            }
        }
        black_box(warm);
    }

    /// References, filters and entries that a lookup of `key` looks at.
    pub(super) fn probe_count(&self, key: &Key) -> usize {
        let (mut best, mut later) = (Hit::NONE, Later::new());
        let (mut node, mut count) = (self.reference(0), 0usize);
        loop {
            while is_below(node, best) {
                node = later.pop(best);
                if node.is_none() {
                    return count;
                }
            }
            count = count.saturating_add(1);
            match node.kind() {
                Kind::Hash => node = self.reference(self.place(node, key)),
                Kind::Fork => {
                    let (first, then) = self.fork::<false>(node);
                    later.push(then);
                    node = first;
                }
                Kind::One | Kind::Leaf => {
                    count = count.saturating_add(node.count());
                    best = best.or_better(self.find_in::<false>(node, 0, key));
                    node = Ref::NONE;
                }
            }
        }
    }

    /// Steps of the most expensive lookup that there can be.
    #[cfg(test)]
    pub(super) fn worst_count(&self) -> u32 {
        self.worst
    }
}
