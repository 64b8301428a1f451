//! What happens for third parties: packet-ins, removed flow entries, changed ports, on their way
//! from the tables and the worker to the channels that want them.
//!
//! A message is encoded once and copied to each channel. Three kinds, three ways not to lose what
//! must not be lost nor keep what cannot be kept: a port's state is brought up to date in the queue;
//! removals wait in the tables while every channel that wants them is behind; packet-ins wait in
//! the worker's queue, which is fair by ingress port and drops there.

use alloc::vec::Vec;

use datapath::{Punt, Switch};
use hypercall::Port;
use ofp_codec::{EncodeError, Message};

use crate::HangUp;
use crate::async_filter::Notice;
use crate::channel::Channel;
use crate::device::{Core, Device};

/// Removals that one call tells.
const REMOVED_MAX: usize = 1024;
/// Capacity that the buffer of notices keeps.
const NOTICE_KEEP: usize = 4096;

impl Device {
    /// Hands news and packet-ins to the channels that want them.
    pub(crate) fn deliver(&mut self) {
        self.deliver_flow_changes(None);
        let Switch { tables, worker, .. } = &self.core.switch;
        if worker.punt_count() == 0
            && !tables.has_news()
            && tables.lost_news_count() == self.core.lost_news
        {
            return;
        }
        self.deliver_port_status();
        self.deliver_flow_removed();
        self.deliver_packet_ins();
        self.count_the_slow();
    }

    fn deliver_port_status(&mut self) {
        while let Some(status) = self.core.switch.tables.next_port_status() {
            let notice = Notice::PortStatus(status.reason);
            let is_told = self.core.encode_notice(&Message::PortStatus(status));
            for channel in self.channels.iter_mut().filter(|channel| channel.wants(notice)) {
                match is_told {
                    true => channel.port_status(&self.core.config, &self.core.notice),
                    false => channel.hang_up(HangUp::NoMemory),
                }
            }
        }
    }

    /// Hangs up where news was lost, and counts the channels that were too slow for theirs.
    pub(crate) fn count_the_slow(&mut self) {
        let lost = self.core.switch.tables.lost_news_count();
        if lost != self.core.lost_news {
            self.core.lost_news = lost;
            let listeners = self.channels.iter_mut().filter(|channel| channel.wants_flow_removed());
            listeners.for_each(|channel| channel.hang_up(HangUp::NoMemory));
        }
        let mut changed = false;
        for channel in self.channels.iter_mut().filter(|channel| channel.is_new_loss()) {
            channel.is_counted = true;
            self.core.counters.too_slow = self.core.counters.too_slow.wrapping_add(1);
            changed = true;
        }
        if changed {
            self.settle();
        }
    }

    /// Removals wait in the tables while every channel that could want them is behind, so that a
    /// controller that deletes a million entries is not hung up on for its own doing. They do not
    /// wait for the slowest: one that reads gets them at its pace, and one that does not comes to
    /// its bound.
    fn deliver_flow_removed(&mut self) {
        for _ in 0..REMOVED_MAX {
            if !self.can_tell_removed() {
                return;
            }
            let tables = &mut self.core.switch.tables;
            let Some(removed) = tables.next_flow_removed() else { return };
            let notice = Notice::FlowRemoved(removed.reason);
            if !self.channels.iter().any(|channel| channel.wants(notice)) {
                continue;
            }
            let is_told = self.core.encode_notice(&Message::FlowRemoved(removed));
            for channel in self.channels.iter_mut().filter(|channel| channel.wants(notice)) {
                match is_told {
                    true => channel.flow_removed(&self.core.config, &self.core.notice),
                    false => channel.hang_up(HangUp::NoMemory),
                }
            }
        }
    }

    /// Whether a removal waits that can be told, or that nobody wants to hear of.
    pub(crate) fn can_tell_removed(&self) -> bool {
        let (config, count) = (&self.core.config, self.core.switch.tables.flow_removed_count());
        if count == 0 {
            return false;
        }
        let mut listeners =
            self.channels.iter().filter(|channel| channel.wants_flow_removed()).peekable();
        let all_behind = listeners.peek().is_some()
            && listeners.all(|channel| channel.out.control_len() >= config.reply_len_soft);
        count > config.flow_removed_count || !all_behind
    }

    /// Packet-ins stay in the worker's queue, which is fair by ingress port and drops there, while
    /// no channel that listens has room.
    fn deliver_packet_ins(&mut self) {
        while self.takes_packet_ins() {
            let Some(punt) = self.core.switch.worker.next_punt() else { return };
            self.deliver_packet_in(punt);
        }
    }

    /// Whether a packet-in would find room, or nobody to want it.
    pub(crate) fn takes_packet_ins(&self) -> bool {
        let config = &self.core.config;
        let mut listeners = self
            .channels
            .iter()
            .filter(|channel| channel.wants_packet_ins() && self.carries_packet_ins(channel))
            .peekable();
        listeners.peek().is_none()
            || listeners.any(|channel| channel.has_room_for_packet_ins(config))
    }

    /// Hands a packet to the channels that want it.
    pub(crate) fn deliver_packet_in(&mut self, punt: Punt) {
        let notice = Notice::PacketIn(punt.packet_in.reason);
        if !self.channels.iter().any(|channel| channel.wants(notice)) {
            let count = &mut self.core.counters.unwanted_packet_ins;
            *count = count.wrapping_add(1);
            return;
        }
        // Without memory each channel that it was for counts it as dropped.
        let is_told = self.core.encode_notice(&Message::PacketIn(punt.packet_in));
        for at in 0..self.channels.len() {
            let is_carrier = self.is_carrier(at, notice, punt.in_port);
            if let Some(channel) = self.channels.get_mut(at).filter(|_| is_carrier) {
                match is_told {
                    true => channel.packet_in(&self.core.config, &self.core.notice),
                    false => channel.packet_in_dropped(),
                }
            }
        }
    }

    /// The auxiliary connections of a connection's controller that are up.
    fn auxiliaries(&self, channel: &Channel) -> impl Iterator<Item = &Channel> + Clone {
        let main = channel.main_id();
        self.channels.iter().filter(move |other| {
            other.auxiliary.is_some() && other.main_id() == main && other.wants_packet_ins()
        })
    }

    /// Whether packet-ins of its controller may come by this connection: by the main one only where
    /// there is no other.
    fn carries_packet_ins(&self, channel: &Channel) -> bool {
        channel.auxiliary.is_some() || self.auxiliaries(channel).next().is_none()
    }

    /// Whether a packet-in from this port goes to its controller by this connection. One port's go by
    /// one connection, and keep their order.
    fn is_carrier(&self, at: usize, notice: Notice, in_port: Port) -> bool {
        let Some(channel) = self.channels.get(at).filter(|channel| channel.wants(notice)) else {
            return false;
        };
        let mut auxiliaries = self.auxiliaries(channel);
        match (in_port.0 as usize).checked_rem(auxiliaries.clone().count()) {
            Some(number) => auxiliaries.nth(number).is_some_and(|one| one.id == channel.id),
            None => channel.auxiliary.is_none(),
        }
    }
}

impl Core {
    /// Encodes an asynchronous message once for all channels that want it.
    fn encode_notice(&mut self, message: &Message) -> bool {
        if self.notice.capacity() > NOTICE_KEEP {
            self.notice = Vec::new();
        }
        self.notice.clear();
        message.encode(0, &mut self.notice) != Err(EncodeError::NoMemory)
    }
}
