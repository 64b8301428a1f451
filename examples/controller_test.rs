//! A deterministic test of a controller: for who writes one and wants to see it right, also when a link
//! goes down or the controller itself is lost. No root, no sockets, no sleeping: time is virtual, and one
//! seed gives one run, to the nanosecond, so every figure below can be asserted.
//!
//! [`Learner`] is the controller under test, of the kind that every tutorial has. A controller that is a
//! program of its own is tested with `hosts/virt/examples/real_controller.rs`.
//!
//! `cargo run --example controller_test` prints:
//!
//! ```text
//! all is well: h1 hears from h4 after 4.064704ms
//! by entries alone: h1 hears from h4 after 64.704µs
//! the link of h4 is down: h1 hears nothing from h4
//! it is up again: h1 hears from h4 after 64.704µs
//! the controller is lost: h1 hears from h4 after 64.704µs
//! the controller is lost: h2 hears nothing from h3
//! it is back: h2 hears from h3 after 4.064704ms
//! the controller has installed 8 entries and heard 0 errors
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use rumpswitch::Nanos;
use rumpswitch::ofp_codec::{
    Action, FlowModCommand, Message, NO_BUFFER, OxmField, PacketIn, PacketOut, PortNo,
    SwitchFeatures, text::NoNames, text::parse_flow,
};
use rumpswitch::virt_host::{
    Controller, ControllerOut, HostId, Network, PingState, SwitchId, Topology,
};

/// The controller under test: remembers where senders are, installs an entry for each.
#[derive(Default)]
struct Learner {
    stations: BTreeMap<(SwitchId, [u8; 6]), PortNo>,
    entries: u32,
    errors: u32,
}

impl Controller for Learner {
    fn connected(&mut self, _: SwitchId, _: Nanos, _: &SwitchFeatures, out: &mut ControllerOut) {
        out.send(&flow("priority=0,actions=controller"));
    }

    fn message(&mut self, switch: SwitchId, _: Nanos, message: &Message, out: &mut ControllerOut) {
        match message {
            Message::PacketIn(packet) => self.packet_in(switch, packet, out),
            Message::Error(_) => self.errors += 1,
            _ => {}
        }
    }
}

impl Learner {
    fn packet_in(&mut self, switch: SwitchId, packet: &PacketIn, out: &mut ControllerOut) {
        let Some(in_port) = packet.matching.get(OxmField::InPort) else { return };
        let in_port = PortNo(in_port.value as u32);
        let (Some(to), Some(from)) = (packet.data.first_chunk(), packet.data.get(6..)) else {
            return;
        };
        let Some(from) = from.first_chunk() else { return };
        self.stations.insert((switch, *from), in_port);
        let port = self.stations.get(&(switch, *to)).copied();
        if let Some(port) = port {
            // The sender is in the match: who was never heard is never hidden by another one's entry.
            let [from, to] = [from, to].map(|mac| mac.map(|byte| format!("{byte:02x}")).join(":"));
            let ports = format!("in_port={},dl_src={from},dl_dst={to}", in_port.0);
            out.send(&flow(&format!("{ports},actions=output:{}", port.0)));
            self.entries += 1;
        }
        out.send(&Message::PacketOut(PacketOut {
            buffer_id: NO_BUFFER,
            in_port,
            actions: vec![Action::output(port.unwrap_or(PortNo::FLOOD))],
            data: packet.data.clone(),
        }));
    }
}

fn flow(text: &str) -> Message {
    Message::FlowMod(
        parse_flow(text, FlowModCommand::Add, &NoNames).expect("a flow as it is written"),
    )
}

fn main() -> Result<(), Box<dyn Error>> {
    // Two switches, h1 and h2 at the first, h3 and h4 at the second.
    let mut network = Network::new(1);
    let built = Topology::linear(2, 4).add_to(&mut network);
    let [h1, h2, h3, h4] = built.hosts[..] else { return Err("there are four hosts".into()) };
    let controller = network.add_controller(Learner::default(), Duration::from_millis(1));
    network.control_all(controller)?;
    network.run_until(Nanos::from_millis(100));

    ping(&mut network, "all is well", h1, h4);
    let answered = ping(&mut network, "by entries alone", h1, h4);
    assert!(answered.is_some_and(|time| time < Duration::from_millis(1)), "no message was needed");

    network.set_link_up(built.access[3], false);
    assert_eq!(ping(&mut network, "the link of h4 is down", h1, h4), None);
    network.set_link_up(built.access[3], true);
    assert!(ping(&mut network, "it is up again", h1, h4).is_some());

    for switch in &built.switches {
        network.disconnect(controller, *switch);
    }
    assert!(ping(&mut network, "the controller is lost", h1, h4).is_some(), "entries stay");
    assert_eq!(ping(&mut network, "the controller is lost", h2, h3), None, "nobody learns");
    network.control_all(controller)?;
    network.run_until(network.now().plus(Nanos::PER_SECOND));
    assert!(ping(&mut network, "it is back", h2, h3).is_some());

    let learner = network.controller::<Learner>(controller).ok_or("it is a Learner")?;
    println!(
        "the controller has installed {} entries and heard {} errors",
        learner.entries, learner.errors
    );
    assert_eq!(network.channel_errors(), []);
    Ok(())
}

/// The time until a ping is answered, if it is.
fn ping(network: &mut Network, when: &str, from: HostId, to: HostId) -> Option<Duration> {
    let address = network.host(to).ipv4()?;
    let ping = network.ping(from, address);
    network.run_while(|network| network.ping_state(ping) == PingState::Pending);
    let [from, to] = [from, to].map(|host| network.host(host).name());
    match network.ping_state(ping) {
        PingState::Answered(time) => {
            println!("{when}: {from} hears from {to} after {time:?}");
            Some(time)
        }
        _ => {
            println!("{when}: {from} hears nothing from {to}");
            None
        }
    }
}
