//! What a shaper is told: the port's rate, its queues, its bounds.

use alloc::vec::Vec;

/// A queue of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueRates {
    /// Its number; 0 is the default queue, which is there in any case.
    pub id: u32,
    /// Bits per second that it gets whenever it has so much to send; 0 for no guarantee.
    pub min_bps: u64,
    /// Bits per second that it never exceeds; `None` for the port's rate.
    pub max_bps: Option<u64>,
}

/// The shape of one port.
///
/// ```
/// use rumpswitch_shaper::{QueueRates, ShaperConfig};
///
/// let voice = QueueRates { id: 1, min_bps: 2_000_000, max_bps: Some(4_000_000) };
/// let config = ShaperConfig::new(10_000_000, [voice]);
/// assert_eq!(config.max_frames, 256);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShaperConfig {
    /// Bits per second of the port.
    pub port_bps: u64,
    /// Its queues. Guarantees that add up to more than the port's rate cannot be kept.
    pub queues: Vec<QueueRates>,
    /// Frames that wait in each queue.
    pub max_frames: usize,
    /// Bytes that wait in each queue; a single frame may be longer.
    pub max_bytes: u64,
    /// How much of the time by which the host came late is made up for, in nanoseconds. With 0 no
    /// frame ever leaves earlier than the rates say; a host whose timers are coarse takes a few
    /// milliseconds, and gets bursts of so much.
    pub catch_up: u64,
}

impl ShaperConfig {
    /// Queues of 256 frames and 384 KiB, on a host that is never late.
    pub fn new(port_bps: u64, queues: impl Into<Vec<QueueRates>>) -> ShaperConfig {
        ShaperConfig {
            port_bps,
            queues: queues.into(),
            max_frames: 256,
            max_bytes: 384 << 10,
            catch_up: 0,
        }
    }
}
