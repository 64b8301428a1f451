//! Decides by a byte that nobody has written: memcheck has to say so.

use std::hint::black_box;

fn main() {
    let mut frame = Vec::<u8>::with_capacity(60);
    // SAFETY: none; this is the fault.
    unsafe { black_box(&mut frame).set_len(60) };
    println!("{}", if black_box(&frame)[30] == 7 { "seven" } else { "another" });
}
