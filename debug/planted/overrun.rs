//! Reads one byte behind a frame: AddressSanitizer and memcheck have to say so.

use std::hint::black_box;

fn main() {
    let frame = black_box(vec![2_u8; 60]);
    // SAFETY: none; this is the fault.
    let behind = unsafe { *frame.as_ptr().add(black_box(60)) };
    println!("{behind}");
}
