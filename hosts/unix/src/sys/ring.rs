//! The ring of a packet socket: memory that the kernel writes received frames into, so that taking them
//! needs no system call.
//!
//! A slot belongs to the kernel or to us, as its first word says. Frames that are longer than a slot come
//! by the socket, in the order of the slots that stand for them.

use std::{
    io, mem,
    os::fd::{AsRawFd, BorrowedFd},
    ptr::{self, NonNull},
    slice,
    sync::atomic::{AtomicU32, Ordering},
};

use super::{Arrival, set_number, set_option};

/// Bytes of a slot: an ordinary frame and what the kernel tells of it.
const SLOT: usize = 2048;

/// Slots of a ring.
const COUNT: usize = 1024;

/// Bytes that the kernel allocates at a time.
const BLOCK: usize = 1 << 16;

const LEN: usize = SLOT * COUNT;

/// A ring, mapped.
pub(crate) struct Ring {
    base: NonNull<u8>,
    /// The slot that is looked at next.
    next: usize,
}

// SAFETY: the mapping belongs to the process, whichever thread reads it.
unsafe impl Send for Ring {}

/// A frame in the ring.
pub(crate) enum Slot<'a> {
    /// Its bytes, behind those that come in front of each frame.
    Here(&'a [u8], Arrival),
    /// It waits in the socket.
    Elsewhere,
}

impl Ring {
    /// Gives a packet socket a ring, before it is bound and after its other options are set.
    pub(crate) fn new(socket: BorrowedFd<'_>) -> io::Result<Ring> {
        let version = libc::tpacket_versions::TPACKET_V2 as _;
        set_number(socket, libc::SOL_PACKET, libc::PACKET_VERSION, version)?;
        // What does not fit into a slot is kept in the socket.
        set_number(socket, libc::SOL_PACKET, libc::PACKET_COPY_THRESH, 1)?;
        let mut shape = libc::tpacket_req {
            tp_block_size: BLOCK as _,
            tp_block_nr: (LEN / BLOCK) as _,
            tp_frame_size: SLOT as _,
            tp_frame_nr: COUNT as _,
        };
        set_option(socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &shape)?;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let socket_fd = socket.as_raw_fd();
        // SAFETY: a new mapping at a place of the kernel's choice; the result is checked.
        let base =
            unsafe { libc::mmap(ptr::null_mut(), LEN, access, libc::MAP_SHARED, socket_fd, 0) };
        match NonNull::new(base.cast()).filter(|_| base != libc::MAP_FAILED) {
            Some(base) => Ok(Ring { base, next: 0 }),
            None => {
                let error = io::Error::last_os_error();
                // Without a ring frames come by the socket again.
                (shape.tp_block_size, shape.tp_block_nr) = (0, 0);
                (shape.tp_frame_size, shape.tp_frame_nr) = (0, 0);
                set_option(socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &shape)?;
                Err(error)
            }
        }
    }

    fn slot(&self, index: usize) -> NonNull<u8> {
        // SAFETY: within the mapping, whose slots are counted round.
        unsafe { self.base.add(index % COUNT * SLOT) }
    }

    fn status(&self, index: usize) -> &AtomicU32 {
        // SAFETY: each slot begins with this word, aligned, which the kernel and we change whole; the
        // mapping lives as long as `self`.
        unsafe { self.slot(index).cast().as_ref() }
    }

    /// The next frame, with the `front` bytes that come before each; it stays until it is
    /// [released](Self::release).
    pub(crate) fn peek(&self, front: usize) -> Option<Slot<'_>> {
        let status = self.status(self.next).load(Ordering::Acquire);
        if status & libc::TP_STATUS_USER == 0 {
            return None;
        }
        if status & libc::TP_STATUS_COPY != 0 {
            return Some(Slot::Elsewhere);
        }
        let slot = self.slot(self.next);
        // SAFETY: the slot is ours since its status was read, and begins with this structure of plain
        // integers.
        let header: libc::tpacket2_hdr = unsafe { ptr::read(slot.cast().as_ptr()) };
        let end = (usize::from(header.tp_mac) + header.tp_snaplen as usize).min(SLOT);
        let start = usize::from(header.tp_mac).saturating_sub(front).min(end);
        // SAFETY: within the slot, which the kernel leaves alone until its status is changed, for
        // which `self` must be borrowed anew.
        let bytes = unsafe { slice::from_raw_parts(slot.add(start).as_ptr(), end - start) };
        let truncated = header.tp_snaplen < header.tp_len;
        let arrival = Arrival::new(status, header.tp_vlan_tpid, header.tp_vlan_tci);
        Some(Slot::Here(bytes, Arrival { truncated, ..arrival }))
    }

    /// How many of the next `most` frames, one behind the other, wait in the socket.
    pub(crate) fn elsewhere_count(&self, most: usize) -> usize {
        let wanted = libc::TP_STATUS_USER | libc::TP_STATUS_COPY;
        let waits =
            |at: &usize| self.status(self.next + at).load(Ordering::Acquire) & wanted == wanted;
        (0..most.min(COUNT)).take_while(waits).count()
    }

    /// Gives the next slot back to the kernel.
    pub(crate) fn release(&mut self) {
        self.status(self.next).store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.next = (self.next + 1) % COUNT;
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping that `new` made, and nobody borrows it any more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), LEN) };
    }
}

// The kernel's structure fits into a slot and is aligned in it.
const _: () = assert!(mem::size_of::<libc::tpacket2_hdr>() < SLOT && SLOT % 16 == 0);
