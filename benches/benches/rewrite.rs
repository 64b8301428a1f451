//! Changing the headers of one frame: set-field, tags, labels, TTL.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use datapath::packet::Packet;
use datapath::rewrite;
use hypercall::{Meta, Port, VecFrame};
use ofp_codec::OxmField;
use rumpswitch_benches::udp;

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("rewrite");
    let frame = VecFrame::from_bytes(&udp(1));
    let mut packet = Packet::new(frame, Port(1), Meta::default());
    let mut value = 0u128;
    for field in [OxmField::EthDst, OxmField::Ipv4Dst, OxmField::UdpDst, OxmField::IpDscp] {
        group.bench_function(format!("set_{}", field.info().name), |b| {
            b.iter(|| {
                value += 1;
                rewrite::set_field(black_box(&mut packet), field, value)
            });
        });
    }
    group.bench_function("push_pop_vlan", |b| {
        b.iter(|| {
            let packet = black_box(&mut packet);
            rewrite::push_vlan(packet, 0x8100).and_then(|()| rewrite::pop_vlan(packet))
        });
    });
    group.bench_function("push_pop_mpls", |b| {
        b.iter(|| {
            let packet = black_box(&mut packet);
            rewrite::push_mpls(packet, 0x8847).and_then(|()| rewrite::pop_mpls(packet, 0x0800))
        });
    });
    group.bench_function("route", |b| {
        b.iter(|| {
            let packet = black_box(&mut packet);
            // The TTL would run out.
            rewrite::set_nw_ttl(packet, 64)?;
            rewrite::dec_nw_ttl(packet)?;
            rewrite::set_field(packet, OxmField::EthSrc, 0x0200_0000_aa01)?;
            rewrite::set_field(packet, OxmField::EthDst, 0x0200_0000_bb01)
        });
    });
    group.bench_function("set_nw_ttl", |b| {
        b.iter(|| {
            value += 1;
            rewrite::set_nw_ttl(black_box(&mut packet), value as u8)
        });
    });
    group.finish();
}

criterion_group!(rewriting, benches);
criterion_main!(rewriting);
