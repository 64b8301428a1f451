//! A vector of plain values in chunks, for tables that are looked up in and thrown away as a whole: what has
//! grown large is given back a chunk at a time, so that no step waits for all of it, and growing moves
//! nothing.
//!
//! Up to one chunk it is an ordinary vector. Who knows that it [is one](Chunks::is_flat) says so
//! ([`get_as`](Chunks::get_as)), and an access is no more than an index into a vector; others look at the list
//! of chunks when it is not in the first.

use alloc::vec::Vec;
use core::ops::Range;

use ofp_codec::memory::NoMemory;

/// A growing sequence of `T` in chunks of `N`, a power of two.
#[derive(Debug)]
pub(crate) struct Chunks<T, const N: usize> {
    /// The first `N`.
    first: Vec<T>,
    /// Those behind them; each but the last in use is full.
    rest: Vec<Vec<T>>,
    len: usize,
}

impl<T, const N: usize> Default for Chunks<T, N> {
    fn default() -> Self {
        Chunks { first: Vec::new(), rest: Vec::new(), len: 0 }
    }
}

impl<T: Copy, const N: usize> Chunks<T, N> {
    /// An empty one with room for `room` items, as far as they are in the first chunk.
    ///
    /// # Errors
    ///
    /// [`NoMemory`].
    pub(crate) fn with_room(room: usize) -> Result<Self, NoMemory> {
        let mut chunks = Chunks::default();
        chunks.first.try_reserve_exact(room.min(N)).map_err(|_| NoMemory)?;
        Ok(chunks)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether all is in the first chunk.
    #[inline]
    pub(crate) fn is_flat(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.get_as::<false>(index)
    }

    /// [`get`](Self::get) that looks at the first chunk only if `FLAT`.
    #[inline(always)]
    pub(crate) fn get_as<const FLAT: bool>(&self, index: usize) -> Option<&T> {
        let item = self.first.get(index);
        if FLAT { item } else { item.or_else(|| self.far(index)) }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        match self.first.get_mut(index) {
            None => self.rest.get_mut((index / N).wrapping_sub(1))?.get_mut(index % N),
            first => first,
        }
    }

    /// The items of `range`, which is in one chunk.
    pub(crate) fn slice(&self, range: Range<usize>) -> Option<&[T]> {
        self.slice_as::<false>(range)
    }

    /// [`slice`](Self::slice) that looks at the first chunk only if `FLAT`.
    #[inline(always)]
    pub(crate) fn slice_as<const FLAT: bool>(&self, range: Range<usize>) -> Option<&[T]> {
        let slice = self.first.get(range.start..range.end);
        if FLAT { slice } else { slice.or_else(|| self.far_slice(range)) }
    }

    #[inline]
    fn far(&self, index: usize) -> Option<&T> {
        self.rest.get((index / N).wrapping_sub(1))?.get(index % N)
    }

    #[inline]
    fn far_slice(&self, range: Range<usize>) -> Option<&[T]> {
        self.rest.get((range.start / N).wrapping_sub(1))?.get(in_chunk::<N>(&range))
    }

    /// [`slice`](Self::slice), to be changed.
    pub(crate) fn slice_mut(&mut self, range: Range<usize>) -> Option<&mut [T]> {
        match self.first.get_mut(range.start..range.end) {
            None => {
                self.rest.get_mut((range.start / N).wrapping_sub(1))?.get_mut(in_chunk::<N>(&range))
            }
            first => first,
        }
    }

    /// The part of `range` that is in the chunk of its first item.
    pub(crate) fn head(range: &Range<usize>) -> Range<usize> {
        let next = (range.start / N).saturating_add(1).saturating_mul(N);
        range.start..range.end.min(next)
    }

    /// Makes sure that the next `count` pushes succeed.
    ///
    /// # Errors
    ///
    /// [`NoMemory`].
    #[inline(never)] // what it has in hand is on the stack only while it works
    pub(crate) fn reserve(&mut self, count: usize) -> Result<(), NoMemory> {
        let wanted = self.len.saturating_add(count);
        let more = wanted.min(N).saturating_sub(self.first.len());
        if self.first.capacity().saturating_sub(self.first.len()) < more {
            // It doubles, but not beyond a chunk.
            let more = more.max(self.first.len()).min(N.saturating_sub(self.first.len()));
            self.first.try_reserve_exact(more).map_err(|_| NoMemory)?;
        }
        while self.rest.len().saturating_add(1).saturating_mul(N) < wanted {
            self.rest.try_reserve(1).map_err(|_| NoMemory)?;
            let mut chunk = Vec::new();
            chunk.try_reserve_exact(N).map_err(|_| NoMemory)?;
            self.rest.push(chunk);
        }
        Ok(())
    }

    /// Appends `item`.
    ///
    /// # Errors
    ///
    /// [`NoMemory`]; nothing has changed then.
    pub(crate) fn push(&mut self, item: T) -> Result<(), NoMemory> {
        self.extend(1, item)
    }

    /// Appends `count` times `item`.
    ///
    /// # Errors
    ///
    /// [`NoMemory`]; nothing has changed then.
    #[inline(never)] // what it has in hand is on the stack only while it works
    pub(crate) fn extend(&mut self, count: usize, item: T) -> Result<(), NoMemory> {
        self.reserve(count)?;
        let mut left = self.len..self.len.saturating_add(count);
        while !left.is_empty() {
            let now = Self::head(&left);
            let chunk = match (now.start / N).checked_sub(1) {
                None => Some(&mut self.first),
                Some(at) => self.rest.get_mut(at),
            };
            if let Some(chunk) = chunk {
                chunk.resize(chunk.len().saturating_add(now.len()), item);
            }
            left.start = now.end;
        }
        self.len = left.end;
        Ok(())
    }

    /// Takes the last item away.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        let item = match (last / N).checked_sub(1) {
            None => self.first.pop(),
            Some(at) => self.rest.get_mut(at)?.pop(),
        };
        self.len = last;
        item
    }

    /// Takes all items away and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.first.clear();
        self.rest.iter_mut().for_each(Vec::clear);
        self.len = 0;
    }

    /// Gives back the memory of one chunk, after which it is of no more use; whether there was none.
    pub(crate) fn free(&mut self) -> bool {
        self.len = 0;
        self.rest.pop().is_none() && core::mem::take(&mut self.first).capacity() == 0
    }

    pub(crate) fn memory_len(&self) -> usize {
        let list = self.rest.capacity().saturating_mul(size_of::<Vec<T>>());
        let of_rest: usize = self.rest.iter().map(Vec::capacity).sum();
        let items = self.first.capacity().saturating_add(of_rest);
        list.saturating_add(items.saturating_mul(size_of::<T>()))
    }
}

/// Where `range` is in the chunk that has it.
#[inline]
fn in_chunk<const N: usize>(range: &Range<usize>) -> Range<usize> {
    let start = range.start % N;
    start..start.wrapping_add(range.end.wrapping_sub(range.start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_keep_their_places_while_it_grows_and_shrinks() {
        let mut chunks: Chunks<u32, 8> = Chunks::default();
        for item in 0..50u32 {
            chunks.push(item).unwrap();
            assert!((0..=item).all(|item| chunks.get(item as usize) == Some(&item)));
            assert_eq!((chunks.len(), chunks.get(item as usize + 1)), (item as usize + 1, None));
        }
        for item in (20..50).rev() {
            assert_eq!(chunks.pop(), Some(item));
            assert_eq!(chunks.get(item as usize), None);
        }
        chunks.extend(30, 7).unwrap();
        assert!((20..50).all(|at| chunks.get(at) == Some(&7)));
        chunks.clear();
        assert_eq!((chunks.len(), chunks.get(0), chunks.get(9)), (0, None, None));
        chunks.extend(9, 3).unwrap();
        assert_eq!((chunks.get(8), chunks.get(9)), (Some(&3), None));
    }

    #[test]
    fn a_slice_is_of_one_chunk() {
        let mut chunks: Chunks<u32, 8> = Chunks::default();
        (0..24).for_each(|item| chunks.push(item).unwrap());
        assert_eq!(chunks.slice(5..8), Some(&[5, 6, 7][..]));
        assert_eq!(chunks.slice(17..19), Some(&[17, 18][..]));
        assert_eq!((chunks.slice(7..9), chunks.slice(15..17)), (None, None));
        assert_eq!(chunks.slice(24..26), None);
        chunks.slice_mut(9..11).unwrap().fill(1);
        assert_eq!(chunks.slice(8..12), Some(&[8, 1, 1, 11][..]));
        assert_eq!(Chunks::<u32, 8>::head(&(6..20)), 6..8);
        assert_eq!(Chunks::<u32, 8>::head(&(8..11)), 8..11);
    }

    #[test]
    fn it_takes_no_more_than_it_needs_and_goes_a_chunk_at_a_time() {
        let mut chunks: Chunks<u64, 4096> = Chunks::with_room(3).unwrap();
        assert_eq!(chunks.memory_len(), 24);
        chunks.extend(4096, 0).unwrap();
        assert_eq!(chunks.memory_len(), 4096 * 8);
        chunks.extend(5000, 0).unwrap();
        let steps = (0..).take_while(|_| !chunks.free()).count();
        assert_eq!((steps, chunks.memory_len() < 4096), (3, true));
    }
}
