//! NORMAL as an output, and the switch standing alone.

use crate::*;

fn bridge() -> Bed {
    let mut bed = Bed::new();
    bed.add(entry(0, &[], apply([Action::output(PortNo::NORMAL)])));
    bed
}

#[test]
fn stations_are_remembered_by_vlan() {
    let mut bed = bridge();
    bed.ports(1, &tagged(5, &udp(1, 2, 53)));
    bed.ports(2, &tagged(6, &udp(2, 1, 53)));
    bed.ports(2, &tagged(5, &udp(2, 1, 53)));
    bed.ports(2, &udp(2, 1, 53));
    assert_eq!(bed.switch.tables.stations(bed.now).count(), 4);
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
