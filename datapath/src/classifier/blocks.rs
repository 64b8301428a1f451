//! A vector of plain values in blocks: it grows without moving what it holds, so that no insert pays
//! for a copy of the whole, and every allocation is small and may fail.
//!
//! Up to one block it is an ordinary vector, so that small tables stay small; a full one becomes the
//! first block as it is. A block's length is part of its type, so that an access is one comparison and
//! two loads.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Full;

/// A growing sequence of `T` in blocks of `N`, a power of two.
#[derive(Debug)]
pub(super) struct Blocks<T, const N: usize> {
    /// All there is, until it is a block.
    first: Vec<T>,
    blocks: Vec<Box<[T; N]>>,
    len: usize,
    /// What unused places hold.
    filler: T,
}

impl<T: Copy, const N: usize> Blocks<T, N> {
    pub(super) const fn new(filler: T) -> Self {
        Blocks { first: Vec::new(), blocks: Vec::new(), len: 0, filler }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline(always)]
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        match self.blocks.as_slice() {
            [] => self.first.get(index),
            blocks => blocks.get(index / N)?.get(index % N),
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        match self.blocks.as_mut_slice() {
            [] => self.first.get_mut(index),
            blocks => blocks.get_mut(index / N)?.get_mut(index % N),
        }
    }

    /// What follows from `index` on in the same block.
    #[inline(always)]
    pub(super) fn tail(&self, index: usize) -> &[T] {
        match self.blocks.as_slice() {
            [] => self.first.get(index..),
            blocks => blocks.get(index / N).and_then(|block| block.get(index % N..)),
        }
        .unwrap_or_default()
    }

    /// All of it, while it is one block.
    #[inline(always)]
    pub(super) fn flat(&self) -> Option<&[T]> {
        self.blocks.is_empty().then_some(self.first.as_slice())
    }

    #[inline]
    pub(super) fn tail_mut(&mut self, index: usize) -> &mut [T] {
        match self.blocks.as_mut_slice() {
            [] => self.first.get_mut(index..),
            blocks => blocks.get_mut(index / N).and_then(|block| block.get_mut(index % N..)),
        }
        .unwrap_or_default()
    }

    /// Makes sure that the next `count` pushes succeed.
    pub(super) fn reserve(&mut self, count: usize) -> Result<(), Full> {
        let wanted = self.len.saturating_add(count);
        if self.blocks.is_empty() {
            if wanted <= N {
                if wanted > self.first.capacity() {
                    let doubled = self.first.len().saturating_mul(2).max(wanted).min(N);
                    self.first.try_reserve_exact(doubled.saturating_sub(self.first.len()))?;
                }
                return Ok(());
            }
            self.first.try_reserve_exact(N.saturating_sub(self.first.len()))?;
            self.blocks.try_reserve(1)?;
            self.first.resize(N, self.filler);
            self.adopt()?;
        }
        while self.blocks.len().saturating_mul(N) < wanted {
            self.blocks.try_reserve(1)?;
            self.first.try_reserve_exact(N)?;
            self.first.resize(N, self.filler);
            self.adopt()?;
        }
        Ok(())
    }

    /// Makes `first`, which has the right length, a block.
    fn adopt(&mut self) -> Result<(), Full> {
        let block = core::mem::take(&mut self.first).into_boxed_slice();
        self.blocks.push(block.try_into().map_err(|_| Full)?);
        Ok(())
    }

    /// Appends `item`; returns its index.
    pub(super) fn push(&mut self, item: T) -> Result<usize, Full> {
        self.reserve(1)?;
        let index = self.len;
        if self.blocks.is_empty() {
            self.first.push(item);
        } else if let Some(place) = self.get_mut(index) {
            *place = item;
        }
        self.len = self.len.saturating_add(1);
        Ok(index)
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(self.blocks.iter().flat_map(|block| block.iter())).take(self.len)
    }

    /// Gives back memory, some blocks at a time, after which it is of no more use; whether that was
    /// all.
    pub(super) fn free(&mut self, blocks: usize) -> bool {
        self.first = Vec::new();
        let left = self.blocks.len().saturating_sub(blocks);
        self.blocks.truncate(left);
        self.len = self.len.min(left.saturating_mul(N));
        left == 0
    }

    pub(super) fn memory_len(&self) -> usize {
        let list = self.blocks.capacity().saturating_mul(size_of::<Box<[T; N]>>());
        let items = self.blocks.len().saturating_mul(N).saturating_add(self.first.capacity());
        list.saturating_add(items.saturating_mul(size_of::<T>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_keep_their_places_while_it_grows() {
        let mut blocks: Blocks<u32, 8> = Blocks::new(u32::MAX);
        for item in 0..50 {
            assert_eq!(blocks.push(item), Ok(item as usize));
            assert!((0..=item).all(|item| blocks.get(item as usize) == Some(&item)));
            assert!(blocks.iter().copied().eq(0..=item));
        }
        assert_eq!(blocks.tail(13), [13, 14, 15]);
        assert_eq!(blocks.tail(49)[..1], [49]);
        assert!(blocks.get(64).is_none() && blocks.tail(64).is_empty());
        assert!(!blocks.free(3) && blocks.free(10));
        assert_eq!(blocks.memory_len(), blocks.blocks.capacity() * 8);
    }

    #[test]
    fn a_small_one_takes_no_whole_block() {
        let mut blocks: Blocks<u64, 4096> = Blocks::new(0);
        blocks.push(1).unwrap();
        assert!(blocks.memory_len() <= 8);
        blocks.reserve(4095).unwrap();
        assert_eq!(blocks.memory_len(), 4096 * 8);
    }
}
