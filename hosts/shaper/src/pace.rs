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
const BYTE: u64 = 8 * Nanos::PER_SECOND;

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
        let bps = bps.max(1);
        // Only lengths that no frame has need the long division.
        let sum = len.checked_mul(BYTE).and_then(|bits| bits.checked_add(self.rest));
        let (nanos, rest) = match sum {
            Some(sum) => (sum.div_euclid(bps), sum.rem_euclid(bps)),
            None => {
                let sum = u128::from(len) * u128::from(BYTE) + u128::from(self.rest);
                let (nanos, rest) = (sum / u128::from(bps), sum % u128::from(bps));
                (u64::try_from(nanos).unwrap_or(u64::MAX), rest as u64)
            }
        };
        self.at = self.at.plus(nanos);
        self.rest = rest;
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
        pace.pass(u64::MAX, u64::MAX);
        assert_eq!(pace.at(), Nanos(4_800_000 + 8_000_000_000), "a long way round");
        pace.pass(u64::MAX, 1);
        assert_eq!(pace.at(), Nanos(u64::MAX));
    }
}
