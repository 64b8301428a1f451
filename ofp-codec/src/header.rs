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
