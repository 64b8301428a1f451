//! Reading the match fields of one frame, as deep as a pipeline may look.

use criterion::{Criterion, criterion_group, criterion_main};
use datapath::extract::extract;
use datapath::packet::Packet;
use hypercall::{Meta, Port, VecFrame};
use rumpswitch_benches::{arp, tcp6_vlan, udp};

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("extract");
    for (name, bytes) in [("udp", udp(1)), ("tcp6_vlan", tcp6_vlan()), ("arp", arp())] {
        let frame = VecFrame::from_bytes(&bytes);
        let mut packet = Packet::new(frame, Port(1), Meta::default());
        group.bench_function(name, |b| {
            b.iter(|| {
                extract(&mut packet);
                packet.key
            })
        });
    }
    group.finish();
}

criterion_group!(extraction, benches);
criterion_main!(extraction);
