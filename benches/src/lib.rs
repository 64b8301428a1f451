//! Shared pieces of the benches: frames, rules, flow tables, a host that keeps buffers, a switch from
//! lines of text.
#![forbid(unsafe_code)]

pub mod control;
mod frames;
mod hostile;
mod random;
mod recycler;
mod rules;
mod scenarios;

use datapath::classifier::Classifier;
use datapath::extract::extract;
use datapath::key::{Key, MaskedKey};
use datapath::packet::Packet;
use datapath::{Batch, Ingress, PortConfig, Switch, SwitchConfig};
use hypercall::{Meta, Nanos, Port, VecFrame};
use ofp_codec::text::{NoNames, parse_flow, parse_group, parse_match, parse_meter};
use ofp_codec::{FlowMod, FlowModCommand, GroupModCommand, MeterModCommand};

pub use frames::{arp, tagged, tcp_to, tcp6_vlan, udp, udp_to};
pub use hostile::{Hostile, NAMES as HOSTILE, hostile};
pub use random::Random;
pub use recycler::Recycler;
pub use rules::{NAMES as RULES, Rules, rules};
pub use scenarios::{NAMES as SCENARIOS, Scenario, scenario};

/// A switch with ports 1 to 4 and these flow entries.
pub fn switch(flows: impl IntoIterator<Item = String>) -> Switch {
    Scenario { flows: flows.into_iter().collect(), ..Scenario::default() }.switch()
}

/// The flow-mod of a line of flow text.
pub fn flow_mod(line: &str, command: FlowModCommand) -> FlowMod {
    parse_flow(line, command, &NoNames).expect("a flow entry")
}

impl Scenario {
    /// A switch with ports 1 to 4 and the scenario's tables.
    pub fn switch(&self) -> Switch {
        let mut switch = Switch::new(SwitchConfig::default());
        let (tables, now) = (&mut switch.tables, Nanos(0));
        for port in 1..=4 {
            tables.port_add(now, PortConfig::new(Port(port), "port")).expect("the ports are new");
        }
        for line in &self.meters {
            let meter = parse_meter(line, MeterModCommand::Add).expect("a meter");
            tables.meter_mod(now, &meter).expect("a meter that the standard allows");
        }
        for line in &self.groups {
            let group = parse_group(line, GroupModCommand::Add, &NoNames).expect("a group");
            tables.group_mod(now, &group).expect("a group that the standard allows");
        }
        for line in &self.flows {
            let flow = flow_mod(line, FlowModCommand::Add);
            tables.flow_mod(now, &flow).expect("an entry that the standard allows");
        }
        tables.settle();
        let (mut host, mut batch) = (Recycler::default(), Batch::new());
        for bytes in &self.answers {
            let frame = host.receive(bytes);
            batch.push(Ingress { port: Port(2), meta: Meta::default(), frame });
            switch.process(&mut host, now, &mut batch);
        }
        switch
    }
}

impl Rules {
    /// The classifier of these rules, which are slots in their order.
    pub fn classifier(&self) -> Classifier {
        let mut classifier = Classifier::new(7);
        for (slot, (priority, text)) in self.matches.iter().enumerate() {
            let matching = parse_match(text, &NoNames).expect("a match");
            let matching = MaskedKey::from_match(&matching);
            classifier.insert(&matching, *priority, slot as u32).expect("memory");
        }
        // Nobody measures a table that is half built.
        while classifier.step(1_000) {}
        classifier.rest();
        while classifier.step(1_000) {}
        classifier
    }

    /// The keys of the frames.
    pub fn keys(&self) -> Vec<Key> {
        self.frames.iter().map(|frame| key(frame)).collect()
    }
}

/// What a frame's headers say.
pub fn key(frame: &[u8]) -> Key {
    let mut packet = Packet::new(VecFrame::from_bytes(frame), Port(1), Meta::default());
    extract(&mut packet);
    packet.key
}

/// Fills a batch with the frames from `at` on; tells where the next one begins.
pub fn fill(
    host: &mut Recycler,
    batch: &mut Batch<VecFrame>,
    count: usize,
    frames: &[impl AsRef<[u8]>],
    mut at: usize,
) -> usize {
    for _ in 0..count {
        let frame = host.receive(frames[at].as_ref());
        batch.push(Ingress { port: Port(1), meta: Meta::default(), frame });
        at = (at + 1) % frames.len();
    }
    at
}

/// Sends one batch of the frames from `at` on through the switch; tells where the next one begins.
pub fn forward(
    switch: &mut Switch,
    host: &mut Recycler,
    batch: &mut Batch<VecFrame>,
    frames: &[Vec<u8>],
    at: usize,
) -> usize {
    let at = fill(host, batch, datapath::BATCH, frames, at);
    switch.process(host, Nanos(1), batch);
    at
}
