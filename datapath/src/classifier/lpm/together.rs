//! The walks of a batch: all of them go down level by level, so that no wait of one for a cache line
//! keeps another from asking for its own.

use core::hint::black_box;

use super::nodes::{NO_NODE, Node};
use super::shape::Shape;
use super::trie::Trie;
use super::walk::{Bits, Walk};
use crate::classifier::BATCH;
use crate::key::Key;

/// Goes down the trie with `keys`, at most [`BATCH`]: their leaves are those of the first of `walks`.
/// `ORDERED`: the longest prefix is the best.
#[inline]
pub(super) fn together<B: Bits, const ORDERED: bool>(
    shape: &Shape,
    trie: &Trie,
    keys: &[&Key],
    walks: &mut [Walk<B>; BATCH],
) {
    let mut any = 0;
    for (walk, key) in walks.iter_mut().zip(keys) {
        *walk = Walk::new(trie, B::of(shape, key));
        any |= walk.at;
    }
    let all = 1u64.wrapping_shl(keys.len() as u32).wrapping_sub(1) as u32;
    let mut others = all & !shape.apply_to(keys);
    while others != 0 {
        if let Some(walk) = walks.get_mut(others.trailing_zeros() as usize) {
            *walk = Walk::NONE;
        }
        others &= others.wrapping_sub(1);
    }
    if any == NO_NODE {
        return;
    }
    if trie.nodes.are_far() {
        load(trie, walks.iter().take(keys.len()));
    }
    // Nearly all of them go on from the root. Who does not passes the node that nothing is behind.
    let mut any = 0;
    for (walk, _) in walks.iter_mut().zip(keys) {
        walk.pass::<ORDERED>(trie);
        any |= walk.at;
    }
    if any == NO_NODE {
        return;
    }
    let (mut going, mut count) = ([0u8; BATCH], 0usize);
    for (index, (walk, _)) in (0u8..).zip(walks.iter().zip(keys)) {
        count = go_on(&mut going, count, index, walk);
    }
    while count != 0 {
        let at = |index: &u8| walks.get(usize::from(*index) % BATCH);
        if trie.nodes.are_far() {
            load(trie, going.iter().take(count).filter_map(at));
        }
        let passing = core::mem::take(&mut count);
        for place in 0..passing {
            // Never more than there are; what is left to do is written over what is done.
            let index = going.get(place % BATCH).copied().unwrap_or(0);
            if let Some(walk) = walks.get_mut(usize::from(index) % BATCH) {
                walk.pass::<ORDERED>(trie);
                count = go_on(&mut going, count, index, walk);
            }
        }
    }
}

/// Writes down that a walk goes on, unless it does not: then the next is written over it.
#[inline]
fn go_on<B>(going: &mut [u8; BATCH], count: usize, index: u8, walk: &Walk<B>) -> usize {
    if let Some(place) = going.get_mut(count % BATCH) {
        *place = index;
    }
    count.wrapping_add(usize::from(walk.at != NO_NODE))
}

/// Loads the lines of all nodes, in a loop so short that many are on their way at once.
#[inline]
fn load<'w, B: 'w>(trie: &Trie, walks: impl Iterator<Item = &'w Walk<B>>) {
    let touched = walks.filter_map(|walk| trie.nodes.get(walk.at)).map(Node::touch);
    black_box(touched.fold(0, |all, line| all ^ line));
}
