//! Packet-ins: reasons, cookies, context, bounds.

use crate::*;
use ofp_codec::{NO_BUFFER, TableId};

fn controller() -> Vec<Action> {
    vec![Action::controller()]
}

#[test]
fn the_message_holds_the_packet_so_far_and_its_context() {
    let mut bed = Bed::new();
    let metadata = Instruction::WriteMetadata { value: 9, mask: u64::MAX };
    bed.add(entry(1, &[], vec![metadata, Instruction::GotoTable(TableId(3))]));
    let actions =
        [set(OxmField::EthDst, 7), Action::controller(), set(OxmField::EthDst, 8), output(2)];
    bed.add(FlowMod { table_id: TableId(3), ..entry(1, &[], apply(actions)) });
    let meta = Meta { in_phy_port: Port(40), tunnel_id: 6, ..Meta::default() };
    let sent = bed.send_with(1, meta, &udp(1, 2, 53));
    let message = bed.packet_in().unwrap();
    let mut expected = udp(1, 2, 53);
    expected[..6].copy_from_slice(&[0, 0, 0, 0, 0, 7]);
    assert_eq!((message.buffer_id, message.total_len, message.data), (NO_BUFFER, 60, expected));
    assert_eq!(message.table_id, TableId(3));
    let context = [
        (OxmField::InPort, 1),
        (OxmField::InPhyPort, 40),
        (OxmField::Metadata, 9),
        (OxmField::TunnelId, 6),
    ];
    assert_eq!(message.matching, matching(&context));
    assert_eq!(sent[0].1[5], 8);
}

#[test]
fn the_queue_is_bounded() {
    let mut bed = Bed::with(SwitchConfig { punt_queue_count: 8, ..SwitchConfig::default() });
    bed.add(entry(0, &[], apply(controller())));
    for _ in 0..20 {
        bed.send(1, &udp(1, 2, 53));
    }
    bed.assert_drops(&[(DropReason::PuntQueueFull, 12)]);
    assert_eq!(bed.switch.worker.punt_count(), 8);
    bed.send(2, &udp(1, 2, 53));
    let ports: Vec<u32> =
        std::iter::from_fn(|| bed.switch.worker.next_punt()).map(|p| p.in_port.0).collect();
    assert_eq!(ports, [1, 2, 1, 1, 1, 1, 1, 1]);
}

#[test]
fn a_partial_checksum_is_completed_for_the_controller_alone() {
    let mut bed = Bed::new();
    bed.add(entry(1, &[], apply([Action::controller(), output(2)])));
    let mut frame = udp(1, 2, 53);
    let word = |bytes: &[u8], at: usize| u32::from(bytes[at]) << 8 | u32::from(bytes[at + 1]);
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let pseudo = |bytes: &[u8]| {
        (26..34).step_by(2).map(|at| word(bytes, at)).sum::<u32>() + 17 + word(bytes, 38)
    };
    let partial = fold(fold(pseudo(&frame))) as u16;
    frame[40..42].copy_from_slice(&partial.to_be_bytes());
    let offload = hypercall::Offload { csum_start: 34, csum_offset: 6, gso: None };
    let mut batch = Batch::new();
    let meta = Meta { offload, ..Meta::default() };
    batch.push(Ingress { port: Port(1), meta, frame: VecFrame::from_bytes(&frame) });
    bed.switch.process(&mut bed.host, bed.now, &mut batch);
    let sent = bed.host.take();
    assert_eq!((sent[0].meta.offload, sent[0].frame.headers()), (offload, &frame[..]));
    let data = bed.packet_in().unwrap().data;
    assert_ne!(data[40..42], frame[40..42]);
    let sum = pseudo(&data) + (34..60).step_by(2).map(|at| word(&data, at)).sum::<u32>();
    assert_eq!(fold(fold(sum)), 0xffff);
}
