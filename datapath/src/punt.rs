//! Packets on their way to the controllers: a bounded queue, fair by ingress port.
//!
//! A packet that is punted is copied, whole, into memory of its own; the queue holds a bounded
//! number of packets and bytes. When it is full the port with the most packets waiting loses its
//! newest: a port that floods the controllers displaces itself, not the others. Ports take turns
//! when the queue is read. Only punted packets cost memory, and it is asked for fallibly.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use hypercall::{Frame, Port, VecFrame};
use ofp_codec::{Match, NO_BUFFER, Oxm, OxmField, PacketIn, TableId};

use crate::execute::{FRAME_MIN, Origin};
use crate::meters::remarked;
use crate::packet::Packet;
use crate::rewrite;

/// Bytes that a packet-in can have behind its header, beside the two in front of the frame: those of
/// its match and of the frame.
const BODY_MAX: usize = 65_535 - 24 - 2;

/// A packet for the controllers, to be offered to each channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Punt {
    /// The message, the whole frame in it.
    pub packet_in: PacketIn,
    /// The port that the packet came from.
    pub in_port: Port,
}

/// Punted packets that wait.
#[derive(Debug)]
pub(crate) struct PuntQueue {
    ports: Vec<Waiting>,
    /// Whose turn it is.
    turn: usize,
    count: usize,
    bytes: usize,
    count_max: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Waiting {
    port: Port,
    punts: VecDeque<Punt>,
}

impl PuntQueue {
    pub(crate) fn new(count_max: u32, bytes_max: u32) -> PuntQueue {
        PuntQueue {
            ports: Vec::new(),
            turn: 0,
            count: 0,
            bytes: 0,
            count_max: count_max as usize,
            bytes_max: bytes_max as usize,
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Queues a copy of the packet as it is now, its checksum completed and the drop precedence of
    /// its DSCP raised by `levels`. `Err` says how many packets had to go for want of room or memory:
    /// this one, or some that waited.
    pub(crate) fn push<F: Frame>(
        &mut self,
        packet: &Packet<F>,
        origin: Origin,
        is_popped: bool,
        levels: u8,
    ) -> Result<(), u64> {
        let mut lost = 0_u64;
        let len = packet.frame.len();
        let len = if is_popped { len.max(FRAME_MIN) } else { len };
        if len > self.bytes_max {
            return Err(1);
        }
        while self.count >= self.count_max || self.bytes.saturating_add(len) > self.bytes_max {
            if !self.displace(packet.in_port) {
                return Err(lost.saturating_add(1));
            }
            lost = lost.saturating_add(1);
        }
        let Ok(punt) = punt(packet, origin, len, levels) else {
            return Err(lost.saturating_add(1));
        };
        let bytes = punt.packet_in.data.len();
        if self.enqueue(punt).is_err() {
            return Err(lost.saturating_add(1));
        }
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
        if lost == 0 { Ok(()) } else { Err(lost) }
    }

    /// Drops the newest packet of the port that has the most waiting, if that is more than `port`
    /// has; whether it did.
    fn displace(&mut self, port: Port) -> bool {
        let own = self.waiting(port);
        let longest = self.ports.iter().enumerate().max_by_key(|(_, waiting)| waiting.punts.len());
        let Some(at) = longest.filter(|(_, waiting)| waiting.punts.len() > own).map(|(at, _)| at)
        else {
            return false;
        };
        let lost = self.ports.get_mut(at).and_then(|waiting| waiting.punts.pop_back());
        self.forget_if_empty(at);
        match lost {
            Some(lost) => {
                self.forget(&lost);
                true
            }
            None => false,
        }
    }

    /// The next packet; ports take turns.
    pub(crate) fn pop(&mut self) -> Option<Punt> {
        self.turn = if self.turn < self.ports.len() { self.turn } else { 0 };
        let punt = self.ports.get_mut(self.turn)?.punts.pop_front();
        if !self.forget_if_empty(self.turn) {
            self.turn = self.turn.saturating_add(1);
        }
        let punt = punt?;
        self.forget(&punt);
        Some(punt)
    }

    /// Forgets the port at `at` if nothing of it waits: every port in the list has a packet.
    fn forget_if_empty(&mut self, at: usize) -> bool {
        let is_empty = self.ports.get(at).is_some_and(|waiting| waiting.punts.is_empty());
        if is_empty {
            self.ports.swap_remove(at);
        }
        is_empty
    }

    fn forget(&mut self, punt: &Punt) {
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(punt.packet_in.data.len());
    }

    fn waiting(&self, port: Port) -> usize {
        let waiting = self.ports.iter().find(|waiting| waiting.port == port);
        waiting.map_or(0, |waiting| waiting.punts.len())
    }

    fn enqueue(&mut self, punt: Punt) -> Result<(), ()> {
        if let Some(waiting) = self.ports.iter_mut().find(|w| w.port == punt.in_port) {
            waiting.punts.try_reserve(1).map_err(|_| ())?;
            waiting.punts.push_back(punt);
            return Ok(());
        }
        let mut punts = VecDeque::new();
        punts.try_reserve(1).map_err(|_| ())?;
        self.ports.try_reserve(1).map_err(|_| ())?;
        let port = punt.in_port;
        punts.push_back(punt);
        self.ports.push(Waiting { port, punts });
        Ok(())
    }
}

/// The packet as a message: the bytes, and what cannot be read from them.
fn punt<F: Frame>(packet: &Packet<F>, origin: Origin, len: usize, levels: u8) -> Result<Punt, ()> {
    let mut data = Vec::new();
    data.try_reserve_exact(len).map_err(|_| ())?;
    data.resize(len, 0);
    let read = data.get_mut(..packet.frame.len()).ok_or(())?;
    if !packet.frame.read_at(0, read) {
        return Err(());
    }
    if packet.meta.offload.is_partial() || levels != 0 {
        // The packet itself keeps the work for whoever sends it, and its code point.
        let frame = VecFrame::from_buffer(data, 0);
        let mut copy = Packet::new(frame, packet.in_port, packet.meta);
        if let Some(dscp) = remarked(&mut copy, levels) {
            let _ = rewrite::set_field(&mut copy, OxmField::IpDscp, dscp);
        }
        // What cannot be completed is sent as it is.
        let _ = rewrite::complete_checksum(&mut copy);
        (data, _) = copy.frame.into_buffer();
    }
    let matching = context(packet).ok_or(())?;
    let tlv_len = |oxm: &Oxm| usize::from(oxm.field.info().len).saturating_add(4);
    let match_len = matching.fields().iter().map(tlv_len).fold(4, usize::saturating_add);
    data.truncate(BODY_MAX.saturating_sub(match_len.next_multiple_of(8)));
    let packet_in = PacketIn {
        buffer_id: NO_BUFFER,
        total_len: u16::try_from(len).unwrap_or(u16::MAX),
        reason: origin.reason,
        table_id: TableId(origin.table_id),
        cookie: origin.cookie,
        matching,
        data,
    };
    Ok(Punt { packet_in, in_port: packet.in_port })
}

/// IN_PORT; IN_PHY_PORT where it differs; METADATA and TUNNEL_ID where they are not 0 (§7.4.1).
fn context<F>(packet: &Packet<F>) -> Option<Match> {
    let mut matching = Match::any();
    let in_port = u128::from(packet.in_port.0);
    matching.push(Oxm::new(OxmField::InPort, in_port)).ok()?;
    let fields = [
        (OxmField::InPhyPort, u128::from(packet.in_phy_port().0), in_port),
        (OxmField::Metadata, u128::from(packet.metadata), 0),
        (OxmField::TunnelId, u128::from(packet.meta.tunnel_id), 0),
    ];
    for (field, value, unsaid) in fields {
        if value != unsaid {
            matching.push(Oxm::new(field, value)).ok()?;
        }
    }
    Some(matching)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hypercall::Meta;
    use ofp_codec::PacketInReason;

    fn origin() -> Origin {
        Origin { table_id: 3, cookie: 9, reason: PacketInReason::Action, is_packet_out: false }
    }

    fn packet(port: u32, fill: u8) -> Packet<VecFrame> {
        Packet::new(VecFrame::from_bytes(&[fill; 60]), Port(port), Meta::default())
    }

    #[test]
    fn a_flooding_port_displaces_itself() {
        let mut queue = PuntQueue::new(4, 10_000);
        for fill in 0..10 {
            let result = queue.push(&packet(1, fill), origin(), false, 0);
            assert_eq!(result.is_ok(), fill < 4);
        }
        // Another port gets in, at the cost of the flooding one's newest.
        assert_eq!(queue.push(&packet(2, 77), origin(), false, 0), Err(1));
        assert_eq!(queue.count(), 4);
        let order: Vec<(u32, u8)> = core::iter::from_fn(|| queue.pop())
            .map(|punt| (punt.in_port.0, punt.packet_in.data[0]))
            .collect();
        assert_eq!(order, [(1, 0), (2, 77), (1, 1), (1, 2)]);
        assert_eq!((queue.count, queue.bytes), (0, 0));
    }

    #[test]
    fn bytes_are_bounded() {
        let mut queue = PuntQueue::new(100, 150);
        assert!(queue.push(&packet(1, 0), origin(), false, 0).is_ok());
        assert!(queue.push(&packet(1, 1), origin(), false, 0).is_ok());
        assert!(queue.push(&packet(1, 2), origin(), false, 0).is_err());
        assert_eq!(queue.bytes, 120);
    }

    /// Packet-outs name any ingress port, so ports are as many as their author likes.
    #[test]
    fn ports_of_displaced_packets_are_forgotten() {
        let mut queue = PuntQueue::new(4, 10_000);
        for port in 1..=100_000 {
            let result = queue.push(&packet(port, 0), origin(), false, 0);
            assert_eq!(result.is_ok(), port <= 4);
        }
        assert_eq!(queue.ports.len(), 4);
        assert_eq!(core::iter::from_fn(|| queue.pop()).count(), 4);
        assert_eq!((queue.count, queue.bytes, queue.ports.len()), (0, 0, 0));
    }

    /// A long frame may displace several short ones, and each of them is lost.
    #[test]
    fn every_displaced_packet_is_counted() {
        let mut queue = PuntQueue::new(100, 240);
        for fill in 0..4 {
            assert_eq!(queue.push(&packet(1, fill), origin(), false, 0), Ok(()));
        }
        let long = Packet::new(VecFrame::from_bytes(&[7; 120]), Port(2), Meta::default());
        assert_eq!(queue.push(&long, origin(), false, 0), Err(2), "two went for it");
        assert_eq!((queue.count, queue.bytes), (3, 240));
        let longer = Packet::new(VecFrame::from_bytes(&[7; 241]), Port(3), Meta::default());
        assert_eq!(queue.push(&longer, origin(), false, 0), Err(1), "it alone: it never fits");
        assert_eq!((queue.count, queue.bytes), (3, 240));
    }

    #[test]
    fn the_match_holds_what_the_bytes_do_not() {
        let mut queue = PuntQueue::new(4, 10_000);
        let plain = packet(1, 0);
        queue.push(&plain, origin(), false, 0).unwrap();
        let message = queue.pop().unwrap().packet_in;
        assert_eq!(message.matching.fields(), [Oxm::new(OxmField::InPort, 1)]);
        assert_eq!((message.total_len, message.data.len()), (60, 60));
        assert_eq!((message.table_id, message.cookie), (TableId(3), 9));

        let meta = Meta { in_phy_port: Port(5), tunnel_id: 6, ..Meta::default() };
        let mut rich = Packet::new(VecFrame::from_bytes(&[0; 60]), Port(1), meta);
        rich.write_metadata(7, u64::MAX);
        queue.push(&rich, origin(), false, 0).unwrap();
        let fields = [
            Oxm::new(OxmField::InPort, 1),
            Oxm::new(OxmField::InPhyPort, 5),
            Oxm::new(OxmField::Metadata, 7),
            Oxm::new(OxmField::TunnelId, 6),
        ];
        assert_eq!(queue.pop().unwrap().packet_in.matching.fields(), fields);
    }
}
