//! The match of a flow entry: fields in the order in which they were given (§7.2.3).

use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use crate::memory::{NoMemory, TryClone, try_list};
use crate::wire::{self, EncodeError, Reader, Rules, Writer};
use crate::{
    BadMatchCode, DecodeError, FlowModFailedCode, OfpError, Oxm, OxmField, Prerequisite,
    VID_PRESENT,
};

/// The match type of OXM, the only one that 1.3 has.
#[doc(alias = "OFPMT_OXM")]
const TYPE_OXM: u16 = 1;
/// Bytes before the first field.
const PREFIX_LEN: usize = 4;

/// Match fields in the order given, with the masks given.
///
/// Two matches that mean the same may differ here; which flow entry is meant is decided by the
/// datapath's canonical form.
#[doc(alias = "ofp_match")]
#[derive(Clone, Debug, Default)]
pub struct Match {
    fields: Vec<Oxm>,
    /// The fields by number, a bit each.
    names: u64,
    known: Known,
    /// Whether a foreign switch told it, so that nobody has checked it.
    is_unchecked: bool,
}

/// What is matched exactly of the fields that are others' prerequisites; 0 where they are not, which is
/// nobody's.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    eth_type: u16,
    ip_proto: u8,
    icmpv6_type: u8,
}

impl PartialEq for Match {
    fn eq(&self, other: &Match) -> bool {
        self.fields == other.fields
    }
}

impl Eq for Match {}

impl Hash for Match {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.fields.hash(state);
    }
}

impl Match {
    /// The match of every packet.
    pub const fn any() -> Match {
        let known = Known { eth_type: 0, ip_proto: 0, icmpv6_type: 0 };
        Match { fields: Vec::new(), names: 0, known, is_unchecked: false }
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
        let mut made = Match::any();
        fields.into_iter().try_for_each(|oxm| made.push(oxm))?;
        Ok(made)
    }

    /// The fields in the order given.
    pub fn fields(&self) -> &[Oxm] {
        &self.fields
    }

    /// The field's entry, when the match names it.
    pub fn get(&self, field: OxmField) -> Option<&Oxm> {
        match self.names & bit(field) {
            0 => None,
            _ => self.fields.iter().find(|oxm| oxm.field == field),
        }
    }

    /// The field's value, when it is matched exactly.
    pub fn exact(&self, field: OxmField) -> Option<u128> {
        self.get(field)
            .filter(|oxm| oxm.mask.is_none_or(|mask| mask & field.all_ones() == field.all_ones()))
            .map(|oxm| oxm.value)
    }

    /// Adds a field behind the others, checked against them.
    ///
    /// # Errors
    /// BAD_MATCH, in this order: what [`Oxm::check`] finds, DUP_FIELD, BAD_PREREQ; FLOW_MOD_FAILED /
    /// TABLE_FULL when memory is short.
    pub fn push(&mut self, oxm: Oxm) -> Result<(), OfpError> {
        oxm.check()?;
        self.push_checked(oxm)
    }

    /// Adds a field that has passed [`Oxm::check`].
    fn push_checked(&mut self, oxm: Oxm) -> Result<(), OfpError> {
        if self.names & bit(oxm.field) != 0 {
            return Err(OfpError::BadMatch(BadMatchCode::DupField));
        }
        if !self.satisfies(oxm.field.info().prerequisite) {
            return Err(OfpError::BadMatch(BadMatchCode::BadPrereq));
        }
        self.append(oxm)
    }

    fn append(&mut self, oxm: Oxm) -> Result<(), OfpError> {
        const NO_ROOM: OfpError = OfpError::FlowModFailed(FlowModFailedCode::TableFull);
        self.fields.try_reserve(1).map_err(|_| NO_ROOM)?;
        let is_exact = || {
            let all_ones = oxm.field.all_ones();
            oxm.effective_mask() & all_ones == all_ones
        };
        // The first of a field counts, where a foreign switch names it twice.
        if self.names & bit(oxm.field) == 0 {
            match oxm.field {
                OxmField::EthType if is_exact() => self.known.eth_type = oxm.value as u16,
                OxmField::IpProto if is_exact() => self.known.ip_proto = oxm.value as u8,
                OxmField::Icmpv6Type if is_exact() => self.known.icmpv6_type = oxm.value as u8,
                _ => {}
            }
        }
        self.names |= bit(oxm.field);
        self.fields.push(oxm);
        Ok(())
    }

    /// Checks every field in the order given, each against those before it (§7.2.3.6); one that was
    /// made of a controller's message, or field by field, has been checked.
    ///
    /// # Errors
    /// Those of [`Match::push`], of the first field that has one.
    pub fn validate(&self) -> Result<(), OfpError> {
        if !self.is_unchecked {
            return Ok(());
        }
        let mut seen = Match::any();
        self.fields.iter().try_for_each(|oxm| seen.push(*oxm))
    }

    /// Whether every packet of this match fulfils a prerequisite.
    pub fn satisfies(&self, prerequisite: Prerequisite) -> bool {
        let Known { eth_type, ip_proto, icmpv6_type } = self.known;
        let eth_type = |types: &[u16]| types.contains(&eth_type);
        let ip_proto = |proto: u8| ip_proto == proto;
        let icmpv6_type = |types: &[u8]| types.contains(&icmpv6_type);
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

impl Match {
    /// Decodes a padded match that fills `bytes`, as [`Match::encode`] writes it.
    ///
    /// # Errors
    /// BAD_MATCH, as [`Message::decode`](crate::Message::decode) finds it.
    ///
    /// ```
    /// use rumpswitch_ofp_codec::{Match, Rules};
    /// let mut bytes = Vec::new();
    /// Match::any().encode(&mut bytes).unwrap();
    /// assert_eq!(bytes, [0, 1, 0, 4, 0, 0, 0, 0]);
    /// assert_eq!(Match::decode(&bytes, Rules::Request), Ok(Match::any()));
    /// ```
    pub fn decode(bytes: &[u8], rules: Rules) -> Result<Match, DecodeError> {
        let mut reader = Reader::new(bytes, 0, "match", BAD_LEN);
        let matching = Match::read(&mut reader, rules)?;
        reader.finish()?;
        Ok(matching)
    }

    /// Appends the match with its padding.
    ///
    /// # Errors
    /// [`EncodeError`]; then nothing is appended.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        wire::append(out, |writer| self.write(writer))
    }

    /// Reads a match and its padding.
    pub(crate) fn read(reader: &mut Reader<'_>, rules: Rules) -> Result<Match, DecodeError> {
        let mut matching = Match::any();
        matching.reread(reader, rules)?;
        Ok(matching)
    }

    /// Reads a match and its padding in place of this one, whose memory it takes.
    pub(crate) fn reread(
        &mut self,
        reader: &mut Reader<'_>,
        rules: Rules,
    ) -> Result<(), DecodeError> {
        let at = reader.offset();
        let bad =
            |code| Err(DecodeError { error: OfpError::BadMatch(code), what: "match", offset: at });
        let Ok((kind, len)) = reader.peek_pair() else { return bad(BadMatchCode::BadLen) };
        if kind != TYPE_OXM {
            return bad(BadMatchCode::BadType);
        }
        let len = usize::from(len);
        if len < PREFIX_LEN {
            return bad(BadMatchCode::BadLen);
        }
        let mut body = reader.sub(len, "match", BAD_LEN)?;
        body.skip(PREFIX_LEN)?;
        if reader.skip_padding(len).is_err() {
            return bad(BadMatchCode::BadLen);
        }
        self.reread_fields(&mut body, rules)
    }

    /// Reads fields to the reader's end.
    pub(crate) fn read_fields(body: &mut Reader<'_>, rules: Rules) -> Result<Match, DecodeError> {
        let mut matching = Match::any();
        matching.reread_fields(body, rules)?;
        Ok(matching)
    }

    fn reread_fields(&mut self, body: &mut Reader<'_>, rules: Rules) -> Result<(), DecodeError> {
        if self.fields.capacity() > KEEP {
            self.fields = Vec::new();
        }
        self.fields.clear();
        self.names = 0;
        self.known = Known::default();
        self.is_unchecked = !rules.strict();
        while !body.is_empty() {
            let at = body.offset();
            let Some(oxm) = Oxm::read(body, rules)? else { continue };
            if rules.strict() {
                self.push_checked(oxm).map_err(|error| body.error_at(at, error))?;
            } else {
                self.append(oxm).map_err(|error| body.error_at(at, error))?;
            }
        }
        Ok(())
    }

    /// Writes the match and its padding.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let start = writer.position();
        writer.u16(TYPE_OXM);
        writer.u16(0);
        self.fields.iter().try_for_each(|oxm| oxm.write(writer))?;
        writer.set_len(start, 2)?;
        writer.pad(start);
        Ok(())
    }
}

impl TryClone for Match {
    fn try_clone(&self) -> Result<Match, NoMemory> {
        let &Match { ref fields, names, known, is_unchecked } = self;
        Ok(Match { fields: try_list(fields)?, names, known, is_unchecked })
    }
}

/// The bit of a field among the names of a match.
const fn bit(field: OxmField) -> u64 {
    1 << (field.number() & 63)
}

/// Fields for which a match that is read again keeps room.
const KEEP: usize = 64;

/// The error of a match whose lengths do not add up.
const BAD_LEN: OfpError = OfpError::BadMatch(BadMatchCode::BadLen);
