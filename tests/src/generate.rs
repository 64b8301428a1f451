//! Random frames, flow entries, groups and meters that meet: addresses, ports, labels and tags come
//! from small pools, so that most frames match something and most entries are hit.

pub mod actions;
pub mod case;
pub mod flows;
pub mod frames;
pub mod matches;

use crate::random::Random;

/// Ports of the switches under test, before the first of them goes or comes.
pub const PORTS: [u32; 5] = [1, 2, 3, 4, 70_000];
/// Tables that pipelines use.
pub const TABLES: u8 = 4;
/// Groups that pipelines use.
pub const GROUPS: u32 = 7;
/// Meters that flow entries use.
pub const METERS: u32 = 3;

/// A MAC address.
pub fn mac(random: &mut Random) -> u128 {
    random.pick(&[0x0200_0000_0001, 0x0200_0000_0002, 0x0200_0000_0103, 0xffff_ffff_ffff])
}

/// An IPv4 address.
pub fn ipv4(random: &mut Random) -> u128 {
    random.pick(&[0x0a00_0001, 0x0a00_0002, 0x0a00_0103, 0xc0a8_0001])
}

/// An IPv6 address.
pub fn ipv6(random: &mut Random) -> u128 {
    random.pick(&[
        0x2001_0db8_0000_0000_0000_0000_0000_0001,
        0x2001_0db8_0000_0000_0000_0000_0000_0002,
        0x2001_0db8_0000_0001_0000_0000_0000_0001,
        0xfe80_0000_0000_0000_0000_0000_0000_0001,
    ])
}

/// A port of TCP, UDP or SCTP.
pub fn transport_port(random: &mut Random) -> u128 {
    random.pick(&[22, 80, 443, 8080])
}

/// A VLAN id.
pub fn vid(random: &mut Random) -> u16 {
    random.pick(&[0, 1, 2, 100, 4095])
}

/// An MPLS label.
pub fn label(random: &mut Random) -> u128 {
    random.pick(&[0, 3, 16, 17, 0xf_ffff])
}

/// A service instance of PBB.
pub fn isid(random: &mut Random) -> u128 {
    random.pick(&[0, 1, 0x12_3456, 0xff_ffff])
}

/// A TTL, the low ones often.
pub fn ttl(random: &mut Random) -> u8 {
    random.pick(&[0, 1, 2, 3, 64, 255])
}
