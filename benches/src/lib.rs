//! Shared pieces of the benches: frames, a host that keeps buffers, a switch from lines of flow text.
#![forbid(unsafe_code)]

pub mod control;

use datapath::{Batch, Ingress, PortConfig, Switch, SwitchConfig};
use hypercall::{Frame, Hypercall, Meta, Nanos, Port, Sent, VecFrame};
use ofp_codec::FlowModCommand;
use ofp_codec::text::{NoNames, parse_flow};

/// A 60-byte UDP frame to the `station`th MAC and IPv4 address.
pub fn udp(station: u32) -> Vec<u8> {
    let [a, b, c, d] = station.to_be_bytes();
    let mut bytes = vec![2, 0, a, b, c, d, 2, 0, 0, 0, 0, 1, 8, 0];
    bytes.extend([0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, b, c, d]);
    bytes.extend([0, 80, 0, 90, 0, 26, 0, 0]);
    bytes.resize(60, 0);
    bytes
}

/// A TCP segment over IPv6 behind a VLAN tag.
pub fn tcp6_vlan() -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0x20, 5, 0x86, 0xdd];
    bytes.extend([0x60, 0, 0, 0, 0, 20, 6, 64]);
    bytes.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    bytes.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    bytes.extend([0, 80, 0x1f, 0x90, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 1, 0, 0, 0, 0, 0]);
    bytes
}

/// A host that keeps the buffers of transmitted frames for the next ones.
#[derive(Debug, Default)]
pub struct Recycler {
    spare: Vec<VecFrame>,
    /// Frames sent.
    pub sent_count: u64,
}

impl Recycler {
    /// A frame with a copy of `bytes`, as a receive makes one.
    pub fn receive(&mut self, bytes: &[u8]) -> VecFrame {
        let (mut buffer, _) = self.spare.pop().unwrap_or_default().into_buffer();
        buffer.resize(VecFrame::HEADROOM, 0);
        buffer.extend_from_slice(bytes);
        VecFrame::from_buffer(buffer, VecFrame::HEADROOM)
    }
}

impl Hypercall for Recycler {
    type Frame = VecFrame;

    fn transmit(&mut self, _: Port, _: &Meta, frame: VecFrame) -> Sent {
        self.sent_count += 1;
        if self.spare.len() < 256 {
            self.spare.push(frame);
        }
        Sent::Sent
    }

    fn duplicate(&mut self, frame: &VecFrame) -> Option<VecFrame> {
        Some(self.receive(frame.headers()))
    }

    fn allocate(&mut self, len: usize) -> Option<VecFrame> {
        Some(VecFrame::zeroed(len))
    }
}

/// A switch with ports 1 to 4 and these flow entries.
pub fn switch(flows: impl IntoIterator<Item = String>) -> Switch {
    let mut switch = Switch::new(SwitchConfig::default());
    for port in 1..=4 {
        switch
            .tables
            .port_add(Nanos(0), PortConfig::new(Port(port), "port"))
            .expect("the ports are new");
    }
    for line in flows {
        let flow = parse_flow(&line, FlowModCommand::Add, &NoNames).expect("a flow entry");
        switch.tables.flow_mod(Nanos(0), &flow).expect("an entry that the standard allows");
    }
    switch
}

/// Sends one batch of the frames from `at` on through the switch; tells where the next one begins.
pub fn forward(
    switch: &mut Switch,
    host: &mut Recycler,
    batch: &mut Batch<VecFrame>,
    frames: &[Vec<u8>],
    mut at: usize,
) -> usize {
    while !batch.is_full() {
        let frame = host.receive(&frames[at]);
        batch.push(Ingress { port: Port(1), meta: Meta::default(), frame });
        at = (at + 1) % frames.len();
    }
    switch.process(host, Nanos(1), batch);
    at
}
