//! Passing messages on between a switch and a controller or a tool, whole and in order.

use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rumpswitch::ofp_codec::{AsyncConfig, Header, Message, MessageType};

use super::stream::{Messages, Next, Stream};
use super::{status, talk};

/// The transaction id of the relay's own questions.
const OURS: u32 = 0x6f66_7001;

/// Who is at the far end.
#[derive(Clone, Copy)]
pub(super) enum Peer<'a> {
    /// A controller: it gets asynchronous messages without asking, and is asked for a sign of life
    /// after a silence.
    Controller {
        /// How long it may be silent before it is asked, and again before it is given up.
        silence: Duration,
        /// Whether hellos have been exchanged.
        is_connected: &'a AtomicBool,
    },
    /// A tool; its question for the status is answered here.
    Tool {
        /// The answer.
        status: &'a (dyn Fn() -> String + Sync),
    },
}

/// Passes on until one side ends; `Err` says which way it went wrong.
pub(super) fn relay(switch: &Stream, far: &Stream, peer: Peer<'_>) -> io::Result<()> {
    // Both directions may write to the far end: the relay's own messages go there, too.
    let to_far = Mutex::new(far.again()?);
    let (from_switch, from_far) = (switch.again()?, far.again()?);
    let mut to_switch = switch.again()?;
    from_switch.set_read_timeout(None)?;
    thread::scope(|scope| {
        let up = scope.spawn(|| {
            let result = up(from_switch, &to_far);
            far.shutdown();
            result
        });
        let result = down(from_far, &mut to_switch, &to_far, peer);
        far.shutdown();
        switch.shutdown();
        let up = up.join().unwrap_or(Ok(()));
        result.and(up)
    })
}

/// Lets one writer at a time send a message.
fn send(stream: &Mutex<Stream>, bytes: &[u8]) -> io::Result<()> {
    let mut stream = stream.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    stream.write_all(bytes)
}

/// From the switch to the far end.
fn up(switch: Stream, far: &Mutex<Stream>) -> io::Result<()> {
    let mut messages = Messages::new(switch);
    loop {
        match messages.next()? {
            Next::Message(message) => send(far, &message)?,
            Next::Silence => {}
            Next::End => return Ok(()),
        }
    }
}

/// From the far end to the switch.
fn down(
    far: Stream,
    switch: &mut Stream,
    to_far: &Mutex<Stream>,
    peer: Peer<'_>,
) -> io::Result<()> {
    far.set_read_timeout(match peer {
        Peer::Controller { silence, .. } => Some(silence),
        Peer::Tool { .. } => None,
    })?;
    let mut messages = Messages::new(far);
    let mut is_asked = false;
    loop {
        let message = match messages.next()? {
            Next::Message(message) => message,
            Next::Silence if is_asked => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "no sign of life"));
            }
            Next::Silence => {
                is_asked = true;
                send(to_far, &talk::encode(&Message::EchoRequest(Vec::new()), OURS)?)?;
                continue;
            }
            Next::End => return Ok(()),
        };
        is_asked = false;
        match peer {
            Peer::Controller { is_connected, .. } => {
                let header = Header::peek(&message);
                let kind = header.and_then(|header| MessageType::from_number(header.kind));
                if kind == Some(MessageType::EchoReply)
                    && header.is_some_and(|header| header.xid == OURS)
                {
                    continue;
                }
                switch.write_all(&message)?;
                if kind == Some(MessageType::Hello) {
                    // The switch takes us for a tool, which gets nothing that it does not ask for.
                    let defaults = Message::SetAsync(AsyncConfig::default());
                    switch.write_all(&talk::encode(&defaults, OURS)?)?;
                    is_connected.store(true, Ordering::Relaxed);
                }
            }
            Peer::Tool { status } if status::is_request(&message) => {
                let xid = Header::peek(&message).map_or(0, |header| header.xid);
                send(to_far, &talk::encode(&status::reply(status()), xid)?)?;
            }
            Peer::Tool { .. } => switch.write_all(&message)?,
        }
    }
}
