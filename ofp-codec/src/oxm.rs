//! The 40 match fields of the basic class (§7.2.3.7): one table says everything about each, and
//! drives decoding, validation, the datapath's key, set-field and the text form.

mod table;

use crate::wire::{EncodeError, Reader, Rules, Writer};
use crate::{BadMatchCode, DecodeError, OfpError};
use table::*;

/// The OXM class of the standard's own fields.
#[doc(alias = "OFPXMC_OPENFLOW_BASIC")]
pub const OXM_CLASS_BASIC: u16 = 0x8000;
/// The OXM class of experimenters' fields.
#[doc(alias = "OFPXMC_EXPERIMENTER")]
pub const OXM_CLASS_EXPERIMENTER: u16 = 0xffff;

/// The bit of a VLAN_VID value that says that there is a tag.
#[doc(alias = "OFPVID_PRESENT")]
pub const VID_PRESENT: u16 = 0x1000;
/// The VLAN_VID value of an untagged frame.
#[doc(alias = "OFPVID_NONE")]
pub const VID_NONE: u16 = 0;

/// A match field; the value is its number in the basic class.
#[doc(alias = "oxm_ofb_match_fields")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum OxmField {
    /// The ingress port.
    #[doc(alias = "OFPXMT_OFB_IN_PORT")]
    InPort = 0,
    /// The physical port beneath it.
    #[doc(alias = "OFPXMT_OFB_IN_PHY_PORT")]
    InPhyPort = 1,
    /// The register passed between tables.
    #[doc(alias = "OFPXMT_OFB_METADATA")]
    Metadata = 2,
    /// Destination MAC address.
    #[doc(alias = "OFPXMT_OFB_ETH_DST")]
    EthDst = 3,
    /// Source MAC address.
    #[doc(alias = "OFPXMT_OFB_ETH_SRC")]
    EthSrc = 4,
    /// Type behind all VLAN tags.
    #[doc(alias = "OFPXMT_OFB_ETH_TYPE")]
    EthType = 5,
    /// VLAN id, with bit 12 for the tag's presence.
    #[doc(alias = "OFPXMT_OFB_VLAN_VID")]
    VlanVid = 6,
    /// VLAN priority.
    #[doc(alias = "OFPXMT_OFB_VLAN_PCP")]
    VlanPcp = 7,
    /// Differentiated services code point.
    #[doc(alias = "OFPXMT_OFB_IP_DSCP")]
    IpDscp = 8,
    /// Explicit congestion notification.
    #[doc(alias = "OFPXMT_OFB_IP_ECN")]
    IpEcn = 9,
    /// IP protocol.
    #[doc(alias = "OFPXMT_OFB_IP_PROTO")]
    IpProto = 10,
    /// IPv4 source address.
    #[doc(alias = "OFPXMT_OFB_IPV4_SRC")]
    Ipv4Src = 11,
    /// IPv4 destination address.
    #[doc(alias = "OFPXMT_OFB_IPV4_DST")]
    Ipv4Dst = 12,
    /// TCP source port.
    #[doc(alias = "OFPXMT_OFB_TCP_SRC")]
    TcpSrc = 13,
    /// TCP destination port.
    #[doc(alias = "OFPXMT_OFB_TCP_DST")]
    TcpDst = 14,
    /// UDP source port.
    #[doc(alias = "OFPXMT_OFB_UDP_SRC")]
    UdpSrc = 15,
    /// UDP destination port.
    #[doc(alias = "OFPXMT_OFB_UDP_DST")]
    UdpDst = 16,
    /// SCTP source port.
    #[doc(alias = "OFPXMT_OFB_SCTP_SRC")]
    SctpSrc = 17,
    /// SCTP destination port.
    #[doc(alias = "OFPXMT_OFB_SCTP_DST")]
    SctpDst = 18,
    /// ICMP type.
    #[doc(alias = "OFPXMT_OFB_ICMPV4_TYPE")]
    Icmpv4Type = 19,
    /// ICMP code.
    #[doc(alias = "OFPXMT_OFB_ICMPV4_CODE")]
    Icmpv4Code = 20,
    /// ARP operation.
    #[doc(alias = "OFPXMT_OFB_ARP_OP")]
    ArpOp = 21,
    /// ARP sender's IPv4 address.
    #[doc(alias = "OFPXMT_OFB_ARP_SPA")]
    ArpSpa = 22,
    /// ARP target's IPv4 address.
    #[doc(alias = "OFPXMT_OFB_ARP_TPA")]
    ArpTpa = 23,
    /// ARP sender's MAC address.
    #[doc(alias = "OFPXMT_OFB_ARP_SHA")]
    ArpSha = 24,
    /// ARP target's MAC address.
    #[doc(alias = "OFPXMT_OFB_ARP_THA")]
    ArpTha = 25,
    /// IPv6 source address.
    #[doc(alias = "OFPXMT_OFB_IPV6_SRC")]
    Ipv6Src = 26,
    /// IPv6 destination address.
    #[doc(alias = "OFPXMT_OFB_IPV6_DST")]
    Ipv6Dst = 27,
    /// IPv6 flow label.
    #[doc(alias = "OFPXMT_OFB_IPV6_FLABEL")]
    Ipv6Flabel = 28,
    /// ICMPv6 type.
    #[doc(alias = "OFPXMT_OFB_ICMPV6_TYPE")]
    Icmpv6Type = 29,
    /// ICMPv6 code.
    #[doc(alias = "OFPXMT_OFB_ICMPV6_CODE")]
    Icmpv6Code = 30,
    /// Neighbour discovery target.
    #[doc(alias = "OFPXMT_OFB_IPV6_ND_TARGET")]
    Ipv6NdTarget = 31,
    /// Neighbour solicitation's source link-layer address.
    #[doc(alias = "OFPXMT_OFB_IPV6_ND_SLL")]
    Ipv6NdSll = 32,
    /// Neighbour advertisement's target link-layer address.
    #[doc(alias = "OFPXMT_OFB_IPV6_ND_TLL")]
    Ipv6NdTll = 33,
    /// Outermost MPLS label.
    #[doc(alias = "OFPXMT_OFB_MPLS_LABEL")]
    MplsLabel = 34,
    /// Outermost MPLS traffic class.
    #[doc(alias = "OFPXMT_OFB_MPLS_TC")]
    MplsTc = 35,
    /// Outermost MPLS bottom-of-stack bit.
    #[doc(alias = "OFPXMT_OFB_MPLS_BOS")]
    MplsBos = 36,
    /// PBB service instance.
    #[doc(alias = "OFPXMT_OFB_PBB_ISID")]
    PbbIsid = 37,
    /// Metadata of a logical port.
    #[doc(alias = "OFPXMT_OFB_TUNNEL_ID")]
    TunnelId = 38,
    /// IPv6 extension headers seen.
    #[doc(alias = "OFPXMT_OFB_IPV6_EXTHDR")]
    Ipv6Exthdr = 39,
}

/// What must be known of a packet before a field may be matched or set (§7.2.3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prerequisite {
    /// Nothing.
    None,
    /// IN_PORT is in the match.
    InPort,
    /// VLAN_VID says that there is a tag.
    VlanPresent,
    /// ETH_TYPE 0x0800 or 0x86dd.
    Ip,
    /// ETH_TYPE 0x0800.
    Ipv4,
    /// ETH_TYPE 0x86dd.
    Ipv6,
    /// ETH_TYPE 0x0806.
    Arp,
    /// ETH_TYPE 0x8847 or 0x8848.
    Mpls,
    /// ETH_TYPE 0x88e7.
    Pbb,
    /// IP_PROTO 6.
    Tcp,
    /// IP_PROTO 17.
    Udp,
    /// IP_PROTO 132.
    Sctp,
    /// ETH_TYPE 0x0800 and IP_PROTO 1.
    Icmpv4,
    /// ETH_TYPE 0x86dd and IP_PROTO 58.
    Icmpv6,
    /// ICMPV6_TYPE 135 or 136.
    NdAny,
    /// ICMPV6_TYPE 135.
    NdSolicit,
    /// ICMPV6_TYPE 136.
    NdAdvert,
}

/// How a value is written for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OxmFormat {
    /// A decimal number.
    Decimal,
    /// A hexadecimal number.
    Hex,
    /// A port number or a reserved port's name.
    Port,
    /// A MAC address.
    Mac,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
}

/// What there is to say about one field.
#[derive(Clone, Copy, Debug)]
pub struct OxmFieldInfo {
    /// The field.
    pub field: OxmField,
    /// Its name in the standard, in lower case, as ovs-fields(7) writes it.
    pub name: &'static str,
    /// The older name that Open vSwitch's tools print and read as well.
    pub old_name: &'static str,
    /// Bytes of a value on the wire.
    pub len: u8,
    /// Bits of a value that count.
    pub bits: u8,
    /// Whether the standard allows a mask.
    pub maskable_by_text: bool,
    /// Whether this codec honours partial masks: where the standard or Open vSwitch does.
    pub maskable: bool,
    /// Whether set-field may name it.
    pub settable: bool,
    /// What must stand before it.
    pub prerequisite: Prerequisite,
    /// How a value is written.
    pub format: OxmFormat,
}

impl OxmField {
    /// How many fields there are.
    pub const COUNT: usize = 40;

    /// All fields, by number.
    pub const ALL: [OxmField; OxmField::COUNT] = [
        OxmField::InPort,
        OxmField::InPhyPort,
        OxmField::Metadata,
        OxmField::EthDst,
        OxmField::EthSrc,
        OxmField::EthType,
        OxmField::VlanVid,
        OxmField::VlanPcp,
        OxmField::IpDscp,
        OxmField::IpEcn,
        OxmField::IpProto,
        OxmField::Ipv4Src,
        OxmField::Ipv4Dst,
        OxmField::TcpSrc,
        OxmField::TcpDst,
        OxmField::UdpSrc,
        OxmField::UdpDst,
        OxmField::SctpSrc,
        OxmField::SctpDst,
        OxmField::Icmpv4Type,
        OxmField::Icmpv4Code,
        OxmField::ArpOp,
        OxmField::ArpSpa,
        OxmField::ArpTpa,
        OxmField::ArpSha,
        OxmField::ArpTha,
        OxmField::Ipv6Src,
        OxmField::Ipv6Dst,
        OxmField::Ipv6Flabel,
        OxmField::Icmpv6Type,
        OxmField::Icmpv6Code,
        OxmField::Ipv6NdTarget,
        OxmField::Ipv6NdSll,
        OxmField::Ipv6NdTll,
        OxmField::MplsLabel,
        OxmField::MplsTc,
        OxmField::MplsBos,
        OxmField::PbbIsid,
        OxmField::TunnelId,
        OxmField::Ipv6Exthdr,
    ];

    /// The field with this number in the basic class.
    pub fn from_number(number: u8) -> Option<OxmField> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The number in the basic class.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// What there is to say about the field.
    ///
    /// ```
    /// use rumpswitch_ofp_codec::OxmField;
    /// assert_eq!(OxmField::Ipv4Dst.info().name, "ipv4_dst");
    /// assert_eq!(OxmField::PbbIsid.info().len, 3);
    /// ```
    pub const fn info(self) -> &'static OxmFieldInfo {
        match self {
            OxmField::InPort => &INFO_IN_PORT,
            OxmField::InPhyPort => &INFO_IN_PHY_PORT,
            OxmField::Metadata => &INFO_METADATA,
            OxmField::EthDst => &INFO_ETH_DST,
            OxmField::EthSrc => &INFO_ETH_SRC,
            OxmField::EthType => &INFO_ETH_TYPE,
            OxmField::VlanVid => &INFO_VLAN_VID,
            OxmField::VlanPcp => &INFO_VLAN_PCP,
            OxmField::IpDscp => &INFO_IP_DSCP,
            OxmField::IpEcn => &INFO_IP_ECN,
            OxmField::IpProto => &INFO_IP_PROTO,
            OxmField::Ipv4Src => &INFO_IPV4_SRC,
            OxmField::Ipv4Dst => &INFO_IPV4_DST,
            OxmField::TcpSrc => &INFO_TCP_SRC,
            OxmField::TcpDst => &INFO_TCP_DST,
            OxmField::UdpSrc => &INFO_UDP_SRC,
            OxmField::UdpDst => &INFO_UDP_DST,
            OxmField::SctpSrc => &INFO_SCTP_SRC,
            OxmField::SctpDst => &INFO_SCTP_DST,
            OxmField::Icmpv4Type => &INFO_ICMPV4_TYPE,
            OxmField::Icmpv4Code => &INFO_ICMPV4_CODE,
            OxmField::ArpOp => &INFO_ARP_OP,
            OxmField::ArpSpa => &INFO_ARP_SPA,
            OxmField::ArpTpa => &INFO_ARP_TPA,
            OxmField::ArpSha => &INFO_ARP_SHA,
            OxmField::ArpTha => &INFO_ARP_THA,
            OxmField::Ipv6Src => &INFO_IPV6_SRC,
            OxmField::Ipv6Dst => &INFO_IPV6_DST,
            OxmField::Ipv6Flabel => &INFO_IPV6_FLABEL,
            OxmField::Icmpv6Type => &INFO_ICMPV6_TYPE,
            OxmField::Icmpv6Code => &INFO_ICMPV6_CODE,
            OxmField::Ipv6NdTarget => &INFO_IPV6_ND_TARGET,
            OxmField::Ipv6NdSll => &INFO_IPV6_ND_SLL,
            OxmField::Ipv6NdTll => &INFO_IPV6_ND_TLL,
            OxmField::MplsLabel => &INFO_MPLS_LABEL,
            OxmField::MplsTc => &INFO_MPLS_TC,
            OxmField::MplsBos => &INFO_MPLS_BOS,
            OxmField::PbbIsid => &INFO_PBB_ISID,
            OxmField::TunnelId => &INFO_TUNNEL_ID,
            OxmField::Ipv6Exthdr => &INFO_IPV6_EXTHDR,
        }
    }

    /// A mask of the bits that count.
    pub const fn all_ones(self) -> u128 {
        match self.info().bits as u32 {
            // Most fields: one shift of one word.
            bits @ 0..=64 => u64::MAX.wrapping_shr(64 - bits) as u128,
            bits => u128::MAX >> (128 - bits),
        }
    }

    /// The 32-bit OXM header of this field.
    pub const fn header(self, has_mask: bool) -> u32 {
        let len = self.info().len as u32;
        let len = if has_mask { 2 * len } else { len };
        (OXM_CLASS_BASIC as u32) << 16 | (self as u32) << 9 | (has_mask as u32) << 8 | len
    }
}

/// One match field with its value, and its mask where it has one.
///
/// Values and masks are integers as the wire has them in big-endian order: a MAC address is a 48-bit
/// integer, an IPv6 address a 128-bit one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Oxm {
    /// The field.
    pub field: OxmField,
    /// Its value.
    pub value: u128,
    /// The bits that are compared; all of them without a mask.
    pub mask: Option<u128>,
}

impl Oxm {
    /// A field with an exact value.
    pub const fn new(field: OxmField, value: u128) -> Oxm {
        Oxm { field, value, mask: None }
    }

    /// A field of which the bits in `mask` are compared.
    pub const fn masked(field: OxmField, value: u128, mask: u128) -> Oxm {
        Oxm { field, value, mask: Some(mask) }
    }

    /// The bits that are compared.
    pub const fn effective_mask(&self) -> u128 {
        match self.mask {
            Some(mask) => mask,
            None => self.field.all_ones(),
        }
    }

    /// Checks value and mask by themselves, without what stands before them (§7.2.3.5).
    ///
    /// # Errors
    /// BAD_WILDCARDS for a value bit outside the mask, BAD_VALUE for a value and BAD_MASK for a
    /// mask beyond the field's width, BAD_MASK for a partial mask on a field that has none.
    pub fn check(&self) -> Result<(), OfpError> {
        let all_ones = self.field.all_ones();
        let bad = |code| Err(OfpError::BadMatch(code));
        if let Some(mask) = self.mask {
            if self.value & !mask != 0 {
                return bad(BadMatchCode::BadWildcards);
            }
            if mask & !all_ones != 0 {
                // All-ones in wire width is "no mask", however many bits count.
                let wire_ones = u128::MAX >> (128 - 8 * u32::from(self.field.info().len));
                if mask != wire_ones {
                    return bad(BadMatchCode::BadMask);
                }
            } else if mask != all_ones && mask != 0 && !self.field.info().maskable {
                return bad(BadMatchCode::BadMask);
            }
        }
        if self.value & !all_ones != 0 {
            return bad(BadMatchCode::BadValue);
        }
        Ok(())
    }
}

/// A big-endian value of at most 16 bytes.
fn uint(bytes: &[u8]) -> u128 {
    match *bytes {
        [a] => a.into(),
        [a, b] => u16::from_be_bytes([a, b]).into(),
        [a, b, c, d] => u32::from_be_bytes([a, b, c, d]).into(),
        _ => bytes.iter().fold(0, |value, byte| value << 8 | u128::from(*byte)),
    }
}

/// The parts of a 32-bit OXM header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OxmHeader {
    /// The field, when it is one of the basic class.
    pub(crate) field: Option<OxmField>,
    /// Whether a mask follows the value.
    pub(crate) has_mask: bool,
    /// Bytes that follow the header.
    pub(crate) len: u8,
    /// Whether the class is that of experimenters.
    pub(crate) is_experimenter: bool,
}

impl OxmHeader {
    /// Takes a header apart.
    pub(crate) fn parse(header: u32) -> OxmHeader {
        let [class_high, class_low, field, len] = header.to_be_bytes();
        let class = u16::from_be_bytes([class_high, class_low]);
        OxmHeader {
            field: (class == OXM_CLASS_BASIC).then(|| OxmField::from_number(field >> 1)).flatten(),
            has_mask: field & 1 == 1,
            len,
            is_experimenter: class == OXM_CLASS_EXPERIMENTER,
        }
    }
}

impl Oxm {
    /// Reads a match field and checks it by itself; `None` for one that is not known, where the
    /// rules let it pass.
    ///
    /// # Errors
    /// BAD_MATCH: BAD_LEN, BAD_FIELD, then those of [`Oxm::check`].
    pub(crate) fn read(reader: &mut Reader<'_>, rules: Rules) -> Result<Option<Oxm>, DecodeError> {
        let at = reader.offset();
        let bad = |code| DecodeError { error: OfpError::BadMatch(code), what: "OXM", offset: at };
        let header = OxmHeader::parse(reader.u32()?);
        let bad_len = OfpError::BadMatch(BadMatchCode::BadLen);
        let Ok(payload) = reader.take(usize::from(header.len)) else {
            return Err(DecodeError { error: bad_len, what: "OXM", offset: at.saturating_add(4) });
        };
        let Some(field) = header.field else {
            // Its first four bytes would have said whose field it is.
            if rules.strict() && header.is_experimenter && header.len < 4 {
                return Err(bad(BadMatchCode::BadLen));
            }
            return if rules.strict() { Err(bad(BadMatchCode::BadField)) } else { Ok(None) };
        };
        let len = field.info().len;
        if header.len != if header.has_mask { 2 * len } else { len } {
            return Err(bad(BadMatchCode::BadLen));
        }
        let (value, mask) = payload.split_at_checked(usize::from(len)).unwrap_or_default();
        let mask = header.has_mask.then(|| uint(mask));
        let oxm = Oxm { field, value: uint(value), mask };
        if rules.strict() {
            oxm.check().map_err(|error| DecodeError { error, what: "OXM", offset: at })?;
        }
        Ok(Some(oxm))
    }

    /// Writes a match field.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let len = self.field.info().len;
        writer.u32(self.field.header(self.mask.is_some()));
        writer.uint(self.value, len)?;
        self.mask.map_or(Ok(()), |mask| writer.uint(mask, len))
    }
}
