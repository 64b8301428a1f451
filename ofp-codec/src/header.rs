//! The header that every message begins with (§7.1), and the types of messages.

/// OpenFlow 1.3's version byte.
#[doc(alias = "OFP_VERSION")]
pub const VERSION: u8 = 0x04;

/// Bytes in the header.
pub const HEADER_LEN: usize = 8;

/// The header of a message.
#[doc(alias = "ofp_header")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The version.
    pub version: u8,
    /// The type's number.
    pub kind: u8,
    /// Bytes in the whole message.
    pub length: u16,
    /// Pairs a reply with its request.
    pub xid: u32,
}

impl Header {
    /// The header at the start of `bytes`; `None` when fewer than eight are there.
    pub fn peek(bytes: &[u8]) -> Option<Header> {
        let [version, kind, l0, l1, x0, x1, x2, x3, ..] = *bytes else { return None };
        Some(Header {
            version,
            kind,
            length: u16::from_be_bytes([l0, l1]),
            xid: u32::from_be_bytes([x0, x1, x2, x3]),
        })
    }
}

/// The type of a message.
#[doc(alias = "ofp_type")]
#[allow(missing_docs, reason = "named as the variants of Message")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MessageType {
    Hello = 0,
    Error = 1,
    EchoRequest = 2,
    EchoReply = 3,
    Experimenter = 4,
    FeaturesRequest = 5,
    FeaturesReply = 6,
    GetConfigRequest = 7,
    GetConfigReply = 8,
    SetConfig = 9,
    PacketIn = 10,
    FlowRemoved = 11,
    PortStatus = 12,
    PacketOut = 13,
    FlowMod = 14,
    GroupMod = 15,
    PortMod = 16,
    TableMod = 17,
    MultipartRequest = 18,
    MultipartReply = 19,
    BarrierRequest = 20,
    BarrierReply = 21,
    QueueGetConfigRequest = 22,
    QueueGetConfigReply = 23,
    RoleRequest = 24,
    RoleReply = 25,
    GetAsyncRequest = 26,
    GetAsyncReply = 27,
    SetAsync = 28,
    MeterMod = 29,
}

impl MessageType {
    /// All types, by number.
    pub const ALL: [MessageType; 30] = [
        MessageType::Hello,
        MessageType::Error,
        MessageType::EchoRequest,
        MessageType::EchoReply,
        MessageType::Experimenter,
        MessageType::FeaturesRequest,
        MessageType::FeaturesReply,
        MessageType::GetConfigRequest,
        MessageType::GetConfigReply,
        MessageType::SetConfig,
        MessageType::PacketIn,
        MessageType::FlowRemoved,
        MessageType::PortStatus,
        MessageType::PacketOut,
        MessageType::FlowMod,
        MessageType::GroupMod,
        MessageType::PortMod,
        MessageType::TableMod,
        MessageType::MultipartRequest,
        MessageType::MultipartReply,
        MessageType::BarrierRequest,
        MessageType::BarrierReply,
        MessageType::QueueGetConfigRequest,
        MessageType::QueueGetConfigReply,
        MessageType::RoleRequest,
        MessageType::RoleReply,
        MessageType::GetAsyncRequest,
        MessageType::GetAsyncReply,
        MessageType::SetAsync,
        MessageType::MeterMod,
    ];

    /// The type with this number.
    pub fn from_number(number: u8) -> Option<MessageType> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl MessageType {
    /// The type's name in the standard, in lower case and without its prefix.
    pub const fn name(self) -> &'static str {
        match self {
            MessageType::Hello => "hello",
            MessageType::Error => "error",
            MessageType::EchoRequest => "echo-request",
            MessageType::EchoReply => "echo-reply",
            MessageType::Experimenter => "experimenter",
            MessageType::FeaturesRequest => "features-request",
            MessageType::FeaturesReply => "features-reply",
            MessageType::GetConfigRequest => "get-config-request",
            MessageType::GetConfigReply => "get-config-reply",
            MessageType::SetConfig => "set-config",
            MessageType::PacketIn => "packet-in",
            MessageType::FlowRemoved => "flow-removed",
            MessageType::PortStatus => "port-status",
            MessageType::PacketOut => "packet-out",
            MessageType::FlowMod => "flow-mod",
            MessageType::GroupMod => "group-mod",
            MessageType::PortMod => "port-mod",
            MessageType::TableMod => "table-mod",
            MessageType::MultipartRequest => "multipart-request",
            MessageType::MultipartReply => "multipart-reply",
            MessageType::BarrierRequest => "barrier-request",
            MessageType::BarrierReply => "barrier-reply",
            MessageType::QueueGetConfigRequest => "queue-get-config-request",
            MessageType::QueueGetConfigReply => "queue-get-config-reply",
            MessageType::RoleRequest => "role-request",
            MessageType::RoleReply => "role-reply",
            MessageType::GetAsyncRequest => "get-async-request",
            MessageType::GetAsyncReply => "get-async-reply",
            MessageType::SetAsync => "set-async",
            MessageType::MeterMod => "meter-mod",
        }
    }

    /// Bytes of the shortest message of this type, its header included.
    pub const fn min_len(self) -> usize {
        match self {
            MessageType::Hello
            | MessageType::EchoRequest
            | MessageType::EchoReply
            | MessageType::FeaturesRequest
            | MessageType::GetConfigRequest
            | MessageType::BarrierRequest
            | MessageType::BarrierReply
            | MessageType::GetAsyncRequest => 8,
            MessageType::Error | MessageType::GetConfigReply | MessageType::SetConfig => 12,
            MessageType::Experimenter
            | MessageType::GroupMod
            | MessageType::TableMod
            | MessageType::MultipartRequest
            | MessageType::MultipartReply
            | MessageType::QueueGetConfigRequest
            | MessageType::QueueGetConfigReply
            | MessageType::MeterMod => 16,
            MessageType::PacketOut | MessageType::RoleRequest | MessageType::RoleReply => 24,
            MessageType::FeaturesReply
            | MessageType::PacketIn
            | MessageType::GetAsyncReply
            | MessageType::SetAsync => 32,
            MessageType::PortMod => 40,
            MessageType::FlowRemoved | MessageType::FlowMod => 56,
            MessageType::PortStatus => 80,
        }
    }

    /// Whether a message of this type may have `len` bytes, its header included.
    pub const fn allows_len(self, len: usize) -> bool {
        len == self.min_len() || (len > self.min_len() && !self.is_fixed_len())
    }

    /// Whether the length is always [`min_len`](MessageType::min_len).
    const fn is_fixed_len(self) -> bool {
        match self {
            MessageType::Hello
            | MessageType::EchoRequest
            | MessageType::EchoReply
            | MessageType::Error
            | MessageType::Experimenter
            | MessageType::GroupMod
            | MessageType::MultipartRequest
            | MessageType::MultipartReply
            | MessageType::QueueGetConfigReply
            | MessageType::MeterMod
            | MessageType::PacketOut
            | MessageType::PacketIn
            | MessageType::FlowRemoved
            | MessageType::FlowMod => false,
            MessageType::FeaturesRequest
            | MessageType::FeaturesReply
            | MessageType::GetConfigRequest
            | MessageType::GetConfigReply
            | MessageType::SetConfig
            | MessageType::PortStatus
            | MessageType::PortMod
            | MessageType::TableMod
            | MessageType::BarrierRequest
            | MessageType::BarrierReply
            | MessageType::QueueGetConfigRequest
            | MessageType::RoleRequest
            | MessageType::RoleReply
            | MessageType::GetAsyncRequest
            | MessageType::GetAsyncReply
            | MessageType::SetAsync => true,
        }
    }

    /// Whether a switch acts on messages of this type; others from a controller are BAD_TYPE.
    pub const fn is_for_switch(self) -> bool {
        !matches!(
            self,
            MessageType::FeaturesReply
                | MessageType::GetConfigReply
                | MessageType::PacketIn
                | MessageType::FlowRemoved
                | MessageType::PortStatus
                | MessageType::MultipartReply
                | MessageType::BarrierReply
                | MessageType::QueueGetConfigReply
                | MessageType::RoleReply
                | MessageType::GetAsyncReply
        )
    }

    /// Whether a slave may not send messages of this type (§6.3.5); besides them it may not send
    /// TABLE_FEATURES with a body.
    pub const fn is_denied_to_slaves(self) -> bool {
        matches!(
            self,
            MessageType::PacketOut
                | MessageType::FlowMod
                | MessageType::GroupMod
                | MessageType::PortMod
                | MessageType::TableMod
                | MessageType::MeterMod
        )
    }
}
