//! A short conversation with a switch: hello, some messages, a barrier, and what was answered.

use std::io::{self, Write};
use std::time::Duration;

use rumpswitch::ofp_codec::{Hello, Message};
use rumpswitch::switchd::Target;

use super::stream::{Messages, Next, Stream};

const SILENCE: Duration = Duration::from_secs(10);

/// The transaction ids of our messages; nothing unasked has one of them.
const FIRST_XID: u32 = 0x6470_0000;

/// The bytes of a message.
pub(super) fn encode(message: &Message, xid: u32) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let too_long = |error| io::Error::new(io::ErrorKind::InvalidInput, format!("{error:?}"));
    message.encode(xid, &mut bytes).map_err(too_long)?;
    Ok(bytes)
}

/// Sends the messages and gives what answers them, until the last has been carried out.
pub(super) fn transact(target: &Target, messages: &[Message]) -> io::Result<Vec<Message>> {
    let mut stream = Stream::connect(target)?;
    stream.set_read_timeout(Some(SILENCE))?;
    let mut incoming = Messages::new(stream.again()?);
    stream.write_all(&encode(&Message::Hello(Hello::version_1_3()), 0)?)?;
    for (xid, message) in (FIRST_XID..).zip(messages) {
        stream.write_all(&encode(message, xid)?)?;
    }
    stream.write_all(&encode(&Message::BarrierRequest, u32::MAX)?)?;
    let mut answers = Vec::new();
    loop {
        let bytes = match incoming.next()? {
            Next::Message(bytes) => bytes,
            Next::Silence => return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer")),
            Next::End => {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "hung up on us"));
            }
        };
        let wrong = |error| io::Error::new(io::ErrorKind::InvalidData, format!("{error:?}"));
        let (header, message) = Message::decode(&bytes).map_err(wrong)?;
        match message {
            Message::BarrierReply => return Ok(answers),
            Message::EchoRequest(data) => {
                stream.write_all(&encode(&Message::EchoReply(data), header.xid)?)?;
            }
            message
                if header.xid >= FIRST_XID && header.xid - FIRST_XID < messages.len() as u32 =>
            {
                answers.push(message);
            }
            Message::Error(error) => {
                let text = match error.error() {
                    Some(error) => format!("refused: {error}"),
                    None => format!("refused: {}/{}", error.error_type, error.code),
                };
                return Err(io::Error::other(text));
            }
            _ => {}
        }
    }
}
