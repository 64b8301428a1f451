//! The smallest local client: a switch of two ports and one flow entry, a frame in, a frame out.
//! This program is the switch's host: whatever `Recorder` keeps, yours sends.
//!
//! `cargo run --example ten_lines` prints:
//!
//! ```text
//! 60 bytes out of port 2
//! ```

use rumpswitch::ofp_codec::{FlowModCommand::Add, text::NoNames, text::parse_flow};
use rumpswitch::{Batch, Frame, Ingress, Meta, Nanos, Port, PortConfig, Switch, SwitchConfig};
use rumpswitch::{VecFrame, hypercall::fake::Recorder};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let now = Nanos(0);
    let (mut switch, mut host) = (Switch::new(SwitchConfig::default()), Recorder::default());
    switch.tables.port_add(now, PortConfig::new(Port(1), "in"))?;
    switch.tables.port_add(now, PortConfig::new(Port(2), "out"))?;
    switch.tables.flow_mod(now, &parse_flow("in_port=1,actions=output:2", Add, &NoNames)?)?;
    let frame = VecFrame::zeroed(60);
    let mut batch = Batch::new();
    batch.push(Ingress { port: Port(1), meta: Meta::default(), frame });
    switch.process(&mut host, now, &mut batch);
    for sent in host.take() {
        println!("{} bytes out of port {}", sent.frame.len(), sent.port);
    }
    Ok(())
}
