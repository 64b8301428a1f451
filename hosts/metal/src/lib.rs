//! The switch on a bare virtual machine: the parts that need no unsafe code and no machine, so that
//! they are tested where they are built.
//!
//! * [`Setup`]: what the command line asks for.
//! * [`RingFrame`], [`Pool`]: frames as buffers of a virtqueue.
//! * [`Nic`]: a network card as the rest sees it; [`Ports`]: those that are ports of the switch, and the
//!   host of its hypercalls.
//! * [`Control`]: OpenFlow connections over TCP on the card that is no port.
//! * [`Unikernel`]: all of it together, driven by turns.
//!
//! `main.rs` and its modules are the machine beneath: boot, interrupts, virtqueues, console.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod control;
mod frame;
mod nic;
mod phy;
mod pool;
mod ports;
mod setup;
mod unikernel;

pub use control::{Control, ControlError, MAX_CONTROLLERS};
pub use frame::{HEADER_LEN, HEADROOM, RingFrame};
pub use nic::Nic;
pub use phy::Wire;
pub use pool::Pool;
pub use ports::Ports;
pub use setup::{ControlSetup, PortSetup, Setup, SetupError};
pub use unikernel::{Say, TimePasses, Unikernel, UnikernelError};
