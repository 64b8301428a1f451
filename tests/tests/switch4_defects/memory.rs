//! Memory comes back: packet-outs and flow churn leave the balance where it was.

use rumpswitch_tests::contract::*;
use rumpswitch_tests::plain;
use rumpswitch_tests::wire::*;

use crate::bed::Bed;
use crate::embodiment::FRAME;

/// Bytes and pieces that `round` leaves allocated when it is run again and again, after the buffers
/// have grown to what they need.
fn balance(bed: &mut Bed, rounds: usize, mut round: impl FnMut(&mut Bed, usize)) -> (i64, i64) {
    (0..rounds / 10).for_each(|turn| round(bed, turn));
    let info = allocation_counter::measure(|| (0..rounds).for_each(|turn| round(bed, turn)));
    assert!(info.count_total > 0, "the measure sees nothing");
    (info.bytes_current, info.count_current)
}

/// A packet-out leaves nothing behind, whatever it does: 10,000 rounds of four.
#[test]
fn c06_packet_outs_leave_no_memory_behind() {
    const NONE: u32 = u32::MAX;
    const TABLE: u32 = 0xffff_fff9;
    let mut bed = Bed::new();
    bed.add_group("group_id=5,type=all,bucket=actions=set_field:02:00:00:00:00:09->eth_dst,output:2,bucket=actions=output:3");
    bed.add("priority=5,in_port=2,actions=push_vlan:0x8100,output:1,controller");
    let frames = [
        FRAME.to_vec(),
        plain::ethernet(0x86dd, &plain::ipv6(58, &plain::neighbour(135, &[]))),
        plain::ethernet(0x0800, &plain::ipv4(6, 0, &plain::tcp(1, 2, &[7; 400]))),
        plain::ethernet(0x0806, &plain::arp()),
    ];
    let lists = [
        vec![output(1), output(2), output(0xffff_fffb)],
        vec![tlv(17, &[0x88, 0xa8, 0, 0]), set_field(&oxm(6, &[0x10, 5])), output(1)],
        vec![output(TABLE), output(3)],
        vec![tlv(22, &[0, 0, 0, 5]), output(4)],
        vec![output(77)],
        vec![tlv(22, &[0, 0, 0, 99])],
        vec![],
    ];
    let requests: Vec<Vec<u8>> = lists
        .iter()
        .flat_map(|list| frames.iter().map(|frame| packet_out(5, NONE, 2, list, frame)))
        .collect();
    let left = balance(&mut bed, 10_000, |bed, turn| {
        for request in &requests[turn % 7 * 4..][..4] {
            write_all(&mut bed.device, bed.channel, request);
        }
        bed.sent();
        bed.heard();
    });
    assert_eq!(left, (0, 0));
}

/// Entries, groups and meters that come and go leave nothing behind; nor do removals that are told,
/// requests that are refused, channels that are opened and closed.
#[test]
fn c06_churn_leaves_no_memory_behind() {
    let mut bed = Bed::new();
    let left = balance(&mut bed, 10_000, |bed, turn| {
        let flow = FlowMod { flags: 1, table: (turn % 5) as u8, ..FlowMod::default() };
        let tlvs = [oxm(5, &[8, 0]), oxm(11, &(turn as u32).to_be_bytes())];
        let instructions = [apply(&[set_field(&oxm(3, &[7; 6])), output(2)]), goto(9)];
        let delete = FlowMod { command: 3, ..flow };
        write_all(&mut bed.device, bed.channel, &flow.message(5, &matching(&tlvs), &instructions));
        bed.frame(1, &FRAME);
        bed.frame(1, &plain::ethernet(0x0800, &plain::ipv4(17, 0, &plain::udp(1, 2, &[]))));
        write_all(&mut bed.device, bed.channel, &delete.message(5, &matching(&tlvs), &[]));
        assert_eq!(bed.heard().len(), 1, "the removal");
    });
    assert_eq!(left, (0, 0), "entries");
    let left = balance(&mut bed, 3_000, |bed, turn| {
        let id = turn as u32 % 50;
        let buckets = [bucket(1, 1, u32::MAX, &[output(1)]), bucket(2, 2, u32::MAX, &[output(2)])];
        let stream = [
            group_mod(5, 0, 1, id, &buckets),
            group_mod(5, 1, 3, id, &buckets[..0]),
            meter_mod(5, 0, 1, id + 1, &[band(1, 1000, 100, &[0; 4])]),
            flow_add(5, 0, 9),
            FlowMod::default().message(
                5,
                &matching(&[]),
                &[tlv(6, &(id + 1).to_be_bytes()), apply(&[tlv(22, &id.to_be_bytes())])],
            ),
            group_mod(5, 2, 0, id, &[]),
            meter_mod(5, 2, 0, id + 1, &[]),
            flow_mod(5, 255, 3, 0, 0),
        ];
        write_all(&mut bed.device, bed.channel, &stream.concat());
        assert_eq!(bed.heard(), Vec::<Vec<u8>>::new());
    });
    assert_eq!(left, (0, 0), "groups and meters");
    let left = balance(&mut bed, 2_000, |bed, _| {
        let channel = connect(&mut bed.device);
        let half = multipart(5, 12, 1, &[0; 500]);
        let open = experimenter(5, 0x4f4e_4600, 2300, &[0, 0, 0, 9, 0, 0, 0, 3]);
        let stream = [half, open, message(14, 5, &[0xff; 60]), echo(5, b"?")[..9].to_vec()];
        write_all(&mut bed.device, channel, &stream.concat());
        bed.device.close(channel);
    });
    assert_eq!(left, (0, 0), "channels");
}
