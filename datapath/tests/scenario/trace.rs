//! Traces tell what would happen and leave no mark.

use crate::*;
use ofp_codec::{Bucket, GroupId, GroupMod, GroupModCommand, GroupType, TableId};
use rumpswitch_datapath::TraceStep;

#[test]
fn each_step_is_told_and_nothing_is_counted() {
    let mut bed = Bed::new();
    let group = GroupMod {
        command: GroupModCommand::Add,
        group_type: GroupType::All,
        group_id: GroupId(5),
        buckets: vec![
            Bucket::new(vec![set(OxmField::EthDst, 7), output(3)]),
            Bucket::new(vec![output(4)]),
        ],
    };
    bed.switch.tables.group_mod(bed.now, &group).unwrap();
    let mut first = apply([output(2), Action::PushVlan(0x8100)]);
    first.extend(write([Action::Group(GroupId(5))]));
    first.push(Instruction::GotoTable(TableId(6)));
    bed.add(entry(9, &[(OxmField::InPort, 1)], first));
    bed.add(FlowMod { table_id: TableId(6), ..entry(0, &[], apply([Action::controller()])) });
    let frame = udp(1, 2, 53);
    let steps = bed.switch.trace(bed.now, Port(1), Meta::default(), &frame);
    let text: Vec<String> = steps.iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        [
            "table 0: priority=9,in_port=1 cookie=0x0",
            "output:2",
            "out of port 2, 60 bytes",
            "push_vlan:0x8100",
            "table 6: priority=0 cookie=0x0",
            "CONTROLLER:65535",
            "packet-in, reason no_match",
            "action set",
            "group:5",
            "group 5, bucket 0",
            "set_field:00:00:00:00:00:07->eth_dst",
            "output:3",
            "out of port 3, 64 bytes",
            "group 5, bucket 1",
            "output:4",
            "out of port 4, 64 bytes",
        ]
    );
    let frames = steps.iter().filter_map(|step| match step {
        TraceStep::Output { frame, .. } => Some(frame.clone()),
        _ => None,
    });
    let mut changed = tagged(0, &frame);
    changed[5] = 7;
    changed[0] = 0;
    assert_eq!(frames.collect::<Vec<_>>(), [frame.clone(), changed, tagged(0, &frame)]);
    assert!(bed.all_flows().iter().all(|flow| flow.packet_count == 0));
    assert_eq!((bed.sent(), bed.packet_in()), (vec![], None));
    bed.assert_drops(&[]);
    let really: Vec<_> = bed.send(1, &frame);
    assert_eq!(really.iter().map(|(port, _)| *port).collect::<Vec<_>>(), [2, 3, 4]);
}

#[test]
fn a_miss_names_the_closest_entry_and_what_failed() {
    let mut bed = Bed::new();
    let ip = (OxmField::EthType, 0x0800);
    bed.add(entry(5, &[(OxmField::InPort, 3)], vec![]));
    let close = [ip, (OxmField::IpProto, 17), (OxmField::UdpDst, 54)];
    bed.add(entry(6, &close, vec![]));
    bed.add(entry(7, &[ip, (OxmField::IpProto, 6), (OxmField::TcpDst, 53)], vec![]));
    let steps = bed.switch.tables.trace(bed.now, Port(1), Meta::default(), &udp(1, 2, 53));
    let [TraceStep::Table { entry: None, nearest: Some(nearest), .. }, last] = &steps[..] else {
        panic!("{steps:?}")
    };
    assert_eq!(last, &TraceStep::Dropped(DropReason::TableMiss));
    assert_eq!(nearest.entry.priority, 6);
    assert_eq!((nearest.failed, nearest.found), (Oxm::new(OxmField::UdpDst, 54), Some(53)));
    assert!(steps[0].to_string().ends_with("udp_dst is 53, not 54"), "{}", steps[0]);
    bed.assert_drops(&[]);
}
