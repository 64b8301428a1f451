//! A device under test, whatever it is embodied in, and how to talk to it: messages written by hand,
//! byte by byte, so that what is shown holds without the codec. The contract itself is
//! `scenarios/contract.rs`.

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
    fn max_channels(&mut self) -> usize;

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
