//! Changes of flow entries on their way from the tables to the flow monitors of the channels (ONF
//! extension 187).
//!
//! Changes are taken from the tables before the call that caused them returns. Those of one call are
//! told together, and before the replies that follow: a controller that has its barrier's reply has
//! been told of everything before it. What a channel's own flow-mod did it is told in short, with the
//! flow-mod's xid, unless one of its monitors asks for more; entries that went because of a timeout, a
//! group or a meter, or because a table was full, are told in full even then.

use alloc::vec::Vec;

use datapath::{FlowChange, FlowChangeKind};
use ofp_codec::memory::{NoMemory, try_list};
use ofp_codec::multipart::{FlowMonitorFlags, FlowUpdate};
use ofp_codec::{
    EncodeError, FlowRemovedReason, Message, MultipartFlags, MultipartReply, MultipartReplyBody,
};

use crate::channel::Channel;
use crate::device::{Core, Device};
use crate::monitor::{Backlog, Waiting};
use crate::{ChannelId, DeviceConfig, HangUp};

/// Length from which on a message takes no further update.
const PART_LEN: usize = 60_000;
/// Capacity that is kept for the next message.
const MESSAGE_KEEP: usize = 4096;

/// Whose flow-mod caused the changes that are being told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Author {
    pub(crate) channel: ChannelId,
    pub(crate) xid: u32,
}

/// An update in both forms that monitors ask for, each encoded once and only where it is kept.
#[derive(Default)]
struct Encoded {
    plain: Option<Vec<u8>>,
    with_instructions: Option<Vec<u8>>,
}

impl Encoded {
    fn get(
        &mut self,
        change: &FlowChange<'_>,
        with_instructions: bool,
    ) -> Result<Vec<u8>, NoMemory> {
        let place = if with_instructions { &mut self.with_instructions } else { &mut self.plain };
        if let Some(bytes) = place {
            return try_list(bytes);
        }
        let mut bytes = Vec::new();
        // The tables keep no entry that could not be told, so that memory is all that can be short.
        change.update(with_instructions)?.encode(&mut bytes).map_err(|_| NoMemory)?;
        let copy = try_list(&bytes)?;
        *place = Some(bytes);
        Ok(copy)
    }
}

impl Device {
    /// Tells the monitors what has changed, because of `author` or of nobody in particular.
    pub(crate) fn deliver_flow_changes(&mut self, author: Option<Author>) {
        let lost = self.core.switch.tables.lost_change_count();
        if !self.core.switch.tables.has_changes() && lost == 0 {
            return;
        }
        let (config, channels) = (&self.core.config, &mut self.channels);
        let mut told = |change: FlowChange<'_>| {
            let mut encoded = Encoded::default();
            for channel in channels.iter_mut().filter(|channel| !channel.monitors.is_empty()) {
                let author = author.filter(|author| author.channel == channel.id);
                channel.flow_change(config, &change, author, &mut encoded);
            }
        };
        while self.core.switch.tables.next_change(&mut told).is_some() {}
        for channel in self.channels.iter_mut().filter(|channel| !channel.monitors.is_empty()) {
            channel.end_flow_updates(&self.core.config);
            // What one flow-mod does in slices is told in short once.
            if self.core.pending.is_none() {
                channel.monitors.abbreviated = None;
            }
            if lost != 0 {
                channel.hang_up(HangUp::NoMemory);
            }
        }
        self.count_the_slow();
    }

    /// Goes on with what a channel's monitors could not be told, once its reader has read half of
    /// what it may be behind.
    pub(crate) fn continue_backlog(&mut self, at: usize) {
        let Some(channel) = self.channels.get_mut(at) else { return };
        if channel.monitors.backlog.is_some() {
            channel.continue_backlog(&self.core);
        }
    }
}

impl Channel {
    /// Tells a change, or makes a note of it.
    fn flow_change(
        &mut self,
        config: &DeviceConfig,
        change: &FlowChange<'_>,
        author: Option<Author>,
        encoded: &mut Encoded,
    ) {
        let flags = self.monitors.wants(change);
        let is_heard_of = match (&mut self.monitors.backlog, change.kind()) {
            (Some(backlog), FlowChangeKind::Removed(_)) => backlog.unmark(change.slot()),
            _ => true,
        };
        if flags.is_empty() || !is_heard_of {
            return;
        }
        if self.monitors.backlog.is_none() {
            let unread = self.out.control_len().saturating_add(self.monitors.message.len());
            let is_paused = self.dump.is_none() && unread >= config.reply_len_soft;
            if self.dump.is_none() && !is_paused {
                return self.tell(change, flags, author);
            }
            self.end_flow_updates(config);
            if is_paused {
                self.tell_pause(true);
            }
            self.monitors.backlog = Some(Backlog::new(is_paused));
        }
        let Some(backlog) = &mut self.monitors.backlog else { return };
        let noted = match change.kind() {
            FlowChangeKind::Removed(_) => {
                let update = encoded.get(change, flags.contains(FlowMonitorFlags::ACTIONS));
                update
                    .map_err(|NoMemory| HangUp::NoMemory)
                    .and_then(|update| backlog.hold(update, config.flow_removed_count))
            }
            kind => backlog.mark(change.slot(), kind),
        };
        if let Err(why) = noted {
            self.hang_up(why);
        }
    }

    /// Adds a change to the message in the making, in full or in short.
    fn tell(&mut self, change: &FlowChange<'_>, flags: FlowMonitorFlags, author: Option<Author>) {
        let is_done_by_flow_mod = !change.is_evicted()
            && !matches!(
                change.kind(),
                FlowChangeKind::Removed(reason) if reason != FlowRemovedReason::Delete
            );
        match author.filter(|_| is_done_by_flow_mod && !flags.contains(FlowMonitorFlags::OWN)) {
            None => match change.update(flags.contains(FlowMonitorFlags::ACTIONS)) {
                Ok(update) => self.add_update(&update),
                Err(NoMemory) => self.hang_up(HangUp::NoMemory),
            },
            Some(author) if self.monitors.abbreviated == Some(author.xid) => {}
            Some(author) => {
                self.monitors.abbreviated = Some(author.xid);
                self.add_update(&FlowUpdate::Abbreviated { xid: author.xid });
            }
        }
    }

    fn add_update(&mut self, update: &FlowUpdate) {
        let mut bytes = Vec::new();
        match update.encode(&mut bytes) {
            Ok(()) => self.add_encoded_update(&bytes),
            Err(EncodeError::NoMemory) => self.hang_up(HangUp::NoMemory),
            Err(_) => {}
        }
    }

    /// Adds an update to the message in the making; one that is full is queued before.
    fn add_encoded_update(&mut self, update: &[u8]) {
        if self.monitors.message.len().saturating_add(update.len()) > PART_LEN {
            self.queue_flow_updates();
        }
        let message = &mut self.monitors.message;
        let is_new = message.is_empty();
        if message.try_reserve(update.len().saturating_add(64)).is_err() {
            return self.hang_up(HangUp::NoMemory);
        }
        if is_new {
            let body = MultipartReplyBody::FlowMonitor(Vec::new());
            let reply = MultipartReply { flags: MultipartFlags::empty(), body };
            if Message::MultipartReply(reply).encode(0, message).is_err() {
                return self.hang_up(HangUp::NoMemory);
            }
        }
        message.extend_from_slice(update);
    }

    /// Queues the message in the making.
    fn queue_flow_updates(&mut self) {
        let mut message = core::mem::take(&mut self.monitors.message);
        if message.is_empty() || self.is_over() {
            return;
        }
        let len = u16::try_from(message.len()).unwrap_or(u16::MAX);
        if let Some(place) = message.get_mut(2..4) {
            place.copy_from_slice(&len.to_be_bytes());
        }
        if self.out.push(&message).is_err() {
            self.hang_up(HangUp::NoMemory);
        }
        message.clear();
        // Shrinking may need memory.
        if message.capacity() <= MESSAGE_KEEP && !self.is_over() {
            self.monitors.message = message;
        }
    }

    /// Queues what has been told together.
    fn end_flow_updates(&mut self, config: &DeviceConfig) {
        self.queue_flow_updates();
        self.bound(config);
    }

    fn tell_pause(&mut self, is_paused: bool) {
        let message =
            if is_paused { Message::FlowMonitorPaused } else { Message::FlowMonitorResumed };
        self.reply_message(16, 0, &message);
    }

    /// Tells what waits, as far as there is room.
    fn continue_backlog(&mut self, core: &Core) {
        let soft = core.config.reply_len_soft;
        if self.dump.is_some() || self.out.control_len() >= soft.div_ceil(2) {
            return;
        }
        let Some(mut backlog) = self.monitors.backlog.take() else { return };
        let tables = &core.switch.tables;
        while !self.is_over()
            && self.out.control_len().saturating_add(self.monitors.message.len()) < soft
        {
            match backlog.next() {
                None => break,
                Some(Waiting::Removed(update)) => self.add_encoded_update(&update),
                Some(Waiting::Entry(slot, kind)) => {
                    let with_instructions = self.monitors.wants_instructions(tables, slot);
                    if let Some(change) = tables.flow_change(slot, kind) {
                        match change.update(with_instructions) {
                            Ok(update) => self.add_update(&update),
                            Err(NoMemory) => self.hang_up(HangUp::NoMemory),
                        }
                    }
                }
            }
        }
        self.queue_flow_updates();
        if self.is_over() {
            return;
        }
        if !backlog.is_empty() {
            self.monitors.backlog = Some(backlog);
        } else if backlog.is_paused {
            self.tell_pause(false);
        }
    }
}
