//! The frames that a host hands over together: each becomes a packet where it will stay until it
//! leaves, so that it is written once.

use arrayvec::ArrayVec;
use hypercall::{Frame, Meta, Port};

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
pub struct Batch<F> {
    pub(crate) flight: ArrayVec<Carrier<F>, BATCH>,
    /// Room for the copies that chained groups make of one of them.
    pub(crate) copies: Copies<F>,
}

impl<F> Batch<F> {
    /// An empty batch.
    pub const fn new() -> Batch<F> {
        Batch { flight: ArrayVec::new_const(), copies: ArrayVec::new_const() }
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
        // `ArrayVec::push` would make the packet elsewhere first, to give it back in its error.
        self.flight.extend(Some(carrier(ingress)));
    }
}

impl<F> Default for Batch<F> {
    fn default() -> Self {
        Batch::new()
    }
}

impl<F: Frame> Extend<Ingress<F>> for Batch<F> {
    fn extend<I: IntoIterator<Item = Ingress<F>>>(&mut self, frames: I) {
        self.flight.extend(frames.into_iter().map(carrier));
    }
}

#[inline(always)]
fn carrier<F: Frame>(Ingress { port, meta, frame }: Ingress<F>) -> Carrier<F> {
    // A mark that it brought along was another switch's.
    Carrier::new(Packet::new(frame, port, Meta { queue_id: None, ..meta }))
}
