//! A frame: an Ethernet frame in the host's own memory, as the switch sees it while it passes.

/// An owned Ethernet frame: a contiguous writable prefix, and a payload wherever the host likes.
///
/// The switch reads and writes headers in the prefix and asks for more of it by
/// [`pull`](Frame::pull) only when a parse or a rewrite needs more bytes than are there.
pub trait Frame {
    /// Bytes in the whole frame, without FCS.
    fn len(&self) -> usize;

    /// Whether the frame holds no byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The contiguous prefix: at least as long as the last successful [`pull`](Frame::pull).
    fn headers(&self) -> &[u8];

    /// The same, writable. Writing never shows in a duplicate.
    fn headers_mut(&mut self) -> &mut [u8];

    /// Makes the first `len` bytes contiguous. `false` when the frame is shorter or memory is
    /// short; the frame is unchanged then.
    fn pull(&mut self, len: usize) -> bool;

    /// Copies `into.len()` bytes from `offset` on. `false` when the frame ends before; `into` is
    /// unspecified then.
    fn read_at(&self, offset: usize, into: &mut [u8]) -> bool;

    /// Adds `count` bytes before the first, their content unspecified, the prefix growing by as
    /// much. `false` when there is no room or no memory; the frame is unchanged then.
    fn grow_front(&mut self, count: usize) -> bool;

    /// Removes the first `count` bytes. `false` when the frame is shorter.
    fn shrink_front(&mut self, count: usize) -> bool;

    /// Adds `count` zero bytes behind the last. `false` when there is no room or no memory.
    fn grow_back(&mut self, count: usize) -> bool;
}
