//! Finding the entry of one key among many, alone and in batches of 32, for each kind of rule set and
//! so for each template.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use datapath::classifier::{BATCH, Classifier, Template};
use datapath::key::{Key, MaskedKey};
use ofp_codec::OxmField;
use rumpswitch_benches::{RULES, Random, rules};

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

/// Lengths of IPv4 routes, as an Internet table has them.
const LENGTHS: [u32; 20] =
    [24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 22, 22, 23, 20, 21, 19, 16, 18, 32];

/// `count` routes of `field`, and keys that they match.
fn routes(field: OxmField, count: u64) -> (Classifier, Vec<Key>) {
    let (mut classifier, mut random) = (Classifier::new(7), Random::new(4));
    let mut keys = Vec::new();
    let (width, eth_type) = if field == OxmField::Ipv6Dst { (128, 0x86dd) } else { (32, 0x0800) };
    for n in 0..count {
        let len = LENGTHS[n as usize % LENGTHS.len()];
        let bits = random.next();
        // IPv6 routes are twice as long, all under one /20.
        let (bits, len) = match width {
            128 => ((0x2a0_u128 << 116) | (u128::from(bits) << 52), 2 * len),
            _ => (u128::from(bits as u32), len),
        };
        let mut route = MaskedKey::ANY;
        route.name(OxmField::EthType, eth_type, None);
        route.name(field, bits, Some(u128::MAX << (width - len)));
        classifier.insert(&route, 100 + len as u16, n as u32).expect("memory");
        if keys.len() < 1 << 18 {
            let mut host = MaskedKey::ANY;
            host.name(OxmField::EthType, eth_type, None);
            host.name(field, bits | u128::from(n & 0xff), None);
            keys.push(*host.value());
        }
    }
    while classifier.step(1000) {}
    assert_eq!(classifier.template(), Template::Lpm);
    (classifier, keys)
}

/// Lookups among routes, one by one and in batches, and a change of the shortest prefix.
fn lpm(c: &mut Criterion) {
    let mut group = c.benchmark_group("lookup/lpm");
    let (v4, v6) = (OxmField::Ipv4Dst, OxmField::Ipv6Dst);
    for (name, field, count) in [
        ("v4-1k", v4, 1_000),
        ("v4-10k", v4, 10_000),
        ("v4-100k", v4, 100_000),
        ("v4-1M", v4, 1_000_000),
        ("v6-1k", v6, 1_000),
        ("v6-100k", v6, 100_000),
    ] {
        let (mut classifier, keys) = routes(field, count);
        eprintln!("{name}: {} bytes a route in all", classifier.memory_len() as u64 / count);
        let mut at = 0;
        group.bench_function(BenchmarkId::new("one", name), |b| {
            b.iter(|| {
                at = (at + 1) % keys.len();
                classifier.find(&keys[at])
            })
        });
        group.throughput(Throughput::Elements(32));
        group.bench_function(BenchmarkId::new("batch32", name), |b| {
            let mut found = [None; 32];
            b.iter(|| {
                let batch: [&Key; 32] = std::array::from_fn(|n| &keys[(at + n * 7) % keys.len()]);
                at = (at + 32) % keys.len();
                classifier.find_batch(&batch, &mut found);
                found
            })
        });
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new("half-of-all", name), |b| {
            let mut half = MaskedKey::ANY;
            half.name(OxmField::EthType, if field == v6 { 0x86dd } else { 0x0800 }, None);
            half.name(field, 0, Some(1 << if field == v6 { 127 } else { 31 }));
            b.iter(|| {
                classifier.insert(&half, 1, 0).expect("memory");
                classifier.remove(&half, 1)
            })
        });
    }
    group.finish();
}

criterion_group!(lookups, benches, lpm);
criterion_main!(lookups);
