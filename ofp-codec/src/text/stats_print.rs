//! Prints ports as `show` and `dump-ports`, and the statistics of groups and meters as
//! `dump-group-stats` and `meter-stats` do.

use core::fmt;

use super::flow_print::Duration;
use super::ports::PortText;
use crate::multipart::{AggregateStats, GroupStats, MeterStats, PortStats};
use crate::{PortConfig, PortDesc, PortFeatures, PortState};

const CONFIG: [(PortConfig, &str); 4] = [
    (PortConfig::PORT_DOWN, "PORT_DOWN"),
    (PortConfig::NO_RECV, "NO_RECV"),
    (PortConfig::NO_FWD, "NO_FWD"),
    (PortConfig::NO_PACKET_IN, "NO_PACKET_IN"),
];

const STATE: [(PortState, &str); 3] = [
    (PortState::LINK_DOWN, "LINK_DOWN"),
    (PortState::BLOCKED, "BLOCKED"),
    (PortState::LIVE, "LIVE"),
];

const FEATURES: [(PortFeatures, &str); 16] = [
    (PortFeatures::HD_10MB, "10MB-HD"),
    (PortFeatures::FD_10MB, "10MB-FD"),
    (PortFeatures::HD_100MB, "100MB-HD"),
    (PortFeatures::FD_100MB, "100MB-FD"),
    (PortFeatures::HD_1GB, "1GB-HD"),
    (PortFeatures::FD_1GB, "1GB-FD"),
    (PortFeatures::FD_10GB, "10GB-FD"),
    (PortFeatures::FD_40GB, "40GB-FD"),
    (PortFeatures::FD_100GB, "100GB-FD"),
    (PortFeatures::FD_1TB, "1TB-FD"),
    (PortFeatures::OTHER, "OTHER"),
    (PortFeatures::COPPER, "COPPER"),
    (PortFeatures::FIBER, "FIBER"),
    (PortFeatures::AUTONEG, "AUTO_NEG"),
    (PortFeatures::PAUSE, "AUTO_PAUSE"),
    (PortFeatures::PAUSE_ASYM, "AUTO_PAUSE_ASYM"),
];

/// Writes the names of the flags that are set, with spaces between; `0` for none.
struct Flags<I>(I);

impl<I: Iterator<Item = &'static str> + Clone> fmt::Display for Flags<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut is_empty = true;
        for name in self.0.clone() {
            write!(f, "{}{name}", if is_empty { "" } else { " " })?;
            is_empty = false;
        }
        if is_empty { f.write_str("0") } else { Ok(()) }
    }
}

impl fmt::Display for PortDesc {
    /// As show prints it: several lines, without the last one's end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, " {}({}): addr:{}", PortText(self.port_no), self.name, self.hw_addr)?;
        let config = CONFIG.iter().filter(|(bit, _)| self.config.contains(*bit));
        writeln!(f, "     config:     {}", Flags(config.map(|(_, name)| *name)))?;
        let state = STATE.iter().filter(|(bit, _)| self.state.contains(*bit));
        writeln!(f, "     state:      {}", Flags(state.map(|(_, name)| *name)))?;
        for (title, features) in [
            ("current:    ", self.curr),
            ("advertised: ", self.advertised),
            ("supported:  ", self.supported),
            ("peer:       ", self.peer),
        ] {
            let known = || FEATURES.iter().filter(|(bit, _)| features.contains(*bit));
            if known().next().is_some() {
                writeln!(f, "     {title}{}", Flags(known().map(|(_, name)| *name)))?;
            }
        }
        let (now, max) = (self.curr_speed / 1000, self.max_speed / 1000);
        write!(f, "     speed: {now} Mbps now, {max} Mbps max")
    }
}

/// Writes a counter; all ones mean that it is not kept.
struct Counter(u64);

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            u64::MAX => f.write_str("?"),
            count => write!(f, "{count}"),
        }
    }
}

impl fmt::Display for PortStats {
    /// As dump-ports prints it: three lines, without the last one's end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = Counter;
        match self.port_no.reserved_name() {
            Some(name) => write!(f, "  port {name}: ")?,
            None => write!(f, "  port {:>2}: ", self.port_no.0)?,
        }
        write!(f, "rx pkts={}, bytes={}, ", c(self.rx_packets), c(self.rx_bytes))?;
        write!(f, "drop={}, errs={}, ", c(self.rx_dropped), c(self.rx_errors))?;
        write!(f, "frame={}, over={}, ", c(self.rx_frame_err), c(self.rx_over_err))?;
        writeln!(f, "crc={}", c(self.rx_crc_err))?;
        write!(f, "           tx pkts={}, bytes={}, ", c(self.tx_packets), c(self.tx_bytes))?;
        write!(f, "drop={}, errs={}, ", c(self.tx_dropped), c(self.tx_errors))?;
        writeln!(f, "coll={}", c(self.collisions))?;
        let duration = Duration { sec: self.duration_sec, nsec: self.duration_nsec };
        write!(f, "           duration={duration}")
    }
}

impl fmt::Display for GroupStats {
    /// As dump-group-stats prints it, with its space in front.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let duration = Duration { sec: self.duration_sec, nsec: self.duration_nsec };
        write!(f, " group_id={},duration={duration},", self.group_id.0)?;
        write!(f, "ref_count={},packet_count={},", self.ref_count, self.packet_count)?;
        write!(f, "byte_count={}", self.byte_count)?;
        for (i, bucket) in self.buckets.iter().enumerate() {
            write!(f, ",bucket{i}:packet_count={},", bucket.packet_count)?;
            write!(f, "byte_count={}", bucket.byte_count)?;
        }
        Ok(())
    }
}

impl fmt::Display for MeterStats {
    /// As meter-stats prints it: a line for the meter and one for each band, without the last
    /// one's end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let duration = Duration { sec: self.duration_sec, nsec: self.duration_nsec };
        write!(f, "meter:{} flow_count:{} ", self.meter_id, self.flow_count)?;
        write!(f, "packet_in_count:{} ", self.packet_in_count)?;
        write!(f, "byte_in_count:{} duration:{duration} bands:", self.byte_in_count)?;
        for (i, band) in self.bands.iter().enumerate() {
            write!(f, "\n{i}: packet_count:{} ", band.packet_band_count)?;
            write!(f, "byte_count:{}", band.byte_band_count)?;
        }
        Ok(())
    }
}

impl fmt::Display for AggregateStats {
    /// As dump-aggregate prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "packet_count={} byte_count={} ", self.packet_count, self.byte_count)?;
        write!(f, "flow_count={}", self.flow_count)
    }
}
