//! Ports: configuration, state, limits, counters.

use super::prelude::*;
use ofp_codec::{
    HwAddr, PortConfig as Flags, PortFeatures, PortMod, PortModFailedCode, PortReason, PortState,
};

cases! { "ports":
    ports_come_change_and_go_and_each_is_told: PORTS | MEMBERS,
    port_mods_change_what_their_mask_says,
    config_bits_do_what_they_say: PORTS,
    a_port_drops_frames_that_are_too_long_for_it: PORTS,
    byte_counters_count_before_padding,
    fragments_are_dropped_when_asked,
    a_flood_that_reaches_no_port_is_a_drop: MEMBERS,
    drops_are_counted_at_the_port_where_they_happen: LINKS,
    blocked_ports_are_left_out_of_floods_and_of_normal: PORTS,
    port_statistics_tell_seconds_and_nanoseconds_since_the_port_came: PORTS | MEMBERS | TIME,
    features_that_a_port_mod_asked_for_outlive_what_the_host_offers: PORTS,
    every_port_number_has_32_bits: PORTS | BLANK,
}

const ADDRESS: HwAddr = HwAddr([2, 0, 0, 0, 0, 0x99]);

fn ports_come_change_and_go_and_each_is_told(world: &World<'_>) {
    let mut bed = world.bed();
    let port = PortConfig { hw_addr: ADDRESS, ..PortConfig::new(Port(9), "nine") };
    assert!(bed.port_add(&port));
    let status = bed.port_status().unwrap();
    assert_eq!((status.reason, status.desc.port_no), (PortReason::Add, PortNo(9)));
    assert_eq!((status.desc.state, status.desc.hw_addr), (PortState::LIVE, ADDRESS));
    assert!(!bed.port_add(&port), "taken");
    for number in [0, 0xffff_ff01, PortNo::CONTROLLER.0] {
        let port = PortConfig::new(Port(number), "odd");
        assert!(!bed.port_add(&port));
    }
    assert!(bed.port_change(&port));
    assert_eq!(bed.port_status(), None, "nothing changed");
    let down = PortConfig { state: PortState::LINK_DOWN, ..port.clone() };
    assert!(bed.port_change(&down));
    let status = bed.port_status().unwrap();
    assert_eq!((status.reason, status.desc.state), (PortReason::Modify, PortState::LINK_DOWN));
    assert!(bed.port_remove(9));
    assert_eq!(bed.port_status().unwrap().reason, PortReason::Delete);
    assert!(!bed.port_remove(9));
    assert!(!bed.port_change(&port));
}

fn port_mods_change_what_their_mask_says(world: &World<'_>) {
    let mut bed = world.bed();
    let both = Flags::NO_FWD | Flags::NO_RECV;
    bed.config(1, both, Flags::NO_FWD).unwrap();
    let status = bed.port_status().unwrap();
    assert_eq!((status.reason, status.desc.config), (PortReason::Modify, Flags::NO_FWD));
    bed.config(1, both, Flags::NO_FWD).unwrap();
    assert_eq!(bed.port_status(), None);
    bed.config(1, Flags::PORT_DOWN, Flags::PORT_DOWN).unwrap();
    assert_eq!(bed.port_status().unwrap().desc.state, PortState::empty(), "down is not live");
    let refused = |bed: &mut Bed<'_>, given: PortMod| bed.port_mod(given).unwrap_err();
    let failed = |code| OfpError::PortModFailed(code);
    let nothing = bed.port_mod_of(1, Flags::empty(), Flags::empty());
    let absent = PortMod { port_no: PortNo(77), ..nothing };
    assert_eq!(refused(&mut bed, absent), failed(PortModFailedCode::BadPort));
    let address = PortMod { hw_addr: ADDRESS, ..nothing };
    assert_eq!(refused(&mut bed, address), failed(PortModFailedCode::BadHwAddr));
    let odd = Flags::from_bits_retain(1 << 1);
    let config = PortMod { config: odd, mask: odd, ..nothing };
    assert_eq!(refused(&mut bed, config), failed(PortModFailedCode::BadConfig));
    let advertise = PortFeatures::from_bits_retain(1 << 20);
    let advertise = PortMod { advertise, ..nothing };
    assert_eq!(refused(&mut bed, advertise), failed(PortModFailedCode::BadAdvertise));
    assert_eq!(bed.port_status(), None);
}

fn config_bits_do_what_they_say(world: &World<'_>) {
    let mut bed = world.bed();
    bed.add(entry(1, &[(OxmField::InPort, 1)], apply([output(2)])));
    bed.add(entry(1, &[(OxmField::InPort, 3)], apply([Action::output(PortNo::FLOOD)])));
    let frame = udp(1, 2, 53);
    bed.configure(1, Flags::NO_RECV);
    assert_eq!(bed.ports(1, &frame), []);
    bed.assert_drops(&[(DropReason::IngressNoRecv, 1)]);
    bed.configure(1, Flags::PORT_DOWN);
    assert_eq!(bed.ports(1, &frame), []);
    bed.assert_drops(&[(DropReason::IngressDown, 1)]);
    assert_eq!(bed.flows()[0].packet_count, 0);
    bed.configure(1, Flags::empty());
    bed.configure(2, Flags::NO_FWD);
    assert_eq!(bed.ports(1, &frame), []);
    bed.assert_drops(&[(DropReason::EgressNoFwd, 1)]);
    assert_eq!(bed.ports(3, &frame), [1, 4]);
    bed.configure(2, Flags::PORT_DOWN);
    assert_eq!(bed.ports(1, &frame), []);
    bed.assert_drops(&[(DropReason::EgressDown, 1)]);
    assert_eq!(bed.flows()[0].packet_count, 2, "what a down port drops was matched");
    let blocked = PortConfig { state: PortState::BLOCKED, ..PortConfig::new(Port(4), "p4") };
    assert!(bed.port_change(&blocked));
    assert_eq!(bed.ports(3, &frame), [1]);
    bed.add(entry(2, &[(OxmField::InPort, 3)], apply([Action::output(PortNo::ALL)])));
    assert_eq!(bed.ports(3, &frame), [1, 4], "ALL reaches blocked ports");
    bed.assert_drops(&[]);
    assert_eq!(bed.ports(99, &frame), []);
    bed.assert_drops(&[(DropReason::IngressUnknown, 1)]);
    assert_eq!(bed.ports(1, &frame[..13]), []);
    bed.assert_drops(&[(DropReason::Runt, 1)]);
}

fn a_port_drops_frames_that_are_too_long_for_it(world: &World<'_>) {
    let mut bed = world.bed();
    let port = PortConfig { max_frame: 1514, ..PortConfig::new(Port(2), "p2") };
    assert!(bed.port_change(&port));
    bed.add(entry(1, &[], apply([output(2)])));
    let frame = |len: usize| [udp(1, 2, 53), vec![0; len - 60]].concat();
    assert_eq!(bed.ports(1, &frame(1514)), [2]);
    assert_eq!(bed.ports(1, &frame(1515)), []);
    assert_eq!(bed.ports(1, &tagged(5, &frame(1514))), [2], "a tag is not counted");
    assert_eq!(bed.ports(1, &tagged(5, &frame(1515))), []);
    bed.assert_drops(&[(DropReason::TooLong, 2)]);
}

/// What a pop leaves short is padded on its way out, and nothing counts the padding.
fn byte_counters_count_before_padding(world: &World<'_>) {
    let mut bed = world.bed();
    let fields = [(OxmField::VlanVid, 0x1005)];
    bed.add(entry(1, &fields, apply([Action::PopVlan, output(2), Action::controller()])));
    let sent = bed.send(1, &tagged(5, &udp(1, 2, 53)[..42]));
    assert_eq!(
        sent.iter().map(|(port, frame)| (*port, frame.len())).collect::<Vec<_>>(),
        [(2, 60)]
    );
    let packet_in = bed.packet_in().unwrap();
    assert_eq!((packet_in.total_len, packet_in.data.len()), (60, 60));
    let stats = bed.port_stats(PortNo(2)).unwrap();
    assert_eq!((stats[0].tx_packets, stats[0].tx_bytes), (1, 42));
    assert_eq!(bed.flows()[0].byte_count, 46, "as it came in");
}

fn fragments_are_dropped_when_asked(world: &World<'_>) {
    let mut bed = world.bed();
    bed.add(entry(1, &[], apply([output(2)])));
    let mut fragment = udp(1, 2, 53);
    fragment[20] = 0x20;
    assert_eq!(bed.ports(1, &fragment), [2]);
    bed.set_fragments(ofp_codec::ConfigFlags::FRAG_DROP);
    assert_eq!(bed.ports(1, &fragment), []);
    bed.assert_drops(&[(DropReason::Fragment, 1)]);
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2]);
}

fn a_flood_that_reaches_no_port_is_a_drop(world: &World<'_>) {
    let mut bed = world.bed();
    for port in 2..=4 {
        assert!(bed.port_remove(port));
    }
    for flood in [PortNo::ALL.0, PortNo::FLOOD.0] {
        for instructions in [apply([output(flood)]), write([output(flood)])] {
            bed.add(entry(1, &[], instructions));
            assert_eq!(bed.ports(1, &udp(1, 2, 53)), []);
            bed.assert_drops(&[(DropReason::NoOutput, 1)]);
        }
    }
}

fn drops_are_counted_at_the_port_where_they_happen(world: &World<'_>) {
    let mut bed = world.bed();
    bed.add(entry(1, &[(OxmField::InPort, 1)], apply([output(2)])));
    let row = |bed: &mut Bed<'_>, port| {
        let stats = bed.port_stats(PortNo(port)).unwrap()[0];
        (stats.rx_packets, stats.rx_dropped, stats.tx_packets, stats.tx_dropped)
    };
    let frame = udp(1, 2, 53);
    bed.ports(1, &frame);
    assert_eq!((row(&mut bed, 1), row(&mut bed, 2)), ((1, 0, 0, 0), (0, 0, 1, 0)));
    for (port, flags) in [(1, Flags::NO_RECV), (1, Flags::PORT_DOWN)] {
        bed.configure(port, flags);
        assert_eq!(bed.ports(1, &frame), []);
    }
    assert_eq!((row(&mut bed, 1), row(&mut bed, 2)), ((3, 2, 0, 0), (0, 0, 1, 0)));
    bed.configure(1, Flags::empty());
    for flags in [Flags::NO_FWD, Flags::PORT_DOWN] {
        bed.configure(2, flags);
        assert_eq!(bed.ports(1, &frame), []);
    }
    bed.configure(2, Flags::empty());
    bed.link(2, false);
    assert_eq!(bed.ports(1, &frame), []);
    assert_eq!((row(&mut bed, 1), row(&mut bed, 2)), ((6, 2, 0, 0), (0, 0, 1, 3)));
    assert_eq!(bed.flows()[0].packet_count, 4, "the entry counts what the port dropped");
}

fn blocked_ports_are_left_out_of_floods_and_of_normal(world: &World<'_>) {
    let mut bed = world.bed();
    let blocked = PortConfig { state: PortState::BLOCKED, ..PortConfig::new(Port(3), "p3") };
    assert!(bed.port_change(&blocked));
    let status = bed.port_status().unwrap();
    let expected = (PortReason::Modify, PortState::BLOCKED | PortState::LIVE);
    assert_eq!((status.reason, status.desc.state), expected);
    for (reserved, reached) in
        [(PortNo::FLOOD, vec![2, 4]), (PortNo::NORMAL, vec![2, 4]), (PortNo::ALL, vec![2, 3, 4])]
    {
        bed.add(entry(1, &[], apply([Action::output(reserved)])));
        assert_eq!(bed.ports(1, &udp(1, 2, 53)), reached, "{reserved:?}");
    }
    bed.add(entry(1, &[], apply([output(3)])));
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [3], "by its number it is reached");
}

fn port_statistics_tell_seconds_and_nanoseconds_since_the_port_came(world: &World<'_>) {
    let mut bed = world.bed();
    bed.pass(5);
    assert!(bed.port_add(&PortConfig::new(Port(9), "nine")));
    bed.pass(2 * SECOND + 7);
    let row = |bed: &mut Bed<'_>, port| {
        let stats = bed.port_stats(PortNo(port)).unwrap()[0];
        (stats.duration_sec, stats.duration_nsec)
    };
    assert_eq!((row(&mut bed, 9), row(&mut bed, 1)), ((2, 7), (2, 12)));
    assert!(bed.port_remove(9));
    assert!(bed.port_add(&PortConfig::new(Port(9), "nine")));
    assert_eq!(row(&mut bed, 9), (0, 0), "it starts anew");
}

fn features_that_a_port_mod_asked_for_outlive_what_the_host_offers(world: &World<'_>) {
    let mut bed = world.bed();
    let supported = PortFeatures::FD_1GB | PortFeatures::FD_10GB | PortFeatures::COPPER;
    let offered = PortFeatures::FD_10GB | PortFeatures::COPPER;
    let port = PortConfig { supported, advertised: offered, ..PortConfig::new(Port(9), "nine") };
    assert!(bed.port_add(&port));
    let told = bed.port_status().unwrap().desc.advertised;
    assert_eq!((told, bed.port_desc(9).advertised), (offered, offered));
    let nothing = bed.port_mod_of(9, Flags::empty(), Flags::empty());
    let ask = |bed: &mut Bed<'_>, advertise| bed.port_mod(PortMod { advertise, ..nothing });
    ask(&mut bed, PortFeatures::FD_1GB).unwrap();
    assert_eq!(bed.port_status().unwrap().desc.advertised, PortFeatures::FD_1GB);
    let bad = OfpError::PortModFailed(PortModFailedCode::BadAdvertise);
    let beyond = PortFeatures::FD_1GB | PortFeatures::FIBER;
    assert_eq!(ask(&mut bed, beyond), Err(bad), "the port does not support fiber");
    ask(&mut bed, PortFeatures::empty()).unwrap();
    assert_eq!(bed.port_desc(9).advertised, PortFeatures::FD_1GB, "zero leaves it alone");
    assert!(bed.port_change(&PortConfig { curr_speed: 5, ..port }));
    let told = bed.port_status().unwrap();
    assert_eq!((told.reason, told.desc.curr_speed), (PortReason::Modify, 5));
    assert_eq!(told.desc.advertised, PortFeatures::FD_1GB);
}

fn every_port_number_has_32_bits(world: &World<'_>) {
    let mut bed = world.bed();
    bed.counts_all_ports();
    let numbers = [4095, 4096, 0xffff, 0x1_0000, 0xffff_ff00, PortNo::LOCAL.0];
    for number in numbers {
        assert!(bed.port_add(&PortConfig::new(Port(number), "p")));
        bed.add(entry(1, &[(OxmField::InPort, number.into())], apply([output(1)])));
        bed.add(entry(1, &[(OxmField::InPort, 1)], apply([output(number)])));
        assert_eq!(bed.ports(number, &udp(1, 2, 53)), [1]);
        assert_eq!(bed.ports(1, &udp(1, 2, 53)), [number]);
        let stats = bed.port_stats(PortNo(number)).unwrap();
        assert_eq!((stats[0].rx_packets, stats[0].tx_packets), (1, 1));
        bed.config(number, Flags::NO_FWD, Flags::NO_FWD).unwrap();
        assert_eq!(bed.ports(1, &udp(1, 2, 53)), []);
    }
    let listed: Vec<u32> = bed.port_descs().iter().map(|desc| desc.port_no.0).collect();
    assert_eq!(listed, [&[1, 2, 3, 4], &numbers[..]].concat());
}
