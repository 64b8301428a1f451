//! Scenarios that only the public interface of this crate can say: limits that no embodiment sets, the
//! host's memory and refusals, batches, bundles, traces, random models, what grows and fills. Those that a
//! controller and frames can say run over every embodiment of the switch: `tests/src/scenarios`.

mod actions;
mod dynamics;
mod errors;
mod flows;
mod fullness;
mod groups;
mod growth;
mod meters;
mod normal;
mod ports;
mod punts;
mod queues;
mod select;
mod stats;
mod timing;
mod trace;

use hypercall::fake::Recorder;
use hypercall::{Frame, Meta, Nanos, Port, VecFrame};
use ofp_codec::multipart::{FlowStats, FlowStatsRequest};
use ofp_codec::{
    Action, FlowMod, Instruction, Match, OfpError, Oxm, OxmField, PacketIn, PacketOut, PortNo,
};
use rumpswitch_datapath::{Batch, DropReason, Events, Ingress, PortConfig, Switch, SwitchConfig};

pub(crate) const SECOND: u64 = Nanos::PER_SECOND;

/// A switch with ports 1 to 4 and a host that records.
pub(crate) struct Bed {
    pub(crate) switch: Switch,
    pub(crate) host: Recorder,
    pub(crate) now: Nanos,
    drops: Vec<(DropReason, u64)>,
}

impl Bed {
    pub(crate) fn new() -> Bed {
        Bed::with(SwitchConfig { datapath_id: 1, seed: 42, ..SwitchConfig::default() })
    }

    pub(crate) fn with(config: SwitchConfig) -> Bed {
        let mut switch = Switch::new(config);
        let now = Nanos::from_secs(100);
        for number in 1..=4 {
            let port = PortConfig::new(Port(number), &format!("p{number}"));
            switch.tables.port_add(now, port).unwrap();
        }
        while switch.tables.next_news().is_some() {}
        Bed { switch, host: Recorder::default(), now, drops: Vec::new() }
    }

    pub(crate) fn add(&mut self, flow: FlowMod) {
        self.switch.tables.flow_mod(self.now, &flow).unwrap();
    }

    pub(crate) fn flow_mod(&mut self, flow: FlowMod) -> Result<(), OfpError> {
        self.switch.tables.flow_mod(self.now, &flow)
    }

    /// One frame in; ports and frames out.
    pub(crate) fn send(&mut self, port: u32, frame: &[u8]) -> Vec<(u32, Vec<u8>)> {
        self.send_with(port, Meta::default(), frame)
    }

    pub(crate) fn send_with(&mut self, port: u32, meta: Meta, frame: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let mut batch = Batch::new();
        batch.push(Ingress { port: Port(port), meta, frame: VecFrame::from_bytes(frame) });
        self.switch.process(&mut self.host, self.now, &mut batch);
        self.sent()
    }

    pub(crate) fn sent(&mut self) -> Vec<(u32, Vec<u8>)> {
        let sent = self.host.take().into_iter();
        sent.map(|sent| (sent.port.0, sent.frame.headers().to_vec())).collect()
    }

    /// One frame in; ports out.
    pub(crate) fn ports(&mut self, port: u32, frame: &[u8]) -> Vec<u32> {
        self.send(port, frame).into_iter().map(|(port, _)| port).collect()
    }

    pub(crate) fn packet_out(&mut self, given: &PacketOut) -> Result<Events, OfpError> {
        self.switch.packet_out(&mut self.host, self.now, given)
    }

    pub(crate) fn packet_in(&mut self) -> Option<PacketIn> {
        self.switch.worker.next_punt().map(|punt| punt.packet_in)
    }

    /// Asserts which drop counters moved since the last call, and that no other did.
    #[track_caller]
    pub(crate) fn assert_drops(&mut self, expected: &[(DropReason, u64)]) {
        let now: Vec<(DropReason, u64)> = self.switch.tables.drops().collect();
        let before = |reason| {
            self.drops.iter().find(|(other, _)| *other == reason).map_or(0, |(_, count)| *count)
        };
        let moved: Vec<(DropReason, u64)> = now
            .iter()
            .map(|(reason, count)| (*reason, count - before(*reason)))
            .filter(|(_, count)| *count != 0)
            .collect();
        assert_eq!(moved, expected);
        self.drops = now;
    }

    pub(crate) fn flows(&self, request: &FlowStatsRequest) -> Vec<FlowStats> {
        let tables = &self.switch.tables;
        let mut cursor = tables.flow_stats(request).unwrap();
        let mut flows = Vec::new();
        while !cursor.is_done() {
            flows.extend(tables.next_flow_stats(&mut cursor, self.now, &mut 1_000));
        }
        flows
    }

    pub(crate) fn all_flows(&self) -> Vec<FlowStats> {
        self.flows(&FlowStatsRequest::default())
    }
}

pub(crate) fn matching(fields: &[(OxmField, u128)]) -> Match {
    Match::new(fields.iter().map(|(field, value)| Oxm::new(*field, *value))).unwrap()
}

pub(crate) fn apply(actions: impl Into<Vec<Action>>) -> Vec<Instruction> {
    vec![Instruction::ApplyActions(actions.into())]
}

pub(crate) fn write(actions: impl Into<Vec<Action>>) -> Vec<Instruction> {
    vec![Instruction::WriteActions(actions.into())]
}

pub(crate) fn output(port: u32) -> Action {
    Action::output(PortNo(port))
}

pub(crate) fn set(field: OxmField, value: u128) -> Action {
    Action::SetField(Oxm::new(field, value))
}

/// An entry of table 0.
pub(crate) fn entry(
    priority: u16,
    fields: &[(OxmField, u128)],
    instructions: Vec<Instruction>,
) -> FlowMod {
    FlowMod { priority, matching: matching(fields), instructions, ..FlowMod::default() }
}

/// A UDP datagram over IPv4 of 60 bytes.
pub(crate) fn udp(source: u8, destination: u8, port: u16) -> Vec<u8> {
    let mut frame = vec![0; 60];
    frame[..6].copy_from_slice(&[2, 0, 0, 0, 0, destination]);
    frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, source]);
    frame[12..14].copy_from_slice(&[0x08, 0x00]);
    let ip = [0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, source, 10, 0, 0, destination];
    frame[14..34].copy_from_slice(&ip);
    let sum = ip.chunks(2).map(|c| u32::from(c[0]) << 8 | u32::from(c[1])).sum::<u32>();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    frame[34..36].copy_from_slice(&1000_u16.to_be_bytes());
    frame[36..38].copy_from_slice(&port.to_be_bytes());
    frame[38..40].copy_from_slice(&26_u16.to_be_bytes());
    frame
}

/// The frame with an 802.1Q tag.
pub(crate) fn tagged(vlan: u16, frame: &[u8]) -> Vec<u8> {
    let mut bytes = frame[..12].to_vec();
    bytes.extend([0x81, 0x00]);
    bytes.extend(vlan.to_be_bytes());
    bytes.extend(&frame[12..]);
    bytes
}
