//! Messages that are almost right: changed, cut, lengthened, mixed. Whatever comes, the device
//! answers the barrier that follows, a refused message has changed nothing, and the stream may
//! still be cut anywhere.

mod embodiment;

use embodiment::{InProcess, ask, read};
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;
use switch_dev::{ChannelId, Readiness};

/// A reproducible stream of numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound
    }

    fn byte(&mut self) -> u8 {
        const LIKELY: [u8; 12] = [0, 1, 2, 3, 4, 8, 16, 0x7f, 0x80, 0xfc, 0xfe, 0xff];
        match self.below(3) {
            0 => self.next() as u8,
            _ => LIKELY[self.below(LIKELY.len())],
        }
    }
}

/// One message of each kind that a controller sends, all of them right.
fn seeds() -> Vec<Vec<u8>> {
    let any = u32::MAX;
    let tcp = [oxm(5, &[8, 0]), oxm(10, &[6]), oxm(14, &[0, 80])];
    let actions =
        [tlv(17, &[0x81, 0, 0, 0]), set_field(&oxm(6, &[0x10, 5])), output(2), output(0xffff_fffd)];
    let bundle = |kind: u16| {
        let body = [&9u32.to_be_bytes()[..], &kind.to_be_bytes(), &[0, 3]].concat();
        experimenter(50, 0x4f4e_4600, 2300, &body)
    };
    let in_bundle = [&9u32.to_be_bytes()[..], &[0, 0, 0, 3], &flow_add(51, 2, 9)].concat();
    let all = flow_request(255, &matching(&[]));
    let monitor = [
        &[0x4f, 0x4e, 0x46, 0, 0, 0, 7, 0x4e, 0, 0, 0, 1, 0, 0x3f, 0, 0x15][..],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0],
        &matching(&tcp),
    ];
    let ports = [any.to_be_bytes(), [0; 4]].concat();
    vec![
        echo(50, b"abcdefgh"),
        features(50),
        message(7, 50, &[]),
        set_config(50, 1, 128),
        FlowMod::default().message(50, &matching(&tcp), &[apply(&actions), goto(3)]),
        FlowMod { command: 1, ..FlowMod::default() }.message(
            50,
            &matching(&[]),
            &[write(&actions)],
        ),
        FlowMod { command: 3, table: 255, ..FlowMod::default() }.message(
            50,
            &matching(&[oxm_masked(3, &[1, 0, 0, 0, 0, 0], &[1, 0, 0, 0, 0, 0])]),
            &[],
        ),
        group_mod(50, 0, 1, 5, &[bucket(3, any, any, &[output(1)]), bucket(4, 1, any, &[])]),
        group_mod(50, 2, 0, 5, &[]),
        meter_mod(50, 0, 1, 5, &[band(1, 1000, 10, &[0; 4]), band(2, 2000, 10, &[1, 0, 0, 0])]),
        port_mod(50, 2, InProcess::hw_addr(2), 0x20, 0x20, 0),
        table_mod(50, 3, 3),
        packet_out(50, any, 1, &[output(2), output(0xffff_fff9)], &[7; 60]),
        multipart(50, 0, 0, &[]),
        multipart(50, 1, 0, &all),
        multipart(50, 2, 1, &all),
        multipart(50, 4, 0, &ports),
        multipart(50, 5, 0, &[ports.clone(), ports].concat()[..8]),
        multipart(50, 10, 0, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
        multipart(50, 0xffff, 0, &monitor.concat()),
        experimenter(50, 0x4f4e_4600, 1870, &[0, 0, 0, 1]),
        barrier(50),
        message(22, 50, &[0, 0, 0, 1, 0, 0, 0, 0]),
        role(50, 1, 3),
        message(26, 50, &[]),
        set_async(50, [3, 0, 7, 7, 15, 0]),
        bundle(0),
        experimenter(51, 0x4f4e_4600, 2301, &in_bundle),
        bundle(4),
    ]
}

/// Changes a message in one to three places; its length field stays true, its version 4.
fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut message = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(3) {
        let at = random.below(message.len());
        match random.below(6) {
            0 | 1 => message[at] = random.byte(),
            2 => message[at] ^= 1 << random.below(8),
            3 => message.truncate(at.max(8)),
            4 => {
                let extra: Vec<u8> = (0..random.below(24)).map(|_| random.byte()).collect();
                message.splice(at..at, extra);
            }
            _ => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                message.truncate(at.max(8));
                message.extend_from_slice(&other[from..]);
            }
        }
    }
    message.resize(message.len().max(8), 0);
    message[0] = 4;
    let len = message.len() as u16;
    message[2..4].copy_from_slice(&len.to_be_bytes());
    message
}

/// What a controller has configured, as another channel sees it.
fn state(device: &mut InProcess, channel: ChannelId) -> Vec<Vec<u8>> {
    let all = flow_request(255, &matching(&[]));
    let stream = [
        multipart(1, 1, 0, &all),
        multipart(2, 7, 0, &[]),
        multipart(3, 10, 0, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
        multipart(4, 13, 0, &[]),
        message(7, 5, &[]),
    ];
    ask(device, channel, &stream.concat())
}

#[test]
fn what_is_refused_changes_nothing() {
    let seeds = seeds();
    let mut refused = 0;
    for round in 1..=150u64 {
        let mut random = Random(round.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut device = InProcess::with_ports(3);
        let (channel, observer) = (connect(&mut device), connect(&mut device));
        ask(&mut device, observer, &set_async(1, [0; 6]));
        let mut before = state(&mut device, observer);
        for turn in 0..40 {
            let message = mutate(&mut random, &seeds);
            let answers = converse(&mut device, channel, &[message.clone(), barrier(99)].concat());
            let answers = split(&answers);
            let what = || format!("round {round}, turn {turn}: {message:02x?}");
            assert_eq!(answers.last().map(|last| header(last).2), Some(99), "{}", what());
            let after = state(&mut device, observer);
            if answers.iter().any(|answer| answer[1] == 1) {
                refused += 1;
                assert_eq!(after, before, "{}", what());
            }
            before = after;
            assert!(device.device.readiness(channel).contains(Readiness::WRITABLE));
        }
    }
    assert!(refused > 2000, "{refused}");
}

#[test]
fn a_changed_stream_may_be_cut_anywhere() {
    let seeds = seeds();
    for round in 1..=200u64 {
        let mut random = Random(round.wrapping_mul(0xd134_2543_de82_ef95));
        let stream: Vec<u8> = (0..30).flat_map(|_| mutate(&mut random, &seeds)).collect();
        let mut whole = InProcess::with_ports(3);
        let channel = connect(&mut whole);
        let expected = converse(&mut whole, channel, &stream);
        let mut cut = InProcess::with_ports(3);
        let channel = connect(&mut cut);
        let mut rest = &stream[..];
        let mut got = Vec::new();
        while !rest.is_empty() {
            let part = (1 + random.below(40)).min(rest.len());
            got.extend(converse(&mut cut, channel, &rest[..part]));
            rest = &rest[part..];
        }
        assert_eq!(got, expected, "round {round}");
    }
}

#[test]
fn noise_is_answered_or_hung_up_on() {
    let mut random = Random(77);
    for _ in 0..2000 {
        let mut device = InProcess::with_ports(1);
        let channel = connect(&mut device);
        let noise: Vec<u8> = (0..random.below(300)).map(|_| random.byte()).collect();
        let mut rest = &noise[..];
        while !rest.is_empty() {
            match device.write(channel, rest) {
                Ok(taken) => rest = &rest[taken..],
                Err(error) => {
                    assert_eq!(error, switch_dev::DeviceError::HungUp);
                    break;
                }
            }
            read(&mut device, channel);
        }
        let readiness = device.readiness(channel);
        assert!(readiness == Readiness::WRITABLE || readiness.contains(Readiness::HANGUP));
    }
}
