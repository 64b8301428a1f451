//! The learning switch that every controller's tutorial begins with: frames that no entry matches
//! come to the controller, which remembers where their senders are, installs an entry when it knows
//! where they are going, and floods when it does not.

use std::collections::BTreeMap;

use hypercall::Nanos;
use ofp_codec::{
    Action, FlowMod, FlowModCommand, GroupId, Instruction, Match, Message, NO_BUFFER, Oxm,
    OxmField, PacketIn, PacketOut, PortConfig, PortNo, PortReason, PortState, PortStatus,
    SwitchFeatures, TableId,
};

use super::{Controller, ControllerOut};
use crate::SwitchId;

/// A learning switch, any number of datapaths.
///
/// Entries match ingress port, source and destination and go after an idle time: with the source in
/// the match, a station that the controller has not seen at a port is never hidden behind another
/// one's entry there.
#[derive(Clone, Debug)]
pub struct LearningSwitch {
    idle_timeout: u16,
    /// Where stations are: by switch and Ethernet address.
    stations: BTreeMap<(SwitchId, u64), PortNo>,
    counters: LearningCounters,
}

/// What a learning switch has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LearningCounters {
    /// Packet-ins that it has seen.
    pub packet_ins: u64,
    /// Entries that it has installed, without the table-miss ones.
    pub installed: u64,
    /// Packets that it has flooded.
    pub flooded: u64,
    /// Stations that were seen at another port than before.
    pub moved: u64,
    /// Errors that switches have answered: there should be none.
    pub errors: u64,
}

/// The priority of entries for stations.
const PRIORITY: u16 = 10;

impl Default for LearningSwitch {
    /// Entries go after 60 s without a packet.
    fn default() -> LearningSwitch {
        LearningSwitch::new(60)
    }
}

impl LearningSwitch {
    /// A learning switch whose entries go after `idle_timeout` seconds without a packet; 0 for
    /// never.
    pub fn new(idle_timeout: u16) -> LearningSwitch {
        LearningSwitch {
            idle_timeout,
            stations: BTreeMap::new(),
            counters: LearningCounters::default(),
        }
    }

    /// What it has done.
    pub fn counters(&self) -> LearningCounters {
        self.counters
    }

    /// The port behind which a station is, as seen from a switch.
    pub fn port_of(&self, switch: SwitchId, mac: [u8; 6]) -> Option<PortNo> {
        self.stations.get(&(switch, address(&mac))).copied()
    }

    fn packet_in(&mut self, switch: SwitchId, packet: &PacketIn, out: &mut ControllerOut) {
        self.counters.packet_ins += 1;
        let Some(in_port) = packet.matching.get(OxmField::InPort) else { return };
        let in_port = PortNo(in_port.value as u32);
        let (Some(to), Some(from)) = (packet.data.get(0..6), packet.data.get(6..12)) else {
            return;
        };
        let (to, from) = (address(to), address(from));
        self.learn(switch, from, in_port, out);
        let port = match self.stations.get(&(switch, to)) {
            // It hears it there already.
            Some(port) if *port == in_port => return,
            Some(port) => {
                self.counters.installed += 1;
                out.send(&self.entry(in_port, from, to, *port));
                out.send(&Message::BarrierRequest);
                *port
            }
            None => {
                self.counters.flooded += 1;
                PortNo::FLOOD
            }
        };
        out.send(&Message::PacketOut(PacketOut {
            buffer_id: packet.buffer_id,
            in_port,
            actions: vec![Action::output(port)],
            data: packet.data.clone(),
        }));
    }

    fn learn(&mut self, switch: SwitchId, from: u64, port: PortNo, out: &mut ControllerOut) {
        if from & MULTICAST != 0 {
            return;
        }
        let before = self.stations.insert((switch, from), port);
        if before.is_some_and(|before| before != port) {
            self.counters.moved += 1;
            let matching = vec![Oxm::new(OxmField::EthDst, u128::from(from))];
            out.send(&delete(matching, PortNo::ANY));
        }
    }

    fn entry(&self, in_port: PortNo, from: u64, to: u64, port: PortNo) -> Message {
        let fields = [
            Oxm::new(OxmField::InPort, u128::from(in_port.0)),
            Oxm::new(OxmField::EthDst, u128::from(to)),
            Oxm::new(OxmField::EthSrc, u128::from(from)),
        ];
        Message::FlowMod(FlowMod {
            idle_timeout: self.idle_timeout,
            priority: PRIORITY,
            matching: Match::new(fields).expect("none of the three needs another"),
            instructions: vec![Instruction::ApplyActions(vec![Action::output(port)])],
            ..FlowMod::default()
        })
    }

    /// Nothing is behind a port any more when it is gone or has no carrier.
    fn port_status(&mut self, switch: SwitchId, status: &PortStatus, out: &mut ControllerOut) {
        let desc = &status.desc;
        let is_lost = status.reason == PortReason::Delete
            || desc.state.contains(PortState::LINK_DOWN)
            || desc.config.contains(PortConfig::PORT_DOWN);
        if is_lost {
            let lost = |at: SwitchId, port: PortNo| at == switch && port == desc.port_no;
            self.stations.retain(|(at, _), port| !lost(*at, *port));
            out.send(&delete(Vec::new(), desc.port_no));
        }
    }
}

impl Controller for LearningSwitch {
    fn connected(
        &mut self,
        switch: SwitchId,
        _: Nanos,
        _: &SwitchFeatures,
        out: &mut ControllerOut,
    ) {
        self.stations.retain(|(at, _), _| *at != switch);
        out.send(&delete(Vec::new(), PortNo::ANY));
        out.send(&Message::FlowMod(FlowMod {
            priority: 0,
            instructions: vec![Instruction::ApplyActions(vec![Action::controller()])],
            ..FlowMod::default()
        }));
        out.send(&Message::BarrierRequest);
    }

    fn message(&mut self, switch: SwitchId, _: Nanos, message: &Message, out: &mut ControllerOut) {
        match message {
            Message::PacketIn(packet) => self.packet_in(switch, packet, out),
            Message::PortStatus(status) => self.port_status(switch, status, out),
            Message::Error(_) => self.counters.errors += 1,
            _ => {}
        }
    }
}

/// The bit of an Ethernet address that makes it a group's.
const MULTICAST: u64 = 1 << 40;

/// An Ethernet address as the integer that match fields hold.
fn address(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Deletes entries of all tables that match these fields and output to this port.
fn delete(fields: Vec<Oxm>, out_port: PortNo) -> Message {
    Message::FlowMod(FlowMod {
        command: FlowModCommand::Delete,
        table_id: TableId::ALL,
        out_port,
        out_group: GroupId::ANY,
        buffer_id: NO_BUFFER,
        matching: Match::new(fields).expect("Ethernet addresses need no other field"),
        ..FlowMod::default()
    })
}
