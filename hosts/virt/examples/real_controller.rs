//! A virtual network in real time, under a controller that is a program of its own:
//!
//! ```text
//! ovs-testcontroller ptcp:6653:127.0.0.1 &
//! cargo run -p rumpswitch-virt --example real_controller 127.0.0.1:6653
//! ```
//!
//! The network's clock follows ours, and the switches' channels are lent to plain sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rumpswitch_virt::{Nanos, Network, Scenario, SwitchId, Topology};
use switch_dev::{ChannelId, ChannelKind};

/// A switch's channel and the socket that it speaks through.
struct Wire {
    switch: SwitchId,
    channel: ChannelId,
    socket: TcpStream,
    to_switch: Vec<u8>,
    to_socket: Vec<u8>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("say where the controller listens: HOST:PORT")?;
    let mut network = Topology::linear(2, 4).build(1);
    let switches: Vec<_> = network.switches().collect();
    let mut wires = switches
        .into_iter()
        .map(|switch| Wire::connect(&mut network, switch, &address))
        .collect::<Result<Vec<_>, _>>()?;

    let start = Instant::now();
    let advance = |network: &mut Network, until: Nanos| {
        let now = Nanos(start.elapsed().as_nanos() as u64);
        network.run_until(now.min(until));
        for wire in &mut wires {
            wire.pump(network).expect("the controller is there");
        }
        let idle = network.next_event().map_or(u64::MAX, |at| at.since(now));
        std::thread::sleep(Duration::from_nanos(idle.min(500_000)));
    };
    let scenario = Scenario { settle: Duration::from_secs(1), ..Scenario::default() };
    let report = scenario.run_with(&mut network, advance, |_| {});

    println!("{} of {} pings answered", report.answered(), report.pings.len());
    println!("{:?}", report.transfer);
    for failure in report.failures(&network) {
        println!("{failure}");
    }
    if report.is_success() { Ok(()) } else { Err("not everything went well".into()) }
}

impl Wire {
    fn connect(
        network: &mut Network,
        switch: SwitchId,
        address: &str,
    ) -> Result<Wire, Box<dyn std::error::Error>> {
        let socket = TcpStream::connect(address)?;
        socket.set_nonblocking(true)?;
        let now = network.now();
        let channel = network.switch_parts(switch).0.open(now, ChannelKind::Active)?;
        Ok(Wire { switch, channel, socket, to_switch: Vec::new(), to_socket: Vec::new() })
    }

    /// Carries what there is, both ways.
    fn pump(&mut self, network: &mut Network) -> std::io::Result<()> {
        let now = network.now();
        let (device, host) = network.switch_parts(self.switch);
        let mut bytes = [0; 65_536];
        match self.socket.read(&mut bytes) {
            Ok(0) => return Err(ErrorKind::ConnectionReset.into()),
            Ok(len) => self.to_switch.extend_from_slice(&bytes[..len]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if let Ok(taken) = device.write(self.channel, now, host, &self.to_switch) {
            self.to_switch.drain(..taken);
        }
        while let Ok(len) = device.read(self.channel, now, &mut bytes) {
            if len == 0 {
                return Err(ErrorKind::ConnectionReset.into());
            }
            self.to_socket.extend_from_slice(&bytes[..len]);
        }
        match self.socket.write(&self.to_socket) {
            Ok(taken) => drop(self.to_socket.drain(..taken)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
