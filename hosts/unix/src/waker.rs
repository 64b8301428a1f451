//! Waking a thread that waits in epoll: an event descriptor.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};

use crate::Error;

/// Readable from a call of [`wake`](Self::wake) until [`rest`](Self::rest).
pub(crate) struct Waker {
    event: OwnedFd,
    /// The same for threads of a model, where no thread may sleep in the kernel.
    #[cfg(all(test, loom))]
    pub(crate) bell: crate::models::Bell,
}

impl Waker {
    pub(crate) fn new() -> Result<Waker, Error> {
        let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)
            .map_err(|errno| Error::io("make an event descriptor", errno))?;
        Ok(Waker {
            event,
            #[cfg(all(test, loom))]
            bell: Default::default(),
        })
    }

    pub(crate) fn wake(&self) {
        // A counter that is full is readable.
        let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
        #[cfg(all(test, loom))]
        self.bell.ring();
    }

    pub(crate) fn rest(&self) {
        let _ = rustix::io::read(&self.event, &mut [0; 8]);
        #[cfg(all(test, loom))]
        self.bell.rest();
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}
