//! Changes to a packet's headers: what set-field, push, pop and the TTL actions do.
//!
//! # What
//!
//! One function for each action of §5.12 that changes bytes. Each keeps the packet's key and headers
//! true and every checksum that covers what it changes right; each is a no-op when the header that it
//! is about is not there.
//!
//! # Design
//!
//! Checksums follow the change, not the packet (RFC 1624): the difference between old and new bytes
//! goes into the IPv4 header checksum, and into the transport's where the bytes are part of it or of
//! its pseudo-header. So a checksum that was wrong stays wrong by as much, and a receiver still finds
//! out. SCTP's CRC32c is computed anew over the packet. A checksum that the host left partial
//! (`Offload`) covers only the pseudo-header so far, and follows only that.
//!
//! Pushes and pops move what is in front of the tag, never the payload; those of VLAN tags shift what
//! is known of the headers, the others read them again. What most programs do (addresses, ports, VLAN
//! tags, IPv4's TTL) has a short way in `contiguous.rs`, for frames whose headers are contiguous.
//! Every function makes the bytes contiguous that it is going to write before it writes the first.
//!
//! # What it costs
//!
//! A set-field: one read, one write, one addition for each 16 bits changed and checksum concerned.
//! SCTP ports: a step for each byte behind them.
//!
//! # What it does not do
//!
//! It does not check prerequisites: flow-mod did. It does not pad: [`pad_to`] does, when the frame
//! goes out. SCTP's checksum in a first fragment is left as it was, for it covers bytes that are in
//! other frames.

mod contiguous;
mod edit;
mod fields;
mod recipe;
mod recipes;
mod tags;
#[cfg(test)]
mod tests;
mod ttl;

use hypercall::Frame;
use ofp_codec::OxmField;

pub use fields::set_field;
pub(crate) use recipe::{Cooked, Recipe};
pub(crate) use recipes::Recipes;
pub use tags::{pop_mpls, pop_pbb, pop_vlan, push_mpls, push_pbb, push_vlan};
pub use ttl::{copy_ttl_in, copy_ttl_out, dec_mpls_ttl, dec_nw_ttl, set_mpls_ttl, set_nw_ttl};

use crate::checksum;
use crate::packet::Packet;
use crate::program::Act;

/// Why a packet cannot go on as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RewriteError {
    /// The TTL is 0 or a decrement would make it so; the packet is unchanged (`OFPR_INVALID_TTL`).
    InvalidTtl,
    /// The host has no room or memory for the change; the packet is unchanged.
    NoRoom,
}

impl core::fmt::Display for RewriteError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            RewriteError::InvalidTtl => "invalid TTL",
            RewriteError::NoRoom => "no room in the frame",
        })
    }
}

impl core::error::Error for RewriteError {}

impl From<checksum::NoMemory> for RewriteError {
    fn from(_: checksum::NoMemory) -> RewriteError {
        RewriteError::NoRoom
    }
}

/// What changes have done to a frame's length.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Resized {
    /// Whether it is another one.
    pub(crate) is_resized: bool,
    /// Whether something was taken off.
    pub(crate) is_popped: bool,
}

/// Does what the first of `steps` say, as long as these are the usual changes and succeed, and returns
/// the rest; a failed one has changed nothing, and is told by who does it again. `act` gives the action
/// that a step does at once.
#[inline(always)]
pub(crate) fn run<'a, F: Frame, T>(
    packet: &mut Packet<F>,
    steps: &'a [T],
    resized: &mut Resized,
    act: impl Fn(&T) -> Option<&Act>,
) -> &'a [T] {
    let mut steps = steps;
    while let [first, rest @ ..] = steps {
        let Some(change) = act(first) else { break };
        let outcome = match *change {
            // What routers do: both addresses are one store.
            Act::SetField { field: OxmField::EthSrc, value: [_, src] } => match rest {
                [second, more @ ..] => match act(second) {
                    Some(&Act::SetField { field: OxmField::EthDst, value: [_, dst] }) => {
                        let outcome = contiguous::set_macs(packet, dst, src);
                        if outcome.is_some() {
                            steps = more;
                            continue;
                        }
                        outcome
                    }
                    _ => contiguous::set_mac::<F, 6>(packet, src),
                },
                [] => contiguous::set_mac::<F, 6>(packet, src),
            },
            Act::SetField { field, value: [_, value] } => {
                contiguous::set_field(packet, field, value)
            }
            Act::DecNwTtl => contiguous::dec_nw_ttl(packet).and_then(Result::ok),
            Act::PushVlan(eth_type) => {
                resized.is_resized = true;
                contiguous::push_vlan(packet, eth_type)
            }
            Act::PopVlan => {
                resized.is_resized = true;
                let outcome = contiguous::pop_vlan(packet);
                resized.is_popped |= outcome.is_some();
                outcome
            }
            _ => None,
        };
        if outcome.is_none() {
            break;
        }
        steps = rest;
    }
    steps
}

/// Completes the transport checksum that the host left partial: before a packet-in, and before a
/// port that cannot.
///
/// # Errors
///
/// [`RewriteError::NoRoom`] when the headers cannot be made contiguous.
pub fn complete_checksum<F: Frame>(packet: &mut Packet<F>) -> Result<(), RewriteError> {
    Ok(checksum::complete(&mut packet.frame, &mut packet.meta.offload)?)
}

/// Pads the frame with zeros up to `len` bytes: what a pop left shorter than Ethernet allows.
///
/// # Errors
///
/// [`RewriteError::NoRoom`] when the host cannot make the frame longer.
pub fn pad_to<F: Frame>(packet: &mut Packet<F>, len: usize) -> Result<(), RewriteError> {
    let missing = len.saturating_sub(packet.frame.len());
    if missing == 0 || packet.frame.grow_back(missing) { Ok(()) } else { Err(RewriteError::NoRoom) }
}
