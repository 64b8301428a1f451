//! The header's structures and numbers, field for field: `tests/header.rs` compares them with
//! `include/rumpswitch.h` by a C compiler. And how what a caller points to is read and written.

use core::ffi::{c_char, c_int, c_void};

use crate::Error;

/// `RUMPSWITCH_REVISION`.
pub const REVISION: u32 = 1;
/// `RUMPSWITCH_NO_QUEUE`.
pub const NO_QUEUE: u32 = u32::MAX;
/// `RUMPSWITCH_NEVER`.
pub const NEVER: u64 = u64::MAX;
/// `RUMPSWITCH_PORT_MAX`.
pub const PORT_MAX: u32 = 0xffff_ff00;
/// `RUMPSWITCH_PORT_LOCAL`.
pub const PORT_LOCAL: u32 = 0xffff_fffe;
/// `RUMPSWITCH_LINK_DOWN`.
pub const LINK_DOWN: u32 = 1;
/// `RUMPSWITCH_BLOCKED`.
pub const BLOCKED: u32 = 2;
/// `RUMPSWITCH_MAX_FRAME`.
pub const MAX_FRAME: u32 = 1514;
/// `RUMPSWITCH_READABLE`.
pub const READABLE: u32 = 1;
/// `RUMPSWITCH_WRITABLE`.
pub const WRITABLE: u32 = 2;
/// `RUMPSWITCH_HANGUP`.
pub const HANGUP: u32 = 4;
/// `RUMPSWITCH_ACTIVE`.
pub const ACTIVE: c_int = 0;
/// `RUMPSWITCH_PASSIVE`.
pub const PASSIVE: c_int = 1;
/// `RUMPSWITCH_GET_PENDING`.
pub const GET_PENDING: u32 = 1;
/// `RUMPSWITCH_GET_DATAPATH_ID`.
pub const GET_DATAPATH_ID: u32 = 2;
/// `RUMPSWITCH_SET_DATAPATH_ID`.
pub const SET_DATAPATH_ID: u32 = 3;
/// `RUMPSWITCH_GET_MAX_FLOW`.
pub const GET_MAX_FLOW: u32 = 4;
/// `RUMPSWITCH_GET_MAX_GROUP`.
pub const GET_MAX_GROUP: u32 = 5;
/// `RUMPSWITCH_SET_PORT_NUMBER`.
pub const SET_PORT_NUMBER: u32 = 6;
/// `RUMPSWITCH_PANIC`.
pub const PANIC: u32 = 7;
/// `RUMPSWITCH_GSO_NONE`.
pub const GSO_NONE: u8 = 0;
/// `RUMPSWITCH_GSO_TCPV4`.
pub const GSO_TCPV4: u8 = 1;
/// `RUMPSWITCH_GSO_TCPV6`.
pub const GSO_TCPV6: u8 = 2;
/// `RUMPSWITCH_GSO_UDP`.
pub const GSO_UDP: u8 = 3;

/// `struct rumpswitch_platform`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Platform {
    /// The structure's revision.
    pub revision: u32,
    /// Its size.
    pub size: u32,
    /// Handed to each function.
    pub context: *mut c_void,
    /// A block of memory.
    pub allocate: Option<unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void>,
    /// Takes one back.
    pub release: Option<unsafe extern "C" fn(*mut c_void, *mut c_void, usize, usize)>,
    /// The end.
    pub panic: Option<unsafe extern "C" fn(*mut c_void, *const c_char, usize)>,
}

/// `struct rumpswitch_slice`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// Where they begin.
    pub base: *const u8,
    /// How many.
    pub len: usize,
}

/// `struct rumpswitch_frame`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// The host's name for it.
    pub handle: *mut c_void,
    /// The contiguous prefix.
    pub head: *mut u8,
    /// Its length.
    pub head_len: usize,
    /// That of the whole frame.
    pub len: usize,
    /// The bytes behind the prefix; NULL when `copy_out` gives them.
    pub rest: *const Slice,
    /// Slices in `rest`.
    pub rest_count: usize,
    /// Bytes free in front of `head`.
    pub headroom: u32,
    /// Bytes free behind the last one.
    pub tailroom: u32,
}

impl Frame {
    /// No frame: what a hypercall is given to fill in.
    pub const EMPTY: Frame = Frame {
        handle: core::ptr::null_mut(),
        head: core::ptr::null_mut(),
        head_len: 0,
        len: 0,
        rest: core::ptr::null(),
        rest_count: 0,
        headroom: 0,
        tailroom: 0,
    };
}

/// `struct rumpswitch_meta`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The key of the tunnel.
    pub tunnel_id: u64,
    /// The port beneath a logical port.
    pub in_phy_port: u32,
    /// The queue, or [`NO_QUEUE`].
    pub queue_id: u32,
    /// Where a checksum begins.
    pub csum_start: u16,
    /// Where it goes.
    pub csum_offset: u16,
    /// Payload of a segment.
    pub gso_segment_len: u16,
    /// Headers of each.
    pub gso_header_len: u16,
    /// `enum rumpswitch_gso`.
    pub gso: u8,
    /// 0.
    pub pad: [u8; 7],
}

impl Meta {
    /// What rides with an ordinary frame.
    pub const NONE: Meta = Meta {
        tunnel_id: 0,
        in_phy_port: 0,
        queue_id: NO_QUEUE,
        csum_start: 0,
        csum_offset: 0,
        gso_segment_len: 0,
        gso_header_len: 0,
        gso: GSO_NONE,
        pad: [0; 7],
    };
}

/// `struct rumpswitch_ingress`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Ingress {
    /// Where it came in.
    pub port: u32,
    /// 0.
    pub pad: u32,
    /// What rides with it.
    pub meta: Meta,
    /// Its bytes.
    pub frame: Frame,
}

/// `transmit`.
pub type Transmit = unsafe extern "C" fn(*mut c_void, u32, *const Meta, *mut Frame) -> c_int;
/// `duplicate`.
pub type Duplicate = unsafe extern "C" fn(*mut c_void, *const Frame, *mut Frame) -> c_int;
/// `copy_out`.
pub type CopyOut =
    unsafe extern "C" fn(*mut c_void, *const Frame, usize, *mut c_void, usize) -> c_int;

/// `struct rumpswitch_hypercalls`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Hypercalls {
    /// The structure's revision.
    pub revision: u32,
    /// Its size.
    pub size: u32,
    /// Sends.
    pub transmit: Option<Transmit>,
    /// Takes back.
    pub discard: Option<unsafe extern "C" fn(*mut c_void, *mut Frame)>,
    /// Ends a batch.
    pub flush: Option<unsafe extern "C" fn(*mut c_void)>,
    /// Copies.
    pub duplicate: Option<Duplicate>,
    /// Makes one.
    pub allocate: Option<unsafe extern "C" fn(*mut c_void, usize, *mut Frame) -> c_int>,
    /// Makes a prefix contiguous.
    pub pull: Option<unsafe extern "C" fn(*mut c_void, *mut Frame, usize) -> c_int>,
    /// Adds bytes.
    pub grow: Option<unsafe extern "C" fn(*mut c_void, *mut Frame, usize, usize) -> c_int>,
    /// Reads bytes that lie elsewhere.
    pub copy_out: Option<CopyOut>,
    /// A channel has become ready.
    pub wake: Option<unsafe extern "C" fn(*mut c_void, u64, u32)>,
}

/// `struct rumpswitch_config`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The structure's revision.
    pub revision: u32,
    /// Its size.
    pub size: u32,
    /// The datapath id.
    pub datapath_id: u64,
    /// Of every hash.
    pub seed: u64,
    /// Flow tables.
    pub n_tables: u32,
    /// Flow entries in each.
    pub max_entries_per_table: u32,
    /// Groups.
    pub max_groups: u32,
    /// Meters.
    pub max_meters: u32,
    /// Opens at once.
    pub max_channels: u32,
    /// Stations of NORMAL.
    pub mac_table_count: u32,
    /// Whether it forwards without a controller.
    pub standalone: u32,
    /// 0.
    pub pad: u32,
    /// `dp_desc`, or NULL.
    pub description: *const c_char,
}

/// `struct rumpswitch_port`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Port {
    /// Its number.
    pub number: u32,
    /// Its name, with a NUL.
    pub name: [u8; 16],
    /// Its address.
    pub hw_addr: [u8; 6],
    /// 0.
    pub pad: [u8; 2],
    /// `ofp_port_config`.
    pub config: u32,
    /// `ofp_port_state`.
    pub state: u32,
    /// Current features.
    pub curr: u32,
    /// Advertised ones.
    pub advertised: u32,
    /// Supported ones.
    pub supported: u32,
    /// The peer's.
    pub peer: u32,
    /// kbit/s.
    pub curr_speed: u32,
    /// kbit/s.
    pub max_speed: u32,
    /// The longest untagged frame.
    pub max_frame: u32,
}

/// `struct rumpswitch_port_counters`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortCounters {
    /// Frames in.
    pub rx_frames: u64,
    /// Frames out.
    pub tx_frames: u64,
    /// Bytes in.
    pub rx_bytes: u64,
    /// Bytes out.
    pub tx_bytes: u64,
    /// Frames that did not enter.
    pub rx_dropped: u64,
    /// Frames that did not leave.
    pub tx_dropped: u64,
}

/// `RUMPSWITCH_NO_RATE`.
pub const NO_RATE: u16 = 0xffff;

/// `struct rumpswitch_queue`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its number on the port.
    pub id: u32,
    /// The rate that it gets, in 1/1000 of the port's.
    pub min_rate: u16,
    /// The rate that it never exceeds.
    pub max_rate: u16,
}

/// `struct rumpswitch_renumber`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renumber {
    /// The number that it has.
    pub from: u32,
    /// The number that it gets.
    pub to: u32,
}

/// Reads what a caller points to.
///
/// # Safety
///
/// `given` is NULL, misaligned, or points to a `T`.
pub(crate) unsafe fn read<T: Copy>(given: *const T) -> Result<T, Error> {
    if given.is_null() || !given.is_aligned() {
        return Err(Error::BadArgument);
    }
    // SAFETY: neither NULL nor misaligned, so it points to a `T`, by the contract above.
    Ok(unsafe { given.read() })
}

/// Reads a structure that begins with a revision and its size.
///
/// # Safety
///
/// `given` is NULL, misaligned, or points to eight bytes that say whether a `T` of this revision is there.
pub(crate) unsafe fn read_revised<T: Copy>(given: *const T) -> Result<T, Error> {
    if !given.is_aligned() {
        return Err(Error::BadArgument);
    }
    // SAFETY: NULL, or aligned as the structure is, which no word in it exceeds; two words are there.
    let [revision, size] = unsafe { read(given.cast::<[u32; 2]>()) }?;
    if revision != REVISION || size as usize != size_of::<T>() {
        return Err(Error::BadRevision);
    }
    // SAFETY: it is of this revision and of this size, so it is a `T`.
    unsafe { read(given) }
}

/// Where a caller wants a result.
pub(crate) struct Place<T>(*mut T);

impl<T> Place<T> {
    /// Checks it; nothing is written yet.
    ///
    /// # Safety
    ///
    /// `place` is NULL, misaligned, or may be written to as long as the result lives.
    pub(crate) unsafe fn new(place: *mut T) -> Result<Place<T>, Error> {
        if place.is_null() || !place.is_aligned() {
            return Err(Error::BadArgument);
        }
        Ok(Place(place))
    }

    /// Writes the result.
    pub(crate) fn set(self, value: T) {
        // SAFETY: neither NULL nor misaligned, so it may be written to, by the contract of `new`.
        unsafe { self.0.write(value) }
    }
}

/// The bytes that a caller gives.
///
/// # Safety
///
/// `base` is NULL, or `len` bytes there are readable and stay as they are for `'a`.
pub(crate) unsafe fn bytes<'a>(base: *const c_void, len: usize) -> Result<&'a [u8], Error> {
    if base.is_null() || isize::try_from(len).is_err() {
        return Err(Error::BadArgument);
    }
    // SAFETY: not NULL, so it is `len` readable bytes, and no more than an object may have.
    Ok(unsafe { core::slice::from_raw_parts(base.cast(), len) })
}

/// The bytes that a caller has room for.
///
/// # Safety
///
/// `base` is NULL, or `len` bytes there are writable and nobody else's for `'a`.
pub(crate) unsafe fn room<'a>(base: *mut c_void, len: usize) -> Result<&'a mut [u8], Error> {
    if base.is_null() || isize::try_from(len).is_err() {
        return Err(Error::BadArgument);
    }
    // SAFETY: not NULL, so it is `len` writable bytes, ours alone, and no more than an object may have.
    Ok(unsafe { core::slice::from_raw_parts_mut(base.cast(), len) })
}
