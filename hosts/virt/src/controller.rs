//! Scripted controllers: what a controller of the network is, what it can say, and two of them.
//!
//! A script sees decoded messages and answers with messages; between it and the switch there are
//! the same bytes that a socket would carry, cut as the channel cuts them, under way for the
//! controller's latency. Hello, features and echo are done for it.

mod connection;
mod learning_switch;
mod recorder;

use std::any::Any;

use hypercall::Nanos;
use ofp_codec::{Message, SwitchFeatures};

pub(crate) use connection::{Connection, Received};
pub use learning_switch::{LearningCounters, LearningSwitch};
pub use recorder::{Record, Recorder};

use crate::SwitchId;

/// A controller's script.
pub trait Controller: Any + Send {
    /// The session with a switch is up: hellos and features have been exchanged.
    fn connected(
        &mut self,
        switch: SwitchId,
        now: Nanos,
        features: &SwitchFeatures,
        out: &mut ControllerOut,
    ) {
        let _ = (switch, now, features, out);
    }

    /// A message has come, none of hello, echo and the session's features.
    fn message(&mut self, switch: SwitchId, now: Nanos, message: &Message, out: &mut ControllerOut);

    /// The session with a switch is over.
    fn disconnected(&mut self, switch: SwitchId, now: Nanos, out: &mut ControllerOut) {
        let _ = (switch, now, out);
    }

    /// The moment asked for by [`ControllerOut::wake_at`] has come.
    fn tick(&mut self, now: Nanos, out: &mut ControllerOut) {
        let _ = (now, out);
    }
}

/// What a script says.
#[derive(Debug)]
pub struct ControllerOut {
    switch: Option<SwitchId>,
    xid: u32,
    next_xid: u32,
    sent: Vec<(SwitchId, Vec<u8>)>,
    wake: Option<Nanos>,
}

impl ControllerOut {
    pub(crate) fn new(switch: Option<SwitchId>, xid: u32, next_xid: u32) -> ControllerOut {
        ControllerOut { switch, xid, next_xid, sent: Vec::new(), wake: None }
    }

    pub(crate) fn next_xid(&self) -> u32 {
        self.next_xid
    }

    pub(crate) fn wake(&self) -> Option<Nanos> {
        self.wake
    }

    /// The encoded messages, in order.
    pub(crate) fn into_sent(self) -> Vec<(SwitchId, Vec<u8>)> {
        self.sent
    }

    /// The transaction id of the message that the script is looking at; 0 when there is none.
    pub fn xid(&self) -> u32 {
        self.xid
    }

    /// Sends a message to the switch that the script is looking at, and returns its new
    /// transaction id.
    ///
    /// # Panics
    ///
    /// In [`Controller::tick`], where there is none: use [`send_to`](Self::send_to). And when the
    /// message cannot be written, most often because it is longer than 65535 bytes.
    pub fn send(&mut self, message: &Message) -> u32 {
        self.send_to(self.switch.expect("a tick is about no switch"), message)
    }

    /// Sends a message to a switch. Nothing happens if there is no session with it.
    ///
    /// # Panics
    ///
    /// When the message cannot be written, most often because it is longer than 65535 bytes.
    pub fn send_to(&mut self, switch: SwitchId, message: &Message) -> u32 {
        let xid = self.next_xid;
        // 0 is what unsolicited messages bear.
        self.next_xid = self.next_xid.wrapping_add(1).max(1);
        self.sent.push((switch, encoded(message, xid)));
        xid
    }

    /// Asks for a [`Controller::tick`] at `at`, or at once if that is past. The earliest of
    /// several is kept.
    pub fn wake_at(&mut self, at: Nanos) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }
}

/// The bytes of a message.
///
/// # Panics
///
/// When it cannot be written.
pub(crate) fn encoded(message: &Message, xid: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Err(error) = message.encode(xid, &mut bytes) {
        panic!("{error:?}: {message:?}");
    }
    bytes
}
