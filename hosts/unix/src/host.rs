//! The hypercalls over a set of ports: what the switch transmits is queued by port and sent in
//! bursts; what a port cannot do itself is done here.

use hypercall::{Frame, Hypercall, Meta, Offload, Port, Sent, VecFrame};

use crate::{
    BURST, Error, OpenPort, checksum,
    pool::Pool,
    port::{Accepts, Outgoing, PortInfo, PortIo, Received},
    segment::segment,
};

/// Frames that wait for a port that has no room, beyond which it drops.
const QUEUE: usize = 512;

/// What happened at a port that the switch does not know of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortCounters {
    /// Frames that the switch transmitted and that the system then lost.
    pub lost: u64,
    /// Frames that came and could not be taken.
    pub refused: u64,
}

/// A port in use.
pub(crate) struct Slot {
    pub(crate) number: Port,
    pub(crate) name: String,
    pub(crate) io: Box<dyn PortIo>,
    pub(crate) info: PortInfo,
    accepts: Accepts,
    queue: Vec<Outgoing>,
    lost: u64,
    /// Whether the last attempt to send left frames behind.
    pub(crate) is_blocked: bool,
    /// What ended the port.
    failure: Option<Error>,
}

/// A Unix process as the host of one switch.
///
/// ```
/// use hypercall::{Hypercall, Meta, Port, Sent, VecFrame};
/// use rumpswitch_unix::{Opener, UnixHost};
///
/// let mut opener = Opener::default();
/// let mut host = UnixHost::new(opener.open(&["pair:p".parse()?, "pair:p".parse()?])?);
/// let frame = VecFrame::from_bytes(&[0; 60]);
/// assert_eq!(host.transmit(Port(1), &Meta::default(), frame), Sent::Sent);
/// host.flush();
/// let mut received = Vec::new();
/// assert_eq!(host.receive(Port(2), &mut received)?, 1);
/// # Ok::<(), rumpswitch_unix::Error>(())
/// ```
#[derive(Default)]
pub struct UnixHost {
    pool: Pool,
    /// By number.
    slots: Vec<Slot>,
    /// Slots with frames to send that are not blocked.
    dirty: Vec<usize>,
}

impl UnixHost {
    /// A host with these ports.
    pub fn new(ports: Vec<OpenPort>) -> UnixHost {
        let mut slots: Vec<Slot> = ports
            .into_iter()
            .map(|mut port| Slot {
                number: port.number,
                name: port.name,
                info: port.io.info(),
                accepts: port.io.accepts(),
                io: port.io,
                queue: Vec::with_capacity(BURST),
                lost: 0,
                is_blocked: false,
                failure: None,
            })
            .collect();
        slots.sort_by_key(|slot| slot.number);
        UnixHost { pool: Pool::default(), slots, dirty: Vec::new() }
    }

    /// The ports: number, name, and the link as it was last asked for.
    pub fn ports(&self) -> impl Iterator<Item = (Port, &str, PortInfo)> {
        self.slots.iter().map(|slot| (slot.number, &slot.name[..], slot.info))
    }

    /// What the system lost at a port.
    pub fn counters(&self, port: Port) -> Option<PortCounters> {
        let slot = &self.slots[self.find(port)?];
        Some(PortCounters { lost: slot.lost, refused: slot.io.refused_count() })
    }

    /// Receives a burst from a port, behind what is in `into`, and tells how many frames.
    ///
    /// # Errors
    /// What ended the port, once; it receives nothing from then on.
    pub fn receive(&mut self, port: Port, into: &mut Vec<Received>) -> Result<usize, Error> {
        let Some(index) = self.find(port) else { return Ok(0) };
        self.receive_at(index, into)
    }

    /// Gives the buffers of frames back that the switch did not take.
    pub fn recycle(&mut self, frame: VecFrame) {
        self.pool.recycle(frame);
    }

    /// Writes out what ports keep back, before an orderly end.
    ///
    /// # Errors
    /// The first port's that lost something.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.flush();
        self.slots.iter_mut().map(|slot| slot.io.finish()).fold(Ok(()), Result::and)
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub(crate) fn receive_at(
        &mut self,
        index: usize,
        into: &mut Vec<Received>,
    ) -> Result<usize, Error> {
        let slot = &mut self.slots[index];
        slot.io.receive(&mut self.pool, into).inspect_err(|_| slot.info.link = false)
    }

    /// Sends on what ports had no room for.
    pub fn resume(&mut self) {
        for slot in self.slots.iter_mut().filter(|slot| slot.is_blocked) {
            slot.send(&mut self.pool);
        }
    }

    /// Asks a port for its link again. `Some` when something changed.
    pub(crate) fn refresh(&mut self, index: usize) -> Option<PortInfo> {
        let slot = &mut self.slots[index];
        let before = std::mem::replace(&mut slot.info, slot.io.info());
        (before != slot.info).then_some(slot.info)
    }

    /// What ended ports since the last call.
    pub(crate) fn failures(&mut self) -> impl Iterator<Item = (usize, Error)> {
        let slots = self.slots.iter_mut().enumerate();
        slots.filter_map(|(index, slot)| Some((index, slot.failure.take()?)))
    }

    fn find(&self, port: Port) -> Option<usize> {
        self.slots.binary_search_by_key(&port, |slot| slot.number).ok()
    }
}

impl Slot {
    /// Sends what is queued, as far as there is room.
    fn send(&mut self, pool: &mut Pool) {
        if self.queue.is_empty() {
            self.is_blocked = false;
            return;
        }
        match self.io.transmit(pool, &mut self.queue) {
            Ok(lost) => self.lost += lost as u64,
            Err(error) => {
                self.lost += self.queue.len() as u64;
                self.queue.drain(..).for_each(|out| pool.recycle(out.frame));
                self.info.link = false;
                self.failure = Some(error);
            }
        }
        self.is_blocked = !self.queue.is_empty();
    }

    /// Queues a frame, finished as far as the port wants it.
    fn push(&mut self, pool: &mut Pool, meta: &Meta, mut frame: VecFrame) -> Sent {
        let offload = meta.offload;
        let takes_train = match offload.gso {
            None => true,
            Some(gso) if gso.kind == hypercall::GsoKind::Udp => self.accepts.udp,
            Some(_) => self.accepts.tcp,
        };
        let finished = Meta { offload: Offload::NONE, ..*meta };
        if !takes_train {
            let queue = &mut self.queue;
            let cut = segment(frame.headers(), &offload, pool, |frame| {
                queue.push(Outgoing { frame, meta: finished });
            });
            pool.recycle(frame);
            return if cut.is_some() { Sent::Sent } else { Sent::Dropped };
        }
        let mut meta = *meta;
        if offload.is_partial() && !self.accepts.checksum {
            if !checksum::complete(frame.headers_mut(), &offload) {
                pool.recycle(frame);
                return Sent::Dropped;
            }
            meta = finished;
        }
        self.queue.push(Outgoing { frame, meta });
        Sent::Sent
    }
}

impl Hypercall for UnixHost {
    type Frame = VecFrame;

    fn transmit(&mut self, port: Port, meta: &Meta, frame: VecFrame) -> Sent {
        let index = self.find(port);
        let Some(slot) = index.and_then(|index| self.slots.get_mut(index)) else {
            self.pool.recycle(frame);
            return Sent::Dropped;
        };
        if !slot.info.link || slot.queue.len() >= QUEUE {
            self.pool.recycle(frame);
            return Sent::Dropped;
        }
        let was_empty = slot.queue.is_empty();
        let sent = slot.push(&mut self.pool, meta, frame);
        if slot.is_blocked {
            return sent;
        }
        if slot.queue.len() >= BURST {
            slot.send(&mut self.pool);
        } else if was_empty {
            self.dirty.extend(index);
        }
        sent
    }

    fn flush(&mut self) {
        for index in self.dirty.drain(..) {
            if !self.slots[index].is_blocked {
                self.slots[index].send(&mut self.pool);
            }
        }
    }

    fn duplicate(&mut self, frame: &VecFrame) -> Option<VecFrame> {
        self.pool.duplicate(frame)
    }

    fn allocate(&mut self, len: usize) -> Option<VecFrame> {
        self.pool.zeroed(len)
    }
}
