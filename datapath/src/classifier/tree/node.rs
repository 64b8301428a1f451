//! A reference to a node of the tree: one word that says what is there, where, and the highest
//! priority that can be found below, so that a search leaves a subtree out without a look at it.

/// What a reference leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One entry, or none: the base is the entry's number.
    One,
    /// Entries in the order of rank: the base is the first filter.
    Leaf,
    /// References by the hash of some bits of the key: the base is the first of them.
    Hash,
    /// Two references, both of which may lead to matches: the base is the first of them.
    Fork,
}

/// A reference: base (bits 0-31), highest priority below (32-47), two numbers that depend on the
/// kind (48-61), kind (62, 63). The word 0 leads nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ref(u64);

impl Ref {
    /// Leads nowhere.
    pub(super) const NONE: Ref = Ref(0);
    /// Entries that a leaf can hold.
    pub(super) const LEAF_LIMIT: usize = 1023;
    /// Cuts that there can be.
    pub(super) const CUT_LIMIT: usize = 512;

    const fn new(kind: u64, base: u32, top_priority: u16, data: u64) -> Ref {
        Ref(kind << 62 | data << 48 | (top_priority as u64) << 32 | base as u64)
    }

    /// To one entry.
    pub(super) const fn one(entry: u32, priority: u16) -> Ref {
        Ref::new(0, entry, priority, 1)
    }

    /// To a leaf of `count` entries from the filter `base` on, which look at word `word`.
    pub(super) const fn leaf(base: u32, word: u8, count: usize, top_priority: u16) -> Ref {
        Ref::new(1, base, top_priority, (word as u64 & 15) << 10 | (count as u64 & 1023))
    }

    /// To the `1 << bits` references from `base` on that the cut numbered `cut` chooses from.
    pub(super) const fn hash(base: u32, cut: u16, bits: u32, top_priority: u16) -> Ref {
        Ref::new(2, base, top_priority, (bits as u64 & 31) << 9 | (cut as u64 & 511))
    }

    /// To the two references from `base` on.
    pub(super) const fn fork(base: u32, top_priority: u16) -> Ref {
        Ref::new(3, base, top_priority, 0)
    }

    #[inline]
    pub(super) const fn kind(self) -> Kind {
        match self.0 >> 62 {
            0 => Kind::One,
            1 => Kind::Leaf,
            2 => Kind::Hash,
            _ => Kind::Fork,
        }
    }

    #[inline]
    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(super) const fn base(self) -> u32 {
        self.0 as u32
    }

    #[inline]
    pub(super) const fn top_priority(self) -> u16 {
        (self.0 >> 32) as u16
    }

    /// Entries in the leaf.
    #[inline]
    pub(super) const fn count(self) -> usize {
        (self.0 >> 48 & 1023) as usize
    }

    /// The word that the filters of the leaf look at.
    #[inline]
    pub(super) const fn word(self) -> u8 {
        (self.0 >> 58 & 15) as u8
    }

    /// The number of the cut.
    #[inline]
    pub(super) const fn cut(self) -> usize {
        (self.0 >> 48 & 511) as usize
    }

    /// Which of the references a key with this hash takes.
    #[inline]
    pub(super) const fn pick(self, hash: u32) -> usize {
        let mask = (1u64 << (self.0 >> 57 & 31)).wrapping_sub(1);
        (self.0 as u32 as u64).wrapping_add(hash as u64 & mask) as usize
    }

    /// How many references there are to choose from.
    pub(super) const fn width(self) -> usize {
        1usize << (self.0 >> 57 & 31)
    }

    /// The same, with `priority` below it.
    pub(super) fn raised(self, priority: u16) -> Ref {
        if self.is_none() || self.top_priority() >= priority {
            return self;
        }
        Ref(self.0 & !(0xffff << 32) | u64::from(priority) << 32)
    }
}
