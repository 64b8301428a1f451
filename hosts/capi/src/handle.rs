//! The opaque switch: a magic word, a word that says whether it is in a call, and what is behind them.
//! A caller gets at that only through [`Entered`], of which there is one at a time.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicU64};

use datapath::Batch;
use hypercall::Nanos;
use switch_dev::{ChannelId, Device, Readiness};

use crate::abi::NEVER;
use crate::error::Error;
use crate::frame::HostFrame;
use crate::host::{Calls, Host};

/// "rumpsw01".
const MAGIC: u64 = u64::from_be_bytes(*b"rumpsw01");

/// `struct rumpswitch`.
pub struct Handle {
    magic: AtomicU64,
    is_entered: AtomicBool,
    calls: Calls,
    inner: UnsafeCell<Inner>,
}

/// What is behind a handle.
pub(crate) struct Inner {
    pub(crate) device: Box<Device>,
    /// Frames on their way in: too much for a kernel's stack.
    pub(crate) batch: Box<Batch<HostFrame>>,
    /// The channels and what was last told of them, oldest first.
    pub(crate) channels: Vec<Told>,
    /// Whether the channels were ended.
    pub(crate) is_going: bool,
}

/// A channel, and what its host knows that it is ready for.
pub(crate) struct Told {
    pub(crate) id: ChannelId,
    pub(crate) ready: Readiness,
}

/// A switch in a call: the only way to what is behind it.
pub(crate) struct Entered<'a> {
    handle: &'a Handle,
}

impl Handle {
    pub(crate) fn new(calls: Calls, inner: Inner) -> Handle {
        Handle {
            magic: AtomicU64::new(MAGIC),
            is_entered: AtomicBool::new(false),
            calls,
            inner: UnsafeCell::new(inner),
        }
    }

    /// Begins a call on a switch.
    ///
    /// # Safety
    ///
    /// `handle` is NULL, misaligned, or points to memory that says by its first word whether it is a
    /// switch that lives as long as the result.
    pub(crate) unsafe fn enter<'a>(handle: *const Handle) -> Result<Entered<'a>, Error> {
        // SAFETY: by the contract above.
        let handle = unsafe { Handle::check(handle) }?;
        if handle.is_entered.swap(true, Acquire) {
            return Err(Error::Busy);
        }
        Ok(Entered { handle })
    }

    /// Whether there is a switch.
    ///
    /// # Safety
    ///
    /// That of [`enter`](Handle::enter).
    unsafe fn check<'a>(handle: *const Handle) -> Result<&'a Handle, Error> {
        if handle.is_null() || !handle.is_aligned() {
            return Err(Error::BadArgument);
        }
        // SAFETY: the word is there, by the contract of `enter`. It is the only one that is looked at
        // before it has said that this is a switch.
        let magic = unsafe { &(*handle).magic };
        if magic.load(Relaxed) != MAGIC {
            return Err(Error::BadArgument);
        }
        // SAFETY: it is a switch.
        Ok(unsafe { &*handle })
    }
}

impl<'a> Entered<'a> {
    /// What is behind the handle, and the host.
    pub(crate) fn parts(&mut self) -> (&mut Inner, Host) {
        // SAFETY: there is one `Entered` of a switch at a time, and it is borrowed as long as this is.
        (unsafe { &mut *self.handle.inner.get() }, Host::new(&self.handle.calls))
    }

    pub(crate) fn inner(&mut self) -> &mut Inner {
        self.parts().0
    }

    pub(crate) fn calls(&self) -> &'a Calls {
        &self.handle.calls
    }

    /// Tells the host which channels have become ready, at the end of a call.
    pub(crate) fn tell(&mut self) {
        let calls = self.calls();
        let Inner { device, channels, .. } = self.inner();
        for Told { id, ready } in channels {
            let now = device.readiness(*id);
            let risen = now.difference(*ready);
            *ready = now;
            if let (false, Some(wake)) = (risen.is_empty(), calls.table.wake) {
                // SAFETY: it asks for nothing but the host's own name.
                unsafe { wake(calls.host, id.get(), u32::from(risen.bits())) };
            }
        }
    }

    /// Ends the switch: the magic word is no more, and no call begins again.
    pub(crate) fn end(self) {
        self.handle.magic.store(0, Relaxed);
        core::mem::forget(self);
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.handle.is_entered.store(false, Release);
    }
}

impl Inner {
    /// The channel of this name.
    pub(crate) fn channel(&self, id: u64) -> Result<ChannelId, Error> {
        let at = self.channels.binary_search_by_key(&id, |told| told.id.get());
        let told = at.ok().and_then(|at| self.channels.get(at));
        told.map(|told| told.id).ok_or(Error::BadChannel)
    }

    pub(crate) fn next_deadline(&self) -> u64 {
        self.device.next_deadline().map_or(NEVER, |Nanos(at)| at)
    }
}
