//! Which worker a frame goes to, where no card and no kernel deals: by a hash of its flow.
//!
//! What belongs together goes to one worker and keeps its order: a flow's packets, told apart by
//! addresses, protocol and ports; all fragments of a packet, by their addresses alone, as cards and
//! `PACKET_FANOUT_HASH` do, so that later ones meet the worker that remembers their first one; what
//! is not IP, by Ethernet addresses and type.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;

use crate::l2;

/// The worker, of `count`, that a frame goes to.
///
/// ```
/// let frame = [2; 60];
/// assert!(rumpswitch_unix::deal(&frame, 3) < 3);
/// assert_eq!(rumpswitch_unix::deal(&frame, 1), 0);
/// ```
pub fn deal(frame: &[u8], count: usize) -> usize {
    // The upper half of the product: no division, and every bit of the hash has a say.
    ((u128::from(flow_hash(frame)) * count as u128) >> 64) as usize
}

fn flow_hash(frame: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(0x0d_ea1).build_hasher();
    match l2::find_ip(frame) {
        Some(ip) => {
            let addresses = if ip.is_v6 {
                ip.offset + 8..ip.offset + 40
            } else {
                ip.offset + 12..ip.offset + 20
            };
            hasher.write(frame.get(addresses).unwrap_or_default());
            // TCP, UDP, SCTP: ports come first. A fragment has them or not.
            let has_ports = matches!(ip.protocol, l2::TCP | l2::UDP | 132);
            if !ip.is_fragment {
                hasher.write_u8(ip.protocol);
                let ports = frame.get(ip.transport..ip.transport + 4).filter(|_| has_ports);
                hasher.write(ports.unwrap_or_default());
            }
        }
        None => hasher.write(frame.get(..14).unwrap_or(frame)),
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{IpFragOffset, Ipv4Header, PacketBuilder, ip_number};

    fn udp(from: u16, to: u16) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .udp(from, to);
        let mut frame = Vec::new();
        builder.write(&mut frame, &[0; 32]).unwrap();
        frame
    }

    #[test]
    fn flows_are_spread_and_stay_together() {
        let mut counts = [0; 4];
        for port in 0..4_000 {
            let worker = deal(&udp(port, 53), 4);
            assert_eq!(worker, deal(&udp(port, 53), 4));
            counts[worker] += 1;
        }
        assert!(counts.iter().all(|count| (900..1_100).contains(count)), "{counts:?}");
    }

    #[test]
    fn fragments_stay_with_their_first_one() {
        let fragment = |offset: u16, payload: &[u8]| {
            let mut ip =
                Ipv4Header::new(32, 64, ip_number::UDP, [10, 0, 0, 1], [10, 0, 0, 2]).unwrap();
            ip.more_fragments = offset == 0;
            ip.fragment_offset = IpFragOffset::try_new(offset).unwrap();
            let mut frame = udp(0, 0)[..14].to_vec();
            ip.write(&mut frame).unwrap();
            frame.extend(payload);
            frame
        };
        for port in 0..100_u8 {
            let first = fragment(0, &[port; 32]);
            assert_eq!(deal(&first, 1 << 20), deal(&fragment(4, &[!port; 32]), 1 << 20), "{port}");
        }
    }

    #[test]
    fn what_is_no_packet_is_dealt_too() {
        for len in 0..40 {
            assert!(deal(&[0x86; 40][..len], 3) < 3);
        }
    }
}
