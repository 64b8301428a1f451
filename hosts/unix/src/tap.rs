//! A tap interface as a port: the kernel's stack (or a virtual machine, or a bridge) is on the
//! other end. Each frame has a virtio-net header in front, so that TCP passes in segments of up to
//! 64 KiB and checksums need not be computed on either side.

use std::{
    io::IoSlice,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use hypercall::{Frame, Meta, VecFrame};
use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};

use crate::{
    BURST, Error,
    interface::Interface,
    pool::{MAX_FRAME, Pool},
    port::{Accepts, Outgoing, PortInfo, PortIo, Received},
    sys,
    train::{self, MAX_HEADERS, Train},
    vnet,
};

const DEVICE: &str = "/dev/net/tun";

/// The virtio-net header with its count of buffers, which is always zero here.
const HEADER_LEN: usize = vnet::LEN + 2;

/// A tap interface.
///
/// One that did not exist is made, set up, and gone when the port is dropped. It may be moved to
/// another network namespace, for a host there; its link counts as up from then on.
pub struct TapPort {
    tun: OwnedFd,
    interface: Interface,
    info: PortInfo,
    refused: u64,
    /// Whether datagrams of one flow leave as one train.
    joins: bool,
}

impl TapPort {
    /// Opens the tap interface `name`, making it when it does not exist.
    ///
    /// # Errors
    /// [`Error::Permission`], [`Error::Busy`] when another program holds it, [`Error::NotTap`]
    /// when the name is that of another kind of interface.
    pub fn open(name: &str) -> Result<TapPort, Error> {
        let interface = Interface::new(name)?;
        let existed = interface.index().is_some();
        let tun = attach(name, existed)?;
        let header_len = HEADER_LEN as i32;
        sys::tap_header_len(tun.as_fd(), header_len)
            .map_err(|source| Error::io(format!("{name}: set the header length"), source))?;
        let tcp = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6 | libc::TUN_F_TSO_ECN;
        let udp = libc::TUN_F_USO4 | libc::TUN_F_USO6;
        // Kernels before 6.2 know no UDP segmentation here; without any of it frames are ordinary.
        if sys::tap_offload(tun.as_fd(), tcp | udp).is_err() {
            let _ = sys::tap_offload(tun.as_fd(), tcp);
        }
        if !existed {
            interface
                .set_up()
                .map_err(|source| Error::io(format!("{name}: set the interface up"), source))?;
        }
        let info = interface.info().ok_or_else(|| Error::NoInterface { name: name.to_owned() })?;
        Ok(TapPort { tun, interface, info, refused: 0, joins: true })
    }
}

fn attach(name: &str, existed: bool) -> Result<OwnedFd, Error> {
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let tun = rustix::fs::open(DEVICE, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::ACCESS | Errno::PERM => Error::Permission {
            doing: format!("{name}: open {DEVICE}"),
            capability: "read and write access to that file",
        },
        _ => Error::io(format!("{name}: open {DEVICE}"), errno),
    })?;
    let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
    match sys::tap_attach(tun.as_fd(), name, flags) {
        Ok(_) => Ok(tun),
        Err(error) => Err(match error.raw_os_error() {
            Some(libc::EBUSY) => Error::Busy { name: name.to_owned() },
            Some(libc::EINVAL) if existed => Error::NotTap { name: name.to_owned() },
            Some(libc::EPERM) => Error::Permission {
                doing: format!("{name}: attach to the tap interface"),
                capability: "CAP_NET_ADMIN",
            },
            _ => Error::io(format!("{name}: attach to the tap interface"), error),
        }),
    }
}

impl TapPort {
    /// Writes a frame, which stays as it is unless it was written.
    fn write(&self, Outgoing { frame, meta }: &mut Outgoing) -> Result<(), Errno> {
        let header = vnet::encode(&meta.offload, frame.headers());
        if !frame.grow_front(HEADER_LEN) {
            return Err(Errno::NOMEM);
        }
        let (front, _) = frame.headers_mut().split_at_mut(HEADER_LEN);
        front.fill(0);
        front[..vnet::LEN].copy_from_slice(&header);
        let written = rustix::io::retry_on_intr(|| rustix::io::write(&self.tun, frame.headers()));
        frame.shrink_front(HEADER_LEN);
        written.map(drop)
    }

    /// Writes the train that `frames` make.
    fn write_train(&self, train: &Train, frames: &[Outgoing]) -> Result<(), Errno> {
        let headers = train.headers();
        let mut head = [0; HEADER_LEN + MAX_HEADERS];
        head[..vnet::LEN].copy_from_slice(&vnet::encode(&train.offload, headers));
        head[HEADER_LEN..][..headers.len()].copy_from_slice(headers);
        let mut parts = [IoSlice::new(&[]); 1 + BURST];
        parts[0] = IoSlice::new(&head[..HEADER_LEN + headers.len()]);
        for (part, out) in parts[1..].iter_mut().zip(frames) {
            *part = IoSlice::new(&out.frame.headers()[headers.len()..]);
        }
        let parts = &parts[..1 + frames.len().min(BURST)];
        rustix::io::retry_on_intr(|| rustix::io::writev(&self.tun, parts)).map(drop)
    }
}

impl PortIo for TapPort {
    fn receive(&mut self, pool: &mut Pool, into: &mut Vec<Received>) -> Result<usize, Error> {
        let mut count = 0;
        while count < BURST {
            let Some(mut buffer) = pool.take(MAX_FRAME) else { break };
            buffer.truncate(VecFrame::HEADROOM - HEADER_LEN);
            match rustix::io::read(&self.tun, rustix::buffer::spare_capacity(&mut buffer)) {
                Ok(_) => {}
                Err(Errno::INTR) => {
                    pool.give(buffer);
                    continue;
                }
                Err(errno) => {
                    pool.give(buffer);
                    return match errno {
                        Errno::BADFD => Err(Error::io("read from the tap interface", errno)),
                        // Nothing there, or the interface is down.
                        _ => Ok(count),
                    };
                }
            }
            let header = buffer[VecFrame::HEADROOM - HEADER_LEN..].first_chunk().copied();
            let mut frame = VecFrame::from_buffer(buffer, VecFrame::HEADROOM);
            match header.and_then(|header| vnet::decode(&header, frame.headers_mut())) {
                Some(offload) => {
                    into.push(Received { frame, meta: Meta { offload, ..Meta::default() } });
                    count += 1;
                }
                None => {
                    self.refused += 1;
                    pool.recycle(frame);
                }
            }
        }
        Ok(count)
    }

    fn transmit(&mut self, pool: &mut Pool, frames: &mut Vec<Outgoing>) -> Result<usize, Error> {
        let (mut done, mut lost) = (0, 0);
        while done < frames.len() {
            let end = frames.len().min(done + BURST);
            let joined = if self.joins { train::join(&frames[done..end]) } else { None };
            let count = joined.as_ref().map_or(1, |train| train.count);
            let written = match joined {
                Some(train) => self.write_train(&train, &frames[done..done + count]),
                None => self.write(&mut frames[done]),
            };
            match written {
                Ok(()) => {}
                Err(Errno::AGAIN) => break,
                // A kernel before Linux 6.2: every datagram leaves alone.
                Err(Errno::INVAL) if count > 1 => {
                    self.joins = false;
                    continue;
                }
                // Down, or a frame that the kernel does not like, or no memory for its header.
                Err(_) => lost += count,
            }
            done += count;
        }
        for sent in frames.drain(..done) {
            pool.recycle(sent.frame);
        }
        Ok(lost)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.tun.as_fd())
    }

    fn accepts(&self) -> Accepts {
        Accepts::ALL
    }

    fn info(&mut self) -> PortInfo {
        match self.interface.info() {
            Some(info) => self.info = info,
            // Moved to another namespace: out of sight, and frames pass. The move itself set it
            // down, so what was last seen says nothing.
            None => self.info.link = true,
        }
        self.info
    }

    fn refused_count(&self) -> u64 {
        self.refused
    }
}
