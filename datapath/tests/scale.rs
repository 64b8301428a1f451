//! Sizes and times at a million entries, and of the fast path: run by hand, in release, with
//! `cargo test --release -p rumpswitch-datapath --test scale -- --ignored --nocapture --test-threads 1`.

use std::time::Instant;

use hypercall::{Frame, Hypercall, Meta, Nanos, Port, Sent, VecFrame};
use ofp_codec::multipart::FlowStatsRequest;
use ofp_codec::{
    Action, Band, Bucket, FlowMod, FlowModCommand, GroupId, GroupMod, GroupModCommand, GroupType,
    Instruction, Match, MeterFlags, MeterId, MeterMod, MeterModCommand, Oxm, OxmField, PortNo,
    TableId,
};
use rumpswitch_datapath::{Batch, Ingress, PortConfig, Switch, SwitchConfig};

const ENTRIES: u64 = 1_000_000;

/// Keeps transmitted frames for the next batch.
#[derive(Default)]
struct Recycler(Vec<VecFrame>);

impl Hypercall for Recycler {
    type Frame = VecFrame;

    fn transmit(&mut self, _: Port, _: &Meta, frame: VecFrame) -> Sent {
        self.0.push(frame);
        Sent::Sent
    }

    fn duplicate(&mut self, frame: &VecFrame) -> Option<VecFrame> {
        let mut copy = self.0.pop().filter(|spare| spare.len() == frame.len())?;
        copy.headers_mut().copy_from_slice(frame.headers());
        Some(copy)
    }

    fn allocate(&mut self, len: usize) -> Option<VecFrame> {
        Some(VecFrame::zeroed(len))
    }
}

/// CPU time of this thread so far, in nanoseconds: other processes do not count.
fn cpu_time() -> u128 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

fn switch() -> Switch {
    let mut switch = Switch::new(SwitchConfig { seed: 7, ..SwitchConfig::default() });
    for port in 1..=4 {
        switch.tables.port_add(Nanos(0), PortConfig::new(Port(port), "p")).unwrap();
    }
    switch
}

fn flow(n: u64) -> FlowMod {
    let fields = [Oxm::new(OxmField::VlanVid, 0x1005), Oxm::new(OxmField::EthDst, n.into())];
    FlowMod {
        priority: 100,
        hard_timeout: if n % 10 == 0 { 600 } else { 0 },
        matching: Match::new(fields).unwrap(),
        instructions: vec![Instruction::ApplyActions(vec![Action::output(PortNo(2))])],
        ..FlowMod::default()
    }
}

#[test]
#[ignore = "takes a while and prints figures"]
fn a_million_entries() {
    let mut switch = switch();
    let before = resident();
    let cpu = cpu_time();
    let mut worst = 0;
    for n in 0..ENTRIES {
        let flow = flow(n);
        let start = Instant::now();
        switch.tables.flow_mod(Nanos(0), &flow).unwrap();
        worst = worst.max(start.elapsed().as_micros());
    }
    let each = (cpu_time() - cpu) / u128::from(ENTRIES);
    let bytes = (resident() - before) / ENTRIES as usize;
    println!("add: {each} ns an entry, slowest {worst} us, {bytes} bytes resident an entry");

    let start = Instant::now();
    let sum = switch.tables.aggregate(&FlowStatsRequest::default()).unwrap();
    println!("aggregate of {}: {:?}", sum.flow_count, start.elapsed());

    let mut cursor = switch.tables.flow_stats(&FlowStatsRequest::default()).unwrap();
    let cpu = cpu_time();
    let mut budget = u32::MAX;
    let tables = &switch.tables;
    let count = std::iter::from_fn(|| tables.next_flow_stats(&mut cursor, Nanos(5), &mut budget))
        .count() as u128;
    println!("dump: {} ns an entry", (cpu_time() - cpu) / count);

    let delete = FlowMod { command: FlowModCommand::Delete, ..FlowMod::default() };
    let fields = [Oxm::new(OxmField::VlanVid, 0x1005), Oxm::masked(OxmField::EthDst, 1, 1)];
    let half = FlowMod { matching: Match::new(fields).unwrap(), ..delete.clone() };
    let cpu = cpu_time();
    switch.tables.flow_mod(Nanos(0), &half).unwrap();
    let ms = |cpu| (cpu_time() - cpu) / 1_000_000;
    println!("delete by match, {} left: {} ms", switch.tables.entry_count(), ms(cpu));
    let cpu = cpu_time();
    switch.tables.flow_mod(Nanos(0), &FlowMod { table_id: TableId::ALL, ..delete }).unwrap();
    println!("delete the rest: {} ms", ms(cpu));
    assert_eq!(switch.tables.entry_count(), 0);
}

/// What a million cost that end at one moment: the last of them is late by so much.
#[test]
#[ignore = "takes a while and prints figures"]
fn a_million_that_end_at_once() {
    for (name, idle_timeout, hard_timeout) in [("hard", 0, 60), ("idle", 60, 0)] {
        let mut switch = switch();
        for n in 0..ENTRIES {
            let flow = FlowMod { idle_timeout, hard_timeout, ..flow(n) };
            switch.tables.flow_mod(Nanos(0), &flow).unwrap();
        }
        let due = Nanos::from_secs(60);
        let (start, mut ticks) = (cpu_time(), 0);
        while switch.tables.next_deadline().is_some_and(|deadline| deadline <= due) {
            switch.tables.tick(due);
            ticks += 1;
        }
        let all = (cpu_time() - start) / 1_000_000;
        println!("{name}: {all} ms of CPU in {ticks} ticks");
        assert_eq!(switch.tables.entry_count(), 0);
    }
}

/// The slowest slice of each change that is about a million entries, as a device takes them, and the
/// slowest tick of those that let them expire.
#[test]
#[ignore = "takes a while and prints figures"]
fn the_slowest_slice() {
    const SLICE: u32 = 2048;
    let all = |command| FlowMod { command, table_id: TableId(0), ..FlowMod::default() };
    let output = |port| vec![Instruction::ApplyActions(vec![Action::output(PortNo(port))])];
    let changes = [
        ("delete nothing", FlowMod { cookie: 9, cookie_mask: 9, ..all(FlowModCommand::Delete) }),
        ("modify", FlowMod { instructions: output(3), ..all(FlowModCommand::Modify) }),
        ("delete", all(FlowModCommand::Delete)),
    ];
    let mut switch = switch();
    for n in 0..ENTRIES {
        switch.tables.flow_mod(Nanos(0), &flow(n)).unwrap();
    }
    let tables = &mut switch.tables;
    tables.settle();
    let report = |name: &str, slices: &mut Vec<u128>| {
        slices.sort_unstable();
        let at = |part: usize| slices[(slices.len() - 1) * part / 1000];
        let (median, most, worst) = (at(500), at(999), at(1000));
        println!(
            "{name}: {} slices, median {median} us, 99.9 % {most} us, worst {worst} us",
            slices.len()
        );
        slices.clear();
    };
    let mut slices = Vec::new();
    for (name, change) in changes {
        tables.begin_flow_mod(Nanos(0), &change).unwrap();
        loop {
            let start = cpu_time();
            let end = tables.step(Nanos(0), SLICE);
            slices.push((cpu_time() - start) / 1000);
            if end.is_some() {
                break;
            }
        }
        report(name, &mut slices);
    }
    assert_eq!(tables.entry_count(), 0);
    for n in 0..ENTRIES {
        tables.flow_mod(Nanos(0), &FlowMod { hard_timeout: 60, ..flow(n) }).unwrap();
    }
    tables.settle();
    while tables.entry_count() > 0 {
        let start = cpu_time();
        tables.tick(Nanos::from_secs(60));
        slices.push((cpu_time() - start) / 1000);
    }
    report("expire", &mut slices);
}

fn frame(n: u16) -> VecFrame {
    let mut bytes = vec![0; 60];
    bytes[..14].copy_from_slice(&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]);
    let ip = [0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    bytes[14..34].copy_from_slice(&ip);
    bytes[36..38].copy_from_slice(&n.to_be_bytes());
    bytes[38..40].copy_from_slice(&26_u16.to_be_bytes());
    VecFrame::from_bytes(&bytes)
}

fn measure(name: &str, flows: &[FlowMod]) {
    measure_in(name, switch(), flows);
}

fn measure_in(name: &str, mut switch: Switch, flows: &[FlowMod]) {
    for flow in flows {
        switch.tables.flow_mod(Nanos(0), flow).unwrap();
    }
    let mut host = Recycler::default();
    host.0.extend((0..64).map(frame));
    let mut batch = Batch::new();
    let rounds = 30_000;
    let mut best = u128::MAX;
    for _ in 0..5 {
        let start = cpu_time();
        for round in 0..rounds {
            while host.0.len() < 32 {
                host.0.push(frame(0));
            }
            let spare = host.0.len() - 32;
            for frame in host.0.drain(spare..) {
                batch.push(Ingress { port: Port(1), meta: Meta::default(), frame });
            }
            switch.process(&mut host, Nanos(round), &mut batch);
        }
        best = best.min(cpu_time() - start);
    }
    println!("{name}: {:.1} ns a packet", best as f64 / (rounds as f64 * 32.0));
}

#[test]
#[ignore = "takes a while and prints figures"]
fn the_fast_path() {
    let to = |port| Instruction::ApplyActions(vec![Action::output(PortNo(port))]);
    let entry = |fields: &[(OxmField, u128)], instructions| FlowMod {
        matching: Match::new(fields.iter().map(|(f, v)| Oxm::new(*f, *v))).unwrap(),
        instructions,
        ..FlowMod::default()
    };
    let ip = (OxmField::EthType, 0x0800);
    measure("port to port", &[entry(&[(OxmField::InPort, 1)], vec![to(2)])]);
    let udp: Vec<FlowMod> = (0..1_000)
        .map(|n| entry(&[ip, (OxmField::IpProto, 17), (OxmField::UdpDst, n)], vec![to(2)]))
        .collect();
    measure("1000 entries, L4", &udp);
    let set = |value| Action::SetField(Oxm::new(OxmField::EthDst, value));
    let list = vec![set(5), Action::SetNwTtl(9), Action::output(PortNo(2))];
    measure("set-field, set-ttl, output", &[entry(&[ip], vec![Instruction::ApplyActions(list)])]);
    let mut tables = vec![entry(&[], vec![Instruction::GotoTable(TableId(1))])];
    for table in 1..4 {
        let instructions = vec![Instruction::GotoTable(TableId(table + 1))];
        let flow = entry(&[(OxmField::EthDst, 0x0200_0000_0002)], instructions);
        tables.push(FlowMod { table_id: TableId(table), ..flow });
    }
    let last = entry(&[], vec![Instruction::WriteActions(vec![Action::output(PortNo(2))])]);
    tables.push(FlowMod { table_id: TableId(4), ..last });
    measure("five tables, action set", &tables);
    measure("flood to 3", &[entry(&[], vec![to(PortNo::FLOOD.0)])]);
    for count in [2, 8, 64] {
        let mut switch = switch();
        let bucket = Bucket { weight: 3, ..Bucket::new(vec![Action::output(PortNo(2))]) };
        let given = GroupMod {
            command: GroupModCommand::Add,
            group_type: GroupType::Select,
            group_id: GroupId(1),
            buckets: vec![bucket; count],
        };
        switch.tables.group_mod(Nanos(0), &given).unwrap();
        let list = Instruction::ApplyActions(vec![Action::Group(GroupId(1))]);
        measure_in(&format!("select of {count}"), switch, &[entry(&[], vec![list])]);
    }
    let mut metered = switch();
    let given = MeterMod {
        command: MeterModCommand::Add,
        flags: MeterFlags::KBPS,
        meter_id: MeterId(1),
        bands: vec![Band::Drop { rate: u32::MAX, burst_size: 0 }],
    };
    metered.tables.meter_mod(Nanos(0), &given).unwrap();
    let list = vec![Instruction::Meter(MeterId(1)), to(2)];
    measure_in("a meter", metered, &[entry(&[], list)]);
    measure("NORMAL", &[entry(&[], vec![to(PortNo::NORMAL.0)])]);
}
