//! Messages from bytes and back.

use criterion::{Criterion, criterion_group, criterion_main};
use ofp_codec::text::{NoNames, parse_flow};
use ofp_codec::{Action, FlowModCommand, Message, NO_BUFFER, PacketOut, PortNo};

fn benches(c: &mut Criterion) {
    let text = "priority=100,in_port=1,tcp,nw_src=10.0.0.0/8,tp_dst=80,actions=dec_ttl,output:2";
    let flow = parse_flow(text, FlowModCommand::Add, &NoNames).expect("a flow entry");
    let messages = [
        ("flow_mod", Message::FlowMod(flow)),
        ("barrier", Message::BarrierRequest),
        ("echo", Message::EchoRequest(vec![0; 8])),
        (
            "packet_out",
            Message::PacketOut(PacketOut {
                buffer_id: NO_BUFFER,
                in_port: PortNo::CONTROLLER,
                actions: vec![Action::output(PortNo(2))],
                data: vec![0; 60],
            }),
        ),
    ];
    let mut group = c.benchmark_group("codec");
    for (name, message) in messages {
        let mut bytes = Vec::new();
        message.encode(1, &mut bytes).expect("short enough");
        group.bench_function(format!("decode/{name}"), |b| b.iter(|| Message::decode(&bytes)));
        let mut out = Vec::with_capacity(bytes.len());
        group.bench_function(format!("encode/{name}"), |b| {
            b.iter(|| {
                out.clear();
                message.encode(1, &mut out)
            })
        });
    }
    group.finish();
}

criterion_group!(codec, benches);
criterion_main!(codec);
