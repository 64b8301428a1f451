//! A frame from a description of its fields: `in_port=1,ip,nw_dst=10.0.0.1`.

use rumpswitch::hypercall::{Meta, Port};
use rumpswitch::ofp_codec::OxmField::{self, *};
use rumpswitch::ofp_codec::{Match, VID_PRESENT};

/// The shortest Ethernet frame, without FCS.
const MIN_LEN: usize = 60;

/// The time to live of an imagined packet.
const TTL: u8 = 64;

/// EtherType of a frame whose description names none: "local experimental".
const EXPERIMENTAL: u16 = 0x88b5;

/// A frame about to enter the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) in_port: Port,
    pub(crate) meta: Meta,
    pub(crate) bytes: Vec<u8>,
}

/// Builds the frame; fields that are not named are zero, lengths and checksums are right.
pub(crate) fn build(fields: &Match) -> Result<Described, String> {
    if value(fields, Metadata) != 0 {
        return Err("metadata is 0 when a packet enters the switch".to_owned());
    }
    let meta = Meta {
        tunnel_id: value(fields, TunnelId) as u64,
        in_phy_port: Port(value(fields, InPhyPort) as u32),
        ..Meta::default()
    };
    let in_port = fields.get(InPort).map_or(Port(1), |oxm| Port(oxm.value as u32));
    let mut bytes = Vec::with_capacity(128);
    put(&mut bytes, fields, EthDst, 6);
    put(&mut bytes, fields, EthSrc, 6);
    let vid = value(fields, VlanVid) as u16;
    if vid & VID_PRESENT != 0 {
        let tci = (value(fields, VlanPcp) as u16) << 13 | vid & 0xfff;
        bytes.extend_from_slice(&0x8100u16.to_be_bytes());
        bytes.extend_from_slice(&tci.to_be_bytes());
    }
    let kind = fields.get(EthType).map_or(EXPERIMENTAL, |oxm| oxm.value as u16);
    bytes.extend_from_slice(&kind.to_be_bytes());
    match kind {
        0x0800 => ipv4(fields, &mut bytes),
        0x86dd => ipv6(fields, &mut bytes),
        0x0806 => {
            bytes.extend_from_slice(&[0, 1, 8, 0, 6, 4]);
            for (field, len) in [(ArpOp, 2), (ArpSha, 6), (ArpSpa, 4), (ArpTha, 6), (ArpTpa, 4)] {
                put(&mut bytes, fields, field, len);
            }
        }
        0x8847 | 0x8848 => {
            let bottom = fields.get(MplsBos).map_or(1, |oxm| oxm.value);
            let entry = value(fields, MplsLabel) << 12 | value(fields, MplsTc) << 9 | bottom << 8;
            bytes.extend_from_slice(&(entry as u32 | u32::from(TTL)).to_be_bytes());
        }
        0x88e7 => {
            bytes.push(0);
            put(&mut bytes, fields, PbbIsid, 3);
            bytes.extend_from_slice(&[0; 12]);
            bytes.extend_from_slice(&EXPERIMENTAL.to_be_bytes());
        }
        _ => (),
    }
    if bytes.len() < MIN_LEN {
        bytes.resize(MIN_LEN, 0);
    }
    Ok(Described { in_port, meta, bytes })
}

fn value(fields: &Match, field: OxmField) -> u128 {
    fields.get(field).map_or(0, |oxm| oxm.value)
}

/// Appends the last `len` bytes of a field's value.
fn put(bytes: &mut Vec<u8>, fields: &Match, field: OxmField, len: usize) {
    let value = value(fields, field).to_be_bytes();
    bytes.extend_from_slice(value.get(16 - len..).unwrap_or_default());
}

fn ipv4(fields: &Match, bytes: &mut Vec<u8>) {
    let mut pseudo = Vec::new();
    put(&mut pseudo, fields, Ipv4Src, 4);
    put(&mut pseudo, fields, Ipv4Dst, 4);
    let proto = value(fields, IpProto) as u8;
    let payload = transport(fields, proto, &pseudo);
    let tos = (value(fields, IpDscp) << 2 | value(fields, IpEcn)) as u8;
    let mut header = vec![0x45, tos];
    header.extend_from_slice(&(20 + payload.len() as u16).to_be_bytes());
    header.extend_from_slice(&[0, 0, 0, 0, TTL, proto, 0, 0]);
    header.extend_from_slice(&pseudo);
    let sum = checksum(&header);
    header.splice(10..12, sum.to_be_bytes());
    bytes.extend(header);
    bytes.extend(payload);
}

fn ipv6(fields: &Match, bytes: &mut Vec<u8>) {
    let mut addresses = Vec::new();
    put(&mut addresses, fields, Ipv6Src, 16);
    put(&mut addresses, fields, Ipv6Dst, 16);
    let proto = value(fields, IpProto) as u8;
    let payload = transport(fields, proto, &addresses);
    let class = value(fields, IpDscp) << 2 | value(fields, IpEcn);
    let first = 6 << 28 | class << 20 | value(fields, Ipv6Flabel);
    bytes.extend_from_slice(&(first as u32).to_be_bytes());
    bytes.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    bytes.extend_from_slice(&[proto, TTL]);
    bytes.extend(addresses);
    bytes.extend(payload);
}

/// The transport header, its checksum over the addresses in `pseudo` where it has one.
fn transport(fields: &Match, proto: u8, pseudo: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut ports = |src, dst| {
        put(&mut bytes, fields, src, 2);
        put(&mut bytes, fields, dst, 2);
    };
    let checksum_at = match proto {
        6 => {
            ports(TcpSrc, TcpDst);
            bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0]);
            16
        }
        17 => {
            ports(UdpSrc, UdpDst);
            bytes.extend_from_slice(&[0, 8, 0, 0]);
            6
        }
        132 => {
            ports(SctpSrc, SctpDst);
            bytes.extend_from_slice(&[0; 8]);
            return bytes;
        }
        1 => {
            put(&mut bytes, fields, Icmpv4Type, 1);
            put(&mut bytes, fields, Icmpv4Code, 1);
            bytes.extend_from_slice(&[0; 6]);
            2
        }
        58 => {
            icmpv6(fields, &mut bytes);
            2
        }
        _ => return bytes,
    };
    let mut covered = bytes.clone();
    if proto != 1 {
        covered.extend_from_slice(pseudo);
        covered.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        covered.extend_from_slice(&[0, 0, 0, proto]);
    }
    let sum = checksum(&covered);
    bytes.splice(checksum_at..checksum_at + 2, sum.to_be_bytes());
    bytes
}

fn icmpv6(fields: &Match, bytes: &mut Vec<u8>) {
    put(bytes, fields, Icmpv6Type, 1);
    put(bytes, fields, Icmpv6Code, 1);
    bytes.extend_from_slice(&[0; 6]);
    let option = match value(fields, Icmpv6Type) {
        135 => (1, Ipv6NdSll),
        136 => (2, Ipv6NdTll),
        _ => return,
    };
    put(bytes, fields, Ipv6NdTarget, 16);
    if fields.get(option.1).is_some() {
        bytes.extend_from_slice(&[option.0, 1]);
        put(bytes, fields, option.1, 6);
    }
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| match *pair {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(high) << 8,
        _ => 0,
    };
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rumpswitch::ofp_codec::text::{NoNames, parse_match};

    fn described(text: &str) -> Described {
        build(&parse_match(text, &NoNames).unwrap()).unwrap()
    }

    #[test]
    fn builds_what_is_described() {
        let frame = described("in_port=3,dl_vlan=5,tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_dst=80");
        assert_eq!(frame.in_port, Port(3));
        assert_eq!(frame.bytes[12..18], [0x81, 0, 0, 5, 8, 0]);
        assert_eq!(frame.bytes[18 + 16..18 + 20], [10, 0, 0, 2]);
        assert_eq!(frame.bytes[18 + 22..18 + 24], [0, 80]);
        assert_eq!(checksum(&frame.bytes[18..38]), 0, "the header sums up");
        assert_eq!(frame.bytes.len(), MIN_LEN);
    }

    #[test]
    fn fills_in_what_is_not_named() {
        let frame = described("");
        assert_eq!((frame.in_port, frame.bytes.len()), (Port(1), MIN_LEN));
        assert!(build(&parse_match("metadata=1", &NoNames).unwrap()).is_err());
    }
}
