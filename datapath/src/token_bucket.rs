//! An exact token bucket in integers: what a meter band measures with.
//!
//! Tokens are counted in the unit that makes a nanosecond at rate 1 worth one: a millionth of a bit
//! for kbit/s, a billionth of a packet for packets/s. Nothing is rounded, so the long-term rate is
//! exact however the packets fall. A packet conforms when the bucket holds its cost, or is full when
//! the cost is more than the bucket's depth; it then may leave a debt, so that one large frame
//! passes a shallow bucket but does not raise the rate.

use core::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// A bucket that fills with time and empties with packets.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    rate: u32,
    depth: i64,
    /// Written by one worker: relaxed load and store.
    tokens: AtomicI64,
}

impl TokenBucket {
    /// A full bucket of `depth` tokens that gains `rate` tokens a nanosecond.
    pub(crate) fn new(rate: u32, depth: u64) -> TokenBucket {
        let depth = i64::try_from(depth).unwrap_or(i64::MAX);
        TokenBucket { rate, depth, tokens: AtomicI64::new(depth) }
    }

    /// Tokens that each nanosecond brings.
    pub(crate) fn rate(&self) -> u32 {
        self.rate
    }

    /// Adds the tokens of `elapsed` nanoseconds and takes `cost`; whether the packet conforms. A
    /// packet that does not leaves the tokens.
    pub(crate) fn take(&self, elapsed: u64, cost: u64) -> bool {
        let gain = elapsed.saturating_mul(u64::from(self.rate));
        let gain = i64::try_from(gain).unwrap_or(i64::MAX);
        let cost = i64::try_from(cost).unwrap_or(i64::MAX);
        let tokens = self.tokens.load(Relaxed).saturating_add(gain).min(self.depth);
        let conforms = tokens >= cost.min(self.depth);
        let left = if conforms { tokens.saturating_sub(cost) } else { tokens };
        self.tokens.store(left, Relaxed);
        conforms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1000 kbit/s, frames of 1250 bytes (10,000 bits): 100 a second, whatever the spacing.
    #[test]
    fn long_term_rate_is_exact() {
        const COST: u64 = 10_000 * 1_000_000;
        for spacing in [1_000, 77_777, 3_333_333] {
            let bucket = TokenBucket::new(1000, 5 * COST);
            let (mut passed, mut now) = (0_u64, 0_u64);
            while now < 10_000_000_000 {
                passed += u64::from(bucket.take(spacing, COST));
                now += spacing;
            }
            // Five were in the full bucket.
            assert!((1004..=1005).contains(&passed), "{passed} at {spacing}");
        }
    }

    #[test]
    fn a_large_frame_leaves_a_debt() {
        let bucket = TokenBucket::new(1, 10);
        assert!(bucket.take(0, 100), "more than the depth, but the bucket is full");
        assert!(!bucket.take(99, 100), "90 in debt, now 9");
        assert!(bucket.take(1, 100));
    }

    #[test]
    fn no_depth_still_passes_at_the_rate() {
        let bucket = TokenBucket::new(2, 0);
        assert!(bucket.take(0, 10));
        assert!(!bucket.take(4, 10));
        assert!(bucket.take(1, 10));
    }
}
