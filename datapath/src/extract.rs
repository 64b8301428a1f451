//! Reads a frame's headers into the key: the first thing that happens to a packet that some flow
//! entry looks into.
//!
//! # What
//!
//! [`extract`] reads Ethernet (II, 802.3 with LLC and SNAP), VLAN tags (0x8100, 0x88a8), the outermost
//! MPLS label stack entry, a PBB I-TAG, ARP, IPv4, IPv6 with its extension headers, TCP, UDP, SCTP,
//! ICMP, ICMPv6 and neighbour discovery. It fills the [`Key`] and notes in
//! [`Headers`] where rewrites find what they change.
//!
//! # Design
//!
//! A header's fields exist only when all of the header's own bytes do: 20 of TCP, 8 of UDP, 12 of
//! SCTP, 4 of ICMP and ICMPv6, 24 of a neighbour discovery message. An IPv4 or IPv6 header whose
//! lengths contradict the frame has no fields, either. What lies behind an IP packet's own end is padding and
//! is not read. A later fragment has no transport header. Every read asks for bytes that it has been
//! shown to exist ([`Frame::read_at`] where they are not contiguous), so extraction changes nothing
//! in the frame, allocates nothing, and cannot fail.
//!
//! # What it costs
//!
//! Time follows the bytes of headers, at most those of the frame: a chain of VLAN tags or extension
//! headers as long as the frame is followed to its end.
//!
//! # What it does not do
//!
//! It does not look beneath MPLS, PBB or a tunnel, and it verifies no checksum.

mod internet;
#[cfg(test)]
mod tests;

pub(crate) use internet::protocol;

use hypercall::Frame;

use crate::key::{Depth, Key, Presence};
use crate::packet::Packet;

/// Where headers are, in bytes from the start of the frame; 0 where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// The type behind all VLAN tags (SNAP's own in a SNAP frame).
    pub eth_type: u32,
    /// What that type announces: IP, ARP, a label stack, an I-TAG.
    pub network: u32,
    /// The end of the IP packet; what lies behind is padding.
    pub network_end: u32,
    /// The byte that names the protocol above IP.
    pub ip_proto: u32,
    /// What is above IP, whether or not all of its header is there; 0 in later fragments.
    pub transport: u32,
    /// The address in neighbour discovery's source or target link-layer option.
    pub nd_option: u32,
    /// Whether this is a fragment, so that the transport's payload is not all here.
    pub is_fragment: bool,
    /// What all fragments of a packet have in common: its identification.
    pub fragment_id: u32,
    /// Whether IPv6's destination address is a waypoint (a routing header has segments left), which
    /// transport checksums do not cover.
    pub is_routed: bool,
}

impl Headers {
    /// The same headers after what is in front of all of them has become longer or shorter.
    pub(crate) fn shifted(self, by: i32) -> Headers {
        let shift = |at: u32| if at == 0 { 0 } else { at.saturating_add_signed(by) };
        Headers {
            eth_type: shift(self.eth_type),
            network: shift(self.network),
            network_end: shift(self.network_end),
            ip_proto: shift(self.ip_proto),
            transport: shift(self.transport),
            nd_option: shift(self.nd_option),
            ..self
        }
    }
}

/// VLAN tag types that OpenFlow knows.
pub(crate) const fn is_vlan_type(eth_type: u16) -> bool {
    matches!(eth_type, 0x8100 | 0x88a8)
}

/// The type that stands for an 802.3 frame without one.
pub const ETH_TYPE_NONE: u16 = 0x05ff;
/// The smallest number that is a type, not a length.
const ETH_TYPE_MIN: u16 = 0x0600;

/// Reads every header of the packet's frame.
pub fn extract<F: Frame>(packet: &mut Packet<F>) {
    extract_to(packet, Depth::Whole);
}

/// Reads the headers of the packet's frame down to `depth`.
pub fn extract_to<F: Frame>(packet: &mut Packet<F>, depth: Depth) {
    packet.reset_key();
    packet.depth = depth;
    read(&packet.frame, depth, &mut packet.key, &mut packet.headers);
}

/// Where the headers of a frame are that is no packet yet.
pub(crate) fn headers_of<F: Frame>(frame: &F) -> Headers {
    let mut headers = Headers::default();
    read(frame, Depth::Whole, &mut Key::default(), &mut headers);
    headers
}

fn read<F: Frame>(frame: &F, depth: Depth, key: &mut Key, headers: &mut Headers) {
    if depth == Depth::Nothing {
        return;
    }
    let presence = Presence::empty();
    let mut parser = Parser { frame, len: frame.len(), key, headers, presence };
    if let Some((eth_type, at)) = parser.ethernet() {
        if depth == Depth::Whole {
            parser.network(eth_type, at);
        }
    }
    let presence = parser.presence;
    key.set_presence(presence);
}

/// One pass over one frame.
struct Parser<'a, F> {
    frame: &'a F,
    len: usize,
    key: &'a mut Key,
    headers: &'a mut Headers,
    presence: Presence,
}

impl<F: Frame> Parser<'_, F> {
    /// `N` bytes from `at` on, if they exist.
    #[inline]
    fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        bytes(self.frame, at)
    }

    /// The Ethernet header and its tags; returns the type and where its payload begins.
    fn ethernet(&mut self) -> Option<(u16, usize)> {
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = self.bytes::<14>(0)?;
        let dst = u64::from_be_bytes([d0, d1, d2, d3, d4, d5, 0, 0]);
        let src = u64::from_be_bytes([s0, s1, s2, s3, s4, s5, 0, 0]);
        self.key.set_word(1, dst);
        self.key.set_word(2, src);
        self.presence |= Presence::ETH;
        let (mut eth_type, mut at) = (u16::from_be_bytes([t0, t1]), 12usize);
        if is_vlan_type(eth_type) {
            let tci = u16::from_be_bytes(self.bytes(14)?);
            self.key.set_word(2, src | u64::from(tci | 0x1000));
            self.presence |= Presence::TAG | Presence::TAG_KNOWN;
        }
        while is_vlan_type(eth_type) {
            at = at.saturating_add(4);
            eth_type = u16::from_be_bytes(self.bytes(at)?);
        }
        self.presence |= Presence::TAG_KNOWN | Presence::ETH_TYPE;
        let mut payload = at.saturating_add(2);
        if eth_type < ETH_TYPE_MIN {
            // A length: the type is SNAP's, if its organisation is that of Ethernet types.
            eth_type = ETH_TYPE_NONE;
            if let Some([0xaa, 0xaa, 3, 0, 0, 0, t0, t1]) = self.bytes::<8>(payload) {
                let snap_type = u16::from_be_bytes([t0, t1]);
                if snap_type >= ETH_TYPE_MIN {
                    (eth_type, at) = (snap_type, payload.saturating_add(6));
                    payload = payload.saturating_add(8);
                }
            }
        }
        self.key.set_word(1, dst | u64::from(eth_type));
        if eth_type == ETH_TYPE_NONE {
            return None;
        }
        self.headers.eth_type = offset(at);
        Some((eth_type, payload))
    }

    /// What the type announces.
    fn network(&mut self, eth_type: u16, at: usize) {
        match eth_type {
            0x0800 => {
                self.ipv4(at);
            }
            0x86dd => {
                self.ipv6(at);
            }
            0x0806 => {
                self.arp(at);
            }
            0x8847 | 0x8848 => {
                if let Some([l0, l1, l2, _ttl]) = self.bytes(at) {
                    let entry = u32::from_be_bytes([0, l0, l1, l2]);
                    self.or_word(7, u64::from(entry));
                    self.headers.network = offset(at);
                    self.presence |= Presence::MPLS;
                }
            }
            0x88e7 => {
                if let Some([_flags, i0, i1, i2]) = self.bytes(at) {
                    self.or_word(7, u64::from(u32::from_be_bytes([0, i0, i1, i2])));
                    self.headers.network = offset(at);
                    self.presence |= Presence::PBB;
                }
            }
            _ => {}
        }
    }

    #[inline]
    fn or_word(&mut self, index: u8, bits: u64) {
        let word = self.key.word(index) | bits;
        self.key.set_word(index, word);
    }

    /// ARP for IPv4 over Ethernet; other hardware and protocols have no fields.
    fn arp(&mut self, at: usize) -> Option<()> {
        let [0, 1, 8, 0, 6, 4, o0, o1] = self.bytes::<8>(at)? else { return None };
        let addresses = self.bytes::<20>(at.saturating_add(8))?;
        let [h0, h1, h2, h3, h4, h5, p0, p1, p2, p3, rest @ ..] = addresses;
        let [t0, t1, t2, t3, t4, t5, q0, q1, q2, q3] = rest;
        self.key.set_word(3, u64::from_be_bytes([p0, p1, p2, p3, q0, q1, q2, q3]));
        self.key.set_word(14, u64::from_be_bytes([h0, h1, h2, h3, h4, h5, o0, o1]));
        self.key.set_word(15, u64::from_be_bytes([t0, t1, t2, t3, t4, t5, 0, 0]));
        self.headers.network = offset(at);
        self.presence |= Presence::ARP;
        Some(())
    }

    /// Writes an IPv6 address into two words.
    #[inline]
    fn set_address(&mut self, index: u8, address: [u8; 16]) {
        let address = u128::from_be_bytes(address);
        self.key.set_word(index, (address >> 64) as u64);
        self.key.set_word(index.wrapping_add(1), address as u64);
    }
}

/// `N` bytes of the frame from `at` on, if they exist.
#[inline]
pub(crate) fn bytes<F: Frame, const N: usize>(frame: &F, at: usize) -> Option<[u8; N]> {
    let end = at.checked_add(N)?;
    if let Some(bytes) = frame.headers().get(at..end) {
        return bytes.try_into().ok();
    }
    let mut bytes = [0; N];
    frame.read_at(at, &mut bytes).then_some(bytes)
}

/// An offset as [`Headers`] keeps it; frames are far shorter than 4 GiB.
#[inline]
pub(crate) fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(0)
}
