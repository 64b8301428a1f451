//! One open of the device: its input up to the next whole message, its hello, role and async
//! masks, and what waits to be read. A message's way in begins here and its reply's way out ends
//! here; what lies between is [`dispatch`](crate::dispatch).

use alloc::vec::Vec;

use ofp_codec::{
    AsyncConfig, DEFAULT_MISS_SEND_LEN, EncodeError, HEADER_LEN, Message, OfpError, Role, VERSION,
};

use crate::assembly::Assembly;
use crate::async_filter::{self, Notice};
use crate::bundle::Bundles;
use crate::dump::Dump;
use crate::hello;
use crate::monitor::Monitors;
use crate::out_queue::OutQueue;
use crate::{ChannelId, ChannelKind, ChannelStatus, DeviceConfig, DeviceError, HangUp, Readiness};

/// An error quotes the message that it is about, all of it as far as an error can hold it. The
/// standard asks for 64 bytes; but ovs-ofctl prints what was refused in words only when it is whole,
/// and a dissector takes a cut message for a malformed one. An error is hardly longer than what
/// provoked it, so this makes no amplifier, and a channel that does not read is not read from.
const QUOTE_LEN: usize = 65_535 - 16;
/// As much of it is quoted in any case, as the standard asks, whatever memory there is (§7.4.4).
const LEAST_QUOTE_LEN: usize = 64;
/// Input buffer that a channel keeps between messages.
const KEEP: usize = 4096;

/// Which connection of a controller an auxiliary one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Auxiliary {
    pub(crate) main: ChannelId,
    pub(crate) id: u8,
}

/// What all connections of a controller have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared {
    role: Role,
    masks: AsyncConfig,
    asked: bool,
    miss_send_len: u16,
}

/// Where a channel is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Waiting for the peer's hello.
    Hello,
    /// Both have said hello.
    Up,
    /// Nothing is taken any more; what is queued can still be read.
    Over(HangUp),
}

/// One open of the device.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    pub(crate) kind: ChannelKind,
    /// Whose auxiliary connection it is, if it is one.
    pub(crate) auxiliary: Option<Auxiliary>,
    pub(crate) phase: Phase,
    /// The first part of a message whose rest has not come yet.
    pub(crate) input: Vec<u8>,
    pub(crate) out: OutQueue,
    pub(crate) role: Role,
    pub(crate) masks: AsyncConfig,
    /// Whether it asked for asynchronous messages; those of kind Active need not.
    pub(crate) asked: bool,
    pub(crate) miss_send_len: u16,
    pub(crate) assembly: Assembly,
    pub(crate) bundles: Bundles,
    pub(crate) monitors: Monitors,
    /// A long reply that is still being queued. Until it is, the channel takes nothing more.
    pub(crate) dump: Option<Dump>,
    /// Whether it waits for a change of the tables that is under way.
    pub(crate) is_waiting: bool,
    pub(crate) counters: ChannelCounters,
    /// Whether the device has counted that it was lost.
    pub(crate) is_counted: bool,
}

/// What a channel has seen, in messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelCounters {
    /// Whole messages taken.
    pub received: u64,
    /// OFPT_ERROR messages queued.
    pub errors: u64,
    /// Packet-ins queued.
    pub packet_ins: u64,
    /// Packet-ins that it wanted and that did not fit its queue.
    pub packet_ins_dropped: u64,
}

impl Channel {
    pub(crate) fn new(id: ChannelId, kind: ChannelKind) -> Result<Channel, DeviceError> {
        let mut out = OutQueue::default();
        out.push(&hello::HELLO)?;
        out.keep_reserve()?;
        Ok(Channel {
            id,
            kind,
            auxiliary: None,
            phase: Phase::Hello,
            input: Vec::new(),
            out,
            role: Role::Equal,
            masks: AsyncConfig::default(),
            asked: false,
            miss_send_len: DEFAULT_MISS_SEND_LEN,
            assembly: Assembly::default(),
            bundles: Bundles::default(),
            monitors: Monitors::default(),
            dump: None,
            is_waiting: false,
            counters: ChannelCounters::default(),
            is_counted: false,
        })
    }

    /// Whether it takes bytes: not while its reader is behind, and not before a change is done and a
    /// long reply is queued, so that replies keep the order of requests.
    pub(crate) fn accepts(&self, config: &DeviceConfig) -> bool {
        !self.is_over()
            && !self.is_waiting
            && self.dump.is_none()
            && self.out.control_len() < config.reply_len_soft
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    /// Whether it hung up for what it could not be told, and nobody has counted it yet.
    pub(crate) fn is_new_loss(&self) -> bool {
        matches!(self.phase, Phase::Over(HangUp::TooSlow | HangUp::NoMemory)) && !self.is_counted
    }

    pub(crate) fn readiness(&self, config: &DeviceConfig) -> Readiness {
        let mut readiness = Readiness::empty();
        let drained = self.out.is_empty();
        readiness.set(Readiness::READABLE, !drained || self.is_over());
        readiness.set(Readiness::WRITABLE, self.accepts(config) && !self.out.is_short());
        readiness.set(Readiness::HANGUP, drained && self.is_over());
        readiness
    }

    pub(crate) fn status(&self) -> ChannelStatus {
        ChannelStatus {
            kind: self.kind,
            auxiliary_id: self.auxiliary_id(),
            negotiated: self.phase == Phase::Up,
            hang_up: match self.phase {
                Phase::Over(why) => Some(why),
                _ => None,
            },
            role: self.role,
            counters: self.counters,
        }
    }

    /// Ends the channel. Its unfinished business is forgotten; what is queued can be read, unless
    /// the queue itself is the reason.
    pub(crate) fn hang_up(&mut self, why: HangUp) {
        if self.is_over() {
            return;
        }
        self.phase = Phase::Over(why);
        self.input = Vec::new();
        self.assembly = Assembly::default();
        self.bundles = Bundles::default();
        self.monitors = Monitors::default();
        self.dump = None;
        self.role = Role::Equal;
        if matches!(why, HangUp::TooSlow | HangUp::NoMemory) {
            self.out = OutQueue::default();
        }
    }

    /// The id that FEATURES_REPLY tells: 0 for a main connection.
    pub(crate) fn auxiliary_id(&self) -> u8 {
        self.auxiliary.map_or(0, |auxiliary| auxiliary.id)
    }

    /// The main connection of its controller, perhaps itself.
    pub(crate) fn main_id(&self) -> ChannelId {
        self.auxiliary.map_or(self.id, |auxiliary| auxiliary.main)
    }

    /// Takes over what is the controller's and not a connection's.
    pub(crate) fn take_over(&mut self, shared: Shared) {
        if !self.is_over() {
            self.role = shared.role;
            self.masks = shared.masks;
            self.asked = shared.asked;
            self.miss_send_len = shared.miss_send_len;
        }
    }

    pub(crate) fn shared(&self) -> Shared {
        Shared {
            role: self.role,
            masks: self.masks,
            asked: self.asked,
            miss_send_len: self.miss_send_len,
        }
    }

    /// Whether an asynchronous message goes to its controller, by this connection where it is a
    /// packet-in and by the main one where not.
    pub(crate) fn wants(&self, notice: Notice) -> bool {
        let is_packet_in = matches!(notice, Notice::PacketIn(_));
        (is_packet_in || self.auxiliary.is_none())
            && self.listens()
            && async_filter::wants(&self.masks, self.role, notice)
    }

    /// Whether it gets packet-ins for any reason.
    pub(crate) fn wants_packet_ins(&self) -> bool {
        self.listens() && async_filter::mask(self.masks.packet_in, self.role) != 0
    }

    /// Whether it hears of removed entries for any reason.
    pub(crate) fn wants_flow_removed(&self) -> bool {
        self.auxiliary.is_none()
            && self.listens()
            && async_filter::mask(self.masks.flow_removed, self.role) != 0
    }

    /// Whether it gets asynchronous messages at all.
    fn listens(&self) -> bool {
        self.phase == Phase::Up && (self.kind == ChannelKind::Active || self.asked)
    }

    /// Whether a packet-in still fits its queue.
    pub(crate) fn has_room_for_packet_ins(&self, config: &DeviceConfig) -> bool {
        self.out.packet_in_count() < config.packet_in_count
            && self.out.packet_in_len() < config.packet_in_len
    }

    /// Queues a reply of about `expected_len` bytes. Short of memory the channel hangs up: a reply
    /// that goes missing without a word would be worse.
    pub(crate) fn reply(
        &mut self,
        expected_len: usize,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) {
        if self.is_over() {
            return;
        }
        if self.out.append(expected_len, encode).is_err() {
            self.hang_up(HangUp::NoMemory);
        }
    }

    /// Queues a reply with this xid.
    pub(crate) fn reply_message(&mut self, expected_len: usize, xid: u32, message: &Message) {
        // What cannot be encoded leaves no whole message behind, and the queue takes it back.
        self.reply(expected_len, |buffer| message.encode(xid, buffer));
    }

    /// Queues an encoded packet-in, or counts it as dropped.
    pub(crate) fn packet_in(&mut self, config: &DeviceConfig, message: &[u8]) {
        if self.has_room_for_packet_ins(config) && self.out.push_beside_reserve(message).is_ok() {
            self.counters.packet_ins = self.counters.packet_ins.wrapping_add(1);
        } else {
            self.packet_in_dropped();
        }
    }

    /// Counts a packet-in that does not get there.
    pub(crate) fn packet_in_dropped(&mut self) {
        self.counters.packet_ins_dropped = self.counters.packet_ins_dropped.wrapping_add(1);
    }

    /// Queues an encoded flow-removed.
    pub(crate) fn flow_removed(&mut self, config: &DeviceConfig, message: &[u8]) {
        if self.out.push(message).is_err() {
            self.hang_up(HangUp::NoMemory);
        }
        self.bound(config);
    }

    /// Queues an encoded port-status, or brings the one that waits up to date.
    pub(crate) fn port_status(&mut self, config: &DeviceConfig, message: &[u8]) {
        if self.out.push_port_status(message).is_err() {
            self.hang_up(HangUp::NoMemory);
        }
        self.bound(config);
    }

    /// Queues OFPT_ERROR about `request`, which is whole or the start of a message. The answer to a request
    /// that was taken just now needs no memory.
    pub(crate) fn error(&mut self, error: OfpError, xid: u32, request: &[u8]) {
        let quote = request.get(..QUOTE_LEN).unwrap_or(request);
        let quote = match self.out.make_room(quote.len().saturating_add(16)) {
            Ok(()) => quote,
            // For so much there is the reserve.
            Err(_) => quote.get(..LEAST_QUOTE_LEN).unwrap_or(quote),
        };
        self.error_message(VERSION, error, xid, quote);
    }

    /// Queues OFPT_ERROR with `data` as it is (§7.4.4).
    pub(crate) fn error_message(&mut self, version: u8, error: OfpError, xid: u32, data: &[u8]) {
        let experimenter = match error {
            OfpError::Experimenter { experimenter, .. } => Some(experimenter),
            _ => None,
        };
        let fixed_len: u16 = if experimenter.is_some() { 16 } else { 12 };
        let len = u16::try_from(data.len()).unwrap_or(u16::MAX).saturating_add(fixed_len);
        self.counters.errors = self.counters.errors.wrapping_add(1);
        self.reply(usize::from(len), |buffer| {
            buffer.extend_from_slice(&[version, 1]);
            buffer.extend_from_slice(&len.to_be_bytes());
            buffer.extend_from_slice(&xid.to_be_bytes());
            buffer.extend_from_slice(&error.error_type().to_be_bytes());
            buffer.extend_from_slice(&error.code().to_be_bytes());
            if let Some(experimenter) = experimenter {
                buffer.extend_from_slice(&experimenter.to_be_bytes());
            }
            buffer.extend_from_slice(data);
            Ok(())
        });
    }

    /// Adds to `input` what is missing of the message that it holds the start of; returns how much
    /// of `bytes` that took: all of it, unless the message is [whole](Channel::has_message) or
    /// memory is short.
    pub(crate) fn gather(&mut self, bytes: &[u8]) -> usize {
        let mut taken: usize = 0;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            let part = rest.get(..self.missing_len()).unwrap_or(rest);
            if part.is_empty() || self.input.try_reserve(part.len()).is_err() {
                return taken;
            }
            self.input.extend_from_slice(part);
            taken = taken.saturating_add(part.len());
        }
    }

    /// Whether `input` holds a whole message.
    pub(crate) fn has_message(&self) -> bool {
        self.missing_len() == 0
    }

    /// Bytes missing from the header or, once that says how much there is, from the message.
    fn missing_len(&self) -> usize {
        let wanted = message_len(&self.input).unwrap_or(HEADER_LEN).max(HEADER_LEN);
        wanted.saturating_sub(self.input.len())
    }

    /// Gives the input buffer back after its message was executed.
    pub(crate) fn reuse(&mut self, mut input: Vec<u8>) {
        if !self.is_over() {
            input.clear();
            // Shrinking may need memory.
            self.input = if input.capacity() > KEEP { Vec::new() } else { input };
        }
    }

    /// Hangs up where what others caused cannot be kept any longer.
    pub(crate) fn bound(&mut self, config: &DeviceConfig) {
        if self.out.control_len() > config.reply_len_hard {
            self.hang_up(HangUp::TooSlow);
        }
    }
}

/// The length that a message's header states, when the header is there.
pub(crate) fn message_len(bytes: &[u8]) -> Option<usize> {
    match bytes {
        &[_, _, high, low, _, _, _, _, ..] => Some(usize::from(u16::from_be_bytes([high, low]))),
        _ => None,
    }
}
