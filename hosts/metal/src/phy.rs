//! The card of the OpenFlow channel, as smoltcp sees a device.

use hypercall::Frame;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

use crate::{Nic, Pool, RingFrame};

/// Bytes of an Ethernet header.
const LINK_HEADER_LEN: usize = 14;

/// Payload bytes of a frame.
const MTU: usize = 1500;

/// A network card under smoltcp.
#[derive(Debug)]
pub struct Wire<N> {
    pub(crate) nic: N,
    pool: Pool,
    missing: usize,
}

/// A received frame, to be looked at once.
#[derive(Debug)]
pub struct Received<'a> {
    frame: RingFrame,
    pool: &'a mut Pool,
}

/// The right to send a frame.
#[derive(Debug)]
pub struct Transmit<'a, N> {
    nic: &'a mut N,
    frame: RingFrame,
}

impl<N: Nic> Wire<N> {
    /// Takes the card and gives it `buffers` to receive into.
    pub fn new(nic: N, buffers: usize) -> Wire<N> {
        // Room for a tag that smoltcp will not like, and for the least that virtio asks for.
        let pool = Pool::new(MTU + LINK_HEADER_LEN + 12, 1024);
        let mut wire = Wire { nic, pool, missing: buffers };
        wire.fill();
        wire.nic.kick();
        wire
    }

    /// Gives the card back the buffers that are free, and tells it what is new.
    pub(crate) fn kick(&mut self) {
        while let Some(frame) = self.nic.reclaim() {
            self.pool.give(frame);
        }
        self.fill();
        self.nic.kick();
    }

    fn fill(&mut self) {
        while self.missing > 0 {
            let Some(frame) = self.pool.take() else { break };
            if let Err(frame) = self.nic.offer(frame) {
                self.pool.give(frame);
                break;
            }
            self.missing = self.missing.saturating_sub(1);
        }
    }
}

impl<N: Nic> Device for Wire<N> {
    type RxToken<'a>
        = Received<'a>
    where
        N: 'a;
    type TxToken<'a>
        = Transmit<'a, N>
    where
        N: 'a;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Transmit<'_, N>)> {
        if !self.nic.has_received() {
            return None;
        }
        // Without memory for an answer the question waits.
        let answer = self.pool.take()?;
        let Some(frame) = self.nic.receive() else {
            self.pool.give(answer);
            return None;
        };
        self.missing = self.missing.saturating_add(1);
        let Wire { nic, pool, .. } = self;
        Some((Received { frame, pool }, Transmit { nic, frame: answer }))
    }

    fn transmit(&mut self, _: Instant) -> Option<Transmit<'_, N>> {
        let frame = self.pool.take()?;
        Some(Transmit { nic: &mut self.nic, frame })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MTU + LINK_HEADER_LEN;
        capabilities
    }
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let result = f(self.frame.headers());
        self.pool.give(self.frame);
        result
    }
}

impl<N: Nic> TxToken for Transmit<'_, N> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, len: usize, f: F) -> R {
        // smoltcp asks for no more than the capabilities say, and the buffers are made for that.
        let fits = self.frame.set_len(len);
        let result = f(self.frame.headers_mut());
        if fits && self.frame.prepare() {
            // A ring that is full is a wire that loses a frame: TCP sends it again.
            let _ = self.nic.transmit(self.frame);
        }
        result
    }
}
