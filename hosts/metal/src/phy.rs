//! The card of the OpenFlow channel, as smoltcp sees a device.

use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;

use hypercall::Frame;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

use crate::{Nic, Pool, RingFrame};

/// Bytes of an Ethernet header.
const LINK_HEADER_LEN: usize = 14;

/// Payload bytes of a frame.
const MTU: usize = 1500;

/// A network card under smoltcp. What it needs for frames it gets at once: when the switch has used up
/// all memory, this is how a controller tells it to make room.
#[derive(Debug)]
pub struct Wire<N> {
    pub(crate) nic: N,
    /// Lent to both tokens at once, each of which uses it when it is consumed.
    pool: RefCell<Pool>,
    missing: usize,
    /// For a frame that is lost, since no buffer is free.
    nowhere: Vec<u8>,
}

/// A received frame, to be looked at once.
#[derive(Debug)]
pub struct Received<'a> {
    frame: RingFrame,
    pool: &'a RefCell<Pool>,
}

/// The right to send a frame.
#[derive(Debug)]
pub struct Transmit<'a, N> {
    nic: &'a mut N,
    pool: &'a RefCell<Pool>,
    nowhere: &'a mut [u8],
}

impl<N: Nic> Wire<N> {
    /// Takes the card and gives it `buffers` to receive into.
    pub fn new(nic: N, buffers: usize) -> Wire<N> {
        // Room for a tag that smoltcp will not like, and for the least that virtio asks for.
        let pool = RefCell::new(Pool::new(MTU + LINK_HEADER_LEN + 12, 256));
        let nowhere = vec![0; MTU + LINK_HEADER_LEN];
        let mut wire = Wire { nic, pool, missing: buffers, nowhere };
        wire.fill();
        wire.nic.kick();
        wire
    }

    /// Gives the card back the buffers that are free, and tells it what is new.
    pub(crate) fn kick(&mut self) {
        reclaim(&mut self.nic, self.pool.get_mut());
        self.fill();
        self.nic.kick();
    }

    fn fill(&mut self) {
        let pool = self.pool.get_mut();
        while self.missing > 0 {
            let Some(frame) = pool.take() else { break };
            if let Err(frame) = self.nic.offer(frame) {
                pool.give(frame);
                break;
            }
            self.missing = self.missing.saturating_sub(1);
        }
    }
}

fn reclaim<N: Nic>(nic: &mut N, pool: &mut Pool) {
    while let Some(frame) = nic.reclaim() {
        pool.give(frame);
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
        let frame = self.nic.receive()?;
        self.missing = self.missing.saturating_add(1);
        let Wire { nic, pool, nowhere, .. } = self;
        Some((Received { frame, pool }, Transmit { nic, pool, nowhere }))
    }

    fn transmit(&mut self, _: Instant) -> Option<Transmit<'_, N>> {
        let Wire { nic, pool, nowhere, .. } = self;
        Some(Transmit { nic, pool, nowhere })
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
        self.pool.borrow_mut().give(self.frame);
        result
    }
}

impl<N: Nic> TxToken for Transmit<'_, N> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Transmit { nic, pool, nowhere } = self;
        let mut pool = pool.borrow_mut();
        reclaim(nic, &mut pool);
        // smoltcp asks for no more than the capabilities say, and the buffers are made for that.
        let frame = pool.take_len(len);
        drop(pool);
        let Some(mut frame) = frame else { return f(nowhere.get_mut(..len).unwrap_or_default()) };
        let result = f(frame.headers_mut());
        if frame.prepare() {
            // A ring that is full is a wire that loses a frame: TCP sends it again.
            let _ = nic.transmit(frame);
        }
        result
    }
}
