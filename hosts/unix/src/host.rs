//! The hypercalls over a set of ports: what the switch transmits is queued by port and sent in
//! bursts; what a port cannot do itself is done here.

mod split;

use datapath::{PortConfig, QueueConfig, Tables, checksum};
use hypercall::{Frame, Hypercall, Meta, Nanos, Offload, Port, Sent, VecFrame};
use ofp_codec::{HwAddr, OfpError, PortFeatures, PortState};

use crate::{
    BURST, Error, OpenPort, QueueSpec, RateSpec, clock,
    pool::Pool,
    port::{Accepts, Outgoing, PortInfo, PortIo, Received},
    segment::segment,
    shape::PortShaper,
};

pub(crate) use split::{Deferred, Split, WorkerHost};

/// Frames that wait for a port that has no room, beyond which it drops.
const QUEUE: usize = 512;

/// The same while nothing is sent before the end of a batch.
const DEFERRED: usize = 8192;

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
    /// What the port stands on, and what it stood on when the switch was last told of it.
    identity: Option<u64>,
    shown: Option<u64>,
    queue: Vec<Outgoing>,
    /// What waits before that, on a port that shapes.
    shaper: Option<Box<PortShaper>>,
    /// Queues and rate of a port that another worker shapes.
    shaped_elsewhere: Option<(Vec<QueueConfig>, Option<u32>)>,
    lost: u64,
    /// Whether the last attempt to send left frames behind.
    pub(crate) is_blocked: bool,
    /// Whether the port ended for good.
    pub(crate) is_over: bool,
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
    /// Slots that shape.
    shaped: Vec<usize>,
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
                identity: port.io.identity(),
                shown: port.io.identity(),
                accepts: port.io.accepts(),
                io: port.io,
                queue: Vec::with_capacity(BURST),
                shaper: None,
                shaped_elsewhere: None,
                lost: 0,
                is_blocked: false,
                is_over: false,
                failure: None,
            })
            .collect();
        slots.sort_by_key(|slot| slot.number);
        UnixHost { pool: Pool::default(), slots, dirty: Vec::new(), shaped: Vec::new() }
    }

    /// The ports: number, name, and the link as it was last asked for.
    pub fn ports(&self) -> impl Iterator<Item = (Port, &str, PortInfo)> {
        self.slots.iter().map(|slot| (slot.number, &slot.name[..], slot.info))
    }

    /// Gives ports rates and queues, before they are [attached](Self::attach): what they send is
    /// shaped from then on, to the rate given or else to the speed of the link.
    ///
    /// # Errors
    /// [`Error::Shape`], for one that names a port that is not there or was given before, for a port
    /// whose speed nothing tells, and for queues that are guaranteed more than their port has.
    pub fn shape(&mut self, rates: &[RateSpec], queues: &[QueueSpec]) -> Result<(), Error> {
        let fail =
            |spec: String, reason: &str| Err(Error::Shape { spec, reason: reason.to_owned() });
        for (index, rate) in rates.iter().enumerate() {
            let name = format!("{}={}k", rate.port, rate.kbps);
            if self.find(rate.port).is_none() {
                return fail(name, "there is no such port");
            }
            if rates[..index].iter().any(|earlier| earlier.port == rate.port) {
                return fail(name, "the port has a rate already");
            }
        }
        for (index, spec) in queues.iter().enumerate() {
            if self.find(spec.port).is_none() {
                return fail(spec.to_string(), "there is no such port");
            }
            let same = |e: &&QueueSpec| e.port == spec.port && e.queue.id == spec.queue.id;
            if queues[..index].iter().any(|earlier| same(&earlier)) {
                return fail(spec.to_string(), "the port has this queue already");
            }
        }
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let rate = rates.iter().find(|rate| rate.port == slot.number).map(|rate| rate.kbps);
            let own = queues.iter().filter(|spec| spec.port == slot.number);
            let own: Vec<QueueConfig> = own.map(|spec| spec.queue).collect();
            if rate.is_none() && own.is_empty() {
                continue;
            }
            let whole = QueueConfig::WHOLE;
            let min = own.iter().map(|queue| queue.min_rate).filter(|min| *min <= whole);
            if min.map(u32::from).sum::<u32>() > u32::from(whole) {
                let name = format!("port {}", slot.number);
                return fail(name, "its queues are guaranteed more than 100% together");
            }
            match PortShaper::new(rate, slot.info.speed_kbps, own) {
                Some(shaper) => slot.shaper = Some(Box::new(shaper)),
                None => {
                    let name = format!("port {}", slot.number);
                    return fail(
                        name,
                        "queues need a rate, and the link has none: give the port one",
                    );
                }
            }
            self.shaped.push(index);
        }
        Ok(())
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
        slot.io.receive(&mut self.pool, into).inspect_err(|_| slot.end(&mut self.pool))
    }

    /// The first slot from `from` on whose port has a frame for sure.
    pub(crate) fn next_with_frames(&self, from: usize) -> Option<usize> {
        let has_frames = |at: &usize| {
            let slot = &self.slots[*at];
            !slot.is_over && slot.io.has_frames()
        };
        (from..self.slots.len()).find(has_frames)
    }

    /// Sends on what ports had no room for.
    pub fn resume(&mut self) {
        for slot in self.slots.iter_mut().filter(|slot| slot.is_blocked) {
            slot.send(&mut self.pool);
            if slot.shaper.is_some() && !slot.is_blocked {
                slot.release(&mut self.pool, clock::now());
            }
        }
    }

    /// Hands shaped ports what they may send now.
    pub(crate) fn release(&mut self, now: Nanos) {
        for index in &self.shaped {
            self.slots[*index].release(&mut self.pool, now);
        }
    }

    /// When a shaped port that has room may send.
    pub(crate) fn next_release(&self) -> Option<Nanos> {
        let slots = self.shaped.iter().map(|index| &self.slots[*index]);
        let open = slots.filter(|slot| !slot.is_blocked);
        open.filter_map(|slot| slot.shaper.as_ref()?.next_deadline()).min()
    }

    /// Ports and queues of frames that the switch was told are on their way, and that are lost.
    pub(crate) fn take_lost(&mut self) -> Vec<(Port, u32)> {
        let mut lost = Vec::new();
        for index in &self.shaped {
            let slot = &mut self.slots[*index];
            let queues = slot.shaper.as_mut().map(|shaper| shaper.take_lost()).unwrap_or_default();
            lost.extend(queues.into_iter().map(|queue| (slot.number, queue)));
        }
        lost
    }

    /// Tells the switch how a port is now. One that lost what it stood on is no port any more, and
    /// another interface of the same name is another port: what a controller has learned of the
    /// old one (its address, its configuration) does not hold for it.
    pub(crate) fn show(&mut self, index: usize, now: Nanos, tables: &mut Tables) {
        let seed = tables.config().datapath_id;
        let slot = &mut self.slots[index];
        let before = std::mem::replace(&mut slot.shown, slot.identity);
        // Only a port that was never attached is refused, and nobody misses it.
        let _ = match (before, slot.identity) {
            (before, after) if before == after && after.is_some() => {
                tables.port_change(slot.describe(seed))
            }
            (before, after) => {
                let removed = before.map_or(Ok(()), |_| tables.port_remove(slot.number));
                let added = after.map_or(Ok(()), |_| tables.port_add(now, slot.describe(seed)));
                removed.and(added)
            }
        };
    }

    /// Asks a port for its link again. `Some` when something changed.
    pub(crate) fn refresh(&mut self, index: usize) -> Option<PortInfo> {
        let slot = &mut self.slots[index];
        if slot.is_over {
            return None;
        }
        let stood_on = std::mem::replace(&mut slot.identity, slot.io.identity());
        let before = std::mem::replace(&mut slot.info, slot.io.info());
        if let (Some(shaper), Some(speed)) = (&mut slot.shaper, slot.info.speed_kbps) {
            shaper.set_speed(speed);
        }
        (before != slot.info || stood_on != slot.identity).then_some(slot.info)
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
        let shape = self.shape();
        let rate = shape.and_then(|(_, rate)| rate);
        let (curr, curr_speed) = match rate {
            Some(rate) if link => (features(rate), rate),
            _ => (curr, curr_speed),
        };
        PortConfig {
            queues: shape.map(|(queues, _)| queues.to_vec()).unwrap_or_default(),
            hw_addr: HwAddr(hw_addr.unwrap_or_else(|| made_up_address(seed, self.number))),
            state: if link { PortState::empty() } else { PortState::LINK_DOWN },
            curr,
            curr_speed,
            max_speed: speed_kbps.or(rate).unwrap_or(0),
            max_frame,
            ..PortConfig::new(self.number, &self.name)
        }
    }

    /// Queues and rate of a port that shapes.
    fn shape(&self) -> Option<(&[QueueConfig], Option<u32>)> {
        match (&self.shaper, &self.shaped_elsewhere) {
            (Some(shaper), _) => Some((&shaper.queues, shaper.kbps)),
            (None, Some((queues, kbps))) => Some((queues, *kbps)),
            (None, None) => None,
        }
    }

    fn end(&mut self, pool: &mut Pool) {
        self.is_over = true;
        self.info.link = false;
        if let Some(shaper) = &mut self.shaper {
            shaper.lose(|frame| pool.recycle(frame));
        }
    }

    /// Takes from the queues what may be sent now, and sends it.
    fn release(&mut self, pool: &mut Pool, now: Nanos) {
        while !self.is_blocked {
            let Some((meta, frame)) = self.shaper.as_mut().and_then(|shaper| shaper.pop(now))
            else {
                break;
            };
            if self.push(pool, &meta, frame) == Sent::Dropped {
                self.lost += 1;
            }
            if self.queue.len() >= BURST {
                self.send(pool);
            }
        }
        if !self.is_blocked {
            self.send(pool);
        }
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
                self.end(pool);
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
        self.take(port, meta, frame, true)
    }

    fn flush(&mut self) {
        for index in self.dirty.drain(..) {
            let slot = &mut self.slots[index];
            if slot.shaper.is_some() {
                slot.release(&mut self.pool, clock::now());
            } else if !slot.is_blocked {
                slot.send(&mut self.pool);
            }
        }
    }

    fn discard(&mut self, frame: VecFrame) {
        self.pool.recycle(frame);
    }

    fn duplicate(&mut self, frame: &VecFrame) -> Option<VecFrame> {
        self.pool.duplicate(frame)
    }

    fn allocate(&mut self, len: usize) -> Option<VecFrame> {
        self.pool.zeroed(len)
    }
}

impl UnixHost {
    /// Takes a frame that the switch transmits; `sends` says whether a full burst may leave at once.
    fn take(&mut self, port: Port, meta: &Meta, frame: VecFrame, sends: bool) -> Sent {
        let index = self.find(port);
        let Some(slot) = index.and_then(|index| self.slots.get_mut(index)) else {
            self.pool.recycle(frame);
            return Sent::Dropped;
        };
        let room = if sends || slot.is_blocked { QUEUE } else { DEFERRED };
        if slot.is_over || slot.queue.len() >= room {
            self.pool.recycle(frame);
            return Sent::Dropped;
        }
        if let Some(shaper) = &mut slot.shaper {
            if let Err(frame) = shaper.push(meta, frame) {
                self.pool.recycle(frame);
                return Sent::Dropped;
            }
            if !slot.is_blocked {
                self.dirty.extend(index.filter(|index| !self.dirty.contains(index)));
            }
            return Sent::Sent;
        }
        let was_empty = slot.queue.is_empty();
        let sent = slot.push(&mut self.pool, meta, frame);
        if slot.is_blocked {
            return sent;
        }
        if sends && slot.queue.len() >= BURST {
            slot.send(&mut self.pool);
        } else if was_empty {
            self.dirty.extend(index);
        }
        sent
    }
}
