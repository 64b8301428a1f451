//! Outputs and copies, as the host's memory sees them. What frames see is in
//! `tests/src/scenarios/actions.rs`.

use crate::*;

#[test]
fn the_last_output_moves_the_frame() {
    let mut bed = Bed::new();
    bed.add(entry(1, &[], apply([output(2)])));
    bed.add(entry(2, &[(OxmField::InPort, 2)], apply([output(3), output(4)])));
    bed.host.memory = Some(0);
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2], "no copy");
    assert_eq!(bed.ports(2, &udp(1, 2, 53)), [4], "one copy, which had no memory");
    bed.assert_drops(&[(DropReason::NoMemory, 1)]);
    bed.host.memory = Some(1);
    assert_eq!(bed.ports(2, &udp(1, 2, 53)), [3, 4]);
    assert_eq!(bed.host.memory, Some(0));
}

#[test]
fn a_host_may_keep_invalid_ttls_from_the_controller() {
    let mut bed = Bed::new();
    let ip = [(OxmField::EthType, 0x0800)];
    bed.add(entry(1, &ip, apply([Action::DecNwTtl, output(3)])));
    let mut frame = udp(1, 2, 53);
    frame[22] = 1;
    assert_eq!(bed.ports(1, &frame), []);
    assert!(bed.packet_in().is_some());
    bed.switch.tables.set_invalid_ttl_to_controller(false);
    assert_eq!(bed.ports(1, &frame), []);
    assert!(bed.packet_in().is_none());
    bed.assert_drops(&[(DropReason::InvalidTtl, 2)]);
}
