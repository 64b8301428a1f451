//! A port that another worker owns: what is sent to it goes to that worker, which sends it.
//!
//! Ports that have no second descriptor, and ports that shape, have one owner among the workers of a
//! switch. The others have a [`Relay`] in their place, which puts frames into the owner's [`Inbox`] and
//! wakes it. A frame crosses without a copy; its buffer ends in the owner's pool, so that the sender
//! takes memory for its next one. What the owner knows of the link it leaves in the inbox, for control.

use std::mem;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use crate::{
    Error,
    pool::Pool,
    port::{Accepts, Outgoing, PortInfo, PortIo, Received, Wait},
    sync::Mutex,
    waker::Waker,
};

/// Frames that wait for the owner, beyond which they are lost.
const ROOM: usize = 2048;

/// What waits for the owner of a port, and what it knows of the link.
pub(crate) struct Inbox {
    frames: Mutex<Vec<Outgoing>>,
    link: Mutex<(PortInfo, Option<u64>)>,
    owner: Arc<Waker>,
}

impl Inbox {
    pub(crate) fn new(io: &mut dyn PortIo, owner: Arc<Waker>) -> Inbox {
        let link = Mutex::new((io.info(), io.identity()));
        Inbox { frames: Mutex::new(Vec::new()), link, owner }
    }

    /// Takes out what waits; `into` is empty.
    pub(crate) fn take(&self, into: &mut Vec<Outgoing>) {
        mem::swap(&mut *self.frames.lock(), into);
    }

    /// The owner has asked for the link again.
    pub(crate) fn tell(&self, info: PortInfo, identity: Option<u64>) {
        *self.link.lock() = (info, identity);
    }
}

/// Another worker's port.
pub(crate) struct Relay {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) accepts: Accepts,
}

impl PortIo for Relay {
    fn receive(&mut self, _: &mut Pool, _: &mut Vec<Received>) -> Result<usize, Error> {
        Ok(0)
    }

    fn transmit(&mut self, pool: &mut Pool, frames: &mut Vec<Outgoing>) -> Result<usize, Error> {
        let was_empty = {
            let mut waiting = self.inbox.frames.lock();
            let was_empty = waiting.is_empty();
            let count = frames.len().min(ROOM.saturating_sub(waiting.len()));
            waiting.extend(frames.drain(..count));
            was_empty
        };
        if was_empty {
            self.inbox.owner.wake();
        }
        let lost = frames.len();
        frames.drain(..).for_each(|out| pool.recycle(out.frame));
        Ok(lost)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn wait(&self) -> Wait {
        Wait::Nothing
    }

    fn accepts(&self) -> Accepts {
        self.accepts
    }

    fn info(&mut self) -> PortInfo {
        self.inbox.link.lock().0
    }

    fn identity(&self) -> Option<u64> {
        self.inbox.link.lock().1
    }
}
