//! Scenarios that only the public interface of this crate can say: limits that no embodiment sets, the
//! host's memory and refusals, batches, bundles, traces, what grows and fills. Those that a
//! controller and frames can say run over every embodiment of the switch: `tests/src/scenarios`.

mod actions;
mod dynamics;
mod errors;
mod flows;
mod fullness;
mod groups;
mod growth;
mod leads;
mod normal;
/// The words that scenarios of every embodiment are written in.
#[path = "../../../tests/src/scenarios/notation.rs"]
mod notation;
mod pace;
mod ports;
mod punts;
mod queues;
mod stats;
mod trace;

use hypercall::fake::Recorder;
use hypercall::{Frame, Meta, Nanos, Port, VecFrame};
use notation::*;
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
