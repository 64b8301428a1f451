//! Free frame buffers, all of one length: what a receive ring is filled from, and where transmitted
//! frames end.

use alloc::vec::Vec;

use hypercall::Frame;

use crate::RingFrame;

/// A store of free buffers.
#[derive(Debug)]
pub struct Pool {
    free: Vec<RingFrame>,
    frame_len: usize,
    kept: usize,
}

impl Pool {
    /// A store of buffers for frames of up to `frame_len` bytes, that keeps at most `kept` of them. Half
    /// of those are made at once, while there is memory: frames pass when there is none left, too.
    pub fn new(frame_len: usize, kept: usize) -> Pool {
        let mut free = Vec::new();
        // Without this memory nothing is kept, which costs speed alone.
        let _ = free.try_reserve_exact(kept);
        let mut pool = Pool { free, frame_len, kept };
        for _ in 0..kept / 2 {
            RingFrame::new(frame_len).into_iter().for_each(|frame| pool.give(frame));
        }
        pool
    }

    /// An empty frame; `None` when memory is short.
    pub fn take(&mut self) -> Option<RingFrame> {
        self.free.pop().or_else(|| RingFrame::new(self.frame_len))
    }

    /// A frame of `len` bytes of any content; `None` when memory is short.
    pub fn take_len(&mut self, len: usize) -> Option<RingFrame> {
        let mut frame = if len <= self.frame_len { self.take()? } else { RingFrame::new(len)? };
        frame.set_len(len).then_some(frame)
    }

    /// A second frame of the same bytes; `None` when memory is short.
    pub fn copy(&mut self, bytes: &[u8]) -> Option<RingFrame> {
        let mut frame = self.take_len(bytes.len())?;
        frame.headers_mut().copy_from_slice(bytes);
        Some(frame)
    }

    /// Gives a buffer back. One of another length, and one that is too many, is let go.
    pub fn give(&mut self, mut frame: RingFrame) {
        let room = self.kept.min(self.free.capacity());
        if frame.capacity() == self.frame_len && self.free.len() < room {
            frame.clear();
            self.free.push(frame);
        }
    }

    /// Buffers that wait here.
    pub fn free_count(&self) -> usize {
        self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_and_a_grown_one_does_not() {
        let mut pool = Pool::new(64, 8);
        pool.free.clear();
        let frame = pool.copy(&[1; 60]).unwrap();
        let place = frame.headers().as_ptr();
        pool.give(frame);
        let mut frame = pool.copy(&[2; 60]).unwrap();
        assert_eq!(frame.headers().as_ptr(), place);
        assert!(frame.grow_back(100));
        pool.give(frame);
        pool.give(pool_frame(1000));
        assert_eq!(pool.free_count(), 0);
    }

    #[test]
    fn no_more_than_a_bound_is_kept() {
        let mut pool = Pool::new(64, 2);
        assert_eq!(pool.free_count(), 1, "made at once");
        (0..3).for_each(|_| pool.give(pool_frame(64)));
        assert_eq!(pool.free_count(), 2);
    }

    fn pool_frame(len: usize) -> RingFrame {
        RingFrame::new(len).unwrap()
    }
}
