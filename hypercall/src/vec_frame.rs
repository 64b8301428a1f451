//! A frame in one heap buffer with headroom: what hosts without memory of their own use, and tests.

use alloc::vec::Vec;

use crate::Frame;

/// A frame in one heap buffer, with room in front for pushed headers.
///
/// ```
/// use rumpswitch_hypercall::{Frame, VecFrame};
///
/// let mut frame = VecFrame::from_bytes(&[1, 2, 3]);
/// assert!(frame.grow_front(2));
/// frame.headers_mut()[..2].copy_from_slice(&[8, 9]);
/// assert_eq!(frame.headers(), [8, 9, 1, 2, 3]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct VecFrame {
    buffer: Vec<u8>,
    start: usize,
}

impl VecFrame {
    /// Bytes kept free in front of a new frame: ten tags of four bytes and a PBB header.
    pub const HEADROOM: usize = 64;

    /// A frame that holds a copy of `bytes`.
    pub fn from_bytes(bytes: &[u8]) -> VecFrame {
        let mut buffer = Vec::with_capacity(Self::HEADROOM.saturating_add(bytes.len()));
        buffer.resize(Self::HEADROOM, 0);
        buffer.extend_from_slice(bytes);
        VecFrame { buffer, start: Self::HEADROOM }
    }

    /// The same, or `None` when memory is short.
    pub fn try_from_bytes(bytes: &[u8]) -> Option<VecFrame> {
        let mut frame = Self::try_zeroed(0)?;
        frame.buffer.try_reserve_exact(bytes.len()).ok()?;
        frame.buffer.extend_from_slice(bytes);
        Some(frame)
    }

    /// A frame of `len` zero bytes, or `None` when memory is short.
    pub fn try_zeroed(len: usize) -> Option<VecFrame> {
        let len = Self::HEADROOM.checked_add(len)?;
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(len).ok()?;
        buffer.resize(len, 0);
        Some(VecFrame { buffer, start: Self::HEADROOM })
    }

    /// A frame of `len` zero bytes.
    pub fn zeroed(len: usize) -> VecFrame {
        VecFrame {
            buffer: alloc::vec![0; Self::HEADROOM.saturating_add(len)],
            start: Self::HEADROOM,
        }
    }

    /// A frame whose bytes are `buffer` from `start` on: for hosts that receive straight into it.
    ///
    /// A `start` beyond the end makes an empty frame.
    pub fn from_buffer(buffer: Vec<u8>, start: usize) -> VecFrame {
        let start = start.min(buffer.len());
        VecFrame { buffer, start }
    }

    /// The buffer, for reuse: the frame's bytes are those from the returned offset on.
    pub fn into_buffer(self) -> (Vec<u8>, usize) {
        (self.buffer, self.start)
    }

    /// Grows by `count` bytes in front, in a buffer of its own with headroom.
    #[cold]
    fn move_back(&mut self, count: usize) -> bool {
        let len = self.len();
        let Some(total) = len.checked_add(count).and_then(|len| len.checked_add(Self::HEADROOM))
        else {
            return false;
        };
        let mut buffer = Vec::new();
        if buffer.try_reserve_exact(total).is_err() {
            return false;
        }
        buffer.resize(Self::HEADROOM.saturating_add(count), 0);
        buffer.extend_from_slice(self.headers());
        *self = VecFrame { buffer, start: Self::HEADROOM };
        true
    }

    /// Keeps the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.buffer.truncate(self.start.saturating_add(len));
    }
}

impl PartialEq for VecFrame {
    fn eq(&self, other: &VecFrame) -> bool {
        self.headers() == other.headers()
    }
}

impl Eq for VecFrame {}

impl Frame for VecFrame {
    fn len(&self) -> usize {
        self.buffer.len().saturating_sub(self.start)
    }

    fn headers(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    fn headers_mut(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.start..).unwrap_or_default()
    }

    fn pull(&mut self, len: usize) -> bool {
        len <= self.len()
    }

    fn read_at(&self, offset: usize, into: &mut [u8]) -> bool {
        let bytes = offset.checked_add(into.len()).and_then(|end| self.headers().get(offset..end));
        match bytes {
            Some(bytes) => {
                into.copy_from_slice(bytes);
                true
            }
            None => false,
        }
    }

    #[inline]
    fn grow_front(&mut self, count: usize) -> bool {
        match self.start.checked_sub(count) {
            Some(start) => {
                self.start = start;
                true
            }
            None => self.move_back(count),
        }
    }

    fn shrink_front(&mut self, count: usize) -> bool {
        if count > self.len() {
            return false;
        }
        self.start = self.start.saturating_add(count);
        true
    }

    fn grow_back(&mut self, count: usize) -> bool {
        if self.buffer.try_reserve(count).is_err() {
            return false;
        }
        self.buffer.resize(self.buffer.len().saturating_add(count), 0);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_beyond_the_headroom() {
        let mut frame = VecFrame::from_bytes(&[7; 20]);
        assert!(frame.grow_front(VecFrame::HEADROOM));
        assert!(frame.grow_front(1), "no headroom left: the frame moves");
        assert_eq!(frame.len(), 20 + VecFrame::HEADROOM + 1);
        assert_eq!(&frame.headers()[VecFrame::HEADROOM + 1..], [7; 20]);
        assert!(frame.grow_back(3));
        assert_eq!(frame.headers().last(), Some(&0));
    }

    #[test]
    fn reads_only_bytes_that_exist() {
        let frame = VecFrame::from_bytes(&[1, 2, 3, 4]);
        let mut two = [0; 2];
        assert!(frame.read_at(2, &mut two));
        assert_eq!(two, [3, 4]);
        assert!(!frame.read_at(3, &mut two));
        assert!(!frame.read_at(usize::MAX, &mut two));
    }

    #[test]
    fn shrinks_to_nothing_and_no_further() {
        let mut frame = VecFrame::from_bytes(&[1, 2]);
        assert!(!frame.shrink_front(3));
        assert!(frame.shrink_front(2));
        assert!(frame.is_empty());
        assert!(!frame.pull(1));
    }
}
