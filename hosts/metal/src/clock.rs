//! The clock: the time-stamp counter, whose pace is measured against the timer of the interrupt
//! controller, which QEMU runs at a count a nanosecond.

use hypercall::Nanos;

use crate::machine;

/// How long the pace is measured.
const MEASURED: u32 = 4_000_000;

/// A clock that begins at 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: u64,
    /// Nanoseconds a count, times 2^32.
    pace: u128,
}

impl Clock {
    /// Measures the pace, which takes four milliseconds.
    pub(crate) fn start() -> Clock {
        machine::set_timer(u32::MAX);
        let (first_stamp, first) = sample();
        let (last_stamp, last) = loop {
            let (stamp, left) = sample();
            // A timer that stands still would be waited for without end.
            if first.wrapping_sub(left) >= MEASURED || stamp.wrapping_sub(first_stamp) > 1 << 36 {
                break (stamp, left);
            }
        };
        machine::set_timer(0);
        let nanos = u128::from(first.wrapping_sub(last).max(1));
        let counts = u128::from(last_stamp.wrapping_sub(first_stamp).max(1));
        Clock { origin: first_stamp, pace: (nanos << 32) / counts }
    }

    /// The time since the start.
    pub(crate) fn now(&self) -> Nanos {
        let counts = machine::time_stamp().wrapping_sub(self.origin);
        Nanos(((u128::from(counts) * self.pace) >> 32) as u64)
    }
}

/// Both counters at one moment: of several readings the one that took least.
fn sample() -> (u64, u32) {
    let readings = (0..8).map(|_| {
        let before = machine::time_stamp();
        let left = machine::timer();
        (machine::time_stamp().wrapping_sub(before), before, left)
    });
    let (took, before, left) = readings.min_by_key(|(took, ..)| *took).unwrap_or_default();
    (before.wrapping_add(took / 2), left)
}
