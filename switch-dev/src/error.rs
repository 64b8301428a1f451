//! What a call on the device can answer instead of success: a few words with an errno each.
//! Protocol errors are none of these; they travel to the controller as messages.

use core::fmt;

/// Why a call on the device did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeviceError {
    /// As many channels are open as the device allows.
    Busy,
    /// Nothing to read now, or the channel does not take bytes now: wait until it is readable or
    /// writable.
    WouldBlock,
    /// The channel has hung up: nothing that is written goes anywhere.
    HungUp,
    /// No channel of this name is open.
    BadChannel,
    /// Memory is short; nothing was taken.
    NoMemory,
    /// The switch behind the device is no more.
    Gone,
}

/// BSD numbers `EAGAIN` differently from Linux and System V.
const BSD: bool = cfg!(any(
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "freebsd",
    target_os = "dragonfly",
    target_vendor = "apple"
));

impl DeviceError {
    /// The error's number in `errno.h` of the target.
    ///
    /// ```
    /// use rumpswitch_switch_dev::DeviceError;
    /// assert_eq!(DeviceError::Busy.errno(), 16);
    /// ```
    pub const fn errno(self) -> i32 {
        match self {
            DeviceError::Busy => 16,              // EBUSY
            DeviceError::WouldBlock if BSD => 35, // EAGAIN
            DeviceError::WouldBlock => 11,        // EAGAIN
            DeviceError::HungUp => 32,            // EPIPE
            DeviceError::BadChannel => 9,         // EBADF
            DeviceError::NoMemory => 12,          // ENOMEM
            DeviceError::Gone => 6,               // ENXIO
        }
    }
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeviceError::Busy => "the device has all its channels open",
            DeviceError::WouldBlock => "the channel is not ready",
            DeviceError::HungUp => "the channel has hung up",
            DeviceError::BadChannel => "no such channel",
            DeviceError::NoMemory => "out of memory",
            DeviceError::Gone => "the switch is gone",
        })
    }
}

impl core::error::Error for DeviceError {}
