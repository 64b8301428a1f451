//! NORMAL as an output, and the switch standing alone.

use crate::*;

fn bridge() -> Bed {
    let mut bed = Bed::new();
    bed.add(entry(0, &[], apply([Action::output(PortNo::NORMAL)])));
    bed
}

#[test]
fn learns_and_forwards() {
    let mut bed = bridge();
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2, 3, 4], "2 is unknown");
    assert_eq!(bed.ports(2, &udp(2, 1, 53)), [1]);
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2]);
    assert_eq!(bed.ports(2, &udp(1, 2, 53)), [], "1 moved to port 2, where 2 is");
    bed.assert_drops(&[(DropReason::NormalFiltered, 1)]);
    assert_eq!(bed.ports(3, &udp(3, 1, 53)), [2]);
    bed.now = bed.now.plus(300 * SECOND);
    assert_eq!(bed.ports(3, &udp(3, 1, 53)), [1, 2, 4], "aged");
}

#[test]
fn vlans_are_apart() {
    let mut bed = bridge();
    bed.ports(1, &tagged(5, &udp(1, 2, 53)));
    assert_eq!(bed.ports(2, &tagged(6, &udp(2, 1, 53))), [1, 3, 4]);
    assert_eq!(bed.ports(2, &tagged(5, &udp(2, 1, 53))), [1]);
    assert_eq!(bed.ports(2, &udp(2, 1, 53)), [1, 3, 4]);
    assert_eq!(bed.switch.worker.stations(bed.now).count(), 4);
}

#[test]
fn broadcasts_flood_and_reserved_addresses_stay() {
    let mut bed = bridge();
    let mut frame = udp(1, 2, 53);
    frame[..6].copy_from_slice(&[0xff; 6]);
    assert_eq!(bed.ports(1, &frame), [2, 3, 4]);
    frame[..6].copy_from_slice(&[1, 0x80, 0xc2, 0, 0, 0x0e]);
    assert_eq!(bed.ports(1, &frame), []);
    bed.assert_drops(&[(DropReason::NormalReserved, 1)]);
    frame[..6].copy_from_slice(&[1, 0x80, 0xc2, 0, 0, 0x10]);
    assert_eq!(bed.ports(1, &frame), [2, 3, 4]);
}

#[test]
fn a_station_behind_a_gone_port_is_flooded_to() {
    let mut bed = bridge();
    bed.ports(4, &udp(4, 9, 53));
    assert_eq!(bed.ports(1, &udp(1, 4, 53)), [4]);
    bed.switch.tables.port_remove(Port(4)).unwrap();
    assert_eq!(bed.ports(1, &udp(1, 4, 53)), [2, 3]);
    bed.assert_drops(&[]);
}

#[test]
fn standing_alone_goes_above_all_entries() {
    let mut bed = Bed::new();
    bed.add(FlowMod { idle_timeout: 5, ..entry(9, &[], vec![]) });
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), []);
    bed.switch.tables.set_standalone(true);
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2, 3, 4]);
    assert_eq!(bed.ports(2, &udp(2, 1, 53)), [1]);
    let given = PacketOut {
        buffer_id: ofp_codec::NO_BUFFER,
        in_port: PortNo(3),
        actions: vec![Action::output(PortNo::TABLE)],
        data: udp(3, 1, 53),
    };
    bed.packet_out(&given).unwrap();
    assert_eq!(bed.sent(), [(1, udp(3, 1, 53))]);
    assert_eq!(bed.all_flows()[0].packet_count, 1, "entries see nothing");
    bed.now = bed.now.plus(5 * SECOND);
    bed.switch.tables.tick(bed.now);
    assert_eq!(bed.all_flows(), [], "and age");
    bed.switch.tables.set_standalone(false);
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), []);
}
