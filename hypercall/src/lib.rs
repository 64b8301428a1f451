//! What a switch asks of its host: hand over a frame, copy one, make one. Everything else flows
//! the other way: the host calls the switch with frames, bytes and the time.
//!
//! The parameter `H: Hypercall` stands on methods only, never in a type of the switch, so one set
//! of tables serves any host. What a hypercall is not:
//!
//! * time is an argument of each call ([`Nanos`], monotonic, from any origin);
//! * randomness (datapath id, hash seed) is given at construction;
//! * memory is the global allocator; locks and threads are the host's own;
//! * wake-ups are returned values and deadlines.
//!
//! A host never calls the switch from inside a hypercall: what a transmit brings back (a local
//! stack's answer, a second bridge) is queued and delivered after the call has returned.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing
    )
)]

#[cfg(feature = "alloc")]
extern crate alloc;

#[cfg(feature = "alloc")]
pub mod fake;
mod frame;
mod meta;
#[cfg(feature = "alloc")]
mod vec_frame;

use core::fmt;

pub use frame::Frame;
pub use meta::{Gso, GsoKind, Meta, Offload};
#[cfg(feature = "alloc")]
pub use vec_frame::VecFrame;

/// The number of a port, as the host and the switch agree on it.
///
/// `0` names no port. The host chooses the numbers when it adds ports; what the numbers above
/// `0xffffff00` mean is OpenFlow's business, and only [`Port::LOCAL`] ever reaches a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(pub u32);

impl Port {
    /// No port.
    pub const NONE: Port = Port(0);
    /// The host's own network stack, when it has attached one.
    pub const LOCAL: Port = Port(0xffff_fffe);
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A moment on the host's monotonic clock, in nanoseconds from an origin of the host's choice.
///
/// A reading that goes backwards is taken as "no time has passed".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

impl Nanos {
    /// Nanoseconds in a second.
    pub const PER_SECOND: u64 = 1_000_000_000;

    /// A moment `seconds` after the origin.
    ///
    /// ```
    /// # use rumpswitch_hypercall::Nanos;
    /// assert_eq!(Nanos::from_secs(2), Nanos(2_000_000_000));
    /// ```
    pub const fn from_secs(seconds: u64) -> Nanos {
        Nanos(seconds.saturating_mul(Self::PER_SECOND))
    }

    /// A moment `millis` milliseconds after the origin.
    pub const fn from_millis(millis: u64) -> Nanos {
        Nanos(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds from `earlier` to `self`; 0 when the clock went backwards.
    pub const fn since(self, earlier: Nanos) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment `nanos` later.
    #[must_use]
    pub const fn plus(self, nanos: u64) -> Nanos {
        Nanos(self.0.saturating_add(nanos))
    }
}

/// What became of a transmitted frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The host took it; it counts as transmitted.
    Sent,
    /// The host had no room or no such port; it counts as dropped on that port.
    Dropped,
}

/// The host of a switch.
///
/// ```
/// use rumpswitch_hypercall::{Frame, Hypercall, Meta, Port, Sent, VecFrame};
///
/// struct Printer;
/// impl Hypercall for Printer {
///     type Frame = VecFrame;
///     fn transmit(&mut self, port: Port, _: &Meta, frame: VecFrame) -> Sent {
///         println!("{} bytes out of port {port}", frame.len());
///         Sent::Sent
///     }
///     fn duplicate(&mut self, frame: &VecFrame) -> Option<VecFrame> {
///         Some(frame.clone())
///     }
///     fn allocate(&mut self, len: usize) -> Option<VecFrame> {
///         Some(VecFrame::zeroed(len))
///     }
/// }
/// ```
pub trait Hypercall {
    /// What the host's frames are: a heap buffer, an mbuf chain, a ring slot.
    type Frame: Frame;

    /// Sends `frame` out of `port`. The host owns it from here on.
    fn transmit(&mut self, port: Port, meta: &Meta, frame: Self::Frame) -> Sent;

    /// Takes back a frame that the switch sends nowhere, so that a host with a store of buffers
    /// keeps it.
    fn discard(&mut self, frame: Self::Frame) {
        drop(frame);
    }

    /// Ends a batch: what was handed to [`transmit`](Self::transmit) should be on its way.
    fn flush(&mut self) {}

    /// A second frame of the same bytes: its headers are privately writable, its payload may be
    /// shared with `frame`. `None` when memory is short.
    fn duplicate(&mut self, frame: &Self::Frame) -> Option<Self::Frame>;

    /// A frame of `len` zero bytes, all of them contiguous. `None` when memory is short.
    fn allocate(&mut self, len: usize) -> Option<Self::Frame>;
}
