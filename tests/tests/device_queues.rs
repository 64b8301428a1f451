//! Queues as a controller sees them: QUEUE_GET_CONFIG, QUEUE, SET_QUEUE, byte by byte.

mod answers;
mod bed;
mod embodiment;

use answers::QUEUE_OP;
use bed::Bed;
use datapath::QueueConfig;
use hypercall::Port;
use ofp_codec::FlowModCommand;
use rumpswitch_tests::contract::*;

const UNSET: u16 = QueueConfig::NOT_CONFIGURED;

/// Port 1 has queues 4 and 0xfffffffe, port 2 queue 4, ports 3 and 4 none.
fn bed() -> Bed {
    let mut bed = Bed::new();
    let queue = |id, min_rate, max_rate| QueueConfig { id, min_rate, max_rate };
    let now = bed.now();
    let tables = &mut bed.device.device.switch_mut().tables;
    let two = [queue(0xffff_fffe, 100, 1000), queue(4, UNSET, 250)];
    tables.set_queues(now, Port(1), &two).unwrap();
    tables.set_queues(now, Port(2), &[queue(4, 0, UNSET)]).unwrap();
    bed
}

/// `ofp_queue_get_config_request`.
fn config_request(port: u32) -> Vec<u8> {
    message(22, 5, &[port.to_be_bytes(), [0; 4]].concat())
}

/// `ofp_queue_stats_request` in a multipart.
fn stats_request(port: u32, queue: u32) -> Vec<u8> {
    multipart(6, 5, 0, &[port.to_be_bytes(), queue.to_be_bytes()].concat())
}

/// `ofp_packet_queue` with both rates.
fn packet_queue(port: u32, id: u32, min: u16, max: u16) -> Vec<u8> {
    let property = |kind: u8, rate: u16| {
        [&[0, kind, 0, 16, 0, 0, 0, 0][..], &rate.to_be_bytes(), &[0; 6]].concat()
    };
    let head = [&id.to_be_bytes()[..], &port.to_be_bytes(), &[0, 48], &[0; 6]].concat();
    [head, property(1, min), property(2, max)].concat()
}

#[test]
fn queue_get_config_tells_the_queues_of_one_port_or_of_all() {
    let mut bed = bed();
    let reply = |port: u32, queues: &[Vec<u8>]| {
        message(23, 5, &[&port.to_be_bytes()[..], &[0; 4], &queues.concat()].concat())
    };
    let ones = [packet_queue(1, 4, UNSET, 250), packet_queue(1, 0xffff_fffe, 100, 1000)];
    let two = packet_queue(2, 4, 0, UNSET);
    assert_eq!(bed.say(&config_request(1)), [reply(1, &ones)]);
    assert_eq!(bed.say(&config_request(2)), [reply(2, std::slice::from_ref(&two))]);
    assert_eq!(bed.say(&config_request(3)), [reply(3, &[])]);
    let [one, other] = ones;
    assert_eq!(bed.say(&config_request(u32::MAX)), [reply(u32::MAX, &[one, other, two])]);
    for port in [0, 77, 0xffff_fffd, 0xffff_fffe, 0xffff_fff8] {
        assert_eq!(bed.refused(&config_request(port)), (QUEUE_OP, 0), "port {port:#x}");
    }
}

#[test]
fn queue_get_config_tells_as_many_queues_as_there_can_be_in_one_message() {
    let mut bed = Bed::new();
    let queues: Vec<_> = (1..=QueueConfig::MAX_COUNT as u32).map(QueueConfig::new).collect();
    let now = bed.now();
    let tables = &mut bed.device.device.switch_mut().tables;
    tables.set_queues(now, Port(1), &queues).unwrap();
    let answers = bed.say(&config_request(u32::MAX));
    assert_eq!(answers.iter().map(Vec::len).collect::<Vec<_>>(), [16 + 48 * 1024]);
    let answers = bed.say(&stats_request(u32::MAX, u32::MAX));
    assert_eq!(answers.iter().map(|part| part.len() - 16).sum::<usize>(), 40 * 1024);
}

#[test]
fn queue_statistics_come_in_every_form() {
    let mut bed = bed();
    bed.add("in_port=3,actions=set_queue:4,output:1,output:2");
    bed.add("in_port=4,actions=write_actions(output:1,set_queue:4294967294)");
    let frame = [7; 100];
    assert_eq!(bed.frame(3, &frame).len(), 2);
    assert_eq!(bed.frame(4, &frame).len(), 1);
    bed.device.host.refused = Some(Port(1));
    assert_eq!(bed.frame(4, &frame).len(), 0);
    bed.device.advance(2_000_000_003);
    let row = |port: u32, queue: u32, counts: [u64; 3]| {
        let counts = counts.map(u64::to_be_bytes).concat();
        let time = [2_u32, 3].map(u32::to_be_bytes).concat();
        [&port.to_be_bytes()[..], &queue.to_be_bytes(), &counts, &time].concat()
    };
    let rows = [row(1, 4, [100, 1, 0]), row(1, 0xffff_fffe, [100, 1, 1]), row(2, 4, [100, 1, 0])];
    let mut told = |port, queue| {
        let [reply] = &bed.say(&stats_request(port, queue))[..] else { panic!("one reply") };
        assert_eq!(reply[..16], [4, 19, reply[2], reply[3], 0, 0, 0, 6, 0, 5, 0, 0, 0, 0, 0, 0]);
        reply[16..].to_vec()
    };
    let any = u32::MAX;
    assert_eq!(told(any, any), rows.concat());
    assert_eq!(told(1, any), rows[..2].concat());
    assert_eq!(told(any, 4), [rows[0].clone(), rows[2].clone()].concat());
    assert_eq!(told(1, 0xffff_fffe), rows[1]);
    assert_eq!(told(3, any), []);
    assert_eq!(bed.refused(&stats_request(77, any)), (QUEUE_OP, 0));
    assert_eq!(bed.refused(&stats_request(0xffff_fffd, 4)), (QUEUE_OP, 0));
    assert_eq!(bed.refused(&stats_request(1, 5)), (QUEUE_OP, 1));
    assert_eq!(bed.refused(&stats_request(any, 5)), (QUEUE_OP, 1));
}

#[test]
fn set_queue_names_a_queue_that_some_port_has() {
    let mut bed = bed();
    let bytes = |text: &str| Bed::flow_bytes(text, FlowModCommand::Add);
    bed.accept(&bytes("actions=set_queue:4,output:3"));
    bed.accept(&bytes("actions=set_queue:0,output:3"));
    assert_eq!(bed.refused(&bytes("actions=set_queue:5,output:1")), (2, 8));
    assert_eq!(bed.refused(&bytes("actions=write_actions(set_queue:5,output:1)")), (2, 8));
    assert_eq!(bed.frame(1, &[7; 60]).len(), 1, "port 3 sends it by its default queue");
}

#[test]
fn features_say_that_queues_are_counted() {
    let mut bed = Bed::new();
    let features = &bed.say(&message(5, 5, &[]))[0];
    assert_eq!(features[24..28], [0, 0, 0, 0x4f]);
}
