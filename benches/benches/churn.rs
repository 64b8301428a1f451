//! Forwarding while flow-mods come: 32 frames a batch at a pace at which 10,000 flow-mods a second are
//! one in every few dozens of batches. What one row takes longer than the row of no changes is what a
//! flow-mod costs the frames; `rate` says how much of the quiet throughput is left.
//!
//! Two figures do not depend on who else uses the machine: CPU time of this thread, of runs that take
//! turns, as a ratio, which is printed first; and criterion's rows under callgrind.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use datapath::{BATCH, Batch};
use hypercall::{Nanos, VecFrame};
use ofp_codec::FlowModCommand;
use rumpswitch_benches::control::{device, flow_mods, write};
use rumpswitch_benches::{Recycler, fill, udp};
use switch_dev::{ChannelId, Device};

/// Entries that frames hit, and entries that come and go.
const ENTRIES: u32 = 10_000;
/// Flow-mods a second.
const RATE: u64 = 10_000;

struct Bed {
    device: Device,
    /// A flow-mod comes at each moment of it.
    now: Nanos,
    channel: ChannelId,
    host: Recycler,
    batch: Batch<VecFrame>,
    frames: Vec<Vec<u8>>,
    at: usize,
    changes: Vec<Vec<u8>>,
    change: usize,
}

impl Bed {
    fn new(mask_count: u32) -> Bed {
        let (mut device, channel, mut host) = device();
        let (add, delete) = (FlowModCommand::Add, FlowModCommand::DeleteStrict);
        write(&mut device, channel, &mut host, &flow_mods(add, ENTRIES, mask_count));
        device.switch_mut().tables.settle();
        // One entry after the other goes and comes back.
        let one_by_one = |stream: Vec<u8>| {
            let (mut messages, mut rest) = (Vec::new(), &stream[..]);
            while let [_, _, high, low, ..] = *rest {
                let (message, behind) = rest.split_at(usize::from(u16::from_be_bytes([high, low])));
                messages.push(message.to_vec());
                rest = behind;
            }
            messages
        };
        let deletes = one_by_one(flow_mods(delete, ENTRIES, mask_count));
        let adds = one_by_one(flow_mods(add, ENTRIES, mask_count));
        let changes = deletes.into_iter().zip(adds).flat_map(|(gone, back)| [gone, back]);
        Bed {
            device,
            now: Nanos(1),
            channel,
            host,
            batch: Batch::new(),
            frames: (0..1_000).map(udp).collect(),
            at: 0,
            changes: changes.collect(),
            change: 0,
        }
    }

    fn forward(&mut self) {
        self.at = fill(&mut self.host, &mut self.batch, BATCH, &self.frames, self.at);
        self.device.process(self.now, &mut self.host, &mut self.batch);
    }

    fn change(&mut self) {
        let message = &self.changes[self.change];
        self.change = (self.change + 1) % self.changes.len();
        self.now = self.now.plus(Nanos::PER_SECOND / RATE);
        let taken = self.device.write(self.channel, self.now, &mut self.host, message);
        assert_eq!(taken, Ok(message.len()), "a flow-mod has no answer");
        if self.device.next_deadline().is_some_and(|deadline| deadline <= self.now) {
            self.device.tick(self.now, &mut self.host);
        }
    }
}

/// CPU time of this thread, in nanoseconds.
fn cpu() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// How much of the quiet throughput is left at [`RATE`] flow-mods a second: both by CPU time, in turns.
fn rate(bed: &mut Bed) -> (f64, f64) {
    const BATCHES: u64 = 20_000;
    const CHANGES: u64 = 2_000;
    let mut rates: Vec<f64> = (0..9)
        .map(|_| {
            let start = cpu();
            (0..BATCHES).for_each(|_| bed.forward());
            let quiet = cpu() - start;
            let start = cpu();
            (0..CHANGES).for_each(|_| bed.change());
            // In a second of which the changes take their part, the rest is left for frames.
            let changing = (cpu() - start) as f64 / CHANGES as f64 * RATE as f64 / 1e9;
            let start = cpu();
            (0..BATCHES).for_each(|n| {
                bed.forward();
                if n % 10 == 0 {
                    bed.change();
                }
            });
            let between =
                (cpu() - start) as f64 - changing / RATE as f64 * 1e9 * BATCHES as f64 / 10.0;
            (1.0 - changing) * (quiet as f64 / between).min(1.0)
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    (rates[0], rates[rates.len() / 2])
}

fn benches(c: &mut Criterion) {
    for mask_count in [1, 512] {
        let (least, median) = rate(&mut Bed::new(mask_count));
        println!(
            "churn: {ENTRIES} entries in {mask_count} masks, {RATE} flow-mods a second: \
             {:.1} % of the quiet throughput (the least of 9: {:.1} %)",
            100.0 * median,
            100.0 * least
        );
    }
    let mut group = c.benchmark_group("churn");
    group.throughput(Throughput::Elements(BATCH as u64 * 10));
    for mask_count in [1, 512] {
        for (name, has_changes) in [("quiet", false), ("a_change_in_ten_batches", true)] {
            let mut bed = Bed::new(mask_count);
            group.bench_function(BenchmarkId::new(name, mask_count), |b| {
                b.iter(|| {
                    (0..10).for_each(|_| bed.forward());
                    if has_changes {
                        bed.change();
                    }
                })
            });
        }
    }
    group.finish();
}

criterion_group!(churn, benches);
criterion_main!(churn);
