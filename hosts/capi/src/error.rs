//! Why a call did nothing: the numbers of `enum rumpswitch_error`, and a line for each.

use core::ffi::{CStr, c_char, c_int};

use ofp_codec::{OfpError, PortModFailedCode};
use switch_dev::DeviceError;

/// `enum rumpswitch_error`, success apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Error {
    /// NULL, no such handle, a length that cannot be.
    BadArgument = 1,
    /// A structure of another revision or size.
    BadRevision = 2,
    /// Called from a hypercall; all channels open.
    Busy = 3,
    /// Nothing to read, or the channel takes nothing now.
    WouldBlock = 4,
    /// The channel is over.
    HungUp = 5,
    /// No such channel is open.
    BadChannel = 6,
    /// Memory is short.
    NoMemory = 7,
    /// The switch is going away.
    Gone = 8,
    /// No port of that number.
    NoPort = 9,
    /// A port has that number.
    PortExists = 10,
    /// A number that no port may have.
    BadPort = 11,
    /// No such ioctl.
    BadRequest = 12,
}

impl Error {
    /// All of them, by number.
    pub const ALL: [Error; 12] = [
        Error::BadArgument,
        Error::BadRevision,
        Error::Busy,
        Error::WouldBlock,
        Error::HungUp,
        Error::BadChannel,
        Error::NoMemory,
        Error::Gone,
        Error::NoPort,
        Error::PortExists,
        Error::BadPort,
        Error::BadRequest,
    ];

    fn text(self) -> &'static CStr {
        match self {
            Error::BadArgument => c"bad argument",
            Error::BadRevision => c"a structure of another revision",
            Error::Busy => c"the switch is in a call, or all its channels are open",
            Error::WouldBlock => c"the channel is not ready",
            Error::HungUp => c"the channel has hung up",
            Error::BadChannel => c"no such channel",
            Error::NoMemory => c"out of memory",
            Error::Gone => c"the switch is going away",
            Error::NoPort => c"no such port",
            Error::PortExists => c"the port number is taken",
            Error::BadPort => c"no port may have this number",
            Error::BadRequest => c"no such request",
        }
    }
}

impl From<DeviceError> for Error {
    fn from(error: DeviceError) -> Error {
        match error {
            DeviceError::Busy => Error::Busy,
            DeviceError::WouldBlock => Error::WouldBlock,
            DeviceError::HungUp => Error::HungUp,
            DeviceError::BadChannel => Error::BadChannel,
            DeviceError::NoMemory => Error::NoMemory,
            _ => Error::Gone,
        }
    }
}

/// Why a port could not be had, when its number has been checked before.
pub(crate) fn of_port(error: OfpError) -> Error {
    match error {
        OfpError::PortModFailed(PortModFailedCode::Eperm) => Error::NoMemory,
        _ => Error::BadPort,
    }
}

/// What a function answers.
pub(crate) fn answer(result: Result<(), Error>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(error) => error as c_int,
    }
}

/// `rumpswitch_error_text`.
#[unsafe(no_mangle)]
pub extern "C" fn rumpswitch_error_text(error: c_int) -> *const c_char {
    let known = Error::ALL.into_iter().find(|known| *known as c_int == error);
    let text = match (error, known) {
        (0, _) => c"no error",
        (_, Some(known)) => known.text(),
        (_, None) => c"unknown error",
    };
    text.as_ptr()
}
