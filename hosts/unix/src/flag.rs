//! Something that waits for another thread: raised after the thing was put where that thread finds
//! it, lowered by that thread before it looks. Who raises a flag that was down wakes the other one.

use crate::sync::{AtomicBool, Relaxed};
use crate::waker::Waker;

/// Up from [`raise`](Self::raise) until [`lower`](Self::lower).
pub(crate) struct Flag(AtomicBool);

impl Flag {
    pub(crate) fn new() -> Flag {
        Flag(AtomicBool::new(false))
    }

    /// Raises the flag, and wakes who looks at it unless it was up already.
    pub(crate) fn raise(&self, waker: &Waker) {
        if !self.0.swap(true, Relaxed) {
            waker.wake();
        }
    }

    /// Raises the flag that its own thread has just lowered.
    pub(crate) fn keep(&self) {
        self.0.store(true, Relaxed);
    }

    /// Whether the flag was up; it is down now.
    pub(crate) fn lower(&self) -> bool {
        self.0.swap(false, Relaxed)
    }

    /// Whether it is up.
    pub(crate) fn is_up(&self) -> bool {
        self.0.load(Relaxed)
    }
}
