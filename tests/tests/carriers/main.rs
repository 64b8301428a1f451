//! Every field on every frame that carries it: matched, masked and missed, set and compared byte for
//! byte; every push, pop and TTL action with the values that a new header takes over. What is expected
//! comes from stacks of values built anew (`stack.rs`), not from bytes that were changed.

mod bench;
mod fields;
mod frames;
mod prerequisites;
mod rewrites;
mod sets;
mod short;
mod stack;
mod tags;
mod ttl;
