//! What rides with a frame beside its bytes, both ways: the port beneath a logical port, the tunnel
//! key, the queue, and the work that a virtio-net style offload left undone.

use crate::Port;

/// What a frame carries beside its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// The physical port beneath a logical ingress port; [`Port::NONE`] when it is the ingress
    /// port itself.
    pub in_phy_port: Port,
    /// The key of the tunnel that the frame came from or goes to; 0 without one.
    pub tunnel_id: u64,
    /// The queue to send on, set by OpenFlow's set-queue action.
    pub queue_id: Option<u32>,
    /// What is left to do on the bytes.
    pub offload: Offload,
}

/// A transport checksum to be completed, and segmentation to be done.
///
/// The fields are virtio-net's: the checksum field holds the pseudo-header sum, and the checksum
/// over the bytes from `csum_start` to the end goes to `csum_start + csum_offset`. A push or pop in
/// front of it moves `csum_start`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    /// Where the sum begins, from the start of the frame; 0 when the checksum is complete.
    pub csum_start: u16,
    /// Where the checksum field is, from `csum_start`.
    pub csum_offset: u16,
    /// Segmentation to be done; `None` for an ordinary frame.
    pub gso: Option<Gso>,
}

impl Offload {
    /// Nothing left to do.
    pub const NONE: Offload = Offload { csum_start: 0, csum_offset: 0, gso: None };

    /// Whether a transport checksum is still partial.
    pub const fn is_partial(&self) -> bool {
        self.csum_start != 0
    }

    /// Segments that the frame stands for on a wire: 1 without segmentation offload.
    ///
    /// ```
    /// # use rumpswitch_hypercall::{Gso, GsoKind, Offload};
    /// let gso = Some(Gso { kind: GsoKind::TcpV4, segment_len: 1000, header_len: 54 });
    /// let offload = Offload { gso, ..Offload::NONE };
    /// assert_eq!(offload.segment_count(2_554), 3);
    /// ```
    #[inline]
    pub fn segment_count(&self, frame_len: usize) -> u32 {
        match self.gso {
            Some(gso) => gso.segment_count(frame_len),
            None => 1,
        }
    }
}

/// How a frame longer than the wire allows is to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gso {
    /// The protocol that is cut.
    pub kind: GsoKind,
    /// Payload bytes in a segment.
    pub segment_len: u16,
    /// Bytes of all headers, repeated in each segment.
    pub header_len: u16,
}

impl Gso {
    /// Out of line: ordinary frames, which are most, should not even look at what is not there.
    #[inline(never)]
    fn segment_count(self, frame_len: usize) -> u32 {
        let payload = frame_len.saturating_sub(usize::from(self.header_len));
        let count = match usize::from(self.segment_len) {
            0 => 1,
            len => payload.div_ceil(len),
        };
        u32::try_from(count).unwrap_or(u32::MAX).max(1)
    }
}

/// The protocols that can be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GsoKind {
    /// TCP over IPv4.
    TcpV4,
    /// TCP over IPv6.
    TcpV6,
    /// UDP, one datagram a segment.
    Udp,
}
