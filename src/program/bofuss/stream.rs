//! Blocking stream sockets for `Target`s, and the messages that come over them.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rumpswitch::ofp_codec::{HEADER_LEN, Header};
use rumpswitch::switchd::Target;

/// How long a connection may take to come about, and a write to get through.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// Connects to a target that is to be connected to.
    pub(super) fn connect(target: &Target) -> io::Result<Stream> {
        match target {
            Target::Tcp { host, port } => {
                let mut last = io::Error::new(io::ErrorKind::NotFound, "no address");
                for address in (&host[..], *port).to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, PATIENCE) {
                        Ok(stream) => return Stream::of_tcp(stream),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
            Target::Unix(path) => Stream::of_unix(UnixStream::connect(path)?),
            Target::Auxiliaries { main, .. } => Stream::connect(main),
            Target::PassiveTcp(_) | Target::PassiveUnix(_) => {
                Err(io::Error::new(io::ErrorKind::InvalidInput, "a place to listen"))
            }
        }
    }

    pub(super) fn of_tcp(stream: TcpStream) -> io::Result<Stream> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Stream::Tcp(stream))
    }

    pub(super) fn of_unix(stream: UnixStream) -> io::Result<Stream> {
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Stream::Unix(stream))
    }

    /// A second handle on the same connection.
    pub(super) fn again(&self) -> io::Result<Stream> {
        Ok(match self {
            Stream::Tcp(stream) => Stream::Tcp(stream.try_clone()?),
            Stream::Unix(stream) => Stream::Unix(stream.try_clone()?),
        })
    }

    /// How long a read waits; `None` for as long as it takes.
    pub(super) fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.set_read_timeout(timeout),
            Stream::Unix(stream) => stream.set_read_timeout(timeout),
        }
    }

    /// Ends it for all its handles.
    pub(super) fn shutdown(&self) {
        let both = std::net::Shutdown::Both;
        let _ = match self {
            Stream::Tcp(stream) => stream.shutdown(both),
            Stream::Unix(stream) => stream.shutdown(both),
        };
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(buffer),
            Stream::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(bytes),
            Stream::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A whole message.
    Message(Vec<u8>),
    /// Nothing, for as long as a read waits.
    Silence,
    /// The other side has ended.
    End,
}

/// The messages of a connection, each whole.
pub(super) struct Messages<R> {
    stream: R,
    /// What came of the next message so far.
    part: Vec<u8>,
}

impl<R: Read> Messages<R> {
    pub(super) fn new(stream: R) -> Messages<R> {
        Messages { stream, part: Vec::new() }
    }

    /// Waits for the next message. Whatever came of it before a silence is kept.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        loop {
            let wanted = match Header::peek(&self.part) {
                None => HEADER_LEN,
                Some(header) if usize::from(header.length) < HEADER_LEN => {
                    let text = format!("a message of {} bytes", header.length);
                    return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                }
                Some(header) => header.length.into(),
            };
            let have = self.part.len();
            if have >= HEADER_LEN && have == wanted {
                return Ok(Next::Message(std::mem::take(&mut self.part)));
            }
            self.part.resize(wanted, 0);
            let read = self.stream.read(&mut self.part[have..]);
            self.part.truncate(have + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => return Ok(Next::End),
                Ok(_) => {}
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                        return Ok(Next::Silence);
                    }
                    _ => return Err(error),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes in small pieces with silences between.
    struct Drops<'a>(&'a [u8], bool);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let len = buffer.len().min(3);
            self.0.read(&mut buffer[..len])
        }
    }

    fn all(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut messages = Messages::new(Drops(bytes, false));
        let mut got = Vec::new();
        loop {
            match messages.next().unwrap() {
                Next::Message(message) => got.push(message),
                Next::Silence => {}
                Next::End => return got,
            }
        }
    }

    #[test]
    fn messages_are_cut_however_the_bytes_come() {
        let one = [4, 2, 0, 11, 0, 0, 0, 1, 7, 8, 9];
        let two = [4, 3, 0, 8, 0, 0, 0, 2];
        assert_eq!(all(&[&one[..], &two[..]].concat()), [one.to_vec(), two.to_vec()]);
        assert!(all(&one[..10]).is_empty(), "half a message is none");
    }

    #[test]
    fn a_length_below_the_header_ends_the_stream() {
        let mut messages = Messages::new(&[4, 2, 0, 7, 0, 0, 0, 1][..]);
        assert_eq!(messages.next().unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
