//! What a bucket of a SELECT group draws for a flow: the bucket with the least lot takes it.
//!
//! # What
//!
//! Weighted rendezvous hashing. Each bucket has a number of its own in the group. From the flow's hash
//! and that number comes a uniform random number `u` in (0, 1), and the bucket's lot is
//! `-log2(u) / weight`: exponentially distributed with the weight as rate, so that the bucket whose
//! lot is the least is each bucket with the probability of its share of the weights.
//!
//! # Design
//!
//! No lot depends on another bucket. So when a bucket goes, only its flows move, to whoever drew the
//! next lot, and by their weights; when it comes back exactly they return; a bucket that is added
//! takes its share from each of the others and moves no flow between them.
//!
//! The logarithm is a polynomial in fixed point (binary point at bit 32) that is right at both ends of
//! an octave, in value and in slope, and within 0.0005 between: shares are right to 0.2 % of
//! themselves. The division is by a reciprocal that is computed when the bucket is made.
//!
//! # What it costs
//!
//! Two words a bucket, and some ten instructions a bucket and packet, without a branch or a load
//! beyond the two words.

use crate::mac_table::mix;

/// What a bucket draws with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lot {
    mark: u64,
    /// 2^64 by the weight.
    reciprocal: u64,
}

impl Lot {
    /// The lot of the bucket with this number; `None` for a weight of 0, which draws nothing.
    pub(crate) fn new(number: u16, weight: u16) -> Option<Lot> {
        let reciprocal = u64::MAX.checked_div(u64::from(weight))?;
        // Any constants do that have no pattern.
        let mark =
            mix(u64::from(number).wrapping_add(0x9e37_79b9_7f4a_7c15), 0xd1b5_4a32_d192_ed03);
        Some(Lot { mark, reciprocal })
    }

    /// What it draws for a flow with this hash.
    #[inline]
    pub(crate) fn draw(&self, hash: u64) -> u128 {
        let random = mix(hash ^ self.mark, 0x2545_f491_4f6c_dd1d);
        u128::from(minus_log2(random)).wrapping_mul(u128::from(self.reciprocal))
    }
}

/// -log2 of a number that is taken as a fraction of 2^64, times 2^32.
#[inline]
fn minus_log2(random: u64) -> u64 {
    const ONE: u64 = 1 << 32;
    // 1 / ln 2 - 1, the slope at the octave's beginning, and what makes the polynomial right in the
    // middle and at the end.
    const Q0: u64 = 1_901_360_723;
    const Q1: u64 = 1_062_295_736;
    const Q2: u64 = 357_727_821;
    let random = random | 1;
    let octave = random.leading_zeros();
    let f = random.wrapping_shl(octave).wrapping_shl(1) >> 32;
    let times = |a: u64, b: u64| a.wrapping_mul(b) >> 32;
    let q = Q0.wrapping_sub(times(Q1, f)).wrapping_add(times(times(Q2, f), f));
    let log = f.wrapping_add(times(times(f, ONE.wrapping_sub(f)), q));
    u64::from(octave).wrapping_add(1).wrapping_mul(ONE).wrapping_sub(log)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn the_logarithm_is_right_to_half_a_thousandth() {
        for step in 1..4096_u64 {
            let random = step << 52;
            let right = -(random as f64 / 2_f64.powi(64)).log2();
            let ours = minus_log2(random) as f64 / 2_f64.powi(32);
            assert!((right - ours).abs() < 0.0005, "{random:#x}: {ours}, not {right}");
        }
        assert!(minus_log2(u64::MAX) < 8 && minus_log2(0) == 64 << 32);
    }

    /// Shares of a hundred thousand flows.
    fn shares(weights: &[u16]) -> Vec<u64> {
        let lots: Vec<Option<Lot>> =
            (0..).zip(weights).map(|(number, weight)| Lot::new(number, *weight)).collect();
        let mut counts: Vec<u64> = weights.iter().map(|_| 0).collect();
        for flow in 0..100_000 {
            let hash = mix(flow + 1, 0x1234_5678_9abc_def1);
            let least = lots.iter().enumerate().filter_map(|(at, lot)| Some((lot.as_ref()?, at)));
            let (_, at) = least.map(|(lot, at)| (lot.draw(hash), at)).min().unwrap();
            counts[at] += 1;
        }
        counts
    }

    #[test]
    fn lots_fall_by_weight() {
        let many: Vec<u16> = (1..=100).collect();
        let cases: [&[u16]; 7] = [
            &[1, 1],
            &[1, 2, 3, 4],
            &[9, 1],
            &[65_535, 65_535, 1],
            &[0, 3, 0, 1],
            &[100, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
            &many,
        ];
        for weights in cases {
            let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
            for (count, weight) in shares(weights).into_iter().zip(weights) {
                let expected = 100_000 * u64::from(*weight) / sum;
                assert!(count.abs_diff(expected) < 600, "{count}, not {expected}: {weights:?}");
                assert!(*weight != 0 || count == 0);
            }
        }
    }
}
