//! What the device is embodied in: this process, C, a kernel, bare metal. The suites of
//! [`scenarios`](crate::scenarios) run over each of them from one source.
//!
//! An embodiment is a switch whose ports and clock the test holds in its hands, and the device on it.
//! What one of them cannot do ([`Abilities`]) is said, so that a case which needs it is told as not
//! applicable there, and never passes because nothing was tried.

mod in_process;
pub mod protocol;
mod remote;
mod server;
mod unikernel;

use bitflags::bitflags;
use datapath::{DropReason, PortConfig};
use hypercall::Nanos;
use switch_dev::{ChannelKind, DeviceError, Readiness};

pub use in_process::InProcess;
pub use remote::Remote;
pub use server::serve;
pub use unikernel::Unikernel;

bitflags! {
    /// What an embodiment lets a test do beyond what all of them must: one channel, ports 1 to
    /// [`Setup::ports`], frames in and out.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Abilities: u32 {
        /// Several channels may be open at once.
        const SHARED = 1;
        /// Reads, readiness and pending bytes are the device's own, not those of a stream socket
        /// between it and the test.
        const EXACT = 1 << 1;
        /// The clock stands until the test moves it.
        const TIME = 1 << 2;
        /// Sizes and the fail mode of [`Setup`] can be chosen.
        const SETUP = 1 << 3;
        /// Ports of any number and description come and change.
        const PORTS = 1 << 4;
        /// The order of frames that leave by different ports can be seen.
        const ORDER = 1 << 5;
        /// Ten thousand frames take seconds at most.
        const BULK = 1 << 6;
        /// The ports that there are lose and get their links.
        const LINKS = 1 << 7;
        /// The next deadline is told, and a tick does what is due to the nanosecond.
        const DEADLINE = 1 << 8;
        /// There are no ports but those of the setup: no LOCAL.
        const BLANK = 1 << 9;
        /// The ports that there are go, and come again.
        const MEMBERS = 1 << 10;
        /// The host gives ports queues, and sees by which of them a frame is to leave.
        const QUEUES = 1 << 11;
        /// The clock moves and ticks, one by one, thousands of times in seconds.
        const PACE = 1 << 12;
    }
}

/// How a switch is to be made; `None` leaves the default of the embodiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Ports from 1 to this number, named p1, p2 and so on, with the addresses 02:00:00:00:00:NN.
    pub ports: u32,
    /// Flow tables.
    pub n_tables: Option<u8>,
    /// Flow entries in each table.
    pub max_entries_per_table: Option<u32>,
    /// Groups.
    pub max_groups: Option<u32>,
    /// Meters.
    pub max_meters: Option<u32>,
    /// Channels that may be open at once.
    pub max_channels: Option<u32>,
    /// Whether the switch forwards as NORMAL says while no controller is there.
    pub standalone: bool,
}

impl Setup {
    /// The moment at which a switch is made whose clock the test moves.
    pub const START: Nanos = Nanos::from_secs(100);
    /// Seeds its hashes.
    pub const SEED: u64 = 42;
    /// Its datapath id.
    pub const DATAPATH_ID: u64 = 0x0000_00ab_cdef_0123;

    /// Four ports, all else as it comes.
    pub const DEFAULT: Setup = Setup {
        ports: 4,
        n_tables: None,
        max_entries_per_table: None,
        max_groups: None,
        max_meters: None,
        max_channels: None,
        standalone: false,
    };

    /// Whether nothing but the number of ports was chosen.
    pub fn is_default(&self) -> bool {
        *self == Setup { ports: self.ports, ..Setup::DEFAULT }
    }

    /// Port `number` as it is made.
    pub fn port(number: u32) -> PortConfig {
        let mut port = PortConfig::new(hypercall::Port(number), &format!("p{number}"));
        port.hw_addr = ofp_codec::HwAddr([2, 0, 0, 0, 0, number as u8]);
        port
    }
}

/// A frame that went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The port.
    pub port: u32,
    /// The queue that SET_QUEUE asked for, by [`Abilities::QUEUES`].
    pub queue: Option<u32>,
    /// The frame.
    pub bytes: Vec<u8>,
}

/// A port operation was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRefused;

/// As many frames at once as a short ring before a port keeps.
pub const MAX_FRAMES: usize = 64;

/// A switch, made as a [`Setup`] says, in the hands of a test. Channels are numbers that are not used
/// again. Calls that an embodiment has no ability for may panic.
pub trait Embodiment {
    /// What it lets a test do.
    fn abilities(&self) -> Abilities;

    /// Opens a channel.
    ///
    /// # Errors
    ///
    /// [`DeviceError::Busy`] beyond the limit.
    fn open(&mut self, kind: ChannelKind) -> Result<u64, DeviceError>;

    /// Closes it.
    fn close(&mut self, channel: u64);

    /// Reads without waiting; 0 bytes is the end of the stream.
    ///
    /// # Errors
    ///
    /// The device's own.
    fn read(&mut self, channel: u64, into: &mut [u8]) -> Result<usize, DeviceError>;

    /// Writes without waiting; bytes taken.
    ///
    /// # Errors
    ///
    /// The device's own.
    fn write(&mut self, channel: u64, bytes: &[u8]) -> Result<usize, DeviceError>;

    /// Bytes that can be read (`FIONREAD`).
    fn pending(&mut self, channel: u64) -> usize;

    /// What poll would say.
    fn readiness(&mut self, channel: u64) -> Readiness;

    /// Channels that may be open at once.
    fn max_channels(&mut self) -> usize;

    /// Does what is to be done at once, or waits for what goes on by itself; whether there was
    /// something.
    fn go_on(&mut self) -> bool;

    /// Adds a port.
    ///
    /// # Errors
    ///
    /// [`PortRefused`] for a number that is taken or that no port may have.
    fn port_add(&mut self, port: &PortConfig) -> Result<(), PortRefused>;

    /// Tells what the host sees of a port.
    ///
    /// # Errors
    ///
    /// [`PortRefused`] when there is none of that number.
    fn port_change(&mut self, port: &PortConfig) -> Result<(), PortRefused>;

    /// Removes a port.
    ///
    /// # Errors
    ///
    /// [`PortRefused`] when there is none of that number.
    fn port_remove(&mut self, number: u32) -> Result<(), PortRefused>;

    /// Gives a port these queues, without rates, and takes those that it had.
    ///
    /// # Errors
    ///
    /// [`PortRefused`] when there is none of that number.
    fn set_queues(&mut self, number: u32, ids: &[u32]) -> Result<(), PortRefused>;

    /// A frame comes in. When this returns, it is through the tables.
    fn frame(&mut self, port: u32, bytes: &[u8]);

    /// Frames come in, each at its time, which means something by [`Abilities::TIME`] alone. No more than
    /// [`MAX_FRAMES`] between two calls of [`sent`](Embodiment::sent).
    fn frames(&mut self, port: u32, frames: &[(Nanos, Vec<u8>)]) {
        for (now, bytes) in frames {
            self.set_time(*now);
            self.frame(port, bytes);
        }
    }

    /// The frames that went out since this was last asked: in their order by [`Abilities::ORDER`], else
    /// in the order of each port alone.
    fn sent(&mut self) -> Vec<Sent>;

    /// Moves the clock; what time brings waits for a [`tick`](Embodiment::tick).
    fn set_time(&mut self, now: Nanos);

    /// Does what time brings.
    fn tick(&mut self);

    /// When a tick has something to do.
    fn deadline(&mut self) -> Option<Nanos>;

    /// Drop counters by reason, where they can be seen.
    fn drops(&mut self) -> Option<Vec<(DropReason, u64)>> {
        None
    }
}
