//! Ports: configuration, state, limits, counters.

use crate::*;
use hypercall::{Gso, GsoKind, Offload};
use ofp_codec::{
    HwAddr, PortConfig as Flags, PortFeatures, PortMod, PortModFailedCode, PortReason, PortState,
    PortStatus,
};
use rumpswitch_datapath::{News, PortErrors};

const ADDRESS: HwAddr = HwAddr([2, 0, 0, 0, 0, 0x99]);

fn port_mod(port: u32, config: Flags, mask: Flags) -> PortMod {
    PortMod {
        port_no: PortNo(port),
        hw_addr: HwAddr::default(),
        config,
        mask,
        advertise: PortFeatures::empty(),
    }
}

impl Bed {
    pub(crate) fn configure(&mut self, port: u32, config: Flags) {
        self.switch.tables.port_mod(&port_mod(port, config, Flags::all())).unwrap_or_else(|_| {
            let known = Flags::PORT_DOWN | Flags::NO_RECV | Flags::NO_FWD | Flags::NO_PACKET_IN;
            self.switch.tables.port_mod(&port_mod(port, config, known)).unwrap();
        });
    }

    fn status(&mut self) -> Option<PortStatus> {
        match self.switch.tables.next_news()? {
            News::PortStatus(status) => Some(status),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn ports_come_change_and_go_and_each_is_told() {
    let mut bed = Bed::new();
    let port = PortConfig { hw_addr: ADDRESS, ..PortConfig::new(Port(9), "nine") };
    bed.switch.tables.port_add(bed.now, port.clone()).unwrap();
    let status = bed.status().unwrap();
    assert_eq!((status.reason, status.desc.port_no), (PortReason::Add, PortNo(9)));
    assert_eq!((status.desc.state, status.desc.hw_addr), (PortState::LIVE, ADDRESS));
    let bad = Err(OfpError::PortModFailed(PortModFailedCode::BadPort));
    assert_eq!(bed.switch.tables.port_add(bed.now, port.clone()), bad, "taken");
    for number in [0, 0xffff_ff01, PortNo::CONTROLLER.0] {
        let port = PortConfig::new(Port(number), "odd");
        assert_eq!(bed.switch.tables.port_add(bed.now, port), bad);
    }
    bed.switch.tables.port_change(port.clone()).unwrap();
    assert_eq!(bed.status(), None, "nothing changed");
    let down = PortConfig { state: PortState::LINK_DOWN, ..port.clone() };
    bed.switch.tables.port_change(down).unwrap();
    let status = bed.status().unwrap();
    assert_eq!((status.reason, status.desc.state), (PortReason::Modify, PortState::LINK_DOWN));
    bed.switch.tables.port_remove(Port(9)).unwrap();
    assert_eq!(bed.status().unwrap().reason, PortReason::Delete);
    assert_eq!(bed.switch.tables.port_remove(Port(9)), bad);
    assert_eq!(bed.switch.tables.port_change(port), bad);
}

#[test]
fn port_mods_change_what_their_mask_says() {
    let mut bed = Bed::new();
    let both = Flags::NO_FWD | Flags::NO_RECV;
    bed.switch.tables.port_mod(&port_mod(1, both, Flags::NO_FWD)).unwrap();
    let status = bed.status().unwrap();
    assert_eq!((status.reason, status.desc.config), (PortReason::Modify, Flags::NO_FWD));
    bed.switch.tables.port_mod(&port_mod(1, both, Flags::NO_FWD)).unwrap();
    assert_eq!(bed.status(), None);
    bed.switch.tables.port_mod(&port_mod(1, Flags::PORT_DOWN, Flags::PORT_DOWN)).unwrap();
    assert_eq!(bed.status().unwrap().desc.state, PortState::empty(), "down is not live");
    let refused = |bed: &mut Bed, given: PortMod| bed.switch.tables.port_mod(&given).unwrap_err();
    let failed = |code| OfpError::PortModFailed(code);
    let nothing = port_mod(1, Flags::empty(), Flags::empty());
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
    assert_eq!(bed.status(), None);
}

#[test]
fn config_bits_do_what_they_say() {
    let mut bed = Bed::new();
    bed.add(entry(1, &[(OxmField::InPort, 1)], apply([output(2)])));
    bed.add(entry(1, &[(OxmField::InPort, 3)], apply([Action::output(PortNo::FLOOD)])));
    let frame = udp(1, 2, 53);
    bed.configure(1, Flags::NO_RECV);
    assert_eq!(bed.ports(1, &frame), []);
    bed.assert_drops(&[(DropReason::IngressNoRecv, 1)]);
    bed.configure(1, Flags::PORT_DOWN);
    assert_eq!(bed.ports(1, &frame), []);
    bed.assert_drops(&[(DropReason::IngressDown, 1)]);
    assert_eq!(bed.all_flows()[0].packet_count, 0);
    bed.configure(1, Flags::empty());
    bed.configure(2, Flags::NO_FWD);
    assert_eq!(bed.ports(1, &frame), []);
    bed.assert_drops(&[(DropReason::EgressNoFwd, 1)]);
    assert_eq!(bed.ports(3, &frame), [1, 4]);
    bed.configure(2, Flags::PORT_DOWN);
    assert_eq!(bed.ports(1, &frame), []);
    bed.assert_drops(&[(DropReason::EgressDown, 1)]);
    assert_eq!(bed.all_flows()[0].packet_count, 2, "what a down port drops was matched");
    let blocked = PortConfig { state: PortState::BLOCKED, ..PortConfig::new(Port(4), "p4") };
    bed.switch.tables.port_change(blocked).unwrap();
    assert_eq!(bed.ports(3, &frame), [1]);
    bed.add(entry(2, &[(OxmField::InPort, 3)], apply([Action::output(PortNo::ALL)])));
    assert_eq!(bed.ports(3, &frame), [1, 4], "ALL reaches blocked ports");
    bed.assert_drops(&[]);
    assert_eq!(bed.ports(99, &frame), []);
    bed.assert_drops(&[(DropReason::IngressUnknown, 1)]);
    assert_eq!(bed.ports(1, &frame[..13]), []);
    bed.assert_drops(&[(DropReason::Runt, 1)]);
}

#[test]
fn frames_longer_than_a_port_takes_are_dropped() {
    let mut bed = Bed::new();
    let port = PortConfig { max_frame: 1514, ..PortConfig::new(Port(2), "p2") };
    bed.switch.tables.port_change(port).unwrap();
    bed.add(entry(1, &[], apply([output(2)])));
    let frame = |len: usize| [udp(1, 2, 53), vec![0; len - 60]].concat();
    assert_eq!(bed.ports(1, &frame(1514)), [2]);
    assert_eq!(bed.ports(1, &frame(1515)), []);
    assert_eq!(bed.ports(1, &tagged(5, &frame(1514))), [2], "a tag is not counted");
    assert_eq!(bed.ports(1, &tagged(5, &frame(1515))), []);
    bed.assert_drops(&[(DropReason::TooLong, 2)]);
    let gso = |segment_len| {
        let gso = Some(Gso { kind: GsoKind::Udp, segment_len, header_len: 42 });
        Meta { offload: Offload { gso, ..Offload::NONE }, ..Meta::default() }
    };
    assert_eq!(bed.send_with(1, gso(1472), &frame(60_000)).len(), 1, "the host cuts it");
    assert_eq!(bed.send_with(1, gso(1473), &frame(60_000)).len(), 0);
    bed.assert_drops(&[(DropReason::TooLong, 41)]);
}

#[test]
fn counters_count_each_way() {
    let mut bed = Bed::new();
    bed.add(entry(1, &[(OxmField::InPort, 1)], apply([output(2), output(3)])));
    bed.host.refused = Some(Port(3));
    for _ in 0..3 {
        bed.send(1, &udp(1, 2, 53));
    }
    bed.send(2, &[udp(1, 2, 53), vec![0; 40]].concat());
    bed.assert_drops(&[(DropReason::TableMiss, 1), (DropReason::HostRefused, 3)]);
    let errors = PortErrors { rx_errors: 4, rx_crc_err: 3, ..PortErrors::default() };
    bed.switch.tables.port_errors(Port(1), errors);
    bed.now = bed.now.plus(7 * SECOND);
    let stats = bed.switch.tables.port_stats(PortNo::ANY, bed.now).unwrap();
    let row = |index: usize| {
        let s = &stats[index];
        (
            s.port_no.0,
            s.rx_packets,
            s.rx_bytes,
            s.tx_packets,
            s.tx_bytes,
            s.rx_dropped,
            s.tx_dropped,
        )
    };
    assert_eq!(row(0), (1, 3, 180, 0, 0, 0, 0));
    assert_eq!(row(1), (2, 1, 100, 3, 180, 0, 0));
    assert_eq!(row(2), (3, 0, 0, 0, 0, 0, 3));
    assert_eq!((stats[0].rx_errors, stats[0].rx_crc_err, stats[0].duration_sec), (4, 3, 7));
    let one = bed.switch.tables.port_stats(PortNo(2), bed.now).unwrap();
    assert_eq!(one, [stats[1]]);
    let bad = Err(OfpError::BadRequest(ofp_codec::BadRequestCode::BadPort));
    assert_eq!(bed.switch.tables.port_stats(PortNo(77), bed.now), bad);
}

/// What a pop leaves short is padded on its way out, and nothing counts the padding.
#[test]
fn byte_counters_count_before_padding() {
    let mut bed = Bed::new();
    let fields = [(OxmField::VlanVid, 0x1005)];
    bed.add(entry(1, &fields, apply([Action::PopVlan, output(2), Action::controller()])));
    let sent = bed.send(1, &tagged(5, &udp(1, 2, 53)[..42]));
    assert_eq!(
        sent.iter().map(|(port, frame)| (*port, frame.len())).collect::<Vec<_>>(),
        [(2, 60)]
    );
    let packet_in = bed.packet_in().unwrap();
    assert_eq!((packet_in.total_len, packet_in.data.len()), (60, 60));
    let stats = bed.switch.tables.port_stats(PortNo(2), bed.now).unwrap();
    assert_eq!((stats[0].tx_packets, stats[0].tx_bytes), (1, 42));
    assert_eq!(bed.all_flows()[0].byte_count, 46, "as it came in");
}

#[test]
fn fragments_are_dropped_when_asked() {
    let mut bed = Bed::new();
    bed.add(entry(1, &[], apply([output(2)])));
    let mut fragment = udp(1, 2, 53);
    fragment[20] = 0x20;
    assert_eq!(bed.ports(1, &fragment), [2]);
    bed.switch.tables.set_fragments(ofp_codec::ConfigFlags::FRAG_DROP);
    assert_eq!(bed.ports(1, &fragment), []);
    bed.assert_drops(&[(DropReason::Fragment, 1)]);
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2]);
}

/// What a port-mod alone cannot bring back: features advertised before that were none, or that the
/// port does not list as supported.
#[test]
fn undone_port_mods_leave_no_trace() {
    let mut bed = Bed::new();
    let supported = PortFeatures::from_bits_retain(0x20);
    for (number, advertised) in [(7, 0), (8, 0x840)] {
        let advertised = PortFeatures::from_bits_retain(advertised);
        let port = PortConfig { supported, advertised, ..PortConfig::new(Port(number), "p") };
        bed.switch.tables.port_add(bed.now, port).unwrap();
        while bed.switch.tables.next_news().is_some() {}
        let before = bed.switch.tables.port_desc(Port(number)).unwrap();
        bed.switch.tables.begin();
        for advertise in [0x20, 0] {
            let change = PortMod {
                port_no: PortNo(number),
                hw_addr: before.hw_addr,
                config: Flags::PORT_DOWN | Flags::NO_FWD,
                mask: Flags::PORT_DOWN,
                advertise: PortFeatures::from_bits_retain(advertise),
            };
            bed.switch.tables.port_mod(&change).unwrap();
        }
        assert_ne!(bed.switch.tables.port_desc(Port(number)).unwrap(), before);
        bed.switch.tables.roll_back();
        assert_eq!(bed.switch.tables.port_desc(Port(number)).unwrap(), before);
        assert_eq!(bed.switch.tables.next_news(), None);
    }
}

#[test]
fn a_flood_that_reaches_no_port_is_a_drop() {
    let mut bed = Bed::new();
    for port in 2..=4 {
        bed.switch.tables.port_remove(Port(port)).unwrap();
    }
    for flood in [PortNo::ALL.0, PortNo::FLOOD.0] {
        for instructions in [apply([output(flood)]), write([output(flood)])] {
            bed.add(entry(1, &[], instructions));
            assert_eq!(bed.ports(1, &udp(1, 2, 53)), []);
            bed.assert_drops(&[(DropReason::NoOutput, 1)]);
        }
    }
}

#[test]
fn features_that_a_port_mod_asked_for_outlive_what_the_host_offers() {
    let mut bed = Bed::new();
    let supported = PortFeatures::FD_1GB | PortFeatures::FD_10GB | PortFeatures::COPPER;
    let offered = PortFeatures::FD_10GB | PortFeatures::COPPER;
    let port = PortConfig { supported, advertised: offered, ..PortConfig::new(Port(9), "nine") };
    bed.switch.tables.port_add(bed.now, port.clone()).unwrap();
    let advertised = |bed: &Bed| bed.switch.tables.port_desc(Port(9)).unwrap().advertised;
    assert_eq!((bed.status().unwrap().desc.advertised, advertised(&bed)), (offered, offered));
    let nothing = port_mod(9, Flags::empty(), Flags::empty());
    let ask =
        |bed: &mut Bed, advertise| bed.switch.tables.port_mod(&PortMod { advertise, ..nothing });
    ask(&mut bed, PortFeatures::FD_1GB).unwrap();
    assert_eq!(bed.status().unwrap().desc.advertised, PortFeatures::FD_1GB);
    let bad = OfpError::PortModFailed(PortModFailedCode::BadAdvertise);
    let beyond = PortFeatures::FD_1GB | PortFeatures::FIBER;
    assert_eq!(ask(&mut bed, beyond), Err(bad), "the port does not support fiber");
    ask(&mut bed, PortFeatures::empty()).unwrap();
    assert_eq!(advertised(&bed), PortFeatures::FD_1GB, "zero leaves it alone");
    bed.switch.tables.port_change(PortConfig { curr_speed: 5, ..port }).unwrap();
    let told = bed.status().unwrap();
    assert_eq!((told.reason, told.desc.curr_speed), (PortReason::Modify, 5));
    assert_eq!(told.desc.advertised, PortFeatures::FD_1GB);
}

#[test]
fn every_port_number_has_32_bits() {
    let mut bed = Bed::new();
    let numbers = [4095, 4096, 0xffff, 0x1_0000, 0xffff_ff00, PortNo::LOCAL.0];
    for number in numbers {
        let port = PortConfig::new(Port(number), "p");
        bed.switch.tables.port_add(bed.now, port).unwrap();
        bed.add(entry(1, &[(OxmField::InPort, number.into())], apply([output(1)])));
        bed.add(entry(1, &[(OxmField::InPort, 1)], apply([output(number)])));
        assert_eq!(bed.ports(number, &udp(1, 2, 53)), [1]);
        assert_eq!(bed.ports(1, &udp(1, 2, 53)), [number]);
        let stats = bed.switch.tables.port_stats(PortNo(number), bed.now).unwrap();
        assert_eq!((stats[0].rx_packets, stats[0].tx_packets), (1, 1));
        bed.switch.tables.port_mod(&port_mod(number, Flags::NO_FWD, Flags::NO_FWD)).unwrap();
        assert_eq!(bed.ports(1, &udp(1, 2, 53)), []);
    }
    let all = bed.switch.tables.port_descs();
    let listed: Vec<u32> = all.iter().map(|desc| desc.port_no.0).collect();
    assert_eq!(listed, [&[1, 2, 3, 4], &numbers[..]].concat());
}

#[test]
fn the_host_is_told_once_of_each_port_that_goes_down_or_up() {
    let mut bed = Bed::new();
    let told = |bed: &mut Bed| {
        let mut told = Vec::new();
        while let Some((port, is_down)) = bed.switch.tables.next_port_down() {
            told.push((port.0, is_down));
        }
        told.sort_unstable();
        told
    };
    assert_eq!(told(&mut bed), []);
    bed.configure(1, Flags::PORT_DOWN);
    bed.configure(2, Flags::PORT_DOWN | Flags::NO_FWD);
    bed.configure(3, Flags::NO_RECV);
    assert_eq!(told(&mut bed), [(1, true), (2, true)]);
    bed.configure(1, Flags::empty());
    bed.configure(1, Flags::PORT_DOWN);
    bed.configure(2, Flags::NO_FWD);
    assert_eq!(told(&mut bed), [(2, false)], "there and back is no change");
    bed.switch.tables.begin();
    bed.configure(3, Flags::PORT_DOWN);
    bed.switch.tables.roll_back();
    assert_eq!(told(&mut bed), [], "nor is what was undone");
    bed.configure(4, Flags::PORT_DOWN);
    bed.switch.tables.port_remove(Port(4)).unwrap();
    let down = PortConfig { config: Flags::PORT_DOWN, ..PortConfig::new(Port(5), "five") };
    bed.switch.tables.port_add(bed.now, down).unwrap();
    assert_eq!(told(&mut bed), [(5, true)], "a port may come down");
}

#[test]
fn drops_are_counted_at_the_port_where_they_happen() {
    let mut bed = Bed::new();
    bed.add(entry(1, &[(OxmField::InPort, 1)], apply([output(2)])));
    let row = |bed: &Bed, port| {
        let stats = bed.switch.tables.port_stats(PortNo(port), bed.now).unwrap()[0];
        (stats.rx_packets, stats.rx_dropped, stats.tx_packets, stats.tx_dropped)
    };
    let frame = udp(1, 2, 53);
    bed.ports(1, &frame);
    assert_eq!((row(&bed, 1), row(&bed, 2)), ((1, 0, 0, 0), (0, 0, 1, 0)));
    for (port, flags) in [(1, Flags::NO_RECV), (1, Flags::PORT_DOWN)] {
        bed.configure(port, flags);
        assert_eq!(bed.ports(1, &frame), []);
    }
    assert_eq!((row(&bed, 1), row(&bed, 2)), ((3, 2, 0, 0), (0, 0, 1, 0)));
    bed.configure(1, Flags::empty());
    for flags in [Flags::NO_FWD, Flags::PORT_DOWN] {
        bed.configure(2, flags);
        assert_eq!(bed.ports(1, &frame), []);
    }
    let link = PortConfig { state: PortState::LINK_DOWN, ..PortConfig::new(Port(2), "p2") };
    bed.configure(2, Flags::empty());
    bed.switch.tables.port_change(link).unwrap();
    assert_eq!(bed.ports(1, &frame), []);
    assert_eq!((row(&bed, 1), row(&bed, 2)), ((6, 2, 0, 0), (0, 0, 1, 3)));
    assert_eq!(bed.all_flows()[0].packet_count, 4, "the entry counts what the port dropped");
}

#[test]
fn blocked_ports_are_left_out_of_floods_and_of_normal() {
    let mut bed = Bed::new();
    let blocked = PortConfig { state: PortState::BLOCKED, ..PortConfig::new(Port(3), "p3") };
    bed.switch.tables.port_change(blocked).unwrap();
    let status = bed.status().unwrap();
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

#[test]
fn port_statistics_tell_seconds_and_nanoseconds_since_the_port_came() {
    let mut bed = Bed::new();
    bed.now = bed.now.plus(5);
    bed.switch.tables.port_add(bed.now, PortConfig::new(Port(9), "nine")).unwrap();
    bed.now = bed.now.plus(2 * SECOND + 7);
    let row = |bed: &Bed, port| {
        let stats = bed.switch.tables.port_stats(PortNo(port), bed.now).unwrap()[0];
        (stats.duration_sec, stats.duration_nsec)
    };
    assert_eq!((row(&bed, 9), row(&bed, 1)), ((2, 7), (2, 12)));
    bed.switch.tables.port_remove(Port(9)).unwrap();
    bed.switch.tables.port_add(bed.now, PortConfig::new(Port(9), "nine")).unwrap();
    assert_eq!(row(&bed, 9), (0, 0), "it starts anew");
}

#[test]
fn a_port_that_gets_another_number_keeps_what_it_counted() {
    let mut bed = Bed::new();
    let port = PortConfig { hw_addr: ADDRESS, max_frame: 900, ..PortConfig::new(Port(9), "nine") };
    bed.switch.tables.port_add(bed.now, port).unwrap();
    bed.status();
    let bad = Err(OfpError::PortModFailed(PortModFailedCode::BadPort));
    let tables = &mut bed.switch.tables;
    let before = tables.port_counters(Port(9), Nanos(5)).unwrap();
    for (from, to) in [(8, 7), (9, 9), (9, 0), (9, 0xffff_ff01), (9, PortNo::CONTROLLER.0), (9, 1)]
    {
        assert_eq!(tables.port_renumber(Port(from), Port(to)), bad, "{from} to {to}");
    }
    assert!(!tables.has_port_status(), "nothing has changed");
    // To a number that is found by hash, and back to one that is found by index.
    for (from, to) in [(9, 70_000), (70_000, 0xffff_fffe), (0xffff_fffe, 9)] {
        tables.port_renumber(Port(from), Port(to)).unwrap();
        assert!(tables.port(Port(from)).is_none());
        let (desc, max_frame) = tables.port(Port(to)).unwrap();
        assert_eq!((desc.port_no, &*desc.name, max_frame), (PortNo(to), "nine", 900));
        let told = [tables.next_port_status().unwrap(), tables.next_port_status().unwrap()];
        assert_eq!(
            told.map(|status| (status.reason, status.desc.port_no)),
            [(PortReason::Delete, PortNo(from)), (PortReason::Add, PortNo(to))]
        );
    }
    assert_eq!(tables.port_counters(Port(9), Nanos(5)), Some(before));
}
