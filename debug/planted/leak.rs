//! Loses a frame: the leak checks of AddressSanitizer and memcheck have to say so.

use std::hint::black_box;

fn lose() {
    let frame: Box<[u8]> = black_box(vec![2_u8; 60]).into_boxed_slice();
    // Not even its address is kept.
    black_box(Box::leak(frame).len());
}

fn main() {
    lose();
    // What is left of the address on the stack is written over.
    println!("{}", black_box([1_u8; 4096]).iter().map(|byte| u32::from(*byte)).sum::<u32>());
}
