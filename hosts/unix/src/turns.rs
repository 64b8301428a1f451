//! Who has the device: workers for a batch, beside each other, or control for a slice of its work.
//!
//! A worker that finds the lock taken says so, and control lets it go first before it takes the lock
//! for its next slice, so that a controller that sends without a pause does not starve frames.

use crate::sync::{AtomicUsize, ReadGuard, Relaxed, SharedLock, WriteGuard, yield_now};

/// How often control lets waiting workers go first.
const YIELDS: u32 = if cfg!(loom) { 1 } else { 64 };

/// A `T` that workers read and control changes, in turns.
pub(crate) struct Turns<T> {
    lock: SharedLock<T>,
    /// Workers that found the lock taken.
    waiting: AtomicUsize,
}

impl<T> Turns<T> {
    pub(crate) fn new(value: T) -> Turns<T> {
        Turns { lock: SharedLock::new(value), waiting: AtomicUsize::new(0) }
    }

    /// A worker's turn.
    pub(crate) fn read(&self) -> ReadGuard<'_, T> {
        if let Some(guard) = self.lock.try_read() {
            return guard;
        }
        self.waiting.fetch_add(1, Relaxed);
        let guard = self.lock.read();
        self.waiting.fetch_sub(1, Relaxed);
        guard
    }

    /// Control's turn.
    pub(crate) fn write(&self) -> WriteGuard<'_, T> {
        for _ in 0..YIELDS {
            if self.waiting.load(Relaxed) == 0 {
                break;
            }
            yield_now();
        }
        self.lock.write()
    }

    /// Workers that wait for their turn.
    #[cfg(all(test, loom))]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }
}
