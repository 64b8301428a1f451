//! A network interface by name, as tap and packet ports ask the system about it.

use std::{
    ffi::c_int,
    io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::{Error, port::PortInfo, sys};

/// Bytes of an Ethernet header.
const ETHERNET: u32 = 14;

/// An interface of the network namespace in which this was made.
pub(crate) struct Interface {
    /// Any socket will do to ask.
    socket: OwnedFd,
    pub(crate) name: String,
}

impl Interface {
    pub(crate) fn new(name: &str) -> Result<Interface, Error> {
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)
            .map_err(|errno| Error::io("open a socket", errno))?;
        Ok(Interface { socket, name: name.to_owned() })
    }

    /// The index; `None` when there is no such interface.
    pub(crate) fn index(&self) -> Option<c_int> {
        sys::interface_index(self.socket.as_fd(), &self.name).ok()
    }

    /// Whether it is an Ethernet interface.
    pub(crate) fn is_ethernet(&self) -> bool {
        sys::interface_address(self.socket.as_fd(), &self.name)
            .is_ok_and(|(kind, _)| kind == libc::ARPHRD_ETHER)
    }

    pub(crate) fn set_up(&self) -> io::Result<()> {
        sys::interface_up(self.socket.as_fd(), &self.name)
    }

    /// What there is to know; `None` when there is no such interface.
    pub(crate) fn info(&self) -> Option<PortInfo> {
        let socket = self.socket.as_fd();
        let flags = sys::interface_flags(socket, &self.name).ok()?;
        let running = libc::IFF_UP | libc::IFF_RUNNING;
        let mtu = sys::interface_mtu(socket, &self.name).ok()?;
        Some(PortInfo {
            link: flags & running == running,
            hw_addr: sys::interface_address(socket, &self.name).ok().map(|(_, address)| address),
            speed_kbps: sys::interface_speed(socket, &self.name)
                .map(|mbps| mbps.saturating_mul(1000)),
            max_frame: u32::try_from(mtu).unwrap_or(0).saturating_add(ETHERNET),
        })
    }
}
