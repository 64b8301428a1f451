//! Ports (§4), and the switch's own forwarding between them.

use std::collections::BTreeMap;

use ofp_codec::{OxmField, PortConfig, PortDesc, PortReason, PortState, PortStatus};

use super::fields::{number, read};
use super::walk::Packet;
use super::{Load, Oracle, Outcome};

/// A port and what it counted.
#[derive(Clone, Debug)]
pub struct OraclePort {
    /// As it is described.
    pub desc: PortDesc,
    /// Longest frame that it sends, one tag not counted.
    pub max_frame: u32,
    /// When it was added.
    pub added: u64,
    /// Packets and bytes received, sent; packets dropped at reception and at sending.
    pub counts: PortCounts,
    /// What its queues sent, and how many packets they lost, by number.
    pub queues: BTreeMap<u32, (Load, u64)>,
}

/// What a port counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in the statistics")]
pub struct PortCounts {
    pub rx_packets: u64,
    pub rx_bytes: u64,
    pub rx_dropped: u64,
    pub tx_packets: u64,
    pub tx_bytes: u64,
    pub tx_dropped: u64,
}

impl OraclePort {
    /// The queue that a packet goes by: the one that it is marked for, else queue 0.
    fn queue(&mut self, mark: Option<u32>) -> Option<&mut (Load, u64)> {
        let id = mark.filter(|id| self.queues.contains_key(id)).unwrap_or(0);
        self.queues.get_mut(&id)
    }

    fn is_down(&self) -> bool {
        self.desc.config.contains(PortConfig::PORT_DOWN)
            || self.desc.state.contains(PortState::LINK_DOWN)
    }

    /// A port that is down is not live (§7.2.1).
    fn refresh(&mut self) {
        let is_live = !self.is_down();
        self.desc.state.set(PortState::LIVE, is_live);
    }
}

/// Where stations were heard: VLAN and address to port and time.
pub(super) type Stations = BTreeMap<(u128, u128), (u32, u64)>;

impl Oracle {
    /// Adds a port.
    pub fn port_add(&mut self, desc: PortDesc, max_frame: u32, queues: &[u32]) {
        let number = desc.port_no.0;
        let counts = PortCounts::default();
        let queues = queues.iter().map(|id| (*id, Default::default())).collect();
        let mut port = OraclePort { desc, max_frame, added: self.now, counts, queues };
        port.refresh();
        let desc = port.desc.clone();
        self.ports.insert(number, port);
        self.port_news.push(PortStatus { reason: PortReason::Add, desc });
    }

    /// Removes a port.
    pub fn port_remove(&mut self, number: u32) {
        if let Some(port) = self.ports.remove(&number) {
            self.port_news.push(PortStatus { reason: PortReason::Delete, desc: port.desc });
        }
    }

    /// The host tells that a link is down, or blocked, or neither.
    pub fn port_state(&mut self, number: u32, state: PortState) {
        self.change_port(number, |port| port.desc.state = state);
    }

    /// A controller configures a port.
    pub fn port_config(&mut self, number: u32, config: PortConfig) {
        self.change_port(number, |port| port.desc.config = config);
    }

    fn change_port(&mut self, number: u32, change: impl FnOnce(&mut OraclePort)) {
        let Some(port) = self.ports.get_mut(&number) else { return };
        let before = port.desc.clone();
        change(port);
        port.refresh();
        if port.desc != before {
            let desc = port.desc.clone();
            self.port_news.push(PortStatus { reason: PortReason::Modify, desc });
        }
    }

    /// Counts a received frame; whether it may enter.
    pub(super) fn enter(&mut self, number: u32, frame: &[u8]) -> bool {
        let drops_fragments = self.drops_fragments;
        let Some(port) = self.ports.get_mut(&number) else {
            self.dropped("ingress_unknown");
            return false;
        };
        port.counts.rx_packets += 1;
        port.counts.rx_bytes += frame.len() as u64;
        let config = port.desc.config;
        let refusal = if config.contains(PortConfig::PORT_DOWN) {
            Some("ingress_down")
        } else if config.contains(PortConfig::NO_RECV) {
            Some("ingress_no_recv")
        } else if frame.len() < 14 {
            Some("runt")
        } else if drops_fragments && read(frame).fragment {
            Some("fragment")
        } else {
            None
        };
        if let Some(reason) = refusal {
            port.counts.rx_dropped += 1;
            self.dropped(reason);
        }
        refusal.is_none()
    }

    /// Whether some port has this queue; queue 0 is every port's.
    pub(super) fn has_queue(&self, id: u32) -> bool {
        id == 0 || self.ports.values().any(|port| port.queues.contains_key(&id))
    }

    /// Whether a port is live (§6.5).
    pub(super) fn is_port_live(&self, number: u32) -> bool {
        self.ports.get(&number).is_some_and(|port| !port.is_down())
    }

    /// Sends a packet to every port that takes it, but for the one that it came from.
    pub(super) fn flood(&mut self, packet: &Packet, skips_blocked: bool) {
        let is_target = |port: &&OraclePort| {
            let is_blocked = port.desc.state.contains(PortState::BLOCKED);
            let is_closed = port.is_down() || port.desc.config.contains(PortConfig::NO_FWD);
            port.desc.port_no.0 != packet.in_port && !is_closed && !(skips_blocked && is_blocked)
        };
        let targets = self.ports.values().filter(is_target);
        let targets: Vec<u32> = targets.map(|port| port.desc.port_no.0).collect();
        for target in targets {
            self.send(target, packet);
        }
    }

    /// Sends a packet out of a port, if that takes it now.
    pub(super) fn send(&mut self, number: u32, packet: &Packet) {
        let Some(port) = self.ports.get_mut(&number) else { return self.dropped("egress_unknown") };
        let is_tagged =
            matches!(super::fields::number(&packet.frame, 12, 2), Some(0x8100 | 0x88a8));
        let limit = port.max_frame as usize + if is_tagged { 4 } else { 0 };
        let refusal = if port.is_down() {
            Some("egress_down")
        } else if port.desc.config.contains(PortConfig::NO_FWD) {
            Some("egress_no_fwd")
        } else if packet.frame.len() > limit {
            Some("too_long")
        } else {
            None
        };
        if let Some(reason) = refusal {
            port.counts.tx_dropped += 1;
            return self.dropped(reason);
        }
        if self.is_exhausted() {
            return;
        }
        self.outputs += 1;
        self.fates += 1;
        let frame = self.padded(packet);
        let Some(port) = self.ports.get_mut(&number) else { return };
        if self.refused == Some(number) {
            port.counts.tx_dropped += 1;
            if let Some((_, lost)) = port.queue(packet.queue_id) {
                *lost += 1;
            }
            // The host's refusal comes later than the switch's own account of the packet.
            *self.drops.entry("host_refused").or_default() += 1;
            return;
        }
        port.counts.tx_packets += 1;
        port.counts.tx_bytes += packet.frame.len() as u64;
        if let Some((sent, _)) = port.queue(packet.queue_id) {
            sent.add(packet.frame.len());
        }
        let (tunnel_id, queue_id) = (packet.tunnel_id, packet.queue_id);
        self.outcomes.push(Outcome::Sent { port: number, frame, tunnel_id, queue_id });
    }

    /// What goes out of a packet: 60 bytes at least, if a pop made it short.
    pub(super) fn padded(&mut self, packet: &Packet) -> Vec<u8> {
        let mut frame = packet.frame.clone();
        if packet.popped && frame.len() < 60 {
            self.coverage.note(super::coverage::Met::Padded);
            frame.resize(60, 0);
        }
        frame
    }

    /// NORMAL: a learning bridge over all ports.
    pub(super) fn normal(&mut self, packet: &Packet) {
        /// Seconds that a station is remembered.
        const AGEING: u64 = 300;
        let Some(to) = number(&packet.frame, 0, 6) else { return self.dropped("runt") };
        let from = number(&packet.frame, 6, 6).unwrap_or(0);
        let is_group = |address: u128| address >> 40 & 1 == 1;
        let vlan = read(&packet.frame).get(OxmField::VlanVid).unwrap_or(0) & 0xfff;
        if to & !0xf == 0x0180_c200_0000 {
            return self.dropped("normal_reserved");
        }
        if self.ports.contains_key(&packet.in_port) && !is_group(from) {
            self.stations.insert((vlan, from), (packet.in_port, self.now));
        }
        let station = self
            .stations
            .get(&(vlan, to))
            .filter(|(_, heard)| !is_group(to) && self.now - heard < AGEING * super::SECOND);
        match station.map(|(port, _)| *port) {
            Some(port) if port == packet.in_port => self.dropped("normal_filtered"),
            Some(port) if self.is_port_live(port) => self.send(port, packet),
            _ => {
                let before = self.fates;
                self.flood(packet, true);
                if self.fates == before {
                    self.dropped("normal_filtered");
                }
            }
        }
    }
}
