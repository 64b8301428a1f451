//! Defects of adding, replacing, modifying, deleting and expiring entries and groups.

use datapath::SwitchConfig;
use hypercall::Nanos;
use ofp_codec::{FlowModCommand, FlowRemovedReason, GroupId, GroupModCommand, Message, PortNo};
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;
use switch_dev::DeviceConfig;

use crate::bed::{Bed, bytes, flow_mod_of};
use crate::embodiment::FRAME;

const SECOND: u64 = Nanos::PER_SECOND;

/// FLOW_REMOVED is a multiple of 8 bytes, its padding is zero, its duration is right to the
/// nanosecond (§7.4.2).
#[test]
fn c07_flow_removed_to_the_byte() {
    let tlvs = [oxm(0, &[0, 0, 0, 1]), oxm(5, &[8, 0]), oxm(10, &[17]), oxm(15, &[0, 53])];
    for count in 0..=4 {
        let mut bed = Bed::new();
        let add =
            FlowMod { flags: 1, cookie: 0x0102_0304_0506_0708, table: 3, ..Default::default() };
        bed.accept(&add.message(5, &matching(&tlvs[..count]), &[]));
        bed.device.advance(7 * SECOND + 123_456_789);
        let delete = FlowMod { command: 3, table: 3, ..FlowMod::default() };
        let answers = bed.say(&delete.message(6, &matching(&[]), &[]));
        let [removed] = &answers[..] else { panic!("{answers:02x?}") };
        let content = tlvs[..count].concat();
        let mut expected = message(11, 0, &[]);
        expected.extend([1, 2, 3, 4, 5, 6, 7, 8]); // cookie
        expected.extend([0, 100, 2, 3]); // priority, DELETE, table
        expected.extend(7_u32.to_be_bytes());
        expected.extend(123_456_789_u32.to_be_bytes());
        expected.extend([0; 4]); // timeouts
        expected.extend([0; 16]); // packets, bytes
        expected.extend([0, 1, 0, 4 + content.len() as u8]);
        expected.extend(&content);
        expected.resize(expected.len().next_multiple_of(8), 0);
        let len = expected.len() as u16;
        expected[2..4].copy_from_slice(&len.to_be_bytes());
        assert_eq!(*removed, expected, "{count} fields");
    }
}

/// A group that cannot be modified stays as it was, and goes on forwarding; a bucket for which the
/// host has no memory is dropped and counted (§6.5).
#[test]
fn c08_a_group_survives_what_fails() {
    let limits = SwitchConfig { max_buckets: 2, ..SwitchConfig::default() };
    let mut bed = Bed::with(limits, DeviceConfig::default());
    let set = "set_field:02:00:00:00:00:09->eth_dst";
    bed.add_group(&format!(
        "group_id=5,type=all,bucket=actions={set},output:2,bucket=actions=output:3"
    ));
    bed.add("priority=5,actions=group:5,output:4");
    let three = "group_id=5,type=all,bucket=actions=output:1,bucket=actions=output:1,bucket=actions=output:1";
    for _ in 0..3 {
        let modify = Bed::group_bytes(three, GroupModCommand::Modify);
        assert_eq!(bed.refused(&modify), (6, 4), "OUT_OF_BUCKETS");
    }
    let mut changed = FRAME.to_vec();
    changed[..6].copy_from_slice(&[2, 0, 0, 0, 0, 9]);
    let all = [(2, changed), (3, FRAME.to_vec()), (4, FRAME.to_vec())];
    assert_eq!(bed.frame(1, &FRAME), all);
    // Each number of copies that the host may still make: what cannot be sent is counted.
    for memory in 0..4_usize {
        bed.settle();
        bed.device.host.memory = Some(memory);
        let sent = bed.frame(1, &FRAME);
        bed.device.host.memory = None;
        let dropped = 3 - sent.len();
        assert!(sent.iter().all(|sent| all.contains(sent)), "{sent:?}");
        assert!(sent.len() > memory.min(2), "{memory}: {sent:?}");
        let mut moved = vec![
            "port 1 rx 1/60".to_owned(),
            "table 0 lookups 1".to_owned(),
            "table 0 matches 1".to_owned(),
            "entry 0/5/0 1/60".to_owned(),
            "group 5 1/60".to_owned(),
            "group 5 bucket 0 1/60".to_owned(),
            "group 5 bucket 1 1/60".to_owned(),
        ];
        moved.extend(sent.iter().map(|(port, _)| format!("port {port} tx 1/60")));
        // A copy that an output needed counts on its port, too; one for a bucket has none yet.
        if !sent.iter().any(|(port, _)| *port == 3) {
            moved.push("port 3 tx dropped 1".to_owned());
        }
        if dropped > 0 {
            moved.push(format!("drop no_memory {dropped}"));
        }
        bed.assert_moved(&moved.iter().map(String::as_str).collect::<Vec<_>>());
    }
    assert_eq!(bed.frame(1, &FRAME), all);
    let modify =
        Bed::group_bytes("group_id=5,type=all,bucket=actions=output:2", GroupModCommand::Modify);
    bed.accept(&modify);
    assert_eq!(bed.frame(1, &FRAME), [(2, FRAME.to_vec()), (4, FRAME.to_vec())]);
}

/// An ADD over an identical entry takes the new flags and sends no FLOW_REMOVED for the old one
/// (§6.4).
#[test]
fn c13_a_replaced_entry_keeps_the_new_flags() {
    let mut bed = Bed::new();
    for cookie in 1..=2 {
        bed.add(&format!("cookie={cookie},priority=5,hard_timeout=10,send_flow_rem,actions=drop"));
        assert_eq!(bed.heard(), Vec::<Vec<u8>>::new());
        bed.device.advance(4 * SECOND);
    }
    bed.device.advance(6 * SECOND);
    let heard = bed.heard();
    let [removed] = &heard[..] else { panic!("{heard:02x?}") };
    let Message::FlowRemoved(removed) = Message::decode(removed).unwrap().1 else {
        panic!("{removed:02x?}")
    };
    assert_eq!((removed.cookie, removed.reason), (2, FlowRemovedReason::HardTimeout));
    assert_eq!((removed.duration_sec, removed.duration_nsec), (10, 0), "since it was replaced");
    // And the other way round: the flag can be replaced away.
    bed.add("priority=5,send_flow_rem,actions=drop");
    bed.add("priority=5,actions=drop");
    assert_eq!(bed.say(&flow_mod(9, 255, 3, 0, 0)), Vec::<Vec<u8>>::new());
}

/// CHECK_OVERLAP refuses an entry of the same priority that some packet could match as well, and
/// nothing else (§6.4).
#[test]
fn c14_overlap_is_more_than_identity() {
    let mut bed = Bed::new();
    bed.add("priority=5,ip,nw_dst=10.0.0.0/8,actions=drop");
    bed.add("priority=5,ip,nw_src=192.168.0.0/16,nw_dst=11.0.0.0/8,actions=drop");
    let mut check = |flow: &str| {
        let answers =
            bed.say(&Bed::flow_bytes(&format!("check_overlap,{flow}"), FlowModCommand::Add));
        match &answers[..] {
            [] => true,
            [error] => {
                assert_eq!(crate::embodiment::error_of(error), (5, 3), "OVERLAP");
                false
            }
            more => panic!("{more:02x?}"),
        }
    };
    assert!(!check("priority=5,ip,nw_dst=10.1.0.0/16,actions=drop"), "within");
    assert!(!check("priority=5,ip,nw_dst=10.0.0.0/7,actions=drop"), "around");
    assert!(!check("priority=5,udp,tp_dst=53,actions=drop"), "across");
    assert!(!check("priority=5,in_port=1,actions=drop"), "across, with nothing in common");
    assert!(!check("priority=5,actions=drop"), "everything");
    assert!(check("priority=6,ip,nw_dst=10.1.0.0/16,actions=drop"), "other priority");
    assert!(check("table=1,priority=5,ip,nw_dst=10.1.0.0/16,actions=drop"), "other table");
    assert!(check("priority=5,ip,nw_dst=12.0.0.0/8,actions=drop"), "apart");
    assert!(check("priority=5,arp,actions=drop"), "apart by type");
    assert!(
        check("priority=5,ip,nw_src=10.0.0.0/8,nw_dst=11.0.0.0/8,actions=drop"),
        "one field apart"
    );
    assert!(check("priority=5,ip,nw_dst=10.0.0.0/8,actions=output:1"), "identical: replaced");
    assert_eq!(bed.flows().len(), 7);
}

/// DELETE and the statistics select by out_port and out_group, both when both are given (§6.4,
/// §7.3.5.2).
#[test]
fn c24_selection_by_out_group_and_out_port() {
    let mut bed = Bed::new();
    for id in [5, 6] {
        bed.add_group(&format!("group_id={id},type=all,bucket=actions=output:3"));
    }
    bed.add("cookie=1,priority=1,actions=group:5");
    bed.add("cookie=2,priority=2,actions=write_actions(group:5,output:2)");
    bed.add("cookie=3,priority=3,actions=output:2,group:6");
    bed.add("cookie=4,priority=4,actions=output:2");
    bed.add("cookie=5,table=9,priority=5,actions=group:5,output:3");
    let by = |out_port: Option<u32>, out_group: Option<u32>| {
        let port = out_port.map_or(PortNo::ANY, PortNo);
        let group = out_group.map_or(GroupId::ANY, GroupId);
        (port, group)
    };
    let mut told = |(out_port, out_group): (PortNo, GroupId)| {
        use ofp_codec::multipart::{
            FlowStatsRequest, MultipartReplyBody, MultipartRequest, MultipartRequestBody,
        };
        let request = FlowStatsRequest { out_port, out_group, ..FlowStatsRequest::default() };
        let request = MultipartRequest {
            flags: Default::default(),
            body: MultipartRequestBody::Flow(request),
        };
        let Message::MultipartReply(reply) = bed.ask(&Message::MultipartRequest(request)) else {
            panic!("no multipart reply")
        };
        let MultipartReplyBody::Flow(flows) = reply.body else { panic!("{reply:?}") };
        let mut cookies: Vec<u64> = flows.iter().map(|flow| flow.cookie).collect();
        cookies.sort_unstable();
        cookies
    };
    assert_eq!(told(by(None, None)), [1, 2, 3, 4, 5]);
    assert_eq!(told(by(None, Some(5))), [1, 2, 5]);
    assert_eq!(told(by(None, Some(6))), [3]);
    assert_eq!(told(by(None, Some(7))), []);
    assert_eq!(told(by(Some(2), None)), [2, 3, 4]);
    assert_eq!(told(by(Some(2), Some(5))), [2]);
    assert_eq!(told(by(Some(3), Some(5))), [5]);
    assert_eq!(told(by(Some(3), Some(6))), [], "a group's own outputs don't count");
    let mut delete = |(out_port, out_group): (PortNo, GroupId)| {
        let mut delete = flow_mod_of("table=255", FlowModCommand::Delete);
        (delete.out_port, delete.out_group) = (out_port, out_group);
        bed.accept(&bytes(&Message::FlowMod(delete), 5));
        let mut cookies: Vec<u64> = bed.flows().iter().map(|flow| flow.cookie).collect();
        cookies.sort_unstable();
        cookies
    };
    assert_eq!(delete(by(None, Some(7))), [1, 2, 3, 4, 5]);
    assert_eq!(delete(by(Some(2), Some(5))), [1, 3, 4, 5]);
    assert_eq!(delete(by(None, Some(5))), [3, 4]);
    assert_eq!(delete(by(None, None)), []);
}

/// An entry goes at its timeout: not before, and as soon as the host looks at the clock, which it is
/// told when to do (§5.5).
#[test]
fn c29_timeouts_are_on_time() {
    let mut bed = Bed::new();
    bed.add("cookie=1,priority=1,idle_timeout=1,send_flow_rem,actions=output:2");
    bed.add("cookie=2,priority=2,in_port=3,hard_timeout=2,send_flow_rem,actions=output:2");
    bed.add("cookie=3,table=1,hard_timeout=65535,send_flow_rem,actions=drop");
    bed.device.advance(SECOND / 2);
    assert_eq!(bed.frame(1, &FRAME).len(), 1);
    let mut gone = Vec::new();
    // A host that does nothing but what it is told.
    while let Some(deadline) = bed.device.device.next_deadline() {
        let early = deadline.0.saturating_sub(1).saturating_sub(bed.now().0);
        bed.device.advance(early);
        assert_eq!(bed.heard(), Vec::<Vec<u8>>::new(), "before its time");
        bed.device.advance(deadline.since(bed.now()));
        for removed in bed.heard() {
            let Message::FlowRemoved(removed) = Message::decode(&removed).unwrap().1 else {
                panic!("{removed:02x?}")
            };
            gone.push((bed.now(), removed.cookie, removed.reason));
        }
    }
    assert_eq!(
        gone,
        [
            (Nanos(3 * SECOND / 2), 1, FlowRemovedReason::IdleTimeout),
            (Nanos(2 * SECOND), 2, FlowRemovedReason::HardTimeout),
            (Nanos(65_535 * SECOND), 3, FlowRemovedReason::HardTimeout),
        ]
    );
    assert_eq!(bed.flows(), []);
}

/// A flow-mod that fails anywhere changes nothing: no entry is lost, none is half modified (§6.4).
#[test]
fn c32_a_failing_modify_leaves_entries_alone() {
    let mut bed = Bed::new();
    bed.add_group("group_id=5,type=all,bucket=actions=output:2");
    for priority in 1..=3 {
        bed.add(&format!(
            "cookie={priority},priority={priority},in_port={priority},actions=group:5"
        ));
    }
    bed.frame(1, &FRAME);
    let good = apply(&[output(3)]);
    let bad = [
        (write(&[output(3), output(0)]), (2, 4)),
        (write(&[output(3), tlv(22, &[0, 0, 0, 9])]), (2, 9)),
        (write(&[output(3), set_field(&oxm(14, &[0, 80]))]), (2, 10)),
        (write(&[tlv(28, &[0; 4])]), (2, 0)),
        (goto(0), (3, 2)),
        (tlv(6, &[0, 0, 0, 9]), (12, 3)),
        (tlv(9, &[0; 4]), (3, 0)),
    ];
    for (bad, error) in bad {
        for command in [0, 1, 2] {
            let request = FlowMod { command, priority: 2, ..FlowMod::default() };
            let tlvs = match command {
                1 => matching(&[]),
                _ => matching(&[oxm(0, &[0, 0, 0, 2])]),
            };
            let request = request.message(5, &tlvs, &[good.clone(), bad.clone()]);
            assert_eq!(bed.refused(&request), error, "command {command}");
        }
    }
    assert_eq!(bed.frame(2, &FRAME), [], "port 2's entry sends to port 2 still");
    assert_eq!(bed.frame(3, &FRAME), [(2, FRAME.to_vec())]);
    assert_eq!(bed.flows().len(), 3);
}
