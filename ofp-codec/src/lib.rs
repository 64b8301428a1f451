//! OpenFlow 1.3.5: the vocabulary, the wire form, the text form.
//!
//! The types here are the words in which a switch and its controllers speak; every other crate uses
//! them and none but this one knows their bytes.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing,
        clippy::todo,
        clippy::unimplemented
    )
)]

extern crate alloc;

mod action;
mod async_config;
mod bundle;
mod config;
mod consistency;
mod error;
mod flow_mod;
mod group_mod;
mod header;
mod hello;
mod instruction;
mod matching;
pub mod memory;
mod message;
mod meter_mod;
pub mod multipart;
mod oxm;
mod packet_in;
mod packet_out;
mod port;
mod queue;
mod role;
mod table_mod;
pub mod text;
mod wire;

pub use action::{Action, ActionType, MaxLen};
pub use async_config::{AsyncConfig, AsyncMask};
pub use bundle::{
    BundleAdd, BundleControl, BundleControlType, BundleFlags, ONF_BUNDLE_ADD, ONF_BUNDLE_CONTROL,
    ONF_EXPERIMENTER,
};
pub use config::{Capabilities, Config, ConfigFlags, DEFAULT_MISS_SEND_LEN, SwitchFeatures};
pub use consistency::{check_actions, check_instructions};
pub use error::*;
pub use flow_mod::{
    DEFAULT_PRIORITY, FlowMod, FlowModCommand, FlowModFlags, FlowRemoved, FlowRemovedReason,
    NO_BUFFER,
};
pub use group_mod::{Bucket, GroupId, GroupMod, GroupModCommand, GroupType};
pub use header::{HEADER_LEN, Header, MessageType, VERSION};
pub use hello::{Hello, HelloElement};
pub use instruction::Instruction;
pub use matching::Match;
pub use message::{ErrorMessage, Message};
pub use meter_mod::{Band, MeterFlags, MeterId, MeterMod, MeterModCommand};
pub use multipart::{
    MultipartFlags, MultipartReply, MultipartReplyBody, MultipartRequest, MultipartRequestBody,
    MultipartType,
};
pub use oxm::{
    OXM_CLASS_BASIC, OXM_CLASS_EXPERIMENTER, Oxm, OxmField, OxmFieldInfo, OxmFormat, Prerequisite,
    VID_NONE, VID_PRESENT,
};
pub use packet_in::{NO_COOKIE, PacketIn, PacketInReason};
pub use packet_out::PacketOut;
pub use port::{
    HwAddr, PortConfig, PortDesc, PortFeatures, PortMod, PortNo, PortReason, PortState, PortStatus,
};
pub use queue::{PacketQueue, QUEUE_ALL, QueueConfig, QueueProperty};
pub use role::{Role, RoleMessage};
pub use table_mod::{TableId, TableMod};
pub use wire::{EncodeError, Rules};
