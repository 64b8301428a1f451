//! Frames that the benches send.

use datapath::checksum::internet_checksum;

/// A 60-byte UDP frame to the `station`th MAC and IPv4 address, its checksums right.
pub fn udp(station: u32) -> Vec<u8> {
    let [a, b, c, d] = station.to_be_bytes();
    udp_to([10, b, c, d], [2, 0, a, b, c, d])
}

/// A 60-byte UDP frame from one station to another.
pub(crate) fn udp_between(from: u32, to: u32) -> Vec<u8> {
    let mut bytes = udp(to);
    bytes[8..12].copy_from_slice(&from.to_be_bytes());
    bytes
}

/// A 60-byte UDP frame from 10.0.0.1 port 80 to port 90, its checksums right.
pub fn udp_to(ip: [u8; 4], mac: [u8; 6]) -> Vec<u8> {
    let mut bytes = Vec::from(mac);
    bytes.extend([2, 0, 0, 0, 0, 1, 8, 0]);
    bytes.extend([0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1]);
    bytes.extend(ip);
    bytes.extend([0, 80, 0, 90, 0, 26, 0, 0]);
    bytes.resize(60, 0);
    let checksum = internet_checksum(&bytes[14..34]);
    bytes[24..26].copy_from_slice(&checksum.to_be_bytes());
    // What the pseudo-header has besides the addresses: protocol and length.
    let pseudo = [&bytes[26..], &[0, 17, 0, 26]].concat();
    let checksum = internet_checksum(&pseudo);
    bytes[40..42].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// A 60-byte TCP frame; its checksums are not computed.
pub fn tcp_to(src: u32, dst: [u8; 4], ports: [u16; 2]) -> Vec<u8> {
    let mut bytes = udp_to(dst, [2, 0, 0, 0, 0, 9]);
    bytes[23] = 6;
    bytes[26..30].copy_from_slice(&src.to_be_bytes());
    bytes[34..36].copy_from_slice(&ports[0].to_be_bytes());
    bytes[36..38].copy_from_slice(&ports[1].to_be_bytes());
    bytes[46] = 0x50;
    bytes
}

/// The frame behind a VLAN tag.
pub fn tagged(mut frame: Vec<u8>, vid: u16) -> Vec<u8> {
    let [high, low] = vid.to_be_bytes();
    frame.splice(12..12, [0x81, 0, high, low]);
    frame
}

/// A TCP segment over IPv6 behind a VLAN tag.
pub fn tcp6_vlan() -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0x20, 5, 0x86, 0xdd];
    bytes.extend([0x60, 0, 0, 0, 0, 20, 6, 64]);
    bytes.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    bytes.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    bytes.extend([0, 80, 0x1f, 0x90, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 1, 0, 0, 0, 0, 0]);
    bytes
}

/// An ARP request.
pub fn arp() -> Vec<u8> {
    let mut bytes = vec![0xff; 6];
    bytes.extend([2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    bytes.extend([2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2]);
    bytes.resize(60, 0);
    bytes
}
