//! The hypercalls over a set of ports: what the switch transmits is queued by port and sent in
//! bursts; what a port cannot do itself is done here.

use datapath::{PortConfig, Tables, checksum};
use hypercall::{Frame, Hypercall, Meta, Nanos, Offload, Port, Sent, VecFrame};
use ofp_codec::{HwAddr, OfpError, PortFeatures, PortState};

use crate::{
    BURST, Error, OpenPort,
    pool::Pool,
    port::{Accepts, Outgoing, PortInfo, PortIo, Received},
    segment::segment,
};

/// Frames that wait for a port that has no room, beyond which it drops.
const QUEUE: usize = 512;

/// Where SCTP's checksum is, from the start of its header: no other transport's is there.
const SCTP: u16 = 8;

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
    /// Whether the port ended for good.
    is_over: bool,
    /// Why it did, until somebody asked.
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
                is_over: false,
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

    /// Tells the switch of the ports.
    ///
    /// # Errors
    /// The tables': a number that is taken, or no memory.
    pub fn attach(&self, now: Nanos, tables: &mut Tables) -> Result<(), OfpError> {
        let seed = tables.config().datapath_id;
        self.slots.iter().try_for_each(|slot| tables.port_add(now, slot.describe(seed)))
    }

    /// What the system lost at a port.
    pub fn counters(&self, port: Port) -> Option<PortCounters> {
        Some(self.slots[self.find(port)?].counters())
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
        if slot.is_over {
            return Ok(0);
        }
        slot.io.receive(&mut self.pool, into).inspect_err(|_| slot.end())
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
        if slot.is_over {
            return None;
        }
        let before = std::mem::replace(&mut slot.info, slot.io.info());
        (before != slot.info).then_some(slot.info)
    }

    /// Ports that had no room for all they were given.
    pub(crate) fn blocked(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| slot.is_blocked)
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

/// The feature bit of a speed.
fn features(speed_kbps: u32) -> PortFeatures {
    match speed_kbps / 1000 {
        10 => PortFeatures::FD_10MB,
        100 => PortFeatures::FD_100MB,
        1_000 => PortFeatures::FD_1GB,
        10_000 => PortFeatures::FD_10GB,
        40_000 => PortFeatures::FD_40GB,
        100_000 => PortFeatures::FD_100GB,
        1_000_000 => PortFeatures::FD_1TB,
        _ => PortFeatures::OTHER,
    }
}

/// A locally administered address for a port that has none: the same one at each start.
fn made_up_address(seed: u64, number: Port) -> [u8; 6] {
    let mixed = (seed ^ u64::from(number.0) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let [_, _, a, b, c, d, e, f] = (mixed ^ mixed >> 29).to_be_bytes();
    [a & 0xfc | 0x02, b, c, d, e, f]
}

impl Slot {
    /// The port as the switch shows it.
    pub(crate) fn describe(&self, seed: u64) -> PortConfig {
        let PortInfo { link, hw_addr, speed_kbps, max_frame } = self.info;
        let (curr, curr_speed) = match speed_kbps {
            Some(speed) if link => (features(speed) | PortFeatures::COPPER, speed),
            _ => (PortFeatures::empty(), 0),
        };
        PortConfig {
            hw_addr: HwAddr(hw_addr.unwrap_or_else(|| made_up_address(seed, self.number))),
            state: if link { PortState::empty() } else { PortState::LINK_DOWN },
            curr,
            curr_speed,
            max_speed: speed_kbps.unwrap_or(0),
            max_frame,
            ..PortConfig::new(self.number, &self.name)
        }
    }

    fn end(&mut self) {
        self.is_over = true;
        self.info.link = false;
    }

    pub(crate) fn counters(&self) -> PortCounters {
        PortCounters { lost: self.lost, refused: self.io.refused_count() }
    }

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
                self.end();
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
        // The kernel sums what it is told to sum, and SCTP's is no sum.
        let is_ours = !self.accepts.checksum || offload.csum_offset == SCTP;
        if is_ours && checksum::complete(&mut frame, &mut meta.offload).is_err() {
            pool.recycle(frame);
            return Sent::Dropped;
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
        if slot.is_over || slot.queue.len() >= QUEUE {
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
