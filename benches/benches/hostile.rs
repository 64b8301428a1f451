//! Sets that somebody chose to make the switch slow: what the worst packet and the worst flow-mod take.
//!
//! The same packets and flow-mods are timed one by one in several runs: a stall that is the switch's own
//! comes at the same step in each, so the least of a step's times is what it takes, whoever else uses
//! the machine. Printed first: per set, the template, and median, 99.9 % and worst of packets and
//! flow-mods. Criterion's rows are batches of 32 of the same packets.

use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use datapath::{BATCH, Batch, Switch};
use hypercall::Nanos;
use ofp_codec::{FlowMod, FlowModCommand, PortNo, TableId};
use rumpswitch_benches::{HOSTILE, Hostile, Recycler, fill, flow_mod, forward, hostile, switch};

/// Whether it is only to be seen that all of it works: `cargo bench` says `--bench`, `cargo test` nothing.
fn is_test() -> bool {
    let mut arguments = std::env::args();
    !arguments.any(|argument| argument == "--bench")
}

/// Runs of which the least time of each step counts.
fn runs() -> usize {
    if is_test() { 1 } else { 5 }
}

/// The set of that name, of which a test takes the beginning.
fn set(name: &str) -> Hostile {
    let mut set = hostile(name).expect("it is in the list");
    if is_test() {
        set.flows.truncate(300);
        set.frames.truncate(300);
    }
    set
}

/// The least time of each step so far, in nanoseconds.
#[derive(Default)]
struct Steps(Vec<u64>);

impl Steps {
    fn time(&mut self, step: usize, work: impl FnOnce()) {
        let start = Instant::now();
        work();
        let nanos = start.elapsed().as_nanos() as u64;
        match self.0.get_mut(step) {
            Some(least) => *least = nanos.min(*least),
            None => self.0.push(nanos),
        }
    }

    fn report(mut self, set: &str, what: &str) {
        self.0.sort_unstable();
        let at = |part: usize| self.0[(self.0.len() - 1) * part / 1_000] as f64 / 1e3;
        println!(
            "{set}: {} {what}, median {:.2} us, 99.9 % {:.2} us, worst {:.2} us = {:.1} medians",
            self.0.len(),
            at(500),
            at(999),
            at(1_000),
            at(1_000) / at(500),
        );
    }
}

/// Adds all entries, then deletes them in the order in which they came, with the ticks that are due.
fn flow_mods(name: &str, set: &Hostile) {
    let (mut adds, mut deletes) = (Steps::default(), Steps::default());
    let parse = |line: &String| flow_mod(line, FlowModCommand::Add);
    let add: Vec<FlowMod> = set.flows.iter().map(parse).collect();
    let command = FlowModCommand::DeleteStrict;
    let delete: Vec<FlowMod> =
        add.iter().map(|entry| FlowMod { command, ..entry.clone() }).collect();
    for _ in 0..runs() {
        let mut switch = switch([]);
        for (steps, changes) in [(&mut adds, &add), (&mut deletes, &delete)] {
            for (step, change) in changes.iter().enumerate() {
                steps.time(step, || {
                    switch.tables.flow_mod(Nanos(1), change).expect("an entry of the standard's");
                    if switch.tables.next_deadline().is_some_and(|due| due <= Nanos(1)) {
                        switch.tables.tick(Nanos(1));
                    }
                });
            }
        }
        assert_eq!(switch.tables.entry_count(), 0);
    }
    adds.report(name, "flow-mods that add");
    deletes.report(name, "flow-mods that delete");
}

/// Every frame in a batch of its own.
fn packets(name: &str, set: &Hostile, switch: &mut Switch) {
    let (mut host, mut batch, mut steps) = (Recycler::default(), Batch::new(), Steps::default());
    let runs = runs();
    for _ in 0..runs {
        for (step, frame) in set.frames.iter().enumerate() {
            fill(&mut host, &mut batch, 1, std::slice::from_ref(frame), 0);
            steps.time(step, || {
                switch.process(&mut host, Nanos(1), &mut batch);
            });
        }
    }
    let stats = switch.tables.port_stats(PortNo(1), Nanos(1)).expect("there is a port 1");
    assert_eq!(stats[0].rx_packets, (runs * set.frames.len()) as u64, "all came in by port 1");
    steps.report(name, "packets");
}

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("hostile");
    group.throughput(Throughput::Elements(BATCH as u64));
    for name in HOSTILE {
        let set = set(name);
        flow_mods(name, &set);
        let mut switch = switch(set.flows.iter().cloned());
        let table = switch.tables.compiled(TableId(0)).expect("table 0");
        println!("{name}: {table:?}");
        packets(name, &set, &mut switch);
        let (mut host, mut batch, mut at) = (Recycler::default(), Batch::new(), 0);
        group.bench_function(BenchmarkId::new("batch32", name), |b| {
            b.iter(|| at = forward(&mut switch, &mut host, &mut batch, &set.frames, at));
        });
    }
    group.finish();
}

criterion_group!(worst, benches);
criterion_main!(worst);
