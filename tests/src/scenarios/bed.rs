//! A switch of four ports with one controller on it: messages in, answers and news out; frames in,
//! frames out; time.

use std::collections::VecDeque;

use datapath::{DropReason, PortConfig};
use hypercall::Nanos;
use ofp_codec::multipart::{
    AggregateStats, FlowStats, FlowStatsRequest, GroupDesc, GroupFeatures, GroupStats, MeterConfig,
    MeterFeatures, MeterStats, MultipartReplyBody, MultipartRequest, MultipartRequestBody,
    PortStats, QueueStats, QueueStatsRequest, TableFeatures, TableStats,
};
use ofp_codec::{
    Action, AsyncConfig, AsyncMask, BundleAdd, BundleControl, BundleControlType, BundleFlags,
    Config as SwitchConfig, ConfigFlags as SwitchFlags, FlowMod, FlowRemoved, GroupId, GroupMod,
    Message, MeterId, MeterMod, MultipartFlags, OfpError, PacketIn, PacketOut, PacketQueue,
    PortConfig as ConfigFlags, PortDesc, PortFeatures, PortMod, PortNo, PortState, PortStatus,
    TableMod,
};
use switch_dev::{ChannelKind, DeviceError};

use super::World;
use super::notation::{apply, entry};
use crate::contract::{HELLO, header};
use crate::embodiment::{Abilities, Embodiment, MAX_FRAMES, Sent, Setup};

/// See the head of the file.
pub(super) struct Bed<'w> {
    world: &'w World<'w>,
    device: Box<dyn Embodiment>,
    channel: u64,
    /// What was read and is no whole message yet.
    stream: Vec<u8>,
    /// Asynchronous messages that nobody has asked for yet.
    heard: VecDeque<Message>,
    next_xid: u32,
    now: Nanos,
    drops: Vec<(DropReason, u64)>,
}

impl<'w> Bed<'w> {
    pub(super) fn new(world: &'w World<'w>, mut device: Box<dyn Embodiment>) -> Bed<'w> {
        let channel = device.open(ChannelKind::Active).expect("a free channel");
        let (stream, heard) = (Vec::new(), VecDeque::new());
        let drops = device.drops().unwrap_or_default();
        let now = Setup::START;
        let mut bed = Bed { world, device, channel, stream, heard, next_xid: 1000, now, drops };
        bed.write(&HELLO);
        bed.say(&Message::BarrierRequest);
        bed.heard.clear();
        bed
    }

    // ---- messages ----

    fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.device.write(self.channel, bytes) {
                Ok(taken) => bytes = &bytes[taken..],
                Err(DeviceError::WouldBlock) => {
                    assert!(self.read() || self.goes_on(), "a channel that takes nothing");
                }
                Err(error) => panic!("write: {error}"),
            }
        }
    }

    /// Reads what there is; whether there was anything.
    fn read(&mut self) -> bool {
        let mut buffer = vec![0; 1 << 16];
        match self.device.read(self.channel, &mut buffer) {
            Ok(0) => panic!("the switch has hung up"),
            Ok(len) => self.stream.extend_from_slice(&buffer[..len]),
            Err(DeviceError::WouldBlock) => return false,
            Err(error) => panic!("read: {error}"),
        }
        true
    }

    /// Lets the switch go on; an embodiment that runs by itself may take its time.
    fn goes_on(&mut self) -> bool {
        let is_at_once = Abilities::TIME | Abilities::EXACT;
        let is_at_once = self.device.abilities().contains(is_at_once);
        (0..if is_at_once { 1 } else { 20 }).any(|_| self.device.go_on())
    }

    /// Takes the whole messages off the stream.
    fn messages(&mut self) -> Vec<(u32, Message)> {
        let mut messages = Vec::new();
        let mut at = 0;
        while self.stream.len() >= at + 8 {
            let (_, len, _) = header(&self.stream[at..]);
            let Some(message) = self.stream.get(at..at + len) else { break };
            let (header, message) = Message::decode(message).expect("a message that can be read");
            messages.push((header.xid, message));
            at += len;
        }
        self.stream.drain(..at);
        messages
    }

    /// Sends a message and a barrier; the answers to the message. What else is heard is kept.
    #[track_caller]
    pub(super) fn say(&mut self, message: &Message) -> Vec<Message> {
        let (xid, end) = (self.next_xid, self.next_xid + 1);
        self.next_xid += 2;
        let mut bytes = Vec::new();
        message.encode(xid, &mut bytes).expect("a message that can be written");
        Message::BarrierRequest.encode(end, &mut bytes).expect("a barrier");
        self.write(&bytes);
        let mut answers = Vec::new();
        loop {
            for (of, message) in self.messages() {
                match message {
                    Message::BarrierReply if of == end => return answers,
                    message if of == xid => answers.push(message),
                    message => self.heard.push_back(message),
                }
            }
            assert!(self.read() || self.goes_on(), "the barrier is answered");
        }
    }

    /// Sends a message that is taken without a word, or refused.
    #[track_caller]
    pub(super) fn tell(&mut self, message: &Message) -> Result<(), OfpError> {
        match &self.say(message)[..] {
            [] => Ok(()),
            [Message::Error(error)] => Err(error.error().expect("an error of the standard")),
            others => panic!("{others:?}"),
        }
    }

    /// Sends messages that are all taken, without waiting for each.
    #[track_caller]
    pub(super) fn tell_all(&mut self, messages: impl Iterator<Item = Message>) {
        let mut bytes = Vec::new();
        for message in messages {
            message.encode(1, &mut bytes).expect("a message that can be written");
            if bytes.len() > 1 << 14 {
                self.write(&std::mem::take(&mut bytes));
            }
        }
        self.write(&bytes);
        self.say(&Message::BarrierRequest);
        let error = self.heard.iter().find(|message| matches!(message, Message::Error(_)));
        assert_eq!(error, None, "all are taken");
    }

    /// Commits messages as one atomic bundle; whether it took effect.
    #[track_caller]
    pub(super) fn commit(&mut self, messages: &[Message]) -> bool {
        let (bundle_id, flags) = (7, BundleFlags::ATOMIC | BundleFlags::ORDERED);
        let control = |control| {
            let properties = Vec::new();
            Message::BundleControl(BundleControl { bundle_id, control, flags, properties })
        };
        let answers = self.say(&control(BundleControlType::OpenRequest));
        assert_eq!(answers, [control(BundleControlType::OpenReply)]);
        for message in messages {
            let mut bytes = Vec::new();
            // The bundle's messages have the numbers of those that they came in.
            message.encode(self.next_xid, &mut bytes).expect("a message that can be written");
            let properties = Vec::new();
            let add = BundleAdd { bundle_id, flags, message: bytes, properties };
            self.tell(&Message::BundleAdd(add)).expect("the bundle takes it");
        }
        let answers = self.say(&control(BundleControlType::CommitRequest));
        answers == [control(BundleControlType::CommitReply)]
    }

    #[track_caller]
    pub(super) fn flow_mod(&mut self, flow: FlowMod) -> Result<(), OfpError> {
        self.tell(&Message::FlowMod(flow))
    }

    /// A flow-mod that is taken.
    #[track_caller]
    pub(super) fn add(&mut self, flow: FlowMod) {
        self.flow_mod(flow).expect("the flow-mod is taken");
    }

    #[track_caller]
    pub(super) fn group_mod(&mut self, group: GroupMod) -> Result<(), OfpError> {
        self.tell(&Message::GroupMod(group))
    }

    #[track_caller]
    pub(super) fn group(&mut self, group: GroupMod) {
        self.group_mod(group).expect("the group-mod is taken");
    }

    #[track_caller]
    pub(super) fn meter_mod(&mut self, meter: MeterMod) -> Result<(), OfpError> {
        self.tell(&Message::MeterMod(meter))
    }

    #[track_caller]
    pub(super) fn meter(&mut self, meter: MeterMod) {
        self.meter_mod(meter).expect("the meter-mod is taken");
    }

    #[track_caller]
    pub(super) fn port_mod(&mut self, given: PortMod) -> Result<(), OfpError> {
        self.tell(&Message::PortMod(given))
    }

    #[track_caller]
    pub(super) fn table_mod(&mut self, given: TableMod) -> Result<(), OfpError> {
        self.tell(&Message::TableMod(given))
    }

    /// How fragments are treated.
    #[track_caller]
    pub(super) fn set_fragments(&mut self, flags: SwitchFlags) {
        let config = SwitchConfig { flags, miss_send_len: 0xffff };
        self.tell(&Message::SetConfig(config)).expect("the configuration is taken");
    }

    #[track_caller]
    pub(super) fn packet_out(&mut self, given: &PacketOut) -> Result<(), OfpError> {
        self.tell(&Message::PacketOut(given.clone()))
    }

    /// Asks for a multipart; all its parts.
    #[track_caller]
    pub(super) fn request(
        &mut self,
        body: MultipartRequestBody,
    ) -> Result<Vec<MultipartReplyBody>, OfpError> {
        let request = MultipartRequest { flags: MultipartFlags::empty(), body };
        let mut parts = Vec::new();
        for answer in self.say(&Message::MultipartRequest(request)) {
            match answer {
                Message::MultipartReply(reply) => parts.push(reply.body),
                Message::Error(error) => {
                    return Err(error.error().expect("an error of the standard"));
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(!parts.is_empty(), "an answer");
        Ok(parts)
    }

    /// Asks for every asynchronous message, those that a controller does not get unasked, too.
    pub(super) fn hear_all(&mut self) {
        let all = AsyncMask { master: 0x3f, slave: 0x3f };
        let config = AsyncConfig { packet_in: all, port_status: all, flow_removed: all };
        self.tell(&Message::SetAsync(config)).expect("the masks are taken");
    }

    // ---- what controllers read ----

    #[track_caller]
    pub(super) fn flow_stats(
        &mut self,
        request: &FlowStatsRequest,
    ) -> Result<Vec<FlowStats>, OfpError> {
        let parts = self.request(MultipartRequestBody::Flow(request.clone()))?;
        Ok(rows(parts, |part| match part {
            MultipartReplyBody::Flow(rows) => Some(rows),
            _ => None,
        }))
    }

    /// The flow entries that a request selects.
    #[track_caller]
    pub(super) fn selected(&mut self, request: &FlowStatsRequest) -> Vec<FlowStats> {
        self.flow_stats(request).expect("flow statistics")
    }

    /// All flow entries.
    #[track_caller]
    pub(super) fn flows(&mut self) -> Vec<FlowStats> {
        self.flow_stats(&FlowStatsRequest::default()).expect("flow statistics")
    }

    /// All flow entries but for their age.
    #[track_caller]
    pub(super) fn entries(&mut self) -> Vec<FlowStats> {
        let ageless = |flow| FlowStats { duration_sec: 0, duration_nsec: 0, ..flow };
        self.flows().into_iter().map(ageless).collect()
    }

    #[track_caller]
    pub(super) fn aggregate(&mut self, request: &FlowStatsRequest) -> AggregateStats {
        let parts = self.request(MultipartRequestBody::Aggregate(request.clone()));
        match &parts.expect("aggregates")[..] {
            [MultipartReplyBody::Aggregate(sum)] => *sum,
            others => panic!("{others:?}"),
        }
    }

    #[track_caller]
    pub(super) fn table_stats(&mut self) -> Vec<TableStats> {
        let parts = self.request(MultipartRequestBody::Table).expect("table statistics");
        rows(parts, |part| match part {
            MultipartReplyBody::Table(rows) => Some(rows),
            _ => None,
        })
    }

    /// Of `port`, or of all by ANY.
    #[track_caller]
    pub(super) fn port_stats(&mut self, port: PortNo) -> Result<Vec<PortStats>, OfpError> {
        let parts = self.request(MultipartRequestBody::PortStats(port))?;
        Ok(rows(parts, |part| match part {
            MultipartReplyBody::PortStats(rows) => Some(rows),
            _ => None,
        }))
    }

    #[track_caller]
    pub(super) fn group_stats(&mut self, group: GroupId) -> Vec<GroupStats> {
        let parts = self.request(MultipartRequestBody::Group(group)).expect("group statistics");
        rows(parts, |part| match part {
            MultipartReplyBody::Group(rows) => Some(rows),
            _ => None,
        })
    }

    #[track_caller]
    pub(super) fn group_descs(&mut self) -> Vec<GroupDesc> {
        let parts = self.request(MultipartRequestBody::GroupDesc).expect("groups");
        rows(parts, |part| match part {
            MultipartReplyBody::GroupDesc(rows) => Some(rows),
            _ => None,
        })
    }

    #[track_caller]
    pub(super) fn meter_stats(&mut self, meter: MeterId) -> Result<Vec<MeterStats>, OfpError> {
        let parts = self.request(MultipartRequestBody::Meter(meter))?;
        Ok(rows(parts, |part| match part {
            MultipartReplyBody::Meter(rows) => Some(rows),
            _ => None,
        }))
    }

    #[track_caller]
    pub(super) fn meter_configs(&mut self, meter: MeterId) -> Vec<MeterConfig> {
        let parts = self.request(MultipartRequestBody::MeterConfig(meter)).expect("meters");
        rows(parts, |part| match part {
            MultipartReplyBody::MeterConfig(rows) => Some(rows),
            _ => None,
        })
    }

    #[track_caller]
    pub(super) fn queue_stats(
        &mut self,
        port_no: PortNo,
        queue_id: u32,
    ) -> Result<Vec<QueueStats>, OfpError> {
        let request = QueueStatsRequest { port_no, queue_id };
        let parts = self.request(MultipartRequestBody::Queue(request))?;
        Ok(rows(parts, |part| match part {
            MultipartReplyBody::Queue(rows) => Some(rows),
            _ => None,
        }))
    }

    /// The queues of a port, or of all by ANY.
    #[track_caller]
    pub(super) fn queue_configs(&mut self, port: PortNo) -> Result<Vec<PacketQueue>, OfpError> {
        match &self.say(&Message::QueueGetConfigRequest(port))[..] {
            [Message::QueueGetConfigReply(config)] => Ok(config.queues.clone()),
            [Message::Error(error)] => Err(error.error().expect("an error of the standard")),
            others => panic!("{others:?}"),
        }
    }

    #[track_caller]
    pub(super) fn table_features(&mut self) -> Vec<TableFeatures> {
        let parts = self.request(MultipartRequestBody::TableFeatures(Vec::new()));
        rows(parts.expect("table features"), |part| match part {
            MultipartReplyBody::TableFeatures(rows) => Some(rows),
            _ => None,
        })
    }

    #[track_caller]
    pub(super) fn group_features(&mut self) -> GroupFeatures {
        match &self.request(MultipartRequestBody::GroupFeatures).expect("group features")[..] {
            [MultipartReplyBody::GroupFeatures(features)] => *features,
            others => panic!("{others:?}"),
        }
    }

    #[track_caller]
    pub(super) fn meter_features(&mut self) -> MeterFeatures {
        match &self.request(MultipartRequestBody::MeterFeatures).expect("meter features")[..] {
            [MultipartReplyBody::MeterFeatures(features)] => *features,
            others => panic!("{others:?}"),
        }
    }

    // ---- what controllers hear ----

    /// Takes the first of one kind of asynchronous message.
    #[track_caller]
    fn hear<T>(&mut self, kind: fn(&Message) -> Option<T>) -> Option<T> {
        if !self.heard.iter().any(|message| kind(message).is_some()) {
            self.say(&Message::BarrierRequest);
        }
        let at = self.heard.iter().position(|message| kind(message).is_some())?;
        self.heard.remove(at).as_ref().and_then(kind)
    }

    #[track_caller]
    pub(super) fn packet_in(&mut self) -> Option<PacketIn> {
        self.hear(|message| match message {
            Message::PacketIn(packet_in) => Some(packet_in.clone()),
            _ => None,
        })
    }

    /// Forgets the packet-ins; how many they were.
    #[track_caller]
    pub(super) fn packet_in_count(&mut self) -> usize {
        std::iter::from_fn(|| self.packet_in()).count()
    }

    #[track_caller]
    pub(super) fn flow_removed(&mut self) -> Option<FlowRemoved> {
        self.hear(|message| match message {
            Message::FlowRemoved(removed) => Some(removed.clone()),
            _ => None,
        })
    }

    #[track_caller]
    pub(super) fn port_status(&mut self) -> Option<PortStatus> {
        self.hear(|message| match message {
            Message::PortStatus(status) => Some(status.clone()),
            _ => None,
        })
    }

    // ---- frames ----

    /// One frame in.
    pub(super) fn frame(&mut self, port: u32, frame: &[u8]) {
        self.device.frame(port, frame);
    }

    /// One frame in; ports and frames out.
    pub(super) fn send(&mut self, port: u32, frame: &[u8]) -> Vec<(u32, Vec<u8>)> {
        self.frame(port, frame);
        self.sent()
    }

    /// What went out since this was last asked; by port, where their order cannot be seen.
    pub(super) fn sent(&mut self) -> Vec<(u32, Vec<u8>)> {
        self.went_out().into_iter().map(|sent| (sent.port, sent.bytes)).collect()
    }

    fn went_out(&mut self) -> Vec<Sent> {
        let mut sent = self.device.sent();
        if !self.world.abilities.contains(Abilities::ORDER) {
            sent.sort_by_key(|sent| sent.port);
        }
        sent
    }

    /// Ports and queues of the frames that went out since this was last asked.
    #[track_caller]
    pub(super) fn marks(&mut self) -> Vec<(u32, Option<u32>)> {
        self.world.uses(Abilities::QUEUES);
        self.went_out().into_iter().map(|sent| (sent.port, sent.queue)).collect()
    }

    /// Many frames in, one every so many nanoseconds; each of what goes out is handed over.
    #[track_caller]
    pub(super) fn stream(
        &mut self,
        port: u32,
        every: u64,
        frames: impl IntoIterator<Item = Vec<u8>>,
        mut out: impl FnMut(u32, Vec<u8>),
    ) {
        self.sends_much();
        if every > 0 {
            self.world.uses(Abilities::TIME | Abilities::PACE);
        }
        let mut frames = frames.into_iter().peekable();
        while frames.peek().is_some() {
            let mut burst = Vec::new();
            for frame in frames.by_ref().take(MAX_FRAMES) {
                burst.push((self.now, frame));
                self.now = self.now.plus(every);
            }
            self.device.frames(port, &burst);
            self.device.sent().into_iter().for_each(|sent| out(sent.port, sent.bytes));
        }
        if every > 0 {
            self.device.set_time(self.now);
        }
    }

    /// One frame in; ports out.
    pub(super) fn ports(&mut self, port: u32, frame: &[u8]) -> Vec<u32> {
        self.send(port, frame).into_iter().map(|(port, _)| port).collect()
    }

    /// For a case that looks at the order in which frames leave by different ports.
    #[track_caller]
    pub(super) fn looks_at_order(&self) {
        self.world.uses(Abilities::ORDER);
    }

    /// For a case with more than a few hundred moves of the clock.
    #[track_caller]
    pub(super) fn moves_much(&self) {
        self.world.uses(Abilities::PACE);
    }

    /// For a case with more than a few hundred frames or messages.
    #[track_caller]
    pub(super) fn sends_much(&self) {
        self.world.uses(Abilities::BULK);
    }

    /// Asserts which drop counters moved since the last call, and that no other did, where they can be
    /// seen.
    #[track_caller]
    pub(super) fn assert_drops(&mut self, expected: &[(DropReason, u64)]) {
        let Some(now) = self.device.drops() else { return };
        let before = |reason| {
            self.drops.iter().find(|(other, _)| *other == reason).map_or(0, |(_, count)| *count)
        };
        let moved = now.iter().map(|(reason, count)| (*reason, count - before(*reason)));
        let moved: Vec<(DropReason, u64)> = moved.filter(|(_, count)| *count != 0).collect();
        assert_eq!(moved, expected);
        self.drops = now;
    }

    // ---- time ----

    #[track_caller]
    pub(super) fn now(&self) -> Nanos {
        self.world.uses(Abilities::TIME);
        self.now
    }

    /// Lets time pass, in which nothing is done.
    #[track_caller]
    pub(super) fn pass(&mut self, nanos: u64) {
        self.pass_until(self.now.plus(nanos));
    }

    #[track_caller]
    pub(super) fn pass_until(&mut self, now: Nanos) {
        self.world.uses(Abilities::TIME);
        self.now = now;
        self.device.set_time(now);
    }

    /// Lets time pass as it does where nobody holds the clock: what is due is done by itself.
    pub(super) fn wait(&mut self, nanos: u64) {
        if self.device.abilities().contains(Abilities::TIME) {
            self.now = self.now.plus(nanos);
            self.device.set_time(self.now);
            self.device.tick();
        } else {
            std::thread::sleep(std::time::Duration::from_nanos(nanos));
        }
    }

    /// Lets time pass, and does what it brings where nobody does by itself.
    #[track_caller]
    pub(super) fn live(&mut self, nanos: u64) {
        self.pass(nanos);
        if self.device.abilities().contains(Abilities::DEADLINE) {
            self.device.tick();
        }
    }

    /// Lets time pass and does what it brings.
    #[track_caller]
    pub(super) fn tick_at(&mut self, now: Nanos) {
        self.world.uses(Abilities::DEADLINE);
        self.pass_until(now);
        self.device.tick();
    }

    #[track_caller]
    pub(super) fn deadline(&mut self) -> Option<Nanos> {
        self.world.uses(Abilities::DEADLINE);
        self.device.deadline()
    }

    /// Does what time has brought.
    #[track_caller]
    pub(super) fn tick(&mut self) {
        self.tick_at(self.now);
    }

    // ---- ports ----

    #[track_caller]
    pub(super) fn port_add(&mut self, port: &PortConfig) -> bool {
        self.world.uses(Abilities::PORTS);
        self.device.port_add(port).is_ok()
    }

    #[track_caller]
    pub(super) fn port_change(&mut self, port: &PortConfig) -> bool {
        self.world.uses(Abilities::PORTS);
        self.device.port_change(port).is_ok()
    }

    #[track_caller]
    pub(super) fn port_remove(&mut self, number: u32) -> bool {
        self.world.uses(Abilities::MEMBERS);
        self.device.port_remove(number).is_ok()
    }

    /// The host gives a port queues.
    #[track_caller]
    pub(super) fn set_queues(&mut self, port: u32, ids: &[u32]) {
        self.world.uses(Abilities::QUEUES);
        assert!(self.device.set_queues(port, ids).is_ok());
    }

    /// A port gets or loses its link.
    #[track_caller]
    pub(super) fn link(&mut self, port: u32, is_up: bool) {
        let state = if is_up { PortState::empty() } else { PortState::LINK_DOWN };
        self.world.uses(Abilities::LINKS);
        let changed = self.device.port_change(&PortConfig { state, ..Setup::port(port) });
        assert!(changed.is_ok());
    }

    /// A port that went comes again.
    #[track_caller]
    pub(super) fn port_back(&mut self, port: u32) {
        self.world.uses(Abilities::MEMBERS);
        assert!(self.device.port_add(&Setup::port(port)).is_ok());
    }

    /// A port as the switch describes it.
    #[track_caller]
    pub(super) fn port_desc(&mut self, port: u32) -> PortDesc {
        let ports = self.port_descs();
        ports.into_iter().find(|desc| desc.port_no == PortNo(port)).expect("a port")
    }

    /// All ports as the switch describes them.
    #[track_caller]
    pub(super) fn port_descs(&mut self) -> Vec<PortDesc> {
        let parts = self.request(MultipartRequestBody::PortDesc).expect("ports");
        rows(parts, |part| match part {
            MultipartReplyBody::PortDesc(rows) => Some(rows),
            _ => None,
        })
    }

    /// A port-mod that names the port's own address, not sent.
    #[track_caller]
    pub(super) fn port_mod_of(
        &mut self,
        port: u32,
        config: ConfigFlags,
        mask: ConfigFlags,
    ) -> PortMod {
        let hw_addr = self.port_desc(port).hw_addr;
        PortMod { port_no: PortNo(port), hw_addr, config, mask, advertise: PortFeatures::empty() }
    }

    /// A port-mod that names the port's own address.
    #[track_caller]
    pub(super) fn config(
        &mut self,
        port: u32,
        config: ConfigFlags,
        mask: ConfigFlags,
    ) -> Result<(), OfpError> {
        let given = self.port_mod_of(port, config, mask);
        self.port_mod(given)
    }

    /// For a case in which a port that is not there matters, LOCAL too.
    #[track_caller]
    pub(super) fn counts_all_ports(&self) {
        self.world.uses(Abilities::BLANK);
    }

    /// Sets all bits of a port's configuration.
    #[track_caller]
    pub(super) fn configure(&mut self, port: u32, config: ConfigFlags) {
        let mask = ConfigFlags::PORT_DOWN
            | ConfigFlags::NO_RECV
            | ConfigFlags::NO_FWD
            | ConfigFlags::NO_PACKET_IN;
        self.config(port, config, mask).expect("the port-mod is taken");
    }

    /// Everything goes to a group.
    #[track_caller]
    pub(super) fn via(&mut self, id: u32) {
        self.add(entry(1, &[], apply([Action::Group(GroupId(id))])));
    }
}

/// The rows of all parts of a reply.
#[track_caller]
fn rows<T>(
    parts: Vec<MultipartReplyBody>,
    rows: fn(MultipartReplyBody) -> Option<Vec<T>>,
) -> Vec<T> {
    parts
        .into_iter()
        .flat_map(|part| rows(part).expect("an answer of the kind asked for"))
        .collect()
}
