//! Two threads add to a word without a lock: ThreadSanitizer has to say so.

use std::{cell::UnsafeCell, thread};

struct Word(UnsafeCell<u64>);

// SAFETY: none; this is the fault.
unsafe impl Sync for Word {}

static WORD: Word = Word(UnsafeCell::new(0));

fn main() {
    // SAFETY: none; the other thread does the same.
    let add = || (0..1000).for_each(|_| unsafe { *WORD.0.get() += 1 });
    let other = thread::spawn(add);
    add();
    other.join().unwrap();
    // SAFETY: the other thread is over.
    println!("{}", unsafe { *WORD.0.get() });
}
