//! The words of the flow syntax: every name under which a match field may be written, which of
//! OpenFlow 1.3's fields it can mean, and the words that belong to Open vSwitch alone and are
//! refused by name. Match and set-field read their names here, both ways.

use crate::{OxmField, Prerequisite};

/// What a name stands for. Old names take their meaning from the Ethernet type and protocol of the
/// same flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// One field of the standard.
    Field(OxmField),
    /// `ipv4_src`, or `arp_spa` in an ARP flow.
    NwSrc,
    /// `ipv4_dst`, or `arp_tpa` in an ARP flow.
    NwDst,
    /// `ip_proto`, or `arp_op` in an ARP flow.
    NwProto,
    /// `ip_dscp` in the upper six bits of the old TOS byte.
    NwTos,
    /// Source port by protocol; the type of an ICMP flow.
    TpSrc,
    /// Destination port by protocol; the code of an ICMP flow.
    TpDst,
    /// ICMP type, v4 or v6 by protocol.
    IcmpType,
    /// ICMP code, v4 or v6 by protocol.
    IcmpCode,
    /// VLAN ID without the present bit; 0xffff for untagged.
    DlVlan,
    /// The whole tag control word, bit 12 set for tagged.
    VlanTci,
}

/// The names beyond those in the field table: with several meanings, and Open vSwitch's further
/// spellings.
const NAMES: &[(&str, Name)] = &[
    ("nw_src", Name::NwSrc),
    ("ip_src", Name::NwSrc),
    ("nw_dst", Name::NwDst),
    ("ip_dst", Name::NwDst),
    ("nw_proto", Name::NwProto),
    ("ip_proto", Name::NwProto),
    ("nw_tos", Name::NwTos),
    ("tp_src", Name::TpSrc),
    ("tp_dst", Name::TpDst),
    ("icmp_type", Name::IcmpType),
    ("icmp_code", Name::IcmpCode),
    ("dl_vlan", Name::DlVlan),
    ("vlan_tci", Name::VlanTci),
    ("in_port_oxm", Name::Field(OxmField::InPort)),
    ("nw_ecn", Name::Field(OxmField::IpEcn)),
    ("ipv6_label", Name::Field(OxmField::Ipv6Flabel)),
    ("nd_target", Name::Field(OxmField::Ipv6NdTarget)),
    ("nd_sll", Name::Field(OxmField::Ipv6NdSll)),
    ("nd_tll", Name::Field(OxmField::Ipv6NdTll)),
    ("tun_id", Name::Field(OxmField::TunnelId)),
    ("tunnel_id", Name::Field(OxmField::TunnelId)),
];

/// A protocol word: Ethernet type and, if it names one, IP protocol.
const PROTOCOLS: [(&str, u16, Option<u8>); 17] = [
    ("ip", 0x0800, None),
    ("ipv4", 0x0800, None),
    ("ip4", 0x0800, None),
    ("icmp", 0x0800, Some(1)),
    ("tcp", 0x0800, Some(6)),
    ("udp", 0x0800, Some(17)),
    ("sctp", 0x0800, Some(132)),
    ("ipv6", 0x86dd, None),
    ("ip6", 0x86dd, None),
    ("icmp6", 0x86dd, Some(58)),
    ("tcp6", 0x86dd, Some(6)),
    ("udp6", 0x86dd, Some(17)),
    ("sctp6", 0x86dd, Some(132)),
    ("arp", 0x0806, None),
    ("rarp", 0x8035, None),
    ("mpls", 0x8847, None),
    ("mplsm", 0x8848, None),
];

/// Match fields and pipeline registers that only Open vSwitch has.
const FOREIGN: &[&str] = &[
    "actset_output",
    "conj_id",
    "dl_vlan1",
    "dp_hash",
    "eth",
    "ip_frag",
    "mpls_ttl",
    "nw_frag",
    "nw_ttl",
    "packet_type",
    "pkt_mark",
    "recirc_id",
    "skb_priority",
    "tcp_flags",
];

/// The beginnings of families of such fields.
const FOREIGN_PREFIXES: &[&str] = &[
    "ct_",
    "nd_options_",
    "nd_reserved",
    "nsh_",
    "reg",
    "tun_",
    "xreg",
    "xxreg",
    "NXM_",
    "NXOXM_",
];

/// What a name means; `None` if it is no match field of OpenFlow 1.3.
pub(super) fn name(text: &str) -> Option<Name> {
    if let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == text) {
        return Some(*name);
    }
    let wire = text.strip_prefix("OXM_OF_");
    OxmField::ALL
        .iter()
        .find(|field| {
            let info = field.info();
            match wire {
                Some(wire) => wire.eq_ignore_ascii_case(info.name),
                None => text == info.name || text == info.old_name,
            }
        })
        .map(|field| Name::Field(*field))
}

/// The Ethernet type and IP protocol of a protocol word.
pub(super) fn protocol(text: &str) -> Option<(u16, Option<u8>)> {
    PROTOCOLS.iter().find(|(word, ..)| *word == text).map(|(_, dl_type, proto)| (*dl_type, *proto))
}

/// Whether a name is a match field that Open vSwitch has and OpenFlow 1.3 lacks.
pub(super) fn is_foreign(text: &str) -> bool {
    FOREIGN.contains(&text) || FOREIGN_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}

/// The name that set-field is printed with: Open vSwitch's where it has the field, else the
/// standard's.
pub(super) fn label(field: OxmField) -> &'static str {
    use OxmField as F;
    match field {
        F::Ipv4Src => "ip_src",
        F::Ipv4Dst => "ip_dst",
        F::IpEcn => "nw_ecn",
        F::IpProto => "nw_proto",
        F::Icmpv4Type => "icmp_type",
        F::Icmpv4Code => "icmp_code",
        F::Ipv6Flabel => "ipv6_label",
        F::Ipv6NdTarget => "nd_target",
        F::Ipv6NdSll => "nd_sll",
        F::Ipv6NdTll => "nd_tll",
        F::TunnelId => "tun_id",
        _ => field.info().name,
    }
}

/// What a flow lacks that does not meet a prerequisite.
pub(super) fn needs(prerequisite: Prerequisite) -> &'static str {
    use Prerequisite as P;
    match prerequisite {
        P::None => "",
        P::InPort => "needs in_port in the same flow",
        P::VlanPresent => "needs a VLAN tag in the same flow",
        P::Ip => "needs ip or ipv6 in the same flow",
        P::Ipv4 => "needs ip in the same flow",
        P::Ipv6 => "needs ipv6 in the same flow",
        P::Arp => "needs arp in the same flow",
        P::Mpls => "needs mpls or mplsm in the same flow",
        P::Pbb => "needs dl_type=0x88e7 in the same flow",
        P::Tcp => "needs tcp or tcp6 in the same flow",
        P::Udp => "needs udp or udp6 in the same flow",
        P::Sctp => "needs sctp or sctp6 in the same flow",
        P::Icmpv4 => "needs icmp in the same flow",
        P::Icmpv6 => "needs icmp6 in the same flow",
        P::NdAny => "needs icmp6 and icmp_type=135 or 136 in the same flow",
        P::NdSolicit => "needs icmp6 and icmp_type=135 in the same flow",
        P::NdAdvert => "needs icmp6 and icmp_type=136 in the same flow",
    }
}
