//! What a link can end at.

use crate::HostId;

/// A switch of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SwitchId(pub(crate) usize);

impl SwitchId {
    /// The switch's place in the order in which switches were added, from 0.
    pub fn index(self) -> usize {
        self.0
    }
}

/// A scripted controller of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ControllerId(pub(crate) usize);

/// A probe of a network: a port without a stack, for frames made by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(pub(crate) usize);

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A port of a switch, by its OpenFlow number.
    Switch(SwitchId, u32),
    /// The interface of a host.
    Host(HostId),
    /// A probe.
    Probe(ProbeId),
}

impl From<(SwitchId, u32)> for Endpoint {
    fn from((switch, port): (SwitchId, u32)) -> Endpoint {
        Endpoint::Switch(switch, port)
    }
}

impl From<HostId> for Endpoint {
    fn from(host: HostId) -> Endpoint {
        Endpoint::Host(host)
    }
}

impl From<ProbeId> for Endpoint {
    fn from(probe: ProbeId) -> Endpoint {
        Endpoint::Probe(probe)
    }
}
