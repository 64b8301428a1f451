//! The program `rumpswitch`.
fn main() {}
