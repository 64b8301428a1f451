//! A batch of 32 frames from receive to transmit, the copy into a fresh buffer included. Criterion's
//! throughput is in frames.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use datapath::Batch;
use rumpswitch_benches::{Recycler, forward, switch, udp};

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| line.to_string()).collect()
}

/// One entry for each station's MAC address.
fn l2(count: u32) -> Vec<String> {
    let entry = |station: u32| {
        let [a, b, c, d] = station.to_be_bytes();
        format!("dl_dst=02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x},actions=output:2")
    };
    (0..count).map(entry).collect()
}

fn benches(c: &mut Criterion) {
    let scenarios = [
        ("drop", 1, lines(&["actions=drop"])),
        ("port", 1, lines(&["in_port=1,actions=output:2"])),
        ("l2-1000", 1_000, l2(1_000)),
        ("l2-100000", 100_000, l2(100_000)),
        ("normal", 1_000, lines(&["actions=normal"])),
        ("vlan-push", 1, lines(&["actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:2"])),
        ("route", 1, lines(&["ip,actions=dec_ttl,mod_dl_dst:02:00:00:00:00:09,output:2"])),
        (
            "pipe3",
            1,
            lines(&[
                "table=0,in_port=1,actions=goto_table:1",
                "table=1,udp,tp_dst=90,actions=goto_table:2",
                "table=2,dl_dst=02:00:00:00:00:00,actions=output:2",
            ]),
        ),
    ];
    let mut group = c.benchmark_group("fastpath");
    group.throughput(Throughput::Elements(32));
    for (name, stations, flows) in scenarios {
        let mut switch = switch(flows);
        let frames: Vec<_> = (0..stations).map(udp).collect();
        let mut host = Recycler::default();
        let mut batch = Batch::new();
        let mut at = 0;
        group.bench_function(name, |b| {
            b.iter(|| at = forward(&mut switch, &mut host, &mut batch, &frames, at))
        });
    }
    group.finish();
}

criterion_group!(fastpath, benches);
criterion_main!(fastpath);
