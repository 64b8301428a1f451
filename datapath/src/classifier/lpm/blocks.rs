//! Small arrays of words in an arena: the values of the nodes that hold too many to keep them in
//! their own cache line, and the prefixes that end in a node.
//!
//! A block is as long as the smallest of [`SIZES`] that fits. It lies in one page, pages never move,
//! and a freed block waits in the list of its size.

use alloc::vec::Vec;

use crate::classifier::Full;

/// Lengths of blocks, in words.
const SIZES: [usize; 14] = [4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];
/// Words in a page.
const PAGE: usize = 1 << 15;
/// No block.
pub(super) const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Blocks {
    pages: Vec<Vec<u32>>,
    /// The first free block of each size, linked by their first words.
    free: [u32; SIZES.len()],
}

impl Blocks {
    pub(super) const fn new() -> Blocks {
        Blocks { pages: Vec::new(), free: [NONE; SIZES.len()] }
    }

    /// Makes sure that the next allocations succeed, if they are not longer than `len` together.
    pub(super) fn reserve(&mut self, len: usize) -> Result<(), Full> {
        if self.pages.last().is_none_or(|page| PAGE.saturating_sub(page.len()) < len) {
            if self.pages.len() >= NONE as usize / PAGE {
                return Err(Full);
            }
            self.pages.try_reserve(1)?;
            self.pages.push(Vec::new());
        }
        let first = self.pages.len() == 1;
        let page = self.pages.last_mut().ok_or(Full)?;
        if first {
            // Small tables stay small: the first page doubles up to its size.
            page.try_reserve(len)?;
        } else {
            page.try_reserve_exact(PAGE.saturating_sub(page.len()))?;
        }
        Ok(())
    }

    /// A block of `len` words, for which room has been made; what it holds is undefined.
    pub(super) fn take(&mut self, len: usize) -> u32 {
        let size = SIZES.partition_point(|&size| size < len);
        let (Some(free), Some(&words)) = (self.free.get_mut(size), SIZES.get(size)) else {
            return NONE;
        };
        if *free != NONE {
            let taken = *free;
            *free = word(&self.pages, taken);
            return taken;
        }
        let page_number = self.pages.len().saturating_sub(1);
        let Some(page) = self.pages.last_mut() else { return NONE };
        let at = page_number.saturating_mul(PAGE).saturating_add(page.len());
        page.resize(page.len().saturating_add(words), 0);
        at as u32
    }

    /// Takes back the block `at`, taken for `len` words.
    pub(super) fn give(&mut self, at: u32, len: usize) {
        let size = SIZES.partition_point(|&size| size < len);
        let Some(free) = self.free.get_mut(size) else { return };
        let next = core::mem::replace(free, at);
        if let Some(word) = self.slice_mut(at, 1).first_mut() {
            *word = next;
        }
    }

    /// Word `at`.
    #[inline]
    pub(super) fn get(&self, at: u32) -> u32 {
        word(&self.pages, at)
    }

    pub(super) fn slice(&self, at: u32, len: usize) -> &[u32] {
        let start = at as usize % PAGE;
        let page = self.pages.get(at as usize / PAGE);
        page.and_then(|page| page.get(start..start.saturating_add(len))).unwrap_or_default()
    }

    pub(super) fn slice_mut(&mut self, at: u32, len: usize) -> &mut [u32] {
        let start = at as usize % PAGE;
        let page = self.pages.get_mut(at as usize / PAGE);
        page.and_then(|page| page.get_mut(start..start.saturating_add(len))).unwrap_or_default()
    }

    /// Gives back about `pages` pages; whether little is left. Of no more use then.
    pub(super) fn free(&mut self, pages: usize) -> bool {
        self.pages.truncate(self.pages.len().saturating_sub(pages));
        self.pages.is_empty()
    }

    pub(super) fn memory_len(&self) -> usize {
        let pages = self.pages.capacity().saturating_mul(size_of::<Vec<u32>>());
        let words: usize = self.pages.iter().map(Vec::capacity).sum();
        pages.saturating_add(words.saturating_mul(size_of::<u32>()))
    }
}

#[inline]
fn word(pages: &[Vec<u32>], at: u32) -> u32 {
    let page = pages.get(at as usize / PAGE);
    page.and_then(|page| page.get(at as usize % PAGE)).copied().unwrap_or(0)
}
