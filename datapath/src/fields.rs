//! Where each match field lies in the key, and which headers have to be there for it: the one table
//! that extraction, matching, set-field and traces read.

use ofp_codec::OxmField;

use crate::key::{KEY_WORDS, Presence};

/// Where a field lies in a [`Key`](crate::key::Key).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The word; the first of two for a field of 128 bits.
    pub word: u8,
    /// Bits to its right in the word.
    pub shift: u8,
    /// Its width in bits that count.
    pub bits: u8,
    /// What has to be there for the field to exist.
    pub presence: Presence,
}

/// Where `field` lies.
///
/// ```
/// use rumpswitch_datapath::fields::place;
/// use ofp_codec::OxmField;
///
/// let (tcp, udp) = (place(OxmField::TcpDst), place(OxmField::UdpDst));
/// assert_eq!((tcp.word, tcp.shift), (udp.word, udp.shift));
/// assert_ne!(tcp.presence, udp.presence);
/// ```
#[rustfmt::skip]
pub const fn place(field: OxmField) -> Place {
    use OxmField as F;
    use Presence as P;
    let (word, shift, bits, presence) = match field {
        // word 0: in_port | presence
        F::InPort       => (0, 32, 32, P::empty()),
        // word 1: eth_dst | eth_type
        F::EthDst       => (1, 16, 48, P::ETH),
        F::EthType      => (1,  0, 16, P::ETH_TYPE),
        // word 2: eth_src | pcp, tag present, vid
        F::EthSrc       => (2, 16, 48, P::ETH),
        F::VlanPcp      => (2, 13,  3, P::TAG),
        F::VlanVid      => (2,  0, 13, P::TAG_KNOWN),
        // word 3: IPv4 or ARP addresses, or IPv6's flow label and extension headers
        F::Ipv4Src      => (3, 32, 32, P::IPV4),
        F::Ipv4Dst      => (3,  0, 32, P::IPV4),
        F::ArpSpa       => (3, 32, 32, P::ARP),
        F::ArpTpa       => (3,  0, 32, P::ARP),
        F::Ipv6Flabel   => (3, 32, 20, P::IPV6),
        F::Ipv6Exthdr   => (3,  0,  9, P::IPV6),
        // word 4: ports | protocol | dscp, ecn | icmp type, code
        F::TcpSrc       => (4, 48, 16, P::TCP),
        F::TcpDst       => (4, 32, 16, P::TCP),
        F::UdpSrc       => (4, 48, 16, P::UDP),
        F::UdpDst       => (4, 32, 16, P::UDP),
        F::SctpSrc      => (4, 48, 16, P::SCTP),
        F::SctpDst      => (4, 32, 16, P::SCTP),
        F::IpProto      => (4, 24,  8, P::IP_PROTO),
        F::IpDscp       => (4, 18,  6, P::IP),
        F::IpEcn        => (4, 16,  2, P::IP),
        F::Icmpv4Type   => (4,  8,  8, P::ICMPV4),
        F::Icmpv4Code   => (4,  0,  8, P::ICMPV4),
        F::Icmpv6Type   => (4,  8,  8, P::ICMPV6),
        F::Icmpv6Code   => (4,  0,  8, P::ICMPV6),
        // words 5, 6: metadata, tunnel
        F::Metadata     => (5,  0, 64, P::empty()),
        F::TunnelId     => (6,  0, 64, P::empty()),
        // word 7: in_phy_port | label stack entry without its TTL, or I-SID
        F::InPhyPort    => (7, 32, 32, P::empty()),
        F::MplsLabel    => (7,  4, 20, P::MPLS),
        F::MplsTc       => (7,  1,  3, P::MPLS),
        F::MplsBos      => (7,  0,  1, P::MPLS),
        F::PbbIsid      => (7,  0, 24, P::PBB),
        // words 8-13: IPv6 addresses
        F::Ipv6Src      => (8,  0, 128, P::IPV6),
        F::Ipv6Dst      => (10, 0, 128, P::IPV6),
        F::Ipv6NdTarget => (12, 0, 128, P::ND),
        // words 14, 15: hardware addresses of ARP or of neighbour discovery | ARP's operation
        F::ArpSha       => (14, 16, 48, P::ARP),
        F::ArpOp        => (14,  0, 16, P::ARP),
        F::Ipv6NdSll    => (14, 16, 48, P::ND_SLL),
        F::ArpTha       => (15, 16, 48, P::ARP),
        F::Ipv6NdTll    => (15, 16, 48, P::ND_TLL),
    };
    Place { word, shift, bits, presence }
}

impl Place {
    /// All of the field's bits, right-aligned.
    pub const fn ones(&self) -> u128 {
        match 128u32.checked_sub(self.bits as u32) {
            Some(unused) if unused < 128 => u128::MAX >> unused,
            _ => 0,
        }
    }

    /// Reads the field, right-aligned.
    #[inline]
    pub fn read(&self, words: &[u64; KEY_WORDS]) -> u128 {
        let at = usize::from(self.word);
        let word = words.get(at).copied().unwrap_or(0);
        if self.bits > 64 {
            let low = words.get(at.wrapping_add(1)).copied().unwrap_or(0);
            return (u128::from(word) << 64) | u128::from(low);
        }
        u128::from(word.wrapping_shr(u32::from(self.shift))) & self.ones()
    }

    /// Writes the field; bits of `value` beyond its width are ignored.
    #[inline]
    pub fn write(&self, words: &mut [u64; KEY_WORDS], value: u128) {
        let at = usize::from(self.word);
        if self.bits > 64 {
            if let Some([high, low]) = words.get_mut(at..at.wrapping_add(2)) {
                (*high, *low) = ((value >> 64) as u64, value as u64);
            }
            return;
        }
        let ones = self.ones() as u64;
        let shift = u32::from(self.shift);
        if let Some(word) = words.get_mut(at) {
            *word = (*word & !ones.wrapping_shl(shift)) | (value as u64 & ones).wrapping_shl(shift);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_reads_back_what_was_written_and_disturbs_no_other_bit() {
        for field in OxmField::ALL {
            let place = place(field);
            for fill in [0, u64::MAX] {
                let mut words = [fill; KEY_WORDS];
                let value = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210 & place.ones();
                place.write(&mut words, value);
                assert_eq!(place.read(&words), value, "{field:?}");
                place.write(&mut words, if fill == 0 { 0 } else { u128::MAX });
                assert_eq!(words, [fill; KEY_WORDS], "{field:?}");
            }
        }
    }

    #[test]
    fn fields_that_share_bits_never_share_a_packet() {
        for (i, one) in OxmField::ALL.into_iter().enumerate() {
            for other in OxmField::ALL.into_iter().skip(i + 1) {
                let (a, b) = (place(one), place(other));
                let mut words = [0; KEY_WORDS];
                a.write(&mut words, u128::MAX);
                if b.read(&words) != 0 {
                    assert!(
                        !a.presence.intersects(b.presence),
                        "{one:?} and {other:?} share bits and headers"
                    );
                }
            }
        }
    }

    #[test]
    fn no_field_lies_on_the_presence_bits() {
        for field in OxmField::ALL {
            let mut words = [0; KEY_WORDS];
            place(field).write(&mut words, u128::MAX);
            assert_eq!(words[0] & crate::key::PRESENCE_MASK, 0, "{field:?}");
        }
    }
}
