//! Batches through the tables. Flow-mods and the walk of single frames are cases of every embodiment
//! (`tests/src/scenarios/flows.rs`).

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
