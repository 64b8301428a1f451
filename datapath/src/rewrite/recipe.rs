//! Recipes: the usual changes of a program's or bucket's end, fused when it is compiled.
//!
//! # What
//!
//! A [`Recipe`] is a few steps, made from the first actions of a list that are usual (addresses, ports,
//! VLAN tags, IPv4's TTL). Each step does one or several actions on one header: both MAC addresses are one
//! store of constant bytes, a tag is pushed with the VID that the next action sets, everything in an IPv4
//! packet follows one look at its checksums.
//!
//! # Design
//!
//! A recipe is for what leaves the switch behind it: it changes bytes, and neither key nor headers, which
//! nobody asks for any more. So VLAN tags and addresses need no header to be read first, and a packet that
//! goes to several ports by several recipes stays what it was but for its bytes.
//!
//! A step does all that it stands for, or nothing: where a header is not the usual one, where its bytes are
//! not contiguous, where the TTL runs out. Then [`Recipe::cook`] stops, tells how many actions have been
//! done, and has made the packet one that has not been read yet; the general functions go on from there.
//!
//! # What it does not do
//!
//! Actions are fused only with neighbours that do not depend on their order: what a packet looks like when
//! an action fails is what a controller is shown.

use arrayvec::ArrayVec;
use bitflags::bitflags;
use hypercall::{Frame, Offload};
use ofp_codec::OxmField;

use super::contiguous::{chunk, follow};
use crate::checksum::Delta;
use crate::extract::is_vlan_type;
use crate::key::{Depth, Presence};
use crate::packet::Packet;
use crate::program::Act;

/// Steps of a recipe; what follows them is done one by one.
const STEPS_MAX: usize = 4;

/// Fused changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Recipe {
    steps: ArrayVec<Step, STEPS_MAX>,
    /// Where the steps need headers to be found.
    finds: Finds,
    /// Actions that all steps stand for.
    act_count: usize,
}

/// What has to be known of a packet before the first step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Finds {
    #[default]
    Nothing,
    /// Where IPv4's header is.
    Ipv4,
    /// The transport's, too.
    Transport,
}

/// Changes of one header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Macs([u8; 12]),
    Dst([u8; 6]),
    Src([u8; 6]),
    /// Pushes a tag that has the VID and PCP of the outermost one but for the bits of `mask`.
    PushVlan {
        eth_type: u16,
        mask: u16,
        bits: u16,
    },
    PopVlan,
    /// The bits of `mask` in the outermost tag.
    Tag {
        mask: u16,
        bits: u16,
    },
    DecTtl,
    /// What a router does: IPv4's TTL, then both addresses in front of it.
    Route([u8; 12]),
    Ipv4(Ipv4),
}

bitflags! {
    /// What is changed of an IPv4 packet.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    struct Sets: u8 {
        const SRC = 1 << 0;
        const DST = 1 << 1;
        const SRC_PORT = 1 << 2;
        const DST_PORT = 1 << 3;
        /// The TTL, which becomes one less.
        const TTL = 1 << 4;
        /// The packet is to be one of TCP.
        const TCP = 1 << 5;
        /// The packet is to be one of UDP.
        const UDP = 1 << 6;
    }
}

/// Changes of an IPv4 packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Ipv4 {
    sets: Sets,
    src_port: u16,
    dst_port: u16,
    src: u32,
    dst: u32,
}

impl Ipv4 {
    /// The step that sets one field.
    fn set(field: OxmField, value: u64) -> Option<Step> {
        let (address, port, none) = (value as u32, value as u16, Ipv4::default());
        let tcp = Sets::TCP;
        let udp = Sets::UDP;
        Some(Step::Ipv4(match field {
            OxmField::Ipv4Src => Ipv4 { sets: Sets::SRC, src: address, ..none },
            OxmField::Ipv4Dst => Ipv4 { sets: Sets::DST, dst: address, ..none },
            OxmField::TcpSrc => Ipv4 { sets: Sets::SRC_PORT | tcp, src_port: port, ..none },
            OxmField::TcpDst => Ipv4 { sets: Sets::DST_PORT | tcp, dst_port: port, ..none },
            OxmField::UdpSrc => Ipv4 { sets: Sets::SRC_PORT | udp, src_port: port, ..none },
            OxmField::UdpDst => Ipv4 { sets: Sets::DST_PORT | udp, dst_port: port, ..none },
            _ => return None,
        }))
    }

    /// Both in one: the later one's values count. Two TTLs are two steps, and so are two transports.
    fn then(self, next: Ipv4) -> Option<Step> {
        let sets = self.sets | next.sets;
        if (self.sets & next.sets).contains(Sets::TTL) || sets.contains(Sets::TCP | Sets::UDP) {
            return None;
        }
        let has = |flag| next.sets.contains(flag);
        Some(Step::Ipv4(Ipv4 {
            sets,
            src_port: if has(Sets::SRC_PORT) { next.src_port } else { self.src_port },
            dst_port: if has(Sets::DST_PORT) { next.dst_port } else { self.dst_port },
            src: if has(Sets::SRC) { next.src } else { self.src },
            dst: if has(Sets::DST) { next.dst } else { self.dst },
        }))
    }
}

/// What a recipe has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cooked {
    pub(crate) step_count: usize,
    /// Bytes by which the frame has become longer.
    pub(crate) grown: i64,
    /// Whether a header was taken off.
    pub(crate) is_popped: bool,
}

impl Step {
    /// The step that an action is, if it is a usual one.
    fn of(act: &Act) -> Option<Step> {
        Some(match *act {
            Act::PushVlan(eth_type) if is_vlan_type(eth_type) => {
                Step::PushVlan { eth_type, mask: 0, bits: 0 }
            }
            Act::PopVlan => Step::PopVlan,
            Act::DecNwTtl => Step::DecTtl,
            Act::SetField { field, value: [_, value] } => match field {
                OxmField::EthDst => Step::Dst(mac(value)),
                OxmField::EthSrc => Step::Src(mac(value)),
                OxmField::VlanVid => Step::Tag { mask: 0x0fff, bits: value as u16 & 0x0fff },
                OxmField::VlanPcp => Step::Tag { mask: 0xe000, bits: (value as u16) << 13 },
                field => return Ipv4::set(field, value),
            },
            _ => return None,
        })
    }

    /// Both steps in one, if they are about one header.
    fn then(self, next: Step) -> Option<Step> {
        let ttl = Ipv4 { sets: Sets::TTL, ..Ipv4::default() };
        Some(match (self, next) {
            (Step::Dst(_), Step::Dst(_)) | (Step::Src(_), Step::Src(_)) => next,
            (Step::Dst(dst), Step::Src(src)) | (Step::Src(src), Step::Dst(dst)) => {
                Step::Macs(both(dst, src))
            }
            (Step::PushVlan { eth_type, mask, bits }, Step::Tag { mask: more, bits: new }) => {
                Step::PushVlan { eth_type, mask: mask | more, bits: (bits & !more) | new }
            }
            (Step::Tag { mask, bits }, Step::Tag { mask: more, bits: new }) => {
                Step::Tag { mask: mask | more, bits: (bits & !more) | new }
            }
            (Step::Ipv4(ipv4), Step::Ipv4(next)) => return ipv4.then(next),
            (Step::Ipv4(ipv4), Step::DecTtl) => return ipv4.then(ttl),
            (Step::DecTtl, Step::Ipv4(next)) => return ttl.then(next),
            _ => return None,
        })
    }

    fn finds(&self) -> Finds {
        match self {
            Step::DecTtl | Step::Route(_) => Finds::Ipv4,
            Step::Ipv4(_) => Finds::Transport,
            _ => Finds::Nothing,
        }
    }
}

/// The steps that a list begins with, and how many of its actions each stands for.
fn steps<'a>(acts: impl Iterator<Item = &'a Act>) -> impl Iterator<Item = (Step, usize)> {
    let mut steps = steps_of_headers(acts).peekable();
    core::iter::from_fn(move || {
        let (step, count) = steps.next()?;
        let (Step::DecTtl, Some(&(Step::Macs(macs), more))) = (step, steps.peek()) else {
            return Some((step, count));
        };
        // The other way round an expired packet has new addresses when the controller sees it.
        steps.next();
        Some((Step::Route(macs), count.saturating_add(more)))
    })
    .take(STEPS_MAX)
}

/// The same, each step for one header.
fn steps_of_headers<'a>(
    acts: impl Iterator<Item = &'a Act>,
) -> impl Iterator<Item = (Step, usize)> {
    let mut acts = acts.map_while(Step::of).peekable();
    core::iter::from_fn(move || {
        let mut step = acts.next()?;
        let mut count = 1_usize;
        while let Some(both) = acts.peek().and_then(|next| step.then(*next)) {
            step = both;
            count = count.saturating_add(1);
            acts.next();
        }
        Some((step, count))
    })
}

impl Recipe {
    /// The recipe for what a list begins with.
    pub(crate) fn new<'a>(acts: impl Iterator<Item = &'a Act>) -> Recipe {
        let mut recipe = Recipe::default();
        for (step, count) in steps(acts) {
            recipe.finds = recipe.finds.max(step.finds());
            recipe.act_count = recipe.act_count.saturating_add(count);
            recipe.steps.extend(Some(step));
        }
        recipe
    }

    /// Steps of the recipe.
    #[inline]
    pub(crate) fn step_count(&self) -> usize {
        self.steps.len()
    }

    /// Actions that all steps stand for.
    #[inline]
    pub(crate) fn act_count(&self) -> usize {
        self.act_count
    }

    /// Actions that the first `step_count` steps stand for, of those that the recipe was made from.
    pub(crate) fn acts_of<'a>(step_count: usize, acts: impl Iterator<Item = &'a Act>) -> usize {
        steps(acts).take(step_count).fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    /// Does the steps, as far as they go, to a packet that nobody asks for its key any more.
    #[inline(always)]
    pub(crate) fn cook<F: Frame>(&self, packet: &mut Packet<F>) -> Cooked {
        let mut place = match self.finds {
            Finds::Nothing => Place::default(),
            finds => Place::of(packet, finds),
        };
        let mut cooked = Cooked::default();
        for step in &self.steps {
            let outcome = match *step {
                Step::Macs(macs) => put(&mut packet.frame, 0, macs),
                Step::Dst(mac) => put(&mut packet.frame, 0, mac),
                Step::Src(mac) => put(&mut packet.frame, 6, mac),
                Step::PushVlan { eth_type, mask, bits } => {
                    let outcome = push_vlan(packet, eth_type, mask, bits);
                    if outcome.is_some() {
                        cooked.grown = cooked.grown.wrapping_add(4);
                        place.move_by(4);
                    }
                    outcome
                }
                Step::PopVlan => {
                    let outcome = pop_vlan(packet);
                    if outcome.is_some() {
                        cooked.grown = cooked.grown.wrapping_sub(4);
                        cooked.is_popped = true;
                        place.move_by(-4);
                    }
                    outcome
                }
                Step::Tag { mask, bits } => set_tag(&mut packet.frame, mask, bits),
                Step::DecTtl => dec_ttl(&mut packet.frame, place),
                Step::Route(macs) => route(&mut packet.frame, place, macs),
                Step::Ipv4(ipv4) => ipv4.change(packet, place),
            };
            if outcome.is_none() {
                break;
            }
            cooked.step_count = cooked.step_count.wrapping_add(1);
        }
        cooked
    }
}

/// Where headers are, which the frame's key may not say any more.
#[derive(Clone, Copy, Default)]
struct Place {
    presence: Presence,
    network: usize,
    transport: usize,
}

impl Place {
    #[inline(always)]
    fn of<F: Frame>(packet: &mut Packet<F>, finds: Finds) -> Place {
        if finds == Finds::Ipv4 && packet.depth != Depth::Whole && is_bare_ipv4(&packet.frame) {
            return Place { presence: Presence::IPV4, network: 14, transport: 0 };
        }
        packet.ensure(Depth::Whole);
        let headers = &packet.headers;
        let (network, transport) = (headers.network as usize, headers.transport as usize);
        Place { presence: packet.key.presence(), network, transport }
    }

    #[inline(always)]
    fn move_by(&mut self, by: isize) {
        self.network = self.network.wrapping_add_signed(by);
        self.transport = self.transport.wrapping_add_signed(by);
    }
}

/// Whether a frame has an IPv4 header right behind its type, whose lengths agree with it.
#[inline(always)]
fn is_bare_ipv4<F: Frame>(frame: &F) -> bool {
    let bytes = frame.headers().get(12..).and_then(|rest| rest.first_chunk::<6>());
    let Some([0x08, 0x00, version_len @ 0x45..=0x4f, _, l0, l1]) = bytes else { return false };
    let total_len = usize::from(u16::from_be_bytes([*l0, *l1]));
    let header_len = usize::from(version_len & 15).wrapping_mul(4);
    total_len >= header_len && total_len.wrapping_add(14) <= frame.len()
}

/// The bytes of a MAC address.
fn mac(value: u64) -> [u8; 6] {
    let [_, _, mac @ ..] = value.to_be_bytes();
    mac
}

/// Both addresses, as they stand in a frame.
fn both(dst: [u8; 6], src: [u8; 6]) -> [u8; 12] {
    let mut macs = [0; 12];
    macs.iter_mut().zip(dst.into_iter().chain(src)).for_each(|(place, byte)| *place = byte);
    macs
}

#[inline(always)]
fn put<F: Frame, const N: usize>(frame: &mut F, at: usize, bytes: [u8; N]) -> Option<()> {
    *chunk(frame, at)? = bytes;
    Some(())
}

/// Pushes a tag: the addresses move to the front, all else stays.
#[inline(always)]
fn push_vlan<F: Frame>(packet: &mut Packet<F>, eth_type: u16, mask: u16, bits: u16) -> Option<()> {
    let [macs @ .., t0, t1, c0, c1] = *chunk::<F, 16>(&mut packet.frame, 0)?;
    let tci = match is_vlan_type(u16::from_be_bytes([t0, t1])) {
        true => u16::from_be_bytes([c0, c1]) & 0xefff,
        false => 0,
    };
    if packet.meta.offload != Offload::NONE || !packet.frame.grow_front(4) {
        return None;
    }
    let Some([front @ .., t0, t1, c0, c1]) = chunk::<F, 16>(&mut packet.frame, 0) else {
        packet.frame.shrink_front(4);
        return None;
    };
    *front = macs;
    [*t0, *t1] = eth_type.to_be_bytes();
    [*c0, *c1] = ((tci & !mask) | bits).to_be_bytes();
    Some(())
}

/// Pops the outermost tag.
#[inline(always)]
fn pop_vlan<F: Frame>(packet: &mut Packet<F>) -> Option<()> {
    let [macs @ .., t0, t1, _, _, _, _] = *chunk::<F, 18>(&mut packet.frame, 0)?;
    let is_tagged = is_vlan_type(u16::from_be_bytes([t0, t1]));
    if !is_tagged || packet.meta.offload != Offload::NONE || !packet.frame.shrink_front(4) {
        return None;
    }
    put(&mut packet.frame, 0, macs)
}

/// The bits of `mask` in the outermost tag.
#[inline(always)]
fn set_tag<F: Frame>(frame: &mut F, mask: u16, bits: u16) -> Option<()> {
    let [t0, t1, c0, c1] = chunk(frame, 12)?;
    if !is_vlan_type(u16::from_be_bytes([*t0, *t1])) {
        return None;
    }
    [*c0, *c1] = ((u16::from_be_bytes([*c0, *c1]) & !mask) | bits).to_be_bytes();
    Some(())
}

/// Decrements IPv4's TTL.
#[inline(always)]
fn dec_ttl<F: Frame>(frame: &mut F, place: Place) -> Option<()> {
    if !place.presence.contains(Presence::IPV4) {
        return None;
    }
    one_hop_less(chunk(frame, place.network.wrapping_add(8))?)
}

/// Decrements IPv4's TTL and sets both addresses: one look at the frame for all of it.
#[inline(always)]
fn route<F: Frame>(frame: &mut F, place: Place, macs: [u8; 12]) -> Option<()> {
    if !place.presence.contains(Presence::IPV4) {
        return None;
    }
    let (front, rest) = frame.headers_mut().split_first_chunk_mut::<12>()?;
    let at = place.network.wrapping_sub(4);
    one_hop_less(rest.get_mut(at..)?.first_chunk_mut()?)?;
    *front = macs;
    Some(())
}

/// Decrements a TTL, which stands before the protocol and the checksum, unless that would be its end.
#[inline(always)]
fn one_hop_less([ttl, _proto, high, low]: &mut [u8; 4]) -> Option<()> {
    if *ttl <= 1 {
        return None;
    }
    *ttl = ttl.wrapping_sub(1);
    let checksum = Delta::MINUS_0X100.apply(u16::from_be_bytes([*high, *low]));
    [*high, *low] = checksum.to_be_bytes();
    Some(())
}

impl Ipv4 {
    /// Changes a packet and lets both checksums follow.
    #[inline(always)]
    fn change<F: Frame>(self, packet: &mut Packet<F>, place: Place) -> Option<()> {
        let sets = self.sets;
        let is_udp = place.presence.contains(Presence::UDP);
        let is_tcp = place.presence.contains(Presence::TCP);
        if !place.presence.contains(Presence::IPV4)
            || packet.meta.offload.is_partial()
            || (sets.contains(Sets::UDP) && !is_udp)
            || (sets.contains(Sets::TCP) && !is_tcp)
        {
            return None;
        }
        // Bytes of the transport's header up to its checksum, which then are its last.
        let above_len = if is_udp { 8 } else { 18 };
        let bytes = packet.frame.headers_mut().get_mut(place.network..)?;
        let (header, above) = match is_udp || is_tcp {
            true => {
                let (header, above) =
                    bytes.split_at_mut_checked(place.transport.wrapping_sub(place.network))?;
                (header, Some(above.get_mut(..above_len)?))
            }
            false => (bytes, None),
        };
        let [_, _, _, _, _, _, _, _, ttl, _proto, c0, c1, addresses @ ..] =
            header.first_chunk_mut::<20>()?;
        if sets.contains(Sets::TTL) {
            if *ttl <= 1 {
                return None;
            }
            *ttl = ttl.wrapping_sub(1);
        }
        let [s0, s1, s2, s3, d0, d1, d2, d3] = addresses;
        let mut delta = Delta::default();
        if sets.contains(Sets::SRC) {
            delta = delta.plus(Delta::of_word(u32::from_be_bytes([*s0, *s1, *s2, *s3]), self.src));
            [*s0, *s1, *s2, *s3] = self.src.to_be_bytes();
        }
        if sets.contains(Sets::DST) {
            delta = delta.plus(Delta::of_word(u32::from_be_bytes([*d0, *d1, *d2, *d3]), self.dst));
            [*d0, *d1, *d2, *d3] = self.dst.to_be_bytes();
        }
        let own = match sets.contains(Sets::TTL) {
            true => delta.plus(Delta::MINUS_0X100),
            false => delta,
        };
        [*c0, *c1] = own.apply(u16::from_be_bytes([*c0, *c1])).to_be_bytes();
        if let Some([p0, p1, q0, q1, .., c0, c1]) = above {
            let port = |high: u8, low: u8| u32::from(u16::from_be_bytes([high, low]));
            if sets.contains(Sets::SRC_PORT) {
                delta = delta.plus(Delta::of_word(port(*p0, *p1), self.src_port.into()));
                [*p0, *p1] = self.src_port.to_be_bytes();
            }
            if sets.contains(Sets::DST_PORT) {
                delta = delta.plus(Delta::of_word(port(*q0, *q1), self.dst_port.into()));
                [*q0, *q1] = self.dst_port.to_be_bytes();
            }
            [*c0, *c1] = follow(delta, u16::from_be_bytes([*c0, *c1]), is_udp).to_be_bytes();
        }
        Some(())
    }
}
