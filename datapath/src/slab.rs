//! Values by slot: a slot is handed out at insertion, stays valid until removal and is used again
//! later. Values lie in pages of 256, so growing moves nothing, and a removal needs no memory. The
//! length of a page is known to the compiler, so that a slot is checked against the pages alone.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::counters::NoMemory;

const PAGE_BITS: u32 = 8;
const PAGE_LEN: usize = 1 << PAGE_BITS;
/// No slot.
pub(crate) const NONE: u32 = u32::MAX;

/// Values by slot.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    pages: Vec<Box<[Place<T>; PAGE_LEN]>>,
    /// The first free place, which names the next.
    free: u32,
    count: u32,
    len: u32,
}

#[derive(Debug)]
enum Place<T> {
    Full(T),
    Free(u32),
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { pages: Vec::new(), free: NONE, count: 0, len: 0 }
    }
}

impl<T> Slab<T> {
    /// How many values there are.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Slots that there are, full or free: the first so many.
    pub(crate) fn slot_count(&self) -> u32 {
        self.len
    }

    /// The slot that the next insertion uses; room for it is made, so that it cannot fail.
    pub(crate) fn reserve(&mut self) -> Result<u32, NoMemory> {
        if self.free != NONE {
            return Ok(self.free);
        }
        if self.len == NONE {
            return Err(NoMemory);
        }
        if self.pages.len() == (self.len >> PAGE_BITS) as usize {
            self.pages.try_reserve(1).map_err(|_| NoMemory)?;
            let mut page = Vec::new();
            page.try_reserve_exact(PAGE_LEN).map_err(|_| NoMemory)?;
            page.resize_with(PAGE_LEN, || Place::Free(NONE));
            self.pages.push(page.try_into().map_err(|_| NoMemory)?);
        }
        Ok(self.len)
    }

    /// Puts `value` into the reserved slot.
    pub(crate) fn insert(&mut self, value: T) -> Result<u32, NoMemory> {
        let slot = self.reserve()?;
        if slot == self.free {
            if let Some(place) = self.place_mut(slot) {
                if let Place::Free(next) = core::mem::replace(place, Place::Full(value)) {
                    self.free = next;
                }
            }
        } else if let Some(place) = self.place_mut(slot) {
            *place = Place::Full(value);
            self.len = self.len.saturating_add(1);
        }
        self.count = self.count.saturating_add(1);
        Ok(slot)
    }

    /// Takes the value out of `slot`.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<T> {
        let free = self.free;
        let place = self.place_mut(slot)?;
        if matches!(place, Place::Free(_)) {
            return None;
        }
        let old = core::mem::replace(place, Place::Free(free));
        self.free = slot;
        self.count = self.count.saturating_sub(1);
        match old {
            Place::Full(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        let page = self.pages.get((slot >> PAGE_BITS) as usize)?;
        match page.get(slot as usize & (PAGE_LEN - 1))? {
            Place::Full(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        match self.place_mut(slot)? {
            Place::Full(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    /// Slots and values, by slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.iter_from(0)
    }

    /// The same from `slot` on.
    pub(crate) fn iter_from(&self, slot: u32) -> impl Iterator<Item = (u32, &T)> {
        let first = slot >> PAGE_BITS << PAGE_BITS;
        let pages = self.pages.iter().skip((slot >> PAGE_BITS) as usize);
        let places = pages.flat_map(|page| page.iter()).zip(first..).skip((slot - first) as usize);
        places.filter_map(|(place, slot)| match place {
            Place::Full(value) => Some((slot, value)),
            Place::Free(_) => None,
        })
    }

    fn place_mut(&mut self, slot: u32) -> Option<&mut Place<T>> {
        let page = self.pages.get_mut((slot >> PAGE_BITS) as usize)?;
        page.get_mut(slot as usize & (PAGE_LEN - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_used_again() {
        let mut slab = Slab::default();
        let slots: Vec<u32> = (0..600).map(|n| slab.insert(n).unwrap()).collect();
        assert_eq!(slots, (0..600).collect::<Vec<u32>>());
        assert_eq!(slab.remove(300), Some(300));
        assert_eq!(slab.remove(300), None);
        assert_eq!(slab.remove(5), Some(5));
        assert_eq!((slab.get(5), slab.count()), (None, 598));
        assert_eq!(slab.reserve(), Ok(5));
        assert_eq!(slab.insert(1005), Ok(5));
        assert_eq!(slab.insert(1300), Ok(300));
        assert_eq!(slab.insert(600), Ok(600));
        assert_eq!(slab.iter().map(|(_, n)| *n).sum::<u32>(), (0..=600).sum::<u32>() + 2000);
        assert_eq!(slab.get(10_000), None);
        slab.remove(400);
        assert_eq!(
            slab.iter_from(399).map(|(slot, _)| slot).take(3).collect::<Vec<_>>(),
            [399, 401, 402]
        );
        assert_eq!(slab.iter_from(601).count() + slab.iter_from(5_000).count(), 0);
    }
}
