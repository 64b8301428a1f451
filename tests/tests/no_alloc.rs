//! Forwarding allocates nothing: neither in the switch nor, with this host, outside it.

use datapath::{Batch, Ingress, PortConfig, QueueConfig, Switch, SwitchConfig};
use hypercall::{Hypercall, Meta, Nanos, Port, Sent, VecFrame};
use ofp_codec::text::{NoNames, parse_flow, parse_group, parse_meter};
use ofp_codec::{FlowModCommand, GroupModCommand, MeterModCommand};
use shaper::{QueueRates, Shaper, ShaperConfig};

/// Keeps the buffers of transmitted frames for the next ones.
struct Recycler {
    spare: Vec<VecFrame>,
    sent_count: usize,
}

impl Hypercall for Recycler {
    type Frame = VecFrame;

    fn transmit(&mut self, _: Port, _: &Meta, frame: VecFrame) -> Sent {
        self.sent_count += 1;
        self.spare.push(frame);
        Sent::Sent
    }

    fn duplicate(&mut self, frame: &VecFrame) -> Option<VecFrame> {
        Some(self.copy(hypercall::Frame::headers(frame)))
    }

    fn allocate(&mut self, len: usize) -> Option<VecFrame> {
        Some(VecFrame::zeroed(len))
    }
}

impl Recycler {
    fn copy(&mut self, bytes: &[u8]) -> VecFrame {
        let (mut buffer, _) = self.spare.pop().unwrap_or_default().into_buffer();
        buffer.resize(VecFrame::HEADROOM, 0);
        buffer.extend_from_slice(bytes);
        VecFrame::from_buffer(buffer, VecFrame::HEADROOM)
    }
}

/// A UDP frame.
fn frame() -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    bytes.extend([0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    bytes.extend([0, 80, 0, 90, 0, 26, 0, 0]);
    bytes.resize(60, 0);
    bytes
}

/// Groups 1 to 4 and meters 1 and 2, of every kind.
fn add_groups_and_meters(switch: &mut Switch) {
    for group in [
        "group_id=1,type=select,bucket=weight=1,watch_port=2,actions=output:2,\
         bucket=weight=2,watch_port=3,actions=dec_ttl,output:3",
        "group_id=2,type=all,bucket=actions=output:2,bucket=actions=push_vlan:0x8100,output:3",
        "group_id=3,type=ff,bucket=watch_port=9,actions=output:2,bucket=watch_group=1,actions=group:1",
        "group_id=4,type=indirect,bucket=actions=group:3",
    ] {
        let group = parse_group(group, GroupModCommand::Add, &NoNames).unwrap();
        switch.tables.group_mod(Nanos(0), &group).unwrap();
    }
    for meter in [
        "meter=1 kbps bands=type=drop rate=4000000000 type=dscp_remark rate=1 prec_level=1",
        "meter=2 pktps burst bands=type=dscp_remark rate=1 burst_size=1 prec_level=1",
    ] {
        let meter = parse_meter(meter, MeterModCommand::Add).unwrap();
        switch.tables.meter_mod(Nanos(0), &meter).unwrap();
    }
}

/// Forwards batches through `flows` and tells how often memory was allocated meanwhile.
fn allocations(flows: &[&str]) -> u64 {
    let mut switch = Switch::new(SwitchConfig::default());
    for port in 1..=4 {
        switch.tables.port_add(Nanos(0), PortConfig::new(Port(port), "port")).unwrap();
    }
    let queues = [5, 7].map(QueueConfig::new);
    switch.tables.set_queues(Nanos(0), Port(4), &queues).unwrap();
    add_groups_and_meters(&mut switch);
    for flow in flows {
        let flow = parse_flow(flow, FlowModCommand::Add, &NoNames).unwrap();
        switch.tables.flow_mod(Nanos(0), &flow).unwrap();
    }
    let bytes = frame();
    let mut host = Recycler { spare: Vec::with_capacity(256), sent_count: 0 };
    let mut batch: Batch<VecFrame> = Batch::new();
    let mut round = |host: &mut Recycler| {
        while !batch.is_full() {
            let frame = host.copy(&bytes);
            batch.push(Ingress { port: Port(1), meta: Meta::default(), frame });
        }
        switch.process(host, Nanos(1), &mut batch);
    };
    for _ in 0..4 {
        round(&mut host);
    }
    host.sent_count = 0;
    let info = allocation_counter::measure(|| (0..100).for_each(|_| round(&mut host)));
    assert!(host.sent_count >= 3200, "nothing was forwarded");
    info.count_total
}

#[test]
fn forwarding_allocates_nothing() {
    let pipelines: [&[&str]; 11] = [
        &["actions=output:2"],
        &["in_port=1,udp,nw_dst=10.0.0.0/8,actions=dec_ttl,mod_nw_src:10.9.9.9,output:2"],
        &["actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:2,pop_vlan,output:3"],
        &["actions=all"],
        &["actions=normal"],
        &["actions=group:1"],
        &["actions=group:2,output:4"],
        &["actions=write_actions(group:4)"],
        &["actions=meter:1,goto_table:1", "table=1,actions=meter:2,output:2"],
        &["actions=set_queue:7,output:4,set_queue:5,output:4,output:3"],
        &[
            "table=0,udp,actions=write_metadata:1,goto_table:1",
            "table=1,metadata=1,actions=write_actions(output:3),goto_table:2",
            "table=2,dl_src=02:00:00:00:00:01,actions=set_field:02:00:00:00:00:09->eth_src",
        ],
    ];
    for flows in pipelines {
        assert_eq!(allocations(flows), 0, "{flows:?}");
    }
}

#[test]
fn a_shaper_that_was_full_once_allocates_nothing() {
    let queue = |id| QueueRates { id, min_bps: 1_000_000, max_bps: Some(900_000_000) };
    let queues = [1, 2, 3].map(queue);
    let mut shaper: Shaper<u64> = Shaper::new(ShaperConfig::new(1_000_000_000, queues));
    let mut now = Nanos(0);
    let mut passed = 0;
    let mut round = |frames: u64| {
        for n in 0..frames {
            let _ = shaper.push(Some(n as u32 % 4), 1000, n);
        }
        while let Some(at) = shaper.next_deadline() {
            now = at;
            passed += u64::from(shaper.pop(now).is_some());
        }
    };
    round(4 * 300);
    let info = allocation_counter::measure(|| (0..20).for_each(|n| round(40 + n)));
    assert_eq!(info.count_total, 0);
    assert!(passed > 4 * 256 + 20 * 40 - 1, "{passed}");
}
