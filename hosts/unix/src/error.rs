//! What can go wrong between this process and the system, each in one line that names the thing.

use std::{fmt, io};

use hypercall::Port;

/// Why a port, a host or a loop could not be made, or could not go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A port specification that is not one.
    Spec {
        /// The specification as given.
        spec: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A rate or a queue that cannot be.
    Shape {
        /// The rate or the queue as given.
        spec: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Two ports of one switch with one number.
    DuplicateNumber {
        /// The number.
        number: Port,
        /// The specification that came first.
        first: String,
        /// The one that takes the number again.
        second: String,
    },
    /// One interface, socket or output file for two ports.
    UsedTwice {
        /// What is used: an interface, a path.
        name: String,
        /// The specification that came first.
        first: String,
        /// The one that uses it again.
        second: String,
    },
    /// More ports than there are numbers for.
    NoNumberLeft,
    /// No memory for one more worker.
    NoMemory,
    /// A `pair` of which only one end was given.
    LonelyPair {
        /// The specification.
        spec: String,
    },
    /// No interface of that name.
    NoInterface {
        /// The name.
        name: String,
    },
    /// Another program holds the tap interface.
    Busy {
        /// The interface or the path.
        name: String,
    },
    /// The interface exists and is of another kind.
    NotTap {
        /// The interface.
        name: String,
    },
    /// The interface is not an Ethernet one.
    NotEthernet {
        /// The interface.
        name: String,
    },
    /// The process lacks a capability.
    Permission {
        /// What was tried.
        doing: String,
        /// The capability that it takes.
        capability: &'static str,
    },
    /// A capture that cannot be read.
    Capture {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A controller's address that cannot be used.
    Target {
        /// The address.
        target: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A system call failed.
    Io {
        /// What was tried, on what.
        doing: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl Error {
    /// Wraps a system error; `doing` says what was tried, on what.
    pub(crate) fn io(doing: impl Into<String>, source: impl Into<io::Error>) -> Error {
        Error::Io { doing: doing.into(), source: source.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Spec { spec, reason } => write!(f, "port '{spec}': {reason}"),
            Error::Shape { spec, reason } => write!(f, "'{spec}': {reason}"),
            Error::DuplicateNumber { number, first, second } => {
                write!(f, "port '{second}': number {number} is taken by '{first}'")
            }
            Error::UsedTwice { name, first, second } => {
                write!(f, "port '{second}': {name} is already used by port '{first}'")
            }
            Error::NoMemory => f.write_str("no memory for a worker"),
            Error::NoNumberLeft => f.write_str("no port number is left"),
            Error::LonelyPair { spec } => {
                write!(f, "port '{spec}': the other end of the pair is missing")
            }
            Error::NoInterface { name } => write!(f, "{name}: no such interface"),
            Error::Busy { name } => write!(f, "{name}: in use by another program"),
            Error::NotTap { name } => write!(f, "{name}: exists and is not a tap interface"),
            Error::NotEthernet { name } => write!(f, "{name}: not an Ethernet interface"),
            Error::Permission { doing, capability } => {
                write!(f, "{doing}: not permitted, it takes {capability}")
            }
            Error::Capture { path, reason } => write!(f, "{path}: {reason}"),
            Error::Target { target, source } => write!(f, "{target}: {source}"),
            Error::Io { doing, source } => write!(f, "{doing}: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } | Error::Target { source, .. } => Some(source),
            _ => None,
        }
    }
}
