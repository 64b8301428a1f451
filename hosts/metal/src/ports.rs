//! The cards that are ports of the switch, and the host of its hypercalls: what the switch transmits
//! goes into the card's ring as it is, and the card is told once for each batch.

use alloc::vec::Vec;

use datapath::{Batch, Ingress, PortConfig, PortErrors, Tables};
use hypercall::{Frame, Hypercall, Meta, Nanos, Port, Sent};
use ofp_codec::{HwAddr, OfpError, PortFeatures, PortState};

use crate::{Nic, Pool, PortSetup, RingFrame};

/// Bytes of an Ethernet header and one VLAN tag.
const LINK_HEADER_LEN: usize = 18;

/// Ports over network cards, and their free buffers.
#[derive(Debug)]
pub struct Ports<N> {
    slots: Vec<Slot<N>>,
    pool: Pool,
    mtu: usize,
}

#[derive(Debug)]
struct Slot<N> {
    number: Port,
    nic: N,
    config: PortConfig,
    /// Buffers that its receive ring is short of.
    missing: usize,
    /// Whether its rings have something that the card was not told of.
    is_new: bool,
    /// Whether its link may be otherwise than the switch was told.
    is_stale: bool,
    refused: u64,
    told: u64,
}

impl<N: Nic> Ports<N> {
    /// No ports yet; their frames will have up to `mtu` bytes of payload.
    pub fn new(mtu: usize) -> Ports<N> {
        Ports { slots: Vec::new(), pool: Pool::new(mtu.saturating_add(LINK_HEADER_LEN), 512), mtu }
    }

    /// Makes a card a port of the switch, and gives it `buffers` to receive into.
    ///
    /// # Errors
    /// What the switch has against the port.
    pub fn add(
        &mut self,
        now: Nanos,
        tables: &mut Tables,
        setup: &PortSetup,
        nic: N,
        buffers: usize,
    ) -> Result<(), OfpError> {
        let number = Port(setup.number);
        let mut state = PortState::empty();
        state.set(PortState::LINK_DOWN, !nic.is_up());
        let config = PortConfig {
            hw_addr: HwAddr(nic.mac()),
            curr: PortFeatures::OTHER,
            state,
            max_frame: u32::try_from(self.mtu.saturating_add(14)).unwrap_or(u32::MAX),
            ..PortConfig::new(number, &setup.name)
        };
        tables.port_add(now, config.clone())?;
        let mut slot = Slot {
            number,
            nic,
            config,
            missing: buffers,
            is_new: false,
            is_stale: false,
            refused: 0,
            told: 0,
        };
        slot.fill(&mut self.pool);
        slot.nic.kick();
        self.slots.push(slot);
        Ok(())
    }

    /// Ports.
    pub fn count(&self) -> usize {
        self.slots.len()
    }

    /// Number, address and link of each port.
    pub fn list(&self) -> impl Iterator<Item = (Port, [u8; 6], bool)> + '_ {
        self.slots.iter().map(|slot| {
            (slot.number, slot.nic.mac(), !slot.config.state.contains(PortState::LINK_DOWN))
        })
    }

    /// Whether a received frame waits at any port.
    pub fn has_received(&self) -> bool {
        self.slots.iter().any(|slot| slot.nic.has_received())
    }

    /// Moves a burst of what the port in `slot` has received into the batch, and gives it new buffers.
    pub fn receive(&mut self, slot: usize, batch: &mut Batch<RingFrame>) {
        let Some(slot) = self.slots.get_mut(slot) else { return };
        while !batch.is_full() {
            let Some(frame) = slot.nic.receive() else { break };
            slot.missing = slot.missing.saturating_add(1);
            if frame.is_empty() {
                self.pool.give(frame);
                continue;
            }
            batch.push(Ingress { port: slot.number, meta: Meta::default(), frame });
        }
        slot.fill(&mut self.pool);
    }

    /// Takes back the buffers of what has been sent.
    pub fn reclaim(&mut self) {
        for slot in &mut self.slots {
            slot.reclaim(&mut self.pool);
        }
    }

    /// Asks all cards for interrupts, or for none.
    pub fn listen(&mut self, interrupts: bool) {
        self.slots.iter_mut().for_each(|slot| slot.nic.listen(interrupts));
    }

    /// Takes notice of interrupts, and tells the switch whose link has changed. Answers the last such
    /// port and whether it is up.
    pub fn acknowledge(&mut self, tables: &mut Tables) -> Option<(Port, bool)> {
        let mut changed = None;
        for slot in &mut self.slots {
            slot.is_stale |= slot.nic.acknowledge();
            if !slot.is_stale {
                continue;
            }
            let is_up = slot.nic.is_up();
            let is_same = slot.config.state.contains(PortState::LINK_DOWN) != is_up;
            // Without memory for the news it is told with the next interrupt, or within a second.
            let Some(mut config) = copy(&slot.config).filter(|_| !is_same) else {
                slot.is_stale = !is_same;
                continue;
            };
            slot.is_stale = false;
            slot.config.state.set(PortState::LINK_DOWN, !is_up);
            config.state = slot.config.state;
            // It fails only for a port that was never added.
            let _ = tables.port_change(config);
            changed = Some((slot.number, is_up));
        }
        changed
    }

    /// Tells the switch what cards have counted.
    pub fn tell_errors(&mut self, tables: &mut Tables) {
        for slot in &mut self.slots {
            let (rx_errors, tx_errors) = (slot.nic.errors(), slot.refused);
            let sum = rx_errors.wrapping_add(tx_errors);
            if sum != slot.told {
                slot.told = sum;
                let errors = PortErrors { rx_errors, tx_errors, ..PortErrors::default() };
                tables.port_errors(slot.number, errors);
            }
        }
    }
}

/// A port without queues, a second time; `None` when memory is short.
fn copy(config: &PortConfig) -> Option<PortConfig> {
    let mut copy = PortConfig::new(config.number, "");
    copy.name.try_reserve_exact(config.name.len()).ok()?;
    copy.name.push_str(&config.name);
    copy.hw_addr = config.hw_addr;
    copy.curr = config.curr;
    copy.max_frame = config.max_frame;
    Some(copy)
}

impl<N: Nic> Slot<N> {
    fn fill(&mut self, pool: &mut Pool) {
        while self.missing > 0 {
            let Some(frame) = pool.take() else { break };
            self.is_new = true;
            if let Err(frame) = self.nic.offer(frame) {
                pool.give(frame);
                break;
            }
            self.missing = self.missing.saturating_sub(1);
        }
    }

    fn reclaim(&mut self, pool: &mut Pool) {
        while let Some(frame) = self.nic.reclaim() {
            pool.give(frame);
        }
    }
}

impl<N: Nic> Hypercall for Ports<N> {
    type Frame = RingFrame;

    fn transmit(&mut self, port: Port, _meta: &Meta, mut frame: RingFrame) -> Sent {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.number == port) else {
            self.pool.give(frame);
            return Sent::Dropped;
        };
        if !frame.prepare() {
            slot.refused = slot.refused.wrapping_add(1);
            return Sent::Dropped;
        }
        slot.is_new = true;
        let refused = slot.nic.transmit(frame).err().and_then(|frame| {
            slot.reclaim(&mut self.pool);
            slot.nic.transmit(frame).err()
        });
        match refused {
            None => Sent::Sent,
            Some(frame) => {
                self.pool.give(frame);
                Sent::Dropped
            }
        }
    }

    fn discard(&mut self, frame: RingFrame) {
        self.pool.give(frame);
    }

    fn flush(&mut self) {
        for slot in self.slots.iter_mut().filter(|slot| slot.is_new) {
            slot.is_new = false;
            slot.nic.kick();
        }
    }

    fn duplicate(&mut self, frame: &RingFrame) -> Option<RingFrame> {
        self.pool.copy(frame.headers())
    }

    fn allocate(&mut self, len: usize) -> Option<RingFrame> {
        let mut frame = self.pool.take_len(len)?;
        frame.headers_mut().fill(0);
        Some(frame)
    }
}
