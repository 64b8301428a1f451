//! A moment that moves on by what bytes take at a rate, without rounding: at any rate, after any
//! number of frames, it is where one division of the sum would put it.

use hypercall::Nanos;

/// A moment, and the fraction of a nanosecond by which the exact one is later.
///
/// ```
/// use hypercall::Nanos;
/// use rumpswitch_shaper::Pace;
///
/// // 60 bytes at 100 Gbit/s take 4.8 ns.
/// let mut pace = Pace::default();
/// (0..5).for_each(|_| pace.pass(60, 100_000_000_000));
/// assert_eq!(pace.at(), Nanos(24));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    at: Nanos,
    /// In nanoseconds times the rate.
    rest: u64,
}

/// Nanosecond-bits in a byte at 1 bit/s.
const BYTE: u128 = 8 * Nanos::PER_SECOND as u128;

impl Pace {
    /// The moment, rounded down.
    pub fn at(self) -> Nanos {
        self.at
    }

    /// Moves to `time`, unless it is there or later.
    pub fn not_before(&mut self, time: Nanos) {
        if self.at < time {
            *self = Pace { at: time, rest: 0 };
        }
    }

    /// Moves on by what `len` bytes take at `bps` bits per second; 0 is taken as 1.
    pub fn pass(&mut self, len: u64, bps: u64) {
        let bps = u128::from(bps.max(1));
        let bits = u128::from(len).saturating_mul(BYTE).saturating_add(u128::from(self.rest));
        let nanos = u64::try_from(bits.div_euclid(bps)).unwrap_or(u64::MAX);
        self.at = self.at.plus(nanos);
        self.rest = u64::try_from(bits.rem_euclid(bps)).unwrap_or(0);
    }

    /// Where it would be after `len` bytes at `bps`.
    pub(crate) fn after(mut self, len: u64, bps: u64) -> Nanos {
        self.pass(len, bps);
        self.at
    }
}

/// How long `len` bytes take at `bps`, in nanoseconds.
pub(crate) fn span(len: u64, bps: u64) -> u64 {
    Pace::default().after(len, bps).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_by_rounding() {
        let mut pace = Pace::default();
        for _ in 0..1_000_000 {
            pace.pass(60, 100_000_000_000);
        }
        assert_eq!(pace.at(), Nanos(4_800_000), "4.8 ns each");
        pace.not_before(Nanos(5));
        assert_eq!(pace.at(), Nanos(4_800_000));
        pace.pass(u64::MAX, 1);
        assert_eq!(pace.at(), Nanos(u64::MAX));
    }
}
