//! The atomic words that workers share, from one place: core's, or loom's under `--cfg loom`, which
//! plays every order in which threads can reach them (`models.rs`, `debug/run.sh loom`).

#[cfg(not(loom))]
pub(crate) use core::{
    hint::spin_loop,
    sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering, fence},
};
#[cfg(loom)]
pub(crate) use loom::{
    hint::spin_loop,
    sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering, fence},
};
