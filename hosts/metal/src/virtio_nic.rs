//! A virtio network card over the mmio transport: two virtqueues of frames that are handed over as they
//! are.
//!
//! What: [`Nic`] over `virtio_drivers`' queues. A buffer in a ring is kept in a table under the name
//! that the queue gave it, so that it neither moves nor goes away before the device is done with it.
//!
//! Design: no features but the link's state. Checksums and segmentation are then the sender's, frames
//! are no longer than a buffer, and headers are zero. Events by index are left out as well: a burst then
//! costs one notification, which `kick` makes, and interrupts are switched by a flag.
//!
//! What it does not do: several queues, merged buffers, cards of the legacy kind.

use alloc::vec::Vec;

use bitflags::bitflags;
use metal_host::{Nic, RingFrame};
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::mmio::MmioTransport;
use virtio_drivers::transport::{InterruptStatus, Transport};

use crate::dma::Memory;

/// Buffers in a ring; QEMU's own number.
pub(crate) const RING: usize = 256;

const RECEIVE: u16 = 0;
const TRANSMIT: u16 = 1;

/// Where the address and the link's state are in the configuration space.
const MAC: usize = 0;
const STATUS: usize = 6;
const LINK_UP: u16 = 1;

bitflags! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Features: u64 {
        const MAC = 1 << 5;
        const STATUS = 1 << 16;
        const VERSION_1 = 1 << 32;
    }
}

/// A network card.
pub(crate) struct VirtioNic {
    transport: MmioTransport<'static>,
    receive: VirtQueue<Memory, RING>,
    transmit: VirtQueue<Memory, RING>,
    /// What the device may write to, and what it may read, by the name in its ring.
    receiving: Vec<Option<RingFrame>>,
    transmitting: Vec<Option<RingFrame>>,
    mac: [u8; 6],
    has_status: bool,
    has_offered: bool,
    has_transmitted: bool,
    errors: u64,
}

impl VirtioNic {
    /// Starts the card behind a transport, or says what is wrong with it.
    pub(crate) fn start(mut transport: MmioTransport<'static>) -> Result<VirtioNic, &'static str> {
        let offered = Features::MAC | Features::STATUS | Features::VERSION_1;
        let features = transport.begin_init(offered);
        if !features.contains(Features::MAC | Features::VERSION_1) {
            return Err("it has no address, or is a legacy device");
        }
        let failed = |_| "its queues cannot be set up";
        let receive = VirtQueue::new(&mut transport, RECEIVE, false, false).map_err(failed)?;
        let mut transmit =
            VirtQueue::new(&mut transport, TRANSMIT, false, false).map_err(failed)?;
        // Buffers that were sent are fetched when there is time.
        transmit.set_dev_notify(false);
        let mac = transport.read_config_space(MAC).map_err(|_| "its address cannot be read")?;
        transport.finish_init();
        let places = || core::iter::repeat_with(|| None).take(RING).collect();
        Ok(VirtioNic {
            transport,
            receive,
            transmit,
            receiving: places(),
            transmitting: places(),
            mac,
            has_status: features.contains(Features::STATUS),
            has_offered: false,
            has_transmitted: false,
            errors: 0,
        })
    }
}

/// The place of a buffer that a device names.
///
/// # Panics
/// When the device was never given it: what else it does cannot be relied on then.
fn taken(places: &mut [Option<RingFrame>], token: u16) -> RingFrame {
    let frame = places.get_mut(usize::from(token)).and_then(Option::take);
    frame.unwrap_or_else(|| panic!("the device gave back buffer {token}, which it did not have"))
}

impl Nic for VirtioNic {
    fn mac(&self) -> [u8; 6] {
        self.mac
    }

    fn is_up(&self) -> bool {
        !self.has_status
            || self
                .transport
                .read_config_space(STATUS)
                .is_ok_and(|status: u16| status & LINK_UP != 0)
    }

    fn offer(&mut self, mut frame: RingFrame) -> Result<(), RingFrame> {
        // SAFETY: the frame's memory stays where it is and untouched while it is in `receiving`, from
        // where only `receive` takes it, after the device has given it back.
        let added = unsafe { self.receive.add(&[], &mut [frame.room()]) };
        let place = added.ok().and_then(|token| self.receiving.get_mut(usize::from(token)));
        let Some(place) = place else { return Err(frame) };
        *place = Some(frame);
        self.has_offered = true;
        Ok(())
    }

    fn has_received(&self) -> bool {
        self.receive.can_pop()
    }

    fn receive(&mut self) -> Option<RingFrame> {
        let token = self.receive.peek_used()?;
        let mut frame = taken(&mut self.receiving, token);
        // SAFETY: this is the buffer that was added under this name, and its room is what it was.
        let len = unsafe { self.receive.pop_used(token, &[], &mut [frame.room()]) };
        if !len.is_ok_and(|len| frame.land(len as usize)) {
            self.errors = self.errors.wrapping_add(1);
            frame.clear();
        }
        Some(frame)
    }

    fn transmit(&mut self, frame: RingFrame) -> Result<(), RingFrame> {
        // SAFETY: as for `offer`, with `transmitting` and `reclaim`.
        let added = unsafe { self.transmit.add(&[frame.with_header()], &mut []) };
        let place = added.ok().and_then(|token| self.transmitting.get_mut(usize::from(token)));
        let Some(place) = place else { return Err(frame) };
        *place = Some(frame);
        self.has_transmitted = true;
        Ok(())
    }

    fn reclaim(&mut self) -> Option<RingFrame> {
        let token = self.transmit.peek_used()?;
        let frame = taken(&mut self.transmitting, token);
        // SAFETY: this is the buffer that was added under this name, unchanged since.
        let _ = unsafe { self.transmit.pop_used(token, &[frame.with_header()], &mut []) };
        Some(frame)
    }

    fn kick(&mut self) {
        if core::mem::take(&mut self.has_offered) && self.receive.should_notify() {
            self.transport.notify(RECEIVE);
        }
        if core::mem::take(&mut self.has_transmitted) && self.transmit.should_notify() {
            self.transport.notify(TRANSMIT);
        }
    }

    fn listen(&mut self, interrupts: bool) {
        self.receive.set_dev_notify(interrupts);
    }

    fn acknowledge(&mut self) -> bool {
        self.transport.ack_interrupt().contains(InterruptStatus::DEVICE_CONFIGURATION_INTERRUPT)
    }

    fn errors(&self) -> u64 {
        self.errors
    }
}
