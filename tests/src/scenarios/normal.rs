//! NORMAL as an output, and the switch standing alone.

use super::prelude::*;

cases! { "normal":
    learns_and_forwards: TIME,
    vlans_are_apart,
    broadcasts_flood_and_reserved_addresses_stay,
    a_station_behind_a_gone_port_is_flooded_to: MEMBERS,
}

fn bridge<'w>(world: &'w World<'w>) -> Bed<'w> {
    let mut bed = world.bed();
    bed.add(entry(0, &[], apply([Action::output(PortNo::NORMAL)])));
    bed
}

fn learns_and_forwards(world: &World<'_>) {
    let mut bed = bridge(world);
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2, 3, 4], "2 is unknown");
    assert_eq!(bed.ports(2, &udp(2, 1, 53)), [1]);
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2]);
    assert_eq!(bed.ports(2, &udp(1, 2, 53)), [], "1 moved to port 2, where 2 is");
    bed.assert_drops(&[(DropReason::NormalFiltered, 1)]);
    assert_eq!(bed.ports(3, &udp(3, 1, 53)), [2]);
    bed.pass(300 * SECOND);
    assert_eq!(bed.ports(3, &udp(3, 1, 53)), [1, 2, 4], "aged");
}

fn vlans_are_apart(world: &World<'_>) {
    let mut bed = bridge(world);
    bed.ports(1, &tagged(5, &udp(1, 2, 53)));
    assert_eq!(bed.ports(2, &tagged(6, &udp(2, 1, 53))), [1, 3, 4]);
    assert_eq!(bed.ports(2, &tagged(5, &udp(2, 1, 53))), [1]);
    assert_eq!(bed.ports(2, &udp(2, 1, 53)), [1, 3, 4]);
}

fn broadcasts_flood_and_reserved_addresses_stay(world: &World<'_>) {
    let mut bed = bridge(world);
    let mut frame = udp(1, 2, 53);
    frame[..6].copy_from_slice(&[0xff; 6]);
    assert_eq!(bed.ports(1, &frame), [2, 3, 4]);
    frame[..6].copy_from_slice(&[1, 0x80, 0xc2, 0, 0, 0x0e]);
    assert_eq!(bed.ports(1, &frame), []);
    bed.assert_drops(&[(DropReason::NormalReserved, 1)]);
    frame[..6].copy_from_slice(&[1, 0x80, 0xc2, 0, 0, 0x10]);
    assert_eq!(bed.ports(1, &frame), [2, 3, 4]);
}

fn a_station_behind_a_gone_port_is_flooded_to(world: &World<'_>) {
    let mut bed = bridge(world);
    bed.ports(4, &udp(4, 9, 53));
    assert_eq!(bed.ports(1, &udp(1, 4, 53)), [4]);
    assert!(bed.port_remove(4));
    assert_eq!(bed.ports(1, &udp(1, 4, 53)), [2, 3]);
    bed.assert_drops(&[]);
}
