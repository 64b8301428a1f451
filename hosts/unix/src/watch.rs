//! Which descriptors of a host's ports an epoll set waits for, and what for.

use std::os::fd::AsFd;

use rustix::event::epoll::{self, EventData, EventFlags};

use crate::{Error, UnixHost, port::Wait};

/// The ports of one host in one epoll set.
pub(crate) struct Watch {
    /// The token of the first slot; the others follow.
    token: u64,
    /// By slot of the host: what is registered.
    registered: Vec<EventFlags>,
    /// Slots that are asked each turn, since no descriptor tells of them.
    pub(crate) asked: Vec<usize>,
    /// Whether ports had no room at the end of the last turn.
    pub(crate) is_blocked: bool,
}

impl Watch {
    /// Waits for frames of all ports.
    pub(crate) fn new(epoll: impl AsFd, host: &UnixHost, token: u64) -> Result<Watch, Error> {
        let mut watch =
            Watch { token, registered: Vec::new(), asked: Vec::new(), is_blocked: false };
        for (at, slot) in host.slots().iter().enumerate() {
            watch.registered.push(EventFlags::IN);
            match slot.io.descriptor() {
                Some(descriptor) => {
                    let data = EventData::new_u64(token | at as u64);
                    epoll::add(&epoll, descriptor, data, EventFlags::IN)
                        .map_err(|errno| Error::io("wait for a descriptor", errno))?;
                }
                None => watch.asked.push(at),
            }
        }
        Ok(watch)
    }

    /// Waits for room in the ports that have none, and no longer in those that have again.
    pub(crate) fn room(&mut self, epoll: impl AsFd, host: &UnixHost) {
        let was_blocked = self.is_blocked;
        self.is_blocked = host.blocked().next().is_some();
        if !was_blocked && !self.is_blocked {
            return;
        }
        for (at, (slot, registered)) in host.slots().iter().zip(&mut self.registered).enumerate() {
            let mut flags = EventFlags::IN;
            if slot.is_blocked && slot.io.wait_transmit() == Wait::Descriptor {
                flags |= EventFlags::OUT;
            }
            if *registered != flags {
                if let Some(descriptor) = slot.io.descriptor() {
                    let data = EventData::new_u64(self.token | at as u64);
                    let _ = epoll::modify(&epoll, descriptor, data, flags);
                }
                *registered = flags;
            }
        }
    }

    /// Waits no longer for a port that ended.
    pub(crate) fn forget(&mut self, epoll: impl AsFd, host: &UnixHost, slot: usize) {
        if let Some(descriptor) = host.slots().get(slot).and_then(|slot| slot.io.descriptor()) {
            let _ = epoll::delete(&epoll, descriptor);
        }
        self.asked.retain(|asked| *asked != slot);
    }

    /// Whether a blocked port has to be tried again though nothing tells of it.
    pub(crate) fn retries(&self, host: &UnixHost) -> bool {
        self.is_blocked && host.blocked().any(|slot| slot.io.wait_transmit() == Wait::Moment)
    }

    /// Whether a port without a descriptor has frames.
    pub(crate) fn asks(&self, host: &UnixHost) -> bool {
        self.asked.iter().any(|slot| host.slots()[*slot].io.wait() == Wait::Moment)
    }
}
