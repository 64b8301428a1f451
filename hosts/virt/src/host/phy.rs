//! The interface beneath a host's stack: two queues of owned frames. The stack parses a received
//! frame where it lies and writes a sent one where it will travel.

use std::collections::VecDeque;

use hypercall::{Frame, VecFrame};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

/// Bytes of the longest frame: 1500 of IP behind an Ethernet header.
const MAX_FRAME_LEN: usize = 1514;

#[derive(Debug, Default)]
pub(super) struct Phy {
    pub(super) received: VecDeque<VecFrame>,
    pub(super) transmitted: VecDeque<VecFrame>,
}

pub(super) struct Received(VecFrame);

pub(super) struct Transmit<'a>(&'a mut VecDeque<VecFrame>);

impl Device for Phy {
    type RxToken<'a> = Received;
    type TxToken<'a> = Transmit<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Transmit<'_>)> {
        let frame = self.received.pop_front()?;
        Some((Received(frame), Transmit(&mut self.transmitted)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Transmit<'_>> {
        Some(Transmit(&mut self.transmitted))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MAX_FRAME_LEN;
        capabilities
    }
}

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0.headers())
    }
}

impl TxToken for Transmit<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = VecFrame::zeroed(len);
        let result = write(frame.headers_mut());
        self.0.push_back(frame);
        result
    }
}
