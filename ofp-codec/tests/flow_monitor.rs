//! ONF's flow monitors on the wire: bytes that Open vSwitch 3.1 and its `ovs-ofctl monitor` have
//! sent, what other controllers make of a request, and the errors.

use rumpswitch_ofp_codec::multipart::*;
use rumpswitch_ofp_codec::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.bytes().filter_map(|digit| (digit as char).to_digit(16)).map(|d| d as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// An experimenter multipart message of ONF's type 1870 with this body.
fn multipart(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![4, kind, 0, 0, 0, 0, 0, 6, 0xff, 0xff, 0, 0, 0, 0, 0, 0];
    bytes.extend(hex("4f4e4600 0000074e"));
    bytes.extend_from_slice(body);
    let len = u16::try_from(bytes.len()).unwrap();
    bytes[2..4].copy_from_slice(&len.to_be_bytes());
    bytes
}

fn request(body: &str) -> Result<Vec<FlowMonitorRequest>, OfpError> {
    match Message::decode(&multipart(18, &hex(body)))?.1 {
        Message::MultipartRequest(MultipartRequest {
            body: MultipartRequestBody::FlowMonitor(requests),
            ..
        }) => Ok(requests),
        other => panic!("{other:?}"),
    }
}

fn there_and_back(bytes: &[u8]) -> Message {
    let (header, message) = Message::decode(bytes).unwrap();
    let mut again = Vec::new();
    message.encode(header.xid, &mut again).unwrap();
    assert_eq!(again, bytes);
    message
}

#[test]
fn the_request_that_ovs_ofctl_sends() {
    let bytes = multipart(18, &hex("00000000 003f 0004 ffffffff 00 000000 00010004 00000000"));
    let Message::MultipartRequest(request) = there_and_back(&bytes) else { panic!() };
    let flags = FlowMonitorFlags::from_bits_retain(0x3f);
    let expected = FlowMonitorRequest {
        id: 0,
        flags,
        out_port: PortNo::ANY,
        table_id: TableId(0),
        matching: Match::any(),
    };
    assert_eq!(request.body, MultipartRequestBody::FlowMonitor(vec![expected]));
    assert_eq!(request.body.multipart_type(), MultipartType::Experimenter);
}

#[test]
fn the_updates_that_open_vswitch_sends() {
    let added = "0050 0000 0000 0005 003c 0000 0012 00 00 0000000000000077 \
        00010012 80000a020800 800018040a000001 000000000000 \
        00040018 00000000 0000001000000001 0000000000000000 0001000802000000";
    let deleted = "0020 0001 0001 0005 0000 0001 0004 00 00 0000000000000000 0001000400000000";
    let abbreviated = "0008 0003 00000067";
    let bytes = multipart(19, &hex(&[added, deleted, abbreviated].concat()));
    let Message::MultipartReply(reply) = there_and_back(&bytes) else { panic!() };
    let fields = [Oxm::new(OxmField::EthType, 0x0800), Oxm::new(OxmField::Ipv4Dst, 0x0a00_0001)];
    let output = Action::Output { port: PortNo(1), max_len: MaxLen(0) };
    let expected = [
        FlowUpdate::Full {
            event: FlowUpdateEvent::Added,
            reason: 0,
            priority: 5,
            idle_timeout: 60,
            hard_timeout: 0,
            table_id: TableId(0),
            cookie: 0x77,
            matching: Match::new(fields).unwrap(),
            instructions: vec![
                Instruction::ApplyActions(vec![output]),
                Instruction::GotoTable(TableId(2)),
            ],
        },
        FlowUpdate::Full {
            event: FlowUpdateEvent::Deleted,
            reason: FlowRemovedReason::HardTimeout as u16,
            priority: 5,
            idle_timeout: 0,
            hard_timeout: 1,
            table_id: TableId(0),
            cookie: 0,
            matching: Match::any(),
            instructions: vec![],
        },
        FlowUpdate::Abbreviated { xid: 0x67 },
    ];
    assert_eq!(reply.body, MultipartReplyBody::FlowMonitor(expected.to_vec()));
    let mut one_by_one = Vec::new();
    expected.iter().for_each(|update| update.encode(&mut one_by_one).unwrap());
    assert_eq!(one_by_one, bytes[24..]);
}

#[test]
fn cancel_pause_and_resume() {
    let cancel = hex("04040014 0000006d 4f4e4600 0000074e 00000063");
    assert_eq!(there_and_back(&cancel), Message::FlowMonitorCancel(0x63));
    let paused = hex("04040010 00000000 4f4e4600 0000074f");
    assert_eq!(there_and_back(&paused), Message::FlowMonitorPaused);
    let resumed = hex("04040010 00000000 4f4e4600 00000750");
    assert_eq!(there_and_back(&resumed), Message::FlowMonitorResumed);
    for wrong in [
        "04040010 0000006d 4f4e4600 0000074e",
        "04040018 0000006d 4f4e4600 0000074e 00000063 00000000",
        "04040014 00000000 4f4e4600 0000074f 00000000",
    ] {
        let error = Message::decode(&hex(wrong)).unwrap_err().error;
        assert_eq!(error, OfpError::BadRequest(BadRequestCode::BadLen), "{wrong}");
    }
}

#[test]
fn a_match_is_read_in_every_form_that_controllers_send() {
    let tcp = Match::new([Oxm::new(OxmField::EthType, 0x0800), Oxm::new(OxmField::IpProto, 6)]);
    let tcp = tcp.unwrap();
    for (what, body) in [
        ("ovs-ofctl", "00000007 0002 000f ffffffff ff 000000 0001000f 80000a020800 8000140106 00"),
        (
            "length with padding",
            "00000007 0002 0010 ffffffff ff 000000 0001000f 80000a020800 8000140106 00",
        ),
        (
            "fields alone, as os-ken writes them",
            "00000007 0002 000b ffffffff ff 000000 80000a020800 8000140106 0000000000",
        ),
    ] {
        let requests = request(body).unwrap();
        assert_eq!(requests[0].matching, tcp, "{what}");
        assert_eq!((requests[0].id, requests[0].table_id), (7, TableId::ALL), "{what}");
    }
    let requests = request(
        "00000001 0002 0000 ffffffff ff 000000 00000002 0004 0004 00000003 05 000000 0001000400000000",
    );
    let requests = requests.unwrap();
    assert_eq!(requests[0].matching, Match::any(), "no match at all");
    assert_eq!((requests[1].id, requests[1].out_port), (2, PortNo(3)), "and the next one");
    assert_eq!(request(""), Ok(vec![]));
}

#[test]
fn errors_of_requests() {
    use BadMatchCode::*;
    let bad_len = OfpError::BadRequest(BadRequestCode::BadLen);
    let any = "00010004 00000000";
    for (what, head, matching, error) in [
        ("no change asked for", "00000001 0000 0004 ffffffff ff 000000", any, MONITOR_BAD_FLAGS),
        ("initial alone", "00000001 0001 0004 ffffffff ff 000000", any, MONITOR_BAD_FLAGS),
        ("unknown flag", "00000001 0042 0004 ffffffff ff 000000", any, MONITOR_BAD_FLAGS),
        ("padding", "00000001 0002 0004 ffffffff ff 000100", any, MUST_BE_ZERO),
        ("flags first", "00000001 0000 0004 ffffffff ff 000100", any, MONITOR_BAD_FLAGS),
        ("cut", "00000001 0002 0004 ffffffff ff", "", bad_len),
        ("cut match", "00000001 0002 0004 ffffffff ff 000000", "00010004", bad_len),
        ("long match", "00000001 0002 0009 ffffffff ff 000000", any, bad_len),
        ("two lengths", "00000001 0002 0005 ffffffff ff 000000", any, OfpError::BadMatch(BadLen)),
        (
            "prerequisite",
            "00000001 0002 000a ffffffff ff 000000",
            "0001000a 80001c020050 000000000000",
            OfpError::BadMatch(BadPrereq),
        ),
    ] {
        assert_eq!(request(&[head, matching].concat()), Err(error), "{what}");
    }
    assert_eq!((MONITOR_EXISTS.error_type(), MONITOR_EXISTS.code()), (0xffff, 6));
    assert_eq!((UNKNOWN_MONITOR.error_type(), UNKNOWN_MONITOR.code()), (0xffff, 8));
}

#[test]
fn updates_that_do_not_add_up_are_refused() {
    for body in [
        "0010 0003 00000067 00000000 00000000",
        "0018 0000 0000 0005 0000 0000 0004 00 00 0000000000000000",
        "0024 0000 0000 0005 0000 0000 0004 00 00 0000000000000000 00010004 00000000 00000000",
        "0028 0000 0000 0005 0000 0000 0004 00 00 0000000000000000 00010004 00000000",
        "0020 0007 0000 0005 0000 0000 0004 00 00 0000000000000000 00010004 00000000",
    ] {
        assert!(Message::decode(&multipart(19, &hex(body))).is_err(), "{body}");
    }
}
