//! Switches in the network: adding them, frames into them and out of them, their ports' links going
//! up and down, and the way to the device itself.

use datapath::{Batch, Ingress, QueueConfig};
use hypercall::{Meta, Nanos, Port, VecFrame};
use ofp_codec::OfpError;
use switch_dev::Device;

use super::Network;
use crate::endpoint::{Endpoint, SwitchId};
use crate::event::Event;
use crate::link::{Direction, LinkConfig, LinkId};
use crate::switch::{SwitchConfig, SwitchHost, SwitchNode};

/// Work units of one slice of a long reply: the network has no reason to interrupt one.
const STEP_BUDGET: usize = 4096;

impl Network {
    /// Adds a switch without ports; [`connect`](Self::connect) gives it some.
    pub fn add_switch(&mut self, mut config: SwitchConfig) -> SwitchId {
        let id = SwitchId(self.switches.len());
        if config.datapath.seed == 0 {
            let stream = u64::MAX / 2 - id.0 as u64;
            config.datapath.seed = crate::rng::Rng::new(self.seed, stream).next_u64();
        }
        self.switches.push(SwitchNode::new(config));
        id
    }

    /// Every switch, in the order in which they were added.
    pub fn switches(
        &self,
    ) -> impl DoubleEndedIterator<Item = SwitchId> + ExactSizeIterator + use<> {
        (0..self.switches.len()).map(SwitchId)
    }

    /// What people call a switch.
    pub fn switch_name(&self, switch: SwitchId) -> &str {
        &self.switches[switch.0].name
    }

    /// A switch's device, to look at: tables, counters, dumps.
    pub fn device(&self, switch: SwitchId) -> &Device {
        &self.switches[switch.0].device
    }

    /// A switch's device and the host that it runs in, for a caller who keeps its channels (or
    /// changes its tables) himself. What the device transmits meanwhile is sent when the network
    /// runs next.
    pub fn switch_parts(&mut self, switch: SwitchId) -> (&mut Device, &mut SwitchHost) {
        if !self.touched.contains(&switch) {
            self.touched.push(switch);
        }
        let node = &mut self.switches[switch.0];
        (&mut node.device, &mut node.host)
    }

    /// Takes a link up or down. Frames under way are lost, and the switches at its ends see the
    /// state of their ports change.
    pub fn set_link_up(&mut self, link: LinkId, up: bool) {
        if self.links[link.0].up == up {
            return;
        }
        self.links[link.0].set_up(up);
        for end in self.links[link.0].ends {
            if let Endpoint::Switch(switch, port) = end {
                let node = &mut self.switches[switch.0];
                let lost = node.host.set_up(port, up);
                node.lost(port, lost);
                node.set_port_up(self.now, port, up);
                self.settle(switch);
            }
        }
    }

    /// Gives a switch's port queues, in place of those that it had, and shapes what it sends: to the
    /// rate of its link as a whole, and to the queues' shares of it. Without queues a port is not
    /// shaped.
    ///
    /// # Errors
    ///
    /// What the switch has against the queues
    /// ([`Tables::set_queues`](datapath::Tables::set_queues)).
    ///
    /// # Panics
    ///
    /// When the port has no link, or one without a rate: queues have shares of one.
    ///
    /// ```
    /// # use rumpswitch_virt::{LinkConfig, Network, SwitchConfig};
    /// use rumpswitch_virt::QueueConfig;
    /// # let mut network = Network::new(1);
    /// # let switch = network.add_switch(SwitchConfig::numbered(1));
    /// # let probe = network.add_probe();
    /// network.connect((switch, 1), probe, LinkConfig::default());
    /// let half = QueueConfig { max_rate: 500, ..QueueConfig::new(7) };
    /// network.set_queues(switch, 1, &[half])?;
    /// # Ok::<(), ofp_codec::OfpError>(())
    /// ```
    pub fn set_queues(
        &mut self,
        switch: SwitchId,
        port: u32,
        queues: &[QueueConfig],
    ) -> Result<(), OfpError> {
        let node = &mut self.switches[switch.0];
        let link = node.host.link(port).unwrap_or_else(|| panic!("port {port} has no link"));
        let rate = self.links[link.0].config.rate.unwrap_or(0);
        assert!(rate > 0 || queues.is_empty(), "the link of port {port} has no rate to share");
        node.device.switch_mut().tables.set_queues(self.now, Port(port), queues)?;
        let lost = node.host.shape(port, rate, queues);
        node.lost(port, lost);
        self.settle(switch);
        Ok(())
    }

    pub(super) fn attach_switch(
        &mut self,
        switch: SwitchId,
        port: u32,
        (link, direction): (LinkId, Direction),
        config: &LinkConfig,
    ) {
        let node = &mut self.switches[switch.0];
        node.host.attach(port, link, direction);
        if let Err(error) = node.add_port(self.now, port, config) {
            panic!("{} cannot have a port {port}: {error:?}", node.name);
        }
        self.settle(switch);
    }

    /// Frames that arrive at one switch at one moment, one after the other, are one batch.
    pub(super) fn arrive_at_switch(&mut self, switch: SwitchId, port: u32, frame: VecFrame) {
        let mut batch = Batch::new();
        let ingress = |port, frame| Ingress { port: Port(port), meta: Meta::default(), frame };
        batch.push(ingress(port, frame));
        while !batch.is_full() {
            let Some((at, Event::Arrival(link, direction))) = self.events.peek() else { break };
            let Endpoint::Switch(there, port) = self.links[link.0].far_end(direction) else {
                break;
            };
            if at != self.now || there != switch {
                break;
            }
            self.events.pop();
            self.event_count += 1;
            if let Some(frame) = self.links[link.0].arrive(direction) {
                batch.push(ingress(port, frame));
            }
        }
        let node = &mut self.switches[switch.0];
        node.device.process(self.now, &mut node.host, &mut batch);
        self.settle(switch);
    }

    pub(super) fn tick_switch(&mut self, switch: SwitchId, at: Nanos) {
        let node = &mut self.switches[switch.0];
        // An earlier tick may have made this one needless.
        if node.wake == Some(at) {
            node.wake = None;
            node.device.tick(self.now, &mut node.host);
            self.settle(switch);
        }
    }

    /// After any call on a device: long replies go on, frames leave, scripted controllers' channels
    /// are read, the next timeout is put into the queue.
    pub(super) fn settle(&mut self, switch: SwitchId) {
        let node = &mut self.switches[switch.0];
        while node.device.step(self.now, STEP_BUDGET) {}
        let mut outbox = node.host.take_outbox();
        for (link, direction, frame) in outbox.drain(..) {
            self.send(link, direction, frame);
        }
        self.release(switch);
        self.read_channels(switch);
        let node = &mut self.switches[switch.0];
        node.host.reuse_outbox(outbox);
        if let Some(at) = node.device.next_deadline() {
            // A tick does a bounded piece of work, so a deadline may be past already.
            let at = at.max(self.now.plus(1_000));
            node.schedule(switch, at, &mut self.events);
        }
    }

    /// Lets the queues of a switch send what they may, and puts their next moment into the queue of
    /// events.
    fn release(&mut self, switch: SwitchId) {
        while let Some((link, direction, frame)) = self.switches[switch.0].host.release(self.now) {
            self.send(link, direction, frame);
        }
        let node = &mut self.switches[switch.0];
        let next = node.host.next_release();
        if let Some(at) = next.filter(|at| node.release.is_none_or(|release| release > *at)) {
            node.release = Some(at);
            self.events.push(at, Event::Queues(switch));
        }
    }

    pub(super) fn release_at(&mut self, switch: SwitchId, at: Nanos) {
        // An earlier one may have made this one needless.
        if self.switches[switch.0].release == Some(at) {
            self.switches[switch.0].release = None;
            self.release(switch);
        }
    }

    /// When [`settle`](Self::settle) has something to do for a switch.
    pub(super) fn unsettled(&self, switch: SwitchId) -> Option<Nanos> {
        let node = &self.switches[switch.0];
        let mut channels =
            node.connections.iter().filter_map(|index| self.connections[*index].channel);
        if node.host.has_transmitted() || channels.any(|channel| node.device.pending(channel) > 0) {
            return Some(self.now);
        }
        let next = [node.device.next_deadline(), node.host.next_release()];
        next.into_iter().flatten().min().map(|at| at.max(self.now))
    }

    /// Catches up with what callers did through [`switch_parts`](Self::switch_parts).
    pub(super) fn settle_touched(&mut self) {
        while let Some(switch) = self.touched.pop() {
            self.settle(switch);
        }
    }
}
