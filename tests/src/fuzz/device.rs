//! A device under anything that controllers, hosts and time can do, in any order: bytes in on any
//! channel, whole or cut; reads of any size; opens and closes; frames; ports that go and come; memory
//! that runs short.
//!
//! Asserted on the way: nothing panics; everything that comes out is whole messages of ours that
//! decode, and encode to the same bytes; what waits unread stays within the settings; a request on a
//! channel that is up is answered by one message of its type, or by one error, or by silence where
//! that is the answer, and its barrier is answered behind it. In the end, when all channels are
//! closed, nothing is open, and a new controller finds a switch that can be emptied.

use std::collections::BTreeMap;

use datapath::{Batch, Ingress, PortConfig, Switch, SwitchConfig};
use hypercall::fake::Recorder;
use hypercall::{Meta, Nanos, Port, VecFrame};
use ofp_codec::{GroupId, Message, MessageType, PortState};
use switch_dev::{ChannelId, ChannelKind, Device, DeviceConfig, DeviceError, FailMode, HangUp};

use super::codec::there_and_back;
use super::messages::{answer_of, request};
use crate::contract::{HELLO, barrier, echo, flow_mod};
use crate::generate::frames;
use crate::random::Random;
use crate::wire::{group_mod, meter_mod};

/// Steps of one run.
const STEPS_MAX: usize = 300;
/// The longest message.
const MESSAGE_MAX: usize = 65_535;

/// The device, its host, and what is known of its channels.
struct Run {
    device: Device,
    host: Recorder,
    now: Nanos,
    channels: BTreeMap<ChannelId, Wire>,
    next_xid: u32,
}

/// What is known of a channel's two streams.
#[derive(Default)]
struct Wire {
    /// Whether everything that was written so far was whole messages.
    is_whole: bool,
    /// What was read of a message that is not whole yet.
    begun: Vec<u8>,
}

/// Does what the bytes say.
pub fn device(bytes: &[u8]) {
    let random = &mut Random::of_bytes(bytes);
    let mut run = Run::new(random);
    for step in 0..STEPS_MAX {
        if random.is_spent() {
            break;
        }
        run.step(random);
        if step % 8 == 0 {
            run.check_bounds();
        }
    }
    run.check_bounds();
    run.end();
}

impl Run {
    fn new(random: &mut Random) -> Run {
        let switch = SwitchConfig {
            n_tables: 4,
            max_entries_per_table: 30,
            max_groups: 6,
            max_buckets: 24,
            max_meters: 4,
            max_bands: 3,
            punt_queue_count: 16,
            punt_queue_bytes: 4096,
            mac_table_count: 16,
            expiries_per_tick: 3,
            ..SwitchConfig::default()
        };
        let config = DeviceConfig {
            max_channels: 4,
            reply_len_soft: 2048,
            reply_len_hard: 128 * 1024,
            flow_removed_count: 20,
            packet_in_count: 8,
            packet_in_len: 4096,
            assembly_len: 8192,
            assembly_count: 2,
            bundle_count: 2,
            bundle_len: 8192,
            monitor_count: 3,
            ..DeviceConfig::default()
        };
        let device = Device::new(config, Switch::new(switch));
        let host = Recorder::default();
        let mut run =
            Run { device, host, now: Nanos(0), channels: BTreeMap::new(), next_xid: 1000 };
        for port in 1..=3 {
            run.port_add(port);
        }
        if random.chance(90) {
            run.open(ChannelKind::Active, true);
        }
        run
    }

    fn port_add(&mut self, number: u32) {
        let port = PortConfig::new(Port(number), &format!("p{number}"));
        let _ = self.device.switch_mut().tables.port_add(self.now, port);
    }

    fn step(&mut self, random: &mut Random) {
        match random.weighted(&[44, 8, 8, 6, 4, 12, 8, 4, 2, 2, 2]) {
            0 => self.ask(random),
            1 => self.write_raw(random),
            2 => self.read_some(random),
            3 => {
                let kind = random.pick(&[ChannelKind::Active, ChannelKind::Passive]);
                self.open(kind, random.chance(85));
            }
            4 => {
                if let Some(channel) = self.any_channel(random) {
                    self.close(channel);
                }
            }
            5 => self.receive(random),
            6 => self.pass(random),
            7 => self.change_port(random),
            8 => self.device.set_fail_mode(match random.below(2) {
                0 => FailMode::Secure,
                _ => FailMode::Standalone,
            }),
            9 => self.host.memory = random.chance(50).then(|| random.below(4)),
            _ => {
                self.device.step(self.now, random.below(4));
            }
        }
    }

    fn any_channel(&self, random: &mut Random) -> Option<ChannelId> {
        let channels: Vec<ChannelId> = self.channels.keys().copied().collect();
        (!channels.is_empty()).then(|| channels[random.below(channels.len())])
    }

    fn open(&mut self, kind: ChannelKind, says_hello: bool) {
        let is_full = self.channels.len() >= self.device.config().max_channels;
        match self.device.open(self.now, kind) {
            Ok(channel) => {
                assert!(!is_full, "more channels than the settings allow");
                self.channels.insert(channel, Wire { is_whole: true, ..Wire::default() });
                if says_hello {
                    self.write_whole(channel, &HELLO);
                }
            }
            Err(error) => assert!(is_full && error == DeviceError::Busy, "{error}"),
        }
    }

    fn close(&mut self, channel: ChannelId) {
        self.device.close(channel);
        self.channels.remove(&channel);
        assert_eq!(self.device.pending(channel), 0);
        let mut buffer = [0; 8];
        let read = self.device.read(channel, self.now, &mut buffer);
        assert_eq!(read, Err(DeviceError::BadChannel));
    }

    /// Writes whole messages, reading when that is asked for first; what was read, or `None` when
    /// the channel did not take all.
    fn write_whole(&mut self, channel: ChannelId, bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
        let (mut rest, mut messages) = (bytes, Vec::new());
        // Each turn takes a byte or reads one.
        while !rest.is_empty() {
            match self.device.write(channel, self.now, &mut self.host, rest) {
                Ok(taken) => {
                    assert!(taken > 0 && taken <= rest.len());
                    rest = &rest[taken..];
                }
                Err(DeviceError::WouldBlock) => {
                    let read = self.read_all(channel);
                    assert!(!read.is_empty(), "it wants to be read");
                    messages.extend(read);
                }
                Err(error) => {
                    assert_eq!(error, DeviceError::HungUp);
                    return None;
                }
            }
        }
        Some(messages)
    }

    /// Bytes of no particular meaning; the channel's stream is out of step from here on.
    fn write_raw(&mut self, random: &mut Random) {
        let Some(channel) = self.any_channel(random) else { return };
        let len = random.below(100);
        let mut bytes = match random.chance(50) {
            true => random.list(len, |random| random.below(256) as u8),
            false => request(random, 99),
        };
        if random.chance(50) {
            bytes.truncate(random.below(bytes.len() + 1));
        }
        let taken = self.device.write(channel, self.now, &mut self.host, &bytes);
        assert!(taken.is_ok_and(|taken| taken <= bytes.len()) || taken.is_err());
        if let Some(wire) = self.channels.get_mut(&channel) {
            wire.is_whole = false;
        }
    }

    /// One request and a barrier, and everything that comes back.
    fn ask(&mut self, random: &mut Random) {
        let Some(channel) = self.any_channel(random) else { return };
        let xid = self.next_xid;
        self.next_xid += 2;
        let request = request(random, xid);
        let is_up = |run: &Run| {
            let status = run.device.status(channel).expect("it is open");
            status.negotiated && status.hang_up.is_none()
        };
        let is_answered = is_up(self) && self.channels[&channel].is_whole;
        self.read_all(channel);
        let stream = [request.clone(), barrier(xid + 1)].concat();
        let Some(mut answers) = self.write_whole(channel, &stream) else { return };
        if !is_answered {
            return;
        }
        answers.extend(self.read_all(channel));
        if is_up(self) {
            check_answers(&request, xid, &answers);
        } else {
            // Only what cannot be framed, or what was not read in time, ends a channel.
            let why = self.device.status(channel).expect("it is open").hang_up;
            assert_ne!(why, Some(HangUp::NoHello));
        }
    }

    fn read_some(&mut self, random: &mut Random) {
        let Some(channel) = self.any_channel(random) else { return };
        let len = random.pick(&[1, 7, 8, 100, 5000]);
        let mut buffer = vec![0; len];
        if let Ok(count) = self.device.read(channel, self.now, &mut buffer) {
            let messages = self.gather(channel, &buffer[..count]);
            messages.iter().for_each(|message| check_message(message));
        }
    }

    /// Reads until there is nothing; the messages that became whole.
    fn read_all(&mut self, channel: ChannelId) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        // A longer message is continued.
        let mut buffer = [0; 4096];
        // A dump is bounded, and nothing else comes while it is read.
        for _ in 0..100_000 {
            match self.device.read(channel, self.now, &mut buffer) {
                Ok(0) | Err(DeviceError::WouldBlock) => {
                    messages.iter().for_each(|message: &Vec<u8>| check_message(message));
                    return messages;
                }
                Ok(count) => messages.extend(self.gather(channel, &buffer[..count])),
                Err(error) => panic!("read: {error}"),
            }
        }
        panic!("a channel has more and more to say");
    }

    /// Adds what was read to a channel's stream; the messages that are whole now.
    fn gather(&mut self, channel: ChannelId, read: &[u8]) -> Vec<Vec<u8>> {
        let begun = &mut self.channels.get_mut(&channel).expect("it is open").begun;
        begun.extend_from_slice(read);
        let mut messages = Vec::new();
        while let Some(len) =
            begun.get(2..4).map(|len| usize::from(len[0]) << 8 | usize::from(len[1]))
        {
            assert!(len >= 8, "a message of {len} bytes");
            if begun.len() < len {
                break;
            }
            messages.push(begun.drain(..len).collect());
        }
        messages
    }

    fn receive(&mut self, random: &mut Random) {
        let mut batch: Batch<VecFrame> = Batch::new();
        for _ in 0..1 + random.below(4) {
            let port = Port(random.pick(&[1, 1, 2, 3, 9]));
            let frame = match random.chance(80) {
                true => frames::frame(random),
                false => {
                    let len = random.below(70);
                    random.list(len, |random| random.below(256) as u8)
                }
            };
            let meta = Meta { tunnel_id: random.below(3) as u64, ..Meta::default() };
            batch.push(Ingress { port, meta, frame: VecFrame::from_bytes(&frame) });
        }
        self.device.process(self.now, &mut self.host, &mut batch);
        assert!(batch.is_empty());
        self.host.take();
    }

    fn pass(&mut self, random: &mut Random) {
        let nanos = random.pick(&[0, 1, 1_000_000, 500_000_000, 1_000_000_000, 70_000_000_000]);
        self.now = if random.chance(3) { Nanos(self.now.0 / 2) } else { self.now.plus(nanos) };
        self.device.tick(self.now, &mut self.host);
        // Ticks that are due at once end: each does something.
        for _ in 0..1000 {
            if self.device.next_deadline().is_none_or(|deadline| deadline > self.now) {
                return;
            }
            self.device.tick(self.now, &mut self.host);
        }
        panic!("a tick is due for ever");
    }

    fn change_port(&mut self, random: &mut Random) {
        let number = 1 + random.below(3) as u32;
        let tables = &mut self.device.switch_mut().tables;
        match random.below(3) {
            0 => {
                let _ = tables.port_remove(Port(number));
            }
            1 => self.port_add(number),
            _ => {
                let state = random.pick(&[PortState::LINK_DOWN, PortState::empty()]);
                let port = PortConfig::new(Port(number), &format!("p{number}"));
                let _ = tables.port_change(PortConfig { state, ..port });
            }
        }
        if random.chance(70) {
            self.device.tick(self.now, &mut self.host);
        }
    }

    /// What waits is within the settings, and so are the tables.
    fn check_bounds(&self) {
        let config = self.device.config();
        let unread_max = config.reply_len_hard + config.packet_in_len + 2 * MESSAGE_MAX;
        for channel in self.channels.keys() {
            let unread = self.device.pending(*channel);
            assert!(unread <= unread_max, "{unread} bytes wait");
        }
        let tables = &self.device.switch().tables;
        let limits = tables.config();
        for table in tables.table_stats() {
            assert!(table.active_count <= limits.max_entries_per_table);
        }
        let groups = tables.group_descs();
        let buckets: usize = groups.iter().map(|group| group.buckets.len()).sum();
        assert!(groups.len() <= limits.max_groups as usize);
        assert!(buckets <= limits.max_buckets as usize);
        assert!(tables.flow_removed_count() <= config.flow_removed_count + 200);
        assert!(self.device.switch().worker.punt_count() <= limits.punt_queue_count as usize);
    }

    /// All close; a new controller finds an orderly switch and empties it.
    fn end(mut self) {
        for channel in self.channels.keys().copied().collect::<Vec<_>>() {
            self.close(channel);
        }
        assert_eq!(self.device.channels().count(), 0);
        self.host.memory = None;
        self.open(ChannelKind::Passive, true);
        let channel = *self.channels.keys().next().expect("it was opened");
        let requests = [
            flow_mod(1, 255, 3, 0, 0),
            group_mod(2, 2, 0, GroupId::ALL.0, &[]),
            meter_mod(3, 2, 1, u32::MAX, &[]),
            echo(4, b"over"),
            barrier(5),
        ];
        let mut answers = self.write_whole(channel, &requests.concat()).expect("it is up");
        answers.extend(self.read_all(channel));
        let kinds: Vec<u8> = answers.iter().map(|answer| answer[1]).collect();
        assert_eq!(kinds, [0, 3, 21], "hello, echo, barrier; no error");
        let tables = &self.device.switch().tables;
        assert_eq!((tables.entry_count(), tables.group_descs().len()), (0, 0));
        self.close(channel);
        let error = self.device.write(channel, self.now, &mut self.host, &HELLO);
        assert_eq!(error, Err(DeviceError::BadChannel));
    }
}

/// A message of ours is whole, decodes, and encodes to the same bytes.
fn check_message(bytes: &[u8]) {
    if bytes[0] != ofp_codec::VERSION {
        // A hello that was not understood is refused in the version that it named.
        assert_eq!(bytes[1], MessageType::Error as u8);
        return;
    }
    let (header, message) =
        Message::decode(bytes).unwrap_or_else(|error| panic!("ours: {error}: {bytes:02x?}"));
    there_and_back(&message, header.xid);
}

/// What came back for a request is what the standard lets come back.
fn check_answers(request: &[u8], xid: u32, answers: &[Vec<u8>]) {
    let xid_of =
        |message: &[u8]| u32::from_be_bytes([message[4], message[5], message[6], message[7]]);
    let barrier = MessageType::BarrierReply as u8;
    let of_barrier = answers.iter().position(|a| a[1] == barrier && xid_of(a) == xid + 1);
    let Some(of_barrier) = of_barrier else { panic!("no barrier reply to {request:02x?}") };
    let ours: Vec<&Vec<u8>> = answers.iter().filter(|answer| xid_of(answer) == xid).collect();
    // What others did meanwhile has xids of its own: 0.
    let kinds: Vec<u8> = ours.iter().map(|answer| answer[1]).collect();
    let behind = answers.iter().skip(of_barrier).any(|answer| xid_of(answer) == xid);
    assert!(!behind, "{kinds:?} behind the barrier of {request:02x?}");
    let errors = kinds.iter().filter(|kind| **kind == MessageType::Error as u8).count();
    assert!(errors <= 1, "{errors} errors for {request:02x?}");
    let kind = request[1];
    match answer_of(kind) {
        // A multipart request may be the first part of several, or part of nothing.
        Some(MessageType::MultipartReply) => {
            let more = request.get(11).is_some_and(|flags| flags & 1 != 0);
            let replies = kinds.len() - errors;
            assert!(more || replies + errors > 0, "no answer to {request:02x?}");
            assert!(errors == 0 || replies == 0, "{kinds:?} for {request:02x?}");
        }
        Some(answer) => {
            let expected = [answer as u8];
            let is_error = kinds == [MessageType::Error as u8];
            assert!(is_error || kinds == expected, "{kinds:?} for {request:02x?}");
        }
        // Bundles answer, mods do not.
        None if kind == MessageType::Experimenter as u8 => {
            assert!(kinds.len() <= 1 + errors, "{kinds:?} for {request:02x?}");
        }
        None => assert!(kinds.len() == errors, "{kinds:?} for {request:02x?}"),
    }
}
