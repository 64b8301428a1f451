//! A whole message, from its header to its handler: the checks that come before the content, in
//! the standard's order, then one line for each type.
//!
//! The order: version, type, fixed length, role, content (the decoder's), state (the tables').
//! The first check that fails answers, and nothing has changed by then.

use datapath::personality::{Features, Messages};
use hypercall::{Hypercall, Nanos};
use ofp_codec::{
    BadRequestCode, Message, MessageType, MultipartType, ONF_BUNDLE_ADD, ONF_BUNDLE_CONTROL,
    ONF_EXPERIMENTER, OfpError, Role, VERSION,
};

use crate::channel::Channel;
use crate::device::Core;
use crate::handlers::{
    async_config, barrier, bundle, config, echo, experimenter, features, flow, group, meter,
    monitor, multipart, packet_out, port, queue, role, table,
};
use crate::quirks;
use crate::slices::SLICE;

/// One message being executed: whose it is, and what it may touch.
pub(crate) struct Turn<'a, H: ?Sized> {
    pub(crate) core: &'a mut Core,
    pub(crate) channel: &'a mut Channel,
    pub(crate) now: Nanos,
    pub(crate) host: &'a mut H,
    /// The whole message.
    pub(crate) bytes: &'a [u8],
    pub(crate) xid: u32,
    /// Set by a role request: every other master becomes a slave.
    pub(crate) is_new_master: bool,
    /// The flow-mod, or the first one of a bundle, that this turn executes.
    pub(crate) flow_mod_xid: Option<u32>,
    /// A reply that comes behind what this turn's changes cause to be told.
    pub(crate) late_reply: Option<Message>,
    /// Set where the channel says what it wants to hear.
    pub(crate) is_changed: bool,
    /// Set where the change that the message asks for goes on in slices.
    pub(crate) is_unfinished: bool,
}

impl<H: ?Sized> Turn<'_, H> {
    /// Queues a reply with the request's xid, of about `expected_len` bytes.
    pub(crate) fn reply(&mut self, expected_len: usize, message: &Message) {
        self.channel.reply_message(expected_len, self.xid, message);
    }

    /// Does the first slice of a change of the tables that has begun; mostly it is the last, too.
    pub(crate) fn carry_out(&mut self) -> Result<(), OfpError> {
        let tables = &mut self.core.switch.tables;
        if !tables.is_busy() {
            return Ok(());
        }
        tables.step(self.now, SLICE).unwrap_or_else(|| {
            self.is_unfinished = true;
            Ok(())
        })
    }
}

/// Executes the turn's message, or answers with the error that it deserves.
pub(crate) fn message<H: Hypercall + ?Sized>(turn: &mut Turn<'_, H>) {
    if let Err(error) = execute(turn) {
        turn.channel.error(error, turn.xid, turn.bytes);
    }
}

/// An error of type OFPET_BAD_REQUEST.
pub(crate) const fn bad_request(code: BadRequestCode) -> OfpError {
    OfpError::BadRequest(code)
}

fn execute<H: Hypercall + ?Sized>(turn: &mut Turn<'_, H>) -> Result<(), OfpError> {
    let personality = turn.core.switch.tables.personality();
    let kind = check_header(turn.bytes, personality.messages)?;
    if turn.channel.role == Role::Slave && changes_state(kind, turn.bytes) {
        return Err(bad_request(BadRequestCode::IsSlave));
    }
    match kind {
        // Answering an error with an error would never end; keep-alive is the transport's.
        MessageType::Error | MessageType::EchoReply => return Ok(()),
        // Their bytes are used as they are.
        MessageType::EchoRequest => return echo::request(turn),
        MessageType::MultipartRequest => return multipart::request(turn),
        MessageType::FlowMod => return flow::request(turn),
        _ => {}
    }
    let decoded = Message::decode(turn.bytes);
    let (_, message) =
        decoded.map_err(|found| quirks::translate(personality, turn.bytes, found))?;
    let has_experimenters = personality.features.contains(Features::EXPERIMENTERS);
    match message {
        _ if kind == MessageType::Experimenter && !has_experimenters => {
            Err(bad_request(BadRequestCode::BadExperimenter))
        }
        Message::Experimenter { experimenter, .. } => {
            experimenter::unknown(turn.core, experimenter)
        }
        Message::BundleControl(control) => bundle::control(turn, &control),
        Message::BundleAdd(add) => bundle::add(turn, &add),
        Message::FlowMonitorCancel(id) => monitor::cancel(turn, id),
        Message::FeaturesRequest => features::request(turn),
        Message::GetConfigRequest => config::get(turn),
        Message::SetConfig(wanted) => config::set(turn, wanted),
        Message::PacketOut(packet_out) => packet_out::packet_out(turn, &packet_out),
        Message::GroupMod(group_mod) => group::modify(turn, &group_mod),
        Message::PortMod(port_mod) => port::modify(turn, &port_mod),
        Message::TableMod(table_mod) => table::modify(turn, &table_mod),
        Message::MeterMod(meter_mod) => meter::modify(turn, &meter_mod),
        Message::BarrierRequest => barrier::request(turn),
        Message::QueueGetConfigRequest(port) => queue::get_config(turn, port),
        Message::RoleRequest(request) => role::request(turn, request),
        Message::GetAsyncRequest => async_config::get(turn),
        Message::SetAsync(wanted) => async_config::set(turn, wanted),
        _ => Err(bad_request(BadRequestCode::BadType)),
    }
}

/// Checks version, type and the length of the fixed part.
fn check_header(bytes: &[u8], messages: Messages) -> Result<MessageType, OfpError> {
    use MessageType as T;
    let &[version, kind, ..] = bytes else { return Err(bad_request(BadRequestCode::BadLen)) };
    if version != VERSION {
        return Err(bad_request(BadRequestCode::BadVersion));
    }
    let kind = T::from_number(kind).filter(|kind| messages.has(*kind));
    let kind = kind.ok_or(bad_request(BadRequestCode::BadType))?;
    let (min, max) = match kind {
        T::Error | T::EchoRequest | T::EchoReply => (8, usize::MAX),
        T::FeaturesRequest | T::GetConfigRequest | T::BarrierRequest | T::GetAsyncRequest => (8, 8),
        T::SetConfig => (12, 12),
        T::TableMod | T::QueueGetConfigRequest => (16, 16),
        T::RoleRequest => (24, 24),
        T::SetAsync => (32, 32),
        T::PortMod => (40, 40),
        T::Experimenter | T::GroupMod | T::MeterMod | T::MultipartRequest => (16, usize::MAX),
        T::PacketOut => (24, usize::MAX),
        T::FlowMod => (56, usize::MAX),
        // A second hello, and everything that only a switch says.
        _ => return Err(bad_request(BadRequestCode::BadType)),
    };
    if bytes.len() < min || bytes.len() > max {
        return Err(bad_request(BadRequestCode::BadLen));
    }
    Ok(kind)
}

/// Whether only a master or equal may do this (§6.3.6).
fn changes_state(kind: MessageType, bytes: &[u8]) -> bool {
    use MessageType as T;
    match kind {
        T::FlowMod | T::GroupMod | T::MeterMod | T::PortMod | T::TableMod | T::PacketOut => true,
        // TABLE_FEATURES with a body sets them, without one it asks.
        T::MultipartRequest => {
            bytes.len() > 16 && word_at(bytes, 8) == Some(MultipartType::TableFeatures as u16)
        }
        T::Experimenter => {
            let is_bundle = |word| word == ONF_BUNDLE_CONTROL || word == ONF_BUNDLE_ADD;
            double_word_at(bytes, 8) == Some(ONF_EXPERIMENTER)
                && double_word_at(bytes, 12).is_some_and(is_bundle)
        }
        _ => false,
    }
}

/// The 16-bit integer at `offset`.
pub(crate) fn word_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u16::from_be_bytes(*chunk))
}

/// The 32-bit integer at `offset`.
pub(crate) fn double_word_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u32::from_be_bytes(*chunk))
}
