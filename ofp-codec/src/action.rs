//! Actions (§5.12, §7.2.5).

use alloc::vec::Vec;

use crate::{GroupId, Oxm, PortNo};

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
