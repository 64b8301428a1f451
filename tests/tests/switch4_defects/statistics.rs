//! Defects of what statistics and descriptions tell.

use ofp_codec::multipart::{
    FlowStatsRequest, MultipartReplyBody, MultipartRequest, MultipartRequestBody,
    TableFeatureProperty as Property,
};
use ofp_codec::{FlowModCommand, FlowModFlags, Instruction, Message, MeterId, PortNo, TableId};
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::{flow_request, matching, set_config};

use crate::bed::{Bed, bytes};
use crate::embodiment::FRAME;

impl Bed {
    fn statistics(&mut self, body: MultipartRequestBody) -> MultipartReplyBody {
        let request = MultipartRequest { flags: Default::default(), body };
        match self.ask(&Message::MultipartRequest(request)) {
            Message::MultipartReply(reply) => reply.body,
            other => panic!("{other:?}"),
        }
    }
}

/// Port statistics are of the port that was asked for, received is received and sent is sent
/// (§7.3.5.6).
#[test]
fn c17_port_statistics_have_a_direction_and_a_port() {
    let mut bed = Bed::new();
    bed.add("priority=5,in_port=1,actions=output:2");
    for len in [60, 100, 1000] {
        bed.frame(1, &vec![0x0a; len]);
    }
    bed.frame(3, &FRAME);
    let mut ask = |port: PortNo| match bed.statistics(MultipartRequestBody::PortStats(port)) {
        MultipartReplyBody::PortStats(ports) => ports
            .iter()
            .map(|port| {
                let rx = (port.rx_packets, port.rx_bytes, port.rx_dropped);
                (port.port_no.0, rx, (port.tx_packets, port.tx_bytes, port.tx_dropped))
            })
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let ports = [
        (1, (3, 1160, 0), (0, 0, 0)),
        (2, (0, 0, 0), (3, 1160, 0)),
        (3, (1, 60, 0), (0, 0, 0)),
        (4, (0, 0, 0), (0, 0, 0)),
    ];
    for port in 1..=4 {
        assert_eq!(ask(PortNo(port)), [ports[port as usize - 1]]);
    }
    assert_eq!(ask(PortNo::ANY), ports);
    assert_eq!(bed.refused(&multipart(5, 4, 0, &[0, 0, 0, 77, 0, 0, 0, 0])), (1, 11));
}

/// AGGREGATE sums over all tables that it is asked about (§7.3.5.3).
#[test]
fn c18_aggregates_sum_over_tables() {
    let mut bed = Bed::new();
    bed.add("table=0,cookie=1,priority=5,actions=goto_table:1");
    bed.add("table=1,cookie=2,priority=5,actions=goto_table:9");
    bed.add("table=9,cookie=2,priority=5,actions=output:2");
    bed.add("table=9,cookie=4,priority=4,actions=output:3");
    for _ in 0..3 {
        bed.frame(1, &FRAME);
    }
    let mut ask = |request: FlowStatsRequest| match bed
        .statistics(MultipartRequestBody::Aggregate(request))
    {
        MultipartReplyBody::Aggregate(sum) => (sum.flow_count, sum.packet_count, sum.byte_count),
        other => panic!("{other:?}"),
    };
    let all = FlowStatsRequest::default();
    assert_eq!(ask(all.clone()), (4, 9, 540));
    assert_eq!(ask(FlowStatsRequest { table_id: TableId(1), ..all.clone() }), (1, 3, 180));
    assert_eq!(ask(FlowStatsRequest { table_id: TableId(9), ..all.clone() }), (2, 3, 180));
    assert_eq!(ask(FlowStatsRequest { cookie: 2, cookie_mask: 2, ..all.clone() }), (2, 6, 360));
    assert_eq!(ask(FlowStatsRequest { table_id: TableId(200), ..all }), (0, 0, 0));
}

/// FLOW statistics give back everything that was given, the meter instruction and every flag too
/// (§7.3.5.2).
#[test]
fn c19_flow_statistics_tell_all() {
    let mut bed = Bed::new();
    bed.add_meter("meter=7 kbps bands=type=drop rate=1000");
    for (flag, name) in [
        (FlowModFlags::empty(), ""),
        (FlowModFlags::SEND_FLOW_REM, "send_flow_rem,"),
        (FlowModFlags::CHECK_OVERLAP, "check_overlap,"),
        (FlowModFlags::RESET_COUNTS, "reset_counts,"),
        (FlowModFlags::NO_PKT_COUNTS, "no_packet_counts,"),
        (FlowModFlags::NO_BYT_COUNTS, "no_byte_counts,"),
    ] {
        let line = format!(
            "{name}cookie=0x123456789abcdef0,table=3,priority=0xfffe,idle_timeout=65535,\
             hard_timeout=65534,udp,tp_dst=53,actions=meter:7,set_field:54->udp_dst,\
             write_actions(output:2),write_metadata:0x5/0xff,goto_table:4"
        );
        bed.add(&line);
        bed.device.advance(3_000_000_021);
        let given = crate::bed::flow_mod_of(&line, FlowModCommand::Add);
        let flows = bed.flows();
        let [flow] = &flows[..] else { panic!("{flows:?}") };
        assert_eq!(flow.flags, flag, "{name}");
        assert_eq!((flow.duration_sec, flow.duration_nsec), (3, 21));
        assert_eq!((flow.cookie, flow.table_id), (0x1234_5678_9abc_def0, TableId(3)));
        assert_eq!((flow.priority, flow.idle_timeout, flow.hard_timeout), (0xfffe, 65535, 65534));
        assert_eq!((&flow.matching, &flow.instructions), (&given.matching, &given.instructions));
        assert!(flow.instructions.contains(&Instruction::Meter(MeterId(7))));
        bed.say(&flow_mod(9, 255, 3, 0, 0));
    }
}

/// What FEATURES_REPLY announces is answered, and what it does not announce is not pretended
/// (§7.3.1).
#[test]
fn c20_capabilities_equal_behaviour() {
    let mut bed = Bed::new();
    let Message::FeaturesReply(features) = bed.ask(&Message::FeaturesRequest) else {
        panic!("no features")
    };
    let capabilities = features.capabilities.bits();
    let announced = |bit: u32| capabilities & (1 << bit) != 0;
    let all = flow_request(255, &matching(&[]));
    let any = [0xff; 8];
    let group_all = [0xff, 0xff, 0xff, 0xfc, 0, 0, 0, 0];
    type Requests<'a> = &'a [(u16, &'a [u8])];
    let questions: [(u32, Requests<'_>); 5] = [
        (0, &[(1, &all), (2, &all)]),
        (1, &[(3, &[])]),
        (2, &[(4, &any[..4]), (13, &[])]),
        (3, &[(6, &group_all), (7, &[]), (8, &[])]),
        (6, &[(5, &any)]),
    ];
    for (bit, requests) in questions {
        for (kind, body) in requests {
            let body = [body, &[0; 8][..]].concat();
            let body = match kind {
                4 => &body[..8],
                _ => &body[..body.len() - 8],
            };
            let answers = bed.say(&multipart(5, *kind, 0, body));
            let is_answered = answers.iter().all(|answer| answer[1] == 19);
            assert!(!announced(bit) || is_answered, "capability {bit}, request {kind}");
        }
    }
    for bit in 0..4 {
        assert!(announced(bit), "flow, table, port and group statistics are there: {bit}");
    }
    assert!(!announced(5), "fragments are not reassembled");
    assert_eq!(bed.refused(&set_config(5, 2, 0)), (10, 0), "so asking for it is refused");
    assert_eq!(capabilities & !0x16f, 0, "no unknown bit");
}

/// TABLE_FEATURES describes each table by its number, with a name, limits and each required property
/// once; next tables are the higher ones (§7.3.5.5).
#[test]
fn c33_table_features_are_complete() {
    let mut bed = Bed::new();
    let answers = bed.say(&multipart(5, 12, 0, &[]));
    let mut features = Vec::new();
    for (index, answer) in answers.iter().enumerate() {
        let (_, message) = Message::decode(answer).expect("a reply that can be read");
        assert_eq!(bytes(&message, 5), *answer, "to the byte");
        let Message::MultipartReply(reply) = message else { panic!("{message:?}") };
        let is_last = index + 1 == answers.len();
        assert_eq!(reply.flags.bits(), u16::from(!is_last), "MORE on all but the last");
        let MultipartReplyBody::TableFeatures(some) = reply.body else { panic!("{reply:?}") };
        features.extend(some);
    }
    assert_eq!(features.len(), 255);
    let mut names = std::collections::BTreeSet::new();
    for (id, table) in features.iter().enumerate() {
        assert_eq!(usize::from(table.table_id.0), id);
        assert!(!table.name.is_empty() && table.name.len() < 32);
        assert!(names.insert(table.name.clone()), "{} twice", table.name);
        assert_eq!((table.metadata_match, table.metadata_write), (u64::MAX, u64::MAX));
        assert_eq!((table.config, table.max_entries), (0, 1 << 20));
        let mut kinds = [0; 8];
        for property in &table.properties {
            let kind = match property {
                Property::Instructions(_) => 0,
                Property::NextTables(next) => {
                    let higher: Vec<TableId> = (id as u8 + 1..255).map(TableId).collect();
                    assert_eq!(*next, higher, "table {id}");
                    1
                }
                Property::WriteActions(_) => 2,
                Property::ApplyActions(_) => 3,
                Property::Match(_) => 4,
                Property::Wildcards(_) => 5,
                Property::WriteSetfield(_) => 6,
                Property::ApplySetfield(_) => 7,
                other => panic!("{other:?}"),
            };
            kinds[kind] += 1;
        }
        assert_eq!(kinds, [1; 8], "table {id}");
    }
    // What is announced holds: the last table has nowhere to go.
    let last = Bed::flow_bytes("table=253,actions=goto_table:254", FlowModCommand::Add);
    bed.accept(&last);
    let beyond = rumpswitch_tests::wire::FlowMod { table: 254, ..Default::default() };
    for target in [0, 254, 255] {
        let goto = [rumpswitch_tests::wire::goto(target)];
        assert_eq!(bed.refused(&beyond.message(5, &matching(&[]), &goto)), (3, 2));
    }
}
