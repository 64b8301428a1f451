//! What a connection needs of a switch device, wherever the device is: in this process, or beyond a
//! proxy.

use hypercall::{Hypercall, Nanos};
use switch_dev::{ChannelId, ChannelKind, Device, DeviceError, Readiness};

/// The channels of one device.
pub trait DeviceAccess {
    /// Opens a channel.
    ///
    /// # Errors
    /// When the device has as many channels as it allows, or is gone.
    fn open(&mut self, now: Nanos, kind: ChannelKind) -> Result<ChannelId, DeviceError>;

    /// Opens an auxiliary connection of the controller on `main` (§6.3.5).
    ///
    /// # Errors
    /// When `main` is not up, the id is taken, or the device has as many channels as it allows.
    fn open_auxiliary(
        &mut self,
        now: Nanos,
        main: ChannelId,
        auxiliary_id: u8,
    ) -> Result<ChannelId, DeviceError>;

    /// Closes a channel; what it had queued is gone.
    fn close(&mut self, channel: ChannelId);

    /// Hands over bytes from the controller, cut anywhere; returns how many were taken.
    ///
    /// # Errors
    /// `WouldBlock` while the channel's replies are not read; `Gone` when it has ended.
    fn write(&mut self, channel: ChannelId, now: Nanos, bytes: &[u8])
    -> Result<usize, DeviceError>;

    /// Fills `buffer` with whole messages for the controller, as many as fit.
    ///
    /// # Errors
    /// `WouldBlock` when nothing waits; `Gone` when the channel has ended.
    fn read(
        &mut self,
        channel: ChannelId,
        now: Nanos,
        buffer: &mut [u8],
    ) -> Result<usize, DeviceError>;

    /// What the channel is ready for.
    fn readiness(&self, channel: ChannelId) -> Readiness;

    /// Whether both hellos have been seen and agree.
    fn is_negotiated(&self, channel: ChannelId) -> bool;
}

/// A device in this process, with the hypercalls that a packet-out needs.
#[derive(Debug)]
pub struct Local<'a, H: ?Sized> {
    /// The device.
    pub device: &'a mut Device,
    /// Its host.
    pub host: &'a mut H,
}

impl<H: Hypercall + ?Sized> DeviceAccess for Local<'_, H> {
    fn open(&mut self, now: Nanos, kind: ChannelKind) -> Result<ChannelId, DeviceError> {
        self.device.open(now, kind)
    }

    fn open_auxiliary(
        &mut self,
        now: Nanos,
        main: ChannelId,
        auxiliary_id: u8,
    ) -> Result<ChannelId, DeviceError> {
        self.device.open_auxiliary(now, main, auxiliary_id)
    }

    fn close(&mut self, channel: ChannelId) {
        self.device.close(channel);
    }

    fn write(
        &mut self,
        channel: ChannelId,
        now: Nanos,
        bytes: &[u8],
    ) -> Result<usize, DeviceError> {
        self.device.write(channel, now, self.host, bytes)
    }

    fn read(
        &mut self,
        channel: ChannelId,
        now: Nanos,
        buffer: &mut [u8],
    ) -> Result<usize, DeviceError> {
        self.device.read(channel, now, buffer)
    }

    fn readiness(&self, channel: ChannelId) -> Readiness {
        self.device.readiness(channel)
    }

    fn is_negotiated(&self, channel: ChannelId) -> bool {
        self.device.status(channel).is_some_and(|status| status.negotiated)
    }
}
