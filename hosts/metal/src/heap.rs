//! Memory: all that is behind the image, in the hands of an allocator whose calls take constant time and
//! whose free blocks join, so that the churn of flow entries neither leaks nor slows down.

use spinning_top::RawSpinlock;
use talc::{TalcLock, source::Manual};

#[global_allocator]
static HEAP: TalcLock<RawSpinlock, Manual> = TalcLock::new(Manual);

/// Gives memory to the allocator; `false` when it is too little for anything.
///
/// # Safety
/// The range is memory that is mapped, and nobody else uses it, ever.
pub(crate) unsafe fn claim(address: usize, len: usize) -> bool {
    // SAFETY: the caller says so.
    unsafe { HEAP.lock().claim(address as *mut u8, len) }.is_some()
}

/// Bytes in use and bytes free.
pub(crate) fn usage() -> (usize, usize) {
    let heap = HEAP.lock();
    let counters = heap.counters();
    (counters.allocated_bytes, counters.available_bytes)
}
