//! Reads match fields. A line may give them in any order and under names that depend on each other
//! (`nw_src` is `arp_spa` in an ARP flow, `tp_dst` is `udp_dst` in a UDP flow), so words are
//! collected in a [`Draft`] first and become a [`Match`] when the line has been read, in the order
//! in which ovs-ofctl sends them.
//!
//! What ovs-ofctl would leave out of a flow with a warning on stderr (`tp_dst=80` without a
//! protocol), or would cut to the field's width (`dl_vlan=5000`), is an error here: the flow would
//! match more than its author wrote.

use alloc::format;
use alloc::vec::Vec;

use super::error::{Fault, Parsed};
use super::field_value::{self, Masked};
use super::names::{self, Name};
use super::ports::PortNames;
use super::scan::Word;
use super::value;
use crate::{Match, Oxm, OxmField};

/// The order in which ovs-ofctl writes fields: every field stands behind what it needs.
const ORDER: [OxmField; 40] = {
    use OxmField as F;
    [
        F::InPort,
        F::InPhyPort,
        F::EthSrc,
        F::EthDst,
        F::EthType,
        F::VlanVid,
        F::VlanPcp,
        F::MplsTc,
        F::MplsBos,
        F::MplsLabel,
        F::PbbIsid,
        F::ArpOp,
        F::ArpSpa,
        F::ArpTpa,
        F::ArpSha,
        F::ArpTha,
        F::Ipv4Src,
        F::Ipv4Dst,
        F::Ipv6Src,
        F::Ipv6Dst,
        F::IpDscp,
        F::IpEcn,
        F::Ipv6Flabel,
        F::Ipv6Exthdr,
        F::IpProto,
        F::TcpSrc,
        F::TcpDst,
        F::UdpSrc,
        F::UdpDst,
        F::SctpSrc,
        F::SctpDst,
        F::Icmpv4Type,
        F::Icmpv4Code,
        F::Icmpv6Type,
        F::Icmpv6Code,
        F::Ipv6NdTarget,
        F::Ipv6NdSll,
        F::Ipv6NdTll,
        F::TunnelId,
        F::Metadata,
    ]
};

/// Bit 12 of a tag control word in match text: there is a tag.
const TAGGED: u128 = 0x1000;
/// The bits of VLAN_VID in a tag control word.
const VID: u128 = 0x1fff;
/// The bits of VLAN_PCP in a tag control word.
const PCP: u128 = 0xe000;

/// What the protocol words of a flow say; old names and old actions take their meaning from it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Protocol {
    pub(super) dl_type: Option<u16>,
    pub(super) nw_proto: Option<u8>,
}

impl Protocol {
    /// The field that a name means in a flow of this protocol.
    pub(super) fn resolve(self, name: Name) -> Option<OxmField> {
        use OxmField as F;
        let arp = self.dl_type == Some(0x0806);
        let ports = match (self.dl_type, self.nw_proto) {
            (Some(0x0800 | 0x86dd), Some(6)) => Some((F::TcpSrc, F::TcpDst)),
            (Some(0x0800 | 0x86dd), Some(17)) => Some((F::UdpSrc, F::UdpDst)),
            (Some(0x0800 | 0x86dd), Some(132)) => Some((F::SctpSrc, F::SctpDst)),
            _ => None,
        };
        let icmp = match (self.dl_type, self.nw_proto) {
            (Some(0x0800), Some(1)) => Some((F::Icmpv4Type, F::Icmpv4Code)),
            (Some(0x86dd), Some(58)) => Some((F::Icmpv6Type, F::Icmpv6Code)),
            _ => None,
        };
        match name {
            Name::Field(field) => Some(field),
            Name::NwSrc => Some(if arp { F::ArpSpa } else { F::Ipv4Src }),
            Name::NwDst => Some(if arp { F::ArpTpa } else { F::Ipv4Dst }),
            Name::NwProto => Some(if arp { F::ArpOp } else { F::IpProto }),
            Name::NwTos => Some(F::IpDscp),
            Name::TpSrc => ports.or(icmp).map(|(source, _)| source),
            Name::TpDst => ports.or(icmp).map(|(_, destination)| destination),
            Name::IcmpType => icmp.map(|(kind, _)| kind),
            Name::IcmpCode => icmp.map(|(_, code)| code),
            Name::DlVlan | Name::VlanTci => Some(F::VlanVid),
        }
    }
}

/// A field as written, its name not yet resolved.
#[derive(Clone, Copy, Debug)]
struct Entry<'t> {
    name: Name,
    value: Masked,
    word: &'t str,
}

/// The match words of a line so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft<'t> {
    protocol: Protocol,
    entries: Vec<Entry<'t>>,
    /// Tag control word, bit 12 for tagged: value and mask.
    tci: Masked,
    tci_word: &'t str,
}

impl<'t> Draft<'t> {
    /// Takes a word if it is a match field or protocol; `false` if it is neither.
    pub(super) fn take(&mut self, word: Word<'t>, ports: &dyn PortNames) -> Parsed<'t, bool> {
        if word.text == word.key {
            if let Some((dl_type, nw_proto)) = names::protocol(word.key) {
                self.set(Name::Field(OxmField::EthType), (u128::from(dl_type), EXACT), word.text);
                if let Some(nw_proto) = nw_proto {
                    self.set(Name::NwProto, (u128::from(nw_proto), EXACT), word.text);
                }
                return Ok(true);
            }
            if word.key == "vlan" {
                self.tag((TAGGED, TAGGED), TAGGED, word.text);
                return Ok(true);
            }
        }
        let Some(name) = names::name(word.key) else {
            if names::is_foreign(word.key) {
                let message = format!("{} is a match field of Open vSwitch only", word.key);
                return Err(Fault::new(word.text, message));
            }
            return Ok(false);
        };
        match name {
            Name::DlVlan | Name::VlanTci | Name::Field(OxmField::VlanVid | OxmField::VlanPcp) => {
                self.take_vlan(name, word)?;
            }
            _ => {
                let value = read(name, word, ports)?;
                self.set(name, value, word.text);
            }
        }
        Ok(true)
    }

    /// Notes a field; a later word of the same name replaces an earlier one.
    fn set(&mut self, name: Name, value: Masked, word: &'t str) {
        let exact = value.1 != 0;
        match name {
            Name::Field(OxmField::EthType) => {
                self.protocol.dl_type = u16::try_from(value.0).ok().filter(|_| exact);
            }
            Name::NwProto => {
                self.protocol.nw_proto = u8::try_from(value.0).ok().filter(|_| exact);
            }
            _ => {}
        }
        self.entries.push(Entry { name, value, word });
    }

    /// Puts bits into the tag control word.
    fn tag(&mut self, (value, mask): Masked, affected: u128, word: &'t str) {
        self.tci = ((self.tci.0 & !affected) | value, (self.tci.1 & !affected) | mask);
        self.tci_word = word;
    }

    /// `dl_vlan`, `vlan_vid`, `vlan_pcp` and `vlan_tci` all speak of parts of one word.
    fn take_vlan(&mut self, name: Name, word: Word<'t>) -> Parsed<'t, ()> {
        let width = match name {
            Name::Field(OxmField::VlanPcp) => 3,
            Name::Field(_) => 13,
            _ => 16,
        };
        let (value, mask) = masked_integer(word, width)?;
        match name {
            Name::DlVlan if mask != 0 && mask != 0xffff => {
                return Err(Fault::new(word.text, "dl_vlan takes no mask"));
            }
            Name::DlVlan if mask == 0 => self.tag((0, 0), VID, word.text),
            Name::DlVlan if value == 0xffff => self.tag((0, VID), VID, word.text),
            Name::DlVlan if value > 0xfff => {
                return Err(Fault::new(
                    word.text,
                    "a VLAN ID is 0 to 4095, or 0xffff for untagged",
                ));
            }
            Name::DlVlan => self.tag((value | TAGGED, VID), VID, word.text),
            Name::VlanTci => self.tag((value, mask), VID | PCP, word.text),
            Name::Field(OxmField::VlanPcp) => {
                let tagged = if mask == 0 { 0 } else { TAGGED };
                self.tag(((value << 13) | tagged, (mask << 13) | tagged), PCP | tagged, word.text);
            }
            _ => self.tag((value, mask), VID, word.text),
        }
        Ok(())
    }

    /// The protocol that the words so far amount to.
    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether every frame that matches has a VLAN tag.
    pub(super) fn is_tagged(&self) -> bool {
        self.tci.0 & self.tci.1 & TAGGED != 0
    }

    /// The match: names resolved, prerequisites checked, in [`ORDER`].
    pub(super) fn finish(self) -> Parsed<'t, Match> {
        let mut fields: Vec<(OxmField, Masked, &'t str)> = Vec::new();
        for entry in &self.entries {
            let Some(field) = self.protocol.resolve(entry.name) else {
                return Err(Fault::new(entry.word, missing(entry.name)));
            };
            if field.all_ones() < entry.value.0 {
                return Err(Fault::new(
                    entry.word,
                    "the value is too large for this protocol's field",
                ));
            }
            fields.retain(|(known, ..)| *known != field);
            if entry.value.1 != 0 {
                fields.push((field, entry.value, entry.word));
            }
        }
        self.finish_vlan(&mut fields)?;
        fields.sort_by_cached_key(|(field, ..)| ORDER.iter().position(|known| known == field));
        let mut matching = Match::any();
        for (field, (value, mask), word) in fields {
            let full = field.all_ones();
            let mask = Some(mask & full).filter(|mask| *mask != full);
            if mask.is_some() && !field.info().maskable {
                return Err(Fault::new(word, format!("{} takes no mask", names::label(field))));
            }
            if !matching.satisfies(field.info().prerequisite) {
                return Err(Fault::new(word, names::needs(field.info().prerequisite)));
            }
            let pushed = matching.push(Oxm { field, value, mask });
            pushed.map_err(|_| Fault::new(word, "not a possible value of this field"))?;
        }
        Ok(matching)
    }

    /// The tag control word as VLAN_VID and VLAN_PCP.
    fn finish_vlan(&self, fields: &mut Vec<(OxmField, Masked, &'t str)>) -> Parsed<'t, ()> {
        let (value, mask) = self.tci;
        if mask & VID != 0 {
            fields.push((OxmField::VlanVid, (value & VID, mask & VID), self.tci_word));
        }
        if mask & PCP == 0 || (mask & TAGGED != 0 && value == 0) {
            return Ok(());
        }
        if value & mask & TAGGED == 0 {
            let message = "a VLAN priority without bit 12 (tagged) in value and mask";
            return Err(Fault::new(self.tci_word, message));
        }
        fields.push((OxmField::VlanPcp, ((value & PCP) >> 13, (mask & PCP) >> 13), self.tci_word));
        Ok(())
    }
}

/// A mask wide enough for every field: exact, whatever the name turns out to mean.
const EXACT: u128 = u128::MAX;

/// Reads the value of a name that depends on the protocol by the form that all its meanings share.
fn read<'t>(name: Name, word: Word<'t>, ports: &dyn PortNames) -> Parsed<'t, Masked> {
    let field = match name {
        Name::NwTos => {
            let (value, mask) = masked_integer(word, 8)?;
            if mask != 0 && mask != 0xff {
                return Err(Fault::new(word.text, "nw_tos takes no mask"));
            }
            return Ok((value >> 2, if mask == 0 { 0 } else { EXACT }));
        }
        Name::NwSrc | Name::NwDst => OxmField::Ipv4Src,
        Name::NwProto => OxmField::IpProto,
        Name::TpSrc | Name::TpDst => OxmField::TcpSrc,
        Name::IcmpType | Name::IcmpCode => OxmField::Icmpv4Type,
        Name::Field(field) => field,
        Name::DlVlan | Name::VlanTci => OxmField::VlanVid,
    };
    let (value, mask) = field_value::parse(field, word.value, word.text, ports)?;
    let exact = mask == field.all_ones();
    Ok((value, if exact { EXACT } else { mask }))
}

/// An integer with an optional mask.
fn masked_integer(word: Word<'_>, bits: u32) -> Parsed<'_, Masked> {
    let fault = || Fault::new(word.text, format!("not a number of at most {bits} bits"));
    if word.value == "*" {
        return Ok((0, 0));
    }
    let (value, mask) = match word.value.split_once('/') {
        Some((value, mask)) => (value, value::integer(mask, bits).ok_or_else(fault)?),
        None => (word.value, value::ones(bits)),
    };
    Ok((value::integer(value, bits).ok_or_else(fault)? & mask, mask))
}

/// What a name without a meaning lacks.
fn missing(name: Name) -> &'static str {
    match name {
        Name::IcmpType | Name::IcmpCode => "needs icmp or icmp6 in the same flow",
        _ => "needs a protocol with ports in the same flow: tcp, udp, sctp, tcp6, udp6 or sctp6",
    }
}
