//! Sending bursts of frames by a packet socket that takes virtio-net headers, or none.

use std::{
    io::{self, IoSlice},
    os::fd::BorrowedFd,
};

use hypercall::Frame;

use crate::{
    BURST,
    port::Outgoing,
    sys,
    train::{self, MAX_HEADERS},
    vnet,
};

/// Bytes in front of what a message takes from a frame: the virtio-net header, and a train's headers.
type Head = [u8; vnet::LEN + MAX_HEADERS];

/// Makes messages of frames.
pub(crate) struct Departure {
    /// Of each message of a burst.
    heads: Box<[Head; BURST]>,
    has_header: bool,
    /// Whether datagrams of one flow leave as one train.
    pub(crate) joins: bool,
}

/// What became of a burst.
pub(crate) struct Departed {
    /// Frames that there were.
    pub(crate) count: Count,
    /// Frames that were sent, from the front; an error is about the first message.
    pub(crate) sent: io::Result<usize>,
}

/// Frames of a burst.
#[derive(Clone, Copy)]
pub(crate) struct Count {
    /// In its first message.
    pub(crate) first: usize,
    /// In all.
    pub(crate) all: usize,
}

impl Departure {
    pub(crate) fn new(has_header: bool) -> Departure {
        let heads = Box::new([[0; vnet::LEN + MAX_HEADERS]; BURST]);
        Departure { heads, has_header, joins: has_header }
    }

    /// Sends a burst from the front of `frames`, which stay as they are. Never waits.
    pub(crate) fn send(&mut self, socket: BorrowedFd<'_>, frames: &[Outgoing]) -> Departed {
        let all = frames.len().min(BURST);
        let mut rest = &frames[..all];
        // A head and a frame each.
        let mut parts = [IoSlice::new(&[]); 2 * BURST];
        let mut free = parts.iter_mut();
        let mut add = |part| match free.next() {
            Some(free) => *free = IoSlice::new(part),
            None => debug_assert!(false, "a burst has two parts a frame"),
        };
        let mut part_counts = [0; BURST];
        let mut frame_counts = [0; BURST];
        let mut message_count = 0;
        for head in self.heads.iter_mut() {
            let [first, behind @ ..] = rest else { break };
            let train = if self.joins { train::join(rest) } else { None };
            let (parts, frames) = match train {
                Some(train) => {
                    let headers = train.headers();
                    let (joined, behind) = rest.split_at(train.count);
                    let header_len = headers.len();
                    head[..vnet::LEN].copy_from_slice(&vnet::encode(&train.offload, headers));
                    head[vnet::LEN..][..header_len].copy_from_slice(headers);
                    add(&head[..vnet::LEN + header_len]);
                    joined.iter().for_each(|out| add(&out.frame.headers()[header_len..]));
                    rest = behind;
                    (joined.len() + 1, joined.len())
                }
                None => {
                    let bytes = first.frame.headers();
                    if self.has_header {
                        head[..vnet::LEN]
                            .copy_from_slice(&vnet::encode(&first.meta.offload, bytes));
                        add(&head[..vnet::LEN]);
                    }
                    add(bytes);
                    rest = behind;
                    (1 + usize::from(self.has_header), 1)
                }
            };
            part_counts[message_count] = parts;
            frame_counts[message_count] = frames;
            message_count += 1;
        }
        let sent = sys::send_parts(socket, &parts, &part_counts[..message_count]);
        let sent = sent.map(|sent| frame_counts.iter().take(sent).sum());
        Departed { count: Count { first: frame_counts[0], all }, sent }
    }
}
