//! A frame as the core sees it, over the host's `struct rumpswitch_frame`: headers in place, the rooms
//! in front and behind used up first, and the host asked only when they do not do.

use core::ffi::c_int;
use core::ptr::{self, NonNull};
use core::slice;

use hypercall::Frame;

use crate::abi;
use crate::host::Calls;

/// A host's frame, which goes back by `discard` when it is dropped.
pub(crate) struct HostFrame {
    raw: abi::Frame,
    /// The host's functions; they live as long as the switch, which no frame outlives.
    calls: NonNull<Calls>,
}

/// Whether a frame is one: what it says of its parts adds up.
///
/// # Safety
///
/// `frame.rest` is NULL or points to `frame.rest_count` slices.
pub(crate) unsafe fn is_whole(frame: &abi::Frame, has_copy_out: bool) -> bool {
    let abi::Frame { head, head_len, len, rest, rest_count, .. } = *frame;
    if head_len > len || isize::try_from(len).is_err() || (head.is_null() && head_len > 0) {
        return false;
    }
    let mut left = len.wrapping_sub(head_len);
    if left == 0 {
        return true;
    }
    if rest.is_null() {
        return has_copy_out;
    }
    if !rest.is_aligned() {
        return false;
    }
    for index in 0..rest_count {
        // SAFETY: `rest` is not NULL and has `rest_count` slices, by the contract above.
        let part = unsafe { rest.wrapping_add(index).read() };
        if part.base.is_null() && part.len > 0 {
            return false;
        }
        left = left.saturating_sub(part.len);
        if left == 0 {
            return true;
        }
    }
    false
}

impl HostFrame {
    /// Takes a frame over.
    ///
    /// # Safety
    ///
    /// [`is_whole`] says so of `raw`, its bytes are there and the frame is nobody else's; `calls` outlives
    /// the result.
    pub(crate) unsafe fn new(raw: abi::Frame, calls: NonNull<Calls>) -> HostFrame {
        HostFrame { raw, calls }
    }

    /// Hands the frame over to somebody.
    pub(crate) fn into_raw(self) -> abi::Frame {
        let raw = self.raw;
        core::mem::forget(self);
        raw
    }

    pub(crate) fn raw(&self) -> &abi::Frame {
        &self.raw
    }

    fn calls(&self) -> &Calls {
        // SAFETY: they outlive the frame, and nobody changes them.
        unsafe { self.calls.as_ref() }
    }

    /// Lets the host change the frame; whether it did and left one of `len` bytes of which `head_len`
    /// are contiguous. What is no frame afterwards is an empty one from then on.
    fn change(
        &mut self,
        len: usize,
        head_len: usize,
        call: impl FnOnce(&Calls, *mut abi::Frame) -> c_int,
    ) -> bool {
        let mut raw = self.raw;
        if call(self.calls(), &raw mut raw) != 0 {
            return false;
        }
        // SAFETY: the host says by `rest_count` how many slices `rest` has.
        let is_whole = unsafe { is_whole(&raw, self.calls().table.copy_out.is_some()) };
        self.raw = raw;
        if is_whole && raw.len == len && raw.head_len >= head_len {
            return true;
        }
        (self.raw.head_len, self.raw.len) = (0, 0);
        false
    }

    /// Copies bytes from behind the prefix, from `offset` bytes behind it on.
    fn read_rest(&self, offset: usize, into: &mut [u8]) -> bool {
        let (mut offset, mut into) = (offset, into);
        for index in 0..self.raw.rest_count {
            if into.is_empty() {
                break;
            }
            // SAFETY: the frame is whole, so `rest` has `rest_count` slices.
            let part = unsafe { self.raw.rest.wrapping_add(index).read() };
            if offset >= part.len {
                offset = offset.wrapping_sub(part.len);
                continue;
            }
            let len = into.len().min(part.len.wrapping_sub(offset));
            let (now, later) = into.split_at_mut(len);
            // SAFETY: `len` bytes from `offset` on lie within the slice, which the host says is readable.
            now.copy_from_slice(unsafe {
                slice::from_raw_parts(part.base.wrapping_add(offset), len)
            });
            (offset, into) = (0, later);
        }
        into.is_empty()
    }
}

impl Drop for HostFrame {
    fn drop(&mut self) {
        let mut raw = self.raw;
        let calls = self.calls();
        // SAFETY: the frame is ours, and is not used again.
        unsafe { (calls.table.discard)(calls.host, &raw mut raw) };
    }
}

impl Frame for HostFrame {
    #[inline]
    fn len(&self) -> usize {
        self.raw.len
    }

    #[inline]
    fn headers(&self) -> &[u8] {
        if self.raw.head_len == 0 {
            return &[];
        }
        // SAFETY: the frame is whole, so `head_len` bytes are at `head`, which is not NULL.
        unsafe { slice::from_raw_parts(self.raw.head, self.raw.head_len) }
    }

    #[inline]
    fn headers_mut(&mut self) -> &mut [u8] {
        if self.raw.head_len == 0 {
            return &mut [];
        }
        // SAFETY: as above, and they are privately writable.
        unsafe { slice::from_raw_parts_mut(self.raw.head, self.raw.head_len) }
    }

    fn pull(&mut self, len: usize) -> bool {
        if len <= self.raw.head_len {
            return true;
        }
        if len > self.raw.len {
            return false;
        }
        self.change(self.raw.len, len, |calls, frame| {
            // SAFETY: the frame is ours to lend; `len` is not more than it has.
            unsafe { (calls.table.pull)(calls.host, frame, len) }
        })
    }

    fn read_at(&self, offset: usize, into: &mut [u8]) -> bool {
        let is_within = offset.checked_add(into.len()).is_some_and(|end| end <= self.raw.len);
        if !is_within {
            return false;
        }
        let head = self.headers().get(offset..).unwrap_or_default();
        let (now, later) = into.split_at_mut(head.len().min(into.len()));
        now.copy_from_slice(head.get(..now.len()).unwrap_or_default());
        if later.is_empty() {
            return true;
        }
        let behind = offset.max(self.raw.head_len);
        if !self.raw.rest.is_null() {
            return self.read_rest(behind.wrapping_sub(self.raw.head_len), later);
        }
        let calls = self.calls();
        let Some(copy_out) = calls.table.copy_out else { return false };
        let (place, len) = (later.as_mut_ptr().cast(), later.len());
        // SAFETY: `len` bytes from `behind` on are the frame's, and there is room for them.
        unsafe { copy_out(calls.host, &raw const self.raw, behind, place, len) == 0 }
    }

    fn grow_front(&mut self, count: usize) -> bool {
        let raw = &mut self.raw;
        if let Some(room) = u32::try_from(count).ok().and_then(|n| raw.headroom.checked_sub(n)) {
            raw.headroom = room;
            raw.head = raw.head.wrapping_sub(count);
            raw.head_len = raw.head_len.wrapping_add(count);
            raw.len = raw.len.wrapping_add(count);
            return true;
        }
        let Some(len) = raw.len.checked_add(count) else { return false };
        let head_len = raw.head_len.wrapping_add(count);
        self.change(len, head_len, |calls, frame| {
            // SAFETY: the frame is ours to lend.
            unsafe { (calls.table.grow)(calls.host, frame, count, 0) }
        })
    }

    fn shrink_front(&mut self, count: usize) -> bool {
        if count > self.raw.len || !self.pull(count) {
            return false;
        }
        let raw = &mut self.raw;
        raw.head = raw.head.wrapping_add(count);
        raw.head_len = raw.head_len.wrapping_sub(count);
        raw.len = raw.len.wrapping_sub(count);
        raw.headroom = raw.headroom.saturating_add(u32::try_from(count).unwrap_or(0));
        true
    }

    fn grow_back(&mut self, count: usize) -> bool {
        let raw = &mut self.raw;
        let room = u32::try_from(count).ok().and_then(|n| raw.tailroom.checked_sub(n));
        if let (Some(room), true) = (room, raw.head_len == raw.len && !raw.head.is_null()) {
            // SAFETY: all bytes are contiguous, so `tailroom` bytes behind them are ours to write to.
            unsafe { ptr::write_bytes(raw.head.add(raw.len), 0, count) };
            raw.tailroom = room;
            raw.head_len = raw.head_len.wrapping_add(count);
            raw.len = raw.len.wrapping_add(count);
            return true;
        }
        let Some(len) = raw.len.checked_add(count) else { return false };
        let head_len = raw.head_len;
        self.change(len, head_len, |calls, frame| {
            // SAFETY: the frame is ours to lend.
            unsafe { (calls.table.grow)(calls.host, frame, 0, count) }
        })
    }
}
