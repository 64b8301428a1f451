//! The frames of a replay: buffers that are made once and used again and again, as the rings of a driver
//! have them.
//!
//! A buffer is never shorter than it was made, so that a receive is one pop, one copy and two numbers,
//! and a transmit one push.

use rumpswitch::hypercall::Frame;

/// Bytes of a cache line.
pub(super) const LINE: usize = 64;
/// Bytes kept free in front of a frame that comes in: ten tags of four bytes and a PBB header.
const HEADROOM: usize = LINE;
/// Bytes of a buffer for an ordinary frame: an odd number of lines, so that the heads of those in hand
/// do not compete for the same few sets of a cache.
const ORDINARY: usize = 37 * LINE;
/// Longer buffers that are kept.
const LONG_KEPT: usize = 64;

/// A frame in a buffer of a [`Store`].
pub(super) struct StoredFrame {
    buffer: Box<[u8]>,
    /// `start <= end <= buffer.len()`.
    start: u32,
    end: u32,
}

/// Free buffers.
#[derive(Default)]
pub(super) struct Store {
    ordinary: Vec<Box<[u8]>>,
    /// Those for longer frames, of various lengths.
    long: Vec<Box<[u8]>>,
}

impl Store {
    /// A frame with a copy of the first `len` bytes of `from`. What lies behind them in their last line
    /// may be copied, too, and is not part of the frame.
    ///
    /// `None` when `from` is shorter, or no frame may be that long.
    #[inline]
    pub(super) fn copy(&mut self, from: &[u8], len: usize) -> Option<StoredFrame> {
        if len <= ORDINARY - HEADROOM && len <= from.len() {
            if let Some(mut buffer) = self.ordinary.pop() {
                let to = buffer.get_mut(HEADROOM..)?;
                match (to.first_chunk_mut::<LINE>(), from.first_chunk::<LINE>()) {
                    // One line is a few moves; for more, the C library knows better ways.
                    (Some(to), Some(from)) if len <= LINE => *to = *from,
                    _ => to.get_mut(..len)?.copy_from_slice(from.get(..len)?),
                }
                let end = HEADROOM as u32 + len as u32;
                return Some(StoredFrame { buffer, start: HEADROOM as u32, end });
            }
        }
        self.copy_slowly(from.get(..len)?)
    }

    /// The same where no ordinary buffer waits.
    #[inline(never)]
    fn copy_slowly(&mut self, from: &[u8]) -> Option<StoredFrame> {
        let mut frame = self.take(from.len())?;
        frame.headers_mut().copy_from_slice(from);
        Some(frame)
    }

    /// A frame of `len` bytes, whatever they are.
    fn take(&mut self, len: usize) -> Option<StoredFrame> {
        let needed = HEADROOM.checked_add(len)?;
        let end = u32::try_from(needed).ok()?;
        let free = match needed {
            ..=ORDINARY => self.ordinary.pop(),
            _ => self.long.pop().filter(|buffer| buffer.len() >= needed),
        };
        let buffer = free.unwrap_or_else(|| vec![0; needed.max(ORDINARY)].into());
        Some(StoredFrame { buffer, start: HEADROOM as u32, end })
    }

    /// A frame of `len` zero bytes. `None` when no frame may be that long.
    pub(super) fn zeroed(&mut self, len: usize) -> Option<StoredFrame> {
        let mut frame = self.take(len)?;
        frame.headers_mut().fill(0);
        Some(frame)
    }

    /// A second frame of the same bytes.
    #[inline]
    pub(super) fn duplicate(&mut self, frame: &StoredFrame) -> Option<StoredFrame> {
        self.copy(frame.buffer.get(frame.start as usize..)?, frame.len())
    }

    /// Takes a frame's buffer back.
    #[inline]
    pub(super) fn give(&mut self, frame: StoredFrame) {
        match frame.buffer.len() {
            ORDINARY => self.ordinary.push(frame.buffer),
            _ if self.long.len() < LONG_KEPT => self.long.push(frame.buffer),
            // Frames that outgrew their buffers, which long ones need not follow.
            _ => {}
        }
    }
}

impl StoredFrame {
    /// Moves the bytes into a buffer with `front` and `back` bytes more on either side of them.
    #[cold]
    fn widen(&mut self, front: usize, back: usize) -> bool {
        let headroom = HEADROOM.saturating_add(front);
        let end = headroom.saturating_add(self.len());
        let Ok(new_end) = u32::try_from(end.saturating_add(back)) else { return false };
        // One line more, so that it is never of an ordinary one's size.
        let mut buffer = vec![0; (new_end as usize).max(ORDINARY) + LINE].into_boxed_slice();
        buffer[headroom..end].copy_from_slice(self.headers());
        *self = StoredFrame { buffer, start: headroom as u32, end: end as u32 };
        true
    }
}

impl Frame for StoredFrame {
    #[inline]
    fn len(&self) -> usize {
        self.end.wrapping_sub(self.start) as usize
    }

    #[inline]
    fn headers(&self) -> &[u8] {
        self.buffer.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    #[inline]
    fn headers_mut(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.start as usize..self.end as usize).unwrap_or_default()
    }

    #[inline]
    fn pull(&mut self, len: usize) -> bool {
        len <= self.len()
    }

    #[inline]
    fn read_at(&self, offset: usize, into: &mut [u8]) -> bool {
        let bytes = offset.checked_add(into.len()).and_then(|end| self.headers().get(offset..end));
        bytes.map(|bytes| into.copy_from_slice(bytes)).is_some()
    }

    #[inline]
    fn grow_front(&mut self, count: usize) -> bool {
        if count > self.start as usize && !self.widen(count, 0) {
            return false;
        }
        self.start = self.start.wrapping_sub(count as u32);
        true
    }

    #[inline]
    fn shrink_front(&mut self, count: usize) -> bool {
        let is_there = count <= self.len();
        if is_there {
            self.start = self.start.wrapping_add(count as u32);
        }
        is_there
    }

    #[inline]
    fn grow_back(&mut self, count: usize) -> bool {
        let end = self.end as usize;
        if count > self.buffer.len().saturating_sub(end) && !self.widen(0, count) {
            return false;
        }
        let end = self.end as usize;
        // A buffer's bytes are those of frames before.
        let Some(new) = self.buffer.get_mut(end..end + count) else { return false };
        new.fill(0);
        self.end += count as u32;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(store: &mut Store, bytes: &[u8]) -> StoredFrame {
        store.copy(bytes, bytes.len()).unwrap()
    }

    #[test]
    fn a_buffer_comes_back_with_its_headroom() {
        let mut store = Store::default();
        let mut first = frame(&mut store, &[1; 100]);
        assert!(first.grow_front(4) && first.shrink_front(50) && first.grow_back(9));
        let memory = first.buffer.as_ptr();
        store.give(first);
        let again = frame(&mut store, &[2; 70]);
        assert_eq!((again.buffer.as_ptr(), again.headers()), (memory, &[2; 70][..]));
        assert_eq!(again.start as usize, HEADROOM);
    }

    #[test]
    fn every_length_is_copied_to_the_byte() {
        let bytes: Vec<u8> = (0..5000_u32).map(|at| (at % 251) as u8).collect();
        let mut store = Store::default();
        for len in (0..400).chain([1514, 2303, 2304, 2305, 2368, 4999, 5000]) {
            for rest in [0, 1, 63, 64, 200] {
                let from = &bytes[..(len + rest).min(bytes.len())];
                for _ in 0..2 {
                    let copied = store.copy(from, len).unwrap();
                    assert_eq!(copied.headers(), &bytes[..len]);
                    let second = store.duplicate(&copied).unwrap();
                    assert_eq!(second.headers(), &bytes[..len]);
                    store.give(copied);
                    store.give(second);
                }
            }
        }
        assert!(store.copy(&bytes[..10], 11).is_none(), "there are not that many");
    }

    #[test]
    fn what_is_left_at_a_buffers_end_is_duplicated() {
        let bytes: Vec<u8> = (0..2304_u32).map(|at| (at % 251) as u8).collect();
        let mut store = Store::default();
        for len in [1, 63, 64, 65, 130, 200, 256] {
            let mut whole = frame(&mut store, &bytes);
            assert!(whole.shrink_front(bytes.len() - len));
            let second = store.duplicate(&whole).unwrap();
            assert_eq!(second.headers(), &bytes[bytes.len() - len..]);
            store.give(whole);
            store.give(second);
        }
    }

    #[test]
    fn a_frame_grows_beyond_its_buffer() {
        let mut store = Store::default();
        let mut grown = frame(&mut store, &[7; 20]);
        assert!(grown.grow_front(HEADROOM) && grown.grow_front(1), "no headroom left: it moves");
        assert_eq!(grown.len(), 20 + HEADROOM + 1);
        assert_eq!(&grown.headers()[HEADROOM + 1..], [7; 20]);
        assert!(grown.grow_back(3000));
        assert_eq!(&grown.headers()[HEADROOM + 1..][..20], [7; 20]);
        assert!(grown.headers()[HEADROOM + 21..].iter().all(|byte| *byte == 0));
        assert_eq!(grown.headers()[HEADROOM + 21..].len(), 3000);
        assert!(!grown.shrink_front(grown.len() + 1));
        store.give(grown);
        assert_eq!(frame(&mut store, &[9; 3000]).headers(), [9; 3000], "a long one is used again");
        assert!(store.long.is_empty());
    }

    #[test]
    fn frames_that_outgrow_their_buffers_do_not_pile_up() {
        let mut store = Store::default();
        for _ in 0..3 * LONG_KEPT {
            let mut grown = frame(&mut store, &[7; 20]);
            assert!(grown.grow_front(HEADROOM + 1));
            store.give(grown);
        }
        assert_eq!(store.long.len(), LONG_KEPT);
    }

    #[test]
    fn zero_bytes_are_zero_in_a_used_buffer() {
        let mut store = Store::default();
        let used = frame(&mut store, &[0xff; 200]);
        store.give(used);
        let mut zeroed = store.zeroed(60).unwrap();
        assert_eq!(zeroed.headers(), [0; 60]);
        assert!(zeroed.grow_back(40));
        assert_eq!(zeroed.headers(), [0; 100]);
    }
}
