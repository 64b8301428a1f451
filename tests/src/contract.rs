//! The contract of the device, as functions over anything that behaves like `/dev/switchN`: the
//! value in this process, and later the same device behind C, a socket or a kernel.
//!
//! Messages are written here by hand, byte by byte, so that the contract holds without the codec.
//! Each function takes a fresh device and panics where the contract is broken.

use switch_dev::{ChannelKind, DeviceError, Readiness};

/// An embodiment of the device.
pub trait DeviceUnderTest {
    /// The name of one open.
    type Channel: Copy;
    /// Opens a channel.
    fn open(&mut self, kind: ChannelKind) -> Result<Self::Channel, DeviceError>;
    /// Closes it.
    fn close(&mut self, channel: Self::Channel);
    /// Reads without waiting; 0 bytes is the end of the stream.
    fn read(&mut self, channel: Self::Channel, into: &mut [u8]) -> Result<usize, DeviceError>;
    /// Writes without waiting; returns bytes taken.
    fn write(&mut self, channel: Self::Channel, bytes: &[u8]) -> Result<usize, DeviceError>;
    /// Bytes that can be read (`FIONREAD`).
    fn pending(&mut self, channel: Self::Channel) -> usize;
    /// What poll would say.
    fn readiness(&mut self, channel: Self::Channel) -> Readiness;
    /// Channels that may be open at once.
    fn max_channels(&self) -> usize;

    /// Does what is to be done at once, where the device says that something is; whether it was.
    fn go_on(&mut self) -> bool {
        false
    }
}

/// A message: type, xid and body, version 4.
pub fn message(kind: u8, xid: u32, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + body.len()).expect("a message is at most 65535 bytes");
    let mut bytes = vec![4, kind];
    bytes.extend_from_slice(&len.to_be_bytes());
    bytes.extend_from_slice(&xid.to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// OFPT_HELLO of a controller that speaks 1.3 without saying so in a bitmap.
pub const HELLO: [u8; 8] = [4, 0, 0, 8, 0, 0, 0, 1];

/// OFPT_ECHO_REQUEST.
pub fn echo(xid: u32, data: &[u8]) -> Vec<u8> {
    message(2, xid, data)
}

/// OFPT_FEATURES_REQUEST.
pub fn features(xid: u32) -> Vec<u8> {
    message(5, xid, &[])
}

/// OFPT_BARRIER_REQUEST.
pub fn barrier(xid: u32) -> Vec<u8> {
    message(20, xid, &[])
}

/// OFPT_MULTIPART_REQUEST.
pub fn multipart(xid: u32, kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut content = kind.to_be_bytes().to_vec();
    content.extend_from_slice(&flags.to_be_bytes());
    content.extend_from_slice(&[0; 4]);
    content.extend_from_slice(body);
    message(18, xid, &content)
}

/// OFPT_FLOW_MOD: adds an entry that matches everything and drops it.
pub fn flow_add(xid: u32, table: u8, priority: u16) -> Vec<u8> {
    flow_mod(xid, table, 0, priority, 0)
}

/// OFPT_FLOW_MOD with an empty match and no instruction.
pub fn flow_mod(xid: u32, table: u8, command: u8, priority: u16, flags: u16) -> Vec<u8> {
    let mut body = vec![0; 16]; // cookie, cookie_mask
    body.extend_from_slice(&[table, command, 0, 0, 0, 0]); // timeouts
    body.extend_from_slice(&priority.to_be_bytes());
    body.extend_from_slice(&[0xff; 12]); // buffer_id, out_port, out_group
    body.extend_from_slice(&flags.to_be_bytes());
    body.extend_from_slice(&[0, 0, 0, 1, 0, 4, 0, 0, 0, 0]); // pad, empty OXM match
    message(14, xid, &body)
}

/// Type, length and xid of the message that `bytes` begin with.
pub fn header(bytes: &[u8]) -> (u8, usize, u32) {
    (
        bytes[1],
        usize::from(u16::from_be_bytes([bytes[2], bytes[3]])),
        u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
    )
}

/// Cuts a stream of whole messages.
pub fn split(mut stream: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while !stream.is_empty() {
        let (_, len, _) = header(stream);
        messages.push(stream[..len].to_vec());
        stream = &stream[len..];
    }
    messages
}

/// Type and xid of each message.
pub fn summary(messages: &[Vec<u8>]) -> Vec<(u8, u32)> {
    messages.iter().map(|message| (header(message).0, header(message).2)).collect()
}

/// Reads until nothing is pending, into a buffer of `buffer_len` bytes.
pub fn drain<D: DeviceUnderTest>(
    device: &mut D,
    channel: D::Channel,
    buffer_len: usize,
) -> Vec<u8> {
    let mut stream = Vec::new();
    let mut buffer = vec![0; buffer_len];
    loop {
        let pending = device.pending(channel);
        match device.read(channel, &mut buffer) {
            Ok(0) => return stream,
            Ok(len) => {
                assert!(len <= pending, "no read returns more than was pending");
                stream.extend_from_slice(&buffer[..len]);
            }
            Err(DeviceError::WouldBlock) => {
                assert_eq!(pending, 0, "pending bytes can be read");
                if !device.go_on() && device.pending(channel) == 0 {
                    return stream;
                }
            }
            Err(error) => panic!("read: {error}"),
        }
    }
}

/// Writes all of it; the device must take it without being read.
pub fn write_all<D: DeviceUnderTest>(device: &mut D, channel: D::Channel, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match device.write(channel, bytes) {
            // A long change is under way.
            Err(DeviceError::WouldBlock) if device.go_on() => {}
            taken => {
                let taken = taken.expect("the channel takes bytes");
                assert!(taken > 0 && taken <= bytes.len());
                bytes = &bytes[taken..];
            }
        }
    }
}

/// Writes all of it, reading whenever the device wants to be read first. Returns what was read.
pub fn converse<D: DeviceUnderTest>(
    device: &mut D,
    channel: D::Channel,
    mut bytes: &[u8],
) -> Vec<u8> {
    let mut stream = Vec::new();
    while !bytes.is_empty() {
        match device.write(channel, bytes) {
            Ok(taken) => bytes = &bytes[taken..],
            Err(DeviceError::WouldBlock) => {
                let read = drain(device, channel, 1 << 16);
                assert!(!read.is_empty(), "a channel that takes nothing has something to say");
                stream.extend(read);
            }
            Err(error) => panic!("write: {error}"),
        }
    }
    stream.extend(drain(device, channel, 1 << 16));
    stream
}

/// Opens a channel that has negotiated and has nothing pending.
pub fn connect<D: DeviceUnderTest>(device: &mut D) -> D::Channel {
    let channel = device.open(ChannelKind::Active).expect("a free channel");
    write_all(device, channel, &HELLO);
    let greeting = split(&drain(device, channel, 1 << 16));
    assert_eq!(summary(&greeting)[0].0, 0, "the first message is a hello");
    channel
}

/// A new channel has a hello to say, and says that it is 1.3.
pub fn a_new_channel_says_hello<D: DeviceUnderTest>(mut device: D) {
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
pub fn writes_may_be_cut_anywhere<D: DeviceUnderTest>(make: impl Fn() -> D) {
    let (stream, answers) = questions();
    let mut device = make();
    let channel = device.open(ChannelKind::Active).unwrap();
    assert_eq!(device.write(channel, &stream), Ok(stream.len()), "many messages in one write");
    let whole = drain(&mut device, channel, 1 << 16);
    assert_answers(&whole, &answers);

    let mut device = make();
    let channel = device.open(ChannelKind::Active).unwrap();
    for byte in &stream {
        assert_eq!(device.write(channel, &[*byte]), Ok(1));
    }
    assert_eq!(drain(&mut device, channel, 1 << 16), whole, "byte by byte");

    let cuts = (0..400).chain((400..stream.len()).step_by(61));
    for cut in cuts {
        let mut device = make();
        let channel = device.open(ChannelKind::Active).unwrap();
        write_all(&mut device, channel, &stream[..cut]);
        write_all(&mut device, channel, &stream[cut..]);
        assert_eq!(drain(&mut device, channel, 1 << 16), whole, "cut at {cut}");
    }
}

/// Reads are message-aligned when the buffer allows; a larger message is continued; nothing is lost
/// or truncated, and `pending` is exact.
pub fn reads_are_aligned_and_exact<D: DeviceUnderTest>(make: impl Fn() -> D) {
    let (stream, answers) = questions();
    for buffer_len in [1, 7, 8, 16, 17, 100, 1500, 4096, 65_535] {
        let mut device = make();
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
    }
}

/// An empty read and an empty write do nothing.
pub fn nothing_in_nothing_out<D: DeviceUnderTest>(mut device: D) {
    let channel = device.open(ChannelKind::Active).unwrap();
    let pending = device.pending(channel);
    assert_eq!(device.write(channel, &[]), Ok(0));
    assert_eq!(device.read(channel, &mut []), Ok(0));
    assert_eq!(device.pending(channel), pending);
}

/// Opens beyond the limit are refused, and a close makes room.
pub fn opens_are_limited<D: DeviceUnderTest>(mut device: D) {
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
pub fn channels_are_apart<D: DeviceUnderTest>(mut device: D) {
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
pub fn entries_outlive_the_channel<D: DeviceUnderTest>(mut device: D) {
    let channel = connect(&mut device);
    write_all(&mut device, channel, &flow_add(1, 3, 100));
    device.close(channel);
    let channel = connect(&mut device);
    assert_eq!(flow_count(&mut device, channel), 1);
}

/// Entries in all tables, by OFPMP_AGGREGATE.
pub fn flow_count<D: DeviceUnderTest>(device: &mut D, channel: D::Channel) -> u32 {
    let mut body = vec![0xff, 0, 0, 0];
    body.extend_from_slice(&[0xff; 8]); // out_port, out_group
    body.extend_from_slice(&[0; 20]); // pad, cookie, cookie_mask
    body.extend_from_slice(&[0, 1, 0, 4, 0, 0, 0, 0]);
    write_all(device, channel, &multipart(77, 2, 0, &body));
    let replies = split(&drain(device, channel, 1 << 16));
    let reply = replies.iter().find(|reply| header(reply).2 == 77).expect("an answer");
    assert_eq!((reply[1], reply.len()), (19, 40));
    u32::from_be_bytes(reply[32..36].try_into().unwrap())
}

/// A reader that does not read is not read from either: its queue is bounded, nothing of it is
/// lost, and others are served.
pub fn a_slow_reader_is_held_back<D: DeviceUnderTest>(mut device: D) {
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
pub fn a_broken_stream_hangs_up<D: DeviceUnderTest>(mut device: D) {
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
pub fn the_first_message_is_a_hello<D: DeviceUnderTest>(mut device: D) {
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
pub fn the_largest_message_passes<D: DeviceUnderTest>(mut device: D) {
    let channel = connect(&mut device);
    let data: Vec<u8> = (0..65_527u32).map(|at| at as u8).collect();
    let stream = [echo(1, &data), echo(2, b"small")].concat();
    let replies = split(&converse(&mut device, channel, &stream));
    assert_eq!(summary(&replies), [(3, 1), (3, 2)]);
    assert!(replies[0].len() == 65_535 && replies[0][8..] == data);
}
