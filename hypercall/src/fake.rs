//! A host that records: for doctests, unit tests and benches. It can be told to be short of memory
//! or to refuse a port.

use alloc::vec::Vec;

use crate::{Frame, Hypercall, Meta, Port, Sent, VecFrame};

/// A host that keeps what was transmitted.
///
/// ```
/// use rumpswitch_hypercall::{Frame, Hypercall, Meta, Port, VecFrame, fake::Recorder};
///
/// let mut host = Recorder::default();
/// host.transmit(Port(2), &Meta::default(), VecFrame::from_bytes(&[0; 60]));
/// let sent = host.take();
/// assert_eq!((sent[0].port, sent[0].frame.len()), (Port(2), 60));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    transmitted: Vec<Transmitted>,
    /// How many batches ended.
    pub flush_count: usize,
    /// Allocations and duplications that still succeed; `None` for no limit.
    pub memory: Option<usize>,
    /// A port that takes no frame.
    pub refused: Option<Port>,
}

/// One transmitted frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmitted {
    /// The port that it went out of.
    pub port: Port,
    /// What rode with it.
    pub meta: Meta,
    /// Its bytes.
    pub frame: VecFrame,
}

impl Recorder {
    /// What was transmitted since the last call, in order.
    pub fn take(&mut self) -> Vec<Transmitted> {
        core::mem::take(&mut self.transmitted)
    }

    fn spend(&mut self) -> bool {
        match &mut self.memory {
            Some(0) => false,
            Some(left) => {
                *left = left.saturating_sub(1);
                true
            }
            None => true,
        }
    }
}

impl Hypercall for Recorder {
    type Frame = VecFrame;

    fn transmit(&mut self, port: Port, meta: &Meta, frame: VecFrame) -> Sent {
        if self.refused == Some(port) {
            return Sent::Dropped;
        }
        self.transmitted.push(Transmitted { port, meta: *meta, frame });
        Sent::Sent
    }

    fn flush(&mut self) {
        self.flush_count = self.flush_count.saturating_add(1);
    }

    fn duplicate(&mut self, frame: &VecFrame) -> Option<VecFrame> {
        self.spend().then(|| VecFrame::from_bytes(frame.headers()))
    }

    fn allocate(&mut self, len: usize) -> Option<VecFrame> {
        self.spend().then(|| VecFrame::zeroed(len))
    }
}
