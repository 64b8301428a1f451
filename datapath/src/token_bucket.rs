//! An exact token bucket in integers: what a meter band measures with.
//!
//! # What
//!
//! Tokens are counted in the unit that makes a nanosecond at rate 1 worth one: a millionth of a bit
//! for kbit/s, a billionth of a packet for packets/s. Nothing is rounded, so the long-term rate is
//! exact however the packets fall, from 1 packet/s to 10 Gbit/s and beyond.
//!
//! # Design
//!
//! A packet conforms when the bucket holds its cost, or the whole depth when the cost is more than
//! that; it then may leave a debt, so that one large frame passes a shallow bucket but does not raise
//! the rate.
//!
//! Packets come at moments, not when the bucket happens to hold just enough for one. A bucket that is
//! hardly deeper than a packet would run over between a packet that came a little too early and the
//! next, and lose rate at every such turn: at one packet a second and three offered, a quarter of it.
//! So it keeps what a packet that just did not conform would have needed, up to less than one
//! packet beyond its depth. That never lets one more packet pass at once, as the depth is a packet's
//! multiple; a bucket of two packets and more has room enough and keeps to its depth.
//!
//! In any span of time there pass at most rate times span, plus the depth, plus less than one packet.

use crate::shared::Share;
use crate::sync::{AtomicI64, Ordering::Relaxed};

/// A bucket that fills with time and empties with packets.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    rate: u32,
    depth: i64,
    /// Written by one worker by relaxed load and store, or by several as they settle.
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

    /// Adds the tokens of `elapsed` nanoseconds, as many as a packet of `cost` lets the bucket hold.
    pub(crate) fn fill(&self, elapsed: u64, cost: u64) {
        self.tokens.store(self.filled(self.tokens.load(Relaxed), elapsed, cost), Relaxed);
    }

    /// What `tokens` become in `elapsed` nanoseconds.
    fn filled(&self, tokens: i64, elapsed: u64, cost: u64) -> i64 {
        let gain = elapsed.saturating_mul(u64::from(self.rate));
        let gain = i64::try_from(gain).unwrap_or(i64::MAX);
        let cost = i64::try_from(cost).unwrap_or(i64::MAX);
        let brim = self.needs(cost).saturating_add(cost).saturating_sub(1).max(self.depth);
        // What a larger packet was allowed to leave is not taken away by a smaller one.
        tokens.saturating_add(gain).min(brim.max(tokens))
    }

    /// One of several workers takes from the bucket what its packets took, and adds the tokens of
    /// `elapsed` nanoseconds (`shared.rs`).
    pub(crate) fn settle(&self, share: &Share, elapsed: u64, cost: u64) {
        let taken = share.taken();
        let mut tokens = self.tokens.load(Relaxed);
        loop {
            let new = self.filled(tokens.saturating_sub(taken), elapsed, cost);
            match self.tokens.compare_exchange_weak(tokens, new, Relaxed, Relaxed) {
                Ok(_) => return share.settled(new),
                Err(other) => tokens = other,
            }
        }
    }

    /// [`take`](Self::take) by one of several workers, of what it knows of.
    pub(crate) fn take_shared(&self, share: &Share, cost: u64) -> bool {
        let cost = i64::try_from(cost).unwrap_or(i64::MAX);
        let conforms = share.tokens() >= self.needs(cost);
        if conforms {
            share.take(cost);
        }
        conforms
    }

    /// Takes `cost` tokens; whether the packet conforms. A packet that does not leaves the tokens.
    #[inline]
    pub(crate) fn take(&self, cost: u64) -> bool {
        let cost = i64::try_from(cost).unwrap_or(i64::MAX);
        let tokens = self.tokens.load(Relaxed);
        let conforms = tokens >= self.needs(cost);
        if conforms {
            self.tokens.store(tokens.saturating_sub(cost), Relaxed);
        }
        conforms
    }

    /// Whether packets that cost so much together all conform, whatever each of them costs.
    #[inline]
    pub(crate) fn holds(&self, cost: u64) -> bool {
        i64::try_from(cost).is_ok_and(|cost| cost <= self.tokens.load(Relaxed))
    }

    /// Tokens that have to be there for a packet of `cost`.
    #[inline]
    fn needs(&self, cost: i64) -> i64 {
        cost.min(self.depth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    impl TokenBucket {
        fn offer(&self, elapsed: u64, cost: u64) -> bool {
            self.fill(elapsed, cost);
            self.take(cost)
        }
    }

    /// Packets of `cost` that pass in `span` nanoseconds, one offered every `every`.
    fn passed(bucket: &TokenBucket, cost: u64, every: u64, span: u64) -> u64 {
        let mut passed = u64::from(bucket.offer(0, cost));
        for _ in 1..=span / every {
            passed += u64::from(bucket.offer(every, cost));
        }
        passed
    }

    /// 1000 kbit/s, frames of 1250 bytes (10,000 bits): 100 a second, whatever the spacing.
    #[test]
    fn long_term_rate_is_exact() {
        const COST: u64 = 10_000 * 1_000_000;
        for every in [1_000, 77_777, 3_333_333] {
            let passed = passed(&TokenBucket::new(1000, 5 * COST), COST, every, 10 * SECOND);
            // Five were in the full bucket.
            assert!((1004..=1005).contains(&passed), "{passed} every {every}");
        }
    }

    #[test]
    fn a_bucket_that_holds_several_packets_is_left_as_by_each_of_them() {
        for depth in [0, 10, 35, 36, 60, 100] {
            for costs in [[20, 1, 15], [36, 0, 0], [5, 5, 50], [12, 12, 12]] {
                let whole = TokenBucket::new(1, depth);
                let parts = TokenBucket::new(1, depth);
                let total = costs.iter().sum();
                let passed_count = costs.iter().filter(|&&cost| parts.take(cost)).count();
                if whole.holds(total) {
                    assert!(passed_count == costs.len() && whole.take(total));
                    assert_eq!(whole.tokens.load(Relaxed), parts.tokens.load(Relaxed));
                } else {
                    assert!(depth < total, "a full bucket holds them");
                }
            }
        }
    }

    /// However the offered packets fall, a bucket one packet deep passes its rate and no packet more.
    #[test]
    fn a_shallow_bucket_loses_nothing_between_packets() {
        for every in [333_333_333, 333_333_334, 400_000_000, 700_000_000, 999_999_999, SECOND] {
            let passed = passed(&TokenBucket::new(1, SECOND), SECOND, every, 1_000 * SECOND);
            assert!((999..=1_001).contains(&passed), "{passed} every {every}");
        }
        for (rate, every) in [(700, 1_000_000), (999, 1_000_000), (3, 250_000_000)] {
            let passed = passed(&TokenBucket::new(rate, SECOND), SECOND, every, 100 * SECOND);
            let expected = 100 * u64::from(rate);
            assert!((expected - 1..=expected + 1).contains(&passed), "{passed} of {expected}");
        }
    }

    /// Its carry lets no second packet pass at the same moment, and deeper buckets have none.
    #[test]
    fn a_burst_is_the_depth() {
        for depth in [1, 2, 3, 10] {
            let bucket = TokenBucket::new(1, depth * SECOND);
            for idle in [0, 100 * SECOND, 7 * SECOND + depth * SECOND, 1_000 * SECOND] {
                let burst = u64::from(bucket.offer(idle, SECOND))
                    + (0..100).map(|_| u64::from(bucket.offer(0, SECOND))).sum::<u64>();
                assert_eq!(burst, depth, "after {idle} ns");
            }
        }
    }

    #[test]
    fn a_large_frame_leaves_a_debt() {
        let bucket = TokenBucket::new(1, 10);
        assert!(bucket.offer(0, 100), "more than the depth, but the bucket is full");
        assert!(!bucket.offer(99, 100), "90 in debt, now 9");
        assert!(bucket.offer(1, 100));
    }

    #[test]
    fn no_depth_still_passes_at_the_rate() {
        let bucket = TokenBucket::new(2, 0);
        assert!(bucket.offer(0, 10));
        assert!(!bucket.offer(4, 10));
        assert!(bucket.offer(1, 10));
        let bucket = TokenBucket::new(7, 0);
        let passed = passed(&bucket, SECOND, 100_000_000, 1_000 * SECOND);
        assert!((6_999..=7_001).contains(&passed), "{passed}");
    }

    /// Time and rates at their largest neither overflow nor give more than the depth.
    #[test]
    fn the_largest_numbers_stay_exact() {
        let depth = u64::from(u32::MAX) * SECOND;
        let bucket = TokenBucket::new(u32::MAX, depth);
        for _ in 0..2 {
            bucket.fill(u64::MAX, 1);
            assert!(bucket.take(depth), "no more than the depth, no less");
            assert!(!bucket.offer(0, 1));
        }
        bucket.fill(SECOND, 1);
        assert!(bucket.take(depth), "a second's worth");
        assert!(!bucket.offer(0, 1));
    }
}
