//! One host made into several: one for each worker of a switch, and one for control.
//!
//! Every worker has a host of its own, with all ports in it: those that it owns, its own handles of
//! those that can be shared, and relays to the owners of the others (`relay.rs`). Control has relays
//! only. Nothing is shared between them but inboxes.

use std::sync::Arc;

use hypercall::{Hypercall, Meta, Port, Sent, VecFrame};

use super::{Slot, UnixHost};
use crate::port::PortIo;
use crate::relay::{Inbox, Relay};
use crate::waker::Waker;
use crate::{BURST, Error};

impl UnixHost {
    /// The host of each of several workers, with the inboxes of the ports that it owns, and the one
    /// of control, which sends by the owners. `wakers` wake the workers.
    pub(crate) fn split(mut self, wakers: &[Arc<Waker>]) -> Result<Split, Error> {
        let count = wakers.len();
        let mut workers: Vec<WorkerHost> = Vec::new();
        workers.resize_with(count, WorkerHost::default);
        let mut control = UnixHost::default();
        for (index, mut slot) in self.slots.drain(..).enumerate() {
            let owner = index % count;
            let inbox = Arc::new(Inbox::new(&mut *slot.io, Arc::clone(&wakers[owner])));
            let shape = slot.shape().map(|(queues, kbps)| (queues.to_vec(), kbps));
            let shared = match shape.is_some() {
                false => slot.io.share(count - 1)?,
                true => Vec::new(),
            };
            let accepts = slot.accepts;
            let mut shared = shared.into_iter();
            let stand_in = |io: Option<Box<dyn PortIo>>| {
                let relay = || Box::new(Relay { inbox: Arc::clone(&inbox), accepts });
                let io = io.unwrap_or_else(|| relay());
                Slot {
                    name: slot.name.clone(),
                    io,
                    queue: Vec::with_capacity(BURST),
                    shaper: None,
                    shaped_elsewhere: shape.clone(),
                    failure: None,
                    ..slot
                }
            };
            control.slots.push(stand_in(None));
            for (number, worker) in workers.iter_mut().enumerate() {
                if number != owner {
                    worker.host.slots.push(stand_in(shared.next()));
                }
            }
            let worker = &mut workers[owner];
            if slot.shaper.is_some() {
                worker.host.shaped.push(index);
            }
            worker.inboxes.push((index, inbox));
            worker.host.slots.push(slot);
        }
        Ok(Split { control, workers })
    }
}

/// The hosts of several workers and of control.
pub(crate) struct Split {
    pub(crate) control: UnixHost,
    pub(crate) workers: Vec<WorkerHost>,
}

/// The host of one of several workers.
#[derive(Default)]
pub(crate) struct WorkerHost {
    pub(crate) host: UnixHost,
    /// Of the slots that it owns.
    pub(crate) inboxes: Vec<(usize, Arc<Inbox>)>,
}

/// A host that keeps what it is given until it is flushed itself: for those who hold a lock
/// meanwhile.
pub(crate) struct Deferred<'a>(pub(crate) &'a mut UnixHost);

impl Hypercall for Deferred<'_> {
    type Frame = VecFrame;

    fn transmit(&mut self, port: Port, meta: &Meta, frame: VecFrame) -> Sent {
        self.0.take(port, meta, frame, false)
    }

    fn discard(&mut self, frame: VecFrame) {
        self.0.discard(frame);
    }

    fn duplicate(&mut self, frame: &VecFrame) -> Option<VecFrame> {
        self.0.duplicate(frame)
    }

    fn allocate(&mut self, len: usize) -> Option<VecFrame> {
        self.0.allocate(len)
    }
}
