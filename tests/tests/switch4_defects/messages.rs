//! Defects of reading and answering messages.

use datapath::SwitchConfig;
use ofp_codec::FlowModCommand;
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;
use switch_dev::{DeviceConfig, DeviceError, Readiness};

use crate::bed::Bed;
use crate::embodiment::{FRAME, read, types};

const BAD_REQUEST: u16 = 1;
const BAD_ACTION: u16 = 2;

/// A flow-mod may end behind its match, whatever padding the match has: such an entry drops, and
/// deleting everything takes 56 bytes (§7.3.4.1).
#[test]
fn c01_delete_all_of_56_bytes() {
    let eth = |field| oxm(field, &[2, 0, 0, 0, 0, 9]);
    let (in_port, eth_type) = (oxm(0, &[0, 0, 0, 1]), oxm(5, &[8, 0]));
    let matches: [&[Vec<u8>]; 10] = [
        &[],
        std::slice::from_ref(&eth_type),
        std::slice::from_ref(&in_port),
        &[eth(3)],
        &[oxm(2, &[0; 8])],
        &[in_port.clone(), eth_type.clone()],
        &[eth(3), eth_type.clone()],
        &[eth(3), in_port.clone()],
        &[eth(3), eth_type.clone(), in_port.clone()],
        &[eth(3), eth(4), in_port.clone()],
    ];
    let mut lens = Vec::new();
    let mut bed = Bed::new();
    let command = |command| FlowMod { command, ..FlowMod::default() };
    for tlvs in matches {
        let matching = matching(tlvs);
        lens.push(u16::from_be_bytes([matching[2], matching[3]]));
        let add = command(0).message(5, &matching, &[]);
        bed.accept(&add);
        assert_eq!(bed.flows().len(), 1, "{tlvs:02x?}");
        bed.accept(&command(4).message(5, &matching, &[]));
        assert_eq!(bed.flows().len(), 0, "{tlvs:02x?}");
        bed.accept(&add);
        bed.accept(&command(3).message(5, &matching, &[]));
        assert_eq!(bed.flows().len(), 0, "{tlvs:02x?}");
    }
    assert_eq!(lens, [4, 10, 12, 14, 16, 18, 20, 22, 28, 32]);
    bed.accept(&command(0).message(5, &matching(&[in_port]), &[]));
    bed.add("table=7,priority=3,actions=drop");
    bed.settle();
    assert_eq!(bed.frame(1, &FRAME), [], "without an instruction it drops");
    bed.assert_moved(&[
        "port 1 rx 1/60",
        "table 0 lookups 1",
        "table 0 matches 1",
        "entry 0/100/1 1/60",
        "drop no_output 1",
    ]);
    let delete_all = FlowMod { command: 3, table: 255, ..FlowMod::default() };
    let delete_all = delete_all.message(5, &matching(&[]), &[]);
    assert_eq!(delete_all.len(), 56);
    bed.accept(&delete_all);
    assert_eq!(bed.flows(), []);
}

/// A set-field names a field of the basic class that can be set; every other class and number is
/// BAD_ACTION, and nothing is stored (§7.2.5).
#[test]
fn c04_set_field_of_any_class_and_number() {
    let mut bed = Bed::new();
    let mut accepted = Vec::new();
    for class in [0, 1, 0x8000, 0x8001, 0xffff] {
        for field in 0..=127 {
            for len in [1, 2, 3, 4, 6, 8, 16] {
                let oxm = oxm_class(class, field, false, &vec![0; len]);
                let instruction = write(&[set_field(&oxm)]);
                let request = FlowMod::default().message(5, &matching(&[]), &[instruction]);
                let answers = bed.say(&request);
                match &answers[..] {
                    [] => {
                        accepted.push((class, field, len));
                        bed.flow_mod("", FlowModCommand::Delete);
                    }
                    [error] => {
                        let (kind, _) = crate::embodiment::error_of(error);
                        assert_eq!(kind, BAD_ACTION, "class {class:#x}, field {field}");
                    }
                    more => panic!("{more:02x?}"),
                }
                assert_eq!(bed.flows(), []);
            }
        }
    }
    // Without a match only what every packet has can be set.
    let expected = [(0x8000, 3, 6), (0x8000, 4, 6), (0x8000, 5, 2), (0x8000, 38, 8)];
    assert_eq!(accepted, expected, "eth_dst, eth_src, eth_type, tunnel_id");
}

/// A multipart request shorter than its body is BAD_LEN, at every length (§7.3.5).
#[test]
fn c09_truncated_multipart_requests() {
    let mut bed = Bed::new();
    let tlvs = matching(&[oxm(0, &[0, 0, 0, 1]), oxm(5, &[8, 0])]);
    let flow = flow_request(255, &tlvs);
    for kind in [1, 2] {
        for len in 0..flow.len() {
            let error = bed.refused(&multipart(5, kind, 0, &flow[..len]));
            let in_match = len >= 40;
            let expected = if in_match { (4, 1) } else { (BAD_REQUEST, 6) };
            assert_eq!(error, expected, "type {kind}, {len} of {} bytes", flow.len());
        }
    }
    for kind in [4, 5, 6, 9, 10] {
        for len in 0..8 {
            let error = bed.refused(&multipart(5, kind, 0, &[0xff; 8][..len]));
            assert_eq!(error, (BAD_REQUEST, 6), "type {kind}, {len} of 8 bytes");
        }
    }
    for len in 8..16 {
        let cut = multipart(5, 1, 0, &flow)[..len].to_vec();
        let cut = message(18, 5, &cut[8..]);
        assert_eq!(bed.refused(&cut), (BAD_REQUEST, 6), "{len} bytes in all");
    }
}

/// Parts of a request are executed together when the last has come, or the request is refused with
/// MULTIPART_BUFFER_OVERFLOW (§7.3.5).
#[test]
fn c21_a_request_in_parts_is_one_request() {
    const MORE: u16 = 1;
    let config = DeviceConfig { assembly_len: 1024, ..DeviceConfig::default() };
    let mut bed = Bed::with(SwitchConfig::default(), config);
    bed.add("priority=1,actions=drop");
    let flow = flow_request(255, &matching(&[]));
    bed.accept(&multipart(5, 2, MORE, &flow[..16]));
    bed.accept(&multipart(5, 2, MORE, &[]));
    bed.accept(&multipart(5, 2, MORE, &flow[16..33]));
    let answers = bed.say(&multipart(5, 2, 0, &flow[33..]));
    assert_eq!(summary(&answers), [(19, 5)]);
    assert_eq!(answers[0][10..12], [0, 0], "the last part of the reply");
    assert_eq!(answers[0][32..36], [0, 0, 0, 1], "one entry");

    bed.accept(&multipart(6, 12, MORE, &[0; 1000]));
    let answers = bed.say(&multipart(6, 12, MORE, &[0; 1000]));
    assert_eq!(summary(&answers), [(1, 6)]);
    assert_eq!(crate::embodiment::error_of(&answers[0]), (BAD_REQUEST, 13));
    assert_eq!(summary(&bed.say(&multipart(6, 0, 0, &[]))), [(19, 6)], "it starts afresh");
}

/// A cookie of all ones is an opaque value like others in a flow-mod as far as the switch goes:
/// what the standard reserves it for (packet-ins without an entry) is the switch's to say. The text
/// forbids a controller to use it and names no error; it is taken, told and filtered by.
#[test]
fn c25_a_cookie_of_all_ones() {
    let mut bed = Bed::new();
    bed.add("cookie=0xffffffffffffffff,priority=1,actions=output:1");
    bed.add("cookie=0x7fffffffffffffff,priority=2,actions=output:1");
    assert_eq!(bed.flows().iter().filter(|flow| flow.cookie == u64::MAX).count(), 1);
    bed.flow_mod("cookie=0xffffffffffffffff/-1", FlowModCommand::Delete);
    let left: Vec<u64> = bed.flows().iter().map(|flow| flow.cookie).collect();
    assert_eq!(left, [u64::MAX >> 1]);
}

/// A packet-out holds a frame and comes from a port that a packet can come from: otherwise
/// BAD_PACKET or BAD_PORT, and nothing is sent (§7.3.7).
#[test]
fn c26_packet_outs_without_a_frame_or_a_port() {
    const NONE: u32 = u32::MAX;
    const CONTROLLER: u32 = 0xffff_fffd;
    let mut bed = Bed::new();
    for len in 0..14 {
        let request = packet_out(5, NONE, CONTROLLER, &[output(1)], &FRAME[..len]);
        assert_eq!(bed.refused(&request), (BAD_REQUEST, 12), "{len} bytes");
    }
    for port in [0, 0xffff_ff01, 0xffff_fff7, 0xffff_fff8, 0xffff_fff9, 0xffff_fffc] {
        let request = packet_out(5, NONE, port, &[output(1)], &FRAME);
        assert_eq!(bed.refused(&request), (BAD_REQUEST, 11), "in_port {port:#x}");
    }
    assert_eq!(bed.sent(), []);
    bed.assert_moved(&["channel 0 errors 20"]);
    bed.accept(&packet_out(5, NONE, CONTROLLER, &[output(1)], &FRAME[..14]));
    assert_eq!(bed.sent(), [(1, FRAME[..14].to_vec())]);
    bed.assert_moved(&["port 1 tx 1/14"]);
}

/// A message shorter than its header leaves no way to find the next one: the channel ends, others
/// stay, and nothing behind it is executed (§7.1).
#[test]
fn c28_garbage_ends_the_stream() {
    for garbage in [&[0; 64][..], &[0xff, 0xff, 0, 7, 0, 0, 0, 0], &[4, 14, 0, 0, 0, 0, 0, 5]] {
        let mut bed = Bed::new();
        let other = connect(&mut bed.device);
        let stream = [&flow_add(5, 0, 1), garbage, &flow_add(6, 0, 2), &barrier(7)].concat();
        let mut rest = &stream[..];
        let end = loop {
            match bed.device.write(bed.channel, rest) {
                Ok(taken) if taken < rest.len() => rest = &rest[taken..],
                Ok(_) => break None,
                Err(error) => break Some(error),
            }
        };
        assert!(matches!(end, None | Some(DeviceError::HungUp)), "{end:?}");
        assert_eq!(read(&mut bed.device, bed.channel), Vec::<Vec<u8>>::new());
        assert!(bed.device.readiness(bed.channel).contains(Readiness::HANGUP));
        bed.channel = other;
        assert_eq!(bed.flows().len(), 1, "what came before was executed, what came behind not");
    }
}

/// Replies are never dropped for packet-ins: those are bounded, and what does not fit is counted
/// (§6.1.3, §7.4.1).
#[test]
fn c30_replies_come_through_however_many_packet_ins_wait() {
    let config = DeviceConfig { packet_in_count: 128, ..DeviceConfig::default() };
    let mut bed = Bed::with(SwitchConfig::default(), config);
    bed.add("priority=0,actions=controller");
    bed.settle();
    for _ in 0..1000 {
        assert_eq!(bed.frame(1, &FRAME), []);
    }
    let requests: Vec<u8> = (0..500).flat_map(|xid| echo(xid, b"?")).collect();
    write_all(&mut bed.device, bed.channel, &requests);
    let heard = bed.heard();
    let kinds = types(&heard);
    let replies: Vec<_> = summary(&heard).into_iter().filter(|(kind, _)| *kind == 3).collect();
    assert_eq!(replies, (0..500).map(|xid| (3, xid)).collect::<Vec<_>>());
    // As many as the channel and the switch's own queue hold; the rest is dropped and counted.
    let kept = 128 + SwitchConfig::default().punt_queue_count;
    assert_eq!(kinds.iter().filter(|kind| **kind == 10).count() as u32, kept);
    bed.assert_moved(&[
        "port 1 rx 1000/60000",
        "table 0 lookups 1000",
        "table 0 matches 1000",
        "entry 0/0/0 1000/60000",
        &format!("channel 0 packet-ins {kept}"),
        &format!("drop punt_queue_full {}", 1000 - kept),
    ]);
}

/// Deleting what is not there and modifying what matches nothing are no errors (§6.4, §6.5).
#[test]
fn c31_nothing_to_delete_is_no_error() {
    let mut bed = Bed::new();
    bed.accept(&group_mod(5, 2, 0, 77, &[]));
    bed.accept(&group_mod(5, 2, 0, 0xffff_fffc, &[]));
    bed.accept(&meter_mod(5, 2, 0, 77, &[]));
    for table in [0, 9, 254] {
        for command in 1..=4 {
            let request = FlowMod { table, command, ..FlowMod::default() };
            bed.accept(&request.message(5, &matching(&[]), &[]));
        }
    }
    assert_eq!(bed.flows(), []);
    bed.assert_moved(&[]);
}

/// A set-field has no mask and sets no field that is not the packet's (§7.2.5).
#[test]
fn c34_set_field_with_a_mask_or_of_a_pipeline_field() {
    let mut bed = Bed::new();
    let masked = [
        oxm_masked(3, &[1, 0, 0, 0, 0, 0], &[1, 0, 0, 0, 0, 0]),
        oxm_masked(3, &[1; 6], &[0xff; 6]),
        oxm_masked(38, &[0; 8], &[0; 8]),
    ];
    let fixed = [oxm(0, &[0, 0, 0, 1]), oxm(1, &[0, 0, 0, 1]), oxm(2, &[0; 8])];
    for tlv in masked.iter().chain(&fixed) {
        for instruction in [apply(&[set_field(tlv)]), write(&[set_field(tlv)])] {
            let request = FlowMod::default().message(5, &matching(&[]), &[instruction]);
            let (kind, code) = bed.refused(&request);
            assert!(kind == BAD_ACTION && [13, 15].contains(&code), "{kind}/{code}: {tlv:02x?}");
        }
        let request = packet_out(5, u32::MAX, 1, &[set_field(tlv), output(2)], &FRAME);
        assert_eq!(bed.refused(&request).0, BAD_ACTION, "{tlv:02x?}");
        let buckets = [bucket(0, u32::MAX, u32::MAX, &[set_field(tlv), output(1)])];
        assert_eq!(bed.refused(&group_mod(5, 0, 0, 1, &buckets)).0, BAD_ACTION, "{tlv:02x?}");
    }
    assert_eq!(bed.sent(), []);
}

/// An entry names only meters that exist (§6.4), and a meter that exists meters.
#[test]
fn c35_meter_instructions_need_a_meter() {
    let mut bed = Bed::new();
    let flow = "priority=5,actions=meter:7,output:2";
    let add = Bed::flow_bytes(flow, FlowModCommand::Add);
    assert_eq!(bed.refused(&add), (12, 3), "UNKNOWN_METER");
    bed.add_meter("meter=7 pktps burst stats bands=type=drop rate=10 burst_size=3");
    bed.accept(&add);
    bed.settle();
    let passed = (0..8).filter(|_| !bed.frame(1, &FRAME).is_empty()).count();
    assert_eq!(passed, 3, "its burst");
    bed.assert_moved(&[
        "port 1 rx 8/480",
        "table 0 lookups 8",
        "table 0 matches 8",
        "entry 0/5/0 8/480",
        "meter 7 8/480",
        "meter 7 band 0 5/300",
        "drop meter 5",
        "port 2 tx 3/180",
    ]);
}
