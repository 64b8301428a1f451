//! The controller's end of a channel: bytes out, whole messages in.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::messages::{
    self, ECHO_REPLY, ECHO_REQUEST, ERROR, FEATURES_REPLY, FEATURES_REQUEST, HELLO,
};

/// A switch that is silent for so long has lost something.
const PATIENCE: Duration = Duration::from_secs(300);

/// A channel to a switch that has said hello.
pub(crate) struct Channel {
    socket: TcpStream,
    buffer: Vec<u8>,
    /// How much of the buffer has been looked at.
    taken: usize,
    xid: u32,
    /// Error messages so far: a measure that meets one measures something else.
    pub(crate) error_count: u64,
}

impl Channel {
    pub(crate) fn open(socket: TcpStream) -> io::Result<Channel> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut channel = Channel { socket, buffer: Vec::new(), taken: 0, xid: 1, error_count: 0 };
        let mut bytes = Vec::new();
        messages::empty(&mut bytes, HELLO, 1);
        let xid = channel.xid();
        messages::empty(&mut bytes, FEATURES_REQUEST, xid);
        channel.send(&bytes)?;
        channel.wait(FEATURES_REPLY, xid)?;
        Ok(channel)
    }

    /// The next transaction number.
    pub(crate) fn xid(&mut self) -> u32 {
        self.xid = self.xid.wrapping_add(1).max(2);
        self.xid
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    /// Sends from a thread of its own, for what is answered before all of it is sent.
    pub(crate) fn send_beside(&self, bytes: Vec<u8>) -> io::Result<std::thread::JoinHandle<()>> {
        let mut socket = self.socket.try_clone()?;
        Ok(std::thread::spawn(move || socket.write_all(&bytes).expect("the switch reads")))
    }

    /// Sends a barrier request and waits for its reply.
    pub(crate) fn barrier(&mut self) -> io::Result<()> {
        let xid = self.xid();
        let mut bytes = Vec::new();
        messages::empty(&mut bytes, messages::BARRIER_REQUEST, xid);
        self.send(&bytes)?;
        self.wait(messages::BARRIER_REPLY, xid)
    }

    /// Waits for a message of this type and transaction.
    pub(crate) fn wait(&mut self, kind: u8, xid: u32) -> io::Result<()> {
        while self.next()? != (kind, xid) {}
        Ok(())
    }

    /// Waits for a message of this type.
    pub(crate) fn wait_for(&mut self, kind: u8) -> io::Result<()> {
        while self.next()?.0 != kind {}
        Ok(())
    }

    /// Type and transaction of the next message; the switch's own keep-alive is answered on the way.
    fn next(&mut self) -> io::Result<(u8, u32)> {
        loop {
            let rest = &self.buffer[self.taken..];
            let whole = messages::header(rest).filter(|(_, len, _)| rest.len() >= *len);
            if let Some((kind, len, xid)) = whole {
                let message = &rest[..len];
                self.taken += len;
                if kind == ECHO_REQUEST {
                    let mut answer = message.to_vec();
                    answer[1] = ECHO_REPLY;
                    self.socket.write_all(&answer)?;
                    continue;
                }
                if kind == ERROR {
                    self.error_count += 1;
                    if self.error_count <= 5 {
                        eprintln!("ofbench: the switch says {:02x?}", &message[8..len.min(24)]);
                    }
                }
                return Ok((kind, xid));
            }
            self.buffer.drain(..self.taken);
            self.taken = 0;
            let mut piece = [0; 65_536];
            match self.socket.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                len => self.buffer.extend_from_slice(&piece[..len]),
            }
        }
    }
}
