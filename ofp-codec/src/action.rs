//! Actions (§5.12, §7.2.5).

use alloc::vec::Vec;

use crate::memory::{NoMemory, TryClone, try_list};
use crate::wire::{self, EncodeError, Reader, Rules, Writer};
use crate::{
    BadActionCode, DecodeError, GroupId, OfpError, Oxm, OxmField, PortNo, VID_PRESENT,
    oxm::OxmHeader,
};

/// How much of a packet an output to the controller sends.
#[doc(alias = "ofp_controller_max_len")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxLen(pub u16);

impl MaxLen {
    /// The most bytes that may be asked for.
    #[doc(alias = "OFPCML_MAX")]
    pub const MAX: MaxLen = MaxLen(0xffe5);
    /// All of it, unbuffered.
    #[doc(alias = "OFPCML_NO_BUFFER")]
    pub const NO_BUFFER: MaxLen = MaxLen(0xffff);
}

/// One action.
#[doc(alias = "ofp_action_header")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send out of a port.
    #[doc(alias = "OFPAT_OUTPUT")]
    Output {
        /// The port.
        port: PortNo,
        /// For the controller: how much to send.
        max_len: MaxLen,
    },
    /// Copy the TTL from the next-to-outermost to the outermost header that has one.
    #[doc(alias = "OFPAT_COPY_TTL_OUT")]
    CopyTtlOut,
    /// Copy the TTL from the outermost to the next-to-outermost header that has one.
    #[doc(alias = "OFPAT_COPY_TTL_IN")]
    CopyTtlIn,
    /// Set the outermost MPLS TTL.
    #[doc(alias = "OFPAT_SET_MPLS_TTL")]
    SetMplsTtl(u8),
    /// Decrement the outermost MPLS TTL.
    #[doc(alias = "OFPAT_DEC_MPLS_TTL")]
    DecMplsTtl,
    /// Push a VLAN tag of this type.
    #[doc(alias = "OFPAT_PUSH_VLAN")]
    PushVlan(u16),
    /// Pop the outermost VLAN tag.
    #[doc(alias = "OFPAT_POP_VLAN")]
    PopVlan,
    /// Push an MPLS label stack entry of this type.
    #[doc(alias = "OFPAT_PUSH_MPLS")]
    PushMpls(u16),
    /// Pop the outermost MPLS label stack entry; what is left is of this type.
    #[doc(alias = "OFPAT_POP_MPLS")]
    PopMpls(u16),
    /// Send on this queue.
    #[doc(alias = "OFPAT_SET_QUEUE")]
    SetQueue(u32),
    /// Give the packet to a group.
    #[doc(alias = "OFPAT_GROUP")]
    Group(GroupId),
    /// Set the IPv4 TTL or the IPv6 hop limit.
    #[doc(alias = "OFPAT_SET_NW_TTL")]
    SetNwTtl(u8),
    /// Decrement the IPv4 TTL or the IPv6 hop limit.
    #[doc(alias = "OFPAT_DEC_NW_TTL")]
    DecNwTtl,
    /// Set a header field.
    #[doc(alias = "OFPAT_SET_FIELD")]
    SetField(Oxm),
    /// Push a PBB header of this type.
    #[doc(alias = "OFPAT_PUSH_PBB")]
    PushPbb(u16),
    /// Pop the outermost PBB header.
    #[doc(alias = "OFPAT_POP_PBB")]
    PopPbb,
    /// An extension's action.
    #[doc(alias = "OFPAT_EXPERIMENTER")]
    Experimenter {
        /// Who defines it.
        experimenter: u32,
        /// What follows, a multiple of 8 bytes.
        data: Vec<u8>,
    },
}

/// The number of an action's type.
#[doc(alias = "ofp_action_type")]
#[allow(missing_docs, reason = "named as the variants of Action")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum ActionType {
    Output = 0,
    CopyTtlOut = 11,
    CopyTtlIn = 12,
    SetMplsTtl = 15,
    DecMplsTtl = 16,
    PushVlan = 17,
    PopVlan = 18,
    PushMpls = 19,
    PopMpls = 20,
    SetQueue = 21,
    Group = 22,
    SetNwTtl = 23,
    DecNwTtl = 24,
    SetField = 25,
    PushPbb = 26,
    PopPbb = 27,
    Experimenter = 0xffff,
}

impl ActionType {
    /// Every type of the standard, without experimenters'.
    pub const ALL: [ActionType; 16] = [
        ActionType::Output,
        ActionType::CopyTtlOut,
        ActionType::CopyTtlIn,
        ActionType::SetMplsTtl,
        ActionType::DecMplsTtl,
        ActionType::PushVlan,
        ActionType::PopVlan,
        ActionType::PushMpls,
        ActionType::PopMpls,
        ActionType::SetQueue,
        ActionType::Group,
        ActionType::SetNwTtl,
        ActionType::DecNwTtl,
        ActionType::SetField,
        ActionType::PushPbb,
        ActionType::PopPbb,
    ];
}

impl TryClone for Action {
    fn try_clone(&self) -> Result<Action, NoMemory> {
        Ok(match self {
            Action::Experimenter { experimenter, data } => {
                Action::Experimenter { experimenter: *experimenter, data: try_list(data)? }
            }
            // Nothing else holds memory.
            other => other.clone(),
        })
    }
}

impl Action {
    /// Output to an ordinary port, or to a reserved one other than the controller.
    pub const fn output(port: PortNo) -> Action {
        Action::Output { port, max_len: MaxLen(0) }
    }

    /// Output of the whole packet to the controller.
    pub const fn controller() -> Action {
        Action::Output { port: PortNo::CONTROLLER, max_len: MaxLen::NO_BUFFER }
    }

    /// The action's type.
    pub const fn action_type(&self) -> ActionType {
        match self {
            Action::Output { .. } => ActionType::Output,
            Action::CopyTtlOut => ActionType::CopyTtlOut,
            Action::CopyTtlIn => ActionType::CopyTtlIn,
            Action::SetMplsTtl(_) => ActionType::SetMplsTtl,
            Action::DecMplsTtl => ActionType::DecMplsTtl,
            Action::PushVlan(_) => ActionType::PushVlan,
            Action::PopVlan => ActionType::PopVlan,
            Action::PushMpls(_) => ActionType::PushMpls,
            Action::PopMpls(_) => ActionType::PopMpls,
            Action::SetQueue(_) => ActionType::SetQueue,
            Action::Group(_) => ActionType::Group,
            Action::SetNwTtl(_) => ActionType::SetNwTtl,
            Action::DecNwTtl => ActionType::DecNwTtl,
            Action::SetField(_) => ActionType::SetField,
            Action::PushPbb(_) => ActionType::PushPbb,
            Action::PopPbb => ActionType::PopPbb,
            Action::Experimenter { .. } => ActionType::Experimenter,
        }
    }
}

/// The error of an action whose lengths do not add up.
const BAD_LEN: OfpError = OfpError::BadAction(BadActionCode::BadLen);

/// Ethertypes that PUSH_VLAN may push.
const VLAN_TYPES: [u16; 2] = [0x8100, 0x88a8];
/// Ethertypes that PUSH_MPLS may push.
const MPLS_TYPES: [u16; 2] = [0x8847, 0x8848];
/// Ethertypes that PUSH_PBB may push.
const PBB_TYPES: [u16; 1] = [0x88e7];

impl ActionType {
    /// The type with this number.
    pub fn from_number(number: u16) -> Option<ActionType> {
        if number == ActionType::Experimenter as u16 {
            return Some(ActionType::Experimenter);
        }
        // Their numbers are nearly in a row.
        match number {
            0 => Some(ActionType::Output),
            11 | 12 => Self::ALL.get(usize::from(number) - 10).copied(),
            15..=27 => Self::ALL.get(usize::from(number) - 12).copied(),
            _ => None,
        }
    }

    /// Whether an action of this type may have `len` bytes.
    fn allows_len(self, len: usize) -> bool {
        match self {
            ActionType::Output => len == 16,
            ActionType::SetField => len >= 16,
            ActionType::Experimenter => len >= 8,
            _ => len == 8,
        }
    }
}

impl Action {
    /// Decodes actions that fill `bytes`.
    ///
    /// # Errors
    /// BAD_ACTION, as [`Message::decode`](crate::Message::decode) finds it.
    ///
    /// ```
    /// use rumpswitch_ofp_codec::{Action, PortNo, Rules};
    /// let actions = [Action::PopVlan, Action::output(PortNo(2))];
    /// let mut bytes = Vec::new();
    /// Action::encode_list(&actions, &mut bytes).unwrap();
    /// assert_eq!(bytes.len(), 24);
    /// assert_eq!(Action::decode_list(&bytes, Rules::Request).unwrap(), actions);
    /// ```
    pub fn decode_list(bytes: &[u8], rules: Rules) -> Result<Vec<Action>, DecodeError> {
        Action::read_list(&mut Reader::new(bytes, 0, "action", BAD_LEN), rules)
    }

    /// Appends actions.
    ///
    /// # Errors
    /// [`EncodeError`]; then nothing is appended.
    pub fn encode_list(actions: &[Action], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        wire::append(out, |writer| Action::write_list(actions, writer))
    }

    /// Reads actions to the reader's end.
    pub(crate) fn read_list(
        reader: &mut Reader<'_>,
        rules: Rules,
    ) -> Result<Vec<Action>, DecodeError> {
        let mut actions = Vec::new();
        Action::read_more(&mut actions, reader, rules)?;
        Ok(actions)
    }

    /// Reads actions to the reader's end, behind others.
    pub(crate) fn read_more(
        actions: &mut Vec<Action>,
        reader: &mut Reader<'_>,
        rules: Rules,
    ) -> Result<(), DecodeError> {
        while !reader.is_empty() {
            let action = Action::read(reader, rules)?;
            reader.push(actions, action)?;
        }
        Ok(())
    }

    /// Writes actions.
    pub(crate) fn write_list(
        actions: &[Action],
        writer: &mut Writer<'_>,
    ) -> Result<(), EncodeError> {
        actions.iter().try_for_each(|action| action.write(writer))
    }

    /// Reads one action: its length, then its type, then its arguments.
    fn read(reader: &mut Reader<'_>, rules: Rules) -> Result<Action, DecodeError> {
        let at = reader.offset();
        let fail = |error| DecodeError { error, what: "action", offset: at };
        let bad = |code| fail(OfpError::BadAction(code));
        let Ok((number, len)) = reader.peek_pair() else { return Err(fail(BAD_LEN)) };
        let len = usize::from(len);
        if len < 8 || len % 8 != 0 {
            return Err(fail(BAD_LEN));
        }
        let mut body = reader.sub(len, "action", BAD_LEN)?;
        let action_type =
            ActionType::from_number(number).ok_or_else(|| bad(BadActionCode::BadType))?;
        if !action_type.allows_len(len) {
            return Err(fail(BAD_LEN));
        }
        body.skip(4)?;
        let action = Action::read_body(&mut body, action_type, rules)?;
        if rules.strict() {
            action.check(rules).map_err(fail)?;
        }
        Ok(action)
    }

    /// Reads what follows the type and the length.
    fn read_body(
        body: &mut Reader<'_>,
        action_type: ActionType,
        rules: Rules,
    ) -> Result<Action, DecodeError> {
        Ok(match action_type {
            ActionType::Output => {
                Action::Output { port: PortNo(body.u32()?), max_len: MaxLen(body.u16()?) }
            }
            ActionType::CopyTtlOut => Action::CopyTtlOut,
            ActionType::CopyTtlIn => Action::CopyTtlIn,
            ActionType::SetMplsTtl => Action::SetMplsTtl(body.u8()?),
            ActionType::DecMplsTtl => Action::DecMplsTtl,
            ActionType::PushVlan => Action::PushVlan(body.u16()?),
            ActionType::PopVlan => Action::PopVlan,
            ActionType::PushMpls => Action::PushMpls(body.u16()?),
            ActionType::PopMpls => Action::PopMpls(body.u16()?),
            ActionType::SetQueue => Action::SetQueue(body.u32()?),
            ActionType::Group => Action::Group(GroupId(body.u32()?)),
            ActionType::SetNwTtl => Action::SetNwTtl(body.u8()?),
            ActionType::DecNwTtl => Action::DecNwTtl,
            ActionType::SetField => Action::SetField(read_set_field(body, rules)?),
            ActionType::PushPbb => Action::PushPbb(body.u16()?),
            ActionType::PopPbb => Action::PopPbb,
            ActionType::Experimenter => {
                Action::Experimenter { experimenter: body.u32()?, data: body.rest_to_vec()? }
            }
        })
    }

    /// Checks the arguments, as far as they can be judged without a switch.
    fn check(&self, rules: Rules) -> Result<(), OfpError> {
        let code = match self {
            Action::Output { port, .. } if !may_output(*port, rules) => BadActionCode::BadOutPort,
            Action::Group(group) if *group > GroupId::MAX => BadActionCode::BadOutGroup,
            Action::PushVlan(kind) if !VLAN_TYPES.contains(kind) => BadActionCode::BadArgument,
            Action::PushMpls(kind) if !MPLS_TYPES.contains(kind) => BadActionCode::BadArgument,
            Action::PushPbb(kind) if !PBB_TYPES.contains(kind) => BadActionCode::BadArgument,
            Action::Experimenter { .. } => BadActionCode::BadExperimenter,
            _ => return Ok(()),
        };
        Err(OfpError::BadAction(code))
    }

    /// Writes one action.
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let start = writer.position();
        writer.u16(self.action_type() as u16);
        writer.u16(0);
        match self {
            Action::Output { port, max_len } => {
                writer.u32(port.0);
                writer.u16(max_len.0);
            }
            Action::CopyTtlOut
            | Action::CopyTtlIn
            | Action::DecMplsTtl
            | Action::PopVlan
            | Action::DecNwTtl
            | Action::PopPbb => writer.zeros(4),
            Action::SetMplsTtl(ttl) | Action::SetNwTtl(ttl) => writer.u8(*ttl),
            Action::PushVlan(kind)
            | Action::PushMpls(kind)
            | Action::PopMpls(kind)
            | Action::PushPbb(kind) => writer.u16(*kind),
            Action::SetQueue(queue) => writer.u32(*queue),
            Action::Group(group) => writer.u32(group.0),
            Action::SetField(oxm) => oxm.write(writer)?,
            Action::Experimenter { experimenter, data } => {
                writer.u32(*experimenter);
                writer.aligned(data)?;
            }
        }
        writer.pad(start);
        writer.set_len(start, 2)
    }
}

/// Whether an output may name this port.
fn may_output(port: PortNo, rules: Rules) -> bool {
    match port {
        PortNo::TABLE => rules == Rules::PacketOut,
        PortNo::ANY => false,
        port => port.is_ordinary() || port.reserved_name().is_some(),
    }
}

/// Reads the field of a set-field action and its padding: which field, whether it is alone, its
/// value.
fn read_set_field(body: &mut Reader<'_>, rules: Rules) -> Result<Oxm, DecodeError> {
    let at = body.offset();
    let bad =
        |code| Err(DecodeError { error: OfpError::BadAction(code), what: "set-field", offset: at });
    let header = OxmHeader::parse(body.u32()?);
    let Some(field) = header.field else { return bad(BadActionCode::BadSetType) };
    let info = field.info();
    if rules.strict() && (!info.settable || header.has_mask) {
        return bad(BadActionCode::BadSetType);
    }
    let expected = if header.has_mask { 2 * info.len } else { info.len };
    if header.len != expected || usize::from(expected) > body.remaining() {
        return bad(BadActionCode::BadSetLen);
    }
    let value = body.uint(info.len)?;
    let mask = if header.has_mask { Some(body.uint(info.len)?) } else { None };
    let rest = body.take_rest();
    if rules.strict() {
        if rest.iter().any(|byte| *byte != 0) {
            return bad(BadActionCode::BadSetArgument);
        }
        if rest.len() >= 8 {
            return bad(BadActionCode::BadLen);
        }
        let lacks_tag = field == OxmField::VlanVid && value & u128::from(VID_PRESENT) == 0;
        if value & !field.all_ones() != 0 || lacks_tag {
            return bad(BadActionCode::BadSetArgument);
        }
    }
    Ok(Oxm { field, value, mask })
}
