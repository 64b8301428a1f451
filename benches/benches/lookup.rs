//! Finding the entry of one key among many, alone and in batches of 32, for each kind of rule set and
//! so for each template.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use datapath::classifier::BATCH;
use datapath::key::Key;
use rumpswitch_benches::{RULES, rules};

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("lookup");
    for name in RULES.into_iter().chain(["exact-100000"]) {
        let rules = rules(name).expect("it is in the list");
        let (classifier, keys) = (rules.classifier(), rules.keys());
        group.bench_function(BenchmarkId::new("one", name), |b| {
            let mut at = 0;
            b.iter(|| {
                at = (at + 1) % keys.len();
                classifier.find(&keys[at])
            })
        });
        group.bench_function(BenchmarkId::new("batch32", name), |b| {
            let mut at = 0;
            let mut found = [None; BATCH];
            b.iter(|| {
                let batch: [&Key; BATCH] =
                    std::array::from_fn(|index| &keys[(at + index * 7) % keys.len()]);
                at = (at + BATCH) % keys.len();
                classifier.find_batch(&batch, &mut found);
                found
            })
        });
    }
    group.finish();
}

criterion_group!(lookups, benches);
criterion_main!(lookups);
