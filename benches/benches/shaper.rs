//! A frame into a port's queues and out again, with 1 to 1000 queues that have frames.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use shaper::{QueueRates, Shaper, ShaperConfig};

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("shaper");
    for count in [1_u32, 8, 64, 1000] {
        let share = 10_000_000_000 / u64::from(count);
        let rates = |id| QueueRates { id, min_bps: share / 2, max_bps: Some(share * 2) };
        let queues: Vec<QueueRates> = (1..=count).map(rates).collect();
        let mut shaper = Shaper::new(ShaperConfig::new(10_000_000_000, queues));
        for id in 1..=count {
            (0..4).for_each(|_| shaper.push(Some(id), 1000, id).expect("there is room"));
        }
        group.bench_function(BenchmarkId::new("push_pop", count), |b| {
            b.iter(|| {
                let now = shaper.next_deadline().expect("frames wait");
                let (id, frame) = shaper.pop(now).expect("one may leave");
                shaper.push(Some(id), 1000, frame).expect("there is room")
            })
        });
    }
    group.finish();
}

criterion_group!(shaping, benches);
criterion_main!(shaping);
