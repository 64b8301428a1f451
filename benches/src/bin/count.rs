//! `count SCENARIO ROUNDS`: sets one scenario up in memory and runs it, for callgrind to count the
//! instructions of; `count --list` names the scenarios.
//!
//! `benches/gate.sh` runs this under `valgrind --tool=callgrind`, which collects within functions
//! whose names begin with `measured_` and nowhere else: making tables, keys and frames does not
//! count. The number that is printed is that of packets, lookups or messages measured. A measured
//! function is never inlined and holds no closure, whose name would begin like its own.

use std::hint::black_box;
use std::process::ExitCode;

use datapath::classifier::{self, Classifier};
use datapath::extract::extract;
use datapath::key::Key;
use datapath::packet::Packet;
use datapath::rewrite::{dec_nw_ttl, pop_vlan, push_vlan, set_field};
use datapath::{Batch, Switch};
use hypercall::{Meta, Nanos, Port, VecFrame};
use ofp_codec::{FlowMod, FlowModCommand, Message, OxmField};
use rumpswitch_benches::{
    RULES, Recycler, SCENARIOS, arp, fill, flow_mod, rules, scenario, switch, tcp6_vlan, udp,
};
use switch_dev::{ChannelId, ChannelKind, Device, DeviceConfig};

const EXTRACTS: [&str; 3] = ["udp", "tcp6-vlan", "arp"];
const REWRITES: [&str; 3] = ["setfield", "route", "vlan-push-pop"];
/// Scenarios that are measured packet by packet, too.
const ALONE: [&str; 4] = ["port", "l2-1000", "pipe3", "masks-100"];
/// Scenarios whose tables are too big to be made under callgrind each time.
const SKIPPED: [&str; 1] = ["l2-100000"];
const CONTROLS: [&str; 4] = ["flow-add", "flow-delete", "device-flow-add", "decode-flow-mod"];
/// Entries that the control scenarios add.
const ENTRY_COUNT: u32 = 10_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, rest @ ..] = arguments.as_slice() else { return usage() };
    if name == "--list" {
        names().iter().for_each(|name| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    let rounds = match rest {
        [] => Some(1),
        [rounds] => rounds.parse().ok(),
        _ => None,
    };
    let Some((kind, what)) = name.split_once('/') else { return usage() };
    let count = rounds.and_then(|rounds| match kind {
        "extract" => extracts(what, rounds),
        "rewrite" => rewrites(what, rounds),
        "lookup" => lookups(what, rounds),
        "process" => processes(what, rounds),
        "control" => controls(what),
        _ => None,
    });
    match count {
        Some(count) => {
            println!("{count}");
            ExitCode::SUCCESS
        }
        None => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: count SCENARIO [ROUNDS] | count --list");
    ExitCode::from(2)
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = EXTRACTS.iter().map(|name| format!("extract/{name}")).collect();
    names.extend(REWRITES.iter().map(|name| format!("rewrite/{name}")));
    for name in RULES {
        names.push(format!("lookup/{name}"));
        names.push(format!("lookup/{name}/one"));
    }
    for name in SCENARIOS.iter().filter(|name| !SKIPPED.contains(name)) {
        names.push(format!("process/{name}"));
        if ALONE.contains(name) {
            names.push(format!("process/{name}/one"));
        }
    }
    names.extend(CONTROLS.iter().map(|name| format!("control/{name}")));
    names
}

fn extracts(name: &str, rounds: usize) -> Option<usize> {
    let bytes = match name {
        "udp" => udp(1),
        "tcp6-vlan" => tcp6_vlan(),
        "arp" => arp(),
        _ => return None,
    };
    let frame = VecFrame::from_bytes(&bytes);
    let packets = vec![Packet::new(frame, Port(1), Meta::default()); 32];
    for _ in 0..rounds {
        // Each packet is new, as it is in the pipeline.
        measured_extract(&mut packets.clone());
    }
    Some(rounds * 32)
}

#[inline(never)]
fn measured_extract(packets: &mut [Packet<VecFrame>]) {
    for packet in packets {
        extract(packet);
        black_box(&packet.key);
    }
}

fn rewrites(name: &str, rounds: usize) -> Option<usize> {
    let mut packet = Packet::new(VecFrame::from_bytes(&udp(1)), Port(1), Meta::default());
    extract(&mut packet);
    let packets = vec![packet; 32];
    for _ in 0..rounds {
        // The TTL would run out.
        let mut packets = packets.clone();
        match name {
            "setfield" => measured_setfield(&mut packets),
            "route" => measured_route(&mut packets),
            "vlan-push-pop" => measured_push_pop(&mut packets),
            _ => return None,
        }
    }
    Some(rounds * 32)
}

/// Four fields and the TTL.
#[inline(never)]
fn measured_setfield(packets: &mut [Packet<VecFrame>]) {
    for packet in packets {
        black_box(set_field(packet, OxmField::EthSrc, 0x0200_0000_aa01)).ok();
        black_box(set_field(packet, OxmField::EthDst, 0x0200_0000_bb01)).ok();
        black_box(set_field(packet, OxmField::Ipv4Dst, 0x0a09_0807)).ok();
        black_box(set_field(packet, OxmField::UdpDst, 4321)).ok();
        black_box(dec_nw_ttl(packet)).ok();
    }
}

/// The TTL and both MAC addresses.
#[inline(never)]
fn measured_route(packets: &mut [Packet<VecFrame>]) {
    for packet in packets {
        black_box(dec_nw_ttl(packet)).ok();
        black_box(set_field(packet, OxmField::EthSrc, 0x0200_0000_aa01)).ok();
        black_box(set_field(packet, OxmField::EthDst, 0x0200_0000_bb01)).ok();
    }
}

/// A VLAN tag on, its VID set, and off again.
#[inline(never)]
fn measured_push_pop(packets: &mut [Packet<VecFrame>]) {
    for packet in packets {
        black_box(push_vlan(packet, 0x8100)).ok();
        black_box(set_field(packet, OxmField::VlanVid, 0x1064)).ok();
        black_box(pop_vlan(packet)).ok();
    }
}

fn lookups(name: &str, rounds: usize) -> Option<usize> {
    let (name, is_alone) = alone(name);
    let rules = rules(name)?;
    let classifier = rules.classifier();
    let keys = rules.keys();
    let keys: Vec<&Key> = keys.iter().cycle().take(keys.len().next_multiple_of(32)).collect();
    for _ in 0..rounds {
        match is_alone {
            true => measured_find(&classifier, &keys),
            false => measured_find_batch(&classifier, &keys),
        }
    }
    Some(rounds * keys.len())
}

#[inline(never)]
fn measured_find(classifier: &Classifier, keys: &[&Key]) {
    for key in keys {
        black_box(classifier.find(key));
    }
}

#[inline(never)]
fn measured_find_batch(classifier: &Classifier, keys: &[&Key]) {
    let mut found = [None; classifier::BATCH];
    for keys in keys.chunks_exact(classifier::BATCH) {
        classifier.find_batch(keys, &mut found);
        black_box(&found);
    }
}

fn processes(name: &str, rounds: usize) -> Option<usize> {
    let (name, is_alone) = alone(name);
    let scenario = scenario(name)?;
    let mut switch = scenario.switch();
    let (mut host, mut batch) = (Recycler::default(), Batch::new());
    let size = if is_alone { 1 } else { datapath::BATCH };
    let mut at = 0;
    // Stations are learned, pages touched, buffers made.
    for _ in 0..scenario.frames.len().div_ceil(size).max(8) {
        at = fill(&mut host, &mut batch, size, &scenario.frames, at);
        switch.process(&mut host, Nanos(1), &mut batch);
    }
    for _ in 0..rounds * 32 / size {
        at = fill(&mut host, &mut batch, size, &scenario.frames, at);
        measured_process(&mut switch, &mut host, &mut batch);
    }
    Some(rounds * 32)
}

#[inline(never)]
fn measured_process(switch: &mut Switch, host: &mut Recycler, batch: &mut Batch<VecFrame>) {
    black_box(switch.process(host, Nanos(2), batch));
}

/// The name without `/one`, and whether that was there.
fn alone(name: &str) -> (&str, bool) {
    match name.strip_suffix("/one") {
        Some(name) => (name, true),
        None => (name, false),
    }
}

fn controls(name: &str) -> Option<usize> {
    let commands = |command| -> Vec<FlowMod> {
        let line = |station: u32| {
            let [a, b, c, d] = station.to_be_bytes();
            format!("priority=100,dl_dst=02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
        };
        let line = |station| match command {
            FlowModCommand::DeleteStrict => line(station),
            _ => line(station) + ",actions=output:2",
        };
        (0..ENTRY_COUNT).map(|station| flow_mod(&line(station), command)).collect()
    };
    let adds = commands(FlowModCommand::Add);
    let mut switch = switch([]);
    match name {
        "flow-add" => measured_flow_mods(&mut switch, &adds),
        "flow-delete" => {
            for add in &adds {
                switch.tables.flow_mod(Nanos(0), add).expect("there is room");
            }
            measured_flow_mods(&mut switch, &commands(FlowModCommand::DeleteStrict));
        }
        "device-flow-add" | "decode-flow-mod" => {
            let mut bytes = Vec::new();
            for add in adds {
                Message::FlowMod(add).encode(1, &mut bytes).expect("short enough");
            }
            if name == "decode-flow-mod" {
                measured_decode(&bytes);
                return Some(ENTRY_COUNT as usize);
            }
            let mut device = Device::new(DeviceConfig::default(), switch);
            let mut host = Recycler::default();
            let channel = device.open(Nanos(0), ChannelKind::Active).expect("a channel is free");
            let hello = [4, 0, 0, 8, 0, 0, 0, 1];
            device.write(channel, Nanos(0), &mut host, &hello).expect("the channel is open");
            measured_write(&mut device, channel, &mut host, &bytes);
        }
        _ => return None,
    }
    Some(ENTRY_COUNT as usize)
}

#[inline(never)]
fn measured_flow_mods(switch: &mut Switch, flow_mods: &[FlowMod]) {
    for flow_mod in flow_mods {
        switch.tables.flow_mod(Nanos(1), flow_mod).expect("there is room");
    }
}

#[inline(never)]
fn measured_decode(mut bytes: &[u8]) {
    while let [_, _, high, low, ..] = bytes {
        let (message, rest) = bytes.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        black_box(&Message::decode(message));
        bytes = rest;
    }
}

#[inline(never)]
fn measured_write(device: &mut Device, channel: ChannelId, host: &mut Recycler, bytes: &[u8]) {
    for chunk in bytes.chunks(65_536) {
        let len = device.write(channel, Nanos(1), host, chunk);
        assert_eq!(len.ok(), Some(chunk.len()), "nothing else waits");
    }
}
