//! Messages of controllers, changed at random, on several channels of one device that keeps its state
//! from one to the next.

use datapath::SwitchConfig;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;
use rumpswitch_tests::contract::*;
use rumpswitch_tests::plain;
use rumpswitch_tests::wire::*;
use switch_dev::{ChannelId, ChannelKind, DeviceConfig, DeviceError, Readiness};

use crate::bed::state;
use crate::embodiment::{FRAME, InProcess};

/// Channels that talk: two controllers, a third that is a slave, a tool.
const CHANNELS: usize = 4;
/// Messages of one case.
const STEPS: usize = 50;

/// What is done to a message.
#[derive(Clone, Debug)]
enum Change {
    /// A bit is turned.
    Flip(Index, u8),
    /// A byte becomes another, likely one that means something.
    Set(Index, u8),
    /// It ends here.
    Cut(Index),
    /// More follows.
    Append(Vec<u8>),
    /// Something comes between.
    Insert(Index, Vec<u8>),
    /// A piece comes twice.
    Repeat(Index, Index),
    /// The rest is another message's.
    Splice(Index, Index, Index),
    /// Its header says that it is this long, and so it is: cut, or filled with this byte.
    Length(u16, u8),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    let byte = || {
        prop_oneof![
            any::<u8>(),
            prop::sample::select(vec![0, 1, 2, 3, 4, 6, 8, 16, 24, 0x7f, 0x80, 0xfc, 0xfe, 0xff])
        ]
    };
    prop_oneof![
        4 => (at(), 0u8..8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        4 => (at(), byte()).prop_map(|(at, byte)| Change::Set(at, byte)),
        2 => at().prop_map(Change::Cut),
        1 => vec(byte(), 1..24).prop_map(Change::Append),
        2 => (at(), vec(byte(), 1..17)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        2 => (at(), at()).prop_map(|(from, to)| Change::Repeat(from, to)),
        1 => (at(), at(), at()).prop_map(|(at, other, from)| Change::Splice(at, other, from)),
        1 => (0u16..600, byte()).prop_map(|(len, fill)| Change::Length(len, fill)),
    ]
}

/// One message: who says it, which of the seeds it is, what was done to it, where it is cut in two.
#[derive(Clone, Debug)]
struct Step {
    channel: usize,
    seed: Index,
    changes: Vec<Change>,
    cut: Index,
}

fn step() -> impl Strategy<Value = Step> {
    let changes = prop_oneof![
        1 => Just(Vec::new()),
        9 => vec(change(), 1..4),
    ];
    (0..CHANNELS, any::<Index>(), changes, any::<Index>())
        .prop_map(|(channel, seed, changes, cut)| Step { channel, seed, changes, cut })
}

/// ONF_BUNDLE_CONTROL of bundle 9.
fn bundle_control(kind: u16) -> Vec<u8> {
    let body = [&9u32.to_be_bytes()[..], &kind.to_be_bytes(), &[0, 3]].concat();
    experimenter(50, 0x4f4e_4600, 2300, &body)
}

/// A message of each kind that a controller sends, right as they are; some need what others make.
fn seeds() -> Vec<Vec<u8>> {
    const ANY: u32 = u32::MAX;
    let udp = [oxm(5, &[8, 0]), oxm(10, &[17]), oxm(16, &[0, 53])];
    let nd = [oxm(5, &[0x86, 0xdd]), oxm(10, &[58]), oxm(29, &[135]), oxm(31, &[7; 16])];
    let masked = [oxm_masked(3, &[1, 0, 0, 0, 0, 0], &[1, 0, 0, 0, 0, 0]), oxm(6, &[0x10, 5])];
    let actions = [
        tlv(17, &[0x81, 0, 0, 0]),
        set_field(&oxm(6, &[0x10, 5])),
        set_field(&oxm(4, &[2, 0, 0, 0, 0, 9])),
        output(2),
        tlv(22, &[0, 0, 0, 5]),
        output(0xffff_fffd),
    ];
    let metadata = tlv(2, &[&[0; 4][..], &[0, 0, 0, 0, 0, 0, 0, 5], &[0xff; 8]].concat());
    let flow = |command: u8, table: u8, flags: u16| FlowMod {
        command,
        table,
        flags,
        ..FlowMod::default()
    };
    let buckets = [
        bucket(3, ANY, ANY, &[set_field(&oxm(3, &[9; 6])), output(1)]),
        bucket(4, 1, ANY, &[output(2)]),
    ];
    let failover = [bucket(0, 1, ANY, &[output(1)]), bucket(0, ANY, 5, &[tlv(22, &[0, 0, 0, 5])])];
    let bundled = [&9u32.to_be_bytes()[..], &[0, 0, 0, 3], &flow_add(50, 2, 9)].concat();
    let all = flow_request(255, &matching(&[]));
    let port = |port: u32| [port.to_be_bytes(), [0; 4]].concat();
    vec![
        echo(50, b"abcdefgh"),
        features(50),
        message(7, 50, &[]),
        set_config(50, 1, 128),
        flow(0, 0, 1).message(50, &matching(&udp), &[apply(&actions), goto(3)]),
        flow(0, 3, 1).message(50, &matching(&nd), &[write(&actions[..3]), metadata]),
        flow(0, 0, 2).message(
            50,
            &matching(&masked),
            &[tlv(6, &[0, 0, 0, 5]), apply(&[output(3)])],
        ),
        flow(1, 0, 0).message(50, &matching(&[]), &[write(&actions)]),
        flow(2, 0, 4).message(50, &matching(&udp), &[tlv(5, &[0; 4])]),
        flow(3, 255, 0).message(50, &matching(&masked[..1]), &[]),
        flow(4, 0, 0).message(50, &matching(&udp), &[]),
        group_mod(50, 0, 1, 5, &buckets),
        group_mod(50, 1, 1, 5, &buckets[..1]),
        group_mod(50, 0, 3, 6, &failover),
        group_mod(50, 2, 0, 5, &[]),
        meter_mod(50, 0, 1, 5, &[band(1, 1000, 10, &[0; 4]), band(2, 2000, 10, &[1, 0, 0, 0])]),
        meter_mod(50, 1, 2, 5, &[band(1, 7, 10, &[0; 4])]),
        meter_mod(50, 2, 0, 5, &[]),
        port_mod(50, 2, InProcess::hw_addr(2), 0x20, 0x20, 0),
        table_mod(50, 3, 3),
        packet_out(50, ANY, 1, &actions[..5], &FRAME),
        packet_out(50, ANY, 0xffff_fffd, &[output(0xffff_fff9), output(0xffff_fffb)], &FRAME),
        multipart(50, 0, 0, &[]),
        multipart(50, 1, 0, &all),
        multipart(50, 2, 1, &all[..20]),
        multipart(50, 2, 0, &all),
        multipart(50, 3, 0, &[]),
        multipart(50, 4, 0, &port(ANY)),
        multipart(50, 5, 0, &[0xff; 8]),
        multipart(50, 6, 0, &port(5)),
        multipart(50, 8, 0, &[]),
        multipart(50, 9, 0, &port(ANY)),
        multipart(50, 11, 0, &[]),
        multipart(50, 12, 0, &[]),
        multipart(50, 13, 0, &[]),
        barrier(50),
        message(22, 50, &port(1)),
        role(50, 1, 3),
        role(50, 2, 3),
        role(50, 3, 4),
        message(26, 50, &[]),
        set_async(50, [3, 0, 7, 7, 15, 0]),
        bundle_control(0),
        experimenter(50, 0x4f4e_4600, 2301, &bundled),
        bundle_control(2),
        bundle_control(4),
    ]
}

/// Does it. The header's length stays true; everything else may go.
fn changed(step: &Step, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut message = step.seed.get(seeds).clone();
    let mut length = None;
    for change in &step.changes {
        let len = message.len();
        match change {
            Change::Flip(at, bit) => message[at.index(len)] ^= 1 << bit,
            Change::Set(at, byte) => message[at.index(len)] = *byte,
            Change::Cut(at) => message.truncate(at.index(len).max(8)),
            Change::Append(more) => message.extend_from_slice(more),
            Change::Insert(at, bytes) => {
                let at = at.index(len);
                message.splice(at..at, bytes.iter().copied());
            }
            Change::Repeat(from, to) => {
                let (from, to) = (from.index(len), to.index(len));
                let piece = message[from.min(to)..from.max(to)].to_vec();
                let at = from.max(to);
                message.splice(at..at, piece);
            }
            Change::Splice(at, other, from) => {
                let other = other.get(seeds);
                message.truncate(at.index(len).max(8));
                message.extend_from_slice(&other[from.index(other.len())..]);
            }
            Change::Length(len, fill) => {
                length = Some(*len);
                message.resize(usize::from(*len).max(8), *fill);
            }
        }
    }
    message.resize(message.len().max(8), 0);
    let len = match length {
        Some(len) if len < 8 => len,
        _ => message.len() as u16,
    };
    message[2..4].copy_from_slice(&len.to_be_bytes());
    message
}

/// The replies that a request may get, by its type.
fn is_reply_to(reply: u8, request: u8) -> bool {
    matches!((request, reply), (2, 3) | (5, 6) | (7, 8) | (18, 19) | (20, 21) | (22, 23) | (24, 25))
        || matches!((request, reply), (26, 27) | (4, 4))
}

/// What the switch says by itself: packet-in, flow-removed, port-status.
fn is_asynchronous(message: &[u8]) -> bool {
    matches!(message[1], 10..=12) && header(message).2 == 0
}

/// What the entries that come of it may match.
fn frames() -> Vec<Vec<u8>> {
    let datagram = plain::udp(1000, 53, b"payload!");
    let ip = plain::ethernet(0x0800, &plain::ipv4(17, 0, &datagram));
    let mut multicast = ip.clone();
    multicast[0] |= 1;
    let nd = plain::ipv6(58, &plain::neighbour(135, &[1, 1, 2, 0, 0, 0, 0, 7]));
    let labels = plain::ethernet(0x8847, &[&[0, 1, 1, 2][..], &ip[14..]].concat());
    vec![
        FRAME.to_vec(),
        FRAME[..14].to_vec(),
        plain::tagged(0x8100, 5, &multicast),
        plain::ethernet(0x86dd, &nd),
        plain::ethernet(0x0806, &plain::arp()),
        labels,
        ip[..36].to_vec(),
        multicast,
        ip,
    ]
}

struct Bench {
    device: InProcess,
    channels: Vec<ChannelId>,
    observer: ChannelId,
    refused: u32,
    taken: u32,
}

impl Bench {
    fn new() -> Bench {
        let switch = SwitchConfig { n_tables: 8, ..SwitchConfig::default() };
        let mut device = InProcess::with_switch(DeviceConfig::default(), switch, 3);
        let channels = (0..CHANNELS).map(|index| Bench::open(&mut device, index)).collect();
        let observer = connect(&mut device);
        converse(&mut device, observer, &set_async(1, [0; 6]));
        Bench { device, channels, observer, refused: 0, taken: 0 }
    }

    fn open(device: &mut InProcess, index: usize) -> ChannelId {
        let kind = if index == 3 { ChannelKind::Passive } else { ChannelKind::Active };
        let channel = device.open(kind).expect("a free channel");
        let mut hello = HELLO.to_vec();
        if index == 2 {
            hello.extend(role(2, 3, 1));
        }
        converse(device, channel, &hello);
        channel
    }

    fn run(&mut self, step: &Step, seeds: &[Vec<u8>], turn: usize) -> Result<(), TestCaseError> {
        let message = changed(step, seeds);
        let channel = self.channels[step.channel];
        let before = state(&mut self.device, self.observer);
        let (one, two) = message.split_at(step.cut.index(message.len() + 1));
        if usize::from(u16::from_be_bytes([message[2], message[3]])) < 8 {
            // Nothing can be found behind it.
            let end = [one, two].iter().find_map(|part| self.device.write(channel, part).err());
            prop_assert!(matches!(end, None | Some(DeviceError::HungUp)));
            drain(&mut self.device, channel, 1 << 16);
            prop_assert!(self.device.readiness(channel).contains(Readiness::HANGUP));
            self.device.close(channel);
            self.channels[step.channel] = Bench::open(&mut self.device, step.channel);
            prop_assert_eq!(
                without_roles(&state(&mut self.device, self.observer)),
                without_roles(&before)
            );
            return Ok(());
        }
        let mark = 0x8000_0000 + turn as u32;
        let mut stream = converse(&mut self.device, channel, one);
        stream.extend(converse(&mut self.device, channel, &[two, &barrier(mark)].concat()));
        let mut answers = split(&stream);
        let last = answers.pop().map(|last| header(&last));
        prop_assert_eq!(last, Some((21, 8, mark)), "the barrier: {:02x?}", answers);
        answers.retain(|answer| !is_asynchronous(answer));
        let (kind, _, xid) = header(&message);
        let mut errors = 0;
        for answer in &answers {
            // A commit tells the error of the message that failed, by that one's xid.
            let is_bundled = kind == 4 && answer[1] == 1;
            prop_assert!(header(answer).2 == xid || is_bundled, "xid of {:02x?}", answer);
            prop_assert_eq!(answer[0], 4);
            if answer[1] == 1 {
                errors += 1;
                let fixed = if answer[8..10] == [0xff; 2] { 16 } else { 12 };
                let quotes_it = answer[fixed..] == *message;
                prop_assert!(quotes_it || is_bundled, "{:02x?}", answer);
            } else {
                prop_assert!(is_reply_to(answer[1], kind), "{:02x?}", answer);
            }
        }
        prop_assert!(errors <= 1 || (errors == 2 && kind == 4), "{:02x?}", answers);
        self.refused += u32::from(errors > 0);
        self.taken += u32::from(errors == 0);
        if errors > 0 {
            prop_assert_eq!(state(&mut self.device, self.observer), before);
        }
        for other in self.channels.clone() {
            for heard in split(&drain(&mut self.device, other, 1 << 16)) {
                prop_assert!(is_asynchronous(&heard), "{:02x?}", heard);
            }
            prop_assert_eq!(self.device.readiness(other), Readiness::WRITABLE);
        }
        self.device.host.take();
        Ok(())
    }
}

/// The state without the reply about roles: a channel that comes or goes may bring a generation id.
fn without_roles(state: &[Vec<u8>]) -> Vec<Vec<u8>> {
    state.iter().filter(|reply| reply[1] != 25).cloned().collect()
}

/// 20,000 changed messages, 50 to a device, on four channels: never a panic; each is answered by one
/// error with its xid and its bytes and no more, or taken; after an error nothing has changed; the
/// barrier behind each is answered; no other channel hears of it but by what the switch says by
/// itself. Frames go through between them.
#[test]
fn changed_messages_on_a_device_with_a_past() {
    let seeds = seeds();
    let mut runner = super::runner(0x5eed_0002, 400);
    let frames = frames();
    let (refused, taken) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let outcome = runner.run(&vec(step(), STEPS), |steps| {
        let mut bench = Bench::new();
        for (turn, step) in steps.iter().enumerate() {
            bench.run(step, &seeds, turn)?;
            bench.device.advance(20_000_000);
            // Frames meet whatever entries, groups and meters came of it.
            let frame = step.cut.get(&frames);
            bench.device.receive(1 + turn as u32 % 3, frame);
        }
        refused.set(refused.get() + bench.refused);
        taken.set(taken.get() + bench.taken);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    println!("{} refused, {} taken", refused.get(), taken.get());
    assert!(refused.get() > 5000 && taken.get() > 3000, "mutations that still mean something");
}

/// The seeds are right as they are, given the group and the meter that they name.
#[test]
fn unchanged_messages_are_taken() {
    for seed in seeds() {
        let mut bench = Bench::new();
        let channel = bench.channels[0];
        let mut past = Vec::new();
        if !matches!(seed[1], 15 | 29) || seed[9] != 0 {
            past.extend(group_mod(1, 0, 0, 5, &[]));
            past.extend(meter_mod(1, 0, 1, 5, &[band(1, 1000, 10, &[0; 4])]));
        }
        if seed[1] == 15 && seed[15] == 6 {
            past.extend(group_mod(1, 0, 0, 5, &[]));
        }
        if seed[1] == 4 && seed[21] != 0 {
            past.extend(bundle_control(0));
        }
        if seed[1] == 4 && seed[21] == 4 {
            past.extend(bundle_control(2));
        }
        let answers = split(&converse(&mut bench.device, channel, &[past, seed.clone()].concat()));
        let error = answers.iter().find(|answer| answer[1] == 1);
        assert!(error.is_none(), "{seed:02x?}: {answers:02x?}");
    }
}
