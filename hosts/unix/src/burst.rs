//! Receiving bursts of datagrams straight into frame buffers.

use std::{io, os::fd::BorrowedFd};

use hypercall::VecFrame;

use crate::{
    BURST,
    pool::{MAX_FRAME, Pool},
    sys::{self, Arrival},
};

/// A burst of buffers that wait for the next datagrams.
pub(crate) struct Landing {
    buffers: Vec<Vec<u8>>,
    arrivals: [Arrival; BURST],
    /// Bytes that come in front of each frame.
    header_len: usize,
    auxiliary: bool,
}

impl Landing {
    pub(crate) fn new(header_len: usize, auxiliary: bool) -> Landing {
        debug_assert!(header_len <= VecFrame::HEADROOM);
        let buffers = Vec::with_capacity(BURST);
        Landing { buffers, arrivals: [Arrival::default(); BURST], header_len, auxiliary }
    }

    /// Receives a burst, of `most` datagrams at most, and hands each datagram's buffer to `take`: the
    /// frame is in it from [`VecFrame::HEADROOM`] on, behind the header. Tells how many datagrams there
    /// were.
    pub(crate) fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        pool: &mut Pool,
        most: usize,
        mut take: impl FnMut(&mut Pool, Vec<u8>, Arrival),
    ) -> io::Result<usize> {
        let most = most.min(BURST);
        while self.buffers.len() < most {
            let Some(mut buffer) = pool.take(MAX_FRAME) else { break };
            buffer.truncate(VecFrame::HEADROOM - self.header_len);
            self.buffers.push(buffer);
        }
        if self.buffers.is_empty() {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        // More may wait from a burst that was larger.
        let count = self.buffers.len().min(most);
        let buffers = &mut self.buffers[..count];
        let got = sys::receive_burst(socket, buffers, &mut self.arrivals, self.auxiliary)?;
        for (buffer, arrival) in self.buffers.drain(..got).zip(self.arrivals) {
            take(pool, buffer, arrival);
        }
        Ok(got)
    }
}
