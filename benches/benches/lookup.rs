//! Finding the entry of one key among many: one mask, then several.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use datapath::classifier::Classifier;
use datapath::extract::extract;
use datapath::key::{Key, MaskedKey};
use datapath::packet::Packet;
use hypercall::{Meta, Port, VecFrame};
use ofp_codec::text::{NoNames, parse_match};
use rumpswitch_benches::udp;

/// Keys of `count` stations.
fn keys(count: u32) -> Vec<Key> {
    let key = |station| {
        let frame = VecFrame::from_bytes(&udp(station));
        let mut packet = Packet::new(frame, Port(1), Meta::default());
        extract(&mut packet);
        packet.key
    };
    (0..count).map(key).collect()
}

/// Entries on the destinations of `count` stations, under `mask_count` masks.
fn classifier(count: u32, mask_count: u32) -> Classifier {
    let mut classifier = Classifier::new(7);
    for station in 0..count {
        let [_, b, c, d] = station.to_be_bytes();
        let text = match station % mask_count {
            0 => format!("ip,nw_dst=10.{b}.{c}.{d}"),
            mask => format!(
                "in_port=1,ip,nw_dst=10.{b}.{c}.{d},tp_src=0x50/{:#x},udp",
                0x50 | mask << 8
            ),
        };
        let text = text.replace("ip,nw", if text.contains("udp") { "udp,nw" } else { "ip,nw" });
        let matching = parse_match(text.trim_end_matches(",udp"), &NoNames).expect("a match");
        classifier.insert(&MaskedKey::from_match(&matching), 100, station).expect("memory");
    }
    classifier
}

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("lookup");
    for (count, mask_count) in [(4, 1), (1_000, 1), (100_000, 1), (1_000, 8)] {
        let classifier = classifier(count, mask_count);
        let keys = keys(count);
        let name = format!("{count}x{mask_count}");
        group.bench_function(BenchmarkId::new("one", &name), |b| {
            let mut at = 0;
            b.iter(|| {
                at = (at + 1) % keys.len();
                classifier.find(&keys[at])
            })
        });
        group.bench_function(BenchmarkId::new("batch32", &name), |b| {
            let mut at = 0;
            let mut found = [None; 32];
            b.iter(|| {
                let batch: [&Key; 32] =
                    std::array::from_fn(|index| &keys[(at + index * 7) % keys.len()]);
                at = (at + 32) % keys.len();
                classifier.find_batch(&batch, &mut found);
                found
            })
        });
    }
    group.finish();
}

criterion_group!(lookups, benches);
criterion_main!(lookups);
