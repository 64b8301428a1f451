//! Unix datagrams as a port: one frame a datagram, as QEMU's
//! `-netdev dgram,local.type=unix,local.path=REMOTE,remote.type=unix,remote.path=LOCAL` speaks.
//! Needs no privilege.

use std::{
    fs,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::{
            fs::{FileTypeExt, MetadataExt},
            net::UnixDatagram,
        },
    },
    path::{Path, PathBuf},
};

use hypercall::{Meta, VecFrame};

use crate::{
    BURST, Error,
    burst::Landing,
    pool::{MAX_FRAME, Pool},
    port::{Accepts, Outgoing, PortInfo, PortIo, Received, Wait},
    sys::{self, UnixAddress},
};

/// A pair of Unix datagram sockets, this end at a local path.
pub struct DgramPort {
    socket: UnixDatagram,
    local: PathBuf,
    /// Device and inode of our socket file: another's is not removed.
    file: Option<(u64, u64)>,
    remote: UnixAddress,
    landing: Landing,
    refused: u64,
}

impl DgramPort {
    /// Binds to `local`; frames go to `remote`, where somebody may listen now or later.
    ///
    /// A socket file that was left behind at `local` is replaced; ours is removed on drop.
    ///
    /// # Errors
    /// [`Error::Busy`] when somebody listens at `local`; [`Error::Io`] when the path cannot be
    /// used.
    pub fn open(local: &Path, remote: &Path) -> Result<DgramPort, Error> {
        let address = UnixAddress::new(remote).ok_or_else(|| {
            Error::io(
                remote.display().to_string(),
                std::io::Error::from(std::io::ErrorKind::InvalidInput),
            )
        })?;
        let socket = bind(local)?;
        let file = fs::symlink_metadata(local).ok().map(|file| (file.dev(), file.ino()));
        let port = DgramPort {
            socket,
            local: local.to_owned(),
            file,
            remote: address,
            landing: Landing::new(0, false),
            refused: 0,
        };
        port.socket
            .set_nonblocking(true)
            .map_err(|source| Error::io(local.display().to_string(), source))?;
        // As much as the system allows; a full queue is waited for.
        let _ = sys::set_number(port.socket.as_fd(), libc::SOL_SOCKET, libc::SO_SNDBUF, 1 << 20);
        Ok(port)
    }
}

fn bind(local: &Path) -> Result<UnixDatagram, Error> {
    let failed = |source| Error::io(format!("{}: bind", local.display()), source);
    let error = match UnixDatagram::bind(local) {
        Ok(socket) => return Ok(socket),
        Err(error) => error,
    };
    let is_socket = fs::symlink_metadata(local).is_ok_and(|file| file.file_type().is_socket());
    if error.kind() != std::io::ErrorKind::AddrInUse || !is_socket {
        return Err(failed(error));
    }
    let probe = UnixDatagram::unbound().map_err(failed)?;
    match probe.connect(local) {
        Err(refused) if refused.kind() == std::io::ErrorKind::ConnectionRefused => {
            fs::remove_file(local).map_err(failed)?;
            UnixDatagram::bind(local).map_err(failed)
        }
        _ => Err(Error::Busy { name: local.display().to_string() }),
    }
}

impl Drop for DgramPort {
    fn drop(&mut self) {
        let now = fs::symlink_metadata(&self.local).ok().map(|file| (file.dev(), file.ino()));
        if self.file.is_some() && now == self.file {
            let _ = fs::remove_file(&self.local);
        }
    }
}

impl PortIo for DgramPort {
    fn receive(&mut self, pool: &mut Pool, into: &mut Vec<Received>) -> Result<usize, Error> {
        let before = into.len();
        let refused = &mut self.refused;
        // Any error is an empty queue, or a passing one of a peer's.
        let _ = self.landing.receive(self.socket.as_fd(), pool, BURST, |pool, buffer, arrival| {
            let frame = VecFrame::from_buffer(buffer, VecFrame::HEADROOM);
            if arrival.truncated {
                *refused += 1;
                pool.recycle(frame);
            } else {
                into.push(Received { frame, meta: Meta::default() });
            }
        });
        Ok(into.len() - before)
    }

    fn transmit(&mut self, pool: &mut Pool, frames: &mut Vec<Outgoing>) -> Result<usize, Error> {
        use hypercall::Frame;
        let mut lost = 0;
        while !frames.is_empty() {
            let bytes = frames.iter().map(|out| out.frame.headers()).take(BURST);
            let sent = sys::send_burst(self.socket.as_fd(), bytes, &self.remote);
            let done = match sent {
                Ok(sent) => sent,
                Err(error) => match error.raw_os_error() {
                    // The peer's queue is full.
                    Some(libc::EAGAIN | libc::ENOBUFS) => break,
                    Some(libc::EINTR) => 0,
                    // Nobody is there.
                    Some(libc::ENOENT | libc::ECONNREFUSED) => {
                        lost += frames.len();
                        frames.len()
                    }
                    _ => {
                        lost += 1;
                        1
                    }
                },
            };
            for sent in frames.drain(..done) {
                pool.recycle(sent.frame);
            }
        }
        Ok(lost)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }

    /// The descriptor of an unconnected socket tells nothing of the peer's queue. Connecting it
    /// would shut out a peer that comes back.
    fn wait_transmit(&self) -> Wait {
        Wait::Moment
    }

    fn accepts(&self) -> Accepts {
        Accepts::NOTHING
    }

    fn info(&mut self) -> PortInfo {
        PortInfo { link: true, hw_addr: None, speed_kbps: None, max_frame: MAX_FRAME as u32 }
    }

    fn refused_count(&self) -> u64 {
        self.refused
    }
}
