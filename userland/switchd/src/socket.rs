//! Non-blocking stream sockets for [`Target`]s: TCP and Unix look alike from here on.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, ipproto, sockopt};

use crate::Target;

const FLAGS: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);
const BACKLOG: i32 = 64;

/// A socket on its way to a peer.
pub(crate) struct Connecting {
    pub(crate) socket: OwnedFd,
    /// Whether the connection is already there (Unix sockets do not make one wait).
    pub(crate) done: bool,
}

/// Begins a connection to an active target, to the `attempt`th of its addresses.
pub(crate) fn connect(target: &Target, attempt: usize) -> io::Result<Connecting> {
    match target {
        Target::Tcp { host, port } => {
            let addresses = Target::resolve(host, *port)?;
            let address = addresses
                .get(attempt.checked_rem(addresses.len()).unwrap_or(0))
                .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no address"))?;
            let socket = tcp_socket(address)?;
            begin(socket, |socket| rustix::net::connect(socket, address))
        }
        Target::Unix(path) => {
            let address = SocketAddrUnix::new(path)?;
            let socket =
                rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, FLAGS, None)?;
            begin(socket, |socket| rustix::net::connect(socket, &address))
        }
        Target::Auxiliaries { main, .. } => connect(main, attempt),
        Target::PassiveTcp(_) | Target::PassiveUnix(_) => Err(Errno::INVAL.into()),
    }
}

fn begin(
    socket: OwnedFd,
    connect: impl FnOnce(&OwnedFd) -> rustix::io::Result<()>,
) -> io::Result<Connecting> {
    match connect(&socket) {
        Ok(()) => Ok(Connecting { socket, done: true }),
        Err(Errno::INPROGRESS) => Ok(Connecting { socket, done: false }),
        Err(errno) => Err(errno.into()),
    }
}

fn tcp_socket(address: &SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket_with(family, SocketType::STREAM, FLAGS, Some(ipproto::TCP))?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    Ok(socket)
}

/// How a pending connection ended.
pub(crate) fn connect_result(socket: &OwnedFd) -> io::Result<()> {
    sockopt::socket_error(socket)?.map_err(io::Error::from)
}

/// A socket that listens, and the path to remove when it no longer does.
pub(crate) struct ListeningSocket {
    pub(crate) socket: OwnedFd,
    pub(crate) path: Option<PathBuf>,
    /// The target with the port that was really taken.
    pub(crate) target: Target,
}

/// Listens on a passive target.
pub(crate) fn listen(target: &Target) -> io::Result<ListeningSocket> {
    match target {
        Target::PassiveTcp(address) => {
            let socket = tcp_socket(address)?;
            sockopt::set_socket_reuseaddr(&socket, true)?;
            rustix::net::bind(&socket, address)?;
            rustix::net::listen(&socket, BACKLOG)?;
            let bound = SocketAddr::try_from(rustix::net::getsockname(&socket)?)?;
            Ok(ListeningSocket { socket, path: None, target: Target::PassiveTcp(bound) })
        }
        Target::PassiveUnix(path) => {
            remove_stale(path)?;
            let address = SocketAddrUnix::new(path)?;
            let socket =
                rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, FLAGS, None)?;
            // The node appears with its final mode: no moment at which others could connect.
            let old = rustix::process::umask(Mode::RWXG | Mode::RWXO);
            let bound = rustix::net::bind(&socket, &address);
            rustix::process::umask(old);
            bound?;
            rustix::net::listen(&socket, BACKLOG)?;
            Ok(ListeningSocket { socket, path: Some(path.clone()), target: target.clone() })
        }
        Target::Tcp { .. } | Target::Unix(_) | Target::Auxiliaries { .. } => {
            Err(Errno::INVAL.into())
        }
    }
}

/// Removes a socket node that nobody listens on any more; anything else at `path` stays.
fn remove_stale(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(meta) if !meta.file_type().is_socket() => Err(Errno::EXIST.into()),
        Ok(_) => match UnixStream::connect(path) {
            Ok(_) => Err(Errno::ADDRINUSE.into()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path)
            }
            Err(error) => Err(error),
        },
    }
}

/// A connection waiting on a listening socket; `None` when there is none.
pub(crate) fn accept(listener: &OwnedFd) -> io::Result<Option<OwnedFd>> {
    match rustix::net::accept_with(listener, FLAGS) {
        Ok(socket) => {
            // Unix sockets know no such option.
            let _ = sockopt::set_tcp_nodelay(&socket, true);
            Ok(Some(socket))
        }
        Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Reads what is there. `Ok(0)` means that the peer closed; `None` that nothing is there now.
pub(crate) fn read(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    match rustix::io::read(socket, buffer) {
        Ok(len) => Ok(Some(len)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Writes what the socket takes now; a vanished peer is an error, never a signal.
pub(crate) fn write(socket: &OwnedFd, bytes: &[u8]) -> io::Result<usize> {
    match rustix::net::send(socket, bytes, rustix::net::SendFlags::NOSIGNAL) {
        Ok(len) => Ok(len),
        Err(Errno::AGAIN | Errno::INTR) => Ok(0),
        Err(errno) => Err(errno.into()),
    }
}
