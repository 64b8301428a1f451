//! The frames that a host hands over together: each becomes a packet where it will stay until it
//! leaves, so that it is written once.

use core::mem::replace;

use arrayvec::ArrayVec;
use hypercall::{Frame, Meta, Offload, Port};

use crate::counters::Load;
use crate::execute::{Carrier, Copies};
use crate::packet::Packet;

/// Frames in a batch.
pub const BATCH: usize = 32;

/// A frame that the host received.
#[derive(Clone, Debug)]
pub struct Ingress<F> {
    /// The port that it came in by.
    pub port: Port,
    /// What rides with it.
    pub meta: Meta,
    /// Its bytes.
    pub frame: F,
}

/// Frames that are processed together, [`BATCH`] at most. Any number from 1 does; more share the
/// waiting.
///
/// ```
/// use hypercall::{Meta, Port, VecFrame};
/// use rumpswitch_datapath::{Batch, Ingress};
///
/// let mut batch = Batch::new();
/// batch.push(Ingress { port: Port(1), meta: Meta::default(), frame: VecFrame::zeroed(60) });
/// assert_eq!(batch.len(), 1);
/// assert_eq!(batch.drain().next().unwrap().port, Port(1));
/// assert!(batch.is_empty());
/// ```
#[repr(C)] // what is written lies ahead of what is not: else a new one is made on the stack, and copied
pub struct Batch<F> {
    pub(crate) arrived: Arrived,
    pub(crate) flight: ArrayVec<Carrier<F>, BATCH>,
    /// Room for the copies that chained groups make of one of them.
    pub(crate) copies: Copies<F>,
}

/// What the frames of a batch have in common.
pub(crate) struct Arrived {
    /// The bits that the number of some port has, and those that all have: the same when all frames
    /// came in by one port.
    some: u32,
    all: u32,
    /// What they count as, together.
    pub(crate) load: Load,
    /// Bytes of the shortest.
    pub(crate) len_min: usize,
}

impl Arrived {
    const NOTHING: Arrived = Arrived {
        some: 0,
        all: u32::MAX,
        load: Load { packets: 0, bytes: 0 },
        len_min: usize::MAX,
    };

    /// That nothing is known of them.
    const UNKNOWN: Arrived = Arrived { some: u32::MAX, all: 0, ..Arrived::NOTHING };

    #[inline(always)]
    fn add<F: Frame>(&mut self, Ingress { port, meta, frame }: &Ingress<F>) {
        let len = frame.len();
        let (port, load) = (*port, Load::of(len, meta));
        self.some |= port.0;
        self.all &= port.0;
        self.load.add(load);
        self.len_min = self.len_min.min(len);
    }

    /// The port that all came in by.
    #[inline]
    pub(crate) fn port(&self) -> Option<Port> {
        (self.some == self.all).then_some(Port(self.all))
    }

    /// The same, for a batch that is taken out.
    #[inline]
    pub(crate) fn take(&mut self) -> Arrived {
        replace(self, Arrived::NOTHING)
    }
}

impl<F> Batch<F> {
    /// An empty batch.
    pub const fn new() -> Batch<F> {
        let copies = ArrayVec::new_const();
        Batch { flight: ArrayVec::new_const(), copies, arrived: Arrived::NOTHING }
    }

    /// Frames in the batch.
    #[inline]
    pub fn len(&self) -> usize {
        self.flight.len()
    }

    /// Whether there is no frame in the batch.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.flight.is_empty()
    }

    /// Whether no frame more goes into the batch.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.flight.is_full()
    }

    /// Frames that go into a batch.
    #[inline]
    pub const fn capacity(&self) -> usize {
        BATCH
    }

    /// Takes the frames out again, in their order.
    pub fn drain(&mut self) -> impl Iterator<Item = Ingress<F>> + '_ {
        self.arrived = Arrived::NOTHING;
        self.flight.drain(..).map(
            |Carrier { packet: Packet { frame, in_port, meta, .. }, .. }| Ingress {
                port: in_port,
                meta,
                frame,
            },
        )
    }
}

impl<F: Frame> Batch<F> {
    /// Adds a frame.
    ///
    /// # Panics
    ///
    /// When the batch [is full](Self::is_full).
    #[inline(always)] // or the packet would be made elsewhere and moved
    pub fn push(&mut self, ingress: Ingress<F>) {
        assert!(!self.flight.is_full(), "a batch is full");
        self.arrived.add(&ingress);
        self.place(ingress);
    }

    #[inline(always)]
    fn place(&mut self, ingress: Ingress<F>) {
        // Asked before the packet is made, so that it is made in its place: where a push might still
        // fail, it is made elsewhere first, and copied.
        assert!(!self.flight.is_full(), "a batch is full");
        self.flight.extend(Some(carrier(ingress)));
    }
}

impl<F> Default for Batch<F> {
    fn default() -> Self {
        Batch::new()
    }
}

impl<F: Frame> Extend<Ingress<F>> for Batch<F> {
    /// Adds frames, for less than [`push`](Batch::push) takes for each.
    ///
    /// # Panics
    ///
    /// When the batch is full and another frame comes.
    #[inline]
    fn extend<I: IntoIterator<Item = Ingress<F>>>(&mut self, frames: I) {
        // What they have in common is written once. If one is too many, or the iterator panics, those that
        // are here are looked at one by one.
        let mut arrived = replace(&mut self.arrived, Arrived::UNKNOWN);
        frames.into_iter().for_each(|ingress| {
            arrived.add(&ingress);
            self.place(ingress);
        });
        self.arrived = arrived;
    }
}

#[inline(always)]
fn carrier<F: Frame>(Ingress { port, meta, frame }: Ingress<F>) -> Carrier<F> {
    // A mark that it brought along was another switch's. Field by field, so that a compiler need not copy it
    // over the stack as a whole; where it sees less of the host, it still may.
    let Meta { in_phy_port, tunnel_id, queue_id: _, offload } = meta;
    let Offload { csum_start, csum_offset, gso } = offload;
    let offload = Offload { csum_start, csum_offset, gso };
    Carrier::new(Packet::new(frame, port, Meta { in_phy_port, tunnel_id, queue_id: None, offload }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hypercall::VecFrame;

    fn frame(port: u32, len: usize) -> Ingress<VecFrame> {
        Ingress { port: Port(port), meta: Meta::default(), frame: VecFrame::zeroed(len) }
    }

    #[test]
    fn frames_have_the_same_in_common_however_they_come() {
        let (mut pushed, mut extended) = (Batch::new(), Batch::new());
        let frames = || [frame(3, 60), frame(3, 61)].into_iter();
        frames().for_each(|one| pushed.push(one));
        extended.extend(frames().take(1));
        extended.extend(frames().skip(1));
        for mut batch in [pushed, extended] {
            let arrived = batch.arrived.take();
            assert_eq!((arrived.port(), arrived.len_min), (Some(Port(3)), 60));
            assert_eq!(arrived.load, Load { packets: 2, bytes: 121 });
            assert_eq!(batch.len(), 2);
        }
    }

    #[test]
    fn what_panics_halfway_leaves_frames_of_which_nothing_is_known_together() {
        let mut batch = Batch::new();
        batch.push(frame(3, 60));
        let halfway = [4, 0].into_iter().map(|port| match port {
            0 => panic!("of no use"),
            port => frame(port, 60),
        });
        let unwound = std::panic::AssertUnwindSafe(|| batch.extend(halfway));
        assert!(std::panic::catch_unwind(unwound).is_err());
        assert_eq!((batch.len(), batch.arrived.port()), (2, None));
        batch.push(frame(3, 60));
        assert_eq!(batch.arrived.port(), None);
    }
}
