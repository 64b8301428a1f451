//! The words of a tree's entries: for each the same number of cache lines, in chunks of some MiB, so that the
//! entries of a large tree are given back a chunk at a time. Those of the first chunk, which is all of a tree
//! of some ten thousand entries, are found without a look at the list of the others.

use alloc::vec::Vec;

use super::super::Full;

/// Words of a cache line.
const LINE: usize = 8;
/// Words of a chunk, about: 4 MiB.
const CHUNK: usize = 1 << 19;

/// Entries of one length.
#[derive(Debug)]
pub(super) struct Lines {
    /// Words of an entry.
    stride: usize,
    /// Words before the first entry, so that entries begin with a cache line.
    skew: usize,
    first: Vec<u64>,
    rest: Vec<Chunk>,
    /// Entries of a chunk, as a power of two.
    bits: u32,
    /// Entries that there are, and may be.
    count: u32,
    room: u32,
}

#[derive(Debug)]
struct Chunk {
    skew: usize,
    words: Vec<u64>,
}

impl Chunk {
    /// Without entries, and with room for `room` of them.
    #[inline(never)]
    fn new(stride: usize, room: usize) -> Result<Chunk, Full> {
        let mut words: Vec<u64> = Vec::new();
        words.try_reserve_exact(stride.saturating_mul(room).saturating_add(LINE))?;
        let skew = words.as_ptr().align_offset(64) % LINE;
        words.resize(skew, 0);
        Ok(Chunk { skew, words })
    }
}

impl Lines {
    /// Room for `room` entries of at least `word_count` words.
    pub(super) fn new(word_count: usize, room: usize) -> Result<Lines, Full> {
        let stride = word_count.next_multiple_of(LINE);
        let bits = (CHUNK / stride.max(1)).ilog2();
        let Chunk { skew, words: first } = Chunk::new(stride, room.min(1 << bits))?;
        let room = u32::try_from(room).unwrap_or(u32::MAX).min(u32::MAX.wrapping_sub(1));
        Ok(Lines { stride, skew, first, rest: Vec::new(), bits, count: 0, room })
    }

    /// Whether all entries are in the first chunk.
    #[inline]
    pub(super) fn is_flat(&self) -> bool {
        self.rest.is_empty()
    }

    /// The words of an entry, in the first chunk only if `FLAT`.
    #[inline(always)]
    pub(super) fn get<const FLAT: bool>(&self, entry: u32) -> Option<&[u64]> {
        let start = (entry as usize).wrapping_mul(self.stride).wrapping_add(self.skew);
        let line = self.first.get(start..start.wrapping_add(self.stride));
        if FLAT { line } else { line.or_else(|| self.far(entry)) }
    }

    /// [`get`](Self::get) of one that is not in the first chunk.
    #[inline]
    fn far(&self, entry: u32) -> Option<&[u64]> {
        let chunk = self.rest.get((entry.wrapping_shr(self.bits) as usize).wrapping_sub(1))?;
        let start = self.place(entry).wrapping_add(chunk.skew);
        chunk.words.get(start..start.wrapping_add(self.stride))
    }

    /// Words before the entry in a chunk.
    #[inline]
    fn place(&self, entry: u32) -> usize {
        let at = entry & 1u32.wrapping_shl(self.bits).wrapping_sub(1);
        (at as usize).wrapping_mul(self.stride)
    }

    pub(super) fn get_mut(&mut self, entry: u32) -> Option<&mut [u64]> {
        let place = self.place(entry);
        let (words, skew) = match (entry.wrapping_shr(self.bits) as usize).checked_sub(1) {
            None => (&mut self.first, self.skew),
            Some(at) => {
                let chunk = self.rest.get_mut(at)?;
                (&mut chunk.words, chunk.skew)
            }
        };
        let start = place.wrapping_add(skew);
        words.get_mut(start..start.wrapping_add(self.stride))
    }

    /// Makes sure that the next [`add`](Self::add) succeeds.
    #[inline(never)] // what it has in hand is on the stack only while it works
    pub(super) fn reserve(&mut self) -> Result<(), Full> {
        if self.count >= self.room {
            return Err(Full);
        }
        let chunk = self.count.wrapping_shr(self.bits) as usize;
        if chunk > self.rest.len() {
            let room = self.room.saturating_sub(self.count).min(1u32.wrapping_shl(self.bits));
            self.rest.try_reserve(1)?;
            self.rest.push(Chunk::new(self.stride, room as usize)?);
        }
        Ok(())
    }

    /// Adds an entry, whose words are 0; returns its number.
    pub(super) fn add(&mut self) -> Result<u32, Full> {
        self.reserve()?;
        let entry = self.count;
        let words = match (entry.wrapping_shr(self.bits) as usize).checked_sub(1) {
            None => &mut self.first,
            Some(at) => &mut self.rest.get_mut(at).ok_or(Full)?.words,
        };
        words.resize(words.len().saturating_add(self.stride), 0);
        self.count = entry.saturating_add(1);
        Ok(entry)
    }

    /// Gives back one chunk; whether there was none.
    pub(super) fn free(&mut self) -> bool {
        self.rest.pop().is_none() && core::mem::take(&mut self.first).capacity() == 0
    }

    pub(super) fn memory_len(&self) -> usize {
        let list = self.rest.capacity().saturating_mul(size_of::<Chunk>());
        let of_rest: usize = self.rest.iter().map(|chunk| chunk.words.capacity()).sum();
        let words = self.first.capacity().saturating_add(of_rest);
        list.saturating_add(words.saturating_mul(size_of::<u64>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn entries_begin_with_a_line_and_stay_where_they_are() {
        for (word_count, stride, count) in [(3, 8, 140_000u32), (9, 16, 70_000), (19, 24, 40_000)] {
            let mut lines = Lines::new(word_count, count as usize).unwrap();
            for entry in 0..count {
                assert_eq!(lines.add(), Ok(entry));
                lines.get_mut(entry).unwrap().fill(u64::from(entry));
            }
            for entry in 0..count {
                let line = lines.get::<false>(entry).unwrap();
                assert_eq!(line, vec![u64::from(entry); stride]);
                assert_eq!(line.as_ptr() as usize % 64, 0);
            }
            assert!(lines.get::<false>(count).is_none() && lines.get_mut(u32::MAX).is_none());
            assert_eq!(lines.add(), Err(Full), "there is no more room");
            let chunks = (0..).take_while(|_| !lines.free()).count();
            assert!(chunks > 1 && lines.memory_len() < 4096);
        }
    }
}
