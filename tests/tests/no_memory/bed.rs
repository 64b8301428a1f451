//! A switch with its device, its host and its channels, and one way to do a step of the script to it.

use datapath::{
    Batch, Eviction, Ingress, PortConfig, QueueConfig, Switch, SwitchConfig, TraceStep, Vacancy,
    Worker,
};
use hypercall::{Frame, Hypercall, Meta, Nanos, Port, Sent, VecFrame};
use ofp_codec::{HwAddr, OfpError, PortState, TableId};
use rumpswitch_tests::contract::{HELLO, message, multipart, split};
use rumpswitch_tests::wire::{flow_request, matching, set_async};
use switch_dev::{
    ChannelId, ChannelKind, Device, DeviceConfig, DeviceError, FailMode, HangUp, Readiness,
};

use crate::allocator::{armed, refused};

/// One thing that a controller, a host or time does.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Bytes on a channel, by its place in the order of opens.
    Send(usize, Vec<u8>),
    /// The same in two pieces.
    SendCut(usize, Vec<u8>, usize),
    /// Frames come in on the device's own worker.
    Frame(u32, Vec<u8>),
    /// Frames come in on the other worker.
    WorkerFrame(u32, Vec<u8>),
    /// A port comes.
    PortAdd(u32),
    /// Its link goes or comes.
    PortLink(u32, bool),
    /// It gets another number.
    PortRenumber(u32, u32),
    /// It goes.
    PortRemove(u32),
    /// Its queues.
    Queues(u32, Vec<u32>),
    /// Milliseconds pass.
    Tick(u64),
    /// A channel is opened, and says hello.
    Open(ChannelKind),
    /// An auxiliary connection of the channel.
    OpenAuxiliary(usize, u8),
    /// A channel is closed.
    Close(usize),
    /// Another worker.
    AddWorker,
    /// The fail mode.
    Standalone(bool),
    /// What a full table does.
    Evicting(u8, bool),
    /// Where a table is told to be filling.
    Vacancy(u8),
    /// The host asks for everything that it can.
    Ask,
    /// Somebody asks for a frame's way.
    Trace(u32, Vec<u8>),
    /// Messages of the first channel, with all memory there; nothing is brought to rest behind them.
    Preload(Vec<Vec<u8>>),
    /// Tables are compiled.
    Compile,
}

impl Step {
    /// Whether it is a part of something, all of which an error ends: a multipart request, a bundle.
    pub(crate) fn is_one_of_several(&self) -> bool {
        match self {
            Step::Send(_, bytes) => matches!(bytes[1], 4 | 18),
            Step::SendCut(..) => true,
            _ => false,
        }
    }

    /// Whether packets go on their way with it, which may be lost, or time passes, in which what is due
    /// may have to wait.
    pub(crate) fn may_lose_packets(&self) -> bool {
        match self {
            Step::Send(_, bytes) | Step::SendCut(_, bytes, _) => {
                // A packet-out, or the commit of a bundle.
                bytes[1] == 13 || (bytes[1] == 4 && bytes.ends_with(&[0, 4, 0, 3]))
            }
            Step::Frame(..) | Step::WorkerFrame(..) | Step::Tick(_) => true,
            _ => false,
        }
    }

    /// Whether what the switch has to do behind it is left to the next step.
    fn leaves_work(&self) -> bool {
        matches!(self, Step::Preload(_))
    }
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was done.
    Done,
    /// An error said that it was not.
    Refused(OfpErrorNumbers),
    /// A call on the device said that it was not.
    Failed(DeviceError),
    /// A channel was hung up.
    HungUp,
}

/// Type and code of an error message.
pub(crate) type OfpErrorNumbers = (u16, u16);

/// The host: takes frames and forgets them.
pub(crate) struct Host {
    sent: u64,
}

/// A frame, or nothing when memory is short.
fn frame(bytes: &[u8]) -> Option<VecFrame> {
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(VecFrame::HEADROOM + bytes.len()).ok()?;
    buffer.resize(VecFrame::HEADROOM, 0);
    buffer.extend_from_slice(bytes);
    Some(VecFrame::from_buffer(buffer, VecFrame::HEADROOM))
}

impl Hypercall for Host {
    type Frame = VecFrame;

    fn transmit(&mut self, _: Port, _: &Meta, _: VecFrame) -> Sent {
        self.sent += 1;
        Sent::Sent
    }

    fn duplicate(&mut self, given: &VecFrame) -> Option<VecFrame> {
        frame(given.headers())
    }

    fn allocate(&mut self, len: usize) -> Option<VecFrame> {
        frame(&[0; 65_535][..len.min(65_535)])
    }
}

/// A switch under a script.
pub(crate) struct Bed {
    device: Device,
    host: Host,
    now: Nanos,
    /// The channels in the order of their opens, after the observer's.
    channels: Vec<ChannelId>,
    observer: ChannelId,
    worker: Option<Worker>,
    batch: Batch<VecFrame>,
    buffer: Vec<u8>,
    /// What the channels have said since the last [`Bed::answers`], packet-ins left out.
    answers: Vec<(usize, Vec<u8>)>,
}

impl Bed {
    pub(crate) fn new() -> Bed {
        let switch = SwitchConfig {
            datapath_id: 0xabcdef,
            seed: 7,
            n_tables: 10,
            punt_queue_count: 16,
            ..SwitchConfig::default()
        };
        let device = DeviceConfig { description: "a bed".into(), ..DeviceConfig::default() };
        let mut device = Device::new(device, Switch::new(switch));
        let observer = device.open(Nanos(0), ChannelKind::Passive).expect("memory");
        let mut host = Host { sent: 0 };
        let quiet = [&HELLO[..], &set_async(1, [0; 6])].concat();
        assert_eq!(device.write(observer, Nanos(0), &mut host, &quiet), Ok(quiet.len()));
        let mut bed = Bed {
            device,
            host,
            now: Nanos(0),
            channels: Vec::new(),
            observer,
            worker: None,
            batch: Batch::new(),
            buffer: vec![0; 1 << 17],
            answers: Vec::new(),
        };
        // The switch's hello.
        bed.ask(&[]);
        bed
    }

    /// A bed after these steps.
    pub(crate) fn after(script: &[Step]) -> Bed {
        let mut bed = Bed::new();
        for step in script {
            bed.run(step);
            bed.settle(step);
        }
        bed.answers.clear();
        bed
    }

    /// Does a step; what is asked of the switch, it is asked with refusals.
    pub(crate) fn run(&mut self, step: &Step) -> Outcome {
        let done = match step {
            Step::Send(at, bytes) => self.send(*at, bytes),
            Step::SendCut(at, bytes, cut) => {
                let (first, rest) = bytes.split_at(*cut);
                match self.send(*at, first) {
                    Outcome::Done => self.send(*at, rest),
                    other => other,
                }
            }
            Step::Frame(port, bytes) => self.frame(*port, bytes, false),
            Step::WorkerFrame(port, bytes) => self.frame(*port, bytes, true),
            Step::PortAdd(number) => {
                let port = port(*number);
                self.tables(|tables, now| tables.port_add(now, port))
            }
            Step::PortLink(number, is_up) => {
                let mut port = port(*number);
                port.state.set(PortState::LINK_DOWN, !is_up);
                self.tables(|tables, _| tables.port_change(port))
            }
            Step::PortRenumber(from, to) => {
                self.tables(|tables, _| tables.port_renumber(Port(*from), Port(*to)))
            }
            Step::PortRemove(number) => self.tables(|tables, _| tables.port_remove(Port(*number))),
            Step::Queues(number, ids) => {
                let queues: Vec<QueueConfig> = ids.iter().map(|id| QueueConfig::new(*id)).collect();
                self.tables(|tables, now| tables.set_queues(now, Port(*number), &queues))
            }
            Step::Tick(millis) => {
                self.now = self.now.plus(millis * 1_000_000);
                armed(|| self.device.tick(self.now, &mut self.host));
                Outcome::Done
            }
            Step::Open(kind) => match armed(|| self.device.open(self.now, *kind)) {
                Ok(id) => self.greet(id),
                Err(error) => Outcome::Failed(error),
            },
            Step::OpenAuxiliary(main, id) => {
                let main = self.channels[*main];
                match armed(|| self.device.open_auxiliary(self.now, main, *id)) {
                    Ok(id) => self.greet(id),
                    Err(error) => Outcome::Failed(error),
                }
            }
            Step::Close(at) => {
                let id = self.channels[*at];
                armed(|| self.device.close(id));
                Outcome::Done
            }
            Step::AddWorker => match armed(|| self.device.add_worker()) {
                Some(worker) => {
                    self.worker = Some(worker);
                    Outcome::Done
                }
                None => Outcome::Failed(DeviceError::NoMemory),
            },
            Step::Standalone(is_standalone) => {
                let mode = if *is_standalone { FailMode::Standalone } else { FailMode::Secure };
                armed(|| self.device.set_fail_mode(mode));
                Outcome::Done
            }
            Step::Evicting(table, evicts) => {
                let eviction = if *evicts { Eviction::Any } else { Eviction::Refuse };
                let tables = &mut self.device.switch_mut().tables;
                armed(|| tables.set_eviction(TableId(*table), eviction));
                Outcome::Done
            }
            Step::Vacancy(table) => {
                let vacancy = Vacancy { down: 10, up: 90 };
                let tables = &mut self.device.switch_mut().tables;
                armed(|| tables.set_vacancy(TableId(*table), Some(vacancy)));
                Outcome::Done
            }
            Step::Ask => {
                let switch = self.device.switch();
                armed(|| {
                    drop(switch.tables.port_desc(Port(1)));
                    let _ = switch.tables.compiled(TableId(0));
                    switch.tables.stations(self.now).for_each(drop);
                });
                Outcome::Done
            }
            Step::Trace(port, bytes) => {
                let (switch, port) = (self.device.switch(), Port(*port));
                let told = armed(|| switch.trace(self.now, port, Meta::default(), bytes));
                if refused() == 0 {
                    assert!(told.len() > 3 && !told.contains(&TraceStep::Cut), "{told:?}");
                }
                Outcome::Done
            }
            Step::Preload(messages) => {
                let id = self.channels[0];
                for message in messages {
                    let taken = self.device.write(id, self.now, &mut self.host, message);
                    assert_eq!(taken, Ok(message.len()));
                }
                Outcome::Done
            }
            Step::Compile => {
                let tables = &mut self.device.switch_mut().tables;
                armed(|| tables.settle());
                Outcome::Done
            }
        };
        let done = self.hear(done);
        if self.is_lost() { Outcome::HungUp } else { done }
    }

    /// Does with all memory what the switch still has to do behind a step, until it is at rest.
    pub(crate) fn settle(&mut self, step: &Step) {
        if step.leaves_work() {
            return;
        }
        for _ in 0..10_000 {
            if self.device.next_deadline() != Some(Nanos(0)) {
                break;
            }
            self.device.tick(self.now, &mut self.host);
        }
        self.hear(Outcome::Done);
    }

    /// What the channels have said, packet-ins left out.
    pub(crate) fn answers(&mut self) -> Vec<(usize, Vec<u8>)> {
        std::mem::take(&mut self.answers)
    }

    /// Whether a channel has been hung up that was not closed.
    fn is_lost(&self) -> bool {
        let lost = |id: &ChannelId| {
            let why = self.device.status(*id).and_then(|status| status.hang_up);
            assert!(matches!(why, None | Some(HangUp::NoMemory)), "{why:?}");
            why.is_some()
        };
        self.channels.iter().any(lost)
    }

    fn greet(&mut self, id: ChannelId) -> Outcome {
        self.channels.push(id);
        self.send(self.channels.len() - 1, &HELLO)
    }

    fn tables(
        &mut self,
        what: impl FnOnce(&mut datapath::Tables, Nanos) -> Result<(), OfpError>,
    ) -> Outcome {
        let tables = &mut self.device.switch_mut().tables;
        match armed(|| what(tables, self.now)) {
            Ok(()) => {
                armed(|| self.device.tick(self.now, &mut self.host));
                Outcome::Done
            }
            Err(error) => Outcome::Refused((error.error_type(), error.code())),
        }
    }

    fn frame(&mut self, port: u32, bytes: &[u8], is_other: bool) -> Outcome {
        for _ in 0..4 {
            let frame = frame(bytes).expect("memory");
            self.batch.push(Ingress { port: Port(port), meta: Meta::default(), frame });
        }
        match self.worker.as_mut().filter(|_| is_other) {
            Some(worker) => armed(|| {
                let forwarding = self.device.forwarding();
                forwarding.process(worker, self.now, &mut self.host, &mut self.batch);
                while self.device.collect(worker) {}
            }),
            None => armed(|| {
                self.device.process(self.now, &mut self.host, &mut self.batch);
            }),
        }
        Outcome::Done
    }

    /// Writes all bytes, reading where that is asked for; what could not be taken for want of memory is
    /// written again. The error with the message's xid makes it a refusal.
    fn send(&mut self, at: usize, mut bytes: &[u8]) -> Outcome {
        let Some(id) = self.channels.get(at).copied() else { return Outcome::Done };
        let mut outcome = Outcome::Done;
        for _ in 0..10 {
            if bytes.is_empty() {
                break;
            }
            match armed(|| self.device.write(id, self.now, &mut self.host, bytes)) {
                Ok(taken) => bytes = &bytes[taken..],
                Err(DeviceError::WouldBlock) => outcome = self.hear(outcome),
                // Nothing was taken: later, then.
                Err(DeviceError::NoMemory) => {}
                Err(DeviceError::HungUp | DeviceError::BadChannel) => return Outcome::HungUp,
                Err(error) => panic!("{error}"),
            }
        }
        if !bytes.is_empty() {
            assert!(refused() > 0, "it never takes it");
            return Outcome::Failed(DeviceError::NoMemory);
        }
        // What is done in slices.
        for _ in 0..10_000 {
            if !armed(|| self.device.step(self.now, 4)) {
                break;
            }
            outcome = self.hear(outcome);
        }
        outcome
    }

    /// Reads all that the channels have to say. An error message makes it a refusal.
    fn hear(&mut self, mut outcome: Outcome) -> Outcome {
        for at in 0..self.channels.len() {
            let id = self.channels[at];
            while let Ok(len @ 1..) = armed(|| self.device.read(id, self.now, &mut self.buffer)) {
                let mut rest = &self.buffer[..len];
                while let [_, kind, high, low, ..] = rest {
                    let len = usize::from(u16::from_be_bytes([*high, *low]));
                    let (message, behind) = rest.split_at(len);
                    rest = behind;
                    let word = |at: usize| u16::from_be_bytes([message[at], message[at + 1]]);
                    match kind {
                        1 => {
                            outcome = Outcome::Refused((word(8), word(10)));
                        }
                        10 => continue,
                        _ => {}
                    }
                    self.answers.push((at, message.to_vec()));
                }
            }
        }
        outcome
    }

    /// Writes messages to the first channel, whatever becomes of them, with refusals; the bytes that
    /// were taken, and what was said to each.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<usize, DeviceError> {
        let id = self.channels[0];
        armed(|| self.device.write(id, self.now, &mut self.host, bytes))
    }

    /// What the first channel has to say, read with refusals, and whether it takes more then.
    pub(crate) fn read(&mut self) -> (Vec<Vec<u8>>, bool) {
        self.hear(Outcome::Done);
        assert!(!self.is_lost(), "a channel was hung up");
        let is_writable = self.device.readiness(self.channels[0]).contains(Readiness::WRITABLE);
        let said = self.answers().into_iter().filter(|(at, _)| *at == 0);
        (said.map(|(_, message)| message).collect(), is_writable)
    }

    /// How its tables are compiled.
    pub(crate) fn templates(&self) -> Vec<String> {
        let tables = &self.device.switch().tables;
        let template = |table| tables.template(TableId(table)).map(|found| found.to_string());
        (0..10).filter_map(template).collect()
    }

    /// Asks the switch something, with all memory there; the messages of the answer.
    pub(crate) fn ask(&mut self, question: &[u8]) -> Vec<Vec<u8>> {
        let taken = self.device.write(self.observer, self.now, &mut self.host, question);
        assert_eq!(taken, Ok(question.len()));
        self.device.step(self.now, 10_000);
        let mut told = Vec::new();
        while let Ok(len @ 1..) = self.device.read(self.observer, self.now, &mut self.buffer) {
            told.extend_from_slice(&self.buffer[..len]);
        }
        let messages = split(&told);
        assert!(messages.iter().all(|answer| answer[1] != 1), "{question:02x?}: {messages:02x?}");
        messages
    }

    /// Everything that the switch holds, as it tells an observer with all memory there.
    pub(crate) fn state(&mut self) -> Vec<Vec<u8>> {
        let any = flow_request(255, &matching(&[]));
        let all = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        let questions = [
            multipart(1, 1, 0, &any),
            multipart(2, 3, 0, &[]),
            multipart(3, 4, 0, &all),
            multipart(4, 5, 0, &[[0xff; 4], [0xff; 4]].concat()),
            multipart(5, 6, 0, &[0xff, 0xff, 0xff, 0xfc, 0, 0, 0, 0]),
            multipart(6, 7, 0, &[]),
            multipart(7, 9, 0, &all),
            multipart(8, 10, 0, &all),
            multipart(9, 12, 0, &[]),
            multipart(10, 13, 0, &[]),
            message(7, 11, &[]),
        ];
        questions.iter().flat_map(|question| self.ask(question)).collect()
    }
}

fn port(number: u32) -> PortConfig {
    let mut port = PortConfig::new(Port(number), &format!("port{number}"));
    port.hw_addr = HwAddr([2, 0, 0, 0, 0, number as u8]);
    port
}
