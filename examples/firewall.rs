//! A stateless firewall between two ports: a list of flow entries, the first that fits decides, and
//! what none lets pass is dropped. For who wants packets filtered inside a program of their own.
//!
//! Each packet is shown with its verdict, then each entry with its count, then the drop reasons: whatever
//! a switch does not send it has counted by name. Entries are written as `ovs-ofctl` has them; the text
//! could as well come from a file.
//!
//! `cargo run --example firewall` prints:
//!
//! ```text
//! passes  198.51.100.7:40000 > 192.0.2.80:443 tcp
//! dropped 198.51.100.7:40001 > 192.0.2.80:22 tcp
//! passes  192.0.2.80:443 > 198.51.100.7:40000 tcp
//! passes  192.0.2.53:5353 > 198.51.100.53:53 udp
//! passes  198.51.100.53:53 > 192.0.2.53:5353 udp
//! dropped 198.51.100.7:53 > 192.0.2.80:5353 udp
//! dropped 203.0.113.9:40000 > 192.0.2.80:443 tcp
//!
//!    1 priority=70,ip,in_port=2,nw_src=203.0.113.0/24 actions=drop
//!    1 priority=60,tcp,in_port=2,nw_dst=192.0.2.80,tp_dst=443 actions=output:1
//!    1 priority=50,udp,in_port=2,nw_src=198.51.100.53,tp_src=53 actions=output:1
//!    0 priority=40,icmp,in_port=2 actions=output:1
//!    2 priority=30,ip,in_port=1,nw_src=192.0.2.0/24 actions=output:2
//!    0 priority=20,arp,in_port=1 actions=output:2
//!    0 priority=10,arp,in_port=2 actions=output:1
//!
//! table_miss: 2
//! no_output: 1
//! ```

use std::error::Error;
use std::net::SocketAddr;

use etherparse::PacketBuilder;
use rumpswitch::hypercall::fake::Recorder;
use rumpswitch::ofp_codec::{multipart::FlowStatsRequest, text::NoNames, text::parse_flows};
use rumpswitch::{Batch, Ingress, Meta, Nanos, Port, PortConfig, Switch, SwitchConfig, VecFrame};

const INSIDE: Port = Port(1);
const OUTSIDE: Port = Port(2);

/// From the first to be asked to the last.
const ACL: &str = "
    priority=70, in_port=2, ip, nw_src=203.0.113.0/24, actions=drop
    priority=60, in_port=2, tcp, nw_dst=192.0.2.80, tcp_dst=443, actions=output:1
    priority=50, in_port=2, udp, nw_src=198.51.100.53, udp_src=53, actions=output:1
    priority=40, in_port=2, icmp, actions=output:1
    priority=30, in_port=1, ip, nw_src=192.0.2.0/24, actions=output:2
    priority=20, in_port=1, arp, actions=output:2
    priority=10, in_port=2, arp, actions=output:1
";

fn main() -> Result<(), Box<dyn Error>> {
    let now = Nanos(0);
    let mut switch = Switch::new(SwitchConfig::default());
    for (port, name) in [(INSIDE, "inside"), (OUTSIDE, "outside")] {
        switch.tables.port_add(now, PortConfig::new(port, name))?;
    }
    for entry in parse_flows(ACL, &NoNames)? {
        switch.tables.flow_mod(now, &entry)?;
    }

    let (https, ssh) = (443, 22);
    let mut host = Recorder::default();
    for packet in [
        tcp(OUTSIDE, ([198, 51, 100, 7], 40_000), ([192, 0, 2, 80], https)),
        tcp(OUTSIDE, ([198, 51, 100, 7], 40_001), ([192, 0, 2, 80], ssh)),
        tcp(INSIDE, ([192, 0, 2, 80], https), ([198, 51, 100, 7], 40_000)),
        udp(INSIDE, ([192, 0, 2, 53], 5353), ([198, 51, 100, 53], 53)),
        udp(OUTSIDE, ([198, 51, 100, 53], 53), ([192, 0, 2, 53], 5353)),
        udp(OUTSIDE, ([198, 51, 100, 7], 53), ([192, 0, 2, 80], 5353)),
        tcp(OUTSIDE, ([203, 0, 113, 9], 40_000), ([192, 0, 2, 80], https)),
    ] {
        let mut batch = Batch::new();
        batch.push(packet.ingress);
        switch.process(&mut host, now, &mut batch);
        let passes = !host.take().is_empty();
        println!("{:7} {}", if passes { "passes" } else { "dropped" }, packet.text);
    }

    println!();
    let mut entries = switch.tables.flow_stats(&FlowStatsRequest::default())?;
    while let Some(entry) = switch.tables.next_flow_stats(&mut entries, now, &mut 1_000) {
        let text = entry.to_string();
        let what = text.rsplit(", ").next().unwrap_or_default();
        println!("{:4} {what}", entry.packet_count);
    }
    println!();
    for (reason, count) in switch.tables.drops().filter(|(_, count)| *count > 0) {
        println!("{}: {count}", reason.name());
    }
    Ok(())
}

struct Packet {
    ingress: Ingress<VecFrame>,
    text: String,
}

type End = ([u8; 4], u16);

fn tcp(port: Port, from: End, to: End) -> Packet {
    let mut bytes = Vec::new();
    let packet = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from.0, to.0, 64);
    packet.tcp(from.1, to.1, 1, 65_535).write(&mut bytes, &[]).expect("memory takes it");
    Packet::new(port, &bytes, from, to, "tcp")
}

fn udp(port: Port, from: End, to: End) -> Packet {
    let mut bytes = Vec::new();
    let packet = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from.0, to.0, 64);
    packet.udp(from.1, to.1).write(&mut bytes, &[]).expect("memory takes it");
    Packet::new(port, &bytes, from, to, "udp")
}

impl Packet {
    fn new(port: Port, bytes: &[u8], from: End, to: End, protocol: &str) -> Packet {
        let ingress = Ingress { port, meta: Meta::default(), frame: VecFrame::from_bytes(bytes) };
        let [from, to] = [from, to].map(|(address, port)| SocketAddr::from((address, port)));
        Packet { ingress, text: format!("{from} > {to} {protocol}") }
    }
}
