//! How a test talks to an embodiment in another process: requests and answers over one stream socket,
//! which is file descriptor 0 of the process. `tests/embodiments/driver.h` says the same in C.
//!
//! A request is a length (of what follows), an operation, the time, and what the operation needs; an
//! answer is a length, a status, and what the operation gives. All numbers are little-endian, lengths
//! and statuses of 32 bits, channels and times of 64; bytes go to the end of the message.

use std::io::{self, Read, Write};

/// Of the first request and answer, so that a driver of another version is refused.
pub const VERSION: u32 = 3;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Operation {
    /// `version` to `version, abilities, max_channels`. The first request.
    Greet = 0,
    /// `ports, n_tables, max_entries_per_table, max_groups, max_meters, max_channels, standalone` (0:
    /// the default), `seed: u64, datapath_id: u64` to `max_channels`. Once, before what follows.
    Make = 1,
    /// `kind` to `channel`.
    Open = 2,
    /// `channel`.
    Close = 3,
    /// `channel, len` to bytes.
    Read = 4,
    /// `channel`, bytes to `taken`.
    Write = 5,
    /// `channel` to `readiness, pending`.
    Poll = 6,
    /// `number, config, state, curr, advertised, supported, peer, curr_speed, max_speed, max_frame`,
    /// 6 bytes of address, the name.
    PortAdd = 7,
    /// The same.
    PortChange = 8,
    /// `number`.
    PortRemove = 9,
    /// `port`, bytes.
    Frame = 10,
    /// To `(port, queue, len, bytes)`, as many as there are; the queue is all ones without one.
    Sent = 11,
    /// To the deadline, all ones for none.
    Tick = 12,
    /// The same, without doing anything.
    Deadline = 13,
    /// To nothing; the driver destroys the switch, looks for what it has lost, and ends.
    Quit = 14,
    /// `number`, and the numbers of the queues.
    Queues = 15,
    /// To `(count: u64, len, name)` for each reason for which a frame ends unsent, if they can be seen.
    Drops = 16,
}

/// All of them, by number.
pub const OPERATIONS: [Operation; 17] = [
    Operation::Greet,
    Operation::Make,
    Operation::Open,
    Operation::Close,
    Operation::Read,
    Operation::Write,
    Operation::Poll,
    Operation::PortAdd,
    Operation::PortChange,
    Operation::PortRemove,
    Operation::Frame,
    Operation::Sent,
    Operation::Tick,
    Operation::Deadline,
    Operation::Quit,
    Operation::Queues,
    Operation::Drops,
];

/// What was wrong: the numbers of `enum rumpswitch_error`, and one of our own.
pub mod status {
    /// Nothing.
    pub const OK: u32 = 0;
    /// `RUMPSWITCH_BUSY`.
    pub const BUSY: u32 = 3;
    /// `RUMPSWITCH_WOULD_BLOCK`.
    pub const WOULD_BLOCK: u32 = 4;
    /// `RUMPSWITCH_HUNG_UP`.
    pub const HUNG_UP: u32 = 5;
    /// `RUMPSWITCH_BAD_CHANNEL`.
    pub const BAD_CHANNEL: u32 = 6;
    /// `RUMPSWITCH_NO_MEMORY`.
    pub const NO_MEMORY: u32 = 7;
    /// `RUMPSWITCH_GONE`.
    pub const GONE: u32 = 8;
    /// `RUMPSWITCH_BAD_PORT`, which stands for whatever is wrong with a port.
    pub const BAD_PORT: u32 = 11;
    /// The embodiment cannot do that.
    pub const CANNOT: u32 = 100;
}

/// No queue: that of a frame without a mark.
pub const NO_QUEUE: u32 = u32::MAX;

/// Longest request or answer: a message of OpenFlow, or the frames of one batch of copies.
pub const MAX_LEN: usize = 64 << 20;

/// Writes one request or answer.
///
/// # Errors
///
/// Those of the stream.
pub fn send(stream: &mut impl Write, content: &[u8]) -> io::Result<()> {
    let mut message = (content.len() as u32).to_le_bytes().to_vec();
    message.extend_from_slice(content);
    stream.write_all(&message)
}

/// Reads one.
///
/// # Errors
///
/// Those of the stream; `UnexpectedEof` where it ends.
pub fn receive(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut len = [0; 4];
    stream.read_exact(&mut len)?;
    let len = u32::from_le_bytes(len) as usize;
    if len > MAX_LEN {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message without a bound"));
    }
    let mut content = vec![0; len];
    stream.read_exact(&mut content)?;
    Ok(content)
}

/// Takes numbers and bytes from the front of a message.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a>(pub &'a [u8]);

impl<'a> Parts<'a> {
    /// The next bytes.
    ///
    /// # Errors
    ///
    /// `InvalidData` where there are fewer.
    pub fn bytes(&mut self, len: usize) -> io::Result<&'a [u8]> {
        let short = || io::Error::new(io::ErrorKind::InvalidData, "a short message");
        let (bytes, rest) = self.0.split_at_checked(len).ok_or_else(short)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// A number of 8 bits.
    ///
    /// # Errors
    ///
    /// `InvalidData` where there is none.
    pub fn u8(&mut self) -> io::Result<u8> {
        Ok(self.bytes(1)?[0])
    }

    /// A number of 32 bits.
    ///
    /// # Errors
    ///
    /// `InvalidData` where there is none.
    pub fn u32(&mut self) -> io::Result<u32> {
        Ok(u32::from_le_bytes(self.bytes(4)?.try_into().expect("four bytes")))
    }

    /// A number of 64 bits.
    ///
    /// # Errors
    ///
    /// `InvalidData` where there is none.
    pub fn u64(&mut self) -> io::Result<u64> {
        Ok(u64::from_le_bytes(self.bytes(8)?.try_into().expect("eight bytes")))
    }
}
