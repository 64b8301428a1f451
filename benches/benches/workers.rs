//! Workers over one set of tables: processor time of a batch of 32 frames by one worker and by two at
//! the same time, each on a thread of its own, in turns; then while flow-mods come. Criterion's times are
//! processor time of a worker, but for those of `wall`.
//!
//! Before criterion the bench says by itself, of interleaved runs, the least and the middle of a packet's
//! processor time and of the ratios of two workers to one: on a machine with two cores that others use, too,
//! the least says what sharing costs, and the middle what the neighbours do. Two cores that are busy at once
//! may be slower than one by themselves (clock, caches, one core that is given out as two), so the same
//! packets also go through two switches that share nothing: what two workers of one switch take
//! longer than these is what sharing costs, and how much faster than one these are is what the machine has.

use std::cell::{LazyCell, RefCell};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use crossbeam_utils::sync::ShardedLock;
use datapath::{BATCH, Batch, Switch, Worker};
use hypercall::Nanos;
use ofp_codec::FlowModCommand;
use rumpswitch_benches::{Recycler, control::flow_mod, fill, scenario};
use rustix::time::{ClockId, clock_gettime};

const SCENARIOS: [&str; 6] = ["port", "l2-1000", "l2-100000", "pipe3", "normal", "meter"];

/// Batches of one worker in a run, and runs of each kind.
const BATCHES: u64 = 4_000;
const RUNS: usize = 15;

/// Flow-mods a second, and as many in one slice as the Unix host executes under one lock.
const RATE: u32 = 10_000;
const SLICE: u32 = 40;

/// Tables and those who forward by them, as a host with threads has them.
struct Crew {
    switch: ShardedLock<Switch>,
    seats: Vec<Seat>,
}

/// On lines of its own, as each worker's are that has a stack of its own.
#[repr(align(128))]
struct Seat {
    worker: Worker,
    host: Recycler,
    batch: Batch<hypercall::VecFrame>,
    frames: Vec<Short>,
    at: usize,
}

/// A frame of up to 64 bytes. They lie one behind the other for every worker: where a heap puts them
/// would make more difference than what workers share.
struct Short {
    bytes: [u8; 64],
    len: usize,
}

impl Short {
    fn new(frame: &[u8]) -> Short {
        let mut bytes = [0; 64];
        bytes[..frame.len()].copy_from_slice(frame);
        Short { bytes, len: frame.len() }
    }
}

impl AsRef<[u8]> for Short {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// What a run of all workers took: processor time of each packet, and the time on the wall.
#[derive(Clone, Copy)]
struct Run {
    cpu: Duration,
    wall: Duration,
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

impl Crew {
    /// Workers of one switch, who share the flows.
    fn new(name: &str, count: usize) -> Crew {
        Crew::of(name, 0..count, count)
    }

    /// As many switches of one worker each; each has the flows that it would have in a crew.
    fn apart(name: &str, count: usize) -> Vec<Crew> {
        (0..count).map(|index| Crew::of(name, index..index + 1, count)).collect()
    }

    /// The workers of these numbers among `count`.
    fn of(name: &str, indices: Range<usize>, count: usize) -> Crew {
        let scenario = scenario(name).expect("it is in the list");
        let mut switch = scenario.switch();
        let first = Worker::new(&switch.tables);
        let more: Vec<_> =
            (1..indices.len()).map(|_| switch.tables.add_worker().expect("memory")).collect();
        let seats = indices.zip(std::iter::once(first).chain(more)).map(|(index, worker)| {
            // Half the flows each, as a card would deal them.
            let dealt = scenario.frames.iter().skip(index).step_by(count);
            let frames = dealt.chain(scenario.frames.first()).map(|frame| Short::new(frame));
            let frames = frames.collect();
            let (host, batch) = (Recycler::default(), Batch::new());
            Seat { worker, host, batch, frames, at: 0 }
        });
        Crew { seats: seats.collect(), switch: ShardedLock::new(switch) }
    }

    fn run(&mut self, batches: u64, is_churned: bool) -> Run {
        run(std::slice::from_mut(self), batches, is_churned)
    }
}

/// All workers forward `batches` batches at the same time, with flow-mods for the first switch or without.
fn run(crews: &mut [Crew], batches: u64, is_churned: bool) -> Run {
    let (wall, is_over) = (Instant::now(), &AtomicBool::new(false));
    let (cpu, count) = std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for (index, Crew { switch, seats }) in crews.iter_mut().enumerate() {
            let switch = &*switch;
            if is_churned && index == 0 {
                scope.spawn(move || churn(switch, is_over));
            }
            threads.extend(seats.iter_mut().map(|seat| {
                scope.spawn(move || {
                    let cpu = cpu_time();
                    (0..batches).for_each(|_| seat.forward(switch));
                    cpu_time() - cpu
                })
            }));
        }
        let count = threads.len() as u32;
        let cpu: Duration =
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum();
        is_over.store(true, Relaxed);
        (cpu, count)
    });
    Run { cpu: cpu / count, wall: wall.elapsed() }
}

impl Seat {
    fn forward(&mut self, switch: &ShardedLock<Switch>) {
        let Seat { worker, host, batch, frames, at } = self;
        *at = fill(host, batch, BATCH, frames, *at);
        let switch = switch.read().expect("no panic");
        worker.process(&switch.tables, host, Nanos(1), batch);
    }
}

/// Adds entries that no frame matches and takes them away again, so many a second.
fn churn(switch: &ShardedLock<Switch>, is_over: &AtomicBool) {
    let (start, mut done) = (Instant::now(), 0);
    while !is_over.load(Relaxed) {
        let due = (start.elapsed().as_secs_f64() * f64::from(RATE)) as u32;
        if due < done + SLICE {
            std::thread::sleep(Duration::from_micros(500));
            continue;
        }
        let mut switch = switch.write().expect("no panic");
        for n in done..done + SLICE {
            let command = match n % 2_000 < 1_000 {
                true => FlowModCommand::Add,
                false => FlowModCommand::DeleteStrict,
            };
            let mut given = flow_mod(command, n % 1_000, 1, 2);
            given.priority = 1;
            switch.tables.flow_mod(Nanos(1), &given).expect("it is right");
        }
        done += SLICE;
    }
}

fn packet_nanos(run: Run) -> f64 {
    run.cpu.as_secs_f64() * 1e9 / (BATCHES * BATCH as u64) as f64
}

fn least_and_middle(mut of: Vec<f64>) -> (f64, f64) {
    of.sort_by(f64::total_cmp);
    (of[0], of[of.len() / 2])
}

/// One and two workers in turns, two switches of one worker, and two workers while entries come and go.
fn compare(name: &str) {
    let (mut one, mut two, mut apart) =
        (Crew::new(name, 1), Crew::new(name, 2), Crew::apart(name, 2));
    let mut nanos: [Vec<f64>; 4] = Default::default();
    let (mut speed, mut possible) = (Vec::new(), Vec::new());
    one.run(BATCHES, false);
    two.run(BATCHES, false);
    run(&mut apart, BATCHES, false);
    for _ in 0..RUNS {
        let runs = [
            one.run(BATCHES, false),
            two.run(BATCHES, false),
            run(&mut apart, BATCHES, false),
            two.run(BATCHES, true),
        ];
        nanos.iter_mut().zip(runs).for_each(|(nanos, run)| nanos.push(packet_nanos(run)));
        let [alone, both, apart, _] = runs.map(|run| run.wall.as_secs_f64());
        speed.push(2.0 * alone / both);
        possible.push(2.0 * alone / apart);
    }
    // The least and the middle of what two runs of each turn have to one another.
    let ratio = |one: usize, other: usize| {
        least_and_middle(nanos[one].iter().zip(&nanos[other]).map(|(a, b)| a / b).collect())
    };
    let (pair, shared, kept) = (ratio(1, 0), ratio(1, 2), 1.0 / ratio(3, 1).1);
    let [one, two, apart, churned] = nanos.clone().map(least_and_middle);
    let [speed, possible] = [speed, possible].map(|mut all| {
        all.sort_by(f64::total_cmp);
        (all[RUNS - 1], all[RUNS / 2])
    });
    println!(
        "{name:>10}: one {:.1} / {:.1} ns, two {:.1} / {:.1}, apart {:.1} / {:.1}; two to one {:.3} \
         of the least, {:.3} / {:.3} of each turn; two to apart {:.3}, {:.3} / {:.3}; on the wall \
         {:.2} / {:.2} times as fast as one, apart {:.2} / {:.2}; with {RATE} flow-mods/s \
         {:.1} / {:.1} ns, {:.0} % kept",
        one.0,
        one.1,
        two.0,
        two.1,
        apart.0,
        apart.1,
        two.0 / one.0,
        pair.0,
        pair.1,
        two.0 / apart.0,
        shared.0,
        shared.1,
        speed.0,
        speed.1,
        possible.0,
        possible.1,
        churned.0,
        churned.1,
        100.0 * kept,
    );
}

fn benches(c: &mut Criterion) {
    // Not when it only has to show that it runs.
    let is_measured = std::env::args().any(|arg| arg == "--bench");
    let chosen = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let names =
        SCENARIOS.iter().filter(|name| chosen.as_ref().is_none_or(|c| name.contains(&c[..])));
    if is_measured {
        println!("least / middle of {RUNS} runs in turns, processor time of a packet:");
        names.for_each(|name| compare(name));
    }
    let mut group = c.benchmark_group("workers");
    group.throughput(Throughput::Elements(BATCH as u64));
    for name in SCENARIOS {
        // Made when one of them is chosen.
        let crews = [1, 2].map(|count| LazyCell::new(move || RefCell::new(Crew::new(name, count))));
        for (crew, count) in crews.iter().zip([1, 2]) {
            group.bench_function(BenchmarkId::new(name, count), |b| {
                b.iter_custom(|batches| crew.borrow_mut().run(batches, false).cpu)
            });
            group.bench_function(BenchmarkId::new(name, format!("{count}-wall")), |b| {
                b.iter_custom(|batches| crew.borrow_mut().run(batches, false).wall / count)
            });
        }
        group.bench_function(BenchmarkId::new(name, "2-churn"), |b| {
            b.iter_custom(|batches| crews[1].borrow_mut().run(batches, true).cpu)
        });
    }
    group.finish();
}

criterion_group!(workers, benches);
criterion_main!(workers);
