//! Plain frames, built layer by layer, with right lengths and checksums.

/// The address that frames come from.
pub const SOURCE: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// The address that frames go to.
pub const DESTINATION: [u8; 6] = [2, 0, 0, 0, 0, 2];
/// The IPv4 address that packets come from.
pub const IPV4_SOURCE: [u8; 4] = [10, 0, 0, 1];
/// The IPv4 address that packets go to.
pub const IPV4_DESTINATION: [u8; 4] = [10, 0, 0, 2];

/// An Ethernet frame, not padded.
pub fn ethernet(eth_type: u16, payload: &[u8]) -> Vec<u8> {
    [&DESTINATION[..], &SOURCE, &eth_type.to_be_bytes(), payload].concat()
}

/// The same frame, zeros behind it up to Ethernet's 60 bytes.
pub fn padded(mut frame: Vec<u8>) -> Vec<u8> {
    frame.resize(frame.len().max(60), 0);
    frame
}

/// The frame with one more tag, outermost.
pub fn tagged(tag_type: u16, tci: u16, frame: &[u8]) -> Vec<u8> {
    let (addresses, rest) = frame.split_at(12);
    [addresses, &tag_type.to_be_bytes(), &tci.to_be_bytes(), rest].concat()
}

/// An IPv4 packet with this word of flags and fragment offset.
pub fn ipv4(proto: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let mut header = vec![0x45, 0];
    header.extend((20 + payload.len() as u16).to_be_bytes());
    header.extend([0x12, 0x34]);
    header.extend(fragment.to_be_bytes());
    header.extend([64, proto, 0, 0]);
    header.extend(IPV4_SOURCE);
    header.extend(IPV4_DESTINATION);
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header.extend(payload);
    header
}

/// An IPv6 packet from 2001:db8::1 to 2001:db8::2.
pub fn ipv6(next_header: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([next_header, 64]);
    for host in [1, 2] {
        packet.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
    }
    packet.extend(payload);
    packet
}

/// A UDP datagram between the IPv4 addresses above.
pub fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let len = (8 + payload.len() as u16).to_be_bytes();
    let head = [source.to_be_bytes(), destination.to_be_bytes(), len, [0, 0]].concat();
    let mut datagram = [&head[..], payload].concat();
    let sum = match checksum(&[&pseudo(17, datagram.len()), &datagram[..]].concat()) {
        0 => 0xffff,
        sum => sum,
    };
    datagram[6..8].copy_from_slice(&sum.to_be_bytes());
    datagram
}

/// A TCP segment between the IPv4 addresses above.
pub fn tcp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut segment = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    segment.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 0x10, 0, 0, 0, 0, 0]);
    segment.extend(payload);
    let sum = checksum(&[&pseudo(6, segment.len()), &segment[..]].concat());
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
    segment
}

/// An ARP request for the IPv4 destination.
pub fn arp() -> Vec<u8> {
    let head = [0, 1, 8, 0, 6, 4, 0, 1];
    [&head[..], &SOURCE, &IPV4_SOURCE, &[0; 6], &IPV4_DESTINATION].concat()
}

/// A neighbour discovery message (135 or 136) about 2001:db8::9 with these options.
pub fn neighbour(kind: u8, options: &[u8]) -> Vec<u8> {
    let target = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
    let mut message = [&[kind, 0, 0, 0, 0, 0, 0, 0][..], &target, options].concat();
    let packet = ipv6(58, &message);
    let len = (message.len() as u32).to_be_bytes();
    let sum = checksum(&[&packet[8..40], &len, &[0, 0, 0, 58], &message].concat());
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}

fn pseudo(proto: u8, len: usize) -> Vec<u8> {
    let len = (len as u16).to_be_bytes();
    [&IPV4_SOURCE[..], &IPV4_DESTINATION, &[0, proto], &len].concat()
}

/// The Internet checksum (RFC 1071).
pub fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Whether an IPv4 frame's header checksum, and that of the TCP segment or UDP datagram in it, are
/// right.
pub fn checksums_hold(frame: &[u8]) -> bool {
    let ip = &frame[14..];
    let len = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    let payload = &ip[20..len];
    let payload_len = (payload.len() as u16).to_be_bytes();
    let over = [&ip[12..20], &[0, ip[9]], &payload_len, payload].concat();
    checksum(&ip[..20]) == 0 && checksum(&over) == 0
}
