//! The event queue: everything that will happen in the network, ordered by time and, at one time,
//! by the order in which it was put in. That second key is what makes a run repeat itself.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hypercall::Nanos;

use crate::link::{Direction, LinkId};
use crate::{ControllerId, HostId, SwitchId};

/// Something that happens at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The oldest frame under way on a link reaches its end.
    Arrival(LinkId, Direction),
    /// A host's stack has something to do.
    Host(HostId),
    /// A switch has a timeout to handle.
    Switch(SwitchId),
    /// A queue of a switch's port may send.
    Queues(SwitchId),
    /// The oldest piece of a channel's stream reaches its end.
    Channel(usize, ChannelEnd),
    /// A scripted controller asked to be woken.
    Controller(ControllerId),
}

/// Which end of a scripted controller's channel a piece of the stream goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChannelEnd {
    /// To the controller.
    Controller,
    /// To the switch.
    Switch,
}

/// Events by time, then by order of insertion.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    heap: BinaryHeap<Reverse<Entry>>,
    sequence: u64,
}

#[derive(Debug)]
struct Entry {
    at: Nanos,
    sequence: u64,
    event: Event,
}

impl EventQueue {
    pub(crate) fn push(&mut self, at: Nanos, event: Event) {
        self.sequence += 1;
        self.heap.push(Reverse(Entry { at, sequence: self.sequence, event }));
    }

    /// The next event, left where it is.
    pub(crate) fn peek(&self) -> Option<(Nanos, Event)> {
        self.heap.peek().map(|Reverse(entry)| (entry.at, entry.event))
    }

    pub(crate) fn pop(&mut self) -> Option<(Nanos, Event)> {
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.sequence == other.sequence
    }
}

impl Eq for Entry {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_first_then_order_of_insertion() {
        let mut queue = EventQueue::default();
        let host = |n| Event::Host(HostId(n));
        queue.push(Nanos(20), host(1));
        queue.push(Nanos(10), host(2));
        queue.push(Nanos(20), host(3));
        queue.push(Nanos(10), host(4));
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        let at = [(10, 2), (10, 4), (20, 1), (20, 3)];
        assert_eq!(order, at.map(|(at, n)| (Nanos(at), host(n))));
    }
}
