//! Being asked to stop: SIGINT and SIGTERM as a descriptor among the others.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::{Error, sys};

/// Why a loop was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGINT: from the terminal.
    Interrupt,
    /// SIGTERM: from a supervisor.
    Terminate,
}

/// The signals that ask to stop, no longer delivered otherwise.
pub struct Signals {
    descriptor: OwnedFd,
}

impl Signals {
    /// Takes the signals over, for this thread and those that it starts.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn new() -> Result<Signals, Error> {
        sys::signal_descriptor(&[libc::SIGINT, libc::SIGTERM])
            .map(|descriptor| Signals { descriptor })
            .map_err(|source| Error::io("take over SIGINT and SIGTERM", source))
    }

    /// The signal that came, if one did.
    pub fn next_stop(&self) -> Option<Stop> {
        match sys::next_signal(&self.descriptor)? {
            libc::SIGINT => Some(Stop::Interrupt),
            _ => Some(Stop::Terminate),
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
