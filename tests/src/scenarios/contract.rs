//! The contract of the device: what anything that behaves like `/dev/switchN` keeps, the value in this
//! process and the same device behind C, a socket or a kernel.

use switch_dev::{ChannelKind, DeviceError, Readiness};

use super::{World, cases};
use crate::contract::*;
use crate::embodiment::{Abilities, Setup};

cases! { "contract":
    a_new_channel_says_hello: EXACT,
    writes_may_be_cut_anywhere: BULK,
    a_message_may_come_in_pieces,
    reads_are_aligned_and_exact: EXACT,
    nothing_in_nothing_out: EXACT,
    opens_are_limited: SHARED | EXACT,
    an_exclusive_device_has_one_channel: SHARED | EXACT | SETUP,
    channels_are_apart: SHARED,
    entries_outlive_the_channel,
    a_slow_reader_is_held_back: SHARED | EXACT,
    a_broken_stream_hangs_up: SHARED | EXACT,
    the_first_message_is_a_hello: EXACT,
    the_largest_message_passes,
}

/// A new channel has a hello to say, and says that it is 1.3.
fn a_new_channel_says_hello(world: &World<'_>) {
    let mut device = world.device();
    let channel = device.open(ChannelKind::Active).unwrap();
    assert_eq!(device.readiness(channel), Readiness::READABLE | Readiness::WRITABLE);
    let hello = drain(&mut device, channel, 1 << 16);
    let (kind, len, _) = header(&hello);
    assert_eq!((hello[0], kind, len), (4, 0, hello.len()));
    assert_eq!(hello[8..], [0, 1, 0, 8, 0, 0, 0, 0x10], "its version bitmap");
    assert_eq!(device.readiness(channel), Readiness::WRITABLE);
    assert_eq!(device.read(channel, &mut [0; 8]), Err(DeviceError::WouldBlock));
}

/// Some requests whose replies differ in type and length.
fn questions() -> (Vec<u8>, Vec<(u8, u32)>) {
    let mut stream = HELLO.to_vec();
    let mut answers = vec![(0, u32::MAX)];
    stream.extend(echo(10, b"hello"));
    answers.push((3, 10));
    stream.extend(features(11));
    answers.push((6, 11));
    stream.extend(flow_add(12, 3, 100));
    stream.extend(message(200, 13, &[])); // no such type
    answers.push((1, 13));
    stream.extend(multipart(14, 0, 0, &[]));
    answers.push((19, 14));
    stream.extend(echo(15, &[7; 3000]));
    answers.push((3, 15));
    stream.extend(barrier(16));
    answers.push((21, 16));
    (stream, answers)
}

fn assert_answers(stream: &[u8], answers: &[(u8, u32)]) {
    let messages = split(stream);
    let got = summary(&messages);
    assert_eq!(got.len(), answers.len(), "{got:?}");
    assert_eq!(got[0].0, 0);
    assert_eq!(got[1..], answers[1..]);
}

/// The stream may be cut anywhere: in one piece, byte by byte, and at every place.
fn writes_may_be_cut_anywhere(world: &World<'_>) {
    world.uses(Abilities::BULK);
    let mut device = world.device();
    let (stream, answers) = questions();
    let channel = device.open(ChannelKind::Active).unwrap();
    assert_eq!(device.write(channel, &stream), Ok(stream.len()), "many messages in one write");
    let whole = drain(&mut device, channel, 1 << 16);
    assert_answers(&whole, &answers);
    device.close(channel);

    let channel = device.open(ChannelKind::Active).unwrap();
    for byte in &stream {
        assert_eq!(device.write(channel, &[*byte]), Ok(1));
    }
    assert_eq!(drain(&mut device, channel, 1 << 16), whole, "byte by byte");
    device.close(channel);

    let cuts = (0..400).chain((400..stream.len()).step_by(61));
    for cut in cuts {
        let channel = device.open(ChannelKind::Active).unwrap();
        write_all(&mut device, channel, &stream[..cut]);
        write_all(&mut device, channel, &stream[cut..]);
        assert_eq!(drain(&mut device, channel, 1 << 16), whole, "cut at {cut}");
        device.close(channel);
    }
}

/// Reads until so many messages are there.
fn read_messages<D: DeviceUnderTest>(device: &mut D, channel: D::Channel, count: usize) -> Vec<u8> {
    let mut stream = Vec::new();
    let whole = |stream: &[u8]| {
        let (mut at, mut count) = (0, 0);
        while stream.len() >= at + 8 && stream.len() >= at + header(&stream[at..]).1 {
            (at, count) = (at + header(&stream[at..]).1, count + 1);
        }
        count
    };
    for _ in 0..100 {
        if whole(&stream) >= count {
            break;
        }
        stream.extend(drain(device, channel, 1 << 16));
    }
    stream
}

/// The same at a few places, for embodiments that take their time.
fn a_message_may_come_in_pieces(world: &World<'_>) {
    let mut device = world.device();
    let (stream, answers) = questions();
    for cut in [1, 7, 9, 21, 300] {
        let channel = device.open(ChannelKind::Active).unwrap();
        let hello = read_messages(&mut device, channel, 1);
        write_all(&mut device, channel, &stream[..cut]);
        write_all(&mut device, channel, &stream[cut..]);
        let rest = read_messages(&mut device, channel, answers.len() - 1);
        assert_answers(&[hello, rest].concat(), &answers);
        device.close(channel);
    }
}

/// Reads are message-aligned when the buffer allows; a larger message is continued; nothing is lost
/// or truncated, and `pending` is exact.
fn reads_are_aligned_and_exact(world: &World<'_>) {
    let mut device = world.device();
    let (stream, answers) = questions();
    for buffer_len in [1, 7, 8, 16, 17, 100, 1500, 4096, 65_535] {
        let channel = device.open(ChannelKind::Active).unwrap();
        write_all(&mut device, channel, &stream);
        let total = device.pending(channel);
        let mut buffer = vec![0; buffer_len];
        let mut got = Vec::new();
        while device.readiness(channel).contains(Readiness::READABLE) {
            let before = device.pending(channel);
            let len = device.read(channel, &mut buffer).unwrap();
            assert!(len > 0);
            assert_eq!(device.pending(channel), before - len);
            got.extend_from_slice(&buffer[..len]);
            if len < buffer_len {
                // It stopped before the buffer was full: at a message boundary, and the next
                // message would not have fitted.
                let mut rest = &got[..];
                while !rest.is_empty() {
                    let (_, message_len, _) = header(rest);
                    assert!(message_len <= rest.len(), "buffer of {buffer_len}");
                    rest = &rest[message_len..];
                }
            }
        }
        assert_eq!(got.len(), total, "buffer of {buffer_len}");
        assert_eq!(device.pending(channel), 0);
        assert_answers(&got, &answers);
        device.close(channel);
    }
}

/// An empty read and an empty write do nothing.
fn nothing_in_nothing_out(world: &World<'_>) {
    world.uses(Abilities::EXACT);
    let mut device = world.device();
    let channel = device.open(ChannelKind::Active).unwrap();
    let pending = device.pending(channel);
    assert_eq!(device.write(channel, &[]), Ok(0));
    assert_eq!(device.read(channel, &mut []), Ok(0));
    assert_eq!(device.pending(channel), pending);
}

/// Opens beyond the limit are refused, and a close makes room.
fn opens_are_limited(world: &World<'_>) {
    world.uses(Abilities::EXACT);
    limited(world.device());
}

/// A switch whose device one program has at a time.
fn an_exclusive_device_has_one_channel(world: &World<'_>) {
    world.uses(Abilities::EXACT);
    let mut device = world.device_with(&Setup { max_channels: Some(1), ..Setup::DEFAULT });
    assert_eq!(device.max_channels(), 1);
    limited(device);
}

fn limited(mut device: impl DeviceUnderTest) {
    let limit = device.max_channels();
    let channels: Vec<_> =
        (0..limit).map(|_| device.open(ChannelKind::Passive).expect("below the limit")).collect();
    assert_eq!(device.open(ChannelKind::Active).err(), Some(DeviceError::Busy));
    device.close(channels[0]);
    let again = device.open(ChannelKind::Active).expect("room again");
    assert!(device.pending(again) >= 8, "a new channel, not the old one's rest");
    assert_eq!(device.read(channels[0], &mut [0; 8]), Err(DeviceError::BadChannel));
    assert_eq!(device.write(channels[0], &[4]), Err(DeviceError::BadChannel));
}

/// Channels don't hear each other's replies and may use the same xids; half a message on one does
/// not disturb another.
fn channels_are_apart(world: &World<'_>) {
    let mut device = world.device();
    let (one, two) = (connect(&mut device), connect(&mut device));
    write_all(&mut device, one, &echo(5, b"first")[..9]);
    write_all(&mut device, two, &echo(5, b"second"));
    assert_eq!(device.pending(one), 0);
    assert_eq!(drain(&mut device, two, 1 << 16)[8..], *b"second");
    write_all(&mut device, one, &echo(5, b"first")[9..]);
    assert_eq!(drain(&mut device, one, 1 << 16)[8..], *b"first");
    assert_eq!(device.pending(two), 0);
}

/// What was configured outlives the channel that did it.
fn entries_outlive_the_channel(world: &World<'_>) {
    let mut device = world.device();
    let channel = connect(&mut device);
    write_all(&mut device, channel, &flow_add(1, 3, 100));
    device.close(channel);
    let channel = connect(&mut device);
    assert_eq!(flow_count(&mut device, channel), 1);
}

/// A reader that does not read is not read from either: its queue is bounded, nothing of it is
/// lost, and others are served.
fn a_slow_reader_is_held_back(world: &World<'_>) {
    let mut device = world.device();
    let (slow, other) = (connect(&mut device), connect(&mut device));
    let mut sent = 0;
    loop {
        let request = echo(sent, &[sent as u8; 992]);
        match device.write(slow, &request) {
            Ok(taken) => assert_eq!(taken, request.len()),
            Err(DeviceError::WouldBlock) => break,
            Err(error) => panic!("{error}"),
        }
        sent += 1;
        assert!(sent < 100_000, "a queue without a bound");
    }
    assert!(!device.readiness(slow).contains(Readiness::WRITABLE));
    assert!(device.pending(slow) <= 2 << 20, "{}", device.pending(slow));
    write_all(&mut device, other, &echo(1, b"quick"));
    assert_eq!(drain(&mut device, other, 1 << 16)[8..], *b"quick");

    let replies = split(&drain(&mut device, slow, 5000));
    assert_eq!(replies.len(), sent as usize, "no reply was dropped");
    for (xid, reply) in (0..).zip(&replies) {
        assert_eq!((header(reply).0, header(reply).2, reply.len()), (3, xid, 1000));
    }
    assert!(device.readiness(slow).contains(Readiness::WRITABLE));
    write_all(&mut device, slow, &barrier(9));
    assert_eq!(summary(&split(&drain(&mut device, slow, 1 << 16))), [(21, 9)]);
}

/// A stream that cannot be cut into messages ends, and no other stream with it.
fn a_broken_stream_hangs_up(world: &World<'_>) {
    let mut device = world.device();
    for len in 0..8 {
        let (broken, other) = (connect(&mut device), connect(&mut device));
        write_all(&mut device, broken, &echo(1, b"before"));
        let _ = device.write(broken, &[4, 2, 0, len, 0, 0, 0, 9]).unwrap();
        assert_eq!(device.write(broken, &echo(2, b"after")), Err(DeviceError::HungUp));
        assert_eq!(device.readiness(broken), Readiness::READABLE, "the reply comes first");
        assert_eq!(drain(&mut device, broken, 1 << 16)[8..], *b"before");
        assert!(device.readiness(broken).contains(Readiness::READABLE | Readiness::HANGUP));
        assert_eq!(device.read(broken, &mut [0; 8]), Ok(0), "end of the stream");
        write_all(&mut device, other, &echo(3, b"alive"));
        assert_eq!(drain(&mut device, other, 1 << 16)[8..], *b"alive");
        device.close(broken);
        device.close(other);
    }
}

/// A peer whose first message is no hello is hung up on without a word.
fn the_first_message_is_a_hello(world: &World<'_>) {
    let mut device = world.device();
    for first in [echo(1, b""), features(2), message(99, 3, &[]), flow_add(4, 0, 1)] {
        let channel = device.open(ChannelKind::Active).unwrap();
        let _ = device.write(channel, &first).unwrap();
        let said = split(&drain(&mut device, channel, 1 << 16));
        assert_eq!(summary(&said).len(), 1, "our own hello and nothing else");
        assert!(device.readiness(channel).contains(Readiness::HANGUP));
        device.close(channel);
    }
    let channel = connect(&mut device);
    assert_eq!(flow_count(&mut device, channel), 0, "nothing was executed");
}

/// The largest message passes both ways, and the next one behind it.
fn the_largest_message_passes(world: &World<'_>) {
    let mut device = world.device();
    let channel = connect(&mut device);
    let data: Vec<u8> = (0..65_527u32).map(|at| at as u8).collect();
    let stream = [echo(1, &data), echo(2, b"small")].concat();
    let replies = split(&converse(&mut device, channel, &stream));
    assert_eq!(summary(&replies), [(3, 1), (3, 2)]);
    assert!(replies[0].len() == 65_535 && replies[0][8..] == data);
}
