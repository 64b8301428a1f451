//! What waits to be read from one channel: whole OpenFlow messages in the order they were made.
//!
//! # What
//!
//! One FIFO for everything that the switch says on a channel. Order is the order of events, so a
//! packet-in that a packet-out caused stands before the reply to the barrier that follows it.
//!
//! # Design
//!
//! A byte buffer with a head; a message's own header says where it ends. Two accounts are kept over
//! the one buffer, because two kinds of message have two kinds of bound: *packet-ins*, which any
//! host on any port can cause and which may be dropped, and everything else (*control*), which may
//! not. Only control bytes count for back-pressure, so a host that floods packet-ins never stops
//! the channel from being read.
//!
//! A port-status that nobody has read yet is brought up to date in place when the port changes
//! again: a flapping port costs 80 bytes of a slow reader's queue, and what it reads is the
//! port's state of now.
//!
//! A *reserve* of [`RESERVE`] bytes is made sure of before a request is taken, so that its answer is not
//! lost for want of memory: two errors that quote 64 bytes (a bundle's end and the message that it failed
//! by), or any reply of a fixed length. What has been read makes room for it, so a queue that is read always has it.
//!
//! # What it costs
//!
//! One copy in, one copy out, amortised one more when the buffer is moved down. An idle queue keeps
//! at most [`KEEP`] bytes.
//!
//! # What it does not do
//!
//! It refuses nothing: the bounds are applied by the channel, which knows what to do then.

use alloc::vec::Vec;

use ofp_codec::{EncodeError, HEADER_LEN, MessageType, PortReason};

use crate::error::DeviceError;

/// Bytes of a port-status message (§7.4.3).
const PORT_STATUS_LEN: usize = 80;
/// Bytes that the answer to a request may take without memory.
const RESERVE: usize = 160;
/// Capacity that an empty queue keeps for the next message.
const KEEP: usize = 64 * 1024;

const TYPE_PACKET_IN: u8 = MessageType::PacketIn as u8;
const TYPE_PORT_STATUS: u8 = MessageType::PortStatus as u8;

const REASON_ADD: u8 = PortReason::Add as u8;
const REASON_DELETE: u8 = PortReason::Delete as u8;
const REASON_MODIFY: u8 = PortReason::Modify as u8;

/// Messages waiting for the reader of one channel.
#[derive(Debug, Default)]
pub(crate) struct OutQueue {
    buffer: Vec<u8>,
    /// First unread byte of `buffer`.
    head: usize,
    /// Bytes ever read: the stream offset of `head`.
    read_total: u64,
    /// What is left of a message that a read ended inside of; 0 at a message boundary.
    continued: usize,
    continued_is_packet_in: bool,
    packet_in_count: usize,
    packet_in_len: usize,
    /// Unread port-status messages: port and stream offset, sorted by port.
    port_status: Vec<(u32, u64)>,
    /// There was no memory for the reserve, and nothing was read since.
    is_short: bool,
}

impl OutQueue {
    /// Bytes that reads will return.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len().saturating_sub(self.head)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all messages but packet-ins.
    pub(crate) fn control_len(&self) -> usize {
        self.len().saturating_sub(self.packet_in_len)
    }

    /// Packet-ins of which at least one byte is unread.
    pub(crate) fn packet_in_count(&self) -> usize {
        self.packet_in_count
    }

    /// Unread bytes of packet-ins.
    pub(crate) fn packet_in_len(&self) -> usize {
        self.packet_in_len
    }

    /// Whether the reader has to read before there is a reserve again.
    pub(crate) fn is_short(&self) -> bool {
        self.is_short
    }

    /// Makes sure of the reserve; without memory for it the queue is [short](Self::is_short).
    #[inline]
    pub(crate) fn keep_reserve(&mut self) -> Result<(), DeviceError> {
        match self.buffer.capacity().saturating_sub(self.buffer.len()) >= RESERVE {
            true => Ok(()),
            false => self.make_reserve(),
        }
    }

    #[cold]
    fn make_reserve(&mut self) -> Result<(), DeviceError> {
        let made = self.make_room(RESERVE);
        self.is_short = made.is_err();
        made
    }

    /// Appends what `encode` writes: one whole message of about `expected_len` bytes. A message
    /// whose header does not fit its length is taken back.
    ///
    /// # Errors
    ///
    /// [`DeviceError::NoMemory`]: nothing was appended.
    pub(crate) fn append(
        &mut self,
        expected_len: usize,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), DeviceError> {
        self.make_room(expected_len)?;
        let start = self.buffer.len();
        if encode(&mut self.buffer) == Err(EncodeError::NoMemory) {
            self.buffer.truncate(start);
            return Err(DeviceError::NoMemory);
        }
        let (kind, len) = match self.buffer.get(start..).and_then(header) {
            Some((kind, len)) if start.saturating_add(len) == self.buffer.len() => (kind, len),
            _ => {
                self.buffer.truncate(start);
                return Ok(());
            }
        };
        if kind == TYPE_PACKET_IN {
            self.packet_in_count = self.packet_in_count.saturating_add(1);
            self.packet_in_len = self.packet_in_len.saturating_add(len);
        }
        Ok(())
    }

    /// Appends the bytes of one whole message.
    ///
    /// # Errors
    ///
    /// [`DeviceError::NoMemory`]: nothing was appended.
    pub(crate) fn push(&mut self, message: &[u8]) -> Result<(), DeviceError> {
        self.append(message.len(), |buffer| {
            // There is room for it.
            buffer.extend_from_slice(message);
            Ok(())
        })
    }

    /// The same for a message that can be done without: it leaves the reserve as it is.
    ///
    /// # Errors
    ///
    /// [`DeviceError::NoMemory`]: nothing was appended.
    pub(crate) fn push_beside_reserve(&mut self, message: &[u8]) -> Result<(), DeviceError> {
        self.make_room(message.len().saturating_add(RESERVE))?;
        self.push(message)
    }

    /// Appends a port-status, or brings the unread one of the same port up to date.
    ///
    /// # Errors
    ///
    /// [`DeviceError::NoMemory`]: nothing was appended.
    pub(crate) fn push_port_status(&mut self, message: &[u8]) -> Result<(), DeviceError> {
        let Some(port) = port_of(message) else { return self.push(message) };
        let place = self.port_status.binary_search_by_key(&port, |&(port, _)| port);
        if let Ok(at) = place {
            let offset = self.port_status.get(at).map_or(0, |&(_, offset)| offset);
            if self.replace_port_status(offset, message) {
                return Ok(());
            }
        }
        let offset = self.read_total.saturating_add(self.len() as u64);
        if place.is_err() && self.port_status.try_reserve(1).is_err() {
            return Err(DeviceError::NoMemory);
        }
        self.push(message)?;
        match place {
            Ok(at) => {
                if let Some(entry) = self.port_status.get_mut(at) {
                    entry.1 = offset;
                }
            }
            Err(at) => self.port_status.insert(at, (port, offset)),
        }
        Ok(())
    }

    /// Copies as many whole messages as fit into `into`; when not even the first fits, as much of
    /// it as does, and the next read goes on there. Returns bytes copied.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> usize {
        let mut copied: usize = 0;
        while copied < into.len() {
            let (kind_is_packet_in, left) = match self.continued {
                0 => match self.buffer.get(self.head..).and_then(header) {
                    Some((kind, len)) => (kind == TYPE_PACKET_IN, len),
                    None => break,
                },
                left => (self.continued_is_packet_in, left),
            };
            let room = into.len().saturating_sub(copied);
            if left > room && copied > 0 {
                break;
            }
            let part = left.min(room);
            let end = self.head.saturating_add(part);
            let (Some(from), Some(to)) = (
                self.buffer.get(self.head..end),
                into.get_mut(copied..copied.saturating_add(part)),
            ) else {
                break;
            };
            to.copy_from_slice(from);
            copied = copied.saturating_add(part);
            self.head = end;
            self.continued = left.saturating_sub(part);
            self.continued_is_packet_in = kind_is_packet_in;
            if kind_is_packet_in {
                self.packet_in_len = self.packet_in_len.saturating_sub(part);
                if self.continued == 0 {
                    self.packet_in_count = self.packet_in_count.saturating_sub(1);
                }
            }
        }
        self.read_total = self.read_total.saturating_add(copied as u64);
        if !self.port_status.is_empty() {
            let read_total = self.read_total;
            self.port_status.retain(|&(_, offset)| offset >= read_total);
        }
        self.is_short = self.is_short && copied == 0;
        if self.is_empty() {
            if self.buffer.capacity() > KEEP {
                let mut small = Vec::new();
                // Without memory for a small one the large one stays.
                if small.try_reserve_exact(RESERVE).is_ok() {
                    self.buffer = small;
                }
            }
            self.buffer.clear();
            self.head = 0;
        }
        copied
    }

    /// Makes room for `more` bytes: moves the unread bytes down once they are the smaller half, or
    /// where memory is short.
    ///
    /// # Errors
    ///
    /// [`DeviceError::NoMemory`].
    pub(crate) fn make_room(&mut self, more: usize) -> Result<(), DeviceError> {
        if self.head > 0 && self.head >= self.len() {
            self.move_down();
        }
        if self.buffer.try_reserve(more).is_ok() {
            return Ok(());
        }
        self.move_down();
        match self.buffer.capacity().saturating_sub(self.buffer.len()) >= more {
            true => Ok(()),
            false => Err(DeviceError::NoMemory),
        }
    }

    fn move_down(&mut self) {
        self.buffer.drain(..self.head);
        self.head = 0;
    }

    /// Puts `message` in the place of the unread port-status at stream offset `offset`.
    fn replace_port_status(&mut self, offset: u64, message: &[u8]) -> bool {
        let Some(start) = offset
            .checked_sub(self.read_total)
            .and_then(|ahead| usize::try_from(ahead).ok())
            .and_then(|ahead| ahead.checked_add(self.head))
        else {
            return false;
        };
        let Some(old) = self.buffer.get_mut(start..start.saturating_add(PORT_STATUS_LEN)) else {
            return false;
        };
        let (Some(&before), Some(&after)) = (old.get(HEADER_LEN), message.get(HEADER_LEN)) else {
            return false;
        };
        if old.len() != message.len() {
            return false;
        }
        old.copy_from_slice(message);
        if let Some(reason) = old.get_mut(HEADER_LEN) {
            *reason = coalesced_reason(before, after);
        }
        true
    }
}

/// The one reason that tells a reader of the second event alone what became of the port.
fn coalesced_reason(before: u8, after: u8) -> u8 {
    match (before, after) {
        (_, REASON_DELETE) => REASON_DELETE,
        (REASON_ADD, _) => REASON_ADD,
        // After a removal: it went and came back, so for the reader it never went, but it may
        // have changed.
        _ => REASON_MODIFY,
    }
}

/// Type and length of the message that `bytes` begin with, when it is whole.
fn header(bytes: &[u8]) -> Option<(u8, usize)> {
    let &[_, kind, high, low, ..] = bytes else { return None };
    let len = usize::from(u16::from_be_bytes([high, low]));
    (len >= HEADER_LEN && len <= bytes.len()).then_some((kind, len))
}

/// The port number in a port-status message.
fn port_of(message: &[u8]) -> Option<u32> {
    let port = message.get(16..20)?;
    (message.len() == PORT_STATUS_LEN && message.get(1) == Some(&TYPE_PORT_STATUS))
        .then(|| port.try_into().ok().map(u32::from_be_bytes))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, len: usize, fill: u8) -> Vec<u8> {
        let mut bytes = alloc::vec![fill; len];
        let [high, low] = (len as u16).to_be_bytes();
        bytes[..4].copy_from_slice(&[4, kind, high, low]);
        bytes
    }

    fn port_status(port: u32, reason: u8, fill: u8) -> Vec<u8> {
        let mut bytes = message(TYPE_PORT_STATUS, PORT_STATUS_LEN, fill);
        bytes[8] = reason;
        bytes[16..20].copy_from_slice(&port.to_be_bytes());
        bytes
    }

    #[test]
    fn reads_whole_messages_only_and_continues_a_larger_one() {
        let mut queue = OutQueue::default();
        queue.push(&message(3, 10, 1)).unwrap();
        queue.push(&message(3, 20, 2)).unwrap();
        queue.push(&message(3, 100, 3)).unwrap();
        let mut buf = [0; 31];
        assert_eq!(queue.read(&mut buf), 30, "two whole messages, the third stays");
        assert_eq!(queue.len(), 100);
        assert_eq!(queue.read(&mut buf), 31, "larger than the buffer: a part of it");
        assert_eq!(queue.read(&mut buf), 31);
        assert_eq!(queue.read(&mut buf), 31);
        queue.push(&message(3, 20, 4)).unwrap();
        assert_eq!(queue.read(&mut buf), 27, "the end of the third and the fourth");
        assert!(queue.is_empty());
        assert_eq!(queue.read(&mut buf), 0);
    }

    #[test]
    fn two_accounts_over_one_order() {
        let mut queue = OutQueue::default();
        queue.push(&message(TYPE_PACKET_IN, 50, 1)).unwrap();
        queue.push(&message(21, 8, 0)).unwrap();
        assert_eq!(
            (queue.packet_in_count(), queue.packet_in_len(), queue.control_len()),
            (1, 50, 8)
        );
        let mut byte = [0];
        for left in (0..50).rev() {
            assert_eq!(queue.read(&mut byte), 1);
            assert_eq!(queue.packet_in_len(), left);
            assert_eq!(queue.packet_in_count(), usize::from(left > 0));
            assert_eq!(queue.control_len(), 8);
        }
        let mut buf = [0; 64];
        assert_eq!(queue.read(&mut buf), 8);
        assert_eq!(buf[1], 21);
    }

    #[test]
    fn a_flapping_port_takes_one_place() {
        let mut queue = OutQueue::default();
        queue.push_port_status(&port_status(7, REASON_MODIFY, 1)).unwrap();
        queue.push_port_status(&port_status(8, REASON_ADD, 1)).unwrap();
        for fill in 0..100 {
            queue.push_port_status(&port_status(7, fill % 3, fill)).unwrap();
            queue.push_port_status(&port_status(8, REASON_MODIFY, fill)).unwrap();
        }
        assert_eq!(queue.len(), 2 * PORT_STATUS_LEN);
        let mut buf = [0; 200];
        assert_eq!(queue.read(&mut buf), 160);
        assert_eq!((buf[8], buf[79]), (REASON_MODIFY, 99), "it went, came back and changed");
        assert_eq!((buf[88], buf[159]), (REASON_ADD, 99), "the reader has not heard of it yet");
        queue.push_port_status(&port_status(7, REASON_DELETE, 5)).unwrap();
        assert_eq!(queue.len(), PORT_STATUS_LEN, "a read one is not replaced");
    }

    #[test]
    fn a_port_status_that_is_being_read_is_not_changed() {
        let mut queue = OutQueue::default();
        queue.push_port_status(&port_status(7, REASON_MODIFY, 1)).unwrap();
        let mut byte = [0];
        queue.read(&mut byte);
        queue.push_port_status(&port_status(7, REASON_MODIFY, 2)).unwrap();
        assert_eq!(queue.len(), 79 + 80);
        let mut buf = [0; 200];
        assert_eq!(queue.read(&mut buf), 159);
        assert_eq!((buf[78], buf[158]), (1, 2));
    }

    #[test]
    fn the_buffer_does_not_grow_with_the_stream() {
        let mut queue = OutQueue::default();
        let mut buf = [0; 100];
        queue.push(&message(3, 60, 0)).unwrap();
        for _ in 0..10_000 {
            queue.push(&message(3, 60, 0)).unwrap();
            assert_eq!(queue.read(&mut buf), 60);
        }
        assert!(queue.buffer.capacity() <= 4096, "{}", queue.buffer.capacity());
    }

    #[test]
    fn what_has_been_read_is_room_for_the_reserve() {
        let mut queue = OutQueue::default();
        queue.keep_reserve().unwrap();
        let capacity = queue.buffer.capacity();
        queue.push(&message(3, 100, 0)).unwrap();
        queue.push(&message(3, capacity - 100, 0)).unwrap();
        assert_eq!(queue.buffer.capacity(), capacity, "all of it was taken");
        assert_eq!(queue.read(&mut [0; 100]), 100);
        queue.move_down();
        assert_eq!(queue.read(&mut [0; 1000]), capacity - 100);
        queue.keep_reserve().unwrap();
        assert_eq!(queue.buffer.capacity(), capacity, "nothing new was asked for");
    }

    #[test]
    fn a_broken_message_is_taken_back() {
        let mut queue = OutQueue::default();
        for message in [&[4, 3, 0, 9, 0, 0, 0, 0][..], &[4, 3, 0, 7, 0, 0, 0]] {
            queue.push(message).unwrap();
        }
        assert!(queue.is_empty());
    }
}
