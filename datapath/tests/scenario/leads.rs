//! What workers are told of an entry beside its counters: packets go where the entry says now, whatever it said
//! before, whoever was there before, and whenever the worker came.

use ofp_codec::FlowModCommand;

use crate::*;

fn at(port: u16) -> Vec<(OxmField, u128)> {
    vec![(OxmField::EthType, 0x0800), (OxmField::IpProto, 17), (OxmField::UdpDst, u128::from(port))]
}

fn out(port: u32) -> Vec<Instruction> {
    apply([output(port)])
}

fn route(mac: u128, port: u32) -> Vec<Instruction> {
    apply([Action::DecNwTtl, set(OxmField::EthDst, mac), output(port)])
}

fn deletion(port: u16) -> FlowMod {
    FlowMod { command: FlowModCommand::DeleteStrict, ..entry(5, &at(port), vec![]) }
}

/// Two frames that hit two entries, by worker and host of their own: the ports that they leave by, and the last
/// byte of their destination.
fn way(bed: &mut Bed) -> Vec<(u32, u8)> {
    let mut worker = bed.switch.tables.add_worker().unwrap();
    let mut host = Recorder::default();
    let mut ways = Vec::new();
    for is_late in [false, true] {
        let mut batch = Batch::new();
        for port in [53, 54] {
            let frame = VecFrame::from_bytes(&udp(1, 2, port));
            batch.push(Ingress { port: Port(1), meta: Meta::default(), frame });
        }
        match is_late {
            false => bed.switch.process(&mut host, bed.now, &mut batch),
            true => worker.process(&bed.switch.tables, &mut host, bed.now, &mut batch),
        };
        let sent = host.take().into_iter();
        ways.push(sent.map(|sent| (sent.port.0, sent.frame.headers()[5])).collect::<Vec<_>>());
    }
    assert_eq!(ways[0], ways[1], "by a worker that was there and by one that came now");
    ways.swap_remove(0)
}

#[test]
fn packets_go_where_their_entry_says_now() {
    let mut bed = Bed::new();
    let own = udp(1, 2, 53)[5];
    bed.add(entry(5, &at(53), out(2)));
    bed.add(entry(5, &at(54), route(0x77, 3)));
    assert_eq!(way(&mut bed), [(2, own), (3, 0x77)]);
    // Modified.
    let modified = FlowMod { command: FlowModCommand::Modify, ..entry(5, &at(53), route(0x77, 4)) };
    bed.add(modified);
    assert_eq!(way(&mut bed), [(4, 0x77), (3, 0x77)]);
    // Replaced: to nowhere, and back.
    bed.add(entry(5, &at(54), vec![]));
    assert_eq!(way(&mut bed), [(4, 0x77)]);
    bed.add(entry(5, &at(54), out(2)));
    assert_eq!(way(&mut bed), [(4, 0x77), (2, own)]);
    // Undone.
    bed.switch.tables.begin();
    bed.add(deletion(53));
    bed.add(entry(5, &at(54), route(0x78, 3)));
    bed.add(entry(5, &at(55), route(0x79, 3)));
    assert_eq!(way(&mut bed), [(3, 0x78)]);
    bed.switch.tables.roll_back();
    assert_eq!(way(&mut bed), [(4, 0x77), (2, own)]);
    // Gone, and another one comes into its slot.
    bed.add(deletion(53));
    assert_eq!(way(&mut bed), [(2, own)]);
    bed.add(entry(5, &at(55), route(0x79, 3)));
    assert_eq!(way(&mut bed), [(2, own)]);
    bed.add(entry(5, &at(53), route(0x79, 4)));
    assert_eq!(way(&mut bed), [(4, 0x79), (2, own)]);
}

/// More ways to change packets than entries can share, and a large table's entries are warmed.
#[test]
fn changes_that_no_other_entry_does_are_done_too() {
    let mut bed = Bed::new();
    for port in 0..3_000_u16 {
        bed.add(entry(5, &at(port), route(u128::from(port), 2 + u32::from(port) % 3)));
    }
    for first in (0..3_000_u16).step_by(97) {
        let ports = || (first..3_000).step_by(31).take(32);
        let mut batch = Batch::new();
        for port in ports() {
            let mut frame = udp(1, 2, port);
            if port % 4 == 1 {
                frame[22] = 1; // its time to live runs out
            }
            let frame = VecFrame::from_bytes(&frame);
            batch.push(Ingress { port: Port(1), meta: Meta::default(), frame });
        }
        bed.switch.process(&mut bed.host, bed.now, &mut batch);
        let sent = bed.sent();
        let expected = ports().filter(|port| port % 4 != 1);
        assert_eq!(sent.len(), expected.clone().count());
        for ((out, frame), port) in sent.iter().zip(expected) {
            assert_eq!(*out, 2 + u32::from(port) % 3);
            assert_eq!(frame[4..6], port.to_be_bytes());
        }
        let failed = ports().filter(|port| port % 4 == 1).count() as u64;
        bed.assert_drops(&[(DropReason::InvalidTtl, failed)]);
    }
}

/// A table whose entries lead packets of one batch on to different tables, and to none.
#[test]
fn packets_go_on_to_the_table_that_their_entry_says_now() {
    let mut bed = Bed::new();
    let in_table =
        |table: u8, flow: FlowMod| FlowMod { table_id: ofp_codec::TableId(table), ..flow };
    let on = |table: u8| vec![Instruction::GotoTable(ofp_codec::TableId(table))];
    bed.add(in_table(1, entry(0, &[], out(2))));
    bed.add(in_table(2, entry(0, &[], out(3))));
    bed.add(in_table(3, entry(0, &[], vec![])));
    bed.add(entry(5, &at(53), on(1)));
    bed.add(entry(5, &at(54), on(2)));
    let ports = |bed: &mut Bed| way(bed).iter().map(|(port, _)| *port).collect::<Vec<_>>();
    assert_eq!(ports(&mut bed), [2, 3]);
    bed.add(FlowMod { command: FlowModCommand::Modify, ..entry(5, &at(53), on(2)) });
    assert_eq!(ports(&mut bed), [3, 3]);
    bed.add(entry(5, &at(54), on(3)));
    assert_eq!(ports(&mut bed), [3]);
    bed.add(entry(5, &at(54), out(4)));
    assert_eq!(ports(&mut bed), [3, 4]);
    bed.add(deletion(53));
    assert_eq!(ports(&mut bed), [4]);
    // What was written before goes along, by whichever entry.
    let written = vec![Instruction::WriteActions(vec![output(4)]), on(5)[0].clone()];
    let mut bed = Bed::new();
    bed.add(entry(0, &[], written));
    bed.add(in_table(5, entry(5, &at(53), on(6))));
    bed.add(in_table(5, entry(5, &at(54), on(7))));
    bed.add(in_table(6, entry(0, &[], vec![])));
    assert_eq!(ports(&mut bed), [4]);
    let counts: Vec<u64> = bed.all_flows().iter().map(|flow| flow.packet_count).collect();
    assert_eq!(counts, [4, 2, 2, 2], "two batches of two");
}
