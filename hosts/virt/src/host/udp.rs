//! UDP ports of a host.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::udp::{PacketBuffer, PacketMetadata, Socket};
use smoltcp::wire::IpEndpoint;

use super::{HostId, ip_address};

/// A UDP port of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UdpId {
    pub(crate) host: HostId,
    pub(crate) index: usize,
}

/// A datagram that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Who sent it.
    pub from: SocketAddr,
    /// What it says.
    pub bytes: Vec<u8>,
}

#[derive(Debug, Default)]
pub(super) struct Udp {
    ports: Vec<Port>,
}

#[derive(Debug)]
struct Port {
    socket: SocketHandle,
    received: VecDeque<Datagram>,
}

impl Udp {
    /// # Panics
    ///
    /// When `port` is 0.
    pub(super) fn bind(&mut self, port: u16, sockets: &mut SocketSet<'static>) -> usize {
        let buffer = || PacketBuffer::new(vec![PacketMetadata::EMPTY; 64], vec![0; 65_536]);
        let mut socket = Socket::new(buffer(), buffer());
        socket.bind(port).expect("a UDP port is not 0");
        self.ports.push(Port { socket: sockets.add(socket), received: VecDeque::new() });
        self.ports.len() - 1
    }

    pub(super) fn send(
        &mut self,
        index: usize,
        to: IpAddr,
        port: u16,
        bytes: &[u8],
        sockets: &mut SocketSet<'static>,
    ) -> bool {
        let socket = sockets.get_mut::<Socket<'_>>(self.ports[index].socket);
        socket.send_slice(bytes, IpEndpoint::new(ip_address(to), port)).is_ok()
    }

    pub(super) fn receive(&mut self, index: usize) -> Option<Datagram> {
        self.ports[index].received.pop_front()
    }

    pub(super) fn serve(&mut self, sockets: &mut SocketSet<'static>) {
        for port in &mut self.ports {
            let socket = sockets.get_mut::<Socket<'_>>(port.socket);
            while let Ok((bytes, from)) = socket.recv() {
                port.received
                    .push_back(Datagram { from: from.endpoint.into(), bytes: bytes.to_vec() });
            }
        }
    }
}
