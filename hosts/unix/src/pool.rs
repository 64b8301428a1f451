//! Frame buffers, recycled: in steady state no frame costs an allocation. Receives take from here,
//! transmits give back.

use hypercall::{Frame, VecFrame};

use crate::sys;

/// Capacity of a buffer that holds an ordinary frame and its headroom.
const SMALL: usize = 2048;

/// Capacity of a buffer that holds the largest frame, 64 KiB of IP behind an Ethernet header, and
/// its headroom. Not a multiple of a page, or the headers of all frames of a burst would compete
/// for the same few cache lines.
const LARGE: usize = 66 * 1024 + 192;

/// The longest frame that any port takes or gives, in bytes.
pub(crate) const MAX_FRAME: usize = 65_535 + 14 + 8;

/// Buffers kept, of each size: enough for a burst in hand and several full transmit queues.
const SMALL_KEPT: usize = 4096;
const LARGE_KEPT: usize = 512;

/// A store of free frame buffers in two sizes.
///
/// ```
/// use hypercall::{Frame, VecFrame};
/// use rumpswitch_unix::Pool;
///
/// let mut pool = Pool::default();
/// let frame = pool.copy(&[1, 2, 3]).unwrap();
/// assert_eq!(frame.headers(), [1, 2, 3]);
/// pool.recycle(frame);
/// assert_eq!(pool.free_count(), 1);
/// ```
#[derive(Debug, Default)]
pub struct Pool {
    small: Vec<Vec<u8>>,
    large: Vec<Vec<u8>>,
}

impl Pool {
    /// A buffer whose first [`VecFrame::HEADROOM`] bytes are there, with room for `len` more.
    ///
    /// `None` when memory is short or no frame may be that long.
    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Option<Vec<u8>> {
        if len <= SMALL - VecFrame::HEADROOM {
            if let Some(buffer) = self.small.pop() {
                return Some(buffer);
            }
        }
        self.take_slowly(len)
    }

    /// The same where no small buffer waits.
    #[inline(never)]
    fn take_slowly(&mut self, len: usize) -> Option<Vec<u8>> {
        let capacity = match VecFrame::HEADROOM.saturating_add(len) {
            needed if needed <= SMALL => SMALL,
            needed if needed <= LARGE => match self.large.pop() {
                Some(buffer) => return Some(buffer),
                None => LARGE,
            },
            _ => return None,
        };
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(capacity).ok()?;
        buffer.resize(VecFrame::HEADROOM, 0);
        Some(buffer)
    }

    /// Gives a buffer back.
    #[inline]
    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        // What was taken from here has its headroom, whatever was cut off the frame since.
        if buffer.len() >= VecFrame::HEADROOM
            && (SMALL..LARGE).contains(&buffer.capacity())
            && self.small.len() < SMALL_KEPT
        {
            buffer.truncate(VecFrame::HEADROOM);
            self.small.push(buffer);
        } else {
            self.give_slowly(buffer);
        }
    }

    /// The same for large buffers, foreign ones, and those that are too many.
    #[inline(never)]
    fn give_slowly(&mut self, mut buffer: Vec<u8>) {
        let (free, kept) = match buffer.capacity() {
            LARGE.. => (&mut self.large, LARGE_KEPT),
            SMALL.. => (&mut self.small, SMALL_KEPT),
            _ => return,
        };
        if free.len() < kept {
            buffer.resize(VecFrame::HEADROOM, 0);
            free.push(buffer);
        }
    }

    /// Gives a frame's buffer back.
    #[inline]
    pub fn recycle(&mut self, frame: VecFrame) {
        self.give(frame.into_buffer().0);
    }

    /// A frame with a copy of `bytes`. `None` when memory is short or no frame may be that long.
    #[inline]
    pub fn copy(&mut self, bytes: &[u8]) -> Option<VecFrame> {
        let mut buffer = self.take(bytes.len())?;
        buffer.extend_from_slice(bytes);
        Some(VecFrame::from_buffer(buffer, VecFrame::HEADROOM))
    }

    /// A frame of `len` zero bytes. `None` when memory is short or no frame may be that long.
    pub fn zeroed(&mut self, len: usize) -> Option<VecFrame> {
        let mut buffer = self.take(len)?;
        buffer.resize(VecFrame::HEADROOM.saturating_add(len), 0);
        Some(VecFrame::from_buffer(buffer, VecFrame::HEADROOM))
    }

    /// A second frame of the same bytes.
    #[inline]
    pub fn duplicate(&mut self, frame: &VecFrame) -> Option<VecFrame> {
        self.copy(frame.headers())
    }

    /// Free buffers in the pool, of both sizes.
    pub fn free_count(&self) -> usize {
        self.small.len().saturating_add(self.large.len())
    }
}

/// Asks the kernel for huge pages beneath memory that is used as a large table or ring of buffers, to
/// be called before it is first written to. Only speed depends on whether the kernel can.
///
/// ```
/// let mut ring = vec![0; 4 << 20];
/// rumpswitch_unix::prefer_huge_pages(&mut ring);
/// assert!(ring.iter().all(|byte| *byte == 0));
/// ```
pub fn prefer_huge_pages(bytes: &mut [u8]) {
    let _ = sys::prefer_huge_pages(bytes);
}

/// Has the processor load the first line of `bytes` into its nearest cache, and waits for nothing: what a
/// receive loop does with the frames that it comes to next.
///
/// ```
/// rumpswitch_unix::prefetch(&[1; 64]);
/// rumpswitch_unix::prefetch(&[]); // nothing to load
/// ```
#[inline(always)]
pub fn prefetch(bytes: &[u8]) {
    sys::prefetch(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back() {
        let mut pool = Pool::default();
        let mut frame = pool.zeroed(1514).unwrap();
        let first = frame.headers().as_ptr();
        frame.headers_mut().fill(0xff);
        frame.shrink_front(14);
        pool.recycle(frame);
        let frame = pool.zeroed(60).unwrap();
        assert_eq!(frame.headers().as_ptr(), first, "the same memory");
        assert_eq!(frame.headers(), [0; 60], "zeroed again");
    }

    #[test]
    fn sizes_do_not_mix() {
        let mut pool = Pool::default();
        let frame = pool.zeroed(MAX_FRAME).unwrap();
        pool.recycle(frame);
        assert_eq!(pool.free_count(), 1);
        let small = pool.zeroed(60).unwrap();
        assert_eq!(pool.free_count(), 1, "a small frame does not take a large buffer");
        pool.recycle(small);
        assert_eq!(pool.free_count(), 2);
        assert!(pool.zeroed(LARGE).is_none(), "longer than any frame");
    }

    #[test]
    fn a_buffer_that_was_cut_short_has_its_headroom_again() {
        let mut pool = Pool::default();
        let mut buffer = pool.take(60).unwrap();
        buffer.truncate(VecFrame::HEADROOM - 10);
        pool.give(buffer);
        assert_eq!(pool.free_count(), 1);
        assert_eq!(pool.copy(&[7; 60]).unwrap().headers(), [7; 60]);
    }

    #[test]
    fn no_more_than_a_bound_is_kept() {
        let mut pool = Pool::default();
        let frames: Vec<_> = (0..SMALL_KEPT + 2).map(|_| pool.copy(&[1]).unwrap()).collect();
        frames.into_iter().for_each(|frame| pool.recycle(frame));
        assert_eq!(pool.free_count(), SMALL_KEPT);
    }

    #[test]
    fn a_foreign_buffer_is_let_go() {
        let mut pool = Pool::default();
        pool.recycle(VecFrame::from_bytes(&[0; 60]));
        assert_eq!(pool.free_count(), 0);
    }
}
