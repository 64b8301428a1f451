//! What forwarding asks of a port at every frame, beside the port's number in the index: one load
//! tells whether the port takes the frame and where it is counted.

use bitflags::bitflags;
use hypercall::{Frame, Meta};

use super::Refusal;
use crate::slab::NONE;

bitflags! {
    /// What closes a port, and what else a frame that passes it needs to know.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct GateFlags: u32 {
        /// It is administratively down (`OFPPC_PORT_DOWN`).
        const PORT_DOWN = 1 << 0;
        /// It receives nothing (`OFPPC_NO_RECV`).
        const NO_RECV = 1 << 1;
        /// It has no link.
        const LINK_DOWN = 1 << 2;
        /// It forwards nothing (`OFPPC_NO_FWD`).
        const NO_FWD = 1 << 3;
        /// It has queues of its own.
        const QUEUES = 1 << 4;
    }
}

impl GateFlags {
    /// Any of these keeps a received frame out.
    pub(crate) const CLOSED_IN: GateFlags = GateFlags::PORT_DOWN.union(GateFlags::NO_RECV);
    /// Any of these keeps a frame in.
    const CLOSED_OUT: GateFlags =
        GateFlags::PORT_DOWN.union(GateFlags::LINK_DOWN).union(GateFlags::NO_FWD);
}

/// A port, as frames meet it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate {
    /// The port's slot, or [`NONE`].
    pub(crate) slot: u32,
    pub(crate) flags: GateFlags,
    max_frame: u32,
    /// Bytes of the longest frame that it takes without another question: none while it is closed.
    limit: u32,
}

impl Gate {
    /// Where there is no port.
    pub(crate) const ABSENT: Gate = Gate::new(NONE, GateFlags::CLOSED_OUT, 0);

    pub(crate) const fn new(slot: u32, flags: GateFlags, max_frame: u32) -> Gate {
        let limit = if flags.intersects(GateFlags::CLOSED_OUT) { 0 } else { max_frame };
        Gate { slot, flags, max_frame, limit }
    }

    /// Whether the port takes no frame at all.
    pub(crate) fn is_closed_out(self) -> bool {
        self.flags.intersects(GateFlags::CLOSED_OUT)
    }

    /// Whether the port is up and has a link (§6.5.1).
    #[inline]
    pub(crate) fn is_live(self) -> bool {
        !self.flags.intersects(GateFlags::PORT_DOWN.union(GateFlags::LINK_DOWN))
    }

    /// Bytes of the longest frame that it takes without another question.
    #[inline]
    pub(crate) fn limit(self) -> u32 {
        self.limit
    }

    /// Whether the port takes this frame, as it does most.
    #[inline(always)]
    pub(crate) fn is_open_for<F: Frame>(self, frame: &F, meta: &Meta) -> bool {
        meta.offload.gso.is_none() && frame.len() <= self.limit as usize
    }

    /// Whether the port takes this frame now.
    #[inline]
    pub(crate) fn admit<F: Frame>(self, frame: &F, meta: &Meta) -> Result<(), Refusal> {
        if self.is_open_for(frame, meta) { Ok(()) } else { self.examine(frame, meta) }
    }

    #[cold]
    fn examine<F: Frame>(self, frame: &F, meta: &Meta) -> Result<(), Refusal> {
        if self.flags.intersects(GateFlags::PORT_DOWN | GateFlags::LINK_DOWN) {
            return Err(Refusal::Down);
        }
        if self.flags.contains(GateFlags::NO_FWD) {
            return Err(Refusal::NoFwd);
        }
        let max_frame = self.max_frame as usize;
        let len = match meta.offload.gso {
            // The host cuts it: what counts is a segment.
            Some(gso) => usize::from(gso.header_len).saturating_add(gso.segment_len.into()),
            None => frame.len(),
        };
        if len > max_frame && len > max_frame.saturating_add(tag_len(frame)) {
            return Err(Refusal::TooLong);
        }
        Ok(())
    }
}

/// Bytes of a VLAN tag, if there is one.
fn tag_len<F: Frame>(frame: &F) -> usize {
    match frame.headers().get(12..14) {
        Some([0x81, 0x00] | [0x88, 0xa8]) => 4,
        _ => 0,
    }
}
