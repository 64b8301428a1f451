//! A message of either side.

use alloc::vec::Vec;

use crate::{
    AsyncConfig, BundleAdd, BundleControl, Config, FlowMod, FlowRemoved, GroupMod, Hello, MeterMod,
    MultipartReply, MultipartRequest, PacketIn, PacketOut, PortMod, PortNo, PortStatus,
    QueueConfig, RoleMessage, SwitchFeatures, TableMod,
};

/// What a receiver could not do (§7.4.4).
#[doc(alias = "OFPT_ERROR")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorMessage {
    /// The error type's number; 0xffff for an experimenter's.
    pub error_type: u16,
    /// The code's number; an experimenter's own type.
    pub code: u16,
    /// The experimenter, with error type 0xffff.
    pub experimenter: Option<u32>,
    /// At least the first 64 bytes of the request, or text for HELLO_FAILED.
    pub data: Vec<u8>,
}

/// A message.
#[doc(alias = "ofp_header")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Which versions are spoken.
    Hello(Hello),
    /// What could not be done.
    Error(ErrorMessage),
    /// Are you there?
    EchoRequest(Vec<u8>),
    /// I am.
    EchoReply(Vec<u8>),
    /// An extension's message that this codec does not know.
    Experimenter {
        /// Who defines it.
        experimenter: u32,
        /// Its type there.
        exp_type: u32,
        /// What follows.
        data: Vec<u8>,
    },
    /// Opens, closes, commits or discards a bundle.
    BundleControl(BundleControl),
    /// Adds to a bundle.
    BundleAdd(BundleAdd),
    /// What are you?
    FeaturesRequest,
    /// This.
    FeaturesReply(SwitchFeatures),
    /// How are you configured?
    GetConfigRequest,
    /// So.
    GetConfigReply(Config),
    /// Be configured so.
    SetConfig(Config),
    /// A packet for the controller.
    PacketIn(PacketIn),
    /// A flow entry is gone.
    FlowRemoved(FlowRemoved),
    /// A port came, went or changed.
    PortStatus(PortStatus),
    /// A packet from the controller.
    PacketOut(PacketOut),
    /// Changes flow entries.
    FlowMod(FlowMod),
    /// Changes groups.
    GroupMod(GroupMod),
    /// Changes a port.
    PortMod(PortMod),
    /// Changes a table.
    TableMod(TableMod),
    /// Asks for descriptions or statistics.
    MultipartRequest(MultipartRequest),
    /// Gives them.
    MultipartReply(MultipartReply),
    /// Answer when everything before is done.
    BarrierRequest,
    /// It is done.
    BarrierReply,
    /// Which queues has this port?
    QueueGetConfigRequest(PortNo),
    /// These.
    QueueGetConfigReply(QueueConfig),
    /// Asks for a role.
    RoleRequest(RoleMessage),
    /// Tells the role.
    RoleReply(RoleMessage),
    /// Which asynchronous messages do I get?
    GetAsyncRequest,
    /// These.
    GetAsyncReply(AsyncConfig),
    /// Send me these.
    SetAsync(AsyncConfig),
    /// Changes meters.
    MeterMod(MeterMod),
}
