//! The match of a flow entry: fields in the order in which they were given (§7.2.3).

use alloc::vec::Vec;

use crate::{BadMatchCode, OfpError, Oxm, OxmField, Prerequisite, VID_PRESENT};

/// Match fields in the order given, with the masks given.
///
/// Two matches that mean the same may differ here; which flow entry is meant is decided by the
/// datapath's canonical form.
#[doc(alias = "ofp_match")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Match {
    fields: Vec<Oxm>,
}

impl Match {
    /// The match of every packet.
    pub const fn any() -> Match {
        Match { fields: Vec::new() }
    }

    /// A match of these fields.
    ///
    /// # Errors
    /// Those of [`Match::validate`].
    ///
    /// ```
    /// use rumpswitch_ofp_codec::{Match, Oxm, OxmField};
    /// let fields = [Oxm::new(OxmField::EthType, 0x0800), Oxm::new(OxmField::Ipv4Dst, 0x0a000001)];
    /// assert_eq!(Match::new(fields).unwrap().fields().len(), 2);
    /// assert!(Match::new([Oxm::new(OxmField::Ipv4Dst, 1)]).is_err(), "no ETH_TYPE before it");
    /// ```
    pub fn new(fields: impl IntoIterator<Item = Oxm>) -> Result<Match, OfpError> {
        let made = Match { fields: fields.into_iter().collect() };
        made.validate()?;
        Ok(made)
    }

    /// The fields in the order given.
    pub fn fields(&self) -> &[Oxm] {
        &self.fields
    }

    /// The field's entry, when the match names it.
    pub fn get(&self, field: OxmField) -> Option<&Oxm> {
        self.fields.iter().find(|oxm| oxm.field == field)
    }

    /// The field's value, when it is matched exactly.
    pub fn exact(&self, field: OxmField) -> Option<u128> {
        self.get(field)
            .filter(|oxm| oxm.effective_mask() & field.all_ones() == field.all_ones())
            .map(|oxm| oxm.value)
    }

    /// Adds a field behind the others, checked against them.
    ///
    /// # Errors
    /// BAD_MATCH, in this order: what [`Oxm::check`] finds, DUP_FIELD, BAD_PREREQ.
    pub fn push(&mut self, oxm: Oxm) -> Result<(), OfpError> {
        oxm.check()?;
        if self.get(oxm.field).is_some() {
            return Err(OfpError::BadMatch(BadMatchCode::DupField));
        }
        if !self.satisfies(oxm.field.info().prerequisite) {
            return Err(OfpError::BadMatch(BadMatchCode::BadPrereq));
        }
        self.fields.push(oxm);
        Ok(())
    }

    /// Checks every field in the order given, each against those before it (§7.2.3.6).
    ///
    /// # Errors
    /// Those of [`Match::push`], of the first field that has one.
    pub fn validate(&self) -> Result<(), OfpError> {
        let mut seen = Match { fields: Vec::with_capacity(self.fields.len()) };
        self.fields.iter().try_for_each(|oxm| seen.push(*oxm))
    }

    /// Whether every packet of this match fulfils a prerequisite.
    pub fn satisfies(&self, prerequisite: Prerequisite) -> bool {
        let eth_type = |types: &[u128]| {
            self.exact(OxmField::EthType).is_some_and(|value| types.contains(&value))
        };
        let ip_proto = |proto: u128| self.exact(OxmField::IpProto) == Some(proto);
        let icmpv6_type = |types: &[u128]| {
            self.exact(OxmField::Icmpv6Type).is_some_and(|value| types.contains(&value))
        };
        match prerequisite {
            Prerequisite::None => true,
            Prerequisite::InPort => self.get(OxmField::InPort).is_some(),
            Prerequisite::VlanPresent => self.get(OxmField::VlanVid).is_some_and(|oxm| {
                let present = u128::from(VID_PRESENT);
                oxm.effective_mask() & oxm.value & present != 0
            }),
            Prerequisite::Ip => eth_type(&[0x0800, 0x86dd]),
            Prerequisite::Ipv4 => eth_type(&[0x0800]),
            Prerequisite::Ipv6 => eth_type(&[0x86dd]),
            Prerequisite::Arp => eth_type(&[0x0806]),
            Prerequisite::Mpls => eth_type(&[0x8847, 0x8848]),
            Prerequisite::Pbb => eth_type(&[0x88e7]),
            Prerequisite::Tcp => ip_proto(6),
            Prerequisite::Udp => ip_proto(17),
            Prerequisite::Sctp => ip_proto(132),
            Prerequisite::Icmpv4 => eth_type(&[0x0800]) && ip_proto(1),
            Prerequisite::Icmpv6 => eth_type(&[0x86dd]) && ip_proto(58),
            Prerequisite::NdAny => icmpv6_type(&[135, 136]),
            Prerequisite::NdSolicit => icmpv6_type(&[135]),
            Prerequisite::NdAdvert => icmpv6_type(&[136]),
        }
    }
}
