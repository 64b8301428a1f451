//! Whether actions can do what they say on every packet of a match (§7.2.4, MATCH_INCONSISTENT).
//!
//! What: set-field needs the header whose field it sets, a pop needs something to pop, the TTL
//! actions need a TTL; all of that must follow from the match, or from earlier actions of the list.
//!
//! Design: a list is walked once with what is known of the packet at that moment: its type, its IP
//! protocol, its ICMPv6 type, how many VLAN tags it surely has. An action first asks for what it
//! needs, then changes what is known. Behind a pushed MPLS or PBB header nothing is known of the
//! payload, and popping one brings back only the type that the pop names.
//!
//! An action set is executed in the standard's order, so it is checked in that order. It runs after
//! later tables have had the packet; as Open vSwitch does, only its set-fields are asked for their
//! headers, and pops and TTL actions are left to run time, where they do nothing without one.

use crate::{
    Action, ActionType, BadActionCode, Instruction, Match, OfpError, Oxm, OxmField, Prerequisite,
};

/// ETH_TYPE of IPv4.
const IPV4: u16 = 0x0800;
/// ETH_TYPE of IPv6.
const IPV6: u16 = 0x86dd;
/// ETH_TYPE of ARP.
const ARP: u16 = 0x0806;
/// ETH_TYPEs of MPLS.
const MPLS: [u16; 2] = [0x8847, 0x8848];
/// ETH_TYPE of PBB.
const PBB: u16 = 0x88e7;

/// Checks a list of actions against the match of its flow entry.
///
/// # Errors
/// BAD_ACTION/MATCH_INCONSISTENT for the first action that lacks what it needs.
///
/// ```
/// use rumpswitch_ofp_codec::{Action, Match, Oxm, OxmField, check_actions};
/// let vid = Action::SetField(Oxm::new(OxmField::VlanVid, 0x1005));
/// assert!(check_actions(&Match::any(), &[vid.clone()]).is_err(), "there may be no tag");
/// assert!(check_actions(&Match::any(), &[Action::PushVlan(0x8100), vid]).is_ok());
/// ```
pub fn check_actions(matching: &Match, actions: &[Action]) -> Result<(), OfpError> {
    Known::of(matching).walk(actions)
}

/// Checks the actions of a flow entry against its match: those of Apply-Actions, then those of
/// Write-Actions in the order of an action set.
///
/// # Errors
/// BAD_ACTION/MATCH_INCONSISTENT for the first action that lacks what it needs.
pub fn check_instructions(matching: &Match, instructions: &[Instruction]) -> Result<(), OfpError> {
    let mut known = Known::of(matching);
    for instruction in instructions {
        if let Instruction::ApplyActions(actions) = instruction {
            known.walk(actions)?;
        }
    }
    for instruction in instructions {
        if let Instruction::WriteActions(actions) = instruction {
            known.walk_set(actions)?;
        }
    }
    Ok(())
}

/// What is known of every packet at some moment.
#[derive(Clone, Copy, Debug)]
struct Known {
    eth_type: Option<u16>,
    ip_proto: Option<u8>,
    icmpv6_type: Option<u8>,
    /// Tags that are surely there.
    vlan_tags: usize,
}

/// The value as the narrower integer, when it fits.
fn narrow<T: TryFrom<u128>>(value: Option<u128>) -> Option<T> {
    value.and_then(|value| T::try_from(value).ok())
}

impl Known {
    /// What a match says.
    fn of(matching: &Match) -> Known {
        Known {
            eth_type: narrow(matching.exact(OxmField::EthType)),
            ip_proto: narrow(matching.exact(OxmField::IpProto)),
            icmpv6_type: narrow(matching.exact(OxmField::Icmpv6Type)),
            vlan_tags: usize::from(matching.satisfies(Prerequisite::VlanPresent)),
        }
    }

    /// Runs a list.
    fn walk(&mut self, actions: &[Action]) -> Result<(), OfpError> {
        actions.iter().try_for_each(|action| self.step(action))
    }

    /// Runs one action.
    fn step(&mut self, action: &Action) -> Result<(), OfpError> {
        if !self.allows(action) {
            return Err(OfpError::BadAction(BadActionCode::MatchInconsistent));
        }
        self.apply(action);
        Ok(())
    }

    /// Runs an action set that was written as this list: of each type the last one counts.
    fn walk_set(mut self, actions: &[Action]) -> Result<(), OfpError> {
        let last = |action_type: ActionType| {
            actions.iter().rev().find(|action| action.action_type() == action_type)
        };
        let before_sets = [
            ActionType::PopPbb,
            ActionType::PopVlan,
            ActionType::PopMpls,
            ActionType::PushMpls,
            ActionType::PushPbb,
            ActionType::PushVlan,
        ];
        before_sets.into_iter().filter_map(last).for_each(|action| self.apply(action));
        // In the order of prerequisites: a field that is set may be what another one needs.
        for pass in [&[OxmField::EthType][..], &[OxmField::IpProto], &[OxmField::Icmpv6Type], &[]] {
            let sets = actions.iter().filter(|action| match action {
                Action::SetField(oxm) => pass.is_empty() || pass.contains(&oxm.field),
                _ => false,
            });
            for action in sets {
                self.step(action)?;
            }
        }
        Ok(())
    }

    fn is_ip(&self) -> bool {
        self.eth_type == Some(IPV4) || self.eth_type == Some(IPV6)
    }

    fn is_mpls(&self) -> bool {
        self.eth_type.is_some_and(|eth_type| MPLS.contains(&eth_type))
    }

    /// Whether what the action needs is there.
    fn allows(&self, action: &Action) -> bool {
        match action {
            Action::PopVlan => self.vlan_tags > 0,
            Action::PopMpls(_) | Action::SetMplsTtl(_) | Action::DecMplsTtl => self.is_mpls(),
            Action::PopPbb => self.eth_type == Some(PBB),
            Action::SetNwTtl(_) | Action::DecNwTtl => self.is_ip(),
            Action::CopyTtlOut | Action::CopyTtlIn => self.is_mpls() || self.is_ip(),
            Action::SetField(oxm) => self.allows_set(oxm.field),
            _ => true,
        }
    }

    /// Whether the field is there to be set.
    fn allows_set(&self, field: OxmField) -> bool {
        let proto = |proto| self.is_ip() && self.ip_proto == Some(proto);
        let ipv6_icmp = self.eth_type == Some(IPV6) && self.ip_proto == Some(58);
        match field.info().prerequisite {
            // VLAN_VID may be matched on any packet, but set only in a tag.
            Prerequisite::None => field != OxmField::VlanVid || self.vlan_tags > 0,
            Prerequisite::InPort => true,
            Prerequisite::VlanPresent => self.vlan_tags > 0,
            Prerequisite::Ip => self.is_ip(),
            Prerequisite::Ipv4 => self.eth_type == Some(IPV4),
            Prerequisite::Ipv6 => self.eth_type == Some(IPV6),
            Prerequisite::Arp => self.eth_type == Some(ARP),
            Prerequisite::Mpls => self.is_mpls(),
            Prerequisite::Pbb => self.eth_type == Some(PBB),
            Prerequisite::Tcp => proto(6),
            Prerequisite::Udp => proto(17),
            Prerequisite::Sctp => proto(132),
            Prerequisite::Icmpv4 => self.eth_type == Some(IPV4) && self.ip_proto == Some(1),
            Prerequisite::Icmpv6 => ipv6_icmp,
            Prerequisite::NdAny => ipv6_icmp && matches!(self.icmpv6_type, Some(135 | 136)),
            Prerequisite::NdSolicit => ipv6_icmp && self.icmpv6_type == Some(135),
            Prerequisite::NdAdvert => ipv6_icmp && self.icmpv6_type == Some(136),
        }
    }

    /// What is known behind the action.
    fn apply(&mut self, action: &Action) {
        match action {
            Action::PushVlan(_) => self.vlan_tags = self.vlan_tags.saturating_add(1),
            Action::PopVlan => self.vlan_tags = self.vlan_tags.saturating_sub(1),
            Action::PushMpls(eth_type) | Action::PopMpls(eth_type) => {
                self.set_eth_type(Some(*eth_type));
            }
            Action::PushPbb(eth_type) => {
                self.set_eth_type(Some(*eth_type));
                self.vlan_tags = 0;
            }
            Action::PopPbb => {
                self.set_eth_type(None);
                self.vlan_tags = 0;
            }
            Action::SetField(oxm) => self.set(oxm),
            _ => {}
        }
    }

    fn set(&mut self, oxm: &Oxm) {
        let value = Some(oxm.value);
        match oxm.field {
            OxmField::EthType => self.set_eth_type(narrow(value)),
            OxmField::IpProto => {
                let ip_proto = narrow(value);
                if self.ip_proto != ip_proto {
                    self.icmpv6_type = None;
                }
                self.ip_proto = ip_proto;
            }
            OxmField::Icmpv6Type => self.icmpv6_type = narrow(value),
            _ => {}
        }
    }

    /// Another type is another payload.
    fn set_eth_type(&mut self, eth_type: Option<u16>) {
        if self.eth_type != eth_type {
            self.ip_proto = None;
            self.icmpv6_type = None;
        }
        self.eth_type = eth_type;
    }
}
