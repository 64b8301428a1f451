//! What takes long goes on in slices: a change of the tables that may be about a million entries, and
//! replies that are long or have to be looked for.
//!
//! # What
//!
//! A call of the device does at most one slice of it besides its own work, so that forwarding and the
//! other channels wait for no more than that. [`Device::tick`] goes on with whatever there is, one slice
//! a call, in turns, and is due at once while there is something; a read or a write of the channel that
//! waits does the same, so that who only reads and writes gets there, too.
//!
//! # Design
//!
//! One change is under way at a time. The channel that asked for it takes nothing more until it is done:
//! what stands behind it, a barrier for one, finds it done. Other channels go on, until one of
//! their messages would change the tables, too: that one waits, and those behind it. So changes take
//! place in one order, each whole, as without slices; a packet may meet the tables in the middle of
//! one, which the standard allows where there is no bundle.
//!
//! # What it costs
//!
//! [`SLICE`] looks at an entry, or 60 KB of a reply: some 0.5 ms of the slowest memory.
//!
//! # What it does not do
//!
//! A bundle is committed at once.

use alloc::vec::Vec;

use hypercall::Nanos;
use ofp_codec::{MessageType, MultipartType};

use crate::ChannelId;
use crate::channel::Channel;
use crate::device::Device;
use crate::dispatch::word_at;
use crate::flow_updates::Author;

/// Looks at an entry in one slice of a change.
pub(crate) const SLICE: u32 = 2048;

/// A change of the tables that is under way: who asked for it, and how.
#[derive(Debug)]
pub(crate) struct Pending {
    channel: ChannelId,
    author: Option<Author>,
    xid: u32,
    /// The whole message, for an error to quote.
    message: Vec<u8>,
}

impl Pending {
    pub(crate) fn new(
        channel: ChannelId,
        author: Option<Author>,
        xid: u32,
        message: &[u8],
    ) -> Pending {
        let mut quote = Vec::new();
        // Short of memory an error quotes nothing.
        if quote.try_reserve_exact(message.len()).is_ok() {
            quote.extend_from_slice(message);
        }
        Pending { channel, author, xid, message: quote }
    }
}

impl Device {
    /// Goes on with long replies whose readers have room for more and with a change of the tables that
    /// is under way: at most `budget` slices, in turns. Returns whether more could be done at once. A
    /// [`tick`](Device::tick) does one, so a host need not call this.
    pub fn step(&mut self, now: Nanos, budget: usize) -> bool {
        for _ in 0..budget {
            if !self.slice(now) {
                break;
            }
        }
        (0..self.channels.len()).for_each(|at| self.continue_backlog(at));
        self.has_slices()
    }

    /// Whether there is something to go on with at once.
    pub(crate) fn has_slices(&self) -> bool {
        self.core.pending.is_some() || (0..self.channels.len()).any(|at| self.has_dump(at))
    }

    /// Does one slice of whatever is next in turn; whether there was something.
    fn slice(&mut self, now: Nanos) -> bool {
        let count = self.channels.len().saturating_add(1);
        for _ in 0..count {
            let at = self.turn;
            self.turn = at.saturating_add(1).checked_rem(count).unwrap_or(0);
            let is_done = match at < self.channels.len() {
                true => self.continue_dump(at, now),
                false => self.continue_change(now),
            };
            if is_done {
                return true;
            }
        }
        false
    }

    /// Whether a channel has a long reply, and room for its next message.
    fn has_dump(&self, at: usize) -> bool {
        let soft = self.core.config.reply_len_soft;
        let channel = self.channels.get(at).filter(|channel| channel.dump.is_some());
        channel.is_some_and(|channel| channel.out.control_len() < soft)
    }

    /// Goes on with a channel's long reply when it has room for the next message; whether it did.
    pub(crate) fn continue_dump(&mut self, at: usize, now: Nanos) -> bool {
        if !self.has_dump(at) {
            return false;
        }
        let Some(channel) = self.channels.get_mut(at) else { return false };
        let Some(mut dump) = channel.dump.take() else { return false };
        let is_done = dump.queue_part(&self.core, channel, now);
        if !is_done && !channel.is_over() {
            channel.dump = Some(dump);
        }
        true
    }

    /// Goes on with the change of the tables that is under way; whether there is one.
    pub(crate) fn continue_change(&mut self, now: Nanos) -> bool {
        let Some(pending) = self.core.pending.take() else { return false };
        let author = pending.author;
        match self.core.switch.tables.step(now, SLICE) {
            None => self.core.pending = Some(pending),
            Some(end) => {
                self.channels.iter_mut().for_each(|channel| channel.is_waiting = false);
                let mut channels = self.channels.iter_mut();
                let asker = channels.find(|channel| channel.id == pending.channel);
                if let (Err(error), Some(channel)) = (end, asker) {
                    channel.error(error, pending.xid, &pending.message);
                }
            }
        }
        self.deliver_flow_changes(author);
        if self.core.pending.is_none() {
            self.channels.iter_mut().for_each(|channel| channel.monitors.abbreviated = None);
        }
        self.deliver();
        true
    }

    /// Notes that a channel waits for the change that is under way, if the message that `bytes` go on
    /// with has to.
    pub(crate) fn note_waiting(&mut self, at: usize, bytes: &[u8]) {
        if self.core.pending.is_none() {
            return;
        }
        if let Some(channel) = self.channels.get_mut(at) {
            channel.is_waiting |= changes_tables(channel, bytes);
        }
    }
}

/// Whether the message that a channel's input and `bytes` begin may change the tables. Where too little
/// of it is there to tell, it cannot become whole either.
fn changes_tables(channel: &Channel, bytes: &[u8]) -> bool {
    let mut head = [0; 16];
    let known = channel.input.iter().chain(bytes).zip(&mut head);
    let count = known.map(|(byte, place)| *place = *byte).count();
    let [_, kind, ..] = head;
    match MessageType::from_number(kind) {
        _ if count < 2 => false,
        Some(
            MessageType::FlowMod
            | MessageType::GroupMod
            | MessageType::MeterMod
            | MessageType::PortMod
            | MessageType::TableMod
            // A bundle's end, perhaps.
            | MessageType::Experimenter,
        ) => true,
        Some(MessageType::MultipartRequest) => {
            count >= 10 && word_at(&head, 8) == Some(MultipartType::TableFeatures as u16)
        }
        _ => false,
    }
}
