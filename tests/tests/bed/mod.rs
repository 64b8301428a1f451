//! A device with one controller on it and all counters in view: messages in, answers out; frames in,
//! frames out.
#![allow(dead_code, reason = "each test file uses a part of it")]

use datapath::SwitchConfig;
use hypercall::{Frame, Nanos};
use ofp_codec::multipart::{FlowStats, MultipartReply, MultipartReplyBody};
use ofp_codec::text::{NoNames, parse_flow, parse_group, parse_meter};
use ofp_codec::{FlowMod, FlowModCommand, GroupModCommand, Message, MeterModCommand};
use rumpswitch_tests::contract::*;
use rumpswitch_tests::counters::Snapshot;
use rumpswitch_tests::wire::{flow_request, matching};
use switch_dev::{ChannelId, DeviceConfig};

use crate::embodiment::{InProcess, error_of};

/// A device with ports 1 to 4, a channel, and what its counters were.
pub(crate) struct Bed {
    pub(crate) device: InProcess,
    pub(crate) channel: ChannelId,
    before: Snapshot,
    next_xid: u32,
}

/// The bytes of a message.
pub(crate) fn bytes(message: &Message, xid: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(xid, &mut bytes).expect("a message that can be written");
    bytes
}

/// A flow-mod in the syntax of ovs-ofctl.
pub(crate) fn flow_mod_of(text: &str, command: FlowModCommand) -> FlowMod {
    parse_flow(text, command, &NoNames).unwrap_or_else(|error| panic!("{text}: {error}"))
}

impl Bed {
    pub(crate) fn new() -> Bed {
        Bed::of(InProcess::with_ports(4))
    }

    pub(crate) fn with(switch: SwitchConfig, device: DeviceConfig) -> Bed {
        Bed::of(InProcess::with_switch(device, switch, 4))
    }

    fn of(mut device: InProcess) -> Bed {
        let channel = connect(&mut device);
        let before = Snapshot::of_device(&device.device, device.now);
        Bed { device, channel, before, next_xid: 1000 }
    }

    pub(crate) fn xid(&mut self) -> u32 {
        self.next_xid += 1;
        self.next_xid
    }

    /// Sends bytes and a barrier; what came before the barrier's reply.
    pub(crate) fn say(&mut self, request: &[u8]) -> Vec<Vec<u8>> {
        let xid = self.xid();
        let stream = [request, &barrier(xid)].concat();
        let mut answers = split(&converse(&mut self.device, self.channel, &stream));
        let last = answers.pop().expect("the barrier is answered");
        assert_eq!(header(&last), (21, 8, xid), "after {answers:02x?}");
        answers
    }

    /// Sends a message that is taken without a word.
    #[track_caller]
    pub(crate) fn accept(&mut self, request: &[u8]) {
        let answers = self.say(request);
        assert!(answers.is_empty(), "{answers:02x?}");
    }

    /// Sends a message that is refused; type and code of the error. Nothing has changed then.
    #[track_caller]
    pub(crate) fn refused(&mut self, request: &[u8]) -> (u16, u16) {
        let before = self.state();
        let answers = self.say(request);
        let [error] = &answers[..] else { panic!("one error, not {answers:02x?}") };
        assert_eq!(header(error).2, header(request).2, "the xid of the request");
        assert_eq!(error[12..], *request, "the message");
        assert_eq!(self.state(), before, "a refused message changes nothing");
        error_of(error)
    }

    /// Sends a request and decodes its answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: &Message) -> Message {
        let answers = self.say(&bytes(request, 7));
        let [answer] = &answers[..] else { panic!("one answer, not {answers:02x?}") };
        let (header, answer) = Message::decode(answer).expect("an answer that can be read");
        assert_eq!(header.xid, 7);
        answer
    }

    /// Adds a flow entry, in the syntax of ovs-ofctl.
    #[track_caller]
    pub(crate) fn add(&mut self, flow: &str) {
        self.flow_mod(flow, FlowModCommand::Add);
    }

    #[track_caller]
    pub(crate) fn flow_mod(&mut self, flow: &str, command: FlowModCommand) {
        self.accept(&Bed::flow_bytes(flow, command));
    }

    pub(crate) fn flow_bytes(flow: &str, command: FlowModCommand) -> Vec<u8> {
        bytes(&Message::FlowMod(flow_mod_of(flow, command)), 5)
    }

    #[track_caller]
    pub(crate) fn add_group(&mut self, group: &str) {
        self.accept(&Bed::group_bytes(group, GroupModCommand::Add));
    }

    pub(crate) fn group_bytes(group: &str, command: GroupModCommand) -> Vec<u8> {
        let group = parse_group(group, command, &NoNames).unwrap();
        bytes(&Message::GroupMod(group), 5)
    }

    #[track_caller]
    pub(crate) fn add_meter(&mut self, meter: &str) {
        let meter = parse_meter(meter, MeterModCommand::Add).unwrap();
        self.accept(&bytes(&Message::MeterMod(meter), 5));
    }

    /// Everything that a controller configures, as the switch tells it.
    pub(crate) fn state(&mut self) -> Vec<Vec<u8>> {
        state(&mut self.device, self.channel)
    }

    /// The flow entries.
    pub(crate) fn flows(&mut self) -> Vec<FlowStats> {
        let request = multipart(9, 1, 0, &flow_request(255, &matching(&[])));
        let mut flows = Vec::new();
        for answer in self.say(&request) {
            match Message::decode(&answer).expect("an answer that can be read").1 {
                Message::MultipartReply(MultipartReply {
                    body: MultipartReplyBody::Flow(some),
                    ..
                }) => flows.extend(some),
                other => panic!("{other:?}"),
            }
        }
        flows
    }

    /// A frame comes in; what goes out, by port.
    pub(crate) fn frame(&mut self, port: u32, bytes: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let sent = self.device.receive(port, bytes);
        sent.into_iter().map(|sent| (sent.port.0, sent.frame.headers().to_vec())).collect()
    }

    /// What the switch transmitted since the last frame.
    pub(crate) fn sent(&mut self) -> Vec<(u32, Vec<u8>)> {
        let sent = self.device.host.take();
        sent.into_iter().map(|sent| (sent.port.0, sent.frame.headers().to_vec())).collect()
    }

    /// What is on the channel: asynchronous messages.
    pub(crate) fn heard(&mut self) -> Vec<Vec<u8>> {
        crate::embodiment::read(&mut self.device, self.channel)
    }

    /// The packet-ins on the channel, when there is nothing else.
    pub(crate) fn packet_ins(&mut self) -> Vec<ofp_codec::PacketIn> {
        let heard = self.heard();
        let packet_in = |message: &Vec<u8>| match Message::decode(message).unwrap().1 {
            Message::PacketIn(packet_in) => packet_in,
            other => panic!("{other:?}"),
        };
        heard.iter().map(packet_in).collect()
    }

    /// Asserts which counters have moved since this was last asked, and that no other has.
    #[track_caller]
    pub(crate) fn assert_moved(&mut self, expected: &[&str]) {
        let now = Snapshot::of_device(&self.device.device, self.device.now);
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(now.moved_since(&self.before), expected);
        self.before = now;
    }

    /// Forgets what has moved.
    pub(crate) fn settle(&mut self) {
        self.before = Snapshot::of_device(&self.device.device, self.device.now);
    }

    pub(crate) fn now(&self) -> Nanos {
        self.device.now
    }
}

/// Everything that a controller configures, as the switch tells it on this channel.
pub(crate) fn state(device: &mut InProcess, channel: ChannelId) -> Vec<Vec<u8>> {
    let stream = [
        multipart(1, 1, 0, &flow_request(255, &matching(&[]))),
        multipart(2, 7, 0, &[]),
        multipart(3, 10, 0, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
        multipart(4, 13, 0, &[]),
        message(7, 5, &[]),
        message(26, 6, &[]),
        message(24, 7, &[0; 16]),
    ];
    let answers = split(&converse(device, channel, &stream.concat()));
    assert!(answers.iter().all(|answer| answer[1] != 1), "{answers:02x?}");
    answers
}
