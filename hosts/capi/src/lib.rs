//! The C interface: what `include/rumpswitch.h` declares, over [`switch_dev::Device`].
//!
//! # What
//!
//! Each function of the header is here under its name. `abi.rs` has the header's structures, `handle.rs`
//! the opaque switch and the checks of its callers, `frame.rs` and `host.rs` what the core sees of the
//! host; the functions are in `switch.rs`, `ports.rs`, `drops.rs`, `device.rs`, `ioctl.rs` and `platform.rs`.
//!
//! # Design
//!
//! A call comes in by three steps: what it was given is checked (NULL, alignment, revision, magic word,
//! and whether a call on the same switch is under way), the device is called, and what has become ready
//! is told. Only then is a result written, so that after an error nothing has changed hands.
//!
//! This crate is an ordinary member of the workspace and uses whatever allocator there is. The library
//! that C programs link is `hosts/capi/lib`: outside the workspace, since it brings the allocator
//! ([`PlatformAllocator`]) and the panic handler, which there can be one of in a program.
//!
//! # What it costs
//!
//! A call: some twenty checks and one atomic exchange. A frame: the copy of a structure of 64 bytes.
//!
//! # What it does not do
//!
//! It does not lock: one switch is one thread's at a time. A second one that comes meanwhile is
//! answered BUSY, as is a hypercall that calls back.
#![no_std]

extern crate alloc;

pub mod abi;
mod device;
mod drops;
mod error;
mod frame;
mod handle;
mod host;
mod ioctl;
mod platform;
mod ports;
mod switch;

pub use device::*;
pub use drops::*;
pub use error::*;
pub use handle::Handle;
pub use ioctl::rumpswitch_ioctl;
pub use platform::*;
pub use ports::*;
pub use switch::*;
