//! What is done to the switch: every kind of message, of host call and of frame, in an order in which each
//! finds something to do.

use ofp_codec::multipart::{FlowMonitorFlags, FlowMonitorRequest};
use ofp_codec::text::{NoNames, parse_flow, parse_group, parse_meter};
use ofp_codec::{
    Action, FlowModCommand, GroupModCommand, Match, Message, MeterModCommand, MultipartFlags,
    MultipartReplyBody, MultipartRequest, MultipartRequestBody, NO_BUFFER, PacketOut, PortNo,
    TableId,
};
use rumpswitch_tests::contract::{barrier, echo, features, message, multipart};
use rumpswitch_tests::generate::frames;
use rumpswitch_tests::random::Random;
use rumpswitch_tests::wire::{
    experimenter, flow_request, matching, port_mod, role, set_async, set_config, table_mod,
};
use switch_dev::ChannelKind::{Active, Passive};

use crate::bed::Step;

/// The xid of all messages: what answers is seen by the channel.
const XID: u32 = 77;

fn bytes(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(XID, &mut bytes).expect("a message that can be written");
    bytes
}

/// A flow-mod in the syntax of ovs-ofctl.
fn flow(command: FlowModCommand, text: &str) -> Step {
    let flow = parse_flow(text, command, &NoNames).unwrap_or_else(|why| panic!("{text}: {why}"));
    Step::Send(0, bytes(&Message::FlowMod(flow)))
}

fn add(text: &str) -> Step {
    flow(FlowModCommand::Add, text)
}

/// The bytes of a flow-mod that adds an entry.
pub(crate) fn flow_add(text: &str) -> Vec<u8> {
    match add(text) {
        Step::Send(_, bytes) => bytes,
        step => panic!("{step:?}"),
    }
}

fn group(command: GroupModCommand, text: &str) -> Step {
    let group = parse_group(text, command, &NoNames).unwrap_or_else(|why| panic!("{text}: {why}"));
    Step::Send(0, bytes(&Message::GroupMod(group)))
}

fn meter(command: MeterModCommand, text: &str) -> Step {
    let meter = parse_meter(text, command).unwrap_or_else(|why| panic!("{text}: {why}"));
    Step::Send(0, bytes(&Message::MeterMod(meter)))
}

fn send(bytes: Vec<u8>) -> Step {
    Step::Send(0, bytes)
}

fn packet_out(actions: Vec<Action>, data: &[u8]) -> Vec<u8> {
    bytes(&Message::PacketOut(PacketOut {
        buffer_id: NO_BUFFER,
        in_port: PortNo::CONTROLLER,
        actions,
        data: data.to_vec(),
    }))
}

fn monitor(channel: usize, id: u32) -> Step {
    let request = FlowMonitorRequest {
        id,
        flags: FlowMonitorFlags::from_bits_retain(0x1f),
        out_port: PortNo::ANY,
        table_id: TableId::ALL,
        matching: Match::any(),
    };
    let body = MultipartRequestBody::FlowMonitor(vec![request]);
    let request = MultipartRequest { flags: MultipartFlags::empty(), body };
    Step::Send(channel, bytes(&Message::MultipartRequest(request)))
}

fn bundle_control(id: u32, kind: u16) -> Vec<u8> {
    let body = [&id.to_be_bytes()[..], &kind.to_be_bytes(), &[0, 3]].concat();
    experimenter(XID, 0x4f4e_4600, 2300, &body)
}

fn bundle_add(id: u32, step: &Step) -> Step {
    let Step::Send(_, message) = step else { panic!("a message") };
    let body = [&id.to_be_bytes()[..], &[0, 0, 0, 3], message].concat();
    send(experimenter(XID, 0x4f4e_4600, 2301, &body))
}

/// A UDP frame to port `to` of the host `dst`.
pub(crate) fn udp(dst: u32, to: u16) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    bytes.extend([0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1]);
    bytes.extend(dst.to_be_bytes());
    bytes.extend([0, 80]);
    bytes.extend(to.to_be_bytes());
    bytes.extend([0, 26, 0, 0]);
    bytes.resize(60, 0);
    bytes
}

/// All questions of a controller, on its channel.
fn questions(channel: usize) -> Vec<Step> {
    let any = flow_request(255, &matching(&[]));
    let all = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    let mut asked = vec![
        echo(XID, b"are you there?"),
        features(XID),
        barrier(XID),
        message(7, XID, &[]),
        message(26, XID, &[]),
        message(22, XID, &[0, 0, 0, 1, 0, 0, 0, 0]),
        message(22, XID, &all),
        role(XID, 0, 0),
        multipart(XID, 0, 0, &[]),
        multipart(XID, 1, 0, &any),
        multipart(XID, 2, 0, &any),
        multipart(XID, 3, 0, &[]),
        multipart(XID, 4, 0, &all),
        multipart(XID, 5, 0, &[[0xff; 4], [0xff; 4]].concat()),
        multipart(XID, 6, 0, &[0xff, 0xff, 0xff, 0xfc, 0, 0, 0, 0]),
        multipart(XID, 6, 0, &[0, 0, 0, 1, 0, 0, 0, 0]),
        multipart(XID, 7, 0, &[]),
        multipart(XID, 8, 0, &[]),
        multipart(XID, 9, 0, &all),
        multipart(XID, 9, 0, &[0, 0, 0, 1, 0, 0, 0, 0]),
        multipart(XID, 10, 0, &all),
        multipart(XID, 11, 0, &[]),
        multipart(XID, 12, 0, &[]),
        multipart(XID, 13, 0, &[]),
        multipart(XID, 0xffff, 0, &[0; 8]),
        experimenter(XID, 1, 2, &[3; 16]),
        message(30, XID, &[]),
    ];
    // In two parts, of which the second comes later.
    asked.push(multipart(XID, 1, 1, &any[..20]));
    asked.push(multipart(XID, 1, 0, &any[20..]));
    asked.into_iter().map(|message| Step::Send(channel, message)).collect()
}

/// Entries of these matches in a table, which are compiled meanwhile.
fn table(number: u8, count: u32, match_of: impl Fn(u32) -> String) -> Vec<Step> {
    let mut steps: Vec<Step> = (0..count)
        .map(|n| {
            let matching = match_of(n);
            let actions = ["output:2", "output:3", "drop", "output:1,controller:9"][n as usize % 4];
            add(&format!("table={number},priority={},{matching},actions={actions}", 10 + n % 900))
        })
        .collect();
    steps.push(Step::Tick(1));
    steps
}

/// Tables of every shape. The number says how large those of many entries become.
fn tables(scale: u32) -> Vec<Step> {
    let mut steps = Vec::new();
    steps.extend(table(1, 6, |n| format!("in_port={}", n + 1)));
    steps.extend(table(2, 10 + scale, |n| format!("dl_dst=02:00:00:00:01:{n:02x}")));
    steps
        .extend(table(3, 16 + scale, |n| format!("ip,nw_dst=10.{}.{}.0/{}", n % 7, n, 8 + n % 17)));
    steps.extend(table(4, 16 + scale, |n| match n % 5 {
        0 => format!("udp,tp_dst={n}"),
        1 => format!("tcp,tp_src={n},nw_src=10.0.0.0/{}", 8 + n % 20),
        2 => format!("in_port=1,dl_dst=02:00:00:00:00:{n:02x}"),
        3 => format!("arp,arp_tpa=10.0.0.{n}"),
        _ => format!("ipv6,ipv6_dst=2001:db8::{n:x}/{}", 64 + n % 64),
    }));
    steps.extend(table(8, 12 + scale, |n| match n % 3 {
        0 => format!("in_port={}", n + 1),
        1 => format!("dl_src=02:00:00:00:02:{n:02x}"),
        _ => format!("in_port={},dl_src=02:00:00:00:02:{n:02x}", n + 1),
    }));
    steps.extend(table(5, 40 + 4 * scale, |n| {
        let mask = (n.wrapping_mul(0x9e37_79b1) >> 7) & 0xffff;
        let port = n.wrapping_mul(0x85eb_ca6b) >> 11 & mask;
        let ones = 3 + n.wrapping_mul(7) % 29;
        format!("udp,nw_dst=10.{}.{}.{n}/{ones},tp_dst={port:#x}/{mask:#x}", n % 5, n % 11)
    }));
    steps
}

/// Messages that change and take away what the first part has put there.
fn changes() -> Vec<Step> {
    vec![
        flow(FlowModCommand::Modify, "table=1,actions=output:1,output:2,output:3"),
        flow(FlowModCommand::Modify, "table=4,udp,actions=group:1"),
        flow(FlowModCommand::ModifyStrict, "table=1,priority=10,in_port=1,actions=group:2"),
        flow(FlowModCommand::DeleteStrict, "table=1,priority=11,in_port=2"),
        add("table=1,priority=10,in_port=1,actions=meter:1,output:3"),
        add("table=6,send_flow_rem,check_overlap,priority=4,in_port=1,actions=drop"),
        add("table=6,send_flow_rem,hard_timeout=1,priority=5,in_port=2,actions=drop"),
        add("table=6,send_flow_rem,idle_timeout=1,priority=6,in_port=3,actions=drop"),
        group(GroupModCommand::Modify, "group_id=1,type=all,bucket=output:2,bucket=output:1"),
        meter(MeterModCommand::Modify, "meter=1 kbps bands=type=drop rate=77"),
        send(port_mod(XID, 1, [2, 0, 0, 0, 0, 1], 1, 1, 0)),
        send(port_mod(XID, 1, [2, 0, 0, 0, 0, 1], 0, 1, 0)),
        send(table_mod(XID, 1, 0)),
        send(set_config(XID, 0, 128)),
        send(set_async(XID, [7, 7, 7, 7, 15, 15])),
        Step::Queues(2, vec![1, 2, 3]),
        Step::Queues(2, vec![4]),
        Step::PortLink(70_001, false),
        Step::PortRenumber(70_001, 80_000),
        send(port_mod(XID, 80_000, [2, 0, 0, 0, 0, 0x71], 0, 1, 0)),
        Step::PortRenumber(4, 200),
        Step::PortRenumber(200, 4),
        Step::PortLink(3, false),
        Step::PortLink(3, true),
        Step::Tick(400),
        Step::Tick(700),
        Step::Tick(700),
    ]
}

/// What a controller and a host take away again.
fn ends() -> Vec<Step> {
    vec![
        flow(FlowModCommand::Delete, "table=5,udp"),
        Step::Tick(1),
        flow(FlowModCommand::Delete, "table=255,out_port=2"),
        group(GroupModCommand::Delete, "group_id=2"),
        meter(MeterModCommand::Delete, "meter=1"),
        Step::PortRemove(2),
        Step::PortAdd(2),
        flow(FlowModCommand::Delete, "table=255"),
        Step::Send(1, bytes(&Message::FlowMonitorCancel(9))),
        Step::Close(3),
        Step::Tick(2000),
    ]
}

/// A bundle with one of each that may be in it.
fn bundle(id: u32, priority: u16) -> Vec<Step> {
    vec![
        send(bundle_control(id, 0)),
        bundle_add(id, &add(&format!("table=7,priority={priority},udp,actions=output:1"))),
        bundle_add(id, &add(&format!("table=7,priority={priority},in_port=2,actions=drop"))),
        bundle_add(id, &flow(FlowModCommand::Modify, "table=7,actions=output:3,output:2")),
        bundle_add(
            id,
            &group(GroupModCommand::Add, &format!("group_id={id},type=all,bucket=output:1")),
        ),
        bundle_add(
            id,
            &meter(MeterModCommand::Add, &format!("meter={id} kbps bands=type=drop rate=5")),
        ),
        bundle_add(id, &group(GroupModCommand::Delete, &format!("group_id={id}"))),
        bundle_add(id, &flow(FlowModCommand::Delete, "table=7,in_port=2")),
        bundle_add(id, &send(port_mod(XID, 2, [2, 0, 0, 0, 0, 2], 0, 1, 0))),
        bundle_add(id, &send(packet_out(vec![Action::output(PortNo(1))], &udp(1, 2)))),
        send(bundle_control(id, 2)),
        send(bundle_control(id, 4)),
        send(bundle_control(id + 1, 0)),
        send(bundle_control(id + 1, 6)),
    ]
}

/// A bundle that takes away more than it brings and puts other things in their places. Undone without
/// memory, everything has to be there again.
fn bundle_of_removals(id: u32, ends_well: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    for n in 0..14u32 {
        let matching = match n % 4 {
            0 => format!("in_port={n}"),
            1 => format!("udp,tp_dst={n}"),
            2 => format!("ip,nw_dst=10.0.{n}.0/24"),
            _ => format!("dl_dst=02:00:00:00:00:{n:02x}"),
        };
        let timeout = ["", "hard_timeout=900,", "idle_timeout=800,send_flow_rem,"][n as usize % 3];
        steps.push(add(&format!("table=7,priority={n},{timeout}{matching},actions=output:2")));
    }
    steps.push(add("table=7,priority=0,actions=drop"));
    let (groups, meters) = (400..408, 400..404);
    for id in groups.clone() {
        let text =
            format!("group_id={id},type=all,bucket=actions=output:1,bucket=actions=output:2");
        steps.push(group(GroupModCommand::Add, &text));
        steps.push(add(&format!("table=6,priority={id},arp,actions=group:{id}")));
    }
    for id in meters.clone() {
        let text = format!("meter={id} kbps bands=type=drop rate=77");
        steps.push(meter(MeterModCommand::Add, &text));
    }
    let mut changes = vec![
        flow(FlowModCommand::DeleteStrict, "table=7,priority=0"),
        flow(FlowModCommand::Delete, "table=7"),
        add("table=7,priority=5,udp,tp_dst=5,actions=output:3"),
        add("table=7,priority=0,actions=output:1"),
        add("table=7,priority=0,actions=output:2"),
    ];
    for id in groups {
        changes.push(group(GroupModCommand::Delete, &format!("group_id={id}")));
        let (new, text) = (id + 100, "type=indirect,bucket=actions=output:3");
        changes.push(group(GroupModCommand::Add, &format!("group_id={new},{text}")));
    }
    for id in meters {
        changes.push(meter(MeterModCommand::Delete, &format!("meter={id}")));
        let text = format!("meter={} pktps bands=type=drop rate=7", id + 100);
        changes.push(meter(MeterModCommand::Add, &text));
    }
    changes.extend([
        group(GroupModCommand::Add, "group_id=400,type=all,bucket=actions=output:3"),
        add("table=7,check_overlap,priority=2,udp,actions=group:400"),
        add("table=7,priority=77,tcp,tp_dst=5,actions=group:500"),
        flow(FlowModCommand::Modify, "table=7,actions=output:1,output:2,output:3"),
        flow(FlowModCommand::Delete, "table=7,udp"),
        add("table=7,priority=5,udp,tp_dst=5,actions=output:2"),
    ]);
    if !ends_well {
        changes.push(add("table=7,priority=1,actions=group:99999"));
    }
    steps.push(send(bundle_control(id, 0)));
    steps.extend(changes.iter().map(|change| bundle_add(id, change)));
    steps.push(send(bundle_control(id, 4)));
    steps
}

/// A table that is compiled to bit vectors: many entries of one match, which no tree tells apart, and
/// then some of other masks, so that it is made when all are there.
fn bit_vectors() -> Vec<Step> {
    let mut entries: Vec<Vec<u8>> = (1..=1100)
        .map(|n| flow_add(&format!("table=8,priority={n},udp,tp_dst=53,actions=output:2")))
        .collect();
    entries.extend((0..80).map(|n| match n % 4 {
        0 => flow_add(&format!("table=8,priority=2000,udp,tp_src={n},actions=drop")),
        1 => flow_add(&format!(
            "table=8,priority=2000,tcp,nw_dst=10.{n}.0.0/{},actions=drop",
            9 + n % 20
        )),
        2 => flow_add(&format!("table=8,priority=2000,ip,nw_src=10.0.{n}.0/24,actions=drop")),
        _ => flow_add(&format!("table=8,priority=2000,dl_dst=02:00:00:00:00:{n:02x},actions=drop")),
    }));
    vec![
        add("priority=9,in_port=1,actions=goto_table:8"),
        Step::Preload(entries),
        Step::Compile,
        add("table=8,priority=3000,udp,tp_dst=99/0xff,actions=output:3"),
        flow(FlowModCommand::DeleteStrict, "table=8,priority=7,udp,tp_dst=53"),
        add("table=8,priority=8,udp,tp_dst=53,actions=output:3"),
        Step::Frame(1, udp(0x0a00_0001, 53)),
        Step::Compile,
        flow(FlowModCommand::Delete, "table=8"),
        Step::Tick(1),
    ]
}

/// TABLE_FEATURES with a body: the tables as they are, but the last.
fn table_features() -> Vec<Step> {
    let mut bed = crate::bed::Bed::new();
    let told = bed.ask(&multipart(XID, 12, 0, &[]));
    let mut tables = Vec::new();
    for message in told {
        if let Message::MultipartReply(reply) = Message::decode(&message).expect("an answer").1
            && let MultipartReplyBody::TableFeatures(some) = reply.body
        {
            tables.extend(some);
        }
    }
    tables.retain(|table| table.table_id.0 < 9);
    tables[1].name = "another name".into();
    let parts: Vec<_> = tables.chunks(4).collect();
    let message = |(at, part): (usize, &&[_])| {
        let more = at + 1 < parts.len();
        let flags = if more { MultipartFlags::MORE } else { MultipartFlags::empty() };
        let body = MultipartRequestBody::TableFeatures(part.to_vec());
        send(bytes(&Message::MultipartRequest(MultipartRequest { flags, body })))
    };
    parts.iter().enumerate().map(message).collect()
}

fn packet_outs() -> Vec<Step> {
    let frame = udp(0x0a00_0001, 9);
    let all = vec![Action::output(PortNo::FLOOD)];
    let table = vec![Action::output(PortNo::TABLE)];
    let groups = vec![Action::DecNwTtl, Action::output(PortNo(2)), Action::output(PortNo(3))];
    let punt = vec![Action::output(PortNo::CONTROLLER)];
    [all, table, groups, punt].map(|actions| send(packet_out(actions, &frame))).into()
}

fn frames(random: &mut Random) -> Vec<Step> {
    let mut steps: Vec<Step> = [0x0a00_0001, 0x0a01_0203, 0x0a06_0606]
        .into_iter()
        .flat_map(|dst| {
            let frame = udp(dst, 53);
            [Step::Frame(1, frame.clone()), Step::WorkerFrame(2, frame)]
        })
        .collect();
    for at in 0..16 {
        let frame = frames::frame(random);
        steps.push(if at % 4 == 0 { Step::WorkerFrame(3, frame) } else { Step::Frame(2, frame) });
    }
    steps
}

/// All of it.
pub(crate) fn script(scale: u32) -> Vec<Step> {
    let random = &mut Random::new(5);
    let mut steps: Vec<Step> = (1..=4).map(Step::PortAdd).collect();
    steps.extend((70_000..70_003).map(Step::PortAdd));
    steps.push(Step::Open(Active));
    steps.push(Step::Open(Active));
    steps.push(Step::OpenAuxiliary(0, 1));
    steps.push(Step::Open(Passive));
    steps.push(Step::AddWorker);
    steps.push(monitor(1, 9));
    steps.push(Step::Queues(1, vec![1, 2]));
    for text in [
        "group_id=1,type=select,bucket=weight=1,watch_port=2,actions=output:2,\
         bucket=weight=2,watch_port=3,actions=dec_ttl,output:3",
        "group_id=2,type=all,bucket=actions=output:2,bucket=actions=push_vlan:0x8100,output:3",
        "group_id=3,type=ff,bucket=watch_port=9,actions=output:2,bucket=watch_group=1,actions=group:1",
        "group_id=4,type=indirect,bucket=actions=group:3",
    ] {
        steps.push(group(GroupModCommand::Add, text));
    }
    steps.push(meter(
        MeterModCommand::Add,
        "meter=1 kbps bands=type=drop rate=4000000000 type=dscp_remark rate=1 prec_level=1",
    ));
    steps.push(meter(
        MeterModCommand::Add,
        "meter=2 pktps burst bands=type=dscp_remark rate=1 burst_size=1 prec_level=1",
    ));
    for text in [
        "priority=9,in_port=1,actions=meter:1,goto_table:1",
        "priority=8,udp,actions=write_metadata:1/0xff,goto_table:3",
        "priority=7,tcp,actions=write_actions(group:4),goto_table:4",
        "priority=6,ip,actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:2,pop_vlan,output:3",
        "priority=5,arp,actions=normal",
        "priority=4,in_port=3,actions=set_queue:1,output:1,controller:64",
        "priority=0,actions=controller:65535",
        "table=3,priority=0,actions=goto_table:5",
        "table=4,priority=0,actions=group:2",
        "table=5,priority=0,actions=all",
    ] {
        steps.push(add(text));
    }
    steps.push(add(&format!(
        "table=6,priority=77,udp,actions={}",
        (0..300).map(|n| format!("set_field:{n}->udp_src,output:1")).collect::<Vec<_>>().join(",")
    )));
    steps.extend(questions(0));
    steps.extend(tables(scale));
    steps.extend(frames(random));
    steps.extend(packet_outs());
    steps.extend(questions(1));
    steps.push(Step::Ask);
    steps.push(Step::Trace(1, udp(0x0a00_0001, 53)));
    steps.push(Step::Trace(3, udp(0x0a01_0203, 9)));
    steps.push(Step::Standalone(true));
    steps.extend(changes());
    steps.push(Step::Evicting(6, true));
    steps.push(Step::Vacancy(6));
    steps.extend(bundle(30, 40));
    steps.extend(bundle_of_removals(50, false));
    steps.extend(bundle_of_removals(51, true));
    steps.push(send(role(XID, 2, 5)));
    steps.push(Step::Send(1, role(XID, 3, 6)));
    steps.extend(questions(0));
    steps.extend(frames(random));
    steps.extend(table_features());
    steps.extend(ends());
    steps.extend(bit_vectors());
    cut_some(steps)
}

/// Every fifth message comes in two pieces.
fn cut_some(steps: Vec<Step>) -> Vec<Step> {
    let cut = |(at, step)| match step {
        Step::Send(channel, bytes) if at % 5 == 0 => {
            let middle = if at % 2 == 0 { 5 } else { bytes.len() - 1 };
            Step::SendCut(channel, bytes, middle)
        }
        step => step,
    };
    steps.into_iter().enumerate().map(cut).collect()
}
