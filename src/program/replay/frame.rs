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
    span: Span,
}

/// Where in its buffer a frame is: `start <= end <= buffer.len()`. One word, so that it moves as one: a
/// processor waits where halves are written and all of it is read.
#[derive(Clone, Copy)]
struct Span(u64);

impl Span {
    #[inline(always)]
    fn new(start: u32, end: u32) -> Span {
        Span(u64::from(end) << 32 | u64::from(start))
    }

    #[inline(always)]
    fn start(self) -> usize {
        self.0 as u32 as usize
    }

    #[inline(always)]
    fn end(self) -> usize {
        (self.0 >> 32) as usize
    }

    #[inline(always)]
    fn range(self) -> std::ops::Range<usize> {
        self.start()..self.end()
    }
}

/// Free buffers.
#[derive(Default)]
pub(super) struct Store {
    ordinary: Vec<Box<[u8]>>,
    /// Those for longer frames, of various lengths.
    long: Vec<Box<[u8]>>,
}

/// Where a frame begins in a buffer, if there is room: behind the headroom, in a line of its own, so that
/// most have but one.
#[inline(always)]
fn line_start(buffer: &[u8]) -> usize {
    HEADROOM + (buffer.as_ptr() as usize).wrapping_neg() % LINE
}

impl Store {
    /// A frame with a copy of the first `len` bytes of `from`. What lies behind them in their last line
    /// may be copied, too, and is not part of the frame.
    ///
    /// `None` when `from` is shorter, or no frame may be that long.
    #[inline]
    pub(super) fn copy(&mut self, from: &[u8], len: usize) -> Option<StoredFrame> {
        if len <= ORDINARY - HEADROOM - LINE && len <= from.len() {
            if let Some(mut buffer) = self.ordinary.pop() {
                let start = line_start(&buffer);
                let to = buffer.get_mut(start..)?;
                match (to.split_first_chunk_mut::<LINE>(), from.split_first_chunk::<LINE>()) {
                    // The first line, which is all of most, is a few moves; for more, the C library knows
                    // better ways. One behind the other: of either or, a compiler makes one call.
                    (Some((to, to_rest)), Some((from, from_rest))) => {
                        *to = *from;
                        if let Some(rest) = len.checked_sub(LINE).filter(|rest| *rest != 0) {
                            to_rest.get_mut(..rest)?.copy_from_slice(from_rest.get(..rest)?);
                        }
                    }
                    _ => to.get_mut(..len)?.copy_from_slice(from.get(..len)?),
                }
                let start = start as u32;
                return Some(StoredFrame { buffer, span: Span::new(start, start + len as u32) });
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
        u32::try_from(needed).ok()?;
        let free = match needed {
            ..=ORDINARY => self.ordinary.pop(),
            _ => self.long.pop().filter(|buffer| buffer.len() >= needed),
        };
        let buffer = free.unwrap_or_else(|| vec![0; needed.max(ORDINARY)].into());
        let start = line_start(&buffer);
        let start = if start + len <= buffer.len() { start } else { HEADROOM };
        Some(StoredFrame { buffer, span: Span::new(start as u32, (start + len) as u32) })
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
        self.copy(frame.buffer.get(frame.span.start()..)?, frame.len())
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
        *self = StoredFrame { buffer, span: Span::new(headroom as u32, end as u32) };
        true
    }
}

impl Frame for StoredFrame {
    #[inline]
    fn len(&self) -> usize {
        self.span.end().wrapping_sub(self.span.start())
    }

    #[inline]
    fn headers(&self) -> &[u8] {
        self.buffer.get(self.span.range()).unwrap_or_default()
    }

    #[inline]
    fn headers_mut(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.span.range()).unwrap_or_default()
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
        if count > self.span.start() && !self.widen(count, 0) {
            return false;
        }
        self.span.0 = self.span.0.wrapping_sub(count as u64);
        true
    }

    #[inline]
    fn shrink_front(&mut self, count: usize) -> bool {
        let is_there = count <= self.len();
        if is_there {
            self.span.0 = self.span.0.wrapping_add(count as u64);
        }
        is_there
    }

    #[inline]
    fn grow_back(&mut self, count: usize) -> bool {
        let end = self.span.end();
        if count > self.buffer.len().saturating_sub(end) && !self.widen(0, count) {
            return false;
        }
        let Span(span) = self.span;
        let end = self.span.end();
        // A buffer's bytes are those of frames before.
        let Some(new) = self.buffer.get_mut(end..end + count) else { return false };
        new.fill(0);
        self.span = Span(span + ((count as u64) << 32));
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
        let start = again.span.start();
        assert!((HEADROOM..HEADROOM + LINE).contains(&start));
        assert_eq!(again.headers().as_ptr() as usize % LINE, 0, "a line of its own");
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
        let headroom = grown.span.start();
        assert!(grown.grow_front(headroom) && grown.grow_front(1), "no headroom left: it moves");
        assert_eq!(grown.len(), 20 + headroom + 1);
        assert_eq!(&grown.headers()[headroom + 1..], [7; 20]);
        assert!(grown.grow_back(3000));
        assert_eq!(&grown.headers()[headroom + 1..][..20], [7; 20]);
        assert!(grown.headers()[headroom + 21..].iter().all(|byte| *byte == 0));
        assert_eq!(grown.headers()[headroom + 21..].len(), 3000);
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
            assert!(grown.grow_front(HEADROOM + LINE));
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
