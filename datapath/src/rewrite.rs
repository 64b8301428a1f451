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
//! out. SCTP's CRC32c is linear and is adjusted in the same spirit. A checksum that the host left
//! partial (`Offload`) covers only the pseudo-header so far, and follows only that.
//!
//! Pushes and pops move the MAC addresses, never the payload, and read the headers again.
//!
//! # What it does not do
//!
//! It does not check prerequisites: flow-mod did. It does not pad; see [`pad_to`].

use hypercall::Frame;
use ofp_codec::OxmField;

use crate::packet::Packet;

/// Why a packet cannot go on as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RewriteError {
    /// A decrement would make the TTL 0 or it is 0 already; the packet is unchanged
    /// (`OFPR_INVALID_TTL`).
    InvalidTtl,
    /// The host has no room or memory for the change; the packet is unchanged.
    NoRoom,
}

/// Writes a field (§5.12, set-field). The value is OXM's: of VLAN_VID the bits below `PRESENT`.
///
/// # Errors
///
/// [`RewriteError`].
pub fn set_field<F: Frame>(
    packet: &mut Packet<F>,
    field: OxmField,
    value: u128,
) -> Result<(), RewriteError> {
    Err(RewriteError::NoRoom)
}

/// Pushes a VLAN tag.
///
/// # Errors
///
/// [`RewriteError`].
pub fn push_vlan<F: Frame>(packet: &mut Packet<F>, eth_type: u16) -> Result<(), RewriteError> {
    Err(RewriteError::NoRoom)
}

/// Pops the outermost VLAN tag.
///
/// # Errors
///
/// [`RewriteError`].
pub fn pop_vlan<F: Frame>(packet: &mut Packet<F>) -> Result<(), RewriteError> {
    Err(RewriteError::NoRoom)
}

/// Pushes a label stack entry.
///
/// # Errors
///
/// [`RewriteError`].
pub fn push_mpls<F: Frame>(packet: &mut Packet<F>, eth_type: u16) -> Result<(), RewriteError> {
    Err(RewriteError::NoRoom)
}

/// Pops the outermost label stack entry.
///
/// # Errors
///
/// [`RewriteError`].
pub fn pop_mpls<F: Frame>(packet: &mut Packet<F>, eth_type: u16) -> Result<(), RewriteError> {
    Err(RewriteError::NoRoom)
}

/// Pushes a PBB header.
///
/// # Errors
///
/// [`RewriteError`].
pub fn push_pbb<F: Frame>(packet: &mut Packet<F>, eth_type: u16) -> Result<(), RewriteError> {
    Err(RewriteError::NoRoom)
}

/// Pops a PBB header.
///
/// # Errors
///
/// [`RewriteError`].
pub fn pop_pbb<F: Frame>(packet: &mut Packet<F>) -> Result<(), RewriteError> {
    Err(RewriteError::NoRoom)
}

/// Sets the IP TTL.
///
/// # Errors
///
/// [`RewriteError`].
pub fn set_nw_ttl<F: Frame>(packet: &mut Packet<F>, ttl: u8) -> Result<(), RewriteError> {
    Err(RewriteError::NoRoom)
}

/// Decrements the IP TTL.
///
/// # Errors
///
/// [`RewriteError`].
pub fn dec_nw_ttl<F: Frame>(packet: &mut Packet<F>) -> Result<(), RewriteError> {
    Err(RewriteError::NoRoom)
}

/// Sets the MPLS TTL.
///
/// # Errors
///
/// [`RewriteError`].
pub fn set_mpls_ttl<F: Frame>(packet: &mut Packet<F>, ttl: u8) -> Result<(), RewriteError> {
    Err(RewriteError::NoRoom)
}

/// Decrements the MPLS TTL.
///
/// # Errors
///
/// [`RewriteError`].
pub fn dec_mpls_ttl<F: Frame>(packet: &mut Packet<F>) -> Result<(), RewriteError> {
    Err(RewriteError::NoRoom)
}

/// Copies the TTL outwards.
///
/// # Errors
///
/// [`RewriteError`].
pub fn copy_ttl_out<F: Frame>(packet: &mut Packet<F>) -> Result<(), RewriteError> {
    Err(RewriteError::NoRoom)
}

/// Copies the TTL inwards.
///
/// # Errors
///
/// [`RewriteError`].
pub fn copy_ttl_in<F: Frame>(packet: &mut Packet<F>) -> Result<(), RewriteError> {
    Err(RewriteError::NoRoom)
}

/// Completes a partial transport checksum.
///
/// # Errors
///
/// [`RewriteError`].
pub fn complete_checksum<F: Frame>(packet: &mut Packet<F>) -> Result<(), RewriteError> {
    Err(RewriteError::NoRoom)
}

/// Pads the frame with zeros up to `len` bytes.
///
/// # Errors
///
/// [`RewriteError`].
pub fn pad_to<F: Frame>(packet: &mut Packet<F>, len: usize) -> Result<(), RewriteError> {
    Err(RewriteError::NoRoom)
}
