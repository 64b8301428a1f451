//! Networks of usual shapes: switches in a line, a star or a tree, hosts at them. All are trees, so
//! a flooded frame comes to an end.

use crate::{HostConfig, HostId, LinkConfig, LinkId, Network, SwitchConfig, SwitchId};

/// How the switches are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One after the other.
    Linear,
    /// The first in the middle, the others around it.
    Star,
    /// The first at the root, two beneath each.
    Tree,
}

/// A network to be built.
///
/// Switch *i* (from 1) is called `s`*i* and has the datapath id *i*; host *i* is `h`*i* with
/// `10.0.0.i`, `fd00::i` and `02:00:00:00:00:i`. A switch's ports are numbered from 1: to the switch
/// that it hangs from, to the switches that hang from it, to its hosts. Hosts are dealt out in
/// blocks over the switches; in a star or a tree, over those that nothing hangs from.
///
/// ```
/// use rumpswitch_virt::Topology;
///
/// let network = Topology::linear(3, 6).build(42);
/// assert_eq!((network.switches().len(), network.hosts().len()), (3, 6));
/// assert_eq!(network.links().count(), 2 + 6);
/// ```
#[derive(Clone, Debug)]
pub struct Topology {
    /// How the switches are joined.
    pub shape: Shape,
    /// How many switches; at least 1.
    pub switch_count: usize,
    /// How many hosts.
    pub host_count: usize,
    /// The links between switches.
    pub trunk: LinkConfig,
    /// The links between hosts and switches.
    pub access: LinkConfig,
    /// What every switch is like, but for its name and datapath id.
    pub switch: SwitchConfig,
}

/// What was built, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The switches.
    pub switches: Vec<SwitchId>,
    /// The hosts.
    pub hosts: Vec<HostId>,
    /// The link from each switch but the first to the one that it hangs from.
    pub trunks: Vec<LinkId>,
    /// The link of each host.
    pub access: Vec<LinkId>,
}

impl Topology {
    /// Switches in a line.
    pub fn linear(switch_count: usize, host_count: usize) -> Topology {
        Topology::new(Shape::Linear, switch_count, host_count)
    }

    /// One switch in the middle, the others around it.
    pub fn star(switch_count: usize, host_count: usize) -> Topology {
        Topology::new(Shape::Star, switch_count, host_count)
    }

    /// A binary tree of switches.
    pub fn tree(switch_count: usize, host_count: usize) -> Topology {
        Topology::new(Shape::Tree, switch_count, host_count)
    }

    /// Switches and hosts in a shape, with links as [`LinkConfig::default`] has them.
    pub fn new(shape: Shape, switch_count: usize, host_count: usize) -> Topology {
        Topology {
            shape,
            switch_count,
            host_count,
            trunk: LinkConfig::default(),
            access: LinkConfig::default(),
            switch: SwitchConfig::default(),
        }
    }

    /// A network of this topology and nothing else.
    pub fn build(&self, seed: u64) -> Network {
        let mut network = Network::new(seed);
        self.add_to(&mut network);
        network
    }

    /// Adds this topology to a network. Names, addresses and datapath ids go on from what the
    /// network already has.
    ///
    /// # Panics
    ///
    /// With no switch, or more than 2^24 hosts in all.
    pub fn add_to(&self, network: &mut Network) -> Built {
        assert!(self.switch_count > 0, "a topology has at least one switch");
        let switches: Vec<_> = (0..self.switch_count).map(|_| self.add_switch(network)).collect();
        let mut next_port = vec![1; self.switch_count];
        let mut port = |switch: usize| {
            next_port[switch] += 1;
            (switches[switch], next_port[switch] - 1)
        };
        let trunks = (1..self.switch_count).map(|child| {
            // A parent comes before its children, so port 1 is the way up.
            (port(child), port(self.parent(child)))
        });
        let trunks: Vec<_> = trunks.collect();
        let trunks =
            trunks.into_iter().map(|(child, parent)| network.connect(parent, child, self.trunk));
        let trunks = trunks.collect();
        let leaves = self.leaves();
        let hosts: Vec<_> = (0..self.host_count).map(|_| add_host(network)).collect();
        let access = hosts.iter().enumerate().map(|(n, host)| {
            let leaf = leaves[n * leaves.len() / self.host_count];
            network.connect(*host, port(leaf), self.access)
        });
        let access = access.collect();
        Built { switches, hosts, trunks, access }
    }

    /// The switch from which switch `child` hangs.
    fn parent(&self, child: usize) -> usize {
        match self.shape {
            Shape::Linear => child - 1,
            Shape::Star => 0,
            Shape::Tree => (child - 1) / 2,
        }
    }

    /// The switches that have hosts.
    fn leaves(&self) -> Vec<usize> {
        let all = 0..self.switch_count;
        if self.shape == Shape::Linear || self.switch_count == 1 {
            return all.collect();
        }
        all.clone().filter(|n| !all.clone().skip(1).any(|child| self.parent(child) == *n)).collect()
    }

    fn add_switch(&self, network: &mut Network) -> SwitchId {
        let number = network.switches().len() as u64 + 1;
        let mut config = self.switch.clone();
        config.name = format!("s{number}");
        config.datapath.datapath_id = number;
        network.add_switch(config)
    }
}

fn add_host(network: &mut Network) -> HostId {
    let number = network.hosts().len() as u32 + 1;
    assert!(number < 1 << 24, "2^24 hosts have an address in 10/8");
    let [_, b, c, d] = number.to_be_bytes();
    network.add_host_with(HostConfig {
        name: format!("h{number}"),
        mac: [2, 0, 0, b, c, d],
        ipv4: Some(([10, b, c, d].into(), 8)),
        ipv6: Some(([0xfd00, 0, 0, 0, 0, 0, (number >> 16) as u16, number as u16].into(), 64)),
        gateway_v4: None,
        gateway_v6: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_hang_from_the_leaves() {
        assert_eq!(Topology::linear(3, 6).leaves(), [0, 1, 2]);
        assert_eq!(Topology::star(4, 6).leaves(), [1, 2, 3]);
        assert_eq!(Topology::star(1, 6).leaves(), [0]);
        assert_eq!(Topology::tree(7, 6).leaves(), [3, 4, 5, 6]);
        assert_eq!(Topology::tree(4, 6).leaves(), [2, 3]);
    }
}
