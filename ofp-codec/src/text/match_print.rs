//! Prints a match as dump-flows does: the protocol word first, then the fields in Open vSwitch's
//! order and under its old names; what it has no name for under the standard's. Reading the result
//! gives the same fields back.

use core::fmt;

use super::field_value::FieldValue;
use super::names;
use crate::{DEFAULT_PRIORITY, Match, Oxm, OxmField};

/// Fields in the order of the dump, behind protocol word and VLAN; the two of [`is_implied`] are
/// left out as needed.
const BEFORE_VLAN: [OxmField; 4] =
    [OxmField::TunnelId, OxmField::Metadata, OxmField::InPort, OxmField::InPhyPort];

/// The rest of them.
const AFTER_VLAN: [OxmField; 34] = {
    use OxmField as F;
    [
        F::EthSrc,
        F::EthDst,
        F::EthType,
        F::PbbIsid,
        F::Ipv6Src,
        F::Ipv6Dst,
        F::Ipv6Flabel,
        F::Ipv4Src,
        F::Ipv4Dst,
        F::ArpSpa,
        F::ArpTpa,
        F::ArpOp,
        F::IpProto,
        F::ArpSha,
        F::ArpTha,
        F::IpDscp,
        F::IpEcn,
        F::Ipv6Exthdr,
        F::MplsLabel,
        F::MplsTc,
        F::MplsBos,
        F::Icmpv4Type,
        F::Icmpv4Code,
        F::Icmpv6Type,
        F::Icmpv6Code,
        F::Ipv6NdTarget,
        F::Ipv6NdSll,
        F::Ipv6NdTll,
        F::TcpSrc,
        F::TcpDst,
        F::UdpSrc,
        F::UdpDst,
        F::SctpSrc,
        F::SctpDst,
    ]
};

/// Writes commas between what it is given.
struct List<'a, 'f> {
    f: &'a mut fmt::Formatter<'f>,
    is_empty: bool,
}

impl List<'_, '_> {
    fn item(&mut self, item: fmt::Arguments<'_>) -> fmt::Result {
        if !self.is_empty {
            self.f.write_str(",")?;
        }
        self.is_empty = false;
        self.f.write_fmt(item)
    }
}

impl fmt::Display for Match {
    /// As dump-flows prints it; nothing at all for the match of every packet.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self, &mut List { f, is_empty: true })
    }
}

/// Priority and match: the priority is left out when it is the default.
pub(super) struct MatchText<'a> {
    pub(super) priority: u16,
    pub(super) matching: &'a Match,
}

impl fmt::Display for MatchText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = List { f, is_empty: true };
        if self.priority != DEFAULT_PRIORITY {
            list.item(format_args!("priority={}", self.priority))?;
        }
        write(self.matching, &mut list)
    }
}

fn write(matching: &Match, list: &mut List<'_, '_>) -> fmt::Result {
    let protocol = protocol_word(matching);
    if let Some((word, _)) = protocol {
        list.item(format_args!("{word}"))?;
    }
    for field in BEFORE_VLAN {
        write_field(matching, field, list)?;
    }
    write_vlan(matching, list)?;
    for field in AFTER_VLAN {
        if !is_implied(field, protocol) {
            write_field(matching, field, list)?;
        }
    }
    Ok(())
}

/// The protocol word of a match, and whether it stands for the IP protocol as well.
fn protocol_word(matching: &Match) -> Option<(&'static str, bool)> {
    let proto = matching.exact(OxmField::IpProto);
    let with_proto = |word| Some((word, true));
    match (matching.exact(OxmField::EthType)?, proto) {
        (0x0800, Some(1)) => with_proto("icmp"),
        (0x0800, Some(6)) => with_proto("tcp"),
        (0x0800, Some(17)) => with_proto("udp"),
        (0x0800, Some(132)) => with_proto("sctp"),
        (0x0800, _) => Some(("ip", false)),
        (0x86dd, Some(58)) => with_proto("icmp6"),
        (0x86dd, Some(6)) => with_proto("tcp6"),
        (0x86dd, Some(17)) => with_proto("udp6"),
        (0x86dd, Some(132)) => with_proto("sctp6"),
        (0x86dd, _) => Some(("ipv6", false)),
        (0x0806, _) => Some(("arp", false)),
        (0x8035, _) => Some(("rarp", false)),
        (0x8847, _) => Some(("mpls", false)),
        (0x8848, _) => Some(("mplsm", false)),
        _ => None,
    }
}

/// Whether the protocol word says what the field would.
fn is_implied(field: OxmField, protocol: Option<(&'static str, bool)>) -> bool {
    match field {
        OxmField::EthType => protocol.is_some(),
        OxmField::IpProto => protocol.is_some_and(|(_, with_proto)| with_proto),
        _ => false,
    }
}

/// One field, unless its mask is empty.
fn write_field(matching: &Match, field: OxmField, list: &mut List<'_, '_>) -> fmt::Result {
    let Some(oxm) = matching.get(field).filter(|oxm| oxm.mask != Some(0)) else {
        return Ok(());
    };
    let name = match field {
        OxmField::Icmpv6Type => "icmp_type",
        OxmField::Icmpv6Code => "icmp_code",
        OxmField::IpDscp => return list.item(format_args!("nw_tos={}", oxm.value << 2)),
        OxmField::Ipv6Flabel => {
            list.item(format_args!("ipv6_label=0x{:05x}", oxm.value))?;
            return match oxm.mask {
                Some(mask) if !is_exact(oxm) => list.f.write_fmt(format_args!("/0x{mask:05x}")),
                _ => Ok(()),
            };
        }
        _ if field.info().old_name.starts_with("ipv6_") => names::label(field),
        _ => field.info().old_name,
    };
    let value = FieldValue { field, value: oxm.value, mask: oxm.mask };
    list.item(format_args!("{name}={value}"))
}

/// VLAN_VID and VLAN_PCP: `dl_vlan` and `dl_vlan_pcp` where they can say it, else the tag control
/// word.
fn write_vlan(matching: &Match, list: &mut List<'_, '_>) -> fmt::Result {
    let part = |field: OxmField| {
        matching
            .get(field)
            .map_or((0, 0), |oxm| (oxm.value, oxm.effective_mask() & field.all_ones()))
    };
    let (vid, vid_mask) = part(OxmField::VlanVid);
    let (pcp, pcp_mask) = part(OxmField::VlanPcp);
    if vid_mask == 0 && pcp_mask == 0 {
        return Ok(());
    }
    let id_mask = vid_mask & 0xfff;
    let is_plain = vid & vid_mask & 0x1000 != 0
        && matches!(id_mask, 0 | 0xfff)
        && matches!(pcp_mask, 0 | 7)
        && (id_mask != 0 || pcp_mask != 0);
    if !is_plain {
        let tci = vid | (pcp << 13);
        let mask = vid_mask | (pcp_mask << 13);
        return match mask {
            0xffff => list.item(format_args!("vlan_tci=0x{tci:04x}")),
            _ => list.item(format_args!("vlan_tci=0x{tci:04x}/0x{mask:04x}")),
        };
    }
    if id_mask != 0 {
        list.item(format_args!("dl_vlan={}", vid & 0xfff))?;
    }
    if pcp_mask != 0 {
        list.item(format_args!("dl_vlan_pcp={pcp}"))?;
    }
    Ok(())
}

/// Whether all bits of the field are compared.
fn is_exact(oxm: &Oxm) -> bool {
    oxm.effective_mask() & oxm.field.all_ones() == oxm.field.all_ones()
}
