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
//! The code exists twice, made from one source: for frames whose bytes are all contiguous, where each
//! header is one comparison of lengths and then a fixed number of bytes, and for the rest. Words of
//! the key are put together from big-endian loads and written once. A packet that was just made has
//! nothing to be forgotten first.
//!
//! # What it costs
//!
//! Instructions of a new packet, read to the end (`benches/gate.sh extract/udp` and its likes): see
//! `benches/instructions.txt`. Time follows the bytes of headers, at most those of the frame: a chain
//! of VLAN tags or extension headers as long as the frame is followed to its end.
//!
//! # What it does not do
//!
//! It does not look beneath MPLS, PBB or a tunnel, and it verifies no checksum.

mod internet;
#[cfg(test)]
mod tests;

pub(crate) use internet::protocol;
use internet::{ipv4, ipv6, plain_ipv4};

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
    /// The byte that names the protocol above IP.
    pub ip_proto: u32,
    /// What is above IP, whether or not all of its header is there; 0 in later fragments.
    pub transport: u32,
    /// The end of the IP packet; what lies behind is padding.
    pub network_end: u32,
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
    #[inline]
    pub(crate) fn shifted(self, by: i32) -> Headers {
        let shift = |at: u32| if at == 0 { 0 } else { at.wrapping_add_signed(by) };
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
#[inline(always)]
pub fn extract<F: Frame>(packet: &mut Packet<F>) {
    extract_to(packet, Depth::Whole);
}

/// Reads the headers of the packet's frame down to `depth`.
#[inline(always)]
pub fn extract_to<F: Frame>(packet: &mut Packet<F>, depth: Depth) {
    if packet.depth != Depth::Nothing && read_again(packet, depth) {
        return;
    }
    packet.depth = depth;
    let Packet { frame, key, headers, .. } = packet;
    read_frame(frame, depth, key, headers);
}

/// Goes on with a packet that has been read before, if that can be; else makes it one that has not.
#[inline(never)]
fn read_again<F: Frame>(packet: &mut Packet<F>, depth: Depth) -> bool {
    if packet.depth == Depth::Link && depth == Depth::Whole && read_on(packet) {
        return true;
    }
    packet.reset_key();
    false
}

/// Goes on behind the type of a packet that has been read up to there; whether its bytes are such.
#[inline]
fn read_on<F: Frame>(packet: &mut Packet<F>) -> bool {
    let Packet { frame, key, headers, .. } = packet;
    let presence = key.presence();
    let contiguous = frame.headers();
    // Without a type there is nothing behind it; what the type lies at is not known then.
    if !presence.contains(Presence::ETH_TYPE)
        || headers.eth_type == 0
        || contiguous.len() != frame.len()
    {
        return false;
    }
    let at = (headers.eth_type as usize).wrapping_add(2);
    let above = network(Contiguous(contiguous), key.word(1) as u16, at, key, headers);
    key.set_presence(presence | above);
    packet.depth = Depth::Whole;
    true
}

/// Where the headers of a frame are that is no packet yet.
pub(crate) fn headers_of<F: Frame>(frame: &F) -> Headers {
    let mut headers = Headers::default();
    read_frame(frame, Depth::Whole, &mut Key::default(), &mut headers);
    headers
}

/// Reads into `key` and `headers`, which say nothing yet.
#[inline(always)]
fn read_frame<F: Frame>(frame: &F, depth: Depth, key: &mut Key, headers: &mut Headers) {
    if depth == Depth::Nothing {
        return;
    }
    let contiguous = frame.headers();
    let presence = match contiguous.len() == frame.len() {
        true => read(Contiguous(contiguous), depth, key, headers),
        false => read_scattered(frame, depth, key, headers),
    };
    key.set_presence(presence);
}

#[cold]
#[inline(never)]
fn read_scattered<F: Frame>(
    frame: &F,
    depth: Depth,
    key: &mut Key,
    headers: &mut Headers,
) -> Presence {
    read(Scattered(frame), depth, key, headers)
}

/// A frame's bytes to be read.
trait Source: Copy {
    fn len(self) -> usize;
    /// `N` bytes from `at` on, if they exist.
    fn bytes<const N: usize>(self, at: usize) -> Option<[u8; N]>;
}

/// All of a frame.
#[derive(Clone, Copy)]
struct Contiguous<'a>(&'a [u8]);

impl Source for Contiguous<'_> {
    #[inline]
    fn len(self) -> usize {
        self.0.len()
    }

    #[inline]
    fn bytes<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..).and_then(|rest| rest.first_chunk::<N>()).copied()
    }
}

/// A frame whose prefix alone is contiguous.
struct Scattered<'a, F>(&'a F);

impl<F> Clone for Scattered<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Scattered<'_, F> {}

impl<F: Frame> Source for Scattered<'_, F> {
    fn len(self) -> usize {
        self.0.len()
    }

    fn bytes<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        bytes(self.0, at)
    }
}

/// Reads a frame; tells what is there.
#[inline(always)]
fn read<S: Source>(source: S, depth: Depth, key: &mut Key, headers: &mut Headers) -> Presence {
    // Both words are one load each, whose last two bytes are not the address's. The first to be asked
    // for says that the other exists, too.
    let Some(behind) = source.bytes(6) else { return Presence::empty() };
    let Some(before) = source.bytes(0) else { return Presence::empty() };
    let (dst, behind) = (u64::from_be_bytes(before) & !0xffff, u64::from_be_bytes(behind));
    let (src, eth_type) = (behind & !0xffff, behind as u16);
    key.set_word(2, src);
    let presence = Presence::ETH.union(Presence::TAG_KNOWN).union(Presence::ETH_TYPE);
    if eth_type == 0x0800 {
        key.set_word(1, dst | 0x0800);
        headers.eth_type = 12;
        if depth != Depth::Whole {
            return presence;
        }
        let above = plain_ipv4(source, 14, key, headers);
        return presence | above.unwrap_or_else(|| ipv4(source, 14, key, headers));
    }
    key.set_word(1, dst);
    read_other(source, eth_type, depth, key, headers)
}

/// Goes on behind the MAC addresses of a frame whose type, tags not skipped, is not IPv4's.
#[inline(never)]
fn read_other<S: Source>(
    source: S,
    eth_type: u16,
    depth: Depth,
    key: &mut Key,
    headers: &mut Headers,
) -> Presence {
    let (mut eth_type, mut at) = (eth_type, 12usize);
    let mut presence = Presence::ETH;
    if is_vlan_type(eth_type) {
        let Some([c0, c1, t0, t1]) = source.bytes(14) else {
            // A whole tag in front of a type that is cut is a tag.
            if let Some(tci) = source.bytes(14) {
                or_word(key, 2, u64::from(u16::from_be_bytes(tci) | 0x1000));
                presence |= Presence::TAG | Presence::TAG_KNOWN;
            }
            return presence;
        };
        or_word(key, 2, u64::from(u16::from_be_bytes([c0, c1]) | 0x1000));
        presence |= Presence::TAG | Presence::TAG_KNOWN;
        (eth_type, at) = (u16::from_be_bytes([t0, t1]), 16);
        while is_vlan_type(eth_type) {
            at = at.wrapping_add(4);
            let Some(next) = source.bytes(at) else { return presence };
            eth_type = u16::from_be_bytes(next);
        }
    }
    presence |= Presence::TAG_KNOWN | Presence::ETH_TYPE;
    let mut payload = at.wrapping_add(2);
    if eth_type < ETH_TYPE_MIN {
        // A length: the type is SNAP's, if its organisation is that of Ethernet types.
        match source.bytes::<8>(payload) {
            Some([0xaa, 0xaa, 3, 0, 0, 0, t0, t1]) if u16::from_be_bytes([t0, t1]) >= 0x0600 => {
                eth_type = u16::from_be_bytes([t0, t1]);
                at = payload.wrapping_add(6);
                payload = payload.wrapping_add(8);
            }
            _ => {
                or_word(key, 1, u64::from(ETH_TYPE_NONE));
                return presence;
            }
        }
    }
    or_word(key, 1, u64::from(eth_type));
    headers.eth_type = offset(at);
    if depth == Depth::Whole {
        presence |= network(source, eth_type, payload, key, headers);
    }
    presence
}

/// What the type announces.
fn network<S: Source>(
    source: S,
    eth_type: u16,
    at: usize,
    key: &mut Key,
    headers: &mut Headers,
) -> Presence {
    match eth_type {
        0x0800 => match plain_ipv4(source, at, key, headers) {
            Some(presence) => presence,
            None => ipv4(source, at, key, headers),
        },
        0x86dd => ipv6(source, at, key, headers),
        0x0806 => arp(source, at, key, headers),
        0x8847 | 0x8848 => {
            let Some([l0, l1, l2, _ttl]) = source.bytes(at) else { return Presence::empty() };
            or_word(key, 7, u64::from(u32::from_be_bytes([0, l0, l1, l2])));
            headers.network = offset(at);
            Presence::MPLS
        }
        0x88e7 => {
            let Some([_flags, i0, i1, i2]) = source.bytes(at) else { return Presence::empty() };
            or_word(key, 7, u64::from(u32::from_be_bytes([0, i0, i1, i2])));
            headers.network = offset(at);
            Presence::PBB
        }
        _ => Presence::empty(),
    }
}

/// ARP for IPv4 over Ethernet; other hardware and protocols have no fields.
fn arp<S: Source>(source: S, at: usize, key: &mut Key, headers: &mut Headers) -> Presence {
    let Some([0, 1, 8, 0, 6, 4, o0, o1, addresses @ ..]) = source.bytes::<28>(at) else {
        return Presence::empty();
    };
    let [h0, h1, h2, h3, h4, h5, p0, p1, p2, p3, rest @ ..] = addresses;
    let [t0, t1, t2, t3, t4, t5, q0, q1, q2, q3] = rest;
    key.set_word(3, u64::from_be_bytes([p0, p1, p2, p3, q0, q1, q2, q3]));
    key.set_word(14, u64::from_be_bytes([h0, h1, h2, h3, h4, h5, o0, o1]));
    key.set_word(15, u64::from_be_bytes([t0, t1, t2, t3, t4, t5, 0, 0]));
    headers.network = offset(at);
    Presence::ARP
}

#[inline]
fn or_word(key: &mut Key, index: u8, bits: u64) {
    let word = key.word(index) | bits;
    key.set_word(index, word);
}

/// Writes an IPv6 address into two words.
#[inline]
fn set_address(key: &mut Key, index: u8, address: [u8; 16]) {
    let address = u128::from_be_bytes(address);
    key.set_word(index, (address >> 64) as u64);
    key.set_word(index.wrapping_add(1), address as u64);
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
fn offset(at: usize) -> u32 {
    at as u32
}
