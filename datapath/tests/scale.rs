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
use rumpswitch_datapath::{Batch, Ingress, PortConfig, Switch, SwitchConfig, Tables};

const ENTRIES: u64 = 1_000_000;
/// Runs of which the least times count.
const RUNS: usize = 3;

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
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u128 * 1_000_000_000 + time.tv_nsec as u128
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

/// CPU times of the same steps in several runs (`RUNS=`): a stall that is the switch's own comes at the same
/// step in each, so the least of a step's times is what it takes. Asking for the time is some 0.3 us of it.
#[derive(Default)]
struct Steps {
    names: Vec<&'static str>,
    /// By name, the least nanoseconds of each step so far.
    least: Vec<Vec<u64>>,
    /// Steps of each name in this run.
    counts: Vec<usize>,
}

impl Steps {
    fn begin(&mut self) {
        self.counts.iter_mut().for_each(|count| *count = 0);
    }

    fn time<T>(&mut self, name: &'static str, step: impl FnOnce() -> T) -> T {
        let start = cpu_time();
        let result = step();
        let nanos = (cpu_time() - start) as u64;
        let at = self.names.iter().position(|other| *other == name).unwrap_or_else(|| {
            self.names.push(name);
            self.least.push(Vec::new());
            self.counts.push(0);
            self.names.len() - 1
        });
        match self.least[at].get_mut(self.counts[at]) {
            Some(least) => *least = nanos.min(*least),
            None => self.least[at].push(nanos),
        }
        self.counts[at] += 1;
        result
    }

    fn report(&self, table: &str) {
        for (name, steps) in self.names.iter().zip(&self.least) {
            let mut order: Vec<usize> = (0..steps.len()).collect();
            order.sort_unstable_by_key(|step| steps[*step]);
            let at = |part: usize| steps[order[(steps.len() - 1) * part / 10_000]] as f64 / 1e3;
            let worst: Vec<String> = (order.iter().rev().take(4))
                .map(|step| format!("{step}: {:.0}", steps[*step] as f64 / 1e3))
                .collect();
            let over = steps.iter().filter(|nanos| **nanos > 1_000_000).count();
            println!(
                "{table}, {name}: {} steps, median {:.1} us, 99.99 % {:.0} us, worst {}; over 1 ms: {over}",
                steps.len(),
                at(5000),
                at(9999),
                worst.join(", "),
            );
        }
    }
}

/// The slowest step of each change that is about a large table, as a device takes them, and the
/// slowest flow-mod and tick.
#[test]
#[ignore = "takes a while and prints figures"]
fn the_slowest_slice() {
    let masks = |n: u64| {
        let mask = 0xffff_ff00_0000 | u128::from(n % 512) << 15 | 0x7fff;
        let fields = [
            Oxm::new(OxmField::VlanVid, 0x1005),
            Oxm::masked(OxmField::EthDst, u128::from(n) & mask, mask),
        ];
        FlowMod {
            priority: (n / 512 % 60_000) as u16,
            matching: Match::new(fields).unwrap(),
            ..flow(n)
        }
    };
    let lpm = |n: u64| {
        let len = 16 + (n % 13) as u32;
        let mask = u128::from(u32::MAX << (32 - len));
        let value = u128::from((n as u32).wrapping_mul(2_654_435_769)) & mask;
        let fields =
            [Oxm::new(OxmField::EthType, 0x0800), Oxm::masked(OxmField::Ipv4Dst, value, mask)];
        FlowMod { priority: len as u16, matching: Match::new(fields).unwrap(), ..flow(n) }
    };
    let tree = |n: u64| {
        let hash = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mask = |bits: u64| u128::from(u32::MAX << (32 - bits));
        let (from, to) = (mask(8 + hash % 24), mask(8 + hash / 24 % 24));
        let fields = [
            Oxm::new(OxmField::EthType, 0x0800),
            Oxm::masked(OxmField::Ipv4Src, u128::from(hash as u32) & from, from),
            Oxm::masked(OxmField::Ipv4Dst, u128::from((hash >> 32) as u32) & to, to),
        ];
        FlowMod { priority: (hash >> 20) as u16, matching: Match::new(fields).unwrap(), ..flow(n) }
    };
    let only = std::env::var("TABLE").ok();
    type Flows<'a> = (&'a str, u64, &'a dyn Fn(u64) -> FlowMod);
    let tables: [Flows<'_>; 4] = [
        ("one mask", ENTRIES, &flow),
        ("512 masks", ENTRIES, &masks),
        ("prefixes", 100_000, &lpm),
        ("two prefixes", 100_000, &tree),
    ];
    for (name, count, flow) in tables {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let mut steps = Steps::default();
        let runs = std::env::var("RUNS").ok().and_then(|runs| runs.parse().ok());
        for _ in 0..runs.unwrap_or(RUNS) {
            steps.begin();
            slices_of(&mut steps, count, flow);
        }
        steps.report(name);
    }
}

/// Later than all but what times out.
const END: Nanos = Nanos::from_secs(500);

fn slices_of(steps: &mut Steps, count: u64, flow: &dyn Fn(u64) -> FlowMod) {
    const SLICE: u32 = 2048;
    let all = |command| FlowMod { command, table_id: TableId(0), ..FlowMod::default() };
    let output = |port| vec![Instruction::ApplyActions(vec![Action::output(PortNo(port))])];
    let fields = [Oxm::masked(OxmField::EthDst, 1, 1)];
    let half = FlowMod { matching: Match::new(fields).unwrap(), ..all(FlowModCommand::Delete) };
    let changes = [
        ("delete nothing", FlowMod { cookie: 9, cookie_mask: 9, ..all(FlowModCommand::Delete) }),
        ("modify", FlowMod { instructions: output(3), ..all(FlowModCommand::Modify) }),
        ("delete half", half),
        ("delete", all(FlowModCommand::Delete)),
    ];
    let mut switch = switch();
    let tables = &mut switch.tables;
    let mut clock = Nanos(0);
    for n in 0..count {
        let flow = flow(n);
        clock = clock.plus(1_000);
        steps.time("add", || tables.flow_mod(clock, &flow)).unwrap();
    }
    let mut rest = |tables: &mut Tables, steps: &mut Steps| {
        while let Some(deadline) = tables.next_deadline().filter(|at| *at < END) {
            clock = clock.max(deadline);
            steps.time("tick", || tables.tick(clock));
        }
        clock
    };
    let mut now = rest(tables, steps);
    let template = tables.compiled(TableId(0)).map(|table| table.template);
    println!("compiled as {}", template.unwrap());
    for (name, change) in changes {
        tables.begin_flow_mod(now, &change).unwrap();
        while steps.time(name, || tables.step(now, SLICE)).is_none() {}
        now = rest(tables, steps);
    }
    assert_eq!(tables.entry_count(), 0);
    for n in 0..count {
        let flow = FlowMod { hard_timeout: 1000, ..flow(n) };
        steps.time("add again", || tables.flow_mod(now, &flow)).unwrap();
    }
    now = rest(tables, steps);
    for n in (0..count).step_by(2) {
        let flow = FlowMod { command: FlowModCommand::DeleteStrict, ..flow(n) };
        steps.time("delete strict", || tables.flow_mod(now, &flow)).unwrap();
    }
    while tables.entry_count() > 0 || !tables.is_compiled() {
        steps.time("expire", || tables.tick(now.plus(2 * END.0)));
    }
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
