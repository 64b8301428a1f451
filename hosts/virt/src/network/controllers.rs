//! Scripted controllers in the network: their sessions, and the bytes between them and switches.

use std::any::Any;
use std::time::Duration;

use hypercall::Nanos;
use ofp_codec::{DecodeError, Hello, Message};
use switch_dev::{ChannelKind, DeviceError, Readiness};

use super::Network;
use crate::controller::{Connection, Controller, ControllerOut, Received, encoded};
use crate::endpoint::{ControllerId, SwitchId};
use crate::event::{ChannelEnd, Event};
use crate::link::nanos;

/// A controller of the network.
pub(super) struct ControllerNode {
    /// Out only while it is being called.
    script: Option<Box<dyn Controller>>,
    latency: u64,
    next_xid: u32,
    wake: Option<Nanos>,
}

impl Network {
    /// Adds a controller. `latency` is how long its messages, and those to it, are under way.
    pub fn add_controller(&mut self, script: impl Controller, latency: Duration) -> ControllerId {
        self.controllers.push(ControllerNode {
            script: Some(Box::new(script)),
            latency: nanos(latency),
            next_xid: 1,
            wake: None,
        });
        ControllerId(self.controllers.len() - 1)
    }

    /// A controller's script, to look at; `None` when it is of another type.
    pub fn controller<T: Controller>(&self, id: ControllerId) -> Option<&T> {
        let script: &dyn Any = &**self.controllers[id.0].script.as_ref()?;
        script.downcast_ref()
    }

    /// A controller's script; `None` when it is of another type.
    pub fn controller_mut<T: Controller>(&mut self, id: ControllerId) -> Option<&mut T> {
        let script: &mut dyn Any = &mut **self.controllers[id.0].script.as_mut()?;
        script.downcast_mut()
    }

    /// Opens a channel from a switch to a controller, as a switch that was told of it would.
    ///
    /// # Errors
    ///
    /// What the device answers: [`DeviceError::Busy`] when it has as many channels as it may.
    pub fn control(
        &mut self,
        controller: ControllerId,
        switch: SwitchId,
    ) -> Result<(), DeviceError> {
        let device = &mut self.switches[switch.0].device;
        let channel = device.open(self.now, ChannelKind::Active)?;
        let index = self.connections.len();
        self.connections.push(Connection::new(controller, switch, channel));
        self.switches[switch.0].connections.push(index);
        let hello = Message::Hello(Hello::version_1_3());
        let xid = self.new_xid(controller);
        self.send_to_switch(index, encoded(&hello, xid));
        self.settle(switch);
        Ok(())
    }

    /// Opens a channel to a controller from every switch.
    ///
    /// # Errors
    ///
    /// As [`control`](Self::control), at the first switch that answers one.
    pub fn control_all(&mut self, controller: ControllerId) -> Result<(), DeviceError> {
        self.switches().try_for_each(|switch| self.control(controller, switch))
    }

    /// Closes every channel between a controller and a switch. What was under way is lost.
    pub fn disconnect(&mut self, controller: ControllerId, switch: SwitchId) {
        for index in self.switches[switch.0].connections.clone() {
            if self.connections[index].controller == controller {
                self.end_connection(index);
            }
        }
    }

    /// Whether there is a session between a controller and a switch: features were exchanged.
    pub fn is_connected(&self, controller: ControllerId, switch: SwitchId) -> bool {
        self.session(controller, switch).is_some()
    }

    /// Sends a message as the controller would, and returns its transaction id; `None` when there
    /// is no session.
    ///
    /// # Panics
    ///
    /// When the message cannot be written, most often because it is longer than 65535 bytes.
    pub fn controller_send(
        &mut self,
        controller: ControllerId,
        switch: SwitchId,
        message: &Message,
    ) -> Option<u32> {
        let index = self.session(controller, switch)?;
        let xid = self.new_xid(controller);
        self.send_to_switch(index, encoded(message, xid));
        Some(xid)
    }

    /// What reached scripted controllers and was no message. A switch that says such things is
    /// wrong, so a test may want to see that there is none.
    pub fn channel_errors(&self) -> &[(SwitchId, DecodeError)] {
        &self.channel_errors
    }

    fn session(&self, controller: ControllerId, switch: SwitchId) -> Option<usize> {
        self.switches[switch.0].connections.iter().copied().find(|index| {
            let connection = &self.connections[*index];
            connection.controller == controller && connection.is_up
        })
    }

    fn new_xid(&mut self, controller: ControllerId) -> u32 {
        let node = &mut self.controllers[controller.0];
        let xid = node.next_xid;
        node.next_xid = node.next_xid.wrapping_add(1).max(1);
        xid
    }

    fn send_to_switch(&mut self, index: usize, bytes: Vec<u8>) {
        let connection = &mut self.connections[index];
        connection.to_switch.push_back(bytes);
        let latency = self.controllers[connection.controller.0].latency;
        self.events.push(self.now.plus(latency), Event::Channel(index, ChannelEnd::Switch));
    }

    /// Reads what a switch has to say to scripted controllers.
    pub(super) fn read_channels(&mut self, switch: SwitchId) {
        let mut place = 0;
        // The list shrinks by those that end here.
        while let Some(index) = self.switches[switch.0].connections.get(place).copied() {
            let connection = &mut self.connections[index];
            let Some(channel) = connection.channel else { return };
            let latency = self.controllers[connection.controller.0].latency;
            let device = &mut self.switches[switch.0].device;
            loop {
                let mut bytes = vec![0; device.pending(channel).min(READ_LEN)];
                match device.read(channel, self.now, &mut bytes) {
                    Ok(len) if len > 0 => {
                        bytes.truncate(len);
                        connection.to_controller.push_back(bytes);
                        let event = Event::Channel(index, ChannelEnd::Controller);
                        self.events.push(self.now.plus(latency), event);
                    }
                    _ => break,
                }
            }
            if device.readiness(channel).contains(Readiness::HANGUP) {
                self.end_connection(index);
            } else {
                place += 1;
            }
        }
    }

    /// A piece of a channel's stream has reached its end.
    pub(super) fn arrive_on_channel(&mut self, index: usize, end: ChannelEnd) {
        let connection = &mut self.connections[index];
        match end {
            ChannelEnd::Switch => {
                let Some(bytes) = connection.to_switch.pop_front() else { return };
                connection.untaken.extend_from_slice(&bytes);
                self.write_channel(index);
            }
            ChannelEnd::Controller => {
                let Some(bytes) = connection.to_controller.pop_front() else { return };
                connection.receive(&bytes);
                self.hear(index);
            }
        }
    }

    /// Gives the switch what has arrived. A channel that does not take it is read first: that is
    /// what it waits for.
    fn write_channel(&mut self, index: usize) {
        loop {
            let connection = &mut self.connections[index];
            let (switch, Some(channel)) = (connection.switch, connection.channel) else { return };
            if connection.untaken.is_empty() {
                return;
            }
            let node = &mut self.switches[switch.0];
            let taken = node.device.write(channel, self.now, &mut node.host, &connection.untaken);
            let (taken, over) = match taken {
                Ok(taken) => (taken, false),
                Err(DeviceError::WouldBlock) => (0, false),
                Err(_) => (0, true),
            };
            connection.untaken.drain(..taken);
            self.settle(switch);
            if over {
                return self.end_connection(index);
            }
            if taken == 0 {
                // Nothing of what it waits for can come from us: try again a little later.
                let event = Event::Channel(index, ChannelEnd::Switch);
                self.connections[index].to_switch.push_front(Vec::new());
                return self.events.push(self.now.plus(RETRY), event);
            }
        }
    }

    /// Lets the controller look at the messages that have arrived.
    fn hear(&mut self, index: usize) {
        loop {
            let connection = &mut self.connections[index];
            if connection.channel.is_none() {
                return;
            }
            let (controller, switch) = (connection.controller, connection.switch);
            let Some(received) = connection.next_message() else { return };
            match received {
                Received::Answer(bytes) => self.send_to_switch(index, bytes),
                Received::Error(error) => self.channel_errors.push((switch, error)),
                Received::Up(xid, features) => {
                    self.call(controller, Some(switch), xid, |script, now, out| {
                        script.connected(switch, now, &features, out);
                    });
                }
                Received::Message(xid, message) => {
                    self.call(controller, Some(switch), xid, |script, now, out| {
                        script.message(switch, now, &message, out);
                    });
                }
            }
        }
    }

    /// The moment that a controller asked for has come.
    pub(super) fn tick_controller(&mut self, controller: ControllerId, at: Nanos) {
        if self.controllers[controller.0].wake == Some(at) {
            self.controllers[controller.0].wake = None;
            self.call(controller, None, 0, |script, now, out| script.tick(now, out));
        }
    }

    /// Calls a script and sends what it says.
    fn call(
        &mut self,
        controller: ControllerId,
        switch: Option<SwitchId>,
        xid: u32,
        call: impl FnOnce(&mut dyn Controller, Nanos, &mut ControllerOut),
    ) {
        let node = &mut self.controllers[controller.0];
        let mut out = ControllerOut::new(switch, xid, node.next_xid);
        let script = node.script.as_mut().expect("scripts don't call each other");
        call(&mut **script, self.now, &mut out);
        node.next_xid = out.next_xid();
        if let Some(at) = out.wake().map(|at| at.max(self.now))
            && node.wake.is_none_or(|wake| wake > at)
        {
            node.wake = Some(at);
            self.events.push(at, Event::Controller(controller));
        }
        for (switch, bytes) in out.into_sent() {
            if let Some(index) = self.session(controller, switch) {
                self.send_to_switch(index, bytes);
            }
        }
    }

    fn end_connection(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        let (controller, switch) = (connection.controller, connection.switch);
        let Some(channel) = connection.channel.take() else { return };
        let was_up = std::mem::take(&mut connection.is_up);
        // What is under way stays: its events are already in the queue.
        let node = &mut self.switches[switch.0];
        node.connections.retain(|other| *other != index);
        node.device.close(channel);
        self.settle(switch);
        if was_up {
            self.call(controller, Some(switch), 0, |script, now, out| {
                script.disconnected(switch, now, out);
            });
        }
    }
}

/// Bytes of one read: about what a socket hands over.
const READ_LEN: usize = 65_536;

/// Nanoseconds after which a channel that took nothing is tried again.
const RETRY: u64 = 1_000_000;

impl std::fmt::Debug for ControllerNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ControllerNode").field("latency", &self.latency).finish_non_exhaustive()
    }
}
