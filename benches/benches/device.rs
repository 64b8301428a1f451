//! The control path in memory: messages into [`Device::write`](switch_dev::Device::write), answers out
//! of `read`, no socket. Criterion's throughput is in messages.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ofp_codec::multipart::FlowStatsRequest;
use ofp_codec::{
    Action, FlowMod, FlowModCommand, Instruction, Message, MultipartFlags, MultipartRequest,
    MultipartRequestBody, PortNo,
};
use rumpswitch_benches::control::{device, encoded, flow_mods, packet_outs, write};

/// Messages of one iteration.
const COUNT: u32 = 10_000;

fn flow_mods_of(c: &mut Criterion) {
    let mut group = c.benchmark_group("device");
    group.sample_size(20).throughput(Throughput::Elements(COUNT.into()));
    for mask_count in [1, 512] {
        let (mut device, channel, mut host) = device();
        let wipe = encoded([Message::FlowMod(FlowMod {
            command: FlowModCommand::Delete,
            ..FlowMod::default()
        })]);
        let adds = flow_mods(FlowModCommand::Add, COUNT, mask_count);
        for (name, command) in
            [("add_over", FlowModCommand::Add), ("modify_strict", FlowModCommand::ModifyStrict)]
        {
            let changes = flow_mods(command, COUNT, mask_count);
            write(&mut device, channel, &mut host, &adds);
            group.bench_function(BenchmarkId::new(name, mask_count), |b| {
                b.iter(|| write(&mut device, channel, &mut host, &changes))
            });
        }
        let deletes = flow_mods(FlowModCommand::DeleteStrict, COUNT, mask_count);
        for (name, end) in [("add_and_delete_strict", &deletes), ("add_and_delete_all", &wipe)] {
            write(&mut device, channel, &mut host, &wipe);
            group.bench_function(BenchmarkId::new(name, mask_count), |b| {
                b.iter(|| {
                    write(&mut device, channel, &mut host, &adds);
                    write(&mut device, channel, &mut host, end)
                })
            });
        }
    }
    group.finish();
}

fn messages(c: &mut Criterion) {
    let mut group = c.benchmark_group("device");
    group.sample_size(20).throughput(Throughput::Elements(COUNT.into()));
    let (mut device, channel, mut host) = device();
    let echoes = encoded((0..COUNT).map(|_| Message::EchoRequest(Vec::new())));
    let barriers = encoded((0..COUNT).map(|_| Message::BarrierRequest));
    let count = COUNT as usize;
    for (name, stream) in [
        ("echo", echoes),
        ("barrier", barriers),
        ("packet_out/nowhere", packet_outs(count, None)),
        ("packet_out/port", packet_outs(count, Some(PortNo(2)))),
    ] {
        group.bench_function(name, |b| b.iter(|| write(&mut device, channel, &mut host, &stream)));
    }
    let to_controller = Instruction::ApplyActions(vec![Action::controller()]);
    let miss = FlowMod { priority: 0, instructions: vec![to_controller], ..FlowMod::default() };
    write(&mut device, channel, &mut host, &encoded([Message::FlowMod(miss)]));
    let to_table = packet_outs(count, Some(PortNo::TABLE));
    group.bench_function("packet_in", |b| {
        b.iter(|| write(&mut device, channel, &mut host, &to_table))
    });
    write(&mut device, channel, &mut host, &flow_mods(FlowModCommand::Add, COUNT, 1));
    let dump = |body| {
        let request = MultipartRequest { flags: MultipartFlags::empty(), body };
        encoded([Message::MultipartRequest(request)])
    };
    let all = FlowStatsRequest::default;
    for (name, request) in [
        ("statistics/flow", dump(MultipartRequestBody::Flow(all()))),
        ("statistics/aggregate", dump(MultipartRequestBody::Aggregate(all()))),
    ] {
        group.bench_function(name, |b| b.iter(|| write(&mut device, channel, &mut host, &request)));
    }
    group.finish();
}

criterion_group!(benches, flow_mods_of, messages);
criterion_main!(benches);
