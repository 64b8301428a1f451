//! Whether actions fit the packets that they will meet (`OFPBAC_MATCH_INCONSISTENT`, §7.2.5): a
//! set-field needs its field's prerequisites, a pop what it pops, a TTL action a header with a TTL.
//!
//! What is known of a packet comes from the flow entry's match and changes with each action. What
//! the match leaves open is taken as not there: the entry would do nothing to most of its packets.

use ofp_codec::{Action, BadActionCode, Match, OfpError, OxmField, Prerequisite};

/// What every packet has that reaches an action.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    eth_type: Option<u128>,
    ip_proto: Option<u128>,
    icmpv6_type: Option<u128>,
    /// VLAN tags, at least.
    tag_count: u32,
}

impl Known {
    pub(crate) fn of_match(matching: &Match) -> Known {
        Known {
            eth_type: matching.exact(OxmField::EthType),
            ip_proto: matching.exact(OxmField::IpProto),
            icmpv6_type: matching.exact(OxmField::Icmpv6Type),
            tag_count: u32::from(matching.satisfies(Prerequisite::VlanPresent)),
        }
    }

    /// Checks an action, and notes what packets are like behind it.
    pub(crate) fn check(&mut self, action: &Action) -> Result<(), OfpError> {
        let fits = match action {
            Action::SetField(oxm) => self.fulfils(prerequisite(oxm.field)),
            Action::PopVlan => self.tag_count > 0,
            Action::PopMpls(_) | Action::SetMplsTtl(_) | Action::DecMplsTtl => {
                self.fulfils(Prerequisite::Mpls)
            }
            Action::PopPbb => self.fulfils(Prerequisite::Pbb),
            Action::SetNwTtl(_) | Action::DecNwTtl => self.fulfils(Prerequisite::Ip),
            Action::CopyTtlIn | Action::CopyTtlOut => {
                self.fulfils(Prerequisite::Mpls) || self.fulfils(Prerequisite::Ip)
            }
            _ => true,
        };
        if !fits {
            return Err(OfpError::BadAction(BadActionCode::MatchInconsistent));
        }
        self.follow(action);
        Ok(())
    }

    fn follow(&mut self, action: &Action) {
        match action {
            Action::PushVlan(_) => self.tag_count = self.tag_count.saturating_add(1),
            Action::PopVlan => self.tag_count = self.tag_count.saturating_sub(1),
            Action::PushMpls(eth_type) | Action::PopMpls(eth_type) => {
                self.set_eth_type(Some(u128::from(*eth_type)));
            }
            Action::PushPbb(eth_type) => {
                self.set_eth_type(Some(u128::from(*eth_type)));
                self.tag_count = 0;
            }
            Action::PopPbb => {
                self.set_eth_type(None);
                self.tag_count = 0;
            }
            Action::SetField(oxm) => match oxm.field {
                OxmField::EthType => self.set_eth_type(Some(oxm.value)),
                OxmField::IpProto => {
                    self.ip_proto = Some(oxm.value);
                    self.icmpv6_type = None;
                }
                OxmField::Icmpv6Type => self.icmpv6_type = Some(oxm.value),
                _ => {}
            },
            _ => {}
        }
    }

    fn set_eth_type(&mut self, eth_type: Option<u128>) {
        *self = Known { eth_type, ip_proto: None, icmpv6_type: None, ..*self };
    }

    fn fulfils(&self, prerequisite: Prerequisite) -> bool {
        let eth_type = |types: &[u128]| self.eth_type.is_some_and(|value| types.contains(&value));
        let ip = || eth_type(&[0x0800, 0x86dd]);
        let transport = |proto: u128| ip() && self.ip_proto == Some(proto);
        let icmpv6 = || eth_type(&[0x86dd]) && self.ip_proto == Some(58);
        let nd = |types: &[u128]| {
            icmpv6() && self.icmpv6_type.is_some_and(|value| types.contains(&value))
        };
        match prerequisite {
            Prerequisite::None | Prerequisite::InPort => true,
            Prerequisite::VlanPresent => self.tag_count > 0,
            Prerequisite::Ip => ip(),
            Prerequisite::Ipv4 => eth_type(&[0x0800]),
            Prerequisite::Ipv6 => eth_type(&[0x86dd]),
            Prerequisite::Arp => eth_type(&[0x0806]),
            Prerequisite::Mpls => eth_type(&[0x8847, 0x8848]),
            Prerequisite::Pbb => eth_type(&[0x88e7]),
            Prerequisite::Tcp => transport(6),
            Prerequisite::Udp => transport(17),
            Prerequisite::Sctp => transport(132),
            Prerequisite::Icmpv4 => eth_type(&[0x0800]) && self.ip_proto == Some(1),
            Prerequisite::Icmpv6 => icmpv6(),
            Prerequisite::NdAny => nd(&[135, 136]),
            Prerequisite::NdSolicit => nd(&[135]),
            Prerequisite::NdAdvert => nd(&[136]),
        }
    }
}

/// What a set-field needs; to set the VLAN id there has to be a tag, though to match it there has
/// not.
fn prerequisite(field: OxmField) -> Prerequisite {
    match field {
        OxmField::VlanVid => Prerequisite::VlanPresent,
        field => field.info().prerequisite,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use ofp_codec::Oxm;

    fn fits(fields: &[(OxmField, u128)], actions: &[Action]) -> bool {
        let fields: Vec<Oxm> = fields.iter().map(|(f, v)| Oxm::new(*f, *v)).collect();
        let mut known = Known::of_match(&Match::new(fields).unwrap());
        actions.iter().all(|action| known.check(action).is_ok())
    }

    fn set(field: OxmField, value: u128) -> Action {
        Action::SetField(Oxm::new(field, value))
    }

    #[test]
    fn headers_have_to_be_in_the_match() {
        use OxmField::*;
        let ip = (EthType, 0x0800);
        assert!(!fits(&[], &[set(Ipv4Dst, 1)]));
        assert!(fits(&[ip], &[set(Ipv4Dst, 1)]));
        assert!(!fits(&[ip], &[set(TcpDst, 1)]));
        assert!(fits(&[ip, (IpProto, 6)], &[set(TcpDst, 1)]));
        assert!(!fits(&[ip, (IpProto, 17)], &[set(TcpDst, 1)]));
        assert!(!fits(&[], &[Action::DecNwTtl]));
        assert!(fits(&[], &[set(EthDst, 1), set(TunnelId, 9)]));
    }

    #[test]
    fn earlier_actions_count() {
        use OxmField::*;
        assert!(!fits(&[], &[set(VlanVid, 0x1005)]));
        assert!(fits(&[], &[Action::PushVlan(0x8100), set(VlanVid, 0x1005), Action::PopVlan]));
        assert!(!fits(&[(VlanVid, 0x1005)], &[Action::PopVlan, Action::PopVlan]));
        assert!(!fits(&[(VlanVid, 0)], &[Action::PopVlan]), "untagged only");
        let ip = (EthType, 0x0800);
        assert!(fits(&[ip], &[Action::PushMpls(0x8847), set(MplsLabel, 3)]));
        assert!(!fits(&[ip], &[Action::PushMpls(0x8847), set(Ipv4Dst, 3)]));
        assert!(fits(&[(EthType, 0x8847)], &[Action::PopMpls(0x0800), Action::DecNwTtl]));
        assert!(!fits(&[(EthType, 0x8847)], &[Action::PopMpls(0x0800), Action::PopMpls(0x0800)]));
        assert!(fits(&[], &[Action::PushPbb(0x88e7), set(PbbIsid, 3), Action::PopPbb]));
    }
}
