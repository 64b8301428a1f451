//! A batch of 32 frames from receive to transmit, the copy into a fresh buffer included, and one frame
//! alone. Criterion's throughput is in frames.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use datapath::{BATCH, Batch};
use hypercall::Nanos;
use rumpswitch_benches::{Recycler, SCENARIOS, fill, scenario};

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("fastpath");
    for name in SCENARIOS {
        let scenario = scenario(name).expect("it is in the list");
        let mut switch = scenario.switch();
        let mut host = Recycler::default();
        let mut batch = Batch::new();
        let mut at = 0;
        for (kind, size) in [("batch32", BATCH), ("one", 1)] {
            group.throughput(Throughput::Elements(size as u64));
            group.bench_function(BenchmarkId::new(name, kind), |b| {
                b.iter(|| {
                    at = fill(&mut host, &mut batch, size, &scenario.frames, at);
                    switch.process(&mut host, Nanos(1), &mut batch)
                })
            });
        }
    }
    group.finish();
}

criterion_group!(fastpath, benches);
criterion_main!(fastpath);
