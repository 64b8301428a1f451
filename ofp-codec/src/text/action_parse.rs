//! Reads action lists: `output:1`, bare ports, `set_field:V->F`, and the actions of OpenFlow 1.0,
//! which become what ovs-ofctl makes of them for OpenFlow 1.3 (`mod_vlan_vid` is a push where there
//! is no tag yet, then a set-field).

use alloc::format;
use alloc::vec::Vec;

use super::action_words::{self, ActionWord, ModWord};
use super::error::{Fault, Parsed};
use super::field_value;
use super::match_parse::Protocol;
use super::names;
use super::ports::{self, PortNames};
use super::scan::{Word, Words};
use super::value;
use crate::{Action, GroupId, MaxLen, Oxm, OxmField, PortNo, Prerequisite, VID_PRESENT};

/// What is known of the packets that a list of actions meets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context {
    /// The flow's protocol; pushes and pops of MPLS and PBB make it unknown.
    pub(super) protocol: Protocol,
    /// VLAN tags that every packet has, at least.
    pub(super) tag_count: usize,
    /// Whether there is a flow at all: a bucket or packet-out has none, and less is refused there.
    pub(super) is_flow: bool,
    /// Whether it is a packet-out's list, which may send to the tables.
    pub(super) is_packet_out: bool,
}

impl Context {
    /// Whether the packets have what an action needs; without a flow, they may.
    fn satisfies(self, prerequisite: Prerequisite) -> bool {
        use Prerequisite as P;
        let dl_type = |types: &[u16]| self.protocol.dl_type.is_some_and(|own| types.contains(&own));
        let nw_proto = |own| dl_type(&[0x0800, 0x86dd]) && self.protocol.nw_proto == Some(own);
        !self.is_flow
            || match prerequisite {
                P::None | P::InPort => true,
                P::VlanPresent => self.tag_count > 0,
                P::Ip => dl_type(&[0x0800, 0x86dd]),
                P::Ipv4 => dl_type(&[0x0800]),
                P::Ipv6 => dl_type(&[0x86dd]),
                P::Arp => dl_type(&[0x0806]),
                P::Mpls => dl_type(&[0x8847, 0x8848]),
                P::Pbb => dl_type(&[0x88e7]),
                P::Tcp => nw_proto(6),
                P::Udp => nw_proto(17),
                P::Sctp => nw_proto(132),
                P::Icmpv4 => dl_type(&[0x0800]) && nw_proto(1),
                P::Icmpv6 | P::NdAny | P::NdSolicit | P::NdAdvert => {
                    dl_type(&[0x86dd]) && nw_proto(58)
                }
            }
    }
}

/// A list of actions being read.
pub(super) struct Actions<'t> {
    pub(super) list: Vec<Action>,
    pub(super) context: Context,
    /// The `drop` in the list, if there is one.
    pub(super) drop: Option<&'t str>,
    /// The last `enqueue`, until the queue is set anew.
    pub(super) enqueue: Option<&'t str>,
}

/// Reads a whole text of actions, without instructions.
pub(super) fn parse<'t>(
    text: &'t str,
    context: Context,
    ports: &dyn PortNames,
) -> Parsed<'t, Actions<'t>> {
    let mut actions = Actions::new(context);
    for word in Words::new(text) {
        match find(word, ports)? {
            Found::Port(port) => actions.output(port, word.text)?,
            Found::Word(kind) => actions.take(kind, word, ports)?,
        }
    }
    actions.check_drop()?;
    Ok(actions)
}

/// What the name of an action is.
pub(super) enum Found {
    Word(ActionWord),
    /// A port standing by itself, an output.
    Port(PortNo),
}

/// Looks up the name of an action or instruction.
pub(super) fn find<'t>(word: Word<'t>, ports: &dyn PortNames) -> Parsed<'t, Found> {
    if let Some(kind) = action_words::find(word.key) {
        return Ok(Found::Word(kind));
    }
    if word.text == word.key {
        match ports::parse(word.key, ports) {
            Ok(port) => return Ok(Found::Port(port)),
            Err(message) if word.key.starts_with(|c: char| c == '"' || c.is_ascii_digit()) => {
                return Err(Fault::new(word.text, message));
            }
            Err(_) => {}
        }
    }
    let what = if action_words::is_foreign(word.key) {
        "is an action of Open vSwitch only, OpenFlow 1.3 has no such action"
    } else if ports::reserved(word.key).is_some() {
        "takes no value"
    } else {
        "is no action and no port"
    };
    Err(Fault::new(word.text, format!("{} {what}", word.key)))
}

impl<'t> Actions<'t> {
    pub(super) fn new(context: Context) -> Self {
        Actions { list: Vec::new(), context, drop: None, enqueue: None }
    }

    /// `drop` says that there is nothing else.
    pub(super) fn check_drop(&self) -> Parsed<'t, ()> {
        match self.drop {
            Some(word) if !self.list.is_empty() => {
                Err(Fault::new(word, "drop cannot stand beside other actions"))
            }
            _ => Ok(()),
        }
    }

    /// Appends an output.
    pub(super) fn output(&mut self, port: PortNo, word: &'t str) -> Parsed<'t, ()> {
        let refused = match port {
            PortNo::ANY => Some("ANY is no port to send to"),
            PortNo(0) => Some("0 is no port to send to"),
            PortNo::TABLE if !self.context.is_packet_out => {
                Some("TABLE stands only in packet-outs")
            }
            _ => None,
        };
        if let Some(message) = refused {
            return Err(Fault::new(word, message));
        }
        self.check_queue()?;
        let all = port == PortNo::CONTROLLER;
        self.list.push(if all { Action::controller() } else { Action::output(port) });
        Ok(())
    }

    /// OpenFlow 1.3 cannot take back a queue, so nothing may be sent behind an `enqueue` that did
    /// not ask for it.
    pub(super) fn check_queue(&self) -> Parsed<'t, ()> {
        match self.enqueue {
            Some(word) => Err(Fault::new(
                word,
                "what follows would use this queue, too: write set_queue and output",
            )),
            None => Ok(()),
        }
    }

    /// Takes one action.
    pub(super) fn take(
        &mut self,
        kind: ActionWord,
        word: Word<'t>,
        ports: &dyn PortNames,
    ) -> Parsed<'t, ()> {
        use ActionWord as A;
        let action = match kind {
            A::Output => return self.take_output(word, ports),
            A::Controller => return self.take_controller(word),
            A::Enqueue => return self.take_enqueue(word, ports),
            A::SetField => return self.take_set_field(word, ports),
            A::Mod(which) => return self.take_mod(which, word),
            A::Drop => {
                no_value(word)?;
                self.drop = Some(word.text);
                return Ok(());
            }
            A::Group => {
                self.check_queue()?;
                Action::Group(group(word)?)
            }
            A::SetQueue => {
                self.enqueue = None;
                Action::SetQueue(number(word, 32)?)
            }
            A::PushVlan => Action::PushVlan(one_of(word, &[0x8100, 0x88a8])?),
            A::PushMpls => Action::PushMpls(one_of(word, &[0x8847, 0x8848])?),
            A::PushPbb => Action::PushPbb(one_of(word, &[0x88e7])?),
            A::PopMpls => {
                self.need(Prerequisite::Mpls, word)?;
                Action::PopMpls(number(word, 16)?)
            }
            A::PopVlan => {
                self.need(Prerequisite::VlanPresent, word)?;
                bare(word, Action::PopVlan)?
            }
            A::PopPbb => bare(word, Action::PopPbb)?,
            A::CopyTtlOut => bare(word, Action::CopyTtlOut)?,
            A::CopyTtlIn => bare(word, Action::CopyTtlIn)?,
            A::DecMplsTtl => {
                self.need(Prerequisite::Mpls, word)?;
                bare(word, Action::DecMplsTtl)?
            }
            A::DecNwTtl if !word.value.is_empty() => {
                return Err(Fault::new(
                    word.text,
                    "dec_ttl with controller ids is Open vSwitch's only",
                ));
            }
            A::DecNwTtl => {
                self.need(Prerequisite::Ip, word)?;
                Action::DecNwTtl
            }
            A::SetNwTtl => {
                self.need(Prerequisite::Ip, word)?;
                Action::SetNwTtl(number(word, 8)?)
            }
            A::SetMplsTtl => {
                self.need(Prerequisite::Mpls, word)?;
                Action::SetMplsTtl(number(word, 8)?)
            }
            A::ApplyActions
            | A::WriteActions
            | A::ClearActions
            | A::WriteMetadata
            | A::Meter
            | A::GotoTable => {
                return Err(Fault::new(
                    word.text,
                    format!("the instruction {} is not allowed here", word.key),
                ));
            }
        };
        self.follow(&action);
        self.list.push(action);
        Ok(())
    }

    /// Keeps the context true behind an action.
    fn follow(&mut self, action: &Action) {
        match action {
            Action::PushVlan(_) => {
                self.context.tag_count = self.context.tag_count.saturating_add(1)
            }
            Action::PopVlan => self.context.tag_count = self.context.tag_count.saturating_sub(1),
            Action::PushMpls(dl_type) | Action::PopMpls(dl_type) | Action::PushPbb(dl_type) => {
                self.context.protocol = Protocol { dl_type: Some(*dl_type), nw_proto: None };
            }
            Action::PopPbb => self.context.protocol = Protocol::default(),
            _ => {}
        }
    }

    fn take_output(&mut self, word: Word<'t>, ports: &dyn PortNames) -> Parsed<'t, ()> {
        if word.value.contains("port=") || word.value.contains("max_len=") {
            return Err(Fault::new(word.text, "output with max_len is Open vSwitch's only"));
        }
        if word.value.contains('[') {
            return Err(Fault::new(word.text, "output to a field is Open vSwitch's only"));
        }
        match ports::parse(word.value, ports) {
            Ok(port) => self.output(port, word.text),
            Err(message) => Err(Fault::new(word.text, message)),
        }
    }

    fn take_controller(&mut self, word: Word<'t>) -> Parsed<'t, ()> {
        self.check_queue()?;
        let max_len = if word.value.is_empty() {
            0xffff
        } else if let Some(max_len) = value::integer(word.value, 16) {
            max_len
        } else if word.text.get(word.key.len()..).is_some_and(|rest| rest.starts_with('(')) {
            controller_options(word)?
        } else {
            return Err(Fault::new(word.text, "max_len is a number up to 65535"));
        };
        let max_len = MaxLen(u16::try_from(max_len).unwrap_or(u16::MAX));
        self.list.push(Action::Output { port: PortNo::CONTROLLER, max_len });
        Ok(())
    }

    fn take_enqueue(&mut self, word: Word<'t>, ports: &dyn PortNames) -> Parsed<'t, ()> {
        self.enqueue = None;
        let fault = || Fault::new(word.text, "expected enqueue:PORT:QUEUE");
        let (port, queue) = word.value.split_once([':', ',']).ok_or_else(fault)?;
        let port =
            ports::parse(port.trim(), ports).map_err(|message| Fault::new(word.text, message))?;
        let queue = value::integer(queue.trim(), 32).and_then(|queue| u32::try_from(queue).ok());
        self.list.push(Action::SetQueue(queue.ok_or_else(fault)?));
        self.output(port, word.text)?;
        self.enqueue = Some(word.text);
        Ok(())
    }

    /// `set_field:VALUE->FIELD`.
    fn take_set_field(&mut self, word: Word<'t>, ports: &dyn PortNames) -> Parsed<'t, ()> {
        let fault = |message| Fault::new(word.text, message);
        let (text, field_name) =
            word.value.rsplit_once("->").ok_or_else(|| fault("expected set_field:VALUE->FIELD"))?;
        let Some(name) = names::name(field_name) else {
            let what = if names::is_foreign(field_name) {
                "a field of Open vSwitch only"
            } else {
                "no field"
            };
            return Err(Fault::new(word.text, format!("{field_name} is {what}")));
        };
        let field = match name {
            names::Name::NwTos | names::Name::DlVlan | names::Name::VlanTci => {
                return Err(fault("set ip_dscp, vlan_vid or vlan_pcp in place of this field"));
            }
            names::Name::IcmpType => {
                self.context.protocol.resolve(name).unwrap_or(OxmField::Icmpv4Type)
            }
            names::Name::IcmpCode => {
                self.context.protocol.resolve(name).unwrap_or(OxmField::Icmpv4Code)
            }
            names::Name::TpSrc | names::Name::TpDst => self
                .context
                .protocol
                .resolve(name)
                .ok_or_else(|| fault("the flow has no protocol with ports"))?,
            _ => self
                .context
                .protocol
                .resolve(name)
                .ok_or_else(|| fault("not a field that can be set"))?,
        };
        if field == OxmField::Metadata {
            return Err(fault("metadata is set by write_metadata"));
        }
        if !field.info().settable {
            return Err(Fault::new(word.text, format!("{field_name} cannot be set")));
        }
        let (value, mask) = field_value::parse(field, text, word.text, ports)?;
        if mask != field.all_ones() {
            return Err(fault("set_field with a mask is not in OpenFlow 1.3"));
        }
        if field == OxmField::VlanVid && value & u128::from(VID_PRESENT) == 0 {
            return Err(fault("vlan_vid is set with its present bit: 4096 plus the VLAN ID"));
        }
        match field {
            OxmField::VlanVid => self.need(Prerequisite::VlanPresent, word)?,
            _ => self.need(field.info().prerequisite, word)?,
        }
        self.list.push(Action::SetField(Oxm::new(field, value)));
        Ok(())
    }

    /// An old action that became a set-field.
    fn take_mod(&mut self, which: ModWord, word: Word<'t>) -> Parsed<'t, ()> {
        let bad = |what: &str| Fault::new(word.text, format!("not a valid {what}"));
        let number = |bits, what| value::integer(word.value, bits).ok_or_else(|| bad(what));
        let (field, value) = match which {
            ModWord::VlanVid | ModWord::SetVlanVid => {
                self.need_tag(which == ModWord::VlanVid, word)?;
                (OxmField::VlanVid, number(12, "VLAN ID")? | u128::from(VID_PRESENT))
            }
            ModWord::VlanPcp | ModWord::SetVlanPcp => {
                self.need_tag(which == ModWord::VlanPcp, word)?;
                (OxmField::VlanPcp, number(3, "VLAN priority")?)
            }
            ModWord::DlSrc => {
                (OxmField::EthSrc, value::mac(word.value).ok_or_else(|| bad("Ethernet address"))?)
            }
            ModWord::DlDst => {
                (OxmField::EthDst, value::mac(word.value).ok_or_else(|| bad("Ethernet address"))?)
            }
            ModWord::NwSrc | ModWord::NwDst => {
                self.need(Prerequisite::Ipv4, word)?;
                let field =
                    if which == ModWord::NwSrc { OxmField::Ipv4Src } else { OxmField::Ipv4Dst };
                (field, value::ipv4(word.value).ok_or_else(|| bad("IPv4 address"))?)
            }
            ModWord::NwTos => {
                self.need(Prerequisite::Ip, word)?;
                let tos = number(8, "TOS")?;
                if tos & 3 != 0 {
                    return Err(bad("TOS: its two lowest bits are ECN"));
                }
                (OxmField::IpDscp, tos >> 2)
            }
            ModWord::NwEcn => {
                self.need(Prerequisite::Ip, word)?;
                (OxmField::IpEcn, number(2, "ECN")?)
            }
            ModWord::TpSrc | ModWord::TpDst => {
                let name =
                    if which == ModWord::TpSrc { names::Name::TpSrc } else { names::Name::TpDst };
                let field =
                    self.context.protocol.resolve(name).filter(|field| field.info().bits == 16);
                let field = field.ok_or_else(|| {
                    Fault::new(
                        word.text,
                        "needs tcp, udp or sctp in the same flow; else use set_field",
                    )
                })?;
                (field, number(16, "port number")?)
            }
            ModWord::MplsLabel => (OxmField::MplsLabel, number(20, "MPLS label")?),
            ModWord::MplsTc => (OxmField::MplsTc, number(3, "MPLS traffic class")?),
            ModWord::Tunnel => (OxmField::TunnelId, number(64, "tunnel id")?),
        };
        self.list.push(Action::SetField(Oxm::new(field, value)));
        Ok(())
    }

    /// Pushes a tag if there is none, as ovs-ofctl does for `mod_vlan_*`; `set_vlan_*` wants one
    /// there.
    fn need_tag(&mut self, push: bool, word: Word<'t>) -> Parsed<'t, ()> {
        if !push {
            self.need(Prerequisite::VlanPresent, word)?;
        }
        if self.context.tag_count == 0 && push {
            self.list.push(Action::PushVlan(0x8100));
        }
        self.context.tag_count = self.context.tag_count.max(1);
        Ok(())
    }

    /// Refuses what the flow does not have, as far as there is a flow.
    fn need(&self, prerequisite: Prerequisite, word: Word<'t>) -> Parsed<'t, ()> {
        if self.context.satisfies(prerequisite) {
            return Ok(());
        }
        Err(Fault::new(word.text, names::needs(prerequisite)))
    }
}

/// The options of `controller(...)`; all that a 1.3 output cannot say is refused.
fn controller_options(word: Word<'_>) -> Parsed<'_, u128> {
    let mut max_len = 0xffff;
    for option in Words::new(word.value) {
        match (option.key, option.value) {
            ("max_len", text) => {
                max_len = value::integer(text, 16)
                    .ok_or_else(|| Fault::new(option.text, "max_len is a number up to 65535"))?;
            }
            // The defaults say nothing that output does not.
            ("reason", "action") | ("id", "0") => {}
            _ => {
                return Err(Fault::new(
                    option.text,
                    "an output to the controller has no such option in OpenFlow 1.3",
                ));
            }
        }
    }
    Ok(max_len)
}

/// Refuses a value.
pub(super) fn no_value(word: Word<'_>) -> Parsed<'_, ()> {
    if word.value.is_empty() {
        return Ok(());
    }
    Err(Fault::new(word.text, format!("{} takes no value", word.key)))
}

/// An action without a value.
fn bare(word: Word<'_>, action: Action) -> Parsed<'_, Action> {
    no_value(word).map(|()| action)
}

/// The value as a number of at most `bits` bits.
pub(super) fn number<T: TryFrom<u128>>(word: Word<'_>, bits: u32) -> Parsed<'_, T> {
    value::integer(word.value, bits)
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| Fault::new(word.text, format!("needs a number of at most {bits} bits")))
}

/// The value as the number of a group.
pub(super) fn group(word: Word<'_>) -> Parsed<'_, GroupId> {
    let group = GroupId(number(word, 32)?);
    if group > GroupId::MAX {
        return Err(Fault::new(word.text, "a group is 0 to 0xffffff00"));
    }
    Ok(group)
}

/// The value as one of a few Ethernet types.
fn one_of<'t>(word: Word<'t>, allowed: &[u16]) -> Parsed<'t, u16> {
    let dl_type = number(word, 16)?;
    if allowed.contains(&dl_type) {
        return Ok(dl_type);
    }
    Err(Fault::new(word.text, format!("{dl_type:#06x} is not an Ethernet type of such a header")))
}
