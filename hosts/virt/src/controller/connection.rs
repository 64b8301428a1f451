//! One channel between a scripted controller and a switch: the bytes under way both ways, and the
//! controller's side of the session.

use std::collections::VecDeque;

use ofp_codec::{DecodeError, HEADER_LEN, Header, Message, SwitchFeatures};
use switch_dev::ChannelId;

use super::encoded;
use crate::{ControllerId, SwitchId};

/// A channel and what is under way on it. Once over it stays where it is and says nothing more.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) controller: ControllerId,
    pub(crate) switch: SwitchId,
    /// `None` when it is over.
    pub(crate) channel: Option<ChannelId>,
    pub(crate) to_controller: VecDeque<Vec<u8>>,
    pub(crate) to_switch: VecDeque<Vec<u8>>,
    /// What has arrived at the switch and was not yet taken.
    pub(crate) untaken: Vec<u8>,
    inbox: Vec<u8>,
    /// How much of `inbox` is done with.
    heard: usize,
    pub(crate) is_up: bool,
}

/// What a piece of the stream held, message by message.
#[derive(Debug)]
pub(crate) enum Received {
    /// The session is up.
    Up(u32, SwitchFeatures),
    /// A message for the script.
    Message(u32, Message),
    /// To be answered with this, without the script.
    Answer(Vec<u8>),
    /// Bytes that are no message.
    Error(DecodeError),
}

impl Connection {
    pub(crate) fn new(
        controller: ControllerId,
        switch: SwitchId,
        channel: ChannelId,
    ) -> Connection {
        Connection {
            controller,
            switch,
            channel: Some(channel),
            to_controller: VecDeque::new(),
            to_switch: VecDeque::new(),
            untaken: Vec::new(),
            inbox: Vec::new(),
            heard: 0,
            is_up: false,
        }
    }

    /// A piece of the stream has reached the controller.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.inbox.drain(..self.heard);
        self.heard = 0;
        self.inbox.extend_from_slice(bytes);
    }

    /// The next whole message that has.
    pub(crate) fn next_message(&mut self) -> Option<Received> {
        let rest = &self.inbox[self.heard..];
        let header = Header::peek(rest)?;
        let bytes = rest.get(..usize::from(header.length).max(HEADER_LEN))?;
        self.heard += bytes.len();
        Some(match Message::decode(bytes) {
            Ok((header, message)) => self.sort(header.xid, message),
            Err(error) => Received::Error(error),
        })
    }

    fn sort(&mut self, xid: u32, message: Message) -> Received {
        match message {
            Message::Hello(_) => Received::Answer(encoded(&Message::FeaturesRequest, xid)),
            Message::EchoRequest(data) => Received::Answer(encoded(&Message::EchoReply(data), xid)),
            Message::FeaturesReply(features) if !self.is_up => {
                self.is_up = true;
                Received::Up(xid, features)
            }
            message => Received::Message(xid, message),
        }
    }
}
