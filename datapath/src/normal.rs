//! NORMAL: the switch's own forwarding, used by outputs to NORMAL and while the switch stands alone.
//!
//! A learning bridge: it notes by VLAN where addresses come from, forwards to where the destination
//! was last heard, and floods what it does not know. Every port carries every VLAN; the VLAN is that
//! of the outermost tag, 0 without one. Frames to the link-local group addresses (01-80-C2-00-00-0x)
//! stay on their link, as IEEE 802.1D asks.

use hypercall::Hypercall;
use ofp_codec::OxmField;

use crate::counters::DropReason;
use crate::execute::{Carrier, Run};
use crate::key::Depth;
use crate::observer::{Observer, Step};

const GROUP_BIT: u64 = 1 << 40;
const RESERVED: u64 = 0x0180_c200_0000;

impl<H: Hypercall + ?Sized, O: Observer> Run<'_, H, O> {
    /// Sends the packet where a learning bridge would.
    pub(crate) fn normal(&mut self, carrier: &mut Carrier<H::Frame>) {
        carrier.packet.ensure(Depth::Link);
        self.observer.step(self.tables, Step::Normal);
        let packet = &carrier.packet;
        let address = |field| packet.key.get(field).map(|value| value as u64);
        let (Some(to), Some(from)) = (address(OxmField::EthDst), address(OxmField::EthSrc)) else {
            self.dropped(DropReason::Runt, &carrier.packet);
            return;
        };
        let vlan = packet.key.get(OxmField::VlanVid).map_or(0, |value| value as u16 & 0xfff);
        let in_port = packet.in_port;
        if to & !0xf == RESERVED {
            self.dropped(DropReason::NormalReserved, &carrier.packet);
            return;
        }
        // A packet-out of the controller's own says nothing of where a station is.
        let is_station = self.tables.ports.get(in_port).is_some() && from & GROUP_BIT == 0;
        if is_station && !O::DRY {
            self.macs.learn(vlan, from, in_port, self.now);
        }
        let known = if to & GROUP_BIT == 0 { self.macs.find(vlan, to, self.now) } else { None };
        match known {
            Some(port) if port == in_port => {
                self.dropped(DropReason::NormalFiltered, &carrier.packet);
            }
            Some(port) if self.tables.ports.is_live(port) => self.emit(carrier, port),
            _ => {
                let before = self.outcomes;
                self.flood(carrier, true);
                if self.outcomes == before {
                    self.dropped(DropReason::NormalFiltered, &carrier.packet);
                }
            }
        }
    }
}
