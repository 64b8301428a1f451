//! Being told that a link changed: the kernel's route messages, as a descriptor among the others.
//! What changed is not read from them; the ports ask.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SocketFlags, SocketType, bind, netlink::SocketAddrNetlink, recv,
        socket_with,
    },
};

use crate::Error;

/// The messages about links, of the network namespace in which this was made.
pub(crate) struct Links {
    socket: OwnedFd,
}

impl Links {
    pub(crate) fn new() -> Result<Links, Error> {
        let failed = |errno| Error::io("listen to changes of links", errno);
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
        // The protocol of number 0 is NETLINK_ROUTE.
        let socket = socket_with(family, kind, flags, None).map_err(failed)?;
        let group = libc::RTMGRP_LINK as u32;
        bind(&socket, &SocketAddrNetlink::new(0, group)).map_err(failed)?;
        Ok(Links { socket })
    }

    /// Takes what came out of the way; tells whether anything did.
    pub(crate) fn drain(&self) -> bool {
        let mut changed = false;
        let mut message = [0; 8192];
        loop {
            match recv(&self.socket, &mut message[..], RecvFlags::DONTWAIT) {
                // Some were lost: there were some.
                Ok(_) | Err(Errno::NOBUFS) => changed = true,
                Err(Errno::INTR) => {}
                Err(_) => return changed,
            }
        }
    }
}

impl AsFd for Links {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
