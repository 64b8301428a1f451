//! A frame in a buffer that a virtqueue takes as it is: the device's header lies in front of the frame,
//! within the headroom that pushed tags grow into, so that a frame which is received, rewritten and
//! transmitted is never copied.

use alloc::vec::Vec;

use hypercall::Frame;

/// Bytes of `struct virtio_net_hdr` in front of a frame, both ways.
pub const HEADER_LEN: usize = 12;

/// Bytes in front of a frame as it is received, the device's header among them.
pub const HEADROOM: usize = 96;

/// A frame that a network card received or is to transmit.
///
/// All bytes of the buffer are initialised, always: a device writes into what a slice can be made of.
///
/// ```
/// use hypercall::Frame;
/// use metal_host::RingFrame;
///
/// let mut frame = RingFrame::new(64).unwrap();
/// frame.room()[12..16].copy_from_slice(&[1, 2, 3, 4]); // as a device does, behind its header
/// assert!(frame.land(16));
/// assert_eq!(frame.headers(), [1, 2, 3, 4]);
/// ```
#[derive(Debug, Default)]
pub struct RingFrame {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl RingFrame {
    /// An empty frame with room for `len` bytes; `None` when memory is short.
    pub fn new(len: usize) -> Option<RingFrame> {
        let total = HEADROOM.checked_add(len)?;
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(total).ok()?;
        buffer.resize(total, 0);
        Some(RingFrame { buffer, start: HEADROOM, end: HEADROOM })
    }

    /// Bytes of the buffer behind the headroom.
    pub fn capacity(&self) -> usize {
        self.buffer.len().saturating_sub(HEADROOM)
    }

    /// Forgets the frame and keeps the buffer.
    pub fn clear(&mut self) {
        self.start = HEADROOM.min(self.buffer.len());
        self.end = self.start;
    }

    /// Makes it `len` bytes long, whatever they are; `false` when the buffer is too short.
    #[must_use]
    pub fn set_len(&mut self, len: usize) -> bool {
        let end = self.start.saturating_add(len);
        if end > self.buffer.len() {
            return false;
        }
        self.end = end;
        true
    }

    /// Where a device puts its header and a frame.
    pub fn room(&mut self) -> &mut [u8] {
        self.buffer.get_mut(HEADROOM - HEADER_LEN..).unwrap_or_default()
    }

    /// A device has put `len` bytes there, header included; `false` when it cannot have.
    #[must_use]
    pub fn land(&mut self, len: usize) -> bool {
        self.clear();
        len.checked_sub(HEADER_LEN).is_some_and(|len| self.set_len(len))
    }

    /// Puts a header that asks for nothing in front of the frame; `false` when memory is short.
    #[must_use]
    pub fn prepare(&mut self) -> bool {
        if self.start < HEADER_LEN
            && !(self.grow_front(HEADER_LEN) && self.shrink_front(HEADER_LEN))
        {
            return false;
        }
        let at = self.start.saturating_sub(HEADER_LEN);
        if let Some(header) = self.buffer.get_mut(at..self.start) {
            header.fill(0);
        }
        true
    }

    /// Header and frame, as a device reads them after [`prepare`](Self::prepare).
    pub fn with_header(&self) -> &[u8] {
        self.buffer.get(self.start.saturating_sub(HEADER_LEN)..self.end).unwrap_or_default()
    }
}

impl Frame for RingFrame {
    fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    fn headers(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn headers_mut(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.start..self.end).unwrap_or_default()
    }

    fn pull(&mut self, len: usize) -> bool {
        len <= self.len()
    }

    fn read_at(&self, offset: usize, into: &mut [u8]) -> bool {
        let bytes = offset.checked_add(into.len()).and_then(|end| self.headers().get(offset..end));
        bytes.map(|bytes| into.copy_from_slice(bytes)).is_some()
    }

    fn grow_front(&mut self, count: usize) -> bool {
        if let Some(start) = self.start.checked_sub(count) {
            self.start = start;
            return true;
        }
        let Some(mut moved) =
            self.len().checked_add(count).and_then(|len| RingFrame::new(len.max(self.capacity())))
        else {
            return false;
        };
        let len = self.len();
        if !moved.set_len(len.saturating_add(count)) {
            return false;
        }
        if let Some(place) = moved.headers_mut().get_mut(count..) {
            place.copy_from_slice(self.headers());
        }
        *self = moved;
        true
    }

    fn shrink_front(&mut self, count: usize) -> bool {
        let is_there = count <= self.len();
        if is_there {
            self.start = self.start.saturating_add(count);
        }
        is_there
    }

    fn grow_back(&mut self, count: usize) -> bool {
        let Some(end) = self.end.checked_add(count) else { return false };
        let missing = end.saturating_sub(self.buffer.len());
        if self.buffer.try_reserve(missing).is_err() {
            return false;
        }
        if missing > 0 {
            self.buffer.resize(end, 0);
        }
        if let Some(tail) = self.buffer.get_mut(self.end..end) {
            tail.fill(0);
        }
        self.end = end;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: &[u8]) -> RingFrame {
        let mut frame = RingFrame::new(64).unwrap();
        assert!(frame.set_len(bytes.len()));
        frame.headers_mut().copy_from_slice(bytes);
        frame
    }

    #[test]
    fn a_header_fits_in_front_however_much_was_pushed() {
        let mut frame = frame(&[7; 20]);
        assert!(frame.grow_front(HEADROOM), "the whole headroom");
        frame.headers_mut()[..HEADROOM].fill(9);
        assert!(frame.prepare());
        let wire = frame.with_header();
        assert_eq!(wire.len(), HEADER_LEN + HEADROOM + 20);
        assert_eq!(wire[..HEADER_LEN], [0; HEADER_LEN]);
        assert_eq!(wire[HEADER_LEN..][..HEADROOM], [9; HEADROOM]);
        assert_eq!(wire[HEADER_LEN + HEADROOM..], [7; 20]);
    }

    #[test]
    fn a_device_that_claims_more_than_the_buffer_has_is_not_believed() {
        let mut frame = RingFrame::new(60).unwrap();
        assert!(frame.land(HEADER_LEN + 60));
        assert_eq!(frame.len(), 60);
        assert!(!frame.land(HEADER_LEN + 61));
        assert!(!frame.land(HEADER_LEN - 1));
    }

    #[test]
    fn padding_is_zero_where_an_earlier_frame_lay() {
        let mut frame = frame(&[0xff; 64]);
        frame.clear();
        assert!(frame.set_len(10) && frame.grow_back(80));
        assert_eq!(frame.headers()[..10], [0xff; 10]);
        assert_eq!(frame.headers()[10..], [0; 80]);
    }

    #[test]
    fn a_frame_shrinks_to_nothing_and_no_further() {
        let mut frame = frame(&[1, 2]);
        assert!(!frame.shrink_front(3));
        assert!(frame.shrink_front(2) && frame.is_empty());
        assert!(!frame.read_at(0, &mut [0]));
    }
}
