//! A patch cable: two ports of this process, of one switch or of two. Frames change hands without
//! a copy and keep their offloads.

use std::{
    collections::VecDeque,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use hypercall::Meta;
use rustix::event::{EventfdFlags, eventfd};

use crate::{
    BURST, Error,
    pool::{MAX_FRAME, Pool},
    port::{Accepts, Outgoing, PortInfo, PortIo, Received, Wait},
    sync::Mutex,
};

/// Frames that wait in one direction.
const QUEUE: usize = 1024;

/// One direction of the cable.
struct Lane {
    frames: Mutex<VecDeque<Outgoing>>,
    /// Readable while there are frames.
    event: OwnedFd,
}

impl Lane {
    fn new() -> Result<Arc<Lane>, Error> {
        let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)
            .map_err(|errno| Error::io("make an event descriptor", errno))?;
        Ok(Arc::new(Lane { frames: Mutex::new(VecDeque::with_capacity(QUEUE)), event }))
    }
}

/// One end of a patch cable.
pub struct PairPort {
    incoming: Arc<Lane>,
    outgoing: Arc<Lane>,
    accepts: Accepts,
}

impl PairPort {
    /// Two ends whose frames keep their offloads.
    ///
    /// # Errors
    /// When the system has no descriptor left.
    pub fn new() -> Result<(PairPort, PairPort), Error> {
        PairPort::with(Accepts::ALL)
    }

    /// Two ends that take unfinished what `accepts` says.
    ///
    /// # Errors
    /// When the system has no descriptor left.
    pub fn with(accepts: Accepts) -> Result<(PairPort, PairPort), Error> {
        let (there, back) = (Lane::new()?, Lane::new()?);
        let near = PairPort { incoming: back.clone(), outgoing: there.clone(), accepts };
        Ok((near, PairPort { incoming: there, outgoing: back, accepts }))
    }

    /// Whether the other end is still there.
    fn is_whole(&self) -> bool {
        Arc::strong_count(&self.outgoing) > 1
    }
}

impl PortIo for PairPort {
    fn receive(&mut self, _: &mut Pool, into: &mut Vec<Received>) -> Result<usize, Error> {
        let mut frames = self.incoming.frames.lock();
        let count = frames.len().min(BURST);
        into.extend(frames.drain(..count).map(|out| Received {
            frame: out.frame,
            meta: Meta { offload: out.meta.offload, ..Meta::default() },
        }));
        if frames.is_empty() {
            let _ = rustix::io::read(&self.incoming.event, &mut [0; 8]);
        }
        Ok(count)
    }

    fn transmit(&mut self, pool: &mut Pool, frames: &mut Vec<Outgoing>) -> Result<usize, Error> {
        if !self.is_whole() {
            let lost = frames.len();
            frames.drain(..).for_each(|out| pool.recycle(out.frame));
            return Ok(lost);
        }
        let mut queue = self.outgoing.frames.lock();
        let was_empty = queue.is_empty();
        let count = frames.len().min(QUEUE - queue.len());
        queue.extend(frames.drain(..count));
        if was_empty && count > 0 {
            rustix::io::write(&self.outgoing.event, &1u64.to_ne_bytes())
                .map_err(|errno| Error::io("wake the other end of a pair", errno))?;
        }
        Ok(0)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.incoming.event.as_fd())
    }

    fn wait_transmit(&self) -> Wait {
        Wait::Moment
    }

    fn accepts(&self) -> Accepts {
        self.accepts
    }

    fn info(&mut self) -> PortInfo {
        let max_frame = MAX_FRAME as u32;
        PortInfo { link: self.is_whole(), hw_addr: None, speed_kbps: None, max_frame }
    }
}
