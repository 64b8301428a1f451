//! Random frames and flow entries that meet: addresses, ports and tags come from small pools, so that
//! most frames match something and most entries are hit.

pub mod flows;
pub mod frames;

use proptest::sample::{Select, select};

/// Ports of the switches under test.
pub const PORTS: [u32; 4] = [1, 2, 3, 4];

fn mac() -> Select<u128> {
    select(vec![0x0200_0000_0001, 0x0200_0000_0002, 0x0200_0000_0103, 0xffff_ffff_ffff])
}

fn ipv4() -> Select<u128> {
    select(vec![0x0a00_0001, 0x0a00_0002, 0x0a00_0103, 0xc0a8_0001])
}

fn ipv6() -> Select<u128> {
    select(vec![
        0x2001_0db8_0000_0000_0000_0000_0000_0001,
        0x2001_0db8_0000_0000_0000_0000_0000_0002,
        0x2001_0db8_0000_0001_0000_0000_0000_0001,
        0xfe80_0000_0000_0000_0000_0000_0000_0001,
    ])
}

fn transport_port() -> Select<u128> {
    select(vec![22, 80, 443, 8080])
}

fn vid() -> Select<u16> {
    select(vec![0, 1, 2, 100, 4095])
}
