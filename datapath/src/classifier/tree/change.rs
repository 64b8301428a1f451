//! Changes of a tree in place: an entry goes where the cuts send it, so the same way leads to it
//! again. What a leaf or the room made when the tree was built does not take is refused, and is the
//! caller's to keep elsewhere.

use super::Tree;
use super::entries;
use super::node::{Kind, Ref};
use crate::classifier::{Full, Hit};
use crate::key::MaskedKey;

/// Entries beyond which a leaf takes no more.
const LEAF_FULL: usize = 64;

impl Tree {
    /// The reference below which entries like `matching` lie: to a leaf, an entry or nothing.
    /// `visit` sees the number of each reference on the way. `None`: such entries have no place.
    fn way(&mut self, matching: &MaskedKey, raise: Option<u16>) -> Option<usize> {
        let mut at = 0usize;
        loop {
            let node = self.reference(at);
            if let Some(priority) = raise {
                *self.refs.get_mut(at)? = node.raised(priority);
            }
            at = match node.kind() {
                Kind::One | Kind::Leaf => return Some(at),
                Kind::Fork => {
                    let base = node.base() as usize;
                    let cut = self.cuts.get(self.reference(base).cut())?;
                    let is_behind = cut.is_within(matching.mask());
                    if is_behind { base } else { base.checked_add(1)? }
                }
                Kind::Hash => {
                    let cut = self.cuts.get(node.cut())?;
                    if !cut.is_within(matching.mask()) {
                        return None;
                    }
                    node.pick(cut.hash(self.hash, matching.value()))
                }
            };
        }
    }

    /// Whether there is a place for entries like `matching`, and what is there.
    fn at(&mut self, matching: &MaskedKey) -> Option<(usize, Ref)> {
        let at = self.way(matching, None)?;
        Some((at, self.reference(at)))
    }

    /// Where the entry of `hit` is: its reference's number, its place in the leaf, its own number.
    fn seek(&mut self, matching: &MaskedKey, hit: Hit) -> Option<(usize, usize, u32)> {
        let (at, node) = self.at(matching)?;
        if node.is_none() {
            return None;
        }
        let place = match node.kind() {
            Kind::One => (self.entries.hit(node.base()) == hit).then_some((0, node.base())),
            _ => {
                let list = self.leaves.entries(node);
                let place = list.partition_point(|&it| self.entries.hit(it).rank > hit.rank);
                let found = list.get(place).copied();
                found.filter(|&it| self.entries.hit(it) == hit).map(|it| (place, it))
            }
        };
        place.map(|(place, entry)| (at, place, entry))
    }

    /// Takes in an entry; whether there was room for it. Looks at one way and one leaf.
    ///
    /// # Errors
    ///
    /// None: what there is no memory for is not taken in.
    pub(in super::super) fn insert(
        &mut self,
        matching: &MaskedKey,
        hit: Hit,
    ) -> Result<bool, Full> {
        let Some((at, node)) = self.at(matching) else { return Ok(false) };
        if node.count() >= LEAF_FULL && node.kind() == Kind::Leaf {
            return Ok(false);
        }
        let Ok(entry) = self.entries.add(matching, hit) else { return Ok(false) };
        let priority = hit.rank.priority();
        let grown = match node.kind() {
            _ if node.is_none() => Some(Ref::one(entry, priority)),
            Kind::One => {
                let other = node.base();
                let is_first = hit.rank > self.entries.hit(other).rank;
                let list = if is_first { [entry, other] } else { [other, entry] };
                let word = super::builder::telling_word(&list, &self.entries);
                self.leaves.add(&list, word, &self.entries)
            }
            _ => self.leaves.insert(node, entry, &self.entries),
        };
        let Some(grown) = grown else {
            self.entries.remove(entry);
            return Ok(false);
        };
        self.way(matching, Some(priority));
        if let Some(place) = self.refs.get_mut(at) {
            *place = grown;
        }
        self.entry_count = self.entry_count.saturating_add(1);
        Ok(true)
    }

    /// Takes an entry out; whether it was there.
    pub(in super::super) fn remove(&mut self, matching: &MaskedKey, hit: Hit) -> bool {
        let Some((at, place, entry)) = self.seek(matching, hit) else { return false };
        let node = self.reference(at);
        let shrunk = match node.kind() {
            Kind::One => Ref::NONE,
            _ => self.leaves.remove(node, place),
        };
        if let Some(place) = self.refs.get_mut(at) {
            *place = shrunk;
        }
        self.entries.remove(entry);
        self.entry_count = self.entry_count.saturating_sub(1);
        true
    }

    /// Puts `new` in the place of `old`, an entry of the same match and priority; whether it was
    /// there.
    pub(in super::super) fn replace(&mut self, matching: &MaskedKey, old: Hit, new: Hit) -> bool {
        let Some((at, place, entry)) = self.seek(matching, old) else { return false };
        let node = self.reference(at);
        debug_assert!(entry != entries::NONE);
        self.entries.set(entry, new);
        if node.kind() == Kind::Leaf {
            self.leaves.reorder(node, place, &self.entries);
        }
        true
    }
}
