//! A script that says what it was given and keeps what it hears: for tests.

use hypercall::Nanos;
use ofp_codec::{Message, SwitchFeatures};

use super::{Controller, ControllerOut};
use crate::SwitchId;

/// A script that says some messages to each switch that connects, and keeps what it hears.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    greeting: Vec<Message>,
    records: Vec<Record>,
    sessions: Vec<(SwitchId, SwitchFeatures)>,
}

/// A message that was heard.
#[derive(Clone, Debug)]
pub struct Record {
    /// When it reached the controller.
    pub at: Nanos,
    /// Who sent it.
    pub switch: SwitchId,
    /// Its transaction id.
    pub xid: u32,
    /// What it says.
    pub message: Message,
}

impl Recorder {
    /// A recorder that greets each switch with these messages.
    pub fn greeting(messages: impl IntoIterator<Item = Message>) -> Recorder {
        Recorder { greeting: messages.into_iter().collect(), ..Recorder::default() }
    }

    /// What was heard, in order.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Takes what was heard.
    pub fn take(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// The switches that connected, in order, with their features.
    pub fn sessions(&self) -> &[(SwitchId, SwitchFeatures)] {
        &self.sessions
    }

    /// The answer to a message by its transaction id.
    pub fn answer_to(&self, xid: u32) -> Option<&Message> {
        self.records.iter().find(|record| record.xid == xid).map(|record| &record.message)
    }
}

impl Controller for Recorder {
    fn connected(
        &mut self,
        switch: SwitchId,
        _: Nanos,
        features: &SwitchFeatures,
        out: &mut ControllerOut,
    ) {
        self.sessions.push((switch, *features));
        for message in &self.greeting {
            out.send(message);
        }
    }

    fn message(&mut self, switch: SwitchId, at: Nanos, message: &Message, out: &mut ControllerOut) {
        self.records.push(Record { at, switch, xid: out.xid(), message: message.clone() });
    }
}
