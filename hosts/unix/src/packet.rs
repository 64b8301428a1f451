//! An existing interface as a port, through a packet socket: a veth, a network card, a bridge.
//!
//! # What
//! A raw packet socket sees a frame as the kernel has it in hand, which is not as it would be on a
//! wire: the transport checksum may be partial, TCP may come in segments of 64 KiB, the VLAN tag
//! may be gone. A switch that takes the bytes as they are forwards pings and loses TCP.
//!
//! # Design
//! * With `PACKET_VNET_HDR` each frame has a virtio-net header in front, both ways: checksum and
//!   segmentation come as metadata and go on to another port that takes them.
//! * `PACKET_AUXDATA` tells the tag that was taken out; it is put back at its place.
//! * Where the kernel gives no virtio-net header the same auxiliary data tells that a checksum is
//!   partial, the place of it is found by parsing, and a frame beyond the MTU is taken for TCP
//!   segments of MTU size.
//! * `PACKET_IGNORE_OUTGOING`: what the switch sends does not come back.
//! * Datagrams of one flow that leave behind one another leave as one train (`train.rs`) where the kernel
//!   takes it: what a frame costs is mostly the kernel's way to the receiving host, gone once a train.
//! * A ring shows without a system call whether there is something, so the loop looks again before it
//!   waits.
//!
//! # What it costs
//! One `sendmmsg` for up to 32 frames; received frames are copied once by the kernel, into a ring of
//! 2 MiB (`sys/ring.rs`), and once out of it. Those longer than 2 KiB, and all where there is no ring, take
//! a `recvmmsg` for up to 32. `benches/compare/README.md` has what each of it is worth.
//!
//! # What it does not do
//! The kernel's own stack still sees what the interface receives. A segment train inside a tunnel
//! (VXLAN, GRE) passes only to another such port.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use hypercall::{Frame, Gso, GsoKind, Meta, Offload, VecFrame};

use crate::{
    BURST, Error,
    burst::Landing,
    checksum,
    departure::{Departed, Departure},
    interface::Interface,
    l2,
    pool::Pool,
    port::{Accepts, Outgoing, PortInfo, PortIo, Received},
    sys::{self, Arrival, Ring, Slot},
    vnet,
};

/// Bytes of frames that wait in the kernel, each way, where the system allows it: a few bursts of
/// 64 KiB segments.
const SOCKET_BUFFER: i32 = 8 << 20;

/// Bytes of a VLAN tag.
const TAG: usize = 4;

/// How a packet port is opened.
#[derive(Clone, Copy, Debug)]
pub struct PacketOptions {
    /// Whether to ask for virtio-net headers. Without them all frames are finished here and none
    /// is longer than the MTU.
    pub offloads: bool,
}

impl Default for PacketOptions {
    fn default() -> PacketOptions {
        PacketOptions { offloads: true }
    }
}

/// An existing interface, through a packet socket.
pub struct PacketPort {
    socket: OwnedFd,
    interface: Interface,
    /// The interface's index: another one of the same name may come after it.
    index: i32,
    info: PortInfo,
    /// Bytes of the virtio-net header; 0 without.
    header_len: usize,
    landing: Landing,
    /// Where frames of ordinary length come; without it all come by the socket.
    ring: Option<Ring>,
    departure: Departure,
    refused: u64,
}

impl PacketPort {
    /// Opens the interface `name`, seeing all frames, whomever they are for.
    ///
    /// # Errors
    /// [`Error::NoInterface`], [`Error::NotEthernet`], [`Error::Permission`].
    pub fn open(name: &str) -> Result<PacketPort, Error> {
        PacketPort::open_with(name, PacketOptions::default())
    }

    /// As [`open`](Self::open), with options.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(name: &str, options: PacketOptions) -> Result<PacketPort, Error> {
        PacketPort::open_joined(name, options, |_| Ok(()))
    }

    /// The same; the socket joins others as soon as it is bound.
    fn open_joined(
        name: &str,
        options: PacketOptions,
        join: impl FnOnce(BorrowedFd<'_>) -> std::io::Result<()>,
    ) -> Result<PacketPort, Error> {
        let failed =
            |doing: &'static str| move |source| Error::io(format!("{name}: {doing}"), source);
        let interface = Interface::new(name)?;
        let index =
            interface.index().ok_or_else(|| Error::NoInterface { name: name.to_owned() })?;
        if !interface.is_ethernet() {
            return Err(Error::NotEthernet { name: name.to_owned() });
        }
        let socket = sys::packet_socket().map_err(|source| match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Error::Permission {
                doing: format!("{name}: open a packet socket"),
                capability: "CAP_NET_RAW",
            },
            _ => Error::io(format!("{name}: open a packet socket"), source),
        })?;
        let number = |name, value| sys::set_number(socket.as_fd(), libc::SOL_PACKET, name, value);
        number(libc::PACKET_IGNORE_OUTGOING, 1).map_err(failed("ignore outgoing frames"))?;
        let has_header = options.offloads && number(libc::PACKET_VNET_HDR, 1).is_ok();
        number(libc::PACKET_AUXDATA, 1).map_err(failed("ask for VLAN tags"))?;
        sys::packet_promiscuous(socket.as_fd(), index).map_err(failed("see all frames"))?;
        enlarge(socket.as_fd());
        let ring = Ring::new(socket.as_fd()).ok();
        // Last: from here on frames come.
        sys::packet_bind(socket.as_fd(), index).map_err(failed("bind"))?;
        join(socket.as_fd()).map_err(failed("share the interface's frames"))?;
        let header_len = if has_header { vnet::LEN } else { 0 };
        let info = interface.info().ok_or_else(|| Error::NoInterface { name: name.to_owned() })?;
        let landing = Landing::new(header_len, true);
        let departure = Departure::new(has_header);
        Ok(PacketPort {
            socket,
            interface,
            index,
            info,
            header_len,
            landing,
            ring,
            departure,
            refused: 0,
        })
    }
}

impl PacketPort {
    fn max_frame(&self) -> usize {
        self.info.max_frame as usize
    }

    /// Receives up to `most` frames by the socket, and tells how many came, whether they were taken or
    /// not.
    fn receive_burst(
        &mut self,
        pool: &mut Pool,
        most: usize,
        into: &mut Vec<Received>,
    ) -> io::Result<usize> {
        let (header_len, max_frame) = (self.header_len, self.max_frame());
        let refused = &mut self.refused;
        let take = |pool: &mut Pool, buffer, arrival: Arrival| match land(
            buffer, &arrival, header_len, max_frame,
        ) {
            Ok(received) => into.push(received),
            Err(frame) => {
                *refused += 1;
                pool.recycle(frame);
            }
        };
        match self.landing.receive(self.socket.as_fd(), pool, most, take) {
            // The kernel took a frame whose offload a virtio-net header cannot tell.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                self.refused += 1;
                Ok(1)
            }
            result => result,
        }
    }

    /// Receives frames that are too long for the ring, and gives back the slots that stand for them. They
    /// stay when the socket has an error to tell first.
    fn receive_long(
        &mut self,
        pool: &mut Pool,
        most: usize,
        into: &mut Vec<Received>,
    ) -> io::Result<()> {
        let waiting = self.ring.as_ref().map_or(0, |ring| ring.elsewhere_count(most));
        let count = match self.receive_burst(pool, waiting, into) {
            Ok(count) => count,
            // It is not there after all, and does not hold up those behind it.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.refused += 1;
                1
            }
            Err(error) => return Err(error),
        };
        for _ in 0..count {
            self.ring.iter_mut().for_each(Ring::release);
        }
        Ok(())
    }
}

/// Shares the frames of an interface among the sockets of a group, by the hash of their flows.
const FANOUT: i32 = libc::PACKET_FANOUT_HASH as i32;
/// The kernel numbers the group.
const FANOUT_UNIQUE: i32 = 0x2000;
/// What the members send does not come back to the group (Linux 5.19).
const FANOUT_IGNORE_OUTGOING: i32 = 0x4000;

/// Asks for larger socket buffers; what the system does not allow does not matter.
fn enlarge(socket: BorrowedFd<'_>) {
    for (forced, allowed) in
        [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)]
    {
        if sys::set_number(socket, libc::SOL_SOCKET, forced, SOCKET_BUFFER).is_err() {
            let _ = sys::set_number(socket, libc::SOL_SOCKET, allowed, SOCKET_BUFFER);
        }
    }
}

/// Makes a frame of what arrived. `None` when it was cut short, or when its header is about
/// something that nobody here knows.
fn land(
    buffer: Vec<u8>,
    arrival: &Arrival,
    header_len: usize,
    max_frame: usize,
) -> Result<Received, VecFrame> {
    let header = buffer
        .get(VecFrame::HEADROOM - header_len..)
        .and_then(|bytes| bytes.first_chunk::<{ vnet::LEN }>())
        .filter(|_| header_len == vnet::LEN)
        .copied();
    let mut frame = VecFrame::from_buffer(buffer, VecFrame::HEADROOM);
    let offload = match header {
        _ if arrival.truncated => None,
        Some(header) => vnet::decode(&header, frame.headers_mut()),
        None if header_len > 0 => None,
        None => Some(guess(frame.headers(), arrival.status, max_frame)),
    };
    let Some(mut offload) = offload else { return Err(frame) };
    if let Some((tpid, tci)) = arrival.vlan {
        if !put_tag_back(&mut frame, tpid, tci) {
            return Err(frame);
        }
        vnet::shift(&mut offload, TAG as u16);
    }
    Ok(Received { frame, meta: Meta { offload, ..Meta::default() } })
}

fn put_tag_back(frame: &mut VecFrame, tpid: u16, tci: u16) -> bool {
    if frame.len() < 12 || !frame.grow_front(TAG) {
        return false;
    }
    let bytes = frame.headers_mut();
    bytes.copy_within(TAG..TAG + 12, 0);
    bytes[12..14].copy_from_slice(&tpid.to_be_bytes());
    bytes[14..16].copy_from_slice(&tci.to_be_bytes());
    true
}

/// The offload of a frame that came without a virtio-net header.
fn guess(frame: &[u8], status: u32, max_frame: usize) -> Offload {
    if status & libc::TP_STATUS_CSUMNOTREADY == 0 {
        return Offload::NONE;
    }
    let Some(mut offload) = checksum::find_partial(frame) else { return Offload::NONE };
    let Some(ip) = l2::find_ip(frame) else { return offload };
    if ip.protocol == l2::TCP && frame.len() > max_frame {
        let kind = if ip.is_v6 { GsoKind::TcpV6 } else { GsoKind::TcpV4 };
        offload.gso = vnet::headers_len(frame, kind, ip.transport).and_then(|header_len| {
            let segment_len = max_frame.checked_sub(usize::from(header_len)).filter(|n| *n > 0)?;
            Some(Gso { kind, segment_len: u16::try_from(segment_len).ok()?, header_len })
        });
    }
    offload
}

impl PortIo for PacketPort {
    fn receive(&mut self, pool: &mut Pool, into: &mut Vec<Received>) -> Result<usize, Error> {
        let before = into.len();
        let front = self.header_len;
        loop {
            let room = BURST - (into.len() - before).min(BURST);
            let (buffer, arrival) = match self.ring.as_ref().map(|ring| ring.peek(front)) {
                _ if room == 0 => break,
                None => {
                    // Nothing there; or down, or gone, which the link's state tells.
                    let _ = self.receive_burst(pool, room, into);
                    break;
                }
                Some(None) => break,
                Some(Some(Slot::Elsewhere)) => match self.receive_long(pool, room, into) {
                    Ok(()) => continue,
                    Err(_) => break,
                },
                Some(Some(Slot::Here(bytes, arrival))) => {
                    let buffer = pool.take(bytes.len()).map(|mut buffer| {
                        buffer.truncate(VecFrame::HEADROOM - front);
                        buffer.extend_from_slice(bytes);
                        buffer
                    });
                    (buffer, arrival)
                }
            };
            self.ring.iter_mut().for_each(Ring::release);
            // Without memory it is lost.
            match buffer.map(|buffer| land(buffer, &arrival, front, self.max_frame())) {
                Some(Ok(received)) => into.push(received),
                Some(Err(frame)) => {
                    self.refused += 1;
                    pool.recycle(frame);
                }
                None => self.refused += 1,
            }
        }
        Ok(into.len() - before)
    }

    fn transmit(&mut self, pool: &mut Pool, frames: &mut Vec<Outgoing>) -> Result<usize, Error> {
        let mut lost = 0;
        while !frames.is_empty() {
            let Departed { count, sent } = self.departure.send(self.socket.as_fd(), frames);
            let done = match sent {
                Ok(sent) => sent,
                Err(error) => match error.raw_os_error() {
                    Some(libc::EAGAIN) => break,
                    Some(libc::EINTR) => continue,
                    // A kernel before Linux 6.2: every datagram leaves alone.
                    Some(libc::EINVAL) if count.first > 1 => {
                        self.departure.joins = false;
                        continue;
                    }
                    // Down or gone: none of them can pass.
                    Some(libc::ENETDOWN | libc::ENXIO | libc::ENODEV) => {
                        lost += count.all;
                        count.all
                    }
                    // What came first cannot.
                    _ => {
                        lost += count.first;
                        count.first
                    }
                },
            };
            for sent in frames.drain(..done) {
                pool.recycle(sent.frame);
            }
        }
        Ok(lost)
    }

    fn has_frames(&self) -> bool {
        self.ring.as_ref().is_some_and(|ring| ring.peek(0).is_some())
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }

    fn accepts(&self) -> Accepts {
        if self.header_len > 0 { Accepts::ALL } else { Accepts::NOTHING }
    }

    fn info(&mut self) -> PortInfo {
        if let Some(index) = self.interface.index().filter(|index| *index != self.index) {
            let socket = self.socket.as_fd();
            let _ = sys::packet_promiscuous(socket, index);
            if sys::packet_bind(socket, index).is_ok() {
                self.index = index;
            }
        }
        match self.interface.info() {
            Some(info) => self.info = info,
            None => self.info.link = false,
        }
        self.info
    }

    fn identity(&self) -> Option<u64> {
        self.interface.index().map(|index| u64::from(index.unsigned_abs()))
    }

    fn share(&mut self, count: usize) -> Result<Vec<Box<dyn PortIo>>, Error> {
        let join = |socket: BorrowedFd<'_>, group: i32, flags: i32| {
            let value = group | (FANOUT | FANOUT_IGNORE_OUTGOING | flags) << 16;
            sys::set_number(socket, libc::SOL_PACKET, libc::PACKET_FANOUT, value)
        };
        let socket = self.socket.as_fd();
        // An older kernel: one worker reads the port.
        if join(socket, 0, FANOUT_UNIQUE).is_err() {
            return Ok(Vec::new());
        }
        let group = sys::get_number(socket, libc::SOL_PACKET, libc::PACKET_FANOUT)
            .map_err(|source| Error::io("ask for the group of a packet socket", source))?;
        let options = PacketOptions { offloads: self.header_len > 0 };
        let mut ports: Vec<Box<dyn PortIo>> = Vec::new();
        for _ in 0..count {
            let join = |socket: BorrowedFd<'_>| join(socket, group & 0xffff, 0);
            ports.push(Box::new(PacketPort::open_joined(&self.interface.name, options, join)?));
        }
        Ok(ports)
    }

    fn refused_count(&self) -> u64 {
        self.refused
    }
}
