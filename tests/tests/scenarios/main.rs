//! Scenarios in the virtual network, in virtual time: a switch, links with probes at their ends,
//! scripted controllers a few milliseconds away.

mod control;
mod forwarding;
mod timeouts;

use std::time::Duration;

use datapath::DropReason;
use hypercall::{Frame, Nanos, VecFrame};
use ofp_codec::multipart::{
    FlowStats, FlowStatsRequest, MultipartReply, MultipartReplyBody, MultipartRequest,
    MultipartRequestBody,
};
use ofp_codec::text::{NoNames, parse_flow, parse_group, parse_meter};
use ofp_codec::{FlowModCommand, GroupModCommand, Message, MeterModCommand, RoleMessage};
use rumpswitch_tests::counters::Snapshot;
use virt_host::{
    ControllerId, LinkConfig, LinkId, Network, ProbeId, Record, Recorder, SwitchConfig, SwitchId,
};

pub(crate) const SECOND: u64 = Nanos::PER_SECOND;
pub(crate) const MILLISECOND: u64 = 1_000_000;
/// How long a message is under way between a switch and a controller.
pub(crate) const LATENCY: u64 = 5 * MILLISECOND;
/// How late an entry may go.
pub(crate) const LATENESS: u64 = 10 * MILLISECOND;

/// A switch with a probe at each of its ports.
pub(crate) struct Net {
    pub(crate) network: Network,
    pub(crate) switch: SwitchId,
    pub(crate) probes: Vec<ProbeId>,
    pub(crate) links: Vec<LinkId>,
    before: Snapshot,
}

impl Net {
    /// With ports from 1 to `ports`.
    pub(crate) fn new(ports: u32) -> Net {
        Net::with(SwitchConfig::numbered(1), ports)
    }

    pub(crate) fn with(config: SwitchConfig, ports: u32) -> Net {
        let mut network = Network::new(1);
        let switch = network.add_switch(config);
        let wire = LinkConfig { delay: LinkConfig::MIN_DELAY, rate: None, ..LinkConfig::default() };
        let probes: Vec<ProbeId> = (0..ports).map(|_| network.add_probe()).collect();
        let connect =
            |(port, probe): (u32, &ProbeId)| network.connect((switch, port), *probe, wire);
        let links = (1..).zip(&probes).map(connect).collect();
        let before = Snapshot::of_device(network.device(switch), network.now());
        Net { network, switch, probes, links, before }
    }

    /// A controller whose session is up.
    pub(crate) fn controller(&mut self) -> ControllerId {
        let latency = Duration::from_nanos(LATENCY);
        let controller = self.network.add_controller(Recorder::default(), latency);
        self.connect(controller);
        controller
    }

    /// Opens a session and waits until it is up.
    pub(crate) fn connect(&mut self, controller: ControllerId) {
        self.network.control(controller, self.switch).unwrap();
        self.run(10 * LATENCY);
        assert!(self.network.is_connected(controller, self.switch));
    }

    pub(crate) fn now(&self) -> Nanos {
        self.network.now()
    }

    pub(crate) fn run(&mut self, nanos: u64) {
        self.network.run_until(self.now().plus(nanos));
    }

    /// A controller says something; time passes until the switch has heard it and an answer would be
    /// back, which is returned.
    pub(crate) fn say(&mut self, controller: ControllerId, message: &Message) -> Option<Message> {
        let xid = self.network.controller_send(controller, self.switch, message).unwrap();
        self.run(2 * LATENCY);
        self.network.controller::<Recorder>(controller).unwrap().answer_to(xid).cloned()
    }

    /// A controller says what the switch takes without a word.
    #[track_caller]
    pub(crate) fn tell(&mut self, controller: ControllerId, message: &Message) {
        let answer = self.say(controller, message);
        assert!(answer.is_none(), "{answer:?}");
    }

    /// A controller adds a flow entry, in the syntax of ovs-ofctl. The moment at which the switch
    /// has it.
    #[track_caller]
    pub(crate) fn add(&mut self, controller: ControllerId, flow: &str) -> Nanos {
        let added = self.now().plus(LATENCY);
        self.flow_mod(controller, flow, FlowModCommand::Add);
        added
    }

    #[track_caller]
    pub(crate) fn flow_mod(
        &mut self,
        controller: ControllerId,
        flow: &str,
        command: FlowModCommand,
    ) {
        let flow =
            parse_flow(flow, command, &NoNames).unwrap_or_else(|error| panic!("{flow}: {error}"));
        self.tell(controller, &Message::FlowMod(flow));
    }

    #[track_caller]
    pub(crate) fn group(
        &mut self,
        controller: ControllerId,
        group: &str,
        command: GroupModCommand,
    ) {
        let group = parse_group(group, command, &NoNames).unwrap();
        self.tell(controller, &Message::GroupMod(group));
    }

    #[track_caller]
    pub(crate) fn meter(
        &mut self,
        controller: ControllerId,
        meter: &str,
        command: MeterModCommand,
    ) {
        let meter = parse_meter(meter, command).unwrap();
        self.tell(controller, &Message::MeterMod(meter));
    }

    /// Asks for a role.
    pub(crate) fn role(&mut self, controller: ControllerId, role: RoleMessage) -> Message {
        self.say(controller, &Message::RoleRequest(role)).expect("an answer about roles")
    }

    /// The flow entries, as a controller is told.
    pub(crate) fn flows(&mut self, controller: ControllerId) -> Vec<FlowStats> {
        let body = MultipartRequestBody::Flow(FlowStatsRequest::default());
        let request = MultipartRequest { flags: Default::default(), body };
        match self.say(controller, &Message::MultipartRequest(request)) {
            Some(Message::MultipartReply(MultipartReply {
                body: MultipartReplyBody::Flow(flows),
                ..
            })) => flows,
            other => panic!("{other:?}"),
        }
    }

    /// What a controller has heard since it was last asked, answers to its requests left out.
    pub(crate) fn heard(&mut self, controller: ControllerId) -> Vec<Record> {
        let records = self.network.controller_mut::<Recorder>(controller).unwrap().take();
        records.into_iter().filter(|record| record.xid == 0).collect()
    }

    /// A frame into a port; the ports that it came out of, once it is through.
    pub(crate) fn frame(&mut self, port: u32, bytes: &[u8]) -> Vec<u32> {
        let sent = self.send(port, bytes);
        assert!(sent, "the link takes it");
        self.run(1000);
        self.arrived()
            .into_iter()
            .map(|(port, frame)| {
                assert_eq!(frame, bytes, "out of port {port}");
                port
            })
            .collect()
    }

    /// Puts a frame on its way.
    pub(crate) fn send(&mut self, port: u32, bytes: &[u8]) -> bool {
        let probe = self.probes[port as usize - 1];
        self.network.probe_send(probe, VecFrame::from_bytes(bytes))
    }

    /// What came out of the ports since this was last asked.
    pub(crate) fn arrived(&mut self) -> Vec<(u32, Vec<u8>)> {
        let mut arrived = Vec::new();
        for (port, probe) in (1..).zip(self.probes.clone()) {
            let frames = self.network.probe_take(probe).into_iter();
            arrived.extend(frames.map(|(_, frame)| (port, frame.headers().to_vec())));
        }
        arrived
    }

    pub(crate) fn drops(&self, reason: DropReason) -> u64 {
        self.network.device(self.switch).switch().tables.drop_count(reason)
    }

    /// Forgets which counters have moved.
    pub(crate) fn settle(&mut self) {
        self.before = Snapshot::of_device(self.network.device(self.switch), self.now());
    }

    /// Asserts which counters have moved since this was last asked, and that no other has.
    #[track_caller]
    pub(crate) fn assert_moved(&mut self, expected: &[&str]) {
        let now = Snapshot::of_device(self.network.device(self.switch), self.now());
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(now.moved_since(&self.before), expected);
        self.before = now;
    }
}

/// A frame of 60 bytes from one station to another.
pub(crate) fn between(source: u8, destination: u8) -> Vec<u8> {
    let address = |station: u8| match station {
        0xff => [0xff; 6],
        station => [2, 0, 0, 0, 0, station],
    };
    let head = [&address(destination)[..], &address(source), &[0x88, 0xcc]].concat();
    [head, vec![source; 46]].concat()
}
