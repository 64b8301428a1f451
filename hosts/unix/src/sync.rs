//! Locks and flags that threads share, from one place, so that checkers of threads can put theirs in
//! their stead (`debug/README.md`): loom's under `--cfg loom`, which plays every order of threads
//! (`models.rs`); under `--cfg tsan` those of parking_lot, which ThreadSanitizer sees into, for it does
//! not see into a standard library that was built without it.
//!
//! No lock here is ever poisoned: a panic in a worker ends the process, and nothing else that holds one
//! can leave something half done.

#[cfg(not(any(loom, tsan)))]
use std::sync::{Mutex as Inner, MutexGuard as InnerGuard, PoisonError};

#[cfg(not(any(loom, tsan)))]
use crossbeam_utils::sync::{
    ShardedLock as InnerShared, ShardedLockReadGuard as InnerRead,
    ShardedLockWriteGuard as InnerWrite,
};

#[cfg(loom)]
use {
    loom::sync::{
        Mutex as Inner, MutexGuard as InnerGuard, RwLock as InnerShared,
        RwLockReadGuard as InnerRead, RwLockWriteGuard as InnerWrite,
    },
    std::sync::PoisonError,
};

#[cfg(tsan)]
use parking_lot::{
    Mutex as Inner, MutexGuard as InnerGuard, RwLock as InnerShared, RwLockReadGuard as InnerRead,
    RwLockWriteGuard as InnerWrite,
};

#[cfg(not(loom))]
pub(crate) use std::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    thread::yield_now,
};

#[cfg(loom)]
pub(crate) use loom::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    thread::yield_now,
};

/// Whose turn it is with a `T`.
pub(crate) struct Mutex<T>(Inner<T>);

pub(crate) type MutexGuard<'a, T> = InnerGuard<'a, T>;

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Mutex<T> {
        Mutex(Inner::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        #[cfg(not(tsan))]
        return self.0.lock().unwrap_or_else(PoisonError::into_inner);
        #[cfg(tsan)]
        self.0.lock()
    }
}

/// A `T` for many readers or one writer. Each reader takes a lock of its own thread: reading is cheap
/// and touches no line of another reader's, writing takes all of them.
pub(crate) struct SharedLock<T>(InnerShared<T>);

pub(crate) type ReadGuard<'a, T> = InnerRead<'a, T>;
pub(crate) type WriteGuard<'a, T> = InnerWrite<'a, T>;

impl<T> SharedLock<T> {
    pub(crate) fn new(value: T) -> SharedLock<T> {
        SharedLock(InnerShared::new(value))
    }

    /// `None` while somebody writes.
    pub(crate) fn try_read(&self) -> Option<ReadGuard<'_, T>> {
        #[cfg(not(tsan))]
        return self.0.try_read().ok();
        #[cfg(tsan)]
        self.0.try_read()
    }

    pub(crate) fn read(&self) -> ReadGuard<'_, T> {
        #[cfg(not(tsan))]
        return self.0.read().unwrap_or_else(PoisonError::into_inner);
        #[cfg(tsan)]
        self.0.read()
    }

    pub(crate) fn write(&self) -> WriteGuard<'_, T> {
        #[cfg(not(tsan))]
        return self.0.write().unwrap_or_else(PoisonError::into_inner);
        #[cfg(tsan)]
        self.0.write()
    }
}
