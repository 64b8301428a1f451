//! A frame on its way through the tables: the host's bytes, what rides with them, and what has been
//! read from them so far.

use hypercall::{Frame, Meta, Port};
use ofp_codec::OxmField;

use crate::extract::{Headers, extract_to};
use crate::key::{Depth, Key, METADATA_WORD};

/// A frame in the pipeline.
///
/// `key` and `headers` say what the bytes say, as deep as they have been parsed; every rewrite keeps
/// them true.
///
/// ```
/// use hypercall::{Meta, Port, VecFrame};
/// use rumpswitch_datapath::{extract::extract, packet::Packet};
/// use ofp_codec::OxmField;
///
/// let frame = VecFrame::from_bytes(&[0x02; 60]);
/// let mut packet = Packet::new(frame, Port(4), Meta::default());
/// assert_eq!(packet.key.get(OxmField::InPort), Some(4));
/// assert_eq!(packet.key.get(OxmField::EthType), None, "not parsed yet");
/// extract(&mut packet);
/// assert_eq!(packet.key.get(OxmField::EthType), Some(0x05ff), "802.3 without SNAP");
/// ```
#[derive(Clone, Debug)]
pub struct Packet<F> {
    /// The bytes.
    pub frame: F,
    /// Where it came from.
    pub in_port: Port,
    /// What rides with it.
    pub meta: Meta,
    /// The register that write-metadata changes; change it by
    /// [`write_metadata`](Self::write_metadata), which keeps the key true.
    pub metadata: u64,
    /// What its headers say.
    pub key: Key,
    /// Where its headers are.
    pub headers: Headers,
    /// How deep `key` and `headers` go.
    pub depth: Depth,
}

impl<F> Packet<F> {
    /// A packet at the start of the pipeline: nothing parsed, metadata 0.
    #[inline(always)]
    pub fn new(frame: F, in_port: Port, meta: Meta) -> Packet<F> {
        // Written as one value, so that it can be made where it stays.
        Packet {
            key: Key::beside(in_port, phy_port(in_port, &meta), 0, meta.tunnel_id),
            frame,
            in_port,
            meta,
            metadata: 0,
            headers: Headers::default(),
            depth: Depth::Nothing,
        }
    }

    /// The physical port beneath the ingress port: the ingress port itself unless the host said
    /// otherwise.
    pub fn in_phy_port(&self) -> Port {
        phy_port(self.in_port, &self.meta)
    }

    /// The protocol above IP, when the headers have been read and say it.
    pub(crate) fn ip_proto(&self) -> Option<u8> {
        self.key.get(OxmField::IpProto).map(|proto| proto as u8)
    }

    /// Changes the bits of `metadata` that `mask` has (§5.9).
    #[inline]
    pub fn write_metadata(&mut self, value: u64, mask: u64) {
        self.metadata = (self.metadata & !mask) | (value & mask);
        // All of a word is the field's.
        self.key.set_word(METADATA_WORD, self.metadata);
    }

    /// Sets the key of the tunnel that the frame leaves through.
    pub fn set_tunnel_id(&mut self, tunnel_id: u64) {
        self.meta.tunnel_id = tunnel_id;
        self.key.set(OxmField::TunnelId, u128::from(tunnel_id));
    }

    /// Forgets what was read from the bytes; what rides beside them stays.
    pub(crate) fn reset_key(&mut self) {
        self.key =
            Key::beside(self.in_port, self.in_phy_port(), self.metadata, self.meta.tunnel_id);
        self.headers = Headers::default();
        self.depth = Depth::Nothing;
    }
}

#[inline]
fn phy_port(in_port: Port, meta: &Meta) -> Port {
    if meta.in_phy_port == Port::NONE { in_port } else { meta.in_phy_port }
}

impl<F: Frame> Packet<F> {
    /// Parses on to `depth`, unless that has been done.
    #[inline]
    pub fn ensure(&mut self, depth: Depth) {
        if self.depth < depth {
            self.deepen(depth);
        }
    }

    #[inline(never)]
    fn deepen(&mut self, depth: Depth) {
        // Each is code of its own.
        match depth {
            Depth::Link => extract_to(self, Depth::Link),
            depth => extract_to(self, depth),
        }
    }
}
