//! The nodes of the trie: one cache line each that tells, for each of 256 slots (the values of the
//! eight bits that a node looks at), which node goes on or which leaf is the best.
//!
//! A node's slots are runs of equal values. Up to eight runs lie in the line itself: where each
//! begins, in one word that a slot is compared with by one subtraction, and their values. A node of
//! more runs is *wide*: a block has a value for each slot, 1 KiB, which five prefixes or more share.
//! The prefixes that end in a node are kept beside it, from which its slots are painted anew.

use alloc::vec::Vec;

use super::blocks::Blocks;
use super::chains::{LEAF_LIMIT, NO_LEAF};
use crate::classifier::Full;
use crate::classifier::pages::Pages;

/// No node.
pub(super) const NO_NODE: u32 = 0;
/// A value is a node's number with this bit, or a leaf.
pub(super) const IS_NODE: u32 = 1 << 31;
/// Runs in a node's own line.
const OWN_RUNS: usize = 8;
/// Nodes that a nearer cache holds (256 KiB): to wait for one costs less than to load it early.
const NEAR_NODES: usize = 1 << 12;
/// Slots of a node.
const SLOTS: usize = 256;
/// Bits in which one of the starts in a line lies: those of a slot, and one to subtract from.
const LANE: u32 = 9;
/// A 1 in each lane: one for each run but the first.
const LANES: u64 = 0x0040_2010_0804_0201;
/// The bit of [`Node::meta`] that a wide node has.
const WIDE: u32 = 1 << 8;
/// Prefixes beside a node that need no block.
const OWN_ITEMS: usize = 3;
/// Prefixes of one to eight bits.
const MOST_ITEMS: usize = 510;
/// A prefix that ends in a node is a word: its leaf, and above that a 1 and its bits.
const LEAF_BITS: u32 = LEAF_LIMIT.trailing_zeros();
/// Words of blocks that one change can take, roughly: two nodes' values, and a list of prefixes.
const MOST_WORDS: usize = 2 * SLOTS + 512 + 256;

/// A node's line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Node {
    /// Where the second to eighth run begin, lowest first; slot 255 for those that there are not.
    starts: u64,
    /// How many bits of the key, whole bytes, are skipped before the node's own, and [`WIDE`].
    meta: u32,
    /// The leaf that the slot which leads here would have without the node.
    pub(super) above: u32,
    /// The skipped bytes, right-aligned.
    skipped: u128,
    /// The runs' values, the last one's again for those that there are not; in a wide node, the
    /// first is the block with the values.
    values: [u32; OWN_RUNS],
}

/// What only changes need of a node.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    /// The prefixes that end here, by length and bits; or a block with them. In a free node, the
    /// next free one.
    items: [u32; OWN_ITEMS],
    item_count: u16,
}

/// Runs of values: where each begins.
type Runs = Vec<(u8, u32)>;

fn push_run(runs: &mut Runs, start: u8, value: u32) {
    // No more runs than slots, for which there is room.
    if runs.last().is_none_or(|&(_, last)| last != value) && runs.len() < runs.capacity() {
        runs.push((start, value));
    }
}

/// What a change has in hand: some KiB, which would be too much for a kernel's stack.
#[derive(Debug)]
struct Scratch {
    old: Runs,
    new: Runs,
    best: Vec<u32>,
    items: Vec<u32>,
}

impl Scratch {
    const LEN: usize = SLOTS * (2 * size_of::<(u8, u32)>() + 4) + MOST_ITEMS * 4;

    const fn new() -> Scratch {
        Scratch { old: Vec::new(), new: Vec::new(), best: Vec::new(), items: Vec::new() }
    }

    /// Makes room for the most that a change can have in hand.
    fn reserve(&mut self) -> Result<(), Full> {
        if self.items.capacity() == 0 {
            self.old.try_reserve_exact(SLOTS)?;
            self.new.try_reserve_exact(SLOTS)?;
            self.best.try_reserve_exact(SLOTS)?;
            self.items.try_reserve_exact(MOST_ITEMS)?;
        }
        Ok(())
    }
}

impl Node {
    const EMPTY: Node = Node {
        starts: LANES.wrapping_mul(0xff),
        meta: 0,
        above: NO_LEAF,
        skipped: 0,
        values: [NO_LEAF; OWN_RUNS],
    };

    /// Bytes of the key between the slot that leads here and the byte that the node looks at.
    #[inline]
    pub(super) fn skip(&self) -> u32 {
        self.skip_bits() / 8
    }

    /// The same in bits.
    #[inline]
    pub(super) fn skip_bits(&self) -> u32 {
        self.meta & 0xff
    }

    /// The skipped bytes, right-aligned.
    #[inline]
    pub(super) fn skipped(&self) -> u128 {
        self.skipped
    }

    #[inline]
    fn is_wide(&self) -> bool {
        self.meta & WIDE != 0
    }

    /// Whether the bytes that are skipped from bit `depth` of a key's field are the node's.
    #[inline]
    pub(super) fn is_on_path(&self, bits: u128, depth: u32) -> bool {
        self.skip() == 0 || skipped_bits(bits, depth, self.skip()) == self.skipped()
    }

    /// Whether it skips nothing and is not wide.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.meta == 0
    }

    /// What `slot` of a node has that is not wide.
    #[inline]
    pub(super) fn own_value(&self, slot: u8) -> u32 {
        self.values.get(self.run_of(slot)).copied().unwrap_or(NO_LEAF)
    }

    /// Which run `slot` belongs to: how many of the others begin at it or before.
    #[inline]
    fn run_of(&self, slot: u8) -> usize {
        // In each lane 256, plus the slot, less the start: never below 1.
        let slots = u64::from(slot).wrapping_mul(LANES) | (LANES << 8);
        let begun = (slots.wrapping_sub(self.starts) >> 8) & LANES;
        // The highest lane of the product is the sum of all.
        (begun.wrapping_mul(LANES) >> (6 * LANE)) as usize % OWN_RUNS
    }

    /// Something of the line, to have it loaded.
    #[inline]
    pub(super) fn touch(&self) -> u32 {
        self.above
    }
}

/// `count` bytes of a field from bit `depth`, right-aligned.
#[inline]
pub(super) fn skipped_bits(bits: u128, depth: u32, count: u32) -> u128 {
    let from = bits.wrapping_shl(depth);
    from.checked_shr(128u32.wrapping_sub(count.wrapping_mul(8))).unwrap_or(0)
}

/// The slots that a prefix covers which ends in a node.
fn span(item: u32) -> (u8, u8) {
    let place = item >> LEAF_BITS;
    let free = 8u32.wrapping_sub(place.checked_ilog2().unwrap_or(0));
    let first = place.wrapping_shl(free) as u8;
    (first, first | 0xffu32.wrapping_shr(8u32.wrapping_sub(free)) as u8)
}

/// Where among a node's prefixes one of `len` bits (1 to 8) is that covers `slot`.
pub(super) fn item_place(slot: u8, len: u32) -> u32 {
    1u32.wrapping_shl(len) | u32::from(slot).wrapping_shr(8u32.wrapping_sub(len))
}

#[derive(Debug)]
pub(super) struct Nodes {
    nodes: Pages<Node, 1024>,
    sides: Pages<Side, 1024>,
    blocks: Blocks,
    free: u32,
    scratch: Scratch,
}

impl Nodes {
    pub(super) const fn new() -> Nodes {
        Nodes {
            nodes: Pages::new(),
            sides: Pages::new(),
            blocks: Blocks::new(),
            free: NO_NODE,
            scratch: Scratch::new(),
        }
    }

    /// Whether they are more than the nearer caches hold.
    #[inline]
    pub(super) fn are_far(&self) -> bool {
        self.nodes.len() > NEAR_NODES
    }

    #[inline]
    pub(super) fn get(&self, node: u32) -> Option<&Node> {
        self.nodes.get(node as usize)
    }

    pub(super) fn get_mut(&mut self, node: u32) -> Option<&mut Node> {
        self.nodes.get_mut(node as usize)
    }

    fn side(&self, node: u32) -> Side {
        self.sides.get(node as usize).copied().unwrap_or_default()
    }

    fn set_side(&mut self, node: u32, side: Side) {
        if let Some(place) = self.sides.get_mut(node as usize) {
            *place = side;
        }
    }

    /// What `slot` of `node` has.
    #[inline]
    pub(super) fn value(&self, node: &Node, slot: u8) -> u32 {
        if node.is_wide() {
            let [block, ..] = node.values;
            return self.blocks.get(block.wrapping_add(u32::from(slot)));
        }
        node.own_value(slot)
    }

    /// The node that goes on from `slot` of `node`.
    pub(super) fn child(&self, node: u32, slot: u8) -> u32 {
        let value = self.get(node).map_or(NO_LEAF, |node| self.value(node, slot));
        if value & IS_NODE != 0 { value & !IS_NODE } else { NO_NODE }
    }

    /// Makes sure that the next change finds room: two new nodes and their blocks.
    pub(super) fn reserve(&mut self) -> Result<(), Full> {
        self.scratch.reserve()?;
        if self.nodes.len() == 0 {
            self.sides.push(Side::default())?;
            self.nodes.push(Node::EMPTY)?;
        }
        if self.nodes.len().saturating_add(2) >= IS_NODE as usize {
            return Err(Full);
        }
        self.nodes.reserve(2)?;
        self.sides.reserve(2)?;
        self.blocks.reserve(MOST_WORDS)
    }

    /// A node without prefixes that skips bytes, for which room has been made.
    pub(super) fn add(&mut self, skip: u32, skipped: u128) -> u32 {
        let node = Node { meta: skip.wrapping_mul(8) & 0xff, skipped, ..Node::EMPTY };
        let side = Side::default();
        let index = if self.free != NO_NODE {
            let index = self.free;
            let [next, ..] = self.side(index).items;
            self.free = next;
            index
        } else {
            let (Ok(index), Ok(_)) = (self.nodes.push(node), self.sides.push(side)) else {
                return NO_NODE;
            };
            index as u32
        };
        if let Some(place) = self.get_mut(index) {
            *place = node;
        }
        self.set_side(index, side);
        index
    }

    /// Frees a node that nothing leads to.
    pub(super) fn release(&mut self, node: u32) {
        self.give_values(node);
        let side = self.side(node);
        let [items, ..] = side.items;
        if usize::from(side.item_count) > OWN_ITEMS {
            self.blocks.give(items, usize::from(side.item_count));
        }
        self.set_side(node, Side { items: [self.free, 0, 0], ..Side::default() });
        self.free = node;
    }

    fn give_values(&mut self, node: u32) {
        if let Some(place) = self.nodes.get_mut(node as usize).filter(|node| node.is_wide()) {
            let [block, ..] = place.values;
            self.blocks.give(block, SLOTS);
            place.meta &= !WIDE;
        }
    }

    /// What a node's slots have: where a run begins, and its value. A value may be told twice in a row.
    fn each_run(&self, node: u32, mut tell: impl FnMut(u8, u32)) {
        let Some(node) = self.get(node) else { return };
        if node.is_wide() {
            let [block, ..] = node.values;
            for (slot, &value) in (0..=u8::MAX).zip(self.blocks.slice(block, SLOTS)) {
                tell(slot, value);
            }
            return;
        }
        let (mut start, mut next) = (0, node.starts);
        for &value in &node.values {
            tell(start, value);
            (start, next) = (next as u8, next.wrapping_shr(LANE));
        }
    }

    /// What a node's slots have.
    fn runs(&self, node: u32, runs: &mut Runs) {
        runs.clear();
        self.each_run(node, |start, value| push_run(runs, start, value));
    }

    /// The first two of the nodes that go on from a node, each with the first of its slots.
    pub(super) fn children(&self, node: u32) -> [Option<(u8, u32)>; 2] {
        let mut children = [None; 2];
        self.each_run(node, |slot, value| {
            let child = (value & IS_NODE != 0).then_some((slot, value & !IS_NODE));
            match &mut children {
                [first @ None, _] => *first = child,
                [Some((_, first)), second @ None] => {
                    *second = child.filter(|(_, child)| child != first);
                }
                _ => {}
            }
        });
        children
    }

    /// Gives a node's slots other values; room has been made.
    fn store(&mut self, node: u32, runs: &[(u8, u32)]) {
        if runs.len() > OWN_RUNS {
            return self.store_wide(node, runs);
        }
        self.give_values(node);
        let Some(place) = self.nodes.get_mut(node as usize) else { return };
        let last = runs.last().map_or(NO_LEAF, |&(_, value)| value);
        let padded = runs.iter().copied().chain(core::iter::repeat((u8::MAX, last)));
        for (word, (_, value)) in place.values.iter_mut().zip(padded.clone()) {
            *word = value;
        }
        let starts = padded.skip(1).take(OWN_RUNS.saturating_sub(1));
        let lanes = (0u32..).map(|run| run.wrapping_mul(LANE));
        place.starts = starts
            .zip(lanes)
            .fold(0, |starts, ((start, _), lane)| starts | u64::from(start).wrapping_shl(lane));
    }

    fn store_wide(&mut self, node: u32, runs: &[(u8, u32)]) {
        let Some(place) = self.nodes.get_mut(node as usize) else { return };
        let [block, ..] = &mut place.values;
        if place.meta & WIDE == 0 {
            *block = self.blocks.take(SLOTS);
            place.meta |= WIDE;
        }
        let cells = self.blocks.slice_mut(*block, SLOTS);
        for (first, last, value) in ends(runs) {
            let covered = cells.get_mut(usize::from(first)..=usize::from(last));
            covered.unwrap_or_default().fill(value);
        }
    }

    /// Gives one slot of a node another value; room has been made.
    pub(super) fn set_slot(&mut self, node: u32, slot: u8, value: u32) {
        let mut old = core::mem::take(&mut self.scratch.old);
        let mut runs = core::mem::take(&mut self.scratch.new);
        self.runs(node, &mut old);
        runs.clear();
        for (start, end, before) in ends(&old) {
            if start < slot {
                push_run(&mut runs, start, before);
            }
            if (start..=end).contains(&slot) {
                push_run(&mut runs, slot, value);
            }
            if let Some(after) = slot.checked_add(1).filter(|&after| after <= end) {
                push_run(&mut runs, start.max(after), before);
            }
        }
        self.store(node, &runs);
        (self.scratch.old, self.scratch.new) = (old, runs);
    }

    /// Makes a node skip other bytes.
    pub(super) fn set_skip(&mut self, node: u32, skip: u32, skipped: u128) {
        if let Some(place) = self.get_mut(node) {
            place.meta = (place.meta & !0xff) | (skip.wrapping_mul(8) & 0xff);
            place.skipped = skipped;
        }
    }

    /// The prefixes that end in a node, shorter ones first.
    fn items<'a>(&'a self, side: &'a Side) -> &'a [u32] {
        let count = usize::from(side.item_count);
        let [first, ..] = side.items;
        side.items.get(..count).unwrap_or_else(|| self.blocks.slice(first, count))
    }

    /// Whether prefixes end in a node.
    pub(super) fn has_items(&self, node: u32) -> bool {
        self.side(node).item_count != 0
    }

    fn set_items(&mut self, node: u32, items: &[u32]) {
        let mut side = self.side(node);
        let [block, ..] = side.items;
        if usize::from(side.item_count) > OWN_ITEMS {
            self.blocks.give(block, usize::from(side.item_count));
        }
        if items.len() > OWN_ITEMS {
            let block = self.blocks.take(items.len());
            for (word, item) in self.blocks.slice_mut(block, items.len()).iter_mut().zip(items) {
                *word = *item;
            }
            side.items = [block, 0, 0];
        } else {
            side.items = [0; OWN_ITEMS];
            for (word, item) in side.items.iter_mut().zip(items) {
                *word = *item;
            }
        }
        side.item_count = items.len() as u16;
        self.set_side(node, side);
    }

    /// The leaf of the prefix at `place` ([`item_place`]) of a node.
    pub(super) fn leaf(&self, node: u32, place: u32) -> u32 {
        let side = self.side(node);
        let items = self.items(&side);
        let found = items.binary_search_by_key(&place, |item| item >> LEAF_BITS);
        let item = found.ok().and_then(|at| items.get(at));
        item.map_or(NO_LEAF, |item| item & leaf_mask())
    }

    /// Sets the leaf of the prefix at `place` of a node, or removes it; room has been made.
    pub(super) fn set_leaf(&mut self, node: u32, place: u32, leaf: u32) {
        let side = self.side(node);
        let mut items = core::mem::take(&mut self.scratch.items);
        items.clear();
        // No more prefixes than there are places, for which there is room.
        items.extend(self.items(&side).iter().take(items.capacity()));
        let item = place.wrapping_shl(LEAF_BITS) | leaf;
        match items.binary_search_by_key(&place, |item| item >> LEAF_BITS) {
            Ok(at) if leaf == NO_LEAF => {
                items.remove(at);
            }
            Ok(at) => {
                if let Some(old) = items.get_mut(at) {
                    *old = item;
                }
            }
            Err(at) if items.len() < items.capacity() => items.insert(at, item),
            Err(_) => {}
        }
        self.set_items(node, &items);
        self.scratch.items = items;
    }

    /// Paints anew the slots of a node that its prefix at `place` covers; `better(a, b)` is the
    /// better of a leaf and one of a longer prefix. Room has been made.
    pub(super) fn paint(&mut self, node: u32, place: u32, better: impl Fn(u32, u32) -> u32) {
        let (first, last) = span(place.wrapping_shl(LEAF_BITS));
        let mut best = core::mem::take(&mut self.scratch.best);
        best.clear();
        best.resize(best.capacity().min(SLOTS), NO_LEAF);
        let side = self.side(node);
        for &item in self.items(&side) {
            let (from, to) = span(item);
            let (from, to) = (from.max(first), to.min(last));
            let covered = best.get_mut(usize::from(from)..=usize::from(to));
            if from <= to {
                for best in covered.unwrap_or_default() {
                    *best = better(*best, item & leaf_mask());
                }
            }
        }
        let mut old = core::mem::take(&mut self.scratch.old);
        let mut runs = core::mem::take(&mut self.scratch.new);
        self.runs(node, &mut old);
        runs.clear();
        for (start, end, value) in ends(&old) {
            if start < first {
                push_run(&mut runs, start, value);
            }
            for slot in start.max(first)..=end.min(last) {
                let leaf = best.get(usize::from(slot)).copied().unwrap_or(NO_LEAF);
                if value & IS_NODE == 0 {
                    push_run(&mut runs, slot, leaf);
                } else {
                    push_run(&mut runs, slot, value);
                    if let Some(child) = self.get_mut(value & !IS_NODE) {
                        child.above = leaf;
                    }
                }
            }
            if let Some(after) = last.checked_add(1).filter(|&after| after <= end) {
                push_run(&mut runs, start.max(after), value);
            }
        }
        self.store(node, &runs);
        (self.scratch.old, self.scratch.new, self.scratch.best) = (old, runs, best);
    }

    /// Gives back about `pages` pages; whether little is left. Of no more use then.
    pub(super) fn free(&mut self, pages: usize) -> bool {
        self.nodes.free(pages) && self.sides.free(pages) && self.blocks.free(pages)
    }

    pub(super) fn memory_len(&self) -> usize {
        let nodes = self.nodes.memory_len().saturating_add(self.sides.memory_len());
        let scratch = if self.scratch.items.capacity() == 0 { 0 } else { Scratch::LEN };
        nodes.saturating_add(self.blocks.memory_len()).saturating_add(scratch)
    }
}

fn leaf_mask() -> u32 {
    1u32.wrapping_shl(LEAF_BITS).wrapping_sub(1)
}

/// Runs with the last slot of each: first, last, value.
fn ends(runs: &[(u8, u32)]) -> impl Iterator<Item = (u8, u8, u32)> + '_ {
    let lasts = runs.iter().skip(1).map(|&(next, _)| next.wrapping_sub(1)).chain([u8::MAX]);
    runs.iter().zip(lasts).map(|(&(start, value), last)| (start, last, value))
}
