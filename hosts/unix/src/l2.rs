//! Where the IP header and the transport header of a frame are: what completing checksums and
//! cutting segments need to know. Reads only bytes that are there.

/// IP protocol numbers.
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;

/// An IP packet inside a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ip {
    /// Offset of the IP header.
    pub(crate) offset: usize,
    /// Whether it is IPv6.
    pub(crate) is_v6: bool,
    /// Offset of what follows the IP header and its extensions.
    pub(crate) transport: usize,
    /// The protocol of it.
    pub(crate) protocol: u8,
    /// Whether the packet is a fragment: no transport header to speak of, or not a whole payload.
    pub(crate) is_fragment: bool,
}

pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().map(|two| u16::from_be_bytes(*two))
}

/// Finds the IP header behind VLAN tags, MPLS labels and a PBB header, and what follows it.
pub(crate) fn find_ip(frame: &[u8]) -> Option<Ip> {
    let mut offset = 14;
    let mut ether_type = u16_at(frame, 12)?;
    loop {
        match ether_type {
            0x8100 | 0x88a8 | 0x9100 => {
                ether_type = u16_at(frame, offset + 2)?;
                offset += 4;
            }
            // A PBB service tag: four bytes, then a whole Ethernet header.
            0x88e7 => {
                ether_type = u16_at(frame, offset + 16)?;
                offset += 18;
            }
            0x8847 | 0x8848 => {
                let is_bottom = frame.get(offset + 2)? & 1 != 0;
                offset += 4;
                if is_bottom {
                    // Nothing says what is inside but the version that an IP header begins with.
                    ether_type = match frame.get(offset)? >> 4 {
                        4 => 0x0800,
                        6 => 0x86dd,
                        _ => return None,
                    };
                }
            }
            0x0800 => return find_v4(frame, offset),
            0x86dd => return find_v6(frame, offset),
            _ => return None,
        }
    }
}

fn find_v4(frame: &[u8], offset: usize) -> Option<Ip> {
    let header = frame.get(offset..)?.first_chunk::<20>()?;
    let len = usize::from(header[0] & 0xf) * 4;
    if header[0] >> 4 != 4 || len < 20 || frame.len() < offset + len {
        return None;
    }
    let is_fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
    let transport = offset + len;
    Some(Ip { offset, is_v6: false, transport, protocol: header[9], is_fragment })
}

fn find_v6(frame: &[u8], offset: usize) -> Option<Ip> {
    let header = frame.get(offset..)?.first_chunk::<40>()?;
    if header[0] >> 4 != 6 {
        return None;
    }
    let mut ip =
        Ip { offset, is_v6: true, transport: offset + 40, protocol: header[6], is_fragment: false };
    // Every round passes at least eight bytes, so the frame's end ends it.
    loop {
        let unit = match ip.protocol {
            // Hop-by-hop, routing, destination options: length in units of eight behind the first.
            0 | 43 | 60 => 8,
            // The authentication header counts in units of four, less two.
            51 => 4,
            44 => {
                let extension = frame.get(ip.transport..)?.first_chunk::<8>()?;
                ip.is_fragment |= u16::from_be_bytes([extension[2], extension[3]]) & 0xfff9 != 0;
                ip.protocol = extension[0];
                ip.transport += 8;
                continue;
            }
            _ => return Some(ip),
        };
        let extension = frame.get(ip.transport..)?.first_chunk::<8>()?;
        let count = usize::from(extension[1]);
        ip.protocol = extension[0];
        ip.transport += if unit == 8 { count * 8 + 8 } else { count * 4 + 8 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(protocol: u8) -> Vec<u8> {
        let mut header = vec![0; 24];
        header[0] = 0x46;
        header[9] = protocol;
        header
    }

    fn frame(parts: &[&[u8]]) -> Vec<u8> {
        [&[0; 12][..], &parts.concat()].concat()
    }

    #[test]
    fn finds_ip_behind_tags_and_labels() {
        let inner = v4(TCP);
        let plain = frame(&[&[8, 0], &inner]);
        let ip = find_ip(&plain).unwrap();
        assert_eq!((ip.offset, ip.transport, ip.protocol), (14, 38, TCP));
        let tagged = frame(&[&[0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 8, 0], &inner]);
        assert_eq!(find_ip(&tagged).unwrap().offset, 22);
        let labels = frame(&[&[0x88, 0x47, 0, 0, 0, 9, 0, 0, 1, 9], &inner]);
        assert_eq!(find_ip(&labels).unwrap().offset, 22);
        let pbb = frame(&[&[0x88, 0xe7, 0, 0, 0, 1], &[0; 12], &[8, 0], &inner]);
        assert_eq!(find_ip(&pbb).unwrap().offset, 32);
    }

    #[test]
    fn walks_extension_headers() {
        let mut header = [0; 40];
        header[0] = 0x60;
        header[6] = 0;
        let hop_by_hop = [60, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let options = [UDP, 0, 0, 0, 0, 0, 0, 0];
        let bytes = frame(&[&[0x86, 0xdd], &header, &hop_by_hop, &options, &[0; 8]]);
        let ip = find_ip(&bytes).unwrap();
        assert_eq!((ip.transport, ip.protocol, ip.is_fragment), (14 + 40 + 24, UDP, false));
    }

    #[test]
    fn a_cut_header_is_none() {
        let whole = frame(&[&[8, 0], &v4(UDP)]);
        for len in 0..whole.len() {
            assert_eq!(find_ip(&whole[..len]), None, "{len}");
        }
        let fragment = {
            let mut header = v4(UDP);
            header[6] = 0x20;
            frame(&[&[8, 0], &header])
        };
        assert!(find_ip(&fragment).unwrap().is_fragment);
    }
}
