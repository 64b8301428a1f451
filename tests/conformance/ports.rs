//! Ports: their numbers, what is told of them, and what PORT_MOD may change.

use datapath::PortConfig;
use hypercall::Port;
use ofp_codec::{HwAddr, PortFeatures, PortState};
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;

use crate::bed::Bed;
use crate::bytes::*;

const HW: [u8; 6] = [2, 0, 0, 0, 0, 1];
const FRAME: [u8; 60] = [0x0a; 60];

/// Ports that a frame from port 1 leaves by.
fn ports(bed: &mut Bed) -> Vec<u32> {
    bed.frame(1, &FRAME).into_iter().map(|(port, _)| port).collect()
}

/// The description of one port.
fn desc(bed: &mut Bed, number: u32) -> Option<Vec<u8>> {
    let told = statistics(bed, 13, &[]);
    assert_eq!(told.len() % 64, 0);
    told.chunks(64).find(|port| u32_at(port, 0) == number).map(<[u8]>::to_vec)
}

/// The host says that a port is in another state.
fn change(bed: &mut Bed, number: u32, state: PortState) {
    let mut port = PortConfig::new(Port(number), "changed");
    port.hw_addr = HwAddr([2, 0, 0, 0, 0, number as u8]);
    port.state = state;
    bed.device.device.switch_mut().tables.port_change(port).unwrap();
    told(bed);
}

/// Takes the PORT_STATUS messages that the host's changes made.
fn told(bed: &mut Bed) -> Vec<Vec<u8>> {
    bed.device.advance(0);
    let told = bed.heard();
    assert!(told.iter().all(|message| message[1] == 12), "{told:02x?}");
    told
}

#[test]
fn a_description_tells_all_of_a_port() {
    let mut bed = Bed::new();
    let mut port = PortConfig::new(Port(9), "a-name-of-15-by");
    port.hw_addr = HwAddr([2, 9, 9, 9, 9, 9]);
    port.curr = PortFeatures::from_bits_retain(0x840);
    port.advertised = PortFeatures::from_bits_retain(0x841);
    port.supported = PortFeatures::from_bits_retain(0x842);
    port.peer = PortFeatures::from_bits_retain(0x844);
    (port.curr_speed, port.max_speed) = (10_000_000, 40_000_000);
    let now = bed.now();
    bed.device.device.switch_mut().tables.port_add(now, port).unwrap();
    assert_eq!(told(&mut bed)[0][8], 0, "PORT_STATUS, ADD");
    let told = desc(&mut bed, 9).expect("port 9");
    assert_eq!(told[8..14], [2, 9, 9, 9, 9, 9]);
    assert_eq!(told[16..32], *b"a-name-of-15-by\0");
    let words: Vec<u32> = (32..64).step_by(4).map(|at| u32_at(&told, at)).collect();
    assert_eq!(words, [0, 4, 0x840, 0x841, 0x842, 0x844, 10_000_000, 40_000_000]);
}

#[test]
fn a_port_is_live_only_while_it_is_up() {
    let mut bed = Bed::new();
    let state = |bed: &mut Bed| u32_at(&desc(bed, 1).unwrap(), 36);
    assert_eq!(state(&mut bed), 4);
    bed.say(&port_mod(5, 1, HW, 1, 1, 0));
    assert_eq!(state(&mut bed) & 4, 0, "PORT_DOWN");
    bed.say(&port_mod(5, 1, HW, 0, 1, 0));
    assert_eq!(state(&mut bed), 4);
    change(&mut bed, 1, PortState::LINK_DOWN);
    assert_eq!(state(&mut bed), 1, "LINK_DOWN and not LIVE");
}

#[test]
fn a_port_mod_changes_the_bits_of_its_mask_and_is_told() {
    let mut bed = Bed::new();
    let told = only(bed.say(&port_mod(5, 1, HW, 0x64, 0x24, 0)));
    assert_eq!((told[1], told.len(), told[8]), (12, 80, 2), "PORT_STATUS, MODIFY");
    assert_eq!(told[9..16], [0; 7]);
    assert_eq!((u32_at(&told, 16), u32_at(&told, 48)), (1, 0x24));
    bed.say(&port_mod(5, 1, HW, 0, 4, 0));
    assert_eq!(u32_at(&desc(&mut bed, 1).unwrap(), 32), 0x20);
    bed.accept(&port_mod(5, 1, HW, 0x20, 0x20, 0));
}

#[test]
fn a_port_mod_that_is_wrong_is_refused_by_what_is_wrong() {
    let mut bed = Bed::new();
    for port in [0, 77, ANY, CONTROLLER, 0xffff_fffc] {
        assert_eq!(bed.refused(&port_mod(5, port, HW, 0, 0, 0)), (7, 0), "port {port:#x}");
    }
    assert_eq!(bed.refused(&port_mod(5, 1, [9; 6], 0, 0, 0)), (7, 1));
    for bit in (0..32).filter(|bit| ![0, 2, 5, 6].contains(bit)) {
        assert_eq!(bed.refused(&port_mod(5, 1, HW, 1 << bit, 1 << bit, 0)), (7, 2), "bit {bit}");
    }
    for bit in 16..32 {
        assert_eq!(bed.refused(&port_mod(5, 1, HW, 0, 0, 1 << bit)), (7, 3), "bit {bit}");
    }
}

#[test]
fn a_port_that_comes_back_is_used_by_the_entries_that_name_it() {
    let mut bed = Bed::new();
    bed.add_group("group_id=1,type=all,bucket=actions=output:3");
    bed.add("priority=1,actions=output:2,group:1");
    assert_eq!(ports(&mut bed), [2, 3]);
    let now = bed.now();
    for number in [2, 3] {
        bed.device.device.switch_mut().tables.port_remove(Port(number)).unwrap();
        assert_eq!(told(&mut bed)[0][8], 1, "PORT_STATUS, DELETE");
    }
    assert_eq!(ports(&mut bed), [], "packets to it are dropped");
    assert_eq!(bed.flows().len(), 1, "the entry stays");
    assert_eq!(statistics(&mut bed, 7, &[]).len(), 8 + 32, "the group stays");
    for number in [2, 3] {
        let port = PortConfig::new(Port(number), "again");
        bed.device.device.switch_mut().tables.port_add(now, port).unwrap();
        told(&mut bed);
    }
    assert_eq!(ports(&mut bed), [2, 3]);
}

#[test]
fn all_is_every_port_but_the_ingress_one_and_those_that_forward_nothing() {
    let mut bed = Bed::new();
    bed.add("actions=output:all");
    assert_eq!(ports(&mut bed), [2, 3, 4]);
    bed.say(&port_mod(5, 3, [2, 0, 0, 0, 0, 3], 0x20, 0x20, 0));
    assert_eq!(ports(&mut bed), [2, 4]);
}

#[test]
fn a_blocked_port_is_not_flooded_to() {
    let mut bed = Bed::new();
    bed.add("actions=output:flood");
    change(&mut bed, 2, PortState::BLOCKED);
    assert_eq!(ports(&mut bed), [3, 4]);
}

#[test]
fn port_statistics_have_every_counter_in_its_place() {
    let mut bed = Bed::new();
    bed.add("actions=output:2");
    bed.frame(1, &FRAME);
    bed.device.advance(5_000_000_007);
    let told = statistics(&mut bed, 4, &word(1));
    assert_eq!(told.len(), 112);
    assert_eq!((u32_at(&told, 0), u64_at(&told, 8), u64_at(&told, 24)), (1, 1, 60), "received");
    assert_eq!((u64_at(&told, 16), u64_at(&told, 32)), (0, 0), "sent");
    assert_eq!((u32_at(&told, 104), u32_at(&told, 108)), (5, 7), "seconds and nanoseconds");
    let told = statistics(&mut bed, 4, &word(2));
    assert_eq!((u64_at(&told, 8), u64_at(&told, 16), u64_at(&told, 32)), (0, 1, 60), "sent");
    let errors: u64 = (72..96).step_by(8).map(|at| u64_at(&told, at)).sum();
    assert!(u64_at(&told, 56) >= errors);
}

#[test]
fn every_port_is_told_of() {
    let mut bed = Bed::new();
    let local = PortConfig::new(Port(0xffff_fffe), "local");
    let now = bed.now();
    bed.device.device.switch_mut().tables.port_add(now, local).unwrap();
    told(&mut bed);
    for (kind, body, len) in [(13, vec![], 64), (4, word(ANY), 112)] {
        let told = statistics(&mut bed, kind, &body);
        let numbers: Vec<u32> = told.chunks(len).map(|port| u32_at(port, 0)).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 0xffff_fffe]);
    }
    assert_eq!(bed.refused(&multipart(5, 13, 0, &word(1))), (1, 6), "PORT_DESC has no body");
}
