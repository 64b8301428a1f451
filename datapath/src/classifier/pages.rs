//! A vector in pages: it grows without moving what it holds, so that no insert pays for a copy of
//! the whole, and every allocation is small and may fail.

use alloc::vec::Vec;

use super::Full;

/// A growing sequence of `T` in pages of `PAGE`, a power of two.
#[derive(Debug)]
pub(super) struct Pages<T, const PAGE: usize> {
    pages: Vec<Vec<T>>,
    len: usize,
}

impl<T, const PAGE: usize> Pages<T, PAGE> {
    pub(super) const fn new() -> Self {
        Pages { pages: Vec::new(), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        self.pages.get(index / PAGE)?.get(index % PAGE)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.pages.get_mut(index / PAGE)?.get_mut(index % PAGE)
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut T> {
        self.get_mut(self.len.checked_sub(1)?)
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        let item = self.pages.get_mut(last / PAGE)?.pop();
        self.len = last;
        item
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flatten()
    }

    /// Makes sure that the next `count` pushes succeed.
    pub(super) fn reserve(&mut self, count: usize) -> Result<(), Full> {
        let wanted = self.len.saturating_add(count).div_ceil(PAGE);
        while self.pages.len() < wanted {
            self.pages.try_reserve(1)?;
            self.pages.push(Vec::new());
        }
        let mut left = count;
        for (index, page) in self.pages.iter_mut().enumerate().skip(self.len / PAGE) {
            if left == 0 {
                break;
            }
            let more = left.min(PAGE.saturating_sub(page.len()));
            if index == 0 {
                // Small tables stay small: the first page doubles up to its size.
                page.try_reserve(more)?;
            } else {
                page.try_reserve_exact(PAGE.saturating_sub(page.len()))?;
            }
            left = left.saturating_sub(more);
        }
        Ok(())
    }

    /// Appends `item`; returns its index.
    pub(super) fn push(&mut self, item: T) -> Result<usize, Full> {
        self.reserve(1)?;
        let index = self.len;
        self.pages.get_mut(index / PAGE).ok_or(Full)?.push(item);
        self.len = self.len.saturating_add(1);
        Ok(index)
    }

    /// Gives back memory, some pages at a time, after which it is of no more use; whether that was
    /// all.
    pub(super) fn free(&mut self, pages: usize) -> bool {
        let left = self.pages.len().saturating_sub(pages);
        self.pages.truncate(left);
        self.len = self.len.min(left.saturating_mul(PAGE));
        left == 0
    }

    pub(super) fn memory_len(&self) -> usize {
        let pages = self.pages.capacity().saturating_mul(size_of::<Vec<T>>());
        let items: usize = self.pages.iter().map(Vec::capacity).sum();
        pages.saturating_add(items.saturating_mul(size_of::<T>()))
    }
}
