//! What a port is to the host: bursts in, bursts out, a descriptor to wait on, a state.

use std::os::fd::BorrowedFd;

use hypercall::{Meta, VecFrame};

use crate::{Error, pool::Pool};

/// A frame that a port received, and what rode with it.
#[derive(Debug)]
pub struct Received {
    /// The bytes.
    pub frame: VecFrame,
    /// Offloads; the rest is the host's default.
    pub meta: Meta,
}

/// A frame on its way out of a port: finished as far as the port [accepts](Accepts) it unfinished.
#[derive(Debug)]
pub struct Outgoing {
    /// The bytes.
    pub frame: VecFrame,
    /// What the port is left to do.
    pub meta: Meta,
}

/// What a port takes unfinished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepts {
    /// Frames whose transport checksum is partial.
    pub checksum: bool,
    /// TCP segments of up to 64 KiB.
    pub tcp: bool,
    /// Trains of UDP datagrams of up to 64 KiB.
    pub udp: bool,
}

impl Accepts {
    /// Only finished frames.
    pub const NOTHING: Accepts = Accepts { checksum: false, tcp: false, udp: false };
    /// Whatever can ride with a frame.
    pub const ALL: Accepts = Accepts { checksum: true, tcp: true, udp: true };
}

/// What is known of the link behind a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortInfo {
    /// Whether frames can pass.
    pub link: bool,
    /// The interface's address; `None` for what has none of its own.
    pub hw_addr: Option<[u8; 6]>,
    /// The current speed in kbit/s; `None` where there is none to tell.
    pub speed_kbps: Option<u32>,
    /// The longest frame without VLAN tag and FCS, in bytes.
    pub max_frame: u32,
}

/// What a port with something to do waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Nothing: there is no need to call.
    Nothing,
    /// Its descriptor.
    Descriptor,
    /// A moment: nothing tells when it can go on.
    Moment,
}

/// A port of a switch, as the host drives it.
///
/// No call blocks. A port whose link is down or whose peer is gone drops what it is given and says
/// so in its result; only what makes the port useless for good is an [`Error`].
pub trait PortIo: Send {
    /// Receives up to [`BURST`](crate::BURST) frames behind those in `into`, and tells how many.
    /// Buffers come from `pool`.
    ///
    /// # Errors
    /// When the port is gone for good.
    fn receive(&mut self, pool: &mut Pool, into: &mut Vec<Received>) -> Result<usize, Error>;

    /// Sends frames from the front of `frames` and takes them out, giving the buffers to `pool`.
    /// Stops early when the port has no room: the rest stays. Tells how many were lost.
    ///
    /// # Errors
    /// When the port is gone for good.
    fn transmit(&mut self, pool: &mut Pool, frames: &mut Vec<Outgoing>) -> Result<usize, Error>;

    /// The descriptor that is readable when a frame is there. `None` for a port that is not
    /// waited on: it is asked each time round until [`wait`](Self::wait) says nothing.
    fn descriptor(&self) -> Option<BorrowedFd<'_>>;

    /// What this port waits for to receive.
    fn wait(&self) -> Wait {
        Wait::Descriptor
    }

    /// Whether a frame is there for sure, as far as that can be told without a system call.
    fn has_frames(&self) -> bool {
        false
    }

    /// What this port waits for when [`transmit`](Self::transmit) left frames behind.
    fn wait_transmit(&self) -> Wait {
        Wait::Descriptor
    }

    /// What the port takes unfinished.
    fn accepts(&self) -> Accepts;

    /// The link behind the port, asked of the system now.
    fn info(&mut self) -> PortInfo;

    /// What the port stands on now, as a number that another interface of the same name does not
    /// have; `None` while there is nothing.
    fn identity(&self) -> Option<u64> {
        Some(0)
    }

    /// Up to `count` more handles of the port, for as many other workers: each receives a share of
    /// the frames, a flow's all by one handle, and sends. None for a port that one worker owns.
    ///
    /// # Errors
    /// When the system has no descriptor left.
    fn share(&mut self, _count: usize) -> Result<Vec<Box<dyn PortIo>>, Error> {
        Ok(Vec::new())
    }

    /// Frames that came and could not be handed on: cut short, or with an offload that nobody here
    /// knows.
    fn refused_count(&self) -> u64 {
        0
    }

    /// Writes out what it keeps back, before an orderly end.
    ///
    /// # Errors
    /// When what was kept is lost.
    fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
