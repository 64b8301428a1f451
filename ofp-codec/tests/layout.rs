//! Sizes and places of the structures, from the standard's header file; parts of long replies.

use rumpswitch_ofp_codec::multipart::*;
use rumpswitch_ofp_codec::*;

fn encode(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(1, &mut bytes).unwrap();
    bytes
}

fn body_of_reply(body: MultipartReplyBody) -> usize {
    let flags = MultipartFlags::empty();
    encode(&Message::MultipartReply(MultipartReply { flags, body })).len() - 16
}

fn body_of_request(body: MultipartRequestBody) -> usize {
    let flags = MultipartFlags::empty();
    encode(&Message::MultipartRequest(MultipartRequest { flags, body })).len() - 16
}

fn flow_removed() -> FlowRemoved {
    FlowRemoved {
        cookie: 0,
        priority: 0,
        reason: FlowRemovedReason::Delete,
        table_id: TableId(0),
        duration_sec: 0,
        duration_nsec: 0,
        idle_timeout: 0,
        hard_timeout: 0,
        packet_count: 0,
        byte_count: 0,
        matching: Match::any(),
    }
}

fn flow_stats() -> FlowStats {
    FlowStats {
        table_id: TableId(3),
        duration_sec: 1,
        duration_nsec: 2,
        priority: 3,
        idle_timeout: 4,
        hard_timeout: 5,
        flags: FlowModFlags::SEND_FLOW_REM,
        cookie: 6,
        packet_count: 7,
        byte_count: 8,
        matching: Match::new([Oxm::new(OxmField::InPort, 9)]).unwrap(),
        instructions: vec![Instruction::ApplyActions(vec![Action::output(PortNo(10))])],
    }
}

#[test]
fn messages_have_the_sizes_of_the_header_file() {
    let role = RoleMessage { role: Role::Equal, generation_id: 0 };
    let config = Config { flags: ConfigFlags::empty(), miss_send_len: 128 };
    let group_mod = GroupMod {
        command: GroupModCommand::Add,
        group_type: GroupType::All,
        group_id: GroupId(1),
        buckets: vec![],
    };
    let meter_mod = MeterMod {
        command: MeterModCommand::Delete,
        flags: MeterFlags::empty(),
        meter_id: MeterId(1),
        bands: vec![],
    };
    let port_mod = PortMod {
        port_no: PortNo(1),
        hw_addr: HwAddr::default(),
        config: PortConfig::empty(),
        mask: PortConfig::empty(),
        advertise: PortFeatures::empty(),
    };
    let packet_out = PacketOut { buffer_id: 1, in_port: PortNo(1), actions: vec![], data: vec![] };
    let packet_in = PacketIn {
        buffer_id: NO_BUFFER,
        total_len: 0,
        reason: PacketInReason::Action,
        table_id: TableId(0),
        cookie: 0,
        matching: Match::new([Oxm::new(OxmField::InPort, 1)]).unwrap(),
        data: vec![0xaa],
    };
    let features = SwitchFeatures {
        datapath_id: 1,
        n_buffers: 0,
        n_tables: 255,
        auxiliary_id: 0,
        capabilities: Capabilities::empty(),
        reserved: 0,
    };
    let port_status = PortStatus { reason: PortReason::Add, desc: PortDesc::default() };
    let queues = QueueConfig {
        port: PortNo::ANY,
        queues: vec![PacketQueue {
            queue_id: 1,
            port: PortNo(1),
            properties: vec![QueueProperty::MinRate(1), QueueProperty::MaxRate(2)],
        }],
    };
    for (message, len) in [
        (Message::Hello(Hello::version_1_3()), 16),
        (Message::Hello(Hello::default()), 8),
        (Message::FeaturesReply(features), 32),
        (Message::SetConfig(config), 12),
        (Message::GetConfigReply(config), 12),
        (Message::TableMod(TableMod { table_id: TableId(0), config: 0 }), 16),
        (Message::PortStatus(port_status), 80),
        (Message::PortMod(port_mod), 40),
        (Message::FlowMod(FlowMod::default()), 56),
        (Message::GroupMod(group_mod), 16),
        (Message::PacketOut(packet_out), 24),
        (Message::FlowRemoved(flow_removed()), 56),
        (Message::MeterMod(meter_mod), 16),
        (Message::QueueGetConfigRequest(PortNo::ANY), 16),
        (Message::QueueGetConfigReply(queues), 16 + 16 + 16 + 16),
        (Message::RoleRequest(role), 24),
        (Message::RoleReply(role), 24),
        (Message::SetAsync(AsyncConfig::default()), 32),
        (Message::GetAsyncReply(AsyncConfig::default()), 32),
    ] {
        assert_eq!(encode(&message).len(), len, "{message:?}");
    }
    let bytes = encode(&Message::PacketIn(packet_in));
    assert_eq!((bytes.len(), bytes[42]), (43, 0xaa), "a frame behind IN_PORT starts at byte 42");
}

#[test]
fn multipart_bodies_have_the_sizes_of_the_header_file() {
    type Reply = MultipartReplyBody;
    type Request = MultipartRequestBody;
    let queue = QueueStatsRequest { port_no: PortNo::ANY, queue_id: QUEUE_ALL };
    for (body, len) in [
        (Request::Desc, 0),
        (Request::Flow(FlowStatsRequest::default()), 40),
        (Request::Aggregate(FlowStatsRequest::default()), 40),
        (Request::PortStats(PortNo::ANY), 8),
        (Request::Queue(queue), 8),
        (Request::Group(GroupId::ALL), 8),
        (Request::Meter(MeterId::ALL), 8),
        (Request::MeterConfig(MeterId::ALL), 8),
        (Request::TableFeatures(vec![]), 0),
    ] {
        assert_eq!(body_of_request(body.clone()), len, "{body:?}");
    }
    let table =
        TableStats { table_id: TableId(0), active_count: 0, lookup_count: 0, matched_count: 0 };
    let group = GroupStats {
        group_id: GroupId(1),
        ref_count: 0,
        packet_count: 0,
        byte_count: 0,
        duration_sec: 0,
        duration_nsec: 0,
        buckets: vec![BucketCounter::default()],
    };
    let group_desc = GroupDesc {
        group_type: GroupType::All,
        group_id: GroupId(1),
        buckets: vec![Bucket::new(vec![])],
    };
    let group_features = GroupFeatures {
        types: 15,
        capabilities: GroupCapabilities::empty(),
        max_groups: [0; 4],
        actions: [0; 4],
    };
    let meter = MeterStats {
        meter_id: MeterId(1),
        flow_count: 0,
        packet_in_count: 0,
        byte_in_count: 0,
        duration_sec: 0,
        duration_nsec: 0,
        bands: vec![BandStats::default()],
    };
    let meter_config = MeterConfig {
        flags: MeterFlags::KBPS,
        meter_id: MeterId(1),
        bands: vec![Band::Drop { rate: 1, burst_size: 0 }],
    };
    let meter_features = MeterFeatures {
        max_meter: 0,
        band_types: 0,
        capabilities: MeterFlags::empty(),
        max_bands: 0,
        max_color: 0,
    };
    let table_features = TableFeatures {
        table_id: TableId(0),
        name: String::new(),
        metadata_match: 0,
        metadata_write: 0,
        config: 0,
        max_entries: 0,
        properties: vec![TableFeatureProperty::NextTables(vec![TableId(1); 5])],
    };
    for (body, len) in [
        (Reply::Desc(Desc::default()), 1056),
        (Reply::Flow(vec![flow_stats()]), 48 + 16 + 24),
        (Reply::Aggregate(AggregateStats::default()), 24),
        (Reply::Table(vec![table]), 24),
        (Reply::PortStats(vec![PortStats::default()]), 112),
        (Reply::Queue(vec![QueueStats::default()]), 40),
        (Reply::Group(vec![group]), 40 + 16),
        (Reply::GroupDesc(vec![group_desc]), 8 + 16),
        (Reply::GroupFeatures(group_features), 40),
        (Reply::Meter(vec![meter]), 40 + 16),
        (Reply::MeterConfig(vec![meter_config]), 8 + 16),
        (Reply::MeterFeatures(meter_features), 16),
        (Reply::TableFeatures(vec![table_features]), 64 + 16),
        (Reply::PortDesc(vec![PortDesc::default()]), 64),
    ] {
        assert_eq!(body_of_reply(body.clone()), len, "{body:?}");
    }
}

#[test]
fn actions_have_the_sizes_of_the_header_file() {
    let len = |action: Action| {
        let mut bytes = Vec::new();
        Action::encode_list(&[action], &mut bytes).unwrap();
        let field = u16::from_be_bytes([bytes[2], bytes[3]]);
        assert_eq!(usize::from(field), bytes.len());
        bytes.len()
    };
    assert_eq!(len(Action::output(PortNo(1))), 16);
    assert_eq!(len(Action::PopVlan), 8);
    assert_eq!(len(Action::PushVlan(0x8100)), 8);
    assert_eq!(len(Action::Experimenter { experimenter: 1, data: vec![0; 8] }), 16);
    for field in OxmField::ALL {
        let expected = if field.info().len > 8 { 24 } else { 16 };
        assert_eq!(len(Action::SetField(Oxm::new(field, 0))), expected, "{field:?}");
    }
}

#[test]
fn what_cannot_be_written_leaves_the_buffer_as_it_was() {
    let mut bytes = vec![1, 2, 3];
    let too_long = Message::EchoRequest(vec![0; 65528]);
    assert_eq!(too_long.encode(1, &mut bytes), Err(EncodeError::TooLong));
    let odd = Action::Experimenter { experimenter: 1, data: vec![0; 3] };
    let unaligned = Message::GroupMod(GroupMod {
        command: GroupModCommand::Add,
        group_type: GroupType::All,
        group_id: GroupId(1),
        buckets: vec![Bucket::new(vec![odd])],
    });
    assert_eq!(unaligned.encode(1, &mut bytes), Err(EncodeError::Unaligned));
    let wide = Action::SetField(Oxm::new(OxmField::EthType, 0x10000));
    assert_eq!(Action::encode_list(&[wide], &mut bytes), Err(EncodeError::ValueTooWide));
    let long_list = Instruction::ApplyActions(vec![Action::PopVlan; 9000]);
    assert_eq!(Instruction::encode_list(&[long_list], &mut bytes), Err(EncodeError::TooLong));
    assert_eq!(bytes, [1, 2, 3]);
    let longest = Message::EchoRequest(vec![0; 65527]);
    assert_eq!(longest.encode(1, &mut bytes), Ok(()));
    assert_eq!(bytes.len(), 3 + 65535);
}

#[test]
fn names_that_are_too_long_are_cut() {
    let named = |name: &str| PortDesc { name: name.into(), ..PortDesc::default() };
    let round = |desc: PortDesc| {
        let body = MultipartReplyBody::PortDesc(vec![desc]);
        let reply = MultipartReply { flags: MultipartFlags::empty(), body };
        let bytes = encode(&Message::MultipartReply(reply));
        let Message::MultipartReply(reply) = Message::decode(&bytes).unwrap().1 else { panic!() };
        let MultipartReplyBody::PortDesc(ports) = reply.body else { panic!() };
        ports[0].name.clone()
    };
    assert_eq!(round(named("fifteen-letters")), "fifteen-letters");
    assert_eq!(round(named("sixteen-letters!")), "sixteen-letters");
    assert_eq!(round(named("fourteen-lettéé")), "fourteen-letté");
}

#[test]
fn an_entry_from_kept_bytes_is_the_entry_itself() {
    let entry = flow_stats();
    let (mut match_bytes, mut instruction_bytes) = (Vec::new(), Vec::new());
    entry.matching.encode(&mut match_bytes).unwrap();
    Instruction::encode_list(&entry.instructions, &mut instruction_bytes).unwrap();
    let kept = FlowStatsRef {
        table_id: entry.table_id,
        duration_sec: entry.duration_sec,
        duration_nsec: entry.duration_nsec,
        priority: entry.priority,
        idle_timeout: entry.idle_timeout,
        hard_timeout: entry.hard_timeout,
        flags: entry.flags,
        cookie: entry.cookie,
        packet_count: entry.packet_count,
        byte_count: entry.byte_count,
        match_bytes: &match_bytes,
        instruction_bytes: &instruction_bytes,
    };
    let mut reply = ReplyWriter::new::<FlowStatsRef<'_>>(1).unwrap();
    assert_eq!(reply.push(&kept).unwrap(), None);
    let expected = MultipartReplyBody::Flow(vec![entry]);
    let flags = MultipartFlags::empty();
    let expected = Message::MultipartReply(MultipartReply { flags, body: expected });
    assert_eq!(reply.finish(), encode(&expected));
}

#[test]
fn a_long_reply_is_cut_into_parts() {
    let mut reply = ReplyWriter::new::<FlowStats>(77).unwrap();
    let mut parts = Vec::new();
    for cookie in 0..2000 {
        let entry = FlowStats { cookie, ..flow_stats() };
        parts.extend(reply.push(&entry).unwrap());
    }
    parts.push(reply.finish());
    assert_eq!(parts.len(), 3);
    let mut cookies = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        assert!(part.len() <= 60_000, "{}", part.len());
        let (header, message) = Message::decode(part).unwrap();
        assert_eq!(header.xid, 77);
        let Message::MultipartReply(reply) = message else { panic!() };
        assert_eq!(reply.flags.contains(MultipartFlags::MORE), number + 1 < parts.len());
        let MultipartReplyBody::Flow(entries) = reply.body else { panic!() };
        cookies.extend(entries.iter().map(|entry| entry.cookie));
    }
    assert_eq!(cookies, (0..2000).collect::<Vec<_>>());
}

#[test]
fn replies_without_entries_and_with_large_ones() {
    let empty = ReplyWriter::new::<GroupDesc>(5).unwrap().finish();
    assert_eq!(empty, [4, 19, 0, 16, 0, 0, 0, 5, 0, 7, 0, 0, 0, 0, 0, 0]);
    let group = |buckets| GroupDesc {
        group_type: GroupType::All,
        group_id: GroupId(1),
        buckets: vec![Bucket::new(vec![]); buckets],
    };
    let mut reply = ReplyWriter::new::<GroupDesc>(5).unwrap();
    assert_eq!(reply.push(&group(4094)), Ok(None), "alone it may fill a message");
    assert_eq!(reply.push(&group(4095)), Err(EncodeError::TooLong));
    assert_eq!(reply.push(&group(5000)), Err(EncodeError::TooLong));
    let full = reply.push(&group(1)).unwrap().expect("the large entry's part is full");
    assert_eq!(full.len(), 16 + 8 + 4094 * 16);
    assert_eq!(reply.finish().len(), 16 + 8 + 16);
    let mut reply = ReplyWriter::new::<GroupDesc>(5).unwrap();
    assert_eq!(reply.push(&group(4095)), Err(EncodeError::TooLong), "nor alone");
    assert_eq!(reply.finish().len(), 16);
}
