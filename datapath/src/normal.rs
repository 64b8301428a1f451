//! NORMAL: the switch's own forwarding, used by outputs to NORMAL and while the switch stands alone.
//!
//! A learning bridge: it notes by VLAN where addresses come from, forwards to where the destination
//! was last heard, and floods what it does not know. Every port carries every VLAN; the VLAN is that
//! of the outermost tag, 0 without one. Frames to the link-local group addresses (01-80-C2-00-00-0x)
//! stay on their link, as IEEE 802.1D asks.

use hypercall::{Hypercall, Port};

use crate::counters::DropReason;
use crate::execute::{Carrier, Run};
use crate::key::{Depth, Presence};
use crate::observer::{Observer, Step};
use crate::ports::Gate;

const GROUP_BIT: u64 = 1 << 40;
const RESERVED: u64 = 0x0180_c200_0000;

/// Where a bridge sends a packet.
#[derive(Clone, Copy)]
pub(crate) enum Bridged {
    /// To a port that is up, with this gate.
    To(Port, Gate),
    /// To all ports.
    Everywhere,
    /// Nowhere.
    Nowhere(DropReason),
}

impl<H: Hypercall + ?Sized, O: Observer> Run<'_, H, O> {
    /// Sends the packet where a learning bridge would.
    pub(crate) fn normal(&mut self, carrier: &mut Carrier<H::Frame>) {
        carrier.packet.ensure(Depth::Link);
        self.observer.step(self.tables, Step::Normal);
        let bridged = self.bridge(carrier);
        self.follow(carrier, bridged);
    }

    /// Notes where a packet came from, whose addresses have been read, and tells where a learning
    /// bridge would send it.
    #[inline(always)]
    pub(crate) fn bridge(&mut self, carrier: &Carrier<H::Frame>) -> Bridged {
        let (key, in_port) = (&carrier.packet.key, carrier.packet.in_port);
        if !key.has(Presence::ETH) {
            return Bridged::Nowhere(DropReason::Runt);
        }
        // The address is in front of the type and of the tag.
        let (to, from, vlan) = (key.word(1) >> 16, key.word(2) >> 16, key.word(2) as u16 & 0xfff);
        if to & !0xf == RESERVED {
            return Bridged::Nowhere(DropReason::NormalReserved);
        }
        // A packet-out of the controller's own says nothing of where a station is.
        let is_station = from & GROUP_BIT == 0 && self.tables.ports.gate(in_port).is_some();
        if is_station && !O::DRY {
            self.macs.learn(vlan, from, in_port, self.now);
        }
        let known = if to & GROUP_BIT == 0 { self.macs.find(vlan, to, self.now) } else { None };
        match known {
            Some(port) if port == in_port => Bridged::Nowhere(DropReason::NormalFiltered),
            Some(port) => match self.tables.ports.gate(port).filter(|gate| gate.is_live()) {
                Some(gate) => Bridged::To(port, gate),
                None => Bridged::Everywhere,
            },
            None => Bridged::Everywhere,
        }
    }

    /// Sends a packet where a bridge would.
    #[inline(never)]
    pub(crate) fn follow(&mut self, carrier: &mut Carrier<H::Frame>, bridged: Bridged) {
        match bridged {
            Bridged::To(port, _) => self.emit(carrier, port),
            Bridged::Nowhere(reason) => self.dropped(reason, &carrier.packet),
            Bridged::Everywhere => {
                let before = self.outcomes;
                self.flood(carrier, true);
                if self.outcomes == before {
                    self.dropped(DropReason::NormalFiltered, &carrier.packet);
                }
            }
        }
    }
}
