//! A network card as ports and the OpenFlow channel see it. The machine's is over virtqueues
//! (`virtio_nic.rs`); tests have one in memory.

use crate::RingFrame;

/// A network card with a ring of buffers each way.
pub trait Nic {
    /// Its Ethernet address.
    fn mac(&self) -> [u8; 6];

    /// Whether its link is up.
    fn is_up(&self) -> bool;

    /// Gives it an empty buffer to receive into.
    ///
    /// # Errors
    /// The buffer, when the ring is full.
    fn offer(&mut self, frame: RingFrame) -> Result<(), RingFrame>;

    /// Whether a received frame waits.
    fn has_received(&self) -> bool;

    /// The next received frame. One that cannot be taken over counts in
    /// [`errors`](Self::errors) and comes as an empty one.
    fn receive(&mut self) -> Option<RingFrame>;

    /// Gives it a frame to send; it leaves with the next [`kick`](Self::kick).
    ///
    /// # Errors
    /// The frame, when the ring is full.
    fn transmit(&mut self, frame: RingFrame) -> Result<(), RingFrame>;

    /// A buffer whose frame has been sent.
    fn reclaim(&mut self) -> Option<RingFrame>;

    /// Tells the device what is new in its rings.
    fn kick(&mut self);

    /// Asks for an interrupt when something is received, or for none.
    fn listen(&mut self, interrupts: bool);

    /// Takes notice of an interrupt; whether its link may have changed.
    fn acknowledge(&mut self) -> bool;

    /// Frames that it got and could not take over.
    fn errors(&self) -> u64;
}
