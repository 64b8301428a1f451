//! The host as the core sees it, over the hypercalls that it gave; and what rides with a frame, in the
//! header's form and in the core's.

use core::ffi::{c_int, c_void};
use core::ptr::NonNull;

use hypercall::{Gso, GsoKind, Hypercall, Meta, Offload, Port, Sent};

use crate::abi;
use crate::error::Error;
use crate::frame::{HostFrame, is_whole};

/// The hypercalls of a switch and the host's own name for it.
pub(crate) struct Calls {
    pub(crate) host: *mut c_void,
    pub(crate) table: Table,
}

/// The hypercalls, those that must be there being there.
pub(crate) struct Table {
    transmit: abi::Transmit,
    pub(crate) discard: unsafe extern "C" fn(*mut c_void, *mut abi::Frame),
    flush: Option<unsafe extern "C" fn(*mut c_void)>,
    duplicate: abi::Duplicate,
    allocate: unsafe extern "C" fn(*mut c_void, usize, *mut abi::Frame) -> c_int,
    pub(crate) pull: unsafe extern "C" fn(*mut c_void, *mut abi::Frame, usize) -> c_int,
    pub(crate) grow: unsafe extern "C" fn(*mut c_void, *mut abi::Frame, usize, usize) -> c_int,
    pub(crate) copy_out: Option<abi::CopyOut>,
    pub(crate) wake: Option<unsafe extern "C" fn(*mut c_void, u64, u32)>,
}

impl Table {
    pub(crate) fn new(given: &abi::Hypercalls) -> Result<Table, Error> {
        let must = Error::BadArgument;
        Ok(Table {
            transmit: given.transmit.ok_or(must)?,
            discard: given.discard.ok_or(must)?,
            flush: given.flush,
            duplicate: given.duplicate.ok_or(must)?,
            allocate: given.allocate.ok_or(must)?,
            pull: given.pull.ok_or(must)?,
            grow: given.grow.ok_or(must)?,
            copy_out: given.copy_out,
            wake: given.wake,
        })
    }
}

/// The host for the length of one call.
pub(crate) struct Host {
    calls: NonNull<Calls>,
}

impl Host {
    pub(crate) fn new(calls: &Calls) -> Host {
        Host { calls: NonNull::from(calls) }
    }

    fn calls(&self) -> &Calls {
        // SAFETY: they are the switch's, which is in a call as long as this lives.
        unsafe { self.calls.as_ref() }
    }

    /// Takes over a frame that a hypercall made, if it is one of `len` bytes.
    fn take(&self, raw: abi::Frame, len: usize, head_len: usize) -> Option<HostFrame> {
        let calls = self.calls();
        // SAFETY: the host says by `rest_count` how many slices `rest` has.
        let is_whole = unsafe { is_whole(&raw, calls.table.copy_out.is_some()) };
        if is_whole && raw.len == len && raw.head_len >= head_len {
            // SAFETY: it is whole and was made for us.
            return Some(unsafe { HostFrame::new(raw, self.calls) });
        }
        let mut raw = raw;
        // SAFETY: it was made for us, and is not used again.
        unsafe { (calls.table.discard)(calls.host, &raw mut raw) };
        None
    }
}

impl Hypercall for Host {
    type Frame = HostFrame;

    fn transmit(&mut self, port: Port, meta: &Meta, frame: HostFrame) -> Sent {
        let meta = to_raw(meta);
        let mut raw = frame.into_raw();
        let calls = self.calls();
        // SAFETY: the frame was ours and is the host's from here on.
        let refused =
            unsafe { (calls.table.transmit)(calls.host, port.0, &raw const meta, &raw mut raw) };
        if refused == 0 { Sent::Sent } else { Sent::Dropped }
    }

    fn flush(&mut self) {
        let calls = self.calls();
        if let Some(flush) = calls.table.flush {
            // SAFETY: it asks for nothing but the host's own name.
            unsafe { flush(calls.host) };
        }
    }

    fn duplicate(&mut self, frame: &HostFrame) -> Option<HostFrame> {
        let calls = self.calls();
        let mut copy = abi::Frame::EMPTY;
        // SAFETY: the frame is whole, and `copy` is there to be filled in.
        let failed = unsafe { (calls.table.duplicate)(calls.host, frame.raw(), &raw mut copy) };
        if failed == 0 { self.take(copy, frame.raw().len, 0) } else { None }
    }

    fn allocate(&mut self, len: usize) -> Option<HostFrame> {
        let calls = self.calls();
        let mut made = abi::Frame::EMPTY;
        // SAFETY: `made` is there to be filled in.
        let failed = unsafe { (calls.table.allocate)(calls.host, len, &raw mut made) };
        if failed == 0 { self.take(made, len, len) } else { None }
    }
}

/// What the host says rides with a frame, if it can be.
pub(crate) fn from_raw(raw: &abi::Meta) -> Result<Meta, Error> {
    let kind = match raw.gso {
        abi::GSO_NONE => None,
        abi::GSO_TCPV4 => Some(GsoKind::TcpV4),
        abi::GSO_TCPV6 => Some(GsoKind::TcpV6),
        abi::GSO_UDP => Some(GsoKind::Udp),
        _ => return Err(Error::BadArgument),
    };
    let gso = kind.map(|kind| Gso {
        kind,
        segment_len: raw.gso_segment_len,
        header_len: raw.gso_header_len,
    });
    Ok(Meta {
        in_phy_port: Port(raw.in_phy_port),
        tunnel_id: raw.tunnel_id,
        queue_id: (raw.queue_id != abi::NO_QUEUE).then_some(raw.queue_id),
        offload: Offload { csum_start: raw.csum_start, csum_offset: raw.csum_offset, gso },
    })
}

fn to_raw(meta: &Meta) -> abi::Meta {
    let Offload { csum_start, csum_offset, gso } = meta.offload;
    let (kind, segment_len, header_len) = match gso {
        None => (abi::GSO_NONE, 0, 0),
        Some(Gso { kind, segment_len, header_len }) => {
            let kind = match kind {
                GsoKind::TcpV4 => abi::GSO_TCPV4,
                GsoKind::TcpV6 => abi::GSO_TCPV6,
                GsoKind::Udp => abi::GSO_UDP,
            };
            (kind, segment_len, header_len)
        }
    };
    abi::Meta {
        tunnel_id: meta.tunnel_id,
        in_phy_port: meta.in_phy_port.0,
        queue_id: meta.queue_id.unwrap_or(abi::NO_QUEUE),
        csum_start,
        csum_offset,
        gso_segment_len: segment_len,
        gso_header_len: header_len,
        gso: kind,
        pad: [0; 7],
    }
}
