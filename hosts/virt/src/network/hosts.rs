//! What hosts can be told to do: ping, talk TCP and UDP, transfer and compare.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hypercall::Nanos;

use super::Network;
use crate::host::{
    Datagram, Host, HostConfig, HostId, ListenerId, PingConfig, PingId, PingState, StreamId,
    StreamState, UdpId,
};

/// A transfer of bytes between two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransferId(usize);

/// What is known of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferState {
    /// Under way: so many bytes have arrived, all of them right.
    Running(usize),
    /// Every byte has arrived and is right; both sides have closed.
    Done,
    /// The connection was refused or broken after so many bytes.
    Broken(usize),
    /// The byte at that place is not what was sent, or one too many.
    Corrupt(usize),
}

#[derive(Debug)]
pub(super) struct Transfer {
    data: Vec<u8>,
    sender: StreamId,
    listener: ListenerId,
}

/// Hosts.
impl Network {
    /// Adds a host with a 10/8-style prefix of 8 bits for IPv4 and one of 64 bits for IPv6.
    ///
    /// # Panics
    ///
    /// When an address is not unicast.
    pub fn add_host(&mut self, name: &str, mac: [u8; 6], ipv4: Ipv4Addr, ipv6: Ipv6Addr) -> HostId {
        self.add_host_with(HostConfig {
            name: name.to_owned(),
            mac,
            ipv4: Some((ipv4, 8)),
            ipv6: Some((ipv6, 64)),
            gateway_v4: None,
            gateway_v6: None,
        })
    }

    /// Every host, in the order in which they were added.
    pub fn hosts(&self) -> impl DoubleEndedIterator<Item = HostId> + ExactSizeIterator + use<> {
        (0..self.hosts.len()).map(HostId)
    }

    /// A host's name and addresses.
    pub fn host(&self, host: HostId) -> &Host {
        &self.hosts[host.0]
    }

    /// Something was asked of a host: it is polled at this moment.
    fn wake_host(&mut self, host: HostId) {
        self.hosts[host.0].schedule(host, self.now, &mut self.events);
    }
}

/// Pings.
impl Network {
    /// Sends an echo request of 56 bytes and waits 5 s for its answer.
    pub fn ping(&mut self, host: HostId, to: impl Into<IpAddr>) -> PingId {
        self.ping_with(host, to, &PingConfig::default())
    }

    /// Sends an echo request.
    pub fn ping_with(
        &mut self,
        host: HostId,
        to: impl Into<IpAddr>,
        config: &PingConfig,
    ) -> PingId {
        let index = self.hosts[host.0].ping(self.now, to.into(), config);
        self.wake_host(host);
        PingId { host, index }
    }

    /// What is known of a ping.
    pub fn ping_state(&self, ping: PingId) -> PingState {
        self.hosts[ping.host.0].ping_state(ping.index)
    }
}

/// TCP.
impl Network {
    /// Listens on a TCP port, on every address of the host.
    ///
    /// # Panics
    ///
    /// When `port` is 0.
    pub fn tcp_listen(&mut self, host: HostId, port: u16) -> ListenerId {
        ListenerId { host, index: self.hosts[host.0].tcp_listen(port, false) }
    }

    /// The oldest stream that a listener has accepted and that was not yet asked for.
    pub fn tcp_accept(&mut self, listener: ListenerId) -> Option<StreamId> {
        let index = self.hosts[listener.host.0].tcp_mut().accept(listener.index)?;
        Some(StreamId { host: listener.host, index })
    }

    /// Connects to a TCP port.
    pub fn tcp_connect(&mut self, host: HostId, to: impl Into<IpAddr>, port: u16) -> StreamId {
        let index = self.hosts[host.0].tcp_connect(to.into(), port);
        self.wake_host(host);
        StreamId { host, index }
    }

    /// Sends bytes as the window allows. What does not fit is kept.
    pub fn tcp_send(&mut self, stream: StreamId, bytes: &[u8]) {
        self.hosts[stream.host.0].tcp_mut().send(stream.index, bytes);
        self.wake_host(stream.host);
    }

    /// Sends no more once all that was given has gone.
    pub fn tcp_close(&mut self, stream: StreamId) {
        self.hosts[stream.host.0].tcp_mut().close(stream.index);
        self.wake_host(stream.host);
    }

    /// Where a stream is in its life.
    pub fn tcp_state(&self, stream: StreamId) -> StreamState {
        self.hosts[stream.host.0].tcp().state(stream.index)
    }

    /// When a stream was closed or broken.
    pub fn tcp_ended(&self, stream: StreamId) -> Option<Nanos> {
        self.hosts[stream.host.0].tcp().ended(stream.index)
    }

    /// Bytes given to [`tcp_send`](Self::tcp_send) that the window has not yet taken.
    pub fn tcp_unsent(&self, stream: StreamId) -> usize {
        self.hosts[stream.host.0].tcp().unsent(stream.index)
    }

    /// What arrived and was not taken.
    pub fn tcp_received(&self, stream: StreamId) -> &[u8] {
        self.hosts[stream.host.0].tcp().received(stream.index)
    }

    /// Takes what arrived.
    pub fn tcp_take(&mut self, stream: StreamId) -> Vec<u8> {
        self.hosts[stream.host.0].tcp_mut().take_received(stream.index)
    }

    /// Sends `data` over a new TCP connection from `from` to `port` of `to`, where this call opens
    /// a listener, and compares what arrives.
    ///
    /// # Panics
    ///
    /// When `port` is 0, or `to` has no address at all.
    pub fn tcp_transfer(
        &mut self,
        from: HostId,
        to: HostId,
        port: u16,
        data: Vec<u8>,
    ) -> TransferId {
        let target = self.host(to);
        let address = target.ipv4().map(IpAddr::V4).or(target.ipv6().map(IpAddr::V6));
        let index = self.hosts[to.0].tcp_listen(port, true);
        let listener = ListenerId { host: to, index };
        let sender = self.tcp_connect(from, address.expect("the host has an address"), port);
        self.tcp_send(sender, &data);
        self.tcp_close(sender);
        self.transfers.push(Transfer { data, sender, listener });
        TransferId(self.transfers.len() - 1)
    }

    /// How a transfer goes. Asking costs a comparison of all that has arrived.
    pub fn transfer_state(&self, transfer: TransferId) -> TransferState {
        let transfer = &self.transfers[transfer.0];
        let sending = self.tcp_state(transfer.sender);
        let (received, receiving): (&[u8], _) = match self.receiver(transfer) {
            Some(stream) => (self.tcp_received(stream), self.tcp_state(stream)),
            None => (&[], StreamState::Connecting),
        };
        let right = received.iter().zip(&transfer.data).take_while(|(a, b)| a == b).count();
        if right < received.len() {
            return TransferState::Corrupt(right);
        }
        match (sending, receiving) {
            (_, StreamState::Closed) if right == transfer.data.len() => TransferState::Done,
            (StreamState::Broken, _) | (_, StreamState::Broken | StreamState::Closed) => {
                TransferState::Broken(right)
            }
            _ => TransferState::Running(right),
        }
    }

    /// Runs until a transfer has ended or it is `limit`.
    pub fn run_transfer(&mut self, transfer: TransferId, limit: Nanos) -> TransferState {
        self.run_while(|network| network.transfer_is_running(transfer) && network.now < limit);
        self.transfer_state(transfer)
    }

    /// Whether a transfer has neither ended nor broken; cheap to ask.
    pub fn transfer_is_running(&self, transfer: TransferId) -> bool {
        let transfer = &self.transfers[transfer.0];
        let receiving = self.receiver(transfer).map(|stream| self.tcp_state(stream));
        !matches!(receiving, Some(StreamState::Closed | StreamState::Broken))
            && self.tcp_state(transfer.sender) != StreamState::Broken
    }

    /// Bytes of a transfer that have arrived, right or wrong; cheap to ask.
    pub fn transfer_received(&self, transfer: TransferId) -> usize {
        let receiver = self.receiver(&self.transfers[transfer.0]);
        receiver.map_or(0, |stream| self.tcp_received(stream).len())
    }

    /// When the receiver had closed or broken.
    pub fn transfer_ended(&self, transfer: TransferId) -> Option<Nanos> {
        self.tcp_ended(self.receiver(&self.transfers[transfer.0])?)
    }

    fn receiver(&self, transfer: &Transfer) -> Option<StreamId> {
        let ListenerId { host, index } = transfer.listener;
        let index = self.hosts[host.0].tcp().next_accepted(index)?;
        Some(StreamId { host, index })
    }
}

/// UDP.
impl Network {
    /// Opens a UDP port, on every address of the host.
    ///
    /// # Panics
    ///
    /// When `port` is 0.
    pub fn udp_bind(&mut self, host: HostId, port: u16) -> UdpId {
        UdpId { host, index: self.hosts[host.0].udp_bind(port) }
    }

    /// Sends a datagram. `false` when the port has 64 KiB or 64 datagrams waiting.
    pub fn udp_send(
        &mut self,
        from: UdpId,
        to: impl Into<IpAddr>,
        port: u16,
        bytes: &[u8],
    ) -> bool {
        let sent = self.hosts[from.host.0].udp_send(from.index, to.into(), port, bytes);
        self.wake_host(from.host);
        sent
    }

    /// The oldest datagram that arrived and was not yet taken.
    pub fn udp_receive(&mut self, port: UdpId) -> Option<Datagram> {
        self.hosts[port.host.0].udp_receive(port.index)
    }
}
