//! The allocator of this test: the system's, until it is told to refuse.
//!
//! What it does is set for one thread and only between [`armed`] and its end, so that neither the test
//! harness nor the test's own bookkeeping is hurt. Growing, shrinking and moving count as allocations:
//! in a kernel `realloc` is a new block, a copy and a free.
#![allow(
    unsafe_code,
    reason = "a global allocator is an unsafe trait; it hands on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;

/// Which allocations are refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refuse {
    /// None.
    None,
    /// The n-th from now on, counted from 1, and no other.
    Nth(u64),
    /// The n-th from now on, and all that follow.
    From(u64),
    /// One of so many, by chance.
    OneOf(u64),
}

struct State {
    is_armed: Cell<bool>,
    refuse: Cell<Refuse>,
    /// Allocations asked for while armed, since [`set`].
    asked: Cell<u64>,
    /// Those refused.
    refused: Cell<u64>,
    random: Cell<u64>,
    /// Whether a refusal prints where it happened.
    shows: Cell<bool>,
}

thread_local! {
    static STATE: State = const {
        State {
            is_armed: Cell::new(false),
            refuse: Cell::new(Refuse::None),
            asked: Cell::new(0),
            refused: Cell::new(0),
            random: Cell::new(1),
            shows: Cell::new(false),
        }
    };
}

/// Sets what is refused from now on, and the counts to 0.
pub(crate) fn set(refuse: Refuse) {
    STATE.with(|state| {
        state.refuse.set(refuse);
        state.asked.set(0);
        state.refused.set(0);
    });
}

/// The seed of the chances.
pub(crate) fn seed(seed: u64) {
    STATE.with(|state| state.random.set(seed | 1));
}

/// Prints the backtrace of each refusal.
pub(crate) fn show() {
    STATE.with(|state| state.shows.set(true));
}

/// Allocations refused since [`set`].
pub(crate) fn refused() -> u64 {
    STATE.with(|state| state.refused.get())
}

/// Runs `what` with refusals.
pub(crate) fn armed<T>(what: impl FnOnce() -> T) -> T {
    STATE.with(|state| state.is_armed.set(true));
    let done = what();
    STATE.with(|state| state.is_armed.set(false));
    done
}

impl State {
    fn is_refused(&self) -> bool {
        if !self.is_armed.get() {
            return false;
        }
        let asked = self.asked.get() + 1;
        self.asked.set(asked);
        let is_refused = match self.refuse.get() {
            Refuse::None => false,
            Refuse::Nth(n) => asked == n,
            Refuse::From(n) => asked >= n,
            Refuse::OneOf(n) => {
                let mut word = self.random.get();
                word ^= word << 13;
                word ^= word >> 7;
                word ^= word << 17;
                self.random.set(word);
                (word >> 16).is_multiple_of(n)
            }
        };
        if is_refused {
            self.refused.set(self.refused.get() + 1);
            if self.shows.get() {
                self.is_armed.set(false);
                eprintln!("refused here:\n{}", Backtrace::force_capture());
                self.is_armed.set(true);
            }
        }
        is_refused
    }
}

/// The system's allocator, which refuses when told to.
struct Refusing;

fn is_refused() -> bool {
    STATE.with(State::is_refused)
}

// SAFETY: every block comes from `System` and goes back to it with the layout that it came with; a null
// pointer is the trait's word for "no memory", and a refused `realloc` leaves the old block as it is.
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match is_refused() {
            true => std::ptr::null_mut(),
            // SAFETY: the caller keeps the contract of `alloc`, which is handed on as it is.
            false => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is one of `System`, with this layout.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match is_refused() {
            true => std::ptr::null_mut(),
            // SAFETY: as in `alloc`.
            false => unsafe { System.alloc_zeroed(layout) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_len: usize) -> *mut u8 {
        match is_refused() {
            true => std::ptr::null_mut(),
            // SAFETY: the block is one of `System`, with this layout; the length is the caller's care.
            false => unsafe { System.realloc(block, layout, new_len) },
        }
    }
}

#[global_allocator]
static ALLOCATOR: Refusing = Refusing;
