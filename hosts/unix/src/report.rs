//! What a loop has to tell whoever runs it.

use std::fmt;

use datapath::VacancyEvent;
use switchd::News;

use crate::Error;

/// Something that happened to a port, a controller's connection or a table.
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
    /// A table is nearly full, or no longer.
    Vacancy {
        /// The switch.
        switch: String,
        /// Which table, and how full.
        event: VacancyEvent,
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
            Report::Vacancy { switch, event } => write!(f, "{switch}: {event}"),
        }
    }
}
