//! Logical ports of switches: ends of tunnels, over physical ports. A frame in a tunnel is on the wire
//! with the tunnel's key beside it, whatever the encapsulation would be; captures show the frame
//! itself.

use datapath::Ingress;
use hypercall::{Meta, Port, VecFrame};

use super::Network;
use crate::endpoint::SwitchId;
use crate::link::Parcel;

impl Network {
    /// Gives a switch a logical port: the end of tunnels through the link of the physical port `over`.
    ///
    /// What a frame that is sent there has as TUNNEL_ID is the key of its tunnel. A frame that comes
    /// in a tunnel comes in by the logical port, with the key as TUNNEL_ID and the physical port as
    /// IN_PHY_PORT; without a logical port over the one that it reaches, it is lost.
    ///
    /// # Panics
    ///
    /// When `over` has no link or a logical port already, or `port` is no port number or taken.
    pub fn add_tunnel_port(&mut self, switch: SwitchId, port: u32, over: u32) {
        let node = &mut self.switches[switch.0];
        if let Err(error) = node.add_logical(self.now, port, over) {
            panic!("{} cannot have a port {port}: {error:?}", node.name);
        }
        node.host.attach_logical(port, over);
        self.settle(switch);
    }

    /// A frame that reached a port, as the switch is given it.
    pub(super) fn ingress(
        &self,
        switch: SwitchId,
        port: u32,
        parcel: Parcel,
    ) -> Option<Ingress<VecFrame>> {
        let Parcel { frame, tunnel } = parcel;
        let Some(tunnel_id) = tunnel else {
            return Some(Ingress { port: Port(port), meta: Meta::default(), frame });
        };
        let logical = self.switches[switch.0].host.logical(port)?;
        let meta = Meta { in_phy_port: Port(port), tunnel_id, ..Meta::default() };
        Some(Ingress { port: Port(logical), meta, frame })
    }
}
