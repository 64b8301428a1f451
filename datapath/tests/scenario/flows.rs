//! Batches through the tables. Flow-mods and the walk of single frames are cases of every embodiment
//! (`tests/src/scenarios/flows.rs`).

use ofp_codec::TableId;

use crate::*;

fn to(port: u32) -> Vec<Instruction> {
    apply([output(port)])
}

#[test]
fn batches_give_what_single_frames_give() {
    let mut bed = Bed::new();
    for port in 0..200_u16 {
        let fields = [
            (OxmField::EthType, 0x0800),
            (OxmField::IpProto, 17),
            (OxmField::UdpDst, u128::from(port)),
        ];
        bed.add(entry(5, &fields, to(2 + u32::from(port) % 3)));
    }
    let mut single = Vec::new();
    for port in 0..32_u16 {
        single.extend(bed.send(1, &udp(1, 2, port * 9)));
    }
    let mut batch = Batch::new();
    for port in 0..32_u16 {
        let frame = VecFrame::from_bytes(&udp(1, 2, port * 9));
        batch.push(Ingress { port: Port(1), meta: Meta::default(), frame });
    }
    bed.switch.process(&mut bed.host, bed.now, &mut batch);
    assert!(batch.is_empty());
    assert_eq!(bed.sent(), single);
    assert_eq!(single.len(), 23, "entries 0 to 198 are there");
    bed.assert_drops(&[(DropReason::TableMiss, 18)]);
}

/// The first packet takes a longer way to the table where both meet: what is done there is still done to
/// it first.
#[test]
fn packets_that_part_and_meet_again_keep_their_order() {
    let mut bed = Bed::new();
    let band = ofp_codec::Band::Drop { rate: 1, burst_size: 1 };
    let meter = ofp_codec::MeterMod {
        command: ofp_codec::MeterModCommand::Add,
        flags: ofp_codec::MeterFlags::PKTPS | ofp_codec::MeterFlags::BURST,
        meter_id: ofp_codec::MeterId(1),
        bands: vec![band],
    };
    bed.switch.tables.meter_mod(bed.now, &meter).unwrap();
    let in_table = |table: u8, flow: FlowMod| FlowMod { table_id: TableId(table), ..flow };
    let goto = |table: u8| vec![Instruction::GotoTable(TableId(table))];
    bed.add(in_table(0, entry(1, &[(OxmField::InPort, 1)], goto(1))));
    bed.add(in_table(0, entry(1, &[(OxmField::InPort, 2)], goto(2))));
    bed.add(in_table(1, entry(0, &[], goto(2))));
    let metered =
        vec![Instruction::Meter(ofp_codec::MeterId(1)), Instruction::ApplyActions(vec![output(3)])];
    bed.add(in_table(2, entry(0, &[], metered)));
    let frames = [(1, udp(1, 2, 53)), (2, udp(2, 1, 53))];
    let mut batch = Batch::new();
    for (port, frame) in &frames {
        let frame = VecFrame::from_bytes(frame);
        batch.push(Ingress { port: Port(*port), meta: Meta::default(), frame });
    }
    bed.switch.process(&mut bed.host, bed.now, &mut batch);
    let [(_, first), _] = frames;
    assert_eq!(bed.sent(), [(3, first)], "the meter lets one packet pass: that which came first");
    bed.assert_drops(&[(DropReason::Meter, 1)]);
}
