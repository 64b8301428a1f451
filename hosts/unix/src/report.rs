//! What a loop has to tell whoever runs it.

use std::fmt;

use switchd::News;

use crate::Error;

/// Something that happened to a port or a controller's connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum Report {
    /// A link came up or went down, or changed otherwise.
    Link {
        /// The switch.
        switch: String,
        /// The port.
        port: String,
        /// Whether frames can pass now.
        up: bool,
    },
    /// A port ended for good.
    PortFailed {
        /// The switch.
        switch: String,
        /// The port.
        port: String,
        /// Why.
        error: Error,
    },
    /// A controller came or went.
    Connection {
        /// The switch.
        switch: String,
        /// What happened.
        news: News,
    },
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::Link { switch, port, up } => {
                write!(f, "{switch}: port {port}: link {}", if *up { "up" } else { "down" })
            }
            Report::PortFailed { switch, port, error } => {
                write!(f, "{switch}: port {port}: closed: {error}")
            }
            Report::Connection { switch, news } => write!(f, "{switch}: {news}"),
        }
    }
}
