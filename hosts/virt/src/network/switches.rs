//! Switches in the network: adding them, frames into them and out of them, their ports' links going
//! up and down, and the way to the device itself.

use datapath::{Batch, QueueConfig};
use hypercall::{Nanos, Port};
use ofp_codec::OfpError;
use switch_dev::Device;

use super::Network;
use crate::endpoint::{Endpoint, SwitchId};
use crate::event::Event;
use crate::link::{Direction, Link, LinkConfig, LinkId, Parcel};
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
    ///
    /// A port-mod that takes a port down (`OFPPC_PORT_DOWN`) does the same to the port's link, but
    /// only the far end sees the state of its port change: the port itself is there and is told to be
    /// down.
    pub fn set_link_up(&mut self, link: LinkId, up: bool) {
        if self.links[link.0].is_whole != up {
            self.links[link.0].is_whole = up;
            self.refresh_link(link);
        }
    }

    /// Makes a link what its cable and its ends say.
    fn refresh_link(&mut self, link: LinkId) {
        let is_changed = self.links[link.0].refresh();
        for (at, end) in self.links[link.0].ends.into_iter().enumerate() {
            let Endpoint::Switch(switch, port) = end else { continue };
            let Link { up, is_whole, is_down, .. } = self.links[link.0];
            let node = &mut self.switches[switch.0];
            if is_changed {
                let lost = node.host.set_up(port, up);
                node.lost(port, lost);
            }
            node.set_port_up(self.now, port, is_whole && !is_down[1 - at]);
            self.settle(switch);
        }
    }

    /// Takes the links of ports down that a controller took down, and up again.
    fn follow_port_mods(&mut self, switch: SwitchId) {
        loop {
            let node = &mut self.switches[switch.0];
            let Some((port, is_down)) = node.device.switch_mut().tables.next_port_down() else {
                break;
            };
            // A logical port has no link of its own.
            let Some((link, direction)) = node.host.link(port.0) else { continue };
            self.links[link.0].is_down[direction as usize] = is_down;
            self.refresh_link(link);
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
        let (link, _) = node.host.link(port).unwrap_or_else(|| panic!("port {port} has no link"));
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
    pub(super) fn arrive_at_switch(&mut self, switch: SwitchId, port: u32, parcel: Parcel) {
        let mut batch = Batch::new();
        batch.extend(self.ingress(switch, port, parcel));
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
            if let Some(parcel) = self.links[link.0].arrive(direction) {
                batch.extend(self.ingress(switch, port, parcel));
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
        for (link, direction, parcel) in outbox.drain(..) {
            self.send(link, direction, parcel);
        }
        self.release(switch);
        self.follow_port_mods(switch);
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
        while let Some((link, direction, parcel)) = self.switches[switch.0].host.release(self.now) {
            self.send(link, direction, parcel);
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
